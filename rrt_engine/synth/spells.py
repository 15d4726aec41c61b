"""Spells of being looked after, as the modules about care share them."""

from __future__ import annotations

from dataclasses import dataclass

from rrt_engine.synth.draw import Bools, Ints

COURT, AGREED, ALONE, SHELTERED = range(4)
"""How a child came into care: an interim care order, section 20, alone from abroad, police protection before a court order."""
HOME, GUARDIAN, ADOPTED, LONG = range(4)
"""How a spell will end: back home, with a special guardian, by adoption, or not before the child is grown up."""


@dataclass
class Spells:
    """Spells of being looked after, by spell. `plan` is how it will end; `placed` and `matched` are for adoption (FAR otherwise)."""

    child: Ints
    start: Ints
    route: Ints
    end: Ints
    plan: Ints
    final: Ints
    placed: Ints

    def __len__(self) -> int:
        return len(self.child)

    def take(self, rows: Ints | Bools) -> Spells:
        """Some of them."""
        return Spells(*(getattr(self, name)[rows] for name in ("child", "start", "route", "end", "plan", "final", "placed")))
