"""Load the measures of a rule set: the files in `measures/`, each mistake at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import rule_documents, without_collecting
from rrt_engine.rulebook.measure_schema import Compute, Group, Measure
from rrt_engine.rulebook.shape import shape_problems
from rrt_engine.rulebook.strict_yaml import Document

Place = tuple[str | int, ...]
_GROUPS = get_args(Group)


@dataclass(frozen=True)
class MeasureBook:
    """The measures in the order of a child's journey, beside their rule book; its digest covers their files too."""

    book: RuleBook
    measures: tuple[Measure, ...]

    def named(self, ids: list[str]) -> tuple[Measure, ...]:
        """The measures of some ids or contract numbers (`2`, `KPI 6a`). Raises InputError for those that are none."""
        by_name = {name: m for m in self.measures for name in (m.id, *([f"kpi {m.number}", m.number] if m.number else []))}
        problems = []
        wanted = []
        for written in ids:
            measure = by_name.get(written.casefold()) or by_name.get(written.casefold().replace("kpi", "").strip())
            if measure is None:
                help = did_you_mean(written, by_name) or "rrt measures --list shows them"
                problems.append(Diagnostic("--measure", 0, 0, "unknown_measure", f"unknown measure `{written}`", "error", "", help))
            else:
                wanted.append(measure.id)
        if problems:
            raise InputError(problems)
        return tuple(m for m in self.measures if m.id in wanted)


def load_measures(folder: Path, book: RuleBook) -> MeasureBook:
    """Load and check the measures beside a rule book. Raises InputError with every mistake."""
    found, problems, _ = load_measures_with_problems(folder, book, examples=False)
    if problems:
        raise InputError(problems)
    return found


def load_measures_with_problems(
    folder: Path, book: RuleBook, examples: bool = True
) -> tuple[MeasureBook, list[Diagnostic], list[tuple[Measure, Document]]]:
    """The measures with their documents, and every mistake found on the way."""
    problems: list[Diagnostic] = []
    with without_collecting():
        read = [pair for path in sorted((folder / "measures").glob("*.yaml")) for pair in _measures_in(path, examples, problems)]
    seen: dict[str, Document] = {}
    for measure, document in read:
        if measure.id in seen:
            first = seen[measure.id]
            message = f"the id `{measure.id}` already belongs to the measure at {first.file}:{first.line}"
            problems.append(document.diagnostic(("id",), "id_reused", message, "ids are never reused"))
        seen.setdefault(measure.id, document)
        problems.extend(_names_in(measure, document, book))
        problems.extend(_bands(measure.compute, document))
    read.sort(key=lambda pair: _GROUPS.index(pair[0].group))
    return MeasureBook(book, tuple(measure for measure, _ in read)), problems, read


def _measures_in(path: Path, examples: bool, problems: list[Diagnostic]) -> Iterator[tuple[Measure, Document]]:
    for document in rule_documents(path, examples, "measure", problems):
        try:
            yield Measure.model_validate(document.data), document
        except ValidationError as error:
            problems.extend(shape_problems(error, document, Measure))


def _names_in(measure: Measure, document: Document, book: RuleBook) -> list[Diagnostic]:
    """Every name a measure uses that the vocabulary, the rules or the sources do not have."""
    problems: list[Diagnostic] = []

    def unknown(path: Place, what: str, word: Any, known: Any) -> bool:
        if word in known:
            return False
        code = f"unknown_{what.replace(' ', '_')}"
        problems.append(document.diagnostic(path, code, f"unknown {what} `{word}`", did_you_mean(str(word), known)))
        return True

    def attributes(path: Place, kinds: list[str], names: Mapping[str, Any]) -> None:
        known = [name for kind in kinds if kind in book.events for name in book.events[kind].attrs]
        for name in names:
            if name not in known:
                message = f"`{'` or `'.join(kinds)}` does not record `{name}`"
                problems.append(document.diagnostic((*path, name), "unknown_attribute", message, did_you_mean(name, known)))

    rules = {rule.id for rule in book.rules}
    unit_kinds: list[str] = list(measure.compute.units.events.event) if measure.compute and measure.compute.units.events else []

    def walk(path: Place, node: Any) -> None:
        if isinstance(node, list):
            for i, item in enumerate(node):
                walk((*path, i), item)
            return
        if not isinstance(node, dict):
            return
        kinds = _listed(node.get("event")) if "event" in node else unit_kinds
        for kind in _listed(node.get("event")):
            unknown((*path, "event"), "event", kind, book.events)
        for key in ("where", "is", "at_most"):
            if isinstance(node.get(key), dict):
                attributes((*path, key), kinds, node[key])
        for rule in _listed(node.get("rules")):
            unknown((*path, "rules"), "rule", rule, rules)
        for key in ("open", "ended", "period", "not_in", "not_while"):
            if isinstance(node.get(key), str):
                unknown((*path, key), "period", node[key], book.periods)
        for key, value in node.items():
            if key not in ("where", "is"):
                walk((*path, key), value)

    data = document.data if isinstance(document.data, dict) else {}
    walk(("compute",), data.get("compute"))
    for i, source in enumerate(measure.source):
        place: Place = ("source", i) if isinstance(data.get("source"), list) else ("source",)
        unknown((*place, "id"), "source", source.id, book.sources)
    for i, comparator in enumerate(measure.comparators):
        unknown(("comparators", i, "source", "id"), "source", comparator.source.id, book.sources)
    return problems


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _bands(compute: Compute | None, document: Document) -> Iterator[Diagnostic]:
    """Bands go up, and only the last has no end."""
    if compute is None or not compute.bands:
        return
    if compute.value is None:
        yield document.diagnostic(("compute", "bands"), "bands", "bands need `value`: the length of time they are bands of")
    ends = [band.to for band in compute.bands]
    inner = [end for end in ends[:-1] if end is not None]
    if len(inner) != len(ends) - 1 or ends[-1] is not None or inner != sorted(set(inner)):
        yield document.diagnostic(("compute", "bands"), "bands", "each band but the last needs a greater `to` than the one before it")
