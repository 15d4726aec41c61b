"""A rule set with some of its values changed, as `--set` gives them: `cp_visit.interval=4 weeks`, or a local value by its name.

A change is made to what the file says, just after it is read and before anything is checked, so that it is held to the same
checks as an edit of the file would be. The rule set on disk stays as it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.rulebook.schema import TimescaleRule
from rrt_engine.rulebook.strict_yaml import Document, Path, single

Changes = tuple[tuple[str, str], ...]

INTERVAL = "interval"
_FIELDS = tuple(field.alias or name for name, field in TimescaleRule.model_fields.items())
# What names a rule, or proves it: another value would make it another rule.
_FIXED = ("id", "kind", "alias", "examples")
_HOW = 'write NAME=VALUE, such as cp_visit.interval="4 weeks" for a rule or cp_visit_interval="4 weeks" for a local value'


def changes_given(words: Sequence[str]) -> Changes:
    """The changes that `--set` asks for, as names and values. Raises InputError with every one that is not `NAME=VALUE`.

    >>> changes_given(["cp_visit.interval=4 weeks"])
    (('cp_visit.interval', '4 weeks'),)
    """
    problems: list[Diagnostic] = []
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not name:
            problems.append(Diagnostic("--set", 0, 0, "change", f"`{word}` does not say what to change to what", "error", "", _HOW))
        elif name in found and found[name] != value:
            message = f"`{name}` is set to `{found[name]}` and to `{value}`"
            problems.append(Diagnostic("--set", 0, 0, "change", message, "error", "", "keep one of the two"))
        else:
            found[name] = value
    if problems:
        raise InputError(problems)
    return tuple(sorted(found.items()))


@dataclass(frozen=True)
class _Asked:
    """One change: the rule and the part of it, or the local value where `rule` is empty."""

    name: str
    rule: str
    edition: str
    path: Path
    value: Any

    @property
    def shown(self) -> str:
        """How a mistake in it is named."""
        return f"--set {self.name}"

    def problem(self, code: str, message: str, help: str = "") -> Diagnostic:
        """What is wrong with it."""
        return Diagnostic(self.shown, 0, 0, code, message, "error", "", help)


@dataclass(frozen=True)
class _Made:
    """A change as it was made in one document."""

    asked: _Asked
    document: Document
    path: Path


class Changing:
    """Makes changes to the documents of a rule set as they are read, and says what is wrong with the changes afterwards.

    Raises InputError where a value cannot be read at all.
    """

    def __init__(self, changes: Changes) -> None:
        self._asked: list[_Asked] = []
        self._made: list[_Made] = []
        self._problems: list[Diagnostic] = []
        self._rules: dict[str, None] = {}
        self._editions: dict[str, list[str]] = {}
        self._parameters: dict[str, None] = {}
        unreadable: list[Diagnostic] = []
        for name, text in sorted(changes):  # the whole of something before a part of it
            asked = _read(name, text, unreadable)
            if asked is not None:
                self._asked.append(asked)
        if unreadable:
            raise InputError(unreadable)

    def digest(self, digest: str) -> str:
        """The digest of a rule set with these changes: its own where there are none."""
        if not self._asked:
            return digest
        said = json.dumps(sorted((a.name, json.dumps(a.value, default=str)) for a in self._asked))
        return hashlib.sha256(f"{digest}\0{said}".encode()).hexdigest()

    def parameters(self, document: Document) -> None:
        """Change the local values of parameters.yaml."""
        if not isinstance(document.data, dict):
            return
        self._parameters = dict.fromkeys(document.data)
        for asked in self._asked:
            local = document.data.get(asked.path[0]) if not asked.rule else None
            if isinstance(local, dict):
                local["value"] = asked.value
                self._made.append(_Made(asked, document, (*asked.path, "value")))

    def rules(self, documents: Sequence[Document]) -> None:
        """Change the rules of one file. All editions of a rule stand in one file."""
        by_id: dict[str, list[Document]] = {}
        for document in documents:
            names = document.data.get("alias")
            for name in (document.data.get("id"), *(names if isinstance(names, list) else [])):
                by_id.setdefault(str(name), []).append(document)
                self._rules[str(name)] = None
        for asked in self._asked:
            editions = by_id.get(asked.rule, []) if asked.rule else []
            if editions:
                self._change(asked, editions)

    def _change(self, asked: _Asked, documents: list[Document]) -> None:
        """Change a part of a rule in each edition that has it; in each edition where none has."""
        began = {_began(document): document for document in documents}
        if asked.edition:
            if asked.edition not in began:
                said = " or ".join(f"`{day}`" for day in began)
                message = f"`{asked.rule}` has no edition from `{asked.edition}`"
                self._problems.append(asked.problem("unknown_edition", message, f"its editions are from {said}"))
                return
            documents = [began[asked.edition]]
        paths = [_meant(asked.path, document.data) for document in documents]
        if all(path is None for path in paths):
            message = f"`{asked.rule}` has no one interval to set"
            near = [key for key in ("within", "every", "before", "not_before") if any(key in d.data for d in documents)]
            help = (
                f"name the part to set, such as {' or '.join(f'`{asked.rule}.{key}`' for key in near)}" if near else "it has no time limit"
            )
            self._problems.append(asked.problem("change", message, help))
            return
        have = [path is not None and _stands(document.data, path) for document, path in zip(documents, paths, strict=True)]
        for document, path, has in zip(documents, paths, have, strict=True):
            if path is not None and (has or not any(have)):
                if twice := next((m.asked.name for m in self._made if m.document is document and m.path == path), ""):
                    self._problems.append(asked.problem("change", f"`{twice}` and `{asked.name}` set the same part", "keep one of the two"))
                    return
                if not _put(document.data, path, asked.value):
                    message = f"`{asked.rule}` has nothing at `{'.'.join(map(str, path))}` that could be set"
                    self._problems.append(asked.problem("change", message, f"set the whole of `{asked.rule}.{path[0]}`"))
                    return
                self._made.append(_Made(asked, document, path))

    def problems(self) -> list[Diagnostic]:
        """Changes to what is not there, once every document has been read."""
        return [*self._problems, *(problem for asked in self._asked if (problem := self._not_there(asked)))]

    def _not_there(self, asked: _Asked) -> Diagnostic | None:
        if asked.rule:
            if asked.rule in self._rules:
                return None
            near = did_you_mean(asked.rule, self._rules) or "`rrt rules list` names them all"
            return asked.problem("unknown_rule", f"unknown rule `{asked.rule}`", near)
        name = str(asked.path[0])
        if name in self._parameters:
            return None
        if name in self._rules:
            return asked.problem("change", f"`{name}` is a rule, not a value", f"name the part to set, such as `{name}.{INTERVAL}`")
        near = did_you_mean(name, [*self._parameters, *(f"{rule}.{INTERVAL}" for rule in self._rules)])
        return asked.problem("unknown_local_value", f"unknown local value `{name}`", near or _HOW)

    def caused(self, problems: Sequence[Diagnostic]) -> list[Diagnostic]:
        """What is wrong with the changed rule set, said of the changes that made it so."""
        said = (Diagnostic(self._at_fault(p), 0, 0, p.code, p.message, p.severity, "", p.help) for p in problems)
        return list(dict.fromkeys(said))

    def _at_fault(self, problem: Diagnostic) -> str:
        near = [m for m in self._made if m.document.file == problem.file and m.document.line <= problem.line <= m.document.end_line]
        here = [m for m in near if m.document.position(m.path) == (problem.line, problem.column)]
        values = [m for m in self._made if not m.asked.rule and f"`{m.asked.name}`" in problem.message]
        return ", ".join(dict.fromkeys(m.asked.shown for m in here or near or values or self._made))


def _read(name: str, text: str, problems: list[Diagnostic]) -> _Asked | None:
    """One change, its name taken apart and its value read as a file would be. What cannot be read is added to `problems`."""
    found: list[Diagnostic] = []
    shown = f"--set {name}"
    value: Any = None
    try:
        value = single(shown, text, found).data if text else None
    except InputError as error:
        found.extend(error.diagnostics)
    if not found and value is None:
        found.append(Diagnostic(shown, 0, 0, "change", f"`{name}` is given no value", "error", "", _HOW))
    rule, _, field = name.partition(".")
    rule, at, edition = rule.partition("@")
    path: Path = tuple(int(step) if step.isdigit() else step for step in field.split(".")) if field else (rule,)
    first = str(path[0])
    if at and not field:
        help = f"name the part to set, such as `{name}.{INTERVAL}`"
        found.append(Diagnostic(shown, 0, 0, "change", f"`{name}` is an edition of a rule, not a value", "error", "", help))
    elif field and first in _FIXED:
        help = "edit a copy of the rule set, and give it with --rules"
        message = f"`{first}` of a rule cannot be set here: it would be another rule"
        found.append(Diagnostic(shown, 0, 0, "change", message, "error", "", help))
    elif field and first not in (*_FIELDS, INTERVAL):
        near = did_you_mean(first, [*_FIELDS, INTERVAL]) or f"name a part of the rule, such as `{rule}.{INTERVAL}`"
        found.append(Diagnostic(shown, 0, 0, "unknown_key", f"a rule has no `{first}`", "error", "", near))
    problems.extend(Diagnostic(d.file, 0, 0, d.code, d.message, d.severity, "", d.help) for d in found)
    return None if found else _Asked(name, rule if field else "", edition, path, value)


def _began(document: Document) -> str:
    """The day an edition begins, as it is written."""
    effective = document.data.get("effective")
    began = effective.get("from") if isinstance(effective, dict) else None
    return began.isoformat() if isinstance(began, date) else str(began)


def _meant(path: Path, data: Any) -> Path | None:
    """A path, with `interval` read as the time limit that recurs or, where none does, the one there is; None where it is not one value."""
    if path[0] != INTERVAL:
        return path
    if "every" in data:
        return ("every", *path[1:])
    within = data.get("within")
    one = isinstance(within, str) or (isinstance(within, dict) and set(within) == {"parameter"})
    return ("within", *path[1:]) if one else None


def _steps(data: Any, path: Path) -> Iterator[Any]:
    for step in path:
        if isinstance(data, dict) and str(step) in data:
            data = data[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return
        yield data


def _stands(data: Any, path: Path) -> bool:
    return len(list(_steps(data, path))) == len(path)


def _put(data: Any, path: Path, value: Any) -> bool:
    """Put a value at a path, making what is not there on the way; False where something else stands there."""
    for step in path[:-1]:
        if isinstance(data, dict):
            data = data.setdefault(str(step), {})
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return False
    last = path[-1]
    if isinstance(data, dict):
        data[str(last)] = value
        return True
    if isinstance(data, list) and isinstance(last, int) and last < len(data):
        data[last] = value
        return True
    return False
