"""Facts that the timeline gives, so that nobody is asked for them: counts in windows, re-referral, age, what is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import NO_DAY, Duration, add_months, due_day
from rrt_engine.model import EventLog, Fact, FactValue, plural
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import Derive
from rrt_engine.words import listed, short_day_words


@dataclass(frozen=True)
class _Timeline:
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
    line = _Timeline(
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
                found.append(Fact(name, given[0], "confirmed", "specific", "current", computed=given[1]))
    return found


def _derive(derive: Derive, line: _Timeline, book: ThresholdBook) -> tuple[FactValue, str] | None:
    """The value and how it was worked out, or None where the timeline does not settle it."""
    if derive.age == "months":
        return _age(line)
    if derive.age == "unborn":
        if line.born == NO_DAY and line.expected == NO_DAY:
            return None
        unborn = line.born == NO_DAY or line.born > line.as_of
        return unborn, f"expected on {short_day_words(line.expected)}" if unborn and line.expected != NO_DAY else "from the date of birth"
    if derive.count:
        return _count(derive, line, book)
    if derive.again:
        return _again(derive.again, book.book.length(derive.within), line, book)
    if derive.during:
        return _open(derive.during, line, book)
    if derive.ended:
        return _ended(derive.ended, book.book.length(derive.within), line, book)
    return None


def _age(line: _Timeline) -> tuple[FactValue, str] | None:
    if line.born == NO_DAY or line.born > line.as_of:
        return None
    dates = np.array([line.born, line.as_of]).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    months = int(dates[1] - dates[0])
    months -= int(add_months(np.array([line.born]), months)[0] > line.as_of)
    return months, f"born on {short_day_words(line.born)}"


def _within(day: int, length: Duration, book: ThresholdBook, until: int) -> bool:
    """Whether `until` is still within the length of time that starts on `day`: the same reading as the time limits have."""
    return int(due_day(np.array([day]), length, book.book.calendar)[0]) >= until


def _count(derive: Derive, line: _Timeline, book: ThresholdBook) -> tuple[FactValue, str] | None:
    kinds = set(derive.count or ())
    mine = [(day, row) for kind, day, row in line.events if kind in kinds]
    coverage = line.log.coverage
    if not mine and not (coverage.kinds is not None and kinds <= coverage.kinds):
        return None  # a record with none of these events may simply not hold them
    length = book.book.length(derive.within)
    days = [day for day, row in mine if _within(day, length, book, line.as_of) and _records(derive.where, line.log, row)]
    title = book.book.events[next(iter(derive.count or ()))].title.lower()
    between = f": {listed([short_day_words(d) for d in days])}" if 0 < len(days) <= 4 else ""
    return len(days), f"{plural(len(days), 'event')} ({title}) in the {length} to {short_day_words(line.as_of)}{between}"


def _records(where: Mapping[str, object], log: EventLog, row: int) -> bool:
    return all(log.value(name, row) == value for name, value in where.items())


def _again(kind: str, length: Duration, line: _Timeline, book: ThresholdBook) -> tuple[FactValue, str] | None:
    days = sorted({day for k, day, _ in line.events if k == kind})
    if not days:
        return None
    if len(days) > 1 and _within(days[-2], length, book, days[-1]):
        return True, f"{short_day_words(days[-2])} and {short_day_words(days[-1])}"
    return False, f"none in the {length} before {short_day_words(days[-1])} on this timeline"


def _spans(period: str, line: _Timeline, book: ThresholdBook) -> list[tuple[int, int]]:
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


def _open(periods: Mapping[str, str], line: _Timeline, book: ThresholdBook) -> tuple[FactValue, str] | None:
    ended: list[tuple[str, int]] = []
    for value, period in periods.items():
        spans = _spans(period, line, book)
        if spans and spans[-1][1] == NO_DAY:
            return value, f"{book.book.periods[period].title} since {short_day_words(spans[-1][0])}"
        ended += [(period, spans[-1][1])] if spans else []
    if not ended:
        return None
    return "none", "; ".join(f"{book.book.periods[p].title} until {short_day_words(d)}" for p, d in ended)


def _ended(period: str, length: Duration, line: _Timeline, book: ThresholdBook) -> tuple[FactValue, str] | None:
    spans = _spans(period, line, book)
    past = [end for _, end in spans if end != NO_DAY]
    recent = [end for end in past if _within(end, length, book, line.as_of)]
    if recent:
        return True, f"{book.book.periods[period].title} until {short_day_words(recent[-1])}"
    return (False, f"none ended in the {length} to {short_day_words(line.as_of)}") if past else None


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
    return "" if agency in book.not_agencies else agency
