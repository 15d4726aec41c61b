"""The events of several sources as one log: what two of them record is counted once, and where they differ it is said.

The same event is the same kind on the same day for the same child; a date without a time agrees with any time that day. What
one source records several times on a day stays so many. Sources come in the order in which they are kept where they differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, midnight
from rrt_engine.model import BIRTHS, Bools, Coverage, EventLog, Int32s, Int64s
from rrt_engine.rulebook.book import EventKind
from rrt_engine.sources.builder import sorted_log
from rrt_engine.sources.merge_log import births_of, log_of
from rrt_engine.sources.merge_once import ENDS, ONCE, ONCE_A_CHILD, not_in_a_history, once_a_period, once_a_thing, thing_of
from rrt_engine.sources.merge_table import Differing, Merger, Part, Table, name_things, table_of
from rrt_engine.sources.merge_things import STARTS, levels_of, names_of_things, same_things

UNCOMPARED = frozenset({"team", "worker"})
"""Who has a case now, or had it then: sources mean different days by it."""
_DATED = 0x1FFFF
"""The second of the day of a date without a time: none that a day has."""


def merged_events(
    parts: Sequence[Part], children: Sequence[str], events: Mapping[str, EventKind], coverage: Coverage
) -> tuple[EventLog, int, tuple[Differing, ...]]:
    """The log of children that all the parts know, how many events were counted once, and every difference.

    Parts come in the order in which they are kept where they differ.
    """
    kinds = sorted({kind for part in parts for kind in part.log.kinds})
    merger = Merger(kinds, [], {}, [], 0, [])
    paths = {i: tuple(events[kind].ref) if kind in events else () for i, kind in enumerate(kinds)}
    levels = levels_of(paths)
    starts = {i: levels[level] for level, names in STARTS.items() if level in levels for i, kind in enumerate(kinds) if kind in names}
    namings = list(dict.fromkeys(part.naming or number for number, part in enumerate(parts)))
    tables = [table_of(merger, part, number, len(namings)) for number, part in enumerate(parts)]
    named = [
        name_things(merger, [tables[n] for n, part in enumerate(parts) if (part.naming or n) == naming], i, paths, starts)
        for i, naming in enumerate(namings)
    ]
    whole = tables[0]
    begins = [i for i, kind in enumerate(kinds) if kind in ONCE or kind in ONCE_A_CHILD or kind in ENDS.values()]
    for number, table in enumerate(tables[1:], 1):
        whole = _joined(merger, whole, table, namings.index(parts[number].naming or number), np.array(begins, np.int32))
    things = same_things(named, whole.node, whole.kind, whole.day, starts)
    thing = thing_of(whole, things)
    keep = once_a_thing(merger, whole, thing) & once_a_period(merger, whole)
    whole, thing = whole.take(keep), thing[keep]
    keep = not_in_a_history(merger, whole, [part.held for part in parts])
    whole, thing = whole.take(keep), thing[keep]
    log = log_of(merger, whole, thing, names_of_things(named, things), children, coverage)
    births: dict[str, Any] = {name: births_of(parts, name, len(children)) for name in BIRTHS}
    return sorted_log(replace(log, **births)), merger.once, tuple(merger.differing)


# ------------------------------------------------------------------------------------------------------- the same events


def _moment_keys(table: Table) -> Int64s:
    """Child, kind, day and the second of the day; a date without a time has a second of its own."""
    key: Int64s = (table.child.astype(np.int64) << 42) | (table.kind.astype(np.int64) << 33) | (table.day.astype(np.int64) << 17)
    timed = table.instant != NO_INSTANT
    second = np.full(len(table), _DATED, np.int64)
    second[timed] = table.instant[timed] - midnight(table.day[timed].astype(np.int64))
    found: Int64s = key | second
    return found


def _pairs(a: Int64s, b: Int64s, tie_a: Int64s, tie_b: Int64s) -> tuple[Int64s, Int64s]:
    """Places in two lists of keys that pair off, first with first and second with second where a key is repeated."""
    if not len(a) or not len(b):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    order_a, order_b = np.lexsort((tie_a, a)), np.lexsort((tie_b, b))
    sorted_a, sorted_b = a[order_a], b[order_b]
    begin = np.searchsorted(sorted_b, sorted_a)
    place = begin + np.arange(len(a)) - np.searchsorted(sorted_a, sorted_a)
    paired = (place < len(b)) & (sorted_b[np.minimum(place, len(b) - 1)] == sorted_a)
    return order_a[paired].astype(np.int64), order_b[place[paired]].astype(np.int64)


def _joined(merger: Merger, whole: Table, part: Table, naming: int, once: Int32s) -> Table:
    """The events known so far with one more source's: what both record is one row, and the rest is added."""
    for name in merger.values:
        for table in (whole, part):
            table.codes.setdefault(name, np.full(len(table), -1, np.int32))
    mine, theirs = np.full(len(part), -1, np.int64), np.zeros(len(whole), np.bool_)
    part_key, whole_key = _moment_keys(part), _moment_keys(whole)

    def pair(of_part: Bools, of_whole: Bools, a: Int64s, b: Int64s) -> Int64s:
        left, right = np.flatnonzero((mine < 0) & of_part), np.flatnonzero(~theirs & of_whole)
        at, to = _pairs(a[left], b[right], part.tie[left], whole.tie[right])
        at, to = left[at], right[to]
        name, known = part.node[at, naming], whole.node[to, naming]
        fits = (name < 0) | (known < 0) | (name == known)
        mine[at[fits]], theirs[to[fits]] = to[fits], True
        paired: Int64s = at[fits]
        return paired

    named, known = part.node[:, naming], whole.node[:, naming]
    _, dense = np.unique(np.concatenate([part_key, whole_key]), return_inverse=True)
    width = int(max(named.max(initial=0), known.max(initial=0))) + 1
    with_name = dense.astype(np.int64) * width + np.concatenate([named, known])
    pair(named >= 0, known >= 0, with_name[: len(part)], with_name[len(part) :])
    everything, anything = np.ones(len(part), np.bool_), np.ones(len(whole), np.bool_)
    pair(everything, anything, part_key, whole_key)
    part_day, whole_day = part_key | _DATED, whole_key | _DATED
    part_timed, whole_timed = part.instant != NO_INSTANT, whole.instant != NO_INSTANT
    pair(~part_timed, whole_timed, part_day, whole_day)
    pair(part_timed, ~whole_timed, part_day, whole_day)
    differ = pair(np.isin(part.kind, once), np.isin(whole.kind, once), part_day, whole_day)
    merger.differing.append(_difference("time", part, whole, mine, differ))
    return _united(merger, whole, part, mine)


