"""The worklist: what is overdue and what is due next across a caseload, for the people who have to do it.

A list of things still to be done. What was done late is not on it, nor what was never done before the duty ended: the
second is counted, so that nothing is lost from sight. What cannot be told is listed apart, where it may still be to do.
Lines are held as columns and put into words only when asked for, so that the list of a whole authority costs little.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Calendar, Moment, uk_day
from rrt_engine.explain import sentences
from rrt_engine.explain.evidence import Evidence
from rrt_engine.model import ANSWER_ATTRIBUTE, CANNOT_TELL, DUE, DUE_SOON, IMPOSSIBLE, OVERDUE, Bools, EventLog, Flags, Int32s, plural
from rrt_engine.replay.held_by import latest_recorded
from rrt_engine.replay.run import Replay, SourceRun
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.merge_children import Apart
from rrt_engine.timescales.quality import after_death
from rrt_engine.words import day_words, duration_words, iso_time, short_day_words, time_words

NO_TEAM, NO_WORKER = "no team recorded", "no worker recorded"


@dataclass(frozen=True)
class Choice:
    """What somebody asked to see. An empty part leaves nothing out."""

    teams: Collection[str] = ()
    workers: Collection[str] = ()
    services: Collection[str] = ()
    authorities: Collection[str] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing was left out."""
        return not (self.teams or self.workers or self.services or self.authorities)


@dataclass(frozen=True)
class Lines:
    """Lines of the list in columns, in the order in which they are read.

    `run` is the place in the replay's sources and `flag` that in its flags; `team` and `worker` are places in the list's
    names, 0 where none is recorded; `due` is the due day, NO_DAY where there is none; `case` numbers the children. `died` is the
    day on which the child is recorded to have died where the clock began after it, NO_DAY elsewhere. `part` is the part of the
    list they are on.
    """

    part: str
    run: Int32s
    flag: Int32s
    team: Int32s
    worker: Int32s
    due: Int32s
    case: Int32s
    died: Int32s

    def __len__(self) -> int:
        return len(self.run)

    def take(self, keep: Any) -> Lines:
        """Some of the lines, or all in another order."""
        columns = (self.run, self.flag, self.team, self.worker, self.due, self.case, self.died)
        return Lines(self.part, *(column[keep] for column in columns))

    def children(self) -> int:
        """How many children the lines are about."""
        return len(np.unique(self.case))


@dataclass(frozen=True)
class Item:
    """One line in words. `due` and `since` say when; `how` says how late or how soon, in the rule's own unit. `part` is
    overdue, due or cannot_tell.

    `due_day` is a day number (NO_DAY where there is none) and `due_at` the instant an hour clock runs out (NO_INSTANT for
    clocks counted in days, or where the time is not known). `missing_in_short` is `missing` without the days, the same for lines that
    miss the same thing. `check` says what to check of the dates before acting, and is mostly empty. `latest_only` says that the
    source holds only the latest dates.
    """

    part: str
    case: str
    team: str
    worker: str
    rule: str
    what: str
    service: str
    authority: str
    verified: str
    due_day: int
    due_at: int
    due: str
    how: str
    days_late: int
    since: str
    since_event: str
    since_at: str
    check: str
    next_step: str
    provisional: bool
    latest_only: bool
    missing: str
    missing_in_short: str
    source: str
    row: int

    def due_iso(self) -> str:
        """The due date, or the UK date-time of an hour clock; empty where there is none."""
        if self.due_day == NO_DAY:
            return ""
        return iso_time(self.due_at) if self.due_at != NO_INSTANT else str(np.datetime64(self.due_day, "D"))


