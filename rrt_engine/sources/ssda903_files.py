"""Find the tables of an SSDA903 return in a folder of CSV files or in its XML form, and take out their rows.

File names mean nothing: a table is known by its columns. A folder may hold one year or several, side by side or each in a
folder of its own; what year each is, is told by its dates, and by names only where the dates leave it open.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.sources.ssda903_tables import TABLES, Table, columns_of, nearly, table_of
from rrt_engine.sources.xml_mistakes import SAFE, not_well_formed

Cells = tuple[str, ...]
EXPECTED = "expected the CSV tables of an SSDA903 return (Episodes, Header, Reviews, ...) or its XML form"


@dataclass
class Part:
    """One table of one file: its rows, each with its line, and the fields of the table in order.

    `hint` is the years its name allows. In the XML form, which is often one line, a row's number is that of its CHILD element.
    """

    table: Table
    file: str
    name: str
    folder: str
    hint: tuple[int, ...] = ()
    rows: list[tuple[int, Cells]] = field(default_factory=list)
    year: int = 0
    unit: str = "line"


@dataclass(frozen=True)
class Lacking:
    """A file that is nearly a table: which, the columns it lacks, and the lines of its rows."""

    file: str
    name: str
    table: str
    columns: tuple[str, ...]
    lines: tuple[int, ...]


@dataclass
class Found:
    """What a folder or file holds: its tables, files that are nearly one (with what they lack), and CSV files that are not."""

    parts: list[Part] = field(default_factory=list)
    lacking: list[Lacking] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


def looks_like_ssda903(path: Path) -> bool:
    """Whether a CSV file is a table of the return, an XML file has its outermost element, or a folder holds either. Never raises."""
    try:
        if path.is_dir():
            return any(table_of(_header(p)) for p in csv_files(path))
        if path.suffix.lower() == ".xml":
            with path.open("rb") as file:
                head = file.read(4096)
            text = head.decode("utf-16", "ignore") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head.decode("latin-1")
            first = re.search(r"<([A-Za-z_][\w.\-]*:)?([A-Za-z_][\w.\-]*)[\s>/]", text)
            return bool(first) and first[2].upper().endswith("SSDA903")  # type: ignore[index]
        return path.suffix.lower() in (".csv", ".tsv") and table_of(_header(path)) is not None
    except (OSError, csv.Error, UnicodeError):
        return False


def csv_files(folder: Path) -> list[Path]:
    """The CSV files of a folder and of the folders in it, in order of name."""
    inside = [each for each in sorted(folder.iterdir()) if not each.name.startswith((".", "~"))]
    found = [each for each in inside if each.is_file()]
    for each in inside:
        if each.is_dir():
            found.extend(p for p in sorted(each.iterdir()) if p.is_file() and not p.name.startswith((".", "~")))
    return [each for each in found if each.suffix.lower() == ".csv"]


def tables_in(path: Path) -> Found:
    """Every table of a folder, a CSV file or an XML file. Raises InputError where a file cannot be opened or is not what it says."""
    found = Found()
    try:
        if path.suffix.lower() == ".xml" and path.is_file():
            found.parts.extend(_xml_tables(path))
            return found
        for file in csv_files(path) if path.is_dir() else [path]:
            _csv_table(file, path if path.is_dir() else path.parent, found)
    except OSError as error:
        raise refused(path, "unreadable", f"cannot read it: {error.strerror or error}", "check the path") from None
    return found


def refused(path: Path, code: str, message: str, help: str = "", line: int = 0, column: int = 0) -> InputError:
    """The error that says a file cannot be read at all."""
    return InputError([Diagnostic(str(path), line, column, code, message, "error", "", help)])


# ------------------------------------------------------------------------------------------------------------- CSV


def _header(path: Path) -> list[str]:
    """The column names of a CSV file, from its first bytes."""
    with path.open("rb") as file:
        top = _text(file.read(8192))
    return columns_of(next(_records(top), []))


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what Excel writes as "CSV" in Britain


def _records(text: str) -> Any:
    """A CSV reader of text whose separator is the one its first line has most of."""
    separator = max(",;\t|", key=text.partition("\n")[0].count)
    return csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=separator)


_BLANKS = frozenset(["", "NULL", "null", "NaN", "nan", "NaT", "None", "#N/A", "N/A", "n/a", "<NA>", "-"])


def _csv_table(file: Path, top: Path, found: Found) -> None:
    """Read one CSV file, if it is a table of the return."""
    records = _records(_text(file.read_bytes()))
    try:
        columns = columns_of(next(records, []))
        table = table_of(columns)
        if table is None:
            near = nearly(columns)
            if near:
                lines = tuple(records.line_num for cells in records if any(c.strip() for c in cells))
                found.lacking.append(Lacking(str(file), file.relative_to(top).as_posix(), *near, lines))
            else:
                found.others.append(file)
            return
        at = [columns.index(name) if name in columns else -1 for name in table.fields]
        about = [i for i, name in enumerate(columns) if name and not name.startswith("UNNAMED:")]  # not an index column without a name
        part = Part(table, str(file), file.relative_to(top).as_posix(), str(file.parent), _hint(file, top))
        for cells in records:
            n = len(cells)
            if not any(cells[i].strip() for i in about if i < n):
                continue
            part.rows.append(
                (records.line_num, tuple(["" if not 0 <= i < n or (text := cells[i].strip()) in _BLANKS else text for i in at]))
            )
    except csv.Error as error:
        raise refused(file, "csv", f"it cannot be read as CSV: {error}", "open it in Excel and save it as CSV UTF-8") from None
    found.parts.append(part)


def _cell(text: str) -> str:
    text = text.strip()
    return "" if text in _BLANKS else text


_SPAN = re.compile(r"(?<!\d)(20\d\d)[\s_\-/]*(?:to)?[\s_\-/]*(?:20)?(\d\d)(?!\d)")
_ONE = re.compile(r"(?<!\d)(20\d\d)(?!\d)")


def _hint(file: Path, top: Path) -> tuple[int, ...]:
    """The collections that the name of a file, or of the folder it is in, allows; none where neither has a year.

    A name such as 2023_24 means one year; 2017 may be the year that begins in it or the one that ends in it.
    """
    for text in (file.stem, file.parent.name if file.parent != top else "", top.name):
        for begins, ends in _SPAN.findall(text):
            if (int(begins) + 1) % 100 == int(ends):
                return (int(begins) + 1,)
        single = _ONE.search(text)
        if single:
            return (int(single[1]), int(single[1]) + 1)
    return ()


# ------------------------------------------------------------------------------------------------------------- XML

_RENAMED = {"CHILDID": "CHILD", "PL": "PLACE"}
_GROUPS = {
    "EPISODE": "Episodes",
    "AREVIEW": "Reviews",
    "AMISSING": "Missing",
    "AD_PLACED": "PlacedAdoption",
    "OC2": "OC2",
    "PERMANENCE": "PrevPerm",
}
"""The groups of the XML form by name. Any other group is known, as a CSV file is, by the fields in it."""
_ONCE = {"UASC": "DUC", "OC3": "IN_TOUCH", "AD1": "DATE_INT"}
"""Tables whose fields stand in the child's own header: the field that says whether the child has one."""


