"""The author's tools for threshold rules: examples, proofs, lint, pages and schemas, on the rules of rrt with one thing changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from rrt_engine.cli_rules import rules
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.explain.threshold_page import threshold_page, threshold_sections
from rrt_engine.paths import RULES
from rrt_engine.rulebook.lint import lint, load_sound_thresholds
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.schema_file import schemas
from rrt_engine.rulebook.strict_yaml import documents
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_examples import run_threshold_examples
from rrt_engine.rulebook.threshold_lint import threshold_problems
from rrt_engine.rulebook.threshold_proofs import Prover
from rrt_engine.thresholds.suggest import reasoners
from tests.shipped import BOOK
from tests.test_analyse import FACTS, SOUND, made, rule

HEAD = """\
id: rt_demo
kind: threshold
title: A demonstration of a rule
source: {id: practice_knowledge, at: "nowhere"}
authority: local
verified: recalled
effective: {from: 2025-01-01}
why: A rule that shows something shows it to somebody.
"""
PROMPT = "effect: prompt\nask: What now?\n"
FLOOR = HEAD + "effect: floor\nlevel: 4\npathways: [s47_strategy_discussion]\nurgency: same_day\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, [str(a) for a in arguments])


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the rule set with a rule added, and files edited."""

    def copied(text: str = "", **edits: tuple[str, str]) -> Path:
        folder = tmp_path / "rules"
        shutil.copytree(RULES, folder)
        if text:
            (folder / "thresholds" / "zz_demo.yaml").write_text(text, encoding="utf-8")
        for name, (old, new) in edits.items():
            path = folder / f"{name}.yaml"
            text = path.read_text(encoding="utf-8")
            assert old in text
            path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return folder

    return copied


def problems(folder: Path) -> list[Diagnostic]:
    """What the threshold part of lint says, without the rest."""
    book, wrong, read = load_sound_thresholds(folder, load(folder))
    assert book is not None, wrong
    return [*wrong, *threshold_problems(folder, book, read)]


def codes(folder: Path) -> set[str]:
    return {p.code for p in problems(folder)}


@cache
def shipped() -> tuple[ThresholdBook, list[tuple[Threshold, Any]]]:
    book, wrong, read = load_sound_thresholds(RULES, BOOK)
    assert book is not None and wrong == []
    return book, read


def run_demo(folder: Path) -> list[Any]:
    book, wrong, read = load_sound_thresholds(folder, load(folder))
    assert book is not None and wrong == []
    rule, document = next((r, d) for r, d in read if r.id == "rt_demo")
    return run_threshold_examples(rule, document, book, reasoners(book))


# ------------------------------------------------------------------------------------------------------------- examples


def test_every_example_of_every_threshold_rule_holds() -> None:
    book, read = shipped()
    on = reasoners(book)
    outcomes = [o for rule, document in read for o in run_threshold_examples(rule, document, book, on)]
    assert len(outcomes) > 250
    assert [d.text() for o in outcomes for d in o.diagnostics] == []


def test_a_failing_example_is_said_at_the_key_that_states_it(changed: Callable[..., Path]) -> None:
    text = FLOOR + (
        "when: {fact: bullied, evidence: sufficient}\n"
        "examples:\n"
        "  - name: bullied at school\n"
        "    facts: [{fact: bullied, value: true, evidence: disclosed}]\n"
        "    fires: false\n"
        "    level: 2\n"
        "    pathways: [universal]\n"
    )
    (outcome,) = run_demo(changed(text))
    assert not outcome.passed and outcome.fires
    assert [(d.line, d.code) for d in outcome.diagnostics] == [(17, "example_failed"), (18, "example_failed"), (19, "example_failed")]
    assert "expected that the rule does not fire, and it fires" in outcome.diagnostics[0].message
    assert "expected level `2` and got `4`" in outcome.diagnostics[1].message
    assert "expected `universal` and got `s47_strategy_discussion`" in outcome.diagnostics[2].message
    assert outcome.expected == ("does not fire", "level=2", "pathways=universal")
    assert outcome.actual == ("fires", "level=4", "pathways=s47_strategy_discussion")


