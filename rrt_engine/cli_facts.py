"""`rrt facts`: find the fact to record, with its values and how to judge the evidence for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rrt_engine.cli_options import Format, FormatOption, console, print_json, stop, threshold_book
from rrt_engine.paths import RULES

if TYPE_CHECKING:
    from rich.console import Console

    from rrt_engine.rulebook.threshold_book import ThresholdBook


def facts(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[SEARCH]...", help="Words to look for, such as: bruise, or: left alone.")
    ] = None,
    rules: Annotated[
        Path, typer.Option("--rules", metavar="FOLDER", help="A rule set other than the one that came with rrt.", show_default=False)
    ] = RULES,
    format: FormatOption = Format.text,
) -> None:
    """Find the fact to record: its id, its values, what each pulls towards, and how to judge the evidence."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.sources.facts import meant, nearest_fact, search

    try:
        book = threshold_book(rules)
    except InputError as error:
        raise stop(error) from None
    text = " ".join(words or [])
    found = [text] if text in book.facts else search(text, book) if text else list(book.facts)
    if format is Format.json:
        rows = [_row(name, book) for name in found]
        print_json({"schema": "rrt/facts/1", "notice": book.notice, "facts": rows})
        return
    if not found:
        again = meant(text, book)
        help = f"Did you mean {again}? Find it with: rrt facts {again}" if again else nearest_fact(text, book) if text else ""
        typer.echo(f"No fact holds `{text}`. {help}", err=True)
        raise typer.Exit(1)
    shown = console(100)
    if not text:
        _list(shown, book)
    elif len(found) > 12:
        for name in found:
            _line(shown, name, book)
    else:
        for name in found:
            _show(shown, name, book)
    from rrt_engine.reports.console import say

    shown.print()
    say(shown, book.notice, "dim")


def _row(name: str, book: ThresholdBook) -> dict[str, Any]:
    kind = book.facts[name]
    return {
        "id": name,
        "label": kind.label,
        "domain": book.domains[book.domain_of[name]],
        "type": kind.type,
        "values": list(kind.values),
        "weight": _weights(name, book),
        "judge": kind.judge,
        "ask": kind.ask,
        "computed": kind.derive is not None,
        "sources": [{"code": c, "title": book.fact_sources[c].title, "verified": book.fact_sources[c].verified} for c in kind.source],
    }


def _list(shown: Console, book: ThresholdBook) -> None:
    from rrt_engine.reports.console import say

    for domain, title in book.domains.items():
        mine = [name for name in book.facts if book.domain_of[name] == domain]
        if mine:
            say(shown, title, "bold")
            for name in mine:
                _line(shown, name, book, indent=2)
    say(shown, f"{len(book.facts)} facts. rrt facts WORDS shows how to judge one.", "bold")


def _line(shown: Console, name: str, book: ThresholdBook, indent: int = 0) -> None:
    from rrt_engine.reports.console import say

    say(shown, f"{name}: {book.facts[name].label}", indent=indent, hang=2)


def _show(shown: Console, name: str, book: ThresholdBook) -> None:
    from rrt_engine.explain.fact_page import WORKED_OUT
    from rrt_engine.reports.console import say
    from rrt_engine.sources.facts import values_words
    from rrt_engine.words import MARK_WORDS

    kind = book.facts[name]
    say(shown, f"{name}: {kind.label}", "bold")
    say(shown, f"{book.domains[book.domain_of[name]]}. Value: {values_words(kind)}.", indent=2, hang=2)
    say(shown, f"Weighs: {_weights(name, book)}", indent=2, hang=2)
    if kind.derive is not None:
        say(shown, WORKED_OUT, indent=2, hang=2)
    for heading, text in (("Judge the evidence", kind.judge), ("Ask", kind.ask), ("Note", kind.note)):
        if text:
            say(shown, f"{heading}: {text}", indent=2, hang=2)
    for code in kind.source:
        source = book.fact_sources[code]
        say(shown, f"Source: {source.title} ({MARK_WORDS[source.verified]})", "dim", indent=2, hang=2)


def _weights(name: str, book: ThresholdBook) -> str:
    """What each value of a fact pulls towards, in words."""
    from rrt_engine.explain.fact_page import weights

    return "; ".join(f"{when}: {what}" if when else what for when, what in weights(book, book.facts[name]))
