"""Read an event log: one row an event, as CSV, Parquet or JSON lines.

Columns: `child_id`, `event`, `at`, and where known `recorded_at`, `ref`, `date_of_birth`, `expected_date_of_birth`; every
other column is an attribute. Each distinct text is read once, so that millions of rows cost what their columns cost.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import DAY, FIRST_YEAR, LAST_YEAR, NO_DAY, NO_INSTANT, as_date, day_number, midnight, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError, Severity, did_you_mean
from rrt_engine.model import Attribute, AttributeValue, Bools, Coverage, EventLog, Int32s, Int64s, Rejected, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.strict_yaml import Document, single
from rrt_engine.sources.builder import sorted_log, typed
from rrt_engine.sources.reading import Reading

_OTHER_NAMES = {"child_id": ("child_id", "case_id"), "event": ("event", "activity"), "at": ("at", "timestamp", "date")}
_OPTIONAL = ("recorded_at", "ref", "date_of_birth", "expected_date_of_birth")
_SHOWN = 20
"""How many mistakes of one sort are listed one by one; the rest are counted, and all are in `rejected`."""
_SORTABLE = 2_000_000  # rows that share a child and a day: beyond this only neighbours are compared for exact duplicates
_FIRST_DAY, _LAST_DAY = day_number(date(FIRST_YEAR + 1, 1, 1)), day_number(date(LAST_YEAR, 1, 1)) - 1
_SPAN = f"outside {FIRST_YEAR + 1} to {LAST_YEAR - 1}; check the year"


def read_event_log(path: Path | str, book: RuleBook, covers: Mapping[str, Any] | None = None) -> Reading:
    """Read an event log. `covers` says what it covers, in place of the `<name>.covers.yaml` beside the file.

    Raises InputError when it is not an event log at all; a bad row is rejected and the rest goes on.
    """
    path = Path(path)
    file = str(path)
    coverage, snapshot = _coverage(path, book, covers)
    try:
        with path.open("rb") as opened:
            head = opened.read(65_536)
    except OSError as error:
        raise _refused(file, "unreadable", f"cannot read the file: {error.strerror or error}") from None
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise _refused(file, "empty", "the file is empty; expected one row an event, under a row of column names")
    suffix = path.suffix.lower()
    if head[:4] == b"PAR1":
        table = _parquet(path)
    elif head[:4] == b"PK\x03\x04" or head[:4] == b"\xd0\xcf\x11\xe0":
        raise _refused(file, "format", "this is a workbook or zip file, not an event log", "save the sheet as CSV (UTF-8) and read that")
    elif suffix in (".parquet", ".pq"):
        raise _refused(file, "format", "the name says Parquet but the contents are not", "check the file; CSV must be named .csv")
    elif suffix in (".jsonl", ".ndjson", ".json") or (
        suffix not in (".csv", ".tsv", ".txt") and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    ):
        table = _json_lines(path)
    else:
        table = _delimited(path, head)
    return _Conversion(table, book).reading(coverage, snapshot)


def _refused(file: str, code: str, message: str, help: str = "", line: int = 0) -> InputError:
    return InputError([Diagnostic(file, line, 1 if line else 0, code, message, help=help)])


# ---------------------------------------------------------------------------------------------------- what is covered


def _coverage(path: Path, book: RuleBook, given: Mapping[str, Any] | None) -> tuple[Coverage, bool]:
    """What the log covers, and whether it holds only the latest of each kind."""
    document: Document | None = None
    file = str(path)
    if given is None:
        for name in (f"{path.name}.covers.yaml", f"{path.stem}.covers.yaml"):
            beside = path.with_name(name)
            if beside.is_file():
                try:
                    document = single(str(beside), beside.read_text(encoding="utf-8-sig"))
                except (OSError, UnicodeDecodeError):
                    raise _refused(str(beside), "unreadable", "cannot read the file as UTF-8 text") from None
                file, given = str(beside), document.data
                break
    if given is None:
        return Coverage(), False
    if not isinstance(given, Mapping):
        raise _refused(file, "shape", "expected `from`, `kind` and `events`", "such as {from: 2025-01-01, kind: history}", 1)
    problems: list[Diagnostic] = []

    def problem(key: str, message: str, help: str = "") -> None:
        found = document.diagnostic((key,), "covers", message, help) if document else Diagnostic(file, 0, 0, "covers", message, help=help)
        problems.append(found)

    kinds: frozenset[str] | None = None
    since: dict[str, int] = {}
    for key, value in given.items():
        if key == "from":
            try:
                since[""] = parse_moment(value).day
            except ValueError as error:
                problem("from", str(error) if "`" in str(error) else f"`{value}` is not a day in the calendar")
        elif key == "kind" and value in ("history", "snapshot"):
            continue
        elif key == "events" and isinstance(value, list):
            named = {str(v): book.kind_named(str(v)) for v in value}
            for word in (w for w, kind in named.items() if kind is None):
                problem("events", f"unknown event `{word}`", did_you_mean(word, book.events))
            kinds = frozenset(kind for kind in named.values() if kind is not None)
        else:
            help = "`from` is a date, `kind` is history or snapshot, `events` is a list"
            problem(str(key), f"`{key}: {_brief(value)}` is not something a log can cover", help)
    if problems:
        raise InputError(problems)
    return Coverage(kinds, since), given.get("kind") == "snapshot"


# ---------------------------------------------------------------------------------------------------- the three formats


@dataclass(frozen=True)
class _Coded:
    """A column as codes into its distinct values; -1 where it is empty."""

    codes: Int32s
    values: list[Any]

    def take(self, rows: Any) -> _Coded:
        return _Coded(self.codes[rows], self.values)


@dataclass
class _Table:
    """A file as columns, before anything is read into them. A column is a `_Coded` or an Arrow array."""

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


def _heading(name: Any) -> str:
    """A column name as it is compared: `Child ID` is `child_id`."""
    return re.sub(r"[\s\-]+", "_", str(name).strip().lower())


def _delimited(path: Path, head: bytes) -> _Table:
    """CSV, in the encoding and with the delimiter it was written in."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    file = str(path)
    encoding = _encoding(head)
    if encoding is None:
        raise _refused(file, "encoding", "the file holds binary data, not text", "expected CSV, Parquet or JSON lines")
    try:
        first = head.decode(encoding, "ignore" if encoding != "utf8" else "surrogateescape").lstrip("\ufeff").split("\n", 1)[0].rstrip("\r")
    except UnicodeDecodeError:
        first = ""
    delimiter = max(",;\t|", key=lambda d: first.count(d))
    names = next(csv.reader([first.replace("\x00", "")], delimiter=delimiter), [])
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

    problem = None
    for attempt in dict.fromkeys((encoding, "cp1252" if encoding == "utf8" else encoding)):
        try:
            table = read(attempt, True)
            if bad:
                table = read(attempt, False)  # only one thread at a time knows which row it is on
            break
        except UnicodeDecodeError:
            problem = _refused(file, "encoding", "the file is neither UTF-8, UTF-16 nor Windows-1252 text", "save it as CSV UTF-8")
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error) and attempt == "utf8":
                continue
            if "Empty CSV" in str(error):
                table = None
                break
            problem = _refused(
                file, "csv", f"the file cannot be read as CSV: {str(error).splitlines()[0][:200]}", "check for an open quote mark"
            )
        except (pa.ArrowException, OSError, ValueError) as error:
            problem = _refused(file, "csv", f"the file cannot be read as CSV: {str(error).splitlines()[0][:200]}")
    else:
        raise problem or _refused(file, "encoding", "the encoding of the file is not known", "save it as CSV UTF-8")
    n = table.num_rows if table is not None else 0
    line = np.arange(2, n + 2 + len(bad), dtype=np.int32)
    if bad:
        at = np.array([r.number + 1 for r in bad], np.int32)  # the reader counts from the row under the heading
        line = np.setdiff1d(line, at, assume_unique=True)[:n]
    columns = {} if table is None else {name: table.column(i) for i, name in enumerate(names)}
    result = _Table(file, "CSV", {}, n, line)
    result.columns = _named(names, columns or {name: _Coded(np.zeros(0, np.int32), []) for name in names}, table, result)
    if attempt == "cp1252":
        result.say("encoding", "the file is not UTF-8; it was read as Windows-1252", "save it as CSV UTF-8 if names or places look wrong")
    ragged = [r for r in bad if r.text.strip(" \r\n")]  # a line with nothing on it is not a record
    for row in ragged:
        why = f"{plural(row.actual_columns, 'field')} where the heading has {row.expected_columns}"
        result.rejected.append(Rejected(path.name, row.number + 1, why))
        if len(result.rejected) <= _SHOWN:
            result.say("fields", why, "check for a delimiter inside a value that is not in quotes", line=row.number + 1)
    if len(ragged) > _SHOWN:
        result.say("fields", f"{plural(len(ragged) - _SHOWN, 'more row')} with the wrong number of fields")
    if not n and not ragged:
        result.say("no_rows", "the file has column names and no rows", severity="note")
    return result


