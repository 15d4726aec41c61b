"""Every way a fact can be recorded that the rules could tell apart: the ground that analysis and tests go over.

Two records that match the same patterns and weigh the same are of one kind: what is shown for one holds for the other.
So a few hundred kinds stand for tens of thousands of records, and all pairs of them can be tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from rrt_engine.model import Fact, FactValue
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind
from rrt_engine.thresholds.chain import Chained, Chainer
from rrt_engine.thresholds.indicators import token_of, unrecorded_tokens
from rrt_engine.thresholds.plan import HARDSHIP, SUFFICIENT, VERIFIED, Plan, PlanRule, Test, Token

THIN_TO_VERIFIED = (("alleged", ""), ("reported", "specific"), ("disclosed", ""), ("observed", ""))
"""Evidence, and how specific, for each strength that a rule can tell apart, the weakest first."""
_TIMINGS = ("unknown", "past", "current")
_IMPACTS = ("unknown", "some", "marked")
_LEVEL_EFFECTS = ("floor", "consider", "raise", "soften")
_FOUND = 2
"""Facts kept for each kind: two different ones, so that a kind can meet itself."""


@dataclass(frozen=True)
class Record:
    """One way of recording a fact, with the token it gives (numbered 0)."""

    fact: Fact
    token: Token


Kind = tuple[object, ...]
"""What a record can do to a suggestion: records with the same kind do the same."""


def values(name: str, kind: FactKind, book: ThresholdBook, plan: Plan) -> list[FactValue]:
    """Every value of a fact that its weights or a rule could tell apart; for numbers, each boundary and its neighbours."""
    if kind.type == "boolean":
        return [False, True]
    if kind.values:
        return ["none", *kind.values, "unspecified"]
    bounds = {int(book.value(v)) for s in kind.steps for v in (s.from_, s.below) if v is not None}
    for rule in plan.rules:
        for tests in rule.patterns:
            named = [t for t in tests if t.field == "f"]
            if all(name == t.value or (isinstance(t.value, tuple) and name in t.value) for t in named):
                bounds |= {int(t.value) for t in tests if t.field == "n" and isinstance(t.value, int) and t.operator in ("ge", "lt")}
    most = kind.most if kind.most is not None else max(bounds, default=0) + 1
    numbers: list[FactValue] = [n for n in sorted({b + by for b in bounds for by in (-1, 0, 1)} | {0, 1}) if (kind.least or 0) <= n <= most]
    return [*numbers, "several"] if kind.type == "count" else numbers


def records(book: ThresholdBook, plan: Plan, names: Iterable[str] | None = None) -> dict[str, list[Record]]:
    """For each fact, or each of those named, every record of it that gives a token of its own."""
    found: dict[str, list[Record]] = {}
    for name in book.facts if names is None else names:
        kind = book.facts[name]
        patterns = ("unknown", "repeated") if any(s.if_.pattern for s in kind.stronger) else ("unknown",)
        mine: dict[tuple[object, ...], Record] = {}
        for value, (evidence, specific), timing, pattern, impact in product(
            values(name, kind, book, plan), THIN_TO_VERIFIED, _TIMINGS, patterns, _IMPACTS
        ):
            fact = Fact(name, value, evidence, specific, timing, pattern, impact)
            token = token_of(fact, kind, book)
            mine.setdefault(tuple(token.values()), Record(fact, token))
        found[name] = list(mine.values())
    return found


class Space:
    """A plan with every record of every fact, sorted into kinds.

    `level_only` forgets what cannot touch the level (duties, gates, prompts), which leaves far fewer kinds and fewer rules to run.
    """

    def __init__(self, book: ThresholdBook, plan: Plan, level_only: bool = False) -> None:
        self.book, self.plan, self.level_only = book, plan, level_only
        kept = [r for r in plan.rules if not level_only or plan.specs[r.id].effect in _LEVEL_EFFECTS]
        self._patterns = _by_fact(kept)
        wanted = {str(t.value) for r in kept for tests in r.patterns for t in tests if t.field == "f" and ("t", "unrecorded") in _eq(tests)}
        self._unrecorded = frozenset(wanted)
        self._asked = tuple(name for name in plan.unrecorded if name in wanted)
        self.chainer = Chainer(replace(plan, rules=tuple(kept), unrecorded=self._asked), book.significant)
        self._doubles = {r.id: len(r.patterns) for r in kept}
        self._runs: dict[object, Chained] = {}
        self._known: dict[tuple[object, ...], Kind] = {}

    @cached_property
    def records(self) -> dict[str, list[Record]]:
        """Every record of every fact."""
        return records(self.book, self.plan)

    @cached_property
    def kinds(self) -> dict[Kind, tuple[Record, ...]]:
        """Each kind with a record of it; with a second one, of another fact, where there is one."""
        found: dict[Kind, list[Record]] = {}
        for mine in self.records.values():
            for record in mine:
                same = found.setdefault(self.kind(record.token), [])
                if len(same) < _FOUND and all(record.fact.id != r.fact.id for r in same):
                    same.append(record)
        return {kind: tuple(same) for kind, same in found.items()}

    def kind(self, token: Token) -> Kind:
        """What a token can do: the patterns it matches, what it adds to the counts, and how it weighs where it matches."""
        key = tuple(token.values())
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._kind(token)
        return found

    def _kind(self, token: Token) -> Kind:
        alone: set[object] = set()
        together: set[object] = set()
        for rule_id, place, tests in self._patterns.get(str(token["f"]), self._patterns[""]):
            if all(t.holds(token) for t in tests):
                if self._doubles[rule_id] == 2:
                    together.add((rule_id, place))
                elif self.level_only:
                    spec = self.plan.specs[rule_id]
                    urgent = spec.effect == "floor" and not self.book.significant.isdisjoint(spec.pathways)
                    alone.add((spec.effect, spec.level, urgent))
                else:
                    alone.add(rule_id)
        counted: object = None
        pull, strength = int(token["p"]), int(token["s"])
        if token["x"] and token["r"] == "protective":
            counted = strength == VERIFIED
        elif token["x"] and pull >= 2 and token["y"] != HARDSHIP[True]:
            counted = (token["d"], strength >= SUFFICIENT, strength >= SUFFICIENT and pull >= 3, token["y"])
        elif token["x"] and token["y"] == HARDSHIP["says_so"]:
            counted = ("says so", strength >= SUFFICIENT)
        weighs = (strength >= SUFFICIENT, token["y"], int(token["w"]) > pull) if alone or together else None
        name = token["f"] if token["f"] in self._unrecorded else None
        return (frozenset(alone), frozenset(together), counted, weighs, name)

    def run(self, chosen: Sequence[Record], flags: Sequence[Token] = ()) -> Chained:
        """What the plain engine makes of these records and of nothing else. The same records are reasoned over once."""
        key = (frozenset(tuple(r.token.values()) for r in chosen), tuple((t["f"], t["v"]) for t in flags))
        found = self._runs.get(key)
        if found is None:
            found = self._runs[key] = self.chainer.run(self.tokens(chosen, flags))
        return found

    def tokens(self, chosen: Sequence[Record], flags: Sequence[Token] = ()) -> list[Token]:
        """The first tokens of a case with these records: numbered, with what is left unrecorded."""
        tokens: list[Token] = [{**r.token, "k": k} for k, r in enumerate(chosen)]
        tokens += unrecorded_tokens(self._asked, [r.fact for r in chosen], len(tokens))
        return tokens + [{**t, "k": len(tokens) + i} for i, t in enumerate(flags)]


def _by_fact(rules: Sequence[PlanRule]) -> dict[str, list[tuple[str, int, tuple[Test, ...]]]]:
    """The fact patterns to try on each fact that is named anywhere; under "" those that name none."""
    found: dict[str, list[tuple[str, int, tuple[Test, ...]]]] = {"": []}
    placed = [(r.id, place, tests) for r in rules for place, tests in enumerate(r.patterns) if ("t", "fact") in _eq(tests)]
    general = [p for p in placed if not any(t.field == "f" for t in p[2])]
    found[""] = list(general)
    for rule_id, place, tests in placed:
        for test in tests:
            if test.field == "f":
                for name in test.value if isinstance(test.value, tuple) else (test.value,):
                    found.setdefault(str(name), list(general)).append((rule_id, place, tests))
    return found


def _eq(tests: Sequence[Test]) -> set[tuple[str, object]]:
    return {(t.field, t.value) for t in tests if t.operator == "eq"}


# ------------------------------------------------------------------------------------------------------- more and less


def strengthened(mine: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Each record of one fact with each record that says the same and more: one step heavier in one respect, or in several.

    More is: a heavier weight as written, better evidence, current, a repeated pattern, a greater impact; nothing less, and no
    lighter value (`unspecified` is the lightest).
    """
    place = {value: i for i, value in enumerate(dict.fromkeys(r.fact.value for r in mine))} | {"unspecified": -1}
    for weak in mine:
        if not is_concern(weak.token):
            continue
        for strong in mine:
            lighter = isinstance(strong.fact.value, str) and place[strong.fact.value] < place[weak.fact.value]
            if strong is not weak and is_concern(strong.token) and not lighter and _at_least(strong, weak):
                yield weak, strong


