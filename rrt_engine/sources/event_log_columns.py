"""The columns of an event log: codes into distinct values, children, and dates and times. Each distinct text is read once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from rrt_engine.calendar import DAY, FIRST_YEAR, LAST_YEAR, NO_DAY, NO_INSTANT, as_date, day_number, midnight, parse_moment
from rrt_engine.model import Bools, Int32s, Int64s

_FIRST_DAY, _LAST_DAY = day_number(date(FIRST_YEAR + 1, 1, 1)), day_number(date(LAST_YEAR, 1, 1)) - 1
_SPAN = f"outside {FIRST_YEAR + 1} to {LAST_YEAR - 1}; check the year"


@dataclass(frozen=True)
class Coded:
    """A column as codes into its distinct values; -1 where it is empty."""

    codes: Int32s
    values: list[Any]

    def take(self, rows: Any) -> Coded:
        """Some of its rows."""
        return Coded(self.codes[rows], self.values)


@dataclass(frozen=True)
class Held:
    """What a sparse column holds: the rows that hold something, in order (None for all), and the code of each into the values."""

    rows: Int64s | None
    codes: Int32s
    values: list[Any]


class Nested(str):
    """A list or object where a single value was expected."""


def as_codes(column: Any) -> Coded:
    """Any column as codes into its distinct values, as Python values. Empty text and nulls are -1."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, Coded):
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
    return Coded(codes, [int(v) if isinstance(v, float) and v == v and abs(v) < 2**53 and v == int(v) else v for v in values])


def held_in(column: Any) -> Held:
    """What any column holds. Most columns of an event log are about a few kinds of event, so that most rows of each are empty."""
    if isinstance(column, Coded) or not column.null_count:
        coded = _small_numbers(column) or as_codes(column)
        if not len(coded.codes) or int(coded.codes.min()) >= 0:
            return Held(None, coded.codes, coded.values)
        rows = np.flatnonzero(coded.codes >= 0)
        return Held(rows, coded.codes[rows], coded.values)
    rows = np.flatnonzero(np.concatenate([_valid(chunk) for chunk in column.chunks]))
    coded = as_codes(column.drop_null())
    if not bool((coded.codes < 0).any()):
        return Held(rows, coded.codes, coded.values)
    kept = np.flatnonzero(coded.codes >= 0)  # the rest are empty text
    return Held(rows[kept], coded.codes[kept], coded.values)


def _small_numbers(column: Any) -> Coded | None:
    """A column of whole numbers that lie close together: each is its own code. The values may be more than occur. None for any other."""
    import pyarrow as pa

    if isinstance(column, Coded) or not pa.types.is_integer(column.type) or not len(column):
        return None
    numbers = _numbers(column)
    least, most = int(numbers.min()), int(numbers.max())
    if least < 0 or most >= min(len(numbers), 1 << 16):
        return None
    return Coded(numbers.astype(np.int32), list(range(most + 1)))


def _valid(chunk: Any) -> Bools:
    """Where an Arrow array holds something, straight from its bitmap."""
    bitmap = chunk.buffers()[0]
    if bitmap is None:
        return np.full(len(chunk), not chunk.null_count)  # no bitmap: all of it holds something, or, of no type, none
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), count=chunk.offset + len(chunk), bitorder="little")
    return bits[chunk.offset :].view(np.bool_)


def _indices(chunk: Any) -> Int32s:
    """The codes of one dictionary array, -1 for nulls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    indices = chunk.indices
    if indices.null_count:
        indices = pc.fill_null(indices.cast("int32"), -1)
    found: Int32s = _numbers(pa.chunked_array([indices]))
    return found.astype(np.int32, copy=False)


def _numbers(column: Any) -> np.ndarray[Any, Any]:
    """A column of whole numbers without nulls, straight from its memory: Arrow's own way loads pandas where it can."""
    dtype = np.dtype(str(column.type))
    parts = [np.frombuffer(c.buffers()[1], dtype, len(c), c.offset * dtype.itemsize) for c in column.chunks if len(c)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, dtype)