@pytest.mark.parametrize(
    "part, code, near",
    [
        ("facts: [{fact: bulied, value: true}]", "unknown_fact", "did you mean `bullied`?"),
        ("facts: [{fact: bullied, value: perhaps}]", "unknown_value", "true, false or unknown"),
        ("facts: [{fact: bullied, value: true, evidence: seen}]", "unknown_value", "it may be"),
        ("facts: []\n    pathways: [universl]", "unknown_pathway", "did you mean `universal`?"),
        ("facts: []\n    flags: [{rule: cp_visits, status: overdue}]", "unknown_timescale_rule", "did you mean `cp_visit`"),
        ("facts: []\n    flags: [{rule: cp_visit, status: latte}]", "unknown_value", "did you mean `late`?"),
        ("facts: []\n    flags: [{rule: cp_visit}]", "shape", "such as"),
        ("facts: []\n    as_of: tomorrow", "date", ""),
        ('facts: []\n    as_of: "2024-12-31"', "not_in_force", "within `effective`"),
        ("facts: []\n    child: {date_of_birht: 2020-01-01}", "unknown_key", "did you mean `date_of_birth`?"),
        ("facts: []\n    events: [{event: cp_plan_startd, at: 2026-01-01}]", "unknown_event", "did you mean `cp_plan_started`"),
    ],
)
def test_a_mistake_in_an_example_is_said_at_its_place(changed: Callable[..., Path], part: str, code: str, near: str) -> None:
    text = FLOOR + f"when: {{fact: bullied, evidence: sufficient}}\nexamples:\n  - name: one\n    {part}\n    fires: false\n"
    (outcome,) = run_demo(changed(text))
    assert not outcome.passed and [d.code for d in outcome.diagnostics] == [code]
    assert outcome.diagnostics[0].file.endswith("thresholds/zz_demo.yaml") and outcome.diagnostics[0].line in (16, 17)
    assert near in outcome.diagnostics[0].help


def test_an_example_may_set_flags_events_and_a_birthday(changed: Callable[..., Path]) -> None:
    text = (
        HEAD
        + PROMPT
        + "when:\n  - {flag: cp_visit, status: overdue}\n  - {fact: child_age_months, below: 12}\nexamples:\n"
        + "".join(
            f"  - {{name: {name}, child: {{date_of_birth: {born}}}, facts: [], fires: {fires}, "
            f"flags: [{{rule: cp_visit, status: {status}}}]}}\n"
            for name, born, status, fires in (
                ("both", "2025-10-01", "overdue", "true"),
                ("late", "2025-10-01", "late", "false"),
                ("older", "2025-04-15", "overdue", "false"),
            )
        )
    )
    assert [o.passed for o in run_demo(changed(text))] == [True, True, True]


# --------------------------------------------------------------------------------------------------------------- proofs


def prove_demo(folder: Path) -> Any:
    book, wrong, read = load_sound_thresholds(folder, load(folder))
    assert book is not None and wrong == []
    rule, document = next((r, d) for r, d in read if r.id == "rt_demo")
    return Prover(book, reasoners(book)).prove(rule, document)


TWO = (
    HEAD
    + "effect: consider\nlevel: 3\nwhen:\n"
    + "  - {fact: suspensions_count_12m, at_least: 2, evidence: sufficient}\n  - {fact: bullied}\nexamples:\n"
)


def case(name: str, fires: str, *facts: str, level: int = 0) -> str:
    stated = f"    level: {level}\n" if level else ""
    return f"  - name: {name}\n    facts: [{', '.join(f'{{fact: {f}}}' for f in facts)}]\n    fires: {fires}\n{stated}"


BULLIED = "bullied, value: true, evidence: disclosed"
ENOUGH, SHORT = (f"suspensions_count_12m, value: {n}, evidence: confirmed" for n in (2, 1))
PROVED = (
    TWO
    + case("both", "true", ENOUGH, BULLIED, level=3)
    + case("too few", "false", SHORT, BULLIED)
    + case("thin", "false", ENOUGH.replace("confirmed", "alleged"), BULLIED)
    + case("nobody bullied", "false", ENOUGH)
)


