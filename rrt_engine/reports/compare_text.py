"""What moved between two runs, or under other rules, on a terminal: how much and why, by rule, by team, and the first cases."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.model import plural
from rrt_engine.replay.compare import Comparison
from rrt_engine.replay.comparing import Counts, Found
from rrt_engine.replay.moves import KINDS
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.what_if import WhatIf
from rrt_engine.reports.compare_words import (
    COLUMNS,
    KIND_WORDS,
    WHAT_IF_WORDS,
    cause_words,
    counts_words,
    move_words,
    rule_words,
    shares_words,
)
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


def run_words(run: Run) -> str:
    """What a run judged, and by what, in a line."""
    manifest = run.manifest
    counts, rules = manifest["counts"], manifest["rules"]
    known = "" if run.as_known is None else f", as known on {short_day_words(run.as_known)}"
    changed = f" with {plural(len(rules['changes']), 'value')} set" if rules["changes"] else ""
    return (
        f"as at {as_of_words(run.as_of)}{known}; {rules['id']} {rules['version']}{changed}, digest {rules['digest'][:12]}; "
        f"{plural(counts['children'], 'child', 'children')}, {counts['flags']:,} duties; "
        f"{listed([source['name'] for source in manifest['sources']])}."
    )


def difference_words(result: Comparison) -> list[str]:
    """What differs between two runs, a line each."""
    said = []
    one, two = result.before, result.after
    if "data" in result.factors:
        named = {what: [s.name for s in result.sources if s.what == what] for what in ("changed", "before", "after", "same")}
        parts = [
            f"{words} {listed(named[what])}"
            for what, words in (
                ("changed", "not the same in both:"),
                ("before", f"only in {one.folder.name}:"),
                ("after", f"only in {two.folder.name}:"),
                ("same", "the same:"),
            )
            if named[what]
        ]
        said.append(f"the records: {'; '.join(parts)}")
    if "time" in result.factors:
        whens = [
            f"{as_of_words(run.as_of)}{'' if run.as_known is None else f', as known on {short_day_words(run.as_known)}'}"
            for run in (one, two)
        ]
        said.append(f"the date: {whens[0]} → {whens[1]}")
    rules = rule_words(result.rules)
    said += [f"the rules: {line}" if not line.startswith("local value") else line for line in rules[:DIFFERENCES]]
    if len(rules) > DIFFERENCES:
        said.append(f"and {len(rules) - DIFFERENCES:,} more parts of rules")
    return said or ["nothing: the same records, date, rules and local values"]


def set_aside_words(result: Comparison) -> list[str]:
    """What a part that was set aside means for the comparison."""
    said = []
    if result.set_aside:
        one = result.set_aside == 1
        said.append(
            f"{plural(result.set_aside, 'child', 'children')} {'is' if one else 'are'} left out: "
            "a part of a run was set aside, so nothing is known of them there."
        )
    if result.lost:
        said.append(
            f"Of {listed(list(result.lost))}, set aside, it is not known whose events it held: those children look gone or new here."
        )
    return said


def show_found(
    console: Console, found: Found, factors: tuple[str, ...], cases: int, sides: str, words: Mapping[str, str], causes: bool = True
) -> None:
    """How much moved and why, by rule, by team, and the first cases. `sides` names the two sides, and `words` each kind of move."""
    console.print()
    say(console, totals(found), "bold")
    if found.moved:
        _show_kinds(console, found, causes and len(factors) > 1, words)
    if causes and len(factors) == 1 and found.moved:
        say(console, f"Nothing else differs, so {cause_words(factors[0])} made all of it.", "dim", indent=8)
    if found.not_again:
        said = (
            f"{found.not_again:,} of these are of children whose flags this engine does not give again as they stand in a run, "
            "so their cause is not known: replay the sources again."
        )
        say(console, said, indent=2, hang=2)
    if not found.moved:
        return
    _show_rules(console, found, sides)
    _show_teams(console, found)
    _show_cases(console, found, cases, words)


def totals(found: Found) -> str:
    """How much moved, in a sentence."""
    duties = found.moved + found.unmoved
    children = plural(found.cases, "child", "children")
    if not found.moved:
        return f"Nothing moved: all {duties:,} duties are judged the same."
    said = f"{found.moved:,} of {duties:,} duties moved, of {children}. {found.unmoved:,} are judged the same."
    overdue = found.still_overdue
    return said + (f" {overdue:,} {'is' if overdue == 1 else 'are'} overdue on both sides." if overdue else "")


def _show_kinds(console: Console, found: Found, causes: bool, words: Mapping[str, str]) -> None:
    for kind in KINDS:
        n = found.kinds[kind]
        if not n:
            continue
        said = ""
        if causes:
            named = sorted(((cause, m) for (k, cause), m in found.because.items() if k == kind), key=lambda each: (-each[1], each[0]))
            said = f": {'; '.join(f'{m:,} by {cause_words(c)}' if c else f'{m:,} by a cause not known' for c, m in named)}"
        style = "bold red" if kind == "newly_overdue" else ""
        say(console, f"{n:>7,} {words[kind]}{said}", style, hang=8)
    if found.corrected:
        one = found.corrected == 1
        said = (
            f"{found.corrected:,} of these {'is' if one else 'are each'} taken for a duty that was there before, its date or reference put "
            "right in the records."
        )
        say(console, said, "dim", indent=8)


def _table(first: str, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, min_width=len(first), overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def rules_that_moved(found: Found) -> list[tuple[str, str, Counts]]:
    """Each rule and basis in which something moved: what needs attention most first."""
    some = [(rule, basis, counts) for (rule, basis), counts in found.rules.items() if counts.moved.total()]
    return sorted(some, key=lambda each: (-attention(each[2].moved), -each[2].moved.total(), each[0], each[1]))


def teams_that_moved(found: Found) -> list[tuple[str, Counts, Counts]]:
    """Each team of whose children something moved, those without a team last: all its duties, and those with a history."""
    counts: dict[str, Counts] = {}
    for (team, _), some in found.teams.items():
        into = counts.setdefault(team, Counts())
        for mine, more in ((into.before, some.before), (into.after, some.after), (into.moved, some.moved)):
            mine.update(more)
    names = sorted((team for team, some in counts.items() if some.moved.total()), key=lambda team: (not team, team))
    return [(team, counts[team], found.teams.get((team, "history"), Counts())) for team in names]


def attention(moved: Mapping[str, int]) -> int:
    """How many moves somebody has to look at: newly overdue, late or too early."""
    return moved.get("newly_overdue", 0) + moved.get("newly_late", 0)


def _show_rules(console: Console, found: Found, sides: str) -> None:
    lines = rules_that_moved(found)
    # Few duties were missed and have ended since: the column is there where some were.
    missed = any(counts.before["missed"] or counts.after["missed"] for _, _, counts in lines)
    columns = [each for each in COLUMNS if missed or each[1] != ("missed",)]
    console.print()
    say(console, f"By rule ({sides})", "bold")
    table = _table("Rule", "Moved", *(heading for heading, _ in columns), "On time, of those judged")
    for rule, basis, counts in lines[:RULES]:
        title = f"{found.titles[rule][0]}{' (now)' if basis == 'now' else ''}"
        cells = [counts_words(counts, statuses) for _, statuses in columns]
        table.add_row(Text(title), f"{counts.moved.total():,}", *cells, shares_words(basis, counts))
    console.print(table)
    if len(lines) > RULES:
        say(console, f"and {len(lines) - RULES:,} more rules: -o FILE has every duty that moved.", "dim")
    others = len({rule for rule, _ in found.rules}) - len({rule for rule, _, _ in lines})
    if others:
        say(console, f"Nothing moved in {plural(others, 'other rule')}.", "dim")


def _show_teams(console: Console, found: Found) -> None:
    lines = teams_that_moved(found)
    if [team for team, _, _ in lines] == [""]:
        return
    console.print()
    say(console, "By team", "bold")
    table = _table("Team", "Moved", "Newly overdue", "Newly late", "Resolved", "Overdue", "On time, of those judged")
    for team, counts, history in lines:
        moved = [f"{counts.moved[kind]:,}" for kind in ("newly_overdue", "newly_late", "resolved")]
        table.add_row(
            Text(team or "no team recorded"),
            f"{counts.moved.total():,}",
            *moved,
            counts_words(counts, ("overdue",)),
            shares_words("history", history),
        )
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
