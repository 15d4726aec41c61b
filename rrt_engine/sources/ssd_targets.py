"""Due dates as a build of the Standard Safeguarding Dataset supplies them, set beside the limit worked out here.

They are never used. Builds count holidays differently, start from the wrong day, write 91 days for three months, or give
the date that was booked; each difference is counted, so that whoever reports from those columns knows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rrt_engine.calendar import NO_DAY, Calendar, Days, add_months, as_date
from rrt_engine.model import Bools, Int32s, Int64s, plural
from rrt_engine.sources.ssd_columns import EXAMPLES, Account, Rows, found
from rrt_engine.sources.ssd_links_care import period_of

ICPC_WORKING_DAYS = 15
"""The initial conference is due 15 working days after the strategy discussion (Working Together)."""
FIRST_CARE_REVIEW = 20
"""The first looked-after review is due within 20 working days (SI 2010/959 regulation 33)."""


def compare_targets(rows: Mapping[str, Rows], calendar: Calendar, account: Account) -> None:
    """Say how many supplied due dates differ from those worked out here, with examples."""
    if "initial_cp_conference" in rows:
        _conferences(rows, calendar, account)
    if "cp_reviews" in rows:
        _plan_reviews(rows, account)
    if "cla_reviews" in rows:
        _care_reviews(rows, calendar, account)


def _conferences(rows: Mapping[str, Rows], calendar: Calendar, account: Account) -> None:
    conferences, enquiries = rows["initial_cp_conference"], rows.get("s47_enquiry")
    at = found(conferences.codes("icpc_s47_enquiry_id"), conferences.child, enquiries)
    if enquiries is None:
        return
    start = np.append(enquiries.day("s47e_s47_start_date"), np.int32(NO_DAY))[at]
    judged = (start != NO_DAY) & (at >= 0)
    ours = calendar.add_working_days(np.where(judged, start, 0).astype(np.int64), ICPC_WORKING_DAYS)
    _say(account, conferences, "icpc_icpc_target_date", ours, judged, f"{ICPC_WORKING_DAYS} working days after the strategy discussion")


def _plan_reviews(rows: Mapping[str, Rows], account: Account) -> None:
    """Three months after the initial conference (else the plan's start), then six months after each review."""
    reviews, plans, conferences = rows["cp_reviews"], rows.get("cp_plans"), rows.get("initial_cp_conference")
    plan = found(reviews.codes("cppr_cp_plan_id"), reviews.child, plans)
    if plans is None:
        return
    begun = plans.day("cppl_cp_plan_start_date")
    conference = found(plans.codes("cppl_icpc_id"), plans.child, conferences)
    if conferences is not None:
        held = np.append(conferences.day("icpc_icpc_date"), np.int32(NO_DAY))[conference]
        begun = np.where((conference >= 0) & (held != NO_DAY), held, begun).astype(np.int32)
    number, before = _review_before(plan, reviews.day("cppr_cp_review_date"), reviews.day("cppr_cp_review_due"))
    start = np.append(begun, np.int32(NO_DAY))[plan]
    judged = (plan >= 0) & (np.where(number == 0, start, before) != NO_DAY) & (start >= _history(reviews.day("cppr_cp_review_date")))
    first, later = add_months(np.where(judged, start, 0), 3), add_months(np.where(judged & (number > 0), before, 0), 6)
    limit = "3 months after the initial conference, then 6 months after each review"
    _say(account, reviews, "cppr_cp_review_due", np.where(number == 0, first, later), judged, limit)


def _care_reviews(rows: Mapping[str, Rows], calendar: Calendar, account: Account) -> None:
    """Twenty working days after entering care, then three months, then every six."""
    reviews = rows["cla_reviews"]
    due, held = reviews.day("clar_cla_review_due_date"), reviews.day("clar_cla_review_date")
    at = np.where(held != NO_DAY, held, due)
    begun, inside = period_of(reviews.child, at.astype(np.int32), rows.get("cla_episodes"))
    period = np.where(inside, reviews.child.astype(np.int64) * 100_000 + begun, -1)
    counted = reviews.mask[".held"]
    number, before = _review_before(period, np.where(counted, held, NO_DAY).astype(np.int32), due)
    judged = inside & counted & (np.where(number == 0, begun, before) != NO_DAY) & (begun >= _history(held))
    first = calendar.add_working_days(np.where(judged, begun, 0).astype(np.int64), FIRST_CARE_REVIEW)
    since = np.where(judged & (number > 0), before, 0)
    ours = np.where(number == 0, first, np.where(number == 1, add_months(since, 3), add_months(since, 6)))
    limit = f"{FIRST_CARE_REVIEW} working days after the child entered care, then 3 months and every 6 months after each review"
    _say(account, reviews, "clar_cla_review_due_date", ours, judged, limit)


def _history(held: Int32s) -> int:
    """The day of the first review in the tables: of what began before it, earlier reviews may be left out."""
    return int(held[held != NO_DAY].min(initial=np.iinfo(np.int32).max))


def _review_before(group: Int32s | Int64s, held: Int32s, due: Int32s) -> tuple[Int64s, Int32s]:
    """How many reviews of the same plan or period were held before each, and the day of the last of them."""
    if not len(held):
        return np.zeros(0, np.int64), held
    at = np.where(held != NO_DAY, held, due)
    order = np.lexsort((held == NO_DAY, at, group))
    grouped, done = np.asarray(group)[order], (held != NO_DAY)[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = grouped[1:] != grouped[:-1]
    so_far = np.cumsum(done) - done
    base = np.maximum.accumulate(np.where(new, so_far, 0))
    last = np.maximum.accumulate(np.where(done, np.arange(len(order)), -1))
    previous = np.append(np.int64(-1), last[:-1])
    number, before = np.zeros(len(order), np.int64), np.full(len(order), NO_DAY, np.int32)
    number[order] = so_far - base
    before[order] = np.where((so_far - base) > 0, held[order][previous], NO_DAY)
    return number, before


def _say(account: Account, rows: Rows, field: str, ours: Days, judged: Bools, limit: str) -> None:
    """Count where a supplied date is not the limit worked out here, later and earlier apart."""
    given = rows.day(field)
    there = judged & (given != NO_DAY)
    wrong = there & (given != ours)
    if not wrong.any():
        return
    later = int((wrong & (given > ours)).sum())
    n = int(wrong.sum())
    worst = np.flatnonzero(wrong)
    worst = worst[np.argsort(-np.abs(given[worst].astype(np.int64) - ours[worst]), kind="stable")][:EXAMPLES]
    shown = "; ".join(
        f"{account.place(rows, i)} has {as_date(int(given[i]))}, the limit is {as_date(int(ours[i]))}" for i in worst.tolist()
    )
    message = (
        f"{n:,} of {plural(int(there.sum()), 'supplied due date')} (`{field}`) {'is' if n == 1 else 'are'} not {limit}: "
        f"{later:,} later and {n - later:,} earlier; {shown}"
    )
    account.say("target_differs", message, "warning", "supplied due dates are never used here; do not report from them", rows.label)
