"""Split one large event log into parts of whole children, row by row as they stand, in bounded memory.

Nothing is read into the rows but whose they are: what they mean is read part by part. Where each child's rows stand together
the log is cut between children; otherwise rows are dealt into parts by a number made from the child's id.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.model import Bools, Int64s, Rejected
from rrt_engine.sources.event_log_columns import as_moments
from rrt_engine.sources.event_log_files import delimited_batches, places_of, refused

BATCH = 1 << 17
"""Rows that are looked at together."""
LARGEST_GROUP = 1 << 21
"""Rows of the largest row group of Parquet that is read where it lies: it is read whole to read a few rows of it."""
_HELD = 1 << 21  # rows that are held back, in all, before they are written


@dataclass(frozen=True)
class Looked:
    """What one look through a log found: its rows, the first row of each part where it can be cut between children (none where it
    cannot), and whether every time in it is midnight.
    """

    rows: int
    starts: tuple[int, ...] | None
    midnight: bool


def look_through(file: Path, rows: int) -> Looked:
    """Look through a Parquet event log for where it can be cut into parts of about `rows` rows. Raises InputError.

    It can be cut where the ids stand in order, as text or as numbers, without a blank among them.
    """
    with _opened(file) as opened:
        names = _names(opened.schema_arrow.names, file)
        seen, last, previous = 0, 0, None
        starts: list[int] | None = [0]
        groups = [opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups)]
        edges = set(np.cumsum(groups).tolist())  # a part that ends with a row group leaves none to be read twice
        midnight: bool | None = None
        wanted = [names["child_id"], names["at"]]
        for batch in _batches(opened, wanted, file):
            ids = batch.column(names["child_id"])
            if midnight is not False:
                midnight = _midnight(batch.column(names["at"]), midnight)
            if starts is not None:
                found = _changes(ids, previous)
                if found is None:
                    starts = None
                else:
                    places, previous = found
                    for place in (places + seen).tolist():
                        if place - last >= (rows * 3 // 4 if place in edges else rows):
                            starts.append(place)
                            last = place
            seen += batch.num_rows
    return Looked(seen, tuple(starts) if starts is not None and max(groups, default=0) <= LARGEST_GROUP else None, bool(midnight))


def read_rows(file: Path, first: int, rows: int) -> Any:
    """Some rows of a Parquet event log, with the number of each in the file; text as codes. Raises InputError."""
    import pyarrow as pa

    with _opened(file) as opened:
        edges = np.cumsum([0, *(opened.metadata.row_group(i).num_rows for i in range(opened.num_row_groups))])
        groups = [i for i in range(opened.num_row_groups) if edges[i] < first + rows and edges[i + 1] > first]
        try:
            table = opened.read_row_groups(groups).slice(first - int(edges[groups[0]]) if groups else 0, rows)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _unreadable(file, error) from None
    if "origin_row" not in table.column_names:
        table = table.append_column("origin_row", pa.array(np.arange(first + 1, first + 1 + table.num_rows)))
    return table


def split(file: Path, name: str, looked: Looked, rows: int, target: Callable[[int], Path]) -> list[Path]:
    """Write a Parquet event log as parts of about `rows` rows, each with where its rows came from, and return them in order.

    `name` is what the log is called, and `target` gives the file of each part. Raises InputError.
    """
    if looked.starts is not None:
        edges = [*looked.starts, looked.rows]
        found = []
        for number, (first, end) in enumerate(pairwise(edges)):
            _write(_with_origin(read_rows(file, first, end - first), name), target(number))
            found.append(target(number))
        return found
    return _dealt(file, name, max(1, -(-looked.rows // rows)), target)


def spooled(file: Path, to: Path) -> tuple[list[Diagnostic], list[Rejected]]:
    """Write a CSV event log as Parquet, text as it stands, with the line of each row; and what there is to say. Raises InputError."""
    import pyarrow as pa
    from pyarrow import parquet

    diagnostics: list[Diagnostic] = []
    rejected: list[Rejected] = []
    writer = None
    try:
        for table, lines in delimited_batches(file, diagnostics, rejected):
            table = table.append_column("origin_row", pa.array(lines.astype(np.int64)))
            writer = writer or parquet.ParquetWriter(to, table.schema, compression="zstd")
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
    return diagnostics, rejected


def _dealt(file: Path, name: str, parts: int, target: Callable[[int], Path]) -> list[Path]:
    """Deal the rows into parts by a number made from the child's id, in the order in which they stand."""
    import pyarrow as pa
    from pyarrow import parquet

    held: list[list[Any]] = [[] for _ in range(parts)]
    writers: list[Any] = [None] * parts

    def write_out() -> None:
        for part, tables in enumerate(held):
            if tables:
                table = pa.concat_tables(tables)
                if writers[part] is None:
                    writers[part] = parquet.ParquetWriter(target(part), table.schema, compression="zstd")
                writers[part].write_table(table)
                tables.clear()

    try:
        with _opened(file) as opened:
            child = _names(opened.schema_arrow.names, file)["child_id"]
            seen = waiting = 0
            for batch in _batches(opened, None, file):
                table = pa.Table.from_batches([batch])
                if "origin_row" not in table.column_names:
                    table = table.append_column("origin_row", pa.array(np.arange(seen + 1, seen + 1 + len(batch))))
                table = _plain(_with_origin(table, name))
                part = _dealt_to(batch.column(child), parts)
                order = np.argsort(part, kind="stable")
                edges = np.searchsorted(part[order], np.arange(parts + 1))
                for i in np.flatnonzero(np.diff(edges)).tolist():
                    held[i].append(table.take(pa.array(order[edges[i] : edges[i + 1]])))
                seen += len(batch)
                waiting += len(batch)
                if waiting >= _HELD:
                    write_out()
                    waiting = 0
            write_out()
    finally:
        for writer in writers:
            if writer is not None:
                writer.close()
    return [target(i) for i in range(parts) if writers[i] is not None]


