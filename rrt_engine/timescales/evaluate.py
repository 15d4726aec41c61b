"""Evaluate timescale rules over an event log, all children at once, and return flags with their evidence.

The meaning of a rule, in the order it is worked out: what starts the duty (`duties`); when the clock runs out
(`clocks`); what answers it (`search`); what ends it first (`duties`); and, here, the status at the as-of moment.
`tests/oracle.py` says the same thing one child and one day at a time, and must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, due_day, due_day_before, midnight
from rrt_engine.model import (
    AFTER_RECORDS,
    ANSWER_ATTRIBUTE,
    BEFORE_RECORDS,
    CANNOT_TELL,
    DUE,
    DUE_SOON,
    EARLY,
    ENDED,
    IMPOSSIBLE,
    LATE,
    MET,
    NO_DATE,
    NO_REASON,
    ONLY_LATER,
    OVERDUE,
    TIME_OF_DAY,
    TRIGGER_ATTRIBUTE,
    Bools,
    EventLog,
    Flags,
    Int8s,
    Int32s,
    Int64s,
    NotEvaluable,
)
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.timescales.arrays import Arrays, Picked, end_of_day
from rrt_engine.timescales.clocks import Due, due_after, due_once, lift, target_days
from rrt_engine.timescales.duties import Duties, Run, answering, before_age, find_ends, keep_earlier, merged, picked_one, starting
from rrt_engine.timescales.parts import not_before_floor, starting_in_part, still_owed
from rrt_engine.timescales.quality import Deaths, first_deaths, suspect_rows
from rrt_engine.timescales.search import NONE, among, next_after, pairs


@dataclass(frozen=True)
class Result:
    """Everything one evaluation says: flags, the rules the log cannot support, and how many events were later.

    `died` is when each child is first recorded to have died by then, as `quality.first_deaths` gives it.
    """

    flags: Flags
    not_evaluable: tuple[NotEvaluable, ...]
    after_as_of: int
    died: Deaths | None = None


def evaluate(log: EventLog, book: RuleBook, as_of: Moment, as_known: int | None = None) -> Result:
    """Flags for every duty that the log's events start under the rule book, as things stood at `as_of`.

    `as_of` without a time means the end of that UK day; only events at or before it exist. With `as_known` (a day
    number) only events recorded by then exist. Rules whose events the log cannot carry are returned, not evaluated.
    """
    run, later = begun(log, book, as_of, as_known)
    return replace(evaluate_rules(run), after_as_of=later, died=first_deaths(log, run.arrays.visible))


def begun(log: EventLog, book: RuleBook, as_of: Moment, as_known: int | None = None) -> tuple[Run, int]:
    """An evaluation before any rule is looked at, and how many of the log's events are later than `as_of`."""
    visible, later = _visible(log, as_of, as_known)
    log = replace(log, suspect=suspect_rows(log, book.events, visible))
    instant = as_of.instant if as_of.instant != NO_INSTANT else end_of_day(as_of.day)
    return Run(Arrays(log, visible, book.ref_paths()), book, as_of.day, instant, {}, []), later


def evaluate_rules(run: Run) -> Result:
    """The flags of every rule of the run's book. `after_as_of` is 0: the rules are not shown what is later."""
    blocks: list[Flags] = []
    refused: list[NotEvaluable] = []
    for editions, starts in run.book.in_force:
        missing = unsupported_kinds(run.book, run.book.rules[editions[-1]], run.arrays.log)
        if missing:
            refused.append(NotEvaluable(run.book.rules[editions[-1]].id, missing))
        elif run.arrays.has(starts):
            blocks.extend(flags_of(run, editions))
    return Result(_joined(blocks, run.derived), tuple(refused), 0)


def unsupported_kinds(book: RuleBook, rule: Rule, log: EventLog) -> tuple[str, ...]:
    """The event kinds a rule needs and the log cannot carry: none when it can carry a way to start and to answer it."""
    carried = log.coverage.kinds
    return () if carried is None else book.unsupported(carried).get((rule.id, rule.file, rule.line), ())


