"""Sentences built from a rule and its evidence: what happened, how the due date follows, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date, day_number, due_day, parse_moment
from rrt_engine.explain.evidence import Evidence
from rrt_engine.explain.regimes import regime_steps
from rrt_engine.model import Int64s, plural
from rrt_engine.rulebook.schema import DateOf, NextOpening, Not, Only, Parameter
from rrt_engine.timescales.quality import WEEKS_OF_PREGNANCY, births
from rrt_engine.words import (
    AUTHORITY_WORDS,
    VERIFIED_WORDS,
    day_words,
    listed,
    ordinal,
    short_day_words,
    time_words,
    uk_time,
    within_sentence,
)


def explanation(e: Evidence) -> str:
    """One flag in a sentence or two: the answer first, then how the date follows."""
    if e.status == "cannot_tell":
        return _cannot_tell(e)
    if e.spec.expect is None:
        return f"Recorded on {day_words(e.start)}: {within_sentence(e.spec.title)}."
    due = f"{due_words(e)}, {limit(e)}" if e.due != NO_DAY else ""
    amount, _, note = (e.late_by()[0] or "").partition(" (")
    match e.status:
        case "met":
            return f"Done on {e.when(e.answer)}; it was {due}." if due else f"Done on {e.when(e.answer)}{_not_before(e)}."
        case "late":
            return f"Done {amount} late, on {e.when(e.answer)}{f' ({note}' if note else ''}: it was {due}."
        case "early":
            return f"Done too early, on {e.when(e.answer)}{_not_before(e)}."
        case "overdue" if e.end >= 0:
            return f"Not done, and {amount} overdue{f' ({note}' if note else ''} when the duty ended with {e.named(e.end)}: it was {due}."
        case "overdue":
            return f"Not done, and {amount} overdue{f' ({note}' if note else ''}: it was {due}."
        case "ended":
            return f"No longer needed: {e.named(e.end)} came first.{f' It would have been {due}.' if due else ''}"
    return f"Not done yet; {due}." if due else f"Not done yet; it has no last day. It began with {e.named(e.trigger)}{_not_before(e)}."


def _not_before(e: Evidence) -> str:
    """The first day on which it may be done, to follow a date; empty where the rule sets none."""
    if e.earliest == NO_DAY:
        return ""
    length = e.book.length(e.spec.not_before)
    return f"; it may not be done before {day_words(e.earliest)}, {length} after {e.named(e.trigger)}"


def _cannot_tell(e: Evidence) -> str:
    started = e.named(e.trigger)
    backwards = e.answer >= 0 and e.day(e.answer) < e.day(e.trigger)
    wrong = _wrong_dates(e) if e.reason == "impossible" else {}
    if any(day for _, day in wrong) or (wrong and not backwards):
        said = [
            f"{listed([e.named(row) for row in rows])} {'is' if len(rows) == 1 else 'are'} {why}{f' ({day})' if day else ''}"
            for (why, day), rows in wrong.items()
        ]
        return f"Cannot tell: {listed(said)}. Check the dates on the record."
    match e.reason:
        case "before_records":
            return f"Cannot tell: it began with {started}, before the records in this source, so an answer may be missing from it."
        case "after_records":
            return f"Cannot tell: it began with {started}, and the records in this source end before it was due."
        case "only_later":
            return f"Cannot tell: it began with {started}. This source holds only the latest date of what answers it, which is a later one."
        case "impossible" if backwards:
            return f"Cannot tell: {e.named(e.answer)} cannot have come before {started}. Check the dates on the record."
        case "impossible" if e.answer >= 0:
            return f"Cannot tell: {started} or {e.named(e.answer)} is on a date that cannot be right. Check the dates on the record."
        case "impossible":
            return f"Cannot tell: {started} is on a date that cannot be right. Check the record."
        case "over_the_limit":
            return f"Cannot tell: the expiry date recorded with {started} is later than the law allows. Check the order."
        case "time_of_day":
            return _without_the_time(e)
    if e.reason == "no_date" and e.spec.before and e.spec.before.attribute == "expected_birth":
        return f"Cannot tell: the expected date of birth is not recorded. It began with {started}."
    if e.reason == "no_date" and e.spec.when.at_age is not None:
        return f"Cannot tell: the date of birth is not recorded. It began with {started}."
    row = e.answer if e.reason == "answer_attribute" else e.trigger
    return f"Cannot tell: {e.named(row)} does not record {listed([e.book.attribute_words(name) for name in _lacking(e)])}."


def _wrong_dates(e: Evidence) -> dict[tuple[str, str], list[int]]:
    """The events of the duty that are on dates that cannot be right, by what is wrong and the other date, in words, where that is known."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in (e.trigger, e.answer):
        if 0 <= row < len(e.log) and (why := _wrong_date(e, row)):
            found.setdefault(why, []).append(row)
    return found


