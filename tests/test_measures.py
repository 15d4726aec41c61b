"""Measures: their examples, the engine beside a slow and obvious oracle, months as they were, small numbers, and what is written."""

from __future__ import annotations

import csv
import functools
import itertools
import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import pytest
import yaml
from typer.testing import CliRunner, Result

from rrt_engine.calendar import Moment, day_number
from rrt_engine.cli import app
from rrt_engine.measures.cells import Cell, Window, cell_of
from rrt_engine.measures.compute import members, rules_in
from rrt_engine.measures.examples import run_examples
from rrt_engine.measures.hide import hidden_months, suppressed
from rrt_engine.measures.run import Asked, Line, Measured, Source, measured, months_of, sources_of, year_start
from rrt_engine.measures.view import View
from rrt_engine.model import Coverage, EventLog
from rrt_engine.paths import CASES, RULES
from rrt_engine.replay.run import read_all
from rrt_engine.reports.measures_document import schema
from rrt_engine.rulebook.load_measures import MeasureBook, load_measures, load_measures_with_problems
from rrt_engine.rulebook.measure_schema import Measure
from rrt_engine.rulebook.schema_file import schemas
from rrt_engine.rulebook.strict_yaml import documents
from rrt_engine.sources.builder import LogBuilder
from tests import measures_oracle as oracle
from tests.shipped import BOOK

ROOT = Path(__file__).resolve().parent.parent
LOADED, PROBLEMS, READ = load_measures_with_problems(RULES, BOOK)
COMPUTED = [m for m in LOADED.measures if m.compute]
SAMPLE = CASES / "sample" / "events.csv"


def day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def measure(name: str) -> Measure:
    (found,) = LOADED.named([name])
    return found


# ----------------------------------------------------------------------------------------------------- what is written


def test_the_measures_have_no_mistake() -> None:
    assert [p.text() for p in PROBLEMS] == []


def test_every_measure_of_the_contract_is_there_and_no_target_is_made_up() -> None:
    numbers = {m.number for m in LOADED.measures if m.number}
    assert numbers == {
        "1",
        "2",
        "3",
        "4",
        "5",
        "6a",
        "6b",
        "7a",
        "7b",
        "7c",
        "7d",
        "8",
        "9a",
        "9b",
        "10",
        *["11a", "11b", "12a", "12b", "13", "14", "15"],
    }
    assert all(m.target is None and m.target_note for m in LOADED.measures)
    assert all(c.year and c.source.at for m in LOADED.measures for c in m.comparators)


@pytest.mark.parametrize("pair", READ, ids=lambda pair: pair[0].id)
def test_the_examples_of_a_measure_hold(pair: Any) -> None:
    spec, document = pair
    assert spec.compute is None or spec.examples, "a measure without an example is not proved"
    outcomes = run_examples(spec, document, BOOK)
    assert [d.text() for o in outcomes for d in o.diagnostics] == []


def test_an_example_that_is_wrong_is_said_at_its_place() -> None:
    spec, document = next(pair for pair in READ if pair[0].id == "kpi_02")
    wrong = spec.examples[0].model_copy(update={"gives": spec.examples[0].gives.model_copy(update={"numerator": 2})})
    (outcome, *_) = run_examples(spec.model_copy(update={"examples": [wrong]}), document, BOOK)
    assert not outcome.passed and "expected numerator 2 and got 1" in outcome.diagnostics[0].text()
    assert outcome.diagnostics[0].line > document.line


