"""The pages in a real browser: every job from beginning to end with scripts and without, by keyboard, at 400%, on paper, and with axe-core.

One server and one browser serve all of these. They are skipped, and say why, where the browser or axe-core is not installed; with
RRT_REQUIRE_BROWSER=1 that is a failure.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from rrt_engine.paths import CASES
from rrt_engine.web.app import ROUTES
from tests.browser import ARGUMENTS, DESK, LOOK, PICTURES, Looked, Visitor, chromium, lacking, visiting
from tests.web import AS_OF, served

if lacking() and os.environ.get("RRT_REQUIRE_BROWSER") != "1":
    pytest.skip(f"no test in a real browser: it needs {lacking()}", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[dict[bool, Any]]:
    """One browser with scripts and without: the pages keep nothing in it, so that everybody may use the same."""
    from playwright.sync_api import sync_playwright

    assert not lacking(), f"RRT_REQUIRE_BROWSER=1, and there is not everything that the tests need: {lacking()}"
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        kinds = {kind: opened.new_context(viewport=DESK, java_script_enabled=kind, locale="en-GB") for kind in (True, False)}
        for each in kinds.values():
            each.set_default_timeout(15_000)
        yield kinds
        kept = [each.cookies() for each in kinds.values()]
        opened.close()
    assert kept == [[], []], "a cookie was kept"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the record is, and two runs."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address of a server with the bundled cases and two runs of them."""
    runs = [folder / "march", folder / "april"]
    for run, as_of in zip(runs, ("2026-03-31", AS_OF), strict=True):
        replayed(run, as_of)
    data = [f"--data={CASES / 'training'}", f"--data={CASES / 'sample'}", *(f"--run={run}" for run in runs)]
    with served(*data, "--as-of", AS_OF, "--record", str(folder / "record.sqlite")) as server:
        yield server.address
        assert server.process.poll() is None, "the server ended by itself"
        assert "a fault in rrt" not in server.said() and "Traceback" not in server.said(), server.said()


def replayed(run: Path, as_of: str) -> None:
    from typer.testing import CliRunner

    from rrt_engine.cli import app

    made = CliRunner().invoke(app, ["replay", str(CASES / "sample"), "--as-of", as_of, "-o", str(run), "--exit-zero", "--jobs", "1"])
    assert made.exit_code == 0, made.output


@pytest.fixture(scope="module")
def seen() -> Looked:
    """What all of these tests saw."""
    return Looked()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def visitor(request: pytest.FixtureRequest, browser: dict[bool, Any], address: str, seen: Looked) -> Iterator[Visitor]:
    """Somebody at the browser, once with scripts and once without."""
    with visiting(browser[request.param], address, seen, request.param) as made:
        yield made


@pytest.fixture
def guest(browser: dict[bool, Any], address: str, seen: Looked) -> Iterator[Visitor]:
    """Somebody at the browser, with scripts."""
    with visiting(browser[True], address, seen) as made:
        yield made


BRUISE = "Bruise, mark or injury in a non-mobile child"

# ---------------------------------------------------------------------------------------------------- the seven jobs


def test_today_leads_to_a_case_and_its_working_and_through_time(visitor: Visitor) -> None:
    page = visitor.go()
    visitor.look("today")
    overdue = page.get_by_role("heading", name=re.compile("^Overdue"))
    expect(overdue).to_be_visible()
    page.get_by_label("Team", exact=True).select_option(label="North")
    visitor.press(page.get_by_role("button", name="Show", exact=True))
    expect(page.get_by_label("Team", exact=True)).to_have_value(re.compile(r"^\d+$"))  # by its number: no name stands in an address
    assert "North" not in page.url
    visitor.look("today-of-a-team")
    visitor.press(page.locator("main table a[href*='/case/']").first)
    main = page.get_by_role("main")
    expect(main).to_contain_text("Wednesday 15 April 2026")
    visitor.look("case")
    working = main.locator("details").first
    inside = working.locator(":scope > :not(summary)").first
    expect(inside).not_to_be_visible()
    working.locator("summary").click()
    expect(inside).to_be_visible()
    for press, day in (("Back a week", "Wednesday 8 April 2026"), ("Forward a week", "Wednesday 15 April 2026")):
        visitor.press(main.get_by_role("link", name=press))
        expect(main).to_contain_text(day)
    for part, value in (("Day", "2"), ("Month", "3"), ("Year", "2026")):
        main.get_by_label(part, exact=True).fill(value)
    visitor.press(main.get_by_role("button", name="Show that day"))
    expect(main).to_contain_text("Monday 2 March 2026")
    visitor.look("case-earlier")


