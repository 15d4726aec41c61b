"""Dates that cannot be right: an event long before conception, or a visit to a child who has died.

Such events are set apart. A duty they start or answer cannot be told, and is in nobody's denominator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT
from rrt_engine.model import Bools, EventLog, Int32s, Int64s
from rrt_engine.rulebook.book import EventKind

WEEKS_OF_PREGNANCY = 280
"""A child cannot be referred more than 40 weeks before birth (CIN census rule 8606)."""
NEVER = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Deaths:
    """When each child is first recorded to have died. `day` int32[m] is the day, NEVER where no death is recorded.

    `at` int64[m] is the first UTC second by which a death with a time had happened for certain, the last there is where none has a time;
    None where none has in the whole log.
    """

    day: Int32s
    at: Int64s | None = None


def suspect_rows(log: EventLog, events: Mapping[str, EventKind], visible: Bools | None) -> Bools | None:
    """Which events have dates that cannot be right; None when all can be. Includes those a reader already marked."""
    suspect = None if log.suspect is None else log.suspect.copy()

    def mark(rows: Bools) -> None:
        nonlocal suspect
        if rows.any():
            suspect = rows if suspect is None else suspect | rows

    birth = births(log)
    if birth is not None:
        mark(log.day < birth.astype(np.int64)[log.child] - WEEKS_OF_PREGNANCY)  # long ago if unknown
    died = first_deaths(log, visible)
    if died is not None:
        living = np.array([bool(events[k].with_child) if k in events else False for k in log.kinds])
        mark(living[log.kind] & (log.day > died.day[log.child]))
    return suspect


def births(log: EventLog) -> Int32s | None:
    """Each child's date of birth, or else the expected one, int32[m]; NO_DAY where neither is known, None where no child has either."""
    if log.born is None or log.expected is None:
        return log.expected if log.born is None else log.born
    return np.where(log.born == NO_DAY, log.expected, log.born).astype(np.int32)


def first_deaths(log: EventLog, visible: Bools | None) -> Deaths | None:
    """When each child is first recorded to have died; None where no death is recorded. Only the visible events count."""
    if "child_died" not in log.kinds:
        return None
    happened = log.kind == log.kinds.index("child_died")
    deaths = np.flatnonzero(happened if visible is None else happened & visible)
    if not len(deaths):
        return None
    died = np.full(len(log.children), NEVER, np.int32)
    np.minimum.at(died, log.child[deaths], log.day[deaths])
    if log.instant is None:
        return Deaths(died)
    timed = deaths[log.instant[deaths] != NO_INSTANT]
    if not len(timed):
        return Deaths(died)
    at = np.full(len(log.children), np.iinfo(np.int64).max, np.int64)
    np.minimum.at(at, log.child[timed], log.instant[timed] + (0 if log.span is None else log.span[timed]))
    return Deaths(died, at)


def after_death(log: EventLog, died: Deaths | None, rows: Int32s) -> Int32s:
    """For each of some rows, the day on which its child had died, where the row is certainly later; NO_DAY elsewhere.

    On the day of the death a row is later only where both have a time. `died` is from `first_deaths`. News of a death may itself be a
    referral, so such a row is not wrong: somebody has to look.
    """
    if died is None:
        return np.full(len(rows), NO_DAY, np.int32)
    child = log.child[rows]
    day = died.day[child]
    later = log.day[rows] > day
    if died.at is not None and log.instant is not None:
        began = log.instant[rows]
        later |= (log.day[rows] == day) & (began != NO_INSTANT) & (began > died.at[child])
    found: Int32s = np.where(later, day, np.int32(NO_DAY)).astype(np.int32)
    return found
