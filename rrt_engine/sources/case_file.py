"""Read one child's case from a YAML file: the shape of training cases, examples in rules and hand-made checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.model import Author, Coverage, EventLog, Fact, Step
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.strict_yaml import Document, single
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.builder import LogBuilder, typed
from rrt_engine.sources.facts import fact_from

_TOP = ("case", "title", "story", "child", "covers", "events", "facts", "steps", "author")
_EVENT = ("event", "at", "ref", "recorded_at")


@dataclass(frozen=True)
class Case:
    """One child's case: its timeline as an event log with one child, and the facts recorded.

    `facts` are those known from the start; a training case may add others in its `steps`.
    """

    id: str
    log: EventLog
    title: str = ""
    story: str = ""
    facts: tuple[Fact, ...] = ()
    steps: tuple[Step, ...] = ()
    author: Author | None = None

    def every_fact(self) -> tuple[Fact, ...]:
        """The facts known from the start and those each step adds, told on its day; a step without one has that of the step before."""
        facts, day = list(self.facts), NO_DAY
        for step in self.steps:
            day = step.at if step.at != NO_DAY else day
            facts += (replace(fact, told=day) for fact in step.facts)
        return tuple(facts)


Thresholds = Callable[[], ThresholdBook]


def read_case(path: Path | str, book: RuleBook, text: str | None = None, thresholds: Thresholds | None = None) -> Case:
    """Read a case file. Raises InputError with every mistake, each at its line and column.

    Facts are read and checked where `thresholds` gives the vocabulary; it is asked for only where the case has some.
    """
    name = str(path)
    if text is None:
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise InputError([Diagnostic(name, 0, 0, "encoding", "the file is not UTF-8 text", "error", "", "save it as UTF-8")]) from None
        except OSError as error:
            raise InputError([Diagnostic(name, 0, 0, "unreadable", f"cannot read the file: {error.strerror}")]) from None
    problems: list[Diagnostic] = []
    document = single(name, text, problems)
    if not isinstance(document.data, dict):
        raise InputError(
            [
                Diagnostic(
                    name,
                    1,
                    1,
                    "shape",
                    "expected a case with `case`, `child` and `events`",
                    "error",
                    "",
                    "see cases/README.md for the shape",
                )
            ]
        )
    said = {(p.line, _value_in(p)) for p in problems}
    found: list[Diagnostic] = []
    case = case_from(document.data, document, book, found, thresholds=thresholds)
    problems.extend(p for p in found if (p.line, _value_in(p)) not in said)
    if problems:
        raise InputError(sorted(problems))
    return case


def _value_in(problem: Diagnostic) -> str:
    """The value a diagnostic is about: what it quotes first."""
    return problem.message.partition("`")[2].partition("`")[0]


def case_from(
    data: Mapping[str, Any],
    document: Document,
    book: RuleBook,
    problems: list[Diagnostic],
    prefix: tuple[str | int, ...] = (),
    thresholds: Thresholds | None = None,
) -> Case:
    """A case from data already read; mistakes are added to `problems` at their place in the document."""

    def problem(path: tuple[str | int, ...], code: str, message: str, help: str = "") -> None:
        problems.append(document.diagnostic((*prefix, *path), code, message, help))

    if not prefix:
        for key in data:
            if key not in _TOP:
                problem((key,), "unknown_key", f"unknown key `{key}`", did_you_mean(key, _TOP) or f"a case may have {', '.join(_TOP)}")
    case_id = str(data.get("case", "case"))
    builder = LogBuilder(book.events)
    builder.origin(document.file)
    child = data.get("child") or {}
    days = {"date_of_birth": NO_DAY, "expected_date_of_birth": NO_DAY}
    if not isinstance(child, dict):
        problem(("child",), "shape", "expected `date_of_birth` or `expected_date_of_birth`")
        child = {}
    for key, value in child.items():
        if key not in days:
            problem(
                ("child", key),
                "unknown_key",
                f"unknown key `{key}`",
                did_you_mean(key, days) or "a child has `date_of_birth` or `expected_date_of_birth`",
            )
            continue
        try:
            days[key] = parse_moment(value).day
        except ValueError as error:
            problem(("child", key), "date", str(error))
    builder.child(case_id, days["date_of_birth"], days["expected_date_of_birth"])
    events = data.get("events")
    if events is None:
        events = []
    if not isinstance(events, list):
        problem(("events",), "shape", "expected a list of events")
        events = []
    for i, event in enumerate(events):
        if not isinstance(event, dict) or "event" not in event or "at" not in event:
            problem(("events", i), "shape", "expected an event with `event` and `at`", "such as {event: referral_received, at: 2026-03-02}")
            continue
        _add_event(event, i, case_id, book, builder, problem, document, prefix)
    facts, steps, author = _facts_and_steps(data, document, problem, prefix, thresholds)
    covers = data.get("covers")
    log = builder.build(_coverage(covers, book, problem))
    if isinstance(covers, dict) and covers.get("kind") == "snapshot":  # only the latest date of each kind is held
        log = replace(log, latest_only=np.ones(len(log), np.bool_))
    return Case(
        case_id,
        log,
        str(data.get("title") or ""),
        str(data.get("story") or ""),
        facts,
        steps,
        author,
    )


def _facts_and_steps(
    data: Mapping[str, Any], document: Document, problem: Any, prefix: tuple[str | int, ...], thresholds: Thresholds | None
) -> tuple[tuple[Fact, ...], tuple[Step, ...], Author | None]:
    """The facts of a case, the steps of a training case with those they add, and its author's view."""
    if thresholds is None or not any(data.get(key) for key in ("facts", "steps", "author")):
        return (), (), None
    book = thresholds()

    def facts_at(given: Any, place: tuple[str | int, ...]) -> tuple[Fact, ...]:
        if given is not None and not isinstance(given, list):
            problem(place, "shape", "expected a list of facts", "each on its own line: - {fact: da_current, value: present}")
            return ()
        read = (fact_from(f, (*place, i), book, problem, document.position((*prefix, *place, i))[0]) for i, f in enumerate(given or []))
        return tuple(fact for fact in read if fact is not None)

    steps = []
    written = data.get("steps") or []
    if not isinstance(written, list):
        problem(("steps",), "shape", "expected a list of steps, each with `tell`")
        written = []
    for i, step in enumerate(written):
        place = ("steps", i)
        if not isinstance(step, dict) or not step.get("tell"):
            problem(place, "shape", "expected a step with `tell`, and `at`, `facts` and `ask` where it has them")
            continue
        for key in step:
            if key not in _STEP:
                problem(
                    (*place, key), "unknown_key", f"unknown key `{key}`", did_you_mean(key, _STEP) or f"a step may have {', '.join(_STEP)}"
                )
        day = NO_DAY
        try:
            day = parse_moment(step["at"]).day if step.get("at") is not None else NO_DAY
        except ValueError as error:
            problem((*place, "at"), "date", str(error))
        steps.append(Step(day, str(step["tell"]), facts_at(step.get("facts"), (*place, "facts")), str(step.get("ask") or "")))
    return facts_at(data.get("facts"), ("facts",)), tuple(steps), _author(data.get("author"), book, problem)


