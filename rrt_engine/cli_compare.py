"""`rrt compare` and `rrt what-if`: which duties are judged otherwise, and what made it so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rrt_engine.cli_options import (
    ATTENTION,
    COULD_NOT_RUN,
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
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="How many processes replay what has to be replayed; 0 for one a processor.")]


def compare_command(
    before: Annotated[Path, typer.Argument(metavar="RUN1", help="The folder of the earlier run: `rrt replay SOURCE... -o run1/`.")],
    after: Annotated[Path, typer.Argument(metavar="RUN2", help="The folder of the later run.")],
    output: Output = None,
    cases: Cases = 12,
    jobs: Jobs = 0,
    format: FormatOption = Format.text,
    exit_zero: ExitZero = False,
) -> None:
    """Compare two runs: what is newly overdue, resolved, gone or changed, and whether the records, the date or the rules made it so."""
    import tempfile

    from rrt_engine.diagnostics import InputError
    from rrt_engine.replay.compare import check_comparable, compare_runs
    from rrt_engine.replay.run_folder import open_run
    from rrt_engine.reports.compare_files import Gathered, check_target
    from rrt_engine.target import no_room

    try:
        if output is not None:
            check_target(output)
        runs = open_run(before), open_run(after)
        check_comparable(*runs)
        with tempfile.TemporaryDirectory() as folder, progress() as notice:
            gathered = Gathered(Path(folder))
            found = compare_runs(*runs, Path(folder), gathered.take, notice, processes(jobs))
            if output is not None:
                written = gathered.write(output)
    except InputError as error:
        raise stop(error) from None
    except OSError as error:
        raise stop(no_room(error)) from None
    if format is Format.json:
        from rrt_engine.reports.compare_document import compare_document

        print_json(compare_document(found))
    else:
        from rrt_engine.reports.compare_text import show_comparison

        show_comparison(console(140), found, cases)
    if output is not None:
        typer.echo(f"wrote {written:,} {'duty' if written == 1 else 'duties'} that moved to {output}", err=True)
    if found.set_aside or found.lost:
        typer.echo("parts of these runs were set aside: not every child was compared", err=True)
        raise typer.Exit(COULD_NOT_RUN)
    raise typer.Exit(ATTENTION if found.found.attention() and not exit_zero else NOTHING)


def processes(jobs: int) -> int:
    """How many processes were asked for; with 0, one for each processor this process may use."""
    import os

    return jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def what_if_command(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="What `rrt replay` reads, or the folder of a run or a partition.")
    ],
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
        typer.Option("--base", metavar="FOLDER", help="The rule set compared with, if not the run's own or the one that came with rrt."),
    ] = None,
    output: Output = None,
    cases: Cases = 12,
    jobs: Jobs = 0,
    format: FormatOption = Format.text,
    exit_zero: ExitZero = False,
) -> None:
    """Judge the same children by other rules: what would be overdue, late and on time, by rule and by team, and which cases move."""
    import tempfile

    from rrt_engine.diagnostics import InputError
    from rrt_engine.paths import RULES
    from rrt_engine.replay.pool import CutOff
    from rrt_engine.replay.what_if import Other, in_parts, is_run, what_if, what_if_in_parts
    from rrt_engine.reports.compare_files import Gathered, check_target
    from rrt_engine.rulebook.with_changes import changes_given
    from rrt_engine.target import no_room

    try:
        asked = changes_given(changes or [])
        if output is not None:
            check_target(output)
        known = None if as_known is None else moment_given(as_known, "--as-known").day
        moment = None if as_of is None and is_run(sources) else as_of_moment(as_of)
        with tempfile.TemporaryDirectory() as name, progress() as notice:
            folder = Path(name)
            gathered = Gathered(folder)
            if in_parts(sources):
                before = base if is_run(sources) else base or RULES
                found = what_if_in_parts(
                    Path(sources[0]), before, rules, asked, moment, known, folder, processes(jobs), gathered.take, notice
                )
            else:
                assert moment is not None
                other = Other(base or RULES, rules or base or RULES, asked)
                found = what_if(sources, other, moment, known, folder, gathered.take, notice)
            if output is not None:
                written = gathered.write(output)
    except InputError as error:
        raise stop(error) from None
    except OSError as error:
        raise stop(no_room(error)) from None
    except CutOff as stopped:
        typer.echo(f"stopped: {stopped}", err=True)
        raise typer.Exit(COULD_NOT_RUN) from None
    if format is Format.json:
        from rrt_engine.reports.compare_document import what_if_document

        print_json(what_if_document(found))
    else:
        from rrt_engine.reports.compare_text import show_what_if

        show_what_if(console(140), found, cases)
    if output is not None:
        typer.echo(f"wrote {written:,} {'duty' if written == 1 else 'duties'} that moved to {output}", err=True)
    if found.set_aside:
        typer.echo(f"{found.set_aside:,} {'child' if found.set_aside == 1 else 'children'} could not be judged and are left out", err=True)
        raise typer.Exit(COULD_NOT_RUN)
    if found.refused:
        raise stop(InputError([d for each in found.refused for d in each.diagnostics]))
    raise typer.Exit(ATTENTION if found.found.attention() and not exit_zero else NOTHING)
