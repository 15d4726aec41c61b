"""docs/formats.md: written from the readers and the rules, and set beside a table made by hand from the formats themselves."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rrt_engine.explain.formats import BECAUSE, FAMILIES, matrix, of_family
from rrt_engine.paths import CASES
from rrt_engine.sources.annex_a_lists import LISTS
from rrt_engine.sources.carries import ANNEX_A_LATEST, formats
from rrt_engine.sources.detect import read_source
from tests.shipped import BOOK
from tools.formats_matrix import PAGE, page

DATA = Path(__file__).parent / "data"
FORMATS = ("Annex A", "CIN census", "SSDA903", "SSD", "DfE API", "event log")
# By hand from the formats' own guides: H history, C currency only, P proxy, flag or part of it, - nothing.
BY_HAND = {
    "contact and referral decisions": "P - - P - H",
    "assessment in 45 working days": "H H - H H H",
    "strategy discussion and section 47 enquiry": "- - - P P H",
    "initial conference in 15 working days": "H H - H H H",
    "core groups": "- - - - - H",
    "review conferences": "C H - H - H",
    "child protection and child in need visits": "C - - H - H",
    "reviews of children in care": "C - H H - H",
    "visits to children in care": "C - - H - H",
    "health assessments and dental checks": "C - P H - H",
    "return home interviews": "- - P P - H",
    "limits on placements": "P - H H P H",
    "pathway plans and keeping in touch": "C - P C C H",
    "pre-proceedings": "- H - H - H",
    "private fostering": "- P - P P H",
    "adoption milestones": "H - H H P H",
}


def test_the_page_is_as_the_tool_writes_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(BOOK), "run python -m tools.formats_matrix"


def test_each_cell_is_as_by_hand_or_the_page_says_why_not() -> None:
    found = matrix(BOOK)
    assert list(found) == list(BY_HAND) == list(FAMILIES) and tuple(formats(BOOK.events)) == FORMATS
    differ = {
        (family, name)
        for family, letters in BY_HAND.items()
        for name, hand in zip(FORMATS, letters.replace("-", "–").split(), strict=True)
        if found[family][name] != hand
    }
    # The part of a decision that the DfE interface has is said too, though there both tables agree.
    assert differ | {("adoption milestones", "DfE API")} == set(BECAUSE)
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"- **{family}, {name}**: {says}" in text for (family, name), says in BECAUSE.items())


def test_letters_of_rules_together() -> None:
    assert [of_family(list(x)) for x in ("HH", "CC", "––", "C–", "H–", "HC", "HC–")] == ["H", "C", "–", "C", "P", "P", "P"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_is_in_the_vocabulary(name: str) -> None:
    carried = formats(BOOK.events)[name]
    assert carried.kinds and carried.kinds <= set(BOOK.events) and not carried.history & carried.latest


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (DATA / "annex_a" / "child_event_journeys_annexa_example.xlsx", "Annex A"),
        (DATA / "cin_census" / "generated_seed1001_conforming.xml", "CIN census"),
        (CASES / "sample" / "events.csv", "event log"),
        *((DATA / folder, name) for folder, name in (("ssd/authority", "SSD"), ("ssda903", "SSDA903"), ("csc_api/daily", "DfE API"))),
    ],
)
def test_no_file_carries_more_than_its_format(path: Path, name: str) -> None:
    log, carried = read_source(path, BOOK).log, formats(BOOK.events)[name]
    kinds = set(log.kinds) if log.coverage.kinds is None else log.coverage.kinds
    assert kinds and kinds <= carried.kinds and log.coverage.latest <= carried.latest


def test_the_latest_dates_of_annex_a_are_those_its_reader_marks(tmp_path: Path) -> None:
    for each in LISTS[5:9]:
        columns = {c.name: "05/01/2026" if c.field == "started" else "09/02/2026" if c.kinds else "" for c in each.columns}
        rows = [["Child Unique ID", *columns], ["A1", *columns.values()]]
        with (tmp_path / f"List {each.number}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    log = read_source(tmp_path, BOOK).log
    assert log.coverage.latest == ANNEX_A_LATEST
    assert log.latest_only is not None and {log.kinds[k] for k in log.kind[log.latest_only]} == ANNEX_A_LATEST
