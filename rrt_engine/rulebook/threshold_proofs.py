"""What the examples of a threshold rule prove: that it fires, that it does not always, and that each of its parts matters.

Every rule needs an example in which it fires and one in which it does not. Then it is changed one part at a time: a
pattern or a condition left out, a number one more or one less, a pathway left out. Some example must notice. A change that no
record of any fact could show is no change, and is not asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rrt_engine.rulebook.schema import Parameter
from rrt_engine.rulebook.strict_yaml import Document, Path
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_examples import (
    ReadThresholdExample,
    ThresholdOutcome,
    differences,
    read_threshold_examples,
    result,
    run_threshold_example,
)
from rrt_engine.rulebook.threshold_schema import Pattern, ThresholdRule
from rrt_engine.thresholds.chain import Chainer
from rrt_engine.thresholds.plan import Plan, Token, compile_plan
from rrt_engine.thresholds.space import records
from rrt_engine.thresholds.suggest import Reasoners

REQUIRED = ("fires", "does_not_fire")
_CONDITIONS = {
    "role": "add an example with a fact of another role",
    "domain": "add an example with a fact of another domain",
    "pull": "add an example with a fact that pulls less",
    "written": "add an example with a fact that weighs less",
    "value": "add an example with another value",
    "evidence": "add an example on other evidence",
    "timing": "add an example in which it is past",
    "impact": "add an example with less impact on the child",
    "status": "add an example with a flag of another status",
    "level": "add an example at another level",
    "significant": "add an example on the other side of significant harm",
}
_LEAST = {"pull": 1, "sibling": 1, "at_least": 0, "below": 1}
_LEVELS = ("pull", "sibling")


@dataclass(frozen=True)
class ThresholdChange:
    """One part of a threshold rule, changed: where it stands, how it was changed, and the example that would notice."""

    part: str
    path: Path
    kind: Literal["branch", "interval"]
    how: str
    spec: ThresholdRule
    ask: str
    parameters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ThresholdProof:
    """What the examples of one edition of a threshold rule prove, and what they do not."""

    rule: Threshold
    document: Document
    outcomes: tuple[ThresholdOutcome, ...]
    missing: tuple[str, ...]
    tried: tuple[ThresholdChange, ...]
    unnoticed: tuple[ThresholdChange, ...]


class Prover:
    """A threshold book whose rules can be proved one after another: what they share is made once."""

    def __init__(self, book: ThresholdBook, on: Reasoners) -> None:
        self.book, self.on = book, on
        self._records: dict[int, dict[str, list[Token]]] = {}

    def prove(self, rule: Threshold, document: Document) -> ThresholdProof:
        """Run a rule's examples, and try every change to the rule."""
        reads = read_threshold_examples(rule, document, self.book, self.on)
        outcomes = tuple(run_threshold_example(read, rule.id, self.book, self.on(read.day)) for read in reads)
        held = [o for o in outcomes if o.passed]
        shown = {"fires" if o.fires else "does_not_fire" for o in held}
        tried: tuple[ThresholdChange, ...] = ()
        unnoticed: tuple[ThresholdChange, ...] = ()
        if outcomes and len(held) == len(outcomes):
            tried = tuple(c for c in changes(rule.spec, document, self.book))
            unseen = [c for c in tried if not self._noticed(c, rule, reads)]
            idle = [c for c in unseen if self._changes_nothing(c, rule)]
            tried = tuple(c for c in tried if c not in idle)
            unnoticed = tuple(c for c in unseen if c not in idle)
        return ThresholdProof(rule, document, outcomes, tuple(r for r in REQUIRED if r not in shown), tried, unnoticed)

    def _noticed(self, change: ThresholdChange, rule: Threshold, reads: Sequence[ReadThresholdExample]) -> bool:
        for plan, same in self._by_plan(reads):
            changed = self._changed(plan, change, rule)
            chainer = Chainer(changed, self.book.significant)
            for read in same:
                if differences(read.example, *result(chainer.run(read.tokens), rule.id, changed, self.book)):
                    return True
        return False

    def _by_plan(self, reads: Sequence[ReadThresholdExample]) -> list[tuple[Plan, list[ReadThresholdExample]]]:
        found: dict[int, tuple[Plan, list[ReadThresholdExample]]] = {}
        for read in reads:
            plan = self.on(read.day).plan
            found.setdefault(id(plan), (plan, []))[1].append(read)
        return list(found.values())

    def _changed(self, plan: Plan, change: ThresholdChange, rule: Threshold) -> Plan:
        alone = self._alone(change.spec, rule, change.parameters)
        rules = tuple(alone.rules[0] if r.id == rule.id else r for r in plan.rules)
        return Plan(rules, {**plan.specs, rule.id: change.spec}, plan.unrecorded)

    def _alone(self, spec: ThresholdRule, rule: Threshold, parameters: Mapping[str, int]) -> Plan:
        """A plan of one rule."""
        book = replace(self.book, rules=(replace(rule, spec=spec),), parameters={**self.book.parameters, **parameters})
        return compile_plan(book, rule.first_day)

    def _changes_nothing(self, change: ThresholdChange, rule: Threshold) -> bool:
        """Whether no record of any fact matches a pattern of the changed rule and not of the rule, or the other way round."""
        before, after = (self._alone(s, rule, p).rules[0] for s, p in ((rule.spec, {}), (change.spec, change.parameters)))
        if before.patterns == after.patterns or len(before.patterns) != len(after.patterns):
            return False
        for old, new in zip(before.patterns, after.patterns, strict=True):
            if old != new and any(t.field == "t" and t.value != "fact" for t in old):
                return False
            named = {
                v for tests in (old, new) for t in tests if t.field == "f" for v in (t.value if isinstance(t.value, tuple) else [t.value])
            }
            tokens = self._tokens(rule)
            for name in named or tokens:
                if any(all(t.holds(token) for t in old) != all(t.holds(token) for t in new) for token in tokens[str(name)]):
                    return False
        return True

    def _tokens(self, rule: Threshold) -> dict[str, list[Token]]:
        plan = self.on(rule.first_day).plan
        if id(plan) not in self._records:
            self._records[id(plan)] = {f: [r.token for r in mine] for f, mine in records(self.book, plan).items()}
        return self._records[id(plan)]