def test_a_case_is_typed_with_facts_found_by_words_and_changed_in_a_what_if(visitor: Visitor) -> None:
    page = visitor.go("check")
    visitor.expected |= {400, 422}
    visitor.look("check")
    visitor.press(page.get_by_role("button", name="Check this case"))
    told_of_an_error(visitor, "Find a fact")
    visitor.look("check-wrong")
    page.get_by_label("Find a fact").fill("bruise")
    visitor.press(page.get_by_role("button", name="Find", exact=True).first)
    visitor.look("check-found")
    visitor.press(page.get_by_role("button", name=f"Add {BRUISE}"))
    page.get_by_label(re.compile("How do you know")).select_option(label="Seen or heard by a worker")
    page.get_by_label(re.compile("How exact is it")).select_option(label="Exact: what, where or when")
    for part, value in (("Day", "1"), ("Month", "1"), ("Year", "2026")):
        page.get_by_role("group", name="Date of birth").get_by_label(part, exact=True).fill(value)
    page.get_by_label("Find what happened").fill("referral")
    visitor.press(page.get_by_role("button", name="Find", exact=True).last)
    visitor.press(page.get_by_role("button", name="Add Receipt of the referral", exact=True))
    event = page.get_by_role("region", name="Receipt of the referral").get_by_role("group", name=re.compile("^Date"))
    for part, value in (("Day", "10"), ("Month", "4"), ("Year", "2026")):
        event.get_by_label(part, exact=True).first.fill(value)
    visitor.look("check-typed")
    visitor.press(page.get_by_role("button", name="Check this case"))
    main = page.get_by_role("main")
    expect(main.get_by_role("heading", name=re.compile("^Suggested: Level 4")).first).to_be_visible()
    expect(main).to_contain_text("Decision on a referral within one working day")
    visitor.look("answer")
    what_if = page.get_by_role("region", name="What if a fact were different?")
    what_if.get_by_role("combobox").first.select_option(label=BRUISE)
    visitor.press(what_if.get_by_role("button", name="Choose", exact=True))
    what_if.get_by_label("No, somebody looked and it is not so").check()
    visitor.press(what_if.get_by_role("button", name="Show what would move"))
    expect(what_if.get_by_role("row", name=re.compile("^Level"))).to_contain_text("Level 4")
    expect(what_if.get_by_role("row", name=re.compile("^Level"))).not_to_contain_text("The same")
    visitor.look("what-if")
    visitor.press(page.get_by_role("button", name="Record a decision"))
    expect(page.get_by_role("heading", name="Record a decision")).to_be_visible()


def test_a_case_is_pasted_and_uploaded_and_mistakes_are_said(visitor: Visitor, folder: Path) -> None:
    page = visitor.go("check?way=text")
    visitor.expected |= {400, 422}
    visitor.look("check-text")
    page.get_by_label("The case", exact=True).fill("case: [")
    visitor.press(page.get_by_role("button", name="Check this case"))
    told_of_an_error(visitor, "The case")
    visitor.look("check-text-wrong")
    file = CASES / "training" / "plan_drifting.yaml"
    page.get_by_label("The case", exact=True).fill(file.read_text(encoding="utf-8"))
    visitor.press(page.get_by_role("button", name="Check this case"))
    expect(page.get_by_role("heading", level=2).first).to_have_text("1 thing needs attention")
    pasted = read(page)
    visitor.look("answer-overdue")
    visitor.go("check?way=text")
    page.get_by_label("A case file").set_input_files(file)
    visitor.press(page.get_by_role("button", name="Check the file"))
    assert read(page) == pasted
    visitor.go("check?way=text")
    bad = folder / "not-a-case.yaml"
    bad.write_bytes(b"\xff\xfe\x00 not text")
    page.get_by_label("A case file").set_input_files(bad)
    visitor.press(page.get_by_role("button", name="Check the file"))
    expect(page).to_have_title(re.compile("^Error: "))


