"""A report as one page: self-contained, without a script, readable by a screen reader, made to be printed or sent."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path

from rrt_engine.calendar import day_number
from rrt_engine.model import plural
from rrt_engine.reports.documents import REMINDER
from rrt_engine.reports.run_charts import can_draw, charts
from rrt_engine.reports.run_kpis import command_words
from rrt_engine.reports.run_shapes import Summary
from rrt_engine.reports.run_summary import REASONS_SHOWN
from rrt_engine.reports.run_tables import NOT_DONE, OPEN, SMALL, across, by_group, every
from rrt_engine.words import STATUS_WORDS, as_of_words, listed, short_day_words

_TEMPLATES = Path(__file__).parent / "templates"
_SAID_SHOWN = 25
_HEADINGS = {
    "run": "What was run",
    "rejected": "Records rejected, and why",
    "rules": "Rule by rule",
    "late": "How late",
    "trend": "Month by month",
    "cases": "Cases needing attention, longest overdue first",
    "teams": "By team",
    "kpis": "Measures beside published figures",
    "method": "Method and limits",
}


def page(found: Summary) -> str:
    """The whole page as text. The same run gives the same page."""
    import jinja2

    loader = jinja2.FileSystemLoader(_TEMPLATES)
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style = _style()
    tables = {table.name: table for table in every(found)}
    text = made.get_template("report.html.j2").render(
        found=found,
        title=title(found),
        style=style,
        policy=policy(),
        answer=answer(found),
        contents=list(_HEADINGS.items()),
        heading=_HEADINGS,
        about=about(found),
        changed=_changed(found),
        not_used=_not_used(found),
        said=_said(found),
        traced=TRACED,
        never=[f"{title} ({rule}): no {', '.join(kinds)}" for rule, title, kinds in found.never_answered],
        tables=tables,
        rule_tables=[tables[name] for name in ("Rules", "Rules, as things stand now", "Patterns") if name in tables],
        charts=charts(found),
        cases_words=_cases(found),
        kpi_words=_kpis(found),
        method=method(found),
        notice=found.notice if REMINDER in found.notice else f"{found.notice} {REMINDER}",
        grouped=by_group,
        across=across,
    )
    return text.strip() + "\n"


def policy() -> str:
    """What the page may load: nothing but its own style."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _style() -> str:
    return (_TEMPLATES / "report.css").read_text(encoding="utf-8")


TRACED = (
    "Every number can be counted again: it is the number of rows of flags/*.parquet, in the folder of the run, for which the condition "
    "beside the table's name, the one under the row's name and the one under the column's heading all hold. The conditions are SQL."
)


def title(found: Summary) -> str:
    """The name of the report."""
    return f"Time limits as at {as_of_words(found.as_of)}"


def answer(found: Summary) -> str:
    """What the run found, in a sentence."""
    c = found.counts
    if not found.rules:
        return "No time limit starts from the events that were read."
    history, now = found.totals.get("history"), found.totals.get("now")
    said = [f"{_some(c['flags'])}duties and patterns of {_people(c['children_with_duties'])}"]
    rows = [row for row in (history, now) if row]
    not_done, missed = _all([row.statuses["overdue"] for row in rows]), _all([row.missed for row in rows])
    if not_done is not None and missed is not None:
        said.append(f"{not_done - missed:,} overdue now, of {_people(c['children_overdue'])}")
        said += [missed_words(missed)] if missed else []
    elif not_done is not None:
        said.append(f"{not_done:,} not done by the last day on time, overdue now or ended since")
    if history and history.share is not None:
        said.append(f"{history.share:.1%} on time ({history.on_time:,} of the {history.judged:,} with a history that can be judged)")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def missed_words(n: int) -> str:
    """What was missed and has ended, counted apart."""
    return f"{n:,} {'was' if n == 1 else 'were'} missed and {'has' if n == 1 else 'have'} ended since"


def _all(numbers: list[int | None]) -> int | None:
    known = [n for n in numbers if n is not None]
    return sum(known) if known and len(known) == len(numbers) else None


