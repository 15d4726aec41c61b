"""Replays into a folder: whatever the format, the parts and the processes, the flags are those of a replay in memory."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.paths import CASES, RULES
from rrt_engine.replay import partition as partition_module
from rrt_engine.replay.chunk import Settings, flags_of_table
from rrt_engine.replay.flag_rows import COLUMNS, empty_rows
from rrt_engine.replay.partition import is_partition, open_partition, partition, write_partition
from rrt_engine.replay.run import replay
from rrt_engine.replay.run_folder import Run, open_run
from rrt_engine.replay.runner import run, run_parts
from rrt_engine.reports.flag_table import flag_table
from rrt_engine.rulebook.load import load
from rrt_engine.synth.write import plan_of, write_authority

BOOK = load(RULES)
DATA = Path(__file__).parent / "data"
AS_OF = "2026-03-31"
SETTINGS = Settings(RULES, parse_moment(AS_OF))
KEYS = ("case", "source", "rule", "start", "rung", "trigger_at", "trigger_row", "due", "answer_at", "status")


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """Flags as rows in one order, whatever the parts they came in."""
    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in table.columns]  # each value found once
    return sorted(pa.table(columns, table.column_names).to_pylist(), key=lambda row: [str(row[key]) for key in KEYS])


def in_memory(*sources: Path, as_of: str = AS_OF) -> list[dict[str, Any]]:
    found = replay(list(sources), BOOK, parse_moment(as_of))
    return plain(pa.concat_tables([flag_table(found, source) for source in found.sources]).unify_dictionaries())


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic authority in Parquet, in the order of its children, with a few errors put in."""
    path = tmp_path_factory.mktemp("run") / "authority.parquet"
    from datetime import date

    write_authority(plan_of(400, 5, path, "england", date(2021, 4, 1), date(2026, 3, 31), 0.05, RULES), path, None, 1)
    return path


@pytest.fixture(scope="module")
def whole(log: Path) -> list[dict[str, Any]]:
    return in_memory(log)


def of(log: Path, folder: Path, rows: int = 3000, jobs: int = 1, settings: Settings = SETTINGS) -> Run:
    return run([log], settings, folder, jobs, rows=rows)


# ---------------------------------------------------------------------------------------------------- the same flags


def test_a_log_in_order_is_used_where_it_lies_and_gives_the_same_flags(log: Path, whole: Any, tmp_path: Path) -> None:
    found = of(log, tmp_path / "run")
    assert len(found.parts) > 3
    assert not (tmp_path / "run" / "events").exists()
    assert {part.file.resolve() for part in found.parts} == {log.resolve()}
    assert plain(found.flags()) == whole
    assert found.lines == replay([log], BOOK, parse_moment(AS_OF)).lines()


def test_whatever_the_parts_and_the_processes_the_figures_are_the_same(log: Path, whole: Any, tmp_path: Path) -> None:
    for rows in (1, 500, 10**9):
        found = run_parts(
            partition([log], BOOK, tmp_path / f"parts{rows}", in_place=False, rows=rows * 100), SETTINGS, tmp_path / f"run{rows}"
        )
        assert plain(found.flags()) == whole
    assert digests(of(log, tmp_path / "one").folder) == digests(of(log, tmp_path / "two", jobs=2).folder)


def test_a_log_whose_children_are_scattered_is_dealt_out(log: Path, whole: Any, tmp_path: Path) -> None:
    table = pq.read_table(log).append_column("origin_row", pa.array(range(1, pq.read_metadata(log).num_rows + 1)))
    table = table.append_column("origin", pa.array([log.name] * table.num_rows))
    back = table.take(pa.array([i for start in range(7) for i in range(start, table.num_rows, 7)]))
    pq.write_table(back, tmp_path / "scattered.parquet")
    made = partition([tmp_path / "scattered.parquet"], BOOK, tmp_path / "parts", rows=2000)
    assert len(made.parts) > 3
    children = [set(part.events()["child_id"].to_pylist()) for part in made.parts]
    assert sum(map(len, children)) == len(set().union(*children)) == 400
    found = run_parts(made, SETTINGS, tmp_path / "run")
    assert plain(found.flags()) == in_memory(tmp_path / "scattered.parquet")
    assert len(whole) == found.manifest["counts"]["flags"]


