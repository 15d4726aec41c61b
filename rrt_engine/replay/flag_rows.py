"""The flags of a log as rows: one a duty, with what rule, what was found and where in the source it stands.

Text that repeats is held as codes into its distinct values (Arrow dictionaries), so that millions of rows stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import DAY, NO_DAY, NO_INSTANT, Moment, as_date, midnight, uk_day
from rrt_engine.explain.flags import Explainer
from rrt_engine.model import NO_REASON, REASONS, STATUSES, Bools, EventLog, Flags, Int8s, Int32s, Int64s
from rrt_engine.replay.held_by import latest_recorded
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.words import uk_time

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
    "authority": "duty, guidance, practice, court, local or kpi",
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
    edges = np.searchsorted(flags.rule, np.arange(len(rules) + 1, dtype=flags.rule.dtype)).tolist()
    for index in range(len(rules)):
        mine = slice(edges[index], edges[index + 1])
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
    order = in_order(log, flags, len(rules))
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


def in_order(log: EventLog, flags: Flags, rules: int) -> Int64s:
    """The flags in order of case, rule, start and step."""
    child = log.child[flags.trigger]
    if len(log.children) * rules >= 1 << 38 or int(flags.start.min(initial=0)) < 0 or int(flags.start.max(initial=0)) >= 1 << 17:
        return np.lexsort((flags.rung, flags.start, flags.rule, child))  # too much for one number
    key = (child.astype(np.int64) * rules + flags.rule) << 25 | flags.start.astype(np.int64) << 8 | flags.rung
    return np.argsort(key, kind="stable")


def write_rows(rows: Any, path: Path) -> None:
    """Write rows of flags as Parquet: text as codes, row numbers as steps, and what is least and greatest only of the case.

    The rows are in order of case, so that only of the case does it help to find any; of text it takes longest to work out.
    """
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(
        rows,
        path,
        compression="zstd",
        row_group_size=1 << 18,
        use_dictionary=[f.name for f in rows.schema if pa.types.is_dictionary(f.type)],
        column_encoding=dict.fromkeys(("trigger_row", "answer_row"), "DELTA_BINARY_PACKED"),
        write_statistics=["case"],
    )


def empty_rows() -> Any:
    """A table of no flags."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    types = {"start": pa.date32(), "due": pa.date32(), "rung": pa.int8(), "provisional": pa.bool_()}
    types |= dict.fromkeys(("days_late", "trigger_row", "answer_row"), pa.int32())
    return pa.schema([(name, types.get(name, text)) for name in COLUMNS]).empty_table()


def coded(codes: Any, names: Sequence[str]) -> Any:
    """Text as codes into its distinct values; -1 is none. Names may repeat, and need not all occur: what is held does neither."""
    import pyarrow as pa

    used = np.zeros(len(names) + 1, np.bool_)
    used[codes] = True
    places: dict[str, int] = {}
    table = np.full(len(names) + 1, -1, np.int32)
    for i in np.flatnonzero(used[:-1]).tolist():
        table[i] = places.setdefault(names[i], len(places))
    codes = table[codes]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(list(places), pa.string()))


def _kinds(log: EventLog, rows: Int32s) -> Any:
    codes = np.full(len(rows), -1, np.int32)
    inside = _inside(log, rows)
    codes[inside] = log.kind[rows[inside]]
    codes[rows >= len(log)] = len(log.kinds)
    return coded(codes, [*log.kinds, "birthday"])


def _moments(log: EventLog, rows: Int32s, derived: Int32s) -> Any:
    """When events happened, as text no more exact than the record."""
    days = np.concatenate([log.day, derived, [NO_DAY]])
    key = days[rows].astype(np.int64) * 2  # even for a date, odd for a time; row -1 reads the last entry
    if log.instant is not None:
        inside = np.flatnonzero(_inside(log, rows))
        instant = log.instant[rows[inside]]
        timed = instant != NO_INSTANT
        key[inside[timed]] = instant[timed] * 2 + 1
    return _texts(key, key == 2 * NO_DAY, _written)


def _instants(at: Int64s | None, by: Int64s | None, order: Int64s) -> Any:
    if at is None or by is None:
        return coded(np.full(len(order), -1, np.int32), [])
    key = np.where(at == by, at, NO_INSTANT)[order]
    return _texts(key, key == NO_INSTANT, lambda instants: _uk_times(instants, True))


def _texts(values: Int64s, none: Bools, write: Callable[[Int64s], Any]) -> Any:
    """Text for each value, written once for each distinct one."""
    import pyarrow as pa

    found = pa.array(values, mask=none).dictionary_encode()
    n = len(found.dictionary)
    distinct = np.frombuffer(found.dictionary.buffers()[1], np.int64, n) if n else values[:0]
    texts = write(distinct).dictionary_encode()  # the hour that happens twice is written alike
    if len(texts.dictionary) == len(texts):
        return pa.DictionaryArray.from_arrays(found.indices, texts.dictionary)
    return pa.DictionaryArray.from_arrays(texts.indices.take(found.indices), texts.dictionary)


def _written(keys: Int64s) -> Any:
    """Dates (even numbers) and times (odd ones) as text, as Arrow holds it."""
    import pyarrow as pa

    exact = (keys & 1).astype(np.bool_)
    dates = pa.array((keys[~exact] >> 1).astype(np.int32)).cast(pa.date32()).cast(pa.string())
    place = np.empty(len(keys), np.int64)
    place[~exact], place[exact] = np.arange(len(dates)), np.arange(len(dates), len(keys))
    return pa.concat_arrays([dates, _uk_times(keys[exact] >> 1, False)]).take(pa.array(place))


def _uk_times(instants: Int64s, zone: bool) -> Any:
    """Instants as UK local times, as `words.iso_time` writes one, and with their offset where wanted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    day = uk_day(instants)
    begins = midnight(day)
    ahead = day * DAY - begins
    for i in np.flatnonzero(midnight(day + 1) - begins != DAY).tolist():  # on the two days a year when it changes
        offset = uk_time(instants[i]).utcoffset()
        assert offset is not None
        ahead[i] = offset.total_seconds()
    local = instants + ahead
    text = pc.binary_replace_slice(pa.array(local).cast(pa.timestamp("s")).cast(pa.string()), 10, 11, "T")
    text = pc.if_else(pa.array(local % 60 == 0), pc.utf8_slice_codeunits(text, 0, 16), text)
    if not zone:
        return text
    return pc.binary_join_element_wise(text, pc.if_else(pa.array(ahead > 0), "+01:00", "+00:00"), "")


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
