"""The Standard Safeguarding Dataset: tables as files and in real databases, what they carry, what they cannot, and odd rows."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from rrt_engine.calendar import NO_DAY, NO_INSTANT, as_date, day_number, parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.model import STATUSES
from rrt_engine.sources.detect import read_source, sources_in
from rrt_engine.sources.reading import Reading
from rrt_engine.sources.ssd import looks_like_ssd, read_ssd
from rrt_engine.sources.ssd_database import read_ssd_database
from rrt_engine.sources.ssd_tables import TABLES, table_named
from rrt_engine.timescales.evaluate import evaluate
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data" / "ssd"
AUTHORITY = DATA / "authority"
AS_OF = parse_moment("2026-04-15")


def rows(reading: Reading, *kinds: str, child: str = "") -> list[dict[str, Any]]:
    log = reading.log
    found = []
    for i in range(len(log)):
        row = {
            "child": str(log.children[log.child[i]]),
            "event": log.kinds[log.kind[i]],
            "at": as_date(int(log.day[i])).isoformat(),
            "ref": log.refs[log.ref[i]] if log.ref is not None and log.ref[i] >= 0 else None,
            **{name: log.value(name, i) for name in log.attributes if log.value(name, i) is not None},
        }
        if log.suspect is not None and log.suspect[i]:
            row["suspect"] = True
        if (not kinds or row["event"] in kinds) and (not child or row["child"] == child):
            found.append(row)
    return found


def flags(reading: Reading, book: Any = BOOK) -> list[tuple[Any, ...]]:
    """Every flag, without row numbers: these are not the same in a file and a database."""
    log, found = reading.log, evaluate(reading.log, book, AS_OF).flags
    return [
        (
            book.rules[found.rule[i]].id,
            str(log.children[log.child[found.trigger[i]]]),
            int(found.rung[i]),
            int(found.start[i]),
            int(found.due[i]),
            STATUSES[found.status[i]],
            int(found.reason[i]),
            int(log.day[found.answer[i]]) if found.answer[i] >= 0 else None,
        )
        for i in range(len(found))
    ]


def statuses(reading: Reading, rule: str, child: str) -> list[str]:
    return [f[5] for f in flags(reading, BOOK.only(rule)) if f[1] == child]


def said(reading: Reading, code: str) -> list[str]:
    return [d.message for d in reading.diagnostics if d.code == code]


def content(reading: Reading) -> tuple[Any, ...]:
    """Everything a log holds but where each row stood."""
    log = reading.log
    return (
        log.children.tolist(),
        log.kinds,
        log.refs,
        [np.asarray(getattr(log, n)).tolist() for n in ("child", "kind", "day") if getattr(log, n) is not None],
        [None if c is None else c.tolist() for c in (log.instant, log.span, log.ref, log.latest_only, log.suspect, log.born, log.expected)],
        {name: [log.value(name, i) for i in range(len(log))] for name in log.attributes},
        sorted(log.coverage.kinds or ()),
        dict(log.coverage.since),
        sorted(log.coverage.latest),
    )


@pytest.fixture(scope="module")
def authority() -> Reading:
    return read_ssd(AUTHORITY, BOOK)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write tables given as {name: [row, ...]}, each row a dictionary, and read them."""

    def writing(tables: dict[str, list[dict[str, Any]]], folder: str = "ssd") -> Reading:
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        for name, records in tables.items():
            names = list(dict.fromkeys(key for record in records for key in record)) or list(
                next(t for t in TABLES if name == f"ssd_{t.name}").fields
            )
            with (path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(records)
        return read_ssd(path, BOOK)

    return writing


# ---------------------------------------------------------------------------------------------------- the mapping


def test_every_field_that_is_read_is_in_the_specification() -> None:
    with (DATA / "specification" / "fields.csv").open(encoding="utf-8") as file:
        known: dict[str, set[str]] = {}
        for row in csv.DictReader(file):
            known.setdefault(row["table"].removeprefix("ssd_"), set()).add(row["field"])
    local = {"clar_person_id", "clar_cla_person_id", "cinv_cin_plan_id"}  # fields that builds add
    for table in TABLES:
        assert set(table.fields) - known[table.name] <= local, table.name


def test_the_mapping_names_only_events_and_attributes_of_the_vocabulary() -> None:
    for table in TABLES:
        for makes in table.makes:
            event = BOOK.events[makes.kind]
            assert {a.name for a in makes.attributes} <= {*event.attrs, "team", "worker"}, makes.kind
            assert not makes.ref or len(makes.ref) == len(event.ref), makes.kind
            assert makes.at.startswith(".") or makes.at in (table.main, *table.dates), makes.at
            assert makes.at.startswith(".") or makes.at in table.fields
            for attribute in makes.attributes:
                assert attribute.field.startswith(".") or attribute.field in table.texts, attribute.field


def test_names_addresses_and_ethnicity_are_never_asked_for() -> None:
    asked = {field for table in TABLES for field in table.fields}
    assert not [
        f
        for f in asked
        if any(w in f.replace("named_plan", "") for w in ("name", "ethnic", "postcode", "address", "nationality", "common_child_id", "upn"))
    ]


@pytest.mark.parametrize("name", ["ssd_contacts", "SSD_CONTACTS", "Contacts", "contact", "ssd_s47_enquiries", "ssd_cla_placements"])
def test_a_table_is_told_by_name_in_any_case_with_or_without_the_prefix(name: str) -> None:
    assert table_named(name) is not None


# ---------------------------------------------------------------------------------------------------- the authority


def test_every_record_is_used_or_rejected_with_its_reason(authority: Reading) -> None:
    assert authority.format == "SSD"
    assert (authority.records_read, authority.records_used) == (386, 381)
    assert Counter((r.origin, r.row) for r in authority.rejected) == Counter(
        [
            ("SSD_Contacts.csv", 9),
            ("SSD_Contacts.csv", 10),
            ("SSD_Contacts.csv", 11),
            ("ssd_cla_reviews.csv", 21),
            ("ssd_ehcp_requests.csv", 4),
        ]
    )
    assert "`31/02/2026` is not a date" in next(r.why for r in authority.rejected if r.row == 10)
    assert len(authority.log.children) == 22  # P1099 is a mother, of whom no other table holds anything


def test_the_front_door(authority: Reading) -> None:
    assert rows(authority, child="P1003") == [
        {"child": "P1003", "event": "contact_received", "at": "2025-10-14", "ref": "C004", "source_agency": "individual"},
        {"child": "P1003", "event": "contact_outcome_recorded", "at": "2025-10-14", "ref": "C004", "outcome": "nfa"},
        {"child": "P1003", "event": "contact_received", "at": "2025-11-03", "ref": "C005", "source_agency": "individual"},
        {
            "child": "P1003",
            "event": "referral_received",
            "at": "2025-11-03",
            "ref": "R503",
            "source_agency": "individual",
            "nfa": True,
            "team": "T02",
            "worker": "W12",
        },
        {"child": "P1003", "event": "case_closed", "at": "2025-11-04", "ref": "R503", "reason": "RC8"},
        {"child": "P1003", "event": "early_help_started", "at": "2025-11-12", "ref": None},
    ]
    log = authority.log
    i = next(i for i in range(len(log)) if log.kinds[log.kind[i]] == "contact_received" and log.refs[log.ref[i]] == "C004")
    assert log.instant is not None and log.instant[i] == parse_moment("2025-10-14T16:45").instant
    j = next(i for i in range(len(log)) if log.kinds[log.kind[i]] == "contact_received" and log.refs[log.ref[i]] == "C007")
    assert log.instant[j] == NO_INSTANT, "midnight is a date without a time"
    assert [r["source_agency"] for r in rows(authority, "contact_received", child="P1004")] == ["health"], (
        "the description where no code is"
    )
    assert statuses(authority, "as_single_45wd", "P1003") == []
    assert statuses(authority, "as_single_45wd", "P1004") == ["overdue"]
    assert [statuses(authority, "as_single_45wd", c) for c in ("P1001", "P1002")] == [["met"], ["late"]]  # 3 and 4 November
    assert [r["disabled"] for r in rows(authority, "referral_received") if "disabled" in r] == [False, True]
    assert [r["child"] for r in rows(authority, "disabled_child_referred")] == ["P1005"]


def test_nobody_judges_how_soon_a_contact_was_decided(authority: Reading) -> None:
    kinds = authority.log.coverage.kinds
    assert kinds is not None and "contact_received" in kinds
    refused = {n.rule for n in evaluate(authority.log, BOOK, AS_OF).not_evaluable}
    assert {"fd_contact_screen", "fd_referral_decision_1wd", "fd_referral_decision_24h", "cp_s47_start", "ht_rhi_completed_72h"} <= refused
    assert not {"as_single_45wd", "cp_icpc_15wd", "cp_visit", "lac_review_first", "iha", "cp_rcpc_next"} & refused


def test_an_enquiry_its_conference_and_its_plan(authority: Reading) -> None:
    [held] = rows(authority, "icpc_held", child="P1001")
    assert (held["at"], held["ref"], held["outcome"], held["transfer_in"], held["unborn"]) == (
        "2025-10-06",
        "R501/S801",
        "cp_plan",
        False,
        False,
    )
    [discussed] = rows(authority, "strategy_discussion_held", child="P1001")
    assert (discussed["at"], discussed["ref"], discussed["s47_initiated"]) == ("2025-09-15", "R501/S801", True)
    [outcome] = rows(authority, "s47_outcome_recorded", child="P1001")
    assert (outcome["at"], outcome["icpc_required"]) == ("2025-09-25", True)
    assert statuses(authority, "cp_icpc_15wd", "P1001") == ["met"]  # on the fifteenth working day
    assert statuses(authority, "cp_icpc_15wd", "P1002") == ["late"]  # on the sixteenth
    assert statuses(authority, "cp_icpc_15wd", "P1006") == ["overdue"]  # over Easter: due 14 April
    assert statuses(authority, "cp_icpc_15wd", "P1007") == ["cannot_tell"]  # ended, and nothing says whether one was needed
    assert statuses(authority, "cp_icpc_15wd", "P1008") == ["ended"]  # no further action
    assert sorted(statuses(authority, "cp_icpc_15wd", "P1019")) == ["ended", "met"]  # on a plan already when the second began
    assert said(authority, "conference_unsaid") and "row 6" in said(authority, "conference_unsaid")[0]
    assert said(authority, "already_on_plan")[0].startswith("1 enquiry")
    assert [r["category"] for r in rows(authority, "cp_plan_started", child="P1002")] == ["multiple"]


def test_a_plan_rests_on_a_conference_and_another_authority_keeps_its_own(authority: Reading) -> None:
    placed = [r for r in rows(authority, "icpc_held", child="P1020") if r["ref"] == "PCP320"]
    assert [(r["at"], r["outcome"]) for r in placed] == [("2025-09-22", "cp_plan")]
    assert "row 9" in said(authority, "no_conference")[0]
    assert not rows(authority, "cp_plan_started", "rcpc_held", child="P1017") and said(authority, "other_authority")
    assert statuses(authority, "cp_transfer_in_15wd", "P1016") == ["late"]  # 16 working days after the referral of 17 November
    assert [r["ref"] for r in rows(authority, "icpc_held", child="P1016")] == ["R516/TI916"]


def conference(at: str, child: str = "C1", **more: str) -> dict[str, str]:
    return {"icpc_icpc_id": f"I{at}", "icpc_person_id": child, "icpc_icpc_date": at, **more}


def plan(start: str, **more: str) -> dict[str, str]:
    return {"cppl_cp_plan_id": f"P{start}", "cppl_person_id": "C1", "cppl_cp_plan_start_date": start, **more}


def enquiry(start: str, end: str = "", **more: str) -> dict[str, str]:
    return {"s47e_s47_enquiry_id": f"S{start}", "s47e_person_id": "C1", "s47e_s47_start_date": start, "s47e_s47_end_date": end, **more}


def test_a_conference_within_ten_days_is_that_of_the_plan(write: Any) -> None:
    for held, placed in (("2025-05-01", False), ("2025-05-02", True), ("2025-04-22", False), ("2025-04-21", True)):
        reading = write(
            {"ssd_initial_cp_conference": [conference(held)], "ssd_cp_plans": [plan("2025-05-01" if held >= "2025-05" else "2025-05-02")]}
        )
        assert bool(said(reading, "no_conference")) == placed, held
    reading = write({"ssd_initial_cp_conference": [conference("2025-05-01", "C2")], "ssd_cp_plans": [plan("2025-05-01")]})
    assert said(reading, "no_conference"), "another child's conference"


def test_which_enquiries_needed_a_conference(write: Any) -> None:
    def judged(enquiry: dict[str, str], **tables: Any) -> list[Any]:
        reading = write({"ssd_s47_enquiry": [enquiry, {**enquiry, "s47e_person_id": "C9"}], **tables})
        [found] = rows(reading, "strategy_discussion_held", child="C1")
        ended = rows(reading, "s47_outcome_recorded", child="C1")
        return [found.get("s47_initiated"), *(r.get("icpc_required") for r in ended)]

    silent = enquiry("2025-05-06", "2025-05-16")
    none = {"ssd_initial_cp_conference": [], "ssd_cp_plans": []}
    assert judged(silent, **none) == [None, None]
    assert judged(enquiry("2025-05-06"), **none) == [True]
    assert judged({**silent, "s47e_s47_nfa": "Y"}, **none) == [True, False]
    assert judged({**silent, "s47e_s47_outcome_json": '{"CP_CONFERENCE_FLAG":"N"}'}, **none) == [True, False]
    assert judged({**silent, "s47e_s47_nfa": "Y", "s47e_s47_outcome_json": '{"CP_CONFERENCE_FLAG":"Y"}'}, **none) == [True, True]
    linked = conference("2025-06-01", icpc_s47_enquiry_id="S2025-05-06")
    assert judged({**silent, "s47e_s47_nfa": "Y"}, ssd_initial_cp_conference=[linked]) == [True, True]
    assert judged(silent, ssd_initial_cp_conference=[{**linked, "icpc_person_id": "C9"}]) == [None, None], (
        "a sibling's conference is not this child's"
    )
    assert judged(silent, ssd_initial_cp_conference=[conference("2025-05-06")]) == [True, None], (
        "one without a link, on the first of sixty days"
    )
    assert judged(silent, ssd_initial_cp_conference=[conference("2025-07-05")]) == [True, None], "and on the last"
    assert judged(silent, ssd_initial_cp_conference=[conference("2025-07-06")]) == [None, None]
    on_plan = {"ssd_initial_cp_conference": [], "ssd_cp_plans": [plan("2025-05-05", cppl_cp_plan_end_date="2025-05-06")]}
    assert judged(silent, **on_plan) == [True, False]
    assert judged(enquiry("2025-05-06"), **on_plan) == [None], "whether a child on a plan needs a conference is not known while it runs"
    for start, end in (("2025-05-06", ""), ("2025-05-01", "2025-05-05")):
        assert judged(silent, ssd_initial_cp_conference=[], ssd_cp_plans=[plan(start, cppl_cp_plan_end_date=end)]) == [None, None], start


def test_whether_a_child_was_born_on_the_day(write: Any) -> None:
    def unborn(**dates: str) -> Any:
        person = {"pers_person_id": "C1", "pers_dob": "", "pers_expected_dob": "", **dates}
        reading = write({"ssd_person": [person], "ssd_s47_enquiry": [enquiry("2025-05-06")]})
        return rows(reading, "s47_started")[0].get("unborn"), [r["at"] for r in rows(reading, "birth")]

    assert unborn(pers_dob="2025-05-06") == (False, [])
    assert unborn(pers_dob="2025-05-07") == (True, ["2025-05-07"])
    assert unborn(pers_expected_dob="2025-05-06") == (True, [])
    assert unborn(pers_expected_dob="2025-05-05") == (None, []), "overdue, or born and not recorded"
    assert unborn() == (None, [])


def test_dates_that_contradict_each_other(write: Any) -> None:
    referral = {**REFERRAL, "cine_close_date": "2025-04-07"}

    def suspect(**tables: Any) -> list[str]:
        return [r["event"] for r in rows(write({"ssd_cin_episodes": [referral], **tables})) if r.get("suspect")]

    assert suspect() == [], "closed on the day it came"
    link = {"s47e_referral_id": "R1"}
    assert suspect(ssd_s47_enquiry=[enquiry("2025-04-07", "2025-04-07", **link)]) == []
    assert suspect(ssd_s47_enquiry=[enquiry("2025-04-06", "2025-04-07", **link)]) == [
        "strategy_discussion_held",
        "s47_started",
        "s47_outcome_recorded",
    ]
    own = {"icpc_s47_enquiry_id": "S2025-04-07"}
    tables = {"ssd_s47_enquiry": [enquiry("2025-04-07", **link)]}
    assert suspect(**tables, ssd_initial_cp_conference=[conference("2025-04-07", **own)]) == []
    assert suspect(**tables, ssd_initial_cp_conference=[conference("2025-04-06", **own)]) == ["icpc_held"]
    review = {"cppr_cp_review_id": "V1", "cppr_person_id": "C1", "cppr_cp_plan_id": "P2025-05-01"}
    tables = {"ssd_cp_plans": [plan("2025-05-01")], "ssd_initial_cp_conference": [], "ssd_s47_enquiry": []}
    assert suspect(**tables, ssd_cp_reviews=[{**review, "cppr_cp_review_date": "2025-05-02"}]) == []
    assert suspect(**tables, ssd_cp_reviews=[{**review, "cppr_cp_review_date": "2025-05-01"}]) == ["rcpc_held"]


def test_review_conferences_and_visits(authority: Reading) -> None:
    [review] = rows(authority, "rcpc_held", child="P1001")
    assert (review["at"], review["outcome"], review["quorate"]) == ("2026-01-06", "continue", False)
    assert statuses(authority, "cp_rcpc_first", "P1001") == ["met"] and statuses(authority, "cp_rcpc_first", "P1002") == ["late"]
    assert said(authority, "not_quorate")[0].startswith("1 review conference not quorate")
    assert [r["outcome"] for r in rows(authority, "rcpc_held", child="P1020")] == ["continue", "end"]
    assert [r.get("suspect") for r in rows(authority, "rcpc_held", child="P1016")] == [True]  # on the day the plan starts
    visits = rows(authority, "cp_visit", child="P1001")
    assert Counter((r.get("child_seen"), r.get("seen_alone")) for r in visits)[(False, False)] == 1
    assert sum("child_seen" not in r for r in visits) == 1 and any(r.get("bedroom_seen") for r in visits)
    assert [r["at"] for r in rows(authority, "birth")] == ["2026-01-09"]
    assert statuses(authority, "cp_rcpc_unborn", "P1012") == ["overdue"]
    assert [r["unborn"] for r in rows(authority, "strategy_discussion_held", "icpc_held", child="P1012")] == [True, True]


def test_being_looked_after(authority: Reading) -> None:
    [entered] = rows(authority, "looked_after_started", child="P1008")
    assert (entered["at"], entered["legal_status"], entered["remand"]) == ("2025-06-02", "V2", False)
    assert [(r["at"], r["legal_status"]) for r in rows(authority, "legal_status_changed", child="P1008")] == [("2025-07-01", "C1")]
    assert not rows(authority, "looked_after_ended", child="P1008")
    placed = rows(authority, "placement_started", child="P1008")
    assert [(r["at"], r["type"], r["miles"], r["long_term"]) for r in placed] == [
        ("2025-06-02", "U6", 4, False),
        ("2025-10-13", "U4", 32, True),
    ]
    [adopted] = rows(authority, "looked_after_ended", child="P1014")
    assert (adopted["at"], adopted["reason"]) == ("2025-09-15", "E11")
    assert [r["uasc"] for r in rows(authority, "looked_after_started") if "uasc" in r] == [True]
    long_ago = rows(authority, "looked_after_started", child="P1011")
    assert [(r["at"], r.get("legal_status")) for r in long_ago] == [("2018-01-15", None)]  # entered before these tables begin
    assert [(r["type"], r.get("miles")) for r in rows(authority, "placement_started", child="P1011")] == [
        ("U4", None)
    ]  # 999.9 is not known


def test_cancelled_reviews_do_not_count(authority: Reading) -> None:
    assert [r["at"] for r in rows(authority, "lac_review_held", child="P1008")] == ["2025-07-01", "2025-09-25", "2026-03-25"]
    assert statuses(authority, "lac_review_first", "P1008") == ["late"]  # the one in time was cancelled; due 30 June
    assert {r.get("participation") for r in rows(authority, "lac_review_held", child="P1008")} == {"PN1"}
    assert said(authority, "recorded_to") == ["the last events are of 8 April 2026"]
    assert said(authority, "cancelled") == ["1 review cancelled, and not counted as held"]


def test_what_began_before_the_history_is_not_judged(authority: Reading) -> None:
    assert statuses(authority, "lac_review_first", "P1011") == ["cannot_tell"]
    assert statuses(authority, "lac_review_subsequent", "P1011")[-1] == "overdue"
    since = authority.log.coverage.since
    assert since["lac_review_held"] == day_number(as_date(parse_moment("2023-04-03").day)) and "looked_after_started" not in since


def test_short_breaks_are_not_being_looked_after(authority: Reading) -> None:
    assert [(r["event"], r["at"]) for r in rows(authority, child="P1009")] == [
        ("short_break_started", "2025-04-04"),
        ("short_break_ended", "2025-04-06"),
        ("lac_review_held", "2025-06-30"),
        ("short_break_started", "2025-07-11"),
        ("short_break_ended", "2025-07-13"),
        ("short_break_started", "2025-10-24"),
        ("short_break_ended", "2025-11-14"),
    ]
    assert sorted(statuses(authority, "short_break_eligibility", "P1009")) == ["late", "met", "met"]  # 21 days
    assert statuses(authority, "lac_review_short_breaks", "P1009") == ["met", "overdue"]
    assert rows(authority, child="P1010") == [] and "V4" in said(authority, "short_break_series")[0]


def test_health_by_recognised_words(authority: Reading) -> None:
    assert [(r["event"], r["at"]) for r in rows(authority, "initial_health_assessment_completed")] == [
        ("initial_health_assessment_completed", at) for at in ("2025-06-26", "2023-05-10", "2024-03-26", "2023-05-25", "2025-09-12")
    ]
    assert statuses(authority, "iha", "P1018") == ["late"] and statuses(authority, "iha", "P1008") == ["met"]
    assert said(authority, "first_assessment")[0].startswith("2 health assessments")
    assert "`Optician` (1)" in said(authority, "health_type")[0]
    assert [r["at"] for r in rows(authority, "health_assessment_refused")] == ["2025-05-19"]
    assert [r["at"] for r in rows(authority, "dental_check_completed")] == [
        "2025-09-02",
        "2023-06-01",
        "2024-05-20",
    ]  # the cancelled one is none
    assert [(r["at"], r.get("score")) for r in rows(authority, "sdq_recorded", child="P1008")] == [("2025-12-01", None)]
    assert [r["up_to_date"] for r in rows(authority, "immunisations_recorded")] == [True, False]


def test_missing_permanence_leaving_care_and_the_rest(authority: Reading) -> None:
    missing = rows(authority, "missing_episode_started", "missing_episode_ended")
    assert [(r["event"][-7:], r["at"], r["ref"]) for r in missing] == [
        ("started", "2025-11-01", "MI1"),
        ("e_ended", "2025-11-02", "MI1"),
        ("started", "2025-11-20", "MI2"),
        ("e_ended", "2025-11-21", "MI2"),
        ("started", "2025-12-05", "MI3"),
    ]
    adoption = rows(
        authority,
        "adm_decision_recorded",
        "authority_to_place_obtained",
        "adoption_match_approved",
        "placed_for_adoption",
        "adoption_order_made",
    )
    assert [r["at"] for r in adoption] == ["2024-07-01", "2024-10-07", "2024-12-16", "2025-01-20", "2025-09-15"]
    assert adoption[0]["kind"] == "should_be_placed"
    [lived] = rows(authority, "care_leaver_circumstances_recorded")
    assert (lived["at"], lived["in_touch"], lived["activity"], lived["accommodation"], lived["suitable"]) == (
        "2026-02-20",
        "YES",
        "F2",
        "U",
        True,
    )
    assert {"pa_contact", "pathway_plan_reviewed", "care_leaver_circumstances_recorded", "iro_contact"} <= authority.log.coverage.latest
    assert rows(authority, "pa_contact")[0]["reached"] is True
    assert [(r["event"], r["at"]) for r in rows(authority, "legal_planning_meeting_held", "pre_proceedings_ended", child="P1020")] == [
        ("legal_planning_meeting_held", "2023-08-01"),
        ("pre_proceedings_ended", "2023-11-20"),
    ]
    assert [(r["child"], r["ref"]) for r in rows(authority, "worker_allocated")] == [
        ("P1001", "R501"),
        ("P1004", "R504"),
        ("P1008", "R508"),
    ]
    assert [(r["event"], r["child"]) for r in rows(authority, "ehc_plan_finalised", "ehc_decision_notified")] == [
        ("ehc_decision_notified", "P1005"),
        ("ehc_plan_finalised", "P1005"),
        ("ehc_decision_notified", "P1020"),
    ]
    assert [r["at"] for r in rows(authority, "permanence_plan_recorded")] == ["2025-06-12"]
    assert [r["at"] for r in rows(authority, "child_died")] == ["2025-12-20"]
    log = authority.log
    unborn = log.children.tolist().index("P1021")
    assert log.expected is not None and log.born is not None
    assert (as_date(int(log.expected[unborn])).isoformat(), int(log.born[unborn])) == ("2026-06-20", NO_DAY)


def test_supplied_due_dates_are_a_finding_and_never_used(authority: Reading) -> None:
    conference, plan, care = said(authority, "target_differs")
    assert conference.startswith("2 of 6 supplied due dates (`icpc_icpc_target_date`)") and "1 later and 1 earlier" in conference
    assert "row 4 has 2025-10-28, the limit is 2025-10-06" in conference
    assert "row 4 has 2026-01-05, the limit is 2026-01-06" in plan  # 91 days for three months
    assert "row 5 has 2026-03-27, the limit is 2026-03-25" in care and "2018" not in care
    assert all(f[4] != day_number(as_date(parse_moment("2025-10-28").day)) for f in flags(authority, BOOK.only("cp_icpc_15wd")))


def test_nothing_personal_is_shown(authority: Reading) -> None:
    shown = CliRunner().invoke(app, ["replay", str(AUTHORITY), "--as-of", "2026-04-15", "--format", "json"])
    assert shown.exit_code == 1, shown.output
    for secret in ("Xforename", "Xsurname", "Xworkername", "Pat Example", "9990001112", "ZZ1 1ZZ", "WBRI"):
        assert secret not in shown.output
    assert json.loads(shown.stdout)["sources"][0]["format"] == "SSD"


# ---------------------------------------------------------------------------------------------------- honest coverage


REFERRAL = {"cine_referral_id": "R1", "cine_person_id": "C1", "cine_referral_date": "2025-04-07", "cine_referral_nfa": "N"}


def test_a_table_that_is_empty_carries_nothing(write: Any) -> None:
    plan = {"cppl_cp_plan_id": "P1", "cppl_person_id": "C1", "cppl_cp_plan_start_date": "2025-05-01"}
    visit = {"cppv_cp_visit_id": "V1", "cppv_person_id": "C1", "cppv_cp_visit_date": "", "cppv_cp_visit_seen": "Y"}
    reading = write({"ssd_cp_plans": [plan], "ssd_cp_visits": [visit]})
    assert "cp_visit" not in (reading.log.coverage.kinds or ()) and not flags(reading, BOOK.only("cp_visit"))
    reading = write({"ssd_cp_visits": [{**visit, "cppv_cp_visit_date": "2025-05-12"}]})
    assert statuses(reading, "cp_visit", "C1") == ["met", "overdue"]


def test_a_form_that_came_into_use_later_says_nothing_of_before(write: Any) -> None:
    contact = {"cont_contact_id": "1", "cont_person_id": "C1", "cont_contact_date": "2025-01-06"}
    visit = {"cppv_cp_visit_id": "V1", "cppv_person_id": "C1", "cppv_cp_visit_seen": "Y"}
    tables = {"ssd_contacts": [contact], "ssd_cp_plans": [plan("2025-01-06")]}
    for first, status in (("2025-07-08", "late"), ("2025-07-09", "cannot_tell")):  # half a year after the rest, and a day more
        reading = write({**tables, "ssd_cp_visits": [{**visit, "cppv_cp_visit_date": first}]})
        assert statuses(reading, "cp_visit", "C1") == [status, "overdue"], first


def test_a_build_that_shows_nothing_open_is_told(write: Any) -> None:
    done = {
        "cina_assessment_id": "A1",
        "cina_person_id": "C1",
        "cina_assessment_start_date": "2025-04-08",
        "cina_assessment_auth_date": "2025-05-08",
    }
    enquiry = {"s47e_s47_enquiry_id": "S1", "s47e_person_id": "C1", "s47e_s47_start_date": "2025-04-08", "s47e_s47_end_date": "2025-04-18"}
    reading = write({"ssd_cin_assessments": [done], "ssd_s47_enquiry": [enquiry]})
    assert [m.split(" is ")[0] for m in said(reading, "none_open")] == ["every one of 1 assessment", "every one of 1 section 47 enquiry"]
    reading = write({"ssd_cin_assessments": [done, {**done, "cina_assessment_id": "A2", "cina_assessment_auth_date": ""}]})
    assert [m.split(" is ")[0] for m in said(reading, "none_open")] == ["every one of 1 section 47 enquiry"]


def test_dates_without_times_stay_dates(write: Any) -> None:
    reading = write({"ssd_cin_episodes": [{**REFERRAL, "cine_referral_date": "2025-04-07 00:00:00.000"}]})
    assert reading.log.instant is None
    reading = write({"ssd_cin_episodes": [{**REFERRAL, "cine_referral_date": "07/04/2025 16:45"}]})
    assert reading.log.instant is not None and reading.log.instant[0] == parse_moment("2025-04-07T16:45").instant
    reading = write({"ssd_cin_episodes": [{**REFERRAL, "cine_referral_date": "Apr  7 2025 12:00AM"}]})
    assert reading.log.instant is None and as_date(int(reading.log.day[0])).isoformat() == "2025-04-07"


def test_without_legal_status_short_breaks_cannot_be_seen_and_it_says_so(write: Any) -> None:
    episode = {"clae_cla_episode_id": "E1", "clae_person_id": "C1", "clae_cla_episode_start_date": "2025-05-01", "clae_cla_id": "L1"}
    assert said(write({"ssd_cla_episodes": [episode]}), "no_legal_status")


def test_short_breaks_are_judged_only_where_their_reviews_are_kept(write: Any) -> None:
    tables = {
        "ssd_cla_episodes": [
            {
                "clae_cla_episode_id": "E1",
                "clae_person_id": "C1",
                "clae_cla_episode_start_date": "2025-05-01",
                "clae_cla_episode_ceased_date": "2025-05-03",
                "clae_cla_id": "L1",
            }
        ],
        "ssd_legal_status": [
            {"lega_legal_status_id": "L1", "lega_person_id": "C1", "lega_legal_status": "V3", "lega_legal_status_start_date": "2025-05-01"}
        ],
        "ssd_cla_reviews": [{"clar_cla_review_id": "V1", "clar_cla_id": "L1", "clar_cla_review_date": "2025-04-30"}],
    }
    reading = write(tables)
    assert said(reading, "short_break_reviews") and not flags(reading) and len(rows(reading, "short_break_started")) == 1
    tables["ssd_cla_reviews"][0]["clar_cla_review_date"] = "2025-05-01"
    assert statuses(write(tables), "short_break_eligibility", "C1") == ["met"]


def test_a_child_is_named_by_the_record_a_row_belongs_to(write: Any) -> None:
    episode = {"clae_cla_episode_id": "E1", "clae_person_id": "C1", "clae_cla_episode_start_date": "2025-05-01", "clae_cla_id": "L1"}
    review = {"clar_cla_review_id": "V1", "clar_cla_id": "L1", "clar_cla_review_date": "2025-05-20"}
    reading = write(
        {"ssd_cla_episodes": [episode], "ssd_cla_reviews": [review, {**review, "clar_cla_review_id": "V2", "clar_cla_id": "L9"}]}
    )
    assert [(r["event"], r["child"]) for r in rows(reading)] == [("looked_after_started", "C1"), ("lac_review_held", "C1")]
    assert [r.why for r in reading.rejected] == ["`clar_person_id` is blank"]


def test_episodes_of_one_period_are_one_and_two_periods_are_two(write: Any) -> None:
    def episode(n: int, start: str, end: str, period: str, why: str = "S", reason: str = "") -> dict[str, str]:
        return {
            "clae_cla_episode_id": f"E{n}",
            "clae_person_id": "C1",
            "clae_cla_episode_start_date": start,
            "clae_cla_episode_ceased_date": end,
            "clae_cla_episode_start_reason": why,
            "clae_cla_episode_ceased_reason": reason,
            "clae_cla_id": period,
        }

    for period in ("L1", ""):
        reading = write(
            {
                "ssd_cla_episodes": [
                    episode(1, "2025-01-06", "2025-02-03", period, "S", "X1"),
                    episode(2, "2025-02-03", "2025-03-03", period, "P", "E8"),
                    episode(3, "2025-06-02", "", "L2" if period else "", "S"),
                ]
            }
        )
        assert [(r["event"], r["at"]) for r in rows(reading, "looked_after_started", "looked_after_ended")] == [
            ("looked_after_started", "2025-01-06"),
            ("looked_after_ended", "2025-03-03"),
            ("looked_after_started", "2025-06-02"),
        ]


def test_a_day_that_ends_something_still_belongs_to_it(write: Any) -> None:
    episode = {
        "clae_cla_episode_id": "E1",
        "clae_person_id": "C1",
        "clae_cla_episode_start_date": "2025-05-03",
        "clae_cla_episode_ceased_date": "2025-05-30",
        "clae_cla_id": "L1",
    }
    status = {"lega_legal_status_id": "S1", "lega_person_id": "C1", "lega_legal_status": "V2", "lega_legal_status_start_date": "2025-05-01"}
    check = {"clah_health_check_id": "H1", "clah_person_id": "C1", "clah_health_check_type": "Health Assessment"}
    for ended, known in (("2025-05-03", "V2"), ("2025-05-02", None)):
        reading = write({"ssd_cla_episodes": [episode], "ssd_legal_status": [{**status, "lega_legal_status_end_date": ended}]})
        assert [r.get("legal_status") for r in rows(reading, "looked_after_started")] == [known]
    for done, kind in (("2025-05-03", "initial"), ("2025-05-30", "initial"), ("2025-05-31", "review"), ("2025-05-02", "review")):
        reading = write({"ssd_cla_episodes": [episode], "ssd_cla_health": [{**check, "clah_health_check_date": done}]})
        assert [r["event"] for r in rows(reading) if "health" in r["event"]] == [f"{kind}_health_assessment_completed"], done


def test_only_checks_that_took_place_count_and_only_the_first_is_the_initial_one(write: Any) -> None:
    def check(kind: str, at: str, status: str) -> dict[str, str]:
        row = {"clah_health_check_id": f"H{at}", "clah_person_id": "C1", "clah_health_check_type": kind}
        return {**row, "clah_health_check_date": at, "clah_health_check_status": status}

    episode = {"clae_cla_episode_id": "E1", "clae_person_id": "C1", "clae_cla_episode_start_date": "2025-05-01", "clae_cla_id": "L1"}
    checks = [
        check("Initial Health Assessment", "2025-05-10", "Planned"),
        check("Health Assessment", "2025-05-12", "Cancelled"),
        check("Health Assessment", "2025-05-20", "Completed"),
        check("Health Assessment", "2025-11-20", ""),
        check("Dental Check", "2025-11-21", "Did not attend"),
    ]
    reading = write({"ssd_cla_episodes": [episode], "ssd_cla_health": checks})
    assert [(r["event"], r["at"]) for r in rows(reading) if r["event"] != "looked_after_started"] == [
        ("initial_health_assessment_completed", "2025-05-20"),
        ("review_health_assessment_completed", "2025-11-20"),
    ]
    assert said(reading, "not_done")[0].startswith("3 checks")


def test_two_files_for_one_table_are_refused(write: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        write({"ssd_cin_episodes": [REFERRAL], "CIN_Episodes": [REFERRAL]})
    assert error.value.diagnostics[0].code == "table_twice"


def test_a_folder_of_other_lists_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "Contacts.csv").write_text("Child Unique ID,Date of Contact,Contact Source\n1,01/02/2025,Police\n")
    assert not looks_like_ssd(tmp_path) and looks_like_ssd(AUTHORITY)
    assert sources_in(AUTHORITY) == [AUTHORITY]


def test_a_table_without_its_columns_is_said(write: Any) -> None:
    reading = write({"ssd_cin_episodes": [REFERRAL], "ssd_contacts": [{"cont_person_id": "C1", "x": "1"}], "ssd_missing": [{"a": "b"}]})
    assert any("`cont_contact_date` is missing" in m for m in said(reading, "no_column"))
    assert said(reading, "not_the_table") and [r.why for r in reading.rejected] == ["`cont_contact_date` is blank"]


def test_files_in_other_encodings_and_delimiters(write: Any, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    text = "cine_referral_id;cine_person_id;cine_referral_date\nR1;1001;07/04/2025\n"
    (folder / "ssd_cin_episodes.csv").write_bytes(text.encode("utf-16"))
    (folder / "ssd_person.csv").write_bytes("pers_person_id;pers_surname;pers_dob\n1001;Zo\xeb;01/02/2015\n".encode("cp1252"))
    reading = read_ssd(folder, BOOK)
    assert [(r["child"], r["at"]) for r in rows(reading)] == [("1001", "2025-04-07")]
    assert reading.log.born is not None and as_date(int(reading.log.born[0])).isoformat() == "2015-02-01"


def fuzzed(draw: random.Random) -> dict[str, list[dict[str, str]]]:
    """Tables of random rows: real fields, and values that may be right, wrong, blank, long or absurd."""
    values = [
        "", " ", "NULL", "C1", "C2", "1001.0", "X/1", "2025-04-07", "2025-04-07 00:00:00", "07/04/2025 09:30", "31/02/2025", "9999-12-31",
        "1900-01-01", "2025-13-01", "2150-01-01", "0", "45000", "Y", "N", "maybe", '{"NFA_FLAG":"Y"}', "{", "PLACEHOLDER_DATA", "V3",
        "Initial Health Assessment", "é" * 3, "=1+1", "-5", "1e9", "nan", "2025-03-30T01:30:00", "2025-10-26 01:30",
    ]  # fmt: skip
    tables = {}
    for table in draw.sample(TABLES, draw.randint(1, len(TABLES))):
        fields = [f for f in table.fields if draw.random() < 0.9] or [table.fields[0]]
        if not set(fields) & set(table.fields):
            continue
        ids = {table.id, *table.child, *table.links, table.via[0]}
        tables[f"ssd_{table.name}"] = [
            {f: draw.choice(["C1", "C2", "1", "2", ""]) if f in ids and draw.random() < 0.8 else draw.choice(values) for f in fields}
            for _ in range(draw.randint(0, 12))
        ]
    return {name: records for name, records in tables.items() if records}


def test_whatever_is_in_the_tables_every_row_is_used_or_rejected(write: Any) -> None:
    draw = random.Random(20260415)
    usable, said_of = 0, []
    for i in range(60):
        tables = fuzzed(draw)
        try:
            reading = write(tables, f"f{i}")
        except InputError as error:
            said_of.append(len(error.diagnostics))
            continue
        usable += 1
        n = sum(sum(any(v.strip() for v in r.values()) for r in records) for records in tables.values())
        assert reading.records_read == n == reading.records_used + len(reading.rejected)
        log = reading.log
        assert len(log) == len(log.child) and bool(np.all(np.diff(log.child) >= 0))
        assert set(log.kinds) <= set(BOOK.events)
        evaluate(log, BOOK, AS_OF)
    assert usable > 40 and all(said_of)


# ---------------------------------------------------------------------------------------------------- databases


def typed_rows(folder: Path) -> dict[str, tuple[list[str], list[list[Any]]]]:
    """The tables of a folder with values as a database would hold them: a date that does not exist cannot be, and is null."""
    with (DATA / "specification" / "fields.csv").open(encoding="utf-8") as file:
        types = {row["field"]: row["type"] for row in csv.DictReader(file)}
    found = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            names, *records = list(csv.reader(file))
        name = path.stem.lower() if path.stem.lower().startswith("ssd_") else f"ssd_{path.stem.lower()}"
        found[name] = (
            names,
            [[as_held(value, types.get(field, "nvarchar")) for field, value in zip(names, r, strict=True)] for r in records],
        )
    return found


def as_held(text: str, kind: str) -> Any:
    if not text or (text == "PLACEHOLDER_DATA" and kind != "nvarchar"):
        return None
    if kind == "datetime":
        day, _, clock = text.partition(" ")
        day = "-".join(reversed(day.split("/"))) if "/" in day else day
        moment = f"{day} {clock or '00:00:00'}"
        try:
            return np.datetime64(moment).astype("datetime64[us]").item()
        except ValueError:
            return None
    return float(text) if kind == "float" else text


COLUMN = {"datetime": sa.DateTime, "float": sa.Float}


def fill(engine: sa.Engine, tables: dict[str, tuple[list[str], list[list[Any]]]], schema: str | None = None) -> None:
    with (DATA / "specification" / "fields.csv").open(encoding="utf-8") as file:
        types = {row["field"]: row["type"] for row in csv.DictReader(file)}
    meta = sa.MetaData(schema=schema)
    with engine.begin() as connection:
        for name, (fields, records) in tables.items():
            table = sa.Table(name, meta, *(sa.Column(f, COLUMN.get(types.get(f, ""), sa.Text)()) for f in fields))
            table.create(connection)
            if records:
                connection.execute(table.insert(), [dict(zip(fields, r, strict=True)) for r in records])


def binary(name: str) -> str | None:
    """A program of PostgreSQL: on the path, or where Debian and others keep it; the newest version of several."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, places)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of our own, on loopback, gone at the end. The address of its first database."""
    server, initdb = binary("postgres"), binary("initdb")
    if server is None or initdb is None:
        says = "PostgreSQL is not installed here: nothing was tested against a real one (on Debian: apt-get install postgresql)"
        if os.environ.get("RRT_REQUIRE_POSTGRES") == "1":
            pytest.fail(says)
        pytest.skip(says)
    folder = Path(tempfile.mkdtemp(prefix="rrt-postgres-"))
    as_user: dict[str, Any] = {}
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # the server refuses to run as root
        import pwd

        known = {entry.pw_name: entry for entry in pwd.getpwall()}
        user = known.get("postgres") or known["nobody"]
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = folder / "data"
    port = free_port()
    command = [initdb, "-D", str(data), "-U", "rrt", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, **as_user)
    assert made.returncode == 0, made.stderr
    rules = data / "pg_hba.conf"
    rules.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F", "-c", "max_connections=20"]
    with (folder / "log").open("wb") as log, subprocess.Popen([server, *options], stdout=log, stderr=log, cwd=folder, **as_user) as process:
        try:
            url = f"postgresql+pg8000://rrt@127.0.0.1:{port}/postgres"
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            for _ in range(200):
                try:
                    with engine.connect():
                        break
                except sa.exc.DBAPIError:
                    assert process.poll() is None, (folder / "log").read_text()
                    time.sleep(0.05)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("CREATE DATABASE ssd"))
                connection.execute(sa.text("CREATE ROLE reader LOGIN"))
                connection.execute(sa.text("CREATE ROLE locked LOGIN PASSWORD 'open:sesame'"))
            engine.dispose()
            url = url.replace("/postgres", "/ssd")
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            fill(engine, typed_rows(AUTHORITY))
            with engine.begin() as connection:
                connection.execute(sa.text("GRANT USAGE ON SCHEMA public TO reader, locked"))
                connection.execute(sa.text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, locked"))
            engine.dispose()
            yield url
        finally:
            process.terminate()
            process.wait(30)
            shutil.rmtree(folder, ignore_errors=True)


def test_postgresql_gives_the_same_log_and_the_same_flags_as_files(postgres: str, authority: Reading) -> None:
    reading = read_ssd_database(postgres.replace("+pg8000", "").replace("rrt@", "reader@"), BOOK)
    assert content(reading) == content(authority)
    assert flags(reading) == flags(authority) and len(flags(reading)) > 200
    assert (reading.records_read, reading.records_used) == (authority.records_read, authority.records_used)
    assert [d.code for d in reading.diagnostics if d.code != "date"] == [d.code for d in authority.diagnostics]
    assert "`I902` has 2025-10-28" in said(reading, "target_differs")[0], "in a database a row is found by its id"


def test_the_command_replays_a_database_and_shows_no_address(postgres: str) -> None:
    url = postgres.replace("+pg8000", "").replace("rrt@", "reader:secret@")
    shown = CliRunner().invoke(app, ["replay", url, "--as-of", "2026-04-15"])
    assert shown.exit_code == 1, shown.output
    port = str(sa.make_url(url).port)
    assert "database ssd (SSD): 22 children" in shown.output
    assert not [s for s in ("127.0.0.1", port, "secret", "reader", "://") if s in shown.output]


def test_tables_in_another_schema_are_found_or_named(postgres: str) -> None:
    engine = sa.create_engine(postgres, poolclass=sa.NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE other"))
    other = postgres.replace("/ssd", "/other")
    engine = sa.create_engine(other, poolclass=sa.NullPool)
    tables = {"ssd_cin_episodes": (list(REFERRAL), [["R1", "C1", as_held("2025-04-07", "datetime"), "N"]])}
    with pytest.raises(InputError) as error:
        read_ssd_database(other, BOOK)
    assert error.value.diagnostics[0].code == "no_tables"
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA ssd_development"))
    fill(engine, tables, "ssd_development")
    reading = read_ssd_database(other, BOOK)
    assert len(reading.log) == 1 and "`ssd_development`" in said(reading, "schema")[0]
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA ssd_old"))
    fill(engine, tables, "ssd_old")
    with pytest.raises(InputError) as error:
        read_ssd_database(other, BOOK)
    assert error.value.diagnostics[0].code == "schemas" and "?schema=NAME" in error.value.diagnostics[0].help
    assert len(read_ssd_database(f"{other}?schema=ssd_old", BOOK).log) == 1
    with pytest.raises(InputError) as error:
        read_ssd_database(f"{other}?schema=nowhere", BOOK)
    assert error.value.diagnostics[0].code == "schema"
    engine.dispose()


def test_columns_of_other_types_are_read_as_they_are_meant(postgres: str) -> None:
    engine = sa.create_engine(postgres, poolclass=sa.NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE types"))
    types = postgres.replace("/ssd", "/types")
    engine = sa.create_engine(types, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE ssd_person (pers_person_id numeric, pers_dob date)"))
        connection.execute(sa.text("INSERT INTO ssd_person VALUES (1001, '2015-02-01'), (1002.0, NULL)"))
        columns = "cine_referral_id uuid, cine_person_id int, cine_referral_date timestamptz, cine_referral_nfa boolean, "
        columns += "cine_close_reason char(8)"
        connection.execute(sa.text(f'CREATE TABLE "SSD_CIN_Episodes" ({columns}, "CINE_Close_Date" date)'))
        ids = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")
        connection.execute(
            sa.text(
                f"""INSERT INTO "SSD_CIN_Episodes" VALUES ('{ids[0]}', 1001, '2025-07-01 00:00+01', false, 'RC8', '2025-08-01'),
                ('{ids[1]}', 1002, '2025-07-01 23:30+00', true, NULL, NULL)"""
            )
        )
        connection.execute(
            sa.text("CREATE TABLE ssd_cin_visits (cinv_person_id int, cinv_cin_visit_date timestamp, cinv_cin_visit_seen text)")
        )
        many = "SELECT 1001, timestamp '2025-07-01' + make_interval(days => n), 'Y' FROM generate_series(0, 120000) n"
        connection.execute(sa.text(f"INSERT INTO ssd_cin_visits {many} WHERE n % 400 < 399"))
    engine.dispose()
    reading = read_ssd_database(types, BOOK)
    found = rows(reading, "referral_received", "case_closed")
    assert [(r["child"], r["event"], r["at"], r.get("nfa"), r.get("reason")) for r in found] == [
        ("1001", "referral_received", "2025-07-01", False, None),
        ("1001", "case_closed", "2025-08-01", None, "RC8"),
        ("1002", "referral_received", "2025-07-02", True, None),
    ]
    assert found[0]["ref"] == ids[0] and reading.log.instant is not None
    assert int((reading.log.instant != NO_INSTANT).sum()) == 1, "midnight in London is a date; half past eleven at Greenwich is not"
    assert reading.log.born is not None and as_date(int(reading.log.born[0])).isoformat() == "2015-02-01"
    assert reading.records_read == reading.records_used + len(reading.rejected) > 100_000  # in several chunks
    assert {"is outside" in r.why or "is not a date" in r.why for r in reading.rejected} == {True}  # three hundred years of visits


def test_nothing_is_ever_written(postgres: str) -> None:
    engine = sa.create_engine(postgres, poolclass=sa.NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE trap"))
    trap = postgres.replace("/ssd", "/trap")
    engine = sa.create_engine(trap, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE written (n int)"))
        connection.execute(sa.text("CREATE FUNCTION trap() RETURNS text LANGUAGE sql AS 'INSERT INTO written VALUES (1) RETURNING ''R1'''"))
        connection.execute(sa.text("CREATE VIEW ssd_cin_episodes AS SELECT trap() AS cine_referral_id, 'C1' AS cine_person_id"))
    with pytest.raises(InputError) as error:
        read_ssd_database(trap, BOOK)
    assert "25006" in error.value.diagnostics[0].message  # a transaction that may only read
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM written")).scalar() == 0
    engine.dispose()


def refusal(url: str) -> Any:
    with pytest.raises(InputError) as error:
        read_ssd_database(url, BOOK)
    [diagnostic] = error.value.diagnostics
    told = diagnostic.text()
    for secret in ("127.0.0.1", "localhost", "sesame", "reader", "locked", "stranger", "://"):
        assert secret not in told.replace("sqlite:///", "").replace("mssql+pyodbc://", "").replace("postgresql://", ""), told
    return diagnostic


def test_what_the_database_refuses_is_told_without_its_address(postgres: str, tmp_path: Path) -> None:
    address = sa.make_url(postgres)
    assert refusal(f"postgresql://rrt@127.0.0.1:{free_port()}/ssd").code == "connection"
    assert refusal(postgres.replace("/ssd", "/nothing")).code == "no_database"
    assert refusal(postgres.replace("rrt@", "stranger@")).code == "login"
    assert refusal(postgres.replace("rrt@", "locked:wrong@")).code == "login"
    engine = sa.create_engine(postgres, poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("REVOKE SELECT ON ssd_cp_visits, ssd_person FROM reader"))
        denied = refusal(postgres.replace("rrt@", "reader@"))
        assert denied.code == "permission" and "ssd_cp_visits, ssd_person" in denied.message and "GRANT SELECT" in denied.help
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("GRANT SELECT ON ssd_cp_visits, ssd_person TO reader"))
        engine.dispose()
    passfile = tmp_path / "pass"
    passfile.write_text(f"# for the tests\n127.0.0.1:{address.port}:ssd:locked:open\\:sesame\n")
    locked = f"postgresql://locked@127.0.0.1:{address.port}/ssd"
    assert refusal(locked).code == "login"
    assert len(read_ssd_database(f"{locked}?passfile={passfile}", BOOK).log) > 300
    passfile.write_text("other:*:*:*:x\n")
    assert refusal(f"{locked}?passfile={passfile}").code == "passfile"
    assert refusal(f"{locked}?passfile={passfile}x").code == "passfile"


def test_addresses_that_cannot_be_used_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    missing = refusal("mssql+pyodbc://reader:sesame@localhost/HDM_Local?driver=ODBC+Driver+18+for+SQL+Server")
    assert (missing.code, missing.help) == ("driver", "install it: pip install pyodbc")
    assert refusal("nosuch://reader:sesame@localhost/ssd").code == "dialect"
    assert refusal("postgresql://reader:sesame@localhost:port/ssd").code == "address"
    assert refusal("postgresql://reader@localhost/ssd?sslmode=perhaps").code == "option"
    assert refusal("postgresql://reader@localhost/ssd?colour=blue").code == "option"
    assert refusal(f"sqlite:///{tmp_path}/none.db").code == "not_found" and not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("not a database " * 100)
    assert refusal(f"sqlite:///{tmp_path}/text.db").code == "not_a_database"


def test_sqlite_gives_the_same_log_and_is_opened_read_only(tmp_path: Path, authority: Reading) -> None:
    path = tmp_path / "ssd.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    fill(engine, typed_rows(AUTHORITY))
    engine.dispose()
    before = path.read_bytes()
    reading = read_source(f"sqlite:///{path}", BOOK)
    assert content(reading) == content(authority) and flags(reading) == flags(authority)
    assert path.read_bytes() == before and not list(tmp_path.glob("*-journal"))
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE ssd_cp_visits")
    connection.close()
    assert "ssd_cp_visits" in said(read_source(f"sqlite:///{path}", BOOK), "tables_absent")[0]
