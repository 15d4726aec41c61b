"""The duties of a run that somebody asks for, by rule, status, team, service and basis: how many, which, and the condition as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rrt_engine.model import STATUSES
from rrt_engine.reports.compare_words import day_text, late_days
from rrt_engine.reports.run_shapes import TeamRow, quoted
from rrt_engine.reports.run_tables import ALL_NOT_DONE, MISSED, NO_TEAM, OPEN, of_statuses
from rrt_engine.reports.text import BECAUSE_WORDS
from rrt_engine.words import STATUS_WORDS

if TYPE_CHECKING:
    from rrt_engine.replay.run_folder import Run
    from rrt_engine.rulebook.book import RuleBook

STATES: dict[str, tuple[str, str]] = {
    "open": ("Overdue now", OPEN),
    "missed": ("Missed, and ended since", MISSED),
    "overdue": ("Not done: overdue now, or missed and ended since", ALL_NOT_DONE),
    **{status: (STATUS_WORDS[status], of_statuses([status])) for status in STATUSES if status != "overdue"},
}
"""What may be asked for of a duty's status: by name, the words and the condition."""
BASIS_WORDS = {
    "history": "From a history",
    "now": "As things stand now: only the latest dates are held",
    "count": "Patterns, which have no time limit",
}
_SHOWN: tuple[str, ...] = (
    "case",
    "rule",
    "title",
    "service",
    "status",
    "trigger_event",
    "trigger_at",
    "due",
    "due_at",
    "answer_event",
    "answer_at",
)
_SHOWN += ("ended_by", "ended_at", "days_late", "cannot_tell_because", "basis", "team", "worker")


@dataclass(frozen=True)
class Wanted:
    """What is asked for; "" or None where everything is. `state` is a name of STATES, and `team` a team's row of the report."""

    rule: str = ""
    state: str = ""
    service: str = ""
    basis: str = ""
    team: TeamRow | None = None

    @property
    def where(self) -> str:
        """The condition on the columns of `flags/*.parquet`, as SQL writes it; "" where everything is asked for."""
        said = [f"{name} = {quoted(value)}" for name, value in self._plain() if value]
        said += [STATES[self.state][1]] if self.state else []
        said += [self.team.where] if self.team else []
        return " and ".join(said)

    @property
    def filter(self) -> Any:
        """The same condition for pyarrow; None where everything is asked for."""
        import pyarrow.dataset as ds

        found = [ds.field(name) == value for name, value in self._plain() if value]
        if self.state in ("open", "missed"):
            found.append(ds.field("status") == "overdue")
            ended = ds.field("ended_by").is_valid()
            found.append(ended if self.state == "missed" else ~ended)
        elif self.state:
            found.append(ds.field("status") == self.state)
        if self.team:
            of = ds.field("team")
            found.append(of.is_null() if self.team.team is None else of == self.team.team)
        together = None
        for each in found:
            together = each if together is None else together & each
        return together

    def _plain(self) -> tuple[tuple[str, str], ...]:
        return ("basis", self.basis), ("service", self.service), ("rule", self.rule)


@dataclass(frozen=True)
class Counted:
    """How many duties are asked for in each part of a run, and of how many children in all."""

    parts: tuple[int, ...]
    children: int

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.parts)


def count(run: Run, wanted: Wanted) -> Counted:
    """Count what is asked for. Raises InputError where the flags cannot be read."""
    parts, children = [], 0
    for table in run.batches(["case"], wanted.filter):
        parts.append(table.num_rows)
        children += len(table["case"].unify_dictionaries().unique())
    return Counted(tuple(parts), children)


def some(run: Run, wanted: Wanted, counted: Counted, first: int, most: int) -> list[dict[str, Any]]:
    """Some of the duties asked for, from the `first` on, counted from 0: in the order of the run, which is by child and rule."""
    found: list[dict[str, Any]] = []
    starts = [0, *accumulate(counted.parts)]
    for place, start in enumerate(starts[:-1]):
        left = most - len(found)
        if left and first < starts[place + 1] and counted.parts[place]:
            table = run.part_flags(place, _SHOWN, wanted.filter)
            found += table.slice(max(0, first - start), left).to_pylist()
    return found


def row_words(row: Mapping[str, Any], book: RuleBook) -> dict[str, str]:
    """A duty in words: when it began, when it was due, and what became of it."""
    state = row["status"]
    if state == "overdue":
        state = "open" if row["ended_by"] is None else "missed"
    recorded = row["basis"] == "count" and row["status"] == "met"
    done = _event(row["answer_event"], row["answer_at"], book)
    return {
        "status": "Recorded" if recorded else STATES[state][0],
        "began": _event(row["trigger_event"], row["trigger_at"], book),
        "due": day_text(row["due_at"] or row["due"]),
        "then": done or _event(row["ended_by"], row["ended_at"], book),
        "late": "" if row["days_late"] is None else late_days(row["days_late"]),
        "why": BECAUSE_WORDS[row["cannot_tell_because"]] if row["cannot_tell_because"] else "",
        "team": row["team"] or NO_TEAM,
        "worker": row["worker"] or "",
    }


def _event(name: str | None, at: str | None, book: RuleBook) -> str:
    if name is None:
        return ""
    said = book.events[name].title if name in book.events else name.replace("_", " ").capitalize()
    return f"{said}{f', {day_text(at)}' if at else ''}"
