"""The shape of rule and vocabulary files as JSON Schema, which an editor uses to complete, explain and check as you type."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rrt_engine.rulebook.book import Vocabulary
from rrt_engine.rulebook.measure_schema import Measure
from rrt_engine.rulebook.quality_schema import QualityChecks
from rrt_engine.rulebook.schema import TimescaleRule
from rrt_engine.rulebook.shape import FORMS
from rrt_engine.rulebook.threshold_schema import FactVocabulary, Pathways, ThresholdRule

# Keys that take one value or a list of them; the shape itself holds a list.
_ONE_OR_MORE = (
    *("event", "source", "not", "only", "from", "forget", "open", "not_open", "during", "anew", "carry"),
    *("when", "fact", "domain", "flag", "value", "status", "level", "impact", "count", "cin_factor"),
)
# What the keys that every rule shares take; the others mean one thing in a time limit and another in a threshold.
_SHARED = ("id", "title", "why", "note", "source", "at", "effective", "as_of", "authority", "verified", "status")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, str]:
    """The text of each schema file of a rule set, by file name."""
    return {
        "rule.schema.json": _text(
            TimescaleRule, "A rule of rrt", "One document of a rule file: a time limit, a recurring duty, a count or a duration."
        ),
        "vocabulary.schema.json": _text(
            Vocabulary,
            "The event vocabulary of rrt",
            "events.yaml: the kinds of event, the periods they open and close, and what ends a duty.",
        ),
        "threshold.schema.json": _text(
            ThresholdRule,
            "A threshold rule of rrt",
            "One document of a file in thresholds: one effect on the suggestion, and when it has it.",
            _SHARED,
        ),
        "measure.schema.json": _text(
            Measure,
            "A measure of rrt",
            "One document of a file in measures: what is counted, of what, and what it is compared with.",
            _SHARED,
        ),
        "facts.schema.json": _text(
            FactVocabulary,
            "The fact vocabulary of rrt",
            "facts.yaml: the facts that may be recorded, and what each value pulls towards.",
            (),
        ),
        "quality.schema.json": _text(
            QualityChecks, "The checks of the data of rrt", "quality.yaml: what cannot be right in a record, and how to mend it.", ()
        ),
        "pathways.schema.json": _text(
            Pathways, "The pathways of rrt", "pathways.yaml: the levels of need, and where a suggestion can point.", ()
        ),
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write the schema files of a rule set where they differ from what is there; returns those written."""
    written = []
    for name, text in schemas().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    return written


def _text(shape: type[BaseModel], title: str, description: str, forms: Collection[str] = tuple(FORMS)) -> str:
    schema = _for_editors(shape.model_json_schema(by_alias=True), forms)
    return json.dumps({"$schema": _DRAFT, **schema, "title": title, "description": description}, indent=1, ensure_ascii=False) + "\n"


def _for_editors(node: Any, forms: Collection[str]) -> Any:
    """The schema as an editor wants it: one value or a list where both are read, no empty keys, no titles beside names."""
    if isinstance(node, list):
        return [_for_editors(item, forms) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _for_editors(value, forms) for key, value in _without_null(node).items()}
    for name, part in _properties(node):
        part.pop("title", None)
        if name in forms:
            part.setdefault("description", f"It takes {FORMS[name]}.")
        if name in _ONE_OR_MORE and part.get("type") == "array":
            many = {k: part.pop(k) for k in ("type", "items", "minItems") if k in part}
            part["anyOf"] = [many["items"], many]
    if "$defs" in node:
        for shape in node["$defs"].values():
            shape.pop("title", None)
    return node


def _properties(node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    properties = node.get("properties")
    if isinstance(properties, dict) and all(isinstance(p, dict) for p in properties.values()):
        yield from properties.items()


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """A key that may be left out is left out, not written with nothing after it."""
    choices = node.get("anyOf")
    if not isinstance(choices, list) or {"type": "null"} not in choices:
        return node
    kept = [c for c in choices if c != {"type": "null"}]
    rest = {k: v for k, v in node.items() if k != "anyOf" and not (k == "default" and v is None)}
    return {**(kept[0] if len(kept) == 1 else {"anyOf": kept}), **rest}
