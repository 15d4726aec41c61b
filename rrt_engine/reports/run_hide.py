"""Small numbers left out of a table with totals: those that are small, and enough others that none of them can be worked out.

A number is small where fewer children than a given number stand behind it, however many duties they have. Three things could give
one away, and none may: a row or column of which all but one is shown; several left out that together are a small group; and a chain
of rows and columns that leaves only one answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.model import Bools, Int64s


@dataclass(frozen=True)
class Shown:
    """Which cells of a table may be shown: `cells` [rows, columns], and the totals of `rows`, of `columns` and of all."""

    cells: Bools
    rows: Bools
    columns: Bools
    total: bool


def shown(
    counts: Int64s,
    people: Int64s,
    under: int,
    hidden_columns: Sequence[bool] = (),
    of_rows: Int64s | None = None,
    of_columns: Int64s | None = None,
) -> Shown:
    """Which numbers of a table can be shown where those about fewer than `under` children are left out.

    `counts` and `people`, the children behind each, are [rows, columns]; `of_rows` and `of_columns` are the children behind each
    total, and where they are not known no more than behind its greatest cell, since children may be in several.
    `hidden_columns` are totals that are left out elsewhere, and so here.

    >>> shown(np.array([[40, 3], [12, 30]]), np.array([[40, 3], [12, 30]]), 5).cells.tolist()
    [[False, False], [False, False]]
    """
    rows, columns = counts.shape
    value = np.zeros((rows + 1, columns + 1), np.int64)
    value[:-1, :-1] = counts
    value[:-1, -1], value[-1, :-1], value[-1, -1] = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    behind = np.zeros_like(value)
    behind[:-1, :-1], behind[:-1, -1], behind[-1, :-1] = people, people.max(axis=1, initial=0), people.max(axis=0, initial=0)
    if of_rows is not None:
        behind[:-1, -1] = of_rows
    if of_columns is not None:
        behind[-1, :-1] = of_columns
    behind[-1, -1] = behind.max(initial=0)
    small = (behind > 0) & (behind < under)
    hidden = small.copy()
    if len(hidden_columns):
        hidden[-1, :-1] |= np.array(hidden_columns, np.bool_)
    if small[-1, -1]:
        hidden[:] = True
    changed = under > 1 and not hidden.all()
    while changed:
        changed = _by_line(value, behind, hidden, under) or _by_chain(value, small, hidden)
    seen = ~hidden
    return Shown(seen[:-1, :-1], seen[:-1, -1], seen[-1, :-1], bool(seen[-1, -1]))


def _by_line(value: Int64s, behind: Int64s, hidden: Bools, under: int) -> bool:
    """Leave out more where a line has one number left out, or some whose sum is told and is of a small group."""
    changed = False
    for down in (False, True):
        lines = [(value.T, behind.T, hidden.T), (value, behind, hidden)][not down]
        for n, who, out in zip(*lines, strict=True):
            while out.any() and not out.all() and (out.sum() == 1 or (not out[-1] and _together(who, out) < under)):
                left = np.flatnonzero(~out)
                # the smallest that is not nought, and a total only where nothing else is left
                out[min(left, key=lambda i: (i == len(out) - 1, n[i] == 0, n[i], i))] = True
                changed = True
    return changed


def _together(people: Int64s, hidden: Bools) -> int:
    """The fewest children there can be behind what a line leaves out, of which the sum can be told."""
    cells, out = people[:-1], hidden[:-1]
    return int(max(cells[out].max(initial=0), people[-1] - cells[~out].sum()))


def _by_chain(value: Int64s, small: Bools, hidden: Bools) -> bool:
    """Leave out one more where a small number is all the same the only answer to the sums that are shown."""
    for i, j in np.argwhere(small).tolist():
        if _undecided(value, hidden, i, j):
            continue
        for cells in (hidden[i], hidden[:, j]):
            left = np.flatnonzero(~cells)
            if len(left):
                n = value[i] if cells is hidden[i] else value[:, j]
                cells[min(left, key=lambda k: (k == len(cells) - 1, n[k] == 0, n[k], k))] = True
                return True
        rest = np.argwhere(~hidden)
        if len(rest):
            at = min(rest.tolist(), key=lambda c: (value[c[0], c[1]] == 0, value[c[0], c[1]]))
            hidden[at[0], at[1]] = True
            return True
    return False


def _undecided(value: Int64s, hidden: Bools, i: int, j: int) -> bool:
    """Whether a number left out could be one more, or one less, with everything that is shown as it is and nothing below nought.

    One more in a cell is made good in its column by one less in another that is left out, that in its row by one more, and so on
    round to the row of the first. A total moves the other way from what it adds up.
    """
    return any(_round(value, hidden, i, j, step) for step in (1, -1))


def _round(value: Int64s, hidden: Bools, i: int, j: int, step: int) -> bool:
    if value[i, j] + step * _sign(value, i, j) < 0:
        return False
    # Each move is of the effect it has on its row and column: in a column the opposite of what is to be made good, in a row likewise.
    start: tuple[bool, int] = (True, j)
    queue, seen = deque([(start, step)]), {(start, step)}
    while queue:
        (in_column, at), change = queue.popleft()
        cells = np.flatnonzero(hidden[:, at] if in_column else hidden[at])
        for other in cells.tolist():
            cell = (other, at) if in_column else (at, other)
            if cell == (i, j) or value[cell] - change * _sign(value, *cell) < 0:
                continue
            following = ((not in_column, other), -change)
            if in_column and other == i:
                return True
            if following not in seen:
                seen.add(following)
                queue.append(following)
    return False


def _sign(value: Int64s, i: int, j: int) -> int:
    """Which way a number moves when it adds one to its row and column: a total of one of them moves the other way."""
    return -1 if (i == value.shape[0] - 1) != (j == value.shape[1] - 1) else 1
