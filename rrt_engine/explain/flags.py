"""Turn a flag's evidence into what a person reads: when, how many days, which were skipped, and the source.

Nothing is computed twice: the engine has already said which events started and answered the duty and when the clock
ran out. The sentences are built from the rule and that evidence, on demand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Duration, as_date, midnight
from rrt_engine.explain.words import (
    AUTHORITY_WORDS,
    VERIFIED_WORDS,
    day_words,
    duration_words,
    iso_time,
    listed,
    moment_iso,
    moment_words,
    short_day_words,
    time_words,
)
from rrt_engine.model import REASONS, STATUSES, EventLog, Flags, plural
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.schema import DateOf, NextOpening, Not, Parameter, TimescaleRule


@dataclass(frozen=True)
class Explained:
    """One flag with its working, in the public shape of `rrt check --format json`."""

    rule: str
    service: str
    title: str
    status: str
    trigger: dict[str, str]
    due: str | None
    answer: dict[str, str] | None
    ended_by: dict[str, str] | None
    late_by: str | None
    days_late: int | None
    authority: str
    verified: str
    source: str
    edition: str
    provisional: bool
    steps: list[str]
    explanation: str
    missing: list[str]
    pathway: str | None


@dataclass(frozen=True)
class Explainer:
    """Explains flags of one evaluation: the log and the book they came from, and the as-of day and instant."""

    log: EventLog
    book: RuleBook
    flags: Flags
    as_of_day: int
    as_of_instant: int

    def explain(self, i: int) -> Explained:
        """The i-th flag with its working."""
        flags, rule = self.flags, self.book.rules[int(self.flags.rule[i])]
        spec = rule.spec
        status = STATUSES[int(flags.status[i])]
        reason = REASONS[int(flags.reason[i])]
        missing = self._missing(i, spec, reason)
        late_by, days_late = self.late_by(i)
        steps = self._steps(i, rule)
        return Explained(
            rule=rule.id,
            service=spec.service,
            title=spec.title,
            status=status,
            trigger=self._event(int(flags.trigger[i])),
            due=self.due_iso(i),
            answer=self._event(int(flags.answer[i])) if flags.answer[i] >= 0 else None,
            ended_by=self._event(int(flags.end[i])) if flags.end[i] >= 0 else None,
            late_by=late_by,
            days_late=days_late,
            authority=spec.authority,
            verified=spec.verified,
            source=self.source_words(spec),
            edition=self.edition_words(rule, int(flags.start[i])),
            provisional=self.provisional(i),
            steps=steps,
            explanation=self._explanation(i, rule, status, late_by, missing),
            missing=missing,
            pathway=spec.pathway.get(status) if status in ("overdue", "late") else None,  # type: ignore[call-overload]
        )

    # -- parts ----------------------------------------------------------------------------------------------------

    def _is_derived(self, row: int) -> bool:
        return row >= len(self.log)

    def _derived_day(self, row: int) -> int:
        return int(self.flags.derived_day[row - len(self.log)])

    def _event(self, row: int) -> dict[str, str]:
        if self._is_derived(row):
            return {"event": "birthday", "at": as_date(self._derived_day(row)).isoformat()}
        return {"event": self.log.kinds[int(self.log.kind[row])], "at": moment_iso(self.log, row)}

    def event_title(self, row: int) -> str:
        """An event's name in plain words, to stand inside a sentence."""
        if self._is_derived(row):
            return "birthday"
        title = self.book.events[self.log.kinds[int(self.log.kind[row])]].title
        return _inside_sentence(title)

    def due_iso(self, i: int) -> str | None:
        """The due date, or the UK date-time of an hour clock; None where there is none or the time is not known."""
        day = int(self.flags.due[i])
        if day == NO_DAY:
            return None
        if self._hour_clock(i):
            at, by = int(self.flags.due_at[i]), int(self.flags.due_by[i])  # type: ignore[index]
            return iso_time(at) if at == by else as_date(day).isoformat()
        return as_date(day).isoformat()

    def _hour_clock(self, i: int) -> bool:
        return self.flags.due_at is not None and int(self.flags.due_at[i]) != NO_INSTANT

    def length(self, i: int) -> Duration | None:
        """The interval that set this flag's due date, where it is a length of time."""
        spec = self.book.rules[int(self.flags.rule[i])].spec
        return interval_of(self.book, spec, int(self.flags.rung[i]))

    def late_by(self, i: int) -> tuple[str | None, int | None]:
        """How late, in the rule's own unit, and in calendar days; None unless late or overdue."""
        status = STATUSES[int(self.flags.status[i])]
        if status not in ("late", "overdue"):
            return None, None
        due = int(self.flags.due[i])
        row = int(self.flags.answer[i]) if status == "late" else int(self.flags.end[i])
        if row < 0:
            day, instant = self.as_of_day, self.as_of_instant
        elif self._is_derived(row):
            day = self._derived_day(row)
            instant = int(midnight(np.array([day]))[0])
        else:
            day = int(self.log.day[row])
            timed = self.log.instant is not None and int(self.log.instant[row]) != NO_INSTANT
            instant = int(self.log.instant[row]) if timed else int(midnight(np.array([day]))[0])  # type: ignore[index]
        if self._hour_clock(i):
            by = int(self.flags.due_by[i])  # type: ignore[index]
            if row >= 0 and not self._is_derived(row) and (self.log.instant is None or self.log.instant[row] == NO_INSTANT):
                return plural(day - due, "day"), day - due
            return duration_words(max(instant - by, 0)), day - due
        length = self.length(i)
        if length and length.unit in ("working days", "clear days"):
            n = int(self.book.calendar.working_days_between(np.array([due]), np.array([day]))[0])
            if n:
                return plural(n, "working day"), day - due
            return plural(day - due, "day") + " (no working day between)", day - due
        return plural(day - due, "day"), day - due

    def provisional(self, i: int) -> bool:
        """Whether the due date rests on bank holidays that have not been announced yet."""
        length = self.length(i)
        return bool(length and length.unit in ("working days", "clear days", "service hours") and int(self.flags.due[i]) > self.book.calendar.announced_to)

    def source_words(self, spec: TimescaleRule) -> str:
        """The instrument and the place in it, for each source."""
        return "; ".join(f"{self.book.sources[s.id].title}, {s.at}" for s in spec.source)

    def edition_words(self, rule: Rule, start: int) -> str:
        """The edition of the first source in force when the duty started, or the rule's own effective dates."""
        for edition in self.book.sources[rule.spec.source[0].id].editions:
            first, last = edition.get("from"), edition.get("to")
            day = as_date(start)
            if (first is None or first <= day) and (last is None or day <= last):
                return str(edition["name"])
        return f"in force from {short_day_words(rule.first_day)}"

    def _missing(self, i: int, spec: TimescaleRule, reason: str) -> list[str]:
        trigger, answer = int(self.flags.trigger[i]), int(self.flags.answer[i])
        match reason:
            case "time_of_day":
                rows = [r for r in (trigger, answer, int(self.flags.end[i])) if 0 <= r < len(self.log)]
                dated = [r for r in rows if self.log.instant is None or self.log.instant[r] == NO_INSTANT]
                return [f"the time of day of {self.event_title(r)} on {short_day_words(int(self.log.day[r]))}" for r in dated or rows]
            case "trigger_attribute":
                return [f"`{a}` of {self.event_title(trigger)}" for a in self._unrecorded(spec.when.where, trigger)]
            case "answer_attribute":
                assert spec.expect is not None
                return [f"`{a}` of {self.event_title(answer)} on {short_day_words(int(self.log.day[answer]))}" for a in self._unrecorded(spec.expect.where, answer)]
            case "before_records":
                return ["records from before this source begins"]
            case "impossible":
                return ["dates that can be right"]
            case "no_date":
                return [f"`{a}` of {self.event_title(trigger)}" for a in (_date_attribute(spec),) if a]
            case "over_the_limit":
                return ["an expiry date within the longest the law allows"]
        return []

    def _unrecorded(self, where: dict[str, Any], row: int) -> list[str]:
        return [a for a, test in where.items() if not isinstance(test, Not) and self.log.value(a, row) is None]

    # -- sentences ------------------------------------------------------------------------------------------------

    def _explanation(self, i: int, rule: Rule, status: str, late_by: str | None, missing: list[str]) -> str:
        spec, flags = rule.spec, self.flags
        trigger, answer, end = int(flags.trigger[i]), int(flags.answer[i]), int(flags.end[i])
        if spec.expect is None:
            if status == "cannot_tell":
                return f"It cannot be told whether this applies: {listed(missing)} is not recorded."
            return f"Recorded on {day_words(int(flags.start[i]))}: {_inside_sentence(spec.title)}."
        started = f"{self.event_title(trigger)} on {moment_words(self.log, trigger)}" if trigger < len(self.log) else f"{day_words(int(flags.start[i]))}"
        due = self._due_words(i)
        limit = limit_words(self.book, spec, int(flags.rung[i]))
        match status:
            case "met":
                return f"Done on {moment_words(self.log, answer)}; {due}, {limit} {started}." if due else f"Done on {moment_words(self.log, answer)}."
            case "late":
                return f"Done on {moment_words(self.log, answer)}, {late_by} after it was due; {due}, {limit} {started}."
            case "early":
                return f"Done on {moment_words(self.log, answer)}, before it may be: {limit} {started}."
            case "overdue":
                ended = f" The duty ended with {self.event_title(end)} on {self._row_day_words(end)}." if end >= 0 else ""
                return f"Not done; {due}, {limit} {started}. Overdue by {late_by}.{ended}"
            case "ended":
                return f"No longer needed: {self.event_title(end)} on {self._row_day_words(end)} came first. It was {due}." if due else f"No longer needed: {self.event_title(end)} on {self._row_day_words(end)} came first."
            case "cannot_tell":
                return self._cannot_tell(i, spec, missing, started)
        return f"Not done yet; {due}, {limit} {started}." if due else f"Not done yet; it has no time limit. It began with {started}."

    def _cannot_tell(self, i: int, spec: TimescaleRule, missing: list[str], started: str) -> str:
        answer = int(self.flags.answer[i])
        match REASONS[int(self.flags.reason[i])]:
            case "before_records":
                return f"Cannot tell: it began with {started}, before the records in this source begin, so an answer may be missing from it."
            case "impossible":
                if answer >= 0:
                    return f"Cannot tell: {self.event_title(answer)} is dated {moment_words(self.log, answer)} and {started}; these dates cannot both be right. Check the record."
                return f"Cannot tell: {started} is on a date that cannot be right. Check the record."
            case "over_the_limit":
                return f"Cannot tell: the expiry date recorded with {started} is later than the law allows. Check the order."
            case "time_of_day":
                return f"Cannot tell: {listed(missing)} would decide it; only the date is recorded."
        return f"Cannot tell: {listed(missing)} is not recorded."

    def _row_day_words(self, row: int) -> str:
        return day_words(self._derived_day(row)) if self._is_derived(row) else day_words(int(self.log.day[row]))

    def _due_words(self, i: int) -> str:
        day = int(self.flags.due[i])
        if day == NO_DAY:
            return ""
        if self._hour_clock(i):
            at, by = int(self.flags.due_at[i]), int(self.flags.due_by[i])  # type: ignore[index]
            return f"due by {time_words(at)}" if at == by else f"due between {time_words(at)} and {time_words(by)}, depending on the time of day"
        return f"due by {day_words(day)}"

    def _steps(self, i: int, rule: Rule) -> list[str]:
        """The chain from law to event to date, one sentence a step."""
        spec, flags = rule.spec, self.flags
        trigger, start, due = int(flags.trigger[i]), int(flags.start[i]), int(flags.due[i])
        rung = int(flags.rung[i])
        steps = [
            f"{self.source_words(spec)} ({AUTHORITY_WORDS[spec.authority]}; edition: {self.edition_words(rule, start)}; {VERIFIED_WORDS[spec.verified]})."
        ]
        if trigger < len(self.log):
            steps.append(f"It starts with {self.event_title(trigger)} on {moment_words(self.log, trigger)}{self._where_from(trigger)}.")
        if spec.when.date and start != int(self.log.day[trigger]):
            steps.append(f"The clock starts on {day_words(start)}, the date recorded in `{spec.when.date}`.")
        if spec.expect is not None and due != NO_DAY:
            length = interval_of(self.book, spec, rung)
            steps.append(f"The limit is {limit_words(self.book, spec, rung)} that.{self._local_value_words(spec, rung)}")
            if length and length.unit in ("working days", "clear days") and due >= start:
                steps.append(self._counted(start, due, spec))
            steps.append(f"So it is {self._due_words(i)}.")
        for row, lead in ((int(flags.answer[i]), "Answered by"), (int(flags.end[i]), "Ended by")):
            if row >= 0:
                steps.append(f"{lead} {self.event_title(row)} on {self._row_day_words(row) if self._is_derived(row) else moment_words(self.log, row)}{self._where_from(row)}.")
        if spec.unless is not None:
            steps.extend(self._reasons(i, spec))
        if self.provisional(i):
            steps.append(f"Bank holidays are announced to {short_day_words(self.book.calendar.announced_to)}; this date is provisional.")
        return steps

    def _where_from(self, row: int) -> str:
        if row >= len(self.log) or self.log.origin_row is None or self.log.origin is None or not self.log.origins:
            return ""
        number = int(self.log.origin_row[row])
        return f" ({self.log.origins[int(self.log.origin[row])]}, row {number})" if number else ""

    def _counted(self, start: int, due: int, spec: TimescaleRule) -> str:
        weekend, named = self.book.calendar.skipped(start, due)
        holidays = [f"{name} ({short_day_words(day)})" for day, name in named]
        skipped = [*([plural(weekend, "weekend day")] if weekend else []), *holidays]
        begin = "Counting begins on that day" if spec.count_from == "same_day" else "Counting begins the day after"
        return f"{begin}; {listed(skipped)} {'is' if len(skipped) == 1 and weekend <= 1 else 'are'} not counted." if skipped else f"{begin}; no day is skipped."

    def _local_value_words(self, spec: TimescaleRule, rung: int) -> str:
        given = _given(spec, rung)
        if isinstance(given, Parameter):
            local = self.book.parameters[given.parameter]
            return f" This is the local value `{given.parameter}`: {local.basis}."
        return ""

    def _reasons(self, i: int, spec: TimescaleRule) -> list[str]:
        """Recorded reasons for exceeding the limit: shown, never silently passed."""
        assert spec.unless is not None
        child, start = int(self.log.child[self.flags.trigger[i]]), int(self.flags.start[i])
        wanted = [c for c, kind in enumerate(self.log.kinds) if kind in spec.unless.event]
        rows = np.flatnonzero((self.log.child == child) & np.isin(self.log.kind, wanted) & (self.log.day >= start) & (self.log.day <= self.as_of_day))
        return [f"A reason was recorded: {self.event_title(int(r))} on {moment_words(self.log, int(r))}. It does not change the date." for r in rows]


