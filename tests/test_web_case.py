"""The page of a case says what the engine says, in the order in which it is read, and walks through time both ways."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from lxml import html

from rrt_engine.calendar import as_date, parse_moment
from rrt_engine.checking import Checked
from rrt_engine.paths import RULES
from rrt_engine.reports.check_words import at_status, counts_words, facts_when_words
from rrt_engine.reports.suggestion_words import said_of
from rrt_engine.sources.case_file import read_case
from rrt_engine.web.answer import answer
from rrt_engine.web.case_page import BRIEF_OVER
from rrt_engine.web.desk import open_desk
from rrt_engine.words import AUTHORITY_WORDS
from tests.web import AS_OF, client, desk, page, words

LONG, SUGGESTED, SMALL = "T-DRIFT", "S100", "T-PRIVATE-FOSTERING"


def _handle(child: str) -> str:
    return desk().find(child)[0]


@cache
def _checked(child: str, as_of: str = AS_OF) -> Checked:
    held = desk().held(_handle(child))
    assert held
    return desk().check(desk().case(held), parse_moment(as_of))


@cache
def _text(child: str, query: str = "", status: int = 200) -> str:
    answered = client().get(f"/case/{_handle(child)}{query}")
    assert answered.status_code == status
    return answered.text


@cache
def _page(child: str, query: str = "", status: int = 200) -> html.HtmlElement:
    return page(_text(child, query, status))


@pytest.mark.parametrize("child", [LONG, SUGGESTED])
def test_what_needs_attention_is_read_first_and_every_flag_is_there_in_the_words_of_the_command(child: str) -> None:
    checked, shown = _checked(child), words(_page(child))
    assert counts_words(checked.flags) in shown
    for flag in checked.flags:
        assert " ".join(flag.explanation.split()) in shown
        assert flag.title in shown
    overdue = [f for f in checked.flags if f.status == "overdue" and f.ended_by is None]
    first = next(iter(_page(child).xpath("//h2")))
    assert words(first) == (f"{len(overdue)} thing{'s need' if len(overdue) > 1 else ' needs'} attention" if overdue else words(first))
    assert shown.index(counts_words(checked.flags)) < shown.index("Look at another day") < shown.index("Timeline")


def test_the_parts_stand_in_the_order_in_which_they_are_needed() -> None:
    wanted = ["due", "late", "suggestion", "timeline", "unclear", "met", "sources"]
    ids = [h.get("id") for h in _page(SUGGESTED).xpath("//h2[@id]")]
    assert [each for each in ids if each in wanted] == wanted
    assert ids[0] == "attention"
    assert [h.get("id") for h in _page(LONG).xpath("//h2[@id]")][:3] == ["attention", "another-day", "overdue"]


def test_of_several_sources_the_page_names_the_one_that_the_case_is_from(tmp_path: Path) -> None:
    """Each line that is named in the working is a line of that file."""
    for name, child in (("a.csv", "A1"), ("b.csv", "B1")):
        (tmp_path / name).write_text(f"child_id,event,at\n{child},referral_received,2026-03-02\n", encoding="utf-8")
    for names, wanted in ((("a.csv", "b.csv"), ", from b.csv."), (("b.csv",), f"15 April 2026. {desk().book.title}")):
        held = open_desk([tmp_path / name for name in names], RULES, parse_moment(AS_OF), tmp_path / "record.sqlite")
        shown = words(page(client(held).get(f"/case/{held.find('B1')[0]}").text))
        assert wanted in shown and (", from" in shown.partition("What happened")[0]) == (len(names) > 1)


def test_the_worst_comes_first_and_the_soonest_is_next() -> None:
    text = "case: T\nevents:\n" + "\n".join(
        f"  - {{event: referral_received, at: {day}, ref: R{i}}}" for i, day in enumerate(("2026-03-02", "2026-01-05", "2026-04-14"))
    )
    moment = parse_moment(AS_OF)
    checked = desk().check(read_case("the case", desk().book, text), moment)
    shown = answer(checked, desk().book, desk().thresholds, moment)
    late = [each.flag.days_late or 0 for each in shown.overdue]
    assert len(late) > 4 and late == sorted(late, reverse=True)
    due = [str(each.flag.due) for each in shown.due]
    assert len(due) >= 3 and due == sorted(due)


def test_the_suggestion_is_that_of_both_engines_and_its_headline_stands_near_the_top() -> None:
    checked = _checked(SUGGESTED)
    assert checked.suggestion
    headline = said_of(checked.suggestion, desk().thresholds).headline
    shown = words(_page(SUGGESTED))
    assert headline in shown and shown.index(headline) < shown.index("Look at another day")
    assert "This is suggested; a person decides, and records why." in shown
    assert "decision is" not in shown and "breach" not in shown.lower()


def test_where_the_facts_are_urgent_the_page_does_not_begin_by_saying_that_nothing_is_to_be_done() -> None:
    text = """
