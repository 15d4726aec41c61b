"""Check a case in a browser: typed, pasted or uploaded; what is shown against what the engine says; and what people try."""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from rrt_engine.calendar import NO_DAY, as_date, parse_moment
from rrt_engine.checking import Checked, check_case
from rrt_engine.diagnostics import InputError
from rrt_engine.model import Fact
from rrt_engine.paths import CASES
from rrt_engine.reports.suggestion_words import headline, level_words, moved_of, said_of
from rrt_engine.sources.by_words import find_events
from rrt_engine.sources.case_file import Case, read_case
from rrt_engine.sources.facts import search, value_of
from rrt_engine.thresholds.suggest import Reasoner
from rrt_engine.thresholds.what_if import changed
from rrt_engine.web import case_form
from rrt_engine.web.case_fields import Shown, event_fields, fact_fields, value_field
from rrt_engine.web.case_form import Block, Typed, Unfit, case_text, typed_from_data, typed_from_form
from rrt_engine.web.case_mistakes import personal
from rrt_engine.web.check_page import LONGEST, examples
from rrt_engine.words import EVIDENCE_WORDS, IMPACT_WORDS, PATTERN_WORDS, SPECIFICITY_WORDS, TIMING_WORDS
from tests.web import AS_OF, client, desk, page, words

BRUISE = {"fact-0": "injury_to_non_mobile_child", "fact-0-value": "true", "fact-0-evidence": "observed", "fact-0-specificity": "specific"}
REFERRED = {"event-0": "referral_received", "event-0-at-day": "2", "event-0-at-month": "3", "event-0-at-year": "2026"}
TYPED = {"way": "type", "when": "today"}
PASTED = {"way": "text", "when": "today", "do": "check"}


@cache
def browser() -> Any:
    return client()


def asked(status: int = 200, /, files: Any = None, **form: Any) -> html.HtmlElement:
    """The page that a form leads to."""
    answer = browser().post("/check", data=form, files=files)
    assert answer.status_code == status, words(page(answer.text))[:400]
    return page(answer.text)


def pressed(shown: html.HtmlElement, button: str, status: int = 200, /, **filled: str) -> html.HtmlElement:
    """The page after somebody fills in fields of a form and presses a button of it, in a browser without scripts."""
    buttons = [b for b in shown.xpath("//button[not(ancestor::*[contains(@class, 'rrt-all')])]") if words(b) == button]
    assert buttons, f"there is no button called {button}"
    around = next(b for b in buttons[0].iterancestors("form"))
    sent = dict(around.form_values()) | filled
    if buttons[0].get("name"):
        sent[buttons[0].get("name")] = buttons[0].get("value")
    assert around.get("method") == "post"
    answer = browser().post((buttons[0].get("formaction") or around.get("action")).partition("#")[0], data=sent)
    assert answer.status_code == status
    return page(answer.text)


def beside(shown: html.HtmlElement, field: str) -> str:
    """What is said beside a field: it must be there, described by the message, and stand in the summary with a link to it."""
    control = shown.get_element_by_id(field)
    group = next(g for g in control.iterancestors() if "govuk-form-group--error" in (g.get("class") or ""))
    said = [words(e).removeprefix("Error:").strip() for e in group.cssselect(".govuk-error-message")]
    assert shown.cssselect(f".govuk-error-summary a[href='#{field}']"), "the summary does not lead to the field"
    assert shown.findtext(".//title").startswith("Error: ")
    return " ".join(said)


def main(shown: html.HtmlElement) -> str:
    return words(shown.cssselect("main")[0])


def checked_as(text: str, as_of: str = AS_OF) -> Checked:
    """What `rrt check` says of the text of a case."""
    held = desk()
    case = read_case("a case", held.book, text, lambda: held.thresholds)
    moment = parse_moment(as_of)
    return check_case(case, held.book, moment, _reasoner(moment.day) if case.every_fact() else None)


@cache
def _reasoner(day: int) -> Reasoner:
    return Reasoner(desk().thresholds, day)


# ------------------------------------------------------------------------------------------------ the way through, without scripts


def test_a_bruise_on_a_baby_is_typed_found_in_plain_words_and_answered() -> None:
    form = page(browser().get("/check").text)
    found = pressed(form, "Find", fact_words="bruise on a baby who cannot roll")
    offered = [words(li.cssselect("span:last-child")[0]) for li in found.cssselect(".rrt-found li")]
    assert offered == ["Bruise, mark or injury in a non-mobile child"]
    added = pressed(found, f"Add {offered[0]}")
    assert added.get_element_by_id("fact_words").get("value") in (None, "")
    assert [r.get("value") for r in added.cssselect("input[name=fact-0-value][checked]")] == ["true"]
    answer = pressed(added, "Check this case", **{"fact-0-evidence": "observed", "born-day": "10", "born-month": "1", "born-year": "2026"})
    text = "child: {date_of_birth: 2026-01-10}\nfacts: [{fact: injury_to_non_mobile_child, value: true, evidence: observed}]"
    suggestion = checked_as(text).suggestion
    assert suggestion and suggestion.level == 4
    assert headline(suggestion, desk().thresholds) in main(answer)
    for reason in said_of(suggestion, desk().thresholds).why:
        assert all(each.text in main(answer) for each in reason[1])


