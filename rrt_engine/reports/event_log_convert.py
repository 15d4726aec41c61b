"""Write the event logs of sources as clean event logs: one file for each coverage, with that coverage beside it.

Tools of process mining read OCEL and XES, and with those formats the duties of each child can be written too. XES is written and not
read, so nothing stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rrt_engine.calendar import Moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import EventLog
from rrt_engine.reports.duties_of_log import Duties, duties_of
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.event_log_write import covers_file, covers_text, left_out, write_event_log
from rrt_engine.sources.joined import joined
from rrt_engine.target import can_be_written, write_atomically

OCEL, XES = ".ocel.json", ".xes"
FORMATS = (".csv", ".parquet", ".jsonl", OCEL, XES)
WITH_FLAGS = (OCEL, XES)


@dataclass(frozen=True)
class Written:
    """One file that was written: what it holds, the file that says what it covers, and attributes that could not be kept.

    `flags` is how many duties it holds; None where they were not asked for.
    """

    path: Path
    covers: Path | None
    events: int
    children: int
    left_out: tuple[str, ...]
    flags: int | None = None


def check_target(target: Path, flags: bool = False) -> str:
    """The ending of a file that events, and their flags, can be written to. Raises InputError where they cannot, before any work is
    done for it.
    """
    suffix = can_be_written(target, FORMATS, "end the name in .csv for a spreadsheet, in .parquet for millions of events", "events.csv")
    if flags and suffix not in WITH_FLAGS:
        message = f"a `{suffix}` event log has no place for flags; expected {' or '.join(WITH_FLAGS)}"
        help = f"`rrt replay SOURCE... -o flags{suffix}` writes a table of flags"
        raise InputError([Diagnostic(str(target), 0, 0, "flags", message, "error", "", help)])
    return suffix


def write_logs(logs: Sequence[EventLog], target: Path, book: RuleBook, as_of: Moment | None = None) -> list[Written]:
    """Write logs that cover the same as one file, and others as files numbered `NAME-1`, `NAME-2`; each with its coverage beside it.

    With `as_of`, the duties of every child as judged at that moment are written too. Raises InputError where there is nothing to
    write or the folder cannot take it.
    """
    suffix = check_target(target, as_of is not None)
    parts = [log for log in joined(logs) if len(log.children)]
    if not parts:
        message = "there is nothing to write: no child was read"
        raise InputError([Diagnostic(str(target), 0, 0, "nothing", message, "error", "", "see above what was read and rejected")])
    stem = target.name[: -len(suffix)]
    written = []
    for number, log in enumerate(parts, 1):
        path = target if len(parts) == 1 else target.with_name(f"{stem}-{number}{target.name[len(stem) :]}")
        duties = None if as_of is None else duties_of(log, book, as_of)
        write_atomically(path, partial(_write, log, suffix, book, duties))
        covers = None if suffix == XES else covers_file(path)
        if covers is not None:
            write_atomically(covers, partial(_write_covers, log))
        flags = None if duties is None else len(duties)
        written.append(Written(path, covers, len(log), len(log.children), tuple(left_out(log)), flags))
    return written


def _write(log: EventLog, suffix: str, book: RuleBook, duties: Duties | None, path: Path) -> None:
    if suffix == OCEL:
        from rrt_engine.reports.ocel_file import write_ocel

        write_ocel(log, path, book, duties)
    elif suffix == XES:
        from rrt_engine.reports.xes_file import write_xes

        write_xes(log, path, book, duties)
    else:
        write_event_log(log, path, suffix)


def _write_covers(log: EventLog, path: Path) -> None:
    path.write_text(covers_text(log.coverage), encoding="utf-8", newline="\n")
