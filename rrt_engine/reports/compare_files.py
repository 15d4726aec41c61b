"""Every duty that moved, as a file: gathered as it is found, and moved whole into place once all of it is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from rrt_engine.replay.moves import move_schema
from rrt_engine.reports.flag_table import FORMATS, formula_safe
from rrt_engine.target import can_be_written, write_atomically


class Gathered:
    """Moves gathered in a folder, a table at a time. `write` puts them into one file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "moves.parquet"
        self._writer: Any = None
        self.rows = 0

    def take(self, table: Any) -> None:
        """Keep one table of moves."""
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, move_schema(), compression="zstd")
        self._writer.write_table(table)
        self.rows += table.num_rows

    def write(self, target: Path) -> int:
        """Write everything gathered as CSV, Parquet or JSONL and return how many rows. Raises InputError where it cannot."""
        suffix = check_target(target)
        if self._writer is None:
            self.take(move_schema().empty_table())
        self._writer.close()
        write_atomically(target, lambda path: _WRITERS[suffix](self._path, path))
        return self.rows


def check_target(target: Path) -> str:
    """The ending of a file that moves can be written to. Raises InputError, before any work is done for it."""
    return can_be_written(target, FORMATS, "end the name in .csv for a spreadsheet", "moved.csv")


def _write_csv(path: Path, target: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    with pacsv.CSVWriter(target, move_schema()) as writer:
        for batch in pq.ParquetFile(path).iter_batches():
            table = pa.Table.from_batches([batch])
            for place, field in enumerate(table.schema):
                if pa.types.is_string(field.type):
                    table = table.set_column(place, field, formula_safe(table[field.name]))
            writer.write_table(table)


def _write_parquet(path: Path, target: Path) -> None:
    shutil.copyfile(path, target)


def _write_jsonl(path: Path, target: Path) -> None:
    import pyarrow.parquet as pq

    with target.open("w", encoding="utf-8", newline="\n") as file:
        for batch in pq.ParquetFile(path).iter_batches(10_000):
            file.writelines(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in batch.to_pylist())


_WRITERS = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_jsonl}
