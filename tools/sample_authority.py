"""Write cases/sample: a small made-up authority, the same every time: `python tools/sample_authority.py`.

No child in it is real. Journeys are drawn so that most duties are done just before their limit, as in life, some after
it and some not at all; a few rows are wrong on purpose, to show what is said about them. Facts and decisions are drawn
beside the journeys, with a random stream of their own: what agencies report, as each of them words it, and what was
decided, which is mostly and not always what the facts point to.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np

from rrt_engine.calendar import Calendar, as_date, day_number

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "cases" / "sample" / "events.csv"
COVERS = TARGET.with_name("events.covers.yaml")
FACTS = TARGET.with_name("events.facts.csv")
DECISIONS = TARGET.with_name("events.decisions.csv")
CALENDAR = Calendar.read(ROOT / "rules" / "bank_holidays.csv")
AS_OF = date(2026, 4, 15)
COLUMNS = [
    "child_id", "event", "at", "ref", "date_of_birth", "team", "source_agency", "outcome", "reason", "s47_initiated", "icpc_required",
    "child_seen", "seen_alone", "regulation", "premises_seen", "carer_seen", "household_seen", "category",
]  # fmt: skip
AGENCIES = ["police", "school", "health", "family", "housing", "anonymous"]
TEAMS = ["North", "East", "South", "Central"]
Row = dict[str, object]


def working_days(start: date, n: int) -> date:
    """The n-th working day after a date."""
    return as_date(int(CALENDAR.add_working_days(np.array([day_number(start)]), n)[0]))


def near_limit(r: random.Random, limit: int, late: float) -> int:
    """A number of working days: most just inside the limit, some beyond it."""
    if r.random() < late:
        return limit + r.choice([1, 1, 2, 3, 5, 9])
    return max(limit - int(r.expovariate(6 / limit)), 1)


def clock(r: random.Random, day: date, low: int = 8, high: int = 18) -> str:
    """A time of day on a date."""
    return datetime.combine(day, time(r.randrange(low, high), r.choice([0, 5, 10, 15, 20, 30, 40, 45, 50]))).isoformat(timespec="minutes")


def journey(r: random.Random, number: int) -> Iterator[Row]:
    """One child's events, in no particular order and not cut off at the as-of date."""
    start = date(2025, 4, 1) + timedelta(days=r.randrange(0, 375))
    ref = f"R{number}"
    agency = r.choice(AGENCIES)
    yield {"event": "contact_received", "at": clock(r, start), "ref": f"K{number}", "source_agency": agency}
    decided = clock(r, start, 18, 20) if r.random() < 0.6 else clock(r, working_days(start, 1))
    if r.random() < 0.25:
        yield {
            "event": "contact_outcome_recorded",
            "at": decided,
            "ref": f"K{number}",
            "outcome": r.choice(["nfa", "advice", "early_help"]),
        }
        return
    yield {"event": "contact_outcome_recorded", "at": decided, "ref": f"K{number}", "outcome": "referral"}
    referral = datetime.fromisoformat(decided)
    yield {"event": "referral_received", "at": decided, "ref": ref, "source_agency": agency}
    decision = working_days(referral.date(), 1 if r.random() < 0.9 else r.choice([2, 3]))
    outcome = r.choices(["assess", "nfa", "early_help", "s47"], [55, 15, 10, 20])[0]
    yield {"event": "referral_decision_recorded", "at": clock(r, decision), "ref": ref, "outcome": outcome}
    if agency != "anonymous" and r.random() < 0.93:
        yield {"event": "referrer_informed", "at": decision.isoformat(), "ref": ref}
    if outcome in ("nfa", "early_help"):
        yield {"event": "case_closed", "at": working_days(decision, 2).isoformat(), "ref": ref, "reason": "RC8"}
        return
    yield {"event": "worker_allocated", "at": clock(r, working_days(decision, r.choice([1, 1, 1, 2]))), "ref": ref}
    started = working_days(decision, r.choice([0, 1, 2]))
    yield {"event": "assessment_started", "at": started.isoformat(), "ref": f"{ref}/A1"}
    seen = working_days(started, near_limit(r, 5, 0.1))
    yield {"event": "child_seen", "at": clock(r, seen), "seen_alone": r.choice(["true", "true", "true", ""])}
    authorised = working_days(referral.date(), near_limit(r, 45, 0.15))
    protect = outcome == "s47"
    if r.random() < 0.93:
        yield {
            "event": "assessment_authorised",
            "at": authorised.isoformat(),
            "ref": f"{ref}/A1",
            "outcome": "cp" if protect else r.choice(["cin", "nfa"]),
        }
    if protect:
        yield from protection(r, number, ref, decision)
    elif r.random() < 0.5:
        plan = working_days(authorised, near_limit(r, 10, 0.15))
        yield {"event": "cin_planning_meeting_held", "at": plan.isoformat(), "ref": f"C{number}"}
        yield {"event": "cin_plan_started", "at": plan.isoformat(), "ref": f"C{number}"}
        visit = plan
        for _ in range(r.randrange(1, 9)):
            visit = working_days(visit, near_limit(r, 20, 0.12))
            yield {"event": "cin_visit", "at": visit.isoformat(), "child_seen": r.choice(["true", "true", "true", "true", "false", ""])}
        if r.random() < 0.6:
            yield {"event": "cin_plan_ended", "at": working_days(visit, 5).isoformat(), "ref": f"C{number}", "outcome": "closed"}
            yield {"event": "case_closed", "at": working_days(visit, 6).isoformat(), "ref": ref, "reason": "RC1"}
    else:
        yield {"event": "case_closed", "at": working_days(authorised, 1).isoformat(), "ref": ref, "reason": "RC1"}


