"""Several sources as one: their children matched by id, each event counted once, and every disagreement said.

Children are grouped by the set of sources that know them, and each group is one event log with the coverage of that set: what
a source does not know of a child is never held against the child. Where sources disagree, the one that holds most detail is
kept (event logs and cases, SSD, SSDA903 and census returns, the DfE interface, Annex A), of two of one format the one that
reaches later, and then by name: the order in which sources are given changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date
from rrt_engine.model import EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.merge_children import Alike, Apart, matched_children
from rrt_engine.sources.merge_coverage import detail, held, later_first, merged_coverage, names_of_refs
from rrt_engine.sources.merge_events import merged_events
from rrt_engine.sources.merge_table import Differing, Part, Rows
from rrt_engine.sources.reading import Reading


@dataclass(frozen=True)
class Named:
    """A source as read, under the name that messages give it."""

    name: str
    reading: Reading


@dataclass(frozen=True)
class Group:
    """The children that just these sources know, by their numbers, as one log. `whole` where it is all of one source."""

    members: tuple[int, ...]
    log: EventLog
    whole: bool = False


@dataclass(frozen=True)
class Place:
    """An event in a source: the source's name, its sheet or file, the row or line, and the day as an ISO date; "" where there is none."""

    source: str
    origin: str
    row: int
    date: str


@dataclass(frozen=True)
class Disagreement:
    """Two sources say different things of one event: what differs (`date`, `time`, `latest date` or an attribute), and both places.

    No value other than a date is ever shown. For a latest date that a history does not have, nothing is kept.
    """

    child: str
    event: str
    what: str
    kept: Place
    other: Place


@dataclass(frozen=True)
class Merging:
    """What came of putting sources together. `children` counts those that each source knows."""

    names: tuple[str, ...]
    groups: tuple[Group, ...]
    children: tuple[int, ...]
    counted_once: int
    disagreements: tuple[Disagreement, ...]
    apart: tuple[Apart, ...]
    alike: tuple[Alike, ...]

    @property
    def shared(self) -> int:
        """Children that several sources know and that were put together."""
        return sum(len(g.log.children) for g in self.groups if len(g.members) > 1)

    def by_what(self) -> dict[tuple[str, str], int]:
        """How many disagreements there are, by event and what differs, most first."""
        found = Counter((d.event, d.what) for d in self.disagreements)
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def merged(sources: Sequence[Named], book: RuleBook) -> Merging:
    """Put sources together: the groups of children, each with its log, and everything to say of how they fit."""
    logs = [source.reading.log for source in sources]
    names = tuple(source.name for source in sources)
    children = tuple(len(log.children) for log in logs)
    if len(sources) < 2:
        return Merging(names, tuple(Group((i,), log, True) for i, log in enumerate(logs)), children, 0, (), (), ())
    matched = matched_children(logs)
    holds = [held(source.reading) for source in sources] if any(len(members) > 1 for members in matched.groups) else []
    groups: list[Group] = []
    once = 0
    disagreements: list[Disagreement] = []
    for members, ids in matched.groups.items():
        if len(members) == 1:
            log = logs[members[0]]
            whole = len(ids) == len(log.children)
            groups.append(Group(members, log if whole else _only(log, ids), whole))
            continue
        order = sorted(members, key=lambda i: (detail(sources[i].reading), later_first(sources[i].reading), names[i]))
        parts = [Part(logs[i], _places(logs[i], ids), holds[i], names_of_refs(sources[i].reading)) for i in order]
        log, counted, differing = merged_events(parts, ids, book.events, merged_coverage([part.held for part in parts]))
        once += counted
        origins = [names[i] for i in order for _ in logs[i].origins or ("",)]
        disagreements.extend(d for each in differing for d in _said(each, log, origins, _kinds_of(parts)))
        groups.append(Group(members, log))
    empty = [Group((i,), log, True) for i, log in enumerate(logs) if not len(log.children)]
    order_of = sorted([*groups, *empty], key=lambda g: (len(g.members) > 1, g.members))
    disagreements.sort(key=lambda d: (d.child, d.event, d.what, d.other.source, d.other.origin, d.other.row))
    return Merging(names, tuple(order_of), children, once, tuple(disagreements), matched.apart, matched.alike)


def _kinds_of(parts: Sequence[Part]) -> list[str]:
    return sorted({kind for part in parts for kind in part.log.kinds})


def _places(log: EventLog, ids: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """For each child of a log its place among some ids, or -1."""
    place = {child: i for i, child in enumerate(ids)}
    return np.array([place.get(str(child), -1) for child in log.children] or [-1], np.int32)


def _only(log: EventLog, ids: Sequence[str]) -> EventLog:
    """The same log with some of its children only."""
    place = _places(log, ids)
    rows = np.flatnonzero(place[log.child] >= 0) if len(log) else np.zeros(0, np.int64)
    kept = np.flatnonzero(place >= 0)
    return log.of_rows(rows, place[log.child[rows]], kept)


def _said(differing: Differing, log: EventLog, sources: Sequence[str], kinds: Sequence[str]) -> list[Disagreement]:
    """Differences as they are told: ids, kinds, days and rows, and no other value."""

    def place(rows: Rows, i: int) -> Place:
        origin, day = int(rows.origin[i]), int(rows.day[i])
        if origin < 0:
            return Place("", "", 0, "")
        return Place(sources[origin], log.origins[origin], int(rows.row[i]), "" if day == NO_DAY else as_date(day).isoformat())

    return [
        Disagreement(
            str(log.children[differing.child[i]]),
            kinds[differing.kind[i]],
            differing.what,
            place(differing.kept, i),
            place(differing.other, i),
        )
        for i in range(len(differing.child))
    ]
