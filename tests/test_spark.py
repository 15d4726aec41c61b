"""Replay on a real Spark, started here on this machine: the same flags as without it, whatever the order and the batches.

One Spark serves every test of this file, which `make test` runs by itself. Where Java or PySpark is absent the tests are skipped, and with
RRT_REQUIRE_SPARK=1 that is a failure.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.paths import RULES
from rrt_engine.replay.chunk import Chunk, Log, Settings, flags_of_table
from rrt_engine.replay.flag_rows import Whole
from rrt_engine.replay.partition import Part
from rrt_engine.replay.pool import CutOff
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.runner import run
from rrt_engine.replay.spark import _BLANKS, Evaluated, _Sent, flags_of_dataframe, on_spark, session, whole_children

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # Spark's own sockets
SETTINGS = Settings(RULES, parse_moment("2026-03-31"))


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A Spark of our own on loopback, gone at the end: two tasks at a time, and batches so small that children straddle them."""
    says = ""
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        says = "there is no Java here: nothing was tested on Spark (on Debian: apt-get install openjdk-17-jre-headless)"
    try:
        import pyspark  # noqa: F401
    except ImportError:
        says = "PySpark is not installed here: nothing was tested on Spark (pip install 'rrt-engine[spark]')"
    if says and os.environ.get("RRT_REQUIRE_SPARK") == "1":
        pytest.fail(says)
    elif says:
        pytest.skip(says)
    from pyspark import SparkContext

    small = {
        "spark.sql.execution.arrow.maxRecordsPerBatch": "100",
        "spark.sql.shuffle.partitions": "3",
        "spark.sql.adaptive.coalescePartitions.enabled": "false",  # children of a few rows in partitions of their own
        "spark.driver.memory": "1g",
    }
    quick = {  # to start soon: nothing here is large enough to be worth compiling well
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    with session("local[2]", {**small, **quick}) as made:
        gateway = SparkContext._gateway
        yield made
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(30)
    SparkContext._gateway = SparkContext._jvm = None


@pytest.fixture(autouse=True)
def _swept() -> Iterator[None]:
    """Spark leaves its sockets to be collected: here, while warnings of them are ignored, and not in another test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An event log of invented children, with times, refs, dates of birth, teams and recording errors."""
    file = tmp_path_factory.mktemp("authority") / "authority.parquet"
    made = CliRunner().invoke(app, ["synth", "--children", "60", "--defects", "0.1", "--jobs", "1", "-o", str(file)])
    assert made.exit_code == 0, made.output
    return file


def covers(file: Path) -> Any:
    return yaml.safe_load(file.with_name(f"{file.stem}.covers.yaml").read_text(encoding="utf-8"))


def alike(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(tuple(row.items())) for row in rows)


def collected(frame: Any) -> list[dict[str, Any]]:
    return [row.asDict() for row in frame.collect()]


def expected(file: Path, whole: Whole = Whole()) -> Chunk:
    return flags_of_table(pq.read_table(file), SETTINGS, Log(file.name, covers(file), whole=whole))


# ----------------------------------------------------------------------------------------- whole children out of batches


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("rows", [1, 4, 9, 1000])
def test_a_child_is_never_parted(size: int, rows: int) -> None:
    ids = [None, None, None, None, "a", "b", "b", "b", "b", "b", "b", "b", "c", "c", "d", "e", "e", "e", "f"]
    table = pa.table({"child_id": ids, "n": range(len(ids))})
    batches = [b for b in (table.slice(i, size).combine_chunks() for i in range(0, len(ids), size)) for b in b.to_batches()]
    found = list(whole_children(iter([batches[0].slice(0, 0), *batches]), "child_id", rows))
    assert pa.concat_tables(found).column("n").to_pylist() == list(range(len(ids)))
    seen = [set(part.column("child_id").to_pylist()) - {None} for part in found]
    assert sum(map(len, seen)) == len(set(ids) - {None}), "a child is in two parts"
    assert all(len(part) >= rows for part in found[:-1]) and found
    longest = 8
    assert all(len(part) < rows + size + longest for part in found)


@pytest.mark.parametrize("size", [1, 2, 4, 9])
def test_a_chunk_ends_with_the_child_that_fills_it(size: int) -> None:
    batches = pa.table({"child_id": list("aabccddde")}).to_batches(max_chunksize=size)
    found = ["".join(part.column("child_id").to_pylist()) for part in whole_children(iter(batches), "child_id", 2)]
    assert found == {1: ["aa", "bcc", "ddd", "e"], 2: ["aa", "bcc", "ddd", "e"], 4: ["aabcc", "ddd", "e"], 9: ["aabccddde"]}[size]


def test_no_batches_are_no_children() -> None:
    assert list(whole_children(iter([]), "child_id", 5)) == []


def test_blanks_around_ids_are_those_that_are_left_out_when_ids_are_read() -> None:
    every = [chr(c) for c in range(0x3100) if not 0xD800 <= c < 0xE000]
    gone = [c for c in every if pa.compute.utf8_trim_whitespace(pa.scalar(c)).as_py() == ""]
    assert sorted(_BLANKS) == sorted(gone)


def test_another_rule_set_on_a_worker_is_refused() -> None:
    with pytest.raises(InputError, match="the rule set where the task runs has the digest"):
        _Sent(SETTINGS, True, "0" * 64).here()


def test_a_rule_set_that_came_with_rrt_is_looked_for_where_the_task_runs() -> None:
    from rrt_engine.replay.chunk import book_of

    elsewhere = replace(SETTINGS, rules=Path("/on/the/driver/only"))
    assert _Sent(elsewhere, True, book_of(RULES).digest).here() == SETTINGS


# --------------------------------------------------------------------------------------------------------- on a real Spark


def test_scattered_children_have_the_same_flags(spark: Any, authority: Path, tmp_path: Path) -> None:
    table = pq.read_table(authority)
    table = table.select([name for name in table.column_names if table[name].null_count < len(table)])
    table = table.append_column("origin", pa.array([authority.name] * len(table)))
    table = table.append_column("origin_row", pa.array(range(1, len(table) + 1), pa.int32()))
    (tmp_path / "events").mkdir()
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    for i, begin in enumerate(range(0, len(table), 400)):
        pq.write_table(shuffled.slice(begin, 400), tmp_path / "events" / f"{i}.parquet")
    found = flags_of_dataframe(spark.read.parquet(str(tmp_path / "events")), SETTINGS, "events", covers(authority), rows=700)
    found.rows.write.parquet(str(tmp_path / "rows"))  # once, as docs/spark.md says
    found = Evaluated(spark.read.parquet(str(tmp_path / "rows")))
    chunk = expected(authority)
    assert alike(collected(found.flags)) == alike(chunk.flags.to_pylist())
    assert alike(collected(found.rejected)) == alike(chunk.rejected.to_pylist())
    assert found.counts() == {
        "read": len(table),
        "used": chunk.used,
        "rejected": len(chunk.rejected),
        "children": 60,
        "events": chunk.events,
        "flags": len(chunk.flags),
        "after_as_of": chunk.after_as_of,
    }
    assert len(chunk.flags) > 1000


# ------------------------------------------------------------------------------------------------- the folder of a run


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def scattered(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same log with its rows in any order."""
    file = tmp_path_factory.mktemp("scattered") / authority.name
    table = pq.read_table(authority)
    pq.write_table(table.take(np.random.default_rng(2).permutation(len(table))), file)
    shutil.copy(authority.with_name("authority.covers.yaml"), file.with_name("authority.covers.yaml"))
    return file


def small_parts(source: Path, folder: Path, **more: Any) -> Run:
    return run([source], SETTINGS, folder, rows=300, **more)


@pytest.mark.parametrize("in_order", [True, False])
def test_a_run_on_spark_is_the_same_to_the_byte(spark: Any, authority: Path, scattered: Path, in_order: bool, tmp_path: Path) -> None:
    source = authority if in_order else scattered
    plain = small_parts(source, tmp_path / "pool")
    there = small_parts(source, tmp_path / "spark", engine=on_spark(spark))
    assert len(there.parts) > 3 and there.manifest["counts"]["flags"] > 1000
    assert there.flags().equals(plain.flags())
    assert bytes_of(tmp_path / "pool") == bytes_of(tmp_path / "spark")
    assert plain.manifest == there.manifest


def test_a_part_that_fails_or_kills_its_task_is_set_aside_and_can_be_done_later(spark: Any, authority: Path, tmp_path: Path) -> None:
    def work(part: Part, log: Log, settings: Settings, folder: Path) -> None:
        import os

        from rrt_engine.replay.runner import replay_part

        if part.name == "part-00001":
            os._exit(9)
        if part.name == "part-00002":
            raise ValueError("a child's name")
        replay_part(part, log, settings, folder)

    cut = small_parts(authority, tmp_path / "run", engine=on_spark(spark, work))
    assert cut.set_aside() == {
        "part-00001": "the Spark task that replayed it died twice, as when memory runs out",
        "part-00002": "a fault in rrt (ValueError)",
    }
    counts = cut.manifest["counts"]
    assert counts["read"] == counts["used"] + counts["rejected"] + counts["set_aside"] and counts["set_aside"] > 500
    small_parts(authority, tmp_path / "run", resume=True, engine=on_spark(spark))
    small_parts(authority, tmp_path / "whole")
    assert bytes_of(tmp_path / "run") == bytes_of(tmp_path / "whole")


def test_flags_that_are_written_somewhere_else_stop_the_run(spark: Any, authority: Path, tmp_path: Path) -> None:
    with pytest.raises(CutOff, match="name one that every machine shares"):
        small_parts(authority, tmp_path / "run", engine=on_spark(spark, lambda *_: None))


def test_the_command_on_spark(spark: Any, authority: Path, tmp_path: Path) -> None:
    asked = ["replay", str(authority), "--as-of", "2026-03-31", "--exit-zero"]
    done = CliRunner().invoke(app, [*asked, "-o", str(tmp_path / "spark"), "--engine", "spark", "--master", "local[2]"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, [*asked, "-o", str(tmp_path / "pool"), "--jobs", "1"]).exit_code == 0
    assert bytes_of(tmp_path / "pool") == bytes_of(tmp_path / "spark")


def test_without_java_the_command_says_what_it_needs(authority: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="PySpark is not installed here")
    command = [sys.executable, "-m", "rrt_engine", "replay", str(authority), "--as-of", "2026-03-31", "-o", str(tmp_path / "run")]
    environment = {**os.environ, "JAVA_HOME": str(tmp_path / "nowhere")}
    done = subprocess.run([*command, "--engine", "spark"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert "Spark cannot be started on `local[*]`" in done.stderr and "it needs Java 17" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "run").exists()


def test_without_pyspark_the_command_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(InputError, match=r"PySpark is not installed\n  help: pip install 'rrt-engine\[spark\]'"), session("local[1]"):
        pass


# ------------------------------------------------------------------------------------ what only the whole can tell, on Spark


def frame_of(spark: Any, rows: list[dict[str, Any]], types: str) -> Any:
    names = [each.split()[0] for each in types.split(", ")]
    return spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], types)


def same_as_whole(spark: Any, rows: list[dict[str, Any]], types: str, **log: Any) -> list[dict[str, Any]]:
    """The flags of some rows on Spark, in several chunks; asserts that they are those of all rows together."""
    found = collected(flags_of_dataframe(frame_of(spark, rows, types), SETTINGS).rows)
    assert sum(row["counted"] is not None for row in found) > 1, "one chunk is the whole"
    flags = [row["flag"].asDict() for row in found if row["flag"] is not None]
    chunk = flags_of_table(pa.Table.from_pylist(rows), SETTINGS, Log("events", **log))
    whole = [row | {"trigger_row": None, "answer_row": None} for row in chunk.flags.to_pylist()]
    assert alike(flags) == alike(whole)
    return flags


@pytest.mark.parametrize(
    ("last", "read_as"), [("10:30", {"2026-01-05T00:00", "2026-01-06T10:30"}), ("00:00", {"2026-01-05", "2026-01-06"})]
)
def test_midnight_is_decided_over_all_children(spark: Any, last: str, read_as: set[str]) -> None:
    rows = [{"child_id": child, "event": "referral_received", "at": "2026-01-05T00:00", "ref": "R1"} for child in "ABCDEF"]
    rows.append({"child_id": "G", "event": "referral_received", "at": f"2026-01-06T{last}", "ref": "R1"})
    flags = same_as_whole(spark, rows, "child_id string, event string, at string, ref string")
    assert {row["trigger_at"] for row in flags} == read_as


def test_a_timestamp_is_a_moment_whatever_the_time_zone_of_the_session(spark: Any) -> None:
    frame = spark.sql("select 'A' as child_id, 'referral_received' as event, timestamp'2026-07-06T13:30:00Z' as at")
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        as_of = replace(SETTINGS, as_of=parse_moment("2026-08-31"))
        assert {row.trigger_at for row in flags_of_dataframe(frame, as_of).flags.collect()} == {"2026-07-06T14:30"}
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone)


def test_latest_dates_of_one_child_are_known_for_every_child(spark: Any) -> None:
    rows = [
        {"child_id": "A", "event": "cp_plan_started", "at": date(2026, 1, 5), "ref": "P1", "latest_only": None},
        {"child_id": "B", "event": "cp_visit", "at": date(2026, 2, 5), "ref": "P1", "latest_only": True},
        {"child_id": "B", "event": "cp_plan_started", "at": date(2026, 1, 5), "ref": "P1", "latest_only": None},
    ]
    types = "child_id string, event string, at date, ref string, latest_only boolean"
    flags = same_as_whole(spark, rows, types, whole=Whole(frozenset({"cp_visit"})))
    visits = [row for row in flags if row["case"] == "A" and "visit" in row["rule"]]
    assert {row["basis"] for row in visits} == {"now"}
    only = [{**row, "latest_only": True} for row in rows]
    assert {row["basis"] for row in same_as_whole(spark, only, types, whole=Whole(only_latest=True))} <= {"now", "count"}


def test_what_cannot_be_used_is_kept_and_counted(spark: Any) -> None:
    good = [{"case_id": child, "event": "referral_received", "at": "2026-01-05"} for child in "ABCDEF"]
    bad = [
        *({**row, "case_id": f"\u00a0{row['case_id']} "} for row in good),
        {"case_id": "A", "event": "referral_recieved", "at": "2026-01-05"},
        {"case_id": "B", "event": "referral_received", "at": "5 Jan"},
        {"case_id": "  ", "event": "referral_received", "at": "2026-01-05"},
        {"case_id": None, "event": "referral_received", "at": "2026-01-05"},
    ]
    found = flags_of_dataframe(frame_of(spark, good + bad, "case_id string, event string, at string"), SETTINGS, "lake.events", rows=1)
    counts = found.counts()
    assert (counts["read"], counts["used"], counts["rejected"], counts["children"]) == (16, 6, 10, 6)
    assert sorted((row.source, row.row, row.why) for row in found.rejected.collect()) == [
        ("lake.events", None, "`5 Jan` is not a date; write it as 2026-04-10, or 2026-04-10T16:45 with a time"),
        *[("lake.events", None, "`child_id` is blank")] * 2,
        *[("lake.events", None, "repeats another row exactly")] * 6,
        ("lake.events", None, "unknown event `referral_recieved`"),
    ]
    said = {(row.severity, row.code) for row in found.diagnostics.collect()}
    assert ("warning", "unknown_event") in said


def test_events_of_one_day_stand_in_the_same_order_however_they_come(spark: Any) -> None:
    plan = {"event": "cin_plan_started", "at": date(2025, 10, 1), "ref": "R1/P1"}
    ends = [
        {"event": "cin_plan_ended", "at": date(2026, 1, 5), "ref": "R1/P1"},
        {"event": "case_closed", "at": date(2026, 1, 5), "ref": "R1"},
    ]

    def ended_by(chosen: Any) -> set[str]:
        return {row["ended_by"] for row in chosen if row["rule"] == "as_cin_visit"}

    ways = [[{"child_id": 1, **row} for row in (plan, *order)] for order in (ends, ends[::-1])]
    plain = [flags_of_table(pa.Table.from_pylist(rows), SETTINGS, Log("events")).flags.to_pylist() for rows in ways]
    assert [ended_by(rows) for rows in plain] == [{"cin_plan_ended"}, {"case_closed"}], "the order decides nothing here"
    types = "child_id long, event string, at date, ref string"
    assert [ended_by(collected(flags_of_dataframe(frame_of(spark, rows, types), SETTINGS).flags)) for rows in ways] == [{"case_closed"}] * 2


def test_partitions_that_hold_whole_children_are_left_where_they_are(spark: Any) -> None:
    rows = [{"child_id": i, "event": "referral_received", "at": date(2026, 1, 5)} for i in range(6)]
    frame = frame_of(spark, rows, "child_id long, event string, at date").coalesce(1)
    plans = {}
    for partitioned in (True, False):
        found = flags_of_dataframe(frame, SETTINGS, partitioned=partitioned)
        plans[partitioned] = found.rows._jdf.queryExecution().executedPlan().toString()
        assert {row.case for row in found.flags.collect()} == set("012345")
    assert "Exchange" not in plans[True] and "Exchange" in plans[False]


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ("child_id string, evnt string, at date", "no column `event`"),
        ("child_id double, event string, at date", "`child_id` is of the type `double`; expected text or whole numbers"),
        ("child_id string, event string, `Event` string, at date", "the column `event` stands twice"),
    ],
)
def test_a_frame_that_is_no_event_log_is_refused_before_anything_runs(spark: Any, types: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        flags_of_dataframe(spark.createDataFrame([], types), SETTINGS)
