"""What a check finds, in columns, and the log as the checks look at it: who belongs together, and what came first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import Calendar
from rrt_engine.model import Bools, EventLog, Int32s, Int64s
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.quality_schema import Select
from rrt_engine.timescales.arrays import Arrays

NONE = np.int32(-1)
_DAY_BITS = 24
_DAY_ZERO = 1 << 22  # so that a day before 1970 keeps its place in a key


@dataclass(frozen=True)
class Findings:
    """What one check found in one log. `looked_at` counts what was compared.

    `row` int32 is the event at fault and `other` int32 the one it was compared with, -1 where there is none; `child` int32
    is the child; `days` int32 is how far out it is, or how long, in days, where that means anything.
    """

    looked_at: int
    row: Int32s
    other: Int32s
    child: Int32s
    days: Int32s

    def __len__(self) -> int:
        return len(self.row)

    def take(self, keep: Int64s) -> Findings:
        """Some of them."""
        return Findings(self.looked_at, self.row[keep], self.other[keep], self.child[keep], self.days[keep])


@dataclass(frozen=True)
class Looking:
    """One log as the checks look at it, at one as-of day. `year` is the collection year by the March that ends it, or None."""

    log: EventLog
    arrays: Arrays
    book: RuleBook
    as_of_day: int
    year: int | None

    @property
    def calendar(self) -> Calendar:
        """England's working days."""
        return self.book.calendar

    def rows(self, select: Select) -> Int32s:
        """The rows that a selection surely means."""
        rows = self.arrays.picked(select.event, select.where).sure()
        return rows if select.apart_from is None else rows[~self._same_record(rows, self.arrays.rows_of([select.apart_from]))]

    def _same_record(self, rows: Int32s, others: Int32s) -> Bools:
        """Which rows come from the same record of the source, for the same child and day, as one of some others."""
        log = self.log
        if log.origin is None or log.origin_row is None or not len(others):
            return np.zeros(len(rows), np.bool_)
        columns = np.stack([log.child, log.day, log.origin, log.origin_row])
        both = np.concatenate([rows, others])
        _, code = np.unique(columns[:, both], axis=1, return_inverse=True)
        code = np.asarray(code).reshape(-1)
        known = log.origin_row[rows] > 0
        result: Bools = known & np.isin(code[: len(rows)], code[len(rows) :])
        return result

    def group(self, rows: Int32s, link: str | None) -> Int64s:
        """What each row belongs to: its child, or its child's referral, enquiry or plan; -1 where it does not say which."""
        child = self.log.child[rows].astype(np.int64)
        if link is None:
            return child << 32
        if self.log.ref is None:
            return np.full(len(rows), -1, np.int64)
        code = self.arrays.link_codes(link)[rows].astype(np.int64)
        return np.where(code < 0, -1, (child << 32) + code + 1)


def found(looking: Looking, looked_at: int, row: Int32s, other: Int32s | None = None, days: Int64s | Int32s | None = None) -> Findings:
    """Findings about some rows."""
    none = np.full(len(row), NONE)
    return Findings(
        looked_at,
        row.astype(np.int32),
        none if other is None else other.astype(np.int32),
        looking.log.child[row].astype(np.int32),
        np.zeros(len(row), np.int32) if days is None else days.astype(np.int32),
    )


def in_groups(*groups: Int64s) -> list[Int64s]:
    """Groups numbered from 0 in a row, the same number for the same group in each; -1 stays."""
    every, codes = np.unique(np.concatenate(groups), return_inverse=True)
    codes = codes.astype(np.int64) - (1 if len(every) and every[0] < 0 else 0)
    return np.split(codes, np.cumsum([len(g) for g in groups])[:-1])


def keyed(groups: Int64s, days: Int32s | Int64s) -> Int64s:
    """One number for a group and a day, in the order of both."""
    return (groups << _DAY_BITS) + days.astype(np.int64) + _DAY_ZERO


def first_of(groups: Int64s, rows: Int32s, days: Int32s, wanted: Int64s) -> Int32s:
    """The earliest row of each wanted group; -1 where it has none."""
    order = np.lexsort((rows, days, groups))
    return _at(rows[order], groups[order], wanted, np.searchsorted(groups[order], wanted))


def last_before(groups: Int64s, rows: Int32s, days: Int32s, wanted: Int64s, before: Int32s) -> Int32s:
    """The latest row of each wanted group on a day before the one given; -1 where it has none."""
    order = np.argsort(keyed(groups, days), kind="stable")
    place = np.searchsorted(keyed(groups, days)[order], keyed(wanted, before)) - 1
    return _at(rows[order], groups[order], wanted, place)


def first_from(groups: Int64s, rows: Int32s, days: Int32s, wanted: Int64s, on_or_after: Int32s | Int64s) -> Int32s:
    """The earliest row of each wanted group on or after a day; -1 where it has none."""
    order = np.argsort(keyed(groups, days), kind="stable")
    place = np.searchsorted(keyed(groups, days)[order], keyed(wanted, on_or_after))
    return _at(rows[order], groups[order], wanted, place)


def _at(rows: Int32s, groups: Int64s, wanted: Int64s, place: Int64s) -> Int32s:
    """The rows at some places, where those belong to the group wanted; -1 where they do not."""
    if not len(rows):
        return np.full(len(wanted), NONE)
    inside = (place >= 0) & (place < len(rows)) & (wanted >= 0)
    safe = np.clip(place, 0, len(rows) - 1)
    return np.where(inside & (groups[safe] == wanted), rows[safe], NONE).astype(np.int32)


def days_of(log: EventLog, rows: Int32s) -> Int32s:
    """The day of each row; of the first row where there is none, for the caller to leave out."""
    return log.day[np.maximum(rows, 0)] if len(log) else np.zeros(len(rows), np.int32)
