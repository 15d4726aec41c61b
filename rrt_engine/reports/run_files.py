"""A report in a file: a page, a workbook, or a pair of tables, each whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rrt_engine.reports.run_shapes import Summary
from rrt_engine.target import can_be_written, write_atomically

if TYPE_CHECKING:
    from rrt_engine.replay.run_folder import Run

FORMATS = (".html", ".xlsx", ".csv")


def check_target(target: Path) -> None:
    """Raise InputError where a report cannot be written to a file, before any work is done for it."""
    suffix = can_be_written(target, FORMATS, "end the name in .html for a page to read", "report.html")
    if suffix == ".csv":
        from rrt_engine.reports.run_csv import pair

        for each in pair(target):
            can_be_written(each, FORMATS, "name another", "report.csv")


def write_report(found: Summary, run: Run, target: Path) -> tuple[Path, ...]:
    """Write a report, and return the files written. The same run gives the same bytes. Raises InputError."""
    suffix = target.suffix.lower()
    if suffix == ".csv":
        from rrt_engine.reports.run_csv import write_pair

        return write_pair(found, run, target)
    if suffix == ".xlsx":
        from rrt_engine.reports.run_workbook import write_workbook

        write_atomically(target, lambda path: write_workbook(found, run, path))
        return (target,)
    from rrt_engine.reports.run_page import page

    text = page(found)
    write_atomically(target, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))
    return (target,)
