"""Who holds a case: the team and the worker recorded last, on or before the day that is judged by."""

from __future__ import annotations

import numpy as np

from rrt_engine.calendar import NO_INSTANT, Moment
from rrt_engine.model import EventLog, Int32s


def latest_recorded(
    log: EventLog, attribute: str, as_of: Moment, names: list[str], numbers: dict[str, int], as_known: int | None = None
) -> Int32s:
    """Each child's latest recorded value of an attribute on or before the as-of moment, as a place in `names`; 0 for none.

    `names` and `numbers` grow with the values that are met, so that several logs can share them; `names[0]` stands for none.
    With `as_known`, a day number, only what was recorded by then counts. Returns int32[m], one a child.
    """
    held = np.zeros(len(log.children), np.int32)
    column = log.attributes.get(attribute)
    if column is None:
        return held
    texts = [str(value).strip() for value in column.values]
    for text in texts:
        if text and text not in numbers:
            numbers[text] = len(names)
            names.append(text)
    table = np.array([*(numbers.get(text, 0) for text in texts), 0], np.int32)
    code = table[column.codes]  # code -1 reads the last entry
    seen = (code > 0) & (log.day <= as_of.day)
    if as_of.instant != NO_INSTANT and log.instant is not None:
        seen &= (log.instant <= as_of.instant) | (log.instant == NO_INSTANT)
    if as_known is not None:
        seen &= log.recorded_by(as_known)
    rows = np.flatnonzero(seen)
    held[log.child[rows]] = code[rows]  # rows are in order of time, and the last one written stands
    return held
