"""Record what a person decided beside what is suggested, and read the record."""

from __future__ import annotations

from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Shown


def decide(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def decided(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def decisions(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")
