"""The rows of one table of the Standard Safeguarding Dataset, column by column: ids, children, dates and texts.

Each distinct text is read once, so that a hundred thousand rows cost what their columns cost. A time of exactly midnight
is a date without a time: builds that keep dates write one so, and nobody records midnight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, midnight
from rrt_engine.diagnostics import Diagnostic, Severity
from rrt_engine.model import Attribute, AttributeValue, Bools, Int32s, Int64s, Rejected, plural
from rrt_engine.sources.annex_a_values import child_id
from rrt_engine.sources.event_log_columns import Coded, as_codes, as_moments, brief
from rrt_engine.sources.ssd_shapes import Table
from rrt_engine.sources.ssd_values import is_blank, is_no_date, iso

SHOWN = 5
EXAMPLES = 3


@dataclass(frozen=True)
class Held:
    """One table as a file or a database holds it: its label there, its columns by field, and the number of each row.

    `spoiled` are rows that could not even be told apart into columns, and why.
    """

    table: Table
    label: str
    n: int
    columns: Mapping[str, Any]
    row: Int32s
    spoiled: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class When:
    """A column of dates: the day, NO_DAY where there is none; the instant where a time is recorded."""

    day: Int32s
    instant: Int64s | None = None
    span: Int32s | None = None

    def take(self, rows: Any) -> When:
        """Some of its rows."""
        return When(*(None if column is None else column[rows] for column in (self.day, self.instant, self.span)))  # type: ignore[arg-type]


@dataclass
class Rows:
    """The rows of one table that are used, in the order of their ids. What `ssd_links` works out is added to it.

    `child` is a number for each child, shared by all tables. `text` and `when` hold the fields read, `made` attributes that
    take several fields or tables to say, `mask` which rows become an event, `suspect` rows whose dates cannot be right.
    """

    table: Table
    label: str
    row: Int32s
    child: Int32s
    id: Coded
    text: dict[str, Coded]
    when: dict[str, When]
    made: dict[str, Attribute] = field(default_factory=dict)
    mask: dict[str, Bools] = field(default_factory=dict)
    suspect: Bools | None = None

    def __len__(self) -> int:
        return len(self.row)

    def codes(self, name: str) -> Coded:
        """A text field; all empty where the build has no such column."""
        if name == self.table.id:
            return self.id
        return self.text.get(name) or Coded(np.full(len(self), -1, np.int32), [])

    def day(self, name: str) -> Int32s:
        """The days of a date field; none where the build has no such column."""
        found = self.when.get(name)
        return np.full(len(self), NO_DAY, np.int32) if found is None else found.day

    def said(self, name: str, reads: Callable[[str], AttributeValue | None]) -> Attribute:
        """A text field as an attribute; texts that cannot be read are left out (and were warned of before)."""
        return mapped(self.codes(name), reads)

    def mark(self, wrong: Bools) -> None:
        """Mark rows whose dates cannot be right."""
        self.suspect = wrong if self.suspect is None else self.suspect | wrong


@dataclass
class Account:
    """What became of every record, and what to tell the person who made the extract. `file` is its name."""

    file: str
    by_row: bool
    read: int = 0
    used: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def say(self, code: str, message: str, severity: Severity = "warning", help: str = "", place: str = "") -> None:
        """Tell something about a table or the whole extract."""
        self.problems.append(Diagnostic(self.file, 0, 0, code, message, severity, place, help))

    def places(self, rows: Rows, where: Bools | Int64s) -> str:
        """Some of the rows meant, as they can be found: by row in a file, by id in a database."""
        index = np.flatnonzero(where) if where.dtype == np.bool_ else where
        if self.by_row:
            index = index[np.argsort(rows.row[index], kind="stable")]
        named = [self.place(rows, int(i)) for i in index[:EXAMPLES]]
        return f"{', '.join(named)}{' and more' if len(index) > EXAMPLES else ''}"

    def place(self, rows: Rows, i: int) -> str:
        """One row, as it can be found."""
        if self.by_row or rows.id.codes[i] < 0:
            return f"row {rows.row[i]}"
        return f"`{brief(rows.id.values[rows.id.codes[i]])}`"


def mapped(texts: Coded, reads: Callable[[str], AttributeValue | None]) -> Attribute:
    """A column of texts as an attribute: each distinct text is read once, -1 where it says nothing."""
    values: dict[tuple[type, AttributeValue], int] = {}
    table = np.full(len(texts.values) + 1, -1, np.int32)
    for i, text in enumerate(texts.values):
        try:
            value = reads(text)
        except ValueError:
            value = None
        if value is not None and value != "":
            table[i] = values.setdefault((type(value), value), len(values))
    return Attribute(table[texts.codes], tuple(value for _, value in values))


def constant(n: int, value: AttributeValue) -> Attribute:
    """The same value for every row."""
    return Attribute(np.zeros(n, np.int32), (value,))


def holds_any(attribute: Attribute, *values: AttributeValue) -> Bools:
    """Which rows hold one of some values."""
    return np.append(np.array([v in values for v in attribute.values], np.bool_), False)[attribute.codes]


def where_true(attribute: Attribute) -> Bools:
    """The rows of which a yes-or-no attribute says yes."""
    return np.append(np.array([v is True for v in attribute.values], np.bool_), False)[attribute.codes]


def where_false(attribute: Attribute) -> Bools:
    """The rows of which a yes-or-no attribute says no."""
    return np.append(np.array([v is False for v in attribute.values], np.bool_), False)[attribute.codes]


def texts_of(column: Any, ids: bool = False) -> Coded:
    """A column as stripped text, -1 where it says nothing; whole numbers as they look (1001, not 1001.0)."""
    coded = as_codes(column)
    if ids and _all_plain(coded.values):
        return coded
    codes: dict[str, int] = {}
    table = np.full(len(coded.values) + 1, -1, np.int32)
    for i, value in enumerate(coded.values):
        text = "" if value is None else child_id(str(value)) if ids else str(value).strip()
        if text and not is_blank(text):
            table[i] = codes.setdefault(text, len(codes))
    return Coded(table[coded.codes], list(codes))


def _all_plain(values: list[Any]) -> bool:
    """Whether ids are all of letters, figures and dashes, so that each is as it should be: seen at once for a whole column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not all(isinstance(value, str) for value in values):
        return False
    texts = pa.array(values, pa.string())
    plain = pc.match_substring_regex(texts, r"^[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*$")
    return bool(pc.all(plain).as_py()) if values else True