def _xml_tables(path: Path) -> list[Part]:
    """The tables of an XML return, in the same form as those of the CSV files."""
    from lxml import etree

    parts = {name: Part(table, str(path), name, str(path.parent), _hint(path, path.parent), unit="child") for name, table in TABLES.items()}
    try:
        with path.open("rb") as file:
            for _, root in etree.iterparse(file, events=("start",), **SAFE):
                _check_root(path, root)
                break
            file.seek(0)
            for n, (_, child) in enumerate(etree.iterparse(file, events=("end",), tag="{*}CHILD", **SAFE), 1):
                for name, values in _of_child(child):
                    parts[name].rows.append((n, tuple([values.get(each, "") for each in parts[name].table.fields])))
                child.clear(keep_tail=False)
                while child.getprevious() is not None:
                    del child.getparent()[0]
    except etree.XMLSyntaxError as error:
        line, column = error.position
        if not path.stat().st_size:
            raise refused(path, "empty", "the file is empty", "export the return again") from None
        help = "nothing was read, because what follows cannot be trusted; export the return again"
        raise refused(path, "xml", not_well_formed(error), help, max(line, 0), max(column, 0)) from None
    return [part for part in parts.values() if part.rows]


def _check_root(path: Path, root: Any) -> None:
    if root.getroottree().docinfo.doctype:
        message = "the file declares a document type (DOCTYPE), which a return never has; it is refused unread"
        raise refused(path, "doctype", message, "remove the DOCTYPE, or export the return again", 1, 1)
    tag = _local(root.tag)
    if not tag.upper().endswith("SSDA903"):
        message = f"the outermost tag is `{tag[:40]}`; an SSDA903 return has `EXPSSDA903`"
        raise refused(path, "wrong_root", message, EXPECTED, root.sourceline or 1, 1)


def _local(tag: Any) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _leaves(element: Any) -> dict[str, str]:
    """The fields directly inside an element, by their column names."""
    found: dict[str, str] = {}
    for each in element:
        name = _local(each.tag).upper()
        if name and not len(each):
            found.setdefault(_RENAMED.get(name, name), _cell(each.text or ""))
    return found


def _of_child(child: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of each table that a CHILD element holds: the table and the fields."""
    header: dict[str, str] = {}
    groups: list[tuple[str, Any]] = []
    for each in child:
        name = _local(each.tag).upper()
        if name == "HEADER":
            header |= _leaves(each)
            groups.extend((_local(inner.tag).upper(), inner) for inner in each if len(inner))
        elif name and len(each):
            groups.append((name, each))
    own = {"CHILD": header.get("CHILD", ""), "DOB": header.get("DOB", "")}
    for name, element in groups:
        values = _leaves(element)
        table = _GROUPS.get(name) or getattr(table_of({"CHILD", *values}), "name", "")
        if name in _ONCE or table in _ONCE:
            header |= values
        elif table and any(values.values()):
            yield table, own | values
    yield "Header", own
    for table, says in _ONCE.items():
        if header.get(says):
            yield table, header


__all__ = ["EXPECTED", "Found", "Lacking", "Part", "csv_files", "looks_like_ssda903", "refused", "tables_in"]
