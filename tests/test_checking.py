"""A case with facts: flags and suggestion together, a changed fact, mistakes in facts, and what happens when engines differ."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rrt_engine import cli
from rrt_engine.calendar import NO_DAY, as_date, parse_moment
from rrt_engine.checking import Checked, check_case, flag_pairs, for_the_record
from rrt_engine.cli import app
from rrt_engine.decision import facts_digest
from rrt_engine.diagnostics import InputError
from rrt_engine.model import Fact, Question, Suggestion
from rrt_engine.paths import CASES
from rrt_engine.reports.check_words import facts_when_words
from rrt_engine.reports.suggestion_words import headline, level_words
from rrt_engine.sources.case_file import Case, read_case
from rrt_engine.sources.facts import value_of
from rrt_engine.thresholds.suggest import Reasoner, question_of
from rrt_engine.thresholds.two_engines import EnginesDisagree, checked_by_both
from rrt_engine.thresholds.what_if import changed
from rrt_engine.training import Words, suggester
from rrt_engine.web.answer import answer
from rrt_engine.words import day_words
from tests.shipped import BOOK, THRESHOLDS

AS_OF = parse_moment("2026-04-15")
REASONER = Reasoner(THRESHOLDS, AS_OF.day)
LETTER = CASES / "training" / "unsigned_letter.yaml"


@pytest.fixture(autouse=True)
def _one_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "rule_book", lambda _: BOOK)
    monkeypatch.setattr(cli, "threshold_book", lambda *_: THRESHOLDS)


def rrt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def suggested(*facts: Fact, flags: tuple[tuple[str, str], ...] = ()) -> Suggestion:
    return REASONER.suggest(Question("C-1", AS_OF.day, facts, (), flags))


def case(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(f"case: C-1\nchild: {{date_of_birth: 2019-03-02}}\n{text}", encoding="utf-8")
    return path


NEGLECT = Fact("neglect_level", "moderate", "observed")


# ---------------------------------------------------------------------------------------------------- one case


def test_the_document_holds_the_suggestion_in_its_public_shape() -> None:
    document = json.loads(rrt("check", LETTER, "--as-of", "2026-04-15", "--format", "json").stdout)
    found = document["suggestion"]
    assert found["level"] == 3 and found["level_name"] == "Additional Needs" and found["could_be"] == 4
    assert found["pathways"][0] == "seek_advice" and found["urgency"] == "same_day"
    assert {"rule", "effect", "facts", "source", "verified", "text"} <= set(found["reasons"][0])
    assert {"fact", "could_change_to", "text"} <= set(found["missing"][0]) and {"level", "tips_if"} == set(found["alternatives"][0])
    assert {"status", "gate", "record"} == set(found["consent"])


def test_the_text_says_that_it_suggests_and_a_person_decides_and_that_the_set_is_illustrative() -> None:
    text = " ".join(rrt("check", LETTER, "--as-of", "2026-04-15").stdout.split())
    assert "Suggested:" in text and "a person decides" in text and "Illustrative" in text and "local sign-off" in text
    assert "score" not in text.lower()


def test_a_case_without_facts_has_no_suggestion_and_starts_no_second_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    found = rrt("check", CASES / "training" / "plan_drifting.yaml", "--as-of", "2026-04-15", "--format", "json")
    assert json.loads(found.stdout)["suggestion"] is None


def test_facts_without_events_are_enough(tmp_path: Path) -> None:
    path = case(tmp_path, "facts:\n  - {fact: neglect_level, value: moderate, evidence: observed}\n")
    found = rrt("check", path, "--as-of", "2026-04-15", "--format", "json")
    assert found.exit_code == 0 and json.loads(found.stdout)["suggestion"]["level"] == 3


def test_an_overdue_strategy_discussion_is_asked_about(tmp_path: Path) -> None:
    events = "events:\n  - {event: reasonable_cause_to_suspect_sh, at: 2026-04-02T09:00}\n"
    facts = "facts:\n  - {fact: neglect_level, value: low, evidence: observed}\n"
    found = read_case(case(tmp_path, events + facts), BOOK, None, lambda: THRESHOLDS)
    checked = check_case(found, BOOK, AS_OF, REASONER)
    assert any(f.status == "overdue" and f.rule.startswith("cp_strategy_discussion") for f in checked.flags)
    assert checked.suggestion is not None
    assert any("strategy discussion" in p and "overdue" in p for p in checked.suggestion.prompts)
    assert checked.suggestion.level == suggested(Fact("neglect_level", "low", "observed")).level  # a flag never moves the level


def test_what_is_recorded_of_a_suggestion(tmp_path: Path) -> None:
    facts = "facts:\n  - {fact: neglect_level, value: moderate, evidence: observed}\n  - {fact: consent_status, value: given}\n"
    found = read_case(case(tmp_path, facts), BOOK, None, lambda: THRESHOLDS)
    kept = for_the_record(check_case(found, BOOK, AS_OF, REASONER), BOOK, AS_OF)
    assert (kept.case, kept.level, kept.consent_status, kept.rule_set_digest) == ("C-1", 3, "given", BOOK.digest)
    nothing = read_case(case(tmp_path, ""), BOOK, None, lambda: THRESHOLDS)
    assert for_the_record(check_case(nothing, BOOK, AS_OF), BOOK, AS_OF).level is None


# ---------------------------------------------------------------------------------------------------- what was known by then

STEPS = """
events:
  - {event: contact_received, at: 2026-03-01}
