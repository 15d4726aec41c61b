"""Write the event logs of sources as clean event logs: one file for each coverage, with that coverage beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.event_log_write import covers_file, covers_text, left_out, write_event_log
from rrt_engine.sources.joined import joined
from rrt_engine.target import can_be_written, write_atomically

OCEL = ".ocel.json"
FORMATS = (".csv", ".parquet", ".jsonl", OCEL)


@dataclass(frozen=True)
class Written:
    """One file that was written: what it holds, the file that says what it covers, and attributes that could not be kept."""

    path: Path
    covers: Path
    events: int
    children: int
    left_out: tuple[str, ...]


def check_target(target: Path) -> str:
    """The ending of a file that events can be written to. Raises InputError where they cannot, before any work is done for it."""
    return can_be_written(target, FORMATS, "end the name in .csv for a spreadsheet, in .parquet for millions of events", "events.csv")


def write_logs(logs: Sequence[EventLog], target: Path, book: RuleBook) -> list[Written]:
    """Write logs that cover the same as one file, and others as files numbered `NAME-1`, `NAME-2`; each with its coverage beside it.

    Raises InputError where there is nothing to write or the folder cannot take it.
    """
    suffix = check_target(target)
    parts = [log for log in joined(logs) if len(log.children)]
    if not parts:
        message = "there is nothing to write: no child was read"
        raise InputError([Diagnostic(str(target), 0, 0, "nothing", message, "error", "", "see above what was read and rejected")])
    stem = target.name[: -len(suffix)]
    written = []
    for number, log in enumerate(parts, 1):
        path = target if len(parts) == 1 else target.with_name(f"{stem}-{number}{target.name[len(stem) :]}")
        write_atomically(path, partial(_write, log, suffix, book))
        write_atomically(covers_file(path), partial(_write_covers, log))
        written.append(Written(path, covers_file(path), len(log), len(log.children), tuple(left_out(log))))
    return written


def _write(log: EventLog, suffix: str, book: RuleBook, path: Path) -> None:
    if suffix == OCEL:
        from rrt_engine.reports.ocel_file import write_ocel

        write_ocel(log, path, book)
    else:
        write_event_log(log, path, suffix)


def _write_covers(log: EventLog, path: Path) -> None:
    path.write_text(covers_text(log.coverage), encoding="utf-8", newline="\n")
