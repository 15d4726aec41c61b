"""Dates that cannot be right: an event long before conception, or a visit to a child who has died.

Such events are set apart. A duty they start or answer cannot be told, and is in nobody's denominator.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import Bools, EventLog, Int32s
from rrt_engine.rulebook.book import EventKind

WEEKS_OF_PREGNANCY = 280
"""A child cannot be referred more than 40 weeks before birth (CIN census rule 8606)."""
NEVER = np.iinfo(np.int32).max


def suspect_rows(log: EventLog, events: Mapping[str, EventKind], visible: Bools | None) -> Bools | None:
    """Which events have dates that cannot be right; None when all can be. Includes those a reader already marked."""
    suspect = None if log.suspect is None else log.suspect.copy()

    def mark(rows: Bools) -> None:
        nonlocal suspect
        if rows.any():
            suspect = rows if suspect is None else suspect | rows

    if log.born is not None or log.expected is not None:
        none = np.full(len(log.children), NO_DAY, np.int32)
        born = none if log.born is None else log.born
        expected = none if log.expected is None else log.expected
        conceived = np.where(born == NO_DAY, expected, born).astype(np.int64)[log.child] - WEEKS_OF_PREGNANCY  # long ago if unknown
        mark(log.day < conceived)
    died = death_days(log, visible)
    if died is not None:
        living = np.array([bool(events[k].with_child) if k in events else False for k in log.kinds])
        mark(living[log.kind] & (log.day > died[log.child]))
    return suspect


def death_days(log: EventLog, visible: Bools | None) -> Int32s | None:
    """The day on which each child is first recorded to have died, NEVER where it is not; None where no death is recorded.

    Only the visible events count. Returns int32[m], one a child.
    """
    if "child_died" not in log.kinds:
        return None
    happened = log.kind == log.kinds.index("child_died")
    deaths = np.flatnonzero(happened if visible is None else happened & visible)
    if not len(deaths):
        return None
    died = np.full(len(log.children), NEVER, np.int32)
    np.minimum.at(died, log.child[deaths], log.day[deaths])
    return died


def after_death(log: EventLog, died: Int32s | None, rows: Int32s) -> Int32s:
    """For each of some rows, the day on which its child had died, where the row is of a later day; NO_DAY elsewhere.

    `died` is from `death_days`. News of a death may itself be a referral, so such a row is not wrong: somebody has to look.
    """
    if died is None:
        return np.full(len(rows), NO_DAY, np.int32)
    day = died[log.child[rows]]
    found: Int32s = np.where(log.day[rows] > day, day, np.int32(NO_DAY)).astype(np.int32)
    return found
