"""The rule book as it is read: what every page of it shows, for the server and for the site that is exported.

The rules never change while they are served. What takes a moment (examples, coverage, formats) is made when it is first asked for, and
kept. A page with its pictures is made each time: many of them held would be ten times all else that is, to be looked through again and
again for what is garbage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.explain.coverage import Covered, covered, latest
from rrt_engine.explain.fact_page import FactPage, fact_page
from rrt_engine.explain.formats import FAMILIES, letters, matrix, surprises
from rrt_engine.explain.related import Group, Named, Relations, related_threshold
from rrt_engine.explain.rule_page import RulePage, edition_lines, local_lines, parameters_in, rule_page
from rrt_engine.explain.rule_search import THRESHOLDS, Entry, entries
from rrt_engine.explain.threshold_page import ThresholdPage, threshold_page
from rrt_engine.reports.rule_examples import Weighed, Worked, weighed_examples, worked_examples
from rrt_engine.rulebook.book import LocalValue, Rule, RuleBook, Source
from rrt_engine.rulebook.load import load_with_problems
from rrt_engine.rulebook.load_measures import MeasureBook, load_measures
from rrt_engine.rulebook.load_thresholds import load_thresholds_with_problems
from rrt_engine.rulebook.schema import TimescaleRule
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_schema import ThresholdRule


@dataclass(frozen=True)
class Read:
    """A time limit with everything its page shows. `formats` is what can be said from each format, in words."""

    page: RulePage
    entry: Entry
    examples: tuple[Worked, ...]
    related: tuple[Group, ...]
    duties: tuple[str, ...]
    formats: Mapping[str, str]
    surprises: Mapping[str, str]


@dataclass(frozen=True)
class ReadThreshold:
    """A threshold rule with everything its page shows."""

    page: ThresholdPage
    entry: Entry
    examples: tuple[Weighed, ...]
    related: tuple[Group, ...]


@dataclass(frozen=True)
class ReadValue:
    """A local value, and what uses it."""

    name: str
    local: LocalValue
    used_by: tuple[Group, ...]


@dataclass(frozen=True)
class ReadSource:
    """An instrument with its editions, and the rules and measures that rest on it."""

    id: str
    source: Source
    editions: tuple[str, ...]
    rules: tuple[Named, ...]
    measures: tuple[Named, ...]


@dataclass
class Library:
    """The rule book of a folder as pages. `thresholds` is None where it has no threshold rules."""

    folder: Path
    book: RuleBook
    thresholds: ThresholdBook | None

    def ready(self) -> None:
        """Make ready what the first page of a rule needs, so that nobody waits for it."""
        _ = self.named, self._examples, self._relations, self._duties, self.letters
        if self.thresholds:
            _ = self._threshold_examples

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every rule in a line."""
        return entries(self.book, self.thresholds)

    @cached_property
    def entry(self) -> dict[str, Entry]:
        """Every rule in a line, by its id."""
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def named(self) -> dict[str, str]:
        """The id of a rule by every name it is known by."""
        return {name: entry.id for entry in reversed(self.entries) for name in (*entry.names, entry.id)}

    def rule(self, rule_id: str) -> Read | ReadThreshold:
        """A rule with everything its page shows."""
        return self._threshold(rule_id) if self.entry[rule_id].service == THRESHOLDS else self._limit(rule_id)

    def _limit(self, rule_id: str) -> Read:
        editions = self._examples[rule_id]
        rules = [rule for rule, _ in editions]
        return Read(
            page=rule_page(self.book, rules),
            entry=self.entry[rule_id],
            examples=worked_examples(self.book, editions),
            related=self._relations.of(rules[-1]),
            duties=self._duties.get(rule_id, ()),
            formats=self.letters.get(rule_id, {}),
            surprises=surprises(rule_id),
        )

    def _threshold(self, rule_id: str) -> ReadThreshold:
        assert self.thresholds
        rules = [rule for rule, _ in self._threshold_examples[rule_id]]
        return ReadThreshold(
            page=threshold_page(self.thresholds, rules),
            entry=self.entry[rule_id],
            examples=weighed_examples(self.thresholds, [rule.spec for rule in rules]),
            related=related_threshold(self.thresholds, rules[-1]),
        )

    @cached_property
    def _examples(self) -> dict[str, list[tuple[Rule, Document]]]:
        """The editions of each rule, read again with their examples, which nothing else needs. Raises InputError where they changed."""
        book, problems, read = load_with_problems(self.folder)
        if problems:
            raise InputError(problems)
        if book is None or [rule.spec.id for rule, _ in read] != [rule.id for rule in self.book.rules]:
            message = "the rules changed since they were read"
            raise InputError([Diagnostic(str(self.folder), 0, 0, "changed", message, "error", "", "start the pages again")])
        return _by_id(read)

    @cached_property
    def _threshold_examples(self) -> dict[str, list[tuple[Threshold, Document]]]:
        found, problems, read = load_thresholds_with_problems(self.folder, self.book)
        if found is None or problems:
            raise InputError(problems)
        return _by_id(read)

    @cached_property
    def _relations(self) -> Relations:
        return Relations(self.book, self.thresholds, self.measures)

    # ------------------------------------------------------------------------------------------------ beside the rules

    @cached_property
    def facts(self) -> dict[str, FactPage]:
        """Every fact as a page."""
        return {name: fact_page(self.thresholds, name) for name in self.thresholds.facts} if self.thresholds else {}

    @cached_property
    def measures(self) -> MeasureBook | None:
        """The measures beside the rules; None where there are none."""
        found = load_measures(self.folder, self.book) if (self.folder / "measures").is_dir() else None
        return found if found and found.measures else None

    @cached_property
    def covered(self) -> Covered | None:
        """What the rules cover of the catalogue; None where the rule set has none."""
        return covered(self.book, self.folder)

    @cached_property
    def _duties(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for duty in self.covered.duties if self.covered else ():
            for holder in duty.holders:
                found[holder.rule.id] = (*found.get(holder.rule.id, ()), duty.id)
        return found

    @cached_property
    def letters(self) -> dict[str, dict[str, str]]:
        """For each rule in force, what can be said of it from each format."""
        return letters(self.book)

    @cached_property
    def values(self) -> tuple[ReadValue, ...]:
        """Every local value, with what uses it."""
        rules: dict[str, list[Named]] = {name: [] for name in self.book.parameters}
        facts: dict[str, list[Named]] = {name: [] for name in self.book.parameters}
        for spec in self._specs:
            for line in local_lines(self.book, spec):
                rules[line.name].append(Named(spec.id, spec.title))
        for fact, kind in self.thresholds.facts.items() if self.thresholds else ():
            for name in parameters_in(kind.model_dump()):
                facts[name].append(Named(fact, kind.label))
        found = {n: (Group("Rules", "rule", tuple(rules[n])), Group("Facts", "fact", tuple(facts[n]))) for n in rules}
        return tuple(ReadValue(n, local, tuple(g for g in found[n] if g.items)) for n, local in self.book.parameters.items())

    @cached_property
    def _specs(self) -> list[TimescaleRule | ThresholdRule]:
        """The latest edition of every rule."""
        thresholds = {rule.id: rule.spec for rule in self.thresholds.rules} if self.thresholds else {}
        return [*(rule.spec for rule in latest(self.book)), *thresholds.values()]

    @cached_property
    def families(self) -> dict[str, dict[str, str]]:
        """What can be said of each family of rules from each format; nothing where the rule set is another."""
        ids = {rule for family in FAMILIES.values() for rule in family}
        return matrix(self.book) if ids <= set(self.entry) else {}

    @cached_property
    def sources(self) -> tuple[ReadSource, ...]:
        """Every instrument, with what rests on it."""
        measures = self.measures.measures if self.measures else ()
        return tuple(
            ReadSource(
                name,
                source,
                tuple(edition_lines(source)),
                tuple(Named(spec.id, spec.title) for spec in self._specs if any(s.id == name for s in spec.source)),
                tuple(Named(m.id, m.title) for m in measures if any(s.id == name for s in m.source)),
            )
            for name, source in self.book.sources.items()
        )


def _by_id(read: Iterable[tuple[Any, Document]]) -> dict[str, list[tuple[Any, Document]]]:
    found: dict[str, list[tuple[Any, Document]]] = {}
    for rule, document in read:
        found.setdefault(rule.id, []).append((rule, document))
    return found
