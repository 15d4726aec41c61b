"""Run the examples written inside rules: each is a small case with the flags it must give."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rrt_engine.calendar import Moment, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.explain.flags import Explained, Explainer
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.schema import Example, ExpectedFlag
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.sources.case_file import Case, case_from
from rrt_engine.timescales.duties import Run
from rrt_engine.timescales.evaluate import begun, evaluate_rules


@dataclass(frozen=True)
class Outcome:
    """One example run: whether it held, what was expected and what came. `spans` has each flag's start and due day."""

    rule: str
    name: str
    passed: bool
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    flags: tuple[Explained, ...]
    shows: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class ReadExample:
    """An example read once, so that it can be run under several versions of its rule."""

    example: Example
    place: tuple[str | int, ...]
    document: Document
    case: Case | None
    as_of: Moment
    problems: tuple[Diagnostic, ...]


def run_examples(rule: Rule, document: Document, book: RuleBook) -> list[Outcome]:
    """Every example of one edition of a rule, run against all the editions of that rule."""
    chosen = book.only(rule.id)
    return [run_example(read, rule.id, chosen) for read in read_examples(rule, document, book)]


def read_examples(rule: Rule, document: Document, book: RuleBook) -> list[ReadExample]:
    """The examples of one edition of a rule as cases, with the mistakes found in them."""
    return [_read(i, example, document, book) for i, example in enumerate(rule.spec.examples)]


def _read(i: int, example: Example, document: Document, book: RuleBook) -> ReadExample:
    place = ("examples", i)
    data = {"case": "example", "child": example.child, "covers": example.covers or None, "events": example.events}
    unknown = [p for p in example.parameters if p not in book.parameters]
    problems = [
        document.diagnostic(
            (*place, "parameters", p), "unknown_local_value", f"unknown local value `{p}`", did_you_mean(p, book.parameters)
        )
        for p in unknown
    ]
    case, as_of = None, Moment(0)
    try:
        case = case_from(data, document, book, problems, place)
        as_of = parse_moment(example.as_of)
    except InputError as error:
        problems.extend(error.diagnostics)
    except ValueError as error:
        problems.append(document.diagnostic((*place, "as_of"), "date", str(error)))
    return ReadExample(example, place, document, case, as_of, tuple(problems))


def begin(read: ReadExample, book: RuleBook) -> Run | None:
    """The evaluation of an example before its rule is looked at; None where the example cannot be read."""
    if read.case is None or read.problems:
        return None
    return begun(read.case.log, book.with_parameters(read.example.parameters), read.as_of)[0]


def run_example(read: ReadExample, rule_id: str, book: RuleBook, run: Run | None = None, working: bool = True) -> Outcome:
    """One example under a book that holds the editions of its rule and nothing else.

    `run` is its evaluation begun under the same local values and another edition of the rule, which saves what the rules do
    not change. Without `working` the flags carry no sentences.
    """
    example, problems = read.example, list(read.problems)
    flags: tuple[Explained, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    if read.case is not None and not problems:
        try:
            log, chosen = read.case.log, book.with_parameters(example.parameters)
            run = begun(log, chosen, read.as_of)[0] if run is None else replace(run, book=chosen, derived=[])
            found = evaluate_rules(run).flags
            explainer = Explainer(log, chosen, found, run.as_of_day, run.as_of_instant)
            explained = sorted(((explainer.explain(n, working), n) for n in range(len(found))), key=lambda e: e[0].trigger["at"])
            flags = tuple(e for e, _ in explained)
            spans = tuple((int(found.start[n]), int(found.due[n])) for _, n in explained)
        except ValueError as error:
            problems.append(read.document.diagnostic(read.place, "example", str(error)))
    wrong = [] if problems else _differences(example.flags, flags, book)
    expected = tuple(_wanted_text(w) for w in example.flags)
    actual = tuple(_came_text(f) for f in flags)
    for text in wrong:
        problems.append(read.document.diagnostic(read.place, "example_failed", f"`{rule_id}`, example `{example.name}`: {text}"))
    return Outcome(rule_id, example.name, not problems, expected, actual, tuple(problems), flags, tuple(example.shows), spans)


def _differences(wanted: list[ExpectedFlag], came: tuple[Explained, ...], book: RuleBook) -> list[str]:
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
        words = None if want.missing is None else book.attributes.get(want.missing, want.missing)
        if words is not None and not any(words in m for m in got.missing):
            result.append(f"expected `{want.missing}` to be said missing and got {got.missing}")
    return result


def _wanted_text(flag: ExpectedFlag) -> str:
    return " ".join(f"{k}={v}" for k, v in flag.model_dump(exclude_none=True).items())


def _came_text(flag: Explained) -> str:
    answer = f" answer={flag.answer['at']}" if flag.answer else ""
    late = f" late_by={flag.late_by}" if flag.late_by else ""
    return f"status={flag.status} due={flag.due} trigger={flag.trigger['at']}{answer}{late}"
