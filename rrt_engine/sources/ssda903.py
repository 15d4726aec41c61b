"""Read an SSDA903 return (children looked after, DfE): its CSV tables, one year or several, or its XML form.

The return holds dates only. What its tables and codes are is in `ssda903_tables`, how files are opened in `ssda903_files`,
how rows are read in `ssda903_records` and what episodes say happened in `ssda903_episodes`. Reviews, absences, outcomes and
care leavers are in a return for its own year only, so intervals that begin before the first year supplied are left-censored;
visits, health dates and plans are in none, and rules that need them are not evaluable. Postcodes, ethnicity, sex, UPNs and
mothers' dates are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rrt_engine.calendar import NO_DAY, Moment, as_date
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import Coverage, Rejected, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.annex_a_values import day_of
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.cin_census_modules import Counted
from rrt_engine.sources.reading import Reading
from rrt_engine.sources.ssda903_episodes import DURING, LONG_AGO, Episode, Happened, Life, life_of, over_limits
from rrt_engine.sources.ssda903_files import EXPECTED, Found, Lacking, Part, looks_like_ssda903, refused, tables_in
from rrt_engine.sources.ssda903_records import Account, Person, other_events, read_part
from rrt_engine.sources.ssda903_tables import CONTINUES, SHORT_BREAK_DAYS, TABLES, collection_of, first_day, last_day, named
from rrt_engine.sources.ssda903_words import message_of, rank_of

FORMAT = "ssda903"


def read_ssda903(path: Path | str, book: RuleBook) -> Reading:
    """Read a return. Raises InputError where nothing in the file or folder is a table of one, saying what was found."""
    path = Path(path)
    found = tables_in(path)
    if not found.parts:
        raise _nothing_in(path, found)
    parts = found.parts
    problems = _files_said(path, found)
    years = _date_years(path, parts, problems)
    account, builder = Account(), LogBuilder(book.events)
    for part in parts:
        builder.origin(part.name)
    for each in found.lacking:
        account.read += len(each.lines)
        account.rejected.extend(Rejected(each.name, line, "the table lacks a column") for line in each.lines)
    for number in sorted(range(len(parts)), key=lambda n: (parts[n].year, parts[n].table.name != "Header", n)):
        read_part(parts[number], number, account)
    _reconcile(account, {p.year for p in parts if p.table.name == "Episodes"})
    for child, person in account.people.items():
        _write(child, person, builder, account)
    used = account.read - len(account.rejected)
    problems = [*_notes(path, account, years), *problems, *_said(path, parts, account)]
    return Reading(builder.build(_coverage(parts)), FORMAT, account.read, used, tuple(account.rejected), tuple(problems))


def _nothing_in(path: Path, found: Found) -> InputError:
    if not found.lacking:
        what = "none of its CSV files is a table of an SSDA903 return" if path.is_dir() else "it is not a table of an SSDA903 return"
        return refused(path, "no_tables", what, EXPECTED)
    return InputError([_lacks(each) for each in found.lacking])


def _lacks(each: Lacking) -> Diagnostic:
    columns = ", ".join(f"`{name}`" for name in each.columns)
    rows = plural(len(each.lines), "row was", "rows were")
    message = f"it looks like the {each.table} table and has no column {columns}; {rows} not read"
    return Diagnostic(each.file, 1, 1, "missing_column", message, "error", "", "give the columns the names they have in the DfE's guide")


def _files_said(path: Path, found: Found) -> list[Diagnostic]:
    """What in the folder is not read: tables that lack columns, and files that are none."""
    problems = [_lacks(each) for each in found.lacking]
    if found.others:
        names = ", ".join(f"`{each.name}`" for each in found.others[:5]) + (", …" if len(found.others) > 5 else "")
        message = f"{plural(len(found.others), 'CSV file is', 'CSV files are')} not part of the return: {names}"
        problems.append(Diagnostic(str(path), 0, 0, "other_files", message, "warning", "", "name them on their own to have them read"))
    absent = [each for each in ("Episodes", "Header", "Reviews") if not any(p.table.name == each for p in found.parts)]
    if absent:
        message = f"there is no {' and no '.join(absent)} table"
        help = (
            "rules that need it are reported as not evaluable" if absent != ["Header"] else "dates of birth are taken from the other tables"
        )
        problems.append(Diagnostic(str(path), 0, 0, "tables_absent", message, "warning", "", help))
    return problems


# ----------------------------------------------------------------------------------------------------------- years

_DATED = {"Episodes": (1, 6), "Missing": (3, 4), "Reviews": (2,), "SWEpisodes": (3,), "DoLo": (2,)}
"""The dates that tell a collection's year, table by table, the surest first: their places among the fields read."""
_FEW, _FAR = 0.005, 0.05


