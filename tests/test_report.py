"""Reports of a run: every number counted again from the flags, nothing small given away, and files that are whole and safe.

The page of a small run is kept in `tests/golden/report.html`, without its pictures. After a change that is meant, write it anew and
read the difference: `RRT_WRITE_GOLDEN=1 pytest tests/test_report.py`.
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
import sqlite3
import sys
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from scipy.optimize import linprog
from typer.testing import CliRunner, Result

from rrt_engine.calendar import as_date, day_number, parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.measures.run import Asked, measured, sources_of
from rrt_engine.paths import CASES, RULES
from rrt_engine.replay.chunk import Settings
from rrt_engine.replay.run import read_all
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.runner import run
from rrt_engine.reports import run_csv, run_hide, run_summary, run_workbook
from rrt_engine.reports.run_charts import charts
from rrt_engine.reports.run_counts import COLUMNS, Counts, counted
from rrt_engine.reports.run_document import report_document
from rrt_engine.reports.run_hide import shown
from rrt_engine.reports.run_kpis import Kpis, kpis_of
from rrt_engine.reports.run_page import page
from rrt_engine.reports.run_seen import Tables
from rrt_engine.reports.run_shapes import Summary
from rrt_engine.reports.run_summary import summary_of
from rrt_engine.reports.run_tables import MISSED, OPEN, SMALL
from rrt_engine.rulebook.load_measures import load_measures
from rrt_engine.synth.write import plan_of, write_authority
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data"
GOLDEN = Path(__file__).parent / "golden" / "report.html"
SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "schemas" / "report.schema.json"
AS_OF = "2026-02-17"
NONE = Kpis(None, "they were not asked for")
LOG = """\
child_id,event,at,ref,outcome,team
{a},referral_received,2025-04-07,R1,,FD1
{a},referral_decision_recorded,2025-04-09,R1,early_help,FD1
B,referral_received,2025-04-07,R2,,FD1
B,referral_decision_recorded,2025-04-08,R2,early_help,FD1
C,referral_received,2025-06-02,R3,,
C,no_such_event,2025-06-03,R3,,
"""


def rrt(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@dataclass(frozen=True)
class Reported:
    """A run with its report, and the flags in a database of another make."""

    run: Run
    found: Summary
    flags: sqlite3.Connection

    @cached_property
    def page(self) -> str:
        return page(self.found)

    def count(self, what: str, *conditions: str) -> int:
        where = " and ".join(f"({c})" for c in conditions if c)
        return self.flags.execute(f"select {what} from flags{f' where {where}' if where else ''}").fetchone()[0] or 0


def reported(made: Run, under: int = 0, kpis: Kpis = NONE) -> Reported:
    rows = made.flags().to_pylist()
    database = sqlite3.connect(":memory:")
    names = list(rows[0])
    quoted = ", ".join('"' + name + '"' for name in names)
    database.execute(f"create table flags ({quoted})")
    values = [[v.isoformat() if isinstance(v, date) else v for v in row.values()] for row in rows]
    database.executemany(f"insert into flags values ({', '.join('?' * len(names))})", values)
    for column in ("rule", "team", "due", "status", '"case"'):
        database.execute(f"create index of_{column.strip(chr(34))} on flags ({column})")
    found = Reported(made, summary_of(made, under, kpis=kpis), database)
    weakref.finalize(found, database.close)
    return found


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A synthetic authority in several parts, as at a day inside a month."""
    folder = tmp_path_factory.mktemp("report")
    log = folder / "authority.parquet"
    write_authority(plan_of(150, 3, log, "england", date(2022, 4, 1), date(2026, 2, 20), 0.05, RULES), log, None, 1)
    return run([log], Settings(RULES, parse_moment(AS_OF)), folder / "run", rows=1500)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Lists of latest dates, which say how things stand now."""
    source = DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx"
    return run([source], Settings(RULES, parse_moment("2024-03-31")), tmp_path_factory.mktemp("lists") / "run")


@pytest.fixture(scope="module")
def whole(authority: Run) -> Reported:
    return reported(authority)


@pytest.fixture(scope="module")
def shared(authority: Run) -> Reported:
    return reported(authority, 5)


@pytest.fixture(scope="module")
def now(lists: Run) -> Reported:
    return reported(lists)


def small(folder: Path, a: str = "A") -> Run:
    (folder / "events.csv").write_text(LOG.format(a=a), encoding="utf-8")
    return run([folder / "events.csv"], Settings(RULES, parse_moment("2025-06-30")), folder / "run")


# ----------------------------------------------------------------------------------------- every number, counted again


def numbers(text: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Each number of the page that says what it counts: the table's condition, the row's, the column's, and what stands there."""
    for table in html.fromstring(text).iter("table"):
        heads = table.xpath("./thead/tr/th")
        for row in table.xpath("./tbody/tr[th[@scope='row']]"):
            cells = row.xpath("./th|./td")
            assert len(cells) == len(heads)
            condition = "".join(cells[0].xpath("./code/text()"))
            for head, cell in list(zip(heads, cells, strict=True))[1:]:
                if (head.get("class") or "").startswith("number") and condition:
                    name, of_table, of_column = (
                        "".join(each.xpath(path)).strip()
                        for each, path in ((head, "./text()"), (table, "./caption/code/text()"), (head, "./code/text()"))
                    )
                    yield name, of_table, condition, of_column, cell.xpath("string(./text())")


