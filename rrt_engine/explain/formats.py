"""Which rules can be judged from which format, worked out from the readers and the rules.

The page of the docs, the page of each rule and the exported site all say what is worked out here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rrt_engine.model import Coverage, EventLog
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.carries import Carried, formats
from rrt_engine.timescales.evaluate import unsupported_kinds

FAMILIES = {
    "contact and referral decisions": ("fd_contact_screen", "fd_referral_decision_24h", "fd_referral_decision_1wd", "fd_referrer_ack_1wd"),
    "assessment in 45 working days": ("as_single_45wd", "as_single_45wd_census"),
    "strategy discussion and section 47 enquiry": ("cp_strategy_discussion", "cp_s47_start", "cp_s47_complete"),
    "initial conference in 15 working days": ("cp_icpc_15wd",),
    "core groups": ("cp_core_group_first", "cp_core_group_repeat"),
    "review conferences": ("cp_rcpc_first", "cp_rcpc_next"),
    "child protection and child in need visits": ("cp_visit", "as_cin_visit"),
    "reviews of children in care": ("lac_review_first", "lac_review_second", "lac_review_subsequent"),
    "visits to children in care": ("visit_initial", "visit_first_year", "visit_after_year_other"),
    "health assessments and dental checks": ("iha", "rha_under5", "rha_5plus", "dental_check"),
    "return home interviews": ("ht_rhi_offered_72h", "ht_rhi_completed_72h"),
    "limits on placements": ("reg24_temp_approval", "emergency_foster_limit"),
    "pathway plans and keeping in touch": ("pathway_plan", "pathway_review", "keeping_in_touch"),
    "pre-proceedings": ("pl_letter_before_proceedings", "pl_pre_proc_16w", "pl_pre_proc_drift_20w"),
    "private fostering": ("pf_reg4_visit_7wd", "pf_reg8_y1_6w", "pf_reg8_y2_12w"),
    "adoption milestones": ("adoption_a1", "adoption_a2", "match_within_6m"),
}
BECAUSE = {
    (
        "contact and referral decisions",
        "Annex A",
    ): "Lists 1 and 3 have the days of contacts and referrals and no day of a decision. The next "
    "referral is not proof that somebody decided, so it is not taken for one.",
    ("contact and referral decisions", "SSD"): "A contact's outcome has no date of its own in SSD: it would look met for every contact.",
    ("strategy discussion and section 47 enquiry", "SSD"): "The enquiry's start is the day of the strategy discussion, so neither is "
    "measured from the other; the day it ended is read and ends other duties.",
    ("strategy discussion and section 47 enquiry", "DfE API"): "As for SSD: the start is the day of the strategy discussion.",
    ("health assessments and dental checks", "SSDA903"): "The return has a yes or no for the year and no day: it is read as the year's "
    "outcomes, and no assessment is dated by it.",
    ("return home interviews", "SSDA903"): "Episodes of being missing are read with their days. Interviews are not in the return, so an "
    "interview that is not recorded is never held against anybody.",
    ("return home interviews", "SSD"): "Episodes are read with their days: an interview offered or accepted is a yes or no without a day.",
    ("limits on placements", "Annex A"): "List 8 has the latest placement and its type. A temporary approval under regulation 24, or an "
    "emergency placement under regulation 23, from which these limits run, is not in it.",
    ("limits on placements", "SSDA903"): "Placements are read with their codes and days, but no code is an approval under regulation 24.",
    ("limits on placements", "SSD"): "As for SSDA903.",
    ("limits on placements", "DfE API"): "As for SSDA903.",
    ("pathway plans and keeping in touch", "Annex A"): "List 9 has the latest review and contact and not the day from which the young "
    "person was owed them, without which nothing is due.",
    (
        "pathway plans and keeping in touch",
        "SSDA903",
    ): "Being in touch is a word for the year about a birthday: it is read as circumstances.",
    ("pathway plans and keeping in touch", "SSD"): "As for Annex A.",
    ("pathway plans and keeping in touch", "DfE API"): "As for Annex A.",
    ("pre-proceedings", "CIN census"): "From the 2026-27 return. It has no day of the decision to send the letter, so that one rule is "
    "left out.",
    ("private fostering", "CIN census"): "A factor of the assessment says that there was an arrangement, with no day.",
    ("private fostering", "SSD"): "As for the census.",
    ("private fostering", "DfE API"): "As for the census.",
    ("adoption milestones", "SSDA903"): "The day of placing is in it for every child. Decisions and matches are in it for "
    "children who were adopted or placed, so nothing can be said of the others.",
    ("adoption milestones", "DfE API"): "It has no placement order, from which one of the rules runs.",
}
LETTERS = {
    "H": "every date: who was on time, and who is overdue",
    "C": "the latest date only: who is overdue now, never who was on time",
    "P": "some of the rules, or some with every date and some with the latest only",
    "–": "none of them: the events they need are not in the format",
}
OF_ONE = {
    "H": "Every date: who was on time, and who is overdue.",
    "C": "The latest date only: who is overdue now, never who was on time.",
    "–": "Not at all: the events it needs are not in the format.",
}
"""What a letter says of one rule."""


def letter(book: RuleBook, rule_id: str, carried: Carried) -> str:
    """What can be said of one rule from a format: H, C or –."""
    nothing = np.zeros(0, np.int32)
    coverage = Coverage(carried.kinds, {}, carried.latest)
    log = EventLog(np.zeros(0, object), (), nothing, nothing.astype(np.int16), nothing, coverage=coverage)
    rule = book.named(rule_id)[-1]
    if unsupported_kinds(book, rule, log):
        return "–"
    expected = set(rule.spec.expect.event) if rule.spec.expect else set()
    return "C" if expected & carried.latest and not expected & carried.history else "H"


def of_family(letters: list[str]) -> str:
    """What can be said of rules together."""
    found = set(letters)
    return found.pop() if len(found) == 1 else "C" if found == {"C", "–"} else "P"


def matrix(book: RuleBook) -> dict[str, dict[str, str]]:
    """For each family of rules, what can be said of it from each format."""
    carried = formats(book.events)
    return {
        family: {name: of_family([letter(book, rule, what) for rule in rules]) for name, what in carried.items()}
        for family, rules in FAMILIES.items()
    }


def letters(book: RuleBook) -> dict[str, dict[str, str]]:
    """For each rule in force, what can be said of it from each format."""
    carried = formats(book.events)
    ids = dict.fromkeys(r.id for r in book.rules if r.spec.stage == "in_force")
    return {rule: {name: letter(book, rule, what) for name, what in carried.items()} for rule in ids}


def surprises(rule_id: str) -> Mapping[str, str]:
    """What is to be said of the formats that surprise, for a rule of a family: by the name of the format."""
    return {name: text for (family, name), text in BECAUSE.items() if rule_id in FAMILIES[family]}
