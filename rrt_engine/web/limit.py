"""How often something may be tried: by one address, and by all together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Limit:
    """At most `each` from one address and `every` from all, in each stretch of `seconds`; then no more until the next stretch.

    It holds no address longer than one stretch, and never more addresses than `every`. Safe to ask from several threads.
    """

    each: int
    every: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    _by_address: dict[str, int] = field(default_factory=dict)
    _all: int = 0
    _since: float = float("-inf")
    _lock: Lock = field(default_factory=Lock)

    def take(self, address: str) -> bool:
        """Whether one more may be tried from an address; where it may, it is counted."""
        with self._lock:
            if self._full(address):
                return False
            self._count(address)
            return True

    def full(self, address: str) -> bool:
        """Whether no more may be tried from an address, without counting anything."""
        with self._lock:
            return self._full(address)

    def count(self, address: str) -> None:
        """Count one from an address, as when what was tried was wrong."""
        with self._lock:
            if not self._full(address):
                self._count(address)

    def wait(self) -> int:
        """Whole seconds until the next stretch begins, at least one."""
        with self._lock:
            return max(1, round(self._since + self.seconds - self.clock())) if self._all else 1

    def _full(self, address: str) -> bool:
        now = self.clock()
        if now - self._since >= self.seconds:
            self._by_address.clear()
            self._all, self._since = 0, now
        return self._by_address.get(address, 0) >= self.each or self._all >= self.every

    def _count(self, address: str) -> None:
        self._by_address[address] = self._by_address.get(address, 0) + 1
        self._all += 1
