"""What happens once to a thing and is dated differently by two sources: one date stands, and the other is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import Bools, Int32s, Int64s
from rrt_engine.sources.merge_coverage import Held
from rrt_engine.sources.merge_table import FAR, LAST_SOURCE, Differing, Merger, Rows, Table
from rrt_engine.sources.merge_things import OTHER, STARTS

ONCE = frozenset(
    kind for kinds in STARTS.values() for kind in kinds if kind not in ("strategy_discussion_held", "case_management_decision_made")
) | {
    "assessment_authorised",
    "case_closed",
    "cin_plan_ended",
    "contact_outcome_recorded",
    "cp_plan_ended",
    "epo_ended",
    "icpc_held",
    "missing_episode_ended",
    "nrm_conclusive_grounds_decided",
    "nrm_reasonable_grounds_decided",
    "pf_arrangement_ended",
    "pf_suitability_decided",
    "psr_delivered",
    "referral_decision_recorded",
    "rhi_completed",
    "s47_outcome_recorded",
}
"""What happens once to a thing: two sources that date it differently disagree, and only one date can stand."""
ONCE_A_CHILD = frozenset({"birth", "child_died"})
ENDS = {
    "looked_after_ended": "looked_after_started",
    "placement_ended": "placement_started",
    "short_break_series_ended": "short_break_started",
}
"""Endings without refs: each belongs to the last start before it."""


def thing_of(whole: Table, things: Sequence[Int32s]) -> Int32s:
    """The thing that each row belongs to: what its most detailed naming names, and in full where any does; -1 for none."""
    thing, best = np.full(len(whole), -1, np.int32), np.full(len(whole), OTHER, np.int8)
    for i, means in enumerate(things):
        better = np.flatnonzero((whole.node[:, i] >= 0) & (whole.style[:, i] < best))
        thing[better], best[better] = means[whole.node[better, i]], whole.style[better, i]
    return thing


def _preferred(whole: Table, rows: Int64s) -> tuple[Int64s | Bools, ...]:
    """Keys that sort rows by which is kept: dates that can be right, dates of their own, histories, and the first source."""
    return (rows, whole.latest_only[rows], whole.weak[rows], whole.suspect[rows])


def once_a_thing(merger: Merger, whole: Table, thing: Int32s) -> Bools:
    """Which rows stand where what happens once to a thing is dated differently by sources that each record it once."""
    kinds = np.array([kind in ONCE for kind in merger.kinds], np.bool_)
    of_child = np.array([kind in ONCE_A_CHILD for kind in merger.kinds], np.bool_)
    rows = np.flatnonzero((kinds[whole.kind] & (thing >= 0)) | of_child[whole.kind])
    group = np.where(of_child[whole.kind[rows]], whole.child[rows], thing[rows] + (1 << 24)).astype(np.int64) * 1024 + whole.kind[rows]
    return _one_of_each(merger, whole, rows, group)


def _one_of_each(merger: Merger, whole: Table, rows: Int64s, group: Int64s, near: int | None = None) -> Bools:
    """Keep one row of each group whose rows come from different sources, and report the others; leave every other group.

    With `near`, days further than that from the one kept are left as they are: they may be of something else.
    """
    keep = np.ones(len(whole), np.bool_)
    if not len(rows):
        return keep
    order = np.lexsort((*_preferred(whole, rows), group))
    rows, group = rows[order], group[order]
    first = np.ones(len(rows), np.bool_)
    first[1:] = group[1:] != group[:-1]
    begins = np.flatnonzero(first)
    number = np.cumsum(first) - 1
    together = np.bitwise_or.reduceat(whole.sources[rows], begins)
    bits = np.add.reduceat(_bits(whole.sources[rows]), begins)
    size = np.bincount(number)
    differ = (size > 1) & (bits == _bits(together))
    drop = differ[number] & ~first
    dropped, kept = rows[drop], rows[begins][number[drop]]
    if near is not None:
        close = np.abs(whole.day[dropped].astype(np.int64) - whole.day[kept]) <= near
        dropped, kept = dropped[close], kept[close]
    keep[dropped] = False
    said = ~(whole.weak[dropped] & ~whole.weak[kept])
    dropped, kept = dropped[said], kept[said]
    merger.differing.append(Differing("date", whole.child[dropped], whole.kind[dropped], whole.rows(kept), whole.rows(dropped)))
    return keep


def _bits(masks: Int64s) -> Int64s:
    count = np.zeros(len(masks), np.int64)
    for bit in range(LAST_SOURCE + 1):
        held = (masks >> bit) & 1
        if bit and not (masks >> bit).any():
            break
        count += held
    return count


def once_a_period(merger: Merger, whole: Table) -> Bools:
    """Which rows stand where sources end the same period, matched through its start, on different days."""
    keep = np.ones(len(whole), np.bool_)
    codes = {kind: i for i, kind in enumerate(merger.kinds)}
    for end, start in ENDS.items():
        if end not in codes or start not in codes:
            continue
        starts, ends = (np.flatnonzero(whole.kind == codes[kind]) for kind in (start, end))
        found = []
        seen = np.bitwise_or.reduce(whole.sources[ends]) if len(ends) else 0
        for bit in range(LAST_SOURCE + 1):
            if not (int(seen) >> bit) & 1:
                continue
            begun, ended = (rows[(whole.sources[rows] >> bit) & 1 == 1] for rows in (starts, ends))
            found.append(_period_ends(whole, begun, ended))
        if found:
            pairs = np.unique(np.concatenate(found, axis=1), axis=1)
            _, times = np.unique(pairs[1], return_counts=True)
            alone = np.isin(pairs[1], np.unique(pairs[1])[times == 1])
            keep &= _one_of_each(merger, whole, pairs[1][alone], pairs[0][alone], FAR)
    return keep


def _period_ends(whole: Table, starts: Int64s, ends: Int64s) -> Int64s:
    """For each start of one source, the ending of its period: rows of both, one above the other."""

    def key(rows: Int64s) -> Int64s:
        return (whole.child[rows].astype(np.int64) << 32) | whole.day[rows]

    starts, ends = (rows[np.argsort(key(rows), kind="stable")] for rows in (starts, ends))
    begun, ended = key(starts), key(ends)
    at = np.searchsorted(ended, begun)
    following = np.append(begun[1:], np.iinfo(np.int64).max)
    at_end = np.minimum(at, max(len(ends) - 1, 0))
    if not len(ends):
        return np.zeros((2, 0), np.int64)
    ok = (at < len(ends)) & (whole.child[ends[at_end]] == whole.child[starts]) & (ended[at_end] <= following)
    return np.stack([starts[ok], ends[at_end[ok]]])


def not_in_a_history(merger: Merger, whole: Table, held: Sequence[Held]) -> Bools:
    """Which rows stand when latest dates that a history of the same days does not have are left out."""
    keep = np.ones(len(whole), np.bool_)
    rows = np.flatnonzero(whole.latest_only)
    if not len(rows):
        return keep
    covered = np.zeros(len(rows), np.bool_)
    for source in held:
        first, last = (np.full(len(merger.kinds), fill, np.int64) for fill in (1, 0))
        for kind, (since, until) in source.windows.items():
            if kind in merger.kinds:
                code = merger.kinds.index(kind)
                first[code], last[code] = since, until
        covered |= (first[whole.kind[rows]] <= whole.day[rows]) & (whole.day[rows] <= last[whole.kind[rows]])
    dropped = rows[covered]
    keep[dropped] = False
    empty = Rows(*(np.full(len(dropped), fill, np.int32) for fill in (NO_DAY, -1, 0)))
    merger.differing.append(Differing("latest date", whole.child[dropped], whole.kind[dropped], empty, whole.rows(dropped)))
    return keep