@dataclass(frozen=True)
class Day:
    """One day of the calendar: `closed` says why it is not a working day, `counts` what is due, by team."""

    day: int
    closed: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Worklist:
    """The list. `last_day` ends the calendar; `due` holds what is due up to it, and what is due soon after it.

    `not_done` counts duties that ended before they were done, and `elsewhere` the lines that were not asked for. `teams` and
    `workers` are every name recorded, after the words for none; `unanswered` are rules whose answering events a source
    never holds, with the lines that rest on them.
    """

    replay: Replay
    days: int
    last_day: int
    teams: tuple[str, ...]
    workers: tuple[str, ...]
    choice: Choice
    overdue: Lines
    due: Lines
    unclear: Lines
    not_done: int
    elsewhere: int
    unanswered: dict[str, int]

    @property
    def as_of(self) -> Moment:
        """The moment by which things are judged."""
        return self.replay.as_of

    @property
    def book(self) -> RuleBook:
        """The rules."""
        return self.replay.book

    def due_by(self, last: bool) -> int:
        """How many lines are due up to the last day of the calendar; or, with `last` false, after it."""
        return int(np.count_nonzero((self.due.due <= self.last_day) == last))

    def children(self) -> int:
        """How many children have something overdue or due on the list."""
        return len(np.unique(np.concatenate([self.overdue.case, self.due.case])))

    def after_death(self) -> int:
        """How many lines began after the recorded death of the child."""
        return sum(int(np.count_nonzero(lines.died != NO_DAY)) for lines in (self.overdue, self.due, self.unclear))

    def kept_apart(self) -> list[Apart]:
        """The ids on the list that stand for several children, as their sources give different dates of birth."""
        merging = self.replay.merging
        if merging is None or not merging.apart:
            return []
        ids = [each.child for each in merging.apart]
        present: set[str] = set()
        for place, run in enumerate(self.replay.sources):
            flags = np.concatenate([lines.flag[lines.run == place] for lines in (self.overdue, self.due, self.unclear)])
            names = run.log.children[np.unique(run.log.child[run.result.flags.trigger[flags]])]
            present.update(map(str, names[np.isin(names, ids)]))
        return [each for each in merging.apart if each.child in present]

    def items(self, lines: Lines) -> Iterator[Item]:
        """Lines in words, one at a time."""
        columns = (lines.run.tolist(), lines.flag.tolist(), lines.team.tolist(), lines.worker.tolist(), lines.died.tolist())
        for run, flag, team, worker, died in zip(*columns, strict=True):
            yield _item(lines.part, self.replay.sources[run], flag, self.teams[team], self.workers[worker], self.as_of, died)

    def by_team(self, lines: Lines) -> Iterator[tuple[str, Lines]]:
        """Lines by team in the order of their names, those without a team last; the order within a team is kept."""
        present = np.unique(lines.team).tolist()
        for team in sorted(present, key=lambda t: (t == 0, self.teams[t])):
            yield self.teams[team], lines.take(lines.team == team)

    def calendar(self) -> tuple[list[str], list[Day]]:
        """The teams that have anything due, and each day from the as-of date to the last working day with what is due on it."""
        soon = self.due.take(self.due.due <= self.last_day)
        codes = sorted(np.unique(soon.team).tolist(), key=lambda t: (t == 0, self.teams[t]))
        first, days, teams = self.as_of.day, self.last_day + 1 - self.as_of.day, len(self.teams)
        here = soon.due >= first
        counts = np.bincount((soon.due[here] - first) * teams + soon.team[here], minlength=days * teams).reshape(days, teams)[:, codes]
        shown = [Day(first + i, closed_because(self.book.calendar, first + i), tuple(row)) for i, row in enumerate(counts.tolist())]
        return [self.teams[c] for c in codes], shown

    def by_when(self) -> dict[str, Lines]:
        """The lines by when: overdue, due today, due on the days after it that the list looks ahead to (`next`), due soon after
        those (`later`), and what cannot be told. Every line stands in one of them, once."""
        due, day = self.due.due, self.as_of.day
        return {
            "overdue": self.overdue,
            "today": self.due.take(due <= day),
            "next": self.due.take((due > day) & (due <= self.last_day)),
            "later": self.due.take(due > self.last_day),
            "cannot_tell": self.unclear,
        }

    def counts(self, workers: bool = False) -> list[tuple[int, dict[str, int]]]:
        """How many lines each team has by when, or each worker: its place in the names, in their order, with none recorded last."""
        names = self.workers if workers else self.teams
        table = {
            when: np.bincount(lines.worker if workers else lines.team, minlength=len(names)).tolist()
            for when, lines in self.by_when().items()
        }
        present = [code for code in range(len(names)) if any(column[code] for column in table.values())]
        order = sorted(present, key=lambda code: (code == 0, names[code]))
        return [(code, {when: column[code] for when, column in table.items()}) for code in order]

    def child(self, lines: Lines) -> Iterator[tuple[int, int]]:
        """For each line, which of the replay's sources its child is in, and the child's number there."""
        for run, flag in zip(lines.run.tolist(), lines.flag.tolist(), strict=True):
            source = self.replay.sources[run]
            yield run, int(source.log.child[source.result.flags.trigger[flag]])

    def latest_only(self) -> list[str]:
        """The sources that hold only the latest dates of some kinds of event."""
        return [run.path for run in self.replay.sources if run.log.coverage.latest or run.log.latest_only is not None]


def closed_because(calendar: Calendar, day: int) -> str:
    """Why a day is not a working day: the bank holiday's name, or the weekend; empty for a working day."""
    if (day + 3) % 7 >= 5:
        return "weekend"
    return calendar.holidays.get(day, "")


# ---------------------------------------------------------------------------------------------------- making the list