_STEP = ("at", "tell", "facts", "ask")
_AUTHOR = ("level", "pathways", "because", "learn")


def _author(given: Any, book: ThresholdBook, problem: Any) -> Author | None:
    if given is None:
        return None
    pathways = given.get("pathways") or [] if isinstance(given, dict) else None
    right = isinstance(pathways, list) and isinstance(given.get("level"), int) and given.get("level") in book.levels
    if not isinstance(given, dict) or not isinstance(pathways, list) or not right or not given.get("because"):
        problem(("author",), "shape", "expected the author's view: `level` (1 to 4), `pathways`, `because`, and `learn`")
        return None
    for key in given:
        if key not in _AUTHOR:
            problem(("author", key), "unknown_key", f"unknown key `{key}`", did_you_mean(key, _AUTHOR) or "see cases/README.md")
    for name in map(str, pathways):
        if name not in book.pathways:
            problem(("author", "pathways"), "unknown_pathway", f"unknown pathway `{name}`", did_you_mean(str(name), book.pathways))
    return Author(int(given["level"]), tuple(map(str, pathways)), str(given["because"]), str(given.get("learn") or ""))


def _add_event(
    event: dict[str, Any],
    i: int,
    case_id: str,
    book: RuleBook,
    builder: LogBuilder,
    problem: Any,
    document: Document,
    prefix: tuple[str | int, ...],
) -> None:
    written = str(event["event"])
    kind = book.kind_named(written)
    if kind is None:
        known = [*book.events, *(a for e in book.events.values() for a in e.accepts)]
        problem(
            ("events", i, "event"),
            "unknown_event",
            f"unknown event `{written}`",
            did_you_mean(written, known) or "rules/events.yaml lists the events",
        )
        return
    moment, recorded = None, NO_DAY
    try:
        moment = parse_moment(event["at"])
    except ValueError as error:
        problem(("events", i, "at"), "date", str(error))
    if event.get("recorded_at") is not None:
        try:
            recorded = parse_moment(event["recorded_at"]).day
        except ValueError as error:
            problem(("events", i, "recorded_at"), "date", str(error))
    attributes = {}
    kinds = book.events[kind].attrs
    for name, value in event.items():
        if name in _EVENT or value is None:
            continue
        if isinstance(value, (list, dict)):
            problem(("events", i, name), "value", f"`{name}` must be a single value")
            continue
        try:
            attributes[name] = typed(value, kinds.get(name))
        except ValueError as error:
            problem(("events", i, name), "value", f"`{value}` cannot be recorded for `{name}`: {error}")
    if moment is None:
        return
    line, _ = document.position((*prefix, "events", i))
    builder.add(
        case_id,
        kind,
        moment,
        ref=None if event.get("ref") is None else str(event["ref"]),
        attributes=attributes,
        recorded=recorded,
        row=line,
    )


def _coverage(covers: Any, book: RuleBook, problem: Any) -> Coverage:
    """What the case says it covers: from which day, which kinds of event."""
    if covers is None:
        return Coverage()
    if not isinstance(covers, dict):
        problem(("covers",), "shape", "expected `from` and `kind`, such as {from: 2025-01-01, kind: history}")
        return Coverage()
    kinds: frozenset[str] | None = None
    since: dict[str, int] = {}
    until: dict[str, int] = {}
    for key, value in covers.items():
        if key in ("from", "to"):
            try:
                (since if key == "from" else until)[""] = parse_moment(value).day
            except ValueError as error:
                problem(("covers", key), "date", str(error))
        elif key == "events" and isinstance(value, list):
            unknown = [k for k in value if not isinstance(k, str) or k not in book.events]
            for k in unknown:
                problem(("covers", "events"), "unknown_event", f"unknown event `{k}`", did_you_mean(str(k), book.events))
            kinds = frozenset(map(str, value))
        elif key == "kind" and value in ("history", "snapshot"):
            continue
        else:
            problem(
                ("covers", key),
                "covers",
                f"`{key}: {value}` is not something a case can cover",
                "it may have `from`, `to`, `kind` (history or snapshot) and `events`",
            )
    return Coverage(kinds, since, until=until)
