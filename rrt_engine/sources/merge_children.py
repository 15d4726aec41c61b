"""Which children several sources have in common: matched by id, kept apart where their dates of birth differ.

Nothing is matched by anything but the id, written the same. Ids that look alike, and a child not yet born who may be one
born since, are only said: a person who can see the records decides whether they are one child.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import EventLog

SIX_WEEKS = 42
"""How far a birth may be from the expected date for the two to be suggested as one child."""
_FEW = 3


@dataclass(frozen=True)
class Apart:
    """One id with different dates of birth: the children stay apart, those of one date together. `born` are day numbers."""

    child: str
    sources: tuple[int, ...]
    born: tuple[int, ...]

    def together(self) -> list[tuple[int, ...]]:
        """The sources by the date of birth they give; one that gives none stays alone, for it may be of either child."""
        found: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, day in zip(self.sources, self.born, strict=True):
            found[day, number if day == NO_DAY else 0].append(number)
        return [tuple(members) for members in found.values()]


@dataclass(frozen=True)
class Alike:
    """Ids that may be one child, and why. Never merged. Each comes with the sources that have it."""

    ids: tuple[str, ...]
    sources: tuple[tuple[int, ...], ...]
    why: str


@dataclass(frozen=True)
class Children:
    """Every child by the sources that have it: `groups` are the sources of each group, and its children in order."""

    groups: Mapping[tuple[int, ...], list[str]]
    apart: tuple[Apart, ...]
    alike: tuple[Alike, ...]


def matched_children(logs: Sequence[EventLog]) -> Children:
    """Group the children of several logs by the set of logs that know them."""
    known: dict[str, list[int]] = {}
    born: dict[str, set[int]] = defaultdict(set)
    for number, log in enumerate(logs):
        days = log.born.tolist() if log.born is not None else [NO_DAY] * len(log.children)
        for child, day in zip(map(str, log.children), days, strict=True):
            known.setdefault(child, []).append(number)
            if day != NO_DAY:
                born[child].add(day)
    groups: dict[tuple[int, ...], list[str]] = defaultdict(list)
    apart: list[Apart] = []
    for child in sorted(known):
        if len(born.get(child, ())) > 1:
            apart.append(found := _apart(child, known[child], logs))
            for members in found.together():
                groups[members].append(child)
        else:
            groups[tuple(known[child])].append(child)
    alike = (*_written_alike(known), *_born_since(logs, known))
    return Children(dict(sorted(groups.items())), tuple(apart), alike)


def _apart(child: str, sources: Sequence[int], logs: Sequence[EventLog]) -> Apart:
    days = []
    for number in sources:
        at = int(np.flatnonzero(logs[number].children == child)[0])
        column = logs[number].born
        days.append(NO_DAY if column is None else int(column[at]))
    return Apart(child, tuple(sources), tuple(days))


def plain_id(child: str) -> str:
    """An id without what is easily typed another way: capitals, spaces and leading zeros.

    >>> plain_id("00c 12"), plain_id("C12")
    ('c12', 'c12')
    """
    return "".join(child.split()).casefold().lstrip("0")


def _written_alike(known: Mapping[str, Sequence[int]]) -> list[Alike]:
    by_plain: dict[str, list[str]] = defaultdict(list)
    for child in sorted(known):
        by_plain[plain_id(child)].append(child)
    why = "the ids differ only in capitals, spaces or leading zeros"
    return [Alike(tuple(ids), tuple(tuple(known[i]) for i in ids), why) for ids in by_plain.values() if len(ids) > 1]


def _born_since(logs: Sequence[EventLog], known: Mapping[str, Sequence[int]]) -> list[Alike]:
    """Each child not yet born, with the few children first known after a birth about then: perhaps one of them is the same."""
    found: list[Alike] = []
    ever_born = {str(c) for log in logs if log.born is not None for c in log.children[log.born != NO_DAY]}
    for log in logs:
        if log.expected is None or log.born is None:
            continue
        first, last = _first_and_last(log)
        new = np.flatnonzero((log.born != NO_DAY) & (log.expected == NO_DAY) & (first >= log.born))
        new = new[np.argsort(log.born[new], kind="stable")]
        births = log.born[new].astype(np.int64)
        for i in np.flatnonzero((log.born == NO_DAY) & (log.expected != NO_DAY)).tolist():
            child, due = str(log.children[i]), int(log.expected[i])
            if child in ever_born:
                continue
            near = new[np.searchsorted(births, due - SIX_WEEKS) : np.searchsorted(births, due + SIX_WEEKS, "right")]
            near = near[(last[i] == NO_DAY) | (last[i] <= log.born[near] + SIX_WEEKS)]
            if 0 < len(near) <= _FEW:
                ids = (child, *(str(log.children[j]) for j in near.tolist()))
                why = "the first is not yet born; the rest were born within six weeks of the expected date and first known after it"
                found.append(Alike(ids, tuple(tuple(known[each]) for each in ids), why))
    unique = {each.ids: each for each in found}
    return [unique[ids] for ids in sorted(unique)]


def _first_and_last(log: EventLog) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """The days of each child's first and last event; NO_DAY where there is none. The log is in order of child and time."""
    begins = np.searchsorted(log.child, np.arange(len(log.children)))
    ends = np.searchsorted(log.child, np.arange(len(log.children)), "right")
    empty = begins == ends
    first = np.full(len(begins), NO_DAY, np.int32)
    last = first.copy()
    first[~empty], last[~empty] = log.day[begins[~empty]], log.day[ends[~empty] - 1]
    return first, last
