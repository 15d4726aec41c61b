"""From a contact to the end of an assessment: contacts, referrals, decisions, assessments and early help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual
from rrt_engine.synth.families import Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.record import ASSESSMENT, CONTACT, REFERRAL, Pick, Record, reference

HOUR = 3600
AGENCIES = {
    "police": 30.0, "school": 20.0, "health": 15.0, "local_authority": 13.0, "family": 8.0, "housing": 2.5, "other": 6.0, "anonymous": 2.5,
}  # fmt: skip
CAME_TO = ("nfa", "early_help", "transfer", "assess", "s47")
NFA, EARLY_HELP, TRANSFER, ASSESS, S47 = range(len(CAME_TO))
REASONS = ("abuse_or_neglect", "family_dysfunction", "family_in_acute_stress", "childs_disability", "parental_illness", "other")


@dataclass
class Episodes:
    """One referral of each of some families, and which children are in it.

    By episode: `family`; `number` of the family's referral; `day` and `second` of the referral; `outcome` of the decision and its
    `decided` day; `started` and `authorised` of the assessment (meant only where `assessed`). By child in it: `of`, the episode,
    and `child`. `allocated` is the day a worker took it on.
    """

    family: Ints
    number: Ints
    day: Ints
    second: Ints
    agency: Ints
    outcome: Ints
    decided: Ints
    assessed: Bools
    started: Ints
    authorised: Ints
    of: Ints
    child: Ints

    def __len__(self) -> int:
        return len(self.family)

    def ref(self) -> Ints:
        """The reference of each child's referral."""
        return reference(REFERRAL, self.number)[self.of]


def opening(draw: Draw, day: Ints) -> tuple[Ints, Ints]:
    """When things reach the front door: mostly in office hours on working days, and some in the evening or at a weekend."""
    n = len(day)
    out = draw.chance(0.12, n)
    return np.where(out, day, draw.working(day)), np.where(out, draw.evening(n), draw.office_hours(n))


def later(draw: Draw, day: Ints, second: Ints, quick: Bools, slow: Ints) -> tuple[Ints, Ints]:
    """When something that is quick is done (the same day, or by the same time the next working day), or some working days later."""
    n = len(day)
    start = np.maximum(second, 9 * HOUR)
    same = quick & draw.chance(0.55, n) & (start < 15 * HOUR) & draw.calendar.is_working(day)
    on = np.where(same, day, draw.after(day, np.where(quick, 1, 2 + slow)))
    at_once = start + 600 + (draw.rng.random(n) * (18 * HOUR - start)).astype(np.int64)
    morning = 8 * HOUR + (draw.rng.random(n) * np.maximum(np.minimum(second, 18 * HOUR) - 8 * HOUR, 1800)).astype(np.int64)
    at = np.where(same, at_once, np.where(quick, morning, draw.office_hours(n)))
    return on, at // 300 * 300


def members(families: Families, family: Ints, day: Ints, draw: Draw, together: float) -> tuple[Ints, Ints]:
    """The children of each family who are referred together: those under 18 whose case is not open already."""
    at = np.full(len(families.sort), -1)
    at[family] = np.arange(len(family))
    of = at[families.family]
    child = np.flatnonzero(of >= 0)
    of = of[child]
    ok = families.is_child(child, day[of]) & (families.open_until[child] < day[of])
    of, child = of[ok], child[ok]
    first = np.append(True, of[1:] != of[:-1]) if len(of) else np.zeros(0, np.bool_)
    stays = first | draw.chance(together, len(of))
    return of[stays], child[stays]


def refer(draw: Draw, f: Figures, rec: Record, families: Families, family: Ints, day: Ints, number: Ints) -> Episodes:
    """Refer families on a day, decide, and assess: everything up to the authorisation of the assessment."""
    s = f.settings
    day, second = opening(draw, day)
    of, child = members(families, family, day, draw, s["siblings_together"])
    has = np.zeros(len(family), np.bool_)
    has[of] = True
    place = np.cumsum(has) - 1
    family, day, second, number, of = family[has], day[has], second[has], number[has], place[of]
    n = len(family)
    agency = draw.pick(AGENCIES, n)
    quick = draw.chance(s["contact_in_day"], n)
    on, at = later(draw, day, second, quick, draw.spread(1.5, n))
    contact = reference(CONTACT, number)[of]
    words = tuple(AGENCIES)
    rec.emit("contact_received", child, day[of], second=second[of], ref=contact, source_agency=Pick(words, agency[of]))
    rec.emit("contact_outcome_recorded", child, on[of], second=at[of], ref=contact, outcome="referral")
    _night(draw, rec, child, day[of], second[of])
    alone = families.sort[family] != 0
    share = np.array([s["outcome_nfa"], s["outcome_early_help"], s["outcome_transfer"], 0.0, s["outcome_s47"]])
    share[ASSESS] = 1 - share.sum()
    outcome = np.where(alone, ASSESS, draw.pick(list(share), n))
    decided, decided_at = later(draw, on, at, draw.chance(s["decision_in_day"], n), draw.spread(1.2, n))
    assessed = (outcome == ASSESS) | (outcome == S47)
    started = np.maximum(draw.after(decided, draw.pick([40, 40, 14, 6], n)), decided)
    started = np.where(draw.chance(s["assessment_from_referral"], n), on, started)
    authorised = draw.after(started, draw.banded(f.bands["assessment"], n))
    authorised = np.maximum(authorised, np.where(draw.calendar.is_working(started), started, draw.working(started)))
    ep = Episodes(family, number, on, at, agency, outcome, decided, assessed, started, authorised, of, child)
    _referral(draw, f, rec, ep, families, decided_at)
    _assessment(draw, f, rec, ep, families)
    return ep


