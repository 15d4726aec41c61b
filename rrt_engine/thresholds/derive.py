"""Facts that the timeline gives, so that nobody is asked for them: counts in windows, re-referral, age, what is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, Duration, add_months, due_day, due_day_before
from rrt_engine.model import EventLog, Fact, FactValue, plural
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import Derive
from rrt_engine.words import listed, short_day_words


@dataclass(frozen=True)
class Given:
    """What the timeline gives: the value, how it was worked out, whether the timeline is known to hold all that it takes, and
    the values that it shows not to be so.
    """

    value: FactValue
    how: str
    settled: bool = True
    denies: tuple[str, ...] = ()

    def about(self) -> dict[str, Any]:
        """As a computed fact says it."""
        return {"computed": self.how, "settled": self.settled, "denies": self.denies}


@dataclass(frozen=True)
class Timeline:
    """One child's events up to a day: (kind, day, row) in order, and the dates of birth."""

    log: EventLog
    as_of: int
    events: tuple[tuple[str, int, int], ...]
    born: int
    expected: int


def derived_facts(log: EventLog, child: int, book: ThresholdBook, as_of: int) -> list[Fact]:
    """Every fact the timeline of one child settles on a day. What it cannot settle is left out, never guessed.

    `child` is the child's number in the log; `as_of` a day number. Events after that day, and events whose dates cannot be
    right, do not exist for it.
    """
    first, last = np.searchsorted(log.child, [child, child + 1])
    rows = [int(r) for r in range(int(first), int(last)) if log.day[r] <= as_of and (log.suspect is None or not log.suspect[r])]
    line = Timeline(
        log,
        as_of,
        tuple((log.kinds[int(log.kind[r])], int(log.day[r]), r) for r in rows),
        NO_DAY if log.born is None else int(log.born[child]),
        NO_DAY if log.expected is None else int(log.expected[child]),
    )
    found = []
    for name, kind in book.facts.items():
        if kind.derive is not None:
            given = _derive(kind.derive, line, book)
            if given is not None:
                found.append(Fact(name, given.value, "confirmed", "specific", "current", **given.about()))
    return found


def _derive(derive: Derive, line: Timeline, book: ThresholdBook) -> Given | None:
    """The value, how it was worked out and whether it is settled; None where the timeline says nothing of it."""
    if derive.age == "months":
        return _age(line)
    if derive.age == "unborn":
        if line.born == NO_DAY and line.expected == NO_DAY:
            return None
        unborn = line.born == NO_DAY or line.born > line.as_of
        how = f"expected on {short_day_words(line.expected)}" if unborn and line.expected != NO_DAY else "from the date of birth"
        return Given(unborn, how)
    if derive.count:
        return _count(derive, line, book)
    if derive.again:
        return _again(derive.again, book.book.length(derive.within), line, book)
    if derive.during:
        return _open(derive.during, line, book)
    if derive.ended:
        return _ended(derive.ended, book.book.length(derive.within), line, book)
    return None


def _age(line: Timeline) -> Given | None:
    if line.born == NO_DAY or line.born > line.as_of:
        return None
    dates = np.array([line.born, line.as_of]).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    months = int(dates[1] - dates[0])
    months -= int(add_months(np.array([line.born]), months)[0] > line.as_of)
    return Given(months, f"born on {short_day_words(line.born)}")


def _within(day: int, length: Duration, book: ThresholdBook, until: int) -> bool:
    """Whether `until` is still within the length of time that starts on `day`: the same reading as the time limits have."""
    return int(due_day(np.array([day]), length, book.book.calendar)[0]) >= until


def _count(derive: Derive, line: Timeline, book: ThresholdBook) -> Given | None:
    kinds = set(derive.count or ())
    mine = [(day, row) for kind, day, row in line.events if kind in kinds]
    length = book.book.length(derive.within)
    settled = covers(kinds, length, line, book)
    if not mine and not settled:
        return None  # a record with none of these events may simply not hold them
    days = [day for day, row in mine if _within(day, length, book, line.as_of) and _records(derive.where, line.log, row)]
    title = book.book.events[next(iter(derive.count or ()))].title.lower()
    between = f": {listed([short_day_words(d) for d in days])}" if 0 < len(days) <= 4 else ""
    how = f"{plural(len(days), 'event')} ({title}) in the {length} to {short_day_words(line.as_of)}{between}"
    return Given(len(days), how, settled)


