"""The pages as a whole: each address answers, nothing is found where nothing is, and every answer carries the headers."""

from __future__ import annotations

import pytest

from rrt_engine.web.guard import HEADERS
from tests.web import client, page, words


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
