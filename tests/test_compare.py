"""Comparing two runs: what moved, and what made it so, against a slow comparison of every combination of records, date and rules."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.paths import RULES
from rrt_engine.replay import parts_again
from rrt_engine.replay.chunk import Settings
from rrt_engine.replay.compare import Comparison, compare_runs
from rrt_engine.replay.flag_rows import flag_rows
from rrt_engine.replay.moves import IDENTITY, KINDS, MOVE_COLUMNS, OUTCOME, move_schema, move_table, moves
from rrt_engine.replay.partition import digest
from rrt_engine.replay.pool import Failed
from rrt_engine.replay.run import replay
from rrt_engine.replay.run_folder import Run, open_run
from rrt_engine.replay.runner import run
from rrt_engine.rulebook.load import load
from tests.small_rules import EVENTS, PARAMETERS, SOURCES, rule_set
from tools.schemas import FOLDER

RULES_BEFORE = """\
id: demo_limit
kind: timescale
title: Request answered in time
service: front_door
source: {id: handbook, at: page 1}
authority: guidance
verified: secondary
effective: {from: 2020-01-01}
why: A request that waits leaves a child without help.
when: {event: asked, where: {urgent: true}}
expect: {event: answered}
within: 5 working days
until: [{event: withdrawn}, case_ends]
link: request
warn: 1 day
---
id: demo_repeat
kind: timescale
title: Answered again and again
service: front_door
source: {id: handbook, at: page 1}
authority: guidance
verified: secondary
effective: {from: 2020-01-01}
why: A request that waits leaves a child without help.
when: {event: opened}
expect: {event: answered}
every: {parameter: answer_time}
until: [case_ends]
"""
RULES_AFTER = RULES_BEFORE.replace("5 working days", "4 days").replace("{event: withdrawn}, ", "")
FACTORS = ("data", "time", "rule", "parameter")
DAY = date(2026, 3, 2)


@dataclass(frozen=True, order=True)
class Happened:
    """One row of a made log."""

    child: str
    day: int
    event: str
    ref: str
    urgent: str


def write_log(path: Path, rows: Sequence[Happened]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["child_id", "event", "at", "ref", "urgent", "team"])
        for row in rows:
            day = (DAY + timedelta(days=row.day)).isoformat()
            writer.writerow([row.child, row.event, day, row.ref, row.urgent, "North" if row.child < "C2" else ""])
    return path


def happened() -> st.SearchStrategy[Happened]:
    return st.builds(
        lambda child, day, event, ref, urgent: Happened(child, day, event, ref, urgent if event == "asked" else ""),
        st.sampled_from(["C1", "C2"]),
        st.integers(0, 16),
        st.sampled_from(["asked", "answered", "answered", "withdrawn", "closed", "opened"]),
        st.sampled_from(["", "R1", "R2"]),
        st.sampled_from(["true", "true", "false", ""]),
    )


def logs() -> st.SearchStrategy[list[Happened]]:
    return st.lists(happened(), min_size=1, max_size=9, unique_by=lambda h: (h.child, h.day, h.event, h.ref)).map(sorted)


@st.composite
def two_logs(draw: st.DrawFn) -> tuple[list[Happened], list[Happened]]:
    """A log, and the same log with some rows put right, left out or added."""
    before = draw(logs())
    after = []
    for row in before:
        what = draw(st.sampled_from(["same"] * 5 + ["gone", "moved", "ref"]))
        if what == "moved":
            row = replace(row, day=max(0, row.day + draw(st.integers(-4, 4))))
        if what == "ref":
            row = replace(row, ref=draw(st.sampled_from(["", "R1", "R2"])))
        if what != "gone":
            after.append(row)
    after += draw(st.lists(happened(), max_size=2))
    unique = {(h.child, h.day, h.event, h.ref): h for h in after}
    return before, sorted(unique.values()) or before


# ------------------------------------------------------------------------------------------------ the slow comparison


Flag = dict[str, Any]


def judged(log: Path, rules: Path, as_of: str) -> list[Flag]:
    """Every flag of a log, read and judged at once, with no run and no parts."""
    book = load(rules)
    found = replay([log], book, parse_moment(as_of))
    return [
        row
        for each in found.sources
        for row in flag_rows(each.log, book, each.result.flags, found.as_of, each.whole, each.path).to_pylist()
    ]


def identity(flag: Flag) -> tuple[Any, ...]:
    return tuple(flag[name] for name in IDENTITY)


def outcome(flag: Flag | None) -> tuple[Any, ...] | None:
    return None if flag is None else tuple(flag[name] for name in OUTCOME)


def kind_of(before: str | None, after: str | None) -> str:
    """What became of a duty, by how it stood before and after."""
    bad = ("overdue", "late", "early", "missed")
    if after is None:
        return "gone"
    if before == after:
        return "redated"
    if after == "overdue":
        return "newly_overdue"
    if after in ("late", "early", "missed"):
        return "resolved" if before == "overdue" else "changed" if before in bad else "newly_late"
    if before is None:
        return "new"
    if before in bad:
        return "resolved" if after in ("met", "ended") else "eased"
    return "changed"


def standing(flag: Flag | None) -> str | None:
    """Its status, but `missed` where an overdue duty has ended."""
    return None if flag is None else "missed" if flag["status"] == "overdue" and flag["ended_by"] is not None else flag["status"]


def slow(every: Mapping[frozenset[str], list[Flag]], factors: Sequence[str]) -> Counter[tuple[Any, ...]]:
    """Every move, as the identities of the flag before and after, its kind, its cause, and whether it was put right."""
    by_id = {subset: {identity(flag): flag for flag in flags} for subset, flags in every.items()}
    assert all(len(by_id[subset]) == len(flags) for subset, flags in every.items()), "the log holds the same duty twice"
    before, after = by_id[frozenset()], by_id[frozenset(factors)]
    gone = sorted((key for key in before if key not in after), key=str)
    new = sorted((key for key in after if key not in before), key=str)
    pairs: list[tuple[Any, Any, bool]] = [
        (key, key, False) for key in before if key in after and outcome(before[key]) != outcome(after[key])
    ]

    def pair(group: Any, gone: list[Any], new: list[Any], mark: Any) -> None:
        for name in {group(key) for key in gone}:
            left = sorted((key for key in gone if group(key) == name), key=order)
            right = sorted((key for key in new if group(key) == name), key=order)
            if len(left) == len(right):
                pairs.extend((a, b, mark(a, b)) for a, b in zip(left, right, strict=True))

    def order(key: Any) -> Any:
        return str(key[5] or ""), key[3], key[6]

    def rest() -> tuple[list[Any], list[Any]]:
        return [k for k in gone if k not in {a for a, _, _ in pairs}], [k for k in new if k not in {b for _, b, _ in pairs}]

    pair(lambda k: (k[0], k[1], k[2], k[3], k[5]), gone, new, lambda a, b: a[4] != b[4])
    if "data" in factors:
        data = by_id[frozenset({"data"})]
        left, right = rest()
        pair(lambda k: (k[0], k[1], k[2], k[4]), [k for k in left if k not in data], [k for k in right if k in data], lambda a, b: True)
    left, right = rest()
    moved = [*pairs, *((key, None, False) for key in left), *((None, key, False) for key in right)]
    found: Counter[tuple[Any, ...]] = Counter()
    for a, b, corrected in moved:
        was, now = before.get(a), after.get(b)
        statuses = [standing(flag) for flag in (was, now)]
        whole = statuses[0] == statuses[1]

        def makes(subset: frozenset[str], a: Any = a, b: Any = b, whole: bool = whole) -> bool:
            some = by_id[subset]
            for key in {k for k in (a, b) if k is not None}:
                one, two = some.get(key), after.get(key)
                if (outcome(one) != outcome(two)) if whole else (standing(one) != standing(two)):
                    return False
            return True

        cause = ""
        for size in range(1, len(factors) + 1):
            makers = [subset for subset in map(frozenset, combinations(factors, size)) if makes(subset)]
            if makers:
                cause = " or ".join(" and ".join(f for f in factors if f in subset) for subset in makers)
                break
        found[a, outcome(was), b, outcome(now), kind_of(*statuses), cause, corrected] += 1
    return found


def quick(table: Any) -> Counter[tuple[Any, ...]]:
    """The moves of a comparison in the same form."""
    found: Counter[tuple[Any, ...]] = Counter()
    for row in table.to_pylist():
        sides = [
            None if row[f"{side}_status"] is None else tuple(row[f"{side}_{name}"] for name in OUTCOME) for side in ("before", "after")
        ]
        own = tuple(row[name] for name in IDENTITY)
        keys = [None if said is None else own for said in sides]
        found[keys[0], sides[0], keys[1], sides[1], row["kind"], row["because"], row["corrected"]] += 1
    return found


def as_shown(moved: Counter[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    """The slow comparison as far as a row shows it: where one was put right, the identity is the one after."""
    found: Counter[tuple[Any, ...]] = Counter()
    for (a, was, b, now, *rest), n in moved.items():
        found[(b if a is not None and b is not None else a, was, b, now, *rest)] += n
    return found


# ------------------------------------------------------------------------------------------------ made runs


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[bool, bool], Path]:
    """Four rule sets: the rules before or after, with the local values before or after."""
    folder = tmp_path_factory.mktemp("rules")
    return {
        (rule, value): rule_set(
            folder / f"{rule}-{value}",
            RULES_AFTER if rule else RULES_BEFORE,
            events=EVENTS,
            sources=SOURCES,
            parameters=PARAMETERS.replace("5 working days", "3 days") if value else PARAMETERS,
        )
        for rule in (False, True)
        for value in (False, True)
    }


def made_run(folder: Path, log: Path, rules: Path, as_of: str, changes: tuple[tuple[str, str], ...] = ()) -> Run:
    return run([log], Settings(rules, parse_moment(as_of), None, changes), folder)


def compared(before: Run, after: Run, folder: Path, at_once: int = 1 << 20) -> tuple[Comparison, Any]:
    folder.mkdir(parents=True)
    tables: list[Any] = []
    found = compare_runs(before, after, folder, tables.append, at_once=at_once)
    return found, pa.concat_tables([move_schema().empty_table(), *tables])


WHEN = {False: "2026-03-11", True: "2026-03-17"}


@given(two_logs(), st.sets(st.sampled_from(FACTORS), min_size=1), st.booleans())
@settings(
    max_examples=int(os.environ.get("RRT_EXAMPLES", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_every_cause_is_that_of_all_combinations(
    tmp_path_factory: pytest.TempPathFactory,
    rules: dict[tuple[bool, bool], Path],
    pair: tuple[list[Happened], list[Happened]],
    differ: set[str],
    by_set: bool,
) -> None:
    folder = tmp_path_factory.mktemp("made")
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    logs = {False: write_log(folder / "a" / "log.csv", pair[0]), True: write_log(folder / "b" / "log.csv", pair[1])}
    if pair[0] == pair[1]:
        differ = differ - {"data"} or {"time"}
    every = {
        subset: judged(logs["data" in subset], rules["rule" in subset, "parameter" in subset], WHEN["time" in subset])
        for size in range(len(differ) + 1)
        for subset in map(frozenset, combinations(sorted(differ), size))
    }
    before = made_run(folder / "run1", logs[False], rules[False, False], WHEN[False])
    changes = (("answer_time", "3 days"),) if by_set and "parameter" in differ else ()
    in_files = "parameter" in differ and not by_set
    after = made_run(folder / "run2", logs["data" in differ], rules["rule" in differ, in_files], WHEN["time" in differ], changes)
    found, table = compared(before, after, folder / "compare")
    factors = tuple(f for f in FACTORS if f in differ)
    assert found.factors == factors
    assert not found.without_cause
    assert found.found.not_again == 0
    assert quick(table) == as_shown(slow(every, factors))
    # The same in many small ranges of children, and in the same order.
    _, again = compared(before, after, folder / "again", at_once=2)
    assert again.to_pylist() == table.to_pylist()
    whole = found.found
    assert whole.unmoved + table.num_rows - Counter(table["before_status"].to_pylist())[None] == len(every[frozenset()])
    assert sum((c.moved for c in whole.rules.values()), Counter()) == sum((c.moved for c in whole.teams.values()), Counter()) == whole.kinds
    assert sum((c.after for c in whole.rules.values()), Counter()) == Counter(f["status"] for f in every[frozenset(factors)])
    assert sum((c.before for c in whole.teams.values()), Counter()) == Counter(f["status"] for f in every[frozenset()])


def test_nothing_differs_and_nothing_moves(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    log = write_log(tmp_path / "log.csv", [Happened("C1", 0, "asked", "R1", "true"), Happened("C1", 2, "opened", "", "")])
    runs = [made_run(tmp_path / name, log, rules[False, False], WHEN[False]) for name in ("run1", "run2")]
    found, table = compared(*runs, tmp_path / "compare")
    assert (found.factors, table.num_rows, found.found.unmoved) == ((), 0, 2)


# ------------------------------------------------------------------------------------------------ dates put right


def put_right(tmp_path: Path, rules: Path, before: list[Happened], after: list[Happened], as_of: str = "2026-03-18") -> list[Flag]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = made_run(tmp_path / "run1", write_log(tmp_path / "a" / "log.csv", before), rules, "2026-03-18")
    two = made_run(tmp_path / "run2", write_log(tmp_path / "b" / "log.csv", after), rules, as_of)
    rows: list[Flag] = compared(one, two, tmp_path / "compare")[1].to_pylist()
    return rows


def test_a_date_put_right_is_one_move_and_not_two(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    before = [Happened("C1", 0, "asked", "R1", "true"), Happened("C1", 8, "answered", "R1", "")]
    after = [Happened("C1", 2, "asked", "R1", "true"), Happened("C1", 8, "answered", "R1", "")]
    (row,) = put_right(tmp_path, rules[False, False], before, after)
    assert (row["kind"], row["because"], row["corrected"]) == ("resolved", "data", True)
    assert (row["before_trigger_at"], row["trigger_at"]) == ("2026-03-02", "2026-03-04")
    assert (row["before_status"], row["after_status"], row["before_days_late"]) == ("late", "met", 1)
    assert (str(row["before_start"]), str(row["start"])) == ("2026-03-02", "2026-03-04")


def test_a_date_put_right_while_time_passed_is_still_one_move(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    before = [Happened("C1", 14, "asked", "R1", "true"), Happened("C1", 16, "asked", "R2", "true")]
    after = [Happened("C1", 15, "asked", "R1", "true"), Happened("C1", 16, "asked", "R2", "true")]
    rows = put_right(tmp_path, rules[False, False], before, after, "2026-03-26")
    assert [(r["ref"], r["kind"], r["because"], r["corrected"]) for r in rows] == [
        ("R1", "newly_overdue", "data and time", True),
        ("R2", "newly_overdue", "time", False),
    ]


def test_a_duty_taken_away_is_not_paired_with_one_that_time_brought(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    before = [Happened("C1", 1, "asked", "R1", "true"), Happened("C1", 20, "asked", "R1", "true")]
    rows = put_right(tmp_path, rules[False, False], before, before[1:], "2026-03-23")
    assert [(r["kind"], r["because"], r["corrected"]) for r in rows] == [("gone", "data", False), ("new", "time", False)]


def test_a_duty_that_the_date_took_away_is_not_paired_with_one_that_the_records_brought(
    tmp_path: Path, rules: dict[tuple[bool, bool], Path]
) -> None:
    before = [Happened("C1", 15, "asked", "R1", "true")]
    rows = put_right(tmp_path, rules[False, False], before, [Happened("C1", 5, "asked", "R1", "true"), *before], "2026-03-11")
    assert sorted((r["kind"], r["because"], r["corrected"]) for r in rows) == [("gone", "time", False), ("new", "data and time", False)]


def test_another_reference_is_the_same_duty(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    rows = put_right(tmp_path, rules[False, False], [Happened("C1", 0, "asked", "R1", "true")], [Happened("C1", 0, "asked", "R9", "true")])
    assert [(r["kind"], r["corrected"], r["ref"], r["before_status"], r["after_status"]) for r in rows] == [
        ("redated", True, "R9", "overdue", "overdue")
    ]


def test_as_many_gone_as_new_are_paired_in_order_and_unequal_ones_are_not(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    before = [Happened("C1", 0, "asked", "R1", "true"), Happened("C1", 4, "asked", "R1", "true"), Happened("C2", 0, "asked", "R1", "true")]
    after = [
        *(Happened("C1", day, "asked", "R1", "true") for day in (1, 5)),
        *(Happened("C2", day, "asked", "R1", "true") for day in (1, 2)),
    ]
    rows = put_right(tmp_path, rules[False, False], before, after)
    assert [(r["case"], r["kind"], r["before_trigger_at"], r["trigger_at"]) for r in rows if r["corrected"]] == [
        ("C1", "redated", "2026-03-02", "2026-03-03"),
        ("C1", "redated", "2026-03-06", "2026-03-07"),
    ]
    assert sorted(r["kind"] for r in rows if r["case"] == "C2") == ["gone", "newly_overdue", "newly_overdue"]


def test_rules_that_read_other_events_have_them_replayed_too(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    """The second rule set knows an event that the first does not: it is in the second run's events alone, from the same source."""
    more = EVENTS.replace("    closed:", "    chased: {title: A reminder, ref: [request]}\n    closed:")
    others = rule_set(
        tmp_path / "rules", RULES_BEFORE.replace("{event: answered}\nwithin", "{event: [answered, chased]}\nwithin"), events=more
    )
    rows = [Happened("C1", 0, "asked", "R1", "true"), Happened("C1", 3, "chased", "R1", ""), Happened("C2", 1, "asked", "R1", "true")]
    log = write_log(tmp_path / "log.csv", rows)
    one = made_run(tmp_path / "run1", log, rules[False, False], "2026-03-06")
    two = made_run(tmp_path / "run2", log, others, "2026-03-12")
    found, table = compared(one, two, tmp_path / "compare")
    assert (found.factors, found.found.not_again) == (("time", "rule"), 0)
    assert [(r["case"], r["kind"], r["because"], r["after_answer_event"]) for r in table.to_pylist()] == [
        ("C1", "changed", "rule", "chased"),
        ("C2", "newly_overdue", "time", None),
    ]
    result = CliRunner().invoke(
        app, ["what-if", str(log), "--as-of", "2026-03-12", "--base", str(rules[False, False]), "--rules", str(others)]
    )
    assert "`{event: [answered]}` → `{event: [answered, chased]}`" in result.output
    assert "would be in time or ended, and are overdue, late or too early" in result.output


