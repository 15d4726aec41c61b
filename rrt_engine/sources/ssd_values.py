"""Values as builds of the Standard Safeguarding Dataset write them, in the words that rules know.

A build may leave a field empty, write PLACEHOLDER_DATA until it is developed, or give a code with its description. What is
not certain is left out, never guessed. Outcomes arrive as JSON with a flag for each possible outcome; only the flags are
looked at, never the comments beside them.
"""

from __future__ import annotations

import re
from datetime import date

from rrt_engine.calendar import as_date
from rrt_engine.sources import annex_a_values as values
from rrt_engine.sources.annex_a_values import is_missing

_PLACEHOLDERS = {"placeholder_data", "placeholder", "(null)", "\\n"}
_DAY_FIRST = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:[.][0-9]+)?)?")
_ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]+([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.][0-9]+)?)?")
_NEVER = ("1900-01-01", "1899-12-3", "0001-01-01", "9999-")
_FLAG = re.compile(r'"?([A-Z][A-Z0-9_]*_FLAG)"?\s*:\s*"?([A-Za-z0-9]*)')
_WORKER_CODE = re.compile(r"(?=.*[0-9])[A-Za-z0-9._:{}/-]{1,40}")
_UNKNOWN_MILES = 999


def is_blank(text: str) -> bool:
    """Whether a cell holds nothing, or the word a build writes where a field is not developed yet. `NONE` is a code.

    >>> is_blank("PLACEHOLDER_DATA"), is_blank(" NULL "), is_blank("None"), is_blank("NONE"), is_blank("N")
    (True, True, True, False, False)
    """
    return (is_missing(text) and text.strip() != "NONE") or text.strip().casefold() in _PLACEHOLDERS


def iso(text: str) -> str:
    """A date or time as ISO text where its meaning is certain, "" where it stands for no date, and as it is otherwise.

    >>> iso("02/01/2024"), iso("2/1/2024 16:45"), iso("2024-01-02 16:45:10.000"), iso("1900-01-01 00:00:00")
    ('2024-01-02', '2024-01-02T16:45:00', '2024-01-02T16:45:10', '')
    """
    found = _ISO.fullmatch(text)
    if found:
        day, time = found[1], found[2]
        plain = day if time is None else f"{day}T{time if len(time) == 8 else time + ':00'}"
    elif found := _DAY_FIRST.fullmatch(text):
        plain = f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}"
        if found[4]:
            plain += f"T{found[4]:0>2}:{found[5]}:{found[6] or '00'}"
    else:
        try:
            plain = as_date(values.day_of(text)).isoformat()
        except (ValueError, OverflowError):
            return text
    return "" if plain.startswith(_NEVER) else plain


def is_no_date(day: date) -> bool:
    """Whether a date is one that systems write where there is none."""
    return day.year <= 1900 or day.year >= 9999


def yes(text: str) -> bool | None:
    """Yes, no, or None where it is not known. Raises ValueError for anything else."""
    return values.yes_or_no(text)


def flags(text: str) -> dict[str, bool]:
    """The flags of an outcome that say yes or no; those left empty are not known.

    >>> flags('{"NFA_FLAG": "N", "CP_CONFERENCE_FLAG": "Y", "MONITOR_FLAG": "", "OUTCOME_COMMENTS": "x"}')
    {'NFA_FLAG': False, 'CP_CONFERENCE_FLAG': True}
    """
    said = {}
    for name, value in _FLAG.findall(text):
        if value.casefold() in ("y", "yes", "true", "1", "t"):
            said[name] = True
        elif value.casefold() in ("n", "no", "false", "0", "f"):
            said[name] = False
    return said


def _first_flag(text: str, order: tuple[tuple[str, str], ...]) -> str | None:
    said = flags(text)
    return next((outcome for name, outcome in order if said.get(name)), None)


def contact_outcome(text: str) -> str | None:
    """What a contact led to, the weightiest first; None where no flag says.

    >>> contact_outcome('{"NEW_REFERRAL_FLAG":"Y","NFA_FLAG":"N"}'), contact_outcome('{"NFA_FLAG":""}')
    ('referral', None)
    """
    return _first_flag(
        text,
        (
            ("NEW_REFERRAL_FLAG", "referral"),
            ("CP_ENQUIRY_FLAG", "referral"),
            ("EXISTING_REFERRAL_FLAG", "open_case"),
            ("ADVICE_FLAG", "advice"),
            ("NFA_FLAG", "nfa"),
        ),
    )


def assessment_outcome(text: str) -> str | None:
    """What an assessment led to, the weightiest first; None where no flag says."""
    return _first_flag(
        text,
        (
            ("CLA_REQUEST_FLAG", "lac"),
            ("STRATEGY_DISCUSSION_FLAG", "cp"),
            ("PROV_OF_SERVICES_FLAG", "cin"),
            ("PROV_OF_SB_CARE_FLAG", "cin"),
            ("NFA_FLAG", "nfa"),
            ("NFA_S47_END_FLAG", "nfa"),
        ),
    )


def conference_needed(text: str) -> bool | None:
    """Whether the outcome of an enquiry names a conference; None where it does not say."""
    said = flags(text)
    if "CP_CONFERENCE_FLAG" in said:
        return said["CP_CONFERENCE_FLAG"]
    return False if said.get("NFA_FLAG") else None


def known(text: str) -> str | None:
    """A word or code as it is."""
    return text


