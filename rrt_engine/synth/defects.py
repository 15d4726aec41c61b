"""Recording errors put in on purpose, each of them listed, so that a tool can be tested for finding them.

They are those that real extracts and the sector's sample files hold: impossible orders of dates, dates in the future, rows twice,
text where a date should be, years of two digits, ids with underscores. The journeys themselves are the same with them and without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, as_date
from rrt_engine.synth.columns import FIRST_ID, Sheet
from rrt_engine.synth.draw import Ints
from rrt_engine.synth.families import BLOCK

DEFECTS = {
    "authorised_before_started": "an assessment authorised before it began",
    "conference_before_enquiry": "an initial conference before the enquiry",
    "review_before_care": "a looked-after review before the child came into care",
    "future_date": "a date after the extract was made",
    "repeated_row": "a row that repeats another exactly",
    "born_after_events": "a date of birth later than the child's visits",
    "text_in_date": "text where a date should be (CSV only)",
    "two_digit_year": "a year of two digits, day first (CSV only)",
    "underscored_id": "an id with an underscore in some rows (CSV only)",
}
ONLY_CSV = ("text_in_date", "two_digit_year", "underscored_id")
COLUMNS = ("child_id", "defect", "event", "at", "was", "what")
WORDS = ("unknown", "TBC", "see notes", "n/k")


@dataclass(frozen=True)
class Injected:
    """One error put in: where, what it is, what the row now says and what it said before."""

    child_id: int
    defect: str
    event: str
    at: str
    was: str

    def row(self) -> tuple[str, ...]:
        """As a row of the list of errors."""
        return str(self.child_id), self.defect, self.event, self.at, self.was, DEFECTS[self.defect]


def inject(rng: np.random.Generator, s: Sheet, number: int, rate: float, last: int, csv: bool) -> tuple[Sheet, list[Injected]]:
    """Put one error into the record of some children, at a rate of all children. Returns the sheet, in order, and what was done."""
    kinds = [d for d in DEFECTS if csv or d not in ONLY_CSV]
    chosen = np.flatnonzero(rng.random(BLOCK) < rate)
    luck = rng.random((len(chosen), 4))
    starts = np.searchsorted(s.child, np.arange(BLOCK + 1))
    day, born = s.day.copy(), s.born.copy()
    second = s.second.copy()
    found: list[Injected] = []
    repeats: list[int] = []
    at_text: dict[int, str] = {}
    id_text: dict[int, str] = {}
    for child, (a, b, c, d) in zip(chosen.tolist(), luck.tolist(), strict=True):
        rows = np.arange(starts[child], starts[child + 1])
        if not len(rows):
            continue
        possible = [name for name in kinds if _can(s, rows, name, a, b, c, last)]
        name = possible[int(d * len(possible))]
        own = child + number * BLOCK + FIRST_ID

        def note(row: int, at: str, was: str, name: str = name, own: int = own) -> None:
            found.append(Injected(own, name, s.kinds[int(s.kind[row])], at, was))

        if name in _MOVED:
            row, new = _moved(s, rows, name, a, b, last)
            note(row, as_date(new).isoformat(), _at(s, row))
            day[row], second[row] = new, -1
            continue
        row = int(rows[int(a * len(rows))])
        if name == "repeated_row":
            repeats.append(row)
            note(row, _at(s, row), _at(s, row))
        elif name == "born_after_events":
            late = int(s.day[rows[-1]]) - int(c * 30)
            note(int(rows[0]), as_date(late).isoformat(), as_date(int(s.born[rows[0]])).isoformat())
            born[rows] = late
        elif name == "text_in_date":
            at_text[row] = WORDS[int(b * len(WORDS))]
            note(row, at_text[row], _at(s, row))
        elif name == "two_digit_year":
            at_text[row] = as_date(int(s.day[row])).strftime("%d/%m/%y")
            note(row, at_text[row], _at(s, row))
        else:
            part = rows[: max(1, int(len(rows) * b))]
            id_text.update(dict.fromkeys(part.tolist(), f"{own}_1"))
            note(row, f"{own}_1", str(own))
    if not found:
        return s, []
    order = np.concatenate([np.arange(len(s)), np.array(repeats, np.int64)])
    key: Ints = s.child[order].astype(np.int64) << 40 | day[order].astype(np.int64) << 20 | np.where(second < 0, 86_399, second)[order]
    order = order[np.argsort(key, kind="stable")]
    changed = replace(s, day=day, born=born, second=second).take(order)
    place = {int(old): i for i, old in reversed(list(enumerate(order.tolist())))} if at_text or id_text else {}
    return replace(changed, at_text={place[r]: t for r, t in at_text.items()}, id_text={place[r]: t for r, t in id_text.items()}), found


_MOVED = {
    "authorised_before_started": ("assessment_authorised", "assessment_started"),
    "conference_before_enquiry": ("icpc_held", "s47_started"),
    "review_before_care": ("lac_review_held", "looked_after_started"),
    "future_date": ("", ""),
}


def _can(s: Sheet, rows: Any, name: str, a: float, b: float, c: float, last: int) -> bool:
    """Whether a child's record can have an error of this sort."""
    if name in _MOVED:
        return _moved(s, rows, name, a, b, last)[0] >= 0
    if name == "born_after_events":
        born = s.born[rows[0]]
        return bool(born != NO_DAY and born < s.day[rows[0]] < s.day[rows[-1]] - int(c * 30) <= last)
    return name != "underscored_id" or len(rows) > 2


def _moved(s: Sheet, rows: Any, name: str, a: float, b: float, last: int) -> tuple[int, int]:
    """The row whose date is to be made wrong and the date it gets; -1 where the child has no such event."""
    if name == "future_date":
        return int(rows[int(a * len(rows))]), last + 5 + int(b * 900)
    moved, before = _MOVED[name]
    if moved not in s.kinds or before not in s.kinds:
        return -1, 0
    late = rows[s.kind[rows] == s.kinds.index(moved)]
    early = rows[s.kind[rows] == s.kinds.index(before)]
    if not len(late) or not len(early) or s.day[late[0]] < s.day[early[0]]:
        return -1, 0
    return int(late[0]), int(s.day[early[0]]) - 3 - int(b * 40)


def _at(s: Sheet, row: int) -> str:
    day, second = as_date(int(s.day[row])), int(s.second[row])
    return day.isoformat() if second < 0 else f"{day.isoformat()}T{second // 3600:02d}:{second // 60 % 60:02d}"
