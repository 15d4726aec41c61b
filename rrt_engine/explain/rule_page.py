"""A rule as a page to read: what it requires, why, on what authority, how it is worked out, and examples as timelines.

Every sentence is built from the rule, so a page cannot say anything the engine does not do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from rrt_engine.calendar import Duration, day_number
from rrt_engine.model import plural
from rrt_engine.rulebook.book import Rule, RuleBook, Source, effective_text
from rrt_engine.rulebook.regime_schema import settings_of
from rrt_engine.rulebook.schema import (
    After,
    AnyTest,
    DateOf,
    During,
    Example,
    ExpectedFlag,
    NextOpening,
    Not,
    Only,
    Parameter,
    SourceAt,
    TimescaleRule,
    Until,
)
from rrt_engine.words import AUTHORITY_WORDS, STATUS_WORDS, VERIFIED_WORDS, listed, ordinal, short_day_words, within_sentence

if TYPE_CHECKING:
    from rrt_engine.rulebook.threshold_schema import ThresholdRule


@dataclass(frozen=True)
class SourceLine:
    """One instrument a rule rests on: its authority, the place in it, where to read it, and its editions."""

    title: str
    at: str
    authority: str
    url: str | None
    editions: tuple[str, ...]
    id: str


@dataclass(frozen=True)
class LocalLine:
    """One local value a rule uses, and where an authority changes it."""

    name: str
    value: str
    title: str
    basis: str
    verified: str
    change_in: str


@dataclass(frozen=True)
class ExampleLines:
    """One example as a tiny timeline: its events, the day asked about, and what the rule says then."""

    name: str
    shows: tuple[str, ...]
    events: tuple[str, ...]
    asked: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class EditionLine:
    """One edition of a rule: when it governs, and what it requires."""

    applies: str
    requires: str
    file: str
    line: int


@dataclass(frozen=True)
class RulePage:
    """One rule as a person reads it; the latest edition first, the earlier ones in `editions`."""

    id: str
    title: str
    service: str
    requires: str
    why: str
    note: str | None
    authority: str
    sources: tuple[SourceLine, ...]
    verified: str
    worked_out: tuple[str, ...]
    local_values: tuple[LocalLine, ...]
    examples: tuple[ExampleLines, ...]
    editions: tuple[EditionLine, ...]
    aliases: tuple[str, ...]


def rule_page(book: RuleBook, rules: Sequence[Rule]) -> RulePage:
    """The page of one rule in all its editions, oldest first as the book gives them."""
    latest = rules[-1]
    spec = latest.spec
    return RulePage(
        id=spec.id,
        title=spec.title,
        service=spec.service,
        requires=requirement(book, spec),
        why=spec.why,
        note=spec.note,
        authority=AUTHORITY_WORDS[spec.authority],
        sources=tuple(source_lines(book, spec.source)),
        verified=VERIFIED_WORDS[spec.verified],
        worked_out=tuple(_worked_out(book, spec)),
        local_values=tuple(local_lines(book, spec)),
        examples=tuple(_example(book, rule.spec, example) for rule in reversed(rules) for example in rule.spec.examples),
        editions=tuple(EditionLine(effective_text(r), requirement(book, r.spec), r.file, r.line) for r in reversed(rules)),
        aliases=tuple(spec.alias),
    )


# ---------------------------------------------------------------------------------------------------- what it requires


def requirement(book: RuleBook, spec: TimescaleRule) -> str:
    """What a rule requires, as one sentence built from its parts."""
    start = _start_words(book, spec)
    if spec.expect is None:
        return f"Recorded at each {start}."
    answer = _event_words(book, spec.expect.event, spec.expect.where) + _quality_words(book, spec.expect.quality)
    if spec.expect.at_least > 1:
        answer = f"the {ordinal(spec.expect.at_least)} {answer}"
    while_ = ""
    if spec.during is not None:
        while_ = f", {_during_words(book, spec)}"
    return f"{_first_up(answer)}: {_limit_words(book, spec, start)}{while_}."


def limit(book: RuleBook, spec: TimescaleRule) -> str:
    """The limit of a rule in a few words, for a list: `15 working days`, `every 6 months`, `recorded`."""
    within = spec.within
    if spec.before:
        return f"{_length(book, spec.before.by)} before"
    if isinstance(within, NextOpening):
        return f"{book.value(within.next_working_day_at)} next working day"
    if isinstance(within, DateOf):
        return f"date recorded, or {_length(book, within.otherwise)}" if within.otherwise is not None else "date recorded"
    rungs = [_length(book, r) for r in (within if isinstance(within, list) else [within] if within is not None else [])]
    if spec.every is not None:
        rungs.append(f"every {_length(book, spec.every)}")
    earliest = [f"not before {_length(book, spec.not_before)}"] if spec.not_before is not None else []
    return ", ".join([*earliest, *([", then ".join(rungs)] if rungs else [])]) or "recorded"


_PLAIN = {"0 days": "the same day", "0 days before": "by that day", "not before 0 days": "no number"}


def limit_in_words(book: RuleBook, spec: TimescaleRule) -> str:
    """The limit of a rule in a few words for people, who do not say `0 days`."""
    words = limit(book, spec)
    return _PLAIN.get(words, words)


def _limit_words(book: RuleBook, spec: TimescaleRule, start: str) -> str:
    within = spec.within
    beginning = "beginning with the day of" if spec.count_from == "same_day" else "after"
    if spec.before:
        if spec.before.attribute == "expected_birth":
            target = "the expected birth"
        else:
            target = f"the day recorded in `{spec.before.attribute}`"
        text = f"at least {_length(book, spec.before.by)} before {target}{' of' if target.startswith('the day') else ', from'} {start}"
        if spec.before.or_within is not None:
            text += f"; or {_within(book, spec.before.or_within, 'after')} it where that day comes sooner"
        return text
    if isinstance(within, NextOpening):
        return f"by {book.value(within.next_working_day_at)} on the next working day after {start}"
    parts = []
    if spec.not_before is not None:
        parts.append(f"not sooner than {_length(book, spec.not_before)} {beginning} {start}")
    again = "it" if parts else start
    if isinstance(within, DateOf):
        text = f"by the date recorded in `{within.attribute}` of {start}"
        if within.otherwise is not None:
            text += f", or {_within(book, within.otherwise, beginning)} it where none is recorded"
        if within.at_most is not None:
            text += f", which can be no later than {_length(book, within.at_most)} {beginning} it"
        parts.append(text)
    elif isinstance(within, list) or spec.every is not None:
        rungs = within if isinstance(within, list) else [within] if within is not None else []
        steps = [_within(book, rung, beginning if i == 0 else "after") for i, rung in enumerate(rungs)]
        if steps:
            parts.append(
                f"{steps[0]} {again}, then "
                + "".join(f"{s} the one before, then " for s in steps[1:])
                + f"every {_length(book, spec.every)}"
            )
        else:
            lead = "from" if spec.count_from == "next_day" else beginning
            parts.append(f"every {_length(book, spec.every)} {lead} {again}, each counted from the one before")
    elif within is not None:
        parts.append(f"{_within(book, within, beginning)} {again}")
    return " and ".join(parts)


def _within(book: RuleBook, given: Any, beginning: str) -> str:
    length = book.length(given)
    return f"within {length} {beginning}" if length.n else "on the same day as"


def _start_words(book: RuleBook, spec: TimescaleRule) -> str:
    when = spec.when
    text = _event_words(book, when.event, when.where) + _quality_words(book, when.quality)
    if when.pick != "each":
        text = f"the {when.pick} {text}"
    if when.date:
        text += f", counted from the day recorded in `{when.date}`"
    if when.at_age is not None:
        text += f", or the {ordinal(when.at_age)} birthday where that is later"
    if when.turning is not None:
        text += f", where the child is {when.turning.age} or will be within {_length(book, when.turning.within)}"
    if when.after:
        text += _after_words(book, when.after)
    return text


def _after_words(book: RuleBook, after: After) -> str:
    earlier = f"at least {plural(int(book.value(after.at_least)), 'earlier event')}" if after.at_most is None else "no earlier event"
    window = f" in the {_length(book, after.within)} before it" if after.within is not None else " at any time before it"
    return f", with {earlier} ({_event_words(book, after.event, after.where)}){window}"


def _event_words(book: RuleBook, kinds: Sequence[str], where: Mapping[str, AnyTest]) -> str:
    names = [within_sentence(book.events[k].title) if k in book.events else k for k in kinds]
    text = " or ".join(names)
    return f"{text} ({listed([_test_words(a, t) for a, t in where.items()])})" if where else text


def _quality_words(book: RuleBook, name: str | None) -> str:
    return f", only {book.qualities[name].title}" if name and name in book.qualities else ""


def _first_up(text: str) -> str:
    return text[0].upper() + text[1:]


def _test_words(attribute: str, test: AnyTest) -> str:
    """What an event must record, as `s47 initiated: yes`."""
    name = attribute.replace("_", " ")
    if isinstance(test, Only):
        return f"{name}: {' or '.join(_value(v) for v in test.only)}"
    if isinstance(test, Not):
        if test.not_ in ([True], [False]):
            return f"{name}: {_value(test.not_ == [False])}, or not recorded"
        return f"{name}: not {' or '.join(_value(v) for v in test.not_)}"
    return f"{name}: {' or '.join(_value(v) for v in (test if isinstance(test, list) else [test]))}"


def recorded_words(event: Mapping[str, Any]) -> list[str]:
    """What an event or a fact of an example records beside what it is and when: `s47 initiated: yes`."""
    return [f"{k.replace('_', ' ')}: {_value(v)}" for k, v in event.items() if k not in ("event", "at")]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return when_words(value) if isinstance(value, date) else str(value).replace("_", " ")


def _during_words(book: RuleBook, spec: TimescaleRule) -> str:
    during = spec.during if isinstance(spec.during, During) else During(period=str(spec.during))
    text = f"only during: {within_sentence(book.period_title(during.period))}"
    if during.first is not None:
        text += f", in its first {_length(book, during.first)}"
    if during.after is not None:
        text += f", once {_length(book, during.after)} of it have passed"
    return text


def _length(book: RuleBook, given: Any) -> str:
    return str(book.length(given))


# ---------------------------------------------------------------------------------------------------- the sections


def source_lines(book: RuleBook, named_in: Sequence[SourceAt]) -> Iterator[SourceLine]:
    """The instruments a rule names, each with where to read it and its editions."""
    for named in named_in:
        source = book.sources[named.id]
        yield SourceLine(source.title, named.at, AUTHORITY_WORDS[source.authority], source.url, tuple(edition_lines(source)), named.id)


def edition_lines(source: Source) -> Iterator[str]:
    """Each edition of an instrument, with the days it was in force."""
    yield from (f"{e.name}{_span(e.from_, e.to)}" for e in source.editions)


def _span(first: Any, last: Any) -> str:
    words = [f"{lead} {_date(day)}" for lead, day in (("from", first), ("to", last)) if isinstance(day, date)]
    return f" ({' '.join(words)})" if words else ""


def _worked_out(book: RuleBook, spec: TimescaleRule) -> Iterator[str]:
    yield from _counting(book, spec)
    if spec.every is not None:
        yield "Each answer stops one clock and starts the next, on the day it really happened. One late answer is late once."
    if spec.expect and spec.expect.earlier is not None:
        unless = "" if spec.expect.again else ", unless it answered the one before"
        yield f"An answer up to {_length(book, spec.expect.earlier)} before the start counts too{unless}."
    if spec.link:
        yield f"The start and the answer belong to the same {spec.link}, where both say which."
    for ending in spec.until:
        name = f"any of `{ending}`: " if isinstance(ending, str) else ""
        items = book.ends.get(ending, []) if isinstance(ending, str) else [ending]
        yield f"It is no longer needed after {name}{'; or '.join(_ending_words(book, item) for item in items)}."
    if spec.during is not None:
        yield "It is no longer needed after that period ends."
    yield from _part_words(book, spec)
    for days in spec.lifted:
        yield f"What falls due from {_date(days.from_)} to {_date(days.to)} has no last day: the limit was lifted."
    if spec.extension:
        most = f", by {_length(book, spec.extension.by)} at most" if spec.extension.by is not None else ""
        to = f" to the day recorded in `{spec.extension.attribute}`" if spec.extension.attribute else ""
        yield f"{_first_up(_event_words(book, spec.extension.event, {}))} before it is due moves the due date once{to}{most}."
    if spec.unless:
        yield f"{_first_up(_event_words(book, spec.unless.event, {}))} is shown as a recorded reason. It does not move the due date."
    if spec.warn is not None:
        yield f"It is due soon from {_length(book, spec.warn)} before it is due; that lead is a suggestion and not law."
    if spec.stage == "prospective":
        yield "It is enacted and not yet in force: it is held here and gives no flags."


def _part_words(book: RuleBook, spec: TimescaleRule) -> Iterator[str]:
    part = book.part(spec)
    if part is None:
        return
    regime = book.regimes[part[0]]
    place = [p.id for p in regime.parts].index(part[1].id)
    before = "; ".join(p.title for p in regime.parts[:place])
    yield f"{regime.title}: exactly one of {len(regime.parts)} limits governs on each day, the first that fits what has been recorded."
    if before:
        yield f"These go before it: {before}."
    if isinstance(spec.during, During) and spec.during.carry_in:
        yield "A clock that is running when it begins to govern goes on under it, from the last event that starts it."
        yield "It is then due no sooner than the day on which it began to govern."


def _counting(book: RuleBook, spec: TimescaleRule) -> Iterator[str]:
    given = [*(spec.within if isinstance(spec.within, list) else [spec.within]), spec.every, spec.not_before]
    if isinstance(spec.within, DateOf):
        given = [spec.within.otherwise, spec.within.at_most]
    if spec.before:
        given = [spec.before.by, spec.before.or_within]
    lengths = [book.length(g) for g in given if isinstance(g, (str, Parameter))]
    units = {length.unit for length in lengths if length.n}
    if spec.before:
        yield "It is counted back from that day, and again if that day moves."
    elif units - {"hours", "service hours"}:
        yield (
            "The day it starts is day 1."
            if spec.count_from == "same_day"
            else "The day after it starts is day 1, whatever day of the week it starts on."
        )
    if units & {"working days", "clear days"}:
        yield "Saturdays, Sundays and England's bank holidays are not counted."
    if units & {"days", "weeks", "months", "years"}:
        yield "Every day counts; a due date is never moved for a weekend or a bank holiday."
    if units & {"months", "years"}:
        yield "Months and years run to the corresponding date, or to the month's last day where there is none."
    if "hours" in units:
        yield "Hours are counted as they pass, day and night. Where only a date is recorded and the time would decide, it cannot be told."
    if "service hours" in units:
        local = book.parameters.get("service_hours")
        yield f"Hours count only while the service is open: {local.value if local else '09:00 to 17:00'} on working days."
    if (
        spec.expect
        and not spec.not_before
        and any(isinstance(length, Duration) for length in lengths)
        and not units & {"hours", "service hours"}
    ):
        yield "It is on time to the end of the due day."


def _ending_words(book: RuleBook, ending: Until) -> str:
    text = _event_words(book, ending.event, ending.where)
    return f"{text}, where it began with {listed([_test_words(a, t) for a, t in ending.if_.items()])}" if ending.if_ else text


def local_lines(book: RuleBook, spec: TimescaleRule | ThresholdRule) -> Iterator[LocalLine]:
    """The local values a rule uses, each with where it comes from and where an authority changes it."""
    names = list(dict.fromkeys(parameters_in(spec.model_dump(exclude={"examples"}))))
    if isinstance(spec, TimescaleRule) and "service_hours" in book.parameters and _in_service_hours(book, spec):
        names.append("service_hours")
    part = book.part(spec) if isinstance(spec, TimescaleRule) else None
    if part is not None:
        names.extend(settings_of(book.regimes[part[0]]))
    for name in names:
        local = book.parameters[name]
        yield LocalLine(name, str(local.value), local.title, local.basis, VERIFIED_WORDS[local.verified], "parameters.yaml")


def _in_service_hours(book: RuleBook, spec: TimescaleRule) -> bool:
    """Whether a limit of a rule counts in hours of service."""
    given = [*(spec.within if isinstance(spec.within, list) else [spec.within]), spec.every, spec.not_before]
    return any(book.length(g).unit == "service hours" for g in given if isinstance(g, (str, Parameter)))


def parameters_in(data: Any) -> Iterator[str]:
    """The names of the local values in what is written of a rule or a fact."""
    if isinstance(data, dict) and set(data) == {"parameter"}:
        yield data["parameter"]
    elif isinstance(data, (dict, list)):
        for value in data.values() if isinstance(data, dict) else data:
            yield from parameters_in(value)


# ---------------------------------------------------------------------------------------------------- examples


def _example(book: RuleBook, spec: TimescaleRule, example: Example) -> ExampleLines:
    born = [f"{when_words(v)}  {'born' if k == 'date_of_birth' else 'expected to be born'}" for k, v in example.child.items()]
    events = [event_line(book, event) for event in example.events]
    flags = tuple(_flag_line(spec, flag) for flag in example.flags) or ("no duty",)
    return ExampleLines(
        example.name, tuple(s.replace("_", " ") for s in example.shows), (*born, *events), f"as at {when_words(example.as_of)}", flags
    )


def event_line(book: RuleBook, event: Mapping[str, Any]) -> str:
    """An event of an example, with its date and what it records."""
    title = within_sentence(event_title(book, event))
    rest = recorded_words(event)
    return f"{when_words(event.get('at'))}  {title}{f' ({listed(rest)})' if rest else ''}"


def event_title(book: RuleBook, event: Mapping[str, Any]) -> str:
    """What an event of an example is called."""
    kind = book.kind_named(str(event.get("event"))) or str(event.get("event"))
    return book.events[kind].title if kind in book.events else kind


def _flag_line(spec: TimescaleRule, flag: ExpectedFlag) -> str:
    if spec.expect is None and flag.status == "met":
        return "recorded"
    parts = [STATUS_WORDS[flag.status]]
    if flag.late_by:
        parts.append(f"by {flag.late_by}")
    if flag.due:
        parts.append(f"(due {when_words(flag.due)})")
    if flag.missing:
        parts.append(f"({flag.missing} is missing)")
    return " ".join(parts)


def when_words(at: Any) -> str:
    """A date, or a date and UK time, as people write it."""
    text = at.isoformat() if isinstance(at, date) else str(at)
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return text
    time = text[11:16]
    return f"{_date(day)} {time}" if time else _date(day)


def _date(day: date) -> str:
    return short_day_words(day_number(day))


# ---------------------------------------------------------------------------------------------------- as text


def page_sections(page: RulePage) -> Iterator[tuple[str, list[str]]]:
    """The page as headed sections in their fixed order, each a list of lines."""
    yield "What it requires", [page.requires]
    yield "Why", [page.why]
    if page.note:
        yield "How it is read here", [page.note]
    sources = []
    for s in page.sources:
        sources.append(f"{s.title}, {s.at} ({s.authority})")
        if s.url:
            sources.append(f"  {s.url}")
        sources.extend([f"  editions: {', '.join(s.editions)}"] if s.editions else [])
    yield "Source", [*sources, f"Authority: {page.authority}. Verified: {page.verified}."]
    yield "How it is worked out", list(page.worked_out)
    if page.local_values:
        lines = []
        for v in page.local_values:
            lines += [f"{v.name}: {v.value} ({v.title})", f"  from: {v.basis}; {v.verified}", f"  change it in {v.change_in}"]
        yield "Local value", lines
    lines = []
    for e in page.examples:
        lines.append(f"{e.name}{f' [{listed(list(e.shows))}]' if e.shows else ''}")
        lines += [f"  {event}" for event in e.events]
        lines += [f"  {e.asked}: {'; '.join(e.flags)}"]
    yield "Examples", lines or ["none yet"]
    yield "Editions", [f"{e.applies} ({e.file}:{e.line})" + (f": {e.requires}" if len(page.editions) > 1 else "") for e in page.editions]
    if page.aliases:
        yield "Also known as", list(page.aliases)
