"""Count the flags of a run in one pass, a batch at a time: by rule, team, month and days late, and who has waited longest.

Memory is that of one batch and of the counts, however many flags there are. A child's rows stand together in one part, sorted by
case, so children are counted by where the case changes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import CANNOT_TELL, EARLY, LATE, MET, OVERDUE, REASONS, STATUSES, Bools, Int64s
from rrt_engine.replay.flag_rows import BASES, COUNT, HISTORY, NOW

COLUMNS = ("case", "rule", "status", "due", "days_late", "cannot_tell_because", "basis", "team", "worker", "ended_by")
BANDS = (0, 7, 14, 28, 56, 91, 182, 365)
"""The most days late of each band but the last, which is longer."""
LATENESS = ((HISTORY, LATE), (HISTORY, OVERDUE), (NOW, OVERDUE))
"""What the distribution of days late tells apart: basis and status."""
JUDGED = (MET, LATE, EARLY, OVERDUE)
FIRST_MONTH = -1200
"""Months are counted from January 1970; none that a duty falls due in is before 1870 or after 2269."""
MONTHS = 4800
NOBODY = -1


@dataclass(frozen=True, order=True)
class Waiting:
    """One child with something overdue that can still be done; the order is worst first.

    `days` and `due` are those of the duty overdue longest.
    """

    minus_days: int
    minus_overdue: int
    case: str
    rule: str = ""
    basis: str = ""
    due: int = NO_DAY
    team: str | None = None
    worker: str | None = None


@dataclass
class Counts:
    """The counts, as whole numbers in arrays.

    With `children`, each table has a companion that counts the children behind each cell, for leaving out small numbers.
    Shapes: r rules, t teams, 3 bases, 8 statuses. `rule` is [r, 3, 8], `because` [r, 3, reasons], `bands` [bands, 3],
    `months` [MONTHS, 4] (duties with a history, by the month they fell due), `undated` [4] those without a due date,
    `ahead` [4] those that fall due after the as-of date, `team` [t, 3, 8]. `team` 0 is the children without one.
    `missed` [r, 3] and `team missed` [t, 3] are what was not done and has ended since; `open or missed` [3, 2] parts what was not done
    into what can still be done and what has ended. `rule all`, `team all` and `status` are the totals of the rules, teams and statuses,
    for the children behind them.
    """

    rules: tuple[str, ...]
    as_of: int
    children: bool = False
    teams: dict[str | None, int] = field(default_factory=lambda: {None: 0})
    flags: int = 0
    people: int = 0
    people_overdue: int = 0
    tables: dict[str, Int64s] = field(default_factory=dict)
    distinct: dict[str, Int64s] = field(default_factory=dict)
    people_by_team: Int64s = field(default_factory=lambda: np.zeros(1, np.int64))
    people_overdue_by_team: Int64s = field(default_factory=lambda: np.zeros(1, np.int64))
    waiting: list[Waiting] = field(default_factory=list)


def counted(batches: Iterable[Any], rules: Sequence[str], as_of: int, most: int, children: bool = False) -> Counts:
    """Count every flag of a run. `rules` are the ids in the order of the book; `most` is how long the list of children may be."""
    found = Counts(tuple(rules), as_of, children)
    shapes = {"rule": (len(rules), 3, 8), "because": (len(rules), 3, len(REASONS)), "bands": (len(BANDS) + 1, 3)}
    shapes |= {"months": (MONTHS, 4), "undated": (1, 4), "ahead": (1, 4), "team": (1, 3, 8)}
    shapes |= {"rule all": (len(rules), 3), "team all": (1, 3), "status": (3, 8)}
    shapes |= {"missed": (len(rules), 3), "team missed": (1, 3), "open or missed": (3, 2)}
    for name, shape in shapes.items():
        found.tables[name] = np.zeros(shape, np.int64)
        found.distinct[name] = np.zeros(shape, np.int64)
    reading = _Reading(found, most)
    for table in batches:
        for batch in table.to_batches():
            if batch.num_rows:
                reading.add(batch)
    reading.end()
    return found


class _Reading:
    """The pass over the batches: what is known of the child whose rows the last batch ended in is carried to the next."""

    def __init__(self, found: Counts, most: int) -> None:
        self.found, self.most = found, most
        self.rule_codes = {name: i for i, name in enumerate(found.rules)}
        self.status_codes: dict[str, int] = {name: i for i, name in enumerate(STATUSES)}
        self.basis_codes = {name: i for i, name in enumerate(BASES)}
        self.reason_codes = {name: i for i, name in enumerate(REASONS)}
        self.last_case: str | None = None
        self.seen: dict[str, set[int]] = {}
        self.open: list[Any] = []  # the case whose rows are not at their end: its overdue rows so far
        self.open_overdue = 0
        self.kept: list[_Reversed] = []

    def add(self, batch: Any) -> None:
        """Count one batch."""
        found = self.found
        column = {name: batch.column(name) for name in COLUMNS}
        rule = _codes(column["rule"], self.rule_codes)
        status, basis = _codes(column["status"], self.status_codes), _codes(column["basis"], self.basis_codes)
        because = _codes(column["cannot_tell_because"], self.reason_codes)
        team = np.maximum(_codes(column["team"], found.teams, grow=True), 0)
        self._room_for_teams()
        due, days = _days(column["due"], NO_DAY), _days(column["days_late"], -1)
        overdue = status == OVERDUE
        missed = overdue & column["ended_by"].is_valid().to_numpy(zero_copy_only=False)
        starts = _changes(column["case"])
        first_goes_on = column["case"][0].as_py() == self.last_case
        starts[0] = not first_goes_on
        child = np.cumsum(starts) - (0 if first_goes_on else 1)  # within the batch, from 0
        if not first_goes_on:
            self._close()
            self.seen = {}
        found.flags += batch.num_rows
        found.people += int(starts.sum())
        np.add.at(found.people_by_team, team[starts], 1)
        everyone = np.ones(len(rule), np.bool_)
        self._count("rule", (rule, basis, status), everyone, child)
        self._count("because", (rule, basis, because), status == CANNOT_TELL, child)
        self._count("team", (team, basis, status), everyone, child)
        self._count("rule all", (rule, basis), everyone, child)
        self._count("team all", (team, basis), everyone, child)
        self._count("status", (basis, status), everyone, child)
        self._count("missed", (rule, basis), missed, child)
        self._count("team missed", (team, basis), missed, child)
        self._count("open or missed", (basis, missed.astype(np.int64)), overdue, child)
        for place, (of_basis, of_status) in enumerate(LATENESS):
            chosen = (basis == of_basis) & (status == of_status) & (days >= 0)
            self._count("bands", (np.searchsorted(BANDS, days), np.full(len(rule), place)), chosen, child)
        judged = (basis == HISTORY) & np.isin(status, JUDGED)
        places = np.full(len(STATUSES), 0)
        places[list(JUDGED)] = range(4)
        month = np.where(due == NO_DAY, 0, due).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) - FIRST_MONTH
        nought, come = np.zeros(len(rule), np.int64), due <= found.as_of
        self._count("months", (np.clip(month, 0, MONTHS - 1), places[status]), judged & (due != NO_DAY) & come, child)
        self._count("undated", (nought, places[status]), judged & (due == NO_DAY), child)
        self._count("ahead", (nought, places[status]), judged & ~come, child)
        self._wait(column, overdue & ~missed & (basis != COUNT), child, days, due)
        self.last_case = column["case"][batch.num_rows - 1].as_py()

    def _count(self, name: str, place: tuple[Any, ...], chosen: Bools, child: Int64s) -> None:
        """Add the chosen rows to a table, and the children behind them to its companion."""
        table = self.found.tables[name]
        flat = np.ravel_multi_index(tuple(p[chosen] for p in place), table.shape)
        table += np.bincount(flat, minlength=table.size).reshape(table.shape)
        if not self.found.children:
            return
        pairs = np.unique(child[chosen] * table.size + flat)
        who, where = np.divmod(pairs, table.size)
        before = self.seen.get(name, set())
        fresh = (who != 0) | ~np.isin(where, list(before)) if before else np.ones(len(where), np.bool_)
        distinct = self.found.distinct[name]
        distinct += np.bincount(where[fresh], minlength=table.size).reshape(table.shape)
        last = int(child[-1])
        self.seen[name] = set(where[who == last].tolist()) | (before if last == 0 else set())

    def _room_for_teams(self) -> None:
        """Make the tables by team as long as there are teams."""
        found, size = self.found, len(self.found.teams)
        short = size - len(found.people_by_team)
        if short <= 0:
            return
        for tables in (found.tables, found.distinct):
            for name in ("team", "team all", "team missed"):
                tables[name] = np.concatenate([tables[name], np.zeros((short, *tables[name].shape[1:]), np.int64)])
        found.people_by_team = np.concatenate([found.people_by_team, np.zeros(short, np.int64)])
        found.people_overdue_by_team = np.concatenate([found.people_overdue_by_team, np.zeros(short, np.int64)])

    def _wait(self, column: dict[str, Any], chosen: Bools, child: Int64s, days: Int64s, due: Int64s) -> None:
        """Keep, of the children with something overdue, those who have waited longest."""
        last = int(child[-1])
        rows = np.flatnonzero(chosen)
        if last != 0:
            self._close_with(column, rows[child[rows] == 0], days, due)
        inner = rows[(child[rows] != 0) & (child[rows] != last)]
        if len(inner):
            who, first, n = np.unique(child[inner], return_index=True, return_counts=True)
            worst = np.maximum.reduceat(days[inner], first)
            self.found.people_overdue += len(who)
            team = np.maximum(_codes(column["team"].take(_taken(inner[first])), self.found.teams), 0)
            np.add.at(self.found.people_overdue_by_team, team, 1)
            order = np.lexsort((-n, -worst))[: self.most]
            least = worst[order[-1]] if len(order) else 0
            for i in np.flatnonzero(worst >= least).tolist():  # those of equal wait are told apart by their case id
                mine = inner[first[i] : first[i] + n[i]]
                self._keep([_row(column, int(row), days, due) for row in mine[days[mine] == worst[i]][:1]], int(n[i]), False)
        tail = rows[child[rows] == last] if last != 0 else rows[child[rows] == 0]
        self.open_overdue += len(tail)
        if len(tail):
            self.open.append(_row(column, int(tail[np.argmax(days[tail])]), days, due))

    def _close_with(self, column: dict[str, Any], rows: Int64s, days: Int64s, due: Int64s) -> None:
        self.open_overdue += len(rows)
        if len(rows):
            self.open.append(_row(column, int(rows[np.argmax(days[rows])]), days, due))
        self._close()

    def _close(self) -> None:
        """The child whose rows a batch ended in has no more rows."""
        if self.open:
            self._keep(self.open, self.open_overdue, True)
        self.open, self.open_overdue = [], 0

    def _keep(self, rows: list[Any], overdue: int, count: bool) -> None:
        days, row = max(((each[0], each) for each in rows), key=lambda pair: pair[0])
        _, due, case, rule, basis, team, worker = row
        if count:
            self.found.people_overdue += 1
            self.found.people_overdue_by_team[self.found.teams[team]] += 1
        each = _Reversed(Waiting(-days, -overdue, case, rule, basis, due, team, worker))
        if len(self.kept) < self.most:
            heapq.heappush(self.kept, each)
        elif self.kept and self.kept[0] < each:
            heapq.heapreplace(self.kept, each)

    def end(self) -> None:
        """Close the last child, and put the list in order."""
        self._close()
        self.found.waiting = sorted(each.waiting for each in self.kept)


@dataclass(frozen=True)
class _Reversed:
    """A child in a heap whose least is the one to drop first."""

    waiting: Waiting

    def __lt__(self, other: _Reversed) -> bool:
        return (other.waiting.minus_days, other.waiting.minus_overdue, other.waiting.case) < (
            self.waiting.minus_days,
            self.waiting.minus_overdue,
            self.waiting.case,
        )


def _row(column: dict[str, Any], at: int, days: Int64s, due: Int64s) -> tuple[Any, ...]:
    texts = (column[name][at].as_py() for name in ("case", "rule", "basis", "team", "worker"))
    return (int(days[at]), int(due[at]), *texts)


def _codes(column: Any, names: dict[Any, int], grow: bool = False) -> Int64s:
    """A column of text as places in the names given, which grow by those that are new; -1 where there is none."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary.to_pylist()
    if grow:
        for value in values:
            names.setdefault(value, len(names))
    known = np.array([*(names.get(value, NOBODY) for value in values), NOBODY], np.int64)
    found: Int64s = known[column.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)]
    return found


def _days(column: Any, missing: int) -> Int64s:
    import pyarrow as pa

    found: Int64s = column.cast(pa.int32()).fill_null(missing).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _changes(column: Any) -> Bools:
    """Where a column differs from the row before; True at the first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode() if len(column.dictionary) != len(column.dictionary.unique()) else column.indices
    differs = np.ones(len(column), np.bool_)
    if len(column) > 1:
        differs[1:] = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy(zero_copy_only=False)
    return differs


def _taken(rows: Int64s) -> Any:
    import pyarrow as pa

    return pa.array(rows)
