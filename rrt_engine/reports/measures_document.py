"""What `rrt measures` says to other programs: a JSON document whose shape is public and published as a schema."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine import __version__
from rrt_engine.calendar import as_date
from rrt_engine.measures.cells import Cell, Window
from rrt_engine.measures.run import Line, Measured, NotAvailable, rolling_window, year_window
from rrt_engine.measures.words import steps, unit_words
from rrt_engine.rulebook.load_measures import MeasureBook
from rrt_engine.rulebook.measure_schema import Measure


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RuleSet(_Shape):
    """Which rule set gave the figures."""

    id: str
    version: str
    digest: str = Field(description="SHA-256 over every file of the rule set, the measures among them.")


class Published(_Shape):
    """A published figure that stands beside. Never a target."""

    area: str
    value: float = Field(description="As printed: 85.7 for 85.7%.")
    to: float | None = None
    year: str
    source: str
    verified: str
    note: str | None = None


class Band(_Shape):
    """How many values fall in a band; null where the number is left out."""

    label: str
    count: int | None


class Figure(_Shape):
    """One figure with what it rests on. Null where nothing can be said, or a number is left out (`suppressed`)."""

    first: str
    last: str
    value: float | None = Field(description="A share from 0 to 1, a number, a rate per 10,000, or days, as `show` says.")
    numerator: int | None
    denominator: int | None
    cannot_tell: int | None = Field(description="Cases that lack what it takes to judge them: in neither number.")
    before_records: int | None = Field(description="Cases that rest on what came before the records begin: in neither number.")
    aside: int | None = Field(description="Cases with dates in the wrong order, or that cannot be right: in neither number.")
    says: str = Field(description="Why there is no figure, or how it is to be read.")
    suppressed: bool


class Quartiles(_Shape):
    """A quarter, half and three quarters of the cases took no longer than this."""

    lower: float
    median: float
    upper: float
    unit: str


class MeasureLine(_Shape):
    """One measure. `basis` is the period, a snapshot at its end, or how things stand now where only latest dates are held."""

    id: str
    number: str | None
    title: str
    group: str
    show: Literal["percent", "number", "rate", "median", "mean"]
    better: Literal["higher", "lower", "neither"]
    basis: Literal["period", "snapshot", "now"]
    period: Figure
    bands: list[Band]
    quartiles: Quartiles | None
    months: list[Figure]
    rolling: list[Figure]
    year_to_date: list[Figure]
    published: list[Published]
    target: float | None
    verified: str
    differs: str | None
    sources: list[str]
    cannot: list[str]
    notes: list[str]


class Absent(_Shape):
    """A measure that cannot be given, and why."""

    id: str
    number: str | None
    title: str
    why: str
    needs: list[str]


class SourceRead(_Shape):
    """A source of timelines."""

    name: str
    format: str
    children: int | None = Field(description="Null where it is left out.")
    events: int | None


class MeasuresDocument(_Shape):
    """`rrt measures --format json`."""

    schema_: Literal["rrt/measures/1"] = Field(alias="schema")
    engine: str
    rule_set: RuleSet
    first: str
    last: str
    as_known: bool
    recorded: bool = Field(description="Whether any source says when its events were recorded.")
    population: int | None
    suppress_under: int
    sources: list[SourceRead]
    measures: list[MeasureLine]
    not_available: list[Absent]


def measures_document(found: Measured) -> dict[str, Any]:
    """Everything measured, as the published document."""
    book, asked = found.book.book, found.asked
    return {
        "schema": "rrt/measures/1",
        "engine": __version__,
        "rule_set": {"id": book.id, "version": book.version, "digest": book.digest},
        "first": as_date(asked.window.first).isoformat(),
        "last": as_date(asked.window.last).isoformat(),
        "as_known": asked.as_known,
        "recorded": found.recorded,
        "population": asked.population,
        "suppress_under": asked.suppress_under,
        "sources": [{"name": s.name, "format": s.format, "children": len(s.log.children), "events": len(s.log)} for s in found.sources],
        "measures": [_line(line, found) for line in found.lines],
        "not_available": [_absent(each) for each in found.not_available],
    }


def _line(line: Line, found: Measured) -> dict[str, Any]:
    measure, cell = line.measure, line.period
    quartiles = None
    if cell.quartiles:
        names = ("lower", "median", "upper")
        quartiles = {**dict(zip(names, cell.quartiles, strict=True)), "unit": unit_words(measure)}
    bands = measure.compute.bands if measure.compute and cell.bands else []
    return {
        "id": measure.id,
        "number": measure.number,
        "title": measure.title,
        "group": measure.group,
        "show": measure.show,
        "better": measure.better,
        "basis": line.basis,
        "period": _figure(cell, found.asked.window),
        "bands": [{"label": band.label, "count": n} for band, n in zip(bands, cell.bands, strict=True)],
        "quartiles": quartiles,
        "months": [_figure(c, w) for c, w in zip(line.months, found.months, strict=False)],
        "rolling": [_figure(c, rolling_window(measure, w.last) or w) for c, w in zip(line.rolling, found.months, strict=False)],
        "year_to_date": [_figure(c, year_window(w.last)) for c, w in zip(line.year, found.months, strict=False)],
        "published": [
            {
                "area": c.area,
                "value": c.value,
                "to": c.to,
                "year": c.year,
                "source": f"{found.book.book.sources[c.source.id].title}, {c.source.at}",
                "verified": c.verified,
                "note": c.note,
            }
            for c in measure.comparators
        ],
        "target": measure.target,
        "verified": measure.verified,
        "differs": measure.official.differs if measure.official else None,
        "sources": list(line.sources),
        "cannot": [f"{name}: {why}" for name, why in line.cannot],
        "notes": list(line.notes),
    }


def _figure(cell: Cell, window: Window) -> dict[str, Any]:
    return {
        "first": as_date(window.first).isoformat(),
        "last": as_date(window.last).isoformat(),
        "value": None if cell.value is None else round(cell.value, 6),
        "numerator": cell.numerator,
        "denominator": cell.denominator,
        "cannot_tell": cell.cannot_tell,
        "before_records": cell.before_records,
        "aside": cell.aside,
        "says": cell.says,
        "suppressed": cell.hidden,
    }


def _absent(each: NotAvailable) -> dict[str, Any]:
    m = each.measure
    return {"id": m.id, "number": m.number, "title": m.title, "why": each.why, "needs": list(each.needs)}


def definitions_document(book: MeasureBook, measures: tuple[Measure, ...]) -> dict[str, Any]:
    """The measures as they are written, with how each is worked out in words."""
    return {
        "schema": "rrt/measure-definitions/1",
        "rule_set": {"id": book.book.id, "version": book.book.version, "digest": book.book.digest},
        "measures": [
            {**m.model_dump(by_alias=True, exclude_defaults=True, exclude={"examples"}), "worked_out": steps(m, book.book)}
            for m in measures
        ],
    }


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    return MeasuresDocument.model_json_schema(by_alias=True)
