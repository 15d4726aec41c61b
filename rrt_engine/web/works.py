"""What takes long to make: each made once, in a thread of its own, and kept while it is among the last that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Event, Lock, Semaphore, Thread
from time import monotonic
from typing import Any


class NotYet(Exception):
    """It is still being made: for how many seconds so far, and how many others are made or wait too."""

    def __init__(self, seconds: int, others: int) -> None:
        super().__init__(seconds)
        self.seconds, self.others = seconds, others


@dataclass
class _Work:
    began: float
    done: Event = field(default_factory=Event)
    value: Any = None
    error: Exception | None = None


@dataclass
class Works:
    """Answers by what was asked. `at_once` are made at a time; `most` are kept, the last asked for; `waiting` may be under way.

    The threads end with the program, so that nothing has to be waited for when it is ended.
    """

    at_once: int = 1
    most: int = 32
    waiting: int = 8
    _works: dict[Hashable, _Work] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _turn: Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._turn = Semaphore(self.at_once)

    def ask(self, key: Hashable, make: Callable[[], Any], seconds: float = 2.0) -> Any:
        """What `make` returns, made now or before. Waits for it for some seconds, then raises NotYet: ask again.

        What `make` raises is raised, and the next who asks tries again.
        """
        with self._lock:
            work = self._works.pop(key, None)
            under_way = sum(not each.done.is_set() for each in self._works.values())
            if work is None:
                if under_way >= self.waiting:
                    raise NotYet(0, under_way)
                work = _Work(monotonic())
                Thread(target=self._make, args=(work, make), daemon=True).start()
            self._works[key] = work  # the last asked for stands last
            for old in [k for k, each in self._works.items() if each.done.is_set() and k != key][: max(0, len(self._works) - self.most)]:
                del self._works[old]
        if not work.done.wait(seconds):
            raise NotYet(int(monotonic() - work.began), under_way)
        if work.error is not None:
            with self._lock:
                if self._works.get(key) is work:
                    del self._works[key]
            raise work.error
        return work.value

    def known(self, key: Hashable) -> Any:
        """What was made before, or None."""
        with self._lock:
            work = self._works.get(key)
        return work.value if work is not None and work.done.is_set() else None

    def _make(self, work: _Work, make: Callable[[], Any]) -> None:
        with self._turn:
            try:
                work.value = make()
            except Exception as error:  # for whoever asks: what is wrong with a file is said on the page
                work.error = error
            work.done.set()
