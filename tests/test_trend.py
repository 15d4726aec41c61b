"""`rrt trend`: every month end checked against a log truncated by hand and replayed, and what cannot be known said plainly."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import openpyxl
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from rrt_engine import cli_trend
from rrt_engine.calendar import Moment, as_date, day_number
from rrt_engine.cli import app
from rrt_engine.model import STATUSES
from rrt_engine.paths import CASES, RULES
from rrt_engine.replay.chunk import Settings
from rrt_engine.replay.partition import partition, write_partition
from rrt_engine.replay.run import RuleLine, read_all, replay
from rrt_engine.replay.runner import run
from rrt_engine.replay.trend import Month, Trend, month_of, months_between, recorded_in, timelines_in, timelines_of, trend
from rrt_engine.reports.trend_files import COLUMNS, write_trend
from rrt_engine.reports.trend_words import reading_words, share_words
from tests.shipped import BOOK
from tools.schemas import FOLDER

SAMPLE = CASES / "sample" / "events.csv"
DATA = Path(__file__).parent / "data"
ICPC = "cp_icpc_15wd"


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_trend, "rule_book", lambda _: BOOK)
    monkeypatch.delenv("COLUMNS", raising=False)


def month(name: str) -> Month:
    return month_of(day_number(date.fromisoformat(f"{name}-01")))


def months(first: str, last: str) -> tuple[Month, ...]:
    return months_between(month(first), month(last))


def found(source: Path | list[Path], first: str, last: str, rules: list[str] | None = None) -> Trend:
    read = read_all([*source] if isinstance(source, list) else [source], BOOK)
    return trend(timelines_of(read), BOOK, months(first, last), rules, recorded_in(read))


def log(folder: Path, text: str, covers: str = "") -> Path:
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    if covers:
        (folder / "events.csv.covers.yaml").write_text(covers, encoding="utf-8")
    return path


def rrt(*words: Any) -> Result:
    return CliRunner().invoke(app, ["trend", *map(str, words)])


# -------------------------------------------------------------------------------------- against a log cut by hand


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic authority with dates of recording, most the same day, some weeks later, and some that do not say."""
    path = tmp_path_factory.mktemp("trend") / "authority.csv"
    made = CliRunner().invoke(
        app, ["synth", "-o", str(path), "--children", "120", "--seed", "7", "--from", "2023-04-01", "--to", "2025-09-30", "--jobs", "1"]
    )
    assert made.exit_code == 0, made.output
    return path


def cut(source: Path, target: Path, last: str) -> Path:
    """The log as it was on a day: only rows dated by it and recorded by it, or with no day of recording."""
    with source.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    at, recorded = header.index("at"), header.index("recorded_at")
    kept = [row for row in rows if row[at][:10] <= last and row[recorded][:10] <= last]
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept])
    covers = source.with_name(f"{source.stem}.covers.yaml").read_text(encoding="utf-8")
    target.with_name(f"{target.stem}.covers.yaml").write_text(covers, encoding="utf-8")
    return target


def test_each_month_end_is_a_replay_of_the_log_as_it_was_then(authority: Path, tmp_path: Path) -> None:
    every = found(authority, "2025-03", "2025-09")
    later = 0
    for at, each in enumerate(every.months):
        last = as_date(each.last).isoformat()
        then = replay([cut(authority, tmp_path / "then.csv", last)], BOOK, Moment(each.last))
        here = [line.points[at].so_far for line in every.lines if line.points[at].so_far is not None]
        assert here == then.lines(), last
        assert {line.rule: line.points[at].in_month for line in every.lines if line.points[at].in_month} == in_month(then, each)
        later += here != replay([authority], BOOK, Moment(each.last)).lines()
    assert later >= 5, "what was recorded late changes nearly every month end, or this test says nothing"
    assert len(every.lines) > 60


