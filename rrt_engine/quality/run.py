"""The quality of the data of several sources: every check on each as it was read, and what their readers had to say.

A source is looked at by itself, because a mistake is mended in one system. A finding never changes a flag: the engine sets
dates that cannot be right apart by its own rules, and each finding says how many duties are out of every share with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rrt_engine.calendar import as_date
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.model import CANNOT_TELL, IMPOSSIBLE, EventLog, Rejected
from rrt_engine.quality.check import Checked, look_through
from rrt_engine.quality.words import sentence
from rrt_engine.replay.run import Replay, SourceRead
from rrt_engine.rulebook.quality_schema import Check

_RETURNS = ("CIN census", "SSDA903", "ssda903")
"""Formats of annual returns, whose records are those of one collection year."""
_Key = tuple[str, int, str, int]


@dataclass(frozen=True)
class Finding:
    """One finding in words. `row` and `other_row` are rows or lines of `file` and `other_file`, 0 where there is none.

    `duties` is how many time limits cannot be told because of these dates, and so are in no share.
    """

    check: Check
    source: str
    case: str
    what: str
    event: str
    at: str
    other_event: str
    other_at: str
    file: str
    row: int
    other_file: str
    other_row: int
    duties: int


@dataclass(frozen=True)
class SourceQuality:
    """One source: its checks, the records its reader could not use, and what its reader said that no check says."""

    path: str
    read: SourceRead
    year: int | None
    checked: tuple[Checked, ...]
    rejected: tuple[Rejected, ...]
    said: tuple[Diagnostic, ...]

    @property
    def log(self) -> EventLog:
        """The source's events as read."""
        return self.read.reading.log


@dataclass(frozen=True)
class CheckLine:
    """One check over all sources. `found` counts findings, `children` the children they are about, `duties` those out of shares.

    `looked_at` counts what was compared; `why_not` says, for each source it could not be applied to, why.
    """

    check: Check
    looked_at: int
    found: int
    children: int
    duties: int
    why_not: dict[str, str]


@dataclass(frozen=True)
class Quality:
    """Everything the checks found, over all sources."""

    replay: Replay
    checks: tuple[Check, ...]
    sources: tuple[SourceQuality, ...]

    def lines(self) -> list[CheckLine]:
        """One line a check, in the order of the catalogue."""
        return [self._line(i) for i in range(len(self.checks))]

    def _line(self, i: int) -> CheckLine:
        looked_at = found = children = 0
        why_not: dict[str, str] = {}
        flags: set[tuple[int, int]] = set()
        for source in self.sources:
            checked = source.checked[i]
            if checked.findings is None:
                why_not[source.path] = checked.why_not
                continue
            findings = checked.findings
            looked_at += findings.looked_at
            found += len(findings)
            children += len(np.unique(findings.child))
            for row, other in zip(findings.row.tolist(), findings.other.tolist(), strict=True) if self._set_apart else ():
                flags |= self._duties(source.log, row, other)
        return CheckLine(self.checks[i], looked_at, found, children, len(flags), why_not)

    def findings(self) -> Iterator[Finding]:
        """Every finding in words: check by check, source by source, in the order of the children."""
        for i in range(len(self.checks)):
            for source in self.sources:
                yield from self.findings_of(source, i)

    def findings_of(self, source: SourceQuality, i: int, most: int | None = None) -> Iterator[Finding]:
        """What one check found in one source, or the first few of it."""
        checked, log = source.checked[i], source.log
        if checked.findings is None:
            return
        f = checked.findings
        columns = zip(f.row[:most].tolist(), f.other[:most].tolist(), f.child[:most].tolist(), f.days[:most].tolist(), strict=True)
        for row, other, child, days in columns:
            what = sentence(checked.check, log, self.replay.book, row, other, child, days, source.year, self.replay.as_of.day)
            yield Finding(
                checked.check,
                source.path,
                str(log.children[child]),
                what,
                *_event(log, row),
                *_event(log, other),
                *_place(log, row),
                *_place(log, other),
                len(self._duties(log, row, other)),
            )

    def count(self) -> int:
        """How many findings the checks made."""
        return sum(len(c.findings) for source in self.sources for c in source.checked if c.findings is not None)

    def rejected(self) -> int:
        """How many records could not be used."""
        return sum(len(source.rejected) for source in self.sources)

    def anything(self) -> bool:
        """Whether anything needs mending: a finding, a record that could not be used, or a warning of a reader."""
        said = any(d.severity != "note" for source in self.sources for d in source.said)
        return bool(self.count() or self.rejected() or said or self.replay.refused)

    @cached_property
    def _set_apart(self) -> dict[_Key, set[tuple[int, int]]]:
        """The duties whose dates cannot be right, by the events they rest on."""
        apart: dict[_Key, set[tuple[int, int]]] = {}
        for place, run in enumerate(self.replay.sources):
            flags = run.result.flags
            for i in np.flatnonzero((flags.status == CANNOT_TELL) & (flags.reason == IMPOSSIBLE)).tolist():
                for row in (int(flags.trigger[i]), int(flags.answer[i])):
                    if 0 <= row < len(run.log):
                        apart.setdefault(_key(run.log, row), set()).add((place, i))
        return apart

    def _duties(self, log: EventLog, row: int, other: int) -> set[tuple[int, int]]:
        """The duties that are in no share because of the dates of one or two events."""
        found: set[tuple[int, int]] = set()
        for each in (row, other):
            if each >= 0 and self._set_apart:
                found |= self._set_apart.get(_key(log, each), set())
        return found


def quality(replay: Replay, checks: Sequence[Check], year: int | None = None) -> Quality:
    """Every check on every source of a replay. `year` is the collection year of all of them, where somebody says it."""
    sources = []
    for read in replay.read:
        log = read.reading.log
        known = year if year is not None else _collection_year(read)
        checked = tuple(look_through(log, checks, replay.book, replay.as_of.day, known))
        covered = {code for c in checked if c.findings is not None and len(c.findings) for code in c.check.said_by}
        said = tuple(d for d in read.reading.diagnostics if d.code not in covered)
        sources.append(SourceQuality(read.path, read, known, checked, read.reading.rejected, said))
    return Quality(replay, tuple(checks), tuple(sources))


def _collection_year(read: SourceRead) -> int | None:
    """The collection year of an annual return, where its reader knows when it began; None for every other source."""
    if read.reading.format not in _RETURNS:
        return None
    begins = Counter(day for day in read.reading.log.coverage.since.values() if (as_date(day).month, as_date(day).day) == (4, 1))
    return as_date(max(begins)).year + 1 if begins else None


def _event(log: EventLog, row: int) -> tuple[str, str]:
    if row < 0:
        return "", ""
    return log.kinds[int(log.kind[row])], as_date(int(log.day[row])).isoformat()


def _place(log: EventLog, row: int) -> tuple[str, int]:
    """The file an event stands in, without the folders, and its row or line."""
    if row < 0 or log.origin is None or log.origin_row is None or not log.origins:
        return "", 0
    return log.origins[int(log.origin[row])].replace("\\", "/").rpartition("/")[2], int(log.origin_row[row])


def _key(log: EventLog, row: int) -> _Key:
    """What tells an event in whichever log it stands: its file, row, kind and day."""
    file, number = _place(log, row)
    return file, number, log.kinds[int(log.kind[row])], int(log.day[row])


__all__ = ["CheckLine", "Finding", "Quality", "SourceQuality", "quality"]
