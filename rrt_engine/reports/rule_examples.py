"""The worked examples of a rule as small cases: what is recorded, the day asked, what the rule says then, and a picture of it.

Each is worked out anew by the engine from what the rule file says, as `rrt rules test` does, so that no page shows an example that the
engine does not give.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rrt_engine.checking import check_case
from rrt_engine.explain.rule_page import event_title, recorded_words, when_words
from rrt_engine.reports.check_words import shown_status
from rrt_engine.reports.timeline_picture import Picture, picture
from rrt_engine.rulebook.book import Rule, RuleBook, effective_text
from rrt_engine.rulebook.examples import ReadExample, read_examples
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import ThresholdExample, ThresholdRule
from rrt_engine.words import STATUS_WORDS, within_sentence

FIRST_SHOWN = ("boundary", "first_bad_day", "bank_holiday", "overdue")
"""Of these, the first example that shows each stands open on a page; the others are folded."""
SHOWS_WORDS = {
    "boundary": "the last good day",
    "first_bad_day": "the first late day",
    "bank_holiday": "across a bank holiday",
    "overdue": "not done",
    "still_due": "still to be done",
    "ended": "no longer needed",
    "cannot_tell": "cannot be told",
    "worked_example": "a worked example",
    "trap": "easily got wrong",
}


@dataclass(frozen=True)
class Line:
    """Something recorded in an example: when, what, and what else it records. `when` is empty for what has no date."""

    when: str
    what: str
    detail: str


@dataclass(frozen=True)
class Answer:
    """What the rule says of one duty: the status, with the sentence that explains it."""

    status: str
    words: str


@dataclass(frozen=True)
class Worked:
    """One example. `edition` is the edition it belongs to, where that is not the latest; `drawn` is None where there is nothing to draw."""

    name: str
    shows: tuple[str, ...]
    first: bool
    edition: str
    lines: tuple[Line, ...]
    settings: tuple[str, ...]
    asked: str
    answers: tuple[Answer, ...]
    drawn: Picture | None


def worked_examples(book: RuleBook, editions: Sequence[tuple[Rule, Document]]) -> tuple[Worked, ...]:
    """The examples of a rule, those of its latest edition first. `editions` are its editions with their documents, oldest first."""
    chosen = book.only(editions[-1][0].id)
    left = set(FIRST_SHOWN)
    found = []
    for number, (rule, document) in enumerate(reversed(editions)):
        edition = effective_text(rule) if number else ""
        for read in read_examples(rule, document, book):
            shows = set(read.example.shows) & left if not number else set()
            left -= shows
            found.append(_worked(chosen, read, bool(shows), edition))
    if found and not any(each.first for each in found):
        found[0] = replace(found[0], first=True)
    return tuple(found)


def _worked(book: RuleBook, read: ReadExample, first: bool, edition: str) -> Worked:
    example = read.example
    book = book.with_parameters(example.parameters)
    drawn, answers = None, []
    if read.case is not None and not read.problems:
        checked = check_case(read.case, book, read.as_of)
        drawn = picture(checked, book, read.as_of)
        flags = sorted(checked.flags, key=lambda flag: flag.trigger["at"])
        answers = [Answer(shown_status(f), f.explanation) for f in flags]
    return Worked(
        name=example.name,
        shows=tuple(SHOWS_WORDS.get(each, each) for each in example.shows),
        first=first,
        edition=edition,
        lines=(*_born(example.child), *_covers(example.covers), *(_line(book, event) for event in example.events)),
        settings=tuple(f"{within_sentence(book.parameters[name].title)}, {value}" for name, value in example.parameters.items()),
        asked=when_words(example.as_of),
        answers=tuple(answers),
        drawn=drawn,
    )


def _born(child: Mapping[str, Any]) -> Iterator[Line]:
    for key, value in child.items():
        yield Line(when_words(value), "Born" if key == "date_of_birth" else "Expected to be born", "")


def _covers(covers: Mapping[str, Any]) -> Iterator[Line]:
    """What the records are said to hold, where an example says it."""
    if covers:
        held = "; ".join(recorded_words({key: value for key, value in covers.items() if key != "from"}))
        yield Line(when_words(covers["from"]) if "from" in covers else "", "The records begin" if "from" in covers else "The records", held)


def _line(book: RuleBook, event: Mapping[str, Any]) -> Line:
    return Line(when_words(event.get("at")), event_title(book, event), "; ".join(recorded_words(event)))


# ---------------------------------------------------------------------------------------------------- threshold rules


@dataclass(frozen=True)
class Weighed:
    """One example of a threshold rule: what is recorded, whether the rule fires, and what the whole rule set then suggests."""

    name: str
    lines: tuple[Line, ...]
    fires: bool
    level: str
    pathways: tuple[str, ...]


def weighed_examples(book: ThresholdBook, editions: Sequence[ThresholdRule]) -> tuple[Weighed, ...]:
    """The examples of a threshold rule, those of its latest edition first. They are what the rule file says; `rrt rules test` runs them."""
    return tuple(_weighed(book, example) for spec in reversed(editions) for example in spec.examples)


def _weighed(book: ThresholdBook, example: ThresholdExample) -> Weighed:
    lines = [*_born(example.child), *(_line(book.book, event) for event in example.events)]
    lines += [_fact(book, fact) for fact in example.facts]
    for flag in example.flags:
        rule = book.book.named(flag["rule"])
        lines.append(Line("", f"Flag: {rule[-1].spec.title if rule else flag['rule']}", STATUS_WORDS.get(flag["status"], "")))
    level = f"level {example.level}, {book.levels[example.level].name}" if example.level is not None else ""
    pathways = tuple(book.pathways[p].label for p in example.pathways or ())
    return Weighed(example.name, tuple(lines), example.fires, level, pathways)


def _fact(book: ThresholdBook, fact: Mapping[str, Any]) -> Line:
    name = str(fact.get("fact"))
    value = fact.get("value", True)
    said = [] if value is True else [*recorded_words({"recorded as": value})]
    said += recorded_words({k: v for k, v in fact.items() if k not in ("fact", "value", "on")})
    return Line(when_words(fact["on"]) if "on" in fact else "", book.facts[name].label if name in book.facts else name, "; ".join(said))
