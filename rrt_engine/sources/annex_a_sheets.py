"""Find the Annex A lists in a workbook or a folder of CSV files, and take out their cells.

Whatever the file turns out to be instead, that is said, and never shown as a fault of the program.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.sources import annex_a_values as values
from rrt_engine.sources.annex_a_lists import (
    HEADER_ROWS,
    LISTS,
    column_number,
    columns_of,
    find_header,
    header_words,
    is_about_the_workbook,
    list_named,
)
from rrt_engine.sources.workbook import CannotOpen, Cells, cells_of

EXPECTED = "expected an Annex A workbook with sheets List_1 to List_11, or a folder of CSV files named `List 1.csv` to `List 11.csv`"
ADOPTERS = 11


@dataclass(frozen=True)
class Sheet:
    """One sheet or CSV file that is a list, with its cells from the first row and column."""

    number: int
    name: str
    cells: Cells


def looks_like_annex_a(path: Path) -> bool:
    """Whether a workbook, CSV file or folder is likely to be Annex A lists, by its sheet names or headers. Never raises."""
    try:
        if path.is_dir():
            return any(_is_list_csv(p) for p in _csv_files(path))
        if path.suffix.lower() == ".csv":
            return _is_list_csv(path)
        sheets = _workbook_sheets(path)
        return len(sheets) >= 2 or any(find_header(sheet.cells[:HEADER_ROWS], sheet.number) for sheet in sheets)
    except (InputError, OSError):
        return False


def refused(path: Path, code: str, message: str, help: str = "") -> InputError:
    """The error that says a file cannot be read at all."""
    return InputError([Diagnostic(str(path), 0, 0, code, message, "error", "", help)])


def sheets_in(path: Path) -> list[Sheet]:
    """The lists in a workbook or folder, in order of list."""
    try:
        if path.is_dir():
            files = [(list_named(p.stem), p) for p in _csv_files(path)]
            found = [Sheet(n, p.name, _csv_cells(p, p.read_bytes())) for n, p in files if n]
        elif path.suffix.lower() == ".csv":
            cells = _csv_cells(path, path.read_bytes())
            number = list_named(path.stem) or _list_like(cells)
            found = [Sheet(number, path.name, cells)] if number else []
        else:
            found = _workbook_sheets(path)
    except OSError as error:
        raise refused(
            path, "unreadable", f"cannot read it: {error.strerror or error}", "check the path, and that the file is not open elsewhere"
        ) from None
    return sorted(found, key=lambda s: (s.number, s.name))


def _csv_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv" and p.is_file() and not p.name.startswith((".", "~")))


def _is_list_csv(path: Path) -> bool:
    with path.open("rb") as file:
        top = _csv_cells(path, file.read(20_000))
    number = list_named(path.stem)
    return bool(number == ADOPTERS or (number and find_header(top, number)) or (not number and _list_like(top)))


def _list_like(cells: Cells) -> int:
    """Which list a header must be, where the file's name does not say: the one with most of its own columns there."""
    best, most = 0, 2
    for each in LISTS[:-1]:
        header = find_header(cells, each.number)
        if header and header.usable and "child" in header.fields and each.columns:
            exact = {header_words(c.name) for c in columns_of(each.number)}
            score = sum(header_words(cells[header.row][at]) in exact for at in header.fields.values())
            if score > most:
                best, most = each.number, score
    return best


def _unnamed(names: Iterable[str]) -> list[str]:
    """The sheets that are the eleven lists in order, where no sheet's name says which list it is."""
    sheets = [name for name in names if not is_about_the_workbook(name)]
    return sheets if len(sheets) == len(LISTS) else []


