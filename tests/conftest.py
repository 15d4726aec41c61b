"""Settings for every test: generated cases are the same on each run, so that the gate says the same of the same tree.

Set RRT_RANDOM=1 to look for new ones; RRT_EXAMPLES=2000 looks longer in the comparison of engine and oracle. Where several
processes run the tests, `--dist worksteal` mostly leaves what a module makes at length to one of them.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import typer.testing
from hypothesis import settings

from rrt_engine.paths import RULES
from rrt_engine.rulebook import load, load_measures, load_thresholds, quality_book

settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("new", deadline=None, print_blob=True)
settings.load_profile("new" if os.environ.get("RRT_RANDOM") else "same")

# Tests make much that is gone as soon as nobody names it: looking through all of it for the rest takes a tenth of the time.
gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True, scope="session")
def _the_rules_are_read_once() -> Any:
    """Commands that are run within this process share the rules that come with rrt; other rule sets are read as ever."""
    with pytest.MonkeyPatch.context() as patch:
        book = once(load.load)
        patch.setattr(load, "load", book)
        for module, name in ((load_thresholds, "load_thresholds"), (load_measures, "load_measures"), (quality_book, "load_checks")):
            patch.setattr(module, name, once(getattr(module, name), book))
        yield


@pytest.fixture(autouse=True, scope="session")
def _the_commands_are_made_once() -> Any:
    """A runner of commands within this process makes the tree of all commands anew each time; here each application has one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.testing, "_get_command", cache(typer.main.get_command))
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