def worklist(replay: Replay, days: int = 10, choice: Choice = Choice()) -> Worklist:
    """The list of a replay: overdue now, due in the next working days, and due soon; with what cannot be told apart."""
    last_day = int(replay.book.calendar.add_working_days(np.array([replay.as_of.day]), days)[0]) if days else replay.as_of.day
    names: tuple[list[str], list[str]] = ([NO_TEAM], [NO_WORKER])
    numbers: tuple[dict[str, int], dict[str, int]] = ({}, {})
    cases: dict[str, int] = {}
    found: dict[str, list[Lines]] = {}
    for place, run in enumerate(replay.sources):
        team, worker = (
            latest_recorded(run.log, attribute, replay.as_of, known, numbered, replay.as_known)
            for attribute, known, numbered in zip(("team", "worker"), names, numbers, strict=True)
        )
        flags, log = run.result.flags, run.log
        wanted = _parts(replay, flags, last_day)
        for part, keep in wanted.items():
            chosen = np.flatnonzero(keep).astype(np.int32)
            began = flags.trigger[chosen]
            child, died = log.child[began], after_death(log, run.result.died, began)
            here, position = np.unique(child, return_inverse=True)
            case = np.array([cases.setdefault(str(log.children[c]), len(cases)) for c in here.tolist()], np.int32)[position]
            at = np.full(len(chosen), place, np.int32)
            lines = Lines(part, at, chosen, team[child], worker[child], flags.due[chosen], case, died)
            found.setdefault(part, []).append(lines)
    order = np.empty(len(cases), np.int32)
    order[np.fromiter((cases[name] for name in sorted(cases)), np.int64, len(cases))] = np.arange(len(cases), dtype=np.int32)
    parts = {part: _in_order(replay, _joined(part, found.get(part, [])), order) for part in ("overdue", "due", "cannot_tell", "ended")}
    kept = {part: lines.take(_chosen(replay, lines, names[0], names[1], choice)) for part, lines in parts.items()}
    return Worklist(
        replay,
        days,
        last_day,
        tuple(names[0]),
        tuple(names[1]),
        choice,
        kept["overdue"],
        kept["due"],
        kept["cannot_tell"],
        len(kept["ended"]),
        sum(len(parts[part]) - len(kept[part]) for part in ("overdue", "due", "cannot_tell")),
        _unanswered(replay, kept["overdue"], kept["due"]),
    )


def _parts(replay: Replay, flags: Flags, last_day: int) -> dict[str, Bools]:
    """Which flags are on each part of the list; and those that were missed and have ended, which are only counted."""
    patterns = np.array([rule.spec.expect is None for rule in replay.book.rules], np.bool_)[flags.rule]
    running, status = flags.end < 0, flags.status
    near = (flags.due <= last_day) & (flags.due != NO_DAY)
    doubtful = (flags.answer < 0) | np.isin(flags.reason, (ANSWER_ATTRIBUTE, IMPOSSIBLE))
    return {
        "overdue": (status == OVERDUE) & running,
        "ended": ~flags.standing(),
        "due": (status == DUE_SOON) | ((status == DUE) & near),
        "cannot_tell": (status == CANNOT_TELL) & running & doubtful & ~patterns,
    }


def _joined(part: str, lines: Sequence[Lines]) -> Lines:
    if not lines:
        return Lines(part, *(np.zeros(0, np.int32) for _ in range(7)))
    columns = ("run", "flag", "team", "worker", "due", "case", "died")
    return Lines(part, *(np.concatenate([getattr(each, name) for each in lines]) for name in columns))


def _in_order(replay: Replay, lines: Lines, rank: Int32s) -> Lines:
    """The longest overdue first, the soonest due first, and what cannot be told by rule; then by case, rule and start."""
    rule, start, at = (np.zeros(len(lines), np.int64) for _ in range(3))
    for place, run in enumerate(replay.sources):
        mine = np.flatnonzero(lines.run == place)
        flag, flags = lines.flag[mine], run.result.flags
        rule[mine], start[mine] = flags.rule[flag], flags.start[flag]
        if flags.due_by is not None:
            at[mine] = np.where(flags.due_by[flag] == NO_INSTANT, np.iinfo(np.int64).max, flags.due_by[flag])
        else:
            at[mine] = np.iinfo(np.int64).max
    if len(lines):
        lines = replace(lines, case=rank[lines.case])
    keys = (start, rule, lines.case, at, lines.due) if lines.part != "cannot_tell" else (start, lines.case, rule)
    return lines.take(np.lexsort(keys))


def _chosen(replay: Replay, lines: Lines, teams: Sequence[str], workers: Sequence[str], choice: Choice) -> Bools:
    keep = np.ones(len(lines), np.bool_)
    for wanted, names, codes in ((choice.teams, teams, lines.team), (choice.workers, workers, lines.worker)):
        if wanted:
            folded = {name.casefold() for name in wanted}
            keep &= np.array([name.casefold() in folded for name in names], np.bool_)[codes]
    rules = replay.book.rules
    for wanted, values in ((choice.services, [r.spec.service for r in rules]), (choice.authorities, [r.spec.authority for r in rules])):
        if wanted:
            table = np.array([value in wanted for value in values], np.bool_)
            for place, run in enumerate(replay.sources):
                mine = np.flatnonzero(lines.run == place)
                keep[mine] &= table[run.result.flags.rule[lines.flag[mine]]]
    return keep


