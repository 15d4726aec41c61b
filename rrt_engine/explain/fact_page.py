"""A fact as a page to read: what it is, what each value weighs, how to judge the evidence for it, how to ask, and what uses it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rrt_engine.explain.related import Group, rules_of_fact
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind, Stronger
from rrt_engine.sources.facts import values_words
from rrt_engine.words import MARK_WORDS, listed, within_sentence

WORKED_OUT = "Worked out from the timeline where it holds the events; record it only where it does not."
_WEIGHT_WORDS = {
    "immediate": "level 4 at once, on sufficient evidence",
    "raises": "lifts a level one step",
    "gate": "changes the route, never the level",
    "context": "nothing by itself: it is context",
    "duty": "leads to a legal route",
    "prompt": "leads to a question",
}
_POVERTY_WORDS = {
    True: "It is hardship: it pulls as written, and never adds up to neglect or to level 4.",
    "may_be": "It is taken as hardship, and not as neglect, where a fact that says so is recorded on sufficient evidence.",
    "says_so": "It says that something is hardship, so that it is not taken as neglect.",
}


@dataclass(frozen=True)
class FactSourceLine:
    """Where the weight of a fact was drawn from, and whether that was read."""

    code: str
    title: str
    url: str | None
    verified: str


@dataclass(frozen=True)
class FactPage:
    """One fact as a person reads it. `weights` are what is recorded and what that weighs."""

    id: str
    label: str
    domain: str
    values: str
    weights: tuple[tuple[str, str], ...]
    beside: tuple[str, ...]
    judge: str | None
    ask: str | None
    note: str | None
    also: tuple[str, ...]
    census_factors: tuple[str, ...]
    sources: tuple[FactSourceLine, ...]
    used_by: tuple[Group, ...]


def fact_page(book: ThresholdBook, name: str) -> FactPage:
    """The page of one fact."""
    kind = book.facts[name]
    sources = [(code, book.fact_sources[code]) for code in kind.source]
    return FactPage(
        id=name,
        label=kind.label,
        domain=book.domains[book.domain_of[name]],
        values=values_words(kind),
        weights=tuple(weights(book, kind)),
        beside=tuple(_beside(book, kind)),
        judge=kind.judge,
        ask=kind.ask,
        note=kind.note,
        also=tuple(kind.also),
        census_factors=tuple(kind.cin_factor),
        sources=tuple(FactSourceLine(code, source.title, source.url, MARK_WORDS[source.verified]) for code, source in sources),
        used_by=rules_of_fact(book, name),
    )


def weights(book: ThresholdBook, kind: FactKind) -> Iterator[tuple[str, str]]:
    """What is recorded of a fact, and what that weighs, in words; nothing is said of when for one that weighs the same whenever so."""
    if isinstance(kind.weight, dict):
        yield from ((value.replace("_", " "), weight_words(weight)) for value, weight in kind.weight.items())
    elif kind.weight is not None:
        yield "", weight_words(kind.weight)
    for step in kind.steps:
        bound = f"from {book.value(step.from_)}" if step.from_ is not None else f"below {book.value(step.below)}"
        yield bound, weight_words(step.weight)
    yield from ((f"if {_more(more)}", weight_words(more.weight)) for more in kind.stronger)


def _more(more: Stronger) -> str:
    said = [f"`{v}`" for v in (more.if_.value or [])] + [w for w in (more.if_.timing, more.if_.pattern) if w]
    said += [f"impact {' or '.join(more.if_.impact)}"] if more.if_.impact else []
    return " and ".join(said)


def weight_words(weight: int | str) -> str:
    """What a fact weighs, in words."""
    return f"level {weight}" if isinstance(weight, int) else _WEIGHT_WORDS.get(weight, weight)


def _beside(book: ThresholdBook, kind: FactKind) -> Iterator[str]:
    """What else decides what a fact weighs, in sentences."""
    if kind.derive is not None:
        yield WORKED_OUT
        yield from _derived(book, kind)
    if kind.past is not None:
        window = book.book.length(book.past_after)
        weighs = weight_words(kind.past)
        yield f"Where it is past, it weighs at most this: {weighs}. It is past where it is recorded so, or dated more than {window} ago."
    if kind.poverty is not False:
        yield _POVERTY_WORDS[kind.poverty]
    if kind.ages is not None:
        parts = [f"{lead} {n} months" for lead, n in (("from", kind.ages.from_), ("below", kind.ages.below)) if n is not None]
        yield f"It can be so at ages {listed(parts)}, and is not asked for at others."


def _derived(book: ThresholdBook, kind: FactKind) -> Iterator[str]:
    derive = kind.derive
    assert derive is not None
    within = f" in the {book.book.length(derive.within)} to the day of the check" if derive.within is not None else ""
    titles = {name: within_sentence(event.title) for name, event in book.book.events.items()}
    if derive.count:
        where = [f"{k} {str(v).lower() if isinstance(v, bool) else v}" for k, v in derive.where.items()]
        only = f" ({listed(where)})" if where else ""
        yield f"It counts these{within}: {' or '.join(titles[name] for name in derive.count)}{only}."
    elif derive.again:
        yield f"It is so where the latest of these came within {book.book.length(derive.within)} of the one before: {titles[derive.again]}."
    elif derive.during:
        periods = [f"{value.replace('_', ' ')} during {within_sentence(book.book.period_title(p))}" for value, p in derive.during.items()]
        yield f"It is {', or else '.join(periods)}."
    elif derive.ended:
        yield f"It is so where this was open{within} and is not now: {within_sentence(book.book.period_title(derive.ended))}."
    elif derive.age:
        yield "It is the child's age in whole months." if derive.age == "months" else "It is so where the child is not born yet."
    elif derive.sources:
        yield f"It counts the different agencies that recorded concerns{within}."
