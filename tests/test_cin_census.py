"""The children in need census as authorities send it: every module, odd dates, wrong tags, and files that are not one."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, as_date, day_number, parse_moment
from rrt_engine.diagnostics import InputError
from rrt_engine.measures.cells import Window
from rrt_engine.measures.run import Asked, measured, sources_of
from rrt_engine.model import REASONS, STATUSES
from rrt_engine.paths import RULES
from rrt_engine.replay.run import read_all
from rrt_engine.rulebook.load_measures import load_measures
from rrt_engine.sources.cin_census import looks_like_cin_census, read_cin_census
from rrt_engine.sources.reading import Reading
from rrt_engine.timescales.evaluate import evaluate
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data" / "cin_census"

HEADER = """<Header><CollectionDetails><Collection>CIN</Collection><Year>2026</Year><ReferenceDate>2026-03-31</ReferenceDate>
</CollectionDetails><Source><LEA>330</LEA></Source></Header>"""


def child(details: str, child_id: str = "C1", about: str = "<PersonBirthDate>2015-03-27</PersonBirthDate>") -> str:
    return (
        f"<Child><ChildIdentifiers><LAchildID>{child_id}</LAchildID>{about}<Sex>M</Sex></ChildIdentifiers>"
        f"<ChildCharacteristics><Ethnicity>WBRI</Ethnicity></ChildCharacteristics>\n{details}</Child>\n"
    )


def episode(inner: str = "", referral: str = "2025-05-01", rest: str = "") -> str:
    return (
        f"<CINdetails><CINreferralDate>{referral}</CINreferralDate><ReferralSource>6</ReferralSource>{rest}\n"
        f"{inner}<ReferralNFA>0</ReferralNFA></CINdetails>\n"
    )


def enquiry(start: str = "2025-05-02", rest: str = "<ICPCnotRequired>false</ICPCnotRequired>") -> str:
    return f"<Section47><S47ActualStartDate>{start}</S47ActualStartDate>{rest}</Section47>\n"


def plan(start: str = "2025-05-20", rest: str = "", reviews: str = "") -> str:
    return (
        f"<ChildProtectionPlans><CPPstartDate>{start}</CPPstartDate>{rest}<InitialCategoryOfAbuse>NEG</InitialCategoryOfAbuse>"
        f"<NumberOfPreviousCPP>1</NumberOfPreviousCPP>{reviews}</ChildProtectionPlans>\n"
    )


def message(*children: str, header: str = HEADER) -> str:
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<Message>{header}<Children>\n{''.join(children)}</Children></Message>"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def reading(text: str | bytes) -> Reading:
        path = tmp_path / "cin.xml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_cin_census(path, BOOK)

    return reading


def rows(reading: Reading) -> list[dict[str, Any]]:
    log = reading.log
    return [
        {
            "child": log.children[log.child[i]],
            "event": log.kinds[log.kind[i]],
            "at": as_date(int(log.day[i])).isoformat(),
            "ref": log.refs[log.ref[i]] if log.ref is not None and log.ref[i] >= 0 else None,
            "suspect": bool(log.suspect is not None and log.suspect[i]),
            "line": int(log.origin_row[i]) if log.origin_row is not None else 0,
            **{name: log.value(name, i) for name in log.attributes if log.value(name, i) is not None},
        }
        for i in range(len(log))
    ]


def only(reading: Reading, kind: str) -> dict[str, Any]:
    found = [r for r in rows(reading) if r["event"] == kind]
    assert len(found) == 1, found
    return found[0]


def codes(reading: Reading) -> Counter[str]:
    return Counter(d.code for d in reading.diagnostics)


# ------------------------------------------------------------------------------------------- the modules as events


def test_every_module_becomes_its_events(read: Any) -> None:
    reading = read(
        message(
            child(
                episode(
                    "<Assessments><AssessmentActualStartDate>2025-05-02</AssessmentActualStartDate>"
                    "<AssessmentAuthorisationDate>2025-06-10</AssessmentAuthorisationDate><FactorsIdentifiedAtAssessment/></Assessments>"
                    "<CINPlanDates><CINPlanStartDate>2025-06-11</CINPlanStartDate><CINPlanEndDate>2025-06-12</CINPlanEndDate></CINPlanDates>"
                    + enquiry(rest="<DateOfInitialCPC>2025-05-20</DateOfInitialCPC><ICPCnotRequired>0</ICPCnotRequired>")
                    + plan(
                        rest="<CPPendDate>2026-01-10</CPPendDate>",
                        reviews="<Reviews><CPPreviewDate>2025-08-01</CPPreviewDate><CPPreviewDate>2025-12-01</CPPreviewDate></Reviews>",
                    ),
                    rest="<CINclosureDate>2026-02-01</CINclosureDate><ReasonForClosure>RC8</ReasonForClosure>",
                ),
            )
        )
    )
    assert (reading.records_read, reading.records_used, reading.rejected) == (7, 7, ())
    assert reading.format == "CIN census"
    found = [{k: v for k, v in r.items() if k not in ("child", "suspect", "line")} for r in rows(reading)]
    assert found == [
        {"event": "referral_received", "at": "2025-05-01", "ref": "R1", "nfa": False, "source_agency": "police"},
        {"event": "assessment_started", "at": "2025-05-02", "ref": "R1/A1"},
        {"event": "strategy_discussion_held", "at": "2025-05-02", "ref": "R1/S1", "s47_initiated": True},
        {"event": "s47_started", "at": "2025-05-02", "ref": "R1/S1"},
        {"event": "icpc_held", "at": "2025-05-20", "ref": "R1/S1", "outcome": "cp_plan", "transfer_in": False},
        {"event": "cp_plan_started", "at": "2025-05-20", "ref": "R1P1", "category": "neglect", "previous_plans": 1},
        {"event": "assessment_authorised", "at": "2025-06-10", "ref": "R1/A1"},
        {"event": "cin_plan_started", "at": "2025-06-11", "ref": "R1C1"},
        {"event": "cin_plan_ended", "at": "2025-06-12", "ref": "R1C1"},
        {"event": "rcpc_held", "at": "2025-08-01", "ref": "R1P1"},
        {"event": "rcpc_held", "at": "2025-12-01", "ref": "R1P1"},
        {"event": "cp_plan_ended", "at": "2026-01-10", "ref": "R1P1"},
        {"event": "case_closed", "at": "2026-02-01", "ref": "R1", "reason": "RC8"},
    ]
    assert reading.diagnostics == ()
    assert as_date(int(reading.log.born[0])).isoformat() == "2015-03-27"


def test_a_conference_on_time_is_met_from_end_to_end(read: Any) -> None:
    reading = read(message(child(episode(enquiry(rest="<DateOfInitialCPC>2025-05-23</DateOfInitialCPC>")))))
    result = evaluate(reading.log, BOOK.only("cp_icpc_15wd"), parse_moment("2026-03-31"))
    assert len(result.flags) == 1
    assert STATUSES[result.flags.status[0]] == "met"
    assert as_date(int(result.flags.due[0])).isoformat() == "2025-05-27"  # 5 and 26 May 2025 were bank holidays


def test_the_year_a_file_covers_is_said(read: Any) -> None:
    coverage = read(message(child(episode()))).log.coverage
    assert coverage.kinds and all(coverage.since_day(kind) == parse_moment("2025-04-01").day for kind in coverage.kinds)
    assert coverage.until == {"": parse_moment("2026-03-31").day}
    assert ("assessment_started", "assessment_authorised") in coverage.whole
    assert ("referral_received", "assessment_authorised") not in coverage.whole


def year(ends: int) -> str:
    return HEADER.replace("2026", str(ends))


def assessed(start: str, end: str = "") -> str:
    done = f"<AssessmentAuthorisationDate>{end}</AssessmentAuthorisationDate>" if end else ""
    return f"<Assessments><AssessmentActualStartDate>{start}</AssessmentActualStartDate>{done}</Assessments>\n"


def said(reading: Reading, rule: str, as_of: str) -> list[tuple[str, str]]:
    """The status of each duty under a rule, with the reason of those that cannot be told."""
    flags = evaluate(reading.log, BOOK.only(rule), parse_moment(as_of)).flags
    return [(STATUSES[s], REASONS[r]) for s, r in zip(flags.status.tolist(), flags.reason.tolist(), strict=True)]


def test_an_interval_that_is_in_the_return_is_judged_however_long_ago_it_began(read: Any) -> None:
    begun = episode(assessed("2025-03-10", "2025-04-25"), referral="2025-03-07")
    assert said(read(message(child(begun))), "as_single_45wd_census", "2026-03-31") == [("met", "")]
    long = episode(assessed("2025-01-10", "2025-04-25"), referral="2025-01-09")
    assert said(read(message(child(long))), "as_single_45wd_census", "2026-03-31") == [("late", "")]
    enquired = episode(enquiry("2025-03-20", "<DateOfInitialCPC>2025-04-10</DateOfInitialCPC>"), referral="2025-03-07")
    assert said(read(message(child(enquired))), "cp_icpc_15wd", "2026-03-31") == [("met", "")]
    planned = episode(plan("2023-05-09"), referral="2023-03-07")
    assert said(read(message(child(planned))), "cp_plan_over_2y", "2026-03-31") == [("overdue", "")]


def test_an_assessment_that_ended_before_the_year_is_not_in_the_return_and_is_not_overdue(read: Any) -> None:
    assert said(read(message(child(episode(referral="2025-03-31")))), "as_single_45wd", "2026-03-31") == [("cannot_tell", "before_records")]
    assert said(read(message(child(episode(referral="2025-04-01")))), "as_single_45wd", "2026-03-31") == [("overdue", "")]
    again = episode(assessed("2025-09-01", "2025-09-20"), referral="2025-03-03")  # its first assessment may have been in time
    assert said(read(message(child(again))), "as_single_45wd", "2026-03-31") == [("cannot_tell", "before_records")]


def test_a_return_replayed_a_year_later_shows_no_false_overdue(read: Any) -> None:
    started = episode(assessed("2026-03-02"), referral="2026-03-01")  # due on 6 May 2026, after the year
    reading = read(message(child(started + episode(plan("2026-02-10"), referral="2026-02-01"))))
    assert "overdue" not in {STATUSES[s] for s in evaluate(reading.log, BOOK, parse_moment("2027-03-31")).flags.status.tolist()}
    assert said(reading, "as_single_45wd_census", "2027-03-31") == [("cannot_tell", "after_records")]
    assert said(reading, "as_single_45wd_census", "2026-03-31") == [("due", "")]


def test_what_fell_due_on_the_last_day_of_the_year_is_overdue_and_the_day_after_cannot_be_told(read: Any) -> None:
    calendar = BOOK.calendar
    due = {d: int(calendar.add_working_days(np.array([parse_moment(d).day]), 45)[0]) for d in ("2026-01-26", "2026-01-27")}
    assert due == {"2026-01-26": parse_moment("2026-03-30").day, "2026-01-27": parse_moment("2026-03-31").day}
    for start, status in (("2026-01-27", ("overdue", "")), ("2026-01-28", ("cannot_tell", "after_records"))):
        reading = read(message(child(episode(assessed(start), referral=start))))
        assert said(reading, "as_single_45wd_census", "2026-05-01") == [status]


def test_two_returns_in_a_row_look_back_over_both(tmp_path: Path) -> None:
    closed = "<CINclosureDate>2024-07-01</CINclosureDate><ReasonForClosure>RC1</ReasonForClosure>"
    first = message(child(episode(referral="2024-06-03", rest=closed)), child(episode(referral="2024-08-01"), "C2"), header=year(2025))
    second = message(
        child(episode(referral="2025-05-06")), child(episode(referral="2025-05-07"), "C3"), child(episode(referral="2024-08-01"), "C2")
    )
    for name, text in (("cin-2025.xml", first), ("cin-2026.xml", second)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    measures = load_measures(RULES, BOOK)
    asked = Asked(Window(parse_moment("2025-04-01").day, parse_moment("2026-03-31").day))

    def figures(*names: str) -> tuple[int | None, int | None, int | None]:
        read = read_all([tmp_path / name for name in names], BOOK)
        (line,) = measured(sources_of(read.merging, [s.reading for s in read.sources]), measures, measures.named(["kpi_01"]), asked).lines
        return line.period.numerator, line.period.denominator, line.period.before_records

    assert figures("cin-2026.xml") == (0, 0, 2)  # the year's own return cannot say what came in the twelve months before
    # C3 is in the second return alone, and would be in the first had anybody referred C3 in its year
    assert figures("cin-2025.xml", "cin-2026.xml") == figures("cin-2026.xml", "cin-2025.xml") == (1, 2, 0)
    both = read_all([tmp_path], BOOK)
    by_members = {group.members: group.log.coverage for group in both.merging.groups}
    assert by_members[0, 1].since_day("referral_received") == parse_moment("2024-04-01").day
    assert by_members[0, 1].until_day("referral_received") == parse_moment("2026-03-31").day
    assert by_members[1,].since_day("referral_received") == parse_moment("2025-04-01").day
    assert ("cp_plan_started", "cp_plan_ended") in by_members[0, 1].whole


def test_a_year_missing_between_two_returns_may_hold_the_end_of_what_was_open(tmp_path: Path) -> None:
    for name, text in (
        ("cin-2024.xml", message(child(episode(assessed("2024-03-04"), referral="2024-03-01")), header=year(2024))),
        ("cin-2026.xml", message(child(episode(referral="2025-05-06")))),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (group,) = read_all([tmp_path], BOOK).merging.groups
    assert group.log.coverage.since_day("assessment_authorised") == parse_moment("2025-04-01").day
    assert ("assessment_started", "assessment_authorised") not in group.log.coverage.whole
    flags = evaluate(group.log, BOOK.only("as_single_45wd_census"), parse_moment("2026-03-31")).flags
    assert [REASONS[r] for r in flags.reason.tolist()] == ["before_records"]


@pytest.mark.parametrize("text", ["", "31/03/2026", "2026-02-30"])
def test_a_missing_reference_date_is_said(read: Any, text: str) -> None:
    reading = read(message(child(episode()), header=HEADER.replace("2026-03-31", text)))
    assert reading.log.coverage.since == {} and codes(reading)["reference_date"] == 1


def test_a_reference_date_inside_the_year_is_said_and_used(read: Any) -> None:
    reading = read(message(child(episode()), header=HEADER.replace("2026-03-31", "2025-07-21")))
    assert reading.log.coverage.since["rcpc_held"] == parse_moment("2025-04-01").day
    assert codes(reading)["reference_date"] == 1


def test_true_and_1_are_the_same(read: Any) -> None:
    for text, expected in (("1", True), ("true", True), ("True", True), ("0", False), ("false", False)):
        reading = read(message(child(episode().replace("<ReferralNFA>0", f"<ReferralNFA>{text}"))))
        assert only(reading, "referral_received")["nfa"] is expected


def test_a_flag_that_cannot_be_read_is_not_recorded_and_is_said(read: Any) -> None:
    reading = read(message(child(episode().replace("<ReferralNFA>0", "<ReferralNFA>maybe").replace(">6<", ">99<"))))
    found = only(reading, "referral_received")
    assert "nfa" not in found and "source_agency" not in found and reading.records_used == 1
    assert codes(reading)["value"] == 2


def test_conference_not_required_ends_the_wait_on_the_day_the_enquiry_started(read: Any) -> None:
    reading = read(message(child(episode(enquiry(rest="<ICPCnotRequired>true</ICPCnotRequired>")))))
    found = only(reading, "s47_outcome_recorded")
    assert (found["at"], found["ref"], found["icpc_required"]) == ("2025-05-02", "R1/S1", False)


def test_a_conference_held_though_not_required_is_read_and_said(read: Any) -> None:
    text = "<DateOfInitialCPC>2025-05-20</DateOfInitialCPC><ICPCnotRequired>1</ICPCnotRequired>"
    reading = read(message(child(episode(enquiry(rest=text)))))
    assert only(reading, "icpc_held")["at"] == "2025-05-20"
    assert "s47_outcome_recorded" not in reading.log.kinds and codes(reading)["value"] == 1


def test_a_conference_beside_the_referral_is_a_family_that_moved_in(read: Any) -> None:
    reading = read(message(child(episode(plan("2025-05-12"), rest="<DateOfInitialCPC>2025-05-12</DateOfInitialCPC>"))))
    assert only(reading, "cp_transfer_notified")["at"] == "2025-05-01"
    held = only(reading, "icpc_held")
    assert held["transfer_in"] is True and held["outcome"] == "cp_plan" and held["ref"] == "R1/T1"
    assert not codes(reading)["cin_2885"]


def test_a_conference_recorded_in_both_places_is_read_once(read: Any) -> None:
    inner = enquiry(rest="<DateOfInitialCPC>2025-05-20</DateOfInitialCPC>")
    reading = read(message(child(episode(inner, rest="<DateOfInitialCPC>2025-05-20</DateOfInitialCPC>"))))
    assert only(reading, "icpc_held")["ref"] == "R1/S1"
    assert "cp_transfer_notified" not in reading.log.kinds and codes(reading)["cin_2884"] == 1


def test_a_plan_without_a_conference_is_taken_to_have_had_one_that_day(read: Any) -> None:
    reading = read(message(child(episode(enquiry() + plan()))))
    held = only(reading, "icpc_held")
    assert (held["at"], held["ref"], held["outcome"], held["suspect"]) == ("2025-05-20", "R1/P1", "cp_plan", False)
    assert codes(reading)["cin_2885"] == 1
    said = next(d for d in reading.diagnostics if d.code == "cin_2885")
    assert "1 in all" in said.message and said.line > 1


PRE_PROCEEDINGS = """<PreProceedingsandFGDM><PPStartDate>2025-09-09</PPStartDate><LBPSentDate>2025-09-20</LBPSentDate>
<FGDMMeetingOffer>1</FGDMMeetingOffer><FGDMMeetingFac>1</FGDMMeetingFac><InitialPPMeetingDate>2025-09-28</InitialPPMeetingDate>
<ReviewMeetingsCount>3</ReviewMeetingsCount><StepDecisionDate>2025-12-01</StepDecisionDate><PPOutcome>A</PPOutcome>
<CourtAppDate>2025-12-18</CourtAppDate><LetterInitCPDate>2026-02-05</LetterInitCPDate></PreProceedingsandFGDM>"""


def test_pre_proceedings_of_2026(read: Any) -> None:
    reading = read(message(child(episode(PRE_PROCEEDINGS))))
    assert [(r["event"], r["at"]) for r in rows(reading)][1:] == [
        ("letter_before_proceedings_sent", "2025-09-20"),
        ("fgdm_offered", "2025-09-20"),
        ("pre_proceedings_meeting_held", "2025-09-28"),
        ("care_application_issued", "2025-12-18"),
    ]
    assert reading.log.coverage.carries("letter_before_proceedings_sent") and reading.records_read == 2


def test_pre_proceedings_that_did_not_go_to_court_end_on_the_decision(read: Any) -> None:
    text = PRE_PROCEEDINGS.replace("<CourtAppDate>2025-12-18</CourtAppDate>", "").replace("Offer>1<", "Offer>0<")
    reading = read(message(child(episode(text))))
    assert (only(reading, "pre_proceedings_ended")["at"], only(reading, "pre_proceedings_ended")["outcome"]) == ("2025-12-01", "A")
    assert "fgdm_offered" not in reading.log.kinds


def test_death_and_expected_birth(read: Any) -> None:
    about = "<ExpectedPersonBirthDate>2025-09-01</ExpectedPersonBirthDate><PersonDeathDate>2025-12-01</PersonDeathDate>"
    reading = read(message(child(episode(), about=about)))
    assert only(reading, "child_died")["at"] == "2025-12-01"
    assert reading.log.born is None and as_date(int(reading.log.expected[0])).isoformat() == "2025-09-01"


def test_refs_are_unique_for_a_child_over_several_episodes_and_blocks(read: Any) -> None:
    first, second = episode(enquiry()), episode(enquiry("2025-10-02"), "2025-10-01")
    reading = read(message(child(first + second), child(episode(referral="2026-01-05"))))
    assert [r["ref"] for r in rows(reading) if r["event"] in ("referral_received", "s47_started")] == ["R1", "R1/S1", "R2", "R2/S1", "R3"]
    assert list(reading.log.children) == ["C1"]


# ------------------------------------------------------------------------------------------- dates out of order


@pytest.mark.parametrize(
    ("rule", "text", "suspect"),
    [
        (
            "1103",
            episode("<Assessments><AssessmentActualStartDate>2025-04-30</AssessmentActualStartDate></Assessments>"),
            {"referral_received", "assessment_started"},
        ),
        (
            "8608",
            episode(
                "<Assessments><AssessmentActualStartDate>2025-05-10</AssessmentActualStartDate>"
                "<AssessmentAuthorisationDate>2025-05-09</AssessmentAuthorisationDate></Assessments>"
            ),
            {"assessment_started", "assessment_authorised"},
        ),
        (
            "8615",
            episode(enquiry(rest="<DateOfInitialCPC>2025-05-01</DateOfInitialCPC>")),
            {"strategy_discussion_held", "s47_started", "icpc_held"},
        ),
        ("2889", episode(enquiry("2025-04-01")), {"referral_received", "strategy_discussion_held", "s47_started"}),
        (
            "1104",
            episode(rest="<DateOfInitialCPC>2025-04-01</DateOfInitialCPC>"),
            {"referral_received", "icpc_held", "cp_transfer_notified"},
        ),
        ("1105", episode(plan("2025-04-30")), {"referral_received", "cp_plan_started", "icpc_held"}),
        ("8925", episode(plan(rest="<CPPendDate>2025-05-19</CPPendDate>")), {"cp_plan_started", "cp_plan_ended", "icpc_held"}),
        (
            "8841",
            episode(plan(reviews="<Reviews><CPPreviewDate>2025-05-20</CPPreviewDate></Reviews>")),
            {"cp_plan_started", "rcpc_held", "icpc_held"},
        ),
        ("8630", episode(rest="<CINclosureDate>2025-04-30</CINclosureDate>"), {"referral_received", "case_closed"}),
        (
            "4011",
            episode(
                "<CINPlanDates><CINPlanStartDate>2025-05-10</CINPlanStartDate><CINPlanEndDate>2025-05-09</CINPlanEndDate></CINPlanDates>"
            ),
            {"cin_plan_started", "cin_plan_ended"},
        ),
        (
            "4015",
            episode("<CINPlanDates><CINPlanStartDate>2025-04-10</CINPlanStartDate></CINPlanDates>"),
            {"referral_received", "cin_plan_started"},
        ),
    ],
)
def test_dates_out_of_order_are_kept_marked_and_counted(read: Any, rule: str, text: str, suspect: set[str]) -> None:
    reading = read(message(child(text), child(text, "C2")))
    assert {r["event"] for r in rows(reading) if r["suspect"]} == suspect
    assert reading.rejected == ()
    said = [d for d in reading.diagnostics if d.code == f"cin_{rule}"]
    assert len(said) == 1 and "2 in all" in said[0].message and f"rule {rule}" in said[0].message


def test_the_random_dates_of_the_sample_give_one_line_a_rule() -> None:
    reading = read_cin_census(DATA / "generated_seed1001_conforming.xml", BOOK)
    assert (reading.records_read, reading.records_used, len(reading.log)) == (996, 996, 2083)
    found = codes(reading)
    assert max(found.values()) == 1 and len(found) == 13
    assert "49 of 49 supplied conference targets" in next(d.message for d in reading.diagnostics if d.code == "target_differs")


# ------------------------------------------------------------------------------------------- records that cannot be used


def test_an_unreadable_date_rejects_its_module_only(read: Any) -> None:
    reading = read(message(child(episode(enquiry("2025-13-01") + enquiry("02/05/2025") + enquiry(), "2025-02-30"))))
    assert (reading.records_read, reading.records_used) == (4, 1)
    assert sorted((r.row, r.why.split(" is ")[0]) for r in reading.rejected) == [
        (5, "`CINreferralDate`: `2025-02-30`"),
        (6, "`S47ActualStartDate`: `2025-13-01`"),
        (7, "`S47ActualStartDate`: `02/05/2025`"),
    ]
    assert reading.rejected[0].origin == "cin.xml"
    assert only(reading, "s47_started")["ref"] == "R1/S3"
    assert codes(reading)["rejected"] == 2


def test_a_missing_required_date_rejects_its_module(read: Any) -> None:
    empty = "<Assessments><AssessmentActualStartDate/></Assessments>\n<ChildProtectionPlans><Reviews><CPPreviewDate/>"
    reading = read(message(child(episode(empty + "<CPPreviewDate>2025-06-01</CPPreviewDate></Reviews></ChildProtectionPlans>"))))
    assert (reading.records_read, reading.records_used) == (5, 2)
    assert sorted(r.why for r in reading.rejected) == [
        "`Assessments` has no `AssessmentActualStartDate`",
        "`CPPreviewDate` is missing",
        "`ChildProtectionPlans` has no `CPPstartDate`",
    ]
    assert only(reading, "rcpc_held")["at"] == "2025-06-01"


def test_a_child_without_an_id_loses_every_module(read: Any) -> None:
    reading = read(message(child(episode(enquiry() + plan(reviews="<Reviews><CPPreviewDate>2025-06-01</CPPreviewDate></Reviews>")), "")))
    assert (reading.records_read, reading.records_used, len(reading.log)) == (4, 0, 0)
    assert all("no `LAchildID`" in r.why for r in reading.rejected)


def test_exact_duplicates_are_rejected() -> None:
    reading = read_cin_census(DATA / "CIN2rows.xml", BOOK)
    assert (reading.records_read, reading.records_used) == (8, 6)
    assert [(r.row, r.why) for r in reading.rejected] == [
        (65, "`ChildProtectionPlans` repeats another in the same episode exactly"),
        (72, "`CPPreviewDate` repeats another in the same episode exactly"),
    ]


def test_a_repeated_child_and_a_repeated_review_are_duplicates(read: Any) -> None:
    text = child(
        episode(plan(reviews="<Reviews><CPPreviewDate>2025-08-01</CPPreviewDate><CPPreviewDate>2025-08-01</CPPreviewDate></Reviews>"))
    )
    reading = read(message(text, text))
    assert (reading.records_read, reading.records_used) == (8, 3)
    assert [r["event"] for r in rows(reading)].count("rcpc_held") == 1


def test_assessments_that_differ_only_in_factors_are_not_duplicates(read: Any) -> None:
    factors = "<FactorsIdentifiedAtAssessment><AssessmentFactors>%s</AssessmentFactors></FactorsIdentifiedAtAssessment>"
    one = f"<Assessments><AssessmentActualStartDate>2025-05-02</AssessmentActualStartDate>{factors}</Assessments>"
    assert read(message(child(episode(one % "1A" + one % "1B")))).records_used == 3
    assert read(message(child(episode(one % "1A" + one % "1A")))).records_used == 2


def test_dates_outside_the_tables_are_rejected_with_their_value() -> None:
    reading = read_cin_census(DATA / "CIN_Census_2021.xml", BOOK)
    assert (reading.records_read, reading.records_used) == (6, 2)
    assert "`CINreferralDate`: `1970-10-06` is outside 1971 to 2058; check the year" in {r.why for r in reading.rejected}
    assert read_cin_census(DATA / "liia_cin-2022.xml", BOOK).records_read == 6


def test_the_2024_sample_with_stray_text_and_empty_factors() -> None:
    reading = read_cin_census(DATA / "CIN_Census_2024.xml", BOOK)
    assert (reading.records_read, reading.records_used, len(reading.log)) == (8, 8, 19)
    assert set(codes(reading)) == {"cin_1103", "cin_1104", "cin_1105", "cin_2889", "cin_8608", "cin_2885", "target_differs"}


# ------------------------------------------------------------------------------------------- the supplied target


def test_a_supplied_target_is_compared_and_never_used(read: Any) -> None:
    right, wrong = "2025-05-27", "2025-05-23"
    inner = "".join(
        enquiry("2025-05-02", f"<InitialCPCtarget>{t}</InitialCPCtarget><ICPCnotRequired>{n}</ICPCnotRequired>")
        for t, n in ((right, 0), (wrong, 0), (wrong, 1))
    )
    reading = read(message(child(episode(inner))))
    said = next(d for d in reading.diagnostics if d.code == "target_differs")
    assert said.message.startswith("2 of 3 supplied conference targets")
    assert "2025-05-23, which should be 2025-05-27" in said.message and said.line == 7
    assert "icpc_scheduled" not in reading.log.kinds


def test_a_target_that_is_no_date_is_said(read: Any) -> None:
    reading = read(message(child(episode(enquiry(rest="<InitialCPCtarget>soon</InitialCPCtarget>")))))
    assert reading.records_used == 2 and codes(reading)["value"] == 1


# ------------------------------------------------------------------------------------------- the shape of the file


def test_a_file_that_is_not_the_schema_is_refused_with_every_wrong_tag() -> None:
    with pytest.raises(InputError) as refused:
        read_cin_census(DATA / "generated_seed1001_raw_nonconforming.xml", BOOK)
    said = [d.message for d in refused.value.diagnostics]
    assert said[0] == "the outermost tag is `CINdetailsCollection`; the DfE schema has `Message`"
    assert [m.split(", at")[0] for m in said[1:]] == [
        "`ICPCRequired` stands in `Section47`, 110 times",
        "`CINClosureDate` stands in `CINdetails`, 101 times",
        "`DateofInitialICPC` stands in `CINdetails`, 41 times",
        "`UPNUnknownType` stands in `ChildIdentifiers`, 31 times",
    ]
    assert [m.rpartition("has ")[2] for m in said[1:]] == ["`ICPCnotRequired`", "`CINclosureDate`", "`DateOfInitialCPC`", "`UPNunknown`"]
    assert refused.value.diagnostics[1].line == 36


def test_a_tag_in_the_wrong_place_is_refused(read: Any) -> None:
    with pytest.raises(InputError, match=r"`AssessmentActualStartDate` stands in `CINdetails`, 1 time.*has it in `Assessments`"):
        read(message(child(episode("<AssessmentActualStartDate>2025-05-02</AssessmentActualStartDate>"))))


def test_a_tag_from_a_later_year_is_said_and_passed_over(read: Any) -> None:
    reading = read(message(child(episode("<FamilyHubReference>1</FamilyHubReference>"))))
    assert reading.records_used == 1
    assert "`FamilyHubReference` in `CINdetails` is not in the DfE schema" in next(
        d.message for d in reading.diagnostics if d.code == "unknown_tag"
    )


def test_a_field_given_twice_is_said(read: Any) -> None:
    reading = read(message(child(episode(rest="<CINreferralDate>2025-06-01</CINreferralDate>"))))
    assert only(reading, "referral_received")["at"] == "2025-05-01" and codes(reading)["repeated"] == 1


def test_namespaces_comments_instructions_and_stray_text_are_passed_over(read: Any) -> None:
    plain = message(child(episode("stray <!-- a note -->" + enquiry() + "<?program x?>")))
    named = plain.replace("<Message>", '<Message xmlns="http://example.org/cin">')
    prefixed = plain.replace("<", "<c:").replace("<c:/", "</c:").replace("<c:?", "<?").replace("<c:!", "<!")
    prefixed = prefixed.replace("<c:Message>", '<c:Message xmlns:c="http://example.org/cin">')
    expected = rows(read(plain))
    assert len(expected) == 3
    assert rows(read(named)) == expected and rows(read(prefixed)) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_other_encodings(read: Any, tmp_path: Path, encoding: str) -> None:
    text = message(child(episode(), "Zoë1")).replace("UTF-8", encoding)
    assert list(read(text.encode(encoding)).log.children) == ["Zoë1"]
    assert looks_like_cin_census(tmp_path / "cin.xml")


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE Message [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Message SYSTEM "http://example.org/cin.dtd">',
        '<!DOCTYPE Message [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_a_document_type_is_refused(read: Any, doctype: str) -> None:
    text = message(child(episode(), "&secret;")).replace("<Message>", f"{doctype}<Message>", 1)
    with pytest.raises(InputError, match="DOCTYPE"):
        read(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("not xml", "not well-formed XML"),
        (message(child(episode()))[:-40], "not well-formed XML"),
        (message(child(episode(), "&undefined;")), "not well-formed XML"),
        ("<html><body/></html>", "the outermost tag is `html`"),
        (message(header=HEADER.replace(">CIN<", ">CLA<")), "the collection `CLA`"),
    ],
)
def test_what_is_no_census_is_refused(read: Any, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the file"):
        read_cin_census(tmp_path / "none.xml", BOOK)
    assert not looks_like_cin_census(tmp_path / "none.xml")


def test_a_return_without_children_is_empty_and_said(read: Any) -> None:
    reading = read(message())
    assert len(reading.log) == 0 and reading.records_read == 0 and codes(reading)["no_children"] == 1


def test_what_looks_like_a_census(tmp_path: Path) -> None:
    assert all(looks_like_cin_census(p) for p in DATA.glob("*.xml"))
    other = tmp_path / "other.xml"
    for text in ("<Message><Header><Collection>CLA</Collection></Header></Message>", "<html/>", "child_id,event,at", ""):
        other.write_text(text)
        assert not looks_like_cin_census(other)


def test_no_diagnostic_names_a_child(read: Any) -> None:
    text = episode(enquiry("2025-04-01") + enquiry("x") + plan("2025-04-30"), rest="<CINclosureDate>y</CINclosureDate>")
    reading = read(message(child(text, "SECRET77"), child(text, "SECRET77")))
    assert not any("SECRET77" in d.text() for d in reading.diagnostics)
    assert not any("SECRET77" in r.why for r in reading.rejected)


# ------------------------------------------------------------------------------------------- size, lines and anything at all


def test_lines_are_right_past_65535(read: Any) -> None:
    text = message("\n" * 70_000, child(episode(enquiry())), child(episode("<Section47>\n</Section47>"), "C2"))
    lines = text.split("\n")
    reading = read(text)
    assert "<S47ActualStartDate>" in lines[only(reading, "s47_started")["line"] - 1]
    assert "<Section47>" in lines[reading.rejected[0].row - 1]
    for row in rows(reading):
        if row["event"] == "referral_received":
            assert "<CINreferralDate>" in lines[row["line"] - 1]


def test_ten_thousand_children_are_all_accounted_for(tmp_path: Path) -> None:
    text = (DATA / "generated_seed1001_conforming.xml").read_text()
    head, rest = text.split("<Children>", 1)
    body, tail = rest.rsplit("</Children>", 1)
    path = tmp_path / "large.xml"
    with path.open("w") as file:
        file.write(head + "<Children>")
        for i in range(50):
            file.write(body.replace("<LAchildID>CH", f"<LAchildID>X{i}_"))
        file.write("</Children>" + tail)
    reading = read_cin_census(path, BOOK)
    assert (len(reading.log.children), len(reading.log), reading.records_read) == (10_000, 104_150, 49_800)


TAGS = ["CINdetails", "Assessments", "Section47", "ChildProtectionPlans", "Reviews", "CPPreviewDate", "CINreferralDate"]
TAGS += ["S47ActualStartDate", "CPPstartDate", "Child", "ChildIdentifiers", "LAchildID", "DateOfInitialCPC", "PersonBirthDate"]
TAGS += ["Nonsense", "Header", "ReferenceDate", "ReferralNFA"]
VALUES = st.sampled_from(
    ["2025-05-01", "2025-04-01", "", "x", "1", "true", "0001-01-01", "9999-12-31", "2025-02-29", "2025-05-01Z", " 2025-06-01 "]
)


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> str:
    tag = draw(st.sampled_from(TAGS))
    inside = draw(VALUES) if depth > 3 or draw(st.booleans()) else "".join(draw(st.lists(trees(depth + 1), max_size=3)))
    return f"<{tag}>{inside}</{tag}>"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.lists(trees(), max_size=4).map(lambda t: message(*t).encode()), st.binary(max_size=200)))
def test_anything_at_all_is_read_or_refused(read: Any, data: bytes) -> None:
    try:
        reading = read(data)
    except InputError:
        return
    assert reading.records_read == reading.records_used + len(reading.rejected)


DAYS = st.integers(0, 400).map(lambda d: as_date(day_number(as_date(20_000)) + d).isoformat())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(DAYS, DAYS, DAYS, DAYS, st.integers(0, 2)), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_children_never_matters(read: Any, drawn: list[tuple[str, str, str, str, int]], order: random.Random) -> None:
    children = [
        child(episode(enquiry(b, f"<DateOfInitialCPC>{c}</DateOfInitialCPC>") * n + plan(d), a), f"C{i}")
        for i, (a, b, c, d, n) in enumerate(drawn)
    ]
    first = read(message(*children))
    order.shuffle(children)
    second = read(message(*children))
    assert [{**r, "line": 0} for r in rows(first)] == [{**r, "line": 0} for r in rows(second)]
    assert first.records_used == second.records_used
    assert all((r["at"] is not None) for r in rows(first)) and (first.log.born != NO_DAY).all()
