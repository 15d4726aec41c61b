"""One block of an authority: every family's journey from the first contact on, round by round, and what belongs to each child."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from rrt_engine.calendar import Calendar, birthdays, day_number
from rrt_engine.rulebook.book import EventKind
from rrt_engine.synth import care, court, families, fostered, front_door, leaving_care, missing, placements, protection, spells
from rrt_engine.synth.chains import write_chains
from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual, series
from rrt_engine.synth.families import BLOCK, FAR, Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.record import ASSESSMENT, Block, Pick, Record, reference
from rrt_engine.synth.spells import Spells

ROUNDS = 9
"""How often a family can be referred."""
GROWN = (
    "sgo_support",
    "care_leaver_", "leaving_care_", "pathway_", "pa_", "personal_adviser_", "accommodation_", "became_former", "home_with_parent",
    "education_plan_told", "looked_after_ended", "placement_ended", "case_closed", "complaint_", "lcspr_", "panel_", "rapid_review",
    "youth_order_ended", "adoption_support", "concurrent_", "allegation_resolved", "lado_", "ehc_",
)  # fmt: skip
"""How the names of events begin that may come after an eighteenth birthday."""
NEEDS_BIRTH = (
    "child_seen", "cin_visit", "cp_visit", "lac_", "looked_after", "placement_", "review_", "police_", "initial_health", "missing_",
    "annual_", "interim_care", "legal_status", "iro_", "permanence", "adoption_", "care_plan", "core_group", "dental", "pep_",
)  # fmt: skip
"""How the names of events begin that need a child who is born."""
AFTER_DEATH = (
    "panel_", "rapid_review", "lcspr_", "looked_after_child_death", "complaint_", "care_leaver_death", "child_died", "case_transferred_out",
)  # fmt: skip
"""How the names of events begin that may come after a death or a move away."""


@dataclass(frozen=True)
class Span:
    """The days that the history covers, as day numbers."""

    first: int
    last: int

    @staticmethod
    def of(since: date, to: date) -> Span:
        """From one date to another."""
        return Span(day_number(since), day_number(to))


def make_block(
    number: int, seed: int, f: Figures, calendar: Calendar, events: Mapping[str, EventKind], span: Span
) -> tuple[Block, Families, Draw]:
    """The events of children BLOCK * number and on, made from the seed and the number of the block and nothing else."""
    draw = Draw(np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number]))), calendar, span.last)
    rec = Record(events)
    people = families.make(draw, f.settings, span.first, span.last)
    stays: list[Spells] = []
    _referred(draw, f, rec, people, span, stays)
    only = np.flatnonzero(people.sort == families.NOTED)
    count = 1 + draw.spread(f.settings["noted_contacts"], len(only))
    _contacts(
        draw,
        f,
        rec,
        people,
        np.repeat(only, count),
        np.repeat(people.arrives[only], count),
        500,
        count,
        np.zeros(int(count.sum()), np.bool_),
        span,
    )
    _everyone(draw, f, rec, people)
    private = np.flatnonzero((people.sort == families.FOSTERED)[people.family])
    fostered.privately_fostered(draw, f, rec, people, private, people.arrives[people.family[private]])
    whole = Spells(*(np.concatenate([getattr(c, name) for c in stays]) for name in Spells.__dataclass_fields__))
    placements.visits(draw, f, rec, whole, placements.placements(draw, f, rec, whole, people))
    care.reviews(draw, f, rec, whole)
    leaving_care.leaving_care(draw, f, rec, whole, people)
    _missing(draw, f, rec, people, whole)
    _lives(rec, people)
    write_chains(draw, f, rec, people, (whole.child, whole.start, whole.end))
    care.review_papers(draw, rec)
    return rec.block(_stands(people, span)), people, draw


def _referred(draw: Draw, f: Figures, rec: Record, people: Families, span: Span, stays: list[Spells]) -> None:
    """Referral after referral, until the families' stories end or the time does."""
    s = f.settings
    now = np.flatnonzero((people.sort == families.ORDINARY) | (people.sort == families.ALONE))
    day = people.arrives[now]
    for number in range(1, ROUNDS + 1):
        if not len(now):
            return
        ep = front_door.refer(draw, f, rec, people, now, day, np.full(len(now), number))
        if not len(ep):
            return
        end = _episode(draw, f, rec, ep, people, stays)
        count = draw.spread(s["other_contacts"], len(ep))
        began, ended = np.repeat(ep.day, count), np.repeat(end, count)
        when = began + draw.whole(-250, 450, len(began))
        _contacts(draw, f, rec, people, np.repeat(ep.family, count), when, 1000 * number, count, (when > began) & (when < ended), span)
        soon, far_on = draw.chance(s["rereferred"], len(ep)), draw.chance(s["rereferred_later"], len(ep))
        gap = np.where(soon, 8 + draw.spread(s["rereferral_gap"], len(ep)), 370 + draw.spread(400, len(ep)))
        again = (soon | far_on) & (end + gap <= span.last) & (people.sort[ep.family] == families.ORDINARY)
        now, day = ep.family[again], (end + gap)[again]


