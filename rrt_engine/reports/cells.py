"""Tables for people's own spreadsheets: CSV with cells that are no formula, and workbooks that are the same on every run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, as_date
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.words import uk_time

RISKY = ("=", "+", "-", "@", "\t", "\r")
MOST_ROWS = 1_048_576 - 10
"""The rows of an Excel sheet, less a few for the heading."""
ABOUT_WIDTH = 110

Kind = Literal["text", "long", "number", "date", "tick", "percent", "decimal"]


@dataclass(frozen=True)
class Column:
    """One column of a sheet: its heading, its width in characters and what it holds."""

    heading: str
    width: int
    kind: Kind = "text"


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, a line above the table, its columns and its rows. `total` is set apart as the last row."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    total: Sequence[Any] = ()


def safe(text: str) -> str:
    """Text that a spreadsheet cannot take for a formula: an apostrophe stands before one that could be.

    >>> safe("=1+1"), safe("C-0001")
    ("'=1+1", 'C-0001')
    """
    return f"'{text}" if text.startswith(RISKY) else text


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write rows as CSV, one at a time, with every text made safe; returns how many there were."""
    n = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])
            n += 1
    return n


def day_cell(day: int) -> date | None:
    """A day number as a date for a cell, or nothing."""
    return None if day == NO_DAY else as_date(day)


def time_cell(day: int, instant: int) -> date | datetime | None:
    """A day, or the UK time of an hour clock where there is one, for a cell."""
    return day_cell(day) if instant == NO_INSTANT else uk_time(instant).replace(tzinfo=None)


def write_workbook(path: Path, as_of: Moment, title: str, sheets: Sequence[Sheet], about: Sequence[tuple[str, str]]) -> None:
    """Write an Excel workbook: real dates, headings that stay in sight, filters, A4 landscape. No macros and no formulas.

    The same content gives the same bytes: the only time in it is the as-of date. Raises InputError where a sheet is too long.
    """
    for sheet in sheets:
        if len(sheet.rows) > MOST_ROWS:
            message = f"`{sheet.name}` would have {len(sheet.rows):,} rows, and a sheet holds {MOST_ROWS:,}"
            raise InputError([Diagnostic(str(path), 0, 0, "too_long", message, "error", "", "write .csv, or choose a team")])
    book = open_workbook(path, title, as_of.day, "As at")
    formats = _formats(book)
    for sheet in sheets:
        _write_sheet(book, sheet, title, formats)
    _write_about(book, about, title, formats)
    book.close()


PLAIN = {"valign": "top", "font_name": "Arial", "font_size": 10}
BOXED = {**PLAIN, "border": 1, "border_color": "#B1B4B6"}
TITLE = {**PLAIN, "bold": True, "font_size": 14}
HEADING = {**BOXED, "bold": True, "text_wrap": True, "bg_color": "#F3F2F1"}
"""How cells look in every workbook; each adds the formats that are its own."""
ABOVE = 2
"""The rows above a sheet's table: its title, and one that is empty or says how to read it."""


def open_workbook(path: Path, title: str, day: int, words: str) -> Any:
    """A new workbook in which text stays text. The only time in it is a day, which its comment names after some words ("As at")."""
    import xlsxwriter

    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(str(path), options)
    made = datetime.combine(as_date(day), datetime.min.time())
    book.set_properties({"title": title, "created": made, "comments": f"{words} {as_date(day).isoformat()}"})
    return book


def head(page: Any, title: str, headings: Iterable[tuple[str, int]], freeze: int, formats: tuple[Any, Any]) -> None:
    """A sheet's title and its headings with their widths, which stay in sight with the first columns and are printed on every page.

    `formats` are those of the title and of the headings.
    """
    page.write_string(0, 0, title, formats[0])
    for at, (heading, width) in enumerate(headings):
        page.set_column(at, at, width)
        page.write_string(ABOVE, at, heading, formats[1])
    page.freeze_panes(ABOVE + 1, freeze)
    page.repeat_rows(ABOVE)


def _formats(book: Any) -> dict[str, Any]:
    return {
        "title": book.add_format(TITLE),
        "heading": book.add_format(HEADING),
        "text": book.add_format({**BOXED, "text_wrap": True}),
        "long": book.add_format({**BOXED, "text_wrap": True}),
        "number": book.add_format({**BOXED, "num_format": "#,##0"}),
        "percent": book.add_format({**BOXED, "num_format": "0.0%"}),
        "decimal": book.add_format({**BOXED, "num_format": "#,##0.0###"}),
        "date": book.add_format({**BOXED, "num_format": "ddd d mmm yyyy", "align": "left"}),
        "time": book.add_format({**BOXED, "num_format": "ddd d mmm yyyy hh:mm", "align": "left"}),
        "tick": book.add_format(BOXED),
        "total": book.add_format({**BOXED, "bold": True, "num_format": "#,##0"}),
        "name": book.add_format({**PLAIN, "bold": True, "text_wrap": True}),
        "about": book.add_format({**PLAIN, "text_wrap": True}),
    }


def _write_sheet(book: Any, sheet: Sheet, title: str, formats: dict[str, Any]) -> None:
    page = book.add_worksheet(sheet.name)
    widths = [(column.heading, column.width) for column in sheet.columns]
    head(page, sheet.title, widths, min(2, len(widths)), (formats["title"], formats["heading"]))
    for number, row in enumerate(sheet.rows, ABOVE + 1):
        for at, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
            _write_cell(page, number, at, column.kind, value, formats)
    last = ABOVE + len(sheet.rows)
    if sheet.rows:
        page.autofilter(ABOVE, 0, last, len(sheet.columns) - 1)
    for at, value in enumerate(sheet.total):
        if isinstance(value, str):
            page.write_string(last + 1, at, value, formats["total"])
        else:
            page.write_number(last + 1, at, value, formats["total"])
    print_set_up(page, title, sheet.name)


def _write_cell(page: Any, row: int, at: int, kind: Kind, value: Any, formats: dict[str, Any]) -> None:
    if value is None or value == "":
        page.write_blank(row, at, None, formats[kind])
    elif isinstance(value, datetime):
        page.write_datetime(row, at, value, formats["time"])
    elif isinstance(value, date):
        page.write_datetime(row, at, value, formats["date"])
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        page.write_number(row, at, value, formats[kind if kind in ("percent", "decimal") else "number"])
    else:
        page.write_string(row, at, safe(str(value)), formats[kind])


def _write_about(book: Any, about: Sequence[tuple[str, str]], title: str, formats: dict[str, Any]) -> None:
    page = book.add_worksheet("About")
    page.write_string(0, 0, "About this list", formats["title"])
    page.set_column(0, 0, 24)
    page.set_column(1, 1, ABOUT_WIDTH)
    for row, (name, text) in enumerate(about, ABOVE):
        page.write_string(row, 0, name, formats["name"])
        page.write_string(row, 1, safe(text), formats["about"])
    print_set_up(page, title, "About")


def print_set_up(page: Any, title: str, name: str) -> None:
    """A4 on its side, as wide as the sheet, with the page numbers and what it is at the foot."""
    page.set_landscape()
    page.set_paper(9)
    page.set_margins(0.4, 0.4, 0.5, 0.6)
    page.fit_to_pages(1, 0)
    page.set_footer(f"&L&8{title.replace('&', '&&')}: {name.replace('&', '&&')}&R&8Page &P of &N")
