"""One log as it stood at the end of a period: what a measure may look at, and the searches that every measure rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from rrt_engine.calendar import NO_DAY, Days, Duration, Moment, due_day, due_day_before
from rrt_engine.model import Bools, Coverage, EventLog, Flags, Int8s, Int32s, Int64s
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.measure_schema import Pick, Span
from rrt_engine.rulebook.schema import Test
from rrt_engine.sources.merge_coverage import FIRST
from rrt_engine.timescales.arrays import Arrays, Picked
from rrt_engine.timescales.duties import FAR, periods_between
from rrt_engine.timescales.evaluate import evaluate
from rrt_engine.timescales.quality import suspect_rows
from rrt_engine.timescales.search import NONE

NO, YES, UNKNOWN, BEFORE = range(4)
"""What a condition says of a unit: no, yes, cannot be told, or cannot be told because the records begin too late."""


@dataclass
class View:
    """A log at the end of one day. `last` is the as-of day; events after it (or, with `as_known`, recorded after it) do not exist.

    `rules` are the timescale rules whose flags may be asked for; they are evaluated together, once. `complete_from` is the day from
    which the user says the records are complete; `trusted` says that silence is trusted throughout, as for a single case. `records`
    are the logs from which this one was put together, whose first events tell when the records begin where nobody says it, and
    `history` what a look back may rest on, where that is more than the log says of itself.
    """

    log: EventLog
    book: RuleBook
    last: int
    as_known: bool = False
    rules: frozenset[str] = frozenset()
    complete_from: int | None = None
    trusted: bool = False
    records: tuple[EventLog, ...] = ()
    history: Coverage | None = None
    notes: set[str] = field(default_factory=set)
    _spans: dict[str, tuple[Int32s, Int32s]] = field(default_factory=dict)

    @cached_property
    def visible(self) -> Bools | None:
        """Which events exist yet; None when all do."""
        later = self.log.day > self.last
        if self.as_known:
            later |= ~self.log.recorded_by(self.last)
        return ~later if later.any() else None

    @cached_property
    def arrays(self) -> Arrays:
        """The log as sorted arrays."""
        return Arrays(self.log, self.visible, self.book.ref_paths())

    @cached_property
    def suspect(self) -> Bools | None:
        """Events with dates that cannot be right; None when there are none."""
        return suspect_rows(self.log, self.book.events, self.visible)

    @cached_property
    def flags(self) -> Flags:
        """The flags of the rules asked for, as of the end of the last day."""
        wanted = tuple(rule for rule in self.book.rules if rule.id in self.rules)
        known = self.last if self.as_known else None
        return evaluate(self.log, replace(self.book, rules=wanted), Moment(self.last), known).flags

    @cached_property
    def rule_of(self) -> Mapping[str, list[int]]:
        """The numbers by which the flags know each rule: one an edition."""
        found: dict[str, list[int]] = {}
        for number, rule in enumerate(r for r in self.book.rules if r.id in self.rules):
            found.setdefault(rule.id, []).append(number)
        return found

    # ------------------------------------------------------------------------------------------------ picking events

    def picked(self, kinds: Sequence[str], where: Mapping[str, Test]) -> Picked:
        """Events of some kinds that meet a `where`, with those that may; whether or not their dates can be right."""
        return self.arrays.picked(kinds, where)

    def sure(self, kinds: Sequence[str], where: Mapping[str, Test]) -> Int32s:
        """Events that certainly meet a `where` and whose dates can be right."""
        rows = self.picked(kinds, where).sure()
        return rows if self.suspect is None else rows[~self.suspect[rows]]

    def sure_of(self, picks: Sequence[Pick]) -> Int32s:
        """Events that certainly meet any of some picks, in the log's order."""
        parts = [self.sure(pick.event, pick.where) for pick in picks]
        return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts)).astype(np.int32)

    def spans(self, of: str | Span) -> tuple[Int32s, Int32s]:
        """The rows that open and close each period; NONE where it is open at the end of the last day."""
        name = of if isinstance(of, str) else repr(of)
        if name not in self._spans:
            if isinstance(of, str):
                kind = self.book.periods[of]
                starts, ends = self.sure(kind.start, {}), self.sure(kind.end, {})
            else:
                starts, ends = self.sure_of(of.start), self.sure_of(of.end)
            self._spans[name] = periods_between(self.arrays, starts, ends)
        return self._spans[name]

    def records_begin(self, kinds: Sequence[str]) -> int:
        """The day from which silence about some kinds of event can be read as nothing having happened.

        The latest beginning that the source says of these kinds; or else its first event of them.
        """
        if self.complete_from is not None:
            return self.complete_from
        coverage = self.history or self.log.coverage
        known = [day for day in (coverage.since_day(kind) for kind in kinds) if day is not None and day > FIRST]
        if known:
            return max(known)
        if self.trusted:
            return NO_DAY
        return min(self.last + 1, *(_first_of(log, kinds) for log in self.records or (self.log,)))

    # -------------------------------------------------------------------------------------------------- searches

    def last_before(
        self, child: Int32s, day: Int32s, rows: Int32s, link: str | None = None, own: Int32s | None = None, same_day: bool = True
    ) -> Int32s:
        """For each child and day the latest of `rows` on or before it (before it, without `same_day`); NONE where there is none.

        With a link, rows that belong to something other than the unit's own row do not count; those that do not say do.
        """
        if link is None or own is None or self.log.ref is None:
            return self._nearest(child, day, rows, same_day, back=True)
        return self._linked(child, day, rows, link, own, same_day, back=True)

    def first_after(
        self, child: Int32s, day: Int32s, rows: Int32s, link: str | None = None, own: Int32s | None = None, same_day: bool = True
    ) -> Int32s:
        """For each child and day the earliest of `rows` on or after it (after it, without `same_day`); NONE where there is none."""
        if link is None or own is None or self.log.ref is None:
            return self._nearest(child, day, rows, same_day, back=False)
        return self._linked(child, day, rows, link, own, same_day, back=False)

    def _nearest(self, group: Int64s | Int32s, day: Int32s, rows: Int32s, same_day: bool, back: bool, of: Int64s | None = None) -> Int32s:
        if not len(rows):
            return np.full(len(group), NONE)
        of = self.log.child[rows].astype(np.int64) if of is None else of
        keys = (of << 32) + self.log.day[rows].astype(np.int64)
        order = np.argsort(keys, kind="stable")
        keys, rows, of = keys[order], rows[order], of[order]
        wanted = (group.astype(np.int64) << 32) + day.astype(np.int64)
        side = "right" if back == same_day else "left"
        at = np.searchsorted(keys, wanted, side) - (1 if back else 0)  # type: ignore[call-overload]
        inside = np.clip(at, 0, len(rows) - 1)
        found = (at == inside) & (of[inside] == group)
        return np.where(found, rows[inside], NONE).astype(np.int32)

    def _linked(self, child: Int32s, day: Int32s, rows: Int32s, link: str, own: Int32s, same_day: bool, back: bool) -> Int32s:
        codes = self.arrays.link_codes(link)
        theirs = codes[rows]
        mine = np.where(own >= 0, codes[np.maximum(own, 0)], -1)
        result = self._nearest(child, day, rows, same_day, back)
        tied = np.flatnonzero(mine >= 0)
        if len(tied):
            said = theirs >= 0
            width = int(codes.max(initial=0)) + 2
            unsaid = self._nearest(child[tied], day[tied], rows[~said], same_day, back)
            ours = child[tied].astype(np.int64) * width + mine[tied]
            groups = self.log.child[rows[said]].astype(np.int64) * width + theirs[said]
            found = self._nearest(ours, day[tied], rows[said], same_day, back, groups)
            result[tied] = np.where(found >= 0, found, unsaid)  # what says that it belongs stands before what does not say
        return result


