"""Who was looked after and since when, which episodes were short breaks, and which health assessment was the first.

- A period of care begins on the day the child entered care. Episodes under legal status V3 are single short breaks;
  V4 is an agreement for a series, whose breaks are not recorded one by one: neither is being looked after.
- A health assessment of no stated kind is the initial one where it is the first since the child entered care.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT
from rrt_engine.model import Attribute, Bools, Int32s, plural
from rrt_engine.sources import annex_a_values as annex
from rrt_engine.sources import ssd_values as ssd
from rrt_engine.sources.ssd_columns import Account, Rows, When, holds_any, mapped, where_true

SHORT_BREAKS = ("V3", "V4")
_FAR = 2**30


def link_care(rows: Mapping[str, Rows], account: Account) -> None:
    """Work out what the tables about children looked after say together."""
    if "cla_episodes" in rows:
        _care(rows, account)
    if "legal_status" in rows:
        _status_changes(rows["legal_status"], rows.get("cla_episodes"))
    if "cla_placement" in rows:
        _placements(rows["cla_placement"], rows.get("legal_status"))
    if "cla_reviews" in rows:
        _care_reviews(rows["cla_reviews"], account)
    if "cla_health" in rows:
        _health(rows["cla_health"], rows.get("cla_episodes"), account)
    if "cla_care_plan" in rows:
        _care_plans(rows["cla_care_plan"])
    if "missing" in rows:
        _missing(rows["missing"], account)


def _status_on(child: Int32s, day: Int32s, statuses: Rows | None) -> Attribute:
    """Each child's legal status on a day: that which began last, unless it had ended."""
    if statuses is None or not len(statuses):
        return Attribute(np.full(len(child), -1, np.int32), ())
    code = statuses.said("lega_legal_status", annex.legal_status)
    start, end = statuses.day("lega_legal_status_start_date"), statuses.day("lega_legal_status_end_date")
    order = np.lexsort((start, statuses.child))
    key = (statuses.child[order].astype(np.int64) << 32) + start[order]
    at = np.searchsorted(key, (child.astype(np.int64) << 32) + day, "right") - 1
    row = order[np.maximum(at, 0)]
    holds = (at >= 0) & (statuses.child[row] == child) & ((end[row] == NO_DAY) | (end[row] >= day)) & (day != NO_DAY)
    return Attribute(np.where(holds, code.codes[row], -1).astype(np.int32), code.values)


def _care(rows: Mapping[str, Rows], account: Account) -> None:
    """Episodes of care as periods: which begins one, which ends it, and which are short breaks."""
    episodes, statuses = rows["cla_episodes"], rows.get("legal_status")
    n = len(episodes)
    start, end = episodes.day("clae_cla_episode_start_date"), episodes.day("clae_cla_episode_ceased_date")
    status = _status_on(episodes.child, start, statuses)
    short = holds_any(status, *SHORT_BREAKS)
    single = holds_any(status, "V3")
    period = episodes.codes("clae_cla_id").codes
    begins_anew = holds_any(mapped(episodes.codes("clae_cla_episode_start_reason"), ssd.code_first), "S")
    goes_on = holds_any(mapped(episodes.codes("clae_cla_episode_ceased_reason"), lambda text: text.strip().upper()[:2]), "X1")
    order = np.lexsort((start, short, episodes.child))
    child, day, until, cla = episodes.child[order], start[order], end[order], period[order]
    new = np.ones(n, np.bool_)
    same = (child[1:] == child[:-1]) & (short[order][1:] == short[order][:-1])
    told = (cla[1:] >= 0) & (cla[:-1] >= 0)
    apart = (until[:-1] != NO_DAY) & (day[1:] > until[:-1])
    new[1:] = ~same | np.where(told, cla[1:] != cla[:-1], begins_anew[order][1:] | apart)
    last = np.append(new[1:], True) if n else new
    first_mask, last_mask = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    first_mask[order], last_mask[order] = new, last
    first_mask &= ~short
    last_mask &= ~short & (end != NO_DAY)
    entered = episodes.day("clae_entered_care_date")
    began = np.where((entered != NO_DAY) & (entered < start), entered, start).astype(np.int32)
    timed = episodes.when.get("clae_cla_episode_start_date")
    instant = None if timed is None or timed.instant is None else np.where(began == start, timed.instant, NO_INSTANT)
    episodes.when[".entered"] = When(began, instant)
    episodes.mask |= {".first": first_mask, ".last": last_mask, ".break": single}
    then = _status_on(episodes.child, began, statuses)
    on_start = np.where(then.codes >= 0, then.codes, np.where(began == start, status.codes, -1)).astype(np.int32)
    episodes.made[".legal_status"] = Attribute(on_start, then.values)
    remanded = Attribute(on_start, then.values)
    episodes.made[".remand"] = Attribute(np.where(on_start < 0, -1, holds_any(remanded, "J1")).astype(np.int32), (False, True))
    episodes.made[".uasc"] = _asylum(episodes.child, began, rows.get("immigration_status"))
    iro = episodes.day("clae_cla_last_iro_contact_date")
    latest = np.full(int(episodes.child.max(initial=-1)) + 1, NO_DAY, np.int32)
    np.maximum.at(latest, episodes.child, iro)
    mine = (iro != NO_DAY) & (iro == latest[episodes.child])
    _, one = np.unique(np.where(mine, episodes.child, -1 - np.arange(n)), return_index=True)
    episodes.mask[".latest_iro_contact"] = mine & np.isin(np.arange(n), one)
    if bool((last_mask & goes_on).any()):
        message = f"{plural(int((last_mask & goes_on).sum()), 'episode')} of care ceased as going on (X1) with none after it"
        help = "the child is taken to have left care that day; check that every episode is in the extract"
        account.say("episode_missing", f"{message}: {account.places(episodes, last_mask & goes_on)}", "warning", help, episodes.label)
    if statuses is None:
        says = "without `ssd_legal_status` it cannot be seen which periods of care are short breaks; all count as being looked after"
        account.say("no_legal_status", says, "warning")
    series = short & ~single
    if series.any():
        many = plural(int(series.sum()), "episode")
        says = f"{many} under V4, an agreement for a series of short breaks: the breaks themselves are not recorded, so not judged"
        account.say("short_break_series", says, "note", place=episodes.label)


