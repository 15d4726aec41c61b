"""Run the examples written inside measures: each is a tiny log with the figures it must give for a period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rrt_engine.calendar import NO_DAY, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.measures.cells import Cell, Window, cell_of
from rrt_engine.measures.compute import members, rules_in
from rrt_engine.measures.view import View
from rrt_engine.model import Coverage, EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.measure_schema import Expected, Measure, MeasureExample
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.sources.builder import LogBuilder, typed

_NOT_ATTRIBUTES = ("event", "at", "ref", "child", "recorded_at")


@dataclass(frozen=True)
class MeasureOutcome:
    """One example run: whether it held, and what is wrong where it did not."""

    measure: str
    name: str
    passed: bool
    diagnostics: tuple[Diagnostic, ...]


def run_examples(measure: Measure, document: Document, book: RuleBook) -> list[MeasureOutcome]:
    """Every example of a measure."""
    result = []
    for number, example in enumerate(measure.examples):
        place = ("examples", number)
        try:
            wrong = differences(example.gives, figure(measure, example, book))
        except ValueError as error:
            wrong = [str(error)]
        except InputError as error:
            wrong = [d.message for d in error.diagnostics]
        said = tuple(document.diagnostic(place, "example_failed", f"`{measure.id}`, example `{example.name}`: {text}") for text in wrong)
        result.append(MeasureOutcome(measure.id, example.name, not said, said))
    return result


def figure(measure: Measure, example: MeasureExample, book: RuleBook) -> Cell:
    """The figure of a measure over an example's log. Raises ValueError for an event that cannot be read."""
    assert measure.compute
    log = log_of(example, book)
    window = Window(parse_moment(example.from_).day, parse_moment(example.to).day)
    view = View(log, book, window.last, rules=rules_in(measure.compute), trusted=True)
    return cell_of(measure, [members(view, measure.compute, window.first)], population=10_000)


def log_of(example: MeasureExample, book: RuleBook) -> EventLog:
    """An example's events as a log; silence is trusted unless `covers: {from: …}` says where the records begin."""
    builder = LogBuilder(book.events)
    builder.origin("example")
    born = parse_moment(example.born).day if example.born else NO_DAY
    for event in example.events:
        kind = book.kind_named(str(event.get("event")))
        if kind is None:
            raise ValueError(f"unknown event `{event.get('event')}`")
        child = str(event.get("child", "A"))
        builder.child(child, born)
        known = book.events[kind].attrs
        attributes: dict[str, Any] = {name: typed(value, known.get(name)) for name, value in event.items() if name not in _NOT_ATTRIBUTES}
        ref = event.get("ref")
        builder.add(child, kind, parse_moment(event["at"]), ref=None if ref is None else str(ref), attributes=attributes)
    if not example.events:
        builder.child("A", born)
    begins = example.covers.get("from")
    return builder.build(Coverage(since={} if begins is None else {"": parse_moment(begins).day}))


def differences(wanted: Expected, came: Cell) -> list[str]:
    """What a figure gives that an example does not expect."""
    got = {
        "numerator": came.numerator,
        "denominator": came.denominator,
        "cannot_tell": came.cannot_tell,
        "before_records": came.before_records,
        "aside": came.aside,
        "bands": list(came.bands),
        "median": came.quartiles[1] if came.quartiles else None,
        "mean": came.mean,
    }
    expected = {name: value for name, value in wanted.model_dump().items() if value is not None}
    return [f"expected {name} {value} and got {got[name]}" for name, value in expected.items() if got[name] != value]
