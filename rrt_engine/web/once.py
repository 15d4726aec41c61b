"""Forms that may be sent once: a double click, a reload or the button back does not do a second time what was done."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


class Strange(Exception):
    """The form was not made by this program, or before it was started anew."""


class Used(Exception):
    """The form has done something else already: what."""

    def __init__(self, done: int) -> None:
        super().__init__(done)
        self.done = done


@dataclass
class Once:
    """What each form has done, by the token it carries. A token is held by nobody until it is used, so looking at forms costs no memory."""

    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _done: dict[str, tuple[str, int]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def token(self) -> str:
        """A token for a new form."""
        name = secrets.token_hex(16)
        return f"{name}-{self._mark(name)}"

    def do(self, token: str, asked: str, act: Callable[[], int]) -> int:
        """Do what a form asks for, and return what `act` does; where the same form asked the same before, what it did then.

        One form at a time. What `act` raises is raised and leaves the form unused. Raises Strange and Used.
        """
        name, _, mark = token.partition("-")
        if not hmac.compare_digest(mark.encode("utf-8", "surrogatepass"), self._mark(name).encode()):
            raise Strange
        with self._lock:
            if name in self._done:
                before, done = self._done[name]
                if before != asked:
                    raise Used(done)
                return done
            done = act()
            self._done[name] = (asked, done)
            return done

    def before(self, token: str, asked: str) -> int | None:
        """What a form did that asked for the same before; None where it did nothing yet, or something else."""
        with self._lock:
            done = self._done.get(token.partition("-")[0])
        return done[1] if done and done[0] == asked else None

    def _mark(self, name: str) -> str:
        return hmac.new(self._key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]
