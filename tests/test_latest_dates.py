"""A source that holds only the latest date of a kind says how things stand on its own day, and nothing of the days before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrt_engine.calendar import parse_moment
from rrt_engine.model import REASONS, STATUSES
from rrt_engine.replay.run import replay
from tests.shipped import BOOK

LOG = """child_id,event,at,ref,child_seen
L1,cp_plan_started,2026-01-05,P1,
L1,cp_visit,2026-04-10,P1,true
L2,cp_plan_started,2026-01-05,P1,
L2,cp_visit,2026-03-25,P1,true
L3,cp_plan_started,2026-01-05,P1,
L3,cp_visit,2026-02-10,P1,true
L4,cp_plan_started,2026-01-05,P1,
"""


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2026-03-31", {"L1": ("cannot_tell", "only_later"), "L2": ("due", ""), "L3": ("overdue", ""), "L4": ("overdue", "")}),
        ("2026-04-09", {"L1": ("cannot_tell", "only_later"), "L3": ("overdue", ""), "L4": ("overdue", "")}),
        ("2026-04-10", {"L1": ("due", ""), "L3": ("overdue", ""), "L4": ("overdue", "")}),
    ],
)
def test_a_latest_date_after_the_day_judged_by_makes_nobody_overdue(
    as_of: str, expected: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    """The visits before the latest are not in such a source, so before that day nobody knows whether they were made."""
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    (tmp_path / "log.csv.covers.yaml").write_text("latest: [cp_visit]\n", encoding="utf-8")
    source = replay([tmp_path / "log.csv"], BOOK, parse_moment(as_of)).sources[0]
    flags, log = source.result.flags, source.log
    found = {
        str(log.children[log.child[flags.trigger[i]]]): (STATUSES[flags.status[i]], REASONS[flags.reason[i]])
        for i in range(len(flags))
        if BOOK.rules[flags.rule[i]].id == "cp_visit"
    }
    assert {child: found[child] for child in expected} == expected
    assert not {status for status, _ in found.values()} & {"met", "late"}, "how things went before is never said"
    index = next((i for i in range(len(flags)) if REASONS[flags.reason[i]] == "only_later"), None)
    if index is not None:
        explained = source.explainer.explain(index)
        assert "only the latest date" in explained.explanation and explained.missing
