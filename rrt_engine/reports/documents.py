"""What `check` and `replay` say to other programs: JSON documents whose shapes are public and published as schemas."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.calendar import Moment, as_date
from rrt_engine.checking import Changes, Checked
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.explain.flags import Explained
from rrt_engine.model import Suggestion
from rrt_engine.replay.run import Replay
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.merge import Merging, Place
from rrt_engine.words import as_of_text

if TYPE_CHECKING:
    from rrt_engine.replay.audit import Agreement, Audit, Group, Share

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
    suggestion: Suggestion | None = Field(
        description="What the facts point to; null where there are none, or no threshold rule was in force. A person decides."
    )
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
    ended_since: int = Field(description="Of the overdue, those that were never done and have ended since: nothing is left to do.")
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


class TogetherRow(_Shape):
    """The children that just these sources know, as one log, and what the log can hold."""

    sources: list[str]
    children: int
    events: int
    kinds: int | None = Field(description="How many kinds of event it can hold; null for every kind.")
    latest_only: list[str] = Field(description="Kinds of which only the latest date is held.")
    since: dict[str, str] = Field(
        description="The day from which a kind is held, where the sources say so; an empty name is every other kind."
    )
    until: dict[str, str] = Field(description="The last day the sources speak of, by kind; an empty name is every other kind.")


class PlaceRow(_Shape):
    """An event in a source: the sheet or file, the row or line, and its day."""

    source: str
    origin: str
    row: int
    date: str


class SourcesDisagreeRow(_Shape):
    """Two sources say different things of one event. No value but dates is shown."""

    child: str
    event: str
    differs: str = Field(description="date, time, latest date, or the attribute that differs.")
    kept: PlaceRow | None = Field(description="What stands; null where a latest date was left out that a history does not have.")
    other: PlaceRow


class ApartRow(_Shape):
    """One id with different dates of birth: judged apart, under each source."""

    child: str
    sources: list[str]


class AlikeRow(_Shape):
    """Ids that may be one child. They are not put together."""

    ids: list[str]
    sources: list[list[str]]
    why: str


class MergingDocument(_Shape):
    """How several sources fit together."""

    children_in_several: int
    events_counted_once: int
    groups: list[TogetherRow]
    disagreements: int
    disagreements_by_event: list[dict[str, Any]] = Field(description="event, differs and count, most first.")
    first_disagreements: list[SourcesDisagreeRow] = Field(description="The first ten; --disagreements writes every one.")
    apart: list[ApartRow]
    perhaps_one_child: list[AlikeRow]


class RefusedRow(_Shape):
    """A source that could not be read at all, and why."""

    source: str
    diagnostics: list[Diagnostic]


class ShareRow(_Shape):
    """A share with its denominator and its 95% Wilson interval; null where a number is too small to show."""

    count: int | None
    of: int | None
    share: float | None
    low: float | None = Field(description="Lower end of the interval; null without SciPy.")
    high: float | None


class FactSourceRow(_Shape):
    """One source of facts and decisions: what was read, used and rejected."""

    source: str
    cases: int
    children_without_facts: int
    facts_read: int | None = Field(description="Rows of a table of facts; null for a case file.")
    facts_used: int | None
    decisions_read: int | None
    decisions_used: int | None
    decisions_superseded: int | None = Field(description="Earlier decisions on a case that has a later one.")
    rejected: list[dict[str, Any]] = Field(description="Each rejected row of either table: origin, row and why.")
    diagnostics: list[Diagnostic]


class DisagreementRow(_Shape):
    """One case of the dip sample: the level decided is not the one suggested. Neither is taken to be right."""

    case: str
    source: str
    suggested_level: int
    suggested_significant: bool
    suggested_pathway: str
    decided_level: int
    decided_pathway: str
    reason: str


class AgreementDocument(_Shape):
    """Recorded decisions beside suggestions. Agreement, never accuracy: there is no single ground truth."""

    compared: int | None
    table: list[list[int | None]] = Field(description="Levels suggested (rows 1 to 4) by levels decided (columns 1 to 4).")
    suggested_totals: list[int | None]
    decided_totals: list[int | None]
    agreeing: ShareRow
    decided_above: ShareRow
    decided_below: ShareRow
    decisions_on_cases_without_facts: int
    disagreements: int | None
    dip_sample: list[DisagreementRow]
    dip_sample_method: str


class BaseRateRow(_Shape):
    """A published figure beside what was found."""

    id: str
    title: str
    percent: float
    to: float | None
    figures: str | None
    source: str
    verified: str
    found: ShareRow
    found_is: str
    far: bool | None = Field(description="Whether what was found is far from it; null where that cannot be said.")


class ThresholdsDocument(_Shape):
    """What `rrt replay --thresholds` adds: suggestions counted, and recorded decisions beside them. A person decides."""

    cases: int
    distinct: int = Field(description="Distinct sets of indicators, each reasoned over once.")
    checked_by: str
    suppressed_under: int = Field(description="Counts of people below this are null, with others that would give them away.")
    sources: list[FactSourceRow]
    refused: list[RefusedRow]
    suggested_levels: dict[str, int | None]
    suggested_pathways: dict[str, int | None] = Field(description="By the first pathway suggested.")
    suggested_urgency: dict[str, int | None]
    could_be_higher: ShareRow = Field(description="Cases that thin evidence keeps from being placed: it could be more than is suggested.")
    could_be: dict[str, int | None] = Field(description="These by the level it could be.")
    missing: dict[str, int | None] = Field(description="Facts that are missing and would change the answer, by how many cases miss them.")
    missing_asked_of: int = Field(description="How many cases were asked: all, or a systematic sample.")
    agreement: AgreementDocument | None
    base_rates: list[BaseRateRow]
    far: str
    notes: list[str]
    notice: str


class ReplayDocument(_Shape):
    """What `rrt replay --format json` prints: every rule over every timeline of every source."""

    schema_: Literal["rrt/replay/1"] = Field("rrt/replay/1", alias="schema")
    as_of: str
    engine: str
    rule_set: RuleSet
    sources: list[SourceRow]
    merging: MergingDocument | None = Field(None, description="How several sources fit together; left out where there is one.")
    refused: list[RefusedRow]
    rules: list[RuleRow]
    not_evaluable: dict[str, list[str]] = Field(description="Rules no source can support, with the event kinds it lacks.")
    partly_evaluable: dict[str, list[str]] = Field(description="Rules that only some sources can support: the sources that cannot.")
    never_answered: dict[str, list[str]] = Field(description="Rules whose answering events occur nowhere in a source.")
    flags: int
    thresholds: ThresholdsDocument | None = Field(None, description="Suggestions and their audit, with --thresholds; otherwise left out.")
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


def replay_document(replay: Replay, audit: Audit | None = None) -> dict[str, Any]:
    """The per-rule table, the sources and what could not be judged; with an audit, what it found."""
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
                "events_after_as_of": replay.after_as_of(s),
                "records_read": s.reading.records_read,
                "records_used": s.reading.records_used,
                "records_rejected": len(s.reading.rejected),
                "rejected": [asdict(r) for r in s.reading.rejected],
                "diagnostics": [asdict(d) for d in s.reading.diagnostics],
            }
            for s in replay.read
        ],
        **({"merging": _merging(replay.merging)} if replay.merging and len(replay.read) > 1 else {}),
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
                "ended_since": line.ended_since,
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
        **({"thresholds": _thresholds(audit)} if audit else {}),
        "notice": REMINDER,
    }


def _merging(found: Merging) -> dict[str, Any]:
    def place(each: Place) -> dict[str, Any] | None:
        return asdict(each) if each.source else None

    return {
        "children_in_several": found.shared,
        "events_counted_once": found.counted_once,
        "groups": [
            {
                "sources": [found.names[i] for i in group.members],
                "children": len(group.log.children),
                "events": len(group.log),
                "kinds": None if group.log.coverage.kinds is None else len(group.log.coverage.kinds),
                "latest_only": sorted(group.log.coverage.latest),
                "since": {k: as_date(day).isoformat() for k, day in sorted(group.log.coverage.since.items()) if day >= 0},
                "until": {k: as_date(day).isoformat() for k, day in sorted(group.log.coverage.until.items())},
            }
            for group in found.groups
        ],
        "disagreements": len(found.disagreements),
        "disagreements_by_event": [{"event": e, "differs": what, "count": n} for (e, what), n in found.by_what().items()],
        "first_disagreements": [
            {"child": d.child, "event": d.event, "differs": d.what, "kept": place(d.kept), "other": place(d.other)}
            for d in found.disagreements[:10]
        ],
        "apart": [{"child": a.child, "sources": [found.names[i] for i in a.sources]} for a in found.apart],
        "perhaps_one_child": [
            {"ids": list(a.ids), "sources": [[found.names[i] for i in of] for of in a.sources], "why": a.why} for a in found.alike
        ],
    }


def _thresholds(audit: Audit) -> dict[str, Any]:
    return {
        "cases": audit.cases,
        "distinct": audit.suggestions.distinct,
        "checked_by": audit.suggestions.checked_by,
        "suppressed_under": audit.settings.suppress_under,
        "sources": [_fact_source(group) for group in audit.groups],
        "refused": [{"source": r.path, "diagnostics": [asdict(d) for d in r.diagnostics]} for r in audit.refused],
        "suggested_levels": audit.levels,
        "suggested_pathways": audit.pathways,
        "suggested_urgency": audit.urgencies,
        "could_be_higher": _share(audit.could_be_more),
        "could_be": {str(level): n for level, n in audit.could_be.items()},
        "missing": audit.missing,
        "missing_asked_of": audit.missing_asked,
        "agreement": _agreement(audit.agreement) if audit.agreement else None,
        "base_rates": [
            {
                "id": b.id,
                "title": b.rate.title,
                "percent": b.rate.percent,
                "to": b.rate.to,
                "figures": b.rate.figures,
                "source": b.source,
                "verified": b.rate.verified,
                "found": _share(b.found),
                "found_is": b.what,
                "far": b.far,
            }
            for b in audit.beside
        ],
        "far": audit.far_words,
        "notes": [*audit.unused, *audit.notes],
        "notice": audit.book.notice,
    }


def _fact_source(group: Group) -> dict[str, Any]:
    facts, decisions = group.facts, group.decisions
    tables = [t for t in (facts, decisions) if t]
    return {
        "source": group.source,
        "cases": group.cases,
        "children_without_facts": group.without,
        "facts_read": facts.records_read if facts else None,
        "facts_used": facts.records_used if facts else None,
        "decisions_read": decisions.records_read if decisions else None,
        "decisions_used": decisions.records_used if decisions else None,
        "decisions_superseded": decisions.superseded if decisions else None,
        "rejected": [asdict(r) for table in tables for r in table.rejected],
        "diagnostics": [asdict(d) for table in tables for d in table.diagnostics],
    }


def _agreement(found: Agreement) -> dict[str, Any]:
    return {
        "compared": found.compared,
        "table": [list(row) for row in found.table.cells],
        "suggested_totals": list(found.table.rows),
        "decided_totals": list(found.table.columns),
        "agreeing": _share(found.agreeing),
        "decided_above": _share(found.above),
        "decided_below": _share(found.below),
        "decisions_on_cases_without_facts": found.without_facts,
        "disagreements": found.disagreements,
        "dip_sample": [
            {
                "case": d.case,
                "source": d.source,
                "suggested_level": d.suggested,
                "suggested_significant": d.significant,
                "suggested_pathway": d.suggested_pathway,
                "decided_level": d.decided,
                "decided_pathway": d.decided_pathway,
                "reason": d.reason,
            }
            for d in found.sample
        ],
        "dip_sample_method": found.method,
    }


def _share(share: Share) -> dict[str, Any]:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 6)

    return {
        "count": share.count,
        "of": share.of,
        "share": rounded(share.value),
        "low": rounded(share.low),
        "high": rounded(share.high),
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
