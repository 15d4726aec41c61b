"""The local values that facts.yaml and threshold rules use: which they are, and whether each can be used as it is."""

from __future__ import annotations

from pathlib import Path

from rrt_engine.calendar import Duration
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.rulebook.load import read_document
from rrt_engine.rulebook.schema import Parameter
from rrt_engine.rulebook.threshold_book import ThresholdBook


def used_local_values(book: ThresholdBook) -> dict[str, str]:
    """The local values that facts.yaml and threshold rules use, each with what it must be: a count, or a length of time."""
    counts = [v for k in book.facts.values() for s in k.steps for v in (s.from_, s.below)]
    counts += [v for r in book.rules for p in r.spec.when for v in (p.at_least, p.below)]
    lengths = [book.past_after, *(k.derive.within for k in book.facts.values() if k.derive)]
    used = {v.parameter: "count" for v in counts if isinstance(v, Parameter)}
    return used | {v.parameter: "length" for v in lengths if isinstance(v, Parameter)}


def local_value_problems(folder: Path, book: ThresholdBook) -> list[Diagnostic]:
    """Local values that cannot be used as what a fact or a threshold rule takes them for. The file is read only to show the place."""
    known = book.book.parameters
    wrong = {name: _unusable(known[name].value, kind) for name, kind in used_local_values(book).items() if name in known}
    wrong = {name: message for name, message in wrong.items() if message}
    document = read_document(folder / "parameters.yaml", []) if wrong else None
    if document is None:
        return []
    return [document.diagnostic((name, "value"), "local_value", message) for name, message in wrong.items()]


def _unusable(value: str | int, kind: str) -> str:
    if kind == "count":
        return "" if isinstance(value, int) else f"`{value}` is not a count; write a whole number"
    try:
        Duration.parse(str(value))
    except ValueError as error:
        return str(error)
    return ""
