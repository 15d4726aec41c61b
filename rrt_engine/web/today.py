"""Today: what is overdue, due today and due next across a caseload, by team and worker; and the way to one child."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from rrt_engine.calendar import as_date, day_number
from rrt_engine.model import plural
from rrt_engine.replay.recorded import rejected_words
from rrt_engine.replay.worklist import Choice, Lines, Worklist
from rrt_engine.reports.check_words import birth_words
from rrt_engine.reports.worklist_words import count_words, headings, how_made, left_out, row_words, totals, unclear_words, until_words
from rrt_engine.web.desk import Desk, Judged
from rrt_engine.web.pages import Asked, Missing, Page, Redirect, Shown, Wrong
from rrt_engine.words import as_known_words, as_of_words, day_words, short_day_words

FIRST = 20
"""How many lines of each part the first page shows; a part of its own page, or a day, has them all, a page at a time."""
EACH_PAGE = 50
PARTS = ("overdue", "today", "next", "later", "cannot_tell")
MOST_TEAMS = 6
"""The most teams that have a column each in the calendar; more do not fit on a screen or on paper."""
FILTERS = ("team", "worker", "service")


@dataclass(frozen=True)
class Narrowed:
    """What somebody narrowed the list to: the choice, the fields as they were given, and what is wrong with them."""

    choice: Choice
    given: dict[str, str]
    wrong: tuple[Wrong, ...]


def today(desk: Desk, asked: Asked) -> Shown:
    """What needs doing."""
    return _page(desk, asked)


def find(desk: Desk, asked: Asked) -> Shown:
    """Go to the child with an id, or say beside the field that there is none; where an id stands for several, offer each."""
    if desk.replay is None:
        raise Missing("No data were given, so there is no child to find.")
    wanted = asked.one("case").strip()
    found = desk.find(wanted)
    if len(found) == 1:
        return Redirect(f"/case/{found[0]}")
    if not found:
        said = f"No child in the data has this id{_rejected(desk, wanted)}. Check it against the record."
        said = said if wanted else "Enter the id of a child, as the data have it."
        return _page(desk, asked, Wrong("case", said), wanted)
    return Page("today_which.html.j2", "Which child", {"children": [described(desk, handle) for handle in found], "nav": "today"})


def _rejected(desk: Desk, wanted: str) -> str:
    """The rows with an id that no child has, for the middle of a sentence."""
    rows = desk.recorded.rejected(wanted)
    return f", and {plural(len(rows), 'row')} with it could not be used: {rejected_words(rows)}" if rows else ""


def _page(desk: Desk, asked: Asked, wrong: Wrong | None = None, wanted: str = "") -> Page:
    """The list, narrowed and paged as asked."""
    judged = desk.judged
    if judged is None:
        return Page("today.html.j2", "Today", {"found": None})
    everything = judged.worklist()
    narrowed = _narrowed(desk, everything, asked)
    choice = narrowed.choice
    found = judged.worklist(choice)
    lines = found.by_when()
    shown = asked.one("show")
    if shown and shown not in PARTS:
        raise Missing("There is no such part of the list.")
    day = _day(found, asked.one("day"))
    parts: list[dict[str, Any]]
    if day is not None:
        of_day = found.due.take(found.due.due == day)
        parts = [_part(desk, found, "day", of_day, _page_number(asked, of_day), EACH_PAGE, f"Due on {day_words(day)}")]
    elif shown:
        parts = [_part(desk, found, shown, lines[shown], _page_number(asked, lines[shown]), EACH_PAGE)]
    else:
        parts = [_part(desk, found, name, lines[name], 1, FIRST) for name in PARTS if len(lines[name]) or name in ("overdue", "today")]
    teams, days = found.calendar()
    by_worker = bool(found.choice.teams)
    problems = (*narrowed.wrong, *([wrong] if wrong else []))
    counts = {name: len(lines[name]) for name in PARTS}
    return Page(
        "today.html.j2",
        "Today",
        {
            "found": found,
            "when": as_of_words(found.as_of) + as_known_words(found.replay.as_known),
            "counts": [(name, count_words(found)[name], n) for name, n in counts.items()],
            "totals": totals(found),
            "until": until_words(found),
            "narrowed": not found.choice.everything,
            "given": narrowed.given,
            "chosen_names": {
                "team": _one(choice.teams),
                "worker": _one(choice.workers),
                "service": _one(choice.services).replace("_", " "),
            },
            "whole": not shown and day is None,
            "part_shown": shown,
            "day_shown": "" if day is None else as_date(day).isoformat(),
            "teams": _named(everything.teams, [code for code, _ in everything.counts()]),
            "workers": _named(everything.workers, _workers(judged, choice)),
            "services": [(service, service.replace("_", " ")) for service in _services(desk)],
            "parts": parts,
            "calendar": [(as_date(d.day).isoformat(), day_words(d.day), d.closed, sum(d.counts), d.counts) for d in days],
            "calendar_teams": teams if 1 < len(teams) <= MOST_TEAMS else [],
            "groups": [(code, (found.workers if by_worker else found.teams)[code], n) for code, n in found.counts(by_worker)],
            "by_worker": by_worker,
            "notes": left_out(found),
            "how_made": how_made(found),
            "read": judged.read,
            "reach": judged.reach,
            "opened_for": day_words(found.as_of.day) if desk.another_day else "",
            "making_anew": desk.making_anew,
            "wanted": wanted,
        },
        problems,
        status=400 if problems else 200,
    )


# ------------------------------------------------------------------------------------------------ what was asked for


def _narrowed(desk: Desk, everything: Worklist, asked: Asked) -> Narrowed:
    """The team and the worker by their numbers, and the service by its name. What is not known is said, and narrows nothing: an empty
    list would look like good news."""
    services = {service: service for service in _services(desk)}
    numbered = [{str(code): name for code, name in enumerate(names)} for names in (everything.teams, everything.workers)]
    wrong: list[Wrong] = []
    given: dict[str, str] = {}
    chosen: list[tuple[str, ...]] = []
    for field, names in zip(FILTERS, (*numbered, services), strict=True):
        value = asked.one(field)
        if value and value not in names:
            wrong.append(Wrong(field, f"Choose a {field} of the list: what was asked for is not in it."))
        elif value:
            given[field] = value
        chosen.append((names[value],) if value in names else ())
    return Narrowed(Choice(*chosen), given, tuple(wrong))


def _services(desk: Desk) -> list[str]:
    return sorted({rule.spec.service for rule in desk.book.rules})


def _workers(judged: Judged, choice: Choice) -> list[int]:
    """The numbers of the workers who have anything on the list of the teams that were chosen."""
    return [code for code, _ in judged.worklist(Choice(teams=choice.teams)).counts(workers=True)]


def _named(names: Sequence[str], codes: Sequence[int]) -> list[tuple[int, str]]:
    return [(code, names[code]) for code in codes]


def _one(names: Collection[str]) -> str:
    return next(iter(names), "")


def _day(found: Worklist, asked: str) -> int | None:
    """The day of the calendar that was asked for."""
    if not asked:
        return None
    try:
        day = day_number(date.fromisoformat(asked))
    except ValueError:
        raise Missing("There is no such day.") from None
    if not found.as_of.day <= day <= found.last_day:
        raise Missing(f"That day is not one that the list looks ahead to: it ends on {day_words(found.last_day)}.")
    return day


def _page_number(asked: Asked, lines: Lines) -> int:
    """The page that was asked for; the last one where there are no longer so many."""
    text = asked.one("page", "1")
    if not (text.isdecimal() and text.isascii() and len(text) < 8 and int(text)):
        raise Missing("There is no such page of the list.")
    return min(int(text), _pages(lines, EACH_PAGE))


# ------------------------------------------------------------------------------------------------ what is shown


def _part(desk: Desk, found: Worklist, name: str, lines: Lines, page: int, most: int, heading: str = "") -> dict[str, Any]:
    """One part of the list: its heading, one page of its lines in groups, and where the other pages are."""
    here = lines.take(slice((page - 1) * most, page * most))
    rows = [
        {
            **row_words(item),
            "handle": desk.handle(*child),
            "team": item.team,
            "missing": unclear_words(item),
            "due_day": item.due_day,
            "rule": item.rule,
        }
        for item, child in zip(found.items(here), found.child(here), strict=True)
    ]
    of_group = {"next": "due_day", "later": "due_day", "cannot_tell": "what"}.get(name, "")
    groups = [
        (day_words(int(key)) if of_group == "due_day" else str(key), list(of_one))
        for key, of_one in groupby(rows, key=lambda row: row[of_group] if of_group else "")
    ]
    pages = _pages(lines, EACH_PAGE)
    return {
        "name": name,
        "heading": heading or headings(found)[name],
        "groups": groups,
        "total": len(lines),
        "children": lines.children(),
        "first": (page - 1) * most + 1,
        "last": (page - 1) * most + len(here),
        "page": page,
        "pages": pages,
        "numbers": page_numbers(page, pages),
    }


def _pages(lines: Lines, most: int) -> int:
    return max(1, -(-len(lines) // most))


def page_numbers(page: int, pages: int) -> list[int]:
    """The pages to link to: the first, the last, this one and those beside it; 0 stands for those that are left out."""
    shown = sorted({1, pages, *range(max(1, page - 1), min(pages, page + 1) + 1)})
    found: list[int] = []
    for number in shown:
        if found and number == found[-1] + 2:
            found.append(number - 1)
        elif found and number > found[-1] + 1:
            found.append(0)
        found.append(number)
    return found


def described(desk: Desk, handle: str) -> dict[str, Any]:
    """What tells two children of one id apart: the source, the birth, and what is recorded."""
    held = desk.held(handle)
    assert held and desk.replay
    log = desk.case(held).log
    return {
        "handle": handle,
        "id": held.id,
        "source": desk.source(held),
        "born": birth_words(log),
        "events": f"{plural(len(log), 'event')}{f', the last on {short_day_words(int(log.day[-1]))}' if len(log) else ''}",
    }
