"""The known traps in counting children's time limits, one test each, with the rules as they are shipped.

Where the duty belongs to work that the rule set does not hold (court, education, youth justice), the way of counting is
tested alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import numpy as np
import pytest

from rrt_engine.calendar import (
    NO_DAY,
    NO_INSTANT,
    UK,
    Duration,
    as_date,
    court_office_day,
    day_number,
    due_day,
    due_day_before,
    parse_moment,
)
from rrt_engine.model import REASONS, STATUSES, Coverage
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.timescales.evaluate import evaluate
from tests.shipped import BOOK


@cache
def book() -> RuleBook:
    return BOOK


@dataclass(frozen=True)
class Flag:
    """A flag in the words of the tests: dates as text, an hour clock's due time in UK time."""

    status: str
    start: str
    due: str | None
    answer: str | None
    reason: str = ""


def flags(rule: str, *events: tuple[Any, ...], as_of: str = "2027-06-30", born: str = "", **local: str | int) -> list[Flag]:
    """What one rule says of one child. An event is its kind, when it was, and what it records (`ref` is its ref)."""
    chosen = book().with_parameters(local).only(rule)
    assert chosen.rules, f"no rule `{rule}`"
    builder = LogBuilder(chosen.events)
    builder.child("child", parse_moment(born).day if born else NO_DAY)
    for kind, at, *rest in events:
        assert kind in chosen.events, f"no event `{kind}`"
        recorded = dict(rest[0]) if rest else {}
        ref = recorded.pop("ref", None)
        assert set(recorded) <= set(chosen.events[kind].attrs), f"`{kind}` does not record {set(recorded)}"
        builder.add("child", kind, parse_moment(at), ref=ref, attributes=recorded)
    log = builder.build(Coverage())
    found = evaluate(log, chosen, parse_moment(as_of)).flags
    result = []
    for i in range(len(found)):
        hours = found.due_at is not None and found.due_at[i] != NO_INSTANT
        due = "" if found.due[i] == NO_DAY else as_date(found.due[i]).isoformat()
        if hours:
            assert found.due_at is not None
            due = datetime.fromtimestamp(int(found.due_at[i]), UK).isoformat(timespec="minutes")
        answer = int(found.answer[i])
        result.append(
            Flag(
                STATUSES[found.status[i]],
                as_date(found.start[i]).isoformat(),
                due or None,
                as_date(log.day[answer]).isoformat() if answer >= 0 else None,
                REASONS[found.reason[i]],
            )
        )
    return sorted(result, key=lambda f: f.start)


def only(rule: str, *events: tuple[Any, ...], **given: Any) -> Flag:
    """The one flag of a rule."""
    (flag,) = flags(rule, *events, **given)
    return flag


def due(start: str, length: str, count_from: Any = "next_day") -> str:
    return as_date(
        due_day(np.array([day_number(date.fromisoformat(start))]), Duration.parse(length), book().calendar, count_from)[0]
    ).isoformat()


def authority(*rules: str) -> set[str]:
    """On what kind of instrument these rules rest."""
    found = {rule: book().named(rule) for rule in rules}
    assert all(found.values()), [rule for rule, editions in found.items() if not editions]
    return {r.spec.authority for editions in found.values() for r in editions}


S47 = {"s47_initiated": True}
ALL_SEEN = {"premises_seen": True, "carer_seen": True, "child_seen": True, "household_seen": True}


# ------------------------------------------------------------------------------------------------------------- traps


def test_trap_01_one_working_day_and_24_hours_are_two_clocks() -> None:
    events = [("referral_received", "2024-05-24T16:45"), ("referral_decision_recorded", "2024-05-28T17:30", {"outcome": "assess"})]
    one_day = only("fd_referral_decision_1wd", *events)
    hours = only("fd_referral_decision_24h", *events, referral_decision_kpi="24 hours")
    assert (one_day.status, one_day.due) == ("met", "2024-05-28")
    assert (hours.status, hours.due) == ("late", "2024-05-25T16:45+01:00")


def test_trap_02_an_assessment_is_timed_from_the_referral_and_by_the_census_from_its_start() -> None:
    events = [("referral_received", "2024-11-14"), ("assessment_started", "2024-11-18"), ("assessment_authorised", "2025-01-22")]
    assert only("as_single_45wd", *events) == Flag("late", "2024-11-14", "2025-01-21", "2025-01-22")
    assert only("as_single_45wd_census", *events) == Flag("met", "2024-11-18", "2025-01-23", "2025-01-22")


