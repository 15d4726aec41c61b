"""Measures over every source and every month: what each source can say, and the figure of each period as it was at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from rrt_engine.calendar import Duration, add_months, as_date, day_number
from rrt_engine.measures.cells import NOTHING, Basis, Cell, Window, cell_of
from rrt_engine.measures.compute import Members, ends_of, members_from, needs_of, rules_in, starts_of
from rrt_engine.measures.view import View
from rrt_engine.model import Coverage, EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load_measures import MeasureBook
from rrt_engine.rulebook.measure_schema import Compute, Condition, Measure
from rrt_engine.sources.merge import Merging
from rrt_engine.sources.merge_coverage import YEARLY, format_word, held, merged_coverage
from rrt_engine.sources.reading import Reading
from rrt_engine.timescales.evaluate import unsupported_kinds
from rrt_engine.words import short_day_words


@dataclass(frozen=True)
class Asked:
    """What was asked: the period, the trend, and how it is to be read."""

    window: Window
    trend: bool = False
    as_known: bool = False
    population: int | None = None
    complete_from: int | None = None
    suppress_under: int = 0


@dataclass(frozen=True)
class Line:
    """One measure on one basis. `period` is the asked period (its end, for a snapshot); `months` one figure a month.

    `rolling` has the figure over the measure's own rolling length up to each month's end, and `year` that since 1 April; both
    are empty where they say nothing more. `sources` are those it rests on and `cannot` those that cannot say, with the reason.
    """

    measure: Measure
    basis: Basis
    period: Cell
    months: tuple[Cell, ...] = ()
    rolling: tuple[Cell, ...] = ()
    year: tuple[Cell, ...] = ()
    sources: tuple[str, ...] = ()
    cannot: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    cases: tuple[Members, ...] = ()


@dataclass(frozen=True)
class NotAvailable:
    """A measure that no source can give, and why: it is listed, never silently left out."""

    measure: Measure
    why: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A source of timelines, or several put together: its name, and the log of children it knows.

    `whole` says that its silence is trusted, as for a single case. `records` are the logs in which these children stand as they
    were read, with every other child of them: where a source does not say when its records begin, its first event tells.
    `history` is what a look back may rest on: that of the log, or of all the yearly returns of the authority.
    """

    name: str
    log: EventLog
    format: str
    whole: bool = False
    records: tuple[EventLog, ...] = ()
    history: Coverage | None = None


def sources_of(merging: Merging, readings: Sequence[Reading]) -> list[Source]:
    """The sources to measure: the children that the same sources know, as one each, so that nobody is counted twice."""
    found = []
    for group in merging.groups:
        own = [readings[i] for i in group.members]
        name = " + ".join(merging.names[i] for i in group.members)
        formats = " + ".join(dict.fromkeys(each.format for each in own))
        whole = all(each.format == "case" for each in own)
        returns = _returns_with(group.members, merging, readings)
        history = merged_coverage([held(readings[i]) for i in returns]) if returns else None
        found.append(Source(name, group.log, formats, whole, tuple(each.log for each in own), history))
    return found


def _returns_with(members: Sequence[int], merging: Merging, readings: Sequence[Reading]) -> list[int]:
    """The yearly returns of one authority that some of them belong to; empty where they are not all of one yearly format.

    A return has every child who was in need, or looked after, in its year: a child who is not in the year before was not. Returns
    of one format that have children in common are of one authority.
    """
    words = {format_word(readings[i]) for i in members}
    if len(words) > 1 or not words <= set(YEARLY):
        return []
    found: set[int] = set()
    more = set(members)
    while more - found:
        found |= more
        alike = [{i for i in g.members if format_word(readings[i]) in words} for g in merging.groups]
        more = set().union(*(each for each in alike if each & found))
    return sorted(found)


@dataclass(frozen=True)
class Measured:
    """Every measure asked for."""

    book: MeasureBook
    asked: Asked
    months: tuple[Window, ...]
    lines: tuple[Line, ...]
    not_available: tuple[NotAvailable, ...]
    sources: tuple[Source, ...]

    @property
    def children(self) -> int:
        """How many children the sources hold."""
        return sum(len(source.log.children) for source in self.sources)

    @property
    def recorded(self) -> bool:
        """Whether any source says when its events were recorded."""
        return any(source.log.recorded is not None for source in self.sources)


def months_of(window: Window) -> tuple[Window, ...]:
    """The calendar months of a period, the first and last cut to it."""
    result = []
    first = window.first
    while first <= window.last:
        last = min(_month_end(first), window.last)
        result.append(Window(first, last))
        first = last + 1
    return tuple(result)


