"""Compare two sets of flags of the same children, whole or a range of children at a time, and say what made each move.

What moved comes from `moves`. What made it so comes from replaying the children that moved with one thing as it is after and
everything else as it was before: what makes the move alone is its cause, or one of them; where nothing does alone, two things
together, and so on. Nothing here knows where flags come from or how they are replayed.
"""

from __future__ import annotations

import bisect
import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rrt_engine.replay.flag_rows import coded
from rrt_engine.replay.moves import KINDS, READ, STANDINGS, Moved, encoded, in_one, made_by, move_table, moves, standings
from rrt_engine.replay.run_folder import Run

# As many flags as are held at once, of each side.
AT_ONCE = 1_000_000
# How many cases of each kind are kept to be shown.
_SHOWN = 12
_MOST_TRIED = 16


class Side(Protocol):
    """The flags of one side: how many there are, and the tables they stand in, which hold the columns asked for."""

    @property
    def rows(self) -> int:
        """How many flags there are."""

    def tables(self, columns: Sequence[str]) -> Iterator[Any]:
        """Arrow tables of flags, each child in one of them, with these columns as far as there are such."""


class Tried(Protocol):
    """Replays of some children with some things as they are after and the others as they were before."""

    def choose(self, shards: Sequence[Any]) -> None:
        """Which children will be asked for: an Arrow array of cases for each shard."""

    def flags(self, shard: int, after: frozenset[str]) -> Any | None:
        """Their flags, with these things as they are after; None where such a replay cannot be."""


@dataclass(frozen=True)
class InMemory:
    """Flags that are held as one table."""

    table: Any

    @property
    def rows(self) -> int:
        """How many flags there are."""
        return int(self.table.num_rows)

    def tables(self, columns: Sequence[str]) -> Iterator[Any]:
        """The table, with the columns asked for."""
        yield self.table.select([name for name in columns if name in self.table.schema.names])


@dataclass(frozen=True)
class RunFlags:
    """The flags of a run."""

    run: Run

    @property
    def rows(self) -> int:
        """How many flags there are."""
        return int(self.run.manifest["counts"]["flags"])

    def tables(self, columns: Sequence[str]) -> Iterator[Any]:
        """They, a part at a time."""
        yield from self.run.batches(columns)


@dataclass(frozen=True)
class Counts:
    """How many duties stood how before and after, and how many moved how. Keys are of STANDINGS, so that `overdue` is what is overdue
    now and `missed` what was when it ended, and kinds of move.
    """

    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)


@dataclass
class Found:
    """What a comparison found, gathered shard by shard.

    `rules` is by rule and basis, `teams` by team ("" where none is recorded) and basis; `titles` gives each rule's title, service,
    authority and how its number was checked. `because` counts moves by kind and cause, "" where it is not known. `shown` holds the
    first moves of each kind, the latest first. `cases` counts the children of whom anything moved. `not_again` counts moves of
    children whose flags a replay does not give again, so that their cause cannot be told.
    """

    rules: dict[tuple[str, str], Counts] = field(default_factory=dict)
    teams: dict[tuple[str, str], Counts] = field(default_factory=dict)
    titles: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    because: Counter[tuple[str, str]] = field(default_factory=Counter)
    shown: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    moved: int = 0
    cases: int = 0
    corrected: int = 0
    unmoved: int = 0
    still_overdue: int = 0
    not_again: int = 0

    def attention(self) -> bool:
        """Whether anything is overdue, late or too early that was not."""
        return bool(self.kinds["newly_overdue"] or self.kinds["newly_late"])

    def first(self, kind: str) -> list[dict[str, Any]]:
        """The first moves of a kind: what is latest first, and then in the order of the case."""
        return [row for *_, row in sorted(self.shown.get(kind, []), key=lambda entry: entry[:-1])]


