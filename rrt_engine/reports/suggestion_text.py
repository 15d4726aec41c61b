"""A suggestion in a terminal: the answer and its route first, then why, what is missing and what would tip it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from rrt_engine.model import Suggestion
from rrt_engine.reports.console import say
from rrt_engine.reports.suggestion_words import Said, moved_of, said_of
from rrt_engine.rulebook.threshold_book import ThresholdBook

_SHOWN = 6


def show_suggestion(console: Console, suggestion: Suggestion, book: ThresholdBook, full: bool) -> None:
    """What the facts point to, why, what is missing, what would change it; with every rule and source if `full`."""
    said = said_of(suggestion, book)
    console.print()
    say(console, "RIGHT HELP RIGHT TIME: SUGGESTED LEVEL AND PATHWAY", "bold")
    say(console, said.headline, "bold")
    say(console, f"When: {said.when}", indent=2)
    for label, pathway in said.pathways:
        say(console, f"- {label} ({pathway})", indent=2, hang=2)
    say(console, f"Consent: {said.consent}", indent=2, hang=2)
    _why(console, said, full)
    _several(console, "Missing, and what it could change", said.missing, None if full else _SHOWN)
    _several(console, "What would tip it to another level", said.tips, None)
    _several(console, "The fewest facts that carry this level", said.fewest, None)
    _several(console, "To ask or do", said.prompts, None)
    _several(console, "Worked out from the timeline", [text for text, used in said.computed if full or used], None)
    _several(console, "Check the record", said.record, None)
    if full:
        _several(console, "Why not a higher level", said.why_not, None)
    console.print()
    say(console, said.evidence, "dim")
    say(console, said.notice, "dim")


def _why(console: Console, said: Said, full: bool) -> None:
    """Reasons by domain, the weightiest first. In brief, a reason already given by a heavier rule is not repeated."""
    console.print()
    if said.nothing:
        say(console, f"Why: {said.nothing}.", "bold")
        return
    say(console, "Why", "bold")
    for domain, reasons in said.why:
        shown = [reason for reason in reasons if full or reason.heavy]
        if shown:
            say(console, domain, "underline", indent=2)
        for reason in shown:
            say(console, f"- {reason.text} [{reason.effect}]", indent=4, hang=2)
            if full or reason.grave:
                say(console, f"{reason.source}; {reason.rule}", "dim", indent=6)


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
    moved = moved_of(before, after, changed, book)
    console.print()
    say(console, f"IF {' AND '.join(moved.what).upper()}" if len(moved.what) < 3 else "IF THOSE FACTS WERE CHANGED", "bold")
    say(console, f"As recorded: {moved.before}", indent=2, hang=2)
    say(console, f"If changed:  {moved.after}", indent=2, hang=2)
    if moved.still:
        say(console, "Neither the level nor the route would move.", indent=2)
    for reason in moved.begins:
        say(console, f"+ {reason.text} [{reason.effect}; {reason.rule}]", indent=4, hang=2)
    for reason in moved.ceases:
        say(console, f"- no longer: {reason.text} [{reason.rule}]", indent=4, hang=2)
