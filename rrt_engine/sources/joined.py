"""Put event logs that cover the same together as one, and set apart those that do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT
from rrt_engine.model import Attribute, Coverage, EventLog
from rrt_engine.sources.builder import sorted_log


def joined(logs: Sequence[EventLog]) -> list[EventLog]:
    """One log for each coverage, in the order first met.

    Logs that cover different things stay apart: what one can hold and another cannot would otherwise be lost, and its silence
    read as something that was never done. So do logs with a child's id in common, which sources were found to mean two children by.
    """
    groups: list[tuple[Any, set[str], list[EventLog]]] = []
    for log in logs:
        covers, ids = _covers(log.coverage), set(map(str, log.children))
        for known, there, group in groups:
            if known == covers and not there & ids:
                there |= ids
                group.append(log)
                break
        else:
            groups.append((covers, ids, [log]))
    return [group[0] if len(group) == 1 else _together(group) for _, _, group in groups]


def _covers(coverage: Coverage) -> Any:
    return coverage.kinds, tuple(sorted(coverage.since.items())), tuple(sorted(coverage.until.items())), coverage.latest, coverage.whole


def _together(logs: list[EventLog]) -> EventLog:
    kinds = tuple(sorted({kind for log in logs for kind in log.kinds}))
    refs = tuple(sorted({ref for log in logs for ref in log.refs}))
    children = np.array(sorted(str(child) for log in logs for child in log.children), dtype=object)
    origins = tuple(dict.fromkeys(origin for log in logs for origin in log.origins))
    numbers = {child: i for i, child in enumerate(children)}
    child_of = [np.array([numbers[str(c)] for c in log.children], np.int32) for log in logs]

    def recoded(name: str, before: str, after: tuple[str, ...], dtype: Any) -> Any:
        places = {value: i for i, value in enumerate(after)}
        parts = []
        for log in logs:
            codes = getattr(log, name)
            table = np.array([*(places[v] for v in getattr(log, before)), -1], dtype)
            parts.append(np.full(len(log), -1, dtype) if codes is None else table[codes])
        return np.concatenate(parts)

    def column(name: str, empty: Any, dtype: Any) -> Any:
        if all(getattr(log, name) is None for log in logs):
            return None
        return np.concatenate([np.full(len(log), empty, dtype) if getattr(log, name) is None else getattr(log, name) for log in logs])

    def of_children(name: str) -> Any:
        found = np.full(len(children), NO_DAY, np.int32)
        for log, place in zip(logs, child_of, strict=True):
            days = getattr(log, name)
            if days is not None:
                found[place] = days
        return found if bool((found != NO_DAY).any()) else None

    def attribute(name: str) -> Attribute:
        values: dict[tuple[type, Any], int] = {}
        parts = []
        for log in logs:
            own = log.attributes.get(name)
            if own is None:
                parts.append(np.full(len(log), -1, np.int32))
                continue
            table = np.array([*(values.setdefault((type(v), v), len(values)) for v in own.values), -1], np.int32)
            parts.append(table[own.codes])
        return Attribute(np.concatenate(parts), tuple(value for _, value in values))

    return sorted_log(
        EventLog(
            children=children,
            kinds=kinds,
            child=np.concatenate([place[log.child] for log, place in zip(logs, child_of, strict=True)]),
            kind=recoded("kind", "kinds", kinds, np.int16),
            day=np.concatenate([log.day for log in logs]),
            instant=column("instant", NO_INSTANT, np.int64),
            span=column("span", 0, np.int32),
            ref=recoded("ref", "refs", refs, np.int32) if refs else None,
            refs=refs,
            recorded=column("recorded", NO_DAY, np.int32),
            latest_only=column("latest_only", False, np.bool_),
            suspect=column("suspect", False, np.bool_),
            attributes={name: attribute(name) for name in dict.fromkeys(name for log in logs for name in log.attributes)},
            born=of_children("born"),
            expected=of_children("expected"),
            born_also=of_children("born_also"),
            expected_also=of_children("expected_also"),
            coverage=logs[0].coverage,
            origins=origins,
            origin=recoded("origin", "origins", origins, np.int32),
            origin_row=column("origin_row", 0, np.int32),
        )
    )
