"""What was read, in words: how much of each source was used, what was not and why, for a terminal and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rrt_engine.calendar import NO_DAY, Moment
from rrt_engine.model import plural
from rrt_engine.replay.run import Refused, Replay, SourceRead, usual_last
from rrt_engine.sources.fact_tables import DecisionReading, FactReading
from rrt_engine.words import as_of_words, counted_words, day_words, listed

SHOWN = 10
"""How many reasons and messages of a source are shown; a file lists every record."""
LONG_AGO = 31
"""Days without any event after which a list says so: what was done since is not in the data."""
_FORMATS = {"annex_a": "Annex A", "cin_census": "CIN census"}
KEPT_APART = "the dates of birth differ between the sources"
"""Why records of one id are not put together."""
OTHERS = (
    f"Other records in these data have this id too, and are kept apart from these because {KEPT_APART}. They may be of another child, "
    "or of this one: then what is not done here may be done there. Check which date of birth is right."
)
"""What is said of the records of one id in one source where another has it too; the others follow."""


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


def known_words(replay: Replay) -> list[str]:
    """What counts by when it was recorded, a sentence each: that only what had been recorded by a day does, with how much does not for
    that; or that everything does, though it did not in a run that is read.
    """
    if replay.as_known is None:
        here = "Here everything counts, however late it was recorded."
        return [f"The run {name} counted {counted_words(day)}. {here}" for name, day in replay.known]
    said = f"Here {counted_words(replay.as_known)} counts"
    if all(source.reading.log.recorded is None for source in replay.read):
        return [f"{said}, but nothing in these data says when it was recorded, so all of it does."]
    later = sum(map(replay.recorded_later, replay.read))
    return [f"{said}: {plural(later, 'event')} {'was' if later == 1 else 'were'} recorded later, and {'does' if later == 1 else 'do'} not."]


def reach_words(replay: Replay) -> list[str]:
    """How far the data reach beside the day they are judged by, where it matters: a sentence each, and none where all is near.

    What counts by when it was recorded, where not everything does; that the last event counted is long before that day; that some
    sources end so where others go on; and how many events are later than it, and so not counted.
    """
    return [*known_words(replay), *_ends_words(replay)]


def _ends_words(replay: Replay) -> list[str]:
    lasts = [(source.path, usual_last(replay.days(source))) for source in replay.read if source.reading.format != "case"]
    days = replay.days(*replay.read)
    last = usual_last(days)
    said = [text] if (text := stale_words(last, replay.as_of)) else []
    if said and (few := int((days > last).sum())):
        said.append(f"Only {few:,} of the events counted {'is' if few == 1 else 'are'} later, the last on {day_words(int(days.max()))}.")
    if not said:
        old = [(path, day) for path, day in lasts if day != NO_DAY and stale_words(day, replay.as_of)]
        said += [f"The last day with the usual events in {path} is {_before(day, replay.as_of, 'it')}" for path, day in old[:SHOWN]]
        if len(old) > SHOWN:
            said.append(f"{len(old) - SHOWN:,} more sources end over {LONG_AGO} days before that day.")
    later, events = sum(map(replay.after_as_of, replay.read)), sum(len(source.reading.log) for source in replay.read)
    if not later:
        return said
    when, be = as_of_words(replay.as_of), "is" if later == 1 else "are"
    if later == events:
        said.append(f"No event in these data is counted: all {events:,} are after {when}. Is that the day you meant?")
    else:
        doubt = " That is most of them: is that the day you meant?" if 2 * later > events else ""
        said.append(f"{later:,} of the {events:,} events in these data {be} after {when}, and not counted.{doubt}")
    return said


def stale_words(last: int, as_of: Moment) -> str:
    """That the last event is long before the day judged by; empty where it is not, or there is none."""
    if last == NO_DAY or as_of.day - last <= LONG_AGO:
        return ""
    return f"The last day with the usual events in these data is {_before(last, as_of)}"


def _before(day: int, as_of: Moment, them: str = "them") -> str:
    return f"{day_words(day)}, {as_of.day - day:,} days before {day_words(as_of.day)}: what was done since is not in {them}."
