"""OCEL 2.0 JSON both ways: what is written follows the standard, and what other tools write is read as far as it can be."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rrt_engine.calendar import NO_DAY, Moment, as_date, day_number, parse_moment
from rrt_engine.diagnostics import InputError
from rrt_engine.model import EventLog
from rrt_engine.paths import CASES
from rrt_engine.reports.ocel_file import write_ocel
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.detect import read_source, sources_in
from rrt_engine.sources.ocel import looks_like_ocel, read_ocel
from rrt_engine.sources.reading import Reading
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data"

PARTS = ("objectTypes", "eventTypes")
TYPES = ("string", "time", "integer", "float", "boolean")


def lists(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "additionalProperties": False, **of}, **more}


TYPE = {
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "attributes": lists({"properties": {"name": {"type": "string"}, "type": {"enum": list(TYPES)}}, "required": ["name", "type"]}),
    },
    "required": ["name", "attributes"],
}
RELATIONS = lists({"properties": {"objectId": {"type": "string"}, "qualifier": {"type": "string"}}, "required": ["objectId", "qualifier"]})
VALUE = {"type": ["string", "integer", "number", "boolean"]}
STANDARD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["objectTypes", "eventTypes", "objects", "events"],
    "properties": {
        "objectTypes": lists(TYPE),
        "eventTypes": lists(TYPE),
        "objects": lists(
            {
                "properties": {
                    "id": {"type": "string"},
                    "type": {"type": "string"},
                    "attributes": lists(
                        {
                            "properties": {"name": {"type": "string"}, "time": {"type": "string", "format": "date-time"}, "value": VALUE},
                            "required": ["name", "time", "value"],
                        }
                    ),
                    "relationships": RELATIONS,
                },
                "required": ["id", "type"],
            }
        ),
        "events": lists(
            {
                "properties": {
                    "id": {"type": "string"},
                    "type": {"type": "string"},
                    "time": {"type": "string", "format": "date-time"},
                    "attributes": lists({"properties": {"name": {"type": "string"}, "value": VALUE}, "required": ["name", "value"]}),
                    "relationships": RELATIONS,
                },
                "required": ["id", "type", "time"],
            }
        ),
    },
}
"""The JSON format of OCEL 2.0 as https://www.ocel-standard.org/specification/formats/json/ sets it out, in our own words."""


def conforms(log: dict[str, Any]) -> None:
    """Whether a log follows the standard: its shape, and that every name, id and type in it leads somewhere."""
    jsonschema.Draft202012Validator(STANDARD).validate(log)
    python = {"string": str, "integer": int, "boolean": bool, "float": float, "time": str}
    types = {part: {t["name"]: {a["name"]: a["type"] for a in t["attributes"]} for t in log[part]} for part in PARTS}
    for part in PARTS:
        assert len(types[part]) == len(log[part]), "a type is declared twice"
    objects = [o["id"] for o in log["objects"]]
    assert len(set(objects)) == len(objects) and len({e["id"] for e in log["events"]}) == len(log["events"])
    for part, declared in (("objects", types["objectTypes"]), ("events", types["eventTypes"])):
        for item in log[part]:
            assert item["type"] in declared
            for attribute in item["attributes"]:
                assert type(attribute["value"]) is python[declared[item["type"]][attribute["name"]]]
            assert {r["objectId"] for r in item["relationships"]} <= set(objects)
    for event in log["events"]:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"]) and datetime.fromisoformat(event["time"])


def written(log: EventLog, path: Path) -> dict[str, Any]:
    write_ocel(log, path, BOOK)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    conforms(found)
    return found


def small() -> EventLog:
    """A day, a time, the hour that happens twice, refs of every sort, a child unborn and a child without events."""
    b = LogBuilder(BOOK.events)
    b.child("C1", day_number(datetime(2019, 3, 2).date()))
    b.child("C/2%", expected=day_number(datetime(2026, 6, 1).date()))
    b.child("C3", day_number(datetime(2010, 1, 1).date()))
    b.add("C1", "referral_received", parse_moment("2026-03-02"), ref="R1", attributes={"nfa": False, "team": "=T"}, row=1)
    b.add("C1", "strategy_discussion_held", parse_moment("2025-10-26T01:30"), ref="R1/S1", attributes={"s47_initiated": True}, row=2)
    b.add("C1", "s47_started", parse_moment("2025-10-26T01:30+00:00"), ref="S1", row=3)
    b.add("C1", "icpc_held", parse_moment("2026-03-20T00:00"), ref="R1", suspect=True, row=4)
    b.add("C1", "cin_visit", parse_moment("2026-03-20"), ref="elsewhere", latest_only=True, row=5)
    b.add("C1", "sdq_recorded", parse_moment("2026-03-21"), attributes={"score": 14}, recorded=parse_moment("2026-03-25").day, row=6)
    b.add("C/2%", "referral_received", parse_moment("2026-03-02"), ref="R1", row=7)
    return b.build()


