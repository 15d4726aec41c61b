"""Any number of children: `python benchmarks/scale.py --all` measures the section "At any size" of docs/performance.md and writes it.

Three things are measured, each in processes of its own:

- `rrt replay FILE -o run/` over an invented authority (`rrt synth`) of 0.5, 1, 2 and 5 million children under the whole rule set:
  time, events a second, and the peak memory of a worker (read from /proc while it runs);
- where the time of a part goes, step by step and rule by rule, in processor time of one process over parts spread over the file;
- 100 million events of the workload of `workload.py`, replayed by this engine's own pool and by a pool written by hand around the
  NumPy kernel, over the same files, in turns; every row must be the same by digest, and ours may take 1.3 times as long.

Data are made once, in $BENCH_DATA (bench_data by default): about 8 GB for `--all`. A child of `rrt synth` is the same however many
are made, so smaller authorities are cut from the largest; `--synth FILE` names one already made. Without `--all` everything is done
small, in a few minutes, and nothing is written. Exit code 1 where results differ or the target is missed.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
PAGE = HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- at any size: written by benchmarks/scale.py -->", "<!-- end of what benchmarks/scale.py writes -->"
AS_OF = "2026-03-31"  # the day on which the extract of `rrt synth` is made
AT_MOST = 1.3
SHOWN = 25  # rules in the table of the page; the rest are added up


def data() -> Path:
    return Path(os.environ.get("BENCH_DATA", "bench_data"))


# ---------------------------------------------------------------------------------------------------- the authority


def synth_of(children: int, largest: Path | None) -> Path:
    """An invented authority of so many children: cut from a larger one where there is one, and made where there is none."""
    path = data() / f"synth_{children}.parquet"
    if not path.exists():
        data().mkdir(parents=True, exist_ok=True)
        if largest is None:
            say(f"making {children:,} children")
            subprocess.run([sys.executable, "-m", "rrt_engine", "synth", "--children", str(children), "-o", str(path)], check=True)
        else:
            say(f"cutting {children:,} children from {largest}")
            cut(largest, children, path)
    return path


def cut(largest: Path, children: int, path: Path) -> None:
    """The first children of a file that `rrt synth` made."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    made, beside, known = 0, path.with_suffix(".making"), 0
    with pq.ParquetFile(largest) as opened, pq.ParquetWriter(beside, opened.schema_arrow, compression="zstd") as writer:
        first = opened.metadata.row_group(0).column(0).statistics.min
        for i in range(opened.num_row_groups):
            statistics_ = opened.metadata.row_group(i).column(0).statistics
            if statistics_.min >= first + children:
                break
            table = opened.read_row_group(i)
            if statistics_.max >= first + children:
                table = table.filter(pc.less(table["child_id"], first + children))
            writer.write_table(table, row_group_size=len(table))
            made, known = made + len(table), statistics_.max - first + 1
    if known < children:
        beside.unlink()
        raise SystemExit(f"{largest} has {known:,} children, and {children:,} are wanted")
    shutil.copyfile(largest.with_name(f"{largest.stem}.covers.yaml"), path.with_name(f"{path.stem}.covers.yaml"))
    beside.rename(path)


# ---------------------------------------------------------------------------------------------------- whole replays


def replayed(source: Path, jobs: int, rules: Path | None = None, as_of: str = AS_OF) -> dict[str, Any]:
    """A whole `rrt replay` into a folder, as a person would run it: seconds, counts, and peak memory in MiB."""
    out = data() / "run"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "rrt_engine", "replay", str(source), "--as-of", as_of, "-o", str(out)]
    command += ["--jobs", str(jobs), "--exit-zero", *([] if rules is None else ["--rules", str(rules)])]
    found = watched(command)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    size = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
    shutil.rmtree(out)
    aside = [part["name"] for part in manifest["parts"] if part["set_aside"]]
    if aside:
        raise SystemExit(f"{len(aside)} parts were set aside: {aside[:5]}")
    return {
        **found,
        **manifest["counts"],
        "parts": len(manifest["parts"]),
        "source": source.stat().st_size if source.is_file() else 0,
        "size": size,
    }


def watched(command: list[str]) -> dict[str, Any]:
    """Run a command: how long it took, its last line of output, and the peak memory of it and of its largest child process, in MiB."""
    started = time.perf_counter()
    peaks: dict[int, int] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        import threading

        said: list[str] = []
        reader = threading.Thread(target=lambda: said.extend(process.communicate()), daemon=True)
        reader.start()
        while process.poll() is None:
            for pid in family(process.pid):
                peaks[pid] = max(peaks.get(pid, 0), peak_of(pid))
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        reader.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:6])} failed: {said[1].strip()[-600:]}")
    workers = [size for pid, size in peaks.items() if pid != process.pid]
    return {
        "seconds": seconds,
        "worker": max(workers, default=peaks.get(process.pid, 0)) / 2**20,
        "said": said[0].strip().splitlines()[-1:] or [""],
    }


