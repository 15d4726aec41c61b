"""What `rrt report --format json` prints: a document whose shape is public and published as a schema."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine.reports.documents import REMINDER
from rrt_engine.reports.measures_document import MeasuresDocument, measures_document
from rrt_engine.reports.run_shapes import MonthRow, RuleRow, Summary, TeamRow
from rrt_engine.words import as_of_text

SCHEMA = "rrt/report/1"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleSetNamed(_Shape):
    """Which rule set gave the answer, and the values of it that were changed for this run."""

    id: str
    title: str
    version: str
    digest: str
    changes: dict[str, str]


class SourceRead(_Shape):
    """A source: read = used + rejected + set_aside."""

    name: str
    format: str
    sha256: str
    read: int
    used: int
    rejected: int
    set_aside: int


class RejectedFor(_Shape):
    """Records of one source that could not be used for one reason."""

    source: str
    why: str
    count: int
    places: list[int] = Field(description="The rows or lines of the first few.")


class Local(_Shape):
    """A value that the authority sets, as it was in this run."""

    name: str
    title: str
    value: str
    verified: str
    changed: bool


class RuleFound(_Shape):
    """What one rule found on one basis. A number is null where it is left out, being small or giving a small one away."""

    rule: str = Field(description="Empty for the sum of all rules.")
    title: str
    service: str
    authority: str
    verified: str
    basis: str
    started: int | None
    statuses: dict[str, int | None] = Field(description="By name; for sharing, `late_or_early` and `due_or_due_soon` stand for two each.")
    because: dict[str, int | None] = Field(description="Why what cannot be told cannot.")
    missed: int | None = Field(description="Of those overdue, how many have ended since: nothing is left to do.")
    on_time: int | None
    judged: int | None
    share: float | None = Field(description="From 0 to 1: on_time out of judged; null where there is nothing to judge, or it is left out.")
    where: str = Field(description="With the basis, the condition on the flags that is counted, as SQL.")


class Band(_Shape):
    """Duties by days late: done late, not done with a history, and not done where only the latest dates are held."""

    label: str
    late: int | None
    overdue: int | None
    overdue_now: int | None
    where: str


class Month(_Shape):
    """Duties with a history by when they fell due. `late` is late or too early."""

    label: str
    month: str = Field(description="Such as 2026-03; empty for what lies before and after the months.")
    met: int | None
    late: int | None
    overdue: int | None
    judged: int | None
    whole: bool = Field(description="Whether it is a whole month.")
    share: float | None
    where: str


class Case(_Shape):
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


class Team(_Shape):
    """What a team's children have. `late` is late or too early, and `due` due or due soon."""

    team: str | None
    children: int | None
    children_overdue: int | None
    started: int | None
    met: int | None
    late: int | None
    overdue: int | None
    due: int | None
    ended: int | None
    cannot_tell: int | None
    missed: int | None = Field(description="Not done, and ended since, on any basis; null in a report for sharing.")
    overdue_now: int | None = Field(description="What can still be done; in a report for sharing, with what has ended since.")
    running_now: int | None = Field(description="Not yet due.")
    judged: int | None
    share: float | None
    where: str


class Lacking(_Shape):
    """A rule and the kinds of event that are not there."""

    rule: str
    title: str
    kinds: list[str]


class ReportDocument(_Shape):
    """`rrt report --format json`."""

    schema_: str = Field(alias="schema")
    engine: str
    as_of: str
    as_known: str | None
    announced_to: str
    rule_set: RuleSetNamed
    suppress_under: int
    sources: list[SourceRead]
    counts: dict[str, int | None]
    rejected: list[RejectedFor]
    set_aside: dict[str, str] = Field(description="Parts of the children that could not be worked out, and why.")
    local_values: list[Local]
    rules: list[RuleFound]
    totals: list[RuleFound]
    never_answered: list[Lacking]
    not_evaluable: list[Lacking]
    silent: list[str] = Field(description="Rules in force that nothing in the run started.")
    days_late: list[Band]
    months: list[Month]
    cases: list[Case]
    teams: list[Team]
    all_teams: Team
    measures: MeasuresDocument | None
    no_measures_because: str | None
    notice: str


def report_document(found: Summary) -> dict[str, Any]:
    """The report as the published document."""
    return {
        "schema": SCHEMA,
        "engine": found.engine,
        "as_of": as_of_text(found.as_of),
        "as_known": found.as_known,
        "announced_to": found.announced_to,
        "rule_set": {**found.rule_set, "title": found.rule_title, "changes": dict(found.changes)},
        "suppress_under": found.under,
        "sources": [asdict(each) for each in found.sources],
        "counts": dict(found.counts),
        "rejected": [{**asdict(each), "places": list(each.places)} for each in found.rejected],
        "set_aside": dict(found.set_aside),
        "local_values": [asdict(each) for each in found.local],
        "rules": [_shared(row) for row in found.rules],
        "totals": [_shared(row) for row in found.totals.values()],
        "never_answered": [_lacking(*each) for each in found.never_answered],
        "not_evaluable": [_lacking(*each) for each in found.not_evaluable],
        "silent": [rule for rule, _ in found.silent],
        "days_late": [asdict(row) for row in found.bands],
        "months": [_shared(row) for row in found.months],
        "cases": [asdict(row) for row in found.cases],
        "teams": [{**_shared(row), "judged": row.judged} for row in found.teams],
        "all_teams": {**_shared(found.team_totals), "judged": found.team_totals.judged},
        "measures": _measures(found),
        "no_measures_because": found.kpis.why or None,
        "notice": found.notice if REMINDER in found.notice else f"{found.notice} {REMINDER}",
    }


def _shared(row: RuleRow | MonthRow | TeamRow) -> dict[str, Any]:
    return {**asdict(row), "share": None if row.share is None else round(row.share, 6)}


def _measures(found: Summary) -> dict[str, Any] | None:
    """The measures; for sharing, their sources without names, and without how many children and events they hold."""
    if found.kpis.found is None:
        return None
    document = measures_document(found.kpis.found)
    if found.under:
        for n, source in enumerate(document["sources"], 1):
            source.update(name=f"Source {n}", children=None, events=None)
        for measure in document["measures"]:
            measure["sources"] = []
            measure["cannot"] = []
    return document


def _lacking(rule: str, title: str, kinds: tuple[str, ...]) -> dict[str, Any]:
    return {"rule": rule, "title": title, "kinds": list(kinds)}
