"""The record of what people decided: entries are only ever added, and each is chained to the one before by a hash.

The tool suggests and a person decides; this keeps both, with the reason where they differ, so that decisions against the
suggestion are reviewed and never hidden. A record is one SQLite file (write-ahead log where the disk allows it). It holds
case ids, roles and reasons: no names and no story. Each entry is text whose hash covers its number, everything in it and
the hash of the entry before, so that a change, a removal or another order shows.

What the chain cannot show: somebody who may write to the file can write the whole record anew, with new hashes throughout.
That shows only against a hash noted somewhere else, for which every decision prints its own. Keep a record on a disk of the
computer that writes it: SQLite's locks are not safe on every network share.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from rrt_engine.decision import (
    FIELDS,
    Decision,
    Entry,
    Suggested,
    canonical,
    cautions,
    decide,
    facts_digest,
    mistakes,
    read,
    sha256,
    written,
)
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.words import uk_time

VERSION = 1
"""The version of the file's layout. A record of a later version is refused, never guessed at."""
START = "0" * 64
"""What the first entry has in place of the hash of the one before."""
SHORTEST_HASH = 16
CANNOT_SHOW = (
    "A chain cannot show that somebody with the right to write to the file has written the whole record anew. "
    "Note the last hash somewhere else, and compare: rrt decisions verify --expect HASH"
)
_APPLICATION = 0x52525444  # "RRTD", by which SQLite's header says whose file it is
_WAIT = 30.0  # seconds to wait while another process writes

_LAYOUT = (
    "CREATE TABLE entries (number INTEGER PRIMARY KEY, content TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL, hash TEXT NOT NULL)",
    "INSERT INTO head VALUES (1, 0, printf('%064d', 0))",
    # An insert may replace a row without deleting it, so that inserts are guarded too.
    "CREATE TRIGGER entries_follow BEFORE INSERT ON entries WHEN NEW.number IS NOT (SELECT count + 1 FROM head) "
    "BEGIN SELECT RAISE(ABORT, 'an entry follows the last one'); END",
    "CREATE TRIGGER entries_stay BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END",
    "CREATE TRIGGER entries_stand BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END",
    "CREATE TRIGGER head_is_one BEFORE INSERT ON head BEGIN SELECT RAISE(ABORT, 'there is one head'); END",
    "CREATE TRIGGER head_stays BEFORE DELETE ON head BEGIN SELECT RAISE(ABORT, 'the head is never deleted'); END",
    "CREATE TRIGGER head_follows BEFORE UPDATE ON head WHEN NEW.id IS NOT 1 OR NEW.count IS NOT OLD.count + 1 "
    "OR NEW.hash IS NOT (SELECT hash FROM entries WHERE number = NEW.count) "
    "BEGIN SELECT RAISE(ABORT, 'the head is the last entry'); END",
)


# ---------------------------------------------------------------------------------------------------- the file


@dataclass(frozen=True)
class Record:
    """An open record: its path and its connection. Obtained from `open_record`."""

    path: Path
    connection: sqlite3.Connection


@contextmanager
def open_record(path: Path, write: bool = False, wait: float | None = None) -> Iterator[Record]:
    """Open a record to read, or to add to. Only opening to write makes a file where there is none.

    `wait` is how many seconds to wait at most while another process writes, where that is less than usual.

    Raises InputError where the file is no record, is of a later version, or cannot be read or written.
    """
    if path.is_dir():
        raise _refused(path, "not_a_record", "this is a folder", "name a file in it, such as rrt-decisions.sqlite")
    if not write and not path.exists():
        raise _refused(path, "not_found", "there is no record of decisions here", "`rrt decide` makes one; or name another with --record")
    if not path.absolute().parent.is_dir():
        raise _refused(path, "unwritable", f"there is no folder `{path.parent}`", "make the folder first, or name another with --record")
    if _is_other(path):
        raise _refused(path, "not_a_record", "this is not a record of decisions", "name another file with --record")
    try:
        with closing(_connected(path, write, wait)) as connection:
            new = _is_new(path, connection, write)
            if write:
                _journal(path, connection)
                if new:
                    _lay_out(connection)
            yield Record(path, connection)
    except sqlite3.Error as error:
        raise _in_words(path, error, write) from None


