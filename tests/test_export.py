"""XES and OCEL with flags: as the standards have them, the same flags as a replay, and read by a tool that we did not write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from typer.testing import CliRunner, Result

from rrt_engine import cli_convert
from rrt_engine.calendar import Moment, day_number, parse_moment
from rrt_engine.cli import app
from rrt_engine.model import STATUSES, EventLog
from rrt_engine.paths import CASES
from rrt_engine.replay.flag_rows import Whole, flag_rows
from rrt_engine.replay.run import replay
from rrt_engine.reports.duties_of_log import VALUES, duties_of
from rrt_engine.reports.ocel_file import write_ocel
from rrt_engine.reports.xes_file import NAMESPACE, write_xes
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.detect import read_source
from rrt_engine.timescales.evaluate import evaluate
from tests.shipped import BOOK
from tests.test_ocel import conforms, event, held, related, small

SAMPLE = CASES / "sample" / "events.csv"
AS_OF = "2026-04-15"
READER = Path(os.environ.get("RRT_READER") or Path(sys.prefix) / "reader" / "bin" / "python")

XES = """\
<grammar xmlns="http://relaxng.org/ns/structure/1.0" datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes"
         ns="http://www.xes-standard.org/">
  <start>
    <element name="log">
      <attribute name="xes.version"><data type="decimal"/></attribute>
      <optional><attribute name="xes.features"><data type="token"/></attribute></optional>
      <zeroOrMore>
        <element name="extension">
          <attribute name="name"><data type="NCName"/></attribute>
          <attribute name="prefix"><data type="NCName"/></attribute>
          <attribute name="uri"><data type="anyURI"/></attribute>
        </element>
      </zeroOrMore>
      <zeroOrMore>
        <element name="global">
          <attribute name="scope"><choice><value>trace</value><value>event</value></choice></attribute>
          <ref name="attributes"/>
        </element>
      </zeroOrMore>
      <zeroOrMore>
        <element name="classifier">
          <attribute name="name"><data type="NCName"/></attribute>
          <optional><attribute name="scope"><data type="NCName"/></attribute></optional>
          <attribute name="keys"><data type="token"/></attribute>
        </element>
      </zeroOrMore>
      <ref name="attributes"/>
      <zeroOrMore><element name="trace"><ref name="attributes"/><zeroOrMore><ref name="event"/></zeroOrMore></element></zeroOrMore>
      <zeroOrMore><ref name="event"/></zeroOrMore>
    </element>
  </start>
  <define name="event"><element name="event"><ref name="attributes"/></element></define>
  <define name="attributes">
    <zeroOrMore>
      <choice>
        <element name="string"><ref name="key"/><attribute name="value"/><ref name="attributes"/></element>
        <element name="id"><ref name="key"/><attribute name="value"/><ref name="attributes"/></element>
        <element name="date"><ref name="key"/><attribute name="value"><data type="dateTime"/></attribute><ref name="attributes"/></element>
        <element name="int"><ref name="key"/><attribute name="value"><data type="long"/></attribute><ref name="attributes"/></element>
        <element name="float"><ref name="key"/><attribute name="value"><data type="double"/></attribute><ref name="attributes"/></element>
        <element name="boolean">
          <ref name="key"/><attribute name="value"><data type="boolean"/></attribute><ref name="attributes"/>
        </element>
      </choice>
    </zeroOrMore>
  </define>
  <define name="key"><attribute name="key"><data type="Name"/></attribute></define>
