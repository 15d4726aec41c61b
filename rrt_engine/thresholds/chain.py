"""The plain forward chainer: obvious and complete. It runs everywhere, and its firings are the explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from rrt_engine.thresholds.plan import STRATA, Combined, Firing, Plan, PlanRule, Test, Token, apart, combine, counts, level_token

_MOST_KNOWN = 100_000
"""Distinct tokens of a stratum that are remembered; a whole authority has some thousands."""


@dataclass(frozen=True)
class Chained:
    """One case reasoned over: its tokens, what fired on which, and the level."""

    tokens: tuple[Token, ...]
    firings: frozenset[Firing]
    combined: Combined


class Chainer:
    """A plan made ready to run: each rule's patterns by the type, and where they name one, the fact, of the tokens they can match."""

    def __init__(self, plan: Plan, significant: frozenset[str]) -> None:
        self.plan = plan
        self._significant = significant
        self._strata = [[_Ready(rule) for rule in plan.rules if rule.stratum == stratum] for stratum in STRATA]
        self._index: list[dict[object, list[tuple[_Ready, int]]]] = [_indexed(rules) for rules in self._strata]
        self._known: list[dict[tuple[int | str, ...], list[tuple[str, int]]]] = [{} for _ in STRATA]

    def run(self, facts: Sequence[Token]) -> Chained:
        """Reason over one case's first tokens, numbered from 0, to the level and everything that fired."""
        tokens = list(facts)
        firings = self._fire(0, tokens)
        tokens += counts(tokens)
        firings |= self._fire(1, tokens)
        combined = combine(firings, tokens, self.plan, self._significant)
        tokens.append(level_token(combined, len(tokens)))
        firings |= self._fire(2, tokens)
        return Chained(tuple(tokens), frozenset(firings), combined)

    def _fire(self, stratum: int, tokens: Sequence[Token]) -> set[Firing]:
        """Every rule of a stratum with every choice of tokens that its patterns match."""
        fired: set[Firing] = set()
        if not self._index[stratum]:
            return fired
        partial: dict[str, tuple[list[int], list[int]]] = {}
        for token in tokens:
            number = int(token["k"])
            for rule_id, place in self._matches(stratum, token):
                if place < 0:
                    fired.add((rule_id, (number,)))
                else:
                    partial.setdefault(rule_id, ([], []))[place].append(number)
        for rule_id, places in partial.items():
            fired.update((rule_id, (a, b)) for a, b in product(*places) if apart(tokens[a], tokens[b]))
        return fired

    def _matches(self, stratum: int, token: Token) -> list[tuple[str, int]]:
        """The patterns of a stratum that a token matches, whatever case it stands in: rule and place, -1 for a rule of one
        pattern. Worked out once for each distinct token; `k`, its number in the case, is never compared and stands last.
        """
        key = tuple(token.values())[:-1]
        known = self._known[stratum].get(key)
        if known is None:
            index, kind = self._index[stratum], token["t"]
            known = [
                (ready.id, place if len(ready.tests) == 2 else -1)
                for where in ((kind, token.get("f")), (kind, None))
                for ready, place in index.get(where, ())
                if all(test.holds(token) for test in ready.tests[place])
            ]
            if len(self._known[stratum]) >= _MOST_KNOWN:  # numbers that people type may be any
                self._known[stratum].clear()
            self._known[stratum][key] = known
        return known


class _Ready:
    """A rule with its patterns' tests, the ones the index answers left out."""

    def __init__(self, rule: PlanRule) -> None:
        self.id = rule.id
        self.keys = [_keys(tests) for tests in rule.patterns]
        self.tests = [
            tuple(t for t in tests if t.field != "t" and not (t.field == "f" and t.operator in ("eq", "in"))) for tests in rule.patterns
        ]


def _keys(tests: Sequence[Test]) -> list[object]:
    kind = next(t.value for t in tests if t.field == "t")
    for test in tests:
        if test.field == "f":
            values = (test.value,) if test.operator == "eq" else test.value
            return [(kind, value) for value in values]  # type: ignore[union-attr]
    return [(kind, None)]


def _indexed(rules: Sequence[_Ready]) -> dict[object, list[tuple[_Ready, int]]]:
    index: dict[object, list[tuple[_Ready, int]]] = {}
    for ready in rules:
        for place, keys in enumerate(ready.keys):
            for key in keys:
                index.setdefault(key, []).append((ready, place))
    return index
