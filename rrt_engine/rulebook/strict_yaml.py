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
_TAG_HELP = "remove it; values are read as they look, and text that starts with `!` needs quotes"
_ALIAS_HELP = "write the value out in full; text that starts with `&` or `*` needs quotes"


class _Nodes:
    """The nodes of a file's documents, composed only when somebody asks where something stands: data alone is read faster."""

    def __init__(self, file: str, text: str) -> None:
        self._file, self._text = file, text
        self._composed: list[yaml.Node] = []
        self._left: Iterator[tuple[NextEvent, Any]] | None = None
        self._keys: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}

    def document(self, number: int) -> yaml.Node:
        """The node of one document, by its number in the file; those after it, which may not be YAML at all, are left alone."""
        if self._left is None:
            self._left = _beginnings(self._text)
        while len(self._composed) <= number:
            next_event, begin = next(self._left)
            self._composed.append(_compose(self._file, next_event, begin, 0))
        return self._composed[number]

    def keys(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Each key of a mapping as a node, with the node of its value; the first where one is given twice."""
        found = self._keys.get(id(node))
        if found is None:
            found = self._keys[id(node)] = {str(key.value): (key, value) for key, value in reversed(node.value)}
        return found


class Document:
    """One YAML document: its data, and where each key stands."""

    def __init__(self, file: str, nodes: _Nodes, number: int, next_event: NextEvent, begin: Any) -> None:
        self.file = file
        self._nodes, self._number = nodes, number
        self.line = begin.start_mark.line + 1
        self.problems: list[Diagnostic] = []
        self._last = begin
        self.data: Any = self._read(next_event, begin, 0)
        self.end_line = max(self._last.end_mark.line, begin.start_mark.line) + 1

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the key or item at a path; of the nearest parent where it is missing."""
        node = self._nodes.document(self._number)
        mark = node.start_mark
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = self._nodes.keys(node).get(str(step))
                if found is None:
                    break
                mark, node = found[0].start_mark, found[1]
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

    def _problem(self, event: Any, code: str, message: str, help: str = "") -> None:
        mark = event.start_mark
        self.problems.append(Diagnostic(self.file, mark.line + 1, mark.column + 1, code, message, "error", "", help))

    def _refuse(self, event: Any) -> None:
        """Say what an event has that this loader does not allow: a tag, an anchor or an alias."""
        if type(event) is yaml.AliasEvent:
            self._problem(event, "alias", f"the alias `*{event.anchor}` is not allowed", _ALIAS_HELP)
        elif event.tag:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._problem(event, "tag", f"the tag `{tag}` is not allowed", _TAG_HELP)
        else:
            self._problem(event, "alias", f"the anchor `&{event.anchor}` is not allowed", _ALIAS_HELP)

    def _read(self, next_event: NextEvent, begin: Any, depth: int) -> Any:
        """The data that an event begins, straight from the parser's events."""
        self._last = begin
        kind = type(begin)
        if depth > _MAX_DEPTH:
            _too_deep(self.file, begin)
        refused = kind is yaml.AliasEvent or begin.tag or begin.anchor
        if refused:
            self._refuse(begin)
        said = len(self.problems)
        if kind is yaml.ScalarEvent:
            return None if refused else self._scalar(begin)
        if kind is yaml.AliasEvent:
            return None
        if kind is yaml.SequenceStartEvent:
            items: list[Any] = []
            while type(inner := next_event()) is not yaml.SequenceEndEvent:
                items.append(self._read(next_event, inner, depth + 1))
            self._last = inner
            return self._unless(refused, items, said)
        result: dict[str, Any] = {}
        while type(key := next_event()) is not yaml.MappingEndEvent:
            name = self._key(next_event, key, depth)
            twice = name in result
            if twice:
                self._problem(key, "duplicate_key", f"the key `{name}` is already given above", "keep one of the two")
            value = self._read(next_event, next_event(), depth + 1)
            if name is not None and not twice:
                result[name] = value
        self._last = key
        return self._unless(refused, result, said)

    def _unless(self, refused: object, data: Any, said: int) -> Any:
        """What was read, unless it was refused: then nothing, and nothing more is said of what is inside it."""
        if refused:
            del self.problems[said:]
            return None
        return data

    def _key(self, next_event: NextEvent, key: Any, depth: int) -> str | None:
        """A key as text; None, with what is wrong, where it cannot be one."""
        if type(key) is yaml.ScalarEvent and not key.tag and not key.anchor:
            return str(key.value)
        if type(key) in (yaml.ScalarEvent, yaml.AliasEvent):
            self._refuse(key)
            return None
        self._problem(key, "key", "a key must be plain text")
        found = len(self.problems)
        self._read(next_event, key, depth + 1)  # past it; what is wrong inside it does not matter any more
        del self.problems[found:]
        return None

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style in _QUOTED:
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
                self._problem(event, "date", f"`{text}` is not a day of the calendar", "check the day and the month")
                return text
        if _FLOAT.match(text):
            return float(text)
        return text


NextEvent = Callable[[], Any]


def documents(file: str, text: str) -> Iterator[Document]:
    """Every document of a file. Raises InputError for text that is not YAML, naming line and column."""
    nodes = _Nodes(file, text)
    try:
        for number, (next_event, begin) in enumerate(_beginnings(text)):
            yield Document(file, nodes, number, next_event, begin)
    except yaml.YAMLError as error:
        raise InputError([_syntax(file, text, error)]) from None
    except UnicodeError:
        raise InputError(
            [Diagnostic(file, 1, 1, "encoding", "the file holds characters that are not text", "error", "", "save it as UTF-8")]
        ) from None


def _beginnings(text: str) -> Iterator[tuple[NextEvent, Any]]:
    """For each document of a text: how to take its events from the parser, and the one it begins with."""
    loader = _Base(text)
    try:
        loader.get_event()
        while loader.check_event(yaml.DocumentStartEvent):
            loader.get_event()
            yield loader.get_event, loader.get_event()
            loader.get_event()
    finally:
        loader.dispose()


def _too_deep(file: str, event: Any) -> None:
    mark = event.start_mark
    message = f"nested more than {_MAX_DEPTH} deep"
    raise InputError([Diagnostic(file, mark.line + 1, mark.column + 1, "too_deep", message, "error", "", "check the brackets and dashes")])


def _compose(file: str, next_event: Callable[[], Any], begin: Any, depth: int) -> yaml.Node:
    """The node that an event begins, from the parser's events. PyYAML's own composer overflows the stack on deep nesting."""
    start = begin.start_mark
    if depth > _MAX_DEPTH:
        _too_deep(file, begin)
    kind = type(begin)
    if kind is yaml.AliasEvent:
        return yaml.ScalarNode("", begin.anchor, start, begin.end_mark)
    if kind is yaml.ScalarEvent:
        return yaml.ScalarNode("", begin.value, start, begin.end_mark, begin.style)
    items: list[Any] = []
    end: Any
    if kind is yaml.SequenceStartEvent:
        while type(inner := next_event()) is not yaml.SequenceEndEvent:
            items.append(_compose(file, next_event, inner, depth + 1))
        end = inner.end_mark
        return yaml.SequenceNode("", items, start, end)
    while type(inner := next_event()) is not yaml.MappingEndEvent:
        key = _compose(file, next_event, inner, depth + 1)
        items.append((key, _compose(file, next_event, next_event(), depth + 1)))
    end = inner.end_mark
    return yaml.MappingNode("", items, start, end)


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