def _workbook_sheets(path: Path) -> list[Sheet]:
    data = path.read_bytes()
    if not data:
        raise refused(path, "empty", "the file is empty", EXPECTED)
    if "EncryptedPackage".encode("utf-16-le") in data[:65_536] or "EncryptedPackage".encode("utf-16-le") in data[-65_536:]:
        raise _protected(path)
    _refuse_far_cells(path, data)
    names: list[str] = []
    numbers: dict[str, int] = {}

    def lists(found: list[str]) -> list[str]:
        names.extend(found)
        if len(set(found)) < len(found):
            raise refused(path, "sheet_twice", "two of its sheets have the same name", "open it in Excel and save it again")
        numbers.update((name, n) for name in found if not is_about_the_workbook(name) and (n := list_named(name)))
        numbers.update({} if numbers else {name: i for i, name in enumerate(_unnamed(found), 1)})
        return list(numbers)

    try:
        cells = cells_of(path, lists)
    except CannotOpen as error:
        if error.why == "password":
            raise _protected(path) from None
        if error.why == "too_large":
            help = "a cell is far away, or the file is damaged: in Excel delete what lies beyond the lists, and save it again"
            raise refused(
                path, "too_large", "it asks for more memory than a workbook may: a cell is far away, or it is damaged", help
            ) from None
        raise refused(path, "not_a_workbook", _what_it_is(data), EXPECTED) from None
    if not numbers:
        found = ", ".join(f"`{values.shown(name)}`" for name in names[:12]) or "none"
        raise refused(path, "no_lists", f"none of its sheets is an Annex A list; its sheets are {found}", EXPECTED)
    return [Sheet(number, name, _not_damaged(path, name, cells[name])) for name, number in numbers.items()]


def _protected(path: Path) -> InputError:
    help = "open it in Excel, save it without the password where that is allowed, and try again"
    return refused(path, "password", "the workbook is protected by a password", help)


_DIMENSION = re.compile(rb'<(?:\w+:)?dimension ref="[A-Z]+[0-9]+:([A-Z]{1,3})([0-9]{1,7})"')
_MOST_CELLS = 40_000_000


def _refuse_far_cells(path: Path, data: bytes) -> None:
    """Refuse a sheet with a stray cell so far away that the library would ask for more memory than there is."""
    for letters, row in _reaches(data):
        if row * column_number(letters) > _MOST_CELLS:
            help = "delete the rows and columns beyond the list, which look empty, and save it again"
            raise refused(path, "too_large", f"a sheet reaches to cell {letters}{row}, far beyond its list", help)


def _reaches(data: bytes) -> list[tuple[str, int]]:
    """The last cell each sheet says it has, as letters and row; none where the file does not say."""
    found = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            for part in parts.namelist():
                if part.startswith("xl/worksheets/") and part.endswith(".xml"):
                    with parts.open(part) as sheet:
                        says = _DIMENSION.search(sheet.read(4096))
                    if says:
                        found.append((says[1].decode(), int(says[2])))
    except Exception:  # a damaged archive fails in many ways; opening the workbook says that it is damaged
        return found
    return found


def _what_it_is(data: bytes) -> str:
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if data.startswith(b"PK"):
        return "the workbook is damaged or cut short"
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "it is an Office file, and not a workbook that can be read"
    if start.startswith((b"<html", b"<!doctype", b"<table", b"<?xml")):
        return "it is a web page or XML with a workbook's name; open it in Excel and save it as .xlsx"
    if b"\0" not in data[:4096]:
        return "it is text with a workbook's name; if it is CSV, name it `List 1.csv` and so on"
    return "it is not a workbook"


def _not_damaged(path: Path, name: str, cells: Cells | None) -> Cells:
    if cells is None:
        message = "the sheet cannot be read: the workbook is damaged"
        raise InputError([Diagnostic(str(path), 0, 0, "damaged_sheet", message, "error", name, "open it in Excel and save it again")])
    return cells


def _csv_cells(path: Path, data: bytes) -> Cells:
    """The cells of a CSV file, whatever its encoding and separator, one list a record."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")  # what Excel writes as "CSV" in Britain
    text = text.replace("\0", "")
    top = text[:4000]
    separator = max(",;\t|", key=top.count)
    try:
        return [list(record) for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator)]
    except csv.Error as error:
        raise refused(path, "csv", f"it cannot be read as CSV: {error}", "open it in Excel and save it as CSV UTF-8") from None
