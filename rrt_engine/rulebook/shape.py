"""What does not fit the shape of a file, said once a place and in the words of the person who wrote it.

The shapes are checked by pydantic, which tries every form a key may take and complains of each, and says of one typo
that a key is unknown and that another is missing. Here that becomes one message: the value, what was expected, and
how to write it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rrt_engine.calendar import Duration
from rrt_engine.diagnostics import Diagnostic, did_you_mean
from rrt_engine.rulebook.strict_yaml import Document, Path

_LENGTH = "a length of time such as `15 working days`, or `{parameter: name}`"
# How each key is written, shown where a value is of the wrong kind or a key is missing.
FORMS: Mapping[str, str] = {
    "id": "small letters, digits and `_`, starting with a letter, 3 to 60 long",
    "kind": "`timescale`",
    "title": "a short line (5 to 120 letters in a rule)",
    "why": "a sentence of at least 10 letters: why it matters to a child",
    "note": "a sentence",
    "source": '`{id: working_together, at: "chapter 3"}`, with the id of an instrument in sources.yaml',
    "at": 'the place in the instrument in quotes, such as `"chapter 3"`',
    "effective": "`{from: 2013-04-15}`, and `to` where it has ended",
    "from": "a date such as `2013-04-15`",
    "to": "a date such as `2013-04-15`",
    "when": "`{event: name}`, and `where: {attribute: value}` where it needs one",
    "expect": "`{event: name}`, and `where: {attribute: value}` where it needs one",
    "event": "the name of an event in events.yaml, or a list of names",
    "where": "`{attribute: value}`, `{attribute: [value, value]}`, `{attribute: {not: value}}` or `{attribute: {only: value}}`",
    "if": "`{attribute: value}`",
    "after": "`{event: name, at_least: 3, within: 90 days}` in `when`, or a length of time in `during`",
    "within": "a length such as `15 working days`, `{parameter: name}`, `{attribute: name}` for a date written in the event, "
    '`{next_working_day_at: "09:00"}`, or a list of lengths for a ladder',
    "every": _LENGTH,
    "not_before": _LENGTH,
    "warn": _LENGTH,
    "by": _LENGTH,
    "or_within": _LENGTH,
    "otherwise": _LENGTH,
    "at_most": _LENGTH,
    "first": _LENGTH,
    "lead": _LENGTH,
    "earlier": _LENGTH,
    "quality": "the name of a quality in events.yaml",
    "lifted": "a list such as `[{from: 2020-04-24, to: 2020-09-25}]`",
    "at_age": "an age in years, such as `16`",
    "age": "an age in years, such as `16`",
    "turning": "`{age: 5, within: 6 months}`",
    "running": "`ends`, `goes on` or `{parameter: name}`",
    "before": "`{attribute: date, by: 2 working days}`",
    "during": "the name of a period in events.yaml, or `{period: name, first: 12 months}`",
    "until": "a list: `{event: name}` for an event, or the name of a set of endings in events.yaml",
    "extension": "`{event: name, attribute: date, by: 2 weeks}`",
    "unless": "`{event: name}`",
    "pathway": "`{overdue: pathway_id}`",
    "stage": "`in_force` or `prospective`",
    "alias": "a list of ids, such as `[old_id]`",
    "examples": "a list of examples, each with `name`, `as_of`, `events` and `flags`",
    "events": "a list such as `- {event: icpc_held, at: 2026-04-10}`",
    "flags": "a list such as `[{status: met, due: 2026-04-10}]`; `[]` where no duty starts",
    "shows": "a list such as `[boundary]`",
    "as_of": "a date such as `2026-04-15`",
    "status": "one of met, late, early, overdue, due_soon, due, ended, cannot_tell",
    "name": "a short line that says what the example shows",
    "link": "what the two events share, such as `referral` or `s47`",
    "service": "the service the duty belongs to, such as `child_protection`",
    "authority": "`duty`, `guidance`, `practice`, `court`, `local` or `kpi`",
    "verified": "`instrument`, `secondary`, `recalled` or `local value needed`",
}
_WRONG_KIND = (
    "model_type",
    "model_attributes_type",
    "dict_type",
    "list_type",
    "string_type",
    "int_type",
    "bool_type",
    "date_type",
    "float_type",
)


def shape_problems(error: ValidationError, document: Document, shape: type[BaseModel], prefix: Path = ()) -> list[Diagnostic]:
    """Every place of a document that does not fit a shape. `prefix` is where in the document the shape stands."""
    found = [_Complaint(e, document.data, prefix) for e in error.errors()]
    found = _of_the_form_meant(found, shape, document.data)
    by_place: dict[Path, list[_Complaint]] = {}
    for complaint in found:
        by_place.setdefault(complaint.path, []).append(complaint)
    known = _shapes_by_path(shape, prefix)
    result: list[Diagnostic] = []
    typos: dict[Path, list[str]] = {}
    for path, complaints in by_place.items():
        if any(c.type == "extra_forbidden" for c in complaints):
            typos.setdefault(path[:-1], []).append(str(path[-1]))
            allowed = _quoted(complaints[0]) or list(dict.fromkeys(k for s in known(path[:-1]) for k in _keys(s)))
            result.append(_unknown_key(document, path, allowed))
    for path, complaints in by_place.items():
        missing = [c.key for c in complaints if c.type == "missing"]
        for key in dict.fromkeys(missing):
            if not difflib.get_close_matches(key, typos.get(path, []), cutoff=0.7):
                code = "no_source" if key == "source" else "missing_key"
                inside = "" if path == prefix else f" in `{_last_key(path)}`"
                result.append(
                    document.diagnostic(path, code, f"the key `{key}` is missing{inside}", f"it takes {FORMS[key]}" if key in FORMS else "")
                )
        rest = [c for c in complaints if c.type not in ("missing", "extra_forbidden")]
        deeper = any(len(other) > len(path) and other[: len(path)] == path for other in by_place)
        if rest and not deeper and not missing:
            result.append(_unfit(document, path, rest))
    return sorted(result)


class _Complaint:
    """One of pydantic's complaints, with its place in the document and the forms it had tried on the way there."""

    def __init__(self, error: Any, data: Any, prefix: Path) -> None:
        not_a_key = bool(error["loc"]) and error["loc"][-1] == "[key]"
        self.type: str = "extra_forbidden" if not_a_key else error["type"]
        self.message: str = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
        self.context: dict[str, Any] = error.get("ctx") or {}
        self.key = str(error["loc"][-1]) if error["loc"] else ""
        path: list[str | int] = []
        for step in prefix:
            data = data[step]
            path.append(step)
        self.tried: list[tuple[Path, str]] = []
        for step in error["loc"][:-1] if self.type == "missing" else error["loc"]:
            if (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(step, int) and step < len(data)):
                data = data[step]
                path.append(step)
            elif isinstance(step, str):
                self.tried.append((tuple(path), step))
        self.path: Path = tuple(path)
        self.value = data


