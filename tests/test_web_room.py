"""Rooms: a group on one case by hand or on its own laptops, and who might attack the pages that stand on the room's network."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import typer
from starlette.testclient import TestClient
from typer.testing import CliRunner

from rrt_engine.cli_serve import serve_command
from rrt_engine.diagnostics import InputError
from rrt_engine.training import (
    Answer,
    Words,
    agreement_lines,
    group_lines,
    group_results,
    mind_lines,
    reason_lines,
    revealed,
    spreads_of,
    stages,
)
from rrt_engine.web import patient, room_door
from rrt_engine.web.desk import Desk
from rrt_engine.web.guard import HEADERS, Guard
from rrt_engine.web.limit import Limit
from rrt_engine.web.room import CODE, HOURS, LETTERS, ROOMS, SEATS, Room, Rooms
from rrt_engine.web.room_door import AT_ONCE, LARGEST, Limits, door
from rrt_engine.web.room_listener import PORT, room_listener, where_given
from tests.web import client, desk, page, words

CASE = "T-COLD-FLAT"
HOST = f"10.1.2.3:{PORT}"
ROUTE = "family_help_targeted"
TLS = Path(__file__).parent / "data" / "tls"


class Clock:
    """A clock that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@cache
def trainer() -> TestClient:
    """The trainer's browser, on the pages of the desk."""
    return client()


def opened(rooms: Rooms, seats: int = 30) -> Room:
    case = desk().training()[CASE]
    return rooms.open(case, stages(case, desk().today.day), desk().suggests(case), seats)


def listening(rooms: Rooms, limits: Limits | None = None) -> Guard:
    return door(rooms, desk().thresholds, frozenset({HOST}), limits=limits)


def laptop(app: Guard, address: str = "10.1.2.50") -> TestClient:
    """A browser in the room, at an address of its own."""
    return TestClient(app, base_url=f"http://{HOST}", headers={"origin": f"http://{HOST}"}, client=(address, 50_000))


def token_of(html: str) -> str:
    found = page(html).cssselect("input[name=token]")
    return str(found[0].get("value")) if found else ""


def joined(browser: TestClient, room: Room) -> str:
    answer = browser.post("/", data={"code": room.code})
    assert answer.status_code == 200
    return token_of(answer.text)


def answer(browser: TestClient, token: str, level: int | str, stage: int | str = 1, **more: str) -> str:
    sent = browser.post("/answer", data={"token": token, "stage": str(stage), "level": str(level), "do": "answer", **more})
    return sent.text


def text(html: str) -> str:
    return words(page(html).cssselect("main")[0])


@pytest.fixture
def rooms() -> Iterator[Rooms]:
    """The rooms of the shared desk, which are closed again: the trainer's pages and the door look at the same ones."""
    desk().rooms.address = f"http://{HOST}"
    yield desk().rooms
    desk().rooms.close_all()
    desk().rooms.address = ""


def secrets_of(room: Room, number: int) -> list[str]:
    said = Words(desk().thresholds)
    reveal = revealed(room.stages[number - 1], room.suggest)
    found = [said.suggestion(reveal.suggestion), *reason_lines(reveal.suggestion), *mind_lines(reveal, said)]
    author = room.case.author
    return [*found, *(said.fact(fact) for fact in reveal.stage.new), *([author.because, author.learn] if author else [])]


def told(room: Room, html: str, later: int = 1) -> list[str]:
    plain = " ".join(unescape(html).split())
    hidden = [secret for stage in room.stages for secret in secrets_of(room, stage.number)]
    hidden += [stage.tell for stage in room.stages[later:]]
    return [secret for secret in hidden if " ".join(secret.split()) in plain]


# ---------------------------------------------------------------------------------------------------- by hand


