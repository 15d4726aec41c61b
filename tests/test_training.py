"""Training: a commit before anything is shown, what is compared with it, handouts, and how far a group agrees."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from rrt_engine import training
from rrt_engine.calendar import NO_DAY, day_number
from rrt_engine.cli_training import train_command
from rrt_engine.diagnostics import InputError
from rrt_engine.model import Author, Fact, Step, Suggestion
from rrt_engine.paths import CASES
from rrt_engine.personal_details import personal_details
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.case_file import Case, read_case
from rrt_engine.training import (
    Answer,
    Commit,
    OutOfOrderError,
    Session,
    Words,
    compare,
    group_lines,
    group_results,
    handout,
    read_answers,
    read_commits,
    stages,
    suggester,
    what_would_change,
)
from tests.shipped import THRESHOLDS

FILES = sorted((CASES / "training").glob("*.yaml"))
app = typer.Typer(pretty_exceptions_enable=False)
app.command("train")(train_command)
app.command("other")(lambda: None)


@cache
def book() -> ThresholdBook:
    return THRESHOLDS


@cache
def every() -> dict[str, Case]:
    read = [read_case(path, book().book, None, book) for path in FILES]
    return {case.id: case for case in read if case.steps}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def rrt(*arguments: str | Path, input: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], input=input)


# ---------------------------------------------------------------------------------------------------- the cases


IDS = [re.search(r"^case: (\S+)$", p.read_text(encoding="utf-8"), re.M)[1] for p in FILES if "\nsteps:" in p.read_text(encoding="utf-8")]


def test_there_are_enough_cases_and_they_cover_the_levels_and_the_line() -> None:
    assert len(every()) >= 14
    assert sorted(every()) == sorted(IDS)
    authors = [case.author for case in every().values()]
    assert all(a is not None and a.because and a.learn and a.pathways for a in authors)
    assert {a.level for a in authors if a} == {1, 2, 3, 4}
    significant = [bool(book().significant & set(a.pathways)) for a in authors if a and a.level == 4]
    assert any(significant) and not all(significant)


@pytest.mark.parametrize("name", IDS)
def test_a_case_goes_forward_in_time_and_each_stage_has_a_suggestion(name: str) -> None:
    case = every()[name]
    found = stages(case)
    assert len(found) >= 3 and all(s.tell and s.ask for s in found)
    days = [s.day for s in found]
    assert days == sorted(days) and days[0] >= day_number(parse_day("2025-01-01")) and days[-1] <= day_number(parse_day("2026-04-15"))
    assert found[-1].known == tuple(replace(fact, told=NO_DAY) for fact in case.every_fact())
    suggest = suggester(case, book())
    for stage in found:
        suggestion = suggest(stage.known, stage.day)
        assert suggestion.level in (1, 2, 3, 4) and suggestion.pathways


def test_authors_and_the_suggestion_mostly_agree_and_are_never_far_apart() -> None:
    """Neither is the answer, so some difference is expected; a great deal of it would be a fault in one or the other."""
    apart = {}
    for case in every().values():
        last = stages(case)[-1]
        assert case.author is not None
        apart[case.id] = suggester(case, book())(last.known, last.day).level - case.author.level
    assert all(abs(n) <= 1 for n in apart.values()), apart
    assert sum(1 for n in apart.values() if n) <= len(apart) // 4, apart


@pytest.mark.parametrize("name", IDS)
def test_a_case_names_nobody(name: str) -> None:
    case = every()[name]
    text = " ".join([case.title, case.story, *(s.tell for s in case.steps), *(s.ask for s in case.steps)])
    assert not personal_details(text, 2026)
    assert "breach" not in text.lower()


def test_the_opening_is_dated_by_its_facts_then_its_events_then_its_first_step() -> None:
    stairs = every()["T-ON-THE-STAIRS"]
    assert stages(stairs)[0].day == day_number(parse_day("2025-09-15"))
    assert stages(every()["T-NEW-PHONE"])[0].day == day_number(parse_day("2026-01-16"))
    plain = Case("T", every()["T-SOFA"].log, "", "", (), (Step(0, "later"), Step(NO_DAY, "later still")))
    assert {s.day for s in stages(plain)} == {day_number(parse_day("2026-03-10"))}


def parse_day(text: str):  # type: ignore[no-untyped-def]
    from datetime import date

    return date.fromisoformat(text)


# ---------------------------------------------------------------------------------------------------- commit first


def counting(case: Case) -> tuple[Session, list[int]]:
    """A session that notes how often a suggestion was worked out."""
    asked: list[int] = []
    real = suggester(case, book())

    def suggest(facts: Sequence[Fact], day: int) -> Suggestion:
        asked.append(len(facts))
        return real(facts, day)

    return Session(case, suggest, stages(case), book().significant), asked


def test_nothing_is_worked_out_before_a_commit() -> None:
    session, asked = counting(every()["T-BELT"])
    for stage in session.stages:
        with pytest.raises(OutOfOrderError):
            session.reveal(stage.number)
    with pytest.raises(OutOfOrderError):
        session.author()
    assert not asked
    session.commit(1, Commit(2))
    session.reveal(1)
    assert asked
    with pytest.raises(OutOfOrderError):
        session.reveal(2)
    with pytest.raises(OutOfOrderError):
        session.author()


def test_a_commit_may_change_until_it_is_revealed_and_not_after() -> None:
    session, _ = counting(every()["T-BELT"])
    session.commit(1, Commit(2))
    session.commit(1, Commit(3))
    assert session.reveal(1).commit.level == 3
    with pytest.raises(OutOfOrderError):
        session.commit(1, Commit(4))
    for stage in session.stages[1:]:
        session.commit(stage.number, Commit(4))
    assert session.author() == every()["T-BELT"].author


SECRETS = ("Suggested:", "What was recorded here", "Why it is suggested", "What would change", "The author's view", "To learn")


@pytest.mark.parametrize("name", IDS)
def test_no_case_gives_itself_away_before_the_commit(name: str) -> None:
    found = rrt("train", name, input="")
    assert found.exit_code == 0 and "Nothing has been stored" in found.output
    author = every()[name].author
    assert author is not None
    flat = " ".join(found.output.split())
    assert not [s for s in (*SECRETS, author.because.strip()[:60], author.learn.strip()[:60]) if s in flat]
    for stage in stages(every()[name])[1:]:
        assert stage.tell.strip()[:50] not in flat
    for rule in (t.id for t in book().rules):
        assert rule not in flat


def test_going_on_and_back_shows_nothing_of_what_is_not_committed() -> None:
    answers = "3\n\nfirst thoughts\nn\n4\n2\n\nb\nc\n2\nseek_advice\n\nn\n"
    found = rrt("train", "T-BABY-BRUISE", input=answers)
    assert found.exit_code == 0 and "Stage 2 of 3" in found.output and "Stage 3 of 3" not in found.output
    assert not [s for s in SECRETS if s in found.output]
    flat = " ".join(found.output.split())
    assert "because first thoughts" in flat and "Same-day advice conversation" in flat


def test_showing_one_stage_freezes_it_and_gives_nothing_of_the_next() -> None:
    found = rrt("train", "T-BABY-BRUISE", input="3\n\n\ns\nc\nn\n")
    assert found.output.count("Suggested:") == 1 and "The author's view" not in found.output
    assert "Please answer" in found.output  # `c` is no longer a choice
    assert found.exit_code == 0


def test_the_whole_way_ends_with_every_view() -> None:
    found = rrt("train", "T-BABY-BRUISE", input="3\n\n\nn\n4\n\n\nn\n4\nurgent_cass_plus_paediatric\n\nn\n")
    assert found.exit_code == 0
    assert found.output.count("Suggested:") == 3 and "The author's view" in found.output and "What would change your mind?" in found.output
    assert found.output.index("The author's view") > found.output.rindex("Suggested:")
    assert "a person decides" in " ".join(found.output.lower().split())


def test_an_answer_that_is_none_is_asked_again() -> None:
    found = rrt("train", "T-SOFA", input="7\nfour\n4\n99\ns17\n?\n4\n\nx\nn\n")
    assert found.exit_code == 0 and found.output.count("Please answer") == 3 and found.output.count("There is no route") == 2
    assert "Stage 2 of" in found.output


def test_commits_given_beforehand_go_as_far_as_they_go() -> None:
    some = rrt("train", "T-BABY-BRUISE", "--commits", "4:urgent_cass_plus_paediatric")
    assert some.exit_code == 0 and some.output.count("Suggested:") == 1
    assert "The author's view" not in some.output and "Stage 2 of 3" not in some.output
    all_ = rrt("train", "T-BABY-BRUISE", "--commits", "4:urgent_cass_plus_paediatric,4,4")
    assert all_.output.count("Suggested:") == 3 and "The author's view" in all_.output


@pytest.mark.parametrize(
    ("commits", "said"),
    [
        ("5", "`5` is not a level"),
        ("", "`` is not a level"),
        ("4:sek_advice", "did you mean `seek_advice`?"),
        ("4,4,4,4,4", "5 commits for a case of 3 stages"),
    ],
)
def test_commits_that_are_wrong_are_named(commits: str, said: str) -> None:
    found = rrt("train", "T-BABY-BRUISE", "--commits", commits)
    assert found.exit_code == 2 and said in found.stderr and not found.stdout
    assert "Traceback" not in found.output


def test_every_mistake_of_the_commits_is_named_at_once() -> None:
    with pytest.raises(InputError) as error:
        read_commits("5,4:nothing,x", stages(every()["T-BABY-BRUISE"]), book())
    assert len(error.value.diagnostics) == 3


# ---------------------------------------------------------------------------------------------------- comparing


def test_a_comparison_says_higher_lower_or_the_same_and_never_a_score() -> None:
    author = Author(3, ("seek_advice",), "")
    same, higher, lower = (" ".join(compare(Commit(n), author)) for n in (3, 4, 1))
    assert same == "You and the author say the same level."
    assert "one level higher than the author" in higher and "cost the family" in higher
    assert "two levels lower than the author" in lower and "missed" in lower
    assert "among those" in compare(Commit(3, "seek_advice"), author)[1] and "not among" in compare(Commit(3, "universal"), author)[1]
    for text in (same, higher, lower):
        assert not re.search(r"\d|score|correct|wrong|point", text)


def test_the_line_between_section_17_and_section_47_is_named_where_it_runs_between_two_views() -> None:
    author = Author(4, ("family_help_s17",), "")
    assert any("section 47" in line for line in compare(Commit(4, "s47_strategy_discussion"), author, book().significant))
    assert not any("section 47" in line for line in compare(Commit(4, "family_help_s17"), author, book().significant))
    assert not any("section 47" in line for line in compare(Commit(4), author, book().significant))


def test_what_would_change_names_the_fact_that_carries_it() -> None:
    case = every()["T-BABY-BRUISE"]
    stage = stages(case)[-1]
    suggest = suggester(case, book())
    changes = {c.fact: c for c in what_would_change(stage, suggest(stage.known, stage.day), suggest)}
    assert changes["injury_to_non_mobile_child"].level < 4
    assert "support_network_active" not in changes


# ---------------------------------------------------------------------------------------------------- handouts


@pytest.mark.parametrize("name", IDS)
def test_a_handout_has_the_case_and_no_answers_unless_they_are_asked_for(name: str, tmp_path: Path) -> None:
    case = every()[name]
    assert case.author is not None
    found = rrt("train", name, "--handout", "-")
    assert found.exit_code == 0
    text = found.stdout
    for stage in stages(case):
        assert stage.tell.strip() in text
    assert text.count("Level: [ ] 1") == len(stages(case))
    assert "suggested; a person decides" in text
    assert not [s for s in ("**Suggested.**", "The author", case.author.because.strip(), case.author.learn.strip()) if s in text]
    assert not [fact.id for fact in case.every_fact() if fact.id in text]
    whole = handout(case, stages(case), Words(book()), suggester(case, book()))
    assert whole.count("**Suggested.**") == len(stages(case)) and case.author.because.strip() in whole
    assert "What would change your mind" in whole and "Level: [ ] 1" not in whole and "a person decides" in whole


def test_a_handout_goes_to_a_file(tmp_path: Path) -> None:
    target = tmp_path / "page.md"
    found = rrt("train", "T-SOFA", "--handout", target, "--answers")
    assert found.exit_code == 0 and found.stdout == "" and "**Suggested.**" in target.read_text(encoding="utf-8")
    missing = rrt("train", "T-SOFA", "--handout", tmp_path / "none" / "page.md")
    assert missing.exit_code == 2 and "cannot write the file" in missing.stderr


# ---------------------------------------------------------------------------------------------------- choosing a case


def test_the_list_gives_titles_and_no_levels() -> None:
    found = rrt("train")
    assert found.exit_code == 0
    assert all(name in found.output for name in IDS) and "T-EASTER" not in found.output
    assert not re.search(r"level \d|section 17|s47", found.output.lower())
    assert "suggested; a person decides" in " ".join(found.output.split())
    assert max(map(len, found.output.splitlines())) <= 80


def test_a_case_is_found_by_file_by_id_and_by_name() -> None:
    opening = [rrt("train", name, input="").stdout for name in (CASES / "training" / "sofa.yaml", "T-SOFA", "t-sofa", "sofa")]
    assert opening[0] == opening[1] == opening[2] == opening[3] and "T-SOFA" in opening[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("T-SOFAS",), "did you mean `T-SOFA`?"),
        (("nothing.yaml",), "there is no such file"),
        (("cases/training/conference_over_easter.yaml",), "rrt check"),
        (("-",), "standard input is for your answers"),
        (("--commits", "4"), "this needs a case"),
        (("T-SOFA", "--answers"), "--handout or --group"),
    ],
)
def test_what_cannot_be_trained_with_is_said_plainly(arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES.parent)
    found = rrt("train", *arguments)
    assert found.exit_code == 2 and said in found.stderr and "Traceback" not in found.output


def test_a_case_without_an_author_is_shown_without_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "case: C-1\nchild: {date_of_birth: 2020-01-01}\nfacts:\n"
        "  - {fact: poor_punctuality, value: true, evidence: observed, on: 2026-01-05}\n",
        encoding="utf-8",
    )
    found = rrt("train", path, "--commits", "2")
    assert found.exit_code == 0 and "gives no author's view" in found.output and "5 January 2026" in found.output


def test_lines_are_no_wider_than_a_terminal() -> None:
    for name in IDS:
        text = rrt("train", name, "--commits", ",".join("3" for _ in stages(every()[name]))).stdout
        assert max(map(len, text.splitlines())) <= 80 and all(line == line.rstrip() for line in text.splitlines())
        assert "\x1b" not in text


# ---------------------------------------------------------------------------------------------------- a group


KNOWN = {"T-SOFA": 3, "T-BELT": 4}
# How many of six psychiatrists gave each of five diagnoses to each of thirty patients (Fleiss 1971, table 1): kappa 0.430.
FLEISS_1971 = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
""".replace("\n", " ").split()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text(text, encoding="utf-8")
    return path


