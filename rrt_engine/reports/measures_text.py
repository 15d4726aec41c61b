"""Measures on the terminal: figures beside published ones, month by month, and what cannot be given and why."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.measures.cells import Cell, Window
from rrt_engine.measures.run import NOW, Line, Measured, NotAvailable
from rrt_engine.measures.words import (
    BASIS_WORDS,
    apart_words,
    definition_rows,
    figure_words,
    latest_for,
    published_lines,
    published_words,
    steps,
    unit_words,
)
from rrt_engine.model import plural
from rrt_engine.reports.console import say
from rrt_engine.rulebook.load_measures import MeasureBook
from rrt_engine.rulebook.measure_schema import Measure
from rrt_engine.words import short_day_words

SOURCES_SHOWN = 12


def show_measures(console: Console, found: Measured) -> None:
    """Every measure: its figure for the period beside England and Birmingham, then months, bands and what is not available."""
    window, book = found.asked.window, found.book.book
    say(console, f"Measures from {period_words(window)}", "bold")
    say(console, f"{book.title}, {book.version}, digest {book.digest[:12]}.", "dim")
    say(console, reading_words(found), "dim")
    for source in found.sources[:SOURCES_SHOWN]:
        say(console, f"{source.name}: {plural(len(source.log.children), 'child', 'children')}, {len(source.log):,} events", "dim", indent=2)
    if len(found.sources) > SOURCES_SHOWN:
        say(console, f"and {plural(len(found.sources) - SOURCES_SHOWN, 'source')} more", "dim", indent=2)
    for group in groups_of(found.lines):
        console.print()
        say(console, group_words(group[0].measure.group), "bold")
        _figures(console, group)
    _apart(console, found.lines)
    if found.asked.trend:
        _trend(console, found)
    _bands(console, found.lines)
    _not_available(console, found.not_available)


def period_words(window: Window) -> str:
    """`1 April 2025 to 31 March 2026`."""
    return f"{short_day_words(window.first)} to {short_day_words(window.last)}"


def reading_words(found: Measured) -> str:
    """How the months are read: as it was then, or as it was known then."""
    if not found.asked.trend:
        return f"As it was at the end of {short_day_words(found.asked.window.last)}."
    if found.asked.as_known and found.recorded:
        return "Each month as it was known at its end: only what had been recorded by then."
    if found.asked.as_known:
        return "Each month as it was at its end, as now recorded: the sources do not say when events were recorded."
    return "Each month as it was at its end, as now recorded: what was recorded late is in it."


def group_words(group: str) -> str:
    """The part of the service in words."""
    return group.replace("_", " ").capitalize()


def groups_of(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines by the part of the service, in the order of the measures."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.measure.group, []).append(line)
    return list(groups.values())


def name_words(measure: Measure) -> str:
    """`KPI 2  Assessments completed …`, or the title alone."""
    return f"KPI {measure.number}: {measure.title}" if measure.number else measure.title


def _figures(console: Console, lines: Sequence[Line]) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Measure", ratio=1, overflow="fold")
    for heading in ("Figure", "Of", "England", "Birmingham"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        measure, cell = line.measure, line.period
        how = "" if line.basis == "period" else f" ({BASIS_WORDS[line.basis]})"
        beside = [latest_for(measure, area) for area in ("England", "Birmingham")]
        table.add_row(
            Text(name_words(measure) + how),
            figure_words(measure, cell),
            of_words(measure, cell),
            *(f"{published_words(measure, c)} ({short_year(c.year)})" if c else "–" for c in beside),
        )
    console.print(table)


def short_year(year: str) -> str:
    """A year of the statistics, short enough for a column.

    >>> short_year("year ending 31 March 2025"), short_year("at 31 March 2025"), short_year("2025 to 2026")
    ('to Mar 2025', 'Mar 2025', '2025-26')
    """
    short = year.replace("year ending 31 March", "to Mar").replace("at 31 March", "Mar").replace("at 30 September", "Sep")
    first, _, second = short.partition(" to 20")
    return f"{first}-{second}" if second and first.isdigit() else short


def of_words(measure: Measure, cell: Cell) -> str:
    """The numerator and denominator: `36 of 42`."""
    if cell.hidden or cell.numerator is None or cell.denominator is None:
        return "–"
    if measure.show in ("number", "rate"):
        return f"{cell.numerator:,}"
    if measure.show in ("median", "mean"):
        return f"{cell.denominator:,}"
    return f"{cell.numerator:,} of {cell.denominator:,}"


def _apart(console: Console, lines: Sequence[Line]) -> None:
    said = []
    for line in lines:
        says = "" if line.basis == "now" else line.period.says
        words = "; ".join(w for w in (apart_words(line.period), says, *line.notes, *cannot_words(line)) if w)
        if words:
            said.append((line, words))
    console.print()
    if any(line.basis == "now" for line in lines):
        say(console, f"{NOW[0].upper()}{NOW[1:]}.", "dim")
    if not said:
        return
    say(console, "Apart from the figures, or to be said of them", "bold")
    for line, words in said:
        say(console, f"{line.measure.id}: {words}.", indent=2, hang=2)


def cannot_words(line: Line) -> list[str]:
    """Sources among those read that cannot say, where others can."""
    return [f"{name} is not in it ({why})" for name, why in line.cannot]


def _trend(console: Console, found: Measured) -> None:
    console.print()
    say(console, "Month by month", "bold")
    names = [month_words(month) for month in found.months]
    for start in range(0, len(names), 6):
        table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        table.add_column("Measure", no_wrap=True)
        for name in names[start : start + 6]:
            table.add_column(name, justify="right", no_wrap=True)
        for line in found.lines:
            if line.basis != "now":
                table.add_row(line.measure.id, *(figure_words(line.measure, c) for c in line.months[start : start + 6]))
                if line.rolling:
                    rolled = (figure_words(line.measure, c) for c in line.rolling[start : start + 6])
                    table.add_row(Text(f"  {line.measure.rolling} to then"), *rolled)
        console.print(table)
        console.print()


def month_words(month: Window) -> str:
    """`Apr 2025`."""
    _, name, year = short_day_words(month.last).split()
    return f"{name[:3]} {year}"


def _bands(console: Console, lines: Sequence[Line]) -> None:
    chosen = [line for line in lines if any(n != 0 for n in line.period.bands)]
    if not chosen:
        return
    say(console, "Bands", "bold")
    for line in chosen:
        assert line.measure.compute
        unit = unit_words(line.measure)
        counts = [
            f"{band.label}: {'small' if n is None else f'{n:,}'}"
            for band, n in zip(line.measure.compute.bands, line.period.bands, strict=True)
        ]
        say(console, f"{line.measure.id} ({unit}): " + ", ".join(counts) + ".", indent=2, hang=2)
        if line.period.quartiles:
            low, middle, high = line.period.quartiles
            say(console, f"A quarter within {low:g}, half within {middle:g}, three quarters within {high:g} {unit}.", indent=4)


def _not_available(console: Console, absent: Sequence[NotAvailable]) -> None:
    if not absent:
        return
    console.print()
    say(console, f"Not available: {plural(len(absent), 'measure')}", "bold")
    for each in absent:
        needs = f" It needs {', '.join(each.needs)}." if each.needs and each.measure.compute is None else ""
        say(console, f"{name_words(each.measure)}: {each.why.rstrip('.')}.{needs}", indent=2, hang=2)


# ------------------------------------------------------------------------------------------------------ definitions


def show_list(console: Console, measures: Sequence[Measure]) -> None:
    """Every measure in a line: id, number, whether timelines can give it, and title."""
    wide = max((len(m.id) for m in measures), default=0)
    group = ""
    for measure in measures:
        if measure.group != group:
            group = measure.group
            say(console, group_words(group), "bold")
        can = {"yes": "", "population": "needs --population", "no": "not from timelines"}[measure.computable]
        say(console, f"  {measure.id:<{wide}}  {name_words(measure)}{f' ({can})' if can else ''}")
    say(console, plural(len(measures), "measure"))


def show_definition(console: Console, measure: Measure, book: MeasureBook) -> None:
    """One measure: what it is, how it is worked out, what it is compared with and where it differs."""
    say(console, name_words(measure), "bold")
    say(console, measure.definition)
    console.print()
    for name, text in definition_rows(measure, book.book):
        say(console, f"{name + ':':<13}{text}", hang=13)
    for title, texts in (
        ("How it is worked out", steps(measure, book.book)),
        ("Published figures beside it", published_lines(measure, book.book)),
        ("Proved by", [example.name for example in measure.examples]),
    ):
        if texts:
            console.print()
            say(console, title, "bold")
            for text in texts:
                say(console, f"- {text}", hang=2)