def append(record: Record, decision: Decision) -> Entry:
    """Add a decision as the next entry, wholly or not at all, however many processes write at once."""
    found = mistakes(decision)
    if found:
        raise InputError(found)
    connection = record.connection
    connection.execute("BEGIN IMMEDIATE")
    try:
        head = connection.execute("SELECT count, hash FROM head").fetchone()
        last = connection.execute("SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1").fetchone() or (0, START)
        if head != last:
            said = "the record does not end with the entry it should end with, so nothing was added to it"
            raise _refused(record.path, "broken", said, "`rrt decisions verify` names what is wrong; begin another file with --record")
        number, previous = last[0] + 1, last[1]
        content = canonical(written(number, previous, decision))
        entry = Entry(number, previous, sha256(content), decision)
        connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (number, content, entry.hash))
        connection.execute("UPDATE head SET count = ?, hash = ?", (number, entry.hash))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may already have undone it
            connection.execute("ROLLBACK")
        raise
    return entry


def record_decision(path: Path, decision: Decision, wait: float | None = None) -> Entry:
    """Add a decision to the record in a file, which is made where there is none. `wait` as in `open_record`."""
    with open_record(path, write=True, wait=wait) as record:
        return append(record, decision)


def said_before(record: Record, decision: Decision) -> Entry | None:
    """The last entry on the same case, where it was recorded on the same day and says the same: its level, pathways and reason."""
    last: Entry | None = None
    for last in entries(record, decision.suggested.case):  # noqa: B007 - the last one is meant
        pass
    if last is None or _recorded_on(last.decision) != _recorded_on(decision):
        return None
    before, now = ((d.level, set(d.pathways), d.reason) for d in (last.decision, decision))
    return last if before == now else None


def _recorded_on(decision: Decision) -> str:
    """The UK day of a decision; a time that is none stands for itself."""
    try:
        return f"{uk_time(int(datetime.fromisoformat(decision.at).timestamp())).date()}"
    except ValueError:
        return decision.at


def entries(record: Record, case: str | None = None) -> Iterator[Entry]:
    """The entries in order, or those of one case. Raises InputError at an entry that cannot be read."""
    for number, content, hash in _rows(record):
        entry = read(content, str(hash))
        if entry is None:
            said = f"entry {number} is not as an entry is written"
            raise _refused(record.path, "broken", said, "`rrt decisions verify` names everything that is wrong")
        if case is None or entry.decision.suggested.case == case:
            yield entry


def _rows(record: Record) -> Iterator[Row]:
    for number, content, hash in record.connection.execute("SELECT number, content, hash FROM entries ORDER BY number"):
        yield Row(number, content, hash)


def _is_other(path: Path) -> bool:
    """Whether a file holds something that SQLite did not begin. SQLite itself would write over a very short one."""
    try:
        with path.open("rb") as file:
            began = file.read(16)
    except OSError:
        return False  # there is none yet, or SQLite's own message says why it cannot be read
    return began not in (b"", b"SQLite format 3\x00") and not Path(f"{path.resolve()}-journal").exists()


def _connected(path: Path, write: bool, wait: float | None = None) -> sqlite3.Connection:
    """A connection that starts transactions only when told, and reads text as the bytes that are there."""
    whole, seconds = path.resolve(), _WAIT if wait is None else min(wait, _WAIT)

    def connect(mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{whole.as_uri()}?mode={mode}", uri=True, timeout=seconds, isolation_level=None)
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return connection

    if write:
        return connect("rwc")
    # To read, the file is opened so that SQLite can undo what a killed process left half done and clear up its own
    # side files, neither of which `mode=ro` allows; `query_only` refuses everything else.
    connection = connect("rw")
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        connection.close()
        log = Path(f"{whole}-wal")
        # In a folder that may not be written, a record with nothing in its log is read as a file that does not change.
        if _code(error) in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) and not (log.exists() and log.stat().st_size):
            return connect("ro&immutable=1")
        raise
    return connection


def _is_new(path: Path, connection: sqlite3.Connection, write: bool) -> bool:
    """Whether the file is still empty. Raises InputError where it is something else, or of a later version."""
    asked = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    connection.execute("BEGIN")  # one view of all three, while another process may be making the record this moment
    whose, version, things = (connection.execute(query).fetchone()[0] for query in asked)
    connection.execute("COMMIT")
    if whose == 0 and version == 0 and things == 0 and write:
        return True
    if whose != _APPLICATION or version < 1:
        raise _refused(path, "not_a_record", "this is not a record of decisions", "name another file with --record")
    if version > VERSION:
        said = f"the record was written by a later rrt (layout {version}; this one knows {VERSION})"
        raise _refused(path, "later_version", said, "use a later rrt; nothing was read or changed")
    return False


