"""What a timescale rule means, one child and one day at a time: slow, obvious, and readable as the specification.

The engine works on columns and must give the same answers; `test_engine_agrees.py` compares them. Nothing of the engine
is used here: dates are `datetime.date`, working days are walked one by one, months come from dateutil, clocks from
zoneinfo, and the holidays from the same file that the rule set holds.

How time is read
    An event recorded with a date alone happened at some moment of that UK day. An event with a time happened then; in
    the hour that occurs twice when the clocks go back, at one of two moments. So every event has an earliest and a
    latest moment. `A comes before B for certain` means that A's latest is before B's earliest.
    The record keeps events in order of their latest moment, and in the order given where those are equal.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.schema import DateOf, During, NextOpening, Not, Only, Parameter, TimescaleRule

UK = ZoneInfo("Europe/London")
ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)


def _read_holidays() -> frozenset[date]:
    path = Path(__file__).parent.parent / "rules" / "bank_holidays.csv"
    with path.open(encoding="utf-8") as file:
        return frozenset(date.fromisoformat(row["date"]) for row in csv.DictReader(file) if row["name"] != "announced to")


HOLIDAYS = _read_holidays()


# ------------------------------------------------------------------------------------------------------- the record


@dataclass(frozen=True, eq=False)
class Event:
    """Something that happened to the child. `at` is a date; or a time, in UK local time unless it carries an offset.

    Two records of the same thing are two events: events are compared by identity.
    """

    kind: str
    at: date | datetime
    ref: str | None = None
    attributes: Mapping[str, bool | int | str] = field(default_factory=dict)
    recorded: date | None = None
    latest_only: bool = False
    suspect: bool = False

    @property
    def timed(self) -> bool:
        return isinstance(self.at, datetime)

    @cached_property
    def earliest(self) -> datetime:
        if not isinstance(self.at, datetime):
            return day_begins(self.at)
        return (self.at if self.at.tzinfo else self.at.replace(tzinfo=UK, fold=0)).astimezone(UTC)

    @cached_property
    def latest(self) -> datetime:
        if not isinstance(self.at, datetime):
            return day_ends(self.at)
        return (self.at if self.at.tzinfo else self.at.replace(tzinfo=UK, fold=1)).astimezone(UTC)

    @cached_property
    def day(self) -> date:
        return self.earliest.astimezone(UK).date() if isinstance(self.at, datetime) else self.at


@dataclass(frozen=True)
class Child:
    """One child: events in the order given, and dates of birth where known."""

    events: tuple[Event, ...]
    born: date | None = None
    expected: date | None = None


@dataclass(frozen=True)
class Covers:
    """Which kinds of event the source can hold (None: every kind), from which day and until which ("" for kinds not named)."""

    kinds: frozenset[str] | None = None
    since: Mapping[str, date] = field(default_factory=dict)
    until: Mapping[str, date] = field(default_factory=dict)
    whole: frozenset[tuple[str, str]] = frozenset()  # a start and its answer that the source holds together, however old


@dataclass(frozen=True)
class Flag:
    """What is said of one duty. Events are given by their place in the child's list; a birthday by its date."""

    edition: date
    rung: int
    trigger: int
    start: date
    due: date | None
    due_at: datetime | None
    due_by: datetime | None
    answer: int | None
    end: int | date | None
    status: str
    reason: str


# --------------------------------------------------------------------------------------------------- days and clocks


def day_begins(day: date) -> datetime:
    return datetime.combine(day, time(), UK).astimezone(UTC)


def day_ends(day: date) -> datetime:
    return day_begins(day + ONE_DAY) - ONE_SECOND


def working(day: date) -> bool:
    """Monday to Friday, and neither Christmas Day, Good Friday nor a bank holiday in England."""
    return day.weekday() < 5 and day not in HOLIDAYS


def working_day_after(day: date, n: int) -> date:
    """The n-th working day after a day, whatever day of the week it is."""
    while n > 0:
        day += ONE_DAY
        if working(day):
            n -= 1
    return day


def working_day_before(day: date, n: int) -> date:
    while n > 0:
        day -= ONE_DAY
        if working(day):
            n -= 1
    return day


def length_of(text: str) -> tuple[int, str]:
    n, unit = text.split(" ", 1)
    return int(n), unit.removesuffix("s")


def last_day(start: date, length: str, count_from: str = "next_day") -> date:
    """The last day on time. The start is day 0; with `same_day` it is day 1. Never moved off a weekend or holiday."""
    n, unit = length_of(length)
    first_counts = count_from == "same_day"
    match unit:
        case "working day":
            if n and first_counts and working(start):
                return working_day_after(start, n - 1)
            return working_day_after(start, n)
        case "clear day":  # neither the first nor the last day counts; seven days or fewer are business days
            return working_day_after(start, n) if n <= 7 else start + timedelta(days=n)
        case "day" | "week":
            days = n * (7 if unit == "week" else 1)
            return start + timedelta(days=max(days - 1, 0) if first_counts else days)
        case "calendar week":  # Monday to Sunday: the Sunday of the n-th week after the one it starts in
            return start + timedelta(days=6 - start.weekday() + 7 * n)
        case "month" | "year":
            moved = start + (relativedelta(months=n) if unit == "month" else relativedelta(years=n))
            return moved - ONE_DAY if first_counts else moved
    raise AssertionError(length)


def last_day_before(event: date, length: str) -> date:
    """The last day on time for something due this long before an event."""
    n, unit = length_of(length)
    match unit:
        case "working day":
            return working_day_before(event, n)
        case "clear day":
            return working_day_before(event, n + 1) if n <= 7 else event - timedelta(days=n + 1)
        case "day" | "week" | "calendar week":
            return event - timedelta(days=n * (1 if unit == "day" else 7))
        case "month" | "year":
            return event - (relativedelta(months=n) if unit == "month" else relativedelta(years=n))
    raise AssertionError(length)


