"""Rooms: a group on one case, stage by stage, with the spread of its answers. Held in memory, counted, and forgotten when closed.

A room asks for no name and holds none. People are told apart by a random token, so that each counts once at a stage; where the
trainer types counts in, not even that. What is suggested at a stage is worked out when the trainer reveals it and not before.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.sources.case_file import Case
from rrt_engine.training import Answer, Group, Reveal, Spread, Stage, Suggest, group_results, revealed, spreads_of

LETTERS = "3479ACDEFHJKMNPQRTUVWXY"
"""What a code is made of: nothing that looks like another (no 0 and O, 1 and I, 2 and Z, 5 and S, 6 and G, 8 and B)."""
CODE = 6
HOURS = 8
"""A room is forgotten after a working day, closed or not."""
ROOMS = 8
"""Rooms open at one time."""
SEATS = 200
"""The most people in a room."""

ASKED, SHOWN, REVEALED = "asked", "shown", "revealed"


@dataclass
class Room:
    """One group on one case. `code` is empty where the trainer types the counts in; `seats` is how many may join.

    A stage is asked, then its answers are closed and shown, then what is suggested is revealed. Safe to use from several threads.
    """

    handle: str
    case: Case
    stages: tuple[Stage, ...]
    suggest: Suggest
    code: str = ""
    seats: int = 0
    opened: float = 0.0
    at: int = 1
    state: str = ASKED
    ended: bool = False
    _people: set[str] = field(default_factory=set)
    _answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    _reveals: dict[int, Reveal] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    # ------------------------------------------------------------------------------------------------ those who answer

    def join(self) -> str | None:
        """A token for one more person; None where every seat is taken."""
        with self._lock:
            if len(self._people) >= self.seats:
                return None
            token = secrets.token_urlsafe(18)
            self._people.add(token)
            return token

    def has(self, token: str) -> bool:
        """Whether a token was given out by this room."""
        return token in self._people

    def answer(self, token: str, number: int, level: int, route: str) -> bool:
        """Take one person's answer to the stage that is asked; a later one takes the place of an earlier. False where it is too late."""
        with self._lock:
            if token not in self._people or number != self.at or self.state != ASKED:
                return False
            self._answers[token, number] = Answer(token, self.case.id, number, level, route)
            return True

    def answered(self, token: str) -> Answer | None:
        """What one person answered at the stage the room is at."""
        return self._answers.get((token, self.at))

    # ------------------------------------------------------------------------------------------------ the trainer

    def count(self, levels: Sequence[int], routes: Mapping[str, int]) -> None:
        """The counts of the stage that is asked, as typed in: how many chose each level, and how often each route was named.

        People are not told apart: which route went with which level is not known, and is not shown.
        """
        chosen = [level for level, n in enumerate(levels, 1) for _ in range(n)]
        named = [route for route, n in routes.items() for _ in range(n)]
        named += [""] * (len(chosen) - len(named))
        with self._lock:
            if self.state == ASKED and not self.code:
                self._answers = {key: answer for key, answer in self._answers.items() if key[1] != self.at}
                for i, (level, route) in enumerate(zip(chosen, named, strict=True)):
                    self._answers[str(i), self.at] = Answer(str(i), self.case.id, self.at, level, route)

    def counted(self) -> tuple[tuple[int, ...], dict[str, int]]:
        """What was counted by hand at the stage the room is at: how many a level, and a route."""
        with self._lock:
            given = [answer for (_, number), answer in self._answers.items() if number == self.at and not self.code]
        routes = Counter(answer.pathway for answer in given if answer.pathway)
        return tuple(sum(1 for answer in given if answer.level == level) for level in range(1, 5)), dict(routes)

    def show(self) -> None:
        """Close the answers to the stage that is asked, and show how they spread."""
        self._step(ASKED, SHOWN)

    def again(self) -> None:
        """Take answers again, while nothing has been revealed."""
        self._step(SHOWN, ASKED)

    def reveal(self) -> None:
        """Show what is suggested at the stage whose answers are shown."""
        self._step(SHOWN, REVEALED)

    def next(self) -> None:
        """Ask the next stage; after the last, the room has ended and the author's view may be shown."""
        with self._lock:
            if self.state == REVEALED and self.at < len(self.stages):
                self.at, self.state = self.at + 1, ASKED
            elif self.state == REVEALED:
                self.ended = True

    def _step(self, before: str, after: str) -> None:
        with self._lock:
            if self.state == before:
                self.state = after

    # ------------------------------------------------------------------------------------------------ what may be seen

    def joined(self) -> int:
        """How many have joined."""
        return len(self._people)

    def how_many(self) -> int:
        """How many have answered the stage the room is at."""
        with self._lock:
            return sum(1 for _, number in self._answers if number == self.at)

    def is_shown(self, number: int) -> bool:
        """Whether the spread of a stage may be seen: its answers are closed."""
        return number < self.at or (number == self.at and self.state != ASKED)

    def is_revealed(self, number: int) -> bool:
        """Whether the trainer has revealed a stage."""
        return number < self.at or (number == self.at and self.state == REVEALED)

    def group(self) -> Group:
        """How the group answered every stage whose answers are closed, and how far it agreed."""
        return group_results(self._closed(), known_apart=bool(self.code))

    def spread(self, number: int) -> Spread:
        """How many chose each level of a stage whose answers are closed; nobody where nobody answered."""
        found = spreads_of([answer for answer in self._closed() if answer.step == number])
        return found[0] if found else Spread(self.case.id, number, (0, 0, 0, 0), ())

    def _closed(self) -> list[Answer]:
        with self._lock:
            return [answer for answer in self._answers.values() if self.is_shown(answer.step)]

    def revealed(self, number: int) -> Reveal | None:
        """What is suggested at a stage; None until the trainer has revealed it."""
        if not self.is_revealed(number):
            return None
        if number not in self._reveals:
            self._reveals[number] = revealed(self.stages[number - 1], self.suggest)
        return self._reveals[number]


