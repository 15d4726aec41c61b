"""The same case with a fact changed: what somebody types, as a changed question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.model import Fact, Question
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.facts import KEYS, fact_from
from rrt_engine.thresholds.indicators import strength_of

_OPTION = "--what-if"
_HELP = "write it as fact=value, or fact=value,evidence=alleged; rrt facts WORDS finds a fact"


def changed(question: Question, given: Sequence[str], book: ThresholdBook) -> tuple[Question, list[str]]:
    """The question with the facts changed, and each change in words. Raises InputError for what cannot be read.

    `da_current=severe` changes the value and keeps the evidence recorded, the best of it where there are several records. A
    fact that is not recorded is taken as observed, specific and current unless more is said:
    `da_current=severe,evidence=alleged`. `fact=unknown` takes it away.
    """
    problems: list[Diagnostic] = []
    words: list[str] = []
    for text in given:
        fact = _fact(text, question, book, problems)
        if fact is None:
            continue
        question = replace(
            question,
            recorded=(*(f for f in question.recorded if f.id != fact.id), fact),
            computed=tuple(f for f in question.computed if f.id != fact.id),
        )
        value = ("yes" if fact.value else "no") if isinstance(fact.value, bool) else str(fact.value).replace("_", " ")
        words.append(f"{book.facts[fact.id].label}: {value} ({fact.evidence})")
    if problems:
        raise InputError(problems)
    return question, words


def _fact(text: str, question: Question, book: ThresholdBook, problems: list[Diagnostic]) -> Fact | None:
    def problem(_: Any, code: str, message: str, help: str = "") -> None:
        problems.append(Diagnostic(_OPTION, 0, 0, code, message, "error", "", help or _HELP))

    first, *rest = text.split(",")
    name, equals, value = first.partition("=")
    if not equals:
        problem((), "shape", f"`{text}` does not say what to change the fact to")
        return None
    data: dict[str, Any] = {"fact": name.strip(), "value": _typed(value.strip())}
    recorded = [f for f in question.recorded if f.id == data["fact"] and f.evidence != "refuted"]
    if recorded:
        last = max(recorded, key=lambda f: (strength_of(f), f.on))
        data |= {"evidence": last.evidence, "timing": last.timing, "pattern": last.pattern, "impact_on_child": last.impact}
        data |= {"specificity": last.specificity} if last.specificity else {}
    else:
        data |= {"evidence": "observed", "specificity": "specific", "timing": "current"}
    for part in rest:
        key, equals, more = part.partition("=")
        if not equals or key.strip() not in KEYS:
            problem((), "unknown_key", f"`{part}` is not something a fact may say", did_you_mean(key.strip(), KEYS))
            return None
        data[key.strip()] = more.strip()
    return fact_from(data, (), book, problem)


def _typed(value: str) -> Any:
    if value.lower() in ("true", "yes"):
        return True
    if value.lower() in ("false", "no"):
        return False
    return value
