"""The worked examples of the two catalogues of time limits, under their numbers, with the rules as they are shipped.

Each gives the last day on time, worked out by hand, and the wrong answers that a plausible slip would give.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from rrt_engine.calendar import as_date, day_number, emergency_order_noon_day
from tests.test_traps import book, flags

Event = tuple[Any, ...]


def due(rule: str, *events: Event, **local: str | int) -> list[str | None]:
    """The last days on time of every flag of a rule, long before any of them."""
    return [flag.due for flag in flags(rule, *events, as_of="2027-12-31", **local)]


# ---------------------------------------------------------------------------------------------- front door to court

FRONT_DOOR_TO_COURT: list[tuple[str, str, tuple[Event, ...], str, tuple[str, ...]]] = [
    ("1", "fd_referral_decision_1wd", (("referral_received", "2024-05-24T16:45"),), "2024-05-28", ("2024-05-27", "2024-05-25")),
    ("2", "as_single_45wd", (("referral_received", "2024-11-14"),), "2025-01-21", ("2025-01-20", "2025-01-16")),
    (
        "4",
        "cp_icpc_15wd",
        (
            ("strategy_discussion_held", "2025-04-08", {"s47_initiated": True, "ref": "R/S"}),
            ("strategy_discussion_held", "2025-04-16", {"s47_initiated": False, "ref": "R/S"}),
        ),
        "2025-05-01",
        ("2025-05-12", "2025-04-29", "2025-04-23"),
    ),
    ("6", "cp_core_group_first", (("icpc_held", "2025-12-18", {"outcome": "cp_plan"}),), "2026-01-06", ("2026-01-01",)),
    ("7, first", "cp_rcpc_first", (("icpc_held", "2024-11-29", {"outcome": "cp_plan"}),), "2025-02-28", ("2025-02-27", "2025-03-01")),
    ("8", "ht_rhi_completed_72h", (("missing_episode_ended", "2025-10-25T23:30"),), "2025-10-28T22:30+00:00", ("2025-10-28T23:30+00:00",)),
    (
        "10, proposed",
        "pf_reg4_visit_7wd",
        (("pf_notification_received", "2025-04-17", {"regulation": 3}),),
        "2025-04-30",
        ("2025-04-29", "2025-04-24"),
    ),
    ("10, under way", "pf_reg7_visit_7wd", (("pf_notification_received", "2025-04-17", {"regulation": 5}),), "2025-04-30", ("2025-04-29",)),
    ("12", "cc_26w", (("care_application_issued", "2025-01-13"),), "2025-07-13", ("2025-07-14",)),
    ("12, hearing", "cc_cmh", (("care_application_issued", "2025-01-13"),), "2025-02-05", ("2025-01-30",)),
    (
        "17",
        "pl_lpm_to_meeting_14d",
        (("legal_planning_meeting_held", "2025-12-11", {"decision": "pre_proceedings"}),),
        "2025-12-25",
        ("2026-01-05",),
    ),
    ("19", "ed_sc_advice_6w", (("ehc_advice_requested", "2025-07-14"),), "2025-08-25", ("2025-08-26",)),
    ("19, plan", "ed_ehc_final_20w", (("ehc_request_received", "2025-07-14"),), "2025-12-01", ()),
    (
        "23",
        "cc_ico",
        (("s37_direction_made", "2025-01-06"), ("interim_care_order_made", "2025-01-13", {"on_application": False})),
        "2025-03-09",
        ("2025-03-02", "2025-03-10"),
    ),
    ("24", "ed_new_pupil_5d", (("school_register_name_added", "2025-09-03", {"first_intake": False}),), "2025-09-08", ("2025-09-10",)),
]


@pytest.mark.parametrize(("number", "rule", "events", "last_day", "wrong"), FRONT_DOOR_TO_COURT, ids=[e[0] for e in FRONT_DOOR_TO_COURT])
def test_front_door_to_court(number: str, rule: str, events: tuple[Event, ...], last_day: str, wrong: tuple[str, ...]) -> None:
    assert last_day not in wrong
    assert due(rule, *events) == [last_day], number


def test_front_door_to_court_4_the_day_itself_and_the_day_after() -> None:
    held = ("strategy_discussion_held", "2025-04-08", {"s47_initiated": True})
    assert [f.status for f in flags("cp_icpc_15wd", held, ("icpc_held", "2025-05-01"))] == ["met"]
    assert [f.status for f in flags("cp_icpc_15wd", held, ("icpc_held", "2025-05-02"))] == ["late"]


def test_front_door_to_court_7_the_second_review_counts_from_the_first_as_held() -> None:
    events = (("cp_plan_started", "2024-11-29"), ("icpc_held", "2024-11-29", {"outcome": "cp_plan"}), ("rcpc_held", "2025-02-20"))
    assert due("cp_rcpc_next", *events) == ["2025-08-20"]


def test_front_door_to_court_12_the_hearing_is_not_before_day_12() -> None:
    issued = ("care_application_issued", "2025-01-13")
    assert [f.status for f in flags("cc_cmh", issued, ("cmh_held", "2025-01-27"))] == ["early"]
    assert [f.status for f in flags("cc_cmh", issued, ("cmh_held", "2025-01-28"))] == ["met"]


def test_front_door_to_court_14_the_earliest_day_for_an_attendance_order() -> None:
    served = ("s437_notice_served", "2025-09-01")
    assert [f.status for f in flags("ed_sao_notice_15d", served, ("school_attendance_order_served", "2025-09-15"))] == ["early"]
    assert [f.status for f in flags("ed_sao_notice_15d", served, ("school_attendance_order_served", "2025-09-16"))] == ["met"]


def test_front_door_to_court_15_a_year_back_to_the_same_date() -> None:
    first = ("referral_received", "2024-06-14", {"ref": "R1"})
    assert len(flags("fd_rereferral_12m", first, ("referral_received", "2025-06-14", {"ref": "R2"}))) == 1
    assert flags("fd_rereferral_12m", first, ("referral_received", "2025-06-15", {"ref": "R2"})) == []


def test_front_door_to_court_21_ten_working_days_over_easter() -> None:
    events = (("cp_plan_started", "2025-04-10"), ("cp_visit", "2025-04-10", {"child_seen": True}))
    assert due("cp_visit", *events, cp_visit_interval="10 working days")[-1] == "2025-04-28"


def test_front_door_to_court_22_noon_on_the_first_later_day_that_is_no_sunday_or_holiday() -> None:
    last = np.array([day_number(date(2025, 12, 25))], np.int32)
    assert as_date(int(emergency_order_noon_day(last, book().calendar)[0])) == date(2025, 12, 27)


# ---------------------------------------------------------------------------------------------- care to adulthood


def test_care_to_adulthood_1_a_christmas_start() -> None:
    came = ("looked_after_started", "2025-12-15", {"legal_status": "V2"})
    placed = ("placement_started", "2025-12-15", {"emergency": True, "type": "U6"})
    assert due("placement_plan", came, placed) == ["2025-12-22"]
    assert due("placement_notification", came, placed) == ["2025-12-22"]
    assert due("care_plan_first", came, placed) == ["2025-12-31"]
    assert due("lac_review_first", came, placed) == ["2026-01-15"]


def test_care_to_adulthood_3_ordinary_visits() -> None:
    came = ("looked_after_started", "2025-03-03", {"legal_status": "V2"})
    placed = ("placement_started", "2025-03-03", {"type": "U6"})
    seen = {"child_seen": True}
    visits = (("lac_visit", "2025-03-07", seen), ("lac_visit", "2025-04-22", seen))
    assert due("visit_initial", came, placed, *visits) == ["2025-03-10"]
    found = flags("visit_first_year", came, placed, *visits, as_of="2025-05-01")
    assert [(f.start, f.due, f.answer, f.status) for f in found] == [
        ("2025-03-07", "2025-04-18", "2025-04-22", "late"),
        ("2025-04-22", "2025-06-03", None, "due"),
    ]


def test_care_to_adulthood_5_with_a_parent_before_assessment() -> None:
    came = ("looked_after_started", "2026-03-30", {"legal_status": "C1"})
    placed = ("reg19_placement_started", "2026-03-30")
    done = ("parent_placement_assessment_completed", "2026-04-14")
    assert due("pwp_reg19_assessment", came, placed) == ["2026-04-15"]
    assert due("pwp_reg19_decision", came, placed, done) == ["2026-04-28"]


def test_care_to_adulthood_7_adoption_reviews() -> None:
    placed = ("placed_for_adoption", "2025-05-30")
    first, second = ("adoption_review_held", "2025-06-25"), ("adoption_review_held", "2025-09-24")
    assert due("adoption_visit_first", placed) == ["2025-06-06"]
    assert due("adoption_review_first", placed) == ["2025-06-27"]
    assert due("adoption_review_second", placed, first, second) == ["2025-09-25", "2026-03-24"]


def test_care_to_adulthood_9_visits_by_a_personal_adviser() -> None:
    flat = ("accommodation_started", "2026-01-09", {"la_provided": True})
    assert due("pa_visit_7d", flat) == ["2026-01-16"]
    seen = {"at_accommodation": True}
    assert due("pa_visit_pre_review", flat, ("pa_visit", "2026-01-16", seen)) == ["2026-02-06"]
    assert due("pa_visit_ongoing", flat, ("pa_visit", "2026-02-05", seen)) == ["2026-04-05"]
    early = ("accommodation_started", "2025-12-01", {"la_provided": True})
    assert due("pa_visit_ongoing", early, ("pa_visit", "2025-12-31", seen)) == ["2026-02-28"]


def test_care_to_adulthood_11_a_serious_incident() -> None:
    assert due("fd_sin_5wd", ("serious_incident_known", "2024-12-20")) == ["2024-12-31"]
    assert due("fd_rapid_review_15wd", ("panel_notified", "2024-12-31")) == ["2025-01-22"]
    assert due("lcspr", ("lcspr_initiated", "2025-08-31")) == ["2026-02-28"]


def test_care_to_adulthood_13_private_fostering() -> None:
    assert due("pf_reg7_visit_7wd", ("pf_notification_received", "2026-08-27", {"regulation": 5})) == ["2026-09-08"]
    assert due("pf_reg8_y1_first_6w", ("pf_notification_received", "2026-08-27", {"regulation": 5})) == ["2026-10-08"]
