"""The flags of a replay as a table: one row a duty, for CSV, Parquet and JSONL.

Cells that a spreadsheet could take for a formula are written so that it cannot. Files are written beside their final
name and moved into place, so that a run cut off leaves either the old file or the whole new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rrt_engine.replay.flag_rows import COLUMNS, flag_rows
from rrt_engine.replay.run import Replay, SourceRun
from rrt_engine.target import can_be_written, write_atomically

FORMATS = (".csv", ".parquet", ".jsonl")


def write_flags(replay: Replay, target: Path) -> int:
    """Write every flag to a CSV, Parquet or JSONL file and return how many; raises InputError where it cannot."""
    check_target(target)
    import pyarrow as pa

    table = pa.concat_tables([flag_table(replay, source) for source in replay.sources]).unify_dictionaries()
    writer = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_jsonl}[target.suffix.lower()]
    write_atomically(target, lambda path: writer(table, path))
    return int(table.num_rows)


def check_target(target: Path) -> None:
    """Raise InputError where flags cannot be written to a file, before any work is done for it."""
    can_be_written(target, FORMATS, "end the name in .csv for a spreadsheet; a name without an ending is the folder of a run", "flags.csv")


def flag_table(replay: Replay, source: SourceRun) -> Any:
    """One source's flags as an Arrow table with the columns of COLUMNS, in the order of case, rule and start."""
    return flag_rows(source.log, replay.book, source.result.flags, replay.as_of, source.whole, source.path, replay.as_known)


# ---------------------------------------------------------------------------------------------------- writing


def _write_csv(table: Any, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, formula_safe(table[field.name].cast(pa.string())))
    pacsv.write_csv(table, path)


def formula_safe(column: Any) -> Any:
    """Text cells that a spreadsheet could take for a formula, begun with an apostrophe instead."""
    import pyarrow as pa
    import pyarrow.compute as pc

    risky = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
    return pc.if_else(risky, pc.binary_join_element_wise(pa.scalar("'"), column, pa.scalar("")), column)


def _write_parquet(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _write_jsonl(table: Any, path: Path) -> None:
    import json

    with path.open("w", encoding="utf-8", newline="\n") as file:
        for batch in table.to_batches(max_chunksize=10_000):
            file.writelines(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in batch.to_pylist())


__all__ = ["COLUMNS", "FORMATS", "check_target", "flag_table", "formula_safe", "write_flags"]
