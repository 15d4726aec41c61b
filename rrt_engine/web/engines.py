"""Both engines, ready for the days that people look at, shared by every page that is being made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.thresholds.suggest import Reasoner, Reasoners, reasoners
from rrt_engine.thresholds.worker import Worker

MOST_SECOND = 4
"""Second engines that are held ready, a process each: one for each set of threshold rules that was in force on one of the days."""


@dataclass
class _Second:
    worker: Worker
    users: int = 0


@dataclass
class Engines:
    """The plain engine for each set of threshold rules in force, and the second one for each of the last sets. Any thread may use them.

    Most days have the same rules, so walking a case through time asks the same engines; where the rules changed on the way, both sets
    stay ready.
    """

    thresholds: ThresholdBook
    _on: Reasoners = field(init=False)
    _seconds: dict[Reasoner, _Second] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._on = reasoners(self.thresholds)

    @contextmanager
    def of(self, day: int) -> Iterator[tuple[Reasoner, Worker]]:
        """The engines of a day, for as long as a case is being reasoned over. A second one that is in use is never ended."""
        with self._lock:
            reasoner = self._on(day)
            second = self._seconds.pop(reasoner, None) or _Second(Worker(reasoner.plan, self.thresholds.significant))
            self._seconds[reasoner] = second  # the last asked for stands last
            second.users += 1
            second.worker.start()
            idle = [key for key, each in self._seconds.items() if not each.users]
            ended = [self._seconds.pop(key) for key in idle[: max(0, len(self._seconds) - MOST_SECOND)]]
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
