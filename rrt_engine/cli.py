"""The commands: read what was asked, call the engine, show the answer. No rule and no calculation lives here.

Results go to standard output, progress and problems to standard error. Exit codes: 0 nothing needs attention; 1
something is overdue, late or too early, or a rule example failed; 2 could not run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_decisions import decide_command
from rrt_engine.cli_decisions import decisions as decisions_app
from rrt_engine.cli_facts import facts
from rrt_engine.cli_options import (
    ATTENTION,
    NOTHING,
    AsOf,
    ExitZero,
    Format,
    FormatOption,
    Rules,
    as_of_moment,
    console,
    engines,
    fault,
    moment_given,
    read_one,
    rule_book,
    stop,
    threshold_book,
)
from rrt_engine.cli_rules import rules as rules_app
from rrt_engine.cli_training import train_command

if TYPE_CHECKING:
    from rrt_engine.decision import Suggested

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Thresholds and timescales for children's social care: what is overdue, due and done, which level and pathway the facts "
    "point to, and why. It suggests; a person decides.",
)
app.add_typer(rules_app, name="rules")
app.add_typer(decisions_app, name="decisions")


class Explain(str, Enum):  # noqa: UP042
    """How much working is shown."""

    brief = "brief"
    full = "full"


WhatIf = Annotated[
    list[str] | None,
    typer.Option("--what-if", metavar="FACT=VALUE", help="Show what would move if a fact were so. Repeat it to change several."),
]


@app.command()
def check(
    case: Annotated[str, typer.Argument(metavar="CASE", help="A case file (YAML), or - to read one from standard input.")],
    as_of: AsOf = None,
    what_if: WhatIf = None,
    explain: Annotated[Explain, typer.Option("--explain", help="How much working to show.")] = Explain.brief,
    format: FormatOption = Format.text,
    rules: Rules = None,
    exit_zero: ExitZero = False,
) -> None:
    """Check one case: what is overdue, due and done at a date, and the level and pathway its facts point to, with the working."""
    from rrt_engine.checking import Changes, check_case
    from rrt_engine.diagnostics import InputError
    from rrt_engine.model import NEEDS_ATTENTION
    from rrt_engine.thresholds.two_engines import EnginesDisagree, checked_by_both
    from rrt_engine.thresholds.what_if import changed

    try:
        book = rule_book(rules)
        moment = as_of_moment(as_of)
        thresholds = cache(lambda: threshold_book(rules, book))
        found = read_one(case, book, thresholds)
        with engines(thresholds if found.every_fact() or what_if else None, moment) as (reasoner, worker):
            checked = check_case(found, book, moment, reasoner, worker)
            changes = None
            if what_if and reasoner and checked.question and checked.suggestion:
                question, words = changed(checked.question, what_if, reasoner.book)
                changes = Changes(tuple(words), checked_by_both(reasoner, question, worker))
    except InputError as error:
        raise stop(error) from None
    except EnginesDisagree as error:
        raise fault(error) from None
    if format is Format.json:
        import json

        from rrt_engine.reports.documents import check_document

        typer.echo(json.dumps(check_document(checked, book, moment, changes), indent=2, ensure_ascii=False))
    else:
        from rrt_engine.reports.text import show_check

        show_check(console(100), checked, book, moment, explain is Explain.full, reasoner.book if reasoner else None, changes)
    attention = any(f.status in NEEDS_ATTENTION for f in checked.flags)
    raise typer.Exit(ATTENTION if attention and not exit_zero else NOTHING)


@app.command()
def replay(
    sources: Annotated[
        list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", help="Annex A workbooks or folders, CIN census XML, event logs, cases.")
    ],
    as_of: AsOf = None,
    as_known: Annotated[str | None, typer.Option("--as-known", metavar="DATE", help="Use only events recorded by this date.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write every flag to a .csv, .parquet or .jsonl file.")
    ] = None,
    format: FormatOption = Format.text,
    rules: Rules = None,
    exit_zero: ExitZero = False,
) -> None:
    """Replay every timeline in files or folders and count, rule by rule, what was on time and what could not be judged."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.replay.run import replay as run

    try:
        book = rule_book(rules)
        moment = as_of_moment(as_of)
        known = None if as_known is None else moment_given(as_known, "--as-known").day
        if output is not None:
            from rrt_engine.reports.flag_table import check_target, write_flags

            check_target(output)
        with _progress() as notice:
            found = run(sources, book, moment, known, notice)
            if output is not None:
                notice(f"writing {output.name}")
                written = write_flags(found, output)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        import json

        from rrt_engine.reports.documents import replay_document

        typer.echo(json.dumps(replay_document(found), indent=2, ensure_ascii=False))
    else:
        from rrt_engine.reports.text import show_replay

        show_replay(console(140), found)
    if output is not None:
        typer.echo(f"wrote {written:,} {'flag' if written == 1 else 'flags'} to {output}", err=True)
    if found.refused:
        raise stop(InputError([d for each in found.refused for d in each.diagnostics]))
    raise typer.Exit(ATTENTION if found.needs_attention() and not exit_zero else NOTHING)


def _suggested(case: str, as_of: str | None, rules: Path | None) -> tuple[Suggested, dict[str, str]]:
    """What is suggested for a case, for the record of what a person decides; and each pathway's route."""
    from rrt_engine.checking import check_case, for_the_record
    from rrt_engine.thresholds.two_engines import EnginesDisagree

    book = rule_book(rules)
    moment = as_of_moment(as_of)
    thresholds = cache(lambda: threshold_book(rules, book))
    found = read_one(case, book, thresholds)
    try:
        with engines(thresholds if found.every_fact() else None, moment) as (reasoner, worker):
            checked = check_case(found, book, moment, reasoner, worker)
    except EnginesDisagree as error:
        raise fault(error) from None
    return for_the_record(checked, book, moment), {name: p.route for name, p in thresholds().pathways.items()}


app.command()(facts)
app.command("train")(train_command)
app.command("decide")(decide_command(_suggested))


@app.command()
def version(rules: Rules = None) -> None:
    """Say which engine, rule set and calendar this is."""
    from rrt_engine import __version__
    from rrt_engine.diagnostics import InputError

    try:
        book = rule_book(rules)
    except InputError as error:
        raise stop(error) from None
    from rrt_engine.reports.text import announced_words

    typer.echo(f"rrt {__version__}")
    typer.echo(f"rule set {book.id} {book.version}, {len(book.rules)} rules, digest {book.digest}")
    typer.echo(announced_words(book))


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Progress on standard error, only on a terminal: which source is being read, and for how long."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    shown = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading the rules", total=None)
        yield lambda text: bar.update(task, description=text)


def main() -> None:
    """Run a command; output is UTF-8 whatever the terminal's code page."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    app()


if __name__ == "__main__":
    main()
