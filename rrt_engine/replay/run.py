"""Replay sources: read each, evaluate every timeline in it, and count what was found, rule by rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.explain.flags import Explainer
from rrt_engine.model import CANNOT_TELL, OVERDUE, REASONS, STATUSES, Bools, EventLog, Int8s, Int64s
from rrt_engine.replay.flag_rows import BASES, Whole, basis_of
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.sources.detect import beside_what_is_read, is_url, read_source, run_as_known, short_name, sources_in
from rrt_engine.sources.fact_names import beside, is_facts
from rrt_engine.sources.merge import Group, Merging, Named, merged
from rrt_engine.sources.reading import Reading
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.timescales.evaluate import Result, evaluate


@dataclass(frozen=True)
class SourceRead:
    """One source as read. `path` is its name, or its path where two have the same name; `file` where it is, None for a database."""

    path: str
    reading: Reading
    file: Path | None


@dataclass(frozen=True)
class Read:
    """All sources as read, and put together. `tables` are tables of facts that stand alone, without timelines. `known` are the runs among
    the sources that counted only what had been recorded by a day, each with the day: their events were read, whenever recorded.
    """

    sources: tuple[SourceRead, ...]
    merging: Merging
    refused: tuple[Refused, ...] = ()
    tables: tuple[Path, ...] = ()
    known: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class SourceRun:
    """The children that one source knows, or that several know together, as one log that was evaluated.

    `path` is the source's name (its path where two have the same name), or several names with ` + ` between them; `file` is
    where it is, None for several sources or a database; `members` are the sources as read. Where this is one whole source,
    `reading` is that source's; otherwise it holds the log and no records, which are counted once, in `members`.
    """

    path: str
    reading: Reading
    result: Result
    explainer: Explainer
    file: Path | None
    members: tuple[SourceRead, ...] = ()

    @property
    def log(self) -> EventLog:
        """The timelines as they were evaluated."""
        return self.reading.log

    @property
    def whole(self) -> Whole:
        """What is true of the log as a whole."""
        return Whole.of(self.log, len(self.members) > 1)


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
    early and overdue for a history; not overdue out of all that are running for `now`. `ended_since` of the overdue were never
    done and have ended since: they stay in the share of a history, and are not running. A rule has a line for each basis
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
    ended_since: int = 0

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1; None where nothing can be judged."""
        return self.on_time / self.judged if self.judged else None


@dataclass(frozen=True)
class Replay:
    """Everything a replay found, over all its sources.

    `sources` are the timelines as they were evaluated: a run for each set of sources that know the same children. `read` are
    the sources one by one, and `merging` says how they fit. `tables` are tables of facts that stand alone, without timelines.
    With `as_known`, a day number, only what had been recorded by it counts; `known` is as in `Read`.
    """

    book: RuleBook
    as_of: Moment
    sources: tuple[SourceRun, ...]
    refused: tuple[Refused, ...] = ()
    tables: tuple[Path, ...] = ()
    read: tuple[SourceRead, ...] = ()
    merging: Merging | None = None
    as_known: int | None = None
    known: tuple[tuple[str, int], ...] = ()

    def after_as_of(self, source: SourceRead) -> int:
        """How many events of one source are later than the as-of moment, and so not counted."""
        return int(np.count_nonzero(self._later(source.reading.log)))

    def recorded_later(self, source: SourceRead) -> int:
        """How many of the other events of one source were recorded after the as-known day, and so are not counted either."""
        log = source.reading.log
        return 0 if self.as_known is None else int(np.count_nonzero(~log.recorded_by(self.as_known) & ~self._later(log)))

    def days(self, *sources: SourceRead) -> Int64s:
        """The days of the events of some sources that are not later than the as-of moment."""
        logs = [source.reading.log for source in sources]
        return np.concatenate([np.zeros(0, np.int64), *(log.day[~self._later(log)] for log in logs)])

    def _later(self, log: EventLog) -> Bools:
        later = log.day > self.as_of.day
        if self.as_of.instant != NO_INSTANT and log.instant is not None:
            later |= (log.instant > self.as_of.instant) & (log.instant != NO_INSTANT)
        return later

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
            if source.reading.log.coverage.kinds is not None or all(m.reading.format == "case" for m in source.members):
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
        """What one rule found, a line for each basis."""
        rule = self.book.rules[editions[-1]]
        for code, basis in enumerate(BASES):
            statuses, because = np.zeros(len(STATUSES), np.int64), np.zeros(len(REASONS), np.int64)
            ended = 0
            for source, bases in zip(self.sources, self._bases, strict=True):
                flags = source.result.flags
                for edition in editions:
                    part = slice(*np.searchsorted(flags.rule, [edition, edition + 1]))
                    mine = bases[part] == code
                    status = flags.status[part][mine]
                    statuses += np.bincount(status, minlength=len(STATUSES))
                    because += np.bincount(flags.reason[part][mine][status == CANNOT_TELL], minlength=len(REASONS))
                    ended += int(np.count_nonzero((status == OVERDUE) & (flags.end[part][mine] >= 0)))
            if statuses.any():
                yield rule_line(rule, basis, statuses, because, ended)

    @cached_property
    def _bases(self) -> list[Int8s]:
        """For each source, on what each of its flags rests."""
        return [basis_of(s.result.flags, s.log, self.book.rules, s.whole) for s in self.sources]


