"""The SSDA903 looked-after children return as the DfE defines it: its tables, its codes year by year, and its rules.

A collection is named here by the year its 31 March falls in: 2025 is the collection of 1 April 2024 to 31 March 2025.
Codes are those of the DfE guides as the sector's validator holds them (data-to-insight/csc-validator-be-903, MIT).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rrt_engine.calendar import as_date, day_number
from rrt_engine.model import plural


@dataclass(frozen=True)
class Table:
    """One table of the return: the columns that are read from it, and those by which it is known, whatever its file is called."""

    name: str
    fields: tuple[str, ...]
    known_by: frozenset[str]
    kinds: tuple[str, ...] = ()


def _table(name: str, fields: str, known_by: str, *kinds: str) -> Table:
    return Table(name, tuple(fields.split()), frozenset(known_by.split()), kinds)


TABLES: dict[str, Table] = {
    each.name: each
    for each in (
        _table(
            "Episodes",
            "CHILD DECOM RNE LS PLACE PLACE_PROVIDER DEC REC REASON_PLACE_CHANGE",
            "CHILD DECOM RNE LS PLACE DEC REC",
            "looked_after_started",
            "looked_after_already",
            "looked_after_ended",
            "legal_status_changed",
            "placement_started",
            "placement_ended",
            "placed_for_adoption",
            "adoption_placement_ended",
            "adoption_order_made",
            "sgo_made",
            "child_died",
            "case_transferred_out",
            "police_protection_started",
            "police_protection_ended",
        ),
        _table("Header", "CHILD DOB", "CHILD SEX DOB ETHNIC"),
        _table("Reviews", "CHILD DOB REVIEW REVIEW_CODE", "CHILD REVIEW REVIEW_CODE", "lac_review_held"),
        _table("UASC", "CHILD DOB DUC", "CHILD DUC"),
        _table(
            "OC2",
            "CHILD DOB SDQ_SCORE HEALTH_CHECK IMMUNISATIONS TEETH_CHECK HEALTH_ASSESSMENT",
            "CHILD SDQ_SCORE IMMUNISATIONS TEETH_CHECK HEALTH_ASSESSMENT",
            "annual_outcomes_recorded",
        ),
        _table("OC3", "CHILD DOB IN_TOUCH ACTIV ACCOM", "CHILD IN_TOUCH ACTIV ACCOM", "care_leaver_circumstances_recorded"),
        _table("AD1", "CHILD DOB DATE_INT DATE_MATCH", "CHILD DATE_INT DATE_MATCH"),
        _table("PlacedAdoption", "CHILD DOB DATE_PLACED DATE_PLACED_CEASED", "CHILD DATE_PLACED DATE_PLACED_CEASED"),
        _table("PrevPerm", "CHILD DOB DATE_PERM", "CHILD PREV_PERM DATE_PERM"),
        _table(
            "Missing",
            "CHILD DOB MISSING MIS_START MIS_END",
            "CHILD MISSING MIS_START MIS_END",
            "missing_episode_started",
            "missing_episode_ended",
        ),
        _table("SWEpisodes", "CHILD DOB SW_ID SW_DECOM SW_DEC", "CHILD SW_ID SW_DECOM SW_DEC"),
        _table("DoLo", "CHILD DOB DOLO_START DOLO_END", "CHILD DOLO_START DOLO_END", "dolo_made", "dolo_ended"),
    )
}
"""The tables by name. `kinds` are the events a table holds for every child, so that silence about them means something.

