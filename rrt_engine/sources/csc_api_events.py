"""What the children's social care collection says of one child, as events.

Choices that the collection leaves open:

* An enquiry is taken to start with the strategy discussion held the same day, as in the children in need census.
* No record says when it was decided that no conference was needed: an enquiry closes on or after that day. The duty to hold one
  must then end and not look overdue, so the decision is put on the day the enquiry started. So it is where an enquiry closed with
  no conference and nothing said of whether one was needed. The log does not claim to carry either, and no rule measures them.
* A conference led to a plan where one of the child's plans starts that day, and to none where none starts within some days of it.
* Placements are the blocks of a period of care. A block that starts for reason S starts care; one that ends for a reason that
  begins with E ends it. Where only the legal status changes (reason L) the placement goes on. The legal status itself is not in
  the collection, so short breaks cannot be told from care.
* A period of care that ends in adoption (E11, E12) ends on the day of the order.
* The date of contact with a care leaver is the latest one only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rrt_engine.model import AttributeValue
from rrt_engine.sources.annex_a_values import care_ceased_reason, closure_reason, placement_type, source_agency
from rrt_engine.sources.csc_api_schema import LATEST, PRECEDENCE
from rrt_engine.sources.csc_api_state import Child, Episode, Held

Reject = Callable[[Held, str], None]
Note = Callable[[str], None]
_DAYS_OFF = 10
"""How far from its conference a plan's start may be typed."""
ORDER = {
    "assessment": "an assessment is authorised before it starts",
    "cin_plan": "a child in need plan ends before it starts",
    "conference": "an initial conference is dated before its section 47 enquiry",
    "plan": "a child protection plan ends before it starts",
    "placement": "a placement ends before it starts",
    "closure": "an episode closes before its referral",
    "referral": "something in an episode starts before its referral",
}


@dataclass
class Event:
    """One event while its child is read; `suspect` may be set when another date contradicts it."""

    kind: str
    day: int
    held: Held
    ref: str | None = None
    attributes: dict[str, AttributeValue] | None = None
    suspect: bool = False

    @property
    def latest_only(self) -> bool:
        """Whether the collection holds only the latest event of this kind."""
        return self.kind in LATEST


