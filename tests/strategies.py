"""Made rules and made records for the tests: every part of the rule grammar, over dates that are hard to count.

The vocabulary is small, so that events meet: the same days, the same refs, the hour that happens twice, the last day of
a limit and the day after it. Nothing here resembles a real child.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, Calendar, day_number, parse_moment
from rrt_engine.model import Coverage, EventLog
from rrt_engine.rulebook.book import EventKind, LocalValue, PeriodKind, Rule, RuleBook, Source
from rrt_engine.rulebook.regime_schema import Quality, Regime
from rrt_engine.rulebook.schema import TimescaleRule, Until
from rrt_engine.sources.builder import LogBuilder
from tests.oracle import Child, Covers, Event

UK = ZoneInfo("Europe/London")
RULES = Path(__file__).parent.parent / "rules"
CALENDAR = Calendar.read(RULES / "bank_holidays.csv")

EVENTS = {
    "asked": EventKind(
        title="Asked", ref=["case", "step"], attrs={"urgent": "boolean", "level": [1, 2, 3], "set_for": "date", "begins": "date"}
    ),
    "asked_again": EventKind(
        title="Asked again", ref=["case"], attrs={"urgent": "boolean", "level": [1, 2, 3], "set_for": "date", "begins": "date"}
    ),
    "done": EventKind(title="Done", ref=["case", "step"], attrs={"seen": "boolean", "level": [1, 2, 3]}),
    "done_otherwise": EventKind(title="Done otherwise", attrs={"seen": "boolean", "level": [1, 2, 3]}, with_child=True),
    "decided": EventKind(title="Decided", ref=["case", "step"], attrs={"needed": "boolean"}),
    "closed": EventKind(title="Closed", ref=["case"]),
    "granted": EventKind(title="Granted", ref=["case"], attrs={"until": "date"}),
    "opened": EventKind(title="Opened"),
    "shut": EventKind(title="Shut"),
    "child_died": EventKind(title="Child died"),
    "moved": EventKind(title="Moved", attrs={"place": ["a", "b", "c"], "lasting": "boolean"}),
    "moved_out": EventKind(title="Moved out"),
    "plan_changed": EventKind(title="Plan changed", attrs={"lasting": "boolean", "level": [1, 2, 3]}),
    "order_made": EventKind(title="Order made"),
    "order_ended": EventKind(title="Order ended"),
    "tried": EventKind(title="Tried"),
    "settled": EventKind(title="Settled"),
}
PERIODS = {
    "open": PeriodKind(title="open", start=["opened"], end=["shut", "child_died"]),
    "stay": PeriodKind(title="staying", start=["moved"], end=["moved_out", "shut", "child_died"], restarts=True),
    "trial": PeriodKind(title="on trial", start=["tried"], end=["settled"], end_later=["moved"]),
}
QUALITIES = {
    "seen_there": Quality.model_validate(
        {
            "title": "seen",
            "event": "done",
            "where": {"seen": {"not": False}, "level": {"not": 3}},
            "also": [
                {"from": date(2026, 4, 1), "to": date(2026, 4, 6), "where": {}},
                {"from": date(2024, 11, 30), "to": date(2025, 2, 3), "where": {"level": {"not": 3}}},
            ],
        }
    )
}
STATES = {
    "order": {
        "title": "order",
        "during": "open",
        "from": ["opened", "plan_changed"],
        "attribute": "level",
        "set": [{"event": "order_made", "to": 9}],
        "forget": "order_ended",
    },
    "place": {"title": "place", "during": "stay", "from": "moved"},
    "lasting": {"title": "lasting", "during": "stay", "from": ["moved", "plan_changed"]},
    "checked": {"title": "checked", "during": "trial", "set": [{"event": ["decided", "done_otherwise"], "to": True}]},
}
REGIMES = {
    "care": Regime.model_validate(
        {
            "title": "care",
            "during": ["open", "stay", "trial"],
            "anew": ["stay"],
            "carry": ["stay", "open"],
            "states": STATES,
            "parts": [
                {
                    "id": "in_trial_checked",
                    "title": "on trial, and checked",
                    "any": [
                        {"open": "trial", "where": {"checked": True}, "setting": {"reading": "one"}},
                        {"open": ["trial", "stay"], "where": {"lasting": {"not": False}}, "setting": {"reading": "other"}},
                    ],
                },
                {"id": "in_trial", "title": "on trial", "any": [{"open": "trial"}]},
                {"id": "under_order", "title": "under an order", "any": [{"where": {"order": 9, "place": ["a", "b"]}}]},
                {
                    "id": "lasting_stay",
                    "title": "staying for good",
                    "any": [
                        {"longer_than": {"stay": "1 month"}, "where": {"lasting": True}, "setting": {"reading": "one"}},
                        {
                            "longer_than": {"stay": "14 days"},
                            "where": {"lasting": True},
                            "then": {"event": "done", "quality": "seen_there"},
                            "setting": {"reading": "other"},
                        },
                        {
                            "longer_than": {"stay": "7 days"},
                            "where": {"place": "b"},
                            "then": {"event": "done_otherwise", "setting": {"reading": "other"}},
                        },
                        {"where": {"place": "c"}, "from": date(2026, 4, 3), "to": date(2026, 4, 20)},
                    ],
                },
                {"id": "shut_out", "title": "staying, and nothing open", "any": [{"open": "stay", "not_open": "open"}]},
                {"id": "otherwise", "title": "otherwise"},
            ],
        }
    )
}
PARTS = [part.id for part in REGIMES["care"].parts]
ENDS = {
    "case_ends": [
        Until.model_validate({"event": ["closed", "child_died"]}),
        Until.model_validate({"event": "birthday", "where": {"age": 18}}),
    ]
}
PARAMETERS = {
    "service_hours": LocalValue(value="08:45 to 17:15", title="Opening hours", basis="made", verified="recalled"),
    "interval": LocalValue(value="10 working days", title="Interval", basis="made", verified="recalled"),
    "how_many": LocalValue(value=2, title="How many", basis="made", verified="recalled"),
    "reading": LocalValue(value="one", title="Reading", basis="made", verified="recalled", options=["one", "other"]),
    "birthday": LocalValue(value="ends", title="At a birthday", basis="made", verified="recalled", options=["ends", "goes on"]),
    "morning": LocalValue(value="09:00", title="Morning", basis="made", verified="recalled"),
}
ABOUT = {
    "kind": "timescale",
    "title": "A made rule",
    "service": "front_door",
    "source": [{"id": "made", "at": "1"}],
    "authority": "local",
    "verified": "recalled",
    "why": "So that counting is proved.",
}
LONG_AGO = date(2000, 1, 1)

# Days around which made events cluster: Easter, Christmas on a weekend, the late May and one-off holidays, 29 February,
# month ends, both clock changes of two years, and the turn of the last announced year.
HARD_DAYS = [
    date(2026, 3, 27), date(2026, 4, 1), date(2026, 12, 22), date(2025, 12, 22), date(2022, 5, 30), date(2024, 2, 27),
    date(2025, 1, 29), date(2024, 11, 28), date(2025, 10, 24), date(2026, 10, 23), date(2025, 3, 28), date(2025, 8, 20),
    date(2027, 12, 23),
]  # fmt: skip
OFFSETS = [0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 20, 21, 24, 28, 29, 30, 31, 32, 42, 60, 61, 92]
CLOCK_TIMES = (
    "00:00", "00:30", "01:00", "01:30", "02:00", "08:45", "09:00", "09:00", "12:00", "12:00:01", "17:15", "17:16", "23:30", "23:59:59",
)  # fmt: skip
DAY_LENGTHS = [
    "0 days", "1 day", "2 days", "7 days", "14 days", "1 week", "2 weeks", "4 weeks", "1 month", "2 months", "3 months", "1 year",
    "0 working days", "1 working day", "2 working days", "5 working days", "10 working days", "15 working days",
    "1 calendar week", "2 calendar weeks", "1 clear day", "3 clear days", "7 clear days", "8 clear days",
]  # fmt: skip
HOUR_LENGTHS = [
    "1 hour", "4 hours", "24 hours", "48 hours", "72 hours", "1 service hour", "4 service hours", "9 service hours", "17 service hours",
]  # fmt: skip


def one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


# Strategies that are drawn from for every event are made once: making one takes longer than drawing from it.


@cache
def up_to(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most)


@cache
def among(values: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


@cache
def each_of(*parts: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One value of each part, in a single draw: a draw takes about as long whatever it is of."""
    return st.sampled_from(list(product(*parts)))


