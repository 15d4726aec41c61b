"""The DfE's daily children's social care collection: every block as events, deltas and deletions, and records that are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rrt_engine.calendar import NO_DAY, as_date, parse_moment
from rrt_engine.diagnostics import InputError
from rrt_engine.model import STATUSES
from rrt_engine.replay.run import replay
from rrt_engine.sources.csc_api import read_csc_api
from rrt_engine.sources.csc_api_schema import CARRIED, DATED_BY_THE_ENQUIRY, FIELDS, LATEST, NOT_READ
from rrt_engine.sources.detect import read_source, sources_in
from rrt_engine.sources.reading import Reading
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data" / "csc_api"
PERSONAL = ("Jordan", "Goldstandard", "AB12", "ABC0123456789", "Invented", "B1 1BB", "WBRI", "HAND")


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def reading(*submissions: Any) -> Reading:
        folder = tmp_path / "daily"
        folder.mkdir(exist_ok=True)
        for i, submission in enumerate(submissions, 1):
            (folder / f"day{i}.json").write_text(json.dumps(submission), encoding="utf-8")
        return read_csc_api(folder if len(submissions) > 1 else folder / "day1.json", BOOK)

    return reading


def child(*episodes: dict[str, Any], child_id: Any = "C1", **blocks: Any) -> dict[str, Any]:
    return {"la_child_id": child_id, "social_care_episodes": list(episodes), **blocks}


def episode(key: Any = "E1", referral: str | None = "2026-01-05", **blocks: Any) -> dict[str, Any]:
    said = {"social_care_episode_id": key, **blocks}
    return said if referral is None else {**said, "referral_date": referral}


def rows(reading: Reading) -> list[tuple[Any, ...]]:
    """Each event as (child, kind, date, ref, attributes)."""
    log = reading.log
    return [
        (
            str(log.children[log.child[i]]),
            log.kinds[log.kind[i]],
            as_date(int(log.day[i])).isoformat(),
            log.refs[log.ref[i]] if log.ref is not None and log.ref[i] >= 0 else None,
            {name: log.value(name, i) for name in sorted(log.attributes) if log.value(name, i) is not None},
        )
        for i in range(len(log))
    ]


def kinds(reading: Reading) -> list[tuple[str, str]]:
    return [(kind, at) for _, kind, at, _, _ in rows(reading)]


def of_kind(reading: Reading, kind: str) -> list[tuple[Any, ...]]:
    return [r for r in rows(reading) if r[1] == kind]


def suspects(reading: Reading) -> set[str]:
    log = reading.log
    return set() if log.suspect is None else {log.kinds[log.kind[i]] for i in range(len(log)) if log.suspect[i]}


def said(reading: Reading, code: str) -> list[str]:
    return [d.message for d in reading.diagnostics if d.code == code]


# ------------------------------------------------------------------------------------------- the schema and the samples


def test_the_fields_known_here_are_those_of_the_official_schema() -> None:
    schema = json.loads((DATA / "openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]["CSC"]
    found: dict[str, dict[str, str]] = {}

    def walk(name: str, part: dict[str, Any]) -> None:
        part = part["items"] if part.get("type") == "array" else part
        found[name] = {}
        for key, value in part["properties"].items():
            inner = value["items"] if value["type"] == "array" else value
            kind = "date" if value.get("format") == "date" else {"string": "text"}.get(value["type"], value["type"])
            found[name][key] = "block" if inner["type"] == "object" else kind
            if inner["type"] == "object":
                walk(key, value)

    walk("child", schema)
    assert found.keys() == FIELDS.keys()
    for block, fields in FIELDS.items():
        assert fields.keys() == found[block].keys(), block
        assert {k: v for k, v in fields.items() if v != NOT_READ} == {k: found[block][k] for k, v in fields.items() if v != NOT_READ}


def test_every_block_of_the_reference_record_becomes_its_events() -> None:
    reading = read_csc_api(DATA / "payload_p0.json", BOOK)
    assert (reading.format, reading.records_read, reading.records_used, reading.rejected) == ("DfE CSC API", 13, 13, ())
    assert [(kind, at, ref, what) for _, kind, at, ref, what in rows(reading)] == [
        ("referral_received", "2022-06-14", "ABC123456", {"nfa": False, "source_agency": "self", "worker": "ABC123"}),
        ("worker_allocated", "2022-06-14", "ABC123456", {"worker": "ABC123"}),
        ("assessment_started", "2022-06-14", "ABC123456/ABC123456", {"worker": "ABC123"}),
        ("strategy_discussion_held", "2022-06-14", "ABC123456/ABC123456", {"s47_initiated": True, "worker": "ABC123"}),
        ("s47_started", "2022-06-14", "ABC123456/ABC123456", {"worker": "ABC123"}),
        ("icpc_held", "2022-06-14", "ABC123456/ABC123456", {"outcome": "no_plan", "transfer_in": False, "worker": "ABC123"}),
        ("assessment_authorised", "2022-06-14", "ABC123456/ABC123456", {"worker": "ABC123"}),
        ("cin_plan_started", "2022-06-14", "ABC123456", {"worker": "ABC123"}),
        ("looked_after_started", "2022-06-14", None, {}),
        ("placement_started", "2022-06-14", None, {"long_term": False, "type": "K1"}),
        ("sdq_recorded", "2022-06-14", None, {"score": 20}),
        ("adm_decision_recorded", "2022-06-14", None, {"kind": "should_be_placed", "worker": "ABC123"}),
        ("cp_plan_started", "2022-09-01", "ABC123456", {"worker": "ABC123"}),
        ("adoption_match_approved", "2023-01-15", None, {}),
        ("placement_ended", "2023-03-01", None, {}),
        ("looked_after_ended", "2023-03-01", None, {"reason": "E3"}),
        ("placed_for_adoption", "2023-03-20", None, {}),
        ("cin_plan_ended", "2023-06-14", "ABC123456", {}),
        ("cp_plan_ended", "2023-09-01", "ABC123456", {}),
        ("case_closed", "2023-09-01", "ABC123456", {"reason": "RC7"}),
        ("pa_contact", "2024-02-01", None, {}),
        ("care_leaver_circumstances_recorded", "2024-02-01", None, {"accommodation": "D", "activity": "F2"}),
    ]
    log = reading.log
    assert log.born is not None and as_date(int(log.born[0])).isoformat() == "2007-06-14"
    assert log.latest_only is not None and {log.kinds[k] for k in log.kind[log.latest_only]} == set(LATEST)


@pytest.mark.parametrize("name", ["payload_p0.json", "payload_p1.json", "payload_p3.json", "payload_prev3.json", "daily"])
def test_nothing_personal_is_kept(name: str) -> None:
    reading = read_source(DATA / name, BOOK)
    text = repr((rows(reading), reading.log.children.tolist(), reading.diagnostics, reading.rejected))
    assert not [word for word in PERSONAL if word in text]


def test_all_that_is_emitted_is_claimed_or_dated_by_the_enquiry() -> None:
    coverage = read_csc_api(DATA / "payload_p0.json", BOOK).log.coverage
    assert coverage.kinds == frozenset(CARRIED) and coverage.latest == frozenset(LATEST) and not coverage.since
    assert set(CARRIED) <= set(BOOK.events)
    for never in (*DATED_BY_THE_ENQUIRY, "cp_visit", "rcpc_held", "lac_review_held", "contact_received", "lac_visit", "core_group_held"):
        assert not coverage.carries(never)
    assert not coverage.carries("review_health_assessment_completed")


def test_rules_on_visits_and_reviews_are_not_evaluable_and_conferences_are() -> None:
    found = replay([DATA / "daily"], BOOK, parse_moment("2026-04-15"))
    assert {"cp_icpc_15wd", "as_complete_45wd"} & set(found.not_evaluable()) == set()
    lacking = {kind for missing in found.not_evaluable().values() for kind in missing}
    assert {"cp_visit", "rcpc_held", "lac_review_held"} <= lacking
    flags = found.sources[0].result.flags
    icpc = [STATUSES[s] for r, s in zip(flags.rule, flags.status, strict=True) if BOOK.rules[r].id == "cp_icpc_15wd"]
    assert icpc == ["met"]  # the enquiry of 16 February had its conference on 3 March, 11 working days later


# ------------------------------------------------------------------------------------------- one submission after another


def test_a_folder_is_applied_in_the_order_of_dates_and_the_last_state_stands() -> None:
    reading = read_csc_api(DATA / "daily", BOOK)
    assert said(reading, "order") == [
        "3 submissions applied one after another, in the order of the dates in their names: "
        "csc_2026-03-02.json, csc_2026-03-03.json, csc_2026-03-10.json"
    ]
    assert (reading.records_read, reading.records_used) == (28, 28)
    assert said(reading, "purged") == ["2 records deleted by a later submission"]
    assert rows(reading) == [
        ("D1", "referral_received", "2026-01-05", "E1", {"nfa": False, "source_agency": "police"}),
        ("D1", "worker_allocated", "2026-01-06", "E1", {"worker": "W1"}),
        ("D1", "assessment_started", "2026-01-06", "E1/A1", {"worker": "W1"}),
        ("D1", "strategy_discussion_held", "2026-02-16", "E1/S1", {"s47_initiated": True, "worker": "W1"}),
        ("D1", "s47_started", "2026-02-16", "E1/S1", {"worker": "W1"}),
        ("D1", "worker_allocated", "2026-03-03", "E1", {"worker": "W2"}),
        ("D1", "icpc_held", "2026-03-03", "E1/S1", {"outcome": "cp_plan", "transfer_in": False, "worker": "W2"}),
        ("D1", "assessment_authorised", "2026-03-03", "E1/A1", {"worker": "W2"}),
        ("D1", "cp_plan_started", "2026-03-03", "CP1", {"worker": "W2"}),
        ("D3", "referral_received", "2024-02-01", "E3", {}),
        ("D3", "looked_after_started", "2024-03-04", None, {}),
        ("D3", "placement_started", "2024-03-04", None, {"long_term": True, "type": "U1"}),
        ("D3", "placement_ended", "2025-01-10", None, {"reason": "CARPL"}),
        ("D3", "placement_started", "2025-01-10", None, {"long_term": False, "type": "K2"}),
        ("D3", "placement_ended", "2026-03-09", None, {}),
        ("D3", "looked_after_ended", "2026-03-09", None, {"reason": "E4A"}),
    ]
    assert reading.log.children.tolist() == ["D1", "D3"]
    log = reading.log
    assert log.origin is not None and log.origin_row is not None
    where = {log.kinds[log.kind[i]]: (log.origins[log.origin[i]], int(log.origin_row[i])) for i in range(len(log))}
    assert where["icpc_held"] == ("csc_2026-03-03.json", 1)
    assert where["looked_after_ended"] == ("csc_2026-03-10.json", 2)


def test_days_are_in_the_order_people_count(read: Any, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for day, closed in (("day2", "2026-02-01"), ("day10", "2026-03-01")):
        (folder / f"{day}.json").write_text(json.dumps([child(episode(closure_date=closed))]))
    assert of_kind(read_csc_api(folder, BOOK), "case_closed")[0][2] == "2026-03-01"


def test_the_order_of_dates_is_not_that_of_names(tmp_path: Path) -> None:
    for name, closed in (("b_20260301.json", "2026-02-01"), ("a_20260302T0900.json", "2026-02-02"), ("c_20260302T0830.json", "2026-02-03")):
        (tmp_path / name).write_text(json.dumps([child(episode(closure_date=closed))]))
    assert of_kind(read_csc_api(tmp_path, BOOK), "case_closed")[0][2] == "2026-02-02"


def test_a_field_that_is_not_sent_stays_and_null_clears_it(read: Any) -> None:
    first = child(episode(referral_source="6", closure_date="2026-02-01", closure_reason="RC8"))
    assert of_kind(read([first], [child(episode(referral=None))]), "case_closed")[0][2] == "2026-02-01"
    again = read([first], [child(episode(referral=None, closure_date=None))])
    assert [kind for kind, _ in kinds(again)] == ["referral_received"]


def test_purge_deletes_a_child_an_episode_a_record_or_a_block(read: Any) -> None:
    full = child(
        episode(
            child_and_family_assessments=[{"child_and_family_assessment_id": "A1", "start_date": "2026-01-06"}],
            adoption={"matched_date": "2026-02-02"},
        ),
        episode("E2", "2026-02-20"),
        child_details={"date_of_birth": "2015-01-01"},
        health_and_wellbeing={"sdq_assessments": [{"date": "2026-01-20", "score": 3}]},
    )
    gone = {"social_care_episode_id": "E1", "child_and_family_assessments": [{"child_and_family_assessment_id": "A1", "purge": True}]}
    assert not of_kind(read([full], [child(gone)]), "assessment_started")
    assert len(of_kind(read([full], [child(episode("E2", None, purge=True))]), "referral_received")) == 1
    assert not of_kind(read([full], [child(episode(adoption={"purge": True}))]), "adoption_match_approved")
    assert not of_kind(read([full], [child(health_and_wellbeing={"purge": True})]), "sdq_recorded")
    details = read([full], [child(child_details={"purge": True})])
    assert details.log.born is None and len(of_kind(details, "referral_received")) == 2
    nobody = read([full], [{"la_child_id": "C1", "purge": True}])
    assert len(nobody.log.children) == 0 and said(nobody, "no_children")
    back = read([full], [{"la_child_id": "C1", "purge": True}], [child(episode("E9", "2026-03-01"))])
    assert kinds(back) == [("referral_received", "2026-03-01")]
    assert (back.records_read, back.records_used) == (11, 11)


def test_a_worker_who_comes_back_has_two_spells_and_a_corrected_start_one(read: Any) -> None:
    first = child(episode(care_worker_details=[{"worker_id": "W1", "start_date": "2026-01-06", "end_date": "2026-01-31"}]))
    later = child(episode(care_worker_details=[{"worker_id": "W1", "start_date": "2026-03-01"}]))
    assert [r[2] for r in of_kind(read([first], [later]), "worker_allocated")] == ["2026-01-06", "2026-03-01"]
    same_day = child(episode(care_worker_details=[{"worker_id": "W1", "start_date": "2026-01-31"}]))
    assert [r[2] for r in of_kind(read([first], [same_day]), "worker_allocated")] == ["2026-01-06", "2026-01-31"]
    corrected = child(episode(care_worker_details=[{"worker_id": "W1", "start_date": "2026-01-08"}]))
    assert [r[2] for r in of_kind(read([first], [corrected]), "worker_allocated")] == ["2026-01-08"]


def test_the_worker_of_an_event_is_the_one_of_its_day_where_there_is_just_one(read: Any) -> None:
    workers = [
        {"worker_id": "W1", "start_date": "2026-01-06", "end_date": "2026-01-20"},
        {"worker_id": "W2", "start_date": "2026-01-20"},
    ]
    plans = [{"child_in_need_plan_id": str(i), "start_date": day} for i, day in enumerate(("2026-01-19", "2026-01-20", "2026-01-21"))]
    found = of_kind(read([child(episode(care_worker_details=workers, child_in_need_plans=plans))]), "cin_plan_started")
    assert [r[4].get("worker") for r in found] == ["W1", None, "W2"]


@pytest.mark.parametrize(
    "shape",
    [
        lambda c: [c],
        lambda c: {"la_code": 330, "Children": [c]},
        lambda c: {"la_code": "330", "Children": c},
        lambda c: {"children": [c]},
        lambda c: c,
    ],
)
def test_the_bare_list_and_the_wrapper_are_both_read(read: Any, shape: Any) -> None:
    assert kinds(read(shape(child(episode())))) == [("referral_received", "2026-01-05")]


# ------------------------------------------------------------------------------------------- enquiries, conferences, care


def enquiry(**said: Any) -> dict[str, Any]:
    return {"section_47_assessment_id": "S1", "start_date": "2026-01-07", **said}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ({"icpc_required_flag": False}, "2026-01-07"),
        ({"icpc_required_flag": False, "end_date": "2026-03-20"}, "2026-01-07"),  # it closed late: when it was decided is not known
        ({"end_date": "2026-03-20"}, "2026-01-07"),
        ({"icpc_required_flag": True, "end_date": "2026-03-20"}, None),
        ({"icpc_required_flag": True}, None),
        ({}, None),  # not said is not no
        ({"icpc_required_flag": False, "icpc_date": "2026-01-20"}, None),  # the conference that was held counts
    ],
)
def test_an_enquiry_without_need_of_a_conference_ends_the_duty(read: Any, said: dict[str, Any], outcome: str | None) -> None:
    reading = read([child(episode(section_47_assessments=[enquiry(**said)]))])
    found = [(r[2], r[4]["icpc_required"]) for r in of_kind(reading, "s47_outcome_recorded")]
    assert found == ([] if outcome is None else [(outcome, False)])
    result = replay_of(reading)
    statuses = {r: s for r, s in result if r == "cp_icpc_15wd"}
    expected = "met" if "icpc_date" in said else "ended" if outcome else "overdue"
    assert statuses == {"cp_icpc_15wd": expected}


def replay_of(reading: Reading) -> list[tuple[str, str]]:
    from rrt_engine.timescales.evaluate import evaluate

    flags = evaluate(reading.log, BOOK, parse_moment("2026-04-15")).flags
    return [(BOOK.rules[r].id, STATUSES[s]) for r, s in zip(flags.rule, flags.status, strict=True)]


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [("2026-01-20", "cp_plan"), ("2026-01-30", None), ("2026-01-31", "no_plan"), ("2026-01-10", None), (None, "no_plan")],
)
def test_what_a_conference_decided_shows_in_the_plans(read: Any, plan: str | None, outcome: str | None) -> None:
    plans = [] if plan is None else [{"child_protection_plan_id": "CP1", "start_date": plan}]
    found = read([child(episode(section_47_assessments=[enquiry(icpc_date="2026-01-20")], child_protection_plans=plans))])
    assert of_kind(found, "icpc_held")[0][4].get("outcome") == outcome


def block(key: str, start: str, why: str | None = None, end: str | None = None, ended: str | None = None, **said: Any) -> dict[str, Any]:
    found = {"child_looked_after_placement_id": key, "start_date": start, "start_reason": why, "end_date": end, "end_reason": ended, **said}
    return {name: value for name, value in found.items() if value is not None}


def in_care(read: Any, *blocks: dict[str, Any]) -> list[tuple[str, str]]:
    found = kinds(read([child(episode(referral="2020-01-01", child_looked_after_placements=list(blocks)))]))
    return [each for each in found if each[0] != "referral_received"]


def test_a_change_of_legal_status_alone_leaves_the_placement_as_it_was(read: Any) -> None:
    found = in_care(
        read,
        block("1", "2024-01-10", "S", "2024-05-01", "X1", placement_type="U4"),
        block("2", "2024-05-01", "L", "2024-09-01", "X1", placement_type="U4"),
        block("3", "2024-09-01", "B", placement_type="K2"),
    )
    assert found == [
        ("looked_after_started", "2024-01-10"),
        ("placement_started", "2024-01-10"),
        ("placement_ended", "2024-09-01"),
        ("placement_started", "2024-09-01"),
    ]


def test_a_second_period_of_care_starts_anew_and_an_order_ends_one(read: Any) -> None:
    found = in_care(read, block("1", "2022-01-10", "S", "2022-02-01", "E4A"), block("2", "2023-05-01", "S", "2024-09-01", "E11"))
    assert found == [
        ("looked_after_started", "2022-01-10"),
        ("placement_started", "2022-01-10"),
        ("placement_ended", "2022-02-01"),
        ("looked_after_ended", "2022-02-01"),
        ("looked_after_started", "2023-05-01"),
        ("placement_started", "2023-05-01"),
        ("placement_ended", "2024-09-01"),
        ("adoption_order_made", "2024-09-01"),
        ("looked_after_ended", "2024-09-01"),
    ]


def test_where_no_reason_is_given_care_starts_with_the_first_block_only(read: Any) -> None:
    started = [
        at
        for kind, at in in_care(
            read,
            block("1", "2022-01-10", None, "2022-02-01"),
            block("2", "2022-02-01", None, "2022-03-01", "E3"),
            block("3", "2022-03-01"),
        )
        if kind == "looked_after_started"
    ]
    assert started == ["2022-01-10", "2022-03-01"]


def test_a_block_that_continues_care_from_before_the_collection_starts_none(read: Any) -> None:
    assert in_care(read, block("1", "2024-01-10", "P")) == [("placement_started", "2024-01-10")]


# ------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"referral_date": 20260105}, "$[0].social_care_episodes[0].referral_date: expected a date written as 2026-04-10, found a number"),
        (
            {"referral_date": "05/01/2026"},
            "$[0].social_care_episodes[0].referral_date: expected a date written as 2026-04-10, found `05/01/2026`",
        ),
        ({"referral_date": "2026-02-30"}, "$[0].social_care_episodes[0].referral_date: `2026-02-30` is not a day"),
        (
            {"referral_no_further_action_flag": "false"},
            "$[0].social_care_episodes[0].referral_no_further_action_flag: expected true or false",
        ),
        ({"referral_no_further_action_flag": 0}, "$[0].social_care_episodes[0].referral_no_further_action_flag: expected true or false"),
        ({"referral_source": 6}, "$[0].social_care_episodes[0].referral_source: expected text, found a number"),
        ({"social_care_episode_id": ["E1"]}, "$[0].social_care_episodes[0].social_care_episode_id: expected text, found a list"),
    ],
)
def test_a_wrong_type_rejects_the_record_with_its_path_and_what_is_in_it_is_read(read: Any, said: dict[str, Any], where: str) -> None:
    plans = [{"child_in_need_plan_id": "N1", "start_date": "2026-01-20"}]
    reading = read([child({**episode(child_in_need_plans=plans), **said}), child(episode(), child_id="C2")])
    assert [(r.origin, r.row) for r in reading.rejected] == [("day1.json", 1)]
    assert reading.rejected[0].why.startswith(where)
    assert (reading.records_read, reading.records_used) == (5, 4)
    assert [r[:3] for r in rows(reading)] == [("C1", "cin_plan_started", "2026-01-20"), ("C2", "referral_received", "2026-01-05")]


LATE = {"child_and_family_assessment_id": "A1", "authorisation_date": "2026-02-01"}
NOT_SAID = {"section_47_assessment_id": "S1", "start_date": "2026-02-01", "icpc_required_flag": "N"}


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"child_and_family_assessments": [LATE]}, "child_and_family_assessments[0].start_date: missing"),
        ({"child_in_need_plans": ["N1"]}, "child_in_need_plans[0]: expected an object, found text"),
        ({"child_protection_plans": {"start_date": "2026-02-01"}}, "child_protection_plans: expected a list, found an object"),
        ({"adoption": []}, "adoption: expected an object, found a list"),
        ({"care_leavers": {"activity": "F2"}}, "care_leavers.contact_date: missing"),
        ({"care_worker_details": [{"start_date": "2026-02-01"}]}, "care_worker_details[0].worker_id: missing"),
        ({"section_47_assessments": [NOT_SAID]}, "section_47_assessments[0].icpc_required_flag: expected true or false, found text"),
    ],
)
def test_a_bad_record_of_an_episode_is_rejected_and_the_rest_goes_on(read: Any, blocks: dict[str, Any], path: str) -> None:
    reading = read([child(episode(**blocks))])
    assert [r.why for r in reading.rejected] == [f"$[0].social_care_episodes[0].{path}"]
    assert kinds(reading) == [("referral_received", "2026-01-05")]
    assert reading.records_read == reading.records_used + 1
    assert any(d.code == "rejected" and path in d.message for d in reading.diagnostics)


@pytest.mark.parametrize(
    "bad", [{"la_child_id": None, "mis_child_id": "M1"}, {"mis_child_id": "M1"}, {"la_child_id": 7}, {"la_child_id": " "}, "C1", None]
)
def test_a_child_without_an_id_of_the_authority_cannot_be_told(read: Any, bad: Any) -> None:
    reading = read(
        [
            bad if not isinstance(bad, dict) else {**child(episode()), **bad} | ({} if "la_child_id" in bad else {"la_child_id": ""}),
            child(episode(), child_id="C2"),
        ]
    )
    assert [r.row for r in reading.rejected] == [1] and "$[0]" in reading.rejected[0].why
    assert reading.log.children.tolist() == ["C2"]
    assert reading.records_read == reading.records_used + 1


@pytest.mark.parametrize("score", [True, "17", 17.5])
def test_a_score_is_a_whole_number(read: Any, score: Any) -> None:
    reading = read([child(health_and_wellbeing={"sdq_assessments": [{"date": "2026-01-20", "score": score}]})])
    assert [r.why.split(":")[0] for r in reading.rejected] == ["$[0].health_and_wellbeing.sdq_assessments[0].score"]
    assert not rows(reading)


def test_records_without_ids_are_known_by_their_dates(read: Any) -> None:
    plans = [{"child_in_need_plan_id": None, "start_date": "2026-01-20"}, {"start_date": "2026-02-20"}]
    ended = [{"start_date": "2026-01-20", "end_date": "2026-02-01"}]
    reading = read([child(episode(None, child_in_need_plans=plans))], [child(episode(None, child_in_need_plans=ended))])
    assert reading.rejected == ()
    assert kinds(reading) == [
        ("referral_received", "2026-01-05"),
        ("cin_plan_started", "2026-01-20"),
        ("cin_plan_ended", "2026-02-01"),
        ("cin_plan_started", "2026-02-20"),
    ]
    refs = {r[3] for r in rows(reading) if r[1].startswith("cin_plan") and r[2] < "2026-02-20"}
    assert len(refs) == 1


def test_unknown_fields_are_kept_out_and_counted(read: Any) -> None:
    reading = read([child(episode(visits=[{"date": "2026-01-09"}])), child(episode(visits=[]), child_id="C2", other_child_id="X")])
    assert said(reading, "unknown_field") == [
        "`child.other_child_id` is not in the schema known here and is not read: 1 time",
        "`social_care_episodes.visits` is not in the schema known here and is not read: 2 times",
    ]
    assert [k for k, _ in kinds(reading)] == ["referral_received", "referral_received"]


def dated(block: str, start: str, **dates: str) -> dict[str, Any]:
    return {block: [{"start_date": start, **dates}]}


ENQUIRY = {"strategy_discussion_held", "s47_started", "icpc_held"}
PLACED = {"looked_after_started", "placement_started", "placement_ended"}


@pytest.mark.parametrize(
    ("blocks", "wrong"),
    [
        (
            dated("child_and_family_assessments", "2026-02-01", authorisation_date="2026-01-31"),
            {"assessment_started", "assessment_authorised"},
        ),
        (dated("child_and_family_assessments", "2026-02-01", authorisation_date="2026-02-01"), set()),
        (dated("child_and_family_assessments", "2026-01-04"), {"referral_received", "assessment_started"}),
        (dated("section_47_assessments", "2026-02-01", icpc_date="2026-01-31"), ENQUIRY),
        (dated("section_47_assessments", "2026-02-01", icpc_date="2026-02-01"), set()),
        (dated("child_protection_plans", "2026-02-01", end_date="2026-01-31"), {"cp_plan_started", "cp_plan_ended"}),
        (dated("child_protection_plans", "2026-02-01", end_date="2026-02-01"), set()),
        (dated("child_looked_after_placements", "2026-02-01", start_reason="S", end_date="2026-01-31"), PLACED),
        (dated("child_looked_after_placements", "2026-02-01", start_reason="S", end_date="2026-02-01"), set()),
        ({"closure_date": "2026-01-04"}, {"referral_received", "case_closed"}),
        ({"closure_date": "2026-01-05"}, set()),
    ],
)
def test_dates_that_cannot_be_right_are_set_apart(read: Any, blocks: dict[str, Any], wrong: set[str]) -> None:
    reading = read([child(episode(**blocks))])
    assert suspects(reading) == wrong
    assert len(said(reading, "impossible_dates")) == (1 if wrong else 0)


def test_codes_that_are_not_known_are_said_and_not_recorded(read: Any) -> None:
    reading = read([child(episode(referral_source="BB"))])
    assert "source_agency" not in rows(reading)[0][4]
    assert said(reading, "value") == ["`referral_source` holds a code that is not known and is taken as not recorded: 1 time"]


def test_more_than_a_hundred_children_are_read_and_said(read: Any) -> None:
    many = read([child(episode(), child_id=f"C{i}") for i in range(101)])
    assert len(many.log.children) == 101 and len(said(many, "too_many")) == 1
    assert not said(read([child(episode(), child_id=f"C{i}") for i in range(100)]), "too_many")


def test_an_unborn_child_keeps_the_expected_date(read: Any) -> None:
    log = read([child(episode(), child_details={"expected_date_of_birth": "2026-06-01"})]).log
    assert log.expected is not None and as_date(int(log.expected[0])).isoformat() == "2026-06-01"
    assert log.born is None or log.born[0] == NO_DAY


def test_submissions_of_two_authorities_are_said(read: Any) -> None:
    reading = read({"la_code": 330, "Children": [child(episode())]}, {"la_code": 331, "Children": [child(episode(), child_id="C2")]})
    assert said(reading, "authorities") == ["the submissions are of 2 authorities: 330, 331"]


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", "json"), ("[" * 100_000, "json"), ('{"a": 1}', "csc_api"), ('"x"', "csc_api"), ("", "json"), ('{"Children": 3}', "csc_api")],
)
def test_a_file_that_is_no_submission_is_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_csc_api(path, BOOK)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"[{\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_csc_api(path, BOOK)


def test_one_bad_file_of_a_folder_refuses_the_folder(tmp_path: Path) -> None:
    (tmp_path / "day1.json").write_text(json.dumps([child(episode())]))
    (tmp_path / "day2.json").write_text('[{"la_child_id"')
    with pytest.raises(InputError) as caught:  # what follows a gap cannot be trusted
        read_csc_api(tmp_path, BOOK)
    assert [Path(d.file).name for d in caught.value.diagnostics] == ["day2.json"]


def test_a_folder_of_submissions_is_one_source_and_what_else_is_in_it_is_tried_by_itself(tmp_path: Path) -> None:
    assert sources_in(DATA / "daily") == [DATA / "daily"]
    (tmp_path / "day1.json").write_text(json.dumps([child(episode())]))
    (tmp_path / "notes.json").write_text('{"something": "else"}')
    (tmp_path / "events.csv").write_text("child_id,event,at\nC1,cp_visit,2026-03-02\n")
    assert sources_in(tmp_path) == [tmp_path, tmp_path / "events.csv", tmp_path / "notes.json"]
    found = replay([tmp_path], BOOK, parse_moment("2026-03-31"))
    assert [r.path for r in found.read] == [tmp_path.name, "events.csv"]
    assert [(r.path, [d.code for d in r.diagnostics]) for r in found.refused] == [("notes.json", ["json"])]
    (tmp_path / "reviews.csv").write_text("CHILD,DOB,REVIEW,REVIEW_CODE\n1,01/01/2015,01/05/2025,PN1\n")
    with pytest.raises(InputError, match="folder of their own"):
        sources_in(tmp_path)


def test_an_empty_file_among_submissions_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "day1.json").write_text(json.dumps([child(episode())]))
    (tmp_path / "day2.json").write_text("")
    with pytest.raises(InputError) as caught:
        read_csc_api(tmp_path, BOOK)
    assert [Path(d.file).name for d in caught.value.diagnostics] == ["day2.json"]


def test_the_description_of_the_collection_is_refused_by_name_and_the_submissions_beside_it_are_read() -> None:
    found = replay([DATA], BOOK, parse_moment("2026-03-31"))
    (source,) = found.read
    assert source.reading.format == "DfE CSC API" and source.reading.records_read == source.reading.records_used == 31
    (refused,) = found.refused
    assert refused.path == "openapi.json" and "neither an OCEL log nor a submission" in refused.diagnostics[0].message
    (said,) = [d for d in source.reading.diagnostics if d.code == "beside"]
    assert said.message == "in the folder `csc_api` the folder `daily` was not looked into" and said.help == "name it to have it read"


def test_other_json_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"something": "else"}')
    assert sources_in(tmp_path) == [tmp_path / "notes.json"]
    with pytest.raises(InputError, match="neither an OCEL log nor a submission"):
        read_source(tmp_path / "notes.json", BOOK)
