"""What submissions to the DfE's children's social care collection leave standing, one after another.

A submission says what changed. A record sent again under the same id replaces, field by field, what was sent before: a field that
is not sent stays, and null clears it, because the tool most authorities send with leaves out the fields that did not change.
`purge` deletes a record with all that is in it. Records without an id are known by their date.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rrt_engine.calendar import parse_moment
from rrt_engine.model import Rejected
from rrt_engine.sources.csc_api_schema import FIELDS, ID_OF, LISTS, SINGLE
from rrt_engine.sources.event_log_columns import brief

_DATE = re.compile(r"^(\d{4}-\d\d-\d\d)(?:T00:00:00(?:\.0+)?Z?)?$")
_EXPECTED = {
    "text": "text",
    "date": "a date written as 2026-04-10",
    "boolean": "true or false",
    "integer": "a whole number",
}


@dataclass
class Held:
    """One record as it stands: its fields, its id or what stands for it, and the file and child where it was last sent."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)
    file: int = 0
    child: int = 0
    path: str = ""

    def day(self, name: str) -> int | None:
        """A date of the record as a day number."""
        found: int | None = self.values.get(name)
        return found

    def text(self, name: str) -> str:
        """A code of the record; empty where it is not recorded."""
        return str(self.values.get(name) or "").strip()


@dataclass
class Episode:
    """A social care episode and the records in it, by block and id."""

    own: Held
    parts: dict[str, dict[str, Held]] = field(default_factory=dict)
    workers: list[Held] = field(default_factory=list)

    def of(self, block: str) -> list[Held]:
        """The records of one block."""
        return list(self.parts.get(block, {}).values())


@dataclass
class Child:
    """One child: the details that are read, the questionnaires by date, and the episodes by id."""

    details: Held
    questionnaires: dict[int, Held] = field(default_factory=dict)
    episodes: dict[str, Episode] = field(default_factory=dict)


class _Wrong(Exception):
    """A record that cannot be used: where in the file, and what was expected."""


