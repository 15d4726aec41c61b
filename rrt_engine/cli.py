"""The commands: read what was asked, call the engine, show the answer. No rule and no calculation lives here.

Results go to standard output, progress and problems to standard error. Exit codes: 0 nothing needs attention; 1
something is overdue, late or too early, or a rule example failed; 2 could not run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_rules import rules as rules_app

if TYPE_CHECKING:
    from rich.console import Console

    from rrt_engine.calendar import Moment
    from rrt_engine.diagnostics import InputError
    from rrt_engine.rulebook.book import RuleBook
    from rrt_engine.sources.case_file import Case

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Timescales for children's social care in England: what is overdue, due and done, and why. It suggests; a person decides.",
)
app.add_typer(rules_app, name="rules")

NOTHING, ATTENTION, COULD_NOT_RUN = 0, 1, 2


class Format(str, Enum):  # noqa: UP042 - Typer shows a plain string
    """How results are written."""

    text = "text"
    json = "json"


class Explain(str, Enum):  # noqa: UP042
    """How much working is shown."""

    brief = "brief"
    full = "full"


AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="The date to judge by, such as 2026-04-15 (or with a time, 2026-04-15T14:30). Today if left out."
    ),
]
Rules = Annotated[Path | None, typer.Option("--rules", metavar="FOLDER", help="A rule set other than the one that came with rrt.")]
ExitZero = Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 even when something needs attention.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the result.")]


@app.command()
def check(
    case: Annotated[str, typer.Argument(metavar="CASE", help="A case file (YAML), or - to read one from standard input.")],
    as_of: AsOf = None,
    explain: Annotated[Explain, typer.Option("--explain", help="How much working to show.")] = Explain.brief,
    format: FormatOption = Format.text,
    rules: Rules = None,
    exit_zero: ExitZero = False,
) -> None:
    """Check one case: what is overdue, due and done at a date, with the working."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.explain.flags import Explainer
    from rrt_engine.model import NEEDS_ATTENTION
    from rrt_engine.timescales.evaluate import evaluate

    try:
        book = _book(rules)
        moment = _as_of(as_of)
        found = _case(case, book)
    except InputError as error:
        raise _stop(error) from None
    result = evaluate(found.log, book, moment)
    explainer = Explainer(found.log, book, result.flags, moment.day, _instant(moment))
    flags = [explainer.explain(i) for i in range(len(result.flags))]
    if format is Format.json:
        import json

        from rrt_engine.reports.documents import check_document

        typer.echo(json.dumps(check_document(found.id, book, moment, flags, result), indent=2, ensure_ascii=False))
    else:
        from rrt_engine.reports.text import show_check

        show_check(_console(100), found, book, moment, flags, result, explain is Explain.full)
    attention = any(f.status in NEEDS_ATTENTION for f in flags)
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
        book = _book(rules)
        moment = _as_of(as_of)
        known = None if as_known is None else _moment(as_known, "--as-known").day
        if output is not None:
            from rrt_engine.reports.flag_table import check_target, write_flags

            check_target(output)
        with _progress() as notice:
            found = run(sources, book, moment, known, notice)
            if output is not None:
                notice(f"writing {output.name}")
                written = write_flags(found, output)
    except InputError as error:
        raise _stop(error) from None
    if format is Format.json:
        import json

        from rrt_engine.reports.documents import replay_document

        typer.echo(json.dumps(replay_document(found), indent=2, ensure_ascii=False))
    else:
        from rrt_engine.reports.text import show_replay

        show_replay(_console(140), found)
    if output is not None:
        typer.echo(f"wrote {written:,} {'flag' if written == 1 else 'flags'} to {output}", err=True)
    if found.refused:
        raise _stop(InputError([d for each in found.refused for d in each.diagnostics]))
    raise typer.Exit(ATTENTION if found.needs_attention() and not exit_zero else NOTHING)


@app.command()
def version(rules: Rules = None) -> None:
    """Say which engine, rule set and calendar this is."""
    from rrt_engine import __version__
    from rrt_engine.diagnostics import InputError

    try:
        book = _book(rules)
    except InputError as error:
        raise _stop(error) from None
    from rrt_engine.reports.text import announced_words

    typer.echo(f"rrt {__version__}")
    typer.echo(f"rule set {book.id} {book.version}, {len(book.rules)} rules, digest {book.digest}")
    typer.echo(announced_words(book))


def _book(folder: Path | None) -> RuleBook:
    from rrt_engine.paths import RULES
    from rrt_engine.rulebook.load import load

    return load(folder or RULES)


def _case(name: str, book: RuleBook) -> Case:
    """The case in a file, or on standard input."""
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.sources.case_file import read_case

    if name == "-":
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError([Diagnostic("standard input", 0, 0, "encoding", "this is not UTF-8 text")]) from None
        return read_case("standard input", book, text)
    path = Path(name)
    if path.is_dir() or path.suffix.lower() in (".csv", ".xlsx", ".xls", ".xml", ".parquet", ".jsonl"):
        what = "a folder" if path.is_dir() else f"a `{path.suffix}` file"
        help = f"to read it as many timelines: rrt replay {name}"
        raise InputError([Diagnostic(name, 0, 0, "not_a_case", f"this is {what}, and a case is one YAML file", "error", "", help)])
    if not path.exists():
        raise InputError([Diagnostic(name, 0, 0, "not_found", "there is no such file", "error", "", "check the path")])
    return read_case(path, book)


def _as_of(text: str | None) -> Moment:
    """The as-of moment; today where none was given, which is said."""
    if text is None:
        text = date.today().isoformat()
        typer.echo(f"as of today, {text}", err=True)
    return _moment(text, "--as-of")


def _moment(text: str, option: str) -> Moment:
    from rrt_engine.calendar import parse_moment
    from rrt_engine.diagnostics import Diagnostic, InputError

    try:
        return parse_moment(text)
    except ValueError as error:
        message = str(error) if str(error).startswith("`") else f"`{text}` is not a date: {error}"
        help = "write it as 2026-04-15, or 2026-04-15T14:30 with a time"
        raise InputError([Diagnostic(option, 0, 0, "date", message, "error", "", help)]) from None


def _instant(moment: Moment) -> int:
    from rrt_engine.calendar import NO_INSTANT
    from rrt_engine.timescales.arrays import end_of_day

    return moment.instant if moment.instant != NO_INSTANT else end_of_day(moment.day)


def _console(piped: int) -> Console:
    """The terminal, as wide as it is; plain text of a fixed width when piped, unless COLUMNS says otherwise."""
    import os

    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else piped)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Progress on standard error, only on a terminal: which source is being read, and for how long."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    shown = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading the rules", total=None)
        yield lambda text: bar.update(task, description=text)


def _stop(error: InputError) -> typer.Exit:
    for diagnostic in error.diagnostics:
        typer.echo(diagnostic.text(), err=True)
    return typer.Exit(COULD_NOT_RUN)


def main() -> None:
    """Run a command; output is UTF-8 whatever the terminal's code page."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    app()


if __name__ == "__main__":
    main()
