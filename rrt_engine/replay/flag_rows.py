"""The flags of a log as rows: one a duty, with what rule, what was found and where in the source it stands.

Text that repeats is held as codes into its distinct values (Arrow dictionaries), so that millions of rows stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, as_date
from rrt_engine.explain.flags import Explainer
from rrt_engine.model import NO_REASON, REASONS, STATUSES, Bools, EventLog, Flags, Int8s, Int32s, Int64s
from rrt_engine.replay.held_by import latest_recorded
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.words import iso_time

COLUMNS = {
    "case": "the child's id in the source",
    "rule": "the rule's id",
    "edition": "the first day of the edition of the rule that governs",
    "title": "what the rule requires",
    "service": "the part of the service",
    "status": "met, late, early, overdue, due_soon, due, ended or cannot_tell",
    "trigger_event": "the event that started this clock",
    "trigger_at": "when, as recorded: a date, or UK local time",
    "ref": "what that event belongs to, such as a referral or a plan",
    "start": "the day this clock started: for a duty that recurs, the day of the answer before",
    "rung": "the step of a rule in steps, counted from 0",
    "due": "the last day on time",
    "due_at": "for a clock counted in hours, the moment it runs out, in UK time",
    "answer_event": "the event that answered it",
    "answer_at": "when, as recorded",
    "ended_by": "the event that ended the duty first",
    "ended_at": "when it ended",
    "days_late": "calendar days from the due date to the answer, the end or the as-of date; empty unless late or overdue",
    "cannot_tell_because": "why it cannot be told",
    "provisional": "whether the due date rests on bank holidays not yet announced",
    "basis": "history, now (the source holds only the latest dates) or count (a pattern without a time limit)",
    "authority": "duty, guidance, court, local or kpi",
    "verified": "how the number was checked",
    "team": "the team recorded last for the child, by the as-of date",
    "worker": "the worker recorded last for the child, by the as-of date",
    "source": "the file, and the sheet, that the event which started the clock came from",
    "trigger_row": "the row or line of the source",
    "answer_source": "the file, and the sheet, of the answer",
    "answer_row": "the row or line of the source",
}
BASES = ("history", "now", "count")
HISTORY, NOW, COUNT = range(len(BASES))


@dataclass(frozen=True)
class Whole:
    """What is true of a whole log, and so of every part of it: needed where only a part is at hand.

    `latest` are the kinds of event of which the log holds some as latest dates; `only_latest` says that it holds nothing else;
    `several` that it is several sources put together.
    """

    latest: frozenset[str] = frozenset()
    only_latest: bool = False
    several: bool = False

    @staticmethod
    def of(log: EventLog, several: bool = False) -> Whole:
        """What is true of a log that is whole."""
        if log.latest_only is None:
            return Whole(several=several)
        latest = frozenset(log.kinds[i] for i in np.unique(log.kind[log.latest_only]).tolist())
        return Whole(latest, bool(log.latest_only.all()), several)


def basis_of(flags: Flags, log: EventLog, rules: Sequence[Rule], whole: Whole) -> Int8s:
    """For each flag, on what it rests, as a place in BASES; int8, one a flag.

    Where a source holds only the latest date of what answers a rule, its flags say how things stand now, never how they went.
    Where several sources were put together and one of them does, that is so of the clocks which that one started.
    """
    found = np.zeros(len(flags), np.int8)
    for index in np.unique(flags.rule).tolist():
        mine = slice(*np.searchsorted(flags.rule, [index, index + 1]))
        expect = rules[index].spec.expect
        if expect is None:
            found[mine] = COUNT
        elif log.coverage.latest & set(expect.event) or whole.only_latest:
            found[mine] = NOW
        elif whole.latest & set(expect.event):
            started = NOW if not whole.several else 0 if log.latest_only is None else log.latest_only[flags.trigger[mine]] * NOW
            found[mine] = started
    return found


def flag_rows(log: EventLog, book: RuleBook, flags: Flags, as_of: Moment, whole: Whole, name: str = "", as_known: int | None = None) -> Any:
    """Flags as an Arrow table with the columns of COLUMNS, in the order of case, rule and start.

    `name` is the source's, for events that do not say which file they came from.
    """
    import pyarrow as pa

    rules = book.rules
    shown = Explainer(log, book, flags, as_of.day, as_of.instant if as_of.instant != NO_INSTANT else end_of_day(as_of.day))
    order = np.lexsort((flags.rung, flags.start, flags.rule, log.child[flags.trigger]))
    rule, trigger, answer, end = (getattr(flags, column)[order] for column in ("rule", "trigger", "answer", "end"))
    due, status, reason, start = flags.due[order], flags.status[order], flags.reason[order], flags.start[order]
    child = log.child[trigger]

    def of_rule(read: Callable[[Rule], str]) -> Any:
        return coded(rule, [read(r) for r in rules])

    def of_child(attribute: str) -> Any:
        names = [""]
        held = latest_recorded(log, attribute, as_of, names, {}, as_known)[child]
        return coded(held - 1, names[1:])

    late = np.isin(status, [STATUSES.index("late"), STATUSES.index("overdue")])
    days = np.concatenate([log.day, flags.derived_day, [NO_DAY]])
    until = np.where(answer >= 0, days[answer], np.where(end >= 0, days[end], as_of.day))
    provisional = np.zeros(len(rule), np.bool_)
    # A date counted back can rest on holidays after it; no rule counts back more than a year.
    back = np.array([r.spec.before is not None for r in rules], np.bool_)[rule]
    beyond = np.flatnonzero(due > book.calendar.announced_to - np.where(back, 366, 0))
    provisional[beyond] = [shown.evidence(int(order[i])).provisional() for i in beyond]
    cases = pa.array(log.children.astype(str), pa.string())
    table = {
        "case": pa.DictionaryArray.from_arrays(pa.array(child), cases),
        "rule": of_rule(lambda r: r.id),
        "edition": of_rule(lambda r: as_date(r.first_day).isoformat()),
        "title": of_rule(lambda r: r.spec.title),
        "service": of_rule(lambda r: r.spec.service),
        "status": coded(status, list(STATUSES)),
        "trigger_event": _kinds(log, trigger),
        "trigger_at": _moments(log, trigger, flags.derived_day),
        "ref": coded(np.full(len(rule), -1) if log.ref is None else log.ref[trigger], log.refs),
        "start": pa.array(start, mask=start == NO_DAY).cast(pa.date32()),
        "rung": pa.array(flags.rung[order]),
        "due": pa.array(due, mask=due == NO_DAY).cast(pa.date32()),
        "due_at": _instants(flags.due_at, flags.due_by, order),
        "answer_event": _kinds(log, answer),
        "answer_at": _moments(log, answer, flags.derived_day),
        "ended_by": _kinds(log, end),
        "ended_at": _moments(log, end, flags.derived_day),
        "days_late": pa.array(until - due, pa.int32(), mask=~late),
        "cannot_tell_because": coded(np.where(reason == NO_REASON, -1, reason), list(REASONS)),
        "provisional": pa.array(provisional),
        "basis": coded(basis_of(flags, log, rules, whole)[order], list(BASES)),
        "authority": of_rule(lambda r: r.spec.authority),
        "verified": of_rule(lambda r: r.spec.verified),
        "team": of_child("team"),
        "worker": of_child("worker"),
        "source": _origins(log, trigger, name),
        "trigger_row": _row_numbers(log, trigger),
        "answer_source": _origins(log, answer, name),
        "answer_row": _row_numbers(log, answer),
    }
    return pa.table({column: table[column] for column in COLUMNS})


def empty_rows() -> Any:
    """A table of no flags."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    types = {"start": pa.date32(), "due": pa.date32(), "rung": pa.int8(), "provisional": pa.bool_()}
    types |= dict.fromkeys(("days_late", "trigger_row", "answer_row"), pa.int32())
    return pa.schema([(name, types.get(name, text)) for name in COLUMNS]).empty_table()


