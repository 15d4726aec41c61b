"""Working days, durations and clocks: how the law counts time, by table look-up.

Every function takes NumPy arrays of day numbers (`int32` or `int64`, days since 1 January 1970, UK civil dates) or of
instants (`int64`, seconds since 1970-01-01T00:00Z) and works on one date as well as on a million. Sources of the
readings: the trigger day is day 0 (Dodds v Walker [1981] 1 WLR 1027, citing Lester v Garland); months end on the
corresponding date or the month's last day (Interpretation Act 1978, Schedule 1, and Dodds v Walker); a working day is
not a Saturday, Sunday, Christmas Day, Good Friday or bank holiday (SI 2005/1533 regulation 2; FPR 2010 rule 2.3(1)).
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.integer[Any]]
Instants = npt.NDArray[np.int64]
Unit = Literal["hours", "service hours", "working days", "days", "clear days", "weeks", "calendar weeks", "months", "years"]
CountFrom = Literal["next_day", "same_day"]

UK = ZoneInfo("Europe/London")
DAY = 86_400
EPOCH = date(1970, 1, 1)
# Dates outside these years are never real in a child's record; the tables go on for clocks that run past them, and a
# clock that would leave the tables stops at their end.
FIRST_YEAR, LAST_YEAR = 1970, 2059
TABLE_TO = 2079
NO_DAY = -(2**31)
"""Stands for "no date" in a column of day numbers."""
NO_INSTANT = -(2**62)
"""Stands for "no time of day was recorded" in a column of instants."""


def day_number(value: date) -> int:
    """The day number of a civil date.

    >>> day_number(date(1970, 1, 2))
    1
    """
    return (value - EPOCH).days


def as_date(day: int) -> date:
    """The civil date of a day number.

    >>> as_date(1)
    datetime.date(1970, 1, 2)
    """
    return EPOCH + timedelta(days=int(day))


# ---------------------------------------------------------------------------------------------------- durations

_DURATION = re.compile(r"^(\d{1,4}) (hour|service hour|working day|day|clear day|week|calendar week|month|year)s?$")


@dataclass(frozen=True)
class Duration:
    """A length of time in the words of the guidance: a whole number and a unit.

    >>> Duration.parse("15 working days")
    Duration(n=15, unit='working days')
    >>> str(Duration.parse("1 week"))
    '1 week'
    """

    n: int
    unit: Unit

    @staticmethod
    def parse(text: str) -> Duration:
        """Read `N unit`; raises ValueError that says which units there are."""
        found = _DURATION.match(text.strip())
        if not found:
            raise ValueError(
                f"`{text}` is not a length of time; write a whole number and one of hours, service hours, "
                "working days, days, clear days, weeks, calendar weeks, months or years, such as `15 working days`"
            )
        return Duration(int(found[1]), f"{found[2]}s")  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.n} {self.unit[:-1] if self.n == 1 else self.unit}"

    @property
    def by_the_hour(self) -> bool:
        """Whether the clock needs the time of day."""
        return self.unit in ("hours", "service hours")


# ---------------------------------------------------------------------------------------------------- calendar


@dataclass(frozen=True)
class Calendar:
    """England's working days as tables, and the names of the days that are not.

    `working[i]` says whether day `first + i` is a working day; `upto[i]` counts the working days up to and including
    it; `nth[k]` is the day number of the k-th working day (1-based). `announced_to` is the last day for which bank
    holidays have been announced: working-day results that reach past it are provisional.
    """

    first: int
    working: npt.NDArray[np.bool_]
    upto: npt.NDArray[np.int32]
    nth: npt.NDArray[np.int32]
    holidays: Mapping[int, str]
    announced_to: int

    @staticmethod
    def from_holidays(holidays: Mapping[date, str], announced_to: date) -> Calendar:
        """Build the tables from dated bank holidays, including Good Friday and Christmas Day."""
        first = day_number(date(FIRST_YEAR, 1, 1))
        last = day_number(date(TABLE_TO, 12, 31))
        days = np.arange(first, last + 1)
        working = (days + 3) % 7 < 5  # 1 January 1970 was a Thursday
        named = {day_number(d): name for d, name in holidays.items() if first <= day_number(d) <= last}
        working[np.fromiter(named, dtype=np.int64, count=len(named)) - first] = False
        upto = np.cumsum(working, dtype=np.int32)
        nth = np.concatenate([[first], days[working]]).astype(np.int32)
        return Calendar(first, working, upto, nth, named, day_number(announced_to))

    @staticmethod
    def read(path: Path) -> Calendar:
        """Read `date,name` rows; the row named `announced to` says how far the announcements go."""
        announced, named = None, {}
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                day = date.fromisoformat(row["date"])
                if row["name"] == "announced to":
                    announced = day
                else:
                    named[day] = row["name"]
        if announced is None:
            raise ValueError(f"{path}: no row named `announced to`")
        return Calendar.from_holidays(named, announced)

    def is_working(self, days: Days) -> npt.NDArray[np.bool_]:
        """Whether each day is a working day."""
        return self.working.take(np.asarray(days) - self.first, mode="clip")

    def upto_day(self, days: Days) -> Days:
        """How many working days there are up to and including each day, from a fixed origin."""
        return self.upto.take(np.asarray(days) - self.first, mode="clip")

    def add_working_days(self, days: Days, n: int, count_from: CountFrom = "next_day") -> Days:
        """The n-th working day after each day: the last day on which it is on time.

        The day after is where counting starts, whatever day of the week the trigger fell on; with `same_day`
        ("beginning with") a working trigger day is itself day 1.
        """
        days = np.asarray(days)
        before = self.upto_day(days - 1 if count_from == "same_day" else days)
        return self.nth.take(before + n, mode="clip")

    def subtract_working_days(self, days: Days, n: int) -> Days:
        """The n-th working day before each day, the day itself being day 0."""
        return self.nth.take(self.upto_day(np.asarray(days) - 1) - (n - 1), mode="clip") if n else np.asarray(days)

    def working_days_between(self, start: Days, end: Days) -> Days:
        """Working days after `start` up to and including `end`; negative when `end` comes first."""
        return self.upto_day(end) - self.upto_day(start)

    def skipped(self, start: int, end: int) -> tuple[int, list[tuple[int, str]]]:
        """The weekend days, and the named holidays on weekdays, after `start` up to and including `end`."""
        days = range(start + 1, end + 1)
        weekend = sum(1 for d in days if (d + 3) % 7 >= 5)
        return weekend, [(d, self.holidays[d]) for d in days if d in self.holidays and (d + 3) % 7 < 5]


def add_months(days: Days, n: int) -> Days:
    """The corresponding date n months later (or earlier), or the last day of that month where there is none."""
    target = np.asarray(days).astype("datetime64[D]").astype("datetime64[M]") + np.timedelta64(n, "M")
    start = target.astype("datetime64[D]").astype(np.int64)
    length = (target + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64) - start
    result: Days = start + np.minimum(_day_of_month(days), length - 1)
    return result


def birthdays(born: Days, age: int) -> Days:
    """The day each child reaches an age. A child born on 29 February reaches it on 1 March in a common year.

    Family Law Reform Act 1969 section 9 (recalled): an age is reached at the start of the birthday.
    """
    born = np.asarray(born)
    reached = add_months(born, 12 * age)
    moved_back = _day_of_month(reached) < _day_of_month(born)  # only 29 February is ever moved
    result: Days = reached + moved_back
    return result


def _day_of_month(days: Days) -> Days:
    dates = np.asarray(days).astype("datetime64[D]")
    result: Days = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    return result


# ---------------------------------------------------------------------------------------------------- day clocks


def due_day(start: Days, length: Duration, calendar: Calendar, count_from: CountFrom = "next_day") -> Days:
    """The last day on time for a clock that starts on each day; due to the end of that day. Never rolls forward.

    Clear days follow FPR 2010 rule 2.9: for periods of seven days or fewer, only business days count. A calendar week is
    Monday to Sunday, whatever day of it the clock starts on: one in each gives a gap of 13 days at most.
    """
    start = np.asarray(start)
    back = 1 if count_from == "same_day" else 0
    match length.unit:
        case "working days":
            return calendar.add_working_days(start, length.n, count_from) if length.n else start + 0  # an array of its own
        case "days":
            return start + max(length.n - back, 0)
        case "weeks":
            return start + max(7 * length.n - back, 0)
        case "calendar weeks":
            sunday: Days = start + 6 - (start + 3) % 7
            return sunday + 7 * length.n
        case "months":
            return add_months(start, length.n) - back
        case "years":
            return add_months(start, 12 * length.n) - back
        case "clear days":
            return calendar.add_working_days(start, length.n) if length.n <= 7 else start + length.n
    raise ValueError(f"{length} needs the time of day")


def due_day_before(event: Days, length: Duration, calendar: Calendar) -> Days:
    """The last day on time for something due a length of time before a future event."""
    event = np.asarray(event)
    match length.unit:
        case "working days":
            return calendar.subtract_working_days(event, length.n)
        case "days":
            return event - length.n
        case "weeks" | "calendar weeks":
            return event - 7 * length.n
        case "months":
            return add_months(event, -length.n)
        case "years":
            return add_months(event, -12 * length.n)
        case "clear days":
            return calendar.subtract_working_days(event, length.n + 1) if length.n <= 7 else event - length.n - 1
    raise ValueError(f"{length} cannot be counted back in days")


def court_office_day(days: Days, calendar: Calendar) -> Days:
    """The next day on which the court office is open (FPR 2010 rule 2.9(5)); open days stay as they are."""
    return calendar.add_working_days(days, 1, "same_day")


def emergency_order_noon_day(days: Days, calendar: Calendar) -> Days:
    """The day to whose noon a full eight-day emergency protection order may run (Children Act 1989 section 45(2)).

    Where the last of the eight days is Christmas Day, Good Friday, a bank holiday or a Sunday, it is the first later
    day that is none of these. A Saturday is not on the list and stands.
    """
    open_day = np.array([(d + 3) % 7 != 6 and d not in calendar.holidays for d in range(int(np.min(days)), int(np.max(days)) + 30)])
    base = int(np.min(days))
    following = np.array([i + int(np.argmax(open_day[i:])) for i in range(len(open_day) - 20)])
    result: Days = following[np.asarray(days) - base] + base
    return result


# ---------------------------------------------------------------------------------------------------- hours


@functools.cache
def _midnights() -> tuple[int, npt.NDArray[np.int64]]:
    """UTC seconds of each UK midnight in the span of the tables, so that hours are counted as they pass."""
    first = day_number(date(FIRST_YEAR, 1, 1))
    last = day_number(date(TABLE_TO, 12, 31)) + 2
    days = np.arange(first, last, dtype=np.int64)
    # The offset at midnight changes only twice a year: find it for each month's days by looking at month ends first.
    offset = np.empty(len(days), dtype=np.int64)
    i = 0
    while i < len(days):
        j = min(i + 28, len(days)) - 1
        a, b = _offset(int(days[i])), _offset(int(days[j]))
        if a == b:
            offset[i : j + 1] = a
        else:
            offset[i : j + 1] = [_offset(int(d)) for d in days[i : j + 1]]
        i = j + 1
    return first, days * DAY - offset


def _offset(day: int) -> int:
    d = as_date(day)
    delta = datetime(d.year, d.month, d.day, tzinfo=UK).utcoffset()
    assert delta is not None
    return int(delta.total_seconds())


def midnight(days: Days) -> Instants:
    """The instant at which each UK civil day begins."""
    first, table = _midnights()
    return table.take(np.asarray(days) - first, mode="clip")


def uk_day(instants: Instants) -> Days:
    """The UK civil day on which each instant falls."""
    first, table = _midnights()
    result: Days = np.searchsorted(table, np.asarray(instants), side="right") - 1 + first
    return result


@dataclass(frozen=True)
class ServiceHours:
    """The hours of a working day in which a hub is open, in seconds after UK midnight."""

    opens: int
    closes: int

    @staticmethod
    def parse(text: str) -> ServiceHours:
        """Read `HH:MM to HH:MM`.

        >>> ServiceHours.parse("08:45 to 17:15")
        ServiceHours(opens=31500, closes=62100)
        """
        found = re.match(r"^(\d\d):(\d\d) to (\d\d):(\d\d)$", text)
        if not found:
            raise ValueError(f"`{text}` is not opening hours; write them as `08:45 to 17:15`")
        a, b, c, d = (int(g) for g in found.groups())
        if a * 60 + b >= c * 60 + d or c > 24:
            raise ValueError(f"`{text}`: the first time must be before the second")
        return ServiceHours(a * 3600 + b * 60, c * 3600 + d * 60)


def due_instant(start: Instants, length: Duration, calendar: Calendar, service: ServiceHours) -> Instants:
    """The instant at which an hour clock runs out. Plain hours are counted in UTC, as they pass.

    Service hours count only while the hub is open on a working day.
    """
    start = np.asarray(start, dtype=np.int64)
    if length.unit == "hours":
        return start + 3600 * length.n
    if length.unit != "service hours":
        raise ValueError(f"{length} is counted in days")
    open_for = service.closes - service.opens
    day = uk_day(start)
    today = np.where(
        calendar.is_working(day),
        np.clip(start - midnight(day) - service.opens, 0, open_for),
        0,
    )
    done = calendar.upto_day(day - 1).astype(np.int64) * open_for + today
    target = done + 3600 * length.n
    whole, rest = np.divmod(target - 1, open_for)  # a clock that ends at closing time ends that day, not the next
    return midnight(calendar.nth.take(whole + 1, mode="clip")) + service.opens + rest + 1


def next_opening(start: Instants, at: int, calendar: Calendar) -> Instants:
    """The first working-day moment `at` (seconds after midnight) after each instant."""
    start = np.asarray(start, dtype=np.int64)
    day = uk_day(start)
    today = midnight(day) + at
    later = midnight(calendar.add_working_days(day, 1)) + at
    return np.where(calendar.is_working(day) & (start < today), today, later)


# ---------------------------------------------------------------------------------------------------- reading dates

_ISO_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_ISO_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$")


@dataclass(frozen=True)
class Moment:
    """When something happened, no more exactly than it was recorded.

    `day` is the UK civil day. `instant` is the earliest UTC second it can have been, `span` how many seconds later it
    can have been at most: 0 for a recorded time, 3600 for a time in the hour that happens twice when the clocks go
    back, and the rest of the day for a date without a time, whose `instant` is NO_INSTANT.
    """

    day: int
    instant: int = NO_INSTANT
    span: int = 0


def parse_moment(value: Any) -> Moment:
    """Read an ISO date, or an ISO date-time in UK local time or with an offset. Raises ValueError that says why not.

    >>> parse_moment("2026-04-10") == Moment(20553)
    True
    """
    text = value.isoformat() if isinstance(value, date) else str(value).strip()
    found = _ISO_TIME.match(text)
    if not found and not _ISO_DATE.match(text):
        raise ValueError(f"`{text}` is not a date; write it as 2026-04-10, or 2026-04-10T16:45 with a time")
    try:
        local = datetime.fromisoformat(f"{found[1]}T{found[2]}" if found else text)
        exact = datetime.fromisoformat(f"{local.isoformat()}{found[3].replace('Z', '+00:00')}") if found and found[3] else None
    except ValueError:
        raise ValueError(f"`{text}` is not a day or time that exists; check the day, the month and the hour") from None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:  # first of all, because the first and the last year there is have no day beside them
        raise _out_of_span(text)
    if not found:
        return _in_span(Moment(day_number(local.date())), text)
    if exact is not None:
        return _in_span(Moment(day_number(exact.astimezone(UK).date()), int(exact.timestamp())), text)
    first = int(local.replace(tzinfo=UK, fold=0).timestamp())
    second = int(local.replace(tzinfo=UK, fold=1).timestamp())
    if datetime.fromtimestamp(first, UK).replace(tzinfo=None) != local:
        raise ValueError(f"`{text}` did not happen: the clocks went forward over it; check the time")
    return _in_span(Moment(day_number(local.date()), first, second - first), text)


def _in_span(moment: Moment, text: str) -> Moment:
    year = as_date(moment.day).year
    if not FIRST_YEAR < year < LAST_YEAR:
        raise _out_of_span(text)
    return moment


def _out_of_span(text: str) -> ValueError:
    return ValueError(f"`{text}` is outside {FIRST_YEAR + 1} to {LAST_YEAR - 1}; check the year")
