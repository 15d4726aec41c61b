"""Values as authorities write them in Annex A lists: day-first dates, yes and no, and the codes that rules need.

A value is read only where its meaning is certain. A date is always day first, never guessed to be month first, and the
time of day that some systems add to a date is left out: Annex A asks for dates only, so a time in it is not evidence.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from rrt_engine.calendar import FIRST_YEAR, LAST_YEAR, day_number, parse_moment

_MISSING = {
    "",
    "-",
    "--",
    ".",
    "n/a",
    "na",
    "#n/a",
    "#na",
    "null",
    "none",
    "nan",
    "nat",
    "#ref!",
    "#value!",
    "#name?",
    "#div/0!",
    "#num!",
    "#null!",
}
_UNKNOWN = {"unknown", "not known", "u", "not recorded", "not stated", "unborn", "tbc", "not applicable"}
_EXCEL_EPOCH = 25_569  # the Excel serial number of 1 January 1970
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
_MONTH_NUMBER = {form: i for i, name in enumerate(_MONTHS, 1) for form in (name, name[:3])} | {"sept": 9}
_TIME = r"(?:[ T,]+[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2}(?:[.][0-9]+)?)? ?(?:[ap]m)?)?"
_DAY_FIRST = re.compile(rf"([0-9]{{1,2}})[/. -]([0-9]{{1,2}})[/. -]([0-9]{{4}}|[0-9]{{2}}){_TIME}", re.I)
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})[/.-]([0-9]{{1,2}})[/.-]([0-9]{{1,2}}){_TIME}", re.I)
_NAMED = re.compile(rf"(?:[a-z]{{3,9}},? )?([0-9]{{1,2}})(?:st|nd|rd|th)?[/. -]*([a-z]{{3,9}})[/., -]*([0-9]{{4}}|[0-9]{{2}}){_TIME}", re.I)
_NAMED_US = re.compile(rf"([a-z]{{3,9}}) ([0-9]{{1,2}})(?:st|nd|rd|th)?,? ([0-9]{{4}}){_TIME}", re.I)
_COMPACT = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})")
_SERIAL = re.compile(r"[0-9]{5}(?:[.][0-9]+)?")
_OFFSET = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*(?:Z|[+-][0-9]{2}:?[0-9]{2})")
_LETTER = re.compile(r"^(?:[a-z0-9]|[0-9]{2})\s*[).:=–-]\s*|^[01] (?=[yn])")


# A list repeats few values many times. `typed`, because 1, 1.0 and true are equal and are not the same answer.
_remembered = functools.lru_cache(maxsize=1 << 14, typed=True)


def is_missing(value: Any) -> bool:
    """Whether a cell says nothing: blank, a dash, or an error such as `#N/A`.

    >>> is_missing(" - "), is_missing("#N/A"), is_missing(0)
    (True, True, False)
    """
    return value is None or (isinstance(value, str) and value.strip().casefold() in _MISSING)


def shown(value: Any) -> str:
    """A cell's value for a message: short, on one line, with whole numbers as they look in the sheet."""
    if isinstance(value, float) and value == value and abs(value) < 1e15 and value == int(value):
        value = int(value)
    text = " ".join(str(value).replace("`", "'").split())
    return text if len(text) <= 40 else text[:37] + "..."


@_remembered
def day_of(value: Any) -> int:
    """The day number a cell holds: an Excel date, a serial number, or text with the day first or in ISO order.

    Raises ValueError that says what is wrong and what was expected.

    >>> day_of("02/01/2024") == day_of("2 January 2024") == day_of(45293.75) == day_of("2024-01-02 16:45")
    True
    >>> day_of("13/25/2024")
    Traceback (most recent call last):
    ...
    ValueError: `13/25/2024` is not a date; write it day first, such as 31/03/2025
    """
    found = _civil(value)
    if found is None:
        raise ValueError(f"`{shown(value)}` is not a date; write it day first, such as 31/03/2025")
    if not FIRST_YEAR < found.year < LAST_YEAR:
        raise ValueError(f"`{shown(value)}` is outside {FIRST_YEAR + 1} to {LAST_YEAR - 1}; check the year")
    return day_number(found)


