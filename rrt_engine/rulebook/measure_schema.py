"""The shape of a measure: what may be written in a file of rules/measures, and what each part means.

A measure counts. It says which things are counted (`units`), which of them belong (`only`), which of those count (`counts`), and
what is shown of them. The computations are a closed list: nothing about any one measure stands in the program. The descriptions
become `rules/measure.schema.json`, which an editor shows while a measure is typed.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rrt_engine.rulebook.schema import Length, Names, Scalar, SourceAt, Test, Verified, Where

Group = Literal[
    "front_door",
    "assessment",
    "child_protection",
    "pre_proceedings_and_court",
    "harm_outside_home",
    "private_fostering",
    "in_care",
    "adoption",
    "leaving_care",
    "youth_justice",
    "workforce",
]
Show = Literal["percent", "number", "rate", "median", "mean"]
FlagStatus = Literal["met", "late", "early", "overdue", "due_soon", "due", "ended"]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, list) else [value]


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _year_to_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Attributes = dict[str, Test]


class Pick(_Shape):
    """Events of some kinds that record certain things."""

    event: Names
    where: Where


Picks = Annotated[list[Pick], Field(min_length=1)]


class Span(_Shape):
    """A period from one kind of event to another. A start while it is open is the same period."""

    start: Picks
    end: Picks


class EventUnits(_Shape):
    """Events dated in the period."""

    event: Names
    where: Where
    not_while: Span | None = Field(
        default=None,
        description="Not counted while such a period, begun on an earlier day, is open: a referral on an open case is no referral. "
        "Applied only where the source records how such periods end.",
    )


class FlagUnits(_Shape):
    """Duties of some timescale rules, as the rules judge them."""

    rules: list[str] = Field(min_length=1)
    by: Literal["due", "answer", "start", "open"] = Field(
        description="Which belong to the period: those due in it, answered in it, started in it; or `open`, those not answered at its end."
    )
    met: list[FlagStatus] = Field(default=["met"], description="The statuses that count.")
    judged: list[FlagStatus] = Field(
        default=["met", "late", "early", "overdue"], description="The statuses that belong to the denominator."
    )


class BirthdayUnits(_Shape):
    """Birthdays in the period: each child once for each of these ages."""

    ages: list[int] = Field(min_length=1)


class Units(_Shape):
    """What is counted: exactly one of these."""

    events: EventUnits | None = None
    open: str | Span | None = Field(default=None, description="Periods open at the end of the last day: a name in events.yaml, or a span.")
    ended: str | Span | None = Field(default=None, description="Periods that ended in the period.")
    flags: FlagUnits | None = None
    birthdays: BirthdayUnits | None = None

    @model_validator(mode="after")
    def _one(self) -> Units:
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of events, open, ended, flags and birthdays")
        return self

    @property
    def kind(self) -> str:
        """Which of the five it is."""
        return next(iter(self.model_fields_set))


class Earlier(_Shape):
    """An event of these kinds on an earlier day."""

    event: Names
    where: Where
    within: Length | None = Field(default=None, description="How far back at most; the same date that long before is inside.")
    link: str | None = Field(default=None, description="What both must share where both record it, such as referral or s47.")


class Later(_Shape):
    """An event of these kinds on the same day or later."""

    event: Names
    where: Where
    within: Length | None = None
    link: str | None = None


class Last(_Shape):
    """The latest event of these kinds in the period, up to the day."""

    event: Names
    where: Where
    is_: Attributes = Field(default_factory=dict, alias="is", description="What it must record for the condition to hold.")
    at_most: dict[str, int] = Field(default_factory=dict, description="Attributes that must be a number no greater than this.")
    within: Length | None = Field(default=None, description="It must be no longer ago than this.")
    ever: bool = Field(default=False, description="Look at the child's whole record, not only since the unit began.")


class Around(_Shape):
    """The record nearest to the day, from so long before it to so long after. None is `no`: not in touch stays in the denominator."""

    event: Names
    is_: Attributes = Field(default_factory=dict, alias="is", description="What it must record for the condition to hold.")
    before: Length
    after: Length


class Stays(_Shape):
    """The stays within a period, such as the placements of a child in care."""

    event: Names = Field(description="What starts a stay, and so ends the one before.")
    end: Names = Field(description="What else ends a stay.")
    attribute: str = Field(description="The attribute that says of what kind it is.")
    temporary: list[Scalar] = Field(default_factory=list, description="Kinds that are no stay of their own; going back is the same stay.")
    continues: list[Scalar] = Field(default_factory=list, description="Kinds that go on from the stay before, and are no move.")
    each: Length = Field(default="1 day", description="The least a stay must last to be counted.")
    at_least: int | None = Field(default=None, description="How many there must be.")
    within: Length | None = Field(default=None, description="In how long, up to the day; those open at its start are among them.")
    lasted: Length | None = Field(default=None, description="Or: how long the present one must have lasted at least.")

    @model_validator(mode="after")
    def _one(self) -> Stays:
        if (self.at_least is None) == (self.lasted is None) or (self.at_least is None) != (self.within is None):
            raise ValueError("give `at_least` with `within`, or `lasted`")
        return self


class Lasted(_Shape):
    """How long it lasted, from its start to its end or to the day."""

    at_least: Length | None = None
    more_than: Length | None = None
    at_most: Length | None = None

    @model_validator(mode="after")
    def _some(self) -> Lasted:
        if not self.model_fields_set:
            raise ValueError("give `at_least`, `more_than` or `at_most`")
        return self


class Age(_Shape):
    """The age on the day, in completed years."""

    at_least: int = 0
    under: int = 200


class FlagsOf(_Shape):
    """What the timescale rules say of duties that fell due while it lasted: none may have one of these statuses."""

    rules: list[str] = Field(min_length=1)
    none: list[FlagStatus] = Field(min_length=1)


class Care(_Shape):
    """Days in a period since a birthday, added up over every one."""

    period: str | Span
    since_age: int
    at_least: Length
    reaching_age: int = Field(description="At least one of the days must be on or after this birthday.")


class AtMost(_Shape):
    """The limit of a value, inclusive."""

    at_most: int


class Condition(_Shape):
    """One thing that must be so. Give exactly one key."""

    where: Attributes | None = Field(default=None, description="What the event itself records.")
    again: Length | None = Field(default=None, description="Another of the units on an earlier day, at most so long before.")
    earlier: Earlier | None = None
    later: Later | None = None
    last: Last | None = None
    around: Around | None = None
    stays: Stays | None = None
    lasted: Lasted | None = None
    age: Age | None = None
    flags: FlagsOf | None = None
    care: Care | None = None
    value: AtMost | None = Field(default=None, description="The value the measure takes of each unit.")
    not_in: str | Span | None = Field(default=None, description="No period of this kind is open on the day.")
    any: list[Condition] | None = Field(default=None, min_length=2)
    not_: Condition | None = Field(default=None, alias="not")

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if len(self.model_fields_set) != 1:
            raise ValueError("a condition has exactly one key")
        return self

    @property
    def kind(self) -> str:
        """Which condition it is."""
        return next(iter(self.model_fields_set))


class Value(_Shape):
    """A length of time taken of each unit, from one event to another; left out, from the unit's own start to its own end."""

    unit: Literal["days", "working days"]
    from_: Pick | None = Field(default=None, alias="from", description="The latest such event at or before the end of the stretch.")
    to: Pick | None = Field(default=None, description="The latest such event at or before the unit's day; left out, the unit itself.")
    link: str | None = Field(default=None, description="What both must share where both record it.")
    first: bool = Field(default=False, description="Only the first unit after each start; a later one has no clock of this kind.")
    out_of_order: Literal["aside", "zero"] = Field(
        default="aside", description="Where the end comes before the start: set aside (kept in totals, out of the bands), or counted as 0."
    )


