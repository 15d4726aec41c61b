"""Several sources as one: children matched by id, events counted once, disagreements said, and no duty made by silence."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from rrt_engine import cli
from rrt_engine.calendar import NO_DAY, as_date, day_number, parse_moment
from rrt_engine.cli import app
from rrt_engine.model import STATUSES, Attribute, Coverage, EventLog
from rrt_engine.paths import CASES
from rrt_engine.replay.run import Read, SourceRead, evaluated, read_all, replay
from rrt_engine.sources.builder import LogBuilder, sorted_log
from rrt_engine.sources.detect import short_name
from rrt_engine.sources.merge import Disagreement, Merging, Named, merged
from rrt_engine.sources.merge_children import plain_id
from rrt_engine.sources.merge_coverage import held, last_day, merged_coverage
from rrt_engine.sources.merge_once import ENDS, ONCE, ONCE_A_CHILD
from rrt_engine.sources.merge_things import STARTS
from rrt_engine.sources.reading import Reading
from rrt_engine.timescales.evaluate import evaluate
from tests.shipped import BOOK

SAMPLE = CASES / "sample" / "events.csv"
DATA = Path(__file__).parent / "data"
ANNEX_A = DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx"
CENSUS = DATA / "cin_census" / "generated_seed1001_conforming.xml"
AS_OF = parse_moment("2026-06-15")
LOG, SSD, CARE, RETURN, INTERFACE, LISTS = "CSV", "SSD", "SSDA903", "CIN census", "DfE API", "annex_a"


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are read once for all commands run in here."""
    monkeypatch.setattr(cli, "rule_book", lambda _: BOOK)


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


Event = tuple[Any, ...]
"""A made event: child, kind, when, then perhaps its ref, then what else it records."""


def source(
    name: str,
    events: Sequence[Event],
    format: str = LOG,
    coverage: Coverage = Coverage(),
    latest: Sequence[str] = (),
    born: Mapping[str, str] | None = None,
    expected: Mapping[str, str] | None = None,
) -> Named:
    builder = LogBuilder(BOOK.events)
    builder.origin(name)
    for child, day in (born or {}).items():
        builder.child(child, born=parse_moment(day).day)
    for child, day in (expected or {}).items():
        builder.child(child, expected=parse_moment(day).day)
    for row, (child, kind, at, *more) in enumerate(events, 2):
        ref = more[0] if more else None
        attributes = more[1] if len(more) > 1 else None
        builder.add(child, kind, parse_moment(at), ref=ref, attributes=attributes, latest_only=kind in latest, row=row)
    log = builder.build(coverage)
    return Named(name, Reading(log, format, len(events), len(events), (), ()))


def together(*sources: Named) -> Merging:
    """The sources as one, in both orders, which must be the same."""
    found, other = merged(sources, BOOK), merged(list(reversed(sources)), BOOK)
    assert found.counted_once == other.counted_once and found.disagreements == other.disagreements
    assert sorted(rows(g.log) for g in found.groups) == sorted(rows(g.log) for g in other.groups)
    return found


def rows(log: EventLog) -> list[tuple[str, ...]]:
    """A log as plain rows: child, kind, when, ref."""
    found = []
    for i in range(len(log)):
        at = as_date(int(log.day[i])).isoformat()
        if log.instant is not None and int(log.instant[i]) != -(2**63):
            at += f" {int(log.instant[i])}"
        ref = log.refs[log.ref[i]] if log.ref is not None and log.ref[i] >= 0 else ""
        found.append((str(log.children[log.child[i]]), log.kinds[log.kind[i]], at, ref))
    return sorted(found)


def only(merging: Merging) -> EventLog:
    assert len(merging.groups) == 1
    return merging.groups[0].log


def short(merging: Merging) -> list[tuple[str, str, str, str, str]]:
    """Disagreements as child, event, what, the date kept and the other date."""
    return [(d.child, d.event, d.what, d.kept.date, d.other.date) for d in merging.disagreements]


def flags(log: EventLog, as_of: str = "2026-06-15") -> Counter[tuple[str, ...]]:
    """Every flag of a log, in words that do not rest on the order of rows."""
    result = evaluate(log, BOOK, parse_moment(as_of))
    f, found = result.flags, Counter[tuple[str, ...]]()
    days = np.concatenate([log.day, f.derived_day, [NO_DAY]])
    for i in range(len(f)):
        child = str(log.children[log.child[f.trigger[i]]])
        found[
            child,
            BOOK.rules[f.rule[i]].id,
            str(f.start[i]),
            str(f.due[i]),
            STATUSES[f.status[i]],
            str(days[f.answer[i]]),
            str(days[f.end[i]]),
        ] += 1
    return found


def all_flags(merging: Merging) -> Counter[tuple[str, ...]]:
    return sum((flags(g.log) for g in merging.groups), Counter())


def statuses(log: EventLog, rule: str) -> list[str]:
    return sorted(key[4] for key, n in flags(log).items() for _ in range(n) if key[1] == rule)


# ---------------------------------------------------------------------------------------------------- children


def test_children_are_grouped_by_the_sources_that_know_them() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05"), ("Y", "cp_visit", "2026-01-05")])
    b = source("b", [("Y", "cp_visit", "2026-01-06"), ("Z", "cp_visit", "2026-01-05")])
    found = together(a, b)
    assert [(g.members, list(g.log.children), g.whole) for g in found.groups] == [
        ((0,), ["X"], False),
        ((1,), ["Z"], False),
        ((0, 1), ["Y"], False),
    ]
    assert found.children == (2, 2) and found.shared == 1


def test_sources_without_a_child_in_common_stay_as_they_are() -> None:
    a, b = source("a", [("X", "cp_visit", "2026-01-05")]), source("b", [("Z", "cp_visit", "2026-01-05")])
    found = together(a, b)
    assert [g.log for g in found.groups] == [a.reading.log, b.reading.log] and all(g.whole for g in found.groups)


def test_one_source_is_the_source_itself() -> None:
    a = source(
        "a", [("X", "cp_visit", "2026-01-05"), ("U", "cp_visit", "2026-01-05")], expected={"U": "2026-02-01"}, born={"X": "2026-02-02"}
    )
    found = merged([a], BOOK)
    assert only(found) is a.reading.log and found.groups[0].whole and not found.alike


def test_a_child_that_only_one_source_knows_is_not_judged_by_the_other() -> None:
    plan = ("cp_plan_started", "2026-01-05", "P1")
    census = source("cin", [("X", *plan), ("Y", *plan)], RETURN, Coverage(frozenset({"cp_plan_started", "cp_plan_ended"})))
    visits = source("visits.csv", [("Y", "cp_visit", "2026-01-08", None, {"child_seen": True})], LOG, Coverage(frozenset({"cp_visit"})))
    found = together(census, visits)
    alone, both = found.groups[0].log, found.groups[1].log
    assert list(alone.children) == ["X"] and list(both.children) == ["Y"]
    assert not statuses(alone, "cp_visit") and "overdue" in statuses(both, "cp_visit")


