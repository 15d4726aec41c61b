"""The SSDA903 return as authorities keep it: every table, chains of episodes, several years, odd dates, and files that are not one."""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections import Counter
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, as_date, day_number, parse_moment
from rrt_engine.diagnostics import InputError
from rrt_engine.model import REASONS, STATUSES
from rrt_engine.replay.run import replay
from rrt_engine.sources.detect import read_source, sources_in
from rrt_engine.sources.reading import Reading
from rrt_engine.sources.ssda903 import looks_like_ssda903, read_ssda903
from rrt_engine.sources.ssda903_tables import TABLES, in_use
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data" / "ssda903"

COLUMNS = {
    "episodes": "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN",
    "header": "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB",
    "reviews": "CHILD,DOB,REVIEW,REVIEW_CODE",
    "uasc": "CHILD,SEX,DOB,DUC",
    "oc2": "CHILD,DOB,SDQ_SCORE,SDQ_REASON,CONVICTED,HEALTH_CHECK,IMMUNISATIONS,TEETH_CHECK,HEALTH_ASSESSMENT,SUBSTANCE_MISUSE,"
    "INTERVENTION_RECEIVED,INTERVENTION_OFFERED",
    "oc3": "CHILD,DOB,IN_TOUCH,ACTIV,ACCOM",
    "ad1": "CHILD,DOB,DATE_INT,DATE_MATCH,FOSTER_CARE,NB_ADOPTR,SEX_ADOPTR,LS_ADOPTR",
    "placed": "CHILD,DOB,DATE_PLACED,DATE_PLACED_CEASED,REASON_PLACED_CEASED",
    "prevperm": "CHILD,DOB,PREV_PERM,LA_PERM,DATE_PERM",
    "missing": "CHILD,DOB,MISSING,MIS_START,MIS_END",
    "workers": "CHILD,DOB,SW_ID,SW_DECOM,SW_DEC,SW_REASON",
    "dolo": "CHILD,DOB,DOLO_START,DOLO_END",
}


def episode(
    decom: str, why: str, status: str, place: str, dec: str = "", rec: str = "", moved: str = "", child: str = "1", provider: str = ""
) -> str:
    return f"{child},{decom},{why},{status},N1,{place},{provider},{dec},{rec},{moved},B1 1AA,B2 2BB,123"


def write(folder: Path, **tables: list[str]) -> Path:
    """A folder of tables, each a list of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text("\n".join([COLUMNS[name], *rows, ""]), encoding="utf-8")
    return folder


def told(reading: Reading, child: str = "1", *only: str) -> list[str]:
    """A child's events in words, one a line: the day, the kind, the attributes; `?` where its date cannot be right."""
    log = reading.log
    found = []
    for row in range(len(log)):
        if log.children[log.child[row]] != child or (only and log.kinds[log.kind[row]] not in only):
            continue
        attributes = [f"{name}={value}" for name in sorted(log.attributes) if (value := log.value(name, row)) is not None]
        suspect = "?" if log.suspect is not None and log.suspect[row] else ""
        found.append(" ".join([as_date(int(log.day[row])).isoformat(), log.kinds[log.kind[row]] + suspect, *attributes]))
    return found


def says(reading: Reading) -> Counter[str]:
    return Counter(d.code for d in reading.diagnostics)


def flags(folder: Path, as_of: str, rule: str) -> list[tuple[str, str, str]]:
    """The flags of one rule: the child, the day it is due and the status."""
    (run,) = replay([folder], BOOK, parse_moment(as_of)).sources
    found = run.result.flags
    return [
        (str(run.log.children[run.log.child[found.trigger[i]]]), as_date(int(found.due[i])).isoformat(), STATUSES[found.status[i]])
        for i in range(len(found))
        if BOOK.rules[found.rule[i]].id == rule
    ]


# ------------------------------------------------------------------------------------------- a chain of episodes


def test_a_time_in_care_from_beginning_to_end(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("03/05/2024", "S", "V2", "U6", "10/06/2024", "X1", "PLACE", provider="PR4"),
            episode("10/06/2024", "P", "V2", "K2", "01/07/2024", "X1", "", provider="PR1"),
            episode("01/07/2024", "L", "C1", "K2", "20/01/2025", "E4A", ""),
        ],
        header=["1,M,02/03/2015,WBRI,,,"],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading) == [
        "2024-05-03 looked_after_started legal_status=V2",
        "2024-05-03 placement_started long_term=False provider=PR4 type=U6",
        "2024-06-10 placement_ended reason=PLACE",
        "2024-06-10 placement_started provider=PR1 type=K2",
        "2024-07-01 legal_status_changed legal_status=C1",
        "2024-07-01 interim_care_order_made",
        "2025-01-20 placement_ended reason=E4A",
        "2025-01-20 looked_after_ended reason=E4A",
    ]
    assert reading.log.born is not None
    assert as_date(int(reading.log.born[0])).isoformat() == "2015-03-02"
    assert (reading.records_read, reading.records_used, reading.rejected) == (4, 4, ())


def test_the_order_and_the_placement_may_change_on_one_day(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("03/05/2024", "S", "C1", "U6", "10/06/2024", "X1"),
            episode("10/06/2024", "B", "C2", "U4", "01/07/2024", "X1"),
            episode("01/07/2024", "U", "E1", "A4"),
        ],
    )
    assert told(read_ssda903(folder, BOOK)) == [
        "2024-05-03 looked_after_started legal_status=C1",
        "2024-05-03 placement_started long_term=False type=U6",
        "2024-06-10 placement_ended",
        "2024-06-10 legal_status_changed legal_status=C2",
        "2024-06-10 care_order_made",
        "2024-06-10 placement_started long_term=True type=U4",
        "2024-07-01 placement_ended",
        "2024-07-01 legal_status_changed legal_status=E1",
        "2024-07-01 authority_to_place_obtained",
        "2024-07-01 placement_started same_carer=True type=A4",
        "2024-07-01 placed_for_adoption",
    ]


def test_a_child_already_in_care_has_no_first_day(tmp_path: Path) -> None:
    """The reason for the first known episode says what began with it, and only that."""
    folder = write(
        tmp_path,
        episodes=[
            episode("03/05/2022", "P", "C2", "U4", child="1"),
            episode("04/05/2022", "L", "C2", "U4", child="2"),
            episode("05/05/2022", "T", "V2", "A3", child="3"),
            episode("06/05/2024", "S", "V2", "U4", child="4"),
        ],
        reviews=[],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading, "1") == [
        "2022-05-03 looked_after_already legal_status=C2 type=U4",
        "2022-05-03 placement_started long_term=True type=U4",
    ]
    assert told(reading, "2") == [
        "2022-05-04 looked_after_already legal_status=C2 type=U4",
        "2022-05-04 legal_status_changed legal_status=C2",
        "2022-05-04 care_order_made",
    ]
    assert told(reading, "3") == [
        "2022-05-05 looked_after_already legal_status=V2 type=A3",
        "2022-05-05 placement_started same_carer=True type=A3",
        "2022-05-05 placed_for_adoption",
    ]
    assert not flags(folder, "2025-03-31", "lac_review_second")
    assert [child for child, _, _ in flags(folder, "2025-03-31", "lac_review_first")] == ["4"]


