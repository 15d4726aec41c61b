"""What if the rules were others: the same children, judged on the same day, under two rule sets, and the duties that move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrt_engine.calendar import Moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.replay.chunk import Settings
from rrt_engine.replay.comparing import Found, InMemory, RunFlags, compare_flags, only
from rrt_engine.replay.flag_rows import flag_rows
from rrt_engine.replay.partition import is_partition, partition
from rrt_engine.replay.parts_again import Again, held_in
from rrt_engine.replay.rule_differences import RuleDifferences, rule_differences, with_values
from rrt_engine.replay.run import Read, Refused, Replay, evaluated, read_all
from rrt_engine.replay.run_folder import MANIFEST, open_run
from rrt_engine.replay.runner import run_parts
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.with_changes import Changes
from rrt_engine.sources.detect import is_url


@dataclass(frozen=True)
class Other:
    """The rules asked about: a rule set and the values that are changed in it. `before` is the rule set compared with, with its own."""

    before: Path
    after: Path
    changes: Changes = ()
    before_changes: Changes = ()


@dataclass(frozen=True)
class Chosen:
    """Both rule sets, read, and what differs between them.

    `factors` are the things that can be replayed apart, and `subsets` the rule set for each set of them that is as it is after.
    """

    before: RuleBook
    after: RuleBook
    differences: RuleDifferences
    factors: tuple[str, ...]
    subsets: Mapping[frozenset[str], tuple[Path, Changes]]


@dataclass(frozen=True)
class WhatIf:
    """What other rules would make of the same children on the same day. `set_aside` children could not be judged, and are left out."""

    sources: tuple[str, ...]
    as_of: Moment
    as_known: int | None
    changes: Changes
    own_changes: Changes
    chosen: Chosen
    found: Found
    refused: tuple[Refused, ...] = ()
    set_aside: int = 0


def chosen(other: Other) -> Chosen:
    """Read both rule sets. Raises InputError with everything that is wrong in either.

    With several values set in one rule set, each of them is a thing of its own; with another rule set, its rules and its local
    values are.
    """
    before = load(other.before, changes=other.before_changes)
    after = load(other.after, changes=other.changes)
    differences = rule_differences(before, after)
    if other.after.resolve() == other.before.resolve():
        own = dict(other.before_changes)
        factors = tuple(name for name, value in other.changes if own.get(name) != value)
        subsets = {
            subset: (other.before, _with(other.before_changes, [(n, v) for n, v in other.changes if n in subset]))
            for subset in _subsets(factors)
        }
        return Chosen(before, after, differences, factors, subsets)
    subsets = {
        frozenset(): (other.before, other.before_changes),
        frozenset({"rule"}): (other.after, with_values(other.changes, differences, before)),
        frozenset({"parameter"}): (other.before, with_values(other.before_changes, differences, after)),
        frozenset({"rule", "parameter"}): (other.after, other.changes),
    }
    return Chosen(before, after, differences, differences.factors, subsets)


def _subsets(names: Sequence[str]) -> list[frozenset[str]]:
    """Every set of some names that may be asked for: all of them for a few; for many, one at a time and all at once."""
    if len(names) > 4:
        return [frozenset(), *(frozenset({name}) for name in names), frozenset(names)]
    return [frozenset(name for place, name in enumerate(names) if number >> place & 1) for number in range(1 << len(names))]


def _with(changes: Changes, more: Sequence[tuple[str, str]]) -> Changes:
    return tuple(sorted({**dict(changes), **dict(more)}.items()))


def what_if(
    sources: Sequence[str | Path],
    other: Other,
    as_of: Moment,
    as_known: int | None,
    folder: Path,
    take: Callable[[Any], object] = lambda _: None,
    notice: Callable[[str], None] = lambda _: None,
) -> WhatIf:
    """Read the sources, judge every child by both rule sets, and find what moves. `folder` is an empty one for what does not fit into
    memory; `take` is given each table of moves. Raises InputError.
    """
    books = chosen(other)
    if not books.differences.factors:
        raise nothing_differs()
    read = read_all(sources, books.before, notice)
    again = read_all(sources, books.after, notice) if books.differences.in_vocabulary else read
    notice("judging by both rule sets")
    before = _flags(evaluated(read, books.before, as_of, as_known))
    after = _flags(evaluated(again, books.after, as_of, as_known))
    tried = _Tried(books, read, again, as_of, as_known)
    found = compare_flags(InMemory(before), InMemory(after), books.factors, tried, folder, take, notice=notice)
    names = tuple(source.path for source in read.sources)
    return WhatIf(names, as_of, as_known, other.changes, other.before_changes, books, found, read.refused)


def is_run(sources: Sequence[str | Path]) -> bool:
    """Whether the one source named is the folder of a finished run."""
    return len(sources) == 1 and not is_url(str(sources[0])) and (Path(sources[0]) / MANIFEST).is_file()


def in_parts(sources: Sequence[str | Path]) -> bool:
    """Whether the sources are replayed part by part: a run, a partition or one Parquet log."""
    if len(sources) != 1 or is_url(str(sources[0])):
        return False
    return is_run(sources) or is_partition(sources[0]) or Path(sources[0]).suffix.lower() == ".parquet"


def what_if_in_parts(
    source: Path,
    base: Path | None,
    rules: Path | None,
    changes: Changes,
    as_of: Moment | None,
    as_known: int | None,
    folder: Path,
    jobs: int = 1,
    take: Callable[[Any], object] = lambda _: None,
    notice: Callable[[str], None] = lambda _: None,
) -> WhatIf:
    """As `what_if`, for a run, a partition or a Parquet log of any size: part by part, in `jobs` processes.

    `rules` are those asked about, with `changes` set in them; left out, they are those compared with. These are `base`; left out, the
    run's own, as the dates are that are left out. Raises InputError.
    """
    run = open_run(source) if is_run([source]) else None
    if run is not None and (missing := run.missing_events()):
        message = f"the events that were replayed are no longer at hand: {'; '.join(missing[:3])}"
        raise InputError([Diagnostic(str(source), 0, 0, "events", message, "error", "", "name the sources themselves")])
    own: Changes = ()
    if base is None:
        assert run is not None
        base, own = run.extract_rules(_made(folder / "rules")), run.changes
    other = Other(base, rules or base, changes if rules else _with(own, changes), own)
    books = chosen(other)
    if not books.differences.factors:
        raise nothing_differs()
    moment = run.as_of if as_of is None and run is not None else as_of
    assert moment is not None
    known = run.as_known if run is not None and as_known is None else as_known
    made = run.partition if run is not None else partition([source], books.before, folder / "events-before", notice)
    again = made
    if run is None and books.differences.in_vocabulary and not is_partition(source):
        again = partition([source], books.after, folder / "events-after", notice)
    notice("judging by the rules as they are")
    same = run is not None and (run.as_of, run.as_known, run.book.digest) == (moment, known, books.before.digest)
    before = run if run is not None and same else run_parts(made, Settings(base, moment, known, own), folder / "before", jobs)
    notice("judging by the rules asked about")
    after = run_parts(again, Settings(other.after, moment, known, other.changes), folder / "after", jobs)

    def asked(subset: frozenset[str]) -> tuple[int, Settings] | None:
        if subset not in books.subsets:
            return None
        return int("rule" in subset and again is not made), Settings(books.subsets[subset][0], moment, known, books.subsets[subset][1])

    tried = Again((made, again), books.factors, asked, _made(folder / "moved"), notice, jobs)
    left_out = set(before.set_aside()) | set(after.set_aside())
    children, _ = held_in(made, sorted(left_out))
    found = compare_flags(RunFlags(before), RunFlags(after), books.factors, tried, _made(folder / "flags"), take, children, notice)
    names = tuple(source.name for source in made.sources)
    return WhatIf(names, moment, known, other.changes, other.before_changes, books, found, (), len(children))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def nothing_differs() -> InputError:
    """The rule sets are the same, so that nothing can move."""
    message = "the rules asked about are those compared with"
    help = 'change something: --set cp_visit.interval="4 weeks", or --rules with another rule set'
    return InputError([Diagnostic("rrt what-if", 0, 0, "nothing_differs", message, "error", "", help)])


class _Tried:
    """Replays of what was read by the rule sets between the two."""

    def __init__(self, books: Chosen, read: Read, again: Read, as_of: Moment, as_known: int | None) -> None:
        self._books, self._read, self._again = books, read, again
        self._when = as_of, as_known
        self._shards: Sequence[Any] = ()
        self._flags: dict[frozenset[str], Any] = {}

    def choose(self, shards: Sequence[Any]) -> None:
        self._shards = shards

    def flags(self, shard: int, after: frozenset[str]) -> Any | None:
        if after not in self._flags:
            self._flags[after] = self._replayed(after)
        table = self._flags[after]
        return None if table is None else only(table, self._shards[shard])

    def _replayed(self, after: frozenset[str]) -> Any | None:
        if after not in self._books.subsets:
            return None
        folder, changes = self._books.subsets[after]
        try:
            book = load(folder, changes=changes)
        except InputError:  # some changes only go together
            return None
        return _flags(evaluated(self._again if "rule" in after else self._read, book, *self._when))


def _flags(replay: Replay) -> Any:
    """All flags of a replay as one table."""
    import pyarrow as pa

    tables = [
        flag_rows(each.log, replay.book, each.result.flags, replay.as_of, each.whole, each.path, replay.as_known) for each in replay.sources
    ]
    return pa.concat_tables(tables).unify_dictionaries()