def test_a_child_is_found_by_id_and_an_unknown_id_is_said_beside_the_field(visitor: Visitor) -> None:
    page = visitor.go()
    visitor.expected.add(400)
    page.get_by_label("Find a child").fill("nobody-of-this-id")
    visitor.press(page.get_by_role("button", name="Find", exact=True))
    told_of_an_error(visitor, "Find a child")
    visitor.look("today-wrong")
    page.get_by_label("Find a child").fill("T-BELT")
    visitor.press(page.get_by_role("button", name="Find", exact=True))
    assert "T-BELT" not in page.url and "T-BELT" not in page.title()


def test_a_decision_is_recorded_and_the_reason_is_asked_for_where_it_differs(visitor: Visitor) -> None:
    page = find(visitor, "T-BELT" if visitor.scripts else "T-BABY-BRUISE")
    visitor.expected |= {422}
    visitor.press(page.get_by_role("button", name="Record a decision").first)
    visitor.look("decide")
    page.get_by_label("Level 1, Universal").check()
    page.get_by_label("Universal services").check()
    page.get_by_label("Role of the person who decided").fill("team manager")
    visitor.press(page.get_by_role("button", name="Record the decision"))
    told_of_an_error(visitor, "Reason")
    visitor.look("decide-wrong")
    page.get_by_label("Reason").fill("Seen by the school nurse, and explained by a fall that others saw")
    visitor.press(page.get_by_role("button", name="Record the decision"))
    expect(page).to_have_url(re.compile(r"/decisions/\d+"))
    expect(page.get_by_role("main")).to_contain_text("explained by a fall")
    visitor.look("decision")
    visitor.press(page.get_by_label("Menu").get_by_role("link", name="Decisions"))
    expect(page.get_by_role("main")).to_contain_text("team manager")
    visitor.look("decisions")
    visitor.go("decisions/verify")
    visitor.look("decisions-verify")


def test_a_case_is_trained_with_to_the_end(visitor: Visitor) -> None:
    page = visitor.go("train")
    visitor.look("train")
    visitor.press(page.locator("main a[href$='/train/T-BELT']").first)
    expect(page.get_by_role("main")).not_to_contain_text("What is suggested here")
    visitor.look("train-asked")
    for stage in range(1, 5):
        expect(page.get_by_role("main")).to_contain_text(f"Stage {stage} of 4")
        page.get_by_label("Level 3, Additional Needs").check()
        visitor.press(page.get_by_role("button", name="Commit, and see what is suggested"))
        expect(page.get_by_role("main")).to_contain_text("What is suggested here")
        if stage == 1:
            visitor.look("train-revealed")
        visitor.press(page.get_by_role("button", name=re.compile("Next stage|To the end|See the end|Finish|End")).first)
    expect(page.get_by_role("main")).to_contain_text("You said: level 3")
    visitor.look("train-end")
    visitor.go("train/T-BELT/handout")
    visitor.look("train-handout")


def test_a_room_is_led_by_hand(visitor: Visitor) -> None:
    page = visitor.go("train/T-BELT/room")
    visitor.look("room-opening")
    page.get_by_label("By hand").check()
    visitor.press(page.get_by_role("button", name="Open the room"))
    visitor.look("room-asked")
    for level, count in (("Level 2, Universal Plus", "3"), ("Level 3, Additional Needs", "5")):
        page.get_by_label(level).fill(count)
    visitor.press(page.get_by_role("button", name="Show how the group answered"))
    expect(page.get_by_role("main")).to_contain_text("8")
    visitor.look("room-shown")
    visitor.press(page.get_by_role("button", name=re.compile("Reveal")))
    visitor.look("room-revealed")
    visitor.press(page.get_by_role("button", name=re.compile("Close the room")))
    visitor.look("room-closed")