def test_what_happened_is_found_in_plain_words_and_its_time_limits_are_answered() -> None:
    form = page(browser().get("/check").text)
    found = pressed(form, "Find", event_words="referral decision")
    assert "Add Decision on the referral" in [words(b) for b in found.cssselect(".rrt-found button")]
    added = pressed(pressed(form, "Find", event_words="receipt referral"), "Add Receipt of the referral")
    answer = pressed(added, "Check this case", **{"event-0-at-day": "2", "event-0-at-month": "March", "event-0-at-year": "2026"})
    flags = checked_as("events: [{event: referral_received, at: 2026-03-02}]").flags
    assert flags and all(flag.title in main(answer) for flag in flags)


def test_the_enter_key_looks_for_what_was_typed_and_otherwise_checks() -> None:
    first = page(browser().get("/check").text).cssselect("form.rrt-case-form button")[0]
    assert (first.get("name"), first.get("value")) == ("do", "enter"), "the first button of a form is the one that Enter presses"
    found = asked(**TYPED, **BRUISE, do="enter", fact_words="bruise")
    assert found.cssselect(".rrt-found li") and found.cssselect("#fact-0")
    assert "points to" in asked(**TYPED, **BRUISE, do="enter").findtext(".//title")


def test_removing_one_fact_keeps_what_was_typed_for_the_others() -> None:
    three = {**TYPED, **BRUISE, "fact-1": "da_current", "fact-1-value": "severe", "fact-2": "consent_status", "fact-2-value": "given"}
    left = pressed(asked(**three, do="find", fact_words="x"), "Remove " + desk().thresholds.facts["da_current"].label)
    names = [left.cssselect(f"input[name=fact-{i}]")[0].get("value") for i in range(2)]
    assert names == ["injury_to_non_mobile_child", "consent_status"] and not left.cssselect("[name=fact-2]")
    assert left.get_element_by_id("fact-1-value").value == "given"


@pytest.mark.parametrize("name", ["baby_who_cannot_roll", "plan_drifting", "on_the_stairs"])
def test_an_example_can_be_loaded_checked_and_changed(name: str) -> None:
    text = (CASES / "training" / f"{name}.yaml").read_text(encoding="utf-8")
    loaded = asked(do="example", example=name)
    answer = pressed(loaded, "Check this case")
    day = re.search(r'name="as_of" value="([0-9-]+)"', html.tostring(answer).decode())
    assert day
    says = checked_as(text, day[1])
    assert "Leave out what says who somebody is" not in main(answer)
    assert all(flag.explanation in main(answer) for flag in says.flags)
    if says.suggestion:
        assert all(m in main(answer) for m in said_of(says.suggestion, desk().thresholds).missing)
    again = pressed(pressed(answer, "Change this case"), "Check this case")
    assert main(again) == main(answer)


@pytest.mark.parametrize("name", sorted(examples()))
def test_every_example_says_the_same_from_the_form_as_from_its_file(name: str) -> None:
    text = (CASES / "training" / f"{name}.yaml").read_text(encoding="utf-8")
    assert personal(text, parse_moment(AS_OF)) == ()
    try:
        typed = typed_from_data(_data(text), desk().book, desk().thresholds)
    except Unfit:
        assert "\ncovers:" in text or text.count("- {event:") > case_form.MOST
        return
    written, filed = (checked_as(each) for each in (case_text(typed, desk().book, desk().thresholds)[0], text))
    assert _said(written) == _said(filed)
    if filed.suggestion:
        assert written.suggestion == filed.suggestion


def _said(says: Checked) -> list[tuple[object, ...]]:
    return [(flag.rule, flag.status, flag.due, flag.explanation) for flag in says.flags]


def test_a_case_goes_from_form_to_text_and_back() -> None:
    born = {"born-day": "10", "born-month": "1", "born-year": "2026", "case": "B-1"}
    as_text = asked(**TYPED, **BRUISE, **REFERRED, **born, do="as_text")
    text = as_text.get_element_by_id("case_text").text
    case = read_case("a case", desk().book, text, lambda: desk().thresholds)
    assert case.id == "B-1" and [f.id for f in case.facts] == ["injury_to_non_mobile_child"] and len(case.log) == 1
    back = pressed(as_text, "Put it into the form")
    for name, value in {**BRUISE, **REFERRED, **born}.items():
        assert dict(back.cssselect("form.rrt-case-form")[0].form_values())[name] == value


