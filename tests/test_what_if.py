"""Other rules for the same children: the values that may be set, and that just those duties move which must."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
import yaml
from pydantic import BaseModel
from typer.testing import CliRunner

from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.paths import RULES
from rrt_engine.replay.chunk import Settings
from rrt_engine.replay.flag_rows import flag_rows
from rrt_engine.replay.moves import IDENTITY, OUTCOME, move_schema
from rrt_engine.replay.run import replay
from rrt_engine.replay.runner import run
from rrt_engine.replay.what_if import Other, WhatIf, what_if, what_if_in_parts
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.changes import shifted
from rrt_engine.rulebook.checks import intervals
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.schema import Parameter
from rrt_engine.rulebook.with_changes import Changes, changes_given
from tests.small_rules import PARAMETERS, PROVED, rule_set
from tools.schemas import FOLDER

SAMPLE = Path(__file__).parent.parent / "cases" / "sample"
AS_OF = "2026-04-15"


def edited(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the rule set in which one text is another, everywhere in one file."""
    shutil.copytree(RULES, folder)
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def judged(book: RuleBook, source: Path = SAMPLE, as_of: str = AS_OF) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
    """What is said of every duty, by what it is, with no comparison of ours."""
    found = replay([source], book, parse_moment(as_of))
    said: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for each in found.sources:
        for row in flag_rows(each.log, book, each.result.flags, found.as_of, each.whole, each.path).to_pylist():
            said.setdefault(tuple(row[n] for n in IDENTITY), []).append(tuple(row[n] for n in OUTCOME))
    return {key: sorted(outcomes, key=str) for key, outcomes in said.items()}


def asked(source: Path, other: Other, folder: Path, as_of: str = AS_OF) -> tuple[WhatIf, list[dict[str, Any]]]:
    folder.mkdir()
    tables: list[Any] = []
    found = what_if([source], other, parse_moment(as_of), None, folder, tables.append)
    return found, pa.concat_tables([move_schema().empty_table(), *tables]).to_pylist()


def moved_keys(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row[n] for n in IDENTITY) for row in rows)


# ------------------------------------------------------------------------------------------------ what is set


def test_a_value_set_is_the_rule_set_edited_by_hand(tmp_path: Path) -> None:
    """The same rules, and the same duties move, whether a file is edited or the value is set."""
    file, old, new = "birmingham/child_protection.yaml", "every: {parameter: cp_visit_interval}", "every: 4 weeks"
    by_hand = load(edited(tmp_path / "rules", file, old, new))
    changes = changes_given(["cp_visit.interval=4 weeks"])
    by_set = load(RULES, changes=changes)
    assert [r.spec for r in by_set.rules] == [r.spec for r in by_hand.rules]
    found, rows = asked(SAMPLE, Other(RULES, RULES, changes), tmp_path / "what-if")
    before, after = judged(load(RULES)), judged(by_hand)
    differ = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    assert set(moved_keys(rows)) == differ
    assert {key[1] for key in differ} == {"cp_visit"}
    assert len(differ) == len(rows) == found.found.moved > 50
    for row in rows:
        key = tuple(row[n] for n in IDENTITY)
        assert before[key] == [tuple(row[f"before_{n}"] for n in OUTCOME)]
        assert after[key] == [tuple(row[f"after_{n}"] for n in OUTCOME)]


def test_another_rule_set_is_the_same_as_its_values_set(tmp_path: Path) -> None:
    folder = edited(
        tmp_path / "rules", "parameters.yaml", "cp_visit_interval: {value: 10 working days", "cp_visit_interval: {value: 4 weeks"
    )
    by_rules, one = asked(SAMPLE, Other(RULES, folder), tmp_path / "a")
    by_set, two = asked(SAMPLE, Other(RULES, RULES, (("cp_visit_interval", "4 weeks"),)), tmp_path / "b")
    assert [{**row, "because": ""} for row in one] == [{**row, "because": ""} for row in two]
    assert ({row["because"] for row in one}, {row["because"] for row in two}) == ({"parameter"}, {"cp_visit_interval"})
    assert by_rules.chosen.differences == by_set.chosen.differences
    assert [(d.name, d.before, d.after) for d in by_set.chosen.differences.values] == [("cp_visit_interval", "10 working days", "4 weeks")]