def test_a_trainer_counts_by_hand_and_reveals_stage_by_stage(rooms: Rooms) -> None:
    browser = trainer()
    first = browser.post(f"/train/{CASE}/room", data={"how": "hand"})
    room, address = rooms.all()[0], first.url.path
    assert address == f"/room/{room.handle}" and room.code == "" and room.handle not in CASE
    assert told(room, first.text) == []
    assert "refresh" not in first.text, "nothing comes in by itself, so the page waits for nobody"
    shown = browser.post(address, data={"do": "count", "count-1": "1", "count-2": "4", "count-3": " 7 ", f"route-{ROUTE}": "5"}).text
    assert told(room, shown) == []
    table = page(shown).cssselect("table.rrt-room-spread")
    cells = [[words(cell) for cell in row.cssselect("th, td")][:2] for row in table[0].cssselect("tbody tr")]
    levels = desk().thresholds.levels
    assert cells == [[f"Level {n}, {levels[n].name}", count] for n, count in ((1, "1"), (2, "4"), (3, "7"), (4, "0"))]
    assert words(table[1].cssselect("tbody td")[0]) == "5"
    answers = [Answer(str(i), CASE, 1, level) for i, level in enumerate([1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3])]
    assert agreement_lines(spreads_of(answers))[0] in text(shown) and "12 people answered." in text(shown)
    seen = browser.post(address, data={"do": "reveal"}).text
    assert set(told(room, seen)) >= set(secrets_of(room, 1)[:3])
    marked = [words(row) for row in page(seen).cssselect("table.rrt-room-spread tbody tr") if "suggested" in words(row)]
    assert len(marked) == 1 and marked[0].startswith("Level 2, ")
    second = browser.post(address, data={"do": "next"}).text
    assert "Stage 2 of 3" in text(second) and room.stages[2].tell not in text(second)
    back = browser.get(f"{address}?stage=1").text
    assert "Stage 1 of 3" in text(back) and "Return to where the group is" in text(back) and "Next stage" not in text(back)


def test_the_end_gives_the_words_of_the_command_and_the_author_s_view(rooms: Rooms) -> None:
    browser = trainer()
    address = browser.post(f"/train/{CASE}/room", data={"how": "hand"}).url.path
    room = rooms.all()[0]
    assert room.case.author is not None
    counts = ((0, 2, 1, 0), (0, 1, 2, 0), (0, 3, 0, 0))
    for levels in counts:
        browser.post(address, data={"do": "count", **{f"count-{n}": str(count) for n, count in enumerate(levels, 1)}})
        assert room.case.author.because not in text(browser.post(address, data={"do": "reveal"}).text)
        last = browser.post(address, data={"do": "next"}).text
    answers = [
        Answer(f"{stage}-{i}", CASE, stage, level)
        for stage, given in enumerate(counts, 1)
        for i, level in enumerate(n for n, count in enumerate(given, 1) for _ in range(count))
    ]
    group = group_results(answers)
    said = [line for line in group_lines(group) if "answered" not in line.split(".")[0]]
    assert said and all(line in text(last) for line in said)
    assert "3 people answered 3 stages." in text(last)
    assert " ".join(room.case.author.because.split()) in text(last)


def test_two_people_counted_by_hand_are_not_taken_for_the_same_two_at_every_stage() -> None:
    answers = [Answer("0", CASE, 1, 1), Answer("1", CASE, 1, 2), Answer("0", CASE, 2, 2), Answer("1", CASE, 2, 1)]
    assert group_results(answers).kappa.name == "Cohen's kappa"
    assert group_results(answers, known_apart=False).kappa.name == "Fleiss' kappa"
    room = opened(Rooms(), seats=0)
    for levels in ((1, 1, 0, 0), (0, 1, 1, 0)):
        room.count(levels, {})
        room.show()
        room.reveal()
        room.next()
    assert room.group().kappa.name == "Fleiss' kappa"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "count-1"),
        ({"count-2": "-1"}, "count-2"),
        ({"count-3": "2.5"}, "count-3"),
        ({"count-4": "²"}, "count-4"),
        ({"count-1": str(SEATS + 1)}, "count-1"),
        ({"count-1": "99999999999999999999"}, "count-1"),
        ({"count-1": "2", f"route-{ROUTE}": "3"}, f"route-{ROUTE}"),
        ({"count-1": "2", f"route-{ROUTE}": "<b>"}, f"route-{ROUTE}"),
    ],
)
def test_a_count_that_cannot_be_is_said_beside_its_field(rooms: Rooms, typed: dict[str, str], field: str) -> None:
    browser = trainer()
    address = browser.post(f"/train/{CASE}/room", data={"how": "hand"}).url.path
    shown = page(browser.post(address, data={"do": "count", **typed}).text)
    assert [link.get("href") for link in shown.cssselect(".govuk-error-summary a")] == [f"#{field}"]
    assert shown.cssselect(f"#{field}-error")[0] is not None and not shown.cssselect("table")
    assert {name: shown.cssselect(f"#{name}")[0].get("value") or "" for name in typed} == typed
    assert rooms.all()[0].how_many() == 0