case: T
facts:
  - {fact: disclosure_physical_abuse, value: true, evidence: disclosed, specificity: specific, timing: current, "on": 2026-04-15}
"""
    moment = parse_moment(AS_OF)
    checked = desk().check(read_case("the case", desk().book, text, lambda: desk().thresholds), moment)
    assert checked.suggestion and checked.suggestion.urgency in ("now", "same_day") and not checked.flags
    shown = answer(checked, desk().book, desk().thresholds, moment)
    assert shown.urgent and shown.attention == "No time limit is overdue"


def test_every_flag_opens_into_its_steps_its_source_its_authority_and_its_rule() -> None:
    checked, tree = _checked(SMALL), _page(SMALL)
    shown = words(tree)
    assert 20 < len(checked.flags) < BRIEF_OVER
    for flag in checked.flags:
        assert all(" ".join(step.split()) in shown for step in flag.steps[1:])
        links = tree.xpath(f'//details//a[@href="/rules/{flag.rule}"]')
        assert links
        reference = words(links[0].getparent())
        rule = desk().book.named(flag.rule)[-1].spec
        for source in rule.source:
            instrument = desk().book.sources[source.id]
            assert f"{instrument.title}, {source.at} ({AUTHORITY_WORDS[instrument.authority]})" in reference
            if instrument.url:
                assert instrument.url in links[0].getparent().xpath(".//a/@href")


def test_what_was_done_on_time_is_folded_by_rule_with_its_count() -> None:
    checked, tree = _checked(LONG), _page(LONG)
    summaries = [words(each) for each in tree.xpath("//details/summary")]
    for group in at_status(checked.flags, "met"):
        times = f" {len(group)} times" if len(group) > 1 else ""
        assert f"{group[0].title}: done on time{times}" in summaries
    assert len(summaries) < 40 < len(checked.flags)
    assert not tree.xpath("//details[@open][.//*[contains(text(), 'done on time')]]")


def test_the_steps_of_a_long_case_are_a_link_away_and_then_all_there() -> None:
    checked = _checked(LONG)
    assert len(checked.flags) > BRIEF_OVER
    brief = words(_page(LONG))
    link = _page(LONG).xpath('//a[contains(@href, "working=all")]/@href')[0]
    whole = words(page(client().get(link).text))
    steps = {" ".join(step.split()) for flag in checked.flags for step in flag.steps[1:]}
    assert all(step in whole for step in steps) and not all(step in brief for step in steps)
    pressing = [f for f in checked.flags if f.status not in ("met", "ended")]
    assert all(" ".join(step.split()) in brief for flag in pressing for step in flag.steps[1:])


def test_the_picture_says_its_finding_and_its_table_stands_under_it() -> None:
    for child in (LONG, SUGGESTED):
        tree = _page(child)
        [svg] = tree.xpath('//*[local-name()="svg"][@role="img"]')
        assert "Timeline from" in svg.get("aria-label") and "as at the end of Wednesday 15 April 2026" in svg.get("aria-label")
        [table] = tree.xpath('//table[.//caption[contains(., "in order")]]')
        checked = _checked(child)
        rows = table.xpath(".//tbody/tr")
        assert len(rows) == len(checked.flags) + len(checked.case.log)
        times = table.xpath(".//time/@datetime")
        assert len(times) >= len(rows) and not any(t.endswith("T00:00") for t in times)
        assert all(len(table.xpath(".//thead//th[@scope='col']")) == len(row.xpath("./td|./th")) for row in rows)


def test_next_and_previous_go_from_event_to_event_and_back() -> None:
    days = sorted(set(_checked(LONG).case.log.day.tolist()))
    middle = days[len(days) // 2]
    tree = _page(LONG, f"?as_of={as_date(middle).isoformat()}")
    to = {words(a): a.get("href") for a in tree.xpath('//ul[contains(@class, "rrt-walk")]//a')}
    before, after = days[len(days) // 2 - 1], days[len(days) // 2 + 1]
    assert f"as_of={as_date(before).isoformat()}" in to["Previous event"]
    assert f"as_of={as_date(after).isoformat()}" in to["Next event"]
    assert f"as_of={as_date(middle - 7).isoformat()}" in to["Back a week"]
    assert f"as_of={as_date(middle + 7).isoformat()}" in to["Forward a week"]
    assert f"as_of={AS_OF}" in to["Go to 15 April 2026"]
    there = page(client().get(to["Next event"]).text)
    back = {words(a): a.get("href") for a in there.xpath('//ul[contains(@class, "rrt-walk")]//a')}
    assert f"as_of={as_date(middle).isoformat()}" in back["Previous event"]


def test_the_page_of_an_earlier_day_is_what_was_so_on_that_day_and_says_what_is_not_counted() -> None:
    early = "2025-01-15"
    checked, tree = _checked(LONG, early), _page(LONG, f"?as_of={early}")
    shown = words(tree)
    assert counts_words(checked.flags) in shown and counts_words(checked.flags) != counts_words(_checked(LONG).flags)
    assert f"{checked.result.after_as_of} events after that date are not counted." in shown
    assert len(tree.xpath('//tr[contains(@class, "rrt-later")]')) == checked.result.after_as_of
    assert "Wednesday 15 January 2025" in shown


def test_on_a_day_before_any_threshold_rule_the_page_suggests_nothing_and_says_why() -> None:
    checked, tree = _checked("T-SECOND-SCAN", "2019-01-01"), _page("T-SECOND-SCAN", "?as_of=2019-01-01")
    assert checked.suggestion is None and "No threshold rule was in force on Tuesday 1 January 2019" in words(tree)
    assert "Level 1" not in words(tree.xpath("//main")[0]) and not tree.xpath('//h2[@id="suggestion"]')


@pytest.mark.parametrize("early", ["2026-03-17", "2025-01-02"])
def test_what_was_told_later_is_not_used_on_an_earlier_day_and_the_page_says_how_many_facts_that_is(early: str) -> None:
    child = "T-SECOND-SCAN"
    checked, shown = _checked(child, early), words(_page(child, f"?as_of={early}"))
    when = facts_when_words(checked.case.every_fact(), parse_moment(early).day)
    assert "are not counted" in when and "is used on every day" in when and when in shown
    assert shown.index(when) < shown.index("Look at another day")
    assert checked.suggestion and checked.suggestion.consent.status == "not_recorded"
    assert "Consent is recorded as given" not in shown and _checked(child).suggestion != checked.suggestion
    assert "Consent is recorded as given" in words(_page(child))


def test_next_and_previous_stop_where_a_step_of_a_story_tells_something() -> None:
    links = {words(a): a.get("href") for a in _page("T-SECOND-SCAN", "?as_of=2026-03-17").xpath('//ul[@class="rrt-walk"]//a')}
    assert "as_of=2026-03-30" in links["Next event or fact"]


def test_a_case_of_which_no_fact_speaks_of_need_is_not_headed_level_1() -> None:
    text = "case: T\nfacts:\n  - {fact: da_current, value: unknown}\n  - {fact: consent_status, value: unknown}\n"
    moment = parse_moment(AS_OF)
    checked = desk().check(read_case("the case", desk().book, text, lambda: desk().thresholds), moment)
    sent = client().post("/check", data={"case_text": text, "as_of": AS_OF, "do": "check", "way": "text"})
    shown = words(page(sent.text).xpath("//main")[0])
    assert checked.suggestion and said_of(checked.suggestion, desk().thresholds).headline in shown
    assert "Nothing recorded points to extra need yet: 2 facts are unknown." in shown and "Suggested: Level 1" not in shown


def test_a_day_typed_is_shown_and_a_wrong_one_is_said_beside_its_field_and_leaves_the_page_as_it_was() -> None:
    typed = "?as_of=2025-01-15&as_of-day=1&as_of-month=2&as_of-year=2025"
    assert "Saturday 1 February 2025" in words(_page(LONG, typed))
    for query, field, says in (
        ("as_of-day=31&as_of-month=2&as_of-year=2025", "as_of-day", "no such day"),
        ("as_of-day=1&as_of-month=&as_of-year=2025", "as_of-month", "must include a month"),
        ("as_of-day=x&as_of-month=2&as_of-year=2025", "as_of-day", "three numbers"),
        ("as_of-day=1&as_of-month=2&as_of-year=1066", "as_of-year", "between 1971 and 2058"),
    ):
        tree = _page(LONG, f"?as_of=2025-01-15&{query}", 400)
        assert tree.xpath("//title")[0].text.startswith("Error: ")
        assert tree.xpath(f'//*[contains(@class, "govuk-error-summary")]//a[@href="#{field}"]')
        assert tree.xpath(f'//input[@id="{field}"]')
        assert says in words(tree.xpath('//*[@id="as_of-error"]')[0])
        assert "as_of-error" in tree.xpath('//fieldset[.//input[@id="as_of-day"]]/@aria-describedby')[0]
        assert counts_words(_checked(LONG, "2025-01-15").flags) in words(tree)


@pytest.mark.parametrize(
    "given",
    [
        "yesterday",
        "9999-99-99",
        "1066-01-01",
        "2026-02-30",
        "<script>alert(1)</script>",
        "{{191*191}}",
        "²",
        "\0",
        "2026-04-15T10:00+99:99",
        "9" * 5000,
    ],
)
def test_whatever_is_put_into_the_address_is_refused_in_words_and_never_written_as_it_is(given: str) -> None:
    handle = _handle("S010")
    for params in ({"as_of": given}, {"as_of-day": given, "as_of-month": given, "as_of-year": given}, {"span": given, "working": given}):
        answered = client().get(f"/case/{handle}", params=params)
        assert answered.status_code == (200 if "span" in params else 400)
        assert "alert(1)</script>" not in answered.text and "36481" not in answered.text
        assert len(answered.text) < 400_000


def test_what_could_not_be_judged_is_said_with_why(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "case: C\ncovers: {from: 2026-01-01, kind: snapshot, events: [referral_received, cp_visit]}\n"
        "events:\n  - {event: referral_received, at: 2026-03-02}\n",
        encoding="utf-8",
    )
    held = open_desk([tmp_path / "c.yaml"], RULES, parse_moment(AS_OF), tmp_path / "record.sqlite")
    tree = page(client(held).get(f"/case/{held.find('C')[0]}").text)
    child = held.held(held.find("C")[0])
    assert child
    checked = held.check(held.case(child), held.today)
    shown = words(tree)
    assert len(checked.result.not_evaluable) > 20
    assert f"does not cover what {len(checked.result.not_evaluable)} rules would need" in shown
    for refused in checked.result.not_evaluable:
        assert tree.xpath(f'//li[a[contains(@href, "/rules/{refused.rule}")]]')
    assert "The records begin on 1 January 2026" in shown
    assert "Only the latest dates are held of: receipt of the referral." in shown


def test_what_cannot_be_told_says_what_is_missing() -> None:
    unclear = [f for f in _checked(LONG).flags if f.status == "cannot_tell"]
    shown = words(_page(LONG))
    assert unclear
    for flag in unclear:
        assert flag.explanation in shown[shown.index("What could not be judged") :]
        assert f"Missing: {'; '.join(flag.missing)}." in shown


def test_the_sources_are_listed_with_their_authority_and_their_address() -> None:
    tree = _page(LONG)
    listed = tree.xpath('//h2[@id="sources"]/following-sibling::ul[1]/li')
    used = {s.id for f in _checked(LONG).flags for s in desk().book.named(f.rule)[-1].spec.source}
    assert len(listed) == len(used)
    for name in used:
        source = desk().book.sources[name]
        [line] = [each for each in listed if words(each).startswith(f"{source.title} (")]
        assert not source.url or source.url in line.xpath(".//a/@href")


def test_neither_the_title_nor_the_first_heading_nor_an_address_names_the_child() -> None:
    for child in (LONG, SUGGESTED):
        tree = _page(child)
        assert child not in tree.xpath("//title")[0].text and child not in words(tree.xpath("//h1")[0])
        assert len(tree.xpath("//h1")) == 1
        attributes = [value for name in ("href", "action", "id", "for", "name") for value in tree.xpath(f"//@{name}")]
        assert not any(child in value for value in attributes)
        assert child in words(tree.xpath("//main")[0])


def test_from_a_case_one_records_a_decision_or_tries_a_change_on_the_day_that_is_shown() -> None:
    tree, handle = _page(SUGGESTED, "?as_of=2026-02-02"), _handle(SUGGESTED)
    to = {words(a): a.get("href") for a in tree.xpath("//main//a")}
    assert to["Record a decision"] == f"/decide/{handle}?as_of=2026-02-02"
    assert to["Try a change"] == f"/check?from={handle}&as_of=2026-02-02"
    assert client().get(to["Record a decision"]).status_code == 200


def test_a_case_that_is_not_there_is_said_to_be_gone() -> None:
    answered = client().get("/case/0123456789abcdef")
    assert answered.status_code == 404 and "find the child anew" in answered.text


def test_headings_go_down_by_one_and_every_table_and_picture_is_named() -> None:
    for child in (LONG, SUGGESTED):
        tree = _page(child)
        levels = [int(h.tag[1]) for h in tree.xpath("//main//h1|//main//h2|//main//h3|//main//h4")]
        assert levels[0] == 1 and all(b <= a + 1 for a, b in pairwise(levels))
        ids = tree.xpath("//@id")
        assert len(ids) == len(set(ids))
        assert all(each in ids for group in tree.xpath("//@aria-labelledby|//@aria-describedby") for each in group.split())
        assert not tree.xpath("//@style|//*[@onclick]")


def test_a_pattern_is_recorded_and_never_on_time() -> None:
    text = """
