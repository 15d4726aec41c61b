"""A trend on the terminal: a row a rule with its share in each month; or, for one rule, a row a month with all its counts."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.model import plural
from rrt_engine.replay.trend import Trend, TrendLine
from rrt_engine.reports.console import say
from rrt_engine.reports.trend_words import (
    BASIS_WORDS,
    IN_MONTH,
    LIMITS,
    SO_FAR,
    ended_words,
    month_words,
    overdue_now,
    reading_words,
    share_words,
)
from rrt_engine.words import within_sentence

ACROSS = 6
"""Months that fit across a table."""
IN_FULL = 3
"""So few rules are shown in full, month by month."""


def show_trend(console: Console, found: Trend, rules: bool = True) -> None:
    """What was found at each month end, how it is to be read, and what cannot be known; without the rules where none was asked for."""
    first, last = found.months[0], found.months[-1]
    say(console, f"Month ends from {month_words(first)} to {month_words(last)}", "bold")
    say(console, f"{found.book.title}, {found.book.version}, digest {found.book.digest[:12]}.", "dim")
    events = sum(s.events for s in found.sources)
    say(console, f"{plural(found.children, 'child', 'children')}, {events:,} {'event' if events == 1 else 'events'}.", "dim")
    for said in reading_words(found):
        say(console, said)
    say(console, LIMITS, "dim")
    if rules and not found.lines:
        console.print()
        say(console, "No duty had started by any of these month ends.")
    if len(found.lines) <= IN_FULL:
        for line in found.lines:
            _in_full(console, found, line)
        if found.lines:
            say(console, f"Share: {within_sentence(IN_MONTH)} Share so far: {within_sentence(SO_FAR)}", "dim")
    else:
        _across(console, found)
    if ended := ended_words(found):
        say(console, ended, "dim")
    _known(console, found)


def _across(console: Console, found: Trend) -> None:
    """A row a rule: its share in each of the last months, and what was overdue and open at the end."""
    shown = found.months[-ACROSS:]
    console.print()
    say(console, IN_MONTH)
    if len(shown) < len(found.months):
        say(console, f"The last {len(shown)} of {plural(len(found.months), 'month')}; -o FILE has them all.", "dim")
    table = _table("Rule")
    for month in shown:
        table.add_column(month_words(month), justify="right", no_wrap=True)
    for heading in ("Overdue", "Open"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in found.lines:
        last = line.points[-1].so_far
        if line.basis == "now":
            cells = ["–"] * (len(shown) - 1) + [share_words(last)]
        else:
            cells = [share_words(p.so_far if line.basis == "count" else p.in_month) for p in line.points[-ACROSS:]]
        overdue = "–" if last is None or line.basis == "count" else f"{overdue_now(last):,}"
        still = "–" if last is None or line.basis == "count" else f"{last.statuses['due'] + last.statuses['due_soon']:,}"
        table.add_row(Text(f"{line.title}{' (now)' if line.basis == 'now' else ''}"), *cells, overdue, still)
    console.print(table)
    patterns = " A pattern without a time limit has the number found so far." if any(li.basis == "count" for li in found.lines) else ""
    say(console, f"Overdue and open: at the end of {month_words(shown[-1])}.{patterns}", "dim")


def _in_full(console: Console, found: Trend, line: TrendLine) -> None:
    """One rule, a row a month."""
    console.print()
    say(console, f"{line.title} ({line.rule})", "bold")
    if line.basis != "history":
        say(console, f"Here it is {within_sentence(BASIS_WORDS[line.basis])}.")
    missed = any(p.so_far.ended_since for p in line.points if p.so_far)
    headings = ["Due in it", "On time", "Share", "So far", "Share so far", "Overdue", "Open", "Cannot tell"]
    if missed:
        headings.insert(6, "Missed, ended since")
    table = _table("Month")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for month, point in zip(found.months, line.points, strict=True):
        own, so_far = point.in_month, point.so_far
        cells = ["–", "–", "–"] if own is None else [f"{own.started:,}", f"{own.on_time:,}", share_words(own)]
        if so_far is None:
            cells += ["–"] * (len(headings) - 3)
        else:
            states = so_far.statuses
            still = states["due"] + states["due_soon"]
            ended = [f"{so_far.ended_since:,}"] if missed else []
            cells += [f"{so_far.started:,}", share_words(so_far), f"{overdue_now(so_far):,}", *ended, f"{still:,}"]
            cells.append(f"{states['cannot_tell']:,}")
        table.add_row(month_words(month), *cells)
    console.print(table)


def _known(console: Console, found: Trend) -> None:
    """How much of what had happened by each month end was recorded only later; nothing where no source says it."""
    if not any(s.unsaid < s.events for s in found.sources):
        return
    console.print()
    later = [f"{month_words(m)} {k.recorded_later:,} of {k.events:,}" for m, k in zip(found.months, found.known, strict=True)]
    say(console, "Events that had happened by the month end and were recorded only later, and so are not in it: " + "; ".join(later) + ".")


def _table(first: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, ratio=1, overflow="fold")
    return table