def protection(r: random.Random, number: int, ref: str, decision: date) -> Iterator[Row]:
    """A section 47 enquiry and what follows."""
    enquiry = f"{ref}/S1"
    strategy = working_days(decision, r.choice([0, 0, 1]))
    yield {
        "event": "strategy_discussion_held",
        "at": clock(r, strategy),
        "ref": enquiry,
        "s47_initiated": "" if r.random() < 0.04 else "true",
    }
    yield {"event": "s47_started", "at": strategy.isoformat(), "ref": enquiry}
    yield {"event": "child_seen", "at": clock(r, working_days(strategy, r.choice([0, 1, 1, 2]))), "seen_alone": "true"}
    needed = r.random() < 0.55
    yield {
        "event": "s47_outcome_recorded",
        "at": working_days(strategy, near_limit(r, 13, 0.1)).isoformat(),
        "ref": enquiry,
        "icpc_required": str(needed).lower(),
    }
    if not needed:
        return
    conference = working_days(strategy, near_limit(r, 15, 0.18))
    if r.random() < 0.04:
        return
    plan = r.random() < 0.85
    yield {"event": "icpc_held", "at": conference.isoformat(), "ref": enquiry, "outcome": "cp_plan" if plan else "no_plan"}
    if not plan:
        return
    yield {
        "event": "cp_plan_started",
        "at": conference.isoformat(),
        "ref": f"P{number}",
        "category": r.choice(["neglect", "emotional", "physical"]),
    }
    core = working_days(conference, near_limit(r, 10, 0.3))
    length = r.randrange(60, 420)
    end = conference + timedelta(days=length)
    while core < end:
        yield {"event": "core_group_held", "at": core.isoformat()}
        core = core + timedelta(days=r.choice([28, 35, 42, 42, 49]))
    visit = conference
    while (visit := working_days(visit, near_limit(r, 10, 0.06))) < end:
        yield {"event": "cp_visit", "at": visit.isoformat(), "child_seen": "" if r.random() < 0.02 else "true", "seen_alone": "true"}
    review = conference + timedelta(days=r.choice([80, 86, 88, 90, 95]))
    while review < end:
        yield {"event": "rcpc_held", "at": review.isoformat(), "outcome": "continue"}
        review = review + timedelta(days=r.choice([165, 175, 180, 182, 190]))
    if r.random() < 0.6:
        yield {"event": "rcpc_held", "at": end.isoformat(), "outcome": "end"}
        yield {"event": "cp_plan_ended", "at": end.isoformat(), "ref": f"P{number}"}