def _asylum(child: Int32s, day: Int32s, immigration: Rows | None) -> Attribute:
    """Whether an unaccompanied asylum-seeking child's status is recorded as holding on a day; not recorded for others."""
    codes = np.full(len(child), -1, np.int32)
    if immigration is not None and len(immigration):
        is_uasc = where_true(immigration.said("immi_immigration_status", ssd.asylum_seeking))
        start, end = immigration.day("immi_immigration_status_start_date"), immigration.day("immi_immigration_status_end_date")
        ends = np.full(int(max(child.max(initial=0), immigration.child.max())) + 1, NO_DAY, np.int64)
        begins = np.full(len(ends), _FAR, np.int64)
        np.minimum.at(begins, immigration.child[is_uasc], np.where(start[is_uasc] == NO_DAY, -_FAR, start[is_uasc]))
        np.maximum.at(ends, immigration.child[is_uasc], np.where(end[is_uasc] == NO_DAY, _FAR, end[is_uasc]))
        codes[(begins[child] <= day) & (ends[child] >= day)] = 0
    return Attribute(codes, (True,))


def _periods(episodes: Rows) -> tuple[Int32s, Int32s, Int32s]:
    """Each period of being looked after in order of child and start: the child, its first day and its last (or a far one)."""
    first, last = np.flatnonzero(episodes.mask[".first"]), np.flatnonzero(episodes.mask[".last"])
    begun, end = episodes.day(".entered"), episodes.day("clae_cla_episode_ceased_date")
    first = first[np.lexsort((begun[first], episodes.child[first]))]
    key = np.sort((episodes.child[last].astype(np.int64) << 32) + end[last])
    at = np.searchsorted(key, (episodes.child[first].astype(np.int64) << 32) + begun[first])
    until = np.full(len(first), _FAR, np.int64)
    inside = at < len(key)
    ends = key[np.minimum(at, max(len(key) - 1, 0))] if len(key) else np.zeros(len(first), np.int64)
    mine = inside & ((ends >> 32) == episodes.child[first])
    until[mine] = (ends & 0xFFFFFFFF)[mine]
    return episodes.child[first], begun[first], until.astype(np.int32)


def period_of(child: Int32s, day: Int32s, episodes: Rows | None) -> tuple[Int32s, Bools]:
    """The first day of the period of care that each day falls in, and whether it falls in one."""
    if episodes is None or ".first" not in episodes.mask or not episodes.mask[".first"].any():
        return np.full(len(child), NO_DAY, np.int32), np.zeros(len(child), np.bool_)
    whose, begun, until = _periods(episodes)
    key = (whose.astype(np.int64) << 32) + begun
    at = np.searchsorted(key, (child.astype(np.int64) << 32) + day, "right") - 1
    row = np.maximum(at, 0)
    inside = (at >= 0) & (whose[row] == child) & (day <= until[row]) & (day != NO_DAY)
    return np.where(inside, begun[row], NO_DAY).astype(np.int32), inside