def again(report: Reported, of_table: str, of_row: str, of_column: str) -> int:
    what, _, condition = of_column.partition(" where ") if "(" in of_column.split(" where ")[0] else ("count(*)", "", of_column)
    if " in (" in what:
        what, condition = "count(*)", of_column
    return report.count(what, of_table, of_row, condition)


@pytest.mark.parametrize("which", ["whole", "now", "shared"])
def test_every_number_of_the_page_is_counted_again_from_the_flags(which: str, request: pytest.FixtureRequest) -> None:
    report: Reported = request.getfixturevalue(which)
    checked = left_out = 0
    for name, of_table, of_row, of_column, text in numbers(report.page):
        if text in (SMALL, "–"):
            left_out += text == SMALL
            continue
        if text.endswith("%"):
            assert name.startswith("Share")
            on_time = ["due", "due_soon"] if "now" in of_table else ["met"]
            off = ["overdue"] if "now" in of_table else ["late", "early", "overdue"]
            basis = of_table or "basis = 'history'"
            still = "ended_by is null" if "now" in of_table else ""
            part, rest = (report.count("count(*)", basis, of_row, f"status in ({str(s)[1:-1]})", still) for s in (on_time, off))
            assert text == f"{part / (part + rest):.1%}", (name, of_row)
        else:
            assert int(text.replace(",", "")) == again(report, of_table, of_row, of_column), (name, of_table, of_row, of_column)
        checked += 1
    assert checked > {"whole": 800, "now": 50, "shared": 500}[which]
    assert (left_out > 20) == (which == "shared")


def test_the_rules_are_those_of_the_run(whole: Reported, now: Reported) -> None:
    for report in (whole, now):
        rows = {(row.rule, row.basis): row for row in report.found.rules}
        assert len(rows) == len(report.run.lines)
        for line in report.run.lines:
            row = rows[line.rule, line.basis]
            assert (row.started, row.statuses, row.because) == (line.started, line.statuses, line.cannot_tell_because)
            assert (row.on_time, row.judged, row.share, row.missed) == (line.on_time, line.judged, line.share, line.ended_since)
    assert {row.basis for row in now.found.rules} >= {"now"}


def test_what_is_known_only_as_latest_dates_is_in_no_share_of_a_history(now: Reported) -> None:
    history = now.found.totals.get("history")
    assert sum(m.judged or 0 for m in now.found.months) == (history.judged if history else 0)
    running = now.found.totals["now"]
    assert now.found.team_totals.overdue_now == running.statuses["overdue"] - running.missed > 0
    assert running.missed and now.found.counts["children_overdue"] < now.count('count(distinct "case")', "status = 'overdue'")
    assert "As things stand now, rule by rule" in now.page


def test_the_tables_add_up(whole: Reported) -> None:
    found, history = whole.found, whole.found.totals["history"]
    for name, at in (("late", "late"), ("overdue", "overdue")):
        assert sum(getattr(b, name) for b in found.bands) == history.statuses[at]
    assert sum(m.judged or 0 for m in found.months) == history.judged
    assert sum(m.met or 0 for m in found.months) == history.statuses["met"]
    for name in ("children", "children_overdue", "started", "met", "overdue"):
        assert sum(getattr(t, name) for t in found.teams) == getattr(found.team_totals, name)
    assert found.team_totals.started == history.started
    assert found.counts["children_overdue"] == whole.count('count(distinct "case")', OPEN)
    assert found.team_totals.missed == history.missed == whole.count("count(*)", MISSED) > 0
    assert sum(t.missed or 0 for t in found.teams) == history.missed
    assert found.counts["read"] == found.counts["used"] + found.counts["rejected"]  # type: ignore[operator]
    assert [m.month for m in found.months if m.month][-1] == "2026-02"
    assert [m.whole for m in found.months if m.month][-2:] == [True, False]


