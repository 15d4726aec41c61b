"""The shape of quality.yaml: checks of the data itself, in a small closed set of kinds. What each part means stands here.

The descriptions become `rules/quality.schema.json`, which an editor shows while a check is typed. Nothing here knows about
any particular check.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rrt_engine.rulebook.schema import Length, Names, SourceAt, Verified, Where


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


Link = Annotated[
    str | None,
    Field(
        default=None,
        description="What the events must share to be compared, such as referral or s47. Left out: they are compared for the child. "
        "An event that does not record it is not compared.",
    ),
]


class Select(_Shape):
    """Some kinds of event, with what they must record. An event that does not record it is not looked at."""

    event: Names = Field(description="The kind or kinds of event.")
    where: Where
    apart_from: str | None = Field(
        default=None,
        description="A kind of event: those on the same day from the same record as one of it were made by the reader, and are left out.",
    )


class Span(_Shape):
    """From one event to the next that ends it: an assessment, a plan, a placement."""

    start: Select
    end: Names = Field(description="The kind or kinds of event that end it; each ends the latest start still open.")
    next: list[str] = Field(default_factory=list, description="Kinds of event that end it too where they come on a later day.")
    link: Link


class Order(_Shape):
    """One thing cannot come before another."""

    kind: Literal["order"]
    first: Select = Field(description="What comes first; where there are several, the earliest counts.")
    then: Select = Field(description="What may not be dated before it.")
    link: Link
    same_day: bool = Field(default=True, description="Whether both may be on one day.")


class Without(_Shape):
    """One thing is not recorded without another."""

    kind: Literal["without"]
    event: Select
    needs: Select
    link: Link
    same_day: bool = Field(default=False, description="Whether what it needs must be on the same day.")


class Incompatible(_Shape):
    """Two things are not recorded together."""

    kind: Literal["incompatible"]
    event: Select
    with_: Select = Field(alias="with", description="What may not stand beside it.")
    unless: Select | None = Field(default=None, description="What explains it: nothing is said where this stands there too.")
    link: Link


class Overlap(_Shape):
    """Two spans do not overlap."""

    kind: Literal["overlap"]
    span: Span
    other: Span | None = Field(default=None, description="Another kind of span that it may not overlap; left out: one of its own kind.")
    within: Link
    touching: bool = Field(default=True, description="Whether one may begin on the day another ends.")


class LongerThan(_Shape):
    """A span is not longer than a limit. One that is still open is measured to the as-of date."""

    kind: Literal["longer_than"]
    span: Span
    limit: Length


class TotalOver(_Shape):
    """Spans that begin or end in one collection year (1 April to 31 March) do not add up to more than a limit in it."""

    kind: Literal["total_over"]
    span: Span
    limit: int = Field(description="Days.")


class OpenTooLong(_Shape):
    """A span does not stay open for longer than a limit."""

    kind: Literal["open_too_long"]
    span: Span
    limit: Length


class LeftOpen(_Shape):
    """A span does not stay open once something larger has ended."""

    kind: Literal["left_open"]
    span: Span
    once: Select = Field(description="What should have closed it.")
    link: Link


class After(_Shape):
    """Nothing happens after an ending."""

    kind: Literal["after"]
    event: Select
    ending: Select
    reopened: list[str] = Field(default_factory=list, description="Kinds of event that begin it anew, so that what follows is in order.")
    link: Link


class OutsidePeriod(_Shape):
    """Something happens only inside a span. Only children who have such a span are looked at."""

    kind: Literal["outside_period"]
    event: Select
    span: Span


class OutsideYear(_Shape):
    """A date lies in the collection year (1 April to 31 March). Only where it is known which year that is."""

    kind: Literal["outside_year"]
    event: Select | None = None
    open: Span | None = Field(default=None, description="Spans still open: their start must lie in the year.")
    lead: Length | None = Field(default=None, description="How long before the year it may be.")

    @model_validator(mode="after")
    def _one(self) -> OutsideYear:
        if (self.event is None) == (self.open is None):
            raise ValueError("give `event` or `open`, one of them")
        return self


class Weekend(_Shape):
    """A date is not a Saturday or a Sunday."""

    kind: Literal["weekend"]
    event: Select


class Twice(_Shape):
    """The same kind of event is not recorded more than once for a child on one day."""

    kind: Literal["twice"]
    event: Select


class Age(_Shape):
    """Something happens before an age is reached."""

    kind: Literal["age"]
    event: Select
    under: int = Field(ge=1, le=30, description="The age, in years, that the child must not have reached.")


class BeforeBirth(_Shape):
    """Nothing is recorded more than 40 weeks before the birth, or the expected birth."""

    kind: Literal["before_birth"]


class AfterDeath(_Shape):
    """Nothing that needs a living child is recorded after the death."""

    kind: Literal["after_death"]


class AfterAsOf(_Shape):
    """Nothing that has happened is dated after the as-of date."""

    kind: Literal["after_as_of"]


class NoBirthDate(_Shape):
    """Every child has a date of birth, or an expected one."""

    kind: Literal["no_birth_date"]


class Unrecorded(_Shape):
    """Events record what the rules need of them. Only where the source records it for some of them."""

    kind: Literal["unrecorded"]
    event: Select
    attribute: str


Look = Annotated[
    Order
    | Without
    | Incompatible
    | Overlap
    | LongerThan
    | TotalOver
    | OpenTooLong
    | LeftOpen
    | After
    | OutsidePeriod
    | OutsideYear
    | Weekend
    | Twice
    | Age
    | BeforeBirth
    | AfterDeath
    | AfterAsOf
    | NoBirthDate
    | Unrecorded,
    Field(discriminator="kind"),
]


class Sample(_Shape):
    """A small case that a check is run on."""

    as_of: Annotated[str, BeforeValidator(_iso)]
    year: int | None = Field(default=None, description="The collection year it is returned in, by the March that ends it.")
    child: dict[str, Any] = Field(default_factory=dict)
    events: list[dict[str, Any]]


class BadSample(Sample):
    """A small case in which a check must find something."""

    finds: list[list[int]] = Field(
        min_length=1,
        description="Each finding: the events it is about by their place in the list from 1, the one at fault first; 0 for none.",
    )


class Check(_Shape):
    """One check of the data."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,59}$", description="Public and never reused.")
    number: str | None = Field(
        default=None,
        pattern=r"^[0-9]{3,4}Q?(, [0-9]{3,4}Q?)*$",
        description="The Department for Education's number for it. Left out: ours.",
    )
    title: str = Field(min_length=10, max_length=120, description="What is wrong where it finds something, in a short line.")
    severity: Literal["error", "query"] = Field(
        default="error", description="error: it cannot be right. query: it may be right, and somebody should look."
    )
    expected: str = Field(min_length=10, description="What was expected instead.")
    why: str = Field(min_length=10, description="Why it matters.")
    mend: str = Field(min_length=10, description="What to do about it.")
    source: SourceAt | None = Field(default=None, description="Where it comes from. Left out: our own, from how the record works.")
    verified: Verified = "recalled"
    said_by: list[str] = Field(default_factory=list, description="Codes of readers' messages that say the same; they are not said twice.")
    look: Look = Field(description="What is compared.")
    note: str | None = Field(default=None, description="How it is read here, and where that differs from its source.")
    good: Sample = Field(description="A case in which it finds nothing, as near to the bad one as can be.")
    bad: BadSample


class QualityChecks(_Shape):
    """quality.yaml: every check of the data."""

    checks: list[Check]
