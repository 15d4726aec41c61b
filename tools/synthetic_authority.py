"""Compare synthetic authorities with the published figures they follow: `python tools/synthetic_authority.py` writes the table.

The table in docs/synthetic-authority.md is between two markers and is written anew; a test checks that it is current.
Each measure is worked out from a replay of the log: the flags of the rules where a rule says it, and the events otherwise.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import Moment, add_months, birthdays, day_number
from rrt_engine.model import LATE, MET, OVERDUE, EventLog
from rrt_engine.paths import RULES
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import load
from rrt_engine.sources.event_log import read_event_log
from rrt_engine.synth.figures import AUTHORITIES, Authority, load_figures
from rrt_engine.synth.write import plan_of, write_authority
from rrt_engine.timescales.evaluate import Result, evaluate

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "synthetic-authority.md"
BEGIN, END = "<!-- figures: written by tools/synthetic_authority.py -->", "<!-- end of figures -->"
CHILDREN, SEED = 100_000, 1
SINCE, TO = date(2020, 4, 1), date(2026, 3, 31)
YEAR_ENDS = tuple(day_number(date(year, 3, 31)) for year in (2023, 2024, 2025, 2026))
BANDS = {
    "assessment": [(0, 0), (1, 10), (11, 20), (21, 30), (31, 40), (41, 45), (46, 50), (51, 60), (61, 10_000)],
    "icpc": [(0, 10), (11, 15), (16, 20), (21, 10_000)],
}
FOSTER, HOMES = ("U1", "U2", "U3", "U4", "U5", "U6"), ("K1", "K2")


@dataclass(frozen=True)
class Replayed:
    """One authority's log and what the rules say of it."""

    log: EventLog
    result: Result
    book: RuleBook

    def rows(self, kind: str) -> Any:
        """The rows of one kind of event."""
        return np.flatnonzero(self.log.kind == self.log.kinds.index(kind)) if kind in self.log.kinds else np.zeros(0, np.int64)

    def words(self, name: str, rows: Any) -> Any:
        """What events record for an attribute, as text."""
        column = self.log.attributes[name]
        return np.array([*(str(v) for v in column.values), ""])[column.codes[rows]]

    def flags(self, *rules: str) -> Any:
        """Which flags are those of some rules."""
        wanted = [i for i, r in enumerate(self.book.rules) if r.id in rules]
        return np.flatnonzero(np.isin(self.result.flags.rule, wanted))

    def share(self, *rules: str) -> Figure:
        """The share on time, in per cent: met out of met, late and overdue."""
        status = self.result.flags.status[self.flags(*rules)]
        return percent(np.count_nonzero(status == MET), np.count_nonzero(np.isin(status, [MET, LATE, OVERDUE])))

    def spans(self, start: str, end: str, later: bool = False) -> tuple[Any, Any, Any]:
        """Periods from each event of one kind to the next of another for the same child: child, start, end (far off where none).

        With `later` the end is on a later day: a placement that ends on the day is the one before.
        """
        begins, ends = self.rows(start), self.rows(end)
        key = self.log.child[ends].astype(np.int64) * 100_000 + self.log.day[ends]
        at = np.searchsorted(key, self.log.child[begins].astype(np.int64) * 100_000 + self.log.day[begins], "right" if later else "left")
        child = self.log.child[begins]
        inside = at < len(ends)
        found = (
            np.where(inside, self.log.child[ends[np.minimum(at, len(ends) - 1)]] == child, False) if len(ends) else np.zeros(len(at), bool)
        )
        until = np.where(found, self.log.day[ends[np.minimum(at, len(ends) - 1)]], 99_999) if len(ends) else np.full(len(at), 99_999)
        return child, self.log.day[begins], until


Figure = tuple[float, int]
"""A figure, and of how many cases."""


def percent(part: Any, whole: Any) -> Figure:
    """A share in per cent, and of how many."""
    return (100 * float(part) / float(whole) if whole else float("nan")), int(whole)


def mean(figures: list[Figure]) -> Figure:
    """The mean of several years' figures."""
    return float(np.mean([f[0] for f in figures])), sum(f[1] for f in figures)


