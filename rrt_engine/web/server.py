"""The server: it listens where it was told to, says nothing of what is asked for, and ends with Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.web import patient
from rrt_engine.web.app import Door, application
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Place

THIS_COMPUTER = "127.0.0.1"
_SWITCH_SECONDS = 0.001  # a page that takes long lets the others, and the connections, go on five times as often as is usual
NEXT_PORTS = 20
"""How many ports are tried after one that is in use."""


@dataclass(frozen=True)
class Tls:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


def listening(host: str, port: int, others: bool) -> socket.socket:
    """A socket that listens, and that no other program can share. With `others`, the next free port where this one is in use.

    Raises InputError where it cannot listen, with what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = None
    for each in range(port, min(port + NEXT_PORTS, 65_535) + 1):
        found = _bound(family, host, each)
        if isinstance(found, socket.socket):
            if each == port or others:
                return found
            found.close()
            raise _cannot(f"--port {port}", f"port {port} is in use by another program", f"`--port {each}` is free")
        if not _in_use(found):
            raise _cannot(f"--host {host}", f"cannot listen on {host}, port {each}: {found.strerror}", _address_help(host, each))
    raise _cannot(f"--port {port}", f"port {port} and the {NEXT_PORTS} after it are in use", "give another with `--port`")


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket | OSError:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # there the other option lets a second program take the port over
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.listen(128)
    except OSError as error:
        made.close()
        return error
    return made


def _in_use(error: OSError) -> bool:
    return error.errno in (errno.EADDRINUSE, 10013, 10048)  # the last two are what Windows says of a port in use


def _address_help(host: str, port: int) -> str:
    if port < 1024:
        return "ports below 1024 are kept for the system's own programs: choose one above, as with `--port 8765`"
    return f"give an address of this computer, or leave `--host {host}` out to serve on this computer only"


def _cannot(option: str, message: str, help: str) -> InputError:
    return InputError([Diagnostic(option, 0, 0, "cannot_listen", message, "error", "", help)])


def is_this_computer(host: str) -> bool:
    """Whether an address leads to this computer alone."""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def names(host: str, port: int, served_as: Collection[str] = (), scheme: str = "http") -> frozenset[str]:
    """The names, with the port, by which the pages may be asked for. A browser leaves out the port that is the scheme's own."""
    plain = ("127.0.0.1", "localhost", "[::1]") if is_this_computer(host) else (f"[{host}]" if ":" in host else host,)
    anywhere = not is_this_computer(host) and ipaddress.ip_address(host).is_unspecified
    found = {f"{name}:{port}" for name in (() if anywhere else plain)}
    for name in served_as:
        has_port = name.rpartition(":")[2].isdigit() and not name.endswith("]")
        found |= {name} if has_port else {name, f"{name}:{port}"}
    own = ":443" if scheme == "https" else ":80"
    return frozenset(name.lower() for name in found | {name.removesuffix(own) for name in found})


def settings(app: Any, everybody: Collection[str] = (), tls: Tls | None = None) -> uvicorn.Config:
    """How uvicorn serves an application: HTTP/1.1 read strictly, no WebSockets, no log, an end to every wait.

    `everybody` are addresses that many people ask from, as a reverse proxy's. Raises InputError where the TLS files cannot be used.
    """
    silent()
    if tls:
        _check(tls)
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=patient.patient(frozenset(everybody)),
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=patient.IDLE_SECONDS,
        timeout_graceful_shutdown=2,
        ssl_ciphers="ECDHE+AESGCM:ECDHE+CHACHA20",
        h11_max_incomplete_event_size=patient.HEAD_BYTES,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


def silent() -> None:
    """No library's log reaches the window or a file: what a parser says of a form may quote it."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def _check(tls: Tls) -> None:
    for option, file in (("--tls-cert", tls.certificate), ("--tls-key", tls.key)):
        try:
            file.read_bytes()
        except OSError as error:
            raise InputError([Diagnostic(option, 0, 0, "unreadable", f"cannot read `{file}`: {error.strerror}")]) from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except (ssl.SSLError, OSError):
        message = "the certificate and the key cannot be used together"
        help = "give the certificate (with those between it and the authority) and its own key, both as PEM files"
        raise InputError([Diagnostic("--tls-cert", 0, 0, "certificate", message, "error", "", help)]) from None


class Server(uvicorn.Server):
    """uvicorn's server, which says when it listens, ends in peace, and waits for TLS no longer than for anything else."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        loop = asyncio.get_running_loop()
        if self.config.is_ssl:  # a connection that never shakes hands is seen by nobody but the loop, which waits a minute
            timed = partial(loop.create_server, ssl_handshake_timeout=patient.HEAD_SECONDS)
            loop.create_server = timed  # type: ignore[method-assign]
        await super().startup(sockets)
        loop.call_soon(self._ready)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C, and being told to end, close the pages. uvicorn would raise the signal again, which ends the program there."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    desk: Desk,
    door_socket: socket.socket,
    hosts: frozenset[str],
    place: Place = Place(),
    *,
    key: str = "",
    once: str = "",
    tls: Tls | None = None,
    door: Door | None = None,
    everybody: Collection[str] = (),
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve the pages of a desk on a socket that listens, until Ctrl-C. `ready` is called once they can be asked for.

    `key` and `once` are as the guard has them; `door` and `everybody` as for a network.
    """
    app = application(desk, hosts, place, "https" if tls else "http", key, door)
    app.once = once
    gc.collect()
    gc.freeze()  # the rules and the data stay to the end: looking for garbage need not go through them again for every few pages
    sys.setswitchinterval(_SWITCH_SECONDS)
    Server(settings(app, everybody, tls), ready).run([door_socket])