def test_counts_can_be_mended_before_the_reveal_and_not_after(rooms: Rooms) -> None:
    browser = trainer()
    address = browser.post(f"/train/{CASE}/room", data={"how": "hand"}).url.path
    browser.post(address, data={"do": "count", "count-1": "3", f"route-{ROUTE}": "2"})
    mend = page(browser.post(address, data={"do": "again"}).text)
    assert mend.cssselect("#count-1")[0].get("value") == "3" and mend.cssselect(f"#route-{ROUTE}")[0].get("value") == "2"
    browser.post(address, data={"do": "count", "count-2": "4"})
    browser.post(address, data={"do": "reveal"})
    for late in ({"do": "again"}, {"do": "count", "count-4": "9"}, {"do": "show"}):
        browser.post(address, data=late)
    assert rooms.all()[0].spread(1).levels == (0, 4, 0, 0)


def test_only_a_program_started_for_it_offers_answers_by_laptop(rooms: Rooms) -> None:
    assert "By each laptop" in text(trainer().get(f"/train/{CASE}/room").text)
    rooms.address = ""
    offered = trainer().get(f"/train/{CASE}/room").text
    assert "By each laptop" not in text(offered) and "rrt serve --room" in text(offered)
    refused = trainer().post(f"/train/{CASE}/room", data={"how": "laptops", "seats": "20"}).text
    assert "Choose how the group answers" in text(refused) and rooms.all() == []


@pytest.mark.parametrize("seats", ["", "0", "201", "-3", "many"])
def test_a_room_for_laptops_needs_a_number_of_seats(rooms: Rooms, seats: str) -> None:
    shown = page(trainer().post(f"/train/{CASE}/room", data={"how": "laptops", "seats": seats}).text)
    assert [link.get("href") for link in shown.cssselect(".govuk-error-summary a")] == ["#seats"] and rooms.all() == []


# ---------------------------------------------------------------------------------------------------- by laptop


def test_a_group_answers_on_its_laptops_while_the_projector_counts(rooms: Rooms) -> None:
    lead, app = trainer(), listening(rooms)
    projector = lead.post(f"/train/{CASE}/room", data={"how": "laptops", "seats": "12"})
    room, address = rooms.all()[0], projector.url.path
    assert f"{room.code[:3]} {room.code[3:]}" in text(projector.text) and f"http://{HOST}" in text(projector.text)
    assert "Nobody has joined yet" in text(projector.text)
    people = [laptop(app, f"10.1.2.{n}") for n in range(1, 6)]
    tokens = [joined(each, room) for each in people]
    assert len(set(tokens)) == 5
    for each, token, level in zip(people[:4], tokens, (2, 3, 3, 4), strict=False):
        assert "Your answer is in" in text(answer(each, token, level, route=ROUTE))
    waiting = lead.get(address).text
    assert "4 of 5 have answered" in text(waiting) and "5 of 12 joined" in text(waiting) and not page(waiting).cssselect("table")
    assert "Look at the screen" in text(answer(people[0], tokens[0], 2))
    shown = lead.post(address, data={"do": "show"}).text
    given = [Answer(str(i), CASE, 1, level) for i, level in enumerate((2, 3, 3, 4))]
    assert agreement_lines(spreads_of(given))[0] in text(shown)
    assert rooms.all()[0].spread(1).levels == (0, 1, 2, 1)
    assert "closed before yours came" in text(answer(people[4], tokens[4], 1))
    assert rooms.all()[0].spread(1).levels == (0, 1, 2, 1)
    lead.post(address, data={"do": "reveal"})
    seen = people[3].post("/answer", data={"token": tokens[3], "do": "look"}).text
    assert secrets_of(room, 1)[0] in text(seen) and "You went two levels higher than the suggestion." in text(seen)
    lead.post(address, data={"do": "next"})
    later = people[4].post("/answer", data={"token": tokens[4], "do": "look"}).text
    assert "Stage 2 of 3" in text(later) and page(later).cssselect("input[name=level]")


