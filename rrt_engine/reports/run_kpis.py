"""The measures of a run: worked out over its own events where they are few enough, or else how to get them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rrt_engine.calendar import as_date

if TYPE_CHECKING:
    from rrt_engine.measures.run import Measured

MOST_CHILDREN = 200_000


@dataclass(frozen=True)
class Kpis:
    """The measures of a run, with small numbers left out; or `why` there are none."""

    found: Measured | None
    why: str = ""


def command_words(kpis: Kpis) -> str:
    """The command that gives the measures again."""
    if kpis.found is None:
        return "rrt measures SOURCE... --from DATE --to DATE"
    window = kpis.found.asked.window
    known = " --as-known" if kpis.found.asked.as_known else ""
    return f"rrt measures SOURCE... --from {as_date(window.first)} --to {as_date(window.last)}{known}"
