"""A case: what needs attention first, then the suggestion, the timeline as a picture and a table, and every flag with its working."""

from __future__ import annotations

import re
from datetime import date

from rrt_engine.calendar import FIRST_YEAR, LAST_YEAR, Moment, as_date, day_number, parse_moment
from rrt_engine.replay.recorded import ALONE
from rrt_engine.reports.source_words import OTHERS
from rrt_engine.reports.timeline_picture import SPAN_WORDS, SPANS, Picture
from rrt_engine.sources.case_file import Case
from rrt_engine.web.answer import answer
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Page, Shown, Wrong
from rrt_engine.web.today import described
from rrt_engine.words import as_known_words, as_of_text, as_of_words, day_words, short_day_words

BRIEF_OVER = 40
"""Flags over which the steps of what was done on time or is no longer needed are shown only when asked for."""
_BACK = {
    "team": "[0-9]{1,6}",
    "worker": "[0-9]{1,6}",
    "service": "[a-z_]{1,40}",
    "show": "[a-z_]{1,12}",
    "day": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
}
"""What Today was narrowed to when the case was opened from it, so that the way back leads there."""
_FIELDS = ("as_of-day", "as_of-month", "as_of-year")
_ITEMS = (("day", "Day", "2"), ("month", "Month", "2"), ("year", "Year", "4"))


def case(desk: Desk, asked: Asked) -> Shown:
    """The page of one child's case on a day: the desk's own unless another is asked for."""
    handle = asked.path["handle"]
    held = desk.held(handle)
    if held is None:
        raise Missing("No case has this address. Addresses of cases end when rrt is started again: find the child anew on Today.")
    today = desk.today
    as_of, wrong = _day_asked(asked, today)
    span = asked.one("span") if asked.one("span") in SPANS else ""
    whole = asked.one("working") == "all"
    checked = desk.checked(handle, as_of, None if whole else BRIEF_OVER)
    found = checked.case
    sources = desk.replay.sources if desk.replay else ()
    answered = answer(checked, desk.book, desk.thresholds, as_of, span, brief=not whole)
    typed = {name: asked.one(name)[:20] for name in _FIELDS}
    day = as_date(as_of.day)
    values = typed if wrong else dict(zip(_FIELDS, (str(day.day), str(day.month), str(day.year)), strict=True))
    shown = {
        "nav": "today",
        "name": held.id,
        "handle": handle,
        "source": desk.source(held) if len(sources) > 1 or held.run == ALONE else "",
        "left_out": desk.left_out(handle),
        "unnamed": desk.recorded.unnamed_words(held.run),
        "no_events": held.run == ALONE,
        "as_of": as_of,
        "as_of_iso": as_of_text(as_of),
        "known": as_known_words(desk.as_known),
        "recorded_later": desk.recorded_later(held),
        "span": span,
        "way_back": {name: value for name, form in _BACK.items() if re.fullmatch(form, value := asked.one(name))},
        "brief": any(not flag.steps for flag in checked.flags) or bool(answered.picture and answered.picture.table_said),
        "spans": _spans(answered.picture),
        "opened_for": day_words(as_of.day) if as_of == today and desk.another_day else "",
        "stale": desk.stale_words(as_of),
        "others_words": OTHERS,
        "others": [described(desk, other) for other in _kept_apart(desk, handle)],
        "walk": _walk(found, as_of, today),
        "answer": answered,
        "day_fields": [
            {
                "id": f"as_of-{part}",
                "name": f"as_of-{part}",
                "label": label,
                "value": values[f"as_of-{part}"],
                "classes": f"govuk-input--width-{wide}{' govuk-input--error' if wrong else ''}",
            }
            for part, label, wide in _ITEMS
        ],
    }
    return Page("case.html.j2", "A case", shown, wrong, 400 if wrong else 200)


def _day_asked(asked: Asked, today: Moment) -> tuple[Moment, list[Wrong]]:
    """The day to judge by, and what is wrong with the one that was typed: then it is the day shown before."""
    before, wrong = today, []
    if asked.one("as_of"):
        try:
            before = parse_moment(asked.one("as_of"))
        except ValueError:
            wrong = [Wrong("as_of-day", "That is no day that the pages can show: type a real date, such as 27 3 2026")]
    typed = [asked.one(name).strip() for name in _FIELDS]
    if not any(typed):
        return before, wrong
    lacking = [label.lower() for (_, label, _), text in zip(_ITEMS, typed, strict=True) if not text]
    if lacking:
        return before, [Wrong(f"as_of-{lacking[0]}", f"The day to judge by must include a {' and a '.join(lacking)}")]
    if not all(text.isascii() and text.isdigit() and len(text) <= 4 for text in typed):
        return before, [Wrong("as_of-day", "The day to judge by must be three numbers, such as 27 3 2026")]
    day, month, year = map(int, typed)
    if not FIRST_YEAR < year < LAST_YEAR:
        return before, [Wrong("as_of-year", f"The year must be between {FIRST_YEAR + 1} and {LAST_YEAR - 1}")]
    try:
        chosen = day_number(date(year, month, day))
    except ValueError:
        return before, [Wrong("as_of-day", "There is no such day: check the day and the month")]
    return (before if chosen == before.day else today if chosen == today.day else Moment(chosen)), []


def _kept_apart(desk: Desk, handle: str) -> list[str]:
    """The handles of the other records of a child's id, written the same, that were not put together with these."""
    held = desk.held(handle)
    assert held
    return [other for other in desk.find(held.id) if other != handle and (also := desk.held(other)) and also.id == held.id]


def _walk(case: Case, as_of: Moment, today: Moment) -> list[tuple[str, str]]:
    """Where to go from a day, each with its words: back and forward by event and by week, and to the desk's own day."""
    days = sorted({*case.log.day.tolist(), *(day for fact in case.every_fact() for day in (fact.on, fact.told) if day > 0)})
    earlier = max((day for day in days if day < as_of.day), default=None)
    later = min((day for day in days if day > as_of.day), default=None)
    what = "event or fact" if case.every_fact() else "event"
    return [
        (f"Previous {what}", _iso(earlier)),
        ("Back a week", _iso(as_of.day - 7)),
        *([] if as_of == today else [(_go_to(as_of, today), as_of_text(today))]),
        ("Forward a week", _iso(as_of.day + 7)),
        (f"Next {what}", _iso(later)),
    ]


def _go_to(as_of: Moment, today: Moment) -> str:
    """Words for the way to the desk's own day, and to its time where it is the day that is shown."""
    return f"Go to {as_of_words(today) if as_of.day == today.day else short_day_words(today.day)}"


def _iso(day: int | None) -> str:
    """A day for an address; empty where there is none, or none that can be asked for."""
    return as_date(day).isoformat() if day is not None and FIRST_YEAR < as_date(day).year < LAST_YEAR else ""


def _spans(shown: Picture | None) -> list[tuple[str, str, bool]]:
    """How far back the picture may go, each with whether it does now; nothing to choose where the history is short."""
    return [(words, name, name == shown.span) for name, words in SPAN_WORDS.items()] if shown and shown.long else []