class State:
    """The children as submissions leave them, and what was read, rejected and not known on the way."""

    def __init__(self) -> None:
        self.children: dict[str, Child] = {}
        self.files: list[str] = []
        self.read = 0
        self.child_id = ""
        self.rejected: list[Rejected] = []
        self.unknown: Counter[str] = Counter()
        self.purged = 0

    def submission(self, file: str, children: list[Any], path: str) -> None:
        """Apply one file: the children in it, each at its place."""
        self.files.append(file)
        for i, raw in enumerate(children):
            self.number = i + 1
            self.child(raw, f"{path}[{i}]")

    def reject(self, file: int, child: int, why: str) -> None:
        """Set one record aside. The row is the number of the child in the file."""
        self.rejected.append(Rejected(self.files[file], child, why, self.child_id))

    def child(self, raw: Any, path: str) -> None:
        """What one submission says of one child."""
        self.child_id = ""
        own = self.record("child", raw, path)
        if own is None:
            return
        child_id = self.child_id = own.get("la_child_id") or ""
        if not child_id:
            self.reject(
                len(self.files) - 1, self.number, f"{path}.la_child_id: missing, so the child cannot be told; nothing in it is read"
            )
            return
        if own.get("purge"):
            self.purged += self.children.pop(child_id, None) is not None
            return
        child = self.children.setdefault(child_id, Child(Held("")))
        details = self.block(raw, "child_details", path)
        if details is not None:
            if details[0].get("purge"):
                child.details = Held("")
            else:
                self.update(child.details, details)
        self.health(child, raw, path)
        for i, each in enumerate(self.listed(raw, "social_care_episodes", path)):
            where = f"{path}.social_care_episodes[{i}]"
            values = self.record("social_care_episodes", each, where)
            if values is not None or isinstance(each, dict):
                self.episode(child, each, values, where)

    def health(self, child: Child, raw: Mapping[str, Any], path: str) -> None:
        """Questionnaires are known by their date."""
        block = self.block(raw, "health_and_wellbeing", path)
        if block is None:
            return
        if block[0].get("purge"):
            self.purged += len(child.questionnaires)
            child.questionnaires.clear()
            return
        for _, values, where in self.blocks(raw["health_and_wellbeing"], "sdq_assessments", block[1]):
            if values.get("date") is None:
                self.reject(len(self.files) - 1, self.number, f"{where}.date: missing")
                continue
            held = child.questionnaires.setdefault(values["date"], Held(str(values["date"])))
            self.update(held, (values, where))

    def episode(self, child: Child, raw: Mapping[str, Any], values: dict[str, Any] | None, path: str) -> None:
        """One episode and what is in it, which is read even where a field of the episode itself cannot be."""
        key = self.key("social_care_episodes", raw if values is None else values, path)
        if values and values.get("purge"):
            self.purged += child.episodes.pop(key, None) is not None
            return
        episode = child.episodes.setdefault(key, Episode(Held(key)))
        if values is not None:
            self.update(episode.own, (values, path))
        for _, worker, where in self.blocks(raw, "care_worker_details", path):
            self.worker(episode, worker, where)
        for block in LISTS:
            for _, record, where in self.blocks(raw, block, path):
                self.part(episode, block, self.key(block, record, where), record, where)
        for block in SINGLE:
            found = self.block(raw, block, path)
            if found is not None:
                self.part(episode, block, block, *found)

    def part(self, episode: Episode, block: str, key: str, values: dict[str, Any], path: str) -> None:
        """One record of an episode: added, changed or purged."""
        held = episode.parts.setdefault(block, {})
        if values.get("purge"):
            self.purged += held.pop(key, None) is not None
            return
        self.update(held.setdefault(key, Held(key)), (values, path))

    def worker(self, episode: Episode, values: dict[str, Any], path: str) -> None:
        """One spell of one worker. A start after the worker's last spell ended is a new one; else it says more of that spell."""
        worker, start = str(values.get("worker_id") or "").strip(), values.get("start_date")
        if not worker:
            self.reject(len(self.files) - 1, self.number, f"{path}.worker_id: missing")
            return
        spells = [h for h in episode.workers if h.key == worker]
        same = next((h for h in spells if start is not None and h.day("start_date") == start), spells[-1] if spells else None)
        ended = None if same is None else same.day("end_date")
        if same is None or (start is not None and ended is not None and start != same.day("start_date") and start >= ended):
            same = Held(worker)
            episode.workers.append(same)
        self.update(same, (values, path))

    def update(self, held: Held, sent: tuple[dict[str, Any], str]) -> None:
        """Take over what was sent: null clears a field, and a field that was not sent stays."""
        values, path = sent
        held.values.update(values)
        held.file, held.child, held.path = len(self.files) - 1, self.number, path

    def key(self, block: str, values: Mapping[str, Any], path: str) -> str:
        """What a record is known by: its id, or else its first date, or else its place."""
        found = str(values.get(ID_OF[block]) or "").strip().replace("/", "_")
        if found:
            return found
        day = values.get("referral_date" if block == "social_care_episodes" else "start_date")
        return f"no-id-{day}" if day is not None else f"no-id-at-{path.rpartition('[')[2].rstrip(']')}"

    # ------------------------------------------------------------------------------------------------- reading

    def listed(self, raw: Mapping[str, Any], block: str, path: str) -> list[Any]:
        """What stands in a list; nothing, and that is set aside, where something else stands in its place."""
        given = raw.get(block)
        if given is None or isinstance(given, list):
            return given or []
        self.read += 1
        self.reject(len(self.files) - 1, self.number, f"{path}.{block}: expected a list, found {_kind(given)}")
        return []

    def blocks(self, raw: Mapping[str, Any], block: str, path: str) -> Iterator[tuple[Mapping[str, Any], dict[str, Any], str]]:
        """The records of a list, each with its fields and place; those that cannot be used are set aside."""
        for i, each in enumerate(self.listed(raw, block, path)):
            values = self.record(block, each, f"{path}.{block}[{i}]")
            if values is not None:
                yield each, values, f"{path}.{block}[{i}]"

    def block(self, raw: Mapping[str, Any], block: str, path: str) -> tuple[dict[str, Any], str] | None:
        """A record that stands alone, with its place; None where there is none or it cannot be used."""
        given = raw.get(block)
        if given is None:
            return None
        values = self.record(block, given, f"{path}.{block}")
        return None if values is None else (values, f"{path}.{block}")

    def record(self, block: str, raw: Any, path: str) -> dict[str, Any] | None:
        """The fields of a record that are read, each as what it must be. None, and rejected with its place, where one is not."""
        self.read += 1
        try:
            if not isinstance(raw, dict):
                raise _Wrong(f"{path}: expected an object, found {_kind(raw)}")
            known = FIELDS[block]
            for name in raw:
                if name not in known:
                    self.unknown[f"{block}.{brief(name)}"] += 1
            return {name: _value(raw[name], kind, f"{path}.{name}") for name, kind in known.items() if name in raw and kind in _EXPECTED}
        except _Wrong as wrong:
            also = "; nothing in it is read" if block in ("child", "health_and_wellbeing") else ""
            self.reject(len(self.files) - 1, self.number, f"{wrong}{also}")
            return None


def _value(raw: Any, kind: str, path: str) -> Any:
    """A field as what it must be; dates as day numbers. Blank text is nothing. Raises _Wrong."""
    if raw is None or raw == "":
        return None
    good = {"text": isinstance(raw, str), "date": isinstance(raw, str), "boolean": isinstance(raw, bool)}
    good["integer"] = isinstance(raw, int) and not isinstance(raw, bool)
    if not good[kind]:
        raise _Wrong(f"{path}: expected {_EXPECTED[kind]}, found {_kind(raw)}")
    if kind != "date":
        return raw.strip() if isinstance(raw, str) else raw
    written = _DATE.match(raw.strip())
    if not written:
        raise _Wrong(f"{path}: expected {_EXPECTED[kind]}, found `{brief(raw)}`")
    try:
        return parse_moment(written[1]).day
    except ValueError as error:
        raise _Wrong(f"{path}: {error}") from None


def _kind(raw: Any) -> str:
    """What a JSON value is, without saying what stands in it."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(raw), "nothing")