def replayed(authority: Authority, children: int = CHILDREN, seed: int = SEED) -> Replayed:
    """Make an authority without errors, read it as any event log is read, and evaluate every rule."""
    book = load(RULES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.parquet"
        write_authority(plan_of(children, seed, path, authority, SINCE, TO, 0.0, RULES), path, None, 1)
        log = read_event_log(path, book).log
    return Replayed(log, evaluate(log, book, Moment(day_number(TO))), book)


# ------------------------------------------------------------------------------------------------ measures


def measures(r: Replayed) -> dict[str, Figure]:
    """Every measure of one authority, by the name it has in calibration.yaml."""
    return {name: value for part in (_front_door, _durations, _protection, _care, _outcomes, _rest) for name, value in part(r)}


def _last_year(r: Replayed, kind: str) -> int:
    return int(np.count_nonzero(r.log.day[r.rows(kind)] > YEAR_ENDS[-2]))


def _front_door(r: Replayed) -> Iterator[tuple[str, Figure]]:
    log = r.log
    again = r.result.flags.start[r.flags("fd_rereferral_12m")] > YEAR_ENDS[-2]
    yield "rereferrals", percent(np.count_nonzero(again), _last_year(r, "referral_received"))
    outcome = r.words("outcome", r.rows("contact_outcome_recorded"))
    yield "contacts_to_referral", percent(np.count_nonzero(outcome == "referral"), len(outcome))
    yield "decisions_in_time", r.share("fd_referral_decision_1wd")
    referrals = len(r.rows("referral_received"))
    yield "assessments_per_referral", percent(len(r.rows("assessment_authorised")), referrals)
    yield "enquiries_per_referral", percent(len(r.rows("s47_started")), referrals)
    _, start, end = r.spans("referral_received", "case_closed")
    ends = YEAR_ENDS[-2:]
    yearly = [
        np.count_nonzero((log.day[r.rows("referral_received")] > e - 365) & (log.day[r.rows("referral_received")] <= e)) for e in ends
    ]
    yield "in_need_per_referral", mean([percent(_open_children(start, end, e), y) for e, y in zip(ends, yearly, strict=True)])


def _open_children(start: Any, end: Any, day: int) -> int:
    """How many episodes are open on a day."""
    return int(np.count_nonzero((start <= day) & (end > day)))


def _durations(r: Replayed) -> Iterator[tuple[str, Figure]]:
    for name, rule in (("assessment", "as_single_45wd_census"), ("icpc", "cp_icpc_15wd")):
        flags = r.flags(rule)
        flags = flags[(r.result.flags.answer[flags] >= 0) & np.isin(r.result.flags.status[flags], [MET, LATE])]
        start, done = r.result.flags.start[flags], r.log.day[r.result.flags.answer[flags]]
        days = r.book.calendar.working_days_between(start, done)
        for low, high in BANDS[name]:
            key = f"{name}_{low}" if low == high else f"{name}_{low}_to_{high}" if high < 1_000 else f"{name}_{low}_and_over"
            yield key, percent(np.count_nonzero((days >= low) & (days <= high)), len(days))
        limit = 45 if name == "assessment" else 15
        yield f"{name}_within_{limit}", percent(np.count_nonzero(days <= limit), len(days))
        quartiles = np.percentile(days, [25, 50, 75], method="inverted_cdf")
        for quarter, value in zip(("lower_quartile", "median", "upper_quartile"), quartiles, strict=True):
            yield f"{name}_{quarter}", (float(value), len(days))


def _protection(r: Replayed) -> Iterator[tuple[str, Figure]]:
    log, flags = r.log, r.result.flags
    held = r.rows("icpc_held")
    conferences, plans = np.count_nonzero(r.words("transfer_in", held) != "True"), len(r.rows("cp_plan_started"))
    yield "conferences_per_enquiry", percent(conferences, len(r.rows("s47_started")))
    yield "plans_per_conference", percent(plans, conferences)
    child, start, end = r.spans("cp_plan_started", "cp_plan_ended")
    day = log.day[r.rows("cp_plan_started")]
    stock = [percent(_open_children(start, end, e), np.count_nonzero((day > e - 365) & (day <= e))) for e in YEAR_ENDS[-3:]]
    yield "plans_open_per_plan_started", mean(stock)
    # Plans open for three months on 31 March: every review that was due by then was held by its day.
    rows = r.flags("cp_rcpc_first", "cp_rcpc_next")
    late = rows[np.isin(flags.status[rows], [LATE, OVERDUE])]
    slipped, slipped_on = log.child[flags.trigger[late]], flags.due[late]
    good = whole = 0
    for e in YEAR_ENDS:
        now = (start <= add_months(np.array([e]), -3)[0]) & (end > e)
        begun = np.full(len(log.children), 99_999)
        begun[child[now]] = start[now]
        slips = np.unique(slipped[(slipped_on >= begun[slipped]) & (slipped_on < e)])
        good, whole = good + int(now.sum()) - len(slips), whole + int(now.sum())
    yield "reviews_in_time", percent(good, whole)
    over = (end < 99_999) & (end > YEAR_ENDS[0])
    yield "plans_ended_after_two_years", percent(np.count_nonzero(over & (end - start > 729)), np.count_nonzero(over))
    yield "plans_ended_in_three_months", percent(np.count_nonzero(over & (end <= add_months(start, 3))), np.count_nonzero(over))
    yield "protection_visits", r.share("cp_visit")
    yield "core_groups", r.share("cp_core_group_first", "cp_core_group_repeat")
    again = flags.start[r.flags("cp_second_plan_2y")] > YEAR_ENDS[0]
    yield "plans_again_in_two_years", percent(np.count_nonzero(again), np.count_nonzero(day > YEAR_ENDS[0]))


def _care(r: Replayed) -> Iterator[tuple[str, Figure]]:
    log = r.log
    child, start, end = r.spans("looked_after_started", "looked_after_ended")
    enquiries = log.day[r.rows("s47_started")]
    stock = _open_children(start, end, YEAR_ENDS[-1])
    yield "in_care_per_enquiry", percent(stock, np.count_nonzero(enquiries > YEAR_ENDS[-2]))
    placed, began, ended = r.spans("placement_started", "placement_ended", later=True)
    rows = r.rows("placement_started")
    kind, miles = r.words("type", rows), r.words("miles", rows).astype(np.int64)
    counts = dict.fromkeys(("foster", "homes", "parents", "far", "moved", "seen", "old", "settled", "all"), 0)
    visit = r.rows("lac_visit")
    seen = visit[r.words("child_seen", visit) == "True"]
    seen_key = log.child[seen].astype(np.int64) * 100_000 + log.day[seen]
    born = log.born
    assert born is not None
    for e in YEAR_ENDS:
        now = (began <= e) & (ended > e)
        counts["all"] += int(now.sum())
        counts["foster"] += int(np.isin(kind[now], FOSTER).sum())
        counts["homes"] += int(np.isin(kind[now], HOMES).sum())
        counts["parents"] += int((kind[now] == "P1").sum())
        counts["far"] += int((miles[now] > 20).sum())
        within = (began > e - 365) & (began <= e) | (began <= e - 365) & (ended > e - 365)
        times = np.bincount(placed[within & (ended - began > 0)], minlength=len(log.children))
        counts["moved"] += int((times[placed[now]] >= 3).sum())
        where = now & ~np.isin(kind, ("A5", "A6"))
        key = placed[where].astype(np.int64) * 100_000 + e
        counts["seen"] += int((np.searchsorted(seen_key, key, "right") > np.searchsorted(seen_key, key - 43, "right")).sum())
        counts["visitable"] = counts.get("visitable", 0) + int(where.sum())
        lasting = np.zeros(len(log.children), bool)
        lasting[child[(start <= e - 913) & (end > e)]] = True
        young = birthdays(born, 16) > e
        old = now & lasting[placed] & young[placed]
        counts["old"] += int(old.sum())
        counts["settled"] += int((old & (began <= e - 730)).sum())
    whole = counts["all"]
    yield "in_foster_care", percent(counts["foster"], whole)
    yield "in_residential_care", percent(counts["homes"], whole)
    yield "with_parents", percent(counts["parents"], whole)
    yield "far_from_home", percent(counts["far"], whole)
    yield "three_placements", percent(counts["moved"], whole)
    yield "visited_in_six_weeks", percent(counts["seen"], counts["visitable"])
    yield "same_placement_two_years", percent(counts["settled"], counts["old"])
    yield "first_health_in_time", r.share("iha")
    reviewed = r.flags("lac_review_first", "lac_review_second", "lac_review_subsequent")
    flags = r.result.flags
    good = bad = 0
    for e in YEAR_ENDS:
        due = reviewed[(flags.due[reviewed] > e - 365) & (flags.due[reviewed] <= e) & np.isin(flags.status[reviewed], [MET, LATE, OVERDUE])]
        held = np.isin(log.child[flags.trigger[due]], child[(start <= e) & (end > e)])
        due = due[held]
        children = np.unique(log.child[flags.trigger[due]])
        slipped = np.unique(log.child[flags.trigger[due[flags.status[due] != MET]]])
        good, bad = good + len(children) - len(slipped), bad + len(slipped)
    yield "care_reviews_in_time", percent(good, good + bad)
    out = r.rows("looked_after_ended")
    reason = r.words("reason", out)[log.day[out] > YEAR_ENDS[0]]
    yield "left_by_adoption", percent(np.count_nonzero(reason == "E11"), len(reason))


def _outcomes(r: Replayed) -> Iterator[tuple[str, Figure]]:
    log = r.log
    rows = r.rows("annual_outcomes_recorded")
    rows = rows[log.day[rows] >= YEAR_ENDS[0]]
    for name in ("health_assessment", "dental_check", "immunisations", "development_check"):
        said = r.words(name, rows)
        yield f"annual_{name}", percent(np.count_nonzero(said == "True"), np.count_nonzero(said != ""))
    assert log.born is not None
    age = (log.day[rows] - log.born[log.child[rows]]) / 365.25
    asked = rows[(age >= 5) & (age < 17)]
    score = r.words("sdq_score", asked)
    yield "annual_sdq", percent(np.count_nonzero(score != ""), len(score))
    yield "annual_sdq_mean", (float(np.mean(score[score != ""].astype(np.int64))), len(score))
    rows = r.rows("care_leaver_circumstances_recorded")
    age = np.round((log.day[rows] - log.born[log.child[rows]]) / 365.25).astype(np.int64)
    activity, suits = r.words("activity", rows), r.words("suitable", rows) == "True"
    busy = ~np.isin(activity, ["not_in_education_or_work", "not_known"])
    for name, at in (("17_18", age < 19), ("19_21", age >= 19)):
        yield f"care_leavers_busy_{name}", percent(np.count_nonzero(busy & at), np.count_nonzero(at))
        yield f"care_leavers_suitable_{name}", percent(np.count_nonzero(suits & at), np.count_nonzero(at))
    yield (
        "care_leavers_in_touch",
        percent(np.count_nonzero((r.words("in_touch", rows) == "YES") & (age >= 19)), np.count_nonzero(age >= 19)),
    )


def _rest(r: Replayed) -> Iterator[tuple[str, Figure]]:
    log, flags = r.log, r.result.flags
    yield "interviews_offered", r.share("ht_rhi_offered_72h")
    rows = r.flags("pl_lpm_to_meeting_14d")
    rows = rows[flags.answer[rows] >= 0]
    yield "planning_to_meeting_days", (float(np.mean(log.day[flags.answer[rows]] - flags.start[rows])), len(rows))
    ended, issued = len(r.rows("pre_proceedings_ended")), r.spans("letter_before_proceedings_sent", "care_application_issued")
    after = np.count_nonzero(issued[2] - issued[1] < 400)
    yield "diverted_from_court", percent(ended, ended + after)
    issue = r.rows("care_application_issued")
    finals = np.sort(np.concatenate([r.rows("care_order_made"), r.rows("final_order_made"), r.rows("authority_to_place_obtained")]))
    key = log.child[finals].astype(np.int64) * 100_000 + log.day[finals]
    at = np.minimum(np.searchsorted(key, log.child[issue].astype(np.int64) * 100_000 + log.day[issue]), len(finals) - 1)
    same = (log.child[finals[at]] == log.child[issue]) & (log.day[issue] <= YEAR_ENDS[-1] - 500)
    yield "proceedings_weeks", (float(np.mean((log.day[finals[at]] - log.day[issue])[same])) / 7, int(same.sum()))
    child, start, end = r.spans("worker_allocated", "case_closed")
    done = r.rows("supervision_recorded")
    held = log.child[done].astype(np.int64) * 100_000 + log.day[done]
    now = (start <= YEAR_ENDS[-1] - 42) & (end > YEAR_ENDS[-1])
    key = child[now].astype(np.int64) * 100_000 + YEAR_ENDS[-1]
    yield (
        "supervised",
        percent(np.count_nonzero(np.searchsorted(held, key, "right") > np.searchsorted(held, key - 43, "right")), int(now.sum())),
    )
    child, start, end = r.spans("looked_after_started", "looked_after_ended")
    planned = np.zeros(len(log.children), bool)
    planned[log.child[r.rows("permanence_plan_recorded")]] = True
    now = (start <= YEAR_ENDS[-1] - 123) & (end > YEAR_ENDS[-1])
    yield "permanence_plans", percent(np.count_nonzero(planned[child[now]]), int(now.sum()))


# ------------------------------------------------------------------------------------------------ the table


@dataclass(frozen=True)
class Line:
    """One published figure beside what a replay gives back, and of how many cases that is."""

    authority: Authority
    title: str
    published: float
    generated: float
    cases: int
    within: float
    source: str


def lines(found: dict[Authority, dict[str, Figure]]) -> Iterator[Line]:
    """Every published figure of the authorities that were made."""
    for authority in found:
        for figure in load_figures(authority).published:
            value, cases = found[authority][figure.measure]
            yield Line(authority, figure.title, figure.value, value, cases, figure.within, figure.source)


def digest() -> str:
    """A digest of what the table was made from: the program that makes authorities, its figures, and this program."""
    files = [*sorted((ROOT / "rrt_engine" / "synth").glob("*.py")), *sorted((ROOT / "rrt_engine" / "synth").glob("*.yaml")), Path(__file__)]
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return whole.hexdigest()[:16]


def written(found: dict[Authority, dict[str, Figure]]) -> str:
    """The table as Markdown."""
    sources = load_figures("england").sources
    text = [
        f"Made with {CHILDREN:,} children, seed {SEED}, from {SINCE} to {TO}, without recording errors, and replayed as of {TO}.",
        "Figures are per cent unless the line says otherwise, and the difference is in points. Made from " + digest() + ".",
        "",
    ]
    heading = ["| figure | published | generated | difference | of cases | source |", "|---|---:|---:|---:|---:|---|"]
    for authority in found:
        text += [f"### {authority.capitalize()}", "", *heading]
        for x in lines({authority: found[authority]}):
            gap = x.generated - x.published
            text.append(f"| {x.title} | {x.published:.1f} | {x.generated:.1f} | {gap:+.1f} | {x.cases:,} | `{x.source}` |")
        text.append("")
    text += [f"- `{name}`: {about}" for name, about in sources.items()]
    return "\n".join(text)


def main() -> int:
    """Write the table into its page, and say what is out of its tolerance."""
    found = {authority: measures(replayed(authority)) for authority in AUTHORITIES}
    wrong = 0
    for x in lines(found):
        far = abs(x.generated - x.published) > x.within
        wrong += far
        gap = x.generated - x.published
        print(f"{'!!' if far else '  '} {x.authority:<10} {x.title:<72} {x.published:7.1f} {x.generated:7.1f} {gap:+6.1f} {x.cases:>9,}")
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else f"{BEGIN}\n{END}\n"
    head, rest = text.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{written(found)}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