class Writer:
    """The events of one child as they are written. `reject` sets a record aside, `disorder` and `unknown` count what is odd."""

    def __init__(self, child: Child, reject: Reject, disorder: Note, unknown: Note) -> None:
        self.child, self.reject, self.disorder, self.unknown = child, reject, disorder, unknown
        self.plans = [d for e in child.episodes.values() for p in e.of("child_protection_plans") if (d := p.day("start_date")) is not None]

    def events(self) -> list[Event]:
        """Every event of the child, those of one day in the order work is done."""
        events = [
            Event("sdq_recorded", day, held, attributes=_known(score=held.values.get("score")))
            for day, held in self.child.questionnaires.items()
        ]
        for key, episode in sorted(self.child.episodes.items()):
            own = list(self.episode(key, episode))
            for event in own:
                worker = _worker_on(episode.workers, event.day)
                if worker:
                    event.attributes = {"worker": worker, **(event.attributes or {})}
            events += own
        events += self.care([p for e in self.child.episodes.values() for p in e.of("child_looked_after_placements")])
        events.sort(key=lambda e: (e.day, PRECEDENCE[e.kind]))
        return events

    def start(self, held: Held, name: str = "start_date") -> int | None:
        """The date a record needs. Where it has none the record is set aside, if it was ever read."""
        day = held.day(name)
        if day is None and held.path:
            self.reject(held, f"{held.path}.{name}: missing")
        return day

    def in_order(self, rule: str, earlier: Event | None, *later: Event) -> None:
        """Mark events where a later one is dated before the earlier, and count it."""
        for event in later:
            if earlier is not None and event.day < earlier.day:
                earlier.suspect = event.suspect = True
                self.disorder(rule)

    def word(self, held: Held, name: str, read: Callable[[str], str]) -> str | None:
        """A code in the words every reader uses for it; None, and counted, where it is not known."""
        text = held.text(name)
        word = read(text) if text else ""
        if text and not word:
            self.unknown(name)
        return word or None

    def episode(self, ref: str, episode: Episode) -> Iterator[Event]:
        """The referral, what it led to, and its end."""
        own = episode.own
        received, closed = self.start(own, "referral_date"), own.day("closure_date")
        referral = None
        if received is not None:
            agency = self.word(own, "referral_source", source_agency)
            nfa = own.values.get("referral_no_further_action_flag")
            referral = Event("referral_received", received, own, ref, _known(nfa=nfa, source_agency=agency))
            yield referral
        started: list[Event] = []
        for pair in (
            *(self.assessment(f"{ref}/{held.key}", held) for held in episode.of("child_and_family_assessments")),
            *(self.pair("cin_plan", held.key, held) for held in episode.of("child_in_need_plans")),
            *(self.pair("plan", held.key, held) for held in episode.of("child_protection_plans")),
            *(self.enquiry(f"{ref}/{held.key}", held) for held in episode.of("section_47_assessments")),
        ):
            started += pair[:1]
            yield from pair
        self.in_order("referral", referral, *started)
        yield from self.others(ref, episode)
        if closed is not None:
            event = Event("case_closed", closed, own, ref, _known(reason=self.word(own, "closure_reason", closure_reason)))
            self.in_order("closure", referral, event)
            yield event

    def assessment(self, ref: str, held: Held) -> list[Event]:
        """An assessment: started, and authorised where it is complete."""
        return self.between("assessment", held, ("assessment_started", "assessment_authorised"), "authorisation_date", ref)

    def pair(self, rule: str, ref: str, held: Held) -> list[Event]:
        """A plan: started, and ended where it has."""
        kinds = ("cin_plan_started", "cin_plan_ended") if rule == "cin_plan" else ("cp_plan_started", "cp_plan_ended")
        return self.between(rule, held, kinds, "end_date", ref)

    def between(self, rule: str, held: Held, kinds: tuple[str, str], end: str, ref: str) -> list[Event]:
        """What starts and ends."""
        start, ended = self.start(held), held.day(end)
        if start is None:
            return []
        events = [Event(kinds[0], start, held, ref)]
        if ended is not None:
            events.append(Event(kinds[1], ended, held, ref))
            self.in_order(rule, *events)
        return events

    def enquiry(self, ref: str, held: Held) -> list[Event]:
        """A section 47 enquiry, the strategy discussion that began it, and the conference it led to or did not need."""
        start, conference = self.start(held), held.day("icpc_date")
        if start is None:
            return []
        events = [Event("strategy_discussion_held", start, held, ref, {"s47_initiated": True}), Event("s47_started", start, held, ref)]
        needed = held.values.get("icpc_required_flag")
        if conference is not None:
            ordered = conference >= start
            attributes: dict[str, AttributeValue] = {"transfer_in": False}
            if conference in self.plans:
                attributes["outcome"] = "cp_plan"
            elif not any(day <= conference + _DAYS_OFF for day in self.plans):
                attributes["outcome"] = "no_plan"
            events.append(Event("icpc_held", conference, held, ref, attributes))
            if not ordered:
                for event in events:
                    event.suspect = True
                self.disorder("conference")
        elif needed is False or (needed is None and held.day("end_date") is not None):
            events.append(Event("s47_outcome_recorded", start, held, ref, {"icpc_required": False}))
        return events

    def others(self, ref: str, episode: Episode) -> Iterator[Event]:
        """Workers, adoption and care leavers."""
        for spell in episode.workers:
            start = self.start(spell)
            if start is not None:
                yield Event("worker_allocated", start, spell, ref, {"worker": spell.key})
        for held in episode.of("adoption"):
            for name, kind, attributes in (
                ("initial_decision_date", "adm_decision_recorded", {"kind": "should_be_placed"}),
                ("matched_date", "adoption_match_approved", {}),
                ("placed_date", "placed_for_adoption", {}),
            ):
                day = held.day(name)
                if day is not None:
                    yield Event(kind, day, held, None, dict(attributes))
        for held in episode.of("care_leavers"):
            day = self.start(held, "contact_date")
            if day is not None:
                said = _known(activity=held.text("activity") or None, accommodation=held.text("accommodation") or None)
                yield Event("pa_contact", day, held)
                yield Event("care_leaver_circumstances_recorded", day, held, None, said)

    def care(self, blocks: list[Held]) -> Iterator[Event]:
        """Periods in care and the placements in them, from the blocks that make them up."""
        dated = [(start, held) for held in blocks if (start := self.start(held)) is not None]
        dated.sort(key=lambda d: (d[0], d[1].day("end_date") is None, d[1].day("end_date") or 0, d[1].key))
        for i, (start, held) in enumerate(dated):
            code, ended, why = held.text("start_reason").upper(), held.day("end_date"), held.text("end_reason").upper()
            before, after = dated[:i], next((h for s, h in dated[i + 1 :] if s == ended), None)
            events = []
            if code == "S" or (not code and not any(_goes_on(h, start) for _, h in before)):
                events.append(Event("looked_after_started", start, held))
            if code != "L":
                kind = self.word(held, "placement_type", placement_type)
                long_term = kind in ("U1", "U4") if kind else None
                events.append(Event("placement_started", start, held, None, _known(type=kind, long_term=long_term)))
            if ended is not None:
                events += self.end(held, ended, why, after)
                if ended < start:
                    for event in events:
                        event.suspect = True
                    self.disorder("placement")
            yield from events

    def end(self, held: Held, ended: int, why: str, after: Held | None) -> Iterator[Event]:
        """How a block ends: with the placement, with care, or with neither where only the legal status changes."""
        if after is None or after.text("start_reason").upper() != "L":
            changed = after.text("change_reason") if after else ""
            yield Event("placement_ended", ended, held, None, _known(reason=changed or None))
        if why.startswith("E"):
            if why in ("E11", "E12"):
                yield Event("adoption_order_made", ended, held)
            yield Event("looked_after_ended", ended, held, None, _known(reason=self.word(held, "end_reason", care_ceased_reason)))


def _goes_on(held: Held, day: int) -> bool:
    """Whether a block of care lasts to a day, and care does not end with it."""
    ended = held.day("end_date")
    return ended is None or (ended >= day and not held.text("end_reason").upper().startswith("E"))


def _worker_on(workers: Sequence[Held], day: int) -> str:
    """The worker on a day, where there is exactly one."""
    there = {
        w.key for w in workers if (s := w.day("start_date")) is not None and s <= day and ((e := w.day("end_date")) is None or e >= day)
    }
    return there.pop() if len(there) == 1 else ""


def _known(**values: AttributeValue | None) -> dict[str, AttributeValue]:
    """The attributes that are known."""
    return {name: value for name, value in values.items() if value is not None and value != ""}