def test_leaving_and_coming_back_the_same_day_is_two_times_in_care(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[episode("03/05/2024", "S", "V2", "U6", "10/06/2024", "E4A"), episode("10/06/2024", "S", "V2", "U6", "12/06/2024", "E4A")],
    )
    assert told(read_ssda903(folder, BOOK), "1", "looked_after_started", "looked_after_ended") == [
        "2024-05-03 looked_after_started legal_status=V2",
        "2024-06-10 looked_after_ended reason=E4A",
        "2024-06-10 looked_after_started legal_status=V2",
        "2024-06-12 looked_after_ended reason=E4A",
    ]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("E11", "adoption_order_made"),
        ("E12", "adoption_order_made"),
        ("E45", "sgo_made"),
        ("E48", "sgo_made"),
        ("E2", "child_died"),
        ("E3", "case_transferred_out"),
        ("E4A", ""),
        ("E9", ""),
    ],
)
def test_the_reason_for_leaving_care(tmp_path: Path, reason: str, kind: str) -> None:
    folder = write(tmp_path, episodes=[episode("03/05/2024", "S", "V2", "U6", "10/06/2024", reason)])
    ends = [line for line in told(read_ssda903(folder, BOOK)) if line.startswith("2024-06-10")]
    assert f"2024-06-10 looked_after_ended reason={reason}" in ends
    assert Counter(line.split()[1] for line in ends) == Counter(["placement_ended", "looked_after_ended", *([kind] if kind else [])])


def test_an_adoption_in_full(tmp_path: Path) -> None:
    """A stay in hospital does not end it, and neither does a placement order for a child placed with consent."""
    folder = write(
        tmp_path,
        episodes=[
            episode("01/04/2024", "S", "V2", "U6", "01/05/2024", "X1"),
            episode("01/05/2024", "P", "V2", "A5", "01/06/2024", "X1"),
            episode("01/06/2024", "P", "V2", "T1", "08/06/2024", "X1"),
            episode("08/06/2024", "P", "V2", "A5", "01/07/2024", "X1"),
            episode("01/07/2024", "U", "E1", "A6", "10/02/2025", "E11"),
        ],
        placed=["1,01/01/2020,10/04/2024,,"],
        ad1=["1,01/01/2020,10/04/2024,25/04/2024,0,2,MF,L11"],
    )
    kinds = ("adm_decision_recorded", "adoption_match_approved", "placed_for_adoption", "adoption_placement_ended", "adoption_order_made")
    assert told(read_ssda903(folder, BOOK), "1", *kinds) == [
        "2024-04-10 adm_decision_recorded approved=True kind=should_be_placed",
        "2024-04-25 adoption_match_approved",
        "2024-05-01 placed_for_adoption",
        "2025-02-10 adoption_order_made",
    ]


def test_a_placement_for_adoption_that_ends_and_one_with_other_adopters(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("01/04/2024", "S", "E1", "A6", "01/05/2024", "X1"),
            episode("01/05/2024", "P", "E1", "A6", "01/06/2024", "X1"),
            episode("01/06/2024", "P", "C2", "U6", "01/07/2024", "X1"),
        ],
        placed=["1,01/01/2020,10/01/2024,05/06/2024,RD1"],
    )
    kinds = ("placed_for_adoption", "adoption_placement_ended", "authority_to_place_ended", "adoption_plan_changed")
    assert told(read_ssda903(folder, BOOK), "1", *kinds) == [
        "2024-04-01 placed_for_adoption",
        "2024-05-01 adoption_placement_ended",
        "2024-05-01 placed_for_adoption",
        "2024-06-01 authority_to_place_ended?",
        "2024-06-01 adoption_placement_ended?",
        "2024-06-05 adoption_plan_changed",
    ]


def test_police_protection_and_remand_have_beginnings_and_ends(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("01/04/2024", "S", "L1", "U6", "04/04/2024", "X1", child="1"),
            episode("04/04/2024", "L", "V2", "U6", child="1"),
            episode("01/04/2024", "S", "J1", "R5", "10/04/2024", "E14", child="2"),
            episode("01/04/2024", "S", "V2", "U6", "10/04/2024", "X1", child="3"),
            episode("10/04/2024", "L", "J1", "U6", "12/04/2024", "X1", child="3"),
            episode("12/04/2024", "L", "V2", "U6", child="3"),
            episode("01/04/2024", "S", "J1", "K1", child="4"),
            episode("01/04/2024", "S", "L2", "U6", "30/04/2024", "E4A", child="5"),
        ],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading, "1", "police_protection_started", "police_protection_ended") == [
        "2024-04-01 police_protection_started",
        "2024-04-04 police_protection_ended",
    ]
    assert "2024-04-01 looked_after_started legal_status=J1 remand=True youth_detention=True" in told(reading, "2")
    assert told(reading, "2", "remanded_to_youth_detention", "remand_ended") == [
        "2024-04-01 remanded_to_youth_detention",
        "2024-04-10 remand_ended",
    ]
    assert told(reading, "3", "remanded_to_la_accommodation", "remand_ended") == [
        "2024-04-10 remanded_to_la_accommodation already_looked_after=True",
        "2024-04-12 remand_ended",
    ]
    assert told(reading, "4", "looked_after_started", "remanded_to_la_accommodation", "remanded_to_youth_detention") == [
        "2024-04-01 looked_after_started legal_status=J1 remand=True"
    ]
    assert not {"epo_made", "child_assessment_order_made"} & set(reading.log.kinds), "the return does not hold extensions"
    assert flags(folder, "2025-03-31", "cp_police_protection") == [
        ("1", "2024-04-04", "cannot_tell")
    ]  # 72 hours, and only the days are known
    assert says(reading)["ssda903_362"] == 1


# ------------------------------------------------------------------------------------------------- short breaks


def test_short_breaks_are_not_being_looked_after(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("01/05/2024", "S", "V3", "U6", "06/05/2024", "X1"),
            episode("06/05/2024", "P", "V3", "K2", "10/05/2024", "E8"),
            episode("01/06/2024", "S", "V3", "U6", "08/06/2024", "E8"),
            episode("01/05/2024", "S", "V4", "U6", "10/01/2025", "E8", child="2"),
        ],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading) == [
        "2024-05-01 short_break_started",
        "2024-05-10 short_break_ended",
        "2024-06-01 short_break_started",
        "2024-06-08 short_break_ended",
    ]
    assert told(reading, "2") == ["2025-01-10 short_break_series_ended"]
    (run,) = replay([folder], BOOK, parse_moment("2025-03-31")).sources
    assert len(run.result.flags) == 0, "no review of a short break is in a return, so none may look overdue"
    assert {"lac_review_short_breaks", "short_break_eligibility"} <= {n.rule for n in run.result.not_evaluable}