def _date_years(path: Path, parts: Sequence[Part], problems: list[Diagnostic]) -> list[int]:
    """Give each table its collection year, by the dates of the tables that stand with it, and by names where those leave it open."""
    groups: dict[tuple[str, tuple[int, ...]], list[Part]] = {}
    for part in parts:
        groups.setdefault((part.folder, part.hint), []).append(part)
    for (_, hint), group in groups.items():
        dates = next((days for name, at in _DATED.items() if (days := _days(group, name, at))), [])
        year = _collection(dates, hint)
        if year and hint and not hint[0] <= year <= hint[-1]:
            says = " or ".join(named(y) for y in hint)
            message = f"its name says {says} and its last dates say {named(year)}; it is read as {named(max(year, hint[0]))}"
            problems.append(Diagnostic(str(path), 0, 0, "year", message, "warning", group[0].name, "check which year's return it is"))
        for part in group:
            part.year = max(year, hint[0]) if hint else year
    for part in parts:
        beside = {each.year for each in parts if each.year and each.folder == part.folder}
        if not part.year and len(beside) == 1:
            part.year = beside.pop()
    unknown = [part for part in parts if not part.year]
    if unknown:
        message = f"neither dates nor names tell which year's return this is ({', '.join(part.table.name for part in unknown)})"
        help = "put the year in the name of its folder: 2024_25"
        raise InputError([Diagnostic(str(path), 0, 0, "no_year", message, "error", unknown[0].name, help)])
    return sorted({part.year for part in parts})


def _days(group: Iterable[Part], name: str, at: Sequence[int]) -> list[int]:
    """The dates in some columns of a table; those that are no dates are left out, and rejected when their rows are read."""
    found = []
    for part in group:
        if part.table.name == name:
            for _, cells in part.rows:
                for i in at:
                    if cells[i]:
                        try:
                            found.append(day_of(cells[i]))
                        except ValueError:
                            continue
    return found


def _collection(days: Sequence[int], hint: Sequence[int]) -> int:
    """The collection that dates belong to: the last with more than a few of them. 0 where there are no dates.

    A year far after the rest with few dates is a slip of the keyboard, unless the name says it.
    """
    counts = Counter(collection_of(day) for day in days)
    years = sorted(counts)
    while len(years) > 1:
        last, before = counts[years[-1]], years[-2]
        if last < _FEW * len(days) or (years[-1] - before > 1 and last < _FAR * len(days)):
            years.pop()
        else:
            break
    allowed = [year for year in years if year in hint]
    return (allowed or years or [0])[-1]


def _coverage(parts: Sequence[Part]) -> Coverage:
    """What the tables supplied can hold, and from when: the first of the years that follow one another up to the last."""
    kinds: set[str] = set()
    since: dict[str, int] = {}
    until: dict[str, int] = {}
    for name, table in TABLES.items():
        years = {part.year for part in parts if part.table.name == name}
        if not years:
            continue
        kinds.update(table.kinds)
        first = max(years)
        while first - 1 in years:
            first -= 1
        until.update((kind, max(until.get(kind, NO_DAY), last_day(max(years)))) for kind in table.kinds)
        since.update((kind, first_day(first)) for kind in table.kinds if kind not in _WHOLE_EPISODES)
    return Coverage(frozenset(kinds), since, until=until)


_WHOLE_EPISODES = (
    "police_protection_started",
    "police_protection_ended",
    "placed_for_adoption",
    "adoption_order_made",
)
"""Where what began before the first year is in it, so is what ended it: an episode open on 1 April is in the return whole."""


# ------------------------------------------------------------------------------------------------------- one child


def _reconcile(account: Account, years: set[int]) -> None:
    """An episode open at the end of a year must be in the next year's return.

    Where the child is in it and the episode is not, the first episode there tells: one that goes on with care from a day of
    that year shows when the open one ended, and any other that it was corrected. Where the child is not, nothing more is known.
    """
    for person in account.people.values():
        for starts, episode in sorted(person.episodes.items()):
            year = episode.year + 1
            if episode.ends is not None or year not in years:
                continue
            if year not in person.years:
                episode.lost = True
                account.count("lost", episode.origin, episode.row)
                continue
            after = min((day for day, each in person.episodes.items() if each.year >= year), default=starts)
            if person.episodes[after].why != "S" and after >= first_day(year):
                episode.ends, episode.reason = after, CONTINUES
                account.count("left_out", episode.origin, episode.row)
            else:
                del person.episodes[starts]
                account.count("corrected", episode.origin, episode.row)


def _write(child: str, person: Person, builder: LogBuilder, account: Account) -> None:
    """Put one child's events into the log, in order."""
    count = account.count
    episodes = [person.episodes[starts] for starts in sorted(person.episodes)]
    life = life_of(episodes, lambda code, episode: count(code, episode.origin, episode.row))
    for code, episode in over_limits(episodes):
        count(f"limit:{code}", episode.origin, episode.row)
    _short_break_days(episodes, count)
    _seeking_asylum(person, life, account)
    events: list[tuple[Happened, str | None]] = [(each, None) for each in life.events]
    reviews = _reviews(person, life, count)
    if episodes and life.mode and (episodes[-1].lost or episodes[-1].ends is not None):
        _doubt(life, reviews, episodes[-1])
    events.extend((each, None) for each in reviews)
    events.extend(other_events(person))
    events.sort(key=lambda each: (each[0].day, each[0].rank))
    unborn = person.born != NO_DAY and bool(events) and person.born > events[-1][0].day
    for born in (person.born, person.born_also):
        builder.child(child, expected=born) if unborn else builder.child(child, born)
    for event, ref in events:
        builder.add(
            child,
            event.kind,
            Moment(event.day),
            ref=ref,
            attributes=event.attributes,
            suspect=event.suspect,
            origin=event.origin,
            row=event.row,
        )


