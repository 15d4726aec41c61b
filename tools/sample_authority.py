"""Write cases/sample/events.csv: a small made-up authority, the same every time: `python tools/sample_authority.py`.

No child in it is real. Journeys are drawn so that most duties are done just before their limit, as in life, some after
it and some not at all; a few rows are wrong on purpose, to show what is said about them.
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


def main() -> None:
    """Write the file in place."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    written = list(rows())
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(written)
    held = sorted({str(row["event"]) for row in written} - {"cp_vist"})
    lines = ["# What this extract holds: rules that need other events are not evaluable from it.", "kind: history", "events:"]
    COVERS.write_text("\n".join([*lines, *(f"  - {kind}" for kind in held)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