def test_short_breaks_that_turn_into_care_and_back(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("01/05/2024", "S", "V3", "U6", "06/05/2024", "X1"),
            episode("06/05/2024", "L", "C1", "U6", "10/06/2024", "X1"),
            episode("10/06/2024", "L", "V4", "U6", "20/06/2024", "E8"),
        ],
        reviews=["1,,15/06/2024,PN1", "1,,20/05/2024,PN1"],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading) == [
        "2024-05-01 short_break_started",
        "2024-05-06 short_break_ended",
        "2024-05-06 looked_after_started legal_status=C1",
        "2024-05-06 placement_started long_term=False type=U6",
        "2024-05-20 lac_review_held participation=PN1",
        "2024-06-10 placement_ended reason=V4",
        "2024-06-10 looked_after_ended reason=V4",
        "2024-06-15 lac_review_held? participation=PN1",
        "2024-06-20 short_break_series_ended",
    ]
    assert (says(reading)["from_breaks"], says(reading)["to_breaks"], says(reading)["ssda903_399"]) == (1, 1, 1)


# ------------------------------------------------------------------------------------------------ the other tables


def test_outcomes_are_dated_by_the_end_of_their_year(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "2023_24",
        episodes=[episode("03/05/2022", "S", "C2", "U4")],
        oc2=["1,01/01/2015,17,,0,,1,0,1,0,0,0", "2,01/01/2020,,SDQ1,0,1,0.0,1.0,,0,0,0", "3,,99,,,,,,,,,", "4,,,,,,yes,,,,,"],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading, "1", "annual_outcomes_recorded") == [
        "2024-03-31 annual_outcomes_recorded dental_check=False health_assessment=True immunisations=True sdq_score=17"
    ]
    assert told(reading, "2") == ["2024-03-31 annual_outcomes_recorded dental_check=True development_check=True immunisations=False"]
    assert told(reading, "3") == told(reading, "4") == []
    assert Counter(d.message.split("`")[1] for d in reading.diagnostics if d.code == "value") == Counter(["SDQ_SCORE", "IMMUNISATIONS"])


def test_care_leavers_are_dated_by_the_birthday_in_the_year(tmp_path: Path) -> None:
    """From 22 on it is the latest contact in the year, whose day is not given: the 31 March."""
    folder = write(
        tmp_path,
        episodes=[episode("03/05/2024", "S", "C2", "U4", child="9")],
        oc3=[
            "1,10/06/2006,YES,F2,B1",
            "2,29/02/2004,NO,0,0",
            "3,31/03/2007,YES,G5,V2",
            "4,01/04/2002,RHOM,P1,K1",
            "5,01/05/2008,YES,F1,U1",
            "6,,YES,F1,U1",
            "7,31/03/1999,YES,F4,U1",
            "8,01/04/2007,YES,F4,02",
        ],
    )
    reading = read_ssda903(folder, BOOK)
    found = {child: told(reading, child) for child in "12345678"}
    kind = "care_leaver_circumstances_recorded"
    assert found == {
        "1": [f"2024-06-10 {kind} accommodation=B1 activity=F2 in_touch=YES suitable=True"],
        "2": [f"2025-03-01 {kind} in_touch=NO"],
        "3": [f"2025-03-31 {kind} accommodation=V2 activity=G5 in_touch=YES suitable=False"],
        "4": [f"2025-03-31 {kind} accommodation=K1 activity=P1 in_touch=RHOM suitable=True"],
        "5": [],
        "6": [],
        "7": [],
        "8": [f"2024-04-01 {kind} accommodation=02 activity=F4 in_touch=YES"],
    }
    assert [(r.row, r.why) for r in reading.rejected] == [
        (6, "the young person turned 16 in the year; OC3 is for ages 17 to 25"),
        (7, "no date of birth, so the birthday that it is about is not known"),
        (8, "the young person turned 26 in the year; OC3 is for ages 17 to 25"),
    ]


def test_missing_episodes_and_not_being_away(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[episode("03/05/2024", "S", "C2", "U4")],
        missing=[
            "1,,M,10/06/2024,12/06/2024",
            "1,,a,20/06/2024,21/06/2024",
            "1,,m,01/07/2024,",
            "1,,X,01/08/2024,",
            "1,,M,05/08/2024,01/08/2024",
        ],
    )
    reading = read_ssda903(folder, BOOK)
    log = reading.log
    assert told(reading, "1", "missing_episode_started", "missing_episode_ended") == [
        "2024-06-10 missing_episode_started",
        "2024-06-12 missing_episode_ended",
        "2024-07-01 missing_episode_started",
    ]
    assert log.ref is not None
    assert [log.refs[log.ref[row]] for row in range(len(log)) if log.ref[row] >= 0] == ["M1", "M1", "M2"]
    assert [r.why for r in reading.rejected] == [
        "`MISSING` is `X`; expected `M` (missing) or `A` (away)",
        "`MIS_END` is before `MIS_START`",
    ]
    assert says(reading)["away"] == 1


def test_workers_are_numbered_and_never_named(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[episode("03/05/2024", "S", "C2", "U4"), episode("03/05/2024", "S", "C2", "U4", child="2")],
        workers=[
            "1,,SW1234567,03/05/2024,01/09/2024,MANAGE",
            "1,,SW7654321,01/09/2024,,",
            "2,,SW1234567,03/05/2024,,",
            "2,,,01/06/2024,,",
        ],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading, "1", "worker_allocated") == [
        "2024-05-03 worker_allocated worker=W0001",
        "2024-09-01 worker_allocated worker=W0002",
    ]
    assert told(reading, "2", "worker_allocated") == ["2024-05-03 worker_allocated worker=W0001", "2024-06-01 worker_allocated"]
    assert reading.log.coverage.kinds is not None
    assert "worker_allocated" not in reading.log.coverage.kinds, "only while in care, so silence about others means nothing"


def test_deprivation_of_liberty_orders(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[episode("03/05/2026", "S", "C2", "Z11")],
        dolo=["1,,10/06/2026,12/08/2026", "1,,12/08/2026,", "1,,20/08/2026,19/08/2026"],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading, "1", "dolo_made", "dolo_ended") == ["2026-06-10 dolo_made", "2026-08-12 dolo_made", "2026-08-12 dolo_ended"]
    assert [r.row for r in reading.rejected] == [4]


def test_unaccompanied_children(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("03/05/2024", "S", "V2", "U4", child="1"),
            episode("04/05/2024", "S", "V2", "U4", child="2"),
            episode("05/05/2024", "S", "V2", "U4", child="3"),
            episode("06/05/2022", "S", "V2", "U4", child="4"),
        ],
        uasc=["1,M,01/01/2010,01/01/2028", "2,M,01/01/2010,03/05/2024"],
        prevperm=["1,01/01/2010,P1,,01/01/2015"],
    )
    reading = read_ssda903(folder, BOOK)
    assert [told(reading, child, "looked_after_started")[0].split(" ", 2)[2] for child in "1234"] == [
        "legal_status=V2 uasc=True",
        "legal_status=V2",
        "legal_status=V2 uasc=False",
        "legal_status=V2",
    ]
    assert reading.records_used == 7