def _contacts(
    draw: Draw, f: Figures, rec: Record, people: Families, family: Ints, day: Ints, base: int, count: Ints, opened: Bools, span: Span
) -> None:
    number = base + np.arange(len(family)) - np.repeat(np.cumsum(count) - count, count)
    ok = (day >= span.first) & (day <= span.last)
    family, day, number, opened = family[ok], day[ok], number[ok], opened[ok]
    size = np.bincount(people.family, minlength=len(people.sort))
    child = (np.cumsum(size) - size)[family] + (draw.rng.random(len(family)) * size[family]).astype(np.int64)
    front_door.contacts(draw, f, rec, people, child, day, number, opened)


def _everyone(draw: Draw, f: Figures, rec: Record, people: Families) -> None:
    """A contact about each child of whom nothing else is known: nobody is in the record without a reason."""
    known = np.zeros(BLOCK, np.bool_)
    for part in rec.parts:
        known[part[1]] = True
    child = np.flatnonzero(~known & (people.sort != families.FOSTERED)[people.family])
    day = np.maximum(people.arrives[people.family[child]], people.born[child] + 1)
    front_door.contacts(draw, f, rec, people, child, day, np.full(len(child), 900), np.zeros(len(child), np.bool_))


def _episode(draw: Draw, f: Figures, rec: Record, ep: front_door.Episodes, people: Families, stays: list[Spells]) -> Ints:
    """What follows an assessment: enquiries, plans, court and care. Returns the day each family's case closes."""
    s, n, of, child = f.settings, len(ep), ep.of, ep.child
    alone = people.sort[ep.family] == families.ALONE
    now = ep.outcome == front_door.S47
    during = (ep.outcome == front_door.ASSESS) & draw.chance(s["s47_in_assessment"], n) & ~alone
    asked = np.where(
        now, draw.after(ep.decided, draw.pick([66, 26, 8], n)), np.minimum(draw.after(ep.started, draw.whole(2, 25, n)), ep.authorised)
    )
    confer, plan = protection.enquiry(draw, f, rec, ep, people, asked, now | during, 1, np.full(len(child), FAR))
    authorised = np.where(plan, np.maximum(ep.authorised, asked), ep.authorised)
    again = ep.assessed & draw.chance(s["assessed_again"], n) & ~alone
    # children who come into care by agreement, in the assessment or after it
    age = people.age(child, authorised[of])
    likely = np.where(age < 1, s["agreed_infant"], np.where(age < 10, s["agreed_child"], s["agreed_teenager"])) / 1.0
    agreed = ep.assessed[of] & ~plan[of] & draw.chance(np.where(alone[of], 1.0, likely), len(child))
    in_need = ep.assessed & ~plan & draw.chance(s["in_need"], n) & ~alone
    word = np.where(plan, 2, np.where(in_need, 1, 0))
    took = np.zeros(n, np.bool_)
    took[of[agreed]] = True
    word = np.where(took & ~plan & ~in_need, 3, np.where((word == 0) & draw.chance(0.12, n), 4, word))
    rec.emit(
        "assessment_authorised", child, authorised[of], ref=reference(ASSESSMENT, ep.number, 1)[of], keep=ep.assessed[of],
        outcome=Pick(("nfa", "cin", "cp", "lac", "step_down"), word[of]),
    )  # fmt: skip
    meeting = draw.within(authorised, 10, Punctual(s["cin_first_meeting"], 2, 5))
    need_end = draw.working(
        meeting + np.clip((s["cin_days"] * np.exp(draw.rng.normal(0, s["cin_days_spread"], n))).astype(np.int64), 14, 1_400)
    )
    _assessed_again(draw, f, rec, ep, meeting, need_end, in_need & again)
    # a second enquiry while a plan for a child in need runs
    risen = in_need & draw.chance(s["s47_in_need"], n)
    rose = draw.working(meeting + (draw.uniform(n) * np.maximum(need_end - meeting - 20, 10)).astype(np.int64) + 8)
    begins = draw.working(np.where(alone[of], ep.decided[of], authorised[of] - draw.whole(0, 20, len(child))))
    leaves = np.where(agreed, np.maximum(begins, ep.decided[of]), FAR)
    confer2, plan2 = protection.enquiry(draw, f, rec, ep, people, rose, risen, 2, leaves)
    conference, protected = np.where(plan, confer, confer2), plan | plan2
    need_end = np.where(plan2, conference, need_end)
    # court: from a plan, or at once where a child has to be protected now
    planned = protected & draw.chance(s["legal_planning"], n)
    issued = court.pre_proceedings(draw, f, rec, ep, conference, planned)
    rush = (now | during) & ~protected & draw.chance(s["police_protection"], n)
    sheltered = rush[of] & draw.chance(0.9, len(child)) & (people.born[child] < asked[of] - 1)
    sudden = np.maximum(asked - 1, ep.day)
    protection.emergency(draw, rec, child, sudden[of], sheltered)
    applied = np.where(rush, draw.after(asked, 2), issued)[of]
    in_court = np.flatnonzero(
        (applied < FAR)
        & ~agreed
        & (sheltered | ~rush[of])
        & draw.chance(0.92, len(child))
        & (people.adult[child] > applied + 300)
        & (people.born[child] <= applied)
    )
    removed = np.where(sheltered, sudden[of], FAR)
    interim, final = court.proceedings(draw, f, rec, child[in_court], of[in_court], applied[in_court], removed[in_court])
    leaves[in_court] = np.where(removed[in_court] < FAR, removed[in_court], interim)
    route = np.where(alone[of], spells.ALONE, spells.AGREED)
    route[in_court] = np.where(removed[in_court] < FAR, spells.SHELTERED, spells.COURT)
    finals = np.full(len(child), FAR)
    finals[in_court] = final
    goes = np.flatnonzero(
        (leaves < FAR) & (people.born[child] <= leaves) & (leaves < people.adult[child] - 20) & (leaves < people.gone[child])
    )
    own_close = np.zeros(len(child), np.int64)
    leaves = np.where(np.isin(np.arange(len(child)), goes), leaves, FAR)
    if len(goes):
        lasting = care.spells(draw, f, rec, people, child[goes], leaves[goes], route[goes], finals[goes])
        stays.append(lasting)
        home = lasting.plan == spells.HOME
        own_close[goes] = np.where(
            home, lasting.end + draw.whole(20, 150, len(goes)), np.where(lasting.plan == spells.LONG, FAR, lasting.end + 14)
        )
    _, family_end = protection.child_protection(draw, f, rec, ep, people, conference, protected, leaves)
    protection.child_in_need(draw, f, rec, ep, people, meeting, need_end, in_need & (meeting < need_end), leaves, 0)
    eased = protected & draw.chance(s["steps_down"], n)
    after = draw.working(family_end + draw.whole(0, 9, n))
    eased_end = draw.working(after + np.clip((s["cin_days"] * 0.8 * np.exp(draw.rng.normal(0, 0.6, n))).astype(np.int64), 14, 700))
    protection.child_in_need(draw, f, rec, ep, people, after, eased_end, eased, leaves, 1)
    last = np.where(in_need & ~plan2, need_end, authorised)
    last = np.where(protected, np.where(eased, eased_end, family_end), last)
    settled = np.zeros(n, np.int64)
    np.maximum.at(settled, of[in_court], np.minimum(final, FAR - 1))
    last = np.maximum(last, settled)
    last = np.maximum(last, np.where(now | during, draw.after(asked, 16), 0))
    close = np.where(ep.assessed, draw.after(last, draw.pick([30, 40, 20, 10], n)), ep.decided)
    mine = np.where(own_close > 0, np.maximum(own_close, close[of]), close[of])
    mine = np.where(own_close >= FAR, FAR, mine)
    grown = people.adult[child]
    shut = np.where(mine >= FAR, FAR, np.minimum(draw.working(np.minimum(mine, FAR)), grown))
    ended = ep.assessed[of] & (shut < FAR)
    rec.emit("case_closed", child, shut, ref=ep.ref(), keep=ended, reason=Pick(("RC1", "RC8", "RC9"), draw.pick([75, 15, 10], len(child))))
    people.open_until[child] = np.maximum(people.open_until[child], np.where(ep.assessed[of], shut, ep.decided[of] + 3))
    _supervision(draw, f, rec, child, ep.decided[of], np.where(shut < FAR, shut, grown), ep.assessed[of])
    return np.where(ep.assessed, close, ep.decided + 3)


