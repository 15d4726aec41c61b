"""Ways out of care for good: special guardianship and adoption, from the plan to what follows the order."""

from __future__ import annotations

import numpy as np

from rrt_engine.synth.draw import Draw, Ints, Punctual, series
from rrt_engine.synth.families import FAR, Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.record import OTHER, Pick, Record, reference
from rrt_engine.synth.spells import Spells


def guardianship(draw: Draw, rec: Record, c: Spells) -> None:
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

    def yearly(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, day + 365, Punctual(0.78, 12, 25))

    over = begun + 400 + draw.spread(900, n)
    r, days, _ = series(begun, np.where(kept, over, 0), yearly, 12)
    rec.emit("sgo_support_review_held", child[r], days)
    rec.emit("sgo_support_ended", child, draw.working(over), keep=kept)


def adoption(draw: Draw, f: Figures, rec: Record, families: Families, c: Spells, order: Ints, matched: Ints) -> None:
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

    def waiting(day: Ints, _r: Ints, number: Ints | int) -> Ints:
        return draw.months(day, 3 if number == 0 else 6, Punctual(0.85, 8, 12))

    r, days, _ = series(order, placed - 1, waiting, 20)
    rec.emit("adoption_review_held", child[r], days)
    rec.emit("placed_for_adoption", child, placed)

    def review(day: Ints, _r: Ints, number: Ints | int) -> Ints:
        if number == 0:
            return draw.by(day, day + 28, Punctual(0.88, 2, 4))
        return draw.months(day, 3 if number == 1 else 6, Punctual(0.88, 8, 10))

    r, days, number = series(placed, end - 1, review, 20)
    rec.emit("adoption_review_held", child[r], days)
    first = np.full(n, FAR)
    first[r[number == 0]] = days[number == 0]

    def visit(day: Ints, r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, day + np.where(day < first[r], 7, 28), Punctual(0.9, 1, 2.5))

    r, days, _ = series(placed, end - 1, visit, 120)
    rec.emit("adoption_visit", child[r], days, child_seen=True, adopter_seen=True)
    applied = draw.working(placed + 70 + draw.whole(-3, 45, n))
    rec.emit("adoption_application_made", child, applied, keep=applied < end)
    rec.emit("adoption_order_made", child, end, keep=end < families.gone[child])
