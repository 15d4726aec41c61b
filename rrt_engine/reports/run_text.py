"""A run on the terminal: what was read, what was set aside, and the per-rule table; where it is all kept."""

from __future__ import annotations

from collections import Counter

from rich.console import Console

from rrt_engine.model import plural
from rrt_engine.replay.run_folder import Run
from rrt_engine.reports.console import say
from rrt_engine.reports.documents import REMINDER
from rrt_engine.reports.text import show_answer, show_lines, show_unsupported
from rrt_engine.words import as_of_words

_SHOWN = 10


def show_run(console: Console, run: Run) -> None:
    """A run that is whole: the answer in a line, what was read and rejected, the per-rule table, and what could not be judged."""
    rules, counts = run.manifest["rules"], run.manifest["counts"]
    say(console, f"Replay as at {as_of_words(run.as_of)}", "bold")
    say(console, f"{run.book.title}, {rules['version']}, digest {rules['digest'][:12]}.", "dim")
    for name, value in run.changes:
        say(console, f"{name} was changed to {value} for this run.", "yellow")
    console.print()
    show_answer(console, run.lines)
    console.print()
    sources = run.manifest["sources"]
    for source in sources[:_SHOWN]:
        aside = f" + {source['set_aside']:,} set aside" if source["set_aside"] else ""
        say(console, f"{source['name']} ({source['format']})", "bold")
        read = plural(source["read"], "record")
        say(console, f"{read} read = {source['used']:,} used + {source['rejected']:,} rejected{aside}", indent=2)
    if len(sources) > _SHOWN:
        rest = sources[_SHOWN:]
        read, used, rejected = (sum(source[key] for source in rest) for key in ("read", "used", "rejected"))
        say(console, f"and {len(rest)} more: {read:,} records read = {used:,} used + {rejected:,} rejected", indent=2)
    children, events = plural(counts["children"], "child", "children"), plural(counts["events"], "event")
    say(console, f"{children}, {events}, in {plural(len(run.parts), 'part')}", indent=2)
    if counts["after_as_of"]:
        say(console, f"{plural(counts['after_as_of'], 'event')} after the as-of date not counted", indent=2)
    reasons = Counter(run.rejected()["why"].to_pylist())
    for why, n in reasons.most_common(_SHOWN):
        say(console, f"rejected: {plural(n, 'record')}: {why}", "yellow", indent=2, hang=2)
    if len(reasons) > _SHOWN:
        say(console, f"and {len(reasons) - _SHOWN:,} other reasons; rejected.parquet lists every record", "yellow", indent=2)
    for name, why in run.set_aside().items():
        say(console, f"SET ASIDE: {name}, none of its children is in any figure here: {why}", "bold red", indent=2, hang=2)
    said = run.diagnostics()
    for diagnostic in said[:_SHOWN]:
        say(console, f"{diagnostic.severity}: {diagnostic.where()}: {diagnostic.message}", "dim", indent=2, hang=2)
    if len(said) > _SHOWN:
        say(console, f"and {len(said) - _SHOWN:,} more in diagnostics.json", "dim", indent=2)
    merged = run.manifest["merged"]
    if merged["shared"]:
        shared, once = plural(merged["shared"], "child is", "children are"), plural(merged["counted_once"], "event")
        differ = plural(merged["disagreements"], "disagreement")
        say(console, f"{shared} known to several sources: {once} counted once, {differ}", indent=2)
    show_lines(console, run.lines)
    one = "this source" if len(sources) == 1 else "any of these sources"
    show_unsupported(console, run.book, run.never_answered(), run.partly_evaluable(), run.not_evaluable(), one)
    console.print()
    say(console, REMINDER, "bold")