def _visible(log: EventLog, as_of: Moment, as_known: int | None) -> tuple[Bools | None, int]:
    after = log.day > as_of.day
    if as_of.instant != NO_INSTANT and log.instant is not None:
        after |= (log.instant > as_of.instant) & (log.instant != NO_INSTANT)
    later = int(np.count_nonzero(after))
    if as_known is not None and log.recorded is not None:
        after |= ~log.recorded_by(as_known)
        return ~after, later
    return (~after if later else None), later


def flags_of(run: Run, editions: Sequence[int]) -> list[Flags]:
    """All the flags of one rule, in all its editions.

    The editions start their duties together, so that a new start under a later edition replaces what an earlier one
    began; then each duty is judged by the edition in force on the day it started.
    """
    rules = {index: run.book.rules[index] for index in editions}
    started = [(index, duties) for index, rule in rules.items() if (duties := _starting(run, rule)) is not None]
    if not started:
        return []
    latest = rules[started[-1][0]]
    duties = picked_one(merged(started), latest.spec.when.pick)
    if latest.spec.before:
        duties = _latest_plan(run, latest, duties)
    if latest.spec.every:
        duties = _superseded(run, latest, duties)
    blocks = [_judged(run, rules[index], index, _of_edition(duties, index)) for index, _ in started]
    return [block for block in blocks if block is not None]


def _starting(run: Run, rule: Rule) -> Duties | None:
    part = run.book.part(rule.spec)
    return starting(run, rule) if part is None else starting_in_part(run, rule, part[0], part[1].id)


def _of_edition(duties: Duties, index: int) -> Duties:
    """The duties that one edition governs; all of them where only one edition started any."""
    return duties if duties.edition is None else duties.take(duties.edition == index)


def _judged(run: Run, rule: Rule, index: int, duties: Duties) -> Flags | None:
    """The flags of the duties that one edition governs."""
    duties = before_age(run, rule, duties)
    if not len(duties.trigger):
        return None
    if rule.spec.expect is None:
        return _noted(run, index, duties)
    find_ends(run, rule, duties)
    if duties.floor is not None or rule.spec.when.at_age is not None:
        duties = still_owed(duties)
    answers = answering(run, rule.spec)
    return (_recurring if rule.spec.every else _once)(run, rule, index, duties, answers)


def _noted(run: Run, index: int, duties: Duties) -> Flags:
    """A pattern that occurred: nothing is due, so nothing can be late."""
    n = len(duties.trigger)
    status, reason = np.full(n, MET, np.int8), duties.reason.copy()
    status[reason != NO_REASON] = CANNOT_TELL
    if duties.unsure is not None:
        status[duties.unsure], reason[duties.unsure] = CANNOT_TELL, TRIGGER_ATTRIBUTE
    suspect = _suspect(run, duties.trigger)
    if suspect is not None:
        status[suspect], reason[suspect] = CANNOT_TELL, IMPOSSIBLE
    nothing = np.full(n, NONE)
    return _block(index, np.zeros(n, np.int8), duties, Due(np.full(n, NO_DAY, np.int32)), nothing, nothing, status, reason)


def _latest_plan(run: Run, rule: Rule, duties: Duties) -> Duties:
    """A future event that moves is one duty: keep the latest plan for it, answered from the first plan on."""
    assert rule.spec.before is not None
    duties = duties.take(_grouped(run, rule, duties.trigger))
    target = target_days(run, rule.spec.before.attribute, duties.trigger)
    same = _same_thing_next(run, rule, duties.trigger)
    moved = np.zeros(len(same), np.bool_)
    moved[:-1] = same[:-1] & ((duties.start[1:] <= target[:-1]) | (target[:-1] == NO_DAY))
    begins = np.ones(len(moved), np.bool_)
    begins[1:] = ~moved[:-1]
    first_plan = duties.trigger[np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))]
    duties.answers_from = run.arrays.first_key(first_plan)
    return duties.take(~moved).in_order()


