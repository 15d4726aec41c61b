"""The shape of a rule: what may be written in a rule file, and what each part means.

The descriptions here become `rules/rule.schema.json`, which an editor shows while a rule is typed. Nothing here knows
about any particular rule.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rrt_engine.calendar import Duration

Authority = Literal["duty", "guidance", "practice", "court", "local", "kpi"]
Verified = Literal["instrument", "secondary", "recalled", "local value needed"]
Service = Literal[
    "front_door",
    "assessment",
    "child_protection",
    "pre_proceedings_and_court",
    "harm_outside_home",
    "domestic_abuse_and_neglect",
    "education_and_youth_justice",
    "private_fostering",
    "in_care",
    "fostering_and_special_guardianship",
    "adoption",
    "leaving_care",
    "complaints",
]
Scalar = bool | int | str


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _as_duration(text: str) -> str:
    Duration.parse(text)
    return text


def as_list(value: Any) -> Any:
    """One value as a list of it."""
    return list(value) if isinstance(value, list) else [value]


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


Length = Annotated[
    str,
    AfterValidator(_as_duration),
    Field(
        description="A whole number and a unit: hours, service hours, working days, days, clear days, weeks, calendar weeks "
        "(Monday to Sunday), months or years.",
        pattern=r"^\d{1,4} (hour|service hour|working day|day|clear day|week|calendar week|month|year)s?$",
        examples=["15 working days", "72 hours", "6 weeks"],
    ),
]
Names = Annotated[list[str], BeforeValidator(as_list), Field(min_length=1)]


class Parameter(_Shape):
    """A value that an authority sets in parameters.yaml."""

    parameter: str = Field(description="The name of a value in parameters.yaml.")


class Not(_Shape):
    """Anything but these values. An event that does not record the attribute counts as not having them."""

    not_: Annotated[list[Scalar], BeforeValidator(as_list)] = Field(alias="not", description="The value or values excluded.")


class Only(_Shape):
    """These values and nothing else. An event that does not record the attribute counts as not having them."""

    only: Annotated[list[Scalar], BeforeValidator(as_list)] = Field(description="The value or values that count.")


Test = bool | int | str | list[Scalar] | Not
Where = Annotated[
    dict[str, Test],
    Field(
        default_factory=dict,
        description="What the event must record: an attribute and a value, a list of values, or {not: value}. "
        "An event that does not record a required attribute is neither counted nor passed over: the flag says so.",
    ),
]
AnyTest = Test | Only
RuleWhere = Annotated[
    dict[str, AnyTest],
    Field(
        default_factory=dict,
        description="What the event must record: an attribute and a value, a list of values, {not: value}, or {only: value}. An event that "
        "does not record a required attribute is neither counted nor passed over: the flag says so. With {only: value} it is passed over.",
    ),
]
LengthOrParameter = Length | Parameter


class After(_Shape):
    """The event counts only where enough events of a kind came shortly before it."""

    event: Names = Field(description="The kind or kinds of event counted.")
    where: RuleWhere
    at_least: int | Parameter = Field(default=1, description="How many there must be before this one.")
    at_most: Literal[0] | None = Field(default=None, description="0: only where there is none, and none that may be one.")
    within: LengthOrParameter | None = Field(default=None, description="How far back they may be. Left out: any time before.")
    count_from: Literal["next_day", "same_day"] = Field(
        default="next_day", description="Whether the earliest event's own day is day 1 of the window."
    )
    earlier_day: bool = Field(default=False, description="Count only events of an earlier day than this one's.")


class Turning(_Shape):
    """An age, and how long after the event the child may still reach it."""

    age: int = Field(ge=0, le=25, description="The age in years.")
    within: LengthOrParameter = Field(description="How long after the event the birthday may be; the last of these days counts.")


class When(_Shape):
    """What starts the duty."""

    event: Names = Field(description="The kind or kinds of event that start the duty.")
    where: RuleWhere
    pick: Literal["each", "first", "last"] = Field(
        default="each", description="Every such event, or the first or last for the child (in the period, where `during` is given)."
    )
    after: After | None = Field(default=None, description="Only where enough earlier events came before it: for counts and repeats.")
    date: str | None = Field(
        default=None, description="The attribute that holds the date the clock starts, where it is not the event's own date."
    )
    at_age: int | None = Field(
        default=None, ge=0, le=25, description="The clock starts on this birthday, or with the event where that is later."
    )
    turning: Turning | None = Field(
        default=None,
        description="Only where the child is this age already, or by then: for a limit that an age brings, started by an event before it. "
        "Where the date of birth is not recorded the duty starts.",
    )
    quality: str | None = Field(default=None, description="What an event of its kind must record to count, named in `qualities`.")


class Expect(_Shape):
    """What answers the duty."""

    event: Names = Field(description="The kind or kinds of event that answer it.")
    where: RuleWhere
    quality: str | None = Field(default=None, description="What an event of its kind must record to count, named in `qualities`.")
    earlier: LengthOrParameter | None = Field(
        default=None,
        description="How long before the start an answer already counts and meets the duty, unless it answered the one before.",
    )
    again: bool = Field(default=False, description="With `earlier`: it counts even where it answered the one before.")
    at_least: int = Field(default=1, ge=1, le=9, description="Which answer meets it: the first, or the second, and so on.")
    if_recorded: bool = Field(default=False, description="Judge only where an answer is recorded: its absence says nothing.")


class Until(_Shape):
    """An event that ends the duty without answering it."""

    event: Names = Field(description="The kind or kinds of event that end the duty.")
    where: RuleWhere
    if_: RuleWhere = Field(alias="if", description="What the event that started the duty must record for this ending to apply.")
    running: Literal["ends", "goes on"] | Parameter = Field(
        default="ends",
        description="With a birthday: whether a clock that is running then `ends`, or `goes on` to its due date. No other starts after it.",
    )


class DateOf(_Shape):
    """A due date written in the event itself, such as the date a court set."""

    attribute: str = Field(description="The attribute of the starting event that holds the due date.")
    otherwise: LengthOrParameter | None = Field(default=None, description="The limit where that date is not recorded.")
    at_most: LengthOrParameter | None = Field(
        default=None, description="The longest the recorded date may be from the start. A longer one cannot be right and is said."
    )
    noon_after: bool = Field(
        default=False,
        description="Allow a full-length order to run to noon on the first later day that is not a Sunday or holiday "
        "(Children Act 1989 section 45(2)).",
    )


class NextOpening(_Shape):
    """Due at a time of day on the next working day."""

    next_working_day_at: str | Parameter = Field(description="The time of day, such as 09:00.")


class Before(_Shape):
    """A deadline counted back from a future event."""

    attribute: str = Field(description="The attribute of the starting event that holds the date of the future event; or expected_birth.")
    by: LengthOrParameter = Field(description="How long before it the duty is due.")
    or_within: LengthOrParameter | None = Field(
        default=None, description="Where that day has gone or comes sooner: this long after the start instead."
    )


class During(_Shape):
    """The duty lives only inside a period, or a part of it counted from its start."""

    period: str = Field(description="A period, or a part of a regime, named in events.yaml.")
    first: LengthOrParameter | None = Field(default=None, description="Only in the first part of the period.")
    after: LengthOrParameter | None = Field(default=None, description="Only once this much of the period has passed.")
    lead: LengthOrParameter | None = Field(
        default=None, description="How long before the change the later part already governs an interval that would straddle it."
    )
    carry_in: bool = Field(
        default=False,
        description="With a part of a regime: a clock that is already running when the part begins goes on under this rule. It counts "
        "from the last event that starts it, and is not due before the day the part began.",
    )


class Extension(_Shape):
    """A recorded extension of the time limit, allowed once and only before the limit passes."""

    event: Names
    attribute: str | None = Field(default=None, description="The attribute that holds the new date.")
    by: LengthOrParameter | None = Field(default=None, description="The most it may add to the due date.")


class Lifted(_Shape):
    """Days for which the limit was lifted: what falls due on one of them has no last day."""

    from_: date = Field(alias="from")
    to: date


class Reason(_Shape):
    """A recorded reason for exceeding the limit. It is shown beside the flag and never changes it."""

    event: Names


class SourceAt(_Shape):
    """Where in an instrument the duty stands."""

    id: str = Field(description="An instrument named in sources.yaml.")
    at: str = Field(description="The section, regulation, paragraph or page.")


class Effective(_Shape):
    """The days on which a duty must start for this edition of the rule to govern it."""

    from_: date = Field(alias="from")
    to: date | None = None


class ExpectedFlag(_Shape):
    """What an example expects of one flag. Parts left out are not compared."""

    status: Literal["met", "late", "early", "overdue", "due_soon", "due", "ended", "cannot_tell"]
    due: Annotated[str | None, BeforeValidator(_iso)] = Field(
        default=None, description="The due date, or the date-time of an hour clock in UK time."
    )
    rule: str | None = Field(default=None, description="The id the flag carries, where a ladder gives each rung its own.")
    trigger: Annotated[str | None, BeforeValidator(_iso)] = Field(default=None, description="When the clock started.")
    answer: Annotated[str | None, BeforeValidator(_iso)] = Field(default=None, description="When it was answered.")
    late_by: str | None = Field(default=None, description="How late, in the rule's own unit.")
    missing: str | None = Field(default=None, description="The attribute that must be said missing, or a word of what must.")


class Example(_Shape):
    """A small case with the flags this rule must give: the rule's proof."""

    name: str
    as_of: Annotated[str, BeforeValidator(_iso)]
    shows: list[
        Literal["boundary", "first_bad_day", "bank_holiday", "overdue", "still_due", "ended", "cannot_tell", "worked_example", "trap"]
    ] = Field(
        default_factory=list,
        description="What the example proves; lint asks for boundary, first_bad_day, bank_holiday, overdue and still_due.",
    )
    child: dict[str, Any] = Field(default_factory=dict)
    covers: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Any] = Field(default_factory=dict, description="Local values for this example only.")
    events: list[dict[str, Any]]
    flags: list[ExpectedFlag] = Field(description="Exactly the flags expected, in order of their start. Empty: no duty.")


