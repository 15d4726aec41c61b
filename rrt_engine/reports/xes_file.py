"""Write an event log as XES (IEEE 1849), the standard of process mining for cases and their events: a trace a child.

Every event has its kind as `concept:name` and a time. Where only a day is known the time is midday UTC and the attribute `precision`
says `day`, as in our OCEL. A duty that an event started is an attribute of that event, `flag_RULE`, whose value is its status, with
what else was found nested in it; the trace counts its duties by status, so that children can be chosen by them.

Written a child at a time, so that it takes no more memory than the log. https://www.tf-pm.org/resources/xes-standard
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date
from rrt_engine.model import STATUSES, EventLog, Int32s
from rrt_engine.reports.duties_of_log import VALUES, Duties
from rrt_engine.reports.ocel_file import event_times, recorded_values
from rrt_engine.rulebook.book import RuleBook

NAMESPACE = "http://www.xes-standard.org/"
VERSION = "1849.2016"
"""The edition of the standard whose schema the file follows. That of 2023 reads it too."""
EXTENSIONS = (("Concept", "concept"), ("Time", "time"), ("Organizational", "org"))
TAGS = {"string": "string", "integer": "int", "boolean": "boolean", "date": "date"}
_STANDARD_NAMES = {"team": "org:group", "worker": "org:resource"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_NAME = re.compile(r"[^\w.-]")


def write_xes(log: EventLog, path: Path, book: RuleBook, duties: Duties | None = None) -> None:
    """Write a log as XES, with its duties where they are given. The same log gives the same bytes."""
    from lxml import etree

    with etree.xmlfile(str(path), encoding="UTF-8") as file:
        file.write_declaration()
        head = {"xes.version": VERSION, "xes.features": "nested-attributes"}
        with file.element(f"{{{NAMESPACE}}}log", head, nsmap={None: NAMESPACE}):
            file.write("\n")
            for each in _opening(log, book, duties):
                file.write(each, "\n")
            for number, trace in enumerate(_traces(log, duties)):
                file.write(trace)
                file.write("\n")
                del trace
                if number % 1000 == 0:
                    file.flush()


def _opening(log: EventLog, book: RuleBook, duties: Duties | None) -> Iterator[Any]:
    """What stands before the traces: extensions, what every trace and event has, how events are told apart, and of what the log is."""
    for name, prefix in EXTENSIONS:
        yield _element("extension", name=name, prefix=prefix, uri=f"{NAMESPACE}{prefix}.xesext")
    of_trace = _element("global", scope="trace")
    of_trace.append(_value("concept:name", "string", ""))
    yield of_trace
    of_event = _element("global", scope="event")
    of_event.append(_value("concept:name", "string", ""))
    of_event.append(_value("time:timestamp", "date", "1970-01-01T00:00:00Z"))
    of_event.append(_value("precision", "string", "day"))
    yield of_event
    yield _element("classifier", name="Activity", scope="event", keys="concept:name")
    yield _value("concept:name", "string", book.title)
    yield _value("events", "integer", len(log))
    if duties is not None:
        yield _value("flags", "integer", len(duties))
        yield _value("as_of", "string", duties.as_of)
        for name, value in duties.rules.items():
            yield _value(f"rules_{name}", "string", value)


def _traces(log: EventLog, duties: Duties | None) -> Iterator[Any]:
    """One element a child, in the order of the log; a child without events is a trace without any."""
    attributes: list[tuple[str, str, Int32s, list[Any]]] = []
    for name, kind, codes, values in recorded_values(log):
        key = _apart(_STANDARD_NAMES.get(name, _name(name)), [other for other, _, _, _ in attributes])
        attributes.append((key, kind, codes, values))
    times = event_times(log, slice(None))
    begins = np.searchsorted(log.child, np.arange(len(log.children) + 1)).tolist()
    flags = _Flags(log, duties) if duties is not None else None
    for child, name in enumerate(log.children):
        trace = _element("trace")
        trace.append(_value("concept:name", "string", str(name)))
        for attribute, days in (("date_of_birth", log.born), ("expected_date_of_birth", log.expected)):
            if days is not None and days[child] != NO_DAY:
                trace.append(_value(attribute, "string", as_date(int(days[child])).isoformat()))
        if flags is not None:
            trace.extend(flags.counts(child))
        for row in range(begins[child], begins[child + 1]):
            event = _element("event")
            event.append(_value("concept:name", "string", log.kinds[log.kind[row]]))
            event.append(_value("time:timestamp", "date", times[row]))
            for attribute, kind, codes, values in attributes:
                if codes[row] >= 0:
                    event.append(_value(attribute, kind, values[codes[row]]))
            if flags is not None:
                event.extend(flags.of(row))
            trace.append(event)
        yield trace


class _Flags:
    """The duties as they stand on the events that started them, taken in the order of the log."""

    def __init__(self, log: EventLog, duties: Duties) -> None:
        status = {name: code for code, name in enumerate(STATUSES)}
        codes = np.array([status[name] for name in duties.rows["status"].to_pylist()], np.int64)
        child = log.child[duties.trigger].astype(np.int64)
        counts = np.bincount(child * len(STATUSES) + codes, minlength=len(log.children) * len(STATUSES))
        self.by_status = counts.reshape(len(log.children), len(STATUSES))
        self.trigger = [*duties.trigger.tolist(), -1]
        self.values = duties.values()
        self.next = 0

    def counts(self, child: int) -> Iterator[Any]:
        """How many duties a child has, and how many of each status."""
        yield _value("flags", "integer", int(self.by_status[child].sum()))
        for name, n in zip(STATUSES, self.by_status[child].tolist(), strict=True):
            yield _value(f"flags_{name}", "integer", n)

    def of(self, row: int) -> Iterator[Any]:
        """The duties that one event started."""
        there: list[str] = []
        while self.trigger[self.next] == row:
            self.next += 1
            found = next(self.values)
            key = _apart(f"flag_{_name(found.pop('rule'))}", there)
            there.append(key)
            flag = _value(key, "string", found.pop("status"))
            for name, value in found.items():
                flag.append(_value(name, VALUES[name], value))
            yield flag


def _apart(name: str, others: list[str]) -> str:
    """A name that none of the others has: keys stand once in an event."""
    number, found = 1, name
    while found in others:
        number += 1
        found = f"{name}.{number}"
    return found


def _name(text: str) -> str:
    """A key that is a name as XML has it, which the schema of the standard asks for."""
    found = _NOT_NAME.sub("_", text)
    return found if found[:1].isalpha() or found[:1] == "_" else f"_{found}"


def _value(key: str, kind: str, value: Any) -> Any:
    """One attribute: its key first and then its value, as simple readers expect them."""
    text = str(value).lower() if isinstance(value, bool) else _NOT_XML.sub("\ufffd", str(value))
    return _element(TAGS[kind], key=key, value=text)


def _element(tag: str, **attributes: str) -> Any:
    """An element without a namespace of its own: written inside the log, it is in the log's."""
    from lxml import etree

    return etree.Element(tag, attributes)


__all__ = ["NAMESPACE", "write_xes"]