@pytest.mark.parametrize(("held", "status"), [("2025-05-01", "met"), ("2025-05-02", "late")])
def test_trap_03_a_conference_is_timed_from_the_discussion_that_began_the_enquiry_not_the_last(held: str, status: str) -> None:
    came = flags(
        "cp_icpc_15wd",
        ("strategy_discussion_held", "2025-04-08", S47),
        ("strategy_discussion_held", "2025-04-16", {"s47_initiated": False}),
        ("icpc_held", held),
    )
    assert came == [Flag(status, "2025-04-08", "2025-05-01", held)]


def test_trap_04_15_working_days_are_neither_15_nor_21_days_and_45_are_not_63() -> None:
    conference = only("cp_icpc_15wd", ("strategy_discussion_held", "2025-04-08", S47), as_of="2025-05-01").due
    assessment = only("as_single_45wd", ("referral_received", "2024-11-14"), as_of="2025-01-21").due
    assert conference == "2025-05-01" and conference not in (due("2025-04-08", "15 days"), due("2025-04-08", "21 days"))
    assert assessment == "2025-01-21" and assessment != due("2024-11-14", "63 days")


@pytest.mark.parametrize(
    ("received", "wanted"),
    [("2024-05-25", "2024-05-28"), ("2024-05-26", "2024-05-28"), ("2024-05-27", "2024-05-28"), ("2025-12-25", "2025-12-29")],
)
def test_trap_05_day_zero_is_never_moved(received: str, wanted: str) -> None:
    assert only("fd_referral_decision_1wd", ("referral_received", received)).due == wanted
    assert only("cp_icpc_15wd", ("strategy_discussion_held", "2025-04-05", S47)).due == due("2025-04-04", "15 working days")


def test_trap_06_the_time_of_day_does_not_change_a_limit_in_working_days() -> None:
    dues = {only("fd_referral_decision_1wd", ("referral_received", f"2026-03-06{at}")).due for at in ("", "T00:00", "T09:00", "T23:50")}
    assert dues == {"2026-03-09"}


@pytest.mark.parametrize(
    ("returned", "wanted"), [("2025-10-25T23:30", "2025-10-28T22:30+00:00"), ("2026-03-28T23:30", "2026-04-01T00:30+01:00")]
)
def test_trap_07_72_hours_pass_as_they_pass_when_the_clocks_change(returned: str, wanted: str) -> None:
    assert only("ht_rhi_offered_72h", ("missing_episode_ended", returned)).due == wanted


@pytest.mark.parametrize(
    ("received", "wanted"),
    [
        ("2026-04-02", "2026-04-07"),
        ("2025-12-24", "2025-12-29"),
        ("2026-12-24", "2026-12-29"),
        ("2022-09-16", "2022-09-20"),
        ("2020-05-07", "2020-05-11"),
    ],
)
def test_trap_08_good_friday_christmas_day_substitute_and_one_off_holidays_are_not_working_days(received: str, wanted: str) -> None:
    assert only("fd_referral_decision_1wd", ("referral_received", received)).due == wanted


@pytest.mark.parametrize(("received", "wanted"), [("2024-12-26", "2024-12-27"), ("2024-12-27", "2024-12-30"), ("2024-12-30", "2024-12-31")])
def test_trap_09_days_on_which_the_offices_close_are_working_days(received: str, wanted: str) -> None:
    assert only("fd_referral_decision_1wd", ("referral_received", received)).due == wanted


def test_trap_10_beginning_with_a_day_counts_that_day() -> None:
    assert due("2025-01-13", "26 weeks", "same_day") == "2025-07-13"
    assert only("as_s37_8w", ("s37_direction_made", "2025-01-06")).due == "2025-03-02"


def test_trap_11_court_days_12_and_18_are_business_days_with_the_day_of_issue_as_day_1() -> None:
    assert [due("2025-01-13", f"{n} working days", "same_day") for n in (12, 18)] == ["2025-01-28", "2025-02-05"]


def test_trap_12_a_limit_in_months_or_days_that_ends_on_a_closed_day_stays_there() -> None:
    assert only("cp_rcpc_first", ("icpc_held", "2025-11-29", {"outcome": "cp_plan"})).due == "2026-02-28"  # a Saturday
    assert due("2025-12-11", "14 days") == "2025-12-25"


