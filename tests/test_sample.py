"""`rrt sample`: how many of each stratum, that each duty has its chance, and that nothing but seed and duties decides the sample."""

from __future__ import annotations

import csv
import json
import math
import random
import re
import shutil
from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner, Result

from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app
from rrt_engine.paths import RULES
from rrt_engine.replay.chunk import Settings, book_of
from rrt_engine.replay.flag_rows import COLUMNS as FLAG_COLUMNS
from rrt_engine.replay.flag_rows import empty_rows
from rrt_engine.replay.partition import partition
from rrt_engine.replay.run_folder import open_run
from rrt_engine.replay.runner import run, run_parts
from rrt_engine.replay.sample import (
    BLANK,
    Design,
    Sample,
    drawn,
    numbers,
    one_each,
    only_where,
    proportional,
    shared_out,
    stepped,
    systematic,
)
from rrt_engine.reports.sample_files import ANSWERS, COLUMNS, SampleDocument
from rrt_engine.reports.sample_words import design_words, found_words
from tools.schemas import FOLDER

SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=12)


# -------------------------------------------------------------------------------------- how many of each stratum


@given(SIZES, st.data())
def test_draws_are_in_proportion_with_at_least_one_each(sizes: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(len(sizes), sum(sizes)))
    found = proportional(sizes, n)
    assert sum(found) == n
    assert all(1 <= k <= size for k, size in zip(found, sizes, strict=True))
    # Those that proportion alone would give less than one, once such have had theirs, have exactly one; the others their quota, rounded
    rest, left = list(range(len(sizes))), n
    while any(Fraction(sizes[h] * left, sum(sizes[i] for i in rest)) < 1 for h in rest):
        small = [h for h in rest if Fraction(sizes[h] * left, sum(sizes[i] for i in rest)) < 1]
        assert all(found[h] == 1 for h in small)
        rest, left = [h for h in rest if h not in small], left - len(small)
    quotas = {h: Fraction(sizes[h] * left, sum(sizes[i] for i in rest)) for h in rest}
    assert all(found[h] in (math.floor(q), math.ceil(q)) for h, q in quotas.items())
    up = [q - math.floor(q) for h, q in quotas.items() if found[h] > q]
    down = [q - math.floor(q) for h, q in quotas.items() if found[h] < q]
    assert not up or not down or min(up) >= max(down), "the largest remainders are rounded up"


@given(SIZES, st.data())
def test_a_larger_stratum_never_has_fewer(sizes: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(len(sizes), sum(sizes)))
    pairs = sorted(zip(sizes, proportional(sizes, n), strict=True))
    by_size = {size: [k for s, k in pairs if s == size] for size, _ in pairs}
    ordered = [k for size in sorted(by_size) for k in sorted(by_size[size])]
    assert ordered == sorted(ordered) and all(max(ks) - min(ks) <= 1 for ks in by_size.values())


@pytest.mark.parametrize(
    ("sizes", "n", "expected"),
    [
        ([700, 200, 99, 1], 20, [13, 4, 2, 1]),  # 20 x 99 / 1000 is 1.98; the one has one; 19 are shared: 13.3, 3.8, 1.88
        ([50, 30, 20], 10, [5, 3, 2]),
        ([1, 1, 1], 3, [1, 1, 1]),
        ([10, 10, 10], 4, [2, 1, 1]),  # the remainders are alike and so are the sizes: the first
        ([996, 2, 2], 4, [2, 1, 1]),
        ([5, 5], 10, [5, 5]),
    ],
)
def test_shares_worked_by_hand(sizes: list[int], n: int, expected: list[int]) -> None:
    assert proportional(sizes, n) == expected


def test_how_it_is_settled() -> None:
    assert shared_out([5, 3], Design(8)) == ("all", [5, 3]) and shared_out([5, 3], Design(9)) == ("all", [5, 3])
    assert shared_out([5, 3], Design(7)) == ("proportional", [4, 3]) and shared_out([5, 3], Design(2)) == ("proportional", [1, 1])
    assert shared_out([5, 3], Design(1))[0] == "systematic"


@given(SIZES, st.integers(0, 10_000), st.data())
def test_fewer_draws_than_strata_are_shared_out_by_chance(sizes: list[int], seed: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, min(len(sizes), sum(sizes))))
    found = systematic(sizes, n, seed)
    assert sum(found) == n
    for k, size in zip(found, sizes, strict=True):
        assert math.floor(n * size / sum(sizes)) <= k <= math.ceil(n * size / sum(sizes)) and k <= size


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6), st.data())
def test_over_all_starts_every_duty_has_the_same_chance(sizes: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(sizes)))
    total = np.sum([stepped(sizes, n, start) for start in range(sum(sizes))], axis=0)
    assert total.tolist() == [n * size for size in sizes]