def test_a_rule_whose_examples_prove_every_part(changed: Callable[..., Path]) -> None:
    proof = prove_demo(changed(PROVED))
    assert proof.missing == () and [c.part for c in proof.unnoticed] == []
    assert {c.part for c in proof.tried} >= {"when fact: bullied", "when 1: at_least", "when 1: evidence", "level"}


@pytest.mark.parametrize(
    "examples, missing, unnoticed",
    [
        (case("both", "true", ENOUGH, BULLIED, level=3), ("does_not_fire",), None),
        (case("neither", "false", SHORT), ("fires",), None),
        (PROVED[len(TWO) :].replace("value: 1", "value: 0"), (), {"when 1: at_least"}),
        (PROVED[len(TWO) :].replace("    level: 3\n", ""), (), {"level"}),
        (PROVED[len(TWO) :].replace("alleged", "confirmed").replace(case("thin", "false", ENOUGH, BULLIED), ""), (), {"when 1: evidence"}),
        (PROVED[len(TWO) :].replace(case("nobody bullied", "false", ENOUGH), ""), (), {"when fact: bullied"}),
    ],
)  # fmt: skip
def test_what_no_example_proves_is_named(
    changed: Callable[..., Path], examples: str, missing: tuple[str, ...], unnoticed: set[str] | None
) -> None:
    proof = prove_demo(changed(TWO + examples))
    assert proof.missing == missing
    if unnoticed is not None:
        assert {c.part for c in proof.unnoticed} == unnoticed


def test_a_change_that_no_record_can_show_is_not_asked_for(tmp_path: Path) -> None:
    text = HEAD.replace("practice_knowledge", "handbook") + PROMPT + "when: {fact: late, role: concern}\nexamples:\n"
    text += case("late", "true", "late, value: true") + case("not so", "false", "late, value: false")
    proof = prove_demo(made(tmp_path, text))
    assert proof.unnoticed == () and "when.role" not in {c.part for c in proof.tried}


def test_a_local_value_is_moved_for_the_rule_alone(changed: Callable[..., Path]) -> None:
    text = (
        HEAD
        + "effect: prompt\nask: What now?\nwhen: {fact: suspensions_count_12m, at_least: {parameter: rt_suspensions_regular}}\nexamples:\n"
    )
    text += case("three", "true", ENOUGH.replace("2,", "3,")) + case("one", "false", SHORT)
    assert [(c.part, c.how) for c in prove_demo(changed(text)).unnoticed] == [("when.at_least", "2")]


# ----------------------------------------------------------------------------------------------------------------- lint


def test_nothing_is_wrong_with_the_threshold_rules_of_rrt() -> None:
    assert [p.text() for p in problems(RULES)] == []


