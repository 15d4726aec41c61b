"""The modules of a children in need return as they stand in the file, checked against the DfE schema's tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rrt_engine.sources.cin_census_schema import INNER, LEAVES, PLACES, nearest

_FIRST = 5  # how many line numbers a count names


def local_name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def line_of(element: Any) -> int:
    """The line where an element starts. Past line 65,535 the parser only knows where the text after its tag ends."""
    line = int(element.sourceline or 0)
    if line >= 65_535:
        line -= (element.text or ("" if len(element) else element.tail) or "").count("\n")
    return line


class CannotUse(Exception):
    """A record that cannot be used: the line, why, and the short name under which such records are counted."""

    def __init__(self, line: int, why: str, said_as: str) -> None:
        super().__init__(why)
        self.line, self.why, self.said_as = line, why, said_as


@dataclass
class Counted:
    """How often something was found, and on which lines first."""

    n: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count one more."""
        self.n += 1
        if len(self.lines) < _FIRST:
            self.lines.append(line)

    def at(self) -> str:
        """The first lines, in words."""
        more = ", …" if self.n > len(self.lines) else ""
        return f"{'line' if self.n == 1 else 'lines'} {', '.join(map(str, self.lines))}{more}"


class Module:
    """One module of the return: its fields that are not blank, and where each stands."""

    __slots__ = ("element", "fields", "inner", "name", "values")

    def __init__(self, name: str, element: Any) -> None:
        self.name = name
        self.element = element
        self.values: dict[str, str] = {}
        self.fields: dict[str, Any] = {}
        self.inner: list[Module] = []

    def line(self, tag: str = "") -> int:
        """The line of one of its fields, or of the module."""
        return line_of(self.fields.get(tag, self.element))

    def content(self) -> tuple[Any, ...]:
        """What the module says, to tell an exact duplicate."""
        return (self.name, *self.values.items(), *(m.content() for m in self.inner))

    def records(self) -> Iterator[Module]:
        """The module and the modules inside it, each of which is a record; `Reviews` only wraps its dates."""
        if self.name != "Reviews":
            yield self
        for module in self.inner:
            yield from module.records()


class Shape:
    """The modules read so far, and every tag that does not belong where it stands."""

    def __init__(self) -> None:
        self.wrong: dict[tuple[str, str], Counted] = {}
        self.unknown: dict[tuple[str, str], Counted] = {}
        self.repeated: dict[str, Counted] = {}

    def module(self, element: Any, name: str) -> Module:
        """A module with its fields and the modules inside it. Tags that the schema does not have there are noted."""
        module = Module(name, element)
        leaves, inner = LEAVES[name], INNER.get(name, ())
        for part in element:
            tag = part.tag
            if tag not in leaves and tag not in inner:
                if not isinstance(tag, str):
                    continue  # a comment or an instruction to a program
                tag = local_name(tag)
                if tag not in leaves and tag not in inner:
                    self.odd(tag, name, part)
                    continue
            if tag in leaves:
                if tag == "FactorsIdentifiedAtAssessment":
                    module.values[tag] = " ".join(" ".join(part.itertext()).split())
                    continue
                text = part.text
                if text is not None and (text := text.strip()):
                    if tag in module.values:
                        self.repeated.setdefault(tag, Counted()).add(line_of(part))
                        continue
                    module.values[tag] = text
                    module.fields[tag] = part
            elif tag == "CPPreviewDate":
                review = Module("CPPreviewDate", part)
                if part.text is not None and (text := part.text.strip()):
                    review.values[tag] = text
                module.inner.append(review)
            elif tag == "ChildCharacteristics":
                continue  # ethnicity and disability start no duty and are not read
            else:
                module.inner.append(self.module(part, tag))
        return module

    def odd(self, tag: str, module: str, element: Any) -> None:
        """A tag the schema does not have there: a near miss would be read wrongly, anything else is only not read."""
        found = self.wrong if tag in PLACES or nearest(tag) else self.unknown
        found.setdefault((tag, module), Counted()).add(line_of(element))


def shown(text: str) -> str:
    """A value short enough to show."""
    return text if len(text) <= 40 else text[:39] + "…"
