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
    """The rules that fired and have something to say, in the order in which they are weighed."""
    ids = {rule_id for rule_id, _ in chained.firings}
    fired = (plan.specs[i] for i in ids if ids.isdisjoint(plan.specs[i].unless))
    return sorted(fired, key=lambda r: (_STAGE[r.effect], -(r.level or 0), r.id))


def pathways(fired: Sequence[ThresholdRule], level: int, book: ThresholdBook) -> tuple[str, ...]:
    """Where it points, in order: emergency, the route of the level, duties, adjuncts.

    A floor's own route stands. Without one, a gate may put a route in place of the level's own, the first in order of those that
    fired. A conversation before deciding never stands in place of the assessment of level 4, but beside it.
    """
    order = list(book.pathways)
    wanted = {p for r in fired if r.effect in ("floor", "duty") or (r.effect == "gate" and not r.instead) for p in r.pathways}
    if not any(book.pathways[p].route == "level" for p in wanted):
        instead = sorted((p for r in fired if r.instead for p in r.pathways), key=order.index)
        wanted |= set(instead[:1])
        if not instead or (level == 4 and all(book.pathways[p].waits for p in instead)):
            wanted.add(book.levels[level].pathway)
    return tuple(sorted(wanted, key=order.index))


def urgency(fired: Sequence[ThresholdRule], level: int, book: ThresholdBook) -> str:
    """How soon: the soonest that any rule that fired, any pathway suggested, or the level asks for."""
    stated = [r.urgency for r in fired] + [book.pathways[p].urgency for p in pathways(fired, level, book)]
    return min([*(u for u in stated if u is not None), book.levels[level].urgency], key=URGENCIES.index)