def _encoding(head: bytes) -> str | None:
    """The encoding a text file begins in; None for binary data. Windows-1252 only shows further on."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\x00" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > len(head) // 4 and even < odd // 8:
            return "utf-16-le"
        if even > len(head) // 4 and odd < even // 8:
            return "utf-16-be"
        return None
    return "utf8"


def _named(names: Sequence[str], columns: Mapping[str, Any], table: Any, result: _Table) -> dict[str, Any]:
    """The columns under the names this reader uses. Raises InputError where a needed one is missing or given twice."""
    headings = [_heading(name) for name in names]
    by_heading: dict[str, Any] = {}
    for i, heading in enumerate(headings):
        if not heading:
            continue  # an index without a name, as data tools write it
        if heading in by_heading:
            raise _refused(result.file, "column_twice", f"the column `{heading}` stands twice", "keep one of them", 1)
        by_heading[heading] = table.column(i) if table is not None else columns[names[i]]
    problems: list[Diagnostic] = []
    used: dict[str, str] = {}
    for wanted, others in _OTHER_NAMES.items():
        found = next((name for name in others if name in by_heading), None)
        if found is None:
            there = ", ".join(f"`{_brief(h)}`" for h in headings[:30] if h) or "none"
            near = did_you_mean(wanted, by_heading)
            help = near or f"expected `{wanted}`" + (f" (or {' or '.join(f'`{o}`' for o in others[1:])})" if others[1:] else "")
            problems.append(
                Diagnostic(result.file, 1, 1, "missing_column", f"no column `{wanted}`; the columns found are {there}", help=help)
            )
        else:
            used[found] = wanted
    if problems:
        raise InputError(problems)
    return {used.get(heading, heading): column for heading, column in by_heading.items()}


def _parquet(path: Path) -> _Table:
    """Parquet: text is read as codes, so that a name repeated a million times is one name."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
        texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        with parquet.ParquetFile(path, read_dictionary=texts, memory_map=True) as opened:
            table = opened.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refused(str(path), "parquet", f"the file cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from None
    result = _Table(str(path), "Parquet", {}, table.num_rows, np.arange(1, table.num_rows + 1, dtype=np.int32))
    result.columns = _named(table.column_names, {}, table, result)
    if not table.num_rows:
        result.say("no_rows", "the file has columns and no rows", severity="note")
    return result


def _json_lines(path: Path) -> _Table:
    """JSON lines: one object a line, its attributes beside the other keys or under `attributes`."""
    file = str(path)
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeError:
            raise _refused(file, "encoding", "the file begins as UTF-16 text and then is not", "save it as UTF-8") from None
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
        raise _refused(
            file, "json", "the file is one JSON list; expected one JSON object a line", "write each event on a line of its own", 1
        )
    result = _Table(file, "JSON lines", {}, 0, np.zeros(0, np.int32))
    rows: list[int] = []
    coders: dict[str, _Coder] = {}
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            why = "" if isinstance(record, dict) else "not a JSON object"
        except (ValueError, RecursionError) as error:
            why = f"not JSON: {error.msg}, at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "not JSON text"
        if not why and isinstance(nested := record.pop("attributes", None), dict):
            record = {**nested, **record}
        if why:
            result.rejected.append(Rejected(path.name, number, why))
            if len(result.rejected) <= _SHOWN:
                result.say("json", why, "expected one JSON object a line", line=number)
            continue
        for name, value in record.items():
            if value is not None and value != "":
                coder = coders.get(name)
                if coder is None:
                    coder = coders[name] = _Coder()
                coder.put(len(rows), value)
        rows.append(number)
    if len(result.rejected) > _SHOWN:
        result.say("json", f"{plural(len(result.rejected) - _SHOWN, 'more line')} that cannot be read as JSON objects")
    if not rows:
        raise InputError(result.diagnostics or [Diagnostic(file, 0, 0, "empty", "the file is empty; expected one JSON object a line")])
    result.n, result.row = len(rows), np.array(rows, np.int32)
    result.columns = _named(list(coders), {name: coder.column(len(rows)) for name, coder in coders.items()}, None, result)
    return result


class _Coder:
    """Distinct values of one JSON key as they are met."""

    def __init__(self) -> None:
        self.codes: dict[Any, int] = {}
        self.rows: list[int] = []
        self.held: list[int] = []

    def put(self, row: int, value: Any) -> None:
        if isinstance(value, (list, dict)):
            value = _Nested(json.dumps(value))
        self.rows.append(row)
        self.held.append(self.codes.setdefault((type(value), value), len(self.codes)))

    def column(self, n: int) -> _Coded:
        codes = np.full(n, -1, np.int32)
        codes[self.rows] = self.held
        return _Coded(codes, [value for _, value in self.codes])


class _Nested(str):
    """A list or object where a single value was expected."""


# ---------------------------------------------------------------------------------------------------- reading the columns


def _coded(column: Any) -> _Coded:
    """Any column as codes into its distinct values, as Python values. Empty text and nulls are -1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, _Coded):
        return column
    if not pa.types.is_dictionary(column.type):
        try:
            column = pc.dictionary_encode(column)
        except pa.ArrowException:
            column = pc.dictionary_encode(pa.chunked_array([pa.array([str(v) for v in column.to_pylist()], pa.string())]))
    chunks = column.unify_dictionaries()
    values = chunks.chunk(0).dictionary.to_pylist() if chunks.num_chunks else []
    parts = [_indices(chunk) for chunk in chunks.chunks]
    codes = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, np.int32)
    empty = [i for i, v in enumerate(values) if v is None or v == "" or v != v]
    if empty:
        table = np.arange(len(values) + 1, dtype=np.int32)
        table[empty] = -1
        table[-1] = -1
        codes = table[codes]
    return _Coded(codes, [int(v) if isinstance(v, float) and v == v and abs(v) < 2**53 and v == int(v) else v for v in values])


def _indices(chunk: Any) -> Int32s:
    """The codes of one dictionary array, -1 for nulls."""
    import pyarrow.compute as pc

    indices = chunk.indices
    if indices.null_count:
        indices = pc.fill_null(indices.cast("int32"), -1)
    found: Int32s = indices.to_numpy(zero_copy_only=False)
    return found.astype(np.int32, copy=False)


def _texts(column: Any) -> _Coded:
    """A column as stripped text; blank text is -1."""
    coded = _coded(column)
    codes: dict[str, int] = {}
    table = np.full(len(coded.values) + 1, -1, np.int32)
    for i, value in enumerate(coded.values):
        text = str(value).strip() if value is not None else ""
        if text:
            table[i] = codes.setdefault(text, len(codes))
    if len(codes) == len(coded.values) and list(codes) == coded.values:
        return coded
    return _Coded(table[coded.codes], list(codes))


def _children(column: Any) -> tuple[Int32s, np.ndarray[Any, Any]]:
    """Each row's child as a code into the sorted children; -1 where blank. Whole numbers stay whole numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, _Coded):
        texts = _texts(column)
        column = pa.chunked_array(
            [pa.DictionaryArray.from_arrays(pa.array(texts.codes, mask=texts.codes < 0), pa.array(texts.values, pa.string()))]
        )
    if pa.types.is_floating(column.type):
        try:
            column = column.cast(pa.int64())  # a data tool's whole numbers with gaps
        except pa.ArrowInvalid:
            column = column.cast(pa.string())
    if pa.types.is_dictionary(column.type) and not pa.types.is_string(column.type.value_type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) and not column.null_count:
        ids = column.to_numpy()
        change = ids[1:] != ids[:-1]
        if len(ids) and bool((ids[1:] >= ids[:-1]).all()):
            codes = np.zeros(len(ids), np.int32)
            np.cumsum(change, out=codes[1:])
            return codes, ids[np.concatenate([[0], np.flatnonzero(change) + 1])]
    if pa.types.is_integer(column.type):
        column = pc.dictionary_encode(column)
        clean = column.unify_dictionaries()
    else:
        if not pa.types.is_dictionary(column.type):
            column = pc.dictionary_encode(column.cast(pa.string()))
        clean = column.unify_dictionaries()
        names = clean.chunk(0).dictionary if clean.num_chunks else pa.array([], pa.string())
        trimmed = pc.utf8_trim_whitespace(names)
        if not trimmed.equals(names) or pc.any(pc.equal(names, "")).as_py():
            texts = _texts(clean)
            array = pa.DictionaryArray.from_arrays(pa.array(texts.codes, mask=texts.codes < 0), pa.array(texts.values, pa.string()))
            clean = pa.chunked_array([array])
    names = clean.chunk(0).dictionary if clean.num_chunks else pa.array([], pa.string())
    parts = [_indices(chunk) for chunk in clean.chunks]
    codes = np.concatenate(parts) if len(parts) != 1 else parts[0]
    order = pc.array_sort_indices(names).to_numpy()
    rank = np.full(len(names) + 1, -1, np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    if not bool((rank[:-1] == np.arange(len(names))).all()):
        codes = rank[codes]
    return codes.astype(np.int32, copy=False), names.take(pa.array(order)).to_numpy(zero_copy_only=False)


@dataclass
class _Moments:
    """When each row happened: day NO_DAY where it cannot be read, and then `why` says why not."""

    day: Int32s
    instant: Int64s | None = None
    span: Int32s | None = None
    why: Callable[[int], str] = field(default=lambda _: "")
    all_midnight: bool = False


def _moments(column: Any) -> _Moments:
    """A column of dates, times or ISO text."""
    import pyarrow as pa

    if not isinstance(column, _Coded):
        if pa.types.is_date64(column.type):
            column = column.cast(pa.date32())
        if pa.types.is_date32(column.type):
            return _from_days(column)
        if pa.types.is_timestamp(column.type):
            return _from_timestamps(column)
    return _from_texts(_coded(column))


def _from_days(column: Any) -> _Moments:
    import pyarrow.compute as pc

    numbers = column.cast("int32")
    if numbers.null_count:
        numbers = pc.fill_null(numbers, NO_DAY)
    days = numbers.to_numpy()
    if not len(days) or (int(days.min()) >= _FIRST_DAY and int(days.max()) <= _LAST_DAY):
        return _Moments(days)
    why = _why_day(days)
    return _Moments(np.where((days < _FIRST_DAY) | (days > _LAST_DAY), NO_DAY, days).astype(np.int32), why=why)


def _why_day(days: Int32s) -> Callable[[int], str]:
    def why(row: int) -> str:
        if days[row] == NO_DAY:
            return "`at` is blank"
        try:
            return f"`{as_date(int(days[row]))}` is {_SPAN}"
        except OverflowError:
            return f"the date is {_SPAN}"

    return why


def _from_timestamps(column: Any) -> _Moments:
    """Times: exact where they carry a zone, and otherwise as the clock on the wall in the UK showed them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[column.type.unit]
    exact = column.type.tz is not None
    raw = column.cast(pa.timestamp(column.type.unit)).cast(pa.int64()) if exact else column.cast(pa.int64())
    blank = raw.is_null().to_numpy() if raw.null_count else np.zeros(len(raw), np.bool_)
    local = pc.fill_null(raw, 0).to_numpy() // per_second
    days = local // DAY
    out = blank | (days < _FIRST_DAY) | (days > _LAST_DAY)
    safe = np.where(out, _FIRST_DAY * DAY, local)
    days = safe // DAY
    why_day = _why_day(np.where(blank, NO_DAY, np.where(out, np.clip(local // DAY, -700_000, 2_900_000), 0)).astype(np.int32))
    if exact:
        days = days + (safe >= midnight(days + 1)) - (safe < midnight(days))
        return _Moments(np.where(out, NO_DAY, days).astype(np.int32), np.where(out, NO_INSTANT, safe), None, why_day)
    start = midnight(days)
    instant = start + (safe - days * DAY)
    span: Int32s | None = None
    never: dict[int, str] = {}
    for value in np.unique(safe[(midnight(days + 1) - start) != DAY]).tolist():  # the two days a year when the clocks change
        rows = safe == value
        try:
            moment = parse_moment(datetime.fromtimestamp(value, tz=_UTC).replace(tzinfo=None))
        except ValueError as error:
            never[value] = str(error)
            out = out | rows
            continue
        instant[rows] = moment.instant
        if moment.span:
            span = np.zeros(len(safe), np.int32) if span is None else span
            span[rows] = moment.span

    def why(row: int) -> str:
        return never.get(int(safe[row])) or why_day(row)

    days = np.where(out, NO_DAY, days).astype(np.int32)
    at_midnight = bool(len(days)) and bool(((safe - safe // DAY * DAY)[~out] == 0).all()) and bool((~out).any())
    return _Moments(days, np.where(out, NO_INSTANT, instant), span, why, at_midnight)


_UTC = datetime.fromisoformat("2000-01-01T00:00:00+00:00").tzinfo
_LOCAL_TIME = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?$")
_AT_MIDNIGHT = re.compile(r"^\d{4}-\d\d-\d\d[T ]00:00(:00)?(\.0+)?$")
_MANY = 5_000


def _from_texts(column: _Coded) -> _Moments:
    """ISO text: each distinct text is read once."""
    n = len(column.values)
    day, instant, span = np.full(n + 1, NO_DAY, np.int32), np.full(n + 1, NO_INSTANT, np.int64), np.zeros(n + 1, np.int32)
    wrong: dict[int, str] = {}
    texts = [v.isoformat() if hasattr(v, "isoformat") else str(v).strip() for v in column.values]
    left: Iterable[int] = range(n)
    if n > _MANY:  # so many distinct times that they are read as a column
        left = _read_as_column(texts, day, instant, span, wrong)
    for i in left:
        try:
            moment = parse_moment(texts[i])
        except ValueError as error:
            text = _brief(texts[i])
            short = len(texts[i]) <= 60 and "`" in str(error)
            wrong[i] = "`at` is blank" if not text else str(error) if short else f"`{text}` is not a date; write it as 2026-04-10"
        except OverflowError:
            wrong[i] = f"`{_brief(texts[i])}` is {_SPAN}"
        else:
            day[i], instant[i], span[i] = moment.day, moment.instant, moment.span
    codes = column.codes
    good = [t for i, t in enumerate(texts) if day[i] != NO_DAY]

    def why(row: int) -> str:
        return wrong.get(int(codes[row]), "`at` is blank")

    timed = bool((instant != NO_INSTANT).any())
    return _Moments(
        day[codes],
        instant[codes] if timed else None,
        span[codes] if span.any() else None,
        why,
        timed and all(_AT_MIDNIGHT.match(t) for t in good),
    )


def _read_as_column(texts: Sequence[str], day: Int32s, instant: Int64s, span: Int32s, wrong: dict[int, str]) -> list[int]:
    """Read the plain local times among many texts together; returns which texts are left to read one by one."""
    import pyarrow as pa

    plain = [i for i, text in enumerate(texts) if _LOCAL_TIME.match(text)]
    try:
        read = _from_timestamps(pa.chunked_array([pa.array([texts[i] for i in plain], pa.string()).cast(pa.timestamp("s"))]))
    except pa.ArrowException:
        return list(range(len(texts)))  # one of them is not a time: each must be looked at
    assert read.instant is not None
    day[plain], instant[plain] = read.day, read.instant
    if read.span is not None:
        span[plain] = read.span
    for k in np.flatnonzero(read.day == NO_DAY).tolist():
        wrong[plain[k]] = read.why(k)
    done = set(plain)
    return [i for i in range(len(texts)) if i not in done]


def _brief(value: Any) -> str:
    text = str(value).replace("\n", " ").replace("\r", " ")
    return text if len(text) <= 40 else text[:39] + "…"


# ---------------------------------------------------------------------------------------------------- the event log


class _Conversion:
    """One table on its way to an event log."""

    def __init__(self, table: _Table, book: RuleBook) -> None:
        self.table = table
        self.book = book
        self.name = Path(table.file).name

    def reading(self, coverage: Coverage, snapshot: bool) -> Reading:
        """The log and everything worth saying about the file."""
        table = self.table
        child, children = _children(table.columns["child_id"])
        kind, kinds = self.kinds(table.columns["event"])
        at = self.times(_moments(table.columns["at"]))
        columns = {name: column for name, column in table.columns.items() if name not in _OTHER_NAMES}
        keep = None
        good = (child >= 0) & (kind >= 0) & (at.day != NO_DAY)
        if not bool(good.all()):
            self.reject(~good, child, kind, at)
            keep = np.flatnonzero(good)
            child, kind = child[keep], kind[keep]
        day = at.day if keep is None else at.day[keep]
        instant = at.instant if keep is None or at.instant is None else at.instant[keep]
        span = at.span if keep is None or at.span is None else at.span[keep]
        row = table.row if keep is None else table.row[keep]

        def column(name: str) -> Any:
            found = columns[name]
            return found if keep is None else _taken(found, keep)

        present = np.flatnonzero(np.bincount(child, minlength=len(children))) if keep is not None else None
        if present is not None and len(present) < len(children):  # every row of some child was rejected
            table_of = np.zeros(len(children), np.int32)
            table_of[present] = np.arange(len(present), dtype=np.int32)
            child, children = table_of[child], children[present]
        kind, kinds = _only_used(kind, kinds)
        ref = _texts(column("ref")) if "ref" in columns else _Coded(np.zeros(0, np.int32), [])
        refs, ref_codes = _ranked(ref)
        recorded = self.days(column("recorded_at"), "recorded_at") if "recorded_at" in columns else None
        log = EventLog(
            children=children,
            kinds=kinds,
            child=child,
            kind=kind,
            day=day,
            instant=instant if instant is not None and bool((instant != NO_INSTANT).any()) else None,
            span=span if span is not None and bool(span.any()) else None,
            ref=ref_codes if refs else None,
            refs=refs,
            recorded=recorded if recorded is not None and bool((recorded != NO_DAY).any()) else None,
            latest_only=np.ones(len(child), np.bool_) if snapshot else None,
            attributes=self.attributes({name: column(name) for name in columns if name not in _OPTIONAL}, kind, kinds),
            born=self.births(column("date_of_birth"), "date_of_birth", child, len(children)) if "date_of_birth" in columns else None,
            expected=self.births(column("expected_date_of_birth"), "expected_date_of_birth", child, len(children))
            if "expected_date_of_birth" in columns
            else None,
            coverage=coverage,
            origins=(self.name,),
            origin=np.zeros(len(child), np.int32),
            origin_row=row,
        )
        log = self.without_duplicates(sorted_log(log))
        read = table.n + sum(1 for r in table.rejected) - self.rejected_rows
        return Reading(log, table.format, read, len(log), tuple(table.rejected), tuple(table.diagnostics))

    rejected_rows = 0  # rows of the table itself that were rejected, as against lines that never became rows

    def kinds(self, column: Any) -> tuple[np.ndarray[Any, np.dtype[np.int16]], tuple[str, ...]]:
        """Each row's event kind, -1 where its name is not known; each unknown name is said once, with its count."""
        texts = _texts(column)
        accepted = {other: kind for kind, e in self.book.events.items() for other in e.accepts}
        known = sorted(self.book.events)
        number = {name: i for i, name in enumerate(known)}
        table = np.full(len(texts.values) + 1, -1, np.int16)
        unknown = []
        for i, name in enumerate(texts.values):
            kind = name if name in number else accepted.get(name)
            if kind is None and (lower := _heading(name)) != name:
                kind = lower if lower in number else accepted.get(lower)
            if kind is None:
                unknown.append(i)
            else:
                table[i] = number[kind]
        if unknown:
            counts = np.bincount(texts.codes[texts.codes >= 0], minlength=len(texts.values))
            unknown.sort(key=lambda i: (-counts[i], texts.values[i]))
            for i in unknown[:50]:
                name = texts.values[i]
                help = did_you_mean(name, [*known, *accepted]) if len(name) < 80 else ""
                message = f"unknown event `{_brief(name)}`: {plural(int(counts[i]), 'row')} not used"
                self.table.say("unknown_event", message, help or "rules/events.yaml lists the events")
            if len(unknown) > 50:
                rest = int(sum(counts[i] for i in unknown[50:]))
                self.table.say("unknown_event", f"{plural(len(unknown) - 50, 'more unknown event')}: {plural(rest, 'row')} not used")
        self.unknown = texts
        return table[texts.codes], tuple(known)

    def times(self, at: _Moments) -> _Moments:
        """The times, read as dates where every one is midnight: a tool wrote dates as times, and midnight is never invented."""
        if not at.all_midnight:
            return at
        self.table.say("midnight", "every time in `at` is 00:00, so they are read as dates without a time", severity="note")
        return replace(at, instant=None, span=None)

    def reject(self, bad: Bools, child: Int32s, kind: Any, at: _Moments) -> None:
        """Set aside the rows with no child, no known event or no readable date, each with its reason."""
        table = self.table
        listed: dict[str, int] = {}
        rows = np.flatnonzero(bad).tolist()
        self.rejected_rows = len(rows)
        for i in rows:
            line = int(table.row[i])
            if child[i] < 0:
                code, why = "no_child", "`child_id` is blank"
            elif kind[i] < 0:
                name = self.unknown.codes[i]
                code, why = "", "`event` is blank" if name < 0 else f"unknown event `{_brief(self.unknown.values[name])}`"
                code = "no_event" if name < 0 else ""
            else:
                code, why = "date", at.why(i)
            table.rejected.append(Rejected(self.name, line, why))
            if code:
                listed[code] = listed.get(code, 0) + 1
                if listed[code] <= _SHOWN:
                    table.say(code, f"{why}; the row is not used", line=line)
        more = {"no_child": "without a `child_id`", "no_event": "without an `event`", "date": "whose `at` cannot be read"}
        for code, count in listed.items():
            if count > _SHOWN:
                table.say(code, f"{plural(count - _SHOWN, 'more row')} {more[code]}: not used")

    def days(self, column: Any, name: str) -> Int32s:
        """A column of dates that may be left out; what cannot be read is dropped, and said once a value."""
        found = _moments(column)
        blank = _blank(column)
        bad = np.flatnonzero((found.day == NO_DAY) & ~blank)
        reasons: dict[str, int] = {}
        for i in bad.tolist():
            why = found.why(i)
            reasons[why] = reasons.get(why, 0) + 1
        self.dropped(name, reasons)
        return found.day

    def dropped(self, name: str, reasons: Mapping[str, int]) -> None:
        """Say which values of a column were dropped: one warning a value, and a count of the rest."""
        for why, count in list(reasons.items())[:_SHOWN]:
            self.table.say("value", f"`{name}`: {why}; dropped from {plural(count, 'row')}")
        if len(reasons) > _SHOWN:
            rest = sum(list(reasons.values())[_SHOWN:])
            self.table.say("value", f"`{name}`: {plural(len(reasons) - _SHOWN, 'more value')} dropped from {plural(rest, 'row')}")

    def births(self, column: Any, name: str, child: Int32s, m: int) -> Int32s | None:
        """Each child's date of birth: the first that is given. Children given more than one are counted."""
        day = self.days(column, name)
        rows = np.flatnonzero(day != NO_DAY)
        if not len(rows):
            return None
        born = np.full(m, NO_DAY, np.int32)
        born[child[rows[::-1]]] = day[rows[::-1]]  # the first row is written last, so it stands
        differ = np.unique(child[rows[born[child[rows]] != day[rows]]])
        if len(differ):
            many = plural(len(differ), "child has", "children have")
            self.table.say("two_dates", f"{many} more than one `{name}`; the first in the file is used")
        return born

    def attributes(self, columns: Mapping[str, Any], kind: Any, kinds: Sequence[str]) -> dict[str, Attribute]:
        """The other columns, each value read as the vocabulary types it for that kind of event."""
        result: dict[str, Attribute] = {}
        every = {name for e in self.book.events.values() for name in e.attrs}
        for name, column in columns.items():
            coded = _coded(column)
            if not bool((coded.codes >= 0).any()):
                continue
            if name not in every and (near := did_you_mean(name, every)):
                self.table.say("unknown_attribute", f"no event in the vocabulary records `{name}`; it is kept as it stands", near)
            groups: dict[str, tuple[Any, list[int]]] = {}
            for k, kind_name in enumerate(kinds):
                wanted = self.book.events[kind_name].attrs.get(name)
                groups.setdefault(repr(wanted), (wanted, []))[1].append(k)
            read: dict[tuple[type, AttributeValue], int] = {}
            reasons: dict[str, int] = {}
            parts: list[tuple[Any, Int32s]] = []
            for wanted, members in groups.values():
                inside = None
                codes = coded.codes
                if len(groups) > 1:
                    among = np.zeros(len(kinds), np.bool_)
                    among[members] = True
                    inside = np.flatnonzero(among[kind])
                    codes = codes[inside]
                counts = np.bincount(codes + 1, minlength=len(coded.values) + 1)[1:]
                table = np.full(len(coded.values) + 1, -1, np.int32)
                for i in np.flatnonzero(counts).tolist():
                    value = self.typed(coded.values[i], wanted, int(counts[i]), reasons)
                    if value is not None:
                        table[i] = read.setdefault((type(value), value), len(read))
                parts.append((inside, table[codes]))
            self.dropped(name, reasons)
            if not read:
                continue
            order = sorted(read, key=lambda k: (k[0].__name__, k[1]))
            rank = np.full(len(read) + 1, -1, np.int32)
            for place, key in enumerate(order):
                rank[read[key]] = place
            final = np.full(len(coded.codes), -1, np.int32)
            for inside, codes in parts:
                if inside is None:
                    final = rank[codes]
                else:
                    final[inside] = rank[codes]
            result[name] = Attribute(final, tuple(value for _, value in order))
            broken = sum(1 for _, value in order if isinstance(value, str) and "\n" in value)
            if broken:
                help = "if a quote mark was left open, whole rows are hidden inside that value: check it"
                self.table.say(
                    "line_break", f"{plural(broken, 'value')} in `{name}` {'runs' if broken == 1 else 'run'} over a line end", help
                )
        return result

    def typed(self, value: Any, wanted: Any, count: int, reasons: dict[str, int]) -> AttributeValue | None:
        """One attribute value as its type, or None where it is blank or cannot be read; then the reason is kept."""
        if isinstance(value, str) and not value.strip():
            return None
        try:
            if isinstance(value, (_Nested, list, dict, bytes)):
                raise ValueError("expected a single value")
            return typed(value, wanted)
        except ValueError as error:
            why = f"`{_brief(value)}`: {error}"
            reasons[why] = reasons.get(why, 0) + count
            return None

    def without_duplicates(self, log: EventLog) -> EventLog:
        """The log without rows that repeat an earlier row in everything; they are rejected and counted."""
        n = len(log)
        if n < 2:
            return log
        same = (log.child[1:] == log.child[:-1]) & (log.day[1:] == log.day[:-1])
        if not bool(same.any()):
            return log
        tied = np.flatnonzero(np.append(same, False) | np.concatenate([[False], same]))
        columns = [c for c in (log.instant, log.ref, log.recorded, *(a.codes for a in log.attributes.values())) if c is not None]
        if len(tied) <= _SORTABLE:
            group = np.cumsum(~np.concatenate([[False], same])[tied])
            keys = [*(c[tied] for c in columns), group * len(log.kinds) + log.kind[tied]]
            order = np.lexsort(keys) if len(keys) > 1 else np.argsort(keys[0], kind="stable")
            equal = np.ones(len(order) - 1, np.bool_)
            for key in keys:
                in_order = key[order]
                equal &= in_order[1:] == in_order[:-1]
            repeated = np.sort(tied[order[1:][equal]])
        else:
            equal = same & (log.kind[1:] == log.kind[:-1])
            for column in columns:
                equal &= column[1:] == column[:-1]
            repeated = np.flatnonzero(equal) + 1
        if not len(repeated):
            return log
        assert log.origin_row is not None
        lines = log.origin_row[repeated].tolist()
        for line in sorted(lines):
            self.table.rejected.append(Rejected(self.name, line, "repeats another row exactly"))
        self.rejected_rows += len(lines)
        shown = ", ".join(map(str, sorted(lines)[:5])) + (", …" if len(lines) > 5 else "")
        one = len(lines) == 1
        what = f"{plural(len(lines), 'row')} {'repeats' if one else 'repeat'} another exactly and {'is' if one else 'are'} not used"
        message = f"{what}: row {shown}"
        self.table.say("duplicate", message, "where they are two events, give each its own `ref`", line=min(lines))
        keep = np.ones(n, np.bool_)
        keep[repeated] = False
        return _kept(log, keep)


def _taken(column: Any, rows: Any) -> Any:
    """Some rows of a column."""
    if isinstance(column, _Coded):
        return column.take(rows)
    import pyarrow as pa

    return column.take(pa.array(rows))


def _blank(column: Any) -> Bools:
    """Where an optional column holds nothing."""
    if isinstance(column, _Coded):
        blank = np.array([not str(v).strip() for v in column.values] + [True], np.bool_)
        return blank[column.codes]
    import pyarrow as pa

    if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
        return _blank(_coded(column))
    found: Bools = column.is_null().to_numpy()
    return found


def _only_used(kind: Any, kinds: Sequence[str]) -> tuple[Any, tuple[str, ...]]:
    """The kinds that occur, in order, and the codes into them."""
    used = np.flatnonzero(np.bincount(kind, minlength=len(kinds))) if len(kind) else np.zeros(0, np.int64)
    table = np.zeros(len(kinds), np.int16)
    table[used] = np.arange(len(used), dtype=np.int16)
    return table[kind], tuple(kinds[i] for i in used.tolist())


def _ranked(ref: _Coded) -> tuple[tuple[str, ...], Int32s]:
    """The refs that occur, in order, and the codes into them."""
    if not len(ref.codes):
        return (), ref.codes
    used = np.flatnonzero(np.bincount(ref.codes + 1, minlength=len(ref.values) + 1)[1:]).tolist()
    used.sort(key=lambda i: ref.values[i])
    table = np.full(len(ref.values) + 1, -1, np.int32)
    table[used] = np.arange(len(used), dtype=np.int32)
    return tuple(ref.values[i] for i in used), table[ref.codes]


def _kept(log: EventLog, keep: Bools) -> EventLog:
    """Some rows of a log."""
    columns = ("child", "kind", "day", "instant", "span", "ref", "recorded", "latest_only", "suspect", "origin", "origin_row")
    taken = {name: getattr(log, name)[keep] for name in columns if getattr(log, name) is not None}
    return replace(log, **taken, attributes={name: Attribute(a.codes[keep], a.values) for name, a in log.attributes.items()})