# ------------------------------------------------------------------------------------------------ flags as tables


def flags_table(*rows: dict[str, Any]) -> Any:
    usual = dict.fromkeys((*IDENTITY, *OUTCOME, "days_late")) | {
        "case": "C1", "rule": "r", "trigger_event": "asked", "trigger_at": "2026-03-02", "start": date(2026, 3, 2), "rung": 0,
        "title": "A title", "service": "s", "authority": "duty", "verified": "instrument", "basis": "history", "team": "North",
        "worker": None, "source": "f", "trigger_row": 1, "status": "due",
    }  # fmt: skip
    types = {"start": pa.date32(), "due": pa.date32(), "rung": pa.int8(), "days_late": pa.int32(), "trigger_row": pa.int32()}
    return pa.table({name: pa.array([{**usual, **row}[name] for row in rows], types.get(name, pa.string())) for name in usual})


STATUSES = ["met", "late", "early", "overdue", "due_soon", "due", "ended", "cannot_tell", "missed"]


@pytest.mark.parametrize("before", [None, *STATUSES])
@pytest.mark.parametrize("after", [None, *STATUSES])
def test_the_kind_of_every_move(before: str | None, after: str | None) -> None:
    missed = {"status": "overdue", "ended_by": "closed", "ended_at": "2026-03-20"}
    tables = [
        flags_table(*([] if status is None else [{**({"status": status} if status != "missed" else missed), "due": due}]))
        for status, due in ((before, None), (after, date.min))
    ]
    if before is None and after is None:
        assert len(moves(*tables)) == 0
        return
    moved = moves(*tables)
    (row,) = move_table(*tables, moved).to_pylist()
    assert row["kind"] == kind_of(before, after)
    assert set(row) == set(MOVE_COLUMNS)


