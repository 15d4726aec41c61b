"""Replay sources: read each, evaluate every timeline in it, and count what was found, rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rrt_engine.calendar import NO_INSTANT, Moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.explain.flags import Explainer
from rrt_engine.model import CANNOT_TELL, REASONS, STATUSES, EventLog
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.sources.detect import read_source, sources_in
from rrt_engine.sources.fact_names import beside, is_facts
from rrt_engine.sources.reading import Reading
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.timescales.evaluate import Result, evaluate


@dataclass(frozen=True)
class SourceRun:
    """One source, read and evaluated. `path` is its name, or its path where two sources have the same name; `file` where it is."""

    path: str
    reading: Reading
    result: Result
    explainer: Explainer
    file: Path

    @property
    def log(self) -> EventLog:
        """The timelines as they were evaluated."""
        return self.reading.log


@dataclass(frozen=True)
class Refused:
    """A source that could not be read at all, and why."""

    path: str
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class RuleLine:
    """What one rule found: a row of the per-rule table.

    `started` counts every duty; the eight statuses add up to it. `basis` is `history` where every step is in the
    source, `now` where the source holds only latest dates (so it says who is overdue today, never how often it was on
    time), and `count` for a pattern without a time limit. `on_time` of `judged` gives the share: met out of met, late,
    early and overdue for a history; not overdue out of all that are running for `now`. A rule has a line for each basis
    where some sources hold the history and others only the latest dates: the two are never added together.
    """

    rule: str
    title: str
    service: str
    authority: str
    verified: str
    basis: str
    started: int
    statuses: dict[str, int]
    cannot_tell_because: dict[str, int]
    on_time: int
    judged: int

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1; None where nothing can be judged."""
        return self.on_time / self.judged if self.judged else None


@dataclass(frozen=True)
class Replay:
    """Everything a replay found, over all its sources. `tables` are tables of facts that stand alone, without timelines."""

    book: RuleBook
    as_of: Moment
    sources: tuple[SourceRun, ...]
    refused: tuple[Refused, ...] = ()
    tables: tuple[Path, ...] = ()

    def lines(self) -> list[RuleLine]:
        """The per-rule table, in the order of the rule book; rules that nothing started are left out."""
        return [line for editions in self._editions() for line in self._lines(editions)]

    def not_evaluable(self) -> dict[str, tuple[str, ...]]:
        """Rules that no source can support, with the event kinds they lack; each rule once."""
        lacking = [{n.rule: n.missing for n in s.result.not_evaluable} for s in self.sources]
        return {rule: kinds for rule, kinds in (lacking[0] if lacking else {}).items() if all(rule in other for other in lacking)}

    def partly_evaluable(self) -> dict[str, list[str]]:
        """Rules that some sources can support and others cannot: the sources that cannot."""
        never = self.not_evaluable()
        found: dict[str, list[str]] = {}
        for source in self.sources:
            for n in source.result.not_evaluable:
                if n.rule not in never:
                    found.setdefault(n.rule, []).append(source.path)
        return found

    def never_answered(self) -> dict[str, tuple[str, ...]]:
        """Rules with duties not done whose answering events occur nowhere in a source that may simply not hold them."""
        found: dict[str, tuple[str, ...]] = {}
        for source in self.sources:
            if source.reading.log.coverage.kinds is not None or source.reading.format == "case":
                continue
            present = set(source.reading.log.kinds)
            indexes = set(np.unique(source.result.flags.rule).tolist())
            for index in sorted(indexes):
                expect = self.book.rules[index].spec.expect
                if expect and not present & set(expect.event):
                    found[self.book.rules[index].id] = tuple(expect.event)
        return found

    def needs_attention(self) -> bool:
        """Whether anything is overdue, late or too early."""
        wanted = [STATUSES.index(s) for s in ("overdue", "late", "early")]
        return any(bool(np.isin(s.result.flags.status, wanted).any()) for s in self.sources)

    def _editions(self) -> list[list[int]]:
        """The indexes of each rule's editions, in the order of the rule book."""
        by_id: dict[str, list[int]] = {}
        for index, rule in enumerate(self.book.rules):
            by_id.setdefault(rule.id, []).append(index)
        return list(by_id.values())

    def _lines(self, editions: list[int]) -> Iterator[RuleLine]:
        """What one rule found: a line for the sources with a history, and one for those with the latest dates only."""
        rule = self.book.rules[editions[-1]]
        by_basis: dict[str, list[SourceRun]] = {"count" if rule.spec.expect is None else "history": [], "now": []}
        for source in self.sources:
            by_basis["now" if _only_latest(source, rule) else next(iter(by_basis))].append(source)
        for basis, sources in by_basis.items():
            line = _line(rule, editions, basis, sources)
            if line.started:
                yield line


