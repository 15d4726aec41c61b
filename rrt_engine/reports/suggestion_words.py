"""A suggestion in words: the answer and its route first, then why, what is missing and what would tip it. For a terminal and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rrt_engine.model import FactValue, Reason, Suggestion
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.thresholds.reasons import could_be_more, silence
from rrt_engine.thresholds.suggest import URGENCY_WORDS
from rrt_engine.words import AUTHORITY_WORDS, MARK_WORDS

_EFFECT_WORDS = {
    "floor": "at least level {level}",
    "consider": "adds up to level {level}",
    "raise": "lifts it one step",
    "soften": "eases it one step",
    "duty": "a route whatever the level",
    "gate": "changes the route, never the level",
    "prompt": "to ask",
}


@dataclass(frozen=True)
class SaidReason:
    """One rule that applies: its sentence, what it does, where it comes from, and its id.

    `heavy` is False where a heavier rule already gives the same facts; `grave` where it alone sets a level or a route.
    """

    text: str
    effect: str
    source: str
    rule: str
    heavy: bool
    grave: bool


@dataclass(frozen=True)
class Said:
    """What is said of a suggestion, part by part, in the order in which it is read. A part without lines is left out.

    `why` gives the reasons by the heading of their domain, the weightiest first; `nothing` says so where there are none. `computed` is
    what the timeline gave, each with whether some rule made use of it.
    """

    headline: str
    when: str
    pathways: tuple[tuple[str, str], ...]
    consent: str
    why: tuple[tuple[str, tuple[SaidReason, ...]], ...]
    nothing: str
    missing: tuple[str, ...]
    tips: tuple[str, ...]
    fewest: tuple[str, ...]
    prompts: tuple[str, ...]
    computed: tuple[tuple[str, bool], ...]
    record: tuple[str, ...]
    why_not: tuple[str, ...]
    evidence: str
    notice: str


@dataclass(frozen=True)
class Moved:
    """What a changed fact moves: the two answers, line by line, and the rules that begin and cease to apply."""

    what: tuple[str, ...]
    before: str
    after: str
    rows: tuple[tuple[str, str, str], ...]
    still: bool
    begins: tuple[SaidReason, ...]
    ceases: tuple[SaidReason, ...]


def headline(suggestion: Suggestion, book: ThresholdBook) -> str:
    """The suggestion in a sentence, the route first where the evidence does not settle the level.

    Level 4 is said as complex need or as significant harm: the line that matters most. Level 1 is not said where it stands only for want
    of any fact about need, and never without what is not known and could mean more.
    """
    level = level_words(suggestion)
    first = book.pathways[suggestion.pathways[0]].label
    if book.pathways[suggestion.pathways[0]].route == "adjunct":  # a child who is open already, whose worker is told
        if suggestion.nothing_of_need:
            return f"Suggested: {first}. {silence(suggestion)}"
        return f"Suggested: {first}. What is recorded here points by itself to {level[:1].lower()}{level[1:]}."
    if suggestion.could_be is not None and suggestion.could_be > suggestion.level:
        return f"Suggested: {first}. {level} on the evidence recorded; it could be level {suggestion.could_be}."
    duties = [book.pathways[p].label for p in suggestion.pathways[1:] if book.pathways[p].route == "duty"]
    also = f" Whatever the level: {'; '.join(duties)}." if duties else ""
    more = could_be_more(suggestion, book)
    return f"{silence(suggestion) or f'Suggested: {level}. {first}.'}{f' {more}' if more else ''}{also}"


def level_words(suggestion: Suggestion) -> str:
    """The level with its name, and at level 4 which half of it; level 1 without its name where no fact says anything of need."""
    if suggestion.nothing_of_need:
        return "Level 1, for want of facts about need"
    if suggestion.level < 4:
        return f"Level {suggestion.level}, {suggestion.level_name}"
    half = "Significant (suspected or possible significant harm)" if suggestion.significant else "Complex (social work assessment)"
    return f"Level 4, {half}"


def said_of(suggestion: Suggestion, book: ThresholdBook) -> Said:
    """Everything that is said of a suggestion, in words."""
    heavy = {id(r) for r in _weightiest([r for r in suggestion.reasons if r.effect != "prompt"])}
    reasons = [(r, _said(r, id(r) in heavy)) for r in suggestion.reasons if r.effect != "prompt"]
    domains = dict.fromkeys(r.domain for r, _ in reasons)
    aside = suggestion.not_counted
    nothing = "" if reasons else f"nothing {'that counts here' if aside else 'recorded'} points to extra need"
    carried = {f for r in suggestion.reasons if r.effect in ("floor", "consider", "raise") for f in r.facts}
    return Said(
        headline=headline(suggestion, book),
        when=f"{URGENCY_WORDS[suggestion.urgency]}.",
        pathways=tuple((book.pathways[p].label, p) for p in suggestion.pathways),
        consent=f"{suggestion.consent.gate} {suggestion.consent.record}",
        why=tuple((d or "Across the record", tuple(said for r, said in reasons if r.domain == d)) for d in domains),
        nothing=nothing + ("; see “Check the record”" if nothing and aside else ""),
        missing=tuple(m.text for m in suggestion.missing),
        tips=tuple(f"Level {a.level}, if {a.tips_if}" for a in suggestion.alternatives),
        fewest=tuple(book.facts[f].label for f in suggestion.smallest) if len(suggestion.smallest) < len(carried) else (),
        prompts=suggestion.prompts,
        computed=tuple((f"{_label(c.fact, book)}: {plain_value(c.value)} ({c.how})", c.used) for c in suggestion.computed),
        record=tuple(f"{_label(s.fact, book)}: {s.why}" for s in aside),
        why_not=suggestion.why_not,
        evidence=f"Evidence: {suggestion.coverage} {suggestion.checked_by[:1].upper()}{suggestion.checked_by[1:]}.",
        notice=f"This is suggested; a person decides, and records why. {book.notice}",
    )


def moved_of(before: Suggestion, after: Suggestion, changed: Sequence[str], book: ThresholdBook) -> Moved:
    """What a changed fact moves, and why: the two answers side by side, and the rules that begin or cease to apply."""
    old, new = {r.rule: r for r in before.reasons}, {r.rule: r for r in after.reasons}
    heavy_then, heavy_now = ({r.rule for r in _weightiest(s.reasons)} for s in (before, after))
    rows = (
        ("Level", level_words(before), level_words(after)),
        ("Route", _route(before, book), _route(after, book)),
        ("When", _capital(URGENCY_WORDS[before.urgency]), _capital(URGENCY_WORDS[after.urgency])),
    )
    return Moved(
        what=tuple(changed),
        before=headline(before, book),
        after=headline(after, book),
        rows=rows,
        still=before.level == after.level and before.pathways == after.pathways,
        begins=tuple(_said(reason, True) for rule, reason in new.items() if rule not in old and rule in heavy_now),
        ceases=tuple(_said(reason, rule in heavy_then) for rule, reason in old.items() if rule not in new),
    )


def _route(suggestion: Suggestion, book: ThresholdBook) -> str:
    return "; ".join(book.pathways[p].label for p in suggestion.pathways)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _said(reason: Reason, heavy: bool) -> SaidReason:
    source = f"{reason.source} ({AUTHORITY_WORDS[reason.authority]}; {MARK_WORDS[reason.verified]})"
    return SaidReason(reason.text, _effect(reason), source, reason.rule, heavy, reason.effect in ("floor", "duty"))


def _label(fact: str, book: ThresholdBook) -> str:
    return book.facts[fact].label.partition(" (")[0] if fact in book.facts else fact.capitalize()


def plain_value(value: FactValue) -> str:
    """A fact's value in words."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value).replace("_", " ")


def _effect(reason: Reason) -> str:
    """What a reason does, in words. A gate without a route of its own says what to record."""
    if reason.effect == "gate" and not reason.pathways:
        return "to record"
    return _EFFECT_WORDS[reason.effect].format(level=reason.level)


def _weightiest(reasons: Sequence[Reason]) -> list[Reason]:
    """The reasons without those whose facts a heavier reason of the same kind already gives."""
    kept: list[Reason] = []
    for reason in reasons:
        covered = {f for r in kept if r.effect in ("floor", "consider") and (r.level or 0) >= (reason.level or 0) for f in r.facts}
        if reason.effect == "consider" and reason.facts and set(reason.facts) <= covered:
            continue
        kept.append(reason)
    return kept