def test_the_schema_fits_every_measure_and_is_the_one_in_the_rule_set() -> None:
    text = schemas()["measure.schema.json"]
    assert (RULES / "measure.schema.json").read_text(encoding="utf-8") == text
    validator = jsonschema.Draft202012Validator(json.loads(text))
    for path in sorted((RULES / "measures").glob("*.yaml")):
        for document in documents(path.name, path.read_text(encoding="utf-8")):
            found = json.loads(json.dumps(document.data, default=str))
            errors = [e.message for e in validator.iter_errors(found)]
            assert not errors, f"{path.name} {found['id']}: {errors[0]}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"compute": {"units": {"events": {"event": "referal_received"}}, "counts": [{"again": "12 months"}]}}, "unknown event"),
        ({"compute": {"units": {"flags": {"rules": ["cp_icpc_15w"], "by": "due"}}}}, "unknown rule"),
        ({"compute": {"units": {"open": "cp_plans"}, "counts": [{"lasted": {"at_least": "1 year"}}]}}, "unknown period"),
        (
            {"compute": {"units": {"events": {"event": "referral_received", "where": {"nfaa": True}}}, "counts": [{"again": "1 year"}]}},
            "nfaa",
        ),
        ({"compute": {"units": {"open": "cp_plan", "ended": "cp_plan"}, "counts": [{"lasted": {"at_least": "1 year"}}]}}, "exactly one"),
        ({"compute": {"units": {"open": "cp_plan"}, "counts": [{"lasted": {"at_least": "1 yr"}}]}}, "length of time"),
        ({"compute": {"units": {"open": "cp_plan"}}}, "percentage needs"),
        ({"source": {"id": "nowhere", "at": "1"}}, "unknown source"),
        ({"computable": "no"}, "compute"),
        (
            {
                "compute": {
                    "units": {"ended": "cp_plan"},
                    "value": {"unit": "days"},
                    "counts": [{"value": {"at_most": 1}}],
                    "bands": [{"label": "a", "to": 5}, {"label": "b", "to": 5}, {"label": "c"}],
                }
            },
            "greater `to`",
        ),
    ],
)
def test_a_mistake_in_a_measure_is_said_at_its_place(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    data: dict[str, Any] = {
        "id": "a_measure",
        "kind": "measure",
        "title": "A measure",
        "group": "front_door",
        "definition": "Something that is counted.",
        "numerator": "those",
        "period": "flow",
        "show": "percent",
        "better": "higher",
        "source": {"id": "lait", "at": "1"},
        "verified": "recalled",
        "computable": "yes",
        "compute": {"units": {"events": {"event": "referral_received"}}, "counts": [{"again": "12 months"}]},
        **change,
    }
    (tmp_path / "measures").mkdir()
    (tmp_path / "measures" / "a.yaml").write_text(yaml.safe_dump(data).replace("computable: yes", 'computable: "yes"'))
    _, problems, _ = load_measures_with_problems(tmp_path, BOOK)
    assert problems and any(said in p.text() for p in problems), [p.text() for p in problems]
    assert all(p.line for p in problems)


# ---------------------------------------------------------------------------------------- the engine beside the oracle


@functools.cache
def kinds_in(spec_id: str) -> dict[str, dict[str, list[Any]]]:
    """The kinds of event a measure looks at, with the values its tests name, and a few that they do not."""
    found: dict[str, dict[str, list[Any]]] = {}

    def add(kinds: Any, *tests: Any) -> None:
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            values = found.setdefault(kind, {})
            for test in tests:
                for name, value in (test or {}).items():
                    plain = value.get("not", value) if isinstance(value, dict) else value
                    values.setdefault(name, []).extend(plain if isinstance(plain, list) else [plain])

    def walk(node: Any, unit: Any) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item, unit)
        elif isinstance(node, dict):
            if "event" in node:
                add(node["event"], node.get("where"), node.get("is"), node.get("at_most"))
                if "attribute" in node:
                    add(node["event"], {node["attribute"]: [*node["temporary"], *node["continues"], *["U6", "K2", "P1"] * 4]})
            elif "where" in node and unit:
                add(unit, node["where"])
            for key in ("open", "ended", "period", "not_in"):
                if isinstance(node.get(key), str):
                    add(BOOK.periods[node[key]].start)
                    add(BOOK.periods[node[key]].end)
            for rule in BOOK.rules:
                if rule.id in (node.get("rules") or ()):
                    add(rule.spec.when.event, _plain(rule.spec.when.where))
                    if rule.spec.expect:
                        add(rule.spec.expect.event, _plain(rule.spec.expect.where))
                    if rule.spec.during:
                        name = rule.spec.during if isinstance(rule.spec.during, str) else rule.spec.during.period
                        add(BOOK.periods[name].start)
                        add(BOOK.periods[name].end)
                    for until in BOOK.until(rule.spec):
                        add([k for k in until.event if k != "birthday"], _plain(until.where))
            for value in node.values():
                walk(value, unit)

    spec = measure(spec_id)
    assert spec.compute
    written = spec.compute.model_dump(by_alias=True, exclude_none=True)
    walk(written, (written["units"].get("events") or {}).get("event"))
    found.pop("child_died", None)  # what follows a death cannot be right: another test's matter
    return found


@functools.cache
def beginnings(spec_id: str) -> list[str]:
    """The kinds of event that begin what a measure looks at, so that generated children often have one."""
    compute = measure(spec_id).compute
    assert compute
    found: set[str] = set()
    for span in (compute.units.open, compute.units.ended):
        if isinstance(span, str):
            found.update(BOOK.periods[span].start)
        elif span:
            found.update(kind for pick in span.start for kind in pick.event)
    for rule in BOOK.rules:
        if rule.id in rules_in(compute):
            found.update(rule.spec.when.event)
            if rule.spec.during:
                name = rule.spec.during if isinstance(rule.spec.during, str) else rule.spec.during.period
                found.update(BOOK.periods[name].start)
    return sorted(found) or sorted(kinds_in(spec_id))


def _plain(where: Any) -> dict[str, Any]:
    return {name: (test.not_ if hasattr(test, "not_") else test) for name, test in where.items()}


def some_log(spec_id: str, seed: int) -> tuple[EventLog, list[oracle.Event], dict[str, date | None], date | None]:
    """A few children with events a measure looks at, on days that lie close to each other and to its limits."""
    r = random.Random(f"{spec_id} {seed}")
    kinds = kinds_in(spec_id)
    begins = date(2024, 1, 1) if r.random() < 0.3 else None
    builder = LogBuilder(BOOK.events)
    builder.origin("generated")
    rows: list[tuple[str, str, date, str | None, dict[str, Any]]] = []
    born: dict[str, date | None] = {}
    steps = [0, 1, 7, 10, 15, 27, 28, 29, 42, 43, 91, 92, 180, 365, 366, 730]
    for number in range(8):
        child = f"C{number}"
        born[child] = None if r.random() < 0.1 else date(2003 + r.randrange(9), 1 + r.randrange(12), 1 + r.randrange(28))
        builder.child(child, -(2**31) if born[child] is None else day_number(born[child]))  # type: ignore[arg-type]
        at = (begins or date(2021, 6, 1)) + timedelta(days=r.randrange(700))
        seen, pace = set(), r.choice([steps, steps[:10], steps[6:]])
        for place in range(r.randrange(14)):
            kind = r.choice(beginnings(spec_id) if place == 0 else sorted(kinds))
            if kind.endswith("_ended") and r.random() < 0.7:
                kind = r.choice(sorted(kinds))
            if (kind, at) not in seen and at < date(2026, 6, 1):
                seen.add((kind, at))
                rows.append((child, kind, at, _ref(r, kind), _attributes(r, kind, kinds[kind])))
            at += timedelta(days=r.choice(pace) + r.choice((0, 0, 0, 1)))
    rows.sort(key=lambda row: (row[0], row[2]))
    events = []
    for place, (child, kind, at, ref, attributes) in enumerate(rows):
        builder.add(child, kind, Moment(day_number(at)), ref=ref, attributes=attributes)
        events.append(oracle.Event(child, kind, at, place, ref, attributes))
    log = builder.build(Coverage(since={} if begins is None else {"": day_number(begins)}))
    return log, events, born, begins


