"""Dates, times and counts in words: "Friday 10 April 2026", "3 working days". One place, for every output."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from rrt_engine.calendar import NO_DAY, NO_INSTANT, UK, Moment, as_date
from rrt_engine.model import EventLog, plural

_DAYS_SAID = 8192  # days held in words: a page of a case says some hundred of them, and the next page mostly the same

STATUS_WORDS = {
    "overdue": "Overdue",
    "late": "Done late",
    "early": "Done too early",
    "due_soon": "Due soon",
    "due": "Due",
    "met": "Done on time",
    "ended": "No longer needed",
    "cannot_tell": "Cannot tell",
}
AUTHORITY_WORDS = {
    "duty": "statutory duty",
    "guidance": "statutory guidance",
    "practice": "good practice, not statutory guidance",
    "court": "court rule or order",
    "local": "local standard",
    "kpi": "performance measure, not a duty",
}
VERIFIED_WORDS = {
    "instrument": "number seen in the instrument",
    "secondary": "number seen in a secondary source, not in the instrument",
    "recalled": "number recalled, not yet checked against a source",
    "local value needed": "common value used until the authority sets its own",
}

MARK_WORDS = {
    "instrument": "seen in the document itself",
    "secondary": "seen in a secondary source",
    "recalled": "recalled, not yet checked against a source",
    "local value needed": "common value used until the authority sets its own",
}

EVIDENCE_WORDS = {
    "observed": "Seen or heard by a worker",
    "disclosed": "Said by the one it happened to",
    "reported": "Told by somebody we can ask",
    "alleged": "Somebody says so, unchecked",
    "confirmed": "Checked, and it is so",
    "refuted": "Looked into, and not so",
    "unknown": "Nobody knows how",
}
SPECIFICITY_WORDS = {"specific": "Exact: what, where or when", "vague": "Vague: a worry, no detail"}
TIMING_WORDS = {"current": "Now, or lately", "past": "In the past, and over", "unknown": "Not known"}
PATTERN_WORDS = {"single": "Once", "repeated": "More than once", "unknown": "Not known"}
IMPACT_WORDS = {"none_seen": "None seen", "some": "Some", "marked": "Marked", "unknown": "Not known"}


@lru_cache(_DAYS_SAID)
def day_words(day: int) -> str:
    """A day number as people write it.

    >>> day_words(20553)
    'Friday 10 April 2026'
    """
    d = as_date(day)
    return f"{d:%A} {d.day} {d:%B %Y}"


@lru_cache(_DAYS_SAID)
def short_day_words(day: int) -> str:
    """A day number without the day of the week.

    >>> short_day_words(20553)
    '10 April 2026'
    """
    d = as_date(day)
    return f"{d.day} {d:%B %Y}"


def uk_time(instant: int) -> datetime:
    """An instant as UK local time."""
    return datetime.fromtimestamp(int(instant), UTC).astimezone(UK)


def time_words(instant: int) -> str:
    """An instant in UK time, naming the zone: `Tuesday 28 October 2025 at 22:30 GMT`."""
    t = uk_time(instant)
    return f"{t:%A} {t.day} {t:%B %Y} at {t:%H:%M} {t:%Z}"


def iso_time(instant: int) -> str:
    """An instant in UK time with its offset, to the minute, or to the second where there are seconds."""
    t = uk_time(instant)
    return t.isoformat(timespec="seconds" if t.second else "minutes")


def moment_iso(log: EventLog, row: int, derived_day: int = NO_DAY) -> str:
    """When an event happened, no more exactly than it was recorded: a date, or UK local time."""
    if derived_day != NO_DAY:
        return as_date(derived_day).isoformat()
    if log.instant is not None and log.instant[row] != NO_INSTANT:
        t = uk_time(int(log.instant[row])).replace(tzinfo=None)
        return t.isoformat(timespec="seconds" if t.second else "minutes")
    return as_date(int(log.day[row])).isoformat()


def moment_words(log: EventLog, row: int) -> str:
    """When an event happened, in words."""
    if log.instant is not None and log.instant[row] != NO_INSTANT:
        return time_words(int(log.instant[row]))
    return day_words(int(log.day[row]))


def duration_words(seconds: int) -> str:
    """A length of elapsed time: to the minute up to two days, then to the hour. Part of a minute or hour counts as one.

    >>> duration_words(7500), duration_words(200_000)
    ('2 hours 5 minutes', '2 days 8 hours')
    """
    minutes = -(-seconds // 60)
    large, small = divmod(minutes, 60) if minutes < 48 * 60 else divmod(-(-minutes // 60), 24)
    units = ("hour", "minute") if minutes < 48 * 60 else ("day", "hour")
    parts = [plural(n, unit) for n, unit in zip((large, small), units, strict=True) if n]
    return " ".join(parts) or "0 minutes"


def listed(items: list[str]) -> str:
    """Items as English writes a list.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def within_sentence(title: str) -> str:
    """A title as it stands inside a sentence: a small first letter, unless it begins with a name.

    >>> within_sentence("Strategy discussion"), within_sentence("MASH rating"), within_sentence("Graded Care Profile")
    ('strategy discussion', 'MASH rating', 'Graded Care Profile')
    """
    first, _, rest = title.partition(" ")
    second = rest.split(" ", 1)[0]
    is_name = first[1:] != first[1:].lower() or (second[:1].isupper() and not second.isupper())
    return title if is_name else title[:1].lower() + title[1:]


def with_article(title: str) -> str:
    """A title as it stands inside a sentence after "the", where English wants it.

    >>> with_article("Strategy discussion"), with_article("Sending of the outline plan"), with_article("Seeing the child")
    ('the strategy discussion', 'the sending of the outline plan', 'seeing the child')
    """
    first, _, rest = title.partition(" ")
    gerund = first.endswith("ing") and rest.split(" ", 1)[0] in ("the", "a", "an")
    return within_sentence(title) if gerund else f"the {within_sentence(title)}"


def ordinal(n: int) -> str:
    """A number as a place in order.

    >>> ordinal(18), ordinal(21), ordinal(12)
    ('18th', '21st', '12th')
    """
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def as_of_text(as_of: Moment) -> str:
    """The as-of moment as ISO text."""
    return as_date(as_of.day).isoformat() if as_of.instant == NO_INSTANT else iso_time(as_of.instant)


def as_of_words(as_of: Moment) -> str:
    """The as-of moment in words: the end of a day that was given without a time, because that is what limits in hours are held to.

    >>> as_of_words(Moment(20553))
    'the end of Friday 10 April 2026'
    """
    return f"the end of {day_words(as_of.day)}" if as_of.instant == NO_INSTANT else time_words(as_of.instant)


def as_known_words(as_known: int | None) -> str:
    """What follows the as-of moment in words where only what had been recorded by a day counts; nothing where everything does.

    >>> as_known_words(20553), as_known_words(None)
    (', as known on 10 April 2026', '')
    """
    return "" if as_known is None else f", as known on {short_day_words(as_known)}"


def counted_words(as_known: int | None) -> str:
    """What counts with an as-known day, or without one.

    >>> counted_words(20553)
    'only what had been recorded by 10 April 2026'
    """
    return "everything, however late it was recorded" if as_known is None else f"only what had been recorded by {short_day_words(as_known)}"