def _wrong_date(e: Evidence, row: int) -> tuple[str, str] | None:
    """What is wrong with the date of an event, and the other date, in words; None where nothing is known to be."""
    log, child = e.log, int(e.log.child[row])
    known = births(log)
    birth = NO_DAY if known is None else int(known[child])
    if birth != NO_DAY and e.day(row) < birth - WEEKS_OF_PREGNANCY:
        name = "expected date of birth" if log.born is None or log.born[child] == NO_DAY else "date of birth"
        return f"more than {WEEKS_OF_PREGNANCY // 7} weeks before the {name}", short_day_words(birth)
    if log.suspect is not None and log.suspect[row]:
        return "on a date that cannot be right", ""
    if not e.book.events[log.kinds[int(log.kind[row])]].with_child or "child_died" not in log.kinds:
        return None
    died = log.day[(log.child == child) & (log.kind == log.kinds.index("child_died")) & (log.day < e.day(row))]
    return ("after the recorded death of the child", short_day_words(int(died.min()))) if len(died) else None


def _without_the_time(e: Evidence) -> str:
    rows, dated = _rows_in_doubt(e)
    names = listed([e.named(row) for row in rows])
    if not dated:
        return f"Cannot tell: the clocks went back at the time recorded for {names}; whether it was BST or GMT would decide it."
    what = "date is" if len(rows) == 1 else "dates are"
    return f"Cannot tell: only the {what} recorded of {names}, and the time of day would decide it."


def _rows_in_doubt(e: Evidence) -> tuple[list[int], bool]:
    """The events whose time of day would decide it, and whether it is because only their dates are recorded."""
    rows = [row for row in (e.trigger, e.answer, e.end) if 0 <= row < len(e.log)]
    dated = [row for row in rows if not e.is_timed(row)]
    twice = [row for row in rows if e.log.span is not None and e.is_timed(row) and int(e.log.span[row])]
    return (dated, True) if dated else (twice or rows, False)


def missing(e: Evidence, days: bool = True) -> list[str]:
    """What would have to be recorded, or put right, for the flag to be told; without `days`, of which event and not of which day."""

    def of(row: int, *more: str) -> str:
        on = f" on {short_day_words(e.day(row))}" if days else ""
        return f"({', '.join([f'{e.title(row)}{on}', *more])})"

    match e.reason:
        case "time_of_day":
            rows, dated = _rows_in_doubt(e)
            what = "the time of day" if dated else "whether it was BST or GMT"
            return [f"{what} {of(row)}" for row in rows]
        case "trigger_attribute" | "answer_attribute" | "no_date":
            if e.spec.before and e.spec.before.attribute == "expected_birth" and e.reason == "no_date":
                return ["the expected date of birth"]
            if e.spec.when.at_age is not None and e.reason == "no_date":
                return ["the date of birth"]
            row = e.answer if e.reason == "answer_attribute" else e.trigger
            return [f"{e.book.attribute_words(name)} {of(row)}" for name in _lacking(e)]
        case "before_records":
            return ["records from before this source begins"]
        case "after_records":
            return ["records from after this source ends"]
        case "only_later":
            return ["the dates before the latest, or a source as it was on the day judged by"]
        case "impossible":
            what = "dates that can be right"
            wrong = [(row, why, day) for (why, day), rows in _wrong_dates(e).items() if day for row in rows]
            return [f"{what} {of(row, why, *([day] if days else []))}" for row, why, day in wrong] or [what]
        case "over_the_limit":
            return ["an expiry date within the longest the law allows"]
    return []


def _lacking(e: Evidence) -> list[str]:
    """The attributes that the event in question would have to record."""
    if e.reason == "no_date":
        return [_date_attribute(e)]
    if e.reason == "answer_attribute":
        assert e.spec.expect is not None
        return _unrecorded(e, e.spec.expect.where, e.answer)
    return _unrecorded(e, e.spec.when.where, e.trigger)


def _unrecorded(e: Evidence, where: dict[str, Any], row: int) -> list[str]:
    """The attributes that were wanted and are not recorded; those that are merely excluded need not be."""
    return [name for name, test in where.items() if not isinstance(test, (Not, Only)) and e.log.value(name, row) is None]