def in_month(then: Any, each: Month) -> dict[str, RuleLine]:
    """The duties that fell due in a month, counted flag by flag."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    ended: Counter[str] = Counter()
    usual = {line.rule: line for line in then.lines()}
    for source in then.sources:
        flags = source.result.flags
        for i in range(len(flags)):
            if each.first <= flags.due[i] <= each.last:
                rule = BOOK.rules[flags.rule[i]].id
                counts.setdefault((rule, usual[rule].basis), Counter())[STATUSES[flags.status[i]]] += 1
                ended[rule] += bool(STATUSES[flags.status[i]] == "overdue" and flags.end[i] >= 0)
    expected = {}
    for (rule, basis), counter in counts.items():
        line = usual[rule]
        judged = counter["met"] + counter["late"] + counter["early"] + counter["overdue"]
        because = {k: v for k, v in line.cannot_tell_because.items() if counter["cannot_tell"]}
        if sum(because.values()) != counter["cannot_tell"]:
            because = reasons(then, rule, each)
        expected[rule] = RuleLine(
            rule, line.title, line.service, line.authority, line.verified, basis, sum(counter.values()),
            {s: counter[s] for s in STATUSES}, because, counter["met"], judged, ended[rule],
        )  # fmt: skip
    return expected


def reasons(then: Any, rule: str, each: Month) -> dict[str, int]:
    from rrt_engine.model import REASONS

    counter: Counter[str] = Counter()
    for source in then.sources:
        flags = source.result.flags
        for i in range(len(flags)):
            if (
                BOOK.rules[flags.rule[i]].id == rule
                and each.first <= flags.due[i] <= each.last
                and STATUSES[flags.status[i]] == "cannot_tell"
            ):
                counter[REASONS[flags.reason[i]]] += 1
    return {reason: counter[reason] for reason in REASONS if counter[reason]}


def test_the_measures_are_those_of_the_measures_command_as_known(authority: Path) -> None:
    period = ("--from", "2025-06-01", "--to", "2025-09-30", "--trend", "--as-known", "--format", "json")
    theirs = json.loads(CliRunner().invoke(app, ["measures", str(authority), *period, "--measure", "2", "--measure", "kpi_05"]).stdout)
    ours = json.loads(
        rrt(authority, "--from", "2025-06", "--to", "2025-09", "--measure", "2", "--measure", "kpi_05", "--format", "json").stdout
    )
    assert ours["measures"] == theirs and ours["measures"]["as_known"] is True and len(theirs["measures"]) == 2
    assert ours["rules"] == []


# ------------------------------------------------------------------------------------------------ worked by hand

# Due 25 March 2026 (15 working days after 4 March). The conference was in time, on the 24th, and recorded on 1 April.
RECORDED = """\
child_id,event,at,recorded_at,s47_initiated
A,strategy_discussion_held,2026-03-04,2026-03-04,true
A,icpc_held,2026-03-24,2026-04-01,
B,strategy_discussion_held,2026-03-31,2026-03-31,true
"""
COVERS = "events: [strategy_discussion_held, icpc_held, s47_outcome_recorded, case_closed]\n"


def test_what_was_recorded_late_was_not_known_then(tmp_path: Path) -> None:
    line = found(log(tmp_path, RECORDED, COVERS), "2026-02", "2026-04", [ICPC]).lines[0]
    february, march, april = line.points
    assert (february.so_far, february.in_month) == (None, None)
    assert march.in_month and march.so_far and april.so_far and april.in_month
    assert (march.in_month.on_time, march.in_month.judged, march.in_month.statuses["overdue"]) == (0, 1, 1)
    # B's, due 23 April over Easter, is open at the end of March: it has started so far and falls due in April
    assert (march.so_far.started, march.so_far.statuses["due"] + march.so_far.statuses["due_soon"]) == (2, 1)
    assert (april.so_far.statuses["met"], april.so_far.statuses["overdue"]) == (1, 1)
    assert (april.in_month.on_time, april.in_month.judged) == (0, 1), "A's fell due in March and is not in April's share"


@pytest.mark.parametrize(("recorded", "on_time"), [("2026-03-31", 1), ("2026-04-01", 0), ("", 1)])
def test_what_is_recorded_on_the_month_end_was_known_on_it(tmp_path: Path, recorded: str, on_time: int) -> None:
    march = (
        found(log(tmp_path, RECORDED.replace("24,2026-04-01", f"24,{recorded}"), COVERS), "2026-03", "2026-03", [ICPC]).lines[0].points[0]
    )
    assert march.in_month and (march.in_month.on_time, march.in_month.judged) == (on_time, 1)


@pytest.mark.parametrize(
    ("started", "name"), [("2026-02-06", "2026-02"), ("2026-02-09", "2026-03"), ("2026-03-10", "2026-03"), ("2026-03-11", "2026-04")]
)
def test_a_duty_is_in_the_month_it_fell_due_in(tmp_path: Path, started: str, name: str) -> None:
    # 15 working days after Friday 6 February is Friday 27 February; after Monday 9 it is Monday 2 March; after 10 March it is the
    # 31st, and after 11 March 1 April: the last day of a month and the first.
    text = RECORDED.replace("2026-03-04,2026-03-04", f"{started},").rpartition("B,")[0]
    line = found(log(tmp_path, text, COVERS), "2026-02", "2026-04", [ICPC]).lines[0]
    assert [m for m, p in zip(("2026-02", "2026-03", "2026-04"), line.points, strict=True) if p.in_month] == [name]


def test_it_counts_what_was_recorded_later_and_what_does_not_say(tmp_path: Path) -> None:
    path = log(tmp_path, RECORDED + "C,strategy_discussion_held,2026-03-31,,true\nC,icpc_held,2026-04-05,2026-04-05,\n", COVERS)
    every = found(path, "2026-03", "2026-05", [ICPC])
    assert [(k.events, k.recorded_later, k.unsaid) for k in every.known] == [(4, 1, 1), (5, 0, 1), (5, 0, 1)]
    assert [(s.events, s.unsaid, as_date(s.last).isoformat()) for s in every.sources] == [(5, 1, "2026-04-05")]
    assert [m.name for m in every.beyond] == ["2026-04", "2026-05"]
    words = " ".join(reading_words(every))
    assert "events.csv: 1 of 5 events (20.0%) does not say when it was recorded; they count from the day they happened." in words
    assert "The last thing in the sources is of 5 April 2026. After it (Apr 2026 and May 2026) what was not done" in words


def test_a_source_without_days_of_recording_says_so(tmp_path: Path) -> None:
    text = "\n".join(",".join(line.split(",")[:3] + line.split(",")[4:]) for line in RECORDED.splitlines())
    words = reading_words(found(log(tmp_path, text + "\n", COVERS), "2026-03", "2026-03", [ICPC]))
    assert words[0].startswith("events.csv does not say when events were recorded. Each month is as it had happened by its end")
    said = reading_words(found(log(tmp_path, RECORDED, COVERS), "2026-03", "2026-03", [ICPC]))
    assert said == ["Each month end as it was known then: only what had been recorded by it.", "Every event says when it was recorded."]


def test_lists_of_latest_dates_say_nothing_of_former_months() -> None:
    every = found(DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx", "2025-07", "2025-09")
    now = [line for line in every.lines if line.basis == "now"]
    assert now and all(p.so_far is None and p.in_month is None for line in now for p in line.points[:-1])
    assert all(line.points[-1].so_far for line in now)
    assert "Where a source holds only latest dates, it says how things stand at the last month end" in reading_words(every)[-1]


def test_several_sources_are_put_together(tmp_path: Path) -> None:
    """The children of both are counted once, and each is as known from whichever source had it recorded first."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    first = log(one, RECORDED, COVERS)
    second = log(two, RECORDED.replace("2026-03-24,2026-04-01", "2026-03-24,2026-03-25"), COVERS)
    every = found([first, second], "2026-03", "2026-03", [ICPC])
    assert every.children == 2 and len(every.sources) == 2
    march = every.lines[0].points[0]
    assert march.in_month and (march.in_month.on_time, march.in_month.judged, march.in_month.started) == (1, 1, 1)


