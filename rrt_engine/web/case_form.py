"""A case as a form holds it: what was typed, and the same as the text of a case file, a field a line.

The text is read by the reader that `rrt check` uses, so that a typed case means what a written one means; a mistake is at a line, and
the line is that of a field. Everything typed is quoted by the YAML library unless it is a plain name, number or date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import yaml

from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind
from rrt_engine.sources.builder import typed as as_typed
from rrt_engine.sources.facts import value_of

MOST = 60
"""The most events, and the most facts, that the form holds, so that its fields are no more than a form may have."""
TOO_MANY = f"The form holds {MOST} events and {MOST} facts, so this case stays as text."
_FIELD = re.compile(r"(event|fact)-(\d{1,3})(?:-([a-z0-9_-]{1,80}))?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?\s*([ap]\.?m\.?)?", re.I)
_READ_AS_OTHERS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PARTS = ("day", "month", "year")
FACT_WORDS = ("evidence", "specificity", "timing", "pattern", "impact_on_child")

Kind = Literal["event", "fact"]
Given = Mapping[str, str]


@dataclass(frozen=True)
class Block:
    """One event or fact as typed: its name in the vocabulary, and each field by its name. A date is three fields."""

    name: str
    given: Given = field(default_factory=dict)


@dataclass(frozen=True)
class Typed:
    """A case as typed. `child` holds the case's own label and the parts of `born` and `expected`."""

    child: Given = field(default_factory=dict)
    events: tuple[Block, ...] = ()
    facts: tuple[Block, ...] = ()


class Unfit(Exception):
    """Why a case cannot stand in the form, in words."""


# ------------------------------------------------------------------------------------------------ from what was sent


def typed_from_form(form: Mapping[str, Any], without: str = "") -> Typed:
    """What was typed, from the fields that were sent. `without` is the id of an event or fact to leave out."""
    given: dict[tuple[str, int], dict[str, str]] = {}
    for name, values in form.items():
        found = _FIELD.fullmatch(name)
        if found:
            given.setdefault((found[1], int(found[2])), {})[found[3] or ""] = str(values[-1]).strip()
    blocks: dict[str, list[Block]] = {"event": [], "fact": []}
    for (kind, number), fields in sorted(given.items()):
        name = fields.pop("", "")
        if name and f"{kind}-{number}" != without:
            blocks[kind].append(Block(name, {k: v for k, v in fields.items() if v}))
    child = {name: str(form[name][-1]).strip() for name in _child_fields() if form.get(name)}
    return Typed({k: v for k, v in child.items() if v}, tuple(blocks["event"]), tuple(blocks["fact"]))


def _child_fields() -> list[str]:
    return ["case", *(f"{name}-{part}" for name in ("born", "expected") for part in _PARTS)]


# ------------------------------------------------------------------------------------------------ from a case file


def typed_from_data(data: Mapping[str, Any], book: RuleBook, thresholds: ThresholdBook) -> Typed:
    """A case that was read without a mistake, as the form holds it; the facts of its steps stand with the others. Raises Unfit."""
    if data.get("covers"):
        raise Unfit("The form has no field for what a case covers (`covers`), so this case stays as text.")
    events = data.get("events") or []
    facts = [*(data.get("facts") or []), *(f for step in data.get("steps") or [] for f in step.get("facts") or [])]
    if max(len(events), len(facts)) > MOST:
        raise Unfit(TOO_MANY)
    born = data.get("child") or {}
    child = {"case": str(data.get("case") or "")}
    child |= _date_parts("born", born.get("date_of_birth")) | _date_parts("expected", born.get("expected_date_of_birth"))
    return Typed(
        {k: v for k, v in child.items() if v},
        tuple(_event_from(each, book) for each in events),
        tuple(_fact_from(each, thresholds) for each in facts),
    )


def _event_from(data: Mapping[str, Any], book: RuleBook) -> Block:
    kind = str(book.kind_named(str(data["event"])))
    day, _, time = _text(data["at"]).replace(" ", "T").partition("T")
    given = _date_parts("at", day) | {"time": time, "ref": _text(data.get("ref"))} | _date_parts("recorded_at", data.get("recorded_at"))
    attributes = book.events[kind].attrs
    for name, value in data.items():
        if name in ("event", "at", "ref", "recorded_at") or value is None:
            continue
        if not _NAME.fullmatch(name):
            raise Unfit(f"The form has no field called `{name}`, so this case stays as text.")
        if attributes.get(name) == "date":
            given |= _date_parts(name, value)
        else:
            given[name] = _text(as_typed(value, attributes.get(name)))
    return Block(kind, {k: v for k, v in given.items() if v})