def test_the_longest_waits_come_first_one_line_a_child(whole: Reported) -> None:
    rows = whole.flags.execute(
        f'select "case", max(days_late), count(*) from flags where {OPEN} group by "case" order by 2 desc, 3 desc, 1'
    ).fetchall()
    found = summary_of(whole.run, cases=10)
    assert len(rows) > 10 == len(found.cases)
    assert [(c.case, c.days_late, c.overdue) for c in found.cases] == rows[:10]
    for case in found.cases:
        said = whole.count("count(*)", case.where, f"rule = '{case.rule}' and due = '{case.due}' and days_late = {case.days_late}")
        assert said >= 1
        team = whole.flags.execute(f"select distinct team from flags where {case.where}").fetchall()
        assert team == [(case.team,)]


def batches(flags: pa.Table, size: int) -> Iterator[pa.Table]:
    return (flags.slice(at, size) for at in range(0, len(flags), size))


@pytest.mark.parametrize(("size", "rows"), [(1, 300), (7, 1000), (501, 3000), (100_000, 3000)])
def test_the_counts_do_not_depend_on_the_batches(authority: Run, size: int, rows: int) -> None:
    ids = list(dict.fromkeys(rule.id for rule in BOOK.rules))
    flags = authority.flags(list(COLUMNS)).slice(0, rows)
    plain = pa.table(
        {
            name: flags[name].cast(flags[name].type.value_type) if pa.types.is_dictionary(flags[name].type) else flags[name]
            for name in COLUMNS
        }
    )
    found: list[Counts] = [counted(batches(each, size), ids, day_number(date(2026, 2, 17)), 5, True) for each in (flags, plain)]
    listed = plain.to_pylist()
    for each in found:
        assert each.people == len({row["case"] for row in listed})
        assert each.people_overdue == len({row["case"] for row in listed if row["status"] == "overdue" and not row["ended_by"]})
        assert each.tables["status"].sum() == len(listed)
        people = {(row["basis"], row["status"], row["case"]) for row in listed}
        assert each.distinct["status"].sum() == len(people)
        assert each.distinct["rule"].sum() == len({(row["rule"], row["basis"], row["status"], row["case"]) for row in listed})
        assert len(each.waiting) == min(5, each.people_overdue)
    assert found[0].waiting == found[1].waiting
    assert [w.minus_days for w in found[0].waiting] == sorted(w.minus_days for w in found[0].waiting)


# ------------------------------------------------------------------------------------------------------------ measures


def test_the_measures_are_those_of_the_measures_command(authority: Run) -> None:
    kpis = kpis_of(authority)
    assert kpis.found is not None
    log = authority.parts[0].file
    book = load_measures(RULES, BOOK)
    read = read_all([log], BOOK)
    asked = Asked(kpis.found.asked.window)
    assert [as_date(d).isoformat() for d in (asked.window.first, asked.window.last)] == ["2025-02-18", "2026-02-17"]
    other = measured(sources_of(read.merging, [s.reading for s in read.sources]), book, book.measures, asked)
    mine = {(line.measure.id, line.basis): line.period for line in kpis.found.lines}
    assert len(mine) > 30
    assert mine == {(line.measure.id, line.basis): line.period for line in other.lines}


def test_measures_are_left_to_their_command_where_they_cannot_be_worked_out(authority: Run, tmp_path: Path) -> None:
    assert "are worked out here for up to 10" in kpis_of(authority, most=10).why
    made = small(tmp_path)
    assert kpis_of(made).found is not None
    for part in made.parts:
        part.file.unlink()
    gone = kpis_of(made)
    assert gone.found is None and "not there any more" in gone.why
    assert f"The measures are not in this report: {gone.why}" in html.fromstring(page(summary_of(made, kpis=gone))).text_content()


def test_the_measures_on_the_page_say_how_to_count_them_again(authority: Run) -> None:
    text = html.fromstring(page(summary_of(authority, kpis=kpis_of(authority)))).text_content()
    assert "rrt measures SOURCE... --from 2025-02-18 --to 2026-02-17" in text
    assert "--measure kpi_02" in text
    assert "England" in text and "they are no targets" in text


