"""What is said of one case checked, in the same words in a terminal and on a page: the order, the counts, what is not counted and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rrt_engine.calendar import NO_DAY, Moment
from rrt_engine.explain.flags import Explained
from rrt_engine.model import EventLog, Fact, plural
from rrt_engine.reports.documents import REMINDER
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.case_file import Case
from rrt_engine.thresholds.indicators import is_later
from rrt_engine.thresholds.suggest import none_in_force
from rrt_engine.timescales.evaluate import Result
from rrt_engine.timescales.quality import after_death
from rrt_engine.words import STATUS_WORDS, VERIFIED_WORDS, listed, short_day_words, within_sentence

ORDER = ("overdue", "late", "early", "due_soon", "due", "cannot_tell", "recorded", "met", "ended")
"""The order in which statuses are read, most pressing first."""
SHOWN_WORDS = {**STATUS_WORDS, "recorded": "Recorded"}
PROVISIONAL = "Provisional: bank holidays that far ahead have not been announced."
NO_FACTS = "No facts are recorded, so no level or pathway is suggested"


def unsuggested_words(case: Case, as_of: Moment) -> str:
    """Why nothing is suggested for a case: it has no facts, or no threshold rule was in force on the day."""
    said = none_in_force(as_of.day) if case.every_fact() else NO_FACTS
    return f"{said[:1].upper()}{said[1:]}"


def shown_status(flag: Explained) -> str:
    """The status, or `recorded` for a pattern, which has no time limit that could be met."""
    return "recorded" if flag.status == "met" and flag.answer is None else flag.status


def to_do(flag: Explained) -> bool:
    """Whether it is overdue and still to be done: not where the duty ended before it was."""
    return flag.status == "overdue" and flag.ended_by is None


def urgency(flag: Explained) -> tuple[int, str, str]:
    """The order of flags at one status: the latest first, then the soonest due."""
    return (-(flag.days_late or 0), flag.due or "", flag.rule)


def at_status(flags: Sequence[Explained], status: str) -> list[list[Explained]]:
    """The flags at one status, the most pressing first, those of one rule together."""
    mine = sorted((f for f in flags if shown_status(f) == status), key=urgency)
    first = {f.rule: i for i, f in reversed(list(enumerate(mine)))}
    return [list(of_rule) for _, of_rule in groupby(sorted(mine, key=lambda f: first[f.rule]), key=lambda f: f.rule)]


def counts_words(flags: Sequence[Explained]) -> str:
    """How many flags there are at each status, most pressing first."""
    return f"{listed(counts_of(map(shown_status, flags)))}." if flags else "No time limit starts from the events in this case."


def counts_of(statuses: Iterable[str]) -> list[str]:
    """How many of each status, most pressing first: "1 overdue", "2 due".

    >>> counts_of(["met", "overdue", "met"])
    ['1 overdue', '2 done on time']
    """
    every = list(statuses)
    return [f"{every.count(s):,} {SHOWN_WORDS[s].lower()}" for s in ORDER if s in every]


def ended_words(ended: int) -> str:
    """That some of what is overdue has ended, so that nothing is left to do about it; empty where none has."""
    if not ended:
        return ""
    were = "was never done and has ended since: nothing is" if ended == 1 else "were never done and have ended since: nothing is"
    return f"Of those overdue {ended:,} {were} left to do."


def later_words(later: int) -> str:
    """That events after the day are not counted; empty where there are none."""
    return f"{plural(later, 'event')} after that date {'is' if later == 1 else 'are'} not counted." if later else ""


def facts_when_words(facts: Sequence[Fact], day: int) -> str:
    """How many recorded facts are of after the day, and how many have no date and so are used whatever the day; empty where all are dated
    by then. What is unknown or refuted is used on no day.
    """
    later = sum(1 for fact in facts if is_later(fact, day))
    always = sum(1 for f in facts if f.on == f.told == NO_DAY and f.value != "unknown" and f.evidence != "refuted")
    said = [f"{plural(later, 'recorded fact')} after that date {'is' if later == 1 else 'are'} not counted."] if later else []
    if always:
        said.append(f"{plural(always, 'recorded fact')} without a date {'is' if always == 1 else 'are'} used on every day.")
    return " ".join(said)


def after_death_words(flags: Sequence[Explained], log: EventLog, result: Result, book: RuleBook) -> str:
    """That what started duties which are still to be done is dated after the death of the child; empty where none is. They count, as
    news of a death may itself be a referral.
    """
    days = after_death(log, result.died, result.flags.trigger)
    open_now = [(f, day) for f, day in zip(flags, days.tolist(), strict=True) if to_do(f) or f.status in ("due", "due_soon")]
    kinds = dict.fromkeys(f.trigger["event"] for f, day in open_now if day != NO_DAY)
    if not kinds:
        return ""
    died = int(days.max())
    after = listed([within_sentence(book.events[kind].title) if kind in book.events else kind.replace("_", " ") for kind in kinds])
    return f"The death of the child is recorded on {short_day_words(died)}, and after it: {after}. Check these dates before acting on them."


def birth_words(log: EventLog) -> str:
    """The date of birth of the child of a case, and the expected one, each as it is recorded; empty where neither is."""
    days = (("date of birth", log.born), ("expected date of birth", log.expected))
    said = [f"{what} {short_day_words(int(day[0]))}" for what, day in days if day is not None and day[0] != NO_DAY]
    return "; ".join(said)


def births_differ_words(log: EventLog) -> str:
    """That the source has several dates of birth for the id of a case, or several expected ones, and what that puts in doubt; empty
    where it has not. Only one other is known here, so nothing says that there are no more.
    """
    said = []
    for what, rests, days, others in (
        ("date of birth", "Ages and what rests on them", log.born, log.born_also),
        ("expected date of birth", "What rests on it", log.expected, log.expected_also),
    ):
        if days is None or others is None or others[0] in (NO_DAY, days[0]):
            continue
        used, other = short_day_words(int(days[0])), short_day_words(int(others[0]))
        said.append(
            f"The source has more than one {what} for this id: {used}, which is used here, and at least one other, {other}. "
            f"{rests} may be wrong: check which is right, and whether the id stands for more than one child."
        )
    return " ".join(said)


def reference_words(flag: Explained) -> str:
    """Where the rule of a flag comes from, each source with its own authority, and who has seen the number."""
    return f"{flag.cited}; {VERIFIED_WORDS[flag.verified]}"


def next_step_words(flag: Explained) -> str:
    """What the rule suggests to do next; empty where it suggests nothing."""
    return f"Suggested next step: {flag.pathway.replace('_', ' ')}" if flag.pathway else ""


def not_covered_words(rules: int) -> str:
    """That some rules could not be judged because the case does not cover what they need."""
    return f"The case says that it does not cover what {plural(rules, 'rule')} would need:"


def notice_words(book: RuleBook) -> str:
    """What must be said with every answer."""
    return book.notice if REMINDER in book.notice else f"{book.notice} {REMINDER}"


def limits_words(log: EventLog, book: RuleBook) -> list[str]:
    """What the records of a case leave unsaid: where they begin and end, and what is held as latest dates only."""
    covers = log.coverage
    said = []
    if (since := covers.since_day("")) is not None:
        said.append(f"The records begin on {short_day_words(since)}: what was done before is not in them.")
    if (until := covers.until_day("")) is not None:
        said.append(f"The records end on {short_day_words(until)}: what was done since is not in them.")
    rows = () if log.latest_only is None else log.kind[log.latest_only].tolist()
    kinds = [kind for kind in dict.fromkeys(log.kinds[code] for code in rows) if kind in book.events]
    if kinds:
        titles = listed([within_sentence(book.events[kind].title) for kind in kinds])
        said.append(f"Only the latest dates are held of: {titles}. They say how things stand now, never how often they were on time.")
    return said
