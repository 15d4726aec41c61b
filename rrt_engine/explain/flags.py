"""Explain flags: the public shape of a flag with its working, built on demand from the evidence the engine returned."""

from __future__ import annotations

from dataclasses import dataclass

from rrt_engine.explain import sentences
from rrt_engine.explain.evidence import Evidence, evidence_of
from rrt_engine.model import EventLog, Flags, Status
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.schema import Authority, Verified
from rrt_engine.timescales.duties import Run


@dataclass(frozen=True)
class Explained:
    """One flag with its working, in the public shape of `rrt check --format json`."""

    rule: str
    service: str
    title: str
    status: Status
    trigger: dict[str, str]
    due: str | None
    answer: dict[str, str] | None
    ended_by: dict[str, str] | None
    late_by: str | None
    days_late: int | None
    authority: Authority
    verified: Verified
    source: str
    cited: str
    edition: str
    provisional: bool
    steps: list[str]
    explanation: str
    missing: list[str]
    pathway: str | None


@dataclass(frozen=True)
class Explainer:
    """Explains flags of one evaluation: the log and the book they came from, and the as-of day and instant.

    `runs` keeps what was worked out for a child, for its other flags: given where one thread explains one case.
    """

    log: EventLog
    book: RuleBook
    flags: Flags
    as_of_day: int
    as_of_instant: int
    runs: dict[int, Run] | None = None

    def evidence(self, i: int) -> Evidence:
        """What the i-th flag rests on."""
        return evidence_of(self.log, self.book, self.flags, i, self.as_of_day, self.as_of_instant, self.runs)

    def explain(self, i: int, working: bool = True, steps: bool = True) -> Explained:
        """The i-th flag with its working; without `working` the sentences are left out, which take longest to find; without `steps`
        only the steps are.
        """
        e = self.evidence(i)
        late_by, days_late = e.late_by()
        return Explained(
            rule=e.rule.id,
            service=e.spec.service,
            title=e.spec.title,
            status=e.status,
            trigger=e.event(e.trigger),
            due=e.due_iso(),
            answer=e.event(e.answer) if e.answer >= 0 else None,
            ended_by=e.event(e.end) if e.end >= 0 else None,
            late_by=late_by,
            days_late=days_late,
            authority=e.spec.authority,
            verified=e.spec.verified,
            source=sentences.source_words(e),
            cited=sentences.cited_words(e),
            edition=sentences.edition_words(e),
            provisional=e.provisional(),
            steps=sentences.steps(e) if working and steps else [],
            explanation=sentences.explanation(e) if working else "",
            missing=sentences.missing(e),
            pathway=e.spec.pathway.get(e.status) if e.status in ("overdue", "late") else None,
        )
