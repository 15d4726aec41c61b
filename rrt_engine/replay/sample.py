"""A dip sample for audit: duties drawn at random from a replay, stratum by stratum, so that shares can be estimated honestly.

Each duty has a number of its own between 0 and 2^64, the eight-byte BLAKE2b hash (`digest_size=8`, which is not the first eight
bytes of a longer one) of the seed and of what the duty is: the child, the rule, its step, the event that started it, when, what it
belongs to, and the day its clock started. In each stratum the duties with the smallest numbers are drawn. That is a simple random
sample of the stratum, the same whatever the order of the rows and however the children are divided into parts, and a child that is
added changes it no more than that child's own duties do: a permanent random number, as E. Ohlsson, "Coordination of samples using
permanent random numbers", in Business Survey Methods (Wiley, 1995).

How many of each stratum: in proportion to its duties and at least one, by largest remainders (W. G. Cochran, Sampling Techniques,
3rd ed., Wiley, 1977, 5.5 and 5A.9). A duty stands for `size / drawn` duties of its stratum, the weight of Horvitz and Thompson (1952).
With fewer draws than strata not each can have one: then how many each has is drawn too, by systematic sampling from a random start
(Cochran, 8.1), so that every duty has the same chance and the same weight.

A child is drawn once at most, unless asked otherwise: where another duty of a child would be next, the one after it is drawn in its
place. How often that was is counted, since the weights are exact only where it is never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from rrt_engine.model import Bools, Int64s

IDENTITY = ("case", "rule", "rung", "trigger_event", "trigger_at", "ref", "start")
"""The columns that say which duty it is, whatever has been found of it."""
CONTENT = ("due", "status", "answer_event", "answer_at", "ended_by", "ended_at", "source", "trigger_row")
"""What sets duties apart that are alike in those: two enquiries begun on one day."""
BLANK = "(blank)"
"""The value of a stratum where the column holds nothing."""


@dataclass(frozen=True)
class Design:
    """What was asked: how many duties, the columns that make the strata, the seed, and whether a child may be drawn again."""

    n: int
    by: tuple[str, ...] = ()
    seed: int = 1
    again: bool = False


@dataclass(frozen=True)
class Stratum:
    """One stratum: its values in the columns asked for, its duties, how many it was allocated, how many were drawn, and how many each
    drawn one stands for. As many are drawn as were allocated, unless its children, or those of another stratum, had all been drawn.
    """

    values: tuple[str, ...]
    size: int
    allocated: int
    drawn: int
    weight: float | None


@dataclass(frozen=True)
class Sample:
    """What was drawn. `rows` is an Arrow table, a row a duty, with `stratum` (a place in `strata`) and `weight`, in the order of strata
    and of the draw. `how` is `all` where there were no more duties than were asked for, `proportional`, or `systematic` where there
    are more strata than draws. `passed_over` counts duties that would have been drawn but for their child, who was in the sample
    already.
    """

    design: Design
    how: str
    duties: int
    strata: tuple[Stratum, ...]
    rows: Any
    passed_over: int


def drawn(parts: Iterable[Any], design: Design) -> Sample:
    """Draw a sample from the flags of a replay, given as Arrow tables of whole children with the columns of `flag_rows`.

    One table is in memory at a time, and of it only what may be drawn is kept.
    """
    import pyarrow as pa

    sizes: dict[tuple[str, ...], int] = {}
    kept: _Kept | None = None
    for table in parts:
        strata = _strata(table, design.by, sizes)
        chances = numbers(table, design.seed)
        more = _plain(_smallest(_Kept(table, strata, chances), design))
        kept = more if kept is None else _smallest(_Kept(pa.concat_tables([kept.rows, more.rows]), *_joined(kept, more)), design)
    names = sorted(sizes)
    counts = [sizes[name] for name in names]
    how, wanted = shared_out(counts, design)
    if kept is None or not sum(counts):
        return Sample(design, "all", 0, (), None, 0)
    place = {name: i for i, name in enumerate(names)}
    codes = np.array([place[name] for name in sizes], np.int64)[kept.strata]  # strata were numbered as they were first met
    taken, passed_over = _taken(kept, codes, counts, wanted, design.again)
    found = [int((codes[taken] == i).sum()) for i in range(len(names))]
    weights = [_weight(how, size, n, sum(counts), design.n) for size, n in zip(counts, found, strict=True)]
    taken = taken[np.lexsort((kept.chances[taken], codes[taken]))]
    rows = kept.rows.take(pa.array(taken))
    rows = rows.append_column("stratum", pa.array(codes[taken], pa.int32()))
    rows = rows.append_column("weight", pa.array([weights[i] for i in codes[taken].tolist()], pa.float64()))
    strata_found = tuple(Stratum(*each) for each in zip(names, counts, wanted, found, weights, strict=True))
    return Sample(design, how, sum(counts), strata_found, rows, passed_over)


def only_where(table: Any, wanted: Mapping[str, Sequence[str]]) -> Any:
    """The rows whose columns have one of the values wanted; an empty value means that the column holds nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, values in wanted.items():
        table = table.filter(pc.is_in(_text(table, name), pa.array(list(values), pa.string())))
    return table


