"""Who the children are: families of brothers and sisters, when they are born, and when something first brings them to notice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import birthdays
from rrt_engine.synth.draw import Bools, Draw, Ints
from rrt_engine.synth.figures import Settings

BLOCK = 5_000
"""Children in a block. A block is made from the seed and its own number alone, so a child is the same however many are made."""
ORDINARY, NOTED, ALONE, FOSTERED = range(4)
"""What brings a family: a referral; contacts that come to nothing more; arriving alone from abroad; private fostering."""
FAR = 40_000
"""A day number after all others: something that never happens."""


@dataclass
class Families:
    """The families of a block. `family` indexes families by child; the rest by family, but for `born`, `adult`, `gone` and `unborn`.

    `gone` is the day a child dies or moves away (FAR where neither); `died` says which of the two. `unborn` marks children who were
    not yet born when the family first came to notice. `open_until` is the day until which a child's case stays open.
    """

    family: Ints
    sort: Ints
    arrives: Ints
    district: Ints
    born: Ints
    adult: Ints
    gone: Ints
    died: Bools
    unborn: Bools
    male: Bools
    open_until: Ints

    def age(self, child: Ints, day: Ints) -> Ints:
        """Ages in whole years, near enough for a choice by age (negative before birth)."""
        return np.floor((day - self.born[child]) / 365.25).astype(np.int64)

    def until(self, child: Ints) -> Ints:
        """The last day on which anything can go on for a child: the day before the eighteenth birthday, or of death or moving away."""
        return np.minimum(self.adult[child] - 1, self.gone[child])

    def is_child(self, child: Ints, day: Ints) -> Bools:
        """Which are under 18 and still here on a day, unborn children from about twenty weeks of pregnancy included."""
        return (day < self.adult[child] - 7) & (day > self.born[child] - 150) & (day < self.gone[child])


def make(draw: Draw, s: Settings, first: int, last: int) -> Families:
    """The families of one block, with BLOCK children between them."""
    sizes = 1 + draw.pick([s["family_of_1"], s["family_of_2"], s["family_of_3"], s["family_of_4"], s["family_of_5"]], BLOCK)
    sort = draw.pick([1, s["noted_families"], s["alone_families"], s["fostered_families"]], BLOCK)
    sizes = np.where((sort == ALONE) | (sort == FOSTERED), 1, sizes)
    upto = np.cumsum(sizes)
    n = int(np.searchsorted(upto, BLOCK)) + 1
    sizes, sort = sizes[:n], sort[:n]
    sizes[-1] -= int(upto[n - 1]) - BLOCK
    family = np.repeat(np.arange(n), sizes)
    arrives = first + (draw.uniform(n) * (last - first + 1)).astype(np.int64)
    order = np.arange(BLOCK) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # 0 for the youngest
    gap = 300 + draw.spread(s["sibling_gap_days"], BLOCK)
    youngest = np.where(draw.chance(s["infants"], n), draw.rng.random(n) * 365, draw.rng.random(n) ** s["youngest_lean"] * 17.6 * 365.25)
    youngest = np.where(sort == ALONE, (15.6 + 2.1 * draw.rng.random(n) ** 0.7) * 365.25, youngest)
    youngest = np.where(sort == FOSTERED, (4 + 11 * draw.rng.random(n)) * 365.25, youngest)
    total = np.cumsum(np.where(order == 0, 0, gap))
    age = youngest[family] + total - total[np.flatnonzero(order == 0)][family]
    oldest = np.maximum.reduceat(age, np.flatnonzero(order == 0))[family]
    age = np.where(oldest > 17.6 * 365.25, age * (17.6 * 365.25 / oldest), age)
    unborn = (order == 0) & (sort == ORDINARY)[family] & draw.chance(s["unborn"], BLOCK)
    age = np.where(unborn, -draw.whole(20, 130, BLOCK), age)
    born = (arrives[family] - age).astype(np.int64)
    gone = np.where(draw.chance(s["deaths"], BLOCK), arrives[family] + draw.whole(5, 2_000, BLOCK), FAR)
    died = (gone < last) & (gone > born)
    moves = draw.chance(s["moves_away"], BLOCK) & ~died
    gone = np.where(moves, arrives[family] + draw.whole(20, 2_000, BLOCK), np.where(died, gone, FAR))
    adult = birthdays(born, 18).astype(np.int64)
    return Families(
        family,
        sort,
        arrives,
        draw.whole(0, int(s["districts"]) - 1, n),
        born,
        adult,
        gone,
        died,
        unborn,
        draw.chance(0.53, BLOCK) | (sort == ALONE)[family] & draw.chance(0.9, BLOCK),
        np.zeros(BLOCK, np.int64),
    )