def _of_the_form_meant(found: list[_Complaint], shape: type[BaseModel], data: Any) -> list[_Complaint]:
    """Where a mapping could be one of several shapes, only the complaints about the one it is nearest to."""
    models = {m.__name__: m for m in _reachable(shape)}
    options: dict[Path, set[str]] = {}
    for complaint in found:
        for place, name in complaint.tried:
            if name in models:
                options.setdefault(place, set()).add(name)
    chosen: dict[Path, str] = {}
    for place, names in options.items():
        value = data
        for step in place:
            value = value[step]
        if isinstance(value, dict):
            chosen[place] = max(sorted(names), key=lambda n, v=value: _nearness(v, models[n]))  # type: ignore[misc]
    return [c for c in found if all(chosen.get(place, name) == name for place, name in c.tried if place in chosen)]


def _nearness(value: dict[str, Any], shape: type[BaseModel]) -> float:
    keys = _keys(shape)
    needed = {f.alias or n for n, f in shape.model_fields.items() if f.is_required()}
    score = sum(1.0 if k in keys else 0.6 if difflib.get_close_matches(k, keys, cutoff=0.7) else -0.5 for k in value)
    return score + sum(0.3 for k in needed if k in value or difflib.get_close_matches(k, list(value), cutoff=0.7))


def _quoted(complaint: _Complaint) -> list[str]:
    """The values that pydantic says were expected."""
    return re.findall(r"'([^']*)'", str(complaint.context.get("expected", "")))


def _unknown_key(document: Document, path: Path, keys: list[str]) -> Diagnostic:
    word = str(path[-1])
    near = difflib.get_close_matches(word, keys, n=1, cutoff=0.6)
    help = did_you_mean(word, keys) or (
        f"did you mean `{near[0]}`?" if near else f"it may have {', '.join(f'`{k}`' for k in keys)}" if keys else ""
    )
    where = "" if len(path) == 1 else f" in `{_last_key(path[:-1])}`"
    return document.diagnostic(path, "unknown_key", f"unknown key `{word}`{where}", help)


