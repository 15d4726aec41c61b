"""`rrt trend`: each month end as it was known then, rule by rule or measure by measure."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_options import NOTHING, Format, FormatOption, Rules, console, print_json, progress, rule_book, stop, stop_if_unread

if TYPE_CHECKING:
    from rrt_engine.diagnostics import Diagnostic
    from rrt_engine.measures.run import Measured
    from rrt_engine.replay.partition import Partition
    from rrt_engine.replay.run import Refused
    from rrt_engine.replay.trend import Month, Trend
    from rrt_engine.rulebook.book import RuleBook
    from rrt_engine.rulebook.load_measures import MeasureBook
    from rrt_engine.rulebook.measure_schema import Measure

MOST_MONTHS = 144
_MONTH = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])$")


def trend_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="What `rrt replay` reads: files, folders, a database.")],
    first: Annotated[str, typer.Option("--from", metavar="MONTH", help="The first month, such as 2025-04.")],
    last: Annotated[str, typer.Option("--to", metavar="MONTH", help="The last month, such as 2026-03.")],
    rule: Annotated[list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule. Repeat it for several.")] = None,
    measure: Annotated[
        list[str] | None, typer.Option("--measure", metavar="ID", help="This measure: its id, or its number (2, 6a). Repeat it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write every figure to .csv, .parquet or .xlsx.")
    ] = None,
    format: FormatOption = Format.text,
    rules: Rules = None,
) -> None:
    """Show each month end as it was known then: what was on time, overdue and open, by what had been recorded by that day.

    Every rule, unless some are named with --rule; with --measure, those measures in their place.
    """
    from rrt_engine.diagnostics import InputError

    try:
        months = _months(first, last)
        book = rule_book(rules)
        _known_rules(book, rule or [])
        measures = _measures(measure or [], rules, book)
        found, measured, refused = _found(sources, book, months, rule or [], measures, output)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        from rrt_engine.reports.trend_document import trend_document

        print_json(trend_document(found, measured))
    else:
        from rrt_engine.reports.measures_text import show_measures
        from rrt_engine.reports.trend_text import show_trend

        screen = console(140)
        show_trend(screen, found, measured is None or bool(rule))
        if measured is not None:
            screen.print()
            show_measures(screen, measured)
    stop_if_unread(refused)
    raise typer.Exit(NOTHING)


def _found(
    sources: list[str],
    book: RuleBook,
    months: tuple[Month, ...],
    rules: list[str],
    measures: tuple[MeasureBook, tuple[Measure, ...]] | None,
    output: Path | None,
) -> tuple[Trend, Measured | None, tuple[Refused, ...]]:
    """Read the sources once and go through the months; write what was asked; with what could not be read."""
    from rrt_engine.measures.cells import Window
    from rrt_engine.measures.run import Asked, measured, sources_of
    from rrt_engine.replay.run import read_all
    from rrt_engine.replay.trend import recorded_in, timelines_in, timelines_of, trend
    from rrt_engine.replay.what_if import in_parts
    from rrt_engine.reports.trend_files import check_target, write_trend

    if output is not None:
        check_target(output)
    chosen = rules if rules or measures is not None else None
    of_measures = None
    refused: tuple[Refused, ...] = ()
    with progress() as notice, TemporaryDirectory() as folder:
        if measures is None and in_parts(sources):
            found = trend(timelines_in(_cut(Path(sources[0]), book, Path(folder), notice), book), book, months, chosen, None, notice)
        else:
            read = read_all(sources, book, notice)
            refused = read.refused
            found = trend(timelines_of(read), book, months, chosen, recorded_in(read), notice)
            if measures is not None:
                asked = Asked(Window(months[0].first, months[-1].last), trend=True, as_known=True)
                of_measures = measured(sources_of(read.merging, [s.reading for s in read.sources]), *measures, asked, notice)
    if output is not None:
        typer.echo(f"wrote {write_trend(found, of_measures, output):,} figures to {output}", err=True)
    return found, of_measures, refused


def _cut(source: Path, book: RuleBook, folder: Path, notice: Callable[[str], None]) -> Partition:
    """A source in parts: as it was cut before, or cut into a passing folder. Raises InputError where a run's events have gone."""
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.replay.partition import partition
    from rrt_engine.replay.run_folder import open_run
    from rrt_engine.replay.what_if import is_run

    if not is_run([source]):
        return partition([source], book, folder, notice)
    run = open_run(source)
    missing = run.missing_events()
    if missing:
        message = f"the events that were replayed are no longer at hand: {'; '.join(missing[:3])}"
        raise InputError([Diagnostic(str(source), 0, 0, "events", message, "error", "", "name the sources themselves")])
    return run.partition


def _months(first: str, last: str) -> tuple[Month, ...]:
    """The months from one to another. Raises InputError with everything that is wrong with them."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.replay.trend import months_between

    problems: list[Diagnostic] = []
    begins, ends = (_month(text, option, problems) for text, option in ((first, "--from"), (last, "--to")))
    if begins and ends and ends.last < begins.last:
        problems.append(_problem("--to", f"`{last}` is before `{first}`", "give the earlier month to --from"))
    elif begins and ends and ends.last - begins.first > MOST_MONTHS * 31:
        problems.append(_problem("--to", f"there are more than {MOST_MONTHS} months", "ask for a shorter time"))
    if problems or begins is None or ends is None:
        raise InputError(problems)
    return months_between(begins, ends)


def _month(text: str, option: str, problems: list[Diagnostic]) -> Month | None:
    from datetime import date

    from rrt_engine.calendar import day_number
    from rrt_engine.replay.trend import month_of

    parts = _MONTH.match(text)
    if parts is None or not 1990 <= int(parts[1]) <= 2078:
        problems.append(_problem(option, f"`{text}` is not a month", "write it as 2026-03"))
        return None
    return month_of(day_number(date(int(parts[1]), int(parts[2]), 1)))


def _problem(option: str, message: str, help: str) -> Diagnostic:
    from rrt_engine.diagnostics import Diagnostic

    return Diagnostic(option, 0, 0, "month", message, "error", "", help)


def _known_rules(book: RuleBook, asked: list[str]) -> None:
    """Raises InputError where a rule is named that the rule set does not have."""
    from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean

    there = list(dict.fromkeys(r.id for r in book.rules))
    wrong = [name for name in asked if name not in there]
    if wrong:
        listed = "`rrt rules list` lists those there are"
        raise InputError(
            [
                Diagnostic("--rule", 0, 0, "unknown_rule", f"there is no rule `{n}`", "error", "", did_you_mean(n, there) or listed)
                for n in wrong
            ]
        )


def _measures(asked: list[str], rules: Path | None, book: RuleBook) -> tuple[MeasureBook, tuple[Measure, ...]] | None:
    """The measures that are named; None where none is. Raises InputError."""
    if not asked:
        return None
    from rrt_engine.paths import RULES
    from rrt_engine.rulebook.load_measures import load_measures

    of_measures = load_measures(rules or RULES, book)
    return of_measures, of_measures.named(asked)