# ------------------------------------------------------------------------------------------------------- reviews


def test_reviews_by_hand_against_the_rules(tmp_path: Path) -> None:
    """20 working days from coming into care, over the May holidays; three months from that; then six."""
    folder = write(
        tmp_path,
        episodes=[
            episode("25/04/2024", "S", "C1", "U6", child="1"),
            episode("25/04/2024", "S", "C1", "U6", child="2"),
            episode("01/03/2024", "S", "C1", "U6", child="3"),
        ],
        reviews=[
            "1,,24/05/2024,PN0",  # the 20th working day, after 6 May
            "1,,24/08/2024,PN0",  # three months to the day
            "1,,25/02/2025,PN0",  # a day late
            "2,,28/05/2024,PN4",  # the 21st: the 27th is a holiday
            "3,,10/04/2024,PN4",  # an earlier one may be in last year's return
        ],
    )
    assert flags(folder, "2025-03-31", "lac_review_first") == [
        ("1", "2024-05-24", "met"),
        ("2", "2024-05-24", "late"),
        ("3", "2024-04-02", "cannot_tell"),
    ]
    assert flags(folder, "2025-03-31", "lac_review_second") == [
        ("1", "2024-08-24", "met"),
        ("2", "2024-08-28", "overdue"),
        ("3", "2024-07-10", "cannot_tell"),
    ]
    assert flags(folder, "2025-03-31", "lac_review_subsequent") == [("1", "2025-02-24", "late"), ("1", "2025-08-25", "due")]


def test_a_review_that_cannot_be_right_answers_nothing(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("03/06/2024", "S", "C1", "U6", "10/09/2024", "E4A"),
            episode("02/12/2024", "S", "C1", "U6"),
            episode("03/06/2019", "P", "C2", "U4", child="2"),
        ],
        reviews=["1,,20/06/2024,PN1", "1,,20/06/2016,PN1", "1,,01/10/2024,PN1", "1,,01/04/2025,PN1", "1,,10/12/2024,", "2,,20/04/2017,PN1"],
    )
    reading = read_ssda903(folder, BOOK)
    assert told(reading, "1", "lac_review_held") == [
        "2016-06-20 lac_review_held? participation=PN1",
        "2024-06-20 lac_review_held participation=PN1",
        "2024-10-01 lac_review_held? participation=PN1",
        "2024-12-10 lac_review_held",
        "2025-04-01 lac_review_held? participation=PN1",
    ]
    assert told(reading, "2", "lac_review_held") == ["2017-04-20 lac_review_held participation=PN1"]
    found = says(reading)
    assert (found["review_before"], found["review_outside"], found["review_after_year"]) == (1, 1, 1)


def test_what_is_not_in_the_return_is_not_evaluable(tmp_path: Path) -> None:
    folder = write(tmp_path, episodes=[episode("03/05/2024", "S", "C1", "U6")], reviews=[], oc2=["1,,17,,,,1,0,1,,,"], missing=[])
    (run,) = replay([folder], BOOK, parse_moment("2025-03-31")).sources
    found = {BOOK.rules[i].id for i in set(run.result.flags.rule.tolist())}
    assert found == {"lac_review_first"}
    cannot = {n.rule for n in run.result.not_evaluable}
    assert {
        "adoption_visit_first",
        "iha",
        "dental_check",
        "care_plan_first",
        "placement_plan",
        "ht_rhi_offered_72h",
        "match_within_6m",
    } <= cannot
    assert {"adoption_a2", "cp_epo", "supervision_case", "fd_allocate_24h"} <= cannot


# ------------------------------------------------------------------------------------------------- several years


def test_a_return_replayed_a_year_later_shows_no_false_overdue(tmp_path: Path) -> None:
    starts = {"1": "03/03/2025", "2": "04/03/2025", "3": "20/03/2025"}
    write(tmp_path, episodes=[episode(day, "S", "V2", "U6", child=child) for child, day in starts.items()], reviews=["9,,20/05/2024,PN1"])
    found = flags(tmp_path, "2026-03-31", "lac_review_first")
    assert found == [("1", "2025-03-31", "overdue"), ("2", "2025-04-01", "cannot_tell"), ("3", "2025-04-17", "cannot_tell")]
    (run,) = replay([tmp_path], BOOK, parse_moment("2026-03-31")).sources
    reasons = run.result.flags.reason[run.result.flags.status == STATUSES.index("cannot_tell")]
    assert {REASONS[r] for r in reasons.tolist()} == {"after_records"}
    assert flags(tmp_path, "2025-03-31", "lac_review_first")[1:] == [("2", "2025-04-01", "due_soon"), ("3", "2025-04-17", "due")]
    note = next(d for d in run.reading.diagnostics if d.code == "collection")
    assert note.message.endswith("it says nothing after 31 March 2025") and not note.help


def test_a_later_year_closes_what_an_earlier_one_left_open(tmp_path: Path) -> None:
    write(tmp_path / "2023_24", episodes=[episode("03/05/2023", "S", "V2", "U6")], reviews=["1,,20/05/2023,PN1"])
    write(
        tmp_path / "2024_25",
        episodes=[episode("03/05/2023", "S", "V2", "U6", "10/06/2024", "X1", "PLACE"), episode("10/06/2024", "P", "V2", "K2")],
        reviews=["1,,20/05/2023,PN1", "1,,20/05/2024,PN1"],
    )
    reading = read_ssda903(tmp_path, BOOK)
    assert told(reading) == [
        "2023-05-03 looked_after_started legal_status=V2",
        "2023-05-03 placement_started long_term=False type=U6",
        "2023-05-20 lac_review_held participation=PN1",
        "2024-05-20 lac_review_held participation=PN1",
        "2024-06-10 placement_ended reason=PLACE",
        "2024-06-10 placement_started type=K2",
    ]
    assert (reading.records_read, reading.records_used) == (6, 6)
    assert reading.log.coverage.since["lac_review_held"] == day_number(as_date(0).replace(year=2023, month=4, day=1))
    note = next(d for d in reading.diagnostics if d.code == "collection")
    assert "2023-24, 2024-25" in note.message
    assert "31 March 2025" in note.message
    assert next(d.message for d in reading.diagnostics if d.code == "superseded").startswith("2 rows")


def test_an_earlier_row_that_the_later_return_no_longer_has(tmp_path: Path) -> None:
    """Where the child is in the later return the row was corrected; where not, nothing more is known and nothing is overdue."""
    write(
        tmp_path / "2023_24",
        episodes=[episode("03/05/2023", "S", "V2", "U6"), episode("01/03/2024", "S", "V2", "U6", child="2")],
        reviews=["1,,20/05/2023,PN1"],
    )
    write(
        tmp_path / "2024_25",
        episodes=[episode("04/05/2023", "S", "V2", "U6"), episode("10/06/2024", "S", "V2", "K2", child="3")],
        reviews=["3,,20/06/2024,PN1"],
    )
    reading = read_ssda903(tmp_path, BOOK)
    assert told(reading, "1", "looked_after_started") == ["2023-05-04 looked_after_started legal_status=V2"]
    assert told(reading, "2", "looked_after_started") == ["2024-03-01 looked_after_started? legal_status=V2"]
    assert (says(reading)["corrected"], says(reading)["lost"]) == (1, 1)
    assert ("2", "2024-04-02", "cannot_tell") in flags(tmp_path, "2025-03-31", "lac_review_first")


