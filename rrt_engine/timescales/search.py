"""Find the next event: the one search the whole engine rests on, plain or between events that share a link."""

from __future__ import annotations

import numpy as np

from rrt_engine.model import Bools, Int32s, Int64s
from rrt_engine.timescales.arrays import Arrays

NONE = np.int32(-1)
"""Stands for "no row" in a column of rows."""


def next_after(
    arrays: Arrays, triggers: Int32s, rows: Int32s, link: str | None, may_be_own: bool, wanted: Int64s | None = None, nth: int = 1
) -> Int32s:
    """The first of `rows` at or after each trigger, or after the positions `wanted`; NONE where there is none.

    An event at an unknown time on the trigger's day counts as at or after it. A trigger that is itself among `rows`
    (`may_be_own` says that it can be) is followed only by later rows. With a link, an event that belongs to something else does not count;
    one that does not say what it belongs to does. With `nth` it is a later one of them: that goes with no link.
    """
    wanted = arrays.first_key(triggers) if wanted is None else wanted
    own = among(triggers, rows) if may_be_own else np.zeros(0, np.bool_)
    if link is None or arrays.log.ref is None:
        return _next(arrays, rows, wanted, triggers, own, nth)
    codes = arrays.link_codes(link)
    mine, theirs = codes[triggers], codes[rows]
    result = np.full(len(triggers), NONE)
    free, tied = np.flatnonzero(mine < 0), np.flatnonzero(mine >= 0)
    if len(free):
        result[free] = _next(arrays, rows, wanted[free], triggers[free], own[free] if len(own) else own)
    if len(tied):
        asked = wanted[tied], triggers[tied], own[tied] if len(own) else own
        unsaid = _next(arrays, rows[theirs < 0], *asked)
        result[tied] = _earlier(unsaid, _next_linked(arrays, rows[theirs >= 0], codes, *asked))
    return result


def _next(arrays: Arrays, rows: Int32s, wanted: Int64s, triggers: Int32s, own: Bools, nth: int = 1) -> Int32s:
    if not len(rows):
        return np.full(len(triggers), NONE)
    keys = arrays.last_key(rows)
    at = np.searchsorted(keys, wanted)
    if len(own):
        at = np.where(own, np.maximum(at, np.searchsorted(rows, triggers, "right")), at)
    if nth > 1:
        at += nth - 1
    last = np.minimum(at, len(rows) - 1)
    answered = (keys.take(last) ^ wanted) >> arrays.bits == 0  # of the same child
    answered &= at == last
    return np.where(answered, rows.take(last), NONE)


def _next_linked(arrays: Arrays, rows: Int32s, codes: Int32s, wanted: Int64s, triggers: Int32s, own: Bools) -> Int32s:
    """The same search among events that share the trigger's link: child and link take the child's place in the key."""
    if not len(rows):
        return np.full(len(triggers), NONE)
    group, mine = pairs(arrays, rows, codes), pairs(arrays, triggers, codes)
    unknown = None
    if max(int(group.max()), int(mine.max(initial=0))) >> (62 - max(arrays.bits, 32)):  # too large a number to stand before a position
        known, ours = np.unique(group), mine
        group, mine = np.searchsorted(known, group), np.minimum(np.searchsorted(known, ours), len(known) - 1)
        unknown = known[mine] != ours
    low = (1 << arrays.bits) - 1
    keys = (group << arrays.bits) | (arrays.last_key(rows) & low)
    order = np.argsort(keys, kind="stable")
    rows, group, keys = rows[order], group[order], keys[order]
    at = np.searchsorted(keys, (mine << arrays.bits) | (wanted & low))
    if len(own):
        at = np.where(own, np.maximum(at, np.searchsorted((group << 32) | rows, (mine << 32) | triggers, "right")), at)
    last = np.minimum(at, len(rows) - 1)
    found = rows[last]
    missing = (at == len(rows)) | (group[last] != mine)
    found[missing if unknown is None else missing | unknown] = NONE
    return found


def among(rows: Int32s, others: Int32s) -> Bools:
    """Whether each row is one of the others, which are in the log's order."""
    if not len(others):
        return np.zeros(len(rows), np.bool_)
    found: Bools = others[np.minimum(np.searchsorted(others, rows), len(others) - 1)] == rows
    return found


def pairs(arrays: Arrays, rows: Int32s, codes: Int32s) -> Int64s:
    """One number for each row's child and link together."""
    return arrays.log.child[rows].astype(np.int64) * (int(codes.max(initial=0)) + 2) + codes[rows]


def _earlier(a: Int32s, b: Int32s) -> Int32s:
    """The earlier of two rows, entry by entry: rows are in time order, and NONE is after every other."""
    least = np.minimum(a.view(np.uint32), b.view(np.uint32))
    return least.view(np.int32)
