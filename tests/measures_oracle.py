"""Measures worked out the slow and obvious way: one child at a time, one event at a time, in plain lists.

Readable as the specification of rules/measures. It reads the same description of a computation as the engine and shares none of its
searches; the flags of duties alone are the engine's, which `tests/oracle.py` checks. Days are dates without a time of day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from rrt_engine.calendar import Moment, as_date, day_number
from rrt_engine.model import REASONS, STATUSES, EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.measure_schema import Compute, Condition, Measure, Pick, Span, Value
from rrt_engine.rulebook.schema import Not
from rrt_engine.timescales.evaluate import evaluate

YES, NO, UNKNOWN, BEFORE, ASIDE = "counts", "other", "cannot_tell", "before_records", "aside"


@dataclass(frozen=True)
class Event:
    child: str
    kind: str
    day: date
    place: int
    ref: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict, compare=False, hash=False)


@dataclass
class Unit:
    child: str
    event: Event | None
    start: date
    day: date
    known: str = YES
    met: str | None = None
    value: int | None = None


@dataclass
class World:
    """Timelines up to a day, with dates of birth and the day from which the records are complete (None: always)."""

    book: RuleBook
    log: EventLog
    events: list[Event]
    born: dict[str, date | None]
    last: date
    begins: date | None = None

    def of(self, child: str, pick: Any) -> list[Event]:
        """A child's events that certainly meet a pick, in order."""
        mine = [e for e in self.events if e.child == child and e.kind in pick.event and e.day <= self.last]
        return [e for e in mine if says(e, pick.where) == YES]

    def link(self, event: Event | None, level: str) -> str | None:
        if event is None or event.ref is None or level not in self.book.events[event.kind].ref:
            return None
        return "/".join(event.ref.split("/")[: self.book.events[event.kind].ref.index(level) + 1])


def says(event: Event, where: Any, blank: str = UNKNOWN) -> str:
    """Whether an event records what is asked."""
    result = YES
    for name, test in where.items():
        value = event.attributes.get(name)
        if isinstance(test, Not):
            good = value is None or value not in test.not_
        elif value is None:
            result = result if result == NO else blank
            continue
        else:
            good = value in test if isinstance(test, list) else value == test
        if not good:
            result = NO
    return result