def event(log: dict[str, Any], kind: str, nth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = [e for e in log["events"] if e["type"] == kind][nth]
    return found


def held(item: dict[str, Any]) -> dict[str, Any]:
    return {a["name"]: a["value"] for a in item["attributes"]}


def related(item: dict[str, Any]) -> list[tuple[str, str]]:
    return [(r["objectId"], r["qualifier"]) for r in item["relationships"]]


# ------------------------------------------------------------------------------------------- writing


def test_a_day_is_written_without_inventing_midnight(tmp_path: Path) -> None:
    log = written(small(), tmp_path / "a.ocel.json")
    assert (event(log, "referral_received")["time"], held(event(log, "referral_received"))["precision"]) == ("2026-03-02T12:00:00Z", "day")
    discussion = event(log, "strategy_discussion_held")
    assert (discussion["time"], held(discussion)["precision"]) == ("2025-10-26T00:30:00Z", "hour_twice")
    assert (event(log, "s47_started")["time"], held(event(log, "s47_started"))["precision"]) == ("2025-10-26T01:30:00Z", "time")
    assert (event(log, "icpc_held")["time"], held(event(log, "icpc_held"))["precision"]) == ("2026-03-20T00:00:00Z", "time")


def test_objects_come_from_refs_and_belong_to_each_other(tmp_path: Path) -> None:
    log = written(small(), tmp_path / "a.ocel.json")
    objects = {o["id"]: o for o in log["objects"]}
    assert list(objects) == ["child:C%2F2%25", "child:C1", "child:C3", "referral:C%2F2%25/R1", "referral:C1/R1", "s47:C1/R1/S1"]
    assert held(objects["child:C1"]) == {"child_id": "C1", "date_of_birth": "2019-03-02"}
    assert held(objects["child:C%2F2%25"]) == {"child_id": "C/2%", "expected_date_of_birth": "2026-06-01"}
    assert related(objects["s47:C1/R1/S1"]) == [("child:C1", "child"), ("referral:C1/R1", "referral")]
    both = [("child:C1", "child"), ("referral:C1/R1", "referral"), ("s47:C1/R1/S1", "s47")]
    assert related(event(log, "strategy_discussion_held")) == both
    assert related(event(log, "s47_started")) == both  # `S1` alone is the one enquiry of the child that ends in it
    assert related(event(log, "icpc_held")) == both[:2]  # `R1` alone names the referral, as the child's other events use it
    assert related(event(log, "cin_visit")) == both[:1] and held(event(log, "cin_visit"))["ref"] == "elsewhere"


def test_what_is_known_of_an_event_stands_in_its_attributes(tmp_path: Path) -> None:
    log = written(small(), tmp_path / "a.ocel.json")
    assert held(event(log, "referral_received", 1)) == {"precision": "day", "ref": "R1", "team": "=T", "nfa": False}
    assert held(event(log, "cin_visit"))["latest_only"] is True and held(event(log, "icpc_held"))["suspect"] is True
    assert held(event(log, "sdq_recorded")) == {"precision": "day", "recorded_at": "2026-03-25", "score": 14}
    types = {t["name"]: {a["name"]: a["type"] for a in t["attributes"]} for t in log["eventTypes"]}
    assert types["sdq_recorded"] == {"precision": "string", "recorded_at": "string", "score": "integer"}
    assert types["cin_visit"] == {"precision": "string", "ref": "string", "latest_only": "boolean"}


def test_the_same_log_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_ocel(small(), tmp_path / name, BOOK)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "source",
    [
        CASES / "sample" / "events.csv",
        CASES / "training" / "plan_drifting.yaml",
        DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx",
        DATA / "cin_census" / "generated_seed1001_conforming.xml",
        DATA / "csc_api" / "daily",
    ],
    ids=lambda p: p.name,
)
def test_every_source_is_written_as_the_standard_has_it(tmp_path: Path, source: Path) -> None:
    log = read_source(source, BOOK).log
    found = written(log, tmp_path / "a.ocel.json")
    assert len(found["events"]) == len(log)
    assert sum(o["type"] == "child" for o in found["objects"]) == len(log.children)


