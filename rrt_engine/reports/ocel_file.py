"""Write an event log as OCEL 2.0 JSON, the standard of process mining for events that concern several things at once.

A child, and each thing that refs name (a referral, an enquiry within it, a plan), is an object; an event relates to its child and
to what it belongs to. The standard asks for a time with every event. Where only a day is known the time is midday, and the
attribute `precision` says `day`: midday, and not midnight, so that the day is the same in every time zone. Reading it restores
the day. A duty, where duties are asked for, is an object too, related to its child and to the events that started, answered and ended
it. https://www.ocel-standard.org/specification/formats/json/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, as_date
from rrt_engine.model import EventLog, Int32s
from rrt_engine.reports.duties_of_log import VALUES, Duties
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.event_log_write import alike_numbers, attributes_of

DUTY, RULE_SET = "duty", "rule_set"
"""The types of the objects that are duties (what one rule requires once of one child) and the rules they were judged by. Neither is
read back: a replay finds them anew."""
BEGINNING = "1970-01-01T00:00:00Z"
"""The time the standard gives an attribute of an object that never changes."""
BLOCK = 1 << 16


class _Things:
    """What refs name, by child: the objects, and how each belongs to another."""

    def __init__(self, log: EventLog, book: RuleBook) -> None:
        self.log = log
        self.paths = [tuple(book.events[kind].ref) if kind in book.events else () for kind in log.kinds]
        self.children = [f"child:{str(c).replace('%', '%25').replace('/', '%2F')}" for c in log.children]
        self.objects: dict[str, tuple[str, dict[str, str]]] = {}
        self.whole: dict[tuple[int, str, str], set[str]] = {}

    def note(self, child: int, kind: int, ref: str) -> None:
        """Note what a ref that names every level names, so that others may name it by its last part."""
        path, parts = self.paths[kind], ref.split("/")
        if len(parts) == len(path):
            for i, part in enumerate(parts):
                self.whole.setdefault((child, path[i], part), set()).add("/".join(parts[: i + 1]))

    def related(self, child: int, kind: int, ref: str) -> dict[str, str]:
        """The objects that an event relates to, each with what it is to the event."""
        found = {self.children[child]: "child"}
        path, parts = self.paths[kind], ref.split("/") if ref else []
        if len(parts) == 1 and len(path) > 1:  # it names its own level, or an outer one where the child's events use it there
            level = next((name for name in path[:-1] if (child, name, ref) in self.whole), path[-1])
            names = self.whole.get((child, level, ref), set())
            parts = next(iter(names)).split("/") if len(names) == 1 else parts
            path = path[: path.index(level) + 1][-len(parts) :]
        outer = self.children[child]
        for i, (kind_of_thing, _) in enumerate(zip(path, parts, strict=False)):
            name = f"{kind_of_thing}:{self.children[child][len('child:') :]}/{'/'.join(parts[: i + 1])}"
            belongs = {self.children[child]: "child"}
            if outer != self.children[child]:
                belongs[outer] = outer.partition(":")[0]
            self.objects.setdefault(name, (kind_of_thing, belongs))
            found[name] = kind_of_thing
            outer = name
        return found


def write_ocel(log: EventLog, path: Path, book: RuleBook, duties: Duties | None = None) -> None:
    """Write a log as OCEL 2.0 JSON, with its duties as objects where they are given. The same log gives the same bytes."""
    things = _Things(log, book)
    ref = np.full(len(log), -1, np.int32) if log.ref is None else log.ref
    key = (log.child.astype(np.int64) * len(log.kinds) + log.kind) * (len(log.refs) + 1) + ref + 1
    distinct, relation = np.unique(key, return_inverse=True)
    whose, named = np.divmod(distinct, len(log.refs) + 1)
    names = ("", *log.refs)
    rows = [(*divmod(w, len(log.kinds)), names[r]) for w, r in zip(whose.tolist(), named.tolist(), strict=True)]
    for row in rows:
        things.note(*row)
    relations = [_list({"objectId": o, "qualifier": q} for o, q in things.related(*row).items()) for row in rows]
    attributes = list(recorded_values(log))
    types = sorted({kind for kind, _ in things.objects.values()})
    of_child = [("child_id", "string")]
    of_child += [
        (name, "string") for name, days in (("date_of_birth", log.born), ("expected_date_of_birth", log.expected)) if days is not None
    ]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{\n"objectTypes": ')
        judged = [] if duties is None else [_type(DUTY, list(VALUES.items())), _type(RULE_SET, [(a, "string") for a in _judged_by(duties)])]
        _lines(file, [_text(_type("child", of_child)), *(_text(_type(name, [])) for name in types), *map(_text, judged)])
        file.write(',\n"eventTypes": ')
        _lines(file, [_text(_type(kind, _recorded(log, code, attributes))) for code, kind in enumerate(log.kinds)])
        file.write(',\n"objects": ')
        _lines(file, chain(_objects(log, things), () if duties is None else _duties(log, things, duties)))
        file.write(',\n"events": ')
        _lines(file, _events(log, attributes, relation, relations, _of_events(log, things, duties)))
        file.write("\n}\n")


def recorded_values(log: EventLog) -> Iterator[tuple[str, str, Int32s, list[Any]]]:
    """What events record: name, type in the standard's words, codes and values. Dates are text: a time would be invented."""
    twice = np.zeros(len(log), np.bool_) if log.span is None else log.span > 0
    timed = np.zeros(len(log), np.bool_) if log.instant is None else log.instant != NO_INSTANT
    yield "precision", "string", np.where(twice, 2, timed.astype(np.int32)).astype(np.int32), ["day", "time", "hour_twice"]
    if log.ref is not None:
        yield "ref", "string", log.ref, list(log.refs)
    if log.recorded is not None:
        days, place = np.unique(log.recorded, return_inverse=True)
        dates = [as_date(int(d)).isoformat() if d != NO_DAY else "" for d in days]
        yield "recorded_at", "string", np.where(log.recorded == NO_DAY, -1, place).astype(np.int32), dates
    for name, kind, codes, values in attributes_of(log):
        yield name, "string" if kind == "text" else kind, codes, list(values)
    for name, marked in (("latest_only", log.latest_only), ("suspect", log.suspect)):
        if marked is not None and marked.any():
            yield name, "boolean", np.where(marked, 0, -1).astype(np.int32), [True]
    numbers = alike_numbers(log)
    if numbers is not None:
        yield "alike_number", "integer", (numbers - 1).astype(np.int32), list(range(1, int(numbers.max()) + 1))


