"""Runs: the report of a replay, its cases by rule, status, team and service, and what moved between two."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.replay.compare import Comparison, check_comparable, compare_runs
from rrt_engine.replay.run_folder import Run
from rrt_engine.reports import compare_tables as tables
from rrt_engine.reports import run_cases, run_page
from rrt_engine.reports.compare_words import KIND_WORDS, cause_words, duty_words
from rrt_engine.reports.run_kpis import Kpis, kpis_of
from rrt_engine.reports.run_shapes import Summary
from rrt_engine.reports.run_summary import summary_of
from rrt_engine.reports.run_tables import NO_TEAM, across, by_group, every
from rrt_engine.target import no_room
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Download, Missing, Page, Shown, Whole, Wrong
from rrt_engine.web.works import NotYet
from rrt_engine.words import as_known_words, as_of_text, as_of_words, counted_words

PER_PAGE = 100
SHARING = 5
"""A report for sharing leaves out numbers about fewer children."""
MOST_ROWS = 1_000_000
"""A table of more duties is made by `rrt report`, not by a page."""
RULES = 60
PATIENCE, GLANCE = 5.0, 1.0
"""For how many seconds a page waits for what it shows before it says to wait; and the list, for what it can do without."""
KINDS = {"html": "text/html; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
KINDS |= dict.fromkeys(("flags", "summary"), "text/csv; charset=utf-8")
Handler = Callable[[Desk, Asked], Shown]


def waits(handler: Handler) -> Handler:
    """A page that says to wait, and looks again by itself, while what it shows is being made."""

    @wraps(handler)
    def waiting(desk: Desk, asked: Asked) -> Shown:
        try:
            return handler(desk, asked)
        except NotYet as yet:
            shown = {"nav": "runs", "seconds": yet.seconds, "others": yet.others, "file": bool(asked.one("file"))}
            return Page("run_wait.html.j2", "Please wait", shown, refresh=5)

    return waiting


# ------------------------------------------------------------------------------------------------ one run


def runs(desk: Desk, asked: Asked) -> Shown:
    """The runs that were named when the pages were started."""
    return _list(desk, sorted(range(len(desk.runs)), key=lambda number: as_of_text(desk.runs[number].as_of))[-2:])


def _list(desk: Desk, chosen: Sequence[int], wrong: Sequence[Wrong] = ()) -> Page:
    """The list of runs, with the two that are chosen to compare."""
    shown = {"runs": [_about(desk, number) for number in range(len(desk.runs))], "chosen": chosen}
    return Page("runs.html.j2", "Runs", shown, wrong, 422 if wrong else 200)


def _about(desk: Desk, number: int) -> dict[str, Any]:
    """What a run is, and what has become of it since."""
    one = desk.runs[number]
    counts, rules = one.manifest["counts"], one.manifest["rules"]
    about = {
        "number": number,
        "name": one.folder.name or str(one.folder),
        "as_of": as_of_words(one.as_of) + as_known_words(one.as_known),
        "rules": f"{rules['id']} {rules['version']}",
        "digest": rules["digest"][:12],
        "changed": len(rules["changes"]),
        "counts": counts,
        "aside": len(one.set_aside()),
        "wrong": "",
        "events": "",
    }
    try:
        one.check_unchanged()
    except InputError as error:
        return about | {"wrong": _said(error)}
    try:
        missing = desk.works.ask(("events", number, _events(one)), one.missing_events, GLANCE)
        about["events"] = "" if not missing else f"{missing[0]}{f' and {len(missing) - 1:,} more' if len(missing) > 1 else ''}"
    except NotYet:
        about["events"] = "being looked at; open this page again"
    return about


def _events(one: Run) -> tuple[Any, ...]:
    """The files of events as they are now, by which it shows that one has changed."""
    files = dict.fromkeys(part.file for part in one.parts)
    return tuple((str(f), f.stat().st_size, f.stat().st_mtime_ns) if f.exists() else (str(f),) for f in files)


@waits
def run(desk: Desk, asked: Asked) -> Shown:
    """What a run found, with every number of its table of rules leading to its cases."""
    number, one = _run(desk, asked)
    found = _summary(desk, number)
    made = {table.name: table for table in every(found)}
    names = ("Rules", "Rules, as things stand now", "Patterns", "Teams")
    services = list(dict.fromkeys(row.service for row in found.rules))
    shown = {
        "nav": "runs",
        "number": number,
        "name": one.folder.name,
        "found": found,
        "heading": run_page.title(found),
        "answer": run_page.answer(found),
        "about": run_page.about(found),
        "never": [f"{title} ({rule}): no {', '.join(kinds)}" for rule, title, kinds in found.never_answered],
        "tables": [made[name] for name in names if name in made],
        "grouped": by_group,
        "across": across,
        "cells": partial(_cells, found),
        "sharing": SHARING,
        "too_large": (found.counts["flags"] or 0) > MOST_ROWS,
        "folder": str(one.folder),
        **_choices(found, services),
    }
    return Page("run.html.j2", "A run", shown)


def _cells(found: Summary, table: Any, row: Any) -> list[tuple[Any, dict[str, Any]]]:
    """The cells of a row of the page, each with what its number counts, for the query of a link; {} where it is no such number."""
    columns = [column for column in table.columns if not column.sheet and not column.under]
    states = {where: name for name, (_, where) in run_cases.STATES.items()}
    basis = table.where.removeprefix("basis = '").removesuffix("'") if table.where else ""
    rule = next((r.rule for r in found.rules if r.where == row.where and r.basis == basis), "")
    team = next((n for n, t in enumerate(found.teams) if t.where == row.where), None)
    cells = []
    for column, cell in zip(columns, across(table, row), strict=True):
        if not table.where:  # of a team, whose conditions name the basis too
            own, _, state = column.where.partition(" and ")
            query = {"team": team, "basis": own.removeprefix("basis = '").removesuffix("'"), "state": states.get(state, "")}
            known = team is not None and own.startswith("basis") and (not state or state in states)
        else:
            query = {"basis": basis, "rule": rule, "state": states.get(column.where, "")}
            known = column.where in states or column.heading == "Started"
        countable = known and column.kind == "number" and cell.text not in ("0", "–") and row.kind == "row"
        cells.append((cell, query if countable else {}))
    return cells


def _choices(found: Summary, services: Sequence[str]) -> dict[str, Any]:
    """What the cases of a run may be asked for by."""
    return {
        "rules": list(dict.fromkeys((row.rule, row.title) for row in found.rules)),
        "services": services,
        "states": [(name, words) for name, (words, _) in run_cases.STATES.items()],
        "bases": [(name, words) for name, words in run_cases.BASIS_WORDS.items() if found.of_basis(name)],
        "teams": [(str(n), row.team or NO_TEAM) for n, row in enumerate(found.teams)],
    }


@waits
def cases(desk: Desk, asked: Asked) -> Shown:
    """The duties of a run that are asked for, a page at a time, each leading to its child where the data hold it."""
    number, one = _run(desk, asked)
    found = _summary(desk, number)
    choices = _choices(found, list(dict.fromkeys(row.service for row in found.rules)))
    known = {"rule": choices["rules"], "service": [(s, s) for s in choices["services"]], "state": choices["states"]}
    known |= {"basis": [(name, words) for name, words in run_cases.BASIS_WORDS.items()], "team": choices["teams"]}
    query = {name: asked.one(name) for name in known if asked.one(name)}
    if strange := [name for name, value in query.items() if value not in {key for key, _ in known[name]}]:
        raise Missing(f"This run knows no such {' or '.join(strange)}. Choose again from its page.")
    team = found.teams[int(query["team"])] if "team" in query else None
    plain = {name: value for name, value in query.items() if name != "team"}
    wanted = run_cases.Wanted(**plain, team=team)
    counted = desk.works.ask(("cases", number, wanted), lambda: run_cases.count(one, wanted), PATIENCE)
    pages = max(1, -(-counted.total // PER_PAGE))
    page = min(max(1, _number(asked.one("page"))), pages)
    rows = run_cases.some(one, wanted, counted, (page - 1) * PER_PAGE, PER_PAGE)
    shown = {
        "nav": "runs",
        "number": number,
        "name": one.folder.name,
        "heading": run_page.title(found),
        "rows": [(row, run_cases.row_words(row, one.book), desk.find_of(one, row["case"])) for row in rows],
        "as_of": as_of_text(one.as_of),
        "counted": counted,
        "where": wanted.where,
        "query": query,
        "page": page,
        "pages": pages,
        **_opens(desk, one),
        **choices,
    }
    return Page("run_cases.html.j2", "Cases of a run", shown)


# ------------------------------------------------------------------------------------------------ its report


@waits
def report(desk: Desk, asked: Asked) -> Shown:
    """The whole report as it is sent to somebody; or a file of it."""
    number, one = _run(desk, asked)
    kind, under = asked.one("file"), SHARING if asked.one("sharing") == "yes" else 0
    found = _reported(desk, number, under)
    if not kind:
        text = run_page.page(found)
        return Whole(text, run_page.policy())
    if kind not in KINDS or (under and kind == "flags"):
        raise Missing("There is no such file of a report.")
    if kind == "flags" and (found.counts["flags"] or 0) > MOST_ROWS:
        help = f"make it with `rrt report {one.folder} -o report.csv`"
        message = f"a table of more than {MOST_ROWS:,} duties is too large for a page"
        raise InputError([Diagnostic(str(one.folder), 0, 0, "too_large", message, "error", "", help)])
    stem = f"report-{as_of_text(one.as_of)[:10]}{'-for-sharing' if under else ''}"
    name = f"{stem}-{kind}.csv" if kind in ("flags", "summary") else f"{stem}.{kind}"
    return Download(name, partial(_write, found, one, kind), KINDS[kind])


def _write(found: Summary, one: Run, kind: str, target: Path) -> None:
    """Write a file of a report, as `rrt report` does."""
    from rrt_engine.reports.run_csv import write_flags, write_summary
    from rrt_engine.reports.run_workbook import write_workbook

    if kind == "html":
        target.write_text(run_page.page(found), encoding="utf-8", newline="\n")
    elif kind == "xlsx":
        write_workbook(found, one, target)
    elif kind == "flags":
        write_flags(one, target)
    else:
        write_summary(found, target)


def _summary(desk: Desk, number: int) -> Summary:
    """The figures of a run, without measures."""
    none = Kpis(None, "they were not asked for")
    found: Summary = desk.works.ask(("summary", number), lambda: summary_of(desk.runs[number], kpis=none), PATIENCE)
    return found


def _reported(desk: Desk, number: int, under: int) -> Summary:
    """The figures of a run with its measures, as `rrt report` gives them."""

    def make() -> Summary:
        one = desk.runs[number]
        kpis = kpis_of(one, under)
        made = desk.works.known(("summary", number)) if not under else None
        return replace(made, kpis=kpis) if made is not None else summary_of(one, under, kpis=kpis)

    found: Summary = desk.works.ask(("report", number, under), make, PATIENCE)
    return found


# ------------------------------------------------------------------------------------------------ two runs


@waits
def compare(desk: Desk, asked: Asked) -> Shown:
    """What moved between two runs."""
    if not asked.one("a") or not asked.one("b"):
        raise Missing("Choose two runs to compare, the earlier and the later.")
    numbers = [_number(asked.one(name), len(desk.runs)) for name in ("a", "b")]
    if any(number >= len(desk.runs) for number in numbers):
        raise Missing("There is no such run.")
    one, two = (desk.runs[number] for number in numbers)
    try:
        check_comparable(one, two)
    except InputError:
        return _list(desk, numbers, [Wrong("b", "Choose another run: a run is not compared with itself")])
    for each in (one, two):
        each.check_unchanged()
    found: Comparison = desk.comparisons.ask(("compare", *numbers, _events(one), _events(two)), lambda: _compared(one, two), PATIENCE)
    moved = found.found
    causes = not found.without_cause
    by_rule, others = tables.rule_table(moved, RULES)
    several = len({cause for _, cause in moved.because}) > 1
    shown = {
        "nav": "runs",
        "names": (one.folder.name, two.folder.name),
        "numbers": numbers,
        "runs": [(each.folder.name, tables.run_words(each)) for each in (one, two)],
        **_opens(desk, two),
        "turned": tables.order_words(one, two),
        "differs": tables.difference_words(found),
        "aside": tables.set_aside_words(found) if found.set_aside or found.lost else [],
        "without": found.without_cause,
        "totals": tables.totals(moved),
        "kinds": tables.kind_lines(moved, found.factors, KIND_WORDS, causes),
        "said": [
            line
            for line in (
                tables.corrected_words(moved),
                tables.one_cause_words(moved, found.factors, causes),
                tables.not_again_words(moved),
            )
            if line
        ],
        "by_rule": by_rule if moved.moved else None,
        "others": others,
        "by_team": tables.team_table(moved) if moved.moved else None,
        "cases": [
            (
                KIND_WORDS[kind],
                moved.kinds[kind],
                [
                    (row["case"], *duty_words(row), cause_words(row["because"] or "") if several else "", desk.find_of(two, row["case"]))
                    for row in moved.first(kind)
                ],
            )
            for kind in KIND_WORDS
            if moved.kinds[kind]
        ],
        "as_of": as_of_text(two.as_of),
        "folders": (str(one.folder), str(two.folder)),
    }
    return Page("compare.html.j2", "Two runs compared", shown)


def _compared(one: Run, two: Run) -> Comparison:
    try:
        with tempfile.TemporaryDirectory() as folder:
            return compare_runs(one, two, Path(folder))
    except OSError as error:
        raise no_room(error) from None


# ------------------------------------------------------------------------------------------------ together


def _run(desk: Desk, asked: Asked) -> tuple[int, Run]:
    """The run of the address, as it still is. Raises Missing, and InputError where its folder has changed."""
    number = _number(asked.path["run"], len(desk.runs))
    if number >= len(desk.runs):
        raise Missing("There is no such run. Runs are named when the pages are started: `rrt serve --run FOLDER`.")
    desk.runs[number].check_unchanged()
    return number, desk.runs[number]


def _opens(desk: Desk, one: Run) -> dict[str, Any]:
    """Whether the cases of a run open in the data; and what counts in the run and there, in words, where that is not the same."""
    same = desk.as_known == one.as_known
    return {
        "has_data": desk.replay is not None,
        "same_data": desk.shares(one),
        "by_when": () if same else (counted_words(one.as_known), counted_words(desk.as_known)),
    }


def _number(text: str, otherwise: int = 0) -> int:
    """A number of the address."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else otherwise


def _said(error: InputError) -> str:
    return "; ".join(f"{d.message}{f': {d.help}' if d.help else ''}" for d in error.diagnostics)
