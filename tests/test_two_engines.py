"""The two threshold engines fire the same rules, and losing the second costs nothing but a second opinion."""

from __future__ import annotations

import ast
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import pytest

from rrt_engine.calendar import day_number
from rrt_engine.diagnostics import InputError
from rrt_engine.model import Fact
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import EVIDENCE, IMPACT, PATTERN, SPECIFICITY, TIMING
from rrt_engine.thresholds import worker as worker_module
from rrt_engine.thresholds.chain import Chainer
from rrt_engine.thresholds.durable_engine import MOST_FIRST_TESTS, MOST_FOR_ONE_TOKEN, DurableEngine, unsafe
from rrt_engine.thresholds.indicators import flag_tokens, token_of, unrecorded_tokens
from rrt_engine.thresholds.plan import Firing, Plan, PlanRule, Token, compile_plan
from rrt_engine.thresholds.plan import Test as That  # not a class of tests, which its own name would say to pytest
from rrt_engine.thresholds.worker import (
    NO_ANSWER,
    NOT_INSTALLED,
    NOT_STARTED,
    STOPPED,
    Worker,
    plan_as_data,
    plan_from_data,
    second_opinion,
)
from tests.shipped import THRESHOLDS
from tests.threshold_strategies import SIGNIFICANT, STATUSES, made_case, made_plan, plan_of, rule_spec

PACKAGE = Path(__file__).resolve().parent.parent / "rrt_engine"
FACT = That("t", "eq", "fact")


@pytest.fixture
def durable() -> None:
    """durable_rules; where it cannot be installed the test is skipped, and where it is required that is a failure."""
    try:
        import durable_rules_engine  # noqa: F401
    except ImportError:
        words = "durable_rules is not installed: it needs CPython below 3.13 and a C compiler"
        if os.environ.get("RRT_REQUIRE_DURABLE") == "1":
            pytest.fail(words)
        pytest.skip(words)


def rule(name: str, *patterns: Sequence[That], stratum: int = 1) -> PlanRule:
    return PlanRule(name, stratum, tuple(tuple(tests) for tests in patterns))


def fact(k: int, f: str = "struck", **fields: int | str) -> Token:
    return {"t": "fact", "f": f, "p": 1, "w": 1, "r": "concern", "d": "home", "s": 1, "y": 0, "x": 1, **fields, "k": k}


def both(plan: Plan, tokens: Sequence[Token]) -> frozenset[Firing]:
    """What fires, once the two engines have agreed on it."""
    engine = DurableEngine(plan, SIGNIFICANT)
    found = engine.run(tokens)
    engine.close()
    assert found == Chainer(plan, SIGNIFICANT).run(tokens).firings
    return found


def plain(plan: Plan, cases: Sequence[Sequence[Token]]) -> list[frozenset[Firing] | None]:
    chainer = Chainer(plan, SIGNIFICANT)
    return [chainer.run(case).firings for case in cases]


def some_plan(seed: int, rules: int = 12) -> Plan:
    random = Random(seed)
    plan = made_plan(random, rules)
    while len(plan.rules) < rules:
        plan = made_plan(random, rules)
    return plan


# ------------------------------------------------------------------------------------------------------ the same firings


@pytest.mark.parametrize("part", range(5))
def test_five_thousand_made_cases_fire_the_same(durable: None, part: int) -> None:
    random = Random(part)
    operators, patterns, fired, strata = set(), set(), 0, set()
    for _ in range(100):
        plan = made_plan(random)
        assert not unsafe(plan)
        engine, chainer = DurableEngine(plan, SIGNIFICANT), Chainer(plan, SIGNIFICANT)
        stratum = {r.id: r.stratum for r in plan.rules}
        for _ in range(10):
            case = made_case(random, plan=plan)
            found = engine.run(case)
            assert found == chainer.run(case).firings, (plan.rules, case)
            fired += len(found)
            strata |= {stratum[name] for name, _ in found}
        engine.close()
        operators |= {t.operator for r in plan.rules for tests in r.patterns for t in tests}
        patterns |= {len(r.patterns) for r in plan.rules}
    assert operators == {"eq", "in", "ge", "lt"} and patterns == {1, 2} and strata == {1, 2, 3} and fired > 5000


