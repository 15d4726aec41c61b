"""Both engines, ready for the days that people look at, shared by every page that is being made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.thresholds.suggest import Reasoner
from rrt_engine.thresholds.worker import Worker

MOST_DAYS = 16
"""Days whose threshold rules are held ready; a person walks a case through a few."""
MOST_PLANS = 4
"""Second engines that are held ready, a process each: one for each set of threshold rules that was in force on one of the days."""


@dataclass
class _Second:
    worker: Worker
    users: int = 0


@dataclass
class Engines:
    """The plain engine for each of the last days asked for, and the second one for each of the last plans. Any thread may use them.

    Most days have the same plan, so walking a case through time asks the same process; where the rules changed on the way,
    both plans stay ready.
    """

    thresholds: ThresholdBook
    _days: dict[int, tuple[Reasoner, bytes]] = field(default_factory=dict)
    _seconds: dict[bytes, _Second] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def of(self, day: int) -> Iterator[tuple[Reasoner, Worker]]:
        """The engines of a day, for as long as a case is being reasoned over. A second one that is in use is never ended."""
        with self._lock:
            reasoner, plan = self._day(day)
            second = self._seconds.pop(plan, None) or _Second(Worker(reasoner.plan, self.thresholds.significant))
            self._seconds[plan] = second  # the last asked for stands last
            second.users += 1
            second.worker.start()
            idle = [key for key, each in self._seconds.items() if not each.users]
            ended = [self._seconds.pop(key) for key in idle[: max(0, len(self._seconds) - MOST_PLANS)]]
        try:
            for old in ended:
                old.worker.close()
            yield reasoner, second.worker
        finally:
            with self._lock:
                second.users -= 1

    def close(self) -> None:
        """End every second engine."""
        with self._lock:
            for second in self._seconds.values():
                second.worker.close()
            self._seconds.clear()

    def _day(self, day: int) -> tuple[Reasoner, bytes]:
        """The plain engine of a day, and which plan it runs."""
        found = self._days.pop(day, None)
        if found is None:
            reasoner = Reasoner(self.thresholds, day)
            found = reasoner, hashlib.sha256(repr(reasoner.plan).encode()).digest()
        self._days[day] = found
        while len(self._days) > MOST_DAYS:
            del self._days[next(iter(self._days))]
        return found
