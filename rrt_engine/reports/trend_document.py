"""What `rrt trend` says to other programs: a JSON document whose shape is public and published as a schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.calendar import NO_DAY, as_date
from rrt_engine.measures.run import Measured
from rrt_engine.replay.run import RuleLine
from rrt_engine.replay.trend import Point, Trend, TrendLine
from rrt_engine.reports.measures_document import MeasuresDocument, measures_document


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleSet(_Shape):
    """Which rule set judged."""

    id: str
    version: str
    digest: str = Field(description="SHA-256 over every file of the rule set.")


class SourceRecorded(_Shape):
    """How far a source says when its events were recorded."""

    name: str
    format: str
    rejected: int = Field(description="Records that could not be used; `rrt replay` says why.")
    events: int
    without_recorded_at: int = Field(description="Events taken as known from the day they happened.")
    last: str | None = Field(description="The last day on which anything in it happened or was recorded.")


class MonthKnown(_Shape):
    """A month end, and what was known on it."""

    month: str
    first: str
    last: str
    events: int = Field(description="Events dated by the month end.")
    recorded_later: int = Field(description="Those of them that were recorded only later: they are not in the figures.")
    without_recorded_at: int = Field(description="Those that do not say when they were recorded: they are in the figures.")
    beyond_the_records: bool = Field(description="The month ends after the last thing that any source holds.")


class Counted(_Shape):
    """Duties by status, judged as of the month end. `share` is null where nothing can be judged."""

    duties: int
    met: int
    late: int
    early: int
    overdue: int
    ended_since: int = Field(description="Of the overdue, those that had ended by the month end: missed, and not overdue any more.")
    due_soon: int
    due: int
    ended: int
    cannot_tell: int
    cannot_tell_because: dict[str, int]
    on_time: int
    judged: int = Field(description="The denominator of the share.")
    share: float | None


class RulePoint(_Shape):
    """One rule at one month end: every duty so far, and those that fell due in the month. Null where there are none."""

    month: str
    so_far: Counted | None
    in_month: Counted | None


class RuleTrend(_Shape):
    """One rule, month by month. On the basis `now` only the last month says anything."""

    rule: str
    title: str
    service: str
    authority: str
    verified: str
    basis: Literal["history", "now", "count"]
    months: list[RulePoint]


class TrendDocument(_Shape):
    """`rrt trend --format json`."""

    schema_: Literal["rrt/trend/1"] = Field(alias="schema")
    engine: str
    rule_set: RuleSet
    children: int
    sources: list[SourceRecorded]
    months: list[MonthKnown]
    rules: list[RuleTrend]
    measures: MeasuresDocument | None


def trend_document(found: Trend, measured: Measured | None) -> dict[str, Any]:
    """The trend as the published document."""
    book, beyond = found.book, set(found.beyond)
    return {
        "schema": "rrt/trend/1",
        "engine": __version__,
        "rule_set": {"id": book.id, "version": book.version, "digest": book.digest},
        "children": found.children,
        "sources": [
            {
                "name": s.name,
                "format": s.format,
                "rejected": s.rejected,
                "events": s.events,
                "without_recorded_at": s.unsaid,
                "last": None if s.last == NO_DAY else as_date(s.last).isoformat(),
            }
            for s in found.sources
        ],
        "months": [
            {
                "month": month.name,
                "first": as_date(month.first).isoformat(),
                "last": as_date(month.last).isoformat(),
                "events": known.events,
                "recorded_later": known.recorded_later,
                "without_recorded_at": known.unsaid,
                "beyond_the_records": month in beyond,
            }
            for month, known in zip(found.months, found.known, strict=True)
        ],
        "rules": [_line(line, found) for line in found.lines],
        "measures": None if measured is None else measures_document(measured),
    }


def _line(line: TrendLine, found: Trend) -> dict[str, Any]:
    names = ("rule", "title", "service", "authority", "verified", "basis")
    points = [_point(month.name, point) for month, point in zip(found.months, line.points, strict=True)]
    return {**{name: getattr(line, name) for name in names}, "months": points}


def _point(month: str, point: Point) -> dict[str, Any]:
    return {"month": month, "so_far": _counted(point.so_far), "in_month": _counted(point.in_month)}


def _counted(line: RuleLine | None) -> dict[str, Any] | None:
    if line is None:
        return None
    share = None if line.share is None else round(line.share, 6)
    counts = {"cannot_tell_because": line.cannot_tell_because, "on_time": line.on_time, "judged": line.judged, "share": share}
    return {"duties": line.started, **line.statuses, "ended_since": line.ended_since, **counts}


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return TrendDocument.model_json_schema(by_alias=True)
