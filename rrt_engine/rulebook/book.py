"""The rule book: rules, vocabulary, sources, local values and bank holidays, loaded, checked and held with a digest.

A rule set is a folder: `rulebook.yaml`, `events.yaml`, `sources.yaml`, `parameters.yaml`, `bank_holidays.csv` and rule
files in folders beside them. Loading finds every mistake before anything is evaluated.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rrt_engine.calendar import Calendar, Duration, ServiceHours, day_number
from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.rulebook.schema import (
    After,
    Authority,
    DateOf,
    During,
    Expect,
    NextOpening,
    Not,
    Parameter,
    TimescaleRule,
    Until,
    Verified,
    When,
)
from rrt_engine.rulebook.shape import shape_problems
from rrt_engine.rulebook.strict_yaml import Document, documents, single

DERIVED_KINDS = ("birthday",)
T = TypeVar("T", bound=BaseModel)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class EventKind(_Shape):
    """One kind of event: what it may belong to, what it may record, and the other names files use for it."""

    title: str
    ref: list[str] = Field(default_factory=list, description="What its ref names, outermost first, such as [referral, s47].")
    attrs: dict[str, str | list[str | int]] = Field(
        default_factory=dict, description="Attribute to type (boolean, integer, date, text) or allowed values."
    )
    accepts: list[str] = Field(default_factory=list, description="Other names read as this one.")
    with_child: bool = Field(default=False, description="Whether it needs a living child, so cannot follow a death.")
    group: str = ""


class PeriodKind(_Shape):
    """A span between two kinds of event, such as being on a child protection plan."""

    title: str
    start: list[str]
    end: list[str]


class _Vocabulary(_Shape):
    events: dict[str, dict[str, EventKind]]
    periods: dict[str, PeriodKind]
    ends: dict[str, list[Until]]


class Source(_Shape):
    """An instrument: its name, its authority, its editions and where to read it."""

    title: str
    authority: Authority
    url: str | None = None
    editions: list[dict[str, Any]] = Field(default_factory=list)
    note: str | None = None


class LocalValue(_Shape):
    """A value an authority sets, once, for every rule that uses it."""

    value: str | int
    title: str
    basis: str = Field(description="Where the value comes from: the Trust's document, another authority, or a common value.")
    verified: Verified


class _About(_Shape):
    id: str
    title: str
    version: str
    notice: str


@dataclass(frozen=True)
class Rule:
    """One edition of a rule, with the file and line where it stands and the days on which a duty may start under it."""

    spec: TimescaleRule
    file: str
    line: int
    first_day: int
    last_day: int

    @property
    def id(self) -> str:
        """The rule's public id."""
        return self.spec.id


@dataclass(frozen=True)
class RuleBook:
    """Everything a run needs to know about the rules. `digest` changes when any of it does."""

    id: str
    title: str
    version: str
    notice: str
    digest: str
    rules: tuple[Rule, ...]
    events: Mapping[str, EventKind]
    periods: Mapping[str, PeriodKind]
    ends: Mapping[str, list[Until]]
    sources: Mapping[str, Source]
    parameters: Mapping[str, LocalValue]
    calendar: Calendar

    def named(self, rule_id: str) -> tuple[Rule, ...]:
        """Every edition of a rule, by id or alias, oldest first."""
        return tuple(r for r in self.rules if rule_id == r.id or rule_id in r.spec.alias)

    def value(self, given: Any) -> Any:
        """A value as written, or the local value it names."""
        return self.parameters[given.parameter].value if isinstance(given, Parameter) else given

    def length(self, given: Any) -> Duration:
        """A length of time as written, or the local value it names."""
        return Duration.parse(str(self.value(given)))

    def service_hours(self) -> ServiceHours:
        """The opening hours in which service hours count."""
        local = self.parameters.get("service_hours")
        return ServiceHours.parse(str(local.value) if local else "09:00 to 17:00")

    def kind_named(self, name: str) -> str | None:
        """The event kind a file means by a name, or None."""
        return name if name in self.events else self._accepted.get(name)

    @property
    def _accepted(self) -> dict[str, str]:
        return {other: kind for kind, e in self.events.items() for other in e.accepts}

    def ref_paths(self) -> dict[str, tuple[str, ...]]:
        """What the ref of each event kind names, outermost first."""
        return {kind: tuple(e.ref) for kind, e in self.events.items()}

    def until(self, rule: TimescaleRule) -> list[Until]:
        """What ends a rule's duty, with the named sets written out."""
        return [item for given in rule.until for item in (self.ends[given] if isinstance(given, str) else [given])]

    def only(self, rule_id: str) -> RuleBook:
        """The same book with one rule, in all its editions."""
        return replace(self, rules=self.named(rule_id))

    def with_parameters(self, values: Mapping[str, str | int]) -> RuleBook:
        """The same book with some local values changed."""
        changed = {name: self.parameters[name].model_copy(update={"value": v}) for name, v in values.items()}
        return replace(self, parameters={**self.parameters, **changed})

    def with_holidays(self, calendar: Calendar) -> RuleBook:
        """The same book with another calendar."""
        return replace(self, calendar=calendar)