def days_of(column: Any) -> tuple[When, Bools, Callable[[int], str]]:
    """A column of dates or times; which rows hold something that cannot be read, and why."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_temporal(column.type):
        moments = as_moments(column)
        blank = np.asarray(column.is_null().to_pylist(), np.bool_) if column.null_count else np.zeros(len(column), np.bool_)
        unread = np.flatnonzero((moments.day == NO_DAY) & ~blank)
        for i in unread.tolist():
            value = column[i].as_py()
            blank[i] = is_no_date(value)
        bad = (moments.day == NO_DAY) & ~blank
        why = moments.why
    else:
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_dictionary(column.type)):
            column = pc.cast(column, pa.string())
        texts = texts_of(column)
        written = [iso(text) for text in texts.values]
        table = np.arange(len(written) + 1, dtype=np.int32)
        table[[i for i, text in enumerate(written) if not text]] = -1
        table[-1] = -1
        codes = table[texts.codes]
        moments = as_moments(Coded(codes, [text or "1970-01-01" for text in written]))
        bad = (moments.day == NO_DAY) & (codes >= 0)
        given = texts.values

        def why(row: int) -> str:
            text = brief(given[texts.codes[row]])
            return f"`{text}` is not a date; write it as 2026-04-10 or 10/04/2026"

    instant = moments.instant
    if instant is not None:
        instant = np.where((moments.day == NO_DAY) | (instant == midnight(moments.day.astype(np.int64))), NO_INSTANT, instant)
        if not bool((instant != NO_INSTANT).any()):
            instant = None
    span = None if instant is None or moments.span is None else np.where(instant == NO_INSTANT, 0, moments.span).astype(np.int32)
    return When(moments.day, instant, span), bad, why


def rows_of(held: Held, children: dict[str, int], before: Mapping[str, Rows], account: Account) -> Rows:
    """The usable rows of one table. Every other row is rejected with its reason; `children` gains the new ones."""
    table, columns, n = held.table, held.columns, held.n
    none = Coded(np.full(n, -1, np.int32), [])
    read = {name: texts_of(columns[name], ids=True) for name in (table.id, table.via[0], *table.links) if name in columns}
    ids = read.get(table.id, none)
    child = _children(held, children, before, read)
    main = table.main
    when: dict[str, When] = {}
    why_not: dict[int, str] = {int(i): _no_child(table) for i in np.flatnonzero(child < 0)}
    for name in dict.fromkeys(f for f in (main, *table.dates) if f in columns):
        when[name], bad, why = days_of(columns[name])
        if name == main:
            for i in np.flatnonzero(bad).tolist():
                why_not.setdefault(i, f"`{name}`: {why(i)}")
        elif bad.any():
            _dropped(account, held, name, np.flatnonzero(bad), why)
    if main and not table.blank:
        empty = when[main].day == NO_DAY if main in when else np.ones(n, np.bool_)
        for i in np.flatnonzero(empty).tolist():
            why_not.setdefault(i, f"`{main}` is blank")
    for i in _repeats(ids, child, why_not):
        why_not[i] = f"`{table.id}` is that of a row before it, for the same child"
    account.read += n + len(held.spoiled)
    account.used += n - len(why_not)
    _reject(account, held, why_not, child, list(children) if why_not else [])
    keep = np.setdiff1d(np.arange(n), np.fromiter(why_not, np.int64, len(why_not)), assume_unique=True)
    keep = keep[np.argsort(_rank(ids)[ids.codes[keep]], kind="stable")]
    text = {name: (read.get(name) or texts_of(columns[name])).take(keep) for name in table.fields if name in columns and name not in when}
    rows = Rows(table, held.label, held.row[keep], child[keep], ids.take(keep), text, {name: w.take(keep) for name, w in when.items()})
    for earlier, later, says in table.order:
        first, last = rows.day(earlier), rows.day(later)
        wrong = (first != NO_DAY) & (last != NO_DAY) & (last < first)
        if wrong.any():
            out_of_order(account, rows, wrong, says)
    return rows


def out_of_order(account: Account, rows: Rows, wrong: Bools, says: str) -> None:
    """Set rows apart whose dates cannot be right, and say how many."""
    rows.mark(wrong)
    many = plural(int(wrong.sum()), "row")
    message = f"{says}: {many}, {account.places(rows, wrong)}"
    account.say(
        "impossible_dates", message, "warning", "correct the dates at their source; until then these events count for nothing", rows.label
    )


def found(texts: Coded, child: Int32s | None, target: Rows | None, name: str = "") -> Int32s:
    """The row of another table that each row's id names, for the same child where `child` is given; -1 where there is none.

    The ids there are those in its field `name`, or its own.
    """
    if target is None or not len(target):
        return np.full(len(texts.codes), -1, np.int32)
    theirs = target.codes(name) if name else target.id
    numbers = {text: i for i, text in enumerate(theirs.values)}
    code = np.array([*(numbers.get(text, -1) for text in texts.values), -1], np.int64)[texts.codes]
    key, own = code, theirs.codes.astype(np.int64)
    if child is not None:
        key, own = np.where(code < 0, -1, (code << 32) + child), np.where(own < 0, -2, (own << 32) + target.child)
    order = np.argsort(own, kind="stable")
    at = np.minimum(np.searchsorted(own[order], key), len(order) - 1)
    row = order[at]
    return np.where((code >= 0) & (own[row] == key), row, -1).astype(np.int32)


def _children(held: Held, children: dict[str, int], before: Mapping[str, Rows], read: Mapping[str, Coded]) -> Int32s:
    """Each row's child; where the table or the row names none, that of the record it belongs to."""
    table = held.table
    child = np.full(held.n, -1, np.int32)
    for name in table.child:
        if name in held.columns:
            texts = texts_of(held.columns[name], ids=True)
            codes = np.array([*(children.setdefault(text, len(children)) for text in texts.values), -1], np.int32)[texts.codes]
            child = np.where(child < 0, codes, child)
    field_, other, there = table.via
    if field_ in read and other in before and bool((child < 0).any()):
        target = before[other]
        at = found(read[field_], None, target, there)
        child = np.where((child < 0) & (at >= 0), np.append(target.child, np.int32(-1))[at], child)
    return child.astype(np.int32)