def _weight(how: str, size: int, n: int, duties: int, asked: int) -> float | None:
    if how == "systematic":
        return duties / asked
    return size / n if n else None


# ------------------------------------------------------------------------------------------------- a number a duty


def numbers(table: Any, seed: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """The number of each duty, by the seed and by what the duty is. Duties alike in that are numbered in order of what was found."""
    import pyarrow.compute as pc

    texts = [_text(table, name) for name in IDENTITY]
    identities = pc.binary_join_element_wise(*texts, "\x1f").to_pylist()
    order, nth = _alike(table, identities)
    for row, n in zip(order, nth, strict=True):
        identities[row] += f"\x1f{n}"
    key = f"{seed}\x1f".encode()
    digests = b"".join(blake2b(key + identity.encode(), digest_size=8).digest() for identity in identities)
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def _alike(table: Any, identities: list[str]) -> tuple[list[int], list[int]]:
    """The rows that are alike in what they are with rows before them, and the place of each among them: 2, 3 and so on."""
    first: dict[str, int] = {}
    alike: dict[str, list[int]] = {}
    for row, identity in enumerate(identities):
        if first.setdefault(identity, row) != row:
            alike.setdefault(identity, [first[identity]]).append(row)
    order: list[int] = []
    nth: list[int] = []
    held = {name: table[name] for name in CONTENT}
    for rows in alike.values():
        content = {row: tuple(str(held[name][row].as_py() or "").rjust(12) for name in CONTENT) for row in rows}
        for n, row in enumerate(sorted(rows, key=content.__getitem__)[1:], 2):
            order.append(row)
            nth.append(n)
    return order, nth


def _text(table: Any, name: str) -> Any:
    """A column as plain text, with nothing for what is not recorded."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.fill_null(pc.cast(table[name], pa.string()), "")


def _strata(table: Any, by: Sequence[str], sizes: dict[tuple[str, ...], int]) -> Int64s:
    """Which stratum each row is in, as its place in the sizes, to which what is met here is added."""
    combined = np.zeros(len(table), np.int64)
    words = []
    for name in by:
        codes, held = _coded(_text(table, name))
        combined = combined * max(len(held), 1) + codes
        words.append(held)
    distinct, place, counts = np.unique(combined, return_inverse=True, return_counts=True)
    numbered = {stratum: i for i, stratum in enumerate(sizes)}
    strata = []
    for code, n in zip(distinct.tolist(), counts.tolist(), strict=True):
        values = []
        for held in reversed(words):
            code, at = divmod(code, len(held))
            values.append(held[at] or BLANK)
        stratum = tuple(reversed(values))
        strata.append(numbered.setdefault(stratum, len(numbered)))
        sizes[stratum] = sizes.get(stratum, 0) + n
    return np.array(strata, np.int64)[place]


# ----------------------------------------------------------------------------------------- how many of each stratum


def shared_out(sizes: Sequence[int], design: Design) -> tuple[str, list[int]]:
    """How many duties to draw of each stratum, and how that was settled."""
    if design.n >= sum(sizes):
        return "all", list(sizes)
    if design.n < len(sizes):
        return "systematic", systematic(sizes, design.n, design.seed)
    return "proportional", proportional(sizes, design.n)


def proportional(sizes: Sequence[int], n: int) -> list[int]:
    """Draws in proportion to sizes, at least one each, by largest remainders; n is from the number of strata to the sum of the sizes.

    A stratum whose share is less than one has one, and what is left is shared out among the others in proportion to their sizes;
    a remainder that two strata have alike goes to the larger, then to the first.

    >>> proportional([700, 200, 99, 1], 20)
    [13, 4, 2, 1]
    """
    result = [0] * len(sizes)
    rest, left = list(range(len(sizes))), n
    while True:
        total = sum(sizes[h] for h in rest)
        small = [h for h in rest if sizes[h] * left < total]
        if not small:
            break
        for h in small:
            result[h] = 1
        rest, left = [h for h in rest if h not in small], left - len(small)
    quotas = {h: divmod(sizes[h] * left, total) for h in rest}
    for h, (whole, _) in quotas.items():
        result[h] = whole
    over = left - sum(whole for whole, _ in quotas.values())
    for h in sorted(rest, key=lambda h: (-quotas[h][1], -sizes[h], h))[:over]:
        result[h] += 1
    return result


def systematic(sizes: Sequence[int], n: int, seed: int) -> list[int]:
    """Draws of each stratum by equal steps from a random start, where there are fewer draws than strata: each its share, rounded
    up or down by chance, so that every duty has the same chance.
    """
    total = sum(sizes)
    return stepped(sizes, n, int.from_bytes(blake2b(f"{seed}\x1fstart".encode(), digest_size=8).digest()) * total >> 64)


def stepped(sizes: Sequence[int], n: int, start: int) -> list[int]:
    """How many of n equal steps fall in each stratum from a start, which is from 0 to one less than the sum of the sizes."""
    total = sum(sizes)
    at = np.searchsorted(np.cumsum(sizes), [(start + k * total) // n for k in range(n)], "right")
    return [int(count) for count in np.bincount(at, minlength=len(sizes))]


# ------------------------------------------------------------------------------------------------------- drawing


@dataclass(frozen=True)
class _Kept:
    """Rows that may be drawn: each with its stratum, as first met, and its number."""

    rows: Any
    strata: Int64s
    chances: np.ndarray[tuple[int], np.dtype[np.uint64]]


def _joined(first: _Kept, second: _Kept) -> tuple[Int64s, np.ndarray[tuple[int], np.dtype[np.uint64]]]:
    return np.concatenate([first.strata, second.strata]), np.concatenate([first.chances, second.chances])


def _smallest(kept: _Kept, design: Design) -> _Kept:
    """The rows that may still be drawn: in each stratum those with the smallest numbers, until n of them, or n children, are met."""
    import pyarrow as pa

    order = np.lexsort((kept.chances, kept.strata))
    strata = kept.strata[order]
    counts = np.ones(len(order), np.bool_) if design.again else _first_met(strata << 32 | _codes(kept.rows["case"])[order])
    met = np.cumsum(counts)
    begins = np.searchsorted(strata, strata)
    order = order[met - met[begins] + counts[begins] <= design.n]
    return _Kept(kept.rows.take(pa.array(order)), kept.strata[order], kept.chances[order])


def _plain(kept: _Kept) -> _Kept:
    """The same with text as text, not as codes into the words of its own part."""
    import pyarrow as pa

    fields = [field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in kept.rows.schema]
    return _Kept(kept.rows.cast(pa.schema(fields)), kept.strata, kept.chances)


def _first_met(keys: Int64s) -> Bools:
    """Whether each key is met for the first time."""
    first = np.zeros(len(keys), np.bool_)
    first[np.unique(keys, return_index=True)[1]] = True
    return first


def _codes(column: Any) -> Int64s:
    """Text as codes into its distinct values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return _coded(pc.cast(column, pa.string()))[0]


def _coded(text: Any) -> tuple[Int64s, list[str]]:
    """Text as codes into its distinct values, with those."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(text)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return np.asarray(encoded.indices, np.int64), encoded.dictionary.to_pylist()


def _taken(kept: _Kept, codes: Int64s, sizes: Sequence[int], wanted: Sequence[int], again: bool) -> tuple[Int64s, int]:
    """The rows drawn, and how many were passed over because of their child.

    First each stratum that is to have any has one, so that as many strata as can be have one; then they draw the rest. Where a
    stratum runs out of children, what it lacks is drawn from the stratum in which a drawn duty stands for most, so that as many as
    were asked are drawn while there are children.
    """
    child = np.arange(len(codes)) if again else _codes(kept.rows["case"])
    lists = [np.flatnonzero(codes == h) for h in range(len(sizes))]
    lists = [rows[np.argsort(kept.chances[rows], kind="stable")] for rows in lists]
    whose = [child[rows].tolist() for rows in lists]
    chosen = one_each(whose, [h for h, n in enumerate(wanted) if n])
    used = {whose[h][at] for h, at in chosen.items()}
    taken = [{chosen[h]} if h in chosen else set() for h in range(len(sizes))]
    at = [0] * len(sizes)

    def draw(h: int) -> bool:
        while at[h] < len(lists[h]) and whose[h][at[h]] in used:
            at[h] += 1
        if at[h] == len(lists[h]):
            return False
        used.add(whose[h][at[h]])
        taken[h].add(at[h])
        return True

    for h in sorted(range(len(sizes)), key=lambda h: (sizes[h], h)):
        while len(taken[h]) < wanted[h] and draw(h):
            pass
    short = sum(wanted) - sum(map(len, taken))
    while short and (open_still := [h for h in range(len(sizes)) if at[h] < len(lists[h])]):
        short -= draw(max(open_still, key=lambda h: (sizes[h] / (len(taken[h]) + 1), -h)))
    passed_over = sum(max(places) + 1 - len(places) for places in taken if places)
    return np.concatenate([rows[sorted(places)] for rows, places in zip(lists, taken, strict=True)]), passed_over


def one_each(whose: Sequence[Sequence[int]], strata: Sequence[int]) -> dict[int, int]:
    """A duty of a child of its own for as many strata as can have one: for each its place in the stratum's list, where `whose` says
    which child each is. The strata with fewest children choose first, each the first it can have; where all its children are taken,
    one of the strata that have them takes its next (J. E. Hopcroft and R. M. Karp call it an augmenting path).
    """
    holder: dict[int, int] = {}
    place: dict[int, int] = {}
    for h in sorted(strata, key=lambda h: (len(set(whose[h])), h)):
        came: dict[int, tuple[int, int]] = {}  # the stratum that a child was reached from, and its place there
        free, asking = -1, [h]
        for g in asking:
            for at, child in enumerate(whose[g]):
                if child not in came:
                    came[child] = (g, at)
                    if child not in holder:
                        free = child
                        break
                    asking.append(holder[child])
            if free >= 0:
                break
        while free >= 0:  # each stratum on the way takes the next child, and leaves the one it had to the stratum before
            g, at = came[free]
            before = -1 if g == h else whose[g][place[g]]
            holder[free], place[g] = g, at
            free = before
    return place


__all__ = [
    "BLANK",
    "CONTENT",
    "IDENTITY",
    "Design",
    "Sample",
    "Stratum",
    "drawn",
    "numbers",
    "only_where",
    "proportional",
    "shared_out",
    "systematic",
]