def test_different_dates_of_birth_are_said_and_kept_apart() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05"), ("Y", "cp_visit", "2026-01-05")], born={"X": "2015-01-01", "Y": "2015-01-01"})
    b = source("b", [("X", "cp_visit", "2026-01-05"), ("Y", "cp_visit", "2026-01-05")], born={"X": "2015-01-02", "Y": "2015-01-01"})
    c = source("c", [("X", "cp_visit", "2026-01-05")])
    found = together(a, b, c)
    assert [(x.child, x.sources) for x in found.apart] == [("X", (0, 1, 2))]
    assert {g.members: list(g.log.children) for g in found.groups} == {(0,): ["X"], (1,): ["X"], (2,): ["X"], (0, 1): ["Y"]}
    assert found.counted_once == 1


def test_sources_that_give_an_id_one_date_of_birth_are_put_together_though_another_gives_a_second() -> None:
    born = {"p": "2015-01-01", "q": "2010-05-05", "r": "2015-01-01", "s": None, "t": None}
    sources = [source(n, [("X", "cp_visit", f"2026-01-0{i + 1}")], born={"X": b} if b else {}) for i, (n, b) in enumerate(born.items())]
    found = together(*sources)
    assert [(x.child, x.sources) for x in found.apart] == [("X", (0, 1, 2, 3, 4))]
    assert {g.members: len(g.log) for g in found.groups} == {(1,): 1, (3,): 1, (4,): 1, (0, 2): 2}
    assert found.apart[0].together() == [(0, 2), (1,), (3,), (4,)]


def test_that_a_source_has_two_dates_of_birth_for_an_id_is_kept_when_sources_are_put_together() -> None:
    builder = LogBuilder(BOOK.events)
    for child, born in (("X", "2015-01-01"), ("X", "2015-01-09"), ("X", "2015-01-07"), ("Y", "2015-01-01"), ("Y", "2015-01-01")):
        builder.child(child, born=parse_moment(born).day)
        builder.child(child, expected=parse_moment(born).day)
    log = builder.build()
    a = Named("a", Reading(log, "csv", 0, 0, (), ()))
    b = source("b", [("X", "cp_visit", "2026-01-05"), ("Y", "cp_visit", "2026-01-05")], born={"X": "2015-01-01", "Y": "2015-01-01"})
    for each in (log, together(a, b).groups[0].log):
        assert each.born_also is not None and each.expected_also is not None
        assert each.born_also.tolist() == each.expected_also.tolist() == [parse_moment("2015-01-09").day, NO_DAY]


def test_an_unborn_child_and_the_child_born_under_one_id_are_one() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05")], expected={"X": "2026-02-01"})
    b = source("b", [("X", "cp_visit", "2026-03-05")], born={"X": "2026-02-03"})
    log = only(together(a, b))
    assert log.born is not None and log.expected is not None
    assert [as_date(int(x)).isoformat() for x in (log.born[0], log.expected[0])] == ["2026-02-03", "2026-02-01"]


@pytest.mark.parametrize(("birth", "said"), [("2026-03-15", True), ("2026-03-16", False), ("2025-12-21", True), ("2025-12-20", False)])
def test_an_unborn_child_under_one_id_and_a_birth_under_another_are_only_suggested(birth: str, said: bool) -> None:
    events = [("U", "strategy_discussion_held", "2025-12-01"), ("N", "cp_visit", birth)]
    a = source("a", events, born={"N": birth}, expected={"U": "2026-02-01"})
    b = source("b", [("Z", "cp_visit", "2026-01-05")])
    found = together(a, b)
    assert [x.ids for x in found.alike] == ([("U", "N")] if said else []) and not found.shared


@pytest.mark.parametrize(("seen", "said"), [("2026-03-17", True), ("2026-03-18", False)])
def test_an_unborn_child_still_seen_long_after_a_birth_is_another_child(seen: str, said: bool) -> None:
    events = [("U", "strategy_discussion_held", seen), ("N", "cp_visit", "2026-02-04")]
    a = source("a", events, born={"N": "2026-02-03"}, expected={"U": "2026-02-01"})
    assert bool(together(a, source("b", [("Z", "cp_visit", "2026-01-05")])).alike) == said


def test_where_many_births_would_fit_none_is_suggested() -> None:
    b = source("b", [("Z", "cp_visit", "2026-01-05")])
    for many, said in ((3, True), (4, False)):
        births = {f"N{i}": f"2026-02-0{i + 1}" for i in range(many)}
        events = [("U", "strategy_discussion_held", "2025-12-01"), *((child, "cp_visit", "2026-02-09") for child in births)]
        assert bool(together(source("a", events, born=births, expected={"U": "2026-02-01"}), b).alike) == said


def test_a_child_known_before_the_birth_of_another_is_not_suggested() -> None:
    events = [("U", "strategy_discussion_held", "2025-12-01"), ("N", "cp_visit", "2026-01-31"), ("M", "cp_visit", "2026-04-30")]
    b = source("b", [("Z", "cp_visit", "2026-01-05")])
    # N is known before it is born, and U is still seen more than six weeks after M is born.
    a = source("a", [*events, ("U", "cp_visit", "2026-03-20")], born={"N": "2026-02-01", "M": "2026-02-05"}, expected={"U": "2026-02-01"})
    assert not together(a, b).alike
    a = source("a", events, born={"N": "2026-02-01", "M": "2026-02-05"}, expected={"U": "2026-02-01"})
    assert [x.ids for x in together(a, b).alike] == [("U", "M")]


def test_ids_written_alike_are_said_and_not_put_together() -> None:
    a = source("a", [("00c 1", "cp_visit", "2026-01-05"), ("D1", "cp_visit", "2026-01-05")])
    b = source("b", [("C1", "cp_visit", "2026-01-05"), ("D01", "cp_visit", "2026-01-05")])
    found = together(a, b)
    assert [x.ids for x in found.alike] == [("00c 1", "C1")] and not found.shared
    assert plain_id(" 0aB ") == "ab" and plain_id("D01") != plain_id("D1")


# ---------------------------------------------------------------------------------------------------- the same event


def test_an_event_of_two_sources_is_counted_once() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05"), ("X", "cp_visit", "2026-01-09")])
    b = source("b", [("X", "cp_visit", "2026-01-05"), ("X", "core_group_held", "2026-01-05")])
    found = together(a, b)
    assert len(only(found)) == 3 and found.counted_once == 1 and not found.disagreements


def test_several_on_a_day_in_one_source_stay_several() -> None:
    twice = [("X", "cp_visit", "2026-01-05"), ("X", "cp_visit", "2026-01-05")]
    assert len(only(together(source("a", twice), source("b", twice[:1])))) == 2
    assert len(only(together(source("a", twice), source("b", [*twice, *twice[:1]])))) == 3


