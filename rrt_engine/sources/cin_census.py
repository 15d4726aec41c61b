"""Read a children in need census return: the XML file that every authority sends to the DfE each year.

The census has no times of day, no visits, no contacts and no decision dates, and its years run from 1 April to
31 March. What is derived rather than written in the file, so that nothing is invented unseen:

- A section 47 enquiry is taken to start with the strategy discussion held the same day.
- "Conference not required" carries no date; it is placed on the day the enquiry started.
- A plan starts on the day of its conference (rule 2885). Where no conference has that date one is placed there, with a
  ref of its own, and counted in a warning.
- A conference date beside the referral, not inside an enquiry, belongs to a family that moved in: the referral date is
  then the day the move was notified.
- An offer of family group decision-making made in the letter before proceedings is dated by that letter.
- `AssessmentInternalReviewDate` and the supplied `InitialCPCtarget` start and answer nothing. The target is worked out
  afresh, and every difference is counted.
"""

from __future__ import annotations

import difflib
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

from rrt_engine.calendar import NO_DAY, Moment, as_date, day_number, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import AttributeValue, Coverage, Rejected, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.builder import LogBuilder, typed
from rrt_engine.sources.reading import Reading

FORMAT = "CIN census"
ICPC_WORKING_DAYS = 15
"""The census works out its conference target as 15 working days after the strategy discussion (DfE guide, InitialCPCtarget)."""

_LEAVES: dict[str, frozenset[str]] = {
    "Child": frozenset(),
    "ChildIdentifiers": frozenset(
        [
            "LAchildID",
            "UPN",
            "FormerUPN",
            "UPNunknown",
            "PersonBirthDate",
            "ExpectedPersonBirthDate",
            "Sex",
            "GenderCurrent",
            "PersonDeathDate",
        ]
    ),
    "CINdetails": frozenset(
        ["CINreferralDate", "ReferralSource", "PrimaryNeedCode", "CINclosureDate", "ReasonForClosure", "DateOfInitialCPC", "ReferralNFA"]
    ),
    "Assessments": frozenset(
        ["AssessmentActualStartDate", "AssessmentInternalReviewDate", "AssessmentAuthorisationDate", "FactorsIdentifiedAtAssessment"]
    ),
    "CINPlanDates": frozenset(["CINPlanStartDate", "CINPlanEndDate"]),
    "Section47": frozenset(["S47ActualStartDate", "InitialCPCtarget", "DateOfInitialCPC", "ICPCnotRequired"]),
    "ChildProtectionPlans": frozenset(
        [
            "CPPstartDate",
            "CPPendDate",
            "InitialCategoryOfAbuse",
            "LatestCategoryOfAbuse",
            "NumberOfPreviousCPP",
        ]
    ),
    "Reviews": frozenset(),
    "PreProceedingsandFGDM": frozenset(
        [
            "PPStartDate",
            "LBPSentDate",
            "FGDMMeetingOffer",
            "FGDMMeetingFac",
            "InitialPPMeetingDate",
            "ReviewMeetingsCount",
            "StepDecisionDate",
            "PPOutcome",
            "CourtAppDate",
            "LetterInitCPDate",
        ]
    ),
}
_INNER: dict[str, frozenset[str]] = {
    "Child": frozenset(["ChildIdentifiers", "ChildCharacteristics", "CINdetails"]),
    "CINdetails": frozenset(["Assessments", "CINPlanDates", "Section47", "ChildProtectionPlans", "PreProceedingsandFGDM"]),
    "ChildProtectionPlans": frozenset(["Reviews"]),
    "Reviews": frozenset(["CPPreviewDate"]),
}
_PLACES: dict[str, tuple[str, ...]] = {}
for _parts in (_LEAVES, _INNER):
    for _module, _tags in _parts.items():
        for _tag in sorted(_tags):
            _PLACES[_tag] = (*_PLACES.get(_tag, ()), _module)
_KNOWN = {tag.casefold(): tag for tag in _PLACES}

