"""The engine and the oracle say the same of thousands of made cases; and what must not change an answer does not."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, as_date, day_number
from rrt_engine.model import REASONS, STATUSES, EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.checks import clocks_in
from rrt_engine.rulebook.strict_yaml import single
from rrt_engine.timescales.evaluate import evaluate
from tests import oracle
from tests.strategies import (
    FAMILIES,
    USUAL,
    Record,
    Scene,
    book_of,
    children,
    editions,
    in_plain_days,
    log_of,
    moved_by,
    records,
    rule_from,
)

# How many cases for each family of rules; and, for mutation testing, whether to stop at the first difference.
EXAMPLES = int(os.environ.get("RRT_EXAMPLES", "300"))
PHASES = [Phase.generate] if os.environ.get("RRT_NO_SHRINK") else list(Phase)
many = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
fewer = settings(many, max_examples=max(EXAMPLES // 6, 10))


NO_FILE = single("made.yaml", "id: made_rule")


def moment(as_of: date | datetime) -> Moment:
    if isinstance(as_of, datetime):
        return Moment(day_number(as_of.astimezone(oracle.UK).date()), int(as_of.timestamp()))
    return Moment(day_number(as_of))


def _instant(value: int) -> datetime | None:
    return None if value == NO_INSTANT else datetime.fromtimestamp(value, UTC)


def engine_flags(record: Record, book: RuleBook, log: EventLog, as_of: date | datetime) -> list[list[oracle.Flag]]:
    """What the engine says of each child, in the oracle's shape."""
    flags = evaluate(log, book, moment(as_of), None if record.as_known is None else day_number(record.as_known)).flags
    assert log.origin_row is not None
    result: list[list[oracle.Flag]] = [[] for _ in record.children]

    def place(row: int) -> int | date | None:
        if row < 0:
            return None
        return int(log.origin_row[row]) if row < len(log) else as_date(flags.derived_day[row - len(log)])  # type: ignore[index]

    for i in range(len(flags)):
        due_at = NO_INSTANT if flags.due_at is None else int(flags.due_at[i])
        due_by = NO_INSTANT if flags.due_by is None else int(flags.due_by[i])
        result[int(log.children[log.child[flags.trigger[i]]])].append(
            oracle.Flag(
                edition=book.rules[flags.rule[i]].spec.effective.from_,
                rung=int(flags.rung[i]),
                trigger=place(int(flags.trigger[i])),  # type: ignore[arg-type]
                start=as_date(flags.start[i]),
                due=None if flags.due[i] == NO_DAY else as_date(flags.due[i]),
                due_at=_instant(due_at),
                due_by=_instant(due_by),
                answer=place(int(flags.answer[i])),  # type: ignore[arg-type]
                end=place(int(flags.end[i])),
                status=STATUSES[flags.status[i]],
                reason=REASONS[flags.reason[i]],
            )
        )
    return [in_order(flags) for flags in result]


def in_order(flags: list[oracle.Flag]) -> list[oracle.Flag]:
    return sorted(flags, key=repr)


def shown(record: Record, book: RuleBook) -> str:
    """The case in words, for a failure."""
    lines = [
        str(r.spec.model_dump(exclude_defaults=True, by_alias=True, exclude={"title", "service", "why", "source"})) for r in book.rules
    ]
    for i, child in enumerate(record.children):
        lines.append(f"child {i}: born {child.born} expected {child.expected}")
        lines += [f"  {n} {e}" for n, e in enumerate(child.events)]
    return "\n".join([*lines, f"as known {record.as_known} {record.covers}"])


def agree(record: Record, book: RuleBook) -> None:
    """Engine and oracle give the same flags for every child at every look."""
    log = log_of(record)
    for as_of in record.looks:
        came = engine_flags(record, book, log, as_of)
        for i, child in enumerate(record.children):
            wanted = in_order(oracle.flags("made_rule", book, child, as_of, record.as_known, record.covers))
            if came[i] != wanted:
                differences = "\n".join(
                    [f"oracle {w}" for w in wanted if w not in came[i]] + [f"engine {c}" for c in came[i] if c not in wanted]
                )
                pytest.fail(f"child {i} as of {as_of}\n{differences}\n{shown(record, book)}", pytrace=False)


@pytest.mark.parametrize("family", FAMILIES)
@many
@given(data=st.data())
def test_engine_and_oracle_agree(family: str, data: st.DataObject) -> None:
    modes = {"modes": ("dates",)} if family == "the second answer" else {}  # of two at odds in time, the first decides
    record = data.draw(records(kinds=FAMILIES[family].kinds, **modes))
    book = data.draw(editions(family, record.anchor))
    assert not [p for r in book.rules for p in clocks_in(r.spec, NO_FILE, book)], "a rule that would be refused when loaded"
    agree(record, book)


# ------------------------------------------------------------------------------------- what must not change an answer