def _journal(path: Path, connection: sqlite3.Connection) -> None:
    """Write-ahead log, so that readers never wait; where it cannot be had, SQLite's own journal. Either survives a crash."""
    connection.execute("PRAGMA synchronous = FULL")
    share = str(path.resolve()).startswith("\\\\")  # a network share as Windows names it, where the log would not be safe
    try:
        connection.execute(f"PRAGMA journal_mode = {'DELETE' if share else 'WAL'}").fetchone()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        # Another process may be changing it this moment, which is as good; anything else speaks against the log here.
        if _code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()


def _lay_out(connection: sqlite3.Connection) -> None:
    """Make the tables and guards in one transaction, unless another process has just made them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in _LAYOUT:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _code(error: sqlite3.Error) -> int:
    """SQLite's error code without its finer part; 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _in_words(path: Path, error: sqlite3.Error, write: bool) -> InputError:
    """What a failure of SQLite means for the person at the keyboard. Nothing half done stays in the record."""
    nothing = "; nothing was recorded" if write else ""
    words = {
        sqlite3.SQLITE_FULL: ("disk_full", f"there is no room left on the disk{nothing}", "make room, then do it again"),
        sqlite3.SQLITE_BUSY: ("busy", f"another process is writing to the record{nothing}", "wait until it has ended, then do it again"),
        sqlite3.SQLITE_LOCKED: ("busy", f"another process is writing to the record{nothing}", "wait until it has ended, then do it again"),
        sqlite3.SQLITE_NOTADB: ("not_a_record", "this is not a record of decisions", "name another file with --record"),
        sqlite3.SQLITE_CORRUPT: ("damaged", "the file is damaged", "restore it from a copy, and verify the copy"),
        sqlite3.SQLITE_CANTOPEN: ("unreadable", "the file cannot be opened", "check who may read and write it and its folder"),
        sqlite3.SQLITE_READONLY: (
            "unwritable",
            f"the file may not be written{nothing}",
            "check who may write it, or name another with --record",
        ),
        sqlite3.SQLITE_IOERR: (
            "unreadable",
            f"the disk is full, or failed while the file was in use{nothing}",
            "make room, or check the disk or network share; then do it again",
        ),
        sqlite3.SQLITE_CONSTRAINT: ("broken", f"the record refused the entry{nothing}", "`rrt decisions verify` names what is wrong"),
    }
    code, said, help = words.get(
        _code(error), ("unreadable", f"the record cannot be used: {error}", "`rrt decisions verify` names what is wrong")
    )
    return _refused(path, code, said, help)


def _refused(path: Path, code: str, message: str, help: str) -> InputError:
    return InputError([Diagnostic(str(path), 0, 0, code, message, "error", "", help)])


# ---------------------------------------------------------------------------------------------------- verifying


class Row(NamedTuple):
    """An entry as it stands in a file, before anything about it is believed: its number, its content and its hash."""

    number: int
    content: Any
    hash: Any


@dataclass(frozen=True)
class Problem:
    """Something in a record that is not as it was written: at which entry (0: the record as a whole), and what."""

    entry: int
    what: str

    def text(self) -> str:
        """The problem in a line."""
        return f"entry {self.entry} {self.what}" if self.entry else self.what


@dataclass(frozen=True)
class Verified:
    """What a record or an export holds: how many entries, the hash of the last, and every problem found.

    `noted_at` is the entry whose hash is the one that was expected; None where none was expected, or none has it.
    """

    count: int
    hash: str
    problems: tuple[Problem, ...]
    noted_at: int | None = None


