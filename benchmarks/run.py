"""Ours and what people would use instead, side by side in one run: `python benchmarks/run.py`, or `rrt bench`.

Each engine works in its own process on the same Parquet file, in turns; results are checked equal to the hand-written
kernel's; ratios to it are printed. What is not installed is named and left out. Exit code 1 when results differ or a target is
missed. `--children 100000,1000000` chooses the sizes, `--rounds N` the turns, `--all` also runs durable_rules at the largest size,
`--json` prints a document in place of the tables.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

# How our time must compare: at most this many times the kernel's; and how many times faster than each other engine.
AT_MOST = {"numpy": 2.0}
AT_LEAST = {"polars": 1.5, "duckdb": 2.0, "pandas": 7.0, "durable": 120.0}
BYTES_AN_EVENT = 120
FROM = 100_000  # children: smaller sizes have no targets
NAMES = {
    "rrt": "rrt, through its rule files",
    "numpy": "NumPy kernel written by hand",
    "polars": "Polars with working-day tables",
    "duckdb": "DuckDB with as-of joins",
    "pandas": "pandas",
    "durable": "durable_rules, whole job",
}
NEEDS = {"polars": "polars", "duckdb": "duckdb", "pandas": "pandas", "durable": "durable"}
"""The module each alternative needs. NumPy, Arrow and this engine are there in any case."""
INSTALLED_BY = {"durable": "durable_rules==2.0.28 (it needs a C compiler, and Python below 3.13)"}


def missing() -> dict[str, str]:
    """The alternatives that are not installed, and what to install for each."""
    return {engine: INSTALLED_BY.get(engine, engine) for engine, module in NEEDS.items() if importlib.util.find_spec(module) is None}


def peak() -> int:
    """Peak memory of this process in bytes."""
    return next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))


def work(engine: str, n: int, check: str) -> None:
    """One engine once, in this process: prints time, memory and whether the rows are equal."""
    from engines import ENGINES
    from workload import canonical, path_of, read_columns

    chosen = ENGINES[engine]
    chosen.run(path_of(50))  # lazy imports and caches
    read_columns(path_of(n))  # the input itself, so that memory beyond it can be told
    before = peak()
    started = time.perf_counter()
    result = chosen.run(path_of(n))
    seconds = time.perf_counter() - started
    report: dict[str, object] = {"seconds": seconds, "memory": peak() - before}
    tables = canonical(chosen.canonical(result))
    if not Path(check).exists():
        np.savez(check, **tables)  # type: ignore[arg-type]
    wanted = np.load(check)
    report["equal"] = all(wanted[k].shape == v.shape and bool((wanted[k] == v).all()) for k, v in tables.items())
    report["rows"] = sum(len(v) for v in tables.values())
    print("RESULT " + json.dumps(report))


def once(engine: str, n: int, check: Path) -> dict[str, float]:
    """One engine once, in a process of its own."""
    command = [sys.executable, str(HERE / "run.py"), "--work", engine, "--children", str(n), "--check", str(check)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return dict(json.loads(line[7:]))
    print(f"{NAMES[engine]} failed: {done.stderr.strip()[-400:]}", file=sys.stderr)
    raise SystemExit(2)


def compare(n: int, rounds: int, engines: list[str]) -> dict[str, Any]:
    """Every engine on n children, in turns: what was measured, and whether the targets were met."""
    import pyarrow.parquet as pq
    from workload import ensure, path_of

    for size in (50, n):
        ensure(size)
    events = pq.read_metadata(path_of(n)).num_rows
    with tempfile.TemporaryDirectory() as folder:
        check = Path(folder) / "expected.npz"
        runs: dict[str, list[dict[str, float]]] = {e: [] for e in engines}
        once("numpy", n, check)
        for turn in range(rounds):
            for engine in engines:
                if engine != "durable" or turn == 0:
                    print(f"{n:,} children, turn {turn + 1} of {rounds}: {NAMES[engine]}", file=sys.stderr, flush=True)
                    runs[engine].append(once(engine, n, check))
    seconds = {e: statistics.median(r["seconds"] for r in found) for e, found in runs.items()}
    ours = seconds["rrt"]
    rows = []
    for engine in sorted(engines, key=seconds.__getitem__):
        found = runs[engine]
        memory = statistics.median(r["memory"] for r in found) / events
        target, met = "", True
        if n < FROM:
            pass  # what is done once, such as loading the rules, outweighs the work
        elif engine in AT_MOST:
            met = ours / seconds[engine] <= AT_MOST[engine]
            target = f"ours at most {AT_MOST[engine]:g} times it: {ours / seconds[engine]:.2f}"
        elif engine in AT_LEAST:
            met = seconds[engine] / ours >= AT_LEAST[engine]
            target = f"at least {AT_LEAST[engine]:g} times ours"
        elif engine == "rrt":
            met = memory <= BYTES_AN_EVENT
            target = f"at most {BYTES_AN_EVENT} bytes an event"
        rows.append(
            {
                "engine": NAMES[engine],
                "seconds": seconds[engine],
                "times_ours": seconds[engine] / ours,
                "bytes_an_event": memory,
                "equal": all(r["equal"] for r in found),
                "target": target,
                "met": met,
            }
        )
    return {"children": n, "events": events, "turns": rounds, "engines": rows}


def show(found: dict[str, Any]) -> None:
    """One size as a table."""
    size = f"{found['children']:,} children, {found['events']:,} events, 15 rules"
    print(f"\n{size}, median of {found['turns']} turns; results compared row by row\n")
    print(f"{'engine':<34}{'seconds':>9}{'times ours':>12}{'bytes an event':>16}{'equal':>7}   target")
    for row in found["engines"]:
        verdict = "" if row["met"] else "  MISSED"
        numbers = f"{row['seconds']:>9.3f}{row['times_ours']:>12.2f}{row['bytes_an_event']:>16.0f}"
        print(f"{row['engine']:<34}{numbers}{'yes' if row['equal'] else 'NO':>7}   {row['target']}{verdict}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", default="100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all", action="store_true", help="durable_rules at every size (minutes)")
    parser.add_argument("--without", default="", help="engines to leave out, comma-separated")
    parser.add_argument("--json", action="store_true", help="print a document in place of the tables")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--check", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, int(options.children), options.check)
        return 0
    left_out = missing()
    engines = [e for e in NAMES if e not in left_out and e not in options.without.split(",")]
    found = []
    for n in (int(s) for s in options.children.split(",")):
        chosen = [e for e in engines if e != "durable" or n <= 100_000 or options.all]
        found.append(compare(n, options.rounds, chosen))
        if not options.json:
            show(found[-1])
    good = all(row["equal"] and row["met"] for each in found for row in each["engines"])
    if options.json:
        print(json.dumps({"sizes": found, "not_installed": [NAMES[e] for e in left_out], "good": good}, indent=2))
        return 0 if good else 1
    if left_out:
        print("\nnot installed, and left out: " + "; ".join(f"{NAMES[e]} (pip install {how})" for e, how in left_out.items()))
    targets = all(each["children"] >= FROM for each in found)
    well = "all targets met" if targets else f"all results are equal (there are targets from {FROM:,} children)"
    print(f"\n{well}" if good else "\nA TARGET WAS MISSED OR RESULTS DIFFER")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