def adolescent(r: random.Random, number: int) -> Iterator[Row]:
    """Missing episodes and return interviews."""
    at = datetime(2025, 5, 1, 20, 0) + timedelta(days=r.randrange(0, 300), minutes=r.randrange(0, 600))
    for episode in range(r.randrange(1, 5)):
        back = at + timedelta(hours=r.randrange(4, 40))
        ref = f"M{number}.{episode + 1}"
        yield {"event": "missing_episode_started", "at": at.isoformat(timespec="minutes"), "ref": ref}
        yield {
            "event": "missing_episode_ended",
            "at": back.isoformat(timespec="minutes") if r.random() < 0.8 else back.date().isoformat(),
            "ref": ref,
        }
        if r.random() < 0.85:
            offered = back + timedelta(hours=r.choice([20, 40, 60, 70, 80]))
            yield {
                "event": "rhi_offered",
                "at": offered.isoformat(timespec="minutes") if r.random() < 0.8 else offered.date().isoformat(),
                "ref": ref,
            }
            if r.random() < 0.75:
                yield {
                    "event": "rhi_completed",
                    "at": (offered + timedelta(hours=r.choice([2, 10, 30]))).isoformat(timespec="minutes"),
                    "ref": ref,
                }
            else:
                yield {"event": "rhi_declined", "at": offered.date().isoformat(), "ref": ref}
        at = back + timedelta(days=r.randrange(5, 40))


def fostered(r: random.Random) -> Iterator[Row]:
    """A private fostering arrangement: notification, first visit and visits after it."""
    notified = date(2025, 4, 10) + timedelta(days=r.randrange(0, 330))
    regulation = r.choice([3, 5, 6])
    yield {"event": "pf_notification_received", "at": notified.isoformat(), "regulation": regulation}
    visit = working_days(notified, near_limit(r, 7, 0.3))
    yield {
        "event": "pf_initial_visit",
        "at": visit.isoformat(),
        "child_seen": "true",
        "premises_seen": "true",
        "carer_seen": "true",
        "household_seen": "true",
    }
    for _ in range(r.randrange(2, 9)):
        visit = visit + timedelta(days=r.choice([28, 30, 35, 40, 42, 44]))
        yield {"event": "pf_visit", "at": visit.isoformat(), "seen_alone": "true"}


def rows() -> Iterator[Row]:
    """Every row of the file, child by child, with the wrong ones among them."""
    r = random.Random(20260415)
    for number in range(1, 181):
        events = list(adolescent(r, number) if number % 12 == 0 else fostered(r) if number % 20 == 7 else journey(r, number))
        age = r.randrange(10, 17) if number % 12 == 0 else r.randrange(0, 16)
        born = date(2026 - age - 1, r.randrange(1, 13), r.randrange(1, 29))
        if number % 20 == 7:
            born = date(2014, r.randrange(1, 13), 15)
        team = r.choice(TEAMS)
        kept = [e for e in events if str(e["at"])[:10] <= AS_OF.isoformat()]
        for event in sorted(kept, key=lambda e: str(e["at"])):
            yield {"child_id": f"S{number:03d}", "date_of_birth": born.isoformat(), "team": team, **event}
        if number == 40:
            yield {
                "child_id": "S040",
                "event": "cp_vist",
                "at": "2026-02-03",
                "date_of_birth": born.isoformat(),
                "team": team,
                "child_seen": "true",
            }
        if number == 90:
            yield {"child_id": "S090", "event": "child_seen", "at": "31/02/2026", "date_of_birth": born.isoformat(), "team": team}
        if number == 130:
            yield {"child_id": "", "event": "referral_received", "at": "2026-01-09", "team": team, "source_agency": "school"}


# ------------------------------------------------------------------------------------------------- facts and decisions