_EXAMPLES = re.compile(r"^examples:[^\n]*\n(?:(?!---).*(?:\n|$))*", re.MULTILINE)


def _without_examples(text: str) -> str:
    """The text with each rule's examples blanked, line for line: examples come last in a rule and are only tested."""
    return _EXAMPLES.sub(lambda found: "\n" * found[0].count("\n"), text)


def rule_files(folder: Path) -> list[Path]:
    """The rule files of a rule set, in a fixed order."""
    return sorted(p for p in folder.glob("*/*.yaml") if p.parent.name not in ("measures", "thresholds"))


def digest_of(folder: Path) -> str:
    """A SHA-256 over the names and contents of every file of the rule set, line endings made equal."""
    total = hashlib.sha256()
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml"), *folder.glob("*.csv")]):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0")
        total.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return total.hexdigest()


def load(folder: Path, examples: bool = False) -> RuleBook:
    """Load and check a rule set. Raises InputError with every mistake, each at its file, line and column."""
    problems: list[Diagnostic] = []
    book, _ = _load(folder, examples, problems)
    if book is None or problems:
        raise InputError(problems)
    return book


def load_with_problems(folder: Path) -> tuple[RuleBook | None, list[Diagnostic], list[tuple[Rule, Document]]]:
    """Load a rule set with its examples and documents for lint, and every mistake found on the way."""
    problems: list[Diagnostic] = []
    book, read = _load(folder, True, problems)
    return book, problems, read


def _load(folder: Path, examples: bool, problems: list[Diagnostic]) -> tuple[RuleBook | None, list[tuple[Rule, Document]]]:
    about = _read(folder / "rulebook.yaml", _About, problems)
    vocabulary = _read(folder / "events.yaml", _Vocabulary, problems)
    sources = _read_each(folder / "sources.yaml", Source, problems)
    parameters = _read_each(folder / "parameters.yaml", LocalValue, problems)
    try:
        calendar = Calendar.read(folder / "bank_holidays.csv")
    except (OSError, ValueError, KeyError, TypeError) as error:
        problems.append(Diagnostic(_shown(folder / "bank_holidays.csv"), 0, 0, "bank_holidays", f"cannot read the bank holidays: {error}"))
        return None, []
    if about is None or vocabulary is None:
        return None, []
    events = {kind: e.model_copy(update={"group": group}) for group, members in vocabulary.events.items() for kind, e in members.items()}
    found: list[tuple[TimescaleRule, Document]] = []
    for path in rule_files(folder):
        found.extend(_rules_in(path, examples, problems))
    book = RuleBook(
        about.id,
        about.title,
        about.version,
        about.notice,
        digest_of(folder),
        (),
        events,
        vocabulary.periods,
        vocabulary.ends,
        sources,
        parameters,
        calendar,
    )
    for spec, document in found:
        named = _names_in(spec, document, book)
        problems.extend(named or _clocks_in(spec, document, book))
    editions = _editions(found, problems)
    return replace(book, rules=tuple(rule for rule, _ in editions)), editions


def _shown(path: Path) -> str:
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def _text(path: Path, problems: list[Diagnostic]) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        problems.append(
            Diagnostic(
                _shown(path), 0, 0, "unreadable", f"cannot read the file: {error.strerror}", "error", "", "a rule set needs this file"
            )
        )
    except UnicodeDecodeError:
        problems.append(Diagnostic(_shown(path), 0, 0, "encoding", "the file is not UTF-8 text", "error", "", "save it as UTF-8"))
    return None


