"""The audit: counts recounted by hand, small numbers that cannot be worked out, and agreement that claims no more than it is."""

from __future__ import annotations

import csv
import importlib
import json
import math
from collections import Counter
from itertools import product
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app
from rrt_engine.paths import CASES, RULES
from rrt_engine.replay import audit as audit_module
from rrt_engine.replay.audit import Audit, Settings, Share, audit
from rrt_engine.replay.run import replay
from rrt_engine.replay.suppress import grid, line, shown
from rrt_engine.reports.audit_text import COLUMNS, write_suggestions
from rrt_engine.rulebook.base_rates import load_base_rates
from rrt_engine.thresholds.suggest import Reasoner
from tests.shipped import BOOK, THRESHOLDS
from tools.schemas import FOLDER

RATES = load_base_rates(RULES)
SAMPLE = CASES / "sample" / "events.csv"
AS_OF = ("--as-of", "2026-04-15")
MOMENT = parse_moment("2026-04-15")
REASONER = Reasoner(THRESHOLDS, MOMENT.day)


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def run(*paths: Path, under: int = 0, dip: int = 10, decisions: Path | None = None) -> Audit:
    found = replay(paths, BOOK, MOMENT, facts=True)
    return audit(found, REASONER, None, Settings(under, dip), decisions, RATES)


