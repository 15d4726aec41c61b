"""Evaluate timescale rules over an event log, all children at once, and return flags with their evidence.

The meaning of a rule, in the order it is worked out here: what starts the duty; when the clock runs out; what answers
it; what ends it first; and the status at the as-of moment. `tests/oracle.py` says the same thing one child and one day
at a time, and must agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rrt_engine.calendar import (
    DAY,
    NO_DAY,
    NO_INSTANT,
    Duration,
    Moment,
    add_months,
    birthdays,
    due_day,
    due_day_before,
    due_instant,
    emergency_order_noon_day,
    midnight,
    next_opening,
)
from rrt_engine.model import (
    ANSWER_ATTRIBUTE,
    BEFORE_RECORDS,
    CANNOT_TELL,
    DUE,
    DUE_SOON,
    EARLY,
    ENDED,
    IMPOSSIBLE,
    LATE,
    MET,
    NO_DATE,
    NO_REASON,
    OVER_THE_LIMIT,
    OVERDUE,
    TIME_OF_DAY,
    TRIGGER_ATTRIBUTE,
    Bools,
    EventLog,
    Flags,
    Int8s,
    Int32s,
    Int64s,
    NotEvaluable,
    lookup,
)
from rrt_engine.rulebook.book import DERIVED_KINDS, Rule, RuleBook
from rrt_engine.rulebook.schema import DateOf, During, NextOpening, Not, Scalar, Test
from rrt_engine.timescales.arrays import Arrays, Picked, end_of_day
from rrt_engine.timescales.quality import suspect_rows

NONE = np.int32(-1)


@dataclass(frozen=True)
class Result:
    """Everything one evaluation says: flags, the rules the log cannot support, and how many events were later."""

    flags: Flags
    not_evaluable: tuple[NotEvaluable, ...]
    after_as_of: int


@dataclass
class _Duties:
    """The duties of one rule while they are worked out: one entry a duty, all arrays of one length."""

    trigger: Int32s
    start: Int32s
    unsure: Bools
    reason: Int8s
    end: Int32s
    end_day: Int32s
    search_from: Int32s

    def take(self, keep: Bools | Int64s) -> _Duties:
        return _Duties(**{name: value[keep] for name, value in vars(self).items()})


def evaluate(log: EventLog, book: RuleBook, as_of: Moment, as_known: int | None = None) -> Result:
    """Flags for every duty that the log's events start under the rule book, as things stood at `as_of`.

    `as_of` without a time means the end of that UK day; only events at or before it exist. With `as_known` (a day
    number) only events recorded by then exist. Rules whose events the log cannot carry are returned, not evaluated.
    """
    visible, later = _visible(log, as_of, as_known)
    suspect = suspect_rows(log, book.events, visible)
    arrays = Arrays(replace(log, suspect=suspect), visible)
    engine = _Engine(arrays, book, as_of.day, as_of.instant if as_of.instant != NO_INSTANT else end_of_day(as_of.day))
    blocks: list[Flags] = []
    refused: list[NotEvaluable] = []
    for index, rule in enumerate(book.rules):
        if rule.spec.stage == "prospective":
            continue
        missing = unsupported_kinds(rule, log)
        if missing:
            if rule.id not in {r.rule for r in refused}:
                refused.append(NotEvaluable(rule.id, missing))
            continue
        block = engine.flags_of(rule, index)
        if block is not None:
            blocks.append(block)
    return Result(_joined(blocks, engine), tuple(refused), later)


def unsupported_kinds(rule: Rule, log: EventLog) -> tuple[str, ...]:
    """The event kinds a rule needs and the log cannot carry: none when some way to start and to answer it is carried."""
    spec = rule.spec
    missing: list[str] = []
    for kinds in [spec.when.event, *([spec.expect.event] if spec.expect else []), *([spec.when.after.event] if spec.when.after else [])]:
        if not any(log.coverage.carries(k) for k in kinds):
            missing.extend(k for k in kinds if k not in missing)
    return tuple(missing)


def _visible(log: EventLog, as_of: Moment, as_known: int | None) -> tuple[Bools | None, int]:
    after = log.day > as_of.day
    if as_of.instant != NO_INSTANT and log.instant is not None:
        after |= (log.instant > as_of.instant) & (log.instant != NO_INSTANT)
    later = int(np.count_nonzero(after))
    if as_known is not None and log.recorded is not None:
        after |= (log.recorded > as_known) & (log.recorded != NO_DAY)
        return ~after, later
    return (~after if later else None), later


class _Engine:
    """One evaluation: the arrays, the book and the as-of moment, so that each step reads as the rule does."""

    def __init__(self, arrays: Arrays, book: RuleBook, as_of_day: int, as_of_instant: int) -> None:
        self.arrays = arrays
        self.log = arrays.log
        self.book = book
        self.as_of_day = as_of_day
        self.as_of_instant = as_of_instant
        self.derived: list[Int32s] = []
        self.derived_count = 0
        self.paths = book.ref_paths()
        self.periods: dict[str, tuple[Int32s, Int32s]] = {}

    # -- what starts the duty -------------------------------------------------------------------------------------

    def picked(self, kinds: Sequence[str], where: Mapping[str, Test]) -> Picked:
        """The events of some kinds that meet a `where`, and those that may because an attribute is not recorded."""
        rows = self.arrays.rows_of(kinds)
        if not where or not len(rows):
            return Picked(rows)
        holds = np.ones(len(rows), np.bool_)
        unsure = np.zeros(len(rows), np.bool_)
        for name, test in where.items():
            column = self.arrays.column(name)
            negative = isinstance(test, Not)
            if column is None:
                unsure |= not negative
                continue
            codes = column.codes[rows]
            meets = lookup(column.values, lambda v, t=test: _meets(v, t))
            holds &= np.append(meets, True)[codes]  # code -1 reads the last entry: not recorded
            if not negative:
                unsure |= codes < 0
        keep = holds
        return Picked(rows[keep], unsure[keep]) if unsure[keep].any() else Picked(rows[keep])

    def duties(self, rule: Rule) -> _Duties | None:
        """Every event that starts the duty under this edition of the rule."""
        spec = rule.spec
        found = self.picked(spec.when.event, spec.when.where)
        rows = found.rows
        unsure = found.maybe if found.maybe is not None else np.zeros(len(rows), np.bool_)
        reason = np.zeros(len(rows), np.int8)
        if spec.when.date:
            start, _ = self.arrays.date_in(spec.when.date, rows)
            reason[start == NO_DAY] = NO_DATE
            start = np.where(start == NO_DAY, self.arrays.day(rows), start)
        else:
            start = self.arrays.day(rows)
        keep = np.ones(len(rows), np.bool_)
        if len(rows):
            if rule.first_day > int(start.min()) or rule.last_day < int(start.max()):
                keep &= (start >= rule.first_day) & (start <= rule.last_day)
            if spec.when.after:
                keep &= self.enough_before(rule, rows)
        duties = _Duties(rows, start, unsure, reason, np.full(len(rows), NONE), np.full(len(rows), NO_DAY, np.int32), rows)
        if not keep.all():
            duties = duties.take(keep)
        if spec.during:
            duties = self.within_period(rule, duties)
        elif spec.when.pick != "each":
            duties = duties.take(_first_or_last(self.log.child[duties.trigger], spec.when.pick))
        return duties if len(duties.trigger) else None

    def enough_before(self, rule: Rule, rows: Int32s) -> Bools:
        """Whether enough events of a kind came in the window before each row, counting afresh after each answer."""
        spec, after = rule.spec, rule.spec.when.after
        assert after is not None
        counted = self.picked(after.event, after.where).sure()
        n = int(self.book.value(after.at_least))
        keys = self.arrays.last_key(counted)
        own = np.searchsorted(counted, rows)
        inside = (own < len(counted)) & (counted[np.minimum(own, len(counted) - 1)] == rows) if len(counted) else np.zeros(len(rows), np.bool_)
        upto = np.where(inside, own, np.searchsorted(keys, self.arrays.key_of_day_end(self.log.child[rows], self.log.day[rows]), "right"))
        earliest = upto - n
        ok = earliest >= 0
        first = counted[np.where(ok, earliest, 0)] if len(counted) else rows
        ok &= self.log.child[first] == self.log.child[rows]
        if after.within is not None:
            last = due_day(self.log.day[first], self.book.length(after.within), self.book.calendar, after.count_from)
            ok &= self.log.day[rows] <= last
        if spec.expect:
            answers = self.arrays.last_key(self.picked(spec.expect.event, spec.expect.where).rows)
            ok &= np.searchsorted(answers, self.arrays.first_key(first)) == np.searchsorted(answers, self.arrays.first_key(rows))
        return ok

    # -- periods --------------------------------------------------------------------------------------------------

    def period_rows(self, name: str) -> tuple[Int32s, Int32s]:
        """The rows that start and end each period of a kind; -1 where it has not ended.

        A start while the period is open is the same period. On one day an ending comes before a start, unless nothing
        was open to end.
        """
        if name not in self.periods:
            period = self.book.periods[name]
            starts = self.arrays.rows_of(period.start)
            ends = self.arrays.rows_of(period.end)
            rows = np.concatenate([starts, ends])
            is_start = np.arange(len(rows)) < len(starts)
            child, day = self.log.child[rows], self.log.day[rows].astype(np.int64)
            within = np.where(is_start, DAY, -1).astype(np.int64)
            if self.log.instant is not None:
                instant = self.log.instant[rows]
                within = np.where(instant == NO_INSTANT, within, instant - midnight(day))
            order = np.lexsort((rows, within, day, child))
            rows, is_start, child, day = rows[order], is_start[order], child[order], day[order]
            same = np.concatenate([[False], child[1:] == child[:-1]])
            was_start = same & np.concatenate([[False], is_start[:-1]])
            # An ending with nothing open, followed by a start on the same day, belongs after that start.
            next_is_start = np.append(is_start[1:], False) & np.append(same[1:], False) & np.append(day[1:] == day[:-1], False)
            orphan = ~is_start & ~was_start & next_is_start
            at = np.flatnonzero(orphan)
            order = np.arange(len(rows))
            order[at], order[at + 1] = at + 1, at
            rows, is_start, child = rows[order], is_start[order], child[order]
            same = np.concatenate([[False], child[1:] == child[:-1]])
            was_start = same & np.concatenate([[False], is_start[:-1]])
            opens = np.flatnonzero(is_start & ~was_start)
            closes = np.flatnonzero(~is_start & was_start)
            after = np.searchsorted(closes, opens)
            has = after < len(closes)
            close = closes[np.where(has, after, 0)] if len(closes) else opens
            has &= child[close] == child[opens]
            self.periods[name] = rows[opens], np.where(has, rows[close], NONE).astype(np.int32)
        return self.periods[name]

    def within_period(self, rule: Rule, duties: _Duties) -> _Duties:
        """Only duties that start inside a period (or its first or later part); the period's end ends them."""
        during = rule.spec.during if isinstance(rule.spec.during, During) else During(period=str(rule.spec.during))
        opened, closed = self.period_rows(during.period)
        log = self.log
        if not len(opened):
            return duties.take(np.zeros(len(duties.trigger), np.bool_))
        bits = 32
        key = (log.child[opened].astype(np.int64) << bits) | log.day[opened]
        mine = np.searchsorted(key, (log.child[duties.trigger].astype(np.int64) << bits) | duties.start, "right") - 1
        at = np.maximum(mine, 0)
        inside = (mine >= 0) & (log.child[opened[at]] == log.child[duties.trigger])
        ended = closed[at]
        end_day = np.where(ended >= 0, log.day[ended], 2**30)
        inside &= duties.start <= end_day
        if during.first or during.after:
            lead = self.book.length(during.lead).n if during.lead else 0
            unit = self.book.length(during.lead).unit if during.lead else "days"
            change = due_day(log.day[opened[at]], self.book.length(during.first or during.after), self.book.calendar)
            lead_day = due_day(duties.start, Duration(lead, unit), self.book.calendar)
            inside &= (lead_day <= change) if during.first else (lead_day > change)
        duties.end = np.where(ended >= 0, ended, NONE).astype(np.int32)
        duties.end_day = np.where(ended >= 0, end_day, NO_DAY).astype(np.int32)
        kept = duties.take(inside)
        if rule.spec.when.pick != "each":
            kept = kept.take(_first_or_last(at[inside], rule.spec.when.pick))
        return kept

    # -- what ends it first ---------------------------------------------------------------------------------------

    def find_ends(self, rule: Rule, duties: _Duties) -> None:
        """For each duty the first event, at or after its start, that ends it without answering it."""
        for item in self.book.until(rule.spec):
            applies = np.ones(len(duties.trigger), np.bool_)
            if item.if_:
                allowed = self.picked(rule.spec.when.event, item.if_).rows
                applies = np.isin(duties.trigger, allowed)
            if item.event[0] in DERIVED_KINDS:
                self.end_on_birthday(duties, applies, item.where["age"])
                continue
            rows = self.picked(item.event, item.where).sure()
            linked = rule.spec.link if any(rule.spec.link in self.paths[k] for k in item.event) else None
            found = self.next_after(duties.trigger, rows, linked, rule.spec.when.event)
            self.earlier_end(duties, np.where(applies, found, NONE).astype(np.int32))

    def earlier_end(self, duties: _Duties, found: Int32s) -> None:
        """Keep, for each duty, the earlier of the end known so far and a new one."""
        day = np.where(found >= 0, self.log.day[found], NO_DAY)
        better = (found >= 0) & ((duties.end_day == NO_DAY) | (day < duties.end_day))
        if self.log.instant is not None:
            tie = (found >= 0) & (day == duties.end_day) & (duties.end >= 0) & (duties.end < len(self.log))
            both = np.flatnonzero(tie)
            better[both] = self.arrays.latest(found[both]) < self.arrays.latest(duties.end[both])
        duties.end = np.where(better, found, duties.end).astype(np.int32)
        duties.end_day = np.where(better, day, duties.end_day).astype(np.int32)

    def end_on_birthday(self, duties: _Duties, applies: Bools, ages: Test) -> None:
        """End duties on the day the child reaches an age; the birthday becomes a derived row of evidence."""
        if self.log.born is None:
            return
        born = self.log.born[self.log.child[duties.trigger]]
        known = applies & (born != NO_DAY)
        for age in ages if isinstance(ages, list) else [ages]:
            day = np.full(len(born), NO_DAY, np.int64)
            day[known] = birthdays(born[known], int(age))  # type: ignore[arg-type]
            better = known & (day >= duties.start) & (day <= self.as_of_day) & ((duties.end_day == NO_DAY) | (day < duties.end_day))
            n = int(better.sum())
            if n:
                rows = np.arange(n, dtype=np.int32) + len(self.log) + self.derived_count
                self.derived.append(day[better].astype(np.int32))
                self.derived_count += n
                duties.end[better] = rows
                duties.end_day[better] = day[better]

    # -- what answers it ------------------------------------------------------------------------------------------

    def next_after(self, triggers: Int32s, rows: Int32s, link: str | None, trigger_kinds: Sequence[str], search_from: Int32s | None = None) -> Int32s:
        """The first of `rows` at or after each trigger, never the trigger itself; -1 where there is none.

        With a link, an event that belongs to something else does not count; one that does not say counts.
        """
        source = triggers if search_from is None else search_from
        if link is None or self.log.ref is None:
            return self._next(self.arrays.last_key(rows), rows, self.arrays.first_key(source), triggers)
        codes = self.arrays.link_codes(link, self.paths)
        mine, theirs = codes[triggers], codes[rows]
        result = np.full(len(triggers), NONE)
        free = mine < 0
        if free.any():
            result[free] = self._next(self.arrays.last_key(rows), rows, self.arrays.first_key(source[free]), triggers[free])
        tied = ~free
        if tied.any():
            unsaid = rows[theirs < 0]
            open_match = self._next(self.arrays.last_key(unsaid), unsaid, self.arrays.first_key(source[tied]), triggers[tied])
            same = self._next_same(rows[theirs >= 0], codes, source[tied], triggers[tied])
            result[tied] = self._earlier(open_match, same)
        return result

    def _next(self, keys: Int64s, rows: Int32s, wanted: Int64s, triggers: Int32s) -> Int32s:
        if not len(rows):
            return np.full(len(wanted), NONE)
        at = np.searchsorted(keys, wanted)
        own = np.searchsorted(rows, triggers)
        is_own = (own < len(rows)) & (rows[np.minimum(own, len(rows) - 1)] == triggers)
        at = np.where(is_own & (at <= own), own + 1, at)
        has = at < len(rows)
        found = rows[np.where(has, at, 0)]
        has &= self.log.child[found] == self.log.child[triggers]
        return np.where(has, found, NONE).astype(np.int32)

    def _next_same(self, rows: Int32s, codes: Int32s, source: Int32s, triggers: Int32s) -> Int32s:
        """The same search among events that share the trigger's link: the link takes the child's place in the key."""
        if not len(rows):
            return np.full(len(triggers), NONE)
        width = int(codes.max()) + 2
        pair_of_row = self.log.child[rows].astype(np.int64) * width + codes[rows]
        pair_of_trigger = self.log.child[triggers].astype(np.int64) * width + codes[triggers]
        pairs = np.unique(pair_of_row)
        low = (1 << self.arrays.bits) - 1
        group = np.searchsorted(pairs, pair_of_row)
        order = np.lexsort((rows, group))
        rows, group = rows[order], group[order]
        keys = (group << self.arrays.bits) | (self.arrays.last_key(rows) & low)
        mine = np.minimum(np.searchsorted(pairs, pair_of_trigger), len(pairs) - 1)
        known = pairs[mine] == pair_of_trigger
        at = np.searchsorted(keys, (mine << self.arrays.bits) | (self.arrays.first_key(source) & low))
        for _ in range(2):  # a trigger that could answer itself is passed over
            own = rows[np.minimum(at, len(rows) - 1)] == triggers
            at = at + own
        has = known & (at < len(rows))
        at = np.where(has, at, 0)
        has &= group[at] == mine
        return np.where(has, rows[at], NONE).astype(np.int32)

    def _earlier(self, a: Int32s, b: Int32s) -> Int32s:
        """The earlier of two rows of the log, entry by entry; -1 stands for none. Rows are in time order."""
        big = np.iinfo(np.int32).max
        least = np.minimum(np.where(a < 0, big, a), np.where(b < 0, big, b))
        return np.where(least == big, NONE, least).astype(np.int32)

    # -- the clock ------------------------------------------------------------------------------------------------

    def due(self, rule: Rule, length: Duration, rows: Int32s, start: Int32s, unsure_start: Bools | None = None) -> _Due:
        """When a clock that starts at each row runs out."""
        if not length.by_the_hour:
            return _Due(due_day(start, length, self.book.calendar, rule.spec.count_from).astype(np.int32))
        service = self.book.service_hours()
        lo = due_instant(self.arrays.earliest(rows), length, self.book.calendar, service)
        hi = due_instant(self.arrays.latest(rows), length, self.book.calendar, service)
        return _by_the_hour(lo, hi)

    def flags_of(self, rule: Rule, index: int) -> Flags | None:
        """All the flags of one edition of a rule, or None when nothing started it."""
        duties = self.duties(rule)
        if duties is None:
            return None
        spec = rule.spec
        if spec.expect is None:
            return self._noted(index, duties)
        if spec.before:
            duties = self.latest_plan(rule, duties)
        self.find_ends(rule, duties)
        answers = self.picked(spec.expect.event, spec.expect.where)
        if spec.every:
            return self._recurring(rule, index, duties, answers)
        return self._once(rule, index, duties, answers)

    def _noted(self, index: int, duties: _Duties) -> Flags:
        """A pattern that occurred: nothing is due, so nothing can be late."""
        n = len(duties.trigger)
        status = np.where(duties.unsure, CANNOT_TELL, MET).astype(np.int8)
        reason = np.where(duties.unsure, TRIGGER_ATTRIBUTE, duties.reason).astype(np.int8)
        nothing = np.full(n, NONE)
        suspect = self._suspect(duties.trigger)
        status[suspect], reason[suspect] = CANNOT_TELL, IMPOSSIBLE
        return self._block(index, np.zeros(n, np.int8), duties.trigger, duties.start, _Due(np.full(n, NO_DAY, np.int32)), nothing, nothing, status, reason)

    def latest_plan(self, rule: Rule, duties: _Duties) -> _Duties:
        """A future event that moves is one duty: keep the latest plan for it, answered from the first plan on."""
        before = rule.spec.before
        assert before is not None
        target = self.target_days(before.attribute, duties.trigger)
        child = self.log.child[duties.trigger]
        codes = self.arrays.link_codes(rule.spec.link, self.paths)[duties.trigger] if rule.spec.link and self.log.ref is not None else np.full(len(child), -1)
        order = np.lexsort((duties.trigger, codes, child))
        duties, target, child, codes = duties.take(order), target[order], child[order], codes[order]
        same = (child[1:] == child[:-1]) & (codes[1:] == codes[:-1])
        moved = np.append(same & ((duties.start[1:] <= target[:-1]) | (target[:-1] == NO_DAY)), False)
        first_of_run = np.concatenate([[True], ~moved[:-1]]) if len(child) else moved
        run_start = np.maximum.accumulate(np.where(first_of_run, np.arange(len(child)), 0))
        duties.search_from = duties.trigger[run_start]
        duties = duties.take(~moved)
        return duties.take(np.argsort(duties.trigger, kind="stable"))

    def target_days(self, attribute: str, rows: Int32s) -> Int32s:
        """The day of the future event that each row names; the expected or actual birth where it says so."""
        if attribute != "expected_birth":
            return self.arrays.date_in(attribute, rows)[0]
        child = self.log.child[rows]
        expected = self.log.expected[child] if self.log.expected is not None else np.full(len(rows), NO_DAY, np.int32)
        born = self.log.born[child] if self.log.born is not None else np.full(len(rows), NO_DAY, np.int32)
        return np.where(expected == NO_DAY, born, expected).astype(np.int32)

    def _due_once(self, rule: Rule, duties: _Duties) -> _Due:
        """The due dates of duties that happen once."""
        spec, within = rule.spec, rule.spec.within
        n = len(duties.trigger)
        if spec.before:
            target = self.target_days(spec.before.attribute, duties.trigger)
            unknown = target == NO_DAY
            duties.reason[unknown & (duties.reason == NO_REASON)] = NO_DATE
            due = due_day_before(np.where(unknown, duties.start, target), self.book.length(spec.before.by), self.book.calendar)
            if spec.before.or_within is not None:
                due = np.maximum(due, due_day(duties.start, self.book.length(spec.before.or_within), self.book.calendar))
            return _Due(np.where(unknown, NO_DAY, due).astype(np.int32))
        if isinstance(within, NextOpening):
            hours, minutes = (int(p) for p in str(self.book.value(within.next_working_day_at)).split(":"))
            at = hours * 3600 + minutes * 60
            return _by_the_hour(*(next_opening(f(duties.trigger), at, self.book.calendar) for f in (self.arrays.earliest, self.arrays.latest)))
        if isinstance(within, DateOf):
            return self._due_written(rule, within, duties)
        if within is None:
            return _Due(np.full(n, NO_DAY, np.int32))
        assert not isinstance(within, list)
        return self.due(rule, self.book.length(within), duties.trigger, duties.start)

    def _due_written(self, rule: Rule, within: DateOf, duties: _Duties) -> _Due:
        """A due date written in the event; a limit where none is written; a check that it is not beyond the limit."""
        day, _ = self.arrays.date_in(within.attribute, duties.trigger)
        absent = day == NO_DAY
        if within.at_most is not None:
            limit = due_day(duties.start, self.book.length(within.at_most), self.book.calendar, rule.spec.count_from)
            if within.noon_after and len(limit):
                limit = emergency_order_noon_day(limit, self.book.calendar)
            duties.reason[~absent & (day > limit) & (duties.reason == NO_REASON)] = OVER_THE_LIMIT
        if within.otherwise is not None:
            fallback = self.due(rule, self.book.length(within.otherwise), duties.trigger, duties.start).day
            return _Due(np.where(absent, fallback, day).astype(np.int32))
        duties.reason[absent & (duties.reason == NO_REASON)] = NO_DATE
        return _Due(day)

    def _extended(self, rule: Rule, duties: _Duties, due: _Due) -> _Due:
        """The due date after a recorded extension: once, and only when granted before the limit passed."""
        extension = rule.spec.extension
        if extension is None:
            return due
        granted = self.next_after(duties.trigger, self.arrays.rows_of(extension.event), rule.spec.link, rule.spec.when.event)
        valid = (granted >= 0) & (self.log.day[granted] <= due.day)
        most = due_day(due.day, self.book.length(extension.by), self.book.calendar) if extension.by is not None else np.full(len(granted), 2**30)
        new = most
        if extension.attribute:
            written, _ = self.arrays.date_in(extension.attribute, np.maximum(granted, 0))
            new = np.where(written == NO_DAY, most, np.minimum(written, most))
        return _Due(np.where(valid & (new < 2**30), new, due.day).astype(np.int32))

    # -- the status -----------------------------------------------------------------------------------------------

    def _once(self, rule: Rule, index: int, duties: _Duties, answers: Picked) -> Flags | None:
        spec = rule.spec
        due = self._extended(rule, duties, self._due_once(rule, duties))
        answer = self.next_after(duties.trigger, answers.sure(), spec.link, spec.when.event, duties.search_from)
        answer = np.where(self._after_end(answer, duties.end, duties.end_day), NONE, answer).astype(np.int32)
        status, reason = self._status(rule, due, answer, duties.end, duties.end_day, duties.start)
        if answers.maybe is not None:
            maybe = self.next_after(duties.trigger, answers.unsure(), spec.link, spec.when.event, duties.search_from)
            self._unsure_answers(status, reason, answer, maybe, due, duties.end_day, recurring=False)
        if spec.link and self.log.ref is not None:
            self._answered_before_it_began(spec.link, duties.trigger, answers.sure(), answer, status, reason)
        return self._settled(rule, index, np.zeros(len(answer), np.int8), duties, due, answer, status, reason)

    def _recurring(self, rule: Rule, index: int, duties: _Duties, answers: Picked) -> Flags | None:
        """A chain from each start: every answer stops one clock and starts the next, until the duty ends."""
        spec = rule.spec
        duties = self._superseded(rule, duties)
        rows = answers.sure()
        child = self.log.child[duties.trigger]
        first = np.searchsorted(self.arrays.last_key(rows), self.arrays.first_key(duties.trigger))
        until = np.where(duties.end_day == NO_DAY, self.as_of_day, duties.end_day).astype(np.int32)
        last = np.maximum(np.searchsorted(self.arrays.last_key(rows), self.arrays.key_of_day_end(child, until), "right"), first)
        count = last - first
        flag_start = np.concatenate([[0], np.cumsum(count + 1)])
        total = int(flag_start[-1])
        chain = np.repeat(np.arange(len(child)), count + 1)
        step = np.arange(total) - np.repeat(flag_start[:-1], count + 1)
        is_last = np.zeros(total, np.bool_)
        is_last[flag_start[1:] - 1] = True
        at = np.minimum(np.repeat(first, count + 1) + step, max(len(rows) - 1, 0))
        answer = np.where(is_last, NONE, rows[at] if len(rows) else NONE).astype(np.int32)
        keep = self._links_of_chain(rule, duties, chain, answer, is_last)
        if keep is not None:
            chain, is_last, answer = chain[keep], is_last[keep], answer[keep]
            begins = np.concatenate([[True], chain[1:] != chain[:-1]])
            position = np.arange(len(chain))
            step = position - np.maximum.accumulate(np.where(begins, position, 0))
        trigger = np.where(step == 0, duties.trigger[chain], np.concatenate([[NONE], answer[:-1]])).astype(np.int32)
        start = np.where(step == 0, duties.start[chain], self.log.day[trigger]).astype(np.int32)
        links = _Duties(
            trigger, start, duties.unsure[chain], duties.reason[chain], np.where(is_last, duties.end[chain], NONE).astype(np.int32), np.where(is_last, duties.end_day[chain], NO_DAY).astype(np.int32), trigger
        )
        rungs = [*(spec.within if isinstance(spec.within, list) else [spec.within] if spec.within else []), spec.every]
        rung = np.minimum(step, len(rungs) - 1).astype(np.int8)
        due = _Due.empty(len(trigger))
        for number, length in enumerate(rungs):
            mine = np.flatnonzero(rung == number) if len(rungs) > 1 else np.arange(len(trigger))
            due.put(mine, self.due(rule, self.book.length(length), trigger[mine], start[mine]))
        status, reason = self._status(rule, due, answer, links.end, links.end_day, start)
        if answers.maybe is not None:
            maybe = self.next_after(trigger, answers.unsure(), spec.link, spec.when.event)
            self._unsure_answers(status, reason, answer, maybe, due, links.end_day, recurring=True)
        return self._settled(rule, index, rung, links, due, answer, status, reason)

    def _superseded(self, rule: Rule, duties: _Duties) -> _Duties:
        """A new start for the same child (and link) replaces the chain that was running."""
        child = self.log.child[duties.trigger]
        codes = self.arrays.link_codes(rule.spec.link, self.paths)[duties.trigger] if rule.spec.link and self.log.ref is not None else np.full(len(child), -1)
        order = np.lexsort((duties.trigger, codes, child))
        sorted_duties = duties.take(order)
        child, codes = child[order], codes[order]
        again = np.append((child[1:] == child[:-1]) & (codes[1:] == codes[:-1]), False)
        following = np.append(sorted_duties.trigger[1:], NONE).astype(np.int32)
        self.earlier_end(sorted_duties, np.where(again, following, NONE).astype(np.int32))
        same_day = again & (self.log.day[following] == self.log.day[sorted_duties.trigger])
        kept = sorted_duties.take(~same_day)
        return kept.take(np.argsort(kept.trigger, kind="stable"))

    def _links_of_chain(self, rule: Rule, duties: _Duties, chain: Int64s, answer: Int32s, is_last: Bools) -> Bools | None:
        """Which answers belong to their chain: not another's ref, not the start itself, not after the end's time."""
        keep = None
        if rule.spec.link and self.log.ref is not None:
            codes = self.arrays.link_codes(rule.spec.link, self.paths)
            mine, theirs = codes[duties.trigger[chain]], codes[answer]
            keep = is_last | (mine < 0) | (theirs < 0) | (mine == theirs)
        if set(rule.spec.when.event) & set(rule.spec.expect.event if rule.spec.expect else []):
            own = is_last | (answer != duties.trigger[chain])
            keep = own if keep is None else keep & own
        if self.arrays.timed:
            on_time = is_last | ~self._after_end(answer, duties.end[chain], duties.end_day[chain])
            keep = on_time if keep is None else keep & on_time
        return None if keep is None or keep.all() else keep

    def _after_end(self, answer: Int32s, end: Int32s, end_day: Int32s) -> Bools:
        """Whether an answer certainly came after the duty had ended."""
        has = (answer >= 0) & (end_day != NO_DAY)
        after = has & (self.log.day[answer] > end_day)
        if self.log.instant is not None:
            tie = np.flatnonzero(has & (self.log.day[answer] == end_day) & (end >= 0) & (end < len(self.log)))
            after[tie] = self.arrays.earliest(answer[tie]) > self.arrays.latest(end[tie])
        return after

    def _status(self, rule: Rule, due: _Due, answer: Int32s, end: Int32s, end_day: Int32s, start: Int32s) -> tuple[Int8s, Int8s]:
        """Met, late, overdue, due or ended; cannot tell where an hour clock lacks the time of day."""
        answered, ended = answer >= 0, end_day != NO_DAY
        reason = np.zeros(len(answer), np.int8)
        answer_day = self.log.day[answer]
        if due.at is None or due.by is None:
            passed = np.where(ended, end_day, self.as_of_day) > due.day
            on_time = answer_day <= due.day
            no_limit = due.day == NO_DAY
            if no_limit.any():
                passed &= ~no_limit
                on_time |= no_limit
            status = np.where(answered, np.where(on_time, MET, LATE), np.where(passed, OVERDUE, np.where(ended, ENDED, DUE))).astype(np.int8)
        else:
            status = self._hour_status(due.at, due.by, answer, end, end_day, reason)
        self._due_soon(rule, due, status)
        if rule.spec.not_before is not None:
            length = self.book.length(rule.spec.not_before)
            earliest = due_day(start, length, self.book.calendar, rule.spec.count_from)
            status[answered & (answer_day < earliest)] = EARLY
        return status, reason

    def _hour_status(self, at: Int64s, by: Int64s, answer: Int32s, end: Int32s, end_day: Int32s, reason: Int8s) -> Int8s:
        answered, ended = answer >= 0, end_day != NO_DAY
        in_log = ended & (end >= 0) & (end < len(self.log))
        first = np.full(len(answer), self.as_of_instant, np.int64)
        last = first.copy()
        first[ended], last[ended] = midnight(end_day[ended]), midnight(end_day[ended])
        first[in_log], last[in_log] = self.arrays.earliest(end[in_log]), self.arrays.latest(end[in_log])
        first[answered], last[answered] = self.arrays.earliest(answer[answered]), self.arrays.latest(answer[answered])
        inside, outside = last <= at, first > by
        status = np.where(answered, np.where(inside, MET, LATE), np.where(inside, np.where(ended, ENDED, DUE), OVERDUE)).astype(np.int8)
        unclear = ~inside & ~outside
        status[unclear], reason[unclear] = CANNOT_TELL, TIME_OF_DAY
        return status

    def _due_soon(self, rule: Rule, due: _Due, status: Int8s) -> None:
        if rule.spec.warn is None:
            return
        lead = self.book.length(rule.spec.warn)
        waiting = np.flatnonzero((status == DUE) & (due.day != NO_DAY))
        if not len(waiting):
            return
        if due.at is not None and lead.by_the_hour:
            soon = self.as_of_instant >= due.at[waiting] - 3600 * lead.n
        elif lead.by_the_hour:  # a lead in hours on a clock counted in days: the last of those days
            soon = self.as_of_day >= due.day[waiting] - max(-(-lead.n // 24) - 1, 0)
        else:
            soon = self.as_of_day >= due_day_before(due.day[waiting], lead, self.book.calendar)
        status[waiting[soon]] = DUE_SOON

    def _unsure_answers(self, status: Int8s, reason: Int8s, answer: Int32s, maybe: Int32s, due: _Due, end_day: Int32s, recurring: bool) -> None:
        """Where an event that may count came in time, and the duty is otherwise not met, it cannot be told."""
        maybe = np.where((maybe >= 0) & (end_day != NO_DAY) & (self.log.day[maybe] > end_day), NONE, maybe)
        in_time = (maybe >= 0) & ((self.log.day[maybe] <= due.day) | (due.day == NO_DAY))
        open_statuses = (LATE, OVERDUE) if recurring else (LATE, OVERDUE, DUE, DUE_SOON, ENDED)
        doubtful = in_time & np.isin(status, open_statuses)
        status[doubtful], reason[doubtful] = CANNOT_TELL, ANSWER_ATTRIBUTE
        answer[doubtful] = maybe[doubtful]

    def _answered_before_it_began(self, link: str, triggers: Int32s, rows: Int32s, answer: Int32s, status: Int8s, reason: Int8s) -> None:
        """An answer that shares the duty's link and is dated before it began: the dates cannot be right."""
        codes = self.arrays.link_codes(link, self.paths)
        open_ = np.flatnonzero((answer < 0) & (codes[triggers] >= 0))
        if not len(open_) or not len(rows):
            return
        rows = rows[codes[rows] >= 0]
        pair = np.stack([self.log.child[rows].astype(np.int64), codes[rows].astype(np.int64)])
        wanted = np.stack([self.log.child[triggers[open_]].astype(np.int64), codes[triggers[open_]].astype(np.int64)])
        width = int(codes.max()) + 2
        have, ask = pair[0] * width + pair[1], wanted[0] * width + wanted[1]
        order = np.argsort(have, kind="stable")
        at = np.searchsorted(have[order], ask)
        hit = (at < len(order)) & (have[order][np.minimum(at, len(order) - 1)] == ask) if len(order) else np.zeros(len(ask), np.bool_)
        where = open_[hit]
        before = rows[order[at[hit]]]
        earlier = self.arrays.last_key(before) < self.arrays.first_key(triggers[where])
        where, before = where[earlier], before[earlier]
        status[where], reason[where], answer[where] = CANNOT_TELL, IMPOSSIBLE, before

    def _suspect(self, rows: Int32s) -> Bools:
        if self.log.suspect is None:
            return np.zeros(len(rows), np.bool_)
        return (rows >= 0) & (rows < len(self.log)) & self.log.suspect[np.minimum(rows, len(self.log) - 1)]

    def _settled(self, rule: Rule, index: int, rung: Int8s, duties: _Duties, due: _Due, answer: Int32s, status: Int8s, reason: Int8s) -> Flags | None:
        """What cannot be told for reasons of the record: missing attributes or dates, impossible dates, no history."""
        spec = rule.spec
        missing = duties.reason != NO_REASON
        status[missing], reason[missing] = CANNOT_TELL, duties.reason[missing]
        unsure = duties.unsure
        status[unsure], reason[unsure] = CANNOT_TELL, TRIGGER_ATTRIBUTE
        assert spec.expect is not None
        since = [d for d in (self.log.coverage.since_day(k) for k in spec.expect.event) if d is not None]
        if since:
            before = (duties.start < max(since)) & (status != ENDED)
            status[before], reason[before] = CANNOT_TELL, BEFORE_RECORDS
        if self.log.suspect is not None:
            suspect = self._suspect(duties.trigger) | self._suspect(answer)
            status[suspect], reason[suspect] = CANNOT_TELL, IMPOSSIBLE
        end = np.where(answer >= 0, NONE, duties.end).astype(np.int32)
        block = self._block(index, rung, duties.trigger, duties.start, due, answer, end, status, reason)
        if self.log.latest_only is not None:
            historical = (answer >= 0) & self.log.latest_only[answer]
            block = _taken(block, ~historical)
        return block if len(block) else None

    def _block(self, index: int, rung: Int8s, trigger: Int32s, start: Int32s, due: _Due, answer: Int32s, end: Int32s, status: Int8s, reason: Int8s) -> Flags:
        return Flags(
            np.full(len(trigger), index, np.int16), rung, self.log.child[trigger], trigger, start, due.day, due.at, due.by, answer, end, status, reason, np.zeros(0, np.int32)
        )


@dataclass
class _Due:
    """Due days; and for hour clocks the earliest and latest instant the clock can run out."""

    day: Int32s
    at: Int64s | None = None
    by: Int64s | None = None

    @staticmethod
    def empty(n: int) -> _Due:
        return _Due(np.full(n, NO_DAY, np.int32))

    def put(self, where: Int64s, other: _Due) -> None:
        self.day[where] = other.day
        if other.at is not None and other.by is not None:
            if self.at is None or self.by is None:
                self.at, self.by = np.full(len(self.day), NO_INSTANT, np.int64), np.full(len(self.day), NO_INSTANT, np.int64)
            self.at[where], self.by[where] = other.at, other.by


def _by_the_hour(lo: Int64s, hi: Int64s) -> _Due:
    from rrt_engine.calendar import uk_day

    return _Due(uk_day(lo).astype(np.int32), lo, hi)


def _meets(value: Scalar, test: Test) -> bool:
    if isinstance(test, Not):
        return not any(_same(value, t) for t in test.not_)
    return any(_same(value, t) for t in test) if isinstance(test, list) else _same(value, test)


def _same(a: Scalar, b: Scalar) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _first_or_last(group: Int32s | Int64s, pick: str) -> Bools:
    """The first or last entry of each run of equal groups."""
    change = group[1:] != group[:-1]
    return np.concatenate([[True], change]) if pick == "first" else np.append(change, True) if len(group) else np.zeros(0, np.bool_)


_COLUMNS = ("rule", "rung", "child", "trigger", "start", "due", "due_at", "due_by", "answer", "end", "status", "reason")


def _taken(block: Flags, keep: Bools) -> Flags:
    if keep.all():
        return block
    return replace(block, **{c: getattr(block, c)[keep] for c in _COLUMNS if getattr(block, c) is not None})


def _joined(blocks: list[Flags], engine: _Engine) -> Flags:
    """The blocks of all rules as one, with instants only where some rule has them."""
    hours = any(b.due_at is not None for b in blocks)

    def column(name: str, empty: np.dtype[np.generic]) -> np.ndarray:  # type: ignore[type-arg]
        parts = []
        for block in blocks:
            values = getattr(block, name)
            parts.append(np.full(len(block), NO_INSTANT, np.int64) if values is None else values)
        return np.concatenate(parts) if parts else np.zeros(0, empty)

    kinds = {"rule": np.int16, "rung": np.int8, "status": np.int8, "reason": np.int8, "due_at": np.int64, "due_by": np.int64}
    joined = {c: column(c, np.dtype(kinds.get(c, np.int32))) if hours or not c.startswith("due_") else None for c in _COLUMNS}
    derived = np.concatenate(engine.derived) if engine.derived else np.zeros(0, np.int32)
    return Flags(**joined, derived_day=derived)  # type: ignore[arg-type]


__all__ = ["Result", "add_months", "evaluate", "unsupported_kinds"]
