"""The engine and the oracle say the same of thousands of made cases; and what must not change an answer does not."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, as_date, day_number
from rrt_engine.model import REASONS, STATUSES, EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.timescales.evaluate import evaluate
from tests import oracle
from tests.strategies import FAMILIES, HARD_DAYS, Record, book_of, log_of, records, rule_from

EXAMPLES = int(os.environ.get("RRT_EXAMPLES", "400"))
many = settings(max_examples=EXAMPLES, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
fewer = settings(many, max_examples=max(EXAMPLES // 4, 10))


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
    lines = [str(r.spec.model_dump(exclude_defaults=True, by_alias=True, exclude={"title", "service", "why", "source"})) for r in book.rules]
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
                differences = "\n".join([f"oracle {w}" for w in wanted if w not in came[i]] + [f"engine {c}" for c in came[i] if c not in wanted])
                pytest.fail(f"child {i} as of {as_of}\n{differences}\n{shown(record, book)}", pytrace=False)


@pytest.mark.parametrize("family", FAMILIES)
@many
@given(data=st.data())
def test_engine_and_oracle_agree(family: str, data: st.DataObject) -> None:
    agree(data.draw(records()), book_of(rule_from(data.draw(FAMILIES[family]))))
