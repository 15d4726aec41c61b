"""The picture of a timeline says what the flags say: every bar where its dates are, and nothing lost without a word."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from rrt_engine.calendar import NO_DAY, Moment, as_date, day_number, parse_moment
from rrt_engine.checking import Checked, check_case
from rrt_engine.model import plural
from rrt_engine.reports import timeline_picture
from rrt_engine.reports.check_words import shown_status
from rrt_engine.reports.timeline_picture import LANES, LEFT, RIGHT, ROWS, SHADED, Picture, picture, text_width
from rrt_engine.sources.case_file import Case, read_case
from tests.web import desk

DAYS = ("2026-04-15", "2025-11-03", "2024-02-29")


def _case(name: str) -> Case:
    held = desk().held(desk().find(name)[0])
    assert held
    return desk().case(held)


@cache
def _all() -> list[tuple[Checked, Picture, int]]:
    """The bundled cases, the longest on every day and each other on one of them, with its picture as a page shows it first."""
    cases = sorted((desk().case(held) for held in desk()._children.values()), key=lambda case: (-len(case.log), case.id))
    found = []
    for place, case in enumerate(cases):
        for text in DAYS if place < 6 else DAYS[place % 3 : place % 3 + 1] if place % 2 else ():
            as_of = parse_moment(text)
            checked = check_case(case, desk().book, as_of, brief_over=0)
            shown = picture(checked, desk().book, as_of)
            assert shown
            found.append((checked, shown, as_of.day))
    return found


def _of(text: str, as_of: str, span: str = "") -> tuple[Checked, Picture]:
    moment = parse_moment(as_of)
    checked = check_case(read_case("the case", desk().book, text), desk().book, moment)
    shown = picture(checked, desk().book, moment, span)
    assert shown
    return checked, shown


def _x(shown: Picture, day: int) -> float:
    """Where a day begins, worked out anew: days of one width between the edges of the picture."""
    days = shown.last - shown.first + 1
    place = LEFT + (RIGHT - LEFT) * (day - shown.first) / days
    return min(max(place, LEFT), RIGHT)


def _day(iso: str) -> int:
    return day_number(date.fromisoformat(iso[:10]))


def test_every_flag_has_its_bar_or_is_said_to_be_left_out() -> None:
    drawn = 0
    for checked, shown, as_of in _all():
        bars, left = [b.flag for b in shown.bars()], [each.flag for each in shown.left_out]
        assert sorted(bars + left) == list(range(len(checked.flags)))
        if left:
            said = " ".join(shown.said)
            assert plural(len(left), "duty is", "duties are") + " left out of the picture" in said
            numbers = [sum(each.why == why for each in shown.left_out) for why in ("before", "after", "rows", "lanes")]
            assert all(f"{n:,} " in said for n in numbers if n)
        drawn += len(bars)
        _is_left_out_rightly(checked, shown, as_of)
    assert drawn > 300


def _is_left_out_rightly(checked: Checked, shown: Picture, as_of: int) -> None:
    """What is over before the picture begins or starts after it is left out for that, and nothing else is."""
    reach = []
    for i, flag in enumerate(checked.flags):
        days = [_day(iso) for iso in (flag.due, *(e["at"] for e in (flag.answer, flag.ended_by) if e)) if iso]
        open_now = flag.status in ("overdue", "due", "due_soon") and not flag.ended_by
        start = int(checked.result.flags.start[i])
        reach.append((min([start, *days]), max([start, *days, *([as_of] if open_now else [])])))
    for each in shown.left_out:
        first, last = reach[each.flag]
        assert {"before": last < shown.first, "after": first > shown.last}.get(each.why, True)
    assert all(reach[bar.flag][1] >= shown.first and reach[bar.flag][0] <= shown.last for bar in shown.bars())


def test_a_duty_that_is_over_on_the_very_first_day_of_the_picture_is_still_drawn() -> None:
    visits = "\n".join(
        f"  - {{event: cp_visit, at: {as_date(d)}, child_seen: true}}" for d in range(_day("2024-10-01"), _day("2026-04-01"), 9)
    )
    case = read_case("the case", desk().book, f"case: T\nevents:\n  - {{event: cp_plan_started, at: 2024-09-20}}\n{visits}\n")
    book = desk().book.only("cp_visit")
    edges = set()
    for day in range(_day("2026-03-01"), _day("2026-03-25")):
        checked = check_case(case, book, Moment(day))
        shown = picture(checked, book, Moment(day))
        assert shown
        _is_left_out_rightly(checked, shown, day)
        edges |= {_day(f.due) - shown.first for f in checked.flags if f.due}
    assert edges >= {-1, 0, 1}


def test_only_so_many_rules_are_drawn_and_they_are_the_most_pressing(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = parse_moment("2026-04-15")
    checked = desk().check(_case("T-DRIFT"), moment)
    monkeypatch.setattr(timeline_picture, "ROWS", 3)
    shown = picture(checked, desk().book, moment)
    assert shown
    drawn = {row.rule for group in shown.groups for row in group.rows}
    order = ("overdue", "late", "due_soon", "due", "cannot_tell", "met", "ended")
    left = {each.flag for each in shown.left_out if each.why == "rows"}
    rest = {checked.flags[i].rule for i in left}
    assert len(drawn) == 3 and rest and not drawn & rest
    assert sorted([*(bar.flag for bar in shown.bars()), *(each.flag for each in shown.left_out)]) == list(range(len(checked.flags)))
    best = {
        rule: min(order.index(checked.flags[b.flag].status) for b in shown.bars() if checked.flags[b.flag].rule == rule) for rule in drawn
    }
    assert max(best.values()) <= min(order.index(checked.flags[i].status) for i in left)
    assert f"{len(left)} of rules beyond the first 3" in " ".join(shown.said)


def test_a_bar_runs_from_its_start_to_the_end_of_its_due_day_and_on_to_its_answer_or_the_day_judged_by() -> None:
    seen = set()
    for checked, shown, as_of in _all():
        for bar in shown.bars():
            flag = checked.flags[bar.flag]
            status = shown_status(flag)
            start = int(checked.result.flags.start[bar.flag])
            if status == "recorded" or flag.due is None:
                continue
            due, done = _day(flag.due), _day(flag.answer["at"]) if flag.answer else None
            begins = min(start, due)
            assert bar.x == pytest.approx(_x(shown, begins), abs=0.02)
            ended = _day(flag.ended_by["at"]) if flag.ended_by else None
            if status == "ended":
                assert ended is not None
                assert bar.allowed == bar.over == pytest.approx(_x(shown, max(begins, min(due, ended)) + 1), abs=0.02)
            else:
                assert bar.allowed == pytest.approx(_x(shown, due + 1 if due >= start else due), abs=0.02)
            if status in ("late", "overdue"):
                stop = done if done is not None else ended if ended is not None else as_of
                assert bar.over == pytest.approx(_x(shown, stop + 1), abs=0.02)
            else:
                assert bar.over == bar.allowed
            if status == "overdue" and ended is None:
                assert bar.over == shown.as_of_x
            if done is not None and shown.first <= done <= shown.last:
                assert bar.answer_x == pytest.approx((_x(shown, done) + _x(shown, done + 1)) / 2, abs=0.03)
            elif done is None:
                assert bar.answer_x is None
            seen.add(status)
    assert seen >= {"met", "late", "overdue", "due", "due_soon", "ended", "cannot_tell"}


CASE = """
case: T
child: {date_of_birth: 2019-03-02}
events:
  - {event: referral_received, at: 2026-03-02, ref: R1}
  - {event: referral_decision_recorded, at: 2026-03-03, outcome: assess, ref: R1}
  - {event: strategy_discussion_held, at: 2026-03-18, s47_initiated: true, ref: R1/S1}
  - {event: icpc_held, at: DAY, ref: R1/S1}