def _fact_from(data: Mapping[str, Any], book: ThresholdBook) -> Block:
    kind = book.facts[str(data["fact"])]
    given = {"value": _text(value_of(data.get("value", True if kind.type == "boolean" else "unknown"), kind))}
    given |= {key: _text(data.get(key)) for key in (*FACT_WORDS, "source_agency", "subject")}
    given |= _date_parts("on", next((data[key] for key in ("on", "reported_on", "event_on") if data.get(key) is not None), None))
    return Block(str(data["fact"]), {k: v for k, v in given.items() if v})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def _date_parts(name: str, value: Any) -> dict[str, str]:
    """A date in the three fields that it is typed in. Raises Unfit for what is no day."""
    text = _text(value).strip()
    found = _DATE.fullmatch(text[:10])
    if text and not (found and text[10:11] in ("", "T", " ")):
        raise Unfit(f"`{text}` does not fit the fields of a date, so this case stays as text.")
    return {f"{name}-{part}": str(int(found[3 - i])) for i, part in enumerate(_PARTS)} if found else {}


# ------------------------------------------------------------------------------------------------ to the text of a case file


@dataclass
class _Lines:
    """The text as it is written, and the field that each line is of."""

    lines: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)

    def put(self, line: str, of: str) -> None:
        """Add a line."""
        self.lines.append(line)
        self.fields.append(of)

    def put_all(self, begins: str, pairs: Iterable[tuple[str, str, str]], of: str) -> None:
        """Add an item of a list: its first line, and a line for each key, its value and the field it is of."""
        self.put(f"  - {begins}", of)
        for key, value, where in pairs:
            self.put(f"    {key}: {value}", where)


def case_text(typed: Typed, book: RuleBook, thresholds: ThresholdBook) -> tuple[str, tuple[str, ...]]:
    """A typed case as the text of a case file, and for each line the id of the field it stands for."""
    written = _Lines()
    if typed.child.get("case"):
        written.put(f"case: {scalar(typed.child['case'])}", "case")
    births = [(key, name) for key, name in (("date_of_birth", "born"), ("expected_date_of_birth", "expected")) if said(typed.child, name)]
    if births:
        written.put("child:", f"{births[0][1]}-day")
        for key, name in births:
            written.put(f"  {key}: {_moment(said(typed.child, name))}", f"{name}-day")
    if typed.events:
        written.put("events:", "event-0-at-day")
    for i, event in enumerate(typed.events):
        kind = book.events.get(event.name)
        place = f"event-{i}"
        time = f"T{clock(event.given['time'])}" if event.given.get("time") else ""
        pairs = [
            ("at", _moment(f"{said(event.given, 'at')}{time}"), f"{place}-{'time' if time and day_of(event.given, 'at') else 'at-day'}")
        ]
        if event.given.get("ref"):
            pairs.append(("ref", scalar(event.given["ref"]), f"{place}-ref"))
        attributes: Mapping[str, Any] = kind.attrs if kind else {}
        for name in dict.fromkeys([*attributes, *others(event, attributes)]):
            if attributes.get(name) == "date":
                if said(event.given, name):
                    pairs.append((name, _moment(said(event.given, name)), f"{place}-{name}-day"))
            elif event.given.get(name):
                pairs.append((name, _plain(event.given[name], attributes.get(name) == "boolean"), f"{place}-{name}"))
        if said(event.given, "recorded_at"):
            pairs.append(("recorded_at", _moment(said(event.given, "recorded_at")), f"{place}-recorded_at-day"))
        written.put_all(f"event: {scalar(event.name)}", pairs, f"{place}-at-day")
    if typed.facts:
        written.put("facts:", "fact-0-value")
    for i, fact in enumerate(typed.facts):
        known = thresholds.facts.get(fact.name)
        place = f"fact-{i}"
        value = fact.given.get("value", "")
        pairs = [("value", _plain(value, known is not None and known.type == "boolean"), f"{place}-value")]
        pairs += [(key, scalar(fact.given[key]), f"{place}-{key}") for key in FACT_WORDS if fact.given.get(key)]
        pairs += [(key, scalar(fact.given[key]), f"{place}-{key}") for key in ("source_agency", "subject") if fact.given.get(key)]
        if said(fact.given, "on"):
            pairs.append(('"on"', _moment(said(fact.given, "on")), f"{place}-on-day"))
        written.put_all(f"fact: {scalar(fact.name)}", pairs, f"{place}-value")
    return "".join(f"{line}\n" for line in written.lines), tuple(written.fields)


