"""The fields of the form for a case: what is asked of an event and of a fact, in plain words, with what may be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind
from rrt_engine.web.case_form import Block, others
from rrt_engine.words import EVIDENCE_WORDS, IMPACT_WORDS, PATTERN_WORDS, SPECIFICITY_WORDS, TIMING_WORDS

Options = tuple[tuple[str, str], ...]
NOT_SAID = ("", "Not said")


@dataclass(frozen=True)
class Field:
    """One field: its id, what it asks, how it is filled in, and what it holds. `parts` are the three fields of a date."""

    id: str
    label: str
    form: Literal["text", "short", "select", "radios", "date"]
    value: str = ""
    options: Options = ()
    hint: str = ""
    parts: tuple[str, str, str] = ("", "", "")


@dataclass(frozen=True)
class Shown:
    """An event or a fact in the form: its id there, its name in the vocabulary, what it is called, its fields and those seldom needed."""

    id: str
    name: str
    title: str
    note: str
    fields: tuple[Field, ...]
    more: tuple[Field, ...]

    @property
    def opened(self) -> bool:
        """Whether something seldom needed is filled in."""
        return any(f.value or any(f.parts) for f in self.more)


def event_fields(block: Block, number: int, book: RuleBook) -> Shown:
    """What is asked of an event: when, what it belongs to, and what its kind records."""
    kind = book.events.get(block.name)
    place, given = f"event-{number}", block.given
    attributes = kind.attrs if kind else {}
    asked = [
        _date(f"{place}-at", "Date", given, "at"),
        Field(f"{place}-time", "Time, if it is recorded", "short", given.get("time", ""), hint="For example, 16:45"),
    ]
    for name, type_ in attributes.items():
        label = _words(name)
        if type_ == "date":
            asked.append(_date(f"{place}-{name}", label, given, name))
        elif type_ == "boolean":
            asked.append(Field(f"{place}-{name}", label, "select", given.get(name, ""), (NOT_SAID, ("true", "Yes"), ("false", "No"))))
        elif isinstance(type_, list):
            options = (NOT_SAID, *((str(each), _words(str(each))) for each in type_))
            asked.append(Field(f"{place}-{name}", label, "select", given.get(name, ""), options))
        else:
            asked.append(Field(f"{place}-{name}", label, "text", given.get(name, "")))
    refs = " and ".join(kind.ref).replace("_", " ") if kind else ""
    hint = f"Which {refs} it belongs to, such as {_example(kind.ref)}, where there is more than one" if kind and kind.ref else ""
    more = [Field(f"{place}-ref", "Reference", "text", given.get("ref", ""), hint=hint)]
    more += [Field(f"{place}-{name}", _words(name), "text", given.get(name, "")) for name in others(block, attributes)]
    more.append(_date(f"{place}-recorded_at", "Recorded on", given, "recorded_at", "Where that was a later day"))
    return Shown(place, block.name, kind.title if kind else block.name, "", tuple(asked), tuple(more))


def fact_fields(block: Block, number: int, book: ThresholdBook) -> Shown:
    """What is asked of a fact: its value, how it is known, how exact that is, when it was, and who said so."""
    kind = book.facts.get(block.name)
    place, given = f"fact-{number}", block.given
    asked = [
        value_field(f"{place}-value", given.get("value", ""), kind),
        _choice(place, "evidence", "How do you know?", EVIDENCE_WORDS, given),
        _choice(place, "specificity", "How exact is it?", SPECIFICITY_WORDS, given),
        _choice(place, "timing", "Is it so now?", TIMING_WORDS, given),
        _choice(place, "pattern", "How often?", PATTERN_WORDS, given),
        Field(f"{place}-source_agency", "Who said so?", "text", given.get("source_agency", ""), hint="A role or agency; no name"),
    ]
    more = [
        _date(f"{place}-on", "On what day?", given, "on", "When it happened, or was said"),
        _choice(place, "impact_on_child", "What effect on the child has been seen?", IMPACT_WORDS, given),
        Field(f"{place}-subject", "About whom?", "text", given.get("subject", ""), hint="Left out, this child. Such as sibling; no name"),
    ]
    return Shown(place, block.name, kind.label if kind else block.name, (kind.judge or "") if kind else "", tuple(asked), tuple(more))


def value_field(id: str, value: str, kind: FactKind | None) -> Field:
    """How a fact's value is asked: yes or no, a degree from the lightest, or a number."""
    unknown = ("unknown", "Nobody knows")
    if kind is None:
        return Field(id, "Value", "text", value)
    if kind.type == "boolean":
        options: Options = (("true", "Yes, it is so"), ("false", "No, somebody looked and it is not so"), unknown)
        return Field(id, "Is it so?", "radios", value, options)
    if kind.type in ("level", "enum"):
        choices = [(each, _words(each)) for each in kind.values]
        for each, words in (("unspecified", "It is so; which is not said"), ("none", "No, somebody looked and it is not so"), unknown):
            choices += [(each, words)] if each not in kind.values else []
        return Field(id, "Which is it?", "select", value, (("", "Choose"), *choices))
    hint = "A whole number, several, or unknown" if kind.type == "count" else "A number, or unknown"
    return Field(id, "How many?" if kind.type == "count" else "What is the number?", "short", value, hint=hint)


def _choice(place: str, name: str, label: str, words: Mapping[str, str], given: Mapping[str, str]) -> Field:
    return Field(f"{place}-{name}", label, "select", given.get(name, ""), (NOT_SAID, *words.items()))


def _date(id: str, label: str, given: Mapping[str, str], name: str, hint: str = "") -> Field:
    day, month, year = (given.get(f"{name}-{part}", "") for part in ("day", "month", "year"))
    return Field(id, label, "date", hint=hint, parts=(day, month, year))


def child_date(name: str, label: str, given: Mapping[str, str], hint: str = "") -> Field:
    """A date that is asked of the child, or of the check."""
    return _date(name, label, given, name, hint)


def _words(name: str) -> str:
    """A name of the vocabulary in words, with what is short in it written out."""
    text = " ".join(_WRITTEN_OUT.get(part, part) for part in name.split("_"))
    return f"{text[:1].upper()}{text[1:]}"


_WRITTEN_OUT = {
    "nfa": "no further action",
    "cin": "child in need",
    "cp": "child protection",
    "lac": "looked after",
    "la": "local authority",
    "rag": "red, amber or green",
    "icpc": "initial child protection conference",
    "sdq": "strengths and difficulties questionnaire",
    "uasc": "unaccompanied asylum-seeking child",
    **{f"s{number}": f"section {number}" for number in (17, 20, 31, 32, 33, 34, 35, 37, 47)},
}


def _example(ref: list[str]) -> str:
    return "/".join(f"{each[:1].upper()}1" for each in ref)
