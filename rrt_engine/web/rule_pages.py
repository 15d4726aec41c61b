"""The rule book to read: every rule, threshold rule and fact, what covers which duty, and a search."""

from __future__ import annotations

from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Shown


def rules(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def rule(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def facts(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def fact(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def coverage(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")
