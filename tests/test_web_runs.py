"""Runs: the report and its cases, each number leading to what it counts; two runs compared; and folders that change meanwhile."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import sqlite3
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from starlette.testclient import TestClient

from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.paths import CASES, RULES
from rrt_engine.replay.chunk import Settings
from rrt_engine.replay.compare import compare_runs
from rrt_engine.replay.partition import partition, write_partition
from rrt_engine.replay.run import replay
from rrt_engine.replay.run_folder import Run, open_run
from rrt_engine.replay.runner import run
from rrt_engine.reports import run_cases, run_page
from rrt_engine.reports.compare_tables import difference_words, kind_lines, run_words, totals
from rrt_engine.reports.compare_words import KIND_WORDS
from rrt_engine.reports.run_files import write_report
from rrt_engine.reports.run_kpis import Kpis, kpis_of
from rrt_engine.reports.run_shapes import Summary
from rrt_engine.reports.run_summary import summary_of
from rrt_engine.web import run_pages
from rrt_engine.web.desk import Desk, open_desk
from rrt_engine.web.works import NotYet, Works
from rrt_engine.words import as_of_words
from tests.web import client, desk, page, words

AS_OF = ("2026-03-15", "2026-04-15")
TEAM, FORMULA, MARKUP = "<script>alert('team')</script>", "=cmd|' /C calc'!A0", "<b>&amp;1</b>"
SAMPLE = CASES / "sample" / "events.csv"
NONE = Kpis(None, "they were not asked for")


@pytest.fixture(autouse=True)
def _no_page_says_to_wait_because_the_computer_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_pages, "PATIENCE", 60.0)
    monkeypatch.setattr(run_pages, "GLANCE", 60.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of the sample as `march` and `april`, with teams and ids that are markup and formulas, and children without a team."""
    made = tmp_path_factory.mktemp("runs")
    text = SAMPLE.read_text(encoding="utf-8").replace("North", TEAM.replace('"', '""')).replace("South", FORMULA).replace("Central", "")
    text = text.replace("S001,", f"{MARKUP},").replace("S007,", "=1+1,")
    log = made / "events.csv"
    log.write_text(text, encoding="utf-8")
    shutil.copy(SAMPLE.with_name("events.covers.yaml"), made)
    run([log], Settings(RULES, parse_moment(AS_OF[0])), made / "march", rows=400)
    run([log], Settings(RULES, parse_moment(AS_OF[1])), made / "april", rows=400)
    return made


@pytest.fixture(scope="module")
def held(folder: Path) -> Desk:
    runs = tuple(open_run(folder / name) for name in ("april", "march"))
    return replace(desk(), replay=None, runs=runs, works=Works(), comparisons=Works())


@pytest.fixture(scope="module")
def browser(held: Desk) -> TestClient:
    return client(held)


@pytest.fixture(scope="module")
def april(folder: Path) -> Run:
    return open_run(folder / "april")


@pytest.fixture(scope="module")
def reported(april: Run) -> dict[int, Summary]:
    """What `rrt report` counts, for those who may see each case and for sharing."""
    return {under: summary_of(april, under, kpis=kpis_of(april, under)) for under in (0, 5)}


@pytest.fixture(scope="module")
def flags(april: Run) -> Iterator[sqlite3.Connection]:
    """The flags of April, as anybody may look into them."""
    table = april.flags().to_pylist()
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute(f"create table flags ({', '.join(chr(34) + name + chr(34) for name in table[0])})")
    values = [[v.isoformat() if isinstance(v, date) else v for v in row.values()] for row in table]
    database.executemany(f"insert into flags values ({', '.join('?' * len(table[0]))})", values)
    yield database
    database.close()


def counted(text: str) -> tuple[int, int]:
    """How many duties and how many children a page of cases says there are."""
    said = words(page(text).cssselect(".govuk-body-l")[0]).replace(",", "").split()
    return int(said[0]), int(said[said.index("of") + 1])


def condition(text: str) -> str:
    found = page(text).cssselect("main code")
    return found[0].text_content() if found else "1 = 1"


def rows(text: str) -> list[list[str]]:
    return [[words(cell) for cell in row.cssselect("th, td")] for row in page(text).cssselect("tbody tr")]


# ------------------------------------------------------------------------------------------------ the list and a run