def _recorded(log: EventLog, kind: int, attributes: list[tuple[str, str, Int32s, list[Any]]]) -> list[tuple[str, str]]:
    """The attributes that some event of a kind records."""
    rows = log.kind == kind
    return [(name, type_) for name, type_, codes, _ in attributes if bool((codes[rows] >= 0).any())]


def _type(name: str, attributes: list[tuple[str, str]]) -> dict[str, Any]:
    return {"name": name, "attributes": [{"name": a, "type": t} for a, t in attributes]}


def _objects(log: EventLog, things: _Things) -> Iterator[str]:
    for i, name in enumerate(things.children):
        known = {"child_id": str(log.children[i])}
        for attribute, days in (("date_of_birth", log.born), ("expected_date_of_birth", log.expected)):
            if days is not None and days[i] != NO_DAY:
                known[attribute] = as_date(int(days[i])).isoformat()
        held = [{"name": a, "time": BEGINNING, "value": v} for a, v in known.items()]
        yield _text({"id": name, "type": "child", "attributes": held, "relationships": []})
    for name, (kind, belongs) in sorted(things.objects.items()):
        relations = [{"objectId": o, "qualifier": q} for o, q in belongs.items()]
        yield _text({"id": name, "type": kind, "attributes": [], "relationships": relations})


def _names_of(log: EventLog, things: _Things, duties: Duties) -> list[str]:
    """The ids of the duties: numbered for each child, in the order of the events that started them."""
    child = log.child[duties.trigger]
    nth = np.arange(len(child)) - np.searchsorted(child, child)
    return [f"{DUTY}:{things.children[c][len('child:') :]}/{n}" for c, n in zip(child.tolist(), (nth + 1).tolist(), strict=True)]


