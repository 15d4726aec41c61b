"""Load the threshold side of a rule set: facts.yaml, pathways.yaml and the rules in `thresholds/`, each mistake at its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import edition_days, read_shape, rule_documents, without_collecting
from rrt_engine.rulebook.schema import Parameter
from rrt_engine.rulebook.shape import shape_problems
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_checks import local_value_problems
from rrt_engine.rulebook.threshold_schema import FactKind, FactVocabulary, Pathways, Pattern, ThresholdRule


def load_thresholds(folder: Path, book: RuleBook, examples: bool = False) -> ThresholdBook:
    """Load and check the threshold rules that stand beside a rule book. Raises InputError with every mistake."""
    found, problems, _ = load_thresholds_with_problems(folder, book, examples)
    if found is None or problems:
        raise InputError(problems)
    return found


def load_thresholds_with_problems(
    folder: Path, book: RuleBook, examples: bool = True
) -> tuple[ThresholdBook | None, list[Diagnostic], list[tuple[Threshold, Document]]]:
    """The threshold book with its rules' documents for lint, and every mistake found on the way."""
    problems: list[Diagnostic] = []
    with without_collecting():
        vocabulary, facts_document = read_shape(folder / "facts.yaml", FactVocabulary, problems)
        pathways, _ = read_shape(folder / "pathways.yaml", Pathways, problems)
        found = [rule for path in sorted((folder / "thresholds").glob("*.yaml")) for rule in _rules_in(path, examples, problems)]
    if vocabulary is None or facts_document is None or pathways is None:
        return None, problems, []
    facts: dict[str, FactKind] = {}
    domain_of: dict[str, str] = {}
    for domain, kinds in vocabulary.facts.items():
        for name, kind in kinds.items():
            facts[name], domain_of[name] = kind, domain
    editions = [(Threshold(spec, d.file, d.line, first, last), d) for spec, d, first, last in edition_days(found, problems)]
    result = ThresholdBook(
        book=book,
        notice=vocabulary.notice,
        facts=facts,
        domain_of=domain_of,
        domains=vocabulary.domains,
        fact_sources=vocabulary.sources,
        levels={int(n): level for n, level in pathways.levels.items()},
        pathways=pathways.pathways,
        rules=tuple(rule for rule, _ in editions),
        not_agencies=frozenset(vocabulary.not_agencies),
        agency_named={other: agency for agency, others in vocabulary.same_agency.items() for other in others},
        past_after=vocabulary.past_after,
    )
    problems.extend(_vocabulary_problems(vocabulary, facts_document, result))
    problems.extend(local_value_problems(folder, result))
    for rule, document in editions:
        problems.extend(_names_in(rule.spec, document, result))
    return result, problems, editions


def _rules_in(path: Path, examples: bool, problems: list[Diagnostic]) -> Iterator[tuple[ThresholdRule, Document]]:
    for document in rule_documents(path, examples, "threshold", problems):
        try:
            yield ThresholdRule.model_validate(document.data), document
        except ValidationError as error:
            problems.extend(shape_problems(error, document, ThresholdRule))


