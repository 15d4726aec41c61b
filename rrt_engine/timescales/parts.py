"""What starts a duty that lives in a part of a regime: events while it is in force, and clocks carried into it."""

from __future__ import annotations

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import Bools, Int16s, Int32s, Int64s
from rrt_engine.rulebook.book import Rule
from rrt_engine.rulebook.schema import During
from rrt_engine.timescales.duties import Duties, Run, answering, candidates, child_and_day, may_be_first
from rrt_engine.timescales.regimes import Segments, part_segments, segments
from rrt_engine.timescales.search import NONE, next_after


def starting_in_part(run: Run, rule: Rule, regime: str, part: str) -> Duties | None:
    """Every duty of one edition of a rule that lives in a part of a regime; None when there is none.

    The end of the segment ends the duty. Where only time ends it, that day becomes a derived row of evidence.
    """
    found = candidates(run, rule)
    if found is None:
        return None
    own = part_segments(run, regime, part)
    if not len(own.child):
        return None
    child, log = run.arrays.log.child[found.trigger], run.arrays.log
    begun = child_and_day(own.child, own.start)
    inside = np.flatnonzero(_within(run, rule, regime, part, found))
    inside = inside[(found.start[inside] >= rule.first_day) & (found.start[inside] <= rule.last_day)]
    inside = inside[may_be_first(run, rule, found.trigger[inside])]
    segment = np.searchsorted(begun, child_and_day(child[inside], found.start[inside]), "right") - 1
    parts = [_owed(found.take(inside), segment, np.full(len(inside), NO_DAY, np.int32))]
    if isinstance(rule.spec.during, During) and rule.spec.during.carry_in:
        governed = (own.start >= rule.first_day) & (own.start <= rule.last_day)
        started = child_and_day(child, log.day[found.trigger])
        at = np.minimum(np.searchsorted(started, begun), len(started) - 1)
        governed &= started[at] != begun  # a start on that day opens its own clock
        parts.append(_carried(run, rule, found, own, np.flatnonzero(governed)))
    duties = _joined(*parts)
    assert duties.group is not None
    only_time = np.flatnonzero((own.end != NO_DAY) & (own.ended < 0))
    ending = own.ended.copy()
    ending[only_time] = run.derive(own.end[only_time])
    duties.end, duties.end_day = ending[duties.group], own.end[duties.group]
    return duties if len(duties.trigger) else None


def _within(run: Run, rule: Rule, regime: str, part: str, found: Duties) -> Bools:
    """Which events come while a part is in force. Where each event falls is kept: many rules ask it of the same events."""
    every, kept = segments(run, regime), (regime, id(found.trigger))
    if kept not in run.fell or run.fell[kept][0] is not found.trigger or rule.spec.when.date or rule.spec.when.at_age is not None:
        child = run.arrays.log.child[found.trigger]
        at = np.searchsorted(child_and_day(every.child, every.start), child_and_day(child, found.start), "right") - 1
        segment = np.maximum(at, 0)
        inside = (at >= 0) & (every.child[segment] == child)
        inside &= (every.end[segment] == NO_DAY) | (found.start < every.end[segment])
        run.fell[kept] = found.trigger, np.where(inside, every.part[segment], -1)
        if rule.spec.when.date or rule.spec.when.at_age is not None:  # its clocks start on days of its own
            return _is_part(run, regime, part, run.fell.pop(kept)[1])
    return _is_part(run, regime, part, run.fell[kept][1])


def _is_part(run: Run, regime: str, part: str, which: Int16s) -> Bools:
    result: Bools = which == [p.id for p in run.book.regimes[regime].parts].index(part)
    return result


def _owed(duties: Duties, segment: Int64s, floor: Int32s) -> Duties:
    duties.group, duties.floor = segment.astype(np.int64), floor
    return duties


def _carried(run: Run, rule: Rule, found: Duties, segments: Segments, which: Int64s) -> Duties:
    """For some segments, the clock that was running when each began: the last event before it that starts the rule's clock,
    no earlier than the segment allows, unless it had been answered by then.
    """
    log = run.arrays.log
    first_day = child_and_day(segments.child[which], segments.start[which])
    last = np.searchsorted(child_and_day(log.child[found.trigger], log.day[found.trigger]), first_day) - 1
    row = found.trigger[np.maximum(last, 0)]
    running: Bools = (last >= 0) & (log.child[row] == segments.child[which])
    running &= (segments.carry[which] != NO_DAY) & (log.day[row] >= segments.carry[which])
    which, last = which[running], last[running]
    duties = _owed(found.take(last), which, segments.start[which])
    assert rule.spec.expect is not None and duties.floor is not None
    own = bool(set(rule.spec.when.event) & set(rule.spec.expect.event))
    answer = next_after(run.arrays, duties.trigger, answering(run, rule.spec).sure(), None, own)
    return duties.take((answer == NONE) | (log.day[answer] >= duties.floor))


def _joined(first: Duties, second: Duties | None = None) -> Duties:
    """Both together, in the order of their triggers within each segment."""
    if second is None:
        return first
    assert first.group is not None and second.group is not None and first.floor is not None and second.floor is not None
    unsure = None
    if first.unsure is not None and second.unsure is not None:
        unsure = np.concatenate([first.unsure, second.unsure])
    both = Duties(
        np.concatenate([first.trigger, second.trigger]),
        np.concatenate([first.start, second.start]),
        unsure,
        np.concatenate([first.reason, second.reason]),
        group=np.concatenate([first.group, second.group]),
        floor=np.concatenate([first.floor, second.floor]),
    )
    return both.in_order()


def still_owed(duties: Duties) -> Duties:
    """Without those that something had ended before they began to be owed: before they were carried in, or before a birthday."""
    if duties.end_day is None:
        return duties
    keep = (duties.end_day == NO_DAY) | (duties.end_day >= duties.begins())
    return duties if keep.all() else duties.take(keep)


def not_before_floor(duties: Duties, day: Int32s) -> Int32s:
    """Due days, none before the day on which its duty was carried in."""
    if duties.floor is None:
        return day
    return np.where((day == NO_DAY) | (duties.floor == NO_DAY), day, np.maximum(day, duties.floor)).astype(np.int32)