def test_the_list_says_of_each_run_what_its_manifest_says(browser: TestClient, held: Desk) -> None:
    shown = page(browser.get("/runs").text)
    sections = shown.cssselect("main section")
    assert len(sections) == 2
    for section, one in zip(sections, held.runs, strict=True):
        text, counts = words(section), one.manifest["counts"]
        assert text.startswith(one.folder.name) and one.manifest["rules"]["digest"][:12] in text
        assert f"Duties and patterns {counts['flags']:,}" in text and f"{counts['rejected']:,} of {counts['read']:,}" in text
        assert "All there, as they were" in text
    assert words(sections[0]).count("15 April 2026") == 1 and "15 March 2026" in words(sections[1])


def test_a_comparison_begins_from_the_earlier_day_whatever_the_order_in_which_runs_were_named(browser: TestClient, held: Desk) -> None:
    for runs in (held.runs, held.runs[::-1]):
        shown = page(client(replace(held, runs=runs)).get("/runs").text)
        chosen = [words(option) for option in shown.cssselect("option[selected]")]
        assert ["15 March 2026" in chosen[0], "15 April 2026" in chosen[1]] == [True, True]


def test_without_runs_the_list_says_how_to_make_and_name_one() -> None:
    answer = client().get("/runs")
    assert answer.status_code == 200 and "rrt serve --run april" in words(page(answer.text))


def test_a_run_begins_with_the_answer_of_its_report_and_every_number_that_is_a_link_leads_to_as_many_cases(
    browser: TestClient, april: Run, flags: sqlite3.Connection
) -> None:
    found = summary_of(april, kpis=NONE)
    shown = page(browser.get("/runs/0").text)
    assert run_page.answer(found) in words(shown) and run_page.title(found) == words(shown.cssselect("h1")[0])
    links = [(a.text_content(), a.get("href")) for a in shown.cssselect("table a")]
    assert len(links) > 60
    bases = {parse_qs(urlsplit(href).query)["basis"][0] for _, href in links}
    assert "history" in bases
    for number, href in links[::9] + links[-8:]:
        text = browser.get(href).text
        assert counted(text)[0] == int(number.replace(",", "")), href
        assert flags.execute(f'select count(*), count(distinct "case") from flags where {condition(text)}').fetchone() == counted(text)


def test_numbers_of_teams_are_linked_by_number_and_their_names_stand_in_no_address(browser: TestClient) -> None:
    text = browser.get("/runs/0").text
    shown = page(text)
    assert TEAM in words(shown) and FORMULA in words(shown) and "<script>alert" not in text
    linked = [href for _, _, href, _ in shown.iterlinks()]
    assert any("team=" in href for href in linked) and not [href for href in linked if "alert" in href or "cmd" in href]
    assert "April" not in shown.findtext(".//title") and MARKUP not in shown.findtext(".//title")


# ------------------------------------------------------------------------------------------------ its cases


@pytest.mark.parametrize("state", ["", *run_cases.STATES])
@pytest.mark.parametrize("basis", ["", "history", "now"])
def test_what_is_asked_for_is_what_the_condition_beside_it_counts(
    state: str, basis: str, browser: TestClient, flags: sqlite3.Connection
) -> None:
    text = browser.get("/runs/0/cases", params={"state": state, "basis": basis}).text
    sql = f'select count(*), count(distinct "case") from flags where {condition(text)}'
    assert flags.execute(sql).fetchone() == counted(text)
    assert bool(rows(text)) == bool(counted(text)[0])
    if not rows(text):
        assert "Nothing in this run is so" in words(page(text))


def test_each_team_and_each_rule_and_service_of_the_form_can_be_asked_for_together(browser: TestClient, flags: sqlite3.Connection) -> None:
    shown = page(browser.get("/runs/0/cases").text)
    choices = {s.get("name"): [o.get("value") for o in s.cssselect("option")] for s in shown.cssselect("select")}
    assert len(choices["team"]) > 3 and len(choices["rule"]) > 10 and len(choices["service"]) > 3
    assert "No team recorded" in words(shown)
    total = 0
    for team in choices["team"][1:]:
        text = browser.get("/runs/0/cases", params={"team": team, "service": choices["service"][1], "rule": choices["rule"][1]}).text
        sql = f'select count(*), count(distinct "case") from flags where {condition(text)}'
        assert flags.execute(sql).fetchone() == counted(text)
        total += counted(text)[0]
    assert total == counted(browser.get("/runs/0/cases", params={"rule": choices["rule"][1]}).text)[0] > 0


