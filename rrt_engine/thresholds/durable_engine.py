"""The second engine: durable_rules runs the same plan, in the part of it that is safe. The only importer of durable_rules.

durable_rules 2.0.28 matches and chains well and fails badly: comparing values between two patterns corrupts its memory, a token
that more than 64 patterns want is refused half way, text equals a number that reads the same. So a plan is looked
through before it is handed over (`unsafe`), and only small facts made here reach it. Its rule network is driven from here, without
its own host: no threads, no timers, and an exception is an exception.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.thresholds.plan import STRATUM_OF, Firing, Plan, PlanRule, Test, Token, apart, combine, counts, level_token

MOST_RULES = 300
"""600 never load."""
MOST_FOR_ONE_TOKEN = 64
"""The length of the list in which it keeps what a fact may still match."""
MOST_FIRST_TESTS = 400
"""Different tests that may follow the type: its table of them has 512 places."""
MOST_CHOICES = 8
"""Tests with several values in one pattern: each takes two of its 32 places for operators."""
LONGEST_TEXT = 64
LARGEST_NUMBER = 10**9
_FIRST_FIELDS = ("t", "f", "r", "d")
_OPERATORS = {"ge": "$gte", "lt": "$lt"}
_SESSION, _OPENING, _OTHER = "case", "_open", "_"
Act = Callable[[str, tuple[int, ...]], object]


# ------------------------------------------------------------------------------------------- what is safe to hand over


def unsafe(plan: Plan) -> list[str]:
    """What in a plan durable_rules cannot run safely, rule by rule; empty where it can."""
    found = [f"rule `{name}`: its id is used {n} times" for name, n in Counter(r.id for r in plan.rules).items() if n > 1]
    if len(plan.rules) > MOST_RULES:
        found.append(
            f"{len(plan.rules)} rules are more than the {MOST_RULES} that load; the first too many is `{plan.rules[MOST_RULES].id}`"
        )
    for rule in plan.rules:
        found += [f"rule `{rule.id}`: {text}" for text in _unsafe_rule(rule)]
    if not found:
        found = [*_mixed_fields(plan.rules), *_crowded(plan.rules)]
    return found


def check_safe(plan: Plan) -> None:
    """Refuse a plan outside the safe subset, naming every rule that is."""
    found = unsafe(plan)
    if found:
        help_ = "use one pattern or two, short plain words, small whole numbers, and name the fact where many rules share a pattern"
        raise InputError([Diagnostic("threshold rules", 0, 0, "unsafe_for_second_engine", text, help=help_) for text in found])


def _unsafe_rule(rule: PlanRule) -> Iterable[str]:
    if not _plain(rule.id) or rule.id.startswith("_"):
        yield "its id must be short plain text that does not begin with `_`"
    if len(rule.patterns) not in (1, 2):
        yield f"{len(rule.patterns)} patterns; one or two can be matched"
        return
    types: list[object] = []
    for tests in rule.patterns:
        kinds = [t for t in tests if t.field == "t"]
        types += [t.value for t in kinds]
        if len(kinds) != 1 or kinds[0].operator != "eq" or kinds[0].value not in STRATUM_OF:
            yield f"each pattern needs one type out of {', '.join(f'`{t}`' for t in STRATUM_OF)}"
            return
        if sum(t.operator == "in" for t in tests) > MOST_CHOICES:
            yield f"more than {MOST_CHOICES} tests with several values in a pattern"
        for test in tests:
            yield from _unsafe_test(test)
    if rule.stratum != max(STRATUM_OF[str(t)] for t in types):
        yield f"stratum {rule.stratum} is not that of its patterns"


def _unsafe_test(test: Test) -> Iterable[str]:
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    if len(test.field) != 1 or not ("a" <= test.field <= "z"):
        yield f"the field `{test.field}` is not one small letter"
    elif test.field == "k":
        yield "`k` is a token's number in its case, and nothing depends on it"
    if test.operator not in ("eq", "in", *_OPERATORS) or (test.operator == "in") != isinstance(test.value, tuple) or not values:
        yield f"`{test.operator}` with `{test.value}` is not a test it can make"
        return
    if len({isinstance(v, str) for v in values}) > 1:
        yield f"`{test.field}` is compared with numbers and text at once"
    for value in values:
        if isinstance(value, str):
            if not _plain(value) or value == _OTHER:
                yield f"the text `{value}` is not short plain text (letters, digits and common signs, at most {LONGEST_TEXT})"
            elif test.operator in _OPERATORS:
                yield f"`{test.field}` is compared with the text `{value}` as a number"
        elif not isinstance(value, int) or abs(value) > LARGEST_NUMBER:
            yield f"the number `{value}` is not a small whole one"


def _plain(text: str) -> bool:
    return 0 < len(text) <= LONGEST_TEXT and text.isascii() and text.isprintable() and not set(text) & set('"\\{}[]')


def _mixed_fields(rules: Sequence[PlanRule]) -> Iterable[str]:
    """Fields that one rule takes for text and another for a number: durable_rules finds `"5"` equal to 5."""
    kinds: dict[str, bool] = {}
    for rule in rules:
        for test in (t for tests in rule.patterns for t in tests):
            text = _is_text(test)
            if kinds.setdefault(test.field, text) != text:
                yield f"rule `{rule.id}`: the field `{test.field}` is text in one rule and a number in another"


def _is_text(test: Test) -> bool:
    return isinstance(test.value[0] if isinstance(test.value, tuple) else test.value, str)


def _crowded(rules: Sequence[PlanRule]) -> Iterable[str]:
    """Types for which some token could be wanted by too many patterns at once: those that name its fact and those that name none."""
    for kind in STRATUM_OF:
        naming: dict[object, list[str]] = {}
        general: dict[tuple[object, object], list[str]] = {}
        any_role, any_domain = _values(rules, kind, "r"), _values(rules, kind, "d")
        first_tests: dict[Test, str] = {}
        for rule in rules:
            for tests in (_ordered(tests) for tests in rule.patterns):
                if tests[0].value != kind:
                    continue
                if len(tests) > 1:
                    first_tests.update({Test(tests[1].field, tests[1].operator, v): rule.id for v in _several(tests[1])})
                facts = _allowed(tests, "f")
                if facts is not None:
                    for fact in facts:
                        naming.setdefault(fact, []).append(rule.id)
                    continue
                for role in _allowed(tests, "r") or any_role:
                    for domain in _allowed(tests, "d") or any_domain:
                        general.setdefault((role, domain), []).append(rule.id)
        most_named = max(naming.items(), key=lambda item: len(item[1]), default=(None, []))
        most_general = max(general.values(), key=len, default=[])
        together = [*most_general, *most_named[1]]
        if len(together) > MOST_FOR_ONE_TOKEN:
            about = f" of `{most_named[0]}`" if most_named[1] else ""
            most = f"{len(together)} patterns could match one token{about} of type `{kind}`; at most {MOST_FOR_ONE_TOKEN} may"
            yield f"rule `{together[-1]}`: {most}"
        if len(first_tests) > MOST_FIRST_TESTS:
            last = list(first_tests.values())[-1]
            yield f"rule `{last}`: {len(first_tests)} different facts are named, at most {MOST_FIRST_TESTS} may be"


def _values(rules: Sequence[PlanRule], kind: str, field: str) -> list[object]:
    """Every value that rules name for a field, and one more for all the rest."""
    patterns = [tests for rule in rules for tests in rule.patterns if Test("t", "eq", kind) in tests]
    return list(dict.fromkeys([_OTHER, *(value for tests in patterns for value in _allowed(tests, field) or ())]))


def _allowed(tests: Sequence[Test], field: str) -> list[object] | None:
    """The values that a pattern names for a field; None where any will do."""
    for test in tests:
        if test.field == field and test.operator in ("eq", "in"):
            return list(dict.fromkeys(_several(test)))
    return None


def _several(test: Test) -> tuple[Any, ...]:
    return test.value if isinstance(test.value, tuple) else (test.value,)


# ------------------------------------------------------------------------------------------------ its rules and its facts


def _ordered(tests: Sequence[Test]) -> list[Test]:
    """Type, fact, role and domain first: rules share these tests, and the count of what one token may match relies on the order."""
    return sorted(tests, key=lambda t: _FIRST_FIELDS.index(t.field) if t.field in _FIRST_FIELDS else len(_FIRST_FIELDS))


def as_durable(plan: Plan) -> dict[str, Any]:
    """A plan as durable_rules is given it: each rule's patterns, named `a` and `b`, and nothing compared between them."""
    rules: dict[str, Any] = {_OPENING: {"all": [{"a": {"t": _OPENING}}]}}
    for rule in plan.rules:
        rules[rule.id] = {"all": [{name: _pattern(tests)} for name, tests in zip("ab", rule.patterns, strict=False)]}
    return rules