def _some(n: int | None) -> str:
    """A number before what it counts; nothing where it is left out."""
    return "" if n is None else f"{n:,} "


def _people(n: int | None) -> str:
    return "children whose number is left out" if n is None else plural(n, "child", "children")


def about(found: Summary) -> list[tuple[str, str]]:
    """What was run, line by line."""
    rule_set, c = found.rule_set, found.counts
    aside = f" + {c['set_aside']:,} set aside" if c["set_aside"] else ""
    lines = [
        ("As at", as_of_words(found.as_of)),
        ("Records", f"{c['read']:,} read = {c['used']:,} used + {c['rejected']:,} rejected{aside}"),
        (
            "Children",
            f"{_people(c['children'])}, {_some(c['events'])}events; {_people(c['children_with_duties'])} with a duty or a pattern",
        ),
        ("Flags", f"{SMALL if c['flags'] is None else format(c['flags'], ',')}: one for each duty that started, and each pattern"),
        ("Engine", f"rrt {found.engine}"),
        ("Rule set", f"{found.rule_title}, {rule_set['version']}"),
        ("Digest of the rule set", rule_set["digest"]),
        ("Calendar", f"bank holidays of England and Wales, announced to {short_day_words(_day(found.announced_to))}"),
    ]
    if found.as_known:
        lines.insert(1, ("As known", f"only what had been recorded by {short_day_words(_day(found.as_known))}"))
    if c["after_as_of"]:
        lines.insert(4, ("Later events", f"{c['after_as_of']:,} after the as-of date, and not counted"))
    if c["children_shared"]:
        once, differ = plural(c["counted_once"] or 0, "event"), plural(c["disagreements"] or 0, "disagreement")
        shared = f"{_people(c['children_shared'])} in more than one source; {once} counted once; {differ} between the sources"
        lines.append(("Sources put together", shared))
    if found.changes:
        lines.append(("Changed for this run", "; ".join(f"{name} = {value}" for name, value in found.changes)))
    return lines


def _day(iso: str) -> int:
    """A day as written in data."""
    from datetime import date

    return day_number(date.fromisoformat(iso[:10]))


def _changed(found: Summary) -> str:
    changed = listed([f"{v.title}: {v.value}" for v in found.local if v.changed])
    waiting = sum(v.verified == "local value needed" for v in found.local)
    said = [f"The rules use {plural(len(found.local), 'value')} that an authority sets for itself."]
    said += [f"Changed for this run: {changed}."] if changed else []
    said += [f"Of them, {waiting} are common values, used until the authority gives its own: check these first."] if waiting else []
    return " ".join(said)


def _not_used(found: Summary) -> list[str]:
    c = found.counts
    said = [
        f"{c['rejected']:,} of {c['read']:,} records could not be used." if c["rejected"] else f"All {c['read']:,} records could be used."
    ]
    if found.under and c["rejected"]:
        said.append("The reasons are left out here, as they may hold values from records; rejected.parquet of the run has them.")
    if found.rejected_reasons > len(found.rejected):
        more = found.rejected_reasons - len(found.rejected)
        said.append(f"The {REASONS_SHOWN} most frequent reasons are listed, and {plural(more, 'more reason')} are in rejected.parquet.")
    if found.set_aside:
        names = listed([f"{name} ({why})" for name, why in found.set_aside[:_SAID_SHOWN]])
        said.append(
            f"Set aside, and in no figure: {plural(len(found.set_aside), 'part')} of the children could not be worked out: {names}."
        )
    return said


def _said(found: Summary) -> list[str]:
    """Warnings and notes on the files, each with what to do next."""
    shown = [replace(d, file=Path(d.file).name) for d in found.said[:_SAID_SHOWN]]
    said = [f"{d.where()}: {d.severity}: {d.message}{f' ({d.help})' if d.help else ''}" for d in shown]
    if len(found.said) > _SAID_SHOWN:
        said.append(f"and {len(found.said) - _SAID_SHOWN:,} more, in diagnostics.json in the folder of the run")
    return said


