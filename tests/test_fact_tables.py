"""Tables of facts and decisions: every row used or rejected with its line, each distinct way of recording a fact read once."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rrt_engine.calendar import NO_DAY, parse_moment
from rrt_engine.diagnostics import InputError
from rrt_engine.model import Fact
from rrt_engine.paths import CASES
from rrt_engine.replay.run import replay
from rrt_engine.sources import fact_tables
from rrt_engine.sources.detect import read_source, sources_in
from rrt_engine.sources.fact_names import beside
from rrt_engine.sources.fact_tables import FactReading, facts_of_cases, read_decisions, read_facts
from tests.shipped import BOOK, THRESHOLDS

DAY = parse_moment("2026-04-15").day
TABLE = """\
child_id,fact,value,evidence,specificity,timing,pattern,impact_on_child,source_agency,on,subject
B,neglect_level,moderate,observed,specific,current,repeated,marked,school,2026-03-02,child
A,da_current,present,reported,specific,current,,,police,2026-03-03,
A,bullied,TRUE,Disclosed,,,,,,,
"""


def table(folder: Path, text: str, name: str = "made.facts.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> FactReading:
    return read_facts(table(folder, text), THRESHOLDS)


def said(found: FactReading) -> list[str]:
    return [d.text() for d in found.diagnostics]


def test_each_row_is_a_fact_of_its_case(tmp_path: Path) -> None:
    found = read(tmp_path, TABLE)
    assert (found.records_read, found.records_used, found.rejected, found.diagnostics) == (3, 3, (), ())
    assert found.facts.cases == ("A", "B")
    a, b = found.facts.of(0), found.facts.of(1)
    day = parse_moment("2026-03-03").day
    assert a[0] == Fact("da_current", "present", "reported", "specific", "current", source_agency="police", on=day, line=3)
    assert a[1] == Fact("bullied", True, "disclosed", line=4)
    on = parse_moment("2026-03-02").day
    assert b == (Fact("neglect_level", "moderate", "observed", "specific", "current", "repeated", "marked", "school", on, "child", line=2),)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_every_format_gives_the_same_facts(tmp_path: Path, suffix: str) -> None:
    csv = read(tmp_path, TABLE)
    names, *rows = (line.split(",") for line in TABLE.splitlines())
    path = tmp_path / f"made.facts.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({name: [row[i] or None for row in rows] for i, name in enumerate(names)}), path)
    else:
        import json

        objects = [{n: v for n, v in zip(names, row, strict=True) if v} for row in rows]
        path.write_text("".join(json.dumps(o) + "\n" for o in objects), encoding="utf-8")
    other = read_facts(path, THRESHOLDS)
    assert other.facts.cases == csv.facts.cases
    for i in range(2):
        assert [(f.id, f.value, f.evidence, f.on, f.subject) for f in other.facts.of(i)] == [
            (f.id, f.value, f.evidence, f.on, f.subject) for f in csv.facts.of(i)
        ]


def test_typed_columns_of_a_data_tool_are_read(tmp_path: Path) -> None:
    import datetime

    path = tmp_path / "made.facts.parquet"
    columns = {
        "case_id": pa.array([7, 7, 8]),
        "fact": ["bullied", "child_pregnant_or_parent_under_18", "bullied"],
        "value": pa.array([True, False, True]),
        "date": pa.array([datetime.date(2026, 3, 2), None, None]),
    }
    pq.write_table(pa.table(columns), path)
    found = read_facts(path, THRESHOLDS)
    assert found.facts.cases == ("7", "8") and not found.diagnostics
    assert [(f.id, f.value) for f in found.facts.of(0)] == [("bullied", True), ("child_pregnant_or_parent_under_18", False)]
    assert found.facts.of(0)[0].on == parse_moment("2026-03-02").day


def test_wrong_rows_are_named_with_line_value_and_nearest_words_and_the_rest_goes_on(tmp_path: Path) -> None:
    text = """\
