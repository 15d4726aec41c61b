"""What each format can carry at its fullest: the kinds of event, and how much of their history.

What one file carries is in its coverage, worked out as it is read; here is what its format could. It is for the page that
says which rules can be judged from which format, and for choosing what to ask a system for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rrt_engine.rulebook.book import EventKind

ANNEX_A_LATEST = frozenset(
    {
        "cin_visit",
        "cp_visit",
        "dental_check_completed",
        "iro_contact",
        "lac_review_held",
        "lac_visit",
        "legal_status_changed",
        "pa_contact",
        "pathway_plan_reviewed",
        "placement_started",
        "rcpc_held",
        "review_health_assessment_completed",
    }
)
"""The events of which lists 6 to 9 hold the latest date only."""


@dataclass(frozen=True)
class Carried:
    """The kinds of event a format can hold: `history` all of them, `latest` the latest date only."""

    history: frozenset[str]
    latest: frozenset[str] = frozenset()

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind."""
        return self.history | self.latest


def formats(events: Mapping[str, EventKind]) -> dict[str, Carried]:
    """Each format by its name, with what it can carry. `events` is the vocabulary, all of which an event log can hold."""
    from rrt_engine.sources import annex_a_lists, cin_census_schema, csc_api_schema, ssd_tables, ssda903_tables

    census = frozenset((*cin_census_schema.CARRIED, *cin_census_schema.CARRIED_FROM_2026))
    makes = [make for table in ssd_tables.TABLES for make in table.makes if make.carried]
    ssd_latest = frozenset(make.kind for make in makes if make.latest)
    lists = frozenset(kind for each in annex_a_lists.LISTS for column in each.columns for kind in column.kinds)
    api_latest = frozenset(csc_api_schema.LATEST)
    return {
        "Annex A": Carried(lists - ANNEX_A_LATEST, ANNEX_A_LATEST),
        "CIN census": Carried(census - frozenset(cin_census_schema.DATED_BY_THE_DISCUSSION)),
        "SSDA903": Carried(frozenset(kind for table in ssda903_tables.TABLES.values() for kind in table.kinds)),
        "SSD": Carried(frozenset(make.kind for make in makes) - ssd_latest, ssd_latest),
        "DfE API": Carried(frozenset(csc_api_schema.CARRIED) - api_latest, api_latest),
        "event log": Carried(frozenset(events)),
    }
