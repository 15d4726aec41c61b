"""Train, one learner: a commit before anything is shown, the words of `rrt train`, and nothing in a page that was not committed to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import unescape
from typing import Any

import pytest
import typer
from starlette.testclient import TestClient
from typer.testing import CliRunner

from rrt_engine.cli_training import train_command
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.training import ASK, Session, Words, mind_lines, reason_lines, revealed, stages
from rrt_engine.web.train_page import LONGEST
from rrt_engine.words import AUTHORITY_WORDS, MARK_WORDS
from tests.web import client, desk, page, words

CASE = "T-COLD-FLAT"
SOME = (CASE, "T-ALONE-TONIGHT", "T-BELT", "T-CALLED-AUNTIE", "T-UNSIGNED-LETTER")
ROUTE = "family_help_targeted"
app = typer.Typer()
app.command("train")(train_command)
app.command("other")(lambda: None)


@cache
def browser() -> TestClient:
    return client()


def started(case: str = CASE) -> Session:
    found = desk().training()[case]
    return Session(found, desk().suggests(found), stages(found, desk().today.day), desk().thresholds.significant)


def book() -> ThresholdBook:
    return desk().thresholds


def ask(case: str = CASE, **fields: str | list[str]) -> str:
    """A form sent as the page sends it; `_1` at the end of a name stands for `-1`."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    answer = browser().post(f"/train/{case}", data=named)
    assert answer.status_code == 200
    return answer.text


def text(html: str) -> str:
    return words(page(html).cssselect("main")[0])


def fields(html: str) -> dict[str, list[str]]:
    """What the form of a page would send, with nothing typed into it."""
    found: dict[str, list[str]] = {}
    for field in page(html).cssselect("form input, form select option[selected], form textarea"):
        if field.tag == "option":
            name, value = field.getparent().get("name"), field.get("value")
        elif field.get("type") == "radio" and field.get("checked") is None:
            continue
        else:
            name, value = field.get("name"), field.get("value") or field.text or ""
        found.setdefault(name, []).append(value.lstrip("\n"))
    return found


@cache
def secrets_of(case: str, number: int) -> tuple[str, ...]:
    """Every sentence that stands behind the suggestion of a stage, and the author's view: none may be told before its time."""
    return tuple(_secrets(started(case), number))


def _secrets(session: Session, number: int) -> Iterator[str]:
    said, stage = Words(book()), session.stages[number - 1]
    reveal = revealed(stage, session.suggest)
    yield said.suggestion(reveal.suggestion)
    yield from reason_lines(reveal.suggestion)
    yield from mind_lines(reveal, said)
    yield from (said.fact(fact) for fact in stage.new)
    if session.case.author:
        yield said.author(session.case.author)
        yield from (part.strip() for part in (session.case.author.because, session.case.author.learn) if part)


def told(session: Session, html: str, numbers: Iterator[int] | range, later: int) -> list[str]:
    """What of the secrets of some stages, and of the story told after a stage, is in a page, wherever it stands in it."""
    plain = " ".join(unescape(html).split())
    hidden = [secret for number in numbers for secret in secrets_of(session.case.id, number)]
    hidden += [" ".join(stage.tell.split()) for stage in session.stages[later:]]
    return [secret for secret in hidden if " ".join(secret.split()) in plain]


def committed(*levels: int) -> dict[str, Any]:
    """The hidden fields of commits to the first stages."""
    return {"committed": [str(n) for n, _ in enumerate(levels, 1)], **{f"level-{n}": str(level) for n, level in enumerate(levels, 1)}}


# ---------------------------------------------------------------------------------------------------- the list


def test_every_bundled_case_can_be_chosen() -> None:
    shown = page(browser().get("/train").text)
    named = [words(each) for each in shown.cssselect(".rrt-train-cases__title")]
    assert [name.lower() for name in named] == [case.title.lower() for case in desk().training().values()]
    for case in desk().training().values():
        assert browser().get(f"/train/{case.id}").status_code == 200
        assert f"{len(stages(case))} stages" in words(shown)


def test_a_case_that_is_not_there_is_said() -> None:
    for address in ("/train/T-NOBODY", "/train/T-NOBODY/handout", "/train/T-NOBODY/room", "/train/..%2f..%2fetc%2fpasswd"):
        assert browser().get(address).status_code == 404


# ---------------------------------------------------------------------------------------------------- commit first


def test_nothing_is_in_a_page_that_was_not_committed_to() -> None:
    for case in SOME:
        session = started(case)
        first = browser().get(f"/train/{case}").text
        assert " ".join(session.stages[0].tell.split()) in text(first)
        assert told(session, first, range(1, len(session.stages) + 1), later=1) == []
        unseen = ask(case, at="1", do="next", **{"level-1": "2"})
        assert " ".join(session.stages[1].tell.split()) in text(unseen)
        assert told(session, unseen, range(1, len(session.stages) + 1), later=2) == []
        seen = ask(case, at="1", do="reveal", **{"level-1": "2"})
        assert len(told(session, seen, range(1, 2), later=1)) > 2, "once committed to, it is told: so the search finds what it looks for"