child_id,fact,value,evidence,on
A,da_curent,present,reported,
A,neglect_level,moderat,observed,
A,neglect_level,moderate,obsrved,
A,neglect_level,moderate,observed,31/02/2026
,neglect_level,moderate,observed,
A,,moderate,observed,
A,neglect_level,moderate,observed,2026-03-02
B,da_curent,severe,reported,
"""
    found = read(tmp_path, text)
    assert (found.records_read, found.records_used, len(found.rejected)) == (8, 1, 7)
    assert [(r.row, r.why) for r in found.rejected] == [
        (2, "unknown fact `da_curent`"),
        (3, "`moderat` is not a value of `neglect_level`"),
        (4, "`obsrved` is not one of the words for `evidence`"),
        (5, "`31/02/2026` is not a date; write it as 2026-04-10, or 2026-04-10T16:45 with a time"),
        (6, "`child_id` is blank"),
        (7, "`fact` is blank"),
        (9, "unknown fact `da_curent`"),
    ]
    text = "\n".join(said(found))
    assert "made.facts.csv:2:1: warning[unknown_fact]: unknown fact `da_curent`: 2 rows not used" in text
    for help in ("did you mean `da_current`?", "did you mean `moderate`?", "did you mean `observed`?", "write it as 2026-04-15"):
        assert help in text


def test_a_blank_value_is_unknown_and_not_a_yes(tmp_path: Path) -> None:
    found = read(tmp_path, "child_id,fact,value\nA,bullied,\nA,da_current,  \n")
    assert [f.value for f in found.facts.of(0)] == ["unknown", "unknown"]


def test_a_row_that_names_its_own_child_is_about_no_other(tmp_path: Path) -> None:
    found = read(tmp_path, "child_id,fact,value,subject\nC_01,bullied,true,c_01\nC_02,bullied,true,C_01\nC_02,bullied,true,\n")
    assert [f.subject for f in found.facts.of(0)] == [""]
    assert [f.subject for f in found.facts.of(1)] == ["C_01", ""]


def test_a_column_that_says_nothing_of_a_fact_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, "child_id,fact,value,evidense,team\nA,bullied,true,observed,North\n")
    assert [d.message for d in found.diagnostics] == [
        "the column `evidense` says nothing about a fact and is not used",
        "the column `team` says nothing about a fact and is not used",
    ]
    assert found.diagnostics[0].help == "did you mean `evidence`?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("child_id,value\nA,true\n", "no column `fact`; the columns found are `child_id`, `value`"),
        ("fact,value\nbullied,true\n", "no column `child_id`; the columns found are `fact`, `value`"),
        ("", "the file is empty; expected one row a fact, under a row of column names"),
    ],
)
def test_what_is_no_table_of_facts_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, text)
    assert raised.value.diagnostics[0].message == said


def test_each_distinct_way_of_recording_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    once = fact_tables.fact_from

    def counted(*arguments: object) -> Fact | None:
        nonlocal calls
        calls += 1
        return once(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fact_tables, "fact_from", counted)
    rows = [
        f"C{i},{fact},true,{evidence}"
        for i in range(2000)
        for fact in ("bullied", "bullies_others")
        for evidence in ("observed", "disclosed")
    ]
    found = read(tmp_path, "child_id,fact,value,evidence\n" + "\n".join(rows) + "\n")
    assert found.records_used == 8000 and calls == 4 and len(found.facts.records) == 4


def test_many_mistakes_are_counted_not_listed(tmp_path: Path) -> None:
    rows = "\n".join(f"A,no_such_fact_{i},true" for i in range(200))
    found = read(tmp_path, f"child_id,fact,value\n{rows}\n")
    assert len(found.rejected) == 200 and len(found.diagnostics) == 51
    assert found.diagnostics[-1].message == "150 more mistakes: 150 rows not used"


def test_rows_in_any_order_belong_to_their_case(tmp_path: Path) -> None:
    found = read(tmp_path, "child_id,fact,value\nB,bullied,true\nA,bullied,false\nB,bullies_others,true\nA,poor_punctuality,true\n")
    assert [[f.id for f in found.facts.of(i)] for i in range(2)] == [["bullied", "poor_punctuality"], ["bullied", "bullies_others"]]


def test_facts_of_case_files_are_the_same_columns() -> None:
    one = Fact("bullied", True, "disclosed", on=DAY, line=9)
    found = facts_of_cases([("B", [one]), ("A", [Fact("bullied", True, "disclosed"), one])])
    assert found.cases == ("A", "B") and found.of(1) == (one,) and found.of(0)[0].on == NO_DAY and len(found.records) == 1


# -------------------------------------------------------------------------------------------------- beside timelines


def test_tables_beside_an_event_log_are_no_sources_of_their_own(tmp_path: Path) -> None:
    for name in ("made.csv", "made.facts.csv", "made.decisions.csv", "alone.facts.csv"):
        table(tmp_path, "child_id,event,at\nA,referral_received,2026-03-02\n", name)
    assert [p.name for p in sources_in(tmp_path)] == ["made.csv"]
    assert [p.name for p in sources_in(tmp_path, facts=True)] == ["alone.facts.csv", "made.csv"]
    assert beside(tmp_path / "made.csv", "facts") == tmp_path / "made.facts.csv"
    assert beside(tmp_path / "alone.facts.csv", "decisions") is None
    assert beside(tmp_path / "made.facts.csv", "decisions") == tmp_path / "made.decisions.csv"


def test_a_table_given_as_a_timeline_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for name, help in (("made.facts.csv", "add --thresholds"), ("made.decisions.csv", "--decisions FILE")):
        path = table(tmp_path, TABLE, name)
        with pytest.raises(InputError) as raised:
            read_source(path, BOOK)
        assert help in raised.value.diagnostics[0].help


def test_a_table_beside_its_log_is_read_once_though_both_are_named(tmp_path: Path) -> None:
    log = table(tmp_path, "child_id,event,at\nA,referral_received,2026-03-02\n", "made.csv")
    facts = table(tmp_path, TABLE)
    both = replay([log, facts], BOOK, parse_moment("2026-04-15"), facts=True)
    assert len(both.sources) == 1 and both.tables == ()
    alone = replay([facts], BOOK, parse_moment("2026-04-15"), facts=True)
    assert alone.sources == () and alone.tables == (facts,)


def test_the_sample_has_facts_and_decisions_for_most_of_its_children() -> None:
    found = read_facts(CASES / "sample" / "events.facts.csv", THRESHOLDS)
    assert found.records_read == found.records_used + 3 and 160 < len(found.facts.cases) <= 180
    decided = read_decisions(CASES / "sample" / "events.decisions.csv", THRESHOLDS, DAY)
    assert not decided.rejected and 120 < len(decided.decisions) < len(found.facts.cases)
    assert set(decided.decisions) <= set(found.facts.cases)


# --------------------------------------------------------------------------------------------------------- decisions


def test_the_latest_decision_up_to_the_day_stands(tmp_path: Path) -> None:
    text = """\
