"""`rrt quality`: every check on its last good and first bad day, the kinds of check against slow obvious ones, real defects found."""

from __future__ import annotations

import csv
import functools
import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import jsonschema
import openpyxl
import pytest
from typer.testing import CliRunner, Result

from rrt_engine import cli, cli_quality
from rrt_engine.calendar import Duration, as_date, birthdays, day_number, due_day, parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.model import STATUSES, EventLog
from rrt_engine.paths import CASES, RULES
from rrt_engine.quality.check import look_through
from rrt_engine.quality.examples import run_example
from rrt_engine.quality.run import Quality, quality
from rrt_engine.replay.run import replay
from rrt_engine.reports.quality_files import COLUMNS, write_quality
from rrt_engine.rulebook.quality_book import load_checks, load_checks_and_document
from rrt_engine.rulebook.quality_schema import Check, Look
from rrt_engine.sources.builder import LogBuilder
from tests.shipped import BOOK
from tools.schemas import FOLDER

CHECKS, DOCUMENT = load_checks_and_document(RULES, BOOK)
DATA = Path(__file__).parent / "data"
CENSUS = DATA / "cin_census" / "generated_seed1001_conforming.xml"
ANNEX_A = DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx"
SAMPLE = CASES / "sample" / "events.csv"
AS_OF = "2026-04-15"


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cli, cli_quality):
        monkeypatch.setattr(module, "rule_book", lambda _: BOOK)
    monkeypatch.delenv("COLUMNS", raising=False)


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["quality", *(str(a) for a in arguments)])


@functools.cache
def of(path: Path, as_of: str = AS_OF, year: int | None = None) -> Quality:
    return quality(replay([path], BOOK, parse_moment(as_of)), CHECKS, year)


# ---------------------------------------------------------------------------------------------------- the catalogue


@pytest.mark.parametrize("which", ["good", "bad"])
@pytest.mark.parametrize("i", range(len(CHECKS)), ids=[c.id for c in CHECKS])
def test_each_check_finds_what_its_examples_say(i: int, which: Any) -> None:
    outcome = run_example(CHECKS[i], which, i, DOCUMENT, BOOK)
    assert outcome.passed, [d.text() for d in outcome.diagnostics]


# Checks of what stands there and not of when: their examples differ in something other than a date.
NOT_OF_A_DAY = {"without", "incompatible", "left_open", "no_birth_date", "unrecorded"}


@pytest.mark.parametrize("check", [c for c in CHECKS if c.look.kind not in NOT_OF_A_DAY or c.id == "plan_without_conference"], ids=str)
def test_the_good_and_the_bad_example_are_a_day_apart(check: Check) -> None:
    """So that the good one is the last good day and the bad one the first bad day: a limit off by one fails its example."""
    good, bad = check.good, check.bad
    moved = []
    for a, b in zip(good.events, bad.events, strict=True):
        assert {k: v for k, v in a.items() if k != "at"} == {k: v for k, v in b.items() if k != "at"}
        moved.append(abs(int((parse_moment(a["at"]).day) - parse_moment(b["at"]).day)))
    days = abs(parse_moment(good.as_of).day - parse_moment(bad.as_of).day)
    if check.look.kind == "open_too_long":
        working = int(BOOK.calendar.working_days_between(parse_moment(good.as_of).day, parse_moment(bad.as_of).day))
        assert working == 1 and not any(moved)
    else:
        assert max(moved) <= 1 and days <= 1 and sum(moved) + days >= 1


