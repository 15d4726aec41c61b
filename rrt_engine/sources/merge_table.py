"""The events of several sources in columns whose codes they share, before they are put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT
from rrt_engine.model import Bools, EventLog, Int8s, Int32s, Int64s
from rrt_engine.sources.merge_coverage import Held
from rrt_engine.sources.merge_things import OTHER, Names, Refs, distinct, levels_of, things_named

FAR = 31
"""Days up to which two dates are taken to be of one thing: starts of one name, endings of one period."""
LAST_SOURCE = 62
"""The bit of the last source that is told from the others; those after it share it."""


@dataclass(frozen=True)
class Part:
    """One source's share of a group: its log, which of the group's children each of its children is (-1 for none), what it holds,
    and whose names its refs are (None where a reader made them up).
    """

    log: EventLog
    child: Int32s
    held: Held
    naming: str | None


@dataclass(frozen=True)
class Differing:
    """Rows in which two sources differ: the child, kind and what differs; the day, origin and row that is kept, and the other."""

    what: str
    child: Int32s
    kind: Int32s
    kept: Rows
    other: Rows


@dataclass(frozen=True)
class Rows:
    """Where some events are, and when they were."""

    day: Int32s
    origin: Int32s
    row: Int32s

    def take(self, keep: Any) -> Rows:
        """Some of them."""
        return Rows(self.day[keep], self.origin[keep], self.row[keep])


@dataclass
class Table:
    """Events in columns while they are merged; codes are common to all the sources. `sources` has a bit for each that records it."""

    child: Int32s
    kind: Int32s
    day: Int32s
    instant: Int64s
    span: Int32s
    recorded: Int32s
    latest_only: Bools
    suspect: Bools
    weak: Bools
    origin: Int32s
    row: Int32s
    sources: Int64s
    tie: Int64s
    node: Int32s
    style: Int8s
    text: Int32s
    codes: dict[str, Int32s]

    def __len__(self) -> int:
        return len(self.child)

    def take(self, keep: Any) -> Table:
        """Some of the rows."""
        columns = {name: value[keep] for name, value in vars(self).items() if name != "codes"}
        return Table(**columns, codes={name: codes[keep] for name, codes in self.codes.items()})

    def rows(self, keep: Any) -> Rows:
        """Where some of the rows are."""
        return Rows(self.day[keep], self.origin[keep], self.row[keep])


@dataclass
class Merger:
    """One group of sources while its events are merged: the codes common to all, and what has been found so far."""

    kinds: list[str]
    origins: list[str]
    values: dict[str, dict[tuple[type, Any], int]]
    texts: list[str]
    once: int
    differing: list[Differing]


def table_of(merger: Merger, part: Part, number: int, namings: int) -> Table:
    """One part's events as columns in the common codes, with the children of the group only."""
    log = part.log
    rows = np.flatnonzero(part.child[log.child] >= 0) if len(log) else np.zeros(0, np.int64)
    n = len(rows)

    def column(name: str, empty: int, dtype: Any) -> Any:
        value = getattr(log, name)
        return np.full(n, empty, dtype) if value is None else value[rows]

    first = len(merger.origins)
    merger.origins.extend(log.origins or ("",))
    kind_codes = {kind: i for i, kind in enumerate(merger.kinds)}
    kind_of = np.array([kind_codes[kind] for kind in log.kinds] or [0], np.int32)
    weak = np.array([not part.held.coverage.carries(kind) for kind in log.kinds] or [False], np.bool_)
    codes = {}
    for name, attribute in log.attributes.items():
        common = merger.values.setdefault(name, {})
        table = np.array([common.setdefault((type(v), v), len(common)) for v in attribute.values] + [-1], np.int32)
        codes[name] = table[attribute.codes[rows]]
    texts = np.full(n, -1, np.int32)
    if log.ref is not None and log.refs:
        texts = np.where(log.ref[rows] >= 0, log.ref[rows] + len(merger.texts), -1).astype(np.int32)
        merger.texts.extend(log.refs)
    return Table(
        child=part.child[log.child[rows]],
        kind=kind_of[log.kind[rows]] if n else np.zeros(0, np.int32),
        day=log.day[rows],
        instant=column("instant", NO_INSTANT, np.int64),
        span=column("span", 0, np.int32),
        recorded=column("recorded", NO_DAY, np.int32),
        latest_only=column("latest_only", False, np.bool_),
        suspect=column("suspect", False, np.bool_),
        weak=weak[log.kind[rows]] if n else np.zeros(0, np.bool_),
        origin=(column("origin", 0, np.int32) + first).astype(np.int32),
        row=column("origin_row", 0, np.int32),
        sources=np.full(n, 1 << min(number, LAST_SOURCE), np.int64),
        tie=log.day[rows].astype(np.int64),
        node=np.full((n, namings), -1, np.int32),
        style=np.full((n, namings), OTHER, np.int8),
        text=texts,
        codes=codes,
    )


