"""Thresholds over many cases: ours and what people would use instead, in one run: `python benchmarks/thresholds.py`.

A million cases of eight facts (`threshold_cases.py` says how they are made and how often they repeat). Ours reasons over each
distinct set of indicators once; beside it the plain chainer over every case, durable_rules with a session a case, and
GoRules' zen-engine with the level as a decision table compiled from the same plan. These are measured on a part and scaled,
which is said; what each of them finds on its part is compared with ours. They are given each case's tokens ready made, outside
the measured time. Then every bundled case is answered in full, by both engines. Exit code 1 when a result differs or a target
is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from threshold_cases import CASES_DAY, FACTS_A_CASE, VARIETY, make  # noqa: E402

from rrt_engine.calendar import Moment  # noqa: E402
from rrt_engine.checking import check_case  # noqa: E402
from rrt_engine.model import Question  # noqa: E402
from rrt_engine.paths import CASES, RULES  # noqa: E402
from rrt_engine.rulebook.load import load  # noqa: E402
from rrt_engine.rulebook.load_thresholds import load_thresholds  # noqa: E402
from rrt_engine.rulebook.threshold_book import ThresholdBook  # noqa: E402
from rrt_engine.sources.case_file import read_case  # noqa: E402
from rrt_engine.sources.fact_tables import Facts  # noqa: E402
from rrt_engine.thresholds.batch import Batch, suggest_many  # noqa: E402
from rrt_engine.thresholds.plan import Plan, Test, Token, counts, only_hardship  # noqa: E402
from rrt_engine.thresholds.suggest import Reasoner, question_of  # noqa: E402
from rrt_engine.thresholds.worker import Worker  # noqa: E402

AT_LEAST = {"durable": 100.0, "zen": 20.0}
ONE_CASE = 0.050
NAMES = {
    "rrt": "rrt, each distinct set once",
    "plain": "the plain chainer, every case",
    "durable": "durable_rules, a session a case",
    "zen": "zen-engine, a decision table",
}


def seconds(work: Callable[[], Any], turns: int) -> float:
    """The median time of some turns."""
    found = []
    for _ in range(turns):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def questions(batch: Batch, cases: Sequence[int], book: ThresholdBook) -> list[Question]:
    """Some cases of a batch as the one-case engine is asked them."""
    from rrt_engine.replay.audit import no_log

    facts = Facts(tuple(batch.ids), batch.case, batch.record, batch.on, tuple(batch.records), np.zeros(len(batch.case), np.int32))
    return [question_of(str(batch.ids[i]), facts.of(i), no_log(), 0, book, CASES_DAY) for i in cases]


# ------------------------------------------------------------------------------------- the level as a decision table


def decision(plan: Plan) -> dict[str, Any]:
    """The rules that touch the level as a GoRules graph: a table with one row a rule and effect, a column a pattern, all rows
    that hit collected; then an expression that combines what was collected as `plan.combine` does.
    """
    rows: list[dict[str, str]] = []
    for rule in plan.rules:
        if plan.specs[rule.id].effect in ("floor", "consider", "raise", "soften") and rule.stratum < 3:
            for number, (conditions, code) in enumerate(_effects(rule.patterns, plan.specs[rule.id])):
                row = dict(zip("ab", conditions, strict=False))
                rows.append({"_id": f"{rule.id}_{number}", "a": "", "b": "", **row, "code": json.dumps(code)})

    def highest(letter: str, lowest: int) -> str:
        return " ".join(f'"{letter}{n}" in $.c ? {n} :' for n in (4, 3, 2, 1) if n > lowest) + f" {lowest}"

    expressions = [
        ("c", "map(hits, #.code)"),
        ("floor", highest("f", 0)),
        ("any", highest("c", 1)),
        ("sure", highest("s", 1)),
        ("held", highest("h", 1)),
        ("poor", highest("p", 1)),
        ("once", '"r" in $.c and $.any >= 2 ? max([$.any, min([$.any + 1, 3])]) : $.any'),
        ("lifted", '"rs" in $.c and $.sure >= 2 ? max([$.once, min([$.sure + 1, 4])]) : $.once'),
        ("lowered", '"o" in $.c and ($.lifted == 2 or $.lifted == 3) ? max([$.lifted - 1, $.held]) : $.lifted'),
        ("level", "max([$.floor, $.lowered, $.poor])"),
    ]
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": "a", "name": "one pattern"}, {"id": "b", "name": "another"}],
        "outputs": [{"id": "code", "name": "effect", "field": "code"}],
        "rules": rows,
        "passThrough": False,
        "outputPath": "hits",
        "executionMode": "single",
    }
    level = {
        "expressions": [{"id": key, "key": key, "value": value} for key, value in expressions],
        "passThrough": False,
        "executionMode": "single",
    }
    nodes = [("in", "inputNode", {}), ("t", "decisionTableNode", table), ("e", "expressionNode", level), ("out", "outputNode", {})]
    edges = [("in", "t"), ("t", "e"), ("e", "out")]
    return {
        "contentType": "application/vnd.gorules.decision",
        "nodes": [{"id": i, "type": kind, "name": i, "position": {"x": 0, "y": 0}, "content": c} for i, kind, c in nodes],
        "edges": [{"id": f"{a}{b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in edges],
    }


def _effects(patterns: Sequence[Sequence[Test]], spec: Any) -> Iterator[tuple[list[str], str]]:
    """The rows of one rule: the conditions of its patterns, and the code of what follows. `o` marks hardship, `e` evidence held back."""
    sure, poor, rich, held = Test("s", "ge", 1), Test("o", "eq", 1), Test("o", "eq", 0), Test("e", "eq", 1)

    def where(*more: Sequence[Test]) -> list[str]:
        """The conditions; where records of one fact could meet both patterns, written out fact by fact: never one fact twice."""
        if len(patterns) == 2 and all(facts):
            one, other = (_names(tests) for tests in patterns)
            first = 0 if one else 1
            named, rest = (one, other) if one else (other, one)
            if named and (not rest or set(named) & set(rest)):
                parts = [
                    f"({condition(patterns[first], more[first], only=name)} and "
                    f"{condition(patterns[1 - first], more[1 - first], other_than=name)})"
                    for name in named
                ]
                return [" or ".join(parts)]
        return [condition(tests, extra) for tests, extra in zip(patterns, more, strict=False)]

    facts = [any(t.field == "t" and t.value == "fact" for t in tests) for tests in patterns]
    match spec.effect:
        case "floor":
            yield where((), ()), f"f{spec.level}"
        case "soften":
            yield where((), ()), "o"
        case "raise":
            yield where((), ()), "r"
            yield where((sure,), (sure,)), "rs"
        case "consider":
            if all(facts):
                yield where((poor,), (poor,)), f"p{spec.level}"
            for place, is_fact in enumerate(facts):  # one of them that is no hardship is enough
                first: tuple[Test, ...] = (rich,) if is_fact else ()
                other: tuple[Test, ...] = ()
                for code, extra in (("c", ()), ("s", (sure,)), ("h", (held,))):
                    if code == "h" and not is_fact:
                        continue
                    mine = (*first, *extra)
                    theirs = (*other, *(extra if code == "s" else ()))
                    yield where(*((mine, theirs) if place == 0 else (theirs, mine))), f"{code}{spec.level}"


def _names(tests: Sequence[Test]) -> tuple[str, ...]:
    """The facts a pattern names."""
    named = next((t.value for t in tests if t.field == "f"), ())
    return tuple(map(str, named)) if isinstance(named, tuple) else (str(named),)


def condition(tests: Sequence[Test], more: Sequence[Test] = (), only: str = "", other_than: str = "") -> str:
    """A pattern as an expression over a case: facts under their names, so that a named fact is looked up and not searched for."""
    kind = next(str(t.value) for t in tests if t.field == "t")
    names = _names(tests) if kind == "fact" else ()
    more = [t for t in more if t.field == "s" or kind == "fact"] if kind in ("fact", "count", "sibling") else []
    said = [_test(t) for t in [*tests, *more] if t.field != "t" and not (names and t.field == "f")]
    if not names:
        said += [f'#.f != "{other_than}"'] if other_than else []
        return f"some({kind}s, {' and '.join(said) or 'true'})"
    wanted = [only] if only else [n for n in names if n != other_than]
    return "(" + (" or ".join(f"some(named.{n} ?? [], {' and '.join(said) or 'true'})" for n in wanted) or "false") + ")"


def _test(test: Test) -> str:
    if test.operator == "in":
        return f"#.{test.field} in {json.dumps(list(test.value))}"  # type: ignore[arg-type]
    sign = {"eq": "==", "ge": ">=", "lt": "<"}[test.operator]
    return f"#.{test.field} {sign} {json.dumps(test.value)}"


def as_input(tokens: Sequence[Token]) -> dict[str, Any]:
    """A case as the decision table is given it: its tokens by type, its facts under their names too, and the counts ready made."""
    given: dict[str, Any] = {"named": {}, "facts": [], "unrecordeds": [], "flags": [], "siblings": [], "counts": counts(tokens)}
    only = only_hardship(tokens)
    for token in tokens:
        if token["t"] == "fact":
            token = {**token, "o": int(token["y"] in only), "e": int(int(token["w"]) > int(token["p"]))}
            given["named"].setdefault(token["f"], []).append(token)
        given[f"{token['t']}s"].append(token)
    return given


# --------------------------------------------------------------------------------------------------------- measuring


def levels_of_zen(plan: Plan) -> Callable[[Sequence[dict[str, Any]]], list[int]]:
    """The levels zen-engine gives for cases, all asked for at once: the faster of its two ways here."""
    import zen

    graph = zen.ZenDecisionContent(json.dumps(decision(plan)))
    engine = zen.ZenEngine({"loader": lambda _: graph})

    def run(cases: Sequence[dict[str, Any]]) -> list[int]:
        found: list[int] = []
        for first in range(0, len(cases), 1000):
            part = engine.evaluate_batch([{"key": "level", "context": case} for case in cases[first : first + 1000]])
            found += [int(each["data"]["result"]["level"]) for each in part]
        return found

    return run


def many(n: int, part: int, turns: int, variety: float, book: ThresholdBook, targets: bool) -> bool:
    """Every engine on n cases, or on a part of them and scaled; prints a table and says whether all is well."""
    made = make(n, book, variety)
    reasoner = Reasoner(book, CASES_DAY)
    found = suggest_many(reasoner, made.batch)
    ours = seconds(lambda: suggest_many(Reasoner(book, CASES_DAY), made.batch), turns)
    chosen = list(range(0, n, max(n // part, 1)))[:part]
    asked = questions(made.batch, chosen, book)
    tokens = [reasoner.tokens(q, reasoner.indicators(q)) for q in asked]
    expected = found.level[chosen].tolist()
    runs: dict[str, Callable[[], list[int]]] = {
        "plain": lambda: [Reasoner.chained(reasoner, q)[1].combined.level for q in asked],
    }
    try:
        from rrt_engine.thresholds.durable_engine import DurableEngine

        engine = DurableEngine(reasoner.plan, book.significant)
        chains = [reasoner.chainer.run(t) for t in tokens]
        same = all(engine.run(t) == c.firings for t, c in zip(tokens, chains, strict=True))
        runs["durable"] = lambda: [c.combined.level for t, c in zip(tokens, chains, strict=True) if engine.run(t) is not None]
    except ImportError:
        same = True
        print("durable_rules is not installed: it is left out")
    try:
        zen = levels_of_zen(reasoner.plan)
        inputs = [as_input(t) for t in tokens]
        runs["zen"] = lambda: zen(inputs)
    except ImportError:
        print("zen-engine is not installed: it is left out")
    rows = made.batch.record.reshape(n, FACTS_A_CASE)
    raw = len(np.unique(np.sort(rows, axis=1), axis=0))
    print(
        f"\n{n:,} cases of {FACTS_A_CASE} facts: {len(made.batch.records):,} ways of recording a fact; {raw:,} different records of a case "
        f"({raw / n:.2%}), {found.distinct:,} distinct sets of indicators ({found.distinct / n:.2%})\n"
    )
    print(f"{'engine':<34}{'measured on':>12}{'seconds a million':>20}{'times ours':>12}{'equal':>7}   target")
    scale = 1_000_000 / n
    print(f"{NAMES['rrt']:<34}{n:>12,}{ours * scale:>20.1f}{1:>12.1f}{'':>7}")
    good = same
    for name, run in runs.items():
        levels = run()
        took = seconds(run, turns) * n / len(chosen)
        ratio, equal = took / ours, levels == expected and (name != "durable" or same)
        met = not targets or ratio >= AT_LEAST.get(name, 0)
        wanted = f"at least {AT_LEAST[name]:g} times ours{'' if met else '  MISSED'}" if targets and name in AT_LEAST else ""
        print(f"{NAMES[name]:<34}{len(chosen):>12,}{took * scale:>20.1f}{ratio:>12.1f}{'yes' if equal else 'NO':>7}   {wanted}")
        good &= equal and met
    return good


def one_by_one(turns: int) -> bool:
    """Every bundled case answered in full by both engines, once started; prints the middle and the worst."""
    book = load(RULES)
    thresholds = load_thresholds(RULES, book)
    moment = Moment(CASES_DAY)
    reasoner = Reasoner(thresholds, moment.day)
    cases = [(p.stem, read_case(p, book, None, lambda: thresholds)) for p in sorted((CASES / "training").glob("*.yaml"))]
    took: dict[str, float] = {}
    with Worker(reasoner.plan, thresholds.significant) as worker:
        with_facts = [(name, case) for name, case in cases if case.every_fact()]
        for _, case in with_facts:
            check_case(case, book, moment, reasoner, worker)
        for name, case in with_facts:
            took[name] = seconds(lambda: check_case(case, book, moment, reasoner, worker), turns)  # noqa: B023
        why = worker.why
    worst = max(took, key=took.__getitem__)
    good = took[worst] <= ONE_CASE
    print(
        f"\n{len(took)} bundled cases, each with flags, both engines{f' ({why})' if why else ''}, what is missing and what would tip it: "
        f"middle {statistics.median(took.values()) * 1000:.0f} ms, worst {took[worst] * 1000:.0f} ms ({worst}); "
        f"target {ONE_CASE * 1000:.0f} ms{'' if good else '  MISSED'}"
    )
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--part", type=int, default=2_000, help="cases that the other engines are measured on")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--varied", type=float, default=0.6, help="a second run in which more cases vary, without targets; 0 for none")
    options = parser.parse_args()
    book = load_thresholds(RULES, load(RULES))
    good = many(options.cases, options.part, options.rounds, VARIETY, book, True)
    if options.varied:
        print(f"\nWith less repetition: {options.varied:.0%} of the cases vary, not {VARIETY:.0%}")
        good &= many(options.cases, options.part, 1, options.varied, book, False)
    good &= one_by_one(options.rounds)
    print("\nall targets met" if good else "\nA TARGET WAS MISSED OR RESULTS DIFFER")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
