"""Where children in care live, one placement after another, what belongs to each placement, and visits to them there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import birthdays
from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual, series
from rrt_engine.synth.families import FAR, Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.record import Pick, Record
from rrt_engine.synth.spells import AGREED, ALONE, LONG, Spells

TYPES = ("U1", "U3", "U4", "U6", "K2", "K1", "H5", "P1", "P2", "R1", "A5", "A6", "T0")


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
        "placement_ended", child, end, keep=(end <= families.gone[child]) & ~(families.died[child] & (end >= families.gone[child])),
        reason=Pick(("planned", "carer_request", "breakdown", "left_care"), np.where(end == c.end[spell], 3, draw.pick([62, 22, 16], m))),
    )  # fmt: skip
    _placement_papers(draw, f, rec, child, begin, kinds, emergency, away, first)
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
    draw: Draw, f: Figures, rec: Record, child: Ints, begin: Ints, kinds: Ints, emergency: Bools, away: Bools, first: Bools
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

    r, days, _ = series(begin, end - 1, visit, 120)
    n = len(r)
    seen = np.where(draw.chance(0.01, n), -1, draw.chance(0.98, n))
    rec.emit(
        "lac_visit", c.child[spell[r]], days, child_seen=seen, seen_alone=np.where(seen == 1, draw.chance(0.82, n), -1),
        at_placement=draw.chance(0.93, n), video=draw.chance(0.01, n),
    )  # fmt: skip
