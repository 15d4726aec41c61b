"""The pages under load: `python benchmarks/serve.py` measures the section "The pages" of docs/performance.md; `--write` writes it.

An invented authority of `rrt synth` (10,000 children) with facts beside it is served by `rrt serve` in a process of its own, as a
person would start it. Twenty simulated people, a thread and a connection each in this process, click through it: Today, its filters,
parts and pages, a child by its id, cases, cases at other dates, a check, rules. They do so twice:

- with a thinking time between two clicks, drawn from 1 to 5 seconds: what a click takes then is held against the targets;
- without any, as fast as the answers come, until 10,000 requests are done: how much the server does at most, and whether its memory
  stays what it was after 1,000.

What is measured is what a browser on the same computer waits: from the request being sent to the last byte of the answer. It holds
everything that the server does, and a little more. Exit code 1 where a target is missed or an answer is not what it should be.

Data are made once, in $BENCH_DATA (bench_data by default). One child in four is given the facts of a case of cases/sample, in turn,
so that a case page also reasons over facts with both engines; `rrt synth` itself makes none.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import os
import platform
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
CASES = HERE.parent / "cases"
BEGIN, END = "<!-- the pages: written by benchmarks/serve.py -->", "<!-- end of what benchmarks/serve.py writes -->"
AS_OF = "2026-03-31"  # the day on which the extract of `rrt synth` is made
THINKING = (1.0, 5.0)
TARGETS = {"today": 300, "part": 300, "case": 150, "case at another date": 150}
KINDS = {
    "today": "Today",
    "part": "Today: a team, a part, a day, a page",
    "find": "a child by its id (to the redirect)",
    "case": "a case",
    "case at another date": "a case at another date",
    "check": "a check of a case sent as text",
    "rule": "rules, and a rule",
}
MEMORY_GROWS = 1.05
"""How much more memory than after 1,000 requests the server may hold after 10,000."""


def data() -> Path:
    return Path(os.environ.get("BENCH_DATA", "bench_data"))


def authority(children: int) -> Path:
    """The invented authority with facts beside it, made where it is not there."""
    path = data() / f"serve_{children}.parquet"
    facts = path.with_name(f"{path.stem}.facts.csv")
    if not path.exists():
        data().mkdir(parents=True, exist_ok=True)
        say(f"making {children:,} children")
        subprocess.run([sys.executable, "-m", "rrt_engine", "synth", "--children", str(children), "-o", str(path)], check=True)
    if not facts.exists():
        with (CASES / "sample" / "events.facts.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        cases = list(dict.fromkeys(row["child_id"] for row in rows))
        of_case = {case: [row for row in rows if row["child_id"] == case] for case in cases}
        beside = facts.with_suffix(".making")
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            for place, child in enumerate(ids(path)[::4]):
                writer.writerows({**row, "child_id": child} for row in of_case[cases[place % len(cases)]])
        beside.rename(facts)
    return path


def ids(path: Path) -> list[str]:
    """The children of a file of `rrt synth`."""
    import pyarrow.parquet as pq

    return sorted({str(each) for each in pq.read_table(path, columns=["child_id"])["child_id"].unique().to_pylist()})


# ---------------------------------------------------------------------------------------------------- the server


@dataclass
class Server:
    """`rrt serve` in a process of its own; `starting` is how long until it said where the pages are, `ready` until Today was there."""

    process: subprocess.Popen[str]
    address: str
    starting: float
    ready: float = 0.0

    def memory(self) -> int:
        """The memory of the server in bytes: resident, without that of the second engine."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def second_engines(self) -> list[int]:
        """The memory of each second engine."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")  # of each thread, those that it began
        found = []
        for child in " ".join(each.read_text() for each in tasks).split():
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
            found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")]
        return found

    def processor(self) -> float:
        """The processor time the server has taken so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def started(source: Path) -> Server:
    """Start the pages, and wait until they say where they are and the first page has come."""
    before = time.perf_counter()
    command = [sys.executable, "-m", "rrt_engine", "serve", "--data", str(source), "--as-of", AS_OF]
    command += ["--no-browser", "--port", str(free_port()), "--record", str(data() / "serve.record.sqlite")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+/\S*", line):
            break
    else:
        raise SystemExit(f"rrt serve ended: {''.join(said)[-800:]}")
    starting = time.perf_counter() - before
    threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True).start()
    server = Server(process, found[0].rstrip("/"), starting)
    for _ in range(200):
        try:
            if Browser(server.address).ask("GET", "/")[0] == 200:
                break
        except OSError:
            time.sleep(0.05)
    server.ready = time.perf_counter() - before
    return server


# ---------------------------------------------------------------------------------------------------- a person


