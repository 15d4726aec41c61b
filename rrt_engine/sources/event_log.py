"""Read an event log: one row an event, as CSV, Parquet or JSON lines.

Columns: `child_id`, `event`, `at`, and where known `recorded_at`, `ref`, `date_of_birth`, `expected_date_of_birth`; every
other column is an attribute. Five more say of an event what another source knew of it: `latest_only`, `suspect`,
`alike_number`, and `origin` and `origin_row`, the file and the row it came from. A row with a child and no event is a child
without events. docs/event-log.md describes the format. Each distinct text is read once, so that millions of rows cost what
their columns cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT
from rrt_engine.diagnostics import did_you_mean
from rrt_engine.model import Attribute, AttributeValue, Bools, Coverage, EventLog, Int32s, Int64s, Rejected, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.builder import sorted_log, typed
from rrt_engine.sources.covers import coverage_beside
from rrt_engine.sources.event_log_columns import (
    Coded,
    Moments,
    Nested,
    as_children,
    as_codes,
    as_moments,
    as_numbers,
    as_texts,
    brief,
    held_in,
    is_blank,
    is_nested,
    take_rows,
)
from rrt_engine.sources.event_log_files import COLUMNS, SHOWN, Table, heading, read_delimited, read_json_lines, read_parquet, refused
from rrt_engine.sources.reading import Reading

OPTIONAL = (
    "recorded_at",
    "ref",
    "date_of_birth",
    "expected_date_of_birth",
    "latest_only",
    "suspect",
    "alike_number",
    "origin",
    "origin_row",
)
"""The columns that are no attributes, beside the three an event log must have."""
_OF_A_CHILD = ("child_id", "date_of_birth", "expected_date_of_birth")
_SORTABLE = 2_000_000  # rows that share a child and a day: beyond this only neighbours are compared for exact duplicates


def read_event_log(path: Path | str, book: RuleBook, covers: Mapping[str, Any] | None = None) -> Reading:
    """Read an event log. `covers` says what it covers, in place of the `<name>.covers.yaml` beside the file.

    Raises InputError when it is not an event log at all; a bad row is rejected and the rest goes on.
    """
    path = Path(path)
    file = str(path)
    coverage, snapshot = coverage_beside(path, book, covers)
    try:
        with path.open("rb") as opened:
            head = opened.read(65_536)
    except OSError as error:
        raise refused(file, "unreadable", f"cannot read the file: {error.strerror or error}") from None
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise refused(file, "empty", "the file is empty; expected one row an event, under a row of column names")
    suffix = path.suffix.lower()
    if head[:4] == b"PAR1":
        table = read_parquet(path)
    elif head[:4] == b"PK\x03\x04" or head[:4] == b"\xd0\xcf\x11\xe0":
        raise refused(file, "format", "this is a workbook or zip file, not an event log", "save the sheet as CSV (UTF-8) and read that")
    elif suffix in (".parquet", ".pq"):
        raise refused(file, "format", "the name says Parquet but the contents are not", "check the file; CSV must be named .csv")
    elif suffix in (".jsonl", ".ndjson", ".json") or (
        suffix not in (".csv", ".tsv", ".txt") and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    ):
        table = read_json_lines(path)
    else:
        table = read_delimited(path, head)
    return log_from_table(table, book, coverage, snapshot)


def log_from_table(
    table: Table, book: RuleBook, coverage: Coverage = Coverage(), snapshot: bool = False, midnight: bool | None = None
) -> Reading:
    """The event log in a file already read as columns. With `snapshot` it holds only the latest event of each kind.

    `midnight` says of a part of a file whether every time in the whole file is midnight; left out, the table is the whole.
    """
    return _Conversion(table, book, midnight).reading(coverage, snapshot)


# ---------------------------------------------------------------------------------------------------- the event log


class _Conversion:
    """One table on its way to an event log."""

    def __init__(self, table: Table, book: RuleBook, midnight: bool | None) -> None:
        self.table = table
        self.book = book
        self.midnight = midnight
        self.name = Path(table.file).name

    def reading(self, coverage: Coverage, snapshot: bool) -> Reading:
        """The log and everything worth saying about the file."""
        table = self.table
        origin = self.origin()
        child, children = as_children(table.columns["child_id"])
        kind, kinds = self.kinds(table.columns["event"])
        at = self.times(as_moments(table.columns["at"]))
        columns = {name: column for name, column in table.columns.items() if name not in COLUMNS}
        keep = people = None  # the rows that are events, and those that say something of a child; None for all
        good = (child >= 0) & (kind >= 0) & (at.day != NO_DAY)
        if not bool(good.all()):
            alone = self.without_events(child >= 0)
            self.reject(~(good | alone), child, children, kind, at)
            keep, people = np.flatnonzero(good), np.flatnonzero(good | alone)
            used, of_people = _only_used(child[people], len(children))  # every row of some child, or of some kind, may be gone
            children = children[used]
            child, kind = of_people[good[people]], kind[keep]
        day = at.day if keep is None else at.day[keep]
        instant = at.instant if keep is None or at.instant is None else at.instant[keep]
        span = at.span if keep is None or at.span is None else at.span[keep]
        row = table.row if keep is None else table.row[keep]

        def column(name: str) -> Any:
            found = columns[name]
            return found if keep is None else take_rows(found, keep)

        def births(name: str) -> tuple[Int32s | None, Int32s | None]:
            if name not in columns:
                return None, None
            if people is None:
                return self.births(columns[name], name, child, len(children), table.row)
            return self.births(take_rows(columns[name], people), name, of_people, len(children), table.row[people])

        if keep is not None:
            used, kind = _only_used(kind, len(kinds))
            kinds = tuple(kinds[i] for i in used.tolist())
        ref = as_texts(column("ref")) if "ref" in columns else Coded(np.zeros(0, np.int32), [])
        refs, ref_codes = _ranked(ref)
        recorded = self.days(column("recorded_at"), "recorded_at") if "recorded_at" in columns else None
        latest = self.marked(column("latest_only"), "latest_only", "boolean") if "latest_only" in columns else None
        suspect = self.marked(column("suspect"), "suspect", "boolean") if "suspect" in columns else None
        number = self.marked(column("alike_number"), "alike_number", "integer") if "alike_number" in columns else None
        numbered = {} if number is None else {"alike_number": Attribute(number, ())}  # sorted with the rest, and not kept
        attributes = self.attributes({name: c for name, c in columns.items() if name not in OPTIONAL}, keep, kind, kinds)
        (born, born_also), (expected, expected_also) = births("date_of_birth"), births("expected_date_of_birth")
        log = EventLog(
            children=children,
            kinds=kinds,
            child=child,
            kind=kind,
            day=day,
            instant=instant if instant is not None and bool((instant != NO_INSTANT).any()) else None,
            span=span if span is not None and bool(span.any()) else None,
            ref=ref_codes if refs else None,
            refs=refs,
            recorded=recorded if recorded is not None and bool((recorded != NO_DAY).any()) else None,
            latest_only=np.ones(len(child), np.bool_) if snapshot else latest_dates(latest, coverage, kind, kinds),
            suspect=None if suspect is None else suspect.astype(np.bool_),
            attributes=attributes | numbered,
            born=born,
            expected=expected,
            born_also=born_also,
            expected_also=expected_also,
            coverage=coverage,
            origins=tuple(origin.values),
            origin=origin.codes if keep is None else origin.codes[keep],
            origin_row=row,
        )
        log = self.without_duplicates(sorted_log(log))
        if numbered:
            log = replace(log, attributes={name: a for name, a in log.attributes.items() if name not in numbered})
        read = table.n + len(table.rejected) - self.rejected_rows
        return Reading(log, table.format, read, read - len(table.rejected), tuple(table.rejected), tuple(table.diagnostics))

    def origin(self) -> Coded:
        """The file each row came from: this one, unless the rows say that they came from another, and from which row of it."""
        table = self.table
        if "origin_row" in table.columns:
            table.row = as_numbers(table.columns["origin_row"])
        if "origin" not in table.columns:
            return Coded(np.zeros(table.n, np.int32), [self.name])
        found = as_texts(table.columns["origin"])
        if len(found.values) == 1:
            self.name = found.values[0]
        if not (found.codes < 0).any():
            return found
        return Coded(np.where(found.codes < 0, len(found.values), found.codes).astype(np.int32), [*found.values, self.name])

    rejected_rows = 0  # rows of the table itself that were rejected, as against lines that never became rows

    def without_events(self, known: Bools) -> Bools:
        """The rows that only name a child, with its date of birth where known: a child without events."""
        alone: Bools = known & (self.unknown.codes < 0)
        for name, column in self.table.columns.items():
            if name not in (*_OF_A_CHILD, "origin", "origin_row") and bool(alone.any()):
                alone &= is_blank(column)
        if n := int(np.count_nonzero(alone)):
            message = f"{plural(n, 'child is', 'children are')} named without an event"
            self.table.say("no_events", message, severity="note", line=int(self.table.row[alone][0]))
        return alone

    def marked(self, column: Any, name: str, kind: str) -> Int32s | None:
        """A column of marks as numbers, 0 where there is none; None where no row has one. What cannot be read is dropped and said."""
        coded = as_codes(column)
        counts = np.bincount(coded.codes + 1, minlength=len(coded.values) + 1)[1:]
        table = np.zeros(len(coded.values) + 1, np.int32)
        reasons: dict[str, int] = {}
        for i in np.flatnonzero(counts).tolist():
            value = self.typed(coded.values[i], kind, int(counts[i]), reasons)
            table[i] = int(value) if value is not None and abs(int(value)) < 2**31 else 0
        self.dropped(name, reasons)
        return table[coded.codes] if bool(table.any()) else None

    def kinds(self, column: Any) -> tuple[np.ndarray[Any, np.dtype[np.int16]], tuple[str, ...]]:
        """Each row's event kind, -1 where its name is not known; each unknown name is said once, with its count."""
        texts = as_texts(column)
        accepted = {other: kind for kind, e in self.book.events.items() for other in e.accepts}
        known = self.book.events
        counts = np.bincount(texts.codes + 1, minlength=len(texts.values) + 1)[1:]
        meant: dict[int, str] = {}
        unknown: list[int] = []
        for i in np.flatnonzero(counts).tolist():
            name = texts.values[i]
            kind = name if name in known else accepted.get(name)
            if kind is None and (lower := heading(name)) != name:
                kind = lower if lower in known else accepted.get(lower)
            if kind is None:
                unknown.append(i)
            else:
                meant[i] = kind
        kinds = sorted(set(meant.values()))
        table = np.full(len(texts.values) + 1, -1, np.int16)
        for i, kind in meant.items():
            table[i] = kinds.index(kind)
        if unknown:
            unknown.sort(key=lambda i: (-counts[i], texts.values[i]))
            for i in unknown[:50]:
                name = texts.values[i]
                help = did_you_mean(name, [*known, *accepted]) if len(name) < 80 else ""
                message = f"unknown event `{brief(name)}`: {plural(int(counts[i]), 'row')} not used"
                first = int(self.table.row[np.argmax(texts.codes == i)])
                self.table.say("unknown_event", message, help or "rules/events.yaml lists the events", line=first)
            if len(unknown) > 50:
                rest = int(sum(counts[i] for i in unknown[50:]))
                self.table.say("unknown_event", f"{plural(len(unknown) - 50, 'more unknown event')}: {plural(rest, 'row')} not used")
        self.unknown = texts
        return table[texts.codes], tuple(kinds)

    def times(self, at: Moments) -> Moments:
        """The times, read as dates where every one is midnight: a tool wrote dates as times, and midnight is never invented."""
        if not (at.all_midnight if self.midnight is None else self.midnight):
            return at
        self.table.say("midnight", "every time in `at` is 00:00, so they are read as dates without a time", severity="note")
        return replace(at, instant=None, span=None)

    def reject(self, bad: Bools, child: Int32s, children: Any, kind: Any, at: Moments) -> None:
        """Set aside the rows with no child, no known event or no readable date, each with its reason."""
        table = self.table
        listed: dict[str, int] = {}
        rows = np.flatnonzero(bad).tolist()
        self.rejected_rows = len(rows)
        nested = is_nested(table.columns["child_id"])
        for i in rows:
            line = int(table.row[i])
            if child[i] < 0:
                code, why = "no_child", f"`child_id` {'is a list or an object' if nested[i] else 'is blank'}"
            elif kind[i] < 0:
                name = self.unknown.codes[i]
                code, why = "", "`event` is blank" if name < 0 else f"unknown event `{brief(self.unknown.values[name])}`"
                code = "no_event" if name < 0 else ""
            else:
                code, why = "date", at.why(i)
            table.rejected.append(Rejected(self.name, line, why, "" if child[i] < 0 else str(children[child[i]])))
            if code:
                listed[code] = listed.get(code, 0) + 1
                if listed[code] <= SHOWN:
                    table.say(code, f"{why}; the row is not used", line=line)
        more = {"no_child": "without a `child_id`", "no_event": "without an `event`", "date": "whose `at` cannot be read"}
        for code, count in listed.items():
            if count > SHOWN:
                table.say(code, f"{plural(count - SHOWN, 'more row')} {more[code]}: not used")

    def days(self, column: Any, name: str) -> Int32s:
        """A column of dates that may be left out; what cannot be read is dropped, and said once a value."""
        found = as_moments(column)
        blank = is_blank(column)
        bad = np.flatnonzero((found.day == NO_DAY) & ~blank)
        reasons: dict[str, int] = {}
        for i in bad.tolist():
            why = found.why(i)
            reasons[why] = reasons.get(why, 0) + 1
        self.dropped(name, reasons)
        return found.day

    def dropped(self, name: str, reasons: Mapping[str, int]) -> None:
        """Say which values of a column were dropped: one warning a value, and a count of the rest."""
        for why, count in list(reasons.items())[:SHOWN]:
            self.table.say("value", f"`{name}`: {why}; dropped from {plural(count, 'row')}")
        if len(reasons) > SHOWN:
            rest = sum(list(reasons.values())[SHOWN:])
            self.table.say("value", f"`{name}`: {plural(len(reasons) - SHOWN, 'more value')} dropped from {plural(rest, 'row')}")

    def births(self, column: Any, name: str, child: Int32s, m: int, line: Any) -> tuple[Int32s | None, Int32s | None]:
        """Each child's date of birth, the first that is given, and the next that differs from it; None where nobody has one.

        Children given more than one are counted, and the first such line is named. `line` is that of each row.
        """
        day = self.days(column, name)
        rows = np.flatnonzero(day != NO_DAY)
        if not len(rows):
            return None, None
        born = np.full(m, NO_DAY, np.int32)
        born[child[rows[::-1]]] = day[rows[::-1]]  # the first row is written last, so it stands
        differ = rows[born[child[rows]] != day[rows]]
        if not len(differ):
            return born, None
        also = np.full(m, NO_DAY, np.int32)
        also[child[differ[::-1]]] = day[differ[::-1]]
        many = plural(int(np.count_nonzero(also != NO_DAY)), "child has", "children have")
        message = f"{many} more than one `{name}`; the first in the file is used"
        self.table.say("two_dates", message, "check which is right, and whether the id stands for two children", line=int(line[differ[0]]))
        return born, also

    def attributes(self, columns: Mapping[str, Any], keep: Int64s | None, kind: Any, kinds: Sequence[str]) -> dict[str, Attribute]:
        """The other columns, each value read as the vocabulary types it for that kind of event. `keep` are the rows that are events."""
        result: dict[str, Attribute] = {}
        every = {name for e in self.book.events.values() for name in e.attrs}
        place = None if keep is None else np.full(self.table.n, -1, np.int32)
        if place is not None:
            place[keep] = np.arange(len(kind), dtype=np.int32)
        for name, column in columns.items():
            held = held_in(column)
            rows: Any = held.rows
            codes: Any = held.codes
            if keep is not None and place is not None:
                if rows is None:
                    codes = codes[keep]
                else:
                    rows = place[rows]
                    rows, codes = rows[rows >= 0], codes[rows >= 0]
            if not len(codes):
                continue
            if name not in every and (near := did_you_mean(name, every)):
                self.table.say("unknown_attribute", f"no event in the vocabulary records `{name}`; it is kept as it stands", near)
            types: dict[str, tuple[int, Any]] = {}  # what the vocabulary wants of the value, by kind of event
            type_of = np.zeros(len(kinds), np.int64)
            for k, kind_name in enumerate(kinds):
                wanted = self.book.events[kind_name].attrs.get(name)
                type_of[k], _ = types.setdefault("" if wanted is None else repr(wanted), (len(types), wanted))
            if len(types) > 1:
                codes = type_of[kind if rows is None else kind[rows]] * len(held.values) + codes
            read: dict[tuple[type, AttributeValue], int] = {}
            reasons: dict[str, int] = {}
            counts = np.bincount(codes, minlength=len(types) * len(held.values))
            table = np.full(len(counts), -1, np.int32)
            kind_types = [wanted for _, wanted in types.values()]
            for i in np.flatnonzero(counts).tolist():
                wanted, given = kind_types[i // len(held.values)], held.values[i % len(held.values)]
                value = self.typed(given, wanted, int(counts[i]), reasons)
                if value is not None:
                    table[i] = read.setdefault((type(value), value), len(read))
            self.dropped(name, reasons)
            if not read:
                continue
            order = _in_order(read)
            rank = np.full(len(read) + 1, -1, np.int32)
            for number, key in enumerate(order):
                rank[read[key]] = number
            ranked = rank[table].astype(np.min_scalar_type(-len(order)))  # the columns are many, and few have many values
            if rows is None:
                final = ranked[codes]
            else:
                final = np.full(len(kind), -1, ranked.dtype)
                final[rows] = ranked[codes]
            result[name] = Attribute(final, tuple(value for _, value in order))
            broken = sum(1 for _, value in order if isinstance(value, str) and "\n" in value)
            if broken:
                help = "if a quote mark was left open, whole rows are hidden inside that value: check it"
                self.table.say(
                    "line_break", f"{plural(broken, 'value')} in `{name}` {'runs' if broken == 1 else 'run'} over a line end", help
                )
        return result

    def typed(self, value: Any, wanted: Any, count: int, reasons: dict[str, int]) -> AttributeValue | None:
        """One attribute value as its type, or None where it is blank or cannot be read; then the reason is kept."""
        if isinstance(value, str) and not value.strip():
            return None
        try:
            if isinstance(value, (Nested, list, dict, bytes)):
                raise ValueError("expected a single value")
            if wanted is None and isinstance(value, (bool, int)):
                return str(value).lower()  # the same from every format: CSV knows only text
            return typed(value, wanted)
        except ValueError as error:
            why = f"`{brief(value)}`: {error}"
            reasons[why] = reasons.get(why, 0) + count
            return None

    def without_duplicates(self, log: EventLog) -> EventLog:
        """The log without rows that repeat an earlier row in everything; they are rejected and counted."""
        rows, same = alike(log)
        repeated = np.sort(rows[1:][same])
        if not len(repeated):
            return log
        assert log.origin_row is not None
        lines = log.origin_row[repeated].tolist()
        for line in sorted(lines):
            self.table.rejected.append(Rejected(self.name, line, "repeats another row exactly", repeats=True))
        self.rejected_rows += len(lines)
        shown = ", ".join(map(str, sorted(lines)[:5])) + (", …" if len(lines) > 5 else "")
        one = len(lines) == 1
        what = f"{plural(len(lines), 'row')} {'repeats' if one else 'repeat'} another exactly and {'is' if one else 'are'} not used"
        message = f"{what}: row {shown}"
        self.table.say("duplicate", message, "where they are two events, give each its own `ref`", line=min(lines))
        return _without(log, repeated)


def latest_dates(marked: Int32s | None, coverage: Coverage, kind: Any, kinds: Sequence[str]) -> Bools | None:
    """The events that stand for the latest of their kind only: those marked so, and all of a kind of which the log holds no other."""
    table = np.array([name in coverage.latest for name in kinds], np.bool_)
    if not table.any():
        return None if marked is None else marked.astype(np.bool_)
    found: Bools = table[kind] if marked is None else table[kind] | marked.astype(np.bool_)
    return found if bool(found.any()) else None


def alike(log: EventLog) -> tuple[Int64s, Bools]:
    """The rows that may repeat another of their child, day and kind, those alike in everything side by side and in the order they stand.

    Each entry of the second says whether a row is alike in everything to the one before it. Where too many rows share a child
    and a day, only rows that stand side by side in the log are compared.
    """
    nothing = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    if len(log) < 2:
        return nothing
    same = (log.child[1:] == log.child[:-1]) & (log.day[1:] == log.day[:-1])
    if not bool(same.any()):
        return nothing
    tied = np.flatnonzero(np.append(same, False) | np.concatenate([[False], same]))
    single = (log.instant, log.span, log.ref, log.recorded, log.latest_only, log.suspect)
    columns = [c for c in (*single, *(a.codes for a in log.attributes.values())) if c is not None]
    if len(tied) <= _SORTABLE:
        group = np.cumsum(~np.concatenate([[False], same])[tied]) * len(log.kinds) + log.kind[tied]
        by_kind = np.argsort(group, kind="stable")
        another = group[by_kind[1:]] == group[by_kind[:-1]]
        by_kind = by_kind[np.append(another, False) | np.concatenate([[False], another])]  # only these can be alike: a few, mostly
        tied, group = tied[by_kind], group[by_kind]
        if not len(tied):
            return nothing
        keys = [*(c[tied] for c in columns), group]
        order = np.lexsort(keys) if len(keys) > 1 else np.argsort(keys[0], kind="stable")
        equal = np.ones(len(order) - 1, np.bool_)
        for key in keys:
            in_order = key[order]
            equal &= in_order[1:] == in_order[:-1]
        return tied[order], equal
    equal = same & (log.kind[1:] == log.kind[:-1])
    for column in columns:
        equal &= column[1:] == column[:-1]
    return np.arange(len(log)), equal


def _only_used(codes: Any, n: int) -> tuple[Int64s, Any]:
    """Which of n values occur, and the codes into those alone."""
    used = np.flatnonzero(np.bincount(codes, minlength=n)) if len(codes) else np.zeros(0, np.int64)
    table = np.zeros(n, codes.dtype)
    table[used] = np.arange(len(used), dtype=codes.dtype)
    return used, table[codes]


def _in_order(read: Iterable[tuple[type, AttributeValue]]) -> list[tuple[type, AttributeValue]]:
    """The values of an attribute, with their types, in order of type and then of value."""
    by_type: dict[type, list[Any]] = {}
    for kind, value in read:
        by_type.setdefault(kind, []).append(value)
    return [(kind, value) for kind in sorted(by_type, key=lambda t: t.__name__) for value in sorted(by_type[kind])]


def _ranked(ref: Coded) -> tuple[tuple[str, ...], Int32s]:
    """The refs that occur, in order, and the codes into them."""
    if not len(ref.codes):
        return (), ref.codes
    used = np.flatnonzero(np.bincount(ref.codes + 1, minlength=len(ref.values) + 1)[1:]).tolist()
    used.sort(key=lambda i: ref.values[i])
    table = np.full(len(ref.values) + 1, -1, np.int32)
    table[used] = np.arange(len(used), dtype=np.int32)
    return tuple(ref.values[i] for i in used), table[ref.codes]


def _without(log: EventLog, rows: Int64s) -> EventLog:
    """The log without a few of its rows: the stretches between them are copied whole, which is quicker than row by row."""
    edges = [0, *(i for row in rows.tolist() for i in (row, row + 1)), len(log)]
    runs = [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]

    def left(values: Any) -> Any:
        return np.concatenate([values[run] for run in runs])

    columns = ("child", "kind", "day", "instant", "span", "ref", "recorded", "latest_only", "suspect", "origin", "origin_row")
    taken = {name: left(getattr(log, name)) for name in columns if getattr(log, name) is not None}
    return replace(log, **taken, attributes={name: Attribute(left(a.codes), a.values) for name, a in log.attributes.items()})
