"""What a child's episodes in an SSDA903 return say happened: coming into care, orders, placements, leaving.

Episodes are a chain: each begins on the day the one before it ends. A time in care begins with an episode whose reason is S
and ends with one whose reason for ceasing is not X1. Choices that the return leaves open:

* The first episode known of a child need not be the first of the time in care. Then the day the child came into care is in
  an earlier year's return: `looked_after_already` says that the child was in care, and no clock starts from it.
* A legal status or a placement has a first day only where an episode begins because it changed, or where it differs from
  the episode before.
* V3 is a short break, which begins and ends with its episodes. V4 is a whole series as one episode: the days of its breaks
  are not known, so only its end is an event. A child in a series of short breaks is not otherwise looked after.
* L1 is police protection in the authority's accommodation, as the DfE's own limit (rule 361) reads it. L2 is not read as the
  making of an emergency protection order, nor L3 as that of a child assessment order: the one may have been extended and
  the other may have begun on another day, and the return does not hold either.
* A care or placement order is made on the day its status begins, where the child was already in care; a child who comes
  into care under an order may have come from another authority.
* A child in A3 to A6 is placed for adoption. A change from one to another with the same carer is the same placing, and a
  stay elsewhere (T0 to T4) does not end it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rrt_engine.model import AttributeValue
from rrt_engine.sources.ssda903_tables import (
    ADOPTED,
    ADOPTIVE,
    CODES,
    CONTINUES,
    DIED,
    LIMITS,
    LONG_TERM,
    SHORT_BREAKS,
    SPECIAL_GUARDIANSHIP,
    TEMPORARY,
    TRANSFERRED,
    last_day,
)

STARTS, DURING, ENDS = 0, 1, 2
"""The order in which events of one day are kept: what begins, what happens, what ends."""
LONG_AGO = -(2**31)
_LEAVING = frozenset(CODES["REC"]) - {CONTINUES}
_MOVES = ("P", "T", "B", "U")
_MADE = {"C1": "interim_care_order_made", "C2": "care_order_made", "E1": "authority_to_place_obtained"}
_BEGINS = {"L1": "police_protection_started"}
_CEASES = {"L1": "police_protection_ended", "J1": "remand_ended"}


@dataclass(slots=True)
class Episode:
    """One episode as read. `ends` is None while it is open; `lost` where it is open and the next year's return
    does not have the child at all. A day is doubtful where it contradicts the other day, or the year of the return.
    """

    starts: int
    why: str
    status: str
    place: str
    provider: str
    ends: int | None
    reason: str
    moved_because: str
    origin: int
    row: int
    year: int
    starts_doubtful: bool = False
    ends_doubtful: bool = False
    lost: bool = False


@dataclass(slots=True)
class Happened:
    """One event of a child before it is put in order."""

    day: int
    rank: int
    kind: str
    origin: int
    row: int
    attributes: dict[str, AttributeValue] | None = None
    suspect: bool = False


@dataclass(slots=True)
class Life:
    """A child's times in care: the events, and the days between which the child was looked after or in short breaks.

    The other fields say how things stand after the episodes read so far. `moved_because` is why the last episode ended.
    """

    say: Callable[[str, Episode], None]
    events: list[Happened] = field(default_factory=list)
    care: list[tuple[int, int | None]] = field(default_factory=list)
    breaks: list[tuple[int, int | None]] = field(default_factory=list)
    mode: str = ""
    status: str = ""
    status_known: bool = False
    place: str = ""
    adoptive: bool = False
    break_known: bool = False
    moved_because: str = ""

    def add(self, kind: str, day: int, rank: int, episode: Episode, suspect: bool = False, **attributes: AttributeValue | None) -> None:
        """Note an event, with the attributes that are known."""
        doubtful = episode.starts_doubtful or (episode.ends_doubtful and day != episode.starts)
        given = {name: value for name, value in attributes.items() if value is not None and value != ""}
        self.events.append(Happened(day, rank, kind, episode.origin, episode.row, given or None, suspect or doubtful))


def life_of(episodes: Sequence[Episode], say: Callable[[str, Episode], None]) -> Life:
    """The events of one child's episodes, which are in order of their first day. `say` is told of each contradiction."""
    life = Life(say)
    last = len(episodes) - 1
    for i, episode in enumerate(episodes):
        _begin(life, episode, episodes[i - 1] if i else None)
        _finish(life, episode, episodes[i + 1] if i < last else None)
    return life


# ------------------------------------------------------------------------------------------------------- beginning