def test_a_partition_gives_the_same_part_by_part(authority: Path, tmp_path: Path) -> None:
    made = partition([authority], BOOK, tmp_path / "parts", in_place=False, rows=900)
    assert len(made.parts) > 4
    whole, parts = found(authority, "2025-08", "2025-09"), trend(timelines_in(made, BOOK), BOOK, months("2025-08", "2025-09"))
    assert (parts.lines, parts.known, parts.children) == (whole.lines, whole.known, whole.children)
    assert [(s.events, s.unsaid, s.last) for s in parts.sources] == [(s.events, s.unsaid, s.last) for s in whole.sources]
    write_partition(made, tmp_path / "parts")
    words = ("--from", "2025-08", "--to", "2025-09", "--rule", ICPC, "--format", "json")
    one, other = (json.loads(rrt(source, *words).stdout) for source in (authority, tmp_path / "parts"))
    assert (one["rules"], one["months"]) == (other["rules"], other["months"])


def test_a_run_is_a_source_too_while_its_events_are_there(tmp_path: Path) -> None:
    source = log(tmp_path, RECORDED, COVERS)
    run([source], Settings(RULES, Moment(month("2026-04").last)), tmp_path / "run")
    words = ("--from", "2026-02", "--to", "2026-04", "--rule", ICPC, "--format", "json")
    one, other = (json.loads(rrt(each, *words).stdout) for each in (source, tmp_path / "run"))
    assert (one["rules"], one["months"]) == (other["rules"], other["months"]) and one["rules"]
    next((tmp_path / "run" / "events").glob("*.parquet")).unlink()
    gone = rrt(tmp_path / "run", *words)
    assert gone.exit_code == 2 and "the events that were replayed are no longer at hand" in gone.stderr