def _records(where: Mapping[str, object], log: EventLog, row: int) -> bool:
    return all(log.value(name, row) == value for name, value in where.items())


def _again(kind: str, length: Duration, line: Timeline, book: ThresholdBook) -> Given | None:
    days = sorted({day for k, day, _ in line.events if k == kind})
    if not days:
        return None
    if len(days) > 1 and _within(days[-2], length, book, days[-1]) and _within(days[-1], length, book, line.as_of):
        return Given(True, f"{short_day_words(days[-2])} and {short_day_words(days[-1])}")
    how = f"the latest on this timeline was on {short_day_words(days[-1])}, with none in the {length} before it"
    if not _within(days[-1], length, book, line.as_of):
        how = f"the latest on this timeline was on {short_day_words(days[-1])}"
    return Given(False, how, covers({kind}, length, line, book))


def _spans(period: str, line: Timeline, book: ThresholdBook) -> list[tuple[int, int]]:
    """Each time the period was open: its first day, and its last (NO_DAY while it is open)."""
    kind = book.book.periods[period]
    spans: list[tuple[int, int]] = []
    for event, day, _ in line.events:
        is_open = bool(spans) and spans[-1][1] == NO_DAY
        if event in kind.start and not is_open:
            spans.append((day, NO_DAY))
        elif event in kind.end and is_open:
            spans[-1] = (spans[-1][0], day)
    return spans


def _open(periods: Mapping[str, str], line: Timeline, book: ThresholdBook) -> Given | None:
    declared = says_what_it_covers(line)
    spans = {value: _spans(period, line, book) for value, period in periods.items()}
    ended = {value: found[-1][1] for value, found in spans.items() if found and found[-1][1] != NO_DAY}
    for value, found in spans.items():
        if found and value not in ended:
            title = book.book.periods[periods[value]].title
            return Given(value, f"{title} since {short_day_words(found[-1][0])}", declared, tuple(ended))
    if not ended:
        return None
    how = "; ".join(f"{book.book.periods[periods[value]].title} until {short_day_words(day)}" for value, day in ended.items())
    return Given("none", how, declared, tuple(ended))


def _ended(period: str, length: Duration, line: Timeline, book: ThresholdBook) -> Given | None:
    past = [end for _, end in _spans(period, line, book) if end != NO_DAY]
    recent = [end for end in past if _within(end, length, book, line.as_of)]
    if recent:
        return Given(True, f"{book.book.periods[period].title} until {short_day_words(recent[-1])}")
    return Given(False, f"none ended in the {length} to {short_day_words(line.as_of)}", says_what_it_covers(line)) if past else None


def says_what_it_covers(line: Timeline) -> bool:
    """Whether the record says what it covers: only then is what is not on it known not to have been."""
    return line.log.coverage.kinds is not None or bool(line.log.coverage.since)


def covers(kinds: set[str], length: Duration, line: Timeline, book: ThresholdBook) -> bool:
    """Whether the record says that it holds all events of these kinds for a length of time back."""
    coverage = line.log.coverage
    if not says_what_it_covers(line) or not all(coverage.carries(kind) for kind in kinds):
        return False
    since = [day for day in (coverage.since_day(kind) for kind in kinds) if day is not None]
    return all(day <= int(due_day_before(np.array([line.as_of]), length, book.book.calendar)[0]) for day in since)


def agencies(facts: Sequence[Fact], book: ThresholdBook, length: Duration, as_of: int) -> tuple[int, str]:
    """The most different agencies that recorded one and the same concern within the window, and which concern.

    A family that asks for help is no agency, and agencies that saw different things do not corroborate each other.
    """
    by_concern: dict[str, set[str]] = {}
    for fact in facts:
        dated = fact.on == NO_DAY or int(due_day(np.array([fact.on]), length, book.book.calendar)[0]) >= as_of
        agency = agency_of(fact, book)
        if agency and dated:
            by_concern.setdefault(fact.id, set()).add(agency)
    most = max(by_concern, key=lambda f: (len(by_concern[f]), f), default="")
    return (len(by_concern[most]), f"{listed(sorted(by_concern[most]))}: {book.facts[most].label.lower()}") if most else (0, "")


def agency_of(fact: Fact, book: ThresholdBook) -> str:
    """The agency that recorded a fact, or nothing where it was somebody who speaks for themselves."""
    agency = fact.source_agency.strip().lower().replace(" ", "_")
    return "" if agency in book.not_agencies else book.agency_named.get(agency, agency)
