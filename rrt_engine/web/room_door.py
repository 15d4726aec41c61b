"""The door of the rooms: the two pages that people in a room open on their own laptops, to join and to answer. Nothing else is here.

It is an application of its own, on an address of its own: none of the pages of the desk, no data and no rules can be asked for
through it. It takes a code and an answer, keeps no name and sets no cookie; docs/security.md says who might attack it, and how.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.training import Commit, Words, compare
from rrt_engine.web.guard import HEADERS, App, Guard, Receive, Scope, Send
from rrt_engine.web.limit import Limit
from rrt_engine.web.pages import Maker, Page, Place, Wrong
from rrt_engine.web.paths import STATIC
from rrt_engine.web.room import ASKED, Room, Rooms

LARGEST = 8 * 1024
"""The most bytes of an answer."""
SECONDS = 10.0
"""The longest an answer may take to arrive."""
AT_ONCE = 16
"""The most requests of one address that are answered at one time."""
STYLES = ("govuk.css", "rrt.css")
CLOSE = {"connection": "close"}
"""Every answer ends its connection: nobody holds one open."""


@dataclass
class Limits:
    """What may be tried and asked for in a minute. A group may sit behind one address, so one address may do a good deal.

    A code is right once in 148 million: at 90 a minute, a working day of guessing finds a room once in some three thousand days.
    """

    codes: Limit = field(default_factory=lambda: Limit(60, 90, 60.0))
    asked: Limit = field(default_factory=lambda: Limit(600, 3_000, 60.0))


def door(
    rooms: Rooms,
    thresholds: ThresholdBook,
    hosts: frozenset[str],
    place: Place = Place(),
    scheme: str = "http",
    limits: Limits | None = None,
) -> Guard:
    """The pages to join a room and to answer, guarded. `hosts` are the names and ports they may be asked for by."""
    limits = limits or Limits()
    maker = Maker(thresholds.book, place, _link)
    pages = _Pages(rooms, thresholds, limits.codes)
    styles = {name: (STATIC / name).read_bytes() for name in STYLES}

    def html(page: Page) -> Response:
        return HTMLResponse(maker.html(page), page.status, CLOSE)

    def shown(make: Callable[[str, Mapping[str, str]], Page]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            sent: dict[str, str] = {}
            if request.method == "POST":
                async with request.form(max_files=0, max_fields=10, max_part_size=1024) as form:
                    sent = {name: str(value)[:100] for name, value in form.items()}
            return html(await run_in_threadpool(make, _address(request.scope), sent))

        return answer

    async def style(request: Request) -> Response:
        found = styles.get(request.path_params["path"])
        if found is None:
            raise HTTPException(404)
        return Response(found, media_type="text/css", headers=CLOSE)

    async def place_css(_: Request) -> Response:
        return Response(f":root {{ --place-colour: {place.colour}; }}\n", media_type="text/css", headers=CLOSE)

    async def refused(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return html(_said("There is no such page", "There is nothing here but the page to join a room.", status))

    app = Starlette(
        routes=[
            Route("/", shown(pages.begin), methods=["GET"]),
            Route("/", shown(pages.join), methods=["POST"]),
            Route("/answer", shown(pages.answer), methods=["POST"]),
            Route("/static/{path}", style, methods=["GET"]),
            Route("/place.css", place_css, methods=["GET"]),
        ],
        exception_handlers={HTTPException: refused},
    )
    app.router.redirect_slashes = False
    referrer = HEADERS["referrer-policy"] if scheme == "https" else "same-origin"
    return Guard(_Fair(app, limits.asked), hosts, scheme, largest=LARGEST, seconds=SECONDS, referrer=referrer)


class _Fair:
    """Lets no one address ask for so much that the others wait."""

    def __init__(self, app: App, asked: Limit) -> None:
        self.app, self.asked = app, asked
        self.now: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or say that there were too many."""
        address = _address(scope)
        if self.now.get(address, 0) >= AT_ONCE or not self.asked.take(address):
            headers = {**CLOSE, "retry-after": str(self.asked.wait())}
            said = Response("Too much is asked for at once. Wait a minute, and ask again.\n", 429, headers, "text/plain")
            await said(scope, receive, send)
            return
        self.now[address] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.now[address] -= 1
            if not self.now[address]:
                del self.now[address]


