"""The quality of the data in a terminal: how much needs mending, check by check, then examples with what to do."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.model import plural
from rrt_engine.quality.run import CheckLine, Finding, Quality, SourceQuality
from rrt_engine.quality.words import look_words
from rrt_engine.reports.console import in_lines, say
from rrt_engine.rulebook.quality_schema import Check
from rrt_engine.words import MARK_WORDS, as_of_words, listed

SHOWN = 3
"""How many findings of each check, and messages of each source, a terminal is given."""
SEVERITY_WORDS = {"error": "cannot be right", "query": "look at it"}


def headline(found: Quality) -> str:
    """Everything that needs mending, in a sentence."""
    lines = [line for line in found.lines() if line.found]
    warned = sum(1 for s in found.sources for d in s.said if d.severity != "note")
    parts = [f"{_n(found.count(), 'finding')} from {_n(len(lines), 'check')}" if lines else "no findings from the checks"]
    if found.rejected():
        parts.append(f"{_n(found.rejected(), 'record')} that could not be used")
    if warned:
        parts.append(f"{_n(warned, 'warning')} from reading the files")
    words = listed(parts)
    return f"{words[:1].upper()}{words[1:]}."


def apart_words(line: CheckLine) -> str:
    """How many duties are in no share because of what a check found."""
    return f"{_n(line.duties, 'duty', 'duties')} out of every share" if line.duties else ""


def named(check: Check) -> str:
    """A check as people name it: by the Department's number where it has one."""
    return f"{check.id} (rule {check.number})" if check.number else check.id


def source_words(check: Check, found: Quality) -> str:
    """Where a check comes from."""
    if check.source is None:
        return "our own check"
    return f"{found.replay.book.sources[check.source.id].title}, {check.source.at}"


def show_quality(console: Console, found: Quality) -> None:
    """The headline, a line a check that found something, the first findings of each, and what could not be looked at."""
    lines = found.lines()
    say(console, f"Quality of the data as at {as_of_words(found.replay.as_of)}", "bold")
    say(console, f"{found.replay.book.title}, {found.replay.book.version}; {_n(len(found.checks), 'check')}.", "dim")
    console.print()
    say(console, headline(found), "bold")
    duties = sum(line.duties for line in lines)
    if duties:
        say(console, "Duties that rest on dates that cannot be right are in no share: each check says how many it accounts for.", "dim")
    for source in found.sources[: 2 * SHOWN]:
        reading = source.read.reading
        year = f", collection year to March {source.year}" if source.year else ""
        words = f"{_n(len(source.log.children), 'child', 'children')}, {_n(len(source.log), 'event')}{year}"
        say(console, f"{source.path} ({reading.format.replace('_', ' ')}): {words}", indent=2, hang=2)
    if len(found.sources) > 2 * SHOWN:
        say(console, f"and {_n(len(found.sources) - 2 * SHOWN, 'more source')}", indent=2)
    if len(found.sources) > 1:
        say(console, "Each source is checked by itself: what is wrong in two of them is in each, and has to be mended in each.", "dim")
    _show_table(console, [line for line in lines if line.found])
    for i, line in enumerate(lines):
        if line.found:
            _show_check(console, found, i, line)
    for source in found.sources:
        _show_said(console, source)
    _show_not_applied(console, found, lines)
    nothing = sum(1 for line in lines if not line.found and len(line.why_not) < len(found.sources))
    console.print()
    say(console, f"{_n(nothing, 'check')} found nothing. Findings change no flag; mend them in the system they came from.", "bold")


