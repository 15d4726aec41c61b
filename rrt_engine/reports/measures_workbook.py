"""Measures as an Excel workbook: Summary, Trend with charts, Bands with charts, Definitions, Not available, About.

Real numbers with number formats, no macros and no formulas; cells that a spreadsheet could take for a formula are made safe. The
same figures give the same bytes: the only time in it is the last day of the period.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rrt_engine import __version__
from rrt_engine.measures.cells import Cell
from rrt_engine.measures.run import Line, Measured
from rrt_engine.measures.words import (
    BASIS_WORDS,
    BETTER_WORDS,
    apart_words,
    latest_for,
    published_words,
    steps,
    unit_words,
)
from rrt_engine.model import plural
from rrt_engine.reports.cells import ABOVE, BOXED, HEADING, PLAIN, TITLE, head, open_workbook, print_set_up, safe
from rrt_engine.reports.measures_text import cannot_words, month_words, period_words, reading_words
from rrt_engine.rulebook.measure_schema import Measure
from rrt_engine.words import MARK_WORDS

NUMBER_FORMATS = {"percent": "0.0%", "number": "#,##0", "rate": "#,##0.0", "median": "#,##0.0", "mean": "#,##0.0"}
CHART = {"width": 560, "height": 230}


def write_workbook(found: Measured, path: Path) -> None:
    """Write every sheet."""
    title = f"Measures, {period_words(found.asked.window)}"
    book = open_workbook(path, title, found.asked.window.last, "To")
    sheets = _Sheets(book, title)
    _summary(sheets, found)
    if found.asked.trend:
        _trend(sheets, found)
    _bands(sheets, found)
    _definitions(sheets, found)
    _not_available(sheets, found)
    _about(sheets, found)
    book.close()


class _Sheets:
    """The workbook being written, with its formats."""

    def __init__(self, book: Any, title: str) -> None:
        self.book, self.title = book, title
        self.heads = (book.add_format(TITLE), book.add_format(HEADING))
        self.says = book.add_format({**PLAIN, "italic": True})
        self.text = book.add_format({**BOXED, "text_wrap": True})
        self.bold = book.add_format({**BOXED, "bold": True, "text_wrap": True})
        self.right = book.add_format({**BOXED, "align": "right"})
        self.number = {name: book.add_format({**BOXED, "num_format": code}) for name, code in NUMBER_FORMATS.items()}

    def sheet(self, name: str, says: str, headings: Sequence[tuple[str, int]], freeze: int = 1) -> Any:
        """A sheet with its title, a line that says how to read it, and headings with their widths."""
        page = self.book.add_worksheet(name)
        head(page, f"{name}: {self.title}", headings, freeze, self.heads)
        page.write_string(1, 0, says, self.says)
        print_set_up(page, self.title, name)
        return page

    def put(self, page: Any, row: int, at: int, value: Any, format: Any = None) -> None:
        """A cell: a number as a number, text made safe, nothing as an empty cell."""
        if value is None or value == "":
            page.write_blank(row, at, None, format or self.text)
        elif isinstance(value, (int, float)):
            page.write_number(row, at, value, format or self.number["number"])
        else:
            page.write_string(row, at, safe(str(value)), format or self.text)

    def figure(self, page: Any, row: int, at: int, measure: Measure, cell: Cell) -> None:
        """A figure as a number in its format; `small` where it is left out; a dash where there is none."""
        if cell.value is None:
            page.write_string(row, at, "small" if cell.hidden else "–", self.right)
        else:
            page.write_number(row, at, cell.value, self.number[measure.show])


SUMMARY = (
    ("Measure", 9),
    ("What it is", 44),
    ("Read", 13),
    ("Figure", 11),
    ("Numerator", 11),
    ("Denominator", 12),
    ("England", 11),
    ("England, year", 17),
    ("Birmingham", 11),
    ("Birmingham, year", 17),
    ("Target", 9),
    ("Direction", 17),
    ("Definition checked", 18),
    ("Note", 52),
)


def _summary(sheets: _Sheets, found: Measured) -> None:
    page = sheets.sheet("Summary", reading_words(found), SUMMARY, freeze=2)
    for row, line in enumerate(found.lines, ABOVE + 1):
        measure, cell = line.measure, line.period
        sheets.put(page, row, 0, f"KPI {measure.number}" if measure.number else measure.id, sheets.bold)
        sheets.put(page, row, 1, measure.title)
        sheets.put(page, row, 2, BASIS_WORDS[line.basis])
        sheets.figure(page, row, 3, measure, cell)
        sheets.put(page, row, 4, cell.numerator)
        sheets.put(page, row, 5, None if measure.show in ("number", "rate") else cell.denominator)
        for at, area in ((6, "England"), (8, "Birmingham")):
            published = latest_for(measure, area)
            if published is None or published.to is not None:
                sheets.put(page, row, at, published_words(measure, published) if published else "–", sheets.right)
            else:
                value = published.value / 100 if measure.show == "percent" else published.value
                sheets.put(page, row, at, value, sheets.number[measure.show])
            sheets.put(page, row, at + 1, published.year if published else None)
        sheets.put(page, row, 10, measure.target if measure.target is not None else "not published")
        sheets.put(page, row, 11, BETTER_WORDS[measure.better])
        sheets.put(page, row, 12, MARK_WORDS[measure.verified])
        differs = f"Official measure: {measure.official.differs}" if measure.official and measure.official.differs else ""
        said = [apart_words(cell), cell.says, *line.notes, *cannot_words(line), differs]
        sheets.put(page, row, 13, ". ".join(words.rstrip(".") for words in said if words))
    if found.lines:
        page.autofilter(ABOVE, 0, ABOVE + len(found.lines), len(SUMMARY) - 1)


def _trend(sheets: _Sheets, found: Measured) -> None:
    """Months across, a sparkline a row, and below them a line chart for each measure with months to draw."""
    names = [month_words(month) for month in found.months]
    headings = [("Measure", 26), ("What it is", 40), ("Line", 16), *((name, 10) for name in names)]
    page = sheets.sheet("Trend", reading_words(found), headings, freeze=2)
    row = ABOVE + 1
    charts: list[tuple[Line, int]] = []
    for line in found.lines:
        if line.basis == "now" or not line.months:
            continue
        stretches = [("month", line.months), (f"{line.measure.rolling} to the month's end", line.rolling), ("since 1 April", line.year)]
        for name, cells in stretches:
            if not cells:
                continue
            sheets.put(page, row, 0, line.measure.id, sheets.bold)
            label = BASIS_WORDS["snapshot"] if line.basis == "snapshot" else name
            sheets.put(page, row, 1, f"{line.measure.title}, {label}")
            for at, cell in enumerate(cells):
                sheets.figure(page, row, 3 + at, line.measure, cell)
            sheets.put(page, row, 2, None)
            if any(cell.value is not None for cell in cells):
                page.add_sparkline(row, 2, {"range": _range("Trend", row, 3, row, 2 + len(cells)), "markers": True})
                if name == "month" and len(cells) > 1:
                    charts.append((line, row))
            row += 1
    _charts(sheets, page, charts, len(names), row + 2)


def _charts(sheets: _Sheets, page: Any, charts: Sequence[tuple[Line, int]], months: int, below: int) -> None:
    for number, (line, row) in enumerate(charts):
        chart = sheets.book.add_chart({"type": "line"})
        chart.add_series(
            {
                "name": line.measure.title,
                "categories": ["Trend", ABOVE, 3, ABOVE, 2 + months],
                "values": ["Trend", row, 3, row, 2 + months],
                "line": {"color": "#1D70B8", "width": 2},
                "marker": {"type": "circle", "size": 5},
            }
        )
        chart.set_title({"name": line.measure.title, "name_font": {"size": 10, "name": "Arial"}})
        chart.set_legend({"none": True})
        chart.set_size(CHART)
        chart.show_blanks_as("gap")
        chart.set_y_axis({"num_format": NUMBER_FORMATS[line.measure.show], "min": 0})
        options = {"description": f"Line chart of {line.measure.title}, month by month; the figures are in row {row + 1} of this sheet."}
        page.insert_chart(below + 13 * (number // 2), 0 if number % 2 == 0 else 4, chart, options)


def _range(sheet: str, first_row: int, first_column: int, last_row: int, last_column: int) -> str:
    from xlsxwriter.utility import xl_range_abs

    return f"{sheet}!{xl_range_abs(first_row, first_column, last_row, last_column)}"


def _bands(sheets: _Sheets, found: Measured) -> None:
    """How long it took, in bands, with the quartiles and a column chart for each measure."""
    lines = [line for line in found.lines if any(n != 0 for n in line.period.bands)]
    if not lines:
        return
    headings = (("Measure", 26), ("Band", 24), ("Cases", 12), ("Share", 12))
    page = sheets.sheet("Bands", "How many took how long, over the whole period.", headings)
    row = ABOVE + 1
    for line in lines:
        assert line.measure.compute
        first = row
        known = sum(n for n in line.period.bands if n is not None)
        whole = known if all(n is not None for n in line.period.bands) else None
        for band, n in zip(line.measure.compute.bands, line.period.bands, strict=True):
            sheets.put(page, row, 0, line.measure.id, sheets.bold)
            sheets.put(page, row, 1, f"{band.label} {unit_words(line.measure)}" if band.label[0].isdigit() else band.label)
            sheets.put(page, row, 2, n if n is not None else "small", None if n is not None else sheets.right)
            sheets.put(page, row, 3, n / whole if n is not None and whole else None, sheets.number["percent"])
            row += 1
        for name, value in zip(("a quarter within", "half within", "three quarters within"), line.period.quartiles or (), strict=False):
            sheets.put(page, row, 0, line.measure.id, sheets.bold)
            sheets.put(page, row, 1, f"{name} ({unit_words(line.measure)})")
            sheets.put(page, row, 2, value, sheets.number["median"])
            sheets.put(page, row, 3, None)
            row += 1
        chart = sheets.book.add_chart({"type": "column"})
        last = first + len(line.period.bands) - 1
        series = {"name": line.measure.title, "fill": {"color": "#1D70B8"}, "data_labels": {"value": True}}
        chart.add_series({**series, "categories": ["Bands", first, 1, last, 1], "values": ["Bands", first, 2, last, 2]})
        chart.set_title({"name": line.measure.title, "name_font": {"size": 10, "name": "Arial"}})
        chart.set_legend({"none": True})
        chart.set_size(CHART)
        words = f"Column chart of {line.measure.title} in bands; the figures are in rows {first + 1} to {last + 1} of this sheet."
        page.insert_chart(first, 5, chart, {"description": words})
        row = max(row + 1, first + 13)


def _definitions(sheets: _Sheets, found: Measured) -> None:
    headings = (
        ("Measure", 24),
        ("What it is", 34),
        ("Definition", 50),
        ("Numerator", 40),
        ("Denominator", 40),
        ("Period", 26),
        ("Official measure", 30),
        ("Where it differs", 44),
        ("How it is worked out", 60),
        ("Source", 44),
        ("Published figures", 60),
    )
    page = sheets.sheet("Definitions", "What each measure is, from the rule set.", headings)
    shown = list(dict.fromkeys([*(line.measure.id for line in found.lines), *(a.measure.id for a in found.not_available)]))
    by_id = {m.id: m for m in found.book.measures}
    for row, measure in enumerate((by_id[i] for i in shown), ABOVE + 1):
        sources = [f"{found.book.book.sources[s.id].title}, {s.at}" for s in measure.source]
        published = [f"{c.area} {published_words(measure, c)}, {c.year}, {MARK_WORDS[c.verified]}" for c in measure.comparators]
        official = measure.official
        cells = (
            measure.id,
            f"KPI {measure.number}: {measure.title}" if measure.number else measure.title,
            measure.definition,
            measure.numerator,
            measure.denominator,
            measure.period,
            official.name if official else "",
            official.differs if official else "",
            " ".join(steps(measure, found.book.book)),
            "; ".join(sources),
            "; ".join(published),
        )
        for at, value in enumerate(cells):
            sheets.put(page, row, at, value, sheets.bold if at == 0 else sheets.text)


def _not_available(sheets: _Sheets, found: Measured) -> None:
    headings = (("Measure", 24), ("What it is", 44), ("Why", 70), ("Needs", 50))
    page = sheets.sheet("Not available", "Measures that cannot be given from what was read, and what they need.", headings)
    for row, each in enumerate(found.not_available, ABOVE + 1):
        name = f"KPI {each.measure.number}" if each.measure.number else each.measure.id
        for at, value in enumerate((name, each.measure.title, each.why, ", ".join(each.needs))):
            sheets.put(page, row, at, value, sheets.bold if at == 0 else sheets.text)


def _about(sheets: _Sheets, found: Measured) -> None:
    book, asked = found.book.book, found.asked
    page = sheets.sheet("About", "What these figures rest on.", (("", 26), ("", 110)), freeze=0)
    under = asked.suppress_under
    rows = [
        ("Period", period_words(asked.window)),
        ("As it was", reading_words(found)),
        ("Population under 18", f"{asked.population:,}" if asked.population else "not given: rates are left out"),
        ("Small numbers", f"numbers below {under}, and what would give them away, are left out" if under > 1 else "nothing is left out"),
        ("Sources", "; ".join(f"{s.name} ({s.format}, {plural(len(s.log.children), 'child', 'children')})" for s in found.sources)),
        ("Rule set", f"{book.title}, {book.version}"),
        ("Digest of the rule set", book.digest),
        ("Engine", f"rrt {__version__}"),
        ("Published figures", "stand beside for orientation, each with its year; they are no targets, and the areas differ."),
        (
            "Shown apart",
            "what cannot be told, rests on what came before the records begin, or has dates in the wrong order, is in no share.",
        ),
        ("Notice", book.notice),
    ]
    for row, (name, text) in enumerate(rows, ABOVE + 1):
        sheets.put(page, row, 0, name, sheets.bold)
        sheets.put(page, row, 1, text)
