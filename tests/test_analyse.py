"""`rrt rules analyse`: what it finds in small rule sets with one fault, that what it writes can be read, and the rules of rrt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rrt_engine.calendar import parse_moment
from rrt_engine.checking import check_case
from rrt_engine.cli_rules import rules
from rrt_engine.model import Fact
from rrt_engine.paths import RULES
from rrt_engine.rulebook.analyse import Analysis, agreement, analyse, case_text
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.load_thresholds import load_thresholds
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.case_file import read_case
from rrt_engine.thresholds.suggest import Reasoner
from tests.small_rules import PARAMETERS, rule_set

FACTS = """\
notice: Made for tests.
past_after: 12 months
sources:
  R: {title: Recalled, verified: recalled}
domains:
  home: Home
  school: School
  protective: Protective factors
facts:
  home:
    cold: {label: Cold at home, type: boolean, weight: 2, source: R}
    hurt: {label: Hurt at home, type: level, weight: {some: 3, much: 4, badly: immediate}, source: R}
    watched: {label: Somebody watches, type: boolean, weight: context, source: R}
  school:
    late: {label: Late, type: boolean, weight: 2, source: R}
    days: {label: Days away, type: count, steps: [{from: 2, weight: 2}, {from: {parameter: rt_days}, weight: 3}], source: R}
    worse: {label: Getting worse, type: boolean, weight: raises, source: R}
  protective:
    aunt: {label: An aunt who helps, type: boolean, weight: protective, source: R}
"""
PATHWAYS = """\
levels:
  "1": {name: One, means: Nothing more., pathway: universal, urgency: planned}
  "2": {name: Two, means: A little., pathway: help, urgency: planned}
  "3": {name: Three, means: More., pathway: plan, urgency: planned}
  "4": {name: Four, means: Much., pathway: assess, urgency: one_working_day}
pathways:
  discuss: {route: level, level: 4, significant: true, label: Discuss}
  assess: {route: level, level: 4, label: Assess}
  plan: {route: level, level: 3, label: Plan}
  help: {route: level, level: 2, label: Help}
  universal: {route: level, level: 1, label: Universal}
"""


def rule(name: str, parts: str) -> str:
    return f"""\