def test_a_rule_is_searched_for_and_read(visitor: Visitor) -> None:
    page = visitor.go("rules")
    visitor.look("rules")
    page.get_by_label("Look for").fill("initial conference")
    visitor.press(page.get_by_role("button", name="Search"))
    visitor.look("rules-found")
    visitor.press(page.get_by_role("link", name="Initial child protection conference within 15 working days").first)
    main = page.get_by_role("main")
    expect(main).to_contain_text("cp_icpc_15wd")
    expect(main).to_contain_text("15 working days")
    visitor.look("rule")
    visitor.press(page.get_by_label("Menu").get_by_role("link", name="Facts"))
    visitor.look("facts")
    page.get_by_label("Look for").fill("bruise")
    visitor.press(page.get_by_role("button", name="Search"))
    visitor.press(page.get_by_role("link", name="Bruise, mark or injury in a non-mobile child").first)
    visitor.look("fact")


def test_a_run_is_read_filtered_to_cases_and_compared(visitor: Visitor) -> None:
    page = visitor.go("runs")
    visitor.look("runs")
    visitor.press(page.get_by_role("link", name="april", exact=True))
    visitor.look("run")
    page.get_by_label("Status").select_option(label="Overdue now")
    visitor.press(page.get_by_role("button", name="Show the cases"))
    expect(page.get_by_label("Status").locator("option:checked")).to_have_text("Overdue now")
    visitor.look("run-cases")
    page.go_back()
    visitor.press(page.get_by_role("link", name="Read the whole report"))
    visitor.look("report")
    visitor.go("runs")
    page.get_by_label("The earlier").select_option("0")
    page.get_by_label("The later").select_option("1")
    visitor.press(page.get_by_role("button", name="Compare"))
    expect(page.get_by_role("main")).to_contain_text("newly overdue")
    visitor.look("compare")


# ---------------------------------------------------------------------------------------------------- every page


def test_every_page_is_looked_at(guest: Visitor, seen: Looked) -> None:
    """Those that the jobs above do not lead to, and what is said where there is no such page."""
    page = find(guest, "T-BELT")
    child = page.url.rpartition("/")[2]
    page = guest.go("train/T-BELT/room")
    guest.press(page.get_by_role("button", name="Open the room"))
    room = page.url.rpartition("/")[2]
    pages = {
        "today": "?show=overdue&page=2",
        "case": f"case/{child}?as_of=2026-03-02",
        "check": "check?way=text",
        "decide_case": f"decide/{child}",
        "decisions": "decisions",
        "decisions_verify": "decisions/verify",
        "decision": "decisions/1",
        "train": "train",
        "train_case": "train/T-BELT",
        "train_handout": "train/T-BELT/handout",
        "room_opening": "train/T-BELT/room",
        "room": f"room/{room}",
        "rules": "rules?q=visit",
        "coverage": "coverage",
        "values": "values",
        "sources": "sources",
        "measures": "measures",
        "rule": "rules/rt_concern_3",
        "facts": "facts?q=bruise",
        "fact": "facts/da_current",
        "runs": "runs",
        "compare": "runs/compare?a=0&b=1",
        "run": "runs/0",
        "run_cases": "runs/0/cases?state=overdue",
        "report": "runs/0/report",
    }
    assert set(pages) == {name for method, _, name, _ in ROUTES if method == "GET"}
    for name, path in pages.items():
        if name not in seen.looked:
            guest.expected = {404} if name == "decision" else set()  # where no test has recorded one
            guest.go(path)
            guest.look(f"page-{name}")
    guest.expected = {400, 404}
    for number, path in enumerate(
        ("no-such-page", "case/0000000000000000", "rules/no_such_rule", "train/NOBODY", "runs/99", "facts?q=zzzz")
    ):
        page = guest.go(path)
        guest.look(f"missing-{number}")
        expect(page.get_by_role("link", name=re.compile("Today|Rules|Facts")).first).to_be_visible()