Some events are written and not claimed, because the return holds them for some children only: matches and decisions on
adoption (AD1 is about adopted children), care orders and placement orders (their ends are not dated), remands, workers, and
short breaks (whose reviews the return leaves out, so that no review would be found for any of them).
"""

_COLUMNS = frozenset().union(*(each.known_by | set(each.fields) for each in TABLES.values()))


def columns_of(header: Iterable[str]) -> list[str]:
    """The column names of a header as they are compared: without a byte-order mark, quotes, spaces or case."""
    return ["_".join(name.replace("\ufeff", "").strip().strip("\"'").upper().split()) for name in header]


def table_of(columns: Iterable[str]) -> Table | None:
    """Which table a header is, by its columns: extra columns and their order do not matter. None where it is none of them."""
    found = set(columns)
    fits = [each for each in TABLES.values() if each.known_by <= found]
    return max(fits, key=lambda each: len(each.known_by)) if fits else None


def nearly(columns: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    """The table that a header lacks only some columns of, and which; None where it is not like any of them."""
    found = set(columns)
    if "CHILD" not in found:
        return None
    best = max(TABLES.values(), key=lambda each: (len(each.known_by & found) / len(each.known_by), each.name))
    lacking = tuple(sorted(best.known_by - found))
    return (best.name, lacking) if len(lacking) <= len(best.known_by) / 2 and len(found & _COLUMNS) > 2 else None


# ------------------------------------------------------------------------------------------------------------ codes

SHORT_BREAKS = ("V3", "V4")
"""Legal statuses of an agreed series of short breaks: V3 a break at a time, V4 the whole series as one episode."""
ADOPTIVE = ("A3", "A4", "A5", "A6")
TEMPORARY = ("T0", "T1", "T2", "T3", "T4")
"""Stays away from a placement that go on (hospital, holiday, a carer's holiday)."""
LONG_TERM = {"U1": True, "U4": True, "U2": False, "U3": False, "U5": False, "U6": False}
"""Whether a foster placement is a long-term one under regulation 2 of the 2010 regulations, by its code."""
ADOPTED = ("E11", "E12")
SPECIAL_GUARDIANSHIP = ("E43", "E44", "E45", "E46", "E47", "E48")
DIED, TRANSFERRED, CONTINUES = "E2", "E3", "X1"


def _codes(codes: str, first: int = 0, last: int = 9999) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(codes.split(), (first, last))


CODES: dict[str, dict[str, tuple[int, int]]] = {
    "RNE": _codes("S L P T U B"),
    "LS": _codes("C1 C2 D1 E1 V2 V3 V4 J1 J2 J3 L1 L2 L3"),
    "PLACE": _codes("A3 A4 A5 A6 K1 K2 P1 P3 R1 R2 R3 R5 S1 T0 T1 T2 T3 T4 U1 U2 U3 U4 U5 U6")
    | _codes("H5 P2 Z1", last=2025)
    | _codes("K3", first=2025)
    | _codes("Z11 Z12 Z13 Z14", first=2026),
    "REC": _codes("X1 E11 E12 E2 E3 E4A E4B E13 E41 E45 E46 E47 E48 E5 E6 E7 E8 E9 E14 E15 E16 E17") | _codes("E43 E44", last=2018),
}
"""Each column's codes, with the first and the last collection that has them."""


def in_use(column: str, code: str, year: int) -> bool:
    """Whether a code was in use in a collection. A blank is no code and is not asked about.

    >>> in_use("PLACE", "K3", 2024), in_use("PLACE", "K3", 2025), in_use("PLACE", "H5", 2026)
    (False, True, False)
    """
    first, last = CODES[column].get(code, (1, 0))
    return first <= year <= last


# ----------------------------------------------------------------------------------------------------------- years


@functools.cache
def first_day(year: int) -> int:
    """The 1 April on which a collection begins, as a day number."""
    return day_number(date(year - 1, 4, 1))


@functools.cache
def last_day(year: int) -> int:
    """The 31 March on which a collection ends, as a day number."""
    return day_number(date(year, 3, 31))


def collection_of(day: int) -> int:
    """The collection that a day is in."""
    on = as_date(day)
    return on.year + ((on.month, on.day) >= (4, 1))


def named(year: int) -> str:
    """A collection as the field writes it.

    >>> named(2025), named(2000)
    ('2024-25', '1999-00')
    """
    return f"{year - 1}-{year % 100:02d}"


# ----------------------------------------------------------------------------------------------------------- rules

LIMITS: dict[str, tuple[str, int, str]] = {
    "L1": ("361", 3, "police protection"),
    "L2": ("362", 21, "an emergency protection order"),
    "L3": ("363", 7, "a child assessment order"),
    "V3": ("365", 17, "a single short break"),
    "T1": ("375", 42, "a temporary stay in hospital"),
    "T3": ("376", 21, "a temporary stay while the carer is on holiday"),
    "T4": ("379", 7, "a temporary stay of the shortest kind"),
}
"""How long a legal status or a temporary placement may last in the DfE's rules: the rule, the days (the first is day 0), what it is."""
SHORT_BREAK_DAYS = 75


def too_long(code: str) -> str:
    """What a duration rule says, in words.

    >>> too_long("T4")
    'rule 379: a temporary stay of the shortest kind (T4) lasts more than 7 days'
    """
    rule, days, what = LIMITS[code]
    return f"rule {rule}: {what} ({code}) lasts more than {plural(days, 'day')}"
