"""`rrt convert`: what is written replays to the same flags, whatever the source and whatever the format."""

from __future__ import annotations

import csv
import functools
import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from rrt_engine import cli, cli_convert
from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, day_number, parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.model import Coverage, EventLog
from rrt_engine.paths import CASES
from rrt_engine.replay.run import Read, Replay, evaluated, read_all, replay
from rrt_engine.reports.event_log_convert import FORMATS, XES, check_target, write_logs
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.covers import coverage_beside
from rrt_engine.sources.detect import read_source
from rrt_engine.sources.event_log import latest_dates, read_event_log
from rrt_engine.sources.event_log_write import RESERVED, columns_of, covers_text, write_event_log
from rrt_engine.sources.joined import joined
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data"
AS_OF = parse_moment("2026-04-15")
READ_BACK = tuple(suffix for suffix in FORMATS if suffix != XES)
"""XES is written for other tools, and not read."""


@functools.cache
def sources() -> list[Path]:
    """Every sample in the repository that can be read as timelines, and the folders of some."""
    folders = [*(p for p in sorted(DATA.iterdir()) if p.is_dir()), CASES / "training", CASES / "sample"]
    found = [p for folder in folders for p in sorted(folder.iterdir()) if not p.name.endswith((".md", ".covers.yaml"))]
    named = [p for p in found if not p.name.startswith(("events.facts", "events.decisions", "govuk", "LICENSE", "openapi"))]
    return [*named, CASES / "training", CASES / "sample", DATA / "cin_census"]


@functools.cache
def as_read(source: Path) -> Read | None:
    try:
        return read_all([source], BOOK)
    except InputError:
        return None


@functools.cache
def flags_of(source: Path) -> tuple[Any, Any]:
    read = as_read(source)
    assert read is not None
    return flags(evaluated(read, BOOK, AS_OF))


def flags(found: Replay) -> tuple[list[Any], set[Any]]:
    """Every flag with its events as they were recorded, and the rules that cannot be told."""
    rows: list[Any] = []
    for run in found.sources:
        log, f = run.log, run.result.flags
        events = [*facts_of(log), *(("birthday", int(d)) for d in f.derived_day), None]
        at = np.full(len(f), NO_INSTANT) if f.due_at is None else f.due_at
        by = np.full(len(f), NO_INSTANT) if f.due_by is None else f.due_by
        for i in range(len(f)):
            rows.append(
                (
                    found.book.rules[f.rule[i]].id,
                    *(int(column[i]) for column in (f.rung, f.start, f.due, f.status, f.reason, at, by)),
                    *(events[row[i]] for row in (f.trigger, f.answer, f.end)),
                )
            )
    return sorted(rows, key=repr), {(n.rule, n.missing) for run in found.sources for n in run.result.not_evaluable}


def facts_of(log: EventLog) -> list[Any]:
    """Everything a log knows of each event."""

    def column(values: Any, empty: Any) -> list[Any]:
        return [empty] * len(log) if values is None else values.tolist()

    children = [str(c) for c in log.children]
    attributes = [{name: log.value(name, i) for name in sorted(log.attributes) if log.value(name, i) is not None} for i in range(len(log))]
    return [
        (children[c], log.kinds[k], d, at, span, log.refs[ref] if ref >= 0 else None, recorded, latest, suspect, _shown(kept, log.kinds[k]))
        for c, k, d, at, span, ref, recorded, latest, suspect, kept in zip(
            log.child.tolist(),
            log.kind.tolist(),
            log.day.tolist(),
            column(log.instant, NO_INSTANT),
            column(log.span, 0),
            column(log.ref, -1),
            column(log.recorded, NO_DAY),
            column(log.latest_only, False),
            column(log.suspect, False),
            attributes,
            strict=True,
        )
    ]


def _shown(attributes: dict[str, Any], kind: str) -> list[tuple[str, str, Any]]:
    """Attributes with their types; one that the vocabulary does not know is text in every event log."""
    known = BOOK.events[kind].attrs
    return [
        (n, type(v).__name__, v) if n in known else (n, "str", str(v).lower() if isinstance(v, bool) else str(v))
        for n, v in attributes.items()
    ]


def people(log: EventLog) -> list[Any]:
    m = len(log.children)
    born = [NO_DAY] * m if log.born is None else log.born.tolist()
    expected = [NO_DAY] * m if log.expected is None else log.expected.tolist()
    return sorted(zip(map(str, log.children), born, expected, strict=True))


