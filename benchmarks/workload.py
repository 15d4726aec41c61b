"""The workload: a synthetic log of N children and 15 rules, the same for every engine.

About 12 events a child, sorted by child and day, in Parquet: child_id int64, seq int16, event dictionary<string>, date
date32. Ten time limits, three recurring duties, two counts in windows; England's working days; as of 31 March 2024.

What every engine must give, as three int64 arrays sorted by row (dates are days since 1970, -1 for none):
  deadlines [rule, child, trigger, due, answer, status]: for each trigger the earliest answer on or after it; due is the
    n-th working day after (wd) or n days after (cal); 0 met, 1 late, 2 overdue, 3 due
  recurring [rule, child, start, end, visits, longest gap, gaps over the limit]: from each start to the first end on or
    after it (or as-of); gaps between start, visits and end, in days or working days
  windows [rule, child, times fired, first fired]: at each event, whether K or more fell in the last W days, itself included
"""

from __future__ import annotations

import csv
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

EVENTS = [
    "CONTACT", "REFERRAL", "ASSESS_START", "ASSESS_AUTH", "STRATEGY", "S47_START", "S47_END", "ICPC", "CP_START",
    "CORE_GROUP", "CP_VISIT", "REVIEW", "CP_END", "PLACE_START", "LAC_VISIT", "PLACE_END", "DA_NOTIF", "MISSING",
]  # fmt: skip
CODE = {e: i for i, e in enumerate(EVENTS)}
DEADLINES = [  # rule, trigger, answer, n, unit
    (1, "CONTACT", "REFERRAL", 1, "wd"),
    (2, "REFERRAL", "ASSESS_START", 10, "wd"),
    (3, "REFERRAL", "ASSESS_AUTH", 45, "wd"),
    (4, "STRATEGY", "S47_START", 1, "wd"),
    (5, "S47_START", "S47_END", 15, "wd"),
    (6, "STRATEGY", "ICPC", 15, "wd"),
    (7, "CP_START", "CORE_GROUP", 10, "wd"),
    (8, "ICPC", "REVIEW", 91, "cal"),
    (9, "CP_START", "CP_VISIT", 10, "wd"),
    (10, "PLACE_START", "LAC_VISIT", 7, "cal"),
]
RECURRING = [  # rule, start, visit, end, limit, unit
    (1, "PLACE_START", "LAC_VISIT", "PLACE_END", 42, "cal"),
    (2, "CP_START", "CORE_GROUP", "CP_END", 42, "cal"),
    (3, "CP_START", "CP_VISIT", "CP_END", 10, "wd"),
]
WINDOWS = [(1, "DA_NOTIF", 3, 365), (2, "MISSING", 2, 90)]  # rule, event, K, W days
AS_OF = 19813  # 31 March 2024
HOLIDAYS = Path(__file__).parent / "rules" / "bank_holidays.csv"
WIDTH = {"deadlines": 6, "recurring": 7, "windows": 4}


@cache
def working_day_tables() -> tuple[int, np.ndarray, np.ndarray]:
    """First day of the tables; working days up to each day; day number of the k-th working day."""
    first, last = int(np.datetime64("2018-01-01").astype(int)), int(np.datetime64("2025-12-31").astype(int))
    days = np.arange(first, last + 1)
    with HOLIDAYS.open(encoding="utf-8", newline="") as file:
        off = np.array([row["date"] for row in csv.DictReader(file) if row["name"] != "announced to"], "datetime64[D]").astype(int)
    working = ((days + 3) % 7 < 5) & ~np.isin(days, off)
    return first, np.cumsum(working).astype(np.int32), np.concatenate([[0], days[working]]).astype(np.int32)


def path_of(n: int) -> Path:
    return Path(os.environ.get("BENCH_DATA", "bench_data")) / f"events_{n}.parquet"