def test_what_was_missed_and_has_ended_since_is_not_overdue_now(tmp_path: Path) -> None:
    """A referral of 6 January 2025 is never assessed, and the case is closed on 2 June 2025: due on 10 March, the 45th working day."""
    log = tmp_path / "log.csv"
    log.write_text(
        "child_id,event,at,ref,team,outcome\n"
        "K1,referral_received,2025-01-06,R1,North,\nK1,referral_decision_recorded,2025-01-06,R1,North,assess\n"
        "K1,case_closed,2025-06-02,,North,\n",
        encoding="utf-8",
    )
    for day in ("2025-05-31", "2025-06-30", "2025-07-31"):
        made_run(tmp_path / day, log, RULES, day)
    closed = invoke("compare", str(tmp_path / "2025-05-31"), str(tmp_path / "2025-06-30"))
    said = " ".join(closed.output.split())
    assert closed.exit_code == 0, "nothing is newly overdue or late"
    assert "overdue, due 10 March 2025, 82 calendar days late → missed, due 10 March 2025, and ended since, 2 June 2025" in said
    assert "Missed, ended since" in said
    assert "1 is overdue on both sides" in said, "telling the referrer, which a closure does not end; not what was missed and has ended"
    document = json.loads(invoke("compare", str(tmp_path / "2025-05-31"), str(tmp_path / "2025-06-30"), "--format", "json").stdout)
    (rule,) = [rule for rule in document["rules"] if rule["rule"] == "as_single_45wd"]
    assert (rule["before"]["statuses"]["overdue"], rule["before"]["ended_since"], rule["before"]["judged"]) == (1, 0, 1)
    assert (rule["after"]["statuses"]["overdue"], rule["after"]["ended_since"], rule["after"]["judged"]) == (1, 1, 1)
    assert rule["moved"]["resolved"] == 1
    later = invoke("compare", str(tmp_path / "2025-06-30"), str(tmp_path / "2025-07-31"))
    assert "Nothing moved" in later.output


