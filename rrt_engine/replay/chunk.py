"""The work of one part of a replay: the events of whole children in, their flags out, as Arrow tables.

`flags_of_table` depends on its arguments alone and remembers nothing but the rule set, so that a pool of processes, a Spark
executor or a test can call it on any part, anywhere, any number of times, and get the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import Moment
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.replay.flag_rows import Whole, flag_rows
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import load
from rrt_engine.sources.covers import coverage_beside
from rrt_engine.sources.event_log import log_from_table
from rrt_engine.sources.event_log_files import table_of
from rrt_engine.sources.reading import Reading
from rrt_engine.timescales.evaluate import evaluate


@dataclass(frozen=True)
class Settings:
    """What a replay judges by: the rule set, with values changed by name, the as-of moment, and the day by which things were known."""

    rules: Path
    as_of: Moment
    as_known: int | None = None
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Log:
    """What is true of the whole event log that a part was cut from, and cannot be seen in the part.

    `covers` is what the file beside an event log says, as data; None where there is none. `midnight` says whether every time in
    the log is midnight, so that they are dates; None leaves that to the part. `formats` are those of the sources it came from.
    """

    name: str
    covers: Mapping[str, Any] | None = None
    midnight: bool | None = None
    whole: Whole = field(default_factory=Whole)
    formats: tuple[str, ...] = ("event log",)


@dataclass(frozen=True)
class Chunk:
    """What one part gave. `flags` has the columns of flag_rows.COLUMNS, `rejected` source, row and why; `kinds` occur in it."""

    flags: Any
    rejected: Any
    diagnostics: tuple[Diagnostic, ...]
    read: int
    used: int
    children: int
    events: int
    after_as_of: int
    kinds: frozenset[str] = frozenset()
    not_evaluable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@cache
def book_of(rules: Path, changes: tuple[tuple[str, str], ...] = ()) -> RuleBook:
    """The rule set of a replay, read once in each process. Raises InputError."""
    return load(rules, changes=changes)


def flags_of_table(events: Any, settings: Settings, log: Log) -> Chunk:
    """The flags of some children: every event of each of them as an Arrow table with the columns of an event log.

    `events` is a pyarrow Table (docs/event-log.md describes its columns); the order of its rows matters only among events of one
    child at one moment. Rows are named by `origin` and `origin_row` where it has them, and by `log.name` and their place otherwise.
    Raises InputError where it is no event log.
    """
    book = book_of(settings.rules, settings.changes)
    reading = reading_of_table(events, book, log)
    found = evaluate(reading.log, book, settings.as_of, settings.as_known)
    flags = flag_rows(reading.log, book, found.flags, settings.as_of, log.whole, log.name, settings.as_known)
    return Chunk(
        flags,
        rejected_table(reading.rejected),
        reading.diagnostics,
        reading.records_read,
        reading.records_used,
        len(reading.log.children),
        len(reading.log),
        found.after_as_of,
        frozenset(reading.log.kinds[i] for i in np.unique(reading.log.kind).tolist()),
        {each.rule: each.missing for each in found.not_evaluable},
    )


def reading_of_table(events: Any, book: RuleBook, log: Log) -> Reading:
    """Some children of a log as they are read. Raises InputError where the table is no event log."""
    coverage, snapshot = coverage_beside(Path(log.name), book, log.covers or {})
    return log_from_table(table_of(events, log.name), book, coverage, snapshot, log.midnight)


def rejected_table(rejected: Any) -> Any:
    """Records that could not be used, as an Arrow table: the source, the row and why."""
    import pyarrow as pa

    schema = pa.schema([("source", pa.string()), ("row", pa.int64()), ("why", pa.string())])
    return pa.table([[r.origin for r in rejected], [r.row for r in rejected], [r.why for r in rejected]], schema=schema)


def as_json(value: Any) -> Any:
    """A value for JSON: dates as text."""
    return value.isoformat() if isinstance(value, date) else value
