"""Where the people of a room come in from: an address of this computer on the room's network, named by the trainer with `--room`."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Place
from rrt_engine.web.room_door import door
from rrt_engine.web.server import Server, Tls, listening, names, settings

PORT = 8766
_AN_ADDRESS = "give this computer's address on the room's network, as `192.168.1.20`; `ipconfig` or `ip address` lists it"


@dataclass(frozen=True)
class Where:
    """Where a room's door listens: without `port` on the usual one or the next that is free, and with TLS where its files are given."""

    host: str
    port: int | None = None
    tls: Tls | None = None
    served_as: tuple[str, ...] = ()


def where_given(text: str, certificate: Path | None = None, key: Path | None = None, served_as: Sequence[str] = ()) -> Where:
    """Where to listen, from `--room ADDRESS[:PORT]` and the options of TLS. Raises InputError with what is wrong."""
    host, port = _split(text.strip())
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise _wrong(text, f"`{host[:60]}` is not an address", _AN_ADDRESS) from None
    if address.is_unspecified or address.is_multicast or "%" in host:
        raise _wrong(text, f"{host} is not one address of this computer", _AN_ADDRESS)
    if port and not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65_535):
        raise _wrong(text, f"`{port[:20]}` is not a port", f"leave it out, and it is {PORT} or the next that is free")
    if (certificate is None) != (key is None):
        raise _wrong(text, "a certificate and its key go together", "give `--tls-cert` and `--tls-key`, or neither")
    return Where(str(address), int(port) if port else None, Tls(certificate, key) if certificate and key else None, tuple(served_as))


def _split(text: str) -> tuple[str, str]:
    """An address and a port; an address of IPv6 stands in brackets where a port follows."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, port.removeprefix(":")
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port or "none"
    return text, ""


def _wrong(text: str, message: str, help: str) -> InputError:
    return InputError([Diagnostic(f"--room {text[:60]}", 0, 0, "room", message, "error", "", help)])


@contextlib.contextmanager
def room_listener(desk: Desk, where: Where, place: Place = Place()) -> Iterator[str]:
    """Listen for the people of a desk's rooms, in a thread of its own, until left. Gives the address to show them.

    Raises InputError where it cannot listen.
    """
    try:
        listener = listening(where.host, where.port or PORT, where.port is None)
    except InputError as error:
        raise _wrong(where.host, error.diagnostics[0].message, _AN_ADDRESS) from None
    port, scheme = listener.getsockname()[1], "https" if where.tls else "http"
    shown = where.served_as[0] if where.served_as else f"[{where.host}]" if ":" in where.host else where.host
    address = f"{scheme}://{shown}" if shown.rpartition(":")[2].isdigit() else f"{scheme}://{shown}:{port}"
    app = door(desk.rooms, desk.thresholds, names(where.host, port, where.served_as, scheme), place, scheme)
    server = Server(settings(app, (), where.tls))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True, name="rooms")
    desk.rooms.address = address
    thread.start()
    try:
        yield address
    finally:
        desk.rooms.address = ""
        server.should_exit = True
        thread.join(5)
