"""Today: what it says is what `rrt worklist` says, a page at a time; and it leads to the child, without naming it in an address."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html

from rrt_engine.calendar import as_date, parse_moment
from rrt_engine.paths import CASES
from rrt_engine.replay.run import replay
from rrt_engine.replay.worklist import Choice, Item, Worklist
from rrt_engine.reports.worklist_words import count_words, left_out, row_words, totals
from rrt_engine.web import today as today_page
from rrt_engine.web.desk import Desk
from rrt_engine.words import day_words
from tests.web import client, desk, page, words

EASTER = parse_moment("2026-03-31")


def desk_of(*sources: Path, as_of: str = "2026-04-15") -> Desk:
    """A desk over other data, under the same rules."""
    moment = parse_moment(as_of)
    found = replay(sources, desk().book, moment, facts=True) if sources else None
    return Desk(desk().book, desk().thresholds, moment, Path("no-such-folder") / "record.sqlite", found)


def worklist_of(held: Desk, choice: Choice = Choice()) -> Worklist:
    assert held.judged
    return held.judged.worklist(choice)


def shown(address: str = "/", held: Desk | None = None, status: int = 200) -> html.HtmlElement:
    answer = client(held).get(address)
    assert answer.status_code == status, words(page(answer.text))
    return page(answer.text)


def rows(part: html.HtmlElement, heading: str) -> list[list[str]]:
    """The cells of every line under a heading."""
    section = next(each for each in part.cssselect("section") if words(each.cssselect("h2")[0]) == heading)
    return [[words(cell) for cell in row.cssselect("th, td")] for row in section.cssselect("tbody tr")]


def cells(item: Item) -> list[str]:
    """What a line must say: the child, what, how late and until when, since when, the team and the worker."""
    row = row_words(item)
    return [row["case"], row["what"], row["how"], row["due"], row["since"], item.team, row["worker"]]


def says(row: list[str], item: Item) -> bool:
    text = " ".join(row).lower()
    return row[0] == item.case and all(part.lower() in text for part in cells(item))


def test_the_counts_come_first_and_are_those_of_the_worklist() -> None:
    found, top = worklist_of(desk()), shown()
    counts = [words(each) for each in top.cssselect(".rrt-counts li")]
    said = count_words(found)
    assert counts == [f"{len(lines):,} {said[name]}" for name, lines in found.by_when().items()]
    assert totals(found) in words(top.cssselect("main")[0])
    assert sum(len(lines) for lines in found.by_when().values()) == len(found.overdue) + len(found.due) + len(found.unclear)
    assert len(found.overdue) > today_page.FIRST and len(found.by_when()["today"])


def test_each_line_is_the_engines_and_leads_to_its_child() -> None:
    found, top = worklist_of(desk()), shown()
    overdue = list(found.items(found.overdue))[: today_page.FIRST]
    lines = rows(top, "Overdue, longest first")
    assert len(lines) == today_page.FIRST
    assert all(says(row, item) for row, item in zip(lines, overdue, strict=True))
    assert [item.days_late for item in overdue] == sorted((item.days_late for item in overdue), reverse=True)
    links = [(words(each), each.get("href")) for each in top.cssselect("tbody th a") if "/case/" in each.get("href")]
    for name, href in links:
        held = desk().held(href.rpartition("/")[2])
        assert held and held.id == name
    assert not any(name in href for name, href in links)


def test_every_line_stands_on_one_page_and_no_page_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(today_page, "EACH_PAGE", 7)
    found = worklist_of(desk())
    for name, lines in found.by_when().items():
        seen: list[list[str]] = []
        address = f"/?show={name}"
        while address:
            part = shown(address)
            mine = [[words(cell) for cell in row.cssselect("th, td")] for row in part.cssselect(".rrt-today-lines tbody tr")]
            assert len(mine) <= 7
            seen += mine
            following = part.cssselect(".govuk-pagination__next a")
            address = following[0].get("href") if following else ""
        items = list(found.items(lines))
        assert len(seen) == len(items)
        told = (lambda row, item: item.case == row[0] and item.missing in row[1]) if name == "cannot_tell" else says
        assert all(told(row, item) for row, item in zip(seen, items, strict=True))


@pytest.mark.parametrize(
    ("page_asked", "pages", "numbers"),
    [
        (1, 1, [1]),
        (1, 3, [1, 2, 3]),
        (1, 9, [1, 2, 0, 9]),
        (5, 9, [1, 0, 4, 5, 6, 0, 9]),
        (4, 9, [1, 2, 3, 4, 5, 0, 9]),
        (9, 9, [1, 0, 8, 9]),
    ],
)
def test_pages_left_out_are_marked_and_a_gap_of_one_is_filled(page_asked: int, pages: int, numbers: list[int]) -> None:
    assert today_page.page_numbers(page_asked, pages) == numbers


@pytest.mark.parametrize(
    "address", ["/?show=everything", "/?show=overdue&page=0", "/?show=overdue&page=two", "/?show=overdue&page=99999999999"]
)
def test_an_address_that_is_no_page_is_said_to_be_none(address: str) -> None:
    assert "There is no such page" in words(shown(address, status=404))


def test_a_page_after_the_last_is_the_last() -> None:
    last = shown("/?show=overdue&page=999").cssselect("[aria-current=page]")
    assert [words(each) for each in last] == ["2"]


def test_lines_that_fill_their_pages_have_no_empty_page_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(today_page, "EACH_PAGE", len(worklist_of(desk()).overdue))
    assert not shown("/?show=overdue").cssselect(".govuk-pagination")


def test_narrowed_by_team_worker_and_service_as_the_command_narrows() -> None:
    whole = worklist_of(desk())
    team, worker = whole.teams.index("North"), 1
    for query, choice in (
        (f"team={team}", Choice(teams=("North",))),
        (f"worker={worker}", Choice(workers=(whole.workers[worker],)))
        if len(whole.workers) > 1
        else ("team=0", Choice(teams=(whole.teams[0],))),
        (f"team={team}&service=front_door", Choice(teams=("North",), services=("front_door",))),
        ("team=0", Choice(teams=(whole.teams[0],))),
    ):
        found, part = worklist_of(desk(), choice), shown(f"/?{query}")
        assert totals(found) in words(part.cssselect("main")[0])
        assert found.elsewhere and any(f"{found.elsewhere:,} line" in words(note) for note in part.cssselect("li"))
        selected = {each.getparent().get("name"): each.get("value") for each in part.cssselect("option[selected]")}
        assert selected == {name: values[-1] for name, values in parse_qs(query).items()}


def test_a_team_or_worker_stands_in_no_address() -> None:
    whole = worklist_of(desk())
    for address in ("/", "/?show=overdue", f"/?team={whole.teams.index('North')}"):
        for each in shown(address).cssselect("[href], [action]"):
            query = urlsplit(each.get("href") or each.get("action")).query
            assert not any(name in query for name in (*whole.teams, *whole.workers[1:]))


@pytest.mark.parametrize("query", ["team=9999", "team=North", "worker=-1", "service=breach", "team=1e3", "team=²", "worker=<script>"])
def test_what_is_not_on_the_list_narrows_nothing_and_is_said_beside_the_field(query: str) -> None:
    """An empty list would look like good news."""
    field = query.partition("=")[0]
    part = shown(f"/?{query}", status=400)
    assert part.cssselect(f"#{field}-error") and part.cssselect(f".govuk-error-summary a[href='#{field}']")
    assert part.cssselect(f"#{field}")[0].get("aria-describedby") == f"{field}-error"
    assert totals(worklist_of(desk())) in words(part.cssselect("main")[0])
    assert "<script>" not in words(part)


def test_the_calendar_counts_each_day_and_names_weekends_and_bank_holidays() -> None:
    held = desk_of(CASES / "sample" / "events.csv", as_of="2026-03-31")
    found, part = worklist_of(held), shown("/", held)
    table = next(each for each in part.cssselect("table") if words(each.cssselect("caption")[0]) == "How much is due on each day")
    days = {words(row.cssselect("th")[0]): int(words(row.cssselect("td")[0])) for row in table.cssselect("tbody tr")}
    assert "Friday 3 April 2026 (Good Friday)" in days and "Monday 6 April 2026 (Easter Monday)" in days
    assert "Saturday 4 April 2026 (weekend)" in days and "Thursday 16 April 2026" in days and len(days) == 17
    for day in range(EASTER.day, found.last_day + 1):
        n = sum(1 for item in found.items(found.due) if item.due_day == day)
        assert next(count for name, count in days.items() if name.startswith(day_words(day))) == n
    assert sum(days.values()) == found.due_by(True)


def test_a_day_of_the_calendar_opens_into_its_lines() -> None:
    found = worklist_of(desk())
    links = [each.get("href") for each in shown().cssselect("a[href*='day=']")]
    days = {int(day) for day in found.due.due.tolist() if day <= found.last_day}
    assert len(links) == len(days)
    for address in links:
        iso = parse_qs(urlsplit(address).query)["day"][0]
        items = [item for item in found.items(found.due) if as_date(item.due_day).isoformat() == iso]
        lines = [[words(cell) for cell in row.cssselect("th, td")] for row in shown(address).cssselect(".rrt-today-lines tbody tr")]
        assert all(says(row, item) for row, item in zip(lines, items, strict=True))
    assert "There is no such page" in words(shown("/?day=2031-01-01", status=404))
    assert "There is no such page" in words(shown("/?day=yesterday", status=404))


def test_counts_by_team_add_up_and_a_team_is_counted_by_worker() -> None:
    found, part = worklist_of(desk()), shown()
    table = next(each for each in part.cssselect("table") if words(each.cssselect("caption")[0]) == "How much each team has")
    counted = [[int(words(cell).replace(",", "")) for cell in row.cssselect("td")] for row in table.cssselect("tbody tr")]
    assert [sum(column) for column in zip(*counted, strict=True)] == [len(lines) for lines in found.by_when().values()]
    chosen = shown(f"/?team={found.teams.index('North')}")
    assert any(words(each) == "How much each worker has" for each in chosen.cssselect("caption"))


# ---------------------------------------------------------------------------------------------------- one child


def test_a_child_is_found_by_its_id_and_not_named_in_the_address() -> None:
    answer = client().post("/find", data={"case": " s104 "}, follow_redirects=False)
    assert answer.status_code == 303
    held = desk().held(answer.headers["location"].rpartition("/")[2])
    assert held and held.id == "S104" and "104" not in urlsplit(answer.headers["location"]).path.replace(desk().find("S104")[0], "")


def test_an_id_that_no_child_has_is_said_beside_the_field_and_the_list_stays_as_it_was() -> None:
    north = str(worklist_of(desk()).teams.index("North"))
    answer = client().post("/find", data={"case": 'S1O4"><script>', "team": north, "show": "overdue"})
    part = page(answer.text)
    assert answer.status_code == 400
    assert "No child in the data has this id" in words(part.cssselect("#case-error")[0])
    assert part.cssselect("#case")[0].get("value") == 'S1O4"><script>'
    assert "S1O4" not in words(part.cssselect("title")[0])
    assert part.cssselect("#team option[selected]")[0].get("value") == north
    assert rows(part, "Overdue, longest first") == rows(shown(f"/?team={north}&show=overdue"), "Overdue, longest first")
    assert "Enter the id" in words(page(client().post("/find", data={"case": "  "}).text).cssselect("#case-error")[0])


def two_of_one_id(folder: Path) -> Desk:
    for name, born in (("one", "2015-03-02"), ("two", "2021-11-09")):
        text = f"child_id,event,at,date_of_birth\nC7,referral_received,2026-03-03,{born}\n"
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return desk_of(folder / "one.csv", folder / "two.csv")


def test_children_of_one_id_are_each_offered(tmp_path: Path) -> None:
    held = two_of_one_id(tmp_path)
    handles = held.find("c7")
    assert len(handles) == 2, "born six years apart, they are not one child"
    answer = client(held).post("/find", data={"case": "C7"})
    links = page(answer.text).cssselect("main li a")
    assert answer.status_code == 200 and {each.get("href").rpartition("/")[2] for each in links} == set(handles)
    said = words(page(answer.text).cssselect("main")[0])
    assert "date of birth 2 March 2015" in said and "date of birth 9 November 2021" in said and "one.csv" in said and "two.csv" in said


# ---------------------------------------------------------------------------------------------------- what was read


def test_without_data_it_says_how_to_start_and_what_can_be_done_meanwhile() -> None:
    held = desk_of()
    part = shown("/", held)
    said = words(part.cssselect("main")[0])
    assert "rrt serve --data" in said and "rrt synth -o" in said
    assert {each.get("href") for each in part.cssselect("main a")} >= {"/check", "/train"}
    assert client(held).post("/find", data={"case": "S104"}).status_code == 404


def test_what_could_not_be_read_or_used_is_said_at_the_top_and_named_at_the_foot(tmp_path: Path) -> None:
    text = (CASES / "sample" / "events.csv").read_text(encoding="utf-8")
    (tmp_path / "events.csv").write_text(f"{text}S999,referral_received,2026-02-31\n", encoding="utf-8")
    (tmp_path / "events.facts.csv").write_text("nothing,of,the,kind\n1,2,3,4\n", encoding="utf-8")
    (tmp_path / "broken.csv").write_text("no,such,columns\n1,2,3\n", encoding="utf-8")
    held = desk_of(tmp_path, as_of="2025-10-01")
    part = shown("/", held)
    assert held.replay
    source = next(each for each in held.replay.read if each.path == "events.csv")
    reading = source.reading
    said = words(part.cssselect("main")[0])
    rejected = len(reading.rejected)
    assert rejected and reading.records_read == reading.records_used + rejected
    assert f"{reading.records_read:,} records read = {reading.records_used:,} used + {rejected:,} rejected" in said
    assert f"{held.replay.after_as_of(source):,} events after the as-of date not counted" in said
    assert "broken.csv: could not be read." in said and "events.facts.csv: could not be read." in said
    top = [words(each) for each in part.cssselect(".govuk-inset-text")]
    assert any(each.startswith(f"2 sources could not be read, and {rejected} record") for each in top)
    assert part.cssselect(".govuk-inset-text a[href='#read']")


def test_sources_that_hold_only_latest_dates_are_said(tmp_path: Path) -> None:
    held = desk()
    found = worklist_of(held)
    said = words(shown().cssselect("main")[0])
    assert all(note in said for note in left_out(found))
    assert held.replay
    source = held.replay.sources[0]
    log = dataclasses.replace(source.log, coverage=dataclasses.replace(source.log.coverage, latest=frozenset({"cin_visit"})))
    latest = dataclasses.replace(source, reading=dataclasses.replace(source.reading, log=log))
    other = dataclasses.replace(held.replay, sources=(latest, *held.replay.sources[1:]))
    shown_then = shown("/", Desk(held.book, held.thresholds, held.today, held.record, other))
    assert f"{source.path} holds only the latest dates of some things" in words(shown_then.cssselect("main")[0])


def test_markup_in_the_data_is_read_as_text(tmp_path: Path) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    quoted = '"' + evil.replace('"', '""') + '"'
    lines = [f"{quoted},referral_received,2026-04-0{n},{quoted},{quoted}" for n in (1, 2)]
    (tmp_path / "events.csv").write_text("\n".join(["child_id,event,at,team,worker", *lines, ""]), encoding="utf-8")
    held = desk_of(tmp_path / "events.csv")
    answer = client(held).get("/")
    part = page(answer.text)
    assert not part.cssselect("img") and "<img" not in answer.text
    assert evil in [words(each) for each in part.cssselect("tbody th a")]
    assert evil in [words(each) for each in part.cssselect("#team option")]
    assert evil not in answer.headers.get("location", "")
    assert re.fullmatch(r"Today – .*", words(part.cssselect("title")[0]))


def test_a_line_that_began_after_the_child_died_says_so_where_it_stands_and_is_counted_at_the_foot(tmp_path: Path) -> None:
    log = "child_id,event,at\nC1,child_died,2026-01-05\nC1,referral_received,2026-03-02\nC1,contact_received,2026-03-03\n"
    (tmp_path / "log.csv").write_text(log + "C2,referral_received,2026-03-02\n", encoding="utf-8")
    held = desk_of(tmp_path / "log.csv", as_of="2026-03-04")
    found = worklist_of(held)
    tree = shown("/", held)
    lines = rows(tree, "Overdue, longest first") + rows(tree, "Cannot tell whether these are done")
    assert {row[0] for row in lines} == {"C1", "C2"} and len(lines) == len(found.overdue) + len(found.unclear)
    for row in lines:
        said = "began after the recorded death of the child (5 january 2026): check the dates" in " ".join(row).lower()
        assert said == (row[0] == "C1"), row
    assert f"Check: {found.after_death()} lines began after the recorded death of the child." in words(tree)


def test_the_way_back_from_a_case_leads_to_the_list_that_it_was_opened_from() -> None:
    """A team and a part stay chosen, also after looking at other days; what is no such thing is not carried."""
    narrowed = shown("/?team=1&show=overdue")
    to = narrowed.cssselect(".rrt-today-lines a")[0].get("href")
    opened = shown(to)
    for _ in range(2):
        back = urlsplit(opened.cssselect(".govuk-back-link")[0].get("href"))
        assert back.path == "/" and parse_qs(back.query) == {"team": ["1"], "show": ["overdue"]}
        assert words(opened.cssselect(".govuk-back-link")[0]) == "Today as you left it", "the menu's Today leads elsewhere"
        opened = shown(next(a.get("href") for a in opened.cssselect(".rrt-walk a") if words(a) == "Back a week"))
    for wrong in ("team=North", "show=%3Cb%3E", "day=31"):
        assert shown(f"{urlsplit(to).path}?{wrong}").cssselect(".govuk-back-link")[0].get("href") == "/"
    assert words(shown(urlsplit(to).path).cssselect(".govuk-back-link")[0]) == "Today"


def test_events_after_the_day_are_counted_beside_the_list_and_doubted_where_they_are_most() -> None:
    """A mistyped year must not look like good news."""
    for as_of, doubted in (("2019-01-01", True), ("2025-10-01", True), ("2026-04-14", False)):
        held = desk_of(CASES / "sample", as_of=as_of)
        assert held.replay
        later, events = sum(map(held.replay.after_as_of, held.replay.read)), sum(len(each.reading.log) for each in held.replay.read)
        beside = words(shown("/", held).cssselect(".rrt-counts ~ .govuk-inset-text")[-1])
        assert f"{events:,}" in beside and (later == events or f"{later:,} of the" in beside), as_of
        assert ("is that the day you meant?" in beside.lower()) == doubted and (2 * later > events) == doubted