def _seeking_asylum(person: Person, life: Life, account: Account) -> None:
    """Say of each time in care whether the child was unaccompanied and seeking asylum, where a UASC table covers its beginning."""
    for event in life.events:
        if event.kind == "looked_after_started":
            until = person.asylum_until
            if until is not None and event.day <= until:
                event.attributes = {**(event.attributes or {}), "uasc": True}
            elif until is None and collection_of(event.day) in account.asylum_years:
                event.attributes = {**(event.attributes or {}), "uasc": False}


def _reviews(person: Person, life: Life, count: Callable[[str, int, int], None]) -> list[Happened]:
    """The reviews of a child. One on a day when the child was not looked after, or after its own year ended, cannot be right."""
    found = []
    for day, (code, origin, row, year) in sorted(person.reviews.items()):
        wrong = ""
        if day > last_day(year):
            wrong = "review_after_year"
        elif not _within(day, life.care):
            began = min((start for start, _ in life.care), default=LONG_AGO)
            wrong = "399" if _within(day, life.breaks) else "review_before" if day < began else "review_outside"
        if wrong:
            count(wrong, origin, row)
        attributes: dict[str, Any] | None = {"participation": code} if code else None
        found.append(Happened(day, DURING, "lac_review_held", origin, row, attributes, bool(wrong)))
    return found


def _within(day: int, spans: Sequence[tuple[int, int | None]]) -> bool:
    return any(start <= day and (end is None or day <= end) for start, end in spans)


def _doubt(life: Life, reviews: Sequence[Happened], last: Episode) -> None:
    """Nothing more is known of a child from some day on: no duty that runs then may look as if it had been missed."""
    for event in life.events:
        if event.day >= last.starts:
            event.suspect = True
    began = (life.care or life.breaks)[-1][0]
    latest = [each for each in reviews if each.day >= began]
    if latest:
        latest[-1].suspect = True
        return
    for event in life.events:
        if event.kind == "looked_after_started" and event.day == began:
            event.suspect = True


def _short_break_days(episodes: Sequence[Episode], count: Callable[[str, int, int], None]) -> None:
    """Count the nights of short breaks in each collection year (DfE rule 367)."""
    breaks = [e for e in episodes if e.status == "V3" and not e.ends_doubtful]
    for year in {e.year for e in breaks}:
        begins, ends = first_day(year), last_day(year)
        days = [max(0, min(ends if e.ends is None else e.ends, ends) - max(e.starts, begins)) for e in breaks]
        if sum(days) > SHORT_BREAK_DAYS:
            count("367", breaks[-1].origin, breaks[-1].row)


# ----------------------------------------------------------------------------------------------------- what is said


def _said(path: Path, parts: Sequence[Part], account: Account) -> list[Diagnostic]:
    """Each thing that is wrong, once, with how often it was found and where first: what is not read or not judged comes first."""
    by_code: dict[str, list[tuple[int, Counted]]] = {}
    for (code, number), counted in account.found.items():
        by_code.setdefault(code, []).append((number, counted))
    said = []
    for code in sorted(by_code, key=lambda code: (*rank_of(code), code)):
        places = by_code[code]
        number, first = places[0]
        part = parts[number]
        at = first.at() if part.unit == "line" else first.at().replace("lines", "children").replace("line", "child")
        others = plural(len(places) - 1, "other file")
        where = at if len(places) == 1 else f"{at} of `{part.name}` and in {others}"
        name, message, help = message_of(code)
        text = f"{message}: {sum(counted.n for _, counted in places):,} in all, at {where}"
        in_file = path.is_file() and part.unit == "line"
        line = first.lines[0] if in_file else 0
        place = "" if in_file else f"{part.name} {part.unit} {first.lines[0]}"
        said.append(Diagnostic(str(path), line, 1 if line else 0, name, text, "warning", place, help))
    return said


def _notes(path: Path, account: Account, years: Sequence[int]) -> list[Diagnostic]:
    """What the reader took the return to be, and what in it no event carries."""
    listed = ", ".join(named(year) for year in years)
    ends = as_date(last_day(years[-1]))
    message = (
        f"read as the {'collection' if len(years) == 1 else 'collections'} {listed}; it says nothing after {ends.day} March {ends.year}"
    )
    notes = [Diagnostic(str(path), 0, 0, "collection", message, "note")]
    if account.superseded:
        message = f"{plural(account.superseded, 'row')} of an earlier year stood again in a later one, whose row counts"
        notes.append(Diagnostic(str(path), 0, 0, "superseded", message, "note"))
    if account.away:
        message = f"{plural(account.away, 'absence')} of kind A (away without permission) not carried: no event is for them"
        notes.append(Diagnostic(str(path), 0, 0, "away", message, "note"))
    return notes


__all__ = ["FORMAT", "looks_like_ssda903", "read_ssda903"]