def of(*rows: tuple[str, str, int, int]) -> list[Answer]:
    return [Answer(*row) for row in rows]


def test_fleiss_kappa_is_that_of_fleiss_1971() -> None:
    pytest.importorskip("statsmodels")
    table = [[int(n) for n in row] for row in FLEISS_1971]
    assert len(table) == 30 and all(sum(row) == 6 for row in table)
    assert training.fleiss_kappa(table) == pytest.approx(0.430, abs=0.0005)


def test_fleiss_kappa_worked_by_hand() -> None:
    """Three people, two steps: 2-2-3 and 4-4-4. Observed agreement (1/3 + 1) / 2; chance (2/6)² + (1/6)² + (3/6)²."""
    pytest.importorskip("statsmodels")
    rows = [("A", 1, 2), ("B", 1, 2), ("C", 1, 3), ("A", 2, 4), ("B", 2, 4), ("C", 2, 4)]
    group = group_results([Answer(p, "T-SOFA", s, n) for p, s, n in rows])
    observed, chance = (1 / 3 + 1) / 2, (4 + 1 + 9) / 36
    assert group.kappa.name == "Fleiss' kappa" and group.kappa.value == pytest.approx((observed - chance) / (1 - chance))
    assert (group.agree, group.pairs) == (4, 6) and group.kappa.few


