"""Visits to children in care: one regime on each day, and the traps of switching between them, with the rules as shipped."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, day_number, parse_moment
from rrt_engine.explain.flags import Explainer
from rrt_engine.model import STATUSES, Coverage, EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.timescales.arrays import Arrays, end_of_day
from rrt_engine.timescales.duties import Run
from rrt_engine.timescales.evaluate import evaluate
from rrt_engine.timescales.regimes import segments
from tests import oracle
from tests.oracle import Child, Event, Oracle
from tests.test_traps import Flag, book, flags, only

REGIME = "visits_in_care"
RULES = sorted({rule.id for rule in book().rules if (part := book().part(rule.spec)) and part[0] == REGIME})
LA, PLACED = ("looked_after_started", "2025-03-03"), ("placement_started", "2025-03-03", {"type": "U6"})


def visit(at: str, **recorded: Any) -> tuple[Any, ...]:
    return "lac_visit", at, recorded


def status(rule: str, *events: tuple[Any, ...], **given: Any) -> list[tuple[str, str | None]]:
    return [(f.status, f.due) for f in flags(rule, *events, **given)]


# --------------------------------------------------------------------------------------------- one regime on each day

KINDS: dict[str, list[dict[str, Any]]] = {
    "looked_after_started": [{}, {"legal_status": "C1"}, {"legal_status": "C2"}, {"legal_status": "V2"}],
    "looked_after_ended": [{}],
    "legal_status_changed": [{"legal_status": code} for code in ("C1", "C2", "E1", "V2")],
    "interim_care_order_made": [{}],
    "interim_care_order_ended": [{}],
    "care_order_made": [{}],
    "care_order_discharged": [{}],
    "placement_started": [
        {}, {"type": "P1"}, {"type": "P1"}, {"type": "U3"}, {"type": "R5"}, {"type": "U4", "child_agrees": True}, {"type": "A6"},
        {"type": "U6", "intended_to_18": True}, {"type": "U6", "long_term": True, "child_agrees": True},
    ],
    "placement_ended": [{}],
    "placement_intent_changed": [{"intended_to_18": True}, {"intended_to_18": False}, {"long_term": True}, {"child_agrees": False}],
    "reg24_approved": [{}],
    "connected_carer_approved": [{}],
    "reg24_placement_ended": [{}],
    "reg19_placement_started": [{}],
    "parent_placement_decided": [{}],
    "lac_review_held": [{}],
    "lac_visit": [{}, {}, {"child_seen": True}, {"child_seen": False}, {"video": True}],
    "short_break_started": [{}],
    "short_break_series_ended": [{}],
    "placed_for_adoption": [{}],
    "adoption_order_made": [{}],
    "child_died": [{}],
}  # fmt: skip
USUAL = ["lac_visit"] * 6 + ["placement_started"] * 4 + ["looked_after_started", "legal_status_changed", "lac_review_held"] * 2
FIRST = date(2020, 2, 3)


@st.composite
def histories(draw: st.DrawFn) -> Child:
    """One child's care, over two years or so in which law and anniversaries change."""
    events = []
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from([*USUAL, *KINDS]))
        near = draw(st.sampled_from([0, 0, 1, 3, 7, 8, 20, 42, 43, 90, 364, 365, 366, 367, 400, 500, 600, 606, 607]))
        day = FIRST + timedelta(days=near + draw(st.sampled_from([0, 0, 1, 5, 30])))
        events.append(Event(kind, day, None, draw(st.sampled_from(KINDS[kind]))))
    if draw(st.booleans()):
        events.insert(0, Event("looked_after_started", FIRST, None, draw(st.sampled_from(KINDS["looked_after_started"]))))
        events.insert(1, Event("placement_started", FIRST, None, draw(st.sampled_from(KINDS["placement_started"]))))
    return Child(tuple(events))


READINGS = st.fixed_dictionaries(
    {
        "visit_first_review": st.sampled_from(["literal", "strict"]),
        "visit_straddle": st.sampled_from(["literal", "strict"]),
        "visit_weekly": st.sampled_from(["1 week", "1 calendar week"]),
    }
)


def log_of(*children: Child) -> EventLog:
    builder = LogBuilder(book().events)
    for i, child in enumerate(children):
        for place, event in enumerate(child.events):
            builder.add(str(i), event.kind, parse_moment(event.at.isoformat()), attributes=event.attributes, row=place)
    return builder.build(Coverage())