def _no_child(table: Table) -> str:
    names = " and ".join(f"`{name}`" for name in table.child[:1])
    return f"{names} is blank" if names else f"`{table.via[0]}` leads to no child"


def _rank(ids: Coded) -> Int32s:
    """For each id code its place in the order of ids; rows without an id come last."""
    order = sorted(range(len(ids.values)), key=ids.values.__getitem__)
    rank = np.empty(len(order) + 1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    rank[-1] = len(order)
    return rank


def _repeats(ids: Coded, child: Int32s, why_not: Mapping[int, str]) -> list[int]:
    """Rows that repeat the id of a row before them, for the same child."""
    good = ids.codes >= 0
    good[list(why_not)] = False
    rows = np.flatnonzero(good)
    key = (ids.codes[rows].astype(np.int64) << 32) + child[rows]
    _, first = np.unique(key, return_index=True)
    again = np.ones(len(rows), np.bool_)
    again[first] = False
    repeats: list[int] = rows[again].tolist()
    return repeats


def _dropped(account: Account, held: Held, name: str, bad: Int64s, why: Callable[[int], str]) -> None:
    """Say which dates of a field were dropped: one warning a reason, with its count."""
    reasons: dict[str, int] = {}
    for i in bad.tolist():
        reasons[why(i)] = reasons.get(why(i), 0) + 1
    for reason, count in list(reasons.items())[:SHOWN]:
        account.say("date", f"`{name}`: {reason}; {plural(count, 'row')} used without it", place=held.label)
    if len(reasons) > SHOWN:
        rest = sum(list(reasons.values())[SHOWN:])
        account.say(
            "date", f"`{name}`: {len(reasons) - SHOWN} more values are no dates; {plural(rest, 'row')} used without them", place=held.label
        )


def _reject(account: Account, held: Held, why_not: Mapping[int, str], child: Int32s, names: Sequence[str]) -> None:
    """Set rows aside, each with its reason; say each reason once with its count and where."""
    listed: dict[str, list[int]] = {}
    rejected = [(int(held.row[i]), why_not[i], names[child[i]] if child[i] >= 0 else "") for i in sorted(why_not)]
    for number, why, name in (*((*each, "") for each in held.spoiled), *rejected):
        account.rejected.append(Rejected(held.label, number, why, name))
        listed.setdefault(why, []).append(number)
    reasons: Sequence[tuple[str, list[int]]] = sorted(listed.items(), key=lambda item: (-len(item[1]), item[0]))
    for why, numbers in reasons[:SHOWN]:
        at = f": row {', '.join(map(str, numbers[:EXAMPLES]))}{' and more' if len(numbers) > EXAMPLES else ''}" if account.by_row else ""
        account.say("rejected", f"{why}; {plural(len(numbers), 'row')} not used{at}", place=held.label)
    if len(reasons) > SHOWN:
        rest = sum(len(numbers) for _, numbers in reasons[SHOWN:])
        account.say("rejected", f"{plural(rest, 'more row')} not used, for {len(reasons) - SHOWN} more reasons", place=held.label)
