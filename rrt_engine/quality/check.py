"""Run checks of the data over a log: each kind of check by its one function, or why it cannot be applied to this source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.model import EventLog
from rrt_engine.quality import look_events, look_spans
from rrt_engine.quality.findings import Findings, Looking
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.quality_book import selects
from rrt_engine.rulebook.quality_schema import (
    After,
    AfterAsOf,
    AfterDeath,
    Age,
    BeforeBirth,
    Check,
    Incompatible,
    LeftOpen,
    LongerThan,
    NoBirthDate,
    OpenTooLong,
    Order,
    OutsidePeriod,
    OutsideYear,
    Overlap,
    TotalOver,
    Twice,
    Unrecorded,
    Weekend,
    Without,
)
from rrt_engine.timescales.arrays import Arrays
from rrt_engine.words import listed


@dataclass(frozen=True)
class Checked:
    """One check on one log: what it found, or why it could not be applied."""

    check: Check
    findings: Findings | None
    why_not: str = ""


def look_through(log: EventLog, checks: Sequence[Check], book: RuleBook, as_of_day: int, year: int | None = None) -> list[Checked]:
    """Every check on a log as it stood at a day. Events later than that day are looked at only by the check for such events."""
    later = log.day > as_of_day
    visible = ~later if later.any() else None
    looking = Looking(log, Arrays(log, visible, book.ref_paths()), book, as_of_day, year)
    result = []
    for check in checks:
        why_not = _cannot_apply(looking, check)
        result.append(Checked(check, None if why_not else _found(looking, check), why_not))
    return result


def _found(looking: Looking, check: Check) -> Findings:
    """What a check finds, once for each record of the source: a reader may write several events from one record."""
    findings = _compared(looking, check)
    log = looking.log
    if len(findings) < 2 or log.origin is None or log.origin_row is None:
        return findings
    row, other = findings.row, findings.other
    place = np.where(log.origin_row[row] > 0, log.origin_row[row].astype(np.int64), -1 - row.astype(np.int64))
    beside = np.where(other < 0, np.int64(-1), log.origin_row[other].astype(np.int64))
    key = np.stack([log.origin[row].astype(np.int64), place, log.day[row].astype(np.int64), beside, log.child[row].astype(np.int64)])
    _, first = np.unique(key, axis=1, return_index=True)
    return findings if len(first) == len(findings) or (row < 0).any() else findings.take(np.sort(first))


def _compared(looking: Looking, check: Check) -> Findings:
    match check.look:
        case Order():
            return look_events.order(looking, check.look)
        case Without():
            return look_events.without(looking, check.look)
        case Incompatible():
            return look_events.incompatible(looking, check.look)
        case After():
            return look_events.after(looking, check.look)
        case Twice():
            return look_events.twice(looking, check.look)
        case Weekend():
            return look_events.weekend(looking, check.look)
        case OutsideYear():
            return look_events.outside_year(looking, check.look)
        case Age():
            return look_events.age(looking, check.look)
        case BeforeBirth():
            return look_events.before_birth(looking)
        case AfterDeath():
            return look_events.after_death(looking)
        case AfterAsOf():
            return look_events.after_as_of(looking)
        case NoBirthDate():
            return look_events.no_birth_date(looking)
        case Unrecorded():
            return look_events.unrecorded(looking, check.look)
        case Overlap():
            return look_spans.overlap(looking, check.look)
        case LongerThan():
            return look_spans.longer_than(looking, check.look)
        case TotalOver():
            return look_spans.total_over(looking, check.look)
        case OpenTooLong():
            return look_spans.open_too_long(looking, check.look)
        case LeftOpen():
            return look_spans.left_open(looking, check.look)
        case OutsidePeriod():
            return look_spans.outside_period(looking, check.look)


# What a log that cannot carry it leaves unknown, so that its absence says nothing; the rest of a check only narrows it.
_NEEDED = ("event", "needs", "first", "then", "with", "ending", "once", "span", "other", "open")


def _cannot_apply(looking: Looking, check: Check) -> str:
    """Why a check cannot be applied to a log; empty where it can."""
    log, look = looking.log, check.look
    carries = log.coverage.carries
    for path, select in selects(look):
        if path[0] in _NEEDED and not any(carries(kind) for kind in select.event):
            return f"the source cannot hold {_kinds(select.event)}"
        for name in select.where:
            kinds = [kind for kind in select.event if kind in log.kinds]
            if kinds and name not in log.attributes:
                return f"the source does not record `{name}`"
    for link in _links(look):
        if log.ref is None and len(log):
            return f"the events do not say which {link.replace('_', ' ')} they belong to (`ref`)"
    if isinstance(look, OutsideYear) and looking.year is None:
        return "which collection year the source is for is not known; give it with --year"
    nothing = log.born is None and (isinstance(look, Age) or log.expected is None)
    # Where a source of many children holds none at all that is said once, and not of every child.
    by_birth = isinstance(look, Age | BeforeBirth) or (isinstance(look, NoBirthDate) and len(log.children) > 1)
    if nothing and by_birth:
        return "the source holds no dates of birth"
    if isinstance(look, AfterDeath) and not carries("child_died"):
        return "the source cannot hold `child_died`"
    if isinstance(look, Unrecorded):
        column = log.attributes.get(look.attribute)
        rows = looking.rows(look.event)
        if len(rows) and (column is None or not (column.codes[rows] >= 0).any()):
            return f"the source does not record `{look.attribute}` of {_kinds(look.event.event)}"
    return ""


def _links(look: object) -> list[str]:
    """The links without which a check compares nothing."""
    own = getattr(look, "link", None) or getattr(look, "within", None)
    return [own] if own else []


def _kinds(kinds: Sequence[str]) -> str:
    return listed([f"`{kind}`" for kind in kinds])


__all__ = ["Checked", "look_through"]
