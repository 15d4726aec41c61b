"""The pages as a whole: each address answers, nothing is found where nothing is, and every answer carries the headers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from starlette.testclient import TestClient

from rrt_engine.web import app as app_module
from rrt_engine.web import today
from rrt_engine.web.app import ROUTES, application
from rrt_engine.web.desk import Desk
from rrt_engine.web.guard import HEADERS
from rrt_engine.web.pages import Asked, Shown
from tests.web import HOSTS, ORIGIN, client, desk, page, words


@pytest.mark.parametrize("address", ["/"])
def test_a_page_answers_with_every_header(address: str) -> None:
    answer = client().get(address)
    assert answer.status_code == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "set-cookie" not in answer.headers
    shown = page(answer.text)
    assert len(shown.cssselect("h1")) == 1 and shown.get("lang") == "en-GB"


def test_what_is_not_there_is_said() -> None:
    answer = client().get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in words(page(answer.text))


def pages_of(monkeypatch: pytest.MonkeyPatch, make: Callable[[Asked], None]) -> list[TestClient]:
    """Eight browsers on pages of which each does something first."""

    def shown(held: Desk, asked: Asked) -> Shown:
        make(asked)
        return today.today(held, Asked({}, {}, {}, {}))

    monkeypatch.setattr(app_module, "ROUTES", (("GET", "/one/{which}", "one", shown), *ROUTES))
    monkeypatch.setattr(app_module, "_PARTS", {**app_module._PARTS, "one": frozenset({"which"})})
    pages = application(desk(), HOSTS)
    return [TestClient(pages, base_url=ORIGIN, headers={"origin": ORIGIN}) for _ in range(8)]


def test_pages_are_made_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    now: list[int] = []
    most: list[int] = []

    def make(asked: Asked) -> None:
        now.append(1)
        most.append(len(now))
        time.sleep(0.01)
        now.pop()

    monkeypatch.setattr(app_module, "TURN", 30)
    browsers = pages_of(monkeypatch, make)
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda browser: browser.get("/one/a").status_code, browsers))
    assert answers == [200] * 8 and most == [1] * 8


def test_a_page_that_takes_very_long_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, done = Event(), Event()

    def make(asked: Asked) -> None:
        if asked.path["which"] == "slow":
            begun.set()
            assert done.wait(60)

    monkeypatch.setattr(app_module, "TURN", 0.05)
    slow, *others = pages_of(monkeypatch, make)
    with ThreadPoolExecutor(8) as people:
        waiting = people.submit(slow.get, "/one/slow")
        assert begun.wait(60)
        assert [other.get("/one/quick").status_code for other in others[:2]] == [200, 200] and not waiting.done()
        done.set()
        assert waiting.result(60).status_code == 200
    assert slow.get("/one/quick").status_code == 200, "the turn is given back once"