def _address(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _link(name: str, **given: Any) -> str:
    """The addresses that the pages of the door lead to: these and no others."""
    return {"join": "/", "answer": "/answer", "place_css": "/place.css", "static": f"/static/{given.get('path', '')}"}[name]


def _said(title: str, line: str, status: int = 200) -> Page:
    return Page("room/said.html.j2", title, {"line": line}, status=status)


# ---------------------------------------------------------------------------------------------------- the pages


@dataclass
class _Pages:
    rooms: Rooms
    thresholds: ThresholdBook
    codes: Limit

    def begin(self, _address: str, _sent: Mapping[str, str]) -> Page:
        """The page that asks for the code."""
        return Page("room/join.html.j2", "Join the room", {"code": ""})

    def join(self, address: str, sent: Mapping[str, str]) -> Page:
        """Take a seat in the room of a code, and show what is asked there."""
        if not self.codes.take(address):
            return self._join(sent, "Too many codes were tried. Wait a minute, and type the code again", 429)
        room = self.rooms.with_code(sent.get("code", ""))
        if room is None:
            return self._join(sent, "No room has that code. Type the six letters and figures that the screen shows", 403)
        token = room.join()
        if token is None:
            return self._join(sent, "Every seat in this room is taken. Tell the trainer", 403)
        return self._room(room, token)

    def answer(self, _address: str, sent: Mapping[str, str]) -> Page:
        """Take an answer; or show where the room is now."""
        token, do = sent.get("token", ""), sent.get("do", "")
        room = self.rooms.of(token)
        if room is None:
            return _said("The room is closed", "Nothing of what was answered is kept. You may close this page.", 410)
        if do != "answer":
            return self._room(room, token, change=do == "change")
        level, route, stage = sent.get("level", ""), sent.get("route", ""), sent.get("stage", "")
        if stage != str(room.at) or room.state != ASKED:
            return self._room(room, token, late=True)
        wrong = [] if level in ("1", "2", "3", "4") else [Wrong("level", "Choose the level you see, 1 to 4")]
        if route and route not in self.thresholds.pathways:
            wrong.append(Wrong("route", "Choose a route from the list, or none"))
        if wrong:
            return self._room(room, token, wrong=wrong, level=level, route=route)
        return self._room(room, token, late=not room.answer(token, int(stage), int(level), route))

    def _join(self, sent: Mapping[str, str], wrong: str, status: int) -> Page:
        return Page("room/join.html.j2", "Join the room", {"code": sent.get("code", "")[:20]}, [Wrong("code", wrong)], status)

    def _room(
        self,
        room: Room,
        token: str,
        *,
        late: bool = False,
        change: bool = False,
        wrong: Sequence[Wrong] = (),
        level: str = "",
        route: str = "",
    ) -> Page:
        """Where the room is, to one person in it: what is asked, what they answered, and what is suggested once it is revealed."""
        words, given, at = Words(self.thresholds), room.answered(token), room.at
        said, reveal = Commit(given.level, given.pathway) if given else None, room.revealed(at)
        asking = room.state == ASKED and (said is None or change or bool(wrong))
        if said and change:
            level, route = str(said.level), said.pathway
        shown = {
            "token": token,
            "stage": room.stages[at - 1],
            "earlier": room.stages[: at - 1],
            "of": len(room.stages),
            "asking": asking,
            "open": room.state == ASKED,
            "late": late,
            "said": words.commit(said) if said else "",
            "suggested": words.suggestion(reveal.suggestion) if reveal else "",
            "comparison": compare(said, reveal.suggestion, self.thresholds.significant) if said and reveal else (),
            "ended": room.ended,
            "level": level,
            "route": route,
            "thresholds": self.thresholds,
        }
        return Page("room/answer.html.j2", "Room", shown, wrong)
