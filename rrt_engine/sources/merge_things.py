"""What the refs of several sources name, and which of those things are the same: a referral, an enquiry, a plan.

A ref is a name inside one source. Where the authority gave it (event logs, SSD, the DfE interface) the same name in another
source of that kind is the same thing; where a reader made it up from a row number it means nothing elsewhere. Across such
names things are matched through their start, the same kind of event on the same day, and each is matched once. A thing that
is not matched keeps a name of its own, so that two sources' refs never meet by accident.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rrt_engine.model import Bools, Int8s, Int32s, Int64s

STARTS: Mapping[str, tuple[str, ...]] = {
    "contact": ("contact_received",),
    "referral": ("referral_received",),
    "incident": ("serious_incident_known",),
    "allegation": ("allegation_known",),
    "assessment": ("assessment_started",),
    "cin_plan": ("cin_plan_started",),
    "s47": ("s47_started", "strategy_discussion_held"),
    "plan": ("cp_plan_started",),
    "epo": ("epo_made",),
    "order": ("interim_care_order_made", "care_order_made", "final_order_made", "case_management_decision_made"),
    "direction": ("court_direction_made",),
    "missing_episode": ("missing_episode_started",),
    "nrm": ("nrm_submitted",),
    "report": ("psr_requested",),
    "arrangement": ("pf_notification_received", "pf_arrangement_started"),
    "dispute": ("iro_dispute_started",),
    "recommendation": ("panel_recommendation_made",),
    "complaint": ("complaint_received",),
}
"""The events that begin a thing at each level of refs."""
FULL, OUTER, LAST_PART, OWN, OTHER = range(5)
"""How a ref is written: in full, as a bare outer name, as the last part of a full name, as a bare name, or in no known way."""


@dataclass
class Names:
    """The things that the refs of one naming name. One entry a thing; `outer` is the thing it stands within, or -1."""

    child: Int32s
    level: Int32s
    name: list[str]
    outer: Int32s
    depth: Int8s
    starts: Bools

    def __len__(self) -> int:
        return len(self.child)


@dataclass
class Refs:
    """The rows of one naming, as they come: what they are of, and their refs as codes into `texts` (-1 for none)."""

    child: Int32s
    kind: Int32s
    ref: Int32s
    texts: list[str]
    node: Int32s = field(init=False)
    style: Int8s = field(init=False)

    def __len__(self) -> int:
        return len(self.child)


def levels_of(paths: Mapping[int, tuple[str, ...]]) -> dict[str, int]:
    """A number for each level that refs name."""
    return {level: i for i, level in enumerate(sorted({level for path in paths.values() for level in path}))}


def things_named(refs: Refs, paths: Mapping[int, tuple[str, ...]], starts: Mapping[int, int]) -> Names:
    """Find what each row's ref names; sets `node` (-1 for nothing) and `style` of the rows. `paths` are by kind.

    Reads refs as the engine does (`timescales.arrays.link_codes`): `R1/S2` is an enquiry within a referral, and a single
    part names the outer thing where the child's other events use it there, or else the event's own.
    """
    levels = levels_of(paths)
    kinds = int(refs.kind.max(initial=0)) + 1
    depth_of, own_of, outer_of = (np.full(kinds, fill, np.int64) for fill in (0, -1, -1))
    for kind, path in paths.items():
        if kind < kinds and path:
            depth_of[kind], own_of[kind] = len(path), levels[path[-1]]
            outer_of[kind] = levels[path[0]] if len(path) == 2 else -1
    codes = {text: i for i, text in enumerate(refs.texts)}
    parts = np.array([text.count("/") + 1 for text in refs.texts] or [0], np.int8)
    outer_name, last_name = np.full(len(parts), -1, np.int64), np.arange(len(parts), dtype=np.int64)
    for i in np.flatnonzero(parts == 2).tolist():
        first, _, last = refs.texts[i].partition("/")
        outer_name[i], last_name[i] = codes.setdefault(first, len(codes)), codes.setdefault(last, len(codes))
    n = len(refs)
    refs.node, refs.style = np.full(n, -1, np.int32), np.full(n, OTHER, np.int8)
    has = refs.ref >= 0
    depth, own, outer = (np.where(has, column[refs.kind], fill) for column, fill in ((depth_of, 0), (own_of, -1), (outer_of, -1)))
    full = np.flatnonzero(has & (depth > 0) & (parts[refs.ref] == depth))
    nested = full[depth[full] == 2]
    bare = np.flatnonzero(has & (depth == 2) & (parts[refs.ref] == 1))

    def key(rows: Int64s, level: Int64s, name: Int64s) -> Int64s:
        return (refs.child[rows].astype(np.int64) << 38) | (level[rows] << 32) | name

    own_key, outer_key = key(full, own, refs.ref[full].astype(np.int64)), key(nested, outer, outer_name[refs.ref[nested]])
    written = distinct(np.concatenate([own_key, outer_key]))
    as_outer = key(bare, outer, refs.ref[bare].astype(np.int64))
    names_outer = _in(as_outer, written)
    # A single part that is the last of one full name of the child's; of several, it does not say which.
    full_name = key(nested, own, refs.ref[nested].astype(np.int64))
    by_last = np.zeros((2, 0), np.int64)
    if len(bare):
        by_last = np.unique(np.stack([key(nested, own, last_name[refs.ref[nested]]), full_name]), axis=1)
    as_own = key(bare, own, refs.ref[bare].astype(np.int64))
    begin, end = np.searchsorted(by_last[0], as_own), np.searchsorted(by_last[0], as_own, "right")
    one, none = ~names_outer & (end - begin == 1), ~names_outer & (end == begin)
    keys = distinct(np.concatenate([written, as_own[none]])) if none.any() else written
    refs.node[full], refs.style[full] = np.searchsorted(keys, own_key), FULL
    refs.node[bare[names_outer]], refs.style[bare[names_outer]] = np.searchsorted(keys, as_outer[names_outer]), OUTER
    if len(by_last[0]):
        refs.node[bare[one]], refs.style[bare[one]] = np.searchsorted(keys, by_last[1][begin[one]]), LAST_PART
    refs.node[bare[none]], refs.style[bare[none]] = np.searchsorted(keys, as_own[none]), OWN
    within, deep = np.full(len(keys), -1, np.int32), np.ones(len(keys), np.int8)
    within[refs.node[nested]] = np.searchsorted(keys, outer_key)
    deep[refs.node[nested]] = 2
    begun = np.zeros(len(keys), np.bool_)
    begun[refs.node[np.flatnonzero((refs.node >= 0) & np.isin(refs.kind, list(starts)) & (refs.style != OUTER))]] = True
    all_texts = list(codes)
    names = [all_texts[i] for i in (keys & 0xFFFFFFFF).tolist()]
    return Names((keys >> 38).astype(np.int32), ((keys >> 32) & 63).astype(np.int32), names, within, deep, begun)


def distinct(values: Int64s) -> Int64s:
    """The distinct values in order. Sorting is several times faster here than the hashing of `np.unique`."""
    values = np.sort(values)
    return values[_first(values)] if len(values) else values


def _in(wanted: Int64s, among: Int64s) -> Bools:
    """Which values are among others that are sorted."""
    if not len(among):
        return np.zeros(len(wanted), np.bool_)
    found: Bools = among[np.minimum(np.searchsorted(among, wanted), len(among) - 1)] == wanted
    return found


def same_things(namings: Sequence[Names], node: Int32s, kind: Int32s, day: Int32s, starts: Mapping[int, int]) -> list[Int32s]:
    """Which things of several namings are the same: for each naming, the number of the thing that each of its names means.

    `node` int32[rows, namings] holds what each merged row names in each naming, -1 for nothing. A name of a later naming is
    matched with a thing known so far through a row that both name: first through the event that starts it, then through any
    other, then as what a matched thing stands within. Each is matched at most once, and never where both have a start of
    their own that did not match. `starts` gives, for a kind of event that starts a thing, the number of the thing's level.
    """
    starts_level = np.full(int(kind.max(initial=0)) + 1, -1, np.int32)
    for started, of in starts.items():
        if started < len(starts_level):
            starts_level[started] = of
    things: list[Int32s] = [np.arange(len(namings[0]), dtype=np.int32)]
    level, outer, begun = namings[0].level.copy(), namings[0].outer.copy(), namings[0].starts.copy()
    for i, names in enumerate(namings[1:], 1):
        means = np.full(len(names), -1, np.int32)
        before = np.full(len(node), -1, np.int32)
        for j in range(i - 1, -1, -1):
            mine = node[:, j] >= 0
            before[mine] = things[j][node[mine, j]]
        rows = np.flatnonzero((node[:, i] >= 0) & (before >= 0))
        name, thing = node[rows, i], before[rows]
        is_start = starts_level[kind[rows]] == level[thing]
        same_level = names.level[name] == level[thing]
        edges = [(name[same_level], thing[same_level], np.where(is_start[same_level], 0, 1), day[rows][same_level])]
        up, down = names.outer[name], outer[thing]
        for a, b in ((up, thing), (name, down), (up, down)):
            both = np.flatnonzero((a >= 0) & (b >= 0))
            both = both[names.level[a[both]] == level[b[both]]]
            edges.append((a[both], b[both], np.full(len(both), 2), day[rows][both]))
        name, thing, order, on = (np.concatenate([edge[c] for edge in edges]) for c in range(4))
        allowed = (order == 0) | ~(names.starts[name] & begun[thing])
        name, thing, order, on = (column[allowed] for column in (name, thing, order, on))
        taken = np.zeros(len(level), np.bool_)
        for _ in range(4):
            free = (means[name] < 0) & ~taken[thing]
            if not free.any():
                break
            a, b = name[free], thing[free]
            by_name, by_thing = (np.lexsort((other, on[free], order[free], column)) for column, other in ((a, b), (b, a)))
            first = np.zeros(len(a), np.int8)
            first[by_name[_first(a[by_name])]] += 1
            first[by_thing[_first(b[by_thing])]] += 1
            means[a[first == 2]] = b[first == 2]
            taken[b[first == 2]] = True
        new = np.flatnonzero(means < 0)
        means[new] = np.arange(len(level), len(level) + len(new), dtype=np.int32)
        level = np.concatenate([level, names.level[new]])
        begun = np.concatenate([begun, names.starts[new]])
        begun[means] |= names.starts
        outer = np.concatenate([outer, np.full(len(new), -1, np.int32)])
        gains = (names.outer >= 0) & (outer[means] < 0)
        outer[means[gains]] = means[names.outer[gains]]
        things.append(means)
    return things


def _first(values: Int32s | Int64s) -> Bools:
    """The first of each run of equal values."""
    first = np.ones(len(values), np.bool_)
    first[1:] = values[1:] != values[:-1]
    return first


def names_of_things(namings: Sequence[Names], things: Sequence[Int32s]) -> list[str]:
    """What each thing is called in the merged log: as the most detailed naming that names it in full does.

    A name from a later naming is prefixed, part by part, with the number of that naming, so that it is like no other.
    """
    count = max(int(t.max(initial=-1)) for t in things) + 1
    called = [*namings[0].name, *[""] * (count - len(namings[0]))]
    deep_of = np.zeros(count, np.int8)
    deep_of[: len(namings[0])] = namings[0].depth
    for deep in (1, 2):
        for i, (names, means) in enumerate(zip(namings[1:], things[1:], strict=True), 2):
            better = np.flatnonzero((names.depth == deep) & (deep_of[means] < deep))
            for at, thing in zip(better.tolist(), means[better].tolist(), strict=True):
                name = names.name[at]
                called[thing] = f"{i}:{name}" if deep == 1 else f"{called[means[names.outer[at]]]}/{i}:{name.partition('/')[2]}"
            deep_of[means[better]] = deep
    return called