def _given(spec: TimescaleRule, rung: int) -> Any:
    if spec.before:
        return spec.before.by
    if spec.every:
        rungs = [*(spec.within if isinstance(spec.within, list) else [spec.within] if spec.within else []), spec.every]
        return rungs[rung]
    if spec.within is not None:
        return spec.within.otherwise if isinstance(spec.within, DateOf) else spec.within
    return spec.not_before


def interval_of(book: RuleBook, spec: TimescaleRule, rung: int) -> Duration | None:
    """The length of time that governs one step of a rule, where it is one."""
    given = _given(spec, rung)
    return None if given is None or isinstance(given, NextOpening) else book.length(given)


def limit_words(book: RuleBook, spec: TimescaleRule, rung: int) -> str:
    """The limit in words that lead up to what it is counted from: `15 working days after`."""
    if isinstance(spec.within, NextOpening):
        return f"{book.value(spec.within.next_working_day_at)} on the next working day after"
    if isinstance(spec.within, DateOf) and spec.within.otherwise is None:
        return "the date recorded with"
    length = interval_of(book, spec, rung)
    if spec.before:
        return f"{length} before the date recorded with"
    if spec.count_from == "same_day":
        return f"{length} beginning with"
    if spec.within is None and spec.every is None and spec.not_before is not None:
        return f"not sooner than {length} after"
    return f"{length} after" if length and length.n else "the same day as"


def _date_attribute(spec: TimescaleRule) -> str | None:
    if spec.when.date:
        return spec.when.date
    if spec.before:
        return "expected date of birth" if spec.before.attribute == "expected_birth" else spec.before.attribute
    return spec.within.attribute if isinstance(spec.within, DateOf) else None


def _inside_sentence(title: str) -> str:
    """A title as it stands inside a sentence: a small first letter unless the word is a name or all capitals."""
    first = title.split(" ", 1)[0]
    return title if first.isupper() or first in ("Section", "Emergency", "Graded", "National") else title[0].lower() + title[1:]
