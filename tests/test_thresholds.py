"""The traps of Right Help Right Time, one test each, and the numbers on which a level turns: by the rules as they come with rrt."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest

from rrt_engine.calendar import Moment, day_number, parse_moment
from rrt_engine.checking import check_case
from rrt_engine.model import Suggestion
from rrt_engine.sources.case_file import read_case
from rrt_engine.thresholds.suggest import Reasoner
from tests.shipped import BOOK, THRESHOLDS

AS_OF = "2026-04-15"


@cache
def reasoner(day: int) -> Reasoner:
    return Reasoner(THRESHOLDS, day)


def suggest(*facts: str, child: str = "", events: tuple[str, ...] = (), as_of: str = AS_OF, covers: str = "") -> Suggestion:
    """The suggestion for a case written as a person writes it: each fact and event the inside of `{…}`."""
    lines = ["case: C-0001"]
    lines += [f"child: {{{child}}}"] if child else []
    lines += [f"covers: {{{covers}}}"] if covers else []
    lines += ["events:", *(f"  - {{{e}}}" for e in events)] if events else []
    lines += ["facts:", *(f"  - {{fact: {f}}}" for f in facts)] if facts else ["facts: []"]
    moment: Moment = parse_moment(as_of)
    case = read_case("case.yaml", BOOK, "\n".join(lines) + "\n", lambda: THRESHOLDS)
    found = check_case(case, BOOK, moment, reasoner(moment.day)).suggestion
    assert found is not None
    return found


def fired(suggestion: Suggestion) -> set[str]:
    return {r.rule for r in suggestion.reasons}


def asked(suggestion: Suggestion, words: str) -> bool:
    return any(words in prompt for prompt in suggestion.prompts)


def days_before(n: int, as_of: str = AS_OF) -> str:
    return (date.fromisoformat(as_of) - timedelta(days=n)).isoformat()


# ---------------------------------------------------------------------------------------------- evidence and its strength


@pytest.mark.parametrize(
    "evidence, sufficient",
    [
        ("", False),
        ("evidence: alleged", False),
        ("evidence: alleged, specificity: specific", False),
        ("evidence: reported", False),
        ("evidence: reported, specificity: vague", False),
        ("evidence: reported, specificity: specific", False),
        ("evidence: disclosed", True),
        ("evidence: observed", True),
        ("evidence: confirmed", True),
    ],
)
def test_thin_anonymous_evidence_gives_advice_and_not_an_enquiry(evidence: str, sufficient: bool) -> None:
    found = suggest(f"disclosure_sexual_abuse, value: true, source_agency: anonymous{', ' if evidence else ''}{evidence}")
    if sufficient:
        assert (found.level, found.significant, found.could_be) == (4, True, None)
        assert found.pathways[0] == "s47_strategy_discussion" and found.urgency == "same_day"
    else:
        assert (found.level, found.significant, found.could_be) == (3, False, 4)
        assert found.pathways[0] == "seek_advice" and found.urgency == "same_day"
        assert "s47_strategy_discussion" not in found.pathways


def test_a_specific_report_by_somebody_who_can_be_asked_is_enough_and_a_vague_one_is_not() -> None:
    fact = "disclosure_sexual_abuse, value: true, source_agency: school, evidence: reported"
    assert suggest(f"{fact}, specificity: specific").pathways[0] == "s47_strategy_discussion"
    assert suggest(f"{fact}, specificity: vague").pathways[0] == suggest(fact).pathways[0] == "seek_advice"
    assert suggest(f"{fact}, specificity: specific".replace("school", "anonymous")).pathways[0] == "seek_advice"


def test_many_thin_reports_do_not_add_up_to_what_one_sure_one_would() -> None:
    thin = [
        f"{name}, value: {value}, evidence: alleged"
        for name, value in (
            ("neglect_level", "severe"),
            ("missing_education", "true"),
            ("da_current", "severe"),
            ("unsafe_adults_in_home", "true"),
            ("parent_substance_misuse_impact", "unsafe"),
            ("suspected_non_accidental_injury", "true"),
        )
    ]
    found = suggest(*thin)
    assert (found.level, found.could_be, found.significant) == (3, 4, False)


def test_danger_now_is_a_call_to_the_police_on_any_evidence() -> None:
    thin, sure = (suggest(f"immediate_danger_now, value: true, evidence: {e}") for e in ("alleged", "observed"))
    assert thin.pathways[0] == sure.pathways[0] == "police_999_emergency" and thin.urgency == sure.urgency == "now"
    assert (thin.level, sure.level) == (3, 4)


# ------------------------------------------------------------------------------------------------- poverty and refusal


POVERTY = (
    "housing_insecure, value: true, evidence: confirmed",
    "homelessness_imminent_or_actual_family, value: true, evidence: confirmed",
    "financial_hardship, value: severe, evidence: confirmed",
    "no_food_heat_or_essentials, value: true, evidence: confirmed",
    "no_recourse_to_public_funds, value: true, evidence: confirmed",
)


def test_poverty_is_not_neglect() -> None:
    found = suggest(*POVERTY)
    assert found.level == 3 and not found.significant
    assert {r.effect for r in found.reasons} <= {"consider", "gate", "duty", "prompt"}
    assert asked(found, "Hardship is not neglect")
    beside = suggest(*POVERTY, "low_self_esteem_or_identity_worry, value: mild, evidence: observed")
    assert beside.level == 3


def test_poverty_counts_in_no_domain_and_is_not_raised() -> None:
    two = ("poor_punctuality, value: true, evidence: confirmed", "inconsistent_boundaries, value: true, evidence: observed")
    assert suggest(*two).level == 2
    assert suggest(*two, POVERTY[0]).level == 2
    worse = "concern_trajectory, value: worsening, evidence: observed"
    assert suggest(POVERTY[2], worse).level == 3
    assert suggest(POVERTY[0], worse).level == 2


def test_refusal_is_no_step_up() -> None:
    need = "emotional_difficulty, value: persistent, evidence: disclosed"
    for refusal in (
        "consent_status, value: refused, evidence: confirmed",
        "consent_status, value: withdrawn, evidence: confirmed",
        "early_help_tried, value: declined, evidence: confirmed",
    ):
        assert suggest(refusal).level == 1
        assert suggest(need, refusal).level == 3 == suggest(need).level
        assert asked(suggest(need, refusal), "Refus") or asked(suggest(need, refusal), "efus")
    evades = "parental_engagement, value: refuses_or_evades, evidence: observed"
    assert suggest(evades).level == 1
    assert suggest("neglect_level, value: low, evidence: observed", evades).level == 2
    assert suggest("neglect_level, value: moderate, evidence: observed", evades).level == 4
    assert suggest("neglect_level, value: moderate, evidence: alleged", evades).level == 3


# -------------------------------------------------------------------------------------------------------------- injuries


def test_a_bruise_on_a_baby_who_cannot_move_is_for_a_paediatrician_first_and_not_section_47() -> None:
    found = suggest("injury_to_non_mobile_child, value: true, evidence: observed")
    assert (found.level, found.significant, found.urgency) == (4, True, "same_day")
    assert found.pathways[:1] == ("urgent_cass_plus_paediatric",) and "medical_paediatric" in found.pathways
    assert "s47_strategy_discussion" not in found.pathways


def test_a_mobile_child_with_an_account_that_fits_needs_no_referral() -> None:
    found = suggest("injury_mobile_plausible, value: true, evidence: observed", child="date_of_birth: 2020-06-01")
    assert (found.level, found.pathways) == (1, ("universal",))


def test_an_account_that_cannot_fit_changes_that() -> None:
    injury = "injury_mobile_plausible, value: true, evidence: observed"
    sure = suggest(injury, "explanation_unsuitable, value: true, evidence: observed")
    thin = suggest(injury, "explanation_unsuitable, value: true, evidence: reported")
    assert (sure.level, sure.pathways[0]) == (4, "urgent_cass_plus_paediatric")
    assert thin.level < 4 and thin.pathways[0] == "seek_advice" and thin.urgency == "same_day"


@pytest.mark.parametrize("born, level", [("2025-10-16", 4), ("2025-10-15", 1)])
def test_below_six_months_to_the_day_a_baby_is_taken_not_to_move(born: str, level: int) -> None:
    assert suggest("injury_mobile_plausible, value: true, evidence: observed", child=f"date_of_birth: {born}").level == level


# -------------------------------------------------------------------------------------------------------- legal routes


def test_a_homeless_young_person_never_ends_at_a_housing_referral() -> None:
    for evidence, level in (("disclosed", 4), ("alleged", 3)):
        found = suggest(f"homeless_16_17, value: true, evidence: {evidence}")
        assert found.level == level and "s20_homeless_16_17" in found.pathways and found.urgency == "same_day"


def test_private_fostering_is_notified_whatever_the_level() -> None:
    fact = "private_fostering_arrangement, value: true, evidence: confirmed"
    for others, level in (
        ((), 1),
        (("poor_punctuality, value: true, evidence: confirmed",), 2),
        (("neglect_level, value: moderate, evidence: observed",), 3),
        (("disclosure_physical_abuse, value: true, evidence: disclosed",), 4),
    ):
        found = suggest(fact, *others)
        assert found.level == level and "private_fostering_notification" in found.pathways


def test_a_third_party_report_of_fgm_does_not_start_the_personal_duty_to_tell_the_police() -> None:
    for evidence, duty in (
        ("disclosed", True),
        ("observed", True),
        ("confirmed", True),
        ("reported, specificity: specific", False),
        ("reported", False),
        ("alleged", False),
    ):
        found = suggest(f"fgm_known, value: true, evidence: {evidence}")
        assert ("mandatory_fgm_police_report" in found.pathways) is duty, evidence
        assert found.urgency in ("now", "same_day")
    risk = suggest("fgm_risk, value: specific_concern, evidence: reported, specificity: specific")
    assert "mandatory_fgm_police_report" not in risk.pathways and risk.level == 4


# ---------------------------------------------------------------------------------------------------------------- consent


@pytest.mark.parametrize("status", ["refused", "withdrawn", "not_sought", "not_safe_to_seek"])
def test_without_consent_at_level_3_the_route_is_advice_and_not_a_referral(status: str) -> None:
    need = "emotional_difficulty, value: persistent, evidence: disclosed"
    found = suggest(need, f"consent_status, value: {status}, evidence: confirmed")
    assert (found.level, found.pathways) == (3, ("seek_advice",))
    agreed = suggest(need, "consent_status, value: given, evidence: confirmed")
    assert (agreed.level, agreed.pathways) == (3, ("early_help_assessment_multi_agency",))


def test_significant_harm_goes_ahead_without_consent_and_asks_for_the_reason_on_record() -> None:
    harm = "suspected_non_accidental_injury, value: true, evidence: observed"
    found = suggest(harm, "consent_status, value: refused, evidence: confirmed")
    assert (found.level, found.pathways[0]) == (4, "s47_strategy_discussion")
    assert "reason for acting without consent" in found.consent.record and found.consent.status == "refused"
    rumour = suggest(harm.replace("observed", "alleged"), "consent_status, value: refused, evidence: confirmed")
    assert rumour.pathways[0] == "seek_advice" and "reason for acting without consent" not in rumour.consent.record


def test_complex_need_is_assessed_with_agreement() -> None:
    need = "emotional_difficulty, value: severe, evidence: confirmed"
    found = suggest(need, "consent_status, value: refused, evidence: confirmed")
    assert (found.level, found.significant, found.pathways[0]) == (4, False, "family_help_s17")
    assert "agreement" in found.consent.gate


# ------------------------------------------------------------------------------------------------- open cases and history


def test_a_child_protection_plan_does_not_step_straight_down() -> None:
    events = ("event: cp_plan_started, at: 2026-01-12",)
    found = suggest(
        "services_effective_now, value: true, evidence: confirmed", "parental_engagement, value: engaged, evidence: observed", events=events
    )
    assert found.level == 4 and "allocated_social_worker" in found.pathways
    assert asked(found, "does not go straight to early help")
    ended = suggest("neglect_level, value: low, evidence: observed", events=(*events, "event: cp_plan_ended, at: 2026-03-02"))
    assert asked(ended, "does not go straight to early help") and ended.level == 3


@pytest.mark.parametrize("ended, counted", [("2024-04-15", True), ("2024-04-14", False)])
def test_a_plan_that_ended_two_years_ago_to_the_day_is_weighed_and_a_day_earlier_is_not(ended: str, counted: bool) -> None:
    found = suggest(
        "neglect_level, value: low, evidence: observed",
        events=("event: cp_plan_started, at: 2023-01-10", f"event: cp_plan_ended, at: {ended}"),
    )
    assert ("rt_plan_in_last_two_years" in fired(found)) is counted and found.level == (3 if counted else 2)


def test_computed_facts_win_over_typed_ones_and_it_is_said() -> None:
    events = tuple(f"event: missing_episode_started, at: {day}" for day in ("2026-03-01", "2026-03-20", "2026-04-02"))
    found = suggest(
        "missing_episodes_count_90d, value: 1, evidence: confirmed",
        events=events,
        covers="from: 2025-01-01, kind: history, events: [missing_episode_started]",
    )
    assert found.level == 4
    said = [s.why for s in found.not_counted if s.fact == "missing_episodes_count_90d"]
    assert len(said) == 1 and "`1`" in said[0] and "`3`" in said[0] and "which is used" in said[0]


def test_previous_contacts_alone_raise_nothing_and_ask_for_a_chronology() -> None:
    contacts = tuple(f"event: contact_received, at: 2026-0{month}-03" for month in (1, 2, 3, 4))
    found = suggest("poor_punctuality, value: false, evidence: observed", events=contacts)
    assert found.level == 1 and asked(found, "chronology")
    fewer = suggest("poor_punctuality, value: false, evidence: observed", events=contacts[:2])
    assert not asked(fewer, "chronology")


def test_an_overdue_strategy_discussion_is_asked_about() -> None:
    events = ("event: reasonable_cause_to_suspect_sh, at: 2026-03-02",)
    assert asked(
        suggest("neglect_level, value: low, evidence: observed", events=events), "A strategy discussion about this child is overdue"
    )
    held = (*events, "event: strategy_discussion_held, at: 2026-03-03, s47_initiated: false")
    assert not asked(
        suggest("neglect_level, value: low, evidence: observed", events=held), "A strategy discussion about this child is overdue"
    )


def test_other_children_in_the_home_are_asked_about() -> None:
    found = suggest("neglect_level, value: moderate, evidence: observed")
    assert asked(found, "Each needs a view of their own")
    looked_at = suggest("neglect_level, value: moderate, evidence: observed", "siblings_checked, value: true, evidence: confirmed")
    assert not asked(looked_at, "Each needs a view of their own")
    missed = suggest("siblings_checked, value: false, evidence: confirmed")
    assert asked(missed, "Each needs a view of their own") and missed.level == 1


# ------------------------------------------------------------------------------------------------ what is not counted


@pytest.mark.parametrize(
    "more, why",
    [
        ("evidence: refuted", "refuted"),
        ('evidence: observed, "on": 2026-04-16', "after the date of this check"),
        ("evidence: observed, subject: sibling", "about another child"),
        ("evidence: observed, subject: C-0009", "about another child"),
    ],
)
def test_what_is_refuted_still_to_come_or_about_another_child_is_kept_and_said(more: str, why: str) -> None:
    found = suggest(f"neglect_level, value: severe, {more}")
    assert found.level == 1 and [s.fact for s in found.not_counted] == ["neglect_level"] and why in found.not_counted[0].why


def test_a_fact_dated_the_same_day_counts() -> None:
    assert suggest('neglect_level, value: moderate, evidence: observed, "on": 2026-04-15').level == 3


@pytest.mark.parametrize(
    "one, other, level",
    [
        ("neglect_level, value: none, evidence: observed", "neglect_level, value: moderate, evidence: observed", 3),
        ("young_child_left_alone, value: false, evidence: confirmed", "young_child_left_alone, value: true, evidence: disclosed", 4),
        ("self_harm_count_12m, value: 0, evidence: confirmed", "self_harm_count_12m, value: 2, evidence: disclosed", 3),
    ],
)
def test_records_that_contradict_each_other_are_read_on_the_safer_side_and_it_is_said(one: str, other: str, level: int) -> None:
    for facts in ((one, other), (other, one)):
        found = suggest(*facts)
        assert found.level == level and any("safer reading" in s.why for s in found.not_counted)


def test_protection_that_is_both_claimed_and_denied_softens_nothing() -> None:
    need = "neglect_level, value: moderate, evidence: observed"
    help_ = "services_effective_now, value: true, evidence: confirmed"
    adult = "protective_adult_able_to_act, value: true, evidence: observed"
    assert suggest(need, help_, adult).level == 2
    assert suggest(need, help_, adult, adult.replace("true", "false")).level == 3
    assert suggest(need, help_, adult.replace("observed", "disclosed")).level == 3
    assert suggest(need, help_, f"{adult}, timing: past").level == 3
    assert suggest(need, help_, f'{adult}, timing: past, "on": 2026-04-01').level == 3
    assert suggest(need, help_).level == 3


def test_protection_never_cancels_a_floor_and_never_lowers_level_4() -> None:
    protection = [
        f"{name}, value: true, evidence: confirmed"
        for name in ("services_effective_now", "protective_adult_able_to_act", "parent_recognises_concern", "support_network_active")
    ]
    assert suggest("disclosure_sexual_abuse, value: true, evidence: disclosed", *protection).level == 4
    assert suggest("neglect_level, value: severe, evidence: observed", *protection).level == 4
    assert suggest("disclosure_sexual_abuse, value: true, evidence: alleged", *protection).level == 3


def test_several_and_unspecified_weigh_the_least_they_can_and_the_rest_is_asked_for() -> None:
    several = suggest("self_harm_count_12m, value: several, evidence: disclosed")
    assert several.level == suggest("self_harm_count_12m, value: 2, evidence: disclosed").level == 3
    missing = suggest("missing_episodes_count_90d, value: several, evidence: confirmed")
    assert missing.level == 3 and any(m.fact == "missing_episodes_count_90d" for m in missing.missing)
    degree = suggest("neglect_level, value: unspecified, evidence: observed")
    assert degree.level == 2 and any(m.fact == "neglect_level" and (m.could_change_to or 0) > 2 for m in degree.missing)


def test_unknown_is_not_no() -> None:
    found = suggest("young_child_left_alone, value: unknown")
    assert found.level == 1 and any(m.fact == "young_child_left_alone" and m.could_change_to == 4 for m in found.missing)
    assert not any(m.fact == "young_child_left_alone" for m in suggest("young_child_left_alone, value: false, evidence: observed").missing)


# ------------------------------------------------------------------------------------------------ numbers that decide


@pytest.mark.parametrize(
    "fact, short, enough, below, at",
    [
        ("was_not_brought_count_12m", 2, 3, 2, 3),
        ("accidents_or_ae_count_12m", 1, 2, 1, 2),
        ("accidents_or_ae_count_12m", 3, 4, 2, 3),
        ("attendance_percent", 90, 89, 1, 2),
        ("attendance_percent", 50, 49, 2, 3),
        ("suspensions_count_12m", 2, 3, 2, 3),
        ("self_harm_count_12m", 1, 2, 2, 3),
        ("gcp2_worst_grade", 2, 3, 1, 2),
        ("gcp2_worst_grade", 3, 4, 2, 3),
        ("gcp2_worst_grade", 4, 5, 3, 4),
        ("da_incident_count_12m", 2, 3, 2, 3),
        ("da_dash_ticks", 13, 14, 1, 4),
        ("exploitation_indicator_count_6m", 1, 2, 1, 3),
        ("exploitation_indicator_count_6m", 3, 4, 3, 4),
        ("missing_episodes_count_90d", 1, 2, 2, 3),
        ("missing_episodes_count_90d", 2, 3, 3, 4),
    ],
)
def test_the_number_at_which_a_count_weighs_more(fact: str, short: int, enough: int, below: int, at: int) -> None:
    assert suggest(f"{fact}, value: {short}, evidence: confirmed").level == below
    assert suggest(f"{fact}, value: {enough}, evidence: confirmed").level == at


@pytest.mark.parametrize(
    "fact, short, enough, beside",
    [
        ("neglect_duration_months", 5, 6, "neglect_level, value: low, evidence: observed"),
        ("independent_sources_count", 2, 3, "neglect_level, value: low, evidence: observed"),
    ],
)
def test_the_number_at_which_a_modifier_lifts(fact: str, short: int, enough: int, beside: str) -> None:
    assert suggest(beside, f"{fact}, value: {short}, evidence: confirmed").level == 2
    assert suggest(beside, f"{fact}, value: {enough}, evidence: confirmed").level == 3


@pytest.mark.parametrize("born, level", [("2025-04-16", 3), ("2025-04-15", 2)])
def test_a_child_is_an_infant_until_twelve_months_to_the_day(born: str, level: int) -> None:
    assert suggest("supervision_concern, value: occasional, evidence: observed", child=f"date_of_birth: {born}").level == level


def test_small_needs_in_three_parts_of_life_and_not_in_two_add_up() -> None:
    needs = [
        "poor_punctuality, value: true, evidence: confirmed",
        "inconsistent_boundaries, value: true, evidence: observed",
        "bullied, value: true, evidence: disclosed",
    ]
    assert suggest(*needs[:2]).level == 2
    assert suggest(*needs).level == 3
    assert suggest(*needs[:2], "neet_or_at_risk, value: true, evidence: confirmed").level == 2  # the same part of life as lateness


def test_larger_needs_in_two_parts_of_life_and_not_in_one_add_up_to_level_4() -> None:
    neglect, school = "neglect_level, value: moderate, evidence: observed", "missing_education, value: true, evidence: confirmed"
    excluded = "permanent_exclusion_or_risk, value: true, evidence: confirmed"
    assert suggest(neglect, school).level == 4 and not suggest(neglect, school).significant
    assert suggest(school, excluded).level == 3
    assert suggest(neglect, school.replace("confirmed", "reported")).level == 3


@pytest.mark.parametrize("days, weighed", [(90, True), (91, False)])
def test_missing_episodes_count_for_ninety_days_to_the_day(days: int, weighed: bool) -> None:
    found = suggest(
        "child_isolated, value: false, evidence: observed",
        events=tuple(f"event: missing_episode_started, at: {day}" for day in (days_before(days), days_before(20))),
    )
    assert found.level == (3 if weighed else 2)


@pytest.mark.parametrize("first, weighed", [("2025-04-15", True), ("2025-04-14", False)])
def test_domestic_abuse_notifications_count_for_twelve_months_to_the_day(first: str, weighed: bool) -> None:
    days = (first, "2025-12-01", "2026-02-01")
    found = suggest(
        "child_isolated, value: false, evidence: observed", events=tuple(f"event: da_notification_received, at: {day}" for day in days)
    )
    assert found.level == (3 if weighed else 2)


@pytest.mark.parametrize("on, level", [("2025-04-15", 4), ("2025-04-14", 3)])
def test_a_record_without_a_timing_is_past_after_twelve_months_to_the_day(on: str, level: int) -> None:
    assert suggest(f'physical_punishment, value: injury_or_implement, evidence: disclosed, "on": {on}').level == level


@pytest.mark.parametrize("first, asked_for", [("2025-04-15", True), ("2025-04-14", False)])
def test_contacts_count_for_twelve_months_to_the_day(first: str, asked_for: bool) -> None:
    found = suggest(
        "child_isolated, value: false, evidence: observed",
        events=tuple(f"event: contact_received, at: {day}" for day in (first, "2025-12-01", "2026-02-02")),
    )
    assert asked(found, "chronology") is asked_for and found.level == 1


@pytest.mark.parametrize("n, asked_for", [(1, False), (2, True)])
def test_two_contacts_closed_without_action_and_not_one_ask_for_a_manager(n: int, asked_for: bool) -> None:
    events = tuple(f"event: contact_outcome_recorded, at: 2026-0{month}-03, outcome: nfa" for month in range(1, n + 1))
    found = suggest("child_isolated, value: false, evidence: observed", events=events)
    assert asked(found, "Ask a manager to read the earlier decisions") is asked_for and found.level == 1


@pytest.mark.parametrize("first, again", [("2025-03-02", True), ("2025-03-01", False)])
def test_a_referral_within_twelve_months_to_the_day_is_a_second_one(first: str, again: bool) -> None:
    events = tuple(f"event: referral_received, at: {day}, ref: R{day}" for day in (first, "2026-03-02"))
    found = suggest("child_isolated, value: false, evidence: observed", events=events)
    assert asked(found, "Read the last decision again") is again and found.level == 1


@pytest.mark.parametrize("days, counted", [(90, True), (91, False)])
def test_agencies_corroborate_one_worry_within_ninety_days_to_the_day(days: int, counted: bool) -> None:
    reports = ((days, "health_visitor"), (30, "school"), (2, "police"))
    found = suggest(
        *(f'basic_care_shortfall, value: some, evidence: observed, source_agency: {who}, "on": {days_before(n)}' for n, who in reports)
    )
    assert ("rt_corroborated" in fired(found)) is counted and found.level == (3 if counted else 2)


@pytest.mark.parametrize("n, lowered", [(1, False), (2, True)])
def test_two_verified_protections_and_not_one_lower_a_level(n: int, lowered: bool) -> None:
    names = ("services_effective_now", "parent_recognises_concern")
    found = suggest("neglect_level, value: moderate, evidence: observed", *(f"{p}, value: true, evidence: confirmed" for p in names[:n]))
    assert found.level == (2 if lowered else 3)


# ------------------------------------------------------------------------------------------------------- whatever else


def test_level_1_says_that_nothing_points_to_extra_need_or_gives_its_reasons() -> None:
    found: Any = suggest("poor_punctuality, value: false, evidence: observed")
    assert found.level == 1 and found.pathways == ("universal",) and found.alternatives and found.smallest == ()


def test_the_plan_of_a_day_before_the_rules_began_says_nothing() -> None:
    assert not reasoner(day_number(date(2024, 12, 31))).plan.rules
    assert len(reasoner(day_number(date(2025, 1, 1))).plan.rules) == len(THRESHOLDS.rules)
