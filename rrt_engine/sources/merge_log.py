"""The merged events as an event log: each ref written as what its thing is called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT
from rrt_engine.model import Attribute, Coverage, EventLog, Int8s, Int32s, Int64s
from rrt_engine.sources.merge_table import Merger, Part, Table
from rrt_engine.sources.merge_things import FULL, LAST_PART, OTHER, distinct


def log_of(merger: Merger, whole: Table, thing: Int32s, called: Sequence[str], children: Sequence[str], coverage: Coverage) -> EventLog:
    """The merged rows as an event log."""
    refs: dict[str, int] = {}
    ref = np.full(len(whole), -1, np.int32)
    style = np.where(whole.node >= 0, whole.style, OTHER).min(axis=1, initial=OTHER)
    _write_refs(whole, thing, style, called, refs, ref)
    plain = np.flatnonzero((thing < 0) & (whole.text >= 0))
    texts, place = np.unique(whole.text[plain], return_inverse=True)
    if len(texts):
        ref[plain] = np.array([refs.setdefault(merger.texts[i], len(refs)) for i in texts.tolist()], np.int32)[place]
    used = np.flatnonzero(np.bincount(whole.kind, minlength=len(merger.kinds)))
    kinds = tuple(merger.kinds[i] for i in used.tolist())
    timed = bool((whole.instant != NO_INSTANT).any())
    attributes = {
        name: Attribute(whole.codes[name], tuple(v for _, v in values))
        for name, values in merger.values.items()
        if name in whole.codes and (whole.codes[name] >= 0).any()
    }
    return EventLog(
        children=np.array(children, object),
        kinds=kinds,
        child=whole.child.astype(np.int32),
        kind=np.searchsorted(used, whole.kind).astype(np.int16),
        day=whole.day.astype(np.int32),
        instant=whole.instant if timed else None,
        span=whole.span.astype(np.int32) if whole.span.any() else None,
        ref=ref if refs else None,
        refs=tuple(refs),
        recorded=whole.recorded if (whole.recorded != NO_DAY).any() else None,
        latest_only=whole.latest_only if whole.latest_only.any() else None,
        suspect=whole.suspect if whole.suspect.any() else None,
        attributes=attributes,
        coverage=coverage,
        origins=tuple(merger.origins),
        origin=whole.origin,
        origin_row=whole.row,
    )


def _write_refs(whole: Table, thing: Int32s, style: Int8s, called: Sequence[str], refs: dict[str, int], ref: Int32s) -> None:
    """Write what each row's thing is called: in full, or as its last part where the row had no more and that is enough."""
    short = np.flatnonzero((thing >= 0) & (style == LAST_PART))
    if len(short):
        last = [name.rpartition("/")[2] for name in called]
        parts: dict[str, int] = {}
        part = np.array([parts.setdefault(p, len(parts)) for p in last], np.int64)
        named = np.flatnonzero(thing >= 0)
        child, of = whole.child[named].astype(np.int64), thing[named].astype(np.int64)
        pairs = np.unique(np.stack([child, part[of], of]), axis=1)
        key, mine = (pairs[0] << 32) | pairs[1], (whole.child[short].astype(np.int64) << 32) | part[thing[short]]
        several = np.searchsorted(key, mine, "right") - np.searchsorted(key, mine) > 1
        style = style.copy()
        style[short[several]] = FULL
        _coded(thing, np.flatnonzero((thing >= 0) & (style == LAST_PART)), last, refs, ref)
    _coded(thing, np.flatnonzero((thing >= 0) & (style != LAST_PART)), called, refs, ref)


def _coded(thing: Int32s, rows: Int64s, names: Sequence[str], refs: dict[str, int], ref: Int32s) -> None:
    """Give rows the code of what their thing is called."""
    used = distinct(thing[rows].astype(np.int64))
    code = np.zeros(len(names), np.int32)
    code[used] = np.array([refs.setdefault(names[i], len(refs)) for i in used.tolist()], np.int32)
    ref[rows] = code[thing[rows]]


def births_of(parts: Sequence[Part], name: str, children: int) -> Int32s | None:
    """Each child's date of birth, or expected one, or another given for the same id, as the first source that knows it has it."""
    found = np.full(children, NO_DAY, np.int32)
    for part in parts:
        column = getattr(part.log, name)
        if column is None:
            continue
        mine = np.flatnonzero(part.child >= 0)
        blank = found[part.child[mine]] == NO_DAY
        found[part.child[mine[blank]]] = column[mine[blank]]
    return found if (found != NO_DAY).any() else None
