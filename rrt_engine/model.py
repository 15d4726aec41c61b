"""The shapes of the data: event logs in columns, what they cover, and flags. All frozen; nothing here computes.

An event is something that happened to one child on a day or at a time. A timeline is one child's events in order. An
event log is many timelines in columns, sorted by child and time, so that a child is a range of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]
Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Status = Literal["met", "late", "early", "overdue", "due_soon", "due", "ended", "cannot_tell"]
STATUSES: tuple[Status, ...] = ("met", "late", "early", "overdue", "due_soon", "due", "ended", "cannot_tell")
MET, LATE, EARLY, OVERDUE, DUE_SOON, DUE, ENDED, CANNOT_TELL = range(len(STATUSES))
NEEDS_ATTENTION: tuple[Status, ...] = ("overdue", "late", "early")

# Why a flag is `cannot_tell`, as a small code in the flag; explain/ turns it into words.
REASONS = (
    "",
    "time_of_day",
    "trigger_attribute",
    "answer_attribute",
    "before_records",
    "impossible",
    "no_date",
    "over_the_limit",
    "after_records",
    "only_later",
)
(
    NO_REASON,
    TIME_OF_DAY,
    TRIGGER_ATTRIBUTE,
    ANSWER_ATTRIBUTE,
    BEFORE_RECORDS,
    IMPOSSIBLE,
    NO_DATE,
    OVER_THE_LIMIT,
    AFTER_RECORDS,
    ONLY_LATER,
) = range(len(REASONS))

AttributeValue = str | int | bool


@dataclass(frozen=True)
class Attribute:
    """One attribute of events as codes into its distinct values; -1 where the event does not record it."""

    codes: Int32s
    values: tuple[AttributeValue, ...]


@dataclass(frozen=True)
class Coverage:
    """What a log can carry, so that silence is never read as compliance or as a missed duty.

    `kinds` are the event kinds the source can hold; None means every kind. `since` gives, for a kind, the day number
    before which the source holds no events of it, and `until` the last day it speaks of; "" stands for every kind not named.
    `latest` are the kinds of which the source can hold only the latest date, whether or not it has any. `whole` are pairs of
    kinds of which a source that holds the first holds the second too, however long before `since` the first was: the assessment
    that is in a return has its own end there, though others that ended earlier are not in it.
    """

    kinds: frozenset[str] | None = None
    since: Mapping[str, int] = field(default_factory=dict)
    latest: frozenset[str] = frozenset()
    until: Mapping[str, int] = field(default_factory=dict)
    whole: frozenset[tuple[str, str]] = frozenset()

    def carries(self, kind: str) -> bool:
        """Whether the source could have held an event of this kind."""
        return self.kinds is None or kind in self.kinds

    def since_day(self, kind: str) -> int | None:
        """The day before which events of this kind are not in the source, where it says so."""
        return self.since.get(kind, self.since.get(""))

    def answers_since(self, started: str, answers: Sequence[str]) -> int | None:
        """The day before which something of one kind may have been answered unseen; None where every answer to it would be seen."""
        days = [self.since_day(kind) for kind in answers if (started, kind) not in self.whole]
        return max((day for day in days if day is not None), default=None)

    def until_day(self, kind: str) -> int | None:
        """The last day the source speaks of for events of this kind, where it says so."""
        return self.until.get(kind, self.until.get(""))


BIRTHS = ("born", "expected", "born_also", "expected_also")
"""The columns of an event log that have one entry a child, beside its id."""


@dataclass(frozen=True)
class EventLog:
    """Many timelines in columns, sorted by child and then by time. Built by `sources.builder`.

    Shapes: n events, m children. `child` int32[n] indexes `children`; `kind` int16[n] indexes `kinds`; `day` int32[n]
    is the UK civil day number. `instant` int64[n] is the UTC second, NO_INSTANT where only a date is known; None when
    no event has a time. `span` int32[n] is how many seconds later the event may have been (the hour that happens
    twice). `ref` int32[n] indexes `refs`, -1 where none; `recorded` int32[n] is the day the event was recorded, NO_DAY
    where unknown. `latest_only` bool[n] marks events from a list that holds only the latest date of its kind;
    `suspect` bool[n] marks events whose dates cannot be right, which never count for or against anyone. `born`
    and `expected` int32[m] are dates of birth and expected dates of birth, NO_DAY where unknown; `born_also` and
    `expected_also` int32[m] are another that the source gives for the same id, NO_DAY where it gives no other: nothing is
    worked out from them. `origin` int32[n] and `origin_row` int32[n] say which of `origins` an event came from, and the
    row or line in it.
    """

    children: npt.NDArray[Any]
    kinds: tuple[str, ...]
    child: Int32s
    kind: Int16s
    day: Int32s
    instant: Int64s | None = None
    span: Int32s | None = None
    ref: Int32s | None = None
    refs: tuple[str, ...] = ()
    recorded: Int32s | None = None
    latest_only: Bools | None = None
    suspect: Bools | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    born: Int32s | None = None
    expected: Int32s | None = None
    born_also: Int32s | None = None
    expected_also: Int32s | None = None
    coverage: Coverage = Coverage()
    origins: tuple[str, ...] = ()
    origin: Int32s | None = None
    origin_row: Int32s | None = None

    def __len__(self) -> int:
        return len(self.child)

    def recorded_by(self, day: int) -> Bools:
        """Which events had been recorded by a day; those that do not say when they were recorded count as known."""
        if self.recorded is None:
            return np.ones(len(self), np.bool_)
        known: Bools = self.recorded <= day  # NO_DAY is before every day
        return known

    def value(self, attribute: str, row: int) -> AttributeValue | None:
        """What one event records for an attribute, or None."""
        column = self.attributes.get(attribute)
        if column is None:
            return None
        code = int(column.codes[row])
        return column.values[code] if code >= 0 else None

    def of_children(self, begins: int, ends: int) -> EventLog:
        """The children from one number up to another, which is left out, with their events: a log of its own, under the same coverage."""
        rows = slice(*np.searchsorted(self.child, [begins, ends]))
        return self.of_rows(rows, self.child[rows] - begins, slice(begins, ends))

    def of_rows(self, rows: Any, child: Int32s, children: Any) -> EventLog:
        """Some of the rows and some of the children, as indexes of them; `child` numbers the children anew, row by row."""
        columns = ("kind", "day", "instant", "span", "ref", "recorded", "latest_only", "suspect", "origin", "origin_row")
        taken = {name: getattr(self, name)[rows] for name in columns if getattr(self, name) is not None}
        births = {name: getattr(self, name)[children] for name in BIRTHS if getattr(self, name) is not None}
        attributes = {name: Attribute(a.codes[rows], a.values) for name, a in self.attributes.items()}
        return replace(self, children=self.children[children], child=child, **taken, **births, attributes=attributes)

    def compact(self) -> EventLog:
        """The same events without the names, refs and values that none of them uses: of one child out of many, most are not its own."""
        kinds, kind = np.unique(self.kind, return_inverse=True)
        attributes = {}
        for name, column in self.attributes.items():
            used = np.unique(column.codes[column.codes >= 0])
            if len(used):
                codes = np.where(column.codes >= 0, np.searchsorted(used, column.codes), -1).astype(column.codes.dtype)
                attributes[name] = Attribute(codes, tuple(column.values[code] for code in used.tolist()))
        refs: dict[str, Any] = {}
        if self.ref is not None:
            named = np.unique(self.ref[self.ref >= 0])
            refs["refs"] = tuple(self.refs[code] for code in named.tolist())
            refs["ref"] = np.where(self.ref >= 0, np.searchsorted(named, self.ref), -1).astype(self.ref.dtype)
        names = tuple(self.kinds[code] for code in kinds.tolist())
        return replace(self, kinds=names, kind=kind.astype(self.kind.dtype), attributes=attributes, **refs)


@dataclass(frozen=True)
class Flags:
    """What the timescale rules say about every duty the log started, in columns, in rule order and then by child.

    All arrays have one entry a flag. `rule` int16 indexes the rule book's rules (each edition is its own entry); `rung`
    int8 is the step of a ladder. The child is that of the trigger's row. `trigger`, `answer` and `end` int32 are rows of
    the log: -1 where there is none, and a row number at or past `len(log)` for a birthday, which is derived
    (`derived_day[row - len(log)]`). `start` and `due` int32 are day numbers (NO_DAY where there is none). `due_at` int64
    is the instant an hour clock runs out, NO_INSTANT for clocks counted in days; `due_by` is the latest it can be where
    the start has no time of day. `status` and `reason` int8 index STATUSES and REASONS.
    """

    rule: Int16s
    rung: Int8s
    trigger: Int32s
    start: Int32s
    due: Int32s
    due_at: Int64s | None
    due_by: Int64s | None
    answer: Int32s
    end: Int32s
    status: Int8s
    reason: Int8s
    derived_day: Int32s

    def __len__(self) -> int:
        return len(self.rule)

    def standing(self) -> Bools:
        """Whether each flag says how things stand: not one that was missed and whose duty has ended since, with nothing left to do."""
        found: Bools = (self.status != OVERDUE) | (self.end < 0)
        return found


@dataclass(frozen=True)
class NotEvaluable:
    """A rule that this log cannot support, reported once: which rule, and which event kinds are missing."""

    rule: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Rejected:
    """A record that could not be used, and why: kept so that read = used + rejected, always.

    `child` is the id of the child it is about, as the reader writes it; "" where it is not known. `repeats` is whether it only says
    again what another record says, so that nothing is lost by leaving it out.
    """

    origin: str
    row: int
    why: str
    child: str = field(default="", compare=False, repr=False)
    repeats: bool = field(default=False, compare=False, repr=False)


# ------------------------------------------------------------------------------------------------ facts and suggestions


FactValue = bool | int | float | str


@dataclass(frozen=True)
class Fact:
    """One indicator as somebody recorded it, or as the timeline gives it.

    `on` is the day number of what it is about or when it was reported, NO_DAY where unsaid. `computed` says how the
    timeline gave it, "" where a person recorded it; `settled` whether the timeline is known to hold all it takes to say so, and
    `denies` the values that it shows not to be so. `line` is its line in the file, 0 where it has none. `told` is the day number of the
    step of a case that tells it, before which nobody knew it, and NO_DAY where it is known from the start: it says nothing of how long
    ago the thing itself was, as `on` does.
    """

    id: str
    value: FactValue
    evidence: str = "unknown"
    specificity: str = ""
    timing: str = "unknown"
    pattern: str = "unknown"
    impact: str = "unknown"
    source_agency: str = ""
    on: int = -(2**31)
    subject: str = ""
    computed: str = ""
    settled: bool = True
    denies: tuple[str, ...] = ()
    line: int = 0
    told: int = -(2**31)


@dataclass(frozen=True)
class Question:
    """One case as the threshold engines see it: what is recorded and computed, and the flags its timeline has.

    `as_of` is a day number; `flags` are pairs of a timescale rule's id and a status, sorted.
    """

    case: str
    as_of: int
    recorded: tuple[Fact, ...]
    computed: tuple[Fact, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Step:
    """What is learned next in a training case: when, what is told, the facts it adds, and what is asked."""

    at: int
    tell: str
    facts: tuple[Fact, ...] = ()
    ask: str = ""


@dataclass(frozen=True)
class Author:
    """What the author of a training case concluded, and why: a view, not the answer."""

    level: int
    pathways: tuple[str, ...]
    because: str
    learn: str = ""


@dataclass(frozen=True)
class Reason:
    """One rule that fired: its effect, the facts it matched, and where it rests. `text` is the sentence.

    `authority` is that of the `source`, which may be another than that of the rule; `verified` is how the rule was checked against it.
    """

    rule: str
    effect: str
    level: int | None
    facts: tuple[str, ...]
    domain: str
    source: str
    authority: str
    verified: str
    text: str
    pathways: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """A fact that is not known, and what the suggestion would become if it were recorded so."""

    fact: str
    value: str
    could_change_to: int | None
    pathway: str | None
    text: str


@dataclass(frozen=True)
class Alternative:
    """Another level, and what would tip the suggestion to it."""

    level: int
    tips_if: str


@dataclass(frozen=True)
class Consent:
    """Consent as a gate on the route, never on the level: its status, what it means here, and the sentence to record."""

    status: str
    gate: str
    record: str


@dataclass(frozen=True)
class SetAside:
    """A fact that is kept on the record and not counted, and why."""

    fact: str
    why: str


@dataclass(frozen=True)
class Computed:
    """A fact that the timeline gives: its value, how it was worked out, and whether any rule made use of it."""

    fact: str
    value: FactValue
    how: str
    used: bool


@dataclass(frozen=True)
class Suggestion:
    """What Right Help Right Time points to on the facts recorded, and why. A person decides.

    `nothing_of_need` is whether level 1 stands only because no recorded fact says anything of need: then no level is suggested.
    """

    level: int
    level_name: str
    nothing_of_need: bool
    significant: bool
    could_be: int | None
    pathways: tuple[str, ...]
    urgency: str
    reasons: tuple[Reason, ...]
    missing: tuple[Missing, ...]
    alternatives: tuple[Alternative, ...]
    smallest: tuple[str, ...]
    consent: Consent
    prompts: tuple[str, ...]
    computed: tuple[Computed, ...]
    not_counted: tuple[SetAside, ...]
    why_not: tuple[str, ...]
    coverage: str
    checked_by: str


def plural(n: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "day"), plural(3, "day"), plural(1200, "child", "children")
    ('1 day', '3 days', '1,200 children')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def lookup(values: Sequence[AttributeValue], keep: Any) -> Bools:
    """Which of an attribute's distinct values satisfy a test: one boolean a value, for use as a look-up table."""
    return np.fromiter((bool(keep(v)) for v in values), dtype=np.bool_, count=len(values))