# ------------------------------------------------------------------------------------------- the same flags


@pytest.mark.parametrize("suffix", READ_BACK)
@pytest.mark.parametrize("source", sources(), ids=lambda p: p.name)
def test_what_is_written_replays_to_the_same_flags(tmp_path: Path, source: Path, suffix: str) -> None:
    read = as_read(source)
    if read is None or not any(len(g.log.children) for g in read.merging.groups):
        pytest.skip("cannot be read, or holds nothing")
    written = write_logs([g.log for g in read.merging.groups], tmp_path / f"events{suffix}", BOOK)
    back = read_all([w.path for w in written], BOOK)
    assert not [r for s in back.sources for r in s.reading.rejected]
    assert not [d for s in back.sources for d in s.reading.diagnostics if d.severity != "note"]
    assert flags(evaluated(back, BOOK, AS_OF)) == flags_of(source)
    before, after = ([g.log for g in r.merging.groups if len(g.log.children)] for r in (read, back))
    assert sorted(p for log in before for p in people(log)) == sorted(p for log in after for p in people(log))
    assert sorted((f for log in before for f in facts_of(log)), key=repr) == sorted((f for log in after for f in facts_of(log)), key=repr)
    assert {repr(covers(log)) for log in before} == {repr(covers(log)) for log in after}


def covers(log: EventLog) -> Any:
    c = log.coverage
    return None if c.kinds is None else sorted(c.kinds), sorted(c.since.items()), sorted(c.latest)


def test_there_are_samples_of_every_format_and_with_flags() -> None:
    formats = {s.reading.format for p in sources() for r in [as_read(p)] if r for s in r.sources}
    assert {"annex_a", "CIN census", "DfE CSC API", "CSV", "case"} <= {"annex_a" if f.lower().startswith("annex") else f for f in formats}
    assert sum(len(flags_of(p)[0]) for p in sources() if as_read(p)) > 3000


# ------------------------------------------------------------------------------------------- made logs


RISKY = ["=1+1", "'=x", "'", "''-2", "-5", "+44", "@x", "O'Hara", 'a "b"', "a,b;c", "two\nlines", "a\r\nb"]
WORDS = st.sampled_from([*RISKY, "A", "é", "x\u2028y", "NULL", "nan", "3", "true"])
REFS = st.sampled_from(["R1", "R1/S1", "S1", "R/2", "=R", "a b", "'R"])
DAYS = st.integers(day_number(date(2025, 10, 20)), day_number(date(2025, 11, 2)))
CLOCKS_BACK = [f"2025-10-26T{time}" for time in ("00:00", "00:30", "01:00", "01:30", "01:30+00:00", "01:30+01:00", "02:00")]
OTHERS = ["2025-07-01T00:00", "2025-12-01T00:00:00", "2025-07-01T09:15:07", "2026-03-29T02:30", "2026-03-29T00:59:59"]
TIMES = st.sampled_from([*CLOCKS_BACK, *OTHERS])
MOMENTS = DAYS.map(Moment) | TIMES.map(parse_moment)
MADE: dict[str, dict[str, Any]] = {
    "referral_received": {"nfa": st.booleans(), "source_agency": WORDS, "team": WORDS, "unheard_of": WORDS},
    "pf_notification_received": {"regulation": st.sampled_from([3, 5, 6, "aware"]), "disabled": st.booleans()},
    "sdq_recorded": {"score": st.integers(-3, 40), "worker": WORDS},
    "s37_direction_made": {"due": st.sampled_from(["2026-01-01", "2026-02-03"]), "reason": WORDS},
    "case_closed": {"reason": WORDS},
    "cin_visit": {},
}
COVERAGES = st.builds(
    Coverage,
    st.none() | st.frozensets(st.sampled_from(sorted(MADE))),
    st.dictionaries(st.sampled_from(["", "cin_visit", "case_closed"]), DAYS),
    st.frozensets(st.sampled_from(["cin_visit", "sdq_recorded"])),
)


