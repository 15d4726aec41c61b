"""The event log as sorted arrays: "the next event of this kind for this child" is one binary search.

Every event has an earliest and a latest position. Where only dates are known a position is a day; where any event has
a time a position is a UTC second, and a date without a time stretches over its whole day. A key is the child's number
followed by a position, so that one sorted array of keys serves every child at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, birthdays, day_number, midnight, parse_moment
from rrt_engine.model import Bools, EventLog, Int32s, Int64s, lookup
from rrt_engine.rulebook.regime_schema import Quality
from rrt_engine.rulebook.schema import AnyTest, Not, Only, Scalar

_DAY_BITS, _SECOND_BITS = 16, 33  # days and seconds since 1970; the calendar's span fits both


@dataclass(frozen=True)
class Picked:
    """Some rows of the log in its order, and which of them only may count because an attribute is not recorded."""

    rows: Int32s
    maybe: Bools | None = None

    def sure(self) -> Int32s:
        """The rows that certainly count."""
        return self.rows if self.maybe is None else self.rows[~self.maybe]

    def unsure(self) -> Int32s:
        """The rows that may count."""
        return self.rows[:0] if self.maybe is None else self.rows[self.maybe]


@dataclass
class Arrays:
    """The log as the engine reads it at one as-of moment; `visible` is None when nothing is left out.

    `paths` says what the ref of each event kind names, outermost first. Selections and their keys are kept, because
    many rules look for the same kinds of event.
    """

    log: EventLog
    visible: Bools | None
    paths: Mapping[str, tuple[str, ...]]
    _links: dict[str, Int32s] = field(default_factory=dict)
    _rows: dict[tuple[str, ...], Int32s] = field(default_factory=dict)
    _keys: dict[int, Int64s] = field(default_factory=dict)
    _counted: dict[tuple[str, ...], Picked] = field(default_factory=dict)
    _named_moments: dict[str, tuple[Int64s, Int64s, Int64s]] = field(default_factory=dict)
    _birthdays: dict[int, Int32s] = field(default_factory=dict)

    @cached_property
    def timed(self) -> bool:
        """Whether any event carries a time of day."""
        return self.log.instant is not None

    @cached_property
    def bits(self) -> int:
        """How many low bits of a key hold the position."""
        return _SECOND_BITS if self.timed else _DAY_BITS

    @cached_property
    def _by_kind(self) -> tuple[Int32s, Int64s, Int64s]:
        """The rows brought together by kind, in the log's order within each; their last keys; and where each kind begins."""
        kind, kinds = self.log.kind, len(self.log.kinds)
        small = kind.astype(np.uint8) if kinds < 256 else kind  # a byte sorts several times faster
        if kinds <= 24:  # and so few are found sooner one by one
            order = np.concatenate([*(np.flatnonzero(small == code) for code in range(kinds)), np.zeros(0, np.int64)])
        else:
            order = np.argsort(small, kind="stable")
        counts = np.bincount(small, minlength=kinds)
        return order.astype(np.int32), self._last_keys.take(order), np.concatenate([[0], np.cumsum(counts)])

    @cached_property
    def _code(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.log.kinds)}

    def has(self, kinds: frozenset[str]) -> bool:
        """Whether the log has an event of one of some kinds, seen or not."""
        return not kinds.isdisjoint(self._code)

    def rows_of(self, kinds: Sequence[str]) -> Int32s:
        """The visible rows of some kinds of event, in the log's order. Kept: do not change the array."""
        wanted = tuple(kinds)
        if wanted not in self._rows:
            order, keys, offsets = self._by_kind
            parts = [slice(offsets[c], offsets[c + 1]) for c in (self._code.get(k) for k in kinds) if c is not None]
            if len(parts) == 1:
                rows, key = order[parts[0]], keys[parts[0]]
            else:
                rows = np.sort(np.concatenate([order[part] for part in parts])) if parts else order[:0]
                key = self._last_keys.take(rows)
            if self.visible is not None:
                seen = self.visible[rows]
                rows, key = rows[seen], key[seen]
            self._rows[wanted] = rows
            self._keys[id(rows)] = key
        return self._rows[wanted]

    def picked(self, kinds: Sequence[str], where: Mapping[str, AnyTest]) -> Picked:
        """The events of some kinds that meet a `where`, and those that may because an attribute is not recorded."""
        rows = self.rows_of(kinds)
        if not where or not len(rows):
            return Picked(rows)
        holds, unsure = self._tested(rows, where)
        return Picked(rows[holds], unsure[holds]) if unsure[holds].any() else Picked(rows[holds])

    def counted(self, kinds: Sequence[str], where: Mapping[str, AnyTest], quality: Quality | None) -> Picked:
        """The same; of the kind that a quality is about, only the events that have it."""
        if quality is None or quality.event not in self._code:
            return self.picked(kinds, where)
        wanted = (*kinds, quality.title)
        if not where and wanted in self._counted:
            return self._counted[wanted]
        found = self.picked(kinds, where)
        if not len(found.rows):
            return found
        rows, day = found.rows, self.log.day[found.rows]
        counts, _ = self._tested(rows, quality.where)
        for window in quality.also:
            then = (day >= day_number(window.from_)) & (day <= day_number(window.to))
            counts |= then & self._tested(rows, window.where)[0]
        counts |= self.log.kind[rows] != self._code[quality.event]
        picked = Picked(rows[counts], None if found.maybe is None else found.maybe[counts])
        if not where:  # many rules count the same events
            self._counted[wanted] = picked
            self._keys[id(picked.rows)] = self._last_keys.take(picked.rows)
        return picked

    def _tested(self, rows: Int32s, where: Mapping[str, AnyTest]) -> tuple[Bools, Bools]:
        """Whether each row meets a `where`, and whether a required attribute is not recorded, so that it only may."""
        holds = np.ones(len(rows), np.bool_)
        unsure = np.zeros(len(rows), np.bool_)
        for name, test in where.items():
            column = self.log.attributes.get(name)
            required = not isinstance(test, (Not, Only))
            if column is None:
                holds &= not isinstance(test, Only)
                unsure |= required
                continue
            codes = column.codes[rows]
            table = lookup(column.values, lambda v, t=test: meets(v, t))
            holds &= np.append(table, not isinstance(test, Only))[codes]  # code -1 reads the last entry: not recorded
            if required:
                unsure |= codes < 0
        return holds, unsure

    def birthdays_of(self, age: int) -> Int32s:
        """The day on which each child reaches an age; NO_DAY where its date of birth is not known. Kept."""
        if age not in self._birthdays:
            born = self.log.born
            days = np.full(len(self.log.children), NO_DAY, np.int32)
            if born is not None:
                known = np.flatnonzero(born != NO_DAY)
                days[known] = birthdays(born[known], age)
            self._birthdays[age] = days
        return self._birthdays[age]

    def earliest(self, rows: Int32s | slice) -> Int64s:
        """The earliest instant of each row, in UTC seconds."""
        day = self.log.day[rows]
        if self.log.instant is None:
            return midnight(day)
        instant = self.log.instant[rows]
        dated = instant == NO_INSTANT
        return np.where(dated, midnight(day), instant) if dated.any() else instant

    def latest(self, rows: Int32s | slice) -> Int64s:
        """The latest instant of each row, in UTC seconds."""
        day = self.log.day[rows]
        if self.log.instant is None:
            return midnight(day + 1) - 1
        instant = self.log.instant[rows]
        dated = instant == NO_INSTANT
        if self.log.span is not None:
            instant = instant + self.log.span[rows]
        return np.where(dated, midnight(day + 1) - 1, instant) if dated.any() else instant

    def first_key(self, rows: Int32s) -> Int64s:
        """Child and earliest position of each row."""
        return self._first_keys.take(rows) if self.timed else self.last_key(rows)

    def last_key(self, rows: Int32s) -> Int64s:
        """Child and latest position of each row; ascending for rows in the log's order."""
        kept = self._keys.get(id(rows))
        return self._last_keys.take(rows) if kept is None else kept

    @cached_property
    def _first_keys(self) -> Int64s:
        """The first key of every row of the log: worked out once, because every rule reads some of them."""
        keys = self._child_part()
        keys |= self.earliest(slice(None))
        return keys

    @cached_property
    def _last_keys(self) -> Int64s:
        """The last key of every row of the log."""
        keys = self._child_part()
        keys |= self.latest(slice(None)) if self.timed else self.log.day
        return keys

    def _child_part(self) -> Int64s:
        keys = self.log.child.astype(np.int64)
        keys <<= self.bits
        return keys

    def key_of_day(self, child: Int32s, day: Int32s) -> Int64s:
        """The first position of a child's day."""
        return (child.astype(np.int64) << self.bits) | (midnight(day) if self.timed else day)

    def key_of_day_end(self, child: Int32s, day: Int32s) -> Int64s:
        """The last position of a child's day."""
        return (child.astype(np.int64) << self.bits) | (midnight(day + 1) - 1 if self.timed else day)

    def date_in(self, attribute: str, rows: Int32s) -> Int32s:
        """The day that an attribute of each row names; NO_DAY where it names none."""
        return self._moments(attribute, rows)[0].astype(np.int32)

    def instants_in(self, attribute: str, rows: Int32s) -> tuple[Int64s, Int64s]:
        """The earliest and latest instant that an attribute of each row names; that of the row where it names none."""
        day, instant, span = self._moments(attribute, rows)
        absent, dated = day == NO_DAY, instant == NO_INSTANT
        first = np.where(dated, midnight(day), instant)
        last = np.where(dated, midnight(day + 1) - 1, instant + span)
        return np.where(absent, self.earliest(rows), first), np.where(absent, self.latest(rows), last)

    def _moments(self, attribute: str, rows: Int32s) -> tuple[Int64s, Int64s, Int64s]:
        """The day, instant and span that an attribute of each row names. Each distinct value is read once."""
        column = self.log.attributes.get(attribute)
        if attribute not in self._named_moments:
            read = [] if column is None else [_moment_named(value) for value in column.values]
            day = [NO_DAY if m is None else m.day for m in read]
            instant = [NO_INSTANT if m is None else m.instant for m in read]
            span = [0 if m is None else m.span for m in read]
            table = ([*day, NO_DAY], [*instant, NO_INSTANT], [*span, 0])  # code -1 reads the last entry
            self._named_moments[attribute] = tuple(np.array(values, np.int64) for values in table)  # type: ignore[assignment]
        code = np.full(len(rows), -1) if column is None else column.codes[rows]
        days, instants, spans = self._named_moments[attribute]
        return days[code], instants[code], spans[code]

    def link_codes(self, link: str) -> Int32s:
        """What each row belongs to at one level, such as its referral or its section 47 enquiry; -1 where not recorded.

        A ref such as `R1/S2` names a referral and an enquiry within it. A ref with one part names the event's own
        level, by its whole name or its last part; or an outer level, where the child's other events use it there.
        """
        if link not in self._links:
            self._links[link] = self._read_links(link)
        return self._links[link]

    def _read_links(self, link: str) -> Int32s:
        names, codes, bare = self._written(link)
        for outer in sorted({level for path, _ in bare for level in path[:-1]}):
            outer_names, outer_codes, _ = self._written(outer)
            for path, rows in bare:
                if outer in path[:-1] and len(rows):
                    named = self._named(rows, outer_names, outer_codes)
                    if outer == link:
                        codes[rows] = named
                    else:
                        codes[rows[named >= 0]] = -2  # it names the outer level, and says nothing of this one
        own_level = [rows for path, rows in bare if path[-1] == link and len(rows)]
        if own_level:
            rows = np.concatenate(own_level)
            rows = rows[codes[rows] == -1]
            codes[rows] = self._named_by_last_part(rows, names, codes)
        return np.maximum(codes, -1)

    def _written(self, link: str) -> tuple[dict[str, int], Int32s, list[tuple[tuple[str, ...], Int32s]]]:
        """The names at one level that refs write in full, the code of each row's, and the rows whose ref is one bare part.

        The bare rows come with the levels that a full ref of their kind has.
        """
        log = self.log
        codes = np.full(len(log), -1, np.int32)
        names: dict[str, int] = {}
        bare: list[tuple[tuple[str, ...], Int32s]] = []
        if log.ref is None:
            return names, codes, bare
        order, _, offsets = self._by_kind
        table = np.full(len(log.refs), -1, np.int32)  # what each ref says to the kind in hand: only those of its rows are set
        for kind_code, kind in enumerate(log.kinds):
            path = self.paths.get(kind, ())
            if link not in path:
                continue
            level = path.index(link)
            rows = order[offsets[kind_code] : offsets[kind_code + 1]]
            ref = log.ref[rows]
            if len(ref) and int(ref.min()) < 0:
                rows = rows[ref >= 0]
                ref = log.ref[rows]
            for used in self._distinct_refs(ref):
                parts = self._ref_parts[used]
                if len(parts) == len(path):
                    table[used] = names.setdefault("/".join(parts[: level + 1]), len(names))
                else:
                    table[used] = -2 if len(parts) == 1 else -1
            found = table[ref]
            codes[rows] = np.maximum(found, -1)
            bare.append((path, rows[found == -2]))
        return names, codes, bare

    @cached_property
    def _ref_parts(self) -> list[list[str]]:
        return [ref.split("/") for ref in self.log.refs]

    def _distinct_refs(self, ref: Int32s) -> list[int]:
        """The codes of the refs that occur, in order: by counting where they are many beside the refs there are."""
        many = 8 * len(ref) > len(self.log.refs)
        used: list[int] = (np.flatnonzero(np.bincount(ref)) if many else np.unique(ref)).tolist()
        return used

    def _named(self, rows: Int32s, names: Mapping[str, int], codes: Int32s) -> Int32s:
        """The code of what a bare ref names at an outer level, where this child's own events use the name there."""
        log = self.log
        assert log.ref is not None
        bare = self._look_up(rows, names)
        width = len(names) + 1
        written = self._seen(np.flatnonzero(codes >= 0))
        known = log.child[written].astype(np.int64) * width + codes[written]
        used = (bare >= 0) & np.isin(log.child[rows].astype(np.int64) * width + bare, known)
        return np.where(used, bare, np.int32(-1))

    def _named_by_last_part(self, rows: Int32s, names: dict[str, int], codes: Int32s) -> Int32s:
        """The code of what a bare ref names at its own level: the child's one name that ends in it, or else itself.

        Where the child has several names that end in it, it does not say which.
        """
        log = self.log
        assert log.ref is not None
        for ref in self._distinct_refs(log.ref[rows]):
            names.setdefault(log.refs[ref], len(names))
        own = self._look_up(rows, names)
        last_parts: dict[str, int] = {}
        part_of = np.array([last_parts.setdefault(name.rpartition("/")[2], len(last_parts)) for name in names], np.int32)
        whole = np.array(["/" in name for name in names], np.bool_)
        written = self._seen(np.flatnonzero(codes >= 0))
        written = written[whole[codes[written]]]
        if not len(written):
            return own
        width = len(last_parts) + 1
        code = codes[written]
        key = log.child[written].astype(np.int64) * width + part_of[code]
        order = np.lexsort((code, key))
        key, code = key[order], code[order]
        another = np.ones(len(key), np.bool_)  # each name of a child once
        another[1:] = (key[1:] != key[:-1]) | (code[1:] != code[:-1])
        key, code = key[another], code[another]
        wanted = log.child[rows].astype(np.int64) * width + part_of[own]
        first, last = np.searchsorted(key, wanted), np.searchsorted(key, wanted, "right")
        one = code[np.minimum(first, len(key) - 1)]
        return np.where(last == first, own, np.where(last - first == 1, one, -1)).astype(np.int32)

    def _look_up(self, rows: Int32s, names: Mapping[str, int]) -> Int32s:
        log = self.log
        assert log.ref is not None
        ref, table = log.ref[rows], np.full(len(log.refs), -1, np.int32)
        for used in self._distinct_refs(ref):
            table[used] = names.get(log.refs[used], -1)
        return table[ref]

    def _seen(self, rows: Int64s) -> Int64s:
        return rows if self.visible is None else rows[self.visible[rows]]


def end_of_day(day: int) -> int:
    """The last UTC second of a UK civil day."""
    return int(midnight(np.array([day + 1]))[0]) - 1


@lru_cache(maxsize=100_000)  # a chunk of a large log names much the same dates as the chunk before
def _moment_named(value: object) -> Moment | None:
    try:
        return parse_moment(value)
    except ValueError:
        return None


def meets(value: Scalar, test: AnyTest) -> bool:
    """Whether a recorded value is what a test wants."""
    if isinstance(test, Only):
        return any(_same(value, t) for t in test.only)
    if isinstance(test, Not):
        return not any(_same(value, t) for t in test.not_)
    return any(_same(value, t) for t in test) if isinstance(test, list) else _same(value, test)


def _same(a: Scalar, b: Scalar) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)
