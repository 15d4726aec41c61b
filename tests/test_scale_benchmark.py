"""The benchmark of any size: its digest tells rows apart whatever their order, and both pools give the same rows."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])


def test_the_digest_is_of_the_rows_and_not_of_their_order() -> None:
    from scale_pools import digest

    rows = np.random.default_rng(1).integers(-1, 30_000, (500, 4))
    whole = digest([list(rows.T)])
    assert digest([list(rows[::-1].T)]) == whole
    assert digest([list(rows[:200].T), list(rows[200:].T)]) == [500, whole[1]]
    changed = rows.copy()
    changed[123, 2] += 1
    assert digest([list(changed.T)]) != whole
    exchanged = rows.copy()
    exchanged[[7, 8], 3] = exchanged[[8, 7], 3]
    assert digest([list(exchanged.T)]) != whole


@pytest.mark.parametrize("deliver", ["digest", "parquet"])
def test_both_pools_do_the_same_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deliver: str) -> None:
    import pyarrow.parquet as pq
    import scale_pools

    monkeypatch.setattr(scale_pools, "CHILDREN", 200)
    parts, events = scale_pools.make_partition(tmp_path / "parts", 4_000)
    assert parts == 2 and events > 4_000
    receipts = {}
    for which in (scale_pools.ours, scale_pools.by_hand):
        (tmp_path / which.__name__).mkdir()
        receipts[which.__name__] = which(tmp_path / "parts", 1, deliver, tmp_path / which.__name__)
    ours, theirs = (scale_pools.together(receipts[name]) for name in ("ours", "by_hand"))
    assert ours == theirs
    if deliver == "digest":
        assert sum(rows for rows, _ in ours.values()) > 1_000 and all(rows for rows, _ in ours.values())
    else:
        written = [pq.read_table(path) for path in sorted((tmp_path / "ours").glob("*.parquet"))]
        assert len(written) == parts and all(table["rule"].null_count == 0 and table.num_rows > 100 for table in written)


def test_a_smaller_authority_is_cut_from_a_larger_one(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import scale

    table = pa.table({"child_id": np.repeat(np.arange(1_000_001, 1_000_031), 3), "n": np.arange(90)})
    pq.write_table(table, tmp_path / "large.parquet", row_group_size=30)
    (tmp_path / "large.covers.yaml").write_text("kinds: []\n", encoding="utf-8")
    scale.cut(tmp_path / "large.parquet", 14, tmp_path / "small.parquet")
    small = pq.read_table(tmp_path / "small.parquet")
    assert small.equals(table.slice(0, 42))
    assert (tmp_path / "small.covers.yaml").is_file()
    with pytest.raises(SystemExit, match="30 children, and 31 are wanted"):
        scale.cut(tmp_path / "large.parquet", 31, tmp_path / "more.parquet")