def _link_of(run: Run, rule: Rule, rows: Int32s) -> Int32s:
    """What each row belongs to under the rule's link; the same for all where the rule or the log has none."""
    if rule.spec.link is None or run.arrays.log.ref is None:
        return np.zeros(len(rows), np.int32)
    return run.arrays.link_codes(rule.spec.link)[rows]


def _grouped(run: Run, rule: Rule, rows: Int32s) -> Int64s:
    """An order of rows that brings those of one child and link together, in time order."""
    return np.lexsort((rows, _link_of(run, rule, rows), run.arrays.log.child[rows]))


def _same_thing_next(run: Run, rule: Rule, rows: Int32s) -> Bools:
    """Whether the next of the grouped rows is for the same child and link."""
    child, link = run.arrays.log.child[rows], _link_of(run, rule, rows)
    same = np.zeros(len(rows), np.bool_)
    same[:-1] = (child[1:] == child[:-1]) & (link[1:] == link[:-1])
    return same


# ---------------------------------------------------------------------------------------------------- once, or again


def _once(run: Run, rule: Rule, index: int, duties: Duties, answers: Picked) -> Flags | None:
    spec, arrays = rule.spec, run.arrays
    assert spec.expect is not None
    due = due_once(run, rule, duties)
    due.day = not_before_floor(duties, due.day)
    lift(rule, due)
    may_be_own = bool(set(spec.when.event) & set(spec.expect.event))
    if spec.expect.earlier is not None:
        _look_back(run, rule, duties, answers.sure())
    answer = _answering(arrays, rule, duties, answers.sure(), may_be_own)
    if spec.not_before is not None:
        answer = _not_too_early(run, rule, duties, due, answers.sure(), answer, may_be_own)
    if spec.when.after:
        new = _not_the_same_again(arrays, duties, answer)
        duties, due, answer = duties.take(new), due.take(new), answer[new]
    status, reason = _status(run, rule, due, answer, duties)
    if answers.maybe is not None:
        maybe = _answering(arrays, rule, duties, answers.unsure(), may_be_own)
        _unsure_answers(arrays, status, reason, answer, maybe, due, (LATE, OVERDUE, DUE, DUE_SOON, ENDED))
    if spec.link and arrays.log.ref is not None and not spec.expect.if_recorded and spec.expect.earlier is None:
        _answered_before_it_began(arrays, spec.link, duties.trigger, answers.sure(), answer, status, reason)
    return _settled(run, rule, index, np.zeros(len(answer), np.int8), duties, due, answer, status, reason)


def _look_back(run: Run, rule: Rule, duties: Duties, rows: Int32s) -> None:
    """Let answers before the start count, as far back as the rule allows, but not one that answered the duty before.

    A child's duties are gone through in order, all children's first, then all their second, and so on.
    """
    arrays, log = run.arrays, run.arrays.log
    assert rule.spec.expect is not None
    child = log.child[duties.trigger]
    back = due_day_before(duties.start, run.book.length(rule.spec.expect.earlier), run.book.calendar).astype(np.int32)
    wanted = duties.answers_from = arrays.key_of_day(child, back)
    if rule.spec.expect.again:
        return
    place = np.arange(len(child))
    begins = np.ones(len(child), np.bool_)
    begins[1:] = child[1:] != child[:-1]
    rank = place - np.maximum.accumulate(np.where(begins, place, 0))
    latest = np.full(len(child), NONE)  # the last answer that any of the child's duties had so far
    for n in range(int(rank.max(initial=0)) + 1):
        at = np.flatnonzero(rank == n)
        used = latest[at - 1] if n else np.full(len(at), NONE)
        if n:
            own = (used >= 0) & (used < duties.trigger[at])
            wanted[at[own]] = np.maximum(wanted[at[own]], arrays.last_key(used[own]) + 1)
        some = duties.take(at)
        some.answers_from = wanted[at]
        answer = _answering(arrays, rule, some, rows, False)
        latest[at] = np.where(answer >= 0, answer, used)
    duties.answers_from = wanted


