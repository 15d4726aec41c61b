"""How several sources fit together, in a terminal and as a file: who knows which children, and where the sources disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rrt_engine.calendar import NO_DAY, as_date, day_number
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import EventLog
from rrt_engine.replay.run import Replay
from rrt_engine.reports.cells import write_csv
from rrt_engine.reports.console import say
from rrt_engine.reports.flag_table import check_target
from rrt_engine.sources.merge import Disagreement, Merging, Place
from rrt_engine.sources.merge_children import Apart
from rrt_engine.target import write_atomically
from rrt_engine.words import listed, short_day_words

_FEW = 3
_KINDS = 5
COLUMNS = ("child", "event", "differs", "kept_date", "kept_source", "kept_origin", "kept_row", "date", "source", "origin", "row")


def show_merging(console: Console, replay: Replay) -> None:
    """What each source knows and what they know together, what was counted once, and every kind of disagreement with a few told."""
    merging = replay.merging
    if merging is None or len(replay.read) < 2:
        return
    if all(s.reading.format == "case" for s in replay.read) and not (merging.shared or merging.apart):
        return
    console.print()
    together = sum(len(g.log.children) for g in merging.groups if len(g.members) > 1)
    if together:
        say(console, f"Together: {_n(together, 'child', 'children')} in more than one source", "bold")
        say(console, "A child that only one source knows is judged by what that source can hold.", "dim")
        _show_table(console, replay, merging)
        say(console, f"{_n(merging.counted_once, 'event')} that another source records too, each counted once", indent=2)
    else:
        none = (
            "No child of these sources was put together from several."
            if merging.apart
            else "No child is in more than one of these sources."
        )
        say(console, none, "bold")
    if merging.disagreements:
        found = merging.by_what()
        kinds = [f"{count:,} {event} ({what})" for (event, what), count in list(found.items())[:_KINDS]]
        more = f", and {len(found) - _KINDS:,} other kinds" if len(found) > _KINDS else ""
        say(console, f"The sources disagree {_n(len(merging.disagreements), 'time')}: {', '.join(kinds)}{more}", "yellow", indent=2, hang=2)
        for each in merging.disagreements[:_FEW]:
            say(console, _told(each), "yellow", indent=4, hang=2)
        if len(merging.disagreements) > _FEW:
            say(console, "--disagreements FILE.csv lists every one", "dim", indent=4)
    for apart in merging.apart[:_FEW]:
        names = listed([" + ".join(merging.names[i] for i in members) for members in apart.together()])
        says = f"not put together: `{apart.child}` has different dates of birth in {names}, and is judged apart for each"
        say(console, says, "yellow", indent=2, hang=2)
    for alike in merging.alike[:_FEW]:
        ids = listed([f"`{child}` ({', '.join(merging.names[i] for i in of)})" for child, of in zip(alike.ids, alike.sources, strict=True)])
        say(console, f"perhaps one child, not put together: {ids}; {alike.why}", "yellow", indent=2, hang=2)
    beyond = max(len(merging.apart) - _FEW, 0) + max(len(merging.alike) - _FEW, 0)
    if beyond:
        say(console, f"and {_n(beyond, 'more child', 'more children')} to look at; --format json lists every one", "dim", indent=2)


def _told(each: Disagreement) -> str:
    """One disagreement: the child and event, what is kept and what another source says."""
    if not each.kept.source:
        return f"{each.child} {each.event}: {_place(each.other)} is a latest date that the history of those days does not have; left out"
    if each.what == "date":
        return f"{each.child} {each.event}: {_place(each.kept)} is kept, not {_place(each.other)}"
    return f"{each.child} {each.event}: the {each.what} in {_place(each.kept)} is kept, not that in {_place(each.other)}"


def _place(place: Place) -> str:
    return f"{short_day_words(day_number(date.fromisoformat(place.date)))} ({_origin(place)} row {place.row})"


def _origin(place: Place) -> str:
    return place.origin if place.origin.startswith(place.source.rsplit("/", 1)[-1]) else place.source


def _show_table(console: Console, replay: Replay, merging: Merging) -> None:
    """A row for each source, and one for each set of sources that know children together: how many, and what they can hold."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in ("children", "events", "kinds of event", "latest dates only"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("from")
    table.add_column("to")
    for number, source in enumerate(replay.read):
        table.add_row(f"  {source.path}", *_row(source.reading.log))
        for group in merging.groups:
            if group.members == (number,) and not group.whole:
                table.add_row("    of these in no other", *_row(group.log))
    for group in merging.groups:
        if len(group.members) > 1:
            names = [merging.names[i] for i in group.members]
            label = f"  {' + '.join(names)}" if len(names) < _FEW else "\n    + ".join([f"  {names[0]}", *names[1:]])
            table.add_row(label, *_row(group.log))
    with console.capture() as shown:
        console.print(table)
    for line in shown.get().splitlines():
        console.out(line.rstrip(), highlight=False)


def _row(log: EventLog) -> tuple[str, ...]:
    coverage = log.coverage
    since = [day for day in coverage.since.values() if day > NO_DAY and day >= 0]
    kinds = "any" if coverage.kinds is None else f"{len(coverage.kinds):,}"
    latest = "all" if log.latest_only is not None and len(log) and bool(log.latest_only.all()) else f"{len(coverage.latest):,}"
    return (
        f"{len(log.children):,}",
        f"{len(log):,}",
        kinds,
        latest,
        *(as_date(d).isoformat() if d is not None else "" for d in (min(since, default=None), max(coverage.until.values(), default=None))),
    )


def _n(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


# ------------------------------------------------------------------------------------------------------------ the file


def check_disagreements(target: Path) -> None:
    """Raise InputError where the list cannot be written, before any work is done for it."""
    if target.suffix.lower() != ".csv":
        message = f"cannot write `{target.suffix or target.name}` files; expected .csv"
        raise InputError([Diagnostic(str(target), 0, 0, "unknown_format", message, "error", "", "end the name in .csv")])
    check_target(target)


def write_disagreements(merging: Merging | None, target: Path) -> int:
    """Write every disagreement to a CSV file and return how many: ids, kinds, dates and rows, and no other value.

    Where a child has different dates of birth nothing is kept: the first source's stands first, each other one beside it, and the
    child is judged apart for each.
    """
    check_disagreements(target)

    def cells(place: Place) -> tuple[str | int, ...]:
        return place.date, place.source, place.origin, place.row if place.source else ""

    rows: list[tuple[str | int, ...]] = []
    if merging is not None:
        rows += [(d.child, d.event, d.what, *cells(d.kept), *cells(d.other)) for d in merging.disagreements]
        rows += [row for apart in merging.apart for row in _births(apart, merging.names)]

    def write(path: Path) -> None:
        write_csv(path, COLUMNS, rows)

    write_atomically(target, write)
    return len(rows)


def _births(apart: Apart, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """A row for each date of birth that is not the first source's."""
    known = [(day, names[number]) for number, day in zip(apart.sources, apart.born, strict=True) if day != NO_DAY]
    (first, source), *others = known
    for day, other in others:
        if day != first:
            yield (apart.child, "", "date of birth", as_date(first).isoformat(), source, "", "", as_date(day).isoformat(), other, "", "")