def _difference(what: str, part: Table, whole: Table, mine: Int64s, at: Int64s) -> Differing:
    to = mine[at]
    return Differing(what, part.child[at], part.kind[at], whole.rows(to), part.rows(at))


def _united(merger: Merger, whole: Table, part: Table, mine: Int64s) -> Table:
    """Add what one more source says of the rows it shares, and the rows that it alone has."""
    at = np.flatnonzero(mine >= 0)
    to = mine[at]
    merger.once += len(at)
    for name in merger.values:
        ours, theirs = whole.codes[name], part.codes[name]
        if name not in UNCOMPARED:
            differ = at[(theirs[at] >= 0) & (ours[to] >= 0) & (theirs[at] != ours[to])]
            if len(differ):
                merger.differing.append(_difference(name, part, whole, mine, differ))
        blank = ours[to] < 0
        ours[to[blank]] = theirs[at[blank]]
    untimed = whole.instant[to] == NO_INSTANT
    whole.instant[to[untimed]], whole.span[to[untimed]] = part.instant[at[untimed]], part.span[at[untimed]]
    unknown = whole.recorded[to] == NO_DAY
    whole.recorded[to] = np.where(
        unknown,
        part.recorded[at],
        np.where(part.recorded[at] == NO_DAY, whole.recorded[to], np.minimum(whole.recorded[to], part.recorded[at])),
    )
    whole.latest_only[to] &= part.latest_only[at]
    whole.suspect[to] &= part.suspect[at]
    whole.weak[to] &= part.weak[at]
    whole.sources[to] |= part.sources[at]
    named = (part.node[at] >= 0) & ((whole.node[to] < 0) | (part.style[at] < whole.style[to]))
    whole.node[to] = np.where(named, part.node[at], whole.node[to])
    whole.style[to] = np.where(named, part.style[at], whole.style[to])
    no_text = whole.text[to] < 0
    whole.text[to[no_text]] = part.text[at[no_text]]
    new = part.take(mine < 0)
    columns = {name: np.concatenate([value, getattr(new, name)]) for name, value in vars(whole).items() if name != "codes"}
    return Table(**columns, codes={name: np.concatenate([whole.codes[name], new.codes[name]]) for name in merger.values})