def _line(rule: Rule, editions: list[int], basis: str, sources: Sequence[SourceRun]) -> RuleLine:
    statuses, because = np.zeros(len(STATUSES), np.int64), np.zeros(len(REASONS), np.int64)
    for source in sources:
        flags = source.result.flags
        for edition in editions:
            part = slice(*np.searchsorted(flags.rule, [edition, edition + 1]))
            statuses += np.bincount(flags.status[part], minlength=len(STATUSES))
            because += np.bincount(flags.reason[part][flags.status[part] == CANNOT_TELL], minlength=len(REASONS))
    counts: dict[str, int] = {name: int(n) for name, n in zip(STATUSES, statuses, strict=True)}
    spec = rule.spec
    return RuleLine(
        rule.id,
        spec.title,
        spec.service,
        spec.authority,
        spec.verified,
        basis,
        int(statuses.sum()),
        counts,
        {name: int(n) for name, n in zip(REASONS, because, strict=True) if n},
        *_judged(basis, counts),
    )


def _judged(basis: str, counts: dict[str, int]) -> tuple[int, int]:
    if basis == "count":
        return 0, 0
    if basis == "now":
        running = counts["due"] + counts["due_soon"]
        return running, running + counts["overdue"]
    return counts["met"], counts["met"] + counts["late"] + counts["early"] + counts["overdue"]


def _only_latest(source: SourceRun, rule: Rule) -> bool:
    """Whether a source holds only the latest date of the events that answer a rule."""
    log, expect = source.reading.log, rule.spec.expect
    if expect is None:
        return False
    if log.coverage.latest & set(expect.event):
        return True
    if log.latest_only is None:
        return False
    codes = [i for i, kind in enumerate(log.kinds) if kind in expect.event]
    return bool(log.latest_only.all() or (np.isin(log.kind, codes) & log.latest_only).any())


def replay(
    paths: Sequence[Path],
    book: RuleBook,
    as_of: Moment,
    as_known: int | None = None,
    notice: Callable[[str], None] = lambda _: None,
    facts: bool = False,
) -> Replay:
    """Read and evaluate every source named, or found in the folders named, one at a time.

    `notice` is told which source is being read, for progress. A source that cannot be read is named with the reason, and
    the others are replayed; raises InputError, with everything that is wrong, when none can be read. With `facts`, tables of
    facts that stand alone are named in the result, for an audit to read.
    """
    runs: list[SourceRun] = []
    refused: list[Refused] = []
    found = _found(paths, refused, facts)
    alone = [path for path in found if facts and is_facts(path)]
    found = [path for path in found if path not in alone]
    read_beside = {beside(path, "facts") for path in found}
    tables = tuple(path for path in alone if path not in read_beside)
    names = [path.name for path in found]
    for path in found:
        name = path.name if names.count(path.name) == 1 else path.as_posix()
        notice(path.name)
        try:
            runs.append(_run(path, name, book, as_of, as_known))
        except InputError as error:
            refused.append(Refused(name, error.diagnostics))
    if not runs and not tables:
        raise InputError([d for each in refused for d in each.diagnostics])
    return Replay(book, as_of, tuple(runs), tuple(refused), tables)


def _found(paths: Sequence[Path], refused: list[Refused], facts: bool) -> list[Path]:
    """The sources that the paths name, each once however often it is named."""
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            for source in sources_in(path, facts):
                found.setdefault(source.resolve(), source)
        except InputError as error:
            refused.append(Refused(path.as_posix(), error.diagnostics))
    return list(found.values())


def _run(path: Path, name: str, book: RuleBook, as_of: Moment, as_known: int | None) -> SourceRun:
    reading = read_source(path, book)
    result = evaluate(reading.log, book, as_of, as_known)
    instant = as_of.instant if as_of.instant != NO_INSTANT else end_of_day(as_of.day)
    return SourceRun(name, reading, result, Explainer(reading.log, book, result.flags, as_of.day, instant), path)
