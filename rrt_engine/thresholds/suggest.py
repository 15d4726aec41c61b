"""From a case's facts to a suggestion: level, pathways and urgency, with what it rests on and what could change it.

Nothing here decides. The level comes from the plan's own arithmetic; everything else said is found by trying: a fact is
missing because recording it would change the answer, and an alternative is what another answer would take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import Alternative, Computed, Consent, EventLog, Fact, FactValue, Missing, Reason, SetAside, Suggestion, plural
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind, ThresholdRule
from rrt_engine.thresholds.chain import Chained, Chainer
from rrt_engine.thresholds.derive import agencies, derived_facts
from rrt_engine.thresholds.indicators import SEVERAL, Indicators, flag_tokens, indicators, strength_of, token_of, unrecorded_tokens
from rrt_engine.thresholds.plan import SUFFICIENT, Plan, Test, Token, compile_plan
from rrt_engine.thresholds.route import fired_rules, pathways, urgency
from rrt_engine.words import listed, short_day_words

URGENCY_WORDS: Mapping[str, str] = {
    "now": "now",
    "same_day": "the same day",
    "one_working_day": "within one working day",
    "planned": "planned, with the family",
}
ONE_ENGINE = "checked by one engine"
TWO_ENGINES = "checked by two engines, which agree"
_SMALL_ENOUGH = 12


@dataclass(frozen=True)
class Question:
    """One case as the threshold engines see it: what is recorded and computed, and the flags its timeline has."""

    case: str
    as_of: int
    recorded: tuple[Fact, ...]
    computed: tuple[Fact, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()


@dataclass
class Reasoner:
    """The threshold rules of one day made ready, with what has been worked out so far for each distinct set of indicators."""

    book: ThresholdBook
    day: int
    plan: Plan = field(init=False)
    chainer: Chainer = field(init=False)

    def __post_init__(self) -> None:
        self.plan = compile_plan(self.book, self.day)
        self.chainer = Chainer(self.plan, self.book.significant)

    def tokens(self, question: Question, found: Indicators) -> list[Token]:
        """The first tokens of a case: its facts, what is unrecorded, and its flags."""
        tokens = list(found.tokens)
        tokens += unrecorded_tokens(self.plan.unrecorded, found.facts, len(tokens))
        return tokens + flag_tokens(question.flags, len(tokens))

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
        return _Answer(self, question, found, chained).suggestion()


def question_of(
    case: str, facts: Sequence[Fact], log: EventLog, child: int, book: ThresholdBook, as_of: int, flags: Iterable[tuple[str, str]] = ()
) -> Question:
    """A case with what its timeline gives. `child` is its number in the log; `as_of` a day number."""
    computed = derived_facts(log, child, book, as_of)
    for name, kind in book.facts.items():
        if kind.derive is not None and kind.derive.sources:
            counted = [f for f in facts if _counts_as_concern(f, book, as_of)]
            number, how = agencies(counted, book, book.book.length(kind.derive.within), as_of)
            if number:
                computed.append(Fact(name, number, "confirmed", "specific", "current", computed=how))
    return Question(case, as_of, tuple(facts), tuple(computed), tuple(sorted(set(flags))))


def _counts_as_concern(fact: Fact, book: ThresholdBook, as_of: int) -> bool:
    if fact.evidence == "refuted" or fact.value == "unknown" or (fact.on != NO_DAY and fact.on > as_of):
        return False
    token = token_of(fact, book.facts[fact.id], book)
    return int(token["w"]) >= 2


def _constants(test: Test) -> tuple[object, ...]:
    return tuple(test.value) if isinstance(test.value, tuple) else (test.value,)


class _Answer:
    """One case being answered: the parts of a suggestion, each from the chain and from trying."""

    def __init__(self, reasoner: Reasoner, question: Question, found: Indicators, chained: Chained) -> None:
        self.reasoner, self.question, self.found, self.chained = reasoner, question, found, chained
        self.book, self.plan = reasoner.book, reasoner.plan
        self.level = chained.combined.level
        self.fired = fired_rules(chained, reasoner.plan)
        self.pathways = pathways(self.fired, self.level, reasoner.book)
        self._tried: dict[object, tuple[int, bool, str]] = {}
        self._tokens: dict[Fact, Token] = {}

    def suggestion(self) -> Suggestion:
        missing = self._missing()
        smallest = self._smallest()
        return Suggestion(
            level=self.level,
            level_name=self.book.levels[self.level].name,
            significant=self.chained.combined.significant,
            could_be=self._could_be(),
            pathways=self.pathways,
            urgency=urgency(self.fired, self.level, self.book),
            reasons=tuple(self._reasons()),
            missing=tuple(missing),
            alternatives=tuple(self._alternatives(missing, smallest)),
            smallest=smallest,
            consent=self._consent(),
            prompts=tuple(dict.fromkeys(str(r.ask) for r in self.fired if r.effect == "prompt")),
            computed=self._computed(),
            not_counted=self.found.set_aside + self._outvoted(),
            why_not=tuple(self._why_not()),
            coverage=self._coverage(),
            checked_by=ONE_ENGINE,
        )

    # ------------------------------------------------------------------------------------------------- what fired

    def _matched(self, rule: ThresholdRule) -> list[Token]:
        """The tokens a rule matched, each once, in the order recorded.

        Of a rule that looks for a named fact beside any concern, only the named fact: the concern has a reason of its own.
        """
        named = [i for i, pattern in enumerate(rule.when) if pattern.fact or pattern.form != "fact"] or range(len(rule.when))
        numbers = sorted({matched[i] for rule_id, matched in self.chained.firings if rule_id == rule.id for i in named})
        return [self.chained.tokens[k] for k in numbers]

    def _support(self, token: Token) -> list[Fact]:
        """The facts a token stands for: itself, or what a count counted."""
        if token["t"] == "fact":
            return [self.found.facts[int(token["k"])]]
        if token["t"] == "count":
            return [self.found.facts[int(t["k"])] for t in self.found.tokens if _counted(t, token)]
        return []

    def _reasons(self) -> Iterator[Reason]:
        for rule in self.fired:
            if rule.effect == "consider" and (rule.level or 1) < 2:
                continue
            tokens = self._matched(rule)
            facts = list({id(f): f for t in tokens for f in self._support(t)}.values())
            domains = {self.book.domain_of[f.id] for f in facts}
            source = rule.source[0]
            yield Reason(
                rule=rule.id,
                effect=rule.effect,
                level=rule.level,
                facts=tuple(dict.fromkeys(f.id for f in facts)),
                domain=self.book.domains[domains.pop()] if len(domains) == 1 else "",
                source=f"{self.book.book.sources[source.id].title}, {source.at}",
                authority=rule.authority,
                verified=rule.verified,
                text=self._reason_text(rule, tokens, facts),
            )

    def _reason_text(self, rule: ThresholdRule, tokens: Sequence[Token], facts: Sequence[Fact]) -> str:
        flags = [f"{t['f']} is {str(t['v']).replace('_', ' ')}" for t in tokens if t["t"] == "flag"]
        counted = any(t["t"] == "count" for t in tokens)
        said = [self.book.facts[f.id].label if counted else self.fact_words(f) for f in facts] + flags
        return f"{rule.title}: {'; '.join(said)}" if said else rule.title

    def fact_words(self, fact: Fact) -> str:
        """A fact as recorded, with its value and evidence."""
        how = "from the timeline" if fact.computed else _evidence_words(fact)
        value = "" if fact.value is True else f": {_value_words(fact)}"
        return f"{self.book.facts[fact.id].label}{value} ({how})"

    # ------------------------------------------------------------------------------------------------- the route

    def _could_be(self) -> int | None:
        """The level it would be if what is thin were sufficiently evidenced; None where that changes nothing."""
        sure = [replace(f, evidence="disclosed") if strength_of(f) < SUFFICIENT and not f.computed else f for f in self.found.facts]
        level, significant, _ = self._try(sure)
        changes = level > self.level or (significant and not self.chained.combined.significant)
        return level if changes else None

    # ------------------------------------------------------------------------------------------------- trying

    def _try(self, facts: Sequence[Fact]) -> tuple[int, bool, str]:
        """The level, whether it is one of significant harm, and the first pathway, if these were the facts."""
        tokens = [{**self._token(f), "k": k} for k, f in enumerate(facts)]
        key = frozenset(tuple(v for name, v in t.items() if name != "k") for t in tokens)
        if key not in self._tried:
            tokens += unrecorded_tokens(self.plan.unrecorded, facts, len(tokens))
            tokens += flag_tokens(self.question.flags, len(tokens))
            chained = self.reasoner.chainer.run(tokens)
            route = pathways(fired_rules(chained, self.plan), chained.combined.level, self.book)
            self._tried[key] = (chained.combined.level, chained.combined.significant, route[0])
        return self._tried[key]

    def _token(self, fact: Fact) -> Token:
        known = self._tokens.get(fact)
        if known is None:
            known = self._tokens[fact] = token_of(fact, self.book.facts[fact.id], self.book)
        return known

    def _missing(self) -> list[Missing]:
        """Facts that are not known and would change the answer, those that the record itself shows to be open first."""
        now = (self.level, self.chained.combined.significant, self.pathways[0])
        found: list[tuple[tuple[int, ...], Missing]] = []
        for order, (name, values, certain) in enumerate(self._candidates()):
            rest = [f for f in self.found.facts if f.id != name]
            for value in values:
                became = self._try([*rest, _if_so(name, value)])
                if became != now:
                    rank = (int(not certain), -abs(became[0] - self.level), -became[0], order)
                    found.append((rank, self._missing_line(name, value, became, now)))
                    break
        ranked = [line for _, line in sorted(found, key=lambda each: each[0])]
        return list({line.fact: line for line in reversed(ranked)}.values())[::-1]

    def _candidates(self) -> Iterator[tuple[str, Sequence[FactValue], bool]]:
        """The facts worth trying, the values to try, and whether the record itself shows that they are open: recorded as
        unknown, without its degree or number, or on thin evidence. Of what a rule asks for whose other half is met by a
        concern, the lightest value that the rule takes; and, where it could soften the level, each protection.
        """
        seen: set[str] = set()
        certain = [f.id for f in self.found.unknown]
        certain += [f.id for f in self.found.facts if f.value in ("unspecified", "several")]
        certain += [str(t["f"]) for t in self.found.tokens if int(t["w"]) > int(t["p"])]
        for name in dict.fromkeys(certain):
            seen.add(name)
            yield name, _values_to_try(self.book.facts[name], self.found, name, self.book), True
        seen |= {str(t["f"]) for t in self.found.tokens}
        for tests in self._asked_for():
            for name in (str(v) for t in tests if t.field == "f" for v in _constants(t)):
                kind = self.book.facts.get(name)
                if name in seen or kind is None or kind.derive is not None or not self._of_this_age(name):
                    continue
                values = _values_to_try(kind, self.found, name, self.book)
                taken = [v for v in values if all(t.holds(self._token(_if_so(name, v))) for t in tests)]
                if taken:
                    yield name, taken[:1], False
        for name in self.book.facts:
            if self.level in (2, 3) and name not in seen and self.book.domain_of[name] == "protective":
                yield name, (True,), False

    def _asked_for(self) -> Iterator[Sequence[Test]]:
        """The unmet pattern of each rule that would move the level or the route and whose other pattern a concern meets."""
        concerns = [t for t in self.found.tokens if int(t["w"]) >= 2]
        ids = {rule_id for rule_id, _ in self.chained.firings}
        for rule in self.plan.rules:
            if len(rule.patterns) == 2 and rule.id not in ids and self.plan.specs[rule.id].effect in ("floor", "consider", "raise"):
                met = [any(all(t.holds(token) for t in tests) for token in concerns) for tests in rule.patterns]
                if any(met) and not all(met):
                    yield rule.patterns[met.index(False)]

    def _of_this_age(self, name: str) -> bool:
        """Whether a fact can be true of a child of this age, as far as the age is known."""
        ages = self.book.facts[name].ages
        months = [int(f.value) for f in self.found.facts if f.id == "child_age_months" and not isinstance(f.value, str)]
        if ages is None or not months:
            return True
        return (ages.from_ is None or months[0] >= ages.from_) and (ages.below is None or months[0] < ages.below)

    def _half_met(self, patterns: Sequence[Sequence[Test]]) -> bool:
        return any(all(t.holds(token) for t in tests) for tests in patterns for token in self.chained.tokens)

    def _missing_line(self, name: str, value: FactValue, became: tuple[int, bool, str], now: tuple[int, bool, str]) -> Missing:
        level, significant, pathway = became
        kind = self.book.facts[name]
        recorded = [f for f in self.found.facts if f.id == name and f.value == value]
        words = "yes" if value is True else _plain(str(value))
        label = f"{kind.label}{'' if value is True else f': {words}'}{', on sufficient evidence' if recorded else ''}"
        if level != now[0]:
            change = f"Level {level}, {self.book.levels[level].name}"
        elif significant != now[1]:
            change = "A question of significant harm" if significant else "No question of significant harm"
        else:
            change = f"The route would be “{self.book.pathways[pathway].label}”"
        text = f"{change}, if this is so: {label}.{f' Ask: {kind.ask}' if kind.ask else ''}"
        return Missing(name, words, level if level != now[0] else None, pathway if pathway != now[2] else None, text)

    def _concerns(self) -> list[Fact]:
        """The facts that carry the level, heaviest first."""
        weighed = [(t, self.found.facts[int(t["k"])]) for t in self.found.tokens if t["x"] and (int(t["w"]) >= 2 or t["r"] == "raises")]
        return [f for _, f in sorted(weighed, key=lambda each: (-int(each[0]["p"]), int(each[0]["k"])))]

    def _smallest(self) -> tuple[str, ...]:
        """The fewest facts that, with the protection and status recorded, carry the level and its route by themselves."""
        if self.level == 1:
            return ()
        concerns = self._concerns()
        others = [f for f in self.found.facts if f not in concerns]
        reached = (self.level, self.chained.combined.significant)

        def carries(chosen: Iterable[Fact]) -> bool:
            return self._try([*others, *chosen])[:2] == reached

        if carries(()):
            return tuple(dict.fromkeys(f.id for t in self._by_status() for f in [t]))
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

    def _by_status(self) -> list[Fact]:
        """The facts behind the floors and duties that stand without any concern, such as an open plan."""
        return [f for r in self.fired if r.effect == "floor" for t in self._matched(r) for f in self._support(t)]

    def _alternatives(self, missing: Sequence[Missing], smallest: Sequence[str]) -> Iterator[Alternative]:
        """Other levels, and what would tip it there: a single fact where one does, else the facts that carry the level."""
        without: dict[int, list[str]] = {}
        for name in dict.fromkeys(f.id for f in self._concerns()):
            level = self._try([f for f in self.found.facts if f.id != name])[0]
            if level < self.level:
                without.setdefault(level, []).append(self.book.facts[name].label)
        for level, labels in sorted(without.items(), reverse=True):
            yield Alternative(
                level, f"it were not so that: {labels[0]}" if len(labels) == 1 else f"any one of these were not so: {'; '.join(labels)}"
            )
        if not without and self.level > 1 and smallest:
            rest = [f for f in self.found.facts if f.id not in {c.id for c in self._concerns()}]
            level = self._try(rest)[0]
            if level < self.level:
                labels = list(dict.fromkeys(self.book.facts[f.id].label for f in self._concerns()))
                yield Alternative(level, f"none of these were so: {'; '.join(labels)}")
        higher: dict[int, list[str]] = {}
        for line in missing:
            if line.could_change_to is not None and line.could_change_to > self.level:
                kind = self.book.facts[line.fact]
                higher.setdefault(line.could_change_to, []).append(f"{kind.label}{'' if line.value == 'yes' else f': {line.value}'}")
        lower = [m for m in missing if m.could_change_to is not None and m.could_change_to < self.level]
        for level in sorted({m.could_change_to for m in lower if m.could_change_to is not None}, reverse=True):
            labels = [self.book.facts[m.fact].label for m in lower if m.could_change_to == level]
            if level not in without:
                yield Alternative(level, f"this were known and verified: {'; or '.join(labels[:3])}")
        for level, labels in sorted(higher.items()):
            yield Alternative(level, f"this were known: {'; or '.join(labels[:3])}")
        if self.level < 4 and not higher:
            yield self._next_up()

    def _next_up(self) -> Alternative:
        """What one more fact would take it to the next level, where nothing near does: the kinds of concern of that level."""
        for name, kind in self.book.facts.items():
            for value in kind.values or ((True,) if kind.type == "boolean" else ()):
                level = self._try([*self.found.facts, _if_so(name, value)])[0]
                if level == self.level + 1:
                    return Alternative(
                        level,
                        f"a concern of that level were recorded, such as: {kind.label}{'' if value is True else f': {_plain(str(value))}'}",
                    )
        return Alternative(4, "a concern of that level were recorded")

    # ------------------------------------------------------------------------------------------------- the rest

    def _consent(self) -> Consent:
        recorded = [f for f in self.found.facts if f.id == "consent_status"]
        status = str(recorded[-1].value) if recorded else "not_recorded"
        gates = [r for r in self.fired if r.effect == "gate" and r.record]
        if gates:
            return Consent(status, f"{gates[0].title.rstrip('.')}.", str(gates[0].record))
        if status == "given":
            return Consent(status, "Consent is recorded as given.", "Record who agreed, to what, and when.")
        if status == "not_recorded":
            gate = "Consent is not recorded: ask, unless asking would put the child at risk."
            return Consent(status, gate, "Record who was asked, when, and what they said.")
        return Consent(status, f"Consent is recorded as {_plain(status)}.", "Record who was asked, when, and what they said.")

    def _computed(self) -> tuple[Computed, ...]:
        matched = {k for _, numbers in self.chained.firings for k in numbers}
        return tuple(Computed(f.id, f.value, f.computed, k in matched) for k, f in enumerate(self.found.facts) if f.computed)

    def _outvoted(self) -> tuple[SetAside, ...]:
        """Protection that does not soften anything here, and why; so that nothing recorded goes unmentioned."""
        if any(r.effect == "soften" for r in self.fired) and not self.chained.combined.softened and self.level == 4:
            names = [self.book.facts[str(t["f"])].label for t in self.found.tokens if t["r"] == "protective" and t["x"]]
            return (SetAside("protective", f"{listed(names)}: counted as strengths for the plan; they never lower level 4"),)
        return ()

    def _why_not(self) -> Iterator[str]:
        """For the levels above: the rules that are half met, and what they lack."""
        ids = {rule_id for rule_id, _ in self.chained.firings}
        for rule in self.plan.rules:
            spec = self.plan.specs[rule.id]
            if rule.id in ids or spec.level is None or spec.level <= self.level:
                continue
            if len(rule.patterns) == 2 and self._half_met(rule.patterns):
                yield f"Not level {spec.level} by `{rule.id}` ({spec.title}): one of its two conditions is not recorded."
            elif len(rule.patterns) == 1:
                yield from self._just_short(spec, rule.patterns[0])

    def _just_short(self, spec: ThresholdRule, tests: Sequence[Test]) -> Iterator[str]:
        for token in self.chained.tokens:
            failed = [t for t in tests if not t.holds(token)]
            if len(failed) != 1 or token["t"] not in ("fact", "count"):
                continue
            if failed[0].field == "s":
                label = self.book.facts[str(token["f"])].label
                lacks = "is not disclosed, observed, confirmed or specifically reported"
                yield f"Not level {spec.level} by `{spec.id}`: the evidence for “{label}” {lacks}."
                return
            if token["t"] == "count" and failed[0].field == "n" and int(token["n"]) > 0 and int(token["s"]) >= SUFFICIENT:
                yield f"Not level {spec.level} by `{spec.id}` ({spec.title}): {token['n']} of the {failed[0].value} it needs."
                return

    def _coverage(self) -> str:
        """How much of what is recorded rests on sufficient evidence: the measure of confidence, never a score."""
        recorded = [f for f in self.found.facts if not f.computed]
        if not recorded:
            return "No facts are recorded that count."
        sure = sum(1 for f in recorded if strength_of(f) >= SUFFICIENT)
        unknown = f" {plural(len(self.found.unknown), 'fact')} recorded as unknown." if self.found.unknown else ""
        return f"{sure} of {plural(len(recorded), 'recorded fact')} {'rests' if sure == 1 else 'rest'} on sufficient evidence.{unknown}"


def _counted(token: Token, count: Token) -> bool:
    """Whether a fact's token is among those a count counted: the same tests as `plan.counts`."""
    if not token["x"] or int(token["s"]) < int(count["s"]):
        return False
    if count["f"] == "verified_protective":
        return token["r"] == "protective"
    least = 2 if count["f"] == "domains_at_2" else 3
    return token["r"] != "protective" and not token["y"] and int(token["p"]) >= least


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


def _value_words(fact: Fact) -> str:
    if isinstance(fact.value, bool):
        return "yes" if fact.value else "no"
    return _plain(str(fact.value))


def _plain(value: str) -> str:
    return value.replace("_", " ")


def _evidence_words(fact: Fact) -> str:
    said = "evidence not recorded" if fact.evidence == "unknown" else fact.evidence
    parts = [said, fact.specificity, "" if fact.timing == "unknown" else fact.timing]
    source = f"from {_plain(fact.source_agency)}" if fact.source_agency else ""
    dated = "" if fact.on == NO_DAY else short_day_words(fact.on)
    return ", ".join(p for p in [*parts, source, dated] if p)
