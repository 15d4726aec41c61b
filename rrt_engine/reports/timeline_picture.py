"""The timeline of a case as a picture: what happened, and each duty from its start to its due day and on to its answer, placed by date.

Pure: from what the engine says of a case to places on a drawing; nothing is judged here. A day is as wide as every other and is drawn
whole, from its own left edge to the next day's, so that no time of day is made up. A duty's bar runs from the day it started to the
end of its due day, and on, hatched, to the day of its answer, or to the line of the day judged by where it is overdue. What is not
drawn is listed with why: every flag has its bar or is left out in words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import groupby

from rrt_engine.calendar import NO_DAY, NO_INSTANT, Moment, as_date, day_number
from rrt_engine.checking import Checked
from rrt_engine.explain.flags import Explained
from rrt_engine.model import plural
from rrt_engine.reports.check_words import ORDER, SHOWN_WORDS, counts_of, shown_status, to_do, urgency
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.words import as_of_words, listed, moment_iso, short_day_words

WIDTH = 960
LEFT = 300  # where the days begin; the names of the rules stand before
RIGHT = WIDTH - 10
SHADED = 2.0  # the least width of a day at which days that are not worked are shaded
ROWS = 24  # rules drawn
LANES = 4  # bars of one rule that may run at once
TABLE_WHOLE, TABLE_ROWS = 700, 400  # rows up to which a table is always whole, and those of a longer one where it is to be brief
WHOLE = 400  # days up to which a history is drawn whole
BACK, AHEAD = 183, 92  # days before and after the day judged by, where it is not
SPANS = {"half": 183, "two": 731, "all": None}
"""How far back a picture may be asked to go, in days; None is the whole history."""
SPAN_WORDS = {"half": "the last six months", "two": "the last two years", "all": "the whole history"}
KEY = (
    "A plain bar runs from the day a duty starts to the day it is due; the hatched part is time after it was due. "
    "A filled circle on a bar: done. An upright line: ended first. A diamond: a pattern recorded. A question mark: it cannot be told. "
    "An arrowhead: it runs on outside the picture. A hollow circle: an event after the day judged by, which is not counted."
)
_LINE, _LANE, _GAP = 16, 14, 10  # heights: a line of a name, a bar with the space under it, the space under a row
_EVENT, _EVENT_LANES = 18, 12
_SIZE = 13  # of the letters
_NARROW, _WIDE = frozenset("fijlrtI.,:;'|!()[] -/"), frozenset("mwMW@%")


@dataclass(frozen=True)
class Shade:
    """Days on end that are not worked, as a band. `first` and `last` are day numbers; `holiday` where a bank holiday is among them."""

    first: int
    last: int
    x: float
    width: float
    holiday: bool


@dataclass(frozen=True)
class Tick:
    """A day named on the axis."""

    day: int
    x: float
    label: str


@dataclass(frozen=True)
class EventMark:
    """What happened on a day. `rows` are places in the table's events, from 1; `counted` is False after the day judged by."""

    day: int
    x: float
    y: float
    rows: tuple[int, ...]
    label: str
    label_x: float
    anchor: str
    counted: bool
    box: tuple[float, float]


@dataclass(frozen=True)
class Bar:
    """One duty. `flag` is its place among the flags. Days are day numbers, NO_DAY where there is none.

    `x` to `allowed` is from its start to the end of its due day, `allowed` to `over` what ran on after that. `answer_x` is where it
    was done and `end_x` where it ended first. `before` and `after` say that it runs out of the picture. A duty without a length is a
    mark at `x`.
    """

    flag: int
    status: str
    start: int
    due: int
    stop: int
    y: float
    x: float
    allowed: float
    over: float
    answer_x: float | None
    end_x: float | None
    mark_x: float | None
    before: bool
    after: bool
    words: str