def test_a_large_csv_file_is_read_line_by_line(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pq.read_table(log)
    lines = tmp_path / "log.csv"
    pa.csv.write_csv(table, lines)
    text = lines.read_text(encoding="utf-8").splitlines()
    text[5:5] = ["", "a,b", ",".join([""] * len(table.column_names))]
    text[60:60] = ["'=1," + text[60].split(",", 1)[1]]
    lines.write_text("\n".join(text) + "\n", encoding="utf-8")
    expected = in_memory(lines)
    reading = replay([lines], BOOK, parse_moment(AS_OF)).read[0].reading
    monkeypatch.setattr(partition_module, "_WHOLE_IN_MEMORY", 0)
    found = of(lines, tmp_path / "run")
    assert len(found.parts) > 3
    assert not list((tmp_path / "run").rglob("spool*"))
    assert plain(found.flags()) == expected
    source = found.manifest["sources"][0]
    assert (source["read"], source["used"], source["rejected"]) == (reading.records_read, reading.records_used, len(reading.rejected))
    assert sorted((r["source"], r["row"], r["why"]) for r in found.rejected().to_pylist()) == sorted(
        (r.origin, r.row, r.why) for r in reading.rejected
    )


@pytest.mark.parametrize(
    "sources",
    [
        [CASES / "sample"],
        [CASES / "training"],
        [CASES / "training", CASES / "sample"],
        [DATA / "cin_census" / "CIN_Census_2024.xml", DATA / "csc_api" / "daily"],
    ],
    ids=lambda each: "+".join(path.name for path in each),
)
def test_every_format_gives_the_same_flags_and_names_the_same_rows(sources: list[Path], tmp_path: Path) -> None:
    found = run(sources, SETTINGS, tmp_path / "run", rows=300)
    memory = replay(sources, BOOK, parse_moment(AS_OF))
    expected, rows = in_memory(*sources), plain(found.flags())
    for row in (*expected, *rows):
        row["source"] = row["source"] and row["source"].rpartition("/")[2]
    assert sorted(map(str, rows)) == sorted(map(str, expected))
    assert found.lines == memory.lines()
    assert found.not_evaluable() == memory.not_evaluable()
    assert found.never_answered() == memory.never_answered()
    assert found.needs_attention() == memory.needs_attention()
    counts = found.manifest["counts"]
    assert counts["read"] == counts["used"] + counts["rejected"] == sum(s.reading.records_read for s in memory.read)
    assert counts["events"] == sum(len(s.log) for s in memory.sources)


def test_annex_a_says_how_things_stand_now_in_a_run_too(tmp_path: Path) -> None:
    workbook = DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx"
    found = run([workbook], Settings(RULES, parse_moment("2020-06-30")), tmp_path / "run", rows=5)
    memory = replay([workbook], BOOK, parse_moment("2020-06-30"))
    assert len(found.parts) > 1
    assert {line.basis for line in found.lines} > {"now"}
    assert found.lines == memory.lines()


def test_times_that_are_all_midnight_in_a_part_are_not_so_in_the_log(tmp_path: Path) -> None:
    """A part of a log cannot tell that times in another are not midnight."""
    rows = [(f"C{i:03}", "referral_received", f"2026-03-0{1 + i % 5}T00:00") for i in range(20)]
    rows += [("C999", "referral_received", "2026-03-02T09:30")]
    names = ("child_id", "event", "at")
    pq.write_table(pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)}), tmp_path / "log.parquet")
    made = partition([tmp_path / "log.parquet"], BOOK, tmp_path / "parts", rows=4)
    assert len(made.parts) > 3 and made.logs[0].midnight is False
    flags = run_parts(made, SETTINGS, tmp_path / "run").flags()
    assert plain(flags) == in_memory(tmp_path / "log.parquet")
    assert all("T" in at for at in flags["trigger_at"].to_pylist())
    pq.write_table(pa.table({name: [row[i] for row in rows[:-1]] for i, name in enumerate(names)}), tmp_path / "log.parquet")
    assert partition([tmp_path / "log.parquet"], BOOK, tmp_path / "parts", rows=4).logs[0].midnight is True


