"""The rows of a report from the counts of a run, with what is left out as None."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date
from rrt_engine.model import REASONS
from rrt_engine.replay.flag_rows import BASES, NOW
from rrt_engine.reports.run_counts import BANDS, FIRST_MONTH, LATENESS, Waiting
from rrt_engine.reports.run_seen import MONTHS_SHOWN, Tables
from rrt_engine.reports.run_shapes import BandRow, CaseRow, MonthRow, Number, RuleRow, TeamRow, quoted
from rrt_engine.rulebook.book import RuleBook

EVERY = "rule is not null"


def _numbers(values: Iterable[int], seen: Iterable[bool]) -> list[Number]:
    """Counts, with None for those that are left out."""
    return [int(value) if ok else None for value, ok in zip(values, seen, strict=True)]


def _number(value: int, seen: bool) -> Number:
    return int(value) if seen else None


def _sum(*numbers: Number) -> Number:
    return None if None in numbers else sum(n or 0 for n in numbers)


def rule_rows(book: RuleBook, tables: Tables) -> tuple[tuple[RuleRow, ...], dict[str, RuleRow]]:
    """A row for each rule and basis that started anything, by service; and the sum of each basis."""
    rows: list[RuleRow] = []
    totals: dict[str, RuleRow] = {}
    names = list(tables.groups)
    for code, basis in enumerate(BASES):
        counts, seen = tables.table[f"rule {code}"].counts, tables.seen[f"rule {code}"]
        for i in np.flatnonzero(counts.sum(axis=1)).tolist():
            rule = tables.found.rules[i]
            spec = book.named(rule)[-1].spec
            statuses = dict(zip(names, _numbers(counts[i], seen.cells[i]), strict=True))
            because = tables.found.tables["because"][i, code]
            reasons = {} if tables.under > 1 else _because(because, [True] * len(REASONS))
            started = _number(counts[i].sum(), seen.rows[i])
            missed = int(tables.found.tables["missed"][i, code]) if tables.under <= 1 else None
            on_time, judged = _judged(basis, statuses, missed)
            about = (rule, spec.title, str(spec.service), str(spec.authority), str(spec.verified), basis)
            rows.append(RuleRow(*about, started, statuses, reasons, missed, on_time, judged, f"rule = {quoted(rule)}"))
        if counts.any():
            statuses = dict(zip(names, _numbers(counts.sum(axis=0), seen.columns), strict=True))
            reasons = _because(tables.table[f"because {code}"].counts[:, 0], tables.seen[f"because {code}"].cells[:, 0])
            missed = _missed(tables, code)
            on_time, judged = _judged(basis, statuses, missed)
            started = _number(counts.sum(), seen.total)
            totals[basis] = RuleRow("", "All rules", "", "", "", basis, started, statuses, reasons, missed, on_time, judged, EVERY)
    services = list(dict.fromkeys(str(rule.spec.service) for rule in book.rules))
    rows.sort(key=lambda row: services.index(row.service))
    return tuple(rows), totals


def _missed(tables: Tables, basis: int) -> Number:
    """How many have ended of what was not done; for sharing only where neither they nor the others are few, and all together are shown."""
    missed = int(tables.found.tables["missed"][:, basis].sum())
    if tables.under <= 1:
        return missed
    behind = tables.found.distinct["open or missed"][basis]
    total = tables.seen[f"rule {basis}"].columns[list(tables.groups).index("overdue")]
    return missed if total and not ((behind > 0) & (behind < tables.under)).any() else None


def _because(counts: Iterable[int], seen: Iterable[bool]) -> dict[str, Number]:
    return {name: _number(n, ok) for name, n, ok in zip(REASONS, counts, seen, strict=True) if n}


def _judged(basis: str, statuses: Mapping[str, Number], missed: Number) -> tuple[Number, Number]:
    """How many are on time, of how many that can be judged. Nothing where a part of it is left out.

    As things stand now, `missed` is judged no more: it has ended.
    """
    if basis == "count":
        return 0, 0
    on = ("due", "due_soon", "due_or_due_soon") if basis == "now" else ("met",)
    off = ("overdue",) if basis == "now" else ("late", "early", "late_or_early", "overdue")
    on_time = _sum(*(statuses[name] for name in on if name in statuses))
    judged = _sum(on_time, *(statuses[name] for name in off if name in statuses))
    if basis == "now":
        judged = None if judged is None or missed is None else judged - missed
    return (None, None) if judged is None else (on_time, judged)


def band_rows(tables: Tables) -> tuple[BandRow, ...]:
    """A row for each band of days late."""
    columns = [_numbers(tables.table[f"bands {i}"].counts[:, 0], tables.seen[f"bands {i}"].cells[:, 0]) for i in range(len(LATENESS))]
    rows = []
    least = 0
    for i, most in enumerate((*BANDS, None)):
        if most == 0:
            label, where = "less than a day", "days_late = 0"
        elif most is None:
            label, where = f"more than {BANDS[-1]} days", f"days_late > {BANDS[-1]}"
        else:
            label, where = f"{least} to {most} days", f"days_late between {least} and {most}"
        late, overdue, overdue_now = (column[i] for column in columns)
        rows.append(BandRow(label, late, overdue, overdue_now, where))
        least = (most or 0) + 1
    return tuple(rows)


def month_rows(tables: Tables, as_of: int) -> tuple[MonthRow, ...]:
    """Duties with a history by the month they fell due: those of the last two years one by one, and the others in three rows.

    They begin with the first month in which anything fell due. For sharing, a month stays where any of it is left out.
    """
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
    begun = False
    for i, (label, month, whole, where) in enumerate(about):
        begun = begun or bool(counts[i].any() or not (seen.cells[i].all() and seen.rows[i])) or i == MONTHS_SHOWN
        if counts[i].any() or (month and begun):
            met, late, overdue = _numbers(counts[i], seen.cells[i])
            rows.append(MonthRow(label, month, met, late, overdue, _number(counts[i].sum(), seen.rows[i]), whole, where))
    return tuple(rows)


def _month_start(index: int) -> date:
    months = index + FIRST_MONTH
    return date(1970 + months // 12, months % 12 + 1, 1)


def _month_words(day: date) -> str:
    return f"{day:%B %Y}"


def case_row(each: Waiting, book: RuleBook) -> CaseRow:
    """One child with something overdue that can still be done."""
    title = book.named(each.rule)[-1].spec.title
    due = "" if each.due == NO_DAY else as_date(each.due).isoformat()
    where = f'"case" = {quoted(each.case)}'
    return CaseRow(each.case, each.team, each.worker, -each.minus_overdue, each.rule, title, each.basis, due, -each.minus_days, where)


def team_rows(tables: Tables) -> tuple[tuple[TeamRow, ...], TeamRow]:
    """A row a team, and the sum of them."""
    found, names = tables.found, list(tables.found.teams)
    counts = [tables.table[name].counts for name in ("children", "team", "team now")]
    seen = [tables.seen[name] for name in ("children", "team", "team now")]

    def overdue(n: int) -> Number:
        return n if tables.under <= 1 else None

    rows = []
    for i, group in enumerate(tables.teams):
        children, history, now = (_numbers(table[i], shown.cells[i]) for table, shown in zip(counts, seen, strict=True))
        listed = ", ".join(quoted(n) for g in group if (n := names[g]) is not None)
        several = len(group) > 1
        name = f"{len(group):,} other teams" if several else names[group[0]]
        where = f"team in ({listed})" if several else f"team = {listed}" if listed else "team is null"
        with_overdue = overdue(int(found.people_overdue_by_team[group].sum()))
        missed = found.tables["team missed"][group].sum(axis=0)
        started = _number(counts[1][i].sum(), seen[1].rows[i])
        rows.append(_team(name, children, with_overdue, started, history, now, overdue(int(missed.sum())), int(missed[NOW]), where))
    children, history, now = (_numbers(table.sum(axis=0), shown.columns) for table, shown in zip(counts, seen, strict=True))
    started = _number(counts[1].sum(), seen[1].total)
    missed = found.tables["team missed"].sum(axis=0)
    every = overdue(int(missed.sum())), int(missed[NOW])
    return tuple(rows), _team("All teams", children, overdue(found.people_overdue), started, history, now, *every, EVERY)


def _team(
    name: str | None,
    children: list[Number],
    with_overdue: Number,
    started: Number,
    history: list[Number],
    now: list[Number],
    missed: Number,
    missed_now: int,
    where: str,
) -> TeamRow:
    """`missed_now` is the part of `now` that has ended; it is taken off where `missed` is told."""
    met, late, overdue, due, ended, unclear = history
    overdue_now = now[0] if missed is None or now[0] is None else now[0] - missed_now
    return TeamRow(name, children[0], with_overdue, started, met, late, overdue, due, ended, unclear, missed, overdue_now, now[1], where)
