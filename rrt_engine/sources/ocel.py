"""Read an event log in OCEL 2.0 JSON, the standard of process mining for events that concern several things at once.

Objects of the type `child` are the children. An event that relates to several of them, such as a conference about brothers and
sisters, is one event for each. What an event belongs to is its attribute `ref`, or else the objects it relates to whose types
are the names of refs (`referral`, `s47`): of several such objects, those that belong to the child.

The standard asks for a time with every event. Where the attribute `precision` is `day`, only the day is read; where no event says
how exact it is and every time is midnight, a tool wrote days as times, and they are read as days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import parse_moment
from rrt_engine.model import Rejected, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.covers import coverage_beside
from rrt_engine.sources.event_log import log_from_table
from rrt_engine.sources.event_log_columns import brief
from rrt_engine.sources.event_log_files import SHOWN, Coder, Table, heading, refuse_many_columns, refused
from rrt_engine.sources.json_text import NotJson, json_of
from rrt_engine.sources.reading import Reading
from rrt_engine.words import uk_time

FORMAT = "OCEL 2.0"
CHILD_TYPES = ("child", "person", "case")
"""What the type of object that is a child may be called, the first that occurs being taken."""
_BIRTHS = ("date_of_birth", "expected_date_of_birth")
_PARTS = ("objectTypes", "eventTypes", "objects", "events")
_MIDNIGHT = re.compile(r"^\d{4}-\d\d-\d\dT00:00(:00)?(\.0+)?(Z|[+-]00:?00)?$")
_DAY = re.compile(r"^\d{4}-\d\d-\d\d")
_HEAD = 1 << 16


def looks_like_ocel(path: Path) -> bool:
    """Whether a JSON file names the parts of an OCEL log, near its beginning or its end."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(path.stat().st_size - _HEAD, 0))
            text = head + file.read()
    except OSError:
        return False
    return any(f'"{part}"'.encode() in text for part in ("objectTypes", "eventTypes", "ocel:events", "ocel:global-log"))


def read_ocel(path: Path | str, book: RuleBook) -> Reading:
    """Read an OCEL 2.0 log. Raises InputError when it is not one; an event that cannot be used is rejected and the rest goes on."""
    path = Path(path)
    coverage, snapshot = coverage_beside(path, book)
    data = _json(path)
    return log_from_table(_Ocel(path, data, book).table(), book, coverage, snapshot)


def _json(path: Path) -> Mapping[str, Any]:
    """The file as JSON with the four parts of the standard. Raises InputError."""
    file = str(path)
    try:
        data = json_of(path.read_bytes())
    except OSError as error:
        raise refused(file, "unreadable", f"cannot read the file: {error.strerror or error}") from None
    except NotJson as error:
        raise refused(file, error.code, f"the file is not JSON: {error.why}", error.help, error.line) from None
    if isinstance(data, dict) and "ocel:events" in data:
        raise refused(file, "version", "this is a log of OCEL 1.0; expected OCEL 2.0", "export it as OCEL 2.0 JSON")
    wrong = [part for part in _PARTS if not isinstance(data, dict) or not isinstance(data.get(part), list)]
    if wrong:
        parts = ", ".join(f"`{part}`" for part in wrong)
        raise refused(file, "ocel", f"the file is not an OCEL 2.0 log: it has no list {parts}", "export it as OCEL 2.0 JSON")
    return data  # type: ignore[no-any-return]


