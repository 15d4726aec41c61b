"""The workload for thresholds: cases of eight facts with the repetition that front-door extracts have, from a fixed seed.

Twelve presentations (what is reported together) each have a pool of facts, the commonest first. A template is eight facts
drawn from one pool with Zipf weights, each with a value drawn so too, worded as one agency words its reports: extracts hold
one form an agency, and what its form does not ask is not recorded. A case is a template drawn with Zipf weights; in a share
`VARIETY` of the cases one of the eight is recorded otherwise: another fact, another value or other evidence. Dates lie within
ten months. What the repetition comes to is printed with the results, which depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.model import Fact
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.thresholds.batch import Batch

FACTS_A_CASE = 8
TEMPLATES = 1_000
VARIANTS = 40
VARIETY = 0.2
CASES_DAY = 20558  # 15 April 2026
PRESENTATIONS = {
    "police": [
        "da_latest_severity da_child_present_or_heard da_current da_recent_separation da_escalating parental_conflict_exposure "
        "child_seen_and_heard da_coercive_control consent_status siblings_checked household_criminality parent_substance_misuse_impact "
        "da_victim_pregnant_or_infant da_perpetrator_has_access support_network_active",
        "missing_overnight_or_far_from_home controlling_older_associate unexplained_money_or_items criminal_exploitation_or_gang "
        "child_substance_use harm_location_outside_home consent_status antisocial_or_offending negative_peer_group "
        "exploitation_screening_result child_has_trusted_adult parental_engagement attendance_percent suspensions_count_12m",
        "supervision_concern young_child_left_alone parent_substance_misuse_impact unsafe_adults_in_home housing_condition "
        "consent_status child_seen_and_heard household_criminality neglect_level siblings_checked immediate_danger_now",
    ],
    "school": [
        "attendance_percent poor_punctuality hygiene_or_clothing_concern child_presents_hungry neglect_level parental_engagement "
        "consent_status basic_care_shortfall early_help_tried learning_need_unmet family_isolated emotional_difficulty bullied "
        "financial_hardship dental_disease_untreated",
        "emotional_difficulty self_harm_count_12m anxious_withdrawn_or_clingy low_self_esteem_or_identity_worry "
        "peer_relationship_difficulty consent_status child_has_trusted_adult online_risk bereavement_or_separation_distress "
        "parental_engagement suicide_attempt_or_intent attendance_percent parent_recognises_concern",
        "disclosure_physical_abuse physical_punishment injury_mobile_plausible injury_suspicious_pattern explanation_unsuitable "
        "child_seen_and_heard consent_status carer_response_inappropriate low_warmth_high_criticism siblings_checked bullied "
        "anxious_withdrawn_or_clingy protective_adult_able_to_act",
        "challenging_behaviour_setting suspensions_count_12m permanent_exclusion_or_risk learning_need_unmet ehc_plan "
        "challenging_behaviour_home consent_status early_help_tried parental_engagement beyond_parental_control child_substance_use "
        "inconsistent_boundaries",
    ],
    "health": [
        "was_not_brought_count_12m growth_or_weight_concern developmental_delay routine_health_checks_missed neglect_level "
        "parent_mental_health_impact consent_status parental_engagement services_effective_now speech_language_delay "
        "disability_support_need chronic_condition_poorly_managed family_isolated",
        "perinatal_mental_illness antenatal_care_missed_or_late parent_young_or_unsupported da_current substance_misuse_in_pregnancy "
        "consent_status parent_care_experienced housing_insecure support_network_active unsafe_sleep_or_feeding "
        "parent_previous_child_removed financial_hardship",
        "injury_under_two not_independently_mobile explanation_unsuitable delay_seeking_care consent_status child_seen_and_heard "
        "carer_response_inappropriate siblings_checked parent_recognises_concern injury_suspicious_pattern unsafe_sleep_or_feeding "
        "family_isolated",
    ],
    "family": [
        "family_breakdown_risk challenging_behaviour_home child_violence_to_family parental_conflict_exposure consent_status "
        "carer_assessment_requested parent_mental_health_impact financial_hardship young_carer_impact early_help_tried "
        "support_network_active disability_support_need parent_recognises_concern",
    ],
    "anonymous": [
        "neglect_level supervision_concern parent_substance_misuse_impact housing_condition child_presents_hungry da_current "
        "physical_punishment hygiene_or_clothing_concern household_criminality low_warmth_high_criticism drug_dealing_or_weapons_in_home "
        "young_child_left_alone",
    ],
}  # fmt: skip
WORDING = {  # evidence and specificity, the commonest first
    "police": [("reported", "specific"), ("confirmed", "specific"), ("alleged", "vague")],
    "school": [("reported", "specific"), ("disclosed", "specific"), ("observed", "specific"), ("reported", "vague")],
    "health": [("observed", "specific"), ("confirmed", "specific"), ("reported", "specific")],
    "family": [("reported", "specific"), ("alleged", "vague")],
    "anonymous": [("alleged", "vague"), ("reported", "vague")],
}
NUMBERS = {"attendance_percent": [88, 82, 71, 45, 93], "self_harm_count_12m": [1, 2, 4], "was_not_brought_count_12m": [2, 1, 3, 5]}


@dataclass(frozen=True)
class Made:
    """The cases as a batch, and what can be said of their repetition."""

    batch: Batch
    templates: int
    distinct_records: int


def zipf(n: int, exponent: float = 1.0) -> np.ndarray:
    """Weights that fall as a power of the rank."""
    weights = 1 / np.arange(1, n + 1) ** exponent
    return weights / weights.sum()


def make(n: int, book: ThresholdBook, variety: float = VARIETY, seed: int = 20260415) -> Made:
    """So many cases, the same from every run."""
    r = np.random.default_rng(seed)
    pools = [(agency, pool.split()) for agency, given in PRESENTATIONS.items() for pool in given]
    known: dict[Fact, int] = {}

    def record(agency: str, name: str, wording: int) -> int:
        kind = book.facts[name]
        values: list[object] = [True] if kind.type == "boolean" else list(kind.values) or list(NUMBERS.get(name, [1, 2, 3]))
        value = values[r.choice(len(values), p=zipf(len(values)))]
        impact = "some" if r.random() < 0.1 else "unknown"
        fact = Fact(name, value, *WORDING[agency][wording], "current", "unknown", impact, agency)  # type: ignore[arg-type]
        return known.setdefault(fact, len(known))

    of_pool = r.choice(len(pools), TEMPLATES, p=zipf(len(pools), 0.5))
    templates = np.empty((TEMPLATES, FACTS_A_CASE), np.int32)
    variants = np.empty((TEMPLATES, VARIANTS, 2), np.int32)
    for i in range(TEMPLATES):
        agency, pool = pools[of_pool[i]]
        styles = len(WORDING[agency])
        names = [pool[k] for k in r.choice(len(pool), FACTS_A_CASE, replace=False, p=zipf(len(pool)))]
        wording = int(r.choice(styles, p=zipf(styles)))
        templates[i] = [record(agency, name, wording) for name in names]
        spare = [name for name in pool if name not in names]
        for k in range(VARIANTS):
            place = int(r.integers(FACTS_A_CASE))
            name = names[place] if r.random() < 0.5 else spare[r.integers(len(spare))]
            variants[i, k] = place, record(agency, name, int(r.choice(styles, p=zipf(styles))))
    chosen = r.choice(TEMPLATES, n, p=zipf(TEMPLATES))
    rows = templates[chosen]
    other = np.flatnonzero(r.random(n) < variety)
    change = variants[chosen[other], r.choice(VARIANTS, len(other), p=zipf(VARIANTS, 0.5))]
    rows[other, change[:, 0]] = change[:, 1]
    on = np.repeat(CASES_DAY - r.integers(1, 300, n), FACTS_A_CASE).astype(np.int32)
    ids = [f"C{i:07d}" for i in range(n)]
    batch = Batch(ids, np.repeat(np.arange(n, dtype=np.int32), FACTS_A_CASE), rows.ravel(), on, tuple(known))
    return Made(batch, TEMPLATES, len(known))