def name_things(
    merger: Merger, tables: Sequence[Table], naming: int, paths: Mapping[int, tuple[str, ...]], starts: Mapping[int, int]
) -> Names:
    """Find what the refs of one naming name, in all its sources together, and set it in their tables."""
    used = distinct(np.concatenate([t.text for t in tables]).astype(np.int64))
    used = used[used >= 0]
    texts: dict[str, int] = {}
    code = np.full(len(merger.texts) + 1, -1, np.int32)
    if len(tables) > 1:
        code[used] = np.array([texts.setdefault(merger.texts[i], len(texts)) for i in used.tolist()], np.int32)
    else:  # a log writes each of its refs once
        code[used] = np.arange(len(used), dtype=np.int32)
    own = [code[t.text] for t in tables]
    for later in range(1, len(tables)):
        _tell_apart(tables, own, later, texts, paths, starts)
    refs = Refs(
        np.concatenate([t.child for t in tables]),
        np.concatenate([t.kind for t in tables]),
        np.concatenate(own),
        list(texts) or [merger.texts[i] for i in used.tolist()],
    )
    names = things_named(refs, paths, starts)
    last = np.zeros(len(names), np.int64)
    day = np.concatenate([t.day for t in tables])
    np.maximum.at(last, refs.node[refs.node >= 0], day[refs.node >= 0])
    at = 0
    for table in tables:
        mine = slice(at, at + len(table))
        table.node[:, naming], table.style[:, naming] = refs.node[mine], refs.style[mine]
        # Of several alike on one day, those with refs come last, and then in the order in which their things went on.
        table.tie[:] = np.where(refs.node[mine] >= 0, last[refs.node[mine]] if len(names) else 0, -1)
        if naming:  # a ref that does not say what it names says nothing outside its own source
            unclear = np.array([bool(paths[k]) for k in paths] or [False])[table.kind] & (table.node[:, naming] < 0)
            table.text[unclear] = -1
        at += len(table)
    return names


def _tell_apart(
    tables: Sequence[Table],
    own: list[Int32s],
    later: int,
    texts: dict[str, int],
    paths: Mapping[int, tuple[str, ...]],
    starts: Mapping[int, int],
) -> None:
    """Give other names to things of one source that begin far from the things of the same name in the sources before it."""
    written = list(texts)
    single = [kind for kind in starts if len(paths[kind]) == 1]
    firsts = []
    for number in (*range(later), later):
        table = tables[number]
        rows = np.flatnonzero(np.isin(table.kind, single) & (own[number] >= 0))
        rows = rows[np.argsort(table.day[rows], kind="stable")]
        key = (table.child[rows].astype(np.int64) << 38) | (table.kind[rows].astype(np.int64) << 29) | own[number][rows]
        keys, at = np.unique(key, return_index=True)
        firsts.append((keys, table.day[rows][at]))
    keys, days = firsts[-1]
    for before, on in firsts[:-1]:
        _, mine, theirs = np.intersect1d(keys, before, assume_unique=True, return_indices=True)
        far = mine[np.abs(days[mine].astype(np.int64) - on[theirs]) > FAR]
        if not len(far):
            continue
        table = tables[later]
        parts: dict[str, int] = {}
        first = np.array([parts.setdefault(text.partition("/")[0], len(parts)) for text in written], np.int64)
        levels = levels_of(paths)
        level = np.array([levels[paths[k][0]] if paths.get(k) else -1 for k in range(int(table.kind.max(initial=0)) + 1)], np.int64)

        def key_of(child: Any, at_level: Any, part: Any) -> Any:
            return (child << 38) | (at_level << 32) | part

        moved = key_of(keys[far] >> 38, level[(keys[far] >> 29) & 0x1FF], first[keys[far] & 0x1FFFFFFF])
        rows = np.flatnonzero((own[later] >= 0) & (level[table.kind] >= 0))
        rows = rows[np.isin(key_of(table.child[rows].astype(np.int64), level[table.kind[rows]], first[own[later][rows]]), moved)]
        used, place = np.unique(own[later][rows], return_inverse=True)
        own[later] = own[later].copy()
        own[later][rows] = np.array([texts.setdefault(f"{later + 1}:{written[i]}", len(texts)) for i in used.tolist()], np.int32)[place]
        return