def changes(spec: ThresholdRule, document: Document, book: ThresholdBook) -> Iterator[ThresholdChange]:
    """Every change worth trying on a threshold rule."""
    listed = isinstance(document.data.get("when"), list)
    for i, pattern in enumerate(spec.when):
        place: Path = ("when", i) if listed else ("when",)
        if len(spec.when) > 1:
            rest = [p for p in spec.when if p is not pattern]
            text = f"`{_named(pattern)}`"
            ask = f"add an example in which {text} is not so and the rest is, with `fires: false`"
            yield ThresholdChange(_named(pattern), place, "branch", "left out", spec.model_copy(update={"when": rest}), ask)
        yield from _conditions(spec, i, pattern, place)
        yield from _numbers(spec, i, pattern, place, book)
    for i, pathway in enumerate(spec.pathways):
        rest_of = [p for p in spec.pathways if p != pathway]
        ask = "add an example in which it fires that states its `pathways`"
        changed = spec.model_copy(update={"pathways": rest_of})
        yield ThresholdChange(f"pathways: {pathway}", ("pathways", i), "branch", "left out", changed, ask)
    if spec.effect == "consider" and spec.level is not None:
        for level in (spec.level - 1, spec.level + 1):
            if 1 <= level <= 4:
                changed = spec.model_copy(update={"level": level})
                ask = "add an example in which it fires and nothing else reaches its level, with its `level`"
                yield ThresholdChange("level", ("level",), "interval", str(level), changed, ask)


def _conditions(spec: ThresholdRule, i: int, pattern: Pattern, place: Path) -> Iterator[ThresholdChange]:
    """Each condition of a pattern left out, where something is left."""
    about = {name for name in type(pattern).model_fields if getattr(pattern, name) is not None}
    for name, ask in _CONDITIONS.items():
        if name in about and about - {name} and not (name == "level" and pattern.form == "level"):
            changed = _with(spec, i, pattern, {name: None})
            part = _part(spec, i, name)
            yield ThresholdChange(part, (*place, name), "branch", "left out", changed, f"{ask}, with `fires: false`")


def _numbers(spec: ThresholdRule, i: int, pattern: Pattern, place: Path, book: ThresholdBook) -> Iterator[ThresholdChange]:
    """Each number of a pattern one more and one less; a local value is moved for this rule alone."""
    for name, least in _LEAST.items():
        given = getattr(pattern, name)
        if given is None:
            continue
        ask = "add an example with exactly this number, and one with the number just short of it"
        number = int(book.value(given))
        for moved in (number + 1,) if name in _LEVELS else (number - 1, number + 1):  # less pull is what leaving it out shows
            if moved < least or (name in _LEVELS and moved > 4):
                continue
            part, parameters = _part(spec, i, name), {given.parameter: moved} if isinstance(given, Parameter) else {}
            changed = spec if parameters else _with(spec, i, pattern, {name: moved})
            yield ThresholdChange(part, (*place, name), "interval", str(moved), changed, ask, parameters)


def _part(spec: ThresholdRule, i: int, name: str) -> str:
    """A condition as it is named to the author: its pattern is numbered where there are two."""
    return f"when.{name}" if len(spec.when) == 1 else f"when {i + 1}: {name}"


def _with(spec: ThresholdRule, i: int, pattern: Pattern, update: dict[str, Any]) -> ThresholdRule:
    changed = pattern.model_copy(update=update)
    return spec.model_copy(update={"when": [changed if j == i else p for j, p in enumerate(spec.when)]})


def _named(pattern: Pattern) -> str:
    """A pattern by the first thing it says."""
    name, value = next(iter(pattern.model_dump(exclude_none=True).items()))
    first = value[0] if isinstance(value, list) else value
    more = " …" if isinstance(value, list) and len(value) > 1 else ""
    return f"when {name}: {str(first).lower() if isinstance(first, bool) else first}{more}"
