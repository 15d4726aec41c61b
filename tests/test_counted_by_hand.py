"""Small records counted by hand: replay, comparison and sample against figures worked out from the words of the rules.

As of Wednesday 15 April 2026; Good Friday is 3 April and Easter Monday 6 April. Nothing here was copied from what the engine printed.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from hashlib import blake2b
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rrt_engine.cli import app
from rrt_engine.replay.run_folder import open_run

HEADINGS = ("child_id", "event", "at", "recorded_at", "ref", "team", "outcome", "s47_initiated", "child_seen")
Row = tuple[str, ...]


def _referral(child: str, received: str, decided: str = "", ref: str = "R1", recorded: str = "", outcome: str = "nfa") -> list[Row]:
    rows: list[Row] = [(child, "referral_received", received, "", ref, "North", "", "", "")]
    if decided:
        rows.append((child, "referral_decision_recorded", decided, recorded, ref, "North", outcome, "", ""))
    return rows


def _assessment(child: str, received: str, authorised: str = "") -> list[Row]:
    rows = _referral(child, received, received, outcome="assess")
    return [*rows, (child, "assessment_authorised", authorised, "", "R1", "North", "", "", "")] if authorised else rows


def _conference(child: str, strategy: str, held: str = "") -> list[Row]:
    rows: list[Row] = [(child, "strategy_discussion_held", strategy, "", "R1/S1", "North", "", "true", "")]
    return [*rows, (child, "icpc_held", held, "", "R1/S1", "North", "no_plan", "", "")] if held else rows


FIRST: list[Row] = [
    *_referral("A01", "2026-03-05", "2026-03-06"),  # the last day
    *_referral("A02", "2026-03-05", "2026-03-09"),  # Monday: late
    *_referral("A03", "2026-04-02", "2026-04-07"),  # over Easter: the last day
    *_referral("A04", "2026-04-02", "2026-04-08"),  # the day after
    *_referral("A05", "2026-04-14"),  # due on the as-of day
    *_referral("A06", "2026-04-13"),  # due the day before
    *_referral("A08", "2026-03-05", "2026-03-06", recorded="2026-04-20"),  # done in time, and recorded after
    *_referral("A09", "2026-03-05", "2026-03-06"),
    *_referral("A09", "2026-03-12", ref="R2"),  # a second referral, with no decision of its own
    *_assessment("B01", "2026-01-05", "2026-03-09"),  # the 45th working day
    *_assessment("B02", "2026-01-05", "2026-03-10"),
    *_assessment("B03", "2026-01-05"),
    *_assessment("B04", "2026-02-09"),  # due on the as-of day, counted over Easter
    *_assessment("B05", "2026-02-06"),  # due the day before
    *_conference("C01", "2026-03-16", "2026-04-08"),
    *_conference("C02", "2026-03-16", "2026-04-09"),
    *_conference("C04", "2026-03-23"),  # due on the as-of day
    ("D01", "cp_plan_started", "2026-02-02", "", "P1", "North", "", "", ""),
    *(("D01", "cp_visit", day, "", "P1", "North", "", "", "true") for day in ("2026-02-16", "2026-03-03", "2026-03-17")),
]
RULES = ("fd_referral_decision_1wd", "as_single_45wd", "cp_icpc_15wd", "cp_visit")


def _put_right(rows: list[Row]) -> list[Row]:
    """What the record says a day later: dates put right, a child gone, decisions that were not there."""
    dates = {
        ("B02", "assessment_authorised"): "2026-03-09",
        ("A02", "referral_received"): "2026-03-06",
        ("C02", "icpc_held"): "2026-04-08",
    }
    kept = [(*row[:2], dates.get((row[0], row[1]), row[2]), *row[3:]) for row in rows if row[0] != "A01"]
    return [
        *kept,
        ("A06", "referral_decision_recorded", "2026-04-14", "", "R1", "North", "nfa", "", ""),
        ("A05", "referral_decision_recorded", "2026-04-16", "", "R1", "North", "nfa", "", ""),
    ]


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code in (0, 1), result.output
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two logs, and a run of each: the first on 15 April, the second on 16 April."""
    here = tmp_path_factory.mktemp("counted")
    for name, rows, day in (("first", FIRST, "2026-04-15"), ("second", _put_right(FIRST), "2026-04-16")):
        with (here / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([HEADINGS, *rows])
        _run("replay", str(here / f"{name}.csv"), "--as-of", day, "-o", str(here / name), "--jobs", "1")
    return here


def test_each_duty_is_as_counted_by_hand(folder: Path) -> None:
    found = Counter((row["rule"], row["status"].replace("due_soon", "due")) for row in open_run(folder / "first").flags().to_pylist())
    assert {key: n for key, n in found.items() if key[0] in RULES} == {
        ("fd_referral_decision_1wd", "met"): 9,  # A01 A03 A08 A09, and the five assessed on the day
        ("fd_referral_decision_1wd", "late"): 2,  # A02 A04
        ("fd_referral_decision_1wd", "overdue"): 2,  # A06, and the second of A09
        ("fd_referral_decision_1wd", "due"): 1,  # A05
        ("as_single_45wd", "met"): 1,
        ("as_single_45wd", "late"): 1,
        ("as_single_45wd", "overdue"): 2,  # B03 B05
        ("as_single_45wd", "due"): 4,  # B04 A05 A06, and the second of A09
        ("as_single_45wd", "ended"): 6,
        ("cp_icpc_15wd", "met"): 1,
        ("cp_icpc_15wd", "late"): 1,
        ("cp_icpc_15wd", "due"): 1,
        ("cp_visit", "met"): 2,
        ("cp_visit", "late"): 1,
        ("cp_visit", "overdue"): 1,
    }
    late = {(row["case"], row["rule"]): row["days_late"] for row in open_run(folder / "first").flags().to_pylist()}
    assert late["A02", "fd_referral_decision_1wd"] == 3
    assert late["B03", "as_single_45wd"] == 37


def test_a_month_end_knows_what_had_been_recorded(folder: Path) -> None:
    asked = ["--from", "2026-02", "--to", "2026-03", "--rule", "fd_referral_decision_1wd", "--rule", "cp_visit", "--format", "json"]
    rules = {rule["rule"]: rule["months"] for rule in json.loads(_run("trend", str(folder / "first.csv"), *asked))["rules"]}
    march = rules["fd_referral_decision_1wd"][-1]
    # A01 and the first of A09 in time, A02 late; A08 was not recorded yet and the second of A09 not done
    assert (march["in_month"]["on_time"], march["in_month"]["judged"], march["so_far"]["overdue"]) == (2, 5, 2)
    visits = rules["cp_visit"][-1]
    # due on 2, 17 and 31 March: late, in time, and on the month end itself not yet late
    assert (visits["in_month"]["duties"], visits["in_month"]["on_time"], visits["in_month"]["judged"]) == (3, 1, 2)


def test_each_move_has_its_cause(folder: Path) -> None:
    _run("compare", str(folder / "first"), str(folder / "second"), "-o", str(folder / "moved.csv"))
    with (folder / "moved.csv").open(newline="", encoding="utf-8") as file:
        moved = {(row["case"], row["rule"]): (row["kind"], row["because"], row["corrected"]) for row in csv.DictReader(file)}
    assert moved["A02", "fd_referral_decision_1wd"] == ("resolved", "data", "true")
    assert moved["A06", "fd_referral_decision_1wd"] == ("resolved", "data", "false")
    assert moved["B02", "as_single_45wd"] == ("resolved", "data", "false")
    assert moved["C02", "cp_icpc_15wd"] == ("resolved", "data", "false")
    assert moved["A01", "fd_referral_decision_1wd"] == ("gone", "data", "false")
    assert moved["B04", "as_single_45wd"] == ("newly_overdue", "time", "false")
    assert moved["C04", "cp_icpc_15wd"] == ("newly_overdue", "time", "false")
    # due on the 15th, done and recorded on the 16th: neither the record nor the day makes it alone
    assert moved["A05", "fd_referral_decision_1wd"] == ("newly_late", "data and time", "false")
    assert ("D01", "cp_visit") not in moved


def test_visits_every_four_weeks(folder: Path) -> None:
    asked = ["--set", "cp_visit.interval=4 weeks", "-o", str(folder / "if.csv")]
    _run("what-if", str(folder / "first"), *asked)
    with (folder / "if.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["before_due"], row["before_status"], row["after_due"], row["after_status"]) for row in csv.DictReader(file)]
    assert sorted(rows) == [
        ("2026-02-16", "met", "2026-03-02", "met"),
        ("2026-03-02", "late", "2026-03-16", "met"),
        ("2026-03-17", "met", "2026-03-31", "met"),
        ("2026-03-31", "overdue", "2026-04-14", "overdue"),
    ]


def test_an_auditor_can_draw_the_sample_again(folder: Path) -> None:
    _run("sample", str(folder / "first"), "--n", "12", "--seed", "7", "--again", "-o", str(folder / "sample.csv"))
    with (folder / "sample.csv").open(newline="", encoding="utf-8") as file:
        drawn = sorted((row["case"], row["rule"], row["due"]) for row in csv.DictReader(file))
    names = ("case", "rule", "rung", "trigger_event", "trigger_at", "ref", "start")

    def number(row: dict[str, object]) -> bytes:
        text = "\x1f".join(["7", *("" if row[name] is None else str(row[name]) for name in names)])
        return blake2b(text.encode(), digest_size=8).digest()

    rows = sorted(open_run(folder / "first").flags().to_pylist(), key=number)[:12]
    assert drawn == sorted((row["case"], row["rule"], str(row["due"] or "")) for row in rows)