def test_the_rule_set_is_safe_and_both_engines_agree_on_it(durable: None) -> None:
    book = THRESHOLDS
    plan = compile_plan(book, day_number(date(2026, 4, 15)))
    assert not unsafe(plan)
    random, fired = Random(1), set()
    engine, chainer = DurableEngine(plan, book.significant), Chainer(plan, book.significant)
    for _ in range(400):
        facts = [recorded(random, name, book) for name in random.sample(list(book.facts), random.randint(0, 12))]
        case = [{**token_of(f, book.facts[f.id], book), "k": k} for k, f in enumerate(facts)]
        case += unrecorded_tokens(plan.unrecorded, facts, len(case))
        case += flag_tokens([("cp_visit_6w", random.choice(STATUSES))], len(case))
        found = engine.run(case)
        assert found == chainer.run(case).firings, case
        fired |= {name for name, _ in found}
    engine.close()
    assert len(fired) > len(plan.rules) / 2


def recorded(random: Random, name: str, book: ThresholdBook) -> Fact:
    """A made record of a fact of the rule set."""
    kind = book.facts[name]
    values = (
        [*kind.values, "none", "unspecified"] if kind.values else [True, False] if kind.type == "boolean" else [0, 1, 2, 3, 13, "several"]
    )
    said = (random.choice(words) for words in (EVIDENCE, SPECIFICITY, TIMING, PATTERN, IMPACT))
    return Fact(name, random.choice(values), *said)


def test_a_mistake_in_one_engine_would_be_seen(durable: None) -> None:
    """The comparison compares: a plan with one number moved fires otherwise on the made cases."""
    random, seen = Random(7), 0
    for _ in range(20):
        plan = made_plan(random)
        number = next((t for r in plan.rules for tests in r.patterns for t in tests if t.field == "n" and t.operator == "ge"), None)
        if number is None:
            continue
        moved = That("n", "ge", int(number.value) + 1)  # type: ignore[arg-type]
        rules = tuple(
            replace(r, patterns=tuple(tuple(moved if t == number else t for t in tests) for tests in r.patterns)) for r in plan.rules
        )
        engine = DurableEngine(replace(plan, rules=rules), SIGNIFICANT)
        cases = [made_case(random, plan=plan) for _ in range(10)]
        seen += [engine.run(case) for case in cases] != plain(plan, cases)
        engine.close()
    assert seen >= 3


def test_facts_alike_in_all_but_their_number_stay_apart(durable: None) -> None:
    plan = plan_of(rule("rt_one", [FACT, That("f", "eq", "struck")]))
    assert both(plan, [fact(0), fact(1), fact(2)]) == {("rt_one", (k,)) for k in range(3)}


def test_two_patterns_never_match_the_same_fact_however_often_recorded(durable: None) -> None:
    plan = plan_of(rule("rt_two", [FACT, That("p", "ge", 1)], [FACT, That("r", "eq", "concern")]))
    found = both(plan, [fact(0), fact(1), fact(2, "left_alone")])
    assert found == {("rt_two", pair) for pair in ((0, 2), (1, 2), (2, 0), (2, 1))}


