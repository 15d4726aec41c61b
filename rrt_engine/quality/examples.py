"""Run the examples written inside checks: the good one must find nothing, the bad one exactly what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.quality.check import Checked, look_through
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.quality_schema import BadSample, Check, Sample
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.sources.case_file import case_from


@dataclass(frozen=True)
class Outcome:
    """One example run: what it should have found, what came, and the mistakes in it."""

    check: str
    which: Literal["good", "bad"]
    wanted: list[list[int]]
    came: list[list[int]]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def passed(self) -> bool:
        """Whether it found what it should."""
        return not self.diagnostics and self.wanted == self.came


def run_examples(checks: tuple[Check, ...], document: Document, book: RuleBook) -> list[Outcome]:
    """Both examples of every check."""
    return [run_example(check, which, i, document, book) for i, check in enumerate(checks) for which in ("good", "bad")]


def run_example(check: Check, which: Literal["good", "bad"], place: int, document: Document, book: RuleBook) -> Outcome:
    """One example of one check. Events are named by their place in the example's list, from 1."""
    sample: Sample = check.good if which == "good" else check.bad
    wanted = sample.finds if isinstance(sample, BadSample) else []
    problems: list[Diagnostic] = []
    path = ("checks", place, which)
    came: list[list[int]] = []
    try:
        case = case_from({"case": "example", "child": sample.child, "events": sample.events}, document, book, problems, path)
        as_of = parse_moment(sample.as_of)
        if not problems:
            (checked,) = look_through(case.log, [check], book, as_of.day, sample.year)
            lines = [document.position((*path, "events", i))[0] for i in range(len(sample.events))]
            came = _places(checked, case.log.origin_row, lines)
            if checked.why_not:
                problems.append(document.diagnostic(path, "not_applied", f"`{check.id}` cannot be applied: {checked.why_not}"))
    except InputError as error:
        problems.extend(error.diagnostics)
    if not problems and came != wanted:
        problems.append(document.diagnostic(path, "example_failed", f"`{check.id}`, {which}: expected {wanted} and got {came}"))
    return Outcome(check.id, which, wanted, came, tuple(problems))


def _places(checked: Checked, origin_row: object, lines: list[int]) -> list[list[int]]:
    """Each finding as the places of its events in the example."""
    import numpy as np

    if checked.findings is None:
        return []
    rows = np.asarray(origin_row)

    def place(row: int) -> int:
        return lines.index(int(rows[row])) + 1 if row >= 0 else 0

    pairs = zip(checked.findings.row.tolist(), checked.findings.other.tolist(), strict=True)
    return sorted([place(row), place(other)] for row, other in pairs)
