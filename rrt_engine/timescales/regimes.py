"""Which part of a regime is in force on each day: for all children at once, from periods and from what was last recorded.

A regime can only change on a day on which something is recorded, or on which a length of time has passed since a period
began. Those days are collected; on each the parts are tried in their order and the first that fits is in force until the
next. Days between them cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from rrt_engine.calendar import NO_DAY, Days, day_number, due_day
from rrt_engine.model import Bools, Int16s, Int32s, Int64s
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.regime_schema import Condition, Regime, State
from rrt_engine.rulebook.schema import Not, Scalar
from rrt_engine.timescales.arrays import meets
from rrt_engine.timescales.duties import FAR, Run, child_and_day, period_rows
from rrt_engine.timescales.search import NONE


@dataclass(frozen=True)
class Segments:
    """Stretches of days with one part in force, in order of child and day.

    `part` indexes the regime's parts; `start` is its first day and `end` the day after its last (NO_DAY while it is in
    force). `begun` and `ended` are the last events recorded on those two days, NONE where only time had passed. `carry` is
    the day from which an event may have started a clock that is already running on the first day; NO_DAY where none may.
    """

    child: Int32s
    part: Int16s
    start: Int32s
    end: Int32s
    begun: Int32s
    ended: Int32s
    carry: Int32s

    def take(self, keep: Bools | Int64s) -> Segments:
        """Some of the segments."""
        return Segments(**{name: value[keep] for name, value in vars(self).items()})


@dataclass(frozen=True)
class _Spans:
    """The periods of one kind: `end` is FAR where it has not ended."""

    child: Int32s
    start: Int32s
    end: Int32s
    keys: Int64s

    def at(self, child: Int32s, day: Int32s) -> tuple[Int64s, Bools]:
        """For each child and day the latest period that had begun, and whether it was still open."""
        if not len(self.keys):
            return np.zeros(len(child), np.int64), np.zeros(len(child), np.bool_)
        at = np.searchsorted(self.keys, child_and_day(child, day), "right") - 1
        found = np.maximum(at, 0)
        return found, (at >= 0) & (self.child[found] == child) & (day < self.end[found])


@dataclass(frozen=True)
class _Recorded:
    """What a state was recorded to be, in order of child and day: `value` indexes `values`, -1 where it is not known again."""

    keys: Int64s
    value: Int32s
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class _Days:
    """The days on which a regime may change, and what is known of each."""

    child: Int32s
    day: Int32s
    keys: Int64s
    spans: dict[str, _Spans]
    states: dict[str, Int32s]
    values: dict[str, tuple[Scalar, ...]]

    def open(self, period: str) -> Bools:
        """Whether a period of a kind is open on each day."""
        return self.spans[period].at(self.child, self.day)[1]


def segments(run: Run, name: str) -> Segments:
    """The segments of one regime for every child. Kept: many rules live in its parts."""
    if name not in run.segments:
        run.segments[name] = _segments(run, run.book.regimes[name])
    found: Segments = run.segments[name]
    return found


def part_segments(run: Run, name: str, part_id: str) -> Segments:
    """The segments in which one part is in force."""
    found = segments(run, name)
    index = [part.id for part in run.book.regimes[name].parts].index(part_id)
    return found.take(found.part == index)


def _segments(run: Run, regime: Regime) -> Segments:
    spans = {period: _spans(run, period) for period in periods_of(regime)}
    rows = _rows(run, regime)
    row_keys = child_and_day(run.arrays.log.child[rows], run.arrays.log.day[rows])
    keys = np.sort(np.concatenate([row_keys, *_passed(run, regime, spans)]), kind="stable")
    keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
    child, day = (keys >> 32).astype(np.int32), (keys & 0xFFFFFFFF).astype(np.int32)
    recorded = _recorded_of(run, regime)
    days = _Days(child, day, keys, spans, {}, {key: r.values for key, r in recorded.items()})
    for key, state in regime.states.items():
        days.states[key] = _known(recorded[key], spans[state.during], days)
    part = _parts(run, regime, days)
    inside = reduce(np.logical_or, (days.open(period) for period in regime.during))
    part[~inside] = -1
    changed = np.ones(len(keys), np.bool_)
    changed[1:] = (child[1:] != child[:-1]) | (part[1:] != part[:-1])
    for period in regime.anew:
        which, is_open = spans[period].at(child, day)
        current = np.where(is_open, which, -1)
        changed[1:] |= is_open[1:] & (current[1:] != current[:-1])
    at = np.flatnonzero(changed)
    end = np.full(len(at), NO_DAY, np.int32)
    same = child[at[1:]] == child[at[:-1]]
    end[:-1] = np.where(same, day[at[1:]], NO_DAY)
    last = np.searchsorted(row_keys, keys[at], "right") - 1
    begun = np.full(len(at), NONE)
    if len(rows):
        begun = np.where((last >= 0) & (row_keys[np.maximum(last, 0)] == keys[at]), rows[np.maximum(last, 0)], NONE).astype(np.int32)
    ended = np.full(len(at), NONE)
    ended[:-1] = np.where(same, begun[1:], NONE)
    carry = np.full(len(at), NO_DAY, np.int32)
    for period in reversed(regime.carry):
        which, is_open = spans[period].at(child[at], day[at])
        if len(spans[period].start):
            carry = np.where(is_open, spans[period].start[which], carry)
    return Segments(child[at], part[at], day[at], end, begun, ended, carry).take(part[at] >= 0)


def periods_of(regime: Regime) -> list[str]:
    """Every period that a regime looks at."""
    conditions = [c for part in regime.parts for c in part.any]
    named = [*regime.during, *regime.anew, *regime.carry, *(state.during for state in regime.states.values())]
    named += [period for c in conditions for period in (*c.open, *c.not_open, *c.longer_than)]
    return list(dict.fromkeys(named))


def _spans(run: Run, period: str) -> _Spans:
    """Every period of a kind. Kept: several regimes look at the same."""
    if period not in run.spans:
        opened, closed = period_rows(run, period)
        log = run.arrays.log
        end = np.where(closed >= 0, log.day[closed], FAR).astype(np.int32)
        run.spans[period] = _Spans(log.child[opened], log.day[opened], end, child_and_day(log.child[opened], log.day[opened]))
    found: _Spans = run.spans[period]
    return found


def _rows(run: Run, regime: Regime) -> Int32s:
    """Every event on whose day the regime may change, in the log's order."""
    kinds = [kind for period in periods_of(regime) for p in [run.book.periods[period]] for kind in (*p.start, *p.end, *p.end_later)]
    for state in regime.states.values():
        kinds += [*state.from_, *state.forget, *(kind for item in state.set_ for kind in item.event)]
    asked = [c.then for part in regime.parts for c in part.any if c.then and applies(run.book, c.then.setting)]
    kinds += [kind for then in asked for kind in then.event]
    return run.arrays.rows_of(tuple(dict.fromkeys(kinds)))


