"""YAML read strictly, with the line and column of every key: one loader for rules, vocabularies and case files.

Plain PyYAML silently drops a duplicate key, turns `on` into true and 12:30 into 750, and builds objects from tags.
This one keeps the core of YAML 1.2: true and false, decimal numbers, ISO dates, text. Duplicate keys, tags, aliases
and documents nested beyond reason are refused. It raises InputError with positions, never a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import yaml

from rrt_engine.diagnostics import Diagnostic, InputError

Path = tuple[str | int, ...]
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 24
_INT = re.compile(r"^[-+]?(0|[1-9]\d*)$")
_FLOAT = re.compile(r"^[-+]?\d+\.\d+$")
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
_CONSTANTS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_QUOTED = ("'", '"', "|", ">")
_STR = "tag:yaml.org,2002:str"


class _Loader(_Base):  # type: ignore[misc]
    yaml_implicit_resolvers: dict[Any, Any] = {}


class Document:
    """One YAML document: its data, and where each key stands."""

    def __init__(self, file: str, node: yaml.Node) -> None:
        self.file = file
        self._node = node
        self.line = node.start_mark.line + 1
        self.problems: list[Diagnostic] = []
        self.data: Any = self._build(node, 0, set())

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the key or item at a path; of the nearest parent where it is missing."""
        node: yaml.Node = self._node
        mark = node.start_mark
        for step in path:
            if isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if key.value == str(step):
                        node, mark = value, key.start_mark
                        break
                else:
                    break
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                mark = node.start_mark
            else:
                break
        return mark.line + 1, mark.column + 1

    def diagnostic(self, path: Path, code: str, message: str, help: str = "", severity: Any = "error") -> Diagnostic:
        """A diagnostic at a path of this document."""
        line, column = self.position(path)
        return Diagnostic(self.file, line, column, code, message, severity, "", help)

    def _problem(self, node: yaml.Node, code: str, message: str, help: str = "") -> None:
        mark = node.start_mark
        self.problems.append(Diagnostic(self.file, mark.line + 1, mark.column + 1, code, message, "error", "", help))

    def _build(self, node: yaml.Node, depth: int, open_nodes: set[int]) -> Any:
        if id(node) in open_nodes:
            self._problem(node, "alias", "aliases (`*name`) are not allowed", "write the value out in full")
            return None
        open_nodes.add(id(node))
        if depth > _MAX_DEPTH:
            self._problem(node, "too_deep", f"nested more than {_MAX_DEPTH} deep")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rpartition(":")[2] not in ("map", "seq"):
            self._problem(node, "tag", f"the tag `{node.tag}` is not allowed", "remove it; values are read as they look")
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, depth + 1, open_nodes) for item in node.value]
        result: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None:
                self._problem(key, "key", "a key must be plain text")
                continue
            if name in result:
                self._problem(key, "duplicate_key", f"the key `{name}` is already given above", "keep one of the two")
                continue
            result[name] = self._build(value, depth + 1, open_nodes)
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.tag != _STR:
            self._problem(node, "tag", f"the tag `{node.tag}` is not allowed", "remove it; values are read as they look")
            return text
        if node.style in _QUOTED:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INT.match(text):
            return int(text)
        if _DATE.match(text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                self._problem(node, "date", f"`{text}` is not a day of the calendar", "check the day and the month")
                return text
        if _FLOAT.match(text):
            return float(text)
        return text


def documents(file: str, text: str) -> Iterator[Document]:
    """Every document of a file. Raises InputError for text that is not YAML, naming line and column."""
    try:
        loader = _Loader(text)
        try:
            while loader.check_node():
                yield Document(file, loader.get_node())
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise InputError([_syntax(file, error)]) from None
    except RecursionError:
        raise InputError([Diagnostic(file, 1, 1, "too_deep", f"nested more than {_MAX_DEPTH} deep")]) from None


def single(file: str, text: str) -> Document:
    """The one document of a file. Raises InputError with every problem found."""
    found = list(documents(file, text))
    if len(found) != 1:
        raise InputError([Diagnostic(file, 1, 1, "documents", f"expected one YAML document and found {len(found)}")])
    if found[0].problems:
        raise InputError(found[0].problems)
    return found[0]


def _syntax(file: str, error: yaml.YAMLError) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Diagnostic(
        file, line, column, "yaml", f"this is not valid YAML: {problem}", "error", "", "check the indentation, colons and quotes on this line and the one above"
    )