def document(*arguments: str | Path) -> dict[str, Any]:
    found = rrt("replay", *arguments, "--format", "json", *AS_OF)
    assert found.exit_code in (0, 1), found.output
    result: dict[str, Any] = json.loads(found.stdout)
    return result


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Four kinds of case, several of each, with what was decided: A agrees, B is decided above, C below, D thin and undecided."""
    rows, decided = ["child_id,fact,value,evidence,specificity"], ["child_id,level,pathway,reason"]
    for i in range(12):
        rows += [f"A{i:02d},bullied,true,disclosed,", f"B{i:02d},bullied,true,disclosed,"]
        decided += [f"A{i:02d},2,,", f"B{i:02d},3,family_help_targeted,{'third contact' if i % 2 else ''}"]
    for i in range(7):
        rows += [f"C{i:02d},drug_dealing_or_weapons_in_home,true,observed,", f"D{i:02d},drug_dealing_or_weapons_in_home,true,alleged,vague"]
        decided += [f"C{i:02d},1,,moved away"]
    path = tmp_path / "made.facts.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "made.decisions.csv").write_text("\n".join([*decided, "Z99,3,,"]) + "\n", encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------------------------------ counts


def test_counts_are_those_of_the_cases(made: Path) -> None:
    found = run(made)
    assert found.levels == {"1": 0, "2": 24, "3": 7, "4 complex": 7, "4 significant": 0} and found.cases == 38
    assert found.could_be == {4: 7} and (found.could_be_more.count, found.could_be_more.of) == (7, 38)
    assert found.pathways["seek_advice"] == 7 and sum(n or 0 for n in found.pathways.values()) == 38
    assert sum(n or 0 for n in found.urgencies.values()) == 38
    assert found.missing["drug_dealing_or_weapons_in_home"] == 7 and found.missing_asked == 38


def test_agreement_is_counted_apart_above_and_below(made: Path) -> None:
    found = run(made).agreement
    assert found is not None
    assert (found.compared, found.disagreements, found.without_facts) == (31, 19, 1)
    assert (found.agreeing.count, found.above.count, found.below.count) == (12, 12, 7)
    assert found.table.cells == ((0, 0, 0, 0), (0, 12, 12, 0), (0, 0, 0, 0), (7, 0, 0, 0))
    assert found.table.rows == (0, 24, 0, 7) and found.table.columns == (7, 12, 12, 0) and found.table.total == 31


def test_the_interval_is_wilsons(made: Path) -> None:
    """By the formula, which the code leaves to a library."""
    found = run(made).agreement
    assert found is not None
    n, p, z = 31, 12 / 31, 1.959963984540054
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert found.agreeing.low == pytest.approx((middle - half) / (1 + z * z / n), abs=1e-9)
    assert found.agreeing.high == pytest.approx((middle + half) / (1 + z * z / n), abs=1e-9)


def test_without_scipy_shares_stand_without_intervals_and_it_is_said(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        if name.startswith("scipy"):
            raise ImportError(name)
        return importlib.import_module(name)

    monkeypatch.setattr(audit_module, "import_module", missing)
    found = run(made)
    assert found.agreement is not None and found.agreement.agreeing.value == 12 / 31 and found.agreement.agreeing.low is None
    assert all(b.far is None for b in found.beside)
    assert found.notes == ("95% intervals are left out: they need SciPy, which is installed with: pip install 'rrt-engine[statistics]'",)


def test_the_dip_sample_is_systematic_and_says_so(made: Path) -> None:
    found = run(made, dip=5).agreement
    assert found is not None
    every = sorted([f"B{i:02d}" for i in range(12)] + [f"C{i:02d}" for i in range(7)])
    assert [d.case for d in found.sample] == [every[int((k + 0.5) * 19 / 5)] for k in range(5)]
    assert found.method == "a systematic sample: of the disagreements in the order of case ids, one in every 3.8, none chosen by hand"
    everything = run(made, dip=50).agreement
    assert everything is not None and [d.case for d in everything.sample] == every
    assert everything.method == "every disagreement is listed, in the order of case ids"
    none = run(made, dip=0).agreement
    assert none is not None and none.sample == ()


def test_decisions_from_a_record_and_from_a_table_are_set_beside(tmp_path: Path, made: Path) -> None:
    from rrt_engine.decision import Decision, Suggested
    from rrt_engine.decisions import record_decision

    record = tmp_path / "record.sqlite"
    for level, at in ((4, "2026-03-02T09:30:00Z"), (3, "2026-03-03T09:30:00Z"), (1, "2026-05-01T09:30:00Z")):
        suggested = Suggested("D01", "2026-03-02", "r", "1", "d", "f", "e", "one", 3, ("seek_advice",))
        record_decision(record, Decision(suggested, at, "team_manager", level, ("family_help_s17",), "family_help_s17", "checked again"))
    (tmp_path / "made.decisions.csv").unlink()
    found = run(made, decisions=record).agreement
    assert found is not None and found.compared == 1 and found.agreeing.count == 1  # the later of the two up to the day
    table = tmp_path / "other.csv"
    table.write_text("child_id,level\nD01,4\nD02,3\nQ,2\n", encoding="utf-8")
    found = run(made, decisions=table).agreement
    assert found is not None and (found.compared, found.above.count, found.without_facts) == (2, 1, 1)


def test_the_sample_is_counted_the_same_one_by_one() -> None:
    found = run(SAMPLE)
    by_level = Counter(found.suggestions.level.tolist())
    assert [by_level[n] for n in (1, 2, 3)] == [found.levels[str(n)] for n in (1, 2, 3)]
    assert by_level[4] == (found.levels["4 complex"] or 0) + (found.levels["4 significant"] or 0)
    assert found.groups[0].without == 180 - found.cases
    agreement = found.agreement
    assert agreement is not None
    counts = Counter((int(found.suggestions.level[i]), d.level) for i, d in found.decided.items())
    assert agreement.table.cells == tuple(tuple(counts[s, d] for d in (1, 2, 3, 4)) for s in (1, 2, 3, 4))
    assert 0.5 < (agreement.agreeing.value or 0) < 0.95


def test_cases_with_facts_are_audited_beside_logs_and_tables(made: Path) -> None:
    found = run(CASES / "training", SAMPLE, made)
    assert found.cases == run(SAMPLE).cases + 38 + run(CASES / "training").cases
    assert found.suggestions.ids[-1] == "D06" and found.groups[int(found.source_of[-1])].source == "made.facts.csv"


def test_nothing_to_reason_from_is_said(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("child_id,event,at\nA,referral_received,2026-03-02\n", encoding="utf-8")
    shown_ = rrt("replay", tmp_path, "--thresholds", "--exit-zero", *AS_OF)
    assert shown_.exit_code == 0 and "No case has facts: nothing is suggested." in shown_.stdout


def test_as_known_leaves_out_what_was_recorded_later(tmp_path: Path) -> None:
    rows = "child_id,event,at,recorded_at\nA,cp_plan_started,2026-02-02,2026-04-01\n"
    (tmp_path / "log.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "log.facts.csv").write_text("child_id,fact,value\nA,ehc_plan,true\n", encoding="utf-8")
    known = document(tmp_path, "--thresholds", "--suppress-under", "0", "--as-known", "2026-03-01")["thresholds"]
    later = document(tmp_path, "--thresholds", "--suppress-under", "0")["thresholds"]
    assert known["suggested_levels"]["1"] == 1 and later["suggested_levels"]["1"] == 0


# ------------------------------------------------------------------------------------------------------- base rates


def test_published_figures_stand_beside_with_their_source() -> None:
    found = {b.id: b for b in run(SAMPLE).beside}
    contacts, conferences = found["contacts_to_referral"], found["s47_to_conference"]
    assert contacts.rate.words == "28%" and conferences.rate.words == "22% to 24%"
    assert "self-evaluation" in contacts.source
    assert contacts.found.of == run(SAMPLE).cases and (conferences.found.of or 0) > 10


def test_far_needs_both_the_interval_and_ten_points(made: Path) -> None:
    found = {b.id: b for b in run(made).beside}
    assert (found["contacts_to_referral"].found.count, found["contacts_to_referral"].far) == (7, False)  # 18%, and 28% is within
    assert found["s47_to_conference"].far is None and found["s47_to_conference"].found.of == 0
    rows = ["child_id,fact,value,evidence"] + [f"A{i},drug_dealing_or_weapons_in_home,true,observed" for i in range(40)]
    made.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert {b.id: b.far for b in run(made).beside}["contacts_to_referral"] is True
    text = " ".join(rrt("replay", made, "--thresholds", *AS_OF).stdout.split())
    assert "FAR FROM THE PUBLISHED FIGURE" in text and "28% (15,799 of 56,484 contacts in 2025 to 2026)" in text


# ------------------------------------------------------------------------------------------------------ suppression


def test_small_numbers_are_left_out_with_what_would_give_them_away() -> None:
    assert shown(4, 5) is None and shown(5, 5) == 5 and shown(0, 5) == 0 and shown(1, 0) == 1
    assert line([40, 3, 12], 5) == [40, None, None]
    assert line([40, 1, 1, 12], 5) == [40, None, None, None]  # together they would be two people
    assert line([40, 0, 12], 5) == [40, 0, 12] and line([3], 5) == [None]


def test_no_small_number_can_be_worked_out_of_a_table() -> None:
    """What is shown leaves every small number undecided: the least and the most that it could be are not the same."""
    from scipy.optimize import linprog

    random = Random(1)
    cells = list(product(range(4), range(4)))
    seen = 0
    for _ in range(60):
        counts = [[random.choice((0, 0, 1, 2, 3, 6, 7, 9, 30)) for _ in range(4)] for _ in range(4)]
        found = grid(counts, 5)
        assert all(found.cells[i][j] in (None, counts[i][j]) for i, j in cells)
        assert all(found.cells[i][j] is None for i, j in cells if 0 < counts[i][j] < 5)
        equal, to = [], []

        def says(members: list[tuple[int, int]], whole: int | None) -> None:
            if whole is not None:
                equal.append([float(cell in members) for cell in cells])  # noqa: B023
                to.append(float(whole))  # noqa: B023

        for i, j in cells:
            says([(i, j)], found.cells[i][j])
        for k in range(4):
            says([(k, j) for j in range(4)], found.rows[k])
            says([(i, k) for i in range(4)], found.columns[k])
        says(cells, found.total)
        says([(i, j) for i, j in cells if j > i], sum(counts[i][j] for i, j in cells if j > i))  # told beside the table
        says([(i, j) for i, j in cells if j < i], sum(counts[i][j] for i, j in cells if j < i))
        for place, (i, j) in enumerate(cells):
            if 0 < counts[i][j] < 5:
                wanted = [float(k == place) for k in range(16)]
                least = linprog(wanted, A_eq=equal, b_eq=to).fun
                most = linprog([-w for w in wanted], A_eq=equal, b_eq=to)
                assert most.status == 3 or -most.fun - least > 0.5, (counts, found, (i, j))
                seen += 1
    assert seen > 100


def test_the_audit_leaves_small_numbers_out_unless_told(made: Path) -> None:
    with made.open("a", encoding="utf-8") as file:
        file.write("E01,disclosure_physical_abuse,true,disclosed,\nE02,disclosure_physical_abuse,true,disclosed,\n")
    whole, less = run(made), run(made, under=5)
    assert whole.levels["4 significant"] == 2
    assert less.levels["4 significant"] is None and less.levels["4 complex"] is None and less.levels["2"] == 24
    hidden = [n for n in less.pathways.values() if n is None]
    assert len(hidden) >= 2 and 2 not in less.pathways.values()
    text = rrt("replay", made, "--thresholds", *AS_OF).stdout
    assert "stand for counts left out" in text and "--suppress-under 0 shows all" in text
    assert "stand for counts" not in rrt("replay", made, "--thresholds", "--suppress-under", "0", *AS_OF).stdout


def test_a_share_of_few_people_is_left_out() -> None:
    assert audit_module._share(3, 40, None, 5) == Share(None, 40)
    assert audit_module._share(38, 40, None, 5) == Share(None, 40)
    assert audit_module._share(20, 40, None, 5) == Share(20, 40)


# ------------------------------------------------------------------------------------------------------- the command


def test_the_document_holds_the_audit_and_meets_its_schema(made: Path) -> None:
    schema = json.loads((FOLDER / "replay.schema.json").read_text(encoding="utf-8"))
    found = document(SAMPLE, made, "--thresholds")
    jsonschema.validate(found, schema)
    thresholds = found["thresholds"]
    assert thresholds["suppressed_under"] == 5 and thresholds["agreement"]["dip_sample"]
    assert thresholds["checked_by"].startswith("checked by")
    assert [s["source"] for s in thresholds["sources"]] == ["events.csv", "made.facts.csv"]
    assert thresholds["sources"][0]["facts_read"] == thresholds["sources"][0]["facts_used"] + 3
    without = document(SAMPLE)
    assert "thresholds" not in without
    jsonschema.validate(without, schema)
    assert {k: v for k, v in document(SAMPLE, "--thresholds").items() if k != "thresholds"} == without


def test_the_words_are_suggested_and_a_person_decides(made: Path) -> None:
    text = rrt("replay", made, "--thresholds", *AS_OF).stdout
    for words in ("Suggested level", "There is no single ground truth", "A person decides", "These are suggestions; a person decides."):
        assert words in text
    assert THRESHOLDS.notice.split(".")[0] in " ".join(text.split())
    for word in ("breach", "accuracy", "accurate", "correct", "error rate", "score"):
        assert word not in text.lower()


def test_nothing_changes_without_the_option() -> None:
    plain = rrt("replay", SAMPLE, *AS_OF).stdout
    both = rrt("replay", SAMPLE, "--thresholds", *AS_OF).stdout
    before, _, after = both.partition("\nRIGHT HELP RIGHT TIME")
    assert plain.startswith(before) and after
    assert "Suggested level" not in plain and "facts" not in plain


def test_a_table_of_facts_needs_the_option(made: Path) -> None:
    found = rrt("replay", made, *AS_OF)
    assert found.exit_code == 2 and "add --thresholds" in found.stderr
    (made.parent / "made.facts.csv").write_text("child_id,wrong\nA,1\n", encoding="utf-8")
    found = rrt("replay", SAMPLE, made, "--thresholds", *AS_OF)
    assert found.exit_code == 2 and "no column `fact`" in found.stderr and "events.csv" in found.stdout


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_suggestions_are_written_one_row_a_case(made: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"suggestions{suffix}"
    found = rrt("replay", made, "--suggestions", target, *AS_OF)
    assert found.exit_code == 0 and f"wrote 38 suggestions to {target}" in found.stderr
    if suffix == ".csv":
        rows: list[dict[str, Any]] = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    elif suffix == ".parquet":
        rows = pq.read_table(target).to_pylist()
    else:
        rows = [json.loads(text) for text in target.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 38 and list(rows[0]) == list(COLUMNS)
    compared = Counter(r["compared"] or None for r in rows)
    assert compared == {"same": 12, "decided above": 12, "decided below": 7, None: 7}
    assert {str(r["suggested_level"]) for r in rows} == {"2", "3", "4"}


def test_a_case_id_is_no_formula_in_the_written_table(made: Path, tmp_path: Path) -> None:
    made.write_text('child_id,fact,value\n"=HYPERLINK(1)",bullied,true\n', encoding="utf-8")
    target = tmp_path / "out.csv"
    assert write_suggestions(run(made), target) == 1
    assert "'=HYPERLINK(1)" in target.read_text(encoding="utf-8")


def test_where_it_cannot_be_written_is_said_before_any_work(made: Path, tmp_path: Path) -> None:
    found = rrt("replay", made, "--suggestions", tmp_path / "out.xlsx", *AS_OF)
    assert found.exit_code == 2 and "cannot write `.xlsx` files" in found.stderr


def test_a_disagreement_of_the_engines_names_the_case_and_suggests_nothing(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rrt_engine.thresholds import worker

    monkeypatch.setattr(worker.Worker, "opinions", lambda _, cases: [frozenset([("rt_made_up", (0,))]) for _ in cases])
    found = rrt("replay", made, "--thresholds", *AS_OF)
    assert found.exit_code == 2 and "the two engines disagree on case `" in found.stderr and not found.stdout