@pytest.mark.parametrize(
    "test, holds",
    [
        (That("n", "ge", -2), {"n": -2}),
        (That("n", "lt", -2), {"n": -3}),
        (That("n", "lt", 0), {"n": -1}),
        (That("n", "ge", 5), {"n": 10}),
        (That("n", "ge", 5), {"n": 10**15}),
        (That("n", "lt", -5), {"n": -(10**15)}),
        (That("n", "eq", -1), {"n": -1}),
        (That("n", "in", (-1, 2)), {"n": 2}),
        (That("v", "eq", "5"), {"v": "5"}),
        (That("v", "in", ("some, or: none", "marked")), {"v": "some, or: none"}),
    ],
)
@pytest.mark.parametrize(
    "other", [{}, {"n": -4 * 10**15}, {"v": "5 "}, {"v": ""}, {"v": 'say "5"'}, {"v": "é\n"}, {"n": -2}, {"n": 4}, {"n": -1}]
)
def test_negative_numbers_missing_fields_and_odd_text(durable: None, test: That, holds: Token, other: Token) -> None:
    found = both(plan_of(rule("rt_one", [FACT, test])), [fact(0, **holds), fact(1, **other)])
    assert ("rt_one", (0,)) in found


def test_an_empty_case_still_counts_and_has_a_level(durable: None) -> None:
    none_at_2 = rule("rt_none", [That("t", "eq", "count"), That("f", "eq", "domains_at_2"), That("n", "ge", 0)], stratum=2)
    level_1 = rule("rt_level", [That("t", "eq", "level"), That("n", "in", (1,))], stratum=3)
    assert both(plan_of(none_at_2, level_1), []) == {("rt_none", (0,)), ("rt_none", (1,)), ("rt_level", (4,))}


def test_a_session_in_which_nothing_fires_is_deleted(durable: None) -> None:
    engine = DurableEngine(plan_of(rule("rt_one", [FACT, That("f", "eq", "struck")])), SIGNIFICANT)
    for _ in range(3000):
        assert engine.run([]) == frozenset()
        assert engine.run([fact(0, "left_alone")]) == frozenset()
    assert engine.run([fact(0)]) == {("rt_one", (0,))}
    engine.close()


def test_the_level_follows_from_what_fired(durable: None) -> None:
    urgent = rule("rt_floor", [FACT, That("f", "eq", "struck"), That("s", "ge", 1)])
    then = rule("rt_then", [That("t", "eq", "level"), That("n", "in", (4,)), That("c", "eq", 1)], [FACT, That("x", "eq", 1)], stratum=3)
    plan = plan_of(urgent, then, rt_floor=rule_spec("rt_floor", "floor", 4, sorted(SIGNIFICANT)))
    assert both(plan, [fact(0)]) == {("rt_floor", (0,)), ("rt_then", (5, 0))}
    assert both(plan, [fact(0, s=0)]) == frozenset()


def test_an_exception_while_a_rule_fires_is_raised_and_the_next_case_is_right(durable: None) -> None:
    engine = DurableEngine(plan_of(rule("rt_one", [FACT]), rule("rt_two", [FACT], [FACT])), SIGNIFICANT)

    def refuse(name: str, matched: tuple[int, ...]) -> None:
        raise ZeroDivisionError

    for _ in range(50):
        with pytest.raises(ZeroDivisionError):
            engine.run([fact(0), fact(1, "left_alone")], refuse)
    assert len(engine.run([fact(0), fact(1, "left_alone")])) == 4
    engine.close()


def test_the_numbers_that_facts_go_under_never_collide() -> None:
    """durable_rules tells facts apart by this hash of their id alone."""

    def fnv(text: str) -> int:
        found = 0x811C9DC5
        for byte in text.encode():
            found = (found ^ byte) * 0x01000193 % 2**32
        return found

    assert len({fnv(text) for text in [*map(str, range(20_000)), "open", "sid-case"]}) == 20_002


# -------------------------------------------------------------------------------------------------------- the safe subset


def refused(*rules: PlanRule) -> str:
    plan = plan_of(*rules)
    with pytest.raises(InputError) as error:
        DurableEngine(plan, SIGNIFICANT)
    with pytest.raises(InputError):
        Worker(plan, SIGNIFICANT)
    return str(error.value)