def test_trap_13_months_end_with_the_month_and_are_not_90_or_183_days() -> None:
    icpc, first = ("icpc_held", "2024-11-29", {"outcome": "cp_plan"}), ("rcpc_held", "2025-02-20", {"outcome": "continue"})
    assert only("cp_rcpc_first", icpc).due == "2025-02-28"
    assert only("cp_rcpc_next", icpc, first).due == "2025-08-20"


def test_trap_14_an_interval_that_straddles_the_first_year_follows_the_reading_that_is_set() -> None:
    events = [("pf_notification_received", "2025-03-01", {"regulation": "aware"}), ("pf_visit", "2026-02-20", {"child_seen": True})]

    def reading(lead: str) -> list[tuple[str, str | None]]:
        names = ("pf_reg8_y1_6w", "pf_reg8_y2_12w")
        return [(n, f.due) for n in names for f in flags(n, *events, as_of="2026-03-01", pf_reg8_straddle_lead=lead)]

    assert reading("6 weeks") == [("pf_reg8_y2_12w", "2026-05-15")]  # as the regulation is written
    assert reading("0 days") == [("pf_reg8_y1_6w", "2026-04-03")]  # the cautious reading


def test_trap_15_the_first_year_of_private_fostering_begins_when_the_authority_is_aware() -> None:
    moved_in = ("pf_arrangement_started", "2025-01-10")
    aware = ("pf_notification_received", "2025-06-02", {"regulation": "aware"})
    assert only("pf_reg8_y1_first_6w", moved_in, aware).due == "2025-07-14"
    # A visit more than a year after the child moved in and within a year of awareness starts a six-week interval.
    visit = ("pf_visit", "2026-02-02", {"child_seen": True})
    assert [f.due for f in flags("pf_reg8_y1_6w", moved_in, aware, visit)] == ["2026-03-16"]
    assert flags("pf_reg8_y2_12w", moved_in, aware, visit) == []


def test_trap_16_each_notice_of_private_fostering_starts_its_own_visit_and_a_partial_visit_stops_nothing() -> None:
    def started(regulation: int | str) -> list[str]:
        rules = ("pf_reg4_visit_7wd", "pf_reg7_visit_7wd")
        return [r for r in rules if flags(r, ("pf_notification_received", "2025-04-17", {"regulation": regulation}))]

    assert [started(r) for r in (3, 5, 6, "aware")] == [["pf_reg4_visit_7wd"], ["pf_reg7_visit_7wd"], ["pf_reg7_visit_7wd"], []]
    proposed = ("pf_notification_received", "2025-04-17", {"regulation": 3})
    arrived = ("pf_notification_received", "2025-06-02", {"regulation": 6})
    visit = ("pf_initial_visit", "2025-04-25", ALL_SEEN)
    assert only("pf_reg4_visit_7wd", proposed, visit, arrived).status == "met"
    assert only("pf_reg7_visit_7wd", proposed, visit, arrived).status == "overdue"
    partial = ("pf_initial_visit", "2025-04-25", ALL_SEEN | {"household_seen": False})
    assert only("pf_reg4_visit_7wd", proposed, partial).status == "overdue"


@pytest.mark.parametrize(("visited", "status"), [("2025-04-30", "met"), ("2025-05-01", "late")])
def test_trap_17_seven_working_days_are_not_seven_days(visited: str, status: str) -> None:
    came = only("pf_reg7_visit_7wd", ("pf_notification_received", "2025-04-17", {"regulation": 5}), ("pf_initial_visit", visited, ALL_SEEN))
    assert came == Flag(status, "2025-04-17", "2025-04-30", visited)


def test_trap_18_each_interval_runs_from_the_visit_as_made_and_a_long_gap_is_late_once() -> None:
    seen = {"child_seen": True}
    visits = [("cp_visit", "2025-01-13", seen), ("cp_visit", "2025-04-23", seen)]
    came = flags("cp_visit", ("cp_plan_started", "2025-01-02"), *visits, as_of="2025-04-30", cp_visit_interval="10 working days")
    assert [(f.status, f.start, f.due) for f in came] == [
        ("met", "2025-01-02", "2025-01-16"),
        ("late", "2025-01-13", "2025-01-27"),  # 100 days: one interval late, not nine visits missed
        ("due", "2025-04-23", "2025-05-08"),
    ]