def _dealt_to(ids: Any, parts: int) -> Int64s:
    """For each row the part it belongs to; ids that are read as the same child go to the same part."""
    import pyarrow as pa

    coded = pa.chunked_array([ids]).combine_chunks().dictionary_encode() if not pa.types.is_dictionary(ids.type) else ids
    texts = [
        b"" if v is None else str(int(v) if isinstance(v, float) and v == int(v) else v).strip().encode()
        for v in coded.dictionary.to_pylist()
    ]
    table = np.array([*(zlib.crc32(text) % parts for text in texts), 0], np.int64)
    codes = np.array(coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False), np.int64)
    found: Int64s = table[codes]
    return found


def _changes(ids: Any, previous: Any) -> tuple[Int64s, Any] | None:
    """The rows at which a new child begins, and the last id; None where the ids do not stand in order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(ids.type):
        ids = ids.cast(ids.type.value_type)
    if ids.null_count or not len(ids):
        return None if ids.null_count else (np.zeros(0, np.int64), previous)
    if pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type):
        if not pc.all(pc.equal(ids, pc.utf8_trim_whitespace(ids))).as_py() or pc.min(pc.utf8_length(ids)).as_py() == 0:
            return None
    elif not pa.types.is_integer(ids.type):
        return None
    first, last = ids[0].as_py(), ids[-1].as_py()
    if previous is not None and first < previous:
        return None
    if len(ids) > 1 and not pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py():
        return None
    new: Bools = np.array(pc.not_equal(ids[:-1], ids[1:]).to_numpy(zero_copy_only=False), np.bool_)
    places = np.flatnonzero(new) + 1
    return (places if first == previous else np.concatenate([[0], places])), last


def _midnight(at: Any, before: bool | None) -> bool | None:
    """Whether every time so far is midnight; None where there has been none."""
    import pyarrow as pa

    found = as_moments(pa.chunked_array([at]))
    if found.all_midnight:
        return True
    return before if bool((found.day == NO_DAY).all()) else False


def _names(columns: list[str], file: Path) -> dict[str, str]:
    """What the columns of an event log are called in a file."""
    return {wanted: columns[place] for wanted, place in places_of(columns, str(file)).items()}


def _opened(file: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(file)
        texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
        return parquet.ParquetFile(file, read_dictionary=texts, memory_map=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(file, error) from None


def _batches(opened: Any, columns: list[str] | None, file: Path) -> Iterator[Any]:
    import pyarrow as pa

    try:
        for batch in opened.iter_batches(BATCH, columns=columns):
            batch.validate(full=True)  # a damaged page may decode into codes that stand for nothing
            yield batch
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: Exception) -> Exception:
    return refused(str(file), "parquet", f"the file cannot be read as Parquet: {str(error).splitlines()[0][:200]}")


def _with_origin(table: Any, name: str) -> Any:
    """Rows with the name of the log they came from, last."""
    import pyarrow as pa

    if "origin" in table.column_names:
        return table
    origin = pa.DictionaryArray.from_arrays(pa.array(np.zeros(table.num_rows, np.int32)), pa.array([name.rpartition("/")[2]]))
    return table.append_column("origin", origin)


def _plain(table: Any) -> Any:
    """A table whose text is not in codes: batches have codes of their own, and a file has one schema."""
    import pyarrow as pa

    fields = [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(fields))


def _write(table: Any, target: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(_plain(table), target, compression="zstd", row_group_size=1 << 18)
