"""A finding in words: what is on the record, with its dates, in a sentence."""

from __future__ import annotations

from rrt_engine.calendar import NO_DAY, as_date
from rrt_engine.model import EventLog, plural
from rrt_engine.quality.look_events import year_words
from rrt_engine.rulebook.book import RuleBook
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
from rrt_engine.words import day_words, short_day_words, with_article, within_sentence


def sentence(check: Check, log: EventLog, book: RuleBook, row: int, other: int, child: int, days: int, year: int | None, as_of: int) -> str:
    """What was found, with its dates. Never a name: the caller says which case it is about."""
    look = check.look
    if isinstance(look, NoBirthDate):
        return "no date of birth is recorded, nor an expected one"
    this = _event(log, book, row)
    that = _event(log, book, other) if other >= 0 else ""
    many = plural(days, "day")
    match look:
        case Order():
            return f"{this} is {f'{many} before' if days else 'on the same day as'} {that}"
        case Without():
            needed = _one_of(book, look.needs.event)
            nearest = f"; the nearest is {that}" if that else ""
            return f"{this} has no {needed}{' on the same day' if look.same_day else ''}{nearest}"
        case Incompatible():
            return f"{this} stands beside {that}"
        case After() | AfterDeath():
            return f"{this} is {many} after {that}"
        case Twice():
            return f"{this} is recorded more than once"
        case Weekend():
            return f"{this} is on a {as_date(int(log.day[row])):%A}"
        case OutsideYear():
            return f"{this} is {many} outside the collection year, {year_words(year or 0)}"
        case Age():
            born = int(log.born[child]) if log.born is not None else NO_DAY
            return f"{this} is not before the {look.under}th birthday of a child born on {short_day_words(born)}"
        case BeforeBirth():
            born = int(log.born[child]) if log.born is not None else NO_DAY
            birth = born if born != NO_DAY or log.expected is None else int(log.expected[child])
            words = "the birth" if born != NO_DAY else "the expected birth"
            return f"{this} is more than 40 weeks before {words} on {short_day_words(birth)}, by {many}"
        case AfterAsOf():
            return f"{this} is {many} after {short_day_words(as_of)}"
        case Unrecorded():
            return f"{this} does not record `{look.attribute}`"
        case Overlap():
            return f"{this} came while another was running from {that}" + (f", {many} of both" if days else "")
        case LongerThan():
            ended = f"to {that}" if that else f"and had not ended by {short_day_words(as_of)}"
            return f"{this} {ended}: {many}, and the limit is {look.limit}"
        case TotalOver():
            return f"{this} brings the total in its collection year to {many}, and the limit is {look.limit}"
        case OpenTooLong():
            return f"{this} was still open on {short_day_words(as_of)}, {many} later, and the limit is {look.limit}"
        case LeftOpen():
            return f"{this} was not ended by {that}"
        case OutsidePeriod():
            return f"{this} is {many} outside every such period; the nearest began with {that}"
    raise AssertionError(look)


def _event(log: EventLog, book: RuleBook, row: int) -> str:
    """An event and its day in words."""
    kind = log.kinds[int(log.kind[row])]
    return f"{with_article(book.events[kind].title)} on {day_words(int(log.day[row]))}"


def _one_of(book: RuleBook, kinds: list[str]) -> str:
    return " or ".join(within_sentence(book.events[kind].title) for kind in kinds)


def look_words(check: Check) -> str:
    """The kind of a check in a few words, for a list of checks."""
    return _KINDS[check.look.kind]


_KINDS = {
    "order": "order of two dates",
    "without": "one thing without another",
    "incompatible": "two things that rule each other out",
    "overlap": "overlap",
    "longer_than": "longer than a limit",
    "total_over": "days in a year over a limit",
    "open_too_long": "open too long",
    "left_open": "left open",
    "after": "after an ending",
    "outside_period": "outside a period",
    "outside_year": "outside the collection year",
    "weekend": "on a weekend",
    "twice": "twice on a day",
    "age": "age",
    "before_birth": "long before birth",
    "after_death": "after death",
    "after_as_of": "in the future",
    "no_birth_date": "no date of birth",
    "unrecorded": "not recorded",
}
