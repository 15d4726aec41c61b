"""The workload over a partition of any size, by two pools of processes: this engine's own, and one written by hand.

The partition is a folder of Parquet files that each hold whole children. Each pool reads every file, works out every row of the
workload with all its evidence, and then either adds up a digest of the rows (`digest`: the same for the same rows in any order)
or writes the evidence it has made as Parquet (`parquet`: ours one row a clock, the other's its three tables). This engine goes
through its rule files, its reader and its own pool (`rrt_engine.replay`); the other is the NumPy kernel of `engines.py` in a
`ProcessPoolExecutor`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from engines import RULES, book_rrt, columns_rrt, run_numpy
from workload import AS_OF, EVENTS, generate

CHILDREN = 42_000
"""Children in a part: about half a million events, as many as `rrt partition` puts into one."""


# ---------------------------------------------------------------------------------------------------- the partition


def make_partition(folder: Path, events: int) -> tuple[int, int]:
    """Make the partition, once: parts of `CHILDREN` children with ids and a seed of their own until there are so many events.

    Returns the number of parts and of events. It is a partition as `rrt partition` makes one.
    """
    from rrt_engine.replay.chunk import Log
    from rrt_engine.replay.partition import Part, Partition, is_partition, open_partition, write_partition

    if not is_partition(folder):
        folder.mkdir(parents=True, exist_ok=True)
        parts: list[Part] = []
        made = 0
        while made < events:
            path = folder / f"part-{len(parts):05}.parquet"
            made += _write_part(path, len(parts))
            parts.append(Part(path.stem, 0, path, 0, _rows(path)))
        write_partition(Partition((Log("workload", None, False),), tuple(parts), ()), folder)
    found = open_partition(folder)
    return len(found.parts), sum(part.rows for part in found.parts)


def _write_part(path: Path, number: int) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        child, seq, code, day = generate(CHILDREN, seed=7 + number)
        columns = {
            "child_id": child + number * CHILDREN,
            "seq": seq,
            "event": pa.DictionaryArray.from_arrays(pa.array(code, pa.int8()), EVENTS),
            "date": pa.array(day, pa.int32()).cast(pa.date32()),
        }
        beside = path.with_suffix(".making")
        pq.write_table(pa.table(columns), beside, compression="zstd")
        beside.rename(path)
    return _rows(path)


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


# ---------------------------------------------------------------------------------------------------- the two pools


def ours(folder: Path, jobs: int, deliver: str, out: Path) -> list[dict[str, Any]]:
    """This engine over a partition: a receipt for each part."""
    from rrt_engine.calendar import Moment
    from rrt_engine.replay.chunk import Settings
    from rrt_engine.replay.partition import open_partition
    from rrt_engine.replay.pool import pooled

    made = open_partition(folder)
    settings = Settings(RULES, Moment(AS_OF))
    tasks = [(part, made.logs[part.log], settings, deliver, out) for part in made.parts]
    failed = [found for _, found in pooled(one_of_ours, tasks, jobs) if found]
    if failed:
        raise SystemExit(failed[0].why)
    return [json.loads((out / f"{part.name}.json").read_text()) for part in made.parts]


def one_of_ours(part: Any, log: Any, settings: Any, deliver: str, out: Path) -> None:
    """One part by this engine, as `rrt_engine.replay.chunk` does it, with its evidence as numbers in place of words for people."""
    from rrt_engine.replay.chunk import reading_of_table
    from rrt_engine.timescales.evaluate import evaluate

    read = reading_of_table(part.events(), book_rrt(), log).log
    found = evaluate(read, book_rrt(), settings.as_of)
    if deliver == "parquet":
        flags = found.flags
        days = np.append(read.day, -1)
        evidence = {
            "rule": flags.rule,
            "child": np.asarray(read.children)[read.child[flags.trigger]],
            "trigger": flags.trigger,
            "start": flags.start,
            "due": flags.due,
            "answer": flags.answer,
            "answer_day": days[flags.answer],
            "end": flags.end,
            "end_day": days[flags.end],
            "status": flags.status,
            "reason": flags.reason,
        }
        _write(evidence, out / f"{part.name}.parquet")
        receipt = {}
    else:
        receipt = {name: digest(parts) for name, parts in columns_rrt(read, found).items()}
    (out / f"{part.name}.json").write_text(json.dumps({**receipt, "peak": peak()}))


def by_hand(folder: Path, jobs: int, deliver: str, out: Path) -> list[dict[str, Any]]:
    """The kernel written by hand over the same files."""
    files = sorted(folder.glob("part-*.parquet"))
    run_numpy(files[0])  # what every process needs is there before it is forked
    if jobs < 2:
        return [one_by_hand(path, deliver, out) for path in files]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(one_by_hand, files, [deliver] * len(files), [out] * len(files)))


def one_by_hand(path: Path, deliver: str, out: Path) -> dict[str, Any]:
    """One part by the kernel."""
    found = run_numpy(path)
    if deliver == "parquet":
        for name, rows in found.items():
            _write({f"c{i}": np.ascontiguousarray(rows[:, i]) for i in range(rows.shape[1])}, out / f"{path.stem}-{name}.parquet")
        return {"peak": peak()}
    return {**{name: digest([list(rows.T)]) for name, rows in found.items()}, "peak": peak()}


def _write(columns: dict[str, Any], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path, compression="zstd")


def digest(parts: Iterable[list[Any]]) -> list[int]:
    """How many rows there are, and the sum of a number made from each, so that the order does not matter.

    A part is the columns of some rows; the first of them may be one number for all its rows.
    """
    rows = total = 0
    for first, *columns in parts:
        if isinstance(first, int):
            begun = np.uint64((first ^ first >> 29) * int(_A) % 2**64)
        else:
            begun = _numbers(first)
            begun = (begun ^ (begun >> _SHIFT)) * _A
        mixed = _numbers(columns[0]) + begun
        for column in columns[1:]:
            mixed ^= mixed >> _SHIFT
            mixed *= _A
            mixed += _numbers(column)
        mixed ^= mixed >> _SHIFT
        mixed *= _B
        rows += len(mixed)
        total += int((mixed ^ (mixed >> _SHIFT)).sum(dtype=np.uint64))
    return [rows, total % 2**64]


_A, _B, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(29)


def _numbers(column: np.ndarray) -> np.ndarray:
    return column.astype(np.int64, copy=False).view(np.uint64) if column.flags.c_contiguous else column.astype(np.int64).view(np.uint64)


def together(receipts: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The digest of all parts together."""
    names = [name for name in receipts[0] if name != "peak"]
    return {name: [sum(r[name][0] for r in receipts), sum(r[name][1] for r in receipts) % (1 << 64)] for name in names}


def peak() -> int:
    """Peak memory of this process in bytes."""
    return next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
