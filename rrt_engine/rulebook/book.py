"""The rule book: rules, vocabulary, sources, local values and bank holidays, held together with a digest.

`load` reads a rule set into one; `checks` says what is wrong with it. Here are the shapes and the look-ups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rrt_engine.calendar import Calendar, Duration, ServiceHours
from rrt_engine.model import Int32s
from rrt_engine.rulebook.regime_schema import Part, Quality, Regime
from rrt_engine.rulebook.schema import Authority, During, Parameter, TimescaleRule, Until, Verified

DERIVED_KINDS = ("birthday",)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class EventKind(_Shape):
    """One kind of event: what it may belong to, what it may record, and the other names files use for it."""

    title: str
    ref: list[str] = Field(default_factory=list, description="What its ref names, outermost first, such as [referral, s47].")
    attrs: dict[str, str | list[str | int]] = Field(
        default_factory=dict, description="Attribute to type (boolean, integer, date, text) or allowed values."
    )
    accepts: list[str] = Field(default_factory=list, description="Other names read as this one.")
    with_child: bool = Field(default=False, description="Whether it needs a living child, so cannot follow a death.")


class PeriodKind(_Shape):
    """A span between two kinds of event, such as being on a child protection plan."""

    title: str
    start: list[str]
    end: list[str]
    end_later: list[str] = Field(
        default_factory=list, description="Kinds of event that end it on any day after the one it began, such as a move elsewhere."
    )
    restarts: bool = Field(default=False, description="Whether a start while it is open ends it and begins another.")


class Vocabulary(_Shape):
    """events.yaml: every kind of event by the part of the service, periods, shared sets of endings, and what else rules share."""

    events: dict[str, dict[str, EventKind]]
    attributes: dict[str, str] = Field(
        default_factory=dict, description="What each attribute is, in words that follow `does not record`: `whether ...` or `the ...`."
    )
    periods: dict[str, PeriodKind]
    ends: dict[str, list[Until]]
    qualities: dict[str, Quality] = Field(default_factory=dict)
    regimes: dict[str, Regime] = Field(default_factory=dict)


class Edition(_Shape):
    """One edition of an instrument: what it is called and the days it was in force."""

    name: str
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None

    def covers(self, day: date) -> bool:
        """Whether it was in force on a day."""
        return (self.from_ is None or self.from_ <= day) and (self.to is None or day <= self.to)


class Source(_Shape):
    """An instrument: its name, its authority, its editions and where to read it."""

    title: str
    authority: Authority
    url: str | None = None
    editions: list[Edition] = Field(default_factory=list)
    note: str | None = None


class LocalValue(_Shape):
    """A value an authority sets, once, for every rule that uses it."""

    value: str | int
    title: str
    basis: str = Field(description="Where the value comes from: the Trust's document, another authority, or a common value.")
    verified: Verified
    options: list[str | int] = Field(default_factory=list, description="The values it may take, where it chooses between readings.")


class About(_Shape):
    """rulebook.yaml: what the rule set is, its version, and what must be said with its results."""

    id: str
    title: str
    version: str
    notice: str


@dataclass(frozen=True)
class Rule:
    """One edition of a rule, with the file and line where it stands and the days on which a duty may start under it."""

    spec: TimescaleRule
    file: str
    line: int
    first_day: int
    last_day: int

    @property
    def id(self) -> str:
        """The rule's public id."""
        return self.spec.id