@pytest.mark.parametrize(
    "text, code, place",
    [
        ("effect: consider\nlevel: 3\nwhen: {fact: bullied, value: false}", "not_monotone", "value"),
        ("effect: consider\nlevel: 3\nwhen: {fact: neglect_level, value: [none, low]}", "not_monotone", "value"),
        ("effect: raise\nwhen: {unrecorded: child_seen_and_heard}", "not_monotone", "unrecorded"),
        ("effect: consider\nlevel: 3\nwhen: {fact: bullied, evidence: thin}", "not_monotone", "evidence"),
        ("effect: raise\nwhen: [{level: [2]}, {fact: bullied}]", "not_monotone", "level"),
        ("effect: raise\nwhen: {role: protective}", "not_monotone", "role"),
        ("effect: raise\nwhen: {fact: services_effective_now}", "not_monotone", "fact"),
        ("effect: raise\nwhen: {count: verified_protective, at_least: 1}", "not_monotone", "count"),
        ("effect: consider\nlevel: 3\nwhen: {fact: self_harm_count_12m, below: 2}", "not_monotone", "below"),
        ("effect: raise\nwhen: {unsettled: true}", "not_monotone", "unsettled"),
        ("effect: raise\nwhen: {sibling: 4}", "not_monotone", "sibling"),
        ("effect: soften\nwhen: {fact: bullied}", "softens_on_concern", "when"),
        ("effect: soften\nwhen: {count: domains_at_2, at_least: 1}", "softens_on_concern", "when"),
        ("effect: consider\nlevel: 4\nwhen: [{fact: bullied, evidence: sufficient}, {fact: bullies_others}]", "thin_reaches_4", "when"),
        ("effect: consider\nlevel: 4\nwhen: {count: domains_at_2, at_least: 5}", "thin_reaches_4", "when"),
        ("effect: consider\nlevel: 4\nwhen: {domain: abuse}", "thin_reaches_4", "when"),
        ("effect: floor\nlevel: 4\nwhen: {fact: bullied}", "thin_reaches_4", "when"),
    ],
)
def test_what_would_make_a_suggestion_unsafe_is_an_error(changed: Callable[..., Path], text: str, code: str, place: str) -> None:
    found = [p for p in problems(changed(f"{HEAD}{text}\n")) if p.code == code]
    assert len(found) == 1 and found[0].severity == "error" and found[0].help
    line = f"{HEAD}{text}\n".splitlines()[found[0].line - 1]
    assert line[found[0].column - 1 :].lstrip("{- ").startswith((place, "fact", "domain", "count"))


@pytest.mark.parametrize(
    "text",
    [
        "note: That nobody has seen the child is the worry.\neffect: raise\nwhen: {fact: child_seen_and_heard, value: false}",
        "effect: consider\nlevel: 3\nwhen: {fact: attendance_percent, below: 70}",
        "effect: raise\nwhen: [{fact: child_age_months, below: 6}, {fact: bullied}]",
        "effect: consider\nlevel: 4\nwhen: [{fact: bullied, evidence: sufficient}, {fact: not_independently_mobile}]",
        "effect: consider\nlevel: 4\nwhen: {domain: abuse, pull: 4}",
        "effect: floor\nlevel: 4\nwhen: [{fact: bullied, evidence: first_hand}, {fact: bullies_others}]",
        "effect: prompt\nask: What now?\nwhen: {fact: bullied, value: false, evidence: thin}",
    ],
)
def test_what_is_safe_is_let_be(changed: Callable[..., Path], text: str) -> None:
    assert [p.text() for p in problems(changed(f"{HEAD}{text}\n")) if p.severity == "error"] == []


def test_an_immediate_fact_without_a_floor_is_an_error_at_the_fact(changed: Callable[..., Path]) -> None:
    folder = changed(
        facts=(
            "    bullied: {label: Child is bullied,",
            "    bullied: {label: Child is bullied, stronger: [{if: {timing: current}, weight: immediate}],",
        )
    )
    (found,) = [p for p in problems(folder) if p.code == "no_floor"]
    assert "`bullied` is immediate" in found.message and found.file.endswith("facts.yaml") and found.severity == "error"
    text = (folder / "facts.yaml").read_text(encoding="utf-8").splitlines()
    assert text[found.line - 1].startswith("    bullied:")


def test_one_value_without_a_floor_is_named(changed: Callable[..., Path]) -> None:
    folder = changed(facts=("weight: {perplexing: 3, suspected: 4}", "weight: {perplexing: 3, suspected: immediate}"))
    (found,) = [p for p in problems(folder) if p.code == "no_floor"]
    assert "at `suspected` is immediate" in found.message


def test_poverty_never_weighs_4(tmp_path: Path) -> None:
    cold = "cold: {label: Cold at home, type: boolean, weight: "
    (found,) = [p for p in problems(made(tmp_path, facts=FACTS.replace(f"{cold}2", f"{cold}4, poverty: true"))) if p.severity == "error"]
    assert found.code == "poverty_weighs_4" and "`cold` is hardship" in found.message


