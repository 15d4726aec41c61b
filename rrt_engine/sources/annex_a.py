"""Read Ofsted's Annex A child-level lists, from a workbook or a folder of CSV files, into an event log.

Every authority can make these lists. They hold dates only, and no as-at date: the caller says what day it is. What the
sheets and columns are is in `annex_a_lists`, how a file is opened in `annex_a_sheets`, how values are written in
`annex_a_values`, and what happened in `annex_a_events`. List 11 is about adopters and is not read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import Coverage, Rejected, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources import annex_a_values as values
from rrt_engine.sources.annex_a_events import Row, Writer, write_events
from rrt_engine.sources.annex_a_lists import HEADER_ROWS, LISTS, Header, cell_name, columns_of, find_header, header_words
from rrt_engine.sources.annex_a_sheets import ADOPTERS, EXPECTED, Sheet, looks_like_annex_a, refused, sheets_in
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.reading import Reading


@dataclass
class _Account:
    """What became of each record so far."""

    file: str
    read: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    rows: dict[int, list[Row]] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    problems: list[Diagnostic] = field(default_factory=list)

    def say(self, code: str, message: str, severity: Any, place: str = "", help: str = "") -> None:
        """Tell the person who made the file something about a sheet or the whole file."""
        self.problems.append(Diagnostic(self.file, 0, 0, code, message, severity, place, help))


def read_annex_a(path: Path, book: RuleBook) -> Reading:
    """Read Annex A lists. Raises InputError where nothing in the file can be read, saying what was found."""
    sheets = sheets_in(path)
    if not sheets:
        raise refused(path, "no_lists", "none of its sheets or files is an Annex A list", f"{EXPECTED}; name the sheets List_1 to List_11")
    account = _Account(str(path))
    log = Writer(str(path), LogBuilder(book.events), account.problems)
    first_of: dict[int, str] = {}
    for sheet in sheets:
        if sheet.number == ADOPTERS:
            rows = _adopters(sheet)
            if rows:
                says = f"list 11 was not read: {plural(rows, 'row')} about adopters, who are not children"
                account.say("adopters", says, "note", sheet.name)
        elif sheet.number in first_of:
            why = f"`{sheet.name}` and `{first_of[sheet.number]}` are both list {sheet.number}"
            account.say("list_twice", why, "error", sheet.name, f"keep one of them; `{first_of[sheet.number]}` was read")
            _reject_all(sheet, account, log, _without_header(sheet), f"{why}; only the first was read")
        else:
            first_of[sheet.number] = sheet.name
            _read_sheet(sheet, account, log)
    if not account.rows:
        raise InputError(
            [d for d in account.problems if d.severity == "error"]
            or [Diagnostic(str(path), 0, 0, "no_lists", "only list 11 (adopters) was found", "error", "", EXPECTED)]
        )
    absent = [str(each.number) for each in LISTS if each.number not in first_of and each.number != ADOPTERS]
    if absent:
        account.say(
            "lists_absent", f"no sheet for list {', '.join(absent)}", "note", "", "rules that need them are reported as not evaluable"
        )
    if 5 in account.rows and 7 not in account.rows:
        says = "without list 7 it cannot be seen which children were already on a plan when an enquiry began"
        account.say("no_list_7", says, "warning", first_of[5], "some conferences may be shown as overdue that were not needed; add list 7")
    write_events(log, account.rows)
    return Reading(
        log.builder.build(Coverage(frozenset(account.kinds), latest=frozenset(log.latest))),
        "annex_a",
        account.read,
        sum(len(rows) for rows in account.rows.values()),
        tuple(account.rejected),
        tuple(account.problems),
    )


def _has_value(row: list[Any]) -> bool:
    return any(not values.is_missing(cell) for cell in row)


def _adopters(sheet: Sheet) -> int:
    """How many rows list 11 has below its header."""
    header = next((i for i, row in enumerate(sheet.cells) if any("identifier" in header_words(cell) for cell in row)), -1)
    return sum(_has_value(row) for row in sheet.cells[header + 1 :])


def _without_header(sheet: Sheet) -> int:
    """Where the rows of a list begin when it will not be read: after its header, or after its first filled row."""
    header = find_header(sheet.cells, sheet.number)
    if header:
        return header.row + 1
    return next((i + 1 for i, row in enumerate(sheet.cells) if _has_value(row)), 0)


def _reject_all(sheet: Sheet, account: _Account, log: Writer, begin: int, why: str) -> int:
    """Reject every row of a list, and say how many there were."""
    name = _origin(account, sheet)
    rows = [i + 1 for i in range(begin, len(sheet.cells)) if _has_value(sheet.cells[i])]
    account.read += len(rows)
    account.rejected.extend(Rejected(name, row, f"{sheet.name}: {why}") for row in rows)
    log.builder.origin(name)
    return len(rows)


def _origin(account: _Account, sheet: Sheet) -> str:
    return f"{account.file} {sheet.name}"


def _read_sheet(sheet: Sheet, account: _Account, log: Writer) -> None:
    """Read one list's rows, or reject them all where its header is not there or lacks what the list needs."""
    header = find_header(sheet.cells, sheet.number)
    if header is None:
        rows = _reject_all(sheet, account, log, _without_header(sheet), "its header was not found")
        if rows or any(_has_value(row) for row in sheet.cells):
            wanted = ", ".join(f"`{c.name}`" for c in columns_of(sheet.number) if c.required)
            says = f"no header of list {sheet.number} in the first {HEADER_ROWS} rows; {plural(rows, 'row was', 'rows were')} not read"
            account.say("no_header", says, "error", sheet.name, f"the header row needs {wanted or '`Child Unique ID`'}")
        return
    lacks = [c for c in header.missing if c.required]
    if lacks:
        names = ", ".join(f"`{c.name}`" for c in lacks)
        rows = _reject_all(sheet, account, log, header.row + 1, f"the list has no column {names}")
        found = f"list {sheet.number} has no column {names}; {plural(rows, 'row was', 'rows were')} not read"
        account.say(
            "missing_column",
            found,
            "error",
            f"{sheet.name}!{header.row + 1}:{header.row + 1}",
            "give the columns the names they have in Ofsted's template",
        )
        return
    _say_what_is_not_carried(sheet, header, account)
    account.kinds.update(kind for c in columns_of(sheet.number) if c.field in header.fields for kind in c.kinds)
    _read_rows(sheet, header, account, log)


