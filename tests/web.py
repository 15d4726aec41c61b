"""Pages for tests: a desk over the bundled cases, and a browser that runs no scripts."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Thread

from lxml import html
from starlette.testclient import TestClient

from rrt_engine.calendar import parse_moment
from rrt_engine.paths import CASES, RULES
from rrt_engine.web.app import application
from rrt_engine.web.desk import Desk, open_desk

PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"
HOSTS = frozenset({f"127.0.0.1:{PORT}", f"localhost:{PORT}"})
AS_OF = "2026-04-15"


@cache
def desk() -> Desk:
    """The bundled cases, as at one day. Nothing changes it, so every test may share it; its record is a file that is not there."""
    return open_desk([CASES / "training", CASES / "sample"], RULES, parse_moment(AS_OF), Path("no-such-folder") / "record.sqlite")


def client(held: Desk | None = None) -> TestClient:
    """A browser without scripts on the pages of a desk; it follows redirects and sends forms as these pages do."""
    return TestClient(application(held or desk(), HOSTS), base_url=ORIGIN, headers={"origin": ORIGIN})


def page(text: str) -> html.HtmlElement:
    """A page to look into."""
    return html.document_fromstring(text)


def words(element: html.HtmlElement) -> str:
    """What is read in a part of a page, with one space between words."""
    return " ".join(element.text_content().split())


@dataclass
class Served:
    """The real program serving: where, and what its window shows so far."""

    process: subprocess.Popen[str]
    lines: list[str]
    reader: Thread = field(default_factory=Thread)
    address: str = ""

    @property
    def port(self) -> int:
        return int(self.address.split(":")[2].partition("/")[0])

    @property
    def origin(self) -> str:
        return self.address.partition("/")[0] + "//" + self.address.split("/")[2]

    def said(self) -> str:
        """What the program's window shows so far."""
        return "".join(self.lines)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until the window shows something."""
        self.wait_until(lambda: re.search(pattern, self.said()))
        found = re.search(pattern, self.said())
        assert found
        return found

    def wait_until(self, happened: Callable[[], object], seconds: float = 90.0) -> None:
        """Wait until something has happened, while the program runs."""
        until = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < until and self.process.poll() is None, f"waited for what did not happen; the window: {self.said()}"
            time.sleep(0.02)

    def wait_for_end(self) -> None:
        """Wait until all that the program said has been read."""
        self.process.wait(20)
        self.reader.join(10)

    def interrupt(self) -> int:
        """Ctrl-C, and the code the program ends with."""
        if self.process.poll() is None:
            self.process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
        return self.process.wait(20)


@contextmanager
def served(
    *options: str,
    program: tuple[str, ...] = ("-m", "rrt_engine"),
    environment: Mapping[str, str] | None = None,
    browser: str | None = "--no-browser",
) -> Iterator[Served]:
    """The real `rrt serve` as a program of its own, on the next free port, until the block ends."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    process = subprocess.Popen(
        [sys.executable, *program, "serve", *([browser] if browser else []), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, **(environment or {})},
        creationflags=flags,
    )
    found = Served(process, [])

    def read() -> None:
        for line in process.stdout or ():
            found.lines.append(line)

    found.reader = Thread(target=read, daemon=True)
    found.reader.start()
    try:
        found.address = found.wait_for(r"The pages are at (\S+)")[1]
        yield found
    finally:
        try:
            found.interrupt()
        except subprocess.TimeoutExpired:
            process.kill()
        found.wait_for_end()
        assert process.stdout
        process.stdout.close()
    assert "a fault in rrt" not in found.said() and "Traceback" not in found.said(), found.said()