def is_concern(token: Token) -> bool:
    """Whether a token speaks for more help: a concern that weighs 1 or more, or a modifier."""
    return bool(token["x"]) and token["r"] in ("concern", "immediate", "raises")


def is_protective(token: Token) -> bool:
    """Whether a token speaks for protection."""
    return bool(token["x"]) and token["r"] == "protective"


_ORDER: Mapping[str, tuple[str, ...]] = {"timing": ("unknown", "current"), "pattern": ("unknown", "repeated"), "impact": _IMPACTS}


def _at_least(strong: Record, weak: Record) -> bool:
    """Whether one record says all that the other says: as heavy, as well evidenced, as current, as often, as hard on the child."""
    one, other = strong.fact, weak.fact
    if _heaviness(strong.token) < _heaviness(weak.token) or any(strong.token[part] < weak.token[part] for part in ("s", "h")):  # type: ignore[operator]
        return False
    if one.value != other.value and _heaviness(strong.token) == _heaviness(weak.token) and not _is_more(one.value, other.value):
        return False
    return all(
        order.index(_word(getattr(one, part), order)) >= order.index(_word(getattr(other, part), order)) for part, order in _ORDER.items()
    )


def _word(word: str, order: Sequence[str]) -> str:
    return word if word in order else order[0]


def _is_more(one: FactValue, other: FactValue) -> bool:
    """Whether a number is more than another; words of one weight are not compared."""
    return isinstance(one, int) and isinstance(other, int) and one > other


def _heaviness(token: Token) -> float:
    return {"immediate": 5.0, "raises": 0.5}.get(str(token["r"]), float(token["w"]))