def test_a_date_agrees_with_a_time_that_day_and_the_time_is_kept() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05T10:00"), ("X", "cp_visit", "2026-01-06")])
    b = source("b", [("X", "cp_visit", "2026-01-05"), ("X", "cp_visit", "2026-01-06T09:00")])
    log = only(together(a, b))
    assert len(log) == 2 and log.instant is not None and (log.instant > 0).all()


def test_two_times_are_two_events_and_a_date_beside_them_is_one_of_them() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05T10:00")])
    b = source("b", [("X", "cp_visit", "2026-01-05T16:00")])
    c = source("c", [("X", "cp_visit", "2026-01-05")])
    assert len(only(together(a, b))) == 2 and len(only(together(a, b, c))) == 2
    two = source("c", [("X", "cp_visit", "2026-01-05"), ("X", "cp_visit", "2026-01-05")])
    assert len(only(together(a, two))) == 2
    assert len(only(together(source("a", [("X", "cp_visit", "2026-01-05T10:00"), ("X", "cp_visit", "2026-01-05")]), c))) == 2


def test_attributes_are_united() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05", None, {"child_seen": True})])
    b = source("b", [("X", "cp_visit", "2026-01-05", None, {"seen_alone": False, "child_seen": True})])
    found = together(a, b)
    assert (only(found).value("child_seen", 0), only(found).value("seen_alone", 0)) == (True, False) and not found.disagreements


def test_one_and_true_are_not_the_same_value() -> None:
    one = Attribute(np.zeros(1, np.int32), (1,))
    true = Attribute(np.zeros(1, np.int32), (True,))
    a, b = (source(n, [("X", "cp_visit", "2026-01-05")]) for n in "ab")
    a = replace(a, reading=replace(a.reading, log=replace(a.reading.log, attributes={"x": one})))
    b = replace(b, reading=replace(b.reading, log=replace(b.reading.log, attributes={"x": true})))
    assert short(together(a, b)) == [("X", "cp_visit", "x", "2026-01-05", "2026-01-05")]


@pytest.mark.parametrize(
    ("first", "second"), [(LOG, SSD), (SSD, CARE), (SSD, RETURN), (CARE, INTERFACE), (RETURN, INTERFACE), (INTERFACE, LISTS)]
)
def test_the_source_with_more_detail_is_kept_whatever_the_order(first: str, second: str) -> None:
    a = source("z", [("X", "icpc_held", "2026-01-05", "R1/S1", {"outcome": "no_plan"})], first)
    b = source("a", [("X", "icpc_held", "2026-01-05", "R1/S1", {"outcome": "cp_plan"})], second)
    found = together(a, b)
    assert only(found).value("outcome", 0) == "no_plan"
    (d,) = found.disagreements
    assert (d.child, d.event, d.what, d.kept.source, d.kept.row, d.other.source, d.other.row) == (
        "X",
        "icpc_held",
        "outcome",
        "z",
        2,
        "a",
        2,
    )


def test_of_one_format_the_source_that_reaches_later_is_kept() -> None:
    a = source("a", [("X", "icpc_held", "2026-01-05", "R1/S1", {"outcome": "no_plan"})])
    b = source("b", [("X", "icpc_held", "2026-01-05", "R1/S1", {"outcome": "cp_plan"}), ("Y", "cp_visit", "2026-03-05")])
    assert next(g.log for g in together(a, b).groups if len(g.members) == 2).value("outcome", 0) == "cp_plan"


def test_who_has_the_case_is_not_compared() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05", None, {"team": "T1"})])
    b = source("b", [("X", "cp_visit", "2026-01-05", None, {"team": "T2"})], LISTS)
    found = together(a, b)
    assert only(found).value("team", 0) == "T1" and not found.disagreements


def test_what_was_recorded_earlier_is_known_earlier() -> None:
    logs = []
    for name, recorded in (("a", "2026-01-09"), ("b", "2026-01-07"), ("c", None)):
        builder = LogBuilder(BOOK.events)
        builder.origin(name)
        builder.add("X", "cp_visit", parse_moment("2026-01-05"), recorded=NO_DAY if recorded is None else parse_moment(recorded).day)
        logs.append(Named(name, Reading(builder.build(), LOG, 1, 1, (), ())))
    log = only(together(*logs))
    assert log.recorded is not None and as_date(int(log.recorded[0])).isoformat() == "2026-01-07"


# ---------------------------------------------------------------------------------------------------- the same thing

DISCUSSED = ("X", "strategy_discussion_held", "2026-01-05")


def test_things_are_matched_through_their_start_and_their_refs_united() -> None:
    a = source("a", [(*DISCUSSED, "R7/S9", {"s47_initiated": True})])
    b = source("b", [(*DISCUSSED, "R1/S1"), ("X", "icpc_held", "2026-01-20", "R1/S1")], RETURN)
    assert rows(only(together(a, b))) == [("X", "icpc_held", "2026-01-20", "R7/S9"), (*DISCUSSED, "R7/S9")]
    assert statuses(only(together(a, b)), "cp_icpc_15wd") == ["met"]


def test_refs_of_two_sources_never_meet_by_accident() -> None:
    lists = source("lists", [(*DISCUSSED, "R1/S1", {"s47_initiated": True})], LISTS)
    other = source("cin", [("X", "icpc_held", "2026-01-20", "R1/S1")], RETURN)
    log = only(together(lists, other))
    assert len({ref for *_, ref in rows(log)}) == 2 and "overdue" in statuses(log, "cp_icpc_15wd")
    # Two event logs of one authority name things alike: there the ref is the thing's name.
    assert statuses(only(together(replace_format(lists, LOG), replace_format(other, LOG))), "cp_icpc_15wd") == ["met"]


def replace_format(named: Named, format: str) -> Named:
    return replace(named, reading=replace(named.reading, format=format))


def test_one_name_for_things_that_begin_far_apart_is_two_names() -> None:
    a = source("a", [("X", "referral_received", "2026-01-05", "R1"), ("X", "assessment_started", "2026-01-06", "R1/A1")])
    near, far = (
        source("b", [("X", "referral_received", day, "R1"), ("X", "assessment_authorised", "2026-03-20", "R1/A1")])
        for day in ("2026-02-05", "2026-02-06")
    )
    assert short(together(a, near)) == [("X", "referral_received", "date", "2026-02-05", "2026-01-05")]
    assert {ref for *_, ref in rows(only(together(a, near)))} == {"R1", "R1/A1"}
    found = together(a, far)
    assert not found.disagreements and len({ref for *_, ref in rows(only(found))}) == 4