def test_then_each_stratum_has_its_share_over_seeds() -> None:
    sizes, seeds = [40, 30, 15, 10, 5], 4_000
    total = np.sum([systematic(sizes, 3, seed) for seed in range(seeds)], axis=0)
    assert np.abs(total / (3 * seeds) - np.array(sizes) / 100).max() < 0.01


# ------------------------------------------------------------------------------------------------------- the draw


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Flags with the columns of a run, from rows that name only what matters."""
    schema = empty_rows().schema
    plain = pa.schema([f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in schema])
    assert list(FLAG_COLUMNS) == schema.names
    return pa.Table.from_pylist([{"basis": "history", "rung": 0, "provisional": False, **row} for row in rows], plain).cast(schema)


def duty(child: int, nth: int = 0, status: str = "met", service: str = "front_door", rule: str = "r1") -> dict[str, Any]:
    day = date(2026, 1, 1) + timedelta(days=nth)
    return {
        "case": f"C{child:04}",
        "rule": rule,
        "title": f"Title of {rule}",
        "service": service,
        "status": status,
        "trigger_event": "referral_received",
        "trigger_at": day.isoformat(),
        "start": day,
        "due": day + timedelta(days=1),
        "source": "events.csv",
        "trigger_row": child * 100 + nth,
    }


def duties(children: int, seed: int = 3) -> list[dict[str, Any]]:
    """Duties of some children: between one and six each, of some services and statuses."""
    draw = random.Random(seed)
    statuses, services = ["met"] * 7 + ["late"] * 2 + ["overdue"], ["front_door", "child_protection", "in_care"]
    return [
        duty(child, nth, draw.choice(statuses), draw.choice(services), draw.choice(["r1", "r2"]))
        for child in range(children)
        for nth in range(draw.randint(1, 6))
    ]


def picked(sample: Sample) -> list[tuple[str, str, int]]:
    return [(row["case"], row["rule"], row["trigger_row"]) for row in ([] if sample.rows is None else sample.rows.to_pylist())]


def cut(rows: list[dict[str, Any]], parts: int, shuffled: random.Random) -> list[pa.Table]:
    """The rows in parts of whole children, in any order of children, and of rows within a part."""
    children = sorted({row["case"] for row in rows})
    shuffled.shuffle(children)
    made = []
    for i in range(parts):
        mine = [row for row in rows if row["case"] in set(children[i::parts])]
        shuffled.shuffle(mine)
        made.append(table(mine))
    return made


BY = ("service", "status")


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("n", [4, 9, 40, 5_000])
def test_the_sample_is_the_same_however_the_duties_are_divided_and_ordered(n: int, again: bool) -> None:
    rows, design = duties(150), Design(n, BY, 5, again)
    whole = drawn([table(rows)], design)
    for parts in (1, 2, 7, 40):
        for attempt in range(2):
            other = drawn(cut(rows, parts, random.Random(attempt)), design)
            assert picked(other) == picked(whole) and other.strata == whole.strata
            assert (other.passed_over, other.how) == (whole.passed_over, whole.how)
            assert other.rows.equals(whole.rows)


@given(st.integers(0, 2**31), st.integers(1, 60), st.booleans(), st.integers(1, 40), st.sampled_from([(), ("status",), BY]))
def test_a_sample_has_its_strata_and_its_children_as_promised(seed: int, n: int, again: bool, children: int, by: tuple[str, ...]) -> None:
    rows = duties(children, seed % 7)
    sample = drawn([table(rows)], Design(n, by, seed, again))
    found = [] if sample.rows is None else sample.rows.to_pylist()
    sizes = Counter(tuple(row[name] for name in by) for row in rows)
    assert {s.values: s.size for s in sample.strata} == dict(sizes) and sample.duties == len(rows)
    assert Counter(tuple(row[name] for name in by) for row in found) == Counter({s.values: s.drawn for s in sample.strata if s.drawn})
    assert len(picked(sample)) == len(set(picked(sample))), "no duty twice"
    if again:
        assert len(found) == min(n, len(rows)) and sample.passed_over == 0
        if n >= len(sizes):
            assert all(s.drawn >= 1 for s in sample.strata)
    else:
        assert len({row["case"] for row in found}) == len(found) == min(n, len({row["case"] for row in rows}))
    for row in found:
        stratum = sample.strata[row["stratum"]]
        assert row["weight"] == stratum.weight
    if sample.how != "systematic" and all(s.drawn for s in sample.strata):
        assert sum(row["weight"] for row in found) == pytest.approx(len(rows))
    if sample.how == "systematic":
        assert {row["weight"] for row in found} == {len(rows) / n}


def test_every_duty_of_a_stratum_has_the_same_chance() -> None:
    """Chi-square over seeds: 60 duties, of which 40 and 20 are of two strata, sampled 1,200 times."""
    rows = [duty(child, status="met" if child < 40 else "late") for child in range(60)]
    flags, seeds = table(rows), 1_200
    counts: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for seed in range(seeds):
        sample = drawn([flags], Design(9, ("status",), seed))
        assert [s.drawn for s in sample.strata] == [3, 6] and sample.passed_over == 0
        cases = [case for case, _, _ in picked(sample)]
        counts.update(cases)
        together.update((a, b) for a in cases for b in cases if a < b)
    for stratum, draws in ((range(40), 6), (range(40, 60), 3)):
        observed = [counts[f"C{child:04}"] for child in stratum]
        assert sum(observed) == draws * seeds
        # draws without replacement: the variance is smaller by (1 - draws / size), times size / (size - 1)
        spread = (1 - draws / len(stratum)) * len(stratum) / (len(stratum) - 1)
        expected = draws * seeds / len(stratum)
        statistic = sum((o - expected) ** 2 / expected for o in observed) / spread
        assert 0.001 < stats.chi2.sf(statistic, len(stratum) - 1) < 0.999
    pairs = [together[f"C{a:04}", f"C{b:04}"] for a in range(40) for b in range(a + 1, 40)]
    mean = seeds * (6 * 5) / (40 * 39)
    assert np.mean(pairs) == pytest.approx(mean) and np.var(pairs) == pytest.approx(mean, rel=0.2), "drawn independently of each other"


def test_a_weighted_share_is_right_on_average_where_children_may_be_drawn_again() -> None:
    rows = duties(80, seed=9)
    truth = sum(row["status"] == "met" for row in rows) / len(rows)
    flags, estimates, unweighted = table(rows), [], []
    for seed in range(120):
        found = drawn([flags], Design(18, BY, seed, again=True)).rows.to_pylist()
        estimates.append(sum(row["weight"] for row in found if row["status"] == "met") / sum(row["weight"] for row in found))
        unweighted.append(sum(row["status"] == "met" for row in found) / len(found))
    assert np.mean(estimates) == pytest.approx(truth, abs=1e-9), "the strata are by status, so it is exact"
    assert abs(np.mean(unweighted) - truth) > 0.01
    by_service = [drawn([flags], Design(12, ("service",), seed, again=True)).rows.to_pylist() for seed in range(500)]
    met = [sum(r["weight"] for r in found if r["status"] == "met") / sum(r["weight"] for r in found) for found in by_service]
    error = np.std(met) / math.sqrt(len(met))
    assert abs(np.mean(met) - truth) < 4 * error


def test_children_who_are_added_change_it_least() -> None:
    rows, more = duties(150), [duty(child, nth) for child in range(900, 903) for nth in range(2)]
    before = set(picked(drawn([table(rows)], Design(30, (), 5, again=True))))
    after = set(picked(drawn([table(rows + more)], Design(30, (), 5, again=True))))
    assert len(before - after) == len(after - before) <= len(more)
    assert all(case >= "C0900" for case, _, _ in after - before), "only what was added can come in"


def test_a_stratum_of_one_child_has_its_draw_before_others_take_the_child() -> None:
    """One child has all 30 duties of one stratum and 5 of 6 of another; the strata with fewest children draw first."""
    rows = [duty(0, nth, "late") for nth in range(30)] + [duty(0, nth, "met") for nth in range(40, 45)] + [duty(1, 0, "met")]
    for seed in range(30):
        sample = drawn([table(rows)], Design(2, ("status",), seed))
        assert [s.drawn for s in sample.strata] == [1, 1] and {case for case, _, _ in picked(sample)} == {"C0000", "C0001"}
    alone = drawn([table(rows[:-1])], Design(2, ("status",), 1))
    assert [s.drawn for s in alone.strata] in ([1, 0], [0, 1])
    assert "1 stratum has none all the same: every child in it was drawn for another." in " ".join(design_words(alone))


def test_what_is_found_of_a_duty_does_not_change_its_number() -> None:
    one, other = duty(1), {**duty(1), "status": "overdue", "answer_at": "2026-01-05", "due": date(2026, 3, 1), "trigger_row": 77}
    assert numbers(table([one]), 4).tolist() == numbers(table([other]), 4).tolist()
    for name, value in (
        ("case", "C0002"),
        ("rule", "r2"),
        ("trigger_at", "2026-01-02"),
        ("ref", "R2"),
        ("rung", 1),
        ("start", date(2026, 1, 2)),
    ):
        assert numbers(table([one]), 4).tolist() != numbers(table([{**one, name: value}]), 4).tolist(), name
    assert numbers(table([one]), 4).tolist() != numbers(table([one]), 5).tolist()


def test_two_duties_that_are_alike_have_numbers_of_their_own() -> None:
    """Two enquiries begun on one day: which is the first is settled by what was found, not by where the rows stand."""
    one, other = {**duty(1), "trigger_row": 8}, {**duty(1), "status": "late", "trigger_row": 2}
    forward, backward = numbers(table([one, other]), 4).tolist(), numbers(table([other, one]), 4).tolist()
    assert forward == backward[::-1] and len(set(forward)) == 2


def test_a_number_can_be_worked_out_by_anybody() -> None:
    import hashlib

    text = "4\x1fC0001\x1fr1\x1f0\x1freferral_received\x1f2026-01-01\x1fR1\x1f2026-01-01"
    expected = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
    assert numbers(table([{**duty(1), "ref": "R1"}]), 4).tolist() == [expected]


def test_what_a_column_does_not_say_is_a_stratum_of_its_own() -> None:
    rows = [{**duty(child), "team": "T1" if child % 2 else None} for child in range(6)]
    assert [s.values for s in drawn([table(rows)], Design(4, ("team",))).strata] == [(BLANK,), ("T1",)]


def test_only_some_are_drawn_from() -> None:
    flags = table(duties(50))
    some = only_where(flags, {"status": ["late", "overdue"], "service": ["in_care"]})
    expected = [r for r in flags.to_pylist() if r["status"] in ("late", "overdue") and r["service"] == "in_care"]
    assert some.num_rows == len(expected) > 0 and drawn([some], Design(1_000, (), 1, True)).duties == len(expected)


def test_nothing_to_draw_from() -> None:
    for parts in ([], [empty_rows()]):
        sample = drawn(parts, Design(5, ("status",)))
        assert (sample.duties, sample.strata, sample.rows) == (0, (), None)
        assert design_words(sample)[0].startswith("0 of 0 duties")


def test_passing_over_is_counted_and_said() -> None:
    rows = [duty(child, nth) for child in range(4) for nth in range(10)]
    sample = drawn([table(rows)], Design(4, (), 2))
    assert len(picked(sample)) == 4 and sample.passed_over > 0
    first = sorted(zip(numbers(table(rows), 2).tolist(), [r["case"] for r in rows], strict=True))
    met: list[str] = []
    while len(set(met)) < 4:
        met.append(first[len(met)][1])
    assert sample.passed_over == len(met) - 4
    assert "passed over because another of the same child's was drawn" in " ".join(design_words(sample))
    more = drawn([table(rows)], Design(9, (), 2))
    assert len(picked(more)) == 4 and "There are no more children to draw from: --again" in " ".join(design_words(more))
    every = drawn([table(rows)], Design(99, (), 2))
    assert len(picked(every)) == 4 and "there are only 4 children, and each is in it once: --again" in " ".join(design_words(every))
    assert "all are in it" not in " ".join(design_words(every))
    again = drawn([table(rows)], Design(99, (), 2, again=True))
    assert len(picked(again)) == 40 and "so all are in it." in " ".join(design_words(again))


def test_what_was_allocated_is_said_beside_what_was_drawn() -> None:
    """Of 30, 6 and 4 duties 10 draws are shared out by size; one child has all 30."""
    rows = [duty(0, nth, "late") for nth in range(30)]
    rows += [duty(child, 0, "met") for child in range(1, 7)] + [duty(child, 0, "due") for child in range(7, 11)]
    sample = drawn([table(rows)], Design(10, ("status",), 3))
    assert [(s.values[0], s.allocated) for s in sample.strata] == list(
        zip(("due", "late", "met"), proportional([4, 30, 6], 10), strict=True)
    )
    late = sample.strata[1]
    assert late.drawn == 1 and sum(s.drawn for s in sample.strata) == 10
    said = " ".join(design_words(sample))
    assert f"{late.allocated - 1} of the draws allocated could not be made where they were" in said
    assert "could not be made" not in " ".join(design_words(drawn([table(rows)], Design(10, ("status",), 3, again=True))))


# ------------------------------------------------------------------------------------------------ command and files


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One authority, replayed whole and replayed from a partition of small parts."""
    folder = tmp_path_factory.mktemp("runs")
    log = folder / "events.parquet"
    made = CliRunner().invoke(
        app, ["synth", "-o", str(log), "--children", "150", "--seed", "4", "--from", "2024-04-01", "--to", "2025-09-30", "--jobs", "1"]
    )
    assert made.exit_code == 0, made.output
    settings = Settings(RULES, parse_moment("2025-09-30"))
    cut_up = partition([log], book_of(RULES), folder / "parts", in_place=False, rows=800)
    assert len(cut_up.parts) > 3
    run([log], settings, folder / "whole")
    run_parts(cut_up, settings, folder / "parted")
    return {"whole": folder / "whole", "parted": folder / "parted"}


