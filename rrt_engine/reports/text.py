"""What `check` and `replay` say in a terminal: the answer first, then the working. Words carry it; colour repeats it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rrt_engine.calendar import NO_INSTANT, Moment
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.explain.flags import Explained
from rrt_engine.explain.words import AUTHORITY_WORDS, STATUS_WORDS, VERIFIED_WORDS, day_words, listed, short_day_words, time_words
from rrt_engine.model import plural
from rrt_engine.replay.run import Replay, RuleLine, SourceRun
from rrt_engine.reports.documents import REMINDER
from rrt_engine.rulebook.book import RuleBook

# The order in which statuses are read, most pressing first, with the colour that repeats the word.
_ORDER = {
    "overdue": "bold red",
    "late": "yellow",
    "early": "yellow",
    "due_soon": "bold cyan",
    "due": "cyan",
    "cannot_tell": "magenta",
    "met": "green",
    "ended": "dim",
}
_SHOWN_REJECTED = 10
_WIDE = 40
BECAUSE_WORDS = {
    "time_of_day": "the time of day is not recorded",
    "trigger_attribute": "the event that starts it does not record what it needs",
    "answer_attribute": "the event that may answer it does not record what it needs",
    "before_records": "began before the records in the source",
    "impossible": "dates that cannot be right",
    "no_date": "a date it needs is not recorded",
    "over_the_limit": "an expiry later than the law allows",
}


def show_check(console: Console, case: str, title: str, book: RuleBook, as_of: Moment, flags: Sequence[Explained], full: bool) -> None:
    """One case: what is overdue, late, due, not clear and done, each with its reason; with its whole working if `full`."""
    when = day_words(as_of.day) if as_of.instant == NO_INSTANT else time_words(as_of.instant)
    _say(console, f"{case}{f' ({title})' if title else ''} as at {when}", "bold")
    _say(console, f"{book.title}, {book.version}", "dim")
    console.print()
    if not flags:
        _say(console, "No duty starts from the events in this case.")
    for status, style in _ORDER.items():
        for flag in sorted((f for f in flags if f.status == status), key=_urgency):
            _show_flag(console, flag, style, full)
    console.print()
    _say(console, f"{_counts([f.status for f in flags])}. {REMINDER}", "bold")
    _say(console, book.notice, "dim")


def _urgency(flag: Explained) -> tuple[int, str, str]:
    return (-(flag.days_late or 0), flag.due or "", flag.rule)


def _show_flag(console: Console, flag: Explained, style: str, full: bool) -> None:
    word = STATUS_WORDS[flag.status].upper()
    if flag.status == "met" and flag.due is None:
        word = "NOTED"
    head = Text.assemble((f"{word:<17}", style), (flag.title, "bold"), ("  " + flag.rule, "dim"))
    console.print(head)
    console.print(Padding(Text(flag.explanation), (0, 0, 0, 17)))
    source = f"{flag.source} ({AUTHORITY_WORDS[flag.authority]}; {VERIFIED_WORDS[flag.verified]})"
    if full:
        for number, step in enumerate(flag.steps, 1):
            console.print(Padding(Text(f"{number}. {step}", "dim"), (0, 0, 0, 17)))
    elif flag.status not in ("met", "ended"):
        console.print(Padding(Text(source, "dim"), (0, 0, 0, 17)))
    if flag.provisional:
        console.print(Padding(Text("Provisional: bank holidays that far ahead have not been announced.", "magenta"), (0, 0, 0, 17)))
    if flag.pathway:
        console.print(Padding(Text(f"Suggested next step: {flag.pathway}", style), (0, 0, 0, 17)))


def _counts(statuses: Sequence[str]) -> str:
    found = [f"{statuses.count(s)} {STATUS_WORDS[s].lower()}" for s in _ORDER if s in statuses]
    return listed(found) if found else "Nothing to report"


def show_replay(console: Console, replay: Replay) -> None:
    """A replay: what was read, the per-rule table, what could not be judged and why."""
    when = day_words(replay.as_of.day) if replay.as_of.instant == NO_INSTANT else time_words(replay.as_of.instant)
    _say(console, f"Replay as at {when}", "bold")
    _say(console, f"{replay.book.title}, {replay.book.version}, digest {replay.book.digest[:12]}", "dim")
    for source in replay.sources:
        _show_source(console, source)
    lines = replay.lines()
    for basis, heading in (
        ("history", "Time limits"),
        ("now", "As things stand now (the source holds only the latest dates, so this says nothing of how often it was on time)"),
        ("count", "Patterns recorded"),
    ):
        chosen = [line for line in lines if line.basis == basis]
        if chosen:
            console.print()
            _say(console, heading, "bold")
            _show_lines(console, chosen, basis)
    _show_unclear(console, lines)
    _show_unsupported(console, replay)
    flags = sum(len(s.result.flags) for s in replay.sources)
    console.print()
    _say(console, f"{plural(flags, 'flag')} from {plural(len(lines), 'rule')}. {REMINDER}", "bold")


def _show_source(console: Console, source: SourceRun) -> None:
    reading, log = source.reading, source.reading.log
    console.print()
    _say(console, f"{source.path}: {reading.format}, {plural(len(log.children), 'child', 'children')}, {plural(len(log), 'event')}", "bold")
    _say(console, f"  {reading.records_read:,} records read = {reading.records_used:,} used + {len(reading.rejected):,} rejected")
    if source.result.after_as_of:
        _say(console, f"  {plural(source.result.after_as_of, 'event')} after the as-of date not counted")
    for rejected in reading.rejected[:_SHOWN_REJECTED]:
        _say(console, f"  rejected: {rejected.origin} row {rejected.row}: {rejected.why}", "yellow")
    if len(reading.rejected) > _SHOWN_REJECTED:
        _say(console, f"  and {len(reading.rejected) - _SHOWN_REJECTED:,} more rejected; --format json lists every one", "yellow")
    for diagnostic in reading.diagnostics[:_SHOWN_REJECTED]:
        _say(console, f"  {diagnostic.text()}", "dim")
    if len(reading.diagnostics) > _SHOWN_REJECTED:
        _say(console, f"  and {len(reading.diagnostics) - _SHOWN_REJECTED:,} more; --format json lists every one", "dim")


def _show_lines(console: Console, lines: Sequence[RuleLine], basis: str) -> None:
    if console.width < 2 * _WIDE:  # a narrow screen, or large print: one rule after another
        for line in lines:
            _say(console, f"{line.rule}: {line.title}")
            counts = [f"{n} {STATUS_WORDS[s].lower()}" for s, n in line.statuses.items() if n]
            _say(console, f"  started {line.started}: {listed(counts)}; {_share(line)}")
        return
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("rule", overflow="fold")
    for name in ("started", "met", "late", "overdue", "due", "ended", "cannot tell") if basis != "count" else ("recorded", "cannot tell"):
        table.add_column(name, justify="right")
    if basis != "count":
        table.add_column("share on time" if basis == "history" else "share not overdue", overflow="fold")
    for line in lines:
        s = line.statuses
        if basis == "count":
            table.add_row(line.rule, f"{s['met']:,}", f"{s['cannot_tell']:,}")
            continue
        numbers = (line.started, s["met"], s["late"] + s["early"], s["overdue"], s["due"] + s["due_soon"], s["ended"], s["cannot_tell"])
        table.add_row(line.rule, *(f"{n:,}" for n in numbers), _share(line))
    console.print(table)


def _share(line: RuleLine) -> str:
    """The share with its denominator spelt out."""
    if line.basis == "count":
        return "no time limit"
    if line.share is None:
        return "none to judge"
    if line.basis == "now":
        return f"{line.share:.1%} = {line.on_time:,} of {line.judged:,} running"
    s = line.statuses
    parts = [f"{s[name]:,} {name}" for name in ("met", "late", "early", "overdue") if s[name]]
    return f"{line.share:.1%} = {line.on_time:,} of {line.judged:,} ({' + '.join(parts)})"


def _show_unclear(console: Console, lines: Sequence[RuleLine]) -> None:
    unclear = [line for line in lines if line.cannot_tell_because]
    if not unclear:
        return
    console.print()
    _say(console, "Cannot tell, and why (in no share)", "bold")
    for line in unclear:
        reasons = [f"{n:,} {BECAUSE_WORDS[name]}" for name, n in line.cannot_tell_because.items()]
        _say(console, f"  {line.rule}: {'; '.join(reasons)}")


def _show_unsupported(console: Console, replay: Replay) -> None:
    never = replay.never_answered()
    if never:
        console.print()
        _say(console, "Check these: a source holds none of the events that would answer them, so each counts as not done", "bold")
        for rule, kinds in never.items():
            _say(console, f"  {rule}: no {listed([f'`{k}`' for k in kinds])}", "yellow")
        _say(console, "  If the extract does not hold them, say what it covers in NAME.covers.yaml beside it (see the README).", "dim")
    refused = replay.not_evaluable()
    if refused:
        console.print()
        _say(
            console,
            f"Not evaluable from {'this source' if len(replay.sources) == 1 else 'these sources'}: {plural(len(refused), 'rule')}",
            "bold",
        )
        for rule, kinds in refused.items():
            _say(console, f"  {rule}: the source cannot hold {listed([f'`{k}`' for k in kinds])}", "dim")


def show_diagnostics(console: Console, diagnostics: Sequence[Diagnostic]) -> None:
    """Everything wrong with a file, one after another."""
    for diagnostic in diagnostics:
        _say(console, diagnostic.text())


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style))


def announced_words(book: RuleBook) -> str:
    """How far ahead bank holidays are known."""
    return f"bank holidays announced to {short_day_words(book.calendar.announced_to)}"