def test_a_thing_dated_differently_is_said_and_the_preferred_date_stands() -> None:
    a = source("a.csv", [("X", "assessment_started", "2026-01-05", "A1"), ("X", "assessment_authorised", "2026-02-05", "A1")])
    b = source("b.xml", [("X", "assessment_started", "2026-01-05", "R1/A7"), ("X", "assessment_authorised", "2026-02-09", "R1/A7")], RETURN)
    found = together(a, b)
    (d,) = found.disagreements
    assert (d.event, d.what, d.kept.source, d.kept.date, d.kept.row, d.other.source, d.other.date, d.other.row) == (
        *("assessment_authorised", "date", "a.csv", "2026-02-05", 3),
        *("b.xml", "2026-02-09", 3),
    )
    assert [r[1:3] for r in rows(only(found))] == [("assessment_authorised", "2026-02-05"), ("assessment_started", "2026-01-05")]


def test_what_one_source_itself_records_twice_is_left() -> None:
    a = source(
        "a", [("X", "assessment_started", "2026-01-05", "A1"), *(("X", "assessment_authorised", f"2026-02-0{d}", "A1") for d in (5, 6))]
    )
    b = source("b", [("X", "assessment_started", "2026-01-05", "A1"), ("X", "assessment_authorised", "2026-02-09", "A1")])
    found = together(a, b)
    assert len(only(found)) == 4 and not found.disagreements


def test_the_later_fills_what_the_earlier_left_open() -> None:
    year = {"rcpc_held": "2024-04-01"}
    kinds = frozenset({"referral_received", "assessment_started", "assessment_authorised", "rcpc_held", "case_closed"})
    case = [("X", "referral_received", "2025-02-05", "R1"), ("X", "assessment_started", "2025-02-05", "R1/A1")]
    first = source("cin-2025.xml", case, RETURN, Coverage(kinds, {k: day(d) for k, d in year.items()}))
    second = source(
        "cin-2026.xml",
        [
            ("X", "referral_received", "2024-01-05", "R1"),
            *((*e[:3], e[3].replace("R1", "R2")) for e in case),
            ("X", "assessment_authorised", "2025-04-08", "R2/A1"),
            ("X", "case_closed", "2025-04-20", "R2"),
        ],
        RETURN,
        Coverage(kinds, {"rcpc_held": day("2025-04-01")}),
    )
    log = only(together(first, second))
    assert [r[1:] for r in rows(log)] == [
        ("assessment_authorised", "2025-04-08", "R2/A1"),
        ("assessment_started", "2025-02-05", "R2/A1"),
        ("case_closed", "2025-04-20", "R2"),
        ("referral_received", "2024-01-05", "R1"),
        ("referral_received", "2025-02-05", "R2"),
    ]
    assert log.coverage.since == {"rcpc_held": day("2024-04-01")}


def day(text: str) -> int:
    return parse_moment(text).day


def test_an_event_dated_by_another_never_stands_against_one_with_a_date_of_its_own() -> None:
    start = ("X", "s47_started", "2026-01-05", "R1/S1")
    census = source(
        "cin",
        [start, (*DISCUSSED, "R1/S1"), ("X", "s47_outcome_recorded", "2026-01-05", "R1/S1")],
        RETURN,
        Coverage(frozenset({DISCUSSED[1]})),
    )
    interface = source("api", [(*start[:3], "E/S"), ("X", "s47_outcome_recorded", "2026-01-16", "E/S")], INTERFACE)
    found = together(census, interface)
    assert [r[2] for r in rows(only(found)) if r[1] == "s47_outcome_recorded"] == ["2026-01-16"] and not found.disagreements


def test_a_day_that_another_source_holds_too_is_a_date_of_its_own() -> None:
    def ended(name: str, when: str, format: str, *carried: str) -> Named:
        events = [(*DISCUSSED, "R1/S1"), ("X", "s47_outcome_recorded", when, "R1/S1")]
        return source(name, events, format, Coverage(frozenset({DISCUSSED[1], *carried})))

    outcome = "s47_outcome_recorded"
    census, interface = ended("cin", "2026-01-05", RETURN), ended("api", "2026-01-05", INTERFACE, outcome)
    found = together(census, interface, ended("lists", "2026-01-09", LISTS, outcome))
    assert short(found) == [("X", outcome, "date", "2026-01-05", "2026-01-09")]


def test_two_names_in_logs_that_name_things_alike_are_two_things() -> None:
    a, b = (source(n, [("X", "referral_received", "2026-01-05", ref)]) for n, ref in (("a", "R1"), ("b", "R2")))
    assert len(only(together(a, b))) == 2
    assert len(only(together(a, replace_format(b, SSD)))) == 1


def test_the_end_of_a_period_is_matched_through_its_start() -> None:
    start = ("X", "looked_after_started", "2026-01-05")
    a = source("903", [start, ("X", "looked_after_ended", "2026-03-05")], CARE)
    b = source("lists", [start, ("X", "looked_after_ended", "2026-03-09")], LISTS)
    assert short(together(a, b)) == [("X", "looked_after_ended", "date", "2026-03-05", "2026-03-09")]
    month = source("lists", [start, ("X", "looked_after_ended", "2026-04-05")], LISTS)
    assert len(together(a, month).disagreements) == 1
    later = source("lists", [start, ("X", "looked_after_ended", "2026-04-06")], LISTS)  # perhaps the end of another stay
    assert not together(a, later).disagreements and len(only(together(a, later))) == 3
    again = [
        start,
        ("X", "looked_after_ended", "2026-03-05"),
        ("X", "looked_after_started", "2026-03-08"),
        ("X", "looked_after_ended", "2026-03-20"),
    ]
    assert not together(source("903", again, CARE), source("lists", again[:2], LISTS)).disagreements


def test_an_ending_belongs_to_the_last_start_before_it() -> None:
    stays = [("X", "looked_after_started", "2026-01-05"), ("X", "looked_after_started", "2026-03-08")]  # the end of the first is missing
    a = source("903", [*stays, ("X", "looked_after_ended", "2026-03-20")], CARE)
    b = source("lists", [stays[1], ("X", "looked_after_ended", "2026-03-22")], LISTS)
    assert short(together(a, b)) == [("X", "looked_after_ended", "date", "2026-03-20", "2026-03-22")]


def test_what_one_source_says_cannot_be_right_gives_way_to_what_another_holds() -> None:
    builder = LogBuilder(BOOK.events)
    builder.origin("a")
    builder.add("X", "assessment_started", parse_moment("2026-01-05"), ref="A1", suspect=True)
    builder.add("X", "assessment_authorised", parse_moment("2026-01-02"), ref="A1", suspect=True)
    a = Named("a", Reading(builder.build(), LOG, 2, 2, (), ()))
    b = source("b", [("X", "assessment_started", "2026-01-05", "7"), ("X", "assessment_authorised", "2026-01-12", "7")], LISTS)
    found = together(a, b)
    assert short(found) == [("X", "assessment_authorised", "date", "2026-01-12", "2026-01-02")] and only(found).suspect is None


