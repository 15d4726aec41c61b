"""A server's patience: how long it waits for somebody to ask, and to read what they are answered, and how many it waits for."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from rrt_engine.web.guard import HEADERS

HEAD_SECONDS = 10.0
"""The longest that the first lines of a request may take, from the first byte of a connection to the last of its headers."""
IDLE_SECONDS = 30
"""How long a connection is kept for the next request."""
READ_SECONDS = 30.0
"""The longest that a reader may take nothing of an answer."""
HEAD_BYTES = 16 * 1024
"""The most bytes of a request before what is sent with it: its address and its headers."""
CONNECTIONS = 256
"""The most connections at one time."""
FROM_ONE = 48
"""The most connections at one time from one address: several browsers. A reverse proxy brings everybody, and has them all."""


class Patient(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to every wait.

    uvicorn waits for ever for headers that do not come, and for a reader that does not read: some hundred idle connections would
    then keep everybody out.
    """

    everybody: frozenset[str] = frozenset({"127.0.0.1", "::1"})
    """Addresses that many people ask from: this computer itself, and reverse proxies."""
    _late: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connects: they have so long to ask, and are turned away where there are too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        same = sum(isinstance(each, Patient) and each.client is not None and each.client[0] == address for each in self.connections)
        if len(self.connections) > CONNECTIONS or (same > FROM_ONE and address not in self.everybody):
            transport.abort()
        else:
            self._late = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def data_received(self, data: bytes) -> None:
        """Some of a request arrives: once it is being answered, the guard counts the time."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """A request is answered: the next has so long to come, whole."""
        self._stop_waiting()
        self._late = self.loop.call_later(IDLE_SECONDS + HEAD_SECONDS, self._give_up)
        super().on_response_complete()
        if not self.cycle.response_complete:  # the next had come already
            self._stop_waiting()

    def pause_writing(self) -> None:
        """The reader is behind."""
        super().pause_writing()
        self._stalled = self.loop.call_later(READ_SECONDS, self._give_up)

    def resume_writing(self) -> None:
        """The reader has caught up."""
        super().resume_writing()
        if self._stalled:
            self._stalled.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection."""
        self._stop_waiting()
        if self._stalled:
            self._stalled.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered with the headers of every answer."""
        import h11

        headers = [*HEADERS.items(), ("content-type", "text/plain; charset=utf-8"), ("connection", "close")]
        try:
            for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=msg.encode()), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            pass  # an answer had begun
        self.transport.close()

    def _stop_waiting(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self.transport.abort()


def patient(everybody: frozenset[str]) -> Any:
    """The protocol for a server that reverse proxies ask, which may have all the connections."""
    return type("Patient", (Patient,), {"everybody": Patient.everybody | everybody})