def test_an_earlier_row_from_which_the_later_return_goes_on(tmp_path: Path) -> None:
    """The synthesiser leaves out an episode that ended on 1 April: the next one, which goes on with care, shows when it ended."""
    write(tmp_path / "2023_24", episodes=[episode("01/08/2023", "S", "V2", "P1"), episode("02/08/2023", "S", "V2", "P1", child="2")])
    write(
        tmp_path / "2024_25",
        episodes=[episode("01/04/2024", "P", "V2", "K2"), episode("31/03/2024", "P", "V2", "K2", child="2")],
    )
    reading = read_ssda903(tmp_path, BOOK)
    assert told(reading) == [
        "2023-08-01 looked_after_started legal_status=V2",
        "2023-08-01 placement_started type=P1",
        "2024-04-01 placement_ended",
        "2024-04-01 placement_started type=K2",
    ]
    assert told(reading, "2")[0] == "2024-03-31 looked_after_already legal_status=V2 type=K2"
    assert (says(reading)["left_out"], says(reading)["corrected"], says(reading)["gap"]) == (1, 1, 0)


def test_reviews_count_from_the_first_of_the_years_that_follow_one_another(tmp_path: Path) -> None:
    for year in (2020, 2022, 2023):
        write(
            tmp_path / f"{year}_{(year + 1) % 100}",
            episodes=[episode(f"03/05/{year}", "S", "V2", "U6", f"10/06/{year}", "E4A", child=str(year))],
            reviews=[f"{year},,20/05/{year},PN1"],
            **({"missing": []} if year == 2023 else {}),
        )
    since = read_ssda903(tmp_path, BOOK).log.coverage.since
    assert {kind: as_date(day).isoformat() for kind, day in since.items() if kind in ("lac_review_held", "missing_episode_started")} == {
        "lac_review_held": "2022-04-01",
        "missing_episode_started": "2023-04-01",
    }


@pytest.mark.parametrize(
    ("name", "days", "year"),
    [
        ("2017-episodes.csv", ["03/05/2017", "10/02/2018"], "2017-18"),
        ("2017-episodes.csv", ["03/05/2016", "10/02/2017"], "2016-17"),
        ("SSDA903_2024_episodes.csv", ["03/05/2023", "10/02/2024"], "2023-24"),
        ("anything.csv", ["03/05/2023", "31/03/2024"], "2023-24"),
        ("anything.csv", ["03/05/2023", "01/04/2024"], "2024-25"),
        ("anything.csv", [*["03/05/2023"] * 30, "03/05/2032"], "2023-24"),
        ("2023-24.csv", ["03/05/2023", "03/05/2024", "03/06/2024"], "2023-24"),
        ("2019-2020.csv", ["03/05/2023"], "2023-24"),
        ("2024-2025.csv", ["03/05/2023"], "2024-25"),
    ],
)
def test_what_year_a_return_is(tmp_path: Path, name: str, days: list[str], year: str) -> None:
    """Dates say it; a name says it only where they leave it open; one date far from all others is a slip."""
    rows = [episode(day, "S", "V2", "U6", child=str(n)) for n, day in enumerate(days)]
    (tmp_path / name).write_text("\n".join([COLUMNS["episodes"], *rows]), encoding="utf-8")
    reading = read_ssda903(tmp_path, BOOK)
    assert next(d.message for d in reading.diagnostics if d.code == "collection").startswith(f"read as the collection {year};")
    assert says(reading)["year"] == (name in ("2019-2020.csv", "2024-2025.csv"))


def test_the_day_an_episode_ends_also_tells_the_year(tmp_path: Path) -> None:
    folder = write(tmp_path, episodes=[episode("03/05/2023", "S", "V2", "U6", "10/02/2025", "E4A")], oc2=["1,,17,,,,1,0,1,,,"])
    assert told(read_ssda903(folder, BOOK), "1", "annual_outcomes_recorded")[0].startswith("2025-03-31")


@pytest.mark.parametrize(("decided", "matched", "placed", "ceased", "wrong"), [(10, 10, 10, 10, ""), (11, 10, 11, 10, "?")])
def test_decisions_on_adoption_have_an_order(tmp_path: Path, decided: int, matched: int, placed: int, ceased: int, wrong: str) -> None:
    folder = write(
        tmp_path,
        episodes=[episode("03/05/2024", "S", "E1", "U6", child="9")],
        ad1=[f"1,,{decided}/06/2024,{matched}/06/2024,,,,"],
        placed=[f"2,,{placed}/06/2024,{ceased}/06/2024,RD1"],
    )
    reading = read_ssda903(folder, BOOK)
    assert Counter(line.split()[1] for child in "12" for line in told(reading, child)) == Counter(
        {f"adm_decision_recorded{wrong}": 2, f"adoption_match_approved{wrong}": 1, f"adoption_plan_changed{wrong}": 1}
    )
    assert (says(reading)["ssda903_333"], says(reading)["ceased_first"]) == ((1, 1) if wrong else (0, 0))


def test_tables_without_dates_need_a_year_in_a_name(tmp_path: Path) -> None:
    write(tmp_path / "2024_25", oc2=["1,,17,,,,1,0,1,,,"])
    assert told(read_ssda903(tmp_path, BOOK)) == [
        "2025-03-31 annual_outcomes_recorded dental_check=False health_assessment=True immunisations=True sdq_score=17"
    ]
    write(tmp_path / "beside", oc2=["1,,17,,,,1,0,1,,,"])
    (tmp_path / "beside" / "2021-eps.csv").write_text(f"{COLUMNS['episodes']}\n{episode('03/05/2021', 'S', 'V2', 'U6')}", encoding="utf-8")
    assert told(read_ssda903(tmp_path / "beside", BOOK), "1", "annual_outcomes_recorded")[0].startswith("2022-03-31")
    shutil.rmtree(tmp_path / "beside")
    write(tmp_path / "other", oc2=["1,,17,,,,1,0,1,,,"])
    with pytest.raises(InputError, match=r"other/oc2\.csv: error\[no_year\]: neither dates nor names tell"):
        read_ssda903(tmp_path, BOOK)


