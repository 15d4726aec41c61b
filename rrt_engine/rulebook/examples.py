"""Run the examples written inside rules: each is a small case with the flags it must give."""

from __future__ import annotations

from dataclasses import dataclass

from rrt_engine.calendar import NO_INSTANT, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.explain.flags import Explained, Explainer
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.schema import Example, ExpectedFlag
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.sources.case_file import case_from
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.timescales.evaluate import evaluate


@dataclass(frozen=True)
class Outcome:
    """One example run: whether it held, what was expected and what came."""

    rule: str
    name: str
    passed: bool
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    flags: tuple[Explained, ...]
    shows: tuple[str, ...]


def run_examples(rule: Rule, document: Document, book: RuleBook) -> list[Outcome]:
    """Every example of one edition of a rule, run against all the editions of that rule."""
    return [_run(rule, i, example, document, book) for i, example in enumerate(rule.spec.examples)]


def _run(rule: Rule, i: int, example: Example, document: Document, book: RuleBook) -> Outcome:
    problems: list[Diagnostic] = []
    data = {"case": "example", "child": example.child, "covers": example.covers or None, "events": example.events}
    place = ("examples", i)
    flags: tuple[Explained, ...] = ()
    try:
        unknown = [p for p in example.parameters if p not in book.parameters]
        problems.extend(document.diagnostic((*place, "parameters", p), "unknown_local_value", f"unknown local value `{p}`") for p in unknown)
        case = case_from(data, document, book, problems, place)
        as_of = parse_moment(example.as_of)
        if not problems:
            chosen = book.with_parameters(example.parameters).only(rule.id)
            result = evaluate(case.log, chosen, as_of)
            instant = as_of.instant if as_of.instant != NO_INSTANT else end_of_day(as_of.day)
            explainer = Explainer(case.log, chosen, result.flags, as_of.day, instant)
            flags = tuple(sorted((explainer.explain(n) for n in range(len(result.flags))), key=lambda f: f.trigger["at"]))
    except (InputError, ValueError) as error:
        found = error.diagnostics if isinstance(error, InputError) else (document.diagnostic((*place, "as_of"), "example", str(error)),)
        problems.extend(found)
    wrong = [] if problems else _differences(example.flags, flags)
    expected = tuple(_wanted_text(w) for w in example.flags)
    actual = tuple(_came_text(f) for f in flags)
    for text in wrong:
        problems.append(document.diagnostic(place, "example_failed", f"`{rule.id}`, example `{example.name}`: {text}"))
    return Outcome(rule.id, example.name, not problems, expected, actual, tuple(problems), flags, tuple(example.shows))


def _differences(wanted: list[ExpectedFlag], came: tuple[Explained, ...]) -> list[str]:
    if len(wanted) != len(came):
        return [f"expected {len(wanted)} flags and got {len(came)}: {'; '.join(_came_text(f) for f in came) or 'none'}"]
    result = []
    for want, got in zip(wanted, came, strict=True):
        pairs = {
            "status": (want.status, got.status),
            "due": (want.due, got.due),
            "rule": (want.rule, got.rule),
            "trigger": (want.trigger, got.trigger["at"]),
            "answer": (want.answer, got.answer["at"] if got.answer else None),
            "late_by": (want.late_by, got.late_by),
        }
        for name, (expected, actual) in pairs.items():
            if expected is not None and expected != actual:
                result.append(f"expected {name} `{expected}` and got `{actual}`")
        if want.missing is not None and not any(want.missing in m for m in got.missing):
            result.append(f"expected `{want.missing}` to be said missing and got {got.missing}")
    return result


def _wanted_text(flag: ExpectedFlag) -> str:
    return " ".join(f"{k}={v}" for k, v in flag.model_dump(exclude_none=True).items())


def _came_text(flag: Explained) -> str:
    answer = f" answer={flag.answer['at']}" if flag.answer else ""
    late = f" late_by={flag.late_by}" if flag.late_by else ""
    return f"status={flag.status} due={flag.due} trigger={flag.trigger['at']}{answer}{late}"