def test_cohens_kappa_worked_by_hand() -> None:
    """Two people, fifty steps: 20 both say 2, 15 both say 3, 5 and 10 differ. Observed 0.7, chance 0.5, so 0.4."""
    pytest.importorskip("statsmodels")
    pairs = [(2, 2)] * 20 + [(2, 3)] * 5 + [(3, 2)] * 10 + [(3, 3)] * 15
    rows = [Answer(p, "T", i, n) for i, pair in enumerate(pairs, 1) for p, n in zip("AB", pair, strict=True)]
    group = group_results(rows)
    assert group.kappa.name == "Cohen's kappa" and group.kappa.value == pytest.approx(0.4)
    assert (group.agree, group.pairs, group.people, group.kappa.steps) == (35, 50, 2, 50)


def test_one_person_who_always_says_the_same_makes_cohens_kappa_nought() -> None:
    pytest.importorskip("statsmodels")
    rows = of(("A", "T", 1, 3), ("B", "T", 1, 3), ("A", "T", 2, 3), ("B", "T", 2, 4))
    assert group_results(rows).kappa.value == pytest.approx(0)


@pytest.mark.parametrize("people", ["AB", "ABC", "ABCDEFG"])
def test_where_all_agree_it_is_said_and_there_is_no_number(people: str) -> None:
    group = group_results([Answer(p, "T", step, 3) for p in people for step in (1, 2, 3)])
    assert group.kappa.value is None and group.agree == group.pairs
    text = " ".join(group_lines(group))
    assert "all agreed" in text and "nan" not in text.lower() and "(100%)" in text