def test_nothing_is_revealed_before_the_trainer_reveals(rooms: Rooms) -> None:
    room, app = opened(rooms), listening(rooms)
    browser = laptop(app)
    start = browser.post("/", data={"code": room.code}).text
    token = token_of(start)
    pages = [start, answer(browser, token, 2), browser.post("/answer", data={"token": token, "do": "change"}).text]
    pages += [browser.post("/answer", data={"token": token, "do": do}).text for do in ("look", "reveal", "next", "show", "end")]
    room.show()
    pages += [browser.post("/answer", data={"token": token, "do": "look"}).text, trainer().get(f"/room/{room.handle}").text]
    pages += [trainer().get(f"/room/{room.handle}?stage={n}").text for n in ("1", "2", "3", "0", "-1", "x")]
    assert [told(room, html) for html in pages] == [[]] * len(pages)
    assert room.revealed(1) is None and room.revealed(2) is None
    room.reveal()
    assert set(told(room, browser.post("/answer", data={"token": token}).text)) == {secrets_of(room, 1)[0]}
    assert room.revealed(2) is None


def test_a_stage_is_shown_before_it_is_revealed_and_revealed_before_the_next(rooms: Rooms) -> None:
    room = opened(rooms)
    for do, state in (
        ("reveal", "asked"),
        ("next", "asked"),
        ("show", "shown"),
        ("next", "shown"),
        ("reveal", "revealed"),
        ("show", "revealed"),
    ):
        html = trainer().post(f"/room/{room.handle}", data={"do": do}).text
        assert (room.at, room.state) == (1, state)
        assert bool(told(room, html)) is (state == "revealed")


def test_a_page_that_waits_refreshes_itself_and_can_be_stopped(rooms: Rooms) -> None:
    room = opened(rooms)
    address = f"/room/{room.handle}"
    waiting = page(trainer().get(address).text)
    assert waiting.cssselect("meta[http-equiv=refresh]")[0].get("content") == f"5;url={address}"
    stop = next(link for link in waiting.cssselect("main a") if words(link) == "Stop that")
    still = page(trainer().get(stop.get("href")).text)
    assert not still.cssselect("meta[http-equiv=refresh]") and "Look for answers now" in words(still)
    room.show()
    assert not page(trainer().get(address).text).cssselect("meta[http-equiv=refresh]")


# ---------------------------------------------------------------------------------------------------- who might attack it


def test_the_door_of_a_room_leads_to_nothing_but_itself(rooms: Rooms) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    here = {"/": 200, "/static/rrt.css": 200, "/static/govuk.css": 200, "/place.css": 200, "/answer": 405}
    desk_pages = [
        "/rules",
        "/rules/cp_visit",
        "/train",
        f"/train/{CASE}",
        f"/room/{room.handle}",
        "/case/0",
        "/decisions",
        "/check",
        "/runs",
    ]
    files = [
        "/static/rrt.js",
        "/static/../paths.py",
        "/static/%2e%2e/paths.py",
        "/static//etc/passwd",
        "/static/",
        "/docs",
        "/openapi.json",
    ]
    for address, status in {**here, **dict.fromkeys([*desk_pages, *files], 404)}.items():
        got = browser.get(address)
        assert got.status_code == status, address
        assert {**HEADERS, "referrer-policy": "same-origin"}.items() <= dict(got.headers).items() and "set-cookie" not in got.headers
        assert got.headers["connection"] == "close" and told(room, got.text, later=0) == []
        assert room.code not in got.text and desk().book.digest[:12] not in got.text
    assert sorted(link for link in re.findall(r'(?:href|action|src)="([^"]+)"', browser.get("/").text)) == sorted(
        ["data:,", "/static/govuk.css", "/static/rrt.css", "/place.css", "/"]
    )


