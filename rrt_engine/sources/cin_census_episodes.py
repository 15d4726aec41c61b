"""What a children in need return says of each child, as events: one episode of need after another."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from rrt_engine.calendar import NO_DAY, Moment, parse_moment
from rrt_engine.model import AttributeValue, Rejected
from rrt_engine.sources.annex_a_values import abuse_category, closure_reason, source_agency
from rrt_engine.sources.builder import LogBuilder, typed
from rrt_engine.sources.cin_census_modules import CannotUse, Counted, Module, shown
from rrt_engine.sources.cin_census_schema import PRECEDENCE

_DATE = re.compile(r"^(\d{4}-\d\d-\d\d)(?:T00:00:00(?:\.0+)?)?(?:Z|[+-]\d\d:\d\d)?$")


class _Event:
    """One event while its episode is read; `suspect` may be set when another date contradicts it."""

    __slots__ = ("at", "attributes", "kind", "line", "ref", "suspect")

    def __init__(self, kind: str, at: Moment, ref: str, line: int, attributes: dict[str, AttributeValue] | None = None) -> None:
        self.kind, self.at, self.ref, self.line, self.attributes, self.suspect = kind, at, ref, line, attributes, False


class Episodes:
    """The episodes read so far, and everything found wrong with them."""

    def __init__(self, name: str, builder: LogBuilder) -> None:
        self.name = name
        self.builder = builder
        self.dates: dict[str, Moment | str] = {}
        self.rejected: list[Rejected] = []
        self.rejected_as: dict[str, Counted] = {}
        self.order: dict[str, Counted] = {}
        self.warned: dict[str, Counted] = {}
        self.read = 0
        self.child_id = ""
        self.counts: dict[str, int] = {}
        self.contents: set[int] = set()
        self.died: set[str] = set()
        self.pre_proceedings = False
        self.s47_days, self.targets, self.target_lines = array("i"), array("i"), array("i")

    def read_child(self, child: Module) -> None:
        """Everything the return says of one child."""
        about = next((m for m in child.inner if m.name == "ChildIdentifiers"), None)
        episodes = [m for m in child.inner if m.name == "CINdetails"]
        child_id = self.child_id = about.values.get("LAchildID", "") if about else ""
        if not child_id or about is None:
            line = (about or child).line()
            for episode in episodes:
                for record in episode.records():
                    self.reject(CannotUse(record.line(), f"the child at line {line} has no `LAchildID`", "the child has no `LAchildID`"))
            return
        self.builder.child(child_id, self.known(about, "PersonBirthDate"), self.known(about, "ExpectedPersonBirthDate"))
        died = self.known(about, "PersonDeathDate")
        if died != NO_DAY and child_id not in self.died:
            self.died.add(child_id)
            self.builder.add(child_id, "child_died", Moment(died), row=about.line("PersonDeathDate"))
        for episode in episodes:
            mark = hash((child_id, episode.content()))
            if mark in self.contents:
                for record in episode.records():
                    self.duplicate(record, "an episode of the same child")
                continue
            self.contents.add(mark)
            n = self.counts[child_id] = self.counts.get(child_id, 0) + 1
            for e in self.episode(episode, f"R{n}"):
                self.builder.add(child_id, e.kind, e.at, ref=e.ref, attributes=e.attributes, suspect=e.suspect, row=e.line)

    def reject(self, problem: CannotUse, repeats: bool = False) -> None:
        """Set one record aside."""
        self.read += 1
        self.rejected.append(Rejected(self.name, problem.line, problem.why, self.child_id, repeats))
        self.rejected_as.setdefault(problem.said_as, Counted()).add(problem.line)

    def duplicate(self, record: Module, of: str) -> None:
        """Set aside a record that repeats another exactly."""
        why = f"`{record.name}` repeats {of} exactly"
        self.reject(CannotUse(record.line(), why, f"`{record.name}` repeats another exactly"), repeats=True)

    def moment(self, module: Module, tag: str, required: bool = False) -> Moment | None:
        """A date of a module; None where it is blank. Raises CannotUse for one that cannot be read."""
        text = module.values.get(tag)
        if text is None:
            if required:
                why = f"`{tag}` is missing" if tag == module.name else f"`{module.name}` has no `{tag}`"
                raise CannotUse(module.line(), why, why)
            return None
        found = self.dates.get(text)
        if found is None:
            found = self.dates[text] = _census_date(text)
        if isinstance(found, str):
            raise CannotUse(module.line(tag), f"`{tag}`: {found}", f"the date in `{tag}` cannot be read")
        return found

    def known(self, about: Module, tag: str) -> int:
        """A date about the child, or NO_DAY with a warning where it cannot be read."""
        try:
            found = self.moment(about, tag)
        except CannotUse as problem:
            self.warned.setdefault(f"the date in `{tag}` cannot be read and is taken as not known", Counted()).add(problem.line)
            return NO_DAY
        return NO_DAY if found is None else found.day

    def value(self, module: Module, tag: str, kind: str) -> AttributeValue | None:
        """A field as its type, or None with a warning where it cannot be."""
        text = module.values.get(tag)
        if text is None:
            return None
        try:
            return typed(text, kind)
        except ValueError as error:
            self.warned.setdefault(f"`{tag}`: {error}; what stands there is taken as not recorded", Counted()).add(module.line(tag))
            return None

    def word(self, module: Module, tag: str, read: Callable[[str], str]) -> str:
        """A code in the words every reader uses for it; empty, with a warning, where the code is not known."""
        text = module.values.get(tag)
        if text is None:
            return ""
        word = read(text)
        if not word:
            self.warned.setdefault(f"`{tag}` holds a code that is not known; it is taken as not recorded", Counted()).add(module.line(tag))
        return word

    def in_order(self, rule: str, earlier: _Event | None, later: _Event | None, *with_earlier: _Event, same_day: bool = True) -> None:
        """Mark both events where the later is dated before the earlier, and count it under the DfE rule."""
        if earlier is None or later is None:
            return
        if later.at.day < earlier.at.day or (later.at.day == earlier.at.day and not same_day):
            for event in (earlier, later, *with_earlier):
                event.suspect = True
            self.order.setdefault(rule, Counted()).add(later.line)

    def episode(self, details: Module, ref: str) -> list[_Event]:
        """The events of one episode of need: its referral, and everything recorded under it."""
        events: list[_Event] = []

        def event(kind: str, at: Moment, ref: str, line: int, attributes: dict[str, AttributeValue] | None = None) -> _Event:
            events.append(_Event(kind, at, ref, line, attributes))
            return events[-1]

        referral: _Event | None = None
        transferred: Moment | None = None
        try:
            received = self.moment(details, "CINreferralDate", required=True)
            closed = self.moment(details, "CINclosureDate")
            transferred = self.moment(details, "DateOfInitialCPC")
            self.read += 1
            assert received is not None
            attributes: dict[str, AttributeValue] = {}
            if (nfa := self.value(details, "ReferralNFA", "boolean")) is not None:
                attributes["nfa"] = nfa
            if agency := self.word(details, "ReferralSource", source_agency):
                attributes["source_agency"] = agency
            referral = event("referral_received", received, ref, details.line("CINreferralDate"), attributes)
            if closed is not None:
                reason = self.word(details, "ReasonForClosure", closure_reason)
                ended = event("case_closed", closed, ref, details.line("CINclosureDate"), {"reason": reason} if reason else None)
                self.in_order("8630", referral, ended)
        except CannotUse as problem:
            self.reject(problem)
        # Plans come first, because what a conference decided shows in the plan that starts on its day.
        seen: set[tuple[Any, ...]] = set()
        counts: dict[str, int] = {}
        plans: list[tuple[_Event, str]] = []
        conferences: set[int] = set()
        for plans_first in (True, False):
            for module in details.inner:
                if (module.name == "ChildProtectionPlans") is not plans_first:
                    continue
                k = counts[module.name] = counts.get(module.name, 0) + 1
                content = module.content()
                if content in seen:
                    for record in module.records():
                        self.duplicate(record, "another in the same episode")
                    continue
                seen.add(content)
                try:
                    match module.name:
                        case "ChildProtectionPlans":
                            self.plan(module, ref, k, referral, event, plans)
                        case "Assessments":
                            self.assessment(module, f"{ref}/A{k}", referral, event)
                        case "CINPlanDates":
                            self.cin_plan(module, f"{ref}C{k}", referral, event)
                        case "Section47":
                            self.enquiry(module, f"{ref}/S{k}", referral, event, plans, conferences)
                        case "PreProceedingsandFGDM":
                            self.before_court(module, ref, event)
                except CannotUse as problem:
                    self.reject(problem)
        if transferred is not None and referral is not None:
            if transferred.day in conferences:
                self.order_note("2884", details.line("DateOfInitialCPC"))
            else:
                line = details.line("DateOfInitialCPC")
                event("cp_transfer_notified", referral.at, ref, referral.line).suspect = transferred.day < referral.at.day
                held = event("icpc_held", transferred, f"{ref}/T1", line, _conference(plans, transferred, True))
                self.in_order("1104", referral, held)
                conferences.add(transferred.day)
        for started, own_ref in plans:
            if started.at.day not in conferences:
                conferences.add(started.at.day)
                held = event("icpc_held", started.at, own_ref, started.line, {"outcome": "cp_plan"})
                held.suspect = started.suspect
                self.order_note("2885", started.line)
        events.sort(key=lambda e: PRECEDENCE[e.kind])
        return events

    def order_note(self, rule: str, line: int) -> None:
        """Count something under a DfE rule that does not make a date suspect."""
        self.order.setdefault(rule, Counted()).add(line)

    def assessment(self, module: Module, ref: str, referral: _Event | None, event: Any) -> None:
        """An assessment: started, and authorised where it is complete."""
        start = self.moment(module, "AssessmentActualStartDate", required=True)
        end = self.moment(module, "AssessmentAuthorisationDate")
        self.read += 1
        started = event("assessment_started", start, ref, module.line("AssessmentActualStartDate"))
        self.in_order("1103", referral, started)
        if end is not None:
            self.in_order("8608", started, event("assessment_authorised", end, ref, module.line("AssessmentAuthorisationDate")))

    def cin_plan(self, module: Module, ref: str, referral: _Event | None, event: Any) -> None:
        """A child in need plan."""
        start = self.moment(module, "CINPlanStartDate", required=True)
        end = self.moment(module, "CINPlanEndDate")
        self.read += 1
        started = event("cin_plan_started", start, ref, module.line("CINPlanStartDate"))
        self.in_order("4015", referral, started)
        if end is not None:
            self.in_order("4011", started, event("cin_plan_ended", end, ref, module.line("CINPlanEndDate")))

    def enquiry(
        self,
        module: Module,
        ref: str,
        referral: _Event | None,
        event: Any,
        plans: Sequence[tuple[_Event, str]],
        conferences: set[int],
    ) -> None:
        """A section 47 enquiry, the strategy discussion that began it and the conference it led to."""
        start = self.moment(module, "S47ActualStartDate", required=True)
        conference = self.moment(module, "DateOfInitialCPC")
        not_required = self.value(module, "ICPCnotRequired", "boolean")
        self.read += 1
        assert start is not None
        line = module.line("S47ActualStartDate")
        discussed = event("strategy_discussion_held", start, ref, line, {"s47_initiated": True})
        started = event("s47_started", start, ref, line)
        same = [discussed]
        if not_required is True and conference is None:
            same.append(event("s47_outcome_recorded", start, ref, module.line("ICPCnotRequired"), {"icpc_required": False}))
        if not_required is True and conference is not None:
            said = "`ICPCnotRequired` is true but a conference is dated; the conference is read"
            self.warned.setdefault(said, Counted()).add(module.line("ICPCnotRequired"))
        self.in_order("2889", referral, started, *same)
        if conference is not None:
            held = event("icpc_held", conference, ref, module.line("DateOfInitialCPC"), _conference(plans, conference, False))
            self.in_order("8615", started, held, *same)
            self.in_order("1104", referral, held)
            conferences.add(conference.day)
        if "InitialCPCtarget" in module.values:
            self.target(module, start.day)

    def target(self, module: Module, start: int) -> None:
        """Keep a supplied conference target, to compare with the one worked out here. It is never used."""
        try:
            target = self.moment(module, "InitialCPCtarget")
        except CannotUse as problem:
            self.warned.setdefault("the date in `InitialCPCtarget` cannot be read; it is not used", Counted()).add(problem.line)
            return
        assert target is not None
        self.s47_days.append(start)
        self.targets.append(target.day)
        self.target_lines.append(module.line("InitialCPCtarget"))

    def plan(self, module: Module, ref: str, k: int, referral: _Event | None, event: Any, plans: list[tuple[_Event, str]]) -> None:
        """A child protection plan and its review conferences."""
        reviews = [r for m in module.inner for r in m.inner]
        own = f"{ref}P{k}"
        started: _Event | None = None
        try:
            start = self.moment(module, "CPPstartDate", required=True)
            end = self.moment(module, "CPPendDate")
            self.read += 1
            attributes: dict[str, AttributeValue] = {}
            if category := self.word(module, "InitialCategoryOfAbuse", abuse_category):
                attributes["category"] = category
            if (previous := self.value(module, "NumberOfPreviousCPP", "integer")) is not None:
                attributes["previous_plans"] = previous
            started = event("cp_plan_started", start, own, module.line("CPPstartDate"), attributes)
            assert started is not None
            plans.append((started, f"{ref}/P{k}"))
            self.in_order("1105", referral, started)
            if end is not None:
                self.in_order("8925", started, event("cp_plan_ended", end, own, module.line("CPPendDate")))
        except CannotUse as problem:
            self.reject(problem)
        days: set[int] = set()
        for review in reviews:
            try:
                at = self.moment(review, "CPPreviewDate", required=True)
            except CannotUse as problem:
                self.reject(problem)
                continue
            assert at is not None
            if at.day in days:
                self.duplicate(review, "another review of the same plan")
                continue
            days.add(at.day)
            self.read += 1
            self.in_order("8841", started, event("rcpc_held", at, own, review.line()), same_day=False)

    def before_court(self, module: Module, ref: str, event: Any) -> None:
        """Pre-proceedings, in returns from 2026 on: the events whose dates the module gives."""
        self.pre_proceedings = True
        dates = {t: self.moment(module, t) for t in ("LBPSentDate", "InitialPPMeetingDate", "StepDecisionDate", "CourtAppDate")}
        offer = module.values.get("FGDMMeetingOffer")
        offered = dates["LBPSentDate"]
        if offer is not None and _DATE.match(offer):
            offered = self.moment(module, "FGDMMeetingOffer")
        elif self.value(module, "FGDMMeetingOffer", "boolean") is not True:
            offered = None
        self.read += 1

        def add(kind: str, at: Moment | None, tag: str, attributes: dict[str, AttributeValue] | None = None) -> None:
            if at is not None:
                event(kind, at, ref, module.line(tag), attributes)

        add("letter_before_proceedings_sent", dates["LBPSentDate"], "LBPSentDate")
        add("fgdm_offered", offered, "FGDMMeetingOffer")
        add("pre_proceedings_meeting_held", dates["InitialPPMeetingDate"], "InitialPPMeetingDate")
        add("care_application_issued", dates["CourtAppDate"], "CourtAppDate")
        if dates["CourtAppDate"] is None:
            outcome = module.values.get("PPOutcome")
            add("pre_proceedings_ended", dates["StepDecisionDate"], "StepDecisionDate", {"outcome": outcome} if outcome else None)


_DAYS_OFF = 10
"""How far from its conference a plan's start may be typed."""


def _conference(plans: Sequence[tuple[_Event, str]], held: Moment, transfer_in: bool) -> dict[str, AttributeValue]:
    """What a conference records. A return holds every plan, and a plan starts on its conference's day (rule 2885).

    So a plan that starts that day was its outcome, and with no plan within some days of it there was none. A plan that
    starts a few days off, or was open already, leaves the outcome unknown.
    """
    attributes: dict[str, AttributeValue] = {"transfer_in": transfer_in}
    if any(started.at.day == held.day for started, _ in plans):
        attributes["outcome"] = "cp_plan"
    elif not any(started.at.day <= held.day + _DAYS_OFF for started, _ in plans):
        attributes["outcome"] = "no_plan"
    return attributes


def _census_date(text: str) -> Moment | str:
    """A date as the census writes it, or what is wrong with it."""
    found = _DATE.match(text)
    if not found:
        return f"`{shown(text)}` is not a date; the census writes dates as 2026-04-10"
    try:
        return parse_moment(found[1])
    except ValueError as error:
        return str(error) if "`" in str(error) else f"`{shown(text)}` is not a day in the calendar"