every_day_length = [*DAY_LENGTHS, {"parameter": "interval"}]
day_lengths = st.sampled_from(every_day_length)
some_days = st.sampled_from([*(length for length in DAY_LENGTHS if not length.startswith("0")), {"parameter": "interval"}])


def now_and_then(values: list[Any], often: int) -> st.SearchStrategy[Any]:
    """One of the values once in so many draws, and None otherwise."""
    return st.sampled_from([None] * len(values) * (often - 1) + values)


def maybe(draw: st.DrawFn, strategy: st.SearchStrategy[Any], often: int) -> Any:
    """What a strategy gives once in so many draws, and None otherwise."""
    return draw(strategy) if draw(up_to(often)) == often else None


third, fourth, fifth = (now_and_then(every_day_length, often) for often in (3, 4, 5))
trigger_where = one_of(
    {},
    {},
    {},
    {},
    {},
    {"urgent": True},
    {"urgent": {"only": True}},
    {"urgent": {"not": True}},
    {"level": [1, 2]},
    {"level": {"not": [2, 3]}, "urgent": False},
)
answer_where = one_of(
    {},
    {},
    {},
    {},
    {},
    {"seen": True},
    {"seen": {"only": True}, "level": {"only": [1, 2]}},
    {"seen": {"not": False}},
    {"level": [2, 3], "seen": True},
    {"level": 1},
)
afters = st.fixed_dictionaries(
    {
        "event": one_of("asked", ["asked", "asked_again"], "done_otherwise", "opened"),
        "at_least": one_of(1, 1, 2, {"parameter": "how_many"}),
    },
    optional={
        "within": st.sampled_from([*DAY_LENGTHS, "1 year"]),
        "count_from": one_of("same_day", "next_day"),
        "where": one_of({}, {"level": 1}),
        "earlier_day": st.booleans(),
    },
).flatmap(lambda after: one_of(after, after, after, {**{k: v for k, v in after.items() if k != "at_least"}, "at_most": 0}))
untils = st.lists(
    st.one_of(
        one_of("case_ends", {"event": "decided", "where": {"needed": False}}, {"event": ["closed", "decided"]}),
        st.fixed_dictionaries(
            {"event": one_of("closed", "shut", ["decided", "shut"], "asked_again")},
            optional={"if": one_of({"urgent": True}, {"level": {"not": 1}}, {"level": [1, 3]})},
        ),
        one_of(
            {"event": "birthday", "where": {"age": [5, 16]}, "running": "goes on"},
            {"event": "birthday", "where": {"age": 5}, "running": {"parameter": "birthday"}},
        ),
        one_of(
            {"event": "birthday", "where": {"age": [5, 16]}}, {"event": "birthday", "where": {"age": 18}, "if": {"urgent": {"not": True}}}
        ),
    ),
    max_size=3,
)
birthdays_and_ends = one_of(
    [{"event": "birthday", "where": {"age": [5, 16, 18]}}],
    ["case_ends", {"event": "birthday", "where": {"age": 16}, "if": {"urgent": True}}],
    [{"event": "birthday", "where": {"age": 18}}, {"event": "decided", "where": {"needed": True}}],
    [{"event": "closed"}, {"event": "decided"}, "case_ends"],
)
parts_of_period = one_of("open", {"period": "open"}) | st.one_of(
    *(st.fixed_dictionaries({"period": st.just("open"), part: some_days}, optional={"lead": day_lengths}) for part in ("first", "after"))
)
written_due = st.fixed_dictionaries(
    {"attribute": st.just("set_for")}, optional={"otherwise": day_lengths, "at_most": day_lengths, "noon_after": st.booleans()}
)
extensions = st.fixed_dictionaries(
    {"event": st.just("granted")}, optional={"attribute": st.just("until"), "by": one_of("10 working days", "1 month")}
)
openings = one_of({"next_working_day_at": "09:00"}, {"next_working_day_at": {"parameter": "morning"}}, {"next_working_day_at": "12:00"})