def test_the_catalogue_is_whole() -> None:
    kinds = {get_args(k.model_fields["kind"].annotation)[0] for k in get_args(get_args(Look)[0])}
    assert kinds == {c.look.kind for c in CHECKS}, "every kind of check is used, and has examples"
    numbers = {n for c in CHECKS if c.number for n in c.number.split(", ")}
    # data_formats.md 2.1 and 3, and the catalogue's data assertions, less those a record of events cannot show.
    wanted = (
        "1103 1104 2885 2884 2889 8608 8615 8630 8606 8696 8620 8715 4013 8736 8740 8839 8890 8863Q 8896 8831 8565 8841 8925 8930 8935 "
        "4001 4016 4017 8867 8868 2990 8875 8670Q 8675Q 8569Q 4011 361 362 363 365 367 375 376 379 399 574 577 331 333 521 551 558 386 407"
    )
    assert numbers == set(wanted.split())
    assert len({c.id for c in CHECKS}) == len(CHECKS)
    assert all(c.verified != "instrument" for c in CHECKS), "no number was read in the Department's own rule book"


def test_a_mistake_in_the_catalogue_is_said_at_its_place(tmp_path: Path) -> None:
    text = (RULES / "quality.yaml").read_text(encoding="utf-8")
    (tmp_path / "quality.yaml").write_text(
        text.replace("then: {event: assessment_started}, link: referral", "then: {event: assesment_started}, link: referal", 1)
        .replace("attribute: child_seen", "attribute: child_sene", 1)
        .replace("id: conference_before_referral", "id: assessment_before_referral", 1)
        .replace("source: {id: ssda903, at: rule 333}", "source: {id: sdda903, at: rule 333}", 1),
        encoding="utf-8",
    )
    with pytest.raises(InputError) as raised:
        load_checks(tmp_path, BOOK)
    said = {d.code: d for d in raised.value.diagnostics}
    assert set(said) == {"unknown_event", "unknown_link", "unknown_attribute", "id_reused", "unknown_source"}
    assert "did you mean `assessment_started`" in said["unknown_event"].help and said["unknown_event"].line == 16
    (tmp_path / "quality.yaml").write_text(text.replace("kind: weekend", "kind: weekday", 1), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_checks(tmp_path, BOOK)
    assert all(d.line for d in raised.value.diagnostics)


# ------------------------------------------------------------------------------------------- slow and obvious, by hand

LOOKED_AT = [c for c in CHECKS if c.look.kind not in ("outside_year", "age", "before_birth", "after_as_of", "no_birth_date", "unrecorded")]
FAMILIES = [
    ["referral_received", "referral_decision_recorded", "assessment_started", "assessment_authorised", "case_closed"],
    ["referral_received", "strategy_discussion_held", "s47_started", "icpc_held", "s47_outcome_recorded", "case_closed"],
    ["cp_plan_started", "cp_plan_ended", "cin_plan_started", "cin_plan_ended", "icpc_held", "rcpc_held", "cp_visit", "child_died"],
    ["looked_after_started", "looked_after_ended", "legal_status_changed", "placement_started", "placement_ended", "lac_review_held"],
    ["looked_after_started", "looked_after_ended", "lac_review_held", "lac_visit", "missing_episode_started", "missing_episode_ended"],
    ["short_break_started", "short_break_ended", "short_break_series_ended", "lac_review_held", "looked_after_started"],
    ["adm_decision_recorded", "adoption_match_approved", "placed_for_adoption", "adoption_order_made"],
    ["police_protection_started", "police_protection_ended", "epo_made", "epo_ended", "interim_care_order_made"],
    ["child_assessment_order_made", "child_assessment_order_ended", "child_died", "cp_visit"],
]
ATTRIBUTES: dict[str, dict[str, list[Any]]] = {
    "referral_received": {"nfa": [True, False]},
    "strategy_discussion_held": {"s47_initiated": [True, True, False]},
    "icpc_held": {"transfer_in": [True, False, False]},
    "case_closed": {"reason": ["RC7", "RC8"]},
    "referral_decision_recorded": {"outcome": ["nfa", "assess", "early_help"]},
    "placement_started": {"type": ["T1", "T3", "T4", "U1"]},
    "looked_after_started": {"legal_status": ["L1", "L2", "L3", "V2"]},
    "legal_status_changed": {"legal_status": ["L1", "L2", "L3", "C1"]},
    "adm_decision_recorded": {"kind": ["should_be_placed", "should_no_longer_be_placed", "match"]},
}
Row = dict[str, Any]


def made_up(seed: int) -> list[Row]:
    """A child's record with everything wrong in it: few days, few refs, refs left out."""
    draw = random.Random(seed)
    kinds, crowded = FAMILIES[seed % len(FAMILIES)], draw.choice([6, 20, 90, 300])
    rows = []
    for i in range(draw.randint(2, 10)):
        kind = draw.choice(kinds)
        parts = [f"{level[0].upper()}{draw.randint(1, 2)}" for level in BOOK.events[kind].ref]
        ref = "/".join(parts) if parts and draw.random() < 0.85 else None
        attributes = {name: draw.choice(values) for name, values in ATTRIBUTES.get(kind, {}).items() if draw.random() < 0.85}
        rows.append({"n": i + 1, "event": kind, "day": 20_500 + draw.randint(0, crowded), "ref": ref, **attributes})
    return rows


def log_of(cases: dict[str, list[Row]]) -> EventLog:
    builder = LogBuilder(BOOK.events)
    builder.origin("made.csv")
    for case, rows in cases.items():
        builder.child(case)
        for row in rows:
            attributes = {k: v for k, v in row.items() if k not in ("n", "event", "day", "ref")}
            builder.add(case, row["event"], parse_moment(as_date(row["day"])), ref=row["ref"], attributes=attributes, row=row["n"])
    return builder.build()


def level(row: Row, link: str) -> str | None:
    """What a row belongs to at one level, where its ref says so in full."""
    path = BOOK.events[row["event"]].ref
    return "/".join(row["ref"].split("/")[: path.index(link) + 1]) if row["ref"] and link in path else None


def chosen(rows: list[Row], select: Any) -> list[Row]:
    def meets(row: Row, name: str, test: Any) -> bool:
        return name in row and (row[name] in test if isinstance(test, list) else row[name] == test)

    return [r for r in rows if r["event"] in select.event and all(meets(r, name, test) for name, test in select.where.items())]


def in_time(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda r: (r["day"], r["n"]))


def together(rows: list[Row], link: str | None) -> Iterator[list[Row]]:
    """The rows that belong together, each group apart; without a link all of the child's."""
    if link is None:
        yield rows
        return
    named = [(level(r, link), r) for r in rows]
    for name in sorted({n for n, _ in named if n is not None}):
        yield [r for n, r in named if n == name]


def slow_spans(rows: list[Row], span: Any) -> list[tuple[Row, Row | None]]:
    """Walk through the days: an end closes what was open, the further ends of a day what began that day."""
    starts = [r for r in rows if r["event"] in span.start.event]
    ends = [r for r in rows if r["event"] in span.end]
    whole = span.link is None or any(level(r, span.link) is None for r in (*starts, *ends))
    result: list[tuple[Row, Row | None]] = []
    for group in [[*starts, *ends]] if whole else together([*starts, *ends], span.link):
        still: list[Row] = []
        closed: list[tuple[Row, Row | None]] = []
        for _, of_day in groupby(in_time(group), key=lambda r: r["day"]):
            day = list(of_day)
            begun, ended = [r for r in day if r in starts], [r for r in day if r in ends]
            first = ended[0] if ended else None
            spare = len(ended)
            if still and first:
                closed += [(s, first) for s in still]
                still, spare = [], spare - 1
            closed += [(s, first) for s in begun[:spare]]
            still += begun[spare:]
        if not whole and len([r for r in group if r in starts]) == 1 and any(r in ends for r in group):
            still = []  # its end is recorded before its start: another check says so
        result += closed + [(s, None) for s in still]
    nexts = []
    for start, end in result:
        later = [r for r in in_time(rows) if r["event"] in span.next and r["day"] > start["day"]]
        nexts.append((start, later[0] if later and (end is None or later[0]["day"] < end["day"]) else end))
    wanted = chosen(rows, span.start)
    return [(s, e) for s, e in nexts if s in wanted]


FAR = 10**9


def slow_order(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    found = set()
    for group in together(rows, look.link):
        first = in_time(chosen(group, look.first))[:1]
        for then in chosen(group, look.then):
            if first and first[0] is not then and (then["day"] < first[0]["day"] or (not look.same_day and then["day"] == first[0]["day"])):
                found.add((then["n"], first[0]["n"]))
    return found


def slow_without(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    found = set()
    for group in together(rows, look.link):
        needs = in_time(chosen(group, look.needs))
        for row in chosen(group, look.event):
            if not any(not look.same_day or n["day"] == row["day"] for n in needs):
                found.add((row["n"], needs[0]["n"] if needs else 0))
    return found


def slow_incompatible(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    found = set()
    for group in together(rows, look.link):
        event = in_time(chosen(group, look.event))
        if event and not (look.unless and chosen(group, look.unless)):
            found |= {(r["n"], event[0]["n"]) for r in chosen(group, look.with_) if r is not event[0]}
    return found


def slow_after(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    found = set()
    for group in together(rows, look.link):
        for row in chosen(group, look.event):
            before = [r for r in in_time(chosen(group, look.ending)) if r["day"] < row["day"]]
            if before and not any(r["event"] in look.reopened and before[-1]["day"] <= r["day"] <= row["day"] for r in group):
                found.add((row["n"], before[-1]["n"]))
    return found


def slow_left_open(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    found = set()
    for start, end in slow_spans(rows, look.span):
        mine = level(start, look.link) if look.link else ""
        once = [r for r in in_time(chosen(rows, look.once)) if r["day"] >= start["day"] and (not look.link or level(r, look.link) == mine)]
        if end is None and once and mine is not None:
            found.add((start["n"], once[0]["n"]))
    return found


def slow_longer(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    limit = Duration.parse(look.limit).n
    spans = slow_spans(rows, look.span)
    return {(s["n"], e["n"] if e else 0) for s, e in spans if (e["day"] if e else as_of) - s["day"] > limit}


def slow_open_too_long(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    limit = Duration.parse(look.limit)
    return {(s["n"], 0) for s, e in slow_spans(rows, look.span) if e is None and int(due_day(s["day"], limit, BOOK.calendar)) < as_of}


def slow_total(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    days: dict[int, list[tuple[int, int]]] = {}
    spans = sorted(slow_spans(rows, look.span), key=lambda p: (p[0]["day"], p[0]["n"]))
    for place, (start, end) in enumerate(spans):
        for day in range(start["day"], end["day"] if end else as_of):
            days.setdefault(as_date(day).year + (as_date(day).month >= 4), []).append((place, day))
    return {(spans[max(p for p, _ in held)][0]["n"], 0) for held in days.values() if len(held) > look.limit}


def slow_outside(rows: list[Row], look: Any, as_of: int) -> set[int]:
    spans = [(s["day"], e["day"] if e else FAR) for s, e in slow_spans(rows, look.span)]
    return {r["n"] for r in chosen(rows, look.event) if spans and not any(a <= r["day"] <= b for a, b in spans)}


def slow_overlap(rows: list[Row], look: Any, as_of: int) -> set[int]:
    """The spans that begin while another is running: the later of the two; of two kinds on one day, the first kind."""

    def running(begins: Row, start: Row, end: Row | None) -> bool:
        last = FAR if end is None else end["day"]
        return begins["day"] < last if look.touching else begins["day"] <= last

    def same(a: Row, b: Row) -> bool:
        return not look.within or (level(a, look.within) is not None and level(a, look.within) == level(b, look.within))

    mine = slow_spans(rows, look.span)
    found = set()
    if look.other is None:
        for s, _ in mine:
            for other, end in mine:
                if other is not s and same(s, other) and (other["day"], other["n"]) < (s["day"], s["n"]) and running(s, other, end):
                    found.add(s["n"])
        return found
    theirs = slow_spans(rows, look.other)
    for one, other, strict in ((mine, theirs, False), (theirs, mine, True)):
        for s, _ in one:
            for o, end in other:
                if same(s, o) and (o["day"] < s["day"] or (not strict and o["day"] == s["day"])) and running(s, o, end):
                    found.add(s["n"])
    return found


def slow_twice(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    found = set()
    for row in chosen(rows, look.event):
        same = [r for r in in_time(rows) if r["event"] == row["event"] and r["day"] == row["day"]]
        if same[0] is not row:
            found.add((row["n"], same[0]["n"]))
    return found


def slow_after_death(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    died = in_time([r for r in rows if r["event"] == "child_died"])[:1]
    return {(r["n"], died[0]["n"]) for r in rows if died and BOOK.events[r["event"]].with_child and r["day"] > died[0]["day"]}


def slow_weekend(rows: list[Row], look: Any, as_of: int) -> set[tuple[int, int]]:
    return {(r["n"], 0) for r in chosen(rows, look.event) if as_date(r["day"]).weekday() >= 5}


SLOW: dict[str, Callable[[list[Row], Any, int], Any]] = {
    "order": slow_order,
    "without": slow_without,
    "incompatible": slow_incompatible,
    "after": slow_after,
    "left_open": slow_left_open,
    "longer_than": slow_longer,
    "open_too_long": slow_open_too_long,
    "total_over": slow_total,
    "outside_period": slow_outside,
    "overlap": slow_overlap,
    "twice": slow_twice,
    "after_death": slow_after_death,
    "weekend": slow_weekend,
}
AS_OF_DAY = 20_850


@functools.cache
def generated() -> tuple[dict[str, list[Row]], EventLog]:
    cases = {f"C{seed:04d}": made_up(seed) for seed in range(1_800)}
    return cases, log_of(cases)


@pytest.mark.parametrize("check", LOOKED_AT, ids=[c.id for c in LOOKED_AT])
def test_each_kind_agrees_with_a_slow_and_obvious_one(check: Check) -> None:
    cases, log = generated()
    (checked,) = look_through(log, [check], BOOK, AS_OF_DAY)
    f = checked.findings
    assert f is not None, checked.why_not
    assert len(f), "the made-up records break every check, or nothing would be compared"
    assert log.origin_row is not None
    number = [*log.origin_row.tolist(), 0]  # row -1 reads the last
    came: dict[str, set[Any]] = {case: set() for case in cases}
    alone = check.look.kind in ("outside_period", "overlap")
    for child, row, other in zip(f.child.tolist(), f.row.tolist(), f.other.tolist(), strict=True):
        came[str(log.children[child])].add(number[row] if alone else (number[row], number[other]))
    wanted = {case: SLOW[check.look.kind](rows, check.look, AS_OF_DAY) for case, rows in cases.items()}
    differ = [(case, wanted[case], came[case], in_time(cases[case])) for case in cases if wanted[case] != came[case]]
    assert not differ, differ[0]


def test_the_first_event_of_a_log_is_counted_and_placed_like_any_other(tmp_path: Path) -> None:
    """The first child, the first row and the first ref have the number 0, which is no sign that there is none."""
    path = tmp_path / "log.csv"
    path.write_text(
        "child_id,event,at,ref,date_of_birth\nA,case_closed,2026-03-02,R1,2015-01-01\nA,assessment_started,2026-03-03,R1/A1,\n"
        "A,icpc_held,2026-03-03,R1/S1,\n",
        encoding="utf-8",
    )
    found = of(path)
    lines = {line.check.id: line for line in found.lines()}
    (first, second) = (f for f in found.findings() if f.check.id == "activity_after_closure")
    assert (first.row, first.other_row, first.other_event, first.other_at) == (3, 2, "case_closed", "2026-03-02")
    assert second.row == 4 and (lines["activity_after_closure"].looked_at, lines["activity_after_closure"].children) == (2, 1)
    assert lines["conference_on_weekend"].looked_at == 1 and lines["no_date_of_birth"].looked_at == 1


def test_ages_are_reached_at_the_start_of_the_birthday() -> None:
    check = next(c for c in CHECKS if c.id == "adopted_as_adult")
    for born in (date(2008, 2, 29), date(2008, 3, 1), date(2007, 12, 31)):
        reached = as_date(int(birthdays(day_number(born), 18)))
        for days, bad in ((-1, 0), (0, 1), (1, 1)):
            builder = LogBuilder(BOOK.events)
            builder.child("A", born=day_number(born))
            builder.add("A", "looked_after_ended", parse_moment(reached + timedelta(days)), attributes={"reason": "E11"})
            (checked,) = look_through(builder.build(), [check], BOOK, 30_000)
            assert checked.findings is not None and len(checked.findings) == bad, (born, days)


# ---------------------------------------------------------------------------------------------------- real files

# Children with findings in a generated return, as the sector's open validator (csc-validator-be-cin 0.1.13) counts them too.
AS_THE_VALIDATOR = {
    "1103": 84, "2889": 54, "8608": 98, "8615": 21, "8630": 38, "8925": 49, "4011": 91, "4013": 143, "8620": 75, "8696": 132,
    "8930": 78, "8831": 29, "8569Q": 26,
}  # fmt: skip


def test_a_return_has_the_findings_that_the_sectors_own_validator_has() -> None:
    lines = {line.check.number: line for line in of(CENSUS, "2025-03-31").lines()}
    assert {number: lines[number].children for number in AS_THE_VALIDATOR} == AS_THE_VALIDATOR
    # The validator looks at one of the two places of a conference; here both are looked at: 39 + 36 and 14 + 8.
    assert (lines["8715"].found, lines["8875"].found) == (75, 22)


def test_a_finding_names_the_lines_of_the_file() -> None:
    text = CENSUS.read_text(encoding="utf-8").splitlines()
    found = [f for f in of(CENSUS, "2025-03-31").findings() if f.check.number == "8608"]
    assert len(found) == 149
    for f in found:
        assert (
            f"<AssessmentAuthorisationDate>{f.at}<" in text[f.row - 1]
            and f"<AssessmentActualStartDate>{f.other_at}<" in text[f.other_row - 1]
        )
        assert f.file == CENSUS.name and f.other_at > f.at
        days = (date.fromisoformat(f.other_at) - date.fromisoformat(f.at)).days
        assert f"{days:,} day" in f.what


def test_findings_change_no_flag_and_say_which_duties_are_out_of_every_share() -> None:
    ran = replay([CENSUS], BOOK, parse_moment("2025-03-31"))
    before = ran.sources[0].result.flags
    found = quality(ran, CHECKS)
    assert found.replay.sources[0].result.flags is before
    apart = set()
    for i in range(len(before)):
        if STATUSES[before.status[i]] == "cannot_tell" and any(
            m.startswith("dates that can be right") for m in ran.sources[0].explainer.explain(i).missing
        ):
            apart.add(i)
    line = next(line for line in found.lines() if line.check.number == "8608")
    rows = {
        int(r) for c in found.sources[0].checked if c.check.number == "8608" and c.findings for r in (*c.findings.row, *c.findings.other)
    }
    assert line.duties == sum(int(before.trigger[i]) in rows or int(before.answer[i]) in rows for i in apart) > 0
    assert all(f.duties == 0 for f in of(SAMPLE).findings())


def test_what_a_source_cannot_hold_is_said_and_not_called_good() -> None:
    lines = {line.check.id: line for line in of(CENSUS, "2025-03-31").lines()}
    assert lines["visit_outside_care"].why_not == {CENSUS.name: "the source cannot hold `lac_visit`"}
    annex = {line.check.id: line for line in of(ANNEX_A, "2022-06-01").lines()}
    assert "give it with --year" in annex["closed_outside_year"].why_not[ANNEX_A.name]
    assert not annex["review_outside_care"].why_not


@pytest.mark.parametrize(
    ("as_of", "said"), [("2026-04-15", 0), ("2026-04-14", 1)], ids=["nothing is later", "one event is later and is not looked at"]
)
def test_only_what_has_happened_is_looked_at(tmp_path: Path, as_of: str, said: int) -> None:
    path = tmp_path / "log.csv"
    path.write_text(
        "child_id,event,at,ref,date_of_birth\nA,assessment_started,2026-04-10,R1/A1,2015-01-01\nA,referral_received,2026-04-15,R1,\n",
        encoding="utf-8",
    )
    lines = {line.check.id: line for line in of(path, as_of).lines()}
    assert lines["in_the_future"].found == said
    assert lines["assessment_before_referral"].found == 1 - said


def test_a_conference_that_a_reader_put_there_is_no_conference() -> None:
    """The reader of a return puts a conference where a plan starts without one. It is not looked at, and the plan is named."""
    found = of(CENSUS, "2025-03-31")
    plans = [f for f in found.findings() if f.check.number == "2885"]
    early = {f.row for f in found.findings() if f.check.number == "1104"}
    dated = set(re.findall(r"<DateOfInitialCPC>([\d-]+)<", CENSUS.read_text(encoding="utf-8")))
    assert len(plans) > 80 and sum(f.at in dated for f in plans) < len(plans) / 2
    assert "cin_2885" not in {d.code for s in found.sources for d in s.said}, "what a check says is not said twice"
    assert early and not early & {f.row for f in plans}


def test_what_could_not_be_read_is_among_the_findings() -> None:
    found = of(SAMPLE)
    assert [r.row for s in found.sources for r in s.rejected] == [350, 794, 1203]
    assert found.anything()


def test_two_sources_are_looked_at_one_by_one() -> None:
    both = quality(replay([CENSUS, SAMPLE], BOOK, parse_moment("2026-04-15")), CHECKS)
    assert [s.path for s in both.sources] == [CENSUS.name, SAMPLE.name]
    apart = [of(CENSUS, "2026-04-15"), of(SAMPLE, "2026-04-15")]
    assert both.count() == sum(q.count() for q in apart)
    one, two = ({line.check.id: line for line in q.lines()} for q in apart)
    for line in both.lines():
        assert line.found == one[line.check.id].found + two[line.check.id].found
    assert sum(line.duties for line in both.lines()) == sum(line.duties for line in one.values())


# ---------------------------------------------------------------------------------------------------- the files


def test_the_csv_has_every_finding_and_rejected_record(tmp_path: Path) -> None:
    found = of(SAMPLE)
    target = tmp_path / "issues.csv"
    written = write_quality(found, target)
    rows = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == list(COLUMNS) and len(rows) == written
    assert sum(r["kind"] == "finding" for r in rows) == found.count() and sum(r["kind"] == "rejected" for r in rows) == 3
    assert all(r["mend"] and r["expected"] and r["row"] and r["file"] == "events.csv" for r in rows if r["kind"] == "finding")
    again = tmp_path / "again.csv"
    write_quality(found, again)
    assert again.read_bytes() == target.read_bytes()


def test_a_case_that_looks_like_a_formula_is_made_safe(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("child_id,event,at,ref\n=1+1,icpc_held,2026-03-21,R1/S1\n@A,icpc_held,2026-03-21,R1/S1\n", encoding="utf-8")
    found = of(path)
    write_quality(found, tmp_path / "q.csv")
    text = (tmp_path / "q.csv").read_text(encoding="utf-8")
    assert "'=1+1" in text and "'@A" in text and not re.search(r"(^|,)[=@]", text, re.MULTILINE)
    write_quality(found, tmp_path / "q.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "q.xlsx")["Findings"]
    cases = {row[1] for row in sheet.iter_rows(min_row=4, values_only=True)}
    assert cases >= {"'=1+1", "'@A"} and not any(c.data_type == "f" for row in sheet.iter_rows() for c in row)


def test_the_workbook(tmp_path: Path) -> None:
    found = of(CENSUS, "2025-03-31")
    first, second = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    assert write_quality(found, first) == write_quality(found, second)
    assert first.read_bytes() == second.read_bytes()
    book = openpyxl.load_workbook(first)
    assert book.sheetnames == ["Checks", "Findings", "From reading", "About"]
    assert book["Checks"].max_row == 3 + len(CHECKS) and book["Findings"].max_row == 3 + found.count()
    headings = [c.value for c in book["Checks"][3]]
    by_id = {row[headings.index("Id")]: row for row in book["Checks"].iter_rows(min_row=4, values_only=True)}
    assert by_id["assessment_before_referral"][headings.index("Findings")] == 144
    assert "cannot hold" in by_id["visit_outside_care"][headings.index("Could not be applied")]
    assert book["Findings"].freeze_panes == "C4" and book["Findings"]["E4"].is_date


def test_the_document_meets_its_schema(tmp_path: Path) -> None:
    schema = json.loads((FOLDER / "quality.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in (SAMPLE, ANNEX_A, CASES / "training"):
        result = rrt(path, "--as-of", AS_OF, "--format", "json")
        document = json.loads(result.stdout)
        jsonschema.validate(document, schema)
        assert sum(c["findings"] for c in document["checks"]) == len(document["findings"])
        assert len(document["checks"]) == len(CHECKS)


# ---------------------------------------------------------------------------------------------------- the command


def test_the_terminal_says_what_to_mend_and_where() -> None:
    result = rrt(CENSUS, "--as-of", "2025-03-31")
    words = " ".join(result.stdout.split())
    assert result.exit_code == 1
    assert "findings from" in words and "collection year to March 2025" in words
    assert (
        "An assessment is authorised before it starts assessment_authorised_before_start (rule 8608): 149 findings about 98 children"
        in words
    )
    assert "and 146 more: -o FILE.csv has every one" in words
    assert "Findings change no flag" in words


def test_exit_codes(tmp_path: Path) -> None:
    clean = tmp_path / "clean.csv"
    clean.write_text("child_id,event,at,date_of_birth\nA,child_seen,2026-03-02,2015-01-01\n", encoding="utf-8")
    assert rrt(clean, "--as-of", AS_OF).exit_code == 0
    assert rrt(SAMPLE, "--as-of", AS_OF).exit_code == 1
    assert rrt(SAMPLE, "--as-of", AS_OF, "--exit-zero").exit_code == 0
    assert rrt(tmp_path / "none.csv", "--as-of", AS_OF).exit_code == 2
    assert rrt("--as-of", AS_OF).exit_code == 2
    assert "expected .csv, .xlsx" in rrt(SAMPLE, "--as-of", AS_OF, "-o", "issues.pdf").stderr


def test_the_year_of_a_return_can_be_given() -> None:
    result = rrt(SAMPLE, "--as-of", AS_OF, "--year", "2026", "--format", "json")
    checks = {c["id"]: c for c in json.loads(result.stdout)["checks"]}
    assert checks["authorised_outside_year"]["not_applied"] == {}
    rows = list(csv.DictReader(SAMPLE.read_text(encoding="utf-8").splitlines()))
    outside = [r for r in rows if r["event"] == "assessment_authorised" and not "2025-04-01" <= r["at"][:10] <= "2026-03-31"]
    assert checks["authorised_outside_year"]["findings"] == len(outside) > 0


def test_every_check_can_be_listed() -> None:
    result = rrt("--list")
    assert result.exit_code == 0
    assert all(c.id in result.stdout for c in CHECKS)
    listed = json.loads(rrt("--list", "--format", "json").stdout)
    assert [c["id"] for c in listed] == [c.id for c in CHECKS] and "good" not in listed[0]
