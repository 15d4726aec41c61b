"""One measure over one log and one period: which cases belong, which of them count, and why each does or does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.measures.conditions import holds
from rrt_engine.measures.units import ASIDE, NO_VALUE, Found, found
from rrt_engine.measures.view import BEFORE, NO, UNKNOWN, YES, View, all_of
from rrt_engine.model import EventLog, Int8s, Int32s
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.measure_schema import Compute, Condition, Measure, Span

STATES = ("other", "counts", "cannot_tell", "before_records", "aside")
"""What becomes of a case: in the denominator only, counted, or shown apart. The numbers are those of NO, YES, UNKNOWN, BEFORE and ASIDE."""


@dataclass(frozen=True)
class Members:
    """Everything a measure looked at in one period, one entry a case.

    `state` indexes STATES. `value` is the length of time taken of each, NO_VALUE where none; None where the measure takes none.
    `answers` are what each condition said, one column a condition of `conditions`.
    """

    log: EventLog
    child: Int32s
    day: Int32s
    state: Int8s
    value: Int32s | None
    conditions: tuple[Condition, ...] = ()
    answers: tuple[Int8s, ...] = ()

    def __len__(self) -> int:
        return len(self.child)


def members(view: View, compute: Compute, first: int) -> Members:
    """Every case of a measure from a first day to the last day of a view."""
    return members_from(view, compute, [first])[0]


def members_from(view: View, compute: Compute, firsts: Sequence[int]) -> list[Members]:
    """Every case of a measure from each of some first days to the last day of a view: judged once, since no case knows the first day."""
    every = found(view, compute.units, compute.value)
    inside = (every.day >= min(firsts)) & (every.day <= view.last)
    units = every.take(inside)
    asked: list[Condition] = []
    answers: list[Int8s] = []

    def ask(conditions: Sequence[Condition], those: Found) -> Int8s:
        said = [holds(view, those, condition, every) for condition in conditions]
        asked.extend(conditions)
        answers.extend(said)
        return all_of(said) if said else np.full(len(those), YES, np.int8)

    belongs = ask(compute.only, units)
    keep = belongs != NO
    units, belongs = units.take(keep), belongs[keep]
    answers[:] = [a[keep] for a in answers]
    counts = ask(compute.counts, units)
    if units.met is not None:
        counts = all_of([counts, units.met])
    state = np.where(belongs == YES, counts, belongs)
    state = np.where(units.known == YES, state, units.known).astype(np.int8)
    value = None if compute.value is None else units.value
    result = []
    for first in firsts:
        since = units.day >= first if first > min(firsts) else np.ones(len(units), np.bool_)
        if compute.each == "child":
            result.append(_children(view, units.take(since), state[since]))
        else:
            said = tuple(answer[since] for answer in answers)
            taken = None if value is None else value[since]
            result.append(Members(view.log, units.child[since], units.day[since], state[since], taken, tuple(asked), said))
    return result


def _children(view: View, units: Found, state: Int8s) -> Members:
    """One entry a child: it counts where every one of its units does, and cannot be told where that rests on one that cannot."""
    kids, place = np.unique(units.child, return_inverse=True)
    worst = np.full(len(kids), YES, np.int8)
    for code in (ASIDE, UNKNOWN, BEFORE, NO):  # a later one of these outweighs those before it
        worst[np.unique(place[state == code])] = code
    day = np.zeros(len(kids), np.int32)
    np.maximum.at(day, place, units.day)
    return Members(view.log, kids.astype(np.int32), day, worst, None)


# -------------------------------------------------------------------------------------------------- what it rests on


@dataclass(frozen=True)
class Needs:
    """What a measure needs of a source: of each group of kinds at least one; and the rules whose flags it asks for."""

    kinds: tuple[tuple[str, ...], ...]
    rules: frozenset[str]


def needs_of(measure: Measure, book: RuleBook) -> Needs:
    """The kinds of event without which a measure says nothing, and the rules it asks."""
    kinds: list[tuple[str, ...]] = []
    rules: set[str] = set()
    if measure.compute is None:
        return Needs((), frozenset())
    units = measure.compute.units
    if units.events:
        kinds.append(tuple(units.events.event))
    if units.flags:
        rules.update(units.flags.rules)
    for span in (units.open, units.ended):
        if span is not None:
            kinds.append(starts_of(span, book))
    if units.ended is not None:
        kinds.append(ends_of(units.ended, book))
    value = measure.compute.value
    for pick in (value.from_, value.to) if value else ():
        if pick is not None:
            kinds.append(tuple(pick.event))
    for condition in _flat((*measure.compute.only, *measure.compute.counts)):
        kinds.extend(_condition_kinds(condition))
        if condition.flags:
            rules.update(condition.flags.rules)
    return Needs(tuple(dict.fromkeys(kinds)), frozenset(rules))


def starts_of(span: str | Span, book: RuleBook) -> tuple[str, ...]:
    """The kinds of event that open a period."""
    return tuple(book.periods[span].start) if isinstance(span, str) else tuple(k for p in span.start for k in p.event)


def ends_of(span: str | Span, book: RuleBook) -> tuple[str, ...]:
    """The kinds of event that close a period."""
    return tuple(book.periods[span].end) if isinstance(span, str) else tuple(k for p in span.end for k in p.event)


def _condition_kinds(condition: Condition) -> Iterator[tuple[str, ...]]:
    for part in (condition.earlier, condition.later, condition.last, condition.around, condition.stays):
        if part is not None:
            yield tuple(part.event)


def _flat(conditions: Sequence[Condition]) -> Iterator[Condition]:
    """Every condition and those inside it; not the alternatives of an `any`, of which one is enough."""
    for condition in conditions:
        yield condition
        if condition.not_:
            yield from _flat([condition.not_])


def rules_in(compute: Compute) -> frozenset[str]:
    """The rules a computation asks for, wherever it does."""
    found_rules: set[str] = set(compute.units.flags.rules) if compute.units.flags else set()

    def walk(conditions: Sequence[Condition]) -> None:
        for condition in conditions:
            if condition.flags:
                found_rules.update(condition.flags.rules)
            walk(condition.any or ())
            walk([condition.not_] if condition.not_ else ())

    walk([*compute.only, *compute.counts])
    return frozenset(found_rules)


__all__ = [
    "ASIDE",
    "BEFORE",
    "NO",
    "NO_VALUE",
    "STATES",
    "UNKNOWN",
    "YES",
    "Members",
    "Needs",
    "ends_of",
    "members",
    "members_from",
    "needs_of",
    "rules_in",
    "starts_of",
]
