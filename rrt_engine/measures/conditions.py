"""Whether each unit is what a measure asks: yes, no, or cannot be told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rrt_engine.calendar import NO_DAY, birthdays
from rrt_engine.measures.stays import stays_hold
from rrt_engine.measures.units import NO_VALUE, Found, at_least, open_on
from rrt_engine.measures.view import BEFORE, NO, UNKNOWN, YES, View, all_of, any_of, mark, mark_before, opposite
from rrt_engine.model import BEFORE_RECORDS, CANNOT_TELL, STATUSES, Bools, Int8s, Int32s, lookup
from rrt_engine.rulebook.measure_schema import Around, Care, Condition, Earlier, FlagsOf, Last, Lasted, Later
from rrt_engine.rulebook.schema import Not, Test
from rrt_engine.timescales.search import NONE


def holds(view: View, units: Found, condition: Condition, every: Found) -> Int8s:
    """What one condition says of each unit. `every` are the measure's units at all times, for those that come again."""
    match condition.kind:
        case "any":
            return any_of([holds(view, units, c, every) for c in condition.any or ()])
        case "not_":
            assert condition.not_
            return opposite(holds(view, units, condition.not_, every))
        case "where":
            assert condition.where is not None
            return records(view, units.row, condition.where, {}, UNKNOWN)
        case "again":
            assert condition.again
            return _again(view, units, condition.again, every)
        case "value":
            assert condition.value and units.value is not None
            return np.where(units.value == NO_VALUE, UNKNOWN, units.value <= condition.value.at_most).astype(np.int8)
        case "not_in":
            assert condition.not_in
            return (~open_on(view, condition.not_in, units.child, units.day)).astype(np.int8)
        case "age":
            assert condition.age
            return _aged(view, units, condition.age.at_least, condition.age.under)
        case _:
            return _of_others(view, units, condition)


def _of_others(view: View, units: Found, condition: Condition) -> Int8s:
    """The conditions that look at other events of the child."""
    if condition.earlier:
        return _earlier(view, units, condition.earlier)
    if condition.later:
        return _later(view, units, condition.later)
    if condition.last:
        return _last(view, units, condition.last)
    if condition.around:
        return _around(view, units, condition.around)
    if condition.stays:
        return stays_hold(view, units, condition.stays)
    if condition.lasted:
        return _lasted(view, units, condition.lasted)
    if condition.flags:
        return _flags(view, units, condition.flags)
    assert condition.care
    return _care(view, units, condition.care)


def records(view: View, rows: Int32s, where: Mapping[str, Test], at_most: Mapping[str, int], blank: int) -> Int8s:
    """Whether the event at each row records what is asked; `blank` where it does not say, NO where there is no row."""
    result = np.where(rows >= 0, YES, NO).astype(np.int8)
    for name in (*where, *at_most):
        column = view.log.attributes.get(name)
        if column is None:
            part = np.full(len(rows), blank, np.int8)
        else:
            test = where.get(name)
            limit = at_most.get(name)
            meets = lookup(column.values, lambda v, t=test, m=limit: _meets(v, t) if m is None else isinstance(v, int) and v <= m)
            table = np.append(meets.astype(np.int8), np.int8(YES if isinstance(test, Not) else blank))
            part = table[np.where(rows >= 0, column.codes[np.maximum(rows, 0)], -1)] if len(view.log) else result
        result = np.where(rows >= 0, all_of([result, part]), NO).astype(np.int8)
    return result


def _meets(value: object, test: Test | None) -> bool:
    if isinstance(test, Not):
        return not any(_same(value, t) for t in test.not_)
    return any(_same(value, t) for t in test) if isinstance(test, list) else _same(value, test)


def _same(a: object, b: object) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _again(view: View, units: Found, within: str, every: Found) -> Int8s:
    """Whether another unit came on an earlier day, at most so long before. The same date that long before is inside."""
    rows = np.unique(every.row[(every.known == YES) & (every.row >= 0)])
    before = view.last_before(units.child, units.day, rows, same_day=False)
    kinds = sorted({view.log.kinds[k] for k in np.unique(view.log.kind[rows])}) if len(rows) else []
    return _within(view, units, before, within, kinds)


