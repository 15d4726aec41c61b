"""What the rows of Annex A lists say happened, as events.

Choices that the lists leave open:

* An assessment or a section 47 enquiry belongs to the child's latest referral on or before its start. An assessment
  that no listed referral precedes belongs to a referral of its own, so that it never answers a later one.
* List 5 says that a conference was unnecessary, and not when that was decided. The duty to hold one must then end and
  is not overdue, so the decision is put on the day of the strategy discussion. That day is not evidence of when the
  enquiry was decided, so the log does not claim to carry such decisions and no rule measures them.
* List 5 dates a section 47 enquiry by its strategy discussion. Nothing can be measured between the two, so the log has
  the start of the enquiry and does not claim to carry it.
* A child already on a plan when the strategy discussion was held, with no conference, has not missed one: the plan's
  own reviews continue. The duty ends in the same way, and a note counts such rows.
* A plan starts on the day of its conference (children in need census rule 2885). Where list 5 has no conference within
  ten days up to the start of a plan, the plan stands as evidence of one on the day it started.
* Lists 6 to 9 hold the latest date of each kind only, and their events say so. A child in need plan has no date in
  list 6: the start given there is that of the referral or the episode, so no event rests on it.
* A child with an age below 0 is unborn, and the date of birth is the expected one. Where no age is given, so is a date
  of birth later than every event of the file, for there is no as-at date in it.
* List 10 gives the day a child entered care, and list 8 says who is in care now: nothing is taken from list 10 for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rrt_engine.calendar import NO_DAY, Moment
from rrt_engine.diagnostics import Diagnostic
from rrt_engine.model import AttributeValue, plural
from rrt_engine.sources import annex_a_values as values
from rrt_engine.sources.annex_a_lists import cell_name
from rrt_engine.sources.builder import LogBuilder

_PLAN_AFTER_CONFERENCE = 10


@dataclass(slots=True)
class Row:
    """One row of a list that is used: the child, its cells by field, and the dates read from it so far."""

    number: int
    sheet: str
    origin: int
    child: str
    cells: list[Any]
    fields: dict[str, int]
    days: dict[str, int | None] = field(default_factory=dict)

    def cell(self, name: str) -> Any:
        """What a field holds; None where it is blank or the list has no such column."""
        at = self.fields.get(name)
        if at is None or at >= len(self.cells):
            return None
        value = self.cells[at]
        return None if values.is_missing(value) else value

    def place(self, name: str) -> str:
        """Where a field of this row is, such as `List_5!G7`."""
        return f"{self.sheet}!{cell_name(self.fields[name], self.number)}"


@dataclass
class Writer:
    """The event log as it is being written, what is known from other lists, and what to tell the reader."""

    file: str
    builder: LogBuilder
    problems: list[Diagnostic] = field(default_factory=list)
    referrals: dict[str, tuple[list[int], list[str]]] = field(default_factory=dict)
    plans: dict[str, list[tuple[int, int | None]]] = field(default_factory=dict)
    conferences: dict[str, list[int]] = field(default_factory=dict)
    already_on_plan: int = 0
    latest: set[str] = field(default_factory=set)
    last_day: int = NO_DAY

    def warn(self, row: Row, name: str, code: str, message: str, help: str) -> None:
        """A warning about one cell; the row is used."""
        self.problems.append(Diagnostic(self.file, 0, 0, code, message, "warning", row.place(name), help))

    def day(self, row: Row, name: str) -> int | None:
        """The day a field holds. Text that is no date is warned of once, and the row is used without it."""
        if name not in row.days:
            value, found = row.cell(name), None
            if value is not None:
                try:
                    found = values.day_of(value)
                except ValueError as error:
                    self.warn(row, name, "date", str(error), "the row was used without this date")
            row.days[name] = found
        return row.days[name]

    def yes(self, row: Row, name: str) -> bool | None:
        """Whether a field says yes; None where it is blank or says it is not known."""
        value = row.cell(name)
        if value is None:
            return None
        try:
            return values.yes_or_no(value, name)
        except ValueError as error:
            self.warn(row, name, "yes_or_no", str(error), "the row was used as if this were blank")
            return None

    def code(self, row: Row, name: str, read: Callable[[Any], str]) -> str:
        """A field as the code or word that rules know; empty where it is blank or cannot be told."""
        value = row.cell(name)
        return "" if value is None else read(value)

    def add(
        self,
        row: Row,
        kind: str,
        day: int | None,
        ref: str | None = None,
        /,
        *,
        latest: bool = False,
        suspect: bool = False,
        **attributes: AttributeValue | None,
    ) -> None:
        """Add an event, where there is a day for it, with the row's team and the attributes that are known."""
        if latest:
            self.latest.add(kind)
        if day is None:
            return
        known = {name: value for name, value in attributes.items() if value is not None and value != ""}
        team = row.cell("team")
        if team is not None:
            known["team"] = values.text_of(team)
        self.last_day = max(self.last_day, day)
        self.builder.add(
            row.child, kind, Moment(day), ref=ref, attributes=known, latest_only=latest, suspect=suspect, origin=row.origin, row=row.number
        )

    def in_order(self, row: Row, earlier: str, later: str, says: str) -> bool:
        """Whether a row's two dates are in order; where they are not, they cannot be right and that is said."""
        first, last = self.day(row, earlier), self.day(row, later)
        if first is None or last is None or last >= first:
            return True
        self.warn(
            row,
            later,
            "impossible_dates",
            f"`{values.shown(row.cell(later))}`: {says}",
            "correct the dates at their source; until then these events count for nothing",
        )
        return False

    def referral_before(self, child: str, day: int) -> str:
        """The child's latest referral on or before a day; empty where there is none in the list."""
        days, refs = self.referrals.get(child, ([], []))
        at = bisect_right(days, day)
        return refs[at - 1] if at else ""

    def on_a_plan(self, child: str, day: int) -> bool:
        """Whether a child was already on a child protection plan on a day."""
        return any(start <= day and (end is None or end >= day) for start, end in self.plans.get(child, ()))


