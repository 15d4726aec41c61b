"""What a flag says: the sentence, the working and what is missing, for every status and every reason."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from rrt_engine.calendar import NO_INSTANT, day_number, parse_moment
from rrt_engine.explain.evidence import Evidence
from rrt_engine.explain.flags import Explained, Explainer
from rrt_engine.explain.rule_page import page_sections, rule_page
from rrt_engine.model import REASONS, STATUSES
from rrt_engine.paths import CASES, RULES
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.examples import run_examples
from rrt_engine.rulebook.load import load_with_problems
from rrt_engine.rulebook.load_thresholds import load_thresholds
from rrt_engine.sources.case_file import read_case
from rrt_engine.timescales.arrays import end_of_day
from rrt_engine.timescales.evaluate import evaluate
from rrt_engine.words import STATUS_WORDS, day_words
from tests.shipped import BOOK


@functools.cache
def book() -> RuleBook:
    return BOOK


def explained(
    rule: str, as_of: str, *events: str, child: str = "", covers: str = "", local: Mapping[str, str] | None = None
) -> list[Explained]:
    """The flags of one rule over a small case; events as `name at[, attribute: value]`."""
    lines = [f"  - {{event: {name}, at: {rest}}}" for name, _, rest in (e.partition(" ") for e in events)]
    head = [f"child: {{{child}}}"] if child else []
    head += [f"covers: {{{covers}}}"] if covers else []
    case = read_case("case.yaml", book(), "\n".join(["case: C-1", *head, "events:", *lines, ""]))
    chosen, moment = book().only(rule).with_parameters(local or {}), parse_moment(as_of)
    found = evaluate(case.log, chosen, moment).flags
    explainer = Explainer(case.log, chosen, found, moment.day, moment.instant if moment.instant != NO_INSTANT else end_of_day(moment.day))
    return [explainer.explain(i) for i in range(len(found))]


def one(*args: str, **more: str) -> Explained:
    found = explained(*args, **more)  # type: ignore[arg-type]
    assert len(found) == 1, [f.explanation for f in found]
    return found[0]


def working(flag: Explained) -> list[str]:
    """The steps after the source."""
    return flag.steps[1:]


DISCUSSION = "strategy_discussion_held 2026-03-18, s47_initiated: true"


# ---------------------------------------------------------------------------------------------------- each status


def test_met_on_the_last_day_over_easter() -> None:
    flag = one("cp_icpc_15wd", "2026-06-01", DISCUSSION, "icpc_held 2026-04-10")
    assert flag.status == "met" and flag.due == "2026-04-10" and flag.late_by is None and flag.days_late is None and not flag.missing
    assert flag.explanation == (
        "Done on Friday 10 April 2026; it was due by Friday 10 April 2026, 15 working days after the strategy discussion on "
        "Wednesday 18 March 2026."
    )
    assert flag.steps == [
        "Working Together to Safeguard Children, initial child protection conferences (statutory guidance); Children in need census "
        "guide, Department for Education, paragraph 4.12.2 (performance measure, not a duty); Birmingham Children's Trust business plan "
        "2025 to 2030, KPI 5 (performance measure, not a duty); edition: 2026; number seen in the instrument.",
        "It begins with the strategy discussion on Wednesday 18 March 2026 (line 3).",
        "The limit is 15 working days after the strategy discussion on Wednesday 18 March 2026.",
        "Counting begins the day after; 6 weekend days, Good Friday (3 April 2026) and Easter Monday (6 April 2026) are not counted.",
        "So it is due by Friday 10 April 2026.",
        "Answered by the initial child protection conference on Friday 10 April 2026 (line 4).",
    ]


def test_late() -> None:
    flag = one("cp_icpc_15wd", "2026-06-01", DISCUSSION, "icpc_held 2026-04-13")
    assert (flag.status, flag.late_by, flag.days_late) == ("late", "1 working day", 3)
    assert flag.explanation == (
        "Done 1 working day late, on Monday 13 April 2026: it was due by Friday 10 April 2026, 15 working days after the strategy "
        "discussion on Wednesday 18 March 2026."
    )


def test_early() -> None:
    grounds = "nrm_reasonable_grounds_decided 2025-11-24, positive: true"
    flag = one("ht_nrm_cg", "2026-04-15", grounds, "nrm_conclusive_grounds_decided 2025-12-19")
    assert (flag.status, flag.due, flag.late_by) == ("early", None, None)
    assert flag.explanation == (
        "Done too early, on Friday 19 December 2025; it may not be done before Wednesday 24 December 2025, 30 days after the "
        "reasonable grounds decision (National Referral Mechanism) on Monday 24 November 2025."
    )
    assert "It may not be done before Wednesday 24 December 2025, 30 days after that." in flag.steps


def test_waiting_and_done_where_there_is_no_last_day() -> None:
    grounds = "nrm_reasonable_grounds_decided 2025-11-24, positive: true"
    waiting = one("ht_nrm_cg", "2025-12-01", grounds)
    assert waiting.explanation.startswith("Not done yet; it has no last day. It began with the reasonable grounds decision")
    done = one("ht_nrm_cg", "2026-12-01", grounds, "nrm_conclusive_grounds_decided 2025-12-24")
    assert done.status == "met" and done.explanation.startswith(
        "Done on Wednesday 24 December 2025; it may not be done before Wednesday 24"
    )


def test_overdue() -> None:
    flag = one("cp_icpc_15wd", "2026-04-17", DISCUSSION)
    assert (flag.status, flag.late_by, flag.days_late, flag.answer) == ("overdue", "5 working days", 7, None)
    assert flag.explanation == (
        "Not done, and 5 working days overdue: it was due by Friday 10 April 2026, 15 working days after the strategy discussion on "
        "Wednesday 18 March 2026."
    )


def test_overdue_and_then_ended() -> None:
    flag = one("cp_icpc_15wd", "2026-06-17", DISCUSSION, "case_closed 2026-04-14")
    assert (flag.status, flag.late_by) == ("overdue", "2 working days")
    assert flag.ended_by == {"event": "case_closed", "at": "2026-04-14"}
    assert flag.explanation == (
        "Not done, and 2 working days overdue when the duty ended with the closure of the case on Tuesday 14 April 2026: it was due by "
        "Friday 10 April 2026, 15 working days after the strategy discussion on Wednesday 18 March 2026."
    )
    assert flag.steps[-1] == "Ended by the closure of the case on Tuesday 14 April 2026 (line 4)."


@pytest.mark.parametrize(("as_of", "status"), [("2026-03-20", "due"), ("2026-04-02", "due_soon"), ("2026-04-10", "due_soon")])
def test_due_and_due_soon(as_of: str, status: str) -> None:
    flag = one("cp_icpc_15wd", as_of, DISCUSSION)
    assert (flag.status, flag.late_by) == (status, None)
    assert flag.explanation == (
        "Not done yet; due by Friday 10 April 2026, 15 working days after the strategy discussion on Wednesday 18 March 2026."
    )


def test_ended_by_an_event() -> None:
    flag = one("cp_icpc_15wd", "2026-06-01", DISCUSSION, "s47_outcome_recorded 2026-03-30, icpc_required: false")
    assert (flag.status, flag.answer) == ("ended", None)
    assert flag.explanation == (
        "No longer needed: the outcome of the section 47 enquiry on Monday 30 March 2026 came first. It would have been due by Friday 10 "
        "April 2026, 15 working days after the strategy discussion on Wednesday 18 March 2026."
    )


def test_ended_by_an_eighteenth_birthday() -> None:
    flag = one("cp_icpc_15wd", "2026-06-01", DISCUSSION, child="date_of_birth: 2008-04-01")
    assert (flag.status, flag.ended_by) == ("ended", {"event": "birthday", "at": "2026-04-01"})
    assert flag.explanation.startswith("No longer needed: the child's 18th birthday on Wednesday 1 April 2026 came first.")
    assert flag.steps[-1] == "Ended by the child's 18th birthday on Wednesday 1 April 2026."


def test_ended_by_a_sixteenth_birthday_unless_disabled() -> None:
    events = ("pf_notification_received 2026-01-12, regulation: 5", "pf_initial_visit 2026-01-15, child_seen: true")
    flag = explained("pf_reg8_y1_6w", "2026-04-01", *events, child="date_of_birth: 2010-02-10")[-1]
    assert flag.status == "ended"
    assert flag.explanation.startswith("No longer needed: the child's 16th birthday on Tuesday 10 February 2026 came first.")


def test_overdue_when_a_birthday_ended_an_hour_clock() -> None:
    flag = one("cp_police_protection", "2026-06-01", "police_protection_started 2026-03-03T14:00", child="date_of_birth: 2008-03-10")
    assert (flag.status, flag.late_by) == ("overdue", "3 days 10 hours")
    assert "3 days 10 hours overdue when the duty ended with the child's 18th birthday on Tuesday 10 March 2026:" in flag.explanation


def test_a_pattern_is_recorded() -> None:
    flag = one("fd_rereferral_12m", "2026-06-01", "referral_received 2025-07-01", "referral_received 2026-02-02")
    assert (flag.status, flag.due, flag.answer) == ("met", None, None)
    assert flag.explanation == "Recorded on Monday 2 February 2026: referred again within 12 months of an earlier referral."
    assert working(flag) == ["It begins with the receipt of the referral on Monday 2 February 2026 (line 4)."]


# ---------------------------------------------------------------------------------------------------- each reason


def test_cannot_tell_without_the_time_of_day() -> None:
    flag = one("ht_rhi_completed_72h", "2025-12-01", "missing_episode_ended 2025-11-04", "rhi_completed 2025-11-07")
    assert flag.explanation == (
        "Cannot tell: only the dates are recorded of the end of the missing episode on Tuesday 4 November 2025 and the return home "
        "interview on Friday 7 November 2025, and the time of day would decide it."
    )
    assert flag.missing == [
        "the time of day (end of the missing episode on 4 November 2025)",
        "the time of day (return home interview on 7 November 2025)",
    ]
    assert (
        "So it is due between Friday 7 November 2025 at 00:00 GMT and Friday 7 November 2025 at 23:59 GMT, depending on the time of day."
        in flag.steps
    )
    assert flag.due == "2025-11-07"


def test_only_the_event_without_a_time_is_asked_about() -> None:
    flag = one("ht_rhi_completed_72h", "2025-12-01", "missing_episode_ended 2025-11-04T10:00", "rhi_completed 2025-11-07")
    assert flag.missing == ["the time of day (return home interview on 7 November 2025)"]
    assert flag.explanation.startswith("Cannot tell: only the date is recorded of the return home interview on Friday 7 November 2025, and")


def test_a_time_that_came_twice() -> None:
    events = ("missing_episode_ended 2025-10-23T01:30", "rhi_completed 2025-10-26T01:30")
    flag = one("ht_rhi_completed_72h", "2025-12-01", *events)
    assert flag.status == "cannot_tell"
    assert flag.explanation == (
        "Cannot tell: the clocks went back at the time recorded for the return home interview on Sunday 26 October 2025 at 01:30 BST; "
        "whether it was BST or GMT would decide it."
    )
    assert flag.missing == ["whether it was BST or GMT (return home interview on 26 October 2025)"]


def test_cannot_tell_without_what_the_trigger_must_record() -> None:
    flag = one("cp_icpc_15wd", "2026-06-01", "strategy_discussion_held 2026-03-18", "icpc_held 2026-03-19")
    assert flag.explanation == (
        "Cannot tell: the strategy discussion on Wednesday 18 March 2026 does not record whether a section 47 enquiry was begun."
    )
    assert flag.missing == ["whether a section 47 enquiry was begun (strategy discussion on 18 March 2026)"]
    assert flag.steps[-1] == "Recorded with it: the initial child protection conference on Thursday 19 March 2026 (line 4)."


def test_cannot_tell_without_what_the_answer_must_record() -> None:
    events = ("pf_notification_received 2026-03-03, regulation: 3", "pf_initial_visit 2026-03-10, child_seen: true")
    flag = one("pf_reg4_visit_7wd", "2026-06-01", *events)
    assert flag.explanation == (
        "Cannot tell: the initial private fostering visit on Tuesday 10 March 2026 does not record whether the premises were seen, "
        "whether the carer was seen and whether the household was seen."
    )
    assert flag.missing[0] == "whether the premises were seen (initial private fostering visit on 10 March 2026)"
    assert len(flag.missing) == 3
    assert flag.steps[-1].startswith("Perhaps answered by the initial private fostering visit")


def test_every_attribute_of_the_vocabulary_has_words_that_read_on() -> None:
    """After "does not record", and before the event and its day in brackets. What is missing of one duty is put together with "; "."""
    recorded = {name for event in BOOK.events.values() for name in event.attrs}
    assert set(BOOK.attributes) == recorded
    for name in recorded:
        words = BOOK.attribute_words(name)
        assert words.startswith(("whether ", "the ")) and len(words) < 100 and not re.search(r"[`_;,.:]| on |\s$", words), name


def test_what_a_rule_set_has_no_words_for_is_still_no_raw_name() -> None:
    assert replace(BOOK, attributes={}).attribute_words("child_seen") == "“child seen”"


def test_cannot_tell_before_the_records_begin() -> None:
    flag = one("cp_icpc_15wd", "2026-06-01", DISCUSSION, covers="from: 2026-04-01, kind: history")
    assert flag.explanation == (
        "Cannot tell: it began with the strategy discussion on Wednesday 18 March 2026, before the records in this source, so an answer "
        "may be missing from it."
    )
    assert flag.missing == ["records from before this source begins"]


def test_cannot_tell_after_the_records_end() -> None:
    # Fifteen working days from 18 March 2026, over Easter, end on 10 April.
    flag = one("cp_icpc_15wd", "2026-06-01", DISCUSSION, covers="to: 2026-04-09, kind: history")
    assert flag.explanation == (
        "Cannot tell: it began with the strategy discussion on Wednesday 18 March 2026, and the records in this source end before it was "
        "due."
    )
    assert flag.missing == ["records from after this source ends"]
    assert one("cp_icpc_15wd", "2026-06-01", DISCUSSION, covers="to: 2026-04-10, kind: history").status == "overdue"
    assert one("cp_icpc_15wd", "2026-04-09", DISCUSSION, covers="to: 2026-04-09, kind: history").status in ("due", "due_soon")


def test_cannot_tell_from_an_answer_that_came_before() -> None:
    events = ("icpc_held 2026-03-05, ref: R1/S1", "strategy_discussion_held 2026-03-10, s47_initiated: true, ref: R1/S1")
    flag = one("cp_icpc_15wd", "2026-06-01", *events)
    assert flag.explanation == (
        "Cannot tell: the initial child protection conference on Thursday 5 March 2026 cannot have come before the strategy discussion on "
        "Tuesday 10 March 2026. Check the dates on the record."
    )
    assert flag.missing == ["dates that can be right"]


def test_cannot_tell_from_an_event_after_death() -> None:
    flag = one("cp_core_group_first", "2026-06-01", "child_died 2026-03-01", "icpc_held 2026-03-10", "core_group_held 2026-03-12")
    assert flag.status == "cannot_tell"
    assert flag.explanation == (
        "Cannot tell: the initial child protection conference on Tuesday 10 March 2026 and the core group on Thursday 12 March 2026 "
        "are after the recorded death of the child (1 March 2026). Check the dates on the record."
    )
    assert flag.missing[0] == (
        "dates that can be right (initial child protection conference on 10 March 2026, after the recorded death of the child, "
        "1 March 2026)"
    )
    waiting = one("cp_core_group_first", "2026-06-01", "child_died 2026-03-01", "icpc_held 2026-03-10")
    assert waiting.explanation == (
        "Cannot tell: the initial child protection conference on Tuesday 10 March 2026 is after the recorded death of the child "
        "(1 March 2026). Check the dates on the record."
    )


@pytest.mark.parametrize("known", ["date_of_birth", "expected_date_of_birth"])
def test_an_event_long_before_the_birth_says_so_and_which_event_it_is(known: str) -> None:
    named = known.replace("date_of_birth", "date of birth").replace("_", " ")
    born, before = f"{known}: 2027-01-01", ("icpc_held 2026-03-10", "core_group_held 2026-03-12")
    both = one("cp_core_group_first", "2026-06-01", *before, child=born)
    assert both.explanation == (
        "Cannot tell: the initial child protection conference on Tuesday 10 March 2026 and the core group on Thursday 12 March 2026 "
        f"are more than 40 weeks before the {named} (1 January 2027). Check the dates on the record."
    )
    assert both.missing == [
        f"dates that can be right ({event} on {day} March 2026, more than 40 weeks before the {named}, 1 January 2027)"
        for event, day in (("initial child protection conference", 10), ("core group", 12))
    ]
    first = one("cp_core_group_first", "2026-06-01", *before, child=f"{known}: 2026-12-16")
    assert first.explanation.startswith(
        "Cannot tell: the initial child protection conference on Tuesday 10 March 2026 is more than 40 weeks"
    )
    assert one("cp_core_group_first", "2026-06-01", *before, child=f"{known}: 2026-12-15").status == "met", "40 weeks, not more"


def test_what_the_source_marks_as_on_a_date_that_cannot_be_right_is_said_to_be_so_and_nothing_else_is() -> None:
    case = read_case(
        "case.yaml", book(), "case: C\nevents:\n  - {event: icpc_held, at: 2026-03-10}\n  - {event: core_group_held, at: 2026-03-12}\n"
    )
    log, chosen = replace(case.log, suspect=np.array([False, True])), book().only("cp_core_group_first")
    moment = parse_moment("2026-06-01")
    flag = Explainer(log, chosen, evaluate(log, chosen, moment).flags, moment.day, end_of_day(moment.day)).explain(0)
    assert flag.explanation == (
        "Cannot tell: the core group on Thursday 12 March 2026 is on a date that cannot be right. Check the dates on the record."
    )
    assert flag.missing == ["dates that can be right"]


def test_cannot_tell_without_the_date_it_is_due() -> None:
    flag = one("as_s7_report", "2026-06-01", "s7_ordered 2026-03-02")
    assert (flag.status, flag.due) == ("cannot_tell", None)
    assert flag.explanation == "Cannot tell: the order for a section 7 report on Monday 2 March 2026 does not record the due date."
    assert flag.missing == ["the due date (order for a section 7 report on 2 March 2026)"]
    assert not any("The limit" in step for step in flag.steps)


def test_cannot_tell_without_an_expected_date_of_birth() -> None:
    flag = one("as_prebirth_start", "2026-06-01", "unborn_referral_received 2026-03-02")
    assert flag.explanation == (
        "Cannot tell: the expected date of birth is not recorded. It began with the receipt of the referral of an unborn child on Monday 2 "
        "March 2026."
    )
    assert flag.missing == ["the expected date of birth"]


def test_cannot_tell_without_the_date_the_clock_starts() -> None:
    flag = one("cp_child_assessment_order", "2026-06-01", "child_assessment_order_made 2026-03-02")
    assert flag.explanation == "Cannot tell: the child assessment order on Monday 2 March 2026 does not record the start date."


def test_cannot_tell_when_an_expiry_is_later_than_the_law_allows() -> None:
    flag = one("cp_epo", "2026-06-01", "epo_made 2026-03-02, expires: 2026-03-20")
    assert flag.explanation == (
        "Cannot tell: the expiry date recorded with the emergency protection order on Monday 2 March 2026 is later than the law allows. "
        "Check the order."
    )
    assert flag.missing == ["an expiry date within the longest the law allows"]


# ---------------------------------------------------------------------------------------------------- working days and hours


@pytest.mark.parametrize(
    ("start", "named"),
    [
        ("2026-05-20", r" and Spring bank holiday \(25 May 2026\)"),
        ("2026-04-28", r" and Early May bank holiday \(4 May 2026\)"),
        ("2026-08-26", r" and Summer bank holiday \(31 August 2026\)"),
        ("2025-12-18", r", Christmas Day \(25 December 2025\), Boxing Day \(26 December 2025\) and New Year.s Day \(1 January 2026\)"),
        ("2026-03-31", r", Good Friday \(3 April 2026\) and Easter Monday \(6 April 2026\)"),
    ],
)
def test_the_days_that_are_not_counted_are_named(start: str, named: str) -> None:
    flag = one("cp_icpc_15wd", "2027-01-01", f"strategy_discussion_held {start}, s47_initiated: true")
    counted = next(step for step in flag.steps if step.startswith("Counting"))
    assert re.fullmatch(rf"Counting begins the day after; \d+ weekend days{named} are not counted\.", counted)


def test_no_day_skipped_and_one_day_skipped() -> None:
    monday = one("fd_referral_decision_1wd", "2026-07-01", "referral_received 2026-06-08")
    assert "Counting begins the day after; no day is skipped." in monday.steps
    sunday = one("fd_referral_decision_1wd", "2026-07-01", "referral_received 2026-06-06")
    assert "Counting begins the day after; 1 weekend day is not counted." in sunday.steps


def test_calendar_days_name_no_skipped_days() -> None:
    flag = one("cp_rcpc_first", "2026-07-31", "icpc_held 2026-03-10, outcome: cp_plan", "rcpc_held 2026-06-12")
    assert (flag.due, flag.late_by) == ("2026-06-10", "2 days")
    assert not any("not counted" in step or "skipped" in step for step in flag.steps)


@pytest.mark.parametrize(
    ("start", "due", "clocks"),
    [
        (
            "2025-10-25T23:30",
            "due by Tuesday 28 October 2025 at 22:30 GMT",
            "The clocks go back in between; hours are counted as they pass.",
        ),
        (
            "2026-03-28T22:30",
            "due by Tuesday 31 March 2026 at 23:30 BST",
            "The clocks go forward in between; hours are counted as they pass.",
        ),
    ],
)
def test_hours_across_a_clock_change(start: str, due: str, clocks: str) -> None:
    flag = one("ht_rhi_completed_72h", "2026-01-15" if "2025" in start else "2026-04-15", f"missing_episode_ended {start}")
    assert f"it was {due}, 72 hours after the end of the missing episode" in flag.explanation
    assert ("BST" if "10-25" in start else "GMT") in flag.steps[1]
    assert clocks in flag.steps and f"So it is {due}." in flag.steps
    plain = one("ht_rhi_completed_72h", "2026-03-15", "missing_episode_ended 2026-03-03T09:00")
    assert not any("clocks" in step for step in plain.steps) and plain.due == "2026-03-06T09:00+00:00"


def test_an_hour_clock_with_only_a_date_is_due_between_two_times() -> None:
    flag = one("ht_rhi_offered_72h", "2025-12-01", "missing_episode_ended 2025-11-04", "rhi_offered 2025-11-05")
    assert (flag.status, flag.due) == ("met", "2025-11-07")
    assert flag.explanation == (
        "Done on Wednesday 5 November 2025; it was due between Friday 7 November 2025 at 00:00 GMT and Friday 7 November 2025 at 23:59 "
        "GMT, depending on the time of day, 72 hours after the end of the missing episode on Tuesday 4 November 2025."
    )


def test_service_hours_say_when_they_count_and_on_what_basis() -> None:
    flag = one("fd_mash_rag_amber", "2026-04-15", "mash_rag_set 2026-04-02T15:00, rag: amber")
    assert flag.due == "2026-04-07T13:00+01:00" and not flag.provisional
    assert (
        "Hours count only from 09:00 to 17:00 on working days; 2 weekend days, Good Friday (3 April 2026) and Easter Monday (6 April 2026) "
        "are not counted. These hours are the local value `service_hours`: common value." in flag.steps
    )


def test_the_next_working_morning() -> None:
    flag = one("fd_edt_handover", "2026-04-08", "edt_activity_recorded 2026-04-03T02:10")
    assert flag.due == "2026-04-07T09:00+01:00"
    assert "09:00 on the next working day after the Emergency Duty Team activity on Friday 3 April 2026 at 02:10 BST" in flag.explanation
    assert "Only working days count; 2 weekend days and Easter Monday (6 April 2026) are not counted." in flag.steps
    assert any("This is the local value `edt_handover_time`: common value." in step for step in flag.steps)


# ---------------------------------------------------------------------------------------------------- dates from the record


def test_a_written_expiry_date() -> None:
    flag = one("cp_epo", "2026-03-15", "epo_made 2026-03-02, expires: 2026-03-09", "epo_ended 2026-03-11")
    assert (flag.status, flag.due, flag.late_by) == ("late", "2026-03-09", "2 days")
    assert (
        "it was due by Monday 9 March 2026, the date recorded with the emergency protection order on Monday 2 March 2026"
        in flag.explanation
    )
    without = one("cp_epo", "2026-03-15", "epo_made 2026-03-02", "epo_ended 2026-03-09")
    assert "8 days after the emergency protection order on Monday 2 March 2026" in without.explanation


def test_a_written_filing_date_extended() -> None:
    events = ("s7_ordered 2026-03-02, due: 2026-04-20", "s7_date_extended 2026-04-10, due: 2026-05-05", "s7_filed 2026-05-05")
    flag = one("as_s7_report", "2026-06-01", *events)
    assert (flag.status, flag.due) == ("met", "2026-05-05")
    assert flag.explanation.endswith(
        "it was due by Tuesday 5 May 2026, the date recorded with the order for a section 7 report on Monday 2 March 2026, as extended by "
        "the new date for the section 7 report on Friday 10 April 2026."
    )
    too_late = one("as_s7_report", "2026-06-01", events[0], "s7_date_extended 2026-04-21, due: 2026-05-05")
    assert too_late.due == "2026-04-20" and "as extended" not in too_late.explanation


def test_an_extended_order_names_the_extension() -> None:
    events = ("epo_made 2026-03-02, expires: 2026-03-09", "epo_extended 2026-03-08, expires: 2026-03-13")
    flag = one("cp_epo", "2026-03-10", *events)
    assert flag.due == "2026-03-13"
    assert "as extended by the extension of the emergency protection order on Sunday 8 March 2026" in flag.explanation


def test_a_deadline_counted_back_from_a_conference() -> None:
    flag = one("cp_icpc_report_shared", "2026-04-01", "icpc_scheduled 2026-03-19, date: 2026-04-08")
    assert flag.due == "2026-04-02"
    assert flag.explanation.endswith(
        "due by Thursday 2 April 2026, 2 working days before Wednesday 8 April 2026, the date recorded with the arrangement of the initial "
        "child protection conference on Thursday 19 March 2026."
    )
    assert (
        "Counting back begins the day before; 2 weekend days, Good Friday (3 April 2026) and Easter Monday (6 April 2026) are not counted."
        in flag.steps
    )


def test_counted_back_from_the_expected_birth_or_soon_after_a_late_referral() -> None:
    early = one("as_prebirth_start", "2026-06-01", "unborn_referral_received 2026-05-01", child="expected_date_of_birth: 2026-11-02")
    assert early.due == "2026-06-15" and "20 weeks before Monday 2 November 2026, the expected date of birth" in early.explanation
    assert "the local value `prebirth_start`" in early.steps[2]
    late = one("as_prebirth_start", "2026-08-01", "unborn_referral_received 2026-07-01", child="expected_date_of_birth: 2026-11-02")
    assert late.due == "2026-07-01"
    assert "the same day as the receipt of the referral of an unborn child on Wednesday 1 July 2026" in late.explanation
    assert "the local value `prebirth_start_late`" in late.steps[2]
    born = one("as_prebirth_start", "2026-06-01", "unborn_referral_received 2026-05-01", child="date_of_birth: 2026-11-02")
    assert "the date of birth" in born.explanation and "expected" not in born.explanation


def test_a_clock_that_starts_on_a_date_in_the_order() -> None:
    flag = one("cp_child_assessment_order", "2026-03-10", "child_assessment_order_made 2026-03-02, begins: 2026-03-09")
    assert flag.due == "2026-03-15"
    assert (
        "7 days beginning with Monday 9 March 2026, the date recorded with the child assessment order on Monday 2 March 2026"
        in flag.explanation
    )


def test_the_same_day() -> None:
    events = ("strategy_discussion_held 2026-03-03T16:00, s47_initiated: true", "s47_started 2026-03-04")
    flag = one("cp_s47_start", "2026-03-10", *events)
    assert flag.explanation == (
        "Done 1 day late, on Wednesday 4 March 2026: it was due by Tuesday 3 March 2026, the same day as the strategy discussion on "
        "Tuesday 3 March 2026 at 16:00 GMT."
    )
    assert not any("Counting" in step for step in flag.steps)


def test_a_local_value_is_named_with_its_basis() -> None:
    flag = one("cp_visit", "2026-04-01", "cp_plan_started 2026-03-10")
    assert flag.verified == "local value needed" and flag.authority == "local"
    assert any("This is the local value `cp_visit_interval`: common value (Darlington" in step for step in flag.steps)
    assert "common value used until the authority sets its own" in flag.steps[0]
    changed = explained("cp_visit", "2026-04-01", "cp_plan_started 2026-03-10", local={"cp_visit_interval": "5 working days"})[0]
    assert changed.due == "2026-03-17" and "5 working days after the start of the child protection plan" in changed.explanation


def test_a_recorded_reason_is_shown_and_changes_nothing() -> None:
    events = (
        "referral_received 2026-03-02, ref: R1",
        "referral_received 2026-03-03, ref: R2",
        "assessment_extension_recorded 2026-04-20, ref: R1/A1, reason: parent in hospital",
    )
    first, second = explained("as_single_45wd", "2026-06-01", *events)
    assert first.due == "2026-05-07" and first.status == "overdue"
    assert first.steps[-1] == "A reason was recorded: the extension of the assessment on Monday 20 April 2026. It does not change the date."
    assert not any("reason" in step for step in second.steps)


@pytest.mark.parametrize(
    ("day", "edition"), [("2018-07-03", "2013 and 2015"), ("2018-07-04", "2018"), ("2023-12-15", "2023"), ("2026-03-18", "2026")]
)
def test_the_edition_in_force_when_the_duty_started(day: str, edition: str) -> None:
    flag = one("cp_icpc_15wd", "2026-06-01", f"strategy_discussion_held {day}, s47_initiated: true")
    assert flag.edition == edition and f"edition: {edition};" in flag.steps[0]


def test_an_instrument_without_editions_says_since_when_the_rule_is_in_force() -> None:
    flag = one("cp_visit", "2026-04-01", "cp_plan_started 2026-03-10")
    assert re.fullmatch(r"in force from \d+ \w+ \d{4}", flag.edition) and f"rule {flag.edition}" in flag.steps[0]


# ---------------------------------------------------------------------------------------------------- provisional


def test_provisional_beyond_the_announced_bank_holidays() -> None:
    announced = book().calendar.announced_to
    assert announced == day_number(date(2028, 12, 31))
    before = one("cp_icpc_15wd", "2028-12-20", "strategy_discussion_held 2028-12-04, s47_initiated: true")
    after = one("cp_icpc_15wd", "2028-12-20", "strategy_discussion_held 2028-12-18, s47_initiated: true")
    assert (before.due, before.provisional) == ("2028-12-27", False)
    assert after.due is not None and after.due > "2029" and after.provisional
    assert after.steps[-1] == "Bank holidays are announced to 31 December 2028; this date is provisional."
    months = one("cp_rcpc_first", "2028-12-20", "icpc_held 2028-12-04, outcome: cp_plan")
    assert months.due == "2029-03-04" and not months.provisional


def test_a_date_counted_back_over_unannounced_holidays_is_provisional() -> None:
    flag = one("cp_icpc_report_shared", "2028-12-20", "icpc_scheduled 2028-12-04, date: 2029-01-02")
    assert flag.due is not None and flag.due < "2029" and flag.provisional


def test_the_next_working_morning_can_be_provisional() -> None:
    flag = one("fd_edt_handover", "2028-12-31", "edt_activity_recorded 2028-12-31T02:10")
    assert flag.due is not None and flag.due > "2029" and flag.provisional


# ---------------------------------------------------------------------------------------------------- how late


@pytest.mark.parametrize(
    ("rule", "as_of", "events", "late_by", "days"),
    [
        ("cp_icpc_15wd", "2026-06-01", (DISCUSSION, "icpc_held 2026-04-14"), "2 working days", 4),
        ("cp_icpc_15wd", "2026-06-01", (DISCUSSION, "icpc_held 2026-04-11"), "1 day (no working day between)", 1),
        ("cp_icpc_15wd", "2026-04-12", (DISCUSSION,), "2 days (no working day between)", 2),
        ("cp_rcpc_first", "2026-07-31", ("icpc_held 2026-03-10, outcome: cp_plan", "rcpc_held 2026-06-11"), "1 day", 1),
        ("as_s37_8w", "2026-07-31", ("s37_direction_made 2026-03-02", "s37_report_filed 2026-05-01"), "5 days", 5),
        ("cp_plan_over_2y", "2026-03-13", ("cp_plan_started 2024-03-10",), "3 days", 3),
        ("ht_rhi_completed_72h", "2026-06-01", ("missing_episode_ended 2026-03-10T09:00", "rhi_completed 2026-03-13T09:01"), "1 minute", 0),
        (
            "ht_rhi_completed_72h",
            "2026-06-01",
            ("missing_episode_ended 2026-03-10T09:00", "rhi_completed 2026-03-14T10:30"),
            "25 hours 30 minutes",
            1,
        ),
        ("ht_rhi_completed_72h", "2026-06-01", ("missing_episode_ended 2026-03-10T09:00", "rhi_completed 2026-03-16T09:00"), "3 days", 3),
        ("ht_rhi_completed_72h", "2026-06-01", ("missing_episode_ended 2026-03-10T09:00", "rhi_completed 2026-03-14"), "1 day", 1),
        ("ht_rhi_completed_72h", "2026-06-01", ("missing_episode_ended 2026-03-10", "rhi_completed 2026-03-15"), "2 days", 2),
        ("ht_rhi_completed_72h", "2026-03-13T11:00", ("missing_episode_ended 2026-03-10T09:00",), "2 hours", 0),
        (
            "fd_mash_rag_amber",
            "2026-06-01",
            ("mash_rag_set 2026-03-10T09:00, rag: amber", "mash_info_complete 2026-03-10T16:30"),
            "1 hour 30 minutes",
            0,
        ),
        ("fd_edt_handover", "2026-06-01", ("edt_activity_recorded 2026-03-10T02:00", "edt_handover_accepted 2026-03-11"), "1 day", 1),
        ("fd_immediate_protection", "2026-03-10", ("risk_to_life_or_serious_harm 2026-03-03",), "7 days", 7),
    ],
)
def test_late_by_is_in_the_rules_own_unit(rule: str, as_of: str, events: tuple[str, ...], late_by: str, days: int) -> None:
    flag = explained(rule, as_of, *events)[0]
    assert (flag.late_by, flag.days_late) == (late_by, days)
    amount, _, note = late_by.partition(" (")
    assert f" {amount} {'late' if flag.status == 'late' else 'overdue'}" in flag.explanation and note in flag.explanation


def test_an_age_to_come_that_brings_the_limit_is_said() -> None:
    done = "review_health_assessment_completed 2026-01-14"
    said = "The child's 5th birthday is Tuesday 14 July 2026, within 6 months of that."
    assert said in one("rha_5plus", "2026-08-01", done, child="date_of_birth: 2021-07-14").steps
    assert explained("rha_5plus", "2026-08-01", done, child="date_of_birth: 2021-07-15") == []
    for born in ("date_of_birth: 2021-01-14", ""):  # five that day, or nobody knows
        assert not any("birthday" in step for step in one("rha_5plus", "2026-08-01", done, child=born).steps)


# ---------------------------------------------------------------------------------------------------- every example of every rule


@functools.cache
def everything() -> tuple[tuple[Rule, Explained, tuple[int, int]], ...]:
    """Every flag of every example of every rule, with its start and due days."""
    whole, problems, read = load_with_problems(RULES)
    assert whole is not None and not problems
    return tuple(
        (rule, flag, span)
        for rule, document in read
        for o in run_examples(rule, document, whole)
        for flag, span in zip(o.flags, o.spans, strict=True)
    )


def sentences() -> Iterator[tuple[str, str]]:
    for rule, flag, _ in everything():
        for text in (flag.explanation, *flag.steps):
            yield rule.id, text


def test_the_examples_show_every_status_and_most_reasons() -> None:
    assert {flag.status for _, flag, _ in everything()} == set(STATUSES) == set(STATUS_WORDS)
    assert len(everything()) > 500 and len(REASONS) == 10


def test_every_sentence_is_well_made() -> None:
    wrong = []
    for rule, text in sentences():
        plain = re.sub(r"`[^`]*`|\(line \d+\)", "it", text)
        faults = {
            "no full stop": not text.endswith("."),
            "two full stops": ".." in text,
            "double space": "  " in text or text != text.strip(),
            "None, True or False": re.search(r"\b(None|True|False|nan)\b", text),
            "a row of -1": re.search(r"(?<![\w.])-1(?!\d)", text),
            "an ISO date": re.search(r"\d{4}-\d\d-\d\d", text),
            "a name with underscores": "_" in plain,
            "a space before a mark": re.search(r" [,.;:]", text),
            "a year out of the tables": re.search(r"\b(19[0-6]\d|20[6-9]\d|[3-9]\d{3})\b(?!/)", plain) and "SI " not in plain,
            "a small first letter": not text[0].isupper(),
        }
        wrong += [f"{rule}: {fault}: {text}" for fault, found in faults.items() if found]
    assert not wrong, "\n".join(wrong[:20])


def test_nobody_is_shown_the_raw_name_of_a_field() -> None:
    texts = [text for _, flag, _ in everything() for text in (flag.explanation, *flag.missing)]
    assert len({text for text in texts if re.match(r"whether .* \(.* on \d+ \w+ \d{4}\)$", text)}) >= 5
    assert len({text for text in texts if re.match(r"the .* \(.* on \d+ \w+ \d{4}\)$", text)}) >= 5
    assert not [text for text in texts if re.search(r"[`_]", text)]


def test_what_is_missing_is_named_first_and_its_event_in_brackets_without_an_article() -> None:
    said = {text for _, flag, _ in everything() for text in flag.missing if "(" in text}
    undated = {re.sub(r" on \d+ \w+ \d{4}", "", text) for text in said}
    assert "whether the child was seen alone (seeing the child)" in undated
    assert "the planned date (plan to end the placement)" in undated
    assert not [text for text in said if "(the " in text or ", of " in text or not text.endswith(")")]


def test_the_sentence_says_the_due_date_of_the_flag() -> None:
    for rule, flag, (_, due) in everything():
        if flag.due is None:
            assert not re.search(r"\bdue (by|between)\b", flag.explanation), rule.id
            continue
        assert parse_moment(flag.due).day == due
        words = day_words(due)
        if flag.status not in ("cannot_tell", "early"):
            assert re.search(rf"\bdue (by|between) {words}\b", flag.explanation), (rule.id, flag.explanation)
        assert any(re.match(rf"So it is due (by|between) {words}\b", step) for step in flag.steps), (rule.id, flag.steps)
        if "T" in flag.due:
            assert f"{words} at {flag.due[11:16]} {'GMT' if flag.due.endswith('+00:00') else 'BST'}" in " ".join(flag.steps)


def test_the_parts_of_a_flag_agree() -> None:
    for rule, flag, _ in everything():
        assert (flag.late_by is None) == (flag.status not in ("late", "overdue")) == (flag.days_late is None), rule.id
        assert bool(flag.missing) == (flag.status == "cannot_tell"), rule.id
        assert flag.explanation.startswith("Cannot tell") == (flag.status == "cannot_tell"), rule.id
        assert flag.steps[0].startswith(f"{flag.cited}; ") and flag.steps[1].startswith("It begins with "), rule.id
        if flag.status in ("met", "late", "early") and rule.spec.expect:
            assert flag.answer is not None and flag.steps[-1].startswith(("Answered by", "A reason", "Bank holidays")), rule.id
        if flag.status == "ended":
            assert flag.ended_by is not None and flag.answer is None, rule.id
        if flag.pathway is not None:
            assert flag.status in ("late", "overdue"), rule.id
        assert flag.provisional == any("provisional" in step for step in flag.steps), rule.id


def test_the_same_flag_is_explained_the_same_twice() -> None:
    assert one("cp_icpc_15wd", "2026-06-01", DISCUSSION) == one("cp_icpc_15wd", "2026-06-01", DISCUSSION)


# ---------------------------------------------------------------------------------------------------- words never used about a person


def test_nothing_is_ever_called_a_breach() -> None:
    texts = [text for _, text in sentences()]
    for rule_id in dict.fromkeys(r.id for r in book().rules):
        for heading, lines in page_sections(rule_page(book(), book().named(rule_id))):
            texts += [heading, *lines]
    texts += [
        path.read_text(encoding="utf-8")
        for folder in (RULES, CASES)
        for path in Path(folder).rglob("*")
        if path.suffix in (".yaml", ".md", ".csv")
    ]
    public_id = "da_order_or_bail_breached"  # the vocabulary's own name for a fact about an order, never shown as a label
    assert not [text[:80] for text in texts if "breach" in text.lower().replace(public_id, "")]


def test_no_title_says_that_somebody_fails_or_refuses() -> None:
    """A title names what is so, as "needed treatment is refused or not obtained", and not what is wrong with a person."""
    thresholds = load_thresholds(RULES, book())
    titles = [fact.label for fact in thresholds.facts.values()] + [pathway.label for pathway in thresholds.pathways.values()]
    titles += [rule.spec.title for rule in thresholds.rules] + [rule.spec.title for rule in book().rules]
    titles += [kind.title for kind in book().events.values()]
    blames = re.compile(r"\b(fail(s|ed|ing|ure)?|refuses|neglectful|unfit)\b", re.IGNORECASE)
    assert len(titles) > 900 and not [title for title in titles if blames.search(title)]


def test_evidence_has_no_default_that_invents_a_day() -> None:
    assert not [name for name, spec in Evidence.__dataclass_fields__.items() if isinstance(spec.default, int)]
