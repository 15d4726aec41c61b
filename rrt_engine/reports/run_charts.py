"""The pictures of a report, drawn as SVG from Vega-Lite specifications, each with its finding in a sentence.

They show what the tables beside them show and nothing more. Without vl-convert (the extra `report`) there are none, and the page
says so. Nothing is fetched: no data, no fonts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrt_engine.model import plural
from rrt_engine.reports.run_shapes import Summary

RULES_DRAWN = 20
_TEMPLATES = Path(__file__).parent / "templates"
_INK, _LINE = "#0b0c0c", "#505a5f"
_LOOKS = {
    "background": None,
    "font": "Arial",
    "bar": {"color": "#1d70b8"},
    "text": {"color": _INK, "fontSize": 12},
    "axis": {"labelColor": _INK, "titleColor": _INK, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    | {"gridColor": "#b1b4b6", "domainColor": _LINE, "tickColor": _LINE},
    "view": {"stroke": None},
}


@dataclass(frozen=True)
class Chart:
    """One picture: `svg` is empty where it cannot be drawn here. `finding` says in a sentence what it shows."""

    name: str
    finding: str
    caption: str
    svg: str


def can_draw() -> bool:
    """Whether the extra that draws is installed."""
    try:
        import vl_convert  # noqa: F401
    except ImportError:
        return False
    return True


def charts(found: Summary) -> dict[str, Chart]:
    """The charts by name; those with nothing to show are left out."""
    drawn = (_by_rule(found), _by_month(found), _days_late(found))
    return {chart.name: chart for chart in drawn if chart is not None}


def _by_rule(found: Summary) -> Chart | None:
    rows = [row for row in found.of_basis("history") if row.judged and row.share is not None]
    rows = sorted(rows, key=lambda r: (-(r.judged or 0), r.rule))[:RULES_DRAWN]
    if not rows:
        return None
    rows.sort(key=lambda r: (r.share, r.rule))
    low, high = rows[0], rows[-1]
    data = [{"rule": _short(r.title), "share": r.share, "label": f"{r.share:.1%} of {r.judged:,}"} for r in rows]
    which = f"the {len(rows)} rules with the most duties judged" if len(rows) == RULES_DRAWN else plural(len(rows), "rule")
    finding = f"Share on time of {which}: from {low.share:.1%} ({low.title}) to {high.share:.1%} ({high.title})."
    return Chart(
        "on_time_by_rule", finding, f"Share on time of {which}, lowest first.", _drawn("on_time_by_rule", _told_apart(data, "rule"))
    )


def _by_month(found: Summary) -> Chart | None:
    rows = [row for row in found.months if row.month and row.whole]
    known = [row for row in rows if row.share is not None]
    if len(known) < 2:
        return None
    low, high = min(known, key=lambda r: (r.share, r.month)), max(known, key=lambda r: (r.share or 0, r.month))
    data = [{"month": _month(r.label), "share": r.share, "label": "" if r.share is None else f"{r.share:.0%}"} for r in rows]
    finding = (
        f"Share on time by the month in which duties fell due, {rows[0].label} to {rows[-1].label}: "
        f"lowest {low.share:.1%} in {low.label}, highest {high.share:.1%} in {high.label}."
    )
    caption = (
        "Share on time by the month in which the duties fell due, whole months only. A month without a bar has nothing that can be shown."
    )
    return Chart("on_time_by_month", finding, caption, _drawn("on_time_by_month", data))


def _days_late(found: Summary) -> Chart | None:
    kinds = [("Done late", [b.late for b in found.bands]), ("Not done, from the history", [b.overdue for b in found.bands])]
    kinds += [("Not done, latest dates only", [b.overdue_now for b in found.bands])]
    kinds = [(name, numbers) for name, numbers in kinds if any(numbers)]
    if not kinds:
        return None
    data, said = [], []
    for name, numbers in kinds:
        most = max(n or 0 for n in numbers)
        for band, n in zip(found.bands, numbers, strict=True):
            data.append({"kind": name, "band": band.label, "share": (n or 0) / most, "label": "small" if n is None else f"{n:,}"})
        place = max(range(len(numbers)), key=lambda i: numbers[i] or 0)
        said.append(f"{name.lower()}, most often by {found.bands[place].label} ({numbers[place]:,})")
    finding = f"How late: {'; '.join(said)}."
    caption = "How many duties by how many days late. Each panel has its own scale; the numbers stand at the bars."
    return Chart("days_late", finding, caption, _drawn("days_late", data))


def _short(title: str) -> str:
    return title if len(title) <= 64 else f"{title[:63].rstrip()}…"


def _told_apart(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Rows whose names differ, so that no two bars are drawn on one another."""
    seen: dict[str, int] = {}
    for row in rows:
        seen[row[name]] = seen.get(row[name], 0) + 1
        if seen[row[name]] > 1:
            row[name] = f"{row[name]} ({seen[row[name]]})"
    return rows


def _month(label: str) -> str:
    name, _, year = label.partition(" ")
    return f"{name[:3]} {year}"


def _drawn(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A specification with its rows as SVG; empty without the extra."""
    if not can_draw():
        return ""
    import vl_convert

    spec = json.loads((_TEMPLATES / f"{name}.vl.json").read_text(encoding="utf-8"))
    svg = vl_convert.vegalite_to_svg({**spec, "datasets": {"rows": list(rows)}}, config=_LOOKS, allowed_base_urls=[])
    return plain(svg)


def plain(svg: str) -> str:
    """An SVG as a picture only: the figure around it says what it shows, and it scales with the page.

    >>> plain('<svg width="10" class="marks" role="x"><g aria-label="y" role="z"/></svg>')
    '<svg aria-hidden="true" focusable="false" width="10" class="marks"><g/></svg>'
    """
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", svg)
    return svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
