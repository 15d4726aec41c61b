"""`rrt rules`: what each command prints, where it prints it, and what it exits with."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rrt_engine.cli_rules import rules
from rrt_engine.explain.rule_page import limit, page_sections, requirement, rule_page
from rrt_engine.paths import CASES, RULES
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.schema_file import schemas
from tests.small_rules import HEAD, PARAMETERS, PROVED, example, rule_set


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(rules, [str(a) for a in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return rule_set(tmp_path)


BROKEN = PROVED.replace("expect:", "expct:")
FAILING = PROVED.replace("flags: [{status: met, due: 2026-03-09}]", "flags: [{status: met, due: 2026-03-10}]")


# ---------------------------------------------------------------------------------------------------- list


def test_list_gives_id_limit_authority_and_title(folder: Path) -> None:
    found = run("list", "--rules", folder)
    assert found.exit_code == 0 and found.stderr == ""
    assert found.stdout == (
        "front door\n  demo_limit  5 working days  guidance  Request answered within 5 working days\n1 rule of A small rule set, 1\n"
    )


def test_list_as_json_and_by_service(folder: Path) -> None:
    found = json.loads(run("list", "--rules", folder, "--service", "front_door", "--format", "json").stdout)
    assert found["schema"] == "rrt/rules/1" and found["rule_set"]["id"] == "small"
    assert [(r["id"], r["limit"], r["from"], r["to"], r["editions"]) for r in found["rules"]] == [
        ("demo_limit", "5 working days", "2020-01-01", None, 1)
    ]


def test_an_unknown_service_is_said(folder: Path) -> None:
    found = run("list", "--rules", folder, "--service", "front_dor")
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr == "unknown service `front_dor`; did you mean `front_door`?\n"


# ---------------------------------------------------------------------------------------------------- show


def test_show_is_a_page_of_a_fixed_shape(folder: Path) -> None:
    found = run("show", "demo_limit", "--rules", folder)
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    headings = [line for line in lines if line and not line.startswith(" ")]
    assert headings == [
        "Request answered within 5 working days (demo_limit)",
        "What it requires",
        "Why",
        "Source",
        "How it is worked out",
        "Examples",
        "Editions",
    ]
    assert "  Answer to the request (seen: yes): within 5 working days after receipt of the request (urgent: yes)." in lines
    assert "  The handbook, page 1 (statutory guidance)" in lines and "    https://example.org/handbook" in lines
    assert "  Authority: statutory guidance. Verified: number seen in a secondary source, not in the instrument." in lines
    assert "  Saturdays, Sundays and England's bank holidays are not counted." in lines
    assert "  answered on the sixth working day [first bad day]" in lines
    assert "    2 March 2026  receipt of the request (urgent: yes)" in lines
    assert "    as at 1 June 2026: Done late by 1 working day (due 9 March 2026)" in lines


def test_show_as_json(folder: Path) -> None:
    found = json.loads(run("show", "demo_limit", "--rules", folder, "--format", "json").stdout)
    assert found["schema"] == "rrt/rule/1" and found["id"] == "demo_limit"
    assert len(found["examples"]) == 10 and found["sources"][0]["editions"] == ["first (from 1 January 2020)"]


def test_show_names_the_local_value_and_where_to_change_it(tmp_path: Path) -> None:
    folder = rule_set(tmp_path, PROVED.replace("within: 5 working days", "within: {parameter: answer_time}"))
    found = run("show", "demo_limit", "--rules", folder).stdout
    assert "  answer_time: 5 working days (Time to answer)" in found and "change it in parameters.yaml" in found


def test_show_finds_a_rule_by_another_id_and_gives_its_editions(tmp_path: Path) -> None:
    old = PROVED.replace("effective: {from: 2020-01-01}", "effective: {from: 2010-01-01, to: 2019-12-31}").replace("within: 5", "within: 7")
    folder = rule_set(tmp_path, f"{old}---\n{PROVED.replace('warn:', 'alias: [old_name]' + chr(10) + 'warn:')}")
    found = run("show", "old_name", "--rules", folder)
    assert found.exit_code == 0
    tail = found.stdout[found.stdout.index("Editions") :]
    assert (
        "from 1 January 2020" in tail
        and "from 1 January 2010 to 31 December 2019" in tail
        and "within 7 working days" in tail
        and "old_name" in tail
    )


def test_an_unknown_rule_is_said_with_the_nearest(folder: Path) -> None:
    for command in ("show", "test"):
        found = run(command, "demo_limt", "--rules", folder)
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr == "unknown rule `demo_limt`; did you mean `demo_limit`?\n"


def test_a_rule_that_does_not_load_is_said_with_its_mistakes(tmp_path: Path) -> None:
    found = run("show", "demo_limit", "--rules", rule_set(tmp_path, BROKEN))
    assert found.exit_code == 2 and "unknown key `expct`" in found.stderr and "unknown rule `demo_limit`" in found.stderr


@pytest.mark.parametrize(
    ("parts", "sentence", "short"),
    [
        ("within: 0 days", "Answer to the request: on the same day as receipt of the request.", "0 days"),
        (
            "within: 8 weeks\ncount_from: same_day",
            "Answer to the request: within 8 weeks beginning with the day of receipt of the request.",
            "8 weeks",
        ),
        (
            "within: [20 working days, 3 months]\nevery: 6 months",
            "Answer to the request: within 20 working days after receipt of the request, then within 3 months after the one before, "
            "then every 6 months.",
            "20 working days, then 3 months, then every 6 months",
        ),
        (
            "every: 6 weeks",
            "Answer to the request: every 6 weeks from receipt of the request, each counted from the one before.",
            "every 6 weeks",
        ),
        (
            'within: {next_working_day_at: "09:00"}',
            "Answer to the request: by 09:00 on the next working day after receipt of the request.",
            "09:00 next working day",
        ),
        (
            "within: {attribute: wanted, otherwise: 5 days}",
            "Answer to the request: by the date recorded in `wanted` of receipt of the request, "
            "or within 5 days after it where none is recorded.",
            "date recorded, or 5 days",
        ),
        (
            "before: {attribute: wanted, by: 2 working days}",
            "Answer to the request: at least 2 working days before the day recorded in `wanted` of receipt of the request.",
            "2 working days before",
        ),
        (
            "not_before: 12 days\nwithin: 18 days",
            "Answer to the request: not sooner than 12 days after receipt of the request and within 18 days after it.",
            "not before 12 days, 18 days",
        ),
        (
            "within: 4 weeks\nduring: {period: stay, first: 12 months}",
            "Answer to the request: within 4 weeks after receipt of the request, only during: being here, in its first 12 months.",
            "4 weeks",
        ),
    ],
)
def test_what_a_rule_requires_is_said_in_a_sentence(tmp_path: Path, parts: str, sentence: str, short: str) -> None:
    book = load(rule_set(tmp_path, HEAD + f"when: {{event: asked}}\nexpect: {{event: answered}}\n{parts}\n"))
    assert requirement(book, book.rules[0].spec) == sentence
    assert limit(book, book.rules[0].spec) == short


def test_a_pattern_is_said_in_a_sentence(tmp_path: Path) -> None:
    book = load(
        rule_set(
            tmp_path, HEAD + "when: {event: asked, where: {level: {not: [1, 2]}}, after: {event: asked, at_least: 2, within: 90 days}}\n"
        )
    )
    assert requirement(book, book.rules[0].spec) == (
        "Recorded at each receipt of the request (level: not 1 or 2), "
        "with at least 2 earlier events (receipt of the request) in the 90 days before it."
    )
    assert limit(book, book.rules[0].spec) == "recorded"


def test_every_rule_that_comes_with_rrt_has_a_page() -> None:
    book = load(RULES, examples=True)
    for name in dict.fromkeys(r.id for r in book.rules):
        page = rule_page(book, book.named(name))
        text = "\n".join(line for _, lines in page_sections(page) for line in lines)
        assert page.requires.endswith(".") and page.worked_out is not None
        assert "Parameter(" not in text and "None" not in text and "  after  " not in text, name


# ---------------------------------------------------------------------------------------------------- test


def test_examples_that_hold(folder: Path) -> None:
    found = run("test", "--rules", folder)
    assert (found.exit_code, found.stdout, found.stderr) == (0, "1 rule, 10 examples: all hold\n", "")
    one = run("test", "demo_limit", "--rules", folder)
    assert one.exit_code == 0 and one.stdout.startswith("holds   answered on the fifth working day\n")


def test_a_failing_example_is_shown_side_by_side(tmp_path: Path) -> None:
    found = run("test", "--rules", rule_set(tmp_path, FAILING))
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    assert lines[0] == "FAILED  demo_limit, example: answered on the fifth working day"
    assert lines[1].split() == ["expected", "actual"]
    assert lines[2].index("status=met due=2026-03-09") == lines[1].index("actual") and "status=met due=2026-03-10" in lines[2]
    assert "one.yaml:20:5" in lines[3] and "expected due `2026-03-10` and got `2026-03-09`" in lines[3]
    assert lines[-1] == "1 rule, 10 examples: 1 failed"


def test_no_examples_is_a_failure(tmp_path: Path) -> None:
    found = run("test", "--rules", rule_set(tmp_path, PROVED[: PROVED.index("examples:")]))
    assert found.exit_code == 1 and "demo_limit" in found.stdout and "no examples" in found.stdout and "nothing was tested" in found.stdout


def test_a_rule_set_that_does_not_load_whole_could_not_be_tested(tmp_path: Path) -> None:
    folder = rule_set(tmp_path, BROKEN, second=PROVED.replace("demo_limit", "demo_other"))
    found = run("test", "--rules", folder)
    assert found.exit_code == 2 and "1 rule, 10 examples: all hold" in found.stdout and "unknown key `expct`" in found.stderr
    assert run("test", "demo_other", "--rules", folder).exit_code == 0


def test_coverage(folder: Path) -> None:
    lines = run("test", "--coverage", "--rules", folder).stdout.splitlines()
    assert lines[1:4] == [
        "1 of 1 rules with every proof their shape needs (100%)",
        "7 of 7 branches exercised: some example fails when the part is left out (100%)",
        "2 of 2 numbers pinned: some example fails when it is one more or one less (100%)",
    ]


def test_examples_as_json(tmp_path: Path) -> None:
    found = json.loads(run("test", "--coverage", "--format", "json", "--rules", rule_set(tmp_path, FAILING)).stdout)
    assert (found["schema"], found["examples"], found["failed"]) == ("rrt/rules-test/1", 10, 1)
    assert [e["passed"] for e in found["rules"][0]["examples"]].count(False) == 1
    assert found["rules"][0]["examples"][0]["problems"][0]["code"] == "example_failed"
    assert found["coverage"]["rules"] == 1 and found["coverage"]["proved"] == 0


# ---------------------------------------------------------------------------------------------------- lint


def test_lint_exits_with_0_for_warnings_and_1_for_errors(tmp_path: Path) -> None:
    clean = run("lint", "--rules", rule_set(tmp_path / "clean"))
    assert (clean.exit_code, clean.stdout, clean.stderr) == (0, "nothing found\n", "")
    warned = run("lint", "--rules", rule_set(tmp_path / "warned", PROVED.replace("    shows: [boundary]\n", "")))
    assert warned.exit_code == 0 and "warning[missing_boundary_example]" in warned.stdout and "  help: " in warned.stdout
    assert warned.stdout.endswith("0 errors, 1 warning\n")
    broken = run("lint", "--rules", rule_set(tmp_path / "broken", BROKEN))
    assert broken.exit_code == 1 and "error[unknown_key]" in broken.stdout and broken.stdout.endswith("1 error, 0 warnings\n")


def test_lint_of_no_rule_set_could_not_run(tmp_path: Path) -> None:
    for command in (["lint"], ["list"], ["test"], ["show", "demo_limit"], ["schema", "--write"]):
        found = run(*command, "--rules", tmp_path / "nowhere")
        assert (found.exit_code, found.stdout) == (2, "") and "not a rule set" in found.stderr


def test_lint_for_other_programs(tmp_path: Path) -> None:
    folder = rule_set(tmp_path, BROKEN)
    found = run("lint", "--format", "json", "--rules", folder)
    assert found.exit_code == 1 and [(d["code"], d["line"]) for d in json.loads(found.stdout)] == [("unknown_key", 11)]
    log = json.loads(run("lint", "--format", "sarif", "--rules", folder).stdout)
    result = log["runs"][0]["results"][0]
    assert log["version"] == "2.1.0" and (result["ruleId"], result["level"]) == ("unknown_key", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 11, "startColumn": 1}


def test_lint_notes_unverified_rules_when_asked(folder: Path) -> None:
    assert "note[unverified]" in run("lint", "--unverified", "--rules", folder).stdout


# ---------------------------------------------------------------------------------------------------- schema, and the rest


def test_schema_is_printed_or_written(folder: Path) -> None:
    printed = run("schema")
    assert printed.exit_code == 0 and json.loads(printed.stdout)["title"] == "A rule of rrt"
    assert run("schema", "--write", "--rules", folder).stdout.count("wrote ") == len(schemas())
    assert (folder / "rule.schema.json").read_text(encoding="utf-8") == printed.stdout
    assert run("schema", "--write", "--rules", folder).stdout == "the schema files are up to date\n"


def test_nothing_is_coloured_when_piped(tmp_path: Path) -> None:
    folder = rule_set(tmp_path, FAILING)
    for command in (["list"], ["show", "demo_limit"], ["test"], ["lint"]):
        assert "\x1b" not in run(*command, "--rules", folder).output


def test_long_lines_are_not_broken_when_piped(tmp_path: Path) -> None:
    why = "A request that waits leaves a child without help, " * 8
    folder = rule_set(tmp_path, PROVED.replace("why: A request that waits leaves a child without help.", f"why: {why.strip()}"))
    assert f"  {why.strip()}\n" in run("show", "demo_limit", "--rules", folder).stdout


def test_local_values_and_hours_are_shown_as_the_authority_set_them(tmp_path: Path) -> None:
    rule = HEAD + "when: {event: asked}\nexpect: {event: answered}\nwithin: 4 service hours\nexamples:\n"
    rule += example("waiting", "{event: asked, at: 2026-03-02T10:00}", "{status: due}", as_of="2026-03-02")
    folder = rule_set(tmp_path, rule, parameters=PARAMETERS.replace("09:00 to 17:00", "08:00 to 18:00"))
    found = run("show", "demo_limit", "--rules", folder).stdout
    assert (
        "Hours count only while the service is open: 08:00 to 18:00 on working days." in found and "service_hours: 08:00 to 18:00" in found
    )


def test_the_packaged_folders_exist() -> None:
    assert (RULES / "rulebook.yaml").is_file() and CASES.name == "cases"


def test_naming_the_commands_loads_nothing_heavy() -> None:
    """`rrt --help` must be quick: the engine is imported inside the commands."""
    code = "import sys, rrt_engine.cli_rules; print([m for m in ('numpy', 'pydantic', 'yaml', 'rich.table') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# ---------------------------------------------------------------------------------------------------- beside the rules

MEASURE = """\
id: answered_in_time
kind: measure
title: Requests answered in time
group: front_door
definition: Of urgent requests that fell due in the period, the share that were answered in time.
numerator: urgent requests answered by the day they were due
denominator: urgent requests that fell due in the period
period: flow, by the date it was due
show: percent
better: higher
source: {id: handbook, at: page 1}
verified: recalled
computable: "yes"
compute:
  units: {flags: {rules: [demo_limit], by: due}}