def compare_flags(
    before: Side,
    after: Side,
    factors: Sequence[str],
    tried: Tried | None,
    folder: Path,
    take: Callable[[Any], object] = lambda _: None,
    left_out: Collection[str] = (),
    notice: Callable[[str], None] = lambda _: None,
    at_once: int = AT_ONCE,
) -> Found:
    """What moved from one side to the other, what made it so, and how many of everything.

    `factors` are the things that differ: with one, it made every move; with several, `tried` replays them apart, and without it
    nothing is said of causes. `folder` is an empty one for what does not fit into memory. `take` is given each table of moves, in
    the order of the case. Children in `left_out` are compared on neither side.
    """
    shards = _Shards(before, after, folder, left_out, at_once)
    found = Found()
    ask = len(factors) > 1 and tried is not None
    only_data = tuple(factors) == ("data",)
    chosen: list[Any] = []
    for shard in range(len(shards)):
        notice(f"comparing{shards.part(shard)}")
        was, now = shards.of(shard)
        moved = moves(was, now, now if only_data else None)
        _count(found, was, now, moved)
        if ask:
            chosen.append(_cases(was, now, moved))
        else:
            cause = factors[0] if len(factors) == 1 else None
            _keep(found, was, now, moved, [cause] * len(moved), take)
    if ask:
        assert tried is not None
        tried.choose(chosen)
        for shard in range(len(shards)):
            if not len(chosen[shard]):
                continue
            notice(f"finding what made the difference{shards.part(shard)}")
            was, now = (only(table, chosen[shard]) for table in shards.of(shard))
            replays = _Replays(tried, shard)
            data = frozenset({"data"})
            moved = moves(was, now, replays.flags(data) if "data" in factors else None)
            causes, not_again = because(was, now, moved, factors, replays.flags)
            found.not_again += not_again
            _keep(found, was, now, moved, causes, take)
    return found


@dataclass
class _Replays:
    """The replays of one shard, each made once."""

    tried: Tried
    shard: int
    made: dict[frozenset[str], Any] = field(default_factory=dict)

    def flags(self, after: frozenset[str]) -> Any | None:
        """The flags with some things as they are after."""
        if after not in self.made:
            self.made[after] = self.tried.flags(self.shard, after)
        return self.made[after]


# ---------------------------------------------------------------------------------------------------- what made it so


def because(
    before: Any, after: Any, moved: Moved, factors: Sequence[str], tried: Callable[[frozenset[str]], Any | None]
) -> tuple[list[str | None], int]:
    """What made each move so, and how many moves are of children whose flags a replay does not give again.

    The least that makes it: one thing (`data`), one of several each of which does (`data or time`), or two and more together
    (`data and time`). The tables hold all flags of the children that moved.
    """
    everything = frozenset(factors)
    again = [tried(frozenset()), tried(everything)]
    causes: list[str | None] = [None] * len(moved)
    trusted = np.ones(len(moved), np.bool_)
    for table, given in zip(again, (before, after), strict=True):
        trusted &= ~_of_cases(before, after, moved, _unlike(given, table))
    open_ = trusted.copy()
    for size in range(1, len(factors)):
        subsets = [frozenset(chosen) for chosen in combinations(factors, size)]
        if not open_.any() or (size > 1 and len(subsets) > _MOST_TRIED):
            break
        given = [(subset, table) for subset in subsets if (table := tried(subset)) is not None]
        made = made_by(before, after, moved, [table for _, table in given])
        for place in np.flatnonzero(open_).tolist():
            makers = [subset for (subset, _), does in zip(given, made, strict=True) if does[place]]
            if makers:
                causes[place] = " or ".join(_joined(subset, factors) for subset in makers)
                open_[place] = False
    for place in np.flatnonzero(open_).tolist():
        causes[place] = _joined(everything, factors)
    return causes, int(np.count_nonzero(~trusted))


def _joined(subset: Collection[str], factors: Sequence[str]) -> str:
    return " and ".join(name for name in factors if name in subset)


def _unlike(given: Any, again: Any | None) -> set[str]:
    """The children of whom two tables of flags do not say the same."""
    if again is None:
        return set(_names(given))
    moved = moves(given, again)
    return set(_cases(given, again, moved).to_pylist())


def _of_cases(before: Any, after: Any, moved: Moved, cases: set[str]) -> Any:
    """Which moves are of some children."""
    if not cases:
        return np.zeros(len(moved), np.bool_)
    table = move_table(before, after, moved)
    return np.array([case in cases for case in table["case"].to_pylist()], np.bool_)


# ---------------------------------------------------------------------------------------------------- a range of children at a time