def _date_attribute(e: Evidence) -> str:
    """The attribute whose date the rule needs and does not find."""
    spec = e.spec
    if spec.when.date and e.log.value(spec.when.date, e.trigger) is None:
        return spec.when.date
    if spec.before:
        return spec.before.attribute
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
    if spec.when.at_age is not None and e.start != e.day(e.trigger):
        began = f"the child's {ordinal(spec.when.at_age)} birthday on {day_words(e.start)}"
    if e.counted_back and spec.before:
        return f"{length} before {day_words(e.target)}, {_what_is_ahead(e, began)}"
    if isinstance(spec.within, NextOpening):
        return f"{e.book.value(spec.within.next_working_day_at)} on the next working day after {began}"
    if e.written is not None:
        words = f"the date recorded with {began}"
    elif spec.count_from == "same_day":
        words = f"{length} beginning with {began}"
    else:
        words = f"{length} after {began}" if length and length.n else f"the same day as {began}"
    carried = _carried_day(e)
    if carried != NO_DAY:
        words = f"the day on which this limit began to govern; {words} had passed"
    extended = _extension(e)
    return f"{words}, as extended by {e.named(extended)}" if extended >= 0 else words


def _carried_day(e: Evidence) -> int:
    """The day a clock was carried in, where that is when it is due because its own limit had passed; else NO_DAY."""
    if e.governed is None or not e.governed.carried or e.due != e.governed.first or e.length is None:
        return NO_DAY
    own = int(due_day(np.array([e.start]), e.length, e.book.calendar, e.spec.count_from)[0])
    return e.due if own < e.due else NO_DAY


def _what_is_ahead(e: Evidence, began: str) -> str:
    assert e.spec.before is not None
    if e.spec.before.attribute != "expected_birth":
        return f"the date recorded with {began}"
    known = e.log.expected is not None and int(e.log.expected[e.log.child[e.trigger]]) != NO_DAY
    return "the expected date of birth" if known else "the date of birth"


def _extension(e: Evidence) -> int:
    """The row of the extension that moved the due date; -1 where none did."""
    extension = e.spec.extension
    if extension is None or isinstance(e.spec.within, NextOpening):
        return -1
    if e.written is not None:
        first = parse_moment(e.written).day
    else:
        assert e.length is not None
        first = int(due_day(np.array([e.start]), e.length, e.book.calendar, e.spec.count_from)[0])
    rows = _of_child(e, extension.event, first) if first != e.due else np.zeros(0, np.int64)
    return int(rows[0]) if len(rows) else -1


def _of_child(e: Evidence, kinds: list[str], last: int) -> Int64s:
    """The rows of some kinds of event of the same child and matter, from the start of the duty to a day."""
    codes = [code for code, kind in enumerate(e.log.kinds) if kind in kinds]
    wanted = (e.log.child == e.log.child[e.trigger]) & np.isin(e.log.kind, codes)
    rows = np.flatnonzero(wanted & (e.log.day >= e.start) & (e.log.day <= last))
    return rows if e.spec.link is None else rows[[_same_matter(e, int(row)) for row in rows]] if len(rows) else rows


def _same_matter(e: Evidence, row: int) -> bool:
    """Whether an event may belong to what the duty belongs to: `R1` and `R1/A2` may, `R1/A1` and `R1/A2` may not."""
    if e.log.ref is None:
        return True
    codes = (int(e.log.ref[e.trigger]), int(e.log.ref[row]))
    if min(codes) < 0:
        return True
    mine, theirs = (e.log.refs[code].split("/") for code in codes)
    return all(a == b for a, b in zip(mine, theirs, strict=False))


# ---------------------------------------------------------------------------------------------------- the working


def steps(e: Evidence) -> list[str]:
    """The chain from law to event to date, one sentence a step."""
    spec = e.spec
    found = [
        f"{cited_words(e)}; {_edition(e)}; {VERIFIED_WORDS[spec.verified]}.",
        f"It begins with {e.named(e.trigger)}{e.place(e.trigger)}.",
    ]
    if spec.when.at_age is not None and e.start != e.day(e.trigger):
        found.append(f"The clock starts on the child's {ordinal(spec.when.at_age)} birthday, {day_words(e.start)}, because that is later.")
    if spec.when.turning is not None and (turns := e.turns) is not None:
        limit_by = f"within {e.book.length(spec.when.turning.within)} of that"
        found.append(f"The child's {ordinal(spec.when.turning.age)} birthday is {day_words(turns)}, {limit_by}.")
    if spec.expect is not None and spec.expect.earlier is not None:
        unless = "" if spec.expect.again else ", unless it answered the one before"
        found.append(f"What was done up to {e.book.length(spec.expect.earlier)} before counts too{unless}.")
    if e.governed is not None:
        found.extend(regime_steps(e.governed, e.book))
    if e.earliest != NO_DAY:
        found.append(f"It may not be done before {day_words(e.earliest)}, {e.book.length(spec.not_before)} after that.")
    if spec.expect is not None and e.due != NO_DAY:
        found.append(f"The limit is {limit(e)}.{_local_value(e)}")
        found.extend(_counted(e))
        found.append(f"So it is {due_words(e)}.")
    elif spec.expect is not None and spec.lifted and not e.reason:
        days = listed([f"{short_day_words(day_number(d.from_))} to {short_day_words(day_number(d.to))}" for d in spec.lifted])
        found.append(f"It would have fallen due in a time for which the limit was lifted ({days}), so it has no last day.")
    found.extend(_readings(e))
    if e.answer >= 0:
        found.append(f"{_answered(e)} {e.named(e.answer)}{e.place(e.answer)}.")
    if e.end >= 0:
        found.append(f"Ended by {e.named(e.end)}{e.place(e.end)}.")
    if spec.unless is not None:
        reasons = _of_child(e, spec.unless.event, e.as_of_day)
        found.extend(f"A reason was recorded: {e.named(int(row))}. It does not change the date." for row in reasons)
    if e.provisional():
        found.append(f"Bank holidays are announced to {short_day_words(e.book.calendar.announced_to)}; this date is provisional.")
    return found


