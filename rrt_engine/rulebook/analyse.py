"""Analyse the threshold rules by trying them: what can never fire, what changes nothing, and whether more is ever less.

Records of facts fall into a few hundred kinds (`thresholds.space`), so every kind, alone and in pairs, is reasoned over; threes
are sampled, always the same ones. What is found is shown as a case that `rrt check` can read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from random import Random

from rrt_engine.model import Fact
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_checks import used_local_values
from rrt_engine.sources.facts import value_of
from rrt_engine.thresholds.chain import Chainer
from rrt_engine.thresholds.indicators import token_of
from rrt_engine.thresholds.plan import HARDSHIP, Plan, PlanRule, Test, Token, compile_plan
from rrt_engine.thresholds.route import Outcome, outcome
from rrt_engine.thresholds.space import Kind, Record, Space, is_concern, is_protective, strengthened
from rrt_engine.words import STATUS_WORDS, listed

_WITNESSES = 24
_TRIED_AT_MOST = 4000
_CONTEXTS_OF = 6
_PAIRS_ADDED = 200
_THREES = 20_000
_GENERATED = 3000
_SHOWN = 3
_SHRUNK = 10


@dataclass(frozen=True)
class Finding:
    """One rule, fact or local value that something is said about."""

    what: str
    why: str


@dataclass(frozen=True)
class Counterexample:
    """A case in which more gives less: the facts of the first, those of the second, and the level of each."""

    claim: str
    before: tuple[Fact, ...]
    after: tuple[Fact, ...]
    level_before: int
    level_after: int


@dataclass(frozen=True)
class Tried:
    """How much was tried: records, kinds of record, pairs of kinds, and threes sampled."""

    records: int
    kinds: int
    pairs: int
    threes: int


@dataclass(frozen=True)
class Analysis:
    """What trying the rules of one day shows about them."""

    rules: int
    facts: int
    tried: Tried
    never_fire: tuple[Finding, ...]
    change_nothing: tuple[Finding, ...]
    unused_facts: tuple[Finding, ...]
    unused_local_values: tuple[Finding, ...]
    counterexamples: tuple[Counterexample, ...]


@dataclass(frozen=True)
class Changed:
    """One generated case on which two rule sets differ."""

    facts: tuple[Fact, ...]
    level_here: int
    level_there: int
    pathways_here: tuple[str, ...]
    pathways_there: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """How far two rule sets agree on the same generated cases. It says nothing about children, only about the rules."""

    cases: int
    same_level: int
    same_route: int
    kinds: tuple[tuple[str, int], ...]
    examples: tuple[Changed, ...]
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]


def analyse(book: ThresholdBook, day: int) -> Analysis:
    """Everything that trying the rules of one day shows."""
    plan = compile_plan(book, day)
    full, levels = Space(book, plan), Space(book, plan, level_only=True)
    witnesses = {rule.id: _witnesses(rule, full) for rule in plan.rules}
    more = _More(levels)
    found = tuple(islice(more.counterexamples(), _SHOWN))
    return Analysis(
        rules=len(plan.rules),
        facts=len(book.facts),
        tried=Tried(sum(len(r) for r in full.records.values()), len(full.kinds), more.pairs, more.threes),
        never_fire=tuple(Finding(r.id, _why_never(r, full)) for r in plan.rules if not witnesses[r.id]),
        change_nothing=tuple(_change_nothing(full, witnesses)),
        unused_facts=tuple(_unused_facts(full)),
        unused_local_values=tuple(_unused_local_values(book)),
        counterexamples=found,
    )


# ---------------------------------------------------------------------------------------------------- firing at all


@dataclass(frozen=True)
class _Case:
    """A made case: some records, and tokens of another type: flags of its timeline, what is known of another child."""

    records: tuple[Record, ...] = ()
    flags: tuple[Token, ...] = ()

    def tokens(self, space: Space) -> list[Token]:
        return space.tokens(self.records, self.flags)


def _witnesses(rule: PlanRule, space: Space) -> list[_Case]:
    """Made cases in which a rule fires, a few of each sort; none where it cannot."""
    options = [_satisfying(tests, space) for tests in rule.patterns]
    found: list[_Case] = []
    chosen = options[0] if len(options) == 1 else _interleaved(options[0], options[1])
    for case in islice(chosen, _TRIED_AT_MOST):
        if any(fired == rule.id for fired, _ in space.chainer.run(case.tokens(space)).firings):
            found.append(case)
            if len(found) == _WITNESSES:
                break
    return found


def _interleaved(ones: Sequence[_Case], others: Sequence[_Case]) -> Iterator[_Case]:
    """The cases of two patterns joined, where they name different facts, spread over both lists."""
    for one, other in sorted(product(range(len(ones)), range(len(others))), key=lambda p: (p[0] + p[1], p[0]))[:_TRIED_AT_MOST]:
        a, b = ones[one], others[other]
        if not {r.fact.id for r in a.records} & {r.fact.id for r in b.records}:
            yield _Case((*a.records, *b.records), (*a.flags, *b.flags))


def _satisfying(tests: Sequence[Test], space: Space) -> list[_Case]:
    """The smallest cases that satisfy one pattern: a record of each kind, enough of what is counted, a flag, or anything at all."""
    form = next(t.value for t in tests if t.field == "t")
    if form == "fact":
        return [_Case((r,)) for same in space.kinds.values() for r in same if all(t.holds(r.token) for t in tests)]
    if form == "flag":
        rules = [str(v) for t in tests if t.field == "f" for v in (t.value if isinstance(t.value, tuple) else (t.value,))]
        tokens: list[Token] = [{"t": "flag", "f": rule, "v": status, "k": 0} for rule in rules for status in STATUS_WORDS]
        return [_Case((), (token,)) for token in tokens if all(t.holds(token) for t in tests)]
    if form == "sibling":
        harmed: list[Token] = [
            {"t": "sibling", "f": name, "w": w, "s": 1, "k": 0} for name in list(space.book.facts)[:2] for w in (1, 2, 3, 4)
        ]
        return [_Case((), (token,)) for token in harmed if all(t.holds(token) for t in tests)]
    if form == "count":
        return list(_enough(str(next(t.value for t in tests if t.field == "f")), next(t.value for t in tests if t.field == "n"), space))
    return [_Case(), *(_Case((same[0],)) for same in space.kinds.values())]


def _enough(counted: str, number: object, space: Space) -> Iterator[_Case]:
    """Cases with just so many of what is counted."""
    assert isinstance(number, int)
    for least, most in ((2, 2), (3, 3), (2, 4)):
        for strength in (0, 1, 2):
            apart: dict[str, Record] = {}
            for mine in space.records.values():
                for record in mine:
                    token = record.token
                    if counted == "verified_protective":
                        if is_protective(token) and token["s"] == 2:
                            apart.setdefault(record.fact.id, record)
                    elif is_concern(token) and token["y"] != HARDSHIP[True] and least <= int(token["p"]) <= most and token["s"] == strength:
                        apart.setdefault(str(token["d"]), record)
            if len(apart) >= number:
                yield _Case(tuple(list(apart.values())[:number]))


def _why_never(rule: PlanRule, space: Space) -> str:
    for i, tests in enumerate(rule.patterns):
        if not _satisfying(tests, space):
            which = "its pattern" if len(rule.patterns) == 1 else f"its {('first', 'second')[i]} pattern"
            return f"no record of any fact satisfies {which}"
    return "each of its patterns can be satisfied, and no case satisfies both" if len(rule.patterns) == 2 else "no case satisfies it"


# ------------------------------------------------------------------------------------------------ changing an outcome


def _change_nothing(space: Space, witnesses: Mapping[str, Sequence[_Case]]) -> Iterator[Finding]:
    """Rules that can be left out without any difference in any case tried, and what does the same."""
    for rule in space.plan.rules:
        cases = witnesses[rule.id]
        if cases and not _matters(rule, cases, space):
            yield Finding(rule.id, _what_does_the_same(rule, cases, space))


def _matters(rule: PlanRule, cases: Sequence[_Case], space: Space) -> bool:
    rest = Plan(tuple(r for r in space.plan.rules if r is not rule), space.plan.specs, space.plan.unrecorded)
    without = Chainer(rest, space.book.significant)
    for case in _wider(cases, space):
        tokens = case.tokens(space)
        with_it = space.chainer.run(tokens)
        if any(fired == rule.id for fired, _ in with_it.firings):
            left = outcome(without.run(tokens), rest, space.book)
            if outcome(with_it, space.plan, space.book) != left:
                return True
    return False


def _wider(cases: Sequence[_Case], space: Space) -> Iterator[_Case]:
    """The cases themselves; some of them with each kind of record added; and with some pairs added."""
    yield from cases
    some = cases[:: max(1, len(cases) // _CONTEXTS_OF)][:_CONTEXTS_OF]
    kinds = [same[0] for same in space.kinds.values()]
    for case in some:
        there = {r.fact.id for r in case.records}
        yield from (replace(case, records=(*case.records, r)) for r in kinds if r.fact.id not in there)
    random = Random(1)
    for case in some[:2]:
        there = {r.fact.id for r in case.records}
        for _ in range(_PAIRS_ADDED):
            a, b = random.sample(kinds, 2)
            if a.fact.id != b.fact.id and not there & {a.fact.id, b.fact.id}:
                yield replace(case, records=(*case.records, a, b))


def _what_does_the_same(rule: PlanRule, cases: Sequence[_Case], space: Space) -> str:
    """The rules of the same effect, no weaker, that fired in every case in which this one did."""
    spec = space.plan.specs[rule.id]
    always: set[str] | None = None
    for case in cases:
        ids = {fired for fired, _ in space.chainer.run(case.tokens(space)).firings} - {rule.id}
        always = ids if always is None else always & ids
    same = []
    for other in sorted(always or ()):
        theirs = space.plan.specs[other]
        if spec.level is not None:
            stronger = theirs.effect in ("floor", "consider") and (theirs.level or 0) >= spec.level
        else:
            stronger = theirs.effect == spec.effect and set(spec.pathways) <= set(theirs.pathways)
        if stronger:
            same.append(f"`{other}`")
    return f"wherever it fires, so does {listed(same)}" if same else "nothing it adds shows in any case tried"


# --------------------------------------------------------------------------------------------------------- not used


def _unused_facts(space: Space) -> Iterator[Finding]:
    for name, mine in space.records.items():
        kinds = (space.kind(r.token) for r in mine)
        if not any(alone or together or counted or unrecorded for alone, together, counted, _, unrecorded in kinds):
            yield Finding(name, "it weighs nothing, and no rule names it: it is kept for the person who reads the case")


def _unused_local_values(book: ThresholdBook) -> Iterator[Finding]:
    used = used_local_values(book)
    for name, local in book.book.parameters.items():
        if name.startswith("rt_") and name not in used:
            yield Finding(name, local.title)


# -------------------------------------------------------------------------------------------- more is never less


class _More:
    """The claims that more is never less, tried on every kind of record beside every other, and on threes that are sampled."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.pairs = self.threes = 0
        self._contexts: list[tuple[Record, ...]] = [(), *((same[0],) for same in space.kinds.values())]
        self._edges = list(self._steps())

    def counterexamples(self) -> Iterator[Counterexample]:
        """Cases in which a claim fails, the smallest first; none where all hold."""
        for context in self._contexts:
            yield from self._beside(context, self._edges)
        self.pairs = len(self.space.kinds) * (len(self.space.kinds) + 1) // 2
        random = Random(2)
        records = [r for same in self.space.kinds.values() for r in same]
        while self.threes < _THREES:
            a, b = random.sample(records, 2)
            if a.fact.id != b.fact.id:
                some = random.sample(self._edges, min(20, len(self._edges)))
                self.threes += len(some)
                yield from self._beside((a, b), some)

    def _steps(self) -> Iterator[tuple[str, Record | None, Record]]:
        """Each step that says more, once for each pair of kinds: a concern added or strengthened, a protection taken away."""
        seen: set[tuple[object, ...]] = set()

        def new(*key: object) -> bool:
            return not (key in seen or seen.add(key))  # type: ignore[func-returns-value]

        for mine in self.space.records.values():
            for record in mine:
                kind = self.space.kind(record.token)
                if is_concern(record.token) and new("add", kind):
                    yield "adding a concern never lowers the level", None, record
                elif is_protective(record.token) and new("protect", kind):
                    yield "taking protection away never lowers the level", None, record
            for weak, strong in strengthened(mine):
                if new(self.space.kind(weak.token), self.space.kind(strong.token)):
                    yield "strengthening a concern never lowers the level", weak, strong

    def _beside(self, context: tuple[Record, ...], edges: Iterable[tuple[str, Record | None, Record]]) -> Iterator[Counterexample]:
        for claim, less, more in edges:
            beside = self._apart(context, more)
            if beside is None:
                continue
            lesser = (*beside, less) if less else beside
            greater = (*beside, more)
            if is_protective(more.token):
                lesser, greater = greater, lesser
            low, high = self._level(lesser), self._level(greater)
            if low > high:
                yield Counterexample(claim, _facts(lesser), _facts(greater), low[0], high[0])

    def _apart(self, context: tuple[Record, ...], record: Record) -> tuple[Record, ...] | None:
        """The context without the record's own fact: another record of the same kind stands in for it, where there is one."""
        found = []
        for each in context:
            if each.fact.id == record.fact.id:
                others = [r for r in self.space.kinds[self.space.kind(each.token)] if r.fact.id != record.fact.id]
                if not others:
                    return None
                each = others[0]
            found.append(each)
        return tuple(found)

    def _level(self, records: Sequence[Record]) -> tuple[int, bool]:
        combined = self.space.run(records).combined
        return combined.level, combined.significant