def test_codes_belong_to_years(tmp_path: Path) -> None:
    assert [in_use("PLACE", "K3", year) for year in (2024, 2025)] == [False, True]
    assert [in_use("PLACE", "H5", year) for year in (2025, 2026)] == [True, False]
    assert [in_use("PLACE", "Z14", year) for year in (2025, 2026)] == [False, True]
    assert [in_use("REC", "E43", year) for year in (2018, 2019)] == [True, False]
    folder = write(
        tmp_path,
        episodes=[
            episode("03/05/2023", "S", "V2", "K3", child="1"),
            episode("03/05/2023", "s", "v2", "u4", child="2"),
            episode("03/05/2023", "Q", "V9", "U4", child="3"),
        ],
    )
    reading = read_ssda903(folder, BOOK)
    assert sorted(d.message.split(" is")[0] for d in reading.diagnostics if d.code == "code") == [
        "`K3` in `PLACE`",
        "`Q` in `RNE`",
        "`V9` in `LS`",
    ]
    assert "2023-05-03 placement_started type=K3" in told(reading, "1")


# ----------------------------------------------------------------------------------------- what cannot be right


def test_episodes_that_contradict_one_another(tmp_path: Path) -> None:
    """Nothing is guessed: what rests on the dates is not judged, and each is counted."""
    folder = write(
        tmp_path,
        episodes=[
            episode("03/06/2024", "S", "V2", "U6", "10/06/2024", "X1", child="overlap"),
            episode("08/06/2024", "P", "V2", "K2", child="overlap"),
            episode("03/06/2024", "S", "V2", "U6", "10/06/2024", "X1", child="gap"),
            episode("12/06/2024", "P", "V2", "K2", child="gap"),
            episode("03/06/2024", "S", "V2", "U6", "10/06/2024", "X1", child="again"),
            episode("10/06/2024", "S", "V2", "K2", child="again"),
            episode("03/06/2024", "S", "V2", "U6", "10/06/2024", "E4A", child="no_s"),
            episode("12/06/2024", "P", "V2", "K2", child="no_s"),
            episode("03/06/2024", "S", "V2", "U6", "01/06/2024", "E4A", child="back"),
            episode("03/06/2024", "S", "V2", "U6", "03/06/2024", "E4A", child="day"),
            episode("03/06/2024", "S", "V2", "U6", "10/06/2024", "X1", child="stop"),
            episode("03/06/2024", "S", "V2", "U6", "", "E4A", child="open"),
            episode("03/06/2024", "S", "V2", "U6", "01/04/2025", "E4A", child="late"),
            *[episode("03/06/2024", "S", "V2", "U6", "04/06/2024", "E4A", child=f"n{i}") for i in range(300)],
        ],
    )
    reading = read_ssda903(folder, BOOK)
    coming = {child: told(reading, child, "looked_after_started") for child in ("overlap", "gap", "again", "no_s", "back", "stop", "late")}
    first = "2024-06-03 looked_after_started legal_status=V2"
    doubted = "2024-06-03 looked_after_started? legal_status=V2"
    assert coming == {
        "overlap": [first],
        "gap": [first],
        "again": [first, "2024-06-10 looked_after_started? legal_status=V2"],
        "no_s": [first, "2024-06-12 looked_after_started? legal_status=V2"],
        "back": [doubted],
        "stop": [doubted],
        "late": [first],
    }
    assert "2024-06-08 placement_started? type=K2" in told(reading, "overlap")
    assert told(reading, "late")[-1] == "2025-04-01 looked_after_ended? reason=E4A"
    assert told(reading, "open")[-1].startswith("2024-06-03")
    assert told(reading, "day")[-1] == "2024-06-03 looked_after_ended reason=E4A"
    found = says(reading)
    codes = ("overlap", "gap", "start_within", "no_start", "backwards", "same_day", "no_next", "open_with_reason", "after_year")
    assert {code: found[code] for code in codes} == dict.fromkeys(codes, 1)


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[
            episode("03/06/2024", "S", "V2", "U6"),
            episode("03/06/2024", "S", "V2", "U6"),
            episode("03/06/2024", "S", "C2", "U6"),
            episode("06/13/2024", "S", "V2", "U6", child="2"),
            episode("", "S", "V2", "U6", child="3"),
            episode("03/06/2024", "S", "V2", "U6", "soon", child="4"),
            episode("03/06/2024", "S", "V2", "U6", child=" "),
            episode("3/6/24", "S", "V2", "U6", child="5.0"),
        ],
        header=["1,1,31/02/2015,WBRI,,,", "5,2,01/01/2015,WBRI,,,"],
        reviews=["1,,31/06/2024,PN1", "1,,20/06/2024,PN1", "1,,20/06/2024,PN2"],
    )
    reading = read_ssda903(folder, BOOK)
    assert [(r.origin, r.row, r.why) for r in sorted(reading.rejected, key=lambda r: (r.origin, r.row))] == [
        ("episodes.csv", 3, "the same in every column that is read as line 2"),
        ("episodes.csv", 4, "another episode of this child starts on 03/06/2024, on line 2"),
        ("episodes.csv", 5, "`DECOM`: `06/13/2024` is not a date; write it day first, such as 31/03/2025"),
        ("episodes.csv", 6, "no date in `DECOM`"),
        ("episodes.csv", 7, "`DEC`: `soon` is not a date; write it day first, such as 31/03/2025"),
        ("episodes.csv", 8, "no child's id in `CHILD`"),
        ("header.csv", 2, "`DOB`: `31/02/2015` is not a date; write it day first, such as 31/03/2025"),
        ("reviews.csv", 2, "`REVIEW`: `31/06/2024` is not a date; write it day first, such as 31/03/2025"),
        ("reviews.csv", 4, "another review of this child on the same day is on line 3"),
    ]
    assert reading.records_read == 13
    assert told(reading, "5")[0] == "2024-06-03 looked_after_started legal_status=V2"
    assert list(reading.log.children) == ["1", "5"]


def test_dates_of_birth(tmp_path: Path) -> None:
    """The Header's counts, the later year's over the earlier; another table's only where there is none."""
    write(tmp_path / "2023_24", episodes=[episode("03/05/2023", "S", "V2", "U6", "04/05/2023", "E4A")], header=["1,1,01/01/2015,WBRI,,,"])
    write(
        tmp_path / "2024_25",
        episodes=[episode("03/05/2024", "S", "V2", "U6", "04/05/2024", "E4A")],
        header=["1,M,02/01/2015,WBRI,,,"],
        reviews=["1,05/01/2015,04/05/2024,PN1", "2,06/01/2015,04/05/2024,PN1"],
    )
    reading = read_ssda903(tmp_path, BOOK)
    assert reading.log.born is not None
    assert [as_date(int(day)).isoformat() for day in reading.log.born if day != NO_DAY] == ["2015-01-02", "2015-01-06"]
    assert says(reading)["born_twice"] == 1
    assert reading.log.born_also is not None
    assert [as_date(int(day)).isoformat() for day in reading.log.born_also if day != NO_DAY] == ["2015-01-01"]


