"""The rest, from a table: chains of events that some journeys have, such as a complaint or a request for an education plan.

chains.yaml says what each chain is for: the event that it may follow, how often, and its steps, each with its limit and the share
that meets it. What is rarer, or needs nothing from the rest of a journey but a day to begin, is a chain and not a program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.calendar import Duration, due_day
from rrt_engine.synth.draw import Bools, Draw, Ints, Punctual, series
from rrt_engine.synth.families import FAR, Families
from rrt_engine.synth.figures import Figures
from rrt_engine.synth.record import OTHER, Pick, Record, reference


@dataclass
class Until:
    """The day on which a chain must be over at the latest, for each of its children."""

    adult: Ints
    care: Ints


def write_chains(draw: Draw, f: Figures, rec: Record, families: Families, care: tuple[Ints, Ints, Ints]) -> None:
    """Write every chain. `care` is each spell in care: child, start and end."""
    ages = families
    order = np.argsort(care[0] * 100_000 + care[1], kind="stable")
    spells = tuple(part[order] for part in care)
    for number, chain in enumerate(f.chains.values()):
        child, day = _beginnings(draw, rec, chain)
        age = ages.age(child, day)
        low, high = chain.get("ages", [0, 17])
        end = np.full(len(child), FAR)
        inside = np.ones(len(child), np.bool_)
        if chain.get("in_care"):
            inside, end = _in_care(spells, child, day)
        keep = (age >= low) & (age <= high) & inside
        if not chain.get("many"):
            _, first = np.unique(child, return_index=True)
            once = np.zeros(len(child), np.bool_)
            once[first] = True
            keep &= once
        rows = np.flatnonzero(keep)
        _write(draw, rec, chain, 100 + number, child[rows], day[rows], end[rows])


def _beginnings(draw: Draw, rec: Record, chain: Mapping[str, Any]) -> tuple[Ints, Ints]:
    """The children and days on which a chain begins."""
    wanted = rec.kinds.get(chain["on"], -1)
    parts = [p for p in rec.parts if p[0] == wanted]
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    child, day = (np.concatenate([p[i] for p in parts]).astype(np.int64) for i in (1, 2))
    take = draw.chance(chain["share"], len(child))
    child, day = child[take], day[take]
    low, high = chain.get("after", [0, 0])
    return child, day + draw.whole(low, high, len(child))


def _in_care(spells: tuple[Ints, ...], child: Ints, day: Ints) -> tuple[Bools, Ints]:
    """Whether each child is in care on a day, and until when."""
    who, start, end = spells
    if not len(who):
        return np.zeros(len(child), np.bool_), np.zeros(len(child), np.int64)
    at = np.searchsorted(who * 100_000 + start, child * 100_000 + day, side="right") - 1
    ok = (at >= 0) & (who[at] == child) & (day < end[at])
    return ok, np.where(ok, end[at], 0)


def _write(draw: Draw, rec: Record, chain: Mapping[str, Any], number: int, child: Ints, day: Ints, end: Ints) -> None:
    days: dict[str, Ints] = {}
    there: dict[str, Bools] = {}
    seconds: dict[str, Ints] = {}
    dates: dict[str, Ints] = {}
    n = len(child)
    last = ""
    for step in chain["steps"]:
        label = step.get("as", step["event"])
        start, here = (days[step.get("from", last)], there[step.get("from", last)]) if last else (day, np.ones(n, np.bool_))
        from_second = seconds.get(step.get("from", last))
        if "unless" in step:
            here = here & ~there[step["unless"]]
        here = here & draw.chance(step.get("share", 1.0), n)
        when, second = _when(draw, step, start, from_second, dates, n)
        attributes: dict[str, Any] = {}
        for key, (low, high) in step.get("sets", {}).items():
            given = draw.working(when + draw.whole(low, high, n))
            attributes[key] = given
            dates[key] = np.where(here & (when <= end), given, dates.get(key, given))
        for key, value in step.get("records", {}).items():
            attributes[key] = _recorded(draw, value, n)
        if step.get("timed") and second is None:
            second = draw.evening(n) if step["timed"] == "night" else draw.office_hours(n)
        stands = here & (when <= end)
        ref = reference(OTHER, np.full(n, number), int(step.get("ref", 0))) if "ref" in step else None
        if "every" in step:
            _repeat(draw, rec, step, child, when, np.minimum(days.get(step.get("until", ""), end), end), here, ref)
        else:
            rec.emit(step["event"], child, when, second=second, ref=ref, keep=stands, **attributes)
        days[label], there[label] = when, stands
        if second is not None:
            seconds[label] = second
        last = label


def _when(
    draw: Draw, step: Mapping[str, Any], start: Ints, from_second: Ints | None, dates: Mapping[str, Ints], n: int
) -> tuple[Ints, Ints | None]:
    """The day of a step (and the seconds after its midnight where it has a time)."""
    how = Punctual(step.get("on_time", 0.85), step.get("early", 2), step.get("late", 4))
    if "by" in step:  # before a date that an earlier step gave
        due = dates[step["by"]]
        ahead = step.get("ahead", 0)
        due = draw.calendar.subtract_working_days(due, ahead).astype(np.int64) if ahead else due
        return draw.by(start, due, how), None
    if "within" not in step:
        low, high = step.get("days", [0, 0])
        return (start + draw.whole(low, high, n) if high else start), (from_second if not high else None)
    length = Duration.parse(step["within"])
    if length.unit == "hours":
        begin = from_second if from_second is not None else draw.office_hours(n)
        on_time = draw.chance(how.on_time, n)
        hours = np.where(on_time, draw.uniform(n) * (length.n - 0.2), length.n + 1 + draw.spread(how.late * 6, n))
        return start, begin + (hours * 12).astype(np.int64) * 300
    if length.n == 0:
        return np.where(draw.chance(how.on_time, n), start, draw.working(start + 1 + draw.spread(how.late, n))), None
    return draw.by(start, due_day(start, length, draw.calendar).astype(np.int64), how), None


def _repeat(draw: Draw, rec: Record, step: Mapping[str, Any], child: Ints, start: Ints, until: Ints, here: Bools, ref: Ints | None) -> None:
    length = Duration.parse(step["every"])
    how = Punctual(step.get("on_time", 0.85), step.get("early", 3), step.get("late", 5))

    def following(day: Ints, _r: Ints, _number: Ints | int) -> Ints:
        return draw.by(day, due_day(day, length, draw.calendar).astype(np.int64), how)

    r, days, _ = series(start, np.where(here, np.minimum(until, start + 2_000), 0), following, 60)
    n = len(r)
    attributes = {key: _recorded(draw, value, n) for key, value in step.get("records", {}).items()}
    rec.emit(step["event"], child[r], days, ref=None if ref is None else ref[r], **attributes)


def _recorded(draw: Draw, value: Any, n: int) -> Any:
    """What an event records: one value, words by weight, or a share of true."""
    if isinstance(value, Mapping):
        return Pick(tuple(str(k) for k in value), draw.pick([float(v) for v in value.values()], n))
    if isinstance(value, float):
        return draw.chance(value, n)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return draw.whole(int(value[0]), int(value[1]), n)
    return value