def in_force(chosen: RuleBook, log: EventLog, as_of: date) -> list[list[tuple[str, date, date | None]]]:
    """Each child's segments: the part, its first day, and the day after its last."""
    day = day_number(as_of)
    run = Run(Arrays(log, log.day <= day, chosen.ref_paths()), chosen, day, end_of_day(day), {}, [])
    found = segments(run, REGIME)
    parts, result = chosen.regimes[REGIME].parts, [[] for _ in log.children]  # type: ignore[var-annotated]
    for i in range(len(found.child)):
        end = None if found.end[i] == NO_DAY else date(1970, 1, 1) + timedelta(days=int(found.end[i]))
        first = date(1970, 1, 1) + timedelta(days=int(found.start[i]))
        result[int(log.children[found.child[i]])].append((parts[found.part[i]].id, first, end))
    return result


@settings(max_examples=70, deadline=None)
@given(children=st.lists(histories(), min_size=1, max_size=3), local=READINGS)
def test_exactly_one_regime_is_in_force_on_each_day_in_care_and_none_on_others(children: list[Child], local: dict[str, str]) -> None:
    as_of = FIRST + timedelta(days=700)
    chosen = book().with_parameters(local)
    for child, stretches in zip(children, in_force(chosen, log_of(*children), as_of), strict=True):
        slow = Oracle("visit_initial", chosen, child, as_of, None, oracle.Covers())
        for n in range(701):
            day = FIRST + timedelta(days=n)
            now = [part for part, first, end in stretches if first <= day and (end is None or day < end)]
            cared_for = any(slow.open_on(period, day) for period in chosen.regimes[REGIME].during)
            assert len(now) == cared_for, (day, now, child)
        assert [(s.part, s.first, s.after) for s in slow.stretches(REGIME)] == stretches


@settings(max_examples=150, deadline=None)
@given(child=histories(), local=READINGS, rule=st.sampled_from(RULES), ahead=st.sampled_from([30, 95, 380, 420, 700]))
def test_every_visiting_rule_is_as_the_day_by_day_reading_has_it(child: Child, local: dict[str, str], rule: str, ahead: int) -> None:
    as_of = FIRST + timedelta(days=ahead)
    chosen, log = book().with_parameters(local), log_of(child)
    found = evaluate(log, chosen.only(rule), parse_moment(as_of.isoformat())).flags
    said = oracle.flags(rule, chosen, child, as_of)
    came = []
    assert log.origin_row is not None
    for i in range(len(found)):
        due = None if found.due[i] == NO_DAY else date(1970, 1, 1) + timedelta(days=int(found.due[i]))
        came.append((oracle_status(int(found.status[i])), int(log.origin_row[found.trigger[i]]), due, int(found.answer[i]) >= 0))
    assert sorted(came, key=repr) == sorted(((f.status, f.trigger, f.due, f.answer is not None) for f in said), key=repr)


def oracle_status(code: int) -> str:
    return STATUSES[code]


@settings(max_examples=60, deadline=None)
@given(children=st.lists(histories(), min_size=2, max_size=4))
def test_many_children_at_once_have_the_regimes_each_would_have_alone(children: list[Child]) -> None:
    as_of = FIRST + timedelta(days=700)
    together = in_force(book(), log_of(*children), as_of)
    assert together == [in_force(book(), log_of(child), as_of)[0] for child in children]


def test_every_flag_of_a_made_history_can_be_explained() -> None:
    log = log_of(
        Child(
            (
                Event("looked_after_started", date(2024, 1, 8), None, {"legal_status": "C1"}),
                Event("placement_started", date(2024, 1, 8), None, {"type": "P1"}),
                Event("lac_visit", date(2024, 1, 12)),
                Event("lac_review_held", date(2024, 1, 30)),
                Event("care_order_made", date(2024, 2, 20)),
                Event("placement_started", date(2024, 3, 4)),
                Event("lac_visit", date(2024, 3, 8)),
                Event("placement_intent_changed", date(2025, 6, 2), None, {"intended_to_18": True}),
            )
        )
    )
    chosen, as_of = book(), parse_moment("2025-07-01")
    found = evaluate(log, chosen, as_of).flags
    explainer = Explainer(log, chosen, found, as_of.day, end_of_day(as_of.day))
    seen = {}
    for i in range(len(found)):
        said = explainer.explain(i)
        if said.rule in RULES:
            assert sum("this began to govern" in step for step in said.steps) == 1, (said.rule, said.steps)
            seen[said.rule, said.status] = said
    carried = seen["visit_after_year_permanent", "overdue"]
    assert any("already running" in step for step in carried.steps)
    assert "the day on which this limit began to govern" in carried.explanation
    assert any("`visit_straddle` is literal" in step for step in carried.steps)
    unknown = seen["visit_initial", "met"]
    assert any(step.startswith("Not recorded: the type of placement.") for step in unknown.steps)
    assert {rule for rule, _ in seen} >= {"visit_ico_parent", "visit_ico_parent_reviewed", "visit_co_parent", "visit_first_year"}