def coded(codes: Any, names: Sequence[str]) -> Any:
    """Text as codes into its distinct values; -1 is none."""
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=codes < 0), pa.array(names, pa.string()))


def _kinds(log: EventLog, rows: Int32s) -> Any:
    codes = np.full(len(rows), -1, np.int32)
    inside = _inside(log, rows)
    codes[inside] = log.kind[rows[inside]]
    codes[rows >= len(log)] = len(log.kinds)
    return coded(codes, [*log.kinds, "birthday"])


def _moments(log: EventLog, rows: Int32s, derived: Int32s) -> Any:
    """When events happened, as text no more exact than the record."""
    days = np.concatenate([log.day, derived])
    key = np.where(rows >= 0, days[rows].astype(np.int64), NO_INSTANT)
    timed = np.zeros(len(rows), np.bool_)
    if log.instant is not None:
        inside = _inside(log, rows)
        timed[inside] = log.instant[rows[inside]] != NO_INSTANT
    if not timed.any():
        return _texts(key, lambda day: as_date(day).isoformat())
    assert log.instant is not None
    key[timed] = log.instant[rows[timed]]
    distinct, codes = np.unique(np.stack([key, timed.astype(np.int64)]), axis=1, return_inverse=True)
    names = ["" if at == NO_INSTANT else _written(at, bool(exact)) for at, exact in distinct.T.tolist()]
    return coded(np.where(key == NO_INSTANT, -1, codes.reshape(-1)), names)


def _written(at: int, exact: bool) -> str:
    return iso_time(at).rsplit("+", 1)[0] if exact else as_date(at).isoformat()


def _texts(values: Int64s, write: Callable[[int], str]) -> Any:
    """Text for each value, written once for each distinct one; null for NO_INSTANT."""
    distinct, codes = np.unique(values, return_inverse=True)
    names = ["" if v == NO_INSTANT else write(int(v)) for v in distinct]
    return coded(np.where(values == NO_INSTANT, -1, codes), names)


def _instants(at: Int64s | None, by: Int64s | None, order: Int64s) -> Any:
    if at is None or by is None:
        return coded(np.full(len(order), -1, np.int32), [])
    return _texts(np.where(at == by, at, NO_INSTANT)[order], iso_time)


def _origins(log: EventLog, rows: Int32s, name: str) -> Any:
    """The file, and the sheet, that events came from, as the source is called: never where a file lies beyond that."""
    inside = _inside(log, rows)
    if log.origin is None or not log.origins:
        return coded(np.where(inside, 0, -1), [name])
    codes = np.full(len(rows), -1, np.int32)
    codes[inside] = log.origin[rows[inside]]
    short = name.rpartition("/")[2]
    files = [origin.replace("\\", "/").rpartition("/")[2] for origin in log.origins]
    return coded(codes, [name + file.removeprefix(short) if f"{file} ".startswith(f"{short} ") else file for file in files])


def _row_numbers(log: EventLog, rows: Int32s) -> Any:
    import pyarrow as pa

    inside = _inside(log, rows)
    if log.origin_row is None or not len(log):
        return pa.nulls(len(rows), pa.int32())
    numbers = log.origin_row[np.where(inside, rows, 0)]
    return pa.array(numbers, pa.int32(), mask=~inside | (numbers == 0))


def _inside(log: EventLog, rows: Int32s) -> Bools:
    """Which are events of the log: not missing, and no birthday."""
    inside: Bools = (rows >= 0) & (rows < len(log))
    return inside
