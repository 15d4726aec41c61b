"""Made plans and made cases for the threshold engines: every test a plan can hold, over tokens that sit on the boundaries.

The vocabulary is small, so that rules and facts meet: the same fact twice, a number one short, a field that is missing.
Nothing here resembles a real child, and no made rule means anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from rrt_engine.rulebook.threshold_schema import Effect, ThresholdRule
from rrt_engine.thresholds.plan import Plan, PlanRule, Test, Token

FACTS = ("struck", "injury_seen", "left_alone", "missing_count", "ask_consent", "aunt_helps", "rent_owed", "weight_kg")
VALUES = ("some", "marked", "none", "true", "false", "unspecified", "a: b, c")
ROLES = ("concern", "immediate", "raises", "gate", "context", "protective", "duty", "prompt")
DOMAINS = ("Child: health and development", "Parents", "home")
FLAGS = ("cp_visit_6w", "icpc_15wd")
STATUSES = ("overdue", "late", "due")
COUNTS = ("domains_at_2", "domains_at_3", "verified_protective")
NUMBERS = (-3, -1, 0, 1, 2, 3, 10)
PATHWAYS = ("s47_strategy_discussion", "family_help_s17", "early_help")
SIGNIFICANT = frozenset(PATHWAYS[:1])
EFFECTS: tuple[Effect, ...] = ("floor", "consider", "raise", "soften", "duty", "gate", "prompt")
MISSING = {"rent_owed": ("n",), "aunt_helps": ("v", "c"), "left_alone": ("m",), "weight_kg": ("v",)}
"""Fields that tokens of these facts never have: which fields there are depends on the type and the fact alone."""
STRATUM = {"fact": 1, "unrecorded": 1, "flag": 1, "count": 2, "level": 3}


def rule_spec(name: str, effect: Effect = "prompt", level: int | None = None, pathways: Sequence[str] = ()) -> ThresholdRule:
    """As much of a threshold rule as the engines read. Copied, as making one from nothing asks after each default of it."""
    return _NOTHING_SAID.model_copy(update={"id": name, "effect": effect, "level": level, "pathways": list(pathways)})


_NOTHING_SAID = ThresholdRule.model_construct()


def plan_of(*rules: PlanRule, **specs: ThresholdRule) -> Plan:
    """A plan of these rules; prompts, where nothing else is said."""
    return Plan(rules, {rule.id: specs.get(rule.id) or rule_spec(rule.id) for rule in rules}, ())


def made_plan(random: Random, most: int = 40) -> Plan:
    """A plan of one to `most` made rules, every operator, form and number of patterns in it sooner or later."""
    rules, specs = [], {}
    for number in range(random.randint(1, most)):
        name = f"rt_made_{number}"
        patterns = tuple(made_pattern(random) for _ in range(random.choice((1, 1, 2))))
        rules.append(PlanRule(name, max(STRATUM[str(tests[0].value)] for tests in patterns), patterns))
        effect = random.choice(EFFECTS)
        level = random.randint(1, 4) if effect in ("floor", "consider") else None
        specs[name] = rule_spec(name, effect, level, random.sample(PATHWAYS, random.randint(0, 2)) if effect == "floor" else ())
    return Plan(tuple(rules), specs, ())


def made_pattern(random: Random) -> tuple[Test, ...]:
    """One pattern of any form, with some of the tests that the form can have."""
    form = random.choice(("fact", "fact", "fact", "fact", "count", "unrecorded", "flag", "level"))
    tests = [Test("t", "eq", form)]
    if form == "count":
        return (*tests, Test("f", "eq", random.choice(COUNTS)), Test("n", "ge", random.randint(0, 3)))
    if form == "unrecorded":
        return (*tests, Test("f", "eq", random.choice(FACTS)))
    if form == "flag":
        tests.append(_any_of(random, "f", FLAGS))
        return (*tests, _any_of(random, "v", STATUSES)) if random.random() < 0.6 else tuple(tests)
    if form == "level":
        tests.append(Test("n", "in", tuple(random.sample((1, 2, 3, 4), random.randint(1, 3)))))
        return (*tests, Test("c", "eq", random.randint(0, 1))) if random.random() < 0.5 else tuple(tests)
    chosen = [
        _any_of(random, "f", FACTS),
        Test("r", "eq", random.choice(ROLES)),
        _any_of(random, "d", DOMAINS),
        _any_of(random, "v", VALUES),
        Test("x", "eq", random.randint(0, 1)),
        Test("p", "ge", random.randint(1, 4)),
        Test("n", "ge", random.choice(NUMBERS)),
        Test("n", "lt", random.choice(NUMBERS)),
        Test("s", random.choice(("lt", "ge")), random.randint(1, 2)),
        Test("c", "eq", 1),
        Test("m", "ge", random.randint(1, 2)),
    ]
    return (*tests, *random.sample(chosen, random.choice((0, 1, 1, 2, 2, 3, 4))))


def _any_of(random: Random, field: str, values: Sequence[str]) -> Test:
    some = tuple(random.sample(values, random.randint(1, len(values))))
    return Test(field, "eq", some[0]) if len(some) == 1 and random.random() < 0.8 else Test(field, "in", some)


def made_case(random: Random, most: int = 12, plan: Plan | None = None) -> list[Token]:
    """One case's first tokens, numbered: facts, flags and what is unrecorded, some of them twice."""
    tokens: list[Token] = []
    numbers = _boundaries(plan) if plan else NUMBERS
    for _ in range(random.randint(0, most)):
        form = random.choice(("fact",) * 6 + ("unrecorded", "flag"))
        token: dict[str, Any]
        if tokens and random.random() < 0.15:
            token = dict(random.choice(tokens))
        elif form == "fact":
            written = random.randint(0, 4)
            strength = random.randint(0, 2)
            token = {
                "t": "fact",
                "f": random.choice(FACTS),
                "v": random.choice(VALUES),
                "n": random.choice(numbers),
                "p": min(written, 3) if strength == 0 else written,
                "w": written,
                "r": random.choice(("concern", "concern", *ROLES)),
                "d": random.choice((*DOMAINS, "elsewhere")),
                "s": strength,
                "c": random.randint(0, 1),
                "m": random.randint(0, 2),
                "y": int(random.random() < 0.2),
                "x": int(random.random() < 0.8),
            }
            for field in MISSING.get(str(token["f"]), ()):
                del token[field]
        elif form == "flag":
            token = {"t": "flag", "f": random.choice((*FLAGS, "other_rule")), "v": random.choice((*STATUSES, 'a "quoted" one\\'))}
        else:
            token = {"t": "unrecorded", "f": random.choice((*FACTS, "not_named"))}
        tokens.append(token)
    return [{**token, "k": k} for k, token in enumerate(tokens)]


def _boundaries(plan: Plan) -> tuple[int, ...]:
    """The numbers that a plan compares with, one less and one more, and one larger than any rule holds."""
    found = {int(t.value) for r in plan.rules for tests in r.patterns for t in tests if t.field == "n" and isinstance(t.value, int)}
    return tuple(sorted({n + step for n in found or {0} for step in (-1, 0, 1)} | {10**12}))
