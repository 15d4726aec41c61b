"""What starts a duty: the trigger, enough events before it, the period it lives in, and the endings that stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rrt_engine.calendar import DAY, NO_DAY, NO_INSTANT, Duration, due_day, midnight
from rrt_engine.model import BEFORE_RECORDS, NO_DATE, NO_REASON, Bools, Int8s, Int16s, Int32s, Int64s
from rrt_engine.rulebook.book import DERIVED_KINDS, Rule, RuleBook
from rrt_engine.rulebook.schema import After, During, TimescaleRule, Until
from rrt_engine.timescales.arrays import Arrays, Picked
from rrt_engine.timescales.search import NONE, among, next_after, pairs

FAR = 2**30
"""A day number after every other."""


@dataclass
class Duties:
    """The duties of one rule while they are worked out: one entry a duty, in the log's order.

    `trigger` is the row that starts the clock and `start` the day it starts on. `unsure` marks triggers that may not
    count; it is None when none are. `reason` says why a duty already cannot be told. `end` is the row that ends it
    first and `end_day` its day (NONE and NO_DAY where nothing does); both are None for a rule that nothing ends.
    `answers_from` is the position (a key) from which answers count, where that is not the trigger. `edition` says which
    edition of the rule governs it and `group` which child or period it is one of, for rules that pick one of a group.
    `floor` is the day before which it is not due, because it was running when a part of a regime began on that day; NO_DAY
    for every other duty, and None for a rule that lives in no such part.
    """

    trigger: Int32s
    start: Int32s
    unsure: Bools | None
    reason: Int8s
    end: Int32s | None = None
    end_day: Int32s | None = None
    answers_from: Int64s | None = None
    edition: Int16s | None = None
    group: Int64s | None = None
    floor: Int32s | None = None

    def begins(self) -> Int32s:
        """The day each duty begins to be owed under its rule: its start, or the day on which it was carried in."""
        return self.start if self.floor is None else np.maximum(self.start, self.floor)

    def take(self, keep: Bools | Int64s | slice) -> Duties:
        """Some of the duties."""
        taken: dict[str, Any] = {name: None if value is None else value[keep] for name, value in vars(self).items()}
        return Duties(**taken)

    def in_order(self) -> Duties:
        """The duties in the log's order."""
        return self.take(np.argsort(self.trigger, kind="stable"))

    def ended(self) -> tuple[Int32s, Int32s]:
        """The ending row and day of each duty, made where there were none."""
        if self.end is None or self.end_day is None:
            self.end = np.full(len(self.trigger), NONE)
            self.end_day = np.full(len(self.trigger), NO_DAY, np.int32)
        return self.end, self.end_day


@dataclass
class Run:
    """One evaluation: the arrays, the book, the as-of moment, and what is worked out once and used by many rules."""

    arrays: Arrays
    book: RuleBook
    as_of_day: int
    as_of_instant: int
    periods: dict[str, tuple[Int32s, Int32s]]
    derived: list[Int32s]
    segments: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Any] = field(default_factory=dict)
    recorded: dict[str, Any] = field(default_factory=dict)
    fell: dict[tuple[str, int], tuple[Int32s, Any]] = field(default_factory=dict)
    since: dict[tuple[str, ...], Int32s | None] = field(default_factory=dict)

    def answers_since(self, answers: Sequence[str]) -> Int32s | None:
        """For each kind of event, the day before which it may have been answered unseen; NO_DAY where it cannot, None where none can."""
        wanted = tuple(answers)
        if wanted not in self.since:
            kinds, coverage = self.arrays.log.kinds, self.arrays.log.coverage
            usual = coverage.answers_since("", wanted)
            other = {started for started, answer in coverage.whole if answer in wanted}  # those that some answers cannot be missing for
            days = [coverage.answers_since(kind, wanted) if kind in other else usual for kind in kinds]
            known = any(day is not None for day in days)
            self.since[wanted] = np.array([NO_DAY if day is None else day for day in days], np.int32) if known else None
        return self.since[wanted]

    def derive(self, days: Int32s) -> Int32s:
        """Make rows for derived events (birthdays) on some days: they come after the log's own rows."""
        first = len(self.arrays.log) + sum(len(d) for d in self.derived)
        self.derived.append(days.astype(np.int32))
        return np.arange(first, first + len(days), dtype=np.int32)