@pytest.mark.parametrize("rows", [[], of(("A", "T", 1, 3)), of(("A", "T", 1, 3), ("B", "T", 2, 3))])
def test_where_nobody_can_be_compared_it_is_said(rows: list[Answer]) -> None:
    group = group_results(rows)
    assert group.kappa.value is None and group.pairs == 0
    assert "no stage was answered by two or more people" in " ".join(group_lines(group))


def test_full_agreement_on_more_than_one_level_is_one() -> None:
    pytest.importorskip("statsmodels")
    for people in ("AB", "ABC"):
        rows = [Answer(p, "T", step, level) for p in people for step, level in ((1, 2), (2, 4))]
        assert group_results(rows).kappa.value == pytest.approx(1)


def test_steps_answered_by_fewer_are_left_out_of_kappa_and_counted() -> None:
    pytest.importorskip("statsmodels")
    rows = of(*[(p, "T", s, n) for p, n in (("A", 2), ("B", 2), ("C", 3)) for s in (1, 2)], ("A", "T", 3, 4), ("B", "T", 3, 4))
    kappa = group_results(rows).kappa
    assert (kappa.steps, kappa.people, kappa.left_out) == (2, 3, 1)
    assert "1 stage answered by another number of people is not in kappa" in " ".join(group_lines(group_results(rows)))