def test_a_case_the_form_cannot_hold_stays_as_text_and_says_why() -> None:
    covers = "covers: {from: 2026-01-01}\nevents: [{event: referral_received, at: 2026-03-02}]\n"
    shown = asked(422, way="text", when="today", do="as_form", case_text=covers)
    assert "covers" in beside(shown, "case_text") and shown.get_element_by_id("case_text").text.strip() == covers.strip()
    many = "events:\n" + "  - {event: child_seen, at: 2026-03-02}\n" * (case_form.MOST + 1)
    assert str(case_form.MOST) in beside(asked(422, way="text", when="today", do="as_form", case_text=many), "case_text")


# ------------------------------------------------------------------------------------------------ mistakes


def test_every_mistake_of_a_typed_case_stands_beside_its_field_at_once() -> None:
    wrong = {
        "born-day": "31",
        "born-month": "2",
        "born-year": "2026",
        "fact-0": "da_current",
        "fact-1": "child_age_months",
        "fact-1-value": "very",
        "fact-1-on-day": "3",
        "event-0": "referral_received",
        "event-1": "contact_received",
        "event-1-at-day": "1",
        "event-1-at-month": "1",
        "event-1-at-year": "26",
        "event-1-time": "teatime",
        "event-2": "referral_received",
        "event-2-at-day": "2",
        "event-2-at-month": "3",
        "event-2-at-year": "2026",
        "event-2-time": "25:00",
        "event-3": "s37_direction_made",
        "event-3-at-day": "2",
        "event-3-at-month": "3",
        "event-3-at-year": "2026",
        "event-3-due-day": "40",
    }
    shown = asked(422, **TYPED, **wrong, do="check")
    assert beside(shown, "born-day") == "The date of birth must be a real date, such as 27 3 2026"
    assert beside(shown, "fact-0-value").startswith("Choose what it is")
    assert "`very` is not a value" in beside(shown, "fact-1-value")
    assert beside(shown, "fact-1-on-day") == "The day must include a month and a year"
    assert beside(shown, "event-0-at-day") == "Enter the date that it happened"
    assert beside(shown, "event-1-at-day") == "The date: write the year with four figures"
    assert "such as 16:45" in beside(shown, "event-2-time")
    assert beside(shown, "event-3-due-day") == "Due must include a month and a year"
    assert len(shown.cssselect(".govuk-error-summary li")) == 8
    kept = dict(shown.cssselect("form.rrt-case-form")[0].form_values())
    assert {name: kept.get(name) for name in wrong} == wrong


@pytest.mark.parametrize("form", [{"way": "type"}, {"way": "text", "case_text": "facts: [{fact: da_current}]"}])
def test_the_day_is_asked_for_and_never_taken_for_granted(form: dict[str, str]) -> None:
    more = BRUISE if form["way"] == "type" else {}
    assert "day to check as at" in beside(asked(422, **form, **more, do="check"), "when")
    assert "day to check as at" in beside(asked(422, **form, **more, do="check", when="other"), "as_of-day")
    typed = {"as_of-day": "1", "as_of-month": "13", "as_of-year": "2026"}
    assert "real date" in beside(asked(422, **form, **more, **typed, do="check", when="other"), "as_of-day")
    typed = {"as_of-day": "1", "as_of-month": "3", "as_of-year": "2026"}
    assert "Sunday 1 March 2026" in words(asked(**form, **more, **typed, do="check", when="other").cssselect("h1")[0])
    assert "outside" in beside(asked(422, **form, **more, **typed | {"as_of-year": "1066"}, do="check", when="other"), "as_of-day")


def test_today_is_offered_and_said() -> None:
    chosen = page(browser().get("/check").text).cssselect("input[name=when][checked]")[0]
    label = words(page(browser().get("/check").text).cssselect(f"label[for={chosen.get('id')}]")[0])
    assert "Wednesday 15 April 2026" in label
    assert label.startswith("Today, ") == (date.today() == date(2026, 4, 15))


def test_an_empty_form_says_what_to_add() -> None:
    assert "Add at least one fact" in beside(asked(422, **TYPED, do="check"), "fact_words")
    assert "Type a word" in beside(asked(422, **TYPED, do="find"), "fact_words")
    assert "Paste a case" in beside(asked(422, **PASTED, case_text=" \n"), "case_text")
    assert "Choose a fact" in beside(asked(422, **PASTED | {"do": "move"}, case_text="facts: [{fact: da_current}]"), "fact")
    assert "Choose an example" in beside(asked(422, do="example", example="../../etc/passwd"), "example")


