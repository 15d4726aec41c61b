"""The figures a synthetic authority is made from: what was published, and what was chosen so that a replay gives it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rrt_engine.rulebook.strict_yaml import single
from rrt_engine.synth.draw import Band

Authority = Literal["england", "birmingham"]
AUTHORITIES: tuple[Authority, ...] = ("england", "birmingham")
Settings = Mapping[str, float]
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """One published figure: what it measures, in which unit, and where it was published. Where it is None, it was not."""

    measure: str
    title: str
    value: float
    within: float
    source: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Everything about one authority: bands to draw from, settings, and the published figures to compare with."""

    authority: Authority
    bands: Mapping[str, tuple[Band, ...]]
    settings: Settings
    published: tuple[Published, ...]
    chains: Mapping[str, Any]
    sources: Mapping[str, str]
    journeys: frozenset[str]

    def carried(self, events: Iterable[str]) -> list[str]:
        """Every kind of event that a synthetic authority can hold, whether or not a small file happens to have it."""
        held = self.journeys | {step["event"] for chain in self.chains.values() for step in chain["steps"]}
        return [kind for kind in events if kind in held]


def load_figures(authority: Authority) -> Figures:
    """Read calibration.yaml and chains.yaml, which come with the package."""
    data = _read("calibration.yaml")
    bands = {
        name: tuple(Band(int(b["from"]), int(b["to"]), float(_of(b, authority)), float(_lean(b, authority))) for b in each["bands"])
        for name, each in data["bands"].items()
    }
    settings = {name: float(_of(value, authority)) for name, value in data["settings"].items()}
    published = tuple(
        Published(name, each["title"], float(each[authority]), float(each["within"]), each["source"], each.get("note", ""))
        for name, each in data["published"].items()
        if each.get(authority) is not None
    )
    return Figures(authority, bands, settings, published, _read("chains.yaml"), data["sources"], frozenset(data["events"]))


def _read(name: str) -> Any:
    path = _FOLDER / name
    return single(str(path), path.read_text(encoding="utf-8")).data


def _of(value: Any, authority: Authority) -> Any:
    """A figure of one authority: its own where there are two."""
    return value[authority] if isinstance(value, Mapping) else value


def _lean(band: Mapping[str, Any], authority: Authority) -> Any:
    return _of(band.get("lean", 1), authority)