def generate(n: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Child, sequence, event code and day of each event, sorted by child, day and code."""
    r = np.random.default_rng(seed)
    children: list[np.ndarray] = []
    codes: list[np.ndarray] = []
    days: list[np.ndarray] = []
    ids = np.arange(n)

    def put(mask: np.ndarray, code: str, day: np.ndarray) -> None:
        children.append(ids[mask])
        codes.append(np.full(mask.sum(), CODE[code], np.int8))
        days.append(day[mask])

    def between(low: int, high: int) -> np.ndarray:
        return r.integers(low, high, n)

    def some(share: float) -> np.ndarray:
        return r.random(n) < share

    low, high = (int(np.datetime64(d).astype("datetime64[D]").astype(int)) for d in ("2019-01-02", "2023-12-01"))
    everyone = np.ones(n, bool)
    contact = r.integers(low, high, n)
    put(everyone, "CONTACT", contact)
    put(some(0.3), "CONTACT", contact + between(20, 600))
    referral = contact + between(0, 4)
    put(everyone, "REFERRAL", referral)
    put(some(0.25), "REFERRAL", referral + between(150, 600))
    assessed = some(0.9)
    started = referral + between(0, 20)
    put(assessed, "ASSESS_START", started)
    put(assessed & some(0.85), "ASSESS_AUTH", started + between(10, 80))
    discussed = some(0.45)
    strategy = referral + between(0, 10)
    put(discussed, "STRATEGY", strategy)
    enquiry = discussed & some(0.9)
    s47 = strategy + between(0, 4)
    put(enquiry, "S47_START", s47)
    put(enquiry & some(0.9), "S47_END", s47 + between(5, 30))
    conference = enquiry & some(0.6)
    icpc = strategy + between(8, 32)
    put(conference, "ICPC", icpc)
    plan = conference & some(0.85)
    plan_start = icpc + between(0, 3)
    put(plan, "CP_START", plan_start)
    put(conference & some(0.8), "REVIEW", icpc + between(60, 120))
    plan_end = np.where(some(0.7), plan_start + between(150, 400), 10**6)
    put(plan & (plan_end < 10**6), "CP_END", plan_end)
    at = plan_start.copy()
    for _ in range(5):
        at = at + between(8, 60)
        put(plan & (at <= plan_end), "CORE_GROUP", at)
    at = plan_start.copy()
    for _ in range(10):
        at = at + between(2, 22)
        put(plan & (at <= plan_end), "CP_VISIT", at)
    placed = some(0.18)
    place = referral + between(30, 300)
    put(placed, "PLACE_START", place)
    place_end = np.where(some(0.6), place + between(100, 500), 10**6)
    put(placed & (place_end < 10**6), "PLACE_END", place_end)
    at = place.copy()
    for _ in range(9):
        at = at + between(2, 60)
        put(placed & (at <= place_end), "LAC_VISIT", at)
    for share in (0.45, 0.25, 0.15, 0.1, 0.06):
        put(some(share), "DA_NOTIF", contact + between(0, 900))
    for share in (0.15, 0.1, 0.06, 0.04):
        put(some(share), "MISSING", contact + between(0, 300))
    child, code, day = np.concatenate(children), np.concatenate(codes), np.concatenate(days)
    known = day <= AS_OF
    child, code, day = child[known], code[known], day[known]
    order = np.lexsort((code, day, child))
    child, code, day = child[order], code[order], day[order]
    first = np.r_[True, child[1:] != child[:-1]]
    begins = np.maximum.accumulate(np.where(first, np.arange(len(child)), 0))
    return (child + 1_000_001).astype(np.int64), (np.arange(len(child)) - begins).astype(np.int16), code, day.astype(np.int32)


def ensure(n: int) -> Path:
    """The Parquet file for n children, made on first use."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = path_of(n)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        child, seq, code, day = generate(n)
        table = pa.table(
            {
                "child_id": child,
                "seq": seq,
                "event": pa.DictionaryArray.from_arrays(pa.array(code, pa.int8()), EVENTS),
                "date": pa.array(day, pa.int32()).cast(pa.date32()),
            }
        )
        pq.write_table(table, path, compression="zstd", row_group_size=1_000_000)
    return path


def read_columns(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Child int64, event code int8 by EVENTS and day int32."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["child_id", "event", "date"]).combine_chunks()
    event = table["event"].unify_dictionaries().combine_chunks()
    if isinstance(event, pa.ChunkedArray):
        event = event.chunk(0)
    codes = np.array([CODE[name] for name in event.dictionary.to_pylist()], np.int8)
    return table["child_id"].to_numpy(), codes[event.indices.to_numpy()], table["date"].cast("int32").to_numpy()


def canonical(result: dict[str, Any]) -> dict[str, np.ndarray]:
    """Rows of each table as sorted int64."""
    tables = {}
    for name, width in WIDTH.items():
        rows = np.asarray(result[name], np.int64).reshape(-1, width)
        tables[name] = rows[np.lexsort(rows.T[::-1])]
    return tables