def test_every_mistake_of_a_pasted_case_is_said_with_its_line_and_the_text_is_kept() -> None:
    text = "case: x\nevents:\n  - {event: referal_received, at: 2026-03-02}\n"
    text += "facts:\n  - {fact: da_current, value: lots}\n  - {fact: bruises}\n"
    shown = asked(422, **PASTED, case_text=text.replace("\n", "\r\n"))
    said = [words(li) for li in shown.cssselect(".rrt-mistakes li")]
    with pytest.raises(InputError) as error:
        read_case("a case", desk().book, text, lambda: desk().thresholds)
    assert [re.match(r"Line (\d+)", each)[1] for each in said] == [str(d.line) for d in error.value.diagnostics] == ["3", "5", "6"]
    assert all(d.message in each for d, each in zip(error.value.diagnostics, said, strict=True))
    assert "“- {fact: da_current, value: lots}”" in said[1]
    assert shown.get_element_by_id("case_text").text.lstrip("\n") == text
    assert beside(shown, "case_text")


def test_two_children_in_one_text_are_refused() -> None:
    two = "case: A\nchild: {date_of_birth: 2019-01-01}\n---\ncase: B\nchild: {date_of_birth: 2020-01-01}\n"
    assert "one YAML document" in beside(asked(422, **PASTED, case_text=two), "case_text")
    both = "case: A\nchild: {date_of_birth: 2019-01-01}\nchild: {date_of_birth: 2020-01-01}\nfacts: [{fact: da_current}]\n"
    assert "already given" in beside(asked(422, **PASTED, case_text=both), "case_text")


# ------------------------------------------------------------------------------------------------ uploads


def uploaded(content: bytes, status: int = 422) -> html.HtmlElement:
    return asked(status, files={"upload": ("born 3 May - Jane Smith.yaml", content)}, way="text", when="today", do="upload")


def test_an_uploaded_case_is_answered_as_rrt_check_answers_it() -> None:
    text = (CASES / "training" / "plan_drifting.yaml").read_bytes()
    shown = uploaded(b"\xef\xbb\xbf" + text, 200)
    assert all(flag.explanation in main(shown) for flag in checked_as(text.decode()).flags)
    assert "Jane" not in html.tostring(shown).decode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Choose a file"),
        (b"PK\x03\x04\x14\x00\x06\x00" + b"\0" * 40, "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 40, "workbook"),
        ("case: é\nfacts: []\n".encode("utf-16"), "not UTF-8"),
        ("case: é\n".encode("cp1252"), "not UTF-8"),
        (b"case: x\n" + b" " * LONGEST, "more than a case needs"),
    ],
)
def test_an_upload_that_is_no_case_says_what_to_do(content: bytes, says: str) -> None:
    assert says in beside(uploaded(content), "upload")


@pytest.mark.parametrize(
    "content",
    [
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
        b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n",
        b"!!python/object/apply:os.system ['true']\n",
        b"[" * 20_000,
        b"\0\0\0\0",
        b"case: [\n",
        b"- just\n- a list\n",
        b"42",
    ],
)
def test_a_text_that_is_no_case_says_at_which_line(content: bytes) -> None:
    said = beside(uploaded(content), "case_text")
    assert said and "root:" not in said


# ------------------------------------------------------------------------------------------------ what people try in a field

TRIED = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 191*7 }}{% raw %}",
    "a: b\n- {event: child_died, at: 2026-03-03}\nfacts:",
    'x"\n  - fact: da_current',
    "&anchor *alias !tag",
    "=cmd|' /C calc'!A0",
    "' OR 1=1 --",
    "\x00\x07\x1b[31m\x85\u2028\ufeff\u202e",
    "😀é’",
    "null",
)


@pytest.mark.parametrize("tried", TRIED, ids=range(len(TRIED)))
def test_nothing_typed_in_a_field_becomes_anything_but_that_field(tried: str) -> None:
    text_fields = {
        "case": tried,
        "fact-0-source_agency": tried,
        "fact-0-subject": tried,
        "event-0-ref": tried,
        "event-0-source_agency": tried,
    }
    shown = asked(**TYPED, **{**BRUISE, **REFERRED, **text_fields}, do="check")
    assert not shown.cssselect("main script, main img") and "1337" not in main(shown)
    carried = dict(shown.cssselect("form[action$='decide']")[0].form_values())["case_text"]
    case = read_case("a case", desk().book, carried, lambda: desk().thresholds)
    kept = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd", tried).strip()
    same = [case.id, case.facts[0].source_agency, case.facts[0].subject, case.log.refs[0], case.log.attributes["source_agency"].values[0]]
    assert same == [kept] * 5 and len(case.log) == 1 and len(case.facts) == 1 and case.log.kinds == ("referral_received",)
    dates = ("born-day", "born-month", "born-year", "event-0-at-day", "event-0-time")
    everywhere = dict.fromkeys((*dates, "event-0-nfa", "fact-0-value", "fact-0-evidence", "fact-1"), tried)
    refused = asked(422, **TYPED, **{**BRUISE, **REFERRED, **everywhere}, do="check")
    assert not refused.cssselect("main script, main img") and refused.cssselect(".govuk-error-summary li")