def clock_runs_out(start: datetime, length: str, opening: str) -> datetime:
    """Hours pass as they pass, also when the clocks change; service hours only while the hub is open."""
    n, unit = length_of(length)
    left = timedelta(hours=n)
    if unit == "hour":
        return start + left
    opens, closes = (time.fromisoformat(t) for t in opening.split(" to "))
    day = start.astimezone(UK).date()
    while True:
        if working(day):
            begin = max(start, datetime.combine(day, opens, UK).astimezone(UTC))
            close = datetime.combine(day, closes, UK).astimezone(UTC)
            if begin < close and close - begin >= left:
                return begin + left
            left -= max(close - begin, timedelta())
        day += ONE_DAY


def opening_after(start: datetime, at: str) -> datetime:
    """The first time after this moment that it is `at` on a working day."""
    day = start.astimezone(UK).date()
    while not (working(day) and datetime.combine(day, time.fromisoformat(at), UK) > start):
        day += ONE_DAY
    return datetime.combine(day, time.fromisoformat(at), UK).astimezone(UTC)


def noon_day(day: date) -> date:
    """The first day, from this one on, that is not a Sunday or a holiday."""
    while day.weekday() == 6 or day in HOLIDAYS:
        day += ONE_DAY
    return day


def birthday(born: date, age: int) -> date:
    """29 February becomes 1 March where the year has none."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


# -------------------------------------------------------------------------------------------------- what events record


def meets(event: Event, where: Mapping[str, Any]) -> str:
    """`yes`, `no`, or `unsure` where a required attribute is not recorded; `{not: x}` takes not recorded as not x."""
    answer = "yes"
    for name, test in where.items():
        if name not in event.attributes:
            if isinstance(test, Only):
                return "no"
            answer = answer if isinstance(test, Not) else "unsure"
        elif not _passes(event.attributes[name], test):
            return "no"
    return answer


def _passes(value: Any, test: Any) -> bool:
    if isinstance(test, Not):
        return not any(_same(value, t) for t in test.not_)
    if isinstance(test, Only):
        return any(_same(value, t) for t in test.only)
    return any(_same(value, t) for t in (test if isinstance(test, list) else [test]))


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


def date_in(event: Event, attribute: str) -> Event | None:
    """The same event at the date (or time) that one of its attributes names; None where that is missing or no date."""
    text = str(event.attributes.get(attribute, ""))
    try:
        return replace(event, at=date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text))
    except ValueError:
        return None


def day_in(event: Event, attribute: str) -> date | None:
    """The day that one of the event's attributes names."""
    written = date_in(event, attribute)
    return None if written is None else written.day


# --------------------------------------------------------------------------------------------------------- one duty


@dataclass(frozen=True)
class Due:
    """When a clock runs out: a day; and for an hour clock the earliest and latest moment it can be."""

    day: date | None
    at: datetime | None = None
    by: datetime | None = None


@dataclass(frozen=True)
class Duty:
    """One duty while it is worked out. `clock` is the trigger; or the trigger as if at the date written in it."""

    rule: TimescaleRule
    trigger: Event
    clock: Event
    unsure: bool = False
    reason: str = ""
    end: Event | date | None = None
    first_plan: Event | None = None
    rung: int = 0
    stretch: Stretch | None = None
    carried: bool = False
    used: Event | None = None

    @property
    def start(self) -> date:
        return self.clock.day

    @property
    def begins(self) -> date:
        """The day it begins to be owed under its rule: later than its start where it was carried into a part."""
        return self.stretch.first if self.carried and self.stretch is not None else self.start


@dataclass(frozen=True, eq=False)
class Stretch:
    """Days on which one part of a regime is in force: from `first` up to and without `after` (None while it is).

    `ended` is the last event on that day, None where only time passed. `carry` is the day from which an event may have
    started a clock that is running on the first day.
    """

    part: str
    first: date
    after: date | None
    ended: Event | None
    carry: date | None


def flags(
    rule_id: str, book: RuleBook, child: Child, as_of: date | datetime, as_known: date | None = None, covers: Covers = Covers()
) -> list[Flag]:
    """Every flag that the editions of one rule give for one child."""
    return Oracle(rule_id, book, child, as_of, as_known, covers).flags()