def test_a_condition_with_a_quotation_mark_in_a_name_is_written_as_sql(flags: sqlite3.Connection) -> None:
    assert flags.execute("select count(*) from flags where team = '<script>alert(''team'')</script>'").fetchone()[0] > 0


def test_every_row_is_on_one_page_and_in_the_order_of_the_run(browser: TestClient, april: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_pages, "PER_PAGE", 37)
    assert len(april.flag_files()) > 2, "the pages run over several parts"
    wanted = [(r["case"], r["rule"]) for r in april.flags().to_pylist() if r["status"] == "late"]
    seen: list[tuple[str, str]] = []
    address: str | None = "/runs/0/cases?state=late"
    while address:
        text = browser.get(address).text
        seen += [(row[0], row[1].split()[-1]) for row in rows(text)]
        address = next((a.get("href") for a in page(text).cssselect("a[rel=next]")), None)
    assert seen == wanted and len(wanted) > 100
    last = browser.get("/runs/0/cases?state=late&page=99999999").text
    assert rows(last) == rows(browser.get(f"/runs/0/cases?state=late&page={-(-len(wanted) // 37)}").text)


def test_lateness_in_a_run_is_said_in_calendar_days(browser: TestClient, april: Run) -> None:
    """A run holds calendar days, and a case counts the days of its rule: what is the more of the two says what it counts."""
    late = {}
    for row in april.flags().to_pylist():
        if row["status"] == "late":
            late.setdefault((row["case"], row["rule"]), []).append(row["days_late"])
    (case, rule), (days, *_) = next((key, n) for key, n in late.items() if n[0] > 1)
    shown = [row for row in rows(browser.get(f"/runs/0/cases?state=late&rule={rule}").text) if row[0] == case]
    assert any(f"{days} calendar days late" in row[2] for row in shown)
    assert not any(" days late" in row[2].replace("calendar days late", "") for row in shown)


@pytest.fixture(scope="module")
def with_data(held: Desk, folder: Path) -> Desk:
    """The runs, with the records that they were made from as the data beside others."""
    return replace(held, replay=replay([folder / "events.csv", CASES / "training" / "sofa.yaml"], held.book, parse_moment(AS_OF[1])))


def test_a_case_leads_to_its_page_in_the_data_that_the_run_was_made_from(held: Desk, with_data: Desk) -> None:
    text = client(with_data).get("/runs/0/cases?state=open").text
    links = {words(a): a.get("href") for a in page(text).cssselect("tbody th a")}
    assert {MARKUP, "=1+1"} <= set(links) == {row[0] for row in rows(text)}
    assert all(with_data.find(id)[0] in href and "as_of=2026-04-15" in href for id, href in links.items())
    assert page(client(with_data).get("/runs/compare?a=1&b=0").text).cssselect("main li a[href*='/case/']")
    assert not page(client(held).get("/runs/0/cases?state=open").text).cssselect("tbody a")
    assert "<b>&amp;1" not in text.replace("&lt;b&gt;&amp;amp;1", "")


def test_a_child_of_other_records_with_the_same_id_is_not_taken_for_the_child_of_a_run(held: Desk) -> None:
    other = replace(held, replay=desk().replay)
    for address in ("/runs/0/cases?state=open", "/runs/compare?a=1&b=0"):
        shown = page(client(other).get(address).text)
        ids = [words(cell).partition(":")[0] for cell in shown.cssselect("tbody th, .govuk-list--spaced li")]
        assert any(other.find(id) for id in ids), "the data hold children of these ids"
        assert not shown.cssselect("main a[href*='/case/']") and "was made from other records" in words(shown)


