"""The three formats of an event log as columns: CSV, Parquet and JSON lines. What the columns mean is read elsewhere."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.diagnostics import Diagnostic, InputError, Severity, did_you_mean
from rrt_engine.model import Bools, Int32s, Rejected, plural
from rrt_engine.sources.event_log_columns import Coded, Nested, brief, is_blank
from rrt_engine.sources.json_text import NotJson, json_of

COLUMNS = {"child_id": ("child_id", "case_id"), "event": ("event", "activity"), "at": ("at", "timestamp", "date")}
"""The columns an event log must have, and the other names they go by."""
Needed = Mapping[str, Sequence[str]]
MOST_COLUMNS = 2_000
"""How many columns a file may have: beyond that something is wrong with it, and looking at each would take longer than anyone waits."""
SHOWN = 20
"""How many mistakes of one sort are listed one by one; the rest are counted, and all are in `rejected`."""


def refused(file: str, code: str, message: str, help: str = "", line: int = 0) -> InputError:
    """The error for a file that cannot be read at all."""
    return InputError([Diagnostic(file, line, 1 if line else 0, code, message, help=help)])


_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guarded(text: str) -> str:
    """Text as it is written in CSV: begun with an apostrophe where a spreadsheet could take it for a formula.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("O'Hara")
    ("'=1+1", "''=1+1", "O'Hara")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Text as it was before `guarded`.

    >>> unguarded("'=1+1"), unguarded("''=1+1"), unguarded("'tis")
    ('=1+1', "'=1+1", "'tis")
    """
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def heading(name: Any) -> str:
    """A column name as it is compared: `Child ID` is `child_id`."""
    return re.sub(r"[\s\-]+", "_", str(name).strip().lower())


@dataclass
class Table:
    """A file as columns, before anything is read into them. A column is a `Coded` or an Arrow array."""

    file: str
    format: str
    columns: dict[str, Any]
    n: int
    row: Int32s
    rejected: list[Rejected] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def say(self, code: str, message: str, help: str = "", severity: Severity = "warning", line: int = 0) -> None:
        """Tell the person something about the file."""
        self.diagnostics.append(Diagnostic(self.file, line, 1 if line else 0, code, message, severity, help=help))


def delimited_head(path: Path, head: bytes) -> tuple[str, str, list[str]]:
    """The encoding of a CSV file, its delimiter and the names of its columns, from its first bytes. Raises InputError."""
    encoding = _encoding(head, path)
    if encoding is None:
        raise refused(str(path), "encoding", "the file holds binary data, not text", "expected CSV, Parquet or JSON lines")
    try:
        text = head.decode(encoding, "surrogateescape" if encoding == "utf8" else "ignore")
        first, *more = re.split(r"\r\n|\n|\r", text.lstrip("\ufeff"), maxsplit=1)
    except UnicodeDecodeError:
        first, more = "", [""]
    if not more and len(head) < path.stat().st_size:
        message = f"its first line is longer than {len(head):,} bytes; expected the names of the columns"
        raise refused(str(path), "csv", message, "check that lines end as lines of text do", 1)
    delimiter = max(",;\t|", key=lambda d: first.count(d))
    names = next(csv.reader([first.replace("\x00", "")], delimiter=delimiter), [])
    return encoding, delimiter, names


def read_delimited(path: Path, head: bytes, needed: Needed = COLUMNS) -> Table:
    """CSV, in the encoding and with the delimiter it was written in."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    file = str(path)
    encoding, delimiter, names = delimited_head(path, head)
    bad: list[Any] = []

    def note(row: Any) -> str:
        bad.append(row)
        return "skip"

    def read(encoding: str, threads: bool) -> Any:
        bad.clear()
        keys = [f"c{i}" for i in range(len(names))]
        return arrow_csv.read_csv(
            str(path),
            read_options=arrow_csv.ReadOptions(use_threads=threads, encoding=encoding, skip_rows=1, column_names=keys, block_size=8 << 20),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, invalid_row_handler=note, ignore_empty_lines=False, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.dictionary(pa.int32(), pa.string())), null_values=[], strings_can_be_null=False
            ),
        )

    try:
        table: Any = read(encoding, True) if names else None
        if bad:
            table = read(encoding, False)  # only one thread at a time knows which row it is on
    except UnicodeDecodeError:
        raise refused(file, "encoding", "the file is neither UTF-8, UTF-16 nor Windows-1252 text", "save it as CSV UTF-8") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        said = str(error).splitlines()[0][:200]
        if "Empty CSV" not in said and "Could not skip initial" not in said:
            raise refused(file, "csv", f"the file cannot be read as CSV: {said}", "check for a quote mark left open") from None
        table = None
    n = table.num_rows if table is not None else 0
    line = np.arange(2, n + 2 + len(bad), dtype=np.int32)
    if bad:
        at = np.array([r.number for r in bad], np.int32)  # counted from the heading, which is row 1
        line = np.setdiff1d(line, at, assume_unique=True)[:n]
    blank = _blank_rows(table) if table is not None else None
    if blank is not None:
        table, line, n = table.filter(pa.array(~blank)), line[~blank], int(np.count_nonzero(~blank))
    result = Table(file, "CSV", {}, n, line)
    nothing = {name: Coded(np.zeros(0, np.int32), []) for name in names}
    result.columns = {name: _unguarded(column) for name, column in _named(names, nothing, table, result, needed).items()}
    if encoding == "cp1252":
        result.say("encoding", "the file is not UTF-8; it was read as Windows-1252", "save it as CSV UTF-8 if names or places look wrong")
    ragged = [r for r in bad if r.text.strip(" \r\n")]  # a line with nothing on it is not a record
    for row in ragged:
        why = f"{plural(row.actual_columns, 'field')} where the heading has {row.expected_columns}"
        result.rejected.append(Rejected(path.name, row.number, why))
        if len(result.rejected) <= SHOWN:
            result.say("fields", why, "check for a delimiter inside a value that is not in quotes", line=row.number)
    if len(ragged) > SHOWN:
        result.say("fields", f"{plural(len(ragged) - SHOWN, 'more row')} with the wrong number of fields")
    if not n and not ragged:
        result.say("no_rows", "the file has column names and no rows", severity="note")
    return result


