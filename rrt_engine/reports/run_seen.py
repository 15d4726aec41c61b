"""The tables of counts behind a report, and which of their numbers can be shown: small ones are left out of all of them together.

For sharing, late and too early are counted together, and so are due and due soon: apart they are mostly small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.model import CANNOT_TELL, DUE, DUE_SOON, EARLY, ENDED, LATE, MET, OVERDUE, STATUSES, Int64s
from rrt_engine.replay.flag_rows import BASES, HISTORY, NOW
from rrt_engine.reports.run_counts import FIRST_MONTH, LATENESS, Counts
from rrt_engine.reports.run_hide import Shown, shown

MONTHS_SHOWN = 24
TEAMS_SHOWN = 100
Groups = dict[str, list[int]]
"""Statuses that are counted together, by name."""
EACH: Groups = {name: [code] for code, name in enumerate(STATUSES)}
TOGETHER: Groups = {
    "met": [MET],
    "late_or_early": [LATE, EARLY],
    "overdue": [OVERDUE],
    "due_or_due_soon": [DUE_SOON, DUE],
    "ended": [ENDED],
    "cannot_tell": [CANNOT_TELL],
}
JUDGED_TOGETHER = ("met", "late_or_early", "overdue")
NOW_TOGETHER = ("overdue", "due_or_due_soon")
Total = tuple[int, str]
"""A total that several tables share: the basis, and the statuses that are counted together."""


@dataclass(frozen=True)
class Cells:
    """A table of counts, the children behind each, the total that each column adds up to, and the children behind totals if known."""

    counts: Int64s
    people: Int64s
    totals: tuple[Total, ...] = ()
    of_rows: Int64s | None = None
    of_columns: Int64s | None = None


class Tables:
    """Every table of the report, and which of its numbers can be shown.

    The tables share their totals: duties by status. A total that one table leaves out is left out in all of them.
    """

    def __init__(self, found: Counts, as_of: int, under: int) -> None:
        self.found, self.under = found, under
        self.groups = EACH if under <= 1 else TOGETHER
        self.teams = _team_groups(found)
        self.table: dict[str, Cells] = {}
        self.first_month = int(np.array(as_of, "datetime64[D]").astype("datetime64[M]").astype(np.int64)) - FIRST_MONTH - MONTHS_SHOWN + 1
        self._add(found)
        self.seen = {name: _everything(table.counts) for name, table in self.table.items()}
        if under > 1:
            self._hide()

    def _add(self, found: Counts) -> None:
        one, people = found.tables, found.distinct
        for code in range(len(BASES)):
            totals: tuple[Total, ...] = tuple((code, name) for name in self.groups)
            cells = _together(one["rule"][:, code], people["rule"][:, code], self.groups.values())
            self.table[f"rule {code}"] = Cells(*cells, totals, people["rule all"][:, code], self._behind(totals))
            because, behind = one["because"][:, code].sum(axis=0)[:, None], people["because"][:, code].max(axis=0, initial=0)[:, None]
            totals = ((code, "cannot_tell"),)
            self.table[f"because {code}"] = Cells(because, behind, totals, None, self._behind(totals))
        for i, (basis, status) in enumerate(LATENESS):
            totals = ((basis, STATUSES[status]),)
            self.table[f"bands {i}"] = Cells(one["bands"][:, [i]], people["bands"][:, [i]], totals, None, self._behind(totals))
        first, last = self.first_month, self.first_month + MONTHS_SHOWN
        months, behind = (
            np.concatenate([merge(of["months"][:first])[None], of["months"][first:last], of["ahead"], of["undated"]])
            for of, merge in ((one, _added), (people, _greatest))
        )
        # The columns of the months are those that can be judged: met, late, early and overdue.
        cells = _together(months, behind, ([0], [1, 2], [3]))
        totals = tuple((HISTORY, name) for name in JUDGED_TOGETHER)
        self.table["months"] = Cells(*cells, totals, None, self._behind(totals))
        for name, basis, names in (("team", HISTORY, tuple(TOGETHER)), ("team now", NOW, NOW_TOGETHER)):
            counts = np.array([_added(one["team"][g][:, basis]) for g in self.teams], np.int64).reshape(-1, len(STATUSES))
            behind = np.array([_greatest(people["team"][g][:, basis]) for g in self.teams], np.int64).reshape(-1, len(STATUSES))
            cells = _together(counts, behind, [TOGETHER[n] for n in names])
            totals = tuple((basis, n) for n in names)
            of_rows = np.array([people["team all"][g, basis].sum() for g in self.teams], np.int64)  # a child is in one team
            self.table[name] = Cells(*cells, totals, of_rows, self._behind(totals))
        children = np.array([[found.people_by_team[g].sum()] for g in self.teams], np.int64).reshape(-1, 1)
        self.table["children"] = Cells(children, children)

    def _behind(self, totals: Sequence[Total]) -> Int64s:
        """The children behind totals that tables share."""
        people = self.found.distinct["status"]
        return np.array([people[basis, {**EACH, **TOGETHER}[name]].max() for basis, name in totals], np.int64)

    def _hide(self) -> None:
        """Leave out what is small in each table, until no table leaves out a total that another shows."""
        late, early = (HISTORY, "late"), (HISTORY, "late_or_early")
        hidden: set[Total] = set()
        if 0 < self.found.distinct["rule"][:, HISTORY, EARLY].max(initial=0) < self.under:
            hidden.add(late)  # with late and too early together, it would tell those too early
        before = -1
        while before != len(hidden):
            before = len(hidden)
            if early in hidden:
                hidden.add(late)
            for name, table in self.table.items():
                forced = [total in hidden for total in table.totals]
                self.seen[name] = seen = shown(table.counts, table.people, self.under, forced, table.of_rows, table.of_columns)
                if name.startswith("bands") and not seen.columns[0]:  # noughts round it would say how late a few were
                    seen.cells[:] = False
                hidden.update(total for ok, total in zip(seen.columns, table.totals, strict=False) if not ok)


def _together(counts: Int64s, people: Int64s, groups: Iterable[list[int]]) -> tuple[Int64s, Int64s]:
    """Columns that are counted together as one; behind it are no fewer children than behind the greatest."""
    columns = list(groups)
    added = np.stack([counts[:, c].sum(axis=1) for c in columns], axis=1)
    return added, np.stack([people[:, c].max(axis=1, initial=0) for c in columns], axis=1)


def _everything(counts: Int64s) -> Shown:
    rows, columns = counts.shape
    return Shown(np.ones((rows, columns), np.bool_), np.ones(rows, np.bool_), np.ones(columns, np.bool_), True)


def _added(counts: Int64s) -> Int64s:
    found: Int64s = counts.sum(axis=0)
    return found


def _greatest(people: Int64s) -> Int64s:
    """The children behind a sum of cells: no fewer than behind its greatest, as they may be the same children."""
    found: Int64s = people.max(axis=0, initial=0)
    return found


def _team_groups(found: Counts) -> list[list[int]]:
    """Teams, those with the most duties first and children without a team last; those past the hundredth are one group."""
    names = list(found.teams)
    started = found.tables["team"].sum(axis=(1, 2))
    order = sorted(np.flatnonzero(started).tolist(), key=lambda i: (-started[i], names[i] or ""))
    named = [i for i in order if names[i] is not None]
    groups = [[i] for i in named[:TEAMS_SHOWN]]
    groups += [named[TEAMS_SHOWN:]] if len(named) > TEAMS_SHOWN else []
    return [*groups, *([i] for i in order if names[i] is None)]
