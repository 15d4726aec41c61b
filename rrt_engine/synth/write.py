"""Write a synthetic authority block by block, so that a million children need no more memory than ten thousand."""

from __future__ import annotations

import csv
import functools
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.strict_yaml import single
from rrt_engine.synth.columns import attributes, schema, sheet, table
from rrt_engine.synth.defects import COLUMNS, Injected, inject
from rrt_engine.synth.families import BLOCK
from rrt_engine.synth.figures import AUTHORITIES, Authority, Figures, load_figures
from rrt_engine.synth.journeys import Span, make_block
from rrt_engine.synth.recording import write_down

LICENCE = "CC0-1.0"
STATEMENT = (
    "Invented children: no row is about a real person, family, worker or case, and none was made from anybody's record. Shares and "
    "durations follow published totals. To the extent possible under law, all rights are waived (CC0 1.0)."
)
FORMATS = (".parquet", ".csv")


@dataclass(frozen=True)
class Plan:
    """What to make: the same plan gives the same bytes."""

    children: int
    seed: int
    authority: Authority
    since: date
    to: date
    defects: float
    csv: bool
    rules: Path

    @property
    def blocks(self) -> int:
        """How many blocks it takes."""
        return -(-self.children // BLOCK)


@dataclass(frozen=True)
class Made:
    """What was written."""

    events: int
    defects: int


@dataclass(frozen=True)
class _Materials:
    book: RuleBook
    figures: Figures
    sections: Mapping[str, str]


@functools.cache
def _materials(rules: Path, authority: Authority) -> _Materials:
    """The vocabulary, the calendar and the figures: read once by each process."""
    from rrt_engine.rulebook.load import load

    events = rules / "events.yaml"
    data = single(str(events), events.read_text(encoding="utf-8")).data["events"]
    return _Materials(load(rules), load_figures(authority), {kind: section for section, kinds in data.items() for kind in kinds})


def block_table(plan: Plan, number: int) -> tuple[Any, list[Injected]]:
    """One block of a plan as an Arrow table, and the errors put into it."""
    m = _materials(plan.rules, plan.authority)
    span = Span.of(plan.since, plan.to)
    block, people, draw = make_block(number, plan.seed, m.figures, m.book.calendar, m.book.events, span)
    written = write_down(draw, m.figures.settings, block, people, m.sections, span.last)
    made = sheet(block, written, people, number, span.last)
    found: list[Injected] = []
    if plan.defects:
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([plan.seed, number, 1])))
        made, found = inject(rng, made, number, plan.defects, span.last, plan.csv)
    names = attributes(m.book.events)
    whole = table(made, number, names, schema(names, _metadata(plan)))
    if plan.csv:
        whole = _as_text(whole, made.at_text, made.id_text)
    left = plan.children - number * BLOCK
    if left < BLOCK:  # a child is the same however many are made: the block is made whole, and cut
        rows = int(np.searchsorted(made.child, left))
        whole = whole.slice(0, rows)
        ids = set(whole.column("child_id").to_pylist())
        found = [d for d in found if d.child_id in ids or f"{d.child_id}_1" in ids or str(d.child_id) in ids]
    return whole, found


def _as_text(whole: Any, at: Mapping[int, str], ids: Mapping[int, str]) -> Any:
    """The table with ids and dates as text, as a CSV file writes them, and the errors that only text can hold."""
    import pyarrow as pa

    for name, changed in (("child_id", ids), ("at", at)):
        column = whole.column(name).cast(pa.string())
        if changed:
            values = column.to_pylist()
            for row, text in changed.items():
                values[row] = text
            column = pa.array(values, pa.string())
        whole = whole.set_column(whole.schema.get_field_index(name), name, column)
    return whole