def _ref(r: random.Random, kind: str) -> str | None:
    path = BOOK.events[kind].ref
    if not path or r.random() < 0.4:
        return None
    return "/".join(f"{level[0]}{r.randrange(2)}" for level in path)


def _attributes(r: random.Random, kind: str, named: dict[str, list[Any]]) -> dict[str, Any]:
    result = {}
    for name, kind_of in BOOK.events[kind].attrs.items():
        if name not in named or r.random() < 0.1:
            continue
        if kind_of == "boolean":
            result[name] = r.random() < 0.85
        elif kind_of == "integer":
            result[name] = r.choice([*named[name], 0, 1, 30])
        elif isinstance(kind_of, list):
            result[name] = r.choice(kind_of)
        elif kind_of != "date":
            result[name] = r.choice([*map(str, named[name]), *map(str, named[name]), "other"])
    return result


def compared(spec: Measure, drawn: Any, first: date, last: date, note: object) -> dict[str, Any]:
    """The oracle's figure of a measure over a generated log, once the engine has given the same."""
    log, events, born, begins = drawn
    assert spec.compute
    view = View(log, BOOK, day_number(last), rules=rules_in(spec.compute), trusted=True)
    came = cell_of(spec, [members(view, spec.compute, day_number(first))], 10_000)
    wanted = oracle.figure(oracle.World(BOOK, log, events, born, last, begins), spec, first)
    got = {name: getattr(came, name) for name in ("numerator", "denominator", "cannot_tell", "before_records", "aside")}
    got |= {"bands": list(came.bands), "mean": round(came.mean or 0, 9)}
    assert got == {**wanted, "mean": round(wanted["mean"] or 0, 9)}, note
    return wanted


@pytest.mark.parametrize("spec", COMPUTED, ids=lambda m: m.id)
def test_the_engine_agrees_with_the_oracle(spec: Measure) -> None:
    judged = 0
    for seed in range(30):
        first, last = random.Random(seed).choice([(date(2022, 4, 1), date(2026, 3, 31)), (date(2025, 3, 1), date(2025, 3, 31))])
        judged += compared(spec, some_log(spec.id, seed), first, last, f"seed {seed}")["denominator"]
    assert judged, "no generated log has anything to judge"


@pytest.mark.parametrize("name", ["kpi_09a", "kpi_09b"])
def test_the_engine_agrees_with_the_oracle_on_many_moves(name: str) -> None:
    counted = judged = apart = 0
    for seed in range(40):
        r = random.Random(seed)
        builder = LogBuilder(BOOK.events)
        builder.origin("generated")
        rows = []
        born: dict[str, date | None] = {}
        for number in range(6):
            child, at = f"C{number}", date(2022, 1, 3) + timedelta(days=r.randrange(700))
            born[child] = date(2012 + r.randrange(6), 3, 1 + r.randrange(28))
            builder.child(child, day_number(born[child]))  # type: ignore[arg-type]
            rows.append((child, "looked_after_started", at, {"legal_status": r.choice(["C2", "V2", "V4"])}))
            while at < date(2026, 3, 1) and r.random() < 0.93:
                kinds = ["U6", "U6", "K2", "P1", "T3", "A3", "A4"]
                kind = {} if r.random() < 0.02 else {"type": r.choice(kinds)}
                rows.append((child, "placement_started", at, kind))
                at += timedelta(days=r.choice([0, 1, 7, 60, 90, 180, 364, 365, 366, 500, 730, 731]))
                if r.random() < 0.1:
                    rows.append((child, "placement_ended", at, {}))
                    at += timedelta(days=r.choice([1, 5]))
        rows.sort(key=lambda row: (row[0], row[2]))
        events = []
        for place, (child, kind, at, attributes) in enumerate(rows):
            builder.add(child, kind, Moment(day_number(at)), attributes=attributes)
            events.append(oracle.Event(child, kind, at, place, None, attributes))
        begins = date(2022, 1, 1) if seed % 3 == 0 else None
        log = builder.build(Coverage(since={} if begins is None else {"": day_number(begins)}))
        found = compared(measure(name), (log, events, born, begins), date(2025, 12, 1), date(2025, 12, 31), f"seed {seed}")
        counted, judged, apart = counted + found["numerator"], judged + found["denominator"], apart + found["cannot_tell"]
    assert 10 < counted < judged - 10 and apart