@pytest.mark.parametrize(
    "made, words",
    [
        (rule("rt_bad", [FACT], [FACT], [FACT]), "3 patterns"),
        (rule("rt_bad"), "0 patterns"),
        (rule("rt_bad", [That("f", "eq", "struck")]), "needs one type"),
        (rule("rt_bad", [That("t", "in", ("fact", "flag"))]), "needs one type"),
        (rule("rt_bad", [That("t", "eq", "child")]), "needs one type"),
        (rule("rt_bad", [FACT, That("f", "eq", "a" * 65)]), "not short plain text"),
        (rule("rt_bad", [FACT, That("f", "eq", "caf\u00e9")]), "not short plain text"),
        (rule("rt_bad", [FACT, That("v", "eq", 'a"b')]), "not short plain text"),
        (rule("rt_bad", [FACT, That("v", "in", ("a", "b\\"))]), "not short plain text"),
        (rule("rt_bad", [FACT, That("v", "eq", "")]), "not short plain text"),
        (rule("rt_bad", [FACT, That("v", "eq", "_")]), "not short plain text"),
        (rule("rt_bad", [FACT, That("n", "ge", 10**10)]), "not a small whole one"),
        (rule("rt_bad", [FACT, That("n", "ge", 2.5)]), "not a small whole one"),  # type: ignore[arg-type]
        (rule("rt_bad", [FACT, That("n", "ge", "5")]), "as a number"),
        (rule("rt_bad", [FACT, That("n", "in", (1, "2"))]), "numbers and text at once"),  # type: ignore[arg-type]
        (rule("rt_bad", [FACT, That("n", "in", ())]), "not a test"),
        (rule("rt_bad", [FACT, That("n", "ne", 1)]), "not a test"),  # type: ignore[arg-type]
        (rule("rt_bad", [FACT, That("sid", "eq", "case")]), "one small letter"),
        (rule("rt_bad", [FACT, That("k", "lt", 3)]), "a token's number"),
        (rule("rt_bad", [FACT, *[That("v", "in", ("a", "b"))] * 9]), "more than 8 tests"),
        (rule("rt_bad", [That("t", "eq", "count")]), "stratum 1"),
        (rule("_bad", [FACT]), "its id"),
    ],
)
def test_a_rule_outside_the_safe_subset_is_refused_by_name(made: PlanRule, words: str) -> None:
    text = refused(rule("rt_good", [FACT]), made)
    assert f"rule `{made.id}`: " in text and words in text and "rt_good" not in text


def test_a_field_that_is_text_here_and_a_number_there_is_refused() -> None:
    assert "rule `rt_b`: the field `v`" in refused(rule("rt_a", [FACT, That("v", "eq", "5")]), rule("rt_b", [FACT, That("v", "eq", 5)]))


def test_the_same_id_twice_is_refused() -> None:
    assert "rule `rt_a`: its id is used 2 times" in refused(rule("rt_a", [FACT]), rule("rt_a", [FACT]))


def test_more_rules_than_load_are_refused() -> None:
    rules = [rule(f"rt_{i}", [FACT, That("f", "eq", f"fact_{i}")]) for i in range(301)]
    assert not unsafe(plan_of(*rules[:300]))
    assert "301 rules" in refused(*rules) and "`rt_300`" in refused(*rules)


