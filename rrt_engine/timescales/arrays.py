"""The event log as sorted arrays: "the next event of this kind for this child" is one binary search.

Every event has an earliest and a latest position. Where only dates are known a position is a day; where any event has
a time a position is a UTC second, and a date without a time stretches over its whole day. A key is the child's number
followed by a position, so that one sorted array of keys serves every child at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rrt_engine.calendar import DAY, NO_DAY, NO_INSTANT, midnight
from rrt_engine.model import Attribute, Bools, EventLog, Int32s, Int64s

_DAY_BITS, _SECOND_BITS = 16, 33
_FIRST_DAY, _FIRST_SECOND = 0, 0  # the readers accept no event before 1971


@dataclass(frozen=True)
class Picked:
    """Some rows of the log in time order, and which of them only may count because an attribute is not recorded."""

    rows: Int32s
    maybe: Bools | None = None

    def sure(self) -> Int32s:
        """The rows that certainly count."""
        return self.rows if self.maybe is None else self.rows[~self.maybe]

    def unsure(self) -> Int32s:
        """The rows that may count."""
        return self.rows[:0] if self.maybe is None else self.rows[self.maybe]


@dataclass
class Arrays:
    """The log as the engine reads it at one as-of moment. `visible` is None when nothing is left out."""

    log: EventLog
    visible: Bools | None
    _links: dict[str, Int32s] = field(default_factory=dict)
    _keys: dict[tuple[str, ...], Int64s] = field(default_factory=dict)

    @cached_property
    def timed(self) -> bool:
        """Whether any event carries a time of day."""
        return self.log.instant is not None

    @cached_property
    def bits(self) -> int:
        """How many low bits of a key hold the position."""
        return _SECOND_BITS if self.timed else _DAY_BITS

    @cached_property
    def _by_kind(self) -> tuple[Int32s, Int64s]:
        kind = self.log.kind
        small = kind.astype(np.uint8) if len(self.log.kinds) < 256 else kind
        order = np.argsort(small, kind="stable").astype(np.int32)
        counts = np.bincount(kind, minlength=len(self.log.kinds))
        return order, np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def _code(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.log.kinds)}

    def rows_of(self, kinds: Sequence[str]) -> Int32s:
        """The visible rows of some kinds of event, in child and time order."""
        order, offsets = self._by_kind
        parts = [order[offsets[c] : offsets[c + 1]] for c in (self._code.get(k) for k in kinds) if c is not None]
        rows = parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts)) if parts else order[:0]
        return rows if self.visible is None else rows[self.visible[rows]]

    def day(self, rows: Int32s) -> Int32s:
        """The UK civil day of each row."""
        return self.log.day[rows]

    def earliest(self, rows: Int32s) -> Int64s:
        """The earliest instant of each row, in UTC seconds."""
        day = self.log.day[rows]
        if self.log.instant is None:
            return midnight(day)
        instant = self.log.instant[rows]
        dated = instant == NO_INSTANT
        return np.where(dated, midnight(day), instant) if dated.any() else instant

    def latest(self, rows: Int32s) -> Int64s:
        """The latest instant of each row, in UTC seconds."""
        day = self.log.day[rows]
        if self.log.instant is None:
            return midnight(day + 1) - 1
        instant = self.log.instant[rows]
        if self.log.span is not None:
            instant = instant + self.log.span[rows]
        dated = self.log.instant[rows] == NO_INSTANT
        return np.where(dated, midnight(day + 1) - 1, instant) if dated.any() else instant

    def first_key(self, rows: Int32s) -> Int64s:
        """Child and earliest position of each row."""
        position = self.earliest(rows) - _FIRST_SECOND if self.timed else self.log.day[rows] - _FIRST_DAY
        return (self.log.child[rows].astype(np.int64) << self.bits) | position

    def last_key(self, rows: Int32s) -> Int64s:
        """Child and latest position of each row; ascending for rows in the log's order."""
        if not self.timed:
            return self.first_key(rows)
        return (self.log.child[rows].astype(np.int64) << self.bits) | (self.latest(rows) - _FIRST_SECOND)

    def key_of_day_end(self, child: Int32s, day: Int32s) -> Int64s:
        """The last position of a child's day."""
        position = midnight(day + 1) - 1 - _FIRST_SECOND if self.timed else day - _FIRST_DAY
        return (child.astype(np.int64) << self.bits) | position

    def column(self, attribute: str) -> Attribute | None:
        """An attribute's column, where the log has one."""
        return self.log.attributes.get(attribute)

    def date_in(self, attribute: str, rows: Int32s) -> tuple[Int32s, Int64s]:
        """The day, and the instant where a time was given, that an attribute of each row names; NO_DAY where none."""
        from rrt_engine.calendar import parse_moment

        column = self.column(attribute)
        if column is None:
            return np.full(len(rows), NO_DAY, np.int32), np.full(len(rows), NO_INSTANT, np.int64)
        days, instants = [], []
        for value in column.values:
            try:
                moment = parse_moment(value)
                days.append(moment.day)
                instants.append(moment.instant)
            except ValueError:
                days.append(NO_DAY)
                instants.append(NO_INSTANT)
        codes = column.codes[rows]
        return np.array([*days, NO_DAY], np.int32)[codes], np.array([*instants, NO_INSTANT], np.int64)[codes]

    def link_codes(self, link: str, paths: dict[str, tuple[str, ...]]) -> Int32s:
        """What each row belongs to at one level, such as its referral or its section 47 enquiry; -1 where not recorded.

        A ref such as `R1/S2` names a referral and an enquiry within it; a ref with one part names the event's own
        level only. `paths` gives the levels of each event kind.
        """
        if link not in self._links:
            self._links[link] = self._read_links(link, paths)
        return self._links[link]

    def _read_links(self, link: str, paths: dict[str, tuple[str, ...]]) -> Int32s:
        log = self.log
        codes = np.full(len(log), -1, np.int32)
        if log.ref is None:
            return codes
        names: dict[str, int] = {}
        inner: list[tuple[int, Int32s]] = []
        for kind_code, kind in enumerate(log.kinds):
            path = paths.get(kind, ())
            if link not in path:
                continue
            level = path.index(link)
            rows = np.flatnonzero((log.kind == kind_code) & (log.ref >= 0))
            used, position = np.unique(log.ref[rows], return_inverse=True)
            table = np.full(len(used), -1, np.int32)
            for i, text in enumerate(log.refs[u] for u in used):
                parts = text.split("/")
                if len(parts) == len(path):
                    table[i] = names.setdefault("/".join(parts[: level + 1]), len(names))
                elif len(parts) == 1 and level == len(path) - 1:
                    table[i] = names.setdefault(text, len(names))
            codes[rows] = table[position]
            if level < len(path) - 1:
                inner.append((kind_code, rows[codes[rows] < 0]))
        for _, rows in inner:  # a ref with one part that names an outer level used elsewhere, such as the referral
            codes[rows] = [names.get(log.refs[r], -1) for r in log.ref[rows]]
        return codes


def end_of_day(day: int) -> int:
    """The last UTC second of a UK civil day."""
    return int(midnight(np.array([day + 1]))[0]) - 1


SECONDS_A_DAY = DAY
