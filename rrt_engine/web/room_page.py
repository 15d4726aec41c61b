"""The trainer's pages of a room: open it, put it on the projector, lead the group through the stages, and close it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrt_engine.model import plural
from rrt_engine.training import ONE_VIEW, Words, agreement_lines, group_lines, stages
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Page, Redirect, Shown, Wrong
from rrt_engine.web.room import SEATS, Room
from rrt_engine.web.train_page import Unfolded, author_view, training_case, unfold

REFRESH = 5
"""Seconds after which a page that waits for answers asks for itself anew."""
USUAL = 40
"""Seats, where the trainer says nothing else."""


@dataclass(frozen=True)
class Bar:
    """How many chose one level, and that as hundredths of the widest bar; whether it is the level suggested."""

    level: int
    name: str
    count: int
    width: int
    suggested: bool


@dataclass(frozen=True)
class Answers:
    """How a stage was answered: a bar a level, the routes named, agreement in sentences, and what is suggested once revealed."""

    bars: Sequence[Bar]
    routes: Sequence[tuple[str, int]]
    said: Sequence[str]
    unfolded: Unfolded | None


@dataclass(frozen=True)
class Typed:
    """What stands in the form that counts answers by hand."""

    levels: Mapping[int, str]
    routes: Mapping[str, str]


def opening(desk: Desk, asked: Asked) -> Shown:
    """How a room is to be opened: answers by hand, or by each laptop where the program was started so."""
    return _opening(desk, asked, [])


def opened(desk: Desk, asked: Asked) -> Shown:
    """Open a room, and go to it."""
    case = training_case(desk, asked)
    how, seats = asked.one("how"), asked.one("seats").strip()
    if how not in ("hand", "laptops") or (how == "laptops" and not desk.rooms.address):
        return _opening(desk, asked, [Wrong("how", "Choose how the group answers")])
    number = _number(seats)
    if how == "laptops" and (number is None or not 1 <= number <= SEATS):
        return _opening(desk, asked, [Wrong("seats", f"Say how many people may join, 1 to {SEATS}")])
    room = desk.rooms.open(case, stages(case, desk.today.day), desk.suggests(case), (number or 0) if how == "laptops" else 0)
    return Redirect(f"/room/{room.handle}")


def room(desk: Desk, asked: Asked) -> Shown:
    """The room on the projector: the stage that is asked, or how it was answered; or an earlier stage, to look back."""
    return _room(desk, asked, _found(desk, asked), [], None)


def led(desk: Desk, asked: Asked) -> Shown:
    """What the trainer does next: close the answers, reveal, go on, or close the room."""
    found = _found(desk, asked)
    do = asked.one("do")
    if do == "count":
        typed = Typed({n: asked.one(f"count-{n}").strip() for n in range(1, 5)}, _routes_typed(desk, asked))
        wrong = _count(found, typed)
        if wrong:
            return _room(desk, asked, found, wrong, typed)
        found.show()
    elif do == "close":
        desk.rooms.close(found.handle)
        return Redirect("/train")
    elif do == "show" and found.code:
        found.show()
    elif do in ("again", "reveal", "next"):
        {"again": found.again, "reveal": found.reveal, "next": found.next}[do]()
    return Redirect(f"/room/{found.handle}")


# ---------------------------------------------------------------------------------------------------- opening


def _opening(desk: Desk, asked: Asked, wrong: Sequence[Wrong]) -> Page:
    shown = {
        "nav": "train",
        "case": training_case(desk, asked),
        "address": desk.rooms.address,
        "how": asked.one("how"),
        "seats": asked.one("seats", str(USUAL)),
    }
    return Page("room/open.html.j2", "Open a room", shown, wrong)


def _found(desk: Desk, asked: Asked) -> Room:
    found = desk.rooms.find(asked.path["room"])
    if found is None:
        raise Missing("That room is closed, and nothing of it is kept.")
    return found


# ---------------------------------------------------------------------------------------------------- counts by hand


def _number(typed: str) -> int | None:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 4 else None


def _routes_typed(desk: Desk, asked: Asked) -> dict[str, str]:
    return {route: asked.one(f"route-{route}").strip() for route in desk.thresholds.pathways}


def _count(found: Room, typed: Typed) -> list[Wrong]:
    """Count what was typed in; or what is wrong with it."""
    levels = {n: _number(text or "0") for n, text in typed.levels.items()}
    routes = {route: _number(text or "0") for route, text in typed.routes.items()}
    wrong = [Wrong(f"count-{n}", f"Level {n}: type a whole number of people") for n, count in levels.items() if count is None]
    wrong += [Wrong(f"route-{route}", "Type a whole number of people") for route, count in routes.items() if count is None]
    if wrong:
        return wrong
    chosen, named = [n or 0 for n in levels.values()], {route: n for route, n in routes.items() if n}
    if not 1 <= sum(chosen) <= SEATS:
        return [Wrong("count-1", f"Type how many chose each level: 1 to {SEATS} people in all")]
    if sum(named.values()) > sum(chosen):
        return [Wrong(f"route-{next(iter(named))}", "More routes are counted than people: one each, or none")]
    found.count(chosen, named)
    return []


# ---------------------------------------------------------------------------------------------------- the projector


def _room(desk: Desk, asked: Asked, found: Room, wrong: Sequence[Wrong], typed: Typed | None) -> Page:
    words = Words(desk.thresholds)
    back = _number(asked.one("stage")) if not asked.sent else None
    at = back if back is not None and 1 <= back < found.at else found.at
    shown = {
        "nav": "train",
        "room": found,
        "case": found.case,
        "stages": found.stages,
        "address": desk.rooms.address,
        "thresholds": desk.thresholds,
    }
    if found.ended and at == found.at and back is None:
        answers = {stage.number: _answers(found, stage.number, words) for stage in found.stages}
        author = author_view(found.case.author, words)
        ended = {"answers": answers, "said": group_lines(found.group()), "author": author, "one_view": ONE_VIEW}
        return Page("room/end.html.j2", "Room", shown | ended)
    waiting = found.code and not found.is_shown(at)
    asking = {
        "stage": found.stages[at - 1],
        "earlier": found.stages[: at - 1],
        "looking_back": at < found.at,
        "answers": _answers(found, at, words) if found.is_shown(at) else None,
        "typed": typed or _typed(found, desk),
        "refresh": REFRESH if waiting and not asked.one("still") else 0,
        "waiting": waiting,
    }
    return Page("room/room.html.j2", "Room", shown | asking, wrong)


def _answers(found: Room, number: int, words: Words) -> Answers:
    """How a stage was answered; with what is suggested once the trainer has revealed it."""
    spread = found.spread(number)
    reveal, before = found.revealed(number), found.revealed(number - 1) if number > 1 else None
    widest, suggested = max(*spread.levels, 1), reveal.suggestion.level if reveal else 0
    return Answers(
        [Bar(n, words.level(n), count, round(100 * count / widest), n == suggested) for n, count in enumerate(spread.levels, 1)],
        [(words.pathways([route]), count) for route, count in spread.pathways],
        [
            f"{plural(sum(spread.levels), 'person', 'people')} answered." if any(spread.levels) else "Nobody answered.",
            *agreement_lines([spread]),
        ],
        unfold(reveal, before, words) if reveal else None,
    )


def _typed(found: Room, desk: Desk) -> Typed:
    """What was counted at the stage that is asked, to mend."""
    levels, routes = found.counted()
    return Typed(
        {n: str(count) if any(levels) else "" for n, count in enumerate(levels, 1)},
        {route: str(routes[route]) if route in routes else "" for route in desk.thresholds.pathways},
    )
