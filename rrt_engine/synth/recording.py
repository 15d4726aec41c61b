"""How journeys were written down: when each event was recorded, by which team and worker, and which references were left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.synth.draw import Draw, Ints
from rrt_engine.synth.families import Families
from rrt_engine.synth.figures import Settings
from rrt_engine.synth.record import Block, Int32s

SERVICES = ("FD", "FH", "SG", "CC", "LC", "YS")
"""Front door, family help, safeguarding, children in care, leaving care, youth and education: how team codes begin."""
WORKERS = 9
"""Workers in a team."""
FRONT = (
    "contact_", "referral_", "mash_", "referrer_", "edt_", "disabled_", "unborn_ref", "early_help", "consent_",
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A block as it was recorded. `team` and `worker` are codes into TEAM names and numbers; `recorded` is NO_DAY where unsaid."""

    recorded: Int32s
    ref: Int32s
    team: Int32s
    worker: Int32s


def service_of(kind: str, section: str) -> int:
    """Which service records an event, by its section of the vocabulary."""
    if kind.startswith(FRONT):
        return 0
    return {
        "child_protection": 2,
        "pre_proceedings_and_court": 2,
        "in_care": 3,
        "adoption": 3,
        "fostering_and_sgo": 3,
        "leaving_care": 4,
        "education_and_youth_justice": 5,
    }.get(section, 1)


def write_down(draw: Draw, s: Settings, block: Block, people: Families, sections: Mapping[str, str], last: int) -> Written:
    """When each event was recorded and by whom. Most are recorded the same day or soon, and some weeks later."""
    n = len(block)
    day = block.day.astype(np.int64)
    kind = draw.pick([s["recorded_same_day"], s["recorded_soon"], 1 - s["recorded_same_day"] - s["recorded_soon"]], n)
    wait = np.where(
        kind == 0, 0, np.where(kind == 1, 1 + draw.spread(s["recorded_soon_days"], n), 5 + draw.spread(s["recorded_late_days"], n))
    )
    recorded = np.minimum(np.where(wait > 0, draw.working(day + wait), day), np.maximum(last, day))
    recorded = np.where(draw.rng.random(n) < 0.01, NO_DAY, recorded)
    ref = np.where(draw.rng.random(n) < s["missing_refs"], -1, block.ref)
    service = np.array([service_of(k, sections[k]) for k in block.kinds], np.int64)[block.kind]
    district = people.district[people.family[block.child]]
    team = np.where(service == 0, district % 3, service * 100 + district)
    # A worker stays with a child for some months to a few years, and then another of the team takes over.
    stint = (day + block.child * 37) // 420
    mixed: Ints = (block.child.astype(np.int64) * 2_654_435_761 + stint * 40_503 + service * 97) % 1_000_003
    return Written(recorded.astype(np.int32), ref.astype(np.int32), team.astype(np.int32), (team * 100 + mixed % WORKERS).astype(np.int32))


def team_name(code: int) -> str:
    """A team's code as it is written.

    >>> team_name(203)
    'SG04'
    """
    return f"{SERVICES[code // 100]}{code % 100 + 1:02d}"


def worker_name(code: int) -> str:
    """A worker's code as it is written.

    >>> worker_name(20305)
    'SG04-6'
    """
    return f"{team_name(code // 100)}-{code % 100 + 1}"