def test_of_several_full_names_with_one_last_part_a_bare_one_becomes_full() -> None:
    two = [("X", "strategy_discussion_held", f"2026-0{m}-05", f"R{m}/S1") for m in (1, 2)]
    bare = [("X", "strategy_discussion_held", "2026-02-05", "E9/S7"), ("X", "icpc_held", "2026-02-20", "S7")]
    log = only(together(source("a", two), source("b", bare, RETURN)))
    assert {r[2]: r[3] for r in rows(log)} == {"2026-01-05": "R1/S1", "2026-02-05": "R2/S1", "2026-02-20": "R2/S1"}


def test_a_thing_is_matched_with_one_thing_only() -> None:
    again = ("X", "strategy_discussion_held", "2026-01-09")
    a = source("a", [(*DISCUSSED, "R1/S1"), (*again, "R1/S1")])
    b = source("b", [(*DISCUSSED, "R1/S1"), (*again, "R1/S2"), *(("X", "icpc_held", f"2026-01-2{n}", f"R1/S{n}") for n in (1, 2))], RETURN)
    refs = {r[2]: r[3] for r in rows(only(together(a, b))) if r[1] == "icpc_held"}
    assert refs == {"2026-01-21": "R1/S1", "2026-01-22": "R1/2:S2"}


def test_a_start_that_one_source_gave_a_thing_keeps_another_start_out() -> None:
    closed = ("X", "case_closed", "2026-04-01")
    a = source("a", [(*closed, "R1")])
    b = source("b", [("X", "referral_received", "2026-01-05", "5"), (*closed, "5")], SSD)
    c = source("c", [("X", "referral_received", "2026-01-08", "R9"), (*closed, "R9")], RETURN)
    found = together(a, b, c)
    assert [r[2:] for r in rows(only(found)) if r[1] == "referral_received"] == [("2026-01-05", "R1"), ("2026-01-08", "3:R9")]
    assert not found.disagreements


def test_a_bare_ref_that_could_name_several_things_names_none() -> None:
    two = [("X", "strategy_discussion_held", f"2026-0{m}-05", f"R{m}/S1") for m in (1, 2)]
    bare = ("X", "icpc_held", "2026-02-20", "S1")
    other = source("a", [("X", "cp_visit", "2026-01-05")])
    assert [r[3] for r in rows(only(together(other, source("b", [*two, bare], RETURN)))) if r[1] == "icpc_held"] == [""]
    assert [r[3] for r in rows(only(together(replace_format(other, LISTS), source("b", [*two, bare])))) if r[1] == "icpc_held"] == ["S1"]


def test_a_child_dies_and_is_born_once() -> None:
    a, b = source("a", [("X", "child_died", "2026-01-05")]), source("b", [("X", "child_died", "2026-01-06")], SSD)
    assert short(together(a, b)) == [("X", "child_died", "date", "2026-01-05", "2026-01-06")]


def test_a_referral_at_two_times_of_a_day_is_one_and_said() -> None:
    a = source("a", [("X", "referral_received", "2026-01-05T09:00", "R1")])
    b = source(
        "b", [("X", "referral_received", "2026-01-05T10:00", "77"), ("X", "referral_decision_recorded", "2026-01-05T12:00", "77")], SSD
    )
    found = together(a, b)
    assert short(found) == [("X", "referral_received", "time", "2026-01-05", "2026-01-05")] and len(only(found)) == 2
    assert {r[3] for r in rows(only(found))} == {"R1"}


def test_an_assessment_carries_its_referral_where_the_referral_was_not_matched() -> None:
    a = source("a", [("X", "assessment_started", "2026-01-06", "R1/A1"), ("X", "case_closed", "2026-04-01", "R1")])
    b = source("b", [("X", "referral_received", "2026-01-05", "5"), ("X", "assessment_started", "2026-01-06", "5/6")], SSD)
    assert {r[1]: r[3] for r in rows(only(together(a, b)))} == {
        "assessment_started": "R1/A1",
        "case_closed": "R1",
        "referral_received": "R1",
    }


def test_two_referrals_with_starts_of_their_own_are_never_made_one() -> None:
    a = source("a", [("X", "referral_received", "2026-01-05", "R1"), ("X", "assessment_started", "2026-01-09", "R1/A1")])
    b = source("b", [("X", "referral_received", "2026-01-08", "5"), ("X", "assessment_started", "2026-01-09", "5/6")], SSD)
    found = together(a, b)
    assert [r[2:] for r in rows(only(found)) if r[1] == "referral_received"] == [("2026-01-05", "R1"), ("2026-01-08", "2:5")]


def test_a_bare_ref_goes_with_the_thing_it_names() -> None:
    a = source("lists", [(*DISCUSSED, "S5", {"s47_initiated": True})], LISTS)
    b = source(
        "cin", [("X", "referral_received", "2026-01-02", "R1"), (*DISCUSSED, "R1/S1"), ("X", "icpc_held", "2026-01-20", "S1")], RETURN
    )
    log = only(together(a, b))
    assert statuses(log, "cp_icpc_15wd") == ["met"]
    assert {r[1]: r[3] for r in rows(log)} == {"referral_received": "R1", "strategy_discussion_held": "R1/S1", "icpc_held": "S1"}


def test_a_bare_name_gains_what_another_source_says_it_stands_within() -> None:
    a = source("a", [(*DISCUSSED, "S5", {"s47_initiated": True})])
    b = source("b", [("X", "referral_received", "2026-01-02", "R1"), (*DISCUSSED, "R1/S1")], RETURN)
    assert [r[3] for r in rows(only(together(a, b)))] == ["2:R1", "2:R1/2:S1"]


def test_every_name_in_the_tables_is_an_event() -> None:
    for kind in (*ONCE, *ONCE_A_CHILD, *ENDS, *ENDS.values(), *(k for kinds in STARTS.values() for k in kinds)):
        assert kind in BOOK.events, kind
    for level, kinds in STARTS.items():
        assert all(BOOK.events[kind].ref[-1] == level for kind in kinds), level


# ---------------------------------------------------------------------------------------------------- coverage


def covering(*sources: Named) -> Coverage:
    return merged_coverage([held(s.reading) for s in sources])


def test_a_kind_is_carried_where_any_source_carries_it() -> None:
    a = source("a", [("X", "cp_visit", "2026-01-05")], LOG, Coverage(frozenset({"cp_visit"})))
    b = source("b", [("X", "rcpc_held", "2026-01-05")], LISTS, Coverage(frozenset({"rcpc_held"}), latest=frozenset({"rcpc_held"})))
    assert covering(a, b) == Coverage(frozenset({"cp_visit", "rcpc_held"}), {}, frozenset({"rcpc_held"}))
    assert covering(a, source("c", [("X", "cp_visit", "2026-01-05")])).kinds is None


