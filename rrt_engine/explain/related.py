"""What stands beside a rule: the rules that come before and after it, those of the same instrument, and what looks at its flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from rrt_engine.explain.coverage import latest
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.load_measures import MeasureBook
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook

Kind = Literal["rule", "fact", "measure"]


@dataclass(frozen=True)
class Named:
    """Something that has a page or a place on one: its id and its title."""

    id: str
    title: str


@dataclass(frozen=True)
class Group:
    """Things related in one way: how, what they are, and each of them."""

    how: str
    kind: Kind
    items: tuple[Named, ...]


@dataclass(frozen=True)
class Relations:
    """What stands beside the time limits of a rule book, looked up again and again: what each rule is named in, and what counts it."""

    book: RuleBook
    thresholds: ThresholdBook | None
    measures: MeasureBook | None

    def of(self, rule: Rule) -> tuple[Group, ...]:
        """What stands beside a time limit, in groups; a rule stands in the first group that it belongs to."""
        spec = rule.spec
        starts = set(spec.when.event)
        answers = set(spec.expect.event) if spec.expect else set()
        sources = _places(rule)
        seen = {rule.id}

        def rules(how: str, belongs: Callable[[Rule], bool]) -> Group:
            found = [r for r in self._latest if r.id not in seen and belongs(r)]
            seen.update(r.id for r in found)
            return Group(how, "rule", tuple(Named(r.id, r.spec.title) for r in found))

        groups = (
            rules(
                "Named in what is said of this rule, or names it",
                lambda r: rule.id in self._named_in.get(r.id, ()) or r.id in self._named_in.get(rule.id, ()),
            ),
            rules("Its answer starts this one", lambda r: bool(r.spec.expect and not starts.isdisjoint(r.spec.expect.event))),
            rules("Starts from the answer to this one", lambda r: not answers.isdisjoint(r.spec.when.event)),
            rules("Starts from the same event", lambda r: not starts.isdisjoint(r.spec.when.event)),
            rules(
                "In the same service, from the same place in the same source",
                lambda r: r.spec.service == spec.service and not sources.isdisjoint(_places(r)),
            ),
            Group("Threshold rules that look at its flags", "rule", tuple(self._looked_at.get(rule.id, ()))),
            Group("Measures that count its flags", "measure", tuple(self._counted.get(rule.id, ()))),
        )
        return tuple(group for group in groups if group.items)

    @cached_property
    def _latest(self) -> list[Rule]:
        return latest(self.book)

    @cached_property
    def _named_in(self) -> dict[str, set[str]]:
        """The other rules that what is said of each rule names."""
        ids = {rule.id for rule in self._latest}
        said = {rule.id: set(re.findall(r"\w+", f"{rule.spec.why} {rule.spec.note or ''}")) for rule in self._latest}
        return {rule: found for rule, words in said.items() if (found := words & ids - {rule})}

    @cached_property
    def _looked_at(self) -> dict[str, list[Named]]:
        """The threshold rules that look at the flags of each rule."""
        found: dict[str, list[Named]] = {}
        for threshold in _latest(self.thresholds) if self.thresholds else ():
            for name in dict.fromkeys(name for p in threshold.spec.when for name in p.flag or ()):
                found.setdefault(name, []).append(Named(threshold.id, threshold.spec.title))
        return found

    @cached_property
    def _counted(self) -> dict[str, list[Named]]:
        """The measures that count the flags of each rule."""
        found: dict[str, list[Named]] = {}
        for measure in self.measures.measures if self.measures else ():
            for name in dict.fromkeys(_rules_in(measure.model_dump(exclude={"examples"}))):
                found.setdefault(name, []).append(Named(measure.id, measure.title))
        return found


def related_threshold(book: ThresholdBook, rule: Threshold) -> tuple[Group, ...]:
    """What stands beside a threshold rule: the facts and flags it looks at, and the rules that look at the same."""
    spec = rule.spec
    facts = _facts_of(rule)
    flags = [r for p in spec.when for name in (p.flag or []) for r in book.book.named(name)[-1:]]
    others = [r for r in _latest(book) if r.id != rule.id]
    same = [r for r in others if set(facts) & set(_facts_of(r))]
    silent = [r for r in others if r.id in spec.unless]
    quiet = [r for r in others if rule.id in r.spec.unless]
    groups = (
        Group("Facts it looks at", "fact", tuple(Named(f, book.facts[f].label) for f in dict.fromkeys(facts))),
        Group("Time limits whose flags it looks at", "rule", tuple(Named(r.id, r.spec.title) for r in flags)),
        Group("Threshold rules that look at the same facts", "rule", _named(same)),
        Group("It says nothing beside these", "rule", _named(silent)),
        Group("These say nothing beside it", "rule", _named(quiet)),
    )
    return tuple(group for group in groups if group.items)


def rules_of_fact(book: ThresholdBook, fact: str) -> tuple[Group, ...]:
    """The threshold rules that look at a fact: by its name, because it is missing, or as one of its part of the child's life."""
    domain = book.domain_of[fact]
    patterns = [(r, p) for r in _latest(book) for p in r.spec.when]
    by_name = [r for r, p in patterns if fact in (p.fact or [])]
    missing = [r for r, p in patterns if p.unrecorded == fact]
    by_part = [r for r, p in patterns if domain in (p.domain or [])]
    groups = (
        Group("Look at this fact", "rule", _named(by_name)),
        Group("Ask where it is not recorded", "rule", _named(missing)),
        Group(f"Look at any fact of its part: {book.domains[domain]}", "rule", _named(by_part)),
    )
    return tuple(group for group in groups if group.items)


def _facts_of(rule: Threshold) -> list[str]:
    """The facts a threshold rule names, present or missing."""
    return [f for p in rule.spec.when for f in (*(p.fact or []), *([p.unrecorded] if p.unrecorded else []))]


def _latest(book: ThresholdBook) -> list[Threshold]:
    return list({rule.id: rule for rule in book.rules}.values())


def _named(rules: Iterable[Threshold]) -> tuple[Named, ...]:
    return tuple(Named(r.id, r.spec.title) for r in {r.id: r for r in rules}.values())


def _places(rule: Rule) -> set[tuple[str, str]]:
    """The places a rule rests on: each instrument, and where in it."""
    return {(named.id, _place(named.at)) for named in rule.spec.source}


def _place(at: str) -> str:
    """The regulation, section or chapter of a place in an instrument, without its paragraphs: `regulation 28` of `regulation 28(2)(a)`."""
    return re.split(r"[(,;]", at, maxsplit=1)[0].strip()


def _rules_in(data: Any) -> Iterator[str]:
    """The ids under any key `rules`, as a measure names the rules whose flags it counts."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key == "rules" and isinstance(value, Sequence) and not isinstance(value, str):
                yield from map(str, value)
            else:
                yield from _rules_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from _rules_in(value)