def test_records_that_could_not_be_used_are_counted_and_said(tmp_path: Path) -> None:
    every = found(log(tmp_path, RECORDED + "B,icpc_held,2026-02-31,2026-03-01,\n", COVERS), "2026-03", "2026-03", [ICPC])
    assert [(s.events, s.rejected) for s in every.sources] == [(3, 1)]
    assert "events.csv: 1 record could not be used and is in no month; `rrt replay` says why." in reading_words(every)


def test_months_follow_each_other() -> None:
    assert [m.name for m in months("2025-11", "2026-02")] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert [as_date(m.last).day for m in months("2024-01", "2024-04")] == [31, 29, 31, 30]
    assert all(a.last + 1 == b.first for a, b in zip(months("2024-01", "2026-01"), months("2024-02", "2026-02"), strict=True))


def test_a_share_is_never_rounded_to_all_or_nothing() -> None:
    def line(on_time: int, judged: int) -> RuleLine:
        return RuleLine("r", "t", "s", "duty", "instrument", "history", judged, dict.fromkeys(STATUSES, 0), {}, on_time, judged)

    assert [share_words(line(*each)) for each in ((999, 1000), (1, 1000), (0, 9), (9, 9), (0, 0), (5, 8))] == [
        ">99% of 1,000", "<1% of 1,000", "0% of 9", "100% of 9", "–", "62% of 8",
    ]  # fmt: skip


# -------------------------------------------------------------------------------------------- command and files


def test_the_command_shows_shares_with_their_denominators() -> None:
    shown = rrt(SAMPLE, "--from", "2025-10", "--to", "2026-04")
    assert shown.exit_code == 0, shown.output
    assert "Nov 2025" in shown.stdout and "Oct 2025  " not in shown.stdout and "The last 6 of 7 months" in shown.stdout
    assert "92% of 12  92% of 13  100% of 6  100% of 7  50% of 10  100% of 3" in shown.stdout
    one = rrt(SAMPLE, "--from", "2025-10", "--to", "2026-04", "--rule", "fd_referral_decision_1wd")
    assert "Oct 2025         10       10  100% of 10      66     92% of 66        0     0            0" in one.stdout
    assert "Decision on a referral within 24 hours" not in one.stdout


def test_the_document_is_as_its_schema_says_and_the_schema_is_published(authority: Path) -> None:
    shown = rrt(authority, "--from", "2025-08", "--to", "2025-09", "--format", "json", "--rule", ICPC, "--measure", "2")
    document = json.loads(shown.stdout)
    published = json.loads((FOLDER / "trend.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(published).validate(document)
    from rrt_engine.reports.trend_document import schema

    assert {k: v for k, v in published.items() if k != "$schema"} == schema()
    assert [m["month"] for m in document["months"]] == ["2025-08", "2025-09"] and document["children"] == 120
    assert document["rules"][0]["rule"] == ICPC and len(document["rules"][0]["months"]) == 2
    counted = document["rules"][0]["months"][1]["so_far"]
    assert sum(counted[s] for s in STATUSES) == counted["duties"] and counted["share"] == round(counted["on_time"] / counted["judged"], 6)


def test_a_table_and_a_workbook_hold_the_same_figures(authority: Path, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "a.parquet", "a.xlsx", "b.xlsx")]
    for path in paths:
        shown = rrt(authority, "--from", "2025-08", "--to", "2025-09", "-o", path, "--rule", ICPC, "--rule", "cp_visit", "--measure", "2")
        assert shown.exit_code == 0, shown.output
        assert "figures to" in shown.stderr
    table, again, parquet, book, second = paths
    assert table.read_bytes() == again.read_bytes() and book.read_bytes() == second.read_bytes()
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS) and {row["kind"] for row in rows} == {"rule", "measure"}
    typed = pq.read_table(parquet).to_pylist()
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in typed] == rows
    sheets = openpyxl.load_workbook(book)
    assert sheets.sheetnames == ["Months", "Figures", "About"]
    cells = [row for row in sheets["Figures"].iter_rows(min_row=4, values_only=True) if row[0]]
    assert [(row[1], row[5], row[7], row[9]) for row in cells] == [(r["id"], r["month"], r["of"], r["numerator"]) for r in typed]
    share = next(r["value"] for r in typed if r["id"] == "cp_visit" and r["month"] == "2025-09" and r["of"] == "in the month")
    across = {row[0]: row for row in sheets["Months"].iter_rows(min_row=4, values_only=True)}
    assert across["cp_visit"][4] == pytest.approx(share, abs=1e-6)
    for row in typed:
        if row["kind"] == "rule" and row["basis"] == "history":
            assert row["denominator"] == row["met"] + row["late"] + row["early"] + row["overdue"]
            assert row["duties"] == row["denominator"] + row["open"] + row["ended"] + row["cannot_tell"]


