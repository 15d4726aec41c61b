"""The desk, asked by many at once: what it answers is what it answers one at a time, and what it holds does not grow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rrt_engine.calendar import parse_moment
from rrt_engine.replay.worklist import Choice
from rrt_engine.web import engines
from rrt_engine.web.engines import Engines
from rrt_engine.web.pages import Asked
from rrt_engine.web.today import today
from tests.web import desk

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
    monkeypatch.setattr(engines, "MOST_PLANS", 1)
    held = desk()
    child = next(child for child in held._children.values() if held.case(child).facts)
    questions = [held.check(held.case(child), day).question for day in DAYS[:2]]
    alone = [held.suggestion(question) for question in questions if question]
    made = Engines(held.thresholds)
    try:
        with made.of(questions[0].as_of) as (_, first):  # type: ignore[union-attr]
            with made.of(questions[1].as_of) as (_, second):  # type: ignore[union-attr]
                assert first is not second and first.process_id and second.process_id
            with made.of(questions[1].as_of) as (_, again):  # type: ignore[union-attr]
                assert again is second
            assert first.process_id, "it is still in use"
        with made.of(questions[1].as_of):  # type: ignore[union-attr]
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
        for day in range(DAYS[0].day, DAYS[0].day + engines.MOST_DAYS + 4):
            with made.of(day):
                pass
        assert len(made._days) == engines.MOST_DAYS
        assert len(made._seconds) <= engines.MOST_PLANS
    finally:
        made.close()


def test_a_list_is_made_once_for_each_choice() -> None:
    held = desk()
    north = held.worklist(Choice(teams=["North"]))
    assert north is held.worklist(Choice(teams=("North",)))
    assert north is not held.worklist()
    for n in range(40):
        held.worklist(Choice(workers=(f"nobody {n}",)))
    assert held._worklist.cache_info().currsize <= 32  # type: ignore[attr-defined]


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
