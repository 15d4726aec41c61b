"""Read the Standard Safeguarding Dataset from the database it was built in, through SQLAlchemy, and never write to it.

Only the columns that are needed are selected, some tens of thousands of rows at a time, in one transaction that is read
only where the database can be told so. Nothing that could tell where the database is (host, port, user, password) is ever
shown, in messages or in names: errors of the database are told by their code, never in its own words.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rrt_engine.model import plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.reading import Reading
from rrt_engine.sources.ssd import absent_columns, missing_tables
from rrt_engine.sources.ssd_columns import Account, Held
from rrt_engine.sources.ssd_connection import DENIED, called, connected, engine_for, parsed, problem, refused, state_of
from rrt_engine.sources.ssd_events import read_tables
from rrt_engine.sources.ssd_shapes import Table
from rrt_engine.sources.ssd_tables import table_named

CHUNK = 50_000


def read_ssd_database(url: str, book: RuleBook) -> Reading:
    """Read the SSD tables of a database. Raises InputError, without its address, where they cannot be read.

    `url` is an SQLAlchemy URL. Its options `schema` (where the tables are) and `passfile` (a PostgreSQL password file) are
    taken here; the rest go to the driver.
    """
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    address, schema = parsed(url)
    name = called(address)
    account = Account(name, by_row=False)
    engine = engine_for(address, name)
    logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())  # its own words stay out of what is shown
    try:
        with connected(engine, address, name) as connection:
            held = _tables(connection, schema, account)
    except DBAPIError as error:
        raise refused(name, error) from None
    except (SQLAlchemyError, OSError) as error:
        raise problem(name, "database", f"the database could not be read ({type(error).__name__})", "check the address") from None
    finally:
        engine.dispose()
    missing_tables(set(held), account)
    return read_tables(held, book, account)


# ---------------------------------------------------------------------------------------------------- the tables


def _tables(connection: Any, schema: str, account: Account) -> dict[str, Held]:
    """Every SSD table as the columns that are read from it. Raises InputError for tables that may not be read."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import DBAPIError

    connection = _in_one_view(connection)
    inspector = inspect(connection)
    where, names = _found(connection, inspector, schema, account)
    held: dict[str, Held] = {}
    denied: list[str] = []
    for name in sorted(names):
        table = table_named(name)
        assert table is not None
        columns = {c["name"].casefold(): _as_read(connection, c["name"], c["type"]) for c in inspector.get_columns(name, schema=where)}
        if table.name in held:
            message = f"`{name}` and `{held[table.name].label}` are both `ssd_{table.name}`"
            raise problem(account.file, "table_twice", message, "name the schema that holds one of them: ?schema=NAME")
        absent_columns(table, set(columns), name, account)
        try:
            held[table.name] = _selected(connection, name, where, table, columns)
        except DBAPIError as error:
            if not _not_allowed(error):
                raise
            denied.append(name)
    if denied:
        help = f"ask the database's owner for: GRANT SELECT ON {', '.join(denied)} TO the user"
        raise problem(account.file, "permission", f"the user may not read {plural(len(denied), 'table')}: {', '.join(denied)}", help)
    return held


def _not_allowed(error: Any) -> bool:
    text = str(error.orig).casefold()
    return state_of(error.orig) == DENIED or "permission was denied" in text or "permission denied" in text


def _in_one_view(connection: Any) -> Any:
    """One transaction, read only and with one view of the data where the database can do so; it is rolled back at the end."""
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return connection