def test_no_figure_is_lost_on_the_way_to_a_file(authority: Path, tmp_path: Path) -> None:
    every = found(authority, "2025-08", "2025-09")
    n = write_trend(every, None, tmp_path / "a.csv")
    points = [p for line in every.lines for p in line.points]
    in_month = [p for line in every.lines if line.basis == "history" for p in line.points if p.in_month]
    assert n == sum(p.so_far is not None for p in points) + len(in_month) == len((tmp_path / "a.csv").read_text().splitlines()) - 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--from", "2026-13", "--to", "March"), "--from: error[month]: `2026-13` is not a month"),
        (("--from", "2026-03", "--to", "2026-3"), "--to: error[month]: `2026-3` is not a month"),
        (("--from", "2026-03", "--to", "2026-02"), "`2026-02` is before `2026-03`"),
        (("--from", "2001-01", "--to", "2026-02"), "there are more than 144 months"),
        (("--from", "2026-02", "--to", "2026-03", "--rule", "cp_icpc"), "there is no rule `cp_icpc`"),
        (("--from", "2026-02", "--to", "2026-03", "--measure", "99"), "`99`"),
        (("--from", "2026-02", "--to", "2026-03", "-o", "trend.txt"), "cannot write `.txt` files"),
    ],
)
def test_mistakes_are_said_before_any_work(words: tuple[str, ...], message: str) -> None:
    shown = rrt(SAMPLE, *words)
    assert shown.exit_code == 2 and message in shown.stderr and not shown.stdout
    if "March" in words:
        assert "`March` is not a month" in shown.stderr, "every mistake at once"


def test_a_source_that_cannot_be_read_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    shown = rrt(SAMPLE, tmp_path / "broken.parquet", "--from", "2026-02", "--to", "2026-03")
    assert shown.exit_code == 2 and "broken.parquet" in shown.stderr and "180 children" in shown.stdout


def test_what_was_missed_and_has_ended_is_overdue_only_until_then(tmp_path: Path) -> None:
    """A referral of 6 January 2025 is never assessed, and the case is closed on 2 June: overdue in May, and in June no more."""
    log = tmp_path / "log.csv"
    log.write_text(
        "child_id,event,at,outcome\nK1,referral_received,2025-01-06,\nK1,referral_decision_recorded,2025-01-06,assess\n"
        "K1,case_closed,2025-06-02,\n",
        encoding="utf-8",
    )
    asked = ["trend", str(log), "--from", "2025-05", "--to", "2025-06", "--rule", "as_single_45wd"]
    shown = CliRunner().invoke(app, asked).stdout
    rows = [line.split() for line in shown.splitlines() if line.startswith(("May 2025 ", "Jun 2025 "))]
    assert [row[-4:-1] for row in rows] == [["1", "0", "0"], ["0", "1", "0"]], "overdue, missed and ended since, open"
    assert "1 duty was missed and has ended since" in shown and shown.count("Share so far: of all") == 1
    (rule,) = json.loads(CliRunner().invoke(app, [*asked, "--format", "json"]).stdout)["rules"]
    assert [(m["so_far"]["overdue"], m["so_far"]["ended_since"], m["so_far"]["judged"]) for m in rule["months"]] == [(1, 0, 1), (1, 1, 1)]
    wrong = CliRunner().invoke(app, [*asked[:-1], "xx"])
    assert wrong.exit_code == 2 and "there is no rule `xx`" in wrong.stderr and "rrt rules list" in wrong.stderr