def put(shape: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A rule as data, with the value at a path another."""
    if not path:
        return value
    if isinstance(shape, list):
        return [put(v, path[1:], value) if i == path[0] else v for i, v in enumerate(shape)]
    return {**shape, path[0]: put(shape.get(path[0]), path[1:], value)}


def data_of(spec: BaseModel) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True)


def test_every_length_of_every_rule_can_be_set(tmp_path: Path) -> None:
    """Each number of each edition, one more than it is, set by its place: the rule is that rule with that number, and no other."""
    book = load(RULES)
    wanted: dict[int, list[tuple[Any, Any]]] = {}
    changes: list[tuple[str, str]] = []
    for number, rule in enumerate(book.rules):
        for path, given in intervals(rule.spec):
            new = shifted(book.value(given), 1)
            if new is None:
                continue
            began = rule.spec.effective.from_.isoformat()
            changes.append((f"{rule.id}@{began}.{'.'.join(str(step) for step in path)}", json.dumps(new)))
            wanted.setdefault(number, []).append((path, new))
    assert len(changes) > 250
    after = load(RULES, changes=tuple(changes))
    for number, (was, now) in enumerate(zip(book.rules, after.rules, strict=True)):
        data = data_of(was.spec)
        for path, new in wanted.get(number, []):
            data = put(data, path, new)
        assert data_of(now.spec) == data, was.id
    assert after.parameters == book.parameters


def test_every_local_value_can_be_set_to_what_it_is() -> None:
    book = load(RULES)
    changes = tuple((name, json.dumps(local.value)) for name, local in book.parameters.items())
    after = load(RULES, changes=changes)
    assert (after.parameters, after.rules) == (book.parameters, book.rules)
    assert after.digest != book.digest


def test_interval_is_the_limit_of_a_rule_whichever_it_has() -> None:
    book = load(RULES, changes=changes_given(["cp_visit.interval=9 days", "cp_icpc_15wd.interval=8 days"]))
    (repeat,) = book.named("cp_visit")
    assert (repeat.spec.every, repeat.spec.within) == ("9 days", None)
    assert {r.spec.within for r in book.named("cp_icpc_15wd")} == {"8 days"}


def test_a_part_is_set_in_each_edition_that_has_it_or_in_one(tmp_path: Path) -> None:
    editions = PROVED.replace("effective: {from: 2020-01-01}", "effective: {from: 2020-01-01, to: 2025-12-31}")
    later = PROVED.replace("effective: {from: 2020-01-01}", "effective: {from: 2026-01-01}").replace("warn: 1 working day\n", "")
    folder = rule_set(tmp_path, f"{editions}---\n{later}")
    both = load(folder, changes=changes_given(["demo_limit.within=7 days", "demo_limit.warn=2 days"]))
    assert [(r.spec.within, r.spec.warn) for r in both.rules] == [("7 days", "2 days"), ("7 days", None)]
    one = load(folder, changes=changes_given(["demo_limit@2026-01-01.within=7 days", "demo_limit@2026-01-01.warn=3 days"]))
    assert [(r.spec.within, r.spec.warn) for r in one.rules] == [("5 working days", "1 working day"), ("7 days", "3 days")]
    added = load(folder, changes=changes_given(["demo_limit.not_before=1 day"]))
    assert [r.spec.not_before for r in added.rules] == ["1 day", "1 day"]


def test_the_order_of_changes_does_not_matter() -> None:
    words = ["cp_visit.interval=4 weeks", "cp_core_group_interval=3 weeks", "cin_visit_interval=4 weeks"]
    books = [load(RULES, changes=changes_given(given)) for given in (words, words[::-1])]
    assert books[0].digest == books[1].digest != load(RULES).digest
    assert changes_given(words) == changes_given(words[::-1])
    assert load(RULES, changes=()).digest == load(RULES).digest
    assert load(RULES, changes=changes_given(words[:1])).digest != books[0].digest


WRONG = [
    (
        "cp_visit.interval=4 wekes",
        "--set cp_visit.interval: error[shape]: `4 wekes` is not a length of time",
        "did you mean `4 weeks`?",
    ),
    ("cp_visit_interval=4 wekes", "`4 wekes` is not a length of time", "15 working days"),
    ("cp_vist.interval=4 weeks", "--set cp_vist.interval: error[unknown_rule]: unknown rule `cp_vist`", "did you mean `cp_visit`?"),
    ("cp_visit=4 weeks", "`cp_visit` is a rule, not a value", "such as `cp_visit.interval`"),
    ("cp_visit.evry=2 weeks", "a rule has no `evry`", "did you mean `every`?"),
    ("cp_visit.id=other", "`id` of a rule cannot be set here", "--rules"),
    ("cp_visit.every=", "`cp_visit.every` is given no value", "NAME=VALUE"),
    ("cp_visit.every={a: b", "not valid YAML", "close it"),
    ("cp_visit_intervl=3 weeks", "unknown local value `cp_visit_intervl`", "did you mean `cp_visit_interval`"),
    ("cp_visit", "`cp_visit` does not say what to change to what", "NAME=VALUE"),
    ("cp_visit.until.0=foo", "unknown set of endings `foo`", ""),
    ("cp_visit.when.event=icpc_hold", "unknown event `icpc_hold`", "did you mean `icpc_held`"),
    ("cp_visit@2020-01-01.every=3 weeks", "`cp_visit` has no edition from `2020-01-01`", "`2013-04-15`"),
    ("cp_visit@2013-04-15=3 weeks", "is an edition of a rule, not a value", ".interval"),
    ("service_hours=banana", "`banana` is not opening hours", "08:45 to 17:15"),
    ("cp_visit.expect.where.child_seen=maybe", "`maybe` cannot be recorded for `child_seen`", "true or false"),
    ("ht_missing_earlier_episodes=no", "`no` is not a count", "whole number"),
    ("cp_visit.every.parameter.x=3", "has nothing at `every.parameter.x`", "the whole of `cp_visit.every`"),
]


@pytest.mark.parametrize(("word", "message", "help"), WRONG, ids=[word for word, *_ in WRONG])
def test_what_cannot_be_set_is_said_of_what_was_set(word: str, message: str, help: str) -> None:
    with pytest.raises(InputError) as error:
        load(RULES, changes=changes_given([word]))
    said = str(error.value)
    assert message in said
    assert help in said
    assert all(d.file.startswith("--set") and d.line == 0 for d in error.value.diagnostics)


def test_the_command_says_what_cannot_be_set() -> None:
    result = CliRunner().invoke(app, ["what-if", str(SAMPLE), "--as-of", AS_OF, "--set", "cp_visit.interval=4 wekes"])
    assert result.exit_code == 2
    assert "--set cp_visit.interval: error[shape]: `4 wekes` is not a length of time" in result.output


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as error:
        load(RULES, changes=changes_given(["cp_visit.interval=4 wekes", "cin_visit_interval=3 wekes"]))
    assert {d.file for d in error.value.diagnostics} == {"--set cp_visit.interval", "--set cin_visit_interval"}
    with pytest.raises(InputError) as error:
        changes_given(["x", "a=1", "a=2", "=3"])
    assert len(error.value.diagnostics) == 3


def test_the_same_part_set_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"`cp_visit.every` and `cp_visit.interval` set the same part"):
        load(RULES, changes=changes_given(["cp_visit.interval=4 weeks", "cp_visit.every=3 weeks"]))


def test_a_mistake_in_the_rules_is_not_blamed_on_a_change(tmp_path: Path) -> None:
    folder = rule_set(tmp_path, PROVED.replace("within: 5 working days", "within: 5 wroking days"))
    with pytest.raises(InputError) as error:
        load(folder, changes=changes_given(["answer_time=3 days"]))
    assert [Path(d.file).name for d in error.value.diagnostics] == ["one.yaml"]


# ------------------------------------------------------------------------------------------------ just those that must

HEAD = PROVED.partition("when:")[0]
FIVE = f"{HEAD}when: {{event: asked}}\nexpect: {{event: answered}}\nwithin: 5 days\nlink: request\n"


def log(path: Path, days: list[tuple[str, int, int | None]]) -> Path:
    """A log in which each child asks on a day of March 2026 and is answered so many days later."""
    lines = ["child_id,event,at,ref"]
    for child, day, took in days:
        began = date(2026, 3, day)
        lines.append(f"{child},asked,{began},R{child}")
        if took is not None:
            lines.append(f"{child},answered,{began + timedelta(days=took)},R{child}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_longer_limit_moves_just_those_between_the_two(tmp_path: Path) -> None:
    """5 days become 7: those answered on the 6th and 7th day are in time, those on the 5th and 8th stay as they were."""
    source = log(
        tmp_path / "log.csv", [*((f"D{took}", 2, took) for took in range(4, 10)), *((f"W{day}", day, None) for day in (11, 12, 13, 14, 15))]
    )
    rules = rule_set(tmp_path / "rules", FIVE)
    found, rows = asked(source, Other(rules, rules, changes_given(["demo_limit.within=7 days"])), tmp_path / "a", "2026-03-19")
    by_kind = {kind: {row["case"] for row in rows if row["kind"] == kind} for kind in {row["kind"] for row in rows}}
    # As of the 19th: what began on the 13th was due on the 18th and is now due on the 20th; what began on the 11th, the 18th at last.
    assert by_kind == {
        "resolved": {"D6", "D7"},
        "eased": {"W12", "W13"},
        "redated": {"D4", "D5", "D8", "D9", "W11", "W14", "W15"},
    }
    assert not found.found.attention()
    changes = changes_given(["demo_limit.within=3 days"])
    shorter, rows = asked(source, Other(rules, rules, changes), tmp_path / "b", "2026-03-19")
    assert {row["case"]: row["kind"] for row in rows if row["kind"] != "redated"} == {
        "D4": "newly_late",
        "D5": "newly_late",
        "W14": "newly_overdue",
        "W15": "newly_overdue",
    }
    assert shorter.found.attention()
    (counts,) = shorter.found.rules.values()
    assert (counts.before["overdue"], counts.after["overdue"]) == (3, 5)


def test_each_of_several_changes_is_told_apart(tmp_path: Path) -> None:
    """One rule's limit and its ending: what either does alone, what only both do, and which does what."""
    rules = rule_set(tmp_path / "rules", f"{FIVE}until: [{{event: withdrawn}}]\nwarn: 1 day\n")
    source = tmp_path / "log.csv"
    source.write_text(
        "child_id,event,at,ref\nA,asked,2026-03-02,R\nA,answered,2026-03-08,R\nB,asked,2026-03-02,R\nB,withdrawn,2026-03-04,R\n"
        "C,asked,2026-03-11,R\nD,asked,2026-03-09,R\n"
    )
    changes = changes_given(["demo_limit.within=6 days", "demo_limit.until=[{event: closed}]", "demo_limit.warn=3 days"])
    found, rows = asked(source, Other(rules, rules, changes), tmp_path / "a", "2026-03-15")
    assert found.chosen.factors == ("demo_limit.until", "demo_limit.warn", "demo_limit.within")
    assert [(r["case"], r["before_status"], r["after_status"], r["because"]) for r in rows] == [
        ("A", "late", "met", "demo_limit.within"),
        ("B", "ended", "overdue", "demo_limit.until"),
        ("C", "due_soon", "due_soon", "demo_limit.warn and demo_limit.within"),
        ("D", "overdue", "due_soon", "demo_limit.within"),
    ]


def test_changes_that_only_go_together_make_a_move_together(tmp_path: Path) -> None:
    """A ladder needs `every`, and `every` alone changes the rule to another: neither can be set without the other being there."""
    rules = rule_set(tmp_path / "rules", FIVE)
    source = log(tmp_path / "log.csv", [("A", 2, 6)])
    changes = changes_given(["demo_limit.within=[7 days]", "demo_limit.every=9 days"])
    with pytest.raises(InputError, match="ladder"):
        load(rules, changes=changes_given(["demo_limit.within=[7 days]"]))
    found, rows = asked(source, Other(rules, rules, changes), tmp_path / "a", "2026-03-12")
    assert {row["because"] for row in rows if row["before_status"] == "late"} == {"demo_limit.every and demo_limit.within"}
    assert found.found.not_again == 0


def test_rules_that_are_the_same_are_refused(tmp_path: Path) -> None:
    rules = rule_set(tmp_path / "rules", FIVE)
    source = log(tmp_path / "log.csv", [("A", 2, 6)])
    for other in (
        Other(rules, rules),
        Other(rules, rules, (("demo_limit.within", "5 days"),)),
        Other(rules, rules, (("demo_limit.note", "Another"),)),
    ):
        with pytest.raises(InputError, match="the rules asked about are those compared with"):
            asked(source, other, tmp_path / f"a{len(list(tmp_path.iterdir()))}")


def test_a_rule_left_out_and_one_put_in(tmp_path: Path) -> None:
    rules = rule_set(tmp_path / "rules", FIVE)
    others = rule_set(tmp_path / "others", FIVE.replace("demo_limit", "demo_other"))
    source = log(tmp_path / "log.csv", [("A", 2, 6), ("B", 2, None)])
    found, rows = asked(source, Other(rules, others), tmp_path / "a", "2026-03-12")
    assert sorted((r["case"], r["rule"], r["kind"], r["because"]) for r in rows) == [
        ("A", "demo_limit", "gone", "rule"),
        ("A", "demo_other", "newly_late", "rule"),
        ("B", "demo_limit", "gone", "rule"),
        ("B", "demo_other", "newly_overdue", "rule"),
    ]
    assert [(d.name, d.before, d.after) for d in found.chosen.differences.rules] == [
        ("demo_limit", "in force", ""),
        ("demo_other", "", "in force"),
    ]


# ------------------------------------------------------------------------------------------------ in parts


@pytest.mark.parametrize("source", ["run", "parquet"])
def test_in_parts_it_is_the_same_as_in_memory(tmp_path: Path, source: str) -> None:
    changes: Changes = changes_given(["cp_visit.interval=4 weeks", "cp_core_group_interval=3 weeks"])
    _, rows = asked(SAMPLE, Other(RULES, RULES, changes), tmp_path / "memory")
    (tmp_path / "parts").mkdir()
    tables: list[Any] = []
    if source == "run":
        made = run([SAMPLE / "events.csv"], Settings(RULES, parse_moment(AS_OF)), tmp_path / "run")
        found = what_if_in_parts(made.folder, None, None, changes, None, None, tmp_path / "parts", take=tables.append)
    else:
        result = CliRunner().invoke(app, ["convert", str(SAMPLE), "-o", str(tmp_path / "log.parquet")])
        assert result.exit_code == 0, result.output
        found = what_if_in_parts(
            tmp_path / "log.parquet", RULES, None, changes, parse_moment(AS_OF), None, tmp_path / "parts", take=tables.append
        )
    again = pa.concat_tables(tables).to_pylist()
    places = ("before_source", "after_source", "before_trigger_row", "after_trigger_row")
    assert [{k: v for k, v in row.items() if k not in places} for row in again] == [
        {k: v for k, v in row.items() if k not in places} for row in rows
    ]
    assert found.found.moved == len(rows)


def test_a_run_is_asked_about_in_its_own_rules_and_on_its_own_day(tmp_path: Path) -> None:
    """With the run's own value set again to what it is in the rules, its change is taken back."""
    rules = rule_set(
        tmp_path / "rules", FIVE.replace("5 days", "{parameter: answer_time}"), parameters=PARAMETERS.replace("5 working days", "5 days")
    )
    source = log(tmp_path / "log.csv", [("A", 2, 6), ("B", 2, 8)])
    made = run([source], Settings(rules, parse_moment("2026-03-12"), None, (("answer_time", "7 days"),)), tmp_path / "run")
    result = CliRunner().invoke(app, ["what-if", str(made.folder), "--set", "answer_time=5 days", "--format", "json"])
    assert result.exit_code == 1, result.output
    document = json.loads(result.stdout)
    assert (document["as_of"], document["totals"]["duties_moved"]) == ("2026-03-12", 2)
    assert document["differing_rules"]["values"] == [{"name": "answer_time", "part": "", "before": "7 days", "after": "5 days"}]
    assert [(m["case"], m["kind"]) for m in document["first"]] == [("A", "newly_late"), ("B", "redated")]
    source.unlink()
    for each in (made.folder / "events").glob("*.parquet"):
        each.unlink()
    result = CliRunner().invoke(app, ["what-if", str(made.folder), "--set", "answer_time=5 days"])
    assert result.exit_code == 2
    assert "no longer at hand" in result.output


# ------------------------------------------------------------------------------------------------ the command


def test_what_if_says_what_differs_and_what_moves(tmp_path: Path) -> None:
    target = tmp_path / "moved.csv"
    words = ["what-if", str(SAMPLE), "--as-of", AS_OF, "--set", "cp_visit.interval=4 weeks", "-o", str(target)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    for said in (
        "cp_visit, every: `{parameter: cp_visit_interval}` → `4 weeks`",
        "would be in time or ended, and are overdue, late or too early",
        "Nothing else differs, so cp_visit.interval made all of it.",
        "Nothing moved in",
        "By team",
        "a person decides",
    ):
        assert said in result.output, said
    (moved,) = re.findall(r"([\d,]+) of [\d,]+ duties moved", result.output)
    assert len(target.read_text(encoding="utf-8").splitlines()) == int(moved.replace(",", "")) + 1
    document = json.loads(CliRunner().invoke(app, [*words[:-2], "--format", "json"]).stdout)
    jsonschema.validate(document, json.loads((FOLDER / "what-if.schema.json").read_text(encoding="utf-8")))
    assert document["after"]["changes"] == {"cp_visit.interval": "4 weeks"}
    (rule,) = document["rules"]
    assert (rule["rule"], rule["before"]["judged"] > 0, rule["after"]["on_time"] > rule["before"]["on_time"]) == ("cp_visit", True, True)
    assert sum(team["moved"]["resolved"] for team in document["teams"]) == rule["moved"]["resolved"]


def test_what_is_on_time_is_what_a_replay_says(tmp_path: Path) -> None:
    """The shares before and after are those of the per-rule table of a replay by each rule set."""
    words = ["what-if", str(SAMPLE), "--as-of", AS_OF, "--set", "cp_visit.interval=4 weeks", "--format", "json"]
    document = json.loads(CliRunner().invoke(app, words).stdout)
    for side, changes in (("before", ()), ("after", changes_given(["cp_visit.interval=4 weeks"]))):
        lines = {line.rule: line for line in replay([SAMPLE], load(RULES, changes=changes), parse_moment(AS_OF)).lines()}
        for rule in document["rules"]:
            line = lines[rule["rule"]]
            assert (rule[side]["statuses"], rule[side]["on_time"], rule[side]["judged"]) == (line.statuses, line.on_time, line.judged)


def test_without_anything_to_ask_about_it_says_so() -> None:
    result = CliRunner().invoke(app, ["what-if", str(SAMPLE), "--as-of", AS_OF])
    assert result.exit_code == 2
    assert "the rules asked about are those compared with" in result.output


def test_the_schema_of_the_rules_is_held_to(tmp_path: Path) -> None:
    """What is set is checked as an edit of the file is: the same mistakes, with the same words."""
    (rule,) = [d for d in yaml.safe_load_all((RULES / "birmingham" / "child_protection.yaml").read_text()) if d["id"] == "cp_visit"]
    assert rule["every"] == {"parameter": "cp_visit_interval"}
    folder = edited(tmp_path / "rules", "birmingham/child_protection.yaml", "every: {parameter: cp_visit_interval}", "every: 10 hrs")
    messages = []
    for made in (lambda: load(folder), lambda: load(RULES, changes=changes_given(["cp_visit.every=10 hrs"]))):
        with pytest.raises(InputError) as error:
            made()
        messages.append([(d.code, d.message, d.help) for d in error.value.diagnostics])
    assert messages[0] == messages[1]
    assert isinstance(load(RULES).named("cp_visit")[0].spec.every, Parameter)