starts = st.sampled_from(
    list(product(("asked", "asked", ["asked", "asked_again"]), ("each", "each", "each", "first", "last"), (False,) * 5 + (True,)))
)
warnings = now_and_then([*DAY_LENGTHS, "4 hours", "24 hours", "48 hours"], 2)
liftings = now_and_then(list(product(HARD_DAYS, (0, 6, 40))), 5)


@st.composite
def whens(draw: st.DrawFn) -> dict[str, Any]:
    event, pick, dated = draw(starts)
    when: dict[str, Any] = {"event": event, "where": draw(trigger_where), "pick": pick}
    after = maybe(draw, afters, 6)
    if after:
        when["after"] = after
    if dated:
        when["date"] = "begins"
    return when


@st.composite
def common_parts(draw: st.DrawFn) -> dict[str, Any]:
    count_from, link = draw(each_of(("next_day", "next_day", "same_day"), (None, None, "case", "step")))
    parts: dict[str, Any] = {"until": draw(untils), "count_from": count_from}
    during = maybe(draw, parts_of_period, 4)
    if link:
        parts["link"] = link
    if during:
        parts["during"] = during
    warn = draw(warnings)
    if warn:
        parts["warn"] = warn
    lifted = draw(liftings)
    if lifted:
        parts["lifted"] = [{"from": lifted[0], "to": lifted[0] + timedelta(days=lifted[1])}]
    return parts


