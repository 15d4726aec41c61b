"""A block of events as an Arrow table: the columns of an event log, each with its type, the same for every block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.synth.draw import Ints
from rrt_engine.synth.families import BLOCK, Families
from rrt_engine.synth.record import Block, Int32s, reference_text
from rrt_engine.synth.recording import Written, team_name, worker_name

FIRST_ID = 1_000_001
"""The id of the first child; ids are whole numbers, in order, and stand for nobody."""


@dataclass(frozen=True)
class Sheet:
    """A block ready to be written, in columns. `at_text` replaces the date of some rows by text, and `id_text` some ids (CSV only)."""

    child: Int32s
    kind: Int32s
    day: Int32s
    second: Int32s
    recorded: Int32s
    ref: Int32s
    born: Int32s
    expected: Int32s
    family: Int32s
    team: Int32s
    worker: Int32s
    kinds: tuple[str, ...]
    texts: Mapping[str, tuple[Int32s, tuple[str, ...]]]
    numbers: Mapping[str, Int32s]
    at_text: Mapping[int, str]
    id_text: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.child)

    def take(self, rows: Any) -> Sheet:
        """Some rows, in the order given, before any of them is text."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        texts = {name: (codes[rows], words) for name, (codes, words) in self.texts.items()}
        return Sheet(
            **columns, kinds=self.kinds, texts=texts, numbers={k: v[rows] for k, v in self.numbers.items()}, at_text={}, id_text={}
        )


COLUMNS = ("child", "kind", "day", "second", "recorded", "ref", "born", "expected", "family", "team", "worker")


def sheet(block: Block, written: Written, people: Families, number: int, last: int) -> Sheet:
    """A block with what belongs to each row's child. A child born after the end of the record has only an expected date of birth."""
    child = block.child
    born = people.born[child].astype(np.int32)
    known = born <= last
    expected = people.born.astype(np.int32) + (people.born.astype(np.int32) * 7 % 15 - 7)  # babies seldom come on the day
    return Sheet(
        child, block.kind, block.day, block.second, written.recorded, written.ref,
        np.where(known, born, NO_DAY).astype(np.int32),
        np.where(people.unborn[child] | ~known, expected[child], NO_DAY).astype(np.int32),
        (people.family[child] + number * BLOCK + 1).astype(np.int32), written.team, written.worker,
        block.kinds, block.texts, block.numbers, {}, {},
    )  # fmt: skip


def attributes(events: Mapping[str, Any]) -> dict[str, str]:
    """The attributes that a synthetic log has columns for, and their types: every one that the vocabulary knows but team and worker."""
    found: dict[str, str] = {}
    for event in events.values():
        for name, kind in event.attrs.items():
            found.setdefault(name, kind if isinstance(kind, str) else "text")
    return {name: found[name] for name in sorted(found) if name not in ("team", "worker")}


def schema(names: Mapping[str, str], metadata: Mapping[str, str]) -> Any:
    """The Arrow schema of the log."""
    import pyarrow as pa

    words = pa.dictionary(pa.int16(), pa.string())
    types = {"text": words, "boolean": pa.bool_(), "date": pa.date32(), "integer": pa.int32()}
    fields = [
        pa.field("child_id", pa.int64()), pa.field("event", words), pa.field("at", pa.dictionary(pa.int32(), pa.string())),
        pa.field("recorded_at", pa.date32()), pa.field("ref", words), pa.field("date_of_birth", pa.date32()),
        pa.field("expected_date_of_birth", pa.date32()), pa.field("family", pa.int32()), pa.field("team", words), pa.field("worker", words),
        *(pa.field(name, types[kind]) for name, kind in names.items()),
    ]  # fmt: skip
    return pa.schema(fields, metadata={k.encode(): v.encode() for k, v in metadata.items()})


def table(s: Sheet, number: int, names: Mapping[str, str], wanted: Any) -> Any:
    """A block as an Arrow table of the schema."""
    import pyarrow as pa

    columns: dict[str, Any] = {
        "child_id": pa.array(s.child.astype(np.int64) + number * BLOCK + FIRST_ID),
        "event": _words(s.kind, s.kinds, np.int16),
        "at": _moments(s.day, s.second),
        "recorded_at": _dates(s.recorded),
        "ref": _named(s.ref, reference_text),
        "date_of_birth": _dates(s.born),
        "expected_date_of_birth": _dates(s.expected),
        "family": pa.array(s.family),
        "team": _named(s.team, team_name),
        "worker": _named(s.worker, worker_name),
    }
    for name, kind in names.items():
        if kind == "text":
            codes, values = s.texts.get(name, (np.full(len(s), -1, np.int32), ()))
            columns[name] = _words(np.where(codes >= 0, codes, -1), values, np.int16)
        else:
            held = s.numbers.get(name)
            columns[name] = pa.nulls(len(s), wanted.field(name).type) if held is None else _numbers(held, kind)
    return pa.table([columns[name] for name in wanted.names], schema=wanted)


def _words(codes: Any, words: tuple[str, ...], dtype: Any) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(np.maximum(codes, 0).astype(dtype), mask=codes < 0), pa.array(words, pa.string()))


def _named(codes: Int32s, name: Callable[[int], str]) -> Any:
    """A column of codes, each named once."""
    used, back = np.unique(codes, return_inverse=True)
    at = np.where(used >= 0, np.cumsum(used >= 0) - 1, -1)
    return _words(at[back], tuple(name(int(code)) for code in used[used >= 0]), np.int16)


def _dates(days: Int32s) -> Any:
    import pyarrow as pa

    return pa.array(days, mask=days == NO_DAY).cast(pa.date32())


def _numbers(held: Int32s, kind: str) -> Any:
    import pyarrow as pa

    if kind == "date":
        return _dates(held)
    empty = held < 0
    if kind == "boolean":
        return pa.array(held > 0, mask=empty)
    return pa.array(held, mask=empty)


def _moments(day: Int32s, second: Int32s) -> Any:
    """Dates, and dates with a time, as text: the one column that can hold both. Each distinct text stands once in a block."""
    key: Ints = day.astype(np.int64) * 2_000 + np.where(second < 0, 0, second // 60 + 1)
    used, back = np.unique(key, return_inverse=True)
    days, minute = used // 2_000, used % 2_000 - 1
    dates = np.datetime_as_string(days.astype("datetime64[D]"))
    times = np.datetime_as_string((days * 1_440 + np.maximum(minute, 0)).astype("datetime64[m]"))
    return _words(back, tuple(np.where(minute < 0, dates, times).tolist()), np.int32)