def test_what_a_log_covers_goes_with_its_parts(tmp_path: Path) -> None:
    names = ("child_id", "event", "at")
    rows = [(f"C{i:03}", "cp_plan_started", "2026-01-05") for i in range(9)]
    pq.write_table(pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)}), tmp_path / "log.parquet")
    (tmp_path / "log.covers.yaml").write_text("events: [cp_plan_started, cp_visit]\nto: 2026-01-15\n", encoding="utf-8")
    for in_place in (True, False):
        made = partition([tmp_path / "log.parquet"], BOOK, tmp_path / f"parts{in_place}", in_place=in_place, rows=3)
        found = run_parts(made, SETTINGS, tmp_path / f"run{in_place}")
        assert plain(found.flags()) == in_memory(tmp_path / "log.parquet")
        assert set(found.flags()["status"].to_pylist()) >= {"cannot_tell"}
        assert found.not_evaluable() and not found.never_answered()
    assert plain(run([tmp_path / "partsFalse"], SETTINGS, tmp_path / "x").flags()) != []


def test_a_part_reads_as_an_event_log_by_itself_and_a_partition_as_a_source(tmp_path: Path) -> None:
    made = partition([CASES / "sample"], BOOK, tmp_path / "parts", in_place=False, rows=300)
    write_partition(made, tmp_path / "parts")
    assert is_partition(tmp_path / "parts")
    again = open_partition(tmp_path / "parts")
    assert [(p.name, p.rows, p.sha256, p.file.name) for p in again.parts] == [(p.name, p.rows, p.sha256, p.file.name) for p in made.parts]
    assert again.logs == made.logs and again.sources == made.sources and again.rejected == made.rejected
    assert sorted(map(str, in_memory(tmp_path / "parts"))) == sorted(map(str, in_memory(CASES / "sample")))
    alone = replay([made.parts[0].file], BOOK, parse_moment(AS_OF))
    assert sum(len(s.log) for s in alone.sources) == made.parts[0].rows