expects = st.fixed_dictionaries(
    {
        "event": one_of("done", "done", ["done", "done_otherwise"]),
        "where": answer_where,
        "if_recorded": one_of(False, False, False, False, True),
    }
)


once_within = {
    count_from: st.one_of(lengths, lengths, lengths, written_due, st.none())
    for count_from, lengths in (("same_day", some_days), ("next_day", day_lengths))
}
hours_within = st.one_of(st.sampled_from(HOUR_LENGTHS), st.sampled_from(HOUR_LENGTHS), openings)
days_or_hours = st.one_of(some_days, st.sampled_from(HOUR_LENGTHS))
days_or_written = st.one_of(some_days, written_due)
short_fifth = now_and_then(["1 day", "2 days", "1 working day"], 5)


@st.composite
def once_by_day(draw: st.DrawFn) -> dict[str, Any]:
    rule = {"when": draw(whens()), "expect": draw(expects), **draw(common_parts())}
    within = draw(once_within[rule["count_from"]])
    not_before = draw(day_lengths) if within is None else draw(fourth)
    extension = maybe(draw, extensions, 4)
    rule |= {k: v for k, v in (("within", within), ("not_before", not_before), ("extension", extension)) if v is not None}
    return rule


@st.composite
def once_by_the_hour(draw: st.DrawFn) -> dict[str, Any]:
    rule = {"when": draw(whens()), "expect": draw(expects), **draw(common_parts())}
    rule.pop("lifted", None)
    rule["within"] = draw(hours_within)
    not_before = draw(short_fifth)
    return rule | ({"not_before": not_before} if not_before else {})


@st.composite
def again_and_again(draw: st.DrawFn) -> dict[str, Any]:
    rule = {"when": draw(whens()), "expect": draw(expects), **draw(common_parts())}
    if isinstance(rule.get("during"), dict):
        rule["during"] = "open"
    lengths = st.sampled_from(HOUR_LENGTHS) if "date" not in rule["when"] and draw(st.integers(1, 4)) == 4 else some_days
    rule["every"] = draw(lengths)
    if rule["every"] in HOUR_LENGTHS:
        rule.pop("lifted", None)
    within = draw(st.one_of(st.none(), lengths, st.lists(lengths, min_size=1, max_size=3)))
    not_before = draw(fifth)
    return rule | {k: v for k, v in (("within", within), ("not_before", not_before)) if v is not None}


@st.composite
def counted_back(draw: st.DrawFn) -> dict[str, Any]:
    rule = {"when": draw(whens()), "expect": draw(expects), **draw(common_parts())}
    before = {"attribute": draw(one_of("set_for", "set_for", "expected_birth")), "by": draw(day_lengths)}
    or_within = draw(third)
    return rule | {"before": before | ({"or_within": or_within} if or_within else {})}


@st.composite
def answered_by_the_next(draw: st.DrawFn) -> dict[str, Any]:
    """Rules whose answer is the next event of the kind that started them."""
    rule = {"when": {"event": ["asked", "done"], "where": {}}, "expect": draw(expects), **draw(common_parts())}
    rule.pop("lifted", None)
    return rule | {"within": draw(days_or_hours)}


@st.composite
def patterns(draw: st.DrawFn) -> dict[str, Any]:
    rule = {"when": draw(whens()), **draw(common_parts())}
    rule["when"].setdefault("after", draw(afters))
    return rule


@st.composite
def in_a_period(draw: st.DrawFn) -> dict[str, Any]:
    """Rules whose duty lives in a period, or in a part of one."""
    rule = {"when": draw(whens()), "expect": draw(expects), **draw(common_parts()), "during": draw(parts_of_period)}
    return rule | {"within": draw(some_days)}