"""


def test_an_answer_one_day_later_is_drawn_one_day_further_on() -> None:
    (one, before), (two, after) = (_of(CASE.replace("DAY", day), "2026-05-01") for day in ("2026-04-13", "2026-04-14"))
    a, b = (next(bar for bar in p.bars() if c.flags[bar.flag].rule == "cp_icpc_15wd") for c, p in ((one, before), (two, after)))
    assert before.first == after.first
    wide_a, wide_b = ((RIGHT - LEFT) / (p.last - p.first + 1) for p in (before, after))
    assert a.answer_x is not None and b.answer_x is not None
    assert (b.answer_x - b.x) / wide_b - (a.answer_x - a.x) / wide_a == pytest.approx(1, abs=0.01)
    assert (b.over - b.x) / wide_b - (a.over - a.x) / wide_a == pytest.approx(1, abs=0.01)
    assert (b.allowed - b.x) / wide_b == pytest.approx((a.allowed - a.x) / wide_a, abs=0.01)  # the due day is as it was


def test_the_day_judged_by_one_day_later_moves_the_end_of_what_is_overdue() -> None:
    text = CASE.replace("  - {event: icpc_held, at: DAY, ref: R1/S1}\n", "")
    for as_of in ("2026-04-30", "2026-05-01"):
        checked, shown = _of(text, as_of)
        bar = next(bar for bar in shown.bars() if checked.flags[bar.flag].rule == "cp_icpc_15wd")
        assert bar.status == "overdue"
        assert bar.over == shown.as_of_x == pytest.approx(_x(shown, _day(as_of) + 1), abs=0.02)


def test_the_shaded_days_are_exactly_those_that_are_not_worked() -> None:
    shaded = 0
    for _, shown, _ in _all():
        days = range(shown.first, shown.last + 1)
        if (RIGHT - LEFT) / len(days) < SHADED:
            assert not shown.shades and "too narrow to shade" in " ".join(shown.said)
            continue
        off = {day for day in days if as_date(day).weekday() >= 5 or day in desk().book.calendar.holidays}
        covered = [day for each in shown.shades for day in range(each.first, each.last + 1)]
        assert len(covered) == len(set(covered)) and set(covered) == off
        for each in shown.shades:
            assert each.x == pytest.approx(_x(shown, each.first), abs=0.02)
            assert each.x + each.width == pytest.approx(_x(shown, each.last + 1), abs=0.02)
            assert each.holiday == any(day in desk().book.calendar.holidays for day in range(each.first, each.last + 1))
        said = " ".join(shown.said)
        assert all(name in said for day, name in desk().book.calendar.holidays.items() if shown.first <= day <= shown.last)
        shaded += 1
    assert shaded > 50


def test_a_later_day_is_never_further_to_the_left() -> None:
    for _, shown, as_of in _all():
        ticks, events = [(m.day, m.x) for m in shown.ticks], [(m.day, m.x) for m in shown.events]
        shades = [(shade.first, shade.x) for shade in shown.shades]
        for places in (ticks, events, shades):
            assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(sorted(places)))
        assert shown.as_of_x == pytest.approx(_x(shown, as_of + 1), abs=0.02)
        assert all(LEFT <= x <= RIGHT for _, x in (*ticks, *events))
        assert all(tick.x == pytest.approx(_x(shown, tick.day), abs=0.02) for tick in shown.ticks)


def test_a_month_is_named_at_its_first_day_and_a_week_at_its_monday() -> None:
    for _, shown, _ in _all():
        assert len(shown.ticks) >= 2
        for tick in shown.ticks:
            day = as_date(tick.day)
            assert tick.label in (f"{day:%b %Y}", f"{day.day} {day:%b}")
            assert day.day == 1 if "20" in tick.label[-4:-2] else day.weekday() == 0
        assert all(b.x - a.x > text_width(a.label) for a, b in pairwise(shown.ticks))


def test_nothing_lies_on_anything_else() -> None:
    for _, shown, _ in _all():
        lanes: dict[float, list[tuple[float, float]]] = {}
        for mark in shown.events:
            assert mark.box[0] < mark.x < mark.box[1] <= RIGHT + 10
            lanes.setdefault(mark.y, []).append(mark.box)
        for boxes in lanes.values():
            assert all(a[1] <= b[0] for a, b in pairwise(sorted(boxes)))
        assert all(mark.y < shown.axis_y - 22 for mark in shown.events)  # above the names of the months
        rows = [row for group in shown.groups for row in group.rows]
        assert all(a.y + a.height <= b.y + 0.01 for a, b in pairwise(rows))
        for row in rows:
            assert row.height >= 16 * (len(row.name) + len(row.said))
            assert all(text_width(line) <= LEFT - 20 for line in (*row.name, *row.said))
            assert all(row.y <= bar.y and bar.y + 10 <= row.y + row.height for bar in row.bars)
            for y in {bar.y for bar in row.bars}:
                spans = sorted((bar.x, max(bar.allowed, bar.over)) for bar in row.bars if bar.y == y)
                assert all(a[1] <= b[0] for a, b in pairwise(spans))
        assert all(row.y + row.height <= shown.height for row in rows)
        assert len(rows) <= ROWS and all(len({bar.y for bar in row.bars}) <= LANES for row in rows)


def test_what_is_most_pressing_is_drawn_where_not_everything_is() -> None:
    for checked, shown, _ in _all():
        drawn = {bar.flag for bar in shown.bars()}
        to_do = {i for i, f in enumerate(checked.flags) if f.status in ("overdue", "due_soon") and f.ended_by is None}
        assert to_do <= drawn


def test_the_table_has_every_event_and_every_duty_in_the_order_of_time_and_as_exact_as_recorded() -> None:
    for checked, shown, as_of in _all():
        log = checked.case.log
        events = [r for r in shown.table if r.kind == "event"]
        assert [r.number for r in events] == list(range(1, len(log) + 1))
        assert [r.day for r in events] == log.day.tolist()
        assert [r.counted for r in events] == [day <= as_of for day in log.day.tolist()]
        assert all(("T" in r.at) == (log.instant is not None and log.instant[r.number - 1] > -(2**62)) for r in events)
        duties = [r for r in shown.table if r.kind == "duty"]
        assert sorted((r.what, r.due, r.status) for r in duties) == sorted((f.title, f.due or "", shown_status(f)) for f in checked.flags)
        assert [r.day for r in shown.table] == sorted(r.day for r in shown.table)
        assert not any("T00:00" in value for r in shown.table for value in (r.at, r.due, r.done))


def test_an_event_after_the_day_judged_by_is_drawn_and_said_not_to_count() -> None:
    _, shown = _of(CASE.replace("DAY", "2026-04-10"), "2026-03-20", "all")
    later = {number for mark in shown.events if not mark.counted for number in mark.rows}
    assert later == {4}
    assert [mark.label.endswith(" (not counted)") for mark in shown.events] == [False, False, False, True]
    assert [r.stands for r in shown.table if r.number == 4] == ["Not counted: after the day judged by"]


def test_the_sentence_for_those_who_do_not_see_it_says_the_finding() -> None:
    _, shown = _of(CASE.replace("  - {event: icpc_held, at: DAY, ref: R1/S1}\n", ""), "2026-05-01")
    assert "as at the end of Friday 1 May 2026" in shown.label and "overdue" in shown.label
    assert "Longest overdue: Referrer told what happens next within one working day, by 41 working days." in shown.label


def test_a_long_history_is_shown_about_the_day_judged_by_and_wholly_when_asked() -> None:
    moment = parse_moment("2026-04-15")
    checked = desk().check(_case("T-DRIFT"), moment)
    about, whole = (picture(checked, desk().book, moment, span) for span in ("", "all"))
    assert about and whole
    assert (about.span, whole.span) == ("half", "all")
    assert moment.day - about.first < 200 and whole.first < int(checked.case.log.day[0])
    outside = sum(1 for day in checked.case.log.day.tolist() if not about.first <= day <= about.last)
    assert f"{outside} events are outside these days" in " ".join(about.said)
    assert not any(each.why == "before" for each in whole.left_out)
    assert {bar.flag for bar in whole.bars()} > {bar.flag for bar in about.bars()}


def test_a_case_that_was_quiet_for_years_is_not_an_empty_picture() -> None:
    text = """
