"""A threshold rule as a page to read: what it does to a suggestion, when, why, on what authority, and examples as small cases.

Every sentence is built from the rule and the facts it names, so a page cannot say anything the engine does not do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rrt_engine.explain.rule_page import EditionLine, ExampleLines, LocalLine, SourceLine, event_line, local_lines, source_lines, when_words
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_schema import Pattern, ThresholdExample, ThresholdRule
from rrt_engine.words import AUTHORITY_WORDS, STATUS_WORDS, VERIFIED_WORDS, within_sentence

EFFECT_WORDS: Mapping[str, str] = {
    "floor": "at least level {level}",
    "consider": "adds up to level {level}",
    "raise": "raises a step",
    "soften": "lowers a step",
    "duty": "legal route",
    "gate": "changes the route",
    "prompt": "asks",
}
_ROLE_WORDS = {
    "concern": "a concern",
    "immediate": "something that calls for level 4 at once",
    "raises": "something that raises a level",
    "protective": "something protective",
}
_EVIDENCE_WORDS = {
    "sufficient": "disclosed, observed, confirmed or specifically reported",
    "first_hand": "disclosed, observed or confirmed",
    "verified": "observed or confirmed",
    "thin": "on thin evidence: neither disclosed, observed, confirmed nor specifically reported",
}
_COUNT_WORDS = {
    "domains_at_2": "parts of the child's life with a concern of level 2 or more",
    "domains_at_3": "parts of the child's life with a concern of level 3 or more, on sufficient evidence",
    "verified_protective": "protective facts, observed or confirmed",
}


@dataclass(frozen=True)
class ThresholdPage:
    """One threshold rule as a person reads it; the latest edition first, the earlier ones in `editions`."""

    id: str
    title: str
    effect: str
    does: str
    when: tuple[str, ...]
    ask: str | None
    record: str | None
    why: str
    note: str | None
    authority: str
    sources: tuple[SourceLine, ...]
    verified: str
    local_values: tuple[LocalLine, ...]
    examples: tuple[ExampleLines, ...]
    editions: tuple[EditionLine, ...]


def threshold_page(book: ThresholdBook, rules: Sequence[Threshold]) -> ThresholdPage:
    """The page of one threshold rule in all its editions, oldest first as the book gives them."""
    latest = rules[-1]
    spec = latest.spec
    return ThresholdPage(
        id=spec.id,
        title=spec.title,
        effect=spec.effect,
        does=does(book, spec),
        when=tuple(pattern_words(book, p) for p in spec.when),
        ask=spec.ask,
        record=spec.record,
        why=spec.why,
        note=spec.note,
        authority=AUTHORITY_WORDS[spec.authority],
        sources=tuple(source_lines(book.book, spec.source)),
        verified=VERIFIED_WORDS[spec.verified],
        local_values=tuple(local_lines(book.book, spec)),
        examples=tuple(_example(book, example) for rule in reversed(rules) for example in rule.spec.examples),
        editions=tuple(EditionLine(_applies(r.spec), does(book, r.spec), r.file, r.line) for r in reversed(rules)),
    )


def effect_words(spec: ThresholdRule) -> str:
    """What a rule does to a suggestion, in a few words for a list."""
    return EFFECT_WORDS[spec.effect].format(level=spec.level)


def does(book: ThresholdBook, spec: ThresholdRule) -> str:
    """What a rule does to a suggestion, as a sentence or two."""
    labels = [book.pathways[p].label for p in spec.pathways]
    to = f" It points to: {'; '.join(labels)}." if labels else ""
    soon = f" It asks for action {_URGENCY[spec.urgency]}." if spec.urgency else ""
    return _effect_sentence(book, spec) + to + soon


_URGENCY = {"now": "now", "same_day": "the same day", "one_working_day": "within one working day", "planned": "as planned with the family"}


def _effect_sentence(book: ThresholdBook, spec: ThresholdRule) -> str:
    level = f"{spec.level}, {book.levels[spec.level].name}" if spec.level is not None else ""
    match spec.effect:
        case "floor":
            return f"The level is at least {level}, whatever else is recorded."
        case "consider":
            return f"It adds up to level {level}, and may be raised or lowered by others."
        case "raise":
            return (
                "It raises a level that has added up by one step, together with others of its kind; to level 4 only on sufficient evidence."
            )
        case "soften":
            return "It lowers level 3 or 2 by one step; never level 4, and never a floor."
        case "duty":
            return "It stands whatever the level."
        case "gate":
            instead = " in place of the route of the level" if spec.instead else ""
            return f"It changes the route{instead}, and never the level."
        case _:
            return "It asks something, and changes neither the level nor the route."


def pattern_words(book: ThresholdBook, pattern: Pattern) -> str:
    """What a pattern looks for, in words."""
    if pattern.form == "count":
        return f"At least {book.value(pattern.at_least)} {_COUNT_WORDS[str(pattern.count)]}"
    if pattern.form == "unrecorded":
        return f"Not recorded, or recorded as unknown: {book.facts[str(pattern.unrecorded)].label}"
    if pattern.form == "flag":
        titles = [_titled(book, rule_id) for rule_id in pattern.flag or []]
        how = f" ({_or([STATUS_WORDS[s].lower() for s in pattern.status])})" if pattern.status else ""
        return f"The timeline has a flag{how}: {_or(titles)}"
    if pattern.form == "sibling":
        return f"Something about another child is recorded that weighs {pattern.sibling}{' or more' if pattern.sibling != 4 else ''}"
    if pattern.form == "level":
        levels = f"The level suggested is {_or([str(n) for n in pattern.level or []])}"
        if pattern.significant is None:
            return levels
        return f"{levels}, and it {'is' if pattern.significant else 'is not'} a question of significant harm"
    return _fact_words(book, pattern)


def _titled(book: ThresholdBook, rule_id: str) -> str:
    named = book.book.named(rule_id)
    return f"{named[-1].spec.title} (`{rule_id}`)" if named else rule_id


def _fact_words(book: ThresholdBook, pattern: Pattern) -> str:
    what = _or([book.facts[f].label for f in pattern.fact]) if pattern.fact else _ROLE_WORDS[pattern.role or "concern"]
    what = f"{what[0].upper()}{what[1:]}"
    parts = [f"which is {_ROLE_WORDS[pattern.role]} as recorded"] if pattern.role and pattern.fact else []
    if pattern.domain:
        parts.append(f"under {_or([f'“{book.domains[d]}”' for d in pattern.domain])}")
    if pattern.value:
        parts.append(f"recorded as {_or([_value(v) for v in pattern.value])}")
    if pattern.at_least is not None:
        parts.append(f"{book.value(pattern.at_least)} or more")
    if pattern.below is not None:
        parts.append(f"below {book.value(pattern.below)}")
    if pattern.pull:
        parts.append(f"that pulls to level {pattern.pull}{' or more' if pattern.pull < 4 else ''} on its evidence")
    if pattern.written:
        parts.append(
            f"that would pull to level {pattern.written}{' or more' if pattern.written < 4 else ''} if the evidence were sufficient"
        )
    if pattern.evidence:
        parts.append(_EVIDENCE_WORDS[pattern.evidence])
    if pattern.timing:
        parts.append("happening now")
    if pattern.unsettled:
        parts.append("that would call for level 4 at once if it were so now, and nobody recorded when it was")
    if pattern.impact:
        parts.append(f"with {pattern.impact} impact on the child{' or more' if pattern.impact == 'some' else ''}")
    return f"{what}{''.join(f'; {part}' for part in parts)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).replace("_", " ")


def _or(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} or {items[-1]}" if items else ""


# ---------------------------------------------------------------------------------------------------- the rest


def _applies(spec: ThresholdRule) -> str:
    to = f" to {when_words(spec.effective.to)}" if spec.effective.to else ""
    return f"from {when_words(spec.effective.from_)}{to}"


def _example(book: ThresholdBook, example: ThresholdExample) -> ExampleLines:
    born = [f"{when_words(v)}  {'born' if k == 'date_of_birth' else 'expected to be born'}" for k, v in example.child.items()]
    events = [event_line(book.book, event) for event in example.events]
    facts = [_fact_line(book, fact) for fact in example.facts]
    flags = [f"flag: {_titled(book, str(f.get('rule')))}, {STATUS_WORDS.get(str(f.get('status')), '').lower()}" for f in example.flags]
    came = ["it fires" if example.fires else "it does not fire"]
    came += [f"level {example.level}"] if example.level is not None else []
    came += [f"{'; '.join(within_sentence(book.pathways[p].label) for p in example.pathways)}"] if example.pathways else []
    return ExampleLines(example.name, (), (*born, *events, *facts, *flags), "the rule set says", tuple(came))


def _fact_line(book: ThresholdBook, fact: Mapping[str, Any]) -> str:
    name = str(fact.get("fact"))
    label = book.facts[name].label if name in book.facts else name
    value = fact.get("value", True)
    rest = [str(v).replace("_", " ") for k, v in fact.items() if k not in ("fact", "value")]
    how = f" ({', '.join(rest)})" if rest else ""
    return f"{label}{how}" if value is True else f"{label}: {_value(value)}{how}"


def threshold_sections(page: ThresholdPage) -> Iterator[tuple[str, list[str]]]:
    """The page as headed sections in their fixed order, each a list of lines."""
    yield "What it does", [page.does]
    yield "When", list(page.when) if len(page.when) == 1 else [page.when[0], f"and: {page.when[1]}"]
    if page.ask:
        yield "What it asks", [page.ask]
    if page.record:
        yield "What is recorded", [page.record]
    yield "Why", [page.why]
    if page.note:
        yield "How it is read here", [page.note]
    sources = []
    for s in page.sources:
        sources.append(f"{s.title}, {s.at} ({s.authority})")
        sources += [f"  {s.url}"] if s.url else []
    yield "Source", [*sources, f"Authority: {page.authority}. Verified: {page.verified}."]
    if page.local_values:
        lines = []
        for v in page.local_values:
            lines += [f"{v.name}: {v.value} ({v.title})", f"  from: {v.basis}; {v.verified}", f"  change it in {v.change_in}"]
        yield "Local value", lines
    lines = []
    for e in page.examples:
        lines += [e.name, *(f"  {event}" for event in e.events), f"  {e.asked}: {'; '.join(e.flags)}"]
    yield "Examples", lines or ["none yet"]
    yield "Editions", [f"{e.applies} ({e.file}:{e.line})" + (f": {e.requires}" if len(page.editions) > 1 else "") for e in page.editions]
