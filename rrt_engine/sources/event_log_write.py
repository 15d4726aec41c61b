"""Write an event log for others: CSV, Parquet or JSON lines, with what it covers in a file beside it.

What is written reads back as the same log, so that it gives the same flags. docs/event-log.md describes the columns. Each
distinct value is written once and taken by its code, and rows are written in blocks, so that millions of events need little
more memory than the log itself. The same log gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import DAY, NO_DAY, NO_INSTANT, as_date, midnight
from rrt_engine.model import Attribute, Coverage, EventLog, Int32s, Int64s
from rrt_engine.sources.event_log import OPTIONAL, alike
from rrt_engine.sources.event_log_files import COLUMNS, guarded, heading
from rrt_engine.words import uk_time

ROWS = 1 << 18
"""Rows in a block, and in a row group of Parquet."""
FIRST = ("team", "worker")
"""The attributes that stand before the others."""
RESERVED = frozenset({*COLUMNS, *OPTIONAL, "attributes"})
"""Names that an attribute cannot have in an event log."""


@dataclass(frozen=True)
class Column:
    """One column: codes into its distinct values, -1 where it is empty. `kind` is text, date, boolean or integer."""

    name: str
    kind: str
    codes: Int32s
    values: tuple[Any, ...]


def write_event_log(log: EventLog, path: Path, suffix: str, origins: bool = False) -> int:
    """Write a log as `.csv`, `.parquet` or `.jsonl` and return how many rows it has: one an event, and one a child without any.

    With `origins` each event says which file, and which row of it, it came from.
    """
    columns = columns_of(log, origins)
    writer = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_jsonl}[suffix]
    writer(columns, path)
    return len(columns[0].codes)


def columns_of(log: EventLog, origins: bool = False) -> list[Column]:
    """The columns of a log that hold something, in order; children without events come last, each in a row of its own."""
    n, m = len(log), len(log.children)
    alone = np.setdiff1d(np.arange(m, dtype=np.int32), log.child)
    child = np.concatenate([log.child, alone]) if len(alone) else log.child

    def of_events(name: str, kind: str, codes: Any, values: Any) -> Column:
        codes = np.asarray(codes, np.int32)
        return Column(name, kind, np.concatenate([codes, np.full(len(alone), -1, np.int32)]) if len(alone) else codes, tuple(values))

    def days(name: str, day: Int32s) -> Column:
        distinct, codes = np.unique(day, return_inverse=True)
        values = [as_date(int(d)) if d != NO_DAY else None for d in distinct]
        return Column(name, "date", np.where(day == NO_DAY, -1, codes).astype(np.int32), tuple(values))

    def marks(name: str, marked: Any) -> Column:
        return of_events(name, "boolean", np.where(marked, 0, -1), (True,))

    whole = np.issubdtype(log.children.dtype, np.integer)
    ids = tuple(int(c) for c in log.children) if whole else tuple(map(str, log.children))
    columns = [Column("child_id", "integer" if whole else "text", child, ids), of_events("event", "text", log.kind, log.kinds)]
    columns.append(of_events("at", *_moments(log)))
    if log.recorded is not None:
        recorded = days("recorded_at", log.recorded)
        columns.append(of_events(recorded.name, recorded.kind, recorded.codes, recorded.values))
    if log.ref is not None:
        columns.append(of_events("ref", "text", log.ref, log.refs))
    for name, day in (("date_of_birth", log.born), ("expected_date_of_birth", log.expected)):
        if day is not None:
            of_child = days(name, day)
            columns.append(Column(name, "date", of_child.codes[child], of_child.values))
    columns += [of_events(*each) for each in attributes_of(log)]
    if log.latest_only is not None and log.latest_only.any():
        columns.append(marks("latest_only", log.latest_only))
    if log.suspect is not None and log.suspect.any():
        columns.append(marks("suspect", log.suspect))
    numbers = alike_numbers(log)
    if numbers is not None:
        columns.append(of_events("alike_number", "integer", numbers - 1, range(1, int(numbers.max()) + 1)))
    if origins and log.origin is not None and log.origin_row is not None:
        columns.append(of_events("origin", "text", log.origin, log.origins))
        rows, codes = np.unique(log.origin_row, return_inverse=True)
        columns.append(of_events("origin_row", "integer", codes, rows.tolist()))
    return [c for c in columns if c.name in COLUMNS or n == 0 or bool((c.codes >= 0).any())]


def attributes_of(log: EventLog) -> Iterator[tuple[str, str, Int32s, tuple[Any, ...]]]:
    """The attributes by the names their columns have: name, type, codes and values; team and worker first."""
    named: dict[str, Attribute] = {}
    for name in sorted(log.attributes, key=lambda a: (FIRST.index(a) if a in FIRST else len(FIRST), a)):
        if heading(name) not in RESERVED:
            named.setdefault(heading(name), log.attributes[name])
    for name, attribute in named.items():
        types = {type(v) for v in attribute.values}
        kind = "boolean" if types == {bool} else "integer" if types == {int} else "text"
        values = attribute.values if kind != "text" else tuple(_text(v) for v in attribute.values)
        yield name, kind, attribute.codes, values


def left_out(log: EventLog) -> list[str]:
    """The attributes that cannot be written, because an event log keeps their name for something else."""
    seen: set[str] = set(RESERVED)
    lost = []
    for name in sorted(log.attributes, key=lambda a: (FIRST.index(a) if a in FIRST else len(FIRST), a)):
        if heading(name) in seen:
            lost.append(name)
        seen.add(heading(name))
    return lost


def alike_numbers(log: EventLog) -> Int32s | None:
    """For each event 2, 3 and so on where it is alike in everything to events before it, and 0 elsewhere; None where none is."""
    rows, same = alike(log)
    if not same.any():
        return None
    place = np.arange(len(rows))
    first = np.maximum.accumulate(np.where(np.concatenate([[True], ~same]), place, 0))
    numbers = np.zeros(len(log), np.int32)
    numbers[rows] = np.where(place > first, place - first + 1, 0)
    return numbers


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moments(log: EventLog) -> tuple[str, Any, list[Any]]:
    """When events happened, no more exactly than is known: dates, or texts where some event has a time."""
    if log.instant is None:
        distinct, codes = np.unique(log.day, return_inverse=True)
        return "date", codes, [as_date(int(d)) for d in distinct]
    dated = log.instant == NO_INSTANT
    key = np.where(dated, log.day.astype(np.int64) - (1 << 40), log.instant)  # days apart from instants, in one column
    twice = np.zeros(len(log), np.bool_) if log.span is None else log.span > 0
    distinct, codes = np.unique(key * 2 + twice, return_inverse=True)
    key, twice = distinct >> 1, (distinct & 1).astype(np.bool_)
    dated = key < -(1 << 39)
    texts = np.empty(len(key), object)
    texts[dated] = np.datetime_as_string((key[dated] + (1 << 40)).astype("datetime64[D]"))
    texts[~dated] = time_texts(key[~dated], twice[~dated])
    return "text", codes, texts.tolist()


def time_texts(instant: Int64s, twice: Any) -> Any:
    """Instants as UK local time. The offset stands with a time that would not be read as itself without it.

    That is a time in the hour that happens twice when the clocks go back, where it is known which of the two it was; and
    midnight, so that it is never taken for a date that a tool wrote as a time. `twice` marks those that may be either.
    """
    day = instant // DAY
    day = day + (instant >= midnight(day + 1)) - (instant < midnight(day))
    clock = instant - midnight(day)
    local = day * DAY + clock
    texts = np.empty(len(instant), object)
    minutes = local % 60 == 0
    texts[minutes] = np.datetime_as_string((local[minutes] // 60).astype("datetime64[m]"))
    texts[~minutes] = np.datetime_as_string(local[~minutes].astype("datetime64[s]"))
    changing = midnight(day + 1) - midnight(day) != DAY
    for i in np.flatnonzero(changing | (clock == 0)).tolist():
        t = uk_time(int(instant[i]))
        exact = t.utcoffset() != t.replace(fold=1 - t.fold).utcoffset() or (t.hour, t.minute, t.second) == (0, 0, 0)
        said = t if exact and not twice[i] else t.replace(tzinfo=None)
        texts[i] = said.isoformat(timespec="seconds" if t.second else "minutes")
    return texts


# ---------------------------------------------------------------------------------------------------- what it covers


def covers_file(target: Path) -> Path:
    """The file beside an event log that says what it covers."""
    return target.with_name(f"{target.name}.covers.yaml")


def covers_of(coverage: Coverage) -> dict[str, Any]:
    """What a log covers, as data, as the file beside it says it."""
    said: dict[str, Any] = {"kind": "history"}
    if "" in coverage.since:
        said["from"] = as_date(coverage.since[""])
    since = {kind: as_date(day) for kind, day in sorted(coverage.since.items()) if kind}
    if "" in coverage.until:
        said["to"] = as_date(coverage.until[""])
    until = {kind: as_date(day) for kind, day in sorted(coverage.until.items()) if kind}
    if since:
        said["since"] = since
    if until:
        said["until"] = until
    if coverage.whole:
        said["whole"] = {kind: sorted(a for s, a in coverage.whole if s == kind) for kind in sorted({s for s, _ in coverage.whole})}
    if coverage.latest:
        said["latest"] = sorted(coverage.latest)
    if coverage.kinds is not None:
        said["events"] = sorted(coverage.kinds)
    return said


def covers_text(coverage: Coverage) -> str:
    """What a log covers, as the text of the file beside it."""
    import yaml

    return "# What the event log beside this file can hold: docs/event-log.md says how to read it.\n" + yaml.safe_dump(
        covers_of(coverage), sort_keys=False
    )


# ---------------------------------------------------------------------------------------------------- the three formats


def _write_parquet(columns: list[Column], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"text": pa.string(), "date": pa.date32(), "boolean": pa.bool_(), "integer": pa.int64()}
    schema = pa.schema([(c.name, types[c.kind]) for c in columns])
    values = [pa.array(c.values, types[c.kind]) for c in columns]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for block in _blocks(columns):
            taken = [v.take(_codes(c, block)) for c, v in zip(columns, values, strict=True)]
            writer.write_table(pa.table(taken, schema=schema), row_group_size=ROWS)


def _write_csv(columns: list[Column], path: Path) -> None:
    def cell(kind: str, value: Any) -> str:
        if value is None:
            return ""
        text = value.isoformat() if isinstance(value, date) else _text(value)
        return _quoted(guarded(text) if kind == "text" else text)

    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(c.name for c in columns) + "\n")
        _write_lines(columns, file, lambda _, c, v: cell(c.kind, v), ",", ("", "\n"))


def _write_jsonl(columns: list[Column], path: Path) -> None:
    def pair(place: int, column: Column, value: Any) -> str:
        if value is None and column.name not in COLUMNS:
            return ""
        written = value.isoformat() if isinstance(value, date) else value
        return f"{', ' if place else ''}{json.dumps(column.name)}: {json.dumps(written, ensure_ascii=False)}"

    with path.open("w", encoding="utf-8", newline="") as file:
        _write_lines(columns, file, pair, "", ("{", "}\n"))


def _write_lines(columns: list[Column], file: Any, write: Callable[[int, Column, Any], str], between: str, around: tuple[str, str]) -> None:
    """Write rows as lines of text; the text of each distinct value, and of none, is made once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [pa.array([write(i, c, v) for v in (*c.values, None)], pa.large_string()) for i, c in enumerate(columns)]
    for block in _blocks(columns):
        parts = [t.take(pa.array(np.where(c.codes[block] < 0, len(c.values), c.codes[block]))) for c, t in zip(columns, texts, strict=True)]
        lines = pc.binary_join_element_wise(*parts, pa.scalar(between, pa.large_string()))
        before, after = around
        file.write("".join(f"{before}{line}{after}" for line in lines.to_pylist()))


def _quoted(text: str) -> str:
    """A cell of CSV, in quotes where it needs them."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\r\n') else text


def _blocks(columns: list[Column]) -> Iterator[slice]:
    n = len(columns[0].codes)
    return (slice(start, start + ROWS) for start in range(0, n, ROWS))


def _codes(column: Column, block: slice) -> Any:
    import pyarrow as pa

    codes = column.codes[block]
    return pa.array(codes, mask=codes < 0)
