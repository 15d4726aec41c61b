"""A report as a pair of tables, as the sector's validators give: the flags one by one, and a summary by rule."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import STATUSES
from rrt_engine.reports.cells import write_csv
from rrt_engine.reports.flag_table import formula_safe
from rrt_engine.reports.run_seen import TOGETHER
from rrt_engine.reports.run_shapes import RuleRow, Summary

if TYPE_CHECKING:
    from rrt_engine.replay.run_folder import Run

_SHARED = tuple(name for name in TOGETHER if name not in STATUSES)
SUMMARY = ("rule", "title", "service", "authority", "verified", "basis", "started", *STATUSES, *_SHARED, "judged", "on_time", "share")
SUMMARY += ("overdue_ended_since", "cannot_tell_because", "left_out", "where")


def pair(target: Path) -> tuple[Path, Path]:
    """The two files that a name stands for: `NAME-flags.csv` and `NAME-summary.csv`.

    A name that is one of the two stands for both as they are.

    >>> [path.name for path in pair(Path("july.csv"))], [path.name for path in pair(Path("flags.csv"))]
    (['july-flags.csv', 'july-summary.csv'], ['flags.csv', 'summary.csv'])
    """
    prefix = "" if target.stem in ("flags", "summary") else f"{target.stem}-"
    return target.with_name(f"{prefix}flags.csv"), target.with_name(f"{prefix}summary.csv")


def write_pair(found: Summary, run: Run, target: Path) -> tuple[Path, ...]:
    """Write both tables, or neither; the flags are left out where small numbers are. Returns the files written."""
    flags, summary = pair(target)
    with tempfile.TemporaryDirectory(prefix=f".{target.stem}.", dir=target.parent) as folder:
        made = {summary: Path(folder) / "summary.csv"}
        if not found.under:
            made[flags] = Path(folder) / "flags.csv"
            write_flags(run, made[flags])
        write_summary(found, made[summary])
        _move(made, Path(folder))
    return tuple(sorted(made))


def _move(made: dict[Path, Path], folder: Path) -> None:
    """Move the files into place; where one cannot be, put back what the others stood in for. Raises InputError."""
    before: dict[Path, Path] = {}
    moved: list[Path] = []
    for target, path in made.items():
        try:
            if target.exists():
                before[target] = target.replace(folder / f"before-{target.name}")
            path.chmod(0o644)
            path.replace(target)
            moved.append(target)
        except OSError as error:
            for each in moved:
                each.unlink(missing_ok=True)
            for each, kept in before.items():
                kept.replace(each)
            message = f"cannot write the file: {error.strerror or error}"
            raise InputError([Diagnostic(str(target), 0, 0, "unwritable", message, "error", "", "name another")]) from None


def write_summary(found: Summary, path: Path) -> None:
    """Write the summary by rule."""
    write_csv(path, SUMMARY, _rows(found))


def write_flags(run: Run, path: Path) -> None:
    """Write the flags one by one."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    from rrt_engine.replay.flag_rows import COLUMNS

    writer: Any = None
    with path.open("wb") as file:
        for table in run.batches(columns=list(COLUMNS)):
            plain = {name: _plain(table[name]) for name in COLUMNS}
            made = pa.table(plain)
            writer = writer or pacsv.CSVWriter(file, made.schema)
            writer.write_table(made)
        if writer is None:
            file.write((",".join(f'"{name}"' for name in COLUMNS) + "\n").encode())
        else:
            writer.close()


def _plain(column: Any) -> Any:
    """A column as a spreadsheet takes it: text that can be no formula."""
    import pyarrow as pa

    of = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return formula_safe(column.cast(pa.string())) if pa.types.is_string(of) or pa.types.is_large_string(of) else column


def _rows(found: Summary) -> Iterator[list[Any]]:
    """A row for each rule and basis, and the sum of each basis."""
    for row in (*found.rules, *found.totals.values()):
        yield _row(row)


def _row(row: RuleRow) -> list[Any]:
    counts = {"started": row.started, **row.statuses}
    left_out = [name for name, n in counts.items() if n is None]
    share = None if row.share is None else round(row.share, 6)
    because = "; ".join(f"{name}: {n}" for name, n in row.because.items() if n is not None)
    where = f"basis = '{row.basis}' and {row.where}"
    about = [row.rule, row.title, row.service, row.authority, row.verified, row.basis]
    return [
        *about,
        row.started,
        *(row.statuses.get(s) for s in (*STATUSES, *_SHARED)),
        row.judged,
        row.on_time,
        share,
        row.missed,
        because,
        " ".join(left_out),
        where,
    ]


__all__ = ["SUMMARY", "pair", "write_flags", "write_pair", "write_summary"]