def _not_too_early(run: Run, rule: Rule, duties: Duties, due: Due, rows: Int32s, answer: Int32s, may_be_own: bool) -> Int32s:
    """The answers, an early one passed over where another came on or after the earliest day and before it was due."""
    log = run.arrays.log
    earliest = due_day(duties.start, run.book.length(rule.spec.not_before), run.book.calendar, rule.spec.count_from).astype(np.int32)
    early = np.flatnonzero((answer >= 0) & (log.day[answer] < earliest))
    if not len(early):
        return answer
    some = duties.take(early)
    some.answers_from = run.arrays.key_of_day(log.child[some.trigger], earliest[early])
    later = _answering(run.arrays, rule, some, rows, may_be_own)
    in_time = (later >= 0) & (log.day[later] >= earliest[early])
    if due.by is not None:
        in_time &= (due.by[early] == NO_INSTANT) | (run.arrays.latest(np.maximum(later, 0)) <= due.by[early])
    else:
        in_time &= (due.day[early] == NO_DAY) | (log.day[later] <= due.day[early])
    result = answer.copy()
    result[early[in_time]] = later[in_time]
    return result


def _not_the_same_again(arrays: Arrays, duties: Duties, answer: Int32s) -> Bools:
    """A count reached again while the duty it started is still open is the same duty: keep the first of each."""
    child = arrays.log.child[duties.trigger]
    _, end_day = duties.ended()
    new = np.ones(len(answer), np.bool_)
    new[1:] = (child[1:] != child[:-1]) | (answer[1:] != answer[:-1]) | (end_day[1:] != end_day[:-1])
    return new


def _answering(arrays: Arrays, rule: Rule, duties: Duties, rows: Int32s, may_be_own: bool) -> Int32s:
    """The first of `rows` that answers each duty before it has ended; NONE where none does."""
    link, wanted = rule.spec.link, duties.answers_from
    nth = rule.spec.expect.at_least if rule.spec.expect else 1
    answer = next_after(arrays, duties.trigger, rows, link, may_be_own, wanted, nth)
    if duties.end is None or duties.end_day is None:
        return answer
    after = _after_end(arrays, answer, duties.end, duties.end_day)
    same_day = np.flatnonzero(after & (arrays.log.day[answer] == duties.end_day))
    answer[after] = NONE
    if len(same_day) and nth == 1:  # too late by the clock; an event on that day with no time recorded still counts
        triggers, day = duties.trigger[same_day], duties.end_day[same_day]
        dated = rows[arrays.earliest(rows) != arrays.latest(rows)]
        wanted = arrays.first_key(triggers) if wanted is None else wanted[same_day]
        wanted = np.maximum(wanted, arrays.key_of_day_end(arrays.log.child[triggers], day))
        found = next_after(arrays, triggers, dated, link, may_be_own, wanted)
        answer[same_day] = np.where((found >= 0) & (arrays.log.day[found] == day), found, NONE)
    return answer