case: T
events:
  - {event: icpc_held, at: 2026-03-02, outcome: no_plan}
  - {event: child_died, at: 2026-03-03}
"""
    _, shown = _of(text, "2029-06-01")
    assert shown.span == "all" and len(shown.events) == 2


def test_a_case_without_events_has_no_picture() -> None:
    case = _case("T-DRIFT")
    empty = replace(case, log=case.log.of_children(0, 0))
    result = replace(desk().check(case, parse_moment("2026-04-15")), case=empty)
    assert picture(result, desk().book, parse_moment("2026-04-15")) is None


def test_a_case_of_hundreds_of_events_and_flags_stays_within_its_rows() -> None:
    visits = "\n".join(
        f"  - {{event: cp_visit, at: {as_date(day)}, child_seen: true}}" for day in range(_day("2021-02-01"), _day("2026-04-01"), 8)
    )
    text = f"case: T\nevents:\n  - {{event: cp_plan_started, at: 2021-01-20}}\n{visits}\n"
    checked, shown = _of(text, "2026-04-15", "all")
    assert len(checked.case.log) > 230 and len(checked.flags) > 200
    assert shown.height < 900
    numbers = [n for mark in shown.events for n in mark.rows]
    assert numbers == list(range(1, len(checked.case.log) + 1))
    assert all(mark.label.split("–")[0] == str(mark.rows[0]) for mark in shown.events)


def test_of_what_runs_at_once_under_one_rule_so_much_is_drawn_as_has_room() -> None:
    events = "\n".join(f"  - {{event: referral_received, at: 2026-03-02, ref: R{i}}}" for i in range(LANES + 2))
    checked, shown = _of(f"case: T\nevents:\n{events}\n", "2026-04-15")
    rows = [row for group in shown.groups for row in group.rows]
    assert rows and max(len(row.bars) for row in rows) == LANES
    assert sum(each.why == "lanes" for each in shown.left_out) == len(checked.flags) - len(list(shown.bars())) > 0
    assert f"beyond {LANES} at once under one rule" in " ".join(shown.said)
    for row in rows:
        said, of_rule = " ".join(row.said), [flag for flag in checked.flags if flag.rule == row.rule]
        (status,) = {shown_status(flag) for flag in of_rule}
        assert len(of_rule) == LANES + 2 and said.startswith(f"{LANES + 2} {status}"), "all of them are counted"
        assert said.endswith(f"; {LANES} of {LANES + 2} drawn")


def test_the_words_of_a_rule_count_those_outside_the_days_drawn_too() -> None:
    days = ["2021-03-01", *(f"2026-03-{n:02}" for n in (2, 9))]
    events = "\n".join(f"  - {{event: referral_received, at: {day}, ref: R{i}}}" for i, day in enumerate(days))
    done = "  - {event: referral_decision_recorded, at: 2021-03-01, ref: R0, outcome: nfa}\n"
    checked, shown = _of(f"case: T\nevents:\n{events}\n{done}", "2026-04-15", "half")
    row = next(row for group in shown.groups for row in group.rows if row.rule == "fd_referral_decision_1wd")
    assert [flag.status for flag in checked.flags if flag.rule == row.rule] == ["met", "overdue", "overdue"]
    assert len(row.bars) == 2 and " ".join(row.said).endswith("; 2 of 3 drawn") and "1 done on time" in " ".join(row.said)


def test_a_bar_without_a_due_day_is_a_mark_and_says_so() -> None:
    for checked, shown, _ in _all():
        for bar in shown.bars():
            if checked.flags[bar.flag].due is None:
                assert bar.due == NO_DAY
            if bar.status in ("recorded", "cannot_tell"):
                assert bar.mark_x is not None or bar.before or bar.after


def test_words_are_thought_wider_than_they_are_rather_than_narrower() -> None:
    arial = {"Initial child protection conference": 206, "Nov 2025": 55, "as at 15 April 2026": 109}  # at 13 px, as Chromium draws them
    for words, wide in arial.items():
        assert wide <= text_width(words) <= 1.35 * wide
    assert np.isclose(text_width("WWWW", 26), 2 * text_width("WWWW"))


def test_the_rows_of_the_picture_are_those_of_the_module() -> None:
    assert timeline_picture.SPANS.keys() == timeline_picture.SPAN_WORDS.keys()
