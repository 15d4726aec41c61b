"""Leaving care: from sixteen in care to twenty-five, with a personal adviser, a pathway plan and somewhere to live."""

from __future__ import annotations

import numpy as np

from rrt_engine.calendar import add_months, birthdays
from rrt_engine.synth.draw import Draw, Ints, Punctual, series
from rrt_engine.synth.families import Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.record import Pick, Record
from rrt_engine.synth.spells import LONG, Spells

HOMES = ("supported_accommodation", "staying_put", "with_family", "own_tenancy", "custody", "not_known")
DOING = ("full_time_education", "full_time_training_or_work", "part_time", "not_in_education_or_work", "not_known")


def leaving_care(draw: Draw, f: Figures, rec: Record, c: Spells, families: Families) -> Ints:
    """Events of care leavers. Returns, by spell, the day until which leaving care keeps the case open (0 where it does not)."""
    s = f.settings
    born = families.born[c.child]
    eligible = np.maximum(birthdays(born, 16), c.start + 91).astype(np.int64)
    rows = np.flatnonzero(eligible < c.end)
    child, start, end, plan = c.child[rows], eligible[rows], c.end[rows], c.plan[rows]
    adult = families.adult[child]
    n = len(rows)
    stays = np.zeros(len(c), np.int64)
    if not n:
        return stays
    rec.emit("became_eligible", child, start)
    rec.emit("personal_adviser_allocated", child, draw.working(start + draw.whole(5, 120, n)), keep=draw.chance(0.97, n))
    assessed = draw.months(start, 3, Punctual(s["needs_assessment"], 10, 25))
    done = draw.chance(0.985, n)
    rec.emit("leaving_care_assessment_completed", child, assessed, keep=done)
    planned = draw.working(assessed + draw.whole(0, 30, n))
    kept = done & draw.chance(0.97, n)
    rec.emit("pathway_plan_completed", child, planned, keep=kept)
    aged = end >= adult
    former = np.where(aged, adult, np.where(plan == LONG, end, 0))
    rec.emit("became_former_relevant", child, adult, keep=aged)
    early = ~aged
    rec.emit("became_relevant", child, end, keep=early, has_pathway_plan=kept)
    rec.emit("became_former_relevant", child, adult, keep=early)
    home = early & draw.chance(0.55, n)
    rec.emit("home_with_parent_started", child, end, keep=home)
    rec.emit("home_with_parent_ended", child, draw.working(end + 20 + draw.spread(150, n)), keep=home & draw.chance(0.6, n))
    twenty_one = birthdays(families.born[child], 21).astype(np.int64)
    on = draw.chance(s["support_after_21"], n)
    until = np.where(on, twenty_one + draw.whole(60, 1_300, n), twenty_one)
    rec.emit("leaving_care_support_ended", child, until)
    stays[rows] = until

    def review(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.months(day, 6, Punctual(s["pathway_review"], 14, 20))

    r, days, _ = series(planned, np.where(kept, until - 1, 0), review, 40)
    rec.emit("pathway_plan_reviewed", child[r], days, keep=np.ones(len(r), np.bool_))
    began = np.minimum(np.where(aged, adult, end), adult)

    def touch(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, day + 56, Punctual(s["keeping_in_touch"], 8, 12))

    r, days, _ = series(began, until - 1, touch, 120)
    rec.emit("pa_contact", child[r], days, reached=draw.chance(0.985, len(r)))
    _accommodation(draw, f, rec, child, began, until)
    _birthdays(draw, f, rec, families, child, former, until)
    offered = draw.working(twenty_one + draw.whole(10, 60, n))
    takes = draw.chance(0.25, n)
    rec.emit("leaving_care_support_offered", child, offered, keep=on)
    rec.emit("leaving_care_support_accepted", child, draw.working(offered + draw.whole(5, 60, n)), keep=on & takes)
    for k in range(1, 4):
        next_ = draw.by(offered + 300 * k, offered + 350 * k, Punctual(0.8, 20, 30))
        rec.emit("leaving_care_support_offered", child, next_, keep=on & ~takes & (next_ < until))
    return stays


def _accommodation(draw: Draw, f: Figures, rec: Record, child: Ints, began: Ints, until: Ints) -> None:
    """Where care leavers live, one place after another, with visits to those the authority provides."""
    s = f.settings
    row, start = np.arange(len(child)), draw.working(began + draw.whole(0, 10, len(child)))
    for _ in range(4):
        m = len(row)
        if not m:
            return
        end = np.minimum(start + 120 + draw.spread(500, m), until[row])
        provided = draw.chance(s["authority_provides"], m)
        rec.emit(
            "accommodation_started", child[row], start, la_provided=provided, suitable=draw.chance(s["suitable_19_21"], m), keep=start < end
        )
        rec.emit("accommodation_ended", child[row], end, keep=start < end)
        live = np.flatnonzero(provided & (start < end))

        def visit(day: Ints, _r: Ints, number: Ints | int) -> Ints:
            if number == 0:
                return draw.by(day, day + 7, Punctual(s["pa_first_visit"], 1.5, 4))
            return draw.by(day, add_months(day, 2).astype(np.int64), Punctual(s["pa_visit"], 8, 12))

        r, days, _ = series(start[live], end[live] - 1, visit, 60)
        rec.emit("pa_visit", child[row][live][r], days, at_accommodation=draw.chance(0.95, len(r)))

        def review(day: Ints, r: Ints, number: Ints | int) -> Ints:
            if number == 0:
                return day + 28 + draw.spread(6, len(r))
            return draw.months(day, 3, Punctual(0.78, 8, 12))

        r, days, number = series(start[live], np.minimum(end[live], start[live] + 330) - 1, review, 4)
        rec.emit("pathway_plan_reviewed", child[row][live][r], draw.working(days), after_move=number == 0)
        more = end < until[row] - 60
        row, start = row[more], end[more]


def _birthdays(draw: Draw, f: Figures, rec: Record, families: Families, child: Ints, former: Ints, until: Ints) -> None:
    """What is known of each care leaver on or about the birthdays from 17 to 21."""
    s = f.settings
    found: dict[bool, list[tuple[Ints, Ints]]] = {True: [], False: []}
    for age in range(17, 22):
        day = birthdays(families.born[child], age).astype(np.int64)
        wanted = ((former <= day) if age > 17 else (former < day)) & (former > 0) & (day <= np.minimum(until, draw.last))
        found[age < 19].append((child[wanted], day[wanted]))
    for young, parts in found.items():
        who, when = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
        n = len(who)
        busy = draw.chance(s["eet_17_18" if young else "eet_19_21"], n)
        suitable = draw.chance(s["suitable_17_18" if young else "suitable_19_21"], n)
        touch = draw.chance(s["in_touch"], n)
        activity = np.where(busy, draw.pick([46, 40, 14], n), np.where(touch, 3, 4))
        home = np.where(suitable, draw.pick([40, 26, 14, 20], n), np.where(touch, draw.pick([0, 0, 30, 5, 65], n), 5))
        rec.emit(
            "care_leaver_circumstances_recorded", who, when, in_touch=Pick(("YES", "NO"), np.where(touch | busy, 0, 1)),
            activity=Pick(DOING, activity), accommodation=Pick(HOMES, home), suitable=suitable,
        )  # fmt: skip