def _recurring(run: Run, rule: Rule, index: int, duties: Duties, answers: Picked) -> Flags | None:
    """A chain from each start: every answer stops one clock and starts the next, until the duty ends."""
    spec, arrays = rule.spec, run.arrays
    chain, step, answer = _chains(run, rule, duties, answers.sure())
    begins, running = np.flatnonzero(step == 0), np.flatnonzero(answer < 0)  # the first step and the last of each chain
    trigger = np.empty(len(chain), np.int32)
    trigger[1:] = answer[:-1]
    trigger[begins] = duties.trigger
    start = arrays.log.day.take(trigger)
    start[begins] = duties.start
    reason = np.zeros(len(chain), np.int8)
    reason[begins] = duties.reason
    links = Duties(trigger, start, None if duties.unsure is None else duties.unsure[chain], reason)
    if duties.end is not None and duties.end_day is not None:
        end, end_day = links.ended()
        end[running], end_day[running] = duties.end, duties.end_day
    within = spec.within if isinstance(spec.within, list) else [spec.within] if spec.within else []
    rungs = [run.book.length(length) for length in (*within, spec.every)]
    if len(rungs) == 1:
        rung = np.zeros(len(chain), np.int8)
        due = due_after(run, rule, rungs[0], trigger, links.start)
    else:
        rung = np.minimum(step, len(rungs) - 1).astype(np.int8)
        due = Due(np.full(len(trigger), NO_DAY, np.int32))
        for number, length in enumerate(rungs):
            mine = np.flatnonzero(rung == number)
            due.put(mine, due_after(run, rule, length, trigger[mine], links.start[mine]))
    if duties.floor is not None:
        links.floor = np.full(len(chain), NO_DAY, np.int32)
        links.floor[begins] = duties.floor
        due.day = not_before_floor(links, due.day)
    lift(rule, due)
    due.forget(links.reason == NO_DATE)
    status, reason = _status(run, rule, due, answer, links)
    if answers.maybe is not None:
        maybe = _answering(arrays, rule, links, answers.unsure(), True)
        _unsure_answers(arrays, status, reason, answer, maybe, due, (LATE, OVERDUE))
    return _settled(run, rule, index, rung, links, due, answer, status, reason)


def _chains(run: Run, rule: Rule, duties: Duties, rows: Int32s) -> tuple[Int32s, Int64s, Int32s]:
    """Every step of every chain in order: which chain it is of, its number in it, and its answer.

    A chain has a step for each answer between its start and its end, and one more, the clock still running after the
    last, whose answer is NONE.
    """
    arrays, log = run.arrays, run.arrays.log
    until = np.full(len(duties.trigger), run.as_of_day, np.int32)
    if duties.end_day is not None:
        until = np.where(duties.end_day == NO_DAY, until, duties.end_day)
    first = np.searchsorted(arrays.last_key(rows), arrays.first_key(duties.trigger))
    last = np.searchsorted(arrays.last_key(rows), arrays.key_of_day_end(log.child[duties.trigger], until), "right")
    steps = np.maximum(last - first, 0) + 1
    after = np.cumsum(steps)
    chain = np.repeat(np.arange(len(steps), dtype=np.int32), steps)
    step = np.arange(len(chain))
    step -= np.repeat(after - steps, steps)
    if len(rows):
        place = np.repeat(first, steps)
        place += step
        answer = rows.take(np.minimum(place, len(rows) - 1, out=place))
        answer[after - 1] = NONE
    else:
        answer = np.full(len(chain), NONE)
    kept = _belonging(run, rule, duties, chain, answer, rows)
    if not kept.all():
        chain, answer = chain[kept], answer[kept]
        begins = np.ones(len(chain), np.bool_)
        begins[1:] = chain[1:] != chain[:-1]
        place = np.arange(len(chain))
        step = place - np.maximum.accumulate(np.where(begins, place, 0))
    return chain, step, answer


def _superseded(run: Run, rule: Rule, duties: Duties) -> Duties:
    """A new start for the same child (and link) replaces the chain that was running."""
    log = run.arrays.log
    duties = duties.take(_grouped(run, rule, duties.trigger)) if rule.spec.link and log.ref is not None else duties
    if duties.floor is not None:
        assert duties.group is not None
        duties = duties.take(np.lexsort((duties.trigger, duties.group)))
    same = _same_thing_next(run, rule, duties.trigger)
    if duties.floor is not None and duties.group is not None:  # in another segment it is another chain
        same[:-1] &= duties.group[1:] == duties.group[:-1]
    if not same.any():
        return duties.in_order()
    following = np.full(len(same), NONE)
    following[:-1] = np.where(same[:-1], duties.trigger[1:], NONE)
    keep_earlier(run.arrays, duties, following)
    same_day = same & (log.day[following] == log.day[duties.trigger])
    return duties.take(~same_day).in_order()