def months_later(day: date, n: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + n, 12)
    last = (date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


def working(world: World, day: date) -> bool:
    return day.weekday() < 5 and day_number(day) not in world.book.calendar.holidays


def later(world: World, day: date, length: str) -> date:
    """The day a length of time after, the day itself being day 0."""
    n, unit = length.split(" ", 1)
    count = int(n)
    if unit.startswith("working"):
        while count:
            day += timedelta(days=1)
            count -= working(world, day)
        return day
    if unit.startswith(("month", "year")):
        return months_later(day, count * (12 if unit.startswith("year") else 1))
    return day + timedelta(days=count * (7 if unit.startswith("week") else 1))


def sooner(world: World, day: date, length: str) -> date:
    n, unit = length.split(" ", 1)
    if unit.startswith(("month", "year")):
        return months_later(day, -int(n) * (12 if unit.startswith("year") else 1))
    return day - timedelta(days=int(n) * (7 if unit.startswith("week") else 1))


def birthday(born: date, age: int) -> date:
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def working_days(world: World, start: date, end: date) -> int:
    if end < start:
        return -working_days(world, end, start)
    return sum(working(world, start + timedelta(days=i)) for i in range(1, (end - start).days + 1))


def nearest(world: World, unit: Unit, day: date, events: list[Event], link: str | None, own: Event | None, back: bool, same: bool) -> Any:
    """The latest of some events up to a day, or the earliest from it on; those that share the link before those that do not say."""
    if back:
        reach = [e for e in events if e.day < day or (same and e.day == day)]
    else:
        reach = [e for e in events if e.day > day or (same and e.day == day)]
    mine = world.link(own, link) if link else None
    if link and mine is not None:
        linked = [e for e in reach if world.link(e, link) == mine]
        reach = linked or [e for e in reach if world.link(e, link) is None]
    if not reach:
        return None
    return max(reach, key=lambda e: (e.day, e.place)) if back else min(reach, key=lambda e: (e.day, e.place))


def spans(world: World, child: str, of: str | Span) -> list[tuple[Event, Event | None]]:
    """Each period of a child. On one day an ending comes before a start, unless nothing is open to end."""
    if isinstance(of, str):
        kind = world.book.periods[of]
        picks_start, picks_end = [Pick(event=kind.start, where={})], [Pick(event=kind.end, where={})]
    else:
        picks_start, picks_end = of.start, of.end

    def among(picks: list[Pick]) -> list[Event]:
        return sorted({e.place: e for pick in picks for e in world.of(child, pick)}.values(), key=lambda e: (e.day, e.place))

    starts, ends = among(picks_start), among(picks_end)
    result: list[tuple[Event, Event | None]] = []
    opened: Event | None = None
    for day in sorted({e.day for e in (*starts, *ends)}):
        spare: list[Event] = []
        for end in (e for e in ends if e.day == day):
            if opened:
                result.append((opened, end))
                opened = None
            else:
                spare.append(end)
        for start in (e for e in starts if e.day == day):
            opened = opened or start
            if spare:
                result.append((opened, spare.pop(0)))
                opened = None
    if opened:
        result.append((opened, None))
    return result


def open_on(world: World, child: str, of: str | Span, day: date) -> bool:
    begun = [(a, b) for a, b in spans(world, child, of) if a.day < day]
    return bool(begun) and (begun[-1][1] is None or begun[-1][1].day > day)


# ------------------------------------------------------------------------------------------------------------- units


def units_of(world: World, compute: Compute) -> list[Unit]:
    spec = compute.units
    children = sorted(world.born)
    found: list[Unit] = []
    if spec.events:
        for event in world.events:
            if event.kind in spec.events.event and event.day <= world.last and says(event, spec.events.where) != NO:
                known = YES if says(event, spec.events.where) == YES else UNKNOWN
                found.append(Unit(event.child, event, event.day, event.day, known))
        apart = spec.events.not_while
        if apart and any(world.of(child, pick) for child in children for pick in apart.end):
            found = [u for u in found if not open_on(world, u.child, apart, u.day)]
    elif spec.open is not None:
        for child in children:
            found += [Unit(child, a, a.day, world.last) for a, b in spans(world, child, spec.open) if b is None]
    elif spec.ended is not None:
        for child in children:
            found += [Unit(child, a, a.day, b.day) for a, b in spans(world, child, spec.ended) if b is not None]
    elif spec.birthdays:
        for child in children:
            born = world.born[child]
            for age in spec.birthdays.ages if born else ():
                assert born
                day = birthday(born, age)
                if day <= world.last:
                    found.append(Unit(child, None, day, day))
    else:
        found = flag_units(world, compute)
    if compute.value:
        found = valued(world, found, compute.value)
    return found


def flags_of(world: World, rules: list[str]) -> list[dict[str, Any]]:
    flags = evaluate(world.log, world.book, Moment(day_number(world.last))).flags
    days = [*world.log.day.tolist(), *flags.derived_day.tolist()]
    result = []
    for i in range(len(flags)):
        if world.book.rules[flags.rule[i]].id in rules:
            answer = int(flags.answer[i])
            row = int(flags.trigger[i])
            result.append(
                {
                    "child": str(world.log.children[world.log.child[row]]),
                    "start": as_date(int(flags.start[i])),
                    "due": as_date(int(flags.due[i])) if flags.due[i] > -(2**31) else None,
                    "answer": as_date(days[answer]) if answer >= 0 else None,
                    "status": STATUSES[flags.status[i]],
                    "reason": REASONS[flags.reason[i]],
                    "row": row,
                }
            )
    return result


def flag_units(world: World, compute: Compute) -> list[Unit]:
    spec = compute.units.flags
    assert spec
    found = []
    for flag in flags_of(world, spec.rules):
        status = flag["status"]
        if spec.by == "open":
            running = status in ("overdue", "due", "due_soon") or (status == "cannot_tell" and flag["answer"] is None)
            day = world.last if running else None
            judged, met = ["due", "due_soon", "overdue"], [s for s in spec.met if s != "met"] or ["due", "due_soon"]
        else:
            day = flag[spec.by] or (flag["start"] if spec.by == "due" and status == "cannot_tell" else None)
            judged, met = list(spec.judged), list(spec.met)
        if day is None or (status != "cannot_tell" and status not in judged):
            continue
        known = YES
        if status == "cannot_tell":
            known = {"before_records": BEFORE, "impossible": ASIDE}.get(flag["reason"], UNKNOWN)
        found.append(Unit(flag["child"], None, flag["start"], day, known, YES if status in met else NO))
    return found


def valued(world: World, units: list[Unit], spec: Value) -> list[Unit]:
    result, used = [], {}
    for unit in sorted(units, key=lambda u: (u.day, u.event.place if u.event else 0)):
        end_event, end, wanted = unit.event, unit.day, True
        if spec.to:
            end_event = nearest(world, unit, unit.day, world.of(unit.child, spec.to), spec.link, unit.event, True, True)
            wanted = end_event is not None
            end = end_event.day if end_event else unit.day
        start: date | None = unit.start
        if spec.from_:
            events = world.of(unit.child, spec.from_)
            own = end_event if spec.to else unit.event
            event = nearest(world, unit, unit.day if spec.out_of_order == "zero" else end, events, spec.link, own, True, True)
            start = event.day if event else None
            if event is None:
                following = nearest(world, unit, end, events, spec.link, own, False, True)
                shares = spec.link and following and world.link(following, spec.link) == world.link(unit.event, spec.link) is not None
                if unit.known == YES:
                    unit.known = ASIDE if shares and spec.out_of_order == "aside" else UNKNOWN
            elif spec.first:
                if event.place in used:
                    continue
                used[event.place] = True
        if not wanted and unit.known == YES:
            unit.known = UNKNOWN
        if unit.known == YES and start is not None:
            unit.value = working_days(world, start, end) if spec.unit == "working days" else (end - start).days
            if spec.out_of_order == "zero":
                unit.value = max(unit.value, 0)
        result.append(unit)
    return result


# -------------------------------------------------------------------------------------------------------- conditions


def holds(world: World, unit: Unit, c: Condition, every: list[Unit]) -> str:
    if c.any:
        parts = [holds(world, unit, part, every) for part in c.any]
        return YES if YES in parts else BEFORE if BEFORE in parts else UNKNOWN if UNKNOWN in parts else NO
    if c.not_:
        return {YES: NO, NO: YES}.get(said := holds(world, unit, c.not_, every), said)
    if c.where is not None:
        return says(unit.event, c.where) if unit.event else NO
    if c.again:
        before = [u for u in every if u.known == YES and u.event and u.child == unit.child and u.day < unit.day]
        return looked_back(world, unit, max((u.day for u in before), default=None), c.again)
    if c.earlier:
        event = nearest(world, unit, unit.day, world.of(unit.child, c.earlier), c.earlier.link, unit.event, True, False)
        return looked_back(world, unit, event.day if event else None, c.earlier.within)
    if c.later:
        event = nearest(world, unit, unit.day, world.of(unit.child, c.later), c.later.link, unit.event, False, True)
        if c.later.within is None:
            return YES if event else NO
        limit = later(world, unit.day, c.later.within)
        return YES if event and event.day <= limit else UNKNOWN if limit >= world.last else NO
    if c.last:
        return last_says(world, unit, c.last)
    if c.around:
        return around_says(world, unit, c.around)
    if c.lasted:
        spec = c.lasted
        good = not spec.at_least or unit.day >= later(world, unit.start, spec.at_least)
        good &= not spec.more_than or unit.day > later(world, unit.start, spec.more_than)
        good &= not spec.at_most or unit.day <= later(world, unit.start, spec.at_most)
        return YES if good else NO
    if c.age:
        born = world.born[unit.child]
        if born is None:
            return UNKNOWN
        return YES if birthday(born, c.age.at_least) <= unit.day < birthday(born, c.age.under) else NO
    if c.value:
        return UNKNOWN if unit.value is None else YES if unit.value <= c.value.at_most else NO
    if c.not_in:
        return NO if open_on(world, unit.child, c.not_in, unit.day) else YES
    if c.flags:
        return flags_say(world, unit, c.flags, every)
    if c.care:
        return care_says(world, unit, c.care)
    return stays_say(world, unit, c.stays)


def looked_back(world: World, unit: Unit, before: date | None, within: str | None) -> str:
    if within is None:
        return YES if before else BEFORE if world.begins else NO
    earliest = sooner(world, unit.day, within)
    if world.begins and world.begins > earliest:
        return BEFORE
    return YES if before and before >= earliest else NO


def last_says(world: World, unit: Unit, spec: Any) -> str:
    events = [e for e in world.of(unit.child, spec) if e.day <= unit.day]
    event = max(events, key=lambda e: (e.day, e.place), default=None)
    if event and not spec.ever and event.day < unit.start:
        event = None
    result = UNKNOWN if event is None else says(event, spec.is_)
    for name, limit in spec.at_most.items():
        if event is not None and result != NO:
            value = event.attributes.get(name)
            result = UNKNOWN if value is None else result if value <= limit else NO
    if spec.within:
        earliest = sooner(world, unit.day, spec.within)
        if event is None or event.day < earliest:
            return BEFORE if world.begins and world.begins > earliest else NO
    return result


def around_says(world: World, unit: Unit, spec: Any) -> str:
    first, last = sooner(world, unit.day, spec.before), later(world, unit.day, spec.after)
    events = [e for e in world.of(unit.child, Pick(event=spec.event, where={})) if first <= e.day <= last]
    if not events:
        return UNKNOWN if last > world.last else NO
    near = min(abs((e.day - unit.day).days) for e in events)
    before = [e for e in events if (unit.day - e.day).days == near]
    event = (
        max(before, key=lambda e: e.place) if before else min((e for e in events if (e.day - unit.day).days == near), key=lambda e: e.place)
    )
    return says(event, spec.is_, NO)


def flags_say(world: World, unit: Unit, spec: Any, every: list[Unit]) -> str:
    result = UNKNOWN
    rank = {UNKNOWN: 0, YES: 1}
    starts = [u.start for u in every if u.child == unit.child]
    for flag in flags_of(world, spec.rules):
        if flag["child"] != unit.child or not unit.start <= flag["start"] <= unit.day:
            continue
        if max(s for s in starts if s <= flag["start"]) != unit.start:
            continue
        if flag["status"] in spec.none:
            return NO
        if flag["status"] == "cannot_tell":
            result = BEFORE if flag["reason"] == "before_records" or result == BEFORE else "unclear"
        elif result in rank:
            result = YES
    return UNKNOWN if result == "unclear" else result


def care_says(world: World, unit: Unit, spec: Any) -> str:
    born = world.born[unit.child]
    if born is None:
        return UNKNOWN
    since, reaching = birthday(born, spec.since_age), birthday(born, spec.reaching_age)
    days = set()
    for a, b in spans(world, unit.child, spec.period):
        end = min(b.day if b else world.last + timedelta(days=1), unit.day)
        days |= {a.day + timedelta(days=i) for i in range(max((end - a.day).days, 0))}
    counted = [d for d in days if d >= since]
    return YES if len(counted) >= int(spec.at_least.split()[0]) and any(d >= reaching for d in days) else NO


def stays_say(world: World, unit: Unit, spec: Any) -> str:
    starts = world.of(unit.child, Pick(event=spec.event, where={}))
    ends = world.of(unit.child, Pick(event=spec.end, where={}))
    stays: list[list[Any]] = []
    away = False
    for i, start in enumerate(starts):
        kind = start.attributes.get(spec.attribute)
        following = [e.day for e in starts[i + 1 : i + 2]] + [e.day for e in ends if e.day > start.day]
        end = min(following, default=None)
        if kind in spec.temporary:
            away = True
            continue
        same = stays and (kind in spec.continues or (away and kind == stays[-1][2]))
        if same:
            stays[-1][1:] = [end, kind]
        else:
            stays.append([start.day, end, kind])
        away = False
    if not stays:
        return UNKNOWN
    if any(s.attributes.get(spec.attribute) is None for s in starts):
        return UNKNOWN
    if spec.lasted:
        if stays[-1][1] is not None:
            return UNKNOWN
        return YES if unit.day >= later(world, stays[-1][0], spec.lasted) else NO
    since = sooner(world, unit.day, spec.within)
    counted = [
        s for s in stays if (s[1] is None or s[1] > since) and (min(s[1] or unit.day, unit.day) - s[0]).days >= int(spec.each.split()[0])
    ]
    if len(counted) >= spec.at_least:
        return YES
    return BEFORE if world.begins and world.begins > max(since, unit.start) else NO


# ------------------------------------------------------------------------------------------------------------ figures


def figure(world: World, measure: Measure, first: date) -> dict[str, Any]:
    """The counts of a measure from a first day to the last."""
    compute = measure.compute
    assert compute
    every = units_of(world, compute)
    states: list[tuple[str, str, int | None]] = []
    for unit in every:
        if not first <= unit.day <= world.last:
            continue
        only = [holds(world, unit, c, every) for c in compute.only]
        if NO in only:
            continue
        counts = [holds(world, unit, c, every) for c in compute.counts] + ([unit.met] if unit.met else [])
        said = only if set(only) - {YES} else counts
        state = NO if NO in said else BEFORE if BEFORE in said else UNKNOWN if UNKNOWN in said else YES
        states.append((unit.child, unit.known if unit.known != YES else state, unit.value))
    if compute.each == "child":
        worst = {}
        for child, state, _ in states:
            order = (YES, ASIDE, UNKNOWN, BEFORE, NO)
            worst[child] = max(worst.get(child, YES), state, key=order.index)
        states = [(child, state, None) for child, state in worst.items()]
    n = {state: sum(s == state for _, s, _ in states) for state in (YES, NO, UNKNOWN, BEFORE, ASIDE)}
    values = sorted(v for _, s, v in states if s in (YES, NO) and v is not None)
    bands, lower = [], -(10**9)
    for band in compute.bands:
        upper = 10**9 if band.to is None else band.to
        bands.append(sum(lower < v <= upper for v in values))
        lower = upper
    return {
        "numerator": n[YES],
        "denominator": n[YES] + n[NO],
        "cannot_tell": n[UNKNOWN],
        "before_records": n[BEFORE],
        "aside": n[ASIDE],
        "bands": bands,
        "mean": float(np.mean(values)) if values else None,
    }
