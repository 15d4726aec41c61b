"""Each month end as it was known then: what every rule found, judged on that day by what had been recorded by it.

An event recorded after a month end does not exist on it, though it happened before. An event that does not say when it was
recorded is taken as known from the day it happened: how many there are is counted, source by source. What a record says now of
an event (an outcome, a team, a date put right) is what it says on every month end, for a log keeps no former values; and holidays
and rules are those of the rule set in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rrt_engine.calendar import NO_DAY, Moment, add_months, as_date
from rrt_engine.model import CANNOT_TELL, REASONS, STATUSES, Bools, EventLog, Flags, Int8s, Int64s
from rrt_engine.replay.chunk import reading_of_table
from rrt_engine.replay.flag_rows import BASES, NOW, Whole, basis_of
from rrt_engine.replay.partition import Partition
from rrt_engine.replay.run import Read, RuleLine, rule_line
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.timescales.evaluate import evaluate


@dataclass(frozen=True)
class Month:
    """A calendar month, by its first and last day."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """The month as it is asked for.

        >>> Month(20544, 20573).name
        '2026-04'
        """
        return f"{as_date(self.last):%Y-%m}"


@dataclass(frozen=True)
class Known:
    """What was known at a month end: events dated by then, those of them that were recorded only later and so are not in it,
    and those that do not say when they were recorded and so are.
    """

    events: int
    recorded_later: int
    unsaid: int


@dataclass(frozen=True)
class Point:
    """One rule at one month end. `so_far` counts every duty that had started by then, as a replay on that day does; `in_month`
    those that fell due in the month. Both are judged as of the month end. None where there are none.
    """

    so_far: RuleLine | None
    in_month: RuleLine | None


@dataclass(frozen=True)
class TrendLine:
    """One rule on one basis, with a point for each month. Where only latest dates are held, there is one for the last month alone."""

    rule: str
    title: str
    service: str
    authority: str
    verified: str
    basis: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Recorded:
    """How far one source says when its events were recorded. `last` is the last day on which something happened or was recorded;
    `rejected` counts records that could not be used.
    """

    name: str
    format: str
    events: int
    unsaid: int
    last: int
    rejected: int = 0


@dataclass(frozen=True)
class Trend:
    """The rules, month by month."""

    book: RuleBook
    months: tuple[Month, ...]
    known: tuple[Known, ...]
    lines: tuple[TrendLine, ...]
    sources: tuple[Recorded, ...]
    children: int

    @property
    def beyond(self) -> tuple[Month, ...]:
        """Months that end after the last thing that any source holds, where not done may only mean not yet recorded."""
        last = max((source.last for source in self.sources), default=NO_DAY)
        return tuple(month for month in self.months if month.last > last)


@dataclass(frozen=True)
class Timelines:
    """Children to follow: the name and format of where they come from, their log, and what is true of the log as a whole."""

    name: str
    format: str
    log: EventLog
    whole: Whole
    rejected: int = 0


def months_between(first: Month, last: Month) -> tuple[Month, ...]:
    """Every month from one to another, both included."""
    found = [first]
    while found[-1].last < last.last:
        found.append(month_of(found[-1].last + 1))
    return tuple(found)


def month_of(day: int) -> Month:
    """The calendar month that a day is in.

    >>> month_of(20553)
    Month(first=20544, last=20573)
    """
    begins = day - as_date(day).day + 1
    return Month(begins, int(add_months(np.array([begins]), 1)[0]) - 1)


def timelines_of(read: Read) -> list[Timelines]:
    """The children of sources that were read, those whom the same sources know together."""
    found = []
    for group in read.merging.groups:
        members = [read.sources[i] for i in group.members]
        name, format = (" + ".join(dict.fromkeys(words)) for words in zip(*((m.path, m.reading.format) for m in members), strict=True))
        found.append(Timelines(name, format, group.log, Whole.of(group.log, len(members) > 1)))
    return found


def timelines_in(made: Partition, book: RuleBook) -> Iterator[Timelines]:
    """The children of a partition, part by part, so that one is in memory at a time. Raises InputError where a part cannot be read."""
    for number, part in enumerate(made.parts):
        log = made.logs[part.log]
        reading = reading_of_table(part.events(), book, log)
        rejected = len(reading.rejected) + (0 if number else len(made.rejected))
        yield Timelines(log.name, " + ".join(log.formats), reading.log, log.whole, rejected)


def recorded_in(read: Read) -> tuple[Recorded, ...]:
    """How far each source says when its events were recorded."""
    return tuple(_recorded(s.path, s.reading.format, s.reading.log, len(s.reading.rejected)) for s in read.sources)


def _recorded(name: str, format: str, log: EventLog, rejected: int) -> Recorded:
    said = np.zeros(len(log), np.bool_) if log.recorded is None else log.recorded != NO_DAY
    days = log.day if log.recorded is None else np.where(said, log.recorded, log.day)
    return Recorded(name, format, len(log), int((~said).sum()), int(days.max(initial=NO_DAY)), rejected)


def _and_more(known: Recorded | None, more: Recorded) -> Recorded:
    """What two parts of one source say together."""
    if known is None:
        return more
    sums = {name: getattr(known, name) + getattr(more, name) for name in ("events", "unsaid", "rejected")}
    return replace(known, last=max(known.last, more.last), **sums)


def trend(
    timelines: Iterable[Timelines],
    book: RuleBook,
    months: Sequence[Month],
    rules: Sequence[str] | None = None,
    sources: Sequence[Recorded] | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Trend:
    """What every rule found at each month end, as it was known then; only `rules`, by id, where they are named.

    Timelines are gone through one after another and only counts are kept, so that they need not all be in memory at once.
    `sources` says when the events of each source were recorded, where timelines are of several; without it the timelines tell.
    """
    wanted = book if rules is None else replace(book, rules=tuple(r for r in book.rules if r.id in rules))
    shape = (len(months), len(wanted.rules), len(BASES))
    so_far, in_month = _Counts(shape), _Counts(shape)
    known = np.zeros((len(months), 3), np.int64)
    met: dict[str, Recorded] = {}
    children = 0
    for number, each in enumerate(timelines, 1):
        log = each.log
        met[each.name] = _and_more(met.get(each.name), _recorded(each.name, each.format, log, each.rejected))
        children += len(log.children)
        for at, month in enumerate(months):
            notice(f"timelines {number}, as known at the end of {month.name}")
            known[at] += _known(log, month.last)
            flags = evaluate(log, wanted, Moment(month.last), month.last).flags
            basis = basis_of(flags, log, wanted.rules, each.whole)
            # A list of latest dates says how things stand now; at a former month end it would only have lost what came before.
            kept = (basis != NOW) | (at == len(months) - 1)
            so_far.add(at, flags, basis, kept)
            in_month.add(at, flags, basis, kept & (flags.due >= month.first) & (flags.due <= month.last))
    return Trend(
        book,
        tuple(months),
        tuple(Known(*map(int, row)) for row in known),
        tuple(_lines(wanted, months, so_far, in_month)),
        tuple(met.values() if sources is None else sources),
        children,
    )


def _known(log: EventLog, last: int) -> tuple[int, int, int]:
    """Events dated by a day, those of them recorded later, and those that do not say when they were recorded."""
    by_then = log.day <= last
    n = int(by_then.sum())
    if log.recorded is None:
        return n, 0, n
    unsaid = log.recorded == NO_DAY
    return n, int((by_then & ~unsaid & (log.recorded > last)).sum()), int((by_then & unsaid).sum())


class _Counts:
    """How many flags have each status, and each reason for not telling, and how many of the overdue have ended since: by month,
    edition of a rule and basis.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.statuses = np.zeros((*shape, len(STATUSES)), np.int64)
        self.because = np.zeros((*shape, len(REASONS)), np.int64)
        self.ended = np.zeros((*shape, 1), np.int64)

    def add(self, month: int, flags: Flags, basis: Int8s, kept: Bools) -> None:
        """Count some flags under a month."""
        place = flags.rule.astype(np.int64) * len(BASES) + basis
        for counts, codes, chosen in (
            (self.statuses[month], flags.status, kept),
            (self.because[month], flags.reason, kept & (flags.status == CANNOT_TELL)),
            (self.ended[month], np.zeros_like(flags.status), kept & ~flags.standing()),
        ):
            found = np.bincount(place[chosen] * counts.shape[-1] + codes[chosen], minlength=counts.size)
            counts += found.reshape(counts.shape)

    def line(self, month: int, rule: Rule, editions: list[int], basis: int) -> RuleLine | None:
        """One rule, in all its editions, in one month; None where nothing is counted."""
        statuses: Int64s = self.statuses[month, editions, basis].sum(axis=0)
        if not statuses.any():
            return None
        because = self.because[month, editions, basis].sum(axis=0)
        return rule_line(rule, BASES[basis], statuses, because, int(self.ended[month, editions, basis].sum()))


def _lines(book: RuleBook, months: Sequence[Month], so_far: _Counts, in_month: _Counts) -> list[TrendLine]:
    """A line for each rule and basis that something was counted for, in the order of the rule book."""
    editions: dict[str, list[int]] = {}
    for index, rule in enumerate(book.rules):
        editions.setdefault(rule.id, []).append(index)
    found = []
    for indexes in editions.values():
        rule = book.rules[indexes[-1]]
        for basis, name in enumerate(BASES):
            points = [Point(so_far.line(at, rule, indexes, basis), in_month.line(at, rule, indexes, basis)) for at in range(len(months))]
            if any(point.so_far for point in points):
                spec = rule.spec
                found.append(TrendLine(rule.id, spec.title, spec.service, spec.authority, spec.verified, name, tuple(points)))
    return found