class Browser:
    """A connection to the pages, kept open, which asks for one page at a time."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.origin, self.below = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=60)

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """One request: the status, the text, and where it leads."""
        headers = {"origin": self.origin, "sec-fetch-site": "same-origin"}
        body = None
        if form is not None:
            body, headers["content-type"] = urlencode(form), "application/x-www-form-urlencoded"
        self.connection.request(method, path if path.startswith(f"{self.below}/") else f"{self.below}{path}", body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("location", "") or ""


@dataclass
class Clicks:
    """What was measured: for each kind of page the seconds of each click; and what was not as it should be."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    wrong: list[str] = field(default_factory=list)
    done: int = 0
    memory: dict[int, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Person:
    """Somebody who clicks: on what the last pages offered, as people do."""

    server: Server
    clicks: Clicks
    children: list[str]
    texts: list[str]
    seed: int
    links: list[str] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def click(self, browser: Browser, chance: random.Random) -> None:
        """One click, and what it took."""
        kind = chance.choices(list(KINDS), (15, 20, 10, 25, 15, 5, 10))[0]
        form, method, path = None, "GET", "/"
        if kind == "part" and self.links:
            path = chance.choice(self.links)
        elif kind == "find" or (kind.startswith("case") and not self.cases):
            kind, method, path, form = "find", "POST", "/find", {"case": chance.choice(self.children)}
        elif kind == "case":
            path = chance.choice(self.cases)
        elif kind == "case at another date":
            day = f"{chance.choice((2024, 2025))}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
            path = f"{chance.choice(self.cases)}?as_of={day}"
        elif kind == "check":
            method, path = "POST", "/check"
            form = {"case_text": chance.choice(self.texts), "as_of": AS_OF, "do": "check", "way": "text"}
        elif kind == "rule":
            path = chance.choice(self.rules) if self.rules else "/rules"
        else:
            kind = "today"
        before = time.perf_counter()
        status, text, leads = browser.ask(method, path, form)
        seconds = time.perf_counter() - before
        with self.clicks.lock:
            self.clicks.seconds[kind].append(seconds)
            self.clicks.done += 1
            if self.clicks.done in (1_000, 10_000):
                self.clicks.memory[self.clicks.done] = self.server.memory()
            if status != (303 if kind == "find" else 200) or (status == 200 and "<h1" not in text):
                self.clicks.wrong.append(f"{kind}: {status}")
        self.offered(kind, text, leads)

    def offered(self, kind: str, text: str, leads: str) -> None:
        """Take in what a page offers to click next."""
        if kind == "find":
            self.cases = [*self.cases[-50:], leads]
        elif kind in ("today", "part"):
            found = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', text)]
            self.links = [link for link in found if re.search(r"/\?.*(show|day|page|team|worker|service)=", link)] or self.links
            teams = re.search(r'<select[^>]*name="team".*?</select>', text, re.S)
            self.links += [f"/?team={n}" for n in re.findall(r'value="(\d+)"', teams[0])[:20]] if teams else []
            self.cases = [*self.cases[-50:], *(link for link in found if "/case/" in link)][-100:]
        elif kind == "rule":
            self.rules = re.findall(r'href="([^"#?]*/rules/[^"#?]+)"', text)[:200] or self.rules


def crowd(server: Server, people: list[Person], thinking: bool, seconds: float, most: int) -> float:
    """Everybody clicks until the time is over or enough is done. Returns how long it took."""
    ends, before = time.monotonic() + seconds, time.perf_counter()

    def works(person: Person) -> None:
        chance = random.Random(person.seed)
        browser = Browser(server.address)
        if thinking:
            time.sleep(chance.uniform(0, THINKING[1]))
        while time.monotonic() < ends and person.clicks.done < most:
            try:
                person.click(browser, chance)
            except (OSError, http.client.HTTPException) as error:
                with person.clicks.lock:
                    person.clicks.wrong.append(f"{type(error).__name__}: {error}")
                browser = Browser(server.address)
            if thinking:
                time.sleep(chance.uniform(*THINKING))

    threads = [threading.Thread(target=works, args=(person,), daemon=True) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - before


# ---------------------------------------------------------------------------------------------------- what it gives


@dataclass
class Found:
    """One run of everything."""

    children: int
    people: int
    server: Server
    thought: Clicks
    rushed: Clicks
    rush_seconds: float
    rush_processor: float
    thought_busy: float
    engines: list[int]

    def missed(self) -> list[str]:
        """The targets that were missed, in words."""
        late = [
            f"{KINDS[kind]}: p95 of {1000 * p95(self.thought.seconds[kind]):.0f} ms, target {most} ms"
            for kind, most in TARGETS.items()
            if self.thought.seconds[kind] and p95(self.thought.seconds[kind]) * 1000 > most
        ]
        first, last = (self.rushed.memory.get(n) for n in (1_000, 10_000))
        grown = first and last and last > first * MEMORY_GROWS
        return late + ([f"memory: {mib(first)} after 1,000 requests, {mib(last)} after 10,000"] if grown and first and last else [])


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[max(0, -(-95 * len(seconds) // 100) - 1)]


def table(clicks: Clicks, targets: bool) -> list[str]:
    lines = ["| page | clicks | p50 | p95 | most |", "|---|---|---|---|---|"]
    if targets:
        lines = [f"{lines[0]} target for p95 |", f"{lines[1]}---|"]
    for kind, words in KINDS.items():
        found = clicks.seconds[kind]
        if not found:
            continue
        ms = [1000 * x for x in (statistics.median(found), p95(found), max(found))]
        target = f" {TARGETS[kind]} ms{': missed' if ms[1] > TARGETS[kind] else ''} |" if kind in TARGETS else " |"
        lines.append(f"| {words} | {len(found):,} | {ms[0]:.0f} ms | {ms[1]:.0f} ms | {ms[2]:.0f} ms |{target if targets else ''}")
    return lines


def section(found: Found) -> str:
    """What the page says, in Markdown."""
    least, most = THINKING
    memory = found.rushed.memory
    lines = [
        "## The pages",
        "",
        f"Made by `python benchmarks/serve.py --write` on {os.cpu_count()} cores ({machine()}; Python {platform.python_version()}), the "
        f"people on the same computer. `rrt serve --data` of an invented authority of {found.children:,} children, of whom one in four has "
        f"facts too; {found.people} people click, each on a connection of their own. What is measured is what a browser waits for a page: "
        "from the request being sent to the last byte of the answer.",
        "",
        f"With a thinking time of {least:.0f} to {most:.0f} seconds between two clicks of a person, "
        f"{found.people / ((least + most) / 2):.0f} clicks a second in all; the server "
        f"took {100 * found.thought_busy:.0f}% of a core:",
        "",
        *table(found.thought, True),
        "",
        "Without any thinking time, as fast as the answers come, which no room of people does: "
        f"{found.rushed.done:,} requests in {found.rush_seconds:.0f} seconds, {found.rushed.done / found.rush_seconds:.0f} a second. "
        f"The server took {1000 * found.rush_processor / max(1, found.rushed.done):.0f} ms of processor time a request. All {found.people} "
        "then wait for one processor, so the times are those of a queue, and there is no target:",
        "",
        *table(found.rushed, False),
        "",
        f"The pages were there {found.server.ready:.1f} seconds after the command was given. Memory of the server: "
        f"{', '.join(f'{mib(size)} after {n:,} requests' for n, size in sorted(memory.items())) or 'not measured'} (target: at most "
        f"{100 * (MEMORY_GROWS - 1):.0f}% more); of each of its {len(found.engines)} second engines {mib(max(found.engines, default=0))}.",
    ]
    return "\n".join(lines)


def mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write_page(to: Path, text: str) -> None:
    """Put the section between its marks, at the end of the page where there are none yet."""
    page = to.read_text(encoding="utf-8")
    before, mark, rest = page.partition(BEGIN)
    after = rest.partition(END)[2] if mark else ""
    to.write_text(f"{before.rstrip()}\n\n{BEGIN}\n{text}\n{END}\n{after}".rstrip() + "\n", encoding="utf-8")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long they click with thinking time")
    parser.add_argument("--requests", type=int, default=10_000, help="how many requests are done without any")
    parser.add_argument("--write", action="store_true", help="write the section of docs/performance.md")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # so that the server ends too
    source = authority(given.children)
    children, texts = ids(source), [path.read_text(encoding="utf-8") for path in sorted((CASES / "training").glob("*.yaml"))]
    server = started(source)
    try:
        thought, rushed = Clicks(), Clicks()
        people = [Person(server, thought, children, texts, seed) for seed in range(given.people)]
        say(f"the pages are there after {server.ready:.1f} s; {given.people} people click for {given.seconds:.0f} s, thinking in between")
        busy = server.processor()
        lasted = crowd(server, people, True, given.seconds, 10**9)
        busy = (server.processor() - busy) / lasted
        for person in people:
            person.clicks = rushed
        say("\n".join([*table(thought, True), f"{thought.done:,} clicks; now {given.requests:,} requests without thinking"]))
        processor = server.processor()
        took = crowd(server, people, False, 3600, given.requests)
        processor = server.processor() - processor
        engines = server.second_engines()
    finally:
        server.process.terminate()
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            server.process.kill()
    found = Found(given.children, given.people, server, thought, rushed, took, processor, busy, engines)
    text = section(found)
    print(text)
    wrong = [*thought.wrong, *rushed.wrong]
    for each in dict.fromkeys(wrong):
        say(f"not as it should be: {each} ({wrong.count(each):,} times)")
    for each in found.missed():
        say(f"missed: {each}")
    if given.write and not wrong:
        write_page(PAGE, text)
    return 1 if wrong or found.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
