"""Spans: from each start to the event that ends it, for assessments, plans, placements and missing episodes.

Where starts and ends share a link (the same assessment, the same plan) that says which belong together. Where they do
not, the first end of a day closes all that was open before it, and each further end, or each where nothing was open, closes
one start of its own day. So one end left out does not put every later span wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.model import Bools, Int32s, Int64s
from rrt_engine.quality.findings import NONE, Looking, days_of, first_from, in_groups, keyed
from rrt_engine.rulebook.quality_schema import Span

FAR = 1 << 20


@dataclass(frozen=True)
class Spans:
    """Spans in order of child and start. `end` is the row that ends each, -1 while it is open; `to` its day, FAR while open."""

    start: Int32s
    end: Int32s
    child: Int32s
    since: Int32s
    to: Int32s

    def __len__(self) -> int:
        return len(self.start)

    @property
    def open(self) -> Bools:
        """Which are still open."""
        return self.end < 0

    def take(self, keep: Bools) -> Spans:
        """Some of them."""
        return Spans(self.start[keep], self.end[keep], self.child[keep], self.since[keep], self.to[keep])


def spans_of(looking: Looking, span: Span) -> Spans:
    """The spans that a check means. Those whose end is recorded before their start are left out: another check says so."""
    log, arrays = looking.log, looking.arrays
    starts, ends = arrays.rows_of(span.start.event), arrays.rows_of(span.end)
    start_group, end_group, linked = _groups(looking, starts, ends, span.link)
    same_day = _closed_same_day(start_group, log.day[starts], end_group, log.day[ends])
    on_or_after = log.day[starts].astype(np.int64) + np.where(same_day, 0, 1)
    end = first_from(end_group, ends, log.day[ends], start_group, on_or_after)
    if span.next:
        following = arrays.rows_of(span.next)
        child = looking.group(starts, None), looking.group(following, None)
        mine, theirs = in_groups(*child)
        after = first_from(theirs, following, log.day[following], mine, log.day[starts].astype(np.int64) + 1)
        sooner = (after >= 0) & ((end < 0) | (days_of(log, after) < days_of(log, end)))
        end = np.where(sooner, after, end).astype(np.int32)
    keep = ~(linked & (end < 0) & _ended_once(start_group, end_group))
    wanted = arrays.picked(span.start.event, span.start.where).sure() if span.start.where else starts
    keep &= np.isin(starts, wanted)
    to = np.where(end < 0, FAR, days_of(log, end)).astype(np.int32)
    return Spans(starts, end, log.child[starts], log.day[starts], to).take(keep)


def _groups(looking: Looking, starts: Int32s, ends: Int32s, link: str | None) -> tuple[Int64s, Int64s, Bools]:
    """What starts and ends belong to, and which starts say it: the child where any of the child's rows does not."""
    mine, theirs = looking.group(starts, link), looking.group(ends, link)
    if link is None:
        linked = np.zeros(len(starts), np.bool_)
    else:
        log = looking.log
        unsaid = np.zeros(len(log.children), np.bool_)
        unsaid[log.child[starts[mine < 0]]] = True
        unsaid[log.child[ends[theirs < 0]]] = True
        linked = ~unsaid[log.child[starts]]
        mine = np.where(linked, mine, looking.group(starts, None))
        theirs = np.where(unsaid[log.child[ends]], looking.group(ends, None), theirs)
    start_group, end_group = in_groups(mine, theirs)
    return start_group, end_group, linked


def _closed_same_day(start_group: Int64s, start_day: Int32s, end_group: Int64s, end_day: Int32s) -> Bools:
    """Whether an end on the day of each start closes that start, and not something open before."""
    if not len(end_group):
        return np.zeros(len(start_group), np.bool_)
    keys, place = np.unique(np.concatenate([keyed(start_group, start_day), keyed(end_group, end_day)]), return_inverse=True)
    n = len(start_group)
    started = np.bincount(place[:n], minlength=len(keys))
    ended = np.bincount(place[n:], minlength=len(keys))
    group = np.zeros(len(keys), np.int64)
    group[place] = np.concatenate([start_group, end_group])
    # A day leaves the group open where more started than ended, closed where more ended, and as it was where as many did.
    change = np.sign(started - ended)
    told = np.where(change != 0, np.arange(len(keys)), -1)
    last = np.maximum.accumulate(told)
    open_after = (last >= 0) & (group[np.maximum(last, 0)] == group) & (change[np.maximum(last, 0)] > 0)
    open_before = np.zeros(len(keys), np.bool_)
    open_before[1:] = open_after[:-1] & (group[1:] == group[:-1])
    day_of = place[:n]
    order = np.lexsort((np.arange(n), day_of))
    number = np.empty(n, np.int64)
    number[order] = np.arange(n) - np.searchsorted(day_of[order], day_of[order])
    result: Bools = number < (ended - open_before)[day_of]
    return result


def _ended_once(start_group: Int64s, end_group: Int64s) -> Bools:
    """Whether what a start belongs to has that one start and some end: an end that is not after it is dated before it."""
    size = int(max(start_group.max(initial=0), end_group.max(initial=0))) + 1
    one: Bools = (np.bincount(start_group, minlength=size) == 1) & (np.bincount(end_group, minlength=size) > 0)
    return one[start_group]


def open_at(spans: Spans, day: int) -> Int32s:
    """The last day of each span: the day it ended, or the day given while it is open."""
    return np.where(spans.open, day, spans.to).astype(np.int32)


__all__ = ["FAR", "NONE", "Spans", "open_at", "spans_of"]
