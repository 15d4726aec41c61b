"""Today: what is overdue, due today and due next across a caseload, by team and worker."""

from __future__ import annotations

from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Page, Redirect, Shown


def today(desk: Desk, asked: Asked) -> Shown:
    """What needs doing."""
    return Page("today.html.j2", "Today", {"found": desk.worklist()})


def find(desk: Desk, asked: Asked) -> Shown:
    """Go to the child with an id."""
    found = desk.find(asked.one("case"))
    if not found:
        raise Missing("no child in the data has that id")
    return Redirect(f"/case/{found[0]}")