def test_a_kind_is_latest_only_where_nobody_holds_its_history() -> None:
    latest = Coverage(frozenset({"rcpc_held"}), latest=frozenset({"rcpc_held"}))
    lists, same = source("a", [], LISTS, latest), source("b", [], LISTS, latest)
    assert covering(lists, same).latest == {"rcpc_held"}
    census = source("c", [], RETURN, Coverage(frozenset({"rcpc_held"}), {"rcpc_held": day("2025-04-01")}))
    assert covering(lists, census) == Coverage(frozenset({"rcpc_held"}), {"rcpc_held": day("2025-04-01")})
    # A log that does not say what it covers holds the history of what it has, and of nothing else.
    assert covering(lists, source("d", [("X", "cp_visit", "2026-01-05")])).latest == {"rcpc_held"}
    assert covering(lists, source("d", [("X", "rcpc_held", "2026-01-05")])).latest == frozenset()


def returns(*years: str) -> list[Named]:
    return [source(y, [], RETURN, Coverage(frozenset({"rcpc_held"}), {"rcpc_held": day(f"{y}-04-01")})) for y in years]


def test_a_history_begins_where_the_unbroken_stretch_to_its_end_begins() -> None:
    assert covering(*returns("2023", "2024", "2025")).since == {"rcpc_held": day("2023-04-01")}
    assert covering(*returns("2022", "2024", "2025")).since == {"rcpc_held": day("2024-04-01")}
    log = source("log", [("X", "rcpc_held", "2026-01-05")])
    assert covering(*returns("2023"), log).since == {}


def test_a_return_of_several_years_reaches_to_the_end_of_the_last() -> None:
    several, next_year, after_that = (
        source(y, [("X", "lac_review_held", at)], CARE, Coverage(frozenset({"lac_review_held"}), {"lac_review_held": day(f"{y}-04-01")}))
        for y, at in (("2021", "2024-02-05"), ("2024", "2024-06-05"), ("2025", "2025-06-05"))
    )
    assert covering(several, next_year).since == {"lac_review_held": day("2021-04-01")}
    assert covering(several, after_that).since == {"lac_review_held": day("2025-04-01")}


def test_the_end_of_what_a_source_says_is_the_end_only_where_no_other_goes_on() -> None:
    def ending(name: str, at: str, *kinds: str) -> Named:
        first = f"{int(at) - 1}-04-01"
        return source(name, [], RETURN, Coverage(frozenset(kinds), dict.fromkeys(kinds, day(first)), until={"": day(f"{at}-03-31")}))

    first, second = ending("a", "2025", "rcpc_held", "icpc_held"), ending("b", "2026", "rcpc_held")
    assert covering(first, second).until == {"": day("2026-03-31"), "rcpc_held": day("2026-03-31"), "icpc_held": day("2025-03-31")}
    assert covering(first, second).since == dict.fromkeys(("rcpc_held", "icpc_held"), day("2024-04-01"))
    log = source("log", [("X", "icpc_held", "2026-05-05")])
    assert covering(first, log).until == {"rcpc_held": day("2025-03-31")}  # the log holds conferences, and no reviews


def test_one_mistyped_year_does_not_make_a_source_reach_into_the_future() -> None:
    events = [("X", "cp_visit", f"2026-01-{1 + i % 28:02}") for i in range(1000)]
    assert last_day(source("a", [*events, ("X", "cp_visit", "2058-01-01")]).reading.log) == day("2026-01-28")
    assert last_day(source("a", [*events[:998], ("X", "cp_visit", "2026-02-01")]).reading.log) == day("2026-02-01")


def test_a_latest_date_is_dropped_where_a_history_has_those_days() -> None:
    visits = [("X", "cp_plan_started", "2025-12-01", "P1"), *(("X", "cp_visit", f"2026-0{m}-05") for m in (1, 2, 3))]
    history = source("ssd", visits, SSD, Coverage(frozenset({"cp_plan_started", "cp_visit"}), {"cp_visit": day("2026-01-01")}))
    latest = Coverage(frozenset({"cp_visit"}), latest=frozenset({"cp_visit"}))
    for when, kept, said in (
        ("2026-03-04", False, True),  # a day of the history, which does not have it
        ("2026-03-05", True, False),  # the history has it too
        ("2026-03-06", True, False),  # after the history ends
        ("2025-12-31", True, False),  # before it begins
        ("2026-01-01", False, True),
    ):
        found = together(history, source("lists", [("X", "cp_visit", when)], LISTS, latest, latest=["cp_visit"]))
        log = only(found)
        assert ((when, "cp_visit") in {(r[2], r[1]) for r in rows(log)}) == kept, when
        assert short(found) == ([("X", "cp_visit", "latest date", "", when)] if said else []), when
        assert (log.latest_only is not None) == (kept and when != "2026-03-05"), when


def test_a_history_covers_its_last_day() -> None:
    history = source("ssd", [("X", "cp_visit", "2026-01-05"), ("Y", "cp_visit", "2026-03-05")], SSD, Coverage(frozenset({"cp_visit"})))
    latest = Coverage(frozenset({"cp_visit"}), latest=frozenset({"cp_visit"}))
    for when, said in (("2026-03-05", 1), ("2026-03-06", 0)):
        lists = source("lists", [("X", "cp_visit", when)], LISTS, latest, latest=["cp_visit"])
        assert len(together(history, lists).disagreements) == said


def test_latest_dates_after_a_history_say_how_things_stand_and_the_history_how_they_went(tmp_path: Path) -> None:
    history = ["X,cp_plan_started,2026-01-05,", *(f"X,cp_visit,2026-{d},true" for d in ("01-08", "01-15", "03-20"))]
    (tmp_path / "history.csv").write_text("child_id,event,at,child_seen\n" + "\n".join(history), encoding="utf-8")
    (tmp_path / "latest.csv").write_text("child_id,event,at,child_seen\nX,cp_visit,2026-06-12,true\n", encoding="utf-8")
    (tmp_path / "latest.covers.yaml").write_text("kind: snapshot\nevents: [cp_visit]\n", encoding="utf-8")
    found = replay([tmp_path / "history.csv", tmp_path / "latest.csv"], BOOK, AS_OF)
    lines = {line.basis: line.statuses for line in found.lines() if line.rule == "cp_visit"}
    assert lines["now"]["due"] + lines["now"]["due_soon"] == 1 and lines["now"]["overdue"] == 0
    assert lines["history"]["met"] >= 1 and lines["history"]["late"] >= 1 and lines["history"]["overdue"] == 0


# ---------------------------------------------------------------------------------------------------- properties


def sample() -> Named:
    return Named("events.csv", read_all([SAMPLE], BOOK).sources[0].reading)


@pytest.mark.parametrize("path", [SAMPLE, ANNEX_A, CENSUS], ids=lambda p: p.name)
def test_a_source_with_itself_changes_no_flag(path: Path) -> None:
    reading = read_all([path], BOOK).sources[0].reading
    found = merged([Named("a", reading), Named("b", reading)], BOOK)
    assert all_flags(found) == flags(reading.log) and flags(reading.log)
    assert found.counted_once == len(reading.log) and not found.disagreements and not found.apart
    assert rows(only(found)) == rows(reading.log)