def test_a_child_in_care_with_no_placement_recorded_is_under_the_base_rule() -> None:
    assert status("visit_first_year", LA, visit("2025-03-10"), as_of="2025-04-23") == [("overdue", "2025-04-21")]
    assert not np.any([flags(rule, LA, visit("2025-03-10"), as_of="2025-04-23") for rule in RULES if rule != "visit_first_year"])


# --------------------------------------------------------------------------------------------------------- the traps


def test_trap_t01_visits_count_from_the_placement_and_reviews_from_coming_into_care() -> None:
    events = [("looked_after_started", "2026-01-12"), ("placement_started", "2026-02-09", {"type": "U6"})]
    assert only("visit_initial", *events, as_of="2026-02-10").due == "2026-02-16"
    assert only("lac_review_first", *events, as_of="2026-02-10").due == "2026-02-09"


def test_trap_t02_a_switch_ends_one_clock_and_opens_another() -> None:
    events = [
        ("looked_after_started", "2026-01-05", {"legal_status": "C1"}),
        ("placement_started", "2026-01-05", {"type": "P1"}),
        visit("2026-01-09"),
        visit("2026-01-16"),
        ("care_order_made", "2026-01-20"),
    ]
    assert status("visit_ico_parent", *events, as_of="2026-03-20") == [
        ("met", "2026-01-12"),
        ("met", "2026-01-16"),
        ("ended", "2026-01-23"),
    ]
    assert status("visit_co_parent", *events, as_of="2026-03-20") == [("overdue", "2026-01-27")]
    assert status("visit_co_parent_later", *events, visit("2026-01-26"), as_of="2026-03-01") == [
        ("ended", "2026-02-27"),  # the order opens a clock of its own
        ("due", "2026-03-09"),
    ]
    assert not flags("visit_initial", *events, as_of="2026-03-20")


def test_trap_t03_the_first_review_may_have_passed() -> None:
    events = [
        ("looked_after_started", "2025-09-01", {"legal_status": "V2"}),
        ("lac_review_held", "2025-09-25"),
        ("placement_started", "2026-02-16", {"type": "U3"}),
        ("reg24_approved", "2026-02-16"),
    ]
    literal, strict = {"visit_first_review": "literal"}, {"visit_first_review": "strict"}
    assert status("visit_reg24", *events, as_of="2026-03-01", **literal) == []
    assert status("visit_reg24_reviewed", *events, as_of="2026-03-01", **literal) == [("due", "2026-03-16")]
    assert status("visit_reg24", *events, as_of="2026-03-01", **strict) == [("overdue", "2026-02-23")]
    assert status("visit_reg24_reviewed", *events, as_of="2026-03-01", **strict) == []


def test_trap_t04_an_interval_over_the_first_anniversary() -> None:
    placed = ("placement_started", "2025-03-03", {"type": "U6", "intended_to_18": True})
    events = [LA, placed, visit("2026-02-10")]
    assert status("visit_first_year", *events, as_of="2026-04-01", visit_straddle="literal") == [("ended", "2026-03-24")]
    assert status("visit_after_year_permanent", *events, as_of="2026-04-01", visit_straddle="literal") == [("due", "2026-05-10")]
    assert status("visit_first_year", *events, as_of="2026-04-01", visit_straddle="strict") == [("overdue", "2026-03-24")]
    assert status("visit_after_year_permanent", *events, as_of="2026-04-01", visit_straddle="strict") == []
    then = visit("2026-03-20")
    assert status("visit_first_year", *events, then, as_of="2026-04-01", visit_straddle="strict") == [("met", "2026-03-24")]
    assert status("visit_after_year_permanent", *events, then, as_of="2026-04-01", visit_straddle="strict") == [("due", "2026-06-20")]


