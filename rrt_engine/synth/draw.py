"""Chance, in columns: shares, bands, answers near a limit and times of day, all from one seeded generator.

Uniform numbers are drawn in strata (one in each of n equal parts, in random order), so that a share asked of a thousand
children is met to within a child or two and not to within the luck of the draw. Each number taken alone is uniform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rrt_engine.calendar import Calendar, add_months

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Share = float | Floats

BANK = 8 * 3600, 18 * 3600
"""The hours in which most of the work is done, in seconds after midnight."""


@dataclass(frozen=True)
class Band:
    """Durations from one whole number to another, and how many there were. `lean` above 1 piles them up at the upper end."""

    low: int
    high: int
    count: float
    lean: float = 1.0


@dataclass(frozen=True)
class Punctual:
    """How far before a limit things are done, and how far after it, as mean numbers of days; and the share on time."""

    on_time: Share
    early: float
    late: float


@dataclass(frozen=True)
class Draw:
    """One generator, the calendar of the rule set, and the last day of the record."""

    rng: np.random.Generator
    calendar: Calendar
    last: int

    def uniform(self, n: int) -> Floats:
        """n numbers from 0 to 1, one in each of n equal parts, in random order."""
        return (self.rng.permutation(n) + self.rng.random(n)) / max(n, 1)

    def chance(self, share: Share, n: int) -> Bools:
        """Which of n it happens to."""
        return self.uniform(n) < share

    def whole(self, low: int, high: int, n: int) -> Ints:
        """Whole numbers from low to high, both included."""
        return low + (self.uniform(n) * (high - low + 1)).astype(np.int64)

    def spread(self, mean: float, n: int) -> Ints:
        """Whole numbers from 0 with a mean and a long tail."""
        return (-mean * np.log1p(-self.uniform(n) * 0.9995)).astype(np.int64)

    def pick(self, weights: Sequence[float] | Mapping[str, float], n: int) -> Ints:
        """Which of several, by weight."""
        values = list(weights.values()) if isinstance(weights, Mapping) else list(weights)
        edges = np.cumsum(values) / sum(values)
        which: Ints = np.minimum(np.searchsorted(edges, self.uniform(n), side="right"), len(values) - 1)
        return which

    def pick_by_row(self, weights: Floats, row: Ints) -> Ints:
        """Which of several, by the weights of each one's row of a table."""
        edges = np.cumsum(weights, axis=1)
        edges = edges / edges[:, -1:]
        u = self.rng.random(len(row))
        which: Ints = np.minimum((u[:, None] >= edges[row]).sum(axis=1), weights.shape[1] - 1)
        return which

    def banded(self, bands: Sequence[Band], n: int) -> Ints:
        """Durations whose bands have the shares given; the last band, where it is open, tails off."""
        which = self.pick([b.count for b in bands], n)
        low, high = (np.array([getattr(b, side) for b in bands])[which] for side in ("low", "high"))
        lean = np.array([b.lean for b in bands])[which]
        place = self.rng.random(n) ** (1 / lean)
        days: Ints = low + np.minimum((place * (high - low + 1)).astype(np.int64), high - low)
        return days

    # ------------------------------------------------------------------------------------------------ days

    def after(self, days: Ints, working: Ints | int) -> Ints:
        """So many working days after each day; the day itself for none."""
        moved = self.calendar.nth.take(self.calendar.upto_day(days) + working, mode="clip")
        return np.where(np.asarray(working) == 0, days, moved).astype(np.int64)

    def working(self, days: Ints, forward: bool = True) -> Ints:
        """Each day, or the next working day (or the last one before) where it is not one."""
        count = self.calendar.upto_day(days)
        moved = self.calendar.nth.take(count + 1 if forward else count, mode="clip")
        return np.where(self.calendar.is_working(days), days, moved).astype(np.int64)

    def by(self, start: Ints, due: Ints, how: Punctual) -> Ints:
        """Working days on which something due is done: most just before the limit, the rest after it."""
        n = len(start)
        on_time = self.chance(how.on_time, n)
        early = self.working(due - self.spread(how.early, n), forward=False)
        early = np.where(early < start, np.minimum(self.working(start), np.maximum(due, start)), early)
        late = self.working(due + 1 + self.spread(how.late, n))
        return np.where(on_time, early, late)

    def within(self, start: Ints, working: int, how: Punctual) -> Ints:
        """Done about a number of working days after a start."""
        return self.by(start, self.calendar.add_working_days(start, working).astype(np.int64), how)

    def months(self, start: Ints, n: int, how: Punctual) -> Ints:
        """Done about a number of months after a start."""
        return self.by(start, add_months(start, n).astype(np.int64), how)

    # ------------------------------------------------------------------------------------------------ times of day

    def office_hours(self, n: int) -> Ints:
        """Times of day in the working day, to five minutes."""
        return self.whole(BANK[0] // 300, BANK[1] // 300 - 1, n) * 300

    def evening(self, n: int) -> Ints:
        """Times of day from the evening to past midnight, to five minutes."""
        return self.whole(18 * 12, 24 * 12 - 1, n) * 300


def plain_clock(day: Ints, second: Ints) -> tuple[Ints, Ints]:
    """A day and a time that may have run past midnight, as a day and a time; never in the hour when clocks change.

    Clocks change at one in the morning on a Sunday in March or October, so no event is put there on any Sunday.
    """
    day = day + second // 86_400
    second = second % 86_400
    sunday = (day + 3) % 7 == 6
    return day, np.where(sunday & (second >= 3600) & (second < 7200), second + 7200, second)


def series(start: Ints, end: Ints, following: Any, limit: int = 400) -> tuple[Ints, Ints, Ints]:
    """Events that recur from a start until an end: which row each belongs to, its day, and its number from 0.

    `following(day, row, number)` gives the day after which the next one comes; it must move forward.
    """
    rows, days, numbers = [], [], []
    row, day = np.arange(len(start)), start.astype(np.int64)
    for number in range(limit):
        day = np.maximum(following(day, row, number), day + 1)
        keep = day <= end[row]
        row, day = row[keep], day[keep]
        if not len(row):
            break
        rows.append(row)
        days.append(day)
        numbers.append(np.full(len(row), number))
    if not rows:
        none = np.zeros(0, np.int64)
        return none, none, none
    return np.concatenate(rows), np.concatenate(days), np.concatenate(numbers)
