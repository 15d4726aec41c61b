"""Read the rows of an SSDA903 return's tables, one table after another, into what is known of each child.

Tables are read oldest year first, so that a later return's row stands in the place of an earlier one's for the same episode,
missing episode, worker or order. Every row is used or rejected with the reason.

Choices that the return leaves open:

* `DATE_PLACED` is the day of the decision that the child should be placed for adoption (DfE rules 117 and 551), not the day
  the child moved; `DATE_INT` of an adopted child is the same decision. The move is an episode in A3 to A6.
* OC2 has no dates: it is how things stood on the 31 March that ends its year.
* OC3 is about a young person's 17th to 21st birthday in the year, and is dated by that birthday; from 22 to 25 it is about
  the latest contact in the year, whose day is not given, and is dated by the 31 March. The figure at the end of the
  accommodation code says whether it was suitable (1) or not (2).
* Only absences of kind M are missing episodes. Kind A is being away without permission, which no event carries.
* A worker's registration number would name a person: workers are numbered as they are met.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date, birthdays
from rrt_engine.model import AttributeValue, Rejected
from rrt_engine.sources.annex_a_values import child_id, day_of, shown
from rrt_engine.sources.cin_census_modules import Counted
from rrt_engine.sources.ssda903_episodes import DURING, ENDS, STARTS, Episode, Happened
from rrt_engine.sources.ssda903_files import Cells, Part
from rrt_engine.sources.ssda903_tables import in_use, last_day

NOT_YET = 2**31 - 1


class CannotUse(Exception):
    """A row that cannot be used: why, and the words under which such rows are counted where they are not the same."""


@dataclass(slots=True)
class Person:
    """What the tables say of one child. Keys are the day numbers on which things begin."""

    born: int = NO_DAY
    born_by: str = ""
    born_also: int = NO_DAY
    episodes: dict[int, Episode] = field(default_factory=dict)
    years: set[int] = field(default_factory=set)
    reviews: dict[int, tuple[str, int, int, int]] = field(default_factory=dict)
    missing: dict[int, tuple[int | None, int, int]] = field(default_factory=dict)
    workers: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    orders: dict[int, tuple[int | None, int, int]] = field(default_factory=dict)
    asylum_until: int | None = None
    decisions: set[tuple[str, int]] = field(default_factory=set)
    events: list[Happened] = field(default_factory=list)


@dataclass
class Account:
    """What became of each row so far, and what is wrong with the files. `found` counts by code and table."""

    people: dict[str, Person] = field(default_factory=dict)
    read: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    found: dict[tuple[str, int], Counted] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    workers: dict[str, str] = field(default_factory=dict)
    asylum_years: set[int] = field(default_factory=set)
    superseded: int = 0
    away: int = 0

    def count(self, code: str, table: int, line: int) -> None:
        """Count one more of something that is wrong, at a line of a table."""
        self.found.setdefault((code, table), Counted()).add(line)


@dataclass(slots=True)
class _Row:
    """One row while it is read."""

    part: Part
    origin: int
    line: int
    cells: Cells
    account: Account

    def count(self, code: str) -> None:
        """Count something that is wrong in it."""
        self.account.count(code, self.origin, self.line)


def read_part(part: Part, origin: int, account: Account) -> None:
    """Use or reject each row of one table."""
    use = _READ.get(part.table.name)
    fields = part.table.fields
    dob = fields.index("DOB") if "DOB" in fields else -1
    header = part.table.name == "Header"
    ids = account.ids
    seen: dict[Cells, int] = {}
    for line, cells in part.rows:
        account.read += 1
        row = _Row(part, origin, line, cells, account)
        try:
            first = seen.setdefault(cells, line)
            if first != line:
                raise CannotUse(f"the same in every column that is read as {part.unit} {first}", "the same row stands there twice")
            child = ids.get(cells[0])
            if child is None:
                child = ids[cells[0]] = child_id(cells[0])
            if not child:
                raise CannotUse("no child's id in `CHILD`", "`CHILD` is blank")
            person = account.people.get(child) or Person()
            if dob >= 0 and (header or not person.born_by):
                _born(person, row, cells[dob], header)
            if use is not None:
                use(person, row)
            account.people[child] = person
        except CannotUse as problem:
            why, *said = problem.args
            account.rejected.append(Rejected(part.name, line, why, ids.get(cells[0]) or "", first != line))
            row.count(f"rejected:{said[0] if said else why}")


def _day(text: str, column: str) -> int | None:
    """A date, day first; None where the cell is blank."""
    if not text:
        return None
    try:
        return day_of(text)
    except ValueError as error:
        raise CannotUse(f"`{column}`: {error}", f"`{column}` is not a date") from None


def _needed(text: str, column: str) -> int:
    day = _day(text, column)
    if day is None:
        raise CannotUse(f"no date in `{column}`", f"`{column}` is blank")
    return day


def _born(person: Person, row: _Row, text: str, header: bool) -> None:
    """A date of birth. The Header's stands over other tables', and a later year's over an earlier one's."""
    try:
        born = _day(text, "DOB")
    except CannotUse:
        if header:
            raise
        born = None
    if born is None:
        return
    if header and person.born_by == "Header" and person.born != born:
        row.count("born_twice")
    if person.born not in (NO_DAY, born):
        person.born_also = person.born
    person.born, person.born_by = born, row.part.table.name


# -------------------------------------------------------------------------------------------------------- the tables


def _episode(person: Person, row: _Row) -> None:
    cells = row.cells
    _, decom, why, status, place, provider, dec, reason, moved = cells
    starts, ends = _needed(decom, "DECOM"), _day(dec, "DEC")
    why, status, place, reason = why.upper(), status.upper(), place.upper(), reason.upper()
    for column, code in (("RNE", why), ("LS", status), ("PLACE", place), ("REC", reason)):
        if code and not in_use(column, code, row.part.year):
            row.count(f"code:{column}:{shown(code)}")
    if not why:
        row.count("blank:RNE")
    if not status:
        row.count("blank:LS")
    backwards = ends is not None and ends < starts
    if backwards:
        row.count("backwards")
    elif ends == starts:
        row.count("same_day")
    last = last_day(row.part.year)
    late = ends is not None and ends > last
    if starts > last or late:
        row.count("after_year")
    doubtful = (backwards or starts > last, backwards or late)
    at = (row.origin, row.line, row.part.year)
    episode = Episode(starts, why, status, place, provider.upper(), ends, reason, moved.upper(), *at, *doubtful)
    before = person.episodes.get(starts)
    if before is not None:
        if before.year == row.part.year:
            why_not = f"another episode of this child starts on {as_date(starts):%d/%m/%Y}, on {row.part.unit} {before.row}"
            raise CannotUse(why_not, "two different episodes of one child start on the same day")
        row.account.superseded += 1
    person.episodes[starts] = episode
    person.years.add(row.part.year)


def _review(person: Person, row: _Row) -> None:
    day = _needed(row.cells[2], "REVIEW")
    before = person.reviews.get(day)
    if before is not None:
        if before[3] == row.part.year:
            raise CannotUse(
                f"another review of this child on the same day is on {row.part.unit} {before[2]}", "two reviews of one child on one day"
            )
        row.account.superseded += 1
    person.reviews[day] = (row.cells[3].upper(), row.origin, row.line, row.part.year)


def _missing(person: Person, row: _Row) -> None:
    kind, starts, ends = row.cells[2].upper(), _needed(row.cells[3], "MIS_START"), _day(row.cells[4], "MIS_END")
    if kind not in ("M", "A"):
        raise CannotUse(f"`MISSING` is `{shown(row.cells[2])}`; expected `M` (missing) or `A` (away)", "`MISSING` is neither M nor A")
    if kind == "A":
        row.account.away += 1
        return
    if ends is not None and ends < starts:
        raise CannotUse("`MIS_END` is before `MIS_START`", "a missing episode ends before it starts")
    row.account.superseded += starts in person.missing
    person.missing[starts] = (ends, row.origin, row.line)


def _worker(person: Person, row: _Row) -> None:
    starts = _needed(row.cells[3], "SW_DECOM")
    worker = row.account.workers.setdefault(row.cells[2], f"W{len(row.account.workers) + 1:04d}") if row.cells[2] else ""
    row.account.superseded += starts in person.workers
    person.workers[starts] = (worker, row.origin, row.line)


def _order(person: Person, row: _Row) -> None:
    starts, ends = _needed(row.cells[2], "DOLO_START"), _day(row.cells[3], "DOLO_END")
    if ends is not None and ends < starts:
        raise CannotUse("`DOLO_END` is before `DOLO_START`", "a deprivation of liberty order ends before it starts")
    row.account.superseded += starts in person.orders
    person.orders[starts] = (ends, row.origin, row.line)


def _decision(
    person: Person, row: _Row, event: str, day: int | None, suspect: bool, attributes: dict[str, AttributeValue] | None = None
) -> None:
    """A dated decision on adoption, which several tables and years may repeat."""
    if day is not None and (event, day) not in person.decisions:
        person.decisions.add((event, day))
        person.events.append(Happened(day, DURING, event, row.origin, row.line, attributes, suspect))


_SHOULD_BE_PLACED: dict[str, AttributeValue] = {"kind": "should_be_placed", "approved": True}


def _adopted(person: Person, row: _Row) -> None:
    decided, matched = _day(row.cells[2], "DATE_INT"), _day(row.cells[3], "DATE_MATCH")
    wrong = decided is not None and matched is not None and decided > matched
    if wrong:
        row.count("333")
    _decision(person, row, "adm_decision_recorded", decided, wrong, _SHOULD_BE_PLACED)
    _decision(person, row, "adoption_match_approved", matched, wrong)


def _should_be_placed(person: Person, row: _Row) -> None:
    decided, ceased = _day(row.cells[2], "DATE_PLACED"), _day(row.cells[3], "DATE_PLACED_CEASED")
    wrong = decided is not None and ceased is not None and ceased < decided
    if wrong:
        row.count("ceased_first")
    _decision(person, row, "adm_decision_recorded", decided, wrong, _SHOULD_BE_PLACED)
    _decision(person, row, "adoption_plan_changed", ceased, wrong)


_OUTCOMES = (
    ("development_check", 3, "HEALTH_CHECK"),
    ("immunisations", 4, "IMMUNISATIONS"),
    ("dental_check", 5, "TEETH_CHECK"),
    ("health_assessment", 6, "HEALTH_ASSESSMENT"),
)
_WHOLE = re.compile(r"([0-9]{1,2})(?:\.0+)?")


def _asylum(person: Person, row: _Row) -> None:
    """An unaccompanied child seeking asylum, until the day given; where none is given, still."""
    until = _day(row.cells[2], "DUC")
    row.account.asylum_years.add(row.part.year)
    person.asylum_until = NOT_YET if until is None else until


def _outcomes(person: Person, row: _Row) -> None:
    attributes: dict[str, AttributeValue] = {}
    for name, at, column in _OUTCOMES:
        if (text := row.cells[at].removesuffix(".0")) in ("0", "1"):
            attributes[name] = text == "1"
        elif text:
            row.count(f"value:{column}")
    if row.cells[2]:
        score = _WHOLE.fullmatch(row.cells[2])
        if score and int(score[1]) <= 40:
            attributes["sdq_score"] = int(score[1])
        else:
            row.count("value:SDQ_SCORE")
    if attributes:
        person.events.append(Happened(last_day(row.part.year), DURING, "annual_outcomes_recorded", row.origin, row.line, attributes))


def _leaver(person: Person, row: _Row) -> None:
    in_touch, activity, accommodation = (row.cells[at].upper() for at in (2, 3, 4))
    if person.born == NO_DAY:
        raise CannotUse("no date of birth, so the birthday that it is about is not known", "a care leaver has no date of birth")
    age, birthday = _birthday_in(person.born, row.part.year)
    if not 17 <= age <= 25:
        raise CannotUse(f"the young person turned {age} in the year; OC3 is for ages 17 to 25", "a care leaver is not 17 to 25 in the year")
    attributes: dict[str, AttributeValue] = {}
    for name, text in (("in_touch", in_touch), ("activity", activity), ("accommodation", accommodation)):
        if text and text != "0":
            attributes[name] = text
    if re.fullmatch(r"[A-Z][12]", accommodation):
        attributes["suitable"] = accommodation[1] == "1"
    elif accommodation not in ("", "0"):
        row.count("value:ACCOM")
    if attributes:
        day = birthday if age <= 21 else last_day(row.part.year)
        person.events.append(Happened(day, DURING, "care_leaver_circumstances_recorded", row.origin, row.line, attributes))


def _birthday_in(born: int, year: int) -> tuple[int, int]:
    """The age a young person reaches in a collection year, and the day."""
    age = year - as_date(born).year
    day = int(birthdays(np.array([born]), age)[0])
    if day > last_day(year):
        age -= 1
        day = int(birthdays(np.array([born]), age)[0])
    return age, day


_READ: dict[str, Callable[[Person, _Row], None]] = {
    "Episodes": _episode,
    "Reviews": _review,
    "OC2": _outcomes,
    "OC3": _leaver,
    "UASC": _asylum,
    "AD1": _adopted,
    "PlacedAdoption": _should_be_placed,
    "Missing": _missing,
    "SWEpisodes": _worker,
    "DoLo": _order,
}


def other_events(person: Person) -> list[tuple[Happened, str | None]]:
    """The events of a child that do not come from episodes or reviews, each with what it belongs to."""
    found: list[tuple[Happened, str | None]] = [(each, None) for each in person.events]
    for n, (starts, (ends, origin, line)) in enumerate(sorted(person.missing.items()), 1):
        found.append((Happened(starts, DURING, "missing_episode_started", origin, line), f"M{n}"))
        if ends is not None:
            found.append((Happened(ends, DURING, "missing_episode_ended", origin, line), f"M{n}"))
    for starts, (worker, origin, line) in sorted(person.workers.items()):
        found.append((Happened(starts, DURING, "worker_allocated", origin, line, {"worker": worker} if worker else None), None))
    for starts, (ends, origin, line) in sorted(person.orders.items()):
        found.append((Happened(starts, STARTS, "dolo_made", origin, line), None))
        if ends is not None:
            found.append((Happened(ends, ENDS, "dolo_ended", origin, line), None))
    return found