def test_a_code_is_random_and_has_no_letters_that_look_alike() -> None:
    assert not set("0O1IL2Z5S6G8B") & set(LETTERS) and len(set(LETTERS)) == len(LETTERS) == 23 and CODE == 6
    codes = [opened(Rooms()).code for _ in range(50)]
    assert len(set(codes)) == 50 and all(len(code) == CODE and set(code) <= set(LETTERS) for code in codes)


def test_a_code_may_be_spaced_and_in_small_letters_and_must_be_whole(rooms: Rooms) -> None:
    room, other = opened(rooms), opened(rooms, seats=0)
    assert rooms.with_code(f" {room.code[:3].lower()} {room.code[3:]} ") is room
    for wrong in (
        "",
        room.code[:5],
        room.code + room.code[-1],
        room.code[::-1] if room.code != room.code[::-1] else "x",
        "ÄÖÜ日本語",
        "\0",
    ):
        assert rooms.with_code(wrong) is None
    assert other.code == "", "a room by hand has no code that an empty field would open"
    refused = laptop(listening(rooms)).post("/", data={"code": ""})
    assert refused.status_code == 403 and token_of(refused.text) == ""


def test_codes_cannot_be_guessed_quickly(rooms: Rooms) -> None:
    clock = Clock()
    room = opened(rooms)
    app = listening(rooms, Limits(codes=Limit(3, 5, 60.0, clock), asked=Limit(1_000, 1_000, 60.0, clock)))
    wrong = ["AAAAAA" if room.code != "AAAAAA" else "CCCCCC"]
    one, two, three = laptop(app, "10.1.2.50"), laptop(app, "10.1.2.51"), laptop(app, "10.1.2.52")
    assert [one.post("/", data={"code": wrong}).status_code for _ in range(4)] == [403, 403, 403, 429]
    assert one.post("/", data={"code": room.code}).status_code == 429, "the right one is not taken either, or guessing would go on"
    assert two.post("/", data={"code": room.code}).status_code == 200
    assert two.post("/", data={"code": wrong}).status_code == 403
    late = three.post("/", data={"code": room.code})
    assert late.status_code == 429 and "Wait a minute" in text(late.text)
    clock.now += 60
    assert one.post("/", data={"code": room.code}).status_code == 200
    shipped = Limits().codes
    days = len(LETTERS) ** CODE / (shipped.every * HOURS * 3600 / shipped.seconds)
    assert days > 3_000, "a room is found by guessing once in this many working days"


def test_one_person_counts_once(rooms: Rooms) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    token = joined(browser, room)
    for level in (1, 4, 3):
        answer(browser, token, level)
    assert room.how_many() == 1
    room.show()
    assert room.spread(1).levels == (0, 0, 1, 0), "the last answer before the trainer closes is the one"


def test_a_room_itself_takes_an_answer_only_to_the_stage_it_asks() -> None:
    """Whatever stands before it: an answer that was on its way when the trainer closed the stage is too late."""
    room = opened(Rooms())
    token = room.join()
    assert token is not None and not room.answer(token, 2, 3, "") and not room.answer("", 1, 3, "")
    assert room.answer(token, 1, 3, "")
    assert room.group().spreads == () and room.spread(1).levels == (0, 0, 0, 0), "how they answer is not shown while they do"
    room.show()
    assert not room.answer(token, 1, 4, "") and room.spread(1).levels == (0, 0, 1, 0)