def starting(run: Run, rule: Rule) -> Duties | None:
    """Every event that starts the duty under this edition of the rule; None when nothing does."""
    spec = rule.spec
    duties = candidates(run, rule)
    if duties is None:
        return None
    if rule.first_day > int(duties.start.min()) or rule.last_day < int(duties.start.max()):
        duties = duties.take((duties.start >= rule.first_day) & (duties.start <= rule.last_day))
    if spec.when.after:
        answers = answering(run, spec).rows if spec.expect else None
        duties = duties.take(enough_before(run, spec.when.after, duties.trigger, answers))
    if spec.during:
        duties = within_period(run, rule, duties)
    elif spec.when.pick != "each":
        duties.group = _picked_among(run, rule, duties.trigger)
    duties = duties.take(may_be_first(run, rule, duties.trigger))
    return duties if len(duties.trigger) else None


def may_be_first(run: Run, rule: Rule, rows: Int32s) -> Bools | slice:
    """Which rows may start a duty of a rule that picks the first: not those of a list of latest dates, which do not say what was first."""
    latest = run.arrays.log.latest_only
    return slice(None) if rule.spec.when.pick != "first" or rule.spec.every or latest is None else ~latest[rows]


def answering(run: Run, spec: TimescaleRule) -> Picked:
    """The events that answer a rule."""
    assert spec.expect is not None
    return run.arrays.counted(spec.expect.event, spec.expect.where, run.book.qualities.get(spec.expect.quality or ""))


def candidates(run: Run, rule: Rule) -> Duties | None:
    """Every event of the kinds that start the duty, whichever edition or period governs it; None when there is none."""
    spec, log = rule.spec, run.arrays.log
    found = run.arrays.counted(spec.when.event, spec.when.where, run.book.qualities.get(spec.when.quality or ""))
    rows = found.rows
    if spec.before and spec.before.attribute == "expected_birth" and log.born is not None:
        born = log.born[log.child[rows]]  # nothing is due before a birth that has happened
        unborn = (born == NO_DAY) | (log.day[rows] <= born)
        found = Picked(rows[unborn], None if found.maybe is None else found.maybe[unborn])
        rows = found.rows
    if not len(rows):
        return None
    reason = np.zeros(len(rows), np.int8)
    start = log.day.take(rows)
    if spec.when.date:
        written = run.arrays.date_in(spec.when.date, rows)
        reason[written == NO_DAY] = NO_DATE
        start = np.where(written == NO_DAY, start, written).astype(np.int32)
    duties = Duties(rows, start, found.maybe, reason)
    if spec.when.at_age is not None:
        return _from_age(run, duties, spec.when.at_age)
    if spec.when.turning is not None:
        day = run.arrays.birthdays_of(spec.when.turning.age)[log.child[rows]]
        last = due_day(start, run.book.length(spec.when.turning.within), run.book.calendar)
        duties = duties.take((day == NO_DAY) | (day <= last))
    return duties if len(duties.trigger) else None


def _from_age(run: Run, duties: Duties, age: int) -> Duties | None:
    """Duties that start on a birthday, or with their event where that is later; those whose birthday is to come are not yet owed."""
    log = run.arrays.log
    child = log.child[duties.trigger]
    born = np.full(len(child), NO_DAY, np.int32) if log.born is None else log.born[child]
    unknown = born == NO_DAY
    duties.reason[unknown] = NO_DATE
    day = run.arrays.birthdays_of(age)[child]
    waits = ~unknown & (day > duties.start)
    duties.answers_from = np.where(waits, run.arrays.key_of_day(child, day), run.arrays.first_key(duties.trigger))
    duties.start = np.where(waits, day, duties.start).astype(np.int32)
    kept = duties.take(duties.start <= run.as_of_day)
    return kept if len(kept.trigger) else None