def _read(path: Path, shape: type[T], problems: list[Diagnostic]) -> T | None:
    text = _text(path, problems)
    if text is None:
        return None
    try:
        document = single(_shown(path), text)
        return shape.model_validate(document.data)
    except InputError as error:
        problems.extend(error.diagnostics)
    except ValidationError as error:
        problems.extend(shape_problems(error, document, shape))
    return None


def _read_each(path: Path, shape: type[T], problems: list[Diagnostic]) -> dict[str, T]:
    text = _text(path, problems)
    result: dict[str, T] = {}
    if text is None:
        return result
    try:
        document = single(_shown(path), text)
    except InputError as error:
        problems.extend(error.diagnostics)
        return result
    for name, data in (document.data or {}).items():
        try:
            result[name] = shape.model_validate(data)
        except ValidationError as error:
            problems.extend(shape_problems(error, document, shape, (name,)))
    return result


def _rules_in(path: Path, examples: bool, problems: list[Diagnostic]) -> Iterator[tuple[TimescaleRule, Document]]:
    text = _text(path, problems)
    if text is None:
        return
    try:
        for document in documents(_shown(path), text if examples else _without_examples(text)):
            if document.problems:
                problems.extend(document.problems)
                continue
            if document.data is None:
                continue
            if not isinstance(document.data, dict) or document.data.get("kind") != "timescale":
                problems.append(document.diagnostic(("kind",), "kind", "expected a rule with `kind: timescale`"))
                continue
            try:
                yield TimescaleRule.model_validate(document.data), document
            except ValidationError as error:
                problems.extend(shape_problems(error, document, TimescaleRule))
    except InputError as error:
        problems.extend(error.diagnostics)


def _names_in(spec: TimescaleRule, document: Document, book: RuleBook) -> list[Diagnostic]:
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
            for value in test.not_ if isinstance(test, Not) else test if isinstance(test, list) else [test]:
                if not _fits(value, allowed):
                    wanted = f"one of {', '.join(f'`{a}`' for a in allowed)}" if isinstance(allowed, list) else f"a value of type {allowed}"
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
        where((*path, "where"), part.event, part.where)

    events(("when",), spec.when)
    if spec.when.after:
        events(("when", "after"), spec.when.after)
    if spec.expect:
        events(("expect",), spec.expect)
    for i, item in enumerate(spec.until):
        if isinstance(item, str):
            unknown(("until", i), "set of endings", item, book.ends)
        else:
            events(("until", i), item, derived=True)
            where(("until", i, "if"), spec.when.event, item.if_)
    for i, source in enumerate(spec.source):
        unknown(("source", i) if len(spec.source) > 1 else ("source",), "source", source.id, book.sources)
    period = spec.during.period if isinstance(spec.during, During) else spec.during
    if period:
        unknown(("during",), "period", period, book.periods)
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
    for path, name in _parameters_in(spec.model_dump(by_alias=True, exclude={"examples"})):
        unknown(path, "local value", name, book.parameters)
    return problems


