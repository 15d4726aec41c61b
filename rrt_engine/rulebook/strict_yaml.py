"""YAML read strictly, with the line and column of every key: one loader for rules, vocabularies and case files.

Plain PyYAML silently drops a duplicate key, turns `on` into true and 12:30 into 750, and builds objects from tags.
This one keeps the core of YAML 1.2: true and false, decimal numbers, ISO dates, text. Duplicate keys, tags, aliases
and documents nested beyond reason are refused. It raises InputError with positions, never a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import yaml

from rrt_engine.diagnostics import Diagnostic, InputError

Path = tuple[str | int, ...]
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 24
_INT = re.compile(r"^[-+]?(0|[1-9][0-9]{0,17})$")
_FLOAT = re.compile(r"^[-+]?[0-9]{1,17}\.[0-9]{1,17}$")
_DATE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_CONSTANTS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMERIC = frozenset("+-0123456789")
_QUOTED = ("'", '"', "|", ">")
_PLAIN, _TAGGED, _ANCHOR, _ALIAS = "plain", "tagged", "anchor", "alias"
_TAG_HELP = "remove it; values are read as they look, and text that starts with `!` needs quotes"
_ALIAS_HELP = "write the value out in full; text that starts with `&` or `*` needs quotes"


class Document:
    """One YAML document: its data, and where each key stands."""

    def __init__(self, file: str, node: yaml.Node) -> None:
        self.file = file
        self._node = node
        self.line = node.start_mark.line + 1
        self.end_line = max(node.end_mark.line, node.start_mark.line) + 1
        self.problems: list[Diagnostic] = []
        self.data: Any = self._build(node)

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

    def _refuse(self, node: yaml.Node) -> None:
        """Say what a node has that this loader does not allow: a tag, an anchor or an alias."""
        if node.tag == _ALIAS:
            self._problem(node, "alias", f"the alias `*{node.value}` is not allowed", _ALIAS_HELP)
        elif node.tag.startswith(_ANCHOR):
            self._problem(node, "alias", f"the anchor `&{node.tag.removeprefix(_ANCHOR)}` is not allowed", _ALIAS_HELP)
        else:
            tag = node.tag.removeprefix(_TAGGED).replace("tag:yaml.org,2002:", "!!")
            self._problem(node, "tag", f"the tag `{tag}` is not allowed", _TAG_HELP)

    def _build(self, node: yaml.Node) -> Any:
        if node.tag != _PLAIN:
            self._refuse(node)
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item) for item in node.value]
        result: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._problem(key, "key", "a key must be plain text")
            elif key.tag != _PLAIN:
                self._refuse(key)
            else:
                if key.value in result:
                    self._problem(key, "duplicate_key", f"the key `{key.value}` is already given above", "keep one of the two")
                else:
                    result[key.value] = self._build(value)
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text: str = node.value
        if node.style in _QUOTED:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text[0] not in _NUMERIC:  # most values: no need to try each form of number
            return text
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
        loader = _Base(text)
        try:
            loader.get_event()
            while loader.check_event(yaml.DocumentStartEvent):
                loader.get_event()
                yield Document(file, _compose(file, loader.get_event, loader.get_event(), 0))
                loader.get_event()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise InputError([_syntax(file, text, error)]) from None
    except UnicodeError:
        raise InputError(
            [Diagnostic(file, 1, 1, "encoding", "the file holds characters that are not text", "error", "", "save it as UTF-8")]
        ) from None


def _compose(file: str, next_event: Callable[[], Any], begin: Any, depth: int) -> yaml.Node:
    """The node that an event begins, from the parser's events. PyYAML's own composer overflows the stack on deep nesting."""
    start = begin.start_mark
    if depth > _MAX_DEPTH:
        message = f"nested more than {_MAX_DEPTH} deep"
        place = start.line + 1, start.column + 1
        raise InputError([Diagnostic(file, *place, "too_deep", message, "error", "", "check the brackets and dashes")])
    kind = type(begin)
    if kind is yaml.AliasEvent:
        return yaml.ScalarNode(_ALIAS, begin.anchor, start, begin.end_mark)
    tag = _PLAIN
    if begin.tag or begin.anchor:
        tag = f"{_TAGGED}{begin.tag}" if begin.tag else f"{_ANCHOR}{begin.anchor}"
    if kind is yaml.ScalarEvent:
        return yaml.ScalarNode(tag, begin.value, start, begin.end_mark, begin.style)
    items: list[Any] = []
    end: Any
    if kind is yaml.SequenceStartEvent:
        while type(inner := next_event()) is not yaml.SequenceEndEvent:
            items.append(_compose(file, next_event, inner, depth + 1))
        end = inner.end_mark
        return yaml.SequenceNode(tag, items, start, end)
    while type(inner := next_event()) is not yaml.MappingEndEvent:
        key = _compose(file, next_event, inner, depth + 1)
        items.append((key, _compose(file, next_event, next_event(), depth + 1)))
    end = inner.end_mark
    return yaml.MappingNode(tag, items, start, end)


def single(file: str, text: str, problems: list[Diagnostic] | None = None) -> Document:
    """The one document of a file.

    What is wrong with its values is added to `problems`, so that the rest can be checked too; without such a list it
    raises InputError. What makes it unreadable always raises InputError.
    """
    found = list(documents(file, text))
    if len(found) != 1:
        raise InputError([Diagnostic(file, 1, 1, "documents", f"expected one YAML document and found {len(found) or 'none'}")])
    if problems is not None:
        problems.extend(found[0].problems)
    elif found[0].problems:
        raise InputError(found[0].problems)
    return found[0]


# What the parser says, and what a person needs to know: (part of its message, ours, what to do).
_SAID = (
    (
        "mapping values are not allowed",
        "a colon stands where none can",
        "put text that holds `: ` in quotes, or mend the indentation of this line",
    ),
    ("could not find expected ':'", "a key has no colon after it", "write `key: value`, with a space after the colon"),
    (
        "did not find expected key",
        "this line does not fit the lines around it",
        "indent it as its neighbours are; a value that opens with a quote must end with it",
    ),
    (
        "did not find expected '-' indicator",
        "this line does not fit the list above it",
        "begin the item with `- `, or indent it as the item above",
    ),
    (
        "did not find expected ',' or '}'",
        "a `{` is not closed, or a comma is missing",
        "close it with `}` on the same line, with a comma between the parts",
    ),
    (
        "did not find expected ',' or ']'",
        "a `[` is not closed, or a comma is missing",
        "close it with `]` on the same line, with a comma between the parts",
    ),
    ("block sequence entries are not allowed", "a list item `- ` stands where none can", "put it on its own line below the key"),
    ("found unexpected end of stream", "a quote is opened and never closed", "close the quote, or remove it"),
    ("found unexpected document indicator", "a quote is opened and not closed before `---`", "close the quote, or remove it"),
    ("undefined tag handle", "a value starts with `!`", "put it in quotes"),
    ("did not find expected alphabetic or numeric character", "a value starts with `*` or `&`", "put it in quotes"),
    (
        "did not find expected comment or line break",
        "the text after `|` or `>` must begin on the next line",
        "start a new line, indented under the key",
    ),
    (
        "control characters are not allowed",
        "the file holds a character that cannot be shown",
        "remove it; if the file came from Word, paste it as plain text",
    ),
    ("invalid leading UTF-8", "the file is not UTF-8 text", "save it as UTF-8"),
)


def _syntax(file: str, text: str, error: yaml.YAMLError) -> Diagnostic:
    """A parser's complaint in a rule author's words, at the place where it can be mended."""
    opened = getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None) or opened
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).splitlines()[0]
    if "could not find expected ':'" in said and opened:
        mark = opened
    line, column = (mark.line + 1, mark.column + 1) if mark else _first_control(text)
    lines = text.splitlines()
    before, rest = (lines[line - 1][: column - 1], lines[line - 1][column - 1 :]) if line <= len(lines) else ("", "")

    def found(message: str, help: str) -> Diagnostic:
        return Diagnostic(file, line, column, "yaml", f"this is not valid YAML: {message}", "error", "", help)

    if "tab character" in said:
        return found("a tab is used to indent", "use spaces")
    if "cannot start any token" in said:
        return (
            found("a tab is used to indent", "use spaces")
            if rest.startswith("\t")
            else found(f"a value cannot start with `{rest[:1]}`", "put it in quotes")
        )
    if "mapping values are not allowed" in said and ": " not in before and line > 1:
        return found(
            "this line does not fit the line above it",
            "give the line above its colon (`key: value`, with a space after it), or mend the indentation",
        )
    for part, message, help in _SAID:
        if part in said:
            since = f"; it begins on line {opened.line + 1}" if opened and opened.line + 1 < line and "closed" in message else ""
            return found(f"{message}{since}", help)
    return found(said, "check the indentation, colons and quotes on this line and the one above")


def _first_control(text: str) -> tuple[int, int]:
    """Line and column of the first character that YAML does not allow."""
    for number, line in enumerate(text.split("\n"), 1):
        for column, character in enumerate(line, 1):
            if not character.isprintable() and character not in "\t\r\x85\u2028\u2029\ufeff\xa0":
                return number, column
    return 1, 1
