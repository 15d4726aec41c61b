"""The flags of a replay as a table: one row a duty, for CSV, Parquet and JSONL.

Cells that a spreadsheet could take for a formula are written so that it cannot. Files are written beside their final
name and moved into place, so that a run cut off leaves either the old file or the whole new one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, as_date
from rrt_engine.model import NO_REASON, REASONS, STATUSES, EventLog, Int32s, Int64s
from rrt_engine.replay.run import Replay, SourceRun
from rrt_engine.reports.target import can_be_written, write_atomically
from rrt_engine.words import iso_time

FORMATS = (".csv", ".parquet", ".jsonl")
COLUMNS = {
    "case": "the child's id in the source",
    "rule": "the rule's id",
    "title": "what the rule requires",
    "service": "the part of the service",
    "status": "met, late, early, overdue, due_soon, due, ended or cannot_tell",
    "trigger_event": "the event that started this clock",
    "trigger_at": "when, as recorded: a date, or UK local time",
    "due": "the last day on time",
    "due_at": "for a clock counted in hours, the moment it runs out, in UK time",
    "answer_event": "the event that answered it",
    "answer_at": "when, as recorded",
    "ended_by": "the event that ended the duty first",
    "ended_at": "when it ended",
    "days_late": "calendar days from the due date to the answer, the end or the as-of date; empty unless late or overdue",
    "cannot_tell_because": "why it cannot be told",
    "provisional": "whether the due date rests on bank holidays not yet announced",
    "authority": "duty, guidance, court, local or kpi",
    "verified": "how the number was checked",
    "source": "the file the timeline came from",
    "trigger_row": "the row or line of the source",
    "answer_row": "the row or line of the source",
}


def write_flags(replay: Replay, target: Path) -> int:
    """Write every flag to a CSV, Parquet or JSONL file and return how many; raises InputError where it cannot."""
    check_target(target)
    import pyarrow as pa

    table = pa.concat_tables([flag_table(replay, source) for source in replay.sources])
    writer = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_jsonl}[target.suffix.lower()]
    write_atomically(target, lambda path: writer(table, path))
    return int(table.num_rows)


def check_target(target: Path) -> None:
    """Raise InputError where flags cannot be written to a file, before any work is done for it."""
    can_be_written(target, FORMATS, "end the name in .csv for a spreadsheet", "flags.csv")


def flag_table(replay: Replay, source: SourceRun) -> Any:
    """One source's flags as an Arrow table with the columns of COLUMNS, in the order of case, rule and start."""
    import pyarrow as pa

    flags, log, book = source.result.flags, source.reading.log, replay.book
    rules, shown = book.rules, source.explainer
    order = np.lexsort((flags.start, flags.rule, log.child[flags.trigger]))
    rule, trigger, answer, end = (getattr(flags, name)[order] for name in ("rule", "trigger", "answer", "end"))
    due, status, reason = flags.due[order], flags.status[order], flags.reason[order]

    def of_rule(read: Callable[[Any], str]) -> Any:
        return _coded(rule, [read(r.spec) for r in rules])

    late = np.isin(status, [STATUSES.index("late"), STATUSES.index("overdue")])
    days = np.concatenate([log.day, flags.derived_day, [NO_DAY]])
    until = np.where(answer >= 0, days[answer], np.where(end >= 0, days[end], shown.as_of_day))
    provisional = np.zeros(len(rule), np.bool_)
    # A date counted back can rest on holidays after it; no rule counts back more than a year.
    back = np.array([r.spec.before is not None for r in rules], np.bool_)[rule]
    beyond = np.flatnonzero(due > book.calendar.announced_to - np.where(back, 366, 0))
    provisional[beyond] = [shown.evidence(int(order[i])).provisional() for i in beyond]
    table = {
        "case": pa.array(log.children[log.child[trigger]].astype(str)),
        "rule": of_rule(lambda s: s.id),
        "title": of_rule(lambda s: s.title),
        "service": of_rule(lambda s: s.service),
        "status": _coded(status, list(STATUSES)),
        "trigger_event": _kinds(log, trigger),
        "trigger_at": _moments(log, trigger, flags.derived_day),
        "due": pa.array(due, mask=due == NO_DAY).cast(pa.date32()),
        "due_at": _instants(flags.due_at, flags.due_by, order),
        "answer_event": _kinds(log, answer),
        "answer_at": _moments(log, answer, flags.derived_day),
        "ended_by": _kinds(log, end),
        "ended_at": _moments(log, end, flags.derived_day),
        "days_late": pa.array(until - due, pa.int32(), mask=~late),
        "cannot_tell_because": _coded(np.where(reason == NO_REASON, -1, reason), list(REASONS)),
        "provisional": pa.array(provisional),
        "authority": of_rule(lambda s: s.authority),
        "verified": of_rule(lambda s: s.verified),
        "source": _coded(np.zeros(len(rule), np.int32), [source.path]),
        "trigger_row": _row_numbers(log, trigger),
        "answer_row": _row_numbers(log, answer),
    }
    return pa.table({name: table[name] for name in COLUMNS})