id: rt_{name}
kind: threshold
title: A rule named {name}
source: {{id: handbook, at: "page 1"}}
authority: guidance
verified: recalled
effective: {{from: 2025-01-01}}
why: A rule in a test matters to the test.
{parts}
---
"""


MANY = rule("many", "effect: consider\nlevel: 3\nwhen: {count: domains_at_2, at_least: 2}")
SOUND = (
    rule("two", "effect: consider\nlevel: 2\nwhen: {pull: 2}")
    + rule("three", "effect: consider\nlevel: 3\nwhen: {pull: 3}")
    + rule("four", "effect: consider\nlevel: 4\nwhen: {pull: 4}")
    + rule("hurt", "effect: floor\nlevel: 4\npathways: [discuss]\nurgency: same_day\nwhen: {role: immediate, evidence: sufficient}")
    + rule("worse", "effect: raise\nwhen: [{fact: worse}, {pull: 2}]")
    + rule("aunt", "effect: soften\nwhen: {count: verified_protective, at_least: 1}")
    + rule("ask", "effect: prompt\nask: Who watches?\nwhen: {fact: watched}")
    + MANY
)
DAY = parse_moment("2026-04-15").day


def made(path: Path, text: str = SOUND, facts: str = FACTS, parameters: str = "") -> Path:
    folder = rule_set(path, parameters=PARAMETERS + "rt_days: {value: 4, title: Days, basis: made, verified: recalled}\n" + parameters)
    (folder / "facts.yaml").write_text(facts, encoding="utf-8")
    (folder / "pathways.yaml").write_text(PATHWAYS, encoding="utf-8")
    (folder / "thresholds").mkdir()
    (folder / "thresholds" / "all.yaml").write_text(text.rstrip("-\n") + "\n", encoding="utf-8")
    return folder


def book_of(folder: Path) -> ThresholdBook:
    return load_thresholds(folder, load(folder))


def analysed(path: Path, text: str = SOUND, facts: str = FACTS, parameters: str = "") -> Analysis:
    return analyse(book_of(made(path, text, facts, parameters)), DAY)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, ["analyse", *(str(a) for a in arguments)])


def test_a_sound_rule_set_has_nothing_to_find(tmp_path: Path) -> None:
    found = analysed(tmp_path)
    assert (found.never_fire, found.change_nothing, found.unused_facts, found.unused_local_values, found.counterexamples) == (
        (),
        (),
        (),
        (),
        (),
    )
    assert found.rules == 8 and found.facts == 7 and found.tried.kinds > 15 and found.tried.threes >= 20_000


@pytest.mark.parametrize(
    "parts, why",
    [
        ("effect: prompt\nask: So?\nwhen: {fact: hurt, pull: 4, evidence: thin}", "no record of any fact satisfies its pattern"),
        ("effect: prompt\nask: So?\nwhen: {fact: cold, role: immediate}", "no record of any fact satisfies its pattern"),
        ("effect: prompt\nask: So?\nwhen: [{fact: cold}, {fact: late, pull: 3}]", "no record of any fact satisfies its second pattern"),
        ("effect: prompt\nask: So?\nwhen: {count: domains_at_3, at_least: 5}", "no record of any fact satisfies its pattern"),
        (
            "effect: prompt\nask: So?\nwhen: [{fact: cold}, {fact: cold, evidence: thin}]",
            "each of its patterns can be satisfied, and no case",
        ),
        ("effect: prompt\nask: So?\nwhen: [{unrecorded: cold}, {fact: cold}]", "each of its patterns can be satisfied, and no case"),
        ("effect: prompt\nask: So?\nwhen: [{level: [1]}, {fact: hurt}]", "each of its patterns can be satisfied, and no case"),
    ],
)
def test_a_rule_that_can_never_fire_is_named_with_why(tmp_path: Path, parts: str, why: str) -> None:
    found = analysed(tmp_path, SOUND + rule("never", parts)).never_fire
    assert [f.what for f in found] == ["rt_never"] and found[0].why.startswith(why)


@pytest.mark.parametrize(
    "parts, same",
    [
        ("effect: consider\nlevel: 2\nwhen: {fact: cold}", "`rt_two`"),
        ("effect: consider\nlevel: 4\nwhen: {fact: hurt, value: badly, evidence: sufficient}", "`rt_four` and `rt_hurt`"),
        ("effect: raise\nwhen: [{fact: worse}, {fact: late}]", "`rt_worse`"),
        ("effect: prompt\nask: Who watches?\nwhen: {fact: watched, evidence: verified}", "`rt_ask`"),
        ("effect: gate\nwhen: {fact: cold}", "nothing it adds shows"),
    ],
)
def test_a_rule_that_changes_nothing_is_named_with_what_does_the_same(tmp_path: Path, parts: str, same: str) -> None:
    found = analysed(tmp_path, SOUND + rule("idle", parts)).change_nothing
    assert [f.what for f in found] == ["rt_idle"] and same in found[0].why


def test_facts_and_local_values_that_nobody_uses(tmp_path: Path) -> None:
    facts = FACTS.replace("    watched:", "    painted: {label: Painted blue, type: boolean, weight: context, source: R}\n    watched:")
    found = analysed(tmp_path, facts=facts, parameters="rt_idle: {value: 4, title: Nothing, basis: made, verified: recalled}\n")
    assert [f.what for f in found.unused_facts] == ["painted"]
    assert [f.what for f in found.unused_local_values] == ["rt_idle"]


@pytest.mark.parametrize(
    "text, claim",
    [
        (SOUND.replace(MANY, rule("bad", "effect: raise\nwhen: [{fact: cold, evidence: thin}, {pull: 2}]")), "strengthening a concern"),
        (SOUND + rule("bad", "effect: consider\nlevel: 4\nwhen: {fact: hurt, value: some}"), "strengthening a concern"),
        (SOUND + rule("bad", "effect: soften\nwhen: {fact: late}"), "adding a concern"),
        (SOUND + rule("bad", "effect: raise\nwhen: [{fact: aunt}, {pull: 2}]"), "taking protection away"),
        (SOUND + rule("bad", "effect: raise\nwhen: [{unrecorded: late}, {pull: 2}]"), "adding a concern"),
    ],
)
def test_more_that_gives_less_is_shown_as_two_cases_that_can_be_checked(tmp_path: Path, text: str, claim: str) -> None:
    book = book_of(made(tmp_path, text))
    found = analyse(book, DAY).counterexamples
    assert found and any(c.claim.startswith(claim) for c in found)
    for example in found:
        levels = []
        for facts in (example.before, example.after):
            case = read_case("x.yaml", book.book, case_text("X", facts), lambda: book)
            suggestion = check_case(case, book.book, parse_moment("2026-04-15"), Reasoner(book, DAY)).suggestion
            assert suggestion is not None
            levels.append((suggestion.level, suggestion.significant))
        assert levels[0][0] == example.level_before and levels[1][0] == example.level_after and levels[0] > levels[1]


def test_the_smallest_counterexample_comes_first_and_is_written_for_rrt_check(tmp_path: Path) -> None:
    folder = made(tmp_path, SOUND + rule("bad", "effect: raise\nwhen: [{fact: aunt}, {pull: 2}]"))
    out = tmp_path / "found.yaml"
    found = run("--rules", folder, "--as-of", "2026-04-15", "-o", out)
    assert found.exit_code == 1 and "more gives less: taking protection away never lowers the level" in found.stdout
    assert found.stdout.count("case: BEFORE") == 3 and "# level" in found.stdout
    case = read_case(out, load(folder), thresholds=lambda: book_of(folder))
    assert case.id == "FOUND-1" and len(case.facts) <= 2


def test_a_case_is_written_as_it_was() -> None:
    facts = (
        Fact("cold", True, "reported", "specific", "current", "repeated", "marked"),
        Fact("days", "several", "alleged"),
        Fact("aunt", False, "observed", timing="past"),
    )
    assert case_text("A-1", facts, ["first", "second"]) == (
        "# first\n# second\ncase: A-1\nfacts:\n"
        "  - {fact: cold, value: true, evidence: reported, specificity: specific, timing: current, "
        "pattern: repeated, impact_on_child: marked}\n"
        "  - {fact: days, value: several, evidence: alleged}\n"
        "  - {fact: aunt, value: false, evidence: observed, timing: past}\n"
    )


# ------------------------------------------------------------------------------------------------------- two rule sets


def test_a_rule_set_agrees_with_itself(tmp_path: Path) -> None:
    book = book_of(made(tmp_path))
    found = agreement(book, DAY, book, DAY)
    assert found.cases == found.same_level == found.same_route > 3000
    assert (found.kinds, found.examples, found.only_here, found.only_there) == ((), (), (), ())


def test_a_changed_number_is_shown_by_its_smallest_cases(tmp_path: Path) -> None:
    here = made(tmp_path / "here")
    there = made(tmp_path / "there", SOUND.replace("count: domains_at_2, at_least: 2", "count: domains_at_2, at_least: 3"))
    found = agreement(book_of(here), DAY, book_of(there), DAY)
    assert found.same_level < found.cases and "level 3 here, 2 there" in dict(found.kinds)
    smallest = found.examples[0]
    assert len(smallest.facts) == 2 and (smallest.level_here, smallest.level_there) == (3, 2)
    assert all(f.timing == "unknown" and f.impact == "unknown" for f in smallest.facts)
    shown = run("--rules", here, "--against", there, "--as-of", "2026-04-15")
    assert shown.exit_code == 0 and "level 3 here, 2 there" in shown.stdout and shown.stdout.count("case: DIFFERS-") == len(found.examples)


def test_facts_that_only_one_has_are_left_out_and_said(tmp_path: Path) -> None:
    here = made(tmp_path / "here")
    facts = FACTS.replace("    cold:", "    damp:").replace("some: 3, badly", "a_little: 3, badly")
    there = made(tmp_path / "there", facts=facts)
    found = agreement(book_of(here), DAY, book_of(there), DAY)
    assert (found.only_here, found.only_there) == (("cold",), ("damp",)) and found.same_route == found.cases


def test_two_dates_of_one_rule_set(tmp_path: Path) -> None:
    later = rule("late", "effect: floor\nlevel: 4\nwhen: {fact: late, evidence: sufficient}").replace("2025-01-01", "2026-01-01")
    folder = made(tmp_path, SOUND + later)
    found = json.loads(run("--rules", folder, "--as-of", "2026-04-15", "--against-date", "2025-06-01", "--format", "json").stdout)
    assert found["schema"] == "rrt/rules-analysis/1" and found["analysis"] is None and found["as_of"] == "2026-04-15"
    assert found["agreement"]["same_level"] < found["agreement"]["cases"]
    assert {len(e["facts"]) for e in found["agreement"]["examples"][:1]} == {1}


# ------------------------------------------------------------------------------------------------------------ commands


def test_what_cannot_be_analysed_is_said(tmp_path: Path) -> None:
    plain = rule_set(tmp_path / "plain")
    assert run("--rules", plain, "--as-of", "2026-04-15").exit_code == 2
    assert "this rule set has no threshold rules" in run("--rules", plain, "--as-of", "2026-04-15").stderr
    broken = made(tmp_path / "broken", SOUND + rule("odd", "effect: raze\nwhen: {pull: 2}"))
    found = run("--rules", broken, "--as-of", "2026-04-15")
    assert (found.exit_code, found.stdout) == (2, "") and "`raze`" in found.stderr
    assert run("--rules", plain, "--as-of", "soon").exit_code == 2


def test_the_rules_of_rrt_have_nothing_that_never_fires_and_more_is_never_less() -> None:
    found = run("--as-of", "2026-04-15", "--format", "json")
    assert found.exit_code == 0
    analysis = json.loads(found.stdout)["analysis"]
    assert analysis["never_fire"] == [] and analysis["counterexamples"] == [] and analysis["unused_local_values"] == []
    assert analysis["change_nothing"] == []
    assert analysis["tried"]["pairs"] > 10_000 and RULES.is_dir()