# ------------------------------------------------------------------------------------------- reading what others write


def foreign(tmp_path: Path, events: list[dict[str, Any]], objects: list[dict[str, Any]] | None = None, **parts: Any) -> Reading:
    log = {
        "objectTypes": [],
        "eventTypes": [],
        "events": events,
        "objects": objects if objects is not None else [thing("anna"), thing("ben")],
    }
    path = tmp_path / "foreign.json"
    path.write_text(json.dumps({**log, **parts}), encoding="utf-8")
    return read_source(path, BOOK)


def thing(name: str, kind: str = "child", to: tuple[str, ...] = (), **attributes: Any) -> dict[str, Any]:
    held = [{"name": n, "time": "1970-01-01T00:00:00Z", "value": v} for n, v in attributes.items()]
    return {"id": name, "type": kind, "attributes": held, "relationships": [{"objectId": o, "qualifier": "of"} for o in to]}


def happened(kind: str, time: str, *to: str, **attributes: Any) -> dict[str, Any]:
    return {
        "id": f"{kind}{time}",
        "type": kind,
        "time": time,
        "attributes": [{"name": n, "value": v} for n, v in attributes.items()],
        "relationships": [{"objectId": o, "qualifier": "about"} for o in to],
    }


def rows(reading: Reading) -> list[tuple[str, str, Moment, str | None]]:
    log = reading.log
    return [
        (
            str(log.children[log.child[i]]),
            log.kinds[log.kind[i]],
            Moment(
                int(log.day[i]),
                *([] if log.instant is None else [int(log.instant[i])]),
                *([] if log.span is None or log.instant is None else [int(log.span[i])]),
            ),
            log.refs[log.ref[i]] if log.ref is not None and log.ref[i] >= 0 else None,
        )
        for i in range(len(log))
    ]


def test_an_event_about_brothers_and_sisters_is_one_for_each(tmp_path: Path) -> None:
    objects = [thing("anna"), thing("ben"), thing("SA", "s47", ("anna",)), thing("SB", "s47", ("ben",)), thing("R", "referral")]
    about = happened("icpc_held", "2026-03-20T13:00:00Z", "anna", "ben", "SA", "SB", "R", "R")
    reading = foreign(tmp_path, [about, happened("cin_visit", "2026-03-21T10:00:00Z", "ben")], objects)
    at, later = parse_moment("2026-03-20T13:00"), parse_moment("2026-03-21T10:00")
    assert rows(reading) == [("anna", "icpc_held", at, "R/SA"), ("ben", "icpc_held", at, "R/SB"), ("ben", "cin_visit", later, None)]
    assert (reading.records_read, reading.records_used) == (3, 3)
    assert "1 event relates to several children and is read as one for each of them" in [d.message for d in reading.diagnostics]
    assert reading.log.origin_row is not None and reading.log.origin_row.tolist() == [1, 1, 2]


def test_of_several_enquiries_of_one_child_none_is_chosen(tmp_path: Path) -> None:
    objects = [thing("anna"), thing("S1", "s47", ("anna",)), thing("S2", "s47", ("anna",)), thing("R", "referral", ("anna",))]
    assert rows(foreign(tmp_path, [happened("icpc_held", "2026-03-20T13:00:00Z", "anna", "S1", "S2", "R")], objects))[0][3] == "R"


def test_precision_restores_the_day_whatever_the_time(tmp_path: Path) -> None:
    reading = foreign(
        tmp_path,
        [
            happened("cin_visit", "2026-03-20T12:00:00+00:00", "anna", precision="day"),
            happened("cin_visit", "2026-07-01T23:30:00.000Z", "anna", precision="time"),
            happened("cin_visit", "2025-10-26T00:30:00Z", "ben", precision="hour_twice"),
        ],
    )
    assert [r[2] for r in rows(reading)] == [
        Moment(parse_moment("2026-03-20").day, Moment(0).instant, 0),
        parse_moment("2026-07-02T00:30"),
        parse_moment("2025-10-26T01:30"),
    ]


@pytest.mark.parametrize("time", ["T00:00:00Z", "T00:00:00", "T00:00:00.000+00:00", "T00:00Z"])
def test_days_that_a_tool_wrote_as_times_are_read_as_days(tmp_path: Path, time: str) -> None:
    events = [happened("cin_visit", f"2026-03-{day}{time}", "anna") for day in (20, 21)]
    reading = foreign(tmp_path, events)
    assert reading.log.instant is None and "midnight" in [d.code for d in reading.diagnostics]
    one_has_a_time = foreign(tmp_path, [*events, happened("cin_visit", "2026-03-22T09:00:00Z", "anna")])
    assert one_has_a_time.log.instant is not None