def _vocabulary_problems(vocabulary: FactVocabulary, document: Document, book: ThresholdBook) -> Iterator[Diagnostic]:
    """Domains, sources and local values that facts.yaml names and nobody declares; a fact declared twice."""
    seen: dict[str, str] = {}
    for domain, kinds in vocabulary.facts.items():
        if domain not in vocabulary.domains:
            help = did_you_mean(domain, vocabulary.domains) or "declare it under `domains`"
            yield document.diagnostic(("facts", domain), "unknown_domain", f"unknown domain `{domain}`", help)
        for name, kind in kinds.items():
            place = ("facts", domain, name)
            if name in seen:
                yield document.diagnostic(place, "declared_twice", f"the fact `{name}` is already declared under `{seen[name]}`")
            seen[name] = domain
            for code in kind.source:
                if code not in vocabulary.sources:
                    help = did_you_mean(code, vocabulary.sources) or "declare it under `sources`"
                    yield document.diagnostic((*place, "source"), "unknown_source", f"unknown source `{code}`", help)
            given = [v for step in kind.steps for v in (step.from_, step.below)] + ([kind.derive.within] if kind.derive else [])
            for value in given:
                if isinstance(value, Parameter) and value.parameter not in book.book.parameters:
                    yield document.diagnostic(
                        place, "unknown_local_value", f"unknown local value `{value.parameter}`", "parameters.yaml lists them"
                    )
            if kind.derive:
                events = [*(kind.derive.count or []), *([kind.derive.again] if kind.derive.again else [])]
                for event in events:
                    if event not in book.book.events:
                        help = did_you_mean(event, book.book.events)
                        yield document.diagnostic((*place, "derive"), "unknown_event", f"unknown event `{event}`", help)
                for period in [*(kind.derive.during or {}).values(), *([kind.derive.ended] if kind.derive.ended else [])]:
                    if period not in book.book.periods:
                        help = did_you_mean(period, book.book.periods)
                        yield document.diagnostic((*place, "derive"), "unknown_period", f"unknown period `{period}`", help)
    for number, level in book.levels.items():
        if level.pathway not in book.pathways:
            yield document.diagnostic((), "unknown_pathway", f"the pathway `{level.pathway}` of level {number} is not in pathways.yaml")


def _names_in(rule: ThresholdRule, document: Document, book: ThresholdBook) -> Iterator[Diagnostic]:
    """What a rule names and nobody declares."""

    def unknown(path: tuple[str | int, ...], what: str, name: str, known: object) -> Diagnostic:
        help = did_you_mean(name, known) or f"see {what}s in the rule set"  # type: ignore[arg-type]
        return document.diagnostic(path, f"unknown_{what.replace(' ', '_')}", f"unknown {what} `{name}`", help)

    ids = {r.id for r in book.rules}
    for name in rule.unless:
        if name not in ids:
            yield unknown(("unless",), "threshold rule", name, ids)
    for name in rule.pathways:
        if name not in book.pathways:
            yield unknown(("pathways",), "pathway", name, book.pathways)
    for each in rule.source:
        if each.id not in book.book.sources:
            yield unknown(("source",), "source", each.id, book.book.sources)
    for i, pattern in enumerate(rule.when):
        place = ("when", i) if isinstance(document.data.get("when"), list) else ("when",)
        for value in (pattern.at_least, pattern.below):
            if isinstance(value, Parameter) and value.parameter not in book.book.parameters:
                yield unknown(place, "local value", value.parameter, book.book.parameters)
        for name in [*(pattern.fact or []), *([pattern.unrecorded] if pattern.unrecorded else [])]:
            if name not in book.facts:
                yield unknown((*place, "fact"), "fact", name, book.facts)
        for name in pattern.domain or []:
            if name not in book.domains:
                yield unknown((*place, "domain"), "domain", name, book.domains)
        for name in pattern.flag or []:
            if not book.book.named(name):
                yield unknown((*place, "flag"), "timescale rule", name, [r.id for r in book.book.rules])
        if pattern.value and pattern.fact:
            yield from _values_in(pattern, document, place, book)


def _values_in(pattern: Pattern, document: Document, place: tuple[str | int, ...], book: ThresholdBook) -> Iterator[Diagnostic]:
    kinds = [book.facts[f] for f in pattern.fact or [] if f in book.facts]
    known = {v for kind in kinds for v in kind.values} | {"none", "unspecified"}
    if any(kind.type == "boolean" for kind in kinds):
        known |= {"true", "false"}
    for value in pattern.value or []:
        word = str(value).lower() if isinstance(value, bool) else value
        if word not in known:
            help = did_you_mean(word, known) or f"it may be {', '.join(sorted(known))}"
            yield document.diagnostic(
                (*place, "value"), "unknown_value", f"`{word}` is not a value of `{', '.join(pattern.fact or [])}`", help
            )