@pytest.mark.parametrize("path", ["", "check", "train/T-BELT", "decide", "runs/0"], ids=lambda path: path or "today")
def test_everything_is_reached_and_seen_by_keyboard(guest: Visitor, path: str) -> None:
    page = find(guest, "T-BELT") if path == "decide" else guest.go(path)
    page.evaluate(LOOK)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main-content")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    stops, unseen = 0, []
    page.evaluate("document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus()")
    for stops in range(600):
        page.keyboard.press("Tab")
        found = page.evaluate("look.focus()")
        if found is None or (stops and found["name"] == "Skip to main content"):
            break
        if not (found["seen"] and found["forced"] and found["inView"]):
            unseen.append(found)
    assert stops > 8 and not unseen, unseen
    assert not (left := page.evaluate("look.unreached()")), left


def test_a_case_is_trained_with_by_keyboard_alone(guest: Visitor) -> None:
    page = guest.go("train/T-BELT")
    press = page.keyboard.press
    page.get_by_label("Level 1, Universal").focus()
    press("ArrowDown")
    press("ArrowDown")
    expect(page.get_by_label("Level 3, Additional Needs")).to_be_checked()
    for _ in range(3):
        press("Tab")
    expect(page.get_by_role("button", name="Commit, and see what is suggested")).to_be_focused()
    press("Enter")
    expect(page.get_by_role("main")).to_contain_text("What is suggested here")


def test_facts_are_found_by_typing_words_and_enter(guest: Visitor) -> None:
    page = guest.go("check")
    page.get_by_label("Find a fact").fill("bruise")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=f"Add {BRUISE}")).to_be_visible()


def test_a_case_prints_on_a_few_pages(guest: Visitor, folder: Path) -> None:
    page = find(guest, "T-BELT")
    made = page.pdf(format="A4")
    (PICTURES / "case.pdf").write_bytes(made)
    pages = len(re.findall(rb"/Type\s*/Page\b", made))
    assert 1 <= pages <= 8, pages
    page = find(guest, "S084")  # a case of the sample, whose records cannot support most rules: a list of pages on paper
    page.set_viewport_size({"width": 720, "height": 1000})
    page.emulate_media(media="print")
    expect(page.get_by_text("needs the ", exact=False).first).to_be_hidden()
    columns = page.locator(".rrt-history thead th").all()
    widths = [(column.bounding_box() or {"width": 0})["width"] for column in columns]
    assert max(widths) == widths[1] > 200, widths
    page.emulate_media(media="screen")


# ---------------------------------------------------------------------------------------------------- what they share


def find(visitor: Visitor, child: str) -> Page:
    """Open the page of one child, by its id."""
    page = visitor.go()
    page.get_by_label("Find a child").fill(child)
    visitor.press(page.get_by_role("button", name="Find", exact=True))
    expect(page.get_by_label("Find a child")).to_have_count(0)
    return page


def read(page: Page) -> list[str]:
    """The words of the page, once it is there."""
    expect(page.get_by_role("main")).to_be_visible()
    return (page.get_by_role("main").text_content() or "").split()


def told_of_an_error(visitor: Visitor, field: str) -> None:
    """An error is in the title, in a summary that is focused and leads to the field, and beside the field."""
    page = visitor.page
    expect(page).to_have_title(re.compile("^Error: "))
    summary = page.locator(".govuk-error-summary")
    expect(summary).to_be_visible()
    if visitor.scripts:
        expect(summary).to_be_focused()
    wanted = page.get_by_label(field)
    leads = summary.get_by_role("link").first.get_attribute("href") or ""
    assert leads.removeprefix("#") == wanted.get_attribute("id"), leads
    said = [page.locator(f"#{each}") for each in (wanted.get_attribute("aria-describedby") or "").split()]
    assert any("govuk-error-message" in (each.get_attribute("class") or "") for each in said)
    summary.get_by_role("link").first.click()
    expect(wanted).to_be_focused()