def _within(view: View, units: Found, before: Int32s, within: str | None, kinds: list[str]) -> Int8s:
    """Yes where the event before is near enough; where the records do not go back so far, nothing can be said either way."""
    begins = view.records_begin(kinds)
    if within is None:
        short = np.full(len(units), begins != NO_DAY)
        return np.where(before >= 0, YES, np.where(short, BEFORE, NO)).astype(np.int8)
    earliest = mark_before(units.day, within, view.book)
    near = (before >= 0) & (view.log.day[np.maximum(before, 0)] >= earliest) if len(view.log) else np.zeros(len(units), np.bool_)
    return np.where(begins > earliest, BEFORE, near).astype(np.int8)


def _earlier(view: View, units: Found, spec: Earlier) -> Int8s:
    rows = view.sure(spec.event, spec.where)
    before = view.last_before(units.child, units.day, rows, spec.link, units.row, same_day=False)
    return _within(view, units, before, spec.within, spec.event)


def _later(view: View, units: Found, spec: Later) -> Int8s:
    rows = view.sure(spec.event, spec.where)
    after = view.first_after(units.child, units.day, rows, spec.link, units.row)
    if spec.within is None:
        return (after >= 0).astype(np.int8)
    limit = mark(units.day, spec.within, view.book)
    near = (after >= 0) & (view.log.day[np.maximum(after, 0)] <= limit) if len(view.log) else np.zeros(len(units), np.bool_)
    return np.where(near, YES, np.where(limit >= view.last, UNKNOWN, NO)).astype(np.int8)


def _last(view: View, units: Found, spec: Last) -> Int8s:
    """What the latest event of the child in the period says; where there is none, and its recency is all that is asked, no."""
    row = view.last_before(units.child, units.day, view.sure(spec.event, spec.where))
    if not spec.ever:
        inside = (row >= 0) & (view.log.day[np.maximum(row, 0)] >= units.start) if len(view.log) else row >= 0
        row = np.where(inside, row, NONE).astype(np.int32)
    result = np.where(row >= 0, YES, UNKNOWN).astype(np.int8)
    if spec.is_ or spec.at_most:
        result = np.where(row >= 0, records(view, row, spec.is_, spec.at_most, UNKNOWN), result).astype(np.int8)
    if spec.within:
        earliest = mark_before(units.day, spec.within, view.book)
        recent = (row >= 0) & (view.log.day[np.maximum(row, 0)] >= earliest) if len(view.log) else row >= 0
        short = view.records_begin(spec.event) > earliest
        near = np.where(recent, YES, np.where(short, BEFORE, NO)).astype(np.int8)
        result = all_of([np.where(row >= 0, result, YES).astype(np.int8), near])
    return result


def _around(view: View, units: Found, spec: Around) -> Int8s:
    """What the record nearest to the day says; none is no, once the time for it has passed."""
    rows = view.sure(spec.event, {})
    before, after = view.last_before(units.child, units.day, rows), view.first_after(units.child, units.day, rows, same_day=False)
    earliest, latest = mark_before(units.day, spec.before, view.book), mark(units.day, spec.after, view.book)
    day = np.append(view.log.day, np.int32(NO_DAY)).astype(np.int64)
    gap_before = np.where((before >= 0) & (day[before] >= earliest), units.day - day[before], 2**30)
    gap_after = np.where((after >= 0) & (day[after] <= latest), day[after] - units.day, 2**30)
    row = np.where(gap_before <= gap_after, before, after)
    row = np.where(np.minimum(gap_before, gap_after) < 2**30, row, NONE).astype(np.int32)
    said = records(view, row, spec.is_, {}, NO)
    return np.where((row < 0) & (latest > view.last), UNKNOWN, said).astype(np.int8)


