"""The guard: what every request must pass and every response carries. See docs/security.md for what each line is for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST = 1 << 20
"""The most bytes a form may send, files and all: below it nothing is ever written to disk to be parsed."""
SECONDS = 30.0
"""The longest a form may take to arrive."""
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


class Guard:
    """Turns away what does not come from these pages, and what is too large or too slow; and sets the headers of every answer.

    `hosts` are the names by which the pages may be asked for, with their port: any other is somebody else's name for this computer.
    """

    def __init__(self, app: App, hosts: frozenset[str], scheme: str = "http") -> None:
        self.app, self.hosts, self.scheme = app, hosts, scheme

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or turn it away."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in own),
                ]
            await send(message)

        refused = self.refused(scope["method"], headers)
        if refused:
            await _say(guarded, *refused)
            return
        body = _Body(receive)
        try:
            await self.app(scope, body.receive, guarded)
        except _TooMuch as too:
            if not body.answered:
                await _say(guarded, too.status, too.said)

    def refused(self, method: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """Why a request is turned away: the status, and what to say. None where it may pass."""
        if headers.get("host", "").lower() not in self.hosts:
            return 421, "These pages are served by another name. Open the address that the program printed."
        if method not in ("GET", "HEAD"):
            if method != "POST":
                return 405, "This is not something the pages do."
            site, origin = headers.get("sec-fetch-site"), headers.get("origin")
            if site is not None and site not in ("same-origin", "none"):
                return 403, "A form sent from another site is not taken."
            if origin is not None and origin.lower() not in {f"{self.scheme}://{host}" for host in self.hosts}:
                return 403, "A form sent from another site is not taken."
            length = headers.get("content-length", "")
            if length.isdigit() and int(length) > LARGEST:
                return 413, f"More was sent than a case needs: the limit is {LARGEST:,} bytes."
        return None


class _TooMuch(Exception):
    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


class _Body:
    """What is sent with a request, counted and timed as it arrives."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._size, self.answered = receive, 0, False
        self._ends: float | None = None

    async def receive(self) -> Message:
        loop = asyncio.get_running_loop()
        self._ends = self._ends or loop.time() + SECONDS
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._ends - loop.time()))
        except TimeoutError:
            raise _TooMuch(408, "What was sent took too long to arrive. Send it again.") from None
        self._size += len(message.get("body", b""))
        if self._size > LARGEST:
            raise _TooMuch(413, f"More was sent than a case needs: the limit is {LARGEST:,} bytes.")
        return message


async def _say(send: Send, status: int, said: str) -> None:
    """A plain answer, with nothing in it of what was sent."""
    body = f"{said}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