@pytest.mark.parametrize("tried", [TRIED[i] for i in (0, 2, 3, 8)], ids=range(4))
@pytest.mark.parametrize("field", ["as_of", "try", "fact", "change-value", "change-evidence", "case_text", "way", "do", "from"])
def test_a_hidden_field_changed_by_hand_is_refused_in_words(field: str, tried: str) -> None:
    text = "facts: [{fact: da_current, value: severe, evidence: observed}]"
    form = {"way": "type", "as_of": AS_OF, "case_text": text, "fact": "da_current", "change-value": "none", "do": "move", field: tried}
    answer = browser().post("/check", data=form)
    assert answer.status_code in (200, 404, 422)
    assert not page(answer.text).cssselect("main script, main img")


def test_a_text_longer_than_a_field_asks_for_is_refused_beside_it() -> None:
    shown = asked(422, **TYPED, **BRUISE, **{"fact-0-source_agency": "y" * 1_001, "case": "x" * 1_000}, do="check")
    assert "1,000 characters" in beside(shown, "fact-0-source_agency") and len(shown.cssselect(".govuk-error-summary li")) == 1
    assert asked(422, **TYPED, **BRUISE, case="y" * 100_000, do="check").get_element_by_id("case").get("value") == "y" * 100_000


def test_a_long_text_is_looked_through_for_names_in_little_time() -> None:
    assert personal("story: " + "y" * 90_000, parse_moment(AS_OF)) == ()
    said = personal("story: " + "ring Mr Smith. " * 6_000, parse_moment(AS_OF))
    assert said == ("`Mr Smith` looks like a person's name",)
    many = personal("story: " + " ".join(f"Ring Mrs Jones{'abcdefghijkl'[i]}." for i in range(12)), parse_moment(AS_OF))
    assert len(many) == 11 and many[-1] == "and 2 more"


def test_the_longest_case_is_read_and_one_character_more_is_not() -> None:
    text = "facts: [{fact: da_current}]\n# "
    longest = text + "x" * (LONGEST - len(text))
    assert "points to" in asked(**PASTED, case_text=longest).findtext(".//title")
    assert f"{LONGEST:,}" in beside(asked(422, **PASTED, case_text=longest + "x"), "case_text")
    events = [{"event": "child_seen", "at": "2026-03-02"}] * case_form.MOST
    assert len(typed_from_data({"events": events}, desk().book, desk().thresholds).events) == case_form.MOST
    with pytest.raises(Unfit):
        typed_from_data({"events": [*events, *events[:1]]}, desk().book, desk().thresholds)


def test_more_fields_than_a_form_holds_are_kept_as_text_and_thousands_are_refused() -> None:
    many = {f"event-{i}": "child_seen" for i in range(case_form.MOST + 1)}
    shown = asked(422, **TYPED, **many, do="check")
    assert shown.get_element_by_id("case_text").text.count("child_seen") == case_form.MOST + 1
    assert "form holds" in beside(shown, "case_text")
    full = {f"fact-{i}": "da_current" for i in range(case_form.MOST)}
    assert "form holds" in beside(asked(422, **TYPED, **full, add_fact="da_current"), "fact_words")
    assert browser().post("/check", data={f"event-{i}": "child_seen" for i in range(5_000)}).status_code == 400


def test_a_full_form_has_no_more_fields_than_may_be_sent() -> None:
    from rrt_engine.web.app import FIELDS

    book, thresholds = desk().book, desk().thresholds
    events = max(_fields(event_fields(Block(kind), 0, book)) for kind in book.events)
    facts = max(_fields(fact_fields(Block(name), 0, thresholds)) for name in thresholds.facts)
    shown = page(browser().get("/check").text).cssselect("form.rrt-case-form")[0]
    assert events > 8 and facts > 8 and case_form.MOST * (events + facts) + len(shown.fields.keys()) <= FIELDS


def _fields(shown: Shown) -> int:
    return 1 + sum(3 if field.form == "date" else 1 for field in (*shown.fields, *shown.more))


def test_a_persons_name_is_warned_of_as_rrt_decide_does_and_nothing_is_stored() -> None:
    shown = asked(**TYPED, **BRUISE, **{"fact-0-source_agency": "Mrs Jane Smith"}, do="check")
    assert "looks like a person's name" in main(shown) and "Nothing has been stored" in main(shown)
    assert not desk().record.exists()
    story = "story: Ring his mum Sarah on 0121 496 0000\nfacts: [{fact: da_current}]\n"
    said = main(asked(**PASTED, case_text=story))
    assert "`mum Sarah` looks like a person's name" in said and "telephone number" in said
    assert "Leave out" not in main(asked(**TYPED, **BRUISE, **REFERRED, do="check"))


