"""The shape of what counts as an answer, and of periods of which exactly one is in force on each day.

Both stand in events.yaml, because many rules share them. Nothing here knows about any particular regime.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rrt_engine.rulebook.schema import LengthOrParameter, Names, Scalar, Where, as_list

SomeNames = Annotated[list[str], BeforeValidator(as_list), Field(default_factory=list)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Window(_Shape):
    """Days on which something else counted: what an event of those days must record instead."""

    from_: date = Field(alias="from")
    to: date
    where: Where


class Quality(_Shape):
    """What an event must record to count: said once, for every rule that names it."""

    title: str = Field(description="What counts, in words that follow `only`.")
    event: str = Field(description="The kind of event.")
    where: Where
    also: list[Window] = Field(default_factory=list, description="Days on which less was asked.")


class SetTo(_Shape):
    """Events that settle a state by happening."""

    event: Names
    to: Scalar


class State(_Shape):
    """Something that was last recorded, such as the legal status, as long as a period lasts."""

    title: str = Field(description="What it is, in words.")
    during: str = Field(description="The period it belongs to. What was recorded before that period began says nothing of it.")
    from_: SomeNames = Field(alias="from", description="The kinds of event that may record it.")
    attribute: str | None = Field(default=None, description="The attribute that holds it, where its name is another.")
    set_: list[SetTo] = Field(alias="set", default_factory=list, description="Events that settle it by happening.")
    forget: SomeNames = Field(description="Events after which it is not known; on one day they come before the others.")


class Happened(_Shape):
    """An event that must have happened."""

    event: Names
    quality: str | None = Field(default=None, description="What it must record to count, named in `qualities`.")
    setting: dict[str, str | int] = Field(default_factory=dict, description="Local values, and what they must be for this to be asked.")


class Condition(_Shape):
    """What must hold on a day. Every part of it that is given must."""

    open: SomeNames = Field(description="Periods that must be open.")
    not_open: SomeNames = Field(description="Periods that must not be.")
    where: Where = Field(description="What the states must be. A state that is not recorded is not so; and it is `{not: value}`.")
    longer_than: dict[str, LengthOrParameter] = Field(
        default_factory=dict, max_length=1, description="A period, and how long it must have been open: from the day after that length."
    )
    then: Happened | None = Field(
        default=None, description="With `longer_than`: an event that must have happened since that length passed."
    )
    setting: dict[str, str | int] = Field(default_factory=dict, description="Local values, and what they must be for this to apply.")
    from_: date | None = Field(alias="from", default=None, description="The first day it applies.")
    to: date | None = Field(default=None, description="The last day it applies.")


class Part(_Shape):
    """One part of a regime; its id is a period that rules may name in `during`."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,59}$")
    title: str
    any: list[Condition] = Field(
        default_factory=list, description="It fits where one of these holds. Left out: wherever no earlier part fits."
    )


class Regime(_Shape):
    """Periods of which exactly one is in force on each day: the first part that fits.

    What is recorded on a day counts before the part of that day is chosen. A part begins anew with each period in `anew`.
    """

    title: str
    during: Names = Field(description="The periods in any of which one part is in force.")
    anew: SomeNames = Field(description="Periods with each of which a part begins anew, such as a placement.")
    carry: SomeNames = Field(
        description="Where a clock that is already running when a part begins may have started: since the first of these periods "
        "that is open began."
    )
    states: dict[str, State] = Field(default_factory=dict)
    parts: list[Part] = Field(min_length=1)


def settings_of(regime: Regime) -> list[str]:
    """The local values that choose between the readings of a regime."""
    conditions = [c for part in regime.parts for c in part.any]
    named = [name for c in conditions for name in (*c.setting, *(c.then.setting if c.then else ()))]
    return list(dict.fromkeys(named))
