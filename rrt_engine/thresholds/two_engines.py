"""Two engines, one answer: the plain engine answers, the second fires the same rules, and a disagreement is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rrt_engine.model import Question, Suggestion
from rrt_engine.thresholds.plan import Firing
from rrt_engine.thresholds.suggest import ONE_ENGINE, TWO_ENGINES, Reasoner
from rrt_engine.thresholds.worker import Worker


class EnginesDisagree(Exception):
    """The two engines fired different rules for a case: a fault of the product, never a silent choice."""

    def __init__(self, case: str, rules: Sequence[str]) -> None:
        super().__init__(f"the two engines disagree on case `{case}` about {', '.join(f'`{r}`' for r in rules)}")
        self.case, self.rules = case, tuple(rules)


def checked_by_both(reasoner: Reasoner, question: Question, worker: Worker | None) -> Suggestion:
    """The suggestion for a case, checked by the second engine where there is one. Raises EnginesDisagree."""
    found, chained = reasoner.chained(question)
    suggestion = reasoner.suggestion(question, found, chained)
    if worker is None:
        return suggestion
    answer = worker.opinions([reasoner.tokens(question, found)])[0]
    if answer is None:
        return replace(suggestion, checked_by=f"{ONE_ENGINE}: {worker.why}")
    agree(question.case, chained.firings, answer)
    return replace(suggestion, checked_by=TWO_ENGINES)


def agree(case: str, one: frozenset[Firing], other: frozenset[Firing]) -> None:
    """Raises EnginesDisagree where two engines fired different rules, or the same rules on different facts."""
    if one != other:
        raise EnginesDisagree(case, sorted({rule for rule, _ in one ^ other}))
