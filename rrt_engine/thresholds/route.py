"""What fired, as a route: the pathways in their order, how soon, and what to ask. The same for an answer, an example and analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import ThresholdRule, Urgency
from rrt_engine.thresholds.chain import Chained
from rrt_engine.thresholds.plan import Plan

URGENCIES: tuple[Urgency, ...] = ("now", "same_day", "one_working_day", "planned")
_STAGE: Mapping[str, int] = {"gate": 0, "duty": 1, "floor": 2, "consider": 3, "raise": 4, "soften": 5, "prompt": 6}


@dataclass(frozen=True)
class Outcome:
    """What a suggestion comes to: all that a rule can change about it, bar the reasons given."""

    level: int
    significant: bool
    pathways: tuple[str, ...]
    urgency: str
    prompts: frozenset[str]
    record: str


def outcome(chained: Chained, plan: Plan, book: ThresholdBook) -> Outcome:
    """What one case reasoned over comes to."""
    fired = fired_rules(chained, plan)
    level = chained.combined.level
    return Outcome(
        level,
        chained.combined.significant,
        pathways(fired, level, book),
        urgency(fired, level, book),
        frozenset(str(r.ask) for r in fired if r.effect == "prompt"),
        next((str(r.record) for r in fired if r.record), ""),
    )


def fired_rules(chained: Chained, plan: Plan) -> list[ThresholdRule]:
    """The rules that fired, in the order in which they are weighed."""
    ids = {rule_id for rule_id, _ in chained.firings}
    return sorted((plan.specs[i] for i in ids), key=lambda r: (_STAGE[r.effect], -(r.level or 0), r.id))


def pathways(fired: Sequence[ThresholdRule], level: int, book: ThresholdBook) -> tuple[str, ...]:
    """Where it points, in order: emergency, the route of the level, duties, adjuncts.

    A floor's own route stands. Without one, a gate may put a route in place of the level's own, the safest that fired; beside it
    at level 4, where the assessment is not to wait for a conversation.
    """
    order = list(book.pathways)
    wanted = {p for r in fired if r.effect in ("floor", "duty") or (r.effect == "gate" and not r.instead) for p in r.pathways}
    if not any(book.pathways[p].route == "level" for p in wanted):
        instead = sorted((p for r in fired if r.instead for p in r.pathways), key=order.index)
        wanted |= set(instead[:1])
        if not instead or level == 4:
            wanted.add(book.levels[level].pathway)
    return tuple(sorted(wanted, key=order.index))


def urgency(fired: Sequence[ThresholdRule], level: int, book: ThresholdBook) -> str:
    """How soon: the soonest that any rule that fired asks for, or that the level does."""
    return min([*(r.urgency for r in fired if r.urgency is not None), book.levels[level].urgency], key=URGENCIES.index)