def test_the_warning_about_small_groups_comes_and_goes() -> None:
    pytest.importorskip("statsmodels")
    few = [Answer(p, "T", s, 2 + (s + ord(p)) % 2) for p in "ABC" for s in range(1, 9)]
    many = [Answer(p, "T", s, 2 + (s + ord(p)) % 2) for p in "ABCDE" for s in range(1, 6)]
    assert "fewer than 5" in " ".join(group_lines(group_results(few)))
    assert "fewer than 5" not in " ".join(group_lines(group_results(many)))


def test_without_the_library_the_shares_are_shown_and_the_rest_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    monkeypatch.setitem(sys.modules, "statsmodels.stats.inter_rater", None)
    path = written(tmp_path, "participant,case,step,level\nP1,T-SOFA,1,4\nP2,T-SOFA,1,3\nP3,T-SOFA,1,4\n")
    found = rrt("train", "--group", path)
    text = " ".join(found.output.split())
    assert found.exit_code == 0 and 'pip install "rrt-engine[statistics]"' in text and "1 of 3 pairs" in text and "Traceback" not in text


BAD = """\
participant,case,step,level,pathway
P01,T-SOFA,1,4,family_help_s17
,T-SOFA,1,4,
P02,T-SOFAS,1,4,
P02,T-SOFA,0,4,
P02,T-SOFA,4,4,
P02,T-SOFA,one,4,
P02,T-SOFA,1,5,
P02,T-SOFA,1,,
P02,T-SOFA,1,4,family_help
P01,T-SOFA,1,3,

P02,T-SOFA
secret person,T-SOFA,1,3,seek_advice
"""


