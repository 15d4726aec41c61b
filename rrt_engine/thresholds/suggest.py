"""From a case's facts to a suggestion: level, pathways and urgency, with what it rests on and what could change it.

Nothing here decides. The level comes from the plan's own arithmetic; everything else said is found by trying: a fact is
missing because recording it would change the answer, and an alternative is what another answer would take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rrt_engine.model import Computed, Consent, EventLog, Fact, Question, SetAside, Suggestion
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.thresholds import trying
from rrt_engine.thresholds.answered import Answered
from rrt_engine.thresholds.chain import Chained, Chainer
from rrt_engine.thresholds.derive import agencies, derived_facts
from rrt_engine.thresholds.indicators import Indicators, flag_tokens, indicators, is_later, sibling_tokens, token_of, unrecorded_tokens
from rrt_engine.thresholds.plan import Plan, Token, compile_plan
from rrt_engine.thresholds.reasons import coverage, nothing_of_need, plain, reasons, why_not
from rrt_engine.thresholds.route import URGENCIES, fired_rules, pathways, urgency
from rrt_engine.thresholds.trying import Trial
from rrt_engine.words import day_words, listed

URGENCY_WORDS: Mapping[str, str] = {
    "now": "now",
    "same_day": "the same day",
    "one_working_day": "within one working day",
    "planned": "planned, with the family",
}
ONE_ENGINE = "checked by one engine"
TWO_ENGINES = "checked by two engines, which agree"
_OF_LEVEL = ("floor", "consider", "raise")


def none_in_force(day: int) -> str:
    """That there is nothing to suggest by on a day."""
    return f"no threshold rule was in force on {day_words(day)}, so nothing is suggested, whatever the facts"


@dataclass(eq=False)
class Reasoner:
    """The threshold rules of one day made ready, with what has been worked out so far for each distinct set of indicators."""

    book: ThresholdBook
    day: int
    plan: Plan = field(init=False)
    chainer: Chainer = field(init=False)

    def __post_init__(self) -> None:
        self.plan = compile_plan(self.book, self.day)
        self.chainer = Chainer(self.plan, self.book.significant)

    @property
    def in_force(self) -> bool:
        """Whether any rule that can move the level was in force on the day. Where none was, level 1 would say nothing of the facts."""
        return any(spec.effect in _OF_LEVEL for spec in self.plan.specs.values())

    def tokens(self, question: Question, found: Indicators) -> list[Token]:
        """The first tokens of a case: its facts, what is unrecorded, and its flags."""
        tokens = list(found.tokens)
        tokens += unrecorded_tokens(self.plan.unrecorded, found.facts, len(tokens))
        tokens += flag_tokens(question.flags, len(tokens))
        return tokens + sibling_tokens(found.siblings, len(tokens))

    def indicators(self, question: Question) -> Indicators:
        """The facts of a case that count, and what is set aside."""
        return indicators(question.recorded, question.computed, self.book, question.as_of, question.case)

    def chained(self, question: Question) -> tuple[Indicators, Chained]:
        """What the plain engine makes of a case."""
        found = self.indicators(question)
        return found, self.chainer.run(self.tokens(question, found))

    def suggest(self, question: Question) -> Suggestion:
        """The suggestion for one case, by the plain engine alone."""
        return self.suggestion(question, *self.chained(question))

    def suggestion(self, question: Question, found: Indicators, chained: Chained) -> Suggestion:
        """The suggestion for a case already reasoned over."""
        fired = fired_rules(chained, self.plan)
        route = pathways(fired, chained.combined.level, self.book)
        return _suggestion(Answered(question, self.book, self.chainer, found, chained, tuple(fired), route))


Reasoners = Callable[[int], Reasoner]


def reasoners(book: ThresholdBook) -> Reasoners:
    """A reasoner for any day, made once for each set of rules in force."""
    made: dict[frozenset[int], Reasoner] = {}

    def on(day: int) -> Reasoner:
        in_force = frozenset(i for i, r in enumerate(book.rules) if r.first_day <= day <= r.last_day)
        if in_force not in made:
            made[in_force] = Reasoner(book, day)
        return made[in_force]

    return on


def question_of(
    case: str, facts: Sequence[Fact], log: EventLog, child: int, book: ThresholdBook, as_of: int, flags: Iterable[tuple[str, str]] = ()
) -> Question:
    """A case with what its timeline gives. `child` is its number in the log; `as_of` a day number."""
    computed = derived_facts(log, child, book, as_of)
    for name, kind in book.facts.items():
        if kind.derive is not None and kind.derive.sources:
            counted = [f for f in facts if counts_as_concern(f, book, as_of)]
            number, how = agencies(counted, book, book.book.length(kind.derive.within), as_of)
            if number:
                computed.append(Fact(name, number, "confirmed", "specific", "current", computed=how))
    return Question(case, as_of, tuple(facts), tuple(computed), tuple(sorted(set(flags))))


def counts_as_concern(fact: Fact, book: ThresholdBook, as_of: int) -> bool:
    """Whether a record is one of a concern on a day: not refuted, not unknown, and not of later."""
    if fact.evidence == "refuted" or fact.value == "unknown" or is_later(fact, as_of):
        return False
    token = token_of(fact, book.facts[fact.id], book)
    return int(token["w"]) >= 2


def _suggestion(a: Answered) -> Suggestion:
    """All that is said of a case, from what fired and from trying."""
    trial = Trial(a)
    missing = trying.missing(a, trial)
    return Suggestion(
        level=a.level,
        level_name=a.book.levels[a.level].name,
        nothing_of_need=nothing_of_need(a),
        significant=a.significant,
        could_be=trying.could_be(a, trial),
        pathways=a.pathways,
        urgency=urgency(a.fired, a.level, a.book),
        reasons=tuple(reasons(a)),
        missing=tuple(missing),
        alternatives=tuple(trying.alternatives(a, trial, missing)),
        smallest=trying.smallest(a, trial),
        consent=_consent(a),
        prompts=tuple(dict.fromkeys(str(r.ask) for r in a.fired if r.effect == "prompt")),
        computed=_computed(a),
        not_counted=a.found.set_aside + _outvoted(a),
        why_not=tuple(why_not(a)),
        coverage=coverage(a),
        checked_by=ONE_ENGINE,
    )


def _consent(a: Answered) -> Consent:
    recorded = [f for f in a.found.facts if f.id == "consent_status"]
    status = str(recorded[-1].value) if recorded else "not_recorded"
    gates = sorted((r for r in a.fired if r.effect == "gate" and r.record), key=lambda r: URGENCIES.index(r.urgency or "planned"))
    if gates:
        return Consent(status, f"{gates[0].title.rstrip('.')}.", str(gates[0].record))
    if status == "given":
        return Consent(status, "Consent is recorded as given.", "Record who agreed, to what, and when.")
    if status == "not_recorded":
        gate = "Consent is not recorded: ask, unless asking would put the child at risk."
        return Consent(status, gate, "Record who was asked, when, and what they said.")
    return Consent(status, f"Consent is recorded as {plain(status)}.", "Record who was asked, when, and what they said.")


def _computed(a: Answered) -> tuple[Computed, ...]:
    matched = {k for _, numbers in a.chained.firings for k in numbers}
    return tuple(Computed(f.id, f.value, f.computed, k in matched) for k, f in enumerate(a.found.facts) if f.computed)


def _outvoted(a: Answered) -> tuple[SetAside, ...]:
    """Protection that does not soften anything here, and why; so that nothing recorded goes unmentioned."""
    if any(r.effect == "soften" for r in a.fired) and not a.chained.combined.softened and a.level == 4:
        names = [a.book.facts[str(t["f"])].label for t in a.found.tokens if t["r"] == "protective" and t["x"]]
        return (SetAside("protective", f"{listed(names)}: counted as strengths for the plan; they never lower level 4"),)
    return ()