def _found(connection: Any, inspector: Any, schema: str, account: Account) -> tuple[str | None, list[str]]:
    """The schema that holds SSD tables, and their names: the one asked for, one on the search path, or the only one there is."""
    if schema:
        if schema not in inspector.get_schema_names():
            raise problem(account.file, "schema", f"there is no schema `{schema}` in the database", "check the name after schema=")
        names = _ssd_names(inspector, schema)
        if not names:
            raise problem(
                account.file,
                "no_tables",
                f"the schema `{schema}` holds no SSD tables",
                "expected tables such as ssd_person and ssd_cin_episodes",
            )
        return schema, names
    for each in _search_path(connection):
        names = _ssd_names(inspector, each)
        if names:
            return each, names
    holding = {each: names for each in inspector.get_schema_names() if (names := _ssd_names(inspector, each))}
    if len(holding) == 1:
        [(only, names)] = holding.items()
        account.say("schema", f"the tables were found in the schema `{only}`", "note")
        return only, names
    if holding:
        listed = ", ".join(f"`{each}`" for each in sorted(holding))
        raise problem(
            account.file, "schemas", f"several schemas hold SSD tables: {listed}", "name one at the end of the address: ?schema=NAME"
        )
    help = "expected tables such as ssd_person and ssd_cin_episodes; if they are there, ask for USAGE on their schema and SELECT on them"
    raise problem(account.file, "no_tables", "no SSD tables were found in the database", help)


def _search_path(connection: Any) -> list[str | None]:
    """The schemas in which tables are looked for by default."""
    if connection.dialect.name != "postgresql":
        return [None]
    from sqlalchemy import text

    return list(connection.execute(text("SELECT unnest(current_schemas(false))")).scalars())


def _ssd_names(inspector: Any, schema: str | None) -> list[str]:
    """The tables and views of a schema that are SSD tables: by name, and by the prefix that every build gives them."""
    every = {*inspector.get_table_names(schema=schema), *inspector.get_view_names(schema=schema)}
    return [name for name in every if name.casefold().startswith("ssd_") and table_named(name) is not None]


def _selected(connection: Any, name: str, schema: str | None, table: Table, columns: Mapping[str, Any]) -> Held:
    """One table: the columns that are needed, read in chunks."""
    import pyarrow as pa
    from sqlalchemy import select
    from sqlalchemy import table as named

    wanted = [field for field in table.fields if field in columns]
    if not wanted:
        return Held(table, name, 0, {}, np.zeros(0, np.int32))
    query: Any = select(*(columns[field] for field in wanted)).select_from(named(name, schema=schema))
    chunks: list[list[Any]] = [[] for _ in wanted]
    n = 0
    with connection.begin_nested():  # a table that may not be read is found out before a cursor is opened on it
        connection.execute(query.limit(0)).close()
    with connection.execute(query.execution_options(stream_results=True, yield_per=CHUNK)) as result:
        for rows in result.partitions(CHUNK):
            n += len(rows)
            for held, values in zip(chunks, zip(*rows, strict=True), strict=True):
                held.append(_array(values))
    read = {
        field: pa.chunked_array(_alike(arrays)) if arrays else pa.chunked_array([pa.array([], pa.string())])
        for field, arrays in zip(wanted, chunks, strict=True)
    }
    return Held(table, name, n, read, np.arange(1, n + 1, dtype=np.int32))


def _as_read(connection: Any, name: str, kind: Any) -> Any:
    """A column as it is selected. PostgreSQL writes dates and times as ISO text faster than pg8000 makes them objects."""
    from sqlalchemy import Date, DateTime, Text, cast, column

    if connection.dialect.name == "postgresql" and isinstance(kind, Date | DateTime) and not getattr(kind, "timezone", False):
        return cast(column(name), Text).label(name)
    return column(name)


def _array(values: tuple[Any, ...]) -> Any:
    """A column of one chunk, in its own type where Arrow knows it, and as text where not."""
    import pyarrow as pa

    try:
        found = pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        found = pa.array([None if v is None else str(v) for v in values], pa.string())
    if (
        pa.types.is_temporal(found.type)
        or pa.types.is_string(found.type)
        or pa.types.is_integer(found.type)
        or pa.types.is_null(found.type)
    ):
        return found
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def _alike(arrays: list[Any]) -> Iterator[Any]:
    """The chunks of a column in one type: that of those that hold anything, or text where they differ."""
    import pyarrow as pa

    kinds = {a.type for a in arrays if not pa.types.is_null(a.type)}
    kind = kinds.pop() if len(kinds) == 1 else pa.string()
    for array in arrays:
        yield (
            array
            if array.type == kind
            else pa.array([None if v is None else str(v) for v in array.to_pylist()], kind)
            if kind == pa.string()
            else array.cast(kind)
        )