def _nulls(column: Any) -> Bools:
    """Where a column is null."""
    return _numbers(column.is_null().cast("int8")).astype(np.bool_)


def as_numbers(column: Any) -> Int32s:
    """A column of row numbers; 0 where it holds none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(column, Coded) and pa.types.is_integer(column.type):
        return _numbers(pc.fill_null(column, 0)).astype(np.int32)
    coded = as_codes(column)
    table = [int(text) if (text := str(value).strip()).isascii() and text.isdigit() and len(text) < 10 else 0 for value in coded.values]
    found: Int32s = np.array([*table, 0], np.int32)[coded.codes]
    return found


def as_texts(column: Any) -> Coded:
    """A column as stripped text; blank text is -1."""
    coded = as_codes(column)
    codes: dict[str, int] = {}
    table = np.full(len(coded.values) + 1, -1, np.int32)
    for i, value in enumerate(coded.values):
        text = str(value).strip() if value is not None else ""
        if text:
            table[i] = codes.setdefault(text, len(codes))
    if len(codes) == len(coded.values) and list(codes) == coded.values:
        return coded
    return Coded(table[coded.codes], list(codes))


def as_children(column: Any) -> tuple[Int32s, np.ndarray[Any, Any]]:
    """Each row's child as a code into the sorted children; -1 where blank. Whole numbers stay whole numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, Coded):
        texts = as_texts(Coded(np.where(is_nested(column), -1, column.codes).astype(np.int32), column.values))
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
        ids = _numbers(column)
        if len(ids) and bool((ids[1:] >= ids[:-1]).all()):
            starts = np.concatenate([[0], np.flatnonzero(ids[1:] != ids[:-1]) + 1])
            return np.repeat(np.arange(len(starts), dtype=np.int32), np.diff(starts, append=len(ids))), ids[starts]
    if pa.types.is_integer(column.type):
        column = pc.dictionary_encode(column)
        clean = column.unify_dictionaries()
    else:
        if not pa.types.is_dictionary(column.type):
            column = pc.dictionary_encode(column.cast(pa.string()))
        clean = column.unify_dictionaries()
        names = clean.chunk(0).dictionary if clean.num_chunks else pa.array([], pa.string())
        trimmed = pc.utf8_trim_whitespace(names)
        if not trimmed.equals(names) or (len(names) and pc.min(pc.utf8_length(names)).as_py() == 0):
            texts = as_texts(clean)
            array = pa.DictionaryArray.from_arrays(pa.array(texts.codes, mask=texts.codes < 0), pa.array(texts.values, pa.string()))
            clean = pa.chunked_array([array])
    names = clean.chunk(0).dictionary if clean.num_chunks else pa.array([], pa.string())
    parts = [_indices(chunk) for chunk in clean.chunks]
    codes = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, np.int32)
    sorting = pc.array_sort_indices(names)
    order = _numbers(pa.chunked_array([sorting]))
    rank = np.full(len(names) + 1, -1, np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    if not bool((rank[:-1] == np.arange(len(names))).all()):
        codes = rank[codes]
    children = names.take(sorting)
    if pa.types.is_integer(children.type):
        return codes.astype(np.int32, copy=False), _numbers(pa.chunked_array([children]))
    return codes.astype(np.int32, copy=False), np.array(children.to_pylist(), dtype=object)


@dataclass
class Moments:
    """When each row happened: day NO_DAY where it cannot be read, and then `why` says why not."""

    day: Int32s
    instant: Int64s | None = None
    span: Int32s | None = None
    why: Callable[[int], str] = field(default=lambda _: "")
    all_midnight: bool = False


def as_moments(column: Any) -> Moments:
    """A column of dates, times or ISO text."""
    import pyarrow as pa

    if not isinstance(column, Coded):
        if pa.types.is_date64(column.type):
            column = column.cast(pa.date32())
        if pa.types.is_date32(column.type):
            return _from_days(column)
        if pa.types.is_timestamp(column.type):
            return _from_timestamps(column)
        if pa.types.is_string(column.type):
            column = column.dictionary_encode()
        if pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type) and column.num_chunks:
            chunks = column.unify_dictionaries().chunks
            return _from_texts(np.concatenate([_indices(chunk) for chunk in chunks]), chunks[0].dictionary)
    coded = as_codes(column)
    return _from_texts(coded.codes, coded.values)


