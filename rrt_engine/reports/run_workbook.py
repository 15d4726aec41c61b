"""A report as an Excel workbook: a sheet for each table, one of definitions, and the flags themselves as far as a sheet holds them.

Real numbers and dates, filters, headings that stay in sight; no macros and no formulas. The same run gives the same bytes: the
only time in it is the as-of date.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrt_engine.calendar import as_date
from rrt_engine.reports.cells import MOST_ROWS, safe
from rrt_engine.reports.run_page import TRACED, about, answer, method, title
from rrt_engine.reports.run_shapes import Summary
from rrt_engine.reports.run_tables import Column, Table, every

if TYPE_CHECKING:
    from rrt_engine.replay.run_folder import Run

HEADING = 3
"""The row of the headings: above it the title, how to read the sheet, and which flags each column counts."""
MOST_FLAGS = MOST_ROWS - HEADING
_FIRST = ("overdue", "late", "early")
_STATUSES = {
    "met": "done on time, or a pattern recorded",
    "late": "done after the last day on time",
    "early": "done before the first day allowed",
    "overdue": "not done, and the last day on time has passed, or had passed when the duty ended; where ended_by is filled in, it was "
    "missed and has ended since: nothing is left to do",
    "due_soon": "not done, and due within a few days",
    "due": "not done, and not due yet",
    "ended": "no longer needed: something ended the duty first",
    "cannot_tell": "it cannot be told, and the reason is given",
}
_BASES = {
    "basis = 'history'": "every step is in the source, so that it can be said how often a duty was on time",
    "basis = 'now'": "the source holds only the latest dates, so that only how things stand can be said",
    "basis = 'count'": "a pattern without a time limit",
}


def write_workbook(found: Summary, run: Run, path: Path) -> None:
    """Write every sheet; the flags are left out where small numbers are."""
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(str(path), options)
    made = datetime.combine(as_date(found.as_of.day), datetime.min.time())
    book.set_properties({"title": title(found), "created": made, "comments": f"As at {as_date(found.as_of.day).isoformat()}"})
    sheets = _Sheets(book, title(found))
    _texts(sheets, "About", [("", answer(found)), *about(found), ("Numbers", TRACED), ("Notice", found.notice)])
    for table in every(found):
        _table(sheets, table)
    _texts(sheets, "Definitions", _definitions(found))
    if not found.under:
        _flags(sheets, found, run)
    book.close()


class _Sheets:
    """The workbook being written, with its formats."""

    def __init__(self, book: Any, name: str) -> None:
        plain = {"valign": "top", "font_name": "Arial", "font_size": 10}
        boxed = {**plain, "border": 1, "border_color": "#B1B4B6"}
        self.book, self.name = book, name
        self.large = book.add_format({**plain, "bold": True, "font_size": 14})
        self.says = book.add_format({**plain, "italic": True})
        self.where = book.add_format({**plain, "italic": True, "font_size": 8, "text_wrap": True})
        self.heading = book.add_format({**boxed, "bold": True, "text_wrap": True, "bg_color": "#F3F2F1"})
        self.right = book.add_format({**boxed, "align": "right"})
        self.bold = book.add_format({**boxed, "bold": True, "text_wrap": True})
        self.of = {
            "text": book.add_format({**boxed, "text_wrap": True}),
            "number": book.add_format({**boxed, "num_format": "#,##0"}),
            "measure": book.add_format({**boxed, "num_format": "0.000"}),
            "share": book.add_format({**boxed, "num_format": "0.0%"}),
            "date": book.add_format({**boxed, "num_format": "d mmm yyyy", "align": "left"}),
        }

    def sheet(self, name: str, says: str, columns: Sequence[Column]) -> Any:
        """A sheet with its title, how to read it and its headings."""
        page = self.book.add_worksheet(name)
        for at, column in enumerate(columns):
            page.set_column(at, at, column.width)
        page.write_string(0, 0, f"{name}: {self.name}", self.large)
        page.write_string(1, 0, says, self.says)
        for at, column in enumerate(columns):
            if column.where:
                page.write_string(2, at, column.where, self.where)
        for at, column in enumerate(columns):
            page.write_string(HEADING, at, column.heading, self.heading)
        page.freeze_panes(HEADING + 1, 1)
        page.repeat_rows(HEADING)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.set_footer(f"&L&8{self.name.replace('&', '&&')}: {name}&R&8Page &P of &N")
        return page

    def put(self, page: Any, row: int, at: int, kind: str, value: Any, bold: bool = False) -> None:
        """A cell: numbers and dates as such, text made safe, nothing as an empty cell."""
        format = self.of[kind]
        if value is None or value == "":
            page.write_blank(row, at, None, format)
        elif isinstance(value, bool):
            page.write_boolean(row, at, value, format)
        elif isinstance(value, (int, float)):
            page.write_number(row, at, value, format)
        elif isinstance(value, date):
            page.write_datetime(row, at, datetime.combine(value, datetime.min.time()), format)
        elif kind == "date":
            page.write_datetime(row, at, datetime.fromisoformat(value), format)
        elif kind != "text":
            page.write_string(row, at, value, self.right)
        else:
            page.write_string(row, at, safe(str(value)), self.bold if bold else format)


def _table(sheets: _Sheets, table: Table) -> None:
    counts = any(row.where for row in table.rows)
    columns = [*table.columns, *([Column("Counts the flags where", "text", width=44)] if counts else [])]
    says = f"{table.caption}. {table.says}" + (f" Counted: the flags where {table.where}." if table.where and table.name != "KPIs" else "")
    page = sheets.sheet(table.name, says.strip(), columns)
    if table.name == "KPIs":
        columns[-1] = Column("Counted by", "text", width=44)
        page.write_string(HEADING, len(columns) - 1, columns[-1].heading, sheets.heading)
    filtered = 0
    for at, row in enumerate(table.rows, HEADING + 1):
        where = f"{table.where} {row.where}" if table.name == "KPIs" else " and ".join(w for w in (table.where, row.where) if w)
        for column, (kind, value) in enumerate(zip([c.kind for c in columns], [*row.cells, *([where] if counts else [])], strict=True)):
            sheets.put(page, at, column, kind, value, row.kind == "sum")
        filtered += row.kind == "row"
    if filtered:
        page.autofilter(HEADING, 0, HEADING + filtered, len(columns) - 1)


def _texts(sheets: _Sheets, name: str, lines: Sequence[tuple[str, str]]) -> None:
    page = sheets.sheet(name, "", (Column("", "text", width=34), Column("", "text", width=110)))
    for row, (first, text) in enumerate(lines, HEADING + 1):
        sheets.put(page, row, 0, "text", first, True)
        sheets.put(page, row, 1, "text", text)


def _definitions(found: Summary) -> list[tuple[str, str]]:
    """What each word and column means."""
    from rrt_engine.replay.flag_rows import COLUMNS

    lines = [(f"status = '{name}'", f"{text[0].upper()}{text[1:]}") for name, text in _STATUSES.items()]
    lines += list(_BASES.items())
    for heading, texts in method(found):
        lines += [(heading if i == 0 else "", text) for i, text in enumerate(texts)]
    return [*lines, *((f"column {name}", text) for name, text in COLUMNS.items())]


_KINDS = {"start": "date", "due": "date", "rung": "number", "days_late": "number", "trigger_row": "number", "answer_row": "number"}
_WIDTHS = {"title": 50, "case": 18, "rule": 30}


def _flags(sheets: _Sheets, found: Summary, run: Run) -> None:
    """The flags: all of them where a sheet holds them, or else what needs attention first."""
    from rrt_engine.replay.flag_rows import COLUMNS

    total = found.counts["flags"] or 0
    left = max(total - MOST_FLAGS, 0)
    says = f"All {total:,} flags, one for each duty that started."
    if left:
        says = (
            f"{MOST_FLAGS:,} of {total:,} flags, as many as a sheet holds: what is overdue, late or too early first. "
            f"{left:,} are left out here and are in flags/*.parquet, in the folder of the run."
        )
    kinds = [_KINDS.get(name, "text") for name in COLUMNS]
    columns = [Column(name, "text", width=_WIDTHS.get(name, 16)) for name in COLUMNS]
    page = sheets.sheet("Flags", says, columns)
    row = HEADING
    for values in _in_order(run, bool(left)):
        if row - HEADING >= MOST_FLAGS:
            break
        row += 1
        for at, (kind, value) in enumerate(zip(kinds, values, strict=True)):
            if value is not None:
                sheets.put(page, row, at, kind, value)
    if row > HEADING:
        page.autofilter(HEADING, 0, row, len(columns) - 1)


def _in_order(run: Run, first: bool) -> Iterator[tuple[Any, ...]]:
    """The rows of the flags, a few at a time; what needs attention before the rest where asked."""
    import pyarrow.compute as pc

    from rrt_engine.replay.flag_rows import COLUMNS

    pressing = pc.field("status").isin(list(_FIRST))
    for filter in (pressing, ~pressing) if first else (None,):
        for table in run.batches(columns=list(COLUMNS), filter=filter):
            for batch in table.to_batches(max_chunksize=5_000):
                yield from zip(*(batch.column(name).to_pylist() for name in COLUMNS), strict=True)
