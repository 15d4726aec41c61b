"""Before and in court: legal planning, pre-proceedings, care proceedings and the orders that end them."""

from __future__ import annotations

import numpy as np

from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual, series
from rrt_engine.synth.families import FAR
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.front_door import Episodes
from rrt_engine.synth.record import OTHER, Pick, Record, reference


def pre_proceedings(draw: Draw, f: Figures, rec: Record, ep: Episodes, conference: Ints, which: Bools) -> Ints:
    """Legal planning and pre-proceedings for some families on a plan. Returns the day a care application is issued (FAR if never)."""
    s = f.settings
    rows = np.flatnonzero(which)
    issued = np.full(len(ep), FAR)
    n = len(rows)
    if not n:
        return issued
    at = np.full(len(ep), -1)
    at[rows] = np.arange(n)
    mine = np.flatnonzero(at[ep.of] >= 0)
    child, r = ep.child[mine], at[ep.of[mine]]
    planned = draw.working(conference[rows] + draw.whole(15, 150, n))
    decision = draw.pick([s["lpm_pre_proceedings"], s["lpm_issue"], s["lpm_no_threshold"]], n)
    rec.emit("legal_planning_meeting_held", child, planned[r], decision=Pick(("pre_proceedings", "issue", "no_threshold"), decision[r]))
    warned = decision == 0
    sent = draw.by(planned, planned + 5, Punctual(0.8, 1.0, 3))
    received = draw.working(sent + 1 + draw.spread(0.5, n))
    meeting = draw.by(sent, planned + 14, Punctual(s["lpm_to_meeting"], 1.5, 4))
    rec.emit("letter_before_proceedings_sent", child, sent[r], keep=warned[r])
    rec.emit("letter_before_proceedings_received", child, received[r], keep=warned[r])
    rec.emit("fgdm_offered", child, sent[r], keep=(warned & draw.chance(0.7, n))[r])
    rec.emit("pre_proceedings_meeting_held", child, np.maximum(meeting, received)[r], keep=(warned & draw.chance(0.99, n))[r])
    diverted = draw.chance(s["diverted"], n)
    over = draw.by(sent, sent + 112, Punctual(s["pre_proceedings_16w"], 18, 25))
    extended = warned & (over > sent + 112) & draw.chance(0.3, n)
    rec.emit("pre_proceedings_extended", child, (sent + 108)[r], keep=extended[r], reason="assessment outstanding")

    def review(day: Ints, _row: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, day + 42, Punctual(0.78, 3, 7))

    found_r, found_d, _ = series(np.where(warned, sent, FAR), np.where(warned, over - 1, 0), review)
    pairs = _pairs(r, found_r, n)
    rec.emit("pre_proceedings_review_held", child[pairs[0]], found_d[pairs[1]])
    rec.emit(
        "pre_proceedings_ended", child, over[r], keep=(warned & diverted)[r],
        outcome=Pick(("stepped_down", "family_arrangement"), draw.pick([75, 25], n)[r]),
    )  # fmt: skip
    goes = np.where(decision == 1, draw.after(planned, draw.whole(1, 8, n)), np.where(warned & ~diverted, over, FAR))
    issued[rows] = goes
    return issued


def _pairs(r: Ints, found: Ints, n: int) -> tuple[Ints, Ints]:
    """Which member and which event of its family, for every pair of them."""
    count = np.bincount(r, minlength=n)
    begin = np.cumsum(count) - count
    order = np.argsort(r, kind="stable")
    times = count[found]
    step = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    return order[np.repeat(begin[found], times) + step], np.repeat(np.arange(len(found)), times)


def proceedings(draw: Draw, f: Figures, rec: Record, child: Ints, group: Ints, issued: Ints, removed: Ints) -> tuple[Ints, Ints]:
    """Care proceedings. `group` says whose proceedings are the same; `issued` and `removed` (the interim order) are by child.

    Returns the day of the interim care order (FAR where none is made: the child stays at home) and the day proceedings end.
    """
    s = f.settings
    _, first, same = np.unique(group, return_index=True, return_inverse=True)
    n = len(first)
    start = draw.working(issued[first])
    ref = reference(OTHER, np.full(n, 1))[same]
    rec.emit("care_application_issued", child, start[same])
    # The Practice Direction counts the day of issue as day 1: day 12 is the eleventh working day after it.
    hearing = draw.after(start, np.where(draw.chance(s["cmh_in_window"], n), draw.whole(11, 17, n), 18 + draw.spread(3, n)))
    hearing = np.where(draw.chance(0.02, n), draw.after(start, 8), hearing)
    rec.emit("cmh_held", child, hearing[same])
    interim = np.maximum(draw.working(start + draw.whole(1, 9, n)), start)
    interim = np.where(draw.chance(s["interim_order"], n), interim, FAR)
    interim = np.where(removed[first] < FAR, np.minimum(interim, draw.working(removed[first] + 5)), interim)
    rec.emit("interim_care_order_made", child, interim[same], ref=ref, keep=(interim < FAR)[same], on_application=True)
    issues = draw.by(start, start + 139, Punctual(0.62, 12, 25))
    rec.emit("irh_held", child, np.maximum(issues, hearing + 7)[same], keep=draw.chance(0.95, n)[same])
    final = draw.by(start, start + 181, Punctual(s["court_26w"], 14, s["court_late_days"]))
    final = np.maximum(final, issues + 7)
    longer = final > start + 181
    until = draw.working(np.maximum(start + 181 + 56, final + draw.whole(-20, 30, n)))
    rec.emit(
        "proceedings_extended", child, draw.working(start + 160 + draw.whole(0, 20, n), False)[same],
        keep=(longer & draw.chance(0.85, n))[same], until=until[same],
    )  # fmt: skip
    stays = (interim >= FAR)[same]  # the child stays at home throughout
    order = Pick(("supervision_order", "no_order", "special_guardianship_order"), draw.pick([60, 28, 12], n)[same])
    rec.emit("final_order_made", child, final[same], ref=ref, keep=stays, order=order)
    # Directions: two filings a case, due on the date the order gives.
    for k in (1, 2):
        made = hearing if k == 1 else draw.working(hearing + 60)
        due = draw.working(made + draw.whole(14, 35, n))
        filed = draw.by(made, due, Punctual(0.78, 1, 4))
        asked = reference(OTHER, np.full(n, 10 + k))[same]
        rec.emit("court_direction_made", child, made[same], ref=asked, due=due[same])
        rec.emit("court_document_filed", child, filed[same], ref=asked, keep=draw.chance(0.96, n)[same])
    return interim[same], final[same]
