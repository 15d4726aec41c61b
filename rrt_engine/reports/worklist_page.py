"""The worklist as one page to print and hand over: self-contained, without a script, readable by a screen reader."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rrt_engine.model import plural
from rrt_engine.replay.worklist import Lines, Worklist
from rrt_engine.reports.source_words import reach_words
from rrt_engine.reports.worklist_words import about, asked_words, headings, row_words, totals, unclear_words, until_words
from rrt_engine.words import as_of_words, day_words

_TEMPLATES = Path(__file__).parent / "templates"


def page(found: Worklist) -> str:
    """The whole page as text. The same list gives the same page."""
    import jinja2

    loader = jinja2.FileSystemLoader(_TEMPLATES)
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style = (_TEMPLATES / "print.css").read_text(encoding="utf-8")
    teams, days = found.calendar()
    return made.get_template("worklist.html.j2").render(
        found=found,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        when=as_of_words(found.as_of),
        asked="" if found.choice.everything else asked_words(found).strip("()"),
        totals=totals(found),
        reach=reach_words(found.replay),
        until=until_words(found),
        teams=teams,
        days=[(day_words(d.day), d.closed, sum(d.counts), d.counts) for d in days],
        day_total=sum(sum(d.counts) for d in days),
        team_totals=[sum(d.counts[i] for d in days) for i in range(len(teams))],
        parts=[
            ("overdue", headings(found)["overdue"], "Nothing is overdue.", _tables(found, found.overdue)),
            ("due", f"Due {until_words(found)}, and due soon", "Nothing is due.", _tables(found, found.due)),
        ],
        unclear=_unclear(found),
        unclear_heading=headings(found)["cannot_tell"],
        about=about(found),
    )


def _tables(found: Worklist, lines: Lines) -> list[dict[str, Any]]:
    """One table a team: its caption and its lines."""
    return [
        {
            "team": team,
            "count": f"{plural(len(mine), 'line')} about {plural(mine.children(), 'child', 'children')}",
            "rows": [row_words(item) for item in found.items(mine)],
        }
        for team, mine in found.by_team(lines)
    ]


def _unclear(found: Worklist) -> Sequence[dict[str, Any]]:
    """What cannot be told, rule by rule, with what is missing for each child."""
    return [
        {"what": of_rule[0].what, "rule": rule, "rows": [(item.case, item.team, unclear_words(item)) for item in of_rule]}
        for rule, of_rule in ((rule, list(items)) for rule, items in groupby(found.items(found.unclear), key=lambda i: i.rule))
    ]
