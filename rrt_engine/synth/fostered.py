"""Private fostering: how it comes to notice, the first visit, visits after it, and the decision on whether it suits."""

from __future__ import annotations

import numpy as np

from rrt_engine.calendar import birthdays
from rrt_engine.synth.draw import Draw, Ints, Punctual, series
from rrt_engine.synth.families import Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.front_door import HOUR
from rrt_engine.synth.record import ARRANGEMENT, Pick, Record, reference


def privately_fostered(draw: Draw, f: Figures, rec: Record, families: Families, child: Ints, notified: Ints) -> None:
    """Arrangements of children under sixteen: notice, visits, decisions and the end."""
    s, n = f.settings, len(child)
    ref = reference(ARRANGEMENT, np.full(n, 1))
    sixteen = birthdays(families.born[child], 16).astype(np.int64) - 1
    notified = draw.working(notified)
    how = draw.pick([22, 34, 14, 30], n)
    told = Pick(("3", "5", "6", "aware"), how)
    starts = np.where(how == 0, notified + draw.whole(20, 70, n), notified)
    rec.emit("pf_arrangement_proposed", child, draw.working(notified - draw.whole(0, 2, n), False), ref=ref, keep=how == 0, starts=starts)
    without = np.where(draw.chance(0.35, n), notified, notified - draw.whole(1, 30, n))
    rec.emit("pf_started_without_notice", child, without, ref=ref, keep=how == 1)
    stays = how == 3
    came = notified - draw.whole(5, 45, n)
    rec.emit("child_living_with_non_relative", child, came, keep=stays | (how == 1), intended_28_days=draw.chance(0.3, n))
    rec.emit("pf_notification_received", child, notified, ref=ref, regulation=told)
    moved = how == 0
    at = draw.office_hours(n)
    rec.emit("pf_arrangement_started", child, starts, second=at, ref=ref, keep=moved)
    after = at + np.where(draw.chance(0.7, n), draw.whole(2, 46, n), 50 + draw.spread(60, n)) * HOUR
    noted = moved & draw.chance(0.85, n)
    rec.emit("pf_notification_received", child, starts, second=after, ref=ref, keep=noted, regulation="6")
    end = np.minimum(starts + 60 + draw.spread(s["fostered_days"], n), sixteen)
    for again in (False, True):
        begin = starts + 3 if again else notified
        visited = draw.within(begin, 7, Punctual(s["pf_initial_visit"], 1.2, 5))
        whole = draw.chance(0.9, n)
        keep = (noted if again else np.ones(n, np.bool_)) & draw.chance(0.97, n) & (visited < end)
        rec.emit(
            "pf_initial_visit", child, visited, ref=ref, keep=keep, premises_seen=draw.chance(0.97, n), carer_seen=draw.chance(0.99, n),
            child_seen=draw.chance(0.985, n), household_seen=whole,
        )  # fmt: skip
    first = draw.within(starts, 7, Punctual(0.8, 1.2, 5))

    def visit(day: Ints, r: Ints, _number: Ints | int) -> Ints:
        within = np.where(day < starts[r] + 365, 42, 84)
        monthly = draw.chance(s["fostered_monthly"], len(r))
        return draw.by(day, day + np.where(monthly, 30, within), Punctual(s["pf_visit"], 3, 8))

    r, days, _ = series(first, end - 1, visit, 80)
    rec.emit("pf_visit", child[r], days, ref=ref[r], child_seen=draw.chance(0.985, len(r)), child_seen_alone=draw.chance(0.85, len(r)))
    decided = draw.within(starts, 45, Punctual(0.74, 5, 12))
    rec.emit("pf_suitability_decided", child, decided, ref=ref, keep=(decided < end) & draw.chance(0.95, n))
    again_ = draw.by(decided, decided + 365, Punctual(0.75, 20, 30))
    rec.emit("pf_suitability_decided", child, again_, ref=ref, keep=again_ < end)
    asked = draw.working(starts + draw.whole(50, 300, n))
    request = draw.chance(0.2, n) & (asked < end - 20)
    rec.emit("pf_visit_requested", child, asked, ref=ref, keep=request)
    came_ = draw.within(asked, 5, Punctual(0.78, 1, 4))
    rec.emit("pf_visit", child, came_, ref=ref, keep=request & draw.chance(0.95, n) & (came_ < end), child_seen=True, child_seen_alone=True)
    changed = draw.working(starts + draw.whole(40, 400, n))
    change = draw.chance(0.2, n) & (changed < end - 5)
    at = draw.office_hours(n)
    rec.emit("pf_change_occurred", child, changed, second=at, ref=ref, keep=change, notified_in_advance=draw.chance(0.2, n))
    late = at + np.where(draw.chance(0.65, n), draw.whole(1, 46, n), 50 + draw.spread(70, n)) * HOUR
    rec.emit("pf_change_notified", child, changed, second=late, ref=ref, keep=change & draw.chance(0.93, n))
    paused = starts + draw.whole(60, 250, n)
    pause = draw.chance(0.12, n) & (paused < end - 50)
    rec.emit("pf_arrangement_paused", child, paused, ref=ref, keep=pause)
    rec.emit("pf_arrangement_started", child, paused + np.where(draw.chance(0.85, n), draw.whole(5, 26, n), 30), ref=ref, keep=pause)
    at = draw.office_hours(n)
    rec.emit("pf_arrangement_ended", child, end, second=at, ref=ref)
    late = at + np.where(draw.chance(0.7, n), draw.whole(1, 46, n), 50 + draw.spread(70, n)) * HOUR
    rec.emit("pf_end_notified", child, end, second=late, ref=ref, keep=draw.chance(0.93, n))