class Band(_Shape):
    """A band of a value: from the number after the last band's to this one."""

    label: str
    to: int | None = Field(default=None, description="The greatest value in it; left out in the last band.")


class Compute(_Shape):
    """How it is worked out, from a closed list of computations."""

    units: Units
    only: list[Condition] = Field(default_factory=list, description="What a unit must be to belong to the denominator.")
    counts: list[Condition] = Field(default_factory=list, description="What a unit of the denominator must be to count.")
    value: Value | None = None
    bands: list[Band] = Field(default_factory=list)
    each: Literal["unit", "child"] = Field(default="unit", description="child: a child counts where every one of its units does.")


class Comparator(_Shape):
    """A published figure that is shown beside, with its year and source. Never a target."""

    area: str
    value: float
    to: float | None = Field(default=None, description="The upper end, where a range was published.")
    year: Annotated[str, BeforeValidator(_year_to_text)]
    source: SourceAt
    verified: Verified
    note: str | None = None


class Official(_Shape):
    """The official measure it answers to, and where it differs from it."""

    name: str
    differs: str | None = None


class Expected(_Shape):
    """What an example must give. Parts left out are not compared."""

    numerator: int | None = None
    denominator: int | None = None
    cannot_tell: int = 0
    before_records: int = 0
    aside: int = 0
    bands: list[int] | None = None
    median: float | None = None
    mean: float | None = None


