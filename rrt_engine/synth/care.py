"""Children in care: how long they stay and why they leave, legal status, placements, visits, reviews, health and education."""

from __future__ import annotations

import numpy as np

from rrt_engine.calendar import add_months, birthdays
from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual, series
from rrt_engine.synth.families import FAR, Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.permanence import adoption, guardianship
from rrt_engine.synth.record import OTHER, Pick, Record, reference
from rrt_engine.synth.spells import ADOPTED, AGREED, ALONE, COURT, GUARDIAN, LONG, SHELTERED, Spells

STATUS = ("C1", "V2", "C2", "E1", "L2")
ENDS = ("E4A", "E43", "E11", "E7", "E2")


WHO_LEAVES = {  # home, special guardian, adopted, long term: by age at the start and by route
    COURT: ((0, (20, 18, 44, 18)), (2, (23, 23, 27, 27)), (5, (28, 18, 7, 47)), (10, (34, 6, 0, 60)), (16, (20, 0, 0, 80))),
    AGREED: ((0, (42, 12, 30, 16)), (2, (52, 13, 13, 22)), (5, (56, 8, 1, 35)), (10, (50, 3, 0, 47)), (16, (26, 0, 0, 74))),
}


def spells(draw: Draw, f: Figures, rec: Record, families: Families, child: Ints, start: Ints, route: Ints, final: Ints) -> Spells:
    """How each spell goes on and ends. `final` is when proceedings end, FAR where there are none."""
    s = f.settings
    n = len(child)
    age = np.maximum(families.age(child, start), 0)
    court = (route == COURT) | (route == SHELTERED)
    rows = [*WHO_LEAVES[COURT], *WHO_LEAVES[AGREED]]
    table = np.array([w for _, w in rows], np.float64) * [1, 1, s["adoption_lean"], 1]
    band = np.searchsorted([2, 5, 10, 16], age, side="right")
    plan = draw.pick_by_row(table, np.where(court, band, 5 + band))
    plan = np.where(route == ALONE, LONG, plan)
    short = (60 * np.exp(draw.rng.normal(0.55, 1.0, n))).astype(np.int64)
    home = np.where(court, np.minimum(np.maximum(final, start + 40), start + 700), start + np.clip(short, 3, 1_500))
    home = np.where(court & draw.chance(0.35, n), start + draw.whole(30, 240, n), home)
    guardian = np.where(court, np.maximum(final, start + 60), start + draw.whole(150, 700, n))
    order = np.where(court, np.maximum(final, start + 60), start + draw.whole(120, 320, n))  # the placement order
    matched = order + draw.spread(100, n) + 25
    placed = np.where(plan == ADOPTED, draw.working(matched + draw.whole(14, 60, n)), FAR)
    adopted = draw.working(placed + 100 + draw.spread(110, n))
    end = np.choose(plan, [home, guardian, adopted, np.full(n, FAR)])
    end = np.maximum(draw.working(np.minimum(end, FAR)), start + 2)
    adult = families.adult[child]
    end = np.minimum(end, np.minimum(adult, families.gone[child]))
    plan = np.where((end >= adult) & (plan != LONG), LONG, plan)
    placed = np.where(plan == ADOPTED, placed, FAR)
    lasting = Spells(child, start, route, end, plan, np.where(court, final, FAR), placed)
    school = (age >= 4) & (age < 16)
    status = np.choose(route, [0, 1, 1, 4])
    rec.emit(
        "looked_after_started", child, start, legal_status=Pick(STATUS, status), school_age=school, youth_detention=False,
    )  # fmt: skip
    over = (end <= families.gone[child]) & ~(families.died[child] & (end >= families.gone[child]))
    reason = np.choose(plan, [0, 1, 2, 3])
    rec.emit("looked_after_ended", child, end, keep=over, reason=Pick(ENDS, reason))
    made = np.where(court, final, start + draw.whole(120, 500, n))
    full = (plan == LONG) & np.where(court, True, draw.chance(0.25, n)) & (route != ALONE) & (made < end)
    interim = (route == SHELTERED) & (start + 5 < end)
    rec.emit("legal_status_changed", child, draw.working(start + 4), legal_status="C1", keep=interim)
    rec.emit("legal_status_changed", child, made, legal_status="C2", keep=full)
    rec.emit("care_order_made", child, made, ref=reference(OTHER, np.full(n, 1)), keep=full & court)
    rec.emit(
        "final_order_made", child, made, ref=reference(OTHER, np.full(n, 1)), keep=court & ~full,
        order=Pick(("supervision_order", "special_guardianship_order", "placement_order", "no_order"), np.minimum(plan, 3)),
    )  # fmt: skip
    placed_out = plan == ADOPTED
    rec.emit("legal_status_changed", child, order, legal_status="E1", keep=placed_out & (order < end))
    adoption(draw, f, rec, families, lasting.take(placed_out), order[placed_out], matched[placed_out])
    guardianship(draw, rec, lasting.take((plan == GUARDIAN) & (end < families.gone[child])))
    _first_weeks(draw, f, rec, lasting, families)
    return lasting


