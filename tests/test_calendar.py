"""Every way of counting time, against the plainest way to do the same, over dates chosen to be hard."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import holidays
import numpy as np
import pytest
from dateutil.relativedelta import relativedelta

from rrt_engine.calendar import (
    FIRST_YEAR,
    LAST_YEAR,
    NO_INSTANT,
    UK,
    Calendar,
    Duration,
    Moment,
    ServiceHours,
    add_months,
    as_date,
    birthdays,
    court_office_day,
    day_number,
    due_day,
    due_day_before,
    due_instant,
    emergency_order_noon_day,
    midnight,
    next_opening,
    parse_moment,
    uk_day,
)
from tests import oracle

ROOT = Path(__file__).parent.parent
HOLIDAY_FILE = ROOT / "rules" / "bank_holidays.csv"
CALENDAR = Calendar.read(HOLIDAY_FILE)
OFFICE_HOURS = ServiceHours.parse("09:00 to 17:00")

ONE_DAY = timedelta(days=1)
TEN_YEARS = [date(2019, 1, 1) + timedelta(days=n) for n in range(3653)]
MONTH_ENDS = [d for d in TEN_YEARS if (d + ONE_DAY).day <= 2 or d.day >= 28]
CLOCK_CHANGES = [date(2025, 3, 30), date(2025, 10, 26), date(2026, 3, 29), date(2026, 10, 25)]


def days(*values: date) -> Any:
    return np.array([day_number(v) for v in values])


def one(function: Callable[..., Any], day: date, *rest: Any) -> date:
    """A function of the calendar for one date."""
    return as_date(function(days(day), *rest)[0])


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def uk(value: Any) -> str:
    """An instant as UK local time with its offset."""
    return datetime.fromtimestamp(int(value), UK).isoformat()


def due(start: str, length: str, count_from: Any = "next_day") -> str:
    return one(due_day, date.fromisoformat(start), Duration.parse(length), CALENDAR, count_from).isoformat()


def due_before(event: str, length: str) -> str:
    return one(due_day_before, date.fromisoformat(event), Duration.parse(length), CALENDAR).isoformat()


def due_at(start: str, length: str, hours: str = "09:00 to 17:00") -> str:
    return uk(due_instant(np.array([instant(start)]), Duration.parse(length), CALENDAR, ServiceHours.parse(hours))[0])


# ------------------------------------------------------------------------------------------------------ bank holidays


def _holiday_file() -> dict[date, str]:
    with HOLIDAY_FILE.open(encoding="utf-8") as file:
        return {date.fromisoformat(row["date"]): row["name"] for row in csv.DictReader(file) if row["name"] != "announced to"}


def test_the_holiday_file_is_what_the_holidays_package_says_for_every_year() -> None:
    listed = _holiday_file()
    years = range(min(listed).year, max(listed).year + 1)
    assert (years.start, years.stop) == (1990, LAST_YEAR + 1)
    assert set(listed) == set(holidays.country_holidays("GB", subdiv="ENG", years=years))


def test_the_holiday_file_is_what_its_tool_writes() -> None:
    spec = importlib.util.spec_from_file_location("bank_holidays", ROOT / "tools" / "bank_holidays.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert {day.isoformat(): name for day, name in _holiday_file().items()} == dict(tool.rows())


def test_weekday_holidays_are_those_of_gov_uk_from_2012_to_2028() -> None:
    text = (ROOT / "tests" / "data" / "bank_holidays" / "govuk_bank_holidays_2012_2028.json").read_text(encoding="utf-8")
    gov_uk = {date.fromisoformat(event["date"]) for event in json.loads(text)["england-and-wales"]["events"]}
    assert len(gov_uk) == 140
    assert {d for d in _holiday_file() if 2012 <= d.year <= 2028 and d.weekday() < 5} == gov_uk


@pytest.mark.parametrize(
    "day",
    [
        "2020-05-08",
        "2022-06-02",
        "2022-06-03",
        "2022-09-19",
        "2023-05-08",
        "2025-04-18",
        "2026-04-03",
        "2026-12-28",
        "2027-12-27",
        "2027-12-28",
        "1999-12-31",
    ],
)
def test_days_that_once_were_holidays_and_substitute_days_are_not_working_days(day: str) -> None:
    assert not CALENDAR.is_working(days(date.fromisoformat(day)))[0]


@pytest.mark.parametrize(
    "day", ["2020-05-04", "2022-05-30", "2024-12-24", "2024-12-27", "2024-12-30", "2024-12-31", "2025-01-02", "2026-03-17"]
)
def test_moved_holidays_and_office_closures_are_working_days(day: str) -> None:
    assert CALENDAR.is_working(days(date.fromisoformat(day)))[0]


def test_a_working_day_is_monday_to_friday_and_no_holiday_on_every_day_of_the_tables() -> None:
    last = date(FIRST_YEAR, 1, 1) + timedelta(days=len(CALENDAR.working) - 1)
    assert last >= date(LAST_YEAR, 12, 31)
    every = [date(FIRST_YEAR, 1, 1) + timedelta(days=n) for n in range(len(CALENDAR.working))]
    assert CALENDAR.is_working(days(*every)).tolist() == [oracle.working(d) for d in every]


def test_a_holiday_file_says_how_far_it_was_announced(tmp_path: Path) -> None:
    assert as_date(CALENDAR.announced_to) == date(2028, 12, 31)
    path = tmp_path / "bank_holidays.csv"
    path.write_text("date,name\n2026-12-25,Christmas Day\n", encoding="utf-8")
    with pytest.raises(ValueError, match="announced to"):
        Calendar.read(path)


def test_holidays_outside_the_tables_are_left_out() -> None:
    first, last = date(FIRST_YEAR, 1, 1), date(FIRST_YEAR, 1, 1) + timedelta(days=len(CALENDAR.working) - 1)
    calendar = Calendar.from_holidays({first: "a", last: "b", first - ONE_DAY: "c", last + ONE_DAY: "d"}, last)
    assert set(calendar.holidays.values()) == {"a", "b"}
    assert not calendar.working[0]
    assert calendar.upto_day(days(last))[0] == calendar.upto[-1]


# ------------------------------------------------------------------------------------------------------- working days


@pytest.mark.parametrize("n", [1, 2, 5, 10, 15, 45])
@pytest.mark.parametrize("count_from", ["next_day", "same_day"])
def test_working_days_are_counted_as_walking_day_by_day_counts_them(n: int, count_from: Any) -> None:
    came = CALENDAR.add_working_days(days(*TEN_YEARS), n, count_from)
    assert came.tolist() == [day_number(oracle.last_day(d, f"{n} working days", count_from)) for d in TEN_YEARS]


@pytest.mark.parametrize("n", [0, 1, 2, 5, 10])
def test_working_days_are_counted_back_day_by_day(n: int) -> None:
    came = CALENDAR.subtract_working_days(days(*TEN_YEARS), n)
    assert came.tolist() == [day_number(oracle.working_day_before(d, n)) for d in TEN_YEARS]


def test_working_days_between_is_after_the_first_day_up_to_and_including_the_last() -> None:
    start, ends = date(2025, 4, 16), [date(2025, 4, 16) + timedelta(days=n) for n in range(30)]
    counts = [sum(oracle.working(start + timedelta(days=n)) for n in range(1, (end - start).days + 1)) for end in ends]
    assert CALENDAR.working_days_between(days(*[start] * 30), days(*ends)).tolist() == counts
    assert CALENDAR.working_days_between(days(*ends), days(*[start] * 30)).tolist() == [-n for n in counts]


def test_skipped_names_the_weekend_days_and_the_weekday_holidays_after_the_start() -> None:
    weekend, named = CALENDAR.skipped(day_number(date(2025, 4, 18)), day_number(date(2025, 4, 21)))
    assert (weekend, [(as_date(d), name) for d, name in named]) == (2, [(date(2025, 4, 21), "Easter Monday")])
    weekend, named = CALENDAR.skipped(day_number(date(2026, 12, 24)), day_number(date(2026, 12, 28)))
    assert (weekend, [as_date(d) for d, _ in named]) == (2, [date(2026, 12, 25), date(2026, 12, 28)])


# --------------------------------------------------------------------------------------------- days, weeks and months


@pytest.mark.parametrize("n", [-25, -12, -6, -3, -1, 0, 1, 2, 3, 6, 11, 12, 13, 25])
def test_months_keep_the_date_or_end_with_the_month(n: int) -> None:
    assert add_months(days(*TEN_YEARS), n).tolist() == [day_number(d + relativedelta(months=n)) for d in TEN_YEARS]


@pytest.mark.parametrize(
    ("start", "length", "wanted"),
    [
        ("2024-11-29", "3 months", "2025-02-28"),
        ("2024-11-30", "3 months", "2025-02-28"),
        ("2023-11-29", "3 months", "2024-02-29"),
        ("2026-01-31", "1 month", "2026-02-28"),
        ("2026-02-28", "1 month", "2026-03-28"),
        ("2026-08-31", "6 months", "2027-02-28"),
        ("2024-02-29", "1 year", "2025-02-28"),
        ("2024-02-29", "4 years", "2028-02-29"),
        ("2025-12-11", "14 days", "2025-12-25"),
        ("2025-12-13", "2 weeks", "2025-12-27"),
        ("2025-07-14", "6 weeks", "2025-08-25"),
        ("2025-04-18", "0 days", "2025-04-18"),
        ("2025-04-18", "0 working days", "2025-04-18"),
        ("2025-04-19", "1 working day", "2025-04-22"),
    ],
)
def test_a_due_date_is_where_it_falls_and_is_never_rolled_forward(start: str, length: str, wanted: str) -> None:
    assert due(start, length) == wanted


@pytest.mark.parametrize(
    ("start", "length", "wanted"),
    [
        ("2025-09-01", "15 days", "2025-09-15"),
        ("2025-09-01", "1 day", "2025-09-01"),
        ("2025-09-01", "1 week", "2025-09-07"),
        ("2025-09-01", "1 month", "2025-09-30"),
        ("2025-03-01", "1 year", "2026-02-28"),
        ("2025-01-13", "1 working day", "2025-01-13"),
        ("2025-01-11", "1 working day", "2025-01-13"),
        ("2025-01-13", "12 working days", "2025-01-28"),
        ("2025-01-31", "1 month", "2025-02-27"),
    ],
)
def test_beginning_with_a_day_counts_that_day(start: str, length: str, wanted: str) -> None:
    assert due(start, length, "same_day") == wanted


ALL_DAY_LENGTHS = ["0 days", "1 day", "14 days", "1 week", "6 weeks", "1 month", "3 months", "1 year", "1 working day", "15 working days"]
CLEAR_LENGTHS = ["1 clear day", "6 clear days", "7 clear days", "8 clear days", "14 clear days"]


@pytest.mark.parametrize("length", [*ALL_DAY_LENGTHS, "0 working days", *CLEAR_LENGTHS])
@pytest.mark.parametrize("count_from", ["next_day", "same_day"])
def test_every_length_counts_as_the_plain_way_does(length: str, count_from: Any) -> None:
    some = [*MONTH_ENDS, *TEN_YEARS[::7]]
    came = due_day(days(*some), Duration.parse(length), CALENDAR, count_from)
    assert came.tolist() == [day_number(oracle.last_day(d, length, count_from)) for d in some]


@pytest.mark.parametrize("length", [*ALL_DAY_LENGTHS, "0 working days", *CLEAR_LENGTHS])
def test_every_length_counts_back_as_the_plain_way_does(length: str) -> None:
    some = [*MONTH_ENDS, *TEN_YEARS[::7]]
    came = due_day_before(days(*some), Duration.parse(length), CALENDAR)
    assert came.tolist() == [day_number(oracle.last_day_before(d, length)) for d in some]


def test_lengths_in_hours_have_no_due_day() -> None:
    for function in (due_day, due_day_before):
        with pytest.raises(ValueError, match="72 hours"):
            function(days(date(2026, 1, 1)), Duration.parse("72 hours"), CALENDAR)
    with pytest.raises(ValueError, match="3 days"):
        due_instant(np.array([0]), Duration.parse("3 days"), CALENDAR, OFFICE_HOURS)


def test_clear_days_of_seven_or_fewer_are_business_days_and_leave_out_both_ends() -> None:
    # Notice of 7 clear days before a hearing on Thursday 1 May 2025 passes over Easter; of 8 it does not.
    assert due_before("2025-05-01", "7 clear days") == "2025-04-17"
    assert due_before("2025-05-01", "8 clear days") == "2025-04-22"
    assert due("2025-04-17", "7 clear days") == "2025-04-30"
    assert due("2025-04-17", "8 clear days") == "2025-04-25"


def test_a_court_office_that_is_shut_opens_on_the_next_working_day() -> None:
    came = court_office_day(days(*TEN_YEARS), CALENDAR)
    for day, opened in zip(TEN_YEARS, came.tolist(), strict=True):
        while not oracle.working(day):
            day += ONE_DAY
        assert as_date(opened) == day


def test_an_emergency_order_runs_to_noon_on_the_first_day_that_is_no_sunday_or_holiday() -> None:
    assert emergency_order_noon_day(days(*TEN_YEARS), CALENDAR).tolist() == [day_number(oracle.noon_day(d)) for d in TEN_YEARS]
    for day in (date(2025, 12, 25), date(2027, 12, 25), date(2026, 4, 5)):  # one date at a time, as one case is
        assert one(emergency_order_noon_day, day, CALENDAR) == oracle.noon_day(day)


def test_birthdays_fall_on_the_date_and_on_1_march_for_29_february_in_a_common_year() -> None:
    born = [*MONTH_ENDS, *TEN_YEARS[::11]]
    for age in (1, 4, 16, 18, 25):
        assert birthdays(days(*born), age).tolist() == [day_number(oracle.birthday(d, age)) for d in born]
    assert one(birthdays, date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert one(birthdays, date(2008, 2, 29), 16) == date(2024, 2, 29)


def test_a_clock_that_runs_off_the_end_of_the_tables_stops_there() -> None:
    far = days(date(TABLES_END.year, 12, 30))
    assert CALENDAR.add_working_days(far, 45)[0] <= day_number(TABLES_END)
    assert CALENDAR.subtract_working_days(days(date(2150, 1, 1)), 10)[0] <= day_number(TABLES_END)


TABLES_END = date(FIRST_YEAR, 1, 1) + timedelta(days=len(CALENDAR.working) - 1)


# --------------------------------------------------------------------------------------------------------------- hours


def test_every_midnight_is_where_the_time_zone_puts_it() -> None:
    every = [date(FIRST_YEAR, 1, 1) + timedelta(days=n) for n in range((date(LAST_YEAR, 12, 31) - date(FIRST_YEAR, 1, 1)).days + 1)]
    assert midnight(days(*every)).tolist() == [int(datetime.combine(d, time(), UK).timestamp()) for d in every]


def test_the_uk_day_of_each_quarter_of_an_hour_around_the_clock_changes() -> None:
    for change in CLOCK_CHANGES:
        noon = datetime.combine(change - ONE_DAY, time(12), UTC)
        moments = [noon + timedelta(minutes=15 * n) for n in range(4 * 72)]
        came = uk_day(np.array([int(m.timestamp()) for m in moments]))
        assert came.tolist() == [day_number(m.astimezone(UK).date()) for m in moments]
    first, last = instant("2026-06-01T00:00+01:00"), instant("2026-06-01T23:59:59+01:00")
    assert uk_day(np.array([first - 1, first, last, last + 1])).tolist() == [day_number(date(2026, 5, 31)) + n for n in (0, 1, 1, 2)]


@pytest.mark.parametrize(
    ("start", "length", "wanted"),
    [
        ("2025-10-25T23:30+01:00", "72 hours", "2025-10-28T22:30:00+00:00"),
        ("2025-03-29T23:30+00:00", "72 hours", "2025-04-02T00:30:00+01:00"),
        ("2025-10-26T01:30+01:00", "1 hour", "2025-10-26T01:30:00+00:00"),
        ("2026-06-01T12:00+01:00", "0 hours", "2026-06-01T12:00:00+01:00"),
    ],
)
def test_hours_pass_as_they_pass_when_the_clocks_change(start: str, length: str, wanted: str) -> None:
    assert due_at(start, length) == wanted


@pytest.mark.parametrize(
    ("start", "length", "wanted"),
    [
        ("2025-04-17T16:00+01:00", "1 service hour", "2025-04-17T17:00:00+01:00"),
        ("2025-04-17T16:00+01:00", "2 service hours", "2025-04-22T10:00:00+01:00"),
        ("2025-04-17T17:00+01:00", "8 service hours", "2025-04-22T17:00:00+01:00"),
        ("2025-04-17T17:01+01:00", "1 service hour", "2025-04-22T10:00:00+01:00"),
        ("2025-04-19T12:00+01:00", "1 service hour", "2025-04-22T10:00:00+01:00"),
        ("2025-04-22T03:00+01:00", "8 service hours", "2025-04-22T17:00:00+01:00"),
        ("2025-04-22T09:00+01:00", "9 service hours", "2025-04-23T10:00:00+01:00"),
        ("2025-10-24T16:30+01:00", "1 service hour", "2025-10-27T09:30:00+00:00"),
    ],
)
def test_service_hours_pass_only_while_the_hub_is_open(start: str, length: str, wanted: str) -> None:
    assert due_at(start, length) == wanted


@pytest.mark.parametrize("hours", ["09:00 to 17:00", "08:45 to 17:15", "00:00 to 24:00"])
@pytest.mark.parametrize("length", ["1 service hour", "4 service hours", "9 service hours", "30 service hours"])
def test_service_hours_as_walking_day_by_day_counts_them(hours: str, length: str) -> None:
    starts = [datetime(2025, 4, 16, tzinfo=UTC) + timedelta(minutes=37 * n) for n in range(400)]
    starts += [datetime(2025, 10, 23, tzinfo=UTC) + timedelta(minutes=45 * n) for n in range(200)]
    came = due_instant(np.array([int(s.timestamp()) for s in starts]), Duration.parse(length), CALENDAR, ServiceHours.parse(hours))
    opening = hours if not hours.endswith("24:00") else "00:00 to 23:59:59.999999"
    wanted = [oracle.clock_runs_out(s, length, opening).timestamp() for s in starts]
    assert np.abs(came - np.array(wanted)).max() < 0.001


@pytest.mark.parametrize(
    ("start", "wanted"),
    [
        ("2025-04-17T08:59:59+01:00", "2025-04-17T09:00:00+01:00"),
        ("2025-04-17T09:00+01:00", "2025-04-22T09:00:00+01:00"),
        ("2025-04-17T18:00+01:00", "2025-04-22T09:00:00+01:00"),
        ("2025-04-19T03:00+01:00", "2025-04-22T09:00:00+01:00"),
        ("2025-10-25T12:00+01:00", "2025-10-27T09:00:00+00:00"),
    ],
)
def test_the_next_opening_is_the_first_working_day_moment_after(start: str, wanted: str) -> None:
    assert uk(next_opening(np.array([instant(start)]), 9 * 3600, CALENDAR)[0]) == wanted


def test_the_next_opening_as_walking_finds_it() -> None:
    starts = [datetime(2025, 4, 15, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(500)]
    came = next_opening(np.array([int(s.timestamp()) for s in starts]), 12 * 3600, CALENDAR)
    assert came.tolist() == [int(oracle.opening_after(s, "12:00").timestamp()) for s in starts]


@pytest.mark.parametrize("text", ["9:00 to 17:00", "09:00-17:00", "17:00 to 09:00", "09:00 to 09:00", "09:00 to 25:00", ""])
def test_opening_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text or "opening hours"):
        ServiceHours.parse(text)


def test_opening_hours_are_seconds_after_midnight() -> None:
    assert ServiceHours.parse("08:45 to 17:15") == ServiceHours(31500, 62100)
    assert ServiceHours.parse("00:00 to 24:00") == ServiceHours(0, 86400)


# ----------------------------------------------------------------------------------------------------------- durations


@pytest.mark.parametrize(
    "text",
    [
        "15 working days",
        "1 working day",
        "72 hours",
        "1 hour",
        "3 service hours",
        "2 clear days",
        "6 weeks",
        "1 month",
        "10 years",
        "0 days",
    ],
)
def test_a_length_of_time_reads_and_writes_as_people_say_it(text: str) -> None:
    assert str(Duration.parse(text)) == text


@pytest.mark.parametrize("text", ["15", "fifteen days", "15 business days", "-1 days", "1.5 days", "12345 days", "15 working", "days", ""])
def test_what_is_not_a_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        Duration.parse(text)


def test_only_hours_need_the_time_of_day() -> None:
    assert [u for u in ("hours", "service hours", "working days", "days", "months") if Duration(1, u).by_the_hour] == [
        "hours",
        "service hours",
    ]  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------------------- dates


def test_day_numbers_and_dates_are_each_others_reverse() -> None:
    assert day_number(date(1970, 1, 1)) == 0
    assert [as_date(day_number(d)) for d in TEN_YEARS] == TEN_YEARS


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2026-04-10", Moment(day_number(date(2026, 4, 10)))),
        (date(2026, 4, 10), Moment(day_number(date(2026, 4, 10)))),
        (" 2026-04-10 ", Moment(day_number(date(2026, 4, 10)))),
        ("2026-04-10T16:45", Moment(day_number(date(2026, 4, 10)), instant("2026-04-10T15:45+00:00"))),
        ("2026-04-10 16:45:30", Moment(day_number(date(2026, 4, 10)), instant("2026-04-10T15:45:30+00:00"))),
        ("2026-04-10T16:45:30.75", Moment(day_number(date(2026, 4, 10)), instant("2026-04-10T15:45:30+00:00"))),
        (datetime(2026, 4, 10, 16, 45), Moment(day_number(date(2026, 4, 10)), instant("2026-04-10T15:45+00:00"))),
        ("2026-01-10T16:45", Moment(day_number(date(2026, 1, 10)), instant("2026-01-10T16:45+00:00"))),
        ("2026-04-10T23:45Z", Moment(day_number(date(2026, 4, 11)), instant("2026-04-10T23:45+00:00"))),
        ("2026-04-10T16:45+02:00", Moment(day_number(date(2026, 4, 10)), instant("2026-04-10T14:45+00:00"))),
        ("2026-04-10T16:45+0200", Moment(day_number(date(2026, 4, 10)), instant("2026-04-10T14:45+00:00"))),
        ("2026-04-10T00:30-05:00", Moment(day_number(date(2026, 4, 10)), instant("2026-04-10T05:30+00:00"))),
    ],
)
def test_dates_and_times_are_read_as_uk_time_unless_they_say_otherwise(value: Any, wanted: Moment) -> None:
    assert parse_moment(value) == wanted


def test_a_date_without_a_time_has_no_instant() -> None:
    assert parse_moment("2026-04-10").instant == NO_INSTANT


def test_the_hour_that_happens_twice_is_one_of_two() -> None:
    day = day_number(date(2026, 10, 25))
    assert parse_moment("2026-10-25T01:30") == Moment(day, instant("2026-10-25T00:30+00:00"), 3600)
    assert parse_moment("2026-10-25T01:00").span == 3600
    assert parse_moment("2026-10-25T00:59:59").span == 0
    assert parse_moment("2026-10-25T02:00").span == 0
    assert parse_moment("2026-10-25T01:30+00:00") == Moment(day, instant("2026-10-25T01:30+00:00"))
    assert parse_moment("2026-10-25T01:30+01:00") == Moment(day, instant("2026-10-25T00:30+00:00"))


@pytest.mark.parametrize("text", ["2026-03-29T01:00", "2026-03-29T01:30", "2026-03-29T01:59:59"])
def test_the_hour_that_never_happened_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="did not happen"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["2026-03-29T00:59:59", "2026-03-29T02:00", "2026-03-29T01:30Z"])
def test_the_moments_around_the_hour_that_never_happened_are_read(text: str) -> None:
    assert parse_moment(text).span == 0


@pytest.mark.parametrize("text", ["1970-12-31", "2059-01-01", "0026-04-10", "2199-01-01", "1970-06-01T12:00", "2059-06-01T12:00Z"])
def test_years_that_cannot_be_right_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="check the year"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["1971-01-01", "2058-12-31"])
def test_the_first_and_last_days_that_are_accepted(text: str) -> None:
    assert as_date(parse_moment(text).day).isoformat() == text


@pytest.mark.parametrize(
    "text",
    [
        "10/04/2026",
        "2026-4-1",
        "20260410",
        "10 April 2026",
        "",
        "2026-04-10T",
        "2026-04-10T4pm",
        "2026-04-10T16",
        "tomorrow",
        46000,
        True,
        None,
    ],
)
def test_what_is_not_a_date_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["2026-02-29", "2026-13-01", "2026-04-31", "2026-04-10T24:30", "2026-04-10T16:60"])
def test_a_date_that_no_calendar_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_moment(text)


# ----------------------------------------------------------------------------------------------------- worked examples

_MODES = {
    "WD_AFTER": ("working days", "next_day"),
    "WD_INCL": ("working days", "same_day"),
    "CAL_AFTER": ("days", "next_day"),
    "BEGIN_WITH": ("days", "same_day"),
    "MONTHS": ("months", "next_day"),
}
WORKED = [
    ("1", "WD_AFTER", 1, "2024-05-24", "2024-05-28"),
    ("2", "WD_AFTER", 45, "2024-11-14", "2025-01-21"),
    ("4", "WD_AFTER", 15, "2025-04-08", "2025-05-01"),
    ("6", "WD_AFTER", 10, "2025-12-18", "2026-01-06"),
    ("7a", "MONTHS", 3, "2024-11-29", "2025-02-28"),
    ("7b", "MONTHS", 6, "2025-02-20", "2025-08-20"),
    ("10", "WD_AFTER", 7, "2025-04-17", "2025-04-30"),
    ("12", "BEGIN_WITH", 182, "2025-01-13", "2025-07-13"),
    ("12cmh18", "WD_INCL", 18, "2025-01-13", "2025-02-05"),
    ("12cmh12", "WD_INCL", 12, "2025-01-13", "2025-01-28"),
    ("14", "BEGIN_WITH", 15, "2025-09-01", "2025-09-15"),
    ("15", "MONTHS", 12, "2024-06-14", "2025-06-14"),
    ("17", "CAL_AFTER", 14, "2025-12-11", "2025-12-25"),
    ("19", "CAL_AFTER", 42, "2025-07-14", "2025-08-25"),
    ("19b", "CAL_AFTER", 140, "2025-07-14", "2025-12-01"),
    ("21", "WD_AFTER", 10, "2025-04-10", "2025-04-28"),
    ("23", "BEGIN_WITH", 56, "2025-01-13", "2025-03-09"),
    ("24", "CAL_AFTER", 5, "2025-09-03", "2025-09-08"),
]


@pytest.mark.parametrize(("name", "mode", "n", "start", "wanted"), WORKED, ids=[w[0] for w in WORKED])
def test_worked_examples(name: str, mode: str, n: int, start: str, wanted: str) -> None:
    unit, count_from = _MODES[mode]
    assert due(start, f"{n} {unit}", count_from) == wanted


def test_worked_example_8_72_hours_over_the_end_of_summer_time() -> None:
    assert due_at("2025-10-25T23:30+01:00", "72 hours") == "2025-10-28T22:30:00+00:00"


def test_worked_example_22_an_emergency_order_whose_last_day_is_christmas_day_runs_to_saturday_noon() -> None:
    assert due("2025-12-18", "8 days", "same_day") == "2025-12-25"
    assert one(emergency_order_noon_day, date(2025, 12, 25), CALENDAR) == date(2025, 12, 27)
