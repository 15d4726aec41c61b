"""The pages as a web application: which address is which page, and how a request becomes what was asked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from rrt_engine.diagnostics import InputError
from rrt_engine.target import no_room
from rrt_engine.thresholds.two_engines import EnginesDisagree
from rrt_engine.web import case_page, check_page, decide_page, room_page, rule_pages, run_pages, today, train_page
from rrt_engine.web.desk import Desk
from rrt_engine.web.guard import App, Guard, tell_fault
from rrt_engine.web.pages import Asked, Download, Maker, Missing, Page, Place, Redirect, Shown, Whole
from rrt_engine.web.paths import STATIC

Handler = Callable[[Desk, Asked], Shown]
Door = Callable[[App, Maker], App]

TURN = 2.0
"""Seconds that a page waits for its turn, while another is made: pages made at once hinder each other, so that each takes twice the
processor time and all end late. One that takes very long holds nobody up for longer than this."""
FIELDS = 2_000
"""The most fields a form may have: a case of some hundred events, typed."""

ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("GET", "/", "today", today.today),
    ("POST", "/find", "find", today.find),
    ("GET", "/case/{handle}", "case", case_page.case),
    ("GET", "/check", "check", check_page.check),
    ("POST", "/check", "checked", check_page.checked),
    ("GET", "/decide/{handle}", "decide_case", decide_page.decide),
    ("POST", "/decide", "decide", decide_page.decided),
    ("GET", "/decisions", "decisions", decide_page.decisions),
    ("POST", "/decisions", "decisions_of", decide_page.decisions),
    ("GET", "/decisions/verify", "decisions_verify", decide_page.verified),
    ("GET", "/decisions/{number}", "decision", decide_page.decision),
    ("GET", "/train", "train", train_page.choose),
    ("GET", "/train/{case}", "train_case", train_page.step),
    ("POST", "/train/{case}", "trained", train_page.step),
    ("GET", "/train/{case}/handout", "train_handout", train_page.handout),
    ("POST", "/train/{case}/handout", "train_key", train_page.handout),
    ("GET", "/train/{case}/room", "room_opening", room_page.opening),
    ("POST", "/train/{case}/room", "room_opened", room_page.opened),
    ("GET", "/room/{room}", "room", room_page.room),
    ("POST", "/room/{room}", "room_led", room_page.led),
    ("GET", "/rules", "rules", rule_pages.rules),
    ("GET", "/coverage", "coverage", rule_pages.coverage),
    ("GET", "/values", "values", rule_pages.values),
    ("GET", "/sources", "sources", rule_pages.sources),
    ("GET", "/measures", "measures", rule_pages.measures),
    ("GET", "/rules/{rule}", "rule", rule_pages.rule),
    ("GET", "/facts", "facts", rule_pages.facts),
    ("GET", "/facts/{fact}", "fact", rule_pages.fact),
    ("GET", "/runs", "runs", run_pages.runs),
    ("GET", "/runs/compare", "compare", run_pages.compare),
    ("GET", "/runs/{run}", "run", run_pages.run),
    ("GET", "/runs/{run}/cases", "run_cases", run_pages.cases),
    ("GET", "/runs/{run}/report", "report", run_pages.report),
)
"""Every page: the method, the address, the name that templates link to, and the function that makes it."""


def application(
    desk: Desk, hosts: frozenset[str], place: Place = Place(), scheme: str = "http", key: str = "", door: Door | None = None
) -> Guard:
    """The pages of a desk, guarded. `hosts` are the names and ports they may be asked for by.

    With a `key` every address begins with it. `door` stands before the pages where they are served to a network (web/entrance.py).
    """
    below = f"/{key}" if key else ""
    app = Starlette(routes=[Mount("/static", StaticFiles(directory=STATIC), name="static")])

    def link(name: str, **given: Any) -> str:
        """The address of a named page; what is no part of the address becomes its query."""
        parts = _PARTS.get(name, frozenset())
        query = {key: value for key, value in given.items() if key not in parts and value not in ("", None)}
        path = below + _ADDRESSES[name]
        for part in parts:
            value = str(given[part])
            if not value or ("/" in value and name != "static"):
                raise ValueError(f"no page `{name}` has such an address")
            path = path.replace(f"{{{part}}}", quote(value))
        return f"{path}?{urlencode(query, doseq=True)}" if query else path

    maker = Maker(desk.book, place, link)
    turn = Lock()

    async def answer(handler: Handler, request: Request) -> Response:
        async with request.form(max_files=10, max_fields=FIELDS) as sent:
            form: dict[str, list[str]] = {}
            files: dict[str, bytes] = {}
            for name, value in sent.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
                else:
                    form.setdefault(name, []).append(_text(value))
        query = {name: [_text(value) for value in request.query_params.getlist(name)] for name in request.query_params}
        asked = Asked({k: str(v) for k, v in request.path_params.items()}, query, form, files)
        return await run_in_threadpool(respond, handler, asked)

    def respond(handler: Handler, asked: Asked) -> Response:
        desk.keep_up()
        mine = handler not in _WAITS and turn.acquire(timeout=TURN)
        try:
            return made(handler, asked)
        finally:
            if mine:
                turn.release()

    def made(handler: Handler, asked: Asked) -> Response:
        try:
            return response(handler(desk, asked))
        except Missing as missing:
            said = _said("There is no such page", [str(missing)], 404)
        except InputError as error:
            said = _said("This could not be done", [f"{d.message}{f': {d.help}' if d.help else ''}" for d in error.diagnostics], 400)
        except EnginesDisagree:
            said = _said("Nothing is suggested", ["The two engines disagree on this case. That is a fault in rrt: please report it."], 500)
        except Exception as error:
            tell_fault(error)
            said = _said("Something went wrong in rrt", ["Nothing was stored. The program's window says where it went wrong."], 500)
        return response(said)

    def response(shown: Shown) -> Response:
        if isinstance(shown, Redirect):
            if not shown.to.startswith("/") or shown.to[1:2] in ("/", "\\"):
                raise ValueError("a page leads only to another page")
            return RedirectResponse(below + shown.to, 303)
        if isinstance(shown, Download):
            return _file(shown)
        if isinstance(shown, Whole):
            return HTMLResponse(shown.html, headers={"content-security-policy": f"{shown.policy}; frame-ancestors 'none'"})
        return HTMLResponse(maker.html(shown), shown.status, {"refresh": str(shown.refresh)} if shown.refresh else None)

    async def refused(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        title = "There is no such page" if status == 404 else "This could not be done"
        words = "The address may be mistyped, or the page is gone." if status == 404 else "This is not something the pages do."
        return HTMLResponse(maker.html(_said(title, [words], status)), status)

    async def place_css(_: Request) -> Response:
        return Response(f":root {{ --place-colour: {place.colour}; }}\n", media_type="text/css")

    app.router.routes.append(Route("/place.css", place_css, name="place_css"))
    for method, path, name, handler in ROUTES:
        app.router.routes.append(Route(path, partial(answer, handler), methods=[method], name=name))
    app.add_exception_handler(HTTPException, refused)
    app.router.redirect_slashes = False

    def told(status: int, words: str) -> str:
        return maker.html(_said("This could not be done", [words], status))

    return Guard(door(app, maker) if door else app, hosts, scheme, key=key, told=told)


_WAITS = frozenset({run_pages.run, run_pages.cases, run_pages.compare, run_pages.report, run_pages.runs})
"""Pages that may wait for something that takes long to be made, and need no processor while they do."""

_PARTS = {
    "static": frozenset({"path"}),
    **{name: frozenset(part.partition("}")[0] for part in path.split("{")[1:]) for _, path, name, _ in ROUTES},
}


def _file(shown: Download) -> Response:
    """A file to keep. A large one is written for a moment to a folder of its own, which goes once it is sent."""
    headers = {"content-disposition": f'attachment; filename="{shown.name}"'}
    if isinstance(shown.content, bytes):
        return Response(shown.content, media_type=shown.media, headers=headers)
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "file"
    try:
        shown.content(path)
        headers["content-length"] = str(path.stat().st_size)
    except BaseException as error:
        folder.cleanup()
        if isinstance(error, OSError):
            raise no_room(error) from None
        raise

    def sent() -> Iterator[bytes]:
        with folder, path.open("rb") as file:
            while some := file.read(1 << 18):
                yield some

    return StreamingResponse(sent(), media_type=shown.media, headers=headers)


_ADDRESSES = {
    "static": "/static/{path}",
    "place_css": "/place.css",
    **{name: path for _, path, name, _ in ROUTES},
}


def _said(title: str, lines: list[str], status: int) -> Page:
    return Page("said.html.j2", title, {"lines": lines}, status=status)


def _text(value: str) -> str:
    """What was typed, with a mark in place of each character that nobody can type and no table or file can hold."""
    return value.translate(_UNTYPED)


_UNTYPED = {code: "\ufffd" for code in range(32) if chr(code) not in "\t\n\r"}