@dataclass
class Rooms:
    """The rooms that are open. `address` is where laptops join, empty unless the trainer started the program so."""

    address: str = ""
    clock: Callable[[], float] = time.monotonic
    _open: dict[str, Room] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def open(self, case: Case, stages: tuple[Stage, ...], suggest: Suggest, seats: int = 0) -> Room:
        """Open a room: with a code and seats for laptops, or without seats for answers by hand. Raises InputError where too many are."""
        with self._lock:
            self._forget()
            if len(self._open) >= ROOMS:
                raise InputError(
                    [Diagnostic("", 0, 0, "rooms", f"{ROOMS} rooms are open already", "error", "", "close one on the page Train")]
                )
            code = "".join(secrets.choice(LETTERS) for _ in range(CODE)) if seats else ""
            room = Room(secrets.token_hex(8), case, stages, suggest, code, min(seats, SEATS), self.clock())
            self._open[room.handle] = room
            return room

    def all(self) -> list[Room]:
        """The rooms that are open, in the order they were opened."""
        with self._lock:
            self._forget()
            return list(self._open.values())

    def find(self, handle: str) -> Room | None:
        """The room with a handle."""
        return next((room for room in self.all() if room.handle == handle), None)

    def with_code(self, code: str) -> Room | None:
        """The room with a code, however it is spaced and whether in capitals or not. Every room's code is compared, each in full."""
        given = "".join(code.split()).upper().encode()
        found = [room for room in self.all() if room.code and hmac.compare_digest(room.code.encode(), given)]
        return found[0] if found else None

    def of(self, token: str) -> Room | None:
        """The room that gave out a token."""
        return next((room for room in self.all() if room.has(token)), None)

    def close(self, handle: str) -> None:
        """Close a room, and forget everything about it."""
        with self._lock:
            self._open.pop(handle, None)

    def close_all(self) -> None:
        """Close every room."""
        with self._lock:
            self._open.clear()

    def _forget(self) -> None:
        """Close the rooms that were open for too long."""
        last = self.clock() - HOURS * 3600
        for handle in [handle for handle, room in self._open.items() if room.opened < last]:
            del self._open[handle]
