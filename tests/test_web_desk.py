"""The desk, asked by many at once: what it answers is what it answers one at a time, and what it holds does not grow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from rrt_engine.calendar import NO_DAY, Moment, parse_moment
from rrt_engine.paths import RULES
from rrt_engine.replay.worklist import Choice
from rrt_engine.web import desk as desk_module
from rrt_engine.web import engines
from rrt_engine.web.desk import Desk, open_desk
from rrt_engine.web.engines import Engines
from rrt_engine.web.pages import Asked
from rrt_engine.web.today import today
from rrt_engine.words import as_of_words, day_words
from tests.web import client, desk, page, words

DAYS = [parse_moment(day) for day in ("2026-04-15", "2024-06-03", "2026-01-20", "2025-09-30")]


def test_two_hundred_checks_at_once_say_what_they_say_one_after_another() -> None:
    held = desk()
    children = [child for child in held._children.values() if held.case(child).facts][:25]
    asked = [(child, DAYS[i % len(DAYS)]) for i, child in enumerate(children)]
    alone = [held.check(held.case(child), day) for child, day in asked]
    with ThreadPoolExecutor(20) as people:
        together = list(people.map(lambda each: held.check(held.case(each[0]), each[1]), asked * 8))
    for one, other in zip(alone * 8, together, strict=True):
        assert other.flags == one.flags
        assert other.suggestion == one.suggestion, "the second engine must have been asked by each"
        assert other.result.not_evaluable == one.result.not_evaluable


def test_the_list_asked_for_by_many_at_once_is_the_same_for_each() -> None:
    held = desk()
    asked = [Asked({}, {"team": [str(n % 4)]} if n % 3 else {}) for n in range(60)]
    alone = [today(held, each).shown["parts"] for each in asked]  # type: ignore[union-attr]
    with ThreadPoolExecutor(20) as people:
        together = list(people.map(lambda each: today(held, each).shown["parts"], asked))  # type: ignore[union-attr]
    assert together == alone


def test_a_second_engine_in_use_is_never_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sets of threshold rules, of which one may be held: people who look at both do not end each other's."""
    monkeypatch.setattr(engines, "MOST_SECOND", 1)
    held = desk()
    child = next(child for child in held._children.values() if held.case(child).facts)
    question = held.check(held.case(child), DAYS[0]).question
    assert question
    questions = [replace(question, as_of=day.day) for day in DAYS[:2]]
    alone = [held.suggestion(each) for each in questions]
    made = Engines(held.thresholds)
    try:
        with made.of(questions[0].as_of) as (_, first):
            with made.of(questions[1].as_of) as (_, second):
                assert first is not second and first.process_id and second.process_id
            with made.of(questions[1].as_of) as (_, again):
                assert again is second
            assert first.process_id, "it is still in use"
        with made.of(questions[1].as_of):
            pass
        assert first.process_id is None and second.process_id, "what is not in use, and was asked for longest ago, is ended"
    finally:
        made.close()
    assert second.process_id is None
    monkeypatch.setattr(held, "engines", Engines(held.thresholds))
    try:
        with ThreadPoolExecutor(8) as people:
            together = list(people.map(lambda n: held.suggestion(questions[n % 2]), range(24)))
    finally:
        held.engines.close()
    assert together == [alone[n % 2] for n in range(24)]


def test_what_is_held_does_not_grow_with_what_is_asked() -> None:
    made = Engines(desk().thresholds)
    try:
        first = {rule.first_day for rule in desk().thresholds.rules if rule.first_day > NO_DAY}
        changes = sorted(first)[-8:]
        for day in range(DAYS[0].day, DAYS[0].day + 20):
            with made.of(day) as (reasoner, _):
                assert reasoner is next(iter(made._seconds)), "one engine for all days under the same rules"
        for day in changes:
            with made.of(day):
                pass
        assert len(made._seconds) <= engines.MOST_SECOND
    finally:
        made.close()


def test_a_list_is_made_once_for_each_choice() -> None:
    judged = desk().judged
    assert judged
    north = judged.worklist(Choice(teams=["North"]))
    assert north is judged.worklist(Choice(teams=("North",)))
    assert north is not judged.worklist()
    for n in range(40):
        judged.worklist(Choice(workers=(f"nobody {n}",)))
    assert judged.lists.cache_info().currsize <= 32  # type: ignore[attr-defined]


