"""The stays within a period, such as the placements of a child in care: how many there were, and how long the present one has lasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.measures.units import Found, at_least
from rrt_engine.measures.view import BEFORE, NO, UNKNOWN, YES, View, mark, mark_before
from rrt_engine.model import AttributeValue, Bools, Int8s, Int32s, lookup
from rrt_engine.rulebook.measure_schema import Stays

STILL = 2**30
"""The last day of a stay that has not ended."""


@dataclass(frozen=True)
class _Stays:
    """Stays in order of child and day: who, from which day, to which day (STILL where it has not ended)."""

    child: Int32s
    start: Int32s
    end: Int32s


def stays_hold(view: View, units: Found, spec: Stays) -> Int8s:
    """Whether a child has had enough stays, or has been in the present one long enough.

    Where the kind of a stay is not recorded, whether it was a move cannot be told. A child with no stay recorded cannot be told.
    """
    found, unsaid = _stays(view, spec)
    low = np.searchsorted(found.child, units.child)
    high = np.searchsorted(found.child, units.child, "right")
    if spec.lasted:
        last = np.maximum(high - 1, 0)
        some = (high > low) & (found.end[last] == STILL) if len(found.child) else np.zeros(len(units), np.bool_)
        long = units.day >= mark(found.start[last], spec.lasted, view.book) if len(found.child) else some
        result = np.where(some, long, UNKNOWN)
    else:
        assert spec.within and spec.at_least is not None
        since = mark_before(units.day, spec.within, view.book)
        counted = np.zeros(len(units), np.int64)
        width = int((high - low).max(initial=0))
        for place in range(width):  # as many steps as the most stays of any child
            at = np.minimum(low + place, max(len(found.child) - 1, 0))
            end = np.minimum(found.end[at], units.day)
            overlaps = (found.end[at] > since) & (found.start[at] <= units.day) & (end - found.start[at] >= at_least(spec.each))
            counted += overlaps & (low + place < high)
        # silence before the records begin hides moves only from children who were in care then
        short = view.records_begin(spec.event) > np.maximum(since, units.start)
        result = np.where(counted >= spec.at_least, YES, np.where(high == low, UNKNOWN, np.where(short, BEFORE, NO)))
    unclear = np.zeros(len(view.log.children), np.bool_)
    unclear[unsaid] = True
    return np.where(unclear[units.child] & (result != UNKNOWN), UNKNOWN, result).astype(np.int8)


def _stays(view: View, spec: Stays) -> tuple[_Stays, Int32s]:
    """The stays, with temporary ones left out and those that go on from the one before joined to it; and the children unsaid."""
    log = view.log
    starts, ends = view.sure(spec.event, {}), view.sure(spec.end, {})
    child, day = log.child[starts], log.day[starts]
    following = np.full(len(starts), STILL, np.int64)
    if len(starts) > 1:
        following[:-1] = np.where(child[1:] == child[:-1], day[1:], STILL)
    # an ending on the day a stay began is of the one before, unless another stay begins that day
    closed = view.first_after(child, day, ends, same_day=False)
    close_day = np.where(closed >= 0, log.day[np.maximum(closed, 0)], STILL) if len(log) else following
    end = np.minimum(following, close_day)
    column = log.attributes.get(spec.attribute)
    codes = np.full(len(starts), -1, np.int32) if column is None else column.codes[starts]
    temporary = _among(column.values if column else (), codes, spec.temporary)
    unsaid = np.unique(child[codes < 0])
    kept = np.flatnonzero(~temporary)
    child, day, end, codes = child[kept], day[kept], end[kept].copy(), codes[kept]
    joined = np.zeros(len(kept), np.bool_)
    if len(kept) > 1:
        same = child[1:] == child[:-1]
        away = kept[1:] - kept[:-1] > 1  # a temporary stay lay between
        back = same & away & (codes[1:] == codes[:-1])
        joined[1:] = back | (same & _among(column.values if column else (), codes, spec.continues)[1:])
    first = np.flatnonzero(~joined)
    last = np.append(first[1:], len(kept)) - 1 if len(first) else first
    result = _Stays(child[first], day[first], end[last])
    return result, unsaid.astype(np.int32)


def _among(values: tuple[AttributeValue, ...], codes: Int32s, wanted: Sequence[object]) -> Bools:
    table = np.append(lookup(values, lambda v: v in wanted), False)
    return table[codes]