def test_a_floor_that_fires_on_what_is_past_and_weighs_less_then_is_a_warning(tmp_path: Path) -> None:
    facts = FACTS.replace("    hurt: {label: Hurt at home,", "    hurt: {label: Hurt at home, past: 2,")
    floor = rule("named", "effect: floor\nlevel: 4\npathways: [discuss]\nwhen: {fact: hurt, value: badly, evidence: sufficient}")
    (found,) = [p for p in problems(made(tmp_path / "named", SOUND + floor, facts)) if p.code == "floor_on_past"]
    assert found.severity == "warning" and "`rt_named` fires on `hurt` where it is past" in found.message
    by_role = floor.replace("value: badly", "role: immediate")
    assert "floor_on_past" not in codes(made(tmp_path / "role", SOUND + by_role, facts))


def test_local_values_that_nobody_uses_or_that_cannot_be_used(changed: Callable[..., Path]) -> None:
    unused = "rt_nobody: {value: 3, title: Nothing, basis: made, verified: recalled}\nrt_contacts_window:"
    folder = changed(parameters=("rt_contacts_window:", unused))
    found = next(p for p in problems(folder) if "`rt_nobody`" in p.message)
    assert (found.code, found.severity) == ("unused_local_value", "warning")
    text = folder / "parameters.yaml"
    text.write_text(
        text.read_text(encoding="utf-8").replace("rt_attendance_low: {value: 90", "rt_attendance_low: {value: 90 per cent"),
        encoding="utf-8",
    )
    found_book, wrong, _ = load_sound_thresholds(folder, load(folder))
    assert found_book is None
    assert [(p.code, p.file.rpartition("/")[2], p.message) for p in wrong] == [
        ("local_value", "parameters.yaml", "`90 per cent` is not a count; write a whole number")
    ]


def test_ids_are_not_those_of_time_limits_and_have_one_home(changed: Callable[..., Path]) -> None:
    prompt = "effect: prompt\nask: What now?\nwhen: {fact: bullied}\n"
    taken = changed(HEAD.replace("rt_demo", "cp_visit") + prompt)
    assert {"id_reused", "shape"} <= codes(taken)
    shutil.rmtree(taken)
    elsewhere = changed(HEAD.replace("rt_demo", "rt_infant").replace("2025-01-01", "2020-01-01") + prompt)
    assert "id_reused" in codes(elsewhere)


def test_lint_says_both_halves(tmp_path: Path) -> None:
    parts = "effect: floor\nlevel: 4\npathways: [discuss]\nurgency: same_day\nwhen: {fact: hurt}\nexamples:\n"
    folder = made(tmp_path, rule("demo", parts + case("one", "true", "hurt, value: much, evidence: disclosed")))
    assert {d.code for d in lint(folder)} >= {"thin_reaches_4", "missing_does_not_fire_example"}
    limits = folder / "made" / "one.yaml"
    limits.write_text(limits.read_text(encoding="utf-8").replace("    shows: [boundary]\n", ""), encoding="utf-8")
    found = lint(folder)
    assert {"thin_reaches_4", "missing_does_not_fire_example", "missing_boundary_example"} <= {d.code for d in found}
    assert [d for d in found if d.severity == "error" and d.code != "thin_reaches_4"] == []


def test_a_rule_set_without_thresholds_is_sound(changed: Callable[..., Path]) -> None:
    folder = changed()
    shutil.rmtree(folder / "thresholds")
    (folder / "facts.yaml").unlink()
    (folder / "pathways.yaml").unlink()
    assert load_sound_thresholds(folder, load(folder)) == (None, [], [])


def test_a_broken_threshold_rule_leaves_the_others_to_be_tested(changed: Callable[..., Path]) -> None:
    folder = changed(FLOOR.replace("effect:", "efect:") + "when: {fact: bullied}\n")
    book, wrong, read = load_sound_thresholds(folder, load(folder))
    assert book is not None and {p.code for p in wrong} == {"unknown_key"} and len(read) == len(shipped()[1])
    found = run("test", "rt_infant", "--rules", folder)
    assert found.exit_code == 0 and "unknown key `efect`" in found.stderr