class _Shards:
    """The flags of both sides in as many ranges of children as it takes to hold one at a time."""

    def __init__(self, before: Side, after: Side, folder: Path, left_out: Collection[str], at_once: int) -> None:
        self._sides = (before, after)
        self._left_out = left_out
        self._folder = folder
        wanted = -(-max(before.rows, after.rows) // at_once)
        self._pivots = _pivots(self._sides, wanted) if wanted > 1 else []
        if self._pivots:
            for number, side in enumerate(self._sides):
                self._spread(number, side)

    def __len__(self) -> int:
        return len(self._pivots) + 1

    def part(self, shard: int) -> str:
        """Which of how many, in words; nothing where there is one."""
        return f", {shard + 1} of {len(self)}" if len(self) > 1 else ""

    def of(self, shard: int) -> tuple[Any, Any]:
        """The flags of one range of children, before and after."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = []
        for number, side in enumerate(self._sides):
            if self._pivots:
                table = pq.read_table(self._path(number, shard))
            else:
                parts = [_same_types(part) for part in side.tables(READ)]
                table = pa.concat_tables(parts) if parts else _nothing()
            if self._left_out:
                table = only(table, pa.array(sorted(self._left_out)), False)
            found.append(table)
        return found[0], found[1]

    def _path(self, side: int, shard: int) -> Path:
        return self._folder / f"flags-{side}-{shard:05}.parquet"

    def _spread(self, number: int, side: Side) -> None:
        """Write one side's flags into a file for each range."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        writers: dict[int, Any] = {}
        schema: Any = None
        try:
            for part in side.tables(READ):
                table = _same_types(part)
                schema = schema or table.schema
                cases = in_one(table["case"])
                numbers = np.array([bisect.bisect_right(self._pivots, name) for name in cases.dictionary.to_pylist()], np.int64)
                shard = numbers[cases.indices.to_numpy()] if len(cases) else np.zeros(0, np.int64)
                order = np.argsort(shard, kind="stable")
                bounds = np.searchsorted(shard[order], np.arange(len(self) + 1))
                ordered = table.take(pa.array(order))
                for place in np.flatnonzero(np.diff(bounds)).tolist():
                    if place not in writers:
                        writers[place] = pq.ParquetWriter(self._path(number, place), schema, compression="lz4")
                    writers[place].write_table(ordered.slice(bounds[place], bounds[place + 1] - bounds[place]))
            for place in range(len(self)):
                if place not in writers:
                    writers[place] = pq.ParquetWriter(self._path(number, place), schema or _nothing().schema, compression="lz4")
        finally:
            for writer in writers.values():
                writer.close()


def _pivots(sides: Sequence[Side], wanted: int) -> list[str]:
    """The first case of each range but the first, so that the ranges hold about as many children each."""
    names: set[str] = set()
    for side in sides:
        for table in side.tables(("case",)):
            distinct = _names(table)
            names.update(distinct[:: max(len(distinct) // (wanted * 20), 1)])
    ordered = sorted(names)
    return sorted({ordered[len(ordered) * n // wanted] for n in range(1, wanted)} - {ordered[0]}) if ordered else []


def _names(table: Any) -> list[str]:
    """The cases of a table in order, each once."""
    return sorted(table["case"].unique().to_pylist())


def _same_types(table: Any) -> Any:
    """The table with one chunk a column and text as codes, so that tables from anywhere go together."""
    import pyarrow as pa

    columns = [in_one(encoded(table[name])) for name in table.schema.names]
    return pa.table(columns, names=table.schema.names)


def _nothing() -> Any:
    import pyarrow as pa

    coded = pa.dictionary(pa.int32(), pa.string())
    return pa.table({name: pa.array([], coded) for name in ("case", "rule", "status")})


def only(table: Any, cases: Any, these: bool = True) -> Any:
    """The flags of some children, or of all others."""
    import pyarrow.compute as pc

    kept = pc.is_in(table["case"].cast("string"), value_set=cases)
    return table.filter(kept if these else pc.invert(kept))


def _cases(before: Any, after: Any, moved: Moved) -> Any:
    """The children of whom anything moved, as an Arrow array in order."""
    import pyarrow as pa

    named = [
        table["case"].take(pa.array(rows[rows >= 0])).unique().to_pylist() if table.num_rows else []
        for table, rows in ((before, moved.before), (after, moved.after))
    ]
    return pa.array(sorted({*named[0], *named[1]}), pa.string())


# ---------------------------------------------------------------------------------------------------- counting


def _count(found: Found, before: Any, after: Any, moved: Moved) -> None:
    """Count the duties of both sides, and those of which nothing moved."""
    found.unmoved += moved.unmoved
    found.still_overdue += moved.unmoved_overdue
    for flags, side in ((before, "before"), (after, "after")):
        table = flags.append_column("standing", coded(standings(flags), STANDINGS))
        for into, name in ((found.rules, "rule"), (found.teams, "team")):
            for (value, basis, status), n in _tally(table, (name, "basis", "standing")):
                getattr(into.setdefault((value, basis or "history"), Counts()), side)[status] += n
        for (rule, *title), _ in _tally(table, ("rule", "title", "service", "authority", "verified")):
            found.titles[rule] = (title[0], title[1], title[2], title[3])


def _tally(table: Any, names: Sequence[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    """How many rows there are of each combination of values; "" where there is none."""
    if not table.num_rows:
        return
    import pyarrow as pa

    columns = {}
    for name in names:
        column = in_one(encoded(table[name])) if name in table.schema.names else None
        columns[name] = pa.nulls(table.num_rows, pa.int32()) if column is None else column.indices
        columns[f"{name} names"] = [] if column is None else column.dictionary.to_pylist()
    coded = pa.table({name: columns[name] for name in names})
    for row in coded.group_by(list(names), use_threads=False).aggregate([([], "count_all")]).to_pylist():
        yield tuple("" if row[name] is None else columns[f"{name} names"][row[name]] for name in names), row["count_all"]


def _tally_moves(before: Any, after: Any, moved: Moved, names: Sequence[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    """How many moves there are of each kind and combination of values, which are those after or, where it is gone, before."""
    import pyarrow as pa

    kinds = list(KINDS)
    for table, rows, mine in ((after, moved.after, moved.after >= 0), (before, moved.before, moved.after < 0)):
        if mine.any():
            some = table.take(pa.array(rows[mine])).append_column("move", pa.array([kinds[k] for k in moved.kind[mine].tolist()]))
            yield from _tally(some, (*names, "move"))


def _keep(found: Found, before: Any, after: Any, moved: Moved, causes: Sequence[str | None], take: Callable[[Any], object]) -> None:
    """Count moves and their causes, keep the first of each kind to be shown, and pass them on as a table."""
    import pyarrow as pa

    table = move_table(before, after, moved, causes)
    for into, name in ((found.rules, "rule"), (found.teams, "team")):
        for (value, basis, kind), n in _tally_moves(before, after, moved, (name, "basis")):
            into[value, basis or "history"].moved[kind] += n
    for (kind, now, ended), n in _tally(table, ("kind", "after_status", "after_ended_by")):
        found.still_overdue += n if kind == "redated" and now == "overdue" and not ended else 0
    found.moved += table.num_rows
    found.cases += len(table["case"].unique())
    found.corrected += int(np.count_nonzero(table["corrected"].to_numpy()))
    for (kind, cause), n in _tally(table, ("kind", "because")):
        found.kinds[kind] += n
        found.because[kind, cause] += n
    kinds = table["kind"].to_pylist()
    late = table["after_days_late"].fill_null(-1).to_pylist()
    before = table["before_days_late"].fill_null(-1).to_pylist()
    entries: dict[str, list[tuple[Any, ...]]] = {}
    for row, kind in enumerate(kinds):
        entries.setdefault(kind, []).append((-late[row], -before[row], found.moved - table.num_rows + row, row))
    for kind, some in entries.items():
        first = heapq.nsmallest(_SHOWN, some)
        rows = table.take(pa.array([row for *_, row in first])).to_pylist()
        shown = [(*entry[:-1], row) for entry, row in zip(first, rows, strict=True)]
        found.shown[kind] = heapq.nsmallest(_SHOWN, [*found.shown.get(kind, []), *shown], key=lambda entry: entry[:-1])
    take(table)
