"""The tables of a report, once for the page and the workbook: headings, typed cells, and which flags each number counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any, Literal

from rrt_engine.measures.words import BASIS_WORDS, apart_words, figure_words, latest_for, published_words
from rrt_engine.model import STATUSES
from rrt_engine.reports.measures_text import cannot_words, group_words, name_words, of_words, period_words, short_year
from rrt_engine.reports.run_kpis import command_words
from rrt_engine.reports.run_seen import EACH, MONTHS_SHOWN, TOGETHER
from rrt_engine.reports.run_shapes import MonthRow, Number, RuleRow, Summary, TeamRow
from rrt_engine.reports.text import BECAUSE_WORDS
from rrt_engine.words import AUTHORITY_WORDS, MARK_WORDS, listed

Kind = Literal["text", "number", "share", "date", "measure"]
SMALL = "left out"
"""What stands where a number is left out, being small or giving a small one away."""
NO_TEAM = "No team recorded"
CHILDREN = 'count(distinct "case")'
OPEN = "status = 'overdue' and ended_by is null"
ALL_NOT_DONE = "status = 'overdue'"
MISSED = "status = 'overdue' and ended_by is not null"


@dataclass(frozen=True)
class Column:
    """A column: its heading, what it holds, and the condition on the flags that its numbers count.

    `sheet` is for the workbook only; `under` stands on the page beneath the cell before it.
    """

    heading: str
    kind: Kind = "number"
    where: str = ""
    width: int = 11
    sheet: bool = False
    under: bool = False


@dataclass(frozen=True)
class Row:
    """A row: its cells (None where there is nothing to say), the condition it counts, and what stands under its name on the page."""

    cells: tuple[Any, ...]
    where: str = ""
    note: str = ""
    kind: Literal["row", "sum"] = "row"
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its name as a sheet, its caption and the condition that all of it shares."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    where: str = ""
    says: str = ""


def _n(number: Number) -> int | str:
    return SMALL if number is None else number


def _statuses(name: str) -> list[str]:
    """The statuses that a name stands for."""
    return [STATUSES[code] for code in {**EACH, **TOGETHER}[name]]


def _share(share: float | None, judged: Number) -> float | str | None:
    """A share; nothing where there is nothing to judge."""
    return SMALL if judged is None or (share is None and judged) else share


def of_statuses(names: Sequence[str]) -> str:
    """The condition on the status."""
    return f"status = '{names[0]}'" if len(names) == 1 else f"status in ({', '.join(repr(n) for n in names)})"


# ------------------------------------------------------------------------------------------------------- what was run


def sources(found: Summary) -> Table:
    """What was read."""
    aside = bool(found.counts["set_aside"])
    names = ("read", "used", "rejected", "set_aside") if aside else ("read", "used", "rejected")
    columns = (
        Column("Source", "text", width=40),
        Column("Format", "text", width=20),
        Column("Records read"),
        Column("Used"),
        Column("Rejected"),
        *([Column("Set aside")] if aside else []),
        Column("SHA-256 of the file", "text", width=70),
    )
    rows = [Row((s.name, s.format, *(getattr(s, name) for name in names), s.sha256 or None)) for s in found.sources]
    if len(rows) > 1:
        sums = [sum(getattr(s, name) for s in found.sources) for name in names]
        rows.append(Row(("All sources", None, *sums, None), kind="sum"))
    return Table("Sources", f"What was read: read = used + rejected{' + set aside' if aside else ''}", columns, tuple(rows))


def local_values(found: Summary) -> Table:
    """The values that the authority sets."""
    columns = (
        Column("Local value", "text", width=60),
        Column("Value", "text", width=24),
        Column("Name", "text", width=36),
        Column("Checked", "text", width=36),
    )
    rows = (
        Row((v.title, f"{v.value} (changed for this run)" if v.changed else v.value, v.name, MARK_WORDS[v.verified])) for v in found.local
    )
    return Table("Local values", "Values that the authority sets, as they were in this run", columns, tuple(rows))


def rejected(found: Summary) -> Table:
    """Records that could not be used, by reason."""
    columns = (
        Column("Why", "text", width=80),
        Column("Source", "text", width=40),
        Column("Records"),
        Column("First rows", "text", width=30),
    )
    rows = [
        Row(
            (
                line.why,
                line.source,
                line.count,
                listed([f"{p:,}" for p in line.places]) + (" and more" if line.count > len(line.places) else ""),
            )
        )
        for line in found.rejected
    ]
    return Table("Rejected", "Records rejected, by reason", columns, tuple(rows))


# --------------------------------------------------------------------------------------------------------------- rules

_HEADINGS = {"met": "On time", "late": "Late", "early": "Too early", "overdue": "Not done", "due_soon": "Due soon", "due": "Due"}
_HEADINGS |= {"ended": "Ended", "cannot_tell": "Cannot tell", "late_or_early": "Late or too early", "due_or_due_soon": "Due"}
_JUDGED = ("met", "late", "early", "late_or_early", "overdue")
_ALWAYS = ("met", "late", "late_or_early", "overdue", "cannot_tell")
_CAPTIONS = {
    "history": "Time limits, rule by rule",
    "now": "As things stand now, rule by rule: only the latest dates are held",
    "count": "Patterns recorded, which have no time limit",
}
_SHEETS = {"history": "Rules", "now": "Rules, as things stand now", "count": "Patterns"}


def rules(found: Summary, basis: str) -> Table | None:
    """What each rule found on one basis; None where none did."""
    of_basis = found.of_basis(basis)
    if not of_basis:
        return None
    always = {"count": ("met", "cannot_tell"), "now": ("overdue", "cannot_tell")}.get(basis, _ALWAYS)
    names = [s for s in of_basis[0].statuses if s in always or any(r.statuses[s] != 0 for r in of_basis)]
    heading = {**_HEADINGS, "met": "Recorded"} if basis == "count" else _HEADINGS
    columns = [
        Column("Rule", "text", width=60),
        Column("Id", "text", width=34, sheet=True),
        Column("Service", "text", width=24, sheet=True),
    ]
    columns += [Column("Authority", "text", width=24, sheet=True), Column("Checked", "text", width=36, sheet=True)]
    columns.append(Column("Started"))
    for s in names:
        columns.append(Column(heading[s], where=of_statuses(_statuses(s))))
        if s == "overdue" and basis != "count":
            columns.append(Column("Of them ended since", where=MISSED))
    columns.append(Column("Cannot tell, and why", "text", width=60, under=True))
    if basis != "count":
        judged = ("overdue", "due_soon", "due") if basis == "now" else ("met", "late", "early", "overdue")
        columns += [Column("Judged", where=of_statuses(judged), sheet=True)]
        share = "Share not yet due" if basis == "now" else "Share on time"
        columns += [Column(share, "share"), Column("Share of what", "text", width=44, under=True)]
    rows = [_rule(row, names, basis) for row in (*of_basis, found.totals[basis])]
    where = f"basis = '{basis}'"
    return Table(_SHEETS[basis], _CAPTIONS[basis], tuple(columns), tuple(rows), where, _SAYS[basis])


NOT_DONE = (
    "Not done: the last day on time has passed (status 'overdue'). Of them ended since: something ended the duty before it was done, such "
    "as a case closed or a plan ended, so nothing is left to do; the others are overdue now."
)
_SAYS = {
    "history": "Share on time is on time, out of on time + late + too early + not done. What is due, ended or cannot be told is in no "
    "share. " + NOT_DONE,
    "now": "The source holds only the latest dates, so this says nothing of how often it was on time. "
    "The share is what is not yet due, out of not yet due + overdue now, without what has ended. " + NOT_DONE,
    "count": "These have no time limit, and so no share.",
}


def _rule(row: RuleRow, names: Sequence[str], basis: str) -> Row:
    authority = AUTHORITY_WORDS.get(row.authority, "")
    mark = MARK_WORDS.get(row.verified, "")
    cells: list[Any] = [row.title, row.rule or None, row.service.replace("_", " ").capitalize() or None, authority or None, mark or None]
    because = [f"{n:,}: {BECAUSE_WORDS[name]}" for name, n in row.because.items() if n is not None]
    cells.append(_n(row.started))
    for s in names:
        cells.append(_n(row.statuses[s]))
        if s == "overdue" and basis != "count":
            cells.append(_n(row.missed))
    cells.append("; ".join(because) or None)
    if basis != "count":
        cells += [_n(row.judged), _share(row.share, row.judged), share_words(row)]
    group = row.service.replace("_", " ").capitalize()
    return Row(tuple(cells), row.where, f"{authority}; {mark}" if authority else "", "row" if row.rule else "sum", group)


def share_words(row: RuleRow) -> str | None:
    """The denominator of a share spelt out: `85 of 100: 85 on time + 10 late + 5 not done`."""
    if row.judged is None:
        return None
    if not row.judged:
        return "nothing to judge"
    if row.basis == "now":
        return f"{row.on_time:,} of {row.judged:,}: {row.on_time:,} not yet due + {row.judged - (row.on_time or 0):,} overdue now"
    parts = [f"{n:,} {_HEADINGS[name].lower()}" for name in _JUDGED if (n := row.statuses.get(name))]
    return f"{row.on_time:,} of {row.judged:,}: {' + '.join(parts)}"


def _of(row: MonthRow | TeamRow) -> str | None:
    """What a share is out of: `11 of 15`."""
    return None if row.met is None or not row.judged else f"{row.met:,} of {row.judged:,}"


# ---------------------------------------------------------------------------------------- days late, months, cases, teams


def bands(found: Summary) -> Table:
    """How late: duties by days late."""
    columns = [
        Column("Days late", "text", width=24),
        Column("Done late", where="basis = 'history' and status = 'late'"),
        Column("Not done, from the history", where="basis = 'history' and status = 'overdue'"),
    ]
    now = any(b.overdue_now != 0 for b in found.bands)
    if now:
        columns.append(Column("Not done, latest dates only", where="basis = 'now' and status = 'overdue'"))
    rows = [Row((b.label, _n(b.late), _n(b.overdue), *((_n(b.overdue_now),) if now else ())), b.where) for b in found.bands]
    says = "Calendar days from the due date to the day it was done or ended, or to the as-of date. Less than a day: a clock in hours."
    return Table("Days late", "Duties by how many days late", tuple(columns), tuple(rows), "", says)


def months(found: Summary) -> Table:
    """Duties by the month they fell due."""
    columns = (
        Column("Fell due", "text", width=32),
        Column("On time", where="status = 'met'"),
        Column("Late or too early", where=of_statuses(("late", "early"))),
        Column("Not done", where="status = 'overdue'"),
        Column("Judged", where=of_statuses(("met", "late", "early", "overdue"))),
        Column("Share on time", "share"),
        Column("Share of what", "text", width=16, under=True),
    )
    rows = tuple(
        Row((m.label, _n(m.met), _n(m.late), _n(m.overdue), _n(m.judged), _share(m.share, m.judged), _of(m)), m.where) for m in found.months
    )
    says = (
        "By the month in which duties fell due, as known in this run: a duty that was overdue at the end of its month and was done later "
        "counts as late, not as not done. It is not how things stood at each month's end; `rrt trend` says that."
    )
    first = found.months[0]
    if first.month and len([m for m in found.months if m.month]) < MONTHS_SHOWN:
        says += f" Nothing fell due before {first.label.partition(',')[0]} that can be judged."
    return Table("Months", "Duties with a history, by the month in which they fell due", columns, tuple(rows), "basis = 'history'", says)


def cases(found: Summary) -> Table:
    """The children with something overdue who have waited longest."""
    columns = (
        Column("Case", "text", width=22),
        Column("Overdue longest", "text", width=60),
        Column("Rule", "text", width=34, sheet=True),
        Column("Due", "date", width=16),
        Column("Calendar days late", width=10, where=f"max(days_late) where {OPEN}"),
        Column("Overdue in all", where=OPEN),
        Column("Team", "text", width=24),
        Column("Worker", "text", width=24),
    )
    rows = tuple(
        Row(
            (c.case, c.title, c.rule, c.due or None, c.days_late, c.overdue, c.team or NO_TEAM, c.worker),
            c.where,
            f"{c.rule}; as things stand now" if c.basis == "now" else c.rule,
        )
        for c in found.cases
    )
    return Table("Cases", "Children with something overdue that can still be done, longest first", columns, rows)


def teams(found: Summary) -> Table:
    """What each team's children have."""
    columns = [Column("Team", "text", width=30), Column("Children", where=CHILDREN)]
    if not found.under:
        columns.append(Column("Children with something overdue", where=f"{CHILDREN} where {OPEN}"))
    history = (("On time", ("met",)), ("Late or too early", ("late", "early")), ("Not done", ("overdue",)))
    others = (("Due", ("due", "due_soon")), ("Ended", ("ended",)), ("Cannot tell", ("cannot_tell",)))
    columns += [Column("Started", where="basis = 'history'")]
    columns += [Column(name, where=f"basis = 'history' and {of_statuses(s)}") for name, s in (*history, *others)]
    columns += [Column("Judged", where=f"basis = 'history' and {of_statuses(('met', 'late', 'early', 'overdue'))}")]
    columns += [Column("Share on time", "share"), Column("Share of what", "text", width=16, under=True)]
    now = found.team_totals.overdue_now != 0 or found.team_totals.running_now != 0
    if now:
        heading = "Not done, latest dates only" if found.under else "Overdue, as things stand now"
        columns += [Column(heading, where=f"basis = 'now' and {ALL_NOT_DONE if found.under else OPEN}")]
        columns += [Column("Not yet due, as things stand now", where=f"basis = 'now' and {of_statuses(('due', 'due_soon'))}")]
    if not found.under:
        columns.append(Column("Missed, and ended since", where=MISSED))
    rows = []
    for team in (*found.teams, found.team_totals):
        cells: list[Any] = [team.team or NO_TEAM, _n(team.children), *(() if found.under else (_n(team.children_overdue),))]
        cells += [
            _n(team.started),
            _n(team.met),
            _n(team.late),
            _n(team.overdue),
            _n(team.due),
            _n(team.ended),
            _n(team.cannot_tell),
            _n(team.judged),
            _share(team.share, team.judged),
            _of(team),
        ]
        cells += [_n(team.overdue_now), _n(team.running_now)] if now else []
        cells += [] if found.under else [_n(team.missed)]
        rows.append(Row(tuple(cells), team.where, kind="sum" if team is found.team_totals else "row"))
    says = (
        "The team recorded last for each child by the as-of date, whoever had the child when a duty fell due. "
        "Children are those with any duty or pattern. "
        "Not done counts what has ended since, as the share does"
        + ("." if found.under else "; children with something overdue are those with something that can still be done.")
    )
    return Table("Teams", "Duties by team", tuple(columns), tuple(rows), "", says)