def delimited_batches(path: Path, diagnostics: list[Diagnostic], rejected: list[Rejected]) -> Iterator[tuple[Any, Int32s]]:
    """CSV as Arrow tables of text, one after another, with the line of each row: as `read_delimited`, for files of any size.

    What there is to say, and the lines that are no rows, are added to the lists. Raises InputError.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow_csv

    with path.open("rb") as opened:
        encoding, delimiter, names = delimited_head(path, opened.read(65_536))
    places_of(names, str(path))
    keys = [name if heading(name) else f"_{i}" for i, name in enumerate(names)]
    bad: list[Any] = []

    def note(row: Any) -> str:
        bad.append(row)
        return "skip"

    line = 2
    try:
        reader = arrow_csv.open_csv(
            str(path),
            read_options=arrow_csv.ReadOptions(use_threads=False, encoding=encoding, skip_rows=1, column_names=keys, block_size=8 << 20),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, invalid_row_handler=note, ignore_empty_lines=False, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()), null_values=[], strings_can_be_null=False
            ),
        )
        for batch in reader:
            skipped = {row.number for row in bad}
            lines = np.array([at for at in range(line, line + len(batch) + len(skipped)) if at not in skipped][: len(batch)], np.int32)
            line = int(lines[-1]) + 1 if len(lines) else line
            table = pa.Table.from_batches([batch])
            blank = _blank_rows(pa.table([column.dictionary_encode() for column in table.columns], names=table.column_names))
            if blank is not None:
                table, lines = table.filter(pa.array(~blank)), lines[~blank]
            for place, name in enumerate(keys):
                if pc.any(pc.starts_with(table.column(place), "'")).as_py():
                    text = pc.replace_substring_regex(table.column(place), r"^'('*[=+\-@\t\r])", r"\1")
                    table = table.set_column(place, name, text)
            yield table.drop_columns([key for key, name in zip(keys, names, strict=True) if key != name]), lines
    except UnicodeDecodeError:
        raise refused(str(path), "encoding", "the file is neither UTF-8, UTF-16 nor Windows-1252 text", "save it as CSV UTF-8") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        said = str(error).splitlines()[0][:200]
        raise refused(str(path), "csv", f"the file cannot be read as CSV: {said}", "check for a quote mark left open") from None
    if encoding == "cp1252":
        said = "the file is not UTF-8; it was read as Windows-1252"
        diagnostics.append(Diagnostic(str(path), 0, 0, "encoding", said, "warning", help="save it as CSV UTF-8 if names look wrong"))
    for row in bad:
        if row.text.strip(" \r\n"):  # a line with nothing on it is not a record
            why = f"{plural(row.actual_columns, 'field')} where the heading has {row.expected_columns}"
            rejected.append(Rejected(path.name, row.number, why))
            if len(rejected) <= SHOWN:
                help = "check for a delimiter inside a value that is not in quotes"
                diagnostics.append(Diagnostic(str(path), row.number, 1, "fields", why, "warning", help=help))


def _unguarded(column: Any) -> Any:
    """A column of texts without the apostrophes that keep a spreadsheet from taking them for formulas."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, Coded):
        return column
    if not any(pc.any(pc.starts_with(chunk.dictionary, "'")).as_py() for chunk in column.chunks):
        return column
    chunks = (pa.array([unguarded(v) for v in chunk.dictionary.to_pylist()], pa.string()).take(chunk.indices) for chunk in column.chunks)
    return pa.chunked_array(list(chunks), pa.string()).dictionary_encode()