def _first_weeks(draw: Draw, f: Figures, rec: Record, c: Spells, families: Families) -> None:
    """What coming into care starts: a reviewing officer, a care plan, health, school and the plan for permanence."""
    s, n, child, start = f.settings, len(c), c.child, c.start

    def soon(kind: str, limit: Ints, how: Punctual, done: float, where: Bools | None = None, **attributes: object) -> Ints:
        day = draw.by(start, limit, how)
        keep = draw.chance(done, n) & (day < c.end) if where is None else draw.chance(done, n) & (day < c.end) & where
        rec.emit(kind, child, day, keep=keep, **attributes)  # type: ignore[arg-type]
        return np.where(keep, day, FAR)

    def working(days: int) -> Ints:
        return draw.calendar.add_working_days(start, days).astype(np.int64)

    soon("iro_appointed", working(5), Punctual(s["iro_in_time"], 1.5, 3), 0.995)
    age = families.age(child, start)
    school = (age >= 4) & (age < 16)
    begun = soon("pep_started", working(10), Punctual(s["pep_begun"], 2, 5), 0.97, school)
    pep = soon("pep_completed", working(20), Punctual(s["pep_ready"], 2, 8), 0.96, school & (begun < FAR))
    day = draw.working(start + np.where(draw.chance(0.85, n), draw.pick([45, 45, 10], n), 3 + draw.spread(3, n)))
    rec.emit("designated_teacher_informed", child, day, second=draw.office_hours(n), keep=school & draw.chance(0.97, n) & (day < c.end))
    soon("permanence_plan_recorded", add_months(start, 4).astype(np.int64), Punctual(s["permanence_plan"], 12, 20), s["permanence_ever"])
    refused = (age >= 13) & draw.chance(0.03, n)
    rec.emit("health_assessment_refused", child, draw.working(start + draw.whole(8, 25, n)), keep=refused)
    first = soon("initial_health_assessment_completed", working(20), Punctual(s["iha_in_time"], 2.5, s["iha_late_days"]), 0.985, ~refused)
    _recurring_health(draw, f, rec, c, families, np.where(first < FAR, first, start + 60))

    def termly(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, add_months(day, 4).astype(np.int64), Punctual(s["pep_termly"], 14, 20))

    leaves_school = np.minimum(c.end, birthdays(families.born[child], 18) - 1)
    r, days, _ = series(pep, np.where(pep < FAR, leaves_school, 0), termly, 40)
    rec.emit("pep_completed", child[r], days)


def _recurring_health(draw: Draw, f: Figures, rec: Record, c: Spells, families: Families, first: Ints) -> None:
    """Review health assessments, dental checks and strengths and difficulties questionnaires, and the annual return of them."""
    s, child = f.settings, c.child
    until = np.minimum(c.end, c.placed) - 1
    five = birthdays(families.born[child], 5).astype(np.int64)

    def health(day: Ints, r: Ints, _number: Ints | int) -> Ints:
        young = day < five[r]
        due = np.where(young, add_months(day, 6), add_months(day, 12)).astype(np.int64)
        return draw.by(day, due, Punctual(s["rha_in_time"], 9, s["rha_late_days"]))

    hr, hd, _ = series(np.minimum(first, until), until, health, 30)
    rec.emit("review_health_assessment_completed", child[hr], hd)

    def dental(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, add_months(day, 12).astype(np.int64), Punctual(s["dental_in_time"], 40, s["dental_late_days"]))

    opened = np.minimum(c.start + draw.whole(20, 200, len(c)), until)
    toothed = np.maximum(c.start, families.born[child] + 300)
    dr, dd, _ = series(np.maximum(np.minimum(opened - 330, until), toothed - 300), until, dental, 30)
    ok = dd >= toothed[dr]
    dr, dd = dr[ok], dd[ok]
    rec.emit("dental_check_completed", child[dr], dd)
    four = np.maximum(c.start + draw.whole(20, 200, len(c)), birthdays(families.born[child], 4))

    def sdq(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, add_months(day, 12).astype(np.int64), Punctual(s["sdq_in_time"], 30, s["sdq_late_days"]))

    to = np.minimum(until, birthdays(families.born[child], 17))
    sr, sd, _ = series(np.minimum(four - 300, to), np.where(four < to, to, 0), sdq, 30)
    ok = sd >= four[sr]
    sr, sd = sr[ok], sd[ok]
    score = np.clip(draw.rng.normal(s["sdq_mean"], 7.0, len(sr)), 0, 40).astype(np.int64)
    rec.emit("sdq_recorded", child[sr], sd, score=score)
    _annual(draw, f, rec, c, families, (hr, hd), (dr, dd), (sr, sd, score))