FACT_COLUMNS = [
    "child_id", "fact", "value", "evidence", "specificity", "timing", "pattern", "impact_on_child", "source_agency", "on",
]  # fmt: skip
DECISION_COLUMNS = ["child_id", "level", "pathway", "on", "reason", "consent_status"]
Wording = tuple[str, str, str]
"""Fact, value and timing, as often reported together."""
STORIES: dict[str, list[list[Wording]]] = {
    "protection": [
        [("da_current", "severe", "current"), ("da_latest_severity", "injury", "current"), ("da_child_present_or_heard", "true", "current"),
         ("parental_engagement", "variable", "current")],
        [("disclosure_physical_abuse", "true", "current"), ("injury_suspicious_pattern", "true", "current"),
         ("child_seen_and_heard", "true", "current")],
        [("neglect_level", "severe", "current"), ("parent_substance_misuse_impact", "marked", "current"),
         ("hygiene_or_clothing_concern", "regular", "current"), ("was_not_brought_count_12m", "4", "current")],
        [("young_child_left_alone", "true", "past"), ("supervision_concern", "dangerous", "current"),
         ("delay_seeking_care", "true", "current")],
    ],
    "assess": [
        [("da_current", "present", "current"), ("da_latest_severity", "minor", "current"), ("da_child_present_or_heard", "true", "current"),
         ("support_network_active", "true", "current")],
        [("neglect_level", "moderate", "current"), ("basic_care_shortfall", "regular", "current"), ("attendance_percent", "72", "current"),
         ("parental_engagement", "variable", "current")],
        [("parent_mental_health_impact", "marked", "current"), ("young_carer_impact", "regular", "current"),
         ("emotional_difficulty", "persistent", "current")],
        [("challenging_behaviour_home", "unsafe", "current"), ("family_breakdown_risk", "likely", "current"),
         ("early_help_tried", "multi_agency", "past")],
        [("physical_punishment", "repeated", "past"), ("parent_recognises_concern", "true", "current")],
    ],
    "early_help": [
        [("emotional_difficulty", "persistent", "current"), ("attendance_percent", "81", "current"), ("bullied", "true", "current")],
        [("parental_conflict_exposure", "entrenched", "current"), ("inconsistent_boundaries", "true", "current"),
         ("parent_recognises_concern", "true", "current")],
        [("housing_condition", "overcrowded_or_poor", "current"), ("financial_hardship", "severe", "current"),
         ("child_presents_hungry", "occasional", "current")],
        [("speech_language_delay", "true", "current"), ("routine_health_checks_missed", "true", "current"),
         ("parent_young_or_unsupported", "true", "current")],
    ],
    "nfa": [
        [("poor_punctuality", "true", "current"), ("parental_engagement", "engaged", "current")],
        [("da_current", "none", "current"), ("parental_conflict_exposure", "some", "past"), ("support_network_active", "true", "current")],
        [("financial_hardship", "some", "current")],
        [("injury_mobile_plausible", "true", "past"), ("child_seen_and_heard", "true", "current")],
        [("sexual_abuse_signs", "consider", "unknown")],
    ],
    "adolescent": [
        [("missing_overnight_or_far_from_home", "true", "current"), ("controlling_older_associate", "true", "current"),
         ("unexplained_money_or_items", "true", "current")],
        [("exploitation_screening_result", "moderate", "current"), ("child_substance_use", "regular", "current"),
         ("child_has_trusted_adult", "true", "current")],
        [("criminal_exploitation_or_gang", "suspected", "current"), ("antisocial_or_offending", "involved", "current"),
         ("suspensions_count_12m", "3", "current")],
    ],
    "fostered": [[("private_fostering_arrangement", "true", "current"), ("child_seen_and_heard", "true", "current")]],
}  # fmt: skip
STYLES = {  # how each agency words what it reports: evidence and specificity, the commonest first
    "police": [("reported", "specific"), ("reported", "specific"), ("confirmed", "specific")],
    "school": [("reported", "specific"), ("disclosed", "specific"), ("observed", "specific"), ("reported", "vague")],
    "health": [("observed", "specific"), ("confirmed", "specific"), ("reported", "specific")],
    "family": [("reported", "specific"), ("alleged", "vague")],
    "housing": [("reported", "specific"), ("observed", "specific")],
    "anonymous": [("alleged", "vague"), ("alleged", "vague"), ("reported", "vague")],
}
DECIDED = {  # the level decided for each story of a sort
    "protection": [4, 4, 4, 4],
    "assess": [4, 4, 4, 4, 4],
    "early_help": [3, 3, 3, 2],
    "nfa": [2, 1, 2, 1, 3],
    "adolescent": [4, 4, 4],
    "fostered": [1],
}
OTHERWISE = [
    (-1, "Family already has a lead professional and the plan is working"),
    (-1, "Evidence did not bear the concern out when it was checked"),
    (1, "Third contact about the same worry in a year"),
    (1, "History of earlier involvement not in this extract"),
]
USUAL = {1: "universal", 2: "universal_plus_single_agency", 3: "early_help_assessment_multi_agency", 4: "family_help_s17"}


