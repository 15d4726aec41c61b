"""What one table of the Standard Safeguarding Dataset says only together with another.

Which enquiries needed a conference, and which conference a plan rests on; children looked after are in `ssd_links_care`.
Each function adds columns and masks to the rows of one table; the mapping in `ssd_tables` names them with a dot.
What is derived rather than written in the tables, so that nothing is invented unseen:

- An enquiry needs no conference where it ended with no further action, where its outcome says so, or where the child
  was on a plan already. Where it has ended and nothing says, it is not known whether one was due.
- A plan starts with a conference. Where the tables hold none within some days before it, one is placed on its first day.
- A conference about a child who moved in is measured from the referral, the day the move was notified.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import Attribute, Bools, Int32s, plural
from rrt_engine.sources import annex_a_values as annex
from rrt_engine.sources import ssd_values as ssd
from rrt_engine.sources.event_log_columns import Coded
from rrt_engine.sources.ssd_columns import Account, Rows, When, constant, found, holds_any, out_of_order, where_false, where_true
from rrt_engine.sources.ssd_links_care import link_care

PLAN_AFTER_CONFERENCE = 10
"""How many days after its conference a plan may be dated and still rest on it."""


def link(rows: Mapping[str, Rows], born: Int32s, expected: Int32s, account: Account) -> None:
    """Work out everything that takes several fields or tables. `born` and `expected` are day numbers by child."""
    if "contacts" in rows:
        _contacts(rows["contacts"])
    if "cin_episodes" in rows:
        _referrals(rows["cin_episodes"], rows.get("disability"), len(born))
    if "cin_assessments" in rows:
        _assessments(rows["cin_assessments"], rows.get("cin_episodes"), account)
    if "cp_plans" in rows:
        _plans(rows["cp_plans"], rows.get("initial_cp_conference"), account)
    if "initial_cp_conference" in rows:
        _conferences(rows, born, expected, account)
    if "s47_enquiry" in rows:
        _enquiries(rows, born, expected, account)
    if "cp_reviews" in rows:
        _plan_reviews(rows["cp_reviews"], rows.get("cp_plans"), account)
    link_care(rows, account)
    if "permanence" in rows:
        _permanence(rows["permanence"])
    if "pre_proceedings" in rows:
        rows["pre_proceedings"].made[".pre_proceedings"] = constant(len(rows["pre_proceedings"]), "pre_proceedings")
    if "involvements" in rows:
        _involvements(rows["involvements"], account)
    _education(rows)


def unborn(child: Int32s, day: Int32s, born: Int32s, expected: Int32s) -> Attribute:
    """Whether each child was not yet born on a day; not recorded where neither date is known."""
    birth, due = born[child], expected[child]
    codes = np.where(birth != NO_DAY, day < birth, np.where((due != NO_DAY) & (day <= due), True, -1)).astype(np.int32)
    return Attribute(codes, (False, True))


def _contacts(contacts: Rows) -> None:
    contacts.made[".source"] = _source(contacts, "cont_contact_source")
    outcome = contacts.said("cont_contact_outcome_json", ssd.contact_outcome)
    contacts.mask[".outcome_known"] = outcome.codes >= 0


def _source(rows: Rows, prefix: str) -> Attribute:
    """The kind of agency: by the code, else by the description."""
    code, words = rows.said(f"{prefix}_code", annex.source_agency), rows.said(f"{prefix}_desc", annex.source_agency)
    return _first_known(code, words)


def _first_known(first: Attribute, second: Attribute) -> Attribute:
    """What the first attribute says, and where it says nothing, what the second does."""
    codes = np.where(first.codes >= 0, first.codes, np.where(second.codes >= 0, second.codes + len(first.values), -1))
    return Attribute(codes.astype(np.int32), (*first.values, *second.values))


def _referrals(referrals: Rows, disability: Rows | None, children: int) -> None:
    referrals.made[".source"] = _source(referrals, "cine_referral_source")
    state = np.full(children + 1, -1, np.int32)
    if disability is not None:
        said = disability.said("disa_disability_code", ssd.disabled)
        state[disability.child[where_false(said)]] = 0
        state[disability.child[where_true(said)]] = 1
    codes = state[referrals.child]
    referrals.made[".disabled"] = Attribute(codes, (False, True))
    referrals.mask[".disabled_and_not_nfa"] = (codes == 1) & ~where_true(referrals.said("cine_referral_nfa", ssd.yes))


def _assessments(assessments: Rows, referrals: Rows | None, account: Account) -> None:
    nfa = where_true(assessments.said("cina_assessment_outcome_nfa", ssd.yes))
    said = assessments.said("cina_assessment_outcome_json", ssd.assessment_outcome)
    codes = np.where((said.codes < 0) & nfa, len(said.values), said.codes).astype(np.int32)
    assessments.made[".outcome"] = Attribute(codes, (*said.values, "nfa"))
    _after_referral(
        assessments, "cina_assessment_start_date", "cina_referral_id", referrals, "an assessment starts before its referral", account
    )


def _after_referral(rows: Rows, date: str, link_: str, referrals: Rows | None, says: str, account: Account) -> None:
    """Set apart the rows dated before the referral they belong to."""
    if referrals is None:
        return
    at = found(rows.codes(link_), rows.child, referrals)
    referred = np.append(referrals.day("cine_referral_date"), np.int32(NO_DAY))[at]
    day = rows.day(date)
    wrong = (at >= 0) & (day != NO_DAY) & (day < referred)
    if wrong.any():
        out_of_order(account, rows, wrong, says)


# ------------------------------------------------------------------------------------------------ child protection


def _plans(plans: Rows, conferences: Rows | None, account: Account) -> None:
    ours = ~where_true(plans.said("cppl_cp_plan_ola", ssd.yes))
    plans.mask[".ours"] = ours
    if not ours.all():
        many = plural(int((~ours).sum()), "plan")
        account.say(
            "other_authority", f"{many} of another authority (`cppl_cp_plan_ola`): reviews and visits are that authority's to keep", "note"
        )
    start = plans.day("cppl_cp_plan_start_date")
    heard = np.zeros(len(plans), np.bool_)
    if conferences is not None:
        held = conferences.day("icpc_icpc_date")
        linked = found(plans.codes("cppl_icpc_id"), plans.child, conferences)
        heard = (linked >= 0) & (np.append(held, np.int32(NO_DAY))[linked] != NO_DAY)
        heard |= _near(plans.child, start, conferences.child, held, PLAN_AFTER_CONFERENCE)
    plans.mask[".unheard"] = ours & ~heard
    plans.made[".cp_plan"] = constant(len(plans), "cp_plan")
    plans.text[".own_conference"] = Coded(plans.id.codes, [f"P{name}" for name in plans.id.values])
    if bool((ours & ~heard).any()):
        message = f"{plural(int((ours & ~heard).sum()), 'plan')} with no initial conference in the {PLAN_AFTER_CONFERENCE} days before"
        help = "one is taken to have been held on the day the plan starts, so that its reviews can be judged"
        account.say("no_conference", f"{message}: {account.places(plans, ours & ~heard)}", "warning", help, plans.label)


def _near(child: Int32s, day: Int32s, other: Int32s, held: Int32s, days: int) -> Bools:
    """Whether, for each child, something was held on a day or at most some days before it."""
    some = held != NO_DAY
    if not some.any():
        return np.zeros(len(child), np.bool_)
    key = np.sort((other[some].astype(np.int64) << 32) + held[some])
    at = np.searchsorted(key, (child.astype(np.int64) << 32) + day, "right") - 1
    return (at >= 0) & (key[np.maximum(at, 0)] >= ((child.astype(np.int64) << 32) + (day - days)))


def _conferences(rows: Mapping[str, Rows], born: Int32s, expected: Int32s, account: Account) -> None:
    conferences, enquiries, plans, referrals = (rows.get(n) for n in ("initial_cp_conference", "s47_enquiry", "cp_plans", "cin_episodes"))
    assert conferences is not None
    n, held = len(conferences), conferences.day("icpc_icpc_date")
    at = found(conferences.codes("icpc_s47_enquiry_id"), conferences.child, enquiries)
    if enquiries is not None:
        begun = np.append(enquiries.day("s47e_s47_start_date"), np.int32(NO_DAY))[at]
        wrong = (at >= 0) & (held != NO_DAY) & (held < begun)
        if wrong.any():
            out_of_order(account, conferences, wrong, "a conference is dated before its section 47 enquiry")
    moved_in = where_true(conferences.said("icpc_icpc_transfer_in", ssd.yes))
    own = conferences.codes("icpc_referral_id")
    enquiry_referral = enquiries.codes("s47e_referral_id") if enquiries is not None else None
    names = [*own.values, *(enquiry_referral.values if enquiry_referral else [])]
    codes = own.codes
    if enquiry_referral is not None:  # the enquiry's own referral, so that both say the same
        of_enquiry = np.append(enquiry_referral.codes, np.int32(-1))[at]
        codes = np.where(of_enquiry >= 0, of_enquiry + len(own.values), own.codes)
    conferences.text[".referral"] = Coded(codes.astype(np.int32), names)
    enquiry = conferences.codes("icpc_s47_enquiry_id")
    names = [*enquiry.values, *(f"T{name}" for name in conferences.id.values)]
    named = np.where(
        enquiry.codes >= 0, enquiry.codes, np.where(moved_in & (conferences.id.codes >= 0), conferences.id.codes + len(enquiry.values), -1)
    )
    conferences.text[".enquiry"] = Coded(named.astype(np.int32), names)
    referral = found(conferences.text[".referral"], conferences.child, referrals)
    referred = (
        np.append(referrals.day("cine_referral_date"), np.int32(NO_DAY))[referral]
        if referrals is not None
        else np.full(n, NO_DAY, np.int32)
    )
    conferences.when[".referred"] = When(np.where(moved_in & (held != NO_DAY), referred, NO_DAY).astype(np.int32))
    conferences.mask[".moved_in"] = moved_in
    flag = conferences.said("icpc_icpc_outcome_cp_flag", ssd.yes)
    planned = np.zeros(n, np.bool_)
    if plans is not None:
        led_to = found(plans.codes("cppl_icpc_id"), plans.child, conferences)
        planned[led_to[led_to >= 0]] = True
    codes = np.where(where_true(flag) | planned, 0, np.where(where_false(flag), 1, -1)).astype(np.int32)
    conferences.made[".outcome"] = Attribute(codes, ("cp_plan", "no_plan"))
    conferences.made[".unborn"] = unborn(conferences.child, held, born, expected)


def _enquiries(rows: Mapping[str, Rows], born: Int32s, expected: Int32s, account: Account) -> None:
    enquiries, conferences, plans = rows["s47_enquiry"], rows.get("initial_cp_conference"), rows.get("cp_plans")
    start, end = enquiries.day("s47e_s47_start_date"), enquiries.day("s47e_s47_end_date")
    nfa = enquiries.said("s47e_s47_nfa", ssd.yes)
    needed = enquiries.said("s47e_s47_outcome_json", ssd.conference_needed)
    linked = np.zeros(len(enquiries), np.bool_)
    unlinked = np.zeros(len(enquiries), np.bool_)
    if conferences is not None:
        to = found(conferences.codes("icpc_s47_enquiry_id"), conferences.child, enquiries)
        linked[to[to >= 0]] = True
        held = conferences.day("icpc_icpc_date")
        loose = (to < 0) & (held != NO_DAY)
        unlinked = _near(enquiries.child, start + 60, conferences.child[loose], held[loose], 60)
    on_plan = _open_on(enquiries.child, start, plans) & ~linked
    required = linked | where_true(needed)
    spared = where_true(nfa) | where_false(needed) | on_plan
    enquiries.made[".icpc_required"] = Attribute(np.where(required, 1, np.where(spared, 0, -1)).astype(np.int32), (False, True))
    ended = end != NO_DAY
    silent = ended & ~required & ~spared & ~unlinked
    doubtful = silent | (~ended & on_plan)
    enquiries.made[".initiated"] = Attribute(np.where(doubtful, -1, 0).astype(np.int32), (True,))
    enquiries.made[".outcome"] = Attribute(np.where(where_true(nfa), 0, -1).astype(np.int32), ("nfa",))
    enquiries.made[".unborn"] = unborn(enquiries.child, start, born, expected)
    _after_referral(
        enquiries, "s47e_s47_start_date", "s47e_referral_id", rows.get("cin_episodes"), "an enquiry starts before its referral", account
    )
    if silent.any():
        many = plural(int(silent.sum()), "enquiry", "enquiries")
        message = f"{many} ended without saying whether a conference was needed, and none is recorded"
        help = "whether a conference is late cannot be told of these; fill `s47e_s47_outcome_json` or `s47e_s47_nfa`"
        account.say("conference_unsaid", f"{message}: {account.places(enquiries, silent)}", "warning", help, enquiries.label)
    if on_plan.any():
        many = plural(int(on_plan.sum()), "enquiry", "enquiries")
        account.say(
            "already_on_plan", f"{many} without a conference about children already on a plan: not counted as missed conferences", "note"
        )


def _open_on(child: Int32s, day: Int32s, plans: Rows | None) -> Bools:
    """Whether each child was on a child protection plan that began before a day and had not ended by it."""
    if plans is None or not len(plans):
        return np.zeros(len(child), np.bool_)
    start, end = plans.day("cppl_cp_plan_start_date"), plans.day("cppl_cp_plan_end_date")
    order = np.lexsort((start, plans.child))
    key = (plans.child[order].astype(np.int64) << 32) + start[order]
    at = np.searchsorted(key, (child.astype(np.int64) << 32) + day, "left") - 1
    plan = order[np.maximum(at, 0)]
    result: Bools = (at >= 0) & (plans.child[plan] == child) & ((end[plan] == NO_DAY) | (end[plan] >= day))
    return result


def _plan_reviews(reviews: Rows, plans: Rows | None, account: Account) -> None:
    goes_on = reviews.said("cppr_cp_review_outcome_continue_cp", ssd.yes)
    codes = np.where(where_true(goes_on), 0, np.where(where_false(goes_on), 1, -1)).astype(np.int32)
    reviews.made[".outcome"] = Attribute(codes, ("continue", "end"))
    plan = found(reviews.codes("cppr_cp_plan_id"), reviews.child, plans)
    reviews.mask[".ours"] = np.ones(len(reviews), np.bool_)
    if plans is not None:
        reviews.mask[".ours"] = (plan < 0) | np.append(plans.mask[".ours"], True)[plan]
        began = np.append(plans.day("cppl_cp_plan_start_date"), np.int32(NO_DAY))[plan]
        held = reviews.day("cppr_cp_review_date")
        wrong = (plan >= 0) & (held != NO_DAY) & (held <= began)
        if wrong.any():
            out_of_order(account, reviews, wrong, "a review conference is dated on or before the day its plan starts")
    inquorate = where_false(reviews.said("cppr_cp_review_quorate", ssd.yes)) & (reviews.day("cppr_cp_review_date") != NO_DAY)
    if inquorate.any():
        message = f"{plural(int(inquorate.sum()), 'review conference')} not quorate: counted as held, and marked"
        account.say("not_quorate", f"{message}; {account.places(reviews, inquorate)}", "note", place=reviews.label)


def _permanence(rows: Rows) -> None:
    rows.made[".should_be_placed"] = constant(len(rows), "should_be_placed")
    rows.made[".should_no_longer_be_placed"] = constant(len(rows), "should_no_longer_be_placed")
    kind = rows.said("perm_permanence_order_type", ssd.permanence_order)
    rows.mask[".adoption"], rows.mask[".sgo"] = holds_any(kind, "adoption"), holds_any(kind, "sgo")


def _involvements(rows: Rows, account: Account) -> None:
    role = rows.said("invo_professional_role_id", ssd.is_own_worker)
    rows.mask[".own_worker"] = ~where_false(role)
    others = where_false(role)
    if others.any():
        says = f"{plural(int(others.sum()), 'involvement')} of other roles not read as the allocation of a worker"
        account.say("other_roles", says, "note", place=rows.label)


def _education(rows: Mapping[str, Rows]) -> None:
    requests = rows.get("ehcp_requests")
    if requests is not None:
        said = requests.said("ehcr_ehcp_req_outcome", ssd.decision)
        codes = np.where(holds_any(said, "yes"), 1, np.where(holds_any(said, "no"), 0, -1)).astype(np.int32)
        requests.made[".assess"] = Attribute(codes, (False, True))
        requests.mask[".decided"], requests.mask[".withdrawn"] = codes >= 0, holds_any(said, "withdrawn")
    assessments = rows.get("ehcp_assessment")
    if assessments is not None:
        said = assessments.said("ehca_ehcp_assessment_outcome", ssd.decision)
        assessments.mask[".yes"], assessments.mask[".no"] = holds_any(said, "yes"), holds_any(said, "no")
