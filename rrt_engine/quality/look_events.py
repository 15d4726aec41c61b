"""The kinds of check that compare events: order, one without another, two together, after an ending, dates by themselves."""

from __future__ import annotations

import numpy as np

from rrt_engine.calendar import NO_DAY, Duration, as_date, birthdays, day_number, due_day_before
from rrt_engine.model import Bools, Int32s, lookup
from rrt_engine.quality.findings import NONE, Findings, Looking, days_of, first_of, found, in_groups, keyed, last_before
from rrt_engine.quality.spans import spans_of
from rrt_engine.rulebook.quality_schema import After, Age, Incompatible, Order, OutsideYear, Twice, Unrecorded, Weekend, Without
from rrt_engine.timescales.quality import WEEKS_OF_PREGNANCY, births


def order(looking: Looking, look: Order) -> Findings:
    """What may not come first is dated before the earliest of what it belongs to."""
    log, first, then = looking.log, looking.rows(look.first), looking.rows(look.then)
    mine, theirs = in_groups(looking.group(first, look.link), looking.group(then, look.link))
    begins = first_of(mine, first, log.day[first], theirs)
    compared = (begins >= 0) & (begins != then)
    gap = days_of(log, begins).astype(np.int64) - log.day[then]
    bad = compared & (gap > 0 if look.same_day else gap >= 0)
    return found(looking, int(compared.sum()), then[bad], begins[bad], gap[bad])


def without(looking: Looking, look: Without) -> Findings:
    """Events without what they need: in what they belong to, or there and on the same day."""
    log, event, needs = looking.log, looking.rows(look.event), looking.rows(look.needs)
    mine, theirs = in_groups(looking.group(event, look.link), looking.group(needs, look.link))
    near = first_of(theirs, needs, log.day[needs], mine)
    here, there = (keyed(mine, log.day[event]), keyed(theirs, log.day[needs])) if look.same_day else (mine, theirs)
    compared = mine >= 0
    bad = compared & ~np.isin(here, there[theirs >= 0])
    gap = np.where(near[bad] >= 0, np.abs(days_of(log, near[bad]).astype(np.int64) - log.day[event[bad]]), 0)
    return found(looking, int(compared.sum()), event[bad], near[bad], gap)


def incompatible(looking: Looking, look: Incompatible) -> Findings:
    """Events beside something that rules them out."""
    log, event, beside = looking.log, looking.rows(look.event), looking.rows(look.with_)
    unless = looking.rows(look.unless) if look.unless else event[:0]
    mine, theirs, explained = in_groups(*(looking.group(rows, look.link) for rows in (event, beside, unless)))
    other = first_of(mine, event, log.day[event], theirs)
    bad = (other >= 0) & (other != beside) & ~np.isin(theirs, explained)
    return found(looking, int((theirs >= 0).sum()), beside[bad], other[bad])


def after(looking: Looking, look: After) -> Findings:
    """Events after an ending, with nothing in between that began it anew."""
    log, event, ending = looking.log, looking.rows(look.event), looking.rows(look.ending)
    reopened = looking.arrays.rows_of(look.reopened)
    groups = in_groups(*(looking.group(rows, look.link) for rows in (event, ending, reopened)))
    mine, theirs, again = groups
    day = log.day[event]
    ended = last_before(theirs, ending, log.day[ending], mine, day)
    reopening = last_before(again, reopened, log.day[reopened], mine, (day + 1).astype(np.int32))
    bad = (ended >= 0) & ((reopening < 0) | (days_of(log, reopening) < days_of(log, ended)))
    return found(looking, int((mine >= 0).sum()), event[bad], ended[bad], day[bad] - days_of(log, ended[bad]))


def twice(looking: Looking, look: Twice) -> Findings:
    """The second and later events of one kind for a child on one day."""
    log, rows = looking.log, looking.rows(look.event)
    key = keyed(log.child[rows].astype(np.int64) * len(log.kinds) + log.kind[rows], log.day[rows])
    _, first, position = np.unique(key, return_index=True, return_inverse=True)
    bad = first[position] != np.arange(len(rows))
    return found(looking, len(rows), rows[bad], rows[first[position]][bad])


def weekend(looking: Looking, look: Weekend) -> Findings:
    """Events on a Saturday or a Sunday."""
    rows = looking.rows(look.event)
    return found(looking, len(rows), rows[(looking.log.day[rows] + 3) % 7 >= 5])


