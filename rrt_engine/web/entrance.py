"""The entrance, where pages are served to a network: by a passphrase for one, or by a reverse proxy that knows who asks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rrt_engine.web.guard import App, Receive, Scope, Send
from rrt_engine.web.limit import Limit
from rrt_engine.web.pages import Maker, Page, Wrong

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""The characters of a passphrase: none that is easily taken for another."""
GROUPS, OF_EACH = 5, 4  # 31 letters to the 20th: 99 bits
COOKIE = "__Host-rrt"
ENDS_AFTER = 8 * 3600.0
"""How long somebody who came in may stay, in seconds: a working day."""
IDLE_AFTER = 3600.0
"""How long they may ask for nothing before they must come in again."""
MOST = 200
"""The most who are in at one time."""
WRONG_EACH, WRONG_IN_ALL, WRONG_SECONDS = 5, 50, 900.0
"""How many wrong passphrases are taken from one address, and in all, in a quarter of an hour."""
OPEN = ("/static/", "/place.css")
"""What is served to everybody: the style of the page to come in by, which says nothing of any case."""


class Passphrase:
    """A passphrase that lets one person in, kept as a salted hash. `new` makes the next, and gives it to be told."""

    def __init__(self) -> None:
        self._salt, self._hash = b"", b""

    def new(self) -> str:
        """A passphrase made by chance, to be told once: the one before it no longer counts."""
        said = "-".join("".join(secrets.choice(LETTERS) for _ in range(OF_EACH)) for _ in range(GROUPS))
        self._salt = secrets.token_bytes(16)
        self._hash = self._hashed(said)
        return said

    def matches(self, given: str) -> bool:
        """Whether it is the one told last, in the same time whatever is given. Spaces, hyphens and capitals do not matter."""
        return hmac.compare_digest(self._hashed(given), self._hash)

    def _hashed(self, given: str) -> bytes:
        letters = "".join(letter for letter in given[:200].casefold() if letter in LETTERS)
        return hashlib.scrypt(letters.encode(), salt=self._salt, n=1 << 14, r=8, p=1)


@dataclass
class Sessions:
    """Who is in: of each cookie its hash, when they must leave, and when they last asked. In memory, and gone with the program."""

    clock: Callable[[], float] = time.monotonic
    _in: dict[bytes, tuple[float, float]] = field(default_factory=dict)

    def begin(self) -> str:
        """Let somebody in: the value of their cookie. Whoever asked longest ago leaves where there are too many."""
        self._clear()
        while len(self._in) >= MOST:
            del self._in[min(self._in, key=lambda each: self._in[each][1])]
        cookie, now = secrets.token_urlsafe(32), self.clock()
        self._in[_hash(cookie)] = now + ENDS_AFTER, now
        return cookie

    def holds(self, cookie: str) -> bool:
        """Whether somebody is in who has this cookie; that they ask is noted."""
        self._clear()
        found = self._in.get(_hash(cookie))
        if found is None:
            return False
        self._in[_hash(cookie)] = found[0], self.clock()
        return True

    def end(self, cookie: str) -> None:
        """They leave."""
        self._in.pop(_hash(cookie), None)

    def _clear(self) -> None:
        now = self.clock()
        gone = [each for each, (ends, asked) in self._in.items() if now >= ends or now - asked >= IDLE_AFTER]
        for each in gone:
            del self._in[each]


class Entrance:
    """Lets in who knows the passphrase, one person for each, and knows them by a cookie until they leave.

    `tell` is told each passphrase, once, for the program's window: the first when the pages begin to be served, the next when one
    was used. A wrong one is counted, by address and in all.
    """

    def __init__(self, app: App, maker: Maker, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.app, self.maker, self.tell = app, maker, tell
        self.sessions = Sessions(clock)
        self.wrong = Limit(WRONG_EACH, WRONG_IN_ALL, WRONG_SECONDS, clock)
        self._passphrase = Passphrase()
        self._one_at_a_time = asyncio.Lock()
        maker.leaves = True
        tell(self._passphrase.new())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request of one who is in; anybody else is shown the way in."""
        request = Request(scope, receive)
        cookie = request.cookies.get(COOKIE, "")
        asked = scope["method"], scope["path"]
        if asked == ("POST", "/enter"):
            answer = await self._enter(request)
        elif scope["path"].startswith(OPEN) or (self.sessions.holds(cookie) and scope["path"] not in ("/enter", "/leave")):
            await self.app(scope, receive, send)
            return
        elif asked == ("POST", "/leave"):
            self.sessions.end(cookie)
            answer = RedirectResponse("/enter", 303, headers={"clear-site-data": '"cache", "storage"'})
            answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
        elif asked[0] in ("GET", "HEAD") and scope["path"] != "/enter":
            answer = RedirectResponse("/enter", 303)
        else:
            answer = self._page(401 if asked[0] == "POST" else 200)
        await answer(scope, receive, send)

    async def _enter(self, request: Request) -> Response:
        try:
            async with request.form(max_files=0, max_fields=4, max_part_size=1024) as sent:
                given = str(sent.get("passphrase", ""))
        except MultiPartException:
            return self._page(400, "Enter the passphrase that the program's window shows.")
        address = _of_one(request.client.host if request.client else "")
        async with self._one_at_a_time:  # a try costs memory and time: never two together, and none to who tried too often
            if self.wrong.full(address):
                return self._page(429, "Too many wrong passphrases were given. Wait a quarter of an hour, and try again.")
            right = await asyncio.to_thread(self._passphrase.matches, given)
            if not right:
                self.wrong.count(address)
                return self._page(403, "That is not the passphrase. Enter the last one that the program's window shows.")
            following = await asyncio.to_thread(self._passphrase.new)
        self.tell(following)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, self.sessions.begin(), path="/", secure=True, httponly=True, samesite="strict")
        return answer

    def _page(self, status: int, wrong: str = "") -> Response:
        page = Page("enter.html.j2", "Enter the passphrase", {}, [Wrong("passphrase", wrong)] if wrong else [], status)
        headers = {"retry-after": str(self.wrong.wait())} if status == 429 else None
        return HTMLResponse(self.maker.html(page), status, headers)


class ProxyDoor:
    """Lets in whom a reverse proxy has made known: the request comes from its address, with one header of that name that is not empty.

    Who they are is neither kept nor said: the pages only need to know that somebody stands behind it.
    """

    def __init__(self, app: App, header: str, proxies: frozenset[str]) -> None:
        self.app, self._header, self._proxies = app, header.lower().encode(), proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, without the header; or turn it away."""
        given = [value for name, value in scope["headers"] if name == self._header]
        known = bool(scope.get("client")) and scope["client"][0] in self._proxies
        if not known or len(given) != 1 or not given[0].strip():
            words = "These pages are reached through your organisation's sign-in. Open the address that you were given for them."
            await Response(f"{words}\n", 403, media_type="text/plain")(scope, receive, send)
            return
        await self.app({**scope, "headers": [each for each in scope["headers"] if each[0] != self._header]}, receive, send)


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def _of_one(address: str) -> str:
    """What counts as one address: of IPv6, where anybody has very many, its network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
