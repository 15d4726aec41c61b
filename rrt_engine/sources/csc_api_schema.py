"""The fields of the DfE's daily children's social care collection (CSC API, schema 1.0.1), and what each must be.

Names, pupil numbers, sex, ethnicity, disabilities, postcodes and assessment factors start no duty and are not read.
"""

from __future__ import annotations

NOT_READ = "not read"
FIELDS: dict[str, dict[str, str]] = {
    "child": {
        "la_child_id": "text",
        "mis_child_id": NOT_READ,
        "purge": "boolean",
        "child_details": "block",
        "health_and_wellbeing": "block",
        "social_care_episodes": "block",
    },
    "child_details": {
        "unique_pupil_number": NOT_READ,
        "former_unique_pupil_number": NOT_READ,
        "unique_pupil_number_unknown_reason": NOT_READ,
        "first_name": NOT_READ,
        "surname": NOT_READ,
        "date_of_birth": "date",
        "expected_date_of_birth": "date",
        "sex": NOT_READ,
        "ethnicity": NOT_READ,
        "disabilities": NOT_READ,
        "postcode": NOT_READ,
        "uasc_flag": NOT_READ,
        "uasc_end_date": NOT_READ,
        "purge": "boolean",
    },
    "health_and_wellbeing": {"sdq_assessments": "block", "purge": "boolean"},
    "sdq_assessments": {"date": "date", "score": "integer"},
    "social_care_episodes": {
        "social_care_episode_id": "text",
        "referral_date": "date",
        "referral_source": "text",
        "referral_no_further_action_flag": "boolean",
        "closure_date": "date",
        "closure_reason": "text",
        "care_worker_details": "block",
        "child_and_family_assessments": "block",
        "child_in_need_plans": "block",
        "section_47_assessments": "block",
        "child_protection_plans": "block",
        "child_looked_after_placements": "block",
        "adoption": "block",
        "care_leavers": "block",
        "purge": "boolean",
    },
    "care_worker_details": {"worker_id": "text", "start_date": "date", "end_date": "date"},
    "child_and_family_assessments": {
        "child_and_family_assessment_id": "text",
        "start_date": "date",
        "authorisation_date": "date",
        "factors": NOT_READ,
        "purge": "boolean",
    },
    "child_in_need_plans": {"child_in_need_plan_id": "text", "start_date": "date", "end_date": "date", "purge": "boolean"},
    "section_47_assessments": {
        "section_47_assessment_id": "text",
        "start_date": "date",
        "icpc_required_flag": "boolean",
        "icpc_date": "date",
        "end_date": "date",
        "purge": "boolean",
    },
    "child_protection_plans": {"child_protection_plan_id": "text", "start_date": "date", "end_date": "date", "purge": "boolean"},
    "child_looked_after_placements": {
        "child_looked_after_placement_id": "text",
        "start_date": "date",
        "start_reason": "text",
        "placement_type": "text",
        "postcode": NOT_READ,
        "end_date": "date",
        "end_reason": "text",
        "change_reason": "text",
        "purge": "boolean",
    },
    "adoption": {"initial_decision_date": "date", "matched_date": "date", "placed_date": "date", "purge": "boolean"},
    "care_leavers": {"contact_date": "date", "activity": "text", "accommodation": "text", "purge": "boolean"},
}
"""What each block may hold. A field that is not here is kept out and counted."""

ID_OF = {
    "social_care_episodes": "social_care_episode_id",
    "child_and_family_assessments": "child_and_family_assessment_id",
    "child_in_need_plans": "child_in_need_plan_id",
    "section_47_assessments": "section_47_assessment_id",
    "child_protection_plans": "child_protection_plan_id",
    "child_looked_after_placements": "child_looked_after_placement_id",
}
"""The id by which a record that is sent again is known."""
LISTS = tuple(block for block in ID_OF if block != "social_care_episodes")
SINGLE = ("adoption", "care_leavers")
AT_MOST = 100
"""How many children one submission may hold."""

CARRIED = (
    "referral_received",
    "worker_allocated",
    "assessment_started",
    "strategy_discussion_held",
    "icpc_held",
    "assessment_authorised",
    "cin_plan_ended",
    "cin_plan_started",
    "cp_plan_started",
    "cp_plan_ended",
    "looked_after_started",
    "placement_ended",
    "placement_started",
    "sdq_recorded",
    "adm_decision_recorded",
    "adoption_match_approved",
    "placed_for_adoption",
    "adoption_order_made",
    "looked_after_ended",
    "pa_contact",
    "care_leaver_circumstances_recorded",
    "case_closed",
)
"""The kinds of event the collection can hold. It has no contacts, decisions, visits, reviews, core groups or health dates."""
DATED_BY_THE_ENQUIRY = ("s47_started", "s47_outcome_recorded")
"""Emitted on the day the enquiry started, and not claimed: see `csc_api_events`."""
LATEST = ("pa_contact", "care_leaver_circumstances_recorded")
"""Of these a submission holds the latest only."""
_AFTER_THE_DISCUSSION = CARRIED.index("strategy_discussion_held") + 1
PRECEDENCE = {kind: i for i, kind in enumerate((*CARRIED[:_AFTER_THE_DISCUSSION], *DATED_BY_THE_ENQUIRY, *CARRIED[_AFTER_THE_DISCUSSION:]))}
"""The order in which events of one day are kept."""