facts:
  - {fact: poor_punctuality, value: true, evidence: observed}
steps:
  - tell: A word with the teacher.
    facts:
      - {fact: bullied, value: true, evidence: observed}
  - at: 2026-03-10
    tell: She says what happened four years ago.
    facts:
      - {fact: neglect_level, value: moderate, evidence: disclosed, timing: past}
      - {fact: consent_override_reason, value: unknown}
  - tell: And what happened this week.
    facts:
      - {fact: physical_punishment, value: repeated, evidence: disclosed, "on": 2026-03-05}
  - at: 2026-03-20
    tell: A letter comes.
    facts:
      - {fact: child_isolated, value: true, evidence: observed}
"""


def on_day(found: Case, day: str) -> Checked:
    moment = parse_moment(day)
    return check_case(found, BOOK, moment, Reasoner(THRESHOLDS, moment.day))


def test_a_fact_told_in_a_later_step_counts_from_that_day_and_one_without_a_day_from_that_of_the_step_before(tmp_path: Path) -> None:
    found = read_case(case(tmp_path, STEPS), BOOK, None, lambda: THRESHOLDS)
    day = {fact.id: fact.told for fact in found.every_fact()}
    tenth, twentieth = parse_moment("2026-03-10").day, parse_moment("2026-03-20").day
    assert (day["poor_punctuality"], day["bullied"], day["physical_punishment"]) == (NO_DAY, NO_DAY, tenth)
    assert (day["neglect_level"], day["child_isolated"]) == (tenth, twentieth)
    before, after = on_day(found, "2026-03-09"), on_day(found, "2026-03-10")
    assert before.suggestion and after.suggestion
    assert {aside.fact for aside in before.suggestion.not_counted} >= {"neglect_level", "physical_punishment", "child_isolated"}
    assert "it is told on 10 March 2026, after the date of this check" in {aside.why for aside in before.suggestion.not_counted}
    assert {aside.fact for aside in after.suggestion.not_counted} == {"child_isolated"}
    assert before.suggestion.level < after.suggestion.level == 4
    assert "neglect_level" not in {f for reason in before.suggestion.reasons for f in reason.facts}


def test_before_any_threshold_rule_was_in_force_nothing_is_suggested_and_that_is_said(tmp_path: Path) -> None:
    """Level 1 on such a day would be an answer that no rule gave, to a child in immediate danger too."""
    first = min(rule.first_day for rule in THRESHOLDS.rules if rule.spec.effect in ("floor", "consider", "raise"))
    before, then = (as_date(day).isoformat() for day in (first - 1, first))
    text = f"""\
events:
  - {{event: referral_received, at: {before}, ref: R1}}
facts:
  - {{fact: immediate_danger_now, value: true, evidence: confirmed}}
