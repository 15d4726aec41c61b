"""Everything that can be wrong with a rule set, beyond the shape of its files: found before anything is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rrt_engine.calendar import Duration, ServiceHours
from rrt_engine.diagnostics import Diagnostic, did_you_mean
from rrt_engine.rulebook.book import DERIVED_KINDS, Rule, RuleBook
from rrt_engine.rulebook.schema import (
    After,
    AnyTest,
    DateOf,
    During,
    Expect,
    NextOpening,
    Not,
    Only,
    Parameter,
    Scalar,
    TimescaleRule,
    Until,
    When,
)
from rrt_engine.rulebook.strict_yaml import Document, Path

_ATTRIBUTE_TYPES = ("boolean", "integer", "date", "text")
_ATTRIBUTE_WORDS = ("whether ", "the ")
_TYPE_WORDS = {"boolean": "true or false", "integer": "a whole number", "date": "a date", "text": "text"}


def names_in(spec: TimescaleRule, document: Document, book: RuleBook) -> list[Diagnostic]:
    """Every name a rule uses that the vocabulary, the sources or the local values do not have."""
    problems: list[Diagnostic] = []

    def unknown(path: tuple[str | int, ...], what: str, word: str, known: Mapping[str, Any] | list[str]) -> None:
        if word not in known:
            code = f"unknown_{what.replace(' ', '_')}"
            problems.append(document.diagnostic(path, code, f"unknown {what} `{word}`", did_you_mean(word, known)))

    def where(path: tuple[str | int, ...], kinds: list[str], tests: Mapping[str, Any]) -> None:
        for name, test in tests.items():
            attrs = _attributes(kinds, book)
            if name not in attrs:
                problems.append(
                    document.diagnostic(
                        (*path, name), "unknown_attribute", f"`{'` or `'.join(kinds)}` does not record `{name}`", did_you_mean(name, attrs)
                    )
                )
                continue
            allowed = attrs[name]
            for value in values_of(test):
                if not _fits(value, allowed):
                    wanted = f"one of {', '.join(f'`{a}`' for a in allowed)}" if isinstance(allowed, list) else _TYPE_WORDS[allowed]
                    shown = str(value).lower() if isinstance(value, bool) else str(value)
                    near = did_you_mean(shown, [str(a) for a in allowed]) if isinstance(allowed, list) else ""
                    problems.append(
                        document.diagnostic(
                            (*path, name), "unknown_value", f"`{shown}` cannot be recorded for `{name}`; expected {wanted}", near
                        )
                    )

    def events(path: tuple[str | int, ...], part: When | Expect | Until | After, derived: bool = False) -> None:
        for kind in part.event:
            if not (derived and kind in DERIVED_KINDS):
                unknown((*path, "event"), "event", kind, book.events)
        if all(kind in book.events or kind in DERIVED_KINDS for kind in part.event):
            where((*path, "where"), part.event, part.where)

    events(("when",), spec.when)
    if spec.when.after:
        events(("when", "after"), spec.when.after)
    if spec.expect:
        events(("expect",), spec.expect)
    for i, item in enumerate(spec.until):
        if isinstance(item, str):
            unknown(("until", i), "set of endings", item, book.ends)
        elif len(item.event) > 1 and set(item.event) & set(DERIVED_KINDS):
            refused = "a birthday stands in an item of its own"
            problems.append(document.diagnostic(("until", i, "event"), "shape", refused))
        else:
            events(("until", i), item, derived=True)
            where(("until", i, "if"), spec.when.event, item.if_)
            if isinstance(item.running, Parameter):
                unknown(("until", i, "running"), "local value", item.running.parameter, book.parameters)
    for i, source in enumerate(spec.source):
        unknown(("source", i) if len(spec.source) > 1 else ("source",), "source", source.id, book.sources)
    period = spec.during.period if isinstance(spec.during, During) else spec.during
    if period and book.part(spec) is None:
        unknown(("during",), "period", period, [*book.periods, *(part.id for regime in book.regimes.values() for part in regime.parts)])
    if spec.link and not any(spec.link in book.events[k].ref for k in spec.when.event if k in book.events):
        levels = sorted({r for e in book.events.values() for r in e.ref})
        problems.append(
            document.diagnostic(
                ("link",),
                "unknown_link",
                f"the ref of `{spec.when.event[0]}` does not name a `{spec.link}`",
                did_you_mean(spec.link, levels),
            )
        )
    for path, given in [*intervals(spec), (("warn",), spec.warn)]:
        if isinstance(given, Parameter):
            unknown(path, "local value", given.parameter, book.parameters)
    return problems


def clocks_in(spec: TimescaleRule, document: Document, book: RuleBook) -> list[Diagnostic]:
    """Lengths of time that cannot be counted as the rule asks, and parts that do not go together."""
    problems: list[Diagnostic] = []
    lengths: dict[Path, Duration] = {}
    for path, given in [*intervals(spec), (("warn",), spec.warn)]:
        if given is None or path[-1] in ("at_least", "next_working_day_at"):
            continue
        try:
            lengths[path] = book.length(given)
        except ValueError as error:
            problems.append(document.diagnostic(path, "shape", f"the local value `{given.parameter}`: {error}"))
    clocks = {path: length for path, length in lengths.items() if path[0] == "every" or path == ("within",) or isinstance(path[-1], int)}
    for path, length in lengths.items():
        if length.by_the_hour and path not in clocks and path != ("warn",):
            message = f"`{length}` cannot be counted here; use days, weeks, months, years or working days"
            problems.append(document.diagnostic(path, "shape", message))
    hours = any(length.by_the_hour for length in clocks.values())
    during = spec.during if isinstance(spec.during, During) else None

    def refuse(path: tuple[str | int, ...], message: str) -> None:
        problems.append(document.diagnostic(path, "shape", message))

    if hours and not all(length.by_the_hour for length in clocks.values()):
        refuse(("within",), "a ladder is counted in hours throughout, or in days throughout")
    if spec.every and isinstance(spec.within, (DateOf, NextOpening)):
        refuse(("within",), "a recurring duty has lengths of time in `within`, not a written date or a time of day")
    if spec.every and hours and spec.when.date:
        refuse(("when", "date"), "a recurring clock in hours starts at the event, not at a written date")
    if spec.extension and (spec.before or spec.every or hours or isinstance(spec.within, NextOpening)):
        refuse(("extension",), "an extension belongs to a single time limit counted in days")
    if spec.count_from == "same_day" and any(length.n == 0 for length in clocks.values()):
        refuse(("count_from",), "a period beginning with its first day is at least 1 long")
    if spec.every and during and (during.first or during.after):
        refuse(
            ("during",),
            "a recurring duty cannot change with a part of a period; write a rule for each part",
        )
    expect = spec.expect
    if expect and expect.earlier is not None:
        if spec.every or spec.before or spec.not_before or spec.link or spec.when.after or set(spec.when.event) & set(expect.event):
            message = "an earlier answer goes with `within` alone: no `every`, `before`, `not_before`, `link` or `when.after`"
            refuse(("expect", "earlier"), f"{message}, and with an answer that is no start")
        if during and during.carry_in:
            refuse(("expect", "earlier"), "an earlier answer does not go with `carry_in`")
    if expect and expect.again and expect.earlier is None:
        refuse(("expect", "again"), "`again` goes with `earlier`")
    if expect and expect.at_least > 1 and (spec.every or spec.link or expect.earlier is not None or spec.not_before):
        refuse(("expect", "at_least"), "a later answer goes with `within` or `before`: no `every`, `link`, `earlier` or `not_before`")
    if spec.when.at_age is not None and (hours or spec.every or spec.when.date or spec.when.after or spec.before or spec.link):
        refuse(
            ("when", "at_age"), "a clock that starts on a birthday is a single one counted in days: no `date`, `after`, `before` or `link`"
        )
    if spec.when.at_age is not None and during and during.carry_in:
        refuse(("when", "at_age"), "a clock that starts on a birthday is not carried in")
    if spec.when.turning is not None and (spec.when.at_age is not None or spec.every):
        refuse(("when", "turning"), "`turning` belongs to a single time limit, and not beside `at_age`: no `every`")
    if spec.when.after and spec.when.after.at_most is not None and spec.when.after.at_least != 1:
        refuse(("when", "after"), "give `at_least` or `at_most`, not both")
    if spec.lifted and (hours or isinstance(spec.within, NextOpening)):
        refuse(("lifted",), "a limit that was lifted is counted in days")
    if during and during.carry_in and hours:
        refuse(("during", "carry_in"), "a clock that is carried in is counted in days")
    for i, item in enumerate(spec.until):
        if isinstance(item, Until) and item.running != "ends":
            if not set(item.event) & set(DERIVED_KINDS):
                refuse(("until", i, "running"), "`running` goes with a birthday")
            elif book.value(item.running) not in ("ends", "goes on"):
                refuse(("until", i, "running"), f"`{book.value(item.running)}` is not `ends` or `goes on`")
    if during and during.first and during.after:
        refuse(("during",), "give `first` or `after`, not both")
    if during and during.lead and not (during.first or during.after):
        refuse(("during", "lead"), "`lead` goes with `first` or `after`")
    return problems


def intervals(spec: TimescaleRule) -> Iterator[tuple[Path, Any]]:
    """Every number a rule holds that its examples must pin, with its place: lengths of time, counts and times of day."""
    within = spec.within
    if isinstance(within, list):
        yield from ((("within", i), rung) for i, rung in enumerate(within))
    elif isinstance(within, DateOf):
        yield from ((("within", part), getattr(within, part)) for part in ("otherwise", "at_most") if getattr(within, part) is not None)
    elif isinstance(within, NextOpening):
        yield ("within", "next_working_day_at"), within.next_working_day_at
    elif within is not None:
        yield ("within",), within
    if spec.expect and spec.expect.earlier is not None:
        yield ("expect", "earlier"), spec.expect.earlier
    for part in ("every", "not_before"):
        if getattr(spec, part) is not None:
            yield (part,), getattr(spec, part)
    if spec.before:
        yield ("before", "by"), spec.before.by
        if spec.before.or_within is not None:
            yield ("before", "or_within"), spec.before.or_within
    if spec.when.after:
        yield ("when", "after", "at_least"), spec.when.after.at_least
        if spec.when.after.within is not None:
            yield ("when", "after", "within"), spec.when.after.within
    if spec.when.turning:
        yield ("when", "turning", "within"), spec.when.turning.within
    if isinstance(spec.during, During):
        yield from (
            (("during", part), getattr(spec.during, part)) for part in ("first", "after", "lead") if getattr(spec.during, part) is not None
        )
    if spec.extension and spec.extension.by is not None:
        yield ("extension", "by"), spec.extension.by


def values_of(test: AnyTest) -> list[Scalar]:
    """The values that a test is about."""
    if isinstance(test, (Not, Only)):
        return test.not_ if isinstance(test, Not) else test.only
    return test if isinstance(test, list) else [test]


def _attributes(kinds: list[str], book: RuleBook) -> dict[str, str | list[str | int]]:
    """What some kinds of event can record: type or allowed values, those of every kind together."""
    if all(k in DERIVED_KINDS for k in kinds):
        return {"age": "integer"}
    found: dict[str, str | list[str | int]] = {}
    for kind in kinds:
        for name, allowed in book.events[kind].attrs.items() if kind in book.events else ():
            had = found.get(name, [])
            found[name] = [*had, *allowed] if isinstance(allowed, list) and isinstance(had, list) else allowed
    return found


def _fits(value: Any, allowed: str | list[str | int]) -> bool:
    if isinstance(allowed, list):
        return value in allowed
    kinds = {"boolean": bool, "integer": int, "text": str, "date": str}
    return isinstance(value, kinds.get(allowed, object)) and (allowed == "boolean" or not isinstance(value, bool))


# ---------------------------------------------------------------------------------------------------- the rest


def declared_twice(read: Sequence[tuple[Rule, Document]]) -> Iterator[Diagnostic]:
    """An id has one home: its editions stand together in one file."""
    home: dict[str, Document] = {}
    for rule, document in sorted(read, key=lambda r: (r[1].file, r[1].line)):
        first = home.setdefault(rule.id, document)
        if first.file != document.file:
            yield document.diagnostic(
                ("id",),
                "id_reused",
                f"the id `{rule.id}` already belongs to the rule at {first.file}:{first.line}",
                "ids are never reused; editions of one rule stand in one file",
            )


def emptiness(spec: TimescaleRule, document: Document) -> Iterator[Diagnostic]:
    """What is wrong with one rule by itself, beyond its shape."""
    for key, value in document.data.items():
        if value is None:
            yield document.diagnostic((key,), "empty_key", f"`{key}` has no value", "write one, or remove the key")
    for i, source in enumerate(spec.source):
        if not source.at.strip():
            place = ("source", i, "at") if isinstance(document.data["source"], list) else ("source", "at")
            yield document.diagnostic(
                place, "no_source", "the place in the source is empty", "give the section, regulation, paragraph or page"
            )
    within = spec.within
    if isinstance(within, NextOpening) and isinstance(within.next_working_day_at, str):
        message = _unusable(within.next_working_day_at, "time")
        if message:
            yield document.diagnostic(("within", "next_working_day_at"), "shape", message)


def vocabulary_problems(document: Document, book: RuleBook) -> Iterator[Diagnostic]:
    """Names in events.yaml that do not exist, and names that mean two things."""
    owner: dict[str, str] = {}
    for group, members in document.data["events"].items():
        for kind in members:
            if kind in owner:
                yield document.diagnostic(
                    ("events", group, kind), "duplicate_event", f"the event `{kind}` is already in `{owner[kind]}`", "keep one of the two"
                )
            owner[kind] = group
    meant: dict[str, str] = {kind: kind for kind in book.events}
    for kind, event in book.events.items():
        place = ("events", owner.get(kind, ""), kind)
        for other in event.accepts:
            if meant.setdefault(other, kind) != kind:
                yield document.diagnostic(
                    (*place, "accepts"), "name_reused", f"`{other}` already means `{meant[other]}`", "a name stands for one event"
                )
        for name, allowed in event.attrs.items():
            if isinstance(allowed, str) and allowed not in _ATTRIBUTE_TYPES:
                yield document.diagnostic(
                    (*place, "attrs", name),
                    "attribute_type",
                    f"`{allowed}` is not a type",
                    did_you_mean(allowed, _ATTRIBUTE_TYPES) or "write boolean, integer, date, text or a list of the values",
                )
    recorded = {name for event in book.events.values() for name in event.attrs}
    for name, words in book.attributes.items():
        if name not in recorded:
            yield document.diagnostic(("attributes", name), "unknown_attribute", f"no event records `{name}`", did_you_mean(name, recorded))
        elif not words.startswith(_ATTRIBUTE_WORDS):
            yield document.diagnostic(
                ("attributes", name), "attribute_words", f"`{words}` cannot follow `does not record`", "begin with `whether` or `the`"
            )
    for name, period in book.periods.items():
        for part, kinds in (("start", period.start), ("end", period.end), ("end_later", period.end_later)):
            for kind in kinds:
                if kind not in book.events:
                    yield document.diagnostic(
                        ("periods", name, part), "unknown_event", f"unknown event `{kind}`", did_you_mean(kind, book.events)
                    )
    for name, items in book.ends.items():
        for i, item in enumerate(items):
            yield from _ending(document, ("ends", name, i), item, book)


def _ending(document: Document, place: tuple[str | int, ...], item: Until, book: RuleBook) -> Iterator[Diagnostic]:
    attrs: dict[str, Any] = {"age": "integer"} if all(k in DERIVED_KINDS for k in item.event) else {}
    for kind in item.event:
        if kind in book.events:
            attrs.update(book.events[kind].attrs)
        elif kind not in DERIVED_KINDS:
            yield document.diagnostic((*place, "event"), "unknown_event", f"unknown event `{kind}`", did_you_mean(kind, book.events))
    for name in item.where:
        if name not in attrs:
            yield document.diagnostic(
                (*place, "where", name), "unknown_attribute", f"`{item.event[0]}` does not record `{name}`", did_you_mean(name, attrs)
            )


def local_value_problems(document: Document, book: RuleBook, rules: Sequence[TimescaleRule]) -> Iterator[Diagnostic]:
    """Local values that cannot be used as a count, a time of day or opening hours; `clocks_in` checks lengths of time."""
    wanted = {"service_hours": "hours"}
    for spec in rules:
        at_least = spec.when.after.at_least if spec.when.after else None
        opening = spec.within.next_working_day_at if isinstance(spec.within, NextOpening) else None
        wanted |= {given.parameter: kind for given, kind in ((at_least, "count"), (opening, "time")) if isinstance(given, Parameter)}
    for name, kind in wanted.items():
        if name not in book.parameters:
            continue
        message = _unusable(book.parameters[name].value, kind)
        if message:
            yield document.diagnostic((name, "value"), "local_value", message)


def _unusable(value: str | int, kind: str) -> str:
    if kind == "count":
        return "" if isinstance(value, int) and value > 0 else f"`{value}` is not a count; write a whole number"
    if kind == "time":
        fits = re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", str(value))
        return "" if fits else f'`{value}` is not a time of day; write it in quotes as `"09:00"`'
    try:
        ServiceHours.parse(str(value))
    except ValueError as error:
        return str(error)
    return ""