def family(pid: int) -> Iterator[int]:
    """A process and those it began."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def peak_of(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


# ---------------------------------------------------------------------------------------------------- where the time goes


def shares(source: Path, parts: int) -> dict[str, Any]:
    """Where the time of a part goes: seconds of this process by step, and by rule, over parts spread over a file."""
    from rrt_engine.calendar import parse_moment
    from rrt_engine.paths import RULES
    from rrt_engine.replay.chunk import Settings, book_of, reading_of_table
    from rrt_engine.replay.flag_rows import flag_rows, write_rows
    from rrt_engine.replay.partition import partition
    from rrt_engine.timescales import evaluate as engine

    settings = Settings(RULES, parse_moment(AS_OF))
    book = book_of(settings.rules)
    steps: dict[str, float] = {}
    rules: dict[str, float] = {}
    flags_of_rule = engine.flags_of
    events = rows = 0

    def timed_rule(run: Any, editions: list[int]) -> Any:
        before = time.process_time()
        found = flags_of_rule(run, editions)
        name = book.rules[editions[-1]].id
        rules[name] = rules.get(name, 0.0) + time.process_time() - before
        return found

    def step(name: str, work: Any) -> Any:
        before = time.process_time()
        found = work()
        steps[name] = steps.get(name, 0.0) + time.process_time() - before
        return found

    before = time.process_time()
    made = partition([source], book, data() / "events")
    looking = (time.process_time() - before) / len(made.parts)  # once for the whole file: a part's share of it
    chosen = made.parts[:: max(1, len(made.parts) // parts)][:parts]
    target = data() / "flags.parquet"
    for turn, part in enumerate([chosen[0], *chosen]):
        log = made.logs[part.log]
        if turn == 1:  # the first is only to have everything loaded
            steps.clear()
            rules.clear()
            events = rows = 0
            engine.flags_of = timed_rule  # type: ignore[assignment]
        table = step("read Parquet", part.events)
        reading = step("make the event log", lambda table=table, log=log: reading_of_table(table, book, log))
        found = step("evaluate the rules", lambda reading=reading: engine.evaluate(reading.log, book, settings.as_of))
        made_rows = step(
            "make rows of the flags",
            lambda reading=reading, found=found, log=log: flag_rows(reading.log, book, found.flags, settings.as_of, log.whole, log.name),
        )
        step("write them as Parquet", lambda made_rows=made_rows: write_rows(made_rows, target))
        events += len(reading.log)
        rows += made_rows.num_rows
    engine.flags_of = flags_of_rule
    target.unlink()
    steps = {"look through the file and its digest": looking * len(chosen), **steps}
    return {"steps": steps, "rules": rules, "events": events, "flags": rows, "parts": len(chosen)}


# ---------------------------------------------------------------------------------------------------- the workload


POOLS = {"ours": "rrt, its own pool", "hand": "a pool written by hand around the NumPy kernel"}
DELIVERED = {"digest": "every row made and its digest added up", "parquet": "every row made and written as Parquet"}


def pool(which: str, folder: Path, jobs: int, deliver: str) -> None:
    """One pool once, in this process and its workers: prints the digest of all rows and the largest worker."""
    import scale_pools

    out = data() / f"pool_{which}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    receipts = (scale_pools.ours if which == "ours" else scale_pools.by_hand)(folder, jobs, deliver, out)
    rows = {name: list(found) for name, found in scale_pools.together(receipts).items()}
    size = sum(p.stat().st_size for p in out.glob("*.parquet"))
    shutil.rmtree(out)
    print(json.dumps({"rows": rows, "worker": max(r["peak"] for r in receipts) / 2**20, "size": size}))


def workload(events: int, jobs: int, rounds: int) -> dict[str, Any]:
    """Both pools over the same partition, in turns."""
    from engines import RULES
    from scale_pools import make_partition

    folder = data() / f"workload_{events}"
    say(f"making {events:,} events of the workload, where they are not there")
    parts, made = make_partition(folder, events)
    runs: dict[str, list[dict[str, Any]]] = {}
    for turn in range(rounds):
        for deliver in DELIVERED:
            for which in POOLS:
                command = [sys.executable, str(HERE / "scale.py"), "--pool", which, "--folder", str(folder)]
                found = watched([*command, "--deliver", deliver, "--jobs", str(jobs)])
                runs.setdefault(f"{which} {deliver}", []).append({**found, **json.loads(found["said"][0])})
                say(f"turn {turn + 1}: {POOLS[which]}, {DELIVERED[deliver]}: {found['seconds']:.1f} s")
    digests = [json.dumps(r["rows"]) for which in POOLS for r in runs[f"{which} digest"]]
    whole = replayed(folder, jobs, RULES, "2024-03-31")
    say(f"rrt replay of the same: {whole['seconds']:.1f} s")
    seconds = {name: statistics.median(r["seconds"] for r in found) for name, found in runs.items()}
    worker = {name: max(r["worker"] for r in found) for name, found in runs.items()}
    rows = sum(n for n, _ in runs["hand digest"][0]["rows"].values())
    return {
        "events": made,
        "parts": parts,
        "seconds": seconds,
        "worker": worker,
        "equal": len(set(digests)) == 1,
        "rows": rows,
        "whole": whole,
    }


# ---------------------------------------------------------------------------------------------------- the page


def section(jobs: int, sizes: dict[int, dict[str, Any]], shared: dict[str, Any], load: dict[str, Any]) -> str:
    """What the page says, in Markdown."""
    import numpy
    import pyarrow

    one = sizes.get(1_000_000) or next(iter(sizes.values()))
    lines = [
        "## At any size",
        "",
        f"Made by `python benchmarks/scale.py --all` on {os.cpu_count()} cores ({machine()}; Python {platform.python_version()}, "
        f"NumPy {numpy.__version__}, Arrow {pyarrow.__version__}). An invented authority of `rrt synth`, about "
        f"{one['events'] / one['children']:.0f} events a child, replayed by `rrt replay FILE -o run/ --jobs {jobs}` under the whole rule "
        "set, whole process: the file looked through and cut between children, each part read and judged, and every flag written "
        "with its evidence.",
        "",
        "| children | events | flags | seconds | events a second | seconds a million children | a worker's peak memory | the folder |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for children, run in sizes.items():
        lines.append(
            f"| {children:,} | {run['events']:,} | {run['flags']:,} | {run['seconds']:.0f} | {run['events'] / run['seconds']:,.0f} "
            f"| {run['seconds'] / children * 1e6:.0f} | {run['worker']:.0f} MiB | {run['size'] / 1e9:.2f} GB |"
        )
    lines += ["", linear(sizes), "", *steps_table(shared), "", *rules_table(shared), "", *workload_table(load, jobs)]
    return "\n".join(lines)


def linear(sizes: dict[int, dict[str, Any]]) -> str:
    each = {children: run["seconds"] / run["events"] for children, run in sizes.items()}
    if len(each) < 2:
        return ""
    least, most = min(each.values()), max(each.values())
    return (
        f"From {min(sizes):,} to {max(sizes):,} children the time an event takes differs by {100 * (most / least - 1):.0f}% between the "
        "dearest and the cheapest size. A worker holds one part of about half a million events, whatever the size of the file."
    )


def steps_table(shared: dict[str, Any]) -> list[str]:
    total = sum(shared["steps"].values())
    lines = [
        f"Where the time of a part goes: processor time of one process, over {shared['parts']} parts spread over the file "
        f"({shared['events']:,} events, {shared['flags']:,} flags).",
        "",
        "| step | share | microseconds an event |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {100 * s / total:.0f}% | {1e6 * s / shared['events']:.2f} |" for name, s in shared["steps"].items()]
    return [*lines, f"| all | 100% | {1e6 * total / shared['events']:.2f} |"]


def rules_table(shared: dict[str, Any]) -> list[str]:
    total = sum(shared["rules"].values())
    order = sorted(shared["rules"].items(), key=lambda item: -item[1])
    rest = [seconds for _, seconds in order[SHOWN:]]
    lines = [
        f"Each rule's share of evaluating: the {SHOWN} dearest of {len(order)} rules that the file can support. What several rules "
        "share, such as a regime's parts or what a reference names, counts for the first that asks for it. The others take "
        f"{100 * sum(rest) / total:.0f}% together, none more than {100 * max(rest, default=0) / total:.2f}%; "
        "[performance-rules.csv](performance-rules.csv) has all.",
        "",
        "| rule | share |",
        "|---|---|",
    ]
    return lines + [f"| `{name}` | {100 * s / total:.1f}% |" for name, s in order[:SHOWN]]


def workload_table(load: dict[str, Any], jobs: int) -> list[str]:
    whole = load["whole"]
    lines = [
        f"The workload of this page at {load['events']:,} events, in {load['parts']} Parquet files of whole children, by {jobs} processes "
        "each: this engine through its rule files, reader and pool, and the NumPy kernel written by hand for just this workload in a "
        f"pool of its own. Whole processes, in turns, median; the {load['rows']:,} rows of the workload "
        f"{'are the same by digest' if load['equal'] else 'DIFFER'}.",
        "",
        "| what is delivered | rrt | by hand | rrt takes | target | a worker of ours | of theirs |",
        "|---|---|---|---|---|---|---|",
    ]
    for deliver, words in DELIVERED.items():
        mine, theirs = load["seconds"][f"ours {deliver}"], load["seconds"][f"hand {deliver}"]
        missed = "" if mine / theirs <= AT_MOST else ": missed"
        target = f"at most {AT_MOST}{missed}" if deliver == "digest" else ""
        lines.append(
            f"| {words} | {mine:.1f} s | {theirs:.1f} s | {mine / theirs:.2f} times | {target} "
            f"| {load['worker'][f'ours {deliver}']:.0f} MiB | {load['worker'][f'hand {deliver}']:.0f} MiB |"
        )
    return [
        *lines,
        "",
        "Written as Parquet, ours is a row a clock (each visit of a chain has its own) and theirs its three tables, a row a chain. "
        f"`rrt replay` of the same files into a run folder, every flag a row of {columns()} columns with its texts, takes "
        f"{whole['seconds']:.0f} s ({whole['events'] / whole['seconds']:,.0f} events a second) for {whole['flags']:,} flags.",
    ]


def columns() -> int:
    from rrt_engine.replay.flag_rows import COLUMNS

    return len(COLUMNS)


def machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_page(to: Path, text: str, shared: dict[str, Any]) -> None:
    """Put the section between its marks, at the end of the page where there are none yet; and every rule's share beside it."""
    page = to.read_text(encoding="utf-8")
    before, mark, rest = page.partition(BEGIN)
    after = rest.partition(END)[2] if mark else ""
    to.write_text(f"{before.rstrip()}\n\n{BEGIN}\n{text}\n{END}\n{after.lstrip()}".rstrip() + "\n", encoding="utf-8")
    total = sum(shared["rules"].values())
    with to.with_name("performance-rules.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["rule", "share_per_cent"])
        writer.writerows([name, f"{100 * s / total:.3f}"] for name, s in sorted(shared["rules"].items(), key=lambda item: -item[1]))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="the sizes of the page, and write it")
    parser.add_argument("--children", help="sizes of the authority, comma-separated")
    parser.add_argument("--events", type=int, help="events of the workload")
    parser.add_argument("--synth", type=Path, help="a Parquet file that `rrt synth` made, to cut the sizes from")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", type=int, default=12, help="parts to profile")
    parser.add_argument("--prepare", action="store_true", help="only make the data")
    parser.add_argument("--page", type=Path, help="a page to write the section into, whatever the sizes")
    parser.add_argument("--pool", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--deliver", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pool:
        pool(options.pool, options.folder, options.jobs, options.deliver)
        return 0
    given = options.children or ("500000,1000000,2000000,5000000" if options.all else "5000,20000")
    wanted = sorted(int(n) for n in given.split(","))
    events = options.events or (100_000_000 if options.all else 5_000_000)
    largest = options.synth or synth_of(wanted[-1], None)
    files = {n: synth_of(n, largest) if n < wanted[-1] or options.synth is None else _named(options.synth, n) for n in wanted}
    if options.prepare:
        from scale_pools import make_partition

        make_partition(data() / f"workload_{events}", events)
        return 0
    load = workload(events, options.jobs, options.rounds)
    shared = shares(files.get(1_000_000) or files[wanted[0]], options.parts)
    sizes = {}
    for n in wanted:
        sizes[n] = replayed(files[n], options.jobs)
        say(f"{n:,} children: {sizes[n]['seconds']:.1f} s, a worker {sizes[n]['worker']:.0f} MiB")
    text = section(options.jobs, sizes, shared, load)
    print(text)
    if options.all or options.page:
        write_page(options.page or PAGE, text, shared)
    ratio = load["seconds"]["ours digest"] / load["seconds"]["hand digest"]
    good = load["equal"] and ratio <= AT_MOST
    print("\nall well" if good else "\nA TARGET WAS MISSED OR RESULTS DIFFER", file=sys.stderr)
    return 0 if good else 1


def _named(path: Path, children: int) -> Path:
    """The file that was named, where it has as many children as are wanted; or else cut from it."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    ends = [metadata.row_group(i).column(0).statistics for i in (0, metadata.num_row_groups - 1)]
    return path if ends[1].max - ends[0].min + 1 == children else synth_of(children, path)


if __name__ == "__main__":
    raise SystemExit(main())
