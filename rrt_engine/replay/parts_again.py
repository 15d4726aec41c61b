"""Replay some children of a partition again, with one thing or another as it was in another run: to find what made a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.replay.chunk import Log, Settings, flags_of_table
from rrt_engine.replay.flag_rows import empty_rows
from rrt_engine.replay.moves import READ, in_one
from rrt_engine.replay.partition import Partition
from rrt_engine.replay.pool import pooled
from rrt_engine.sources.event_log_files import places_of

FEW = 2_000
"""So few children are replayed sooner than a process begins."""


@dataclass
class Again:
    """Replays of the children that are chosen, from one or two partitions, with some of the `factors` as they are after.

    `subsets` gives, for each set of factors, the number of the partition and what to judge by; None where such a replay cannot be.
    Events of the children chosen are kept in `folder`, in files for each shard, so that each part is read once. What is asked of
    every shard is replayed in `jobs` processes.
    """

    partitions: Sequence[Partition]
    factors: Sequence[str]
    subsets: Callable[[frozenset[str]], tuple[int, Settings] | None]
    folder: Path
    notice: Callable[[str], None] = lambda _: None
    jobs: int = 1

    def choose(self, shards: Sequence[Any]) -> None:
        """Keep the events of the children of each shard, and replay them. Raises InputError where a part cannot be read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        every = [frozenset(some) for size in range(len(self.factors) + 1) for some in combinations(self.factors, size)]
        sides = sorted({asked[0] for subset in every if (asked := self.subsets(subset)) is not None})
        shard_of = {name: number for number, cases in enumerate(shards) for name in cases.to_pylist()}
        for side in sides:
            for number, part in enumerate(self.partitions[side].parts):
                self.notice(f"reading the events of {part.name}")
                events = part.events()
                child = events.column(places_of(events.column_names, str(part.file))["child_id"])
                shard = shards_of(child, shard_of)
                for place in np.unique(shard[shard >= 0]).tolist():
                    chosen = _plain(events.filter(pa.array(shard == place)))
                    pq.write_table(chosen, self.folder / f"{_stem(side, place)}{part.log:04}-{number:05}.parquet", compression="lz4")
        if self.jobs > 1 and len(shard_of) > FEW:
            first = [subset for subset in every if len(subset) < 2 or len(subset) == len(self.factors)]
            tasks = [task for shard in range(len(shards)) if len(shards[shard]) for subset in first if (task := self._task(shard, subset))]
            self.notice("replaying the children that moved")
            for _, failed in pooled(replay_again, tasks, self.jobs):
                if failed is not None:
                    message = f"the children that moved could not be replayed again: {failed.why}"
                    raise InputError([Diagnostic("rrt", 0, 0, "again", message, "error", "", "try it with fewer processes, --jobs 1")])

    def flags(self, shard: int, after: frozenset[str]) -> Any | None:
        """The flags of a shard's children, with these things as they are after."""
        import pyarrow.parquet as pq

        task = self._task(shard, after)
        if task is None:
            return None
        target = task[-1]
        if not target.exists():
            replay_again(*task)
        table = pq.read_table(target)
        target.unlink()
        return table if "case" in table.schema.names else None

    def _task(self, shard: int, after: frozenset[str]) -> tuple[Path, str, Settings, Sequence[Log], Path] | None:
        """What `replay_again` takes."""
        asked = self.subsets(after)
        if asked is None:
            return None
        side, settings = asked
        number = sum(1 << place for place, name in enumerate(self.factors) if name in after)
        return self.folder, _stem(side, shard), settings, self.partitions[side].logs, self.folder / f"flags-{shard:05}-{number}.parquet"


def replay_again(folder: Path, stem: str, settings: Settings, logs: Sequence[Log], target: Path) -> None:
    """Replay the children whose events stand in the files that begin so, and write their flags: a table without columns where the
    values of one rule set do not go with the rules of the other.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    by_log: dict[int, list[Any]] = {}
    for path in sorted(folder.glob(f"{stem}*.parquet")):
        by_log.setdefault(int(path.stem.split("-")[3]), []).append(pq.read_table(path))
    found: list[Any] = []
    try:
        for log, tables in by_log.items():
            events = pa.concat_tables(tables, promote_options="permissive")
            found.append(flags_of_table(events, settings, logs[log]).flags.select(READ))
        made = pa.concat_tables(found) if found else empty_rows().select(READ)
    except InputError:
        made = pa.table({})
    pq.write_table(made, target, compression="lz4")


def _stem(side: int, shard: int) -> str:
    return f"events-{side}-{shard:05}-"


def _plain(table: Any) -> Any:
    """The table without codes, so that tables of one log go together."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(field.type.value_type))
    return table


def shards_of(child: Any, shard_of: Mapping[str, int]) -> Any:
    """For each row the shard its child belongs to, -1 where it is in none. Ids are read as an event log's are."""
    coded = _coded(child)
    table = np.array([*(shard_of.get(text, -1) for text in _texts(coded)), -1], np.int64)
    return table[coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False).astype(np.int64)]


def children_of(child: Any) -> set[str]:
    """The children of a column of ids."""
    return {text for text in _texts(_coded(child)) if text}


def _coded(child: Any) -> Any:
    import pyarrow as pa

    return in_one(child if pa.types.is_dictionary(child.type) else child.dictionary_encode())


def _texts(coded: Any) -> list[str]:
    return ["" if v is None else str(int(v) if isinstance(v, float) and v == int(v) else v).strip() for v in coded.dictionary.to_pylist()]


def held_in(made: Partition, names: Sequence[str]) -> tuple[set[str], list[str]]:
    """The children in some parts of a partition, and the parts of which that cannot be known any more."""
    found: set[str] = set()
    lost: list[str] = []
    for part in made.parts:
        if part.name in names:
            try:
                events = part.events()
                found |= children_of(events.column(places_of(events.column_names, str(part.file))["child_id"]))
            except (InputError, OSError):
                lost.append(part.name)
    return found, lost
