"""The measures of a run: worked out over its own events where they are few enough, or else how to get them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rrt_engine.calendar import as_date
from rrt_engine.diagnostics import InputError

if TYPE_CHECKING:
    from rrt_engine.measures.run import Measured, Source
    from rrt_engine.replay.run_folder import Run
    from rrt_engine.rulebook.book import RuleBook

MOST_CHILDREN = 200_000


@dataclass(frozen=True)
class Kpis:
    """The measures of a run, with small numbers left out; or `why` there are none."""

    found: Measured | None
    why: str = ""


def command_words(kpis: Kpis) -> str:
    """The command that gives the measures again."""
    if kpis.found is None:
        return "rrt measures SOURCE... --from DATE --to DATE"
    window = kpis.found.asked.window
    known = " --as-known" if kpis.found.asked.as_known else ""
    return f"rrt measures SOURCE... --from {as_date(window.first)} --to {as_date(window.last)}{known}"


def kpis_of(run: Run, under: int = 0, most: int = MOST_CHILDREN, notice: Callable[[str], None] = lambda _: None) -> Kpis:
    """Every measure over the twelve months to the as-of date, from the events that were replayed.

    None are given, and it is said why, where there are more than `most` children, the events are not there any more, or the run
    does not hold what a measure rests on.
    """
    from rrt_engine.measures.cells import Window
    from rrt_engine.measures.hide import suppressed
    from rrt_engine.measures.run import Asked, measured
    from rrt_engine.rulebook.load_measures import load_measures

    if why := _why_not(run, most):
        return Kpis(None, why)
    notice("checking that the events are as they were")
    if missing := run.missing_events():
        return Kpis(None, f"the events are not as they were: {missing[0]}" if under <= 1 else "the events are not as they were")
    last = run.as_of.day
    asked = Asked(Window(year_before(last), last), as_known=run.as_known is not None, suppress_under=under)
    try:
        with tempfile.TemporaryDirectory() as folder:
            measures = load_measures(run.extract_rules(Path(folder)), run.book)
        notice("reading the events")
        found = measured(_sources(run, run.book), measures, measures.measures, asked, notice)
    except InputError as error:
        why = "the events cannot be measured"
        return Kpis(None, f"{why}: {error.diagnostics[0].message}" if under <= 1 else why)
    return Kpis(suppressed(found, under))


def year_before(day: int) -> int:
    """The first of the twelve months that end on a day.

    >>> as_date(year_before(20543)).isoformat()  # to 31 March 2026
    '2025-04-01'
    """
    import numpy as np

    from rrt_engine.calendar import add_months

    return int(add_months(np.array([day + 1]), -12)[0])


def _why_not(run: Run, most: int) -> str:
    from rrt_engine.sources.merge_coverage import YEARLY

    children = int(run.manifest["counts"]["children"])
    if children > most:
        return f"there are {children:,} children, and they are worked out here for up to {most:,}"
    if run.changes:
        return "the rules were changed for this run, and the measures rest on the rules as they are"
    if run.as_known is not None and run.as_known != run.as_of.day:
        return "the run is as known on another day than the as-of date"
    logs = run.partition.logs
    if len(logs) > 1 and any(word in name.casefold() for word in YEARLY for log in logs for name in log.formats):
        return "they rest on yearly returns, which have to be read together"
    return ""


def _sources(run: Run, book: RuleBook) -> list[Source]:
    """The logs that the parts were cut from, put together again, as sources to measure."""
    import pyarrow as pa

    from rrt_engine.measures.run import Source
    from rrt_engine.replay.chunk import reading_of_table

    aside = run.set_aside()
    found: list[Source] = []
    for number, log in enumerate(run.partition.logs):
        tables = [part.events() for part in run.parts if part.log == number and part.name not in aside]
        if not tables:
            continue
        reading = reading_of_table(pa.concat_tables(tables, promote_options="default").unify_dictionaries(), book, log)
        whole = bool(log.formats) and all(name == "case" for name in log.formats)
        found.append(Source(log.name, reading.log, " + ".join(log.formats), whole, (reading.log,)))
    if len(found) > 1:
        # Where the records begin is told by all the children of a source, also those whom other sources know too.
        names = [set(source.name.split(" + ")) for source in found]
        found = [
            Source(s.name, s.log, s.format, s.whole, tuple(o.log for o, other in zip(found, names, strict=True) if mine & other))
            for s, mine in zip(found, names, strict=True)
        ]
    return found