@st.composite
def made_logs(draw: st.DrawFn, timed: bool = True) -> EventLog:
    builder = LogBuilder(BOOK.events)
    builder.origin("made")
    ids = draw(st.lists(WORDS, min_size=1, max_size=4, unique_by=lambda w: w))
    for child in ids:
        builder.child(child, draw(st.sampled_from([NO_DAY, 17_000, 18_000])), draw(st.sampled_from([NO_DAY, NO_DAY, 20_600])))
    for _ in range(draw(st.integers(0, 12))):
        kind = draw(st.sampled_from(sorted(MADE)))
        attributes = {name: draw(values) for name, values in MADE[kind].items() if draw(st.booleans())}
        event: dict[str, Any] = {
            "ref": draw(st.none() | REFS),
            "attributes": attributes,
            "recorded": draw(st.sampled_from([NO_DAY, 20_500])),
            "latest_only": draw(st.sampled_from([False, False, True])),
            "suspect": draw(st.sampled_from([False, False, True])),
        }
        child, at = draw(st.sampled_from(ids)), draw(MOMENTS if timed else DAYS.map(Moment))
        for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
            builder.add(child, kind, at, **event)
    log = builder.build(draw(COVERAGES))  # what is only ever held as latest dates is marked so
    marked = None if log.latest_only is None else log.latest_only.astype(np.int32)
    return replace(log, latest_only=latest_dates(marked, log.coverage, log.kind, log.kinds))


