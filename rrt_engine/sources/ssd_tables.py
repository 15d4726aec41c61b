"""The tables of the Standard Safeguarding Dataset and the events each row becomes: one mapping for files and databases.

Field names are those of the specification (version 1.4). A field that begins with a dot is worked out from other tables
in `ssd_links`. A row's child is the person it names or, where a build leaves that out, the person of the record it
belongs to. A table that another one leads to stands before it.
"""

from __future__ import annotations

from rrt_engine.sources.ssd_shapes import Table
from rrt_engine.sources.ssd_tables_care import CARE
from rrt_engine.sources.ssd_tables_need import NEED

TABLES = (*NEED, *CARE)

PRECEDENCE = (
    "birth", "contact_received", "contact_outcome_recorded", "early_help_started", "early_help_closed", "referral_received",
    "disabled_child_referred", "cp_transfer_notified", "worker_allocated", "assessment_started", "strategy_discussion_held",
    "s47_started", "s47_outcome_recorded", "icpc_held", "assessment_authorised", "cin_plan_ended", "cin_plan_started",
    "cp_plan_started", "cin_visit", "cp_visit", "rcpc_held", "cp_plan_ended", "short_break_ended", "short_break_started",
    "looked_after_started", "legal_status_changed", "placement_ended", "placement_started",
)  # fmt: skip
"""The order in which events of one day are kept, as work is done; kinds not named come after these, an ending of care last."""

LAST = ("looked_after_ended", "case_closed", "child_died")

_KEY = {"enquiries": "enquiry"}


def table_named(name: str) -> Table | None:
    """The table that a file or a database table is, by its name: any case, with or without `ssd_`, one or many.

    >>> [t.name if t else None for t in map(table_named, ("SSD_Contacts", "cla_placements", "s47_enquiries", "ssd_api_data_staging"))]
    ['contacts', 'cla_placement', 's47_enquiry', None]
    """
    return _BY_KEY.get(_key(name))


def _key(name: str) -> str:
    plain = name.strip().casefold().removeprefix("ssd_")
    for many, one in _KEY.items():
        plain = plain.removesuffix(many) + one if plain.endswith(many) else plain
    return plain.rstrip("s")


_BY_KEY = {_key(table.name): table for table in TABLES}
