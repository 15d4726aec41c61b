"""The kinds of check that compare spans: overlaps, spans too long, left open, or that something lies outside."""

from __future__ import annotations

import numpy as np

from rrt_engine.calendar import Duration, as_date, due_day
from rrt_engine.model import Int32s, Int64s
from rrt_engine.quality.findings import Findings, Looking, days_of, first_from, found, in_groups, keyed
from rrt_engine.quality.look_events import collection_year
from rrt_engine.quality.spans import Spans, open_at, spans_of
from rrt_engine.rulebook.quality_schema import LeftOpen, LongerThan, OpenTooLong, OutsidePeriod, Overlap, TotalOver


def overlap(looking: Looking, look: Overlap) -> Findings:
    """Spans that begin while another of the same kind, or of another kind, is running."""
    one = spans_of(looking, look.span)
    other = one if look.other is None else spans_of(looking, look.other)
    mine, theirs = in_groups(looking.group(one.start, look.within), looking.group(other.start, look.within))
    if look.other is None:
        row, beside = _running(one, mine, one, mine, look.touching, "itself")
        return found(looking, int((mine >= 0).sum()), row, beside, _shared(looking, one, row, one, beside))
    # Of two kinds, each is asked whether it began while one of the other kind was running; on one day, the first kind is.
    row, beside = _running(one, mine, other, theirs, look.touching, "same day")
    turned, against = _running(other, theirs, one, mine, look.touching, "earlier")
    days = np.concatenate([_shared(looking, one, row, other, beside), _shared(looking, other, turned, one, against)])
    row, beside = np.concatenate([row, turned]), np.concatenate([beside, against])
    return found(looking, int((mine >= 0).sum() + (theirs >= 0).sum()), row, beside, days)


def _running(begins: Spans, mine: Int64s, runs: Spans, theirs: Int64s, touching: bool, which: str) -> tuple[Int32s, Int32s]:
    """The spans that begin while one of some others is running, and the one among those that ends last.

    The others are those that began before it or on the same day; those that began on an `earlier` day; or, for spans of
    one kind (`itself`), those before it in their order.
    """
    order = np.lexsort((runs.start, runs.since, theirs))
    group, since, to, start = theirs[order], runs.since[order], runs.to[order], runs.start[order]
    # The latest end so far within a group: the group in the high bits makes each begin anew.
    reach = np.maximum.accumulate(keyed(group, to)) if len(order) else keyed(group, to)
    place_of = np.arange(len(order))
    who = np.maximum.accumulate(np.where(reach == keyed(group, to), place_of, 0)) if len(order) else place_of
    if which == "itself":
        place = np.empty(len(order), np.int64)
        place[order] = place_of
        place = place - 1
    else:
        place = np.searchsorted(keyed(group, since), keyed(mine, begins.since), "left" if which == "earlier" else "right") - 1
    if not len(order):
        return begins.start[:0], begins.start[:0]
    inside = (place >= 0) & (mine >= 0) & (group[np.maximum(place, 0)] == mine)
    latest = who[np.maximum(place, 0)]
    limit = to[latest].astype(np.int64)
    overlaps = inside & ((begins.since < limit) if touching else (begins.since <= limit))
    return begins.start[overlaps], start[latest[overlaps]]


def _shared(looking: Looking, one: Spans, rows: Int32s, other: Spans, beside: Int32s) -> Int64s:
    """How many days two spans share, up to the as-of date."""

    def ends(spans: Spans, wanted: Int32s) -> Int64s:
        order = np.argsort(spans.start, kind="stable")
        at = order[np.searchsorted(spans.start[order], wanted)] if len(wanted) else order[:0]
        return np.minimum(spans.to[at], looking.as_of_day).astype(np.int64)

    begin = np.maximum(looking.log.day[rows], looking.log.day[beside]).astype(np.int64)
    return np.maximum(np.minimum(ends(one, rows), ends(other, beside)) - begin, 0)


def longer_than(looking: Looking, look: LongerThan) -> Findings:
    """Spans longer than a limit; those still open as long as they are at the as-of date."""
    spans = spans_of(looking, look.span)
    to = open_at(spans, looking.as_of_day)
    bad = to > due_day(spans.since, Duration.parse(look.limit), looking.calendar)
    return found(looking, len(spans), spans.start[bad], spans.end[bad], to[bad] - spans.since[bad])


