"""The guard: what every request must pass and every answer carries. See docs/security.md for what each line is for."""

from __future__ import annotations

import asyncio
import hmac
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Told = Callable[[int, str], str]

LARGEST = 1 << 20
"""The most bytes a form may send, files and all: below it nothing is ever written to disk to be parsed."""
SECONDS = 30.0
"""The longest a form may take to arrive."""
AT_ONCE = 64
"""The most requests answered at one time."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_DRAINED = 16  # times the limit: what is too large is read to here and thrown away, so that a browser gets to read why
_ELSEWHERE = "What another site asks for or sends is not taken. Open the address that the program printed, and use the pages themselves."
_ADDRESS = "There is nothing at this address. Open the address that the program printed: it is made anew each time the program starts."


class Guard:
    """Turns away what does not come from these pages, and what is too large, too slow or too much; and sets the headers of every answer.

    `hosts` are the names by which the pages may be asked for, with their port: any other is somebody else's name for this computer.
    With a `key`, everything is served below it, `/key/…`, so that only who was given the address finds anything. `told` makes a page of
    a status and what to say; without it, and for those who show no sign of being ours, the words go alone. `largest` is the most bytes
    a form may send, `seconds` the longest it may take. `referrer` is the referrer policy: on a network without TLS a browser does not
    say where a form comes from unless it is "same-origin".

    `once` is an address that leads to the key a single time: what a browser is opened with stands in the list of the computer's
    programs, where others may read it.
    """

    once: str = ""

    def __init__(
        self,
        app: App,
        hosts: frozenset[str],
        scheme: str = "http",
        *,
        key: str = "",
        told: Told | None = None,
        largest: int = LARGEST,
        seconds: float | None = None,
        referrer: str = HEADERS["referrer-policy"],
    ) -> None:
        self.app, self.hosts, self.scheme, self.key, self.told, self.largest = app, hosts, scheme, key, told, largest
        self.seconds = seconds
        self.origins = {f"{scheme}://{host}" for host in hosts}
        self.headers = {**HEADERS, "referrer-policy": referrer}
        self.busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or turn it away."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = ended = False
        body = _Body(receive, self.largest, self.seconds or SECONDS)

        async def guarded(message: Message) -> None:
            nonlocal began, ended
            if message["type"] == "http.response.start":
                began = True
                own = {name for name, _ in message["headers"]}
                ours = ((name.encode(), value.encode()) for name, value in self.headers.items())
                message["headers"] = [*message["headers"], *((name, value) for name, value in ours if name not in own)]
            else:
                ended = not message.get("more_body", False)
            await send(message)

        async def passed_on(message: Message) -> None:
            if body.refused is None:  # after that, what the application makes of a form that broke off is nobody's answer
                await guarded(message)

        headers: dict[str, str] = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        turned_away = self._stranger(scope["path"], headers)
        if turned_away and turned_away[0] == 404 and self._opens(scope):
            await _say(guarded, 303, "Open the pages.", more=[(b"location", f"/{self.key}/".encode())])
        elif turned_away:
            await _say(guarded, *turned_away)
        elif self.busy >= AT_ONCE:
            await _say(guarded, 503, "Too much is asked for at once. Wait a moment, and ask again.")
        else:
            self.busy += 1
            try:
                body.refused = self._refused(scope["method"], headers)
                if body.refused is None:
                    below = len(self.key) + 1 if self.key else 0
                    inner = {**scope, "path": scope["path"][below:], "raw_path": scope["raw_path"][below:]} if below else scope
                    await self.app(inner, body.receive, passed_on)
            except Exception as error:
                if body.refused is None and not body.gone:
                    tell_fault(error)
                    if not began:
                        body.refused = 500, "Something went wrong in rrt. The program's window says where."
            finally:
                self.busy -= 1
            if body.refused and not began and not body.gone:
                await body.drain()
                await self._tell(guarded, *body.refused)
            elif not ended and not body.gone:
                raise _Broken

    async def _tell(self, send: Send, status: int, said: str) -> None:
        if self.told is None:
            await _say(send, status, said)
        else:
            await _say(send, status, self.told(status, said), "text/html")

    def _opens(self, scope: Scope) -> bool:
        """Whether this is the browser that the program opened: the first to ask for the address made for it."""
        if not self.once or scope["method"] != "GET" or not hmac.compare_digest(scope["path"].encode(), f"/{self.once}".encode()):
            return False
        self.once = ""
        return True

    def _stranger(self, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """What to say to one who does not show that they were given this address. None where they do."""
        if headers.get("host", "").lower() not in self.hosts:
            return 421, "These pages are served by another name. Open the address that the program printed."
        if not path.startswith("/") or not path.isprintable() or "\\" in path:
            return 404, _ADDRESS
        if self.key:
            first, slash, _ = path[1:].partition("/")
            if not slash or not hmac.compare_digest(first.encode(), self.key.encode()):
                return 404, _ADDRESS
        return None

    def _refused(self, method: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Why a request is turned away: the status, and what to say. None where it may pass."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        length = headers.get("content-length")
        if "upgrade" in headers or (length is not None and "transfer-encoding" in headers):
            return 400, "This is not something the pages do."
        if method in ("GET", "HEAD"):
            if length not in (None, "0") or "transfer-encoding" in headers:
                return 400, "Nothing is sent with a request to read a page."
            # A link on another site may lead here, as from a message; nothing here changes by being read. No other site may load a part.
            followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
            return None if site in (None, "same-origin", "none") or followed else (403, _ELSEWHERE)
        if method != "POST":
            return 405, "This is not something the pages do."
        # A page that sends no referrer sends the origin "null" with its forms: then only what the browser says of the site can tell.
        ours = site in ("same-origin", "none") if origin in (None, "null") else origin.lower() in self.origins
        if not ours or site not in (None, "same-origin", "none"):
            return 403, _ELSEWHERE
        if length is not None and int(length) > self.largest:  # HTTP itself takes digits alone
            return 413, too_large(self.largest)
        return None


def too_large(largest: int) -> str:
    """What to say of more bytes than are taken."""
    return f"More was sent than a case needs: the limit is {largest:,} bytes. Nothing of it was kept."


class _Broken(Exception):
    """An answer that broke off: the connection is closed, and nothing is said of why."""


class _Refused(Exception):
    """What is sent is not taken: `_Body.refused` says why."""


class _Body:
    """What is sent with a request, counted and timed as it arrives. `refused` is why it is not taken; `gone` is that nobody waits."""

    def __init__(self, receive: Receive, largest: int, seconds: float) -> None:
        self.refused: tuple[int, str] | None = None
        self.gone = False
        self._receive, self._largest, self._seconds, self._size, self._whole = receive, largest, seconds, 0, False
        self._ends: float | None = None

    async def receive(self) -> Message:
        """The next part. Raises where it is too much or comes too late."""
        if self._whole:
            message = await self._receive()
        else:
            message = await self._next()
        if self._size > self._largest:
            self.refused = 413, too_large(self._largest)
        if self.refused:
            raise _Refused
        return message

    async def drain(self) -> None:
        """Read what is left and throw it away, up to a limit: who still sends when the connection is closed sees no answer."""
        while not self._whole and self._size <= self._largest * _DRAINED:
            message = await self._next()
            if message["type"] == "http.disconnect":
                return

    async def _next(self) -> Message:
        loop = asyncio.get_running_loop()
        self._ends = self._ends or loop.time() + self._seconds
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._ends - loop.time()))
        except TimeoutError:
            self.refused, self._whole = self.refused or (408, "What was sent took too long to arrive. Send it again."), True
            return {"type": "http.disconnect"}
        self.gone = message["type"] == "http.disconnect"
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message


def tell_fault(error: BaseException) -> None:
    """Where a fault is, for the program's window: places in the code and the kind of error, never its text, which may hold a case."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.name} ({frame.filename.rsplit('rrt_engine', 1)[-1]}:{frame.lineno})" for frame in frames]
    print(f"a fault in rrt: {type(error).__name__} in {' > '.join(places[-4:])}", file=sys.stderr)


async def _say(send: Send, status: int, said: str, kind: str = "text/plain", more: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """An answer with nothing in it of what was sent, and the end of the connection."""
    body = f"{said}\n".encode()
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *more,
        *([(b"allow", b"GET, HEAD, POST")] if status == 405 else []),
        *([(b"retry-after", b"5")] if status == 503 else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