def _lasted(view: View, units: Found, spec: Lasted) -> Int8s:
    result: Bools = np.ones(len(units), np.bool_)
    if spec.at_least:
        result &= units.day >= mark(units.start, spec.at_least, view.book)
    if spec.more_than:
        result &= units.day > mark(units.start, spec.more_than, view.book)
    if spec.at_most:
        result &= units.day <= mark(units.start, spec.at_most, view.book)
    return result.astype(np.int8)


def _aged(view: View, units: Found, least: int, under: int) -> Int8s:
    if view.log.born is None:
        return np.full(len(units), UNKNOWN, np.int8)
    born = view.log.born[units.child]
    known = np.where(born == NO_DAY, units.day, born)
    old = units.day >= birthdays(known, least) if least else np.ones(len(units), np.bool_)
    young = units.day < birthdays(known, under)
    return np.where(born == NO_DAY, UNKNOWN, old & young).astype(np.int8)


def _flags(view: View, units: Found, spec: FlagsOf) -> Int8s:
    """No where a duty that fell due while the unit lasted has one of the statuses; cannot be told where no duty was begun."""
    flags, log = view.flags, view.log
    numbers = [n for rule in spec.rules for n in view.rule_of.get(rule, ())]
    mine = np.flatnonzero(np.isin(flags.rule, numbers) & (flags.trigger < len(log)))
    result = np.full(len(units), UNKNOWN, np.int8)
    if not len(mine) or not len(units):
        return result
    child, start = log.child[flags.trigger[mine]], flags.start[mine]
    order = np.lexsort((units.start, units.child))
    keys = (units.child[order].astype(np.int64) << 32) + units.start[order].astype(np.int64)
    at = np.searchsorted(keys, (child.astype(np.int64) << 32) + start.astype(np.int64), "right") - 1
    unit = order[np.maximum(at, 0)]
    inside = (at >= 0) & (units.child[unit] == child) & (start <= units.day[unit])
    mine, unit = mine[inside], unit[inside]
    status = flags.status[mine]
    bad = np.isin(status, [STATUSES.index(s) for s in spec.none])
    unclear = status == CANNOT_TELL
    censored = unclear & (flags.reason[mine] == BEFORE_RECORDS)
    result[unit] = YES
    result[unit[unclear]] = UNKNOWN
    result[unit[censored]] = BEFORE
    result[unit[bad]] = NO
    return result


def _care(view: View, units: Found, spec: Care) -> Int8s:
    """Whether days in a period since a birthday add up, with one of them at a later age. Days are counted up to the unit's day."""
    log = view.log
    if log.born is None:
        return np.full(len(units), UNKNOWN, np.int8)
    born = log.born[units.child]
    opens, closes = view.spans(spec.period)
    first = np.searchsorted(log.child[opens], units.child) if len(opens) else np.zeros(len(units), np.int64)
    last = np.searchsorted(log.child[opens], units.child, "right") if len(opens) else first
    unit = np.repeat(np.arange(len(units)), last - first)
    span = np.arange(len(unit)) - np.repeat(np.cumsum(last - first) - (last - first), last - first) + np.repeat(first, last - first)
    known = np.where(born == NO_DAY, units.day, born)
    since, reaching = birthdays(known, spec.since_age)[unit], birthdays(known, spec.reaching_age)[unit]
    ends = np.where(closes >= 0, log.day[np.maximum(closes, 0)], view.last + 1)[span] if len(log) else np.zeros(0, np.int64)
    ends = np.minimum(ends, units.day[unit])
    days = np.maximum(ends - np.maximum(log.day[opens[span]], since), 0)
    total = np.bincount(unit, days, len(units))
    reached = np.bincount(unit, ends > np.maximum(reaching, log.day[opens[span]]), len(units)) > 0
    enough = (total >= at_least(spec.at_least)) & reached
    return np.where(born == NO_DAY, UNKNOWN, enough).astype(np.int8)