def _assessed_again(draw: Draw, f: Figures, rec: Record, ep: front_door.Episodes, start: Ints, end: Ints, which: Bools) -> None:
    """A second assessment in an open case, because something has changed."""
    n, of, child = len(ep), ep.of, ep.child
    begun = draw.working(start + 5 + (draw.uniform(n) * np.maximum(end - start - 60, 1)).astype(np.int64))
    done = np.maximum(draw.after(begun, draw.banded(f.bands["assessment"], n)), begun)
    ref = reference(ASSESSMENT, ep.number, 2)[of]
    rec.emit("assessment_started", child, begun[of], ref=ref, keep=which[of], reassessment=True)
    front_door.review_points(draw, f, rec, child, of, ref, begun, done, which[of])
    rec.emit(
        "assessment_authorised", child, done[of], ref=ref, keep=which[of], reassessment=True,
        outcome=Pick(("nfa", "cin", "step_down"), draw.pick([25, 65, 10], n)[of]),
    )  # fmt: skip


def _supervision(draw: Draw, f: Figures, rec: Record, child: Ints, start: Ints, end: Ints, keep: Bools) -> None:
    """Supervision of the worker, put on the child's file while the case is open."""

    def following(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, day + 42, Punctual(f.settings["supervision"], 4, f.settings["supervision_late_days"]))

    r, days, _ = series(start, np.where(keep, end - 1, 0), following, 80)
    rec.emit("supervision_recorded", child[r], days)


