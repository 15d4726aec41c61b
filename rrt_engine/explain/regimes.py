"""Which part of a regime a duty lived in, and why: worked out again for the one child, when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.regime_schema import Part, Regime
from rrt_engine.timescales.arrays import Arrays
from rrt_engine.timescales.duties import Run
from rrt_engine.timescales.regimes import doubts_on, part_segments
from rrt_engine.words import listed, short_day_words


@dataclass(frozen=True)
class Governed:
    """The part a duty lived in: from which day, and whether its clock was carried into it. `days` are those on which it has to be
    known what was recorded, and `run` is where to find it.
    """

    name: str
    regime: Regime
    part: Part
    first: int
    carried: bool
    days: tuple[int, ...]
    run: Run


def governed(
    log: EventLog,
    book: RuleBook,
    regime: str,
    part: Part,
    child: int,
    as_of: tuple[int, int],
    start: int,
    due: int,
    settled: int,
    runs: dict[int, Run] | None = None,
) -> Governed | None:
    """The part that a duty lived in. `start` is the day its clock started, `settled` the day it was answered or ended.

    None where the record as it stands now no longer shows it, as it may not when looked at as it was known earlier. `runs` keeps,
    by child, what was worked out, for the child's other duties; it is for one thread alone.
    """
    run = (runs or {}).get(child)
    if run is None:
        own = log.of_children(child, child + 1).compact()
        run = Run(Arrays(own, own.day <= as_of[0], book.ref_paths()), book, *as_of, {}, [])
        if runs is not None:
            runs[child] = run
    found = part_segments(run, regime, part.id)
    last = as_of[0] if settled == NO_DAY else settled
    inside = [i for i in range(len(found.start)) if found.start[i] <= start and (found.end[i] == NO_DAY or start < found.end[i] >= last)]
    later = [i for i in range(len(found.start)) if start < found.start[i] <= max(last, due)]
    if not inside and not later:
        return None
    which = inside[-1] if inside else next((i for i in later if found.end[i] == NO_DAY or found.end[i] >= last), later[-1])
    first = int(found.start[which])
    days = sorted({max(start, first), max(start, first, min(last, max(due, first)))})
    return Governed(regime, book.regimes[regime], part, first, not inside, tuple(days), run)


def regime_steps(found: Governed, book: RuleBook) -> Iterator[str]:
    """Why this limit governed, in sentences: what was not recorded, and which local values chose between readings."""
    yield f"{found.regime.title}: on {short_day_words(found.first)} this began to govern: {found.part.title}."
    if found.carried:
        yield "The clock was already running then: it counts from the event before, and is not due before that day."
    unknown, settings = doubts_on(found.run, found.name, found.part.id, found.days)
    if unknown:
        names = listed([found.regime.states[name].title for name in unknown])
        yield f"Not recorded: {names}. What is not recorded is taken not to be so, and might put the child under another limit."
    for name in settings:
        local = book.parameters[name]
        yield f"{local.title}: the local value `{name}` is {local.value} ({local.basis})."
