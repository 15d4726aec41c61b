"""`rrt check`, `rrt replay` and `rrt version` as a person or a program meets them: what is printed, where, and the exit code.

The text of a few commands is kept in `tests/golden`. After a change that is meant, write it anew and read the difference:
`RRT_WRITE_GOLDEN=1 pytest tests/test_cli.py`.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from rrt_engine import __version__, cli
from rrt_engine.cli import app
from rrt_engine.model import NEEDS_ATTENTION
from rrt_engine.paths import CASES
from rrt_engine.words import STATUS_WORDS
from tools.schemas import FOLDER, written

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).parent / "golden"
EASTER = CASES / "training" / "conference_over_easter.yaml"
MISSING = CASES / "training" / "missing_and_exploited.yaml"
TRAINING = sorted((CASES / "training").glob("*.yaml"))
AS_OF = ("--as-of", "2026-04-15")

ON_TIME = """\
case: C-0001
events:
  - {event: referral_received, at: 2025-04-07T16:45, source_agency: police, ref: R1}
  - {event: referral_decision_recorded, at: 2025-04-08, outcome: early_help, ref: R1}
  - {event: referrer_informed, at: 2025-04-08, ref: R1}
"""
LATE = ON_TIME.replace("2025-04-08, outcome", "2025-04-09, outcome")


BOOK = functools.cache(cli.rule_book)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width and colour of whoever runs the tests do not matter; the rules are read once for all commands run in here."""
    monkeypatch.setattr(cli, "rule_book", BOOK)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def rrt(*arguments: str | Path, input: str | bytes | None = None, **env: str) -> Result:
    return CliRunner(env=env).invoke(app, [str(a) for a in arguments], input=input)