def test_trap_t04_six_weeks_that_end_on_the_anniversary_are_of_the_first_year() -> None:
    placed = ("placement_started", "2025-03-03", {"type": "U6", "intended_to_18": True})
    last = visit("2026-01-20")
    assert status("visit_first_year", LA, placed, last, as_of="2026-03-03") == [("due_soon", "2026-03-03")]
    assert status("visit_first_year", LA, placed, last, as_of="2026-03-04") == [("overdue", "2026-03-03")]


def test_trap_t05_the_plan_that_it_lasts_is_dated_and_never_of_the_first_year() -> None:
    planned = ("placement_intent_changed", "2025-05-05", {"intended_to_18": True})
    events = [LA, PLACED, visit("2025-03-07"), planned]
    assert status("visit_first_year", *events, as_of="2025-05-20") == [("overdue", "2025-04-18")]
    assert status("visit_after_year_permanent", *events, as_of="2025-05-20") == []
    late_plan = ("placement_intent_changed", "2026-05-11", {"intended_to_18": True})
    seen = [LA, PLACED, visit("2026-03-10"), late_plan]
    assert status("visit_after_year_other", *seen, as_of="2026-06-01") == [("late", "2026-03-04"), ("overdue", "2026-04-21")]
    assert status("visit_after_year_permanent", *seen, as_of="2026-06-01") == [("due_soon", "2026-06-10")]


@pytest.mark.parametrize("missing", ["long_term", "child_agrees", "a year"])
def test_trap_t06_six_months_need_every_fact(missing: str) -> None:
    facts = {"type": "U6", "long_term": True, "child_agrees": True}
    start = "2025-12-01" if missing == "a year" else "2025-01-06"
    events = [("looked_after_started", start), ("placement_started", start, facts), visit("2026-01-07")]
    if missing == "a year":
        assert status("visit_long_term_foster", *events, as_of="2026-01-08") == []
        assert status("visit_first_year", *events, as_of="2026-01-08") == [("due", "2026-02-18")]
        return
    assert status("visit_long_term_foster", *events, as_of="2026-01-08") == [("due", "2026-07-07")]
    events[1] = ("placement_started", start, {k: v for k, v in facts.items() if k != missing} | {"intended_to_18": True})
    assert status("visit_long_term_foster", *events, as_of="2026-01-08") == []
    assert status("visit_after_year_permanent", *events, as_of="2026-01-08") == [("due", "2026-04-07")]


def test_trap_t07_weekly_is_a_gap_of_seven_days_or_one_in_each_calendar_week() -> None:
    events = [
        ("looked_after_started", "2026-02-16", {"legal_status": "C1"}),
        ("placement_started", "2026-02-16", {"type": "P1"}),
        visit("2026-02-16"),
        visit("2026-03-01"),
    ]
    assert status("visit_ico_parent", *events, as_of="2026-03-02", visit_weekly="1 week")[1] == ("late", "2026-02-23")
    lenient = status("visit_ico_parent", *events, as_of="2026-03-02", visit_weekly="1 calendar week")
    assert lenient[1:] == [("met", "2026-03-01"), ("due", "2026-03-08")]


@pytest.mark.parametrize("recorded", [{"child_seen": False}, {"video": True}, {"at_placement": False}])
def test_trap_t08_a_failed_visit_neither_answers_nor_starts_a_clock(recorded: dict[str, bool]) -> None:
    assert status("visit_initial", LA, PLACED, visit("2025-03-06", **recorded), as_of="2025-03-12") == [("overdue", "2025-03-10")]
    assert status("visit_first_year", LA, PLACED, visit("2025-03-06", **recorded), as_of="2025-03-12") == []


def test_trap_t08_a_video_call_counts_only_while_it_did() -> None:
    for day, counts in (("2020-04-23", False), ("2020-04-24", True), ("2021-09-30", True), ("2021-10-01", False)):
        start = (date.fromisoformat(day) - timedelta(days=7)).isoformat()
        events = [("looked_after_started", start), ("placement_started", start, {"type": "U6"}), visit(day, video=True)]
        found = flags("visit_initial", *events, as_of="2021-12-31")
        assert [f.answer == day for f in found] == [counts], day


def test_trap_t09_placed_for_adoption_stops_these_visits_and_a_placement_order_does_not() -> None:
    events = [LA, PLACED, visit("2025-05-12"), ("legal_status_changed", "2025-05-19", {"legal_status": "E1"})]
    assert status("visit_first_year", *events, as_of="2025-06-09") == [("due", "2025-06-23")]
    placed = ("placed_for_adoption", "2025-06-02")
    assert status("visit_first_year", *events, placed, as_of="2025-07-09") == [("ended", "2025-06-23")]


