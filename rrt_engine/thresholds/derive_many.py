"""The facts that timelines give, for every child of an event log at once: the values that `derive` gives one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import NO_DAY, Duration, add_months, due_day
from rrt_engine.model import Bools, EventLog, Fact, FactValue, Int32s, Int64s, lookup
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import Derive
from rrt_engine.thresholds.derive import Timeline, covers, says_what_it_covers


@dataclass(frozen=True)
class Derived:
    """One fact as the timelines give it: the children it is given for, by number, and which of `facts` each of them has."""

    child: Int64s
    place: Int64s
    facts: tuple[Fact, ...]


class _Lines:
    """The events of a log that exist on a day, in columns: nothing later, nothing whose date cannot be right."""

    def __init__(self, log: EventLog, as_of: int, known: int | None) -> None:
        self.log, self.as_of = log, as_of
        here = log.day <= as_of
        if log.suspect is not None:
            here &= ~log.suspect
        if known is not None:
            here &= log.recorded_by(known)
        self.row = np.flatnonzero(here)
        self.child, self.kind, self.day = log.child[self.row], log.kind[self.row], log.day[self.row]
        self.children = len(log.children)
        self.nobody = Timeline(log, as_of, (), NO_DAY, NO_DAY)
        """What the log says it covers is the same for every child."""

    def of(self, kinds: frozenset[str]) -> Int64s:
        """Which of the events are of some kinds."""
        wanted = [i for i, kind in enumerate(self.log.kinds) if kind in kinds]
        return np.flatnonzero(np.isin(self.kind, wanted)) if wanted else np.zeros(0, np.int64)


def derived_of_all(log: EventLog, book: ThresholdBook, as_of: int, as_known: int | None = None) -> dict[str, Derived]:
    """Every fact that the timelines settle on a day, for all children of a log: the same values as `derived_facts`.

    With `as_known` (a day number) only events recorded by then exist.
    """
    lines = _Lines(log, as_of, as_known)
    found: dict[str, Derived] = {}
    for name, kind in book.facts.items():
        if kind.derive is None:
            continue
        given = _derive(name, kind.derive, lines, book)
        if given is not None and len(given.child):
            found[name] = given
    return found


def _derive(name: str, derive: Derive, lines: _Lines, book: ThresholdBook) -> Derived | None:
    if derive.age == "months":
        return _ages(name, lines)
    if derive.age == "unborn":
        return _unborn(name, lines)
    if derive.count:
        return _counts(name, derive, lines, book)
    if derive.again:
        return _agains(name, derive.again, book.book.length(derive.within), lines, book)
    if derive.during:
        return _opens(name, derive.during, lines, book)
    if derive.ended:
        return _ends(name, derive.ended, book.book.length(derive.within), lines, book)
    return None


def computed_fact(name: str, value: FactValue, settled: bool = True, denies: tuple[str, ...] = ()) -> Fact:
    """A fact as a timeline gives it, without the words for how."""
    return Fact(name, value, "confirmed", "specific", "current", computed="from the timeline", settled=settled, denies=denies)


def _numbers(name: str, child: Int64s, value: Int64s, settled: bool = True) -> Derived:
    distinct, place = np.unique(value, return_inverse=True)
    return Derived(child, place.astype(np.int64), tuple(computed_fact(name, int(v), settled) for v in distinct.tolist()))


def _yes_or_no(name: str, child: Int64s, value: Bools, no_is_settled: bool = True) -> Derived:
    return Derived(child, value.astype(np.int64), (computed_fact(name, False, no_is_settled), computed_fact(name, True)))


def _born(lines: _Lines) -> tuple[Int32s, Int32s]:
    nothing = np.full(lines.children, NO_DAY, np.int32)
    log = lines.log
    return (nothing if log.born is None else log.born), (nothing if log.expected is None else log.expected)


def _ages(name: str, lines: _Lines) -> Derived:
    born, _ = _born(lines)
    child = np.flatnonzero((born != NO_DAY) & (born <= lines.as_of))
    day = born[child].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    months = int(np.datetime64(lines.as_of, "D").astype("datetime64[M]").astype(np.int64)) - day
    for n in np.unique(months).tolist():  # a month is whole once its day has come
        mine = months == n
        reached = add_months(born[child[mine]], int(n)) <= lines.as_of
        months[np.flatnonzero(mine)[~reached]] -= 1
    return _numbers(name, child, months)


def _unborn(name: str, lines: _Lines) -> Derived:
    born, expected = _born(lines)
    child = np.flatnonzero((born != NO_DAY) | (expected != NO_DAY))
    return _yes_or_no(name, child, (born[child] == NO_DAY) | (born[child] > lines.as_of))


def _in_time(day: Int32s, length: Duration, book: ThresholdBook, until: Int32s | int) -> Bools:
    """Whether `until` is within the length of time that starts on each day. Each different day is counted once."""
    if not len(day):
        return np.zeros(0, np.bool_)
    days, place = np.unique(day, return_inverse=True)
    found: Bools = due_day(days, length, book.book.calendar)[place] >= until
    return found


def _counts(name: str, derive: Derive, lines: _Lines, book: ThresholdBook) -> Derived:
    kinds = frozenset(derive.count or ())
    rows = lines.of(kinds)
    length = book.book.length(derive.within)
    settled = covers(set(kinds), length, lines.nobody, book)
    has = np.bincount(lines.child[rows], minlength=lines.children) > 0
    has |= settled  # a source that holds them and has none says that there were none
    counts = _in_time(lines.day[rows], length, book, lines.as_of)
    for attribute, wanted in derive.where.items():
        counts &= _records(attribute, wanted, lines, rows)
    number = np.bincount(lines.child[rows[counts]], minlength=lines.children)
    child = np.flatnonzero(has)
    return _numbers(name, child, number[child], settled)


def _records(name: str, wanted: object, lines: _Lines, rows: Int64s) -> Bools:
    column = lines.log.attributes.get(name)
    if column is None:
        return np.zeros(len(rows), np.bool_)
    meets = lookup(column.values, lambda value: value == wanted)
    found: Bools = np.append(meets, False)[column.codes[lines.row[rows]]]
    return found


def _agains(name: str, kind: str, length: Duration, lines: _Lines, book: ThresholdBook) -> Derived:
    rows = lines.of(frozenset([kind]))
    child, day = lines.child[rows], lines.day[rows]
    fresh = np.ones(len(rows), np.bool_)
    fresh[1:] = (child[1:] != child[:-1]) | (day[1:] != day[:-1])
    child, day = child[fresh], day[fresh]
    last = np.append(child[1:] != child[:-1], True) if len(child) else np.zeros(0, np.bool_)
    latest = np.flatnonzero(last)
    before = latest - 1
    twice = (before >= 0) & (child[np.maximum(before, 0)] == child[latest]) if len(latest) else np.zeros(0, np.bool_)
    again = np.zeros(len(latest), np.bool_)
    again[twice] = _in_time(day[before[twice]], length, book, day[latest[twice]])
    again &= _in_time(day[latest], length, book, lines.as_of)
    settled = covers({kind}, length, lines.nobody, book)
    return _yes_or_no(name, child[latest].astype(np.int64), again, settled)


@dataclass(frozen=True)
class _Spans:
    """The starts and ends of one period for every child: who ever had one, who has one open, and each day one ended."""

    ever: Bools
    open: Bools
    ended_child: Int32s
    ended_day: Int32s


def _spans(period: str, lines: _Lines, book: ThresholdBook) -> _Spans:
    kind = book.book.periods[period]
    rows = lines.of(frozenset([*kind.start, *kind.end]))
    starts = np.isin(lines.kind[rows], [i for i, name in enumerate(lines.log.kinds) if name in kind.start])
    child, day = lines.child[rows], lines.day[rows]
    ever = np.bincount(child[starts], minlength=lines.children) > 0
    open_ = np.zeros(lines.children, np.bool_)
    open_[child] = starts  # the last event of each child is written last, so it stands
    same = np.zeros(len(rows), np.bool_)
    same[1:] = child[1:] == child[:-1]
    closes = ~starts & same & np.append(False, starts[:-1])[: len(rows)]
    return _Spans(ever, open_, child[closes], day[closes])


def _opens(name: str, periods: Mapping[str, str], lines: _Lines, book: ThresholdBook) -> Derived:
    names = [*periods, "none"]
    value = np.full(lines.children, len(periods), np.int64)
    ended = np.zeros(lines.children, np.int64)  # a bit for each period that was open and is not now
    for place, period in enumerate(periods.values()):
        spans = _spans(period, lines, book)
        value[(value == len(periods)) & spans.open] = place
        ended |= (spans.ever & ~spans.open).astype(np.int64) << place
    child = np.flatnonzero((value < len(periods)) | (ended > 0))
    distinct, where = np.unique((value[child] << len(periods)) | ended[child], return_inverse=True)
    declared = says_what_it_covers(lines.nobody)
    facts = []
    for code in distinct.tolist():
        denies = tuple(n for i, n in enumerate(periods) if code >> i & 1)
        facts.append(computed_fact(name, names[code >> len(periods)], declared, denies))
    return Derived(child, where.astype(np.int64), tuple(facts))


def _ends(name: str, period: str, length: Duration, lines: _Lines, book: ThresholdBook) -> Derived:
    spans = _spans(period, lines, book)
    past = np.bincount(spans.ended_child, minlength=lines.children) > 0
    recent = _in_time(spans.ended_day, length, book, lines.as_of)
    lately = np.bincount(spans.ended_child[recent], minlength=lines.children) > 0
    child = np.flatnonzero(past)
    return _yes_or_no(name, child, lately[child], says_what_it_covers(lines.nobody))


__all__ = ["Derived", "computed_fact", "derived_of_all"]
