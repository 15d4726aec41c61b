"""What a rule's examples prove: each tag checked against what the engine says, and each part of the rule tried.

What must be shown depends on the shape of the rule:

| shape | boundary | first_bad_day | still_due | overdue | bank_holiday |
|---|---|---|---|---|---|
| a limit in a length of time, or a time of day | yes | yes | yes | yes | yes |
| a due date written in the event, with no limit beside it | yes | yes | yes | yes | no: nothing is counted |
| only an earliest day (`not_before`) | yes | yes | yes | no: it has no limit | where working days are counted |
| no limit at all (`not_before: 0 days` alone) | no | no | yes | no | no |
| no `expect`: the rule records that a pattern occurred | yes | yes | no | no | no |
| `expect.if_recorded`: judged only where an answer is recorded | yes | yes | no | no | as above |
| `stage: prospective` | no | no | no | no | no: it gives no flags |

A tag is believed only where the flags bear it out:

- `boundary`: met, and answered on the due day (in its last hour, for a clock in hours); or on the earliest day that
  `not_before` allows. Without `expect`: a flag.
- `first_bad_day`: late, and answered the next working day (for a clock in working days), the next day, or within an
  hour; or early by one day. Without `expect`: no flag.
- `still_due`, `overdue`, `cannot_tell`: a flag with that status (`due_soon` is still due). `ended`: a flag that an event
  ended, before it was due or after.
- `bank_holiday`: a named holiday lies between a flag's start and its due day (on a weekday, where working days are
  counted, since only then does it move the date).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, day_number, due_day
from rrt_engine.explain.flags import Explained
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.changes import Change, changes, no_limit, shifted
from rrt_engine.rulebook.checks import intervals
from rrt_engine.rulebook.examples import Outcome, ReadExample, begin, read_examples, run_example
from rrt_engine.rulebook.schema import DateOf, Example, NextOpening, TimescaleRule
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.timescales.duties import Run

PROOFS = ("boundary", "first_bad_day", "still_due", "overdue", "bank_holiday")
_VERIFIED = (*PROOFS, "ended", "cannot_tell")


@dataclass(frozen=True)
class Proof:
    """What the examples of one edition of a rule prove, and what they do not.

    `required` are the tags its shape needs; `shown` the tags borne out, each with the examples that do; `unborne` the
    tags that an example carries without showing them. `tried` are the changes made, `unnoticed` those no example saw.
    """

    rule: Rule
    document: Document
    outcomes: tuple[Outcome, ...]
    required: tuple[str, ...]
    shown: Mapping[str, tuple[str, ...]]
    unborne: tuple[tuple[int, str], ...]
    untagged: Mapping[str, str]
    tried: tuple[Change, ...]
    unnoticed: tuple[Change, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The tags its shape needs and nothing shows."""
        return tuple(tag for tag in self.required if tag not in self.shown)


def prove(rule: Rule, document: Document, book: RuleBook) -> Proof:
    """Run a rule's examples, check their tags, and try every change to the rule."""
    chosen = book.only(rule.id)
    reads = read_examples(rule, document, book)
    outcomes = tuple(run_example(read, rule.id, chosen) for read in reads)
    shown: dict[str, tuple[str, ...]] = {}
    untagged: dict[str, str] = {}
    unborne = []
    for i, (read, outcome) in enumerate(zip(reads, outcomes, strict=True)):
        if not outcome.passed:
            continue
        local = chosen.with_parameters(read.example.parameters)
        checked = ("still_due", "ended", "cannot_tell") if no_limit(rule.spec, book) else _VERIFIED
        borne_out = [tag for tag in checked if _shows(tag, outcome, read.example, rule.spec, local)]
        for tag in read.example.shows:
            if tag in borne_out:
                shown[tag] = (*shown.get(tag, ()), outcome.name)
            elif tag in checked:
                unborne.append((i, tag))
        for shown_tag in borne_out:
            untagged.setdefault(shown_tag, outcome.name)
    tried: tuple[Change, ...] = ()
    unnoticed: tuple[Change, ...] = ()
    if rule.spec.stage == "in_force" and outcomes and all(o.passed for o in outcomes):
        tried = tuple(changes(rule.spec, book, len(chosen.rules)))
        unnoticed = _unnoticed(tried, rule, reads, outcomes, chosen)
    return Proof(rule, document, outcomes, required(rule.spec, book), shown, tuple(unborne), untagged, tried, unnoticed)


def required(spec: TimescaleRule, book: RuleBook) -> tuple[str, ...]:
    """The tags that a rule of this shape needs among its examples."""
    if spec.stage == "prospective":
        return ()
    if spec.expect is None:
        return ("boundary", "first_bad_day")
    if no_limit(spec, book):
        return ("still_due",)
    if spec.expect.if_recorded:
        return ("boundary", "first_bad_day", *(("bank_holiday",) if _counts_working_days(spec, book) else ()))
    if isinstance(spec.within, DateOf) and spec.within.otherwise is None:
        return ("boundary", "first_bad_day", "still_due", "overdue")
    if spec.within is None and spec.every is None and spec.before is None:
        counted = ("bank_holiday",) if _counts_working_days(spec, book) else ()
        return ("boundary", "first_bad_day", "still_due", *counted)
    return PROOFS


def _unnoticed(
    tried: tuple[Change, ...], rule: Rule, reads: list[ReadExample], before: tuple[Outcome, ...], chosen: RuleBook
) -> tuple[Change, ...]:
    """The changes that no example notices: with the rule changed so, every example holds (and its working is the same)."""
    runs = [begin(read, chosen) for read in reads]
    examples = list(zip(reads, runs, before, strict=True))
    return tuple(change for change in tried if not any(_notices(change, rule, *example, chosen) for example in examples))