def _month_end(day: int) -> int:
    d = as_date(day)
    following = date(d.year + d.month // 12, d.month % 12 + 1, 1)
    return day_number(following) - 1


def year_start(day: int) -> int:
    """The 1 April on or before a day: where the year of the statistics begins."""
    d = as_date(day)
    return day_number(date(d.year if d.month >= 4 else d.year - 1, 4, 1))


# -------------------------------------------------------------------------------------------- what a source can say


@dataclass(frozen=True)
class Can:
    """What one source can say of one measure: on which basis, or why not."""

    basis: Basis | None
    why: str = ""
    needs: tuple[str, ...] = ()


def can_say(measure: Measure, source: Source, book: RuleBook, window: Window | None = None) -> Can:
    """Whether a source holds what a measure needs, and whether of a period or only as things stand now."""
    assert measure.compute
    log, needs = source.log, needs_of(measure, book)
    missing = [k for kinds in needs.kinds if not any(log.coverage.carries(kind) for kind in kinds) for k in kinds]
    lacking = [unsupported_kinds(book, rule, log) for rule in book.rules if rule.id in needs.rules and rule.spec.stage == "in_force"]
    if lacking and all(lacking):
        missing.extend(k for kinds in lacking for k in kinds)
    if missing:
        kinds = tuple(dict.fromkeys(missing))
        return Can(None, "not from this source: needs", kinds)
    ends = _records_end(measure.compute, log.coverage, book)
    if window is not None and ends is not None and ends < (window.last if measure.snapshot else window.first):
        return Can(None, f"not for this period: its records end on {short_day_words(ends)}")
    latest = _latest_kinds(log)
    flagged = measure.compute.units.flags
    judged = {k for rule in book.rules if rule.id in needs.rules and rule.spec.expect for k in rule.spec.expect.event}
    if flagged and judged & latest:
        return Can("now")
    whole = _needed_whole(measure.compute) | (judged if not flagged else set())
    if whole & latest:
        return Can(None, "not over a period: only the latest date is held of", tuple(sorted(whole & latest)))
    if _mentioned(measure.compute) & latest:
        return Can("now") if measure.snapshot else Can(None, "not over a period: only the latest date is held of", tuple(sorted(latest)))
    if log.coverage.kinds is None and not source.whole:
        absent = [kinds for kinds in needs.kinds if not set(kinds) & set(log.kinds)]
        started = [r.spec.when.event for r in book.rules if r.id in needs.rules]
        answered = [r.spec.expect.event for r in book.rules if r.id in needs.rules and r.spec.expect]
        for groups in (started, answered):
            if groups and not any(set(kinds) & set(log.kinds) for kinds in groups):
                absent.extend(tuple(kinds) for kinds in groups)
        if absent:
            return Can(None, "not from this source: it has no", tuple(dict.fromkeys(k for kinds in absent for k in kinds)))
    return Can("snapshot" if measure.snapshot else "period")


def _records_end(compute: Compute, coverage: Coverage, book: RuleBook) -> int | None:
    """The last day a source speaks of for what a measure counts; None where it does not say that it ends."""
    units = compute.units
    kinds: set[str] = set(units.events.event) if units.events else set()
    for span in (units.open, units.ended):
        kinds.update((*starts_of(span, book), *ends_of(span, book)) if span is not None else ())
    if units.flags:
        kinds.update(kind for rule in book.rules if rule.id in units.flags.rules for kind in rule.spec.when.event)
    days = [coverage.until_day(kind) for kind in kinds if coverage.carries(kind)]
    return min((day for day in days if day is not None), default=None)


def _latest_kinds(log: EventLog) -> set[str]:
    latest = set(log.coverage.latest)
    if log.latest_only is not None:
        latest |= {log.kinds[k] for k in np.unique(log.kind[log.latest_only])}
    return latest


def _needed_whole(compute: Compute) -> set[str]:
    """Kinds of event of which a measure needs every one, not the latest."""
    found: set[str] = set(compute.units.events.event) if compute.units.events else set()
    for pick in (compute.value.from_, compute.value.to) if compute.value else ():
        found.update(pick.event if pick else ())

    def walk(conditions: Sequence[Condition]) -> None:
        for c in conditions:
            for part in (c.earlier, c.later, c.around, c.stays):
                found.update(part.event if part else ())
            walk(c.any or ())
            walk([c.not_] if c.not_ else ())

    walk([*compute.only, *compute.counts])
    return found


def _mentioned(compute: Compute) -> set[str]:
    """Kinds of event of which the latest is enough, for how things stand now."""
    return {kind for c in (*compute.only, *compute.counts) if c.last for kind in c.last.event}


# ------------------------------------------------------------------------------------------------------- measuring


def measured(
    sources: Sequence[Source],
    book: MeasureBook,
    chosen: Sequence[Measure],
    asked: Asked,
    notice: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Every chosen measure over every source, for the period and, with a trend, for each month as it was at its end.

    A period is judged at its last day: what came later does not exist yet. Sources that hold a history and those that hold only
    how things stand now are never added together.
    """
    months = months_of(asked.window)
    possible = {m.id: [can_say(m, s, book.book, asked.window) for s in sources] for m in chosen if m.compute}
    ends = sorted({asked.window.last, *(month.last for month in months if asked.trend)})
    pieces: dict[tuple[str, Basis, Window], list[Members]] = {}
    notes: dict[tuple[str, Basis], set[str]] = {}
    for last in ends:
        notice(f"as it was on {short_day_words(last)}")
        for number, source in enumerate(sources):
            mine = [(m, c.basis) for m in chosen if m.compute and (c := possible[m.id][number]).basis]
            rules = frozenset(rule for m, _ in mine if m.compute for rule in rules_in(m.compute))
            view = View(
                source.log, book.book, last, asked.as_known, rules, asked.complete_from, source.whole, source.records, source.history
            )
            for measure, basis in mine:
                assert basis
                if basis == "now" and last != asked.window.last:
                    continue
                view.notes = notes.setdefault((measure.id, basis), set())
                windows = _windows(measure, basis, asked, last, months)
                for window, part in zip(windows, _members(view, measure, basis, windows, asked, source), strict=True):
                    pieces.setdefault((measure.id, basis, window), []).append(part)
    lines: list[Line] = []
    absent: list[NotAvailable] = []
    for measure in chosen:
        found = list(_lines(measure, possible.get(measure.id, []), sources, asked, months, pieces, notes))
        lines.extend(found)
        if not found:
            absent.append(_not_available(measure, possible.get(measure.id, [])))
    return Measured(book, asked, months, tuple(lines), tuple(absent), tuple(sources))


def _windows(measure: Measure, basis: Basis, asked: Asked, last: int, months: Sequence[Window]) -> list[Window]:
    """The stretches that end on a day and are asked of a measure: the period, the month, the rolling length, the year so far."""
    found = [asked.window] if last == asked.window.last else []
    if asked.trend and basis != "now":
        found += [month for month in months if month.last == last]
        if basis == "period":
            found += [w for w in (rolling_window(measure, last), year_window(last)) if w]
    return list(dict.fromkeys(found))


def rolling_window(measure: Measure, last: int) -> Window | None:
    """The measure's own rolling length up to a day; None where it has none."""
    if measure.rolling is None:
        return None
    length = Duration.parse(measure.rolling)
    months = length.n * (12 if length.unit == "years" else 1)
    return Window(int(add_months(np.array([last + 1]), -months)[0]), last)


def year_window(last: int) -> Window:
    """From the 1 April before a day to it."""
    return Window(year_start(last), last)


def _members(view: View, measure: Measure, basis: Basis, windows: Sequence[Window], asked: Asked, source: Source) -> list[Members]:
    assert measure.compute
    compute = measure.compute
    if basis == "now" and compute.units.flags:
        flags = compute.units.flags.model_copy(update={"by": "open"})
        compute = compute.model_copy(update={"units": compute.units.model_copy(update={"flags": flags}), "value": None, "each": "unit"})
    if basis == "period" and compute.units.events and not source.whole and asked.complete_from is None and asked.window in windows:
        begins = view.records_begin(compute.units.events.event)
        if begins > asked.window.first:
            view.notes.add(f"the records begin on {short_day_words(begins)}")
    ends = _records_end(compute, source.history or source.log.coverage, view.book)
    if basis == "period" and ends is not None and ends < asked.window.last and asked.window in windows:
        view.notes.add(f"the records of {source.name} end on {short_day_words(ends)}")
    return members_from(view, compute, [window.first for window in windows])


def _lines(
    measure: Measure,
    possible: Sequence[Can],
    sources: Sequence[Source],
    asked: Asked,
    months: Sequence[Window],
    pieces: dict[tuple[str, Basis, Window], list[Members]],
    notes: dict[tuple[str, Basis], set[str]],
) -> list[Line]:
    result = []
    cannot = tuple((s.name, _why(c)) for s, c in zip(sources, possible, strict=False) if c.basis is None)
    bases: tuple[Basis, ...] = ("period", "snapshot", "now")
    for basis in bases:
        mine = tuple(s.name for s, c in zip(sources, possible, strict=False) if c.basis == basis)
        if not mine:
            continue
        says = NOW if basis == "now" else ""

        def cell(window: Window | None, basis: Basis = basis, says: str = says) -> Cell:
            if window is None or (measure.id, basis, window) not in pieces:
                return replace(NOTHING, says=says)
            return cell_of(measure, pieces[measure.id, basis, window], asked.population, says)

        period = cell(asked.window)
        by_month = tuple(cell(month if basis != "now" else None) for month in months) if asked.trend else ()
        flow = asked.trend and basis == "period"
        rolling = tuple(cell(rolling_window(measure, m.last)) for m in months) if flow and measure.rolling else ()
        year = tuple(cell(year_window(m.last)) for m in months) if flow else ()
        cases = tuple(pieces.get((measure.id, basis, asked.window), ()))
        said = tuple(sorted(notes.get((measure.id, basis), ())))
        result.append(Line(measure, basis, period, by_month, rolling, year, mine, cannot, said, cases))
    return result


NOW = "how things stand now: the source holds only latest dates, so it says nothing of a period"


def _why(can: Can) -> str:
    return f"{can.why} {', '.join(can.needs)}".rstrip()


def _not_available(measure: Measure, possible: Sequence[Can]) -> NotAvailable:
    if measure.compute is None:
        return NotAvailable(measure, measure.because or "", tuple(measure.needs))
    reasons = list(dict.fromkeys(_why(c) for c in possible))
    return NotAvailable(measure, "; ".join(reasons), tuple(dict.fromkeys(n for c in possible for n in c.needs)))
