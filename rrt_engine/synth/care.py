"""Children in care: how long they stay and why they leave, legal status, placements, visits, reviews, health and education."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import add_months, birthdays
from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual, series
from rrt_engine.synth.families import FAR, Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.front_door import HOUR
from rrt_engine.synth.record import OTHER, Pick, Record, reference

COURT, AGREED, ALONE, SHELTERED = range(4)
"""How a child came into care: an interim care order, section 20, alone from abroad, police protection before a court order."""
HOME, GUARDIAN, ADOPTED, LONG = range(4)
STATUS = ("C1", "V2", "C2", "E1", "L2")
TYPES = ("U1", "U3", "U4", "U6", "K2", "K1", "H5", "P1", "P2", "R1", "A5", "A6", "T0")
ENDS = ("E4A", "E43", "E11", "E7", "E2")


@dataclass
class Spells:
    """Spells of being looked after, by spell. `plan` is how it will end; `placed` and `matched` are for adoption (FAR otherwise)."""

    child: Ints
    start: Ints
    route: Ints
    end: Ints
    plan: Ints
    final: Ints
    placed: Ints

    def __len__(self) -> int:
        return len(self.child)

    def take(self, rows: Ints | Bools) -> Spells:
        """Some of them."""
        return Spells(*(getattr(self, name)[rows] for name in ("child", "start", "route", "end", "plan", "final", "placed")))


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
    adoption = plan == ADOPTED
    rec.emit("legal_status_changed", child, order, legal_status="E1", keep=adoption & (order < end))
    _adoption(draw, f, rec, families, lasting.take(adoption), order[adoption], matched[adoption])
    _guardianship(draw, f, rec, lasting.take((plan == GUARDIAN) & (end < families.gone[child])))
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

    def termly(day: Ints, r: Ints, number: Ints | int) -> Ints:
        return draw.by(day, add_months(day, 4).astype(np.int64), Punctual(s["pep_termly"], 14, 20))

    leaves_school = np.minimum(c.end, birthdays(families.born[child], 18) - 1)
    r, days, _ = series(draw, pep, np.where(pep < FAR, leaves_school, 0), termly, 40)
    rec.emit("pep_completed", child[r], days)


def _recurring_health(draw: Draw, f: Figures, rec: Record, c: Spells, families: Families, first: Ints) -> None:
    """Review health assessments, dental checks and strengths and difficulties questionnaires, and the annual return of them."""
    s, child = f.settings, c.child
    until = np.minimum(c.end, c.placed) - 1
    five = birthdays(families.born[child], 5).astype(np.int64)

    def health(day: Ints, r: Ints, number: Ints | int) -> Ints:
        young = day < five[r]
        due = np.where(young, add_months(day, 6), add_months(day, 12)).astype(np.int64)
        late = draw.by(day, due, Punctual(s["rha_in_time"], 9, s["rha_late_days"]))
        return late

    hr, hd, _ = series(draw, np.minimum(first, until), until, health, 30)
    rec.emit("review_health_assessment_completed", child[hr], hd)

    def dental(day: Ints, r: Ints, number: Ints | int) -> Ints:
        return draw.by(day, add_months(day, 12).astype(np.int64), Punctual(s["dental_in_time"], 40, s["dental_late_days"]))

    opened = np.minimum(c.start + draw.whole(20, 200, len(c)), until)
    toothed = np.maximum(c.start, families.born[child] + 300)
    dr, dd, _ = series(draw, np.maximum(np.minimum(opened - 330, until), toothed - 300), until, dental, 30)
    ok = dd >= toothed[dr]
    dr, dd = dr[ok], dd[ok]
    rec.emit("dental_check_completed", child[dr], dd)
    four = np.maximum(c.start + draw.whole(20, 200, len(c)), birthdays(families.born[child], 4))

    def sdq(day: Ints, r: Ints, number: Ints | int) -> Ints:
        return draw.by(day, add_months(day, 12).astype(np.int64), Punctual(s["sdq_in_time"], 30, s["sdq_late_days"]))

    to = np.minimum(until, birthdays(families.born[child], 17))
    sr, sd, _ = series(draw, np.minimum(four - 300, to), np.where(four < to, to, 0), sdq, 30)
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


@dataclass
class Placed:
    """The placements of spells: `spell`, `start` and `end` of each, its kind, whether it is meant to last, and until when its carer
    is approved for a time only (0 where never)."""

    spell: Ints
    start: Ints
    end: Ints
    kind: Ints
    lasting: Bools
    agreed: Bools
    temporary: Ints


def placements(draw: Draw, f: Figures, rec: Record, c: Spells, families: Families) -> Placed:
    """The placements of each spell, one after another without a gap."""
    s, n = f.settings, len(c)
    table = np.array(
        [
            #  U1  U3  U4   U6  K2  K1  H5  P1  P2  R1
            [14, 12, 4, 62, 1.0, 0.0, 0.0, s["with_parents_young"], 0.0, 0.6],
            [8, 6, 9, 56, s["homes_10_15"], 0.4, 1.2, s["with_parents_older"], 0.2, 0.8],
            [4, 3, 8, 36, s["homes_16"], 0.9, s["supported_16"], 3.0, 4.0, 0.6],
            [0.5, 0.5, 0, 30, 3.0, 0.1, 63.0, 0.0, 3.0, 0.0],
        ]
    )
    out: list[tuple[Ints, Ints, Ints, Ints]] = []
    row, start = np.arange(n), c.start.copy()
    until = np.minimum(c.end, c.placed)
    # Some children move again and again, and most hardly at all.
    sixteen = birthdays(families.born[c.child], 16) + draw.whole(0, 500, n)
    sixteen = np.where(draw.chance(s["moves_at_16"], n), sixteen, FAR)
    usual = np.where(draw.chance(s["unsettled"], n), s["unsettled_days"], s["settled_days"])
    kind = np.zeros(n, np.int64)
    for number in range(14):
        m = len(row)
        if not m:
            break
        age = families.age(c.child[row], start)
        band = np.where(c.route[row] == ALONE, 3, np.searchsorted([10, 16], age, side="right"))
        weights = table[band]
        if number == 0:
            weights = weights.copy()
            weights[:, 7] = weights[:, 7] * 0.25  # few begin at home
        kind = np.minimum((draw.rng.random(m)[:, None] >= np.cumsum(weights, 1) / weights.sum(1, keepdims=True)).sum(1), 9)
        brief = draw.chance(s["brief_first"] if number == 0 else 0.05, m)
        stay = -np.log1p(-draw.uniform(m) * 0.999) * usual[row]
        lasts = np.where(brief, 5 + draw.spread(45, m), 40 + stay.astype(np.int64))
        end = np.minimum(start + lasts, until[row])
        grows = sixteen[row]  # some leave foster care for supported accommodation at sixteen or seventeen
        end = np.where((start < grows - 20) & (grows < end) & (kind < 6), grows, end)
        end = np.where(until[row] - end < 4, until[row], end)
        out.append((row, start, end, kind))
        more = end < until[row]
        row, start = row[more], end[more]
    if len(row):  # the last of many lasts to the end
        out.append((row, start, until[row], np.full(len(row), 3)))
    adopted = np.flatnonzero(c.placed < c.end)
    out.append((adopted, c.placed[adopted], c.end[adopted], 10 + draw.pick([80, 20], len(adopted))))
    spell, begin, end, kinds = (np.concatenate([o[i] for o in out]) for i in range(4))
    m = len(spell)
    child = c.child[spell]
    first = begin == c.start[spell]
    emergency = np.where(first, draw.chance(0.4, m), draw.chance(0.15, m)) & (kinds < 10)
    far = draw.chance(s["far_from_home"], m)
    miles = np.where(far, 21 + draw.spread(35, m), draw.whole(0, 20, m))
    away = far | draw.chance(0.18, m)
    long_term = (c.plan[spell] == LONG) & ~first & (end - begin > 200)
    lasting = long_term & draw.chance(0.85, m)
    fostered = lasting & np.isin(kinds, [0, 2]) & draw.chance(0.8, m)
    agreed = fostered & (families.age(child, begin) >= 8) & draw.chance(0.4, m)
    rec.emit(
        "placement_started", child, begin, type=Pick(TYPES, kinds), emergency=emergency, out_of_area=away, miles=miles,
        intended_to_18=lasting, long_term=fostered, child_agrees=np.where(fostered, agreed, -1),
    )  # fmt: skip
    temporary = _connected(draw, rec, child, begin, end, (kinds < 2) & ~lasting)
    rec.emit(
        "placement_ended", child, end, keep=end < families.gone[child],
        reason=Pick(("planned", "carer_request", "breakdown", "left_care"), np.where(end == c.end[spell], 3, draw.pick([62, 22, 16], m))),
    )  # fmt: skip
    _placement_papers(draw, f, rec, child, begin, end, kinds, emergency, away, first)
    return Placed(spell, begin, end, kinds, lasting, agreed, temporary)


def _connected(draw: Draw, rec: Record, child: Ints, begin: Ints, end: Ints, which: Bools) -> Ints:
    """Connected carers approved for a time, and their approval in full. Returns the day of that, or when the placement ends first."""
    n = len(child)
    which = which & draw.chance(0.55, n)
    rec.emit("reg24_approved", child, begin, keep=which)
    longer = which & draw.chance(0.2, n) & (end > begin + 120)
    granted = draw.working(begin + np.where(draw.chance(0.85, n), draw.whole(95, 111, n), draw.whole(113, 125, n)))
    rec.emit("reg25_extended", child, granted, keep=longer & (granted < end), until=granted + draw.whole(25, 50, n), weeks=8)
    rec.emit("reg25_extended", child, granted + 40, keep=longer & draw.chance(0.06, n) & (granted + 40 < end), until=granted + 52, weeks=2)
    limit = begin + np.where(longer, 160, 112)
    approved = draw.by(begin, limit, Punctual(0.76, 9, 18))
    approved = np.where(draw.chance(0.95, n), approved, FAR)
    rec.emit("connected_carer_approved", child, approved, keep=which & (approved < end))
    rec.emit("reg24_placement_ended", child, end, keep=which & (approved >= end))
    return np.where(which, np.minimum(approved, end), 0)


def _placement_papers(
    draw: Draw, f: Figures, rec: Record, child: Ints, begin: Ints, end: Ints, kinds: Ints, emergency: Bools, away: Bools, first: Bools
) -> None:
    """Plans, notices and approvals that belong to a placement: before it where it was arranged, soon after it in an emergency."""
    s, m = f.settings, len(child)
    open_ = kinds < 10
    arranged = draw.working(begin - np.where(first, draw.whole(0, 6, m), draw.whole(4, 25, m)), False)
    planned = open_ & ~emergency & (~first | draw.chance(0.2, m))
    distant = away & draw.chance(0.3, m)
    rec.emit(
        "placement_arranged", child, arranged, keep=planned, date=begin, first=first, out_of_area=away,
        at_a_distance=distant, connected_or_own_carer=kinds < 2,
    )  # fmt: skip
    soon = draw.within(begin, 5, Punctual(s["placement_plan"], 1.5, 6))
    ahead = draw.by(arranged, begin, Punctual(s["placement_plan"], 1.5, 6))
    rec.emit("placement_plan_completed", child, np.where(emergency, soon, ahead), keep=open_ & draw.chance(0.96, m))
    soon = draw.within(begin, 5, Punctual(0.88, 1.5, 4))
    ahead = draw.by(arranged, begin, Punctual(0.9, 1.5, 4))
    rec.emit("placement_notified", child, np.where(emergency, soon, ahead), keep=open_ & draw.chance(0.96, m))
    rec.emit("area_authority_notified", child, np.where(emergency, soon, ahead), keep=open_ & away & draw.chance(0.9, m))
    approved = draw.by(arranged, begin, Punctual(0.93, 2, 4))
    rec.emit(
        "placement_approved",
        child,
        approved,
        keep=planned & away & draw.chance(0.95, m),
        by=Pick(("nominated_officer", "director"), np.where(distant, draw.chance(0.93, m), draw.chance(0.3, m))),
    )
    care_plan = draw.within(begin, 10, Punctual(s["care_plan"], 2, 6))
    rec.emit("care_plan_completed", child, np.where(emergency, care_plan, begin), keep=first & draw.chance(0.97, m))


def visits(draw: Draw, f: Figures, rec: Record, c: Spells, placed: Placed) -> None:
    """Social workers' visits: in the first week of a placement, then at least every six weeks, and oftener or seldomer where
    the regulations say so: a carer approved for a time, a parent under an interim order, a placement meant to last."""
    s = f.settings
    keep = np.flatnonzero(placed.kind < 10)
    spell, begin, end, kinds = placed.spell[keep], placed.start[keep], placed.end[keep], placed.kind[keep]
    temporary, lasting, agreed = placed.temporary[keep], placed.lasting[keep], placed.agreed[keep]
    reviewed = np.maximum(begin, c.start[spell] + 27)  # about when the first review has been
    final = np.where(c.route[spell] == AGREED, 0, np.where(c.final[spell] < FAR, c.final[spell], 0))
    home = (kinds == TYPES.index("P1")) & (final > 0)
    seldom = draw.chance(0.3, len(keep))
    slow = draw.rng.random(len(spell))

    def limit(day: Ints, r: Ints) -> Ints:
        days = np.where(lasting[r] & seldom[r] & (day > begin[r] + 365), np.where(agreed[r], 168, 89), 42)
        close = (day < temporary[r]) | home[r] & (day < final[r])
        return np.where(close, np.where(day < reviewed[r], 7, 28), days)

    def visit(day: Ints, r: Ints, number: Ints | int) -> Ints:
        if number == 0:
            return draw.by(day, day + 7, Punctual(s["first_visit"], 1.2, 4))
        days = limit(day, r)
        on_time = np.clip(np.where(days < 42, 0.84, s["visit_in_time"]) + 0.2 * (slow[r] - 0.5), 0, 1)
        early = np.where(days < 42, 0, draw.spread(6, len(r)))
        return draw.by(day, day + days - np.minimum(early, days // 2), Punctual(on_time, 1, s["visit_late_days"]))

    r, days, number = series(draw, begin, end - 1, visit, 120)
    n = len(r)
    seen = np.where(draw.chance(0.01, n), -1, draw.chance(0.98, n))
    rec.emit(
        "lac_visit", c.child[spell[r]], days, child_seen=seen, seen_alone=np.where(seen == 1, draw.chance(0.82, n), -1),
        at_placement=draw.chance(0.93, n), video=draw.chance(0.01, n),
    )  # fmt: skip


def reviews(draw: Draw, f: Figures, rec: Record, c: Spells) -> None:
    """Looked-after reviews: within 20 working days, then three months, then every six months; and what each review leads to."""
    s = f.settings

    def review(day: Ints, r: Ints, number: Ints | int) -> Ints:
        if number == 0:
            return draw.within(day, 20, Punctual(s["review_first"], 2, 5))
        return draw.months(day, 3 if number == 1 else 6, Punctual(s["review_next"], 8 if number == 1 else 12, 12))

    r, days, number = series(draw, c.start, np.minimum(c.end, c.placed) - 1, review, 60)
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


def _guardianship(draw: Draw, f: Figures, rec: Record, c: Spells) -> None:
    """Special guardianship: notice and application, the report for the court, the order, and support after it."""
    n, child, made = len(c), c.child, c.end
    applied = np.maximum(made - draw.whole(70, 160, n), c.start + 3)
    notice = applied - np.where(draw.chance(0.88, n), draw.whole(92, 110, n), draw.whole(60, 88, n))
    rec.emit("sgo_notice_received", child, draw.working(notice, False), keep=notice > c.start)
    rec.emit("sgo_applied", child, draw.working(applied))
    directed = draw.working(applied + draw.whole(3, 15, n))
    due = draw.working(directed + draw.whole(35, 60, n))
    rec.emit("sgo_report_directed", child, directed, due=due)
    rec.emit("sgo_report_filed", child, draw.by(directed, due, Punctual(0.78, 2, 5)), keep=draw.chance(0.97, n))
    rec.emit("sgo_made", child, made)
    begun = draw.working(made + draw.whole(5, 40, n))
    kept = draw.chance(0.75, n)
    rec.emit("sgo_support_started", child, begun, keep=kept, kind=Pick(("services", "financial"), draw.pick([60, 40], n)))

    def yearly(day: Ints, r: Ints, number: Ints | int) -> Ints:
        return draw.by(day, day + 365, Punctual(0.78, 12, 25))

    over = begun + 400 + draw.spread(900, n)
    r, days, _ = series(draw, begun, np.where(kept, over, 0), yearly, 12)
    rec.emit("sgo_support_review_held", child[r], days)
    rec.emit("sgo_support_ended", child, draw.working(over), keep=kept)


def _adoption(draw: Draw, f: Figures, rec: Record, families: Families, c: Spells, order: Ints, matched: Ints) -> None:
    """From the plan for adoption to the order: decision, placement order, match, placement, visits and reviews."""
    s, n, child = f.settings, len(c), c.child
    agreed = draw.working(order - draw.whole(75, 150, n))
    agreed = np.maximum(agreed, c.start + 5)
    decided = np.minimum(draw.months(agreed, 2, Punctual(s["should_be_placed"], 12, 15)), order - 3)
    rec.emit("adoption_plan_agreed", child, agreed)
    said = reference(OTHER, np.full(n, 30))
    minutes = draw.after(decided, -draw.whole(2, 6, n))
    minutes = np.where(draw.chance(0.1, n), draw.after(decided, -9), minutes)
    rec.emit("panel_minutes_received", child, minutes, ref=said, kind="should_be_placed")
    rec.emit("adm_decision_recorded", child, decided, ref=said, kind="should_be_placed", approved=True)
    rec.emit("adm_decision_told", child, draw.within(decided, 2, Punctual(0.9, 0.6, 2)), ref=said, keep=draw.chance(0.98, n))
    rec.emit("adm_decision_sent", child, draw.within(decided, 5, Punctual(0.88, 1, 3)), ref=said, keep=draw.chance(0.98, n))
    rec.emit("placement_order_applied", child, draw.working(decided + draw.whole(0, 2, n)))
    rec.emit("authority_to_place_obtained", child, order)
    rec.emit("adoption_match_approved", child, draw.working(matched))
    placed, end = c.placed, c.end

    def waiting(day: Ints, r: Ints, number: Ints | int) -> Ints:
        return draw.months(day, 3 if number == 0 else 6, Punctual(0.85, 8, 12))

    r, days, _ = series(draw, order, placed - 1, waiting, 20)
    rec.emit("adoption_review_held", child[r], days)
    rec.emit("placed_for_adoption", child, placed)

    def review(day: Ints, r: Ints, number: Ints | int) -> Ints:
        if number == 0:
            return draw.by(day, day + 28, Punctual(0.88, 2, 4))
        return draw.months(day, 3 if number == 1 else 6, Punctual(0.88, 8, 10))

    r, days, number = series(draw, placed, end - 1, review, 20)
    rec.emit("adoption_review_held", child[r], days)
    first = np.full(n, FAR)
    first[r[number == 0]] = days[number == 0]

    def visit(day: Ints, r: Ints, number: Ints | int) -> Ints:
        return draw.by(day, day + np.where(day < first[r], 7, 28), Punctual(0.9, 1, 2.5))

    r, days, _ = series(draw, placed, end - 1, visit, 120)
    rec.emit("adoption_visit", child[r], days, child_seen=True, adopter_seen=True)
    applied = draw.working(placed + 70 + draw.whole(-3, 45, n))
    rec.emit("adoption_application_made", child, applied, keep=applied < end)
    rec.emit("adoption_order_made", child, end, keep=end < families.gone[child])


def missing(draw: Draw, f: Figures, rec: Record, child: Ints, begin: Ints, end: Ints) -> None:
    """Missing episodes of some young people, and the return interviews after them."""
    s, n = f.settings, len(child)
    often = 8 + 110 * draw.rng.random(n) ** 2.2

    def again(day: Ints, r: Ints, number: Ints | int) -> Ints:
        return day + 3 + (-np.log1p(-draw.rng.random(len(r)) * 0.999) * often[r]).astype(np.int64)

    count = 1 + draw.spread(s["missing_more"], n)
    start = np.minimum(begin + draw.whole(5, 400, n), end)
    r, days, number = series(draw, start - 10, end - 8, again, 60)
    ok = number < count[r]
    r, days, number = r[ok], days[ok], number[ok]
    m = len(r)
    at = draw.evening(m)
    away = np.minimum(2 + draw.spread(14, m), 47) * HOUR + 300 * draw.whole(0, 11, m)
    ref = reference(6, begin[r] % 97 * 100 + number + 1)
    who = child[r]
    rec.emit("missing_episode_started", who, days, second=at, ref=ref)
    back = at + away
    dated = draw.chance(0.12, m)
    rec.emit("missing_episode_ended", who, np.where(dated, days + back // 86_400, days), second=np.where(dated, -1, back), ref=ref)
    offered = draw.chance(s["interview_offered"], m)
    soon = draw.chance(s["interview_offered_in_time"], m)
    wait = np.where(soon, 10 + draw.whole(0, 58, m), 76 + draw.spread(40, m)) * HOUR
    offer = back + wait
    offer = np.where(offer % 86_400 < 8 * HOUR, offer - offer % 86_400 + 9 * HOUR, offer)
    rec.emit("rhi_offered", who, days, second=offer, ref=ref, keep=offered)
    done = offered & draw.chance(s["interview_completed"], m)
    taken = np.where(
        draw.chance(s["interview_in_time"], m), np.minimum(offer + 2 * HOUR, back + 71 * HOUR), offer + (20 + draw.spread(60, m)) * HOUR
    )
    rec.emit("rhi_completed", who, days, second=np.maximum(taken, offer), ref=ref, keep=done)
    rec.emit("rhi_declined", who, days + (offer + 86_400) // 86_400, ref=ref, keep=offered & ~done & draw.chance(0.9, m))
    third = (number >= 2) & draw.chance(0.9, m)
    rec.emit("missing_strategy_meeting_held", who, draw.within(days, 5, Punctual(0.72, 1, 4)), keep=third)
