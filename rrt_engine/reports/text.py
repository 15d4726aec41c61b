"""What `check` and `replay` say in a terminal: the answer first, then the working. Words carry it; colour repeats it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rrt_engine.calendar import Moment
from rrt_engine.checking import Changes, Checked
from rrt_engine.explain.flags import Explained
from rrt_engine.model import STATUSES
from rrt_engine.replay.run import Replay, RuleLine, SourceRead
from rrt_engine.reports.check_words import (
    ORDER,
    PROVISIONAL,
    SHOWN_WORDS,
    after_death_words,
    at_status,
    counts_words,
    ended_words,
    facts_when_words,
    later_words,
    next_step_words,
    not_covered_words,
    notice_words,
    reference_words,
    unsuggested_words,
)
from rrt_engine.reports.console import in_lines, say
from rrt_engine.reports.documents import REMINDER
from rrt_engine.reports.merging_text import show_merging
from rrt_engine.reports.source_words import SHOWN, read_together, said_of_source
from rrt_engine.reports.suggestion_text import show_changes, show_suggestion
from rrt_engine.reports.suggestion_words import headline
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.words import STATUS_WORDS, as_of_words, listed, short_day_words

if TYPE_CHECKING:
    from rrt_engine.replay.audit import Audit

# The colour that repeats the word of each status.
_STYLE = {
    "overdue": "bold red",
    "late": "yellow",
    "early": "yellow",
    "due_soon": "bold cyan",
    "due": "cyan",
    "cannot_tell": "magenta",
    "recorded": "cyan",
    "met": "green",
    "ended": "dim",
}
_WIDE = 130  # columns below which the table is not readable
BECAUSE_WORDS = {
    "time_of_day": "the time of day is not recorded",
    "trigger_attribute": "the event that starts it does not record what it needs",
    "answer_attribute": "the event that may answer it does not record what it needs",
    "before_records": "it began before the records in the source",
    "after_records": "the records in the source end before it was due",
    "only_later": "the source holds only the latest date of what would answer it, and that is later than the day judged by",
    "impossible": "its dates cannot be right",
    "no_date": "a date it needs is not recorded",
    "over_the_limit": "the expiry recorded is later than the law allows",
}


# ---------------------------------------------------------------------------------------------------- one case


def show_check(
    console: Console,
    checked: Checked,
    book: RuleBook,
    as_of: Moment,
    full: bool,
    thresholds: ThresholdBook | None = None,
    changes: Changes | None = None,
) -> None:
    """One case: what is overdue, late, due, not clear and done, and what its facts point to, each with its reason; with the
    whole working if `full`.
    """
    case, flags, result = checked.case, checked.flags, checked.result
    say(console, f"{case.id}{f': {case.title}' if case.title else ''}", "bold")
    say(console, f"As at {as_of_words(as_of)}. {book.title}, {book.version}.", "dim")
    console.print()
    say(console, counts_words(flags), "bold")
    if result.after_as_of:
        say(console, later_words(result.after_as_of))
    if facts_when := facts_when_words(case.every_fact(), as_of.day):
        say(console, facts_when)
    if after_death := after_death_words(flags, case.log, result, book):
        say(console, after_death, "bold")
    if checked.suggestion and thresholds:
        say(console, headline(checked.suggestion, thresholds), "bold")
    else:
        how = "" if case.every_fact() else "; rrt facts WORDS finds the fact to record"
        say(console, f"{unsuggested_words(case, as_of)}{how}.", "bold" if case.every_fact() else "")
    for status in ORDER:
        for of_rule in at_status(flags, status):
            _show_rule(console, status, _STYLE[status], of_rule, full)
    if result.not_evaluable:
        console.print()
        say(console, not_covered_words(len(result.not_evaluable)), "bold")
        for refused in result.not_evaluable:
            say(console, f"{refused.rule} needs {_kinds(refused.missing)}", indent=2)
    if checked.suggestion and thresholds:
        show_suggestion(console, checked.suggestion, thresholds, full)
        if changes:
            show_changes(console, checked.suggestion, changes.suggestion, changes.what, thresholds)
    console.print()
    say(console, notice_words(book), "dim")


def _show_rule(console: Console, status: str, style: str, flags: Sequence[Explained], full: bool) -> None:
    """What one rule says at one status: the sentence of each flag, and where the rule comes from."""
    flag, indent = flags[0], 17 if console.width >= 80 else 2
    times = f" ({len(flags)} times)" if len(flags) > 1 else ""
    console.print()
    word = f"{SHOWN_WORDS[status].upper()}:" if indent == 2 else f"{SHOWN_WORDS[status].upper():<16}"
    in_lines(console, Text.assemble((word, style), (f" {flag.title}", "bold"), (f"{times}  {flag.rule}", "dim")), 0, indent)
    for each in flags:
        say(console, f"{'- ' if len(flags) > 1 else ''}{each.explanation}", indent=indent, hang=2 if len(flags) > 1 else 0)
        if full:
            for number, step in enumerate(each.steps, 1):
                say(console, f"{number}. {step}", "dim", indent=indent + 2, hang=3)
        elif each.provisional:
            say(console, PROVISIONAL, "magenta", indent=indent)
    if not full and status not in ("met", "ended"):
        say(console, reference_words(flag), "dim", indent=indent)
    if flag.pathway:
        say(console, next_step_words(flag), style, indent=indent)


# ---------------------------------------------------------------------------------------------------- many timelines


def show_replay(console: Console, replay: Replay, audit: Audit | None = None) -> None:
    """A replay: the answer in a line, what was read, the per-rule table, what could not be judged and why, and the audit."""
    lines = replay.lines()
    say(console, f"Replay as at {as_of_words(replay.as_of)}", "bold")
    say(console, f"{replay.book.title}, {replay.book.version}, digest {replay.book.digest[:12]}.", "dim")
    console.print()
    show_answer(console, lines)
    console.print()
    together, alone = read_together(replay)
    for line in together:
        say(console, line, "bold" if line == together[0] else "", indent=0 if line == together[0] else 2)
    for source in alone:
        _show_source(console, source, replay.after_as_of(source))
    for refused in replay.refused:
        say(console, f"{refused.path}: NOT READ", "bold red")
        for diagnostic in refused.diagnostics[:SHOWN]:
            say(console, diagnostic.message, "red", indent=2)
    show_merging(console, replay)
    show_lines(console, lines)
    sources = "this source" if len(replay.read) == 1 else "any of these sources"
    show_unsupported(console, replay.book, replay.never_answered(), replay.partly_evaluable(), replay.not_evaluable(), sources)
    if audit:
        from rrt_engine.reports.audit_text import show_audit

        show_audit(console, audit)
    console.print()
    say(console, REMINDER, "bold")


def show_answer(console: Console, lines: Sequence[RuleLine]) -> None:
    """How many flags there are, and of which kinds: the answer in a line."""
    flags = sum(line.started for line in lines)
    if flags:
        total: dict[str, int] = {
            s: sum(line.statuses[s] for line in lines if line.basis != "count" or s == "cannot_tell") for s in STATUSES
        }
        total["recorded"] = sum(line.statuses["met"] for line in lines if line.basis == "count")
        counts = listed([f"{total[s]:,} {SHOWN_WORDS[s].lower()}" for s in ORDER if total[s]])
        say(console, f"{_n(flags, 'flag')} from {_n(len({line.rule for line in lines}), 'rule')}: {counts}.", "bold")
        if ended := sum(line.ended_since for line in lines):
            say(console, ended_words(ended))
    else:
        say(console, "No time limit starts from the events that were read.", "bold")


def show_lines(console: Console, lines: Sequence[RuleLine]) -> None:
    """The per-rule table, a part for each basis, and what cannot be told and why."""
    for basis, heading, says in (
        (
            "history",
            "Time limits",
            "Share on time is met, out of met + late + early + overdue. What is not yet due, ended or cannot be told is in no share.",
        ),
        (
            "now",
            "As things stand now",
            "The source holds only the latest dates, so this says what is overdue today, and nothing of how often it was on time. "
            "Ended counts what was missed before it ended, too.",
        ),
        ("count", "Patterns recorded", "These have no time limit."),
    ):
        chosen = [line for line in lines if line.basis == basis]
        if chosen:
            console.print()
            say(console, heading, "bold")
            say(console, says, "dim")
            _show_table(console, chosen, basis)
    _show_unclear(console, lines)


def _show_source(console: Console, source: SourceRead, later: int) -> None:
    """What was read from one source, and each record that could not be used, with why."""
    said = said_of_source(source, later)
    say(console, said.heading, "bold")
    say(console, said.records, indent=2)
    if said.later:
        say(console, said.later, indent=2)
    for where, why, helps in said.rejected[:SHOWN]:
        say(console, f"rejected: {f'{where}: ' if where else ''}{why}", "yellow", indent=2, hang=2)
        for help in helps:
            say(console, f"help: {help}", "dim", indent=4)
    if len(said.rejected) > SHOWN:
        say(console, f"and {len(said.rejected) - SHOWN:,} other reasons; --format json lists every record", "yellow", indent=2)
    for note, help in said.notes[:SHOWN]:
        say(console, note, "dim", indent=2)
        if help:
            say(console, f"help: {help}", "dim", indent=4)
    if len(said.notes) > SHOWN:
        say(console, f"and {len(said.notes) - SHOWN:,} more; --format json lists every one", "dim", indent=2)


def _show_table(console: Console, lines: Sequence[RuleLine], basis: str) -> None:
    if console.width < _WIDE and basis != "count":  # a narrow screen, or large print: one rule after another
        for line in lines:
            say(console, f"{line.title} ({line.rule})")
            counts = [f"{n:,} {STATUS_WORDS[s].lower()}" for s, n in line.statuses.items() if n]
            say(console, f"{line.started:,} started: {listed(counts)}; {' '.join(_share(line))}", indent=2)
        return
    if basis == "count":
        for line in lines:
            unclear = f", and {line.statuses['cannot_tell']:,} that cannot be told" if line.statuses["cannot_tell"] else ""
            say(console, f"{line.title} ({line.rule}): {line.statuses['met']:,}{unclear}", indent=2)
        return
    early = any(line.statuses["early"] for line in lines)
    columns: dict[str, Callable[[RuleLine], int]] = {
        "started": lambda line: line.started,
        "met": lambda line: line.statuses["met"],
        "late": lambda line: line.statuses["late"],
        **({"early": lambda line: line.statuses["early"]} if early else {}),
        "overdue": lambda line: line.statuses["overdue"] - (line.ended_since if basis == "now" else 0),
        "due": lambda line: line.statuses["due"] + line.statuses["due_soon"],
        "ended": lambda line: line.statuses["ended"] + (line.ended_since if basis == "now" else 0),
        "cannot\ntell": lambda line: line.statuses["cannot_tell"],
    }
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", min_width=2 + max(len(line.rule) for line in lines), max_width=60)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True, vertical="top")
    table.add_column("share on time" if basis == "history" else "share not overdue", overflow="fold")
    for service, of_service in groupby(lines, key=lambda line: line.service):
        table.add_row(Text(service.replace("_", " ").capitalize(), "bold"))
        for line in of_service:
            first = Group(Padding(line.title, (0, 0, 0, 2)), Padding(Text(line.rule, "dim"), (0, 0, 0, 2)))
            table.add_row(first, *(f"{read(line):,}" for read in columns.values()), "\n".join(_share(line)))
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as shown:
        console.print(table)
    for row in shown.get().splitlines():
        console.out(row.rstrip(), highlight=False)


def _share(line: RuleLine) -> tuple[str, str]:
    """The share, and its denominator spelt out."""
    if line.share is None:
        return "none to judge", ""
    share = f"{line.share:.1%} = {line.on_time:,} of {line.judged:,}"
    if line.basis == "now":
        return share, "running"
    s = line.statuses
    return share, f"({' + '.join(f'{s[name]:,} {name}' for name in ('met', 'late', 'early', 'overdue') if s[name])})"


def _show_unclear(console: Console, lines: Sequence[RuleLine]) -> None:
    unclear = [line for line in lines if line.cannot_tell_because]
    if not unclear:
        return
    console.print()
    say(console, "Cannot tell, and why (in no share)", "bold")
    for line in unclear:
        reasons = [f"{n:,} because {BECAUSE_WORDS[name]}" for name, n in line.cannot_tell_because.items()]
        say(console, f"{line.title} ({line.rule}): {'; '.join(reasons)}", indent=2, hang=2)


def show_unsupported(
    console: Console,
    book: RuleBook,
    never: Mapping[str, Sequence[str]],
    partly: Mapping[str, list[str]],
    refused: Mapping[str, Sequence[str]],
    sources: str,
) -> None:
    """Rules that some source cannot support: with the events that never occur in it, the sources that cannot, or what they lack."""
    if never:
        console.print()
        say(console, "Check these: a source holds none of the events that would answer them, so each counts as not done", "bold")
        for rule, kinds in never.items():
            say(console, f"{rule}: no {_kinds(kinds)}", "yellow", indent=2, hang=2)
        say(
            console,
            "If the extract does not hold them, say what it covers in NAME.covers.yaml beside it (see the README).",
            "dim",
            indent=2,
        )
    if partly:
        console.print()
        say(console, f"Judged from some of the sources only: {_n(len(partly), 'rule')}", "bold")
        by_source: dict[str, list[str]] = {}
        for rule, names in partly.items():
            by_source.setdefault(listed(names), []).append(rule)
        for names_of, rules in by_source.items():
            say(console, f"not from {names_of}: {', '.join(rules)}", "dim", indent=2, hang=2)
    if refused:
        console.print()
        say(console, f"Cannot be judged from {sources}, because the events they need are not in it: {_n(len(refused), 'rule')}", "bold")
        services: dict[str, list[str]] = {}
        for name in dict.fromkeys(r.id for r in book.rules if r.spec.stage == "in_force"):
            services.setdefault(book.named(name)[-1].spec.service, []).append(name)
        whole = [rules for rules in services.values() if len(rules) > 3 and refused.keys() >= set(rules)]
        named = {rule for rules in whole for rule in rules}
        for rule, kinds in refused.items():
            if rule not in named:
                say(console, f"{rule} needs {_kinds(kinds)}", "dim", indent=2, hang=2)
        for service, rules in services.items():
            if rules in whole:
                heading = service.replace("_", " ").capitalize()
                say(console, f"{heading}, none of its {len(rules)} rules: {', '.join(rules)}", "dim", indent=2, hang=2)


# ---------------------------------------------------------------------------------------------------- words and lines


def _n(n: int, one: str, many: str = "") -> str:
    """A count with its noun, with commas in thousands."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _kinds(kinds: Iterable[str]) -> str:
    return listed([f"`{kind}`" for kind in kinds])


def announced_words(book: RuleBook) -> str:
    """How far ahead bank holidays are known."""
    return f"bank holidays announced to {short_day_words(book.calendar.announced_to)}"
