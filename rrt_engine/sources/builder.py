"""Build an event log: what every reader does last. Sorting, codes and typed attributes live here, once."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, midnight
from rrt_engine.model import Attribute, AttributeValue, Coverage, EventLog, Int32s
from rrt_engine.rulebook.book import EventKind

_YES = {"true", "yes", "y", "1"}
_NO = {"false", "no", "n", "0"}


def typed(value: Any, kind: str | list[str | int] | None) -> AttributeValue:
    """An attribute's value as its type in the vocabulary: `Yes`, `y`, `1` and `true` are all true for a boolean.

    Raises ValueError that says what was expected.

    >>> typed("Y", "boolean"), typed("3", [3, 5, "aware"])
    (True, 3)
    """
    text = value.isoformat() if hasattr(value, "isoformat") else str(value).strip()
    if isinstance(kind, list):
        for allowed in kind:
            if str(allowed).casefold() == text.casefold():
                return allowed
        raise ValueError(f"expected one of {', '.join(f'`{a}`' for a in kind)}")
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        if text.casefold() in _YES:
            return True
        if text.casefold() in _NO:
            return False
        raise ValueError("expected true or false")
    if kind == "integer":
        try:
            return int(text)
        except ValueError:
            raise ValueError("expected a whole number") from None
    if kind is None and isinstance(value, bool):
        return value
    if kind is None and isinstance(value, int):
        return value
    return text


@dataclass
class _Values:
    """One attribute while events are collected: which rows record it, and codes into its distinct values."""

    codes: dict[tuple[type, AttributeValue], int] = field(default_factory=dict)  # by type too: 1 and true are not the same
    rows: array[int] = field(default_factory=lambda: array("i"))
    row_codes: array[int] = field(default_factory=lambda: array("i"))

    def column(self, n: int) -> Attribute:
        """The attribute as a column of n events; where one was given twice for an event, the later one stands."""
        codes = np.full(n, -1, np.int32)
        codes[np.frombuffer(self.rows, np.int32)] = np.frombuffer(self.row_codes, np.int32)
        return Attribute(codes, tuple(value for _, value in self.codes))


@dataclass
class _Seldom:
    """A column that most events leave empty: the rows that do not, and what they hold."""

    empty: int
    rows: array[int] = field(default_factory=lambda: array("i"))
    held: array[int] = field(default_factory=lambda: array("q"))

    def put(self, row: int, value: int) -> None:
        """Note that a row holds a value."""
        self.rows.append(row)
        self.held.append(value)

    def column(self, n: int, dtype: Any) -> Any:
        """The column of n events, or None where every one is empty."""
        if not self.rows:
            return None
        values = np.full(n, self.empty, dtype)
        values[np.frombuffer(self.rows, np.int32)] = np.frombuffer(self.held, np.int64)
        return values


class LogBuilder:
    """Collects events one at a time, in columns, so that a million of them fit in some tens of megabytes.

    `events` is the vocabulary. Call `add` for each event and `child` for what is known of a child, then `build`.
    """

    def __init__(self, events: Mapping[str, EventKind]) -> None:
        self.events = events
        self.origins: list[str] = []
        self._children: dict[str, int] = {}
        self._born, self._expected = array("i"), array("i")
        self._born_also: dict[int, int] = {}
        self._expected_also: dict[int, int] = {}
        self._kinds: dict[str, int] = {}
        self._refs: dict[str, int] = {}
        self._attributes: dict[str, _Values] = {}
        self._child, self._kind, self._day = array("i"), array("h"), array("i")
        self._ref, self._origin, self._row = array("i"), array("i"), array("i")
        self._instant, self._span, self._recorded = _Seldom(NO_INSTANT), _Seldom(0), _Seldom(NO_DAY)
        self._latest_only, self._suspect = _Seldom(False), _Seldom(False)

    def __len__(self) -> int:
        return len(self._child)

    def origin(self, name: str) -> int:
        """The number of a source file or sheet, for `add`."""
        if name not in self.origins:
            self.origins.append(name)
        return self.origins.index(name)

    def child(self, child_id: str, born: int = NO_DAY, expected: int = NO_DAY) -> None:
        """Record a child's date of birth or expected date of birth, as day numbers; later calls fill gaps, and one that differs is kept."""
        code = self._child_code(child_id)
        for held, also, day in ((self._born, self._born_also, born), (self._expected, self._expected_also, expected)):
            if held[code] == NO_DAY:
                held[code] = day
            elif day not in (NO_DAY, held[code]):
                also.setdefault(code, day)

    def _child_code(self, child_id: str) -> int:
        code = self._children.setdefault(child_id, len(self._children))
        if code == len(self._born):
            self._born.append(NO_DAY)
            self._expected.append(NO_DAY)
        return code

    def add(
        self,
        child_id: str,
        kind: str,
        at: Moment,
        *,
        ref: str | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
        recorded: int = NO_DAY,
        latest_only: bool = False,
        suspect: bool = False,
        origin: int = 0,
        row: int = 0,
    ) -> None:
        """Add one event. `kind` must be in the vocabulary and attribute values already typed."""
        here = len(self._child)
        if attributes:
            for name, value in attributes.items():
                values = self._attributes.setdefault(name, _Values())
                values.rows.append(here)
                values.row_codes.append(values.codes.setdefault((type(value), value), len(values.codes)))
        self._child.append(self._child_code(child_id))
        self._kind.append(self._kinds.setdefault(kind, len(self._kinds)))
        self._day.append(at.day)
        self._ref.append(self._refs.setdefault(ref, len(self._refs)) if ref else -1)
        self._origin.append(origin)
        self._row.append(row)
        if at.instant != NO_INSTANT:
            self._instant.put(here, at.instant)
        if at.span:
            self._span.put(here, at.span)
        if recorded != NO_DAY:
            self._recorded.put(here, recorded)
        if latest_only:
            self._latest_only.put(here, True)
        if suspect:
            self._suspect.put(here, True)

    def build(self, coverage: Coverage = Coverage()) -> EventLog:
        """The event log, sorted by child and time. Children without events are kept."""
        names, child_rank = _ranked(self._children)
        kinds, kind_rank = _ranked(self._kinds)
        refs, ref_rank = _ranked(self._refs)
        by_name = np.argsort(child_rank, kind="stable")

        def others(also: dict[int, int]) -> Int32s | None:
            if not also:
                return None
            days = np.full(len(names), NO_DAY, np.int32)
            days[list(also)] = list(also.values())
            return days[by_name]

        n = len(self)
        born, expected = np.array(self._born, np.int32)[by_name], np.array(self._expected, np.int32)[by_name]
        return sorted_log(
            EventLog(
                children=np.array(names, dtype=object),
                kinds=tuple(kinds),
                child=child_rank[np.array(self._child, np.int32)],
                kind=kind_rank[np.array(self._kind, np.int16)].astype(np.int16),
                day=np.array(self._day, np.int32),
                instant=self._instant.column(n, np.int64),
                span=self._span.column(n, np.int32),
                ref=np.append(ref_rank, np.int32(-1))[np.array(self._ref, np.int32)] if refs else None,
                refs=tuple(refs),
                recorded=self._recorded.column(n, np.int32),
                latest_only=self._latest_only.column(n, np.bool_),
                suspect=self._suspect.column(n, np.bool_),
                attributes={name: values.column(n) for name, values in self._attributes.items()},
                born=born if (born != NO_DAY).any() else None,
                expected=expected if (expected != NO_DAY).any() else None,
                born_also=others(self._born_also),
                expected_also=others(self._expected_also),
                coverage=coverage,
                origins=tuple(self.origins),
                origin=np.array(self._origin, np.int32),
                origin_row=np.array(self._row, np.int32),
            )
        )


