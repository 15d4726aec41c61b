"""A suggestion in a terminal: the answer and its route first, then why, what is missing and what would tip it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from rrt_engine.model import FactValue, Reason, Suggestion
from rrt_engine.reports.console import say
from rrt_engine.rulebook.threshold_book import ThresholdBook
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
_SHOWN = 6


def headline(suggestion: Suggestion, book: ThresholdBook) -> str:
    """The suggestion in a sentence, the route first where the evidence does not settle the level.

    Level 4 is said as complex need or as significant harm: the line that matters most.
    """
    level = level_words(suggestion)
    first = book.pathways[suggestion.pathways[0]].label
    if book.pathways[suggestion.pathways[0]].route == "adjunct":  # a child who is open already, whose worker is told
        return f"Suggested: {first}. What is recorded here points by itself to {level[:1].lower()}{level[1:]}."
    if suggestion.could_be is not None and suggestion.could_be > suggestion.level:
        return f"Suggested: {first}. {level} on the evidence recorded; it could be level {suggestion.could_be}."
    duties = [book.pathways[p].label for p in suggestion.pathways[1:] if book.pathways[p].route == "duty"]
    also = f" Whatever the level: {'; '.join(duties)}." if duties else ""
    return f"Suggested: {level}. {first}.{also}"


def level_words(suggestion: Suggestion) -> str:
    """The level with its name, and at level 4 which half of it."""
    if suggestion.level < 4:
        return f"Level {suggestion.level}, {suggestion.level_name}"
    half = "Significant (suspected or possible significant harm)" if suggestion.significant else "Complex (social work assessment)"
    return f"Level 4, {half}"


def show_suggestion(console: Console, suggestion: Suggestion, book: ThresholdBook, full: bool) -> None:
    """What the facts point to, why, what is missing, what would change it; with every rule and source if `full`."""
    console.print()
    say(console, "RIGHT HELP RIGHT TIME: SUGGESTED LEVEL AND PATHWAY", "bold")
    say(console, headline(suggestion, book), "bold")
    say(console, f"When: {URGENCY_WORDS[suggestion.urgency]}.", indent=2)
    for pathway in suggestion.pathways:
        say(console, f"- {book.pathways[pathway].label} ({pathway})", indent=2, hang=2)
    say(console, f"Consent: {suggestion.consent.gate} {suggestion.consent.record}", indent=2, hang=2)
    _why(console, suggestion, full)
    _several(console, "Missing, and what it could change", [m.text for m in suggestion.missing], None if full else _SHOWN)
    _several(console, "What would tip it to another level", [f"Level {a.level}, if {a.tips_if}" for a in suggestion.alternatives], None)
    if suggestion.smallest and len(suggestion.smallest) < _facts(suggestion):
        labels = [book.facts[f].label for f in suggestion.smallest]
        _several(console, "The fewest facts that carry this level", labels, None)
    _several(console, "To ask or do", suggestion.prompts, None)
    computed = [f"{_label(c.fact, book)}: {_plain(c.value)} ({c.how})" for c in suggestion.computed if full or c.used]
    _several(console, "Worked out from the timeline", computed, None)
    _several(console, "Check the record", [f"{_label(s.fact, book)}: {s.why}" for s in suggestion.not_counted], None)
    if full:
        _several(console, "Why not a higher level", suggestion.why_not, None)
    console.print()
    say(console, f"Evidence: {suggestion.coverage} {suggestion.checked_by[:1].upper()}{suggestion.checked_by[1:]}.", "dim")
    say(console, f"This is suggested; a person decides, and records why. {book.notice}", "dim")


def _facts(suggestion: Suggestion) -> int:
    return len({f for r in suggestion.reasons if r.effect in ("floor", "consider", "raise") for f in r.facts})


def _label(fact: str, book: ThresholdBook) -> str:
    return book.facts[fact].label.partition(" (")[0] if fact in book.facts else fact.capitalize()


def _plain(value: FactValue) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value).replace("_", " ")


def _why(console: Console, suggestion: Suggestion, full: bool) -> None:
    """Reasons by domain, the weightiest first. In brief, a reason already given by a heavier rule is not repeated."""
    reasons = [r for r in suggestion.reasons if r.effect != "prompt"]
    if not full:
        reasons = _weightiest(reasons)
    console.print()
    if not reasons:
        what = "that counts here" if suggestion.not_counted else "recorded"
        see = "; see “Check the record”" if suggestion.not_counted else ""
        say(console, f"Why: nothing {what} points to extra need{see}.", "bold")
        return
    say(console, "Why", "bold")
    domains = list(dict.fromkeys(r.domain for r in reasons))
    for domain in domains:
        say(console, domain or "Across the record", "underline", indent=2)
        for reason in (r for r in reasons if r.domain == domain):
            effect = _effect(reason)
            say(console, f"- {reason.text} [{effect}]", indent=4, hang=2)
            if full or reason.effect in ("floor", "duty"):
                source = f"{reason.source} ({AUTHORITY_WORDS[reason.authority]}; {MARK_WORDS[reason.verified]}); {reason.rule}"
                say(console, source, "dim", indent=6)


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


def _several(console: Console, heading: str, lines: Sequence[str], at_most: int | None) -> None:
    if not lines:
        return
    console.print()
    say(console, heading, "bold")
    for line in lines[:at_most]:
        say(console, f"- {line}", indent=2, hang=2)
    if at_most is not None and len(lines) > at_most:
        say(console, f"and {len(lines) - at_most} more; --explain full lists them", "dim", indent=2)


def show_changes(console: Console, before: Suggestion, after: Suggestion, changed: Sequence[str], book: ThresholdBook) -> None:
    """What a changed fact moves, and why: the two answers side by side, and the rules that began or ceased to apply."""
    console.print()
    say(console, f"IF {' AND '.join(changed).upper()}" if len(changed) < 3 else "IF THOSE FACTS WERE CHANGED", "bold")
    say(console, f"As recorded: {headline(before, book)}", indent=2, hang=2)
    say(console, f"If changed:  {headline(after, book)}", indent=2, hang=2)
    if before.level == after.level and before.pathways == after.pathways:
        say(console, "Neither the level nor the route would move.", indent=2)
    old, new = {r.rule: r for r in before.reasons}, {r.rule: r for r in after.reasons}
    shown = {r.rule for r in _weightiest(after.reasons)}
    for rule, reason in new.items():
        if rule not in old and rule in shown:
            say(console, f"+ {reason.text} [{_effect(reason)}; {rule}]", indent=4, hang=2)
    for rule, reason in old.items():
        if rule not in new:
            say(console, f"- no longer: {reason.text} [{rule}]", indent=4, hang=2)
