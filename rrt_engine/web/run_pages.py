"""Runs: the report of a replay, its cases by rule, status, team and service, and what moved between two."""

from __future__ import annotations

from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Shown


def runs(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def run(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def report(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")


def compare(desk: Desk, asked: Asked) -> Shown:
    """Not there yet."""
    raise Missing("not there yet")