@pytest.mark.parametrize("suffix", READ_BACK)
@given(log=made_logs() | made_logs(timed=False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_log_reads_back_as_it_was(tmp_path: Path, suffix: str, log: EventLog) -> None:
    path = write_logs([log], tmp_path / f"made{suffix}", BOOK)[0].path
    reading = read_source(path, BOOK)
    assert (reading.rejected, reading.records_used) == ((), len(log) + len(set(range(len(log.children))) - set(log.child.tolist())))
    assert facts_of(reading.log) == facts_of(log)  # in order: events of one moment stay as they stood
    assert people(reading.log) == people(log)
    assert covers(reading.log) == covers(log)


def log_of(*events: tuple[str, str, str], coverage: Coverage = Coverage(), **more: Any) -> EventLog:
    builder = LogBuilder(BOOK.events)
    builder.origin("made")
    for child, kind, at in events:
        builder.add(child, kind, parse_moment(at), **more)
    return builder.build(coverage)


# ------------------------------------------------------------------------------------------- the files


def test_the_columns_are_those_of_an_event_log_and_cells_are_no_formulas(tmp_path: Path) -> None:
    log = log_of(
        ("=C1", "referral_received", "2026-03-02"),
        ("C2", "cin_visit", "2026-03-03T09:30"),
        attributes={"team": "@T", "nfa": False},
        ref="-R",
    )
    write_event_log(log, tmp_path / "e.csv", ".csv")
    assert (tmp_path / "e.csv").read_text() == (
        "child_id,event,at,ref,team,nfa\n'=C1,referral_received,2026-03-02,'-R,'@T,false\nC2,cin_visit,2026-03-03T09:30,'-R,'@T,false\n"
    )


def test_parquet_keeps_types_and_dates_are_dates_where_there_are_no_times(tmp_path: Path) -> None:
    write_event_log(
        log_of(("C1", "sdq_recorded", "2026-03-02"), attributes={"score": 3}, latest_only=True), tmp_path / "e.parquet", ".parquet"
    )
    schema = pq.read_schema(tmp_path / "e.parquet")
    assert {f.name: str(f.type) for f in schema} == {
        "child_id": "string",
        "event": "string",
        "at": "date32[day]",
        "score": "int64",
        "latest_only": "bool",
    }


def test_parquet_is_written_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rrt_engine.sources import event_log_write

    monkeypatch.setattr(event_log_write, "ROWS", 4)
    log = log_of(*((f"C{i:02}", "cin_visit", "2026-03-02") for i in range(10)))
    for suffix in (".parquet", ".csv", ".jsonl"):
        write_event_log(log, tmp_path / f"e{suffix}", suffix)
        assert facts_of(read_event_log(tmp_path / f"e{suffix}", BOOK).log) == facts_of(log)
    found = pq.ParquetFile(tmp_path / "e.parquet")
    assert [found.metadata.row_group(i).num_rows for i in range(found.num_row_groups)] == [4, 4, 2]
    found.close()


@pytest.mark.parametrize("suffix", READ_BACK)
def test_the_same_source_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    read = as_read(CASES / "sample" / "events.csv")
    assert read is not None
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_logs([g.log for g in read.merging.groups], tmp_path / name / f"e{suffix}", BOOK)
    files = [sorted((p.name, p.read_bytes()) for p in (tmp_path / name).iterdir()) for name in ("a", "b")]
    assert files[0] == files[1] and len(files[0]) == 2


def test_whole_numbers_as_ids_stay_whole_numbers_in_parquet(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("child_id,event,at\n2,cin_visit,2026-03-02\n10,cin_visit,2026-03-02\n")
    text = read_event_log(path, BOOK).log
    whole = EventLog(np.array([2, 10]), text.kinds, np.array([0, 1], np.int32), text.kind, text.day, attributes={})
    write_event_log(whole, tmp_path / "e.parquet", ".parquet")
    assert read_event_log(tmp_path / "e.parquet", BOOK).log.children.tolist() == [2, 10]


def test_alike_events_are_told_apart_by_number_and_others_are_duplicates(tmp_path: Path) -> None:
    log = log_of(*[("C1", "missing_episode_started", "2026-03-02")] * 3, ("C1", "cin_visit", "2026-03-02"))
    write_event_log(log, tmp_path / "e.csv", ".csv")
    with (tmp_path / "e.csv").open(newline="") as file:
        assert sorted(r["alike_number"] for r in csv.DictReader(file)) == ["", "", "2", "3"]
    again = read_event_log(tmp_path / "e.csv", BOOK)
    assert len(again.log) == 4 and "alike_number" not in again.log.attributes
    (tmp_path / "twice.csv").write_text((tmp_path / "e.csv").read_text() + "C1,missing_episode_started,2026-03-02,2\n")
    assert len(read_event_log(tmp_path / "twice.csv", BOOK).rejected) == 1


@pytest.mark.parametrize(
    ("at", "written"),
    [
        ("2025-07-01T00:00", "2025-07-01T00:00+01:00"),
        ("2025-12-01T00:00", "2025-12-01T00:00+00:00"),
        ("2025-07-01T00:01", "2025-07-01T00:01"),
        ("2025-06-30T23:59:59", "2025-06-30T23:59:59"),
        ("2025-10-26T01:30", "2025-10-26T01:30"),
        ("2025-10-26T00:30Z", "2025-10-26T01:30+01:00"),
        ("2025-10-26T01:30Z", "2025-10-26T01:30+00:00"),
        ("2025-10-26T02:00", "2025-10-26T02:00"),
        ("2026-03-29T00:59", "2026-03-29T00:59"),
        ("2026-03-29T02:00", "2026-03-29T02:00"),
    ],
)
def test_a_time_carries_its_offset_only_where_it_would_be_misread_without(tmp_path: Path, at: str, written: str) -> None:
    write_event_log(log_of(("C1", "cin_visit", at)), tmp_path / "e.csv", ".csv")
    assert (tmp_path / "e.csv").read_text().splitlines()[1] == f"C1,cin_visit,{written}"
    assert facts_of(read_event_log(tmp_path / "e.csv", BOOK).log) == facts_of(log_of(("C1", "cin_visit", at)))


@pytest.mark.parametrize("column", ["suspect", "latest_only", "recorded_at", "ref", "team"])
def test_rows_that_differ_in_one_column_are_two_events(tmp_path: Path, column: str) -> None:
    value = {"suspect": "true", "latest_only": "true", "recorded_at": "2026-03-05"}.get(column, "x")
    (tmp_path / "e.csv").write_text(f"child_id,event,at,{column}\nC1,cin_visit,2026-03-02,\nC1,cin_visit,2026-03-02,{value}\n")
    assert len(read_event_log(tmp_path / "e.csv", BOOK).log) == 2


def test_marks_are_read_from_words_and_what_is_no_mark_is_said(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "child_id,event,at,suspect,latest_only\nC1,cin_visit,2026-03-02,Yes,maybe\nC1,cin_visit,2026-03-03,,1\nC1,cin_visit,2026-03-04,no,0\n"
    )
    reading = read_event_log(path, BOOK)
    log = reading.log
    assert log.suspect is not None and log.suspect.tolist() == [True, False, False]
    assert log.latest_only is not None and log.latest_only.tolist() == [False, True, False]
    assert not log.attributes and [d.message for d in reading.diagnostics] == [
        "`latest_only`: `maybe`: expected true or false; dropped from 1 row"
    ]


def test_an_attribute_with_a_name_the_log_needs_is_left_out_and_said(tmp_path: Path) -> None:
    log = log_of(("C1", "cin_visit", "2026-03-02"), attributes={"suspect": "x", "Team": "B", "team": "A"})
    written = write_logs([log], tmp_path / "e.csv", BOOK)
    assert written[0].left_out == ("Team", "suspect") or set(written[0].left_out) == {"suspect", "Team"}
    assert {c.name: c.values for c in columns_of(log)}["team"] == ("A",)
    assert {"child_id", "at", "latest_only", "attributes"} <= RESERVED


def test_what_a_log_covers_is_said_beside_it(tmp_path: Path) -> None:
    day = day_number(date(2025, 4, 1))
    text = covers_text(Coverage(frozenset({"cin_visit", "cp_visit"}), {"": day, "cin_visit": day + 1}, frozenset({"cin_visit"})))
    assert yaml.safe_load(text) == {
        "kind": "history",
        "from": date(2025, 4, 1),
        "since": {"cin_visit": date(2025, 4, 2)},
        "latest": ["cin_visit"],
        "events": ["cin_visit", "cp_visit"],
    }


def test_the_end_of_the_records_and_what_is_whole_come_back_as_they_were(tmp_path: Path) -> None:
    day = day_number(date(2026, 3, 31))
    kinds = frozenset({"assessment_started", "assessment_authorised"})
    whole = frozenset({("assessment_started", "assessment_authorised")})
    said = Coverage(kinds, {"assessment_authorised": day - 364}, until={"": day, "assessment_started": day - 1}, whole=whole)
    (tmp_path / "e.csv.covers.yaml").write_text(covers_text(said), encoding="utf-8")
    assert coverage_beside(tmp_path / "e.csv", BOOK) == (said, False)


def test_a_census_written_as_an_event_log_gives_the_same_flags_a_year_later(tmp_path: Path) -> None:
    census = DATA / "cin_census" / "generated_seed1001_conforming.xml"
    result = CliRunner().invoke(app, ["convert", str(census), "--output", str(tmp_path / "e.csv")])
    assert result.exit_code == 0, result.output
    (log,) = (run.log for run in replay([tmp_path / "e.csv"], BOOK, parse_moment("2027-03-31")).sources)
    (own,) = (run.log for run in replay([census], BOOK, parse_moment("2027-03-31")).sources)
    assert log.coverage == own.coverage
    counts = [
        [(line.rule, line.statuses) for line in replay([path], BOOK, parse_moment("2027-03-31")).lines()]
        for path in (census, tmp_path / "e.csv")
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("until: {cin_visitt: 2025-04-01}", "unknown event `cin_visitt`"),
        ("to: soon", "`soon` is not a date"),
        ("whole: {cin_visit: [nothing]}", "unknown event `nothing`"),
        ("whole: {cin_visit: cp_visit}", "is not something a log can cover"),
        ("since: {cin_visitt: 2025-04-01}", "unknown event `cin_visitt`"),
        ("since: {cin_visit: soon}", "`soon` is not a date"),
        ("since: 2025-04-01", "is not something a log can cover"),
        ("latest: [nothing]", "unknown event `nothing`"),
        ("latest: cin_visit", "is not something a log can cover"),
    ],
)
def test_a_covers_file_that_cannot_be_read_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "e.csv").write_text("child_id,event,at\nC1,cin_visit,2026-03-02\n")
    (tmp_path / "e.covers.yaml").write_text(text)
    with pytest.raises(InputError, match="covers") as caught:
        read_event_log(tmp_path / "e.csv", BOOK)
    assert words in caught.value.diagnostics[0].message


# ------------------------------------------------------------------------------------------- several sources


def test_sources_that_cover_different_things_are_not_put_in_one_file(tmp_path: Path) -> None:
    a = log_of(("C1", "cin_visit", "2026-03-02"), coverage=Coverage(frozenset({"cin_visit"})))
    b = log_of(("C2", "cp_visit", "2026-03-03"), coverage=Coverage(frozenset({"cp_visit"})))
    c = log_of(("C3", "cin_visit", "2026-03-04T10:00"), attributes={"child_seen": True}, ref="X", coverage=a.coverage)
    written = write_logs([a, b, c], tmp_path / "e.ocel.json", BOOK)
    assert [(w.path.name, w.covers.name, w.events, w.children) for w in written] == [
        ("e-1.ocel.json", "e-1.ocel.json.covers.yaml", 2, 2),
        ("e-2.ocel.json", "e-2.ocel.json.covers.yaml", 1, 1),
    ]
    assert sorted(f for w in written for f in facts_of(read_source(w.path, BOOK).log)) == sorted(f for x in (a, b, c) for f in facts_of(x))


def test_two_children_with_one_id_stay_apart() -> None:
    logs = [log_of((c, "cin_visit", "2026-03-02")) for c in ("C1", "C2", "C1", "C3")]
    assert [log.children.tolist() for log in joined(logs)] == [["C1", "C2", "C3"], ["C1"]]


@given(st.lists(made_logs(), min_size=2, max_size=3))
@settings(max_examples=40, deadline=None)
def test_logs_that_cover_the_same_are_joined_event_for_event(logs: list[EventLog]) -> None:
    from dataclasses import replace

    apart = [replace(log, children=np.array([f"{i}{c}" for c in log.children], object), coverage=Coverage()) for i, log in enumerate(logs)]
    (whole,) = joined(apart)
    assert facts_of(whole) == [f for log in apart for f in facts_of(log)]
    assert people(whole) == sorted(p for log in apart for p in people(log))
    assert whole.origins == ("made",)


# ------------------------------------------------------------------------------------------- the command


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "rule_book", lambda _: BOOK)
    monkeypatch.setattr(cli_convert, "rule_book", lambda _: BOOK)


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_convert_says_what_was_read_rejected_and_written(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("child_id,event,at\nC1,cin_visit,2026-03-02\nC1,cin_visit,soon\n,cin_visit,2026-03-03\n")
    target = tmp_path / "out.parquet"
    result = rrt("convert", source, "-o", target)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "in.csv (CSV): 1 of 3 records used",
        "  2 records rejected, the first in in.csv, 3: `soon` is not a date; write it as 2026-04-10, or 2026-04-10T16:45 with a time",
        f"{target}: 1 event of 1 child; covers: {target}.covers.yaml",
    ]
    assert "reading in.csv" in result.stderr and "`child_id` is blank" in result.stderr
    assert len(read_source(target, BOOK).log) == 1


