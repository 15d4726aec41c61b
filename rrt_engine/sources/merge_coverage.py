"""What several sources together can carry, said honestly: silence of one is never read as silence of all.

A source that says nothing of what it covers is taken to hold the history of the kinds of event that it has, and of no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from rrt_engine.calendar import as_date, day_number
from rrt_engine.model import Coverage, EventLog
from rrt_engine.sources.reading import Reading

FIRST = -(2**30)
"""A day before every other: where a history has no known beginning."""
NEVER = 2**30
"""A day after every other: where there is no history."""
_DETAIL = {"903": 2, "ssd": 1, "cin": 2, "api": 3, "annex": 4}
_SHARED_NAMES = {"event log": "event log", "ssd": "SSD", "api": "API"}
YEARLY = ("cin", "903")


def format_word(reading: Reading) -> str:
    """Which format a reading is of, as one of a few words; files of events and case files are all event logs."""
    text = reading.format.casefold()
    return next((word for word in _DETAIL if word in text), "event log")


def detail(reading: Reading) -> int:
    """How much detail a format holds, 0 for the most: of two sources that disagree, the one that holds more is kept.

    Event logs and cases first, then SSD, the SSDA903 and census returns, the DfE interface, and Annex A last.
    """
    return _DETAIL.get(format_word(reading), 0)


def names_of_refs(reading: Reading) -> str | None:
    """Whose names a source's refs are, where the authority gave them; None where the reader made them up for one file."""
    return _SHARED_NAMES.get(format_word(reading))


def last_day(log: EventLog) -> int:
    """The last day on which things are recorded, or FIRST. What cannot be right is left out, and so is the last event in a
    thousand: one mistyped year does not make a source reach into the future.
    """
    days = log.day if log.suspect is None else log.day[~log.suspect]
    at = len(days) - 1 - len(days) // 1000
    return int(np.partition(days, at)[at]) if len(days) else FIRST


@dataclass(frozen=True)
class Held:
    """What one source holds the history of: for each kind, the first and last day of it."""

    windows: dict[str, tuple[int, int]]
    latest: frozenset[str]
    coverage: Coverage


def held(reading: Reading) -> Held:
    """The kinds a source holds, and from when to when."""
    log, coverage = reading.log, reading.log.coverage
    only_latest = log.latest_only is not None and len(log) > 0 and bool(log.latest_only.all())
    present = {log.kinds[i] for i in np.unique(log.kind).tolist()}
    carried = present if coverage.kinds is None else set(coverage.kinds)
    latest = carried if only_latest else carried & set(coverage.latest)
    windows = {}
    ends = _until(reading)
    for kind in carried - latest:
        since, until = coverage.since_day(kind), coverage.until_day(kind)
        windows[kind] = (FIRST if since is None else since, ends if until is None else until)
    return Held(windows, frozenset(latest), coverage)


def _until(reading: Reading) -> int:
    """The last day that a source speaks of: that of its last event, or the 31 March that ends the last year of a yearly return."""
    last, since, until = last_day(reading.log), reading.log.coverage.since, reading.log.coverage.until
    if until:
        return max(until.values())
    if format_word(reading) not in YEARLY or not since:
        return last
    seen = as_date(max(last, *since.values()))
    return day_number(date(seen.year + (seen.month > 3), 3, 31))


def later_first(reading: Reading) -> int:
    """A number that puts the later of two sources of one format first: it has seen more of what came after."""
    return -_until(reading)


def merged_coverage(sources: Sequence[Held]) -> Coverage:
    """What the sources together carry, for children that all of them know.

    A kind is carried where any carries it. It is held since the beginning of the unbroken stretch of days up to the last that
    any holds: a year missing between two yearly returns is a gap, and nothing before it counts. It is held as latest dates
    only where nobody holds its history.
    """
    unlimited = any(s.coverage.kinds is None for s in sources)
    kinds = None if unlimited else frozenset().union(*(s.coverage.kinds or () for s in sources))
    since: dict[str, int] = {}
    named = {kind for s in sources for kind in (*s.windows, *s.latest)}
    for kind in sorted(named):
        windows = sorted((s.windows[kind] for s in sources if kind in s.windows), key=lambda w: (-w[1], w[0]))
        if not windows:
            continue
        begins = windows[0][0]
        for first, last in windows[1:]:
            if last >= begins - 1:
                begins = min(begins, first)
        if begins != FIRST:
            since[kind] = begins
    default = [s.coverage.since[""] for s in sources if "" in s.coverage.since and s.coverage.kinds is None]
    if unlimited and default and all("" in s.coverage.since for s in sources if s.coverage.kinds is None):
        since[""] = min(default)
        for kind in named - since.keys():
            if any(kind in s.windows for s in sources):
                since[kind] = FIRST
    latest = frozenset(kind for kind in named if any(kind in s.latest for s in sources) and not any(kind in s.windows for s in sources))
    return Coverage(kinds, since, latest, _until_day(sources, named), _whole(sources, since))


def _whole(sources: Sequence[Held], since: Mapping[str, int]) -> frozenset[tuple[str, str]]:
    """The pairs of kinds of which the second is held wherever the first is: so where every source with a history of the first
    holds it, and no year is missing between them, in which what one shows as open may have been answered unseen.
    """
    found = set()
    for started, answer in frozenset().union(*(s.coverage.whole for s in sources)):
        holds = [s for s in sources if started in s.windows]
        if all((started, answer) in s.coverage.whole or s.windows.get(answer, (NEVER,))[0] == FIRST for s in holds) and all(
            s.windows[answer][0] >= since.get(answer, FIRST) for s in holds if answer in s.windows
        ):
            found.add((started, answer))
    return frozenset(found)


def _until_day(sources: Sequence[Held], named: set[str]) -> dict[str, int]:
    """The last day any source speaks of, for each kind of which every source that holds it says where it ends."""
    found = {}
    for kind in ("", *sorted(named)):
        ends = [s.coverage.until_day(kind) for s in sources if not kind or kind in s.windows or kind in s.latest]
        if ends and all(day is not None for day in ends):
            found[kind] = max(day for day in ends if day is not None)
    return found