child_id,level,pathway,on,reason,consent_status
A,3,family_help_targeted,2026-03-02,first,given
A,4,family_help_s17,2026-03-09,later,given
A,2,universal_plus_single_agency,2026-05-01,after the day,
B,Level 2,,2026-03-02,,
C,5,,2026-03-02,,
D,3,familly_help_targeted,2026-03-02,,
E,,,2026-03-02,,
,3,,2026-03-02,,
"""
    found = read_decisions(table(tmp_path, text, "made.decisions.csv"), THRESHOLDS, DAY)
    assert (found.records_read, found.records_used, len(found.rejected), found.superseded) == (8, 3, 5, 1)
    assert (found.decisions["A"].level, found.decisions["A"].pathway, found.decisions["A"].reason) == (4, "family_help_s17", "later")
    assert found.decisions["B"].level == 2 and set(found.decisions) == {"A", "B"}
    assert [r.why for r in found.rejected] == [
        "decided after the as-of date",
        "`5` is not a level",
        "unknown pathway `familly_help_targeted`",
        "`level` is blank",
        "`child_id` is blank",
    ]
    assert any("did you mean `family_help_targeted`?" in d.help for d in found.diagnostics)


def test_decisions_without_dates_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = read_decisions(table(tmp_path, "child_id,level\nA,3\nA,4\n", "made.decisions.csv"), THRESHOLDS, DAY)
    assert found.decisions["A"].level == 4


def test_an_export_of_the_record_of_decisions_is_read(tmp_path: Path) -> None:
    text = "number,at,case,suggested_level,decided_level,decided_pathways,reason\n1,2026-03-02T09:30:00Z,A,3,4,family_help_s17 lado,why\n"
    found = read_decisions(table(tmp_path, text, "export.csv"), THRESHOLDS, DAY)
    assert (found.decisions["A"].level, found.decisions["A"].pathway) == (4, "family_help_s17")