def test_an_id_in_the_runs_records_and_in_others_leads_only_to_the_child_of_the_run(held: Desk, folder: Path) -> None:
    """Where the data are the records of the run and others that use an id for another child."""
    (folder / "other.csv").write_text("child_id,event,at,date_of_birth\nS021,referral_received,2026-03-01,2011-01-01\n", encoding="utf-8")
    both = replace(held, replay=replay([folder / "events.csv", folder / "other.csv"], held.book, parse_moment(AS_OF[1])))
    assert both.replay
    for id in ("S021", "S022"):
        of = {both.held(handle).run for handle in both.find_of(held.runs[0], id)}  # type: ignore[union-attr]
        assert of and all(any(each.file == folder / "events.csv" for each in both.replay.sources[n].members) for n in of)


def case_links(held: Desk, number: int) -> list[str]:
    return [str(a.get("href")) for a in page(client(held).get(f"/runs/{number}/cases").text).cssselect("tbody th a[href*='/case/']")]


def test_a_case_opens_from_a_run_that_is_itself_the_data_and_from_another_run_of_the_same_records_only(
    held: Desk, folder: Path, tmp_path: Path
) -> None:
    """The parts of a run are what is read of its folder, or of a partition: not the file that they were cut from."""
    log = tmp_path / "events.csv"
    log.write_text("child_id,event,at,date_of_birth\nS021,referral_received,2026-03-01,2011-01-01\n", encoding="utf-8")
    run([log], Settings(RULES, parse_moment(AS_OF[1])), tmp_path / "other")
    parts = partition([folder / "events.csv"], held.book, tmp_path / "parts", rows=400)
    write_partition(parts, tmp_path / "parts")
    runs = (*held.runs, open_run(tmp_path / "other"))
    for data, opens in ((folder / "april", (0, 1)), (tmp_path / "parts", (0, 1)), (tmp_path / "other", (2,)), (log, (2,))):
        on = replace(held, replay=replay([data], held.book, parse_moment(AS_OF[1])), runs=runs)
        assert on.find("S021"), "children of this id are in both records"
        for number in range(3):
            links, said = case_links(on, number), words(page(client(on).get(f"/runs/{number}/cases").text).cssselect("main")[0])
            assert bool(links) == (number in opens) == ("opens as the data hold it now" in said), (data, number)
            assert ("made from other records" in said) != bool(links)
        compared = page(client(on).get("/runs/compare?a=1&b=0").text).cssselect("main li a[href*='/case/']")
        assert bool(compared) == (0 in opens)
    on = replace(held, replay=replay([folder / "april"], held.book, parse_moment(AS_OF[1])))
    address = case_links(on, 0)[0]
    assert client(on).get(address).status_code == 200


# ------------------------------------------------------------------------------------------------ as known on a day

