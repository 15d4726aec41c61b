"""Replay on a real Spark, started here on this machine: the same flags as without it, whatever the order and the batches.

One Spark serves every test of this file; with `--dist loadgroup` they run in one process. Where Java or PySpark is absent the tests are
skipped, and with RRT_REQUIRE_SPARK=1 that is a failure.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
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
from rrt_engine.replay.runner import run
from rrt_engine.replay.spark import _BLANKS, _Sent, flags_of_dataframe, on_spark, session, whole_children

pytestmark = [pytest.mark.xdist_group("spark"), pytest.mark.filterwarnings("ignore::ResourceWarning")]  # Spark's own sockets
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

    small = {"spark.sql.execution.arrow.maxRecordsPerBatch": "100", "spark.sql.shuffle.partitions": "3", "spark.driver.memory": "1g"}
    with session("local[2]", small) as made:
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
    ids = [None, None, "a", "b", "b", "b", "b", "b", "b", "b", "c", "c", "d", "e", "e", "e", "f"]
    table = pa.table({"child_id": ids, "n": range(len(ids))})
    batches = [b for b in (table.slice(i, size).combine_chunks() for i in range(0, len(ids), size)) for b in b.to_batches()]
    found = list(whole_children(iter([batches[0].slice(0, 0), *batches]), "child_id", rows))
    assert pa.concat_tables(found).column("n").to_pylist() == list(range(len(ids)))
    seen = [set(part.column("child_id").to_pylist()) for part in found]
    assert sum(map(len, seen)) == len(set(ids)), "a child is in two parts"
    assert all(len(part) >= rows for part in found[:-1]) and found
    longest = 8
    assert all(len(part) < rows + size + longest for part in found)


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
    table = table.append_column("origin", pa.array([authority.name] * len(table)))
    table = table.append_column("origin_row", pa.array(range(1, len(table) + 1), pa.int32()))
    shuffled = table.take(np.random.default_rng(1).permutation(len(table)))
    for i in range(4):
        pq.write_table(shuffled.slice(i * len(table) // 4, (i + 1) * len(table) // 4 - i * len(table) // 4), tmp_path / f"{i}.parquet")
    found = flags_of_dataframe(spark.read.parquet(str(tmp_path)), SETTINGS, "events", covers(authority), rows=700)
    found.rows.persist()
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
    found.rows.unpersist()


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


@pytest.mark.parametrize("sorted_by_child", [True, False])
def test_a_run_on_spark_is_the_same_to_the_byte(
    spark: Any, authority: Path, scattered: Path, sorted_by_child: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rrt_engine.replay.partition.partition.__defaults__", (lambda _: None, True, 800))
    source = authority if sorted_by_child else scattered
    plain = run([source], SETTINGS, tmp_path / "pool")
    there = run([source], SETTINGS, tmp_path / "spark", engine=on_spark(spark))
    assert len(there.parts) > 2 and there.manifest["counts"]["flags"] > 1000
    assert bytes_of(tmp_path / "pool") == bytes_of(tmp_path / "spark")
    assert plain.manifest == there.manifest
