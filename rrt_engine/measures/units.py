"""What a measure counts: events, periods, duties or birthdays, each with its child, its day and where it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, Days, Duration, birthdays
from rrt_engine.measures.view import BEFORE, NO, UNKNOWN, YES, View
from rrt_engine.model import BEFORE_RECORDS, CANNOT_TELL, DUE, DUE_SOON, IMPOSSIBLE, OVERDUE, STATUSES, Bools, Int8s, Int32s
from rrt_engine.rulebook.measure_schema import EventUnits, FlagUnits, Span, Units, Value
from rrt_engine.timescales.search import NONE

ASIDE = 4
"""A unit whose dates cannot be right, or are in the wrong order: kept in totals, in nobody's share."""
NO_VALUE = NO_DAY


@dataclass
class Found:
    """Units, one entry each. `row` is the event (NONE for a birthday), `start` and `day` where it began and the day it is judged on.

    `known` is YES; UNKNOWN, BEFORE or ASIDE where it cannot be judged. `met` is what a duty's flag says of it, None for other
    units. `value` is the length of time taken of it, NO_VALUE where there is none; None where the measure takes none.
    """

    child: Int32s
    row: Int32s
    start: Int32s
    day: Int32s
    known: Int8s
    met: Int8s | None = None
    value: Int32s | None = None

    def __len__(self) -> int:
        return len(self.child)

    def take(self, keep: Any) -> Found:
        """Some of the units."""
        taken: dict[str, Any] = {name: None if column is None else column[keep] for name, column in vars(self).items()}
        return Found(**taken)


def found(view: View, units: Units, value: Value | None) -> Found:
    """Every unit up to the last day of a view, with its value; the period is chosen afterwards."""
    if units.events:
        result = _events(view, units.events)
    elif units.flags:
        result = _flags(view, units.flags)
    elif units.birthdays:
        result = _birthdays(view, units.birthdays.ages)
    else:
        of = units.open or units.ended
        assert of is not None
        result = _periods(view, of, still_open=units.open is not None)
    if value:
        result = _valued(view, result, value)
    return result


def _events(view: View, spec: EventUnits) -> Found:
    picked = view.picked(spec.event, spec.where)
    rows = picked.rows
    known = np.full(len(rows), YES, np.int8)
    if picked.maybe is not None:
        known[picked.maybe] = UNKNOWN
    if view.suspect is not None:
        known[view.suspect[rows]] = ASIDE
    child, day = view.log.child[rows], view.log.day[rows]
    result = Found(child, rows, day, day, known)
    if spec.not_while:
        if len(view.sure_of(spec.not_while.end)):
            result = result.take(~open_on(view, spec.not_while, child, day))
        else:
            view.notes.add("the source does not record what closes a case, so what came in on an open case is not left out")
    return result


def open_on(view: View, span: str | Span, child: Int32s, day: Int32s) -> Bools:
    """Whether a period that began on an earlier day is open on each child's day. One that ends on the day is closed."""
    opens, closes = view.spans(span)
    opened = view.last_before(child, day, opens, same_day=False)
    closing = np.full(len(view.log) + 1, NONE)
    closing[opens] = closes
    close = closing[opened]  # NONE reads the last entry
    until = np.where(close >= 0, view.log.day[np.maximum(close, 0)], view.last + 1) if len(view.log) else np.zeros(len(day), np.int32)
    return (opened >= 0) & (until > day)


def _periods(view: View, of: str | Span, still_open: bool) -> Found:
    opens, closes = view.spans(of)
    keep = (closes == NONE) if still_open else (closes >= 0)
    opens, closes = opens[keep], closes[keep]
    log = view.log
    day = np.full(len(opens), view.last, np.int32) if still_open else log.day[closes]
    return Found(log.child[opens], opens, log.day[opens], day, np.full(len(opens), YES, np.int8))