def _unanswered(replay: Replay, *parts: Lines) -> dict[str, int]:
    """The rules whose answering events a source never holds, and how many lines rest on each."""
    counts: dict[str, int] = {}
    for rule in replay.never_answered():
        indexes = [i for i, r in enumerate(replay.book.rules) if r.id == rule]
        for lines in parts:
            for place, run in enumerate(replay.sources):
                chosen = lines.flag[lines.run == place]
                counts[rule] = counts.get(rule, 0) + int(np.isin(run.result.flags.rule[chosen], indexes).sum())
    return {rule: n for rule, n in counts.items() if n}


# ---------------------------------------------------------------------------------------------------- a line in words


def _item(part: str, run: SourceRun, flag: int, team: str, worker: str, as_of: Moment, died: int) -> Item:
    e = run.explainer.evidence(flag)
    spec, log = e.spec, e.log
    inside = e.trigger < len(log)
    latest = _latest_only(e)
    late_by, days_late = e.late_by()
    event = e.event(e.trigger)
    exact = e.by_the_hour and e.due_at == e.due_by
    return Item(
        part=part,
        case=str(log.children[int(log.child[e.trigger])]),
        team=team,
        worker=worker,
        rule=e.rule.id,
        what=spec.title,
        service=spec.service,
        authority=spec.authority,
        verified=spec.verified,
        due_day=e.due,
        due_at=e.due_at if exact else NO_INSTANT,
        due=_due_words(e),
        how=_late_words(late_by or "", latest) if part == "overdue" else _soon_words(e, as_of) if part == "due" else "cannot tell",
        days_late=days_late or 0,
        since=f"{e.name(e.trigger)} on {e.when(e.trigger)}",
        since_event=event["event"],
        since_at=event["at"],
        check="" if died == NO_DAY else f"began after the recorded death of the child ({short_day_words(died)}): check the dates",
        next_step=spec.pathway.get("overdue", "").replace("_", " ") if part == "overdue" else "",
        provisional=e.provisional(),
        latest_only=latest,
        missing="; ".join(sentences.missing(e)) if part == "cannot_tell" else "",
        missing_in_short="; ".join(dict.fromkeys(sentences.missing(e, days=False))) if part == "cannot_tell" else "",
        source=_origin(log, e.trigger) if inside else run.path,
        row=int(log.origin_row[e.trigger]) if inside and log.origin_row is not None else 0,
    )


def _latest_only(e: Evidence) -> bool:
    """Whether the source holds only the latest date of what starts or answers the duty."""
    if e.spec.expect is not None and e.log.coverage.latest & set(e.spec.expect.event):
        return True
    return e.log.latest_only is not None and e.trigger < len(e.log) and bool(e.log.latest_only[e.trigger])


def _origin(log: EventLog, row: int) -> str:
    """The file, or the file and sheet, that a row came from, without the folders."""
    if log.origin is None or not log.origins:
        return ""
    return log.origins[int(log.origin[row])].replace("\\", "/").rpartition("/")[2]


def _due_words(e: Evidence) -> str:
    if e.due == NO_DAY:
        return "no date"
    if not e.by_the_hour:
        return day_words(e.due)
    if e.due_at == e.due_by:
        return time_words(e.due_at)
    days = np.array([e.due_at, e.due_by])
    first, last = uk_day(days).tolist()
    if first == last:
        return f"{day_words(first)}, at a time that is not recorded"
    return f"{day_words(first)} or {day_words(last)}, as the time is not recorded"


def _late_words(late_by: str, latest: bool) -> str:
    amount, _, note = late_by.partition(" (")
    words = f"overdue now, by {amount}" if latest else f"{amount} overdue"
    return f"{words} ({note}" if note else words


def _soon_words(e: Evidence, as_of: Moment) -> str:
    """How soon something is due, in the rule's own unit."""
    if e.by_the_hour and as_of.instant != NO_INSTANT:
        return f"due in {duration_words(max(e.due_at - as_of.instant, 0))}"
    days = e.due - as_of.day
    if days <= 0:
        return "due today"
    if e.by_the_hour:
        return "due tomorrow" if days == 1 else f"due in {plural(days, 'day')}"
    if not e.counts_working_days:
        return f"due in {plural(days, 'day')}"
    working = int(e.book.calendar.working_days_between(np.array([as_of.day]), np.array([e.due]))[0])
    return f"due in {plural(working, 'working day')}" if working else f"due in {plural(days, 'day')} (no working day between)"