def process(*arguments: str | Path, input: bytes | None = None, **env: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONIOENCODING", "PYTHONUTF8")}
    command = [sys.executable, "-m", "rrt_engine", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, cwd=ROOT, env={**kept, **env}, input=input, check=False)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(ON_TIME, encoding="utf-8")
    return path


# ---------------------------------------------------------------------------------------------------- the text


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("check_easter", ("check", "cases/training/conference_over_easter.yaml", *AS_OF), None),
        ("check_easter_full", ("check", "cases/training/conference_over_easter.yaml", *AS_OF, "--explain", "full"), None),
        ("check_missing", ("check", "cases/training/missing_and_exploited.yaml", *AS_OF), 1),
        ("check_fostering", ("check", "cases/training/private_fostering_part_visit.yaml", *AS_OF), 1),
        ("check_baby", ("check", "cases/training/baby_who_cannot_roll.yaml", *AS_OF), None),
        (
            "check_letter_what_if",
            (
                "check",
                "cases/training/unsigned_letter.yaml",
                *AS_OF,
                "--what-if",
                "physical_punishment=injury_or_implement,evidence=disclosed",
            ),
            None,
        ),
        ("check_neglect_full", ("check", "cases/training/nothing_in_particular.yaml", *AS_OF, "--explain", "full"), None),
        ("replay_sample", ("replay", "cases/sample", *AS_OF), 1),
    ],
)
def test_the_text_is_as_it_was(name: str, arguments: tuple[str, ...], code: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = rrt(*arguments)
    assert code is None or found.exit_code == code
    text = re.sub(r"digest [0-9a-f]{12}", "digest …", found.stdout)
    text = re.sub(
        r"^Evidence: .*?(?=^This is suggested)", "Evidence: …\n", text, flags=re.DOTALL | re.MULTILINE
    )  # how many engines checked
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("RRT_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8"), "if this is meant: RRT_WRITE_GOLDEN=1 pytest tests/test_cli.py"
    assert all(line == line.rstrip() for line in text.splitlines()) and "\n\n\n" not in text


def test_the_answer_comes_first_and_the_pressing_before_the_done() -> None:
    found = rrt("check", MISSING, *AS_OF).stdout.splitlines()
    assert found[0].startswith("T-MISSING: ") and found[1].startswith("As at the end of Wednesday 15 April 2026.") and found[2] == ""
    assert re.fullmatch(r"\d+ overdue, .* and \d+ done on time\.", found[3])
    order = [
        word.upper() for word in ("Overdue", "Done late", "Done too early", "Due soon", "Due", "Cannot tell", "Recorded", "Done on time")
    ]
    seen = [line[:16].strip() for line in found if line[:3].isupper() and not line.startswith("T-")]
    assert seen and [order.index(word) for word in seen] == sorted(order.index(word) for word in seen)


def test_the_counts_are_those_of_the_flags() -> None:
    for path in TRAINING:
        flags = json.loads(rrt("check", path, *AS_OF, "--format", "json").stdout)["flags"]
        counts = rrt("check", path, *AS_OF).stdout.splitlines()[3]
        for status, word in STATUS_WORDS.items():
            n = sum(f["status"] == status and not (status == "met" and f["answer"] is None) for f in flags)
            found = re.search(rf"\b(\d+) {word.lower()}(?=[,.]| and)", counts)
            assert (int(found[1]) if found else 0) == n, (path.name, status, counts)


def test_brief_gives_the_source_and_full_gives_every_step(case: Path) -> None:
    case.write_text(LATE, encoding="utf-8")
    document = json.loads(rrt("check", case, *AS_OF, "--format", "json").stdout)
    brief, full = (" ".join(rrt("check", case, *AS_OF, "--explain", how).stdout.split()) for how in ("brief", "full"))
    for flag in document["flags"]:
        assert flag["explanation"] in brief and flag["explanation"] in full and flag["title"] in brief and flag["rule"] in brief
        for number, step in enumerate(flag["steps"], 1):
            assert f"{number}. {step}" in full
        if flag["status"] in NEEDS_ATTENTION:
            assert flag["cited"] in brief


def test_times_of_one_rule_are_told_together() -> None:
    visits = "".join(f"  - {{event: cp_visit, at: {day}, child_seen: true}}\n" for day in ("2026-02-02", "2026-02-20", "2026-03-12"))
    text = rrt("check", "-", *AS_OF, input=f"case: C\nevents:\n  - {{event: cp_plan_started, at: 2026-01-12}}\n{visits}").stdout
    assert " ".join(text.split()).count("DONE LATE Child on a child protection plan seen at the local interval (3 times) cp_visit") == 1
    assert len(re.findall(r"^ +- Done \d working days? late, on ", text, re.MULTILINE)) == 3


def test_a_suggested_next_step_is_words() -> None:
    text = rrt("check", "-", *AS_OF, input="case: C\nevents: [{event: allegation_known, at: 2026-04-01}]\n").stdout
    assert "Suggested next step: lado" in text and "escalate_" not in text


def test_what_comes_after_the_as_of_date_is_said(case: Path) -> None:
    text = rrt("check", case, "--as-of", "2025-04-07").stdout
    assert "2 events after that date are not counted." in text
    assert json.loads(rrt("check", case, "--as-of", "2025-04-07", "--format", "json").stdout)["events_after_as_of"] == 2


def test_what_a_case_does_not_cover_is_said_once_a_rule() -> None:
    text = ON_TIME.replace(
        "events:", "covers: {from: 2025-01-01, kind: history, events: [referral_received, referral_decision_recorded]}\nevents:"
    )
    shown = rrt("check", "-", *AS_OF, input=text).stdout
    assert "The case says that it does not cover what " in shown and shown.count("fd_referrer_ack_1wd needs `referrer_informed`") == 1
    document = json.loads(rrt("check", "-", *AS_OF, "--format", "json", input=text).stdout)
    assert document["not_evaluable"]["fd_referrer_ack_1wd"] == ["referrer_informed"]
    assert "fd_referral_decision_1wd" not in document["not_evaluable"]


def test_a_time_in_as_of() -> None:
    text = rrt(
        "check", "-", "--as-of", "2026-03-13T11:00", input="case: C\nevents: [{event: missing_episode_ended, at: 2026-03-10T09:00}]\n"
    ).stdout
    assert "As at Friday 13 March 2026 at 11:00 GMT." in text and "2 hours overdue" in text


# ---------------------------------------------------------------------------------------------------- the document

FLAG_KEYS = {
    "rule", "service", "title", "status", "trigger", "due", "answer", "late_by", "authority", "source", "provisional", "steps",
    "explanation", "missing",
}  # fmt: skip
MORE_FLAG_KEYS = {"cited", "ended_by", "days_late", "verified", "edition", "pathway"}


def test_the_document_is_as_designed(case: Path) -> None:
    case.write_text(LATE, encoding="utf-8")
    found = json.loads(rrt("check", case, *AS_OF, "--format", "json").stdout)
    assert {"schema", "as_of", "engine", "rule_set", "case", "flags", "suggestion", "diagnostics"} <= set(found)
    assert (found["schema"], found["as_of"], found["engine"], found["case"]) == ("rrt/check/1", "2026-04-15", __version__, "C-0001")
    assert set(found["rule_set"]) == {"id", "version", "digest"} and re.fullmatch("[0-9a-f]{64}", found["rule_set"]["digest"])
    assert found["suggestion"] is None and found["diagnostics"] == []
    flag = next(f for f in found["flags"] if f["rule"] == "fd_referral_decision_1wd")
    assert set(flag) == FLAG_KEYS | MORE_FLAG_KEYS
    assert flag["trigger"] == {"event": "referral_received", "at": "2025-04-07T16:45"}
    assert flag["answer"] == {"event": "referral_decision_recorded", "at": "2025-04-09"}
    assert (flag["status"], flag["due"], flag["late_by"], flag["days_late"]) == ("late", "2025-04-08", "1 working day", 1)
    assert (flag["authority"], flag["provisional"], flag["missing"], flag["ended_by"]) == ("guidance", False, [], None)
    assert flag["service"] == "front_door" and flag["steps"] and flag["explanation"].endswith(".")
    met = next(f for f in found["flags"] if f["rule"] == "fd_referrer_ack_1wd")
    assert met["late_by"] is None and met["days_late"] is None


def test_an_hour_clock_carries_its_offset_and_an_event_does_not() -> None:
    text = "case: C\nevents: [{event: missing_episode_ended, at: 2025-10-25T23:30}, {event: rhi_completed, at: 2025-10-28T22:30:00Z}]\n"
    flags = json.loads(rrt("check", "-", *AS_OF, "--format", "json", input=text).stdout)["flags"]
    flag = next(f for f in flags if f["rule"] == "ht_rhi_completed_72h")
    assert flag["due"] == "2025-10-28T22:30+00:00" and flag["trigger"]["at"] == "2025-10-25T23:30" and flag["status"] == "met"


@pytest.mark.parametrize("path", TRAINING, ids=lambda p: p.stem)
def test_every_training_case_follows_the_published_schema(path: Path) -> None:
    schema = json.loads((FOLDER / "check.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    found = rrt("check", path, *AS_OF, "--format", "json")
    jsonschema.validate(json.loads(found.stdout), schema)
    assert found.stderr == ""


def test_the_published_schemas_are_those_of_the_code() -> None:
    assert {p.name: p.read_text(encoding="utf-8") for p in FOLDER.glob("*.json")} == written(), "run: python tools/schemas.py"


# ---------------------------------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("text", "as_of", "code"),
    [
        (ON_TIME, "2026-04-15", 0),
        (ON_TIME, "2025-04-07", 0),  # still due
        (LATE, "2026-04-15", 1),
        (ON_TIME, "2025-04-08T18:00", 0),
        ("case: C\nevents: [{event: referral_received, at: 2026-03-02}]\n", "2026-04-15", 1),  # overdue
        ("case: C\nevents: []\n", "2026-04-15", 0),
        ("case: C\nevents: [{event: strategy_discussion_held, at: 2026-03-02}]\n", "2026-04-15", 0),  # cannot tell
    ],
)
def test_the_exit_code_says_whether_something_needs_attention(text: str, as_of: str, code: int) -> None:
    for format in ("text", "json"):
        assert rrt("check", "-", "--as-of", as_of, "--format", format, input=text).exit_code == code
        assert rrt("check", "-", "--as-of", as_of, "--format", format, "--exit-zero", input=text).exit_code == 0


def test_too_early_needs_attention() -> None:
    events = (
        "{event: nrm_reasonable_grounds_decided, at: 2025-11-24, positive: true}, {event: nrm_conclusive_grounds_decided, at: 2025-12-01}"
    )
    assert rrt("check", "-", *AS_OF, input=f"case: C\nevents: [{events}]\n").exit_code == 1


# ---------------------------------------------------------------------------------------------------- standard input


def test_a_dash_reads_standard_input_like_the_file(case: Path) -> None:
    def without_place(text: str) -> str:
        return text.replace(str(case), "standard input")

    assert rrt("check", "-", *AS_OF, input=ON_TIME).stdout == without_place(rrt("check", case, *AS_OF).stdout)


def test_standard_input_may_begin_with_a_byte_order_mark_and_hold_any_letters() -> None:
    found = process(
        "check", "-", *AS_OF, "--format", "json", input=b"\xef\xbb\xbf" + "case: Zoë-☺\nevents: []\n".encode(), PYTHONIOENCODING="cp1252"
    )
    assert found.returncode == 0 and json.loads(found.stdout.decode("utf-8"))["case"] == "Zoë-☺"
    assert rrt("check", "-", *AS_OF, input=b"case: \xff\xfe\n").stderr == "standard input: error[encoding]: this is not UTF-8 text\n"


# ---------------------------------------------------------------------------------------------------- what can go wrong


def refused(*arguments: str | Path, input: str | None = None) -> str:
    """What is said when a command cannot run: nothing on standard output, exit code 2, no traceback."""
    found = rrt(*arguments, input=input)
    assert (found.exit_code, found.stdout) == (2, ""), found.output
    assert ("Traceback" not in found.stderr and found.exception is None) or isinstance(found.exception, SystemExit)
    return found.stderr


def test_a_missing_file(tmp_path: Path) -> None:
    said = refused("check", tmp_path / "nowhere.yaml", *AS_OF)
    assert said == f"{tmp_path / 'nowhere.yaml'}: error[not_found]: there is no such file\n  help: check the path\n"


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    said = refused("check", tmp_path, *AS_OF)
    assert said == (
        f"{tmp_path}: error[not_a_case]: this is a folder, and a case is one YAML file\n"
        f"  help: to read it as many timelines: rrt replay {tmp_path}\n"
    )


def test_an_event_log_instead_of_a_case() -> None:
    assert "this is a `.csv` file, and a case is one YAML file\n  help: to read it as many timelines: rrt replay" in refused(
        "check", CASES / "sample" / "events.csv", *AS_OF
    )


def test_bad_yaml_says_where() -> None:
    said = refused("check", "-", *AS_OF, input="case: X\nevents: [\n")
    assert re.match(r"standard input:\d+:\d+: error\[yaml\]: this is not valid YAML", said)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_bytes(b"")
    assert "empty.yaml:1:1: error[documents]: expected one YAML document and found none" in refused(
        "check", tmp_path / "empty.yaml", *AS_OF
    )


def test_a_list_instead_of_a_case() -> None:
    assert "error[shape]: expected a case with `case`, `child` and `events`" in refused("check", "-", *AS_OF, input="- 1\n- 2\n")


def test_an_unknown_event_and_a_second_mistake_are_said_together() -> None:
    text = "case: X\nevents:\n  - {event: icpc_hold, at: 2026-01-05}\n  - {event: icpc_held, at: soon}\n  - {at: 2026-01-05}\n"
    assert re.sub(r"(?<=:\d):\d+:", ":", refused("check", "-", *AS_OF, input=text)).splitlines() == [
        "standard input:3: error[unknown_event]: unknown event `icpc_hold`",
        "  help: did you mean `icpc_held` or `rcpc_held`?",
        "standard input:4: error[date]: `soon` is not a date; write it as 2026-04-10, or 2026-04-10T16:45 with a time",
        "standard input:5: error[shape]: expected an event with `event` and `at`",
        "  help: such as {event: referral_received, at: 2026-03-02}",
    ]


def test_an_unknown_key_is_said() -> None:
    said = refused("check", "-", *AS_OF, input="case: X\nevent: []\n")
    assert "unknown key `event`" in said and "did you mean `events`?" in said


@pytest.mark.parametrize("text", ["case: X\n", "case: X\nevents: []\n", "case: X\nevents:\n"])
def test_a_case_without_events(text: str) -> None:
    found = rrt("check", "-", *AS_OF, input=text)
    assert found.exit_code == 0 and found.stderr == ""
    assert "No time limit starts from the events in this case." in found.stdout
    assert json.loads(rrt("check", "-", *AS_OF, "--format", "json", input=text).stdout)["flags"] == []


@pytest.mark.parametrize("value", ["soon", "15/04/2026", "2026-99-01", "2026-02-30", "1026-01-01", "2026-03-29T01:30", ""])
def test_a_bad_as_of_says_what_to_write(case: Path, value: str) -> None:
    for command in (("check", case), ("replay", case)):
        said = refused(*command, "--as-of", value)
        assert said.startswith(f"--as-of: error[date]: `{value}`") and "help: write it as 2026-04-15" in said
    assert refused("replay", case, *AS_OF, "--as-known", value).startswith(f"--as-known: error[date]: `{value}`")


def test_today_is_said_on_standard_error_when_no_date_is_given(case: Path) -> None:
    for command in (("check", case), ("replay", case)):
        found = rrt(*command)
        assert re.fullmatch(r"as of the end of today, \d{4}-\d\d-\d\d\n", found.stderr) and found.exit_code == 0
        assert "as of the end" not in found.stdout
        assert rrt(*command, *AS_OF).stderr == ""


def test_a_rule_set_that_is_not_there(tmp_path: Path) -> None:
    for command in (("check", EASTER, *AS_OF), ("replay", EASTER, *AS_OF), ("version",)):
        assert str(tmp_path) in refused(*command, "--rules", tmp_path)


@pytest.mark.parametrize(
    "arguments", [("check",), ("replay",), ("check", "x", "--format", "xml"), ("chek", "x"), ("check", "x", "--explain", "all")]
)
def test_a_wrong_command_line_exits_with_2(arguments: tuple[str, ...]) -> None:
    found = rrt(*arguments)
    assert found.exit_code == 2 and found.stdout == "" and "Error" in found.stderr


# ---------------------------------------------------------------------------------------------------- terminals and pipes


@pytest.mark.parametrize("arguments", [("check", MISSING), ("check", MISSING, "--format", "json"), ("replay", CASES / "sample")])
def test_two_runs_give_the_same_bytes(arguments: tuple[str | Path, ...]) -> None:
    first, second = (process(*arguments, *AS_OF, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert first.stdout == second.stdout and first.stdout and first.stderr == second.stderr == b""
    assert b"\x1b" not in first.stdout and b"\r" not in first.stdout


def test_colour_only_on_a_terminal_and_never_with_no_color() -> None:
    assert "\x1b" not in rrt("check", EASTER, *AS_OF).stdout
    assert "\x1b[" in rrt("check", EASTER, *AS_OF, FORCE_COLOR="1").stdout
    plain = rrt("check", EASTER, *AS_OF, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", plain)  # no colours; bold and dim may stay


def words(text: str) -> str:
    """What is said, without how it is broken into lines."""
    return "".join(re.sub(r"^(\s*)- ", r"\1", text, flags=re.MULTILINE).split())


@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
def test_a_narrow_terminal_loses_nothing(columns: str) -> None:
    document = json.loads(rrt("check", MISSING, *AS_OF, "--format", "json").stdout)
    text = rrt("check", MISSING, *AS_OF, "--explain", "full", COLUMNS=columns).stdout
    assert max(map(len, text.splitlines())) <= int(columns)
    for flag in document["flags"]:
        for part in (flag["title"], flag["rule"], flag["explanation"], *flag["steps"]):
            assert words(part) in words(text), (columns, part)


@pytest.mark.parametrize("columns", ["60", "80", "100", "140"])
def test_a_narrow_replay_loses_nothing(columns: str) -> None:
    document = json.loads(rrt("replay", CASES / "sample", *AS_OF, "--format", "json").stdout)
    text = rrt("replay", CASES / "sample", *AS_OF, COLUMNS=columns).stdout
    assert max(map(len, text.splitlines())) <= int(columns)
    for row in document["rules"]:
        assert row["rule"] in text, (columns, row["rule"])
        if row["share_on_time"] is not None and row["basis"] == "history":
            share = f"{row['share_on_time']:.1%} = {row['on_time']:,} of {row['judged']:,}"
            assert words(share) in words(text), (columns, share)
    assert "…" not in text


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_output_survives_any_encoding(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(ON_TIME.replace("case: C-0001", "case: Łódź-☺\ntitle: naïve"), encoding="utf-8")
    for format in ("text", "json"):
        found = process("check", tmp_path / "case.yaml", *AS_OF, "--format", format, PYTHONIOENCODING=encoding)
        assert found.returncode == 0 and found.stderr == b"" and "Łódź-☺" in found.stdout.decode("utf-8")


def test_a_reader_that_stops_early_is_no_error() -> None:
    command = [sys.executable, "-m", "rrt_engine", "replay", "cases/sample", *AS_OF, "--format", "json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.read(10)
        running.stdout.close()
        assert b"Traceback" not in running.stderr.read()


def test_version_says_engine_rules_and_calendar() -> None:
    found = rrt("version")
    assert found.exit_code == 0 and found.stderr == ""
    first, second, third = found.stdout.splitlines()
    assert first == f"rrt {__version__}" and third == "bank holidays announced to 31 December 2028"
    assert re.fullmatch(r"rule set england-and-birmingham \S+, \d+ rules, digest [0-9a-f]{64}", second)


def test_help_is_plain_and_short() -> None:
    for arguments in ((), ("--help",), ("check", "--help"), ("replay", "--help"), ("rules", "--help")):
        found = rrt(*arguments)
        assert "Usage:" in found.output and "\x1b" not in found.output
