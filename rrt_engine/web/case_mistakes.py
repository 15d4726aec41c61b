"""What is wrong with a case that somebody typed, pasted or uploaded: said beside the field it stands in, or with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rrt_engine.calendar import Moment, as_date
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.personal_details import personal_details
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.strict_yaml import single
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.web.case_form import FACT_WORDS, Typed, what_is_wrong
from rrt_engine.web.pages import Wrong

SHOWN = 50
"""The most mistakes that are listed for one text."""
_READ, _DOUBTS = 20_000, 10
_NO_WORD = re.compile(r"\S{80,}")
_NOT_ABOUT_ANYONE = frozenset(
    ("event", "at", "recorded_at", "fact", "value", *FACT_WORDS, "on", "reported_on", "event_on", "child", "covers", "level", "pathways")
)


def in_fields(
    diagnostics: Sequence[Diagnostic], fields: Sequence[str], typed: Typed, book: RuleBook, thresholds: ThresholdBook
) -> list[Wrong]:
    """Each mistake beside its field, once, in the order of the form. `fields` says which field each line of the text is of.

    What was typed into the three fields of a date is said in the words of the form; the rest in those of the reader.
    """
    found: dict[str, str] = {}
    for field, given, name, label in _dates(typed, book):
        said = what_is_wrong(given, name, label)
        if said:
            found[field] = said
    for diagnostic in diagnostics:
        field = fields[diagnostic.line - 1] if 0 < diagnostic.line <= len(fields) else "fact_words"
        found.setdefault(field, _words(diagnostic, field, typed, thresholds))
    order = {field: i for i, field in enumerate(_order(fields))}
    return [Wrong(field, said) for field, said in sorted(found.items(), key=lambda each: order.get(each[0], -1))]


def _order(fields: Sequence[str]) -> list[str]:
    """The fields as they stand on the page: facts first, then the child, then what happened."""
    places = {"fact": 0, "born": 1, "expected": 1, "case": 1, "event": 2}
    return sorted(dict.fromkeys(fields), key=lambda field: places.get(field.split("-")[0], 1))


def _dates(typed: Typed, book: RuleBook) -> Iterator[tuple[str, Mapping[str, str], str, str]]:
    """Every date of the form: the id of its first field, what was typed, its name there and what it is called."""
    yield "born-day", typed.child, "born", "The date of birth"
    yield "expected-day", typed.child, "expected", "The date the baby is due"
    for i, event in enumerate(typed.events):
        attributes = book.events[event.name].attrs if event.name in book.events else {}
        yield f"event-{i}-at-day", event.given, "at", "The date"
        yield f"event-{i}-recorded_at-day", event.given, "recorded_at", "The day it was recorded"
        for name, kind in attributes.items():
            if kind == "date":
                yield f"event-{i}-{name}-day", event.given, name, f"{name[:1].upper()}{name[1:]}".replace("_", " ")
    for i, fact in enumerate(typed.facts):
        yield f"fact-{i}-on-day", fact.given, "on", "The day"


def _words(diagnostic: Diagnostic, field: str, typed: Typed, thresholds: ThresholdBook) -> str:
    """A mistake in the words of the form."""
    if diagnostic.code == "date" and field.endswith("-at-day"):
        return "Enter the date that it happened" if "``" in diagnostic.message or "`T" in diagnostic.message else diagnostic.message
    if diagnostic.code == "date" and field.endswith("-time"):
        return "Write the time as hours and minutes, such as 16:45, and one that there was that day"
    if diagnostic.code == "unknown_value" and field.endswith("-value"):
        block = typed.facts[int(field.split("-")[1])]
        kind = thresholds.facts[block.name]
        if not block.given.get("value"):
            return f"Choose what it is: {kind.label}" if kind.type in ("boolean", "level", "enum") else f"Enter a number: {kind.label}"
    return f"{diagnostic.message}{f': {diagnostic.help}' if diagnostic.help else ''}"


def in_text(diagnostics: Sequence[Diagnostic], text: str) -> list[Wrong]:
    """Each mistake of a text with its line, and what stands on that line."""
    lines = text.splitlines()
    found = []
    for d in diagnostics[:SHOWN]:
        stands = lines[d.line - 1].strip()[:100] if 0 < d.line <= len(lines) else ""
        place = f"Line {d.line}{f' (“{stands}”)' if stands else ''}: " if d.line else ""
        found.append(Wrong("case_text", f"{place}{d.message}{f'; {d.help}' if d.help else ''}"))
    if len(diagnostics) > SHOWN:
        found.append(Wrong("case_text", f"and {len(diagnostics) - SHOWN:,} more"))
    return found


def personal(text: str, as_of: Moment) -> tuple[str, ...]:
    """What in a case looks as if it says who somebody is, in the sentences of `rrt decide`. Dates, kinds and values are left alone."""
    try:
        data = single("the case", text).data
    except InputError:
        return ()
    year = as_date(as_of.day).year
    written = _NO_WORD.sub(" ", "\n".join(_texts(data)))  # a line each: a name does not run from one into the next
    found = personal_details(written if len(written) <= _READ else written[:_READ].rpartition(" ")[0], year)
    return (*found[:_DOUBTS], f"and {len(found) - _DOUBTS} more") if len(found) > _DOUBTS else found


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for each in data:
            yield from _texts(each)
    elif isinstance(data, dict):
        for key, value in data.items():
            if key not in _NOT_ABOUT_ANYONE:
                yield from _texts(value)
