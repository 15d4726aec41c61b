"""The eleven lists of Annex A: what sheets are called, which columns hold what, and the events each column can carry.

Column names drift between authorities and years. A header is compared without case, quotation marks, punctuation or
doubled blanks; then by the words it must hold. Only the columns that events need are read: never gender, ethnicity,
workers' names or postcodes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rrt_engine.sources.annex_a_values import is_missing

HEADER_ROWS = 10
"""How far down a sheet the header is looked for: the template has a title above it, some exports have notes."""


@dataclass(frozen=True)
class Column:
    """One column that is read: its name in the template, the words that tell it, and the events it can carry.

    Without a `required` column the list cannot be read. Without any other column its kinds are not carried, and rules
    that need them are not evaluated. `filled` says that a row needs a date in it.
    """

    field: str
    name: str
    words: str
    kinds: tuple[str, ...] = ()
    required: bool = False
    filled: bool = False


@dataclass(frozen=True)
class ListOf:
    """One list: its number, its name in ChAT and its own columns."""

    number: int
    title: str
    columns: tuple[Column, ...]


def _must(field: str, name: str, words: str, *kinds: str) -> Column:
    return Column(field, name, words, kinds, required=True, filled=True)


def _both(*words: str) -> str:
    """A pattern for headers that hold every one of some words, in any order."""
    return "".join(f"(?=.*{w})" for w in words)


COMMON = (
    Column(
        "child",
        "Child Unique ID",
        r"^(?!.*famil).*\bchild.*\b(?:id|identifier|reference)\b|^(?:unique|person|client|case) (?:id|identifier)$|^child id",
        required=True,
    ),
    Column("born", "Date of Birth", r"date of birth|^dob$|birth ?date|^due date"),
    Column("age", "Age of Child (Years)", r"^age\b"),
    Column("team", "Allocated Team", r"^(?:allocated )?team(?: name)?$"),
)
LISTS = (
    ListOf(
        1,
        "Contacts",
        (
            _must("contact", "Date of Contact", _both(r"\bdate", r"\bcontact"), "contact_received"),
            Column("source", "Contact Source", r"\bsource\b"),
        ),
    ),
    ListOf(
        2,
        "Early Help",
        (
            _must("started", "Assessment start date", _both(r"\bstart"), "early_help_assessment_started"),
            Column("completed", "Assessment completion date", _both(r"\bcomplet|\bend", r"\bdate"), ("early_help_assessment_completed",)),
        ),
    ),
    ListOf(
        3,
        "Referrals",
        (
            _must("referral", "Date of referral", _both(r"\bdate", r"\breferral"), "referral_received"),
            Column("source", "Referral Source", r"\bsource\b"),
            Column("nfa", "Referral NFA?", r"\bnfa\b|no further action"),
        ),
    ),
    ListOf(
        4,
        "Assessments",
        (
            _must("started", "Continuous Assessment Start Date", _both(r"assessment", r"\bstart"), "assessment_started"),
            Column(
                "authorised",
                "Continuous Assessment Date of Authorisation",
                r"authori[sz]|" + _both(r"\bdate", r"\bcomplet|\bend\b"),
                ("assessment_authorised",),
            ),
            Column(
                "in_need",
                "Was the child assessed as requiring LA children’s social care support?",
                r"assessed as (?:requiring|being|in need)|social care support",
            ),
        ),
    ),
    ListOf(
        5,
        "Sec47 and ICPC",
        (
            _must(
                "strategy",
                "Strategy discussion initiating Section 47 Enquiry Start Date",
                r"^(?!.*number)" + _both(r"strategy|section 47|\bs ?47|sec ?47", r"\bdate|\bstart"),
                "strategy_discussion_held",
            ),
            Column(
                "unnecessary",
                "Was an Initial Child Protection Conference deemed unnecessary?",
                r"unnecessary|not (?:required|needed|necessary)",
                required=True,
            ),
            Column(
                "conference",
                "Date of Initial Child Protection Conference",
                _both(r"\bdate", r"initial (?:child protection |cp )?conference|\bicpc"),
                ("icpc_held",),
                required=True,
            ),
            Column(
                "resulted",
                "Did the Initial Child Protection Conference Result in a Child Protection Plan",
                _both(r"result|outcome|lead", r"plan|\bicpc|conference"),
            ),
        ),
    ),
    ListOf(
        6,
        "Children in Need",
        (
            Column("seen", "Date Child Was Last Seen", r"last seen", ("cin_visit",)),
            Column("closed", "CIN Closure Date", _both(r"\bclos", r"\bdate"), ("case_closed",)),
            Column("reason", "Reason for Closure", _both(r"\breason", r"\bclos")),
        ),
    ),
    ListOf(
        7,
        "Child Protection",
        (
            _must("started", "Child Protection Plan Start Date", _both(r"\bplan|\bcpp?\b", r"\bstart"), "cp_plan_started", "icpc_held"),
            Column("category", "Initial Category of Abuse", _both(r"initial", r"category")),
            Column("visit", "Date of the Last Statutory Visit", _both(r"visit", r"\bdate|\blast\b|latest"), ("cp_visit",)),
            Column("alone", "Was the Child Seen Alone?", r"seen alone"),
            Column(
                "review", "Date of latest review conference", r"^(?!.*initial)" + _both(r"review", r"conference|\bdate"), ("rcpc_held",)
            ),
            Column("ended", "Child Protection Plan End Date", _both(r"\bplan|\bcpp?\b", r"\bend"), ("cp_plan_ended",), required=True),
            Column("previous", "Number of Previous Child Protection Plans", _both(r"previous", r"plans?\b")),
        ),
    ),
    ListOf(
        8,
        "Children in Care",
        (
            _must("started", "Date Started to be Looked After", _both(r"\bstart", r"looked after|\bcare\b"), "looked_after_started"),
            Column("status_from", "Start date of current legal status", _both(r"\bstart", r"legal status"), ("legal_status_changed",)),
            Column("status", "Child's Legal Status", r"legal status"),
            Column(
                "review", "Date of Latest Statutory Review", r"^(?!.*\biro\b)" + _both(r"review", r"\bdate|latest"), ("lac_review_held",)
            ),
            Column("visit", "Date of Last Social Work Visit", r"^(?!.*\biro\b)" + _both(r"visit", r"\bdate|\blast\b"), ("lac_visit",)),
            Column("iro", "Date of Last IRO Visit / Contact to the Child", _both(r"\biro\b", r"\bdate|\blast\b"), ("iro_contact",)),
            Column("health", "Date of Last Health Assessment", r"health", ("review_health_assessment_completed",)),
            Column("dental", "Date of Last Dental Check", r"\bdent", ("dental_check_completed",)),
            Column(
                "ended", "Date Ceased to be Looked After", _both(r"\bdate", r"\bceased|\bended"), ("looked_after_ended",), required=True
            ),
            Column("reason", "Reason Ceased to be Looked After", _both(r"\breason", r"\bceased|\bended")),
            Column("placed", "Start Date of Most Recent Placement", _both(r"\bstart", r"placement"), ("placement_started",)),
            Column("placement", "Placement Type", r"placement type|type of placement"),
            Column("location", "Placement Location", r"placement location"),
        ),
    ),
    ListOf(
        9,
        "Care Leavers",
        (
            Column("review", "Latest Pathway Plan Review Date", _both(r"review", r"pathway|\bdate"), ("pathway_plan_reviewed",)),
            Column("contact", "Latest Date of Contact", _both(r"\bdate|latest", r"contact"), ("pa_contact",)),
        ),
    ),
    ListOf(
        10,
        "Adoption",
        (
            _must(
                "decided",
                "Date of Decision that Child Should be Placed for Adoption",
                r"^(?!.*no longer)" + _both(r"decision"),
                "adm_decision_recorded",
            ),
            Column("authority", "Date of Placement Order", _both(r"\bdate", r"placement order"), ("authority_to_place_obtained",)),
            Column("matched", "Date of Matching Child and Prospective Adopters", _both(r"\bdate", r"match"), ("adoption_match_approved",)),
            Column("placed", "Date Placed for Adoption", r"date.*placed for adoption", ("placed_for_adoption",)),
            Column("order", "Date of Adoption Order", _both(r"\bdate", r"adoption order"), ("adoption_order_made",)),
            Column("reversed", "Date of Decision that Child Should No Longer be Placed for Adoption", _both(r"\bdate", r"no longer"), ()),
        ),
    ),
    ListOf(11, "Adopters", ()),
)
_BY_NUMBER = {each.number: each for each in LISTS}
# Whole sheet names, as ChAT and others write them.
_TITLES = {each.title.casefold(): each.number for each in LISTS} | {
    "contact": 1,
    "referral": 3,
    "assessment": 4,
    "section 47 and icpc": 5,
    "s47 and icpc": 5,
    "sec 47 and icpc": 5,
    "section 47 enquiries and icpcs": 5,
    "cin": 6,
    "cp": 7,
    "child protection plans": 7,
    "cic": 8,
    "cla": 8,
    "lac": 8,
    "children looked after": 8,
    "looked after children": 8,
    "leaving care": 9,
}
_LIST_N = re.compile(r"(?:^|[^a-z])list[ _\-.]*0?([1-9][0-9]?)(?![0-9])")
_SKIPPED = re.compile(r"^(?:front|faq|guidance|codes?\b|notes?\b|contents|read ?me|cover)")
# Columns that say nothing about a row: an index, and the regional builds' own columns.
_NOT_CONTENT = {"", "la", "local authority", "month", "year", "index", "unnamed 0"}


def list_named(sheet: str) -> int:
    """Which list a sheet or file is, by its name; 0 where the name does not say.

    >>> list_named("List_1"), list_named("list 10"), list_named("Sec47 and ICPC"), list_named("Annex A List 03")
    (1, 10, 5, 3)
    """
    name = " ".join(unicodedata.normalize("NFKC", sheet).casefold().replace("&", "and").split())
    found = _LIST_N.search(name)
    if found and int(found[1]) in _BY_NUMBER:
        return int(found[1])
    return _TITLES.get(" ".join(name.replace("_", " ").split()), 0)


def is_about_the_workbook(sheet: str) -> bool:
    """Whether a sheet is the template's guidance and not a list.

    >>> is_about_the_workbook("Front_Sheet"), is_about_the_workbook("Sheet1")
    (True, False)
    """
    return bool(_SKIPPED.match(sheet.strip().casefold().replace("_", " ")))


_LONGEST = 500  # characters of a header: a text as long as a page is none, and looking through it takes minutes


def header_words(cell: Any) -> str:
    """A header as compared: small letters and single blanks, no punctuation.

    >>> header_words("Was the Child’s  placement 'seen'? "), header_words("DateOfContact")
    ('was the childs placement seen', 'date of contact')
    """
    if not isinstance(cell, str) or len(cell) > _LONGEST or is_missing(cell):
        return ""
    text = re.sub(r"['’‘`\"“”]", "", unicodedata.normalize("NFKC", cell))
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[^a-z0-9]+", " ", text.casefold()).strip()


@dataclass(frozen=True)
class Header:
    """A list's header as found: its row, where each field is, what is missing, and which columns hold content."""

    row: int
    fields: dict[str, int]
    missing: tuple[Column, ...]
    content: tuple[int, ...]

    @property
    def usable(self) -> bool:
        """Whether the list can be read at all."""
        return not any(c.required for c in self.missing)