any_family = st.sampled_from(sorted(FAMILIES))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Record, RuleBook]:
    family = draw(any_family)
    record = draw(records(kinds=FAMILIES[family].kinds))
    return record, draw(editions(family, record.anchor))


def every_look(record: Record, book: RuleBook, log: EventLog | None = None) -> list[list[list[oracle.Flag]]]:
    log = log_of(record) if log is None else log
    return [engine_flags(record, book, log, as_of) for as_of in record.looks]


@fewer
@given(data=st.data())
def test_many_children_at_once_are_each_as_if_alone(data: st.DataObject) -> None:
    record, book = data.draw(cases())
    together = every_look(record, book)
    for i, child in enumerate(record.children):
        alone = replace(record, children=(child,))
        assert [look[0] for look in every_look(alone, book)] == [look[i] for look in together], shown(record, book)


@fewer
@given(data=st.data(), order=st.randoms(use_true_random=False))
def test_the_order_in_which_events_are_read_changes_nothing(data: st.DataObject, order: Random) -> None:
    """Only the order of what stands on one day of one child is kept, for it says what came first where no time does."""
    record, book = data.draw(cases())
    places = [(i, n) for i, child in enumerate(record.children) for n in range(len(child.events))]
    rank = {day: order.random() for day in {(i, record.children[i].events[n].day) for i, n in places}}
    shuffled = sorted(places, key=lambda p: rank[p[0], record.children[p[0]].events[p[1]].day])
    assert every_look(record, book, log_of(record, order=shuffled)) == every_look(record, book), shown(record, book)


@fewer
@given(data=st.data())
def test_events_after_the_moment_of_looking_change_nothing(data: st.DataObject) -> None:
    record, book = data.draw(cases())
    day = max(look.date() if isinstance(look, datetime) else look for look in record.looks)
    found = data.draw(children(Scene(day + timedelta(days=21), tuple(range(10)), USUAL, True, True), "mixed")).events
    later = tuple(replace(e, latest_only=False) for e in found)  # a later latest date says that those before it are not held
    more = replace(record, children=tuple(replace(c, events=c.events + later) for c in record.children))
    assert every_look(more, book) == every_look(record, book), shown(more, book)


@fewer
@given(data=st.data())
def test_other_rules_in_the_book_change_nothing(data: st.DataObject) -> None:
    record = data.draw(records())
    specs = [
        rule_from(data.draw(FAMILIES[family].rules), f"made_rule_{n}")
        for n, family in enumerate(data.draw(st.lists(any_family, min_size=2, max_size=3)))
    ]
    log = log_of(record)
    for as_of in record.looks:
        together = engine_flags(record, book_of(*specs), log, as_of)
        alone = [engine_flags(record, book_of(spec), log, as_of) for spec in specs]
        assert together == [in_order([f for one in alone for f in one[i]]) for i in range(len(record.children))]


@fewer
@given(data=st.data(), days=st.integers(-800, 800))
def test_everything_moved_by_some_days_gives_the_same_moved(data: st.DataObject, days: int) -> None:
    """For clocks in days and weeks, which know no calendar."""
    record = data.draw(records(modes=("dates",)))
    record = replace(record, looks=record.looks[1:], children=tuple(replace(c, born=None) for c in record.children))
    family = data.draw(st.sampled_from(["once by the day", "again and again", "counted back", "patterns"]))
    book = book_of(rule_from(in_plain_days(data.draw(FAMILIES[family].rules))))
    by = timedelta(days=days)
    came, moved = every_look(record, book), every_look(moved_by(record, by), book)
    assert [[[_moved_flag(f, by) for f in child] for child in look] for look in came] == moved, shown(record, book)


def _moved_flag(flag: oracle.Flag, by: timedelta) -> oracle.Flag:
    return replace(flag, start=flag.start + by, due=flag.due + by if flag.due else None)


@fewer
@given(data=st.data())
def test_met_stays_met_and_late_stays_late(data: st.DataObject) -> None:
    """What was decided at the end of a day is decided, unless the plan it was counted back from moves.

    A ref that names only the outer level is read with the other events in mind, so those are left out here.
    """
    record = data.draw(records())
    record = replace(record, looks=tuple(sorted({x.date() if isinstance(x, datetime) else x for x in record.looks})))
    record = replace(record, children=tuple(replace(c, events=tuple(_with_full_ref(e) for e in c.events)) for c in record.children))
    book = data.draw(editions(data.draw(any_family), record.anchor))
    assume(not book.rules[-1].spec.before and book.rules[-1].spec.when.pick != "last")
    looks = every_look(record, book)
    for earlier, later in pairwise(looks):
        for had, has in zip(earlier, later, strict=True):
            assert {f for f in had if f.status in ("met", "late")} <= set(has), shown(record, book)


def _with_full_ref(event: oracle.Event) -> oracle.Event:
    return replace(event, ref="R1/S1") if event.kind in ("asked", "done", "decided") and event.ref in ("R1", "R2") else event