def test_trap_19_only_what_the_duty_asks_for_answers_it() -> None:
    plan, local = ("cp_plan_started", "2025-04-10"), {"cp_visit_interval": "10 working days", "as_of": "2025-05-20"}
    assert only("cp_visit", plan, ("cp_visit", "2025-04-20", {"child_seen": False}), **local).status == "overdue"
    assert only("cp_visit", plan, ("cp_visit", "2025-04-20"), **local).reason == "answer_attribute"
    assert flags("cp_visit", plan, ("cp_visit", "2025-04-20", {"child_seen": True}), **local)[0].status == "met"
    back, offered = ("missing_episode_ended", "2026-03-02T12:00"), ("rhi_offered", "2026-03-03T12:00")
    assert only("ht_rhi_offered_72h", back, offered).status == "met"
    assert only("ht_rhi_completed_72h", back, offered).status == "overdue"
    assert only("ht_rhi_completed_72h", back, ("rhi_declined", "2026-03-03T12:00")).status == "ended"
    review_point = ("assessment_review_point", "2025-01-10")
    assert only("as_single_45wd", ("referral_received", "2024-11-14"), review_point, as_of="2025-01-22").status == "overdue"


def test_trap_20_an_answer_dated_before_the_duty_began_is_an_impossible_date_and_no_negative_time() -> None:
    ref = {"ref": "R1/S1"}
    came = only("cp_icpc_15wd", ("icpc_held", "2025-04-01", ref), ("strategy_discussion_held", "2025-04-08", S47 | ref))
    assert (came.status, came.reason, came.due) == ("cannot_tell", "impossible", "2025-05-01")


def test_trap_21_begun_and_done_on_one_day_is_in_time() -> None:
    for at in ("", "T09:00"):
        came = only("cp_icpc_15wd", ("strategy_discussion_held", f"2025-04-08{at}", S47), ("icpc_held", "2025-04-08"))
        assert (came.status, came.answer) == ("met", "2025-04-08")


def test_trap_22_brothers_and_sisters_have_their_own_clocks() -> None:
    chosen = book().only("cp_icpc_15wd")
    builder = LogBuilder(chosen.events)
    for child, held in (("older", "2025-05-01"), ("younger", None)):
        builder.add(child, "strategy_discussion_held", parse_moment("2025-04-08"), ref="R1/S1", attributes=S47)
        if held:
            builder.add(child, "icpc_held", parse_moment(held), ref="R1/S1")
    found = evaluate(builder.build(), chosen, parse_moment("2025-05-02")).flags
    assert [STATUSES[s] for s in found.status] == ["met", "overdue"]


def test_trap_23_a_duty_that_stops_before_its_limit_has_ended_and_after_it_is_overdue() -> None:
    discussion = ("strategy_discussion_held", "2025-04-08", S47)
    assert only("cp_icpc_15wd", discussion, ("case_closed", "2025-05-01")).status == "ended"
    assert only("cp_icpc_15wd", discussion, ("case_closed", "2025-05-02")).status == "overdue"
    assert only("cp_icpc_15wd", discussion, ("child_died", "2025-04-20")).status == "ended"
    assert only("cp_icpc_15wd", discussion, born="2007-04-20").status == "ended"
    assert only("cp_icpc_15wd", discussion, born="2007-05-02").status == "overdue"

    def at_sixteen(recorded: dict[str, Any]) -> str:
        notice = ("pf_notification_received", "2025-04-17", {"regulation": 5} | recorded)
        return only("pf_reg7_visit_7wd", notice, born="2009-04-25").status

    assert [at_sixteen({}), at_sixteen({"disabled": True})] == ["ended", "overdue"]


def test_trap_24_a_child_protection_plan_ends_the_clocks_of_a_child_in_need_plan() -> None:
    events = [("cin_plan_started", "2025-01-06"), ("cp_plan_started", "2025-01-20")]
    assert only("as_cin_visit", *events, cin_visit_interval="6 weeks").status == "ended"


def test_trap_25_a_second_plan_ever_and_within_two_years_are_two_measures() -> None:
    def plans(ended: str) -> list[bool]:
        events = [("cp_plan_started", "2020-01-06"), ("cp_plan_ended", ended), ("cp_plan_started", "2025-01-20")]
        return [bool(flags(rule, *events)) for rule in ("cp_second_plan", "cp_second_plan_2y")]

    assert [plans("2021-01-06"), plans("2023-01-20"), plans("2023-01-19")] == [[True, False], [True, True], [True, False]]