# ------------------------------------------------------------------------------------------------------------- commands


def test_every_threshold_rule_has_a_page() -> None:
    book, read = shipped()
    for each, _ in read:
        page = threshold_page(book, [each])
        text = "\n".join(line for _, lines in threshold_sections(page) for line in lines)
        assert page.does.endswith(".") and page.when and page.examples, each.id
        assert "parameter=" not in text and "None" not in text and "{" not in text, each.id


def test_show_of_a_threshold_rule() -> None:
    found = run("show", "rt_infant")
    headings = [line for line in found.stdout.splitlines() if line and not line.startswith(" ")]
    assert headings[:4] == ["The child is an infant (rt_infant)", "What it does", "When", "Why"]
    assert headings[-4:] == ["Source", "Local value", "Examples", "Editions"]
    assert "below 12" in found.stdout and "rt_infant_months: 12" in found.stdout and "the rule set says: it fires; level 3" in found.stdout
    data = json.loads(run("show", "rt_infant", "--format", "json").stdout)
    assert (data["schema"], data["id"], data["effect"]) == ("rrt/threshold-rule/1", "rt_infant", "raise")


def test_list_and_test_cover_threshold_rules() -> None:
    listed = json.loads(run("list", "--service", "thresholds", "--format", "json").stdout)["rules"]
    assert {r["id"] for r in listed} == {r.id for r, _ in shipped()[1]}
    assert {r["limit"] for r in listed if r["id"] in ("rt_infant", "rt_concern_3", "rt_no_carer")} == {
        "raises a step",
        "adds up to level 3",
        "at least level 4",
    }
    assert run("list", "--service", "threshold").stderr == "unknown service `threshold`; did you mean `thresholds`?\n"
    one = run("test", "rt_infant", "--coverage")
    assert one.exit_code == 0 and "1 of 1 rules with every proof their shape needs (100%)" in one.stdout
    assert run("test", "rt_infnt").stderr == "unknown rule `rt_infnt`; did you mean `rt_infant`?\n"
    data = json.loads(run("test", "rt_infant", "--format", "json").stdout)
    assert data["failed"] == 0 and data["rules"][0]["id"] == "rt_infant" and data["threshold_coverage"] is None


def test_a_failing_example_fails_the_command(changed: Callable[..., Path]) -> None:
    folder = changed(FLOOR + "when: {fact: bullied, evidence: sufficient}\nexamples:\n" + case("one", "false", BULLIED))
    found = run("test", "rt_demo", "--rules", folder)
    lines = found.stdout.splitlines()
    assert found.exit_code == 1 and lines[0] == "FAILED  rt_demo, example: one"
    assert lines[2].split("   ") == ["    does not fire".rstrip(), "fires"] or lines[2].strip().startswith("does not fire   fires")


# -------------------------------------------------------------------------------------------------------------- schemas


def as_json(data: Any) -> Any:
    """YAML data as an editor's schema sees it: dates are strings."""
    if isinstance(data, date):
        return data.isoformat()
    if isinstance(data, dict):
        return {k: as_json(v) for k, v in data.items()}
    return [as_json(v) for v in data] if isinstance(data, list) else data


@pytest.mark.parametrize("files, name", [("thresholds/*.yaml", "threshold"), ("facts.yaml", "facts"), ("pathways.yaml", "pathways")])
def test_threshold_files_fit_the_schemas_that_editors_use(files: str, name: str) -> None:
    schema = json.loads(schemas()[f"{name}.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for path in RULES.glob(files):
        for document in documents(str(path), path.read_text(encoding="utf-8")):
            assert [e.message for e in validator.iter_errors(as_json(document.data))] == [], f"{path}:{document.line}"


def test_the_schema_to_print_is_chosen_by_name() -> None:
    assert json.loads(run("schema", "--kind", "threshold").stdout)["title"] == "A threshold rule of rrt"
    assert run("schema", "--kind", "thresold").stderr == "unknown schema `thresold`; did you mean `threshold`?\n"
