"""`rrt measures`: key performance indicators and timeliness, month by month, beside published figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_options import (
    NOTHING,
    Format,
    FormatOption,
    Rules,
    console,
    moment_given,
    print_json,
    rule_book,
    stop,
    stop_if_unread,
)

if TYPE_CHECKING:
    from rrt_engine.measures.run import Asked, Measured
    from rrt_engine.replay.run import Refused
    from rrt_engine.rulebook.load_measures import MeasureBook
    from rrt_engine.rulebook.measure_schema import Measure


def measures_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...", help="What `rrt replay` reads: files, folders, a database. Each child counts once.", show_default=False
        ),
    ] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day of the period, such as 2025-04-01.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="The last day of the period, such as 2026-03-31.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the figures to .xlsx, .csv or .json.")
    ] = None,
    measure: Annotated[
        list[str] | None, typer.Option("--measure", metavar="ID", help="Only this measure: its id, or its number (2, 6a). Repeat it.")
    ] = None,
    trend: Annotated[bool, typer.Option("--trend", help="Also give each month, as it was at the end of that month.")] = False,
    as_known: Annotated[
        bool, typer.Option("--as-known", help="Use only what had been recorded by the end of the period, and of each month.")
    ] = False,
    population: Annotated[
        int | None, typer.Option("--population", min=1, metavar="N", help="Children under 18 in the area, for rates per 10,000.")
    ] = None,
    suppress_under: Annotated[
        int, typer.Option("--suppress-under", min=0, metavar="N", help="Leave out numbers of people below this, and what gives them away.")
    ] = 0,
    complete_from: Annotated[
        str | None,
        typer.Option("--complete-from", metavar="DATE", help="The day from which the records are complete, where the source does not say."),
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Write every case of every figure, and why it counts, to a .csv file.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the measures; with --measure, show how each is defined.")] = False,
    format: FormatOption = Format.text,
    rules: Rules = None,
) -> None:
    """Give key performance indicators and timeliness for a period, with numerators and denominators, beside published figures."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.rulebook.load_measures import load_measures

    try:
        from rrt_engine.paths import RULES

        book = load_measures(rules or RULES, rule_book(rules))
        chosen = book.named(measure) if measure else book.measures
        if listed:
            _show_definitions(book, chosen, bool(measure), format)
            raise typer.Exit(NOTHING)
        asked = _asked(sources, first, last, trend, as_known, population, suppress_under, complete_from)
        found, refused = _measured(sources or [], book, chosen, asked, output, cases)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        from rrt_engine.reports.measures_document import measures_document

        print_json(measures_document(found))
    else:
        from rrt_engine.reports.measures_text import show_measures

        show_measures(console(120), found)
    stop_if_unread(refused)
    raise typer.Exit(NOTHING)


def _asked(
    sources: list[str] | None,
    first: str | None,
    last: str | None,
    trend: bool,
    as_known: bool,
    population: int | None,
    suppress_under: int,
    complete_from: str | None,
) -> Asked:
    """What is asked, from the options. Raises InputError with everything that is missing or cannot be."""
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.measures.cells import Window
    from rrt_engine.measures.run import Asked

    problems: list[Diagnostic] = []

    def missing(option: str, message: str, help: str) -> None:
        problems.append(Diagnostic(option, 0, 0, "missing", message, "error", "", help))

    if not sources:
        missing("SOURCE", "no file or folder is named", "name one to measure, or use --list to see the measures")
    if first is None:
        missing("--from", "the period has no first day", "write --from 2025-04-01")
    if last is None:
        missing("--to", "the period has no last day", "write --to 2026-03-31")
    if problems:
        raise InputError(problems)
    window = Window(moment_given(first or "", "--from").day, moment_given(last or "", "--to").day)
    if window.last < window.first:
        raise InputError(
            [Diagnostic("--to", 0, 0, "period", f"`{last}` is before `{first}`", "error", "", "give the earlier day to --from")]
        )
    if window.last - window.first > 366 * 12:
        raise InputError([Diagnostic("--to", 0, 0, "period", "the period is longer than 12 years", "error", "", "ask for a shorter one")])
    begins = None if complete_from is None else moment_given(complete_from, "--complete-from").day
    return Asked(window, trend, as_known, population, begins, suppress_under)


def _measured(
    sources: list[str], book: MeasureBook, chosen: tuple[Measure, ...], asked: Asked, output: Path | None, cases: Path | None
) -> tuple[Measured, tuple[Refused, ...]]:
    """Read the sources once, measure, and write what was asked; with what could not be read."""
    from rrt_engine.measures.hide import suppressed
    from rrt_engine.measures.run import measured, sources_of
    from rrt_engine.replay.run import read_all
    from rrt_engine.reports.measures_files import check_cases, check_target, write_cases, write_measures

    if output is not None:
        check_target(output)
    if cases is not None:
        check_cases(cases)
    read = read_all(sources, book.book)
    whole = measured(sources_of(read.merging, [s.reading for s in read.sources]), book, chosen, asked)
    if cases is not None:
        typer.echo(f"wrote {write_cases(whole, cases):,} cases to {cases}", err=True)
    found = suppressed(whole, asked.suppress_under)
    if output is not None:
        write_measures(found, output)
        typer.echo(f"wrote {len(found.lines):,} figures to {output}", err=True)
    return found, read.refused


def _show_definitions(book: MeasureBook, chosen: tuple[Measure, ...], whole: bool, format: Format) -> None:
    if format is Format.json:
        from rrt_engine.reports.measures_document import definitions_document

        print_json(definitions_document(book, chosen))
        return
    from rrt_engine.reports.measures_text import show_definition, show_list

    screen = console(100)
    if not whole:
        show_list(screen, chosen)
        return
    for number, each in enumerate(chosen):
        if number:
            screen.print()
        show_definition(screen, each, book)
