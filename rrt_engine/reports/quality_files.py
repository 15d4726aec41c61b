"""The quality of the data as a file: one row a finding, for a spreadsheet or a workbook to work through, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.quality.run import Finding, Quality
from rrt_engine.reports.cells import Column, Sheet, day_cell, write_csv, write_workbook
from rrt_engine.reports.quality_text import SEVERITY_WORDS, headline, source_words
from rrt_engine.target import can_be_written, write_atomically
from rrt_engine.words import MARK_WORDS, as_of_text, as_of_words, day_words

FORMATS = (".csv", ".xlsx")
TITLE = "Quality of the data"
COLUMNS = {
    "kind": "finding: from a check; rejected: a record that could not be used; reading: a message of the reader",
    "check": "the check's id, or the short name of the message",
    "rule": "the Department for Education's number; empty where it is our own",
    "severity": "error: it cannot be right; query or warning: somebody should look; note: for information",
    "case": "the child's id in the source",
    "what": "what is on the record, or the message",
    "event": "the event at fault",
    "at": "its date",
    "other_event": "the event it was compared with",
    "other_at": "its date",
    "expected": "what was expected instead",
    "mend": "what to do about it",
    "duties_out_of_shares": "time limits that cannot be told because of these dates, and so are in no share",
    "file": "the file it stands in",
    "row": "the row or line there",
    "other_file": "the file of the other event",
    "other_row": "its row or line there",
    "from": "where the check comes from",
}


def check_target(target: Path) -> None:
    """Raise InputError where findings cannot be written to a file, before any work is done for it."""
    can_be_written(target, FORMATS, "end the name in .csv or .xlsx", "issues.csv")


def write_quality(found: Quality, target: Path) -> int:
    """Write every finding, rejected record and message, and return how many; raises InputError where it cannot."""
    check_target(target)
    if target.suffix.lower() == ".csv":
        write_atomically(target, lambda path: write_csv(path, list(COLUMNS), _rows(found)))
    else:
        write_atomically(target, lambda path: write_workbook(path, found.replay.as_of, TITLE, _sheets(found), about(found)))
    return found.count() + found.rejected() + sum(len(source.said) for source in found.sources)


def _rows(found: Quality) -> Iterator[Sequence[Any]]:
    for finding in found.findings():
        yield _finding_row(found, finding)
    for source in found.sources:
        for record in source.rejected:
            file = _short(record.origin)
            yield ("rejected", "rejected", "", "error", "", record.why, *[""] * 4, "", "", "", file, record.row or "", "", "", "reading")
        for d in source.said:
            place = d.place or d.line or ""
            number = d.code.removeprefix("cin_") if d.code.startswith("cin_") else ""
            yield ("reading", d.code, number, d.severity, "", d.message, *[""] * 4, "", d.help, "", source.path, place, "", "", "reading")


def _short(origin: str) -> str:
    return origin.replace("\\", "/").rpartition("/")[2]


def _finding_row(found: Quality, f: Finding) -> tuple[Any, ...]:
    return (
        "finding",
        f.check.id,
        f.check.number or "",
        f.check.severity,
        f.case,
        f.what,
        f.event,
        f.at,
        f.other_event,
        f.other_at,
        f.check.expected,
        f.check.mend,
        f.duties or "",
        f.file or f.source,
        f.row or "",
        f.other_file,
        f.other_row or "",
        source_words(f.check, found),
    )


# ---------------------------------------------------------------------------------------------------- the workbook

_FINDINGS = (
    Column("Mended", 8, "tick"),
    Column("Case", 14),
    Column("What is wrong", 34, "long"),
    Column("What is on the record", 48, "long"),
    Column("Date", 18, "date"),
    Column("Other date", 18, "date"),
    Column("Expected", 34, "long"),
    Column("What to do", 34, "long"),
    Column("How sure", 14),
    Column("Duties out of shares", 10, "number"),
    Column("File", 22),
    Column("Row", 8, "number"),
    Column("Other row", 8, "number"),
    Column("Rule", 12),
    Column("Check", 28),
    Column("Notes", 24, "long"),
)


def _sheets(found: Quality) -> list[Sheet]:
    lines = found.lines()
    every = len(found.sources)
    summary = [
        (
            line.check.title,
            line.check.number or "",
            SEVERITY_WORDS[line.check.severity],
            line.found,
            line.children,
            line.looked_at,
            line.duties,
            _why_not(line.why_not, every),
            line.check.why,
            source_words(line.check, found),
            MARK_WORDS[line.check.verified] if line.check.source else "",
            line.check.id,
        )
        for line in lines
    ]
    columns = (
        Column("Check", 44, "long"),
        Column("Rule", 12),
        Column("How sure", 14),
        Column("Findings", 10, "number"),
        Column("Children", 10, "number"),
        Column("Looked at", 10, "number"),
        Column("Duties out of shares", 10, "number"),
        Column("Could not be applied", 36, "long"),
        Column("Why it matters", 40, "long"),
        Column("Where it comes from", 30, "long"),
        Column("How its number was checked", 18, "long"),
        Column("Id", 28),
    )
    findings = [
        (
            "",
            f.case,
            f.check.title,
            f.what,
            _date_cell(f.at),
            _date_cell(f.other_at),
            f.check.expected,
            f.check.mend,
            SEVERITY_WORDS[f.check.severity],
            f.duties or None,
            f.file or f.source,
            f.row or None,
            f.other_row or None,
            f.check.number or "",
            f.check.id,
            "",
        )
        for f in found.findings()
    ]
    said = [
        *((_short(r.origin), str(r.row or ""), "not used", r.why, "") for source in found.sources for r in source.rejected),
        *((source.path, str(d.place or d.line or ""), d.severity, d.message, d.help) for source in found.sources for d in source.said),
    ]
    reading = (Column("File", 28), Column("Place", 16), Column("Kind", 10), Column("Message", 80, "long"), Column("What to do", 44, "long"))
    return [
        Sheet("Checks", f"{TITLE} at {as_of_words(found.replay.as_of)}", columns, summary),
        Sheet("Findings", f"Findings: {len(findings):,}", _FINDINGS, findings),
        Sheet("From reading", f"Records that could not be used, and messages from reading the files: {len(said):,}", reading, said),
    ]


def _why_not(why_not: dict[str, str], every: int) -> str:
    """Why a check could not be applied: once where every source has the same reason."""
    reasons = list(dict.fromkeys(why_not.values()))
    if len(why_not) == every and len(reasons) == 1:
        return reasons[0]
    return "; ".join(f"{name}: {why}" for name, why in why_not.items())


def _date_cell(iso: str) -> Any:
    return day_cell(parse_moment(iso).day) if iso else None


def about(found: Quality) -> list[tuple[str, str]]:
    """What the findings are and what they change."""
    book = found.replay.book
    return [
        ("As at", as_of_words(found.replay.as_of)),
        ("Found", headline(found)),
        ("Sources", ", ".join(source.path for source in found.sources[:20]) + (" and more" if len(found.sources) > 20 else "")),
        ("What a finding changes", "No flag. Duties that rest on dates that cannot be right are in no share; each finding says how many."),
        ("Cannot be right", "An error. Mend it in the system that it came from."),
        ("Look at it", "It may be right. Somebody who knows the case should say."),
        ("Working days", f"Bank holidays announced to {day_words(book.calendar.announced_to)}."),
        ("Rule set", f"{book.title}, {book.version}, digest {book.digest}; rrt {__version__}"),
    ]


# ---------------------------------------------------------------------------------------------------- JSON


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CheckRow(_Shape):
    """One check over all sources."""

    id: str
    rule: str | None = Field(description="The Department for Education's number; null where the check is our own.")
    title: str
    severity: Literal["error", "query"]
    findings: int
    children: int
    looked_at: int = Field(description="How much was compared.")
    duties_out_of_shares: int
    not_applied: dict[str, str] = Field(description="For each source it could not be applied to, why.")


class FindingRow(_Shape):
    """One finding."""

    check: str
    rule: str | None
    severity: Literal["error", "query"]
    source: str
    case: str
    what: str
    event: dict[str, str] | None
    other_event: dict[str, str] | None
    expected: str
    mend: str
    duties_out_of_shares: int
    file: str
    row: int | None
    other_file: str
    other_row: int | None


class SourceSaid(_Shape):
    """What reading one source had to say."""

    source: str
    format: str
    collection_year: int | None
    children: int
    events: int
    records_read: int
    records_used: int
    rejected: list[dict[str, Any]]
    diagnostics: list[Diagnostic] = Field(description="The reader's messages, less those that a check says.")


class RefusedRow(_Shape):
    """A source that could not be read at all, and why."""

    source: str
    diagnostics: list[Diagnostic]


class QualityDocument(_Shape):
    """What `rrt quality --format json` prints: what is wrong with the data of each source."""

    schema_: Literal["rrt/quality/1"] = Field("rrt/quality/1", alias="schema")
    as_of: str
    engine: str
    rule_set: dict[str, str]
    checks: list[CheckRow]
    findings: list[FindingRow]
    sources: list[SourceSaid]
    refused: list[RefusedRow]


def quality_document(found: Quality) -> dict[str, Any]:
    """Every check and finding for other programs."""
    book = found.replay.book
    return {
        "schema": "rrt/quality/1",
        "as_of": as_of_text(found.replay.as_of),
        "engine": __version__,
        "rule_set": {"id": book.id, "version": book.version, "digest": book.digest},
        "checks": [
            {
                "id": line.check.id,
                "rule": line.check.number,
                "title": line.check.title,
                "severity": line.check.severity,
                "findings": line.found,
                "children": line.children,
                "looked_at": line.looked_at,
                "duties_out_of_shares": line.duties,
                "not_applied": line.why_not,
            }
            for line in found.lines()
        ],
        "findings": [
            {
                "check": f.check.id,
                "rule": f.check.number,
                "severity": f.check.severity,
                "source": f.source,
                "case": f.case,
                "what": f.what,
                "event": {"event": f.event, "at": f.at} if f.event else None,
                "other_event": {"event": f.other_event, "at": f.other_at} if f.other_event else None,
                "expected": f.check.expected,
                "mend": f.check.mend,
                "duties_out_of_shares": f.duties,
                "file": f.file,
                "row": f.row or None,
                "other_file": f.other_file,
                "other_row": f.other_row or None,
            }
            for f in found.findings()
        ],
        "sources": [
            {
                "source": s.path,
                "format": s.read.reading.format,
                "collection_year": s.year,
                "children": len(s.log.children),
                "events": len(s.log),
                "records_read": s.read.reading.records_read,
                "records_used": s.read.reading.records_used,
                "rejected": [{"origin": r.origin, "row": r.row, "why": r.why} for r in s.rejected],
                "diagnostics": [asdict(d) for d in s.said],
            }
            for s in found.sources
        ],
        "refused": [{"source": r.path, "diagnostics": [asdict(d) for d in r.diagnostics]} for r in found.replay.refused],
    }


__all__ = ["COLUMNS", "FORMATS", "QualityDocument", "about", "check_target", "quality_document", "write_quality"]
