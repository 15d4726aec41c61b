"""A trend as a file: one row a figure in CSV or Parquet, or a workbook with the months across."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from rrt_engine import __version__
from rrt_engine.calendar import Moment, as_date
from rrt_engine.measures.run import Line, Measured
from rrt_engine.replay.run import RuleLine
from rrt_engine.replay.trend import Trend, TrendLine
from rrt_engine.reports.cells import Column, Sheet, write_csv, write_workbook
from rrt_engine.reports.measures_files import month_cells
from rrt_engine.reports.trend_words import BASIS_WORDS, IN_MONTH, LIMITS, SO_FAR, month_words, overdue_now, reading_words
from rrt_engine.target import can_be_written, write_atomically

FORMATS = (".csv", ".parquet", ".xlsx")
COLUMNS = {
    "kind": "rule or measure",
    "id": "the rule's or measure's id",
    "title": "what it requires or says",
    "service": "the part of the service",
    "basis": "history, now (only latest dates are held) or count; for a measure period, snapshot or now",
    "month": "the month, as 2026-04",
    "last": "the month end, by which all is judged",
    "of": "so far (every duty started by then), in the month (those that fell due in it), or the stretch of a measure",
    "value": "the share on time, from 0 to 1; for a measure its figure",
    "numerator": "duties on time; for a measure its numerator",
    "denominator": "duties that can be judged; for a measure its denominator",
    "duties": "all duties",
    "met": "done on time",
    "late": "done after they were due",
    "early": "done too early",
    "overdue": "not done by the month end, and due before it",
    "ended_since": "of those overdue, the ones that had ended by the month end: missed, and not overdue any more",
    "open": "not done by the month end, and not yet due",
    "ended": "no longer needed",
    "cannot_tell": "cannot be told",
    "recorded_later": "events dated by the month end, in all sources, that were recorded only later and so are not in it",
    "without_recorded_at": "events dated by the month end, in all sources, that do not say when they were recorded and so are in it",
    "says": "what must be said of the figure",
}
_WHOLE = ("numerator", "denominator", "duties", "met", "late", "early", "overdue", "ended_since", "open", "ended", "cannot_tell")
_KNOWN = ("recorded_later", "without_recorded_at")


def check_target(target: Path) -> None:
    """Raise InputError where a trend cannot be written to a file, before any work is done for it."""
    can_be_written(target, FORMATS, "end the name in .csv for a table, in .xlsx for a workbook", "trend.csv")


def write_trend(found: Trend, measured: Measured | None, target: Path) -> int:
    """Write a trend and return how many figures there are. The same trend gives the same bytes."""
    rows = list(trend_rows(found, measured))
    match target.suffix.lower():
        case ".csv":
            write_atomically(target, lambda path: write_csv(path, list(COLUMNS), rows))
        case ".parquet":
            write_atomically(target, lambda path: _write_parquet(rows, path))
        case _:
            write_atomically(target, lambda path: _write_workbook(found, rows, path))
    return len(rows)


def trend_rows(found: Trend, measured: Measured | None) -> Iterator[list[Any]]:
    """One row a figure, with the columns of COLUMNS: two for each rule and month, then those of the measures."""
    known = {m.name: [k.recorded_later, k.unsaid] for m, k in zip(found.months, found.known, strict=True)}
    for line in found.lines:
        for month, point in zip(found.months, line.points, strict=True):
            for of, counted in (("in the month", point.in_month), ("so far", point.so_far)):
                if counted is not None and (of == "so far" or line.basis == "history"):
                    yield _rule_row(line, month.name, as_date(month.last), of, counted, known[month.name])
    if measured is not None:
        for of_measure in measured.lines:
            yield from _measure_rows(of_measure, measured, known)


def _rule_row(line: TrendLine, month: str, last: date, of: str, counted: RuleLine, known: list[int]) -> list[Any]:
    states = counted.statuses
    share = None if counted.share is None else round(counted.share, 6)
    done = [*(states[name] for name in ("met", "late", "early", "overdue")), counted.ended_since]
    rest = [states["due"] + states["due_soon"], states["ended"], states["cannot_tell"]]
    judged = [None, None] if line.basis == "count" else [counted.on_time, counted.judged]
    says = "" if line.basis == "history" else BASIS_WORDS[line.basis]
    named = ["rule", line.rule, line.title, line.service, line.basis, month, last, of]
    return [*named, share, *judged, counted.started, *done, *rest, *known, says]


def _measure_rows(line: Line, measured: Measured, known: dict[str, list[int]]) -> Iterator[list[Any]]:
    """The figures of a measure for each month; where only latest dates are held, the one for the last month end."""
    measure, cells = line.measure, month_cells(line, measured)
    if line.basis == "now":
        cells = iter([("as it stands", measured.asked.window, line.period)])
    for stretch, window, cell in cells:
        last = as_date(window.last)
        month = f"{last:%Y-%m}"
        value = None if cell.value is None else round(cell.value, 6)
        unclear = None if cell.cannot_tell is None else cell.cannot_tell + (cell.before_records or 0) + (cell.aside or 0)
        named = ["measure", measure.id, measure.title, measure.group, line.basis, month, last, stretch]
        yield [*named, value, cell.numerator, cell.denominator, *[None] * 8, unclear, *known[month], cell.says]


def _write_parquet(rows: list[list[Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"last": pa.date32(), "value": pa.float64(), **dict.fromkeys((*_WHOLE, *_KNOWN), pa.int64())}
    columns = [pa.array([row[i] for row in rows], types.get(name, pa.string())) for i, name in enumerate(COLUMNS)]
    pq.write_table(pa.table(columns, names=list(COLUMNS)), path, compression="zstd")


def _write_workbook(found: Trend, rows: list[list[Any]], path: Path) -> None:
    """The shares with the months across, every figure in a row, and what it all rests on."""
    last = found.months[-1]
    title = f"Month ends from {month_words(found.months[0])} to {month_words(last)}"
    sheets = [_across(found, title), _figures(rows, title)]
    write_workbook(path, Moment(last.last), title, [sheet for sheet in sheets if sheet.rows], _about(found))


def _across(found: Trend, title: str) -> Sheet:
    months = [Column(month_words(m), 11, "percent") for m in found.months]
    last = month_words(found.months[-1])
    columns = [Column("Rule", 34), Column("What it requires", 60, "long"), Column("Read", 14), *months]
    columns += [Column(f"Due in it, {last}", 11, "number"), Column(f"Overdue, {last}", 11, "number"), Column(f"Open, {last}", 11, "number")]
    rows = []
    for line in found.lines:
        if line.basis == "count":
            continue
        points = [p.in_month if line.basis == "history" else p.so_far for p in line.points]
        end, so_far = line.points[-1].in_month, line.points[-1].so_far
        standing = [overdue_now(so_far), so_far.statuses["due"] + so_far.statuses["due_soon"]] if so_far else [None, None]
        due = end.judged if end and line.basis == "history" else None
        read = "due in the month" if line.basis == "history" else "as it stands"
        rows.append([line.rule, line.title, read, *(None if p is None else p.share for p in points), due, *standing])
    return Sheet("Months", f"{title}: share on time of the duties that fell due in the month", columns, rows)


def _figures(rows: list[list[Any]], title: str) -> Sheet:
    kinds = {"last": "date", "value": "decimal", **dict.fromkeys((*_WHOLE, *_KNOWN), "number")}
    wide = {"title": 60, "id": 34, "says": 60, "service": 20, "of": 18, "last": 18}
    columns = [Column(n.replace("_", " ").capitalize(), wide.get(n, 12), kinds.get(n, "text")) for n in COLUMNS]  # type: ignore[arg-type]
    return Sheet("Figures", f"{title}: every figure", columns, rows)


def _about(found: Trend) -> list[tuple[str, str]]:
    book = found.book
    sources = [f"{s.name} ({s.format}): {s.events:,} events, {s.unsaid:,} without the day they were recorded" for s in found.sources]
    return [
        ("As it was known then", " ".join(reading_words(found))),
        ("In the month", IN_MONTH),
        ("So far", SO_FAR),
        ("Limits", LIMITS),
        ("Sources", "; ".join(sources)),
        ("Rule set", f"{book.title}, {book.version}"),
        ("Digest of the rule set", book.digest),
        ("Engine", f"rrt {__version__}"),
        *((f"Column {name}", text) for name, text in COLUMNS.items()),
        ("Notice", book.notice),
    ]