def test_limits_of_the_dfe(tmp_path: Path) -> None:
    """The last day allowed passes and the next does not; a change of placement in between does not begin a status again."""
    limits = {"L1": 3, "L2": 21, "L3": 7, "V3": 17}
    rows = [
        episode(
            "01/05/2024",
            "S",
            code,
            "U6",
            as_date(day_number(as_date(0).replace(year=2024, month=5, day=1)) + days + over).strftime("%d/%m/%Y"),
            "E8",
            child=f"{code}{over}",
        )
        for code, days in limits.items()
        for over in (0, 1)
    ]
    stays = {"T1": 42, "T3": 21, "T4": 7}
    first = day_number(as_date(0).replace(year=2024, month=5, day=1))
    for code, days in stays.items():
        for over in (0, 1):
            end = as_date(first + days + over).strftime("%d/%m/%Y")
            rows.append(episode("01/05/2024", "S", "C2", code, end, "E8", child=f"{code}{over}"))
    rows += [
        episode("01/05/2024", "S", "L1", "U6", "03/05/2024", "X1", child="moved"),
        episode("03/05/2024", "P", "L1", "K2", "05/05/2024", "E8", child="moved"),
    ]
    found = {d.code: d.message for d in read_ssda903(write(tmp_path, episodes=rows), BOOK).diagnostics if d.code.startswith("ssda903_")}
    assert {code: message.rsplit(": ", 1)[1].split(" in all")[0] for code, message in found.items()} == {
        "ssda903_361": "2",
        "ssda903_362": "1",
        "ssda903_363": "1",
        "ssda903_365": "1",
        "ssda903_375": "1",
        "ssda903_376": "1",
        "ssda903_379": "1",
    }


@pytest.mark.parametrize(("last", "over"), [("16/04/2024", 0), ("17/04/2024", 1)])
def test_75_days_of_short_breaks_in_a_year(tmp_path: Path, last: str, over: int) -> None:
    """Five breaks of 15 days; a day more is too many. Days before the year began are not counted."""
    rows = [episode("01/03/2024", "S", "V3", "U6", last, "E8")]
    rows += [episode(f"01/{month:02}/2024", "S", "V3", "U6", f"16/{month:02}/2024", "E8") for month in (5, 6, 7, 8)]
    found = read_ssda903(write(tmp_path, episodes=rows), BOOK)
    assert says(found)["ssda903_367"] == over


# ------------------------------------------------------------------------------------------------ files as they come


def test_long_term_fostering_by_code(tmp_path: Path) -> None:
    places = ["U1", "U2", "U3", "U4", "U5", "U6", "K2"]
    folder = write(tmp_path, episodes=[episode("03/05/2024", "S", "C2", place, child=place) for place in places])
    reading = read_ssda903(folder, BOOK)
    found = {
        place: "long_term=" in line and line.split("long_term=")[1].split()[0] for place in places for line in told(reading, place)[1:]
    }
    assert found == {"U1": "True", "U2": "False", "U3": "False", "U4": "True", "U5": "False", "U6": "False", "K2": False}


def test_columns_in_any_order_case_and_company(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", episodes=[episode("03/05/2024", "S", "C1", "U6", "10/06/2024", "E4A", provider="PR1")])
    rows = list(csv.reader(io.StringIO((plain / "episodes.csv").read_text(encoding="utf-8"))))
    order = random.Random(7).sample(range(len(rows[0])), len(rows[0]))
    odd = tmp_path / "odd"
    odd.mkdir()
    lines = []
    for n, row in enumerate(rows):
        cells = [row[i].lower() if n == 0 else row[i] for i in order]
        lines.append(";".join([str(n - 1) if n else "", *cells, "LA" if n == 0 else "Birmingham"]))
    (odd / "extract (2).csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*lines, "", ";;;"]).encode())
    assert told(read_ssda903(odd, BOOK)) == told(read_ssda903(plain, BOOK))
    wide = tmp_path / "wide"
    wide.mkdir()
    (wide / "e.csv").write_bytes("\n".join(",".join(row) for row in rows).encode("utf-16"))
    assert told(read_ssda903(wide, BOOK)) == told(read_ssda903(plain, BOOK))


def test_a_table_that_lacks_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "eps.csv").write_text("CHILD,DECOM,RNE,LS,PLACE,DEC\n1,03/05/2024,S,C1,U6,\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"looks like the Episodes table and has no column `REC`; 1 row was not read"):
        read_ssda903(tmp_path, BOOK)
    write(tmp_path, reviews=["1,,20/05/2024,PN1"])
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    reading = read_ssda903(tmp_path, BOOK)
    assert {"missing_column", "other_files", "tables_absent"} <= set(says(reading))
    assert "Episodes" in next(d.message for d in reading.diagnostics if d.code == "tables_absent")
    assert (reading.records_read, reading.records_used, reading.rejected[0].row) == (2, 1, 2)


def test_nothing_private_is_kept(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        episodes=[episode("03/05/2024", "S", "C1", "U6"), episode("junk", "S", "C1", "U6", child="2")],
        header=["1,M,02/03/2015,WBRI,A123456789012,1,01/01/2014"],
    )
    reading = read_ssda903(folder, BOOK)
    kept = " ".join([*told(reading), *(r.why for r in reading.rejected), *(d.text() for d in reading.diagnostics)])
    assert not any(word in kept for word in ("B1 1AA", "B2 2BB", "WBRI", "A123456789012", "2014"))


def test_the_fields_read_are_columns_of_their_table() -> None:
    for name, header in zip(
        ("Episodes", "Header", "Reviews", "UASC", "OC2", "OC3", "AD1", "PlacedAdoption", "PrevPerm", "Missing", "SWEpisodes", "DoLo"),
        COLUMNS.values(),
        strict=True,
    ):
        assert {*TABLES[name].fields, *TABLES[name].known_by} <= set(header.split(",")), name
        assert set(TABLES[name].kinds) <= set(BOOK.events), name


# --------------------------------------------------------------------------------------------------------- the XML


XML = """<?xml version='1.0'?><EXPSSDA903><CHILD><HEADER><CHILDID>1</CHILDID><SEX>2</SEX><DOB>28/07/2010</DOB><ETHNIC>BAFR</ETHNIC>
<UASC>1</UASC><DUC>28/07/2028</DUC><AREVIEW><REVIEW>20/05/2017</REVIEW><REVIEW_CODE>PN1</REVIEW_CODE></AREVIEW>
<AMISSING><MISSING>M</MISSING><MIS_START>17/12/2017</MIS_START><MIS_END>26/01/2018</MIS_END></AMISSING><PERMANENCE><PREV_PERM>Z1</PREV_PERM></PERMANENCE>
<OC2><SDQ_SCORE>21</SDQ_SCORE><IMMUNISATIONS>1</IMMUNISATIONS><TEETH_CHECK>1</TEETH_CHECK><HEALTH_ASSESSMENT>0</HEALTH_ASSESSMENT></OC2></HEADER>
<EPISODE><DECOM>06/05/2017</DECOM><RNE>S</RNE><LS>J3</LS><PL>R5</PL><PL_POST>E7 5YR</PL_POST><DEC/><REC/></EPISODE></CHILD>
<CHILD><HEADER><CHILDID>2</CHILDID><DOB>28/07/1999</DOB><UASC/><IN_TOUCH>YES</IN_TOUCH><ACTIV>F2</ACTIV><ACCOM>B2</ACCOM></HEADER></CHILD></EXPSSDA903>"""


def test_the_xml_form_says_the_same_as_the_tables(tmp_path: Path) -> None:
    (tmp_path / "return.xml").write_text(XML, encoding="utf-8")
    reading = read_source(tmp_path / "return.xml", BOOK)
    assert reading.format == "ssda903"
    assert told(reading) == [
        "2017-05-06 looked_after_started legal_status=J3 uasc=True",
        "2017-05-06 placement_started type=R5",
        "2017-05-20 lac_review_held participation=PN1",
        "2017-12-17 missing_episode_started",
        "2018-01-26 missing_episode_ended",
        "2018-03-31 annual_outcomes_recorded dental_check=True health_assessment=False immunisations=True sdq_score=21",
    ]
    assert told(reading, "2") == ["2017-07-28 care_leaver_circumstances_recorded accommodation=B2 activity=F2 in_touch=YES suitable=False"]
    assert reading.records_read == 9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (XML[:-40], "not well-formed"),
        ("", "is empty"),
        ('<!DOCTYPE a [<!ENTITY x "y">]>' + XML.partition("?>")[2], "document type"),
        ("<Message><CHILD/></Message>", "outermost tag is `Message`"),
    ],
)
def test_xml_that_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "return.xml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_ssda903(tmp_path / "return.xml", BOOK)