def _from_days(column: Any) -> Moments:
    import pyarrow.compute as pc

    numbers = column.cast("int32")
    if numbers.null_count:
        numbers = pc.fill_null(numbers, NO_DAY)
    days = _numbers(numbers)
    if not len(days) or (int(days.min()) >= _FIRST_DAY and int(days.max()) <= _LAST_DAY):
        return Moments(days)
    why = _why_day(days)
    return Moments(np.where((days < _FIRST_DAY) | (days > _LAST_DAY), NO_DAY, days).astype(np.int32), why=why)


def _why_day(days: Int32s | Int64s) -> Callable[[int], str]:
    def why(row: int) -> str:
        if days[row] == NO_DAY:
            return "`at` is blank"
        try:
            return f"`{as_date(int(days[row]))}` is {_SPAN}"
        except OverflowError:
            return f"the date is {_SPAN}"

    return why


def _from_timestamps(column: Any) -> Moments:
    """Times: exact where they carry a zone, and otherwise as the clock on the wall in the UK showed them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[column.type.unit]
    exact = column.type.tz is not None
    raw = column.cast(pa.timestamp(column.type.unit)).cast(pa.int64()) if exact else column.cast(pa.int64())
    blank = _nulls(raw) if raw.null_count else None
    local = _numbers(pc.fill_null(raw, 0) if raw.null_count else raw)
    local = local // per_second if per_second > 1 else local
    days = local // DAY
    out = (days < _FIRST_DAY) | (days > _LAST_DAY)
    why_day = _why_day(np.where(blank, NO_DAY, days) if blank is not None else days)
    if blank is not None:
        out |= blank
    safe = local
    if bool(out.any()):  # these are rejected: any day will do until then
        safe = np.where(out, _FIRST_DAY * DAY, local)
        days = np.where(out, _FIRST_DAY, days)
    if exact:
        days = days + (safe >= midnight(days + 1)) - (safe < midnight(days))
        return Moments(np.where(out, NO_DAY, days).astype(np.int32), np.where(out, NO_INSTANT, safe), None, why_day)
    start = midnight(days)
    clock = safe - days * DAY  # seconds since midnight, by the clock on the wall
    instant = start + clock
    span: Int32s | None = None
    never: dict[int, None] = {}
    changing = np.flatnonzero(midnight(days + 1) - start != DAY)  # the two days a year when the clocks change
    hours, which = np.unique(safe[changing] // 3600, return_inverse=True)  # they change on the hour
    for k, hour in enumerate(hours.tolist()):
        rows = changing[which == k]
        try:
            moment = parse_moment(datetime.fromtimestamp(hour * 3600, tz=UTC).replace(tzinfo=None))
        except ValueError:
            out[rows] = True
            never.update(dict.fromkeys(rows.tolist()))
            continue
        if moment.span:
            span = np.zeros(len(safe), np.int32) if span is None else span
            span[rows] = moment.span
        instant[rows] = moment.instant + safe[rows] % 3600

    def why(row: int) -> str:
        if row not in never:
            return why_day(row)
        text = datetime.fromtimestamp(int(safe[row]), tz=UTC).replace(tzinfo=None).isoformat()
        return f"`{text}` did not happen: the clocks went forward over it; check the time"

    days = np.where(out, NO_DAY, days).astype(np.int32)
    at_midnight = not bool(out.all()) and not bool(clock.any())
    return Moments(days, np.where(out, NO_INSTANT, instant) if bool(out.any()) else instant, span, why, at_midnight)


_LOCAL_TIME = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?$"
_AT_MIDNIGHT = re.compile(r"^\d{4}-\d\d-\d\d[T ]00:00(:00)?(\.0+)?$")
_MANY = 5_000


def _from_texts(codes: Int32s, values: Any) -> Moments:
    """ISO text: each distinct text is read once. `values` are the distinct values, in a list or an Arrow array of text."""
    import pyarrow as pa

    n = len(values)
    day, instant, span = np.full(n + 1, NO_DAY, np.int32), np.full(n + 1, NO_INSTANT, np.int64), np.zeros(n + 1, np.int32)
    wrong: dict[int, str] = {}
    arrow = isinstance(values, pa.Array)
    left = np.arange(n)
    if n > _MANY:  # so many distinct times that they are read as a column
        ascii_only = None if arrow else [text if (text := _text_of(v)).isascii() else "" for v in values]
        left = _read_as_column(values if arrow else pa.array(ascii_only, pa.string()), day, instant, span)
    at_midnight = bool((instant[:-1][day[:-1] != NO_DAY] == midnight(day[:-1][day[:-1] != NO_DAY])).all())
    texts = [_text_of(v) for v in (values.take(pa.array(left)).to_pylist() if arrow else (values[i] for i in left.tolist()))]
    for i, given in zip(left.tolist(), texts, strict=True):
        try:
            moment = parse_moment(given)
        except ValueError as error:
            text = brief(given)
            short = len(given) <= 60 and "`" in str(error)
            wrong[i] = "`at` is blank" if not text else str(error) if short else f"`{text}` is not a date; write it as 2026-04-10"
        except OverflowError:
            wrong[i] = f"`{brief(given)}` is {_SPAN}"
        else:
            day[i], instant[i], span[i] = moment.day, moment.instant, moment.span
            at_midnight = at_midnight and bool(_AT_MIDNIGHT.match(given))

    def why(row: int) -> str:
        return wrong.get(int(codes[row]), "`at` is blank")

    timed = bool((instant != NO_INSTANT).any())
    return Moments(day[codes], instant[codes] if timed else None, span[codes] if span.any() else None, why, timed and at_midnight)


def _text_of(value: Any) -> str:
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value).strip()


def _read_as_column(names: Any, day: Int32s, instant: Int64s, span: Int32s) -> Int64s:
    """Read the plain local times among many texts together; returns which are left to read one by one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    matched = pc.fill_null(pc.match_substring_regex(names, _LOCAL_TIME), False)
    plain = np.flatnonzero(_numbers(pa.chunked_array([matched.cast("int8")])))
    try:
        read = _from_timestamps(pa.chunked_array([names.take(pa.array(plain)).cast(pa.timestamp("s"))]))
    except pa.ArrowException:
        return np.arange(len(names))  # one of them is not a time: each must be looked at
    assert read.instant is not None
    day[plain], instant[plain] = read.day, read.instant
    if read.span is not None:
        span[plain] = read.span
    unread = np.ones(len(names), np.bool_)
    unread[plain[read.day != NO_DAY]] = False
    return np.flatnonzero(unread)


def brief(value: Any) -> str:
    """A value short enough to show, on one line."""
    text = str(value).replace("\n", " ").replace("\r", " ")
    return text if len(text) <= 40 else text[:39] + "…"


def take_rows(column: Any, rows: Any) -> Any:
    """Some rows of a column."""
    if isinstance(column, Coded):
        return column.take(rows)
    import pyarrow as pa

    return column.take(pa.array(rows))


def is_nested(column: Any) -> Bools:
    """Where a column of JSON holds a list or an object, and not one value."""
    if not isinstance(column, Coded):
        return np.zeros(len(column), np.bool_)
    return np.array([*(isinstance(v, Nested) for v in column.values), False], np.bool_)[column.codes]


def is_blank(column: Any) -> Bools:
    """Where an optional column holds nothing."""
    if isinstance(column, Coded):
        blank = np.array([not str(v).strip() for v in column.values] + [True], np.bool_)
        return blank[column.codes]
    import pyarrow as pa

    if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
        return is_blank(as_codes(column))
    return _nulls(column)
