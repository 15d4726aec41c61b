"""What `rrt compare` and `rrt what-if` print with --format json: documents whose shape is public and published as schemas."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.calendar import as_date
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.model import STATUSES
from rrt_engine.replay.compare import Comparison
from rrt_engine.replay.comparing import Counts, Found
from rrt_engine.replay.moves import KINDS
from rrt_engine.replay.rule_differences import RuleDifferences
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.what_if import WhatIf
from rrt_engine.reports.compare_words import share
from rrt_engine.reports.documents import REMINDER
from rrt_engine.words import as_of_text


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


Kind = Literal["newly_overdue", "newly_late", "resolved", "eased", "new", "gone", "changed", "redated"]


class ComparedRuleSet(_Shape):
    """A rule set, and the values that were changed in it."""

    id: str
    version: str
    digest: str
    changes: dict[str, str] = Field(description="What was set, by name.")


class Differing(_Shape):
    """One part of a rule, of what rules share, or a local value that is not the same."""

    name: str
    part: str = Field(description='The part of the rule; "" where the whole of it is there on one side only, or for a local value.')
    before: str
    after: str


class DifferingRules(_Shape):
    """Everything that differs between two rule sets and can make a difference to a duty."""

    rules: list[Differing]
    shared: list[Differing] = Field(
        description="Events, periods, endings, qualities, regimes, bank holidays, and local values of one only."
    )
    values: list[Differing] = Field(description="Local values that both have.")


class Totals(_Shape):
    """How many duties moved, and how many did not."""

    duties_moved: int
    children_moved: int
    duties_judged_the_same: int
    overdue_on_both_sides: int = Field(description="Not counting what was missed and has ended since.")
    corrected: int = Field(description="Moves that pair a duty that is gone with a new one: a date or reference was put right.")
    without_cause: int = Field(description="Moves of children whose flags a replay does not give again, so that no cause is known.")


class Cause(_Shape):
    """How many moves of a kind have one cause."""

    kind: Kind
    because: str | None = Field(
        description="data, time, rule, parameter, or what was set; ` or ` where each of several does alone, ` and ` where only together. "
        "null where it is not known."
    )
    duties: int


class Side(_Shape):
    """How many duties have each status, and how many of those that can be judged were on time."""

    statuses: dict[str, int]
    ended_since: int = Field(description="Of the overdue, those that have ended since: missed, and not overdue now.")
    on_time: int
    judged: int


class RuleMoved(_Shape):
    """One rule in which something moved, on one basis."""

    rule: str
    title: str
    service: str
    authority: str
    verified: str
    basis: Literal["history", "now", "count"]
    before: Side
    after: Side
    moved: dict[Kind, int]


class TeamMoved(_Shape):
    """One team of whose children something moved, on one basis."""

    team: str | None = Field(description="null for children with no team recorded.")
    basis: Literal["history", "now", "count"]
    before: Side
    after: Side
    moved: dict[Kind, int]


class Judged(_Shape):
    """What was said of a duty on one side."""

    status: str | None = Field(description="null where there was no such duty.")
    due: str | None
    due_at: str | None
    answer_event: str | None
    answer_at: str | None
    ended_by: str | None
    ended_at: str | None
    days_late: int | None
    cannot_tell_because: str | None
    source: str | None
    trigger_row: int | None


class Move(_Shape):
    """One duty that moved."""

    case: str
    rule: str
    title: str
    service: str
    authority: str
    verified: str
    team: str | None
    worker: str | None
    kind: Kind
    because: str | None
    corrected: bool
    trigger_event: str
    trigger_at: str | None
    ref: str | None
    start: str | None
    rung: int | None
    before_trigger_at: str | None = Field(description="Where it was corrected, when it was before.")
    before_start: str | None
    before: Judged
    after: Judged


class Moves(_Shape):
    """What both documents hold."""

    totals: Totals
    causes: list[Cause]
    rules: list[RuleMoved] = Field(description="Only rules in which something moved.")
    teams: list[TeamMoved]
    first: list[Move] = Field(description="The first moves of each kind, the latest first; -o FILE writes all of them.")


class ComparedRun(_Shape):
    """One of the two runs."""

    name: str
    engine: str
    as_of: str
    as_known: str | None
    rule_set: ComparedRuleSet
    children: int
    duties: int
    sources: list[str]


class SourceCompared(_Shape):
    """One source by its name: the `same` in both, `changed`, or only `before` or `after`."""

    name: str
    what: Literal["same", "changed", "before", "after"]


class CompareDocument(Moves):
    """What `rrt compare --format json` prints: two runs and the duties that are judged otherwise."""

    schema_: Literal["rrt/compare/1"] = Field("rrt/compare/1", alias="schema")
    engine: str
    before: ComparedRun
    after: ComparedRun
    differs: list[Literal["data", "time", "rule", "parameter"]]
    sources: list[SourceCompared]
    differing_rules: DifferingRules
    no_causes_because: str | None
    children_left_out: int = Field(description="Children of parts that were set aside in either run.")
    parts_not_known: list[str] = Field(description="Parts set aside whose children cannot be known, so that they look gone or new.")
    notice: str


class RefusedSource(_Shape):
    """A source that could not be read at all, and why."""

    source: str
    diagnostics: list[Diagnostic]


class WhatIfDocument(Moves):
    """What `rrt what-if --format json` prints: the same children on the same day by other rules."""

    schema_: Literal["rrt/what-if/1"] = Field("rrt/what-if/1", alias="schema")
    engine: str
    as_of: str
    as_known: str | None
    sources: list[str]
    before: ComparedRuleSet
    after: ComparedRuleSet
    differs: list[str] = Field(description="What was set, by name; or rule and parameter where another rule set was asked about.")
    differing_rules: DifferingRules
    refused: list[RefusedSource]
    notice: str


def compare_document(result: Comparison) -> dict[str, Any]:
    """A comparison of two runs for other programs."""
    return {
        "schema": "rrt/compare/1",
        "engine": __version__,
        "before": _run(result.before),
        "after": _run(result.after),
        "differs": list(result.factors),
        "sources": [asdict(source) for source in result.sources],
        "differing_rules": _differing(result.rules),
        "no_causes_because": result.without_cause or None,
        "children_left_out": result.set_aside,
        "parts_not_known": list(result.lost),
        **_moves(result.found),
        "notice": REMINDER,
    }


def what_if_document(result: WhatIf) -> dict[str, Any]:
    """What other rules would make of the same children, for other programs."""
    books = result.chosen
    return {
        "schema": "rrt/what-if/1",
        "engine": __version__,
        "as_of": as_of_text(result.as_of),
        "as_known": _day(result.as_known),
        "sources": list(result.sources),
        "before": {
            "id": books.before.id,
            "version": books.before.version,
            "digest": books.before.digest,
            "changes": dict(result.own_changes),
        },
        "after": {"id": books.after.id, "version": books.after.version, "digest": books.after.digest, "changes": dict(result.changes)},
        "differs": list(books.factors),
        "differing_rules": _differing(books.differences),
        **_moves(result.found),
        "refused": [{"source": r.path, "diagnostics": [asdict(d) for d in r.diagnostics]} for r in result.refused],
        "notice": REMINDER,
    }


def _day(day: int | None) -> str | None:
    return None if day is None else as_date(day).isoformat()


def _run(run: Run) -> dict[str, Any]:
    rules, counts = run.manifest["rules"], run.manifest["counts"]
    return {
        "name": run.folder.name,
        "engine": run.manifest["engine"],
        "as_of": as_of_text(run.as_of),
        "as_known": _day(run.as_known),
        "rule_set": {"id": rules["id"], "version": rules["version"], "digest": rules["digest"], "changes": dict(run.changes)},
        "children": counts["children"],
        "duties": counts["flags"],
        "sources": [source["name"] for source in run.manifest["sources"]],
    }


def _differing(differences: RuleDifferences) -> dict[str, Any]:
    return {name: [asdict(each) for each in getattr(differences, name)] for name in ("rules", "shared", "values")}


def _moves(found: Found) -> dict[str, Any]:
    order = list(KINDS)
    causes = sorted(found.because.items(), key=lambda each: (order.index(each[0][0]), -each[1], each[0][1]))
    rules = [
        {
            "rule": rule,
            **dict(zip(("title", "service", "authority", "verified"), found.titles[rule], strict=True)),
            **_counts(basis, counts),
        }
        for (rule, basis), counts in sorted(found.rules.items())
        if counts.moved.total()
    ]
    teams = [
        {"team": team or None, **_counts(basis, counts)}
        for (team, basis), counts in sorted(found.teams.items(), key=lambda each: (not each[0][0], each[0]))
        if counts.moved.total()
    ]
    return {
        "totals": {
            "duties_moved": found.moved,
            "children_moved": found.cases,
            "duties_judged_the_same": found.unmoved,
            "overdue_on_both_sides": found.still_overdue,
            "corrected": found.corrected,
            "without_cause": found.not_again,
        },
        "causes": [{"kind": kind, "because": cause or None, "duties": n} for (kind, cause), n in causes],
        "rules": rules,
        "teams": teams,
        "first": [_move(row) for kind in KINDS for row in found.first(kind)],
    }


def _counts(basis: str, counts: Counts) -> dict[str, Any]:
    return {
        "basis": basis,
        "before": _side(basis, counts.before),
        "after": _side(basis, counts.after),
        "moved": {kind: counts.moved[kind] for kind in KINDS},
    }


def _side(basis: str, counts: Counter[str]) -> dict[str, Any]:
    on_time, judged = share(basis, counts)
    statuses = {status: counts[status] for status in STATUSES}
    statuses["overdue"] += counts["missed"]
    return {"statuses": statuses, "ended_since": counts["missed"], "on_time": on_time, "judged": judged}


def _move(row: dict[str, Any]) -> dict[str, Any]:
    sides = {side: {name: _said(row[f"{side}_{name}"]) for name in Judged.model_fields} for side in ("before", "after")}
    return {**{name: _said(row[name]) for name in Move.model_fields if name not in sides}, **sides}


def _said(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