# ------------------------------------------------------------------------------------------ months as they were, sources


def log_of(rows: list[tuple[str, str, str, dict[str, Any]]], coverage: Coverage = Coverage(), latest: tuple[str, ...] = ()) -> EventLog:
    builder = LogBuilder(BOOK.events)
    builder.origin("made")
    for child, kind, at, more in sorted(rows, key=lambda r: (r[0], r[2])):
        given = dict(more)
        recorded = given.pop("recorded", None)
        ref = given.pop("ref", None)
        builder.child(child)
        known = {"recorded": day(recorded)} if recorded else {}
        builder.add(child, kind, Moment(day(at)), ref=ref, attributes=given, latest_only=kind in latest, **known)
    return builder.build(coverage)


def figures(log: EventLog, names: list[str], first: str, last: str, whole: bool = True, **more: Any) -> Measured:
    asked = Asked(Window(day(first), day(last)), **more)
    return measured([Source("made", log, "event_log", whole)], LOADED, LOADED.named(names), asked)


RCPC = [
    ("A", "icpc_held", "2025-05-12", {"outcome": "cp_plan"}),
    ("A", "rcpc_held", "2025-09-15", {"outcome": "continue", "recorded": "2025-10-03"}),
    ("B", "icpc_held", "2025-05-12", {"outcome": "cp_plan"}),
    ("B", "rcpc_held", "2025-08-12", {"outcome": "continue", "recorded": "2025-09-20"}),
]


def test_each_month_is_as_it_was_at_its_end_and_not_as_it_became() -> None:
    (line,) = figures(log_of(RCPC), ["rcpc_first_in_time"], "2025-08-01", "2025-10-31", trend=True).lines
    assert [(c.numerator, c.denominator) for c in line.months] == [(1, 2), (0, 0), (0, 0)]
    assert (line.period.numerator, line.period.denominator) == (1, 2)


def test_what_was_recorded_late_is_left_out_of_the_months_as_they_were_known() -> None:
    (line,) = figures(log_of(RCPC), ["rcpc_first_in_time"], "2025-08-01", "2025-10-31", trend=True, as_known=True).lines
    assert [(c.numerator, c.denominator) for c in line.months] == [(0, 2), (0, 0), (0, 0)]
    assert (line.period.numerator, line.period.denominator) == (1, 2)


def test_what_was_recorded_on_the_last_day_was_known_by_then() -> None:
    rows: list[Any] = [(c, "referral_received", "2025-05-20", {"recorded": r}) for c, r in (("A", "2025-05-31"), ("B", "2025-06-01"))]
    (line,) = figures(log_of(rows), ["referrals_received"], "2025-05-01", "2025-05-31", as_known=True).lines
    assert line.period.numerator == 1


def test_a_snapshot_of_a_month_does_not_know_what_came_after() -> None:
    rows: list[Any] = [
        ("A", "cp_plan_started", "2023-01-09", {}),
        ("A", "cp_plan_ended", "2025-02-03", {}),
        ("B", "cp_plan_started", "2025-01-20", {}),
    ]
    (line,) = figures(log_of(rows), ["kpi_06a"], "2025-01-01", "2025-03-31", trend=True).lines
    assert [(c.numerator, c.denominator) for c in line.months] == [(1, 2), (0, 1), (0, 1)]
    assert line.rolling == () and line.year == ()


def test_rolling_figures_reach_back_12_months_and_the_year_begins_in_april() -> None:
    rows: list[Any] = [("A", "referral_received", "2024-06-30", {}), ("B", "referral_received", "2024-07-01", {})]
    rows += [("C", "referral_received", "2025-03-31", {}), ("D", "referral_received", "2025-04-01", {})]
    rows += [("Z", "case_closed", "2024-01-01", {})]
    (line,) = figures(log_of(rows), ["kpi_01"], "2025-06-01", "2025-06-30", trend=True).lines
    assert line.rolling[0].denominator == 3 and line.year[0].denominator == 1 and line.months[0].denominator == 0


def test_the_year_of_the_statistics_begins_on_1_april() -> None:
    starts = [year_start(day(d)) for d in ("2025-03-31", "2025-04-01", "2025-04-30", "2025-12-31")]
    assert starts == [day("2024-04-01"), day("2025-04-01"), day("2025-04-01"), day("2025-04-01")]


def test_months_are_calendar_months_cut_to_the_period() -> None:
    found = months_of(Window(day("2024-02-10"), day("2024-04-03")))
    assert found == tuple(
        Window(day(a), day(b)) for a, b in [("2024-02-10", "2024-02-29"), ("2024-03-01", "2024-03-31"), ("2024-04-01", "2024-04-03")]
    )


