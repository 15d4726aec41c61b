"""What differs between two rule sets, as far as it can make a difference to a flag: rules, what they share, and local values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from rrt_engine.calendar import as_date
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.with_changes import Changes

# What a rule says beside what it asks: another title is another text, and no other rule.
_WORDS = ("title", "why", "note", "source", "verified", "pathway", "examples")
_VOCABULARY = ("events", "periods", "ends", "qualities", "regimes")


@dataclass(frozen=True)
class RuleDifference:
    """One rule, local value or shared part that is not the same: what it is, where in it, and what it says before and after."""

    name: str
    part: str
    before: str
    after: str


@dataclass(frozen=True)
class RuleDifferences:
    """Everything that differs. `rules` and `shared` make rules other rules; `values` are local values that both have."""

    rules: tuple[RuleDifference, ...]
    shared: tuple[RuleDifference, ...]
    values: tuple[RuleDifference, ...]

    @property
    def factors(self) -> tuple[str, ...]:
        """What of it can be replayed apart: `rule`, `parameter`, both or neither."""
        return tuple(name for name, differs in (("rule", self.rules or self.shared), ("parameter", self.values)) if differs)

    @property
    def in_vocabulary(self) -> bool:
        """Whether what is read of a source may differ too."""
        return any(d.name in _VOCABULARY for d in self.shared)


def rule_differences(before: RuleBook, after: RuleBook) -> RuleDifferences:
    """What differs between two rule sets, in the order of the rules, part by part."""
    values = tuple(
        RuleDifference(name, "", str(local.value), str(after.parameters[name].value))
        for name, local in before.parameters.items()
        if name in after.parameters and local.value != after.parameters[name].value
    )
    return RuleDifferences(tuple(_rules(before, after)), tuple(_shared(before, after)), values)


def with_values(changes: Changes, differences: RuleDifferences, values: RuleBook) -> Changes:
    """The changes to a rule set that give it the local values of another, as far as both have them."""
    names = {d.name for d in differences.values}
    kept = [(name, value) for name, value in changes if name not in names]
    return tuple(sorted([*kept, *((name, json.dumps(values.parameters[name].value)) for name in names)]))


def _rules(before: RuleBook, after: RuleBook) -> Iterator[RuleDifference]:
    one, two = _editions(before), _editions(after)
    for key in [*one, *(key for key in two if key not in one)]:
        was, now = one.get(key), two.get(key)
        name, first = key
        many = len({k for k in (*one, *two) if k[0] == name}) > 1
        shown = f"{name}@{as_date(first).isoformat()}" if many else name
        if was is None or now is None:
            yield RuleDifference(shown, "", "" if was is None else "in force", "" if now is None else "in force")
            continue
        yield from (RuleDifference(shown, part, a, b) for part, a, b in _parts(was, now))


def _editions(book: RuleBook) -> dict[tuple[str, int], Rule]:
    return {(rule.id, rule.first_day): rule for rule in book.rules}


def _parts(was: Rule, now: Rule) -> Iterator[tuple[str, str, str]]:
    if was.last_day != now.last_day and was.spec.effective == now.spec.effective:
        yield "last day", _last(was), _last(now)
    for name, field in type(was.spec).model_fields.items():
        a, b = getattr(was.spec, name), getattr(now.spec, name)
        if name not in _WORDS and a != b:
            yield field.alias or name, _said(a), _said(b)


def _last(rule: Rule) -> str:
    return as_date(rule.last_day).isoformat() if rule.last_day < 2**30 else ""


def _shared(before: RuleBook, after: RuleBook) -> Iterator[RuleDifference]:
    """Events, periods, endings, qualities and regimes that several rules share, local values that only one has, and the calendar."""
    for what in _VOCABULARY:
        a, b = getattr(before, what), getattr(after, what)
        for name in [*a, *(n for n in b if n not in a)]:
            if a.get(name) != b.get(name):
                yield RuleDifference(what, name, _said(a.get(name)), _said(b.get(name)))
    for name in [n for n in (*before.parameters, *after.parameters) if (n in before.parameters) != (n in after.parameters)]:
        local = [str(book.parameters[name].value) if name in book.parameters else "" for book in (before, after)]
        yield RuleDifference("local value", name, *local)
    a, b = before.calendar, after.calendar
    if a.announced_to != b.announced_to:
        yield RuleDifference("bank holidays", "announced to", as_date(a.announced_to).isoformat(), as_date(b.announced_to).isoformat())
    for day in sorted({*a.holidays, *b.holidays}):
        if a.holidays.get(day) != b.holidays.get(day):
            yield RuleDifference("bank holidays", as_date(day).isoformat(), a.holidays.get(day, ""), b.holidays.get(day, ""))


def _said(value: Any) -> str:
    """A part of a rule as it would be written, on one line."""
    if isinstance(value, BaseModel):
        given = value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return "{" + ", ".join(f"{key}: {_said(part)}" for key, part in given.items()) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_said(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_said(part) for part in value) + "]"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
