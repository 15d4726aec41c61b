"""The children in need census as the DfE defines it: its tags and where they stand, and its rules on the order of dates."""

from __future__ import annotations

import difflib

LEAVES: dict[str, frozenset[str]] = {
    "Child": frozenset(),
    "ChildIdentifiers": frozenset(
        [
            "LAchildID",
            "UPN",
            "FormerUPN",
            "UPNunknown",
            "PersonBirthDate",
            "ExpectedPersonBirthDate",
            "Sex",
            "GenderCurrent",
            "PersonDeathDate",
        ]
    ),
    "CINdetails": frozenset(
        ["CINreferralDate", "ReferralSource", "PrimaryNeedCode", "CINclosureDate", "ReasonForClosure", "DateOfInitialCPC", "ReferralNFA"]
    ),
    "Assessments": frozenset(
        ["AssessmentActualStartDate", "AssessmentInternalReviewDate", "AssessmentAuthorisationDate", "FactorsIdentifiedAtAssessment"]
    ),
    "CINPlanDates": frozenset(["CINPlanStartDate", "CINPlanEndDate"]),
    "Section47": frozenset(["S47ActualStartDate", "InitialCPCtarget", "DateOfInitialCPC", "ICPCnotRequired"]),
    "ChildProtectionPlans": frozenset(
        [
            "CPPstartDate",
            "CPPendDate",
            "InitialCategoryOfAbuse",
            "LatestCategoryOfAbuse",
            "NumberOfPreviousCPP",
        ]
    ),
    "Reviews": frozenset(),
    "PreProceedingsandFGDM": frozenset(
        [
            "PPStartDate",
            "LBPSentDate",
            "FGDMMeetingOffer",
            "FGDMMeetingFac",
            "InitialPPMeetingDate",
            "ReviewMeetingsCount",
            "StepDecisionDate",
            "PPOutcome",
            "CourtAppDate",
            "LetterInitCPDate",
        ]
    ),
}
INNER: dict[str, frozenset[str]] = {
    "Child": frozenset(["ChildIdentifiers", "ChildCharacteristics", "CINdetails"]),
    "CINdetails": frozenset(["Assessments", "CINPlanDates", "Section47", "ChildProtectionPlans", "PreProceedingsandFGDM"]),
    "ChildProtectionPlans": frozenset(["Reviews"]),
    "Reviews": frozenset(["CPPreviewDate"]),
}
PLACES: dict[str, tuple[str, ...]] = {}
for _parts in (LEAVES, INNER):
    for _module, _tags in _parts.items():
        for _tag in sorted(_tags):
            PLACES[_tag] = (*PLACES.get(_tag, ()), _module)
KNOWN = {tag.casefold(): tag for tag in PLACES}

CARRIED = (
    "referral_received",
    "cp_transfer_notified",
    "assessment_started",
    "strategy_discussion_held",
    "s47_started",
    "s47_outcome_recorded",
    "icpc_held",
    "assessment_authorised",
    "cin_plan_ended",
    "cin_plan_started",
    "cp_plan_started",
    "rcpc_held",
    "cp_plan_ended",
    "case_closed",
    "child_died",
)
DATED_BY_THE_DISCUSSION = ("s47_started", "s47_outcome_recorded")
"""Emitted on the day of the strategy discussion, the only date a return gives an enquiry. Rules about these events are not
evaluable from a return: the day would make them look met for everyone.
"""
CARRIED_FROM_2026 = (
    "letter_before_proceedings_sent",
    "fgdm_offered",
    "pre_proceedings_meeting_held",
    "care_application_issued",
    "pre_proceedings_ended",
)
WHOLE = frozenset(
    [
        ("assessment_started", "assessment_authorised"),
        ("strategy_discussion_held", "icpc_held"),
        ("cp_transfer_notified", "icpc_held"),
        ("cin_plan_started", "cin_plan_ended"),
        ("cp_plan_started", "cp_plan_ended"),
        ("letter_before_proceedings_sent", "care_application_issued"),
        ("letter_before_proceedings_sent", "pre_proceedings_ended"),
    ]
)
"""Pairs of dates of one module. A return has the modules that were open in its year or ended in it (rules 8696, 8620, 8715, 4013),
each with both its dates, however long before the year it began. What ended before the year is not in it, so a look back past
1 April finds too little, and a referral from before it may have had an assessment that no longer shows.
"""
NOT_CUT_OFF = frozenset(["letter_before_proceedings_sent"])
"""The letter begins the pre-proceedings that are in the return: it is the first of them, whenever it was sent."""
PRECEDENCE = {kind: i for i, kind in enumerate((*CARRIED[:-2], *CARRIED_FROM_2026, *CARRIED[-2:]))}
"""The order in which events of one day are kept: a referral before the assessment it leads to, and so on."""

ORDER = {
    "1103": "an assessment starts before the referral",
    "1104": "an initial conference is dated before the referral",
    "1105": "a child protection plan starts before the referral",
    "2889": "a section 47 enquiry starts before the referral",
    "4011": "a child in need plan ends before it starts",
    "4015": "a child in need plan starts before the referral",
    "8608": "an assessment is authorised before it starts",
    "8615": "an initial conference is dated before its section 47 enquiry",
    "8630": "a case closes before its referral",
    "8841": "a review conference is dated on or before the day its plan starts",
    "8925": "a child protection plan ends before it starts",
}
"""The census rules on the order of dates, by DfE number."""


def nearest(tag: str) -> str:
    """The tag of the schema that a tag was probably meant to be; empty where none is near.

    >>> nearest("CINClosureDate"), nearest("ICPCRequired"), nearest("Postcode")
    ('CINclosureDate', 'ICPCnotRequired', '')
    """
    near = difflib.get_close_matches(tag.casefold(), KNOWN, n=1, cutoff=0.8)
    return KNOWN[near[0]] if near else ""