Rung = Annotated[LengthOrParameter, Field()]


class TimescaleRule(_Shape):
    """A time limit, a recurring duty, a count or a duration flag."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,59}$", description="Public and never reused; the catalogue's id where it has one.")
    kind: Literal["timescale"]
    title: str = Field(min_length=5, max_length=120, description="What is required, in a short line.")
    service: Service
    source: Annotated[list[SourceAt], BeforeValidator(as_list)] = Field(
        min_length=1, description="The instrument or instruments it rests on."
    )
    authority: Authority = Field(
        description="duty (Act or Regulations), guidance (statutory guidance), practice (other guidance, standards or knowledge), court, "
        "local (a local standard) or kpi (a measure, not a duty)."
    )
    verified: Verified = Field(
        description="Whether the number was seen in the instrument, in a secondary source, is recalled, or is a local value still to "
        "be set."
    )
    effective: Effective
    why: str = Field(min_length=10, description="Why it matters to a child, in a sentence.")
    note: str | None = Field(default=None, description="How the instrument is read here, and its traps.")
    when: When
    expect: Expect | None = Field(default=None, description="Left out: the flag records that the pattern occurred.")
    within: LengthOrParameter | DateOf | NextOpening | list[Rung] | None = Field(
        default=None, description="The time limit; or one a rung, for a ladder."
    )
    every: LengthOrParameter | None = Field(default=None, description="The interval after each answer, for a recurring duty.")
    before: Before | None = None
    not_before: LengthOrParameter | None = Field(default=None, description="The earliest it may be done, counted from the start.")
    during: During | str | None = None
    until: list[Until | str] = Field(default_factory=list, description="What ends the duty; a name stands for a set in events.yaml.")
    count_from: Literal["next_day", "same_day"] = Field(
        default="next_day", description="next_day: the day after the start is day 1. same_day: beginning with the day it starts."
    )
    link: str | None = Field(default=None, description="What start and answer must share, such as referral or s47, when both record which.")
    extension: Extension | None = None
    lifted: list[Lifted] = Field(default_factory=list, description="Days for which the limit was lifted, whenever the duty started.")
    unless: Reason | None = None
    warn: LengthOrParameter | None = Field(
        default=None, description="How long before the due date it becomes due soon (a suggestion of the product, not law)."
    )
    pathway: dict[Literal["overdue", "late"], str] = Field(default_factory=dict)
    alias: list[str] = Field(default_factory=list, description="Other ids by which the same duty is known.")
    stage: Literal["in_force", "prospective"] = Field(
        default="in_force", description="prospective: enacted and not in force; held, never flagged."
    )
    examples: list[Example] = Field(default_factory=list)

    @model_validator(mode="after")
    def _consistent(self) -> TimescaleRule:
        if self.expect is None and (self.within or self.every or self.before or self.not_before):
            raise ValueError("a time limit needs `expect`: the event that answers it")
        if self.expect and not (self.within or self.every or self.before or self.not_before):
            raise ValueError("`expect` needs a time limit: within, every, before or not_before")
        if self.before and (self.within or self.every):
            raise ValueError("give `before`, or `within` and `every`, not both")
        if self.every is None and isinstance(self.within, list):
            raise ValueError("a ladder in `within` needs `every` for the rungs after it")
        return self