def test_a_source_of_latest_dates_says_how_things_stand_now_and_nothing_of_a_month() -> None:
    rows: list[Any] = [("A", "icpc_held", "2025-05-12", {"outcome": "cp_plan"}), ("A", "cp_plan_started", "2025-05-12", {})]
    rows += [("A", "rcpc_held", "2025-08-01", {"outcome": "continue"})]
    coverage = Coverage(frozenset({"icpc_held", "cp_plan_started", "cp_plan_ended", "rcpc_held"}), latest=frozenset({"rcpc_held"}))
    names = ["rcpc_first_in_time", "rcpc_later_in_time", "cp_reviewed_in_time", "kpi_06a"]
    found = figures(log_of(rows, coverage, ("rcpc_held",)), names, "2025-08-01", "2025-12-31", False, trend=True)
    basis = {line.measure.id: line.basis for line in found.lines}
    assert basis == {"rcpc_first_in_time": "now", "rcpc_later_in_time": "now", "kpi_06a": "snapshot"}
    now = next(line for line in found.lines if line.measure.id == "rcpc_later_in_time")
    assert (now.period.numerator, now.period.denominator) == (1, 1) and "latest dates" in now.period.says
    assert all(cell.value is None and cell.says for cell in now.months)
    (absent,) = found.not_available
    assert absent.measure.id == "cp_reviewed_in_time" and "rcpc_held" in absent.needs


def test_a_source_that_cannot_hold_the_events_or_has_none_of_them_gives_no_figure() -> None:
    log = log_of([("A", "referral_received", "2025-05-01", {}), ("B", "missing_episode_ended", "2025-05-01", {})])
    found = figures(log, ["rhi_completed", "kpi_04", "referrals_received"], "2025-05-01", "2025-05-31", False)
    assert [line.measure.id for line in found.lines] == ["referrals_received"]
    assert {a.measure.id: a.why for a in found.not_available} == {
        "kpi_04": "not from this source: it has no strategy_discussion_held",
        "rhi_completed": "not from this source: it has no rhi_completed",
    }
    narrow = log_of([("A", "referral_received", "2025-05-01", {})], Coverage(frozenset({"referral_received"})))
    (absent,) = figures(narrow, ["kpi_05"], "2025-05-01", "2025-05-31").not_available
    assert absent.why == "not from this source: needs icpc_held, strategy_discussion_held"


def test_what_timelines_cannot_give_is_listed_with_what_it_needs() -> None:
    found = figures(log_of([("A", "referral_received", "2025-05-01", {})]), ["kpi_13", "kpi_14", "kpi_15"], "2025-05-01", "2025-05-31")
    assert [a.measure.number for a in found.not_available] == ["15", "13", "14"]
    assert all(a.why and a.needs for a in found.not_available)


def test_a_look_back_past_the_beginning_of_the_records_is_shown_apart() -> None:
    rows: list[Any] = [
        ("A", "referral_received", "2024-06-03", {}),
        ("A", "case_closed", "2024-07-01", {}),
        ("A", "referral_received", "2025-06-03", {}),
    ]
    rows += [("B", "referral_received", "2025-06-02", {})]
    (line,) = figures(log_of(rows), ["kpi_01"], "2025-06-01", "2025-06-30", False).lines
    assert (line.period.numerator, line.period.denominator, line.period.before_records) == (1, 1, 1)
    (line,) = figures(log_of(rows), ["kpi_01"], "2025-06-01", "2025-06-30", False, complete_from=day("2020-01-01")).lines
    assert (line.period.numerator, line.period.denominator, line.period.before_records) == (1, 2, 0)


def test_a_rate_needs_the_population_and_says_so() -> None:
    log = log_of([("A", "strategy_discussion_held", "2025-05-01", {"s47_initiated": True})])
    (line,) = figures(log, ["kpi_04"], "2025-05-01", "2025-05-31").lines
    assert line.period.value is None and line.period.numerator == 1 and "--population" in line.period.says
    (line,) = figures(log, ["kpi_04"], "2025-05-01", "2025-05-31", population=20_000).lines
    assert line.period.value == 0.5


def test_dates_that_cannot_be_right_are_set_aside() -> None:
    builder = LogBuilder(BOOK.events)
    builder.origin("made")
    builder.child("A", day("2024-12-01"))
    builder.add("A", "referral_received", Moment(day("2023-05-01")))
    (line,) = figures(builder.build(), ["referrals_received"], "2023-05-01", "2023-05-31").lines
    assert (line.period.numerator, line.period.aside) == (0, 1)


def test_sources_that_can_are_pooled_and_those_that_cannot_are_named() -> None:
    one = log_of([("A", "referral_received", "2025-05-01", {})])
    two = log_of([("B", "referral_received", "2025-05-02", {}), ("B", "case_closed", "2025-05-03", {})])
    other = log_of([("C", "cp_visit", "2025-05-02", {})], Coverage(frozenset({"cp_visit"})))
    asked = Asked(Window(day("2025-05-01"), day("2025-05-31")))
    sources = [Source(name, log, "event_log", True) for name, log in (("one", one), ("two", two), ("other", other))]
    (line,) = measured(sources, LOADED, LOADED.named(["referrals_received"]), asked).lines
    assert line.period.numerator == 2 and line.sources == ("one", "two")
    assert line.cannot == (("other", "not from this source: needs referral_received"),)


REFERRED = "child_id,event,at,ref\n"


def told(tmp_path: Path, first: str, last: str, names: list[str], **files: str) -> Measured:
    """The figures of event logs by name, read and put together as the command does."""
    for name, rows in files.items():
        (tmp_path / f"{name}.csv").write_text(REFERRED + rows, encoding="utf-8")
    read = read_all([tmp_path / f"{name}.csv" for name in files], BOOK)
    sources = sources_of(read.merging, [s.reading for s in read.sources])
    return measured(sources, LOADED, LOADED.named(names), Asked(Window(day(first), day(last))))