def _ranked(codes: Mapping[str, int]) -> tuple[list[str], Int32s]:
    """The names in order, and for each code given as names were met its place in that order."""
    names = sorted(codes)
    rank = np.empty(len(names), np.int32)
    rank[np.fromiter((codes[n] for n in names), np.int64, len(names))] = np.arange(len(names), dtype=np.int32)
    return names, rank


_ROW_COLUMNS: Sequence[str] = (
    "child",
    "kind",
    "day",
    "instant",
    "span",
    "ref",
    "recorded",
    "latest_only",
    "suspect",
    "origin",
    "origin_row",
)


def sorted_log(log: EventLog) -> EventLog:
    """The same log with its events in order of child and time, and in the order given where those are equal."""
    from dataclasses import replace

    order = _order(log)
    if order is None:
        return log
    columns = {name: getattr(log, name)[order] for name in _ROW_COLUMNS if getattr(log, name) is not None}
    attributes = {name: Attribute(a.codes[order], a.values) for name, a in log.attributes.items()}
    return replace(log, **columns, attributes=attributes)


def _order(log: EventLog) -> Int32s | None:
    """The rows in order, or None when they already are."""
    if log.instant is None:
        same = log.child[1:] == log.child[:-1]
        if bool(((log.child[1:] > log.child[:-1]) | (same & (log.day[1:] >= log.day[:-1]))).all()):
            return None
        key = (log.child.astype(np.int64) << 32) + log.day
    else:
        dated = log.instant == NO_INSTANT
        last = np.where(dated, midnight(log.day.astype(np.int64) + 1) - 1, log.instant)
        if log.span is not None:
            last = last + log.span
        key = (log.child.astype(np.int64) << 33) + last
    if len(key) < 2 or bool((key[1:] >= key[:-1]).all()):
        return None
    return np.argsort(key, kind="stable").astype(np.int32)