def test_a_case_that_is_looked_at_again_is_held_for_its_day_and_no_more_than_some_are() -> None:
    held = desk()
    handles = list(held._children)
    first, other = handles[:2]
    as_of = held.today
    seen = held.checked(first, as_of, None)
    assert seen is held.checked(first, as_of, None) and seen.case.id == held._children[first].id
    assert seen.flags == held.check(held.case(held._children[first]), as_of).flags
    assert held.checked(other, as_of, None).case.id == held._children[other].id
    before = parse_moment("2025-01-01")
    assert held.checked(first, before, None).flags == held.check(seen.case, before).flags
    for n in range(80):
        held.checked(first, parse_moment(f"20{n % 20 + 10}-0{n % 9 + 1}-01"), n)
    assert held.checked.cache_info().currsize <= 64  # type: ignore[attr-defined]


def test_a_child_cut_out_of_the_data_keeps_all_that_is_recorded_of_it() -> None:
    """The desk leaves out the names and values that other children use; every event and fact of this one stays."""
    held = desk()
    assert held.replay
    for handle, child in list(held._children.items())[::9]:
        log = held.replay.sources[child.run].log
        whole = log.of_children(child.child, child.child + 1)
        cut = held.case(child).log
        assert held.held(handle) == child and len(cut) == len(whole)
        for row in range(len(whole)):
            assert cut.kinds[int(cut.kind[row])] == whole.kinds[int(whole.kind[row])]
            for name in log.attributes:
                assert cut.value(name, row) == whole.value(name, row)
            if whole.ref is not None and cut.ref is not None:
                refs = [(each.refs[int(each.ref[row])] if each.ref[row] >= 0 else None) for each in (cut, whole)]  # type: ignore[index]
                assert refs[0] == refs[1]


# ---------------------------------------------------------------------------------------------------- the clock


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, text: str) -> None:
        self.set(text)

    def set(self, text: str) -> None:
        self.moment = parse_moment(text)

    def __call__(self) -> Moment:
        return self.moment


CONTACT = "child_id,event,at\nC1,contact_received,2026-04-14T15:00\n"


def live_desk(tmp_path: Path, clock: Clock, as_of: Moment | None = None) -> Desk:
    source = tmp_path / "events.csv"
    source.write_text(CONTACT, encoding="utf-8")
    return open_desk([source], RULES, as_of, tmp_path / "record.sqlite", (), clock)


def top(held: Desk, address: str = "/") -> str:
    answer = client(held).get(address)
    assert answer.status_code == 200
    return words(page(answer.text).cssselect("main")[0])


def waited(held: Desk) -> None:
    """Wait until what is being made is there."""
    if judging := held._judging:
        judging.join(60)
    assert not held.making_anew


def hour_limits(held: Desk) -> dict[str, set[str]]:
    """The parts of the list on which limits in hours stand, by the limit's end."""
    assert held.judged
    found = held.judged.worklist()
    by_part: dict[str, set[str]] = {}
    for part, lines in found.by_when().items():
        for item in found.items(lines):
            if item.due_iso().startswith("2026-04-15T15:00"):
                by_part.setdefault(part, set()).add(item.rule)
    return by_part


def test_live_pages_judge_by_the_time_of_day_and_a_day_that_was_given_by_its_end(tmp_path: Path) -> None:
    """A limit that runs out at 15:00 is due today at 09:00; a day as a whole is judged at its end, which is said."""
    clock = Clock("2026-04-15T09:00")
    live = live_desk(tmp_path, clock)
    assert set(hour_limits(live)) == {"today"}
    said = top(live)
    assert "As at Wednesday 15 April 2026 at 09:00 BST" in said and "1 due today" in said and "at 15:00" in said
    assert "opened for" not in said and "0 overdue" in said
    given = live_desk(tmp_path, clock, parse_moment("2026-04-15"))
    assert set(hour_limits(given)) == {"overdue"} and hour_limits(given)["overdue"] == hour_limits(live)["today"]
    assert "As at the end of Wednesday 15 April 2026" in top(given) and "opened for" not in top(given)
    live.close(), given.close()


