"""What an event log covers, as the file beside it says: from when, which kinds of event, and of which only the latest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.model import Coverage
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.strict_yaml import Document, single
from rrt_engine.sources.event_log_columns import brief
from rrt_engine.sources.event_log_files import refused

_HELP = (
    "`from` and `to` are dates, `kind` history or snapshot, `events` and `latest` lists; `since` and `until` date an event, and "
    "`whole` lists the answers to an event"
)


def covers_beside(path: Path) -> Document | None:
    """The file beside an event log that says what the log covers, as it was written; None where there is none. Raises InputError."""
    for name in (f"{path.name}.covers.yaml", f"{path.stem}.covers.yaml"):
        beside = path.with_name(name)
        if beside.is_file():
            try:
                return single(str(beside), beside.read_text(encoding="utf-8-sig"))
            except (OSError, UnicodeDecodeError):
                raise refused(str(beside), "unreadable", "cannot read the file as UTF-8 text") from None
    return None


def coverage_beside(path: Path, book: RuleBook, given: Mapping[str, Any] | None = None) -> tuple[Coverage, bool]:
    """What a log covers, as the file beside it says, and whether it holds only the latest event of each kind."""
    document: Document | None = None
    file = str(path)
    if given is None and (document := covers_beside(path)) is not None:
        file, given = document.file, document.data
    if given is None:
        return Coverage(), False
    if not isinstance(given, Mapping):
        raise refused(file, "shape", "expected `from`, `kind` and `events`", "such as {from: 2025-01-01, kind: history}", 1)
    problems: list[Diagnostic] = []

    def problem(key: str, message: str, help: str = "") -> None:
        found = document.diagnostic((key,), "covers", message, help) if document else Diagnostic(file, 0, 0, "covers", message, help=help)
        problems.append(found)

    def named(key: str, words: Iterable[Any]) -> dict[str, str]:
        """The kinds of event that are named, by their own names."""
        kinds = {str(word): book.kind_named(str(word)) for word in words}
        for word in (w for w, kind in kinds.items() if kind is None):
            problem(key, f"unknown event `{word}`", did_you_mean(word, book.events))
        return {word: kind for word, kind in kinds.items() if kind is not None}

    def day(key: str, value: Any) -> int | None:
        try:
            return parse_moment(value).day
        except ValueError as error:
            problem(key, str(error) if "`" in str(error) else f"`{value}` is not a day in the calendar")
            return None

    kinds: frozenset[str] | None = None
    latest: frozenset[str] = frozenset()
    since: dict[str, int] = {}
    until: dict[str, int] = {}
    whole: set[tuple[str, str]] = set()
    for key, value in given.items():
        if key == "from":
            if (first := day("from", value)) is not None:
                since[""] = first
        elif key == "to":
            if (last := day("to", value)) is not None:
                until[""] = last
        elif key == "kind" and value in ("history", "snapshot"):
            continue
        elif key == "events" and isinstance(value, list):
            kinds = frozenset(named("events", value).values())
        elif key == "latest" and isinstance(value, list):
            latest = frozenset(named("latest", value).values())
        elif key == "whole" and isinstance(value, Mapping) and all(isinstance(answers, list) for answers in value.values()):
            for word, started in named("whole", value).items():
                whole.update((started, answer) for answer in named("whole", value[word]).values())
        elif key == "since" and isinstance(value, Mapping):
            for word, kind in named("since", value).items():
                if (first := day("since", value[word])) is not None:
                    since[kind] = first
        elif key == "until" and isinstance(value, Mapping):
            for word, kind in named("until", value).items():
                if (last := day("until", value[word])) is not None:
                    until[kind] = last
        else:
            problem(str(key), f"`{key}: {brief(value)}` is not something a log can cover", _HELP)
    if problems:
        raise InputError(problems)
    return Coverage(kinds, since, latest, until, frozenset(whole)), given.get("kind") == "snapshot"
