"""`rrt compare` and `rrt what-if`: which duties are judged otherwise, and what made it so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rrt_engine.cli_options import (
    ATTENTION,
    NOTHING,
    AsOf,
    ExitZero,
    Format,
    FormatOption,
    as_of_moment,
    console,
    moment_given,
    print_json,
    progress,
    stop,
)

Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write every duty that moved to a .csv, .parquet or .jsonl file.")
]
Cases = Annotated[int, typer.Option("--cases", min=0, max=12, help="How many of the duties that moved to show.")]


def what_if_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="What `rrt replay` reads: files, folders, a database.")],
    as_of: AsOf = None,
    as_known: Annotated[str | None, typer.Option("--as-known", metavar="DATE", help="Use only events recorded by this date.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help='Another value: a part of a rule (cp_visit.interval="4 weeks") or a local value by its name. Repeat it for several.',
        ),
    ] = None,
    rules: Annotated[Path | None, typer.Option("--rules", metavar="FOLDER", help="The rule set asked about.")] = None,
    base: Annotated[
        Path | None,
        typer.Option("--base", metavar="FOLDER", help="The rule set compared with, if not the one that came with rrt."),
    ] = None,
    output: Output = None,
    cases: Cases = 12,
    format: FormatOption = Format.text,
    exit_zero: ExitZero = False,
) -> None:
    """Judge the same children by other rules: what would be overdue, late and on time, rule by rule and team by team, and which cases move."""
    import tempfile

    from rrt_engine.diagnostics import InputError
    from rrt_engine.paths import RULES
    from rrt_engine.replay.what_if import Other, what_if
    from rrt_engine.reports.compare_files import Gathered, check_target
    from rrt_engine.rulebook.with_changes import changes_given

    try:
        asked = changes_given(changes or [])
        if output is not None:
            check_target(output)
        moment = as_of_moment(as_of)
        known = None if as_known is None else moment_given(as_known, "--as-known").day
        before = base or RULES
        with tempfile.TemporaryDirectory() as folder, progress() as notice:
            gathered = Gathered(Path(folder))
            found = what_if(sources, Other(before, rules or before, asked), moment, known, Path(folder), gathered.take, notice)
            if output is not None:
                written = gathered.write(output)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        from rrt_engine.reports.compare_document import what_if_document

        print_json(what_if_document(found))
    else:
        from rrt_engine.reports.compare_text import show_what_if

        show_what_if(console(140), found, cases)
    if output is not None:
        typer.echo(f"wrote {written:,} {'duty' if written == 1 else 'duties'} that moved to {output}", err=True)
    if found.refused:
        raise stop(InputError([d for each in found.refused for d in each.diagnostics]))
    raise typer.Exit(ATTENTION if found.found.attention() and not exit_zero else NOTHING)
