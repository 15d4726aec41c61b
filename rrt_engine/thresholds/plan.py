"""The plan that both engines run: threshold rules as patterns over small tokens, in three strata, and how effects combine.

A token is a flat record of short text and small whole numbers. Facts, flags and what is unrecorded are tokens of the
first stratum; domain findings and counts follow from them; the level follows from what fired on those. A rule is one
pattern, or two with nothing compared between them: the subset in which durable_rules is safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the second engine's process runs a plan and needs none of what made it
    from rrt_engine.rulebook.schema import Parameter
    from rrt_engine.rulebook.threshold_book import ThresholdBook
    from rrt_engine.rulebook.threshold_schema import Effect, Pattern, ThresholdRule

Token = dict[str, int | str]
"""One record that rules match. `t` is its type and `k` its number in the case; the rest depends on the type.

fact: f id, v value, n number, p pull after the evidence is weighed, w pull as written, r role, d domain, s strength (0 thin,
1 sufficient, 2 verified), h first hand, c current, m impact, y hardship (1 is, 2 may be, 3 says so), u immediate if it were
current and the timing is unknown, x present (0: stated absent).
count: f which, n how many, s on what evidence.  unrecorded: f fact.  flag: f rule, v status.
sibling: f fact, w weight, s strength.  level: n level, c significant.
The fields of a type come in one order, with `k` last; no rule compares `k`.
"""

THIN, SUFFICIENT, VERIFIED = range(3)
HARDSHIP: Mapping[bool | str, int] = {False: 0, True: 1, "may_be": 2, "says_so": 3}
THIN_AT_MOST = 3
"""Thin evidence never carries more than this level, after AB and CD v Haringey [2013] EWHC 416 (Admin), as reported."""
Operator = Literal["eq", "in", "ge", "lt"]


@dataclass(frozen=True)
class Test:
    """One comparison of a token's field with a constant."""

    field: str
    operator: Operator
    value: int | str | tuple[str, ...] | tuple[int, ...]

    def holds(self, token: Token) -> bool:
        """Whether the token has the field and it compares so."""
        found = token.get(self.field)
        if found is None:
            return False
        if self.operator == "eq":
            return found == self.value
        if self.operator == "in":
            return found in self.value  # type: ignore[operator]
        return found >= self.value if self.operator == "ge" else found < self.value  # type: ignore[operator]


@dataclass(frozen=True)
class PlanRule:
    """A threshold rule as the engines run it: one or two patterns, each all of its tests."""

    id: str
    stratum: int
    patterns: tuple[tuple[Test, ...], ...]


@dataclass(frozen=True)
class Plan:
    """The threshold rules of one day, compiled. `rules` in the order of the rule set, which never matters."""

    rules: tuple[PlanRule, ...]
    specs: Mapping[str, ThresholdRule]
    unrecorded: tuple[str, ...]


Firing = tuple[str, tuple[int, ...]]
"""A rule that fired, and the numbers of the tokens it matched, one a pattern."""

STRATUM_OF = {"fact": 1, "unrecorded": 1, "flag": 1, "sibling": 1, "count": 2, "level": 3}
STRATA = (1, 2, 3)


def compile_plan(book: ThresholdBook, day: int) -> Plan:
    """The rules in force on a day, as both engines run them."""
    rules = [r.spec for r in book.rules if r.first_day <= day <= r.last_day]
    wanted = dict.fromkeys(p.unrecorded for r in rules for p in r.when if p.unrecorded)
    return Plan(tuple(_compile(r, book) for r in rules), {r.id: r for r in rules}, tuple(w for w in wanted if w))


def _compile(rule: ThresholdRule, book: ThresholdBook) -> PlanRule:
    return PlanRule(rule.id, max(STRATUM_OF[p.form] for p in rule.when), tuple(_tests(p, book) for p in rule.when))


def _tests(pattern: Pattern, book: ThresholdBook) -> tuple[Test, ...]:
    """A pattern as comparisons, the most telling first."""
    form = pattern.form
    tests = [Test("t", "eq", form)]

    def number(given: int | Parameter | None) -> int:
        return int(book.value(given))

    if form == "count":
        tests += [Test("f", "eq", str(pattern.count)), Test("n", "ge", number(pattern.at_least))]
    elif form == "unrecorded":
        tests.append(Test("f", "eq", str(pattern.unrecorded)))
    elif form == "flag":
        tests.append(_one_of("f", pattern.flag or []))
        if pattern.status:
            tests.append(_one_of("v", pattern.status))
    elif form == "sibling":
        tests.append(Test("w", "ge", int(pattern.sibling or 1)))
    elif form == "level":
        tests.append(Test("n", "in", tuple(pattern.level or [])))
        if pattern.significant is not None:
            tests.append(Test("c", "eq", int(pattern.significant)))
    else:
        values = [_word(v) for v in pattern.value or []]
        if pattern.fact:
            tests.append(_one_of("f", pattern.fact))
        if pattern.role:
            tests.append(Test("r", "eq", pattern.role))
        if pattern.domain:
            tests.append(_one_of("d", pattern.domain))
        if values:
            tests.append(_one_of("v", values))
        if not set(values) & {"false", "none"}:
            tests.append(Test("x", "eq", 1))
        if pattern.pull:
            tests.append(Test("p", "ge", pattern.pull))
        if pattern.written:
            tests.append(Test("w", "ge", pattern.written))
        if pattern.at_least is not None:
            tests.append(Test("n", "ge", number(pattern.at_least)))
        if pattern.below is not None:
            tests.append(Test("n", "lt", number(pattern.below)))
        if pattern.evidence:
            strength = {
                "thin": Test("s", "lt", SUFFICIENT),
                "sufficient": Test("s", "ge", SUFFICIENT),
                "first_hand": Test("h", "eq", 1),
                "verified": Test("s", "ge", VERIFIED),
            }
            tests.append(strength[pattern.evidence])
        if pattern.unsettled:
            tests.append(Test("u", "eq", 1))
        if pattern.timing:
            tests.append(Test("c", "eq", 1))
        if pattern.impact:
            tests.append(Test("m", "ge", 2 if pattern.impact == "marked" else 1))
    return tuple(tests)