# ------------------------------------------------------------------------------------------------------------ the page


def test_the_page_stands_alone_and_can_be_read_by_a_screen_reader(whole: Reported) -> None:
    text = whole.page
    made = html.fromstring(text)
    assert made.get("lang") == "en-GB"
    assert not made.xpath("//script | //link | //img | //iframe | //object | //@style | //@onclick | //form")
    assert not re.findall(r"(?:href|src)=\"(?!#)", text.replace('xmlns:xlink="http', "").replace('xmlns="http', ""))
    policy = made.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    headings = [int(h.tag[1]) for h in made.xpath("//h1 | //h2 | //h3")]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))
    titles = made.xpath("//h2/text()")
    assert titles[:3] == ["What was run", "Records rejected, and why", "Rule by rule"] and titles[-1] == "Method and limits"
    assert made.xpath("//a[@class='skip']/@href") == ["#report"]
    ids = made.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {each[1:] for each in made.xpath("//a/@href")} <= set(ids)
    assert set(made.xpath("//@aria-labelledby")) <= set(ids)
    for table in made.iter("table"):
        assert table.xpath("string(./caption)").strip()
        assert all(th.get("scope") for th in table.iter("th"))
        assert table.getparent().get("tabindex") == "0"


def test_each_picture_says_what_it_shows_and_its_numbers_are_in_a_table(whole: Reported) -> None:
    made = html.fromstring(whole.page)
    figures = made.xpath("//figure")
    assert len(figures) == 3
    for figure in figures:
        assert figure.get("role") == "img" and figure.get("aria-label").endswith(".")
        assert figure.xpath("./svg/@aria-hidden") == ["true"]
        assert not figure.xpath(".//*[@role] | .//@id")
        caption, table = figure.getnext(), figure.getparent().xpath(".//table")[0]
        assert caption.get("class") == "caption" and "table below" in caption.text
        said = set(re.findall(r"[\d,.]+%|\d[\d,]*", " ".join(figure.xpath(".//text()"))))
        known = " ".join(table.itertext())
        if not any("%" in each for each in said):  # whole percentages are drawn by month, tenths stand in the table
            assert all(each in known for each in said)
    by_rule = charts(whole.found)["on_time_by_rule"]
    lowest = min((r for r in whole.found.rules if r.judged and r.basis == "history"), key=lambda r: -(r.judged or 0))
    assert f"{lowest.share:.1%} of {lowest.judged:,}" in by_rule.svg


def test_pictures_fetch_nothing() -> None:
    import vl_convert

    spec = {"data": {"url": "https://example.org/data.csv"}, "mark": "bar", "encoding": {"x": {"field": "a"}}}
    with pytest.raises(ValueError, match=r"(?i)access|allowed|denied"):
        vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])