def _blank_rows(table: Any) -> Bools | None:
    """The rows with nothing in them, as spreadsheets leave below the last: they are not records. None where there are none."""
    blank: Bools | None = None
    for column in sorted(table.columns, key=lambda c: len(c.chunk(0).dictionary) if c.num_chunks else 0):
        empty = is_blank(column)
        blank = empty if blank is None else blank & empty
        if not bool(blank.any()):
            return None
    return blank


def _encoding(head: bytes, path: Path) -> str | None:
    """The encoding of a text file; None for binary data. Text that is not UTF-8 throughout is taken as Windows-1252."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\x00" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > len(head) // 4 and even < odd // 8:
            return "utf-16-le"
        if even > len(head) // 4 and odd < even // 8:
            return "utf-16-be"
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf8"


def _named(names: Sequence[str], columns: Mapping[str, Any], table: Any, result: Table, needed: Needed) -> dict[str, Any]:
    """The columns under the names this reader uses. Raises InputError where a needed one is missing or given twice."""
    places = places_of(names, result.file, needed)
    return {name: table.column(i) if table is not None else columns[names[i]] for name, i in places.items()}


def places_of(names: Sequence[str], file: str, needed: Needed = COLUMNS) -> dict[str, int]:
    """Where each column of a file stands, by the name this reader uses. Raises InputError where a needed one is missing or given twice."""
    refuse_many_columns(file, len(names))
    headings = [heading(name) for name in names]
    by_heading: dict[str, int] = {}
    for i, named in enumerate(headings):
        if not named:
            continue  # an index without a name, as data tools write it
        if named in by_heading:
            raise refused(file, "column_twice", f"the column `{named}` stands twice", "keep one of them", 1)
        by_heading[named] = i
    problems: list[Diagnostic] = []
    used: dict[str, str] = {}
    for wanted, others in needed.items():
        found = next((name for name in others if name in by_heading), None)
        if found is None:
            there = ", ".join(f"`{brief(h)}`" for h in headings[:30] if h) or "none"
            near = did_you_mean(wanted, by_heading)
            help = near or f"expected `{wanted}`" + (f" (or {' or '.join(f'`{o}`' for o in others[1:])})" if others[1:] else "")
            problems.append(Diagnostic(file, 1, 1, "missing_column", f"no column `{wanted}`; the columns found are {there}", help=help))
        else:
            used[found] = wanted
    if problems:
        raise InputError(problems)
    return {used.get(name, name): i for name, i in by_heading.items()}


def refuse_many_columns(file: str, n: int) -> None:
    """Refuse a file with more columns than any record of children has."""
    if n > MOST_COLUMNS:
        message = f"it has {n:,} columns; an extract has {MOST_COLUMNS:,} at most"
        raise refused(file, "many_columns", message, "name columns for what they hold, one row for each record", 1)


def read_parquet(path: Path, needed: Needed = COLUMNS) -> Table:
    """Parquet: text is read as codes, so that a name repeated a million times is one name."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        with parquet.ParquetFile(path, read_dictionary=texts, memory_map=True) as opened:
            table = opened.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise refused(str(path), "parquet", f"the file cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from None
    return table_of(table, str(path), needed)


def table_of(table: Any, file: str, needed: Needed = COLUMNS) -> Table:
    """An Arrow table as the columns of a file; its rows are numbered from 1."""
    result = Table(file, "Parquet", {}, table.num_rows, np.arange(1, table.num_rows + 1, dtype=np.int32))
    result.columns = _named(table.column_names, {}, table, result, needed)
    _refuse_what_is_no_text(result)
    if not table.num_rows:
        result.say("no_rows", "the file has columns and no rows", severity="note")
    return result


def _refuse_what_is_no_text(table: Table) -> None:
    """Refuse ids that are no single values, and what no sound file holds: text that is not UTF-8, and codes that stand for nothing."""
    import pyarrow as pa

    for name, column in table.columns.items():
        coded = pa.types.is_dictionary(column.type)
        kind = column.type.value_type if coded else column.type
        if name == "child_id" and not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or _is_text(kind)):
            raise refused(
                table.file, "parquet", f"the column `child_id` holds values of the type {kind}", "write ids as text or whole numbers"
            )
        try:  # codes beyond their dictionary would be read as other values, or as other children
            for chunk in column.chunks:
                chunk.validate(full=True)
                if coded:
                    chunk.dictionary.validate(full=True)
        except pa.ArrowException:
            message = f"the column `{brief(name)}` holds text that is not UTF-8, or is damaged"
            raise refused(table.file, "parquet", message, "write it again") from None


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return any(each(kind) for each in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null))