@pytest.mark.parametrize(("again", "flagged"), [("2025-06-14", True), ("2025-06-15", False)])
def test_trap_26_a_re_referral_is_counted_from_the_referral_up_to_the_same_date_a_year_on(again: str, flagged: bool) -> None:
    events = [("referral_received", "2024-06-14"), ("case_closed", "2024-09-01"), ("referral_received", again)]
    assert bool(flags("fd_rereferral_12m", *events)) is flagged


def test_trap_27_the_edition_in_force_when_the_clock_started_governs() -> None:
    def earliest(decided: str) -> str:
        found = ("nrm_reasonable_grounds_decided", decided, {"positive": True})
        conclusive = as_date(parse_moment(decided).day + 35).isoformat()
        return only("ht_nrm_cg", found, ("nrm_conclusive_grounds_decided", conclusive)).status

    assert [earliest("2023-01-29"), earliest("2023-01-30")] == ["early", "met"]

    def visit_due(received: str) -> str | None:
        return only("pf_reg4_visit_7wd", ("pf_notification_received", received, {"regulation": 3})).due

    dues = [visit_due(day) for day in ("2020-04-23", "2020-04-24", "2020-09-25", "2020-09-26")]
    assert dues == [due("2020-04-23", "7 working days"), None, None, due("2020-09-26", "7 working days")]


def test_trap_28_a_conclusive_decision_has_no_45_day_limit() -> None:
    grounds = ("nrm_reasonable_grounds_decided", "2024-01-08", {"positive": True})
    assert only("ht_nrm_cg", grounds, as_of="2026-01-08") == Flag("due", "2024-01-08", None, None)


def test_trap_29_local_numbers_are_not_law() -> None:
    local = authority("cp_visit", "cp_core_group_repeat", "as_cin_review", "as_cin_visit", "cp_s47_complete", "pf_assessment_local")
    assert local <= {"local", "kpi"}


def test_trap_30_a_working_day_leaves_out_saturday_sunday_christmas_day_good_friday_and_bank_holidays() -> None:
    week = [as_date(day_number(date(2026, 3, 30)) + n) for n in range(9)]
    working = [d.isoformat() for d in week if book().calendar.is_working(np.array([day_number(d)]))[0]]
    assert working == ["2026-03-30", "2026-03-31", "2026-04-01", "2026-04-02", "2026-04-07"]


def test_trap_31_school_days_are_not_working_days_and_are_not_a_unit() -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        Duration.parse("10 school days")


def test_trap_32_an_emergency_order_runs_to_the_date_written_in_it_and_no_longer_than_the_law_allows() -> None:
    def order(**recorded: str) -> Flag:
        return only("cp_epo", ("epo_made", "2025-12-17", recorded), as_of="2025-12-18")

    assert order(expires="2025-12-22").due == "2025-12-22"
    assert order(expires="2025-12-27").reason == ""  # Christmas Day, then a bank holiday: Saturday noon may be written
    assert order(expires="2025-12-28").reason == "over_the_limit"
    assert order().due == "2025-12-25"


def test_trap_33_a_limit_counted_back_moves_with_the_event_it_is_counted_from() -> None:
    ref = {"ref": "R1/S1"}
    first = ("icpc_scheduled", "2025-04-08", {"date": "2025-04-24"} | ref)
    moved = ("icpc_scheduled", "2025-04-14", {"date": "2025-05-01"} | ref)
    came = only("cp_icpc_report_shared", first, moved, as_of="2025-04-16", cp_icpc_report_before="2 working days")
    assert (came.start, came.due) == ("2025-04-14", "2025-04-29")
    assert only("cp_icpc_report_shared", first, as_of="2025-04-16", cp_icpc_report_before="2 working days").due == "2025-04-22"
    assert only("pf_reg3_notice_6w", ("pf_arrangement_proposed", "2025-04-08", {"starts": "2025-07-01"})).due == "2025-05-20"


def test_trap_34_mash_clocks_count_service_hours_and_red_counts_every_hour() -> None:
    def rated(colour: str) -> str | None:
        local = {"mash_red": "2 hours", "mash_amber": "6 service hours", "service_hours": "09:00 to 17:00"}
        return only(f"fd_mash_rag_{colour}", ("mash_rag_set", "2026-04-02T16:30", {"rag": colour}), **local).due

    assert [rated("red"), rated("amber")] == ["2026-04-02T18:30+01:00", "2026-04-07T14:30+01:00"]


