"""The answer for a case, made ready for a page: the words of `rrt check` and the picture of the timeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rrt_engine.calendar import Moment
from rrt_engine.checking import Checked
from rrt_engine.explain.flags import Explained
from rrt_engine.model import plural
from rrt_engine.reports.check_words import (
    PROVISIONAL,
    after_death_words,
    at_status,
    birth_words,
    births_differ_words,
    counts_words,
    ended_words,
    facts_when_words,
    later_words,
    limits_words,
    next_step_words,
    not_covered_words,
    notice_words,
    shown_status,
    to_do,
    unsuggested_words,
)
from rrt_engine.reports.timeline_picture import Picture, picture, stands
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.schema import TimescaleRule
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.words import listed, short_day_words, within_sentence

if TYPE_CHECKING:
    from rrt_engine.reports.suggestion_words import Said


_URGENT = ("now", "same_day")


@dataclass(frozen=True)
class Instrument:
    """Where a rule comes from: the title and the place in it, its own authority, and the address to read it at."""

    title: str
    at: str
    authority: str
    url: str | None


@dataclass(frozen=True)
class Shown:
    """One flag with how it stands in a few words, and what it suggests to do next."""

    flag: Explained
    status: str
    stands: str
    next_step: str
    provisional: str
    edition: str
    instruments: tuple[Instrument, ...]


@dataclass(frozen=True)
class OfRule:
    """The flags of one rule at one status: how many there are, those that are shown, and in words those that are not."""

    rule: str
    title: str
    status: str
    count: int
    flags: tuple[Shown, ...]
    more: tuple[str, ...]


@dataclass(frozen=True)
class NotCovered:
    """A rule that the records cannot support, and the kinds of event they lack, in words."""

    rule: str
    title: str
    needs: str


@dataclass(frozen=True)
class UsedSource:
    """A source that something on the page rests on, with the rules that do."""

    title: str
    authority: str
    url: str | None
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """All that is said of a case on a day, in the order in which it is read."""

    as_of: Moment
    attention: str
    urgent: bool
    counts: str
    later: str
    birth: str
    births_differ: str
    ended_words: str
    left_out: str
    overdue: tuple[Shown, ...]
    overdue_more: tuple[str, ...]
    ended_undone: tuple[Shown, ...]
    ended_undone_more: tuple[str, ...]
    due: tuple[Shown, ...]
    due_more: tuple[str, ...]
    late: tuple[OfRule, ...]
    recorded: tuple[OfRule, ...]
    met: tuple[OfRule, ...]
    ended: tuple[OfRule, ...]
    unclear: tuple[OfRule, ...]
    not_covered: tuple[NotCovered, ...]
    not_covered_heading: str
    limits: tuple[str, ...]
    sources: tuple[UsedSource, ...]
    picture: Picture | None
    said: Said | None
    notice: str
    unsuggested: str
    has_facts: bool


def answer(checked: Checked, book: RuleBook, thresholds: ThresholdBook, as_of: Moment, span: str = "", brief: bool = False) -> Answer:
    """What a page shows of a case checked on a day. `span` is how far back its picture goes, as timeline_picture.SPANS names it, and
    `brief` whether its table may leave out rows. A flag that was checked without its sentence is counted, and not shown by itself.
    """
    flags = checked.flags
    governing = {f.rule: book.rules[index].spec for f, index in zip(flags, checked.result.flags.rule.tolist(), strict=True)}
    editions = dict(zip(map(id, flags), checked.result.flags.rule.tolist(), strict=True))
    instruments = {
        index: tuple(
            Instrument(book.sources[s.id].title, s.at, book.sources[s.id].authority, book.sources[s.id].url)
            for s in book.rules[index].spec.source
        )
        for index in set(editions.values())
    }

    def shown(flag: Explained) -> Shown:
        provisional = PROVISIONAL if flag.provisional else ""
        edition = flag.edition if flag.edition.startswith("in force") else f"edition: {flag.edition}"
        return Shown(flag, shown_status(flag), stands(flag), next_step_words(flag), provisional, edition, instruments[editions[id(flag)]])

    def those(group: Sequence[Explained]) -> tuple[Shown, ...]:
        return tuple(shown(flag) for flag in group if flag.explanation)

    def more(group: Sequence[Explained]) -> tuple[str, ...]:
        hidden: dict[str, list[int]] = {}
        for flag in group:
            if not flag.explanation:
                hidden.setdefault(flag.title, []).append(begun[id(flag)])
        return tuple(f"{title}: {len(days):,} more, begun {_from_to(days)}" for title, days in hidden.items())

    def of(*statuses: str) -> tuple[OfRule, ...]:
        return tuple(
            OfRule(group[0].rule, group[0].title, status, len(group), those(group), more(group))
            for status in statuses
            for group in at_status(standing[status], status)
        )

    standing: dict[str, list[Explained]] = defaultdict(list)
    for flag in flags:
        standing[shown_status(flag)].append(flag)
    begun = dict(zip(map(id, flags), checked.result.flags.start.tolist(), strict=True))
    overdue = [flag for group in at_status(standing["overdue"], "overdue") for flag in group]
    open_now = sorted(filter(to_do, overdue), key=lambda f: -(f.days_late or 0))
    undone = [flag for flag in overdue if not to_do(flag)]
    due = [flag for status in ("due_soon", "due") for group in at_status(standing[status], status) for flag in group]
    due.sort(key=lambda f: f.due or "9999")
    hidden = sum(1 for flag in flags if not flag.explanation)
    n = len(open_now)
    none = "Nothing that is overdue is left to do" if overdue else "No time limit is overdue"
    urgent = checked.suggestion is not None and checked.suggestion.urgency in _URGENT
    return Answer(
        as_of=as_of,
        attention=f"{plural(n, 'thing')} {'needs' if n == 1 else 'need'} attention" if n else none,
        urgent=urgent,
        counts=counts_words(flags),
        later=" ".join(
            filter(
                None,
                (
                    later_words(checked.result.after_as_of),
                    facts_when_words(checked.case.every_fact(), as_of.day),
                    after_death_words(flags, checked.case.log, checked.result, book),
                ),
            )
        ),
        birth=birth_words(checked.case.log),
        births_differ=births_differ_words(checked.case.log),
        ended_words=ended_words(len(overdue) - n),
        left_out=_left_out(hidden, len(flags)) if hidden else "",
        overdue=those(open_now),
        overdue_more=more(open_now),
        ended_undone=those(undone),
        ended_undone_more=more(undone),
        due=those(due),
        due_more=more(due),
        late=of("late", "early"),
        recorded=of("recorded"),
        met=of("met"),
        ended=of("ended"),
        unclear=of("cannot_tell"),
        not_covered=tuple(_not_covered(checked, book)),
        not_covered_heading=not_covered_words(len(checked.result.not_evaluable)),
        limits=tuple(limits_words(checked.case.log, book)),
        sources=_sources(governing, book),
        picture=picture(checked, book, as_of, span, brief),
        said=_said(checked, thresholds),
        notice=notice_words(book),
        unsuggested=unsuggested_words(checked.case, as_of),
        has_facts=bool(checked.case.every_fact()),
    )


def _said(checked: Checked, thresholds: ThresholdBook) -> Said | None:
    from rrt_engine.reports.suggestion_words import said_of

    return said_of(checked.suggestion, thresholds) if checked.suggestion else None


def _from_to(days: Sequence[int]) -> str:
    """The first and last of some days, in words."""
    first, last = min(days), max(days)
    return f"on {short_day_words(first)}" if first == last else f"from {short_day_words(first)} to {short_day_words(last)}"


def _left_out(hidden: int, every: int) -> str:
    """That some flags are counted and not shown one by one, and which."""
    are = "is" if hidden == 1 else "are"
    return (
        f"This case is long: {hidden:,} of its {every:,} time limits {are} counted here and not shown one by one. Each part shows "
        "the newest of each rule, or those overdue the longest, and says how many more there are."
    )


def _not_covered(checked: Checked, book: RuleBook) -> list[NotCovered]:
    titles = {rule.id: rule.spec.title for rule in book.rules}
    return [NotCovered(each.rule, titles[each.rule], _events(each.missing, book)) for each in checked.result.not_evaluable]


def _events(kinds: Sequence[str], book: RuleBook) -> str:
    return listed([within_sentence(book.events[kind].title) if kind in book.events else kind.replace("_", " ") for kind in kinds])


def _sources(governing: Mapping[str, TimescaleRule], book: RuleBook) -> tuple[UsedSource, ...]:
    """The sources that the flags rest on, those that most rest on first."""
    used: dict[str, list[str]] = {}
    for rule, spec in governing.items():
        for source in spec.source:
            used.setdefault(source.id, []).append(rule)
    ordered = sorted(used, key=lambda name: (-len(used[name]), book.sources[name].title))
    return tuple(
        UsedSource(book.sources[name].title, book.sources[name].authority, book.sources[name].url, tuple(used[name])) for name in ordered
    )
