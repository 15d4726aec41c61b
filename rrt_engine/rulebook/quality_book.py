"""Load quality.yaml beside a rule set: the checks of the data, with every name in them looked up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import read_shape
from rrt_engine.rulebook.quality_schema import Check, QualityChecks, Select, Span, Unrecorded
from rrt_engine.rulebook.strict_yaml import Document

FILE = "quality.yaml"


def load_checks(folder: Path, book: RuleBook) -> tuple[Check, ...]:
    """The checks beside a rule set. Raises InputError with every mistake, each at its line and column."""
    checks, _ = load_checks_and_document(folder, book)
    return checks


def load_checks_and_document(folder: Path, book: RuleBook) -> tuple[tuple[Check, ...], Document]:
    """The checks, and the document that their examples stand in."""
    problems: list[Diagnostic] = []
    found, document = read_shape(folder / FILE, QualityChecks, problems)
    if found is None or document is None:
        raise InputError(problems)
    seen: set[str] = set()
    for i, check in enumerate(found.checks):
        if check.id in seen:
            problems.append(document.diagnostic(("checks", i, "id"), "id_reused", f"the id `{check.id}` is used twice"))
        seen.add(check.id)
        if check.source is not None and check.source.id not in book.sources:
            help = did_you_mean(check.source.id, book.sources) or "sources.yaml lists the instruments"
            problems.append(
                document.diagnostic(("checks", i, "source", "id"), "unknown_source", f"unknown instrument `{check.source.id}`", help)
            )
        problems.extend(_names(check, ("checks", i, "look"), document, book))
    if problems:
        raise InputError(problems)
    return tuple(found.checks), document


def selects(look: BaseModel) -> Iterator[tuple[tuple[str, ...], Select]]:
    """Every selection of events that a check looks at, with where it stands."""
    for name, value in look:
        written = type(look).model_fields[name].alias or name
        if isinstance(value, Select):
            yield (written,), value
        elif isinstance(value, Span):
            yield (written, "start"), value.start
            yield (written, "end"), Select(event=value.end, where={})


def _names(check: Check, place: tuple[str | int, ...], document: Document, book: RuleBook) -> Iterator[Diagnostic]:
    """The names in a check that are not in the vocabulary: events, attributes and links."""
    levels = {level for kind in book.events.values() for level in kind.ref}

    def unknown(path: tuple[str, ...], what: str, name: str, known: Any) -> Diagnostic:
        message = f"unknown {what} `{name}`"
        return document.diagnostic((*place, *path), f"unknown_{what}", message, did_you_mean(name, known) or "see events.yaml")

    for path, select in selects(check.look):
        for name in select.event:
            if name not in book.events:
                yield unknown((*path, "event") if path[-1] != "end" else path, "event", name, book.events)
        if select.apart_from is not None and select.apart_from not in book.events:
            yield unknown((*path, "apart_from"), "event", select.apart_from, book.events)
        attributes = {a for name in select.event if name in book.events for a in book.events[name].attrs}
        for name in select.where:
            if name not in attributes:
                yield unknown((*path, "where", name), "attribute", name, attributes)
    for name, value in check.look:
        parts = [((name, "next"), value.next, value.link)] if isinstance(value, Span) else []
        for path, kinds, link in parts:
            for kind in kinds:
                if kind not in book.events:
                    yield unknown(path, "event", kind, book.events)
            if link is not None and link not in levels:
                yield unknown((name, "link"), "link", link, levels)
        if name in ("link", "within") and value is not None and value not in levels:
            yield unknown((name,), "link", value, levels)
        if name == "reopened":
            for kind in value:
                if kind not in book.events:
                    yield unknown((name,), "event", kind, book.events)
    if isinstance(check.look, Unrecorded):
        known = {a for name in check.look.event.event if name in book.events for a in book.events[name].attrs}
        if check.look.attribute not in known:
            yield unknown(("attribute",), "attribute", check.look.attribute, known)
