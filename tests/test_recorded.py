"""Recorded facts, and rows that could not be used, reach the child they are about, and no other: on the pages as in the audit."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from lxml import html
from pyarrow import parquet
from typer.testing import CliRunner

from rrt_engine.calendar import parse_moment
from rrt_engine.checking import check_case
from rrt_engine.cli import app
from rrt_engine.paths import RULES
from rrt_engine.replay.audit import Settings, audit
from rrt_engine.replay.recorded import ALONE, SEVERAL
from rrt_engine.replay.run import replay
from rrt_engine.sources.detect import read_source
from rrt_engine.thresholds.suggest import Reasoner
from rrt_engine.web.desk import Desk, Held, open_desk
from tests.shipped import BOOK, THRESHOLDS
from tests.web import client, page, words
from tests.web import desk as bundled

DATA = Path(__file__).parent / "data"
DAY = "2026-03-31"
MOMENT = parse_moment(DAY)
REASONER = Reasoner(THRESHOLDS, MOMENT.day)
HEAD, FACTS = "child_id,event,at,ref,date_of_birth", "child_id,fact,value,evidence,specificity,timing,on"


def write(path: Path, *rows: str, head: str = HEAD) -> Path:
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def facts(path: Path, *rows: str) -> Path:
    """A table of facts: `ID FACT VALUE` a row."""
    return write(path, *(f"{','.join(row.split())},confirmed,specific,current,2026-03-02" for row in rows), head=FACTS)


@pytest.fixture
def several(tmp_path: Path) -> list[Path]:
    """X1 of 2015 is in a and b, X1 of 2011 in c; X4 is one child in a and b; X5 is in b alone. Facts stand beside a, beside c and alone."""
    made = [
        write(tmp_path / "a.csv", "X1,referral_received,2026-03-02,R1,2015-01-01", "X4,referral_received,2026-03-02,R4,2015-01-01"),
        write(
            tmp_path / "b.csv",
            "X1,referral_decision_recorded,2026-03-03,R1,2015-01-01",
            "X4,referral_decision_recorded,2026-03-03,R4,2015-01-01",
            "X5,referral_received,2026-03-02,R5,2014-01-01",
        ),
        write(tmp_path / "c.csv", "X1,referral_received,2026-03-02,R1,2011-11-11"),
    ]
    facts(tmp_path / "a.facts.csv", "X1 immediate_danger_now true", "X5 da_current severe", "X9 da_current severe")
    facts(tmp_path / "b.facts.csv", "X4 da_current present", "X1 bullied true")
    facts(tmp_path / "c.facts.csv", "X1 bullied true")
    facts(tmp_path / "d.facts.csv", "X1 suicide_attempt_or_intent true", "X4 bullied true", "X8 bullied true")
    return [*made, tmp_path / "d.facts.csv"]


def desk_of(*sources: Path) -> Desk:
    return open_desk(sources, RULES, MOMENT, Path("no-such-folder") / "record.sqlite")


def held(desk: Desk, child: str, source: str) -> Held:
    """The child with an id from a source."""
    found = [each for handle in desk.find(child) if (each := desk.held(handle)) and desk.source(each) == source]
    assert len(found) == 1
    return found[0]


def recorded_of(desk: Desk, child: str, source: str) -> list[str]:
    return [fact.id for fact in desk.case(held(desk, child, source)).facts]


def shown(desk: Desk, child: Held) -> html.HtmlElement:
    answered = client(desk).get(f"/case/{desk._handle(child.run, child.id)}")
    assert answered.status_code == 200
    return page(answered.text)


# ------------------------------------------------------------------------------------------------------- whose facts are


def test_facts_beside_a_file_are_of_the_records_that_it_is_among_and_of_no_other_of_that_id(several: list[Path]) -> None:
    desk = desk_of(*several)
    assert recorded_of(desk, "X1", "a.csv + b.csv") == ["immediate_danger_now", "bullied"]
    assert recorded_of(desk, "X1", "c.csv") == ["bullied"]
    one, other = held(desk, "X1", "a.csv + b.csv"), held(desk, "X1", "c.csv")
    levels = {each.run: check_case(desk.case(each), BOOK, MOMENT, REASONER).suggestion for each in (one, other)}
    assert levels[one.run].level == 4 and levels[other.run].level < 4  # type: ignore[union-attr]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_the_order_of_the_sources_changes_nothing(several: list[Path], order: tuple[int, ...]) -> None:
    desk = desk_of(*(several[i] for i in order))
    names = {desk.source(each) for handle in desk.find("X1") if (each := desk.held(handle))}
    both = next(name for name in names if "+" in name)
    assert sorted(recorded_of(desk, "X1", both)) == ["bullied", "immediate_danger_now"] and recorded_of(desk, "X1", "c.csv") == ["bullied"]


def test_facts_that_name_only_an_id_go_to_the_one_child_with_it_and_to_none_of_several(several: list[Path]) -> None:
    desk = desk_of(*several)
    assert recorded_of(desk, "X4", "a.csv + b.csv") == ["da_current", "bullied"]
    assert recorded_of(desk, "X5", "b.csv") == ["da_current"], "no other child has this id"
    assert [fact.id for fact in desk.recorded.of(SEVERAL, "X1")] == ["suicide_attempt_or_intent"]
    said = "1 recorded fact names only the id, which stands for several children here; it is not used: d.facts.csv, row 2."
    for source in ("a.csv + b.csv", "c.csv"):
        child = held(desk, "X1", source)
        assert said in desk.recorded.left_out_words(child.run, child.id)
        assert "suicide_attempt_or_intent" not in recorded_of(desk, "X1", source)
    today = words(page(client(desk).get("/").text).cssselect("main")[0])
    assert "1 recorded fact names only an id (`X1`), which stands for several children here; it is not used: d.facts.csv, row 2." in today
    for name, source in (("X4", "a.csv + b.csv"), ("X5", "b.csv")):
        assert desk.recorded.left_out_words(held(desk, name, source).run, name) == []


def test_the_facts_in_case_files_of_one_id_stay_with_their_own_case(tmp_path: Path) -> None:
    for name, born, fact in (("one", 2015, "immediate_danger_now"), ("two", 2011, "bullied")):
        text = (
            f"case: X1\nchild: {{date_of_birth: {born}-01-01}}\nfacts:\n  - {{fact: {fact}, value: true, evidence: confirmed}}\nevents:\n"
        )
        (tmp_path / f"{name}.yaml").write_text(text + '  - {event: referral_received, at: "2026-03-02"}\n', encoding="utf-8")
    desk = desk_of(tmp_path / "one.yaml", tmp_path / "two.yaml")
    assert recorded_of(desk, "X1", "one.yaml") == ["immediate_danger_now"] and recorded_of(desk, "X1", "two.yaml") == ["bullied"]


def test_the_audit_and_the_pages_suggest_for_the_same_children_on_the_same_facts(several: list[Path], tmp_path: Path) -> None:
    aged = "X1 sexual_activity_13_to_15 peer"  # counts for more under 13, which the timelines say: one X1 is 11, the other 14
    facts(tmp_path / "b.facts.csv", "X4 da_current present", aged)
    facts(tmp_path / "c.facts.csv", aged)
    desk = desk_of(*several)
    found = audit(replay(several, BOOK, MOMENT, facts=True), REASONER, None, Settings(0))
    answers = [(name, found.suggestions.of(i)) for i, name in enumerate(found.suggestions.ids)]
    shown = []
    for child in desk._children.values():
        case = desk.case(child)
        if case.facts:
            suggestion = check_case(case, BOOK, MOMENT, REASONER).suggestion
            assert suggestion
            shown.append((child.id, suggestion.level, suggestion.significant, suggestion.pathways, suggestion.urgency))
    assert len(shown) == 6, "X1 twice, X4, X5, X8 and X9"
    assert sorted(shown) == sorted((name, a.level, a.significant, a.pathways, a.urgency) for name, a in answers)
    assert {group.source: group.cases for group in found.groups} == {"a.csv": 3, "b.csv": 2, "c.csv": 1, "d.facts.csv": 2}
    (said,) = found.unused
    assert said.startswith("1 recorded fact names only an id (`X1`), which stands for several children here; it is not used: d.facts.csv")


def test_the_command_says_which_facts_are_used_for_nobody(several: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "suggested.csv"
    arguments = ["replay", *map(str, several), "--as-of", DAY, "--suggestions", str(target)]
    said = " ".join(CliRunner().invoke(app, arguments).stdout.split())
    assert "1 recorded fact names only an id (`X1`), which stands for several children here; it is not used: d.facts.csv, row 2." in said
    with target.open(encoding="utf-8", newline="") as opened:
        rows = [(row["case"], row["suggested_level"]) for row in csv.DictReader(opened)]
    assert sorted(name for name, _ in rows) == ["X1", "X1", "X4", "X5", "X8", "X9"]
    assert CliRunner().invoke(app, [*arguments[:-2], "--thresholds", "--format", "json"]).stdout.count("names only an id") == 1


# -------------------------------------------------------------------------------------------------- rows that are not used


def test_a_case_page_names_the_rows_of_its_child_that_could_not_be_used(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "C1,referral_received,2026-03-02,R1,", "C1,cp_vist,2026-03-05,R1,", "C2,referral_received,soon,R2,")
    write(
        log, *log.read_text(encoding="utf-8").splitlines()[1:], "C2,referral_received,2026-03-03,R2,", "C3,referral_received,2026-03-03,R3,"
    )
    facts(tmp_path / "log.facts.csv", "C1 da_curent severe", "C1 bullied perhaps")
    desk = desk_of(log)
    part = shown(desk, held(desk, "C1", "log.csv"))
    (inset,) = part.cssselect("#left-out")
    said = words(inset)
    assert said.startswith(
        "3 rows about this child could not be used: log.csv, row 3: unknown event `cp_vist`; log.facts.csv, row 2: unknown fact"
    )
    assert "log.facts.csv, row 3: " in said and "soon" not in said and said.endswith("They are not counted here.")
    text = words(part.cssselect("main")[0])
    assert text.index("3 rows about this child") < text.index(words(part.cssselect("#attention")[0]))
    deciding = page(client(desk).get(f"/decide/{desk.find('C1')[0]}").text)
    assert words(deciding.cssselect("#left-out")[0]) == said
    other = words(shown(desk, held(desk, "C2", "log.csv")).cssselect("#left-out")[0])
    assert other.startswith("1 row about this child could not be used: log.csv, row 4: ") and "soon" in other
    assert not shown(desk, held(desk, "C3", "log.csv")).cssselect("#left-out")
    assert "could not be used" not in words(shown(desk, held(desk, "C3", "log.csv")))


def test_rows_that_name_no_child_are_counted_and_not_laid_at_anyones_door(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "C1,referral_received,2026-03-02,R1,", ",cp_visit,2026-03-05,R1,", "C1,cp_visit,2026-03-05")
    other = write(tmp_path / "other.csv", "C2,referral_received,2026-03-02,R1,")
    desk = desk_of(log, other)
    part = shown(desk, held(desk, "C1", "log.csv"))
    assert not part.cssselect("#left-out")
    said = "2 rows of log.csv could not be used, and name no child that could be read: some may be about this one. Today says why."
    assert said in words(part)
    assert "could not be used" not in words(shown(desk, held(desk, "C2", "other.csv")))


def test_a_row_that_only_repeats_another_is_no_loss(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", *["C1,referral_received,2026-03-02,R1,"] * 2)
    desk = desk_of(log)
    assert desk.replay and len(desk.replay.read[0].reading.rejected) == 1
    assert "could not be used" not in words(shown(desk, held(desk, "C1", "log.csv")))


def test_a_rejected_row_is_said_on_the_page_of_its_own_child_where_an_id_stands_for_several(several: list[Path], tmp_path: Path) -> None:
    facts(tmp_path / "a.facts.csv", "X1 da_curent severe")
    facts(tmp_path / "d.facts.csv", "X1 bulied true")
    desk = desk_of(*several)
    here, there = (desk.recorded.left_out_words(held(desk, "X1", name).run, "X1") for name in ("a.csv + b.csv", "c.csv"))
    assert here[0].startswith("1 row about this child could not be used: a.facts.csv, row 2: unknown fact `da_curent`")
    both = "1 row with this id, which stands for several children here, could not be used: d.facts.csv, row 2: unknown fact `bulied`"
    assert here[1].startswith(both) and len(there) == 1 and there[0].startswith(both)


def test_every_row_of_many_is_counted_and_the_first_are_named(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "C1,referral_received,2026-03-02,R1,", *(f"C1,cp_vist,2026-03-{n:02d},R1," for n in range(1, 9)))
    (said,) = desk_of(log).recorded.left_out_words(0, "C1")
    assert said.startswith("8 rows about this child") and said.count("cp_vist") == 5 and "; and 3 more. They are not" in said


def test_facts_of_a_file_that_cannot_be_read_at_all_are_said_to_be_missing(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "C1,referral_received,2026-03-02,R1,")
    (tmp_path / "log.facts.csv").write_text("name,value\nC1,2\n", encoding="utf-8")
    desk = desk_of(log)
    said = words(shown(desk, held(desk, "C1", "log.csv")).cssselect("#left-out")[0])
    assert said.startswith("The facts of log.facts.csv could not be read, so none of them is counted: no column `child_id`")
    assert desk.judged and desk.judged.read.unread[0][0] == "log.facts.csv"
    alone = desk_of(
        write(tmp_path / "other.csv", "C1,referral_received,2026-03-02,R1,"), (tmp_path / "log.facts.csv").rename(tmp_path / "d.facts.csv")
    )
    assert alone.recorded.left_out_words(0, "C1")[0].startswith("The facts of d.facts.csv could not be read"), "they may be about anybody"


@pytest.mark.parametrize(
    "name, rejected",
    [
        ("annex_a/child_event_journeys_annexa_example.xlsx", [("2547", False)]),
        ("annex_a/dirty_example-A-2005.xls", [("1009", True)]),
        ("cin_census/CIN2rows.xml", [("DfEX0000001", True)] * 2),
        ("cin_census/CIN_Census_2021.xml", [("DfEX0000001", False)] * 4),
        ("ssd/authority", [("", False), ("P1006", False)]),
        ("ssda903/cscsynth_seed1001", [("137001", False), ("481955", False)]),
    ],
)
def test_readers_say_which_child_a_rejected_record_is_about(name: str, rejected: list[tuple[str, bool]]) -> None:
    reading = read_source(DATA / name, BOOK)
    assert [(each.child, each.repeats) for each in reading.rejected][: len(rejected)] == rejected
    assert {each.child for each in reading.rejected} - {""} <= set(map(str, reading.log.children.tolist()))


def test_a_row_of_a_return_that_repeats_another_is_no_loss(tmp_path: Path) -> None:
    shutil.copytree(DATA / "ssda903" / "cscsynth_seed1001", tmp_path / "return")
    before = read_source(tmp_path / "return", BOOK).rejected
    table = next((tmp_path / "return").rglob("*eview*.csv"))
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([*lines, lines[-1]]) + "\n", encoding="utf-8")
    found = read_source(tmp_path / "return", BOOK).rejected
    assert sum(each.repeats for each in before) == 0 and sum(each.repeats for each in found) == 1 and len(found) == len(before) + 1


@pytest.mark.parametrize("ids", [("C1", "C2"), (7, 8)])
def test_the_other_formats_of_an_event_log_name_the_child_too(tmp_path: Path, ids: tuple[str, str] | tuple[int, int]) -> None:
    rows = [{"child_id": child, "event": event, "at": "2026-03-02"} for child in ids for event in ("referral_received", "cp_vist")]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "log.parquet")
    for name in ("log.jsonl", "log.parquet"):
        assert [each.child for each in read_source(tmp_path / name, BOOK).rejected] == [str(child) for child in ids]


def test_a_record_of_the_daily_collection_without_its_date_names_the_child(tmp_path: Path) -> None:
    undated = {"health_and_wellbeing": {"sdq_assessments": [{"score": 3}]}}
    episode = {
        "social_care_episode_id": "E1",
        "referral_date": "2026-03-02",
        "section_47_assessments": [{"section_47_assessment_id": "S1"}],
    }
    children = [{"la_child_id": "K1", **undated}, 3, {"la_child_id": "K2", "social_care_episodes": [episode]}, {"la_child_id": "K3"}, {}]
    (tmp_path / "payload.json").write_text(json.dumps(children), encoding="utf-8")
    assert [each.child for each in read_source(tmp_path / "payload.json", BOOK).rejected] == ["K1", "", "", "K2"]


def test_a_fact_of_the_sample_that_is_misspelt_is_said_where_the_suggestion_is() -> None:
    shared = bundled()
    (said,) = words(shown(shared, held(shared, "S020", "events.csv"))).split("1 row about this child")[1:]
    assert said.startswith(" could not be used: events.facts.csv, row 62: unknown fact `da_curent`. It is not counted here.")


# --------------------------------------------------------------------------------------------------- facts and no events


def test_a_child_with_facts_and_no_event_is_found_and_has_a_page(several: list[Path]) -> None:
    desk = desk_of(*several)
    child = held(desk, "X9", "a.facts.csv")
    assert child.run == ALONE
    answered = client(desk).post("/find", data={"case": "x9"})
    text = words(page(answered.text).cssselect("main")[0])
    assert answered.status_code == 200 and answered.url.path.startswith("/case/")
    assert "X9, as at the end of Tuesday 31 March 2026, from a.facts.csv" in text
    assert "Facts are recorded with this id, and no event: no time limit can be judged. Check the id against the record." in text
    assert "Suggested: Level 4" in text and "No event is recorded." in text
    for address in ("/decide/{}", "/check?from={}"):
        handle = desk.find("X9")[0]
        assert client(desk).get(address.format(handle)).status_code == 200
    desk.close()


def test_a_table_of_facts_alone_makes_pages_without_any_timeline(tmp_path: Path) -> None:
    desk = desk_of(facts(tmp_path / "d.facts.csv", "X8 bullied true"))
    assert recorded_of(desk, "X8", "d.facts.csv") == ["bullied"]


def test_an_id_of_which_no_row_could_be_used_is_said_when_it_is_looked_for(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "C1,referral_received,2026-03-02,R1,", "C7,cp_vist,2026-03-05,R1,")
    answered = client(desk_of(log)).post("/find", data={"case": "C7"})
    said = words(page(answered.text).cssselect("#case-error")[0])
    assert answered.status_code == 400
    assert "No child in the data has this id, and 1 row with it could not be used: log.csv, row 3: unknown event `cp_vist`." in said
    nobody = words(page(client(desk_of(log)).post("/find", data={"case": "C8"}).text).cssselect("#case-error")[0])
    assert "No child in the data has this id. Check it against the record." in nobody
