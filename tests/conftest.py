"""Settings for every test: generated cases are the same on each run, so that the gate says the same of the same tree.

Set RRT_RANDOM=1 to look for new ones; RRT_EXAMPLES=2000 looks longer in the comparison of engine and oracle. Tests that share
something made at length (a fixture of their module, or the tables below) are run by one worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from rrt_engine.paths import RULES
from rrt_engine.rulebook import load, load_measures, load_thresholds, quality_book

settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("new", deadline=None, print_blob=True)
settings.load_profile("new" if os.environ.get("RRT_RANDOM") else "same")

KEEP_FOR_THEMSELVES = {"test_convert", "test_explain", "test_quality", "test_threshold_properties", "test_threshold_tools", "test_training"}
"""Modules that keep what they make at length in a cache of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
        shares = any(each.scope == "module" for definitions in fixtures for each in definitions)
        if shares or item.path.stem in KEEP_FOR_THEMSELVES:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(autouse=True, scope="session")
def _the_rules_are_read_once() -> Any:
    """Commands that are run within this process share the rules that come with rrt; other rule sets are read as ever."""
    with pytest.MonkeyPatch.context() as patch:
        book = once(load.load)
        patch.setattr(load, "load", book)
        for module, name in ((load_thresholds, "load_thresholds"), (load_measures, "load_measures"), (quality_book, "load_checks")):
            patch.setattr(module, name, once(getattr(module, name), book))
        yield


def once(read: Callable[..., Any], book: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A reader of rules that keeps what it read from the rules of rrt: without a rule book, or beside the one that is kept."""
    kept: list[Any] = []

    def reading(folder: Path, *rest: Any, **more: Any) -> Any:
        if folder != RULES or more or len(rest) != (book is not None) or (book is not None and rest[0] is not book(RULES)):
            return read(folder, *rest, **more)
        if not kept:
            kept.append(read(folder, *rest))
        return kept[0]

    return reading