def test_the_function_of_a_part_depends_on_its_arguments_alone(log: Path, tmp_path: Path) -> None:
    made = partition([log], BOOK, tmp_path, rows=3000)
    events = made.parts[1].events()
    once, again = (flags_of_table(events, SETTINGS, made.logs[0]) for _ in range(2))
    assert once.flags.equals(again.flags)
    backwards = flags_of_table(events.take(pa.array(range(events.num_rows - 1, -1, -1))), SETTINGS, made.logs[0])
    assert backwards.read == once.read
    text = events.cast(pa.schema([(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in events.schema]))
    assert plain(flags_of_table(text, SETTINGS, made.logs[0]).flags) == plain(once.flags)


def test_no_flags_have_the_columns_of_flags(tmp_path: Path) -> None:
    pq.write_table(pa.table({"child_id": ["A"], "event": ["cp_visit"], "at": ["2026-01-05"]}), tmp_path / "log.parquet")
    found = run([tmp_path / "log.parquet"], SETTINGS, tmp_path / "run")
    assert found.flags().schema == empty_rows().schema
    assert list(COLUMNS) == found.flags().column_names
    assert found.lines == [] and not found.needs_attention()


# ---------------------------------------------------------------------------------------------------- the folder


def test_the_manifest_says_what_was_run_and_no_clock(log: Path, tmp_path: Path) -> None:
    found = of(log, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["schema"] == "rrt/run/1"
    assert manifest["rules"]["digest"] == BOOK.digest and manifest["rules"]["changes"] == []
    assert manifest["as_of"] == AS_OF and manifest["as_known"] is None
    assert manifest["sources"][0]["sha256"] == hashlib.sha256(log.read_bytes()).hexdigest()
    assert sum(part["flags"] for part in manifest["parts"]) == manifest["counts"]["flags"] == found.flags().num_rows
    for part in manifest["parts"]:
        flags = (tmp_path / "run" / "flags" / f"{part['name']}.parquet").read_bytes()
        assert hashlib.sha256(flags).hexdigest() == part["flags_sha256"]
    assert found.book.digest == BOOK.digest
    assert found.missing_events() == []


def test_what_was_changed_or_taken_away_since_is_said(tmp_path: Path) -> None:
    found = run([CASES / "sample"], SETTINGS, tmp_path / "run", rows=300)
    first, second = (part.file for part in found.parts[:2])
    first.unlink()
    second.write_bytes(second.read_bytes() + b" ")
    assert open_run(tmp_path / "run").missing_events() == [
        f"`{first.name}` is not there any more",
        f"`{second.name}` has changed since the run",
    ]
    (tmp_path / "run" / "flags" / "part-00000.parquet").unlink()
    with pytest.raises(InputError, match="1 of its files are not there"):
        open_run(tmp_path / "run")


def test_a_folder_with_something_in_it_is_left_alone(log: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=r"not empty: `mine.txt`"):
        of(log, tmp_path / "run")
    with pytest.raises(InputError, match="no run in this folder"):
        run([log], SETTINGS, tmp_path / "run", resume=True)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["mine.txt"]
    of(log, tmp_path / "done")
    with pytest.raises(InputError, match="a finished run"):
        of(log, tmp_path / "done")


def test_going_on_with_a_finished_run_changes_nothing_and_asks_for_the_same(log: Path, tmp_path: Path) -> None:
    of(log, tmp_path / "run")
    before = digests(tmp_path / "run")
    run([log], SETTINGS, tmp_path / "run", resume=True)
    assert digests(tmp_path / "run") == before
    with pytest.raises(InputError, match="different as-of date"):
        run([log], Settings(RULES, parse_moment("2026-03-30")), tmp_path / "run", resume=True)
    with pytest.raises(InputError, match="not those this run was begun with"):
        run([CASES / "sample"], SETTINGS, tmp_path / "run", resume=True)
    with pytest.raises(InputError, match="different rules"):
        run([log], Settings(RULES, SETTINGS.as_of, None, (("cp_visit_interval", "4 weeks"),)), tmp_path / "run", resume=True)


def test_a_source_that_cannot_be_read_leaves_no_run(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("nothing,here\n1,2\n", encoding="utf-8")
    for sources in ([tmp_path / "bad.csv"], [tmp_path / "bad.csv", CASES / "sample"]):
        with pytest.raises(InputError, match="child_id"):
            run(sources, SETTINGS, tmp_path / "run")
        run([CASES / "sample"], SETTINGS, tmp_path / "run")
        for file in sorted((tmp_path / "run").rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()


# ---------------------------------------------------------------------------------------------------- the commands


def test_the_commands(log: Path, tmp_path: Path) -> None:
    runner = CliRunner(env={"COLUMNS": "140"})
    cut = runner.invoke(app, ["partition", str(log), "-o", str(tmp_path / "parts"), "--rows", "3000"])
    assert cut.exit_code == 0 and "parts" in cut.stdout
    done = runner.invoke(app, ["replay", str(tmp_path / "parts"), "--as-of", AS_OF, "-o", str(tmp_path / "run"), "--jobs", "1"])
    assert done.exit_code == 1, done.output
    assert "used +" in done.stdout and "Time limits" in done.stdout
    as_json = runner.invoke(
        app, ["replay", str(log), "--as-of", AS_OF, "-o", str(tmp_path / "r2"), "--format", "json", "--exit-zero", "--jobs", "1"]
    )
    assert as_json.exit_code == 0
    assert json.loads(as_json.stdout)["counts"]["flags"] == open_run(tmp_path / "run").manifest["counts"]["flags"]
    again = runner.invoke(app, ["partition", str(log), "-o", str(tmp_path / "parts")])
    assert again.exit_code == 2 and "not empty" in again.output
    for more in (["--thresholds"], ["--disagreements", str(tmp_path / "d.csv")]):
        refused = runner.invoke(app, ["replay", str(log), "--as-of", AS_OF, "-o", str(tmp_path / "r3"), *more])
        assert refused.exit_code == 2 and "run folder" in refused.output
    for more in (["--resume"], ["--engine", "spark"]):
        refused = runner.invoke(app, ["replay", str(log), "--as-of", AS_OF, *more])
        assert refused.exit_code == 2 and "into a folder" in refused.output


def test_the_documents_name_every_column() -> None:
    text = (Path(__file__).parent.parent / "docs" / "runs.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` | {says} |\n" in text for name, says in COLUMNS.items())