def _notices(change: Change, rule: Rule, read: ReadExample, run: Run | None, before: Outcome, chosen: RuleBook) -> bool:
    """Whether an example fails when the rule is changed so (or, for a reason shown, whether its working differs)."""
    changed = (replace(r, spec=change.spec) if r is rule and change.spec else r for r in chosen.rules if r is not rule or change.spec)
    book = replace(chosen, rules=tuple(changed))
    outcome = run_example(_with_shift(read, change, book), rule.id, book, None if change.shift else run, change.in_steps)
    return not outcome.passed or (change.in_steps and [f.steps for f in outcome.flags] != [f.steps for f in before.flags])


def _with_shift(read: ReadExample, change: Change, book: RuleBook) -> ReadExample:
    if not change.shift:
        return read
    values = dict(read.example.parameters)
    for name, by in change.shift.items():
        new = shifted(values.get(name, book.parameters[name].value), by)
        if new is not None:
            values[name] = new
    return replace(read, example=read.example.model_copy(update={"parameters": values}))


# ---------------------------------------------------------------------------------------------------- tags


def _shows(tag: str, outcome: Outcome, example: Example, spec: TimescaleRule, book: RuleBook) -> bool:
    """Whether an example's flags bear out a tag."""
    pairs = list(zip(outcome.flags, outcome.spans, strict=True))
    if tag == "still_due":
        return any(f.status in ("due", "due_soon") for f in outcome.flags)
    if tag == "ended":
        return any(f.ended_by is not None for f in outcome.flags)
    if tag in ("overdue", "cannot_tell"):
        return any(f.status == tag for f in outcome.flags)
    if tag == "bank_holiday":
        return any(_crosses_holiday(start, due, example, spec, book) for _, (start, due) in pairs)
    if spec.expect is None:
        return any(f.status == "met" for f in outcome.flags) if tag == "boundary" else not outcome.flags
    test = _last_good if tag == "boundary" else _first_bad
    return any(f.answer is not None and test(f, start, due, spec, book) for f, (start, due) in pairs)


def _last_good(flag: Explained, start: int, due: int, spec: TimescaleRule, book: RuleBook) -> bool:
    assert flag.answer is not None
    if flag.status != "met":
        return False
    if spec.not_before is not None and _day(flag.answer["at"]) == _earliest(start, spec, book):
        return True
    if due == NO_DAY:
        return False
    hours = _hours_after(flag.due, flag.answer["at"])
    if hours is not None:
        return -1 <= hours <= 0
    early = due - _day(flag.answer["at"])
    return early == 0 or (early == 1 and _by_the_hour(spec, book))


def _first_bad(flag: Explained, start: int, due: int, spec: TimescaleRule, book: RuleBook) -> bool:
    assert flag.answer is not None
    day = _day(flag.answer["at"])
    if flag.status == "early":
        earliest = _earliest(start, spec, book)
        return earliest - day == 1 or (_counts_working_days(spec, book) and _working_days(day, earliest, book) <= 1)
    if flag.status != "late":
        return False
    hours = _hours_after(flag.due, flag.answer["at"])
    if hours is not None:
        return 0 < hours <= 1
    return day - due <= 1 or (_counts_working_days(spec, book) and _working_days(due, day, book) <= 1)


def _crosses_holiday(start: int, due: int, example: Example, spec: TimescaleRule, book: RuleBook) -> bool:
    """Whether a named holiday lies among the days counted."""
    if due == NO_DAY and spec.not_before is not None:
        due = _earliest(start, spec, book)
    if due == NO_DAY:
        return False
    ends = [start, due]
    if spec.before:  # counted back from a day that the example records
        ends.extend(
            day_number(v) for e in (*example.events, example.child) for v in e.values() if isinstance(v, date) and day_number(v) >= due
        )
    days = range(min(ends), max(ends) + 1)
    weekdays_only = _counts_working_days(spec, book)
    return any(d in book.calendar.holidays and not (weekdays_only and (d + 3) % 7 >= 5) for d in days)


def _units(spec: TimescaleRule, book: RuleBook) -> set[str]:
    lengths = [
        given
        for path, given in intervals(spec)
        if path[0] in ("within", "every", "before", "not_before") and path[-1] != "next_working_day_at"
    ]
    return {book.length(given).unit for given in lengths}


def _counts_working_days(spec: TimescaleRule, book: RuleBook) -> bool:
    return isinstance(spec.within, NextOpening) or bool(_units(spec, book) & {"working days", "clear days", "service hours"})


def _by_the_hour(spec: TimescaleRule, book: RuleBook) -> bool:
    return isinstance(spec.within, NextOpening) or bool(_units(spec, book) & {"hours", "service hours"})


def _earliest(start: int, spec: TimescaleRule, book: RuleBook) -> int:
    return int(due_day(np.array([start]), book.length(spec.not_before), book.calendar, spec.count_from)[0])


def _working_days(start: int, end: int, book: RuleBook) -> int:
    return int(book.calendar.working_days_between(np.array([start]), np.array([end]))[0])


def _day(at: str) -> int:
    return day_number(date.fromisoformat(at[:10]))


def _hours_after(due: str | None, answer: Any) -> float | None:
    """How many hours after a due time an answer came; None unless both have a time of day."""
    if due is None or "T" not in due or "T" not in answer:
        return None
    gap = datetime.fromisoformat(answer) - datetime.fromisoformat(due).replace(tzinfo=None)
    return gap.total_seconds() / 3600