_CARRIED = (
    "referral_received",
    "cp_transfer_notified",
    "assessment_started",
    "strategy_discussion_held",
    "s47_started",
    "s47_outcome_recorded",
    "icpc_held",
    "assessment_authorised",
    "cin_plan_ended",
    "cin_plan_started",
    "cp_plan_started",
    "rcpc_held",
    "cp_plan_ended",
    "case_closed",
    "child_died",
)
_CARRIED_FROM_2026 = (
    "letter_before_proceedings_sent",
    "fgdm_offered",
    "pre_proceedings_meeting_held",
    "care_application_issued",
    "pre_proceedings_ended",
)
_PRECEDENCE = {kind: i for i, kind in enumerate((*_CARRIED[:-2], *_CARRIED_FROM_2026, *_CARRIED[-2:]))}
"""The order in which events of one day are kept: a referral before the assessment it leads to, and so on."""

_ORDER = {
    "1103": "an assessment starts before the referral",
    "1104": "an initial conference is dated before the referral",
    "1105": "a child protection plan starts before the referral",
    "2889": "a section 47 enquiry starts before the referral",
    "4011": "a child in need plan ends before it starts",
    "4015": "a child in need plan starts before the referral",
    "8608": "an assessment is authorised before it starts",
    "8615": "an initial conference is dated before its section 47 enquiry",
    "8630": "a case closes before its referral",
    "8841": "a review conference is dated on or before the day its plan starts",
    "8925": "a child protection plan ends before it starts",
}
"""The census rules on the order of dates, by DfE number."""

_DATE = re.compile(r"^(\d{4}-\d\d-\d\d)(?:T00:00:00(?:\.0+)?)?(?:Z|[+-]\d\d:\d\d)?$")
_FIRST = 5  # how many line numbers a counted diagnostic names


