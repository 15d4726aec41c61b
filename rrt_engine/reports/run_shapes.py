"""The shapes of a report: what the page, the workbook, the tables and the document all show.

Every row says which rows of the flags it counts: `where` is a condition on the columns of `flags/*.parquet`, as SQL writes it, and
each column of a table has its own, so that anybody can count a number again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rrt_engine.calendar import Moment
    from rrt_engine.diagnostics import Diagnostic
    from rrt_engine.reports.run_kpis import Kpis

Number = int | None
"""A count; None where it is left out because it is small, or would give a small one away."""


@dataclass(frozen=True)
class SourceLine:
    """A source as the run read it."""

    name: str
    format: str
    sha256: str
    read: int
    used: int
    rejected: int
    set_aside: int


@dataclass(frozen=True)
class RejectedLine:
    """Records of one source that could not be used for one reason; `places` are the first rows of them."""

    source: str
    why: str
    count: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class RuleRow:
    """What one rule found on one basis; the sum over all rules where `rule` is empty.

    `statuses` has the statuses by name; for sharing, `late_or_early` and `due_or_due_soon` stand for two each. `judged` and
    `on_time` give the share, as in `RuleLine`; None where they are left out, and 0 where there is nothing to judge. `overdue` is all that
    was not done in time and not since; `missed` says how many of them have ended since, so that nothing is left to do.
    """

    rule: str
    title: str
    service: str
    authority: str
    verified: str
    basis: str
    started: Number
    statuses: Mapping[str, Number]
    because: Mapping[str, Number]
    missed: Number
    on_time: Number
    judged: Number
    where: str

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1."""
        return share_of(self.on_time, self.judged)


@dataclass(frozen=True)
class BandRow:
    """Duties by how many days late: done late, not done where the history is held, and not done where only latest dates are."""

    label: str
    late: Number
    overdue: Number
    overdue_now: Number
    where: str


@dataclass(frozen=True)
class MonthRow:
    """Duties by when they fell due: a month, or what lies before and after the months shown.

    `late` is late or too early; `whole` says that it is a whole month.
    """

    label: str
    month: str
    met: Number
    late: Number
    overdue: Number
    judged: Number
    whole: bool
    where: str

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1."""
        return share_of(self.met, self.judged)


@dataclass(frozen=True)
class CaseRow:
    """A child with something overdue that can still be done, and the duty overdue longest."""

    case: str
    team: str | None
    worker: str | None
    overdue: int
    rule: str
    title: str
    basis: str
    due: str
    days_late: int
    where: str


@dataclass(frozen=True)
class TeamRow:
    """What a team's children have: duties with a history, and how things stand now. `team` is None for children without one.

    `late` is late or too early, and `due` due or due soon. `missed` was not done and has ended since, on any basis. `overdue_now` is what
    can still be done; for sharing, where `missed` is left out, with what has ended.
    """

    team: str | None
    children: Number
    children_overdue: Number
    started: Number
    met: Number
    late: Number
    overdue: Number
    due: Number
    ended: Number
    cannot_tell: Number
    missed: Number
    overdue_now: Number
    running_now: Number
    where: str

    @property
    def judged(self) -> Number:
        """What can be judged of the duties with a history: done on time, late or too early, or overdue."""
        return None if None in (self.met, self.late, self.overdue) else (self.met or 0) + (self.late or 0) + (self.overdue or 0)

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1."""
        return share_of(self.met, self.judged)


@dataclass(frozen=True)
class LocalValue:
    """A value that the authority sets, as it was in this run."""

    name: str
    title: str
    value: str
    verified: str
    changed: bool


@dataclass(frozen=True)
class Summary:
    """Everything a report says of a run. `under` is the number below which numbers are left out; 0 where all are shown.

    `never_answered` are rules with duties not done whose answers occur nowhere in sources that may simply not hold them;
    `not_evaluable` those that no source can support, with the events they lack; `silent` the others that nothing started.
    """

    engine: str
    rule_set: Mapping[str, str]
    rule_title: str
    notice: str
    changes: tuple[tuple[str, str], ...]
    announced_to: str
    as_of: Moment
    as_known: str | None
    under: int
    sources: tuple[SourceLine, ...]
    counts: Mapping[str, Number]
    rejected: tuple[RejectedLine, ...]
    rejected_reasons: int
    set_aside: tuple[tuple[str, str], ...]
    said: tuple[Diagnostic, ...]
    local: tuple[LocalValue, ...]
    totals: Mapping[str, RuleRow]
    rules: tuple[RuleRow, ...]
    never_answered: tuple[tuple[str, str, tuple[str, ...]], ...]
    not_evaluable: tuple[tuple[str, str, tuple[str, ...]], ...]
    silent: tuple[tuple[str, str], ...]
    bands: tuple[BandRow, ...]
    months: tuple[MonthRow, ...]
    cases: tuple[CaseRow, ...]
    teams: tuple[TeamRow, ...]
    team_totals: TeamRow
    kpis: Kpis

    def of_basis(self, basis: str) -> list[RuleRow]:
        """The rules on one basis, in the order of the book."""
        return [row for row in self.rules if row.basis == basis]


def share_of(part: Number, whole: Number) -> float | None:
    """A share from 0 to 1; None where there is nothing to judge, or a number is left out.

    >>> share_of(3, 4), share_of(0, 0), share_of(None, 9)
    (0.75, None, None)
    """
    return part / whole if whole and part is not None else None


def quoted(text: str) -> str:
    """A text as SQL writes it.

    >>> quoted("St Mary's")
    "'St Mary''s'"
    """
    return "'" + text.replace("'", "''") + "'"
