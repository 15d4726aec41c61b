"""Measures in files: a table of figures as CSV, the document as JSON, a workbook; and every case of every figure as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rrt_engine.calendar import as_date
from rrt_engine.measures.cells import Cell, Window
from rrt_engine.measures.compute import NO_VALUE, STATES, Members
from rrt_engine.measures.run import Line, Measured, rolling_window, year_window
from rrt_engine.measures.view import BEFORE, NO, UNKNOWN, YES
from rrt_engine.measures.words import condition_words, unit_words
from rrt_engine.reports.cells import write_csv
from rrt_engine.reports.measures_document import measures_document
from rrt_engine.target import can_be_written, write_atomically

FORMATS = (".xlsx", ".csv", ".json")
COLUMNS = (
    "measure",
    "number",
    "title",
    "group",
    "basis",
    "stretch",
    "first",
    "last",
    "show",
    "value",
    "numerator",
    "denominator",
    "cannot_tell",
    "before_records",
    "aside",
    "suppressed",
    "says",
)
CASE_COLUMNS = ("measure", "basis", "case", "date", "becomes", "value", "unit", "why")
_ANSWERS = {NO: "no", YES: "yes", UNKNOWN: "cannot be told", BEFORE: "rests on what came before the records begin"}


def check_target(target: Path) -> None:
    """Raise InputError where measures cannot be written to a file, before any work is done for it."""
    can_be_written(target, FORMATS, "name it such as kpis.xlsx", "kpis.xlsx")


def check_cases(target: Path) -> None:
    """Raise InputError where cases cannot be written to a file."""
    can_be_written(target, (".csv",), "name it such as cases.csv", "cases.csv")


def write_measures(found: Measured, target: Path) -> None:
    """Write the figures to a workbook, a table or a document. The same figures give the same bytes."""
    if target.suffix.lower() == ".xlsx":
        from rrt_engine.reports.measures_workbook import write_workbook

        write_atomically(target, lambda path: write_workbook(found, path))
    elif target.suffix.lower() == ".csv":

        def table(path: Path) -> None:
            write_csv(path, COLUMNS, rows(found))

        write_atomically(target, table)
    else:
        text = json.dumps(measures_document(found), indent=2, ensure_ascii=False) + "\n"

        def document(path: Path) -> None:
            path.write_text(text, encoding="utf-8", newline="\n")

        write_atomically(target, document)


def rows(found: Measured) -> Iterator[list[Any]]:
    """One row a figure: the period, the months, the rolling figures, those since April, the bands and the quartiles."""
    for line in found.lines:
        yield _row(line, "period", found.asked.window, line.period)
        for stretch, window, cell in month_cells(line, found):
            yield _row(line, stretch, window, cell)
        for band, n in zip(line.measure.compute.bands if line.measure.compute else (), line.period.bands, strict=False):
            cell = Cell(n, line.period.denominator, None, None, None, None, says="band", hidden=n is None)
            yield _row(line, f"band {band.label}", found.asked.window, cell)
        for name, value in zip(("lower quartile", "median", "upper quartile"), line.period.quartiles or (), strict=False):
            cell = Cell(None, line.period.denominator, None, None, None, value, says=unit_words(line.measure))
            yield _row(line, name, found.asked.window, cell)


def month_cells(line: Line, found: Measured) -> Iterator[tuple[str, Window, Cell]]:
    """The figures of the months, the rolling ones and those since April, each with its name and the days it is of."""
    for cell, window in zip(line.months, found.months, strict=False):
        yield "month", window, cell
    for cell, window in zip(line.rolling, found.months, strict=False):
        yield f"{line.measure.rolling}", rolling_window(line.measure, window.last) or window, cell
    for cell, window in zip(line.year, found.months, strict=False):
        yield "since April", year_window(window.last), cell


def _row(line: Line, stretch: str, window: Window, cell: Cell) -> list[Any]:
    measure = line.measure
    days = [as_date(window.first).isoformat(), as_date(window.last).isoformat()]
    value = None if cell.value is None else round(cell.value, 6)
    counts = [cell.numerator, cell.denominator, cell.cannot_tell, cell.before_records, cell.aside]
    name = [measure.id, measure.number, measure.title, measure.group, line.basis, stretch]
    return [*name, *days, measure.show, value, *counts, "yes" if cell.hidden else "no", cell.says]


def write_cases(found: Measured, target: Path) -> int:
    """Write every case of every figure of the period, and why it counts or not; returns how many."""
    written = 0

    def table(path: Path) -> None:
        nonlocal written
        written = write_csv(path, CASE_COLUMNS, _cases(found))

    write_atomically(target, table)
    return written


def _cases(found: Measured) -> Iterator[list[Any]]:
    for line in found.lines:
        for part in line.cases:
            clauses = [condition_words(c, found.book.book) for c in part.conditions]
            for i in range(len(part)):
                yield _case(line, part, i, clauses)


def _case(line: Line, part: Members, i: int, clauses: list[str]) -> list[Any]:
    why = "; ".join(f"{clause}: {_ANSWERS[int(said[i])]}" for clause, said in zip(clauses, part.answers, strict=True))
    value = None if part.value is None or part.value[i] == NO_VALUE else int(part.value[i])
    state = STATES[part.state[i]]
    becomes = {"counts": "numerator", "other": "denominator only"}.get(state, state.replace("_", " "))
    unit = unit_words(line.measure) if value is not None else ""
    case = str(part.log.children[part.child[i]])
    return [line.measure.id, line.basis, case, as_date(int(part.day[i])).isoformat(), becomes, value, unit, why]
