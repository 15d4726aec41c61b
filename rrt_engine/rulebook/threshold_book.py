"""The threshold book: facts, levels, pathways and threshold rules, beside the rule book they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.threshold_schema import FactKind, FactSource, LevelName, Pathway, ThresholdRule


@dataclass(frozen=True)
class Threshold:
    """One edition of a threshold rule, with where it stands and the days it governs."""

    spec: ThresholdRule
    file: str
    line: int
    first_day: int
    last_day: int

    @property
    def id(self) -> str:
        """The rule's public id."""
        return self.spec.id


@dataclass(frozen=True)
class ThresholdBook:
    """Everything the threshold engines need to know. The digest is that of the rule book: it covers these files too."""

    book: RuleBook
    notice: str
    facts: Mapping[str, FactKind]
    domain_of: Mapping[str, str]
    domains: Mapping[str, str]
    fact_sources: Mapping[str, FactSource]
    levels: Mapping[int, LevelName]
    pathways: Mapping[str, Pathway]
    rules: tuple[Threshold, ...]
    not_agencies: frozenset[str] = frozenset()
    agency_named: Mapping[str, str] = field(default_factory=dict)
    past_after: Any = None
    parameters: Mapping[str, str | int] = field(default_factory=dict)

    def value(self, given: Any) -> Any:
        """A value as written, or the local value it names."""
        name = getattr(given, "parameter", None)
        return self.parameters[str(name)] if name in self.parameters else self.book.value(given)

    @cached_property
    def significant(self) -> frozenset[str]:
        """The pathways of reasonable cause to suspect significant harm."""
        return frozenset(p for p, pathway in self.pathways.items() if pathway.significant)