@st.composite
def extended(draw: st.DrawFn) -> dict[str, Any]:
    """Rules whose limit may be extended, or is written in the event."""
    rule = {"when": draw(whens()), "expect": draw(expects), **draw(common_parts())}
    within = draw(days_or_written)
    return rule | {"within": within, "extension": draw(extensions)}


@st.composite
def ended(draw: st.DrawFn) -> dict[str, Any]:
    """Rules with endings enough to compete."""
    parts = draw(common_parts()) | {"until": [*draw(untils), *draw(birthdays_and_ends)]}
    rule = {"when": draw(whens()), "expect": draw(expects), **parts}
    rule.pop("lifted", None)
    return rule | {"within": draw(days_or_hours)}


@st.composite
def in_a_part(draw: st.DrawFn, again: bool) -> dict[str, Any]:
    """Rules that live in a part of a regime, once or again and again, carried in or not."""
    common = {k: v for k, v in draw(common_parts()).items() if k != "link"}
    starts = one_of("done", "done", ["asked", "done"], ["moved", "done"], ["opened", "moved", "tried"], "moved")
    when: dict[str, Any] = {"event": draw(starts), "pick": draw(one_of("each", "first", "first", "last"))}
    expect: dict[str, Any] = {
        "event": draw(one_of("done", "done", ["done", "done_otherwise"])),
        "where": draw(one_of({}, {}, {"seen": True})),
    }
    if draw(st.booleans()):
        when["quality"] = expect["quality"] = "seen_there"
    rule = common | {"when": when, "expect": expect}
    rule["during"] = {"period": draw(st.sampled_from(PARTS)), "carry_in": draw(one_of(True, True, False))}
    if again:
        within = draw(st.one_of(st.none(), st.lists(some_days, min_size=1, max_size=2)))
        return rule | {"every": draw(some_days)} | ({"within": within} if within else {})
    not_before = draw(fifth)
    return rule | {"within": draw(some_days)} | ({"not_before": not_before} if not_before else {})


@st.composite
def looking_back(draw: st.DrawFn) -> dict[str, Any]:
    """Rules that an answer before the start already meets."""
    parts = {k: v for k, v in draw(common_parts()).items() if k != "link"}
    when = {k: v for k, v in draw(whens()).items() if k != "after"}
    expect = draw(expects) | {"earlier": draw(some_days), "again": draw(one_of(False, False, True))}
    return {"when": when, "expect": expect, **parts, "within": draw(day_lengths if parts["count_from"] == "next_day" else some_days)}


@st.composite
def the_second(draw: st.DrawFn) -> dict[str, Any]:
    """Rules that ask for more answers than one."""
    parts = {k: v for k, v in draw(common_parts()).items() if k != "link"}
    when = draw(whens()) | {"event": draw(one_of("asked", ["asked", "done"]))}
    when.pop("after", None)
    expect = draw(expects) | {"at_least": draw(one_of(2, 2, 3))}
    return {"when": when, "expect": expect, **parts, "within": draw(some_days)}


@st.composite
def turning_an_age(draw: st.DrawFn) -> dict[str, Any]:
    """Rules whose limit an age brings."""
    when = draw(whens()) | {"turning": {"age": draw(one_of(0, 5, 16, 18)), "within": draw(day_lengths)}}
    return {"when": when, "expect": draw(expects), **draw(common_parts()), "within": draw(some_days)}


@st.composite
def from_a_birthday(draw: st.DrawFn) -> dict[str, Any]:
    """Rules whose clock starts at an age."""
    parts = {k: v for k, v in draw(common_parts()).items() if k != "link"}
    when = {k: v for k, v in draw(whens()).items() if k not in ("after", "date")} | {"at_age": draw(one_of(0, 5, 16, 18))}
    expect = draw(expects) | ({"earlier": draw(some_days)} if draw(st.booleans()) else {})
    return {"when": when, "expect": expect, **parts, "within": draw(some_days)}


@dataclass(frozen=True)
class Family:
    """Rules of one sort, and the events in which such rules meet their boundaries most often."""

    rules: st.SearchStrategy[dict[str, Any]]
    kinds: tuple[str, ...] = ()