def prepare(log: Writer, rows: dict[int, list[Row]]) -> None:
    """Gather what one list needs from another: referrals, plans and conferences by child."""
    for row in rows.get(3, ()):
        day = log.day(row, "referral")
        if day is not None:
            days, refs = log.referrals.setdefault(row.child, ([], []))
            at = bisect_right(days, day)
            days.insert(at, day)
            refs.insert(at, f"R{row.number}")
    for row in rows.get(5, ()):
        day = log.day(row, "conference")
        if day is not None:
            log.conferences.setdefault(row.child, []).append(day)
    for row in rows.get(7, ()):
        start = log.day(row, "started")
        if start is not None:
            log.plans.setdefault(row.child, []).append((start, log.day(row, "ended")))


def _contact(log: Writer, row: Row) -> None:
    log.add(row, "contact_received", log.day(row, "contact"), source_agency=log.code(row, "source", values.source_agency))


def _early_help(log: Writer, row: Row) -> None:
    right = log.in_order(row, "started", "completed", "the early help assessment is completed before it started")
    log.add(row, "early_help_assessment_started", log.day(row, "started"), suspect=not right)
    log.add(row, "early_help_assessment_completed", log.day(row, "completed"), suspect=not right)


def _referral(log: Writer, row: Row) -> None:
    source = log.code(row, "source", values.source_agency)
    log.add(row, "referral_received", log.day(row, "referral"), f"R{row.number}", nfa=log.yes(row, "nfa"), source_agency=source)


def _assessment(log: Writer, row: Row) -> None:
    start = log.day(row, "started")
    assert start is not None
    ref = f"{log.referral_before(row.child, start) or f'U{row.number}'}/A{row.number}"
    right = log.in_order(row, "started", "authorised", "the assessment is authorised before it started")
    log.add(row, "assessment_started", start, ref, suspect=not right)
    outcome = "nfa" if log.yes(row, "in_need") is False else None
    log.add(row, "assessment_authorised", log.day(row, "authorised"), ref, suspect=not right, outcome=outcome)


def _enquiry(log: Writer, row: Row) -> None:
    strategy, conference = log.day(row, "strategy"), log.day(row, "conference")
    assert strategy is not None
    referral = log.referral_before(row.child, strategy)
    ref = f"{referral}/S{row.number}" if referral else f"S{row.number}"
    right = log.in_order(row, "strategy", "conference", "the conference is before the strategy discussion that led to it")
    log.add(row, "strategy_discussion_held", strategy, ref, suspect=not right, s47_initiated=True)
    log.add(row, "s47_started", strategy, ref, suspect=not right)
    unnecessary = log.yes(row, "unnecessary")
    if conference is not None:
        resulted = log.yes(row, "resulted")
        if resulted is None and any(
            conference <= start <= conference + _PLAN_AFTER_CONFERENCE for start, _ in log.plans.get(row.child, ())
        ):
            resulted = True  # list 7 shows the plan that this conference led to
        outcome = None if resulted is None else "cp_plan" if resulted else "no_plan"
        log.add(row, "icpc_held", conference, ref, suspect=not right, outcome=outcome)
        if unnecessary:
            log.warn(
                row,
                "unnecessary",
                "contradiction",
                "the conference is said to be unnecessary and has a date",
                "the conference was counted; correct one or the other",
            )
    elif unnecessary:
        log.add(row, "s47_outcome_recorded", strategy, ref, icpc_required=False)
    elif unnecessary is False and log.on_a_plan(row.child, strategy):
        log.add(row, "s47_outcome_recorded", strategy, ref, icpc_required=False)
        log.already_on_plan += 1


def _in_need(log: Writer, row: Row) -> None:
    log.add(row, "cin_visit", log.day(row, "seen"), latest=True, child_seen=True)
    log.add(row, "case_closed", log.day(row, "closed"), reason=log.code(row, "reason", values.closure_reason))


