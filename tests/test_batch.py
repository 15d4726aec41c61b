"""Suggestions for many cases are exactly those for each case by itself, however records repeat, contradict or meet timelines."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from rrt_engine.calendar import NO_DAY, Moment, parse_moment
from rrt_engine.explain.flags import Explainer
from rrt_engine.model import Coverage, EventLog, Fact, Suggestion
from rrt_engine.paths import CASES
from rrt_engine.rulebook.threshold_book import Threshold
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.event_log import read_event_log
from rrt_engine.sources.fact_tables import Facts, facts_of_cases
from rrt_engine.thresholds import batch as batch_module
from rrt_engine.thresholds.batch import Batch, Suggestions, suggest_many
from rrt_engine.thresholds.derive import derived_facts
from rrt_engine.thresholds.derive_many import derived_of_all
from rrt_engine.thresholds.suggest import Reasoner, question_of
from rrt_engine.thresholds.two_engines import EnginesDisagree
from rrt_engine.thresholds.worker import STOPPED, Worker
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.timescales.evaluate import evaluate
from tests.shipped import BOOK, THRESHOLDS

DAY = parse_moment("2026-04-15").day
NAMES = list(THRESHOLDS.facts)
EXAMPLES = int(os.environ.get("RRT_EXAMPLES", "400"))
KINDS = (
    "contact_received", "contact_outcome_recorded", "referral_received", "referral_received", "da_notification_received",
    "missing_episode_started", "cp_plan_started", "cp_plan_ended", "cin_plan_started", "cin_plan_ended", "became_looked_after",
    "ceased_looked_after", "strategy_discussion_held", "icpc_held",
)  # fmt: skip


@cache
def reasoner() -> Reasoner:
    return Reasoner(THRESHOLDS, DAY)


def made_fact(random: Random, names: Sequence[str]) -> Fact:
    """A record of any kind: absent, unknown, refuted, thin, of another child, dated late."""
    name = random.choice(names)
    kind = THRESHOLDS.facts[name]
    value: bool | int | str
    if kind.type == "boolean":
        value = random.random() < 0.75
    elif kind.values:
        value = random.choice((*kind.values, "none", "unspecified"))
    else:
        value = random.choice((0, 1, 2, 3, 5, 12, 80, "several") if kind.type == "count" else (0, 1, 11, 12, 80, 95))
    return Fact(
        name,
        "unknown" if random.random() < 0.05 else value,
        random.choice(("alleged", "reported", "disclosed", "observed", "confirmed", "unknown", "refuted")),
        random.choice(("", "vague", "specific")),
        random.choice(("current", "past", "unknown")),
        random.choice(("single", "repeated", "unknown")),
        random.choice(("some", "marked", "unknown")),
        random.choice(("", "police", "School", "health", "family", "anonymous")),
        random.choice((NO_DAY, NO_DAY, DAY - 3, DAY - 30, DAY - 200, DAY - 500, DAY + 2)),
        random.choice(("",) * 12 + ("child", "sibling", "C00017", "C00003", "younger brother")),
        told=random.choice((NO_DAY, NO_DAY, NO_DAY, DAY - 400, DAY, DAY + 1)),
    )


def made_cases(random: Random, n: int, of: int, most: int) -> list[tuple[str, list[Fact]]]:
    """Cases whose facts come from a few names, so that they contradict and corroborate each other."""
    found = []
    for i in range(n):
        names = random.sample(NAMES, of)
        found.append((f"C{i:05d}", [made_fact(random, names) for _ in range(random.randint(0, most))]))
    return found


def made_log(random: Random, children: int, coverage: Coverage = Coverage()) -> EventLog:
    """Timelines on which plans and periods open and close, also on one day, and some events come after the day."""
    builder = LogBuilder(BOOK.events)
    builder.origin("made.csv")
    for i in range(children):
        born = random.choice((NO_DAY, DAY - random.randint(0, 6500), DAY + 20, DAY - 31, DAY - 365))
        builder.child(f"C{i:05d}", born, random.choice((NO_DAY, NO_DAY, DAY + 40, DAY - 10)))
        for _ in range(random.randint(0, 8)):
            kind = random.choice(KINDS)
            outcome = {"outcome": random.choice(("nfa", "referral"))} if kind == "contact_outcome_recorded" else {}
            day = DAY - random.choice((0, 0, 1, 80, 89, 90, 91, 365, 364, 366, 730, -5, random.randint(0, 900)))
            builder.add(f"C{i:05d}", kind, Moment(day), attributes=outcome)
    return builder.build(coverage)


def as_batch(facts: Facts, log: EventLog | None = None, flags: dict[tuple[str, str], list[int]] | None = None) -> Batch:
    computed = {}
    if log is not None:
        place = {name: i for i, name in enumerate(facts.cases)}
        case = np.array([place.get(str(c), -1) for c in log.children], np.int64)
        for name, found in derived_of_all(log, THRESHOLDS, DAY).items():
            kept = case[found.child] >= 0
            computed[name] = replace(found, child=case[found.child][kept], place=found.place[kept])
    flagged = {flag: np.array(cases, np.int64) for flag, cases in (flags or {}).items()}
    return Batch(facts.cases, facts.case, facts.record, facts.on, facts.records, computed, flagged)


def no_log(case: str) -> EventLog:
    builder = LogBuilder(BOOK.events)
    builder.child(case)
    return builder.build(Coverage())


def said(found: Suggestion) -> tuple[object, ...]:
    """What a batch gives of a suggestion. Reasons leave out what adds up to level 1 only."""
    return (found.level, found.significant, found.could_be, found.pathways, found.urgency)


def answered(found: Suggestions, case: int) -> tuple[object, ...]:
    a = found.of(case)
    return (a.level, a.significant, a.could_be, a.pathways, a.urgency)


# ---------------------------------------------------------------------------------------------------- the same answers


@pytest.mark.parametrize(("seed", "of", "most"), [(1, 18, 9), (2, 5, 10), (3, 3, 6), (4, 40, 5)])
def test_many_cases_are_suggested_what_each_would_be(seed: int, of: int, most: int) -> None:
    cases = made_cases(Random(seed), EXAMPLES, of, most)
    found = suggest_many(reasoner(), as_batch(facts_of_cases(cases)))
    levels = Counter()
    for i, (case, facts) in enumerate(cases):
        alone = reasoner().suggest(question_of(case, facts, no_log(case), 0, THRESHOLDS, DAY))
        assert answered(found, i) == said(alone), (case, facts)
        fired = [r.rule for r in alone.reasons]
        assert [r for r in found.of(i).rules if r in fired] == fired, (case, facts)
        levels[found.of(i).level, found.of(i).could_be] += 1
    assert {1, 2, 3, 4} <= {level for level, _ in levels} and any(more for _, more in levels)
    assert found.checked_by == "checked by one engine"


@pytest.mark.parametrize("covered", [False, True])
def test_what_timelines_give_counts_as_in_one_case(covered: bool) -> None:
    random = Random(5)
    names = [n for n, k in THRESHOLDS.facts.items() if k.derive] + random.sample(NAMES, 12)
    cases = [(f"C{i:05d}", [made_fact(random, names) for _ in range(random.randint(0, 6))]) for i in range(EXAMPLES)]
    coverage = Coverage(frozenset(KINDS), {"": DAY - 800}) if covered else Coverage()
    log = made_log(random, EXAMPLES, coverage)
    found = suggest_many(reasoner(), as_batch(facts_of_cases(cases), log))
    for i, (case, facts) in enumerate(cases):
        alone = reasoner().suggest(question_of(case, facts, log, i, THRESHOLDS, DAY))
        assert answered(found, i) == said(alone), (case, facts)


@pytest.mark.parametrize("coverage", [Coverage(), Coverage(frozenset(KINDS)), Coverage(None, {"": DAY - 100})])
def test_facts_from_all_timelines_at_once_are_those_of_each(coverage: Coverage) -> None:
    for log in (made_log(Random(6), 300, coverage), read_event_log(CASES / "sample" / "events.csv", BOOK).log):
        for day in (DAY, DAY - 200):
            every = derived_of_all(log, THRESHOLDS, day)
            many = {
                (int(child), name): (f.value, f.settled, set(f.denies))
                for name, found in every.items()
                for child, f in zip(found.child, (found.facts[p] for p in found.place), strict=True)
            }
            one = {
                (c, f.id): (f.value, f.settled, set(f.denies))
                for c in range(len(log.children))
                for f in derived_facts(log, c, THRESHOLDS, day)
            }
            assert many == one and len(one) > 100


def test_flags_that_a_rule_asks_for_count() -> None:
    """No rule asks for one today, so one is made that does."""
    spec = THRESHOLDS.rules[0].spec.model_copy(
        update={"id": "rt_made", "effect": "floor", "level": 4, "pathways": ["s47_strategy_discussion"], "instead": False, "record": None,
                "urgency": None, "when": [spec_pattern("cp_icpc_15wd", ["overdue"])]}
    )  # fmt: skip
    book = replace(THRESHOLDS, rules=(*THRESHOLDS.rules, Threshold(spec, "made.yaml", 1, 0, 2**30)))
    asked = Reasoner(book, DAY)
    facts = facts_of_cases([("A", [Fact("bullied", True, "disclosed")]), ("B", [Fact("bullied", True, "disclosed")])])
    batch = as_batch(facts, flags={("cp_icpc_15wd", "overdue"): [1], ("cp_icpc_15wd", "met"): [0], ("cp_visit_first", "late"): [0]})
    found = suggest_many(asked, batch)
    assert found.level.tolist() == [2, 4] and found.significant.tolist() == [False, True]


def spec_pattern(rule: str, statuses: list[str]) -> object:
    from rrt_engine.rulebook.threshold_schema import Pattern

    return Pattern.model_construct(flag=[rule], status=statuses)


def test_sample_authority_with_flags_and_timelines() -> None:
    from rrt_engine.sources.fact_tables import read_facts

    log = read_event_log(CASES / "sample" / "events.csv", BOOK).log
    facts = read_facts(CASES / "sample" / "events.facts.csv", THRESHOLDS).facts
    result = evaluate(log, BOOK, Moment(DAY))
    explainer = Explainer(log, BOOK, result.flags, DAY, end_of_day(DAY))
    child_of = {str(c): i for i, c in enumerate(log.children)}
    flagged: dict[str, list[tuple[str, str]]] = {}
    for i in range(len(result.flags)):
        flag = explainer.explain(i)
        flagged.setdefault(str(log.children[log.child[result.flags.trigger[i]]]), []).append((flag.rule, flag.status))
    found = suggest_many(reasoner(), as_batch(facts, log))
    for i, case in enumerate(facts.cases):
        question = question_of(case, facts.of(i), log, child_of[case], THRESHOLDS, DAY, flagged.get(case, ()))
        assert answered(found, i) == said(reasoner().suggest(question)), case


def test_the_order_of_rows_and_cases_never_matters() -> None:
    random = Random(7)
    facts = facts_of_cases(made_cases(random, 200, 8, 8))
    first = suggest_many(reasoner(), as_batch(facts))
    order = np.array(random.sample(range(len(facts)), len(facts)))
    mixed = Batch(facts.cases, facts.case[order], facts.record[order], facts.on[order], facts.records)
    second = suggest_many(reasoner(), mixed)
    assert [first.of(i) for i in range(200)] == [second.of(i) for i in range(200)]


def test_nothing_and_nobody() -> None:
    empty = suggest_many(reasoner(), as_batch(facts_of_cases([])))
    assert len(empty) == 0 and empty.distinct == 0 and empty.level.tolist() == []
    bare = suggest_many(reasoner(), as_batch(facts_of_cases([("A", []), ("B", [Fact("bullied", "unknown")])])))
    assert bare.level.tolist() == [1, 1] and bare.distinct == 1


def test_cases_that_no_rule_can_tell_apart_are_one() -> None:
    """Another agency, another day, another way of knowing it: one set of indicators."""
    records = [
        Fact("bullied", True, "disclosed", source_agency="school", on=DAY - 3),
        Fact("bullied", True, "reported", "specific", source_agency="police", on=DAY - 9),
        Fact("bullies_others", True, "disclosed", "vague"),
    ]
    found = suggest_many(reasoner(), as_batch(facts_of_cases([(f"C{i}", [r]) for i, r in enumerate(records)])))
    assert found.distinct == 1 and found.level.tolist() == [2, 2, 2]


# ---------------------------------------------------------------------------------------------------- two engines


@pytest.fixture
def durable() -> None:
    try:
        import durable_rules_engine  # noqa: F401
    except ImportError:
        words = "durable_rules is not installed: it needs CPython below 3.13 and a C compiler"
        if os.environ.get("RRT_REQUIRE_DURABLE") == "1":
            pytest.fail(words)
        pytest.skip(words)


def test_every_distinct_case_is_checked(durable: None) -> None:
    facts = facts_of_cases(made_cases(Random(8), 120, 18, 8))
    with Worker(reasoner().plan, THRESHOLDS.significant) as worker:
        found = suggest_many(reasoner(), as_batch(facts), worker)
    assert found.checked_by == f"checked by two engines ({found.distinct} distinct cases)"


def test_killing_the_second_engine_costs_nothing_but_those_words(durable: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_module, "AT_ONCE", 10)
    facts = facts_of_cases(made_cases(Random(9), 150, 18, 8))
    alone = suggest_many(reasoner(), as_batch(facts))
    with Worker(reasoner().plan, THRESHOLDS.significant) as worker:
        seen = 0

        def kill(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen > 2 and worker.process_id:  # every time anew, so that it may not be started any more
                os.kill(worker.process_id, signal.SIGKILL)

        found = suggest_many(reasoner(), as_batch(facts), worker, kill)
    assert [found.of(i) for i in range(150)] == [alone.of(i) for i in range(150)]
    assert found.checked_by.endswith(STOPPED) and " of " in found.checked_by and "by one" in found.checked_by


def test_without_the_second_engine_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = facts_of_cases(made_cases(Random(10), 30, 18, 8))
    (tmp_path / "durable_rules_engine.py").write_text("raise ImportError", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Worker(reasoner().plan, THRESHOLDS.significant) as worker:
        found = suggest_many(reasoner(), as_batch(facts), worker)
    assert found.checked_by == "checked by one engine: durable_rules is not installed"


def test_a_disagreement_is_an_error_that_names_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = facts_of_cases([("A-1", [Fact("bullied", True, "disclosed")]), ("B-2", [Fact("neglect_level", "severe", "observed")])])

    class Wrong:
        why = ""

        def opinions(self, cases: Sequence[object]) -> list[frozenset[object]]:
            return [frozenset(reasoner().chainer.run(case).firings) for case in cases[:-1]] + [frozenset([("rt_made_up", (0,))])]  # type: ignore[arg-type]

    with pytest.raises(EnginesDisagree) as raised:
        suggest_many(reasoner(), as_batch(facts), Wrong())  # type: ignore[arg-type]
    assert raised.value.case == "B-2" and "rt_made_up" in raised.value.rules