def _clocks_in(spec: TimescaleRule, document: Document, book: RuleBook) -> list[Diagnostic]:
    """Lengths of time that cannot be counted as the rule asks, and parts that do not go together."""
    problems: list[Diagnostic] = []
    during = spec.during if isinstance(spec.during, During) else None
    written = spec.within if isinstance(spec.within, DateOf) else None
    rungs = spec.within if isinstance(spec.within, list) else [spec.within] if not isinstance(spec.within, (DateOf, NextOpening)) else []
    in_days: list[tuple[tuple[str | int, ...], Any]] = [
        (("not_before",), spec.not_before),
        (("before", "by"), spec.before and spec.before.by),
        (("before", "or_within"), spec.before and spec.before.or_within),
        (("during", "first"), during and during.first),
        (("during", "after"), during and during.after),
        (("during", "lead"), during and during.lead),
        (("when", "after", "within"), spec.when.after and spec.when.after.within),
        (("within", "at_most"), written and written.at_most),
        (("within", "otherwise"), written and written.otherwise),
        (("extension", "by"), spec.extension and spec.extension.by),
    ]
    clocks: list[tuple[tuple[str | int, ...], Any]] = [
        *((("within", i) if len(rungs) > 1 else ("within",), r) for i, r in enumerate(rungs)),
        (("every",), spec.every),
    ]
    lengths: dict[tuple[str | int, ...], Duration] = {}
    for path, given in [*in_days, *clocks, (("warn",), spec.warn)]:
        if given is None:
            continue
        try:
            lengths[path] = book.length(given)
        except ValueError as error:
            problems.append(document.diagnostic(path, "shape", f"the local value `{given.parameter}`: {error}"))
    for path, _ in in_days:
        if path in lengths and lengths[path].by_the_hour:
            problems.append(
                document.diagnostic(
                    path, "shape", f"`{lengths[path]}` cannot be counted here; use days, weeks, months, years or working days"
                )
            )
    counted = [lengths[path] for path, _ in clocks if path in lengths]
    hours = any(c.by_the_hour for c in counted)

    def refuse(path: tuple[str | int, ...], message: str) -> None:
        problems.append(document.diagnostic(path, "shape", message))

    if hours and not all(c.by_the_hour for c in counted):
        refuse(("within",), "a ladder is counted in hours throughout, or in days throughout")
    if spec.every and not rungs:
        refuse(("within",), "a recurring duty has lengths of time in `within`, not a written date or a time of day")
    if spec.every and hours and spec.when.date:
        refuse(("when", "date"), "a recurring clock in hours starts at the event, not at a written date")
    if spec.extension and (spec.before or spec.every or hours or isinstance(spec.within, NextOpening)):
        refuse(("extension",), "an extension belongs to a single time limit counted in days")
    if spec.count_from == "same_day" and any(c.n == 0 for c in counted):
        refuse(("count_from",), "a period beginning with its first day is at least 1 long")
    if during and during.first and during.after:
        refuse(("during",), "give `first` or `after`, not both")
    if during and during.lead and not (during.first or during.after):
        refuse(("during", "lead"), "`lead` goes with `first` or `after`")
    return problems


def _parameters_in(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(data, dict):
        if set(data) == {"parameter"}:
            yield path, data["parameter"]
        else:
            for key, value in data.items():
                yield from _parameters_in(value, (*path, key))
    elif isinstance(data, list):
        for i, value in enumerate(data):
            yield from _parameters_in(value, (*path, i))


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


def _editions(found: list[tuple[TimescaleRule, Document]], problems: list[Diagnostic]) -> list[tuple[Rule, Document]]:
    """Each rule's editions with their last days; overlapping editions and ids used twice are refused."""
    by_id: dict[str, list[tuple[TimescaleRule, Document]]] = {}
    for spec, document in found:
        by_id.setdefault(spec.id, []).append((spec, document))
    result = []
    for versions in by_id.values():
        versions.sort(key=lambda v: v[0].effective.from_)
        for (spec, document), later in zip(versions, [*versions[1:], None], strict=True):
            first = day_number(spec.effective.from_)
            last = day_number(spec.effective.to) if spec.effective.to else 2**30
            if later:
                starts = day_number(later[0].effective.from_)
                if starts <= first or (spec.effective.to and starts <= last):
                    problems.append(
                        later[1].diagnostic(
                            ("effective",),
                            "overlapping_editions",
                            f"this edition of `{spec.id}` overlaps the one at {document.file}:{document.line}",
                            "end the earlier edition before this one begins",
                        )
                    )
                last = min(last, starts - 1)
            result.append((Rule(spec, document.file, document.line, first, last), document))
    other_ids: dict[str, str] = {i: i for i in by_id}
    for versions in by_id.values():
        spec, document = versions[-1]
        for alias in spec.alias:
            if other_ids.setdefault(alias, spec.id) != spec.id:
                problems.append(
                    document.diagnostic(
                        ("alias",), "id_reused", f"the id `{alias}` already belongs to `{other_ids[alias]}`", "ids are never reused"
                    )
                )
    return result


def effective_text(rule: Rule) -> str:
    """The days an edition governs, in words."""
    to = rule.spec.effective.to
    return f"from {_spoken(rule.spec.effective.from_)}" + (f" to {_spoken(to)}" if to else "")


def _spoken(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
