"""Check a case that somebody types, pastes or uploads: the answer, and what would move if a fact were otherwise."""

from __future__ import annotations

from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Shown


def check(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def checked(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")