def merged(editions: Sequence[tuple[int, Duties]]) -> Duties:
    """The duties of all the editions of a rule together, in the log's order, each marked with its edition."""
    if len(editions) == 1:
        return editions[0][1]
    parts = [replace(d, edition=np.full(len(d.trigger), index, np.int16), unsure=_or_no(d.unsure, d)) for index, d in editions]
    for part in parts:
        part.ended()
    joined: dict[str, Any] = {
        name: None if any(getattr(p, name) is None for p in parts) else np.concatenate([getattr(p, name) for p in parts])
        for name in vars(parts[0])
    }
    return Duties(**joined).in_order()


def _or_no(unsure: Bools | None, duties: Duties) -> Bools:
    return np.zeros(len(duties.trigger), np.bool_) if unsure is None else unsure


def _picked_among(run: Run, rule: Rule, rows: Int32s) -> Int64s:
    """What a rule that picks one picks it among: the child's; or, with a link, those that share it (each that does not say)."""
    if rule.spec.link is None:
        return run.arrays.log.child[rows].astype(np.int64)
    codes = run.arrays.link_codes(rule.spec.link)
    return np.where(codes[rows] >= 0, pairs(run.arrays, rows, codes), -1 - rows.astype(np.int64))


def picked_one(duties: Duties, pick: str) -> Duties:
    """The first or last duty of each group, where the rule picks one."""
    if pick == "each" or duties.group is None:
        return duties
    grouped = duties.take(np.lexsort((duties.trigger, duties.group)))
    assert grouped.group is not None
    return grouped.take(_first_or_last(grouped.group, pick)).in_order()


def _first_or_last(group: Int32s | Int64s, pick: str) -> Bools:
    """The first or last entry of each run of equal groups."""
    change = np.ones(len(group), np.bool_)
    if pick == "first":
        change[1:] = group[1:] != group[:-1]
    else:
        change[:-1] = group[1:] != group[:-1]
    return change


def enough_before(run: Run, after: After, rows: Int32s, answers: Int32s | None) -> Bools:
    """Whether enough events of a kind came in the window before each row, counting afresh after each answer."""
    log, arrays = run.arrays.log, run.arrays
    found = arrays.picked(after.event, after.where)
    none_wanted = after.at_most == 0
    counted = found.rows if none_wanted else found.sure()
    if not len(counted) or not len(rows):
        return np.full(len(rows), none_wanted)
    n = int(run.book.value(after.at_least))
    own = np.searchsorted(counted, rows)
    counts_itself = counted[np.minimum(own, len(counted) - 1)] == rows
    # Another kind of event counts unless it certainly came later: so in order of the earliest it can have been.
    by_earliest = counted[np.argsort(arrays.first_key(counted), kind="stable")] if arrays.timed else counted
    upto = np.searchsorted(arrays.first_key(by_earliest), arrays.last_key(rows), "right")
    if after.earlier_day:
        counts_itself = np.zeros(len(rows), np.bool_)
        upto = np.searchsorted(child_and_day(log.child[by_earliest], log.day[by_earliest]), child_and_day(log.child[rows], log.day[rows]))
    at = np.where(counts_itself, own, upto) - n
    earliest = np.where(counts_itself, counted[np.maximum(at, 0)], by_earliest[np.maximum(at, 0)])
    enough: Bools = (at >= 0) & (log.child[earliest] == log.child[rows])
    if after.within is not None:
        enough &= log.day[rows] <= due_day(log.day[earliest], run.book.length(after.within), run.book.calendar, after.count_from)
    if none_wanted:
        return ~enough
    if answers is not None and len(answers):
        keys = arrays.last_key(answers)
        enough &= np.searchsorted(keys, arrays.first_key(earliest)) == np.searchsorted(keys, arrays.first_key(rows))
    return enough


# ---------------------------------------------------------------------------------------------------- periods


def period_rows(run: Run, name: str) -> tuple[Int32s, Int32s]:
    """The rows that start and end each period of a kind; NONE where it has not ended.

    A start while the period is open is the same period. On one day an ending comes before a start, unless nothing was
    open to end.
    """
    if name not in run.periods:
        kind = run.book.periods[name]
        rows_of = run.arrays.rows_of
        later = rows_of(kind.end_later) if kind.end_later else None
        run.periods[name] = periods_between(run.arrays, rows_of(kind.start), rows_of(kind.end), later, kind.restarts)
    return run.periods[name]