def test_the_same_duty_twice_moves_as_often_as_it_differs() -> None:
    """Two of the same: those that say the same are set against each other first, whatever their order."""
    one, two = flags_table({"status": "met"}, {"status": "due"}), flags_table({"status": "overdue"}, {"status": "met"})
    moved = moves(one, two)
    assert [(r["before_status"], r["after_status"]) for r in move_table(one, two, moved).to_pylist()] == [("due", "overdue")]
    assert moved.unmoved == 1
    three = flags_table({"status": "met"}, {"status": "met"}, {"status": "due"})
    assert [(r["before_status"], r["after_status"]) for r in move_table(three, one, moves(three, one)).to_pylist()] == [("met", None)]


def test_a_step_of_a_ladder_that_shifts_is_the_same_duty_and_not_put_right() -> None:
    one, two = flags_table({"rung": 0}), flags_table({"rung": 1, "status": "overdue"})
    (row,) = move_table(one, two, moves(one, two)).to_pylist()
    assert (row["kind"], row["corrected"], row["rung"]) == ("newly_overdue", False, 1)


def test_days_late_alone_is_no_move() -> None:
    """A duty that stays overdue is later every day: that is no news."""
    one, two = flags_table({"status": "overdue", "days_late": 3}), flags_table({"status": "overdue", "days_late": 30})
    moved = moves(one, two)
    assert (len(moved), moved.unmoved, moved.unmoved_overdue) == (0, 1, 1)


