"""The worklist in a terminal: how much there is, the next working days, then each line. To be scanned in two minutes."""

from __future__ import annotations

from itertools import islice

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.model import plural
from rrt_engine.replay.worklist import NO_TEAM, NO_WORKER, Item, Lines, Worklist
from rrt_engine.reports.console import in_lines, say
from rrt_engine.reports.documents import REMINDER
from rrt_engine.words import AUTHORITY_WORDS, as_of_words, day_words, listed

SHOWN = 200
"""How many lines of each part a terminal is given; a caseload of thousands is read in a spreadsheet."""
MARKS = {
    "instrument": "",
    "secondary": "number from a secondary source",
    "recalled": "number recalled, not checked",
    "local value needed": "common value, local one needed",
}


def totals(found: Worklist) -> str:
    """The list in a sentence: every line of it is counted here once."""
    near, later = found.due_by(True), found.due_by(False)
    parts = [f"{len(found.overdue):,} overdue now", f"{near:,} due {until_words(found)}"]
    if later:
        parts.append(f"{later:,} due soon after that")
    lines = len(found.overdue) + len(found.due)
    children = plural(found.children(), "child", "children")
    return f"{listed(parts)}: {_n(lines, 'line')} about {children}. {_n(len(found.unclear), 'more')} cannot be told."


def until_words(found: Worklist) -> str:
    """Up to when the list looks ahead."""
    if not found.days:
        return "today"
    return f"in the next {plural(found.days, 'working day')} (to {day_words(found.last_day)})"


def left_out(found: Worklist) -> list[str]:
    """What is not on the list and why, and what to be careful of: a sentence each."""
    said = []
    if found.not_done:
        one = found.not_done == 1
        said.append(
            f"{_n(found.not_done, 'time limit')} {'was' if one else 'were'} missed and {'has' if one else 'have'} ended since "
            "(a case closed, a plan ended): nothing is left to do, so not on this list. rrt replay counts them."
        )
    if found.elsewhere:
        said.append(f"{_n(found.elsewhere, 'line')} that {'was' if found.elsewhere == 1 else 'were'} not asked for {asked_words(found)}.")
    for rule, n in found.unanswered.items():
        title = found.book.named(rule)[-1].spec.title
        said.append(f"Check: {_n(n, 'line')} of `{rule}` ({title}) may be done already, because a source holds no event that would say so.")
    latest = found.latest_only()
    if latest:
        said.append(
            f"{listed(latest)} {'holds' if len(latest) == 1 else 'hold'} only the latest dates of some things: for those this says what is "
            "overdue now, and nothing of how often it was on time."
        )
    return said


def asked_words(found: Worklist) -> str:
    """What was asked for, in brackets."""
    choice = found.choice
    named = (("team", choice.teams), ("worker", choice.workers), ("service", choice.services), ("authority", choice.authorities))
    return f"({'; '.join(f'{name}: {listed(sorted(values))}' for name, values in named if values)})"


def facts_of(item: Item) -> list[str]:
    """What stands under a line: where the limit comes from, how sure it is, who has it and where the record is."""
    worker = "" if item.worker == NO_WORKER else f"worker {item.worker}"
    provisional = "provisional: bank holidays not yet announced" if item.provisional else ""
    place = f"{item.source}{f' row {item.row}' if item.row else ''}"
    parts = [AUTHORITY_WORDS[item.authority], MARKS[item.verified], provisional, worker, item.rule, place]
    return [part for part in parts if part]


def show_worklist(console: Console, found: Worklist) -> None:
    """The whole list: totals, the calendar, what is overdue, what is due, what cannot be told, and what is not on it."""
    say(console, f"Worklist as at {as_of_words(found.as_of)}", "bold")
    say(console, f"{found.book.title}, {found.book.version}.", "dim")
    if not found.choice.everything:
        say(console, f"Only what was asked for {asked_words(found)}.", "bold")
    console.print()
    say(console, totals(found), "bold")
    for sentence in left_out(found):
        say(console, sentence, "dim", hang=2)
    if found.days:
        _show_calendar(console, found)
    _show_part(console, found, found.overdue, "Overdue, longest first", "bold red")
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
    say(console, f"{heading}: {_n(len(lines), 'line')}", style)
    left, teams = SHOWN, list(found.by_team(lines))
    for team, mine in teams:
        if len(teams) > 1 or team != NO_TEAM:
            console.print()
            say(console, f"{team}: {_n(len(mine), 'line')} about {plural(mine.children(), 'child', 'children')}", "bold", indent=2)
        for item in islice(found.items(mine), left):
            _show_item(console, item, style)
        if len(mine) > left:
            say(
                console, f"and {_n(len(mine) - left, 'more line')} of this team: -o FILE.csv or FILE.xlsx has every one", "yellow", indent=4
            )
        left = max(left - len(mine), 0)


def _show_item(console: Console, item: Item, style: str) -> None:
    in_lines(console, Text.assemble((item.how, style), "  ", (item.case, "bold"), f"  {item.what}"), 4, 6)
    say(console, f"due by {item.due}; since {item.since}", indent=6)
    step = f" Suggested next step: {item.next_step}." if item.next_step else ""
    say(console, f"{'; '.join(facts_of(item))}.{step}", "dim", indent=6)


def _show_unclear(console: Console, found: Worklist) -> None:
    """What cannot be told, a line for each rule and each thing that is missing."""
    if not len(found.unclear):
        return
    console.print()
    say(console, f"Cannot tell whether these are done: {_n(len(found.unclear), 'line')}", "bold magenta")
    grouped: dict[tuple[str, str], list[str]] = {}
    titles: dict[str, str] = {}
    for item in found.items(found.unclear):
        titles[item.rule] = item.what
        grouped.setdefault((item.rule, missing_in_short(item)), []).append(item.case)
    for (rule, missing), cases in grouped.items():
        first = listed(cases) if len(cases) <= 6 else f"{', '.join(cases[:5])} and {len(cases) - 5:,} more"
        say(console, f"{titles[rule]} ({rule}): missing {missing}: {first}", indent=2, hang=2)


def missing_in_short(item: Item) -> str:
    """What is missing, without the day, so that lines that miss the same thing stand together."""
    return "; ".join(part.split(" on ")[0] for part in item.missing.split("; "))


def _n(n: int, one: str) -> str:
    return f"{n:,} {one}" if n == 1 or one == "more" else f"{n:,} {one}s"


__all__ = ["MARKS", "SHOWN", "asked_words", "facts_of", "left_out", "missing_in_short", "show_worklist", "totals", "until_words"]
