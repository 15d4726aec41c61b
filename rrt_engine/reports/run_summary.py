"""A finished run as the figures a report shows: counted once, with small numbers left out, for the page, the workbook and the tables.

Every row says which rows of the flags it counts: `where` is a condition on the columns of `flags/*.parquet`, as SQL writes it, and
each column of a table has its own, so that anybody can count a number again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date
from rrt_engine.model import CANNOT_TELL, DUE, DUE_SOON, EARLY, ENDED, LATE, MET, OVERDUE, REASONS, STATUSES, Int64s
from rrt_engine.replay.flag_rows import BASES, HISTORY, NOW
from rrt_engine.reports.run_counts import BANDS, COLUMNS, FIRST_MONTH, JUDGED, LATENESS, Counts, Waiting, counted
from rrt_engine.reports.run_hide import Shown, shown

if TYPE_CHECKING:
    from rrt_engine.calendar import Moment
    from rrt_engine.diagnostics import Diagnostic
    from rrt_engine.replay.run_folder import Run
    from rrt_engine.reports.run_kpis import Kpis
    from rrt_engine.rulebook.book import RuleBook

Number = int | None
"""A count; None where it is left out because it is small, or would give a small one away."""

EVERY = "rule is not null"
CASES = 50
MONTHS_SHOWN = 24
TEAMS_SHOWN = 100
REASONS_SHOWN = 40
PLACES_SHOWN = 5
TEAM_STATUSES = ((MET,), (LATE, EARLY), (OVERDUE,), (DUE, DUE_SOON), (ENDED, CANNOT_TELL))
NOW_STATUSES = ((OVERDUE,), (DUE, DUE_SOON))


@dataclass(frozen=True)
class SourceLine:
    """A source as the run read it."""

    name: str
    format: str
    sha256: str
    read: int
    used: int
    rejected: int


@dataclass(frozen=True)
class RejectedLine:
    """Records of one source that could not be used for one reason; `places` are the first rows of them."""

    source: str
    why: str
    count: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class RuleRow:
    """What one rule found on one basis; the sum over all rules where `rule` is empty.

    `judged` and `on_time` give the share, as in `RuleLine`; None where they are left out, and 0 where there is nothing to judge.
    """

    rule: str
    title: str
    service: str
    authority: str
    verified: str
    basis: str
    started: Number
    statuses: Mapping[str, Number]
    because: Mapping[str, Number]
    on_time: Number
    judged: Number
    where: str

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1."""
        return share_of(self.on_time, self.judged)


@dataclass(frozen=True)
class BandRow:
    """Duties by how many days late: done late, overdue where the history is held, and overdue as things stand now."""

    label: str
    late: Number
    overdue: Number
    overdue_now: Number
    where: str


@dataclass(frozen=True)
class MonthRow:
    """Duties by when they fell due: a month, or what lies before and after the months shown. `whole` says it is a whole month."""

    label: str
    month: str
    met: Number
    late: Number
    early: Number
    overdue: Number
    judged: Number
    whole: bool
    where: str

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1."""
        return share_of(self.met, self.judged)


@dataclass(frozen=True)
class CaseRow:
    """A child with something overdue, and the duty overdue longest."""

    case: str
    team: str | None
    worker: str | None
    overdue: int
    rule: str
    title: str
    basis: str
    due: str
    days_late: int
    where: str


@dataclass(frozen=True)
class TeamRow:
    """What a team's children have: duties with a history, and how things stand now. `team` is None for children without one."""

    team: str | None
    children: Number
    children_overdue: Number
    started: Number
    met: Number
    late: Number
    overdue: Number
    due: Number
    other: Number
    overdue_now: Number
    running_now: Number
    where: str

    @property
    def judged(self) -> Number:
        """What can be judged of the duties with a history: done on time, late or too early, or overdue."""
        return None if None in (self.met, self.late, self.overdue) else (self.met or 0) + (self.late or 0) + (self.overdue or 0)

    @property
    def share(self) -> float | None:
        """The share on time, from 0 to 1."""
        return share_of(self.met, self.judged)


@dataclass(frozen=True)
class LocalValue:
    """A value that the authority sets, as it was in this run."""

    name: str
    title: str
    value: str
    verified: str
    changed: bool