def _one_of(field: str, values: Sequence[str]) -> Test:
    return Test(field, "eq", values[0]) if len(values) == 1 else Test(field, "in", tuple(values))


def _word(value: bool | str) -> str:
    return str(value).lower() if isinstance(value, bool) else value


# ------------------------------------------------------------------------------------------- what follows from tokens


def counts(tokens: Sequence[Token]) -> list[Token]:
    """Domain findings counted: the tokens of the second stratum, numbered on from the first.

    A domain holds a concern of level 2 where any fact of it pulls so far; of level 3 only on sufficient evidence, so that
    thin evidence never adds up to level 4. Hardship adds up to nothing: poverty is not neglect.
    """
    any_2: set[str] = set()
    sure_2: set[str] = set()
    sure_3: set[str] = set()
    protective: set[str] = set()
    only = only_hardship(tokens)
    for token in tokens:
        if token["t"] != "fact" or not token["x"]:
            continue
        pull, strength = int(token["p"]), int(token["s"])
        if token["r"] == "protective":
            if strength == VERIFIED:
                protective.add(str(token["f"]))
        elif pull >= 2 and token["y"] not in only:
            domain = str(token["d"])
            any_2.add(domain)
            if strength >= SUFFICIENT:
                sure_2.add(domain)
                if pull >= 3:
                    sure_3.add(domain)
    found = (
        ("domains_at_2", THIN, len(any_2)),
        ("domains_at_2", SUFFICIENT, len(sure_2)),
        ("domains_at_3", SUFFICIENT, len(sure_3)),
        ("verified_protective", VERIFIED, len(protective)),
    )
    return [{"t": "count", "f": name, "s": s, "n": n, "k": len(tokens) + i} for i, (name, s, n) in enumerate(found)]


def only_hardship(tokens: Iterable[Token]) -> frozenset[int]:
    """What stands for hardship alone in this case: what is marked so, and what may be, where it is recorded on sufficient
    evidence that the care is good enough.
    """
    said = any(t.get("y") == HARDSHIP["says_so"] and t["x"] and int(t["s"]) >= SUFFICIENT for t in tokens)
    return frozenset((HARDSHIP[True], HARDSHIP["may_be"])) if said else frozenset((HARDSHIP[True],))


def counted(token: Token, count: Token, only: frozenset[int]) -> bool:
    """Whether a fact's token is among those that a count counted. `only` is what stands for hardship alone in the case."""
    if not token["x"] or int(token["s"]) < int(count["s"]):
        return False
    if count["f"] == "verified_protective":
        return token["r"] == "protective"
    least = 2 if count["f"] == "domains_at_2" else 3
    return token["r"] != "protective" and token["y"] not in only and int(token["p"]) >= least


def apart(one: Token, other: Token) -> bool:
    """Whether two tokens may stand for the two patterns of a rule: never the same fact twice, however often recorded."""
    return one["t"] != other["t"] or one.get("f") != other.get("f")


@dataclass(frozen=True)
class Combined:
    """The level, and how it was reached: a floor, or what added up, one step raised or softened."""

    level: int
    significant: bool
    floor: int
    considered: int
    raised: bool
    softened: bool


def combine(firings: Iterable[Firing], tokens: Sequence[Token], plan: Plan, significant: frozenset[str]) -> Combined:
    """What fired, as one level. The order of firings never matters.

    floor: the highest floor. Considered: the highest level that facts add up to; modifiers together raise it one step, to
    level 4 only where the evidence of the concern raised is sufficient; protective factors together lower 3 or 2 by one
    step, never what is held at thin evidence of something serious. Hardship is neither raised nor softened.
    """
    floor, urgent = 0, False
    any_, sure, held, poor = 1, 1, 1, 1
    raised = surely = softened = False
    only = only_hardship(tokens)
    for rule_id, matched in firings:
        spec = plan.specs[rule_id]
        effect: Effect = spec.effect
        weighed = [tokens[k] for k in matched if "s" in tokens[k]]
        sufficient = all(int(t["s"]) >= SUFFICIENT for t in weighed)
        if effect == "floor":
            floor = max(floor, spec.level or 0)
            urgent = urgent or not significant.isdisjoint(spec.pathways)
        elif effect == "consider":
            level = spec.level or 1
            if weighed and all(t.get("y") in only for t in weighed):
                poor = max(poor, level)
                continue
            any_ = max(any_, level)
            sure = max(sure, level) if sufficient else sure
            held = max(held, level) if any(int(t.get("w", 0)) > int(t.get("p", 0)) for t in weighed) else held
        elif effect == "raise":
            raised, surely = True, surely or sufficient
        elif effect == "soften":
            softened = True
    lifted = any_
    if raised and any_ >= 2:
        lifted = max(lifted, min(any_ + 1, THIN_AT_MOST))
    if surely and sure >= 2:
        lifted = max(lifted, min(sure + 1, 4))
    lowered = max(lifted - 1, held) if softened and lifted in (2, 3) else lifted
    return Combined(max(floor, lowered, poor), urgent, floor, max(any_, poor), lifted > any_, lowered < lifted)


def level_token(combined: Combined, number: int) -> Token:
    """The token of the third stratum."""
    return {"t": "level", "n": combined.level, "c": int(combined.significant), "k": number}
