"""Replay some children of a partition again, with one thing or another as it was in another run: to find what made a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.diagnostics import InputError
from rrt_engine.replay.chunk import Settings, flags_of_table
from rrt_engine.replay.moves import in_one
from rrt_engine.replay.partition import Partition
from rrt_engine.sources.event_log_files import places_of


@dataclass
class Again:
    """Replays of the children that are chosen, from one or two partitions.

    `subsets` gives, for each set of things that are as they are after, the number of the partition and what to judge by; None where
    such a replay cannot be. Events of the children chosen are kept in `folder`, a file for each shard, so that each part is read once.
    """

    partitions: Sequence[Partition]
    subsets: Callable[[frozenset[str]], tuple[int, Settings] | None]
    folder: Path
    notice: Callable[[str], None] = lambda _: None

    def choose(self, shards: Sequence[Any]) -> None:
        """Keep the events of the children of each shard. Raises InputError where a part cannot be read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        shard_of = {name: number for number, cases in enumerate(shards) for name in cases.to_pylist()}
        for side, made in enumerate(self.partitions):
            for number, part in enumerate(made.parts):
                self.notice(f"reading the events of {part.name}")
                events = part.events()
                child = events.column(places_of(events.column_names, str(part.file))["child_id"])
                shard = shards_of(child, shard_of)
                for place in np.unique(shard[shard >= 0]).tolist():
                    chosen = _plain(events.filter(pa.array(shard == place)))
                    pq.write_table(chosen, self.folder / f"{_stem(side, place)}{part.log:04}-{number:05}.parquet", compression="lz4")

    def flags(self, shard: int, after: frozenset[str]) -> Any | None:
        """The flags of a shard's children, with these things as they are after."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        asked = self.subsets(after)
        if asked is None:
            return None
        side, settings = asked
        by_log: dict[int, list[Any]] = {}
        for path in sorted(self.folder.glob(f"{_stem(side, shard)}*.parquet")):
            by_log.setdefault(int(path.stem.split("-")[3]), []).append(pq.read_table(path))
        found = []
        for log, tables in by_log.items():
            events = pa.concat_tables(tables, promote_options="permissive")
            try:
                found.append(flags_of_table(events, settings, self.partitions[side].logs[log]).flags)
            except InputError:  # values of one rule set that do not go with the rules of the other
                return None
        if not found:
            from rrt_engine.replay.flag_rows import empty_rows

            return empty_rows()
        return pa.concat_tables(found)


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
