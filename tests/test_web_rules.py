"""The rule book in the browser: found by plain words, each rule with its source, its working and its examples as the engine gives them."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html

from rrt_engine.explain.coverage import covered
from rrt_engine.explain.formats import letters
from rrt_engine.explain.rule_page import requirement, when_words
from rrt_engine.explain.rule_search import search
from rrt_engine.paths import RULES
from rrt_engine.rulebook.load import load_with_problems
from rrt_engine.words import AUTHORITY_WORDS, STATUS_WORDS, VERIFIED_WORDS
from tests.web import client, desk, page, words
from tests.well_formed import faults

READ = client()
SAMPLED = ("cp_icpc_15wd", "pf_reg4_visit_7wd", "cp_visit", "fd_mash_rag_amber", "rt_injury_non_mobile", "rt_flag_conference_overdue")


@cache
def got(address: str) -> html.HtmlElement:
    """A page that is there."""
    answer = READ.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return page(answer.text)


def rules_listed(found: html.HtmlElement) -> list[str]:
    """The ids of the rules in the lists of a page, in order."""
    return [a.get("href").rsplit("/", 1)[-1] for a in found.xpath("//table[contains(@class,'rrt-book-rules')]//th[@scope='row']/a")]


def under(found: html.HtmlElement, heading: str) -> str:
    """What is read under a heading of the second level."""
    said, inside = [], False
    for each in found.xpath("//main/*"):
        if each.tag == "h2":
            inside = words(each) == heading
        elif inside:
            said.append(words(each))
    return " ".join(said)


# ---------------------------------------------------------------------------------------------------- the list and its search


def test_every_rule_is_listed_once_under_its_part_of_the_service() -> None:
    found = got("/rules")
    book, thresholds = desk().book, desk().thresholds
    assert sorted(rules_listed(found)) == sorted({r.id for r in book.rules} | {r.id for r in thresholds.rules})
    counts = {a.text: int(re.sub(r"\D", "", a.tail)) for a in found.xpath("//ul[contains(@class,'rrt-book-columns')]//a")}
    assert sum(counts.values()) == len(rules_listed(found))
    assert counts["Child protection"] == len({r.id for r in book.rules if r.spec.service == "child_protection"})


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("cp_icpc_15wd", "cp_icpc_15wd"),
        ("CP ICPC 15wd", "cp_icpc_15wd"),
        ("initial child protection conferences", "cp_icpc_15wd"),
        ("sin_notify", "fd_sin_5wd"),
        ("bruise baby", "rt_injury_and_too_young_to_move"),
        ("return home interview 72 hours", "ht_rhi_offered_72h"),
    ],
)
def test_a_rule_is_found_by_its_id_by_another_id_and_by_plain_words(typed: str, first: str) -> None:
    assert rules_listed(got(f"/rules?q={typed}"))[0] == first


def test_a_rule_is_found_by_its_place_in_an_instrument() -> None:
    found = rules_listed(got("/rules?q=regulation 28"))
    latest = {r.id: r.spec for r in desk().book.rules}
    resting = {i for i, spec in latest.items() if any(re.search(r"regulation 28\b", s.at) for s in spec.source)}
    assert len(resting) > 5 and resting <= set(found)
    assert set(found[:10]) <= resting


def test_a_word_mistyped_is_answered_with_what_may_have_been_meant() -> None:
    found = got("/rules?q=helth assesment")
    assert rules_listed(found) == []
    [meant] = [a for a in found.xpath("//main//p/a") if "q=" in a.get("href")]
    assert words(meant) == "health assessment"
    assert rules_listed(got(meant.get("href").replace("http://127.0.0.1:8765", "")))
    assert "cp_visit" in words(got("/rules?q=cp visti").xpath("//main")[0])


def test_words_that_mean_nothing_find_nothing_and_say_so() -> None:
    found = got("/rules?q=xyzzyplugh")
    assert rules_listed(found) == [] and "No rule holds this word." in words(found.xpath("//main")[0])


@pytest.mark.parametrize(
    ("page_of", "typed", "meant"),
    [
        ("rules", "confrence", "conference"),
        ("rules", "Child protecton", "child protection"),
        ("rules", "15 workng days", "15 working days"),
        ("rules", "assesment zebraquartz", "assessment"),
        ("facts", "neglct", "neglect"),
        ("facts", "brused baby", "bruised baby"),
    ],
)
def test_a_search_with_a_misspelt_word_leads_to_what_was_meant(page_of: str, typed: str, meant: str) -> None:
    found = got(f"/{page_of}?q={typed}")
    assert f"Did you mean {meant}?" in words(found.xpath("//main")[0])
    (link,) = found.xpath("//main//p[contains(., 'Did you mean')]/a")
    assert words(link) == meant and parse_qs(urlsplit(link.get("href")).query) == {"q": [meant]}
    there = got(link.get("href"))
    assert "Did you mean" not in words(there.xpath("//main")[0])
    assert rules_listed(there) if page_of == "rules" else there.xpath("//main//li/a/@href")


@pytest.mark.parametrize(
    "address", ["/rules?q=conference", "/rules?q=cp_icpc_15wd", "/rules?q=xyzzyplugh", "/facts?q=bruise", "/facts?q=xyzzy"]
)
def test_nobody_is_asked_what_they_meant_where_something_is_found_or_nothing_is_near(address: str) -> None:
    assert "did you mean" not in words(got(address).xpath("//main")[0]).lower()
    assert search(desk().library.entries, "cp_visit").meant == ()


def test_a_search_of_many_words_gives_the_rules_with_most_of_them_and_says_so() -> None:
    found = got("/rules?q=core group zebra quartz")
    assert "cp_core_group_first" in rules_listed(found)
    assert "No rule holds all of these words." in words(found.xpath("//main")[0])


def test_the_filters_leave_what_they_say_and_count_what_they_leave() -> None:
    found = got("/rules?q=visit&authority=duty&checked=instrument")
    listed = rules_listed(found)
    assert listed and set(listed) == {
        e.id for e in search(desk().library.entries, "visit").entries if (e.authority, e.verified) == ("duty", "instrument")
    }
    for option in found.xpath("//select[@id='service']/option[@value!='']"):
        said = int(option.text.rpartition("(")[2].rstrip(")"))
        left = got(f"/rules?q=visit&authority=duty&checked=instrument&service={option.get('value')}")
        assert len(rules_listed(left)) == said > 0
    assert found.xpath("//select[@id='authority']/option[@selected]/@value") == ["duty"]
    assert len(found.xpath("//select[@id='authority']/option[@value!='']")) > 1  # the way to another choice stays open


@pytest.mark.parametrize("query", ["service=nowhere", "q=visit&authority=%00", "checked=<script>alert(1)</script>"])
def test_a_filter_that_is_no_choice_leaves_nothing(query: str) -> None:
    found = got(f"/rules?{query}")
    assert rules_listed(found) == [] and not found.xpath("//script[not(@src)]")


@pytest.mark.parametrize("address", ["/rules", "/facts"])
@pytest.mark.parametrize("typed", ["<script>alert(1)</script>", "{{ 7*7 }}", "' or 1=1", "x" * 5_000, "\x00\r\n", "((((", "`did`", "%s%n"])
def test_what_is_typed_in_a_search_is_shown_as_typed_or_not_at_all(address: str, typed: str) -> None:
    answer = READ.get(address, params={"q": typed})
    assert answer.status_code == 200 and "<script>alert" not in answer.text and ">49<" not in answer.text
    assert len(page(answer.text).get_element_by_id("q").get("value", "")) <= 200


# ---------------------------------------------------------------------------------------------------- a rule


@pytest.mark.parametrize("rule_id", [i for i in SAMPLED if not i.startswith("rt_")])
def test_a_page_says_what_the_rule_says(rule_id: str) -> None:
    found = got(f"/rules/{rule_id}")
    book = desk().book
    rule = book.named(rule_id)[-1]
    text = words(found.xpath("//main")[0])
    assert words(found.xpath("//h1")[0]) == rule.spec.title
    assert requirement(book, rule.spec).replace("`", "") in under(found, "What it requires")
    assert AUTHORITY_WORDS[rule.spec.authority] in text and VERIFIED_WORDS[rule.spec.verified] in text
    assert rule.spec.why in under(found, "Why")
    for named in rule.spec.source:
        source = book.sources[named.id]
        assert source.title in under(found, "Source") and named.at in under(found, "Source")
        assert source.url is None or source.url in found.xpath("//main//a/@href")
    editions = found.xpath("//table[caption[@id='editions-table']]/tbody/tr")
    assert len(editions) == len(book.named(rule_id))


def test_a_page_has_its_sections_in_the_fixed_order() -> None:
    order = [words(h) for h in got("/rules/cp_visit").xpath("//main//h2")]
    assert order == [
        "What it requires",
        "Why",
        "Source",
        "How it is worked out",
        "Local values",
        "Worked examples",
        "Editions",
        "Which records can support it",
        "Related",
    ]


@pytest.mark.parametrize("rule_id", ["cp_icpc_15wd", "pf_reg4_visit_7wd", "cc_26w"])
def test_every_example_of_the_rule_file_is_worked_out_and_comes_to_what_the_file_says(rule_id: str) -> None:
    _, _, read = load_with_problems(RULES)
    wanted = [(r, e) for r, _ in reversed([each for each in read if each[0].id == rule_id]) for e in r.spec.examples]
    found = got(f"/rules/{rule_id}")
    shown = {int(s.get("aria-labelledby").rsplit("-", 1)[1]): s for s in found.xpath("//section[contains(@class,'rrt-book-example')]")}
    assert sorted(shown) == list(range(1, len(wanted) + 1)) and len(wanted) > 5
    for number, (_, example) in enumerate(wanted, 1):
        section = shown[number]
        assert words(section.xpath("./h3")[0]).lower() == example.name.lower()
        rows = [[words(cell) for cell in row] for row in section.xpath(".//tbody/tr")]
        dates = [when_words(event["at"]) for event in example.events]
        assert [row[0] for row in rows if row[0] in dates] == [*dates]
        assert rows[-1][0] == f"As at {when_words(example.as_of)}"
        tags = [words(tag) for tag in section.xpath(".//p/strong[contains(@class,'govuk-tag')]")]
        statuses = [STATUS_WORDS[flag.status] for flag in example.flags]
        assert tags == statuses or (not statuses and rows[-1][1] == "No duty has started.")


def test_each_example_has_its_own_picture_with_a_bar_for_each_duty() -> None:
    found = got("/rules/cp_icpc_15wd")
    sections = found.xpath("//section[contains(@class,'rrt-book-example')]")
    pictures = [s.xpath(".//svg") for s in sections]
    assert all(len(each) == 1 for each in pictures)
    for section, [svg] in zip(sections, pictures, strict=True):
        tags = section.xpath(".//p/strong[contains(@class,'govuk-tag')]")
        bars = svg.xpath(
            ".//*[contains(concat(' ',@class,' '),' rrt-bar ') or contains(@class,'rrt-unclear') or contains(@class,'rrt-recorded')]"
        )
        assert bool(bars) == bool(tags), words(section)
        assert svg.get("aria-label")


def test_a_pattern_that_has_no_limit_is_shown_as_recorded_and_never_as_on_time() -> None:
    pattern = next(r.id for r in desk().book.rules if r.spec.expect is None)
    tags = [words(tag) for tag in got(f"/rules/{pattern}").xpath("//section//p/strong[contains(@class,'govuk-tag')]")]
    assert "Recorded" in tags and "Done on time" not in tags


def test_the_examples_that_bound_the_limit_stand_open_and_the_rest_are_folded() -> None:
    found = got("/rules/cp_icpc_15wd")
    open_ones = found.xpath("//main/section[contains(@class,'rrt-book-example')]")
    said = [words(s.xpath("./p")[0]) for s in open_ones]
    assert 2 <= len(open_ones) <= 4
    assert any("the last good day" in s for s in said) and any("the first late day" in s for s in said)
    assert found.xpath("//details//section[contains(@class,'rrt-book-example')]")


def test_a_rule_with_local_values_names_each_with_its_value_and_where_to_change_it() -> None:
    found = got("/rules/fd_mash_rag_amber")
    said = under(found, "Local values")
    for name in ("mash_amber", "service_hours"):
        local = desk().book.parameters[name]
        assert local.title in said and str(local.value) in said and f"/values#{name}" in found.xpath("//main//a/@href")
    assert "parameters.yaml" in said


def test_a_rule_that_is_not_in_force_says_so_at_its_head() -> None:
    prospective = next(r.id for r in desk().book.rules if r.spec.stage == "prospective" and len(desk().book.named(r.id)) == 1)
    assert "not yet in force" in words(got(f"/rules/{prospective}").xpath("//main/div[contains(@class,'govuk-inset-text')]")[0])


def test_the_formats_of_a_rule_are_those_worked_out_from_the_readers() -> None:
    by = letters(desk().book)["cp_visit"]
    found = got("/rules/cp_visit")
    rows = found.xpath("//h2[@id='formats']/following-sibling::dl[1]/div")
    said = {words(row.xpath("./dt")[0]): words(row.xpath("./dd")[0]) for row in rows}
    assert list(said) == list(by)
    for name, sign in by.items():
        lead = {"H": "Every date", "C": "The latest date only", "–": "Not at all"}[sign]
        assert said[name].startswith(lead)


def test_related_rules_share_its_event_or_its_place_and_those_that_look_at_it_are_named() -> None:
    found = got("/rules/cp_icpc_15wd")
    groups = {words(h): words(h.getnext()) for h in found.xpath("//h2[@id='related']/following-sibling::h3")}
    assert "cp_s47_start" in groups["Starts from the same event"]
    assert "cp_core_group_first" in groups["Starts from the answer to this one"]
    assert "rt_flag_conference_overdue" in groups["Threshold rules that look at its flags"]
    assert "/coverage#cp_icpc_15wd" in found.xpath("//main//a/@href")


def test_another_id_of_a_rule_leads_to_it_and_an_unknown_one_says_what_is_near() -> None:
    led = READ.get("/rules/sin_notify", follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, "/rules/fd_sin_5wd")
    lost = READ.get("/rules/cp_vissit")
    assert lost.status_code == 404 and "cp_visit" in lost.text
    for strange in ("<script>alert(1)</script>", "..%2f..%2fetc%2fpasswd", "a" * 3_000, "%00"):
        answer = READ.get(f"/rules/{strange}")
        assert answer.status_code == 404 and "<script>alert" not in answer.text


def test_a_threshold_rule_says_what_it_does_when_and_what_all_the_rules_point_to() -> None:
    found = got("/rules/rt_injury_non_mobile")
    spec = next(r.spec for r in desk().library._threshold_examples["rt_injury_non_mobile"][0][:1])
    assert "at least 4" in under(found, "What it does")
    sections = found.xpath("//section[contains(@class,'rrt-book-example')]")
    assert len(sections) == len(spec.examples)
    for section, example in zip(sections, spec.examples, strict=True):
        assert ("does not apply" in words(section)) == (not example.fires)
        assert example.level is None or f"Level {example.level}," in words(section)
    assert "/facts/injury_to_non_mobile_child" in found.xpath("//main//a/@href")


# ---------------------------------------------------------------------------------------------------- facts, values, sources, measures


def test_every_fact_is_listed_and_found_by_plain_words() -> None:
    found = got("/facts")
    assert sorted(a.rsplit("/", 1)[1] for a in found.xpath("//main//li/a/@href")) == sorted(desk().thresholds.facts)
    first = got("/facts?q=bruise").xpath("//main//li/a/@href")[0]
    assert first == "/facts/injury_to_non_mobile_child"
    assert "No fact holds these words" in words(got("/facts?q=xyzzyplugh").xpath("//main")[0])


def test_a_fact_says_what_each_value_weighs_how_to_judge_and_ask_and_which_rules_use_it() -> None:
    found = got("/facts/chronic_condition_poorly_managed")
    kind = desk().thresholds.facts["chronic_condition_poorly_managed"]
    said = {words(r.xpath("./dt")[0]).lower(): words(r.xpath("./dd")[0]) for r in found.xpath("//dl/div")}
    assert said == {value: f"Level {weight}" for value, weight in kind.weight.items()}  # type: ignore[union-attr]
    assert kind.judge and kind.judge in under(found, "How to judge the evidence")
    assert kind.ask and kind.ask in under(found, "How to ask")
    for name in ("injury_to_non_mobile_child", "chronic_condition_poorly_managed"):
        naming = {r.id for r in desk().thresholds.rules if any(name in (p.fact or []) for p in r.spec.when)}
        assert naming <= {a.rsplit("/", 1)[1] for a in got(f"/facts/{name}").xpath("//main//a[starts-with(@href,'/rules/')]/@href")}


def test_an_unknown_fact_says_what_is_near() -> None:
    lost = READ.get("/facts/attendance_pecent")
    assert lost.status_code == 404 and "attendance_percent" in lost.text


def test_every_local_value_stands_with_its_value_and_what_uses_it() -> None:
    found = got("/values")
    for name, local in desk().book.parameters.items():
        [row] = found.xpath("//tr[@id=$name]", name=name)
        assert str(local.value) in words(row) and local.basis in words(row)
    [row] = found.xpath("//tr[@id='service_hours']")
    assert "/rules/fd_mash_rag_amber" in row.xpath(".//a/@href")
    [row] = found.xpath("//tr[@id='cp_visit_interval']")
    assert row.xpath(".//a/@href") == ["/rules/cp_visit"]


def test_every_instrument_names_the_rules_that_rest_on_it() -> None:
    found = got("/sources")
    latest = {r.id: r.spec for r in desk().book.rules} | {r.id: r.spec for r in desk().thresholds.rules}
    for source in desk().book.sources:
        [section] = found.xpath("//section[@aria-labelledby=$id]", id=source)
        shown = {a.rsplit("/", 1)[1] for a in section.xpath(".//a[starts-with(@href,'/rules/')]/@href")}
        assert shown == {i for i, spec in latest.items() if any(s.id == source for s in spec.source)}


def test_every_measure_stands_with_how_it_is_counted() -> None:
    found = got("/measures")
    measures = desk().library.measures
    assert measures and found.xpath("//section/@aria-labelledby") == [m.id for m in measures.measures]
    assert "Counts where" in words(found.xpath("//main")[0])


# ---------------------------------------------------------------------------------------------------- coverage


def test_the_coverage_page_counts_the_duties_and_gives_a_reason_for_each_that_is_not_held() -> None:
    found, said = got("/coverage"), covered(desk().book, RULES)
    assert said
    text = words(found.xpath("//main")[0])
    assert f"{len(said.duties)} duties in the catalogue: {said.held} held by {said.holding} rules" in text
    rows = found.xpath("//table[caption[@id='by-part']]/tbody/tr")
    numbers = [[int(words(cell)) for cell in row.xpath("./td")] for row in rows]
    assert [sum(column) for column in zip(*numbers, strict=True)] == [len(said.duties), said.held, len(said.duties) - said.held]
    for duty in said.duties:
        [row] = found.xpath("//th[@id=$id]/..", id=duty.id)
        if duty.holders:
            assert f"/rules/{duty.holders[0].rule.id}" in row.xpath(".//a/@href")
        else:
            assert duty.why[0].replace("`", "") in words(row)


def test_the_coverage_page_says_of_each_rule_what_each_format_can_carry() -> None:
    found, by_rule = got("/coverage"), letters(desk().book)
    shown = {}
    for row in found.xpath("//table[contains(@class,'rrt-book-coverage')]/tbody/tr[td/a]"):
        cells = [words(cell) for cell in row.xpath("./td")]
        shown[row.xpath("./td/a/@href")[0].rsplit("/", 1)[1]] = cells[-6:]
    in_force = {rule for rule, by in by_rule.items() if shown.get(rule) == list(by.values())}
    assert in_force == set(by_rule)
    [row] = found.xpath("//table[caption[@id='reach']]//th[text()='SSD']/..")
    assert [int(words(c)) for c in row.xpath("./td")] == [sum(by["SSD"] == sign for by in by_rule.values()) for sign in "HC–"]


# ---------------------------------------------------------------------------------------------------- how the pages are made


@pytest.mark.parametrize(
    "address",
    [
        *("/rules", "/rules?q=visit", "/rules?q=cp visti", "/facts", "/facts?q=bruise", "/facts/attendance_percent"),
        *("/coverage", "/values", "/sources", "/measures"),
        *(f"/rules/{i}" for i in SAMPLED),
    ],
)
def test_each_page_is_well_formed_and_can_be_read_without_seeing_it(address: str) -> None:
    assert faults(READ.get(address).text) == []


def test_every_link_between_these_pages_leads_to_a_page_and_a_place_on_it() -> None:
    seen: set[str] = set()
    for start in ("/rules/cp_icpc_15wd", "/rules/rt_injury_non_mobile", "/facts/chronic_condition_poorly_managed", "/rules?q=cp visti"):
        for href in got(start).xpath("//main//a/@href | //nav//a/@href"):
            if not href.startswith(("/rules", "/facts", "/coverage", "/values", "/sources", "/measures", "#")):
                continue
            parts = urlsplit(href)
            target = got(f"{parts.path}?{parts.query}" if parts.query else parts.path) if parts.path else got(start)
            assert not parts.fragment or target.xpath("//*[@id=$id]", id=parts.fragment), href
            assert all(parse_qs(parts.query).values())
            seen.add(href)
    assert len(seen) > 30