USUAL = ("asked",) * 5 + ("done",) * 5 + ("asked_again", "done_otherwise", "decided", "closed", "granted", "opened", "shut")
IN_PARTS = (
    *("done",) * 6, *("moved",) * 5, *("opened", "plan_changed", "tried") * 2,
    "asked", "done_otherwise", "decided", "moved_out", "order_made", "order_ended", "shut", "settled", "closed",
)  # fmt: skip
FAMILIES = {
    "once by the day": Family(once_by_day()),
    "once by the hour": Family(once_by_the_hour()),
    "again and again": Family(again_and_again()),
    "counted back": Family(counted_back()),
    "answered by the next of its kind": Family(answered_by_the_next()),
    "patterns": Family(patterns(), ("asked",) * 4 + ("asked_again", "done_otherwise", "opened", "opened", "shut")),
    "in a period": Family(in_a_period(), ("asked",) * 4 + ("done",) * 2 + ("opened",) * 4 + ("shut",) * 4),
    "extended": Family(extended(), ("asked",) * 4 + ("done",) * 3 + ("granted",) * 6),
    "once in a part of a regime": Family(in_a_part(False), IN_PARTS),
    "again and again in a part of a regime": Family(in_a_part(True), IN_PARTS),
    "looking back": Family(looking_back(), ("asked",) * 4 + ("done",) * 6 + ("done_otherwise", "opened", "shut", "closed")),
    "the second answer": Family(the_second(), ("asked",) * 3 + ("done",) * 7 + ("done_otherwise", "opened", "shut", "closed")),
    "turning an age": Family(turning_an_age(), ("asked",) * 4 + ("done",) * 4 + ("done_otherwise", "opened", "shut", "closed")),
    "from a birthday": Family(from_a_birthday(), ("asked",) * 4 + ("done",) * 4 + ("done_otherwise", "opened", "shut", "closed")),
    "ended": Family(ended(), ("asked",) * 4 + ("done",) * 3 + ("closed", "closed", "decided", "decided", "shut", "asked_again")),
}


def book_of(*specs: TimescaleRule) -> RuleBook:
    """A rule book in memory with these rules, or editions of one rule, oldest first."""
    rules = []
    for spec in specs:
        later = [s.effective.from_ for s in specs if s.id == spec.id and s.effective.from_ > spec.effective.from_]
        last = min([*([spec.effective.to] if spec.effective.to else []), *(d - timedelta(days=1) for d in later)], default=None)
        rules.append(Rule(spec, "made.yaml", 1, day_number(spec.effective.from_), day_number(last) if last else 2**30))
    source = {"made": Source(title="Made", authority="local")}
    return RuleBook(
        "made", "Made", "1", "made", "made", tuple(rules), EVENTS, PERIODS, ENDS, source, PARAMETERS, CALENDAR, QUALITIES, REGIMES
    )


def rule_from(parts: Mapping[str, Any], rule_id: str = "made_rule", first: date = LONG_AGO) -> TimescaleRule:
    """A rule from the parts that a test is about."""
    return TimescaleRule.model_validate({"id": rule_id, **ABOUT, "effective": {"from": first}, **parts})


@st.composite
def editions(draw: st.DrawFn, family: str, around: date) -> RuleBook:
    """One rule, sometimes in two editions that share what starts the duty and differ in the rest."""
    parts = draw(FAMILIES[family].rules)
    local = {"reading": draw(one_of("one", "other")), "birthday": draw(one_of("ends", "goes on"))}
    if draw(st.integers(1, 4)) < 4:
        return book_of(rule_from(parts)).with_parameters(local)
    changed = around + timedelta(days=draw(st.sampled_from(OFFSETS)))
    kept = {k: parts[k] for k in ("when", "during", "link", "before") if k in parts}
    newer = {k: v for k, v in draw(FAMILIES[family].rules).items() if k not in ("when", "during", "link", "before")} | kept
    if "date" in parts["when"] and "every" in newer:
        newer |= {k: parts[k] for k in ("every",)}
        newer.pop("within", None)
    last = draw(one_of(None, None, changed - timedelta(days=draw(one_of(1, 2, 10)))))
    first = TimescaleRule.model_validate({"id": "made_rule", **ABOUT, "effective": {"from": LONG_AGO, "to": last}, **parts})
    return book_of(first, rule_from(newer, first=changed)).with_parameters(local)