def _begin(life: Life, episode: Episode, before: Episode | None) -> None:
    """The first day of an episode: what starts on it, and what ends because something else starts."""
    clash = False
    if before is not None and before.ends is not None and life.mode and before.ends < episode.starts:
        life.say("gap", episode)
    elif before is not None and (before.ends is None or before.ends > episode.starts):
        clash = True
        life.say("overlap", episode)
    if episode.status in SHORT_BREAKS:
        _begin_break(life, episode, before)
    elif life.mode == "care":
        if episode.why == "S":
            life.say("start_within", episode)
            life.add("looked_after_started", episode.starts, STARTS, episode, True, **_coming_in(episode))
        _change(life, episode, clash)
    elif life.mode == "breaks":
        life.say("from_breaks", episode)
        _end_break(life, episode.starts, STARTS, episode)
        _come_in(life, episode, clash, in_doubt=clash)
    elif episode.why == "S" or before is not None:
        if episode.why != "S":
            life.say("no_start", episode)
        _come_in(life, episode, clash, in_doubt=clash or episode.why != "S")
    else:
        _already_in(life, episode)


def _come_in(life: Life, episode: Episode, clash: bool, in_doubt: bool) -> None:
    """A time in care begins."""
    _forget(life)
    life.care.append((episode.starts, None))
    life.add("looked_after_started", episode.starts, STARTS, episode, in_doubt, **_coming_in(episode))
    _new_status(life, episode, in_care=False)
    _new_place(life, episode, clash)


def _already_in(life: Life, episode: Episode) -> None:
    """The first episode known of a child is not the first of the time in care."""
    _forget(life)
    life.care.append((LONG_AGO, None))
    life.add("looked_after_already", episode.starts, STARTS, episode, legal_status=episode.status, type=episode.place)
    if episode.why in ("L", "B", "U"):
        life.add("legal_status_changed", episode.starts, STARTS, episode, legal_status=episode.status)
        _new_status(life, episode, in_care=True)
    else:
        life.status = episode.status
    if episode.why in _MOVES:
        _new_place(life, episode, False)
    else:
        life.place, life.adoptive = episode.place, episode.place in ADOPTIVE


def _forget(life: Life) -> None:
    life.mode, life.status, life.status_known, life.place, life.adoptive = "care", "", False, "", False


def _coming_in(episode: Episode) -> dict[str, AttributeValue | None]:
    """What is known of a child who comes into care. One remanded to R5 is in youth detention; K1 leaves it open."""
    if episode.status != "J1":
        return {"legal_status": episode.status}
    return {"legal_status": "J1", "remand": True, "youth_detention": None if episode.place in ("K1", "") else episode.place == "R5"}


def _change(life: Life, episode: Episode, suspect: bool) -> None:
    """The child stays in care: the legal status, the placement or both are new."""
    status = bool(episode.status) and episode.status != life.status
    moved = episode.why in (*_MOVES, "S") or bool(episode.place and life.place and episode.place != life.place)
    if status:
        _cease_status(life, episode.starts, STARTS, episode)
        if life.status == "E1":
            life.add("authority_to_place_ended", episode.starts, STARTS, episode, suspect)
    if moved:
        life.add("placement_ended", episode.starts, STARTS, episode, suspect, reason=life.moved_because)
    if status:
        life.add("legal_status_changed", episode.starts, STARTS, episode, suspect, legal_status=episode.status)
        _new_status(life, episode, in_care=True)
    if moved:
        _new_place(life, episode, suspect)


def _new_status(life: Life, episode: Episode, in_care: bool) -> None:
    life.status, life.status_known = episode.status, True
    if episode.status in _BEGINS:
        life.add(_BEGINS[episode.status], episode.starts, STARTS, episode)
    elif in_care and episode.status in _MADE:
        life.add(_MADE[episode.status], episode.starts, STARTS, episode)
    elif episode.status == "J1" and episode.place == "R5":
        life.add("remanded_to_youth_detention", episode.starts, STARTS, episode)
    elif episode.status == "J1" and episode.place not in ("K1", ""):
        life.add("remanded_to_la_accommodation", episode.starts, STARTS, episode, already_looked_after=in_care)


def _cease_status(life: Life, day: int, rank: int, episode: Episode) -> None:
    if life.status_known and life.status in _CEASES:
        life.add(_CEASES[life.status], day, rank, episode)