class MeasureExample(_Shape):
    """A tiny log with the figures this measure must give for a period: the measure's proof."""

    name: str
    from_: Annotated[str, BeforeValidator(_iso)] = Field(alias="from")
    to: Annotated[str, BeforeValidator(_iso)]
    born: Annotated[str | None, BeforeValidator(_iso)] = None
    covers: dict[str, Any] = Field(default_factory=dict)
    events: list[dict[str, Any]] = Field(description="Events of one child; `child` on an event names another.")
    gives: Expected


class Measure(_Shape):
    """A key performance indicator, or an official measure of timeliness."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,59}$", description="Public and never reused.")
    kind: Literal["measure"]
    number: Annotated[str | None, BeforeValidator(_year_to_text)] = Field(default=None, description="Its number in the contract: 6a.")
    title: str = Field(min_length=5, max_length=120)
    group: Group = Field(description="The part of the service under which it is listed.")
    definition: str = Field(min_length=10)
    numerator: str
    denominator: str | None = None
    period: str = Field(description="Flow in the period and by which date, or a snapshot at its end.")
    show: Show
    better: Literal["higher", "lower", "neither"]
    source: Annotated[list[SourceAt], BeforeValidator(_as_list), Field(min_length=1)]
    verified: Verified
    official: Official | None = None
    comparators: list[Comparator] = Field(default_factory=list)
    target: float | None = None
    target_note: str = "No target or tolerance is published."
    computable: Literal["yes", "population", "no"]
    needs: list[str] = Field(default_factory=list, description="What it needs that timelines do not hold.")
    because: str | None = Field(default=None, description="Why timelines cannot give it.")
    rolling: Length | None = Field(default=None, description="The trend shows it over this long up to each month's end, beside the month.")
    note: str | None = None
    compute: Compute | None = None
    examples: list[MeasureExample] = Field(default_factory=list)

    @model_validator(mode="after")
    def _consistent(self) -> Measure:
        if (self.computable == "no") != (self.compute is None):
            raise ValueError("`compute` says how it is worked out; leave it out only where `computable` is no")
        if self.computable == "no" and not (self.because and self.needs):
            raise ValueError("say in `because` and `needs` why timelines cannot give it and what it needs")
        if self.compute and self.show in ("median", "mean") and self.compute.value is None:
            raise ValueError("`show` needs `compute: {value: …}`")
        if self.compute and self.show == "percent" and not self.compute.counts and self.compute.units.kind != "flags":
            raise ValueError("a percentage needs `counts`: what a unit must be to count")
        return self

    @property
    def snapshot(self) -> bool:
        """Whether it is how things stand at the end of a period, not what happened in it."""
        return self.compute is not None and (
            self.compute.units.kind == "open" or (self.compute.units.flags is not None and self.compute.units.flags.by == "open")
        )