def in_plain_days(part: Any) -> Any:
    """The same rule with every length of time in days, so that nothing depends on the calendar."""
    if isinstance(part, dict):
        return "9 days" if part == {"parameter": "interval"} else {k: in_plain_days(v) for k, v in part.items() if k != "lifted"}
    if isinstance(part, list):
        return [in_plain_days(p) for p in part if not (isinstance(p, dict) and p.get("event") == "birthday")]
    if isinstance(part, str) and part[0].isdigit() and part.split(" ", 1)[1].removesuffix("s") not in ("day", "week"):
        return f"{part.split()[0]} days"
    return part


# --------------------------------------------------------------------------------------------------------- records


EVERYTHING = Covers()


@dataclass(frozen=True)
class Record:
    """Some children, what the source covers, and the moments at which someone looks."""

    children: tuple[Child, ...]
    looks: tuple[date | datetime, ...]
    as_known: date | None = None
    covers: Covers = EVERYTHING
    anchor: date = HARD_DAYS[0]


def local(day: date, clock: str) -> datetime:
    """A UK time of day; an hour later where the clocks went forward over it."""
    moment = datetime.combine(day, time.fromisoformat(clock))
    exists = moment.replace(tzinfo=UK).astimezone(UTC).astimezone(UK).replace(tzinfo=None) == moment
    return moment if exists else moment + timedelta(hours=1)


@dataclass(frozen=True)
class Scene:
    """What the events of one record have in common."""

    anchor: date
    offsets: tuple[int, ...]
    kinds: tuple[str, ...]
    refs: bool
    odd: bool

    def day(self, draw: st.DrawFn) -> date:
        return self.anchor + timedelta(days=draw(among(self.offsets)))

    def days(self) -> st.SearchStrategy[date]:
        return st.sampled_from(self.offsets).map(lambda n: self.anchor + timedelta(days=n))


CLOSE = (0, 0, 0, 1, 1, 2, 3, 4, 5, 7, 10, 14, 15)
REFS = ("R1", "R1", "R2", "R1/S1", "R1/S2", "R2/S1", "S1", "S2")


# These are functions, not strategies: one made for each event would take longer than drawing from it.


def an_event(draw: st.DrawFn, scene: Scene, mode: str) -> Event:
    kind, offset = draw(each_of(scene.kinds, scene.offsets))
    at: date | datetime = (day := scene.anchor + timedelta(days=offset))
    if mode != "dates":
        timed, clock, utc = draw(each_of((False, True) if mode == "mixed" else (True,), CLOCK_TIMES, (False,) * 7 + (True,)))
        if timed:
            at = local(day, clock).replace(tzinfo=UTC if utc else None)
    attrs = EVENTS[kind].attrs
    chosen = {name: of for name, of in attrs.items() if of != "date"}
    values = draw(each_of(*((True, True, False, None) if of == "boolean" else (*of, of[0], None) for of in chosen.values())))
    attributes = dict(zip(chosen, values, strict=True)) | {name: recorded(draw, scene, mode) for name in attrs if name not in chosen}
    event = Event(
        kind,
        at,
        draw(among((None,) * len(REFS) + REFS * 3)) if scene.refs else None,
        {name: value for name, value in attributes.items() if value is not None},
    )
    match draw(up_to(12)) if scene.odd else 12:
        case 1:
            return replace(event, recorded=day + timedelta(days=draw(among((0, 3, 40)))))
        case 2:
            return replace(event, latest_only=True)
        case 3:
            return replace(event, suspect=True)
    return event


def recorded(draw: st.DrawFn, scene: Scene, mode: str) -> Any:
    """What an event records for a date, sometimes with a time, sometimes nothing or no date."""
    times = (None,) if mode == "dates" else (None,) * 3 * len(CLOCK_TIMES) + CLOCK_TIMES
    other, offset, clock = draw(each_of(("",) * 12 + (None, None, "not yet"), scene.offsets, times))
    if other != "":
        return other
    day = scene.anchor + timedelta(days=offset)
    return local(day, clock).isoformat() if clock else day.isoformat()


