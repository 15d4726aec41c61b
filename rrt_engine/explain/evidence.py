"""One flag and the evidence it rests on, read out of the columns: which events, which dates, how late.

Nothing is computed twice: the engine has already said which events started and answered the duty and when the clock
ran out. Here a row number becomes an event with a name and a date.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Duration, as_date, birthdays, due_day, due_day_before, midnight, parse_moment
from rrt_engine.explain.regimes import Governed, governed
from rrt_engine.model import REASONS, STATUSES, EventLog, Flags, Status, plural
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.schema import DateOf, NextOpening, TimescaleRule
from rrt_engine.timescales.duties import Run
from rrt_engine.words import day_words, duration_words, iso_time, moment_iso, moment_words, ordinal, with_article, within_sentence


@dataclass(frozen=True)
class Evidence:
    """The evidence of one flag. `trigger`, `answer` and `end` are rows (-1: none); `start` and `due` day numbers."""

    log: EventLog
    book: RuleBook
    rule: Rule
    status: Status
    reason: str
    rung: int
    trigger: int
    answer: int
    end: int
    start: int
    due: int
    due_at: int
    due_by: int
    end_day: int
    as_of_day: int
    as_of_instant: int
    runs: dict[int, Run] | None = None

    @property
    def spec(self) -> TimescaleRule:
        """The rule as written."""
        return self.rule.spec

    def event(self, row: int) -> dict[str, str]:
        """An event's name and when it was, as recorded."""
        if row >= len(self.log):
            return {"event": "birthday" if self.birthday else "part_ended", "at": as_date(self.end_day).isoformat()}
        return {"event": self.log.kinds[int(self.log.kind[row])], "at": moment_iso(self.log, row)}

    def title(self, row: int) -> str:
        """An event's name without an article, to stand in brackets."""
        if row < len(self.log):
            return within_sentence(self.book.events[self.log.kinds[int(self.log.kind[row])]].title)
        return self.name(row).removeprefix("the ")

    def name(self, row: int) -> str:
        """An event's name in plain words, to stand inside a sentence."""
        if row < len(self.log):
            return with_article(self.book.events[self.log.kinds[int(self.log.kind[row])]].title)
        if self.birthday is None:
            part = self.book.part(self.spec)
            return f"the end of one stage ({part[1].title})" if part else "the end of the period"
        return f"the child's {ordinal(self.birthday)} birthday" if self.birthday else "the birth"

    @property
    def birthday(self) -> int | None:
        """The age that ended the duty; None where a stretch of time did."""
        if self.log.born is None or self.log.born[self.log.child[self.trigger]] == NO_DAY:
            return None
        born = int(self.log.born[self.log.child[self.trigger]])
        age = as_date(self.end_day).year - as_date(born).year
        return age if int(birthdays(np.array([born]), age)[0]) == self.end_day else None

    @property
    def turns(self) -> int | None:
        """The birthday to come that brings the rule's limit; None where the child was that age already, or its birth is not known."""
        born = NO_DAY if self.log.born is None else int(self.log.born[self.log.child[self.trigger]])
        if self.spec.when.turning is None or born == NO_DAY:
            return None
        day = int(birthdays(np.array([born]), self.spec.when.turning.age)[0])
        return day if day > self.start else None

    @cached_property
    def governed(self) -> Governed | None:
        """The part of a regime that the duty lived in; None for a rule that lives in none."""
        part = self.book.part(self.spec)
        if part is None:
            return None
        settled = self.day(self.answer) if self.answer >= 0 else self.end_day
        child, as_of = int(self.log.child[self.trigger]), (self.as_of_day, self.as_of_instant)
        return governed(self.log, self.book, *part, child, as_of, self.start, self.due, settled, self.runs)

    def when(self, row: int) -> str:
        """When an event was, in words."""
        return moment_words(self.log, row) if row < len(self.log) else day_words(self.end_day)

    def named(self, row: int) -> str:
        """An event and when it was, in words."""
        return f"{self.name(row)} on {self.when(row)}"

    def day(self, row: int) -> int:
        """The day of an event."""
        return int(self.log.day[row]) if row < len(self.log) else self.end_day

    def is_timed(self, row: int) -> bool:
        """Whether an event carries a time of day."""
        return row < len(self.log) and self.log.instant is not None and int(self.log.instant[row]) != NO_INSTANT

    def place(self, row: int) -> str:
        """Where an event stands in its source, in brackets; empty where that is not known."""
        if row >= len(self.log) or self.log.origin_row is None or self.log.origin is None or not self.log.origins:
            return ""
        number, origin = int(self.log.origin_row[row]), self.log.origins[int(self.log.origin[row])]
        if not number:
            return ""
        return f" (line {number})" if len(self.log.origins) == 1 else f" ({origin}, row {number})"

    @property
    def by_the_hour(self) -> bool:
        """Whether the clock was counted in hours."""
        return self.due_at != NO_INSTANT

    @property
    def target(self) -> int:
        """The day of the future event that the due date is counted back from; NO_DAY for every other rule."""
        before = self.spec.before
        if before is None:
            return NO_DAY
        if before.attribute != "expected_birth":
            written = self.log.value(before.attribute, self.trigger)
            return NO_DAY if written is None else parse_moment(written).day
        child = self.log.child[self.trigger]
        expected = NO_DAY if self.log.expected is None else int(self.log.expected[child])
        return int(self.log.born[child]) if expected == NO_DAY and self.log.born is not None else expected

    @property
    def counted_back(self) -> bool:
        """Whether the due date was counted back from a future event, and not forward from the start because that was sooner."""
        before = self.spec.before
        if before is None or self.target == NO_DAY:
            return False
        if before.or_within is None:
            return True
        return self.due == int(due_day_before(np.array([self.target]), self.book.length(before.by), self.book.calendar)[0])

    @property
    def written(self) -> Any:
        """The due date that the starting event records, where the rule takes it from there; otherwise None."""
        within = self.spec.within
        return self.log.value(within.attribute, self.trigger) if isinstance(within, DateOf) else None

    @property
    def given(self) -> Any:
        """The length of time or local value that governs this step, as the rule writes it; None where it is a date."""
        spec = self.spec
        if spec.before:
            return spec.before.by if self.counted_back else spec.before.or_within
        if spec.every:
            within = spec.within if isinstance(spec.within, list) else [spec.within] if spec.within else []
            return [*within, spec.every][self.rung]
        if isinstance(spec.within, DateOf):
            return spec.within.otherwise if self.written is None else None
        return spec.not_before if spec.within is None else spec.within

    @property
    def length(self) -> Duration | None:
        """The length of time that governs this step, where it is one."""
        given = self.given
        return None if given is None or isinstance(given, NextOpening) else self.book.length(given)

    @property
    def earliest(self) -> int:
        """The first day on which it may be done; NO_DAY where the rule sets none."""
        if self.spec.not_before is None or not self.book.length(self.spec.not_before).n:
            return NO_DAY
        length = self.book.length(self.spec.not_before)
        return int(due_day(np.array([self.start]), length, self.book.calendar, self.spec.count_from)[0])

    @property
    def counts_working_days(self) -> bool:
        """Whether the due date rests on working days."""
        if isinstance(self.given, NextOpening):
            return True
        length = self.length
        if length is None or not length.n:
            return False
        return length.unit in ("working days", "service hours") or (length.unit == "clear days" and length.n <= 7)

    def due_iso(self) -> str | None:
        """The due date, or the UK date-time of an hour clock; the date alone where its time is not known."""
        if self.due == NO_DAY:
            return None
        return iso_time(self.due_at) if self.by_the_hour and self.due_at == self.due_by else as_date(self.due).isoformat()

    def provisional(self) -> bool:
        """Whether the due date rests on bank holidays that have not been announced yet."""
        return max(self.due, self.target) > self.book.calendar.announced_to and self.counts_working_days

    def late_by(self) -> tuple[str | None, int | None]:
        """How late, in the rule's own unit, and in calendar days; None unless late or overdue."""
        if self.status not in ("late", "overdue"):
            return None, None
        row = self.answer if self.status == "late" else self.end
        day = self.as_of_day if row < 0 else self.day(row)
        days = day - self.due
        if self.by_the_hour and (row < 0 or self.is_timed(row)):
            instant = self.as_of_instant if row < 0 else int(self.log.instant[row])  # type: ignore[index]
            return duration_words(max(instant - self.due_by, 0)), days
        if self.by_the_hour and row >= len(self.log):
            return duration_words(max(int(midnight(np.array([day]))[0]) - self.due_by, 0)), days
        if self.counts_working_days and not self.by_the_hour:
            n = int(self.book.calendar.working_days_between(np.array([self.due]), np.array([day]))[0])
            return (plural(n, "working day") if n else f"{plural(days, 'day')} (no working day between)"), days
        return plural(days, "day"), days


def evidence_of(
    log: EventLog, book: RuleBook, flags: Flags, i: int, as_of_day: int, as_of_instant: int, runs: dict[int, Run] | None = None
) -> Evidence:
    """The evidence of the i-th flag. `runs` keeps what was worked out for its child, for the child's other flags."""
    end = int(flags.end[i])
    end_day = int(flags.derived_day[end - len(log)]) if end >= len(log) else int(log.day[end]) if end >= 0 else NO_DAY
    return Evidence(
        log=log,
        book=book,
        rule=book.rules[int(flags.rule[i])],
        status=STATUSES[int(flags.status[i])],
        reason=REASONS[int(flags.reason[i])],
        rung=int(flags.rung[i]),
        trigger=int(flags.trigger[i]),
        answer=int(flags.answer[i]),
        end=end,
        start=int(flags.start[i]),
        due=int(flags.due[i]),
        due_at=NO_INSTANT if flags.due_at is None else int(flags.due_at[i]),
        due_by=NO_INSTANT if flags.due_by is None else int(flags.due_by[i]),
        end_day=end_day,
        as_of_day=as_of_day,
        as_of_instant=as_of_instant,
        runs=runs,
    )