@dataclass(frozen=True)
class Row:
    """One rule: its name in lines, what its duties came to in words, and their bars."""

    rule: str
    y: float
    height: float
    name: tuple[str, ...]
    said: tuple[str, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Group:
    """The rows of one part of the service, under its name."""

    name: str
    y: float
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class LeftOut:
    """A flag that is not drawn, and why."""

    flag: int
    why: str


@dataclass(frozen=True)
class TableRow:
    """An event or a duty in the table of the same. `at` is as exact as it was recorded; `number` is the event's, 0 for a duty."""

    kind: str
    day: int
    at: str
    at_words: str
    what: str
    detail: str
    number: int
    due: str
    due_words: str
    done: str
    done_words: str
    status: str
    stands: str
    counted: bool


@dataclass(frozen=True)
class Picture:
    """The whole picture. `label` is what it shows in a sentence; `said` what has to be said beside it; `span` how far back was asked.

    `rows` is how many rows its table has when whole; `table_said` is what of them is left out, empty where none is.
    """

    first: int
    last: int
    height: float
    label: str
    as_of_x: float
    as_of_label: str
    as_of_anchor: str
    axis_y: float
    shades: tuple[Shade, ...]
    ticks: tuple[Tick, ...]
    events: tuple[EventMark, ...]
    groups: tuple[Group, ...]
    left_out: tuple[LeftOut, ...]
    said: tuple[str, ...]
    table: tuple[TableRow, ...]
    table_said: str
    rows: int
    span: str
    long: bool
    dot: float
    key: str = KEY

    def bars(self) -> Iterator[Bar]:
        """Every bar, from the top."""
        return (bar for group in self.groups for row in group.rows for bar in row.bars)


@dataclass(frozen=True)
class _Duty:
    """A flag as it is drawn, before it has a place: the days its bar begins, is due and stops, and those of its marks.

    `begun` is the day at which it stands in the table.
    """

    flag: int
    explained: Explained
    status: str
    begun: int
    start: int
    due: int
    stop: int
    answer: int
    end: int

    @property
    def first(self) -> int:
        return self.start if self.due == NO_DAY else min(self.start, self.due)

    @property
    def last(self) -> int:
        return max(self.first, self.due, self.stop)


def picture(checked: Checked, book: RuleBook, as_of: Moment, span: str = "", brief: bool = False) -> Picture | None:
    """The picture of a case on a day; None where nothing is recorded. `span` is a name of SPANS, or empty for what fits.

    Where it is to be `brief` a table of more than TABLE_WHOLE rows has those of the days that are drawn, the newest TABLE_ROWS of them.
    """
    log = checked.case.log
    if not len(log):
        return None
    days = log.day.tolist()
    duties = _duties(checked, as_of)
    first, last, span = _window(days, duties, as_of.day, span)
    scale = (RIGHT - LEFT) / (last - first + 1)

    def x(day: int) -> float:
        return round(LEFT + (min(max(day, first), last + 1) - first) * scale, 2)

    marks, y = _event_marks(checked, book, as_of, first, last, x, scale)
    axis_y = y + 34
    groups, left_out, bottom = _groups(duties, first, last, x, axis_y + 26)
    as_of_x = x(as_of.day + 1)
    statuses = [shown_status(f) for f in checked.flags]
    holidays = [(d, name) for d, name in sorted(book.calendar.holidays.items()) if first <= d <= last]
    words = f"{short_day_words(first)} to {short_day_words(last)}"
    drawn = [bar.flag for group in groups for row in group.rows for bar in row.bars]
    rows = len(days) + len(duties)
    whole = not brief or rows <= TABLE_WHOLE
    events_kept, duties_kept = (range(len(days)), range(len(duties))) if whole else _kept(days, duties, drawn, first, last)
    table = _table(checked, book, as_of, events_kept, [duties[i] for i in duties_kept])
    return Picture(
        first=first,
        last=last,
        height=bottom + 8,
        label=_finding(checked.flags, statuses, words, as_of),
        as_of_x=as_of_x,
        as_of_label=f"as at {short_day_words(as_of.day)}",
        as_of_anchor="end" if as_of_x > (LEFT + RIGHT) / 2 else "start",
        axis_y=axis_y,
        shades=_shades(book, first, last, x) if scale >= SHADED else (),
        ticks=_ticks(first, last, x, scale),
        events=marks,
        groups=groups,
        left_out=left_out,
        said=tuple(_said(words, scale, holidays, left_out, marks, days, first, last, rows == len(table))),
        table=table,
        table_said=_table_said(days, duties, events_kept, duties_kept),
        rows=rows,
        span=span,
        long=max(days) - min(days) > BACK,
        dot=_dot(scale),
    )


def _finding(flags: Sequence[Explained], statuses: Sequence[str], words: str, as_of: Moment) -> str:
    """What the picture shows, in a sentence or two."""
    worst = min((f for f in flags if to_do(f)), key=urgency, default=None)
    found = listed(counts_of(statuses)) or "no time limit has started"
    most = f" Longest overdue: {worst.title}, by {worst.late_by}." if worst else ""
    return f"Timeline from {words}, as at {as_of_words(as_of)}: {found}.{most}"


# ---------------------------------------------------------------------------------------------------- days


def _duties(checked: Checked, as_of: Moment) -> list[_Duty]:
    """Every flag with the days its bar begins and stops."""
    flags, log = checked.result.flags, checked.case.log

    def day(row: int) -> int:
        return NO_DAY if row < 0 else int(flags.derived_day[row - len(log)]) if row >= len(log) else int(log.day[row])

    found = []
    for i, (explained, start, due, answer, end) in enumerate(
        zip(checked.flags, flags.start.tolist(), flags.due.tolist(), flags.answer.tolist(), flags.end.tolist(), strict=True)
    ):
        status, answered, ended = shown_status(explained), day(answer), day(end)
        stop = answered if answered != NO_DAY else ended
        if status == "overdue" and stop == NO_DAY:
            stop = as_of.day
        if due == NO_DAY and stop == NO_DAY:
            stop = as_of.day if status in ("due", "due_soon") else start
        begun = start if start != NO_DAY else day_number(date.fromisoformat(explained.trigger["at"][:10]))
        found.append(_Duty(i, explained, status, begun, start, due, stop, answered, ended))
    return found


def _dot(scale: float) -> float:
    """How large a mark on a bar is: smaller where the days are narrow."""
    return 5 if scale >= SHADED else 3.5


def _window(days: Sequence[int], duties: Sequence[_Duty], as_of: int, span: str) -> tuple[int, int, str]:
    """The first and last day drawn, and the name of the span: the whole of a short history, or the time about the day judged by.

    What is planned or recorded long after that day is drawn no further than AHEAD, unless the whole is asked for.
    """
    first = min([as_of, *days, *(d.first for d in duties)])
    last = max([as_of, *(d.last for d in duties), *(days if span == "all" else ())])
    if not span:
        last = min(last, as_of + AHEAD)
        recent = max([*(day for day in days if day <= as_of), *(d.last for d in duties if d.first <= as_of)], default=first)
        wide = next((name for name, back in SPANS.items() if back is not None and recent >= as_of - back), "all")
        span = "all" if last - first <= WHOLE else wide
    if (back := SPANS[span]) is not None:
        first, last = max(first, as_of - back), min(last, as_of + AHEAD)
    last = max(last, first + 20)
    pad = max((last - first) // 40, 1)
    return first - pad, last + pad, span


def _shades(book: RuleBook, first: int, last: int, x: Callable[[int], float]) -> tuple[Shade, ...]:
    """Every run of days in the picture that are not worked."""
    import numpy as np

    working = book.calendar.is_working(np.arange(first, last + 1)).tolist()
    found = []
    for off, run in groupby(enumerate(working, first), key=lambda pair: not pair[1]):
        if off:
            these = [day for day, _ in run]
            left = x(these[0])
            holiday = any(day in book.calendar.holidays for day in these)
            found.append(Shade(these[0], these[-1], left, round(x(these[-1] + 1) - left, 2), holiday))
    return tuple(found)


def _ticks(first: int, last: int, x: Callable[[int], float], scale: float) -> tuple[Tick, ...]:
    """The first days of months, or Mondays where a few weeks are drawn, as many as have room for their names."""
    if last - first < 75:
        step = 7 if scale * 7 >= 62 else 14
        monday = first + (-(first + 3)) % 7
        return tuple(Tick(d, x(d), f"{as_date(d).day} {as_date(d):%b}") for d in range(monday, last + 1, step) if x(d) <= RIGHT - 50)
    step = next(n for n in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if scale * 30 * n >= 66)
    month = as_date(first).year * 12 + as_date(first).month - 1
    starts = (month + i for i in range((last - first) // 28 + 2))
    days = [day_number(date(m // 12, m % 12 + 1, 1)) for m in starts if m % step == 0]
    return tuple(Tick(d, x(d), f"{as_date(d):%b %Y}") for d in days if first <= d <= last and x(d) <= RIGHT - 60)


# ---------------------------------------------------------------------------------------------------- events


def _event_marks(
    checked: Checked, book: RuleBook, as_of: Moment, first: int, last: int, x: Callable[[int], float], scale: float
) -> tuple[tuple[EventMark, ...], float]:
    """The events in the picture with their names where these have room, or else with their numbers in the table; and their lower edge."""
    log = checked.case.log
    later = _later(checked, as_of)
    by_day: list[tuple[int, list[int]]] = []
    for day, of_day in groupby(range(len(log)), key=lambda row: int(log.day[row])):
        if first <= day <= last:
            by_day.append((day, list(of_day)))
    named = [(day, rows, f"{_mark_words(checked, book, rows)}{' (not counted)' if later[rows[0]] else ''}") for day, rows in by_day]
    placed = _placed([(day, rows, words) for day, rows, words in named], x, scale, _EVENT_LANES)
    if placed is None:
        merged: list[tuple[int, list[int]]] = []
        for day, rows in by_day:  # days too close for a number each stand together
            gone = later[rows[0]] != later[merged[-1][1][0]] if merged else True
            if not gone and x(day) - x(merged[-1][0]) < 9:
                merged[-1][1].extend(rows)
            else:
                merged.append((day, list(rows)))
        numbered = [(day, rows, str(rows[0] + 1) if len(rows) == 1 else f"{rows[0] + 1}–{rows[-1] + 1}") for day, rows in merged]
        placed = _placed(numbered, x, scale, 40)
    assert placed is not None
    lanes = 1 + max((lane for *_, lane in placed), default=0)
    marks = []
    for day, rows, words, at, label_x, anchor, box, lane in placed:
        y = 8.0 + lane * _EVENT + _EVENT / 2
        marks.append(EventMark(day, at, y, tuple(r + 1 for r in rows), words, label_x, anchor, not later[rows[0]], box))
    return tuple(marks), 8.0 + lanes * _EVENT


_Placed = tuple[int, list[int], str, float, float, str, tuple[float, float], int]


def _placed(marks: Sequence[tuple[int, list[int], str]], x: Callable[[int], float], scale: float, lanes: int) -> list[_Placed] | None:
    """Each mark with its words in the first lane in which it overlaps nothing; None where there are not lanes enough."""
    ends = [0.0] * lanes
    found: list[_Placed] = []
    for day, rows, words in marks:
        at = round(x(day) + scale / 2, 2)
        wide = text_width(words) + 12
        right = at + wide <= RIGHT + 8
        box = (at - 6, at + wide) if right else (at - wide, at + 6)
        lane = next((i for i, end in enumerate(ends) if end <= box[0]), None)
        if lane is None:
            return None
        ends[lane] = box[1] + 6
        found.append((day, rows, words, at, round(at + 9 if right else at - 9, 2), "start" if right else "end", box, lane))
    return found


def _mark_words(checked: Checked, book: RuleBook, rows: Sequence[int]) -> str:
    log = checked.case.log
    title = book.events[log.kinds[int(log.kind[rows[0]])]].title
    title = title if len(title) <= 44 else f"{title[:42].rstrip()}…"
    return f"{rows[0] + 1} {title}" if len(rows) == 1 else f"{rows[0] + 1}–{rows[-1] + 1} {title}, and {len(rows) - 1} more"


def _later(checked: Checked, as_of: Moment) -> list[bool]:
    """Which events are after the moment judged by, and so are not counted."""
    log = checked.case.log
    after = log.day > as_of.day
    if as_of.instant != NO_INSTANT and log.instant is not None:
        after = after | ((log.instant > as_of.instant) & (log.instant != NO_INSTANT))
    return [bool(each) for each in after]


@lru_cache(4096)  # most words are the titles of rules and events
def text_width(words: str, size: int = _SIZE) -> float:
    """About how wide some words are in Arial, rather too wide than too narrow."""
    return size * sum(0.34 if c in _NARROW else 0.9 if c in _WIDE else 0.72 if c.isupper() else 0.575 for c in words)


@lru_cache(1024)
def wrapped(words: str, width: float, size: int = _SIZE) -> tuple[str, ...]:
    """Words in lines of a width."""
    lines: list[str] = []
    for word in words.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(lines)


# ---------------------------------------------------------------------------------------------------- duties


def _groups(
    duties: Sequence[_Duty], first: int, last: int, x: Callable[[int], float], y: float
) -> tuple[tuple[Group, ...], tuple[LeftOut, ...], float]:
    """The rows of the picture by part of the service, what is left out, and the lower edge."""
    left_out = [LeftOut(d.flag, "before" if d.last < first else "after") for d in duties if d.last < first or d.first > last]
    gone = {each.flag for each in left_out}
    by_rule: dict[str, list[_Duty]] = {}
    for duty in sorted((d for d in duties if d.flag not in gone), key=lambda d: (d.first, d.last)):
        by_rule.setdefault(duty.explained.rule, []).append(duty)
    pressing = sorted(by_rule, key=lambda rule: min((ORDER.index(d.status), urgency(d.explained)) for d in by_rule[rule]))
    for rule in pressing[ROWS:]:
        left_out += [LeftOut(d.flag, "rows") for d in by_rule[rule]]
    shown = pressing[:ROWS]
    services = list(dict.fromkeys(by_rule[rule][0].explained.service for rule in shown))
    whole: dict[str, list[_Duty]] = {}
    for duty in duties:
        whole.setdefault(duty.explained.rule, []).append(duty)
    groups = []
    for service in services:
        top, rows = y, []
        y += 24
        for rule in (r for r in shown if by_rule[r][0].explained.service == service):
            row, over = _row(by_rule[rule], whole[rule], first, last, x, y)
            left_out += [LeftOut(d.flag, "lanes") for d in over]
            rows.append(row)
            y += row.height
        groups.append(Group(service.replace("_", " ").capitalize(), top, tuple(rows)))
    return tuple(groups), tuple(left_out), y


def _row(
    duties: Sequence[_Duty], whole: Sequence[_Duty], first: int, last: int, x: Callable[[int], float], y: float
) -> tuple[Row, list[_Duty]]:
    """One rule's bars, those that run at once under each other; and those for which there is no room.

    Its words count the `whole` of the rule's duties, as every other count of the case does, and say how many are drawn.
    """
    ends: list[float] = []
    bars: list[Bar] = []
    over: list[_Duty] = []
    for duty in sorted(duties, key=lambda d: (ORDER.index(d.status) > ORDER.index("cannot_tell"), d.first)):
        bar = _bar(duty, first, last, x, y)
        begins, ends_at = _extent(bar, _dot(x(first + 1) - x(first)) + 1)
        lane = next((i for i, busy in enumerate(ends) if busy <= begins), len(ends))
        if lane >= LANES:
            over.append(duty)
            continue
        ends[lane : lane + 1] = [ends_at + 1]
        bars.append(replace(bar, y=y + 4 + lane * _LANE))
    explained = duties[0].explained
    name = wrapped(explained.title, LEFT - 24)
    drawn = f"; {len(bars):,} of {len(whole):,} drawn" if len(bars) < len(whole) else ""
    said = wrapped(f"{_row_words(whole)}{drawn}", LEFT - 24)
    height = max((len(name) + len(said)) * _LINE, len(ends) * _LANE + 6) + _GAP
    return Row(explained.rule, y, height, name, said, tuple(bars)), over


def _extent(bar: Bar, half: float) -> tuple[float, float]:
    """From where to where a bar and its marks take room; `half` of a mark on either side of its place."""
    marks = [place for place in (bar.answer_x, bar.end_x, bar.mark_x) if place is not None]
    return min([bar.x, *(m - half for m in marks)]), max([bar.allowed, bar.over, *(m + half for m in marks)])


def _bar(duty: _Duty, first: int, last: int, x: Callable[[int], float], y: float) -> Bar:
    """The bar of one duty."""
    half = (x(first + 1) - x(first)) / 2

    def middle(day: int) -> float | None:
        return round(x(day) + half, 2) if first <= day <= last else None

    left = x(duty.first)
    if duty.due == NO_DAY:
        allowed = x(duty.stop + 1) if duty.stop > duty.start else left
    elif duty.status == "ended":
        allowed = x(max(duty.first, min(duty.due, duty.stop)) + 1)
    else:
        allowed = x(duty.due + 1) if duty.due >= duty.start else left
    runs_on = duty.status in ("late", "overdue") and duty.due != NO_DAY
    over = max(x(duty.stop + 1), allowed) if runs_on else allowed
    unclear = round((left + allowed) / 2, 2) if allowed > left else middle(duty.start)
    return Bar(
        flag=duty.flag,
        status=duty.status,
        start=duty.start,
        due=duty.due,
        stop=duty.stop,
        y=y,
        x=left,
        allowed=allowed,
        over=over,
        answer_x=middle(duty.answer) if duty.answer != NO_DAY else None,
        end_x=middle(duty.end) if duty.end != NO_DAY and duty.answer == NO_DAY else None,
        mark_x=middle(duty.start) if duty.status == "recorded" else unclear if duty.status == "cannot_tell" else None,
        before=duty.first < first,
        after=duty.last > last,
        words=f"{duty.explained.title}: {stands(duty.explained)}",
    )


def stands(flag: Explained) -> str:
    """How a duty stands, in a few words: "Overdue by 3 working days", "Due by 10 April 2026"."""
    status = shown_status(flag)
    due = f" by {_short(flag.due)}" if flag.due else ""
    amount = (flag.late_by or "").partition(" (")[0]
    match status:
        case "overdue":
            return f"Overdue by {amount}" if flag.ended_by is None else f"Never done; {amount} overdue when it ended"
        case "late":
            return f"Done, {amount} late"
        case "due" | "due_soon":
            return f"{SHOWN_WORDS[status]}{due}"
        case "cannot_tell":
            return f"Cannot tell; missing: {listed(flag.missing)}" if flag.missing else "Cannot tell"
    return SHOWN_WORDS[status]


def _short(iso: str) -> str:
    """A due date, or date and time, in words without the day of the week."""
    day = day_number(date.fromisoformat(iso[:10]))
    return f"{short_day_words(day)}, {iso[11:16]}" if "T" in iso else short_day_words(day)


def _row_words(duties: Sequence[_Duty]) -> str:
    """What the duties of one rule came to: in full where it is one, counted where they are several."""
    if len(duties) == 1:
        words = stands(duties[0].explained)
        return words if len(words) < 60 else f"{SHOWN_WORDS[duties[0].status]}"
    counts = counts_of(d.status for d in duties)
    pressing = sorted((d.explained for d in duties if to_do(d.explained)), key=urgency)
    due = sorted((d.explained for d in duties if d.status in ("due", "due_soon") and d.explained.due), key=lambda f: str(f.due))
    if pressing:
        counts[0] += f" by {'' if counts[0].startswith('1 ') else 'up to '}{(pressing[0].late_by or '').partition(' (')[0]}"
    return f"{listed(counts)}; next {_short(str(due[0].due))}" if due and not pressing else listed(counts)


# ---------------------------------------------------------------------------------------------------- what is said beside it


def _said(
    words: str,
    scale: float,
    holidays: Sequence[tuple[int, str]],
    left_out: Sequence[LeftOut],
    marks: Sequence[EventMark],
    days: Sequence[int],
    first: int,
    last: int,
    whole: bool,
) -> Iterator[str]:
    """What somebody has to know to read the picture rightly. `whole` is whether the table has every row."""
    yield f"It shows {words}."
    if scale < SHADED:
        yield "At this scale the days that are not worked are too narrow to shade."
    elif holidays:
        yield f"Weekends and bank holidays are shaded: {listed([f'{name} on {short_day_words(day)}' for day, name in holidays])}."
    else:
        yield "Weekends are shaded; there is no bank holiday among these days."
    outside = sum(1 for day in days if not first <= day <= last)
    if outside:
        below = ", and in the table below" if whole else ""
        yield f"{plural(outside, 'event')} {'is' if outside == 1 else 'are'} outside these days{below}."
    why = {
        "before": "over before these days",
        "after": "starting after them",
        "rows": f"of rules beyond the first {ROWS}",
        "lanes": f"beyond {LANES} at once under one rule",
    }
    counts = [(sum(1 for each in left_out if each.why == name), text) for name, text in why.items()]
    said = [f"{n:,} {text}" for n, text in counts if n]
    if said:
        total = plural(len(left_out), "duty is", "duties are")
        yield f"{total} left out of the picture{' and stand in the table' if whole else ''}: {listed(said)}."
    if marks and not any(" " in mark.label for mark in marks):
        yield "The numbers of the events are those in the table."


def _kept(days: Sequence[int], duties: Sequence[_Duty], drawn: Sequence[int], first: int, last: int) -> tuple[Sequence[int], Sequence[int]]:
    """The events and the duties that a brief table shows: those of the days drawn and with a bar, the newest TABLE_ROWS of them."""
    bars = set(drawn)
    kept = [(day, 0, row) for row, day in enumerate(days) if first <= day <= last]
    kept += [(d.begun, 1, d.flag) for d in duties if first <= d.begun <= last or d.flag in bars]
    kept = sorted(kept)[-TABLE_ROWS:]
    return [row for _, duty, row in kept if not duty], sorted(flag for _, duty, flag in kept if duty)


def _table_said(days: Sequence[int], duties: Sequence[_Duty], events_kept: Sequence[int], duties_kept: Sequence[int]) -> str:
    """What the table leaves out, and of which days; empty where it has every row."""
    events, flags = set(events_kept), set(duties_kept)
    out = [day for row, day in enumerate(days) if row not in events] + [d.begun for d in duties if d.flag not in flags]
    if not out:
        return ""
    between = f"from {short_day_words(min(out))} to {short_day_words(max(out))}"
    return f"The table follows the picture: {plural(len(out), 'row is', 'rows are')} left out, {between}."


def _table(checked: Checked, book: RuleBook, as_of: Moment, events: Sequence[int], duties: Sequence[_Duty]) -> tuple[TableRow, ...]:
    """Some events and some duties in the order of time."""
    log, later = checked.case.log, _later(checked, as_of)
    details = _details(checked)
    kinds, codes, days = log.kinds, log.kind.tolist(), log.day.tolist()
    rows = []
    for row in events:
        code, day, at = codes[row], days[row], moment_iso(log, row)
        rows.append(
            TableRow(
                "event",
                day,
                at,
                _short(at),
                book.events[kinds[code]].title,
                details[row],
                row + 1,
                "",
                "",
                "",
                "",
                "",
                "Not counted: after the day judged by" if later[row] else "",
                not later[row],
            )
        )
    for duty in duties:
        flag, status, day = duty.explained, duty.status, duty.begun
        same = flag.trigger["at"][:10] == as_date(day).isoformat()
        at = flag.trigger["at"] if same else as_date(day).isoformat()
        done = flag.answer["at"] if flag.answer else ""
        rows.append(
            TableRow(
                "duty",
                day,
                at,
                _short(at),
                flag.title,
                flag.rule,
                0,
                flag.due or "",
                _short(flag.due) if flag.due else "",
                done,
                _short(done) if done else "",
                status,
                stands(flag),
                True,
            )
        )
    return tuple(sorted(rows, key=lambda r: (r.day, r.number == 0)))


def _details(checked: Checked) -> list[str]:
    """What each event records, in words: what it belongs to, and its attributes but for who did it."""
    log = checked.case.log
    found: list[list[str]] = [[] for _ in range(len(log))]
    if log.ref is not None:
        for row, code in enumerate(log.ref.tolist()):
            if code >= 0:
                found[row].append(log.refs[code])
    for name, attribute in log.attributes.items():
        if name in ("team", "worker"):
            continue
        for row in (attribute.codes >= 0).nonzero()[0].tolist():
            value = attribute.values[int(attribute.codes[row])]
            said = ("yes" if value else "no") if isinstance(value, bool) else str(value).replace("_", " ")
            found[row].append(f"{name.replace('_', ' ')}: {said}")
    return ["; ".join(parts) for parts in found]
