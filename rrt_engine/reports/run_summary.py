"""A finished run as the figures a report shows: counted once, with small numbers left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.replay.flag_rows import BASES
from rrt_engine.reports.run_counts import COLUMNS, Counts, counted
from rrt_engine.reports.run_kpis import Kpis
from rrt_engine.reports.run_rows import band_rows, case_row, month_rows, rule_rows, team_rows
from rrt_engine.reports.run_seen import Tables
from rrt_engine.reports.run_shapes import LocalValue, Number, RejectedLine, RuleRow, SourceLine, Summary

if TYPE_CHECKING:
    from rrt_engine.replay.run_folder import Run
    from rrt_engine.rulebook.book import RuleBook

CASES = 50
REASONS_SHOWN = 40
PLACES_SHOWN = 5


def summary_of(run: Run, under: int = 0, cases: int = CASES, kpis: Kpis | None = None) -> Summary:
    """Count a run. With `under`, numbers about fewer children are left out, and with them whatever may name a case.

    Raises InputError where the whole run is about fewer children than that.
    """
    from rrt_engine.reports.run_kpis import Kpis

    book, manifest = run.book, run.manifest
    _enough(run, under)
    as_of = run.as_of
    ids = list(dict.fromkeys(rule.id for rule in book.rules))
    found = counted(run.batches(columns=list(COLUMNS)), ids, as_of.day, 0 if under > 1 else cases, under > 1)
    tables = Tables(found, as_of.day, under)
    rules, totals = rule_rows(book, tables)
    rejected, reasons = _rejected(run, under)
    teams, team_totals = team_rows(tables)
    lacking = run.not_evaluable()
    return Summary(
        engine=str(manifest["engine"]),
        rule_set={name: str(manifest["rules"][name]) for name in ("id", "version", "digest")},
        rule_title=book.title,
        notice=book.notice,
        changes=run.changes,
        announced_to=str(manifest["calendar"]["announced_to"]),
        as_of=as_of,
        as_known=manifest["as_known"],
        under=under if under > 1 else 0,
        sources=_sources(manifest, under),
        counts=_counts(found, tables, manifest),
        rejected=rejected,
        rejected_reasons=reasons,
        set_aside=_set_aside(run, under),
        said=() if under > 1 else _said(run),
        local=_local(book, {name for name, _ in run.changes}),
        totals=totals,
        rules=rules,
        never_answered=_lacking(run.never_answered(), book),
        not_evaluable=_lacking(lacking, book),
        silent=_silent(book, rules, set(lacking)),
        bands=band_rows(tables),
        months=month_rows(tables, as_of.day),
        cases=tuple(case_row(each, book) for each in found.waiting),
        teams=teams,
        team_totals=team_totals,
        kpis=kpis or Kpis(None, "they were not asked for"),
    )


def _enough(run: Run, under: int) -> None:
    children = int(run.manifest["counts"]["children"])
    if 0 < children < under:
        message = f"the whole run is about fewer than {under} children, so nothing of it can be shared"
        help = "make a report of a run of more children; without --suppress-under a report is for those who may see each case"
        raise InputError([Diagnostic(str(run.folder), 0, 0, "too-few", message, "error", "", help)])


def _sources(manifest: Mapping[str, Any], under: int) -> tuple[SourceLine, ...]:
    """What was read. A file may be named after a child, so for sharing a source has a number and its digest tells which it is."""
    lines = [SourceLine(**{name: source[name] for name in SourceLine.__dataclass_fields__}) for source in manifest["sources"]]
    return tuple(replace(line, name=f"Source {n}") if under > 1 else line for n, line in enumerate(lines, 1))


def _set_aside(run: Run, under: int) -> tuple[tuple[str, str], ...]:
    """Parts that could not be worked out, and why; for sharing without why, which may hold values from records."""
    if under > 1:
        return tuple((f"part {n}", "why is left out here") for n, _ in enumerate(run.set_aside(), 1))
    return tuple(run.set_aside().items())


def _said(run: Run) -> tuple[Diagnostic, ...]:
    """What was said of the files; what is said of a row is not said of its file again."""
    said = run.diagnostics()
    of_rows = {(Path(d.file).name, d.code, d.message) for d in said if d.line}
    once = dict.fromkeys(d for d in said if d.line or (Path(d.file).name, d.code, d.message) not in of_rows)
    return tuple(once)


def _counts(found: Counts, tables: Tables, manifest: Mapping[str, Any]) -> dict[str, Number]:
    """How much was read and found. Records are of files, not of people, and are always shown.

    For sharing, the number of flags is left out where the totals of the tables do not add up to it, and that of events where it would,
    beside the records, tell of a few children without one.
    """
    said = manifest["counts"]
    counts: dict[str, Number] = {name: int(said[name]) for name in ("read", "used", "rejected", "set_aside", "events", "after_as_of")}
    counts["flags"], counts["events_set_aside"] = found.flags, int(said["events_set_aside"])
    counts["counted_once"], counts["disagreements"] = int(manifest["merged"]["counted_once"]), int(manifest["merged"]["disagreements"])
    people = {"children": int(said["children"]), "children_with_duties": found.people, "children_overdue": found.people_overdue}
    people["children_shared"] = int(manifest["merged"]["shared"])
    counts |= people
    under = tables.under
    if under > 1:
        if not all(tables.seen[f"rule {code}"].total for code in range(len(BASES))):
            counts["flags"] = None
        rest = {"children": people["children"] - found.people, "children_overdue": found.people - found.people_overdue}
        rest["children_shared"] = people["children"] - people["children_shared"]
        for name, n in people.items():
            if 0 < n < under or 0 < rest.get(name, 0) < under:
                counts[name] = None
        if counts["children"] is None or 0 < abs(int(said["used"]) - int(said["events"])) < under:
            counts["events"] = None
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


def _lacking(lacking: Mapping[str, Sequence[str]], book: RuleBook) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Rules with the kinds of event that are not there."""
    return tuple((rule, book.named(rule)[-1].spec.title, tuple(kinds)) for rule, kinds in lacking.items())


def _silent(book: RuleBook, rules: Sequence[RuleRow], lacking: set[str]) -> tuple[tuple[str, str], ...]:
    """Rules in force that something could have started in this run, and nothing did."""
    known = {row.rule for row in rules} | lacking
    return tuple(dict.fromkeys((r.id, r.spec.title) for r in book.rules if r.spec.stage == "in_force" and r.id not in known))
