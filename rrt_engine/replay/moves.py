"""What became of each duty between two tables of flags of the same children: newly overdue, resolved, gone, corrected.

A flag is the same flag in both where the child, the rule, the event that started the clock (with its time and ref), the day
the clock started and the step of a ladder are all the same. Where such flags are as many in both and say the same, nothing
moved. A flag that is gone and a new one are shown as one where a date or a ref was put right in the records: see `_corrected`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.model import STATUSES, Bools, Int64s

IDENTITY = ("case", "rule", "trigger_event", "trigger_at", "ref", "start", "rung")
OUTCOME = ("status", "cannot_tell_because", "due", "due_at", "answer_event", "answer_at", "ended_by", "ended_at")
ABOUT = ("title", "service", "authority", "verified", "basis", "team", "worker", "days_late", "source", "trigger_row")
READ = (*IDENTITY, *OUTCOME, *ABOUT)

KINDS = {
    "newly_overdue": "overdue now, and not before",
    "newly_late": "done late or too early, or missed and ended since, and not so before",
    "resolved": "was overdue, late or too early, and is answered or ended now",
    "eased": "was overdue, late or too early, and is not now, though it is neither answered nor ended",
    "new": "a duty that was not there before, and is not overdue or late",
    "gone": "a duty that was there before and is no more",
    "changed": "another status, and none of those above",
    "redated": "the same status, with another due date, answer, ending or reason",
}
_NEWLY_OVERDUE, _NEWLY_LATE, _RESOLVED, _EASED, _NEW, _GONE, _CHANGED, _REDATED = range(len(KINDS))
ATTENTION = ("newly_overdue", "newly_late")
STANDINGS = (*STATUSES, "missed")
"""How a duty stands: its status, but `missed` where it was overdue when it ended, so that nothing of it is overdue now."""


def _kinds() -> Any:
    """The kind of a move by how a duty stood before and after; the last row and column stand for no such flag."""
    none = len(STANDINGS)
    kind = np.full((none + 1, none + 1), _CHANGED, np.int8)
    number = {name: i for i, name in enumerate(STANDINGS)}
    troubled = [number[s] for s in ("overdue", "late", "early", "missed")]
    over = [number[s] for s in ("late", "early", "missed")]
    settled = [number[s] for s in ("met", "ended")]
    waiting = [number[s] for s in ("due", "due_soon", "cannot_tell")]
    for before in range(none + 1):
        kind[before, number["overdue"]] = _NEWLY_OVERDUE
        if before not in troubled:
            kind[before, over] = _NEWLY_LATE
    for before in troubled:
        kind[before, settled] = _RESOLVED
        kind[before, waiting] = _EASED
    kind[number["overdue"], over] = _RESOLVED
    np.fill_diagonal(kind, _REDATED)
    kind[none, [*settled, *waiting]] = _NEW
    kind[:, none] = _GONE
    return kind


_KIND = _kinds()


@dataclass(frozen=True)
class Moved:
    """What moved between two tables of flags, by rows of them: -1 where there is none.

    `before` and `after` int64[n] are rows; `kind` int8[n] indexes KINDS; `corrected` bool[n] marks a flag that is gone and a new
    one that stand for the same duty. `unmoved` flags say the same in both, and `unmoved_overdue` of them are overdue now, which
    what was missed and has ended since is not.
    """

    before: Int64s
    after: Int64s
    kind: Any
    corrected: Bools
    unmoved: int
    unmoved_overdue: int

    def __len__(self) -> int:
        return len(self.before)


class Codes:
    """Rows of several tables of flags as numbers: equal where they are equal in some columns, and ordered as those are."""

    def __init__(self, tables: Sequence[Any]) -> None:
        import pyarrow as pa

        self.sizes = [t.num_rows for t in tables]
        self._columns: dict[str, Any] = {}
        for name in (*IDENTITY, *OUTCOME):
            parts = [encoded(t[name]) for t in tables if name in t.schema.names]
            if len(parts) == len(tables):
                self._columns[name] = in_one(pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type))
        self._standing = np.concatenate([standings(t) for t in tables])
        self._codes: dict[str, Int64s] = {}
        self._ranked: dict[tuple[str, ...], Int64s] = {}

    def column(self, name: str) -> Int64s:
        """One column as numbers, 0 where it is empty or there is no such column."""
        if name == "standing":
            return self._standing
        if name not in self._columns:
            return np.zeros(sum(self.sizes), np.int64)
        if name not in self._codes:
            import pyarrow.compute as pc

            coded = self._columns[name]
            ranks = np.concatenate([[0], pc.rank(coded.dictionary, tiebreaker="dense").to_numpy()]).astype(np.int64)
            self._codes[name] = ranks[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1]
        return self._codes[name]

    def of(self, *names: str) -> Int64s:
        """Several columns together as numbers from 0."""
        if names not in self._ranked:
            total = np.zeros(sum(self.sizes), np.int64)
            most = 1
            for name in names:
                codes = self.column(name)
                wide = int(codes.max(initial=0)) + 1
                if most * wide >= 2**62:
                    total, most = _ranked(total)
                total = total * wide + codes
                most *= wide
            self._ranked[names] = _ranked(total)[0]
        return self._ranked[names]

    def parts(self, codes: Any) -> list[Any]:
        """Numbers of all rows, table by table."""
        return np.split(codes, np.cumsum(self.sizes)[:-1])


def encoded(column: Any) -> Any:
    """A column as codes into its distinct values, of the same types in every table."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        narrow = pa.types.is_integer(column.type)
        column = (column.cast(pa.int32()) if narrow else column).dictionary_encode()
    value = column.type.value_type
    return column.cast(pa.dictionary(pa.int32(), pa.string() if pa.types.is_large_string(value) or pa.types.is_null(value) else value))


