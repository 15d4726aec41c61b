"""The duties of an event log as they are exported with it: each with its events, and with what was found of it as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from rrt_engine.calendar import Moment
from rrt_engine.model import EventLog, Int32s
from rrt_engine.replay.flag_rows import Whole, flag_rows, in_order
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.timescales.evaluate import evaluate
from rrt_engine.words import as_of_text

VALUES = {
    "rule": "string",
    "edition": "string",
    "title": "string",
    "service": "string",
    "status": "string",
    "start": "string",
    "rung": "integer",
    "due": "string",
    "due_at": "string",
    "answer_event": "string",
    "answer_at": "string",
    "ended_by": "string",
    "ended_at": "string",
    "days_late": "integer",
    "cannot_tell_because": "string",
    "provisional": "boolean",
    "basis": "string",
    "authority": "string",
    "verified": "string",
}
"""What is said of a duty: columns of the flags, and their types in the words of OCEL. A date is text, since a time would be invented."""
BLOCK = 1 << 14


@dataclass(frozen=True)
class Duties:
    """Every duty of a log, in the order of the event that started it. `trigger`, `answer` and `end` are rows of the log, -1 where
    there is none or it is a birthday; `as_of` and `rules` say by what they were judged.
    """

    trigger: Int32s
    answer: Int32s
    end: Int32s
    rows: Any
    as_of: str
    rules: dict[str, str]

    def __len__(self) -> int:
        return len(self.trigger)

    def values(self) -> Iterator[dict[str, Any]]:
        """What is said of each duty, without what is not recorded."""
        for batch in self.rows.to_batches(max_chunksize=BLOCK):
            for row in batch.to_pylist():
                yield {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items() if value is not None}


def duties_of(log: EventLog, book: RuleBook, as_of: Moment) -> Duties:
    """Judge every duty that a log starts, as of a moment."""
    import numpy as np
    import pyarrow as pa

    flags = evaluate(log, book, as_of).flags
    table = flag_rows(log, book, flags, as_of, Whole.of(log)).select(list(VALUES))
    order = in_order(log, flags, len(book.rules))
    by_trigger = np.argsort(flags.trigger[order], kind="stable")
    order = order[by_trigger]

    def event(rows: Int32s) -> Int32s:
        return np.where(rows < len(log), rows, -1)[order].astype(np.int32)

    rules = {"id": book.id, "version": book.version, "digest": book.digest}
    rows = table.take(pa.array(by_trigger))
    return Duties(event(flags.trigger), event(flags.answer), event(flags.end), rows, as_of_text(as_of), rules)