def _flags(view: View, spec: FlagUnits) -> Found:
    flags, log = view.flags, view.log
    numbers = [n for rule in spec.rules for n in view.rule_of.get(rule, ())]
    mine = np.flatnonzero(np.isin(flags.rule, numbers) & (flags.trigger < len(log)))
    status, reason, answer = flags.status[mine], flags.reason[mine], flags.answer[mine]
    start, due = flags.start[mine], flags.due[mine]
    days = np.concatenate([log.day, flags.derived_day, np.array([NO_DAY], np.int32)])
    answered = days[answer]  # NONE reads the last entry
    judged, met = list(spec.judged), list(spec.met)
    if spec.by == "open":
        running = np.isin(status, (OVERDUE, DUE, DUE_SOON)) | ((status == CANNOT_TELL) & (answer < 0))
        day = np.where(running, view.last, NO_DAY)
        judged, met = ["due", "due_soon", "overdue"], [s for s in met if s != "met"] or ["due", "due_soon"]
    else:
        day = {"due": due, "answer": answered, "start": start}[spec.by]
        if spec.by == "due":
            day = np.where((day == NO_DAY) & (status == CANNOT_TELL), start, day)
    known = np.where(np.isin(status, [STATUSES.index(s) for s in judged]), YES, NO).astype(np.int8)
    unclear = np.where(reason == BEFORE_RECORDS, BEFORE, np.where(reason == IMPOSSIBLE, ASIDE, UNKNOWN))
    known = np.where(status == CANNOT_TELL, unclear, known).astype(np.int8)
    good = np.where(np.isin(status, [STATUSES.index(s) for s in met]), YES, NO).astype(np.int8)
    keep = (day != NO_DAY) & (known != NO)
    trigger = flags.trigger[mine][keep]
    units = Found(log.child[trigger], trigger, start[keep], day[keep].astype(np.int32), known[keep], good[keep])
    taken = np.where(answer[keep] >= 0, answered[keep], units.day).astype(np.int32)
    units.value = taken  # until `_valued` turns it into a length, the day to which a duty ran
    return units


def _birthdays(view: View, ages: list[int]) -> Found:
    log = view.log
    none = np.zeros(0, np.int32)
    if log.born is None:
        return Found(none, none, none, none, none.astype(np.int8))
    kids = np.flatnonzero(log.born != NO_DAY).astype(np.int32)
    child = np.tile(kids, len(ages))
    day = np.concatenate([birthdays(log.born[kids], age) for age in ages]).astype(np.int32)
    past = day <= view.last
    child, day = child[past], day[past]
    return Found(child, np.full(len(child), NONE), day, day, np.full(len(child), YES, np.int8))


def _valued(view: View, units: Found, spec: Value) -> Found:
    """The units with a length of time each: days, or working days as the rules count them (the first day is day 0)."""
    log, book = view.log, view.book
    end_row, end = units.row, units.day
    if units.met is not None and units.value is not None:
        end = units.value  # a duty runs to its answer
    wanted = np.ones(len(units), np.bool_)
    if spec.to:
        end_row = view.last_before(units.child, units.day, view.sure(spec.to.event, spec.to.where), spec.link, units.row)
        wanted = end_row >= 0
        end = np.where(wanted, log.day[np.maximum(end_row, 0)], units.day).astype(np.int32) if len(log) else end
    known = units.known.copy()
    start, started = units.start, np.ones(len(units), np.bool_)
    early = np.zeros(len(units), np.bool_)
    if spec.from_:
        rows = view.sure(spec.from_.event, spec.from_.where)
        by = units.day if spec.out_of_order == "zero" else end
        start_row = view.last_before(units.child, by, rows, spec.link, end_row if spec.to else units.row)
        started = start_row >= 0
        start = np.where(started, log.day[np.maximum(start_row, 0)], end).astype(np.int32) if len(log) else end
        if spec.out_of_order == "aside":
            after = view.first_after(units.child, end, rows, spec.link, end_row if spec.to else units.row)
            linked = np.zeros(len(units), np.bool_)
            if spec.link and log.ref is not None:
                codes = view.arrays.link_codes(spec.link)
                mine = np.where(units.row >= 0, codes[np.maximum(units.row, 0)], -1)
                linked = (after >= 0) & (mine >= 0) & (codes[np.maximum(after, 0)] == mine)
            early = ~started & linked
        known[~started & ~early & (known == YES)] = UNKNOWN
        if spec.first:
            units.value, units.known = None, known
            group = np.where(started, start_row.astype(np.int64), -1 - np.arange(len(units), dtype=np.int64))
            order = np.lexsort((units.row, end, group))
            repeated = np.zeros(len(units), np.bool_)
            repeated[order[1:]] = group[order[1:]] == group[order[:-1]]
        else:
            repeated = np.zeros(len(units), np.bool_)
    else:
        repeated = np.zeros(len(units), np.bool_)
    known[early & (known == YES)] = ASIDE
    known[~wanted & (known == YES)] = UNKNOWN
    length: Days = end.astype(np.int64) - start
    if spec.unit == "working days":
        length = book.calendar.working_days_between(start, end)
    if spec.out_of_order == "zero":
        length = np.maximum(length, 0)
    value = np.where((known == YES) & wanted & started, length, NO_VALUE).astype(np.int32)
    return Found(units.child, units.row, units.start, units.day, known, units.met, value).take(~repeated)


def at_least(length: str) -> int:
    """A length of days as a number. Only days make sense where days are added up."""
    found = Duration.parse(length)
    if found.unit not in ("days", "weeks"):
        raise ValueError(f"{length} is not a number of days")
    return found.n * (7 if found.unit == "weeks" else 1)