KNOWN = parse_moment("2026-03-31").day


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with events recorded up to six weeks after they happened, some without a day, and two runs of it: `then`, as known two
    weeks before its as-of date, and `all`.
    """
    made = tmp_path_factory.mktemp("late")
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    shown = [f"{lines[0]},recorded_at"]
    for number, line in enumerate(lines[1:]):
        day = line.split(",")[2][:10]
        real = number % 5 and day[:4].isdecimal() and len(day) == 10
        shown.append(f"{line},{date.fromisoformat(day) + timedelta(days=number % 43) if real else ''}")
    log = made / "events.csv"
    log.write_text("\n".join(shown) + "\n", encoding="utf-8")
    shutil.copy(SAMPLE.with_name("events.covers.yaml"), made)
    run([log], Settings(RULES, parse_moment(AS_OF[1]), KNOWN), made / "then")
    run([log], Settings(RULES, parse_moment(AS_OF[1])), made / "all")
    return made


@pytest.fixture(scope="module")
def then(late: Path) -> Iterator[Desk]:
    """The run that was made as known on a day as the data, and the other beside it."""
    opened = open_desk([late / "then"], RULES, None, late / "record.sqlite", [late / "all"])
    yield opened
    opened.close()


def flags_by_child(one: Run) -> dict[str, Counter[tuple[str, str, str]]]:
    found: dict[str, Counter[tuple[str, str, str]]] = {}
    for row in one.flags().to_pylist():
        due = row["due_at"] or (row["due"] and row["due"].isoformat()) or ""
        found.setdefault(row["case"], Counter())[row["rule"], row["status"], due[:10]] += 1
    return found


def test_a_run_as_known_on_a_day_is_looked_at_as_known_on_it_on_today_and_in_every_case(then: Desk) -> None:
    """Each number of the pages is that of the run, and not of the run that counts what was recorded since."""
    one, everything = (flags_by_child(each) for each in then.runs)
    assert sum(one[child] != everything.get(child) for child in one) > 20, "what was recorded later matters here"
    for child in sorted({*one, *everything}):
        (handle,) = then.find(child)
        found = then.checked(handle, then.today, None).flags
        assert Counter((f.rule, f.status, (f.due or "")[:10]) for f in found) == one.get(child, Counter()), child
    assert then.judged
    rows = then.runs[0].flags().to_pylist()
    overdue = [row for row in rows if row["status"] == "overdue" and row["ended_by"] is None]
    listed = list(then.judged.worklist().items(then.judged.worklist().overdue))
    assert Counter((i.case, i.rule, i.team) for i in listed) == Counter((r["case"], r["rule"], r["team"]) for r in overdue)


def test_every_page_of_it_says_as_known_on_which_day_and_what_that_leaves_out(then: Desk) -> None:
    assert then.replay
    said = "as at the end of Wednesday 15 April 2026, as known on 31 March 2026"
    log = then.replay.sources[0].log
    assert log.recorded is not None
    later = log.recorded > KNOWN
    hidden = {str(name): int(np.count_nonzero(later[log.child == n])) for n, name in enumerate(log.children)}
    browser = client(then)
    top = words(page(browser.get("/").text).cssselect("main")[0])
    assert said.capitalize()[:2] + said[2:] in top
    assert (
        f"Here only what had been recorded by 31 March 2026 counts: {int(np.count_nonzero(later & (log.day <= then.today.day))):,} events"
        in top
    )
    chosen = {n: next(name for name, hides in hidden.items() if hides == n) for n in sorted(set(hidden.values()))}
    assert {0, 1} < set(chosen)
    for n, child in chosen.items():
        (handle,) = then.find(child)
        text = words(page(browser.get(f"/case/{handle}").text).cssselect("main")[0])
        assert said in text and ("recorded later" in text) == bool(n)
        assert not n or f"{n} event{' of this case was' if n == 1 else 's of this case were'} recorded later, and" in text
        for address in (f"/decide/{handle}", f"/check?from={handle}"):
            answer = browser.get(address)
            assert answer.status_code == 200 and said in words(page(answer.text).cssselect("main")[0]), address
    sections = [words(each) for each in page(browser.get("/runs").text).cssselect("main section")]
    assert [", as known on 31 March 2026" in each for each in sections] == [True, False]


def test_a_run_that_counts_otherwise_than_the_data_says_so_where_its_cases_open(then: Desk, late: Path) -> None:
    saying = "It may say otherwise than this run, which counted {}: a case counts {}."
    everything, some = "everything, however late it was recorded", "only what had been recorded by 31 March 2026"
    plain = replace(then, replay=replay([late / "events.csv"], then.book, then.today))
    for on, number, says in (
        (then, 0, ""),
        (then, 1, saying.format(everything, some)),
        (plain, 0, saying.format(some, everything)),
        (plain, 1, ""),
    ):
        said = words(page(client(on).get(f"/runs/{number}/cases").text).cssselect("main")[0])
        assert case_links(on, number) and ("It may say otherwise" in said) == bool(says) and says in said
    assert "as known on" not in words(page(client(plain).get("/").text).cssselect("main")[0])


def test_pages_of_several_sources_say_of_a_run_among_them_that_here_everything_counts(then: Desk, late: Path) -> None:
    clock = [parse_moment("2026-04-15T09:00")]
    both = open_desk([late / "then", CASES / "training" / "sofa.yaml"], RULES, None, late / "record.sqlite", (), lambda: clock[0])
    said = "The run then counted only what had been recorded by 31 March 2026. Here everything counts, however late it was recorded."
    assert both.as_known is None and said in words(page(client(both).get("/").text).cssselect("main")[0])
    clock[0] = parse_moment("2026-04-15T10:00")
    both.keep_up(60)
    shown = words(page(client(both).get("/").text).cssselect("main")[0])
    assert both.today == clock[0] and said in shown, "also when it was judged anew"
    assert said not in words(page(client(then).get("/").text).cssselect("main")[0])
    both.close()


def test_a_child_of_whom_nothing_was_recorded_by_the_day_has_a_page(tmp_path: Path) -> None:
    log = tmp_path / "events.csv"
    log.write_text(
        "child_id,event,at,recorded_at\nC1,referral_received,2026-03-02,2026-04-20\nC2,referral_received,2026-03-02,2026-03-02\n",
        encoding="utf-8",
    )
    run([log], Settings(RULES, parse_moment(AS_OF[1]), KNOWN), tmp_path / "then")
    opened = open_desk([tmp_path / "then"], RULES, parse_moment("2026-04-30"), tmp_path / "record.sqlite")
    (handle,) = opened.find("C1")
    said = words(page(client(opened).get(f"/case/{handle}").text).cssselect("main")[0])
    assert "as at the end of Thursday 30 April 2026, as known on 31 March 2026" in said, "another as-of date leaves the day of knowing"
    assert "1 event of this case was recorded later, and is not counted" in said and "referral" not in said.partition("Look at another")[0]
    opened.close()


@pytest.mark.parametrize(
    "query",
    ["rule=none", "state=breach", "service=x", "basis=x", "team=99", "team=North", "team=-1", f"rule={'x' * 9_000}", "rule=' or 1=1 --"],
)
def test_what_a_run_does_not_know_is_said(query: str, browser: TestClient) -> None:
    answer = browser.get(f"/runs/0/cases?{query}")
    assert answer.status_code == 404 and "This run knows no such" in words(page(answer.text))


@pytest.mark.parametrize("number", ["2", "-1", "x", "9" * 5_000, "%2e%2e", "²"])
@pytest.mark.parametrize("rest", ["", "/cases", "/report"])
def test_a_run_that_is_not_there_is_said(number: str, rest: str, browser: TestClient) -> None:
    assert browser.get(f"/runs/{number}{rest}").status_code == 404


# ------------------------------------------------------------------------------------------------ its report


def test_the_whole_report_is_the_page_that_the_command_writes_and_may_load_only_its_own_style(
    browser: TestClient, reported: dict[int, Summary]
) -> None:
    answer = browser.get("/runs/0/report")
    assert answer.text == run_page.page(reported[0])
    style = page(answer.text).cssselect("style")[0].text
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize("under", [0, 5])
def test_what_is_kept_is_what_the_command_writes(
    under: int, browser: TestClient, april: Run, reported: dict[int, Summary], tmp_path: Path
) -> None:
    written = [path for name in ("r.html", "r.xlsx", "r.csv") for path in write_report(reported[under], april, tmp_path / name)]
    assert len(written) == (3 if under else 4)
    for path in written:
        kind = path.stem.removeprefix("r-") if path.suffix == ".csv" else path.suffix[1:]
        answer = browser.get("/runs/0/report", params={"file": kind, "sharing": "yes" if under else ""})
        assert answer.content == path.read_bytes(), path.name
        name = answer.headers["content-disposition"]
        assert name.startswith('attachment; filename="report-2026-04-15') and name.endswith(
            f'{kind}.csv"' if path.suffix == ".csv" else f'.{kind}"'
        )
        assert ("for-sharing" in name) == bool(under)
        text = path.read_text(encoding="utf-8") if path.suffix != ".xlsx" else _sheets(path.read_bytes())
        if under:
            assert MARKUP not in text and "=1+1" not in text and "S003" not in text
        elif path.suffix == ".csv" and kind == "flags":
            assert "'=1+1" in text and "'=cmd" in text and ',"=' not in text and "\n=" not in text


def _sheets(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())


@pytest.mark.parametrize("query", ["file=pdf", "file=../manifest.json", "file=flags&sharing=yes"])
def test_no_other_file_is_given(query: str, browser: TestClient) -> None:
    assert browser.get(f"/runs/0/report?{query}").status_code == 404


def test_a_table_that_is_too_large_for_a_page_names_the_command(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_pages, "MOST_ROWS", 10)
    answer = browser.get("/runs/0/report?file=flags")
    assert answer.status_code == 400 and "rrt report" in words(page(answer.text))
    assert not page(browser.get("/runs/0").text).cssselect("a[href*='file=flags']")


# ------------------------------------------------------------------------------------------------ two runs


def test_two_runs_compared_say_what_the_command_says(browser: TestClient, held: Desk, tmp_path: Path) -> None:
    found = compare_runs(held.runs[1], held.runs[0], tmp_path)
    text = browser.get("/runs/compare?a=1&b=0").text
    shown = words(page(text))
    said = [totals(found.found), *(run_words(each) for each in (found.before, found.after))]
    said += [f"{n:,} {line}" for _, n, line in kind_lines(found.found, found.factors, KIND_WORDS)]
    said += [line[1:] for line in difference_words(found)]
    for line in said:
        assert " ".join(line.split()) in shown, line
    assert found.found.moved > 50 and "<script>alert" not in text
    assert sum(len(found.found.first(kind)) for kind in KIND_WORDS) == len(page(text).cssselect("main .govuk-list--spaced li"))


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [("a=0", 404, "Choose two runs"), ("a=0&b=7", 404, "no such run")],
)
def test_two_runs_that_cannot_be_compared_are_said(query: str, status: int, said: str, browser: TestClient) -> None:
    answer = browser.get(f"/runs/compare?{query}")
    assert answer.status_code == status and said in words(page(answer.text))


def test_a_run_chosen_twice_is_said_beside_the_field_and_the_form_is_kept(browser: TestClient) -> None:
    answer = browser.get("/runs/compare?a=1&b=1")
    shown = page(answer.text)
    said = "Choose another run: a run is not compared with itself"
    assert answer.status_code == 422 and said in words(shown.cssselect(".govuk-error-summary")[0])
    assert shown.cssselect(".govuk-error-summary a")[0].get("href") == "#b" and said in words(shown.cssselect("#b-error")[0])
    assert shown.cssselect("select#b")[0].get("aria-describedby") == "b-error"
    assert [option.get("value") for option in shown.cssselect("option[selected]")] == ["1", "1"]


def test_a_later_run_taken_for_the_earlier_is_said_and_can_be_turned_round(browser: TestClient, held: Desk) -> None:
    days = [as_of_words(one.as_of) for one in held.runs]
    said = f"The first of these two runs is the later: it is as at {days[0]}, and the second as at {days[1]}."
    turned = page(browser.get("/runs/compare?a=0&b=1").text)
    assert said in words(turned.cssselect("main")[0])
    (link,) = [a for a in turned.cssselect("main a") if words(a) == "Compare them the other way round"]
    right = page(browser.get(link.get("href")).text)
    assert urlsplit(link.get("href")).query == "a=1&b=0" and "is the later" not in words(right)


def test_a_long_comparison_says_to_wait_looks_again_by_itself_and_is_made_once(held: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    go, made = threading.Event(), []

    def slow(one: Run, two: Run, folder: Path) -> Any:
        made.append(1)
        assert go.wait(20)
        return compare_runs(one, two, folder)

    monkeypatch.setattr(run_pages, "compare_runs", slow)
    monkeypatch.setattr(run_pages, "PATIENCE", 0.05)
    waiting = client(replace(held, comparisons=Works()))
    for _ in range(2):
        answer = waiting.get("/runs/compare?a=1&b=0")
        assert answer.status_code == 200 and answer.headers["refresh"] == "5" and "Please wait" in words(page(answer.text))
    go.set()
    for _ in range(200):
        answer = waiting.get("/runs/compare?a=1&b=0")
        if "refresh" not in answer.headers:
            break
        time.sleep(0.02)
    assert "Two runs compared" in words(page(answer.text)) and made == [1]


def test_runs_by_other_versions_of_the_program_are_compared_without_causes_and_it_is_said(held: Desk, folder: Path, tmp_path: Path) -> None:
    other = _changed(folder / "march", tmp_path / "old", engine="0.0.9")
    text = client(replace(held, runs=(held.runs[0], open_run(other)), works=Works(), comparisons=Works())).get("/runs/compare?a=1&b=0").text
    assert "What made the difference is not said: the runs were made by different versions of rrt, 0.0.9 and" in words(page(text))


# ------------------------------------------------------------------------------------------------ folders that change


def _changed(folder: Path, target: Path, **manifest: Any) -> Path:
    shutil.copytree(folder, target)
    about = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    (target / "manifest.json").write_text(json.dumps({**about, **manifest}), encoding="utf-8")
    return target


@pytest.fixture
def copied(held: Desk, folder: Path, tmp_path: Path) -> tuple[TestClient, Path]:
    """A run that a test may spoil, served and looked at once."""
    target = tmp_path / "april"
    shutil.copytree(folder / "april", target)
    served = client(replace(held, runs=(open_run(target), held.runs[1]), works=Works(), comparisons=Works()))
    assert served.get("/runs/0").status_code == served.get("/runs/0/cases?state=met").status_code == 200
    return served, target


ADDRESSES = ("/runs/0", "/runs/0/cases?state=met", "/runs/0/cases?state=late", "/runs/0/report", "/runs/compare?a=1&b=0")


def test_a_run_whose_folder_is_gone_is_said_on_every_page(copied: tuple[TestClient, Path]) -> None:
    served, target = copied
    shutil.rmtree(target)
    for address in ADDRESSES:
        answer = served.get(address)
        assert answer.status_code == 400 and "there is no such folder" in words(page(answer.text)), address
    listed = served.get("/runs")
    assert listed.status_code == 200 and "there is no such folder" in words(page(listed.text))
    assert not page(listed.text).cssselect("a[href='/runs/0']")


def test_a_run_that_is_written_anew_is_said_rather_than_mixed(copied: tuple[TestClient, Path]) -> None:
    served, target = copied
    about = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    (target / "manifest.json").write_text(json.dumps({**about, "as_of": "2026-04-14"}), encoding="utf-8")
    for address in ADDRESSES:
        answer = served.get(address)
        assert answer.status_code == 400 and "written anew since these pages were opened" in words(page(answer.text)), address
        assert "to see it as it is now, start rrt serve again" in words(page(answer.text)).replace("`", ""), address


def test_flags_that_were_changed_are_said_though_they_were_read_before(copied: tuple[TestClient, Path]) -> None:
    served, target = copied
    file = sorted((target / "flags").iterdir())[0]
    file.write_bytes(file.read_bytes()[:-9] + b"nothing..")
    for address in ("/runs/0/cases?state=met", "/runs/0/cases?state=late"):
        answer = served.get(address)
        assert answer.status_code == 400 and "it is not what this run wrote" in words(page(answer.text)), address


def test_events_that_are_gone_are_said_in_the_list(copied: tuple[TestClient, Path]) -> None:
    served, target = copied
    assert "All there, as they were" in words(page(served.get("/runs").text).cssselect("main section")[0])
    shutil.rmtree(target / "events")
    said = words(page(served.get("/runs").text).cssselect("main section")[0])
    assert "is not there any more" in said and "Parts set aside None" in said


def test_rules_of_a_run_that_are_damaged_are_said(held: Desk, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "april"
    shutil.copytree(folder / "april", target)
    (target / "rules.zip").write_bytes(b"PK nothing")
    answer = client(replace(held, runs=(open_run(target),), works=Works(), comparisons=Works())).get("/runs/0")
    assert answer.status_code == 400 and "cannot be read" in words(page(answer.text))


# ------------------------------------------------------------------------------------------------ what takes long


def test_what_was_made_is_kept_while_it_is_asked_for_and_the_oldest_goes() -> None:
    works, made = Works(most=2), []

    def make(key: str) -> str:
        made.append(key)
        return key

    for key in ("a", "b", "a", "c", "a", "b"):
        assert works.ask(key, partial(make, key)) == key
    assert made == ["a", "b", "c", "b"]


def test_what_could_not_be_made_is_said_and_tried_again() -> None:
    works, tried = Works(), []

    def broken() -> None:
        tried.append(1)
        raise InputError([Diagnostic("run", 0, 0, "run", "it is damaged")])

    for _ in range(2):
        with pytest.raises(InputError, match="it is damaged"):
            works.ask("a", broken)
    assert len(tried) == 2


def test_one_is_made_at_a_time_and_no_more_may_wait_than_fit() -> None:
    works, go, running = Works(waiting=3), threading.Event(), []

    def slow() -> None:
        running.append(1)
        go.wait(20)

    for key in range(3):
        with pytest.raises(NotYet):
            works.ask(key, slow, 0.02)
    assert len(running) == 1
    with pytest.raises(NotYet) as full:
        works.ask(3, slow, 0.02)
    assert full.value.others == 3 and list(works._works) == [0, 1, 2]
    go.set()
    for key in range(3):
        works.ask(key, slow, 20)
    assert len(running) == 3, "the fourth was never begun"