def test_children_in_two_files_give_the_figures_of_one(tmp_path: Path) -> None:
    rows = "".join(f"C{i},referral_received,2025-05-{i + 1:02},R1\nC{i},case_closed,2025-05-{i + 3:02},R1\n" for i in range(1, 20))
    rows += "C1,referral_received,2025-05-25,R2\nZ,referral_received,2020-01-06,R1\nZ,case_closed,2020-02-03,R1\n"
    names = ["referrals_received", "kpi_01"]
    one = told(tmp_path, "2025-05-01", "2025-05-31", names, one=rows)
    both = told(tmp_path, "2025-05-01", "2025-05-31", names, one=rows, two=rows)
    assert [line.period for line in both.lines] == [line.period for line in one.lines]
    assert [(line.period.numerator, line.period.denominator) for line in one.lines] == [(1, 20), (20, 20)]
    assert both.children == one.children == 20
    assert [s.name for s in both.sources] == ["one.csv + two.csv"]


def test_a_child_in_one_file_only_keeps_the_coverage_of_that_file(tmp_path: Path) -> None:
    for name, begins in (("long", "2020-01-01"), ("short", "2025-04-01")):
        (tmp_path / f"{name}.covers.yaml").write_text(f"from: {begins}\nevents: [referral_received, case_closed]\n", encoding="utf-8")
    (line,) = told(
        tmp_path,
        "2025-05-01",
        "2025-05-31",
        ["kpi_01"],
        long="A,referral_received,2025-05-02,R1\nB,referral_received,2025-05-03,R1\n",
        short="B,referral_received,2025-05-03,R1\nC,referral_received,2025-05-04,R1\n",
    ).lines
    assert (line.period.numerator, line.period.denominator, line.period.before_records) == (0, 2, 1)  # of C only 2025 is known


def test_a_look_back_rests_on_the_kinds_it_looks_back_over(tmp_path: Path) -> None:
    (tmp_path / "a.covers.yaml").write_text("since: {referral_received: 2020-01-01, rcpc_held: 2025-04-01}\n", encoding="utf-8")
    (line,) = told(
        tmp_path, "2025-05-01", "2025-05-31", ["kpi_01"], a="A,referral_received,2025-05-02,R1\nA,case_closed,2025-06-02,R1\n"
    ).lines
    assert (line.period.numerator, line.period.denominator, line.period.before_records) == (0, 1, 0)


def test_no_figure_is_given_past_the_end_of_the_records(tmp_path: Path) -> None:
    (tmp_path / "a.covers.yaml").write_text("from: 2020-01-01\nto: 2025-05-30\n", encoding="utf-8")
    rows = "A,cp_plan_started,2025-02-03,P1\nB,cp_plan_started,2025-05-05,P1\nB,cp_plan_ended,2025-05-06,P1\n"
    rows += "A,referral_received,2025-05-02,R1\nA,case_closed,2025-05-20,R1\n"
    names = ["kpi_06a", "referrals_received"]
    found = told(tmp_path, "2025-05-01", "2025-05-31", names, a=rows)
    assert [line.measure.id for line in found.lines] == ["referrals_received"]
    assert found.lines[0].notes == ("the records of a.csv end on 30 May 2025",)
    assert [(a.measure.id, a.why) for a in found.not_available] == [("kpi_06a", "not for this period: its records end on 30 May 2025")]
    before = told(tmp_path, "2025-05-01", "2025-05-30", names, a=rows).lines
    assert {line.measure.id: (line.period.numerator, line.notes) for line in before} == {"referrals_received": (1, ()), "kpi_06a": (0, ())}
    assert told(tmp_path, "2025-05-31", "2025-06-30", names, a=rows).lines == ()


# ---------------------------------------------------------------------------------------------------------- small numbers


def with_months(spec: Measure, months: list[tuple[int, int]], basis: Any = "period") -> Line:
    cells = tuple(Cell(n, n + c, 0, 0, 0, n / (n + c) if n + c else None) for n, c in months)
    n, c = (sum(m[i] for m in months) for i in (0, 1))
    sums = tuple(Cell(sum(m[0] for m in months[: i + 1]), sum(map(sum, months[: i + 1]))) for i in range(len(months)))
    return Line(spec, basis, Cell(n, n + c, 0, 0, 0, n / (n + c) if n + c else None), cells, sums, sums)


def of_lines(lines: list[Line]) -> Measured:
    window = Window(day("2025-04-01"), day("2025-04-01") + 30 * len(lines[0].months) - 1)
    return Measured(LOADED, Asked(window, trend=True), months_of(window), tuple(lines), (), ())


def ways(total: int, parts: int) -> Any:
    """Every way to share a total among so many months."""
    for cuts in itertools.combinations_with_replacement(range(total + 1), parts - 1):
        edges = (0, *cuts, total)
        yield tuple(b - a for a, b in itertools.pairwise(edges))