"""
    path = case(tmp_path, text)
    found = read_case(path, BOOK, None, lambda: THRESHOLDS)
    earlier, later = on_day(found, before), on_day(found, then)
    assert earlier.question is None and earlier.suggestion is None and len(earlier.flags) == len(later.flags)
    assert later.suggestion and later.suggestion.level == 4
    said = f"No threshold rule was in force on {day_words(first - 1)}, so nothing is suggested, whatever the facts"
    shown = rrt("check", path, "--as-of", before, "--exit-zero").stdout
    assert said in " ".join(shown.split()) and "Suggested:" not in shown and "No facts" not in shown
    assert "Suggested: Level 4" in rrt("check", path, "--as-of", then, "--exit-zero").stdout
    document = json.loads(rrt("check", path, "--as-of", before, "--format", "json", "--exit-zero").stdout)
    assert document["suggestion"] is None and document["flags"]
    answered = answer(earlier, BOOK, THRESHOLDS, parse_moment(before))
    assert answered.said is None and answered.unsuggested == said and answered.has_facts
    record = for_the_record(earlier, BOOK, parse_moment(before))
    assert record.level is None and record.pathways == () and record.checked_by == ""
    replayed = rrt("replay", path, "--as-of", before, "--thresholds")
    assert replayed.exit_code == 2 and said[:1].lower() + said[1:] in " ".join(replayed.stderr.split())
    with pytest.raises(InputError, match="no threshold rule was in force"):
        suggester(found, THRESHOLDS)(found.facts, first - 1)
    assert suggester(found, THRESHOLDS)(found.facts, first).level == 4


def test_of_an_open_case_whose_facts_say_nothing_of_need_no_level_is_said(tmp_path: Path) -> None:
    text = "events:\n  - {event: cin_plan_started, at: 2026-03-01, ref: P1}\nfacts:\n  - {fact: da_current, value: unknown}\n"
    found = on_day(read_case(case(tmp_path, text), BOOK, None, lambda: THRESHOLDS), "2026-04-15").suggestion
    assert found and found.nothing_of_need
    first = THRESHOLDS.pathways[found.pathways[0]].label
    assert headline(found, THRESHOLDS) == f"Suggested: {first}. Nothing recorded points to extra need yet: 1 fact is unknown."


def test_what_was_missed_and_has_ended_since_asks_nobody_to_act(tmp_path: Path) -> None:
    """The prompt to tell the conference chair is for a step that is still owed, not for one of an enquiry closed last year."""
    text = """\
events:
  - {event: referral_received, at: 2025-05-01, ref: R1}
  - {event: s47_started, at: 2025-05-01, ref: R1/S1}
facts:
  - {fact: neglect_level, value: moderate, evidence: observed}