def _annual(
    draw: Draw,
    f: Figures,
    rec: Record,
    c: Spells,
    families: Families,
    health: tuple[Ints, Ints],
    dental: tuple[Ints, Ints],
    sdq: tuple[Ints, Ints, Ints],
) -> None:
    """The annual return of every child looked after for twelve months on 31 March: what the year before it held."""
    s = f.settings
    years = np.arange(2001, 2059)
    ends = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64) + 89 + ((years % 4) == 0)
    ends = ends[ends <= draw.last]
    row, which = np.nonzero((c.start[:, None] <= ends - 365) & (c.end[:, None] > ends))
    day = ends[which]
    child = c.child[row]

    def count(r: Ints, d: Ints) -> Ints:
        key = np.sort((r << 20) + d)
        upto = np.searchsorted(key, (row << 20) + day, side="right")
        held: Ints = upto - np.searchsorted(key, (row << 20) + day - 365, side="right")
        return held

    age = families.age(child, day)
    n = len(row)
    key = (sdq[0] << 20) + sdq[1]
    order = np.argsort(key)
    at = np.searchsorted(key[order], (row << 20) + day, side="right") - 1
    had = count(sdq[0], sdq[1]) > 0
    score = np.where(had & (age >= 4) & (age < 17), sdq[2][order][np.maximum(at, 0)], -1) if len(key) else np.full(n, -1)
    developed = np.full(n, -1)
    developed[age < 5] = draw.chance(s["developed"], int(np.count_nonzero(age < 5)))
    rec.emit(
        "annual_outcomes_recorded", child, day,
        health_assessment=count(*health) >= np.where(age < 5, 2, 1), dental_check=count(*dental) > 0,
        immunisations=draw.chance(s["immunised"], n), development_check=developed,
        sdq_score=score,
    )  # fmt: skip


def reviews(draw: Draw, f: Figures, rec: Record, c: Spells) -> None:
    """Looked-after reviews: within 20 working days, then three months, then every six months; and what each review leads to."""
    s = f.settings

    def review(day: Ints, _r: Ints, number: Ints | int) -> Ints:
        if number == 0:
            return draw.within(day, 20, Punctual(s["review_first"], 2, 5))
        return draw.months(day, 3 if number == 1 else 6, Punctual(s["review_next"], 8 if number == 1 else 12, 12))

    r, days, number = series(c.start, np.minimum(c.end, c.placed) - 1, review, 60)
    child, n = c.child[r], len(r)
    rec.emit("lac_review_held", child, days, meeting=draw.chance(0.97, n))
    arranged = np.maximum(draw.working(days - draw.whole(12, 30, n)), draw.working(c.start[r] + 1))
    arranged = np.minimum(arranged, days)
    rec.emit("lac_review_scheduled", child, arranged, date=days)
    report = draw.by(arranged, draw.calendar.subtract_working_days(days, 3).astype(np.int64), Punctual(0.72, 1, 1))
    rec.emit("review_report_sent", child, np.minimum(report, days), keep=draw.chance(0.97, n))
    middle = draw.by(days, add_months(days, 3).astype(np.int64), Punctual(0.8, 10, 12))
    rec.emit("iro_contact", child, middle, keep=draw.chance(0.9, n) & (number > 0) & (middle < c.end[r]))


def review_papers(draw: Draw, rec: Record) -> None:
    """What follows every looked-after review, whatever it was held for: decisions, and the record."""
    kind = rec.kinds.get("lac_review_held", -1)
    held = [(part[1], part[2]) for part in rec.parts if part[0] == kind]
    for child, days in held:
        n = len(child)
        rec.emit("review_decisions_issued", child, draw.within(days, 5, Punctual(0.84, 1, 3)), keep=draw.chance(0.98, n))
        rec.emit("review_record_completed", child, draw.within(days, 15, Punctual(0.81, 2, 6)), keep=draw.chance(0.97, n))
        rec.emit("review_record_distributed", child, draw.within(days, 20, Punctual(0.82, 2, 6)), keep=draw.chance(0.97, n))