def test_no_address_title_or_file_name_says_anything_of_the_case() -> None:
    shown = asked(**TYPED, **BRUISE, **{"case": "ZEBRA-77", "fact-0-source_agency": "zebra"}, do="check")
    for attribute in ("href", "action", "formaction", "src", "id", "for", "name"):
        assert not [v for v in shown.xpath(f"//@{attribute}") if "zebra" in v.lower()]
    assert "ZEBRA" not in shown.findtext(".//title")
    text = dict(shown.cssselect("form[action$='decide']")[0].form_values())["case_text"]
    saved = browser().post("/check", data={"do": "save", "case_text": text, "way": "type", "as_of": AS_OF})
    assert saved.headers["content-disposition"] == 'attachment; filename="case.yaml"'
    assert saved.headers["cache-control"] == "no-store"
    assert read_case("saved", desk().book, saved.text, lambda: desk().thresholds).id == "ZEBRA-77"


# ------------------------------------------------------------------------------------------------ what if


def test_a_what_if_shows_what_the_engine_says_would_move() -> None:
    answer = asked(**TYPED, **BRUISE, do="check")
    chosen = pressed(answer, "Choose", fact="injury_to_non_mobile_child")
    assert not chosen.cssselect(".rrt-moved")
    moved = pressed(chosen, "Show what would move", **{"change-value": "false", "change-evidence": "confirmed"})
    before = checked_as("facts: [{fact: injury_to_non_mobile_child, value: true, evidence: observed, specificity: specific}]")
    assert before.question and before.suggestion
    question, what = changed(before.question, ["injury_to_non_mobile_child=false,evidence=confirmed"], desk().thresholds)
    after = desk().suggestion(question)
    expected = moved_of(before.suggestion, after, what, desk().thresholds)
    cells = [[words(cell) for cell in row.cssselect("th, td")] for row in moved.cssselect(".rrt-moved tbody tr")]
    assert cells[0] == ["Level", level_words(before.suggestion), level_words(after)] and cells[0][1] != cells[0][2]
    assert [row[0] for row in cells] == [row[0] for row in expected.rows]
    section = words(moved.get_element_by_id("what-if"))
    assert expected.ceases and all(each.text in section and each.rule in section for each in expected.ceases)
    assert (
        main(answer).split("What if a fact were different? Which fact")[0] == main(moved).split("What if a fact were different? If this")[0]
    )


def test_one_click_tries_each_change_that_the_suggestion_names() -> None:
    text = (
        "child: {date_of_birth: 2019-01-10}\nfacts: [{fact: da_current, value: unspecified, evidence: alleged}, {fact: injury_under_two}]"
    )
    shown = asked(**PASTED, case_text=text)
    buttons = [words(b) for b in shown.cssselect("#what-if button[name=try]")]
    suggestion = checked_as(text).suggestion
    assert suggestion and buttons
    assert any(missing.could_change_to for missing in suggestion.missing[: len(buttons)])
    for missing, button in zip(suggestion.missing, buttons, strict=False):
        moved = pressed(shown, button)
        level = next(words(r.cssselect("td")[1]) for r in moved.cssselect(".rrt-moved tbody tr") if words(r).startswith("Level"))
        assert level.startswith(f"Level {missing.could_change_to}") if missing.could_change_to else level == "The same"


def test_a_what_if_of_a_case_without_facts_or_with_a_wrong_value() -> None:
    text = "events: [{event: referral_received, at: 2026-03-02}]"
    shown = asked(**PASTED, case_text=text)
    assert "What the guidance points to" not in main(shown)
    moved = pressed(pressed(shown, "Choose", fact="da_current"), "Show what would move", **{"change-value": "severe"})
    assert moved.cssselect(".rrt-moved") and "What the guidance points to" not in main(moved)
    count = pressed(shown, "Choose", fact="was_not_brought_count_12m")
    assert "is not something this fact can be" in beside(
        pressed(count, "Show what would move", 422, **{"change-value": "-3"}), "change-value"
    )
    assert "Choose what it would be" in beside(pressed(count, "Show what would move", 422), "change-value")


def test_a_case_of_the_data_can_be_tried_without_being_written_out() -> None:
    held = desk()
    handle = held.find("T-BABY-BRUISE")[0]
    shown = page(browser().get(f"/check?from={handle}&as_of=2026-03-04").text)
    assert "T-BABY-BRUISE" not in html.tostring(shown).decode()
    assert "Change this case" not in main(shown) and "Save this case" not in main(shown)
    moved = pressed(pressed(shown, "Choose", fact="injury_to_non_mobile_child"), "Show what would move", **{"change-value": "false"})
    assert "Wednesday 4 March 2026" in words(moved.cssselect("h1")[0]) and moved.cssselect(".rrt-moved")
    assert browser().get("/check?from=0000000000000000").status_code == 404
    assert browser().get(f"/check?from={handle}&as_of=yesterday").status_code == 404


