"""What was read, in words: how much of each source was used, what was not and why, for a terminal and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rrt_engine.model import plural
from rrt_engine.replay.run import Refused, Replay, SourceRead
from rrt_engine.sources.fact_tables import DecisionReading, FactReading
from rrt_engine.words import listed

SHOWN = 10
"""How many reasons and messages of a source are shown; a file lists every record."""
_FORMATS = {"annex_a": "Annex A", "cin_census": "CIN census"}


@dataclass(frozen=True)
class SourceSaid:
    """One source in words. `rejected` are places, why, and what helps; `notes` are messages of the reader with what helps."""

    heading: str
    records: str
    later: str
    rejected: tuple[tuple[str, str, tuple[str, ...]], ...]
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ReadSaid:
    """Everything that was read, in words. `together` are lines about case files taken together; `unread` are the sources and tables
    that could not be read, each with why; `rejected` counts the records and rows that could not be used."""

    together: tuple[str, ...]
    sources: tuple[SourceSaid, ...]
    unread: tuple[tuple[str, tuple[str, ...]], ...]
    rejected: int


def read_words(replay: Replay, facts: Sequence[FactReading] = (), unread: Sequence[Refused] = ()) -> ReadSaid:
    """What a replay read, with the tables of facts beside it and those that could not be read."""
    together, alone = read_together(replay)
    return ReadSaid(
        tuple(together),
        (*(said_of_source(source, replay.after_as_of(source)) for source in alone), *map(said_of_facts, facts)),
        tuple((each.path, tuple(d.message for d in each.diagnostics[:SHOWN])) for each in (*replay.refused, *unread)),
        sum(len(source.reading.rejected) for source in replay.read) + sum(len(reading.rejected) for reading in facts),
    )


def said_of_facts(reading: FactReading) -> SourceSaid:
    """What was read from one table of facts."""
    notes = [(f"{f'{reading.file}:{d.line}: ' if d.line else ''}{d.message}", d.help) for d in reading.diagnostics]
    return SourceSaid("", table_words(reading, "facts"), "", (), tuple(notes))


def table_words(reading: FactReading | DecisionReading, what: str) -> str:
    """What was read from a table of facts or of decisions, which is always what was used and what was rejected."""
    rejected = len(reading.rejected)
    rows = plural(reading.records_read, "row")
    return f"{reading.file}: {rows} of {what} read = {reading.records_used:,} used + {rejected:,} rejected"


def said_of_source(source: SourceRead, later: int) -> SourceSaid:
    """What was read from one source. `later` is how many of its events are after the as-of date."""
    reading, log = source.reading, source.reading.log
    kind = _FORMATS.get(reading.format, reading.format)
    notes = list(reading.diagnostics)
    reasons: dict[str, list[str]] = {}
    for record in reading.rejected:
        name, origin = source.path.rsplit("/", 1)[-1], record.origin.rsplit("/", 1)[-1]
        sheet = "" if origin == name else origin.removeprefix(f"{name} ").strip()
        place = f"{f'{sheet} ' if sheet else ''}row {record.row}"
        reasons.setdefault(record.why, []).extend([] if sheet and record.why.startswith(sheet) else [place])
    rejected: list[tuple[str, str, tuple[str, ...]]] = []
    for why, places in reasons.items():
        where = listed(places) if len(places) < 5 else f"{', '.join(places[:3])} and {len(places) - 3:,} more"
        same = [d for d in notes if d.message.startswith(why)] if len(rejected) < SHOWN else []
        rejected.append((where, why, tuple(dict.fromkeys(d.help for d in same if d.help))))
        if same:
            notes = [d for d in notes if d not in same]
    said = []
    for diagnostic in notes:
        place = f"{diagnostic.place}: " if diagnostic.place else f"line {diagnostic.line}: " if diagnostic.line else ""
        said.append((f"{diagnostic.severity}: {place}{diagnostic.message}", diagnostic.help))
    return SourceSaid(
        f"{source.path} ({kind}): {plural(len(log.children), 'child', 'children')}, {plural(len(log), 'event')}",
        records_words(reading.records_read, reading.records_used, len(reading.rejected)),
        later_words(later),
        tuple(rejected),
        tuple(said),
    )


def read_together(replay: Replay) -> tuple[list[str], list[SourceRead]]:
    """Lines about case files that there is nothing to say of, where they are many, taken together; and the sources to be said alone."""
    quiet = [s for s in replay.read if s.reading.format == "case" and not s.reading.rejected and not s.reading.diagnostics]
    if len(quiet) <= SHOWN:
        return [], list(replay.read)
    events, later = sum(len(s.reading.log) for s in quiet), sum(replay.after_as_of(s) for s in quiet)
    read, used = sum(s.reading.records_read for s in quiet), sum(s.reading.records_used for s in quiet)
    lines = [f"{plural(len(quiet), 'case')}, {quiet[0].path} to {quiet[-1].path}: {plural(events, 'event')}", records_words(read, used, 0)]
    names = {id(each) for each in quiet}
    return [*lines, *([later_words(later)] if later else [])], [s for s in replay.read if id(s) not in names]


def records_words(read: int, used: int, rejected: int) -> str:
    """What was read, which is always what was used and what was rejected."""
    return f"{plural(read, 'record')} read = {used:,} used + {rejected:,} rejected"


def later_words(later: int) -> str:
    """How many events are not counted because they are later than the day judged by; empty where none is."""
    return f"{plural(later, 'event')} after the as-of date not counted" if later else ""