def _readings(e: Evidence) -> Iterator[str]:
    """What the authority has settled about a birthday that the rule can be read to end on, or not."""
    for item in e.book.until(e.spec):
        if isinstance(item.running, Parameter):
            local = e.book.parameters[item.running.parameter]
            yield f"{local.title}: the local value `{item.running.parameter}` is {local.value} ({local.basis})."


def _answered(e: Evidence) -> str:
    if e.status != "cannot_tell":
        return "Answered by"
    return "Perhaps answered by" if e.reason == "answer_attribute" else "Recorded with it:"


def source_words(e: Evidence) -> str:
    """The instrument and the place in it, for each source."""
    return "; ".join(f"{e.book.sources[s.id].title}, {s.at}" for s in e.spec.source)


def cited_words(e: Evidence) -> str:
    """The instrument and the place in it, each with the authority that it has itself, which need not be that of the rule."""
    sources = ((e.book.sources[s.id], s.at) for s in e.spec.source)
    return "; ".join(f"{source.title}, {at} ({AUTHORITY_WORDS[source.authority]})" for source, at in sources)


def edition_words(e: Evidence) -> str:
    """The edition of the first source in force when the duty started, or since when the rule itself is."""
    return _edition_name(e) or f"in force from {short_day_words(e.rule.first_day)}"


def _edition(e: Evidence) -> str:
    name = _edition_name(e)
    return f"edition: {name}" if name else f"rule in force from {short_day_words(e.rule.first_day)}"


def _edition_name(e: Evidence) -> str:
    day = as_date(e.start)
    return next((edition.name for edition in e.book.sources[e.spec.source[0].id].editions if edition.covers(day)), "")


def _counted(e: Evidence) -> list[str]:
    """Which days were not counted, by name; and what the clocks did meanwhile."""
    if not e.counts_working_days:
        return _clock_change(e)
    if e.counted_back:
        return [_skipping("Counting back begins the day before", *e.book.calendar.skipped(e.due - 1, e.target - 1))]
    if isinstance(e.given, NextOpening):
        weekend, named = e.book.calendar.skipped(e.start, e.due)
        return [_skipping("Only working days count", weekend, named)] if weekend or named else []
    if e.by_the_hour:
        hours = e.book.parameters.get("service_hours")
        lead = f"Hours count only from {hours.value if hours else '09:00 to 17:00'} on working days"
        basis = f" These hours are the local value `service_hours`: {hours.basis}." if hours else ""
        return [f"{_skipping(lead, *e.book.calendar.skipped(e.start, e.due))}{basis}"]
    if e.spec.count_from == "same_day":
        return [_skipping("Counting begins on that day", *e.book.calendar.skipped(e.start - 1, e.due))]
    return [_skipping("Counting begins the day after", *e.book.calendar.skipped(e.start, e.due))]


def _skipping(lead: str, weekend: int, named: list[tuple[int, str]]) -> str:
    skipped = [*([plural(weekend, "weekend day")] if weekend else []), *(f"{name} ({short_day_words(day)})" for day, name in named)]
    if not skipped:
        return f"{lead}; no day is skipped."
    return f"{lead}; {listed(skipped)} {'is' if len(skipped) == 1 and weekend <= 1 else 'are'} not counted."


def _clock_change(e: Evidence) -> list[str]:
    """That the clocks changed while hours were counted, so that the time of day it is due is understood."""
    if not e.by_the_hour or e.spec.when.date or not e.is_timed(e.trigger) or e.log.instant is None:
        return []
    before, after = (uk_time(at).utcoffset() for at in (int(e.log.instant[e.trigger]), e.due_at))
    if before is None or after is None or before == after:
        return []
    return [f"The clocks go {'back' if after < before else 'forward'} in between; hours are counted as they pass."]


def _local_value(e: Evidence) -> str:
    given = e.given.next_working_day_at if isinstance(e.given, NextOpening) else e.given
    if not isinstance(given, Parameter):
        return ""
    return f" This is the local value `{given.parameter}`: {e.book.parameters[given.parameter].basis}."