def test_live_pages_are_judged_anew_after_ten_minutes_and_the_same_child_keeps_its_address(tmp_path: Path) -> None:
    clock = Clock("2026-04-15T14:55")
    held = live_desk(tmp_path, clock)
    (handle,) = held.find("C1")
    before = held.judged
    clock.set("2026-04-15T15:04")
    assert "at 14:55 BST" in top(held) and held.judged is before
    clock.set("2026-04-15T15:05")
    held.keep_up(60)
    waited(held)
    assert "at 15:05 BST" in top(held) and set(hour_limits(held)) == {"overdue"}
    assert held.find("C1") == [handle] and "at 15:05 BST" in top(held, f"/case/{handle}")
    clock.set("2026-04-16T00:00")
    held.keep_up(60)
    waited(held)
    assert "Thursday 16 April 2026 at 00:00 BST" in top(held)
    clock.set("2026-04-15T23:59")  # a clock that was put right
    held.keep_up(60)
    waited(held)
    assert held.today == clock.moment
    held.close()


def test_while_a_list_is_made_anew_all_see_the_old_one_and_it_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, let_go, made = Clock("2026-04-15T09:00"), Event(), []
    held = live_desk(tmp_path, clock)
    held.ready()
    evaluated = desk_module.evaluated

    def slowly(*given: object) -> object:
        made.append(1)
        assert let_go.wait(60)
        return evaluated(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(desk_module, "evaluated", slowly)
    clock.set("2026-04-16T09:00")
    held.keep_up(0)
    with ThreadPoolExecutor(8) as people:
        seen = list(people.map(lambda _: top(held), range(8)))
    assert all("Wednesday 15 April 2026 at 09:00" in each and "A newer list is being made" in each for each in seen)
    let_go.set()
    waited(held)
    assert "Thursday 16 April 2026 at 09:00" in top(held) and "newer list" not in top(held) and len(made) == 1
    held.close()


def test_where_it_cannot_be_judged_anew_the_old_list_stays_and_it_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock, tried = Clock("2026-04-15T09:00"), []
    held = live_desk(tmp_path, clock)

    def refuses(*_: object) -> None:
        tried.append(1)
        raise RuntimeError("C1")

    with monkeypatch.context() as patched:
        patched.setattr(desk_module, "evaluated", refuses)
        for time, times in (("09:10", 1), ("09:15", 1), ("09:20", 2)):
            clock.set(f"2026-04-15T{time}")
            held.keep_up(60)
            waited(held)
            assert len(tried) == times and "at 09:00 BST" in top(held)
    assert "a fault in rrt: RuntimeError" in (said := capsys.readouterr().err) and "C1" not in said
    clock.set("2026-04-15T09:30")
    held.keep_up(60)
    waited(held)
    assert held.today == clock.moment
    held.close()


def test_pages_opened_for_another_day_say_so_and_do_not_follow_the_clock(tmp_path: Path) -> None:
    clock = Clock("2026-04-15T09:00")
    held = live_desk(tmp_path, clock, parse_moment("2026-04-15"))
    (handle,) = held.find("C1")
    clock.set("2026-04-16T09:00")
    for address in ("/", f"/case/{handle}"):
        assert f"These pages were opened for {day_words(held.today.day)}, which is not today." in top(held, address)
    assert "opened for" not in top(held, f"/case/{handle}?as_of=2026-04-20") and held.today == parse_moment("2026-04-15")
    held.close()


def test_live_pages_without_data_follow_the_clock(tmp_path: Path) -> None:
    clock = Clock("2026-04-15T09:00")
    held = open_desk([], RULES, None, tmp_path / "record.sqlite", (), clock)
    clock.set("2026-04-16T09:00")
    held.keep_up()
    assert held.today == clock.moment and as_of_words(held.today) == "Thursday 16 April 2026 at 09:00 BST"


def test_data_that_end_long_before_the_day_are_said_on_every_page_of_them(tmp_path: Path) -> None:
    for day, old in (("2026-05-15", ""), ("2026-05-16", "32")):
        held = live_desk(tmp_path, Clock(f"{day}T09:00"), parse_moment(day))
        (handle,) = held.find("C1")
        for address in ("/", f"/case/{handle}"):
            said = top(held, address)
            assert (f"The last day with the usual events in these data is Tuesday 14 April 2026, {old} days before" in said) == bool(old), (
                day,
                address,
            )
        held.close()
