"""What `check` and `replay` say to other programs: JSON documents whose shapes are public and published as schemas."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.calendar import Moment
from rrt_engine.checking import Changes, Checked
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.explain.flags import Explained
from rrt_engine.model import Suggestion
from rrt_engine.replay.run import Replay
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.words import as_of_text

REMINDER = "These are suggestions; a person decides."


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleSet(_Shape):
    """Which rule set gave the answer."""

    id: str
    version: str
    digest: str = Field(description="SHA-256 over every file of the rule set.")


class WhatIf(_Shape):
    """The same case with facts changed."""

    changed: list[str]
    suggestion: Suggestion


class CheckDocument(_Shape):
    """What `rrt check --format json` prints: one case at one date."""

    schema_: Literal["rrt/check/1"] = Field("rrt/check/1", alias="schema")
    as_of: str
    engine: str
    rule_set: RuleSet
    case: str
    flags: list[Explained]
    suggestion: Suggestion | None = Field(description="What the facts point to; null where the case has none. A person decides.")
    what_if: WhatIf | None = Field(None, description="The suggestion if facts were changed as asked.")
    events_after_as_of: int = Field(description="Events later than the as-of date, which are not counted.")
    not_evaluable: dict[str, list[str]] = Field(description="Rules the case says it does not cover, with the event kinds it lacks.")
    diagnostics: list[Diagnostic]
    notice: str


class RuleRow(_Shape):
    """One row of the per-rule table: one rule, on one basis."""

    rule: str
    title: str
    service: str
    authority: str
    verified: str
    basis: Literal["history", "now", "count"] = Field(
        description="history: every date; now: the source holds only the latest dates; count: a pattern without a time limit."
    )
    started: int
    met: int
    late: int
    early: int
    overdue: int
    due_soon: int
    due: int
    ended: int
    cannot_tell: int
    cannot_tell_because: dict[str, int]
    on_time: int
    judged: int
    share_on_time: float | None = Field(description="on_time / judged; null where nothing can be judged.")


class SourceRow(_Shape):
    """One source: what was read, used and rejected."""

    source: str
    format: str
    children: int
    events: int
    events_after_as_of: int
    records_read: int
    records_used: int
    records_rejected: int
    rejected: list[dict[str, Any]] = Field(description="Each rejected record: origin, row and why.")
    diagnostics: list[Diagnostic]


class RefusedRow(_Shape):
    """A source that could not be read at all, and why."""

    source: str
    diagnostics: list[Diagnostic]


class ReplayDocument(_Shape):
    """What `rrt replay --format json` prints: every rule over every timeline of every source."""

    schema_: Literal["rrt/replay/1"] = Field("rrt/replay/1", alias="schema")
    as_of: str
    engine: str
    rule_set: RuleSet
    sources: list[SourceRow]
    refused: list[RefusedRow]
    rules: list[RuleRow]
    not_evaluable: dict[str, list[str]] = Field(description="Rules no source can support, with the event kinds it lacks.")
    partly_evaluable: dict[str, list[str]] = Field(description="Rules that only some sources can support: the sources that cannot.")
    never_answered: dict[str, list[str]] = Field(description="Rules whose answering events occur nowhere in a source.")
    flags: int
    notice: str


def check_document(checked: Checked, book: RuleBook, as_of: Moment, changes: Changes | None = None) -> dict[str, Any]:
    """One case's flags and suggestion with their working."""
    result = checked.result
    return {
        "schema": "rrt/check/1",
        "as_of": as_of_text(as_of),
        "engine": __version__,
        "rule_set": _rule_set(book),
        "case": checked.case.id,
        "flags": [asdict(f) for f in checked.flags],
        "suggestion": asdict(checked.suggestion) if checked.suggestion else None,
        "what_if": {"changed": list(changes.what), "suggestion": asdict(changes.suggestion)} if changes else None,
        "events_after_as_of": result.after_as_of,
        "not_evaluable": {n.rule: list(n.missing) for n in result.not_evaluable},
        "diagnostics": [],
        "notice": REMINDER,
    }


def replay_document(replay: Replay) -> dict[str, Any]:
    """The per-rule table, the sources and what could not be judged."""
    return {
        "schema": "rrt/replay/1",
        "as_of": as_of_text(replay.as_of),
        "engine": __version__,
        "rule_set": _rule_set(replay.book),
        "sources": [
            {
                "source": s.path,
                "format": s.reading.format,
                "children": len(s.reading.log.children),
                "events": len(s.reading.log),
                "events_after_as_of": s.result.after_as_of,
                "records_read": s.reading.records_read,
                "records_used": s.reading.records_used,
                "records_rejected": len(s.reading.rejected),
                "rejected": [asdict(r) for r in s.reading.rejected],
                "diagnostics": [asdict(d) for d in s.reading.diagnostics],
            }
            for s in replay.sources
        ],
        "refused": [{"source": r.path, "diagnostics": [asdict(d) for d in r.diagnostics]} for r in replay.refused],
        "rules": [
            {
                "rule": line.rule,
                "title": line.title,
                "service": line.service,
                "authority": line.authority,
                "verified": line.verified,
                "basis": line.basis,
                "started": line.started,
                **line.statuses,
                "cannot_tell_because": line.cannot_tell_because,
                "on_time": line.on_time,
                "judged": line.judged,
                "share_on_time": None if line.share is None else round(line.share, 6),
            }
            for line in replay.lines()
        ],
        "not_evaluable": {rule: list(kinds) for rule, kinds in replay.not_evaluable().items()},
        "partly_evaluable": replay.partly_evaluable(),
        "never_answered": {rule: list(kinds) for rule, kinds in replay.never_answered().items()},
        "flags": sum(len(s.result.flags) for s in replay.sources),
        "notice": REMINDER,
    }


def _rule_set(book: RuleBook) -> dict[str, str]:
    return {"id": book.id, "version": book.version, "digest": book.digest}


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schemas of both documents, by file name."""
    return {
        "check.schema.json": CheckDocument.model_json_schema(by_alias=True),
        "replay.schema.json": ReplayDocument.model_json_schema(by_alias=True),
    }


__all__ = ["REMINDER", "as_of_text", "check_document", "replay_document", "schemas"]
