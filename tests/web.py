"""Pages for tests: a desk over the bundled cases, and a browser that runs no scripts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

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
