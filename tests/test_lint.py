"""What lint says of a rule set: every error and every proof that is missing, and nothing of a rule that has them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrt_engine.diagnostics import Diagnostic
from rrt_engine.rulebook.changes import shifted
from rrt_engine.rulebook.lint import coverage, lint, load_sound
from rrt_engine.rulebook.proofs import prove, required
from tests.shipped import BOOK
from tests.small_rules import EVENTS, HEAD, PARAMETERS, PROVED, SOURCES, example, rule_set


def codes(found: list[Diagnostic]) -> list[str]:
    return sorted(d.code for d in found)


def only(found: list[Diagnostic]) -> Diagnostic:
    assert len(found) == 1, "\n".join(d.text() for d in found)
    return found[0]


def without(name: str) -> str:
    """The proved rule without one of its examples."""
    start = PROVED.index(f"  - name: {name}")
    end = PROVED.find("  - name:", start + 1)
    return PROVED[:start] + (PROVED[end:] if end > 0 else "")


def test_a_rule_with_every_proof_is_clean(tmp_path: Path) -> None:
    assert lint(rule_set(tmp_path)) == []


def test_unverified_rules_are_noted_only_when_asked(tmp_path: Path) -> None:
    note = only(lint(rule_set(tmp_path), unverified=True))
    assert (note.code, note.severity) == ("unverified", "note")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("answered on the fifth working day", ["missing_boundary_example"]),
        ("answered on the sixth working day", ["missing_first_bad_day_example"]),
        ("not urgent", ["branch_never_exercised"]),
        ("withdrawn for good", ["branch_never_exercised"]),
        ("withdrawn for now", ["branch_never_exercised"]),
        ("the case closed", ["branch_never_exercised"]),
        ("the answer to another request", ["branch_never_exercised"]),
        ("over Easter", ["missing_bank_holiday_example"]),
        ("waiting", ["branch_never_exercised", "missing_still_due_example"]),
        ("not answered, with a reason recorded", ["branch_never_exercised", "missing_overdue_example"]),
    ],
)
def test_each_example_left_out_is_missed(tmp_path: Path, name: str, expected: list[str]) -> None:
    found = lint(rule_set(tmp_path, without(name)))
    assert codes(found) == expected
    assert all(d.severity == "warning" and d.help for d in found)


def test_a_missing_tag_names_the_example_that_would_carry_it(tmp_path: Path) -> None:
    found = only(lint(rule_set(tmp_path, PROVED.replace("    shows: [boundary]\n", ""))))
    assert found.code == "missing_boundary_example"
    assert found.help == "example `answered on the fifth working day` shows it: tag it `shows: [boundary]`"


@pytest.mark.parametrize(
    ("tag", "other"),
    [
        ("boundary", "first_bad_day"),
        ("first_bad_day", "overdue"),
        ("overdue", "still_due"),
        ("still_due", "boundary"),
        ("bank_holiday", "boundary"),
    ],
)
def test_a_tag_is_not_believed(tmp_path: Path, tag: str, other: str) -> None:
    """A second tag put on an example that does not show it is said, at the example."""
    found = only(lint(rule_set(tmp_path, PROVED.replace(f"shows: [{other}]", f"shows: [{other}, {tag}]"))))
    assert found.code == "tag_not_shown" and f"tagged `{tag}`" in found.message
    assert PROVED.splitlines()[found.line - 1].strip() == f"shows: [{other}]"


@pytest.mark.parametrize("late", ["2026-03-11", "2026-06-01"])
def test_first_bad_day_is_the_next_possible_day(tmp_path: Path, late: str) -> None:
    text = PROVED.replace("2026-03-10, seen: true", f"{late}, seen: true").replace(", late_by: 1 working day", "")
    assert codes(lint(rule_set(tmp_path, text))) == ["tag_not_shown"]


def test_a_weekend_answer_is_the_next_possible_day(tmp_path: Path) -> None:
    """Due on a Friday and answered on the Saturday: no working day between, and still the first bad day."""
    text = PROVED.replace(
        "at: 2026-03-02, urgent: true}\n      - {event: answered, at: 2026-03-10",
        "at: 2026-02-27, urgent: true}\n      - {event: answered, at: 2026-03-07",
    )
    text = text.replace("{status: late, due: 2026-03-09, late_by: 1 working day}", "{status: late, due: 2026-03-06}")
    assert lint(rule_set(tmp_path, text)) == []


def test_numbers_must_be_pinned(tmp_path: Path) -> None:
    text = PROVED.replace(", due: 2026-03-09", "").replace(", due: 2026-04-10", "").replace(", late_by: 1 working day", "")
    found = lint(rule_set(tmp_path, text))
    assert codes(found) == []  # boundary and first bad day pin it by their statuses alone
    text = text.replace("2026-03-10, seen: true", "2026-03-11, seen: true").replace("shows: [first_bad_day]", "shows: []")
    found = lint(rule_set(tmp_path, text))
    assert codes(found) == ["interval_not_pinned", "missing_first_bad_day_example"]
    assert "`within: 5 working days` is `6 working days`" in next(d for d in found if d.code == "interval_not_pinned").message


def test_a_failing_example_is_an_error_and_nothing_else_is_said_of_proofs(tmp_path: Path) -> None:
    found = lint(rule_set(tmp_path, PROVED.replace("flags: [{status: met, due: 2026-03-09}]", "flags: [{status: met, due: 2026-03-10}]")))
    assert codes([d for d in found if d.severity == "error"]) == ["example_failed"]
    assert "branch_never_exercised" not in codes(found)


def test_a_rule_without_examples_is_an_error(tmp_path: Path) -> None:
    text = PROVED[: PROVED.index("examples:")]
    found = only(lint(rule_set(tmp_path, text)))
    assert (found.code, found.severity, found.line) == ("no_example", "error", 1)


def test_local_values_are_pinned_in_examples(tmp_path: Path) -> None:
    text = PROVED.replace("within: 5 working days", "within: {parameter: answer_time}")
    found = lint(rule_set(tmp_path, text))
    assert set(codes(found)) == {"local_value_not_pinned"} and len(found) == 10
    pinned = text.replace("    events:\n", "    parameters: {answer_time: 5 working days}\n    events:\n")
    assert lint(rule_set(tmp_path, pinned)) == []
    for other in ("4 working days", "20 days"):  # what an authority sets breaks no example, and no number is left unpinned
        assert lint(rule_set(tmp_path, pinned, parameters=PARAMETERS.replace("value: 5 working days", f"value: {other}"))) == []


# ---------------------------------------------------------------------------------------------------- other shapes


def test_a_pattern_needs_a_flag_and_no_flag(tmp_path: Path) -> None:
    rule = (
        HEAD.replace("demo_limit", "demo_count") + "when: {event: asked, after: {event: asked, at_least: 2, within: 30 days}}\nexamples:\n"
    )
    asked = "{{event: asked, at: {}}}".format
    three = ", ".join(asked(d) for d in ("2026-03-01", "2026-03-15", "2026-03-31"))
    wide = ", ".join(asked(d) for d in ("2026-02-28", "2026-03-15", "2026-03-31"))
    two = ", ".join(asked(d) for d in ("2026-03-01", "2026-03-31"))
    flag = "{status: met}"
    both = example("the third within thirty days", three, flag, shows="boundary") + example(
        "a day too far apart", wide, "", shows="first_bad_day"
    )
    assert lint(rule_set(tmp_path, rule + both)) == []
    assert codes(lint(rule_set(tmp_path, rule + example("only two", two, "")))) == [
        "interval_not_pinned",
        "interval_not_pinned",
        "interval_not_pinned",
        "missing_boundary_example",
        "missing_first_bad_day_example",
    ]


def test_an_earliest_day_alone_needs_no_overdue_example(tmp_path: Path) -> None:
    rule = HEAD.replace("demo_limit", "demo_early") + "when: {event: asked}\nexpect: {event: answered}\nnot_before: 10 days\nexamples:\n"
    asked = "{event: asked, at: 2026-03-02}"
    proofs = (
        example("on the tenth day", f"{asked}, {{event: answered, at: 2026-03-12}}", "{status: met}", shows="boundary")
        + example("on the ninth day", f"{asked}, {{event: answered, at: 2026-03-11}}", "{status: early}", shows="first_bad_day")
        + example("waiting", asked, "{status: due}", shows="still_due")
    )
    assert lint(rule_set(tmp_path, rule + proofs)) == []


def test_no_limit_at_all_needs_only_a_duty_still_due(tmp_path: Path) -> None:
    rule = HEAD.replace("demo_limit", "demo_open") + "when: {event: asked}\nexpect: {event: answered}\nnot_before: 0 days\nexamples:\n"
    waiting = example("waiting", "{event: asked, at: 2026-03-02}", "{status: due}", shows="still_due")
    assert lint(rule_set(tmp_path, rule + waiting)) == []


def test_an_hour_clock_is_shown_to_the_hour(tmp_path: Path) -> None:
    rule = HEAD.replace("demo_limit", "demo_hours") + "when: {event: asked}\nexpect: {event: answered}\nwithin: 24 hours\nexamples:\n"
    asked = "{event: asked, at: 2026-04-02T10:00}"
    answered = "{{event: answered, at: {}}}".format

    def proofs(last: str, first: str) -> str:
        return (
            example("last", f"{asked}, {answered(last)}", "{status: met, due: 2026-04-03T10:00+01:00}", shows="boundary, bank_holiday")
            + example("first", f"{asked}, {answered(first)}", "{status: late}", shows="first_bad_day")
            + example("waiting", asked, "{status: due}", shows="still_due", as_of="2026-04-02")
            + example("gone", asked, "{status: overdue}", shows="overdue")
        )

    assert lint(rule_set(tmp_path, rule + proofs("2026-04-03T10:00", "2026-04-03T10:01"))) == []
    assert codes(lint(rule_set(tmp_path, rule + proofs("2026-04-03T08:30", "2026-04-03T11:30")))) == ["tag_not_shown", "tag_not_shown"]


def test_each_edition_is_exercised(tmp_path: Path) -> None:
    old = PROVED.replace("effective: {from: 2020-01-01}", "effective: {from: 2010-01-01, to: 2019-12-31}")
    found = lint(rule_set(tmp_path, f"{old}---\n{PROVED}"))
    assert {d.code for d in found} >= {"branch_never_exercised"}
    assert [d.message for d in found if "this edition" in d.message] == ["no example of `demo_limit` fails without `this edition`"]
    assert all(d.line < len(old.splitlines()) for d in found)


def test_a_prospective_rule_needs_no_proof(tmp_path: Path) -> None:
    assert lint(rule_set(tmp_path, PROVED[: PROVED.index("examples:")] + "stage: prospective\n")) == []


# ---------------------------------------------------------------------------------------------------- errors


def test_every_mistake_of_every_file_is_said_at_once(tmp_path: Path) -> None:
    broken = (
        PROVED.replace("event: delay_recorded}\nwarn", "event: delay}\nwarn")
        .replace("link: request", "link: requst")
        .replace("case_ends", "case_end")
    )
    second = (
        PROVED.replace("demo_limit", "demo_other")
        .replace("within: 5 working days", "within: 5 workng days")
        .replace("authority: guidance", "authority: guidence")
    )
    found = lint(rule_set(tmp_path, broken, second=second))
    assert codes([d for d in found if d.severity == "error"]) == ["shape", "shape", "unknown_link", "unknown_set_of_endings"]


def test_an_id_has_one_home(tmp_path: Path) -> None:
    later = PROVED.replace("effective: {from: 2020-01-01}", "effective: {from: 2027-01-01}")
    found = lint(rule_set(tmp_path, PROVED, second=later))
    reused = [d for d in found if d.code == "id_reused"]
    assert len(reused) == 1 and reused[0].file.endswith("two.yaml") and "one.yaml:1" in reused[0].message


def test_an_alias_of_another_rule_is_refused(tmp_path: Path) -> None:
    second = PROVED.replace("id: demo_limit", "id: demo_other").replace(
        "warn: 1 working day\n", "warn: 1 working day\nalias: [demo_limit]\n"
    )
    assert "id_reused" in codes(lint(rule_set(tmp_path, PROVED, second=second)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("source: {id: handbook, at: page 1}\n", ""), "no_source"),
        (("at: page 1}", 'at: ""}'), "no_source"),
        (("link: request\n", "link:\n"), "empty_key"),
        (("within: 5 working days", "not_before: 2 hours\nwithin: 5 working days"), "shape"),
        (("within: 5 working days", 'within: {next_working_day_at: "9am"}'), "shape"),
        (("urgent: true}}", "urgnt: true}}"), "unknown_attribute"),
        (("urgent: true}}", "urgent: perhaps}}"), "unknown_value"),
        (("id: handbook", "id: handbok"), "unknown_source"),
        (("within: 5 working days", "within: {parameter: nothing_known}"), "unknown_local_value"),
        (("link: request", "link: plan"), "unknown_link"),
    ],
)
def test_what_is_broken_in_a_rule_is_an_error(tmp_path: Path, change: tuple[str, str], code: str) -> None:
    found = lint(rule_set(tmp_path, PROVED.replace(*change)))
    assert code in [d.code for d in found if d.severity == "error"]


@pytest.mark.parametrize(
    ("when", "clock", "says"),
    [
        ("at_age: 5, turning: {age: 5, within: 1 month}", "within", "not beside `at_age`"),
        ("turning: {age: 5, within: 1 month}", "every", "a single time limit"),
        ("turning: {age: 5, within: 2 hours}", "within", "`2 hours` cannot be counted here"),
    ],
)
def test_an_age_that_a_child_is_turning_goes_with_a_single_limit_in_days(tmp_path: Path, when: str, clock: str, says: str) -> None:
    text = PROVED.replace("where: {urgent: true}}", f"where: {{urgent: true}}, {when}}}").replace(
        "within: 5 working", f"{clock}: 5 working"
    )
    assert any(says in d.message for d in lint(rule_set(tmp_path, text)) if d.severity == "error")


@pytest.mark.parametrize(
    ("files", "code", "line"),
    [
        ({"events": EVENTS.replace("start: [opened]", "start: [openned]")}, "unknown_event", 11),
        ({"events": EVENTS.replace("[{event: closed}]", "[{event: close}]")}, "unknown_event", 13),
        ({"events": EVENTS.replace("[{event: closed}]", "[{event: closed, where: {why: moved}}]")}, "unknown_attribute", 13),
        ({"events": EVENTS.replace("accepts: [answer_given]", "accepts: [asked]")}, "name_reused", 4),
        ({"events": EVENTS.replace("wanted: date", "wanted: day")}, "attribute_type", 3),
        ({"events": EVENTS.replace("periods:", "  more:\n    asked: {title: Twice}\nperiods:")}, "duplicate_event", 11),
        ({"events": EVENTS.replace("periods:", "attributes:\n  urgnt: whether it was urgent\nperiods:")}, "unknown_attribute", 11),
        ({"events": EVENTS.replace("periods:", "attributes:\n  urgent: Urgent\nperiods:")}, "attribute_words", 11),
        ({"sources": SOURCES.replace("from: 2020-01-01", "from: 2020")}, "shape", 5),
        ({"sources": SOURCES.replace('name: "first", ', "")}, "missing_key", 5),
        ({"parameters": PARAMETERS.replace("09:00 to 17:00", "nine to five")}, "local_value", 1),
    ],
)
def test_what_is_broken_in_the_shared_files_is_an_error(tmp_path: Path, files: dict[str, str], code: str, line: int) -> None:
    found = lint(rule_set(tmp_path, **files))  # type: ignore[arg-type]
    assert (code, line, "error") in [(d.code, d.line, d.severity) for d in found]


@pytest.mark.parametrize(
    ("rule", "value", "place"),
    [
        (("within: 5 working days", "within: {parameter: answer_time}"), "five days", "one.yaml"),
        (("within: 5 working days", "within: {next_working_day_at: {parameter: answer_time}}"), "nine", "parameters.yaml"),
        (("urgent: true}}", "urgent: true}, after: {event: asked, at_least: {parameter: answer_time}}}"), "few", "parameters.yaml"),
    ],
)
def test_a_local_value_that_a_rule_cannot_use_is_an_error(tmp_path: Path, rule: tuple[str, str], value: str, place: str) -> None:
    text = PROVED.replace(*rule)
    found = only(lint(rule_set(tmp_path, text, parameters=PARAMETERS.replace("value: 5 working days", f"value: {value}"))))
    assert found.severity == "error" and found.file.endswith(place) and f"`{value}`" in found.message


def test_a_broken_rule_does_not_hide_what_lint_says_of_the_others(tmp_path: Path) -> None:
    second = without("not urgent").replace("demo_limit", "demo_other")
    found = lint(rule_set(tmp_path, PROVED.replace("expect:", "expct:"), second=second))
    assert codes(found) == ["branch_never_exercised", "unknown_key"]


# ---------------------------------------------------------------------------------------------------- parts


def test_coverage_counts_rules_branches_and_numbers(tmp_path: Path) -> None:
    book, problems, read = load_sound(rule_set(tmp_path, without("the case closed")))
    assert book is not None and not problems
    c = coverage(tuple(prove(rule, document, book) for rule, document in read))
    assert (c.rules, c.proved, c.branches, c.exercised, c.numbers, c.pinned) == (1, 1, 7, 6, 2, 2)


def test_numbers_move_by_one_of_their_own_unit() -> None:
    assert shifted(3, -1) == 2 and shifted(0, -1) is None
    assert shifted("1 month", 1) == "2 months" and shifted("9999 days", 1) is None
    assert shifted("00:00", -1) is None and shifted("09:59", 1) == "10:00"


def test_what_each_shape_needs() -> None:
    for rule in BOOK.rules:
        needed = required(rule.spec, BOOK)
        assert bool(needed) == (rule.spec.stage == "in_force")
        assert "overdue" not in needed or rule.spec.expect is not None
