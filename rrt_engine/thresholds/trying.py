"""What could change a suggestion, found by trying: what is missing, what would tip it, and the fewest facts that carry it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from rrt_engine.model import Alternative, Fact, FactValue, Missing
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind
from rrt_engine.thresholds.answered import Answered
from rrt_engine.thresholds.indicators import (
    SEVERAL,
    Indicators,
    age_in_months,
    flag_tokens,
    sibling_tokens,
    strength_of,
    token_of,
    unrecorded_tokens,
)
from rrt_engine.thresholds.plan import SUFFICIENT, Test, Token
from rrt_engine.thresholds.reasons import facts_in, plain, unmet_beside_a_concern
from rrt_engine.thresholds.route import fired_rules, pathways

_SMALL_ENOUGH = 12
Outcome = tuple[int, bool, str]
"""The level, whether it is one of significant harm, and the first pathway."""


class Trial:
    """One case tried with other facts. Each distinct set of facts is reasoned over once."""

    def __init__(self, answered: Answered) -> None:
        self._case = answered
        self.now: Outcome = (answered.level, answered.significant, answered.pathways[0])
        self._tried: dict[object, Outcome] = {}
        self._tokens: dict[Fact, Token] = {}

    def outcome(self, facts: Sequence[Fact]) -> Outcome:
        """What the suggestion would be if these were the facts."""
        a = self._case
        tokens = [{**self.token(f), "k": k} for k, f in enumerate(facts)]
        key = frozenset(tuple(v for name, v in t.items() if name != "k") for t in tokens)
        if key not in self._tried:
            tokens += unrecorded_tokens(a.plan.unrecorded, facts, len(tokens))
            tokens += flag_tokens(a.question.flags, len(tokens))
            tokens += sibling_tokens(a.found.siblings, len(tokens))
            chained = a.chainer.run(tokens)
            route = pathways(fired_rules(chained, a.plan), chained.combined.level, a.book)
            self._tried[key] = (chained.combined.level, chained.combined.significant, route[0])
        return self._tried[key]

    def token(self, fact: Fact) -> Token:
        """A fact's token, worked out once."""
        known = self._tokens.get(fact)
        if known is None:
            known = self._tokens[fact] = token_of(fact, self._case.book.facts[fact.id], self._case.book)
        return known


def could_be(a: Answered, trial: Trial) -> int | None:
    """The level it would be if what is thin were sufficiently evidenced, and what has no timing were so now; None where that
    changes nothing.
    """
    sure = [replace(f, evidence="disclosed") if strength_of(f) < SUFFICIENT and not f.computed else f for f in a.found.facts]
    sure = [replace(f, timing="current") if trial.token(f)["u"] else f for f in sure]
    level, significant, _ = trial.outcome(sure)
    changes = level > a.level or (significant and not a.significant)
    return level if changes else None


def missing(a: Answered, trial: Trial) -> list[Missing]:
    """Facts that are not known and would change the answer, those that the record itself shows to be open first."""
    found: list[tuple[tuple[int, ...], Missing]] = []
    near = {str(t["d"]) for t in a.found.tokens if int(t["w"]) >= 2}
    for order, (name, values, certain) in enumerate(_candidates(a, trial)):
        rest = [f for f in a.found.facts if f.id != name]
        for value in values:
            became = trial.outcome([*rest, _if_so(name, value)])
            if became != trial.now:
                rank = (int(not certain), int(a.book.domain_of[name] not in near), -abs(became[0] - a.level), -became[0], order)
                found.append((rank, _missing_line(a, name, value, became, trial.now)))
                break
    ranked = [line for _, line in sorted(found, key=lambda each: each[0])]
    return list({line.fact: line for line in reversed(ranked)}.values())[::-1]