def _cases(found: Summary) -> str:
    if found.under:
        return "Cases are not listed in a report for sharing."
    total = found.counts["children_overdue"] or 0
    missed = _all([row.missed for row in found.totals.values()]) or 0
    apart = f" {missed_words(missed)} (a case closed, a plan ended): nothing is left to do, so they are not listed." if missed else ""
    if not total:
        return f"No child has anything overdue.{apart}"
    which = (
        f"The {len(found.cases):,} of {total:,} who have waited longest are listed"
        if total > len(found.cases)
        else f"All {total:,} are listed"
    )
    return (
        f"{plural(total, 'child has', 'children have')} something overdue that can still be done. {which}, by the duty overdue longest; "
        f"all of it is the rows of flags/*.parquet where {OPEN}. A very long wait may be an answer that was never recorded: look at the "
        f"record.{apart}"
    )


def _kpis(found: Summary) -> list[str]:
    measured = found.kpis.found
    if measured is None:
        return [f"The measures are not in this report: {found.kpis.why}. To get them: {command_words(found.kpis)}"]
    said = [
        "Worked out from the events of this run, for the twelve months to the as-of date. Published figures stand beside for orientation, "
        "each with its year; they are no targets, and the areas differ.",
        "To count a figure again, run the command beside the table's name on the sources of the run, with what stands under the "
        "measure's name; --cases lists every case of it, and why it counts.",
    ]
    if measured.not_available:
        names = [each.measure.title for each in measured.not_available]
        said.append(f"Not from these sources: {plural(len(names), 'measure')}; `rrt measures` says of each why not.")
    return said


def method(found: Summary) -> list[tuple[str, list[str]]]:
    """How the figures were made, and what they cannot say."""
    figures = [
        "Each duty that started is one row, with one of eight statuses; they add up to the number started.",
        f"{STATUS_WORDS['met']}, {STATUS_WORDS['late'].lower()}, {STATUS_WORDS['early'].lower()} and not done "
        "can be judged, and the share on time is the first out of the four. What is due, no longer needed or cannot be told is in none.",
        NOT_DONE,
        "Where a number is of what is overdue now, what has ended (ended_by is not null) is not in it.",
        "Where a source holds only the latest date of an event, it says who is overdue now and never how often it was on time: "
        "such duties (basis = 'now') are never added to those with a history.",
        "A date without a time is the whole day. What cannot be told is shown with why, and counts neither for nor against anybody.",
        "Duties that fall due after the bank holidays announced so far are provisional.",
    ]
    limits = [
        "A duty that was done and not recorded looks overdue; a record that is wrong gives a wrong answer.",
        "Rules marked as recalled or seen in a secondary source only should be checked before anybody relies on them.",
        "A share of few duties moves a lot by chance: read the number it is out of.",
    ]
    if not can_draw():
        limits.append("The page comes without pictures, as vl-convert is not installed: pip install 'rrt-engine[report]' adds them.")
    parts = [("How the figures are made", figures), ("What they cannot say", limits)]
    if found.not_evaluable:
        lacking = [f"{title} ({rule}) needs {', '.join(kinds)}" for rule, title, kinds in found.not_evaluable]
        parts.append((f"Rules that cannot be judged, as the sources do not hold the events they need: {len(lacking)}", lacking))
    if found.silent:
        names = [f"{title} ({rule})" for rule, title in found.silent]
        parts.append((f"Rules in force that nothing in this run started: {len(names)}", names))
    if found.under:
        hidden = [
            f"A number about fewer than {found.under} children is left out, however many duties they have, and nought is shown as 0.",
            "So are as many others as it takes that none of them can be worked out from its row, column or total, in any table; a share is "
            "left out where a number it rests on is.",
            "Sources are numbered, as a file may be named after a child; their digests say which they are.",
            "Lists of cases, reasons that may hold values from records, and children with something overdue by team are left out.",
            "Two reports of the same children (of another day, with another least number, with and without a team) can be taken from one "
            "another, and give away between them what neither does: no single report can prevent it. Think before sharing a second.",
        ]
        parts.append(("Small numbers", hidden))
    return parts