def test_dates_of_birth_and_ids_come_from_the_object(tmp_path: Path) -> None:
    objects = [thing("o1", child_id="C-77", date_of_birth="2019-03-02"), thing("o2", expected_date_of_birth="2026-06-01T00:00:00Z")]
    objects[0]["attributes"].append({"name": "date_of_birth", "time": "2020-01-01T00:00:00Z", "value": "2019-03-03"})  # corrected since
    log = foreign(tmp_path, [happened("cin_visit", "2026-03-20T09:00:00Z", "o1", date_of_birth="1999-01-01")], objects).log
    assert log.children.tolist() == ["C-77", "o2"]
    assert log.born is not None and log.expected is not None
    assert [as_date(int(log.born[0])).isoformat(), as_date(int(log.expected[1])).isoformat()] == ["2019-03-03", "2026-06-01"]
    assert log.born[1] == NO_DAY


def test_the_type_of_a_child_may_be_person_or_case(tmp_path: Path) -> None:
    for kind in ("Person", "case"):
        reading = foreign(tmp_path, [happened("cin_visit", "2026-03-20T09:00:00Z", "x")], [thing("x", kind)])
        assert [r[0] for r in rows(reading)] == ["x"]


def test_events_that_cannot_be_used_are_rejected_with_their_place(tmp_path: Path) -> None:
    good = happened("cin_visit", "2026-03-20T09:00:00Z", "anna")
    bad: list[Any] = [
        {**good, "relationships": []},
        {**good, "time": 20260320},
        {**good, "type": None},
        "x",
        happened("cin_visitt", "2026-03-20T09:00:00Z", "anna"),
        happened("cin_visit", "20 March", "anna"),
    ]
    reading = foreign(tmp_path, [good, *bad])
    assert (reading.records_read, reading.records_used, len(reading.rejected)) == (8, 2, 6)  # Ben has no events
    assert sorted((r.row, r.why.split("`")[0]) for r in reading.rejected) == [
        (2, "events[1]: it relates to no object of the type "),
        (3, "events[2].time: expected text, found "),
        (4, "events[3].type: expected text, found "),
        (5, "events[4]: expected an object with "),
        (6, "unknown event "),
        (7, ""),
    ]
    assert any("did you mean `cin_visit`" in d.help for d in reading.diagnostics)


def test_children_without_events_are_kept(tmp_path: Path) -> None:
    reading = foreign(tmp_path, [happened("cin_visit", "2026-03-20T09:00:00Z", "anna")])
    assert reading.log.children.tolist() == ["anna", "ben"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('{"objectTypes": [', "json", "not JSON"),
        ('{"objectTypes": [], "eventTypes": []}', "ocel", "no list `objects`, `events`"),
        ('{"objectTypes": {}, "eventTypes": [], "objects": [], "events": []}', "ocel", "no list `objectTypes`"),
        ('{"ocel:global-log": {}, "ocel:events": {}, "ocel:objects": {}}', "version", "OCEL 1.0"),
        ('{"objectTypes": [], "eventTypes": [], "objects": [{"id": "o", "type": "order"}], "events": []}', "no_children", "`order`"),
        ('["objectTypes"]', "ocel", "not an OCEL 2.0 log"),
    ],
)
def test_a_file_that_is_no_such_log_is_refused(tmp_path: Path, text: str, code: str, words: str) -> None:
    path = tmp_path / "x.jsonocel"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_source(path, BOOK)
    assert [d.code for d in caught.value.diagnostics] == [code] and words in caught.value.diagnostics[0].message


def test_a_log_is_found_in_a_folder_and_knows_what_it_covers(tmp_path: Path) -> None:
    path = tmp_path / "events.ocel.json"
    write_ocel(small(), path, BOOK)
    assert looks_like_ocel(path) and sources_in(tmp_path) == [path]
    (tmp_path / "events.ocel.json.covers.yaml").write_text("kind: history\nsince: {rcpc_held: 2025-04-01}\nevents: [cin_visit]\n")
    coverage = read_ocel(path, BOOK).log.coverage
    assert coverage.kinds == {"cin_visit"} and coverage.since == {"rcpc_held": day_number(datetime(2025, 4, 1).date())}
    assert not looks_like_ocel(tmp_path / "missing.json")