def _facts(records: Sequence[Record]) -> tuple[Fact, ...]:
    return tuple(r.fact for r in records)


# --------------------------------------------------------------------------------------------------- two rule sets


def agreement(here: ThresholdBook, day_here: int, there: ThresholdBook, day_there: int) -> Agreement:
    """How far two rule sets, or one on two days, agree: on every kind of record alone, and on generated cases of two to six."""
    one, other = Space(here, compile_plan(here, day_here)), Space(there, compile_plan(there, day_there))
    shared = [name for name in here.facts if name in there.facts]
    records = [r for name in shared for r in one.records[name] if _readable(r.fact, there)]
    records += [r for name in shared for r in other.records[name] if _readable(r.fact, here)]
    alone: dict[tuple[Kind, Kind], Fact] = {}
    for record in records:
        theirs = token_of(record.fact, there.facts[record.fact.id], there)
        ours = token_of(record.fact, here.facts[record.fact.id], here)
        alone.setdefault((one.kind(ours), other.kind(theirs)), record.fact)
    cases: list[tuple[Fact, ...]] = [(), *((fact,) for fact in alone.values())]
    random = Random(3)
    facts = [r.fact for r in records if is_concern(r.token)] or [r.fact for r in records]
    anything = [r.fact for r in records]
    for _ in range(_GENERATED if anything else 0):
        chosen = {f.id: f for f in random.choices(facts, k=random.randint(1, 3)) + random.choices(anything, k=random.randint(1, 3))}
        cases.append(tuple(chosen.values()))
    same_level = same_route = 0
    kinds: Counter[str] = Counter()
    changed: list[tuple[Fact, ...]] = []
    for case in cases:
        a, b = _comes_to(case, one), _comes_to(case, other)
        same_level += a.level == b.level
        if (a.level, a.significant, a.pathways) == (b.level, b.significant, b.pathways):
            same_route += 1
            continue
        kinds[_kind_of_change(a, b)] += 1
        changed.append(case)
    shown = _telling(changed, one, other)
    return Agreement(
        len(cases),
        same_level,
        same_route,
        tuple(sorted(kinds.items(), key=lambda k: (-k[1], k[0]))),
        tuple(Changed(c, (a := _comes_to(c, one)).level, (b := _comes_to(c, other)).level, a.pathways, b.pathways) for c in shown),
        tuple(name for name in here.facts if name not in there.facts),
        tuple(name for name in there.facts if name not in here.facts),
    )