def test_no_link_of_a_page_that_holds_what_was_typed_takes_its_place() -> None:
    """What a form brought is gone when a browser goes back to it, as nothing is stored: a link opens beside it, and says so."""
    text = (CASES / "training" / "plan_drifting.yaml").read_text(encoding="utf-8")
    for shown in (
        asked(**PASTED, case_text=text),
        asked(way="text", when="today", case_text=text, fact="injury_to_non_mobile_child", do="choose"),
        asked(**TYPED, do="check", **BRUISE),
        asked(**TYPED, do="find", fact_words="bruise", **BRUISE),
        asked(422, **PASTED, case_text="case: ["),
        page(browser().post("/decide", data={"case_text": text, "begin": "yes"}).text),
    ):
        links = shown.cssselect("a[href]")
        inside = [a for a in links if a.get("href").startswith("#")]
        away = [a for a in links if a not in inside]
        assert len(away) > 7 and all(a.get("target") == "_blank" and words(a).endswith("(opens in a new tab)") for a in away)
        assert inside and not any(a.get("target") for a in inside) and not any(f.get("target") for f in shown.cssselect("form"))
        assert "Links on this page open in a new tab" in main(shown)
    assert "press “Change this case”" in main(asked(**PASTED, case_text=text))


def test_a_page_that_holds_nothing_leads_on_in_its_own_tab() -> None:
    for address in ("/check", "/check?way=text", "/"):
        assert not page(browser().get(address).text).cssselect("a[target]")


def test_record_a_decision_and_back_carries_the_case() -> None:
    answer = asked(**TYPED, **BRUISE, do="check")
    form = dict(answer.cssselect("form[action$='decide']")[0].form_values())
    assert form["as_of"] == AS_OF and form["begin"] == "yes"
    assert main(asked(way="type", do="check", case_text=form["case_text"], as_of=form["as_of"])) == main(answer)


# ------------------------------------------------------------------------------------------------ words


def test_what_can_be_answered_is_what_a_fact_may_say() -> None:
    from rrt_engine.rulebook.threshold_schema import EVIDENCE, IMPACT, PATTERN, SPECIFICITY, TIMING

    asked_words = (EVIDENCE_WORDS, SPECIFICITY_WORDS, TIMING_WORDS, PATTERN_WORDS, IMPACT_WORDS)
    for said, allowed in zip(asked_words, (EVIDENCE, SPECIFICITY, TIMING, PATTERN, IMPACT), strict=True):
        assert sorted(said) == sorted(allowed)
    book = desk().thresholds
    for kind in book.facts.values():
        offered = [value for value, _ in value_field("x", "", kind).options if value]
        assert all(value_of(value, kind) is not None for value in offered)
        assert set(offered) >= ({*kind.values, "none", "unspecified", "unknown"} if kind.values else set())


@pytest.mark.parametrize(
    ("typed", "first"),
    [("bruise", "injury_to_non_mobile_child"), ("bruises", "injury_to_non_mobile_child"), ("left alone", "young_child_left_alone")],
)
def test_a_fact_is_found_by_any_form_of_a_word(typed: str, first: str) -> None:
    found = search(typed, desk().thresholds)
    assert found[0] == first
    assert typed != "bruise" or {"injury_under_two", "injury_mobile_plausible", "injury_suspicious_pattern"} < set(found)


def test_a_kind_of_event_is_found_by_its_own_title() -> None:
    book = desk().book
    lost = [name for name, kind in list(book.events.items())[::9] if name not in find_events(kind.title, book)]
    assert not lost


def test_the_list_in_the_page_holds_every_fact_and_kind_of_event_with_the_words_it_is_found_by() -> None:
    shown = page(browser().get("/check").text)
    rows = {b.get("value"): b.getparent() for b in shown.cssselect(".rrt-all button")}
    assert set(rows) == {*desk().thresholds.facts, *desk().book.events}
    assert "bruising" in rows["injury_to_non_mobile_child"].get("data-label")


# ------------------------------------------------------------------------------------------------ any typed case

_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12) | st.sampled_from(TRIED[:8])
_DAY = st.dates(date(2010, 1, 1), date(2026, 4, 15))


def _parts(name: str, day: date) -> dict[str, str]:
    return {f"{name}-day": str(day.day), f"{name}-month": str(day.month), f"{name}-year": str(day.year)}