@dataclass(frozen=True)
class Summary:
    """Everything a report says of a run. `under` is the number below which numbers are left out; 0 where all are shown."""

    engine: str
    rule_set: Mapping[str, str]
    rule_title: str
    notice: str
    changes: tuple[tuple[str, str], ...]
    announced_to: str
    as_of: Moment
    as_known: str | None
    under: int
    sources: tuple[SourceLine, ...]
    counts: Mapping[str, Number]
    rejected: tuple[RejectedLine, ...]
    rejected_reasons: int
    set_aside: tuple[tuple[str, str], ...]
    said: tuple[Diagnostic, ...]
    local: tuple[LocalValue, ...]
    totals: Mapping[str, RuleRow]
    rules: tuple[RuleRow, ...]
    silent: tuple[tuple[str, str], ...]
    bands: tuple[BandRow, ...]
    months: tuple[MonthRow, ...]
    cases: tuple[CaseRow, ...]
    teams: tuple[TeamRow, ...]
    team_totals: TeamRow
    kpis: Kpis

    def of_basis(self, basis: str) -> list[RuleRow]:
        """The rules on one basis, in the order of the book."""
        return [row for row in self.rules if row.basis == basis]


def share_of(part: Number, whole: Number) -> float | None:
    """A share from 0 to 1; None where there is nothing to judge, or a number is left out.

    >>> share_of(3, 4), share_of(0, 0), share_of(None, 9)
    (0.75, None, None)
    """
    return part / whole if whole and part is not None else None


def quoted(text: str) -> str:
    """A text as SQL writes it.

    >>> quoted("St Mary's")
    "'St Mary''s'"
    """
    return "'" + text.replace("'", "''") + "'"


# ---------------------------------------------------------------------------------------------------------- summary


def summary_of(run: Run, under: int = 0, cases: int = CASES, kpis: Kpis | None = None) -> Summary:
    """Count a run. With `under`, numbers about fewer children are left out, and with them whatever names a case."""
    from rrt_engine.reports.run_kpis import Kpis

    book, manifest = run.book, run.manifest
    as_of = run.as_of
    ids = list(dict.fromkeys(rule.id for rule in book.rules))
    found = counted(run.batches(columns=list(COLUMNS)), ids, as_of.day, 0 if under > 1 else cases, under > 1)
    tables = _Tables(found, as_of.day, under)
    rules, totals = _rules(book, tables)
    rejected, reasons = _rejected(run, under)
    teams, team_totals = _teams(tables)
    changes = tuple((str(name), str(value)) for name, value in _pairs(manifest["rules"].get("changes")))
    return Summary(
        engine=str(manifest["engine"]),
        rule_set={name: str(manifest["rules"][name]) for name in ("id", "version", "digest")},
        rule_title=book.title,
        notice=book.notice,
        changes=changes,
        announced_to=_iso(manifest["calendar"]["announced_to"]),
        as_of=as_of,
        as_known=manifest.get("as_known"),
        under=under if under > 1 else 0,
        sources=tuple(SourceLine(**{name: source[name] for name in SourceLine.__dataclass_fields__}) for source in manifest["sources"]),
        counts=_counts(found, manifest["counts"], under),
        rejected=rejected,
        rejected_reasons=reasons,
        set_aside=tuple((part["name"], str(part["set_aside"])) for part in manifest["parts"] if part.get("set_aside")),
        said=() if under > 1 else tuple(run.diagnostics()),
        local=_local(book, {name for name, _ in changes}),
        totals=totals,
        rules=rules,
        silent=_silent(book, rules),
        bands=_bands(tables),
        months=_months(tables, as_of.day),
        cases=tuple(_case(each, book) for each in found.waiting),
        teams=teams,
        team_totals=team_totals,
        kpis=kpis or Kpis(None, "they were not asked for"),
    )


def _pairs(changes: Any) -> Sequence[tuple[Any, Any]]:
    return list(changes.items()) if isinstance(changes, dict) else [(each[0], each[1]) for each in changes or ()]


def _iso(day: Any) -> str:
    return as_date(day).isoformat() if isinstance(day, int) else str(day)


def _counts(found: Counts, said: Mapping[str, int], under: int) -> dict[str, Number]:
    """How much was read and found. Records are of files, not of people, and are always shown."""
    people, overdue = found.people, found.people_overdue
    few = under > 1 and (0 < overdue < under or 0 < people - overdue < under)
    counts: dict[str, Number] = {name: int(said[name]) for name in ("read", "used", "rejected", "set_aside", "events")}
    counts |= {"children": int(said["children"]), "flags": found.flags, "children_with_duties": people}
    counts["children_overdue"] = None if few else overdue
    for name in ("children", "children_with_duties"):
        if under > 1 and 0 < (counts[name] or 0) < under:
            counts[name] = None
    if under > 1 and 0 < int(said["children"]) - people < under:
        counts["children"] = None
    return counts


