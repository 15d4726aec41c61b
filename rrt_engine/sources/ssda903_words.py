"""What is said of each thing that can be wrong in an SSDA903 return: the DfE's rule where there is one, and what to do."""

from __future__ import annotations

from rrt_engine.sources.ssda903_tables import LIMITS, SHORT_BREAK_DAYS, too_long

_HELP = {
    "not judged": "duties that rest on these dates are not judged",
    "mend": "mend the records and export the return again",
    "read": "the row is read as it stands",
}

_FOUND: dict[str, tuple[str, str]] = {
    "overlap": ("an episode begins before the one before it ends", "not judged"),
    "gap": ("an episode begins after the one before it ends, though the child stayed in care", "read"),
    "start_within": ("an episode says that care began (RNE `S`) while the child was in care already", "not judged"),
    "no_start": ("an episode goes on with a time in care that had ended (RNE is not `S`)", "not judged"),
    "to_breaks": ("a time in care turns into short breaks (V3, V4) without ending; it is taken to end that day", "read"),
    "from_breaks": ("short breaks (V3, V4) turn into a time in care without ending; care is taken to begin that day", "read"),
    "open_with_reason": ("an episode without an end (`DEC`) has a reason for ending; it is taken to be open", "mend"),
    "no_reason": ("an episode ends without a reason that is known (`REC`); the child is taken to stay in care", "mend"),
    "no_next": ("a child's last episode ends, the child stays in care, and no episode follows", "not judged"),
    "backwards": ("an episode ends before it begins", "not judged"),
    "same_day": ("an episode begins and ends on one day", "read"),
    "after_year": ("an episode begins or ends after its return's year", "not judged"),
    "corrected": ("an episode open at the end of a year is not in the next year's return, which has the child: it is left out", "read"),
    "left_out": (
        "an episode open at the end of a year is not in the next year's return, which goes on from it; it is taken to end there",
        "mend",
    ),
    "lost": ("an episode open at the end of a year, and the next year's return does not have the child", "not judged"),
    "review_before": ("a review is dated before the child came into care", "not judged"),
    "review_outside": ("a review is dated on a day when the child was not looked after", "not judged"),
    "review_after_year": ("a review is dated after its return's year", "not judged"),
    "399": ("rule 399: a review is recorded for a child in short breaks (V3, V4)", "not judged"),
    "333": ("rule 333: a child was matched for adoption before the decision to place (`DATE_INT`)", "not judged"),
    "ceased_first": ("a decision to place for adoption ceased before it was made", "not judged"),
    "367": (f"rule 367: short breaks (V3) last more than {SHORT_BREAK_DAYS} days in a collection year", "read"),
    "born_twice": ("the Header of one year and of another give a child two dates of birth; the later return's is read", "mend"),
}


def message_of(code: str) -> tuple[str, str, str]:
    """The short name, the message and the help for something counted by its code.

    >>> message_of("limit:T4")[1]
    'rule 379: a temporary stay of the shortest kind (T4) lasts more than 7 days'
    """
    what, _, about = code.partition(":")
    if what == "rejected":
        return "rejected", f"not used, because {about}", _HELP["mend"]
    if what == "limit":
        return f"ssda903_{LIMITS[about][0]}", too_long(about), _HELP["read"]
    if what == "code":
        column, _, value = about.partition(":")
        return "code", f"`{value}` in `{column}` is not a code of this collection", _HELP["read"]
    if what == "blank":
        return "blank", f"`{about}` is blank in an episode", _HELP["mend"]
    if what == "value":
        return "value", f"a value in `{about}` cannot be read; the row is used without it", _HELP["mend"]
    message, help = _FOUND[code]
    return (f"ssda903_{code}" if code.isdigit() else code), message, _HELP[help]


def rank_of(code: str) -> tuple[int, bool]:
    """Where something stands among what is said: first what is not read, then what is not judged, then the rest; rules last."""
    what = code.partition(":")[0]
    help = message_of(code)[2]
    return (0 if what == "rejected" else 1 if help == _HELP["not judged"] else 2, what == "limit" or what.isdigit())