def test_no_hidden_number_can_be_worked_out_from_the_total_and_the_other_months() -> None:
    r = random.Random(1)
    share, count = measure("kpi_01"), measure("referrals_received")
    protected = 0
    for _ in range(1500):
        under = r.choice([2, 3, 5])
        months = [(r.choice([0, 0, 1, 2, 4, 6, 9]), r.choice([0, 1, 3, 5, 8])) for _ in range(r.choice([2, 3, 4]))]
        lines = of_lines([with_months(share, months), with_months(count, [(n + c, 0) for n, c in months])])
        shown, counted = suppressed(lines, under).lines
        hidden = [i for i, cell in enumerate(shown.months) if cell.hidden]
        assert hidden == [i for i, cell in enumerate(counted.months) if cell.hidden], "the same months in both"
        for i, (n, c) in enumerate(months):
            if any(0 < x < under for x in (n, c)):
                assert i in hidden and shown.months[i].value is None and shown.months[i].denominator is None
        if hidden:
            assert all(cell.value is None and cell.numerator is None for cell in (*shown.rolling, *shown.year))
        totals = [sum(m[k] for m in months) for k in (0, 1)]
        if any(0 < total < under for total in totals):
            assert shown.period.hidden
            continue
        for k in (0, 1):  # what is known: the total less the months that are shown
            rest = totals[k] - sum(months[i][k] for i in range(len(months)) if i not in hidden)
            assert not hidden or len(hidden) > 1
            for place, i in enumerate(hidden):
                if 0 < months[i][k] < under:
                    protected += 1
                    assert len({way[place] for way in ways(rest, len(hidden))}) > 1, (months, under, hidden)
    assert protected > 300


def test_nothing_is_hidden_where_nothing_is_small_and_a_snapshot_hides_only_what_is() -> None:
    line = with_months(measure("kpi_01"), [(10, 40), (0, 30), (12, 9)])
    assert suppressed(of_lines([line]), 5).lines[0].months == tuple(line.months)
    snapshot = with_months(measure("kpi_06a"), [(3, 40), (8, 30), (12, 9)], "snapshot")
    assert [c.hidden for c in suppressed(of_lines([snapshot]), 5).lines[0].months] == [True, False, False]
    assert suppressed(of_lines([snapshot]), 0).lines == (snapshot,)
    assert hidden_months([(4, 50), (20, 5), (6, 60)], 5) == {0, 1}


def test_no_hidden_band_can_be_worked_out_from_the_share_and_the_other_bands() -> None:
    r = random.Random(2)
    spec = measure("kpi_05")
    protected = 0
    for _ in range(800):
        under = r.choice([3, 5])
        bands = tuple(r.choice([0, 1, 2, 4, 5, 9]) for _ in range(4))
        inside, outside = sum(bands[:2]), sum(bands[2:])
        cell = Cell(inside, inside + outside, 0, 0, 0, 0.5, bands, (9.0, 14.0, 15.0), 12.0)
        window = Window(day("2025-04-01"), day("2025-04-30"))
        (line,) = suppressed(Measured(LOADED, Asked(window), (), (Line(spec, "period", cell),), (), ()), under).lines
        if line.period.hidden:
            assert line.period.bands == () and line.period.quartiles is None
            continue
        for side in (range(2), range(2, 4)):
            hidden = [i for i in side if line.period.bands[i] is None]
            rest = sum(bands[i] for i in hidden)
            for place, i in enumerate(hidden):
                if 0 < bands[i] < under:
                    protected += 1
                    assert len({way[place] for way in ways(rest, len(hidden))}) > 1
            assert all(line.period.bands[i] is None for i in side if 0 < bands[i] < under)
    assert protected > 50


# ------------------------------------------------------------------------------------------------------------ the command


@pytest.fixture(autouse=True)
def _as_run_by_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rrt_engine.cli_measures.rule_book", lambda _: BOOK)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["measures", *map(str, arguments)])


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


PERIOD = ("--from", "2025-09-01", "--to", "2026-03-31")


def test_the_command_shows_figures_beside_published_ones() -> None:
    found = rrt(SAMPLE, *PERIOD, "--trend")
    assert found.exit_code == 0, found.output
    assert "24 of 35" in found.output and "85.7% (to Mar 2025)" in found.output and "Sep 2025" in found.output
    assert "KPI 14: Agency social workers: it is about workers" in found.output
    assert "Not available: " in found.output


def test_the_document_is_as_its_schema_says_and_the_schema_is_published() -> None:
    found = rrt(SAMPLE, *PERIOD, "--trend", "--suppress-under", "5", "--population", "300000", "--format", "json")
    document = json.loads(found.stdout)
    jsonschema.validate(document, schema())
    published = json.loads((ROOT / "docs" / "schemas" / "measures.schema.json").read_text(encoding="utf-8"))
    assert {k: v for k, v in published.items() if k != "$schema"} == schema()
    assert len(document["measures"]) + len(document["not_available"]) == len(LOADED.measures)
    assert all(m["value"] is None and m["numerator"] is None for line in document["measures"] for m in line["months"] if m["suppressed"])
    assert any(m["suppressed"] for line in document["measures"] for m in line["months"])
    first = next(line for line in document["measures"] if line["id"] == "kpi_01")
    assert (first["rolling"][0]["first"], first["rolling"][0]["last"]) == ("2024-10-01", "2025-09-30")
    assert (first["year_to_date"][-1]["first"], first["months"][-1]["first"]) == ("2025-04-01", "2026-03-01")


