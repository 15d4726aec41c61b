"""A case: what needs attention first, then the suggestion, the timeline as a picture and a table, and every flag with its working."""

from __future__ import annotations

from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Shown


def case(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")
