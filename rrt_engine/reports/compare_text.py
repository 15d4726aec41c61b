"""What moved between two runs, or under other rules, on a terminal: how much and why, by rule, by team, and the first cases."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.model import plural
from rrt_engine.replay.comparing import Counts, Found
from rrt_engine.replay.moves import KINDS
from rrt_engine.replay.what_if import WhatIf
from rrt_engine.reports.compare_words import COLUMNS, KIND_WORDS, cause_words, counts_words, from_to, move_words, rule_words, share_words
from rrt_engine.reports.console import say
from rrt_engine.reports.documents import REMINDER
from rrt_engine.words import as_of_words, listed, short_day_words

DIFFERENCES = 30
"""How many parts of rules that differ are named; a whole new edition of a rule set is read in the rule files."""
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
    show_found(console, result.found, result.chosen.factors, cases, "the rules as they are", "the rules asked about")
    console.print()
    say(console, "Nothing is changed by this: it says what would be judged otherwise, not what people would have done.", "dim")
    say(console, "A title says what its rule says in the rule set, also where another value was set here.", "dim")
    say(console, REMINDER, "bold")


def show_found(console: Console, found: Found, factors: tuple[str, ...], cases: int, before: str, after: str) -> None:
    """How much moved and why, by rule, by team, and the first cases. `before` and `after` name the two sides."""
    console.print()
    say(console, totals(found), "bold")
    if found.moved:
        _show_kinds(console, found, len(factors) != 1)
    if len(factors) == 1 and found.moved:
        say(
            console,
            f"Only {cause_words(factors[0])} differ{'s' if factors[0] in ('time',) else ''}, so that made all of it.",
            "dim",
            indent=2,
        )
    if found.not_again:
        said = (
            f"{found.not_again:,} of these are of children whose flags this engine does not give again as they stand in a run, "
            "so their cause is not known: replay the sources again."
        )
        say(console, said, indent=2, hang=2)
    if not found.moved:
        return
    _show_rules(console, found, before, after)
    _show_teams(console, found)
    _show_cases(console, found, cases)


def totals(found: Found) -> str:
    """How much moved, in a sentence."""
    duties = found.moved + found.unmoved
    children = plural(found.cases, "child", "children")
    if not found.moved:
        return f"Nothing moved: all {duties:,} duties are judged the same."
    said = f"{found.moved:,} of {duties:,} duties moved, of {children}. {found.unmoved:,} are judged the same."
    overdue = found.still_overdue
    return said + (f" {overdue:,} {'is' if overdue == 1 else 'are'} overdue on both sides." if overdue else "")


def _show_kinds(console: Console, found: Found, causes: bool) -> None:
    for kind in KINDS:
        n = found.kinds[kind]
        if not n:
            continue
        said = ""
        if causes:
            named = sorted(((cause, m) for (k, cause), m in found.because.items() if k == kind), key=lambda each: (-each[1], each[0]))
            said = f": {'; '.join(f'{m:,} by {cause_words(c)}' if c else f'{m:,} by a cause not known' for c, m in named)}"
        style = "bold red" if kind == "newly_overdue" else ""
        say(console, f"{n:>7,} {KIND_WORDS[kind]}{said}", style, hang=8)
    if found.corrected:
        one = found.corrected == 1
        said = (
            f"{found.corrected:,} of these {'stands' if one else 'stand'} for a duty that was there before with another start: "
            "a date or a reference was put right, or is counted otherwise."
        )
        say(console, said, "dim", indent=8)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def rules_that_moved(found: Found) -> list[tuple[str, str, Counts]]:
    """Each rule and basis in which something moved: what needs attention most first."""
    some = [(rule, basis, counts) for (rule, basis), counts in found.rules.items() if counts.moved.total()]
    return sorted(some, key=lambda each: (-attention(each[2].moved), -each[2].moved.total(), each[0], each[1]))


def teams_that_moved(found: Found) -> list[tuple[str, Counts]]:
    """Each team of whose children something moved, those without a team last."""
    return sorted(((team, counts) for team, counts in found.teams.items() if counts.moved.total()), key=lambda each: (not each[0], each[0]))


def attention(moved: Mapping[str, int]) -> int:
    """How many moves somebody has to look at: newly overdue, late or too early."""
    return moved.get("newly_overdue", 0) + moved.get("newly_late", 0)


def _show_rules(console: Console, found: Found, before: str, after: str) -> None:
    lines = rules_that_moved(found)
    console.print()
    say(console, f"By rule ({before} → {after})", "bold")
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Rule", min_width=26, overflow="fold")
    for heading in ("Moved", *(heading for heading, _ in COLUMNS), "Share on time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for rule, basis, counts in lines[:RULES]:
        title = f"{found.titles[rule][0]}{' (now)' if basis == 'now' else ''}"
        cells = [counts_words(counts, statuses) for _, statuses in COLUMNS]
        shares = from_to(share_words(basis, counts.before), share_words(basis, counts.after))
        table.add_row(Text(title), f"{counts.moved.total():,}", *cells, shares)
    console.print(table)
    if len(lines) > RULES:
        say(console, f"and {len(lines) - RULES:,} more rules: -o FILE has every duty that moved.", "dim")
    others = len({rule for rule, _ in found.rules}) - len({rule for rule, _, _ in lines})
    if others:
        say(console, f"Nothing moved in {plural(others, 'other rule')}.", "dim")


def _show_teams(console: Console, found: Found) -> None:
    lines = teams_that_moved(found)
    if [team for team, _ in lines] == [""]:
        return
    console.print()
    say(console, "By team", "bold")
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Team", overflow="fold")
    for heading in ("Moved", "Newly overdue", "Newly late", "Resolved", "Overdue", "Share on time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for team, counts in lines:
        moved = [f"{counts.moved[kind]:,}" for kind in ("newly_overdue", "newly_late", "resolved")]
        table.add_row(
            Text(team or "no team recorded"),
            f"{counts.moved.total():,}",
            *moved,
            counts_words(counts, ("overdue",)),
            from_to(share_words("history", counts.before), share_words("history", counts.after)),
        )
    console.print(table)


def _show_cases(console: Console, found: Found, cases: int) -> None:
    left = cases
    for kind in KINDS:
        moves = found.first(kind)[: max(left, 0)]
        if not moves or kind == "redated":
            continue
        console.print()
        n = found.kinds[kind]
        shown = "" if len(moves) == n else f", the first {len(moves)} of {n:,}"
        say(console, f"{KIND_WORDS[kind][0].upper()}{KIND_WORDS[kind][1:]}{shown}", "bold")
        for move in moves:
            what, sides = move_words(move)
            say(console, what, indent=2, hang=2)
            because = f" [{cause_words(move['because'] or '')}]" if len({c for _, c in found.because}) > 1 else ""
            say(console, f"{sides}{because}", "dim", indent=4, hang=2)
        left -= len(moves)
    if found.moved > cases - left:
        console.print()
        say(console, "-o FILE writes every duty that moved to .csv, .parquet or .jsonl.", "dim")