def _show_table(console: Console, lines: list[CheckLine]) -> None:
    if not lines:
        return
    console.print()
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("check", max_width=64)
    table.add_column("rule", no_wrap=True)
    for heading in ("findings", "children", "looked at"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for line in sorted(lines, key=lambda each: each.check.severity):
        style = "red" if line.check.severity == "error" else "yellow"
        table.add_row(
            line.check.title,
            line.check.number or "",
            f"{line.found:,}",
            f"{line.children:,}",
            f"{line.looked_at:,}",
            Text(SEVERITY_WORDS[line.check.severity], style),
        )
    with console.capture() as shown:
        console.print(table)
    for row in shown.get().splitlines():
        console.out(row.rstrip(), highlight=False)


def _show_check(console: Console, found: Quality, i: int, line: CheckLine) -> None:
    """One check that found something: the first findings, what was expected and what to do."""
    check = line.check
    console.print()
    words = f"{_n(line.found, 'finding')} about {_n(line.children, 'child', 'children')}"
    in_lines(console, Text.assemble((check.title, "bold"), (f"  {named(check)}: {words}", "dim")), 0, 2)
    left = SHOWN
    for source in found.sources:
        for finding in found.findings_of(source, i, left):
            left -= 1
            say(console, f"{finding.case}: {finding.what}{place_words(finding)}", indent=2, hang=2)
    if line.found > SHOWN:
        say(console, f"and {_n(line.found - SHOWN, 'more')}: -o FILE.csv has every one", "yellow", indent=2)
    say(console, f"Expected: {check.expected} {check.mend}", "dim", indent=2, hang=2)
    apart = apart_words(line)
    if apart:
        say(console, f"{apart}, because these dates cannot be right.", "magenta", indent=2)


def place_words(finding: Finding) -> str:
    """Where a finding stands, in brackets."""
    rows = [f"row {row}" for row in (finding.row, finding.other_row) if row]
    if not finding.file or not rows:
        return ""
    if finding.other_file and finding.other_file != finding.file and finding.other_row:
        return f" ({finding.file} row {finding.row}; {finding.other_file} row {finding.other_row})"
    return f" ({finding.file} {listed(list(dict.fromkeys(rows)))})"


def _show_said(console: Console, source: SourceQuality) -> None:
    """The records that could not be used, by reason, and what the reader warned of."""
    warnings = [d for d in source.said if d.severity != "note"]
    if not source.rejected and not warnings:
        return
    console.print()
    say(console, f"From reading {source.path}", "bold")
    reasons: dict[str, list[int]] = {}
    for record in source.rejected:
        reasons.setdefault(record.why, []).append(record.row)
    for why, rows in list(reasons.items())[:SHOWN]:
        shown = ", ".join(str(row) for row in rows[:SHOWN]) + (f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else "")
        say(console, f"not used: {why} (row {shown})", "yellow", indent=2, hang=2)
    if len(reasons) > SHOWN:
        say(console, f"and {_n(len(reasons) - SHOWN, 'more reason')}: -o FILE.csv has every record", "yellow", indent=2)
    for diagnostic in warnings[:SHOWN]:
        at = f"{diagnostic.place}: " if diagnostic.place else f"line {diagnostic.line}: " if diagnostic.line else ""
        say(console, f"{diagnostic.severity}: {at}{diagnostic.message}", indent=2, hang=2)
        if diagnostic.help:
            say(console, f"help: {diagnostic.help}", "dim", indent=4)
    if len(warnings) > SHOWN:
        say(console, f"and {_n(len(warnings) - SHOWN, 'more')}: -o FILE.csv has every one", "yellow", indent=2)


def _show_not_applied(console: Console, found: Quality, lines: list[CheckLine]) -> None:
    """The checks that no source could be put to, by the reason."""
    never = [line for line in lines if line.why_not and len(line.why_not) == len(found.sources)]
    if not never:
        return
    console.print()
    say(console, f"Could not be applied: {_n(len(never), 'check')}", "bold")
    reasons: dict[str, list[str]] = {}
    for line in never:
        for why in dict.fromkeys(line.why_not.values()):
            reasons.setdefault(why, []).append(line.check.number or line.check.id)
    for why, checks in reasons.items():
        say(console, f"{', '.join(dict.fromkeys(checks))}: {why}", "dim", indent=2, hang=2)


def show_checks(console: Console, checks: tuple[Check, ...]) -> None:
    """Every check there is, with its number, what it compares and how its source was checked."""
    for check in checks:
        number = f"rule {check.number}" if check.number else "our own"
        marked = f"; {MARK_WORDS[check.verified]}" if check.source else ""
        in_lines(console, Text.assemble((check.title, "bold"), (f"  {check.id}", "dim")), 0, 2)
        say(console, f"{number}; {look_words(check)}; {SEVERITY_WORDS[check.severity]}{marked}", "dim", indent=2)
        say(console, f"{check.expected} {check.why}", indent=2, hang=2)
        if check.note:
            say(console, check.note, "dim", indent=2, hang=2)
    console.print()
    say(console, f"{plural(len(checks), 'check')}.", "bold")


def _n(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 or one == 'more' else many or one + 's'}"