def periods_between(
    arrays: Arrays, starts: Int32s, ends: Int32s, later: Int32s | None = None, restarts: bool = False
) -> tuple[Int32s, Int32s]:
    """The rows that open and close each period, from the rows that may start and end one; NONE where it has not ended.

    `later` are rows that end one which began on an earlier day: they come first on their own day. With `restarts` a start
    while it is open ends it and opens another.
    """
    log = arrays.log
    rows = np.concatenate([starts, ends] if later is None else [starts, ends, later])
    is_start = np.arange(len(rows)) < len(starts)
    is_later = np.arange(len(rows)) >= len(starts) + len(ends)
    child, day = log.child[rows], log.day[rows].astype(np.int64)
    in_day = np.where(is_start, DAY, -1).astype(np.int64)
    if log.instant is not None:
        instant = log.instant[rows]
        in_day = np.where(instant == NO_INSTANT, in_day, instant - midnight(day))
    in_day[is_later] = -2
    order = np.lexsort((rows, in_day, day, child))
    rows, is_start, is_later, child, day = rows[order], is_start[order], is_later[order], child[order], day[order]
    # An ending with nothing open, followed by a start on the same day, belongs after that start. Moving one can leave the
    # next with nothing open in its turn.
    moved = np.zeros(len(rows), np.bool_)
    while True:
        orphan = ~is_start & ~is_later & ~_follows_start(is_start, child)
        movable = is_start & ~moved
        at = np.flatnonzero(orphan[:-1] & movable[1:] & (child[1:] == child[:-1]) & (day[1:] == day[:-1]))
        if not len(at):
            break
        rows[at], rows[at + 1] = rows[at + 1], rows[at]
        is_start[at], is_start[at + 1] = True, False
        moved[at] = True
    follows = _follows_start(is_start, child)
    if restarts:
        opens = np.flatnonzero(is_start)
        following = np.minimum(opens + 1, len(rows) - 1)
        closed = (following > opens) & (child[following] == child[opens])
        return rows[opens], np.where(closed, rows[following], NONE).astype(np.int32)
    opens, closes = np.flatnonzero(is_start & ~follows), np.flatnonzero(~is_start & follows)
    if not len(closes):
        return rows[opens], np.full(len(opens), NONE)
    at = np.searchsorted(closes, opens)
    close = closes[np.minimum(at, len(closes) - 1)]
    closed = (at < len(closes)) & (child[close] == child[opens])
    return rows[opens], np.where(closed, rows[close], NONE).astype(np.int32)


def _follows_start(is_start: Bools, child: Int32s) -> Bools:
    """Whether the entry before, for the same child, is a start."""
    follows = np.zeros(len(child), np.bool_)
    follows[1:] = (child[1:] == child[:-1]) & is_start[:-1]
    return follows


def within_period(run: Run, rule: Rule, duties: Duties) -> Duties:
    """Only duties that start inside a period (or its first or later part); the period's end ends them."""
    spec, log, book = rule.spec, run.arrays.log, run.book
    during = spec.during if isinstance(spec.during, During) else During(period=str(spec.during))
    opened, closed = period_rows(run, during.period)
    if not len(opened):
        return duties.take(np.zeros(len(duties.trigger), np.bool_))
    child = log.child[duties.trigger]
    period = np.searchsorted(child_and_day(log.child[opened], log.day[opened]), child_and_day(child, duties.start), "right") - 1
    at = np.maximum(period, 0)
    ending = closed[at]
    end_day = np.where(ending >= 0, log.day[ending], FAR)
    inside = (period >= 0) & (log.child[opened[at]] == child) & (duties.start <= end_day)
    part = during.first or during.after
    if part:
        lead = book.length(during.lead) if during.lead else Duration(0, "days")
        change = due_day(log.day[opened[at]], book.length(part), book.calendar)
        before_change = due_day(duties.start, lead, book.calendar) <= change
        if log.latest_only is not None:  # a list of latest dates does not say when it began, only that it had by then
            before_change &= ~log.latest_only[opened[at]]
        inside &= before_change if during.first else ~before_change
    duties.end = ending.astype(np.int32)
    duties.end_day = np.where(ending >= 0, end_day, NO_DAY).astype(np.int32)
    duties.group = at.astype(np.int64)
    if spec.when.pick == "first":
        since = [day for day in (log.coverage.since_day(kind) for kind in spec.when.event) if day is not None]
        if since:  # the first in the period may have been before the records begin
            unknown = (log.day[opened[at]] < max(since)) & (duties.reason == NO_REASON)
            duties.reason = np.where(unknown, np.int8(BEFORE_RECORDS), duties.reason)
    return duties.take(inside)


