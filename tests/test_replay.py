"""`rrt replay`: every count checked against a recount, every source accounted for, every file safe to open and to write."""

from __future__ import annotations

import ast
import csv
import json
import re
import socket
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

import rrt_engine
from rrt_engine import cli
from rrt_engine.calendar import day_number, parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.model import STATUSES
from rrt_engine.paths import CASES
from rrt_engine.replay.run import Replay, replay
from rrt_engine.reports import flag_table
from rrt_engine.reports.documents import replay_document
from rrt_engine.reports.flag_table import COLUMNS, FORMATS, formula_safe, write_flags
from rrt_engine.target import write_atomically
from tests.shipped import BOOK
from tools.schemas import FOLDER

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = CASES / "sample" / "events.csv"
DATA = Path(__file__).parent / "data"
ANNEX_A = DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx"
CENSUS = DATA / "cin_census" / "generated_seed1001_conforming.xml"
AS_OF = ("--as-of", "2026-04-15")

LOG = """\
child_id,event,at,s47_initiated,recorded_at
A,strategy_discussion_held,2026-03-03,true,2026-03-04
A,icpc_held,2026-03-24,,2026-04-20
B,strategy_discussion_held,2026-03-03,true,2026-03-04
B,icpc_held,2026-03-26,,2026-03-26
C,strategy_discussion_held,2026-03-03,true,2026-03-04
D,strategy_discussion_held,2026-04-14,true,2026-04-14
E,strategy_discussion_held,2026-04-14,,2026-04-14
F,strategy_discussion_held,2026-05-14,true,2026-05-14
"""


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are read once for all commands run in here."""
    monkeypatch.setattr(cli, "rule_book", lambda _: BOOK)


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def run(*paths: Path, as_of: str = "2026-04-15", known: str | None = None) -> Replay:
    return replay(paths, BOOK, parse_moment(as_of), None if known is None else day_number(date.fromisoformat(known)))


def document(*arguments: str | Path) -> dict[str, Any]:
    found = rrt("replay", *arguments, "--format", "json")
    assert found.exit_code in (0, 1), found.stderr
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def row_of(found: dict[str, Any], rule: str, basis: str = "history") -> dict[str, Any]:
    rows = [r for r in found["rules"] if r["rule"] == rule and r["basis"] == basis]
    assert len(rows) == 1, (rule, basis, len(rows))
    return dict(rows[0])


def written(*paths: Path, folder: Path, suffix: str = ".csv", as_of: str = "2026-04-15") -> list[dict[str, Any]]:
    """The flags of a replay as the rows of a file, every cell as text."""
    target = folder / f"flags{suffix}"
    write_flags(run(*paths, as_of=as_of), target)
    if suffix == ".csv":
        with target.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    rows = (
        pq.read_table(target).to_pylist() if suffix == ".parquet" else [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    )
    return [{name: _cell(value) for name, value in row.items()} for row in rows]


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(LOG, encoding="utf-8")
    return path


# ---------------------------------------------------------------------------------------------------- the counts


def test_the_counts_of_the_sample_equal_a_recount_of_its_flags(tmp_path: Path) -> None:
    found = document(SAMPLE, *AS_OF, "-o", tmp_path / "flags.csv")
    with (tmp_path / "flags.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["flags"] == sum(r["started"] for r in found["rules"]) > 1000
    counts = Counter((row["rule"], row["status"]) for row in rows)
    because = Counter((row["rule"], row["cannot_tell_because"]) for row in rows if row["status"] == "cannot_tell")
    assert {row["rule"] for row in rows} == {r["rule"] for r in found["rules"]}
    for rule in found["rules"]:
        assert {s: counts[rule["rule"], s] for s in STATUSES} == {s: rule[s] for s in STATUSES}
        assert rule["cannot_tell_because"] == {why: n for (of, why), n in because.items() if of == rule["rule"]}


@pytest.mark.parametrize("sources", [(SAMPLE,), (ANNEX_A,), (CENSUS,), (SAMPLE, ANNEX_A, CENSUS)], ids=["log", "annex_a", "census", "all"])
def test_statuses_add_up_and_the_share_is_what_it_says(sources: tuple[Path, ...]) -> None:
    found = document(*sources, "--as-of", "2026-04-15")
    assert found["rules"]
    for r in found["rules"]:
        assert r["started"] == sum(r[s] for s in STATUSES) > 0 and 0 <= r["ended_since"] <= r["overdue"]
        assert sum(r["cannot_tell_because"].values()) == r["cannot_tell"]
        if r["basis"] == "history":
            assert (r["on_time"], r["judged"]) == (r["met"], r["met"] + r["late"] + r["early"] + r["overdue"])
        elif r["basis"] == "now":
            assert r["met"] == r["late"] == r["early"] == 0
            running = r["due"] + r["due_soon"]
            assert (r["on_time"], r["judged"]) == (running, running + r["overdue"] - r["ended_since"])
        else:
            assert r["judged"] == 0 and r["started"] == r["met"] + r["cannot_tell"]
        assert r["share_on_time"] == (round(r["on_time"] / r["judged"], 6) if r["judged"] else None)


def test_a_small_log_by_hand(log: Path) -> None:
    row = row_of(document(log, *AS_OF), "cp_icpc_15wd")
    assert {s: row[s] for s in STATUSES if row[s]} == {"met": 1, "late": 1, "overdue": 1, "due": 1, "cannot_tell": 1}
    assert (row["started"], row["on_time"], row["judged"], row["share_on_time"]) == (5, 1, 3, 0.333333)
    assert row["cannot_tell_because"] == {"trigger_attribute": 1}
    text = " ".join(rrt("replay", log, *AS_OF).stdout.split())
    assert "33.3% = 1 of 3" in text and "(1 met + 1 late + 1 overdue)" in text
    assert "Share on time is met, out of met + late + early + overdue." in text
    assert "1 event after the as-of date not counted" in text
    assert "(cp_icpc_15wd): 1 because the event that starts it does not record what it needs" in text


def test_only_what_was_known_then(log: Path) -> None:
    row = row_of(document(log, *AS_OF, "--as-known", "2026-04-15"), "cp_icpc_15wd")
    assert (row["met"], row["late"], row["overdue"]) == (0, 1, 2)  # A's conference was recorded on 20 April
    assert row_of(document(log, *AS_OF, "--as-known", "2026-04-20"), "cp_icpc_15wd")["met"] == 1


def test_no_duty_at_all(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("child_id,event,at\nA,icpc_held,2026-05-01\n", encoding="utf-8")
    found = rrt("replay", tmp_path / "log.csv", *AS_OF)
    assert found.exit_code == 0 and "No time limit starts from the events that were read." in found.stdout
    assert written(tmp_path / "log.csv", folder=tmp_path) == []


# ---------------------------------------------------------------------------------------------------- sources


@pytest.mark.parametrize("path", [SAMPLE, ANNEX_A, CENSUS, CASES / "training"], ids=lambda p: p.name)
def test_read_equals_used_and_rejected(path: Path) -> None:
    found = document(path, *AS_OF)
    assert found["sources"]
    text = rrt("replay", path, *AS_OF).stdout
    assert "0 rejected" in text or any(s["records_rejected"] for s in found["sources"])
    if len(found["sources"]) > 10:  # many cases with nothing to say of any are added up
        read = sum(s["records_read"] for s in found["sources"])
        assert f"{read:,} records read = {read:,} used + 0 rejected" in text
    for s in found["sources"]:
        assert s["records_read"] == s["records_used"] + s["records_rejected"] and s["records_rejected"] == len(s["rejected"])
        assert all(r["why"] and r["origin"] for r in s["rejected"])
        noun = "record" if s["records_read"] == 1 else "records"
        line = f"{s['records_read']:,} {noun} read = {s['records_used']:,} used + {s['records_rejected']:,} rejected"
        assert line in text or len(found["sources"]) > 10


def test_the_three_wrong_rows_of_the_sample_are_said_once_each() -> None:
    text = rrt("replay", SAMPLE, *AS_OF).stdout
    for said in (": unknown event `cp_vist`", "`31/02/2026` is not a date", "`child_id` is blank"):
        assert text.count(said) == 1, said
    assert "help: did you mean `cp_visit` or `pf_visit`?" in text


def test_many_bad_rows_are_grouped_by_reason(tmp_path: Path) -> None:
    rows = "".join(f"A,cp_vist,2026-01-{day:02}\n" for day in range(1, 29))
    (tmp_path / "log.csv").write_text(f"child_id,event,at\nA,referral_received,2026-01-05\n{rows}", encoding="utf-8")
    text = rrt("replay", tmp_path / "log.csv", *AS_OF).stdout
    assert "29 records read = 1 used + 28 rejected" in text
    assert "rejected: row 3, row 4, row 5 and 25 more: unknown event `cp_vist`" in text and text.count("cp_vist`") == 1
    assert len(document(tmp_path / "log.csv", *AS_OF)["sources"][0]["rejected"]) == 28


def test_rules_that_the_source_cannot_support_are_named_once() -> None:
    found = document(CENSUS, *AS_OF)
    text = rrt("replay", CENSUS, *AS_OF).stdout
    assert found["not_evaluable"] and not found["partly_evaluable"]
    whole = re.findall(r"none of its \d+ rules: ([\w\s,]+?)(?=\n  [A-Z]|\n\n)", re.sub(r"\n {4}", " ", text))
    listed = [rule.strip() for each in whole for rule in each.split(",")]
    for rule, kinds in found["not_evaluable"].items():
        alone = sum(line.startswith(f"  {rule} needs") for line in text.splitlines())
        assert kinds and alone + listed.count(rule) == 1, rule
        assert rule not in {r["rule"] for r in found["rules"]}
    assert f"{len(found['not_evaluable'])} rules" in text


def test_a_rule_that_one_of_two_sources_supports(tmp_path: Path, log: Path) -> None:
    found = document(log, CENSUS, *AS_OF)
    assert found["partly_evaluable"]["cp_visit"] == [CENSUS.name] and "cp_visit" not in found["not_evaluable"]
    text = rrt("replay", log, CENSUS, *AS_OF).stdout
    assert f"not from {CENSUS.name}: " in text and "Judged from some of the sources only" in text


def test_several_sources_add_up(log: Path) -> None:
    alone = [document(path, *AS_OF) for path in (log, SAMPLE)]
    both = document(log, SAMPLE, *AS_OF)
    assert both["flags"] == sum(each["flags"] for each in alone) and len(both["sources"]) == 2
    assert row_of(both, "cp_icpc_15wd")["started"] == sum(row_of(each, "cp_icpc_15wd")["started"] for each in alone)


def test_a_file_named_twice_is_read_once(log: Path) -> None:
    once = document(log, *AS_OF)
    assert document(log, log, log.parent, *AS_OF) == once


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("north", "south"):
        (tmp_path / folder).mkdir()
        rows = LOG if folder == "north" else re.sub(r"(?m)^(\w),", r"S\1,", LOG)
        (tmp_path / folder / "log.csv").write_text(rows, encoding="utf-8")
    found = document(tmp_path / "north", tmp_path / "south", *AS_OF)
    assert [s["source"] for s in found["sources"]] == [(tmp_path / f / "log.csv").as_posix() for f in ("north", "south")]
    rows = written(tmp_path / "north", tmp_path / "south", folder=tmp_path)
    assert len({row["source"] for row in rows}) == 2


def test_a_folder_with_unknown_files_only(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    found = rrt("replay", tmp_path, *AS_OF)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "no file in this folder can be read; expected an Annex A workbook" in found.stderr


def test_every_source_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("name,colour\nA,red\n", encoding="utf-8")
    found = rrt("replay", tmp_path / "bad.csv", tmp_path / "gone.csv", tmp_path / "odd.txt", *AS_OF)
    assert (found.exit_code, found.stdout) == (2, "")
    for said in ("no column `child_id`", "there is no such file or folder", "odd.txt"):
        assert said in found.stderr


def test_one_bad_source_does_not_hide_the_others(tmp_path: Path, log: Path) -> None:
    (tmp_path / "bad.csv").write_text("name,colour\nA,red\n", encoding="utf-8")
    found = rrt("replay", tmp_path, *AS_OF)
    assert found.exit_code == 2 and "bad.csv: NOT READ" in found.stdout and "33.3% = 1 of 3" in found.stdout
    assert "no column `child_id`" in found.stderr
    shown = json.loads(rrt("replay", tmp_path, *AS_OF, "--format", "json", "--exit-zero").stdout)
    assert [r["source"] for r in shown["refused"]] == ["bad.csv"] and [s["source"] for s in shown["sources"]] == ["log.csv"]


def test_many_cases_are_told_in_one_line(tmp_path: Path) -> None:
    for i in range(12):
        (tmp_path / f"case{i:02}.yaml").write_text(
            f"case: C{i}\nevents: [{{event: referral_received, at: 2026-03-02}}]\n", encoding="utf-8"
        )
    text = rrt("replay", tmp_path, *AS_OF).stdout
    assert "12 cases, case00.yaml to case11.yaml: 12 events\n  12 records read = 12 used + 0 rejected\n" in text
    assert len(document(tmp_path, *AS_OF)["sources"]) == 12 and "case05" not in text


# ---------------------------------------------------------------------------------------------------- latest dates only

VISITS = """\
child_id,event,at,child_seen
A,cp_plan_started,2026-01-05,
A,cp_visit,2026-04-08,true
B,cp_plan_started,2026-01-05,
B,cp_visit,2026-02-02,true
"""


def test_a_snapshot_says_how_things_stand_and_nothing_of_how_they_went(tmp_path: Path) -> None:
    path = tmp_path / "latest.csv"
    path.write_text(VISITS, encoding="utf-8")
    (tmp_path / "latest.covers.yaml").write_text("kind: snapshot\n", encoding="utf-8")
    found = document(path, *AS_OF)
    row = row_of(found, "cp_visit", "now")
    assert (row["due"] + row["due_soon"], row["overdue"], row["met"], row["late"]) == (1, 1, 0, 0) and row["share_on_time"] == 0.5
    assert all(r["basis"] != "history" for r in found["rules"])
    text = rrt("replay", path, *AS_OF).stdout
    assert "As things stand now" in text and "50.0% = 1 of 2" in text and "Time limits" not in text


def test_a_snapshot_and_a_history_are_never_added_together(tmp_path: Path) -> None:
    (tmp_path / "latest.csv").write_text(VISITS, encoding="utf-8")
    (tmp_path / "history.csv").write_text(VISITS.replace("A,", "C,").replace("B,", "D,"), encoding="utf-8")
    (tmp_path / "latest.covers.yaml").write_text("kind: snapshot\n", encoding="utf-8")
    found = document(tmp_path / "latest.csv", tmp_path / "history.csv", *AS_OF)
    now, history = row_of(found, "cp_visit", "now"), row_of(found, "cp_visit")
    assert (now["met"], now["late"], now["started"]) == (0, 0, 2)
    assert history["late"] == 2 and history["started"] == 4
    assert sum(r["started"] for r in found["rules"]) == found["flags"]


def test_annex_a_lists_of_latest_dates_are_never_a_history() -> None:
    found = document(ANNEX_A, "--as-of", "2019-04-15")
    bases = {r["rule"]: r["basis"] for r in found["rules"]}
    assert bases["cp_visit"] == "now" and bases["as_single_45wd"] == "history"


# ---------------------------------------------------------------------------------------------------- warnings


def test_a_log_with_none_of_the_answers_is_warned_of(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("".join(line for line in LOG.splitlines(keepends=True) if "icpc_held" not in line), encoding="utf-8")
    found = document(path, *AS_OF)
    assert found["never_answered"]["cp_icpc_15wd"] == ["icpc_held"]
    text = rrt("replay", path, *AS_OF).stdout
    assert "Check these: a source holds none of the events that would answer them" in text and "cp_icpc_15wd: no `icpc_held`" in text
    assert "cp_icpc_15wd" not in document(log, *AS_OF)["never_answered"]


def test_saying_what_a_log_covers_replaces_the_warning(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("".join(line for line in LOG.splitlines(keepends=True) if "icpc_held" not in line), encoding="utf-8")
    (tmp_path / "short.covers.yaml").write_text("kind: history\nevents: [strategy_discussion_held]\n", encoding="utf-8")
    found = document(path, *AS_OF)
    assert not found["never_answered"] and found["not_evaluable"]["cp_icpc_15wd"] == ["icpc_held"] and not found["rules"]


def test_a_case_is_never_warned_of() -> None:
    assert not document(CASES / "training", *AS_OF)["never_answered"]


# ---------------------------------------------------------------------------------------------------- the files of flags


@pytest.mark.parametrize("source", [SAMPLE, ANNEX_A, CASES / "training"], ids=lambda p: p.name)
def test_all_formats_hold_the_same_rows(source: Path, tmp_path: Path) -> None:
    rows = {suffix: written(source, folder=tmp_path, suffix=suffix) for suffix in FORMATS}
    assert rows[".csv"] == rows[".parquet"] == rows[".jsonl"] and rows[".csv"]
    assert list(rows[".csv"][0]) == list(COLUMNS)


def test_a_row_says_what_the_explanation_says(tmp_path: Path) -> None:
    found = run(SAMPLE, CASES / "training")
    rows = written(SAMPLE, CASES / "training", folder=tmp_path)
    explained = {}
    for source in found.sources:
        log = source.reading.log
        for i in range(len(source.result.flags)):
            e, case = source.explainer.explain(i), str(log.children[log.child[source.result.flags.trigger[i]]])
            explained.setdefault((source.path, case, e.rule, e.trigger["at"], e.trigger["event"]), []).append(e)
    for row in rows:
        matching = explained[row["source"], row["case"], row["rule"], row["trigger_at"], row["trigger_event"]]
        assert any(
            (row["status"], row["due"], row["days_late"], row["answer_at"], row["ended_at"], row["provisional"])
            == (
                e.status,
                (e.due or "")[:10],
                "" if e.days_late is None else str(e.days_late),
                e.answer["at"] if e.answer else "",
                e.ended_by["at"] if e.ended_by else "",
                str(e.provisional).lower(),
            )
            and row["due_at"] == (e.due if e.due and "T" in e.due else "")
            for e in matching
        ), row


def test_rows_are_in_the_order_of_case_and_rule(tmp_path: Path) -> None:
    rows = written(SAMPLE, folder=tmp_path)
    order = {r.id: i for i, r in enumerate(BOOK.rules)}
    keys = [(row["case"], order[row["rule"]], row["trigger_at"][:10]) for row in rows]
    assert keys == sorted(keys)


RISKY = ["=HYPERLINK(0)", "+1", "@x", "-1", "\tA", "'=1", "A-1", 'a"b', "a,b"]


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    log = tmp_path / "=log.csv"
    with log.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["child_id", "event", "at"])
        writer.writerows([child, "referral_received", "2026-03-02"] for child in RISKY)
    rows = written(log, folder=tmp_path)
    cases = {row["case"] for row in rows}
    assert {"'=HYPERLINK(0)", "'+1", "'@x", "'-1", "A-1", 'a"b', "a,b"} <= cases
    for row in rows:
        for name, cell in row.items():
            assert not cell.startswith(("=", "+", "@", "\t", "\r")) and not (cell.startswith("-") and name != "days_late"), (name, cell)
    assert {row["source"] for row in rows} == {"'=log.csv"}
    assert {row["case"] for row in written(log, folder=tmp_path, suffix=".jsonl")} >= {"=HYPERLINK(0)", "+1"}  # only CSV needs it


def test_a_formula_after_a_tab_or_a_line_end_is_safe_too() -> None:
    import pyarrow as pa

    cells = ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "safe", "", None]
    assert formula_safe(pa.array(cells)).to_pylist() == ["'=1", "'+1", "'-1", "'@a", "'\t=1", "'\r=1", "safe", "", None]


def test_the_command_writes_and_says_so(tmp_path: Path, log: Path) -> None:
    found = rrt("replay", log, *AS_OF, "-o", tmp_path / "flags.csv")
    rows = len((tmp_path / "flags.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert found.exit_code == 1 and found.stderr == f"wrote {rows} flags to {tmp_path / 'flags.csv'}\n" and "Replay as at" in found.stdout


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("flags.xlsx", "cannot write `.xlsx` files; expected .csv, .parquet, .jsonl"),
        ("flags.dat", "cannot write `.dat` files; expected .csv, .parquet, .jsonl"),
        ("nowhere/flags.csv", "there is no folder"),
        ("folder.csv", "this is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_said_before_the_work(
    target: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.csv").mkdir()
    monkeypatch.setattr("rrt_engine.replay.run.read_source", lambda *_: pytest.fail("work was done"))
    found = rrt("replay", SAMPLE, *AS_OF, "-o", tmp_path / target)
    assert (found.exit_code, found.stdout) == (2, "") and said in found.stderr


def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rrt_engine.target.tempfile.mkstemp", refuse)
    with pytest.raises(InputError, match="cannot write here: Permission denied"):
        write_atomically(tmp_path / "flags.csv", lambda path: path.write_text("new") and None)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("broken"), KeyboardInterrupt()])
def test_a_run_cut_off_leaves_the_old_file_and_nothing_else(error: BaseException, tmp_path: Path) -> None:
    target = tmp_path / "flags.csv"
    target.write_text("old", encoding="utf-8")

    def half(path: Path) -> None:
        path.write_text("half", encoding="utf-8")
        raise error

    with pytest.raises(InputError if isinstance(error, OSError) else type(error)):
        write_atomically(target, half)
    assert [p.name for p in tmp_path.iterdir()] == ["flags.csv"] and target.read_text(encoding="utf-8") == "old"


def test_a_failing_writer_is_an_error_of_the_command(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(table: Any, path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(flag_table, "_write_csv", full)
    found = rrt("replay", log, *AS_OF, "-o", tmp_path / "flags.csv")
    assert found.exit_code == 2 and "cannot write the file: No space left on device" in found.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"log.csv"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_same_inputs_give_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_flags(run(SAMPLE, ANNEX_A), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_names_of_any_letters_come_back(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("child_id,event,at\nŁódź-☺,referral_received,2026-03-02\n", encoding="utf-8")
    for suffix in FORMATS:
        assert {row["case"] for row in written(tmp_path / "log.csv", folder=tmp_path, suffix=suffix)} == {"Łódź-☺"}


# ---------------------------------------------------------------------------------------------------- the document


@pytest.mark.parametrize(
    "sources", [(SAMPLE,), (ANNEX_A,), (CENSUS,), (CASES / "training", SAMPLE)], ids=["log", "annex_a", "census", "several"]
)
def test_the_document_follows_the_published_schema(sources: tuple[Path, ...]) -> None:
    schema = json.loads((FOLDER / "replay.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    found = document(*sources, *AS_OF)
    jsonschema.validate(found, schema)
    assert (found["schema"], found["as_of"]) == ("rrt/replay/1", "2026-04-15")
    again = json.loads(json.dumps(replay_document(run(*sources))))
    assert {k: v for k, v in found.items() if k != "rule_set"} == {k: v for k, v in again.items() if k != "rule_set"}


def test_a_time_in_as_of_is_kept(log: Path) -> None:
    assert document(log, "--as-of", "2026-04-15T10:30")["as_of"] == "2026-04-15T10:30+01:00"


# ---------------------------------------------------------------------------------------------------- no network


def test_nothing_opens_a_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check = rrt("check", CASES / "training" / "conference_over_easter.yaml", *AS_OF)
    replayed = rrt("replay", SAMPLE, ANNEX_A, CENSUS, *AS_OF, "-o", tmp_path / "flags.parquet")
    assert check.exit_code in (0, 1) and replayed.exit_code == 1, (check.exception, replayed.exception)


NETWORK = ("socket", "ssl", "http", "urllib.request", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "asyncio", "xmlrpc")


LISTENS = ("socket", "ssl", "asyncio")


def test_no_module_of_the_engine_imports_what_could_open_one() -> None:
    """But for the reader of a database, which connects where its address is given as a source; and the pages, which listen and call nobody:
    tests/test_web_security.py runs them where whatever calls out is an error.
    """
    for path in Path(rrt_engine.__file__).parent.rglob("*.py"):
        if path.name in ("ssd_connection.py", "ssd_database.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            never = [word for word in NETWORK if word not in LISTENS or path.parent.name != "web"]
            assert not [n for n in names if n in never or n.startswith(tuple(f"{w}." for w in never))], path


def test_nothing_that_speaks_a_network_protocol_is_loaded() -> None:
    code = (
        "import sys\nfrom rrt_engine.cli import app\n"
        "for a in (['check', 'cases/training/conference_over_easter.yaml', '--as-of', '2026-04-15'],"
        " ['replay', 'cases/sample', 'tests/data/annex_a/child_event_journeys_annexa_example.xlsx', '--as-of', '2026-04-15']):\n"
        "    try: app(a)\n    except SystemExit: pass\n"
        "print([m for m in ('http.client', 'urllib.request', 'urllib3', 'requests', 'httpx', 'aiohttp', 'ftplib', 'smtplib', 'asyncio',"
        " 'durable') if m in sys.modules], file=sys.stderr)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True, text=True, encoding="utf-8")
    assert found.stderr.strip() == "[]" and "Replay as at" in found.stdout


# ------------------------------------------------------------------------------------------------------- whole folders


def test_folders_of_every_format_are_read_together_and_what_is_no_data_is_refused_by_name() -> None:
    folders = [str(DATA / name) for name in ("annex_a", "cin_census", "csc_api", "ssda903", "ssd", "bank_holidays")]
    result = CliRunner().invoke(app, ["replay", *folders, "--as-of", "2025-03-31", "--exit-zero", "--format", "json"])
    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert {s["format"] for s in found["sources"]} == {"annex_a", "CIN census", "DfE CSC API", "ssda903"}
    refused = {Path(line.partition(": error[")[0].split(":")[0]).name for line in result.stderr.splitlines() if ": error[" in line}
    assert refused == {
        "password_protected.xlsx",
        "generated_seed1001_raw_nonconforming.xml",
        "openapi.json",
        "govuk_bank_holidays_2012_2028.json",
        "ssd",
    }
    assert "name the one to read: `authority`, `specification`" in result.stderr and "README" not in result.stderr
    notes = [d["message"] for s in found["sources"] for d in s["diagnostics"] if d["code"] == "beside"]
    assert notes == [
        "in the folder `csc_api` the folder `daily` was not looked into",
        "in the folder `ssda903` the CSV files in the folder `cs_demand_model_sample` were looked into; "
        "the folder `cscsynth_seed1001` was not looked into",
    ]


def test_files_of_a_kind_that_nobody_reads_are_said_once_and_documents_are_not(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("child_id,event,at\nC1,cp_visit,2026-03-02\n", encoding="utf-8")
    for name in ("README.md", "guidance.pdf", "extract.bak"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "older").mkdir()
    read = replay([tmp_path], BOOK, parse_moment("2026-04-01")).read
    said = [(r.path, d.message, d.help) for r in read for d in r.reading.diagnostics if d.code == "beside"]
    words = f"in the folder `{tmp_path.name}` the folder `older` was not looked into; no files of the kind of `extract.bak` are read"
    assert said == [("a.csv", words, "name it to have it read")]


def test_tables_of_a_folder_are_one_source_and_a_file_beside_them_another(tmp_path: Path) -> None:
    for name in ("ssd_person.csv", "ssd_cin_episodes.csv"):
        (tmp_path / name).write_bytes((DATA / "ssd" / "authority" / name).read_bytes())
    (tmp_path / "events.parquet").write_bytes(b"no")
    (tmp_path / "cin.xml").write_bytes(CENSUS.read_bytes())
    found = replay([tmp_path], BOOK, parse_moment("2026-04-01"))
    assert [r.path for r in found.read] == [tmp_path.name, "cin.xml"] and [r.path for r in found.refused] == ["events.parquet"]