def test_nobody_joins_beyond_the_seats(rooms: Rooms) -> None:
    room, browser = opened(rooms, seats=2), laptop(listening(rooms))
    assert [browser.post("/", data={"code": room.code}).status_code for _ in range(4)] == [200, 200, 403, 403]
    assert room.joined() == 2


def test_a_token_that_was_not_given_out_answers_nothing(rooms: Rooms) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    token = joined(browser, room)
    assert len(token) >= 24
    for forged in ("", token[:-1], token + "x", room.handle, room.code, "../", "\0", "é" * 24):
        assert browser.post("/answer", data={"token": forged, "stage": "1", "level": "2", "do": "answer"}).status_code == 410
    assert room.how_many() == 0


def test_a_token_of_one_room_answers_in_no_other(rooms: Rooms) -> None:
    one, other, browser = opened(rooms), opened(rooms), laptop(listening(rooms))
    answer(browser, joined(browser, one), 2)
    assert (one.how_many(), other.how_many()) == (1, 0)


@pytest.mark.parametrize(
    "given", [{"level": ""}, {"level": "5"}, {"level": "²"}, {"level": "2", "route": "no_such"}, {"level": ["9", "x"]}]
)
def test_an_answer_that_is_none_is_said_beside_its_field(rooms: Rooms, given: dict[str, Any]) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    token = joined(browser, room)
    shown = page(browser.post("/answer", data={"token": token, "stage": "1", "do": "answer", **given}).text)
    field = "route" if "route" in given else "level"
    assert [link.get("href") for link in shown.cssselect(".govuk-error-summary a")] == [f"#{field}"] and room.how_many() == 0


@pytest.mark.parametrize("stage", ["0", "2", "3", "-1", "²", "", "9" * 90])
def test_an_answer_to_another_stage_is_not_taken(rooms: Rooms, stage: str) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    assert "closed before yours came" in text(answer(browser, joined(browser, room), 2, stage))
    assert room.how_many() == 0


def test_another_name_or_site_is_turned_away(rooms: Rooms) -> None:
    room, app = opened(rooms), listening(rooms)
    for host in ("evil.example", "127.0.0.1:8766", f"{HOST}.evil.example", "10.1.2.3", ""):
        got = TestClient(app, base_url=f"http://{HOST}").get("/", headers={"host": host})
        assert got.status_code == 421 and "Join" not in got.text
    plain, site = TestClient(app, base_url=f"http://{HOST}"), f"http://{HOST}"
    for origin in ("http://evil.example", "null", f"https://{HOST}", f"{site}.evil.example", ""):
        assert plain.post("/", data={"code": room.code}, headers={"origin": origin}).status_code == 403
    assert plain.post("/", data={"code": room.code}, headers={"origin": site, "sec-fetch-site": "cross-site"}).status_code == 403
    assert plain.post("/", data={"code": room.code}).status_code == 403
    assert plain.post("/", data={"code": room.code}, headers={"origin": site}).status_code == 200
    assert room.joined() == 1


def test_more_than_an_answer_is_not_taken(rooms: Rooms) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    token = joined(browser, room)
    base = {"token": token, "stage": "1", "level": "2", "do": "answer"}
    assert browser.post("/answer", data={**base, "route": "x" * LARGEST}).status_code == 413
    assert browser.post("/answer", data={**base, **{f"f{n}": "1" for n in range(20)}}).status_code == 400
    assert browser.post("/answer", data=base, files={"file": ("a.txt", b"x")}).status_code == 400
    assert browser.put("/answer", data=base).status_code == 405
    assert room.how_many() == 0
    assert LARGEST <= 8 * 1024


def test_what_is_typed_is_shown_as_text(rooms: Rooms) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    shown = browser.post("/", data={"code": '"><script>x'}).text
    assert "<script>" not in shown and page(shown).cssselect("#code")[0].get("value") == '"><script>x'
    token = joined(browser, room)
    assert "<script>" not in answer(browser, token, "<script>", route="<script>")


