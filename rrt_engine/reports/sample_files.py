"""A dip sample as a file for the auditor to fill in: CSV with the strata beside it, or a workbook; and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.sample import Sample
from rrt_engine.reports.cells import Column, Sheet, write_csv, write_workbook
from rrt_engine.reports.sample_words import (
    CITED,
    ESTIMATE,
    aside_words,
    design_words,
    event_titles,
    found_words,
    len_of,
    run_words,
    source_words,
)
from rrt_engine.target import can_be_written, write_atomically

FORMATS = (".csv", ".xlsx")
COLUMNS = {
    "line": "its number in the sample",
    "stratum": "the number of its stratum, in the list of strata",
    "weight": "how many duties of its stratum it stands for",
    "case": "the child's id in the source",
    "service": "the part of the service",
    "rule": "the rule's id",
    "title": "what the rule requires",
    "status": "what was found: met, late, early, overdue, due_soon, due, ended or cannot_tell",
    "found": "what was found, in words",
    "trigger_event": "the event that started the clock",
    "trigger_at": "when, as recorded",
    "due": "the last day on time",
    "answer_event": "the event that answered it",
    "answer_at": "when, as recorded",
    "ended_by": "the event that ended it; an overdue duty that has ended was missed, and is not overdue any more",
    "ended_at": "when, as recorded",
    "days_late": "calendar days",
    "team": "the team recorded last for the child",
    "worker": "the worker recorded last for the child",
    "where": "the file and row of the source",
}
ANSWERS = {
    "audit_agrees": "for the auditor: yes, no or cannot tell",
    "audit_status": "for the auditor: what it should be, where not as found",
    "audit_note": "for the auditor: what the record shows",
    "audited_by": "for the auditor: a code or initials",
    "audited_on": "for the auditor: the date",
}


def check_target(target: Path) -> None:
    """Raise InputError where a sample cannot be written to a file, before any work is done for it."""
    can_be_written(target, FORMATS, "end the name in .xlsx for a workbook to fill in, or in .csv", "sample.xlsx")


def strata_file(target: Path) -> Path:
    """The file beside a sample in CSV that lists its strata."""
    return target.with_name(f"{target.stem}.strata.csv")


def write_sample(sample: Sample, run: Run, target: Path) -> list[Path]:
    """Write a sample and return the files written. The same sample gives the same bytes."""
    rows = list(sample_rows(sample, run))
    if target.suffix.lower() == ".xlsx":
        write_atomically(target, lambda path: _workbook(sample, rows, run, path))
        return [target]
    strata = strata_file(target)
    header = ["stratum", *sample.design.by, "duties", "allocated", "drawn", "weight"]
    write_atomically(target, lambda path: write_csv(path, [*COLUMNS, *ANSWERS], rows))
    write_atomically(strata, lambda path: write_csv(path, header, _strata_rows(sample)))
    return [target, strata]


def sample_rows(sample: Sample, run: Run) -> Iterator[list[Any]]:
    """A line for each duty drawn, with the columns of COLUMNS and those of ANSWERS left blank."""
    titles = event_titles(run)
    for number, row in enumerate([] if sample.rows is None else sample.rows.to_pylist(), 1):
        made = {
            **row,
            "line": number,
            "stratum": row["stratum"] + 1,
            "weight": round(row["weight"], 6),
            "found": found_words(row, titles),
            "where": source_words(row),
        }
        yield [made[name] for name in COLUMNS] + [None] * len(ANSWERS)


def _strata_rows(sample: Sample) -> list[list[Any]]:
    return [
        [number, *s.values, s.size, s.allocated, s.drawn, None if s.weight is None else round(s.weight, 6)]
        for number, s in enumerate(sample.strata, 1)
    ]


def _workbook(sample: Sample, rows: list[list[Any]], run: Run, path: Path) -> None:
    kinds = {"line": "number", "stratum": "number", "weight": "decimal", "due": "date", "days_late": "number", "found": "long"}
    wide = {"title": 44, "found": 56, "rule": 26, "where": 30, "audit_note": 44, "line": 6, "stratum": 8, "weight": 9, "due": 17}
    columns = [Column(_heading(n), wide.get(n, 15), kinds.get(n, "text")) for n in (*COLUMNS, *ANSWERS)]  # type: ignore[arg-type]
    of_strata = [Column("Stratum", 9, "number"), *(Column(_heading(name), 24) for name in sample.design.by)]
    of_strata += [Column(name, 11, "number") for name in ("Duties", "Allocated", "Drawn")]
    of_strata += [Column("Weight", 11, "decimal")]
    title = f"Dip sample, {run_words(run)}"
    sheets = [Sheet("Sample", title, columns, rows), Sheet("Strata", "Strata and weights", of_strata, _strata_rows(sample))]
    write_workbook(path, run.as_of, "Dip sample", sheets, _about(sample, run))


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _about(sample: Sample, run: Run) -> list[tuple[str, str]]:
    rules = run.manifest["rules"]
    return [
        ("Drawn from", run_words(run)),
        ("How it was drawn", " ".join([*aside_words(run), *design_words(sample)])),
        ("How to estimate", ESTIMATE),
        ("Where that is from", CITED),
        ("Rule set", f"{rules['id']} {rules['version']}, digest {rules['digest']}"),
        ("Engine", f"rrt {__version__}"),
        *((f"Column {_heading(name)}", text) for name, text in {**COLUMNS, **ANSWERS}.items()),
    ]


# ---------------------------------------------------------------------------------------------------- the document


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SampleStratum(_Shape):
    """One stratum: its values in the columns asked for, its duties, its draws, and what each duty drawn stands for."""

    stratum: int
    values: dict[str, str]
    duties: int
    allocated: int = Field(description="Its draws by its size; others where children ran out, since each is drawn once.")
    drawn: int
    weight: float | None


class SampleLine(_Shape):
    """One duty drawn."""

    line: int
    stratum: int
    weight: float
    case: str
    service: str
    rule: str
    title: str
    status: str
    found: str
    trigger_event: str | None
    trigger_at: str | None
    due: str | None
    answer_event: str | None
    answer_at: str | None
    ended_by: str | None
    ended_at: str | None
    days_late: int | None
    team: str | None
    worker: str | None
    where: str


class SampleDocument(_Shape):
    """`rrt sample --format json`."""

    schema_: Literal["rrt/sample/1"] = Field(alias="schema")
    engine: str
    rule_set: dict[str, Any]
    as_of: str
    as_known: str | None
    seed: int
    stratified_by: list[str]
    asked: int
    duties: int
    how: Literal["all", "proportional", "systematic"]
    child_once: bool
    passed_over: int = Field(description="Duties that would have been drawn but for another of the same child's.")
    strata: list[SampleStratum]
    lines: list[SampleLine]
    method: list[str]


def sample_document(sample: Sample, run: Run) -> dict[str, Any]:
    """A sample as the published document."""
    m, design = run.manifest, sample.design
    return {
        "schema": "rrt/sample/1",
        "engine": __version__,
        "rule_set": {name: m["rules"][name] for name in ("id", "version", "digest")},
        "as_of": m["as_of"],
        "as_known": m["as_known"],
        "seed": design.seed,
        "stratified_by": list(design.by),
        "asked": design.n,
        "duties": sample.duties,
        "how": sample.how,
        "child_once": not design.again,
        "passed_over": sample.passed_over,
        "strata": [
            {
                "stratum": row[0],
                "values": dict(zip(design.by, stratum.values, strict=True)),
                "duties": stratum.size,
                "allocated": stratum.allocated,
                "drawn": stratum.drawn,
                "weight": row[-1],
            }
            for row, stratum in zip(_strata_rows(sample), sample.strata, strict=True)
        ],
        "lines": [{name: _plain(value) for name, value in zip(COLUMNS, row, strict=False)} for row in sample_rows(sample, run)],
        "method": [*aside_words(run), *design_words(sample), ESTIMATE, CITED],
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


__all__ = [
    "ANSWERS",
    "COLUMNS",
    "SampleDocument",
    "check_target",
    "len_of",
    "sample_document",
    "sample_rows",
    "strata_file",
    "write_sample",
]
