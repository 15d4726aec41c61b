"""The worklist as a file: CSV for other tools, an Excel workbook to work in, and one page to print and hand over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rrt_engine.model import plural
from rrt_engine.replay.worklist import Item, Lines, Worklist
from rrt_engine.reports.cells import Column, Sheet, day_cell, time_cell, write_csv, write_workbook
from rrt_engine.reports.worklist_words import about, since_words, sure_words, unclear_words, until_words
from rrt_engine.target import can_be_written, write_atomically
from rrt_engine.words import AUTHORITY_WORDS, as_of_words, day_words

FORMATS = (".csv", ".xlsx", ".html")
TITLE = "Worklist"
COLUMNS = {
    "part": "overdue, due, or cannot_tell",
    "team": "the team last recorded for the child; empty where none is",
    "worker": "the worker last recorded for the child, as the code in the source; empty where none is",
    "case": "the child's id in the source",
    "what": "what is due",
    "due": "the last day on time, or the UK time that an hour clock runs out",
    "due_in_words": "the same in words, with the day of the week",
    "how": "how late or how soon, in the rule's own unit",
    "days_late": "calendar days since it was due; empty unless overdue",
    "since": "the event that started the clock, and when, in words",
    "since_event": "the event that started the clock",
    "since_at": "when, as recorded",
    "check": "what to check of the dates before acting; mostly empty",
    "authority": "duty, guidance, practice, court, local or kpi",
    "service": "the part of the service",
    "next_step": "the next step that the rule suggests where it is overdue",
    "missing": "what would have to be recorded for it to be told",
    "provisional": "whether the due date rests on bank holidays not yet announced",
    "latest_only": "whether the source holds only the latest dates, so that this says only how things stand now",
    "verified": "how the number was checked",
    "rule": "the rule's id",
    "source": "the file the record stands in",
    "row": "its row or line there",
}


def check_target(target: Path) -> None:
    """Raise InputError where the list cannot be written to a file, before any work is done for it."""
    can_be_written(target, FORMATS, "end the name in .xlsx for Excel, or .html for a page to print", "worklist.xlsx")


def write_worklist(found: Worklist, target: Path) -> int:
    """Write the list and return how many lines it has, what cannot be told among them; raises InputError where it cannot."""
    check_target(target)
    suffix = target.suffix.lower()
    if suffix == ".csv":
        write_atomically(target, lambda path: write_csv(path, list(COLUMNS), _rows(found)))
    elif suffix == ".xlsx":
        write_atomically(target, lambda path: write_workbook(path, found.as_of, TITLE, _sheets(found), about(found)))
    else:
        from rrt_engine.reports.worklist_page import page

        text = page(found)
        write_atomically(target, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))
    return len(found.overdue) + len(found.due) + len(found.unclear)


def _rows(found: Worklist) -> Iterator[Sequence[Any]]:
    for lines in (found.overdue, found.due, found.unclear):
        for item in found.items(lines):
            yield _row(found, item)


def _row(found: Worklist, item: Item) -> tuple[Any, ...]:
    """One line, in the order of COLUMNS."""
    return (
        item.part,
        _recorded(found, item.team),
        _recorded(found, item.worker),
        item.case,
        item.what,
        item.due_iso(),
        item.due,
        item.how,
        item.days_late if item.part == "overdue" else "",
        item.since,
        item.since_event,
        item.since_at,
        item.check,
        item.authority,
        item.service,
        item.next_step,
        item.missing,
        "true" if item.provisional else "false",
        "true" if item.latest_only else "false",
        item.verified,
        item.rule,
        item.source,
        item.row or "",
    )


def _recorded(found: Worklist, name: str) -> str:
    """A team or worker as recorded; empty for the words that say there is none."""
    return "" if name in (found.teams[0], found.workers[0]) else name


# ---------------------------------------------------------------------------------------------------- the workbook

_LINE = (
    Column("Done", 6, "tick"),
    Column("Case", 14),
    Column("Team", 16),
    Column("Worker", 12),
    Column("What is due", 38, "long"),
    Column("Due", 20, "date"),
    Column("How late or how soon", 20),
    Column("Since", 38, "long"),
    Column("Suggested next step", 20, "long"),
    Column("Where it comes from", 18, "long"),
    Column("How sure the number is", 20, "long"),
    Column("Service", 16, "long"),
    Column("Rule", 22),
    Column("Source", 20),
    Column("Row", 7, "number"),
    Column("Notes", 28, "long"),
)
_UNCLEAR = (
    Column("Done", 6, "tick"),
    Column("Case", 14),
    Column("Team", 16),
    Column("Worker", 12),
    Column("What cannot be told", 38, "long"),
    Column("What is missing", 44, "long"),
    Column("Would be due", 20, "date"),
    Column("Since", 38, "long"),
    Column("Rule", 22),
    Column("Source", 20),
    Column("Row", 7, "number"),
    Column("Notes", 28, "long"),
)


def _sheets(found: Worklist) -> list[Sheet]:
    when = as_of_words(found.as_of)
    ahead = f"Next {plural(found.days, 'working day')}" if found.days else "Due today"
    return [
        Sheet("Overdue", f"Overdue at {when}: {len(found.overdue):,}, longest first", _LINE, _lines(found, found.overdue)),
        Sheet(ahead, f"Due {until_words(found)}, and due soon: {len(found.due):,}", _LINE, _lines(found, found.due)),
        _calendar_sheet(found),
        Sheet(
            "Cannot tell",
            f"What cannot be told whether it is done: {len(found.unclear):,}",
            _UNCLEAR,
            [
                (
                    "",
                    item.case,
                    item.team,
                    _recorded(found, item.worker),
                    item.what,
                    unclear_words(item),
                    time_cell(item.due_day, item.due_at),
                    item.since,
                    item.rule,
                    item.source,
                    item.row or None,
                    "",
                )
                for item in found.items(found.unclear)
            ],
        ),
    ]


def _lines(found: Worklist, lines: Lines) -> list[Sequence[Any]]:
    return [
        (
            "",
            item.case,
            item.team,
            _recorded(found, item.worker),
            item.what,
            time_cell(item.due_day, item.due_at),
            item.how,
            since_words(item),
            item.next_step,
            AUTHORITY_WORDS[item.authority],
            sure_words(item),
            item.service.replace("_", " "),
            item.rule,
            item.source,
            item.row or None,
            "",
        )
        for item in found.items(lines)
    ]


def _calendar_sheet(found: Worklist) -> Sheet:
    teams, days = found.calendar()
    columns = (Column("Day", 22, "date"), Column("", 26), Column("All", 8, "number"), *(Column(team, 16, "number") for team in teams))
    rows = [(day_cell(day.day), day.closed, sum(day.counts), *day.counts) for day in days]
    total = ("Total", "", sum(sum(day.counts) for day in days), *(sum(day.counts[i] for day in days) for i in range(len(teams))))
    return Sheet("Calendar", f"What is due on each day, to {day_words(found.last_day)}", columns, rows, total)