def story_of(child: str, events: list[Row]) -> str:
    """What sort of journey a child had, by its events."""
    kinds = {str(e["event"]) for e in events}
    if int(child[1:]) % 12 == 0:
        return "adolescent"
    if "pf_notification_received" in kinds:
        return "fostered"
    if "strategy_discussion_held" in kinds:
        return "protection"
    if "assessment_started" in kinds:
        return "assess"
    helped = any(e.get("outcome") == "early_help" for e in events)
    return "early_help" if helped else "nfa"


def facts_and_decisions(written: list[Row]) -> tuple[list[Row], list[Row]]:
    """The facts reported on each child and what was decided, drawn beside the journeys; with rows that are wrong on purpose."""
    r = random.Random(20260416)
    by_child: dict[str, list[Row]] = {}
    for row in written:
        if row["child_id"]:
            by_child.setdefault(str(row["child_id"]), []).append(row)
    facts: list[Row] = []
    decisions: list[Row] = []
    for child, events in by_child.items():
        story = story_of(child, events)
        first = date.fromisoformat(str(events[0]["at"])[:10])
        agency = next((str(e["source_agency"]) for e in events if e.get("source_agency")), r.choice(["police", "school", "health"]))
        if r.random() < 0.06:
            continue  # a child on whom nobody has recorded facts
        consent = r.choices(["given", "", "refused", "not_sought"], [60, 22, 8, 10])[0]
        which = r.randrange(len(STORIES[story]))
        told = list(STORIES[story][which])
        if r.random() < 0.35:
            told += r.sample(r.choice(STORIES[r.choice(["early_help", "nfa"])]), 1)
        for fact, value, timing in dict.fromkeys(told):
            evidence, specificity = r.choice(STYLES[agency])
            facts.append(
                {
                    "child_id": child,
                    "fact": fact,
                    "value": value if r.random() > 0.04 else "unknown",
                    "evidence": evidence,
                    "specificity": specificity,
                    "timing": timing,
                    "pattern": r.choice(["", "", "single", "repeated"]),
                    "impact_on_child": r.choice(["", "", "some", "marked"]) if story in ("protection", "assess") else "",
                    "source_agency": agency,
                    "on": first.isoformat(),
                }
            )
            if r.random() < 0.12:  # a second agency says the same
                other = r.choice([a for a in AGENCIES if a != agency])
                again = r.choice(STYLES[other])
                facts.append({**facts[-1], "source_agency": other, "evidence": again[0], "specificity": again[1]})
        if consent:
            facts.append({"child_id": child, "fact": "consent_status", "value": consent, "evidence": "confirmed", "on": first.isoformat()})
        if r.random() < 0.12:
            continue  # a case that waits for its decision
        level, reason = DECIDED[story][which], ""
        if r.random() < 0.1:
            change, reason = r.choice(OTHERWISE)
            level = min(max(level + change, 1), 4)
        pathway = "s47_strategy_discussion" if story == "protection" and level == 4 else USUAL[level]
        day = working_days(first, r.choice([1, 1, 1, 2]))
        decisions.append(
            {"child_id": child, "level": level, "pathway": pathway, "on": day.isoformat(), "reason": reason, "consent_status": consent}
        )
    facts.insert(60, {"child_id": "S020", "fact": "da_curent", "value": "present", "evidence": "reported"})
    facts.insert(140, {"child_id": "S050", "fact": "neglect_level", "value": "serious", "evidence": "observed"})
    facts.insert(220, {"child_id": "", "fact": "bullied", "value": "true", "evidence": "disclosed"})
    return facts, [d for d in decisions if str(d["on"]) <= AS_OF.isoformat()]


def write_table(path: Path, columns: list[str], written: list[Row]) -> None:
    """A table as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(written)


def main() -> None:
    """Write the files in place."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    written = list(rows())
    write_table(TARGET, COLUMNS, written)
    held = sorted({str(row["event"]) for row in written} - {"cp_vist"})
    lines = ["# What this extract holds: rules that need other events are not evaluable from it.", "kind: history", "events:"]
    COVERS.write_text("\n".join([*lines, *(f"  - {kind}" for kind in held)]) + "\n", encoding="utf-8")
    facts, decisions = facts_and_decisions(written)
    write_table(FACTS, FACT_COLUMNS, facts)
    write_table(DECISIONS, DECISION_COLUMNS, decisions)


if __name__ == "__main__":
    main()
