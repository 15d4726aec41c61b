"""The server, as somebody meets it who sends what no browser sends: what is slow, too large, too much, or no HTTP at all."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from rrt_engine.diagnostics import InputError
from rrt_engine.web import guard, patient
from rrt_engine.web.app import Door, application
from rrt_engine.web.guard import HEADERS, LARGEST, Guard
from rrt_engine.web.patient import HEAD_BYTES
from rrt_engine.web.server import Server, Tls, listening, names, settings
from tests.web import desk

KEY = "abcdefghijklmnop"


@contextmanager
def serving(app: Any = None, tls: Tls | None = None, door: Door | None = None) -> Iterator[int]:
    """A server in this process, with its port: the pages, or another application behind the same guard."""
    listener = listening("127.0.0.1", 0, False)
    port = listener.getsockname()[1]
    hosts = names("127.0.0.1", port)
    scheme = "https" if tls else "http"
    server = Server(
        settings(
            application(desk(), hosts, scheme=scheme, key="" if tls else KEY, door=door) if app is None else Guard(app, hosts, scheme),
            tls=tls,
        )
    )
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    with serving() as port:
        yield port


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answered(made: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    got = b""
    while True:
        try:
            part = made.recv(65536)
        except ConnectionError:
            return got
        if not part:
            return got
        got += part


def asked(port: int, sent: bytes) -> bytes:
    """What is answered to some bytes, up to the end of the connection."""
    with connected(port) as made:
        made.sendall(sent)
        return answered(made)


def dripped(made: socket.socket, part: bytes, times: int, seconds: float = 0.0) -> int:
    """Send a part again and again until the other side ends the connection: how many bytes were sent."""
    for number in range(times):
        try:
            made.sendall(part)
        except ConnectionError:
            return number * len(part)
        time.sleep(seconds)
    raise AssertionError("all of it was taken")


def request(port: int, line: str, *more: str, body: bytes = b"") -> bytes:
    """A request as a browser would send it, but for what is given."""
    own = {each.partition(":")[0].lower() for each in more}
    usual = {"host": f"127.0.0.1:{port}", "origin": f"http://127.0.0.1:{port}", "connection": "close"}
    head = [line, *(f"{name}: {value}" for name, value in usual.items() if name not in own), *more]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def carries_every_header(answer: bytes) -> bool:
    head = answer.partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    return all(f"{name}: {value}".lower() in head for name, value in HEADERS.items())


# ------------------------------------------------------------------------------------------------ slow


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /", b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: "])
def test_headers_that_do_not_end_are_not_waited_for(sent: bytes, monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(patient, "HEAD_SECONDS", 0.2)
    with connected(pages) as made:
        made.sendall(sent)
        began = time.monotonic()
        assert answered(made) == b""
        assert time.monotonic() - began < 9


def test_a_connection_that_never_shakes_hands_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "HEAD_SECONDS", 0.2)
    folder = Path(__file__).parent / "data" / "tls"
    with serving(tls=Tls(folder / "certificate.pem", folder / "key.pem")) as port, connected(port) as made:
        began = time.monotonic()
        assert answered(made) == b""
        assert time.monotonic() - began < 9


def test_a_byte_now_and_then_wins_no_time(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(patient, "HEAD_SECONDS", 0.3)
    with connected(pages) as made:
        made.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        dripped(made, b"x-a: b\r\n", 200, 0.03)
        assert time.monotonic() - began < 9


def test_a_second_request_that_does_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(patient, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(patient, "IDLE_SECONDS", 0)
    with connected(pages) as made:
        made.sendall(request(pages, f"GET /{KEY}/place.css HTTP/1.1", "connection: keep-alive"))
        got = b""
        while not got.endswith(b"}\n"):
            got += made.recv(65536)
        assert status(got) == 200
        made.sendall(b"GET / HTT")
        began = time.monotonic()
        assert answered(made) == b""
        assert time.monotonic() - began < 9


def test_a_form_that_arrives_too_slowly_is_refused_in_words(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(guard, "SECONDS", 0.2)
    form = ("content-type: application/x-www-form-urlencoded", "content-length: 1000")
    answer = asked(pages, request(pages, f"POST /{KEY}/find HTTP/1.1", *form, body=b"id=C"))
    assert status(answer) == 408 and b"took too long to arrive" in answer and carries_every_header(answer)


def test_a_reader_who_reads_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Event()

    async def large(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(64 * LARGEST), "more_body": True})
        await send({"type": "http.response.body", "body": b""})  # waits until the reader has read
        sent.set()

    monkeypatch.setattr(patient, "READ_SECONDS", 0.2)
    with serving(large) as port, connected(port) as made:
        made.sendall(request(port, "GET / HTTP/1.1"))
        assert sent.wait(30)
        assert len(answered(made)) < 64 * LARGEST


def test_who_goes_away_in_the_middle_of_a_form_is_no_fault(capfd: pytest.CaptureFixture[str], pages: int) -> None:
    form = ("content-type: application/x-www-form-urlencoded", "content-length: 1000")
    with connected(pages) as made:
        made.sendall(request(pages, f"POST /{KEY}/find HTTP/1.1", *form, body=b"id=C"))
    assert status(asked(pages, request(pages, f"GET /{KEY}/place.css HTTP/1.1"))) == 200
    time.sleep(0.1)
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------------------------------------ too many


def test_more_connections_than_are_held_are_closed_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "CONNECTIONS", 3)
    with serving() as port:
        first = [connected(port) for _ in range(3)]
        time.sleep(0.1)
        try:
            assert asked(port, b"") == b""
            first[0].sendall(request(port, f"GET /{KEY}/place.css HTTP/1.1"))
            assert status(answered(first[0])) == 200
            time.sleep(0.1)
            assert status(asked(port, request(port, f"GET /{KEY}/place.css HTTP/1.1"))) == 200
        finally:
            for each in first:
                each.close()


def test_one_address_cannot_have_all_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "FROM_ONE", 2)
    monkeypatch.setattr(patient.Patient, "everybody", frozenset())
    with serving() as port:
        first = [connected(port) for _ in range(2)]
        time.sleep(0.1)
        try:
            assert asked(port, b"") == b""
        finally:
            for each in first:
                each.close()


def test_a_reverse_proxy_may_have_all_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "FROM_ONE", 0)
    with serving() as port:  # this computer's own address is one of those that many people ask from
        assert status(asked(port, request(port, f"GET /{KEY}/place.css HTTP/1.1"))) == 200
    assert patient.patient(frozenset({"10.0.0.9"})).everybody == {"127.0.0.1", "::1", "10.0.0.9"}


def test_more_requests_than_are_answered_at_once_are_told_to_wait(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    monkeypatch.setattr(guard, "AT_ONCE", 0)
    answer = asked(pages, request(pages, f"GET /{KEY}/place.css HTTP/1.1"))
    assert status(answer) == 503 and b"retry-after: 5" in answer.lower() and carries_every_header(answer)


# ------------------------------------------------------------------------------------------------ too large

FORM = "content-type: application/x-www-form-urlencoded"


def test_a_form_that_says_it_is_too_large_is_refused_in_words_that_arrive(pages: int) -> None:
    body = b"id=" + b"C" * (12 * LARGEST)  # more than lies in the pockets of a connection: all of it is read before the answer
    answer = asked(pages, request(pages, f"POST /{KEY}/find HTTP/1.1", FORM, f"content-length: {len(body)}", body=body))
    assert status(answer) == 413 and b"More was sent than a case needs" in answer and carries_every_header(answer)


def test_a_form_that_does_not_say_how_large_it_is_is_counted(pages: int) -> None:
    chunk = b"10000\r\n" + b"C" * 0x10000 + b"\r\n"
    answer = asked(pages, request(pages, f"POST /{KEY}/find HTTP/1.1", FORM, "transfer-encoding: chunked", body=chunk * 40 + b"0\r\n\r\n"))
    assert status(answer) == 413 and carries_every_header(answer)


def test_what_never_ends_is_cut_off(pages: int) -> None:
    chunk = b"10000\r\n" + b"C" * 0x10000 + b"\r\n"
    with connected(pages) as made:
        made.sendall(request(pages, f"POST /{KEY}/find HTTP/1.1", FORM, "transfer-encoding: chunked"))
        assert dripped(made, chunk, 1_600) < 40 * LARGEST


def test_a_form_as_large_as_may_be_is_taken(pages: int) -> None:
    body = b"id=" + b"C" * (LARGEST - 3)
    answer = asked(pages, request(pages, f"POST /{KEY}/find HTTP/1.1", FORM, f"content-length: {LARGEST}", body=body))
    assert status(answer) in (200, 400, 404) and b"More was sent" not in answer


def test_headers_are_limited(pages: int) -> None:
    answer = asked(pages, request(pages, f"GET /{KEY}/ HTTP/1.1", "x-long: " + "a" * (20 * HEAD_BYTES)))
    assert answer == b"" or status(answer) in (400, 431)


# ------------------------------------------------------------------------------------------------ no HTTP, or two in one

TWICE = {
    "a length and chunks": ("content-length: 5", "transfer-encoding: chunked"),
    "two lengths": ("content-length: 5", "content-length: 6"),
    "a length with a sign": ("content-length: +5",),
    "a length that is none": ("content-length: 5x",),
    "chunks by another name": ("transfer-encoding: xchunked",),
    "chunks twice": ("transfer-encoding: chunked, chunked",),
    "a space before the colon": ("transfer-encoding : chunked",),
    "two hosts": ("host: 127.0.0.1", "host: evil.example"),
    "a line without a colon": ("nonsense",),
}


@pytest.mark.parametrize("headers", TWICE.values(), ids=TWICE.keys())
def test_a_request_that_two_servers_could_read_in_two_ways_is_refused(headers: tuple[str, ...], pages: int) -> None:
    hidden = b"0\r\n\r\n" + request(pages, f"GET /{KEY}/place.css HTTP/1.1")
    answer = asked(pages, request(pages, f"POST /{KEY}/find HTTP/1.1", FORM, "connection: keep-alive", *headers, body=hidden))
    assert status(answer) in (400, 421, 501) and carries_every_header(answer)
    assert answer.count(b"HTTP/1.1 ") == 1 and b"--place-colour" not in answer


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"nonsense\r\n\r\n", b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n"],
    ids=["TLS", "nonsense", "no ASCII"],
)
def test_what_is_no_http_is_answered_with_every_header(sent: bytes, pages: int) -> None:
    answer = asked(pages, sent)
    assert status(answer) == 400 and carries_every_header(answer)


@pytest.mark.parametrize(
    "target",
    [
        f"http://127.0.0.1:1/{KEY}/",
        "http://evil.example/",
        "*",
        f"{KEY}/",
        "//evil.example/",
        f"/%2e%2e/{KEY}/",
        f"/{KEY}",
        f"/{KEY}x/",
        "/",
    ],
)
def test_an_address_of_another_form_leads_nowhere(target: str, pages: int) -> None:
    answer = asked(pages, request(pages, f"GET {target} HTTP/1.1"))
    assert status(answer) == 404 and carries_every_header(answer)


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_another_protocol_is_refused(protocol: str, pages: int) -> None:
    more = ("connection: upgrade", f"upgrade: {protocol}", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version: 13")
    answer = asked(pages, request(pages, f"GET /{KEY}/ HTTP/1.1", *more))
    assert status(answer) == 400 and carries_every_header(answer)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"])
def test_another_method_is_refused_and_repeats_nothing(method: str, pages: int) -> None:
    answer = asked(pages, request(pages, f"{method} /{KEY}/ HTTP/1.1", "x-secret: 3141592"))
    assert status(answer) == 405 and b"allow: GET, HEAD, POST" in answer and b"3141592" not in answer and carries_every_header(answer)
    assert b"access-control" not in answer.lower()


def test_a_head_is_the_answer_without_the_page(pages: int) -> None:
    answer = asked(pages, request(pages, f"HEAD /{KEY}/place.css HTTP/1.1"))
    assert status(answer) == 200 and carries_every_header(answer) and answer.endswith(b"\r\n\r\n")


def test_two_requests_in_one_go_are_answered_in_turn(pages: int) -> None:
    one = request(pages, f"GET /{KEY}/place.css HTTP/1.1", "connection: keep-alive")
    answer = asked(pages, one + request(pages, "GET /nowhere HTTP/1.1"))
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 404]


# ------------------------------------------------------------------------------------------------ where it listens


def test_a_port_in_use_is_said_with_one_that_is_free() -> None:
    with listening("127.0.0.1", 0, False) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError) as said:
            listening("127.0.0.1", port, False)
        (diagnostic,) = said.value.diagnostics
        assert f"port {port} is in use" in diagnostic.message
        offered = int(diagnostic.help.split("--port ")[1].split("`")[0])
        listening("127.0.0.1", offered, False).close()


def test_the_next_free_port_is_taken_where_any_will_do() -> None:
    with listening("127.0.0.1", 0, False) as taken:
        port = taken.getsockname()[1]
        with listening("127.0.0.1", port, True) as found:
            assert port < found.getsockname()[1] <= port + 20


def test_an_address_that_is_not_this_computers_is_said() -> None:
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1"):  # an address kept for documents
        listening("192.0.2.1", 8765, True)


def test_it_listens_to_this_computer_only() -> None:
    with listening("127.0.0.1", 0, False) as made:
        assert made.getsockname()[0] == "127.0.0.1"


def test_the_names_asked_for() -> None:
    assert names("127.0.0.1", 8765) == {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}
    assert "localhost" in names("127.0.0.1", 80) and "localhost" not in names("127.0.0.1", 443)
    assert names("10.1.2.3", 8443, (), "https") == {"10.1.2.3:8443"}
    assert names("0.0.0.0", 443, ("RRT.example.gov.uk",), "https") == {"rrt.example.gov.uk", "rrt.example.gov.uk:443"}
    assert names("10.1.2.3", 8443, ("rrt.example:9443",), "https") == {"10.1.2.3:8443", "rrt.example:9443"}
    assert names("fd00::1", 8443, (), "https") == {"[fd00::1]:8443"}