def _tables(plan: Plan, jobs: int) -> Iterator[tuple[Any, list[Injected]]]:
    """Every block in order, made by as many processes as asked, never more than a few blocks ahead of the writing."""
    if jobs < 2 or plan.blocks < 2:
        for number in range(plan.blocks):
            yield block_table(plan, number)
        return
    with ProcessPoolExecutor(max_workers=min(jobs, plan.blocks)) as pool:
        waiting: deque[Future[tuple[Any, list[Injected]]]] = deque()
        for number in range(plan.blocks):
            waiting.append(pool.submit(block_table, plan, number))
            if len(waiting) > jobs + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write_authority(plan: Plan, path: Path, errors: Path | None, jobs: int, notice: Callable[[int], None] = lambda _: None) -> Made:
    """Write a plan as Parquet (a block a row group) or CSV, and the list of errors put in. `notice` is told of children written."""
    events = defects = 0
    listed: list[Injected] = []
    write = _csv_writer(path) if plan.csv else _parquet_writer(path)
    try:
        for number, (whole, found) in enumerate(_tables(plan, jobs)):
            write.add(whole)
            events += whole.num_rows
            listed += found
            notice(min((number + 1) * BLOCK, plan.children))
    finally:
        write.close()
    defects = len(listed)
    if errors is not None:
        with errors.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(COLUMNS)
            rows.writerows(d.row() for d in listed)
    return Made(events, defects)


@dataclass
class _Writer:
    """Where blocks go: opened with the first."""

    open: Callable[[Any], tuple[Callable[[Any], Any], Callable[[], Any]]]
    write: Callable[[Any], Any] | None = None
    shut: Callable[[], Any] | None = None

    def add(self, whole: Any) -> None:
        if self.write is None:
            self.write, self.shut = self.open(whole.schema)
        self.write(whole)

    def close(self) -> None:
        if self.shut is not None:
            self.shut()


def _parquet_writer(path: Path) -> _Writer:
    def opened(columns: Any) -> tuple[Callable[[Any], Any], Callable[[], Any]]:
        from pyarrow import parquet

        writer = parquet.ParquetWriter(str(path), columns, compression="zstd", write_statistics=["child_id"])
        return lambda whole: writer.write_table(whole, row_group_size=1 << 30), writer.close

    return _Writer(opened)


def _csv_writer(path: Path) -> _Writer:
    def opened(columns: Any) -> tuple[Callable[[Any], Any], Callable[[], Any]]:
        from pyarrow import csv as arrow_csv

        writer = arrow_csv.CSVWriter(str(path), columns, write_options=arrow_csv.WriteOptions(quoting_style="needed"))
        return writer.write_table, writer.close

    return _Writer(opened)


def _metadata(plan: Plan) -> dict[str, str]:
    """What the file says of itself. No clock: the same plan says the same."""
    about = {
        "made_by": "rrt synth", "children": plan.children, "seed": plan.seed, "authority": plan.authority,
        "from": plan.since.isoformat(), "to": plan.to.isoformat(), "defects": plan.defects,
    }  # fmt: skip
    return {"licence": LICENCE, "statement": STATEMENT, "rrt_synth": json.dumps(about, sort_keys=True)}


def covers_text(plan: Plan) -> str:
    """What the log covers, for the file beside it: a history of every kind of event that this program can make."""
    m = _materials(plan.rules, plan.authority)
    lines = [
        "# What this synthetic log holds. " + LICENCE + ": " + STATEMENT,
        f"# rrt synth --children {plan.children} --seed {plan.seed} --authority {plan.authority} --from {plan.since} --to {plan.to}"
        f" --defects {plan.defects:g}",
        f"from: {plan.since.isoformat()}",
        "kind: history",
        "events:",
        *(f"  - {kind}" for kind in m.figures.carried(m.book.events)),
    ]
    return "\n".join(lines) + "\n"


def plan_of(children: int, seed: int, target: Path, authority: str, since: date, to: date, defects: float, rules: Path) -> Plan:
    """A plan, checked. Raises ValueError that says what is wrong with it."""
    if authority not in AUTHORITIES:
        raise ValueError(f"`{authority}` is not one of {', '.join(AUTHORITIES)}")
    if children < 1:
        raise ValueError(f"`{children}` children cannot be made; ask for one or more")
    if not 0 <= defects <= 1:
        raise ValueError(f"`{defects}` is not a share from 0 to 1")
    if (to - since).days < 365:
        raise ValueError(f"from {since} to {to} is less than a year, too short for a journey")
    if not (date(2014, 1, 1) <= since and to <= date(2040, 12, 31)):
        raise ValueError("the history must lie between 2014 and 2040")
    return Plan(children, seed, authority, since, to, defects, target.suffix.lower() == ".csv", rules)