def part_of(log: EventLog, keep: Any) -> EventLog:
    """Some rows of a log; all of its children."""
    names = ("child", "kind", "day", "instant", "span", "ref", "recorded", "latest_only", "suspect", "origin", "origin_row")
    columns = {n: getattr(log, n)[keep] for n in names if getattr(log, n) is not None}
    return replace(log, **columns, attributes={n: Attribute(a.codes[keep], a.values) for n, a in log.attributes.items()})


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3]))
def test_a_log_split_in_two_gives_the_flags_of_the_whole(seed: int, in_both: float) -> None:
    whole = sample().reading
    log = replace(whole.log, coverage=Coverage(frozenset(BOOK.events)))
    rng = np.random.default_rng(seed)
    # Rows of one child, kind and day go together: alike in two sources, they would be counted once.
    _, alike = np.unique(np.stack([log.child, log.kind, log.day]), axis=1, return_inverse=True)
    side = rng.random(alike.max() + 1)[alike.ravel()]
    parts = [part_of(log, side < 0.5 + in_both / 2), part_of(log, side >= 0.5 - in_both / 2)]
    sources = [
        Named(n, replace(whole, log=p, records_read=len(p), records_used=len(p), rejected=())) for n, p in zip("ab", parts, strict=True)
    ]
    found = merged(sources, BOOK)
    assert not found.disagreements and rows(only(found)) == rows(log)
    assert all_flags(found) == flags(log)


KINDS = (
    *("referral_received", "referral_decision_recorded", "assessment_started", "assessment_authorised"),
    *("cp_plan_started", "cp_visit", "icpc_held"),
)
made_events = st.lists(
    st.tuples(
        st.sampled_from("XYZ"),
        st.sampled_from(KINDS),
        st.integers(0, 40),
        st.sampled_from(["", "", "T09:00", "T15:30"]),
        st.sampled_from([None, "R1", "R2", "R1/A1", "A1"]),
    ),
    max_size=14,
)


def made(name: str, events: Sequence[Any], format: str) -> Named:
    first = day_number(as_date(day("2026-01-05")))
    return source(name, [(c, k, f"{as_date(first + d).isoformat()}{t}", r) for c, k, d, t, r in events], format)


@settings(max_examples=120, deadline=None)
@given(
    st.tuples(made_events, made_events, made_events),
    st.permutations(range(3)),
    st.sampled_from([(LOG, SSD, RETURN), (LISTS, RETURN, RETURN), (LOG, LOG, LISTS)]),
)
def test_the_order_of_sources_changes_nothing(events: Any, order: list[int], formats: tuple[str, ...]) -> None:
    sources = [made(n, e, f) for n, e, f in zip("abc", events, formats, strict=True)]
    one, other = merged(sources, BOOK), merged([sources[i] for i in order], BOOK)
    assert one.disagreements == other.disagreements and one.counted_once == other.counted_once
    assert all_flags(one) == all_flags(other)


@settings(max_examples=120, deadline=None)
@given(made_events, made_events, st.sampled_from([(LOG, LOG), (LOG, SSD), (LISTS, RETURN)]))
def test_nothing_is_lost_and_nothing_is_made(first: Any, second: Any, formats: tuple[str, str]) -> None:
    a, b = (made(n, e, f) for n, e, f in zip("ab", (first, second), formats, strict=True))
    found = merged([a, b], BOOK)
    dropped = sum(1 for d in found.disagreements if d.what in ("date", "latest date"))
    assert sum(len(g.log) for g in found.groups) == len(first) + len(second) - found.counted_once - dropped

    def days(log: EventLog) -> set[tuple[str, ...]]:
        return {(c, k, at[:10]) for c, k, at, _ in rows(log)}

    kept = set().union(*(days(g.log) for g in found.groups))
    said = {(d.child, d.event, d.other.date) for d in found.disagreements}
    every = days(a.reading.log) | days(b.reading.log)
    assert kept <= every and every - kept <= said


# ---------------------------------------------------------------------------------------------------- what is said

ONE = """\
child_id,event,at,ref,s47_initiated,date_of_birth,outcome
A,referral_received,2026-01-05T09:30,R1,,2015-01-01,
A,strategy_discussion_held,2026-03-03,R1/S1,true,,
B,strategy_discussion_held,2026-03-03,R1/S1,true,2016-01-01,
B,icpc_held,2026-03-24,R1/S1,,,no_plan
C,strategy_discussion_held,2026-03-03,R1/S1,true,2014-01-01,
"""
TWO = """\
child_id,event,at,ref,s47_initiated,date_of_birth,outcome
A,referral_received,2026-01-05,R1,,2015-01-01,
A,icpc_held,2026-03-24,R1/S1,,,
B,icpc_held,2026-03-27,R1/S1,,,cp_plan
C,strategy_discussion_held,2026-03-03,R1/S1,true,2014-02-01,
0c,referral_received,2026-03-03,R1,,,
"""


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("one.csv", ONE), ("two.csv", TWO)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / "one.csv", tmp_path / "two.csv"


def test_the_text_says_which_sources_agree_on_a_date_of_birth_that_another_gives_otherwise(tmp_path: Path) -> None:
    for name, born in (("a", "2015-01-01"), ("b", "2010-05-05"), ("c", "2015-01-01")):
        text = f"case: C\nchild: {{date_of_birth: {born}}}\nevents:\n  - {{event: referral_received, at: 2026-03-02}}\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    shown = " ".join(rrt("replay", *(tmp_path / f"{n}.yaml" for n in "abc"), "--as-of", "2026-04-15").stdout.split())
    assert "`C` has different dates of birth in a.yaml + c.yaml and b.yaml, and is judged apart for each" in shown


