"""Small numbers left out of tables, so that nobody can be found in them: the small ones, and what would give them away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Cell = tuple[int, int]
TOTAL = -1
"""The place of a total in a row or column."""


@dataclass(frozen=True)
class Grid:
    """A table of counts with its totals; None where a number is left out."""

    cells: tuple[tuple[int | None, ...], ...]
    rows: tuple[int | None, ...]
    columns: tuple[int | None, ...]
    total: int | None


def shown(count: int, under: int) -> int | None:
    """One count, None where it is small.

    >>> shown(3, 5), shown(0, 5), shown(3, 0)
    (None, 0, 3)
    """
    return None if 0 < count < under else count


def line(counts: Sequence[int], under: int) -> list[int | None]:
    """Counts that are shown with their total: small ones left out, and more until what is left out is two numbers or more
    that together are not small.

    >>> line([40, 3, 12], 5), line([40, 0, 12], 5), line([40, 3, 2, 12], 5)
    ([40, None, None], [40, 0, 12], [40, None, None, 12])
    """
    hidden = {i for i, n in enumerate(counts) if 0 < n < under}
    while hidden and len(hidden) < len(counts) and (len(hidden) == 1 or sum(counts[i] for i in hidden) < under):
        hidden.add(min((i for i in range(len(counts)) if i not in hidden), key=lambda i: (counts[i] == 0, counts[i])))
    return [None if i in hidden else n for i, n in enumerate(counts)]


def grid(counts: Sequence[Sequence[int]], under: int) -> Grid:
    """A table whose rows and columns are the same levels, with its totals.

    Small numbers are left out, and more until none of them can be worked out from what is shown: not from the rows, columns
    and totals, nor from the sums on the diagonal, above and below it, which are told elsewhere.
    """
    size = range(len(counts))
    values: dict[Cell, int] = {(i, j): counts[i][j] for i in size for j in size}
    values |= {(i, TOTAL): sum(counts[i]) for i in size} | {(TOTAL, j): sum(row[j] for row in counts) for j in size}
    total = sum(map(sum, counts))
    small = [cell for cell, n in values.items() if 0 < n < under]
    hidden = set(small) if total >= under or not small else set(values)
    while decided := next((c for c in sorted(small) if not _undecided(c, values, hidden)), None):
        left = sorted((c for c in values if c not in hidden), key=lambda c: (TOTAL in c, values[c] == 0, values[c], c))
        if not left:
            break
        beside = [c for c in left if decided[0] == c[0] or decided[1] == c[1]]
        enough = (c for c in left if _undecided(decided, values, hidden | {c}))
        hidden.add(next(enough, (beside or left)[0]))

    def cell(at: Cell) -> int | None:
        return None if at in hidden else values[at]

    rows, columns = tuple(cell((i, TOTAL)) for i in size), tuple(cell((TOTAL, j)) for j in size)
    return Grid(tuple(tuple(cell((i, j)) for j in size) for i in size), rows, columns, shown(total, under))


def _undecided(cell: Cell, values: Mapping[Cell, int], hidden: set[Cell]) -> bool:
    """Whether a number that is left out could as well be one more or one less, with all that is shown as it is.

    One more in a cell is made good in its column by one less in another that is left out, that one in its row, and so on round
    to the row of the first. A total moves the other way from what it adds up. Nothing may fall below nought, and the sums above
    and below the diagonal stay.
    """
    by_row: dict[int, list[Cell]] = {}
    by_column: dict[int, list[Cell]] = {}
    for each in hidden - {cell}:
        by_row.setdefault(each[0], []).append(each)
        by_column.setdefault(each[1], []).append(each)

    def home(at: int, along_row: bool, change: int, seen: frozenset[tuple[bool, int]], above: int, below: int) -> bool:
        """Whether, from a row or column in which `change` is to be made good, the row of the first cell can be reached."""
        for each in (by_row if along_row else by_column).get(at, ()):
            step = change if TOTAL in each else -change
            if values[each] + step < 0:
                continue
            over, under = above + step * _is_above(each), below + step * _is_below(each)
            following = (not along_row, each[1] if along_row else each[0])
            if following == (True, cell[0]):
                if over == under == 0:
                    return True
            elif following not in seen and home(following[1], following[0], -change, seen | {following}, over, under):
                return True
        return False

    for change in (1, -1):
        step = -change if TOTAL in cell else change
        if values[cell] + step >= 0:
            seen = frozenset({(False, cell[1])})
            if home(cell[1], False, change, seen, step * _is_above(cell), step * _is_below(cell)):
                return True
    return False


def _is_above(cell: Cell) -> int:
    return int(TOTAL not in cell and cell[1] > cell[0])


def _is_below(cell: Cell) -> int:
    return int(TOTAL not in cell and cell[1] < cell[0])
