"""Build an event log: what every reader does last. Sorting, codes and typed attributes live here, once."""

from __future__ import annotations

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
class LogBuilder:
    """Collects events one at a time, for readers of small and medium files.

    `events` is the vocabulary. Call `add` for each event and `child` for what is known of a child, then `build`.
    """

    events: Mapping[str, EventKind]
    origins: list[str] = field(default_factory=list)
    _rows: list[tuple[str, str, Moment, str | None, int, bool, bool, int, int]] = field(default_factory=list)
    _attributes: dict[str, dict[int, AttributeValue]] = field(default_factory=dict)
    _children: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._rows)

    def origin(self, name: str) -> int:
        """The number of a source file or sheet, for `add`."""
        if name not in self.origins:
            self.origins.append(name)
        return self.origins.index(name)

    def child(self, child_id: str, born: int = NO_DAY, expected: int = NO_DAY) -> None:
        """Record a child's date of birth or expected date of birth, as day numbers; later calls fill gaps."""
        had = self._children.get(child_id, (NO_DAY, NO_DAY))
        self._children[child_id] = (had[0] if had[0] != NO_DAY else born, had[1] if had[1] != NO_DAY else expected)

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
        self._children.setdefault(child_id, (NO_DAY, NO_DAY))
        for name, value in (attributes or {}).items():
            self._attributes.setdefault(name, {})[len(self._rows)] = value
        self._rows.append((child_id, kind, at, ref, recorded, latest_only, suspect, origin, row))

    def build(self, coverage: Coverage = Coverage()) -> EventLog:
        """The event log, sorted by child and time. Children without events are kept."""
        names = sorted(self._children)
        index = {name: i for i, name in enumerate(names)}
        kinds = sorted({r[1] for r in self._rows})
        kind_code = {k: i for i, k in enumerate(kinds)}
        refs = sorted({r[3] for r in self._rows if r[3]})
        ref_code: dict[str | None, int] = {r: i for i, r in enumerate(refs)}
        n = len(self._rows)

        def column(values: Any, dtype: Any) -> Any:
            return np.fromiter(values, dtype=dtype, count=n)

        timed = any(r[2].instant != NO_INSTANT for r in self._rows)
        born = np.array([self._children[c][0] for c in names], np.int32)
        expected = np.array([self._children[c][1] for c in names], np.int32)
        attributes: dict[str, Attribute] = {}
        for name, by_row in self._attributes.items():
            values = list(dict.fromkeys((type(v), v) for v in by_row.values()))
            code = {v: i for i, v in enumerate(values)}
            codes = np.full(n, -1, np.int32)
            for row, value in by_row.items():
                codes[row] = code[(type(value), value)]
            attributes[name] = Attribute(codes, tuple(v for _, v in values))
        return sorted_log(
            EventLog(
                children=np.array(names, dtype=object),
                kinds=tuple(kinds),
                child=column((index[r[0]] for r in self._rows), np.int32),
                kind=column((kind_code[r[1]] for r in self._rows), np.int16),
                day=column((r[2].day for r in self._rows), np.int32),
                instant=column((r[2].instant for r in self._rows), np.int64) if timed else None,
                span=column((r[2].span for r in self._rows), np.int32) if any(r[2].span for r in self._rows) else None,
                ref=column((ref_code.get(r[3], -1) for r in self._rows), np.int32) if refs else None,
                refs=tuple(refs),
                recorded=column((r[4] for r in self._rows), np.int32) if any(r[4] != NO_DAY for r in self._rows) else None,
                latest_only=column((r[5] for r in self._rows), np.bool_) if any(r[5] for r in self._rows) else None,
                suspect=column((r[6] for r in self._rows), np.bool_) if any(r[6] for r in self._rows) else None,
                attributes=attributes,
                born=born if (born != NO_DAY).any() else None,
                expected=expected if (expected != NO_DAY).any() else None,
                coverage=coverage,
                origins=tuple(self.origins),
                origin=column((r[7] for r in self._rows), np.int32),
                origin_row=column((r[8] for r in self._rows), np.int32),
            )
        )


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