def collection_year(year: int) -> tuple[int, int]:
    """The first and last day of the collection year that ends in March of a year."""
    from datetime import date

    return day_number(date(year - 1, 4, 1)), day_number(date(year, 3, 31))


def outside_year(looking: Looking, look: OutsideYear) -> Findings:
    """Events, or the starts of spans still open, that are not in the collection year."""
    assert looking.year is not None
    first, last = collection_year(looking.year)
    if look.lead:
        first = int(due_day_before(np.array([first]), Duration.parse(look.lead), looking.calendar)[0])
    if look.open is not None:
        spans = spans_of(looking, look.open)
        rows = spans.start[spans.open]
    else:
        assert look.event is not None
        rows = looking.rows(look.event)
    day = looking.log.day[rows]
    out = np.maximum(first - day, day - last)
    bad = out > 0
    return found(looking, len(rows), rows[bad], None, out[bad])


def age(looking: Looking, look: Age) -> Findings:
    """Events on or after the birthday that they must come before."""
    log, rows = looking.log, looking.rows(look.event)
    born = np.full(len(log.children), NO_DAY, np.int32) if log.born is None else log.born
    rows = rows[born[log.child[rows]] != NO_DAY]
    reached = birthdays(born[log.child[rows]], look.under)
    gap = log.day[rows].astype(np.int64) - reached
    bad = gap >= 0
    return found(looking, len(rows), rows[bad], None, gap[bad])


def before_birth(looking: Looking) -> Findings:
    """Events more than 40 weeks before the birth, or the expected birth."""
    log = looking.log
    known = births(log)
    birth = np.full(len(log), NO_DAY, np.int32) if known is None else known[log.child]
    rows = np.flatnonzero((birth != NO_DAY) & _seen(looking)).astype(np.int32)
    gap = birth[rows].astype(np.int64) - WEEKS_OF_PREGNANCY - log.day[rows]
    bad = gap > 0
    return found(looking, len(rows), rows[bad], None, gap[bad])


def after_death(looking: Looking) -> Findings:
    """Events that need a living child on a day after its death."""
    log, events = looking.log, looking.book.events
    deaths = looking.arrays.rows_of(["child_died"])
    living = lookup(log.kinds, lambda kind: kind in events and events[kind].with_child)
    rows = np.flatnonzero(living[log.kind] & _seen(looking)).astype(np.int32) if len(log) else deaths[:0]
    mine, theirs = in_groups(looking.group(rows, None), looking.group(deaths, None))
    died = first_of(theirs, deaths, log.day[deaths], mine)
    gap = log.day[rows].astype(np.int64) - days_of(log, died)
    bad = (died >= 0) & (gap > 0)
    return found(looking, len(rows), rows[bad], died[bad], gap[bad])


def after_as_of(looking: Looking) -> Findings:
    """Events dated after the as-of date."""
    log = looking.log
    rows = np.flatnonzero(log.day > looking.as_of_day).astype(np.int32)
    return found(looking, len(log), rows, None, log.day[rows] - looking.as_of_day)


def no_birth_date(looking: Looking) -> Findings:
    """Children with neither a date of birth nor an expected one."""
    log = looking.log
    none = np.full(len(log.children), NO_DAY, np.int32)
    born, expected = (none if column is None else column for column in (log.born, log.expected))
    child = np.flatnonzero((born == NO_DAY) & (expected == NO_DAY)).astype(np.int32)
    nothing: Int32s = np.full(len(child), NONE)
    return Findings(len(log.children), nothing, nothing, child, np.zeros(len(child), np.int32))


def unrecorded(looking: Looking, look: Unrecorded) -> Findings:
    """Events that do not record an attribute."""
    rows = looking.rows(look.event)
    column = looking.log.attributes.get(look.attribute)
    return found(looking, len(rows), rows[:0] if column is None else rows[column.codes[rows] < 0])


def _seen(looking: Looking) -> Bools:
    """Whether each row is at or before the as-of date."""
    return looking.log.day <= looking.as_of_day


def year_words(year: int) -> str:
    """A collection year in words.

    >>> year_words(2026)
    '1 April 2025 to 31 March 2026'
    """
    first, last = (as_date(day) for day in collection_year(year))
    return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"
