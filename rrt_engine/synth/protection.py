"""Enquiries, conferences and plans: section 47, child protection plans and child in need plans."""

from __future__ import annotations

import numpy as np

from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual, series
from rrt_engine.synth.families import FAR, Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.front_door import HOUR, Episodes
from rrt_engine.synth.record import CONFERENCE, ENQUIRY, NEED, PLAN, Pick, Record, reference

FOUND = ("substantiated_at_risk", "substantiated_not_at_risk", "not_substantiated")
CATEGORIES = ("neglect", "emotional", "physical", "sexual", "multiple")


def enquiry(
    draw: Draw, f: Figures, rec: Record, ep: Episodes, families: Families, day: Ints, which: Bools, number: int, leaves: Ints
) -> tuple[Ints, Bools]:
    """A section 47 enquiry for some episodes, of the children who are not in care by then (`leaves`: the day each comes into care).

    Returns the day of the conference (FAR where there is none) and whether it made a plan.
    """
    s, n, of, child = f.settings, len(ep), ep.of, ep.child
    day = np.where(draw.chance(0.97, n), draw.working(day), day)
    ref = reference(ENQUIRY, ep.number, number)[of]
    keep = which[of] & (leaves > day[of])
    second = draw.office_hours(n)
    unborn = families.born[child] > day[of]
    confers = which & draw.chance(s["icpc_of_s47"], n)
    rec.emit(
        "strategy_discussion_held", child, day[of], second=second[of], ref=ref, keep=keep,
        s47_initiated=np.where(draw.chance(0.006, n), -1, 1)[of], unborn=unborn, recommend_icpc=confers[of],
    )  # fmt: skip
    begun = np.where(draw.chance(0.96, n), day, draw.after(day, draw.pick([0, 80, 20], n)))
    rec.emit("s47_started", child, begun[of], ref=ref, keep=keep, unborn=unborn)
    quick = draw.chance(s["seen_in_enquiry"], n)
    seen = draw.after(begun, np.where(quick, draw.pick([45, 55], n), 2 + draw.spread(2, n)))
    rec.emit(
        "child_seen", child, seen[of], second=draw.office_hours(n)[of], keep=keep & ~unborn & draw.chance(0.96, len(child)),
        seen_alone=np.where(draw.chance(0.02, len(child)), -1, draw.chance(0.93, len(child))),
    )  # fmt: skip
    # A second discussion under the same enquiry is usual where risk changes; it starts no new clock.
    again = which & draw.chance(0.08, n)
    rec.emit(
        "strategy_discussion_held", child, draw.after(day, 6)[of], second=second[of], ref=ref, keep=keep & again[of], s47_initiated=False
    )
    conference = draw.after(day, draw.banded(f.bands["icpc"], n))
    conference = np.where(draw.calendar.is_working(conference), conference, draw.working(conference))
    before = draw.after(conference, -draw.whole(2, 4, n))
    told = draw.within(day, 15, Punctual(s["enquiry_in_time"], 2.5, 3))
    outcome = np.where(confers, np.clip(before, day, None), told)
    rec.emit(
        "s47_outcome_recorded", child, outcome[of], ref=ref, keep=keep & draw.chance(0.993, n)[of], icpc_required=confers[of],
        outcome=Pick(FOUND, np.where(confers, 0, 1 + draw.pick([55, 45], n))[of]),
    )  # fmt: skip
    asked = draw.within(day, 1, Punctual(0.82, 0.5, 2))
    rec.emit("icpc_requested", child, np.minimum(asked, conference)[of], ref=ref, keep=keep & (confers & draw.chance(0.97, n))[of])
    here = keep & confers[of] & (leaves > conference[of])
    arranged = np.minimum(draw.after(day, draw.whole(1, 3, n)), conference)
    rec.emit("icpc_scheduled", child, arranged[of], ref=ref, keep=here, date=conference[of])
    shared = draw.by(arranged, draw.calendar.subtract_working_days(conference, 2).astype(np.int64), Punctual(0.78, 0.7, 1))
    rec.emit("conference_report_shared", child, shared[of], keep=here & (draw.chance(0.97, n) & (shared <= conference))[of])
    plan = confers & draw.chance(s["plan_of_icpc"], n)
    rec.emit(
        "icpc_held", child, conference[of], ref=ref, keep=here, unborn=families.born[child] > conference[of],
        outcome=Pick(("cp_plan", "no_plan"), np.where(plan, 0, 1)[of]),
    )  # fmt: skip
    _letters(draw, rec, child, conference[of], here)
    return np.where(confers, conference, FAR), plan


def _letters(draw: Draw, rec: Record, child: Ints, conference: Ints, keep: Bools) -> None:
    """What is sent after a conference."""
    n = len(child)
    rec.emit("outline_plan_sent", child, draw.within(conference, 1, Punctual(0.85, 0.4, 2)), keep=keep & draw.chance(0.97, n))
    rec.emit("conference_record_sent", child, draw.within(conference, 15, Punctual(0.8, 2, 5)), keep=keep & draw.chance(0.96, n))