def _telling(changed: Sequence[tuple[Fact, ...]], one: Space, other: Space) -> list[tuple[Fact, ...]]:
    """The smallest cases that differ: one of each kind of change first."""
    found: dict[str, list[tuple[Fact, ...]]] = {}
    for case in sorted(changed, key=len):
        same = found.setdefault(_kind_of_change(_comes_to(case, one), _comes_to(case, other)), [])
        if len(same) < _SHRUNK:
            same.append(case)
    smallest = [sorted({_smallest(case, one, other) for case in same}, key=_shortness) for same in found.values()]
    ranked = [(place, _shortness(case), case) for same in smallest for place, case in enumerate(same)]
    return [case for _, _, case in sorted(ranked, key=lambda each: each[:2])[:_SHOWN]]


def _smallest(case: tuple[Fact, ...], one: Space, other: Space) -> tuple[Fact, ...]:
    """The case with everything left out that is not needed for the same change."""

    def change(facts: Sequence[Fact]) -> str:
        a, b = _comes_to(facts, one), _comes_to(facts, other)
        return "" if (a.level, a.significant, a.pathways) == (b.level, b.significant, b.pathways) else _kind_of_change(a, b)

    same = change(case)
    for fact in case:
        fewer = tuple(f for f in case if f is not fact)
        case = fewer if change(fewer) == same else case
    for i in range(len(case)):
        for plain in ({"impact": "unknown"}, {"pattern": "unknown"}, {"timing": "unknown"}):
            simpler = (*case[:i], replace(case[i], **plain), *case[i + 1 :])  # type: ignore[arg-type]
            case = simpler if change(simpler) == same else case
    return tuple(sorted(case, key=lambda f: f.id))