FORGED: tuple[dict[str, str | list[str]], ...] = (
    {"do": "reveal"},
    {"seen": "1"},
    {"at": "1", "seen": ["1", "2", "3"], "do": "reveal"},
    {"at": "3", "do": "reveal", "level-3": "2"},
    {"at": "3", "do": "end", "level-3": "2", "committed": "3", "seen": "3"},
    {"at": "1", "do": "end", "level-1": "9", "committed": ["1", "2", "3"], "level-2": "2", "level-3": "2", "seen": ["1", "2", "3"]},
    {"at": "1", "committed": "1", "seen": "1", "level-1": ""},
    {"at": "1", "committed": "1", "seen": "1", "level-1": "2", "route-1": "no_such_route"},
    {"at": "1", "committed": "1", "seen": "1", "level-1": "2", "because-1": "x" * (LONGEST + 1)},
    {"at": "1", "committed": "01", "seen": "01", "level-1": "2"},
    {"at": "1", "committed": "1", "seen": "1", "level-1": "²"},
    {"at": "-1", "do": "next"},
    {"at": "999999999999999999999999", "do": "reveal"},
    {"at": "٣", "do": "reveal"},
)


@pytest.mark.parametrize("forged", FORGED)
def test_a_form_written_by_hand_reveals_nothing_without_a_commit(forged: dict[str, str | list[str]]) -> None:
    session = started()
    html = browser().post(f"/train/{CASE}", data=forged).text
    assert told(session, html, range(1, 4), later=1) == []
    assert "Stage 1 of 3" in text(html)


def test_a_forged_commit_reveals_its_own_stage_and_no_other() -> None:
    session = started()
    html = ask(at="3", do="", seen=["1", "2", "3"], **committed(2))
    assert told(session, html, range(1, 4), later=2) == []  # stage 2 is shown, to commit to
    seen = ask(at="1", do="", seen=["1", "2", "3"], **committed(2))
    assert Words(book()).suggestion(revealed(session.stages[0], session.suggest).suggestion) in text(seen)
    assert "seen" not in fields(seen) or fields(seen)["seen"] == ["1"]


def test_nothing_is_taken_from_an_address() -> None:
    html = browser().get(f"/train/{CASE}?committed=1&level-1=2&seen=1&do=reveal&at=1").text
    assert told(started(), html, range(1, 4), later=1) == [] and not page(html).cssselect(".govuk-error-summary")


def test_a_commit_needs_a_level_and_says_so_beside_the_field() -> None:
    html = page(ask(at="1", do="reveal", **{"because-1": "It is <b>cold</b>"}))
    assert html.cssselect("title")[0].text.startswith("Error: ")
    assert [each.get("href") for each in html.cssselect(".govuk-error-summary a")] == ["#level-1"]
    assert html.cssselect("#level-1")[0].get("name") == "level-1"
    assert "Choose the level you see" in words(html.cssselect("#level-1-error")[0])
    assert html.cssselect("textarea")[0].text.strip() == "It is <b>cold</b>"


