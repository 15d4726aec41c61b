"""Record a decision, and the record: what a page records is what the command records, once, and only when it may be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from rrt_engine import decisions as kept
from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app
from rrt_engine.decision import Entry
from rrt_engine.paths import CASES
from rrt_engine.reports.decision_words import row_words
from rrt_engine.reports.suggestion_words import said_of
from rrt_engine.web import decide_page
from rrt_engine.web.desk import Desk
from rrt_engine.web.once import Once
from tests.web import AS_OF, client, desk, page, words

SOFA, REFUSED, NO_FACTS = "T-SOFA", "T-NO-THANK-YOU", "S001"
HOSTILE = "<script>alert(1)</script>"


@cache
def _desk() -> Desk:
    return replace(desk(), once=Once())


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    """A desk with a record of its own, which is not there yet."""
    held = _desk()
    before, held.record = held.record, tmp_path / "record.sqlite"
    yield held
    held.record = before


@pytest.fixture
def browser(at: Desk) -> TestClient:
    return client(at)


def of(at: Desk, case: str) -> str:
    """The address of the form for a case of the data."""
    return f"/decide/{at.find(case)[0]}?as_of={AS_OF}"


def hidden(text: str) -> dict[str, Any]:
    """The hidden fields of the form that records."""
    form = next(f for f in page(text).cssselect("form") if f.cssselect("input[value=record]"))
    return {field.get("name"): field.get("value") for field in form.cssselect("input[type=hidden]")}


def sent(browser: TestClient, address: str, **fields: Any) -> Any:
    """The form of a case, filled in and sent."""
    return browser.post("/decide", data={**hidden(browser.get(address).text), **fields})


def every(at: Desk) -> list[Entry]:
    with kept.open_record(at.record) as record:
        return list(kept.entries(record))


def suggestion(at: Desk, case: str) -> Any:
    found = at.check(at.case(at.held(at.find(case)[0])), parse_moment(AS_OF)).suggestion  # type: ignore[arg-type]
    assert found is not None
    return found


def agreeing(at: Desk, case: str) -> dict[str, Any]:
    found = suggestion(at, case)
    return {"level": str(found.level), "pathway": list(found.pathways), "role": "team_manager"}


def errors(text: str) -> dict[str, str]:
    """What is wrong, by the field it leads to, as the summary says it."""
    return {a.get("href").removeprefix("#"): words(a) for a in page(text).cssselect(".govuk-error-summary a")}


# ------------------------------------------------------------------------------------------------ the form


def test_the_form_shows_what_is_suggested_and_asks_for_every_level_and_pathway_with_those_suggested_first(
    at: Desk, browser: TestClient
) -> None:
    answer = browser.get(of(at, SOFA))
    shown, found = page(answer.text), suggestion(at, SOFA)
    assert said_of(found, at.thresholds).headline in words(shown)
    boxes = [box.get("value") for box in shown.cssselect("input[name=pathway]")]
    assert tuple(boxes[: len(found.pathways)]) == found.pathways
    assert sorted(boxes) == sorted(at.thresholds.pathways)
    legends = [words(legend) for legend in shown.cssselect("fieldset fieldset legend")]
    assert legends[:2] == ["Suggested", "An emergency"]
    named = {label.get("for"): words(label) for label in shown.cssselect("label")}
    assert {named[box.get("id")] for box in shown.cssselect("input[name=pathway]")} == {p.label for p in at.thresholds.pathways.values()}
    assert [named[r.get("id")] for r in shown.cssselect("input[name=level]")] == [
        f"Level {n}, {at.thresholds.levels[n].name}" for n in (1, 2, 3, 4)
    ]
    assert not shown.cssselect("input[checked]"), "nothing is chosen before a person has"
    assert SOFA not in shown.findtext(".//title") and not at.record.exists()


def test_looking_at_a_form_makes_no_record(at: Desk, browser: TestClient) -> None:
    for address in (of(at, SOFA), "/decisions", "/decisions/1", "/decisions/verify"):
        assert browser.get(address).status_code == 200
    assert "There is no record of decisions yet" in words(page(browser.get("/decisions").text))
    assert not at.record.exists()


@pytest.mark.parametrize(("case", "file"), [(SOFA, "sofa.yaml"), (REFUSED, "no_thank_you.yaml")])
@pytest.mark.parametrize("by_text", [False, True])
def test_what_is_recorded_is_what_the_command_records(
    case: str, file: str, by_text: bool, at: Desk, browser: TestClient, tmp_path: Path
) -> None:
    path, other = CASES / "training" / file, tmp_path / "other.sqlite"
    reason, why = "A reason that names nobody.", "The risk is too great to wait."
    typed = ["--level", "2", "--pathway", "universal", "--pathway", "lado", "--by", "team_manager", "--reason", reason]
    ran = CliRunner().invoke(
        app, ["decide", str(path), *typed, "--consent-override", why, "--as-of", AS_OF, "--record", str(other), "--yes"]
    )
    assert ran.exit_code == 0, ran.output
    fields = {"level": "2", "pathway": ["universal", "lado"], "role": "team_manager", "reason": reason, "override": why}
    if by_text:
        begun = browser.post("/decide", data={"case_text": path.read_text(encoding="utf-8"), "as_of": AS_OF, "begin": "yes"})
        assert not page(begun.text).cssselect(".govuk-error-summary")
        answer = browser.post("/decide", data={**hidden(begun.text), **fields})
    else:
        answer = sent(browser, of(at, case), **fields)
    assert answer.url.path == "/decisions/1", errors(answer.text)
    with kept.open_record(other) as record:
        (command,) = map(kept.as_fields, kept.entries(record))
    (served,) = map(kept.as_fields, every(at))
    never_the_same = {"at", "hash"}
    assert {k: v for k, v in served.items() if k not in never_the_same} == {k: v for k, v in command.items() if k not in never_the_same}


def test_after_recording_the_number_and_the_hash_are_shown_and_a_reload_records_nothing(at: Desk, browser: TestClient) -> None:
    answer = sent(browser, of(at, SOFA), **agreeing(at, SOFA))
    (entry,) = every(at)
    assert answer.history[0].status_code == 303
    shown = words(page(answer.text))
    assert f"Recorded as entry 1 of {at.record}." in shown and entry.hash in shown
    assert "The decision agrees with what was suggested." in shown
    assert browser.get(str(answer.url)).status_code == 200 and len(every(at)) == 1


# ------------------------------------------------------------------------------------------------ what must be said


def test_an_empty_form_says_at_each_field_what_to_do_and_records_nothing(at: Desk, browser: TestClient) -> None:
    answer = sent(browser, of(at, SOFA))
    assert answer.status_code == 422 and page(answer.text).findtext(".//title").startswith("Error: ")
    assert errors(answer.text) == {
        "level": "Choose the level that was decided",
        "pathway": "Choose at least one pathway",
        "role": "Give the role of the person who decided, such as team manager, and no name",
    }
    ids = {element.get("id") for element in page(answer.text).iter() if element.get("id")}
    assert set(errors(answer.text)) <= ids
    assert not at.record.exists()


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"level": "3"}, "reason", "level 4 was suggested and level 3 decided"),
        ({"level": "9"}, "level", "Choose the level"),
        ({"pathway": ["family_help_s17"]}, "reason", "is needed where they differ"),
        ({"pathway": ["nonsense"]}, "pathway", "Unknown pathway"),
        ({"role": "team manager 7"}, "role", "is not a role"),
        ({"role": "x" * 100_000}, "role", "is not a role"),
        ({"reason": "a" * 1001}, "reason", "1,001 characters"),
        ({"override": "a" * 1001}, "override", "1,000 characters at most"),
    ],
)
def test_a_mistake_is_said_beside_its_field_in_words_of_the_page(
    changed: dict[str, Any], field: str, said: str, at: Desk, browser: TestClient
) -> None:
    answer = sent(browser, of(at, SOFA), **{**agreeing(at, SOFA), **changed})
    found = errors(answer.text)
    assert answer.status_code == 422 and list(found) == [field], found
    assert said.lower() in found[field].lower() and "--" not in found[field] and len(found[field]) < 2_000
    beside = page(answer.text).cssselect(f"#{field}-error")
    assert beside and found[field] in words(beside[0])
    assert not at.record.exists()


def test_what_is_left_out_that_stands_whatever_the_level_needs_a_reason_and_is_named_as_the_boxes_name_it(
    at: Desk, browser: TestClient
) -> None:
    found = suggestion(at, "T-ALONE-TONIGHT")
    assert "police_999_emergency" in found.pathways
    left = {"level": "4", "pathway": "s47_strategy_discussion", "role": "team manager"}
    said = errors(sent(browser, of(at, "T-ALONE-TONIGHT"), **left).text)["reason"]
    assert at.thresholds.pathways["police_999_emergency"].label in said and "police_999_emergency" not in said
    assert sent(browser, of(at, "T-ALONE-TONIGHT"), **left, reason="They were rung before.").url.path == "/decisions/1"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ("", "Nothing is suggested for this case"),
        ("facts:\n  - {fact: da_current, value: unknown}\n", "Nothing recorded points to extra need yet"),
        ("facts:\n  - {fact: da_current, value: severe, evidence: refuted}\n", "Nothing recorded points to extra need yet"),
    ],
)
def test_a_case_without_facts_about_need_has_no_level_suggested_and_needs_a_reason(
    facts: str, said: str, at: Desk, browser: TestClient
) -> None:
    text = f"case: C-1\nchild: {{date_of_birth: 2019-03-02}}\nevents:\n  - {{event: referral_received, at: 2026-04-07}}\n{facts}"
    begun = browser.post("/decide", data={"case_text": text, "as_of": AS_OF, "begin": "yes"})
    assert said in words(page(begun.text)) and "so whatever is decided needs its reason" in words(page(begun.text))
    shown = page(begun.text)
    legends = [words(legend) for legend in shown.cssselect("fieldset fieldset legend")]
    assert "Suggested" not in legends, "no level is suggested, so no route of one is"
    boxes = {box.get("value") for box in shown.cssselect("input[name=pathway]")}
    assert boxes == set(at.thresholds.pathways), "and any may be decided"
    panel = words(shown.cssselect("section[aria-labelledby=suggested]")[0])
    assert at.thresholds.pathways["universal"].label not in panel and "When:" not in panel
    fields = {"level": "1", "pathway": "universal", "role": "team_manager"}
    answer = browser.post("/decide", data={**hidden(begun.text), **fields})
    assert list(errors(answer.text)) == ["reason"]
    answer = browser.post("/decide", data={**hidden(answer.text), **fields, "reason": "Nothing came of it."})
    assert answer.url.path == "/decisions/1" and every(at)[0].decision.suggested.level is None
    why = "; no recorded fact said anything of need" if facts else ""
    assert f"no level was suggested{why}." in words(page(answer.text)), "whatever facts there are"


def test_what_is_suggested_whatever_the_level_stays_so_where_no_level_is(
    at: Desk, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    duty = "police_999_emergency"
    found = suggestion(at, "T-ALONE-TONIGHT")
    routes = [p for p in found.pathways if at.thresholds.pathways[p].level is not None]
    assert duty in found.pathways and routes
    whole = decide_page.for_the_record
    monkeypatch.setattr(decide_page, "for_the_record", lambda *given: replace(whole(*given), level=None))
    shown = page(browser.get(of(at, "T-ALONE-TONIGHT")).text)
    first = next(f for f in shown.cssselect("fieldset fieldset") if words(f.cssselect("legend")[0]) == "Suggested")
    boxes = [box.get("value") for box in first.cssselect("input")]
    assert duty in boxes and not set(boxes) & set(routes)
    items = {words(item) for item in shown.cssselect("section[aria-labelledby=suggested] li")}
    assert items == {at.thresholds.pathways[p].label for p in boxes}


def test_acting_without_consent_needs_its_reason_and_the_case_may_give_it(at: Desk, browser: TestClient) -> None:
    text = (
        "case: C-2\nchild: {date_of_birth: 2019-03-02}\nevents:\n  - {event: referral_received, at: 2026-04-07}\nfacts:\n"
        '  - {fact: consent_status, value: refused, evidence: observed, "on": 2026-04-07}\n'
    )
    fields = {"level": "3", "pathway": "family_help_targeted", "role": "team_manager", "reason": "The school asked."}
    begun = browser.post("/decide", data={"case_text": text, "as_of": AS_OF})
    assert page(begun.text).cssselect("textarea#override")
    found = errors(browser.post("/decide", data={**hidden(begun.text), **fields}).text)
    assert list(found) == ["override"] and "consent is recorded as refused" in found["override"].lower()
    said = text + '  - {fact: consent_override_reason, value: statutory_duty, evidence: observed, "on": 2026-04-07}\n'
    begun = browser.post("/decide", data={"case_text": said, "as_of": AS_OF})
    assert "recorded unless you give another: statutory duty" in words(page(begun.text))
    assert browser.post("/decide", data={**hidden(begun.text), **fields}).url.path == "/decisions/1"
    assert every(at)[0].decision.suggested.consent_override_reason == "statutory_duty"


def test_a_reason_in_several_lines_is_taken_as_browsers_send_it(at: Desk, browser: TestClient) -> None:
    typed = "The first line.\r\n\r\nThe second."
    answer = sent(browser, of(at, SOFA), **agreeing(at, SOFA), reason=typed, override=typed)
    assert answer.url.path == "/decisions/1", errors(answer.text)
    decision = every(at)[0].decision
    assert decision.reason == decision.suggested.consent_override_reason == "The first line.\n\nThe second."


# ------------------------------------------------------------------------------------------------ names


def test_what_looks_like_a_name_is_shown_and_is_recorded_only_once_confirmed(at: Desk, browser: TestClient) -> None:
    fields = {**agreeing(at, SOFA), "reason": "Karen Smith agreed. Ring 0121 496 0000."}
    asked = sent(browser, of(at, SOFA), **fields)
    shown = words(page(asked.text))
    assert "`Karen Smith` looks like a person's name" in shown and "`0121 496 0000` looks like a telephone number" in shown
    assert list(errors(asked.text)) == ["confirm"] and not at.record.exists()
    kept_ = page(asked.text).cssselect("textarea#reason")[0].text
    assert kept_.strip() == fields["reason"], "what was typed is still there"
    box = page(asked.text).cssselect("#confirm")[0].get("value")
    other = {**hidden(asked.text), **fields, "confirm": box, "reason": "Anil Patel agreed. Ring 0121 496 0000."}
    again = browser.post("/decide", data=other)
    assert list(errors(again.text)) == ["confirm"] and not at.record.exists(), "what was confirmed is not this"
    done = browser.post("/decide", data={**hidden(again.text), **fields, "confirm": box})
    assert done.url.path == "/decisions/1" and every(at)[0].decision.reason == fields["reason"]


# ------------------------------------------------------------------------------------------------ once


def test_a_double_click_records_once(at: Desk, browser: TestClient) -> None:
    form = {**hidden(browser.get(of(at, SOFA)).text), **agreeing(at, SOFA)}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client(at).post("/decide", data=form), range(4)))
    assert {answer.url.path for answer in answers} == {"/decisions/1"} and len(every(at)) == 1


def test_a_form_that_is_changed_and_sent_again_says_so_and_records_the_other_only_when_told_to(at: Desk, browser: TestClient) -> None:
    form = {**hidden(browser.get(of(at, SOFA)).text), **agreeing(at, SOFA)}
    browser.post("/decide", data=form)
    back = {**form, "level": "3", "reason": "Another view."}
    answer = browser.post("/decide", data=back)
    assert "has recorded entry 1 already" in errors(answer.text)["record"] and len(every(at)) == 1
    answer = browser.post("/decide", data={**back, "token": hidden(answer.text)["token"]})
    assert answer.url.path == "/decisions/2" and len(every(at)) == 2


@pytest.mark.parametrize(
    "token", ["", "made-up", "\udcff", "é" * 50, Once().token()], ids=["none", "made-up", "no text", "long", "of another"]
)
def test_a_form_that_this_program_did_not_make_is_shown_again_and_records_nothing(token: str, at: Desk, browser: TestClient) -> None:
    form = {**hidden(browser.get(of(at, SOFA)).text), **agreeing(at, SOFA)}
    raw = {**form, "token": token.encode("utf-8", "surrogatepass").decode("utf-8", "replace")}
    answer = browser.post("/decide", data=raw)
    assert "started anew" in errors(answer.text)["record"] and not at.record.exists()


def test_the_suggestion_is_worked_out_here_whatever_a_form_says(at: Desk, browser: TestClient) -> None:
    claimed = {"suggested_level": "1", "suggested": "universal", "facts_digest": "0" * 64, "rule_set": "mine", "at": "2001-01-01T00:00:00Z"}
    fields = {"level": "1", "pathway": "universal", "role": "team_manager", "reason": "Because."}
    sent(browser, of(at, SOFA), **fields, **claimed)
    (entry,) = every(at)
    assert entry.decision.suggested.level == suggestion(at, SOFA).level and entry.decision.suggested.rule_set == at.book.id
    assert entry.decision.differs and not entry.decision.at.startswith("2001")


@pytest.mark.parametrize("as_of", ["yesterday", "2026-02-30", HOSTILE, "9" * 5_000])
def test_a_date_that_is_none_is_said(as_of: str, at: Desk, browser: TestClient) -> None:
    answer = browser.post("/decide", data={**hidden(browser.get(of(at, SOFA)).text), "as_of": as_of})
    said = words(page(answer.text))
    assert answer.status_code == 400 and "is no date" in said and "<script>" not in answer.text
    assert said.count("write it as") == 1


def test_an_address_of_no_child_and_a_form_without_a_case_are_said(at: Desk, browser: TestClient) -> None:
    assert browser.get("/decide/0123456789abcdef").status_code == 404
    assert browser.post("/decide", data={"do": "record"}).status_code == 404
    assert browser.post("/decide", data={"case_text": "PK\x03\x04 not yaml: [", "as_of": AS_OF}).status_code == 400


# ------------------------------------------------------------------------------------------------ a record that cannot take it


def test_a_record_that_is_locked_says_so_keeps_what_was_typed_and_can_be_tried_again(
    at: Desk, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(browser, of(at, SOFA), **agreeing(at, SOFA))
    monkeypatch.setattr(kept, "_WAIT", 0.05)
    form = {**hidden(browser.get(of(at, SOFA)).text), **agreeing(at, SOFA), "reason": "Said twice."}
    with closing(sqlite3.connect(at.record, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = browser.post("/decide", data=form)
        other.execute("ROLLBACK")
    assert "another process is writing to the record; nothing was recorded" in errors(answer.text)["record"].lower()
    assert page(answer.text).cssselect("textarea#reason")[0].text.strip() == "Said twice."
    assert browser.post("/decide", data=form).url.path == "/decisions/2"


@pytest.mark.parametrize("what", ["folder", "no folder", "other"])
def test_a_record_that_cannot_be_written_is_said_in_words(what: str, at: Desk, browser: TestClient, tmp_path: Path) -> None:
    at.record = {"folder": tmp_path, "no folder": tmp_path / "none" / "r.sqlite", "other": tmp_path / "text.sqlite"}[what]
    (tmp_path / "text.sqlite").write_text("this is a text and no record of anything")
    answer = sent(browser, of(at, SOFA), **agreeing(at, SOFA))
    said = {"folder": "this is a folder", "no folder": "there is no folder", "other": "this is not a record of decisions"}
    assert answer.status_code == 422 and said[what] in errors(answer.text)["record"].lower()
    assert "--" not in errors(answer.text)["record"]


def test_a_page_waits_seconds_and_no_half_minute_for_a_record_that_is_locked(
    at: Desk, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(browser, of(at, SOFA), **agreeing(at, SOFA))
    assert decide_page.WAIT <= 5 < kept._WAIT
    waited: list[float] = []
    connect = sqlite3.connect

    def seen(*given: Any, **named: Any) -> sqlite3.Connection:
        waited.extend([named["timeout"]] if "timeout" in named else [])
        return connect(*given, **named)

    monkeypatch.setattr(sqlite3, "connect", seen)
    for address in ("/decisions", "/decisions/1", "/decisions/verify"):
        assert browser.get(address).status_code == 200
    sent(browser, of(at, SOFA), **agreeing(at, SOFA), reason="Another.")
    assert len(waited) >= 5 and set(waited) == {decide_page.WAIT} and len(every(at)) == 2


@pytest.mark.parametrize("content", ["this is a text and no record of anything", ""])
def test_a_file_that_is_no_record_is_said_inside_the_page(content: str, at: Desk, browser: TestClient) -> None:
    at.record.write_text(content)
    for address in ("/decisions/verify", "/decisions", "/decisions/1"):
        shown = browser.get(address)
        assert "not a record of decisions" in words(page(shown.text)) and "--record" not in words(page(shown.text)), address
        assert page(shown.text).cssselect("a[href='/decisions']"), address
    assert "Yes: it is intact" not in words(page(browser.get("/decisions/verify").text))


# ------------------------------------------------------------------------------------------------ another day, and the same again


@pytest.mark.parametrize(("as_of", "said"), [("2026-04-14", "1 day before"), ("2026-04-16", "1 day after"), ("2026-04-15", "")])
def test_a_day_that_is_not_today_is_said_where_it_is_decided(
    as_of: str, said: str, at: Desk, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at, "now", lambda: parse_moment("2026-04-15T09:30"))
    shown = words(page(browser.get(f"/decide/{at.find(SOFA)[0]}?as_of={as_of}").text))
    assert ("which is not today" in shown) == bool(said) and said in shown
    if said:
        assert f"it is {said} Wednesday 15 April 2026" in shown


def test_the_same_decision_of_the_same_day_is_recorded_again_only_where_that_is_confirmed(at: Desk, browser: TestClient) -> None:
    one, two = browser.get(of(at, SOFA)).text, browser.get(of(at, SOFA)).text
    decided = agreeing(at, SOFA)
    first = browser.post("/decide", data={**hidden(one), **decided})
    assert first.url.path == "/decisions/1"
    assert browser.post("/decide", data={**hidden(one), **decided}).url.path == "/decisions/1"  # the same form, sent twice
    asked = browser.post("/decide", data={**hidden(two), **decided})
    assert asked.status_code == 422 and len(every(at)) == 1
    shown = words(page(asked.text))
    assert "Entry 1, recorded today, says the same of this case" in shown and "This is recorded already" in shown
    assert "who somebody is" not in shown and errors(asked.text)["confirm"] == "Confirm that it is recorded as it is"
    confirm = page(asked.text).cssselect("input[name=confirm]")[0].get("value")
    assert browser.post("/decide", data={**hidden(asked.text), **decided, "confirm": confirm}).url.path == "/decisions/2"


@pytest.mark.parametrize("other", [{"reason": "For another reason."}, {"level": "1", "reason": "Less."}])
def test_another_decision_on_the_same_case_needs_no_confirming(other: dict[str, str], at: Desk, browser: TestClient) -> None:
    sent(browser, of(at, SOFA), **agreeing(at, SOFA))
    assert sent(browser, of(at, SOFA), **{**agreeing(at, SOFA), **other}).url.path == "/decisions/2"


def test_the_same_as_an_entry_of_another_day_or_of_another_case_needs_no_confirming(at: Desk, browser: TestClient) -> None:
    sent(browser, of(at, SOFA), **agreeing(at, SOFA))
    now = every(at)[0].decision
    with kept.open_record(at.record) as record:
        assert kept.said_before(record, now) is not None
        assert kept.said_before(record, replace(now, at="2026-01-05T09:30:00Z")) is None
        assert kept.said_before(record, replace(now, suggested=replace(now.suggested, case="OTHER"))) is None


# ------------------------------------------------------------------------------------------------ reading it


def written(at: Desk, n: int, **changed: Any) -> None:
    """Entries on cases C-1 to C-n, of which every second differs from what is suggested."""
    suggested = kept.Suggested("", AS_OF, "rules", "1", "d" * 64, "f" * 64, "0.1.0", "two engines", 3, ("family_help_targeted",), "planned")
    known = {"family_help_targeted": "level", "universal": "level"}
    for number in range(1, n + 1):
        given: dict[str, Any] = {
            "role": "team_manager",
            "level": 3 - number % 2,
            "reason": "Because.",
            "pathways": ["family_help_targeted"],
        } | changed
        decision = kept.decide(replace(suggested, case=f"C-{number}"), known, at="2026-04-15T09:30:00Z", **given)
        kept.record_decision(at.record, decision)


def rows(text: str) -> list[list[str]]:
    return [[words(cell) for cell in row.cssselect("th, td")] for row in page(text).cssselect("tbody tr")]


def test_the_list_says_what_the_command_says_newest_first_and_by_pages(
    at: Desk, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(at, 7)
    monkeypatch.setattr(decide_page, "PER_PAGE", 3)
    ran = CliRunner().invoke(app, ["decisions", "list", "--record", str(at.record)])
    total = ran.stdout.splitlines()[-1]
    seen: list[str] = []
    address: str | None = "/decisions"
    while address:
        answer = browser.get(address)
        assert total in words(page(answer.text))
        seen += [row[0].partition(":")[0] for row in rows(answer.text)]
        address = next((a.get("href") for a in page(answer.text).cssselect("a[rel=next]")), None)
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]
    first = rows(browser.get("/decisions").text)[0]
    entry = every(at)[-1]
    assert [cell.replace("→", "->") for cell in first[1:]] == [
        cell.replace("_", " ") if place != 1 else cell for place, cell in enumerate(row_words(entry, decide_page._names(at))[1:])
    ]
    label = at.thresholds.pathways["family_help_targeted"].label
    assert f"level 3, {label} -> " in row_words(entry, {"family_help_targeted": label})[4] and label in first[4]


def test_only_those_that_differ_or_of_one_case_are_shown_when_asked_and_no_address_holds_a_case(at: Desk, browser: TestClient) -> None:
    written(at, 4)
    assert [row[2] for row in rows(browser.get("/decisions?differs=yes").text)] == ["C-3", "C-1"]
    answer = browser.post("/decisions", data={"case": "C-2"})
    assert [row[2] for row in rows(answer.text)] == ["C-2"] and "C-2" not in str(answer.url)
    for shown in (answer.text, browser.get("/decisions").text):
        assert not [a for _, _, a, _ in page(shown).iterlinks() if "C-" in a]
    assert not rows(browser.post("/decisions", data={"case": HOSTILE}).text)


def test_an_entry_is_shown_in_the_commands_words_with_pathways_by_name(at: Desk, browser: TestClient) -> None:
    written(at, 2)
    ran = CliRunner().invoke(app, ["decisions", "show", "2", "--record", str(at.record)])
    shown = words(page(browser.get("/decisions/2").text))
    label = at.thresholds.pathways["family_help_targeted"].label
    for line in ran.stdout.splitlines():
        assert line.replace("family_help_targeted", f"“{label}”") in shown, line


@pytest.mark.parametrize("number", ["3", "0", "x", "-1", "9" * 5_000, "²"])
def test_an_entry_that_is_not_there_is_said(number: str, at: Desk, browser: TestClient) -> None:
    written(at, 2)
    answer = browser.get(f"/decisions/{number}")
    assert answer.status_code == 404 and "the record holds 2" in words(page(answer.text))


def test_verify_says_intact_with_the_hash_and_compares_one_that_was_noted(at: Desk, browser: TestClient) -> None:
    written(at, 3)
    noted = every(at)[1].hash
    shown = words(page(browser.get("/decisions/verify").text))
    assert "Yes: it is intact." in shown and "none was changed, removed or moved" in shown and every(at)[-1].hash in shown
    assert "is that of entry 2; 1 was added since" in words(page(browser.get(f"/decisions/verify?expect={noted[:20]}").text))
    assert "no entry has the hash that was noted" in words(page(browser.get(f"/decisions/verify?expect={'0' * 20}").text))
    wrong = browser.get("/decisions/verify?expect=zz")
    assert wrong.status_code == 422 and list(errors(wrong.text)) == ["expect"]


def test_a_record_that_was_changed_is_said_before_anything_in_it_is_shown(at: Desk, browser: TestClient) -> None:
    written(at, 3)
    with closing(sqlite3.connect(at.record)) as raw:
        raw.execute("DROP TRIGGER entries_stand")
        raw.execute("UPDATE entries SET content = replace(content, 'Because', 'Therefore') WHERE number = 2")
        raw.commit()
    for address in ("/decisions", "/decisions/1"):
        text = words(page(browser.get(address).text))
        assert "not as it was written" in text, address
    shown = words(page(browser.get("/decisions/verify").text))
    assert "No: this is not as it was written." in shown and "entry 2 was changed after it was written" in shown
    with closing(sqlite3.connect(at.record)) as raw:
        raw.execute("UPDATE entries SET content = 'nothing' WHERE number = 2")
        raw.commit()
    listed = browser.get("/decisions")
    assert listed.status_code == 200 and "not as it was written" in words(page(listed.text))
    assert browser.get("/decisions/3").status_code in (200, 400)


def test_what_a_record_holds_is_text_and_never_a_part_of_the_page(at: Desk, browser: TestClient) -> None:
    written(at, 1, reason=f"{HOSTILE} {{{{ 7 * 7 }}}} =cmd|'/C calc'!A0", role="team_manager")
    for address in ("/decisions", "/decisions/1"):
        answer = browser.get(address)
        assert "<script>alert" not in answer.text and " 49 " not in answer.text
    assert HOSTILE in words(page(browser.get("/decisions/1").text))


def test_a_case_id_that_is_markup_is_shown_as_it_is_and_stands_in_no_address_or_title(at: Desk, browser: TestClient) -> None:
    text = f'case: "{HOSTILE}"\nchild: {{date_of_birth: 2019-03-02}}\nevents:\n  - {{event: referral_received, at: 2026-04-07}}\n'
    begun = browser.post("/decide", data={"case_text": text, "as_of": AS_OF})
    fields = {"level": "1", "pathway": "universal", "role": "team_manager", "reason": "Nothing came of it."}
    answer = browser.post("/decide", data={**hidden(begun.text), **fields})
    for shown in (begun.text, answer.text, browser.get("/decisions").text):
        assert "<script>alert" not in shown and HOSTILE in words(page(shown))
        assert "alert(1)" not in page(shown).findtext(".//title")
        assert not [address for _, _, address, _ in page(shown).iterlinks() if "alert" in address]
