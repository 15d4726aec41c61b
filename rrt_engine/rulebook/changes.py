"""Change a rule one part at a time, to ask whether its examples would notice.

A part that can be left out, or a number that can be one more or one less, without any example failing is a part that
nothing proves. The changes are made to the rule's shape and not to its text, so each is one clean step from the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from rrt_engine.calendar import Duration
from rrt_engine.rulebook.book import DERIVED_KINDS, RuleBook
from rrt_engine.rulebook.checks import intervals
from rrt_engine.rulebook.schema import DateOf, During, Parameter, TimescaleRule, Until
from rrt_engine.rulebook.strict_yaml import Path

_LEFT_OUT: Any = object()
_FIELD = {"if": "if_", "not": "not_", "from": "from_"}
_TIME = re.compile(r"^([0-9]{2}):([0-9]{2})$")


_ASK = "add an example answered on the last good day with its `due`, and one answered the next possible day"
_ASKS = (
    (("earlier",), "add an example answered on the earliest day that counts, and one answered the day before it"),
    (("at_least",), "add an example with exactly enough events, and one with one too few"),
    (("at_most",), "add an example whose recorded date is the last the limit allows, and one whose date is a day later: cannot_tell"),
    (("when", "after", "within"), "add an example whose earliest event is on the last day of the window, and one where it is a day before"),
    (("turning",), "add an example whose child has that birthday on the last of those days, and one a day later, in which no duty starts"),
    (("or_within",), "add an example that starts too near the date to count back from it, with its `due`"),
    (("during",), "add an example that starts on the last day of that part of the period, and one that starts the day after"),
    (("extension",), "add an example extended by the longest it may be, with its `due`, and one by longer"),
    (("not_before",), "add an example answered on the earliest day it may be, and one answered the day before: early"),
)


@dataclass(frozen=True)
class Change:
    """One part of a rule, changed: where it stands, how it was changed, and the example that would notice.

    `spec` is the changed rule, or None where the edition itself is left out. `shift` says by how much local values are
    changed instead, wherever an example or the authority sets them. `in_steps` marks what shows only in the working.
    """

    part: str
    path: Path
    kind: Literal["branch", "interval"]
    how: str
    spec: TimescaleRule | None
    ask: str
    shift: Mapping[str, int] = field(default_factory=dict)
    in_steps: bool = False


def changes(spec: TimescaleRule, book: RuleBook, editions: int = 1) -> list[Change]:
    """Every change worth trying on a rule. `editions` is how many editions it has."""
    result = [*_branches(spec, book), *_numbers(spec, book), *_count_from(spec, book)]
    if editions > 1:
        result.append(
            Change(
                "this edition",
                ("effective",),
                "branch",
                "left out",
                None,
                "add an example whose duty starts while this edition is in force",
            )
        )
    return result


def no_limit(spec: TimescaleRule, book: RuleBook) -> bool:
    """Whether an edition says that there is no time limit: due, and never late or early (`not_before: 0 days` alone)."""
    limited = spec.within is not None or spec.every is not None or spec.before is not None
    return not limited and spec.not_before is not None and book.length(spec.not_before).n == 0


def shifted(value: str | int, by: int) -> str | int | None:
    """A count, length of time or time of day moved by one unit (a minute for a time); None where there is no such.

    >>> shifted("15 working days", 1), shifted("09:00", -1), shifted("0 days", -1)
    ('16 working days', '08:59', None)
    """
    if isinstance(value, int):
        return value + by if value + by >= 0 else None
    time = _TIME.match(value)
    if time:
        minutes = int(time[1]) * 60 + int(time[2]) + by
        return f"{minutes // 60:02}:{minutes % 60:02}" if 0 <= minutes < 24 * 60 else None
    length = Duration.parse(value)
    return str(Duration(length.n + by, length.unit)) if 0 <= length.n + by <= 9999 else None


def _branches(spec: TimescaleRule, book: RuleBook) -> Iterator[Change]:
    """Each condition, ending, rung and option left out in turn."""

    def left_out(path: Path, part: str, ask: str, in_steps: bool = False) -> Change:
        return Change(part, path, "branch", "left out", _put(spec, path, _LEFT_OUT), ask, in_steps=in_steps)

    when, expect = spec.when, spec.expect
    for a in when.where:
        yield left_out(
            ("when", "where", a), f"when.where.{a}", f"add an example whose `{when.event[0]}` records another `{a}`, so that no duty starts"
        )
    for i, kind in enumerate(when.event if len(when.event) > 1 else []):
        yield left_out(("when", "event", i), f"when.event: {kind}", f"add an example that starts with `{kind}`")
    if when.pick != "each":
        yield left_out(
            ("when", "pick"),
            f"when.pick: {when.pick}",
            f"add an example with two `{when.event[0]}` events, of which only the {when.pick} counts",
        )
    if when.date:
        yield left_out(("when", "date"), f"when.date: {when.date}", f"add an example whose `{when.date}` is not the day of its event")
    if when.after:
        yield left_out(
            ("when", "after"), "when.after", f"add an example with too few `{when.after.event[0]}` events before it, so that no duty starts"
        )
        for a in when.after.where:
            yield left_out(
                ("when", "after", "where", a),
                f"when.after.where.{a}",
                f"add an example whose earlier `{when.after.event[0]}` records another `{a}`",
            )
    if when.quality:
        ask = f"add an example in which an event without `{when.quality}` starts no clock"
        yield left_out(("when", "quality"), f"when.quality: {when.quality}", ask)
    if when.at_age is not None:
        yield left_out(("when", "at_age"), f"when.at_age: {when.at_age}", "add an example whose event comes before that birthday")
    if when.turning is not None:
        ask = "add an example whose child is younger, in which no duty starts"
        yield left_out(("when", "turning"), f"when.turning: {when.turning.age}", ask)
    if expect and expect.earlier is not None:
        ask = "add an example answered before it began, on the earliest day that counts"
        yield left_out(("expect", "earlier"), f"expect.earlier: {_words(expect.earlier)}", ask)
    if expect and expect.again:
        yield left_out(("expect", "again"), "expect.again", "add an example in which one event answers two duties, before the second began")
    if expect and expect.at_least > 1:
        yield left_out(("expect", "at_least"), f"expect.at_least: {expect.at_least}", "add an example with one answer too few")
    if expect and expect.quality:
        ask = f"add an example in which an event without `{expect.quality}` does not answer"
        yield left_out(("expect", "quality"), f"expect.quality: {expect.quality}", ask)
    if expect:
        for a in expect.where:
            yield left_out(
                ("expect", "where", a),
                f"expect.where.{a}",
                f"add an example whose `{expect.event[0]}` records another `{a}`, so that it does not answer",
            )
        for i, kind in enumerate(expect.event if len(expect.event) > 1 else []):
            yield left_out(("expect", "event", i), f"expect.event: {kind}", f"add an example that is answered by `{kind}`")
    if isinstance(spec.within, list):
        for i, rung in enumerate(spec.within):
            yield left_out(("within", i), f"within[{i}]: {_words(rung)}", f"add an example that reaches step {i + 1} of the ladder")
    if isinstance(spec.within, DateOf) and spec.within.at_most is not None:
        yield left_out(
            ("within", "at_most"),
            f"within.at_most: {_words(spec.within.at_most)}",
            "add an example whose recorded date is beyond it: cannot_tell",
        )
    if isinstance(spec.within, DateOf) and spec.within.noon_after:
        yield left_out(("within", "noon_after"), "within.noon_after", "add an example whose last full day is a Sunday or a holiday")
    if spec.before and spec.before.or_within is not None:
        yield left_out(
            ("before", "or_within"),
            f"before.or_within: {_words(spec.before.or_within)}",
            "add an example that starts too near the date to count back from it",
        )
    if spec.not_before is not None and not no_limit(spec, book):
        yield left_out(("not_before",), f"not_before: {_words(spec.not_before)}", "add an example done too soon: status early")
    if spec.during is not None:
        period = spec.during.period if isinstance(spec.during, During) else spec.during
        yield left_out(
            ("during",),
            f"during: {period}",
            "add an example that starts outside the period, so that no duty starts, or one that the period's end ends",
        )
    if isinstance(spec.during, During) and spec.during.carry_in:
        yield left_out(("during", "carry_in"), "during.carry_in", "add an example in which the clock was running when the part began")
    for i, days in enumerate(spec.lifted):
        ask = "add an example that falls due on one of those days and is not done: due, and not overdue"
        yield left_out(("lifted", i), f"lifted: {days.from_} to {days.to}", ask)
    for i, ending in enumerate(spec.until):
        yield from _endings(spec, i, ending, left_out)
    if spec.link:
        yield left_out(
            ("link",),
            f"link: {spec.link}",
            f"add an example with two (`ref: X1` and `ref: X2`), in which the other {spec.link}'s event does not answer",
        )
    if spec.extension:
        yield left_out(("extension",), "extension", f"add an example with `{spec.extension.event[0]}`, done after the first due date")
    if spec.unless:
        yield left_out(
            ("unless",), "unless", f"add an example with `{spec.unless.event[0]}`: the reason is shown and the date stands", in_steps=True
        )


def _endings(spec: TimescaleRule, i: int, ending: Until | str, left_out: Any) -> Iterator[Change]:
    name = ending if isinstance(ending, str) else ending.event[0]
    yield left_out(("until", i), f"until: {name}", f"add an example that `{name}` ends before it is due: status ended")
    if isinstance(ending, Until) and ending.running == "goes on":
        yield left_out(("until", i, "running"), f"until.{name}.running", f"add an example that is due after the {name}: it goes on")
    if isinstance(ending, str) or name in DERIVED_KINDS:
        return
    for a in ending.where:
        yield left_out(
            ("until", i, "where", a),
            f"until.{name}.where.{a}",
            f"add an example whose `{name}` records another `{a}`, so that the duty goes on",
        )
    for a in ending.if_:
        yield left_out(
            ("until", i, "if", a),
            f"until.{name}.if.{a}",
            f"add an example whose `{spec.when.event[0]}` records another `{a}`, so that `{name}` does not end it",
        )


def _numbers(spec: TimescaleRule, book: RuleBook) -> Iterator[Change]:
    """Each number one less and one more."""
    for path, given in intervals(spec):
        part = f"{'.'.join(str(p) for p in path)}: {_words(given)}"
        if no_limit(spec, book):
            continue
        ask = next((text for keys, text in _ASKS if set(keys) <= set(path)), _ASK)
        for by in (-1, 1):
            new = shifted(book.value(given), by)
            if new is None or (path[-1] == "at_least" and new == 0):
                continue
            if isinstance(given, Parameter):
                yield Change(part, path, "interval", str(new), spec, ask, {given.parameter: by})
            else:
                yield Change(part, path, "interval", str(new), _put(spec, path, new), ask)


def _count_from(spec: TimescaleRule, book: RuleBook) -> Iterator[Change]:
    """Counting from the other day, where that could make a difference."""
    counted = [
        given for path, given in intervals(spec) if path[0] in ("within", "every", "not_before") and path[-1] != "next_working_day_at"
    ]
    other = {"next_day": "same_day", "same_day": "next_day"}
    if spec.expect and not spec.before and any(_counts_days(given, book) for given in counted):
        path: Path = ("count_from",)
        ask = "add an example whose `due` differs when the first day counts: one that starts on a working day"
        yield Change(
            f"count_from: {spec.count_from}", path, "interval", other[spec.count_from], _put(spec, path, other[spec.count_from]), ask
        )
    after = spec.when.after
    if after and after.within is not None and _counts_days(after.within, book):
        path = ("when", "after", "count_from")
        ask = "add an example whose earliest event is on the edge of the window"
        yield Change(
            f"when.after.count_from: {after.count_from}",
            path,
            "interval",
            other[after.count_from],
            _put(spec, path, other[after.count_from]),
            ask,
        )


def _counts_days(given: Any, book: RuleBook) -> bool:
    length = book.length(given)
    return length.n > 0 and not length.by_the_hour and length.unit != "clear days"


def _words(given: Any) -> str:
    return f"{{parameter: {given.parameter}}}" if isinstance(given, Parameter) else str(given)


def _put(shape: Any, path: Path, value: Any) -> Any:
    """The same shape with the part at a path replaced, or left out."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(shape, BaseModel):
        name = _FIELD.get(str(head), str(head))
        if not rest and value is _LEFT_OUT:
            new = type(shape).model_fields[name].get_default(call_default_factory=True)
        else:
            new = _put(getattr(shape, name), rest, value)
        return shape.model_copy(update={name: new})
    if not rest and value is _LEFT_OUT:
        return [v for i, v in enumerate(shape) if i != head] if isinstance(shape, list) else {k: v for k, v in shape.items() if k != head}
    if isinstance(shape, list):
        return [_put(v, rest, value) if i == head else v for i, v in enumerate(shape)]
    return {k: _put(v, rest, value) if k == head else v for k, v in shape.items()}