def _belonging(run: Run, rule: Rule, duties: Duties, chain: Int32s, answer: Int32s, rows: Int32s) -> Bools:
    """Which answers belong to their chain: not another's link, not the start itself, not after the ending's time."""
    spec, arrays = rule.spec, run.arrays
    keep = np.ones(len(answer), np.bool_)
    assert spec.expect is not None
    if spec.link and arrays.log.ref is not None:
        codes = arrays.link_codes(spec.link)
        mine, theirs = codes[duties.trigger[chain]], codes[answer]
        keep &= (mine < 0) | (theirs < 0) | (mine == theirs)
    if set(spec.when.event) & set(spec.expect.event):  # where the start is itself an answer, only what stands after it is one
        own = among(duties.trigger, rows)
        keep &= ~own[chain] | (answer > duties.trigger[chain])
    if arrays.timed and duties.end is not None and duties.end_day is not None:
        keep &= ~_after_end(arrays, answer, duties.end[chain], duties.end_day[chain])
    return keep | (answer < 0)


def _after_end(arrays: Arrays, answer: Int32s, end: Int32s, end_day: Int32s) -> Bools:
    """Whether an answer certainly came after the duty had ended."""
    log = arrays.log
    has = (answer >= 0) & (end_day != NO_DAY)
    after: Bools = has & (log.day[answer] > end_day)
    if log.instant is not None:
        tie = np.flatnonzero(has & (log.day[answer] == end_day) & (end >= 0) & (end < len(log)))
        after[tie] = arrays.earliest(answer[tie]) > arrays.latest(end[tie])
    return after


# ---------------------------------------------------------------------------------------------------- the status

# The status by whether the duty was answered, ended or open, and whether that was in time or after it was due.
_BY_DAY = np.array([MET, LATE, ENDED, OVERDUE, DUE, OVERDUE], np.int8)
_ANSWERED, _ENDED, _OPEN = range(0, 6, 2)


def _status(run: Run, rule: Rule, due: Due, answer: Int32s, duties: Duties) -> tuple[Int8s, Int8s]:
    """Met, late, overdue, due or ended; cannot tell where an hour clock lacks the time of day."""
    log = run.arrays.log
    reason = np.zeros(len(answer), np.int8)
    answered = answer >= 0
    unanswered = ~answered
    state = unanswered.view(np.int8) * np.int8(_OPEN)
    ended = None
    if duties.end_day is not None:
        ended = unanswered & (duties.end_day != NO_DAY)
        state -= ended.view(np.int8) * np.int8(_OPEN - _ENDED)
    if due.at is None or due.by is None:
        upto = np.where(answered, log.day.take(answer), np.int32(run.as_of_day))
        if ended is not None and duties.end_day is not None:
            upto = np.where(ended, duties.end_day, upto)
        passed = upto > due.day
        passed &= due.day != NO_DAY
        status = _BY_DAY.take(state + passed.view(np.int8))
    else:
        first, last = _when_settled(run, state, answer, duties)
        inside = (last <= due.at) | (due.at == NO_INSTANT)
        outside = ~inside & (first > due.by)
        status = _BY_DAY.take(state + (~inside).view(np.int8))
        unclear = ~inside & ~outside
        status[unclear], reason[unclear] = CANNOT_TELL, TIME_OF_DAY
    if rule.spec.warn is not None:
        _due_soon(run, rule, due, status)
    if rule.spec.not_before is not None:
        earliest = due_day(duties.start, run.book.length(rule.spec.not_before), run.book.calendar, rule.spec.count_from)
        early = answered & (log.day[answer] < earliest)
        status[early], reason[early] = EARLY, NO_REASON
    return status, reason


def _when_settled(run: Run, state: Int8s, answer: Int32s, duties: Duties) -> tuple[Int64s, Int64s]:
    """The earliest and latest instant at which each duty was answered or ended; the as-of moment while it is open."""
    arrays = run.arrays
    first = np.full(len(state), run.as_of_instant, np.int64)
    last = first.copy()
    answered, ended = state == _ANSWERED, state == _ENDED
    first[answered], last[answered] = arrays.earliest(answer[answered]), arrays.latest(answer[answered])
    if ended.any():
        end, end_day = duties.ended()
        birthday = ended & (end >= len(arrays.log))
        event = ended & ~birthday
        first[birthday] = last[birthday] = midnight(end_day[birthday])  # an age is reached as the day begins
        first[event], last[event] = arrays.earliest(end[event]), arrays.latest(end[event])
    return first, last