def _new_place(life: Life, episode: Episode, suspect: bool) -> None:
    """A placement begins; and with it, or ended by it, a placement for adoption."""
    same_carer = episode.why in ("T", "U")
    other_adopters = episode.place in ADOPTIVE and life.place in ADOPTIVE and not same_carer
    if life.adoptive and (other_adopters or episode.place not in (*ADOPTIVE, *TEMPORARY)):
        life.add("adoption_placement_ended", episode.starts, STARTS, episode, suspect)
        life.adoptive = False
    life.add(
        "placement_started",
        episode.starts,
        STARTS,
        episode,
        suspect,
        type=episode.place,
        provider=episode.provider,
        same_carer=True if same_carer else None,
        long_term=LONG_TERM.get(episode.place),
    )
    if episode.place in ADOPTIVE and not life.adoptive:
        life.add("placed_for_adoption", episode.starts, STARTS, episode, suspect)
        life.adoptive = True
    life.place = episode.place


def _begin_break(life: Life, episode: Episode, before: Episode | None) -> None:
    """A short break or a series of them. It goes on where the episode before was of the same kind and ended that day."""
    if life.mode == "care":
        life.say("to_breaks", episode)
        _leave(life, episode.starts, STARTS, episode, episode.status)
    elif life.mode == "breaks" and before is not None:
        if before.status == episode.status and before.ends == episode.starts and episode.why != "S":
            return
        _end_break(life, episode.starts if before.ends is None else before.ends, STARTS, before)
    life.mode, life.status = "breaks", episode.status
    life.breaks.append((episode.starts, None))
    life.break_known = episode.status == "V3" and (episode.why == "S" or before is not None)
    if life.break_known:
        life.add("short_break_started", episode.starts, STARTS, episode)


# ---------------------------------------------------------------------------------------------------------- ending


def _finish(life: Life, episode: Episode, after: Episode | None) -> None:
    """The last day of an episode: whether the child stays in care, and what ends with it where not."""
    life.moved_because = episode.moved_because
    if episode.ends is None:
        if episode.reason in _LEAVING:
            life.say("open_with_reason", episode)
        return
    if episode.reason not in _LEAVING:
        if episode.reason != CONTINUES:
            life.say("no_reason", episode)
        if after is None:
            life.say("no_next", episode)
        return
    rank = STARTS if after is not None and after.starts == episode.ends else ENDS
    if life.mode == "breaks":
        _end_break(life, episode.ends, rank, episode)
    else:
        if episode.reason in ADOPTED:
            life.add("adoption_order_made", episode.ends, rank, episode)
            life.adoptive = False
        elif episode.reason in SPECIAL_GUARDIANSHIP:
            life.add("sgo_made", episode.ends, rank, episode)
        _leave(life, episode.ends, rank, episode, episode.reason)
    if episode.reason == TRANSFERRED:
        life.add("case_transferred_out", episode.ends, rank, episode)
    elif episode.reason == DIED:
        life.add("child_died", episode.ends, rank, episode)


def _leave(life: Life, day: int, rank: int, episode: Episode, reason: str) -> None:
    """The child is no longer looked after."""
    _cease_status(life, day, rank, episode)
    if life.adoptive:
        life.add("adoption_placement_ended", day, rank, episode)
    life.add("placement_ended", day, rank, episode, reason=reason)
    life.add("looked_after_ended", day, rank, episode, reason=reason)
    life.care[-1] = (life.care[-1][0], day)
    life.mode, life.adoptive = "", False


def _end_break(life: Life, day: int, rank: int, episode: Episode) -> None:
    """A short break ends, or a series does."""
    if life.status == "V4":
        life.add("short_break_series_ended", day, rank, episode)
    elif life.break_known:
        life.add("short_break_ended", day, rank, episode)
    life.breaks[-1] = (life.breaks[-1][0], day)
    life.mode = ""


# ---------------------------------------------------------------------------------------------------------- limits


def over_limits(episodes: Sequence[Episode]) -> Iterator[tuple[str, Episode]]:
    """The legal statuses and temporary placements that last longer than the DfE's rules allow, with the episode where they end.

    An episode that is open is counted to the end of the latest collection that has it.
    """
    for of in ("status", "place"):
        began = 0
        for i, episode in enumerate(episodes):
            code, before = getattr(episode, of), episodes[i - 1] if i else None
            goes_on = before is not None and before.ends == episode.starts and getattr(before, of) == code and episode.why != "S"
            if not goes_on or (of == "place" and episode.why in _MOVES):
                began = episode.starts
            after = episodes[i + 1] if i + 1 < len(episodes) else None
            ends_here = after is None or after.starts != episode.ends or getattr(after, of) != code
            if code in LIMITS and ends_here and _until(episode) - began > LIMITS[code][1]:
                yield code, episode


def _until(episode: Episode) -> int:
    return last_day(episode.year) if episode.ends is None else episode.ends


__all__ = ["DURING", "ENDS", "LONG_AGO", "STARTS", "Episode", "Happened", "Life", "life_of", "over_limits"]