def verify(record: Record, expect: str = "") -> Verified:
    """Follow the chain from the first entry to the last and find every change, removal and change of order.

    `expect` is a hash noted earlier, or its first 16 characters or more: some entry must still have it.
    """
    noted = _noted(expect)
    try:
        record.connection.execute("BEGIN")  # one view throughout, while others go on writing
        try:
            found = _altered_layout(record.connection)
            if any(p.what.startswith("the table `entries`") or p.what.startswith("the table `head`") for p in found):
                return Verified(0, START, tuple(found))
            damage = record.connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                found.append(Problem(0, f"the file is damaged: {damage}"))
            heads = record.connection.execute("SELECT count, hash FROM head").fetchall()
            return _followed(_rows(record), noted, found, heads[0] if len(heads) == 1 else (None, None))
        finally:
            if record.connection.in_transaction:
                record.connection.execute("ROLLBACK")
    except sqlite3.DatabaseError as error:
        if _code(error) != sqlite3.SQLITE_CORRUPT:
            raise
        return Verified(0, START, (Problem(0, "the file is damaged and cannot be read to its end"),))


def verify_export(path: Path, expect: str = "") -> Verified:
    """Follow the chain through an exported file, .csv or .jsonl, without the record it came from.

    Entries missing from the end of an export show only against the hash of the last entry, given in `expect`.
    """
    return _followed(exported(path), _noted(expect), [], None)


def _noted(expect: str) -> str:
    noted = expect.strip().lower()
    if noted and not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_HASH},64}}", noted):
        said = f"expected a hash as it was noted, or at least its first {SHORTEST_HASH} characters (0 to 9 and a to f)"
        raise InputError([Diagnostic("--expect", 0, 0, "hash", said)])
    return noted


def _followed(rows: Iterable[Row], noted: str, found: list[Problem], head: tuple[Any, Any] | None) -> Verified:
    """Check each row by itself, then that each entry follows the one before, then that the last is the one it should be."""
    last, noted_at, hash, final = 0, None, START, {START}
    standing: dict[int, set[Any]] = {0: {START}}  # by the number an entry was written with, the hashes by which it is known
    links: list[tuple[int, str]] = []
    for row in rows:
        if row.number <= last:
            found.append(Problem(row.number, f"stands after entry {last}" if row.number > 0 else "has a number that no entry has"))
        elif row.number > last + 1:
            found.append(Problem(last + 1, "is missing" if row.number == last + 2 else f"to entry {row.number - 1} are missing"))
        last = max(last, row.number)
        hash = sha256(row.content) if isinstance(row.content, str) else ""
        if noted and hash.startswith(noted):
            noted_at = row.number
        entry = read(row.content, hash)
        if hash != row.hash:
            found.append(Problem(row.number, "was changed after it was written: its content and its hash do not belong together"))
        elif entry is None:
            found.append(Problem(row.number, "is not as an entry is written"))
        elif entry.number != row.number:
            found.append(Problem(row.number, f"stands in another place than it was written: it was entry {entry.number}"))
        final = {hash, row.hash}
        if entry is not None:
            standing.setdefault(entry.number, set()).update(final)
            links.append((entry.number, entry.previous))
        else:
            standing.setdefault(row.number, set()).update(final)
    for number, previous in links:
        before = standing.get(number - 1)
        if before is not None and previous not in before:
            said = f"entry {number - 1}" if number > 1 else "the beginning of a record"
            found.append(Problem(number, f"does not follow {said}: {'one of the two' if number > 1 else 'it'} was replaced"))
    if head is not None:
        found += _against_head(head, last, final)
    if noted and noted_at is None:
        found.append(Problem(0, f"no entry has the hash that was noted, {noted}: that entry was removed, or the record written anew"))
    return Verified(last, hash, tuple(sorted(set(found), key=lambda p: (p.entry, p.what))), noted_at)


def _against_head(head: tuple[Any, Any], last: int, final: set[Any]) -> list[Problem]:
    """Whether the last entry is the one that the record was left with."""
    count, hash = head
    if not isinstance(count, int):
        return [Problem(0, "the note of the last entry is missing, so that entries may be missing from the end")]
    if count > last:
        gone = "is missing" if count == last + 1 else f"to entry {count} are missing"
        return [Problem(last + 1, f"{gone} from the end: the record had {count} entries")]
    if count < last:
        return [Problem(count + 1, f"was added from outside: the record was left with {count} entries")]
    return [] if hash in final else [Problem(last, "is not the one that the record was left with")]