def columns_of(number: int) -> tuple[Column, ...]:
    """Every column that is read from a list."""
    return COMMON + _BY_NUMBER[number].columns


def find_header(rows: Sequence[Sequence[Any]], number: int) -> Header | None:
    """The header of a list, where it is among the first rows; None where no row is like one."""
    best: Header | None = None
    for at, row in enumerate(rows[:HEADER_ROWS]):
        fields = _matched([header_words(cell) for cell in row], columns_of(number))
        own = len(fields.keys() - {c.field for c in COMMON})
        if len(fields) < 2 or not ("child" in fields or own >= 2) or (best and len(fields) <= len(best.fields)):
            continue
        content = tuple(i for i, cell in enumerate(row) if header_words(cell) not in _NOT_CONTENT)
        best = Header(at, fields, tuple(c for c in columns_of(number) if c.field not in fields), content)
    return best


def _matched(cells: list[str], columns: tuple[Column, ...]) -> dict[str, int]:
    """Where each field is: by the template's own name first, then by words, each header used once."""
    fields: dict[str, int] = {}
    free = {i for i, cell in enumerate(cells) if cell}
    for same in (True, False):
        for column in columns:
            if column.field in fields:
                continue
            name = header_words(column.name)
            for i in sorted(free):
                if cells[i] == name if same else re.search(column.words, cells[i]):
                    fields[column.field] = i
                    free.discard(i)
                    break
    return fields


def cell_name(column: int, row: int) -> str:
    """A cell as a spreadsheet names it, from a column counted from 0 and a row counted from 1.

    >>> cell_name(0, 2), cell_name(27, 10)
    ('A2', 'AB10')
    """
    letters = ""
    column += 1
    while column:
        column, last = divmod(column - 1, 26)
        letters = chr(ord("A") + last) + letters
    return f"{letters}{row}"


def column_number(letters: str) -> int:
    """A column's number, counted from 1, from its letters.

    >>> column_number("A"), column_number("AB")
    (1, 28)
    """
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