def child_and_day(child: Int32s, day: Int32s) -> Int64s:
    """One number for each child and day together, in the order of both."""
    return (child.astype(np.int64) << 32) | day


# ---------------------------------------------------------------------------------------------------- endings


def before_age(run: Run, rule: Rule, duties: Duties) -> Duties:
    """Only duties that start before, or on, the birthdays that would end them: nothing is owed at an age already passed."""
    log = run.arrays.log
    if log.born is None:
        return duties
    keep = np.ones(len(duties.trigger), np.bool_)
    child = log.child[duties.trigger]
    for item in run.book.until(rule.spec):
        if item.event[0] in DERIVED_KINDS:
            known = log.born[child] != NO_DAY
            if item.if_:
                known &= among(duties.trigger, run.arrays.picked(rule.spec.when.event, item.if_).rows)
            for age in _ages(item):
                keep &= ~known | (run.arrays.birthdays_of(age)[child] >= duties.begins())
    return duties if keep.all() else duties.take(keep)


def _ages(item: Until) -> list[int]:
    ages = item.where["age"]
    return [age for age in (ages if isinstance(ages, list) else [ages]) if isinstance(age, int)]


def find_ends(run: Run, rule: Rule, duties: Duties) -> None:
    """For each duty the first event, at or after its start, that ends it without answering it."""
    for item in run.book.until(rule.spec):
        applies = among(duties.trigger, run.arrays.picked(rule.spec.when.event, item.if_).rows) if item.if_ else None
        if item.event[0] in DERIVED_KINDS:
            if run.book.value(item.running) == "ends":
                _end_on_birthday(run, item, duties, applies)
            continue
        rows = run.arrays.picked(item.event, item.where).sure()
        if not len(rows):
            continue
        link = rule.spec.link if any(rule.spec.link in run.arrays.paths.get(k, ()) for k in item.event) else None
        found = next_after(run.arrays, duties.trigger, rows, link, set(item.event) & set(rule.spec.when.event) != set())
        keep_earlier(run.arrays, duties, found if applies is None else np.where(applies, found, NONE).astype(np.int32))


def keep_earlier(arrays: Arrays, duties: Duties, found: Int32s) -> None:
    """Keep, for each duty, the earlier of the end known so far and a new one."""
    log = arrays.log
    end, end_day = duties.ended()
    day = log.day[found]
    better = (found >= 0) & ((end_day == NO_DAY) | (day < end_day))
    if log.instant is not None:
        both = np.flatnonzero((found >= 0) & (day == end_day) & (end >= 0) & (end < len(log)))
        better[both] = arrays.latest(found[both]) < arrays.latest(end[both])
    end[better] = found[better]
    end_day[better] = day[better]


def _end_on_birthday(run: Run, item: Until, duties: Duties, applies: Bools | None) -> None:
    """End duties on the day the child reaches an age; the birthday becomes a derived row of evidence."""
    log = run.arrays.log
    if log.born is None:
        return
    end, end_day = duties.ended()
    child = log.child[duties.trigger]
    known = log.born[child] != NO_DAY if applies is None else applies & (log.born[child] != NO_DAY)
    for age in _ages(item):
        day = run.arrays.birthdays_of(age)[child]
        better = known & (day >= duties.begins()) & (day <= run.as_of_day) & ((end_day == NO_DAY) | (day < end_day))
        if better.any():
            end[better] = run.derive(day[better])
            end_day[better] = day[better]