def rrt(*words: Any) -> Result:
    return CliRunner().invoke(app, ["sample", *map(str, words)])


def test_a_run_gives_the_same_sample_however_it_was_divided(runs: dict[str, Path], tmp_path: Path) -> None:
    for words in (("--n", 20, "--stratify", "service,status"), ("--n", 90, "--stratify", "status", "--seed", 8, "--again"), ("--n", 200)):
        one, other = (rrt(runs[name], *words, "--format", "json") for name in ("whole", "parted"))
        assert one.exit_code == 0 and json.loads(one.stdout)["lines"], one.output
        assert json.loads(one.stdout) == json.loads(other.stdout)
    assert {r["case"] for r in json.loads(rrt(runs["whole"], "--n", 20, "--format", "json").stdout)["lines"]} != {
        r["case"] for r in json.loads(rrt(runs["whole"], "--n", 20, "--seed", 2, "--format", "json").stdout)["lines"]
    }


def test_the_document_is_as_its_schema_says_and_the_schema_is_published(runs: dict[str, Path]) -> None:
    document = json.loads(rrt(runs["whole"], "--n", 30, "--stratify", "status,service", "--format", "json").stdout)
    schema = json.loads((FOLDER / "sample.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert {k: v for k, v in schema.items() if k != "$schema"} == SampleDocument.model_json_schema(by_alias=True)
    flags = open_run(runs["whole"]).flags()
    assert document["duties"] == flags.num_rows == sum(s["duties"] for s in document["strata"])
    sizes = Counter((row["status"], row["service"]) for row in flags.select(["status", "service"]).to_pylist())
    assert {(s["values"]["status"], s["values"]["service"]): s["duties"] for s in document["strata"]} == sizes
    assert len(document["lines"]) == 30 == len({line["case"] for line in document["lines"]})


def test_each_line_is_a_flag_of_the_run(runs: dict[str, Path], tmp_path: Path) -> None:
    shown = rrt(runs["whole"], "--n", 25, "--stratify", "status", "-o", tmp_path / "sample.csv")
    assert shown.exit_code == 0 and "wrote 25 duties to" in shown.stderr
    with (tmp_path / "sample.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    with (tmp_path / "sample.strata.csv").open(encoding="utf-8", newline="") as file:
        strata = {row["stratum"]: row for row in csv.DictReader(file)}
    assert list(lines[0]) == [*COLUMNS, *ANSWERS] and all(line[name] == "" for line in lines for name in ANSWERS)
    flags = {
        (r["case"], r["rule"], r["trigger_at"], str(r["due"] or ""), r["status"], r["answer_at"] or "")
        for r in open_run(runs["whole"]).flags().to_pylist()
    }
    for line in lines:
        assert (line["case"], line["rule"], line["trigger_at"], line["due"], line["status"], line["answer_at"]) in flags
        assert re.fullmatch(r"events\.parquet, row(s \d+ and)? \d+", line["where"]), line["where"]
        stratum = strata[line["stratum"]]
        assert stratum["status"] == line["status"] and stratum["weight"] == line["weight"]
        assert float(line["weight"]) == pytest.approx(int(stratum["duties"]) / int(stratum["drawn"]), abs=1e-6)
    assert sum(float(line["weight"]) for line in lines) == pytest.approx(open_run(runs["whole"]).manifest["counts"]["flags"], rel=1e-6)


def test_a_workbook_has_the_sample_its_strata_and_how_it_was_drawn(runs: dict[str, Path], tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        assert rrt(runs["whole"], "--stratify", "status", "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["Sample", "Strata", "About"]
    rows = [row for row in book["Sample"].iter_rows(min_row=4, values_only=True) if row[0]]
    assert [row[0] for row in rows] == list(range(1, 21)) and all(isinstance(row[2], float | int) for row in rows)
    strata = [row for row in book["Strata"].iter_rows(min_row=4, values_only=True) if row[0]]
    assert sum(row[3] for row in strata) == sum(row[4] for row in strata) == 20
    about = {row[0]: row[1] for row in book["About"].iter_rows(min_row=3, values_only=True)}
    assert "seed 1" in about["How it was drawn"] and "add up the weights" in about["How to estimate"]
    assert "Cochran" in about["Where that is from"] and "Audit agrees" in str(list(about))


def test_the_command_says_what_it_drew(runs: dict[str, Path]) -> None:
    shown = rrt(runs["whole"], "--n", 5, "--stratify", "status", "--only", "status=late,overdue")
    assert shown.exit_code == 0 and "5 of " in shown.stdout and "in 2 strata by status, seed 1." in shown.stdout
    assert "Done late: due " in shown.stdout and "calendar days late" in shown.stdout and "Done on time" not in shown.stdout
    few = rrt(runs["whole"], "--n", 2, "--stratify", "service,status")
    assert "There are more strata than draws" in few.stdout and "every duty had the same chance" in few.stdout.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--stratify", "statuss"), "--stratify: error[column]: `statuss` is no column for this\n  help: did you mean `status`?"),
        (("--stratify", "case"), "expected one of service, rule, status"),
        (("--only", "late"), "`late`: expected a column and a value"),
        (("--only", "colour=red"), "`colour` is no column for this"),
        (("--only", "status=ovrdue"), "no duty of this run has `ovrdue` as its status\n  help: did you mean `overdue`?"),
        (("--only", "status=met,foo"), "no duty of this run has `foo` as its status"),
        (("--only", "service=zzz"), "expected one of "),
        (("-o", "sample.txt"), "cannot write `.txt` files"),
    ],
)
def test_mistakes_are_said(runs: dict[str, Path], words: tuple[str, ...], message: str) -> None:
    shown = rrt(runs["whole"], *words)
    assert shown.exit_code == 2 and message in shown.stderr and not shown.stdout


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    shown = rrt(tmp_path)
    assert shown.exit_code == 2 and "this is not the folder of a run" in shown.stderr


def test_parts_that_were_set_aside_are_said(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs["parted"], folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["parts"][0]["set_aside"] = "its file is damaged"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    shown = rrt(folder, "--n", 5)
    assert shown.exit_code == 2 and "1 part of the run could not be replayed: the children in it cannot be drawn." in shown.stdout


def test_what_was_found_in_words() -> None:
    row = {**table([duty(1)]).to_pylist()[0], "answer_at": "2026-01-04", "answer_event": "referral_decision_recorded", "days_late": 2}
    titles = {"referral_decision_recorded": "Decision on the referral"}
    assert (
        found_words({**row, "status": "late"}, titles)
        == "Done late: due 2 January 2026, done 4 January 2026 (decision on the referral), 2 calendar days late"
    )
    assert found_words({**row, "status": "cannot_tell", "answer_at": None, "days_late": None, "cannot_tell_because": "no_date"}, {}) == (
        "Cannot tell: due 2 January 2026, a date it needs is not recorded"
    )
    missed = {**row, "status": "overdue", "answer_at": None, "ended_at": "2026-01-04T09:30", "ended_by": "case_closed"}
    assert found_words(missed, titles) == (
        "Missed, and ended since: due 2 January 2026, ended 4 January 2026 at 09:30 (case closed), 2 calendar days after it was due"
    )
    assert found_words({**row, "basis": "count", "due": None, "answer_at": None, "days_late": None}, {}) == "Recorded"


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=1, max_size=9))
def test_as_many_strata_as_can_be_have_one(whose: list[list[int]]) -> None:
    """Against SciPy's greatest matching of strata and children."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    place = one_each(whose, range(len(whose)))
    children = [whose[h][at] for h, at in place.items()]
    assert len(set(children)) == len(children)
    edges = np.zeros((len(whose), 10), int)
    for h, mine in enumerate(whose):
        edges[h, mine] = 1
    assert len(place) == (maximum_bipartite_matching(csr_matrix(edges), perm_type="column") >= 0).sum()
