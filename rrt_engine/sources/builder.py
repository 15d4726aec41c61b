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


class LogBuilder:
    """Collects events one at a time, in columns, so that a million of them fit in some tens of megabytes.

    `events` is the vocabulary. Call `add` for each event and `child` for what is known of a child, then `build`.
    """

    def __init__(self, events: Mapping[str, EventKind]) -> None:
        self.events = events
        self.origins: list[str] = []
        self._children: dict[str, int] = {}
        self._born, self._expected = array("i"), array("i")
        self._kinds: dict[str, int] = {}
        self._refs: dict[str, int] = {}
        self._attributes: dict[str, _Values] = {}
        self._child, self._kind, self._day, self._instant, self._span = array("i"), array("h"), array("i"), array("q"), array("i")
        self._ref, self._recorded, self._origin, self._row = array("i"), array("i"), array("i"), array("i")
        self._latest_only, self._suspect = array("b"), array("b")

    def __len__(self) -> int:
        return len(self._child)

    def origin(self, name: str) -> int:
        """The number of a source file or sheet, for `add`."""
        if name not in self.origins:
            self.origins.append(name)
        return self.origins.index(name)

    def child(self, child_id: str, born: int = NO_DAY, expected: int = NO_DAY) -> None:
        """Record a child's date of birth or expected date of birth, as day numbers; later calls fill gaps."""
        code = self._child_code(child_id)
        if self._born[code] == NO_DAY:
            self._born[code] = born
        if self._expected[code] == NO_DAY:
            self._expected[code] = expected

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
        if attributes:
            for name, value in attributes.items():
                values = self._attributes.setdefault(name, _Values())
                values.rows.append(len(self._child))
                values.row_codes.append(values.codes.setdefault((type(value), value), len(values.codes)))
        self._child.append(self._child_code(child_id))
        self._kind.append(self._kinds.setdefault(kind, len(self._kinds)))
        self._day.append(at.day)
        self._instant.append(at.instant)
        self._span.append(at.span)
        self._ref.append(self._refs.setdefault(ref, len(self._refs)) if ref else -1)
        self._recorded.append(recorded)
        self._latest_only.append(latest_only)
        self._suspect.append(suspect)
        self._origin.append(origin)
        self._row.append(row)

    def build(self, coverage: Coverage = Coverage()) -> EventLog:
        """The event log, sorted by child and time. Children without events are kept."""
        names, child_rank = _ranked(self._children)
        kinds, kind_rank = _ranked(self._kinds)
        refs, ref_rank = _ranked(self._refs)
        by_name = np.argsort(child_rank, kind="stable")

        def column(values: array[int], empty: int | None = None, dtype: Any = None) -> Any:
            """The column, or None where every entry is `empty`. A copy: the builder may still grow."""
            found = np.array(values, dtype=dtype)
            return None if empty is not None and bool((found == empty).all()) else found

        ref = column(self._ref, -1)
        return sorted_log(
            EventLog(
                children=np.array(names, dtype=object),
                kinds=tuple(kinds),
                child=child_rank[np.array(self._child, np.int32)],
                kind=kind_rank[np.array(self._kind, np.int16)].astype(np.int16),
                day=column(self._day),
                instant=column(self._instant, NO_INSTANT),
                span=column(self._span, 0),
                ref=None if ref is None else np.append(ref_rank, np.int32(-1))[ref],
                refs=tuple(refs),
                recorded=column(self._recorded, NO_DAY),
                latest_only=column(self._latest_only, 0, np.bool_),
                suspect=column(self._suspect, 0, np.bool_),
                attributes={name: values.column(len(self)) for name, values in self._attributes.items()},
                born=None if (born := column(self._born, NO_DAY)) is None else born[by_name],
                expected=None if (expected := column(self._expected, NO_DAY)) is None else expected[by_name],
                coverage=coverage,
                origins=tuple(self.origins),
                origin=column(self._origin),
                origin_row=column(self._row),
            )
        )


def _ranked(codes: Mapping[str, int]) -> tuple[list[str], Int32s]:
    """The names in order, and for each code given as names were met its place in that order."""
    names = sorted(codes)
    rank = np.empty(len(names), np.int32)
    rank[np.fromiter((codes[n] for n in names), np.int64, len(names))] = np.arange(len(names), dtype=np.int32)
    return names, rank


_ROW_COLUMNS: Sequence[str] = ("child", "kind", "day", "instant", "span", "ref", "recorded", "latest_only", "suspect", "origin", "origin_row")


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
        key = (log.child.astype(np.int64) << 32) + log.day
    else:
        dated = log.instant == NO_INSTANT
        last = np.where(dated, midnight(log.day + 1) - 1, log.instant)
        if log.span is not None:
            last = last + log.span
        key = (log.child.astype(np.int64) << 33) + last
    if len(key) < 2 or bool((key[1:] >= key[:-1]).all()):
        return None
    return np.argsort(key, kind="stable").astype(np.int32)