case: T
events:
  - {event: cp_plan_started, at: 2024-01-08}
  - {event: cp_plan_ended, at: 2024-02-12}
"""
    moment = parse_moment(AS_OF)
    checked = desk().check(read_case("the case", desk().book, text), moment)
    shown = answer(checked, desk().book, desk().thresholds, moment, "all")
    assert "cp_plan_ended_3m" in {each.flag.rule for group in shown.recorded for each in group.flags}
    assert "cp_plan_ended_3m" not in {group.rule for group in shown.met}
    drawn = [bar for bar in shown.picture.bars() if checked.flags[bar.flag].rule == "cp_plan_ended_3m"] if shown.picture else []
    assert [bar.status for bar in drawn] == ["recorded"] and drawn[0].mark_x is not None


def _of_log(folder: Path, text: str) -> dict[str, str]:
    """The first lines of the page of each child of an event log, down to what the day can be changed to."""
    (folder / "log.csv").write_text(text, encoding="utf-8")
    held = open_desk([folder / "log.csv"], RULES, parse_moment(AS_OF), folder / "record.sqlite")
    try:
        found = {}
        for child in dict.fromkeys(line.split(",")[0] for line in text.splitlines()[1:]):
            shown = words(page(client(held).get(f"/case/{held.find(child)[0]}").text).cssselect("main")[0])
            found[child] = shown.partition("Look at another day")[0]
        return found
    finally:
        held.close()


def test_an_id_with_two_dates_of_birth_is_said_on_the_page_of_that_child_and_of_no_other(tmp_path: Path) -> None:
    said = _of_log(
        tmp_path,
        "child_id,event,at,date_of_birth,expected_date_of_birth\n"
        "TWO,referral_received,2026-03-02,2015-01-01,\nTWO,case_closed,2026-03-03,2019-05-05,\n"
        "ONE,referral_received,2026-03-02,2016-02-03,\nONE,case_closed,2026-03-03,2016-02-03,\n"
        "DUE,referral_received,2026-03-02,,2026-06-01\nDUE,case_closed,2026-03-03,,2026-06-08\n",
    )
    assert (
        "The source has more than one date of birth for this id: 1 January 2015, which is used here, and at least one other, "
        "5 May 2019. Ages and what rests on them may be wrong: check which is right, and whether the id stands for more than one child."
    ) in said["TWO"]
    assert (
        "more than one expected date of birth for this id: 1 June 2026, which is used here, and at least one other, 8 June 2026."
        in said["DUE"]
    )
    assert "more than one" not in said["ONE"] and "Ages" not in said["DUE"]


def test_of_three_dates_of_birth_no_page_says_that_there_are_only_two(tmp_path: Path) -> None:
    days = ("2010-05-05", "2012-05-05", "2013-05-05")
    rows = [f"M1,contact_received,2026-03-0{n},{day}\n" for n, day in enumerate(days, 1)]
    said = _of_log(tmp_path, "child_id,event,at,date_of_birth\n" + "".join(rows))["M1"]
    assert "5 May 2010, which is used here, and at least one other, 5 May 2012." in said


def _apart(folder: Path, first: str, second: str) -> dict[str, html.HtmlElement]:
    """The page of each record of the id D2, by the source it is in, where it is in two."""
    (folder / "p.csv").write_text(f"child_id,event,at,date_of_birth\nD2,referral_received,2026-03-02,{first}\n", encoding="utf-8")
    (folder / "q.csv").write_text(
        f"child_id,event,at,date_of_birth\nD2,referral_decision_recorded,2026-03-03,{second}\nd2,referral_received,2026-03-02,\n",
        encoding="utf-8",
    )
    held = open_desk([folder / "p.csv", folder / "q.csv"], RULES, parse_moment(AS_OF), folder / "record.sqlite")
    try:
        assert held.replay
        pages = {}
        for handle in held.find("D2"):
            one = held.held(handle)
            assert one
            shown = page(client(held).get(f"/case/{handle}?as_of=2026-03-20").text)
            pages[held.replay.sources[one.run].path if one.id == "D2" else "small letters"] = shown
            for link in shown.cssselect("main .govuk-inset-text a"):
                assert client(held).get(link.get("href")).status_code == 200
        return pages
    finally:
        held.close()


def test_records_of_one_id_that_were_kept_apart_are_said_and_linked_from_each_other_and_from_no_other(tmp_path: Path) -> None:
    """The decision that would answer what is overdue may stand under the same id in another source."""
    pages = _apart(tmp_path, "2015-01-01", "2010-05-05")
    assert set(pages) == {"p.csv", "q.csv", "small letters"}
    for source, other, born in (("p.csv", "q.csv", "5 May 2010"), ("q.csv", "p.csv", "1 January 2015")):
        text = words(pages[source].cssselect("main")[0])
        said = "have this id too, and are kept apart from these because the dates of birth differ between the sources."
        assert text.index(said) < text.index("attention" if "attention" in text else "No time limit") < text.index("Look at another day")
        (link,) = pages[source].cssselect("main .govuk-inset-text a")
        assert words(link) == f"D2 in {other}" and "as_of=2026-03-20" in link.get("href")
        assert f"date of birth {born}" in words(link.getparent())
        assert "D2" not in link.get("href")
    assert "kept apart" not in words(pages["small letters"])


def test_records_of_one_id_with_one_date_of_birth_are_one_case_and_nothing_is_said(tmp_path: Path) -> None:
    pages = _apart(tmp_path, "2015-01-01", "2015-01-01")
    assert set(pages) == {"p.csv + q.csv", "small letters"}
    assert not any("kept apart" in words(each) for each in pages.values())


def test_the_date_of_birth_or_the_expected_one_stands_at_the_head_with_which_it_is(tmp_path: Path) -> None:
    said = _of_log(
        tmp_path,
        "child_id,event,at,date_of_birth,expected_date_of_birth\n"
        "BORN,referral_received,2026-03-02,2015-01-02,\nDUE,referral_received,2026-03-02,,2026-06-01\n"
        "BOTH,referral_received,2026-03-02,2026-02-07,2026-02-14\nNONE,referral_received,2026-03-02,,\n",
    )
    assert "Date of birth 2 January 2015." in said["BORN"] and "xpected date of birth" not in said["BORN"]
    assert "Expected date of birth 1 June 2026." in said["DUE"]
    assert "Date of birth 7 February 2026; expected date of birth 14 February 2026." in said["BOTH"]
    assert "ate of birth" not in said["NONE"].partition("attention")[0]


@pytest.mark.parametrize(("as_of", "said"), [("2026-03-04", True), ("2026-03-01", False)])
def test_what_is_dated_after_the_child_died_is_said_with_what_it_started(as_of: str, said: bool) -> None:
    text = """case: T-AFTER
events:
  - {event: referral_received, at: 2025-12-01}
  - {event: child_died, at: 2026-01-05}
  - {event: case_closed, at: 2026-01-20}
  - {event: referral_received, at: 2026-03-02}
"""
    data = {"case_text": text, "way": "text", "as_of": as_of, "do": "check"}
    shown = words(page(client().post("/check", data=data).text).cssselect(".rrt-answer")[0])
    words_ = "The death of the child is recorded on 5 January 2026, and after it: receipt of the referral. Check these dates"
    assert (words_ in shown) == said and ("death of the child" in shown) == said
