"""base_rates.yaml: published figures of the authority that an audit is set beside. Reference figures, never targets."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.rulebook.load import read_shape
from rrt_engine.rulebook.schema import SourceAt, Verified


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class BaseRate(_Shape):
    """One published share: what it is a share of, where it was published, and what it may be compared with."""

    title: str
    percent: float = Field(ge=0, le=100)
    to: float | None = Field(default=None, le=100, description="The upper end, where a range was published.")
    figures: str | None = None
    compares: Literal["suggested_level_4", "s47_to_conference"]
    source: SourceAt
    verified: Verified
    note: str | None = None

    @property
    def words(self) -> str:
        """The share as published: `28%`, or `22% to 24%`."""
        return f"{self.percent:g}%" if self.to is None else f"{self.percent:g}% to {self.to:g}%"


class BaseRates(_Shape):
    """Every published share, and how many points away counts as far."""

    far_points: float
    rates: dict[str, BaseRate]


def load_base_rates(folder: Path) -> BaseRates | None:
    """The published shares beside a rule set; None where it has none. Raises InputError with every mistake."""
    path = folder / "base_rates.yaml"
    if not path.is_file():
        return None
    problems: list[Diagnostic] = []
    found, _ = read_shape(path, BaseRates, problems)
    if problems:
        raise InputError(problems)
    return found
