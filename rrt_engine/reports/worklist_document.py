"""What `rrt worklist --format json` prints: a document whose shape is public and published as a schema."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.replay.worklist import Item, Lines, Worklist
from rrt_engine.reports.documents import REMINDER
from rrt_engine.words import as_of_text


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleSetNamed(_Shape):
    """Which rule set gave the answer."""

    id: str
    version: str
    digest: str


class Line(_Shape):
    """One thing to do."""

    case: str
    team: str | None = Field(description="The team last recorded for the child; null where none is.")
    worker: str | None = Field(description="The worker last recorded for the child, as the code in the source.")
    rule: str
    what: str
    service: str
    authority: Literal["duty", "guidance", "practice", "court", "local", "kpi"]
    verified: Literal["instrument", "secondary", "recalled", "local value needed"]
    due: str | None = Field(description="The last day on time, or the UK time that an hour clock runs out.")
    due_in_words: str
    how: str = Field(description="How late or how soon, in the rule's own unit.")
    days_late: int | None = Field(description="Calendar days since it was due; null unless overdue.")
    since: dict[str, str] = Field(description="The event that started the clock, when, and both in words.")
    check: str | None = Field(description="What to check of the dates before acting, as where the child is recorded to have died before.")
    next_step: str | None = Field(description="The next step that the rule suggests where it is overdue.")
    missing: str | None = Field(description="What would have to be recorded for it to be told.")
    provisional: bool = Field(description="Whether the due date rests on bank holidays not yet announced.")
    latest_only: bool = Field(description="Whether the source holds only the latest dates, so that this says only how things stand now.")
    source: str
    row: int | None


class CalendarDay(_Shape):
    """One day from the as-of date to the last working day asked for."""

    day: str
    closed: str | None = Field(description="Why it is not a working day: weekend, or the bank holiday's name.")
    due: dict[str, int] = Field(description="How much is due, by team.")


class Totals(_Shape):
    """How many lines each part of the list has."""

    overdue: int
    due: int = Field(description="Due up to the last day of the calendar.")
    due_soon_after: int
    cannot_tell: int
    children: int = Field(description="Children with something overdue or due.")
    no_team: int = Field(description="Lines overdue or due for children with no team recorded.")
    missed_and_ended: int = Field(description="Missed, and ended since: nothing is left to do, so not on the list.")
    not_asked_for: int
    after_death: int = Field(description="Lines that began after the recorded death of the child: check their dates.")


class RefusedSource(_Shape):
    """A source that could not be read at all, and why."""

    source: str
    diagnostics: list[Diagnostic]


class WorklistDocument(_Shape):
    """What `rrt worklist --format json` prints: what is overdue and what is due next, at one date."""

    schema_: Literal["rrt/worklist/1"] = Field("rrt/worklist/1", alias="schema")
    as_of: str
    last_day: str
    engine: str
    rule_set: RuleSetNamed
    totals: Totals
    calendar: list[CalendarDay]
    overdue: list[Line]
    due: list[Line]
    cannot_tell: list[Line]
    unanswered: dict[str, int] = Field(description="Rules whose answering events a source never holds, with the lines that rest on them.")
    latest_only_sources: list[str]
    kept_apart: list[str] = Field(description="Ids on the list whose sources give different dates of birth, listed apart for each.")
    refused: list[RefusedSource]
    notice: str


def worklist_document(found: Worklist) -> dict[str, Any]:
    """The whole list for other programs."""
    teams, days = found.calendar()
    near = found.due_by(True)
    return {
        "schema": "rrt/worklist/1",
        "as_of": as_of_text(found.as_of),
        "last_day": _iso(found.last_day),
        "engine": __version__,
        "rule_set": {"id": found.book.id, "version": found.book.version, "digest": found.book.digest},
        "totals": {
            "overdue": len(found.overdue),
            "due": near,
            "due_soon_after": len(found.due) - near,
            "cannot_tell": len(found.unclear),
            "children": found.children(),
            "no_team": int((found.overdue.team == 0).sum() + (found.due.team == 0).sum()),
            "missed_and_ended": found.not_done,
            "not_asked_for": found.elsewhere,
            "after_death": found.after_death(),
        },
        "calendar": [{"day": _iso(d.day), "closed": d.closed or None, "due": dict(zip(teams, d.counts, strict=True))} for d in days],
        "overdue": _lines(found, found.overdue),
        "due": _lines(found, found.due),
        "cannot_tell": _lines(found, found.unclear),
        "unanswered": found.unanswered,
        "latest_only_sources": found.latest_only(),
        "kept_apart": [each.child for each in found.kept_apart()],
        "refused": [{"source": r.path, "diagnostics": [asdict(d) for d in r.diagnostics]} for r in found.replay.refused],
        "notice": REMINDER,
    }


def _iso(day: int) -> str:
    from rrt_engine.calendar import as_date

    return as_date(day).isoformat()


def _lines(found: Worklist, lines: Lines) -> list[dict[str, Any]]:
    return [_line(found, item) for item in found.items(lines)]


def _line(found: Worklist, item: Item) -> dict[str, Any]:
    return {
        "case": item.case,
        "team": None if item.team == found.teams[0] else item.team,
        "worker": None if item.worker == found.workers[0] else item.worker,
        "rule": item.rule,
        "what": item.what,
        "service": item.service,
        "authority": item.authority,
        "verified": item.verified,
        "due": item.due_iso() or None,
        "due_in_words": item.due,
        "how": item.how,
        "days_late": item.days_late if item.part == "overdue" else None,
        "since": {"event": item.since_event, "at": item.since_at, "words": item.since},
        "check": item.check or None,
        "next_step": item.next_step or None,
        "missing": item.missing or None,
        "provisional": item.provisional,
        "latest_only": item.latest_only,
        "source": item.source,
        "row": item.row or None,
    }