def _say_what_is_not_carried(sheet: Sheet, header: Header, account: _Account) -> None:
    absent = [c for c in header.missing if c.kinds]
    if absent:
        names = ", ".join(f"`{c.name}`" for c in absent)
        account.say(
            "column_absent",
            f"list {sheet.number} has no column {names}",
            "note",
            sheet.name,
            "rules that need it are reported as not evaluable",
        )


def _read_rows(sheet: Sheet, header: Header, account: _Account, log: Writer) -> None:
    """Use or reject each row that holds anything in a column with a name."""
    name = _origin(account, sheet)
    origin = log.builder.origin(name)
    used = account.rows.setdefault(sheet.number, [])
    filled = [c for c in columns_of(sheet.number) if c.filled]
    seen: dict[tuple[Any, ...], int] = {}
    content, child_at = header.content, header.fields["child"]
    for at in range(header.row + 1, len(sheet.cells)):
        cells = sheet.cells[at]
        key = tuple(cells[i] if i < len(cells) else "" for i in content)
        if all(values.is_missing(cell) for cell in key):
            continue
        account.read += 1
        number = at + 1
        child = values.child_id(cells[child_at] if child_at < len(cells) else None)
        row = Row(number, sheet.name, origin, child, cells, header.fields)
        first = seen.setdefault(key, number)
        if first != number:
            why = f"{sheet.name}!{number}:{number}: the same in every column as row {first}"
        elif not child:
            why = f"{sheet.name}!{cell_name(child_at, number)}: no `Child Unique ID`"
        else:
            why = next(filter(None, (_lacks(row, c.field, c.name) for c in filled)), "")
        if why:
            account.rejected.append(Rejected(name, number, why, child or "", first != number))
        else:
            used.append(row)


def _lacks(row: Row, field_name: str, column: str) -> str:
    """Why a row cannot be used without a date it must have; empty where it has one, which is kept."""
    value = row.cell(field_name)
    if value is None:
        return f"{row.place(field_name)}: no date in `{column}`"
    try:
        row.days[field_name] = values.day_of(value)
    except ValueError as error:
        return f"{row.place(field_name)}: {error}"
    return ""


__all__ = ["looks_like_annex_a", "read_annex_a"]