</grammar>
"""
"""The XML of XES as IEEE 1849 sets it out, in our own words: its own schema is under the IEEE's copyright. Lists are left out, since
none is written."""


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_convert, "rule_book", lambda _: BOOK)


def rrt(*words: Any) -> Result:
    return CliRunner().invoke(app, ["convert", *map(str, words)])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "events.parquet"
    made = CliRunner().invoke(
        app, ["synth", "-o", str(path), "--children", "80", "--seed", "11", "--from", "2023-04-01", "--to", "2026-03-31", "--jobs", "1"]
    )
    assert made.exit_code == 0, made.output
    return path


@pytest.fixture(scope="module")
def exported(authority: Path) -> Path:
    """A folder with the authority as `log.xes` and `log.ocel.json`, with flags, as the command writes them."""
    folder = authority.parent / "exported"
    folder.mkdir()
    for name in ("log.xes", "log.ocel.json"):
        made = rrt(authority, "-o", folder / name, "--flags", "--as-of", "2026-03-31")
        assert made.exit_code == 0, made.output
        assert " duties" in made.stdout
    return folder


def expected(source: Path, as_of: str) -> list[dict[str, Any]]:
    """Every flag that a replay gives, as plain values, with nothing where nothing is recorded."""
    found = []
    for run in replay([source], BOOK, parse_moment(as_of)).sources:
        rows = flag_rows(run.log, BOOK, run.result.flags, parse_moment(as_of), Whole.of(run.log)).to_pylist()
        found += [{k: v if isinstance(v, int) else str(v) for k, v in row.items() if v is not None} for row in rows]
    return found


def only(rows: list[dict[str, Any]], names: tuple[str, ...]) -> Counter[str]:
    return Counter(json.dumps({name: row[name] for name in names if name in row}, sort_keys=True) for row in rows)


def traces(path: Path) -> Iterator[Any]:
    yield from etree.parse(path).getroot().iterfind(f"{{{NAMESPACE}}}trace")


def values(item: Any) -> dict[str, Any]:
    """The attributes of an element of XES, each by its key; keys stand once."""
    python = {"string": str, "int": int, "date": str, "boolean": lambda text: {"true": True, "false": False}[text]}
    mine = [child for child in item if child.get("key") is not None]
    assert len({child.get("key") for child in mine}) == len(mine), "a key stands twice"
    return {child.get("key"): python[etree.QName(child).localname](child.get("value")) for child in mine}


def flags_in(path: Path) -> list[dict[str, Any]]:
    found = []
    for trace in traces(path):
        case = values(trace)["concept:name"]
        for each in trace.iterfind(f"{{{NAMESPACE}}}event"):
            kind = values(each)["concept:name"]
            for flag in each:
                if flag.get("key").startswith("flag_"):
                    rule = flag.get("key")[5:].partition(".")[0]
                    found.append({"case": case, "trigger_event": kind, "rule": rule, "status": flag.get("value"), **values(flag)})
    return found


# ----------------------------------------------------------------------------------------------------------- XES


def written(log: EventLog, path: Path, as_of: str = AS_OF) -> Any:
    write_xes(log, path, BOOK, duties_of(log, BOOK, parse_moment(as_of)))
    return etree.parse(path)


def test_the_file_is_as_the_standard_sets_it_out(exported: Path, tmp_path: Path) -> None:
    grammar = etree.RelaxNG(etree.XML(XES))
    trees = [etree.parse(exported / "log.xes"), written(small(), tmp_path / "small.xes"), written(odd(), tmp_path / "odd.xes")]
    for tree in trees:
        grammar.assertValid(tree)
        assert {etree.QName(each).namespace for each in tree.iter()} == {NAMESPACE}
        for each in tree.iter(f"{{{NAMESPACE}}}event", f"{{{NAMESPACE}}}trace", f"{{{NAMESPACE}}}log"):
            for flag in (each, *each):
                values(flag)
        declared = {each.get("prefix") for each in tree.iterfind(f"{{{NAMESPACE}}}extension")}
        keys = {each.get("key") for each in tree.iter() if each.get("key")}
        assert {key.partition(":")[0] for key in keys if ":" in key} <= declared
        for each in tree.iter(f"{{{NAMESPACE}}}event"):
            assert {"concept:name", "time:timestamp", "precision"} <= values(each).keys()
    for wrong in ('<string key="2nd" value=""/>', '<int key="n" value="many"/>', '<date key="d" value="2026-01-01"/>', "<trace/><string/>"):
        text = f'<log xmlns="{NAMESPACE}" xes.version="1849.2016">{wrong}</log>'
        assert not grammar.validate(etree.XML(text)), "the grammar is one that can be broken"


def test_every_event_child_and_flag_is_in_it(authority: Path, exported: Path) -> None:
    log = read_source(authority, BOOK).log
    found = [values(trace) for trace in traces(exported / "log.xes")]
    assert [trace["concept:name"] for trace in found] == [str(child) for child in log.children]
    kinds = Counter(values(e)["concept:name"] for t in traces(exported / "log.xes") for e in t.iterfind(f"{{{NAMESPACE}}}event"))
    assert kinds == Counter(log.kinds[k] for k in log.kind)
    flags, wanted = flags_in(exported / "log.xes"), expected(authority, "2026-03-31")
    assert len(flags) == len(wanted) > 500
    names = ("case", "trigger_event", "rule", "status", "edition", "start", "rung", "due", "due_at", "answer_event", "answer_at")
    rest = ("ended_by", "ended_at", "days_late", "cannot_tell_because", "provisional", "title", "service", "authority", "verified")
    assert only(flags, (*names, *rest)) == only(wanted, (*names, *rest))
    by_case = Counter((row["case"], row["status"]) for row in wanted)
    for trace in found:
        case = trace["concept:name"]
        assert {name: trace[f"flags_{name}"] for name in STATUSES} == {name: by_case[case, name] for name in STATUSES}
        assert trace["flags"] == sum(trace[f"flags_{name}"] for name in STATUSES)


def test_the_log_says_by_what_it_was_judged(exported: Path) -> None:
    said = values(etree.parse(exported / "log.xes").getroot())
    assert said["as_of"] == "2026-03-31" and said["rules_digest"] == BOOK.digest and said["rules_id"] == BOOK.id
    assert said["flags"] == len(flags_in(exported / "log.xes"))


def test_a_day_is_written_without_inventing_midnight(tmp_path: Path) -> None:
    tree = written(small(), tmp_path / "a.xes")
    events = [values(each) for each in tree.iter(f"{{{NAMESPACE}}}event")]
    of = {each["concept:name"]: (each["time:timestamp"], each["precision"]) for each in events if each.get("ref") != "R1"}
    assert of["strategy_discussion_held"] == ("2025-10-26T00:30:00Z", "hour_twice")
    assert of["s47_started"] == ("2025-10-26T01:30:00Z", "time")
    assert of["sdq_recorded"] == ("2026-03-21T12:00:00Z", "day")
    sdq = next(each for each in events if each["concept:name"] == "sdq_recorded")
    assert sdq["score"] == 14 and sdq["recorded_at"] == "2026-03-25"
    first = next(each for each in events if each["concept:name"] == "referral_received" and "org:group" in each)
    assert first["org:group"] == "=T" and first["nfa"] is False and "team" not in first


def test_a_child_without_events_is_a_trace_without_any(tmp_path: Path) -> None:
    path = tmp_path / "a.xes"
    written(small(), path)
    found = {values(trace)["concept:name"]: trace for trace in traces(path)}
    assert list(found) == ["C/2%", "C1", "C3"] and not found["C3"].findall(f"{{{NAMESPACE}}}event")
    assert values(found["C3"])["date_of_birth"] == "2010-01-01" and values(found["C/2%"])["expected_date_of_birth"] == "2026-06-01"


def odd() -> EventLog:
    """Values that XML cannot hold, attributes with names that no key can have, and two duties of one rule that one event starts."""
    b = LogBuilder(BOOK.events)
    b.child("A<&\x07", day_number(parse_date("2019-03-02")))
    odd = {"2nd reason": "x\x00\"y'<z>", "reason (why)": True, "reason_(why)": 3, "über": "ß"}
    b.add("A<&\x07", "referral_received", parse_moment("2026-03-02"), ref="R1", attributes=odd, row=1)
    return b.build()


def parse_date(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


def test_what_xml_cannot_hold_is_replaced_and_keys_are_names(tmp_path: Path) -> None:
    tree = written(odd(), tmp_path / "odd.xes")
    said = values(next(tree.iter(f"{{{NAMESPACE}}}event")))
    assert said["_2nd_reason"] == "x\ufffd\"y'<z>" and said["über"] == "ß"
    assert values(next(tree.iter(f"{{{NAMESPACE}}}trace")))["concept:name"] == "A<&\ufffd"


def test_without_flags_there_are_none_and_the_same_log_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xes", "b.xes"):
        assert rrt(SAMPLE, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.xes").read_bytes() == (tmp_path / "b.xes").read_bytes()
    assert b"flag" not in (tmp_path / "a.xes").read_bytes() and not (tmp_path / "a.xes.covers.yaml").exists()
    for name in ("c.xes", "d.xes", "c.ocel.json", "d.ocel.json"):
        assert rrt(SAMPLE, "-o", tmp_path / name, "--flags", "--as-of", AS_OF).exit_code == 0
    for ending in ("xes", "ocel.json"):
        assert (tmp_path / f"c.{ending}").read_bytes() == (tmp_path / f"d.{ending}").read_bytes()


# ----------------------------------------------------------------------------------------------------------- OCEL


def test_a_duty_is_an_object_related_to_its_child_and_its_events(authority: Path, exported: Path) -> None:
    log = json.loads((exported / "log.ocel.json").read_text(encoding="utf-8"))
    conforms(log)
    duties = [o for o in log["objects"] if o["type"] == "duty"]
    wanted = expected(authority, "2026-03-31")
    child_of = {o["id"]: held(o)["child_id"] for o in log["objects"] if o["type"] == "child"}
    found = []
    for duty in duties:
        (child, qualifier), *more = related(duty)
        assert qualifier == "child" and not more
        found.append({"case": child_of[child], **held(duty)})
    names = ("case", *VALUES)
    assert only(found, names) == only(wanted, names) and len(found) > 500
    of = {name: Counter() for name in ("starts", "answers", "ends")}
    for each in log["events"]:
        for name, qualifier in related(each):
            if name.startswith("duty:"):
                of[qualifier][name, each["type"]] += 1
    assert all(n == 1 for counter in of.values() for n in counter.values())
    by_id = {duty["id"]: held(duty) for duty in duties}
    assert Counter(name for name, _ in of["starts"]) == Counter(list(by_id))
    assert {name for name, _ in of["answers"]} == {name for name, said in by_id.items() if "answer_event" in said}
    assert all(by_id[name]["answer_event"] == kind for name, kind in of["answers"])
    assert all(by_id[name]["ended_by"] == kind for name, kind in of["ends"])
    ended = {name for name, said in by_id.items() if said.get("ended_by", "birthday") != "birthday"}
    assert {name for name, _ in of["ends"]} == ended
    (rules,) = [o for o in log["objects"] if o["type"] == "rule_set"]
    assert held(rules)["digest"] == BOOK.digest and held(rules)["as_of"] == "2026-03-31"


@pytest.mark.parametrize("name", ["sample", "authority"])
def test_replaying_what_is_exported_gives_the_same_flags(name: str, authority: Path, tmp_path: Path) -> None:
    """Duties are not read back: neither as events, nor as what events belong to, nor as children."""
    source, as_of = (SAMPLE, AS_OF) if name == "sample" else (authority, "2026-03-31")
    target = tmp_path / "again.ocel.json"
    assert rrt(source, "-o", target, "--flags", "--as-of", as_of).exit_code == 0
    before, after = expected(source, as_of), expected(target, as_of)
    said = ("case", *VALUES, "trigger_event", "trigger_at", "ref", "team", "worker")
    assert only(before, said) == only(after, said) and before
    reading, original = read_source(target, BOOK), read_source(source, BOOK)
    assert len(reading.log) == len(original.log) and not reading.rejected
    assert set(reading.log.attributes) == set(original.log.attributes)
    assert rrt(source, "-o", tmp_path / "plain.ocel.json").exit_code == 0
    assert rrt(target, "-o", tmp_path / "twice.ocel.json").exit_code == 0
    assert (tmp_path / "plain.ocel.json").read_bytes() == (tmp_path / "twice.ocel.json").read_bytes()


def test_an_event_that_belongs_to_nothing_else_is_related_to_its_duties(tmp_path: Path) -> None:
    log = small()
    write_ocel(log, tmp_path / "a.ocel.json", BOOK, duties_of(log, BOOK, parse_moment(AS_OF)))
    found = json.loads((tmp_path / "a.ocel.json").read_text(encoding="utf-8"))
    conforms(found)
    first = related(event(found, "referral_received", 1))
    assert first[:2] == [("child:C1", "child"), ("referral:C1/R1", "referral")]
    assert ("duty:C1/3", "starts") in first[2:] or any(name.startswith("duty:C1/") for name, _ in first[2:])
    assert any(o["id"].startswith("duty:C%2F2%25/") for o in found["objects"])


def test_the_moment_decides_what_is_found(tmp_path: Path) -> None:
    log = read_source(SAMPLE, BOOK).log
    for as_of in ("2026-01-15", "2026-04-15"):
        duties = duties_of(log, BOOK, parse_moment(as_of))
        flags = evaluate(log, BOOK, Moment(parse_moment(as_of).day)).flags
        assert len(duties) == len(flags) and duties.as_of == as_of
        assert Counter(duties.rows["status"].to_pylist()) == Counter(STATUSES[s] for s in flags.status)


# ------------------------------------------------------------------------------------------------------ the command


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "events.csv", "--flags", "--as-of", AS_OF), "a `.csv` event log has no place for flags; expected .ocel.json or .xes"),
        (("-o", "log.xes", "--as-of", AS_OF), "only flags are judged by a date"),
        (("-o", "log.xml"), "cannot write `.xml` files"),
        (("-o", "log.xes", "--flags", "--as-of", "soon"), "`soon`"),
    ],
)
def test_mistakes_are_said_before_any_work(words: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = rrt(SAMPLE, *words)
    assert found.exit_code == 2 and message in found.stderr and not list(tmp_path.iterdir())


def test_sources_that_cover_different_things_are_exported_apart(tmp_path: Path) -> None:
    found = rrt(SAMPLE, CASES / "training" / "plan_drifting.yaml", "-o", tmp_path / "log.xes", "--flags", "--as-of", AS_OF)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert found.exit_code == 0 and (names == ["log-1.xes", "log-2.xes"] or names == ["log.xes"])
    total = len(expected(SAMPLE, AS_OF)) + len(expected(CASES / "training" / "plan_drifting.yaml", AS_OF))
    assert sum(len(flags_in(tmp_path / name)) for name in names) == total


# ----------------------------------------------------------------------------------- a reader that we did not write


def test_a_tool_of_process_mining_reads_the_same_counts(authority: Path, exported: Path) -> None:
    """PM4Py, in an environment of its own, counts what we wrote: children, events, attributes and flags."""
    if not READER.exists():
        assert os.environ.get("RRT_REQUIRE_READER") != "1", f"there is no {READER}: `make` installs PM4Py there"
        pytest.skip(f"PM4PY IS NOT INSTALLED at {READER}: no other tool has read the exports")
    command = [str(READER), str(Path(__file__).parent / "process_mining.py"), str(exported / "log.xes"), str(exported / "log.ocel.json")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=exported)
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(next(line for line in ran.stdout.splitlines() if line.startswith("READ ")).removeprefix("READ "))
    log, wanted = read_source(authority, BOOK).log, expected(authority, "2026-03-31")
    kinds = dict(Counter(log.kinds[k] for k in log.kind))
    xes, ocel = found["xes"], found["ocel"]
    # XES: a trace a child, an event an event, a flag with everything that is nested in it
    assert (xes["traces"], xes["events"], xes["kinds"]) == (len(log.children), len(log), kinds)
    names = ("case", "rule", "status", "edition", "start", "rung", "due", "due_at", "answer_event", "answer_at", "days_late", "provisional")
    flags = [{**flag, "rule": flag["rule"].partition(".")[0]} for flag in xes["flags"]]
    assert only(flags, ("case", "rule", "status")) == only(wanted, ("case", "rule", "status")) and len(flags) == xes["log"]["flags"]
    nested = [flag for flag in flags if "nested" in flag]  # all but the few that stand where PM4Py's blocks of the file end
    assert len(nested) > 0.99 * len(flags) and not only(nested, names) - only(wanted, names)
    assert xes["plain"] == {"traces": len(log.children), "events": len(log), "flags": dict(Counter(row["status"] for row in wanted))}
    by_case = Counter(row["case"] for row in wanted)
    assert {case: counted["flags"] for case, counted in xes["counted"].items()} == {str(c): by_case[str(c)] for c in log.children}
    counts = {name: int((attribute.codes >= 0).sum()) for name, attribute in log.attributes.items()}
    standard = {"team": "org:group", "worker": "org:resource"}
    assert {name: xes["attributes"].get(standard.get(name, name)) for name in counts if counts[name]} == {
        n: c for n, c in counts.items() if c
    }
    assert xes["classifiers"] == {"Activity": ["concept:name"]} and len(xes["times"]) == len(log)
    # OCEL: an object a child and a duty, related to the events that started, answered and ended it
    assert (ocel["events"], ocel["kinds"]) == (len(log), kinds)
    assert (ocel["objects"]["child"], ocel["objects"]["duty"]) == (len(log.children), len(wanted))
    assert ocel["statuses"] == dict(Counter(row["status"] for row in wanted))
    assert {name: ocel["attributes"].get(name) for name in counts if counts[name]} == {n: c for n, c in counts.items() if c}
    assert ocel["qualifiers"]["child"] == len(log) and ocel["qualifiers"]["starts"] == len(wanted)
    assert ocel["qualifiers"]["answers"] == sum("answer_event" in row for row in wanted)
    assert ocel["qualifiers"]["ends"] == sum(row.get("ended_by", "birthday") != "birthday" for row in wanted)
