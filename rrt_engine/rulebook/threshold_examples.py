"""Run the examples written inside threshold rules: each is a small case, and says whether its rule fires.

The whole rule set reasons over the case, so that an example can also state the level and the pathways that come of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_schema import ThresholdExample
from rrt_engine.sources.case_file import case_from
from rrt_engine.thresholds.chain import Chained
from rrt_engine.thresholds.plan import Plan, Token
from rrt_engine.thresholds.route import Outcome, outcome
from rrt_engine.thresholds.suggest import Reasoner, Reasoners, question_of
from rrt_engine.words import STATUS_WORDS


@dataclass(frozen=True)
class ThresholdOutcome:
    """One example run: whether it held, what was expected and what came."""

    rule: str
    name: str
    passed: bool
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    fires: bool
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadThresholdExample:
    """An example read once, with its first tokens, so that it can be run under several versions of its rule."""

    example: ThresholdExample
    place: tuple[str | int, ...]
    document: Document
    day: int
    tokens: tuple[Token, ...]
    problems: tuple[Diagnostic, ...]


def run_threshold_examples(rule: Threshold, document: Document, book: ThresholdBook, on: Reasoners) -> list[ThresholdOutcome]:
    """Every example of one edition of a threshold rule, run against the whole rule set."""
    return [run_threshold_example(read, rule.id, book, on(read.day)) for read in read_threshold_examples(rule, document, book, on)]


def read_threshold_examples(rule: Threshold, document: Document, book: ThresholdBook, on: Reasoners) -> list[ReadThresholdExample]:
    """The examples of one edition as tokens, with the mistakes found in them."""
    return [_read(i, rule, example, document, book, on) for i, example in enumerate(rule.spec.examples)]


def _read(
    i: int, rule: Threshold, example: ThresholdExample, document: Document, book: ThresholdBook, on: Reasoners
) -> ReadThresholdExample:
    place = ("examples", i)
    problems = [*_names(example, place, document, book)]
    tokens: Sequence[Token] = ()
    day = rule.first_day
    try:
        day = parse_moment(example.as_of).day
    except ValueError as error:
        problems.append(document.diagnostic((*place, "as_of"), "date", str(error)))
    if not rule.first_day <= day <= rule.last_day:
        message = f"`{rule.id}` is not in force on the day of example `{example.name}`"
        problems.append(document.diagnostic((*place, "as_of"), "not_in_force", message, "give the example an `as_of` within `effective`"))
    data = {"case": "example", "child": example.child, "events": example.events, "facts": example.facts}
    try:
        case = case_from(data, document, book.book, problems, place, lambda: book)
    except InputError as error:
        problems.extend(error.diagnostics)
    if not problems:
        flags = [(flag["rule"], flag["status"]) for flag in example.flags]
        reasoner = on(day)
        question = question_of("example", case.facts, case.log, 0, book, day, flags)
        tokens = reasoner.tokens(question, reasoner.indicators(question))
    return ReadThresholdExample(example, place, document, day, tuple(tokens), tuple(problems))


def _names(example: ThresholdExample, place: tuple[str | int, ...], document: Document, book: ThresholdBook) -> Iterator[Diagnostic]:
    """The names in an example that do not exist: pathways, and the flags of timescale rules."""
    for i, pathway in enumerate(example.pathways or []):
        if pathway not in book.pathways:
            help = did_you_mean(pathway, book.pathways) or "pathways.yaml lists them"
            yield document.diagnostic((*place, "pathways", i), "unknown_pathway", f"unknown pathway `{pathway}`", help)
    for i, flag in enumerate(example.flags):
        at = (*place, "flags", i)
        if set(flag) != {"rule", "status"}:
            yield document.diagnostic(at, "shape", "expected a flag with `rule` and `status`", "such as {rule: cp_visit, status: overdue}")
            continue
        if not book.book.named(flag["rule"]):
            help = did_you_mean(flag["rule"], [r.id for r in book.book.rules])
            yield document.diagnostic((*at, "rule"), "unknown_timescale_rule", f"unknown timescale rule `{flag['rule']}`", help)
        if flag["status"] not in STATUS_WORDS:
            help = did_you_mean(flag["status"], STATUS_WORDS) or f"it may be {', '.join(STATUS_WORDS)}"
            yield document.diagnostic((*at, "status"), "unknown_value", f"`{flag['status']}` is not a status of a flag", help)


def run_threshold_example(read: ReadThresholdExample, rule_id: str, book: ThresholdBook, reasoner: Reasoner) -> ThresholdOutcome:
    """One example under the rules of its day."""
    example = read.example
    if read.problems:
        return ThresholdOutcome(rule_id, example.name, False, (), (), read.problems, False)
    chained = reasoner.chainer.run(read.tokens)
    fired, came = result(chained, rule_id, reasoner.plan, book)
    wrong = differences(example, fired, came)
    problems = tuple(
        read.document.diagnostic((*read.place, key), "example_failed", f"`{rule_id}`, example `{example.name}`: {text}")
        for key, text in wrong
    )
    expected = [_fires(example.fires)]
    actual = [_fires(fired)]
    if example.level is not None:
        expected.append(f"level={example.level}")
        actual.append(f"level={came.level}")
    if example.pathways is not None:
        expected.append(f"pathways={', '.join(example.pathways)}")
        actual.append(f"pathways={', '.join(came.pathways)}")
    return ThresholdOutcome(rule_id, example.name, not problems, tuple(expected), tuple(actual), problems, fired)


def result(chained: Chained, rule_id: str, plan: Plan, book: ThresholdBook) -> tuple[bool, Outcome]:
    """Whether a rule fired, and what the whole rule set makes of the case."""
    return any(fired == rule_id for fired, _ in chained.firings), outcome(chained, plan, book)


def differences(example: ThresholdExample, fired: bool, came: Outcome) -> list[tuple[str, str]]:
    """What an example states and did not get: the key that states it, and what is wrong in words."""
    found = []
    if fired != example.fires:
        found.append(("fires", f"expected that the rule {_fires(example.fires)}, and it {_fires(fired)}"))
    if example.level is not None and came.level != example.level:
        found.append(("level", f"expected level `{example.level}` and got `{came.level}`"))
    if example.pathways is not None and tuple(example.pathways) != came.pathways:
        found.append(("pathways", f"expected {_ids(example.pathways)} and got {_ids(came.pathways)}"))
    return found


def _fires(fires: bool) -> str:
    return "fires" if fires else "does not fire"


def _ids(pathways: Sequence[str]) -> str:
    return ", ".join(f"`{p}`" for p in pathways) or "no pathway"