@pytest.mark.parametrize(("clear_days", "wanted"), [("5", "2025-04-23"), ("6", "2025-04-22"), ("7", "2025-04-17"), ("8", "2025-04-22")])
def test_trap_35_in_family_cases_clear_days_up_to_seven_are_business_days(clear_days: str, wanted: str) -> None:
    hearing = np.array([day_number(date(2025, 5, 1))])
    came = due_day_before(hearing, Duration.parse(f"{clear_days} clear days"), book().calendar)
    assert as_date(came[0]).isoformat() == wanted
    assert as_date(court_office_day(np.array([day_number(date(2025, 4, 18))]), book().calendar)[0]) == date(2025, 4, 22)


def test_trap_36_the_seven_days_of_a_child_assessment_order_begin_with_the_assessment() -> None:
    made = ("child_assessment_order_made", "2025-04-01", {"begins": "2025-04-10"})
    assert only("cp_child_assessment_order", made).due == "2025-04-16"


def test_trap_37_eight_weeks_of_an_interim_order_begin_with_its_own_date() -> None:
    assert due("2025-01-13", "8 weeks", "same_day") == "2025-03-09"
    assert due("2025-01-06", "8 weeks", "same_day") == "2025-03-02"  # from the direction: the wrong start


def test_trap_38_a_panel_is_timed_from_the_order_and_the_order_from_the_signature() -> None:
    assert due("2025-04-10", "20 working days") == "2025-05-13"
    assert due("2025-05-06", "3 months", "same_day") == "2025-08-05"


def test_trap_39_private_fostering_clocks_come_from_the_regulations() -> None:
    assert authority("pf_reg3_notice_6w", "pf_reg6_48h", "pf_reg9_48h", "pf_reg10_48h", "pf_reg4_visit_7wd", "pf_reg7_visit_7wd") == {
        "duty"
    }
    for rule, started in (("pf_reg9_48h", "pf_change_occurred"), ("pf_reg10_48h", "pf_arrangement_ended")):
        assert only(rule, (started, "2025-04-17T12:00")).due == "2025-04-19T12:00+01:00"


def test_trap_40_seven_days_beginning_with_a_decision_and_seven_clear_days_differ() -> None:
    assert due("2025-04-14", "7 days", "same_day") == "2025-04-20"
    assert due("2025-04-14", "7 clear days") == "2025-04-25"


def test_trap_41_an_extension_granted_late_runs_from_the_grant() -> None:
    assert due("2025-08-04", "8 weeks") == "2025-09-29"


def test_trap_42_six_weeks_for_advice_run_from_receipt_and_may_end_on_a_bank_holiday() -> None:
    assert due("2025-07-14", "6 weeks") == "2025-08-25"


def test_trap_43_a_new_pupil_return_counts_plain_days() -> None:
    assert due("2025-09-03", "5 days") == "2025-09-08"
    assert due("2025-09-03", "5 days") != due("2025-09-03", "5 working days")


def test_trap_44_a_pause_of_up_to_27_days_owes_no_notice_of_an_end() -> None:
    pause = ("pf_arrangement_paused", "2025-07-21")
    assert flags("pf_reg10_48h", pause, as_of="2025-08-17") == []
    resumed = ("pf_arrangement_started", "2025-08-17")
    assert only("pf_reg10_pause_27d", pause, resumed) == Flag("met", "2025-07-21", "2025-08-17", "2025-08-17")
    assert only("pf_reg10_pause_27d", pause, as_of="2025-08-18").status == "overdue"


def test_trap_45_five_days_to_notify_a_serious_incident_are_guidance_not_the_act() -> None:
    assert authority("fd_sin_5wd", "fd_rapid_review_15wd") == {"practice"}


def test_the_latest_review_known_is_not_taken_for_the_first() -> None:
    def found(rule: str, latest_only: bool) -> list[str]:
        chosen = book().only(rule)
        builder = LogBuilder(chosen.events)
        builder.add("child", "looked_after_started", parse_moment("2021-03-02"))
        builder.add("child", "lac_review_held", parse_moment("2026-06-03"), latest_only=latest_only)
        log = builder.build(Coverage(latest=frozenset({"lac_review_held"} if latest_only else ())))
        result = evaluate(log, chosen, parse_moment("2026-10-01")).flags
        return [as_date(int(day)).isoformat() for day in result.due]

    assert found("lac_review_second", latest_only=True) == []
    assert found("lac_review_subsequent", latest_only=True) == ["2026-12-03"]
    assert found("lac_review_second", latest_only=False) == ["2026-09-03"]
