"""Read facts as people record them: checked against facts.yaml, each mistake at its line with the nearest words offered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rrt_engine.calendar import NO_DAY, parse_moment
from rrt_engine.diagnostics import did_you_mean
from rrt_engine.model import Fact, FactValue
from rrt_engine.rulebook.strict_yaml import Path
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import EVIDENCE, IMPACT, PATTERN, SPECIFICITY, TIMING, FactKind
from rrt_engine.sources.by_words import by_words, meant_words

Problem = Callable[..., None]
_WORDS: Mapping[str, tuple[str, ...]] = {
    "evidence": EVIDENCE,
    "specificity": SPECIFICITY,
    "timing": TIMING,
    "pattern": PATTERN,
    "impact_on_child": IMPACT,
}
_DATES = ("on", "reported_on", "event_on")
KEYS = ("fact", "value", *_WORDS, "source_agency", *_DATES, "subject")


def fact_from(data: Any, place: Path, book: ThresholdBook, problem: Problem, line: int = 0) -> Fact | None:
    """One recorded fact from a mapping; mistakes are told to `problem(path, code, message, help)`, and then it is None."""
    if not isinstance(data, dict) or "fact" not in data:
        problem(place, "shape", "expected a fact with `fact` and `value`", "such as {fact: da_current, value: present, evidence: reported}")
        return None
    wrong = False

    def bad(key: str, code: str, message: str, help: str) -> None:
        nonlocal wrong
        wrong = True
        problem((*place, key), code, message, help)

    for key in data:
        if key not in KEYS:
            bad(key, "unknown_key", f"unknown key `{key}`", did_you_mean(key, KEYS) or f"a fact may have {', '.join(KEYS)}")
    name = str(data["fact"])
    kind = book.facts.get(name)
    if kind is None:
        bad("fact", "unknown_fact", f"unknown fact `{name}`", nearest_fact(name, book))
        return None
    value = data.get("value", True if kind.type == "boolean" else "unknown")
    known = value_of(value, kind)
    if known is None:
        bad("value", "unknown_value", f"`{value}` is not a value of `{name}`", _value_help(str(value), kind))
    words = {}
    for key, allowed in _WORDS.items():
        given = data.get(key)
        if given is None:
            continue
        if given not in allowed:
            bad(
                key,
                "unknown_value",
                f"`{given}` is not one of the words for `{key}`",
                did_you_mean(str(given), allowed) or f"it may be {', '.join(allowed)}",
            )
        words[key] = str(given)
    on = NO_DAY
    for key in _DATES:
        if data.get(key) is None:
            continue
        try:
            day = parse_moment(data[key]).day
            on = day if on == NO_DAY else on
        except ValueError as error:
            bad(key, "date", str(error), "write it as 2026-04-15")
    if wrong or known is None:
        return None
    return Fact(
        name,
        known,
        words.get("evidence", "unknown"),
        words.get("specificity", ""),
        words.get("timing", "unknown"),
        words.get("pattern", "unknown"),
        words.get("impact_on_child", "unknown"),
        str(data.get("source_agency") or ""),
        on,
        str(data.get("subject") or ""),
        line=line,
    )


def value_of(value: Any, kind: FactKind) -> FactValue | None:
    """A value as the fact's type allows it, or None. `unknown` is always allowed, and is never `no`."""
    if value is None or value == "unknown":
        return "unknown"
    if kind.type == "boolean":
        return (
            {True: True, False: False, "true": True, "false": False, "yes": True, "no": False, "none": False}.get(value)
            if isinstance(value, bool | str)
            else None
        )
    if kind.type in ("level", "enum"):
        if value is False:
            return "none"
        allowed = (*kind.values, "none", "unspecified")
        return str(value) if str(value) in allowed else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not abs(value) < 1e9:  # nor is it a number at all where a tool wrote NaN
            return None
        if kind.type == "count" and (value < 0 or value != int(value)):
            return None
        if (kind.least is not None and value < kind.least) or (kind.most is not None and value > kind.most):
            return None
        return int(value) if kind.type == "count" else value
    if kind.type == "count" and value in ("several", "none"):
        return "several" if value == "several" else 0
    try:
        number = float(str(value))
    except ValueError:
        return None
    return value_of(int(number) if abs(number) < 1e9 and number == int(number) else number, kind)


def values_words(kind: FactKind) -> str:
    """The values a fact may take, in words."""
    match kind.type:
        case "boolean":
            return "true, false or unknown"
        case "count":
            return "a whole number, `several` (repeated, number not given) or unknown"
        case "number":
            least, most = kind.least, kind.most
            span = f" from {least} to {most}" if least is not None and most is not None else ""
            return f"a number{span} or unknown"
        case _:
            return f"{', '.join(kind.values)}, none (stated absent), unspecified (present, degree not given) or unknown"


def _value_help(value: str, kind: FactKind) -> str:
    near = did_you_mean(value, kind.values)
    return near or f"it may be {values_words(kind)}"


def nearest_fact(name: str, book: ThresholdBook) -> str:
    """What somebody may have meant by a fact that is not in the vocabulary."""
    near = did_you_mean(name, book.facts)
    if near:
        return near
    found = search(name.replace("_", " "), book)[:3]
    return f"nearest: {', '.join(f'`{f}`' for f in found)}" if found else "find it with: rrt facts WORDS"


def search(words: str, book: ThresholdBook) -> list[str]:
    """The facts whose id, label, domain, values or note hold the words, the best first."""
    return by_words(words, ((name, *fact_words(name, book)) for name in book.facts))


def meant(words: str, book: ThresholdBook) -> str:
    """The words to search for instead, where those typed find no fact and are near words that do; otherwise empty."""
    return meant_words(words, ((name, *fact_words(name, book)) for name in book.facts))


def fact_words(name: str, book: ThresholdBook) -> tuple[str, str]:
    """The words by which a fact is found: those of its id, label and other names, and those of its domain, values and notes."""
    kind = book.facts[name]
    label = f"{name.replace('_', ' ')} {kind.label} {' '.join(kind.also)}"
    return label, f"{book.domains[book.domain_of[name]]} {' '.join(kind.values)} {kind.judge or ''} {kind.ask or ''} {kind.note or ''}"