def _due_soon(run: Run, rule: Rule, due: Due, status: Int8s) -> None:
    lead = run.book.length(rule.spec.warn)
    waiting = np.flatnonzero((status == DUE) & (due.day != NO_DAY))
    if not len(waiting):
        return
    if lead.by_the_hour and due.at is not None:
        soon = run.as_of_instant >= due.at[waiting] - 3600 * lead.n
    elif lead.by_the_hour:  # a lead in hours on a clock counted in days: the days those hours begin in
        soon = run.as_of_day >= due.day[waiting] - (-(-lead.n // 24) - 1)
    else:
        soon = run.as_of_day >= due_day_before(due.day[waiting], lead, run.book.calendar)
    status[waiting[soon]] = DUE_SOON


def _unsure_answers(
    arrays: Arrays, status: Int8s, reason: Int8s, answer: Int32s, maybe: Int32s, due: Due, doubted: tuple[int, ...]
) -> None:
    """Where an event that may count came in time, and the duty is otherwise not met, it cannot be told."""
    found = maybe >= 0
    if due.by is None:
        in_time = found & ((arrays.log.day[maybe] <= due.day) | (due.day == NO_DAY))
    else:
        in_time = found.copy()
        in_time[found] = (arrays.earliest(maybe[found]) <= due.by[found]) | (due.by[found] == NO_INSTANT)
    doubtful = in_time & np.isin(status, doubted)
    status[doubtful], reason[doubtful] = CANNOT_TELL, ANSWER_ATTRIBUTE
    answer[doubtful] = maybe[doubtful]


def _answered_before_it_began(
    arrays: Arrays, link: str, triggers: Int32s, rows: Int32s, answer: Int32s, status: Int8s, reason: Int8s
) -> None:
    """An answer that shares the duty's link and is dated before it began: the dates cannot be right."""
    codes = arrays.link_codes(link)
    unanswered = np.flatnonzero((answer < 0) & (codes[triggers] >= 0) & ~among(triggers, rows))
    rows = rows[codes[rows] >= 0]
    if not len(rows) or not len(unanswered):
        return
    have, want = pairs(arrays, rows, codes), pairs(arrays, triggers[unanswered], codes)
    order = np.argsort(have, kind="stable")
    at = np.minimum(np.searchsorted(have[order], want), len(order) - 1)
    before = rows[order[at]]
    wrong = (have[order[at]] == want) & (arrays.last_key(before) < arrays.first_key(triggers[unanswered]))
    where = unanswered[wrong]
    status[where], reason[where], answer[where] = CANNOT_TELL, IMPOSSIBLE, before[wrong]


def _suspect(run: Run, rows: Int32s) -> Bools | None:
    suspect = run.arrays.log.suspect
    return None if suspect is None else (rows >= 0) & suspect[rows]


def _settled(
    run: Run, rule: Rule, index: int, rung: Int8s, duties: Duties, due: Due, answer: Int32s, status: Int8s, reason: Int8s
) -> Flags | None:
    """What cannot be told for reasons of the record: missing attributes or dates, impossible dates, no history."""
    log = run.arrays.log
    missing = duties.reason != NO_REASON
    if missing.any():
        status[missing], reason[missing] = CANNOT_TELL, duties.reason[missing]
    if duties.unsure is not None:
        status[duties.unsure], reason[duties.unsure] = CANNOT_TELL, TRIGGER_ATTRIBUTE
    assert rule.spec.expect is not None
    since = run.answers_since(rule.spec.expect.event)
    if since is not None:
        known_from = duties.start
        if rule.spec.expect.earlier is not None:  # where nothing is found, an earlier answer may be missing too
            back = due_day_before(duties.start, run.book.length(rule.spec.expect.earlier), run.book.calendar)
            known_from = np.where(answer < 0, back, duties.start)
        before = (known_from < since[log.kind[duties.trigger]]) & (status != ENDED)
        status[before], reason[before] = CANNOT_TELL, BEFORE_RECORDS
    until = [log.coverage.until_day(kind) for kind in rule.spec.expect.event]
    last = max((day for day in until if day is not None), default=run.as_of_day)
    if None not in until and last < run.as_of_day:  # silence after the last day says nothing
        after = (answer < 0) & np.isin(status, (OVERDUE, DUE, DUE_SOON)) & ((due.day > last) | (due.day == NO_DAY))
        status[after], reason[after] = CANNOT_TELL, AFTER_RECORDS
    overwritten = _overwritten(run, rule)
    if overwritten is not None:  # the latest date took the place of those before it
        lost = (answer < 0) & np.isin(status, (OVERDUE, DUE, DUE_SOON)) & overwritten[log.child[duties.trigger]]
        status[lost], reason[lost] = CANNOT_TELL, ONLY_LATER
    for rows in (duties.trigger, answer):
        suspect = _suspect(run, rows)
        if suspect is not None:
            status[suspect], reason[suspect] = CANNOT_TELL, IMPOSSIBLE
    end = np.full(len(answer), NONE) if duties.end is None else np.where(answer >= 0, NONE, duties.end)
    block = _block(index, rung, duties, due, answer, end, status, reason)
    if rule.spec.expect.if_recorded:
        block = _taken(block, block.answer >= 0)
    if log.latest_only is not None:  # a list of latest dates says how things stand now, never how they went before
        block = _taken(block, (block.answer < 0) | ~log.latest_only[block.answer])
    return block if len(block) else None


def _overwritten(run: Run, rule: Rule) -> Bools | None:
    """The children whose latest date of what answers a rule is not yet there at the as-of moment, where only that is held."""
    log, visible, expect = run.arrays.log, run.arrays.visible, rule.spec.expect
    if log.latest_only is None or visible is None or expect is None:
        return None
    hidden = log.latest_only & ~visible & np.isin(log.kind, [i for i, kind in enumerate(log.kinds) if kind in expect.event])
    if not hidden.any():
        return None
    found = np.zeros(len(log.children), np.bool_)
    found[log.child[hidden]] = True
    return found


# ---------------------------------------------------------------------------------------------------- the flags

_COLUMNS = ("rule", "rung", "trigger", "start", "due", "due_at", "due_by", "answer", "end", "status", "reason")


def _block(index: int, rung: Int8s, duties: Duties, due: Due, answer: Int32s, end: Int32s, status: Int8s, reason: Int8s) -> Flags:
    rule = np.full(len(answer), index, np.int16)
    return Flags(rule, rung, duties.trigger, duties.start, due.day, due.at, due.by, answer, end, status, reason, np.zeros(0, np.int32))


def _taken(block: Flags, keep: Bools) -> Flags:
    return replace(block, **{c: getattr(block, c)[keep] for c in _COLUMNS if getattr(block, c) is not None})


def _joined(blocks: list[Flags], derived: list[Int32s]) -> Flags:
    """The blocks of all rules as one; instants only where some rule counts in hours."""
    dtypes: dict[str, Any] = {"rule": np.int16, "rung": np.int8, "status": np.int8, "reason": np.int8}
    hours = any(b.due_at is not None for b in blocks)

    def column(name: str) -> Any:
        if name in ("due_at", "due_by"):
            if not hours:
                return None
            return np.concatenate([np.full(len(b), NO_INSTANT, np.int64) if getattr(b, name) is None else getattr(b, name) for b in blocks])
        return np.concatenate([getattr(b, name) for b in blocks] or [np.zeros(0, dtypes.get(name, np.int32))])

    days = np.concatenate(derived) if derived else np.zeros(0, np.int32)
    return Flags(**{name: column(name) for name in _COLUMNS}, derived_day=days)
