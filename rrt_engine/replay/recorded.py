"""Whose the recorded facts are: how the facts of a replay go to its children, for `rrt replay --thresholds` and for the pages alike.

Facts that stand in a case file, or in a table beside a source, are of the child that this source knows by that id: where records of
one id are kept apart, they are of those among which the source is. A table that stands alone names only an id, and so does one beside a
source that does not know it: then they are of the one child who has it, and where it stands for several children, of none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from rrt_engine.diagnostics import InputError
from rrt_engine.model import EventLog, Fact, Rejected, plural
from rrt_engine.replay.run import Refused, Replay
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.case_file import read_case
from rrt_engine.sources.fact_names import beside
from rrt_engine.sources.fact_tables import FactReading, Facts, facts_of_cases, read_facts
from rrt_engine.words import listed

ALONE, SEVERAL = -1, -2
"""In the place of a run: facts of an id without any timeline, and of an id that stands for several children."""
_FEW = 5


@dataclass(frozen=True)
class FactFile:
    """The facts of one file. `whose` gives for each of `facts.cases` the number of the run with the child's timeline, ALONE or SEVERAL.

    `name` is that of the source with the facts in it or beside it, or of the table where it stands alone; `runs` are the numbers of the
    runs that the source is among. `reading` is None for a case file.
    """

    name: str
    file: Path
    reading: FactReading | None
    facts: Facts
    runs: tuple[int, ...]
    whose: tuple[int, ...]

    @property
    def where(self) -> str:
        """The name of the file that the facts stand in."""
        return self.reading.file if self.reading else self.file.name


@dataclass(frozen=True)
class Unread:
    """A file of facts that could not be read at all, why, and the numbers of the runs whose children it may be about."""

    refused: Refused
    runs: tuple[int, ...]


@dataclass(frozen=True)
class LeftOut:
    """The rows of one source or table that could not be used: those that name their child, and how many do not.

    `runs` are as in FactFile, and `whose` says of each row that names its child whose it is.
    """

    name: str
    runs: tuple[int, ...]
    rows: tuple[Rejected, ...]
    whose: tuple[int, ...]
    unnamed: int


@dataclass(frozen=True)
class Recorded:
    """All recorded facts of a replay, and the rows of it that could not be used.

    `child` gives the number of a child in its run, by run and id, for the ids that facts name.
    """

    files: tuple[FactFile, ...] = ()
    unread: tuple[Unread, ...] = ()
    child: Mapping[tuple[int, str], int] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()

    @property
    def readings(self) -> list[FactReading]:
        """Every table of facts as read."""
        return [file.reading for file in self.files if file.reading]

    @cached_property
    def _at(self) -> dict[tuple[int, str], list[tuple[FactFile, int]]]:
        """The files that hold the facts of a child, in order, each with the child's place in it."""
        found: dict[tuple[int, str], list[tuple[FactFile, int]]] = {}
        for file in self.files:
            for place, (run, name) in enumerate(zip(file.whose, file.facts.cases, strict=True)):
                found.setdefault((run, name), []).append((file, place))
        return found

    def of(self, run: int, child_id: str) -> tuple[Fact, ...]:
        """The facts of a child of a run; with ALONE of an id without a timeline, and with SEVERAL those used for nobody."""
        return tuple(fact for file, place in self._at.get((run, child_id), ()) for fact in file.facts.of(place))

    def files_of(self, run: int, child_id: str) -> list[str]:
        """The names of the files that they stand in."""
        return [file.where for file, _ in self._at.get((run, child_id), ())]

    @cached_property
    def _left_out(self) -> dict[tuple[int, str], list[Rejected]]:
        """The rows that could not be used, by whose they are."""
        found: dict[tuple[int, str], list[Rejected]] = {}
        for each in self.left_out:
            for row, run in zip(each.rows, each.whose, strict=True):
                found.setdefault((run, row.child), []).append(row)
        return found

    def rejected(self, child_id: str) -> list[Rejected]:
        """The rows with an id that could not be used, where no timeline has it."""
        return self._left_out.get((ALONE, child_id), [])

    def left_out_words(self, run: int, child_id: str) -> list[str]:
        """What is not counted for a child, a sentence each: rows that could not be used, with why; files of facts that could not be
        read; and facts that name only an id which stands for several children.
        """
        said = []
        own, shared = self._left_out.get((run, child_id), []), self._left_out.get((SEVERAL, child_id), [])
        for rows, about in ((own, "about this child"), (shared, "with this id, which stands for several children here,")):
            if rows:
                they = "It is not counted here" if len(rows) == 1 else "They are not counted here"
                said.append(f"{plural(len(rows), 'row')} {about} could not be used: {rejected_words(rows)}. {they}.")
        for each in self.unread:
            if run in each.runs:
                why = _few(d.message for d in each.refused.diagnostics)
                said.append(f"The facts of {each.refused.path} could not be read, so none of them is counted: {why}.")
        return [*said, *filter(None, [self.unused_words(child_id)])]

    def unnamed_words(self, run: int) -> str:
        """That rows beside those of a child could not be used and do not say whose they are; empty where there are none."""
        found = [(each.name, each.unnamed) for each in self.left_out if each.unnamed and (run in each.runs or not each.runs)]
        if not found:
            return ""
        n = sum(count for _, count in found)
        names, be = ("names", "it") if n == 1 else ("name", "some")
        rows = f"{plural(n, 'row')} of {_few(name for name, _ in found)}"
        return f"{rows} could not be used, and {names} no child that could be read: {be} may be about this one. Today says why."

    @property
    def without_timeline(self) -> list[str]:
        """The ids with recorded facts that no timeline has."""
        return [name for run, name in self._at if run == ALONE]

    def unused_words(self, child_id: str = "") -> str:
        """That facts name only an id that stands for several children, and are used for none: all, or those of one id; else empty."""
        keys = [(SEVERAL, child_id)] if child_id else [key for key in self._at if key[0] == SEVERAL]
        found = {key[1]: self._at[key] for key in keys if key in self._at}
        if not found:
            return ""
        lines: dict[str, list[int]] = {}
        for at in found.values():
            for file, place in at:
                lines.setdefault(file.where, []).extend(fact.line for fact in file.facts.of(place))
        n = sum(map(len, lines.values()))
        which, ids = "the id" if child_id else "an id", "" if child_id else f" ({_few(f'`{name}`' for name in found)})"
        places = "; ".join(f"{file}, {'row' if len(rows) == 1 else 'rows'} {_few(map(str, sorted(rows)))}" for file, rows in lines.items())
        verb, they = ("names", "it is") if n == 1 else ("name", "they are")
        return f"{plural(n, 'recorded fact')} {verb} only {which}{ids}, which stands for several children here; {they} not used: {places}."