def _rejected(run: Run, under: int) -> tuple[tuple[RejectedLine, ...], int]:
    """Records that could not be used, by source and reason, most first; reasons are left out with small numbers: they may hold values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = run.rejected()
    if not table.num_rows or under > 1:
        return (), 0
    plain = [pc.cast(table[name], pa.string()) for name in ("source", "why")]
    grouped = pa.table({"source": plain[0], "why": plain[1], "row": table["row"]}).group_by(["source", "why"], use_threads=False)
    counts = grouped.aggregate([("row", "count"), ("row", "min")])
    rows = sorted(
        zip(*(counts[name].to_pylist() for name in ("source", "why", "row_count")), strict=True), key=lambda r: (-r[2], r[0], r[1])
    )
    lines = []
    for source, why, n in rows[:REASONS_SHOWN]:
        mine = pc.and_(pc.equal(plain[0], source), pc.equal(plain[1], why))
        places = table["row"].filter(mine).slice(0, PLACES_SHOWN).to_pylist()
        lines.append(RejectedLine(source, why, n, tuple(places)))
    return tuple(lines), len(rows)


def _local(book: RuleBook, changed: set[str]) -> tuple[LocalValue, ...]:
    return tuple(
        LocalValue(name, each.title, str(each.value), each.verified, name in changed) for name, each in sorted(book.parameters.items())
    )


def _silent(book: RuleBook, rules: Sequence[RuleRow]) -> tuple[tuple[str, str], ...]:
    """Rules in force that nothing in the run started."""
    started = {row.rule for row in rules}
    return tuple(dict.fromkeys((r.id, r.spec.title) for r in book.rules if r.spec.stage == "in_force" and r.id not in started))


# ----------------------------------------------------------------------------------------- tables, with small numbers out


@dataclass(frozen=True)
class _Table:
    """A table of counts, the children behind each, and for each column the totals by basis and status that it adds up to."""

    counts: Int64s
    people: Int64s
    parts: tuple[tuple[tuple[int, int], ...], ...] = ()


class _Tables:
    """Every table of the report, and which of its numbers can be shown.

    The tables share their totals: duties by status. A total that one table leaves out is left out in all of them.
    """

    def __init__(self, found: Counts, as_of: int, under: int) -> None:
        self.found, self.under = found, under
        self.teams, self.table = _team_groups(found), {}
        self.first_month = int(np.array(as_of, "datetime64[D]").astype("datetime64[M]").astype(np.int64)) - FIRST_MONTH - MONTHS_SHOWN + 1
        self._add(found)
        self.seen = {name: _everything(table.counts) for name, table in self.table.items()}
        if under > 1:
            self._hide()

    def _add(self, found: Counts) -> None:
        one, people = found.tables, found.distinct
        for code in range(len(BASES)):
            columns = tuple(((code, status),) for status in range(len(STATUSES)))
            self.table[f"rule {code}"] = _Table(one["rule"][:, code], people["rule"][:, code], columns)
            because = one["because"][:, code].sum(axis=0)[:, None], people["because"][:, code].max(axis=0, initial=0)[:, None]
            self.table[f"because {code}"] = _Table(*because, (((code, CANNOT_TELL),),))
        for i, part in enumerate(LATENESS):
            self.table[f"bands {i}"] = _Table(one["bands"][:, [i]], people["bands"][:, [i]], ((part,),))
        first, last = self.first_month, self.first_month + MONTHS_SHOWN
        months = [
            np.concatenate([merge(of["months"][:first])[None], of["months"][first:last], of["ahead"], of["undated"]])
            for of, merge in ((one, _added), (people, _greatest))
        ]
        self.table["months"] = _Table(*months, tuple(((HISTORY, status),) for status in JUDGED))
        for name, basis, columns in (("team", HISTORY, TEAM_STATUSES), ("team now", NOW, NOW_STATUSES)):
            counts = [[_added(one["team"][g][:, basis])[list(c)].sum() for c in columns] for g in self.teams]
            behind = [[_greatest(people["team"][g][:, basis])[list(c)].max() for c in columns] for g in self.teams]
            parts = tuple(tuple((basis, status) for status in c) for c in columns)
            shape = (len(self.teams), len(columns))
            self.table[name] = _Table(np.array(counts, np.int64).reshape(shape), np.array(behind, np.int64).reshape(shape), parts)
        children = np.array([[found.people_by_team[g].sum()] for g in self.teams], np.int64).reshape(-1, 1)
        self.table["children"] = _Table(children, children)

    def _hide(self) -> None:
        """Leave out what is small in each table, until no table leaves out a total that another shows."""
        hidden: set[tuple[int, int]] = set()
        before: int = -1
        while before != len(hidden):
            before = len(hidden)
            for name, table in self.table.items():
                forced = [bool(hidden.intersection(parts)) for parts in table.parts]
                self.seen[name] = seen = shown(table.counts, table.people, self.under, forced)
                hidden.update(part for ok, parts in zip(seen.columns, table.parts, strict=False) if not ok for part in parts)


def _everything(counts: Int64s) -> Shown:
    rows, columns = counts.shape
    return Shown(np.ones((rows, columns), np.bool_), np.ones(rows, np.bool_), np.ones(columns, np.bool_), True)


def _added(counts: Int64s) -> Int64s:
    found: Int64s = counts.sum(axis=0)
    return found


def _greatest(people: Int64s) -> Int64s:
    """The children behind a sum of cells: no fewer than behind its greatest, as they may be the same children."""
    found: Int64s = people.max(axis=0, initial=0)
    return found


def _team_groups(found: Counts) -> list[list[int]]:
    """Teams, those with the most duties first and children without a team last; those past the hundredth are one group."""
    names = list(found.teams)
    started = found.tables["team"].sum(axis=(1, 2))
    order = sorted(np.flatnonzero(started).tolist(), key=lambda i: (-started[i], names[i] or ""))
    named = [i for i in order if names[i] is not None]
    groups = [[i] for i in named[:TEAMS_SHOWN]]
    groups += [named[TEAMS_SHOWN:]] if len(named) > TEAMS_SHOWN else []
    return [*groups, *([i] for i in order if names[i] is None)]


def _number(value: Any, seen: Any) -> Number:
    return int(value) if seen else None


def _sum(*numbers: Number) -> Number:
    return None if None in numbers else sum(n or 0 for n in numbers)


def _rules(book: RuleBook, tables: _Tables) -> tuple[tuple[RuleRow, ...], dict[str, RuleRow]]:
    """A row for each rule and basis that started anything, by service; and the sum of each basis."""
    rows: list[RuleRow] = []
    totals: dict[str, RuleRow] = {}
    for code, basis in enumerate(BASES):
        counts, seen = tables.table[f"rule {code}"].counts, tables.seen[f"rule {code}"]
        for i in np.flatnonzero(counts.sum(axis=1)).tolist():
            spec = book.named(tables.found.rules[i])[-1].spec
            statuses = {name: _number(n, ok) for name, n, ok in zip(STATUSES, counts[i], seen.cells[i], strict=True)}
            about = (spec.id, spec.title, spec.service, spec.authority, spec.verified, basis)
            because = tables.found.tables["because"][i, code]
            reasons = {} if tables.under > 1 else {name: int(n) for name, n in zip(REASONS, because, strict=True) if n}
            started = _number(counts[i].sum(), seen.rows[i])
            rows.append(RuleRow(*about, started, statuses, reasons, *_judged(basis, statuses), f"rule = {quoted(spec.id)}"))
        if counts.any():
            summed = {name: _number(n, ok) for name, n, ok in zip(STATUSES, counts.sum(axis=0), seen.columns, strict=True)}
            why, told = tables.table[f"because {code}"].counts[:, 0], tables.seen[f"because {code}"].cells[:, 0]
            reasons = {name: _number(n, ok) for name, n, ok in zip(REASONS, why, told, strict=True) if n}
            about = ("", "All rules", "", "", "", basis)
            started = _number(counts.sum(), seen.total)
            totals[basis] = RuleRow(*about, started, summed, reasons, *_judged(basis, summed), EVERY)
    services = list(dict.fromkeys(rule.spec.service for rule in book.rules))
    rows.sort(key=lambda row: services.index(row.service))
    return tuple(rows), totals


def _judged(basis: str, statuses: Mapping[str, Number]) -> tuple[Number, Number]:
    """How many are on time, of how many that can be judged. Nothing where a part of it is left out."""
    if basis == "count":
        return 0, 0
    running = _sum(statuses["due"], statuses["due_soon"])
    on_time = running if basis == "now" else statuses["met"]
    others = ("overdue",) if basis == "now" else ("late", "early", "overdue")
    judged = _sum(on_time, *(statuses[name] for name in others))
    return (None, None) if judged is None else (on_time, judged)


def _bands(tables: _Tables) -> tuple[BandRow, ...]:
    columns = [(tables.table[f"bands {i}"].counts[:, 0], tables.seen[f"bands {i}"].cells[:, 0]) for i in range(len(LATENESS))]
    rows = []
    for i, most in enumerate((*BANDS, None)):
        least = 0 if i == 0 else BANDS[i - 1] + 1
        if most == 0:
            label, where = "less than a day", "days_late = 0"
        elif most is None:
            label, where = f"more than {BANDS[-1]} days", f"days_late > {BANDS[-1]}"
        else:
            label, where = f"{least} to {most} days", f"days_late between {least} and {most}"
        rows.append(BandRow(label, *(_number(counts[i], seen[i]) for counts, seen in columns), where))
    return tuple(rows)


def _months(tables: _Tables, as_of: int) -> tuple[MonthRow, ...]:
    """Duties with a history by the month they fell due: those of the last two years one by one, and the others in three rows."""
    counts, seen = tables.table["months"].counts, tables.seen["months"]
    starts = [_month_start(tables.first_month + i) for i in range(MONTHS_SHOWN + 1)]
    until = as_date(as_of)
    about: list[tuple[str, str, bool, str]] = [(f"Before {_month_words(starts[0])}", "", False, f"due < '{starts[0]}'")]
    for start, following in pairwise(starts):
        cut = following > as_date(as_of + 1)
        where = f"due between '{start}' and '{until}'" if cut else f"due >= '{start}' and due < '{following}'"
        label = f"{_month_words(start)}, to the as-of date" if cut else _month_words(start)
        about.append((label, f"{start:%Y-%m}", not cut, where))
    about.append(("After the as-of date", "", False, f"due > '{until}'"))
    about.append(("No due date", "", False, "due is null"))
    rows = []
    for i, (label, month, whole, where) in enumerate(about):
        met, late, early, overdue = (_number(counts[i, k], seen.cells[i, k]) for k in range(4))
        if counts[i].any() or month:
            rows.append(MonthRow(label, month, met, late, early, overdue, _number(counts[i].sum(), seen.rows[i]), whole, where))
    return tuple(rows)


def _month_start(index: int) -> date:
    months = index + FIRST_MONTH
    return date(1970 + months // 12, months % 12 + 1, 1)


def _month_words(day: date) -> str:
    return f"{day:%B %Y}"


def _case(each: Waiting, book: RuleBook) -> CaseRow:
    title = book.named(each.rule)[-1].spec.title
    due = "" if each.due == NO_DAY else as_date(each.due).isoformat()
    where = f'"case" = {quoted(each.case)}'
    return CaseRow(each.case, each.team, each.worker, -each.minus_overdue, each.rule, title, each.basis, due, -each.minus_days, where)


def _teams(tables: _Tables) -> tuple[tuple[TeamRow, ...], TeamRow]:
    """A row a team, and the sum of them."""
    found, names = tables.found, list(tables.found.teams)
    history, now, children = (tables.table[name].counts for name in ("team", "team now", "children"))
    seen, seen_now, seen_children = (tables.seen[name] for name in ("team", "team now", "children"))
    rows = []
    for i, group in enumerate(tables.teams):
        listed = ", ".join(quoted(n) for g in group if (n := names[g]) is not None)
        several = len(group) > 1
        rows.append(
            TeamRow(
                f"{len(group):,} other teams" if several else names[group[0]],
                _number(children[i, 0], seen_children.cells[i, 0]),
                int(found.people_overdue_by_team[group].sum()) if tables.under <= 1 else None,
                _number(history[i].sum(), seen.rows[i]),
                *(_number(n, ok) for n, ok in zip(history[i], seen.cells[i], strict=True)),
                *(_number(n, ok) for n, ok in zip(now[i], seen_now.cells[i], strict=True)),
                f"team in ({listed})" if several else f"team = {listed}" if listed else "team is null",
            )
        )
    total = TeamRow(
        "All teams",
        _number(children.sum(), seen_children.total),
        found.people_overdue if tables.under <= 1 else None,
        _number(history.sum(), seen.total),
        *(_number(n, ok) for n, ok in zip(history.sum(axis=0), seen.columns, strict=True)),
        *(_number(n, ok) for n, ok in zip(now.sum(axis=0), seen_now.columns, strict=True)),
        EVERY,
    )
    return tuple(rows), total


__all__ = ["BandRow", "CaseRow", "MonthRow", "Number", "RuleRow", "Summary", "TeamRow", "quoted", "share_of", "summary_of"]