def _altered_layout(connection: sqlite3.Connection) -> list[Problem]:
    """Tables and guards that are gone, changed, or do not belong."""
    query = "SELECT name, type, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    actual = {name: (type_, sql) for name, type_, sql in connection.execute(query)}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        for statement in _LAYOUT:
            memory.execute(statement)
        expected = {name: (type_, sql) for name, type_, sql in memory.execute(query)}
    kinds = {"table": "the table", "trigger": "the guard"}
    found = []
    for name, (type_, sql) in expected.items():
        if name not in actual:
            found.append(Problem(0, f"{kinds[type_]} `{name}` was removed, so that entries could be changed without a refusal"))
        elif actual[name] != (type_, sql):
            found.append(Problem(0, f"{kinds[type_]} `{name}` was changed"))
    found += [Problem(0, f"the {actual[name][0]} `{name}` does not belong in a record") for name in actual if name not in expected]
    return found


# ---------------------------------------------------------------------------------------------------- exporting

EXPORTS = (".csv", ".jsonl")
_COLUMNS = (*FIELDS, "outcome", "hash")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def write_export(found: Iterable[Entry], path: Path, format: str) -> int:
    """Write entries as `.csv` or `.jsonl`, with all that their hashes cover, and return how many.

    In CSV, a cell that a spreadsheet could take for a formula begins with an apostrophe instead.
    """
    count = 0
    with path.open("w", encoding="utf-8-sig" if format == ".csv" else "utf-8", newline="") as file:
        table = csv.writer(file)
        if format == ".csv":
            table.writerow(_COLUMNS)
        for entry in found:
            fields = as_fields(entry)
            count += 1
            if format == ".csv":
                table.writerow([_cell(fields[name]) for name in _COLUMNS])
            else:
                file.write(json.dumps(fields, ensure_ascii=False) + "\n")
    return count


def as_fields(entry: Entry) -> dict[str, Any]:
    """An entry as plain values: what its hash covers, whether the decision agrees with what was suggested, and the hash."""
    return {**written(entry.number, entry.previous, entry.decision), "outcome": entry.decision.outcome, "hash": entry.hash}


def exported(path: Path) -> Iterator[Row]:
    """The entries in an exported file, as they stand there."""
    format = path.suffix.lower()
    if format not in EXPORTS:
        raise _refused(path, "unknown_format", f"cannot read `{format}` files", f"expected an export, {' or '.join(EXPORTS)}")
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            if format == ".csv":
                table = csv.reader(file)
                if tuple(next(table, ())) != _COLUMNS:
                    raise _refused(
                        path, "not_an_export", "this is not an export of decisions: its columns are others", "see rrt decisions export"
                    )
                for place, cells in enumerate(table, 1):
                    fields = dict(zip(_COLUMNS, cells, strict=False))
                    yield _exported_row({name: _value(name, fields.get(name, "")) for name in _COLUMNS}, place)
            else:
                for place, line in enumerate(file, 1):
                    try:
                        fields = json.loads(line)
                    except (ValueError, RecursionError):
                        fields = None
                    yield _exported_row(fields if isinstance(fields, dict) else {}, place)
    except OSError as error:
        raise _refused(path, "unreadable", f"cannot read the file: {error.strerror}", "check the path") from None
    except csv.Error as error:
        raise _refused(path, "not_an_export", f"the file cannot be read as CSV: {error}", "export it anew") from None


def _exported_row(fields: dict[str, Any], place: int) -> Row:
    number = fields.get("number")
    content = canonical({name: value for name, value in fields.items() if name not in ("hash", "outcome")})
    hash = fields.get("hash")
    entry = read(content, "")
    if entry is not None and entry.decision.outcome != fields.get("outcome"):
        hash = None  # the outcome follows from the rest, so another one was written in
    return Row(number if type(number) is int else place, content, hash)


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _value(name: str, cell: str) -> Any:
    """What a cell of an export held before it was written."""
    text = cell[1:] if cell.startswith("'") else cell
    type_ = FIELDS.get(name, str)
    if type_ is list:
        return text.split()
    if type_ is int:
        return int(text) if re.fullmatch(r"\d{1,15}", text) else None
    return text


__all__ = [
    "CANNOT_SHOW",
    "EXPORTS",
    "Decision",
    "Entry",
    "Problem",
    "Record",
    "Suggested",
    "Verified",
    "append",
    "as_fields",
    "cautions",
    "decide",
    "entries",
    "exported",
    "facts_digest",
    "mistakes",
    "open_record",
    "record_decision",
    "verify",
    "verify_export",
    "write_export",
]
