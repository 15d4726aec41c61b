"""Small numbers left out of measures, so that nobody can be found in them: the small ones, and what would give them away.

What could give a hidden month away: the total of the period and the other months; the rolling figures and those since April,
which are sums of months; the bands; another measure of the same cases; the quartiles of a handful. So a month that must be hidden is
hidden whole (numerator, denominator and share), with enough other months that neither what counts nor what does not can be worked
out from the total; the same months are hidden in every measure of the same cases; and rolling figures, and figures since April, are
left out where any month is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from rrt_engine.measures.cells import NOTHING, Cell
from rrt_engine.measures.run import Line, Measured
from rrt_engine.replay.suppress import line as shown_line
from rrt_engine.rulebook.measure_schema import Measure

HIDDEN = Cell(None, None, None, None, None, says="left out: small numbers", hidden=True)


def suppressed(found: Measured, under: int) -> Measured:
    """The measures with every number below `under` left out, and every other that would give one away."""
    if under <= 1:
        return found
    lines = list(found.lines)
    for group in _same_cases(lines):
        hidden = _months_to_hide([lines[i] for i in group], under)
        for i in group:
            lines[i] = _without(lines[i], hidden, under)
    return replace(found, lines=tuple(lines))


def _same_cases(lines: Sequence[Line]) -> list[list[int]]:
    """Lines by the cases they count: those whose denominators are the same are hidden in the same months."""
    groups: dict[str, list[int]] = {}
    for i, line in enumerate(lines):
        compute = line.measure.compute
        assert compute
        kinds = repr(compute.units.events.event if compute.units.events else compute.units)
        groups.setdefault(f"{line.basis} {kinds}", []).append(i)
    return list(groups.values())


def parts_of(measure: Measure, cell: Cell) -> tuple[int, ...]:
    """The numbers of people in a figure: those that count and those that do not, and those shown apart."""
    numerator, denominator = cell.numerator or 0, cell.denominator or 0
    rest = () if measure.show in ("number", "rate") else (denominator - numerator,)
    return (numerator, *rest, cell.cannot_tell or 0, cell.before_records or 0, cell.aside or 0)


def is_small(parts: Sequence[int], under: int) -> bool:
    """Whether any of the numbers is small."""
    return any(0 < n < under for n in parts)


def _months_to_hide(lines: Sequence[Line], under: int) -> set[int]:
    """The months that must be hidden in every one of some lines of the same cases.

    A month is hidden where a number in it is small. Where the lines are of what happened in the months, these add up to the total
    of the period: then months are added, fewest cases first, until what is hidden of each kind of case is two months or more that
    together are not small.
    """
    hidden: set[int] = set()
    while True:
        before = set(hidden)
        for line in lines:
            hidden |= hidden_months([parts_of(line.measure, cell) for cell in line.months], under, hidden, line.basis == "period")
        if hidden == before:
            return hidden


def hidden_months(months: Sequence[Sequence[int]], under: int, given: Collection[int] = (), adds_up: bool = True) -> set[int]:
    """Which months to hide, of the numbers in each: those that are small, those given, and enough others where they add up to a total.

    >>> sorted(hidden_months([(40, 10), (3, 20), (12, 6)], 5))
    [1, 2]
    """
    hidden = set(given) | {i for i, parts in enumerate(months) if is_small(parts, under)}
    if not hidden or not adds_up:
        return hidden
    kinds = range(len(months[0]))
    while len(hidden) < len(months):
        at_risk = [k for k in kinds if any(0 < months[i][k] < under for i in hidden)]
        left = [i for i in range(len(months)) if i not in hidden]
        poor = [k for k in at_risk if sum(months[i][k] for i in hidden) < under]
        if not poor:
            break
        # the month with the fewest cases that has some of the kind that is still at risk
        useful = [i for i in left if any(months[i][k] for k in poor)] or left
        hidden.add(min(useful, key=lambda i: (sum(months[i]), i)))
    return hidden


def _without(line: Line, hidden: set[int], under: int) -> Line:
    months = tuple(HIDDEN if i in hidden else _tidy(cell) for i, cell in enumerate(line.months))
    period_parts = parts_of(line.measure, line.period)
    period = HIDDEN if is_small(period_parts, under) else _bands(line, under)
    sums = (line.rolling, line.year)
    kept = [
        ()
        if not cells
        else tuple(replace(NOTHING, says=_SUMS) for _ in cells)
        if hidden or _any_small(line.measure, cells, under)
        else cells
        for cells in sums
    ]
    return replace(line, months=months, period=period, rolling=kept[0], year=kept[1])


_SUMS = "left out: with the months it would give a small number away"


def _any_small(measure: Measure, cells: Sequence[Cell], under: int) -> bool:
    return any(is_small(parts_of(measure, cell), under) for cell in cells)


def _tidy(cell: Cell) -> Cell:
    """A month without its bands and quartiles: those of a handful say too much, and the period has them."""
    return replace(cell, bands=(), quartiles=None, mean=None)


def _bands(line: Line, under: int) -> Cell:
    """The period's figure with small bands left out, on each side of the limit by itself, since each side's total is known."""
    cell, compute = line.period, line.measure.compute
    assert compute
    limit = next((c.value.at_most for c in compute.counts if c.value), None)
    counts = [n or 0 for n in cell.bands]
    inside = [i for i, band in enumerate(compute.bands) if limit is not None and band.to is not None and band.to <= limit]
    outside = [i for i in range(len(counts)) if i not in inside]
    bands: list[int | None] = list(counts)
    for side in (inside, outside):
        for i, n in zip(side, shown_line([counts[i] for i in side], under), strict=True):
            bands[i] = n
    few = (cell.denominator or 0) < 4 * under
    quartiles, mean = (None, None) if few else (cell.quartiles, cell.mean)
    if few and line.measure.show in ("median", "mean"):
        return HIDDEN
    return replace(cell, bands=tuple(bands), quartiles=quartiles, mean=mean)


__all__ = ["HIDDEN", "hidden_months", "is_small", "parts_of", "suppressed"]