def _on_plan(log: Writer, row: Row) -> None:
    start = log.day(row, "started")
    assert start is not None
    right = log.in_order(row, "started", "ended", "the plan ends before it started")
    if not any(start - _PLAN_AFTER_CONFERENCE <= day <= start for day in log.conferences.get(row.child, ())):
        log.add(row, "icpc_held", start, f"C{row.number}", suspect=not right, outcome="cp_plan")
    previous = row.cell("previous")
    log.add(
        row,
        "cp_plan_started",
        start,
        f"P{row.number}",
        suspect=not right,
        category=log.code(row, "category", values.abuse_category),
        previous_plans=int(previous) if isinstance(previous, float) and 0 <= previous < 100 else None,
    )
    log.add(row, "cp_visit", log.day(row, "visit"), latest=True, child_seen=True, seen_alone=log.yes(row, "alone"))
    log.add(row, "rcpc_held", log.day(row, "review"), latest=True)
    log.add(row, "cp_plan_ended", log.day(row, "ended"), f"P{row.number}", suspect=not right)


def _in_care(log: Writer, row: Row) -> None:
    start, since = log.day(row, "started"), log.day(row, "status_from")
    assert start is not None
    right = log.in_order(row, "started", "ended", "the child leaves care before entering it")
    status = log.code(row, "status", values.legal_status)
    from_the_start = since is None or since <= start
    log.add(
        row,
        "looked_after_started",
        start,
        suspect=not right,
        legal_status=status if from_the_start else None,
        remand=status == "J1" if from_the_start and status else None,
    )
    if not from_the_start:
        log.add(row, "legal_status_changed", since, latest=True, legal_status=status)
    code = log.code(row, "placement", values.placement_type)
    inside = log.code(row, "location", values.in_or_out)
    log.add(
        row,
        "placement_started",
        log.day(row, "placed"),
        latest=True,
        type=code,
        long_term=code in ("U1", "U4") if code else None,
        out_of_area=inside == "out" if inside else None,
    )
    log.add(row, "lac_review_held", log.day(row, "review"), latest=True)
    log.add(row, "lac_visit", log.day(row, "visit"), latest=True, child_seen=True)
    log.add(row, "iro_contact", log.day(row, "iro"), latest=True)
    log.add(row, "review_health_assessment_completed", log.day(row, "health"), latest=True)
    log.add(row, "dental_check_completed", log.day(row, "dental"), latest=True)
    log.add(row, "looked_after_ended", log.day(row, "ended"), suspect=not right, reason=log.code(row, "reason", values.care_ceased_reason))


def _care_leaver(log: Writer, row: Row) -> None:
    log.add(row, "pathway_plan_reviewed", log.day(row, "review"), latest=True)
    log.add(row, "pa_contact", log.day(row, "contact"), latest=True)


def _adoption(log: Writer, row: Row) -> None:
    log.add(row, "adm_decision_recorded", log.day(row, "decided"), kind="should_be_placed")
    log.add(row, "authority_to_place_obtained", log.day(row, "authority"))
    log.add(row, "adoption_match_approved", log.day(row, "matched"))
    log.add(row, "placed_for_adoption", log.day(row, "placed"))
    log.add(row, "adoption_order_made", log.day(row, "order"))
    log.add(row, "adm_decision_recorded", log.day(row, "reversed"), kind="should_no_longer_be_placed")


_EVENTS_OF: dict[int, Callable[[Writer, Row], None]] = {
    1: _contact,
    2: _early_help,
    3: _referral,
    4: _assessment,
    5: _enquiry,
    6: _in_need,
    7: _on_plan,
    8: _in_care,
    9: _care_leaver,
    10: _adoption,
}


def write_events(log: Writer, rows: dict[int, list[Row]]) -> None:
    """Write every row's events, list by list, so that events of one day stand in the order work is done."""
    prepare(log, rows)
    for number in sorted(rows):
        for row in rows[number]:
            _EVENTS_OF[number](log, row)
    _births(log, rows)
    if log.already_on_plan:
        message = f"{plural(log.already_on_plan, 'enquiry', 'enquiries')} without a conference about children already on a plan"
        log.problems.append(Diagnostic(log.file, 0, 0, "already_on_plan", f"{message}: not counted as missed conferences", "note"))


def _births(log: Writer, rows: dict[int, list[Row]]) -> None:
    """Record each child's date of birth, or the expected one of a child not yet born."""
    known: dict[str, tuple[int, Row]] = {}
    unborn: dict[str, bool] = {}
    also: dict[str, int] = {}
    for number in sorted(rows):
        for row in rows[number]:
            log.builder.child(row.child)
            age = values.years(row.cell("age"))
            if age is not None:
                unborn[row.child] = unborn.get(row.child, True) and age < 0
            born = log.day(row, "born")
            if born is None:
                continue
            first = known.setdefault(row.child, (born, row))
            if first[0] != born:
                also.setdefault(row.child, born)
                says = f"`{values.shown(row.cell('born'))}` differs from the date of birth in {first[1].place('born')}"
                log.warn(row, "born", "birth_dates_differ", says, "the first was used; correct the record that is wrong")
    for child, (first_given, _) in known.items():
        expected = unborn.get(child, first_given > log.last_day)
        for born in (first_given, also.get(child, first_given)):
            log.builder.child(child, expected=born) if expected else log.builder.child(child, born=born)