def _passed(run: Run, regime: Regime, spans: dict[str, _Spans]) -> list[Int64s]:
    """Children and days on which only time has passed: a period has been open long enough, or a condition begins or ends to apply."""
    found = []
    for condition in (c for part in regime.parts for c in part.any):
        for period, length in condition.longer_than.items():
            span = spans[period]
            day = due_day(span.start, run.book.length(length), run.book.calendar) + 1
            keep = (day < span.end) & (day <= run.as_of_day)
            found.append(child_and_day(span.child[keep], day[keep].astype(np.int32)))
        days = [*([day_number(condition.from_)] if condition.from_ else []), *([day_number(condition.to) + 1] if condition.to else [])]
        for law in (day for day in days if day <= run.as_of_day):
            for period in regime.during:
                span = spans[period]
                keep = (span.start < law) & (law < span.end)
                found.append(child_and_day(span.child[keep], np.full(int(keep.sum()), law, np.int32)))
    return found


def _recorded_of(run: Run, regime: Regime) -> dict[str, _Recorded]:
    """Everything recorded about each state of a regime."""
    return {name: _recorded(run, name, state) for name, state in regime.states.items()}


def _recorded(run: Run, name: str, state: State) -> _Recorded:
    """Everything recorded about a state. On one day what makes it unknown comes first; else the log's order."""
    log, arrays = run.arrays.log, run.arrays
    codes: dict[tuple[type, Scalar], int] = {}
    rows, values, first = [], [], []

    def note(found: Int32s, value: Int32s, forgets: bool) -> None:
        rows.append(found)
        values.append(value)
        first.append(np.full(len(found), not forgets))

    def code(value: Scalar) -> int:
        return codes.setdefault((type(value), value), len(codes))

    column = log.attributes.get(state.attribute or name)
    if column is not None and state.from_:
        found = arrays.rows_of(state.from_)
        found = found[column.codes[found] >= 0]
        table = np.array([code(value) for value in column.values], np.int32)
        note(found, table[column.codes[found]] if len(found) else np.zeros(0, np.int32), False)
    for item in state.set_:
        found = arrays.rows_of(item.event)
        note(found, np.full(len(found), code(item.to), np.int32), False)
    if state.forget:
        found = arrays.rows_of(state.forget)
        note(found, np.full(len(found), -1, np.int32), True)
    if not rows:
        return _Recorded(np.zeros(0, np.int64), np.zeros(0, np.int32), ())
    row, value, after = np.concatenate(rows), np.concatenate(values), np.concatenate(first)
    keys = child_and_day(log.child[row], log.day[row])
    order = np.lexsort((row, after, keys))
    return _Recorded(keys[order], value[order], tuple(value for _, value in codes))