def others(event: Block, attributes: Mapping[str, Any]) -> list[str]:
    """What an event records beside what its kind is known to, as its team: attributes in the order typed."""
    own = {"time", "ref", *attributes}
    return [name for name in event.given if name not in own and "-" not in name and _NAME.fullmatch(name)]


def scalar(value: str) -> str:
    """A value as YAML on one line: plain where it is a name or a number, and otherwise quoted, with whatever it holds escaped.

    >>> scalar("nfa"), scalar("2"), scalar("no"), scalar("a: b")
    ('nfa', '2', '"no"', '"a: b"')
    """
    if (_NAME.fullmatch(value) and value not in _READ_AS_OTHERS) or _NUMBER.fullmatch(value):
        return value
    written: str = yaml.dump(value, Dumper=yaml.SafeDumper, default_style='"', width=float("inf"), allow_unicode=True)
    return written.rstrip("\n")


def _plain(value: str, boolean: bool) -> str:
    return value if boolean and value in ("true", "false") else scalar(value)


def _moment(text: str) -> str:
    """A date or a date and time as YAML: plain where it can be read as one."""
    return text if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2})?", text) and _is_day(text[:10]) else scalar(text)


# ------------------------------------------------------------------------------------------------ dates and times as typed


def said(given: Given, name: str) -> str:
    """A date as typed in its three fields, as ISO where it is a day; what was typed, with dashes, where it is none; "" if nothing was."""
    parts = [given.get(f"{name}-{part}", "") for part in _PARTS]
    return day_of(given, name) or "-".join(part for part in parts[::-1] if part)


def day_of(given: Given, name: str) -> str:
    """A date typed in three fields as ISO, or "" where it is no day. A month may be written in letters."""
    day, month, year = (given.get(f"{name}-{part}", "") for part in _PARTS)
    if month[:3].lower() in _MONTHS:
        month = str(_MONTHS.index(month[:3].lower()) + 1)
    if not (re.fullmatch(r"[0-9]{1,2}", day) and re.fullmatch(r"[0-9]{1,2}", month) and re.fullmatch(r"[0-9]{4}", year)):
        return ""
    text = f"{year}-{int(month):02}-{int(day):02}"
    return text if _is_day(text) else ""


def what_is_wrong(given: Given, name: str, label: str) -> str:
    """What to say of a date that was typed and is no day, or nothing."""
    parts = {part: given.get(f"{name}-{part}", "") for part in _PARTS}
    if not any(parts.values()) or day_of(given, name):
        return ""
    lacking = [part for part, value in parts.items() if not value]
    if lacking:
        return f"{label} must include a {' and a '.join(lacking)}"
    if re.fullmatch(r"[0-9]{1,3}", parts["year"]):
        return f"{label}: write the year with four figures"
    return f"{label} must be a real date, such as 27 3 2026"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def clock(text: str) -> str:
    """A time as people type it, as hours and minutes; what cannot be read as one stays as it is.

    >>> clock("9:05"), clock("4.30 pm"), clock("0905"), clock("teatime")
    ('09:05', '16:30', '09:05', 'teatime')
    """
    found = _TIME.fullmatch(text.strip())
    if not found or not (found[2] or found[3]):
        return text
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        if not 1 <= hour <= 12:
            return text
        hour = hour % 12 + (12 if found[3][0].lower() == "p" else 0)
    return f"{hour:02}:{minute:02}"


def starts_as(kind: FactKind) -> dict[str, str]:
    """What a fact's fields hold when it is put into the form: that it is so, where it is a yes or no. It is shown, and can be changed."""
    return {"value": "true"} if kind.type == "boolean" else {}
