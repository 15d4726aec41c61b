"""What moved between two runs, as lines and tables of words: for the terminal and the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrt_engine.calendar import NO_INSTANT
from rrt_engine.model import plural
from rrt_engine.replay.compare import Comparison
from rrt_engine.replay.comparing import Counts, Found
from rrt_engine.replay.moves import KINDS
from rrt_engine.replay.run_folder import Run
from rrt_engine.reports.compare_words import COLUMNS, cause_words, counts_words, rule_words, shares_words
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.words import as_known_words, as_of_words, listed

DIFFERENCES = 30
"""How many parts of rules that differ are named; a whole new edition of a rule set is read in the rule files."""


@dataclass(frozen=True)
class MovedTable:
    """Rows of words under headings; the first is what each row is of."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def run_words(run: Run) -> str:
    """What a run judged, and by what, in a line."""
    manifest = run.manifest
    counts, rules, known = manifest["counts"], manifest["rules"], as_known_words(run.as_known)
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
        whens = [as_of_words(run.as_of) + as_known_words(run.as_known) for run in (one, two)]
        said.append(f"the date: {whens[0]} → {whens[1]}")
    rules = rule_words(result.rules)
    said += [f"the rules: {line}" if not line.startswith("local value") else line for line in rules[:DIFFERENCES]]
    if len(rules) > DIFFERENCES:
        said.append(f"and {len(rules) - DIFFERENCES:,} more parts of rules")
    return said or ["nothing: the same records, date, rules and local values"]


def order_words(before: Run, after: Run) -> str:
    """That two runs are compared from the later to the earlier, where they are; "" where they are not."""

    def when(run: Run) -> int:
        return int(run.as_of.instant) if run.as_of.instant != NO_INSTANT else end_of_day(run.as_of.day)

    if when(before) <= when(after):
        return ""
    return (
        f"The first of these two runs is the later: it is as at {as_of_words(before.as_of)}, and the second as at "
        f"{as_of_words(after.as_of)}. What is said to be new here had gone by the later date, and what is gone came by it."
    )


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


def totals(found: Found) -> str:
    """How much moved, in a sentence."""
    duties = found.moved + found.unmoved
    children = plural(found.cases, "child", "children")
    if not found.moved:
        return f"Nothing moved: all {duties:,} duties are judged the same."
    said = f"{found.moved:,} of {duties:,} duties moved, of {children}. {found.unmoved:,} are judged the same."
    overdue = found.still_overdue
    return said + (f" {overdue:,} {'is' if overdue == 1 else 'are'} overdue on both sides." if overdue else "")


def kind_lines(found: Found, factors: Sequence[str], words: Mapping[str, str], causes: bool = True) -> list[tuple[str, int, str]]:
    """How many duties moved in which way and why: the kind, how many, and the words. Kinds of which there are none are left out."""
    lines = []
    for kind in KINDS:
        if not found.kinds[kind]:
            continue
        said = ""
        if causes and len(factors) > 1:
            named = sorted(((cause, m) for (k, cause), m in found.because.items() if k == kind), key=lambda each: (-each[1], each[0]))
            said = f": {'; '.join(f'{m:,} by {cause_words(c)}' if c else f'{m:,} by a cause not known' for c, m in named)}"
        lines.append((kind, found.kinds[kind], f"{words[kind]}{said}"))
    return lines


def corrected_words(found: Found) -> str:
    """What duties that were put right in the records count as; "" where none was."""
    if not found.corrected:
        return ""
    one = found.corrected == 1
    return (
        f"{found.corrected:,} of these {'is' if one else 'are each'} taken for a duty that was there before, its date or reference put "
        "right in the records."
    )


def one_cause_words(found: Found, factors: Sequence[str], causes: bool = True) -> str:
    """That one thing made all of it, where nothing else differs; "" otherwise."""
    return f"Nothing else differs, so {cause_words(factors[0])} made all of it." if causes and len(factors) == 1 and found.moved else ""


def not_again_words(found: Found) -> str:
    """Of which moves the cause is not known; "" where there are none."""
    if not found.not_again:
        return ""
    return (
        f"{found.not_again:,} of these are of children whose flags this engine does not give again as they stand in a run, "
        "so their cause is not known: replay the sources again."
    )


def rules_that_moved(found: Found) -> list[tuple[str, str, Counts]]:
    """Each rule and basis in which something moved: what needs attention most first."""
    some = [(rule, basis, counts) for (rule, basis), counts in found.rules.items() if counts.moved.total()]
    return sorted(some, key=lambda each: (-attention(each[2].moved), -each[2].moved.total(), each[0], each[1]))


def rule_table(found: Found, most: int) -> tuple[MovedTable, list[str]]:
    """The rules in which something moved, so many at most, and what is left to say of the others."""
    lines = rules_that_moved(found)
    # Few duties were missed and have ended since: the column is there where some were.
    missed = any(counts.before["missed"] or counts.after["missed"] for _, _, counts in lines)
    columns = [each for each in COLUMNS if missed or each[1] != ("missed",)]
    rows = []
    for rule, basis, counts in lines[:most]:
        title = f"{found.titles[rule][0]}{' (now)' if basis == 'now' else ''}"
        cells = [counts_words(counts, statuses) for _, statuses in columns]
        rows.append((title, f"{counts.moved.total():,}", *cells, shares_words(basis, counts)))
    others = len({rule for rule, _ in found.rules}) - len({rule for rule, _, _ in lines})
    said = [f"and {len(lines) - most:,} more rules: -o FILE has every duty that moved."] if len(lines) > most else []
    said += [f"Nothing moved in {plural(others, 'other rule')}."] if others else []
    return MovedTable(("Rule", "Moved", *(heading for heading, _ in columns), "On time, of those judged"), tuple(rows)), said


def teams_that_moved(found: Found) -> list[tuple[str, Counts, Counts]]:
    """Each team of whose children something moved, those without a team last: all its duties, and those with a history."""
    counts: dict[str, Counts] = {}
    for (team, _), some in found.teams.items():
        into = counts.setdefault(team, Counts())
        for mine, more in ((into.before, some.before), (into.after, some.after), (into.moved, some.moved)):
            mine.update(more)
    names = sorted((team for team, some in counts.items() if some.moved.total()), key=lambda team: (not team, team))
    return [(team, counts[team], found.teams.get((team, "history"), Counts())) for team in names]


def team_table(found: Found) -> MovedTable | None:
    """The teams of whose children something moved; None where no team is recorded for any."""
    lines = teams_that_moved(found)
    if [team for team, _, _ in lines] == [""]:
        return None
    rows = []
    for team, counts, history in lines:
        moved = [f"{counts.moved[kind]:,}" for kind in ("newly_overdue", "newly_late", "resolved")]
        total, overdue = f"{counts.moved.total():,}", counts_words(counts, ("overdue",))
        rows.append((team or "no team recorded", total, *moved, overdue, shares_words("history", history)))
    return MovedTable(("Team", "Moved", "Newly overdue", "Newly late", "Resolved", "Overdue", "On time, of those judged"), tuple(rows))


def attention(moved: Mapping[str, int]) -> int:
    """How many moves somebody has to look at: newly overdue, late or too early."""
    return moved.get("newly_overdue", 0) + moved.get("newly_late", 0)