def read_json_lines(path: Path, needed: Needed = COLUMNS) -> Table:
    """JSON lines: one object a line, its attributes beside the other keys or under `attributes`."""
    file = str(path)
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeError:
            raise refused(file, "encoding", "the file begins as UTF-16 text and then is not", "save it as UTF-8") from None
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        raise refused(
            file, "json", "the file is one JSON list; expected one JSON object a line", "write each event on a line of its own", 1
        )
    result = Table(file, "JSON lines", {}, 0, np.zeros(0, np.int32))
    rows: list[int] = []
    coders: dict[str, Coder] = {}
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json_of(line)
            why = "" if isinstance(record, dict) else "not a JSON object"
        except NotJson as error:
            why = f"not JSON: {error.why}{f', at character {error.character}' if error.character else ''}"
        if not why and isinstance(nested := record.pop("attributes", None), dict):
            record = {**nested, **record}
        if why:
            result.rejected.append(Rejected(path.name, number, why))
            if len(result.rejected) <= SHOWN:
                result.say("json", why, "expected one JSON object a line", line=number)
            continue
        for name, value in record.items():
            coder = coders.get(name)
            if coder is None:
                coder = coders[name] = Coder()
                refuse_many_columns(file, len(coders))
            if value is not None and value != "":
                coder.put(len(rows), value)
        rows.append(number)
    if len(result.rejected) > SHOWN:
        result.say("json", f"{plural(len(result.rejected) - SHOWN, 'more line')} that cannot be read as JSON objects")
    if not rows:
        raise InputError(result.diagnostics or [Diagnostic(file, 0, 0, "empty", "the file is empty; expected one JSON object a line")])
    result.n, result.row = len(rows), np.array(rows, np.int32)
    result.columns = _named(list(coders), {name: coder.column(len(rows)) for name, coder in coders.items()}, None, result, needed)
    return result


class Coder:
    """Distinct values of one column as they are met, row by row."""

    def __init__(self) -> None:
        self.codes: dict[Any, int] = {}
        self.rows: list[int] = []
        self.held: list[int] = []

    def put(self, row: int, value: Any) -> None:
        """Note that a row holds a value."""
        if isinstance(value, (list, dict)):
            value = Nested(json.dumps(value))
        self.rows.append(row)
        self.held.append(self.codes.setdefault((type(value), value), len(self.codes)))

    def column(self, n: int) -> Coded:
        """The column of n rows."""
        codes = np.full(n, -1, np.int32)
        codes[self.rows] = self.held
        return Coded(codes, [value for _, value in self.codes])