@st.composite
def typed_cases(draw: st.DrawFn) -> dict[str, str]:
    """The fields of a form filled in without a mistake."""
    book, thresholds = desk().book, desk().thresholds
    form: dict[str, str] = {"case": draw(_TEXT)} | (_parts("born", draw(_DAY)) if draw(st.booleans()) else {})
    for i in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(sorted(book.events)))
        form |= {f"event-{i}": kind, f"event-{i}-ref": draw(_TEXT)} | _parts(f"event-{i}-at", draw(_DAY))
        form[f"event-{i}-time"] = draw(st.sampled_from(("", "09:05", "4.30 pm", "1645")))
        for name, type_ in book.events[kind].attrs.items():
            if type_ == "date":
                form |= _parts(f"event-{i}-{name}", draw(_DAY))
            elif isinstance(type_, list):
                form[f"event-{i}-{name}"] = draw(st.sampled_from(("", *map(str, type_))))
            else:
                options = {"boolean": st.sampled_from(("", "true", "false")), "integer": st.sampled_from(("", "0", "12"))}
                form[f"event-{i}-{name}"] = draw(options.get(type_, _TEXT))
    for i in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(thresholds.facts)))
        kind_ = thresholds.facts[name]
        values = ("true", "false", "unknown") if kind_.type == "boolean" else (*kind_.values, "none", "unspecified", "unknown")
        given_ = draw(st.sampled_from(values if kind_.type not in ("count", "number") else ("3", "unknown")))
        form |= {f"fact-{i}": name, f"fact-{i}-value": given_}
        for key, said in (("evidence", EVIDENCE_WORDS), ("specificity", SPECIFICITY_WORDS), ("timing", TIMING_WORDS)):
            form[f"fact-{i}-{key}"] = draw(st.sampled_from(("", *said)))
        form |= {f"fact-{i}-source_agency": draw(_TEXT), f"fact-{i}-subject": draw(_TEXT)} | _parts(f"fact-{i}-on", draw(_DAY))
    return form


@settings(max_examples=25, deadline=None)
@given(typed_cases())
def test_any_typed_case_reads_back_as_what_was_typed(form: dict[str, str]) -> None:
    book, thresholds = desk().book, desk().thresholds
    typed = typed_from_form({name: [value] for name, value in form.items()})
    text, fields = case_text(typed, book, thresholds)
    assert len(fields) == len(text.splitlines()) == text.count("\n")
    case = read_case("a case", book, text, lambda: thresholds)
    assert case.id == (form["case"].strip() or "case")
    _same_events(case, form)
    _same_facts(case.facts, form)
    assert typed_from_data(_data(text), book, thresholds) == Typed(typed.child, tuple(map(_timed, typed.events)), typed.facts)


def _timed(block: Block) -> Block:
    return Block(block.name, {k: case_form.clock(v) if k == "time" else v for k, v in block.given.items()})


def _data(text: str) -> Any:
    from rrt_engine.rulebook.strict_yaml import single

    return single("a case", text).data


def _same_events(case: Case, form: dict[str, str]) -> None:
    log = case.log
    found = []
    for row in range(len(log)):
        values = {name: log.value(name, row) for name in log.attributes}
        ref = log.refs[log.ref[row]] if log.ref is not None and log.ref[row] >= 0 else ""
        found.append(
            (
                log.kinds[log.kind[row]],
                as_date(int(log.day[row])).isoformat(),
                ref,
                {k: str(v).lower() for k, v in values.items() if v is not None},
            )
        )
    expected = []
    for i in range(3):
        if f"event-{i}" not in form:
            continue
        place = f"event-{i}"
        attributes = {}
        for name, type_ in desk().book.events[form[place]].attrs.items():
            value = _iso(form, f"{place}-{name}") if type_ == "date" else form[f"{place}-{name}"].strip()
            attributes |= {name: value.lower()} if value else {}
        expected.append((form[place], _iso(form, f"{place}-at"), form[f"{place}-ref"].strip(), attributes))
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def _iso(form: dict[str, str], name: str) -> str:
    return date(int(form[f"{name}-year"]), int(form[f"{name}-month"]), int(form[f"{name}-day"])).isoformat()


def _same_facts(facts: tuple[Fact, ...], form: dict[str, str]) -> None:
    for i, fact in enumerate(facts):
        place, kind = f"fact-{i}", desk().thresholds.facts[fact.id]
        assert fact.id == form[place] and fact.value == value_of(form[f"{place}-value"], kind)
        assert (fact.evidence, fact.specificity) == (form[f"{place}-evidence"] or "unknown", form[f"{place}-specificity"])
        assert fact.timing == (form[f"{place}-timing"] or "unknown")
        assert (fact.source_agency, fact.subject) == (form[f"{place}-source_agency"].strip(), form[f"{place}-subject"].strip())
        assert fact.on != NO_DAY and as_date(fact.on).isoformat() == _iso(form, f"{place}-on")


@settings(max_examples=8, deadline=None)
@given(typed_cases())
def test_the_answer_to_any_typed_case_is_that_of_rrt_check(form: dict[str, str]) -> None:
    text = case_text(typed_from_form({name: [value] for name, value in form.items()}), desk().book, desk().thresholds)[0]
    says = checked_as(text)
    shown = main(asked(**TYPED, **form, do="check"))
    assert says.suggestion
    assert " ".join(headline(says.suggestion, desk().thresholds).split()) in shown
    for flag in says.flags:
        assert " ".join(flag.explanation.split()) in shown
    for reason in says.suggestion.reasons:
        assert reason.effect == "prompt" or " ".join(reason.text.split()) in shown


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_whatever_is_written_as_a_value_reads_back_on_one_line(value: str) -> None:
    written = case_form.scalar(value)
    assert "\n" not in written and "\r" not in written
    assert str(_data(f"a: {written}\n")["a"]) == value, json.dumps(value)
