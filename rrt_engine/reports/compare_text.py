"""What moved between two runs, or under other rules, on a terminal: how much and why, by rule, by team, and the first cases."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.replay.compare import Comparison
from rrt_engine.replay.comparing import Found
from rrt_engine.replay.moves import KINDS
from rrt_engine.replay.what_if import WhatIf
from rrt_engine.reports.compare_tables import (
    DIFFERENCES,
    MovedTable,
    corrected_words,
    difference_words,
    kind_lines,
    not_again_words,
    one_cause_words,
    order_words,
    rule_table,
    run_words,
    set_aside_words,
    team_table,
    totals,
)
from rrt_engine.reports.compare_words import KIND_WORDS, WHAT_IF_WORDS, cause_words, move_words, rule_words
from rrt_engine.reports.console import say
from rrt_engine.reports.documents import REMINDER
from rrt_engine.words import as_of_words, listed, short_day_words

CASES = 12
RULES = 60


def show_what_if(console: Console, result: WhatIf, cases: int = CASES) -> None:
    """What other rules would make of the same children."""
    before, after = result.chosen.before, result.chosen.after
    say(console, f"What if, as at {as_of_words(result.as_of)}", "bold")
    if result.as_known is not None:
        say(console, f"Only what was recorded by {short_day_words(result.as_known)}.", "dim")
    say(console, f"{before.title}, {before.version}, digest {before.digest[:12]}, against digest {after.digest[:12]}.", "dim")
    say(console, f"Read: {listed(list(result.sources))}.", "dim", hang=2)
    console.print()
    say(console, "The rules that differ", "bold")
    said = rule_words(result.chosen.differences)
    for line in said[:DIFFERENCES]:
        say(console, line, indent=2, hang=2)
    if len(said) > DIFFERENCES:
        say(console, f"and {len(said) - DIFFERENCES:,} more.", "dim", indent=2)
    show_found(console, result.found, result.chosen.factors, cases, "the rules as they are → those asked about", WHAT_IF_WORDS)
    console.print()
    say(console, "Nothing is changed by this: it says what would be judged otherwise, not what people would have done.", "dim")
    say(console, "A title says what its rule says in the rule set, also where another value was set here.", "dim")
    say(console, REMINDER, "bold")


def show_comparison(console: Console, result: Comparison, cases: int = CASES) -> None:
    """What moved between two runs, what made it so, and what differs between them."""
    one, two = result.before, result.after
    say(console, f"Compare {one.folder.name} with {two.folder.name}", "bold")
    for run in (one, two):
        say(console, f"{run.folder.name}: {run_words(run)}", "dim", hang=2)
    if turned := order_words(one, two):
        say(console, turned, "bold", hang=2)
    console.print()
    say(console, "What differs", "bold")
    for line in difference_words(result):
        say(console, line, indent=2, hang=2)
    if result.set_aside or result.lost:
        for line in set_aside_words(result):
            say(console, line, "bold", hang=2)
    if result.without_cause:
        say(console, f"What made the difference is not said: {result.without_cause}.", "bold", hang=2)
    show_found(console, result.found, result.factors, cases, f"{one.folder.name} → {two.folder.name}", KIND_WORDS, not result.without_cause)
    console.print()
    say(console, REMINDER, "bold")


def show_found(
    console: Console, found: Found, factors: tuple[str, ...], cases: int, sides: str, words: Mapping[str, str], causes: bool = True
) -> None:
    """How much moved and why, by rule, by team, and the first cases. `sides` names the two sides, and `words` each kind of move."""
    console.print()
    say(console, totals(found), "bold")
    for kind, n, said in kind_lines(found, factors, words, causes):
        say(console, f"{n:>7,} {said}", "bold red" if kind == "newly_overdue" else "", hang=8)
    for said in (corrected_words(found) if found.moved else "", one_cause_words(found, factors, causes)):
        if said:
            say(console, said, "dim", indent=8)
    if not_again := not_again_words(found):
        say(console, not_again, indent=2, hang=2)
    if not found.moved:
        return
    _show_rules(console, found, sides)
    _show_teams(console, found)
    _show_cases(console, found, cases, words)


def _table(first: str, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, min_width=len(first), overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _show_rules(console: Console, found: Found, sides: str) -> None:
    made, others = rule_table(found, RULES)
    console.print()
    say(console, f"By rule ({sides})", "bold")
    _show_table(console, made)
    for line in others:
        say(console, line, "dim")


def _show_teams(console: Console, found: Found) -> None:
    made = team_table(found)
    if made is not None:
        console.print()
        say(console, "By team", "bold")
        _show_table(console, made)


def _show_table(console: Console, made: MovedTable) -> None:
    table = _table(*made.headings)
    for first, *cells in made.rows:
        table.add_row(Text(first), *cells)
    console.print(table)


def _show_cases(console: Console, found: Found, cases: int, words: Mapping[str, str]) -> None:
    left = cases
    for kind in KINDS:
        moves = found.first(kind)[: max(left, 0)]
        if not moves or kind == "redated":
            continue
        console.print()
        n = found.kinds[kind]
        shown = "" if len(moves) == n else f", the first {len(moves)} of {n:,}"
        say(console, f"{words[kind][0].upper()}{words[kind][1:]}{shown}", "bold")
        for move in moves:
            what, sides = move_words(move)
            say(console, what, indent=2, hang=2)
            because = f" [{cause_words(move['because'] or '')}]" if len({c for _, c in found.because}) > 1 else ""
            say(console, f"{sides}{because}", "dim", indent=4, hang=2)
        left -= len(moves)
    if found.moved > cases - left:
        console.print()
        say(console, "-o FILE writes every duty that moved to .csv, .parquet or .jsonl.", "dim")