def _night(draw: Draw, rec: Record, child: Ints, day: Ints, second: Ints) -> None:
    """What the Emergency Duty Team did out of hours, and the handover the next working morning."""
    out = second >= 18 * HOUR
    rec.emit("edt_activity_recorded", child, day, second=second + 900, keep=out, emergency=draw.chance(0.06, len(child)))
    morning = draw.after(day, 1)
    at = np.where(draw.chance(0.88, len(child)), 8 * HOUR + 300 * draw.whole(0, 11, len(child)), draw.office_hours(len(child)) + HOUR)
    rec.emit("edt_handover_accepted", child, morning, second=at, keep=out & draw.chance(0.985, len(child)))


def _referral(draw: Draw, f: Figures, rec: Record, ep: Episodes, families: Families, decided_at: Ints) -> None:
    s, n, of, child, ref = f.settings, len(ep), ep.of, ep.child, ep.ref()
    words = tuple(AGENCIES)
    agency = Pick(words, ep.agency[of])
    unborn = families.born[child] > ep.day[of]
    disabled = draw.chance(s["disabled"], len(child))
    rec.emit(
        "referral_received", child, ep.day[of], second=ep.second[of], ref=ref, source_agency=agency,
        reason=Pick(REASONS, draw.pick([55, 15, 10, 8, 3, 9], n)[of]), disabled=disabled,
    )  # fmt: skip
    rec.emit("disabled_child_referred", child, ep.day[of], second=ep.second[of], ref=ref, keep=disabled & draw.chance(0.5, len(child)))
    rec.emit("unborn_referral_received", child, ep.day[of], keep=unborn)
    starts = draw.by(ep.day[of], np.maximum(families.born[child] - 140, ep.day[of]), Punctual(0.78, 8, 15))
    rec.emit("prebirth_assessment_started", child, starts, keep=unborn & ep.assessed[of])
    rec.emit("prebirth_assessment_completed", child, draw.after(starts, draw.whole(20, 45, len(child))), keep=unborn & ep.assessed[of])
    rated = draw.chance(s["mash_rated"], n)
    rag = draw.pick([8, 37, 55], n)
    at = np.maximum(ep.second + 900, 9 * HOUR)
    in_hours = rated & (at < 16 * HOUR) & draw.calendar.is_working(ep.day)
    rec.emit("mash_rag_set", child, ep.day[of], second=at[of], ref=ref, keep=in_hours[of], rag=Pick(("red", "amber", "green"), rag[of]))
    limit = np.array([2, 6, 24])[rag] * HOUR
    done = at + (draw.uniform(n) * limit * np.where(draw.chance(0.8, n), 0.95, 1.8)).astype(np.int64)
    over = done > 17 * HOUR  # carried on the next working morning; service hours are eight a day
    days = np.where(over, (done - 9 * HOUR) // (8 * HOUR), 0)
    rest = np.where(over, 9 * HOUR + (done - 9 * HOUR) % (8 * HOUR), done)
    rec.emit(
        "mash_info_complete", child, draw.after(ep.day, days)[of], second=(rest // 300 * 300)[of], ref=ref,
        keep=(in_hours & draw.chance(0.97, n))[of],
    )  # fmt: skip
    rec.emit(
        "referral_decision_recorded", child, ep.decided[of], second=decided_at[of], ref=ref,
        outcome=Pick(("nfa", "early_help", "transfer", "assess", "s47"), ep.outcome[of]),
    )  # fmt: skip
    told = draw.within(ep.day, 1, Punctual(s["referrer_told"], 0.4, 3))
    knows = (ep.agency != words.index("anonymous")) & draw.chance(0.96, n)
    rec.emit("referrer_informed", child, np.maximum(told, ep.day)[of], ref=ref, keep=(knows & draw.chance(0.97, n))[of])
    rec.emit("referrer_not_informed", child, ep.decided[of], ref=ref, keep=(~knows & draw.chance(0.5, n))[of], reason="not safe to say")
    given, given_at = later(draw, ep.decided, decided_at, draw.chance(s["allocated_in_day"], n), draw.spread(1.5, n))
    rec.emit("worker_allocated", child, given[of], second=given_at[of], ref=ref, keep=ep.assessed[of])
    asked = (ep.outcome == ASSESS) & draw.chance(0.7, n)
    rec.emit(
        "consent_recorded", child, ep.decided[of], ref=ref, keep=asked[of],
        status=Pick(("given", "refused", "not_sought"), draw.pick([88, 5, 7], n)[of]),
    )  # fmt: skip
    helped = ep.outcome == EARLY_HELP
    early_help(draw, rec, child, draw.after(ep.decided, draw.whole(2, 10, n))[of], helped[of] & draw.chance(0.85, n)[of])
    closes = draw.after(ep.decided, draw.pick([50, 30, 20], n))
    rec.emit("case_closed", child, closes[of], ref=ref, keep=~ep.assessed[of], reason="RC8")


def early_help(draw: Draw, rec: Record, child: Ints, start: Ints, keep: Bools) -> None:
    """An early help assessment and what came of it."""
    n = len(child)
    rec.emit("early_help_assessment_started", child, start, keep=keep)
    done = draw.within(start, 45, Punctual(0.75, 8, 12))
    rec.emit("early_help_assessment_completed", child, done, keep=keep & draw.chance(0.9, n))
    rec.emit(
        "early_help_closed", child, draw.working(done + draw.whole(60, 300, n)), keep=keep & draw.chance(0.9, n),
        outcome=Pick(("needs_met", "stepped_up", "disengaged"), draw.pick([70, 12, 18], n)),
    )  # fmt: skip


def _assessment(draw: Draw, f: Figures, rec: Record, ep: Episodes, families: Families) -> None:
    """The assessment from its start, but for its authorisation, which waits for what else happens."""
    s, n, of, child = f.settings, len(ep), ep.of, ep.child
    ref = reference(ASSESSMENT, ep.number, 1)[of]
    keep = ep.assessed[of]
    rec.emit("assessment_started", child, ep.started[of], ref=ref, keep=keep)
    seen = draw.within(ep.decided, 5, Punctual(s["seen_in_assessment"], 1.5, 4))
    born = families.born[child] <= seen[of]
    rec.emit(
        "child_seen", child, seen[of], second=draw.office_hours(n)[of], keep=keep & born & draw.chance(0.97, len(child)),
        seen_alone=np.where(draw.chance(0.03, len(child)), -1, draw.chance(0.72, len(child))),
    )  # fmt: skip
    review_points(draw, f, rec, child, of, ref, ep.started, ep.authorised, keep)
    late = draw.calendar.working_days_between(ep.started, ep.authorised) > 45
    extended = late & draw.chance(0.1, n)
    rec.emit(
        "assessment_extension_recorded", child, draw.after(ep.started, 43)[of], ref=ref, keep=keep & extended[of], reason="court timetable"
    )


def review_points(
    draw: Draw, f: Figures, rec: Record, child: Ints, of: Ints, ref: Ints, started: Ints, authorised: Ints, keep: Bools
) -> None:
    """The points at which a manager looks at an assessment while it runs."""
    day = started
    for _ in range(6):
        day = draw.within(day, 10, Punctual(f.settings["review_points"], 1.5, 4))
        rec.emit("assessment_review_point", child, day[of], ref=ref, keep=keep & (day < authorised)[of])


def contacts(draw: Draw, f: Figures, rec: Record, families: Families, child: Ints, day: Ints, number: Ints, opened: Bools) -> None:
    """Contacts that do not become a referral: advice, nothing more, early help, or word about a case that is open already."""
    s = f.settings
    day, second = opening(draw, day)
    ok = families.is_child(child, day) & (day >= families.born[child])
    child, day, second, number, opened = child[ok], day[ok], second[ok], number[ok], opened[ok]
    n = len(child)
    words = tuple(AGENCIES)
    ref = reference(CONTACT, number)
    rec.emit("contact_received", child, day, second=second, ref=ref, source_agency=Pick(words, draw.pick(AGENCIES, n)))
    on, done = later(draw, day, second, draw.chance(s["contact_in_day"], n), draw.spread(1.5, n))
    outcome = np.where(opened, 3, draw.pick([52, 33, 15], n))
    recorded = draw.chance(0.995, n)
    rec.emit(
        "contact_outcome_recorded", child, on, second=done, ref=ref, keep=recorded,
        outcome=Pick(("nfa", "advice", "early_help", "open_case"), outcome),
    )  # fmt: skip
    early_help(draw, rec, child, draw.after(on, draw.whole(2, 12, n)), (outcome == 2) & recorded & draw.chance(0.7, n))