def test_bad_rows_are_reported_with_line_and_value_and_the_rest_goes_on(tmp_path: Path) -> None:
    read = read_answers(written(tmp_path, BAD), KNOWN, book())
    assert read.read == len(read.used) + len(read.rejected) == 12 and len(read.used) == 2
    assert [d.line for d in read.rejected] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 13]
    said = [d.message for d in read.rejected]
    for value in ("`T-SOFAS`", "`0`", "`4`", "`one`", "`5`", "`family_help`"):
        assert any(value in message for message in said), value
    assert not any("P02" in d.text() or "P01" in d.text() for d in read.rejected)


def test_a_group_is_shown_without_anybody_in_it(tmp_path: Path) -> None:
    pytest.importorskip("statsmodels")
    found = rrt("train", "--group", written(tmp_path, BAD))
    assert found.exit_code == 0 and "Rows read: 12; used: 2; not used: 10." in found.stdout
    assert "secret person" not in found.output and "P01" not in found.output and "P02" not in found.output
    assert "Suggested" not in found.stdout and "author" not in found.stdout
    assert "a person decides" in " ".join(found.stdout.split())
    with_answers = rrt("train", "--group", written(tmp_path, BAD), "--answers").stdout
    assert "Suggested: Level" in with_answers and "secret person" not in with_answers


def test_a_group_on_a_case_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text((CASES / "training" / "sofa.yaml").read_text(encoding="utf-8").replace("T-SOFA", "OWN-1"), encoding="utf-8")
    found = rrt("train", path, "--group", written(tmp_path, "participant,case,step,level\nA,OWN-1,1,4\nB,OWN-1,1,4\n"))
    assert found.exit_code == 0 and "OWN-1" in found.stdout and "all agreed" in " ".join(found.stdout.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing 4 columns"),
        ("person,case,step,level\n", "`participant`"),
        ("participant;case;step;level\nA;T-SOFA;1;4\n", "missing"),
    ],
)
def test_a_file_that_is_not_answers_is_refused(text: str, said: str, tmp_path: Path) -> None:
    found = rrt("train", "--group", written(tmp_path, text))
    assert found.exit_code == 2 and said in found.stderr and "participant,case,step,level" in found.stderr


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "cannot read" in rrt("train", "--group", tmp_path / "none.csv").stderr
    path = tmp_path / "latin.csv"
    path.write_bytes(b"participant,case,step,level\nJos\xe9,T-SOFA,1,4\n")
    assert "UTF-8" in rrt("train", "--group", path).stderr
    empty = rrt("train", "--group", written(tmp_path, "participant,case,step,level\n"))
    assert empty.exit_code == 2 and "No row could be used" in empty.output


def test_a_file_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("Participant,Case,Step,Level,Pathway\r\nA,T-SOFA,1,4,\r\nB,T-SOFA,1, 3 ,seek_advice\r\n".encode("utf-8-sig"))
    read = read_answers(path, KNOWN, book())
    assert len(read.used) == 2 and not read.rejected and read.used[1].pathway == "seek_advice"
