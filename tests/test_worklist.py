"""`rrt worklist`: every line checked against an obvious recount, its first and last days, and each kind of file it writes."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import openpyxl
import pytest
from typer.testing import CliRunner, Result

from rrt_engine import cli, cli_worklist
from rrt_engine.calendar import NO_DAY, as_date, day_number, parse_moment
from rrt_engine.cli import app
from rrt_engine.paths import CASES
from rrt_engine.replay.run import replay, usual_last
from rrt_engine.replay.worklist import NO_TEAM, NO_WORKER, Choice, Item, Worklist, worklist
from rrt_engine.reports.source_words import reach_words
from rrt_engine.reports.worklist_document import worklist_document
from rrt_engine.reports.worklist_files import COLUMNS, write_worklist
from rrt_engine.reports.worklist_page import page
from rrt_engine.reports.worklist_words import about, left_out, missing_in_short, totals
from rrt_engine.timescales.quality import after_death
from tests.shipped import BOOK
from tools.schemas import FOLDER

SAMPLE = CASES / "sample" / "events.csv"
DATA = Path(__file__).parent / "data"
AS_OF = "2026-04-15"

# One enquiry a child: due 15 working days after, over Easter. The tenth working day after 15 April 2026 is 29 April.
LOG = """\
child_id,event,at,s47_initiated,team,worker
LATE,strategy_discussion_held,2026-03-03,true,North,W1
LATE,icpc_held,2026-03-26,,North,W1
OLD,strategy_discussion_held,2026-02-03,true,North,W1
NEW,strategy_discussion_held,2026-03-18,true,South,
TODAY,strategy_discussion_held,2026-03-23,true,,
LAST,strategy_discussion_held,2026-04-08,true,South,W2
BEYOND,strategy_discussion_held,2026-04-09,true,South,W2
UNSAID,strategy_discussion_held,2026-03-03,,North,
CLOSED,strategy_discussion_held,2026-02-03,true,North,W1
CLOSED,case_closed,2026-03-20,,North,W1
"""
COVERS = "events: [strategy_discussion_held, icpc_held, s47_outcome_recorded, case_closed]\n"
ONLY_THE_CONFERENCE = BOOK.only("cp_icpc_15wd")


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cli, cli_worklist):
        monkeypatch.setattr(module, "rule_book", lambda _: BOOK)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path, LOG)


def written(folder: Path, text: str, covers: str = COVERS) -> Path:
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    (folder / "events.covers.yaml").write_text(covers, encoding="utf-8")
    return path


def made(path: Path, as_of: str = AS_OF, days: int = 10, **choice: Any) -> Worklist:
    return worklist(replay([path], ONLY_THE_CONFERENCE, parse_moment(as_of)), days, Choice(**choice))


def items(found: Worklist) -> dict[str, list[Item]]:
    return {name: list(found.items(getattr(found, name))) for name in ("overdue", "due", "unclear")}


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["worklist", *(str(a) for a in arguments)])


# ---------------------------------------------------------------------------------------------------- what is on it


def test_the_longest_overdue_first_then_what_is_due_and_nothing_that_is_done(log: Path) -> None:
    found = made(log)
    parts = items(found)
    assert [(i.case, i.how, i.due) for i in parts["overdue"]] == [
        ("OLD", "34 working days overdue", "Tuesday 24 February 2026"),
        ("NEW", "3 working days overdue", "Friday 10 April 2026"),
    ]
    assert [(i.case, i.how, i.due) for i in parts["due"]] == [
        ("TODAY", "due today", "Wednesday 15 April 2026"),
        ("LAST", "due in 10 working days", "Wednesday 29 April 2026"),
    ]
    assert [(i.case, i.missing) for i in parts["unclear"]] == [
        ("UNSAID", "whether a section 47 enquiry was begun (strategy discussion on 3 March 2026)")
    ]
    assert found.not_done == 1, "CLOSED was missed, and has ended"
    assert found.children() == 4


def test_what_falls_due_after_the_records_end_is_apart_and_not_overdue(tmp_path: Path) -> None:
    parts = items(made(written(tmp_path, LOG, f"{COVERS.rstrip()}\nto: 2026-04-09\n")))
    assert [i.case for i in parts["overdue"]] == ["OLD"] and parts["due"] == []  # NEW was due on 10 April 2026
    apart = {i.case: i.missing for i in parts["unclear"]}
    assert apart.pop("UNSAID").startswith("whether a section 47 enquiry was begun (")
    assert apart == dict.fromkeys(("NEW", "TODAY", "LAST", "BEYOND"), "records from after this source ends")
    parts = items(made(written(tmp_path, LOG, f"{COVERS.rstrip()}\nto: 2026-04-10\n")))
    assert [i.case for i in parts["overdue"]] == ["OLD", "NEW"]


def test_a_line_says_since_when_by_what_authority_and_where_the_record_is(log: Path) -> None:
    new = items(made(log))["overdue"][1]
    assert new.since == "the strategy discussion on Wednesday 18 March 2026"
    assert (new.since_event, new.since_at) == ("strategy_discussion_held", "2026-03-18")
    assert (new.authority, new.service, new.rule) == ("guidance", "child_protection", "cp_icpc_15wd")
    assert new.next_step == BOOK.named("cp_icpc_15wd")[-1].spec.pathway.get("overdue", "").replace("_", " ")
    assert (new.source, new.row, new.provisional, new.latest_only) == ("events.csv", 5, False, False)


@pytest.mark.parametrize(("days", "shown"), [(10, ["TODAY", "LAST"]), (9, ["TODAY"]), (11, ["TODAY", "LAST", "BEYOND"]), (0, ["TODAY"])])
def test_how_far_ahead_is_counted_in_working_days(log: Path, days: int, shown: list[str]) -> None:
    book = replay([log], ONLY_THE_CONFERENCE, parse_moment(AS_OF))
    found = worklist(book, days)
    near = [i.case for i in found.items(found.due) if i.due_day <= found.last_day]
    assert near == shown


def test_what_is_due_soon_is_on_the_list_though_it_lies_beyond_the_days(log: Path) -> None:
    found = made(log, "2026-04-15", 1)
    warn = BOOK.named("cp_icpc_15wd")[-1].spec.warn
    assert warn is not None
    soon = made(log, "2026-04-28", 0)
    assert [i.case for i in soon.items(soon.due)] == ["LAST", "BEYOND"], f"both are inside the lead of {warn}"
    assert soon.due_by(True) == 0 and soon.due_by(False) == 2
    assert found.due_by(True) == 1


def test_the_team_and_worker_are_the_latest_recorded_by_the_date(tmp_path: Path) -> None:
    text = (
        "child_id,event,at,s47_initiated,team,worker\n"
        "A,strategy_discussion_held,2026-02-03,true,North,W1\n"
        "A,child_seen,2026-03-01,,South,\n"
        "A,child_seen,2026-04-15,, East ,W9\n"
        "A,child_seen,2026-04-16,,West,W8\n"
        "B,strategy_discussion_held,2026-02-03,true,,\n"
    )
    found = made(written(tmp_path, text, "events: [strategy_discussion_held, icpc_held, child_seen]\n"))
    assert [(i.case, i.team, i.worker) for i in found.items(found.overdue)] == [("A", "East", "W9"), ("B", NO_TEAM, NO_WORKER)]
    before = made(tmp_path / "events.csv", "2026-04-14")
    assert [(i.case, i.team, i.worker) for i in before.items(before.overdue)] == [("A", "South", "W1"), ("B", NO_TEAM, NO_WORKER)]


def test_a_time_of_day_in_the_as_of_moment_counts_for_teams_too(tmp_path: Path) -> None:
    text = "child_id,event,at,s47_initiated,team\nA,strategy_discussion_held,2026-02-03,true,North\nA,child_seen,2026-04-15T11:00,,South\n"
    path = written(tmp_path, text, "events: [strategy_discussion_held, icpc_held, child_seen]\n")
    for as_of, team in (("2026-04-15T10:59", "North"), ("2026-04-15T11:00", "South"), ("2026-04-15", "South")):
        found = made(path, as_of)
        assert [i.team for i in found.items(found.overdue)] == [team], as_of


def test_lines_that_were_not_asked_for_are_counted(log: Path) -> None:
    found = made(log, teams=("south",))
    assert [i.case for i in found.items(found.overdue)] == ["NEW"] and [i.case for i in found.items(found.due)] == ["LAST"]
    assert found.elsewhere == 3 and found.not_done == 0
    none = made(log, teams=(NO_TEAM,))
    assert [i.case for i in none.items(none.due)] == ["TODAY"] and len(none.overdue) == 0
    mine = made(log, workers=("W2",))
    assert [i.case for i in mine.items(mine.due)] == ["LAST"]
    assert len(made(log, services=("adoption",)).overdue) == 0
    assert len(made(log, authorities=("duty", "guidance")).overdue) == 2 and len(made(log, authorities=("duty",)).overdue) == 0


def test_clocks_counted_in_hours_keep_their_time(tmp_path: Path) -> None:
    text = (
        "child_id,event,at\nA,missing_episode_ended,2026-04-12T09:30\nB,missing_episode_ended,2026-04-13T16:00\n"
        "C,missing_episode_ended,2026-04-11\n"
    )
    path = written(tmp_path, text, "events: [missing_episode_ended, rhi_offered, rhi_completed]\n")
    book = BOOK.only("ht_rhi_completed_72h")
    found = worklist(replay([path], book, parse_moment("2026-04-15T10:00")))
    late = {i.case: i for i in found.items(found.overdue)}
    assert late["A"].due == "Wednesday 15 April 2026 at 09:30 BST" and late["A"].how == "30 minutes overdue"
    assert late["A"].due_iso() == "2026-04-15T09:30+01:00"
    assert late["C"].due == "Tuesday 14 April 2026, at a time that is not recorded"
    assert late["C"].due_iso() == "2026-04-14"
    (due,) = found.items(found.due)
    assert (due.case, due.due, due.how) == ("B", "Thursday 16 April 2026 at 16:00 BST", "due in 30 hours")
    by_date = worklist(replay([path], book, parse_moment("2026-04-15")))
    (due,) = by_date.items(by_date.due)
    assert due.how == "due tomorrow", "without a time of day nothing is counted in hours"


def test_the_calendar_has_every_day_and_adds_up_to_the_list(tmp_path: Path) -> None:
    rows = "".join(f"C{i},strategy_discussion_held,{date(2026, 3, 2) + timedelta(i)},true,{'North' if i % 2 else ''}\n" for i in range(40))
    path = written(tmp_path, "child_id,event,at,s47_initiated,team\n" + rows)
    found = made(path, "2026-04-01")
    teams, days = found.calendar()
    assert teams == ["North", NO_TEAM]
    assert [as_date(d.day) for d in days] == [date(2026, 4, 1) + timedelta(n) for n in range(17)], "ten working days, to 17 April"
    closed = {as_date(d.day).day: d.closed for d in days if d.closed}
    assert closed == {3: "Good Friday", 4: "weekend", 5: "weekend", 6: "Easter Monday", 11: "weekend", 12: "weekend"}
    assert sum(sum(d.counts) for d in days) == found.due_by(True) > 0
    for day in days:
        mine = [i for i in found.items(found.due) if i.due_day == day.day]
        assert day.counts == (sum(i.team == "North" for i in mine), sum(i.team == NO_TEAM for i in mine))


def test_lists_of_latest_dates_say_overdue_now() -> None:
    source = DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx"
    found = worklist(replay([source], BOOK, parse_moment("2022-06-01")))
    latest = [i for i in found.items(found.overdue) if i.latest_only]
    others = [i for i in found.items(found.overdue) if not i.latest_only]
    assert latest and others
    assert all(i.how.startswith("overdue now, by ") for i in latest)
    assert all(i.how.endswith(" overdue") or " overdue (" in i.how for i in others)
    assert {i.rule for i in latest} >= {"cp_visit", "dental_check"} and "as_single_45wd" in {i.rule for i in others}
    text = page(found)
    assert "overdue now, and nothing of how often it was on time" in text and "on time all year" not in text
    assert "Annex A gives teams only" in text


def test_rules_that_a_source_can_never_answer_are_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("child_id,event,at,s47_initiated\nA,strategy_discussion_held,2026-02-03,true\n", encoding="utf-8")
    found = made(path)
    assert found.unanswered == {"cp_icpc_15wd": 1}
    assert "may be done already" in page(found)


def test_every_flag_that_is_still_to_do_is_on_the_list_once() -> None:
    """An obvious recount from the explanations of the sample authority: nobody is hidden, nobody is added."""
    ran = replay([CASES / "sample", CASES / "training"], BOOK, parse_moment(AS_OF))
    found = worklist(ran)
    day, n = date.fromisoformat(AS_OF), 0
    while n < 10:
        day += timedelta(1)
        n += day.weekday() < 5 and day_number(day) not in BOOK.calendar.holidays
    wanted: dict[str, list[tuple[str, str, str]]] = {"overdue": [], "due": [], "unclear": []}
    ended = 0
    for run in ran.sources:
        for i in range(len(run.result.flags)):
            flag = run.explainer.explain(i)
            case = str(run.log.children[run.log.child[run.result.flags.trigger[i]]])
            line = (case, flag.rule, flag.trigger["at"])
            if flag.status == "overdue" and flag.ended_by is None:
                wanted["overdue"].append(line)
            elif flag.status == "overdue":
                ended += 1
            elif flag.status == "due_soon" or (flag.status == "due" and flag.due and flag.due[:10] <= day.isoformat()):
                wanted["due"].append(line)
            elif flag.status == "cannot_tell" and flag.ended_by is None and BOOK.named(flag.rule)[-1].spec.expect is not None:
                unsettled = any("dates that can be right" in m for m in flag.missing) or (
                    flag.answer is not None and any("time of day" not in m and "from before" not in m for m in flag.missing)
                )
                if flag.answer is None or unsettled:
                    wanted["unclear"].append(line)
    came = {name: sorted((i.case, i.rule, i.since_at) for i in lines) for name, lines in items(found).items()}
    assert {name: sorted(lines) for name, lines in wanted.items()} == came
    assert found.not_done == ended > 0
    assert min(map(len, wanted.values())) > 0
    due = [i.due_day for i in found.items(found.overdue)]
    assert due == sorted(due)


# ---------------------------------------------------------------------------------------------------- the files


@pytest.fixture(scope="module")
def sample() -> Worklist:
    return worklist(replay([SAMPLE, CASES / "training"], BOOK, parse_moment(AS_OF)))


def counts(found: Worklist) -> dict[str, int]:
    return {"overdue": len(found.overdue), "due": len(found.due), "cannot_tell": len(found.unclear)}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".html"])
def test_the_same_list_gives_the_same_bytes(sample: Worklist, tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    assert write_worklist(sample, first) == write_worklist(sample, second) == sum(counts(sample).values())
    assert first.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"], "nothing is left beside them"


def test_the_csv_has_every_line_and_no_formula(sample: Worklist, tmp_path: Path) -> None:
    write_worklist(sample, tmp_path / "w.csv")
    rows = list(csv.DictReader((tmp_path / "w.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == list(COLUMNS)
    assert {part: sum(r["part"] == part for r in rows) for part in counts(sample)} == counts(sample)
    assert {r["team"] for r in rows} == {"Central", "East", "North", "South", ""}
    path = written(tmp_path, LOG.replace("NEW,", "=1+1,").replace("South,W2", "@SUM,W2"))
    write_worklist(made(path), tmp_path / "x.csv")
    text = (tmp_path / "x.csv").read_text(encoding="utf-8")
    assert "'=1+1" in text and "'@SUM" in text and not re.search(r"(^|,)[=@+]", text, re.MULTILINE)


def test_the_workbook_has_real_dates_filters_and_a_printed_page(sample: Worklist, tmp_path: Path) -> None:
    write_worklist(sample, tmp_path / "w.xlsx")
    book = openpyxl.load_workbook(tmp_path / "w.xlsx")
    assert book.sheetnames == ["Overdue", "Next 10 working days", "Calendar", "Cannot tell", "About"]
    for name, n in (("Overdue", len(sample.overdue)), ("Next 10 working days", len(sample.due)), ("Cannot tell", len(sample.unclear))):
        sheet = book[name]
        assert sheet.max_row == 3 + n, name
        assert sheet.freeze_panes == "C4" and sheet.auto_filter.ref.startswith("A3:")
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        assert sheet.print_title_rows == "$3:$3" and (sheet.page_setup.fitToHeight, sheet.sheet_properties.pageSetUpPr.fitToPage) == (
            0,
            True,
        )
    headings = [c.value for c in book["Overdue"][3]]
    due = [row[headings.index("Due")] for row in book["Overdue"].iter_rows(min_row=4, values_only=True)]
    assert all(isinstance(d, datetime) for d in due) and due[0].date() == min(d.date() for d in due)
    assert any(d.hour for d in due), "an hour clock keeps its time"
    assert [c.value for c in book["Calendar"][book["Calendar"].max_row]][:3] == ["Total", None, sample.due_by(True)] or (
        book["Calendar"].cell(book["Calendar"].max_row, 3).value == sample.due_by(True)
    )
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row]
    assert not any(c.data_type == "f" for c in cells)
    about = {row[0]: row[1] for row in book["About"].iter_rows(values_only=True) if row[0]}
    assert about["On the list"] == totals(sample) and BOOK.digest in about["Rule set"]
    path = written(tmp_path, LOG.replace("NEW,", "=1+1,"))
    write_worklist(made(path), tmp_path / "x.xlsx")
    made_safe = openpyxl.load_workbook(tmp_path / "x.xlsx")["Overdue"]
    assert [row[1] for row in made_safe.iter_rows(min_row=4, values_only=True)] == ["OLD", "'=1+1"]


class Page(HTMLParser):
    """What a screen reader and a browser's policy would look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_page_needs_nothing_from_outside_and_can_be_read_aloud(sample: Worklist) -> None:
    text = page(sample)
    found = Page(text)
    assert not found.all("script") and not found.all("img") and not found.all("link") and "http://" not in text and "https://" not in text
    (policy,) = [m["content"] for m in found.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    style = "".join(found.text["style"])
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert found.all("html")[0]["lang"] == "en-GB" and "".join(found.text["title"]) == "Worklist as at the end of Wednesday 15 April 2026"
    assert not any("style" in attrs or any(k.startswith("on") for k in attrs) for _, attrs in found.tags)
    tables = text.split("<table>")[1:]
    assert len(tables) > 5
    for table in tables:
        assert table.lstrip().startswith("<caption") and 'scope="col"' in table and 'scope="row"' in table
    regions = [attrs for attrs in found.all("div") if attrs.get("role") == "region"]
    ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len(set(ids)) and all(r["aria-labelledby"] in ids and r["tabindex"] == "0" for r in regions)
    assert "@media print" in style and "landscape" in style
    assert text.count('<span class="box">') == len(sample.overdue) + len(sample.due), "one tick box a line"
    assert len(re.findall(r"<tr><th scope=\"row\">[^<]*</th><td>[^<]*</td><td>[^<]*</td><td class=\"notes\">", text)) == len(sample.unclear)


def test_what_the_record_holds_is_never_taken_for_markup(tmp_path: Path) -> None:
    text = page(made(written(tmp_path, LOG.replace("NEW,", "<script>x</script>,").replace("South", "<b>S</b>"))))
    assert "<script" not in text and "<b>" not in text and "&lt;script&gt;x" in text and "&lt;b&gt;S" in text


# ------------------------------------------------------------------------------------------------ after a recorded death

DIED = """\
child_id,event,at,team,recorded_at
GONE,child_died,2026-01-05,North,2026-01-06
GONE,referral_received,2026-03-02,North,2026-03-02
GONE,contact_received,2026-03-03,North,2026-03-03
NEXT,child_died,2026-03-01,North,2026-03-04
NEXT,referral_received,2026-03-02,North,2026-03-02
SAME,child_died,2026-03-02T09:00,South,2026-03-02
SAME,referral_received,2026-03-02T15:00,South,2026-03-02
TWICE,child_died,2026-02-20,South,2026-02-20
TWICE,referral_received,2026-03-02,South,2026-03-02
TWICE,child_died,2026-03-01,South,2026-03-01
LATER,referral_received,2026-03-02,South,2026-03-02
LATER,child_died,2026-05-01,South,2026-05-01
ALIVE,referral_received,2026-03-02,South,2026-03-02
"""
CHECK = "began after the recorded death of the child ({}): check the dates"
GONE_ON = {
    "GONE": CHECK.format("5 January 2026"),
    "NEXT": CHECK.format("1 March 2026"),
    "SAME": CHECK.format("2 March 2026"),  # six hours after
    "TWICE": CHECK.format("20 February 2026"),
}


def died(folder: Path, as_of: str = "2026-03-04", as_known: str = "", **choice: Any) -> Worklist:
    path = folder / "died.csv"
    path.write_text(DIED, encoding="utf-8")
    known = parse_moment(as_known).day if as_known else None
    return worklist(replay([path], BOOK, parse_moment(as_of), known), 10, Choice(**choice))


def test_a_line_that_began_after_the_child_died_says_so_and_stays_on_the_list(tmp_path: Path) -> None:
    parts = items(died(tmp_path))
    assert {i.case for i in parts["overdue"]} == {"GONE", "NEXT", "SAME", "TWICE", "LATER", "ALIVE"}
    assert [i.case for i in parts["unclear"]] == ["GONE"], "only the date of the contact is recorded"
    assert {(i.case, i.check) for lines in parts.values() for i in lines} == {
        *GONE_ON.items(),
        *((case, "") for case in ("LATER", "ALIVE")),  # a death that is yet to come; none
    }
    due = items(died(tmp_path, "2026-03-02"))["due"]
    assert {(i.case, i.check) for i in due if i.case != "SAME"} >= {("GONE", GONE_ON["GONE"]), ("ALIVE", "")}


@pytest.mark.parametrize(
    ("deaths", "referral", "after"),
    [
        (["2026-03-02T09:00"], "2026-03-02T10:00", True),
        (["2026-03-02T09:00"], "2026-03-02T09:01", True),
        (["2026-03-02T09:00"], "2026-03-02T09:00", False),
        (["2026-03-02T18:00"], "2026-03-02T10:00", False),
        (["2026-03-02"], "2026-03-02T10:00", False),
        (["2026-03-02T09:00"], "2026-03-02", False),
        (["2026-03-02T18:00", "2026-03-02T09:00"], "2026-03-02T10:00", True),
        (["2026-03-02", "2026-03-02T09:00"], "2026-03-02T10:00", True),
        (["2026-03-01T18:00", "2026-03-02T09:00"], "2026-03-02T08:00", True),
        (["2025-10-26T01:20"], "2025-10-26T01:40", False),  # the hour that happens twice: the death may be the later of the two
        (["2025-10-26T01:20"], "2025-10-26T02:30", True),
    ],
)
def test_on_the_day_of_a_death_only_what_is_later_by_the_clock_is_after_it(
    deaths: list[str], referral: str, after: bool, tmp_path: Path
) -> None:
    """Who refers at ten a child who died at nine is told to check; where an hour is not recorded nobody can say which came first."""
    events = [("OTHER", "contact_received", "2026-02-02T08:00"), ("A", "referral_received", referral)]
    events += [("A", "child_died", death) for death in deaths]
    path = tmp_path / "log.csv"
    path.write_text("\n".join(["child_id,event,at", *(",".join(each) for each in events), ""]), encoding="utf-8")
    book = BOOK.only("fd_referral_decision_1wd")
    found = replay([path], book, parse_moment("2026-04-15"))
    (run,) = found.sources
    assert run.result.flags.trigger.size
    marked = run.result.flags.trigger[after_death(run.log, run.result.died, run.result.flags.trigger) != NO_DAY]
    assert bool(len(marked)) == after
    assert not any(run.log.children[run.log.child[row]] == "OTHER" for row in marked)


def test_a_death_that_was_not_yet_known_is_no_reason_to_check(tmp_path: Path) -> None:
    said = {i.case: i.check for i in items(died(tmp_path, as_known="2026-03-03"))["overdue"]}
    assert said["NEXT"] == "" and said["GONE"] == GONE_ON["GONE"]


def test_lines_that_began_after_a_death_are_counted_once_beside_the_list(tmp_path: Path) -> None:
    found = died(tmp_path)
    lines = [i for part in items(found).values() for i in part if i.case in GONE_ON]
    note = (
        f"Check: {len(lines)} lines began after the recorded death of the child. News of a death may itself be a referral: check these "
        "dates before acting on them."
    )
    assert len(lines) > 6 and left_out(found).count(note) == 1 and found.after_death() == len(lines)
    alone = died(tmp_path, teams=("South",))
    n = sum(i.case in ("SAME", "TWICE") for i in items(alone)["overdue"])
    assert any(said.startswith(f"Check: {n} lines began after") for said in left_out(alone)), "of what was asked for"
    assert not any("death" in said for said in left_out(died(tmp_path, "2026-01-01")))


def test_every_form_of_the_list_says_what_began_after_a_death(tmp_path: Path) -> None:
    found = died(tmp_path)
    every = [i for part in items(found).values() for i in part]
    wanted = [i.check for i in every]
    n = sum(map(bool, wanted))
    for suffix in (".csv", ".xlsx"):
        write_worklist(found, tmp_path / f"w{suffix}")
    rows = list(csv.DictReader((tmp_path / "w.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["check"] for row in rows] == wanted
    book = openpyxl.load_workbook(tmp_path / "w.xlsx")
    for sheet, part, column in (("Overdue", "overdue", "Since"), ("Cannot tell", "unclear", "What is missing")):
        at = [c.value for c in book[sheet][3]].index(column)
        texts = [row[at] for row in book[sheet].iter_rows(min_row=4, values_only=True)]
        for text, item in zip(texts, items(found)[part], strict=True):
            assert ("recorded death" in text) == bool(item.check) and item.check in text, "each on its own line"
    assert page(found).count("began after the recorded death of the child (") == n
    made = rrt(tmp_path / "died.csv", "--as-of", "2026-03-04")
    assert " ".join(made.stdout.split()).count("began after the recorded death of the child (") == n
    document = json.loads(rrt(tmp_path / "died.csv", "--as-of", "2026-03-04", "--format", "json").stdout)
    jsonschema.validate(document, json.loads((FOLDER / "worklist.schema.json").read_text(encoding="utf-8")))
    lines = [line for part in ("overdue", "due", "cannot_tell") for line in document[part]]
    assert [line["check"] or "" for line in lines] == wanted and document["totals"]["after_death"] == n


# ------------------------------------------------------------------------------------- one id, several dates of birth


def kept_apart(folder: Path, ids: int = 1, **choice: Any) -> Worklist:
    """Two sources: the ids D0, D1 and so on have another date of birth in each, SAME has one, and DONE has nothing to do."""
    head = "child_id,event,at,date_of_birth,team"
    first = [f"D{n},referral_received,2026-03-02,2015-01-01,North" for n in range(ids)]
    first += ["SAME,referral_received,2026-03-02,2015-01-01,South", "DONE,child_died,2026-03-02,2015-01-01,South"]
    second = [f"D{n},referral_decision_recorded,2026-03-03,2010-05-05,North" for n in range(ids)]
    second += ["SAME,referral_decision_recorded,2026-03-03,2015-01-01,South", "DONE,child_died,2026-03-02,2010-05-05,South"]
    for name, lines in (("p.csv", first), ("q.csv", second)):
        (folder / name).write_text("\n".join([head, *lines, ""]), encoding="utf-8")
    return worklist(replay([folder / "p.csv", folder / "q.csv"], BOOK, parse_moment(AS_OF)), 10, Choice(**choice))


def test_an_id_that_stands_for_two_children_is_said_beside_the_list_once_and_by_name(tmp_path: Path) -> None:
    said = [note for note in left_out(kept_apart(tmp_path)) if "date of birth" in note or "dates of birth" in note]
    assert said == [
        "Check: 1 id may stand for more than one child (`D0`): the dates of birth differ between the sources, so the records of each "
        "date are listed apart, and what one has as not done may be done in another. Check which date of birth is right."
    ]
    assert " ".join(said[0].split()) in " ".join(rrt(tmp_path / "p.csv", tmp_path / "q.csv", "--as-of", AS_OF).stdout.split())
    assert worklist_document(kept_apart(tmp_path))["kept_apart"] == ["D0"]
    many = [note for note in left_out(kept_apart(tmp_path, 5)) if "dates of birth" in note]
    assert len(many) == 1 and many[0].startswith("Check: 5 ids may stand for more than one child (`D0`, `D1`, `D2` and 2 more): the dates")
    assert not any("birth" in note for note in left_out(kept_apart(tmp_path, teams=("South",)))), "of what was asked for"


# ---------------------------------------------------------------------------------------------------- the command


def test_the_terminal_says_how_much_there_is_and_shows_every_line(log: Path) -> None:
    found = rrt(log, "--as-of", AS_OF)
    assert found.exit_code == 1
    assert "2 overdue now and 2 due in the next 10 working days (to Wednesday 29 April 2026): 4 lines about 4 children. 1 more" in " ".join(
        found.stdout.split()
    )
    for case in ("OLD", "NEW", "TODAY", "LAST", "UNSAID"):
        assert case in found.stdout
    assert "BEYOND" not in found.stdout and "LATE " not in found.stdout
    assert "North: 1 line about 1 child" in found.stdout and f"{NO_TEAM}: 1 line" in found.stdout
    assert "Good Friday" not in found.stdout and "Thursday 16 April 2026" in found.stdout


def test_exit_codes(log: Path, tmp_path: Path) -> None:
    assert rrt(log, "--as-of", "2026-02-10").exit_code == 0, "due and not overdue"
    assert rrt(log, "--as-of", AS_OF).exit_code == 1
    assert rrt(log, "--as-of", AS_OF, "--exit-zero").exit_code == 0
    assert rrt(log, "--as-of", AS_OF, "--team", "South", "--authority", "duty").exit_code == 0
    both = rrt(log, tmp_path / "none.csv", "--as-of", AS_OF)
    assert both.exit_code == 2 and "OLD" in both.stdout and "there is no such file" in both.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--team", "Nort"), "did you mean `North`?"),
        (("--worker", "W7"), "`W7` is not known"),
        (("--service", "child_protecton"), "did you mean `child_protection`?"),
        (("--authority", "duty,guidence"), "did you mean `guidance`?"),
        (("-o", "list.docx"), "expected .csv, .xlsx, .html"),
        (("-o", "nowhere/list.csv"), "there is no folder `nowhere`"),
        (("--as-of", "15/04/2026"), "write it as 2026-04-15"),
    ],
)
def test_a_mistake_is_said_with_what_to_do(log: Path, arguments: tuple[str, ...], says: str) -> None:
    found = rrt(log, "--as-of", AS_OF, *arguments)
    assert found.exit_code == 2 and says in found.stderr and not found.stdout


def test_the_document_meets_its_schema_and_agrees_with_the_list(sample: Worklist) -> None:
    found = rrt(SAMPLE, CASES / "training", "--as-of", AS_OF, "--format", "json")
    document = json.loads(found.stdout)
    schema = json.loads((FOLDER / "worklist.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert {part: len(document[part]) for part in counts(sample)} == counts(sample)
    assert document["totals"]["overdue"] == len(document["overdue"])
    assert document["totals"]["due"] + document["totals"]["due_soon_after"] == len(document["due"])
    assert document["totals"]["no_team"] == sum(line["team"] is None for part in ("overdue", "due") for line in document[part])
    assert sum(n for day in document["calendar"] for n in day["due"].values()) == document["totals"]["due"]
    assert [d["day"] for d in document["calendar"]][-1] == document["last_day"] == "2026-04-29"


def test_what_is_missing_stands_together(sample: Worklist) -> None:
    short = {missing_in_short(i) for i in sample.items(sample.unclear)}
    assert short == {f"whether the child was seen (child {plan} visit)" for plan in ("in need", "protection")}


def test_the_list_says_how_far_its_data_reach() -> None:
    """Data that end long before the day, and data that lie after it: in the terminal, on the page and on the sheet about the list."""
    for as_of, says in (
        ("2026-05-16", ""),
        ("2026-05-17", "The last day with the usual events in these data is Wednesday 15 April 2026, 32 days before Sunday 17 May 2026"),
        ("2019-01-01", "No event in these data is counted: all 1,607 are after the end of Tuesday 1 January 2019"),
    ):
        found = worklist(replay([SAMPLE], BOOK, parse_moment(as_of)))
        said = reach_words(found.replay)
        assert bool(said) == bool(says) and (not said or said[0].startswith(says))
        text = " ".join(rrt(SAMPLE, "--as-of", as_of).stdout.split())
        about_it = " ".join(value for _, value in about(found))
        for where in (text, page(found), about_it):
            assert all(each in where for each in said) and ("The last day with" in where) == says.startswith("The last")


def test_a_list_of_a_run_that_was_made_as_known_on_a_day_says_that_everything_counts_here(tmp_path: Path) -> None:
    """In the terminal, on the page and on the sheet about the list; and nothing is said of a run that counted everything."""
    text = "child_id,event,at,recorded_at\nA,referral_received,2026-03-02,2026-03-02\nA,referral_decision_recorded,2026-03-03,2026-04-20\n"
    source = written(tmp_path, text, "kind: history\n")
    said = "The run then counted only what had been recorded by 15 April 2026. Here everything counts, however late it was recorded."
    for name, options in (("then", ["--as-known", AS_OF]), ("all", [])):
        made = ["replay", str(source), "--as-of", AS_OF, "-o", str(tmp_path / name), "--exit-zero", *options]
        assert CliRunner().invoke(app, made).exit_code == 0
        found = worklist(replay([tmp_path / name], BOOK, parse_moment(AS_OF)))
        terminal = " ".join(rrt(tmp_path / name, "--as-of", AS_OF).stdout.split())
        for where in (terminal, page(found), " ".join(value for _, value in about(found))):
            assert (said in where) == (name == "then") and "Here " not in where.replace(said, "")


def test_what_a_list_as_known_on_a_day_leaves_out_is_counted_and_so_is_the_team_of_that_day(tmp_path: Path) -> None:
    text = (
        "child_id,event,at,recorded_at,team\nA,referral_received,2026-03-02,2026-03-02,East\n"
        "A,child_seen,2026-03-03,2026-03-09,West\nA,child_seen,2026-03-04,,\nA,child_seen,2026-06-01,2026-06-01,\n"
    )
    source = written(tmp_path, text, "kind: history\n")
    for known, team, says in (
        ("2026-03-08", "East", "Here only what had been recorded by 8 March 2026 counts: 1 event was recorded later, and does not."),
        ("2026-03-09", "West", "Here only what had been recorded by 9 March 2026 counts: 0 events were recorded later, and do not."),
    ):
        found = worklist(replay([source], BOOK, parse_moment(AS_OF), parse_moment(known).day))
        assert reach_words(found.replay)[0] == says
        assert {item.team for part in items(found).values() for item in part} == {team}
    source = written(tmp_path, "child_id,event,at\nA,referral_received,2026-03-02\n", "kind: history\n")
    none = replay([source], BOOK, parse_moment(AS_OF), parse_moment("2026-03-01").day)
    said = (
        "Here only what had been recorded by 1 March 2026 counts, but nothing in these data says when it was recorded, so all of it does."
    )
    assert reach_words(none)[0] == said and len(none.sources[0].result.flags)


def test_a_few_later_events_do_not_make_old_data_look_new() -> None:
    days = np.repeat(np.arange(20000, 20400), 5)
    assert usual_last(days) == 20399 == usual_last(np.append(days, [20500, 20501, 20600]))
    assert usual_last(np.array([20000, 20100])) == 20100 and usual_last(np.zeros(0, np.int64)) == NO_DAY
