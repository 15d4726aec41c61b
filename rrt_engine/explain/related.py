"""What stands beside a rule: the rules that come before and after it, those of the same instrument, and what looks at its flags."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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


def related(book: RuleBook, thresholds: ThresholdBook | None, measures: MeasureBook | None, rule: Rule) -> tuple[Group, ...]:
    """What stands beside a time limit, in groups; a rule stands in the first group that it belongs to."""
    spec = rule.spec
    starts = set(spec.when.event)
    answers = set(spec.expect.event) if spec.expect else set()
    sources = {(named.id, _place(named.at)) for named in spec.source}
    seen = {rule.id}

    def rules(how: str, belongs: Callable[[Rule], bool]) -> Group:
        found = [r for r in latest(book) if r.id not in seen and belongs(r)]
        seen.update(r.id for r in found)
        return Group(how, "rule", tuple(Named(r.id, r.spec.title) for r in found))

    groups = [
        rules("Named in what is said of this rule, or names it", lambda r: _names(r, rule.id) or _names(rule, r.id)),
        rules("Its answer starts this one", lambda r: bool(r.spec.expect and starts & set(r.spec.expect.event))),
        rules("Starts from the answer to this one", lambda r: bool(answers & set(r.spec.when.event))),
        rules("Starts from the same event", lambda r: bool(starts & set(r.spec.when.event))),
        rules(
            "In the same service, from the same place in the same source",
            lambda r: r.spec.service == spec.service and any((s.id, _place(s.at)) in sources for s in r.spec.source),
        ),
    ]
    if thresholds is not None:
        looking = [r for r in _latest(thresholds) if any(rule.id in (p.flag or []) for p in r.spec.when)]
        groups.append(Group("Threshold rules that look at its flags", "rule", tuple(Named(r.id, r.spec.title) for r in looking)))
    if measures is not None:
        counting = [m for m in measures.measures if rule.id in set(_rules_in(m.model_dump(exclude={"examples"})))]
        groups.append(Group("Measures that count its flags", "measure", tuple(Named(m.id, m.title) for m in counting)))
    return tuple(group for group in groups if group.items)


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


def _names(rule: Rule, other: str) -> bool:
    """Whether what is said of a rule names another."""
    said = f"{rule.spec.why} {rule.spec.note or ''}"
    return other in said and bool(re.search(rf"\b{re.escape(other)}\b", said))


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