def test_a_flood_from_one_address_leaves_the_others(rooms: Rooms) -> None:
    clock = Clock()
    room = opened(rooms)
    app = listening(rooms, Limits(asked=Limit(5, 12, 60.0, clock)))
    flood, other = laptop(app, "10.1.2.66"), laptop(app, "10.1.2.67")
    assert [flood.get("/").status_code for _ in range(7)] == [200] * 5 + [429] * 2
    said = flood.get("/")
    assert said.headers["retry-after"] == "60" and said.headers["content-type"].startswith("text/plain")
    assert other.post("/", data={"code": room.code}).status_code == 200
    clock.now += 60
    assert flood.get("/").status_code == 200


def test_a_limit_forgets_addresses_and_holds_few() -> None:
    clock = Clock()
    limit = Limit(1, 10, 60.0, clock)
    assert [limit.take(f"fd00::{n}") for n in range(15)] == [True] * 10 + [False] * 5
    assert len(limit._by_address) == 10
    assert limit.full("fd00::99")
    clock.now += 59.9
    assert limit.full("fd00::99") and limit.wait() == 1
    clock.now += 0.2
    assert not limit.full("fd00::99") and limit._by_address == {}
    limit.count("a")
    assert limit.full("a") and not limit.full("b")


def test_slow_senders_do_not_keep_others_out(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that sends its answers for ever holds its own few places, for so long; everybody else is answered meanwhile."""
    monkeypatch.setattr(room_door, "SECONDS", 0.3)
    app = listening(rooms)

    async def ask(address: str, slow: bool) -> int:
        headers = [
            (b"host", HOST.encode()),
            (b"origin", f"http://{HOST}".encode()),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ]
        method = "POST" if slow else "GET"
        scope = {"type": "http", "method": method, "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            if slow:
                await asyncio.sleep(0.05)
            return {"type": "http.request", "body": b"c" if slow else b"", "more_body": slow}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        await app({**scope, "client": (address, 1), "server": ("10.1.2.3", PORT), "scheme": "http", "http_version": "1.1"}, receive, send)
        return statuses[0]

    async def attack() -> tuple[list[int], int]:
        slow = [asyncio.create_task(ask("10.1.2.66", slow=True)) for _ in range(AT_ONCE + 4)]
        await asyncio.sleep(0.1)
        between = await ask("10.1.2.67", slow=False)
        assert not all(each.done() for each in slow)
        return list(await asyncio.gather(*slow)), between

    statuses, between = asyncio.run(attack())
    assert between == 200
    assert sorted(statuses) == [408] * AT_ONCE + [429] * 4


# ---------------------------------------------------------------------------------------------------- forgotten


def test_a_closed_room_is_forgotten(rooms: Rooms) -> None:
    room, browser = opened(rooms), laptop(listening(rooms))
    token = joined(browser, room)
    answer(browser, token, 2)
    left = trainer().post(f"/room/{room.handle}", data={"do": "close"})
    assert left.url.path == "/train" and "Rooms that are open" not in text(left.text)
    assert rooms.all() == [] and rooms.with_code(room.code) is None and rooms.of(token) is None
    gone = browser.post("/answer", data={"token": token, "stage": "1", "level": "2", "do": "answer"})
    assert gone.status_code == 410 and "closed" in text(gone.text)
    assert trainer().get(f"/room/{room.handle}").status_code == 404


def test_a_room_ends_after_a_working_day() -> None:
    clock = Clock()
    rooms = Rooms(clock=clock)
    room = opened(rooms)
    clock.now += HOURS * 3600
    assert rooms.all() == [room]
    clock.now += 1
    assert rooms.find(room.handle) is None and rooms.with_code(room.code) is None


def test_so_many_rooms_and_no_more() -> None:
    rooms = Rooms()
    for _ in range(ROOMS):
        opened(rooms)
    with pytest.raises(InputError, match="rooms are open already"):
        opened(rooms)


# ---------------------------------------------------------------------------------------------------- where it listens


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.168.1.20", "192.168.1.20", None),
        ("192.168.1.20:9000", "192.168.1.20", 9000),
        ("fd00::20", "fd00::20", None),
        ("[fd00::20]:9000", "fd00::20", 9000),
        ("[fd00::20]", "fd00::20", None),
    ],
)
def test_where_a_room_listens_is_said_by_an_address_and_a_port(text: str, host: str, port: int | None) -> None:
    assert (where_given(text).host, where_given(text).port) == (host, port)


@pytest.mark.parametrize(
    "text",
    ["", "0.0.0.0", "::", "[::]:80", "everywhere", "10.1.2.3:", "10.1.2.3:0", "10.1.2.3:65536", "10.1.2.3:x", "fe80::1%eth0", "224.0.0.1"],
)
def test_a_room_listens_at_one_address_and_never_at_all_of_them(text: str) -> None:
    with pytest.raises(InputError):
        where_given(text)


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="go together"):
        where_given("10.1.2.3", tmp_path / "cert.pem")


def test_an_address_of_another_computer_is_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.99"), room_listener(desk(), where_given("192.0.2.99")):
        pass


def test_with_tls_who_does_not_begin_it_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "HEAD_SECONDS", 0.3)
    held = replace(desk(), rooms=Rooms())
    with room_listener(held, where_given("127.0.0.1", TLS / "certificate.pem", TLS / "key.pem")) as address:
        assert address.startswith("https://127.0.0.1:")
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as silent:
            assert silent.recv(1) == b"", "the connection is closed"


def test_with_tls_the_door_is_as_without() -> None:
    held, trust = replace(desk(), rooms=Rooms()), ssl.create_default_context(cafile=str(TLS / "certificate.pem"))
    trust.check_hostname = False
    with room_listener(held, where_given("127.0.0.1", TLS / "certificate.pem", TLS / "key.pem")) as address:
        browser = http.client.HTTPSConnection("127.0.0.1", int(address.rpartition(":")[2]), timeout=10, context=trust)
        browser.request("GET", "/")
        got = browser.getresponse()
        assert got.status == 200 and got.getheader("referrer-policy") == "no-referrer" and "Join the room" in text(got.read().decode())
        browser.close()


def asked(port: int, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    """Ask a server that listens on this computer, over the network."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"origin": f"http://127.0.0.1:{port}", "content-type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, path, urlencode(form) if form else None, headers)
    got = connection.getresponse()
    found = got.status, got.read().decode()
    connection.close()
    return found


@pytest.mark.parametrize("wanted", [True, False])
def test_a_room_s_address_listens_only_when_the_trainer_says_so(wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rrt serve` itself, but for the pages of the desk: with `--room` a second address holds the door alone, until the program ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served: list[tuple[int, str]] = []

    def serve(held: Desk, listener: socket.socket, *_: object, **__: object) -> None:
        listener.close()
        assert held.rooms.address == (f"http://127.0.0.1:{port}" if wanted else "")
        if wanted:
            room = opened(held.rooms)
            served.extend(asked(port, "GET", path) for path in ("/", "/train", f"/room/{room.handle}"))
            status, question = asked(port, "POST", "/", {"code": room.code})
            sent = {"token": token_of(question), "stage": "1", "level": "3", "do": "answer"}
            served.extend([(status, ""), asked(port, "POST", "/answer", sent), (room.how_many(), "")])
        else:
            with pytest.raises(ConnectionRefusedError):
                asked(port, "GET", "/")

    monkeypatch.setattr("rrt_engine.web.server.serve", serve)
    monkeypatch.setattr("rrt_engine.web.desk.open_desk", lambda *_: replace(desk(), rooms=Rooms()))
    program = typer.Typer()
    program.command()(serve_command)
    result = CliRunner().invoke(program, ["--no-browser", *(["--room", f"127.0.0.1:{port}"] if wanted else [])])
    assert result.exit_code == 0, result.output
    assert [status for status, _ in served] == ([200, 404, 404, 200, 200, 1] if wanted else [])
    assert (f"join at http://127.0.0.1:{port}/" in result.output) is wanted
    with pytest.raises(ConnectionRefusedError):
        asked(port, "GET", "/")