def _known(recorded: _Recorded, span: _Spans, days: _Days) -> Int32s:
    """What the state is on each day: the last recorded since its period began; -1 where that is not known."""
    which, is_open = span.at(days.child, days.day)
    if not len(recorded.keys) or not len(span.start):
        return np.full(len(days.day), -1, np.int32)
    at = np.searchsorted(recorded.keys, days.keys, "right") - 1
    last = np.maximum(at, 0)
    since = child_and_day(days.child, span.start[which])
    known = is_open & (at >= 0) & (recorded.keys[last] >= since)
    return np.where(known, recorded.value[last], np.int32(-1))


def _parts(run: Run, regime: Regime, days: _Days) -> Int16s:
    """The first part that fits each day; -1 where none does."""
    part = np.full(len(days.day), -1, np.int16)
    for index, candidate in enumerate(regime.parts):
        fits = np.ones(len(part), np.bool_)
        if candidate.any:
            fits = reduce(np.logical_or, (_holds(run, condition, days) for condition in candidate.any))
        part[fits & (part < 0)] = index
    return part


def _holds(run: Run, condition: Condition, days: _Days) -> Bools:
    """Whether a condition holds on each day."""
    holds = np.full(len(days.day), applies(run.book, condition.setting))
    for period in condition.open:
        holds &= days.open(period)
    for period in condition.not_open:
        holds &= ~days.open(period)
    for name, test in condition.where.items():
        table = np.array([*(meets(value, test) for value in days.values[name]), isinstance(test, Not)], np.bool_)
        holds &= table[days.states[name]]  # -1, not known, reads the last entry
    if condition.from_:
        holds &= days.day >= day_number(condition.from_)
    if condition.to:
        holds &= days.day <= day_number(condition.to)
    for period, length in condition.longer_than.items():
        span = days.spans[period]
        which, is_open = span.at(days.child, days.day)
        if not len(span.start):
            return np.zeros(len(holds), np.bool_)
        passed = due_day(span.start, run.book.length(length), run.book.calendar)[which]
        holds &= is_open & (days.day > passed)
        if condition.then and applies(run.book, condition.then.setting):
            holds &= _happened_since(run, condition.then.event, condition.then.quality, days, passed)
    return holds


def _happened_since(run: Run, kinds: Sequence[str], quality: str | None, days: _Days, passed: Days) -> Bools:
    rows = run.arrays.counted(kinds, {}, run.book.qualities.get(quality or "")).sure()
    if not len(rows):
        return np.zeros(len(days.day), np.bool_)
    keys = child_and_day(run.arrays.log.child[rows], run.arrays.log.day[rows])
    at = np.searchsorted(keys, days.keys, "right") - 1
    last = rows[np.maximum(at, 0)]
    log = run.arrays.log
    happened: Bools = (at >= 0) & (log.child[last] == days.child) & (log.day[last] > passed)
    return happened


def applies(book: RuleBook, setting: Mapping[str, str | int]) -> bool:
    """Whether the local values are what a setting wants."""
    return all(book.parameters[name].value == wanted for name, wanted in setting.items())


def doubts_on(run: Run, name: str, part_id: str, on: Sequence[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """For a log of one child: the states that are not recorded on the first of some days and might have put it in an earlier
    part, and the local values that choose between parts on any of them.
    """
    regime = run.book.regimes[name]
    day = np.array(on, np.int32)
    child = np.full(len(on), run.arrays.log.child[0], np.int32)
    spans = {period: _spans(run, period) for period in periods_of(regime)}
    if name not in run.recorded:  # the working of each of the child's duties looks at it
        run.recorded[name] = _recorded_of(run, regime)
    recorded: dict[str, _Recorded] = run.recorded[name]
    days = _Days(child, day, child_and_day(child, day), spans, {}, {key: r.values for key, r in recorded.items()})
    for key, state in regime.states.items():
        days.states[key] = _known(recorded[key], spans[state.during], days)
    unknown: dict[str, None] = {}
    settings: dict[str, None] = {}
    for part in regime.parts:
        for condition in part.any:
            asked = {key: test for key, test in condition.where.items() if not isinstance(test, Not)}
            missing = [key for key in asked if days.states[key][0] < 0 and regime.states[key].from_]
            bare = condition.model_copy(update={"setting": {}, "then": None})
            known = bare.model_copy(update={"where": {key: test for key, test in condition.where.items() if key not in missing}})
            if part.id != part_id and missing and _holds(run, known, days)[0]:
                unknown |= dict.fromkeys(missing)
            if _holds(run, bare, days).any():
                settings |= dict.fromkeys((*condition.setting, *(condition.then.setting if condition.then else ())))
        if part.id == part_id:
            break
    return tuple(unknown), tuple(settings)