def _missing(draw: Draw, f: Figures, rec: Record, people: Families, c: Spells) -> None:
    """Who goes missing: some young people in care, and some at home after a referral."""
    s = f.settings
    begin = np.maximum(c.start, birthdays(people.born[c.child], 11))
    rows = np.flatnonzero((begin < c.end - 30) & draw.chance(s["missing_in_care"], len(c)))
    child, start, end = c.child[rows], begin[rows], c.end[rows]
    away = np.zeros(BLOCK, np.bool_)
    away[c.child] = True
    first = people.arrives[people.family]
    everyone = np.arange(BLOCK)
    age = people.age(everyone, first)
    referred = (people.sort == families.ORDINARY)[people.family]
    home = np.flatnonzero(~away & referred & (age >= 11) & draw.chance(s["missing_at_home"], BLOCK))
    child = np.concatenate([child, home])
    start = np.concatenate([start, first[home] + 5])
    end = np.minimum(np.concatenate([end, first[home] + 500]), people.adult[child] - 8)
    missing.missing(draw, f, rec, child, start, end)


def _lives(rec: Record, people: Families) -> None:
    """Births of those known before, deaths, and moves to another authority."""
    known = np.flatnonzero(people.unborn)
    rec.emit("birth", known, people.born[known])
    died = np.flatnonzero(people.died)
    rec.emit("child_died", died, people.gone[died])
    moved = np.flatnonzero((people.gone < FAR) & ~people.died)
    still = people.open_until[moved] > people.gone[moved]
    rec.emit("case_transferred_out", moved[still], people.gone[moved][still])


def _stands(people: Families, span: Span):  # type: ignore[no-untyped-def]
    def stands(kind: str, child: Ints, day: Ints) -> Bools:
        """Whether events can be in the record: inside its dates, and in the life of the child."""
        keep: Bools = (day >= span.first) & (day <= span.last)
        if not kind.startswith(AFTER_DEATH):
            keep &= day <= people.gone[child]
        if not kind.startswith(GROWN):
            keep &= day < people.adult[child]
        else:
            keep &= day < people.adult[child] + 2_557
        if kind.startswith(NEEDS_BIRTH) or kind == "birth":
            keep &= day >= people.born[child]
        return keep

    return stands
