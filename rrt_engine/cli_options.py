"""What the commands share: formats, the terminal, the rule set, and how a mistake in a file ends a command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from rrt_engine.calendar import Moment
    from rrt_engine.diagnostics import InputError
    from rrt_engine.replay.run import Refused
    from rrt_engine.rulebook.book import RuleBook
    from rrt_engine.rulebook.threshold_book import ThresholdBook
    from rrt_engine.sources.case_file import Case, Thresholds
    from rrt_engine.thresholds.suggest import Reasoner
    from rrt_engine.thresholds.two_engines import EnginesDisagree
    from rrt_engine.thresholds.worker import Worker

NOTHING, ATTENTION, COULD_NOT_RUN = 0, 1, 2


class Format(str, Enum):  # noqa: UP042 - Typer shows a plain string
    """How results are written."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How to write the result.")]

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="The date to judge by, such as 2026-04-15 (or with a time, 2026-04-15T14:30). Today if left out."
    ),
]
Rules = Annotated[Path | None, typer.Option("--rules", metavar="FOLDER", help="A rule set other than the one that came with rrt.")]
RecordOption = Annotated[
    Path, typer.Option("--record", metavar="FILE", envvar="RRT_DECISIONS", help="The record of decisions, a SQLite file on a local disk.")
]
DEFAULT_RECORD = Path("rrt-decisions.sqlite")
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 even when something needs attention.")]


def rule_book(folder: Path | None) -> RuleBook:
    """The rule set in a folder, or the one that came with rrt. Raises InputError."""
    from rrt_engine.paths import RULES
    from rrt_engine.rulebook.load import load

    return load(folder or RULES)


def threshold_book(folder: Path | None, book: RuleBook | None = None) -> ThresholdBook:
    """The threshold rules beside a rule set. Raises InputError."""
    from rrt_engine.paths import RULES
    from rrt_engine.rulebook.load_thresholds import load_thresholds

    return load_thresholds(folder or RULES, book or rule_book(folder))


def console(piped: int) -> Console:
    """The terminal, as wide as it is; plain text of a fixed width when piped, unless COLUMNS says otherwise."""
    import os

    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else piped)


def print_json(data: Any) -> None:
    """A document on standard output, indented, with letters as they are."""
    import json

    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def stop(error: InputError) -> typer.Exit:
    """Say every mistake on standard error, and end as a command that could not run."""
    for diagnostic in error.diagnostics:
        typer.echo(diagnostic.text(), err=True)
    return typer.Exit(COULD_NOT_RUN)


def stop_if_unread(refused: Iterable[Refused]) -> None:
    """After what could be read has been shown: say why each source that could not be was left out, and end as a command that
    could not run. Nothing where every source was read.
    """
    from rrt_engine.diagnostics import InputError

    problems = [diagnostic for each in refused for diagnostic in each.diagnostics]
    if problems:
        raise stop(InputError(problems))


def fault(error: EnginesDisagree) -> typer.Exit:
    """Say that the two engines disagree: a fault to report, with nothing suggested."""
    typer.echo(f"error: {error}. Nothing is suggested. Please report this with the output of `rrt version`.", err=True)
    return typer.Exit(COULD_NOT_RUN)


@contextmanager
def engines(thresholds: Callable[[], ThresholdBook] | None, moment: Moment) -> Iterator[tuple[Reasoner | None, Worker | None]]:
    """The plain engine made ready for a day and the second one starting beside it; neither where there are no facts."""
    if thresholds is None:
        yield None, None
        return
    from rrt_engine.thresholds.suggest import Reasoner
    from rrt_engine.thresholds.worker import Worker

    reasoner = Reasoner(thresholds(), moment.day)
    with Worker(reasoner.plan, reasoner.book.significant) as worker:
        yield reasoner, worker


def read_one(name: str, book: RuleBook, thresholds: Thresholds | None = None) -> Case:
    """The case in a file, or on standard input."""
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.sources.case_file import read_case

    if name == "-":
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError([Diagnostic("standard input", 0, 0, "encoding", "this is not UTF-8 text")]) from None
        return read_case("standard input", book, text, thresholds)
    path = Path(name)
    if path.is_dir() or path.suffix.lower() in (".csv", ".xlsx", ".xls", ".xml", ".parquet", ".jsonl"):
        what = "a folder" if path.is_dir() else f"a `{path.suffix}` file"
        help = f"to read it as many timelines: rrt replay {name}"
        raise InputError([Diagnostic(name, 0, 0, "not_a_case", f"this is {what}, and a case is one YAML file", "error", "", help)])
    if not path.exists():
        raise InputError([Diagnostic(name, 0, 0, "not_found", "there is no such file", "error", "", "check the path")])
    return read_case(path, book, None, thresholds)


def as_of_moment(text: str | None) -> Moment:
    """The as-of moment; the end of today where none was given, which is said."""
    if text is None:
        text = date.today().isoformat()
        typer.echo(f"as of the end of today, {text}", err=True)
    return moment_given(text, "--as-of")


def moment_given(text: str, option: str) -> Moment:
    """The date or date-time given for an option. Raises InputError."""
    from rrt_engine.calendar import parse_moment
    from rrt_engine.diagnostics import Diagnostic, InputError

    try:
        return parse_moment(text)
    except ValueError as error:
        message = str(error) if str(error).startswith("`") else f"`{text}` is not a date: {error}"
        help = "write it as 2026-04-15, or 2026-04-15T14:30 with a time"
        raise InputError([Diagnostic(option, 0, 0, "date", message, "error", "", help)]) from None


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Progress on standard error, only on a terminal: which source is being read, and for how long."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    shown = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading the rules", total=None)
        yield lambda text: bar.update(task, description=text)