examples:
  - name: in time and late
    from: 2026-03-01
    to: 2026-03-31
    events:
      - {event: asked, at: 2026-03-02, ref: R1, urgent: true}
      - {event: answered, at: 2026-03-09, ref: R1, seen: true}
      - {child: B, event: asked, at: 2026-03-02, ref: R1, urgent: true}
      - {child: B, event: answered, at: 2026-03-10, ref: R1, seen: true}
    gives: {numerator: 1, denominator: 2}
"""
CHECKS = """\
checks:
  - id: answer_before_request
    title: An answer before its request
    expected: The answer comes on the day of the request or after it.
    why: How long it took cannot be told.
    mend: Correct whichever date was mistyped.
    source: {id: handbook, at: page 2}
    verified: recalled
    look: {kind: order, first: {event: asked}, then: {event: answered}, link: request}
    good: {as_of: 2026-04-15, events: [{event: asked, at: 2026-03-04, ref: R1}, {event: answered, at: 2026-03-04, ref: R1}]}
    bad:
      as_of: 2026-04-15
      events:
        - {event: asked, at: 2026-03-04, ref: R1}
        - {event: answered, at: 2026-03-03, ref: R1}
      finds: [[2, 1]]
"""


def beside(folder: Path, measure: str = MEASURE, checks: str = CHECKS) -> Path:
    (rule_set(folder) / "measures").mkdir()
    (folder / "measures" / "some.yaml").write_text(measure, encoding="utf-8")
    (folder / "quality.yaml").write_text(checks, encoding="utf-8")
    return folder


def test_lint_runs_the_examples_of_the_measures_and_of_the_checks(tmp_path: Path) -> None:
    clean = run("lint", "--rules", beside(tmp_path / "clean"))
    assert (clean.exit_code, clean.stdout) == (0, "nothing found\n")
    wrong = run(
        "lint", "--rules", beside(tmp_path / "wrong", MEASURE.replace("numerator: 1", "numerator: 2"), CHECKS.replace("03-03", "03-04"))
    )
    assert wrong.exit_code == 1 and "2 errors" in wrong.stdout
    assert (
        "some.yaml:17:5: error[example_failed]: `answered_in_time`, example `in time and late`: expected numerator 2 and got 1"
        in wrong.stdout
    )
    assert "quality.yaml:11:5: error[example_failed]: `answer_before_request`, bad: expected [[2, 1]] and got []" in wrong.stdout


def test_lint_says_what_is_broken_beside_the_rules(tmp_path: Path) -> None:
    without = MEASURE[: MEASURE.index("examples:")]
    bare = run("lint", "--rules", beside(tmp_path / "bare", without, CHECKS.replace("{event: answered}, link", "{event: anwered}, link")))
    assert bare.exit_code == 1 and "error[no_example]: `answered_in_time` has no examples" in bare.stdout
    assert "error[unknown_event]: unknown event `anwered`" in bare.stdout and "2 errors" in bare.stdout
    unknown = run("lint", "--rules", beside(tmp_path / "unknown", MEASURE.replace("[demo_limit]", "[demo_limt]")))
    assert unknown.exit_code == 1 and "unknown rule `demo_limt`; " not in unknown.stdout and "unknown rule `demo_limt`" in unknown.stdout