def usual_last(days: Int64s) -> int:
    """The last day on which events happened about as they usually do; NO_DAY where there is none.

    A day with at least half of the daily mean of the year before the latest hundredth: a few events that were planned or mistyped
    do not make old data look new. Where there are few events, it is the day of the last.
    """
    if not len(days):
        return NO_DAY
    nearly = int(np.quantile(days, 0.99, method="lower"))
    year = days[(days <= nearly) & (days > nearly - 365)]
    found, counts = np.unique(days, return_counts=True)
    mean = len(year) / min(365, nearly - int(year.min()) + 1)
    return int(found[counts >= min(counts.max(), np.ceil(mean / 2))][-1])


def rule_line(rule: Rule, basis: str, statuses: Int64s, because: Int64s, ended: int = 0) -> RuleLine:
    """A row of the per-rule table from how many flags have each status and, of those that cannot be told, each reason.

    `ended` of the overdue have ended since.
    """
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
        *_judged(basis, counts, ended),
        ended,
    )


def _judged(basis: str, counts: dict[str, int], ended: int) -> tuple[int, int]:
    if basis == "count":
        return 0, 0
    if basis == "now":
        running = counts["due"] + counts["due_soon"]
        return running, running + counts["overdue"] - ended
    return counts["met"], counts["met"] + counts["late"] + counts["early"] + counts["overdue"]


def replay(
    sources: Sequence[str | Path],
    book: RuleBook,
    as_of: Moment,
    as_known: int | None = None,
    notice: Callable[[str], None] = lambda _: None,
    facts: bool = False,
) -> Replay:
    """Read and evaluate every source named, or found in the folders named. See `read_all` and `evaluated`."""
    return evaluated(read_all(sources, book, notice, facts), book, as_of, as_known)


def read_all(sources: Sequence[str | Path], book: RuleBook, notice: Callable[[str], None] = lambda _: None, facts: bool = False) -> Read:
    """Read every source named, or found in the folders named, one at a time. A source is a path, or the URL of a database.

    `notice` is told which source is being read, for progress. A source that cannot be read is named with the reason, and
    the others are read; raises InputError, with everything that is wrong, when none can be read. With `facts`, tables of
    facts that stand alone are named in the result, for an audit to read.
    """
    read: list[SourceRead] = []
    refused: list[Refused] = []
    found = _found(sources, refused, facts)
    paths = [each for each in found if isinstance(each, Path)]
    alone = [path for path in paths if facts and is_facts(path)]
    read_beside = {beside(path, "facts") for path in paths if path not in alone}
    tables = tuple(path for path in alone if path not in read_beside)
    chosen = [each for each in found if each not in alone]
    folders = {Path(each): said for each in sources if not is_url(str(each)) and (said := beside_what_is_read(Path(each)))}
    names = [short_name(each) for each in chosen]
    for source, short in zip(chosen, names, strict=True):
        name = short if names.count(short) == 1 or not isinstance(source, Path) else source.as_posix()
        notice(short)
        try:
            reading = read_source(source, book)
            if isinstance(source, Path) and (said := folders.pop(source, None) or folders.pop(source.parent, None)):
                reading = replace(reading, diagnostics=(said, *reading.diagnostics))
            read.append(SourceRead(name, reading, source if isinstance(source, Path) else None))
        except InputError as error:
            refused.append(Refused(name, error.diagnostics))
    if not read and not tables:
        raise InputError([*(d for each in refused for d in each.diagnostics), *folders.values()])
    if len(read) > 1:
        notice("matching the children of all sources")
    plain = [Path(each) for each in sources if not is_url(str(each))]
    known = tuple((each.name or str(each), day) for each in plain if (day := run_as_known(each)) is not None)
    return Read(tuple(read), merged([Named(each.path, each.reading) for each in read], book), tuple(refused), tables, known)


def evaluated(read: Read, book: RuleBook, as_of: Moment, as_known: int | None = None) -> Replay:
    """Evaluate every timeline of what was read."""
    runs = tuple(_run(read, group, book, as_of, as_known) for group in read.merging.groups)
    return Replay(book, as_of, runs, read.refused, read.tables, read.sources, read.merging, as_known, read.known)


def _found(sources: Sequence[str | Path], refused: list[Refused], facts: bool) -> list[str | Path]:
    """The sources that are named, each once however often it is named."""
    found: dict[str | Path, str | Path] = {}
    for named in sources:
        if isinstance(named, str) and is_url(named):
            found.setdefault(named, named)
            continue
        try:
            for source in sources_in(Path(named), facts):
                found.setdefault(source.resolve(), source)
        except InputError as error:
            refused.append(Refused(Path(named).as_posix(), error.diagnostics))
    return list(found.values())


def _run(read: Read, group: Group, book: RuleBook, as_of: Moment, as_known: int | None) -> SourceRun:
    """One group of children, evaluated."""
    members = tuple(read.sources[i] for i in group.members)
    log = group.log
    if group.whole:
        reading = members[0].reading
    else:
        reading = Reading(log, " + ".join(dict.fromkeys(m.reading.format for m in members)), 0, 0, (), ())
    result = evaluate(log, book, as_of, as_known)
    instant = as_of.instant if as_of.instant != NO_INSTANT else end_of_day(as_of.day)
    explainer = Explainer(log, book, result.flags, as_of.day, instant)
    file = members[0].file if len(members) == 1 else None
    return SourceRun(" + ".join(m.path for m in members), reading, result, explainer, file, members)