def in_one(column: Any) -> Any:
    """A column of codes as one array with one set of distinct values."""
    import pyarrow as pa

    if not len(column):  # pyarrow cannot put no chunks of codes together
        return pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], column.type.value_type))
    return column.unify_dictionaries().combine_chunks()


def _ranked(values: Int64s) -> tuple[Int64s, int]:
    distinct, ranks = np.unique(values, return_inverse=True)
    return ranks.astype(np.int64), len(distinct) or 1


def _nth(values: Int64s, order: Int64s | None = None) -> Int64s:
    """For each value how many equal ones stand before it, in the order given."""
    order = np.argsort(values, kind="stable") if order is None else order
    ordered = values[order]
    begins = np.ones(len(ordered), np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    place = np.arange(len(ordered))
    nth = np.empty(len(ordered), np.int64)
    nth[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
    return nth


def _matched(left: Int64s, right: Int64s) -> tuple[Int64s, Int64s]:
    """For each of two lists of values, where its partner stands in the other, each used once; -1 where it has none."""
    a, b = np.full(len(left), -1, np.int64), np.full(len(right), -1, np.int64)
    if not len(left) or not len(right):
        return a, b
    most = int(max(left.max(), right.max())) + 1
    one, two = _nth(left) * most + left, _nth(right) * most + right
    _, at, to = np.intersect1d(one, two, assume_unique=True, return_indices=True)
    a[at], b[to] = to, at
    return a, b


def moves(before: Any, after: Any, put_right: Any | None = None) -> Moved:
    """What moved from one table of flags to another, in the order of the case, rule and start after, then before.

    `put_right` are the flags of the same children with their records as they are after and everything else as it was before: with
    it, a flag that the records took away and one that they brought can be known for the same duty, put right. See `_corrected`.
    """
    codes = Codes([before, after, *([] if put_right is None else [put_right])])
    same, outcome = codes.of(*IDENTITY), codes.of(*IDENTITY, *OUTCOME)
    (same_b, same_a, *of_data), (said_b, said_a, *_) = codes.parts(same), codes.parts(outcome)
    unmoved_b, unmoved_a = _matched(said_b, said_a)
    left, right = np.flatnonzero(unmoved_b < 0), np.flatnonzero(unmoved_a < 0)
    left, right = left[np.argsort(said_b[left], kind="stable")], right[np.argsort(said_a[right], kind="stable")]
    partner, found = _matched(same_b[left], same_a[right])
    kept = np.stack([left[partner >= 0], right[partner[partner >= 0]]])
    gone, new = np.sort(left[partner < 0]), np.sort(right[found < 0])
    placed = _paired(codes, gone, new, ("case", "rule", "trigger_event", "trigger_at", "start"))
    gone, new = gone[~np.isin(gone, placed[0])], new[~np.isin(new, placed[1])]
    corrected = np.zeros((2, 0), np.int64)
    for data in of_data:
        corrected = _corrected(codes, gone[~np.isin(same_b[gone], data)], new[np.isin(same_a[new], data)])
        gone, new = gone[~np.isin(gone, corrected[0])], new[~np.isin(new, corrected[1])]
    pairs = [kept, placed, corrected, np.stack([gone, np.full_like(gone, -1)]), np.stack([np.full_like(new, -1), new])]
    ref_b, ref_a, *_ = codes.parts(codes.column("ref"))
    other_ref = ref_b[placed[0]] != ref_a[placed[1]]
    marked = np.concatenate([np.full(p.shape[1], False) if i != 1 else other_ref for i, p in enumerate(pairs)])
    marked[kept.shape[1] + placed.shape[1] :][: corrected.shape[1]] = True
    rows = np.concatenate(pairs, axis=1)
    stood_b, stood_a, *_ = codes.parts(codes.column("standing"))
    was, now = _at(stood_b, rows[0], len(STANDINGS)), _at(stood_a, rows[1], len(STANDINGS))
    kind = _KIND[was, now]
    place_b, place_a, *_ = codes.parts(codes.of("case", "rule", "start"))
    place = np.where(rows[1] >= 0, _at(place_a, rows[1], 0), _at(place_b, rows[0], 0))
    order = np.lexsort((rows[0], rows[1], place))
    unmoved = unmoved_b >= 0
    overdue = int(np.count_nonzero(stood_b[unmoved] == STATUSES.index("overdue")))
    return Moved(rows[0, order], rows[1, order], kind[order], marked[order], int(np.count_nonzero(unmoved)), overdue)


def _at(values: Any, rows: Int64s, none: int) -> Any:
    """The value at each row, and another where there is no row."""
    return np.concatenate([values, [none]])[rows]


def standings(table: Any) -> Int64s:
    """How the duty in each row of a table stands, as its number in STANDINGS."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = in_one(encoded(table["status"]))
    places = pc.index_in(column.dictionary, value_set=pa.array(STATUSES)).to_numpy(zero_copy_only=False).astype(np.int64)
    found: Int64s = places[column.indices.to_numpy(zero_copy_only=False)] if len(column) else np.zeros(0, np.int64)
    if "ended_by" in table.schema.names:
        ended = pc.is_valid(table["ended_by"]).to_numpy()
        found[ended & (found == STATUSES.index("overdue"))] = STANDINGS.index("missed")
    return found


def _corrected(codes: Codes, gone: Int64s, new: Int64s) -> Any:
    """Flags that the records took away, each with the one they brought that stands for the same duty, as two rows.

    The same child, rule, starting event and ref, with another date: where as many are gone as are new, in the order of their starts.
    """
    return _paired(codes, gone, new, ("case", "rule", "trigger_event", "ref"))


def _paired(codes: Codes, gone: Int64s, new: Int64s, names: Sequence[str]) -> Any:
    """Flags that are gone with new ones that are the same in some columns, where they are as many, in the order of their starts."""
    start_b, start_a, *_ = codes.parts(codes.of("start", "trigger_at", "rung"))
    group_b, group_a, *_ = codes.parts(codes.of(*names))
    gone = gone[np.lexsort((gone, start_b[gone], group_b[gone]))]
    new = new[np.lexsort((new, start_a[new], group_a[new]))]
    size = max(int(group_b.max(initial=0)), int(group_a.max(initial=0))) + 1
    many_b, many_a = np.bincount(group_b[gone], minlength=size), np.bincount(group_a[new], minlength=size)
    partner, _ = _matched(group_b[gone], group_a[new])
    fits = (partner >= 0) & (many_b == many_a)[group_b[gone]]
    return np.stack([gone[fits], new[partner[fits]]])


# What `move_table` gives, and what each column means.
MOVE_COLUMNS = {
    "case": "the child's id in the source",
    "rule": "the rule's id",
    "title": "what the rule requires, as the rule set after says it",
    "service": "the part of the service",
    "authority": "duty, guidance, practice, court, local or kpi",
    "verified": "how the number was checked",
    "team": "the team recorded last for the child",
    "worker": "the worker recorded last for the child",
    "kind": "what became of it: " + ", ".join(KINDS),
    "because": "what made it so: data, time, rule, parameter; `or` where each of several does alone, `and` where only together",
    "corrected": "whether a duty that is gone and a new one are taken for the same, its date or ref put right in the records",
    "trigger_event": "the event that started this clock",
    "trigger_at": "when, as recorded",
    "ref": "what that event belongs to, as recorded",
    "start": "the day this clock started",
    "rung": "the step of a rule in steps, counted from 0",
    "before_trigger_at": "where it was corrected, when it was before",
    "before_start": "where it was corrected, the day the clock started before",
    **{
        f"{side}_{name}": words
        for name, words in (
            ("status", "the status {side}; empty where there was no such duty"),
            ("due", "the last day on time, {side}"),
            ("due_at", "for a clock counted in hours, the moment it runs out, {side}"),
            ("answer_event", "the event that answered it, {side}"),
            ("answer_at", "when it was answered, {side}"),
            ("ended_by", "the event that ended the duty first, {side}"),
            ("ended_at", "when it ended, {side}"),
            ("days_late", "calendar days late, {side}"),
            ("cannot_tell_because", "why it could not be told, {side}"),
            ("source", "where the event that started it came from, {side}"),
            ("trigger_row", "the row or line of that source, {side}"),
        )
        for side, words in (("before", words.format(side="before")), ("after", words.format(side="after")))
    },
}


def move_schema() -> Any:
    """The Arrow schema of MOVE_COLUMNS."""
    import pyarrow as pa

    types = {"start": pa.date32(), "due": pa.date32(), "rung": pa.int32(), "days_late": pa.int32(), "trigger_row": pa.int32()}
    bases = {name: name.removeprefix("before_").removeprefix("after_") for name in MOVE_COLUMNS}
    return pa.schema([(name, pa.bool_() if name == "corrected" else types.get(base, pa.string())) for name, base in bases.items()])


def move_table(before: Any, after: Any, moved: Moved, because: Sequence[str | None] | None = None) -> Any:
    """What moved as an Arrow table with the columns of MOVE_COLUMNS. `because` says what made each so."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sides = {
        side: (table, pa.array(rows, mask=rows < 0))
        for side, table, rows in (("before", before, moved.before), ("after", after, moved.after))
    }

    def column(side: str, name: str) -> Any:
        table, rows = sides[side]
        if name not in table.schema.names or not table.num_rows:
            return pa.nulls(len(moved), schema.field(f"{side}_{name}" if f"{side}_{name}" in MOVE_COLUMNS else name).type)
        found = encoded(table[name]).take(rows)
        return found.cast(found.type.value_type)

    def one(name: str) -> Any:
        side, _, rest = name.partition("_")
        if name in made:
            return made[name]
        if name in ("before_trigger_at", "before_start"):
            return pc.if_else(made["corrected"], column("before", rest), None)
        return column(side, rest) if side in sides else pc.if_else(there, column("after", name), column("before", name))

    schema = move_schema()
    there = pa.array(moved.after >= 0)
    made: dict[str, Any] = {
        "kind": pa.array([list(KINDS)[k] for k in moved.kind.tolist()], pa.string()),
        "because": pa.array(because if because is not None else [None] * len(moved), pa.string()),
        "corrected": pa.array(moved.corrected),
    }
    return pa.table([one(name).cast(schema.field(name).type) for name in MOVE_COLUMNS], schema)


# ---------------------------------------------------------------------------------------------------- what made it so


def made_by(before: Any, after: Any, moved: Moved, tried: Sequence[Any]) -> list[Bools]:
    """For each table that was tried, which moves it makes: where it says of a flag what the table after says.

    Where the standing moved, that is the standing; where it did not, all that is said of the flag. A flag that is gone must be gone,
    and where two stand for one duty both must be as they are after. The tables hold all flags of the children that moved.
    """
    codes = Codes([before, after, *tried])
    same = codes.of(*IDENTITY)
    of_before, of_after, *_ = codes.parts(same)
    size = int(same.max(initial=0)) + 1
    stood_b, stood_a, *_ = codes.parts(codes.column("standing"))
    both = (moved.before >= 0) & (moved.after >= 0)
    by_standing = ~both
    by_standing[both] = stood_b[moved.before[both]] != stood_a[moved.after[both]]
    found = [np.zeros(len(moved), np.bool_) for _ in tried]
    for names, these in ((("standing",), by_standing), (OUTCOME, ~by_standing)):
        said = codes.of(*IDENTITY, *names)
        _, said_after, *said_tried = codes.parts(said)
        _, _, *of_tried = codes.parts(same)
        for result, said_then, of_then in zip(found, said_tried, of_tried, strict=True):
            off = np.zeros(size, np.bool_)
            unmatched_a, unmatched_then = _matched(said_after, said_then)
            off[of_after[unmatched_a < 0]] = True
            off[of_then[unmatched_then < 0]] = True
            made = np.ones(len(moved), np.bool_)
            for rows, of in ((moved.before, of_before), (moved.after, of_after)):
                has = rows >= 0
                made[has] &= ~off[of[rows[has]]]
            result[these] = made[these]
    return found
