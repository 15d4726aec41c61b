"""When the clock runs out: lengths of time, dates written in the event, openings, deadlines counted back, extensions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import (
    NO_DAY,
    NO_INSTANT,
    Duration,
    day_number,
    due_day,
    due_day_before,
    due_instant,
    emergency_order_noon_day,
    next_opening,
    uk_day,
)
from rrt_engine.model import NO_DATE, NO_REASON, OVER_THE_LIMIT, Bools, Int32s, Int64s
from rrt_engine.rulebook.book import Rule
from rrt_engine.rulebook.schema import DateOf, Extension, NextOpening
from rrt_engine.timescales.duties import FAR, Duties, Run
from rrt_engine.timescales.search import next_after


@dataclass
class Due:
    """Due days; and for an hour clock the earliest (`at`) and latest (`by`) instant it can run out."""

    day: Int32s
    at: Int64s | None = None
    by: Int64s | None = None

    def put(self, where: Int64s, other: Due) -> None:
        """Fill some entries from another that is counted alike."""
        self.day[where] = other.day
        if other.at is not None and other.by is not None:
            if self.at is None or self.by is None:
                self.at, self.by = (np.full(len(self.day), NO_INSTANT, np.int64) for _ in range(2))
            self.at[where], self.by[where] = other.at, other.by

    def take(self, keep: Bools) -> Due:
        """Some of the entries."""
        return Due(self.day[keep], None if self.at is None else self.at[keep], None if self.by is None else self.by[keep])

    def forget(self, where: Bools) -> None:
        """Some entries have no due date after all."""
        self.day[where] = NO_DAY
        if self.at is not None and self.by is not None:
            self.at[where] = self.by[where] = NO_INSTANT


def due_after(run: Run, rule: Rule, length: Duration, rows: Int32s, start: Int32s) -> Due:
    """When a clock of some length that starts at each row runs out."""
    if not length.by_the_hour:
        return Due(due_day(start, length, run.book.calendar, rule.spec.count_from).astype(np.int32, copy=False))
    service = run.book.service_hours()
    return _instants(*(due_instant(at, length, run.book.calendar, service) for at in _start_instants(run, rule, rows)))


def _start_instants(run: Run, rule: Rule, rows: Int32s) -> tuple[Int64s, Int64s]:
    """The earliest and latest instant at which an hour clock that starts at each row can have started."""
    if rule.spec.when.date:
        return run.arrays.instants_in(rule.spec.when.date, rows)
    return run.arrays.earliest(rows), run.arrays.latest(rows)


def _instants(at: Int64s, by: Int64s) -> Due:
    return Due(uk_day(at).astype(np.int32), at, by)


def due_once(run: Run, rule: Rule, duties: Duties) -> Due:
    """The due dates of duties that happen once. Where a date is missing or cannot be right, the duty's reason says so."""
    due = _due_once(run, rule, duties)
    due.forget(duties.reason == NO_DATE)
    return due


def _due_once(run: Run, rule: Rule, duties: Duties) -> Due:
    spec, within, calendar = rule.spec, rule.spec.within, run.book.calendar
    if spec.before:
        return _due_before(run, rule, duties)
    if isinstance(within, NextOpening):
        hours, minutes = str(run.book.value(within.next_working_day_at)).split(":")
        at = int(hours) * 3600 + int(minutes) * 60
        return _instants(*(next_opening(start, at, calendar) for start in _start_instants(run, rule, duties.trigger)))
    if isinstance(within, DateOf):
        return _due_written(run, rule, within, duties)
    if within is None:
        return Due(np.full(len(duties.trigger), NO_DAY, np.int32))
    due = due_after(run, rule, run.book.length(within), duties.trigger, duties.start)
    return _extended(run, rule, spec.extension, duties, due) if spec.extension else due


def _due_before(run: Run, rule: Rule, duties: Duties) -> Due:
    before, calendar = rule.spec.before, run.book.calendar
    assert before is not None
    target = target_days(run, before.attribute, duties.trigger)
    unknown = target == NO_DAY
    _because(duties, unknown, NO_DATE)
    due = due_day_before(np.where(unknown, duties.start, target), run.book.length(before.by), calendar)
    if before.or_within is not None:
        due = np.maximum(due, due_day(duties.start, run.book.length(before.or_within), calendar))
    return Due(np.where(unknown, NO_DAY, due).astype(np.int32))


def target_days(run: Run, attribute: str, rows: Int32s) -> Int32s:
    """The day of the future event that each row names; the expected or actual birth where it says so."""
    if attribute != "expected_birth":
        return run.arrays.date_in(attribute, rows)
    log = run.arrays.log
    unknown = np.full(len(rows), NO_DAY, np.int32)
    expected = unknown if log.expected is None else log.expected[log.child[rows]]
    born = unknown if log.born is None else log.born[log.child[rows]]
    return np.where(expected == NO_DAY, born, expected)


def _due_written(run: Run, rule: Rule, within: DateOf, duties: Duties) -> Due:
    """A due date written in the event; a limit where none is written; a check that it is not beyond the longest."""
    day = run.arrays.date_in(within.attribute, duties.trigger)
    absent = day == NO_DAY
    if within.at_most is not None:
        limit = due_day(duties.start, run.book.length(within.at_most), run.book.calendar, rule.spec.count_from)
        longest = emergency_order_noon_day(limit, run.book.calendar) if within.noon_after else limit
        _because(duties, ~absent & (day > longest), OVER_THE_LIMIT)
    if within.otherwise is None:
        _because(duties, absent, NO_DATE)
        due = Due(day)
    else:
        otherwise = due_after(run, rule, run.book.length(within.otherwise), duties.trigger, duties.start)
        due = Due(np.where(absent, otherwise.day, day))
    return _extended(run, rule, rule.spec.extension, duties, due) if rule.spec.extension else due


def _extended(run: Run, rule: Rule, extension: Extension, duties: Duties, due: Due) -> Due:
    """The due date after a recorded extension: once, only when granted before the limit passed, and never sooner."""
    rows = run.arrays.rows_of(extension.event)
    granted = next_after(run.arrays, duties.trigger, rows, rule.spec.link, False)
    in_time = (granted >= 0) & (run.arrays.log.day[granted] <= due.day)
    longest = due_day(due.day, run.book.length(extension.by), run.book.calendar) if extension.by is not None else np.full(len(granted), FAR)
    new = longest
    if extension.attribute:
        written = run.arrays.date_in(extension.attribute, granted)
        new = np.where(written == NO_DAY, longest, np.minimum(written, longest))
    return Due(np.where(in_time & (new < FAR), np.maximum(new, due.day), due.day).astype(np.int32))


def lift(rule: Rule, due: Due) -> None:
    """What falls due on a day for which the limit was lifted has no last day."""
    for days in rule.spec.lifted:
        due.day[(due.day >= day_number(days.from_)) & (due.day <= day_number(days.to))] = NO_DAY


def _because(duties: Duties, where: Bools, reason: int) -> None:
    duties.reason[where & (duties.reason == NO_REASON)] = reason
