"""One case checked: its flags from the timeline and, where it has facts, the suggestion they point to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rrt_engine import __version__
from rrt_engine.calendar import NO_INSTANT, Moment
from rrt_engine.explain.flags import Explained, Explainer
from rrt_engine.model import ENDED, MET, OVERDUE, STATUSES, Bools, Flags, Question, Suggestion
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.case_file import Case
from rrt_engine.thresholds.indicators import is_later
from rrt_engine.thresholds.suggest import Reasoner, question_of
from rrt_engine.thresholds.two_engines import checked_by_both
from rrt_engine.thresholds.worker import Worker
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.timescales.evaluate import Result, evaluate
from rrt_engine.words import as_of_text

if TYPE_CHECKING:
    from rrt_engine.decision import Suggested


NEWEST, NEWEST_SETTLED = 20, 100
"""Flags of one rule at one status that are said in sentences where they are many, and of those done on time or no longer needed."""


@dataclass(frozen=True)
class Checked:
    """What one case shows on a day. `question` and `suggestion` are None where it has no facts, or no threshold rule was in force."""

    case: Case
    flags: tuple[Explained, ...]
    result: Result
    question: Question | None = None
    suggestion: Suggestion | None = None


@dataclass(frozen=True)
class Changes:
    """What somebody changed, in words, and the suggestion that gives."""

    what: tuple[str, ...]
    suggestion: Suggestion


def check_case(
    case: Case,
    book: RuleBook,
    as_of: Moment,
    reasoner: Reasoner | None = None,
    worker: Worker | None = None,
    brief_over: int | None = None,
) -> Checked:
    """The flags of one case on a day and, where a reasoner is given whose rules were in force, the suggestion. Raises EnginesDisagree,
    which names the case.

    `worker` is the second engine, where there is one. With more than `brief_over` flags, what was done on time or is no longer needed
    is said in a sentence, without its steps: finding those takes longest. Of one rule at one status only the newest have their sentence.
    """
    result = evaluate(case.log, book, as_of)
    instant = as_of.instant if as_of.instant != NO_INSTANT else end_of_day(as_of.day)
    explainer = Explainer(case.log, book, result.flags, as_of.day, instant, {})
    brief = brief_over is not None and len(result.flags) > brief_over
    settled = np.isin(result.flags.status, (MET, ENDED))
    said = _newest(result.flags, book, settled) if brief else np.ones(len(settled), np.bool_)
    steps = ~settled if brief else said
    flags = tuple(explainer.explain(i, *each) for i, each in enumerate(zip(said.tolist(), steps.tolist(), strict=True)))
    if reasoner is None or not reasoner.in_force:
        return Checked(case, flags, result)
    question = question_of(case.id, case.every_fact(), case.log, 0, reasoner.book, as_of.day, flag_pairs(result.flags, book))
    return Checked(case, flags, result, question, checked_by_both(reasoner, question, worker))


def _newest(flags: Flags, book: RuleBook, settled: Bools) -> Bools:
    """The newest flags of each rule at each status, NEWEST of them or NEWEST_SETTLED; of what is overdue those that are so the longest."""
    group = book.rule_numbers[flags.rule] * len(STATUSES) + flags.status
    order = np.lexsort((np.where(flags.status == OVERDUE, flags.due, -flags.start.astype(np.int64)), group))
    first = np.searchsorted(group[order], group[order])
    kept = np.zeros(len(group), np.bool_)
    kept[order] = np.arange(len(group)) - first < np.where(settled[order], NEWEST_SETTLED, NEWEST)
    return kept


def flag_pairs(flags: Flags, book: RuleBook) -> list[tuple[str, str]]:
    """Which timescale rules flag a case, and how; not what was missed and has ended since, which asks nobody to act."""
    now = flags.standing()
    pairs = set(zip(flags.rule[now].tolist(), flags.status[now].tolist(), strict=True))
    return sorted({(book.rules[rule].id, STATUSES[status]) for rule, status in pairs})


def for_the_record(checked: Checked, book: RuleBook, as_of: Moment) -> Suggested:
    """What is suggested for a case as the record of decisions keeps it: the part of a decision that nobody types.

    Where no recorded fact says anything of need no level was suggested, and whatever is decided needs its reason.
    """
    from rrt_engine.decision import Suggested, facts_digest

    suggestion = checked.suggestion
    # A reason that is not known, is refuted or is of a later day is none.
    known = (f for f in checked.case.every_fact() if f.value != "unknown" and f.evidence != "refuted" and not is_later(f, as_of.day))
    override = [str(f.value) for f in known if f.id == "consent_override_reason"]
    return Suggested(
        case=checked.case.id,
        as_of=as_of_text(as_of),
        rule_set=book.id,
        rule_set_version=book.version,
        rule_set_digest=book.digest,
        facts_digest=facts_digest(checked.case.every_fact()),
        engine=__version__,
        checked_by=suggestion.checked_by if suggestion else "",
        level=suggestion.level if suggestion and not suggestion.nothing_of_need else None,
        pathways=suggestion.pathways if suggestion else (),
        urgency=suggestion.urgency if suggestion else "",
        consent_status=suggestion.consent.status if suggestion else "",
        consent_override_reason=override[-1] if override else "",
    )