def _duties(log: EventLog, things: _Things, duties: Duties) -> Iterator[str]:
    """Each duty as an object that belongs to its child; and the rule set, with the moment they were judged at."""
    child = log.child[duties.trigger].tolist()
    for name, c, values in zip(_names_of(log, things, duties), child, duties.values(), strict=True):
        held = [{"name": a, "time": BEGINNING, "value": v} for a, v in values.items()]
        yield _text(
            {"id": name, "type": DUTY, "attributes": held, "relationships": [{"objectId": things.children[c], "qualifier": "child"}]}
        )

    by = [{"name": a, "time": BEGINNING, "value": v} for a, v in _judged_by(duties).items()]
    yield _text({"id": RULE_SET, "type": RULE_SET, "attributes": by, "relationships": []})


def _judged_by(duties: Duties) -> dict[str, str]:
    """By what duties were judged: the as-of moment and the rule set."""
    return {"as_of": duties.as_of, **duties.rules}


def _of_events(log: EventLog, things: _Things, duties: Duties | None) -> dict[int, list[tuple[str, str]]]:
    """For each event the duties it started, answered or ended, with which of these it did."""
    found: dict[int, list[tuple[str, str]]] = {}
    if duties is not None:
        names = _names_of(log, things, duties)
        for rows, qualifier in ((duties.trigger, "starts"), (duties.answer, "answers"), (duties.end, "ends")):
            for name, row in zip(names, rows.tolist(), strict=True):
                if row >= 0:
                    found.setdefault(row, []).append((name, qualifier))
    return found


def _events(
    log: EventLog,
    attributes: list[tuple[str, str, Int32s, list[Any]]],
    relation: Any,
    relations: list[str],
    duties: dict[int, list[tuple[str, str]]],
) -> Iterator[str]:
    """Each event as a line; the text of each distinct value is made once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.large_string()
    kinds = pa.array([_text(kind) for kind in log.kinds], text)
    held = [pa.array([_text({"name": name, "value": v}) for v in values], text) for name, _, _, values in attributes]
    related = pa.array(relations, text)
    for start in range(0, len(log), BLOCK):
        rows = slice(start, start + BLOCK)
        parts = [t.take(_codes(codes[rows])) for t, (_, _, codes, _) in zip(held, attributes, strict=True)]
        recorded = pc.binary_join_element_wise(*parts, pa.scalar(", ", text), null_handling="skip")
        columns = (
            kinds.take(pa.array(log.kind[rows])),
            pa.array(event_times(log, rows), text),
            recorded,
            related.take(pa.array(relation[rows])),
        )
        for number, (kind, time, held_here, to) in enumerate(zip(*(c.to_pylist() for c in columns), strict=True), start + 1):
            if number - 1 in duties:
                more = _list({"objectId": name, "qualifier": q} for name, q in duties[number - 1])
                to = f"{to[:-1]}, {more[1:]}"
            yield f'{{"id": "e{number}", "type": {kind}, "time": "{time}", "attributes": [{held_here}], "relationships": {to}}}'


def event_times(log: EventLog, rows: slice) -> list[str]:
    """The time of each event in UTC: midday where only the day is known."""
    midday = log.day[rows].astype(np.int64) * 86_400 + 43_200
    instant = midday if log.instant is None else np.where(log.instant[rows] == NO_INSTANT, midday, log.instant[rows])
    texts: list[str] = np.datetime_as_string(instant.astype("datetime64[s]"), timezone="UTC").tolist()
    return texts


def _codes(codes: Int32s) -> Any:
    import pyarrow as pa

    return pa.array(codes, mask=codes < 0)


def _list(items: Iterable[Any]) -> str:
    return _text(list(items))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(file: TextIO, items: Iterable[str]) -> None:
    """A JSON list, one item a line."""
    file.write("[")
    for i, item in enumerate(items):
        file.write(f"{',' if i else ''}\n{item}")
    file.write("\n]")