def _civil(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = " ".join(unicodedata.normalize("NFKC", value).replace("–", "-").split()) if isinstance(value, str) else None
    if not isinstance(value, str) or text is None:
        return _serial(float(value)) if abs(float(value)) < 1e5 else _numbers(*_parts(_COMPACT, str(shown(value))))
    if _SERIAL.fullmatch(text):
        return _serial(float(text))
    if _OFFSET.fullmatch(text):
        try:
            return date.fromordinal(parse_moment(text).day + date(1970, 1, 1).toordinal())
        except ValueError:
            return None
    for pattern, order in (
        (_DAY_FIRST, (2, 1, 0)),
        (_YEAR_FIRST, (0, 1, 2)),
        (_NAMED, (2, 1, 0)),
        (_NAMED_US, (2, 0, 1)),
        (_COMPACT, (0, 1, 2)),
    ):
        parts = _parts(pattern, text)
        if parts[0]:
            return _numbers(*(parts[i] for i in order))
    return None


def _parts(pattern: re.Pattern[str], text: str) -> tuple[str, str, str]:
    found = pattern.fullmatch(text)
    return (found[1], found[2], found[3]) if found else ("", "", "")


def _numbers(year: str, month: str, day: str) -> date | None:
    """A civil date from its parts as written; None where there is no such day. Two-digit years are 1971 to 2058."""
    number = int(month) if month.isdigit() else _MONTH_NUMBER.get(month.casefold(), 0)
    try:
        full = int(year)
        if len(year) == 2:
            full += 2000 if full < LAST_YEAR % 100 else 1900
        return date(full, number, int(day))
    except ValueError:
        return None


def _serial(number: float) -> date | None:
    """The date of an Excel serial number. Numbers too small to be a date in a child's record are not read as one."""
    if not 20_000 <= number < 100_000:
        return None
    return date.fromordinal(int(number) - _EXCEL_EPOCH + date(1970, 1, 1).toordinal())


def plain(value: Any) -> str:
    """Text as compared: one case, one kind of space and quotation mark."""
    text = unicodedata.normalize("NFKC", text_of(value)).replace("’", "'").replace("‘", "'")
    return " ".join(text.split()).casefold()


def text_of(value: Any) -> str:
    """A cell as text, with a whole number as it looks in the sheet: 1001, not 1001.0."""
    if isinstance(value, float) and value == value and abs(value) < 1e15 and value == int(value):
        return str(int(value))
    return str(value).strip()


_WHOLE = re.compile(r"([0-9]+)\.0")


def child_id(value: Any) -> str:
    """A child's id as text, the same whether a system kept it as a number or as text; empty where there is none.

    >>> child_id(1001.0), child_id(" 1001.0 "), child_id("00123"), child_id("#N/A")
    ('1001', '1001', '00123', '')
    """
    if is_missing(value) or isinstance(value, bool):
        return ""
    text = text_of(value)
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else " ".join(text.split())


_YES = {"yes", "y", "true", "1"}
_NO = {"no", "n", "false", "0"}
# What some systems write instead of yes and no, by what the column asks.
YES_WORDS = {
    "nfa": {"nfa", "no further action"},
    "alone": {"seen", "seen alone", "child seen", "child seen alone"},
    "resulted": {"cp plan", "child protection plan", "plan", "cpp"},
    "unnecessary": {"unnecessary", "not required", "not needed", "not necessary"},
}
NO_WORDS = {
    "nfa": {"fa", "further action"},
    "alone": {"not seen", "not seen alone", "child not seen", "child not seen alone", "seen not alone"},
    "resulted": {"no plan", "no cp plan", "no child protection plan", "not made subject to plan"},
    "unnecessary": {"necessary", "required", "needed"},
}


@_remembered
def yes_or_no(value: Any, asks: str = "") -> bool | None:
    """Yes, no, or None where the cell says it is not known. Raises ValueError for anything else.

    >>> [yes_or_no(v) for v in ("a) Yes", "1 - Yes", "Y", 1.0, "b) No", "0 - No", "FALSE", "c) Unknown")]
    [True, True, True, True, False, False, False, None]
    """
    if isinstance(value, bool):
        return value
    text = plain(value)
    for form in (text, _LETTER.sub("", text)):
        if form in _MISSING or form in _UNKNOWN:
            return None
        first = re.split(r"\s*[-,;:(/.]", form, maxsplit=1)[0]
        if form in _YES or first in _YES - {"1"} or form in YES_WORDS.get(asks, ()):
            return True
        if form in _NO or first in _NO - {"0"} or form in NO_WORDS.get(asks, ()):
            return False
    raise ValueError(f"`{shown(value)}` is neither yes nor no; write `a) Yes` or `b) No`")


def _code(pattern: str, words: tuple[tuple[str, str], ...]) -> Callable[[Any], str]:
    """A reader of one code set: the code where it is written, else the code its words stand for, else empty."""
    written = re.compile(pattern)
    meant = tuple((re.compile(regex), code) for regex, code in words)

    @_remembered
    def read(value: Any) -> str:
        text = plain(value)
        found = written.search(text)
        if found:
            return str(found[found.lastindex or 0]).upper()
        return next((code for regex, code in meant if regex.search(text)), "")

    return read


legal_status = _code(
    r"(?<![a-z0-9])(c1|c2|d1|e1|v2|v3|v4|l1|l2|l3|j1|j2|j3)(?![0-9])",
    (
        (r"short[ -]?term break|series of", "V4"),
        (r"child assessment order", "L3"),
        (r"police protection", "L1"),
        (r"emergency protection|\bepo\b", "L2"),
        (r"\bpace\b", "J2"),
        (r"\bremand", "J1"),
        (r"youth rehabilitation|sentenced", "J3"),
        (r"placement order", "E1"),
        (r"freed|freeing", "D1"),
        (r"interim care|\bico\b", "C1"),
        (r"care order|\bfco\b", "C2"),
        (r"single period|\bs(?:ection|ec)?\.? ?20\b", "V2"),
    ),
)
"""The national code of a legal status, such as `C1`; empty where it cannot be told."""

placement_type = _code(
    r"(?<![a-z0-9])(u[1-6]|a[3-6]|p[1-3]|h5|k[1-3]|r[1235]|s1|t[0-4]|z1)(?![0-9])",
    ((r"placed with (?:own )?parent", "P1"), (r"young offender", "R5"), (r"\bsecure\b", "K1")),
)
"""The national code of a placement, such as `U4`; empty where it cannot be told."""

closure_reason = _code(
    r"(?<![a-z0-9])(rc[1-9])(?![0-9])",
    (
        (r"adopted", "RC1"),
        (r"\bdied\b|deceased", "RC2"),
        (r"residence order|child arrangements? order", "RC3"),
        (r"special guardian", "RC4"),
        (r"adult (?:social|care|services|division)", "RC6"),
        (r"(?:other|another) (?:la\b|local auth)", "RC5"),
        (r"any other reason|no longer in need", "RC7"),
        (r"after (?:initial |single |continuous )?assessment", "RC8"),
    ),
)
"""The national code of why a case closed, such as `RC8`; empty where it cannot be told."""

_ENDED = r"e(?:1[1-7]|4[ab1-8]|[2-9])"
care_ceased_reason = _code(
    rf"^(?:[a-z]\)\s*)?s?({_ENDED})(?![0-9])|[\[(]({_ENDED})[\])]$",
    ((r"\bage assess", "E15"), (r"adopted", "E11"), (r"\bdied\b", "E2")),
)
"""The national code of why a period in care ended, such as `E4A`; empty where it cannot be told."""

_ABUSE = (
    ("neglect", r"neglect|\bneg\b"),
    ("physical", r"physical|\bphy\b"),
    ("sexual", r"sexual|\bsab\b"),
    ("emotional", r"emotional|\bemo\b"),
)


@_remembered
def abuse_category(value: Any) -> str:
    """The category of abuse a plan rests on, in one word; empty where it cannot be told.

    >>> abuse_category("a) Neglect"), abuse_category("Neglect / Emotional"), abuse_category("e) Multiple/not recommended")
    ('neglect', 'multiple', 'multiple')
    """
    text = plain(value)
    found = [name for name, words in _ABUSE if re.search(words, text)]
    return "multiple" if len(found) > 1 or re.search(r"multiple|\bmul\b", text) else found[0] if found else ""


_AGENCY_OF_CODE = {"1": "individual", "1c": "self", "2a": "school", "2b": "education", "3": "health", "4": "housing", "5": "la_services"}
_AGENCY_OF_CODE |= {"6": "police", "7": "legal", "8": "other", "9": "anonymous", "10": "unknown"}
_SOURCE_CODE = re.compile(
    r"^(?:[a-z]{1,2}\)\s*)?'?(1[a-d]|2[ab]|3[a-f]|4|5[a-d]|6|7|8|9|10)(?![0-9)a-z])|\[(1[a-d]|2[ab]|3[a-f]|4|5[a-d]|6|7|8|9|10)\]$"
)
_AGENCY_WORDS = tuple(
    (re.compile(words), agency)
    for words, agency in (
        (r"anonymous|^anon\b", "anonymous"),
        (r"\bpolice|^pol\b|constabulary", "police"),
        (r"court|probation|cafcass|prison|immigration|legal agency|solicitor", "legal"),
        (r"health|\bgps?\b|hospital|midwi|nurse\b|a ?& ?e\b|camhs|\bnhs\b|doctor|medical|paediatric|hospice|clinic|^med\b", "health"),
        (r"\bschools?\b(?! nurs)|nursery|early years", "school"),
        (r"educat|college|connexions|^edu\b", "education"),
        (r"housing", "housing"),
        (r"\bla services|social care|social services|local authority|youth offending|early help|council", "la_services"),
        (r"\bself\b", "self"),
        (r"individual|family|relative|parent|neighbour|friend|member of (?:the )?public|mother|father|\bcarer", "individual"),
        (r"unknown|not known|not recorded", "unknown"),
        (r"\bother\b|voluntary|charity|children'?s centre", "other"),
    )
)


@_remembered
def source_agency(value: Any) -> str:
    """Who made a contact or referral, as a kind of agency; empty where it cannot be told. Never a person's name.

    >>> source_agency("q) 6: Police"), source_agency("1A - Individual (Family)"), source_agency("Hospital - A&E")
    ('police', 'individual', 'health')
    >>> source_agency("c) 1C: Individual"), source_agency("t) 9: Anonymous"), source_agency("Mrs Jones")
    ('self', 'anonymous', '')
    """
    text = plain(value)
    found = _SOURCE_CODE.search(text)
    if found:
        code = found[1] or found[2]
        return _AGENCY_OF_CODE.get(code) or _AGENCY_OF_CODE[code[0]]
    return next((agency for words, agency in _AGENCY_WORDS if words.search(text)), "")


@_remembered
def in_or_out(value: Any) -> str:
    """Whether a placement is `in` or `out` of the authority's area; empty where it cannot be told.

    >>> in_or_out("a) In"), in_or_out("Outside"), in_or_out("Y"), in_or_out("Somewhere")
    ('in', 'out', 'in', '')
    """
    first = re.split(r"[^a-z]", _LETTER.sub("", plain(value)), maxsplit=1)[0]
    return "in" if first in ("in", "inside", "within", "y", "yes") else "out" if first in ("out", "outside", "n", "no") else ""


def years(value: Any) -> float | None:
    """An age as a number of years, -1 for an unborn child; None where none is given."""
    if isinstance(value, bool) or value is None:
        return None
    if plain(value).startswith("unborn"):
        return -1.0
    try:
        age = float(value)
    except (TypeError, ValueError):
        return None
    return age if -2 < age < 130 else None