def _unfit(document: Document, path: Path, complaints: list[_Complaint]) -> Diagnostic:
    """One message for one value that fits none of the forms it may take."""
    value = complaints[0].value
    key = _last_key(path)
    form = f"write {FORMS[key]}" if key in FORMS else ""
    if value is None:
        return document.diagnostic(
            path, "shape", f"`{key}` has no value", f"{form}, or remove the key" if form else "write one, or remove the key"
        )
    shown = _shown(value)
    telling = [c for c in complaints if c.type not in _WRONG_KIND and not (c.type == "literal_error" and isinstance(value, (dict, list)))]
    for c in telling:
        if c.type == "literal_error":
            allowed = _quoted(c)
            return document.diagnostic(
                path, "shape", f"{shown} is not one of {', '.join(f'`{a}`' for a in allowed)}", did_you_mean(str(value), allowed)
            )
        if c.type == "string_pattern_mismatch" and key == "id":
            return document.diagnostic(path, "shape", f"{shown} is not an id", form)
        if c.type == "string_pattern_mismatch":
            return _not_a_length(document, path, value)
        if c.type in ("string_too_short", "string_too_long"):
            return document.diagnostic(path, "shape", f"{shown} is too {c.type.rpartition('_')[2]} for `{key}`", form)
        if "is not a length of time" in c.message:
            return _not_a_length(document, path, value)
        if c.type == "too_short":
            return document.diagnostic(path, "shape", f"`{key}` is empty", form)
    if telling:
        message = telling[0].message
        named = [k for k in re.findall(r"`(\w+)`", message) if isinstance(value, dict) and k in value]
        return document.diagnostic((*path, *named[:1]), "shape", f"{message[0].lower()}{message[1:]}")
    kinds = {c.type for c in complaints}
    if kinds == {"date_type"}:
        return document.diagnostic(path, "shape", f"{shown} is not a date", "write it as `2013-04-15`")
    if form == f"write {_LENGTH}" or (key == "within" and isinstance(value, (int, float, str))):
        return _not_a_length(document, path, value)
    if kinds == {"string_type"} and isinstance(value, (int, float, bool, date)):
        return document.diagnostic(path, "shape", f"{shown} must be text for `{key}`", f'put it in quotes: `"{shown.strip("`")}"`')
    if kinds == {"list_type"}:
        return document.diagnostic(path, "shape", f"`{key}` must be a list", form or "write `[one, two]`, or one item a line after `- `")
    return document.diagnostic(path, "shape", f"{shown} is not what `{key}` takes", form)


def _not_a_length(document: Document, path: Path, value: Any) -> Diagnostic:
    text = str(value)
    number = re.match(r"^(\d+)\s*(.*)$", text)
    names = ("hour", "service hour", "working day", "day", "clear day", "week", "calendar week", "month", "year")
    units = [u for n in names for u in (n, f"{n}s")]
    short = {
        "wd": "working days",
        "h": "hours",
        "hrs": "hours",
        "d": "days",
        "wk": "weeks",
        "w": "weeks",
        "m": "months",
        "y": "years",
        "yr": "years",
    }
    help = f"write {_LENGTH}"
    if number and not number[2]:
        help = f"give it a unit, such as `{number[1]} working days` or `{number[1]} days`"
    elif number and "." not in text:
        unit = short.get(number[2].casefold()) or next(iter(difflib.get_close_matches(number[2].casefold(), units, 1, 0.6)), "")
        help = f"did you mean `{Duration.parse(f'{number[1]} {unit}')}`?" if unit and len(number[1]) < 5 else help
    units_text = "hours, service hours, working days, days, clear days, weeks, months or years"
    return document.diagnostic(path, "shape", f"{_shown(value)} is not a length of time: a whole number of {units_text}", help)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return f"`{{{', '.join(str(k) + ': …' for k in value)}}}`"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"


def _last_key(path: Path) -> str:
    return next((s for s in reversed(path) if isinstance(s, str)), "this file")


# ---------------------------------------------------------------------------------------------------- the shapes


def _keys(shape: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in shape.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _reachable(shape: type[BaseModel]) -> list[type[BaseModel]]:
    found = [shape]
    for model in found:
        for field in model.model_fields.values():
            found.extend(m for m in _models_in(field.annotation) if m not in found)
    return found


def _shapes_by_path(root: type[BaseModel], prefix: Path) -> Any:
    """A function from a place in the document to the shapes that may stand there."""

    def at(path: Path) -> list[type[BaseModel]]:
        shapes = [root]
        for step in path[len(prefix) :]:
            fields = [f for s in shapes for n, f in s.model_fields.items() if (f.alias or n) == step]
            if fields:
                shapes = [m for f in fields for m in _models_in(f.annotation)]
        return shapes

    return at
