"""The worklist in a terminal: how much there is, the next working days, then each line. To be scanned in two minutes."""

from __future__ import annotations

from itertools import islice

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.model import plural
from rrt_engine.replay.worklist import NO_TEAM, Item, Lines, Worklist
from rrt_engine.reports.console import in_lines, say
from rrt_engine.reports.documents import REMINDER
from rrt_engine.reports.source_words import reach_words
from rrt_engine.reports.worklist_words import asked_words, facts_of, headings, left_out, many, missing_in_short, totals
from rrt_engine.words import as_of_words, day_words, listed

SHOWN = 200
"""How many lines of each part a terminal is given; a caseload of thousands is read in a spreadsheet."""


def show_worklist(console: Console, found: Worklist) -> None:
    """The whole list: totals, the calendar, what is overdue, what is due, what cannot be told, and what is not on it."""
    say(console, f"Worklist as at {as_of_words(found.as_of)}", "bold")
    say(console, f"{found.book.title}, {found.book.version}.", "dim")
    if not found.choice.everything:
        say(console, f"Only what was asked for {asked_words(found)}.", "bold")
    console.print()
    say(console, totals(found), "bold")
    for sentence in reach_words(found.replay):
        say(console, sentence, "yellow", hang=2)
    for sentence in left_out(found):
        say(console, sentence, "dim", hang=2)
    if found.days:
        _show_calendar(console, found)
    _show_part(console, found, found.overdue, headings(found)["overdue"], "bold red")
    _show_part(console, found, found.due, "Due next", "bold cyan")
    _show_unclear(console, found)
    console.print()
    say(console, REMINDER, "bold")


def _show_calendar(console: Console, found: Worklist) -> None:
    """The next working days with what is due on each, by team."""
    teams, days = found.calendar()
    console.print()
    say(console, f"The next {plural(found.days, 'working day')}", "bold")
    if not teams:
        say(console, "Nothing is due in them.", indent=2)
        return
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 2))
    table.add_column("")
    narrow = len(teams) > 8 or console.width < 60 + 10 * len(teams)
    for name in ["all"] if narrow else ["all", *teams]:
        table.add_column(name, justify="right", max_width=14)
    for day in days:
        total = sum(day.counts)
        if day.closed == "weekend" and not total:
            continue
        name = f"{day_words(day.day)}{f' ({day.closed})' if day.closed else ''}"
        counts = [total] if narrow else [total, *day.counts]
        table.add_row(Text(name, "dim" if day.closed else ""), *(f"{n:,}" if n else "." for n in counts))
    with console.capture() as shown:
        console.print(table)
    for row in shown.get().splitlines():
        console.out(row.rstrip(), highlight=False)
    if narrow:
        say(console, "The spreadsheet has a column for each team.", "dim", indent=2)


def _show_part(console: Console, found: Worklist, lines: Lines, heading: str, style: str) -> None:
    """One part of the list, by team."""
    console.print()
    say(console, f"{heading}: {many(len(lines), 'line')}", style)
    left, teams = SHOWN, list(found.by_team(lines))
    for team, mine in teams:
        if len(teams) > 1 or team != NO_TEAM:
            console.print()
            say(console, f"{team}: {many(len(mine), 'line')} about {plural(mine.children(), 'child', 'children')}", "bold", indent=2)
        for item in islice(found.items(mine), left):
            _show_item(console, item, style)
        if len(mine) > left:
            say(
                console,
                f"and {many(len(mine) - left, 'more line')} of this team: -o FILE.csv or FILE.xlsx has every one",
                "yellow",
                indent=4,
            )
        left = max(left - len(mine), 0)


def _show_item(console: Console, item: Item, style: str) -> None:
    in_lines(console, Text.assemble((item.how, style), "  ", (item.case, "bold"), f"  {item.what}"), 4, 6)
    say(console, f"due by {item.due}; since {item.since}", indent=6)
    if item.check:
        say(console, item.check, "yellow", indent=6)
    step = f" Suggested next step: {item.next_step}." if item.next_step else ""
    say(console, f"{'; '.join(facts_of(item))}.{step}", "dim", indent=6)


def _show_unclear(console: Console, found: Worklist) -> None:
    """What cannot be told, a line for each rule and each thing that is missing."""
    if not len(found.unclear):
        return
    console.print()
    say(console, f"{headings(found)['cannot_tell']}: {many(len(found.unclear), 'line')}", "bold magenta")
    grouped: dict[tuple[str, str], list[str]] = {}
    titles: dict[str, str] = {}
    for item in found.items(found.unclear):
        titles[item.rule] = item.what
        grouped.setdefault((item.rule, missing_in_short(item)), []).append(item.case)
    for (rule, missing), cases in grouped.items():
        first = listed(cases) if len(cases) <= 6 else f"{', '.join(cases[:5])} and {len(cases) - 5:,} more"
        say(console, f"{titles[rule]} ({rule}): missing {missing}: {first}", indent=2, hang=2)
