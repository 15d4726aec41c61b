"""Read the Standard Safeguarding Dataset from a folder with one CSV file for each of its tables.

Files are told by name, with or without `ssd_` and in any case, and by their own columns, so that a folder of other lists
is not taken for one. Columns are told by name; those that are not needed are left out as the file is read, and tables that
are missing leave out what they would hold. What the tables mean is in `ssd_tables`.
"""

from __future__ import annotations

from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.event_log_files import heading, read_delimited
from rrt_engine.sources.reading import Reading
from rrt_engine.sources.ssd_columns import Account, Held
from rrt_engine.sources.ssd_events import read_tables
from rrt_engine.sources.ssd_shapes import Table
from rrt_engine.sources.ssd_tables import TABLES, table_named

EXPECTED = "a CSV file for each table, such as ssd_person.csv and ssd_cin_episodes.csv"


def looks_like_ssd(folder: Path) -> bool:
    """Whether a folder holds a table of the Standard Safeguarding Dataset: a file with its name and its own columns."""
    return any(_is_table(path, table) for path, table in _named(folder))


def _named(folder: Path) -> list[tuple[Path, Table]]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".csv" and path.is_file():
            table = table_named(path.stem)
            if table is not None:
                found.append((path, table))
    return found


def _is_table(path: Path, table: Table) -> bool:
    """Whether the first line of a file names the table's own columns."""
    try:
        with path.open("rb") as file:
            head = file.read(16_384)
    except OSError:
        return False
    text = head.replace(b"\x00", b"").decode("utf-8", "ignore")
    own = {name for name in table.fields if name}
    return any(name in text.casefold() for name in own)


def read_ssd(folder: Path, book: RuleBook) -> Reading:
    """Read the tables in a folder. Raises InputError where none can be read, with everything that is wrong."""
    account = Account(str(folder), by_row=True)
    held: dict[str, Held] = {}
    twice: list[Diagnostic] = []
    for path, table in _named(folder):
        if not _is_table(path, table):
            if path.stat().st_size:
                says = f"`{path.name}` has none of the columns of `ssd_{table.name}`, and is not read"
                account.say("not_the_table", says, "warning", f"expected columns such as `{table.fields[0]}`")
            continue
        if table.name in held:
            says = f"`{path.name}` and `{held[table.name].label}` are both `ssd_{table.name}`"
            twice.append(Diagnostic(str(folder), 0, 0, "table_twice", says, help="keep one of them in the folder"))
            continue
        held[table.name] = _held(path, table, account)
    if twice:
        raise InputError(twice)
    if not held:
        raise InputError(
            [
                Diagnostic(
                    str(folder), 0, 0, "no_tables", "no table of the Standard Safeguarding Dataset was found", help=f"expected {EXPECTED}"
                )
            ]
        )
    missing_tables(set(held), account)
    return read_tables(held, book, account)


def _held(path: Path, table: Table, account: Account) -> Held:
    """One file as the columns that are read from it."""
    with path.open("rb") as file:
        head = file.read(65_536)
    read = read_delimited(path, head, {})
    account.problems.extend(d for d in read.diagnostics if d.code not in ("no_rows", "fields"))
    columns = {heading(name): column for name, column in read.columns.items()}
    absent_columns(table, set(columns), path.name, account)
    return Held(
        table,
        path.name,
        read.n,
        {name: columns[name] for name in table.fields if name in columns},
        read.row,
        tuple((r.row, r.why) for r in read.rejected),
    )


def missing_tables(found: set[str], account: Account) -> None:
    """Say which tables were not found, once."""
    absent = sorted(f"ssd_{table.name}" for table in TABLES if table.name not in found)
    if absent:
        help = "rules that need them are reported as not evaluable"
        account.say("tables_absent", f"tables not found: {', '.join(absent)}", "note", help)


def absent_columns(table: Table, found: set[str], label: str, account: Account) -> None:
    """Say where a table lacks its child or its date, without which its rows cannot be used."""
    if table.child and not found & set(table.child) and table.via[0] not in found:
        account.say("no_column", f"`{table.child[0]}` is missing: no row can be given to a child", "warning", "add the column", label)
    if table.main and table.main not in found:
        account.say("no_column", f"`{table.main}` is missing: its rows have no date", "warning", "add the column", label)