def test_trap_t10_a_foster_to_adopt_placement_is_a_foster_placement() -> None:
    events = [LA, ("placement_started", "2025-03-03", {"type": "U5"})]
    assert only("visit_initial", *events, as_of="2025-03-04").due == "2025-03-10"


def test_trap_t12_a_fifth_birthday_before_the_six_months_are_up() -> None:
    done = ("review_health_assessment_completed", "2026-01-14")
    assert status("rha_under5", done, born="2021-04-20", as_of="2026-08-01", rha_fifth_birthday="ends") == [("ended", "2026-07-14")]
    assert status("rha_under5", done, born="2021-04-20", as_of="2026-08-01", rha_fifth_birthday="goes on") == [("overdue", "2026-07-14")]
    assert status("rha_under5", done, born="2020-04-20", as_of="2026-08-01", rha_fifth_birthday="goes on") == []


def test_a_visit_between_regimes_is_judged_from_the_visit_before() -> None:
    """Due at once where the limit becomes shorter, and later where it becomes longer."""
    long = ("placement_started", "2024-03-04", {"type": "U6", "intended_to_18": True})
    events = [
        ("looked_after_started", "2024-03-04"),
        long,
        visit("2026-03-02"),
        ("placement_intent_changed", "2026-05-11", {"intended_to_18": False}),
    ]
    assert status("visit_after_year_other", *events, as_of="2026-05-11") == [("due_soon", "2026-05-11")]
    assert status("visit_after_year_other", *events, as_of="2026-05-12") == [("overdue", "2026-05-11")]
    assert status("visit_after_year_permanent", *events, as_of="2026-05-12")[-1] == ("ended", "2026-06-02")


def test_a_move_ends_the_clocks_of_the_placement_before() -> None:
    moved = ("placement_started", "2025-04-14", {"type": "U6"})
    events = [LA, PLACED, visit("2025-03-07"), moved]
    assert status("visit_first_year", *events, as_of="2025-06-01") == [("ended", "2025-04-18")]
    assert status("visit_initial", *events, as_of="2025-06-01") == [("met", "2025-03-10"), ("overdue", "2025-04-21")]


def test_oracle_3_ordinary_visits() -> None:
    events = [LA, PLACED, visit("2025-03-07", child_seen=True), visit("2025-04-22", child_seen=True)]
    assert only("visit_initial", *events, as_of="2025-05-01") == Flag("met", "2025-03-03", "2025-03-10", "2025-03-07")
    assert flags("visit_first_year", *events, as_of="2025-05-01") == [
        Flag("late", "2025-03-07", "2025-04-18", "2025-04-22"),
        Flag("due", "2025-04-22", "2025-06-03", None),
    ]


def test_oracle_5_placed_with_a_parent_before_assessment() -> None:
    events = [
        ("looked_after_started", "2026-01-05", {"legal_status": "C2"}),
        ("placement_started", "2026-03-30", {"type": "P1"}),
        ("reg19_placement_started", "2026-03-30"),
        ("parent_placement_assessment_completed", "2026-04-14"),
    ]
    assert only("pwp_reg19_assessment", *events, as_of="2026-04-01").due == "2026-04-15"
    assert only("pwp_reg19_decision", *events, as_of="2026-04-20").due == "2026-04-28"
    assert status("visit_reg19", *events, as_of="2026-04-01") == [("due", "2026-04-06")]


def test_oracle_7_adoption_visits_and_reviews() -> None:
    events: list[tuple[Any, ...]] = [
        ("looked_after_started", "2024-10-07"),
        ("authority_to_place_obtained", "2025-01-31"),
        ("placed_for_adoption", "2025-05-30"),
        ("adoption_review_held", "2025-06-25"),
        ("adoption_review_held", "2025-09-24"),
    ]
    assert only("adoption_visit_first", *events[:3], as_of="2025-06-01").due == "2025-06-06"
    assert only("adoption_review_first", *events, as_of="2025-10-01").due == "2025-06-27"
    assert flags("adoption_review_second", *events, as_of="2025-10-01")[0].due == "2025-09-25"
    assert flags("adoption_review_later", *events, as_of="2025-10-01")[-1].due == "2026-03-24"
    assert flags("adoption_review_authority", *events[:2], as_of="2025-02-10")[0].due == "2025-04-30"
    assert not flags("visit_first_year", *events, visit("2025-06-02"), as_of="2025-10-01")