class Oracle:
    """One rule (all its editions), one child, one moment of looking."""

    def __init__(self, rule_id: str, book: RuleBook, child: Child, as_of: date | datetime, as_known: date | None, covers: Covers) -> None:
        in_force = [r.spec for r in book.rules if r.id == rule_id and r.spec.stage == "in_force"]
        self.editions = sorted(in_force, key=lambda s: s.effective.from_)
        self.book, self.covers = book, covers
        self.child = replace(child, events=tuple(replace(e) for e in child.events))
        self.as_of_day = as_of.astimezone(UK).date() if isinstance(as_of, datetime) else as_of
        self.as_of = as_of.astimezone(UTC) if isinstance(as_of, datetime) else day_ends(as_of)
        exists = [e for e in self.child.events if self._exists(e, as_known)]
        self.place = {e: i for i, e in enumerate(self.child.events)}
        self.events = sorted(exists, key=self.position)
        self._periods: dict[str, list[tuple[Event, Event | None]]] = {}
        self._stretches: dict[str, list[Stretch]] = {}
        self.opening = str(book.parameters["service_hours"].value) if "service_hours" in book.parameters else "09:00 to 17:00"

    def _exists(self, event: Event, as_known: date | None) -> bool:
        """Only what had happened by the as-of moment, and had been recorded by the as-known day, exists."""
        if as_known is not None and event.recorded is not None and event.recorded > as_known:
            return False
        return event.day <= self.as_of_day and event.earliest <= self.as_of

    def position(self, event: Event) -> tuple[datetime, int]:
        """An event's place in the record."""
        return event.latest, self.place[event]

    def value(self, given: Any) -> Any:
        return self.book.parameters[given.parameter].value if isinstance(given, Parameter) else given

    def found(self, kinds: Sequence[str], where: Mapping[str, Any], *wanted: str, quality: str | None = None) -> list[Event]:
        """The events of some kinds that meet a `where` for sure (`yes`) or perhaps (`unsure`), in order."""
        return [e for e in self.events if e.kind in kinds and meets(e, where) in wanted and self.counts(e, quality)]

    def counts(self, event: Event, name: str | None) -> bool:
        """Whether an event has the quality that a rule names; an event of another kind needs none."""
        quality = self.book.qualities[name] if name else None
        if quality is None or event.kind != quality.event:
            return True
        windows = [w.where for w in quality.also if w.from_ <= event.day <= w.to]
        return any(meets(event, where) == "yes" for where in (quality.where, *windows))

    def answers(self, rule: TimescaleRule, *wanted: str) -> list[Event]:
        """The events that answer a rule for sure, or perhaps."""
        assert rule.expect is not None
        return self.found(rule.expect.event, rule.expect.where, *wanted, quality=rule.expect.quality)

    def suspect(self, event: Event) -> bool:
        """Whether its date cannot be right: marked so, before conception, or needing a child who had died."""
        birth = self.child.born or self.child.expected
        deaths = [e.day for e in self.events if e.kind == "child_died"]
        return (
            event.suspect
            or (birth is not None and event.day < birth - timedelta(days=280))
            or (bool(deaths) and self.book.events[event.kind].with_child and event.day > min(deaths))
        )

    # -- what belongs together

    def belongs(self, event: Event, link: str) -> str | None:
        """Which referral (or enquiry, or plan) an event says it belongs to.

        `R1/S2` is enquiry S2 within referral R1. One part alone names an outer level, where the child's other events
        use that name for it; or else the event's own, innermost level: by the one whole name of this child's that ends
        in it (if there are several, it does not say which), or by itself.
        """
        path = self.book.events[event.kind].ref
        if event.ref is None or link not in path:
            return None
        if len(path) == 1 or "/" in event.ref:
            return self._written(event, link)
        outer = [level for level in path[:-1] if event.ref in {self._written(e, level) for e in self.events}]
        if link != path[-1]:
            return event.ref if link in outer else None
        if outer:
            return None
        whole = {name for e in self.events if (name := self._written(e, link)) and name.endswith(f"/{event.ref}")}
        return event.ref if not whole else whole.pop() if len(whole) == 1 else None

    def _written(self, event: Event, link: str) -> str | None:
        """The name that a ref with all its parts gives at a level."""
        path = self.book.events[event.kind].ref
        parts = event.ref.split("/") if event.ref is not None else []
        return "/".join(parts[: path.index(link) + 1]) if link in path and len(parts) == len(path) else None

    def shares(self, a: Event, b: Event, link: str | None) -> bool:
        """Whether two events belong together, or one of them does not say."""
        if link is None:
            return True
        mine, theirs = self.belongs(a, link), self.belongs(b, link)
        return mine is None or theirs is None or mine == theirs

    def following(self, start: Event, candidates: Sequence[Event], link: str | None, trigger: Event | None = None) -> Iterator[Event]:
        """Those of the candidates that come at or after the start, in order, never the trigger itself.

        On the same day they count unless both have times and the candidate's is earlier. Where the trigger is itself
        one of the candidates, only what stands after it in the record does: two visits on one day do not answer
        each other.
        """
        trigger = trigger or start
        among = any(e is trigger for e in candidates)
        for event in candidates:
            if event is trigger or event.latest < start.earliest or not self.shares(trigger, event, link):
                continue
            if among and self.position(event) < self.position(trigger):
                continue
            yield event

    # -- what starts the duty

    def flags(self) -> list[Flag]:
        if not self.editions:
            return []
        spec = self.editions[-1]
        needed = [spec.when.event, *([spec.expect.event] if spec.expect else []), *([spec.when.after.event] if spec.when.after else [])]
        if self.part_of(spec):
            needed.append([k for p in self.book.regimes[self.part_of(spec)[0]].during for k in self.book.periods[p].start])
        elif spec.during:
            needed.append(self.book.periods[spec.during if isinstance(spec.during, str) else spec.during.period].start)
        if self.covers.kinds is not None and any(not self.covers.kinds & set(kinds) for kinds in needed):
            return []
        duties = self.starts()
        if spec.before:
            duties = self.latest_plans(duties)
        if spec.every:
            duties = self.one_chain_at_a_time(duties)
        result: list[Flag | None] = []
        before: dict[date, Any] = {}
        answered: dict[date, Event] = {}
        for duty in duties:
            if self.age_passed(duty):
                continue
            if duty.rule.expect is None:
                result.append(self.noted(duty))
                continue
            duty = replace(duty, end=self.end_of(duty))
            may_be_over = duty.carried or duty.rule.when.at_age is not None
            if may_be_over and duty.end is not None and self.day_of(duty.end) < duty.begins:
                continue  # something had ended it before it could be carried in, or before the birthday
            if duty.rule.every:
                result.extend(self.chain(duty))
                continue
            edition = duty.rule.effective.from_
            used = answered.get(edition)
            if used is not None and not duty.rule.expect.again and self.position(used) < self.position(duty.trigger):
                duty = replace(duty, used=used)  # what answered one duty is no earlier answer to the next
            # A count reached again while the duty it started is still open is the same duty.
            outcome = (self.answer_to(duty), self.day_of(duty.end) if duty.end is not None else None)
            if outcome[0] is not None:
                answered[edition] = outcome[0]
            if not (duty.rule.when.after and edition in before and before[edition] == outcome):
                result.append(self.once(duty))
            before[edition] = outcome
        return [f for f in result if f is not None]

    def edition_on(self, day: date) -> TimescaleRule | None:
        """The edition in force on a day: the last that had begun, unless it had ended."""
        begun = [s for s in self.editions if s.effective.from_ <= day]
        return begun[-1] if begun and (begun[-1].effective.to is None or day <= begun[-1].effective.to) else None

    def starts(self) -> list[Duty]:
        """Every event that starts the duty, under the edition in force on the day it starts."""
        duties = []
        kinds = {k for s in self.editions for k in s.when.event}
        for event in self.events:
            if event.kind not in kinds:
                continue
            for spec in self.editions:
                duty = self._start(event, spec)
                if spec.when.pick == "first" and not spec.every and event.latest_only:
                    continue  # the latest date of a kind is not known to be the first
                if duty is not None and self.edition_on(duty.start) is spec and self.enough_before(duty):
                    duties.append(duty)
        duties += self.carried_in()
        if not duties:
            return []
        during, pick = duties[0].rule.during, duties[0].rule.when.pick
        group: dict[Any, list[Duty]] = {}
        if self.part_of(duties[0].rule):
            duties = self.in_their_part(duties)
        for duty in duties:
            if duty.stretch is not None:
                group.setdefault((duty.stretch.first, duty.trigger if pick == "each" else None), []).append(duty)
            elif during is None:
                group.setdefault(duty.trigger if pick == "each" else self.picked_among(duty), []).append(duty)
            else:
                period = self.period_at(duty)
                if period is not None:
                    told = [self.covers.since.get(kind, self.covers.since.get("")) for kind in duty.rule.when.event]
                    since = max((day for day in told if day is not None), default=date.min)
                    unknown = "before_records" if pick == "first" and period[0].day < since else ""  # the first may be before the records
                    duty = replace(duty, end=period[1], reason=duty.reason or unknown)
                    group.setdefault(duty.trigger if pick == "each" else self.position(period[0]), []).append(duty)
        picked = [d[-1] if pick == "last" else d[0] for d in group.values()] if pick != "each" else [d for ds in group.values() for d in ds]
        return sorted(picked, key=lambda d: self.position(d.trigger))

    # -- the part of a regime a duty lives in

    def part_of(self, rule: TimescaleRule) -> Any:
        """The name of the regime and of the part that a rule names in `during`; None where it names no part."""
        name = rule.during.period if isinstance(rule.during, During) else rule.during
        return next(((r, p.id) for r, regime in self.book.regimes.items() for p in regime.parts if p.id == name), None)

    def in_their_part(self, duties: list[Duty]) -> list[Duty]:
        """Those that start while their part is in force, each ended by its end; carried ones have theirs already."""
        result = [d for d in duties if d.carried]
        for duty in duties:
            regime, part = self.part_of(duty.rule)
            for stretch in self.stretches(regime):
                if stretch.part == part and not duty.carried and stretch.first <= duty.start and not self.over(stretch, duty.start):
                    result.append(replace(duty, stretch=stretch, end=stretch.ended or stretch.after))
        return sorted(result, key=lambda d: self.position(d.trigger))

    def over(self, stretch: Stretch, day: date) -> bool:
        return stretch.after is not None and day >= stretch.after

    def carried_in(self) -> list[Duty]:
        """For each stretch of a rule's part, the clock that was running when it began, unless an event of that day starts one."""
        result = []
        for spec in self.editions:
            if not (isinstance(spec.during, During) and spec.during.carry_in):
                continue
            regime, part = self.part_of(spec)
            starts = [duty for event in self.events if (duty := self._start(event, spec)) is not None]
            for stretch in self.stretches(regime):
                if stretch.part != part or self.edition_on(stretch.first) is not spec:
                    continue
                if stretch.carry is None or any(d.trigger.day == stretch.first for d in starts):
                    continue
                running = [d for d in starts if stretch.carry <= d.trigger.day < stretch.first]
                if not running:
                    continue
                last = running[-1]
                answer = next(self.following(last.trigger, self.answers(spec, "yes"), None), None)
                if answer is None or answer.day >= stretch.first:
                    result.append(replace(last, stretch=stretch, carried=True, end=stretch.ended or stretch.after))
        return result

    def open_on(self, period: str, day: date) -> Event | None:
        """What opened the period that is open on a day; what is recorded on a day counts on that day."""
        spans = [span for span in self.periods(period) if span[0].day <= day]
        if not spans or (spans[-1][1] is not None and spans[-1][1].day <= day):
            return None
        return spans[-1][0]

    def known(self, regime: Any, name: str, day: date) -> Any:
        """What a state was last recorded to be, since its period began; None where that is not known."""
        state = regime.states[name]
        opened = self.open_on(state.during, day)
        said: list[tuple[Any, Any]] = []
        for event in self.events:
            if opened is None or not opened.day <= event.day <= day:
                continue
            if event.kind in state.from_ and (state.attribute or name) in event.attributes:
                said.append(((event.day, 1, self.position(event)), event.attributes[state.attribute or name]))
            for item in state.set_:
                if event.kind in item.event:
                    said.append(((event.day, 1, self.position(event)), item.to))
            if event.kind in state.forget:
                said.append(((event.day, 0, self.position(event)), None))
        return max(said, key=lambda s: s[0])[1] if said else None

    def set_to(self, setting: Mapping[str, Any]) -> bool:
        """Whether the local values are what a setting wants."""
        return all(self.value(Parameter(parameter=name)) == wanted for name, wanted in setting.items())

    def holds(self, regime: Any, condition: Any, day: date) -> bool:
        """Whether everything that a condition asks is so on a day."""
        if not self.set_to(condition.setting):
            return False
        if (condition.from_ and day < condition.from_) or (condition.to and day > condition.to):
            return False
        if any(self.open_on(p, day) is None for p in condition.open) or any(self.open_on(p, day) for p in condition.not_open):
            return False
        for name, test in condition.where.items():
            value = self.known(regime, name, day)
            if not (isinstance(test, Not) if value is None else _passes(value, test)):
                return False
        for period, length in condition.longer_than.items():
            opened = self.open_on(period, day)
            passed = last_day(opened.day, self.value(length)) if opened else day
            if day <= passed:
                return False
            if condition.then is not None and self.set_to(condition.then.setting):
                since = self.found(condition.then.event, {}, "yes", quality=condition.then.quality)
                if not any(passed < e.day <= day for e in since):
                    return False
        return True

    def part_on(self, name: str, day: date) -> str | None:
        """The one part in force on a day: the first that fits, where any of the regime's periods is open."""
        regime = self.book.regimes[name]
        if not any(self.open_on(period, day) for period in regime.during):
            return None
        return next((p.id for p in regime.parts if not p.any or any(self.holds(regime, c, day) for c in p.any)), None)

    def stretches(self, name: str) -> list[Stretch]:
        """The whole of a regime, day after day."""
        if name in self._stretches:
            return self._stretches[name]
        regime = self.book.regimes[name]
        result: list[Stretch] = []
        day = min((e.day for e in self.events), default=self.as_of_day)
        before: tuple[Any, ...] = (None,)
        while day <= self.as_of_day:
            part = self.part_on(name, day)
            anew = tuple(self.open_on(period, day) for period in regime.anew)
            begins = part != before[0] or any(now is not None and now is not was for now, was in zip(anew, before[1:], strict=False))
            if begins:
                last = [e for e in self.events if e.day == day and e.kind in self._moving(regime)]
                if result and result[-1].after is None:
                    result[-1] = replace(result[-1], after=day, ended=last[-1] if last else None)
                if part is not None:
                    carry = next((o.day for period in regime.carry if (o := self.open_on(period, day)) is not None), None)
                    result.append(Stretch(part, day, None, None, carry))
            before = (part, *anew)
            day += ONE_DAY
        self._stretches[name] = result
        return result

    def _moving(self, regime: Any) -> set[str]:
        """The kinds of event on whose day a regime may change."""
        conditions = [c for part in regime.parts for c in part.any]
        periods = {*regime.during, *regime.anew, *regime.carry, *(s.during for s in regime.states.values())}
        periods |= {p for c in conditions for p in (*c.open, *c.not_open, *c.longer_than)}
        kinds = {k for p in periods for k in (*self.book.periods[p].start, *self.book.periods[p].end, *self.book.periods[p].end_later)}
        for state in regime.states.values():
            kinds |= {*state.from_, *state.forget, *(k for item in state.set_ for k in item.event)}
        return kinds | {k for c in conditions if c.then and self.set_to(c.then.setting) for k in c.then.event}

    # -- ages

    def picked_among(self, duty: Duty) -> Any:
        """What one is picked among: the child's; or, with a link, those that share it (each that does not say)."""
        return (self.belongs(duty.trigger, duty.rule.link) or duty.trigger) if duty.rule.link else ""

    def age_passed(self, duty: Duty) -> bool:
        """Whether the child was already past an age that ends the duty: then nothing is owed."""
        for item in self.book.until(duty.rule):
            if item.event == ["birthday"] and self.child.born and meets(duty.trigger, item.if_) != "no":
                ages = item.where["age"]
                for age in ages if isinstance(ages, list) else [ages]:
                    if birthday(self.child.born, int(age)) < duty.begins:  # type: ignore[arg-type]
                        return True
        return False

    def _start(self, event: Event, spec: TimescaleRule) -> Duty | None:
        answer = meets(event, spec.when.where)
        if event.kind not in spec.when.event or answer == "no" or not self.counts(event, spec.when.quality):
            return None
        if spec.before and spec.before.attribute == "expected_birth" and self.child.born and event.day > self.child.born:
            return None  # nothing is due before a birth that has happened
        clock = date_in(event, spec.when.date) if spec.when.date is not None else event
        if spec.when.at_age is not None:
            day = birthday(self.child.born, spec.when.at_age) if self.child.born else None
            if day is not None and day > self.as_of_day:
                return None  # not yet owed
            clock = None if day is None else replace(event, at=day) if day > event.day else event
        if spec.when.turning is not None and self.child.born:
            last = last_day((clock or event).day, self.value(spec.when.turning.within))
            if birthday(self.child.born, spec.when.turning.age) > last:
                return None  # younger for too long: another limit governs
        return Duty(spec, event, clock or event, answer == "unsure", "" if clock else "no_date")

    def enough_before(self, duty: Duty) -> bool:
        """Whether enough events came in the window before this one, counting afresh after each answer."""
        after = duty.rule.when.after
        if after is None:
            return True
        counted = self.found(after.event, after.where, "yes", *(["unsure"] if after.at_most == 0 else []))
        if any(e is duty.trigger for e in counted):
            before = [e for e in counted if self.position(e) < self.position(duty.trigger)]
        else:  # of another kind: the same day counts, unless both have times and this one's is earlier
            before = [e for e in counted if e.day <= duty.trigger.day and not e.earliest > duty.trigger.latest]
        if after.earlier_day:
            before = [e for e in counted if e.day < duty.trigger.day]
        n = int(self.value(after.at_least))
        enough = len(before) >= n
        if enough and after.within is not None:
            enough = duty.trigger.day <= last_day(before[-n].day, self.value(after.within), after.count_from)
        if after.at_most == 0 or not enough:
            return enough != (after.at_most == 0)
        first = before[-n]
        if duty.rule.expect is None:
            return True
        answers = self.answers(duty.rule, "yes", "unsure")
        return not any(a.latest >= first.earliest and a.latest < duty.trigger.earliest for a in answers)

    # -- periods

    def periods(self, name: str) -> list[tuple[Event, Event | None]]:
        """Each span of a period: what opened it and what closed it.

        A start while it is open is the same period. On one day (unless times say otherwise) an ending comes before a
        start, unless nothing was open to end.
        """
        kind = self.book.periods[name]
        if name in self._periods:
            return self._periods[name]
        spans: list[tuple[Event, Event | None]] = []
        opened: Event | None = None
        events = [e for e in self.events if e.kind in (*kind.start, *kind.end, *kind.end_later)]
        for day in sorted({e.day for e in events}):
            today = [e for e in events if e.day == day and e.kind in (*kind.start, *kind.end)]
            later = [e for e in events if e.day == day and e.kind in kind.end_later]
            if opened is not None and later:  # a move elsewhere, before anything that begins on that day
                spans.append((opened, later[0]))
                opened = None
            queue = sorted(today, key=lambda e: (self._within_day(e, e.kind in kind.start), self.place[e]))
            i = 0
            while i < len(queue):
                event = queue[i]
                if event.kind in kind.start and opened is not None and kind.restarts:
                    spans.append((opened, event))
                    opened = event
                elif event.kind in kind.start:
                    opened = opened or event
                elif opened is not None:
                    spans.append((opened, event))
                    opened = None
                elif i + 1 < len(queue) and queue[i + 1].kind in kind.start:  # nothing was open: it ends what starts today
                    spans.append((queue[i + 1], event))
                    i += 1
                i += 1
        self._periods[name] = [*spans, *([(opened, None)] if opened else [])]
        return self._periods[name]

    def _within_day(self, event: Event, starts: bool) -> timedelta:
        if event.timed:
            return event.earliest - day_begins(event.day)
        return ONE_DAY if starts else -ONE_SECOND

    def period_at(self, duty: Duty) -> tuple[Event, Event | None] | None:
        """The period, or the part of it, that the duty starts in; the day it ends is still inside."""
        during = duty.rule.during if isinstance(duty.rule.during, During) else During(period=str(duty.rule.during))
        begun = [p for p in self.periods(during.period) if p[0].day <= duty.start]
        if not begun:
            return None
        opened, closed = begun[-1]
        if closed is not None and duty.start > closed.day:
            return None
        if during.first or during.after:
            change = last_day(opened.day, self.value(during.first or during.after))
            if opened.latest_only:  # a list of latest dates says only that it had begun by then
                return None if during.first else (opened, closed)
            reaches = last_day(duty.start, self.value(during.lead)) if during.lead else duty.start
            if (reaches > change) if during.first else (reaches <= change):
                return None
        return opened, closed

    # -- what ends it first

    def end_of(self, duty: Duty) -> Event | date | None:
        """The first event, at or after the trigger, that ends the duty.

        Of two endings on one day the one with the earlier time counts; else the end of the period, then a new start of
        the same duty, then the ending that the rule names first.
        """
        end = duty.end
        for item in self.book.until(duty.rule):
            if meets(duty.trigger, item.if_) == "no":
                continue
            if item.event == ["birthday"]:
                ages = item.where["age"]
                for age in ages if isinstance(ages, list) else [ages]:
                    day = birthday(self.child.born, int(age)) if self.child.born else None  # type: ignore[arg-type]
                    if self.value(item.running) == "goes on":
                        continue
                    if day is not None and duty.begins <= day <= self.as_of_day and (end is None or day < self.day_of(end)):
                        end = day
                continue
            link = duty.rule.link if any(duty.rule.link in self.book.events[k].ref for k in item.event) else None
            for event in self.following(duty.trigger, self.found(item.event, item.where, "yes"), link):
                same_day = isinstance(end, Event) and event.day == end.day
                if end is None or event.day < self.day_of(end) or (same_day and event.latest < end.latest):
                    end = event
                break
        return end

    def day_of(self, end: Event | date) -> date:
        return end.day if isinstance(end, Event) else end

    def too_late(self, answer: Event, end: Event | date | None) -> bool:
        """Whether an answer came after the duty had ended: on a later day, or at a later time where both have one."""
        if end is None or answer.day < self.day_of(end):
            return False
        return answer.day > self.day_of(end) or (isinstance(end, Event) and answer.earliest > end.latest)

    # -- the clock

    def due_after(self, duty: Duty, length: str) -> Due:
        """When a clock of this length runs out."""
        if "hour" not in length:
            return Due(last_day(duty.start, length, duty.rule.count_from))
        return self._moments(clock_runs_out(m, length, self.opening) for m in (duty.clock.earliest, duty.clock.latest))

    def _moments(self, moments: Iterable[datetime]) -> Due:
        at, by = moments
        return Due(at.astimezone(UK).date(), at, by)

    def due_once(self, duty: Duty) -> tuple[Due, str]:
        """The due date of a duty that happens once, and why it cannot be told."""
        spec, within = duty.rule, duty.rule.within
        if spec.before is not None:
            target = self.target(duty)
            if target is None:
                return Due(None), "no_date"
            due = last_day_before(target, self.value(spec.before.by))
            if spec.before.or_within is not None:
                due = max(due, last_day(duty.start, self.value(spec.before.or_within)))
            return Due(due), ""
        if within is None:
            return Due(None), ""
        if isinstance(within, NextOpening):
            at = str(self.value(within.next_working_day_at))
            return self._moments(opening_after(m, at) for m in (duty.clock.earliest, duty.clock.latest)), ""
        if isinstance(within, DateOf):
            written = day_in(duty.trigger, within.attribute)
            if written is None:
                return (Due(None), "no_date") if within.otherwise is None else (self.due_after(duty, self.value(within.otherwise)), "")
            if within.at_most is not None:
                limit = last_day(duty.start, self.value(within.at_most), spec.count_from)
                limit = noon_day(limit) if within.noon_after else limit
                return Due(written), "over_the_limit" if written > limit else ""
            return Due(written), ""
        return self.due_after(duty, self.value(within)), ""

    def lifted(self, duty: Duty, due: Due) -> Due:
        """No sooner than the day a clock was carried in; and no last day, where the limit was lifted for it."""
        if duty.carried and due.day is not None:
            due = replace(due, day=max(due.day, duty.begins))
        off = due.day is not None and any(days.from_ <= due.day <= days.to for days in duty.rule.lifted)
        return Due(None) if off else due

    def target(self, duty: Duty) -> date | None:
        """The day of the future event that the duty is counted back from."""
        assert duty.rule.before is not None
        if duty.rule.before.attribute == "expected_birth":
            return self.child.expected or self.child.born
        return day_in(duty.trigger, duty.rule.before.attribute)

    def extended(self, duty: Duty, due: Due) -> Due:
        """The due date after an extension granted before the limit passed: once, and never sooner than before."""
        extension = duty.rule.extension
        if extension is None or due.day is None:
            return due
        granted = next(self.following(duty.trigger, self.found(extension.event, {}, "yes"), duty.rule.link), None)
        if granted is None or granted.day > due.day:
            return due
        most = last_day(due.day, self.value(extension.by)) if extension.by is not None else None
        written = day_in(granted, extension.attribute) if extension.attribute else None
        new = min([d for d in (most, written) if d is not None], default=due.day)
        return Due(max(new, due.day))

    # -- plans, chains

    def latest_plans(self, duties: list[Duty]) -> list[Duty]:
        """A future event that moves is one duty: the latest plan for it, answered from the first plan on."""
        kept: list[Duty] = []
        for name in dict.fromkeys(self._thread(d) for d in duties):
            first: Event | None = None
            same = [d for d in duties if self._thread(d) == name]
            for duty, later in zip(same, [*same[1:], None], strict=True):
                first = first or duty.trigger
                target = self.target(duty)
                if later is None or (target is not None and later.start > target):
                    kept.append(replace(duty, first_plan=first))
                    first = None
        return sorted(kept, key=lambda d: self.position(d.trigger))

    def _thread(self, duty: Duty) -> str | None:
        return self.belongs(duty.trigger, duty.rule.link) if duty.rule.link else None

    def one_chain_at_a_time(self, duties: list[Duty]) -> list[Duty]:
        """A new start for the same thing ends the running chain; starts on one day are one start, the last."""
        result = []
        for i, duty in enumerate(duties):
            later = next((d for d in duties[i + 1 :] if self._thread(d) == self._thread(duty) and d.stretch is duty.stretch), None)
            if later is not None and later.trigger.day == duty.trigger.day:
                continue
            if later is not None:
                ends_sooner = duty.end is None or later.trigger.day < self.day_of(duty.end)
                ends_sooner |= isinstance(duty.end, Event) and later.trigger.day == duty.end.day and later.trigger.latest < duty.end.latest
                duty = replace(duty, end=later.trigger if ends_sooner else duty.end)
            result.append(duty)
        return result

    def chain(self, duty: Duty) -> list[Flag | None]:
        """Each answer stops one clock and starts the next, until the duty ends."""
        spec = duty.rule
        assert spec.expect is not None
        lengths = [*(spec.within if isinstance(spec.within, list) else [spec.within] if spec.within else []), spec.every]
        answers = self.following(duty.trigger, self.answers(spec, "yes"), spec.link)
        answers_in_time = [a for a in answers if not self.too_late(a, duty.end)]
        result = []
        step = duty
        for i, answer in enumerate([*answers_in_time, None]):
            rung = min(i, len(lengths) - 1)
            current = replace(step, rung=rung, end=duty.end if answer is None else None)
            due = self.lifted(current, self.due_after(current, self.value(lengths[rung])))
            result.append(self.settled(current, due, answer, "", duty.trigger))
            if answer is not None:
                step = replace(step, trigger=answer, clock=answer, reason="", carried=False)
        return result

    def once(self, duty: Duty) -> Flag | None:
        assert duty.rule.expect is not None
        due, why = self.due_once(duty)
        due = self.lifted(duty, self.extended(duty, due))
        return self.settled(duty, due, self.answer_to(duty), why, duty.trigger)

    def answer_to(self, duty: Duty) -> Event | None:
        """The first event that certainly answers a duty that happens once; or the second, where it asks for two."""
        spec = duty.rule
        assert spec.expect is not None
        answers = [a for a in self.coming(duty, self.answers(spec, "yes")) if not self.too_late(a, duty.end)]
        if spec.not_before is not None:  # one that comes too early is passed over where another comes in time
            earliest = last_day(duty.start, self.value(spec.not_before), spec.count_from)
            due = self.extended(duty, self.due_once(duty)[0])
            due = Due(None) if duty.reason == "no_date" else self.lifted(duty, due)
            good = [a for a in answers if a.day >= earliest and self.compare(due, a.day, a.latest, a.latest, "in", "out")[0] == "in"]
            if answers and answers[0].day < earliest and good and good[0] is next(a for a in answers if a.day >= earliest):
                return good[0]
        return answers[spec.expect.at_least - 1] if len(answers) >= spec.expect.at_least else None

    def coming(self, duty: Duty, candidates: Sequence[Event], link: str | None = "") -> Iterator[Event]:
        """The candidates from the day on which answers count: the start, the first plan, a birthday, or some time before."""
        link = duty.rule.link if link == "" else link
        if duty.rule.expect is not None and duty.rule.expect.earlier is not None:
            first = day_begins(last_day_before(duty.start, self.value(duty.rule.expect.earlier)))
            used = duty.used
            return iter([e for e in candidates if e.latest >= first and (used is None or e.latest > used.latest)])
        start = duty.first_plan or (duty.clock if duty.rule.when.at_age is not None else duty.trigger)
        return self.following(start, candidates, link, duty.trigger)

    # -- the status

    def status(self, duty: Duty, due: Due, answer: Event | None) -> tuple[str, str]:
        """Met, late or early when answered; else overdue, ended, due soon or due."""
        if answer is not None:
            if duty.rule.not_before is not None and answer.day < last_day(
                duty.start, self.value(duty.rule.not_before), duty.rule.count_from
            ):
                return "early", ""
            return self.compare(due, answer.day, answer.earliest, answer.latest, "met", "late")
        if isinstance(duty.end, Event):
            return self.compare(due, duty.end.day, duty.end.earliest, duty.end.latest, "ended", "overdue")
        if duty.end is not None:  # a birthday is reached as the day begins
            return self.compare(due, duty.end, day_begins(duty.end), day_begins(duty.end), "ended", "overdue")
        status, reason = self.compare(due, self.as_of_day, self.as_of, self.as_of, "due", "overdue")
        return ("due_soon" if status == "due" and self.soon(duty, due) else status), reason

    def compare(self, due: Due, day: date, earliest: datetime, latest: datetime, inside: str, outside: str) -> tuple[str, str]:
        """Inside the limit or outside it; an hour clock cannot tell where the moments it compares may fall either way."""
        if due.at is None or due.by is None:
            return (inside if due.day is None or day <= due.day else outside), ""
        if latest <= due.at:
            return inside, ""
        return (outside, "") if earliest > due.by else ("cannot_tell", "time_of_day")

    def soon(self, duty: Duty, due: Due) -> bool:
        """Whether the moment of looking is within the warning before the due date."""
        if duty.rule.warn is None or due.day is None:
            return False
        warn = self.value(duty.rule.warn)
        if "hour" in warn and due.at is not None:
            return self.as_of >= due.at - timedelta(hours=length_of(warn)[0])
        if "hour" in warn:  # a warning in hours on a clock counted in days: that many days, the due day included
            days = max(-(-length_of(warn)[0] // 24), 1)
            return self.as_of_day > due.day - timedelta(days=days)
        return self.as_of_day >= last_day_before(due.day, warn)

    def settled(self, duty: Duty, due: Due, answer: Event | None, why: str, chain: Event) -> Flag | None:
        """The flag: the status, then what cannot be told, the strongest reason last."""
        spec = duty.rule
        assert spec.expect is not None
        if duty.reason == "no_date":
            due = Due(None)
        status, reason = self.status(duty, due, answer)
        perhaps = self.perhaps(duty, due, chain)
        open_to_doubt = ("late", "overdue") if spec.every else ("late", "overdue", "due", "due_soon", "ended")
        if perhaps is not None and status in open_to_doubt:
            status, reason, answer = "cannot_tell", "answer_attribute", perhaps
        if answer is None and not spec.every and not spec.expect.if_recorded and spec.expect.earlier is None:
            answer = self.answered_before_it_began(duty)
            if answer is not None:
                status, reason = "cannot_tell", "impossible"
        if duty.reason or why:
            status, reason = "cannot_tell", duty.reason or why
        if duty.unsure:
            status, reason = "cannot_tell", "trigger_attribute"
        apart = [k for k in spec.expect.event if (duty.trigger.kind, k) not in self.covers.whole]
        since = [d for d in (self.covers.since.get(k, self.covers.since.get("")) for k in apart) if d is not None]
        known_from = duty.start
        if spec.expect.earlier is not None and answer is None:  # an earlier answer may be missing too
            known_from = last_day_before(duty.start, self.value(spec.expect.earlier))
        if since and known_from < max(since) and status != "ended":
            status, reason = "cannot_tell", "before_records"
        until = [self.covers.until.get(k, self.covers.until.get("")) for k in spec.expect.event]
        ended = None if None in until else max(day for day in until if day is not None)
        silent = ended is not None and ended < self.as_of_day and answer is None and (due.day is None or due.day > ended)
        if silent and status in ("overdue", "due", "due_soon"):  # silence after the last day says nothing
            status, reason = "cannot_tell", "after_records"
        later = [e for e in self.child.events if e.latest_only and e.kind in spec.expect.event and e not in self.events]
        if later and answer is None and status in ("overdue", "due", "due_soon"):  # it took the place of those before it
            status, reason = "cannot_tell", "only_later"
        if self.suspect(duty.trigger) or (answer is not None and self.suspect(answer)):
            status, reason = "cannot_tell", "impossible"
        if spec.expect.if_recorded and answer is None:
            return None
        if answer is not None and answer.latest_only:
            return None
        return self._flag(duty, due, answer, None if answer is not None else duty.end, status, reason)

    def perhaps(self, duty: Duty, due: Due, chain: Event) -> Event | None:
        """The first event that may answer it but does not record what it should, where that may be in time."""
        assert duty.rule.expect is not None
        unsure = self.answers(duty.rule, "unsure")
        unsure = [e for e in unsure if self.shares(chain, e, duty.rule.link)]
        for event in self._nth(duty, self.coming(duty, unsure, None)):
            if not self.too_late(event, duty.end):
                late = event.earliest > due.by if due.by is not None else due.day is not None and event.day > due.day
                return None if late else event
        return None

    def _nth(self, duty: Duty, events: Iterable[Event]) -> Sequence[Event]:
        """From the first, or the second where the rule asks for two."""
        assert duty.rule.expect is not None
        return list(events)[duty.rule.expect.at_least - 1 :]

    def answered_before_it_began(self, duty: Duty) -> Event | None:
        """An answer to the very same thing that is dated before it began, where the duty does not itself recur."""
        assert duty.rule.expect is not None
        mine = self.belongs(duty.trigger, duty.rule.link) if duty.rule.link else None
        if mine is None:
            return None
        answers = self.answers(duty.rule, "yes")
        same = [a for a in answers if self.belongs(a, str(duty.rule.link)) == mine]
        if any(a is duty.trigger for a in answers):
            return None
        return same[0] if same and same[0].latest < duty.trigger.earliest else None

    def noted(self, duty: Duty) -> Flag:
        """A pattern that occurred: nothing is due."""
        status, reason = ("cannot_tell", duty.reason) if duty.reason else ("met", "")
        if duty.unsure:
            status, reason = "cannot_tell", "trigger_attribute"
        if self.suspect(duty.trigger):
            status, reason = "cannot_tell", "impossible"
        return self._flag(duty, Due(None), None, None, status, reason)

    def _flag(self, duty: Duty, due: Due, answer: Event | None, end: Event | date | None, status: str, reason: str) -> Flag:
        return Flag(
            duty.rule.effective.from_,
            duty.rung,
            self.place[duty.trigger],
            duty.start,
            due.day,
            due.at,
            due.by,
            None if answer is None else self.place[answer],
            self.place[end] if isinstance(end, Event) else end,
            status,
            reason,
        )