def _reviews(draw: Draw, f: Figures, n: int) -> Ints:
    """At which review conference each plan ends: mostly the second."""
    return 1 + draw.pick([f.settings[f"plan_ends_at_{k}"] for k in range(1, 7)], n)


def child_protection(
    draw: Draw, f: Figures, rec: Record, ep: Episodes, families: Families, start: Ints, which: Bools, leaves: Ints
) -> tuple[Ints, Ints]:
    """Child protection plans for some episodes, from the conference. `leaves` is the day each child comes into care (FAR if never).

    Returns, by child in the episode, the day the plan ends, and by episode the day it ends for those who stay at home.
    """
    s, n = f.settings, len(ep)
    rows = np.flatnonzero(which)
    at = np.full(n, -1)
    at[rows] = np.arange(len(rows))
    begin = start[rows]
    reviews = _reviews(draw, f, len(rows))
    # Reviews in time is a matter of the plan: where they slip, the first slips. So the share of plans with every review in time
    # is the same however long they have run, as the published figure counts it.
    slips = ~draw.chance(s["reviews_in_time"], len(rows))
    held = np.full((len(rows), 6), FAR)
    day = begin
    for k in range(6):
        late = slips & ((k == 0) | draw.chance(0.4, len(rows)))
        day = draw.months(day, 3 if k == 0 else 6, Punctual(np.where(late, 0.0, 1.0), 7 if k == 0 else 13, 12))
        held[:, k] = np.where(k < reviews, day, FAR)
    end = held[np.arange(len(rows)), reviews - 1]
    family_end = np.full(n, FAR)
    family_end[rows] = end
    # by child
    mine = np.flatnonzero((at[ep.of] >= 0) & (leaves > np.append(begin, FAR)[at[ep.of]]))
    child, row = ep.child[mine], at[ep.of[mine]]
    adult = families.until(child)
    care = draw.working(np.minimum(leaves[mine] + draw.whole(5, 50, len(mine)), FAR))
    own = np.minimum.reduce([end[row], care, adult])
    by_review = own == end[row]
    ref = reference(PLAN, ep.number[ep.of[mine]])
    rec.emit(
        "cp_plan_started", child, begin[row], ref=ref,
        category=Pick(CATEGORIES, draw.pick([48, 38, 7, 4, 3], len(rows))[row]), keep=begin[row] < adult,
    )  # fmt: skip
    live = begin[row] < adult
    for k in range(6):
        day = held[row, k]
        here = live & (day <= own) & (day < FAR)
        ends = here & by_review & (k == reviews[row] - 1)
        met = reference(CONFERENCE, ep.number[ep.of[mine]], k + 1)
        arranged = draw.working(day - draw.whole(20, 40, len(mine)))
        rec.emit("rcpc_scheduled", child, arranged, ref=met, keep=here, date=day)
        shared = draw.by(arranged, draw.calendar.subtract_working_days(day, 5).astype(np.int64), Punctual(0.74, 1, 2))
        rec.emit("conference_report_shared", child, shared, ref=met, keep=here & draw.chance(0.95, len(mine)) & (shared <= day))
        rec.emit("rcpc_held", child, day, keep=here, outcome=Pick(("continue", "end"), np.where(ends, 1, 0)))
        rec.emit(
            "senior_signoff_recorded",
            child,
            draw.after(day, draw.pick([80, 20], len(mine))),
            keep=ends & (k == 0) & draw.chance(0.92, len(mine)),
        )
        _letters(draw, rec, child, day, here)
        last = begin[row] if k == 0 else held[row, k - 1]
        middle = draw.by(last, last + (42 if k == 0 else 91), Punctual(0.8, 4, 7))
        rec.emit("midpoint_check_recorded", child, middle, keep=live & (middle < np.minimum(own, day)) & draw.chance(0.9, len(mine)))
    rec.emit("cp_plan_ended", child, own, ref=ref, keep=live & (own < FAR))
    # a plan made before the birth is looked at again soon after it
    born = families.born[child]
    after = draw.within(born, 10, Punctual(0.72, 1.5, 8))
    rec.emit("rcpc_held", child, after, keep=live & (born > begin[row]) & (after < own) & draw.chance(0.93, len(mine)), outcome="continue")
    # meetings and visits are the family's, and stop for each child when the child's own plan does
    stop = np.minimum(end, begin + 1_500)
    first = draw.within(begin, 10, Punctual(s["core_group_first"], 1.2, 5))

    def core(day: Ints, r: Ints, number: Ints | int) -> Ints:
        if number == 0:
            return first[r]
        return draw.by(day, day + 42, Punctual(s["core_group_repeat"], 3, 9))

    _shared(rec, "core_group_held", child, row, own, series(begin, stop, core))

    def visit(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.within(day, 10, Punctual(s["cp_visit"], 1.3, 3))

    rows_, days, _ = series(begin, stop, visit)
    who, when, m = _expanded(child, row, own, rows_, days)
    seen = np.where(draw.chance(0.012, m), -1, draw.chance(0.98, m))
    rec.emit("cp_visit", who, when, child_seen=seen, seen_alone=np.where(seen == 1, draw.chance(0.85, m), -1))
    whole = np.full(len(ep.child), FAR)
    whole[mine] = own
    return whole, family_end


def _expanded(child: Ints, row: Ints, own: Ints, rows: Ints, days: Ints) -> tuple[Ints, Ints, int]:
    """Events of a family as events of each of its children, until the child's own end."""
    size = int(max(row.max(initial=-1), rows.max(initial=-1))) + 1
    count = np.bincount(row, minlength=size)
    begin = np.cumsum(count) - count
    order = np.argsort(row, kind="stable")
    times = count[rows]
    first = np.repeat(begin[rows], times)
    step = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    member = order[first + step]
    when = np.repeat(days, times)
    keep = when < own[member]
    return child[member[keep]], when[keep], int(np.count_nonzero(keep))


def _shared(rec: Record, kind: str, child: Ints, row: Ints, own: Ints, found: tuple[Ints, Ints, Ints]) -> None:
    who, when, _ = _expanded(child, row, own, found[0], found[1])
    rec.emit(kind, who, when)


def child_in_need(
    draw: Draw, f: Figures, rec: Record, ep: Episodes, families: Families, start: Ints, end: Ints, which: Bools, stops: Ints, stage: int
) -> None:
    """Child in need plans for some episodes from a day to a day; `stops` is when each child leaves it for care or protection."""
    s = f.settings
    mine = np.flatnonzero(which[ep.of])
    if not len(mine):
        return
    child, of = ep.child[mine], ep.of[mine]
    own = np.minimum.reduce([end[of], stops[mine], families.until(child)])
    live = start[of] < own
    ref = reference(NEED, ep.number[of] * 3 + stage)
    rec.emit("cin_planning_meeting_held", child, start[of], ref=ref, keep=live)
    rec.emit("cin_plan_started", child, start[of], ref=ref, keep=live)
    ended = np.minimum(own, np.where(own == stops[mine], own, draw.working(own)))
    rec.emit(
        "cin_plan_ended", child, np.where(ended > families.until(child), own, ended), ref=ref, keep=live & (own < FAR),
        outcome=Pick(("closed", "stepped_up"), np.where(own == stops[mine], 1, 0)),
    )  # fmt: skip
    row = np.full(len(ep), -1)
    rows = np.unique(of)
    row[rows] = np.arange(len(rows))

    def visit(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, day + 42, Punctual(s["cin_visit"], 6, 8))

    stop = np.minimum(end[rows], start[rows] + 1_400)
    who, when, m = _expanded(child, row[of], np.where(live, own, 0), *series(start[rows], stop, visit)[:2])
    seen = np.where(draw.chance(0.015, m), -1, draw.chance(0.965, m))
    rec.emit("cin_visit", who, when, child_seen=seen, seen_alone=np.where(seen == 1, draw.chance(0.7, m), -1))

    def review(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, day + 84, Punctual(s["cin_review"], 8, 14))

    found = series(start[rows], stop, review)
    _shared(rec, "cin_review_held", child, row[of], np.where(live, own, 0), found)


def emergency(draw: Draw, rec: Record, child: Ints, day: Ints, keep: Bools) -> None:
    """Police protection, and the emergency protection order that sometimes follows it, before an interim care order."""
    n = len(child)
    at = draw.evening(n)
    # The police act in the evening and agencies talk the next morning; now and then a day passes between the two.
    before = np.where(draw.chance(0.92, n), 0, 1)
    rec.emit("risk_to_life_or_serious_harm", child, day - before, second=at - 1200, keep=keep & draw.chance(0.5, n))
    rec.emit("protective_action_taken", child, day - before, second=at, keep=keep & draw.chance(0.45, n), single_agency=draw.chance(0.5, n))
    rec.emit("police_protection_started", child, day, second=at, keep=keep)
    hours = np.where(draw.chance(0.95, n), 20 + draw.whole(0, 50, n), 73 + draw.whole(0, 6, n))
    rec.emit("police_protection_ended", child, day, second=at + hours * HOUR, keep=keep & draw.chance(0.97, n))
    order = keep & draw.chance(0.35, n)
    made = draw.working(day + 1)
    by_police = draw.chance(0.15, n)
    ref = reference(8, np.full(n, 900))
    expires = made + draw.whole(5, 8, n)
    rec.emit("epo_made", child, made, ref=ref, keep=order & ~by_police, expires=expires, applicant="local_authority")
    rec.emit(
        "epo_made",
        child,
        made,
        ref=ref,
        keep=order & by_police,
        expires=day + 7,
        applicant="designated_officer",
        police_protection_from=day,
    )
    rec.emit(
        "epo_ended",
        child,
        np.where(by_police, day + 7, expires) + np.where(draw.chance(0.03, n), 1, 0),
        ref=ref,
        keep=order & draw.chance(0.96, n),
    )