def test_the_text_says_how_the_sources_fit(two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")  # wide enough that no name is broken over two lines
    text = " ".join(rrt("replay", *two, "--as-of", "2026-04-15").stdout.split())
    for said in (
        "one.csv (CSV): 3 children, 5 events",
        "two.csv (CSV): 4 children, 5 events",
        "Together: 2 children in more than one source",
        "one.csv + two.csv 2 5 any 0",
        "1 event that another source records too, each counted once",
        "The sources disagree 1 time: 1 icpc_held (date)",
        "B icpc_held: 27 March 2026 (two.csv row 4) is kept, not 24 March 2026 (one.csv row 5)",
        "not put together: `C` has different dates of birth in one.csv and two.csv, and is judged apart for each",
        "perhaps one child, not put together: `0c` (two.csv) and `C` (one.csv, two.csv); the ids differ only in capitals",
    ):
        assert said in text, said
    assert "2014" not in text and "no_plan" not in text


def test_cases_that_were_not_put_together_are_said_even_where_none_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    for name, born in (("a", "2015-01-01"), ("b", "2010-05-05")):
        text = f"case: C\nchild: {{date_of_birth: {born}}}\nevents:\n  - {{event: referral_received, at: 2026-03-02}}\n"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    text = " ".join(rrt("replay", tmp_path / "a.yaml", tmp_path / "b.yaml", "--as-of", "2026-04-15").stdout.split())
    assert "not put together: `C` has different dates of birth in a.yaml and b.yaml, and is judged apart for each" in text
    assert "No child is in more than one" not in text


def test_the_document_says_how_the_sources_fit(two: tuple[Path, Path]) -> None:
    found = json.loads(rrt("replay", *two, "--as-of", "2026-04-15", "--format", "json").stdout)
    assert [(s["source"], s["children"], s["records_read"]) for s in found["sources"]] == [("one.csv", 3, 5), ("two.csv", 4, 5)]
    merging = found["merging"]
    assert (merging["children_in_several"], merging["events_counted_once"], merging["disagreements"]) == (2, 1, 1)
    assert merging["groups"][-1]["sources"] == ["one.csv", "two.csv"]
    assert merging["disagreements_by_event"] == [{"event": "icpc_held", "differs": "date", "count": 1}]
    assert merging["apart"] == [{"child": "C", "sources": ["one.csv", "two.csv"]}]
    assert "merging" not in json.loads(rrt("replay", two[0], "--as-of", "2026-04-15", "--format", "json").stdout)


def test_every_disagreement_can_be_written(two: tuple[Path, Path], tmp_path: Path) -> None:
    found = rrt("replay", *two, "--as-of", "2026-04-15", "--disagreements", tmp_path / "d.csv")
    assert "wrote 2 disagreements to" in found.stderr
    with (tmp_path / "d.csv").open(encoding="utf-8", newline="") as file:
        row, born = csv.DictReader(file)
    assert {name: value for name, value in born.items() if value} == {
        "child": "C", "differs": "date of birth", "kept_date": "2014-01-01", "kept_source": "one.csv",
        "date": "2014-02-01", "source": "two.csv",
    }  # fmt: skip
    assert row == {
        "child": "B", "event": "icpc_held", "differs": "date",
        "kept_date": "2026-03-27", "kept_source": "two.csv", "kept_origin": "two.csv", "kept_row": "4",
        "date": "2026-03-24", "source": "one.csv", "origin": "one.csv", "row": "5",
    }  # fmt: skip
    refused = rrt("replay", *two, "--as-of", "2026-04-15", "--disagreements", tmp_path / "d.xlsx")
    assert refused.exit_code == 2 and "expected .csv" in refused.stderr


def test_an_id_that_could_be_a_formula_is_written_so_that_it_is_none(tmp_path: Path) -> None:
    for name, when in (("one", "24"), ("two", "27")):
        text = f"child_id,event,at,ref\n=1+1,s47_started,2026-03-03,R/S\n=1+1,icpc_held,2026-03-{when},R/S\n"
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    rrt("replay", tmp_path / "one.csv", tmp_path / "two.csv", "--as-of", "2026-04-15", "--disagreements", tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_text(encoding="utf-8").splitlines()[1].startswith("'=1+1,icpc_held")


def test_facts_beside_a_file_go_with_their_children_wherever_those_are(tmp_path: Path, two: tuple[Path, Path]) -> None:
    facts = "child_id,fact,value,evidence,specificity\n" + "".join(f"{c},da_current,present,reported,specific\n" for c in "ACQ")
    (tmp_path / "one.facts.csv").write_text(facts, encoding="utf-8")
    alone = json.loads(rrt("replay", two[0], "--as-of", "2026-04-15", "--thresholds", "--suppress-under", "0", "--format", "json").stdout)
    both = json.loads(rrt("replay", *two, "--as-of", "2026-04-15", "--thresholds", "--suppress-under", "0", "--format", "json").stdout)
    for found in (alone, both):
        (row,) = found["thresholds"]["sources"]
        assert (row["cases"], row["children_without_facts"], row["facts_used"]) == (3, 1, 3)
        assert found["thresholds"]["cases"] == 3
    assert alone["thresholds"]["suggested_levels"] == both["thresholds"]["suggested_levels"]


def test_a_database_is_a_source_by_its_address(monkeypatch: pytest.MonkeyPatch, two: tuple[Path, Path]) -> None:
    url = "postgresql://reader:secret@db.example:5432/ssd?sslmode=require"
    asked: list[str] = []
    made = source("ssd", [("A", "icpc_held", "2026-03-24", "1/2")], SSD)

    def read(address: str, _: object) -> Reading:
        asked.append(address)
        return made.reading

    monkeypatch.setattr("rrt_engine.sources.ssd_database.read_ssd_database", read)
    found = rrt("replay", url, two[0], "--as-of", "2026-04-15")
    assert asked == [url] and found.exit_code == 1
    assert "secret" not in found.output and "reader" not in found.output and "db.example" not in found.output
    assert short_name(url) in found.stdout


def test_reading_and_evaluating_are_two_steps(two: tuple[Path, Path]) -> None:
    read = read_all([str(two[0]), two[1]], BOOK)
    assert isinstance(read, Read) and all(isinstance(s, SourceRead) for s in read.sources)
    for as_of in ("2026-03-04", "2026-04-15"):
        moment = parse_moment(as_of)
        once, again = evaluated(read, BOOK, moment), replay(two, BOOK, moment)
        assert once.lines() == again.lines()
    names = [run.path for run in evaluated(read, BOOK, AS_OF).sources]
    assert names == ["one.csv", "two.csv", "one.csv + two.csv"]


def test_a_disagreement_shows_no_value() -> None:
    assert set(Disagreement.__dataclass_fields__) == {"child", "event", "what", "kept", "other"}


def test_a_million_events_beside_a_million_are_put_together_in_seconds() -> None:
    import time

    rng, n = np.random.default_rng(1), 1_000_000
    kinds = ("cp_plan_started", "cp_visit", "icpc_held", "referral_received", "strategy_discussion_held")
    readings = []
    for name in ("a", "b"):
        log = EventLog(
            np.array([f"C{i:06}" for i in range(50_000)], object), kinds, np.sort(rng.integers(0, 50_000, n)).astype(np.int32),
            rng.integers(0, 5, n).astype(np.int16), rng.integers(18_000, 20_500, n).astype(np.int32),
            ref=rng.integers(-1, 20, n).astype(np.int32), refs=tuple(f"R{i}" for i in range(20)),
            origins=(name,), origin=np.zeros(n, np.int32), origin_row=np.arange(n, dtype=np.int32),
        )  # fmt: skip
        readings.append(Named(name, Reading(sorted_log(log), LOG, n, n, (), ())))
    begun = time.process_time()
    found = merged(readings, BOOK)
    assert time.process_time() - begun < 20  # a few seconds; the rest is for a slow machine
    assert len(only(found)) + found.counted_once + sum(d.what == "date" for d in found.disagreements) == 2 * n