def looks_like_cin_census(path: Path | str) -> bool:
    """Whether a file begins as a children in need census return does; reads its first bytes only."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    text = head.decode("utf-16", "ignore") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head.decode("latin-1")
    if re.search(r"<(\w+:)?Message[\s>]", text):
        collection = re.search(r"<(?:\w+:)?Collection>\s*(\w+)", text)
        return collection[1].upper() == "CIN" if collection else "CINdetails" in text or "LAchildID" in text
    return bool(re.search(r"<(\w+:)?CINdetails", text))


def read_cin_census(path: Path | str, book: RuleBook) -> Reading:
    """Read a census return. Raises InputError when it is not one, with every tag that the DfE schema does not have."""
    census = _Census(str(path), book)
    for child in _children(path, census):
        census.read_child(child)
    return census.reading()


def _children(path: Path | str, census: _Census) -> Iterator[Any]:
    """Each Child element in turn, whole; each is forgotten once read, so that memory does not grow with the file."""
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            _check_root(etree.iterparse(file, events=("start",), **_SAFE), census)
            file.seek(0)
            for _, element in etree.iterparse(file, events=("end",), tag=("{*}Child", "{*}Header"), chunk_size=1 << 18, **_SAFE):
                if element.tag.endswith("Header"):
                    census.read_header(element)
                    continue
                yield element
                element.clear(keep_tail=False)
                parent = element.getparent()
                if parent is not None:
                    while parent[0] is not element:
                        del parent[0]
    except OSError as error:
        raise InputError([Diagnostic(name, 0, 0, "unreadable", f"cannot read the file: {error.strerror or error}")]) from None
    except etree.XMLSyntaxError as error:
        line, column = error.position
        if Path(path).stat().st_size == 0:
            raise InputError([Diagnostic(name, 0, 0, "empty", "the file is empty", help="export the census return again")]) from None
        raise InputError(
            [
                Diagnostic(
                    name,
                    max(line, 0),
                    max(column, 0),
                    "xml",
                    f"the file is not well-formed XML: {str(error.msg).split(', line')[0]}",
                    help="nothing was read, because what follows cannot be trusted; export the census return again",
                )
            ]
        ) from None


_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "huge_tree": False, "load_dtd": False}


def _check_root(events: Iterator[tuple[str, Any]], census: _Census) -> None:
    """Refuse a document type or entities before anything else is read; note the name of the outermost element."""
    for _, root in events:
        if root.getroottree().docinfo.doctype:
            raise InputError(
                [
                    Diagnostic(
                        census.file,
                        1,
                        1,
                        "doctype",
                        "the file declares a document type (DOCTYPE), which a census return never has; it is refused unread",
                        help="remove the DOCTYPE, or export the census return again",
                    )
                ]
            )
        census.root = _local(root.tag)
        census.root_line = root.sourceline or 1
        return


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _line(element: Any) -> int:
    """The line where an element starts. Past line 65,535 the parser only knows where the text after its tag ends."""
    line = int(element.sourceline or 0)
    if line >= 65_535:
        line -= (element.text or ("" if len(element) else element.tail) or "").count("\n")
    return line


class _CannotUse(Exception):
    """A record that cannot be used: the line, why, and the short name under which such records are counted."""

    def __init__(self, line: int, why: str, said_as: str) -> None:
        super().__init__(why)
        self.line, self.why, self.said_as = line, why, said_as


@dataclass
class _Counted:
    """How often something was found, and on which lines first."""

    n: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.n += 1
        if len(self.lines) < _FIRST:
            self.lines.append(line)

    def at(self) -> str:
        more = ", …" if self.n > len(self.lines) else ""
        return f"{'line' if self.n == 1 else 'lines'} {', '.join(map(str, self.lines))}{more}"


class _Module:
    """One module of the return: its fields that are not blank, and where each stands."""

    __slots__ = ("element", "fields", "inner", "name", "values")

    def __init__(self, name: str, element: Any) -> None:
        self.name = name
        self.element = element
        self.values: dict[str, str] = {}
        self.fields: dict[str, Any] = {}
        self.inner: list[_Module] = []

    def line(self, tag: str = "") -> int:
        return _line(self.fields.get(tag, self.element))

    def content(self) -> tuple[Any, ...]:
        """What the module says, to tell an exact duplicate."""
        return (self.name, *self.values.items(), *(m.content() for m in self.inner))

    def records(self) -> Iterator[_Module]:
        """The module and the modules inside it, each of which is a record; `Reviews` only wraps its dates."""
        if self.name != "Reviews":
            yield self
        for module in self.inner:
            yield from module.records()


class _Event:
    """One event while its episode is read; `suspect` may be set when another date contradicts it."""

    __slots__ = ("at", "attributes", "kind", "line", "ref", "suspect")

    def __init__(self, kind: str, at: Moment, ref: str, line: int, attributes: dict[str, AttributeValue] | None = None) -> None:
        self.kind, self.at, self.ref, self.line, self.attributes, self.suspect = kind, at, ref, line, attributes, False


class _Census:
    """One return while it is read."""

    def __init__(self, file: str, book: RuleBook) -> None:
        self.file = file
        self.book = book
        self.builder = LogBuilder(book.events)
        self.name = Path(file).name
        self.builder.origin(self.name)
        self.root, self.root_line = "", 1
        self.header: dict[str, tuple[str, int]] = {}
        self.dates: dict[str, Moment | str] = {}
        self.wrong: dict[tuple[str, str], _Counted] = {}
        self.unknown: dict[tuple[str, str], _Counted] = {}
        self.repeated: dict[str, _Counted] = {}
        self.rejected: list[Rejected] = []
        self.rejected_as: dict[str, _Counted] = {}
        self.order: dict[str, _Counted] = {}
        self.warned: dict[str, _Counted] = {}
        self.read = 0
        self.children = 0
        self.episodes: dict[str, int] = {}
        self.contents: set[int] = set()
        self.died: set[str] = set()
        self.pre_proceedings = False
        self.s47_days, self.targets, self.target_lines = array("i"), array("i"), array("i")

    # -- the shape of the file ------------------------------------------------------------------------------------

    def read_header(self, header: Any) -> None:
        """The collection, its year and its reference date."""
        for element in header.iter(etree.Element):
            self.header.setdefault(_local(element.tag), ((element.text or "").strip(), _line(element)))

    def module(self, element: Any, name: str) -> _Module:
        """A module with its fields and the modules inside it. Tags that the schema does not have there are noted."""
        module = _Module(name, element)
        leaves, inner = _LEAVES[name], _INNER.get(name, ())
        for part in element:
            tag = part.tag
            if tag not in leaves and tag not in inner:
                if not isinstance(tag, str):
                    continue  # a comment or an instruction to a program
                tag = _local(tag)
                if tag not in leaves and tag not in inner:
                    self.odd(tag, name, part)
                    continue
            if tag in leaves:
                if tag == "FactorsIdentifiedAtAssessment":
                    module.values[tag] = " ".join(" ".join(part.itertext()).split())
                    continue
                text = part.text
                if text is not None and (text := text.strip()):
                    if tag in module.values:
                        self.repeated.setdefault(tag, _Counted()).add(_line(part))
                        continue
                    module.values[tag] = text
                    module.fields[tag] = part
            elif tag == "CPPreviewDate":
                review = _Module("CPPreviewDate", part)
                if part.text is not None and (text := part.text.strip()):
                    review.values[tag] = text
                module.inner.append(review)
            elif tag == "ChildCharacteristics":
                continue  # ethnicity and disability start no duty and are not read
            else:
                module.inner.append(self.module(part, tag))
        return module

    def odd(self, tag: str, module: str, element: Any) -> None:
        """A tag the schema does not have there: a near miss would be read wrongly, anything else is only not read."""
        near = tag in _PLACES or difflib.get_close_matches(tag.casefold(), _KNOWN, n=1, cutoff=0.8)
        found = self.wrong if near else self.unknown
        found.setdefault((tag, module), _Counted()).add(_line(element))

    # -- children and their episodes ------------------------------------------------------------------------------

    def read_child(self, element: Any) -> None:
        """Everything the return says of one child."""
        self.children += 1
        child = self.module(element, "Child")
        if self.wrong:
            return  # the file will be refused: only the count of wrong tags still matters
        about = next((m for m in child.inner if m.name == "ChildIdentifiers"), None)
        episodes = [m for m in child.inner if m.name == "CINdetails"]
        child_id = about.values.get("LAchildID", "") if about else ""
        if not child_id or about is None:
            line = (about or child).line()
            for episode in episodes:
                for record in episode.records():
                    self.reject(_CannotUse(record.line(), f"the child at line {line} has no `LAchildID`", "the child has no `LAchildID`"))
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
            n = self.episodes[child_id] = self.episodes.get(child_id, 0) + 1
            for e in self.episode(episode, f"R{n}"):
                self.builder.add(child_id, e.kind, e.at, ref=e.ref, attributes=e.attributes, suspect=e.suspect, row=e.line)

    def reject(self, problem: _CannotUse) -> None:
        """Set one record aside."""
        self.read += 1
        self.rejected.append(Rejected(self.name, problem.line, problem.why))
        self.rejected_as.setdefault(problem.said_as, _Counted()).add(problem.line)

    def duplicate(self, record: _Module, of: str) -> None:
        """Set aside a record that repeats another exactly."""
        why = f"`{record.name}` repeats {of} exactly"
        self.reject(_CannotUse(record.line(), why, f"`{record.name}` repeats another exactly"))

    def moment(self, module: _Module, tag: str, required: bool = False) -> Moment | None:
        """A date of a module; None where it is blank. Raises _CannotUse for one that cannot be read."""
        text = module.values.get(tag)
        if text is None:
            if required:
                why = f"`{tag}` is missing" if tag == module.name else f"`{module.name}` has no `{tag}`"
                raise _CannotUse(module.line(), why, why)
            return None
        found = self.dates.get(text)
        if found is None:
            found = self.dates[text] = _census_date(text)
        if isinstance(found, str):
            raise _CannotUse(module.line(tag), f"`{tag}`: {found}", f"the date in `{tag}` cannot be read")
        return found

    def known(self, about: _Module, tag: str) -> int:
        """A date about the child, or NO_DAY with a warning where it cannot be read."""
        try:
            found = self.moment(about, tag)
        except _CannotUse as problem:
            self.warned.setdefault(f"the date in `{tag}` cannot be read and is taken as not known", _Counted()).add(problem.line)
            return NO_DAY
        return NO_DAY if found is None else found.day

    def value(self, module: _Module, tag: str, kind: str) -> AttributeValue | None:
        """A field as its type, or None with a warning where it cannot be."""
        text = module.values.get(tag)
        if text is None:
            return None
        try:
            return typed(text, kind)
        except ValueError as error:
            self.warned.setdefault(f"`{tag}`: {error}; what stands there is taken as not recorded", _Counted()).add(module.line(tag))
            return None

    def in_order(self, rule: str, earlier: _Event | None, later: _Event | None, *with_earlier: _Event, same_day: bool = True) -> None:
        """Mark both events where the later is dated before the earlier, and count it under the DfE rule."""
        if earlier is None or later is None:
            return
        if later.at.day < earlier.at.day or (later.at.day == earlier.at.day and not same_day):
            for event in (earlier, later, *with_earlier):
                event.suspect = True
            self.order.setdefault(rule, _Counted()).add(later.line)

    def episode(self, details: _Module, ref: str) -> list[_Event]:
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
            if "ReferralSource" in details.values:
                attributes["source_agency"] = details.values["ReferralSource"]
            referral = event("referral_received", received, ref, details.line("CINreferralDate"), attributes)
            if closed is not None:
                reason = details.values.get("ReasonForClosure")
                ended = event("case_closed", closed, ref, details.line("CINclosureDate"), {"reason": reason} if reason else None)
                self.in_order("8630", referral, ended)
        except _CannotUse as problem:
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
                except _CannotUse as problem:
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
        events.sort(key=lambda e: _PRECEDENCE[e.kind])
        return events

    def order_note(self, rule: str, line: int) -> None:
        """Count something under a DfE rule that does not make a date suspect."""
        self.order.setdefault(rule, _Counted()).add(line)

    def assessment(self, module: _Module, ref: str, referral: _Event | None, event: Any) -> None:
        """An assessment: started, and authorised where it is complete."""
        start = self.moment(module, "AssessmentActualStartDate", required=True)
        end = self.moment(module, "AssessmentAuthorisationDate")
        self.read += 1
        started = event("assessment_started", start, ref, module.line("AssessmentActualStartDate"))
        self.in_order("1103", referral, started)
        if end is not None:
            self.in_order("8608", started, event("assessment_authorised", end, ref, module.line("AssessmentAuthorisationDate")))

    def cin_plan(self, module: _Module, ref: str, referral: _Event | None, event: Any) -> None:
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
        module: _Module,
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
            self.warned.setdefault(said, _Counted()).add(module.line("ICPCnotRequired"))
        self.in_order("2889", referral, started, *same)
        if conference is not None:
            held = event("icpc_held", conference, ref, module.line("DateOfInitialCPC"), _conference(plans, conference, False))
            self.in_order("8615", started, held, *same)
            self.in_order("1104", referral, held)
            conferences.add(conference.day)
        if "InitialCPCtarget" in module.values:
            self.target(module, start.day)

    def target(self, module: _Module, start: int) -> None:
        """Keep a supplied conference target, to compare with the one worked out here. It is never used."""
        try:
            target = self.moment(module, "InitialCPCtarget")
        except _CannotUse as problem:
            self.warned.setdefault("the date in `InitialCPCtarget` cannot be read; it is not used", _Counted()).add(problem.line)
            return
        assert target is not None
        self.s47_days.append(start)
        self.targets.append(target.day)
        self.target_lines.append(module.line("InitialCPCtarget"))

    def plan(self, module: _Module, ref: str, k: int, referral: _Event | None, event: Any, plans: list[tuple[_Event, str]]) -> None:
        """A child protection plan and its review conferences."""
        reviews = [r for m in module.inner for r in m.inner]
        own = f"{ref}P{k}"
        started: _Event | None = None
        try:
            start = self.moment(module, "CPPstartDate", required=True)
            end = self.moment(module, "CPPendDate")
            self.read += 1
            attributes: dict[str, AttributeValue] = {}
            if "InitialCategoryOfAbuse" in module.values:
                attributes["category"] = module.values["InitialCategoryOfAbuse"]
            if (previous := self.value(module, "NumberOfPreviousCPP", "integer")) is not None:
                attributes["previous_plans"] = previous
            started = event("cp_plan_started", start, own, module.line("CPPstartDate"), attributes)
            assert started is not None
            plans.append((started, f"{ref}/P{k}"))
            self.in_order("1105", referral, started)
            if end is not None:
                self.in_order("8925", started, event("cp_plan_ended", end, own, module.line("CPPendDate")))
        except _CannotUse as problem:
            self.reject(problem)
        days: set[int] = set()
        for review in reviews:
            try:
                at = self.moment(review, "CPPreviewDate", required=True)
            except _CannotUse as problem:
                self.reject(problem)
                continue
            assert at is not None
            if at.day in days:
                self.duplicate(review, "another review of the same plan")
                continue
            days.add(at.day)
            self.read += 1
            self.in_order("8841", started, event("rcpc_held", at, own, review.line()), same_day=False)

    def before_court(self, module: _Module, ref: str, event: Any) -> None:
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

    # -- what is handed back --------------------------------------------------------------------------------------

    def reading(self) -> Reading:
        """The log, and everything worth saying about the file. Raises InputError when it is not a census return."""
        self.refuse_if_wrong()
        diagnostics: list[Diagnostic] = []

        def say(code: str, counted: _Counted | None, message: str, help: str = "", severity: Any = "warning", line: int = 0) -> None:
            if counted is not None:
                message, line = f"{message}: {counted.n} in all, at {counted.at()}", counted.lines[0]
            diagnostics.append(Diagnostic(self.file, line, 1 if line else 0, code, message, severity, help=help))

        since = self.first_day(say)
        for why, counted in self.rejected_as.items():
            say("rejected", counted, f"not used, because {why}", "mend the records and export the return again")
        for rule, counted in sorted(self.order.items()):
            if rule in _ORDER:
                say(f"cin_{rule}", counted, f"rule {rule}: {_ORDER[rule]}", "nothing is said about duties that rest on these dates")
        say_2884 = "rule 2884: the same initial conference is recorded with the referral and in a section 47 enquiry"
        if "2884" in self.order:
            say("cin_2884", self.order["2884"], say_2884, "it is read once, as the enquiry's conference, not as a move into the area")
        if "2885" in self.order:
            say(
                "cin_2885",
                self.order["2885"],
                "rule 2885: a child protection plan starts on a day with no conference; one is taken to have been held that day",
                "record the conference's date in the section 47 enquiry, or with the referral where the family moved in",
            )
        for message, counted in self.warned.items():
            say("value", counted, message)
        for tag, counted in self.repeated.items():
            say("repeated", counted, f"`{tag}` stands twice in one module; the first is read")
        for (tag, module), counted in self.unknown.items():
            say("unknown_tag", counted, f"`{tag}` in `{module}` is not in the DfE schema known here and is not read")
        self.compare_targets(say)
        if not self.children:
            say("no_children", None, "the return has no children in it", severity="note")
        kinds = (*_CARRIED, *_CARRIED_FROM_2026) if self.pre_proceedings else _CARRIED
        log = self.builder.build(Coverage(frozenset(kinds), {} if since is None else {"rcpc_held": since}))
        used = self.read - len(self.rejected)
        return Reading(log, FORMAT, self.read, used, tuple(self.rejected), tuple(diagnostics))

    def refuse_if_wrong(self) -> None:
        """Refuse a file that is not the DfE schema: every wrong tag once, with its count."""
        problems: list[Diagnostic] = []
        collection, line = self.header.get("Collection", ("", 0))
        if collection and collection.upper() != "CIN":
            message = f"the header says this is the collection `{_shown(collection)}`; expected `CIN`, the children in need census"
            problems.append(Diagnostic(self.file, line, 1, "collection", message, help="choose the census return, or another format"))
        if self.root != "Message":
            message = f"the outermost tag is `{_shown(self.root)}`; the DfE schema has `Message`"
            help = "export the return in the form sent to the DfE: Message, with Header and Children inside"
            problems.append(Diagnostic(self.file, self.root_line, 1, "wrong_root", message, help=help))
        for (tag, module), counted in self.wrong.items():
            if tag in _PLACES:
                expected = f"has it in {' and '.join(f'`{p}`' for p in _PLACES[tag])}"
            else:
                expected = f"has `{_KNOWN[difflib.get_close_matches(tag.casefold(), _KNOWN, n=1, cutoff=0.8)[0]]}`"
            message = f"`{_shown(tag)}` stands in `{module}`, {plural(counted.n, 'time')}, at {counted.at()}; the DfE schema {expected}"
            help = "the two say the opposite: true must become false, and false true" if tag.casefold() == "icpcrequired" else ""
            problems.append(Diagnostic(self.file, counted.lines[0], 1, "wrong_tag", message, help=help))
        if problems:
            raise InputError(problems)

    def first_day(self, say: Any) -> int | None:
        """The first day of the census year, before which the return holds no reviews."""
        text, line = self.header.get("ReferenceDate", ("", 0))
        try:
            reference = as_date(parse_moment(text).day)
        except ValueError:
            found = f"`{_shown(text)}`" if text else "nothing"
            message = f"`ReferenceDate` in the header should be the 31 March that ends the census year; found {found}"
            say("reference_date", None, message, "without it reviews held before the year began may look as if they were missed", line=line)
            return None
        if (reference.month, reference.day) != (3, 31):
            message = f"`ReferenceDate` is `{text}`, not a 31 March; the census year is taken to be the one that holds it"
            say("reference_date", None, message, line=line)
        year = reference.year if reference.month >= 4 else reference.year - 1
        return day_number(reference.replace(year=year, month=4, day=1))

    def compare_targets(self, say: Any) -> None:
        """Say how many supplied conference targets differ from the one worked out here."""
        if not self.targets:
            return
        ours = self.book.calendar.add_working_days(np.array(self.s47_days, np.int64), ICPC_WORKING_DAYS)
        different = np.flatnonzero(ours != np.array(self.targets, np.int64))
        if not len(different):
            return
        shown = [
            f"line {self.target_lines[i]} has {as_date(self.targets[i])}, which should be {as_date(int(ours[i]))}"
            for i in different[:3].tolist()
        ]
        message = (
            f"{len(different):,} of {plural(len(self.targets), 'supplied conference target')} (`InitialCPCtarget`) "
            f"{'is' if len(different) == 1 else 'are'} not {ICPC_WORKING_DAYS} working days after the enquiry started: {'; '.join(shown)}"
        )
        help = "supplied targets are never used; tell the supplier of the case-management system"
        say("target_differs", None, message, help, line=self.target_lines[int(different[0])])


def _conference(plans: Sequence[tuple[_Event, str]], held: Moment, transfer_in: bool) -> dict[str, AttributeValue]:
    """What a conference records: a plan that starts on its day was its outcome; otherwise the outcome is not known."""
    attributes: dict[str, AttributeValue] = {"transfer_in": transfer_in}
    if any(started.at.day == held.day for started, _ in plans):
        attributes["outcome"] = "cp_plan"
    return attributes


def _census_date(text: str) -> Moment | str:
    """A date as the census writes it, or what is wrong with it."""
    found = _DATE.match(text)
    if not found:
        return f"`{_shown(text)}` is not a date; the census writes dates as 2026-04-10"
    try:
        return parse_moment(found[1])
    except ValueError as error:
        return str(error) if "`" in str(error) else f"`{_shown(text)}` is not a day in the calendar"


def _shown(text: str) -> str:
    """A value short enough to show."""
    return text if len(text) <= 40 else text[:39] + "…"