def test_convert_puts_what_several_sources_know_of_a_child_together(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("child_id,event,at\nC1,cin_visit,2026-03-02\n")
    (tmp_path / "b.csv").write_text("child_id,event,at\nC1,cin_visit,2026-03-02\nC1,cp_visit,2026-03-03\n")
    result = rrt("convert", tmp_path / "a.csv", tmp_path / "b.csv", "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.output
    assert "1 child is known to several sources" in result.stdout
    assert [json.loads(line)["event"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == ["cin_visit", "cp_visit"]


def test_convert_goes_on_past_a_source_that_cannot_be_read_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("child_id,event,at\nC1,cin_visit,2026-03-02\n")
    (tmp_path / "b.csv").write_text("nothing\n")
    result = rrt("convert", tmp_path / "a.csv", tmp_path / "b.csv", "-o", tmp_path / "out.csv")
    assert result.exit_code == 2 and "missing_column" in result.stderr and (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.xlsx", "cannot write `.xlsx` files"),
        ("out.json", "cannot write `.json` files"),
        ("no/out.csv", "there is no folder"),
        (".", "cannot write"),
    ],
)
def test_convert_checks_where_it_writes_before_it_reads(tmp_path: Path, name: str, words: str) -> None:
    result = rrt("convert", tmp_path / "not-there.csv", "-o", tmp_path / name)
    assert result.exit_code == 2 and words in result.stderr and "not-there" not in result.stderr


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        check_target(tmp_path / "out.csv")


def test_nothing_is_written_where_nothing_was_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("child_id,event,at\n")
    result = rrt("convert", tmp_path / "a.csv", "-o", tmp_path / "out.csv")
    assert result.exit_code == 2 and "there is nothing to write" in result.stderr and not (tmp_path / "out.csv").exists()


def test_a_log_written_again_is_the_same(tmp_path: Path) -> None:
    shutil.copy(CASES / "sample" / "events.csv", tmp_path / "events.csv")
    shutil.copy(CASES / "sample" / "events.covers.yaml", tmp_path / "events.covers.yaml")
    for source, target in (("events.csv", "once.csv"), ("once.csv", "twice.csv")):
        assert rrt("convert", tmp_path / source, "-o", tmp_path / target).exit_code == 0
    assert (tmp_path / "once.csv").read_bytes() == (tmp_path / "twice.csv").read_bytes()