def _shortness(case: Sequence[Fact]) -> tuple[int, list[str]]:
    return len(case), [repr(f) for f in case]


def _readable(fact: Fact, book: ThresholdBook) -> bool:
    return value_of(fact.value, book.facts[fact.id]) == fact.value


def _comes_to(case: Sequence[Fact], space: Space) -> Outcome:
    records = [Record(f, token_of(f, space.book.facts[f.id], space.book)) for f in case]
    return outcome(space.chainer.run(space.tokens(records)), space.plan, space.book)


def _kind_of_change(one: Outcome, other: Outcome) -> str:
    if one.level != other.level:
        return f"level {one.level} here, {other.level} there"
    if one.significant != other.significant:
        return f"level {one.level} both, {'significant here' if one.significant else 'significant there'} only"
    return f"level {one.level} both, another route"


# ------------------------------------------------------------------------------------------------------ as case files


def case_text(name: str, facts: Sequence[Fact], comment: Sequence[str] = ()) -> str:
    """Some facts as a case file that `rrt check` reads."""
    lines = [f"# {line}" for line in comment]
    lines += [f"case: {name}", "facts:" if facts else "facts: []"]
    for fact in facts:
        value = str(fact.value).lower() if isinstance(fact.value, bool) else str(fact.value)
        parts = [f"fact: {fact.id}", f"value: {value}", f"evidence: {fact.evidence}"]
        parts += [f"specificity: {fact.specificity}"] if fact.specificity else []
        parts += [f"{key}: {word}" for key, word in (("timing", fact.timing), ("pattern", fact.pattern)) if word != "unknown"]
        parts += [f"impact_on_child: {fact.impact}"] if fact.impact != "unknown" else []
        lines.append(f"  - {{{', '.join(parts)}}}")
    return "\n".join(lines) + "\n"