def _pattern(tests: Sequence[Test]) -> dict[str, Any]:
    parts = [_condition(t) for t in _ordered(tests)]
    return parts[0] if len(parts) == 1 else {"$and": parts}


def _condition(test: Test) -> dict[str, Any]:
    if test.operator in _OPERATORS:
        return {_OPERATORS[test.operator]: {test.field: test.value}}
    values = list(dict.fromkeys(int(v) if isinstance(v, int) else v for v in _several(test)))
    return {test.field: values[0]} if len(values) == 1 else {"$or": [{test.field: v} for v in values]}


class DurableEngine:
    """A plan in durable_rules, ready to run one case after another; `close` gives its memory back."""

    def __init__(self, plan: Plan, significant: frozenset[str]) -> None:
        check_safe(plan)
        import durable_rules_engine  # the part of durable_rules that is compiled; a missing package is the caller's to explain

        self._engine: Any = durable_rules_engine
        self._plan = plan
        self._significant = significant
        self._early = frozenset(r.id for r in plan.rules if r.stratum < 3)
        tests = [t for rule in plan.rules for tests in rule.patterns for t in tests]
        self._words: dict[str, set[object]] = {t.field: set() for t in tests if _is_text(t)}
        for test in tests:
            if test.field in self._words:
                self._words[test.field].update(_several(test))
        self._numbers = frozenset(t.field for t in tests) - self._words.keys()
        self._rules = durable_rules_engine.create_ruleset("thresholds", json.dumps(as_durable(plan)))

    def run(self, facts: Sequence[Token], act: Act | None = None) -> frozenset[Firing]:
        """Everything that fired over one case's first tokens, numbered from 0. `act` is told of each firing as it happens."""
        tokens = list(facts)
        fired: set[Firing] = set()

        def note(rule: str, matched: tuple[int, ...]) -> None:
            if len(matched) == 1 or apart(tokens[matched[0]], tokens[matched[1]]):
                fired.add((rule, matched))
                if act:
                    act(rule, matched)

        state = self._open()
        try:
            self._reason(state, tokens, note)
            found = counts(tokens)
            tokens += found
            self._reason(state, found, note)
            combined = combine([f for f in fired if f[0] in self._early], tokens, self._plan, self._significant)
            tokens.append(level_token(combined, len(tokens)))
            self._reason(state, tokens[-1:], note)
        finally:
            self._engine.delete_state(self._rules, _SESSION)
        return frozenset(fired)

    def close(self) -> None:
        """Give the rules' memory back."""
        self._engine.delete_ruleset(self._rules)

    def _open(self) -> int:
        """Open the case's session with a fact of its own: to delete a session in which nothing ever fired can crash."""
        state = self._assert({"t": _OPENING}, "open")
        self._act(state, lambda *_: None)
        return state

    def _reason(self, state: int, tokens: Sequence[Token], note: Act) -> None:
        for token in tokens:
            self._assert(self._fact(token), str(token["k"]))
        self._act(state, note)

    def _fact(self, token: Token) -> dict[str, int | str]:
        """A token as durable_rules sees it: only what rules test, text only where a rule names it, numbers no larger than matters."""
        fact: dict[str, int | str] = {}
        for field, value in token.items():
            if field in self._words:
                fact[field] = value if isinstance(value, str) and value in self._words[field] else _OTHER
            elif field in self._numbers and isinstance(value, int):
                fact[field] = max(min(int(value), LARGEST_NUMBER + 1), -LARGEST_NUMBER - 1)
        return fact

    def _assert(self, fact: dict[str, int | str], number: str) -> int:
        """Tell it a fact under a number of its own, so that two that look alike stay two."""
        result, state = self._engine.assert_fact(self._rules, json.dumps({"sid": _SESSION, "id": number, **fact}))
        if result not in (_TAKEN, _WANTED_BY_NONE):
            raise RuntimeError(f"durable_rules did not take a fact (result {result})")
        return int(state)

    def _act(self, state: int, note: Act) -> None:
        """Everything it has to say since the last time, one firing after another."""
        started = self._engine.start_action_for_state(self._rules, state)
        found = started and started[1]
        try:
            while found:
                ((rule, matched),) = json.loads(found).items()
                note(rule, tuple(int(matched[name]["id"]) for name in "ab" if name in matched) if rule != _OPENING else ())
                found = self._engine.complete_and_start_action(self._rules, state)
        except BaseException:
            self._engine.abandon_action(self._rules, state)
            raise


_TAKEN, _WANTED_BY_NONE = 0, 1