# ---------------------------------------------------------------------------------------------------------------- KPIs


def kpis(found: Summary) -> Table | None:
    """Measures beside published figures; None where they were not worked out."""
    measured = found.kpis.found
    if measured is None:
        return None
    columns = (
        Column("Measure", "text", width=56),
        Column("Id", "text", width=26, sheet=True),
        Column("Read", "text", width=22),
        Column("Figure", "text", width=16),
        Column("Of", "text", width=16),
        Column("Value", "measure", sheet=True),
        Column("Numerator", sheet=True),
        Column("Denominator", sheet=True),
        Column("England", "text", width=26),
        Column("Birmingham", "text", width=26),
        Column("To be said of it", "text", width=70),
    )
    rows = []
    for line in measured.lines:
        measure, cell = line.measure, line.period
        beside = [latest_for(measure, area) for area in ("England", "Birmingham")]
        published = [f"{published_words(measure, c)} ({short_year(c.year)})" if c else None for c in beside]
        says = [
            w
            for w in (
                apart_words(cell),
                "" if line.basis == "now" else cell.says,
                *line.notes,
                *(() if found.under else cannot_words(line)),
            )
            if w
        ]
        cells = (
            name_words(measure),
            measure.id,
            BASIS_WORDS[line.basis],
            figure_words(measure, cell),
            of_words(measure, cell),
            cell.value,
            cell.numerator,
            None if measure.show in ("number", "rate") else cell.denominator,
            *published,
            "; ".join(says) or None,
        )
        rows.append(Row(cells, f"--measure {measure.id}", group=group_words(measure.group)))
    return Table("KPIs", f"Measures, {period_words(measured.asked.window)}", columns, tuple(rows), command_words(found.kpis), "")