"""
    closed = text.replace("facts:", "  - {event: case_closed, at: 2025-07-03, ref: R1}\nfacts:")
    asked = {}
    for name, written in (("open", text), ("closed", closed)):
        path = case(tmp_path, written)
        checked = on_day(read_case(path, BOOK, None, lambda: THRESHOLDS), "2026-03-31")
        assert checked.suggestion
        [seen] = [f for f in checked.flags if f.rule == "cp_child_seen_s47"]
        assert (seen.status, seen.ended_by is None) == ("overdue", name == "open")
        pairs = flag_pairs(checked.result.flags, BOOK)
        assert (("as_single_45wd", "ended") in pairs) == (name == "closed"), "what has ended in time is still said to have"
        asked[name] = [r.text for r in checked.suggestion.reasons if r.rule == "rt_flag_conference_overdue"]
        table = tmp_path / "suggestions.csv"
        assert rrt("replay", path, "--as-of", "2026-03-31", "--suggestions", table, "--exit-zero").exit_code == 0
        assert ("rt_flag_conference_overdue" in table.read_text(encoding="utf-8")) == (name == "open")
        told = suggester(read_case(path, BOOK, None, lambda: THRESHOLDS), THRESHOLDS)((NEGLECT,), parse_moment("2026-03-31").day)
        assert [r.rule for r in told.reasons].count("rt_flag_conference_overdue") == (name == "open")
    assert not asked["closed"] and len(asked["open"]) == 1
    title = BOOK.named("cp_child_seen_s47")[-1].spec.title
    assert f"“{title}” is overdue" in asked["open"][0] and "cp_child_seen" not in asked["open"][0]


@pytest.mark.parametrize("path", sorted((CASES / "training").glob("*.yaml")), ids=lambda p: p.stem)
def test_when_a_fact_was_told_moves_nothing_once_it_is_told(path: Path) -> None:
    """It says when it became known, never how long ago the thing was: history told this week stays history, at any later day."""
    found = read_case(path, BOOK, None, lambda: THRESHOLDS)
    plain = tuple(replace(fact, told=NO_DAY) for fact in found.every_fact())
    for day in ("2026-04-15", "2028-04-15") if plain else ():
        moment = parse_moment(day)
        reasoner = REASONER if moment == AS_OF else Reasoner(THRESHOLDS, moment.day)
        with_days, without = (
            reasoner.suggest(question_of(found.id, facts, found.log, 0, THRESHOLDS, moment.day)) for facts in (found.every_fact(), plain)
        )
        assert with_days == without
    assert facts_digest(found.every_fact()) == facts_digest(plain)


def test_a_reason_told_later_for_acting_without_consent_is_no_reason_before(tmp_path: Path) -> None:
    kept = "facts:\n  - {fact: consent_status, value: refused}\nsteps:\n  - at: 2026-03-10\n    tell: They say why.\n    facts:\n"
    reason = next(str(v) for v in THRESHOLDS.facts["consent_override_reason"].values)
    found = read_case(case(tmp_path, f"{kept}      - {{fact: consent_override_reason, value: {reason}}}\n"), BOOK, None, lambda: THRESHOLDS)
    for day, said in (("2026-03-09", ""), ("2026-03-10", reason)):
        assert for_the_record(on_day(found, day), BOOK, parse_moment(day)).consent_override_reason == said


def test_how_many_facts_are_of_after_the_day_and_how_many_have_no_date_stands_above_the_headline(tmp_path: Path) -> None:
    path = case(tmp_path, STEPS)
    text = " ".join(rrt("check", path, "--as-of", "2026-03-09").stdout.split())
    later, always = "4 recorded facts after that date are not counted.", "2 recorded facts without a date are used on every day."
    assert f"{later} {always}" in text and text.index(always) < text.index("Suggested: ")
    text = " ".join(rrt("check", path, "--as-of", "2026-03-19").stdout.split())
    assert "1 recorded fact after that date is not counted." in text
    text = " ".join(rrt("check", path, "--as-of", "2026-03-20").stdout.split())
    assert "after that date" not in text and always in text
    dated = [Fact("bullied", True, on=AS_OF.day), Fact("poor_punctuality", "unknown"), Fact("neglect_level", "low", "refuted")]
    assert facts_when_words(dated, AS_OF.day) == "" and facts_when_words([], AS_OF.day) == ""
    assert facts_when_words(dated, AS_OF.day - 1) == "1 recorded fact after that date is not counted."


# ---------------------------------------------------------------------------------------------------- nothing said of need

UNKNOWN = Fact("da_current", "unknown")
REFUTED = Fact("neglect_level", "severe", "refuted")
LATER = Fact("physical_punishment", "repeated", "disclosed", on=AS_OF.day + 1)
CONSENT = Fact("consent_status", "given", "observed")
ELSEWHERE = Fact("bullied", True, "observed", subject="sibling")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ((UNKNOWN, Fact("consent_status", "unknown")), "2 facts are unknown."),
        ((REFUTED,), "1 fact is refuted."),
        ((LATER, replace(LATER, id="bullied", value=True)), "2 facts are of a later day."),
        ((replace(LATER, on=NO_DAY, told=AS_OF.day + 1),), "1 fact is of a later day."),
        ((UNKNOWN, REFUTED, LATER), "1 fact is unknown, 1 is refuted and 1 is of a later day."),
        ((CONSENT,), "1 fact is about consent or circumstances."),
        ((UNKNOWN, CONSENT), "1 fact is unknown and 1 is about consent or circumstances."),
        ((UNKNOWN, ELSEWHERE), "1 fact is unknown and 1 is about another child."),
        ((), "none is recorded."),
    ],
)
def test_where_no_fact_speaks_of_need_level_1_is_not_what_is_said(facts: tuple[Fact, ...], said: str) -> None:
    found = suggested(*facts)
    shown = headline(found, THRESHOLDS)
    assert shown.startswith(f"Nothing recorded points to extra need yet: {said}")
    assert found.level == 1 and "Level 1, Universal" not in shown and "Universal services" not in shown and "Suggested" not in shown
    assert ("It could be level 4 if this were so: Domestic abuse in the household now: severe." in shown) == (UNKNOWN in facts)
    assert Words(THRESHOLDS).suggestion(found) == shown  # in training too
    assert "Universal" not in level_words(found)


@pytest.mark.parametrize(
    "facts",
    [
        (Fact("poor_punctuality", False, "observed"),),
        (Fact("da_current", "none", "observed"), Fact("consent_status", "given")),
        (Fact("parental_engagement", "engaged", "observed"), REFUTED),
    ],
)
def test_level_1_stands_where_somebody_looked_and_found_no_need_or_a_strength(facts: tuple[Fact, ...]) -> None:
    assert headline(suggested(*facts), THRESHOLDS) == "Suggested: Level 1, Universal. Universal services."
    assert "it could be" not in Words(THRESHOLDS).suggestion(suggested(*facts)).lower()


def test_level_1_is_not_said_without_what_is_unknown_and_could_be_grave() -> None:
    found = suggested(Fact("parental_engagement", "engaged", "observed"), UNKNOWN, CONSENT)
    more = "It could be level 4 if this were so: Domestic abuse in the household now: severe."
    assert headline(found, THRESHOLDS) == f"Suggested: Level 1, Universal. Universal services. {more}"
    assert Words(THRESHOLDS).suggestion(found).endswith(more)


def test_many_unknowns_are_named_to_three_and_the_rest_counted() -> None:
    unknown = [Fact(name, "unknown") for name in ("da_current", "neglect_level", "disclosure_physical_abuse", "physical_punishment")]
    found = suggested(*unknown)
    four = [m for m in found.missing if m.could_change_to == 4]
    assert len(four) == 4 and "; and 1 more." in headline(found, THRESHOLDS)


def test_above_level_1_the_headline_is_that_of_the_level() -> None:
    found = suggested(NEGLECT, UNKNOWN)
    assert headline(found, THRESHOLDS).startswith("Suggested: Level 3, ") and "Nothing" not in headline(found, THRESHOLDS)


def test_a_plan_the_timeline_gives_is_said_though_nobody_recorded_a_fact_of_need(tmp_path: Path) -> None:
    text = "events:\n  - {event: cp_plan_started, at: 2026-03-02}\nfacts:\n  - {fact: consent_status, value: given, evidence: observed}\n"
    found = on_day(read_case(case(tmp_path, text), BOOK, None, lambda: THRESHOLDS), "2026-04-15").suggestion
    assert found and found.level == 4 and "Nothing recorded" not in headline(found, THRESHOLDS)


def test_the_record_keeps_no_level_as_suggested_where_no_fact_speaks_of_need(tmp_path: Path) -> None:
    for fact, level in (("da_current, value: unknown", None), ("da_current, value: severe, evidence: observed", 4)):
        found = read_case(case(tmp_path, f"facts:\n  - {{fact: {fact}}}\n"), BOOK, None, lambda: THRESHOLDS)
        checked = check_case(found, BOOK, AS_OF, REASONER)
        kept = for_the_record(checked, BOOK, AS_OF)
        assert checked.suggestion and (kept.level, kept.pathways) == (level, checked.suggestion.pathways)


def test_the_command_says_it_at_the_top(tmp_path: Path) -> None:
    path = case(tmp_path, "facts:\n  - {fact: da_current, value: unknown}\n")
    text = " ".join(rrt("check", path, "--as-of", "2026-04-15", "--what-if", "da_current=severe,evidence=observed").stdout.split())
    said = "Nothing recorded points to extra need yet: 1 fact is unknown. It could be level 4 if this were so: Domestic abuse"
    assert text.count(said) == 3 and "Suggested: Level 1" not in text and "If changed: Suggested: Level 4" in text


# ---------------------------------------------------------------------------------------------------- trying


def test_missing_facts_are_found_by_trying_them() -> None:
    found = suggested(Fact("physical_punishment", "repeated", "alleged"))
    assert found.level == 3 and found.could_be == 4
    line = found.missing[0]
    assert line.fact == "physical_punishment" and line.could_change_to == 4
    assert suggested(Fact("physical_punishment", "repeated", "disclosed")).level == 4


@pytest.mark.parametrize("path", sorted((CASES / "training").glob("*.yaml")), ids=lambda p: p.stem)
def test_everything_said_to_change_the_answer_does(path: Path) -> None:
    found = read_case(path, BOOK, None, lambda: THRESHOLDS)
    if not found.every_fact():
        return
    question = question_of(found.id, found.every_fact(), found.log, 0, THRESHOLDS, AS_OF.day)
    now = REASONER.suggest(question)
    for line in now.missing:
        kind = THRESHOLDS.facts[line.fact]
        value: Any = True if kind.type == "boolean" else line.value.replace(" ", "_") if kind.values else int(line.value)
        tried = Fact(line.fact, value, "observed", "specific", "current")
        rest = tuple(f for f in question.recorded if f.id != line.fact)
        then = REASONER.suggest(Question("C-1", AS_OF.day, (*rest, tried), tuple(f for f in question.computed if f.id != line.fact)))
        if line.could_change_to is not None:
            assert then.level == line.could_change_to, line
        else:
            assert (then.significant, then.pathways[0]) != (now.significant, now.pathways[0]), line
    if now.level > 1 and now.smallest:
        tokens = REASONER.indicators(question).tokens
        concerns = {str(t["f"]) for t in tokens if int(t["w"]) >= 2 or t["r"] == "raises"} - set(now.smallest)
        kept = tuple(f for f in question.recorded if f.id not in concerns)
        then = REASONER.suggest(Question("C-1", AS_OF.day, kept, tuple(f for f in question.computed if f.id not in concerns)))
        assert then.level == now.level
    assert now.alternatives or any(r.effect == "floor" for r in now.reasons)


def test_a_changed_fact_keeps_the_best_evidence_recorded() -> None:
    question = Question("C-1", AS_OF.day, (NEGLECT, Fact("neglect_level", "none", "reported")))
    after, words = changed(question, ["neglect_level=severe,timing=current"], THRESHOLDS)
    assert after.recorded[-1].evidence == "observed" and words == ["Neglect (professional grading): severe (observed)"]
    assert REASONER.suggest(after).significant
    after, _ = changed(question, ["da_current=severe,evidence=alleged"], THRESHOLDS)
    assert after.recorded[-1] == Fact("da_current", "severe", "alleged", "specific", "current")
    after, _ = changed(question, ["neglect_level=unknown"], THRESHOLDS)
    assert REASONER.suggest(after).level == 1


def test_what_if_says_what_moves_and_why() -> None:
    found = rrt("check", LETTER, "--as-of", "2026-04-15", "--what-if", "physical_punishment=injury_or_implement,evidence=disclosed")
    text = " ".join(found.stdout.split())
    assert "As recorded: Suggested: Same-day advice" in text and "If changed: Suggested: Level 4, Significant" in text
    wrong = rrt("check", LETTER, "--as-of", "2026-04-15", "--what-if", "physical_punishmnt=mild", "--what-if", "neglect_level")
    assert wrong.exit_code == 2 and "did you mean `physical_punishment`?" in wrong.output and "does not say what to change" in wrong.output


# ---------------------------------------------------------------------------------------------------- facts as recorded


def test_every_mistake_in_facts_is_said_at_its_place(tmp_path: Path) -> None:
    path = case(
        tmp_path,
        "facts:\n"
        "  - {fact: da_curent, value: present}\n"
        "  - {fact: da_current, value: presnt, evidence: reportd}\n"
        "  - {fact: contacts_count_12m, value: lots}\n"
        "  - {fact: child_seen_and_heard, valu: true}\n"
        "  - bruise\n",
    )
    found = rrt("check", path, "--as-of", "2026-04-15")
    said = [line.split(": ")[0].rsplit(":", 2)[-2:] for line in found.output.splitlines() if "error[" in line]
    assert found.exit_code == 2 and said == [["4", "6"], ["5", "24"], ["5", "39"], ["6", "32"], ["7", "34"], ["8", "5"]]
    for help in ("`da_current`", "`present`", "`reported`", "`several`", "`value`", "such as {fact:"):
        assert help in found.output, help


def test_what_is_refuted_in_the_future_or_about_another_child_is_kept_and_not_counted() -> None:
    later = Fact("da_current", "severe", "confirmed", on=AS_OF.day + 1)
    sibling = Fact("da_current", "severe", "confirmed", subject="sibling")
    other = Fact("da_current", "severe", "confirmed", subject="C-2")
    refuted = Fact("fgm_known", True, "refuted")
    found = suggested(NEGLECT, later, sibling, other, refuted)
    assert found.level == 3 and [s.fact for s in found.not_counted] == ["da_current"] * 3 + ["fgm_known"]
    assert suggested(Fact("da_current", "severe", "confirmed", on=AS_OF.day)).level == 4
    assert suggested(Fact("da_current", "severe", "confirmed", subject="mother")).level == 4


@pytest.mark.parametrize(("fact", "least", "most"), [("da_dash_ticks", 0, 24), ("gcp2_worst_grade", 1, 5), ("attendance_percent", 0, 100)])
def test_a_number_is_taken_up_to_its_bounds_and_not_past_them(fact: str, least: int, most: int) -> None:
    kind = THRESHOLDS.facts[fact]
    assert [value_of(n, kind) for n in (least, most)] == [least, most]
    assert [value_of(n, kind) for n in (least - 1, most + 1)] == [None, None]


def test_contradictory_records_are_both_shown_and_the_safer_one_counts() -> None:
    found = suggested(NEGLECT, Fact("neglect_level", "none", "confirmed"))
    assert found.level == 3 and "safer reading `moderate`" in found.not_counted[0].why
    consent = suggested(NEGLECT, Fact("consent_status", "given"), Fact("consent_status", "refused"))
    assert consent.consent.status == "refused"
    later = suggested(NEGLECT, Fact("consent_status", "refused", on=AS_OF.day - 9), Fact("consent_status", "given", on=AS_OF.day))
    assert later.consent.status == "given"


def test_what_the_timeline_gives_wins_over_what_is_typed(tmp_path: Path) -> None:
    text = (
        "events:\n  - {event: contact_received, at: 2025-04-15}\n  - {event: contact_received, at: 2025-04-14}\n"
        "  - {event: contact_received, at: 2026-04-15}\n  - {event: contact_received, at: 2026-04-16}\n"
        "facts:\n  - {fact: contacts_count_12m, value: 7, evidence: reported}\n"
    )
    covered = "covers: {from: 2025-04-15, kind: history}\n"
    found = read_case(case(tmp_path, covered + text), BOOK, None, lambda: THRESHOLDS)
    question = question_of(found.id, found.facts, found.log, 0, THRESHOLDS, AS_OF.day)
    assert [(f.value, f.id) for f in question.computed if f.id == "contacts_count_12m"] == [(2, "contacts_count_12m")]
    answer = REASONER.suggest(question)
    assert answer.not_counted[0].fact == "contacts_count_12m" and "contacts_for_chronology" not in {r.rule for r in answer.reasons}
    assert answer.not_counted[0].why.startswith("recorded as `7`; the timeline gives `2`") and answer.not_counted[0].why.endswith("is used")
    # A timeline that does not say what it covers may lack some: then the graver of the two counts, and both are said.
    for before in ("", "covers: {from: 2025-04-16, kind: history}\n"):
        open_ended = read_case(case(tmp_path, before + text), BOOK, None, lambda: THRESHOLDS)
        answer = REASONER.suggest(question_of("C-1", open_ended.facts, open_ended.log, 0, THRESHOLDS, AS_OF.day))
        assert "the safer of the two counts" in answer.not_counted[0].why and any("chronology" in p for p in answer.prompts)


def test_a_plan_that_the_timeline_shows_to_have_ended_is_not_open_whatever_is_typed(tmp_path: Path) -> None:
    text = (
        "events:\n  - {event: cp_plan_started, at: 2025-06-01}\n  - {event: cp_plan_ended, at: 2026-03-02}\n"
        "facts:\n  - {fact: open_case_status, value: cp_plan}\n"
    )
    found = read_case(case(tmp_path, text), BOOK, None, lambda: THRESHOLDS)
    answer = REASONER.suggest(question_of("C-1", found.facts, found.log, 0, THRESHOLDS, AS_OF.day))
    assert answer.level == 1 and "which is used" in answer.not_counted[0].why
    only_in_need = text.replace("cp_plan_started", "cin_plan_started").replace("cp_plan_ended", "cin_plan_ended")
    found = read_case(case(tmp_path, only_in_need), BOOK, None, lambda: THRESHOLDS)
    answer = REASONER.suggest(question_of("C-1", found.facts, found.log, 0, THRESHOLDS, AS_OF.day))
    assert any(f.value == "cp_plan" for f in found.facts) and "allocated_social_worker" in answer.pathways


@pytest.mark.parametrize(("born", "months"), [("2025-04-16", 11), ("2025-04-15", 12), ("2024-02-29", 25)])
def test_an_age_is_counted_to_the_day(tmp_path: Path, born: str, months: int) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(f"case: C-1\nchild: {{date_of_birth: {born}}}\n", encoding="utf-8")
    question = question_of("C-1", (), read_case(path, BOOK).log, 0, THRESHOLDS, AS_OF.day)
    assert {f.id: f.value for f in question.computed}["child_age_months"] == months


@pytest.mark.parametrize(
    ("fact", "born", "fits"),
    [
        ("homeless_16_17", "2010-04-15", True),  # 16 today
        ("homeless_16_17", "2010-04-16", False),  # 16 tomorrow
        ("homeless_16_17", "2008-04-16", True),  # 18 tomorrow
        ("homeless_16_17", "2008-04-15", False),  # 18 today
        ("injury_under_two", "2024-04-16", True),  # two tomorrow
        ("injury_under_two", "2024-04-15", False),  # two today
    ],
)
def test_a_fact_that_does_not_fit_the_age_is_said_and_counts_all_the_same(tmp_path: Path, fact: str, born: str, fits: bool) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(f"case: C-1\nchild: {{date_of_birth: {born}}}\n", encoding="utf-8")
    recorded = (Fact(fact, True, "observed"),)
    answer = REASONER.suggest(question_of("C-1", recorded, read_case(path, BOOK).log, 0, THRESHOLDS, AS_OF.day))
    assert ([s.fact for s in answer.not_counted] == []) is fits and answer.level >= 3
    assert fits or "whose age it does not fit" in answer.not_counted[0].why


def test_a_period_that_has_ended_is_no_longer_open(tmp_path: Path) -> None:
    text = "events:\n  - {event: cp_plan_started, at: 2025-06-01}\n  - {event: cp_plan_ended, at: 2026-04-15}\n"
    log = read_case(case(tmp_path, text), BOOK).log
    on_the_day = {f.id: f.value for f in question_of("C-1", (), log, 0, THRESHOLDS, AS_OF.day).computed}
    before = {f.id: f.value for f in question_of("C-1", (), log, 0, THRESHOLDS, AS_OF.day - 1).computed}
    assert (on_the_day["open_case_status"], on_the_day["previous_cp_plan_24m"]) == ("none", True)
    assert before["open_case_status"] == "cp_plan" and "previous_cp_plan_24m" not in before


# ---------------------------------------------------------------------------------------------------- two engines


class _Other:
    """A second engine that fires a rule too few."""

    why = ""

    def opinions(self, cases: Any) -> list[frozenset[Any] | None]:
        return [frozenset() for _ in cases]


def test_a_disagreement_is_an_error_that_names_the_case_and_nothing_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnginesDisagree, match="case `C-1` about `rt_") as error:
        checked_by_both(REASONER, Question("C-1", AS_OF.day, (NEGLECT,)), _Other())  # type: ignore[arg-type]
    assert error.value.case == "C-1"
    from rrt_engine.thresholds import worker

    monkeypatch.setattr(worker.Worker, "opinions", lambda _, cases: _Other().opinions(cases))
    found = rrt("check", LETTER, "--as-of", "2026-04-15")
    assert (
        found.exit_code == 2 and "the two engines disagree on case `T-UNSIGNED-LETTER`" in found.output and "Suggested" not in found.output
    )


def test_without_a_second_engine_the_answer_stands_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from rrt_engine.thresholds import worker

    class Missing(_Other):
        why = "durable_rules is not installed"

        def opinions(self, cases: Any) -> list[frozenset[Any] | None]:
            return [None for _ in cases]

    found = checked_by_both(REASONER, Question("C-1", AS_OF.day, (NEGLECT,)), Missing())  # type: ignore[arg-type]
    assert found.level == 3 and found.checked_by == "checked by one engine: durable_rules is not installed"
    monkeypatch.setattr(worker.Worker, "opinions", lambda _, cases: Missing().opinions(cases))
    assert "hecked by one engine" in " ".join(rrt("check", LETTER, "--as-of", "2026-04-15").stdout.split())


# ---------------------------------------------------------------------------------------------------- rrt facts


def test_facts_are_found_by_what_people_call_them() -> None:
    for words, name in (("bruise",), "injury_to_non_mobile_child"), (("left", "alone"), "young_child_left_alone"), (("zebra",), ""):
        found = rrt("facts", *words)
        assert (name in found.stdout and "Weighs:" in found.stdout) if name else found.exit_code == 1
    assert "Did you mean neglect? Find it with: rrt facts neglect\n" in rrt("facts", "neglct").stderr
    document = json.loads(rrt("facts", "neglect_level", "--format", "json").stdout)
    assert [f["id"] for f in document["facts"]] == ["neglect_level"] and document["facts"][0]["sources"]
    assert "176 facts" in rrt("facts").stdout


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(THRESHOLDS.facts)


def test_no_fact_is_about_who_people_are_or_where_they_live() -> None:
    text = " ".join(f"{name} {kind.label}".lower() for name, kind in THRESHOLDS.facts.items())
    for word in ("ethnic", "religio", "nationalit", "postcode", "benefit", "language spoken", "asylum status"):
        assert word not in text, word
    assert len(_known()) == 176 and NO_DAY < 0
