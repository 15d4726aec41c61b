"""The rules that come with rrt, loaded once for all the tests of a process."""

from __future__ import annotations

from rrt_engine.paths import RULES
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.load_thresholds import load_thresholds

BOOK = load(RULES)
THRESHOLDS = load_thresholds(RULES, BOOK)