def _first_of(log: EventLog, kinds: Sequence[str]) -> int:
    """The day of the first event of some kinds; FAR where there is none."""
    days = log.day[np.isin(log.kind, [code for code, kind in enumerate(log.kinds) if kind in kinds])]
    return int(days.min()) if len(days) else FAR


def mark(start: Days, length: str, book: RuleBook) -> Days:
    """The day a length of time after each start, as the rules count it."""
    return due_day(start, Duration.parse(length), book.calendar)


def mark_before(day: Days, length: str, book: RuleBook) -> Days:
    """The day a length of time before each day, as the rules count it."""
    return due_day_before(day, Duration.parse(length), book.calendar)


def all_of(parts: Sequence[Int8s]) -> Int8s:
    """Whether every condition holds: one `no` decides; otherwise what cannot be told cannot be told."""
    result = parts[0].copy()
    for part in parts[1:]:
        no = (result == NO) | (part == NO)
        unclear = np.where((result == BEFORE) | (part == BEFORE), BEFORE, UNKNOWN)
        result = np.where(no, NO, np.where((result == YES) & (part == YES), YES, unclear)).astype(np.int8)
    return result


def any_of(parts: Sequence[Int8s]) -> Int8s:
    """Whether some condition holds: one `yes` decides."""
    return opposite(all_of([opposite(part) for part in parts]))


def opposite(part: Int8s) -> Int8s:
    """No for yes and yes for no."""
    return np.array([YES, NO, UNKNOWN, BEFORE], np.int8)[part]


__all__ = ["BEFORE", "NO", "UNKNOWN", "YES", "View", "all_of", "any_of", "mark", "mark_before", "opposite"]
