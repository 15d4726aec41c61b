"""Try every three kinds of record together: adding or strengthening a concern, or taking protection away, lowers no level.

The test suite tries every pair and a fixed part of the threes; this tries them all, and takes some minutes:
`python tools/threshold_triples.py [--as-of 2026-04-15]`. It prints what it tried and each case in which more gave less.
"""

from __future__ import annotations

import sys
import time
from itertools import combinations_with_replacement

import numpy as np

from rrt_engine.calendar import parse_moment
from rrt_engine.paths import RULES
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.load_thresholds import load_thresholds
from rrt_engine.thresholds.chain import Chainer
from rrt_engine.thresholds.plan import compile_plan
from rrt_engine.thresholds.space import Record, Space, is_concern, is_protective, strengthened

NONE = 255


def main(day: int) -> int:
    """Fill a table with the level of every three kinds, then look each step that says more up in it. Returns how many fail."""
    book = load_thresholds(RULES, load(RULES))
    plan = compile_plan(book, day)
    space, chainer = Space(book, plan, level_only=True), Chainer(plan, book.significant)
    kinds = list(space.kinds.values())
    number = {kind: i + 1 for i, kind in enumerate(space.kinds)}  # 0 stands for nothing
    n = len(kinds) + 1
    table = np.full((n, n, n), NONE, np.uint8)
    begun, tried = time.monotonic(), 0
    for three in combinations_with_replacement(range(n), 3):
        chosen = _different([kinds[i - 1] for i in three if i])
        if chosen is None:
            continue
        combined = chainer.run(space.tokens(chosen)).combined
        tried += 1
        a, b, c = three
        for x, y, z in {(a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)}:
            table[x, y, z] = 2 * combined.level + combined.significant
    print(f"{len(kinds)} kinds, {tried:,} cases of three or fewer, {time.monotonic() - begun:.0f} s")
    steps = _steps(space, number)
    failed = 0
    for less, more in sorted(steps):
        low, high = table[less], table[more]
        wrong = np.argwhere((low != NONE) & (high != NONE) & (low > high))
        failed += len(wrong)
        for i, j in wrong[:3]:
            facts = [kinds[k - 1][0].fact for k in (i, j) if k]
            print("more gives less:", [kinds[k - 1][0].fact for k in (less, more) if k], "beside", facts)
    print(f"{len(steps)} steps that say more beside every two kinds: {failed or 'none'} lower a level")
    return failed


def _different(options: list[tuple[Record, ...]]) -> list[Record] | None:
    """A record of each kind, of different facts; None where there are no such."""
    chosen: list[Record] = []
    for position, same in enumerate(options):
        used = {r.fact.id for r in chosen}
        later = [{r.fact.id for r in others} for others in options[position + 1 :] if len(others) == 1]
        free = [r for r in same if r.fact.id not in used and {r.fact.id} not in later]
        if not free:
            return None
        chosen.append(free[0])
    return chosen


def _steps(space: Space, number: dict[object, int]) -> set[tuple[int, int]]:
    """Each step that says more, as two kinds: the lesser and the greater; 0 where nothing is there."""
    found: set[tuple[int, int]] = set()
    for mine in space.records.values():
        for record in mine:
            kind = number[space.kind(record.token)]
            if is_concern(record.token):
                found.add((0, kind))
            elif is_protective(record.token):
                found.add((kind, 0))
        found |= {(number[space.kind(weak.token)], number[space.kind(strong.token)]) for weak, strong in strengthened(mine)}
    return {(less, more) for less, more in found if less != more}


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--as-of") + 1] if "--as-of" in sys.argv else "2026-04-15"
    sys.exit(1 if main(parse_moment(given).day) else 0)