def recorded(replay: Replay, book: ThresholdBook, notice: Callable[[str], None] = lambda _: None) -> Recorded:
    """Read the facts of a replay, in its case files, beside its sources and in tables named alone, and say whose they are."""
    read: list[tuple[str, Path, FactReading | None, Facts, tuple[int, ...]]] = []
    unread: list[Unread] = []
    tables: dict[Path, tuple[str, list[int]]] = {}
    runs_of = _runs(replay)
    for each in replay.read:
        if each.file is None:
            continue
        runs = runs_of[id(each)]
        if each.reading.format == "case":
            notice(f"facts of {each.path}")
            try:
                case = read_case(each.file, book.book, None, lambda: book)
                if case.every_fact():
                    read.append((each.path, each.file, None, facts_of_cases([(case.id, case.every_fact())]), runs))
            except InputError as error:
                unread.append(Unread(Refused(each.path, error.diagnostics), runs))
        if (table := beside(each.file, "facts")) is not None:
            tables.setdefault(table, (each.path, []))[1].extend(runs)
    for table in replay.tables:
        tables.setdefault(table, (table.name, []))
    for table, (name, near) in tables.items():
        notice(f"facts of {name}")
        runs = tuple(sorted(set(near)))
        try:
            reading = read_facts(table, book)
            read.append((name, table, reading, reading.facts, runs))
        except InputError as error:
            unread.append(Unread(Refused(table.name, error.diagnostics), runs or tuple(range(len(replay.sources)))))
    aside = [(each.path, runs_of[id(each)], each.reading.rejected) for each in replay.read]
    aside += [(reading.file, runs, reading.rejected) for _, _, reading, _, runs in read if reading]
    left = [(name, runs, [row for row in rows if not row.repeats]) for name, runs, rows in aside]
    named = {name for *_, facts, _ in read for name in facts.cases} | {row.child for *_, rows in left for row in rows if row.child}
    child: dict[tuple[int, str], int] = {}
    known: dict[str, list[int]] = {}
    for n, run in enumerate(replay.sources if named else ()):
        for number, name in enumerate(map(str, run.log.children.tolist())):
            if name in named:
                child[n, name] = number
                known.setdefault(name, []).append(n)
    files = (FactFile(*each, tuple(whose(known.get(name, ()), each[-1]) for name in each[3].cases)) for each in read)
    rows_of = ((name, runs, [row for row in rows if row.child], sum(not row.child for row in rows)) for name, runs, rows in left if rows)
    left_out = (LeftOut(n, runs, tuple(r), tuple(whose(known.get(row.child, ()), runs) for row in r), u) for n, runs, r, u in rows_of)
    return Recorded(tuple(files), tuple(unread), child, tuple(left_out))


def _runs(replay: Replay) -> dict[int, tuple[int, ...]]:
    """The numbers of the runs that each source is among, by the identity of the source as read."""
    found: dict[int, tuple[int, ...]] = {id(source): () for source in replay.read}
    for n, run in enumerate(replay.sources):
        for member in run.members:
            found[id(member)] += (n,)
    return found


def whose(known: Sequence[int], runs: Sequence[int]) -> int:
    """Which of the runs that know an id it is in a file of some runs: that of the file, else the only one; ALONE or SEVERAL.

    >>> whose([0, 2], [2]), whose([0, 2], []), whose([1], [0]), whose([], [0])
    (2, -2, 1, -1)
    """
    found = [run for run in known if run in runs] or known
    return ALONE if not found else found[0] if len(found) == 1 else SEVERAL


def no_log(child_id: str = "") -> EventLog:
    """A log of one child with no events, for a case without a timeline."""
    nothing = np.zeros(0, np.int32)
    return EventLog(np.array([child_id], object), (), nothing, nothing.astype(np.int16), nothing)


def rejected_words(rows: Sequence[Rejected]) -> str:
    """Where rows stand that could not be used, and why: the first few of many."""
    more = f"; and {len(rows) - _FEW:,} more" if len(rows) > _FEW else ""
    return "; ".join(f"{_place(row)}: {row.why}" for row in rows[:_FEW]) + more


def _place(row: Rejected) -> str:
    """Where a row stands: its file, with its sheet or table, and its number where it has one."""
    origin = row.origin.replace("\\", "/").rpartition("/")[2]
    return f"{origin}, row {row.row}" if row.row else origin


def _few(names: Iterable[str]) -> str:
    """Names in a row, the first few of many."""
    all_ = list(names)
    return listed(all_) if len(all_) <= _FEW else f"{', '.join(all_[:_FEW])} and {len(all_) - _FEW:,} more"