def total_over(looking: Looking, look: TotalOver) -> Findings:
    """Spans whose days in one collection year add up to more than a limit: the last of them, with the total."""
    spans = spans_of(looking, look.span)
    to = open_at(spans, looking.as_of_day)
    rows: list[Int32s] = []
    totals: list[Int64s] = []
    if len(spans):
        for year in range(_year_of(int(spans.since.min())), _year_of(int(to.max())) + 1):
            first, last = collection_year(year)
            days = np.maximum(np.minimum(to, last) - np.maximum(spans.since, first), 0)
            total = np.bincount(spans.child, weights=days, minlength=len(looking.log.children)).astype(np.int64)
            over = (days > 0) & (total[spans.child] > look.limit)
            latest = np.full(len(looking.log.children), -1, np.int64)
            latest[spans.child[over]] = np.flatnonzero(over)  # spans are in order of start, and the last one written stands
            chosen = np.sort(latest[latest >= 0])
            rows.append(spans.start[chosen])
            totals.append(total[spans.child[chosen]])
    row = np.concatenate(rows) if rows else spans.start
    return found(looking, len(spans), row, None, np.concatenate(totals) if totals else None)


def _year_of(day: int) -> int:
    """The collection year a day lies in, by the March that ends it."""
    date = as_date(day)
    return date.year + (date.month >= 4)


def open_too_long(looking: Looking, look: OpenTooLong) -> Findings:
    """Spans still open longer than a limit."""
    spans = spans_of(looking, look.span)
    bad = spans.open & (looking.as_of_day > due_day(spans.since, Duration.parse(look.limit), looking.calendar))
    return found(looking, len(spans), spans.start[bad], None, looking.as_of_day - spans.since[bad])


def left_open(looking: Looking, look: LeftOpen) -> Findings:
    """Spans still open although something larger, which should have closed them, has ended since."""
    spans, once = spans_of(looking, look.span), looking.rows(look.once)
    mine, theirs = in_groups(looking.group(spans.start, look.link), looking.group(once, look.link))
    closing = first_from(theirs, once, looking.log.day[once], mine, spans.since)
    compared = mine >= 0
    bad = compared & spans.open & (closing >= 0)
    return found(looking, int(compared.sum()), spans.start[bad], closing[bad], days_of(looking.log, closing[bad]) - spans.since[bad])


def outside_period(looking: Looking, look: OutsidePeriod) -> Findings:
    """Events on a day that lies in no span of a child who has some."""
    log, rows, spans = looking.log, looking.rows(look.event), spans_of(looking, look.span)
    kinds = look.span.start.event
    known = [day for day in (log.coverage.since_day(kind) for kind in kinds) if day is not None]
    if known:  # a span that began before the records is not in them
        rows = rows[log.day[rows] >= max(known)]
    rows = rows[np.isin(log.child[rows], spans.child)]
    if not len(rows):
        return found(looking, 0, rows)
    order = np.lexsort((spans.since, spans.child))
    child, since, to = spans.child[order].astype(np.int64), spans.since[order], spans.to[order]
    reach = np.maximum.accumulate(keyed(child, to))
    day, mine = log.day[rows], log.child[rows].astype(np.int64)
    place = np.searchsorted(keyed(child, since), keyed(mine, day), "right") - 1
    inside = (place >= 0) & (child[np.maximum(place, 0)] == mine) & (reach[np.maximum(place, 0)] >= keyed(mine, day))
    # The span that comes after it, or else the one before: what it was compared with.
    after = np.searchsorted(keyed(child, since), keyed(mine, day), "right")
    following = np.where((after < len(child)) & (child[np.minimum(after, len(child) - 1)] == mine), after, place)
    other = spans.start[order][np.maximum(following, 0)]
    gap = np.where(
        since[np.maximum(following, 0)] > day, since[np.maximum(following, 0)] - day, day - np.minimum(to[np.maximum(place, 0)], day)
    )
    bad = ~inside
    return found(looking, len(rows), rows[bad], other[bad], gap[bad])