def _candidates(a: Answered, trial: Trial) -> Iterator[tuple[str, Sequence[FactValue], bool]]:
    """The facts worth trying, the values to try, and whether the record itself shows that they are open: recorded as
    unknown, without its degree or number, or on thin evidence. Of what a rule asks for whose other half is met by a
    concern, the lightest value that the rule takes; and, where it could soften the level, each protection.
    """
    seen: set[str] = set()
    certain = [f.id for f in a.found.unknown]
    certain += [f.id for f in a.found.facts if f.value in ("unspecified", "several")]
    certain += [str(t["f"]) for t in a.found.tokens if int(t["w"]) > int(t["p"]) or t["u"]]
    for name in dict.fromkeys(certain):
        seen.add(name)
        yield name, _values_to_try(a.book.facts[name], a.found, name, a.book)[::-1], True  # the gravest it could be
    seen |= {str(t["f"]) for t in a.found.tokens}
    for tests in _asked_for(a):
        for name in facts_in(tests):
            kind = a.book.facts.get(name)
            if name in seen or kind is None or kind.derive is not None or not _of_this_age(a, name):
                continue
            values = _values_to_try(kind, a.found, name, a.book)
            taken = [v for v in values if all(t.holds(trial.token(_if_so(name, v))) for t in tests)]
            if taken:
                yield name, taken[:1], False
    for name, kind in a.book.facts.items():
        if a.level in (2, 3) and name not in seen and kind.weight == "protective":
            yield name, (True,), False


def _asked_for(a: Answered) -> Iterator[Sequence[Test]]:
    """The unmet pattern of each rule that would move the level and whose other pattern a concern meets."""
    ids = {rule_id for rule_id, _ in a.chained.firings}
    for rule in a.plan.rules:
        if len(rule.patterns) == 2 and rule.id not in ids and a.plan.specs[rule.id].effect in ("floor", "consider", "raise"):
            yield from unmet_beside_a_concern(a, rule.patterns)


def _of_this_age(a: Answered, name: str) -> bool:
    """Whether a fact can be true of a child of this age, as far as the timeline gives the age."""
    ages, months = a.book.facts[name].ages, age_in_months(a.found.facts, a.book)
    return ages is None or months is None or ages.hold(months)


def _missing_line(a: Answered, name: str, value: FactValue, became: Outcome, now: Outcome) -> Missing:
    level, significant, pathway = became
    kind = a.book.facts[name]
    recorded = [t for t in a.found.tokens if t["f"] == name and a.found.facts[int(t["k"])].value == value]
    proviso = "".join(
        [", now" if any(t["u"] for t in recorded) else "", ", on sufficient evidence" if any(t["w"] != t["p"] for t in recorded) else ""]
    )
    words = "yes" if value is True else plain(str(value))
    label = f"{kind.label}{'' if value is True else f': {words}'}{proviso}"
    if level != now[0]:
        change = f"Level {level}, {a.book.levels[level].name}"
    elif significant != now[1]:
        change = "A question of significant harm" if significant else "No question of significant harm"
    else:
        change = f"The route would be “{a.book.pathways[pathway].label}”"
    text = f"{change}, if this is so: {label}.{f' Ask: {kind.ask}' if kind.ask else ''}"
    return Missing(name, words, level if level != now[0] else None, pathway if pathway != now[2] else None, text)


def _concerns(a: Answered) -> list[Fact]:
    """The facts that carry the level, heaviest first."""
    weighed = [(t, a.found.facts[int(t["k"])]) for t in a.found.tokens if t["x"] and (int(t["w"]) >= 2 or t["r"] == "raises")]
    return [f for _, f in sorted(weighed, key=lambda each: (-int(each[0]["p"]), int(each[0]["k"])))]


def smallest(a: Answered, trial: Trial) -> tuple[str, ...]:
    """The fewest facts that, with the protection and status recorded, carry the level and its route by themselves."""
    if a.level == 1:
        return ()
    concerns = _concerns(a)
    others = [f for f in a.found.facts if f not in concerns]
    reached = (a.level, a.significant)

    def carries(chosen: Iterable[Fact]) -> bool:
        return trial.outcome([*others, *chosen])[:2] == reached

    if carries(()):
        return tuple(dict.fromkeys(f.id for f in _by_status(a)))
    for size in range(1, 4):
        if len(concerns) <= _SMALL_ENOUGH or size == 1:
            for chosen in combinations(concerns, size):
                if carries(chosen):
                    return tuple(dict.fromkeys(f.id for f in chosen))
    kept = list(concerns)
    for fact in reversed(concerns):
        without = [f for f in kept if f is not fact]
        if carries(without):
            kept = without
    return tuple(dict.fromkeys(f.id for f in kept))