@pytest.mark.parametrize("column", [name for name in IDENTITY if name not in ("ref", "rung")])
def test_another_child_rule_event_time_or_start_is_another_duty(column: str) -> None:
    other = date(2026, 3, 3) if column == "start" else "other"
    one, two = flags_table({}), flags_table({column: other})
    assert [r["kind"] for r in move_table(one, two, moves(one, two)).to_pylist()] in (["gone", "new"], ["new", "gone"])


@pytest.mark.parametrize("column", OUTCOME)
def test_whatever_is_said_of_a_duty_is_compared(column: str) -> None:
    other = date(2026, 3, 3) if column == "due" else "met" if column == "status" else "other"
    one, two = flags_table({}), flags_table({column: other})
    assert [r["kind"] for r in move_table(one, two, moves(one, two)).to_pylist()] == ["changed" if column == "status" else "redated"]


# ------------------------------------------------------------------------------------------------ what is not at hand


@pytest.fixture
def two_runs(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> tuple[Run, Run]:
    """Two runs that differ in records, date and local values."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before = [Happened("C1", 0, "asked", "R1", "true"), Happened("C1", 2, "opened", "", ""), Happened("C2", 8, "asked", "R2", "true")]
    after = [*before, Happened("C1", 6, "answered", "R1", ""), Happened("C3", 1, "opened", "", "")]
    one = made_run(tmp_path / "run1", write_log(tmp_path / "a" / "log.csv", before), rules[False, False], WHEN[False])
    changes = (("answer_time", "3 days"),)
    two = made_run(tmp_path / "run2", write_log(tmp_path / "b" / "log.csv", sorted(after)), rules[False, False], WHEN[True], changes)
    return one, two


def without_causes(table: Any) -> list[Flag]:
    return [{k: v for k, v in row.items() if k not in ("because", "corrected")} for row in table.to_pylist()]


@pytest.mark.parametrize("what", ["gone", "changed"])
def test_without_the_events_the_moves_are_given_and_their_causes_are_not(two_runs: tuple[Run, Run], tmp_path: Path, what: str) -> None:
    _, whole = compared(*two_runs, tmp_path / "compare")
    (file,) = (two_runs[0].folder / "events").glob("*.parquet")
    if what == "gone":
        file.unlink()
    else:
        table = pq.read_table(file)
        pq.write_table(table.slice(1), file)
    found, table = compared(*two_runs, tmp_path / "again")
    assert "no longer at hand" in found.without_cause
    assert f"run1: `{file.name}`" in found.without_cause
    assert set(table["because"].to_pylist()) == {None}
    assert without_causes(table) == without_causes(whole)
    result = CliRunner().invoke(app, ["compare", str(two_runs[0].folder), str(two_runs[1].folder)])
    assert "What made the difference is not said" in result.output


def test_with_one_difference_the_events_are_not_needed(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    log = write_log(tmp_path / "log.csv", [Happened("C1", 0, "asked", "R1", "true")])
    runs = [made_run(tmp_path / f"run{i}", log, rules[False, False], as_of) for i, as_of in enumerate(["2026-03-05", "2026-03-12"])]
    for each in runs:
        shutil.rmtree(each.folder / "events")
    found, table = compared(*runs, tmp_path / "compare")
    assert (found.factors, found.without_cause) == (("time",), "")
    assert [(r["kind"], r["because"]) for r in table.to_pylist()] == [("newly_overdue", "time")]


def test_flags_that_are_not_given_again_have_no_cause(two_runs: tuple[Run, Run], tmp_path: Path) -> None:
    """Flags in a run that its own events do not give: an engine of the same version but another make wrote them."""
    (file,) = two_runs[0].flag_files()
    table = pq.read_table(file)
    status = [("met" if case == "C2" else s) for case, s in zip(table["case"].to_pylist(), table["status"].to_pylist(), strict=True)]
    place = table.schema.get_field_index("status")
    pq.write_table(table.set_column(place, "status", pa.array(status).dictionary_encode()), file)
    manifest = two_runs[0].folder / "manifest.json"
    data = json.loads(manifest.read_text())
    data["parts"][0]["flags_sha256"] = digest(file)
    manifest.write_text(json.dumps(data))
    found, moved = compared(open_run(two_runs[0].folder), two_runs[1], tmp_path / "compare")
    by_case = {(r["case"], r["because"]) for r in moved.to_pylist()}
    assert found.found.not_again == sum(1 for case in moved["case"].to_pylist() if case == "C2") > 0
    assert {because for case, because in by_case if case == "C2"} == {None}
    assert None not in {because for case, because in by_case if case != "C2"}


def test_runs_by_other_engines_have_no_causes(two_runs: tuple[Run, Run], tmp_path: Path) -> None:
    manifest = two_runs[0].folder / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "engine": "0.0.1"}))
    found, table = compared(open_run(two_runs[0].folder), two_runs[1], tmp_path / "compare")
    assert "0.0.1" in found.without_cause
    assert set(table["because"].to_pylist()) == {None}
    assert table.num_rows


def test_children_of_a_part_that_was_set_aside_are_left_out(two_runs: tuple[Run, Run], tmp_path: Path) -> None:
    """They are neither gone nor new: nothing is known of them in one of the runs."""
    manifest = two_runs[0].folder / "manifest.json"
    data = json.loads(manifest.read_text())
    data["parts"][0]["set_aside"] = "there was not enough memory for it"
    manifest.write_text(json.dumps(data))
    found, table = compared(open_run(two_runs[0].folder), two_runs[1], tmp_path / "compare")
    assert found.set_aside == 2
    assert set(table["case"].to_pylist()) == {"C3"}
    result = CliRunner().invoke(app, ["compare", str(two_runs[0].folder), str(two_runs[1].folder)])
    assert result.exit_code == 2
    assert "2 children are left out" in result.output
    next((two_runs[0].folder / "events").glob("*.parquet")).unlink()
    found, table = compared(open_run(two_runs[0].folder), two_runs[1], tmp_path / "again")
    assert (found.set_aside, found.lost) == (0, ("run1/part-00000",))


@pytest.mark.parametrize("at_once", [1, 1 << 20])
def test_several_processes_find_the_same_causes(
    two_runs: tuple[Run, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    _, alone = compared(*two_runs, tmp_path / "compare")
    monkeypatch.setattr(parts_again, "FEW", 0)
    asked: list[Any] = []
    usual = parts_again.pooled
    monkeypatch.setattr(parts_again, "pooled", lambda work, tasks, jobs: asked.extend(tasks) or usual(work, tasks, jobs))
    (tmp_path / "again").mkdir()
    tables: list[Any] = []
    compare_runs(*two_runs, tmp_path / "again", tables.append, jobs=2, at_once=at_once)
    assert len(asked) >= 5  # as they were, as they are, and each of three things
    assert pa.concat_tables(tables).to_pylist() == alone.to_pylist()


def test_children_that_cannot_be_replayed_again_are_said(
    two_runs: tuple[Run, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts_again, "FEW", 0)
    monkeypatch.setattr(parts_again, "pooled", lambda *_: [(0, Failed("there was not enough memory for it"))])
    (tmp_path / "again").mkdir()
    with pytest.raises(InputError, match="not enough memory"):
        compare_runs(*two_runs, tmp_path / "again", jobs=2)


# ------------------------------------------------------------------------------------------------ the command


def invoke(*words: str) -> Any:
    return CliRunner(env={"COLUMNS": "140"}).invoke(app, list(words))


def test_compare_says_what_differs_and_what_moved(two_runs: tuple[Run, Run], tmp_path: Path) -> None:
    one, two = (str(each.folder) for each in two_runs)
    target = tmp_path / "moved.csv"
    result = invoke("compare", one, two, "-o", str(target))
    assert result.exit_code == 1, result.output
    for words in (
        "Compare run1 with run2",
        "the date: the end of Wednesday 11 March 2026 → the end of Tuesday 17 March 2026",
        "the records: not the same in both: log.csv",
        "local value answer_time: `5 working days` → `3 days`",
        "newly overdue",
        "no team recorded",
    ):
        assert words in result.output, words
    rows = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    _, table = compared(*two_runs, tmp_path / "compare")
    assert len(rows) == table.num_rows
    assert list(rows[0]) == list(MOVE_COLUMNS)
    shown = [
        {k: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items()} for row in table.to_pylist()
    ]
    assert rows == shown
    for suffix in (".parquet", ".jsonl"):
        assert invoke("compare", one, two, "--exit-zero", "-o", str(tmp_path / f"moved{suffix}")).exit_code == 0
    assert pq.read_table(tmp_path / "moved.parquet").equals(table)
    assert len((tmp_path / "moved.jsonl").read_text().splitlines()) == table.num_rows


def test_compare_as_json_is_as_published(two_runs: tuple[Run, Run]) -> None:
    result = invoke("compare", *(str(each.folder) for each in two_runs), "--format", "json")
    document = json.loads(result.stdout)
    jsonschema.validate(document, json.loads((FOLDER / "compare.schema.json").read_text(encoding="utf-8")))
    assert document["differs"] == ["data", "time", "parameter"]
    assert sum(cause["duties"] for cause in document["causes"]) == document["totals"]["duties_moved"]
    assert [kind for kind in KINDS if any(m["kind"] == kind for m in document["first"])] == [
        kind for kind in KINDS if any(c["kind"] == kind for c in document["causes"])
    ]
    assert document["differing_rules"]["values"] == [{"name": "answer_time", "part": "", "before": "5 working days", "after": "3 days"}]


def test_compare_refuses_what_is_no_pair_of_runs(two_runs: tuple[Run, Run], tmp_path: Path) -> None:
    one = str(two_runs[0].folder)
    for words, said in (
        ((one, one), "the run it would be compared with"),
        ((one, str(tmp_path)), "not the folder of a run"),
        ((one, str(two_runs[1].folder), "-o", str(tmp_path / "moved.xls")), "cannot write `.xls` files"),
    ):
        result = invoke("compare", *words)
        assert result.exit_code == 2, words
        assert said in result.output


def test_cells_of_the_table_are_no_formulas(tmp_path: Path, rules: dict[tuple[bool, bool], Path]) -> None:
    log = write_log(tmp_path / "log.csv", [Happened("=1+1", 0, "asked", "R1", "true")])
    for i, as_of in enumerate(["2026-03-05", "2026-03-12"]):
        made_run(tmp_path / f"run{i}", log, rules[False, False], as_of)
    invoke("compare", str(tmp_path / "run0"), str(tmp_path / "run1"), "-o", str(tmp_path / "moved.csv"))
    (row,) = csv.DictReader((tmp_path / "moved.csv").read_text(encoding="utf-8").splitlines())
    assert row["case"] == "'=1+1"


def test_a_full_disk_is_said(two_runs: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(parts_again, "replay_again", full)
    result = invoke("compare", *(str(each.folder) for each in two_runs))
    assert result.exit_code == 2
    assert "No space left on device" in result.output and "TMPDIR" in result.output


def test_a_damaged_run_is_refused(two_runs: tuple[Run, Run]) -> None:
    (file,) = two_runs[0].flag_files()
    file.write_bytes(b"PAR1")
    result = invoke("compare", *(str(each.folder) for each in two_runs))
    assert result.exit_code == 2
    assert "cannot be read" in result.output
    with pytest.raises(InputError):
        list(two_runs[0].batches())