def crowd(n: int) -> list[PlanRule]:
    """Patterns that one token may match all of: half name its fact, half none, each another number."""
    named = [rule(f"rt_{i}", [FACT, That("f", "in", ("struck", "injury_seen")), That("n", "lt", i)]) for i in range(1, n // 2 + 1)]
    return named + [rule(f"rt_{i}", [FACT, That("p", "ge", 1), That("n", "lt", i)]) for i in range(n // 2 + 1, n + 1)]


def test_as_many_patterns_as_one_token_may_match_all_fire(durable: None) -> None:
    elsewhere = [rule(f"rt_else_{i}", [FACT, That("f", "eq", f"fact_{i}")], [FACT, That("f", "eq", f"fact_{i + 1}")]) for i in range(100)]
    facts = [fact(0, n=0), fact(1, "injury_seen", n=0), fact(2, "fact_7", p=0), fact(3, "fact_8", p=0)]
    found = both(plan_of(*crowd(MOST_FOR_ONE_TOKEN - 2), *elsewhere), facts)
    assert len(found) == 2 * (MOST_FOR_ONE_TOKEN - 2) + 1


def test_one_pattern_more_is_refused() -> None:
    text = refused(*crowd(MOST_FOR_ONE_TOKEN + 1))
    assert f"`rt_{MOST_FOR_ONE_TOKEN // 2}`: {MOST_FOR_ONE_TOKEN + 1} patterns could match one token of `struck` of type `fact`" in text


def test_patterns_for_other_roles_and_domains_do_not_crowd() -> None:
    rules = [rule(f"rt_{i}", [FACT, That("d", "eq", f"domain {i % 4}"), That("n", "ge", i)]) for i in range(200)]
    assert not unsafe(plan_of(*rules))
    assert "patterns could match one token of type `fact`" in refused(
        *rules, *[rule(f"rt_r_{i}", [FACT, That("n", "ge", i)]) for i in range(15)]
    )


def test_as_many_facts_as_may_be_named(durable: None) -> None:
    names = [f"fact_{i}" for i in range(MOST_FIRST_TESTS)]
    rules = [rule(f"rt_{i}", [FACT, That("f", "in", tuple(names[i : i + 2]))]) for i in range(0, MOST_FIRST_TESTS, 2)]
    assert len(both(plan_of(*rules), [fact(k, names[3 * k]) for k in range(130)])) == 130
    assert "different facts are named" in refused(*rules, rule("rt_more", [FACT, That("f", "eq", "one_more")]))


def test_nothing_else_imports_durable_rules() -> None:
    importing = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            if any(name.split(".")[0] in ("durable", "durable_rules_engine") for name in names):
                importing.add(path.name)
    assert importing == {"durable_engine.py"}


# ------------------------------------------------------------------------------------------------------------- the worker


def test_a_plan_crosses_the_pipe_whole() -> None:
    for seed in range(30):
        plan = made_plan(Random(seed))
        again, significant = plan_from_data(plan_as_data(plan, SIGNIFICANT))
        assert again.rules == plan.rules and significant == SIGNIFICANT
        for name, spec in plan.specs.items():
            read = again.specs[name]
            assert (read.effect, read.level, list(read.pathways)) == (spec.effect, spec.level, spec.pathways)


def test_the_worker_answers_as_the_first_engine_does(durable: None) -> None:
    for seed in range(3):
        plan, random = some_plan(seed, 40), Random(seed)
        cases = [made_case(random, plan=plan) for _ in range(250)]
        with Worker(plan, SIGNIFICANT) as worker:
            assert second_opinion(worker, cases) == plain(plan, cases)
            assert second_opinion(worker, []) == [] and second_opinion(worker, [[]]) == plain(plan, [[]])
            assert worker.why == ""
        assert worker.process_id is None


def test_starting_waits_for_nothing_and_one_case_is_quick(durable: None) -> None:
    plan = some_plan(1, 80)
    case = made_case(Random(1), 8, plan)
    times = []
    with Worker(plan, SIGNIFICANT) as worker:
        second_opinion(worker, [case])
        for _ in range(20):
            begun = time.perf_counter()
            second_opinion(worker, [case])
            times.append(time.perf_counter() - begun)
    assert sorted(times)[10] < 0.05


def test_a_worker_killed_while_it_reasons_is_started_anew(durable: None) -> None:
    plan, random = some_plan(2, 40), Random(2)
    cases = [made_case(random, plan=plan) for _ in range(1500)]
    with Worker(plan, SIGNIFICANT) as worker:
        assert second_opinion(worker, cases[:1]) == plain(plan, cases[:1])
        first = worker.process_id
        assert first
        timer = threading.Timer(0.15, os.kill, (first, signal.SIGTERM))
        timer.start()
        found = second_opinion(worker, cases)
        timer.join()
        assert worker.process_id != first and worker.why == ""
    assert found == plain(plan, cases)


def test_a_worker_killed_for_good_loses_only_the_second_opinion(durable: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "MOST_STARTS", 1)
    plan, random = some_plan(2, 40), Random(2)
    cases = [made_case(random, plan=plan) for _ in range(1500)]
    with Worker(plan, SIGNIFICANT) as worker:
        second_opinion(worker, cases[:1])
        assert worker.process_id
        timer = threading.Timer(0.15, os.kill, (worker.process_id, signal.SIGTERM))
        timer.start()
        found = second_opinion(worker, cases)
        timer.join()
        assert worker.why == STOPPED
        assert second_opinion(worker, cases[:2]) == [None, None]
    given = [f for f in found if f is not None]
    assert len(given) < len(cases) and found == given + [None] * (len(cases) - len(given))
    assert given == plain(plan, cases[: len(given)])


def test_a_case_that_stops_it_twice_is_left_out_and_the_rest_go_on(durable: None) -> None:
    plan, random = some_plan(3), Random(3)
    cases = [made_case(random, plan=plan) for _ in range(30)]
    expected = plain(plan, cases)
    cases[10] = [{"t": "fact", "f": "a token with no number"}]
    with Worker(plan, SIGNIFICANT) as worker:
        assert second_opinion(worker, cases) == [*expected[:10], None, *expected[11:]]
        assert worker.why == STOPPED
        assert second_opinion(worker, cases[11:]) == expected[11:]
        assert worker.why == ""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a process cannot be made to hang from outside here")
def test_a_worker_that_hangs_is_killed_and_started_anew(durable: None) -> None:
    plan = some_plan(3)
    cases = [made_case(Random(3), plan=plan)] * 3
    with Worker(plan, SIGNIFICANT, case_seconds=0.5) as worker:
        second_opinion(worker, cases)
        assert worker.process_id
        os.kill(worker.process_id, signal.SIGSTOP)
        assert second_opinion(worker, cases) == plain(plan, cases)


@pytest.mark.parametrize(
    "module, why",
    [
        ("raise ImportError('not here')", NOT_INSTALLED),
        ("raise OSError('broken')", NOT_STARTED),
        ("import os; os._exit(1)", NOT_STARTED),
        ("print('hello')", NOT_STARTED),
        ("import time; time.sleep(60)", NO_ANSWER),
    ],
)
def test_without_durable_rules_the_reason_is_given_in_words(module: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "durable_rules_engine.py").write_text(module, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Worker(some_plan(3), SIGNIFICANT, start_seconds=1.0 if why == NO_ANSWER else 10.0) as worker:
        assert second_opinion(worker, [[], [fact(0)]]) == [None, None]
        assert worker.why == why
        assert worker.memory() is None
        begun = time.perf_counter()
        assert second_opinion(worker, [[]]) == [None] and worker.why == why
        assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("executable", ["", "/nowhere/python"])
def test_without_an_interpreter_to_start_the_reason_is_given_in_words(executable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    with Worker(some_plan(3), SIGNIFICANT) as worker:
        assert second_opinion(worker, [[]]) == [None] and worker.why == NOT_STARTED


def test_the_child_ends_when_its_input_does(durable: None) -> None:
    with Worker(some_plan(3), SIGNIFICANT) as worker:
        second_opinion(worker, [[]])
        assert worker._child
        process = worker._child.process
        worker._child._asked.put(None)
        assert process.wait(5) == 0


def test_a_hundred_thousand_sessions_leave_no_memory_behind(durable: None) -> None:
    plan, random = some_plan(4, 6), Random(4)
    assert {len(r.patterns) for r in plan.rules} == {1, 2}
    cases = [made_case(random, 3, plan) for _ in range(100)]
    with Worker(plan, SIGNIFICANT) as worker:
        second_opinion(worker, cases * 50)
        before = worker.memory()
        if before is None:
            pytest.skip("this system does not say how much memory a process holds")
        found = second_opinion(worker, cases * 1000)
        after = worker.memory()
    assert after is not None and after - before < 5 * 2**20
    assert found == plain(plan, cases) * 1000