def _by_status(a: Answered) -> list[Fact]:
    """The facts behind the floors and duties that stand without any concern, such as an open plan."""
    return [f for r in a.fired if r.effect == "floor" for t in a.matched(r) for f in a.support(t)]


def alternatives(a: Answered, trial: Trial, found: Sequence[Missing]) -> Iterator[Alternative]:
    """Other levels, and what would tip it there: a single fact where one does, else the facts that carry the level."""
    without: dict[int, list[str]] = {}
    for name in dict.fromkeys(f.id for f in _concerns(a)):
        level = trial.outcome([f for f in a.found.facts if f.id != name])[0]
        if level < a.level:
            without.setdefault(level, []).append(a.book.facts[name].label)
    for level, labels in sorted(without.items(), reverse=True):
        yield Alternative(
            level, f"it were not so that: {labels[0]}" if len(labels) == 1 else f"any one of these were not so: {'; '.join(labels)}"
        )
    if not without and a.level > 1:
        rest = [f for f in a.found.facts if f.id not in {c.id for c in _concerns(a)}]
        level = trial.outcome(rest)[0]
        if level < a.level:
            labels = list(dict.fromkeys(a.book.facts[f.id].label for f in _concerns(a)))
            yield Alternative(level, f"none of these were so: {'; '.join(labels)}")
    higher: dict[int, list[str]] = {}
    for line in found:
        if line.could_change_to is not None and line.could_change_to > a.level:
            kind = a.book.facts[line.fact]
            higher.setdefault(line.could_change_to, []).append(f"{kind.label}{'' if line.value == 'yes' else f': {line.value}'}")
    lower = [m for m in found if m.could_change_to is not None and m.could_change_to < a.level]
    for level in sorted({m.could_change_to for m in lower if m.could_change_to is not None}, reverse=True):
        labels = [a.book.facts[m.fact].label for m in lower if m.could_change_to == level]
        if level not in without:
            yield Alternative(level, f"this were known and verified: {'; or '.join(labels[:3])}")
    for level, labels in sorted(higher.items()):
        yield Alternative(level, f"this were known: {'; or '.join(labels[:3])}")
    if a.level < 4 and not higher:
        yield _next_up(a, trial)


def _next_up(a: Answered, trial: Trial) -> Alternative:
    """What one more fact would take it to the next level, where nothing near does: the kinds of concern of that level."""
    for name, kind in a.book.facts.items():
        for value in kind.values or ((True,) if kind.type == "boolean" else ()):
            level = trial.outcome([*a.found.facts, _if_so(name, value)])[0]
            if level == a.level + 1:
                return Alternative(
                    level,
                    f"a concern of that level were recorded, such as: {kind.label}{'' if value is True else f': {plain(str(value))}'}",
                )
    return Alternative(4, "a concern of that level were recorded")


def _values_to_try(kind: FactKind, found: Indicators, name: str, book: ThresholdBook) -> list[FactValue]:
    """The values worth trying for a fact: each of a level, true for a boolean, each step of a count.

    What is already recorded is tried on better evidence; what has no degree is tried at each.
    """
    recorded = [f for f in found.facts if f.id == name]
    if recorded and recorded[0].value not in ("unspecified", "several"):
        return [recorded[0].value]
    if kind.type == "boolean":
        return [True]
    if kind.values:
        return list(kind.values)
    least = SEVERAL if recorded and recorded[0].value == "several" else 0
    steps = [book.value(s.from_) for s in kind.steps if s.from_ is not None and book.value(s.from_) >= least]
    below = [book.value(s.below) - 1 for s in kind.steps if s.below is not None]
    return [*steps, *below]


def _if_so(name: str, value: FactValue) -> Fact:
    """A fact as it is tried: seen for oneself, and so now."""
    return Fact(name, value, "observed", "specific", "current")