def _coded(codes: Any, names: list[str]) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=codes < 0), pa.array(names, pa.string())).cast(pa.string())


def _kinds(log: EventLog, rows: Int32s) -> Any:
    codes = np.full(len(rows), -1, np.int32)
    inside = (rows >= 0) & (rows < len(log))
    codes[inside] = log.kind[rows[inside]]
    codes[rows >= len(log)] = len(log.kinds)
    return _coded(codes, [*log.kinds, "birthday"])


def _moments(log: EventLog, rows: Int32s, derived: Int32s) -> Any:
    """When events happened, as text no more exact than the record."""
    days = np.concatenate([log.day, derived])
    key = np.where(rows >= 0, days[rows].astype(np.int64), NO_INSTANT)
    timed = np.zeros(len(rows), np.bool_)
    if log.instant is not None:
        inside = (rows >= 0) & (rows < len(log))
        timed[inside] = log.instant[rows[inside]] != NO_INSTANT
        key[timed] = log.instant[rows[timed]]
    dates = _texts(np.where(timed, NO_INSTANT, key), lambda day: as_date(day).isoformat())
    if not timed.any():
        return dates
    import pyarrow.compute as pc

    return pc.coalesce(dates, _texts(np.where(timed, key, NO_INSTANT), lambda at: iso_time(at).rsplit("+", 1)[0]))


def _texts(values: Int64s, write: Callable[[int], str]) -> Any:
    """Text for each value, written once for each distinct one; null for NO_INSTANT."""
    distinct, codes = np.unique(values, return_inverse=True)
    names = ["" if v == NO_INSTANT else write(int(v)) for v in distinct]
    return _coded(np.where(values == NO_INSTANT, -1, codes), names)


def _instants(at: Int64s | None, by: Int64s | None, order: Int64s) -> Any:
    if at is None or by is None:
        return _texts(np.full(len(order), NO_INSTANT, np.int64), str)
    return _texts(np.where(at == by, at, NO_INSTANT)[order], iso_time)


def _row_numbers(log: EventLog, rows: Int32s) -> Any:
    import pyarrow as pa

    inside = (rows >= 0) & (rows < len(log))
    if log.origin_row is None:
        return pa.nulls(len(rows), pa.int32())
    return pa.array(log.origin_row[np.where(inside, rows, 0)], pa.int32(), mask=~inside) if len(log) else pa.nulls(len(rows), pa.int32())


# ---------------------------------------------------------------------------------------------------- writing


def _write_csv(table: Any, path: Path) -> None:
    import pyarrow.csv as pacsv

    for name in ("case", "source"):
        table = table.set_column(table.schema.get_field_index(name), name, formula_safe(table[name]))
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
