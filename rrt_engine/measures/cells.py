"""A figure and what it rests on: numerator, denominator, what is shown apart, bands, quartiles, and what must be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rrt_engine.measures.compute import NO_VALUE, STATES, Members
from rrt_engine.model import Int32s
from rrt_engine.rulebook.measure_schema import Measure

Basis = Literal["period", "snapshot", "now"]
PER = 10_000
"""Rates are of so many people."""


@dataclass(frozen=True)
class Window:
    """A stretch of days, both inclusive, that a figure is of."""

    first: int
    last: int


@dataclass(frozen=True)
class Cell:
    """One figure. `value` is a share from 0 to 1, a number, a rate or days, as the measure shows; None where nothing can be said.

    `numerator` of `denominator` rest on what could be judged; `cannot_tell`, `before_records` and `aside` are shown apart. `bands`
    counts the values in each band. `says` is what must be said of it: why there is no figure, or how it is to be read. `hidden`
    says that it is left out because numbers in it are small.
    """

    numerator: int | None = 0
    denominator: int | None = 0
    cannot_tell: int | None = 0
    before_records: int | None = 0
    aside: int | None = 0
    value: float | None = None
    bands: tuple[int | None, ...] = ()
    quartiles: tuple[float, float, float] | None = None
    mean: float | None = None
    says: str = ""
    hidden: bool = False


NOTHING = Cell(None, None, None, None, None)


def cell_of(measure: Measure, parts: Sequence[Members], population: int | None, says: str = "") -> Cell:
    """The figure of one period over the cases of every source, pooled."""
    assert measure.compute
    state = np.concatenate([part.state for part in parts]) if parts else np.zeros(0, np.int8)
    counts = dict(zip(STATES, np.bincount(state, minlength=len(STATES)).tolist(), strict=True))
    numerator, denominator = counts["counts"], counts["counts"] + counts["other"]
    value: float | None = None
    bands: tuple[int, ...] = ()
    quartiles = mean = None
    if measure.compute.value is not None:
        values: Int32s = np.concatenate([p.value for p in parts if p.value is not None] or [np.zeros(0, np.int32)])
        values = np.sort(values[(state < 2) & (values != NO_VALUE)])
        bands = banded(values, [band.to for band in measure.compute.bands])
        if len(values):
            quartiles = (ranked(values, 0.25), ranked(values, 0.5), ranked(values, 0.75))
            mean = float(values.mean())
    match measure.show:
        case "percent":
            value = numerator / denominator if denominator else None
            says = says or ("" if denominator else "nothing to judge")
        case "number":
            value = float(numerator)
        case "rate":
            value = numerator * PER / population if population else None
            says = says or ("" if population else "needs the population: --population N")
        case "median":
            value = quartiles[1] if quartiles else None
        case "mean":
            value = mean
    if measure.show in ("median", "mean") and value is None:
        says = says or "nothing to judge"
    return Cell(
        numerator, denominator, counts["cannot_tell"], counts["before_records"], counts["aside"], value, bands, quartiles, mean, says
    )


def banded(values: Int32s, ends: Sequence[int | None]) -> tuple[int, ...]:
    """How many sorted values fall in each band, by the greatest value in each.

    >>> banded(np.array([0, 10, 11, 46]), [0, 10, 45, None])
    (1, 1, 1, 1)
    """
    upto = [len(values) if end is None else int(np.searchsorted(values, end, "right")) for end in ends]
    return tuple(int(n) for n in np.diff([0, *upto]))


def ranked(values: Int32s, share: float) -> float:
    """The value at or below which at least a share of sorted values lie; between two of them where they meet there.

    >>> ranked(np.array([1, 2, 3, 4]), 0.5), ranked(np.array([1, 2, 3]), 0.25)
    (2.5, 1.0)
    """
    return float(np.quantile(values, share, method="averaged_inverted_cdf"))