def test_a_census_and_a_return_are_told_apart_by_their_outermost_element(tmp_path: Path) -> None:
    census = Path(__file__).parent / "data" / "cin_census"
    for path in census.glob("*.xml"):
        assert not looks_like_ssda903(path)
    assert looks_like_ssda903(DATA / "fake_903_part.xml")
    (tmp_path / "b.xml").write_text("<!-- EXPSSDA903 --><Message>", encoding="utf-8")
    assert not looks_like_ssda903(tmp_path / "b.xml")
    assert not looks_like_ssda903(tmp_path / "none.csv")


def test_a_folder_is_one_source_with_others_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "2023_24", episodes=[episode("03/05/2023", "S", "V2", "U6")])
    write(tmp_path / "2024_25", episodes=[episode("03/05/2023", "S", "V2", "U6")])
    shutil.copy(next((Path(__file__).parent / "data" / "cin_census").glob("*.xml")), tmp_path / "cin.xml")
    assert sources_in(tmp_path) == [tmp_path, tmp_path / "cin.xml"]
    assert {s.reading.format for s in replay([tmp_path], BOOK, parse_moment("2025-03-31")).sources} >= {"ssda903"}
    table = tmp_path / "2024_25" / "episodes.csv"
    assert sources_in(table) == [table]
    assert read_source(table, BOOK).format == "ssda903"


# --------------------------------------------------------------------------------------------------------- samples


@pytest.mark.parametrize(
    ("name", "children", "read", "rejected", "collections"),
    [
        ("cs_demand_model_sample", 119, 2313, 2, "collections 2020-21, 2021-22"),
        ("cscsynth_seed1001/2023_24", 347, 2943, 2, "collection 2023-24"),
        ("fake_903_part.xml", 30, 296, 0, "collection 2017-18"),
    ],
)
def test_the_sectors_samples(name: str, children: int, read: int, rejected: int, collections: str) -> None:
    reading = read_source(DATA / name, BOOK)
    assert (len(reading.log.children), reading.records_read, len(reading.rejected)) == (children, read, rejected)
    assert next(d.message for d in reading.diagnostics if d.code == "collection").startswith(f"read as the {collections};")
    assert reading.log.kinds
    assert not set(reading.log.kinds) - set(BOOK.events)


def test_two_digit_years_in_one_column(tmp_path: Path) -> None:
    """The synthesiser writes DECOM with four digits and DEC with two."""
    source = DATA / "cscsynth_seed1001" / "2023_24" / "episodes.csv"
    with source.open(encoding="utf-8", newline="") as file:
        ends = [row["DEC"] for row in csv.DictReader(file) if row["DEC"]]
    assert any(len(end) == 8 for end in ends)
    reading = read_ssda903(source, BOOK)
    assert says(reading)["backwards"] == 0


# ---------------------------------------------------------------------------------------------------------- fuzzing

_JUNK = st.sampled_from(
    ["", " ", "nan", "31/02/2024", "2024", "soon", "2024-05-03", "03/05/24", "-1", "=1+1", "0", "1", "\u2019", "E99", "45400"]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_row_is_used_or_rejected(tmp_path: Path, data: st.DataObject) -> None:
    """Columns in any order, rows doubled, cells spoilt: nothing is lost, nothing stops the reader."""
    chosen = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    folder = tmp_path / "return"
    shutil.rmtree(folder, ignore_errors=True)
    years = data.draw(st.sampled_from([["2024_25"], ["2023_24", "2024_25"]]))
    written = 0
    for year, name in product(years, chosen):
        (folder / year).mkdir(parents=True, exist_ok=True)
        columns = COLUMNS[name].split(",")
        order = data.draw(st.permutations(columns))
        days = st.integers(19_450, 20_180).map(lambda day: as_date(day).strftime("%d/%m/%Y"))
        cells = {
            "CHILD": st.sampled_from(["1", "2", "3"]),
            "RNE": st.sampled_from("SLPTUB"),
            "LS": st.sampled_from(["C1", "C2", "V2", "V3", "V4", "E1", "J1", "L1"]),
            "PLACE": st.sampled_from(["U4", "U6", "A5", "A6", "T1", "R5", "K1"]),
            "REC": st.sampled_from(["X1", "E11", "E4A", "E2", "E3", "E45", ""]),
        }
        dates = ("DECOM", "DEC", "DOB", "REVIEW", "MIS_START", "MIS_END", "SW_DECOM", "DOLO_START", "DOLO_END", "DATE_PLACED", "DATE_MATCH")
        lines = [order]
        for _ in range(data.draw(st.integers(0, 12))):
            usual = {c: data.draw(cells.get(c, days if c in dates else st.just("1"))) for c in columns}
            if data.draw(st.booleans()):
                usual[data.draw(st.sampled_from(columns))] = data.draw(_JUNK)
            if any(value.strip() for value in usual.values()):
                lines += [[usual[c] for c in order]] * data.draw(st.sampled_from([1, 1, 1, 2]))
        written += len(lines) - 1
        with (folder / year / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
    reading = read_ssda903(folder, BOOK)
    assert reading.records_read == written == reading.records_used + len(reading.rejected)
    assert set(reading.log.kinds) <= set(BOOK.events)
    log = reading.log
    for child in range(len(log.children)):
        rows = [i for i in range(len(log)) if log.child[i] == child]
        kinds = [log.kinds[log.kind[i]] for i in rows]
        suspect = [log.suspect is not None and bool(log.suspect[i]) for i in rows]
        sure = [
            kind for kind, wrong in zip(kinds, suspect, strict=True) if not wrong and kind in ("looked_after_started", "looked_after_ended")
        ]
        assert all(a != b for a, b in pairwise(sure)) or any(suspect), sure