class _Ocel:
    """One log on its way to a table of events."""

    def __init__(self, path: Path, data: Mapping[str, Any], book: RuleBook) -> None:
        self.path, self.data, self.book = path, data, book
        self.result = Table(str(path), FORMAT, {}, 0, np.zeros(0, np.int32))
        self.coders: dict[str, Coder] = {name: Coder() for name in ("child_id", "event", "at")}
        self.types: dict[str, str] = {}
        self.belongs: dict[str, set[str]] = {}
        self.children: dict[str, dict[str, Any]] = {}
        self.rows: list[int] = []
        self.heading = cache(heading)

    def table(self) -> Table:
        """The events as columns, one row for each child that an event concerns, and one for each child without events."""
        self.objects()
        days_only = self.days_only()
        several = 0
        seen: set[str] = set()
        for number, event in enumerate(self.data["events"], 1):
            try:
                kind, at, attributes, related = self.event(event, number - 1, days_only)
            except ValueError as error:
                self.reject(number, str(error))
                continue
            mine = [o for o in related if o in self.children]
            if not mine:
                self.reject(number, f"events[{number - 1}]: it relates to no object of the type `{self.child_type}`")
                continue
            several += len(mine) > 1
            for child in mine:
                seen.add(child)
                ref = attributes.get("ref") or self.ref(kind, child, related)
                self.put(number, {**attributes, **self.children[child], "event": kind, "at": at, "ref": ref})
        for child in sorted(self.children.keys() - seen):
            self.put(0, self.children[child])
        if len(self.result.rejected) > SHOWN:
            self.result.say("ocel", f"{plural(len(self.result.rejected) - SHOWN, 'more event')} that cannot be used")
        if several:
            one = "event relates to several children and is" if several == 1 else "events relate to several children and are"
            self.result.say("several_children", f"{several:,} {one} read as one for each of them", severity="note")
        self.result.n, self.result.row = len(self.rows), np.array(self.rows, np.int32)
        self.result.columns = {name: coder.column(len(self.rows)) for name, coder in self.coders.items()}
        return self.result

    def put(self, number: int, values: Mapping[str, Any]) -> None:
        """Add one row. Number is that of the event in the file."""
        for name, value in values.items():
            if value is not None and value != "":
                if name not in self.coders:
                    self.coders[name] = Coder()
                    refuse_many_columns(str(self.path), len(self.coders))
                self.coders[name].put(len(self.rows), value)
        self.rows.append(number)

    def reject(self, number: int, why: str) -> None:
        """Set one event aside, with its place in the file."""
        self.result.rejected.append(Rejected(self.path.name, number, why))
        if len(self.result.rejected) <= SHOWN:
            self.result.say("ocel", f"{why}; the event is not used")

    def objects(self) -> None:
        """The objects: their types, the children among them, and which child each belongs to."""
        read: list[tuple[str, Mapping[str, Any]]] = []
        wrong = 0
        for each in self.data["objects"]:
            if isinstance(each, dict) and isinstance(each.get("id"), str) and isinstance(each.get("type"), str):
                self.types[each["id"]] = heading(each["type"])
                read.append((each["id"], each))
            else:
                wrong += 1
        if wrong:
            self.result.say("ocel", f"{plural(wrong, 'object')} without an `id` and a `type`: not read")
        there = set(self.types.values())
        self.child_type = next((t for t in CHILD_TYPES if t in there), "")
        if not self.child_type:
            found = ", ".join(f"`{brief(t)}`" for t in sorted(there)[:20]) or "none"
            help = "the objects that are children must have the type `child`"
            raise refused(str(self.path), "no_children", f"no object is a child; the types of object found are {found}", help)
        for name, each in read:
            if self.types[name] == self.child_type:
                known = dict(_named_values(each))
                births = {attribute: known[attribute] for attribute in _BIRTHS if attribute in known}
                self.children[name] = {"child_id": known.get("child_id", name), **births}
            for other, _ in _relations(each):
                self.belongs.setdefault(name, set()).add(other)
                self.belongs.setdefault(other, set()).add(name)

    def days_only(self) -> bool:
        """Whether every time is midnight and no event says how exact its time is: a tool wrote days as times."""
        events = [e for e in self.data["events"] if isinstance(e, dict)]
        if not events or not all(isinstance(e.get("time"), str) and _MIDNIGHT.match(e["time"]) for e in events):
            return False
        if any(name == "precision" for e in events for name, _ in _named_values(e)):
            return False
        self.result.say("midnight", "every time is 00:00, so they are read as dates without a time", severity="note")
        return True

    def event(self, event: Any, index: int, days_only: bool) -> tuple[str, str, dict[str, Any], list[str]]:
        """An event's kind, time, attributes and the objects it relates to. Raises ValueError that says where it is wrong."""
        place = f"events[{index}]"
        if not isinstance(event, dict):
            raise ValueError(f"{place}: expected an object with `type`, `time` and `relationships`")
        for key in ("type", "time"):
            if not isinstance(event.get(key), str) or not event[key].strip():
                raise ValueError(f"{place}.{key}: expected text, found `{brief(event.get(key))}`")
        attributes = {self.heading(name): value for name, value in _named_values(event)}
        precision, time = attributes.pop("precision", ""), event["time"].strip()
        if (precision == "day" or days_only) and _DAY.match(time):
            time = time[:10]
        elif precision == "hour_twice":
            try:
                time = uk_time(parse_moment(time).instant).replace(tzinfo=None).isoformat()
            except ValueError as error:
                raise ValueError(f"{place}.time: {error}") from None
        for reserved in ("child_id", "event", "at", *_BIRTHS):
            attributes.pop(reserved, None)  # what the log itself says of them stands
        return event["type"], time, attributes, list(dict.fromkeys(other for other, _ in _relations(event)))

    def ref(self, kind: str, child: str, related: list[str]) -> str:
        """What an event belongs to, from the objects it relates to: those that belong to this child and no other."""
        known = self.book.kind_named(kind) or self.book.kind_named(heading(kind))
        parts = []
        for level in self.book.events[known].ref if known else ():
            found = [o for o in related if self.types.get(o) == level and self.may_be_of(child, o)]
            if len(found) == 1:
                parts.append(found[0].replace("/", "_"))
        return "/".join(parts)

    def may_be_of(self, child: str, thing: str) -> bool:
        """Whether a thing belongs to a child, or to no child that is said."""
        owners = {o for o in self.belongs.get(thing, ()) if o in self.children}
        return not owners or child in owners


def _named_values(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The attributes of an event or object; of one that changed over time, each value in turn, the latest last."""
    held = item.get("attributes")
    given = [a for a in held if isinstance(a, dict) and isinstance(a.get("name"), str)] if isinstance(held, list) else []
    if len(given) > 1 and any("time" in a for a in given):
        given.sort(key=lambda a: str(a.get("time", "")))
    return ((a["name"], a.get("value")) for a in given)


def _relations(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The objects that an event or object relates to, with what each is to it."""
    held = item.get("relationships")
    for each in held if isinstance(held, list) else ():
        if isinstance(each, dict) and isinstance(each.get("objectId"), str):
            yield each["objectId"], str(each.get("qualifier", ""))