def _status_changes(statuses: Rows, episodes: Rows | None) -> None:
    start = statuses.day("lega_legal_status_start_date")
    begun, inside = period_of(statuses.child, start, episodes)
    code = statuses.said("lega_legal_status", annex.legal_status)
    statuses.mask[".change"] = inside & (start > begun) & (code.codes >= 0) & ~holds_any(code, *SHORT_BREAKS)


def _placements(placements: Rows, statuses: Rows | None) -> None:
    status = _status_on(placements.child, placements.day("clap_cla_placement_start_date"), statuses)
    placements.mask[".in_care"] = ~holds_any(status, *SHORT_BREAKS)
    kind = placements.said("clap_cla_placement_type", annex.placement_type)
    codes = np.where(kind.codes < 0, -1, holds_any(kind, "U1", "U4")).astype(np.int32)
    placements.made[".long_term"] = Attribute(codes, (False, True))


def _care_reviews(reviews: Rows, account: Account) -> None:
    cancelled = where_true(reviews.said("clar_cla_review_cancelled", ssd.yes))
    reviews.mask[".held"] = ~cancelled
    if cancelled.any():
        account.say(
            "cancelled", f"{plural(int(cancelled.sum()), 'review')} cancelled, and not counted as held", "note", place=reviews.label
        )


def _health(checks: Rows, episodes: Rows | None, account: Account) -> None:
    """Checks by their free-text type and status: only those that took place count."""
    kind = checks.said("clah_health_check_type", ssd.health_check)
    status = checks.said("clah_health_check_status", ssd.health_status)
    day = checks.day("clah_health_check_date")
    done = holds_any(status, "done") | (status.codes < 0)
    unsaid = holds_any(kind, "health")
    begun, _ = period_of(checks.child, day, episodes)
    assessment = np.flatnonzero((unsaid | holds_any(kind, "initial", "review")) & done & (begun != NO_DAY))
    first = np.zeros(len(checks), np.bool_)
    ordered = assessment[np.lexsort((day[assessment], begun[assessment], checks.child[assessment]))]
    if len(ordered):
        starts = np.ones(len(ordered), np.bool_)
        starts[1:] = (checks.child[ordered][1:] != checks.child[ordered][:-1]) | (begun[ordered][1:] != begun[ordered][:-1])
        first[ordered[starts]] = True
    initial = holds_any(kind, "initial") | (unsaid & first)
    checks.mask[".initial"] = done & initial
    checks.mask[".review"] = done & (holds_any(kind, "review") | (unsaid & ~first))
    checks.mask[".dental"] = done & holds_any(kind, "dental")
    checks.mask[".refused"] = holds_any(status, "refused") & holds_any(kind, "initial", "review", "health")
    if bool((unsaid & first).any()):
        many = plural(int((unsaid & first & done).sum()), "health assessment")
        says = f"{many} of no stated kind taken as the initial one: the first since the child entered care"
        account.say("first_assessment", says, "note", place=checks.label)
    unknown = kind.codes < 0
    if unknown.any():
        counts = np.bincount(checks.codes("clah_health_check_type").codes[unknown] + 1)
        named = [(int(c), checks.codes("clah_health_check_type").values[i - 1]) for i, c in enumerate(counts) if c and i]
        shown = ", ".join(f"`{text[:40]}` ({count:,})" for count, text in sorted(named, key=lambda p: (-p[0], p[1]))[:5])
        says = f"{plural(int(unknown.sum()), 'check')} of a type that is not recognised, and not counted{': ' + shown if shown else ''}"
        account.say("health_type", says, "warning", "recognised are initial and review health assessments and dental checks", checks.label)
    missed = holds_any(status, "not_done") & ~unknown
    if missed.any():
        account.say(
            "not_done",
            f"{plural(int(missed.sum()), 'check')} planned, cancelled or not attended: not counted as done",
            "note",
            place=checks.label,
        )


def _care_plans(plans: Rows) -> None:
    recorded = mapped(plans.codes("lacp_cla_care_plan_json"), _names_a_plan)
    plans.mask[".permanence"] = where_true(recorded)


def _names_a_plan(text: str) -> bool:
    """Whether the JSON of a care plan names a plan for permanence: a key with something in it, or a bare code."""
    pairs = re.findall(r'"?[A-Za-z0-9_]+"?\s*:\s*"?([^",}]*)', text)
    if not pairs:
        return bool(re.search(r"[A-Za-z]", text))
    return any(value.strip() and value.strip().casefold() not in ("n", "no", "0", "false", "null") for value in pairs)


def _missing(episodes: Rows, account: Account) -> None:
    kind = episodes.said("miss_missing_episode_type", ssd.absence)
    away = holds_any(kind, "away")
    episodes.mask[".missing"] = ~away
    if away.any():
        says = f"{plural(int(away.sum()), 'episode')} away from placement without authorisation: not counted as missing"
        account.say("away", says, "note", place=episodes.label)
