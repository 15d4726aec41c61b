"""Events as they are written down while journeys are made, and one block of them in columns, in order of child and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rrt_engine.calendar import NO_DAY
from rrt_engine.rulebook.book import EventKind
from rrt_engine.synth.draw import Bools, Ints, plain_clock

Int32s = npt.NDArray[np.int32]
DATE_ONLY = -1
"""Stands for "no time of day" in a column of seconds after midnight."""
REFS = ("K{n}", "R{n}", "R{n}/A{m}", "R{n}/S{m}", "P{n}", "C{n}", "M{n}", "F{n}", "X{n}.{m}", "V{n}.{m}")
CONTACT, REFERRAL, ASSESSMENT, ENQUIRY, PLAN, NEED, MISSING, ARRANGEMENT, OTHER, CONFERENCE = range(len(REFS))
LAST = (
    "missing_episode_ended", "placement_ended", "looked_after_started", "placement_started", "looked_after_ended", "cin_plan_ended",
    "case_transferred_out", "case_closed", "child_died",
)  # fmt: skip
"""Events that come after all others of their day where none has a time, in this order."""


def reference(sort: int, n: Ints, m: Ints | int = 0) -> Ints:
    """What events belong to, as a number: the child's n-th referral, the m-th enquiry within it, and so on."""
    return sort * 1_000_000 + np.minimum(n, 9_999) * 100 + np.minimum(m, 99)


def reference_text(code: int) -> str:
    """A reference as it is written.

    >>> reference_text(int(reference(ENQUIRY, np.array([2]), 1)[0]))
    'R2/S1'
    """
    return REFS[code // 1_000_000].format(n=code // 100 % 10_000, m=code % 100)


@dataclass(frozen=True)
class Pick:
    """One of a few words for each event, as codes; a negative code records nothing."""

    words: tuple[str, ...]
    codes: Ints


@dataclass(frozen=True)
class Block:
    """The events of one block of children in columns, sorted by child and time."""

    child: Int32s
    kind: Int32s
    kinds: tuple[str, ...]
    day: Int32s
    second: Int32s
    ref: Int32s
    texts: Mapping[str, tuple[Int32s, tuple[str, ...]]]
    numbers: Mapping[str, Int32s]

    def __len__(self) -> int:
        return len(self.child)


Value = str | bool | int | Pick | npt.NDArray[Any]


@dataclass
class Record:
    """Collects events. `emit` takes columns: the children, the days, and what each event records."""

    events: Mapping[str, EventKind]
    kinds: dict[str, int] = field(default_factory=dict)
    parts: list[tuple[int, Ints, Ints, Ints | None, Ints | None]] = field(default_factory=list)
    texts: dict[str, dict[str, int]] = field(default_factory=dict)
    held: dict[str, list[tuple[int, Int32s]]] = field(default_factory=dict)
    count: int = 0

    def emit(
        self,
        event: str,
        child: Ints,
        day: Ints,
        /,
        *,
        second: Ints | None = None,
        ref: Ints | None = None,
        keep: Bools | None = None,
        **attributes: Value,
    ) -> None:
        """Write events of one kind. `keep` leaves some out. Raises KeyError for an event or attribute not in the vocabulary."""
        known = self.events[event].attrs
        if keep is not None:
            child, day = child[keep], day[keep]
            second = second if second is None else second[keep]
            ref = ref if ref is None else ref[keep]
        n = len(child)
        if not n:
            return
        if second is not None:
            timed_day, timed = plain_clock(day, np.maximum(second, 0))
            day, second = np.where(second < 0, day, timed_day), np.where(second < 0, DATE_ONLY, timed)
        for name, value in attributes.items():
            self._hold(name, known[name], value, keep, n)
        self.parts.append((self.kinds.setdefault(event, len(self.kinds)), child, day, second, ref))
        self.count += n

    def _hold(self, name: str, wanted: Any, value: Value, keep: Bools | None, n: int) -> None:
        """Keep what events record for one attribute: codes for words, the value itself for numbers, dates and yes or no."""
        words = self.texts.setdefault(name, {}) if wanted == "text" or isinstance(wanted, list) else None
        if isinstance(value, Pick):
            assert words is not None, name
            table = np.array([words.setdefault(w, len(words)) for w in value.words] + [-1], np.int32)
            codes = table[np.maximum(value.codes, -1)]
        elif isinstance(value, np.ndarray):
            assert words is None, name
            codes = value.astype(np.int32)
        elif words is not None:
            codes = np.full(n, words.setdefault(str(value), len(words)), np.int32)
        else:
            codes = np.full(n, int(value), np.int32)
        if keep is not None and len(codes) != n:
            codes = codes[keep]
        self.held.setdefault(name, []).append((self.count, codes))

    def block(self, keep: Any) -> Block:
        """The events in order. `keep(kind name, child, day)` says which stand."""
        child = np.concatenate([p[1] for p in self.parts]).astype(np.int32)
        day = np.concatenate([p[2] for p in self.parts]).astype(np.int32)
        sizes = [len(p[1]) for p in self.parts]
        kind = np.repeat(np.array([p[0] for p in self.parts], np.int32), sizes)
        second, ref = (
            np.concatenate([np.full(len(p[1]), -1, np.int32) if p[i] is None else p[i].astype(np.int32) for p in self.parts])  # type: ignore[union-attr]
            for i in (3, 4)
        )
        names = tuple(self.kinds)
        stands = np.concatenate([keep(names[p[0]], p[1], p[2]) for p in self.parts])
        place = {name: i for i, name in enumerate(self.events)}
        place.update({name: len(place) + i for i, name in enumerate(LAST)})
        rank = np.array([place[name] for name in names], np.int64)
        rows = np.flatnonzero(stands)
        last = np.where(second < 0, 86_399, second)[rows].astype(np.int64)
        key = ((child[rows].astype(np.int64) << 15 | (day[rows] & 0x7FFF)) << 17 | last) << 10 | rank[kind[rows]]
        order = rows[np.argsort(key, kind="stable")]
        same = (np.diff(child[order]) == 0) & (np.diff(day[order]) == 0) & (np.diff(second[order]) == 0) & (np.diff(kind[order]) == 0)
        order = order[np.append(True, ~(same & (np.diff(ref[order]) == 0)))] if len(order) else order  # nothing is written down twice
        back = np.full(len(child), -1, np.int32)
        back[order] = np.arange(len(order), dtype=np.int32)
        texts: dict[str, tuple[Int32s, tuple[str, ...]]] = {}
        numbers: dict[str, Int32s] = {}
        for name, parts in sorted(self.held.items()):
            column = np.full(len(order) + 1, -1 if name in self.texts else NO_DAY, np.int32)
            for at, codes in parts:
                column[back[at : at + len(codes)]] = codes  # rows that do not stand fall into the last place, cut off below
            if name in self.texts:
                texts[name] = column[:-1], tuple(self.texts[name])
            else:
                numbers[name] = column[:-1]
        return Block(child[order], kind[order], names, day[order], second[order], ref[order], texts, numbers)