@pytest.mark.filterwarnings("ignore:Sparkline Group extension")
def test_a_workbook_holds_numbers_and_is_the_same_on_every_run(tmp_path: Path) -> None:
    one, two = tmp_path / "one.xlsx", tmp_path / "two.xlsx"
    for path in (one, two):
        found = rrt(SAMPLE, *PERIOD, "--trend", "-o", path)
        assert found.exit_code == 0, found.output
    assert one.read_bytes() == two.read_bytes()
    book = openpyxl.load_workbook(one)
    assert book.sheetnames == ["Summary", "Trend", "Bands", "Definitions", "Not available", "About"]
    summary = book["Summary"]
    row = next(r for r in summary.iter_rows(min_row=4) if r[0].value == "KPI 2")
    assert (row[3].value, row[4].value, row[5].value, row[6].value) == (pytest.approx(24 / 35), 24, 35, pytest.approx(0.857))
    assert row[3].number_format == "0.0%" and row[7].value == "year ending 31 March 2025" and row[10].value == "not published"
    assert summary.page_setup.orientation == "landscape" and summary.page_setup.paperSize == 9 and summary.freeze_panes == "C4"
    assert not [c for sheet in book for r in sheet.iter_rows() for c in r if c.data_type == "f" or str(c.value).startswith("=")]
    assert len(book["Trend"]._charts) > 5 and len(book["Bands"]._charts) >= 2
    about = {r[0].value: r[1].value for r in book["About"].iter_rows(min_row=4)}
    assert about["Digest of the rule set"] == BOOK.digest and "events.csv" in about["Sources"]


def test_a_table_has_a_row_a_figure_and_its_cells_are_no_formula(tmp_path: Path) -> None:
    log = tmp_path / "=SUM(1).csv"
    log.write_text("child_id,event,at\n=A,referral_received,2025-05-01\nB,referral_received,2025-05-02\n", encoding="utf-8")
    target, cases = tmp_path / "k.csv", tmp_path / "c.csv"
    found = rrt(
        log,
        "--from",
        "2025-05-01",
        "--to",
        "2025-05-31",
        "-o",
        target,
        "--cases",
        cases,
        "--measure",
        "1",
        "--measure",
        "referrals_received",
    )
    assert found.exit_code == 0, found.output
    rows = table(target)
    assert [(r["measure"], r["stretch"], r["numerator"]) for r in rows] == [
        ("kpi_01", "period", "0"),
        ("referrals_received", "period", "2"),
    ]
    listed = table(cases)
    assert [(r["measure"], r["case"], r["becomes"]) for r in listed][:2] == [
        ("kpi_01", "'=A", "before records"),
        ("kpi_01", "B", "before records"),
    ]
    assert "no more than 12 months before" in listed[0]["why"]


def test_the_cases_of_a_figure_add_up_to_it(tmp_path: Path) -> None:
    cases, target = tmp_path / "c.csv", tmp_path / "k.json"
    assert rrt(SAMPLE, *PERIOD, "--cases", cases, "-o", target).exit_code == 0
    listed = table(cases)
    for line in json.loads(target.read_text(encoding="utf-8"))["measures"]:
        mine = [r["becomes"] for r in listed if r["measure"] == line["id"]]
        assert mine.count("numerator") == line["period"]["numerator"], line["id"]
        assert mine.count("numerator") + mine.count("denominator only") == line["period"]["denominator"], line["id"]
        assert len(mine) == sum(line["period"][n] for n in ("denominator", "cannot_tell", "before_records", "aside")), line["id"]


def test_the_measures_can_be_listed_and_one_shown() -> None:
    listed = rrt("--list")
    assert listed.exit_code == 0 and all(m.id in listed.output for m in LOADED.measures)
    shown = rrt("--list", "--measure", "6b")
    assert shown.exit_code == 0 and "Numerator:" in shown.output and "no limit on how long ago" in " ".join(shown.output.split())
    assert "no more than 24 months before" in " ".join(shown.output.split())
    as_json = json.loads(rrt("--list", "--measure", "kpi_02", "--format", "json").output)
    assert as_json["measures"][0]["compute"]["counts"] == [{"value": {"at_most": 45}}]
    for spec in LOADED.measures:
        assert rrt("--list", "--measure", spec.id).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no file or folder is named"),
        ((SAMPLE,), "the period has no first day"),
        ((SAMPLE, "--from", "2025-04-01"), "the period has no last day"),
        ((SAMPLE, "--from", "2025-04-01", "--to", "2025-03-31"), "is before"),
        ((SAMPLE, "--from", "2005-04-01", "--to", "2025-03-31"), "longer than 12 years"),
        ((SAMPLE, "--from", "April", "--to", "2025-03-31"), "`April`"),
        ((SAMPLE, *PERIOD, "--measure", "kpi_99"), "unknown measure `kpi_99`"),
        ((SAMPLE, *PERIOD, "-o", "kpis.docx"), "cannot write `.docx` files"),
        ((SAMPLE, *PERIOD, "--cases", "c.xlsx"), "cannot write `.xlsx` files"),
        (("nowhere.csv", *PERIOD), "no such file"),
    ],
)
def test_a_mistake_in_the_command_is_said_and_nothing_runs(arguments: Any, said: str) -> None:
    found = rrt(*arguments)
    assert found.exit_code == 2 and said in found.output and "Traceback" not in found.output


def test_a_measure_is_found_by_its_number() -> None:
    book: MeasureBook = load_measures(RULES, BOOK)
    assert [m.id for m in book.named(["KPI 6a", "7a", "kpi_02"])] == ["kpi_02", "kpi_06a", "kpi_07a"]