def a_child(draw: st.DrawFn, scene: Scene, mode: str) -> Child:
    found = [an_event(draw, scene, mode) for _ in range(draw(up_to(9)))]
    if draw(st.booleans()):
        found.append(Event("opened", scene.anchor - timedelta(days=draw(among((0, 1, 20))))))
    if scene.odd and draw(up_to(6)) == 6:
        found.append(Event("child_died", scene.day(draw)))
    if draw(up_to(5)) == 5:
        found.append(replace(found[draw(up_to(len(found))) - 1]))
    born = expected = None
    if draw(up_to(2)) == 2:
        day = scene.day(draw) - timedelta(days=draw(among((0, 0, 0, 10))))
        born = day.replace(year=day.year - draw(among((0, 5, 16, 18))), day=min(day.day, 28))
        if draw(up_to(6)) == 6:
            born = date(2008, 2, 29)
    if draw(up_to(4)) == 4:
        expected = scene.anchor + timedelta(days=draw(among((10, 60, 250, 279, 280, 281, 285, 290))))
    return Child(tuple(found), born, expected)


children = st.composite(a_child)


@st.composite
def records(
    draw: st.DrawFn, modes: tuple[str, ...] = ("dates", "dates", "times", "mixed"), kinds: tuple[str, ...] = (), odd: bool | None = None
) -> Record:
    odd = draw(st.booleans()) if odd is None else odd
    offsets = draw(among((tuple(OFFSETS), tuple(OFFSETS), CLOSE)))
    scene = Scene(draw(among(tuple(HARD_DAYS))), offsets, kinds or USUAL, draw(st.booleans()), odd)
    found = tuple(a_child(draw, scene, draw(among(modes))) for _ in range(draw(up_to(4))))
    later = scene.anchor + timedelta(days=draw(among((60, 120, 200))))
    looks: list[date | datetime] = [scene.day(draw), scene.day(draw), later]
    if draw(up_to(3)) == 3:
        looks[0] = local(scene.day(draw), draw(among(CLOCK_TIMES))).replace(tzinfo=UK)
    as_known = scene.day(draw) if odd and draw(up_to(4)) == 4 else None
    covers = Covers()
    if odd and draw(up_to(3)) == 3:
        dated = st.dictionaries(one_of("", "done", "done_otherwise", "asked"), scene.days(), max_size=3)
        pairs = st.sampled_from([("asked", "done"), ("done", "done"), ("asked", "done_otherwise")])
        together = st.frozensets(pairs, max_size=2)
        covers = Covers(None, draw(dated), draw(st.one_of(st.just({}), dated)), draw(together))
    elif odd and draw(up_to(6)) == 6:
        covers = Covers(frozenset(EVENTS) - {draw(st.sampled_from(sorted(EVENTS)))})
    return Record(found, tuple(looks), as_known, covers, scene.anchor)


def moved_by(record: Record, by: timedelta) -> Record:
    """The same record with every date moved."""

    def event(e: Event) -> Event:
        written = {
            k: (date.fromisoformat(v) + by).isoformat() if isinstance(v, str) and v[0] == "2" else v for k, v in e.attributes.items()
        }
        return replace(e, at=e.at + by, attributes=written, recorded=e.recorded + by if e.recorded else None)

    return replace(
        record,
        children=tuple(
            replace(c, events=tuple(map(event, c.events)), expected=c.expected + by if c.expected else None) for c in record.children
        ),
        looks=tuple(look + by for look in record.looks),
        as_known=record.as_known + by if record.as_known else None,
        covers=replace(
            record.covers,
            since={k: d + by for k, d in record.covers.since.items()},
            until={k: d + by for k, d in record.covers.until.items()},
        ),
    )


def log_of(record: Record, kinds: Mapping[str, EventKind] = EVENTS, order: list[tuple[int, int]] | None = None) -> EventLog:
    """The record as the engine reads it; `origin_row` is an event's place in its child's list.

    `order` gives the (child, place) in which events are added; left out, as they stand.
    """
    builder = LogBuilder(kinds)
    for i, child in enumerate(record.children):
        builder.child(
            str(i),
            NO_DAY if child.born is None else day_number(child.born),
            NO_DAY if child.expected is None else day_number(child.expected),
        )
    for i, place in order if order is not None else [(i, n) for i, child in enumerate(record.children) for n in range(len(child.events))]:
        event = record.children[i].events[place]
        builder.add(
            str(i),
            event.kind,
            parse_moment(event.at.isoformat()),
            ref=event.ref,
            attributes=event.attributes,
            recorded=NO_DAY if event.recorded is None else day_number(event.recorded),
            latest_only=event.latest_only,
            suspect=event.suspect,
            row=place,
        )
    since, until = ({k: day_number(d) for k, d in days.items()} for days in (record.covers.since, record.covers.until))
    return builder.build(Coverage(record.covers.kinds, since, until=until, whole=record.covers.whole))
