"""docs/coverage.md: every duty of the two catalogues of time limits is held by a rule, or a line says why none holds it."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pytest

from rrt_engine.diagnostics import InputError
from rrt_engine.explain.coverage import covered, duties, holders, reasons
from rrt_engine.paths import RULES
from tests.shipped import BOOK
from tools.coverage import PAGE, written

IDS = {rule.id for rule in BOOK.rules}
WRITTEN = re.compile(r"^id: (\w+)$", re.MULTILINE)
CELLS = re.compile(r"^\| (?:`(\w+)` \| )?(?:`(\w+)`|(none)) \| (.+?) \|", re.MULTILINE)


def rows() -> list[tuple[str, str, str]]:
    """The rows of the page as it stands: the duty (empty among the further rules), the rule (empty where none) and what is said."""
    return [(duty, rule, said) for duty, rule, _, said in CELLS.findall(PAGE.read_text(encoding="utf-8"))]


def catalogued() -> list[str]:
    with (RULES / "duties.csv").open(encoding="utf-8", newline="") as file:
        return [row["id"] for row in csv.DictReader(file)]


def test_the_page_is_what_the_rules_say() -> None:
    found = covered(BOOK, RULES)
    assert found and PAGE.read_text(encoding="utf-8") == written(found), "run `python tools/coverage.py`"


def test_each_duty_stands_once_in_the_catalogue_and_is_on_the_page() -> None:
    duties = catalogued()
    assert len(duties) == len(set(duties)) > 250
    assert {duty for duty, _, _ in rows() if duty} == set(duties)


def test_each_duty_is_held_by_a_rule_or_a_line_says_why_not() -> None:
    by_duty: dict[str, list[tuple[str, str]]] = {}
    for duty, rule, said in rows():
        by_duty.setdefault(duty, []).append((rule, said))
    for duty in catalogued():
        held = {rule for rule, _ in by_duty[duty] if rule}
        assert held <= IDS
        if not held:
            [(_, why)] = by_duty[duty]
            assert len(why) > 20, f"{duty} is not held, and the page does not say why"
    assert sum(any(rule for rule, _ in by_duty[duty]) for duty in catalogued()) >= 240


def test_each_rule_that_is_written_is_on_the_page() -> None:
    files = [*(RULES / "england").glob("*.yaml"), *(RULES / "birmingham").glob("*.yaml")]
    ids = {found for file in files for found in WRITTEN.findall(file.read_text(encoding="utf-8"))}
    assert ids == IDS == {rule for _, rule, _ in rows() if rule}


def test_a_duty_is_held_by_name_by_an_alias_of_any_edition_and_by_its_parts() -> None:
    held = {duty: [rule.id for rule in rules] for duty, rules in holders(BOOK, duties(RULES)).items()}
    assert held["adoption_return_child"] == ["adoption_return_child", "adoption_return_child_parent", "adoption_return_child_14d"]
    assert held["pf_initial_visit"] == ["pf_reg4_visit_7wd"]  # an alias of its first edition
    assert held["adopter_info"] == ["adopter_info_5wd", "adopter_info_10wd"]
    assert held["pa_visit_pre_review"] == ["pa_visit_pre_review"] and held["staying_put"] == []


def test_a_part_belongs_to_the_longest_duty_its_id_begins_with() -> None:
    held = {duty: [rule.id for rule in rules] for duty, rules in holders(BOOK, duties(RULES)).items()}
    assert held["pathway_review"] == ["pathway_review"]
    assert held["pathway_review_move"] == ["pathway_review_move", "pathway_review_move_3m"]


def test_no_reason_is_given_for_a_duty_that_does_not_exist() -> None:
    """A line about time limits names a duty, a rule or a matter: a name with an underscore must be one of the first two."""
    known = IDS | set(catalogued())
    for what, _ in reasons(RULES):
        for name in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", what):
            assert name in known or any(i.startswith(f"{name}_") for i in known), name


def catalogue_in(folder: Path) -> Path:
    """A folder with the catalogue and the notes of the rule set, to change."""
    for name in ("duties.csv", "NOT_ENCODED.md"):
        shutil.copy(RULES / name, folder)
    return folder


def test_a_duty_with_neither_a_rule_nor_a_line_is_refused(tmp_path: Path) -> None:
    with (catalogue_in(tmp_path) / "duties.csv").open("a", encoding="utf-8") as file:
        file.write("no_such_duty,Front door\n")
    with pytest.raises(InputError, match="no_such_duty has neither a rule nor a line"):
        covered(BOOK, tmp_path)


def test_a_line_names_a_duty_whole(tmp_path: Path) -> None:
    notes = catalogue_in(tmp_path) / "NOT_ENCODED.md"
    notes.write_text(notes.read_text(encoding="utf-8").replace("- local_offer:", "- local_offers:"), encoding="utf-8")
    with pytest.raises(InputError, match="local_offer has neither"):
        covered(BOOK, tmp_path)


def test_a_rule_set_without_a_catalogue_has_no_coverage_to_show(tmp_path: Path) -> None:
    assert covered(BOOK, tmp_path) is None