def test_without_the_extra_the_page_comes_without_pictures_and_says_so(whole: Reported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    text = page(whole.found)
    assert "<figure" not in text and "<svg" not in text
    assert "pip install &#39;rrt-engine[report]&#39;" in text


def test_text_from_files_is_text_on_the_page(tmp_path: Path) -> None:
    made = small(tmp_path, '"<script>alert(1)</script>"')
    text = page(summary_of(made))
    assert "<script" not in text and "&lt;script&gt;" in text


def test_what_was_rejected_is_told_with_the_reason_and_the_row(tmp_path: Path) -> None:
    text = html.fromstring(page(summary_of(small(tmp_path)))).text_content()
    assert "1 of 6 records could not be used." in text
    assert "no_such_event" in text
    assert "no_such_event" not in html.fromstring(page(summary_of(small_again(tmp_path), 3))).text_content()


def small_again(folder: Path) -> Run:
    from rrt_engine.replay.run_folder import open_run

    return open_run(folder / "run")


def test_the_page_of_a_small_run_is_as_it_was(tmp_path: Path) -> None:
    text = re.sub(r"<svg.*?</svg>", "<svg></svg>", page(summary_of(small(tmp_path))))
    text = re.sub(r"[0-9a-f]{64}", "DIGEST", text)
    if os.environ.get("RRT_WRITE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8", newline="\n")
    assert text == GOLDEN.read_text(encoding="utf-8")


# ------------------------------------------------------------------------------------------------------- small numbers


def test_no_number_about_a_few_children_is_shown(shared: Reported) -> None:
    found = 0
    for name, of_table, of_row, of_column, text in numbers(shared.page):
        if text in (SMALL, "–", "0") or text.endswith("%"):
            continue
        of_column = "" if of_column.startswith("count(distinct") else of_column
        behind = shared.count('count(distinct "case")', of_table, of_row, of_column)
        assert behind >= 5, (name, of_row, of_column, text)
        found += 1
    assert found > 200


def test_a_shared_report_names_no_case(shared: Reported, tmp_path: Path) -> None:
    from rrt_engine.reports.run_files import write_report

    cases = {row[0] for row in shared.flags.execute('select distinct "case" from flags')}
    text = shared.page + json.dumps(report_document(shared.found))
    assert not shared.found.cases
    assert not [case for case in cases if case in text]
    assert write_report(shared.found, shared.run, tmp_path / "r.csv") == (tmp_path / "r-summary.csv",)
    write_report(shared.found, shared.run, tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert "Flags" not in book.sheetnames and "Cases" not in book.sheetnames
    values = {str(c.value) for sheet in book for row in sheet.iter_rows() for c in row}
    assert not cases & values


def test_the_answer_of_a_shared_report_is_that_of_the_whole(whole: Reported, shared: Reported) -> None:
    """Nothing large is left out without need: the totals of a whole authority are shown."""
    for basis, row in whole.found.totals.items():
        if basis == "history":
            other = shared.found.totals[basis]
            assert (other.started, other.on_time, other.judged) == (row.started, row.on_time, row.judged)


def test_a_duty_missed_that_has_ended_is_counted_apart(tmp_path: Path) -> None:
    lines = ["K1,referral_received,2025-01-06,R1,,", "K1,referral_decision_recorded,2025-01-06,R1,assess,", "K1,case_closed,2025-06-02,,,"]
    lines += ["K2,referral_received,2026-01-05,R1,,", "K2,referral_decision_recorded,2026-01-05,R1,assess,"]
    (tmp_path / "closed.csv").write_text("\n".join([LOG.split("\n")[0], *lines]) + "\n", encoding="utf-8")
    report = reported(run([tmp_path / "closed.csv"], Settings(RULES, parse_moment("2026-04-15")), tmp_path / "run"))
    text = html.fromstring(report.page).text_content()
    assert "5 overdue now, of 2 children; 2 were missed and have ended since" in text
    assert "2 were missed and have ended since (a case closed, a plan ended): nothing is left to do, so they are not listed." in text
    assert {c.case: c.overdue for c in report.found.cases} == {"K1": 1, "K2": 4}
    assert (report.found.totals["history"].statuses["overdue"], report.found.totals["history"].missed) == (7, 2)


def test_the_months_begin_where_something_fell_due(tmp_path: Path) -> None:
    found = summary_of(small(tmp_path))
    assert [m.month for m in found.months] == ["2025-04", "2025-05", "2025-06"]
    assert "Nothing fell due before April 2025 that can be judged." in page(found)


def test_a_pattern_left_out_is_not_told_by_the_number_of_flags(authority: Run) -> None:
    """Of 91 flags 89 with a history would leave 2."""
    flags = authority.flags(list(COLUMNS))
    basis = np.array(flags["basis"].to_pylist())
    rest = np.flatnonzero(basis == "count")
    chosen = np.sort(np.concatenate([np.flatnonzero(basis == "history"), rest[:2]]))
    ids = list(dict.fromkeys(rule.id for rule in BOOK.rules))
    for under, told in ((0, True), (5, False)):
        found = counted(batches(flags.take(pa.array(chosen)), 5000), ids, day_number(date(2026, 2, 17)), 0, under > 1)
        counts = run_summary._counts(found, Tables(found, day_number(date(2026, 2, 17)), under), authority.manifest)
        assert (counts["flags"] is not None) == told


def test_a_report_for_sharing_names_no_file(authority: Run) -> None:
    document = report_document(summary_of(authority, 5, kpis=kpis_of(authority, 5)))
    assert [s["name"] for s in document["sources"]] == ["Source 1"] and document["sources"][0]["sha256"]
    assert [(s["name"], s["children"], s["events"]) for s in document["measures"]["sources"]] == [("Source 1", None, None)]
    assert "authority.parquet" not in json.dumps(document) + page(summary_of(authority, 5, kpis=kpis_of(authority, 5)))


def test_a_run_of_a_few_children_is_not_shared(tmp_path: Path) -> None:
    made = small(tmp_path)
    with pytest.raises(InputError, match="fewer than 5 children, so nothing of it can be shared"):
        summary_of(made, 5)
    assert rrt("report", made.folder, "-o", tmp_path / "r.html", "--suppress-under", 5).exit_code == 2


def ranges(counts: np.ndarray, seen: Any, i: int, j: int) -> tuple[float, float]:
    """The least and greatest that a number left out can be, for somebody who knows all that is shown and that none is below nought."""
    rows, columns = counts.shape
    places = list(itertools.product(range(rows + 1), range(columns + 1)))
    index = {place: n for n, place in enumerate(places)}
    value = np.zeros((rows + 1, columns + 1))
    value[:-1, :-1], value[:-1, -1], value[-1, :-1], value[-1, -1] = counts, counts.sum(1), counts.sum(0), counts.sum()
    known = np.zeros((rows + 1, columns + 1), bool)
    known[:-1, :-1], known[:-1, -1], known[-1, :-1], known[-1, -1] = seen.cells, seen.rows, seen.columns, seen.total
    equal, right = [], []
    for place in places:
        if known[place]:
            equal.append([float(each == place) for each in places])
            right.append(value[place])
    for r in range(rows + 1):
        equal.append([(1.0 if each[1] < columns else -1.0) if each[0] == r else 0.0 for each in places])
        right.append(0.0)
    for c in range(columns + 1):
        equal.append([(1.0 if each[0] < rows else -1.0) if each[1] == c else 0.0 for each in places])
        right.append(0.0)
    aim = np.zeros(len(places))
    aim[index[i, j]] = 1
    found = [linprog(sign * aim, A_eq=np.array(equal), b_eq=np.array(right), bounds=(0, None)) for sign in (1, -1)]
    low, high = found
    assert low.success and (high.success or high.status == 3)  # 3: it can be anything
    return low.fun, -high.fun if high.success else np.inf


tables = st.integers(2, 4).flatmap(
    lambda rows: st.integers(1, 4).flatmap(
        lambda columns: st.lists(
            st.lists(st.sampled_from([0, 0, 1, 2, 3, 6, 9, 40]), min_size=columns, max_size=columns), min_size=rows, max_size=rows
        )
    )
)


@settings(max_examples=80, deadline=None)
@given(tables, st.lists(st.booleans(), min_size=4, max_size=4))
def test_no_small_number_can_be_worked_out_from_what_is_shown(table: list[list[int]], elsewhere: list[bool]) -> None:
    counts = np.array(table, np.int64)
    seen = shown(counts, counts, 5, elsewhere[: counts.shape[1]])
    every = np.zeros((counts.shape[0] + 1, counts.shape[1] + 1), np.int64)
    every[:-1, :-1], every[:-1, -1], every[-1, :-1], every[-1, -1] = counts, counts.sum(1), counts.sum(0), counts.sum()
    known = np.zeros(every.shape, bool)
    known[:-1, :-1], known[:-1, -1], known[-1, :-1], known[-1, -1] = seen.cells, seen.rows, seen.columns, seen.total
    assert not known[(every > 0) & (every < 5)].any()
    assert not (seen.columns & np.array(elsewhere[: counts.shape[1]])).any()
    secret = (every > 0) & (every < 5)
    secret[-1, :-1] |= (every[-1, :-1] > 0) & elsewhere[: counts.shape[1]]
    for i, j in np.argwhere(secret).tolist():
        low, high = ranges(counts, seen, i, j)
        assert high - low >= 1, (i, j)


def test_a_number_between_two_groups_of_hidden_ones_is_known_to_be_told() -> None:
    """Each row and column of it has two left out or more, and yet the sums of the two groups give it away."""
    value = np.full((5, 5), 9, np.int64)
    value[1, 2] = 2
    value[-1, :-1], value[:-1, -1] = value[:-1, :-1].sum(axis=0), value[:-1, :-1].sum(axis=1)
    value[-1, -1] = value[:-1, :-1].sum()
    hidden = np.zeros((5, 5), bool)
    hidden[:2, :2] = hidden[2:4, 2:4] = hidden[1, 2] = True
    small = np.zeros((5, 5), bool)
    small[1, 2] = True
    assert not run_hide._undecided(value, hidden, 1, 2)
    assert run_hide._undecided(value, hidden, 0, 0)
    while run_hide._by_chain(value, small, hidden):
        pass
    assert run_hide._undecided(value, hidden, 1, 2) and not hidden.all()


def test_small_groups_of_children_are_small_however_many_duties_they_have() -> None:
    counts, people = np.array([[40, 60], [50, 70]]), np.array([[2, 30], [30, 30]])
    assert not shown(counts, people, 5).cells[0, 0]
    assert shown(counts, people, 2).cells.all()


def test_what_is_left_out_together_is_no_small_group() -> None:
    counts = np.array([[2, 2, 30, 40]])
    seen = shown(counts, counts, 5)
    assert seen.total and not seen.cells[0, :2].any()
    assert counts[0][~seen.cells[0]].sum() >= 5


def test_late_and_too_early_are_one_number_in_a_shared_report(shared: Reported) -> None:
    row = shared.found.totals["history"]
    assert set(row.statuses) == {"met", "late_or_early", "overdue", "due_or_due_soon", "ended", "cannot_tell"}
    assert row.statuses["late_or_early"] == shared.count("count(*)", "basis = 'history' and status in ('late', 'early')")
    early = shared.count('count(distinct "case")', "status = 'early'")
    late = [b.late for b in shared.found.bands]
    if 0 < early < 5:
        assert None in late  # with the two together, all the late ones would tell how many were too early


# -------------------------------------------------------------------------------------------- workbook, tables, document


def test_the_workbook_has_typed_cells_filters_and_headings_that_stay(whole: Reported, tmp_path: Path) -> None:
    run_workbook.write_workbook(whole.found, whole.run, tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert {"About", "Sources", "Rules", "Days late", "Months", "Cases", "Teams", "Local values", "Definitions", "Flags"} <= set(
        book.sheetnames
    )
    for name in ("Rules", "Months", "Teams", "Flags"):
        assert book[name].freeze_panes == "B5"
        assert book[name].auto_filter.ref.startswith("A4:")
    rules = book["Rules"]
    heads = {rules.cell(4, c).value: c for c in range(1, rules.max_column + 1)}
    by_id = {rules.cell(r, heads["Id"]).value: r for r in range(5, rules.max_row + 1)}
    for row in whole.found.of_basis("history"):
        r = by_id[row.rule]
        assert rules.cell(r, heads["Started"]).value == row.started
        assert rules.cell(r, heads["On time"]).value == row.statuses["met"]
        share = rules.cell(r, heads["Share on time"])
        assert share.value is None if row.share is None else share.value == pytest.approx(row.share)
        assert share.number_format == "0.0%"
        assert rules.cell(r, heads["Counts the flags where"]).value == f"basis = 'history' and {row.where}"
    flags = book["Flags"]
    assert flags.max_row - 4 == whole.found.counts["flags"]
    heads = {flags.cell(4, c).value: c for c in range(1, flags.max_column + 1)}
    due = next(c for c in (flags.cell(r, heads["due"]) for r in range(5, 500)) if c.value)
    assert due.is_date
    assert not [c for sheet in book for row in sheet.iter_rows() for c in row if c.data_type == "f"]


def test_a_sheet_that_cannot_hold_every_flag_says_what_it_leaves_out(
    whole: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressing = whole.count("count(*)", "status in ('overdue', 'late', 'early')")
    total = whole.found.counts["flags"]
    monkeypatch.setattr(run_workbook, "MOST_FLAGS", pressing + 10)
    run_workbook.write_workbook(whole.found, whole.run, tmp_path / "r.xlsx")
    flags = openpyxl.load_workbook(tmp_path / "r.xlsx")["Flags"]
    assert f"{total - pressing - 10:,} are left out here" in flags["A2"].value  # type: ignore[operator]
    status = {flags.cell(4, c).value: c for c in range(1, flags.max_column + 1)}["status"]
    held = [flags.cell(r, status).value for r in range(5, flags.max_row + 1)]
    assert len(held) == pressing + 10
    assert not {"overdue", "late", "early"} & set(held[pressing:])


def test_cells_are_no_formulas(tmp_path: Path) -> None:
    made = small(tmp_path, "=cmd()")
    found = summary_of(made)
    run_workbook.write_workbook(found, made, tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert {c.value for c in book["Flags"]["A"][4:]} >= {"'=cmd()", "B"}
    run_csv.write_pair(found, made, tmp_path / "r.csv")
    with (tmp_path / "r-flags.csv").open(encoding="utf-8") as file:
        assert {row["case"] for row in csv.DictReader(file)} >= {"'=cmd()", "B"}


def test_the_pair_of_tables_holds_every_flag_and_every_rule(whole: Reported, tmp_path: Path) -> None:
    assert [p.name for p in run_csv.write_pair(whole.found, whole.run, tmp_path / "july.csv")] == ["july-flags.csv", "july-summary.csv"]
    with (tmp_path / "july-flags.csv").open(encoding="utf-8") as file:
        flags = list(csv.DictReader(file))
    assert len(flags) == whole.found.counts["flags"]
    with (tmp_path / "july-summary.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(whole.found.rules) + len(whole.found.totals)
    for row in rows:
        assert int(row["started"]) == whole.count("count(*)", row["where"])
        assert int(row["overdue"]) == whole.count("count(*)", row["where"], "status = 'overdue'")


def test_both_tables_are_written_or_neither(whole: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r-summary.csv").write_text("as it was", encoding="utf-8")
    replaced = Path.replace

    def fails(path: Path, target: Path) -> Path:
        if target == tmp_path / "r-flags.csv":
            raise OSError(28, "no space left on the disk")
        return replaced(path, target)

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(InputError, match="no space left"):
        run_csv.write_pair(whole.found, whole.run, tmp_path / "r.csv")
    assert (tmp_path / "r-summary.csv").read_text(encoding="utf-8") == "as it was"
    assert [p.name for p in tmp_path.iterdir()] == ["r-summary.csv"]


def test_a_folder_is_never_written_over(whole: Reported, tmp_path: Path) -> None:
    (tmp_path / "r-flags.csv").mkdir()
    done = rrt("report", whole.run.folder, "-o", tmp_path / "r.csv")
    assert done.exit_code == 2 and "this is a folder" in done.output
    assert [p.name for p in tmp_path.iterdir()] == ["r-flags.csv"]


def test_the_document_is_as_published_and_says_the_same(whole: Reported, shared: Reported) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for report in (whole, shared):
        document = json.loads(json.dumps(report_document(report.found)))
        jsonschema.validate(document, schema)
        for row in document["rules"]:
            if row["started"] is not None:
                assert row["started"] == report.count("count(*)", f"basis = '{row['basis']}'", row["where"])


# ---------------------------------------------------------------------------------------------------------- the command


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    made = rrt("replay", CASES / "sample", "--as-of", "2026-04-15", "-o", tmp_path / "run")
    assert made.exit_code == 1, made.output
    for at in ("a", "b"):
        (tmp_path / at).mkdir()
        for name in ("r.html", "r.xlsx", "r.csv"):
            done = rrt("report", tmp_path / "run", "-o", tmp_path / at / name)
            assert done.exit_code == 0, done.output
            assert "overdue" in done.output
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / at).iterdir()} for at in ("a", "b"))
    assert sorted(first) == ["r-flags.csv", "r-summary.csv", "r.html", "r.xlsx"]
    assert first == second
    printed = rrt("report", tmp_path / "run", "--format", "json", "--no-measures")
    assert json.loads(printed.stdout)["no_measures_because"] == "they were not asked for"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{run}",), "there is no file to write"),
        (("{run}", "-o", "{tmp}/report.pdf"), "cannot write `.pdf` files; expected .html, .xlsx, .csv"),
        (("{run}", "-o", "{tmp}/none/report.html"), "there is no folder"),
        (("{tmp}", "-o", "{tmp}/report.html"), "this is not the folder of a run"),
    ],
)
def test_what_cannot_be_done_is_said(authority: Run, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = rrt("report", *(a.format(run=authority.folder, tmp=tmp_path) for a in arguments))
    assert done.exit_code == 2
    assert says in done.output
    assert not list(tmp_path.iterdir())


def test_nothing_started_is_a_report_too(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("child_id,event,at\nA,child_died,2025-04-07\n", encoding="utf-8")
    made = run([tmp_path / "events.csv"], Settings(RULES, parse_moment("2025-06-30")), tmp_path / "run")
    found = replace(summary_of(made), rules=(), totals={}) if made.manifest["counts"]["flags"] else summary_of(made)
    assert "No child has anything overdue." in page(found)
    run_workbook.write_workbook(found, made, tmp_path / "r.xlsx")
    run_csv.write_pair(found, made, tmp_path / "r.csv")
    assert "Rules" not in openpyxl.load_workbook(tmp_path / "r.xlsx").sheetnames
