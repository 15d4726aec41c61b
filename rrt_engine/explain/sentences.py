"""Sentences built from a rule and its evidence: what happened, how the due date follows, what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date, due_day, due_day_before, parse_moment
from rrt_engine.explain.evidence import Evidence
from rrt_engine.explain.words import AUTHORITY_WORDS, VERIFIED_WORDS, day_words, listed, short_day_words, time_words, within_sentence
from rrt_engine.model import Int64s, plural
from rrt_engine.rulebook.schema import Before, DateOf, NextOpening, Not, Parameter, TimescaleRule


def explanation(e: Evidence) -> str:
    """One flag in a sentence or two."""
    if e.status == "cannot_tell":
        return _cannot_tell(e)
    if e.spec.expect is None:
        return f"Recorded on {day_words(e.start)}: {within_sentence(e.spec.title)}."
    due = f"{due_words(e)}, {limit(e)}" if e.due != NO_DAY else ""
    match e.status:
        case "met":
            return f"Done on {e.when(e.answer)}; {due}." if due else f"Done on {e.when(e.answer)}."
        case "late":
            return f"Done on {e.when(e.answer)}, {e.late_by()[0]} after it was due; {due}."
        case "early":
            soonest = e.book.length(e.spec.not_before)
            return f"Done on {e.when(e.answer)}, before it may be: not sooner than {soonest} after {e.named(e.trigger)}."
        case "overdue":
            ended = f" The duty ended with {e.named(e.end)}." if e.end >= 0 else ""
            return f"Not done; {due}. Overdue by {e.late_by()[0]}.{ended}"
        case "ended":
            was = f" It was {due_words(e)}." if due else ""
            return f"No longer needed: {e.named(e.end)} came first.{was}"
    return f"Not done yet; {due}." if due else f"Not done yet; it has no time limit. It began with {e.named(e.trigger)}."


def _cannot_tell(e: Evidence) -> str:
    started = e.named(e.trigger)
    match e.reason:
        case "before_records":
            return f"Cannot tell: it began with {started}, before the records in this source, so an answer may be missing from it."
        case "impossible" if e.answer >= 0:
            return f"Cannot tell: {e.named(e.answer)} and {started} cannot both be right. Check the dates on the record."
        case "impossible":
            return f"Cannot tell: {started} is on a date that cannot be right. Check the record."
        case "over_the_limit":
            return f"Cannot tell: the expiry date recorded with {started} is later than the law allows. Check the order."
        case "time_of_day":
            return f"Cannot tell: {listed(missing(e))} would decide it; only the date is recorded."
    items = missing(e)
    return f"Cannot tell: {listed(items)} {'is' if len(items) == 1 else 'are'} not recorded."


def missing(e: Evidence) -> list[str]:
    """What would have to be recorded, or put right, for the flag to be told."""
    match e.reason:
        case "time_of_day":
            rows = [row for row in (e.trigger, e.answer, e.end) if 0 <= row < len(e.log)]
            dated = [row for row in rows if not e.is_timed(row)]
            return [f"the time of day of {e.name(row)} on {short_day_words(e.day(row))}" for row in dated or rows]
        case "trigger_attribute":
            return [f"`{name}` of {e.name(e.trigger)}" for name in _unrecorded(e, e.spec.when.where, e.trigger)]
        case "answer_attribute":
            assert e.spec.expect is not None
            where = e.spec.expect.where
            return [f"`{name}` of {e.name(e.answer)} on {short_day_words(e.day(e.answer))}" for name in _unrecorded(e, where, e.answer)]
        case "before_records":
            return ["records from before this source begins"]
        case "impossible":
            return ["dates that can be right"]
        case "no_date":
            return [f"`{_date_attribute(e.spec)}` of {e.name(e.trigger)}"]
        case "over_the_limit":
            return ["an expiry date within the longest the law allows"]
    return []


def _unrecorded(e: Evidence, where: dict[str, Any], row: int) -> list[str]:
    return [name for name, test in where.items() if not isinstance(test, Not) and e.log.value(name, row) is None]


def _date_attribute(spec: TimescaleRule) -> str:
    """The attribute whose date a rule needs."""
    if spec.when.date:
        return spec.when.date
    if spec.before:
        return "expected date of birth" if spec.before.attribute == "expected_birth" else spec.before.attribute
    return spec.within.attribute if isinstance(spec.within, DateOf) else ""


# ---------------------------------------------------------------------------------------------------- the due date


def due_words(e: Evidence) -> str:
    """The due date in words."""
    if not e.by_the_hour:
        return f"due by {day_words(e.due)}"
    if e.due_at == e.due_by:
        return f"due by {time_words(e.due_at)}"
    return f"due between {time_words(e.due_at)} and {time_words(e.due_by)}, depending on the time of day"


def limit(e: Evidence) -> str:
    """How the due date follows from the start, in words that come after it."""
    spec, length = e.spec, e.length
    began = e.named(e.trigger)
    if spec.when.date and e.start != e.day(e.trigger):
        began = f"{day_words(e.start)}, the date recorded with {began}"
    if spec.before:
        return _limit_before(e, spec.before, began)
    if isinstance(spec.within, NextOpening):
        return f"{e.book.value(spec.within.next_working_day_at)} on the next working day after {began}"
    if isinstance(spec.within, DateOf) and e.log.value(spec.within.attribute, e.trigger) is not None:
        words = f"the date recorded with {began}"
    elif spec.count_from == "same_day":
        words = f"{length} beginning with {began}"
    else:
        words = f"{length} after {began}" if length and length.n else f"the same day as {began}"
    extended = _extension(e)
    return f"{words}, as extended by {e.named(extended)}" if extended >= 0 else words


def _limit_before(e: Evidence, before: Before, began: str) -> str:
    if before.attribute == "expected_birth":
        child = e.log.child[e.trigger]
        expected = NO_DAY if e.log.expected is None else int(e.log.expected[child])
        target = int(e.log.born[child]) if expected == NO_DAY and e.log.born is not None else expected
        what = "the expected birth"
    else:
        target = parse_moment(e.log.value(before.attribute, e.trigger)).day
        what = f"the date recorded with {began}"
    by = e.book.length(before.by)
    if before.or_within is not None and e.due != _one(due_day_before(np.array([target]), by, e.book.calendar)):
        within = e.book.length(before.or_within)
        return f"{within} after {began}" if within.n else f"the same day as {began}"
    return f"{by} before {day_words(target)}, {what}"


def _extension(e: Evidence) -> int:
    """The row of the extension that moved the due date; -1 where none did."""
    extension, within = e.spec.extension, e.spec.within
    if extension is None or isinstance(within, NextOpening):
        return -1
    written = e.log.value(within.attribute, e.trigger) if isinstance(within, DateOf) else None
    if written is not None:
        first = parse_moment(written).day
    else:
        assert e.length is not None
        first = _one(due_day(np.array([e.start]), e.length, e.book.calendar, e.spec.count_from))
    rows = _of_child(e, extension.event, first) if first != e.due else np.zeros(0, np.int64)
    return int(rows[0]) if len(rows) else -1


def _of_child(e: Evidence, kinds: list[str], last: int) -> Int64s:
    """The rows of some kinds of event of the same child, from the start of the duty to a day."""
    codes = [code for code, kind in enumerate(e.log.kinds) if kind in kinds]
    wanted = (e.log.child == e.log.child[e.trigger]) & np.isin(e.log.kind, codes)
    return np.flatnonzero(wanted & (e.log.day >= e.start) & (e.log.day <= last))


def _one(days: Any) -> int:
    return int(days[0])


# ---------------------------------------------------------------------------------------------------- the working


def steps(e: Evidence) -> list[str]:
    """The chain from law to event to date, one sentence a step."""
    spec = e.spec
    how_sure = f"{AUTHORITY_WORDS[spec.authority]}; edition: {edition_words(e)}; {VERIFIED_WORDS[spec.verified]}"
    found = [f"{source_words(e)} ({how_sure}).", f"It starts with {e.named(e.trigger)}{e.place(e.trigger)}."]
    if spec.expect is not None and e.due != NO_DAY:
        found.append(f"The limit is {limit(e)}.{_local_value(e)}")
        if e.counts_working_days and not e.by_the_hour and e.due >= e.start and not spec.before:
            found.append(_counted(e))
        found.append(f"So it is {due_words(e)}.")
    if e.answer >= 0:
        found.append(f"Answered by {e.named(e.answer)}{e.place(e.answer)}.")
    if e.end >= 0:
        found.append(f"Ended by {e.named(e.end)}{e.place(e.end)}.")
    if spec.unless is not None:
        reasons = _of_child(e, spec.unless.event, e.as_of_day)
        found.extend(f"A reason was recorded: {e.named(int(row))}. It does not change the date." for row in reasons)
    if e.provisional():
        found.append(f"Bank holidays are announced to {short_day_words(e.book.calendar.announced_to)}; this date is provisional.")
    return found


def source_words(e: Evidence) -> str:
    """The instrument and the place in it, for each source."""
    return "; ".join(f"{e.book.sources[s.id].title}, {s.at}" for s in e.spec.source)


def edition_words(e: Evidence) -> str:
    """The edition of the first source in force when the duty started, or since when the rule itself is."""
    day = as_date(e.start)
    for edition in e.book.sources[e.spec.source[0].id].editions:
        if edition.covers(day):
            return edition.name
    return f"in force from {short_day_words(e.rule.first_day)}"


def _counted(e: Evidence) -> str:
    """Which days were not counted, by name."""
    weekend, named = e.book.calendar.skipped(e.start, e.due)
    skipped = [*([plural(weekend, "weekend day")] if weekend else []), *(f"{name} ({short_day_words(day)})" for day, name in named)]
    begin = "Counting begins on that day" if e.spec.count_from == "same_day" else "Counting begins the day after"
    if not skipped:
        return f"{begin}; no day is skipped."
    return f"{begin}; {listed(skipped)} {'is' if len(skipped) == 1 and weekend <= 1 else 'are'} not counted."


def _local_value(e: Evidence) -> str:
    if not isinstance(e.given, Parameter):
        return ""
    return f" This is the local value `{e.given.parameter}`: {e.book.parameters[e.given.parameter].basis}."