# ------------------------------------------------------------------------------------------------------------ together


def every(found: Summary) -> list[Table]:
    """All tables, in the order of the report; those that would be empty are left out."""
    kinds = [rules(found, basis) for basis in ("history", "now", "count")]
    tables = [
        sources(found),
        rejected(found),
        *kinds,
        bands(found),
        months(found),
        cases(found),
        teams(found),
        kpis(found),
        local_values(found),
    ]
    return [table for table in tables if table is not None and table.rows]


def by_group(table: Table) -> list[tuple[str, list[Row]]]:
    """Rows in their groups, in order."""
    return [(name, list(rows)) for name, rows in groupby(table.rows, key=lambda row: row.group)]


@dataclass(frozen=True)
class Across:
    """A cell of the page: its text, whether it is a number, and what stands beneath it."""

    text: str
    number: bool
    under: str = ""


def across(table: Table, row: Row) -> list[Across]:
    """The cells of a row of the page, from left to right."""
    cells: list[Across] = []
    for column, value in zip(table.columns, row.cells, strict=True):
        if column.under:
            cells[-1] = replace(cells[-1], under=value or "")
        elif not column.sheet:
            cells.append(Across(shown(column, value), column.kind in ("number", "share")))
    return cells


def shown(column: Column, value: Any) -> str:
    """A cell as people read it."""
    if value is None:
        return "–"
    if column.kind == "date":
        day = date.fromisoformat(value)
        return f"{day.day} {day:%B %Y}"
    if isinstance(value, str):
        return value
    return f"{value:.1%}" if column.kind == "share" else f"{value:,}"


__all__ = ["NO_TEAM", "SMALL", "Column", "Row", "Table", "by_group", "every", "of_statuses", "share_words", "shown"]
