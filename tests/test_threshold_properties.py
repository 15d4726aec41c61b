"""What must hold of every suggestion, whatever is recorded: tried on every kind of record, alone and beside every other.

Records of facts fall into a few hundred kinds that the rules cannot tell apart (`thresholds.space`); here every kind is reasoned
over with every other, and threes in a fixed part (`tools/threshold_triples.py` tries them all). Why pairs reach far: a rule has one
pattern or two, so what fires for many facts is what fires for each and for each two, and counts that only grow; and
`test_more_firings_never_lower_a_level` shows that what is combined from firings only grows with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import combinations, islice, product
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, day_number
from rrt_engine.model import Fact
from rrt_engine.paths import RULES
from rrt_engine.rulebook.threshold_schema import EVIDENCE, IMPACT, PATTERN, TIMING
from rrt_engine.thresholds.chain import Chainer
from rrt_engine.thresholds.plan import SUFFICIENT, VERIFIED, Plan, combine, compile_plan
from rrt_engine.thresholds.route import outcome
from rrt_engine.thresholds.space import Record, Space, is_concern, is_protective, strengthened, values
from rrt_engine.thresholds.suggest import Question, Reasoner
from tests.shipped import THRESHOLDS as BOOK
from tests.threshold_oracle import RuleFiles

DAY = date(2026, 4, 15)
PLAN = compile_plan(BOOK, day_number(DAY))
REASONER = Reasoner(BOOK, day_number(DAY))


@cache
def level_space() -> Space:
    return Space(BOOK, PLAN, level_only=True)


@cache
def full_space() -> Space:
    return Space(BOOK, PLAN)


def kinds(space: Space) -> list[Record]:
    """A record of each kind, and a second one of another fact where there is one."""
    return [record for same in space.kinds.values() for record in same]


def level(*records: Record) -> tuple[int, bool]:
    combined = level_space().run(records).combined
    return combined.level, combined.significant


def apart(context: Sequence[Record], *others: Record) -> bool:
    """Whether no fact is recorded twice."""
    ids = [r.fact.id for r in (*context, *others)]
    return len(set(ids)) == len(ids)


def contexts(pairs: int = 400) -> Iterator[tuple[Record, ...]]:
    """Nothing, each kind of record, and pairs of kinds: always the same ones."""
    ones = kinds(level_space())
    yield ()
    yield from ((r,) for r in ones)
    random = Random(7)
    yield from islice((two for two in (tuple(random.sample(ones, 2)) for _ in range(10 * pairs)) if apart(two)), pairs)


def records_of(*facts: str) -> list[Record]:
    return [r for name in facts for r in level_space().records[name]]


def of_each_kind(records: Iterable[Record]) -> list[Record]:
    """One record of each kind among these, for each fact."""
    return list({(r.fact.id, full_space().kind(r.token)): r for r in records}.values())


def steps() -> list[tuple[Record | None, Record]]:
    """Each step that says more, once for each pair of kinds: a concern added, or strengthened."""
    found: dict[object, tuple[Record | None, Record]] = {}
    space = level_space()
    for mine in space.records.values():
        for record in mine:
            if is_concern(record.token):
                found.setdefault(("added", space.kind(record.token)), (None, record))
        for weak, strong in strengthened(mine):
            found.setdefault((space.kind(weak.token), space.kind(strong.token)), (weak, strong))
    return list(found.values())


# ------------------------------------------------------------------------------------------------- more is never less


def test_adding_or_strengthening_a_concern_never_lowers_the_level() -> None:
    tried, all_steps = 0, steps()
    for context in [(), *((same[0],) for same in level_space().kinds.values())]:
        for weak, strong in all_steps:
            beside = context if apart(context, strong) else other_records(context, strong)
            if beside is not None:
                tried += 1
                before = level(*beside, weak) if weak else level(*beside)
                assert before <= level(*beside, strong), show(*beside, *([weak] if weak else []), "then", strong)
    assert tried > 50_000


def other_records(context: Sequence[Record], record: Record) -> tuple[Record, ...] | None:
    """The context with its record of the same fact replaced by one of the same kind and of another fact, where there is one."""
    space, found = level_space(), []
    for each in context:
        if each.fact.id == record.fact.id:
            others = [r for r in space.kinds[space.kind(each.token)] if r.fact.id != record.fact.id]
            if not others:
                return None
            each = others[0]
        found.append(each)
    return tuple(found)


def show(*parts: Any) -> str:
    return "\n".join(f"{p.fact}" if isinstance(p, Record) else str(p) for p in parts)


def test_threes_of_kinds_in_a_fixed_part() -> None:
    ones, all_steps, random = kinds(level_space()), steps(), Random(11)
    for _ in range(800):
        context = tuple(random.sample(ones, 2))
        for weak, strong in random.sample(all_steps, 25):
            if apart(context, strong):
                before = level(*context, weak) if weak else level(*context)
                assert before <= level(*context, strong), show(*context, *([weak] if weak else []), "then", strong)


def test_records_of_one_kind_do_the_same() -> None:
    """What lets a few hundred kinds stand for every record: in made cases each record changed for another of its kind."""
    space, random = level_space(), Random(13)
    everything = [r for mine in space.records.values() for r in mine]
    by_kind: dict[object, list[Record]] = {}
    for record in everything:
        by_kind.setdefault(space.kind(record.token), []).append(record)
    changed = 0
    for _ in range(1500):
        case = list({r.fact.id: r for r in random.sample(everything, random.randint(1, 5))}.values())
        others = [random.choice(by_kind[space.kind(r.token)]) for r in case]
        if apart(others):
            changed += sum(a.fact.id != b.fact.id for a, b in zip(case, others, strict=True))
            assert level(*case) == level(*others), show(*case, "and", *others)
    assert changed > 1000


def test_the_same_fact_recorded_twice_never_lowers_the_level() -> None:
    for mine in level_space().records.values():
        some = of_each_kind(r for r in mine if is_concern(r.token))
        for one, other in combinations(some, 2):
            assert level(one, other) >= max(level(one), level(other)), show(one, other)


def test_removing_protection_never_lowers_the_level() -> None:
    protective = of_each_kind(r for mine in level_space().records.values() for r in mine if is_protective(r.token))
    strongest = [r for r in protective if r.token["s"] == VERIFIED]
    assert len({r.fact.id for r in strongest}) >= 6
    for context in contexts():
        before = level(*context)
        for record in protective:
            if apart(context, record):
                assert level(*context, record) <= before, show(*context, record)
        for first, second in combinations(list({r.fact.id: r for r in strongest}.values()), 2):
            if apart(context, first, second):
                both = level(*context, first, second)
                assert both <= level(*context, first) and both <= level(*context, second), show(*context, first, second)


def test_more_firings_never_lower_a_level() -> None:
    """What firings are combined to grows with them, the softening ones left out: the step from pairs to any number of facts."""
    specs: dict[str, Any] = {}
    tokens: list[dict[str, int | str]] = []
    firings: list[tuple[str, tuple[int, ...]]] = []

    def firing(effect: str, number: int | None, pathways: tuple[str, ...] = (), **token: int) -> None:
        name = f"rule_{len(specs)}"
        specs[name] = SimpleNamespace(effect=effect, level=number, pathways=pathways)
        tokens.append({"t": "fact", **token})
        firings.append((name, (len(tokens) - 1,)))

    for number in (1, 2, 3, 4):
        firing("floor", number, s=1, w=4, p=4)
        firing("floor", number, tuple(BOOK.significant), s=1, w=4, p=4)
        firing("consider", number, s=1, w=number, p=number)
        firing("consider", min(number, 3), s=0, w=number, p=min(number, 3))
        firing("consider", min(number, 3), s=0, w=4, p=min(number, 3))
        firing("consider", min(number, 3), s=1, w=number, p=number, y=1)
    for strength in (0, 1):
        firing("raise", None, s=strength, w=0, p=0)
    plan = Plan((), specs, ())
    soften = ("softening", (0,))
    specs["softening"] = SimpleNamespace(effect="soften", level=None, pathways=())
    for size in (0, 1, 2, 3):
        for chosen in combinations(firings, size):
            for some in (chosen, (*chosen, soften)):
                before = combine(some, tokens, plan, BOOK.significant)
                for one in firings:
                    after = combine((*some, one), tokens, plan, BOOK.significant)
                    assert (before.level, before.significant) <= (after.level, after.significant), (some, one)
            assert combine((*chosen, soften), tokens, plan, BOOK.significant).level <= combine(chosen, tokens, plan, BOOK.significant).level


# ------------------------------------------------------------------------------------------------------ immediate, thin


def test_an_immediate_fact_at_sufficient_evidence_always_gives_level_4_and_an_urgent_route() -> None:
    immediate = of_each_kind(
        r for mine in full_space().records.values() for r in mine if r.token["r"] == "immediate" and int(r.token["s"]) >= SUFFICIENT
    )
    assert len({r.fact.id for r in immediate}) >= 25
    others = [(), *((r,) for r in kinds(full_space()))]
    for record in immediate:
        for context in others:
            if apart(context, record):
                found = outcome(full_space().run((*context, record)), PLAN, BOOK)
                assert found.level == 4 and found.significant and found.urgency in ("now", "same_day"), show(record, *context, found)


def test_a_protective_fact_never_cancels_a_floor() -> None:
    protection = list({r.fact.id: r for r in records_of(*BOOK.facts) if is_protective(r.token) and r.token["s"] == VERIFIED}.values())
    floors = [r for r in kinds(level_space()) if level_space().run([r]).combined.floor == 4]
    assert len(protection) >= 6 and floors
    for record in floors:
        assert level(record, *(p for p in protection if p.fact.id != record.fact.id)) == level(record)


PLAN_IS_OPEN = "open_case_status"
"""A child protection plan is a status and not an allegation: it stands until it is found to be wrong, whatever its evidence."""


def test_thin_evidence_never_reaches_level_4() -> None:
    alone = {r.fact.id for mine in level_space().records.values() for r in mine if r.token["s"] == 0 and level(r)[0] == 4}
    assert alone == {PLAN_IS_OPEN}
    thin = [r for r in kinds(level_space()) if r.token["s"] == 0 and level(r)[0] < 4]
    for one, other in combinations(thin, 2):
        assert level(one, other)[0] <= 3, show(one, other)


def test_every_concern_at_once_on_thin_evidence_is_level_3_beside_anything_that_is_no_concern() -> None:
    heaviest: dict[str, Record] = {}
    for mine in level_space().records.values():
        for record in mine:
            if is_concern(record.token) and record.token["s"] == 0 and record.token["r"] != "raises":
                best = heaviest.setdefault(record.fact.id, record)
                if int(record.token["w"]) > int(best.token["w"]):
                    heaviest[record.fact.id] = record
    assert len(heaviest) > 100
    assert level(*heaviest.values()) == (3, False)
    sure = [r for mine in level_space().records.values() for r in mine if r.token["s"] == VERIFIED and not r.token["w"] and level(r)[0] < 4]
    for record in of_each_kind(sure):
        rest = [r for r in heaviest.values() if r.fact.id != record.fact.id]
        assert level(*rest, record)[0] <= 3, show(record)


# ------------------------------------------------------------------------------------------- consent, refusal, poverty


def test_consent_never_changes_the_level() -> None:
    consent = of_each_kind(records_of("consent_status", "consent_override_reason"))
    for context in contexts():
        before = level(*context)
        for record in consent:
            if apart(context, record):
                assert level(*context, record) == before, show(*context, record)


def test_refusing_help_never_raises_the_level() -> None:
    refusals = [
        r for r in of_each_kind(records_of("consent_status", "early_help_tried")) if r.fact.value in ("refused", "withdrawn", "declined")
    ]
    assert len(refusals) >= 3
    for context in contexts():
        for record in refusals:
            if apart(context, record):
                assert level(*context, record) <= level(*context), show(*context, record)


def test_parents_who_do_not_engage_raise_nothing_alone_or_beside_smaller_needs() -> None:
    refusals = [r for r in of_each_kind(records_of("parental_engagement")) if r.fact.value in ("hard_to_engage", "refuses_or_evades")]
    assert refusals
    for context in contexts():
        before = level(*context)
        for record in refusals:
            if before[0] <= 2 and apart(context, record):
                assert level(*context, record) <= before, show(*context, record)


def test_poverty_alone_never_reaches_level_4() -> None:
    hardship = [name for name, kind in BOOK.facts.items() if kind.poverty is True]
    assert len(hardship) >= 5
    options = [[r for r in of_each_kind(records_of(name)) if r.token["x"] and int(r.token["s"]) == VERIFIED] for name in hardship]
    for chosen in product(*options):
        assert level(*chosen)[0] <= 3, show(*chosen)
    modifiers = [r for r in records_of(*BOOK.facts) if r.token["r"] in ("raises", "gate", "context", "duty") and level(r)[0] == 1]
    heaviest = [max(some, key=lambda r: int(r.token["p"])) for some in options]
    for record in of_each_kind(modifiers):
        assert level(*heaviest, record)[0] <= 3, show(record)
    raising = list({r.fact.id: r for r in modifiers if r.token["r"] == "raises" and r.token["s"] == VERIFIED}.values())
    assert level(*heaviest, *raising)[0] <= 3


def test_poverty_adds_nothing_to_other_needs_but_its_own_level() -> None:
    hardship = [r for name, kind in BOOK.facts.items() if kind.poverty is True for r in of_each_kind(records_of(name)) if r.token["x"]]
    for context in contexts(100):
        for record in hardship:
            if apart(context, record):
                assert level(*context, record)[0] <= max(level(*context)[0], 3), show(*context, record)


# ----------------------------------------------------------------------------------- unknown, none, contacts, and words


def test_none_never_raises_the_level() -> None:
    """What is stated not to be so. A child who was not seen is the one absence that is itself a worry, with its reason in a note."""
    worrying = {
        name
        for rule in BOOK.rules
        if rule.spec.effect in ("floor", "consider", "raise")
        for p in rule.spec.when
        if {False, "none"} & set(p.value or [])
        for name in p.fact or []
    }
    assert worrying == {"child_seen_and_heard"}
    absent = of_each_kind(r for name in BOOK.facts if name not in worrying for r in records_of(name) if not r.token["x"])
    assert len({r.fact.id for r in absent}) > 150
    different = list({level_space().kind(r.token): r for r in absent}.values())
    for context in contexts():
        for record in different:
            if apart(context, record):
                assert level(*context, record) <= level(*context), show(*context, record)


def test_unknown_is_not_no_and_the_same_as_nothing_recorded() -> None:
    day = day_number(DAY)
    need = Fact("neglect_level", "moderate", "observed")
    for name in BOOK.facts:
        if name == need.id:
            continue
        unknown = REASONER.chained(Question("C-1", day, (need, Fact(name, "unknown", "observed"))))[1]
        nothing = REASONER.chained(Question("C-1", day, (need,)))[1]
        assert outcome(unknown, PLAN, BOOK) == outcome(nothing, PLAN, BOOK), name


def test_previous_contacts_alone_never_raise_the_level() -> None:
    history = of_each_kind(records_of("contacts_count_12m", "nfa_count_12m", "rereferral_within_12m"))
    for context in contexts():
        for record in history:
            if apart(context, record):
                assert level(*context, record) == level(*context), show(*context, record)
    most = [
        max((r for r in history if r.fact.id == name), key=lambda r: int(r.token["n"])) for name in ("contacts_count_12m", "nfa_count_12m")
    ]
    assert level(*most) == (1, False)


def test_nothing_weighs_who_a_family_is_where_they_live_or_what_they_receive() -> None:
    words = re.compile(
        r"ethnic|\brace\b|religio|nationalit|immigra|postcode|benefit|\bfaith\b|foreign|country of birth|mother tongue", re.I
    )
    language = re.compile(r"\blanguages?\b", re.I)
    for name, kind in BOOK.facts.items():
        text = f"{name.replace('_', ' ')} {kind.label} {' '.join(kind.values)}"
        if name == "faith_or_belief_abuse":
            continue  # it is the harm that is recorded and never the belief
        if name == "rejected_for_identity":
            continue  # what the family does to the child over it, never who the child is
        assert not words.search(text), name
        assert not language.search(text) or name == "speech_language_delay", name
    for rule in BOOK.rules:
        assert not words.search(f"{rule.id.replace('_', ' ')} {rule.spec.title}"), rule.id
    asked = [r.id for r in BOOK.rules for p in r.spec.when if "interpreter_needed" in (p.fact or [])]
    assert all(PLAN.specs[r].effect == "prompt" for r in asked)
    assert all(r.token["r"] == "context" for r in records_of("interpreter_needed"))


# ------------------------------------------------------------------------------------------------ generated cases


def facts_of(random: Random, most: int = 8) -> list[dict[str, Any]]:
    """A made case: facts as a case file has them, some twice, some refuted, later, about a sibling, or unknown."""
    found: list[dict[str, Any]] = []
    for _ in range(random.randint(0, most)):
        name = random.choice(found)["fact"] if found and random.random() < 0.15 else random.choice(list(BOOK.facts))
        options = values(name, BOOK.facts[name], BOOK, PLAN)
        fact: dict[str, Any] = {"fact": name, "value": random.choice(options), "evidence": random.choice(EVIDENCE)}
        if random.random() < 0.04:
            fact["value"] = "unknown"
        if random.random() < 0.5:
            fact["specificity"] = random.choice(("vague", "specific"))
        for key, words in (("timing", TIMING), ("pattern", PATTERN), ("impact_on_child", IMPACT)):
            if random.random() < 0.5:
                fact[key] = random.choice(words)
        if random.random() < 0.15:
            fact["on"] = DAY + timedelta(days=random.choice((-400, -366, -365, -1, 0, 1, 30)))
        if random.random() < 0.2:
            fact["source_agency"] = random.choice(("anonymous", "school", "police"))
        if random.random() < 0.08:
            fact["subject"] = random.choice(("child", "mother", "sibling", "C-0009", "C-1"))
        found.append(fact)
    return found


def as_fact(given: dict[str, Any]) -> Fact:
    return Fact(
        given["fact"],
        given["value"],
        given["evidence"],
        given.get("specificity", ""),
        given.get("timing", "unknown"),
        given.get("pattern", "unknown"),
        given.get("impact_on_child", "unknown"),
        given.get("source_agency", ""),
        day_number(given["on"]) if "on" in given else NO_DAY,
        given.get("subject", ""),
    )


FLAGS = [(name, status) for r in BOOK.rules for p in r.spec.when for name in p.flag or [] for status in ("overdue", "met", "due_soon")]


def made(seed: int, most: int = 8) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    random = Random(seed)
    facts = [f for f in facts_of(random, most) if f.get("subject") != "C-1"]
    return facts, random.sample(FLAGS, random.choice((0, 0, 1, 2)))


@pytest.mark.parametrize("part", range(4))
def test_the_engine_says_what_the_files_say(part: int) -> None:
    files, different = RuleFiles(RULES), set()
    for seed in range(part * 750, (part + 1) * 750):
        facts, flags = made(seed, 10)
        expected = files.judge(facts, DAY, flags)
        question = Question("C-1", day_number(DAY), tuple(as_fact(f) for f in facts), (), tuple(sorted(set(flags))))
        _, chained = REASONER.chained(question)
        fired = frozenset(rule for rule, _ in chained.firings)
        found = (chained.combined.level, chained.combined.significant)
        assert (found, fired ^ expected.fired) == ((expected.level, expected.significant), set()), (seed, facts, flags)
        different.add((expected.level, expected.significant))
    assert different == {(1, False), (2, False), (3, False), (4, False), (4, True)}


def test_the_order_of_facts_and_of_rules_never_matters() -> None:
    random = Random(5)
    for seed in range(300):
        facts, flags = made(seed)
        known = [as_fact(f) for f in facts]
        expected = None
        for _ in range(3):
            random.shuffle(known)
            rules = list(PLAN.rules)
            random.shuffle(rules)
            plan = replace(PLAN, rules=tuple(rules))
            question = Question("C-1", day_number(DAY), tuple(known), (), tuple(flags))
            chained = Chainer(plan, BOOK.significant).run(REASONER.tokens(question, REASONER.indicators(question)))
            said = (outcome(chained, plan, BOOK), {rule for rule, _ in chained.firings}, chained.combined)
            assert expected in (None, said), (seed, facts)
            expected = said


def test_every_suggestion_names_a_reason_and_an_alternative_unless_a_floor_fixes_it() -> None:
    for seed in range(250):
        facts, flags = made(seed, 6)
        question = Question("C-1", day_number(DAY), tuple(as_fact(f) for f in facts), (), tuple(sorted(set(flags))))
        _, chained = REASONER.chained(question)
        said = REASONER.suggest(question)
        carried = [r for r in said.reasons if r.effect in ("floor", "consider")]
        assert carried or said.level == 1, (seed, facts)
        assert said.alternatives or chained.combined.floor == said.level, (seed, facts)
        assert all(a.level != said.level for a in said.alternatives), (seed, facts)
        assert said.pathways and said.urgency and said.consent.record, (seed, facts)
        assert not re.search(
            r"\bbreach(es)?\b|\bscore\b|per cent|%", " ".join([*(r.text for r in said.reasons), *(a.tips_if for a in said.alternatives)])
        )


@st.composite
def some_facts(draw: st.DrawFn, most: int = 6) -> list[Fact]:
    """Facts of any kind, each recorded once."""
    names = draw(st.lists(st.sampled_from(sorted(BOOK.facts)), max_size=most, unique=True))
    return [
        Fact(
            name,
            draw(st.sampled_from(values(name, BOOK.facts[name], BOOK, PLAN))),
            draw(st.sampled_from([e for e in EVIDENCE if e != "refuted"])),
            draw(st.sampled_from(("", "vague", "specific"))),
            draw(st.sampled_from(TIMING)),
            draw(st.sampled_from(PATTERN)),
            draw(st.sampled_from(IMPACT)),
        )
        for name in names
    ]


CONCERNS = sorted({r.fact.id for mine in Space(BOOK, PLAN, level_only=True).records.values() for r in mine if is_concern(r.token)})


def suggested(facts: Sequence[Fact]) -> tuple[int, bool]:
    combined = REASONER.chained(Question("C-1", day_number(DAY), tuple(facts)))[1].combined
    return combined.level, combined.significant


@cache
def steps_of(name: str) -> list[tuple[Record, Record]]:
    """Every way to strengthen a record of a fact."""
    return list(strengthened(level_space().records[name]))


@settings(max_examples=400)
@given(some_facts(), st.sampled_from(CONCERNS), st.data())
def test_adding_or_strengthening_a_concern_in_a_generated_case(facts: list[Fact], name: str, data: st.DataObject) -> None:
    records = [r for r in level_space().records[name] if is_concern(r.token)]
    weak = data.draw(st.sampled_from(records))
    rest = [f for f in facts if f.id != name]
    assert suggested(rest) <= suggested([*rest, weak.fact])
    stronger = [strong for less, strong in steps_of(name) if less is weak]
    if stronger:
        strong = data.draw(st.sampled_from(stronger))
        assert suggested([*rest, weak.fact]) <= suggested([*rest, strong.fact])


EVIDENCE_UP = {"unknown": "alleged", "alleged": "reported", "reported": "disclosed", "disclosed": "observed", "observed": "confirmed"}


@settings(max_examples=300)
@given(some_facts(), st.data())
def test_saying_more_of_a_recorded_concern_in_a_generated_case(facts: list[Fact], data: st.DataObject) -> None:
    """One word of a record changed for one that says more: better evidence, specific, current, repeated, harder on the child."""
    concerns = [f for f in facts if f.id in CONCERNS and f.value not in (False, "none", 0)]
    if not concerns:
        return
    fact = data.draw(st.sampled_from(concerns))
    more = [replace(fact, specificity="specific"), replace(fact, pattern="repeated"), replace(fact, impact="marked")]
    more += [replace(fact, timing="current")] if fact.timing != "current" else []
    more += [replace(fact, evidence=EVIDENCE_UP[fact.evidence])] if fact.evidence in EVIDENCE_UP else []
    for stronger in more:
        assert suggested(facts) <= suggested([stronger if f is fact else f for f in facts]), (fact, stronger)