def test_a_reason_may_have_many_lines_and_an_end() -> None:
    kept = ask(at="1", do="next", **{"level-1": "2", "because-1": "a\r\n" * (LONGEST // 2 - 1)})
    assert "Stage 2 of 3" in text(kept), "a new line counts once, however the browser sends it"
    long = page(ask(at="1", do="next", **{"level-1": "2", "because-1": "a" * (LONGEST + 1)}))
    assert [link.get("href") for link in long.cssselect(".govuk-error-summary a")] == ["#because-1"]


def test_what_is_typed_is_shown_as_text() -> None:
    html = ask(at="1", do="reveal", **{"level-1": "2", "because-1": '<script>alert(1)</script>"{{ 7 * 7 }}'})
    assert "<script>alert" not in html and "{{ 7 * 7 }}" in text(html)
    assert fields(html)["because-1"] == ['<script>alert(1)</script>"{{ 7 * 7 }}']


# ---------------------------------------------------------------------------------------------------- then see


def test_a_page_says_what_the_command_says() -> None:
    said = CliRunner().invoke(app, ["train", CASE, "--commits", f"3:{ROUTE},2,2"])
    assert said.exit_code == 0
    command = " ".join(line.removeprefix("- ") for line in " ".join(said.output.split()).split(" - "))
    levels = {"level-1": "3", "route-1": ROUTE, "level-2": "2", "level-3": "2"}
    shown = page(ask(at="3", do="end", committed=["1", "2", "3"], **levels))
    lines = [words(line) for line in shown.cssselect("main ul > li")]
    rests = {words(each) for part in shown.cssselect("h4") if words(part) == "What it rests on" for each in part.getnext()}
    checked = [line for line in lines if line not in rests]
    assert len(checked) > 15
    for line in checked:
        assert " ".join(line.replace(" - ", " ").split()) in command
    author = desk().training()[CASE].author
    assert author is not None
    assert " ".join(author.because.split()) in words(shown) and " ".join(author.learn.split()) in words(shown)
    assert words(shown).count("You said: level 3, Additional Needs; Family Help: targeted help") == 1


def test_a_reveal_says_how_the_commit_stands_to_it_and_what_it_rests_on() -> None:
    shown = page(ask(at="1", do="reveal", **{"level-1": "4", "route-1": ROUTE}))
    said = words(shown)
    assert "You went two levels higher than the suggestion." in said and "Your route is not among those of the suggestion" in said
    rules = [a.get("href").rpartition("/")[2] for a in shown.cssselect("main li a.rrt-id")]
    suggestion = revealed(started().stages[0], started().suggest).suggestion
    assert rules and set(rules) <= {reason.rule for reason in suggestion.reasons}
    for reason in (each for each in suggestion.reasons if each.rule in rules):
        assert f"{reason.source} ({AUTHORITY_WORDS[reason.authority]}; {MARK_WORDS[reason.verified]})" in said
    assert all(browser().get(f"/rules/{rule}").status_code in (200, 404) for rule in rules[:1])


# ---------------------------------------------------------------------------------------------------- back and forward


def test_a_learner_goes_forward_and_back_and_loses_nothing() -> None:
    one = ask(at="1", do="reveal", **{"level-1": "3", "because-1": "first\r\nsecond"})
    two = browser().post(f"/train/{CASE}", data={**fields(one), "do": "next"}).text
    assert "Stage 2 of 3" in text(two) and "The story so far" in text(two)
    drafted = {**fields(two), "level-2": "1", "route-2": ROUTE, "because-2": "a draft", "do": "back"}
    back = browser().post(f"/train/{CASE}", data=drafted).text
    assert "Stage 1 of 3" in text(back) and "You said: level 3, Additional Needs; because first second." in text(back)
    again = browser().post(f"/train/{CASE}", data={**fields(back), "do": "next"}).text
    assert {name: fields(again)[name] for name in ("level-2", "route-2", "because-2")} == {
        "level-2": ["1"],
        "route-2": [ROUTE],
        "because-2": ["a draft"],
    }
    assert fields(again)["committed"] == ["1"] and fields(again)["because-1"] == ["first\nsecond"]


def test_what_was_said_can_be_changed_until_the_suggestion_is_seen() -> None:
    kept = ask(at="1", do="", **committed(3))
    assert "You said: level 3" in text(kept) and "See what is suggested here" in text(kept)
    assert told(started(), kept, range(1, 4), later=1) == []
    unseen = ask(at="1", do="change", **committed(3))
    assert page(unseen).cssselect("input[type=radio][checked]")[0].get("value") == "3" and "committed" not in fields(unseen)
    seen = ask(at="1", do="change", seen="1", **committed(3))
    assert "You said: level 3" in text(seen) and not page(seen).cssselect("input[type=radio]")
    assert "Change what I said" not in text(seen)


def test_the_end_comes_after_every_stage_and_not_before() -> None:
    early = ask(at="2", do="end", **committed(2), **{"level-2": "2"})
    assert "The end of the case" not in text(early) and "Stage 2 of 3" in text(early)
    end = ask(at="3", do="end", **committed(2, 2), **{"level-3": "2"})
    assert "The end of the case" in text(end) and fields(end)["committed"] == ["1", "2", "3"]
    back = browser().post(f"/train/{CASE}", data={**fields(end), "do": ""}).text
    assert "Stage 3 of 3" in text(back)


# ---------------------------------------------------------------------------------------------------- the handout


def test_a_handout_prints_without_answers_and_with_them_after_every_commit() -> None:
    session = started()
    plain = browser().get(f"/train/{CASE}/handout").text
    assert told(session, plain, range(1, 4), later=3) == []
    assert all(" ".join(stage.tell.split()) in text(plain) for stage in session.stages) and ASK in text(plain)
    early = browser().post(f"/train/{CASE}/handout", data=committed(2, 2))
    assert early.status_code == 200 and told(session, early.text, range(1, 4), later=3) == []
    asked = browser().get(f"/train/{CASE}/handout?committed=1&committed=2&committed=3&level-1=2&level-2=2&level-3=2").text
    assert told(session, asked, range(1, 4), later=3) == []
    key = browser().post(f"/train/{CASE}/handout", data=committed(2, 2, 2)).text
    author = session.case.author
    assert author is not None and " ".join(author.because.split()) in text(key)
    for number in range(1, 4):
        assert Words(book()).suggestion(revealed(session.stages[number - 1], session.suggest).suggestion) in text(key)


def test_nothing_is_stored_and_nobody_is_scored() -> None:
    answer = browser().post(f"/train/{CASE}", data={"at": "3", "do": "end", **committed(1, 2, 3)})
    assert "set-cookie" not in answer.headers and answer.headers["cache-control"] == "no-store"
    assert "score" not in text(answer.text).lower() and CASE not in page(answer.text).cssselect("title")[0].text