def team(text: str) -> str | None:
    """A team's code or name."""
    return text if len(text) <= 60 else None


def worker(text: str) -> str | None:
    """A worker's code. A name is dropped: a code has a figure in it and no blank.

    >>> worker("W1043"), worker("Jo Smith")
    ('W1043', None)
    """
    return text if _WORKER_CODE.fullmatch(text) else None


def miles(text: str) -> int | None:
    """The distance of a placement in whole miles; None where it is the code for not known (999.9)."""
    found = float(text)
    return round(found) if 0 <= found < _UNKNOWN_MILES else None


def score(text: str) -> int | None:
    """The score of a questionnaire, 0 to 40; None where a reason stands in its place."""
    whole = re.fullmatch(r"([0-9]{1,2})(?:[.]0+)?", text)
    return int(whole[1]) if whole and int(whole[1]) <= 40 else None


def suitable(text: str) -> bool | None:
    """Whether accommodation is suitable: 1 suitable, 2 unsuitable, or the word."""
    plain = values.plain(text)
    if re.match(r"2\b", plain) or re.search(r"unsuitable|not suitable", plain):
        return False
    if re.match(r"1\b", plain) or "suitable" in plain:
        return True
    return values.yes_or_no(text)


def in_touch(text: str) -> str | None:
    """Whether the authority is in touch: the code that stands first, such as `YES` or `NREQ`."""
    found = re.match(r"[a-z]\)\s*", text.casefold())
    first = re.match(r"[A-Z]{2,4}", text[found.end() if found else 0 :].upper())
    return first[0] if first else None


def reached(text: str) -> bool | None:
    """Whether the young person was reached, by the in-touch code."""
    return {"YES": True, "NO": False}.get(in_touch(text) or "")


def code_first(text: str) -> str | None:
    """The code that stands first in `F1 - Young person engaged full time...`."""
    found = re.match(r"(?:[a-z]\)\s*)?([A-Z][0-9]{0,2})(?![A-Za-z0-9])", text)
    return found[1] if found else None


def participation(text: str) -> str | None:
    """How a child took part in a review: the code, PN0 to PN7."""
    found = re.search(r"\bPN[0-7]\b", text.upper())
    return found[0] if found else None


def provider(text: str) -> str | None:
    """Who provides a placement: the code, PR0 to PR5."""
    found = re.search(r"\bPR[0-5]\b", text.upper())
    return found[0] if found else None


_HEALTH = (
    (re.compile(r"\b(dent|teeth|tooth|orthodon)"), "dental"),
    (re.compile(r"^(?!.*\breview).*(\binitial\b.*\b(health|medical|assessment)|\biha\b)"), "initial"),
    (re.compile(r"\breview\b.*\b(health|medical|assessment)|\brha\b|\bannual health assessment\b"), "review"),
    (re.compile(r"^(lac |cla |cic |looked after )?(child )?(health|medical) (assessment|medical)s?( \(lac\))?$"), "health"),
)


def health_check(text: str) -> str | None:
    """What a health check was: `initial`, `review`, `health` where it does not say which, `dental`; None where not recognised.

    >>> [health_check(t) for t in ("Initial Health Assessment", "LAC Review Health Assessment", "Dental Check")]
    ['initial', 'review', 'dental']
    >>> health_check("Health Assessment"), health_check("Eye test")
    ('health', None)
    """
    plain = values.plain(text)
    return next((kind for words, kind in _HEALTH if words.search(plain)), None)


def health_status(text: str) -> str:
    """`done`, `refused` or `not_done` (planned, cancelled, did not attend)."""
    plain = values.plain(text)
    if re.search(r"refus|declin", plain):
        return "refused"
    return (
        "done"
        if re.search(r"^(?!.*(not|in)[ -]?complete).*(complete|attended|^done|held)", plain) and "not att" not in plain
        else "not_done"
    )


def is_own_worker(text: str) -> bool:
    """Whether an involvement is that of the child's own worker and not of another profession."""
    return bool(
        re.search(r"social worker|case ?worker|allocated|key ?worker|lead (?:worker|professional)|\bcw\b|\bsw\b", values.plain(text))
    )


def permanence_order(text: str) -> str | None:
    """The kind of a permanence order: `adoption`, `sgo` or `other`."""
    plain = values.plain(text)
    if "adopt" in plain:
        return "adoption"
    return "sgo" if re.search(r"special guardian|\bsgo\b", plain) else "other"


def decision(text: str) -> str | None:
    """A decision on an EHC request or assessment: `yes`, `no`, `withdrawn`, or None where it is yet to be made."""
    first = values.plain(text)[:1]
    return {"y": "yes", "1": "yes", "n": "no", "0": "no", "w": "withdrawn", "h": None, "a": None}.get(first)


def disabled(text: str) -> bool:
    """Whether a disability code names a disability; `NONE` says there is none."""
    return not re.match(r"(?:[a-z]\)\s*)?none\b|^no\b", values.plain(text))


def asylum_seeking(text: str) -> bool:
    """Whether an immigration status is that of an unaccompanied asylum-seeking child."""
    return bool(re.search(r"unaccompanied|\buasc\b", values.plain(text)))


def absence(text: str) -> str | None:
    """`missing`, or `away` from placement without authorisation; None where the type does not say."""
    plain = values.plain(text)
    if re.match(r"m\b|missing", plain):
        return "missing"
    return "away" if re.match(r"a\b|away|absent|unauthor", plain) else None
