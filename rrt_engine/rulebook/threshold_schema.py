"""The shape of facts.yaml, pathways.yaml and threshold rules: what may be written, and what each part means.

A fact is an indicator somebody recorded. facts.yaml says what each value of it pulls towards; a threshold rule has one
effect on the suggestion. How effects combine is fixed by the engine (`thresholds.combine`), never by a rule or its order.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rrt_engine.rulebook.schema import Authority, Effective, Length, Names, Parameter, SourceAt, Verified

Effect = Literal["floor", "consider", "raise", "soften", "duty", "gate", "prompt"]
Urgency = Literal["now", "same_day", "one_working_day", "planned"]
Role = Literal["concern", "immediate", "raises", "gate", "context", "protective", "duty", "prompt"]
Word = Literal["immediate", "raises", "gate", "context", "protective", "duty", "prompt"]
Level = Annotated[int, Field(ge=1, le=4)]
Weight = Level | Word
EVIDENCE = ("unknown", "alleged", "reported", "disclosed", "observed", "confirmed", "refuted")
SPECIFICITY = ("vague", "specific")
TIMING = ("current", "past", "unknown")
PATTERN = ("single", "repeated", "unknown")
IMPACT = ("none_seen", "some", "marked", "unknown")


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, list) else [value]


def _value_keys(value: Any) -> Any:
    """Weights by value, with the words YAML reads as something else turned back into text."""
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else value


class Step(_Shape):
    """What a count or a number weighs from a number on: `from` upwards, or `below`."""

    from_: int | Parameter | None = Field(default=None, alias="from", description="This number or more.")
    below: int | Parameter | None = Field(default=None, description="Less than this number.")
    weight: Weight


class Condition(_Shape):
    """What else a record of the fact must say: all the parts given."""

    timing: Literal["current"] | None = None
    pattern: Literal["repeated"] | None = None
    impact: Annotated[list[Literal["some", "marked"]], BeforeValidator(_as_list)] | None = None
    value: Annotated[list[str], BeforeValidator(_as_list)] | None = Field(
        default=None, description="Only at these values of a level or enum."
    )


class Stronger(_Shape):
    """A heavier weight where the record says more."""

    if_: Condition = Field(alias="if")
    weight: Weight


class Derive(_Shape):
    """How a fact is worked out from the timeline, so that nobody is asked for it. One form."""

    count: Names | None = Field(default=None, description="How many of these events within the window.")
    where: dict[str, str | bool | int] = Field(default_factory=dict, description="What the counted events must record.")
    within: Length | Parameter | None = Field(default=None, description="The window that ends on the day of the check.")
    again: str | None = Field(default=None, description="True where the latest of these events came within the window of the one before.")
    during: dict[str, str] | None = Field(default=None, description="Value to the period that is open; the first open one counts.")
    ended: str | None = Field(default=None, description="True where a period of this kind was open within the window and is not now.")
    age: Literal["months", "unborn"] | None = Field(default=None, description="The child's age in whole months, or whether unborn.")
    sources: bool = Field(default=False, description="How many different agencies recorded concerns within the window.")


class Ages(_Shape):
    """A span of ages in months."""

    from_: int | None = Field(default=None, alias="from")
    below: int | None = None

    def hold(self, months: int) -> bool:
        """Whether an age is within them."""
        return (self.from_ is None or months >= self.from_) and (self.below is None or months < self.below)


class FactKind(_Shape):
    """One fact that may be recorded: its values and what each pulls towards."""

    label: str
    type: Literal["boolean", "level", "enum", "count", "number"]
    weight: Annotated[Weight | dict[str, Weight], BeforeValidator(_value_keys)] | None = Field(
        default=None, description="What it weighs when true; or by value, in order, for a level or enum."
    )
    steps: list[Step] = Field(default_factory=list, description="What a count or number weighs, lightest first.")
    stronger: list[Stronger] = Field(default_factory=list)
    past: Weight | None = Field(
        default=None, description="The most it weighs where it is past: so recorded, or dated longer ago than a window."
    )
    poverty: bool | Literal["may_be", "says_so"] = Field(
        default=False,
        description="true: hardship, which pulls as written and never adds up to neglect or to level 4. may_be: hardship where a fact that "
        "`says_so` is recorded on sufficient evidence.",
    )
    least: int | None = Field(default=None, description="The smallest number it can be.")
    most: int | None = Field(default=None, description="The largest number it can be.")
    also: list[str] = Field(default_factory=list, description="Other words by which people look for it.")
    ages: Ages | None = Field(default=None, description="The ages, in months, at which it can be so; it is not asked for at others.")
    judge: str | None = Field(default=None, description="How to judge the evidence for it, in a sentence.")
    ask: str | None = Field(default=None, description="How to ask for it where it is missing.")
    note: str | None = None
    derive: Derive | None = None
    source: Annotated[list[str], BeforeValidator(_as_list)] = Field(min_length=1, description="Codes in `sources`.")
    cin_factor: Annotated[list[str], BeforeValidator(_as_list)] = Field(default_factory=list)

    @property
    def values(self) -> tuple[str, ...]:
        """The values a level or enum may take, lightest first."""
        return tuple(self.weight) if isinstance(self.weight, dict) else ()

    def may_weigh(self) -> set[object]:
        """Everything it may weigh."""
        weights: list[object] = [*self.weight.values()] if isinstance(self.weight, dict) else [self.weight]
        return {w for w in [*weights, *(s.weight for s in self.steps), *(s.weight for s in self.stronger)] if w is not None}

    @model_validator(mode="after")
    def _consistent(self) -> FactKind:
        if self.type in ("level", "enum") and not isinstance(self.weight, dict):
            raise ValueError("a level or enum needs a weight for each value, such as `{some: 2, marked: 3}`")
        if self.type == "boolean" and (self.weight is None or isinstance(self.weight, dict)):
            raise ValueError("a boolean needs one weight")
        return self


class FactSource(_Shape):
    """Where weights were drawn from, and whether it was read."""

    title: str
    url: str | None = None
    verified: Verified


class FactVocabulary(_Shape):
    """facts.yaml: every fact by its domain, the domains, and the sources the weights were drawn from."""

    notice: str
    not_agencies: list[str] = Field(default_factory=list, description="Sources that are not agencies, as `source_agency` names them.")
    same_agency: dict[str, list[str]] = Field(default_factory=dict, description="An agency, and other names for people who work in it.")
    past_after: Length | Parameter = Field(description="How long ago a dated fact is past, where its timing is not recorded.")
    sources: dict[str, FactSource]
    domains: dict[str, str]
    facts: dict[str, dict[str, FactKind]]


class Pathway(_Shape):
    """Where a suggestion can point."""

    label: str
    route: Literal["emergency", "level", "duty", "adjunct"]
    level: Level | None = None
    urgency: Urgency | None = Field(default=None, description="How soon it is at the latest, wherever it is suggested.")
    waits: bool = Field(default=False, description="A conversation before deciding: never in place of the assessment of level 4.")
    significant: bool = Field(default=False, description="Whether it is the route for reasonable cause to suspect significant harm.")


class LevelName(_Shape):
    """A level of need, its name, and the route where no rule names another."""

    name: str
    means: str
    pathway: str
    urgency: Urgency


class Pathways(_Shape):
    """pathways.yaml: the four levels, and every pathway in the order of precedence."""

    levels: dict[str, LevelName]
    pathways: dict[str, Pathway]


class Pattern(_Shape):
    """One thing that must hold. About facts (fact, role, domain, pull and what narrows them), or one of the other forms."""

    fact: Names | None = Field(default=None, description="Any of these facts, present (or with the values given).")
    role: Literal["concern", "immediate", "raises", "protective"] | None = None
    domain: Names | None = Field(default=None, description="Any fact of these domains.")
    pull: Level | None = Field(default=None, description="Pulls to this level or higher on the evidence recorded.")
    written: Level | None = Field(default=None, description="Would pull to this level or higher if the evidence were sufficient.")
    value: Annotated[list[bool | str], BeforeValidator(_as_list)] | None = None
    at_least: int | Parameter | None = Field(default=None, description="The number recorded, or the count, is this or more.")
    below: int | Parameter | None = None
    evidence: Literal["sufficient", "first_hand", "verified", "thin"] | None = Field(
        default=None,
        description="sufficient: disclosed, observed, confirmed or specifically reported; first_hand: disclosed, observed or confirmed; "
        "verified: observed or confirmed; thin: not sufficient.",
    )
    timing: Literal["current"] | None = None
    unsettled: Literal[True] | None = Field(
        default=None, description="Would be immediate if it were current, and the timing is not recorded."
    )
    impact: Literal["some", "marked"] | None = Field(default=None, description="This impact on the child or more.")
    count: Literal["domains_at_2", "domains_at_3", "verified_protective"] | None = Field(
        default=None, description="How many domains hold a concern of that level, or how many protective facts are verified."
    )
    unrecorded: str | None = Field(default=None, description="A fact that is not recorded, or recorded as unknown.")
    flag: Names | None = Field(default=None, description="Timescale rules that flag this case.")
    status: Annotated[list[str], BeforeValidator(_as_list)] | None = None
    sibling: Level | None = Field(default=None, description="Something of this weight or more is recorded about another child.")
    level: Annotated[list[Level], BeforeValidator(_as_list)] | None = Field(default=None, description="The level suggested.")
    significant: bool | None = Field(default=None, description="Whether the route is that of significant harm; with `level`.")

    @property
    def form(self) -> Literal["fact", "count", "unrecorded", "flag", "sibling", "level"]:
        """What the pattern is about."""
        for name in ("count", "unrecorded", "flag", "sibling", "level"):
            if getattr(self, name) is not None:
                return name
        return "fact"

    @model_validator(mode="after")
    def _one_form(self) -> Pattern:
        forms = [n for n in ("count", "unrecorded", "flag", "sibling", "level") if getattr(self, n) is not None]
        about_facts = [
            n
            for n in ("fact", "role", "domain", "pull", "written", "value", "below", "evidence", "timing", "unsettled", "impact")
            if getattr(self, n) is not None
        ]
        if len(forms) + bool(about_facts) != 1:
            raise ValueError("a pattern is about facts, a count, something unrecorded, a flag or the level: exactly one of them")
        if forms == ["count"] and self.at_least is None:
            raise ValueError("a count needs `at_least`")
        return self


class ThresholdExample(_Shape):
    """A small case that shows a rule firing or not."""

    name: str
    as_of: str = "2026-04-15"
    child: dict[str, Any] = Field(default_factory=dict)
    events: list[dict[str, Any]] = Field(default_factory=list)
    facts: list[dict[str, Any]] = Field(description="Facts as in a case file, with `fact` and `value`.")
    flags: list[dict[str, str]] = Field(default_factory=list, description="Flags of the case, with `rule` and `status`.")
    fires: bool = Field(description="Whether this rule fires.")
    level: Level | None = Field(default=None, description="The level suggested by the whole rule set.")
    pathways: list[str] | None = Field(default=None, description="The pathways suggested by the whole rule set, in order.")


class ThresholdRule(_Shape):
    """One effect on the suggestion, and when."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,59}$", description="Public and never reused; begins with `rt_`.")
    kind: Literal["threshold"]
    title: str = Field(min_length=5, max_length=120, description="What it looks for, in words that can stand as a reason.")
    effect: Effect
    level: Level | None = Field(default=None, description="For `floor` (at least this level) and `consider` (adds up to this level).")
    pathways: list[str] = Field(default_factory=list, description="Where it points, for `floor`, `duty` and `gate`.")
    unless: list[str] = Field(default_factory=list, description="For a gate or prompt: rules beside which it says nothing.")
    instead: bool = Field(default=False, description="For a gate: these pathways stand in place of the route of the level.")
    urgency: Urgency | None = None
    ask: str | None = Field(default=None, description="For a prompt: what to ask or do, in a sentence.")
    record: str | None = Field(default=None, description="For a gate on consent: the sentence to record.")
    when: Annotated[list[Pattern], BeforeValidator(_as_list)] = Field(
        min_length=1, max_length=2, description="One pattern, or two that must both hold."
    )
    source: Annotated[list[SourceAt], BeforeValidator(_as_list)] = Field(min_length=1)
    authority: Authority
    verified: Verified
    effective: Effective
    why: str = Field(min_length=10, description="Why it matters to a child, in a sentence.")
    note: str | None = None
    examples: list[ThresholdExample] = Field(default_factory=list)

    @property
    def stage(self) -> str:
        """Threshold rules are never held for later: an edition starts on its day."""
        return "in_force"

    @model_validator(mode="after")
    def _one_effect(self) -> ThresholdRule:
        if (self.level is not None) != (self.effect in ("floor", "consider")):
            raise ValueError("`level` belongs to `floor` and `consider`, and they need it")
        if self.pathways and self.effect not in ("floor", "duty", "gate"):
            raise ValueError("`pathways` belong to `floor`, `duty` and `gate`")
        if self.effect == "duty" and not self.pathways:
            raise ValueError("a duty needs the pathway it requires")
        if (self.ask is not None) != (self.effect == "prompt"):
            raise ValueError("`ask` belongs to a prompt, and a prompt needs it")
        if self.unless and self.effect not in ("gate", "prompt"):
            raise ValueError("`unless` belongs to a gate or a prompt: what moves the level always counts")
        if (self.instead or self.record) and self.effect != "gate":
            raise ValueError("`instead` and `record` belong to a gate")
        return self