@dataclass(frozen=True)
class RuleBook:
    """Everything a run needs to know about the rules. `digest` changes when any of it does."""

    id: str
    title: str
    version: str
    notice: str
    digest: str
    rules: tuple[Rule, ...]
    events: Mapping[str, EventKind]
    periods: Mapping[str, PeriodKind]
    ends: Mapping[str, list[Until]]
    sources: Mapping[str, Source]
    parameters: Mapping[str, LocalValue]
    calendar: Calendar
    qualities: Mapping[str, Quality] = field(default_factory=dict)
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    def attribute_words(self, name: str) -> str:
        """An attribute in words that follow `does not record`; its own name, to be read, where the vocabulary has no words for it."""
        return self.attributes.get(name) or f"“{name.replace('_', ' ')}”"

    @cached_property
    def rule_numbers(self) -> Int32s:
        """For each entry of `rules`, a number that all editions of one rule share; int32."""
        codes = {name: code for code, name in enumerate(dict.fromkeys(rule.id for rule in self.rules))}
        return np.array([codes[rule.id] for rule in self.rules], np.int32)

    def named(self, rule_id: str) -> tuple[Rule, ...]:
        """Every edition of a rule, by id or alias, oldest first."""
        ids = {rule_id, *(r.id for r in self.rules if rule_id in r.spec.alias)}
        return tuple(r for r in self.rules if r.id in ids)

    def value(self, given: Any) -> Any:
        """A value as written, or the local value it names."""
        return self.parameters[given.parameter].value if isinstance(given, Parameter) else given

    def length(self, given: Any) -> Duration:
        """A length of time as written, or the local value it names."""
        return _length(str(self.value(given)))

    def service_hours(self) -> ServiceHours:
        """The opening hours in which service hours count."""
        local = self.parameters.get("service_hours")
        return ServiceHours.parse(str(local.value) if local else "09:00 to 17:00")

    def kind_named(self, name: str) -> str | None:
        """The event kind a file means by a name, or None."""
        return name if name in self.events else self._accepted.get(name)

    @cached_property
    def _accepted(self) -> dict[str, str]:
        return {other: kind for kind, e in self.events.items() for other in e.accepts}

    def ref_paths(self) -> dict[str, tuple[str, ...]]:
        """What the ref of each event kind names, outermost first."""
        return self._ref_paths

    @cached_property
    def _ref_paths(self) -> dict[str, tuple[str, ...]]:
        return {kind: tuple(e.ref) for kind, e in self.events.items()}

    def part(self, rule: TimescaleRule) -> tuple[str, Part] | None:
        """The regime, by name, and the part of it that a rule lives in; None where it lives in no such part."""
        name = rule.during.period if isinstance(rule.during, During) else rule.during
        return self._parts.get(name) if name else None

    @cached_property
    def _parts(self) -> dict[str, tuple[str, Part]]:
        return {part.id: (key, part) for key, regime in reversed(list(self.regimes.items())) for part in reversed(regime.parts)}

    @cached_property
    def in_force(self) -> Sequence[tuple[Sequence[int], frozenset[str]]]:
        """Of each rule, the indexes of its editions that are in force, oldest first, and the kinds of event that start its duties."""
        by_id: dict[str, list[int]] = {}
        for index, rule in enumerate(self.rules):
            if rule.spec.stage == "in_force":
                by_id.setdefault(rule.id, []).append(index)
        return [(i, frozenset(kind for index in i for kind in self.rules[index].spec.when.event)) for i in by_id.values()]

    def unsupported(self, carried: frozenset[str]) -> Mapping[tuple[str, str, int], tuple[str, ...]]:
        """The kinds of event that a rule, by its id, file and line, needs and records that carry some kinds lack: none where they carry
        a way to start its duties and one to answer them. Worked out once for what a source carries, as many logs come from one.
        """
        if carried not in self._unsupported:
            lacking = {key: [k for kinds in needed if carried.isdisjoint(kinds) for k in kinds] for key, needed in self._needed.items()}
            self._unsupported[carried] = {key: tuple(dict.fromkeys(kinds)) for key, kinds in lacking.items() if kinds}
        return self._unsupported[carried]

    @cached_property
    def _unsupported(self) -> dict[frozenset[str], Mapping[tuple[str, str, int], tuple[str, ...]]]:
        return {}

    @cached_property
    def _needed(self) -> dict[tuple[str, str, int], Sequence[Sequence[str]]]:
        return {(rule.id, rule.file, rule.line): tuple(self._needs(rule.spec)) for rule in self.rules}

    def _needs(self, spec: TimescaleRule) -> Iterator[Sequence[str]]:
        yield spec.when.event
        if spec.expect:
            yield spec.expect.event
        if spec.when.after:
            yield spec.when.after.event
        part = self.part(spec)
        if part:
            yield [kind for period in self.regimes[part[0]].during for kind in self.periods[period].start]
        elif spec.during:
            yield self.periods[spec.during.period if isinstance(spec.during, During) else spec.during].start

    def period_title(self, name: str) -> str:
        """What a period, or a part of a regime, is called."""
        parts = {part.id: part.title for regime in self.regimes.values() for part in regime.parts}
        return self.periods[name].title if name in self.periods else parts.get(name, name)

    def until(self, rule: TimescaleRule) -> list[Until]:
        """What ends a rule's duty, with the named sets written out."""
        return [item for given in rule.until for item in (self.ends[given] if isinstance(given, str) else [given])]

    def only(self, rule_id: str) -> RuleBook:
        """The same book with one rule, in all its editions."""
        return replace(self, rules=self.named(rule_id))

    def with_parameters(self, values: Mapping[str, str | int]) -> RuleBook:
        """The same book with some local values changed."""
        if not values:
            return self
        changed = {name: self.parameters[name].model_copy(update={"value": v}) for name, v in values.items()}
        return replace(self, parameters={**self.parameters, **changed})

    def with_holidays(self, calendar: Calendar) -> RuleBook:
        """The same book with another calendar."""
        return replace(self, calendar=calendar)


@lru_cache(maxsize=1000)  # the rules write the same few lengths, and every duty reads one
def _length(text: str) -> Duration:
    return Duration.parse(text)


def effective_text(rule: Rule) -> str:
    """The days an edition governs, in words."""
    to = rule.spec.effective.to
    return f"from {_spoken(rule.spec.effective.from_)}" + (f" to {_spoken(to)}" if to else "")


def _spoken(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
