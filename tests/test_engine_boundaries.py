"""The days, moments and ties at which an answer turns, one after another, each put to the engine and the oracle.

Made cases find most of these sooner or later; here each is met on every run. What is right is said by the oracle alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.schema import TimescaleRule
from tests import oracle
from tests.oracle import Child, Covers, Event
from tests.strategies import ABOUT, Record, book_of, local, rule_from
from tests.test_engine_agrees import agree

MONDAY = date(2026, 3, 2)  # no holiday until Good Friday, 3 April; the clocks go forward on 29 March


def day(n: int) -> date:
    return MONDAY + timedelta(days=n)


def at(n: int, clock: str) -> datetime:
    return local(day(n), clock)


def looking(n: int, clock: str) -> datetime:
    return at(n, clock).replace(tzinfo=oracle.UK)


def event(kind: str, when: date | datetime | int, ref: str | None = None, **recorded: Any) -> Event:
    own = {name: recorded.pop(name) for name in ("recorded", "latest_only", "suspect") if name in recorded}
    return Event(kind, day(when) if isinstance(when, int) else when, ref, recorded, **own)


@dataclass(frozen=True)
class Case:
    """A rule, the children's events, and when one looks: by default on each day that matters."""

    rule: dict[str, Any]
    events: list[Event]
    looks: tuple[date | datetime, ...] = ()
    others: list[list[Event]] = field(default_factory=list)
    child: dict[str, date] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    editions: tuple[RuleBook, ...] = ()

    def check(self) -> None:
        days = sorted({e.day + timedelta(days=n) for e in self.events for n in (-1, 0, 1)} | {day(n) for n in range(0, 60, 4)})
        children = (Child(tuple(self.events), **self.child), *(Child(tuple(events)) for events in self.others))
        for book in self.editions or (book_of(rule_from(self.rule)),):
            agree(Record(children, self.looks or tuple(days), **self.given), book)


DONE = {"event": "done"}
ONCE: dict[str, Any] = {"when": {"event": "asked"}, "expect": DONE, "within": "5 days"}
HOURS = ONCE | {"within": "24 hours"}
AGAIN: dict[str, Any] = {"when": {"event": "asked"}, "expect": DONE, "every": "5 days"}
BEFORE: dict[str, Any] = {"when": {"event": "asked"}, "expect": DONE, "before": {"attribute": "set_for", "by": "2 days"}}
NEXT: dict[str, Any] = {"when": {"event": ["asked", "done"]}, "expect": DONE, "within": "5 days"}
EVERY_ONE = {"event": "asked_again"}


def two_editions(first_to: date | None, second_from: date) -> RuleBook:
    first = TimescaleRule.model_validate({"id": "made_rule", **ABOUT, "effective": {"from": date(2000, 1, 1), "to": first_to}, **ONCE})
    return book_of(first, rule_from(ONCE | {"within": "9 days"}, first=second_from))


def due_days() -> dict[str, Case]:
    """Answered, ended and looked at on the last day, the day before and the day after."""
    cases = {}
    for n in (0, 4, 5, 6):
        cases[f"answered on day {n}"] = Case(ONCE, [event("asked", 0), event("done", n)])
        cases[f"ended on day {n}"] = Case(ONCE | {"until": [{"event": "closed"}]}, [event("asked", 0), event("closed", n)])
        cases[f"answered and ended on day {n}"] = Case(
            ONCE | {"until": [{"event": "closed"}]}, [event("asked", 0), event("closed", n), event("done", n)]
        )
        cases[f"answered on day {n}, not before day 5"] = Case(ONCE | {"not_before": "5 days"}, [event("asked", 0), event("done", n)])
        cases[f"perhaps answered on day {n}"] = Case(
            ONCE | {"expect": DONE | {"where": {"seen": True}}}, [event("asked", 0), event("done", n)]
        )
        cases[f"warned {n} days before"] = Case(ONCE | {"warn": f"{n} days"}, [event("asked", 0)])
        cases[f"again on day {n}"] = Case(AGAIN, [event("asked", 0), event("done", n), event("done", n + 5), event("done", n + 11)])
        cases[f"again, ended on day {n}"] = Case(
            AGAIN | {"until": [{"event": "closed"}]},
            [event("asked", 0), event("done", 3), event("closed", n), event("done", n), event("done", n + 1)],
        )
    for warn in ("1 hour", "24 hours", "25 hours", "48 hours", "49 hours"):
        cases[f"warned {warn} before a last day"] = Case(ONCE | {"warn": warn}, [event("asked", 0)])
    cases["before the first event"] = Case(ONCE, [event("done", 0), event("asked", 1)])
    cases["only one event"] = Case(ONCE, [event("done", 0)])
    return cases


def moments() -> dict[str, Case]:
    """Hour clocks: the last moment and the second after it; dates that may fall either way."""
    cases = {}
    started = {"at nine": at(0, "09:00"), "some time": day(0), "before midnight": at(0, "23:59:59"), "at midnight": at(1, "00:00")}
    ends = [at(1, "08:59:59"), at(1, "09:00"), at(1, "09:00:01"), day(0), day(1), day(2), at(1, "00:00"), at(1, "23:59:59"), at(2, "00:00")]
    looks = (day(0), day(1), day(2), *(looking(1, c) for c in ("08:59:59", "09:00", "09:00:01", "23:59:59")), looking(2, "00:00"))
    for name, start in started.items():
        for end in ends:
            shown = f"{name}, {end.isoformat()[5:]}"
            cases[f"answered {shown}"] = Case(HOURS, [event("asked", start), event("done", end)], looks)
            cases[f"ended {shown}"] = Case(HOURS | {"until": [{"event": "closed"}]}, [event("asked", start), event("closed", end)], looks)
            perhaps = HOURS | {"expect": DONE | {"where": {"seen": True}}}
            cases[f"perhaps answered {shown}"] = Case(perhaps, [event("asked", start), event("done", end)], looks)
            cases[f"then ended {shown}"] = Case(
                HOURS | {"until": [{"event": "closed"}]},
                [event("asked", start), event("done", at(1, "09:00")), event("closed", end)],
                looks,
            )
            cases[f"again {shown}"] = Case(
                AGAIN | {"every": "24 hours"}, [event("asked", start), event("done", end), event("done", 2)], looks
            )
        cases[f"warned {name}"] = Case(
            HOURS | {"warn": "4 hours"}, [event("asked", start)], (*looks, looking(1, "04:59:59"), looking(1, "05:00"))
        )
        cases[f"birthday {name}"] = Case(
            HOURS | {"until": [{"event": "birthday", "where": {"age": [5, 6]}}]},
            [event("asked", start)],
            looks,
            child={"born": date(2021, 3, 3)},
        )
        for length in ("8 service hours", "9 service hours"):
            cases[f"{length} {name}"] = Case(HOURS | {"within": length}, [event("asked", start), event("done", 1)], looks)
    for written in ("2026-03-05", "2026-03-05T10:00", "2026-10-25T01:30", "not yet", None):
        for within in ("24 hours", "3 service hours", {"next_working_day_at": "09:00"}, "5 days"):
            rule = {"when": {"event": "asked", "date": "begins"}, "expect": DONE, "within": within}
            recorded = {} if written is None else {"begins": written}
            cases[f"{within} from {written}"] = Case(
                rule, [event("asked", at(0, "09:00"), **recorded), event("asked", 1, **recorded), event("done", at(4, "10:00"))]
            )
    for before, after in (("09:00", "17:00"), ("17:00", "09:00"), ("09:00", "09:00")):
        cases[f"asked at {before}, done at {after}"] = Case(ONCE, [event("asked", at(0, before)), event("done", at(0, after))])
        cases[f"ended at {before}, done at {after}"] = Case(
            ONCE | {"until": [{"event": "closed"}]},
            [event("asked", 0), event("closed", at(2, before)), event("done", at(2, after)), event("done", 2)],
        )
    return cases


def endings() -> dict[str, Case]:
    """Endings that compete, on one day and with times."""
    cases = {}
    both = [{"event": "closed"}, {"event": "decided"}]
    for first, second in (
        (day(2), day(2)),
        (day(2), day(3)),
        (day(3), day(2)),
        (at(2, "10:00"), at(2, "09:00")),
        (at(2, "09:00"), at(2, "10:00")),
        (at(2, "09:00"), day(2)),
        (day(2), at(2, "09:00")),
    ):
        for order in (both, both[::-1]):
            shown = f"{order[0]['event']} first: closed {first.isoformat()[5:]}, decided {second.isoformat()[5:]}"
            cases[shown] = Case(ONCE | {"until": order}, [event("closed", first), event("decided", second), event("asked", 0)])
            cases[f"again, {shown}"] = Case(
                AGAIN | {"until": order},
                [event("asked", 0), event("done", 1), event("closed", first), event("decided", second), event("asked", second)],
            )
    for age in (date(2021, 3, 1), date(2021, 3, 2), date(2021, 3, 4), date(2021, 3, 7), date(2021, 3, 8), date(2020, 2, 29)):
        five = {"event": "birthday", "where": {"age": 5}}
        several = {"event": "birthday", "where": {"age": [5, 6]}}
        for until in ([several], [{"event": "closed"}, five], [five, {"event": "closed"}], [five | {"if": {"urgent": True}}]):
            for urgent in ({}, {"urgent": True}, {"urgent": False}):
                shown = f"born {age}, {[u['event'] for u in until]} {urgent}"
                cases[shown] = Case(
                    ONCE | {"until": until},
                    [event("asked", 0, **urgent), event("closed", 5), event("done", 20)],
                    child={"born": age},
                    others=[[event("asked", 1)]],
                )
    for kinds in (["closed"], ["asked_again"], ["asked", "closed"]):
        cases[f"ended by {kinds}"] = Case(
            ONCE | {"until": [{"event": kinds}]},
            [event("asked", 0), event("asked", 0), event("asked_again", 1), event("asked", 2), event("closed", 3)],
        )
    for needed in ({"needed": False}, {"needed": True}, {}):
        cases[f"decided {needed}"] = Case(
            ONCE | {"until": [{"event": "decided", "where": {"needed": False}}]}, [event("asked", 0), event("decided", 1, **needed)]
        )
    return cases


def periods() -> dict[str, Case]:
    """Days on which a period opens and shuts, in both orders, with and without times."""
    cases = {}
    spans: dict[str, list[Event]] = {
        "open": [event("opened", 2)],
        "open and shut": [event("opened", 2), event("shut", 6)],
        "one day": [event("opened", 2), event("shut", 2)],
        "one day, shut first": [event("shut", 2), event("opened", 2)],
        "shut with nothing open": [event("shut", 1), event("opened", 2), event("shut", 6)],
        "shut and opened on one day": [event("opened", 0), event("shut", 4), event("opened", 4), event("shut", 8)],
        "opened and shut on one day, listed so": [event("opened", 0), event("opened", 4), event("shut", 4), event("shut", 8)],
        "opened twice": [event("opened", 0), event("opened", 4), event("shut", 8)],
        "shut twice": [event("opened", 0), event("shut", 4), event("shut", 8)],
        "two spans": [event("opened", 0), event("shut", 2), event("opened", 5), event("shut", 8)],
        "two shut, two opened on one day": [event("shut", 4), event("shut", 4), event("opened", 4), event("opened", 4)],
        "with times": [event("opened", at(2, "12:00")), event("shut", at(2, "09:00")), event("shut", at(6, "12:00"))],
        "times on one day": [event("opened", at(2, "09:00")), event("shut", at(2, "12:00")), event("opened", at(2, "15:00"))],
        "times and dates": [event("opened", 2), event("shut", at(2, "09:00")), event("opened", at(6, "09:00")), event("shut", 6)],
        "died": [event("opened", 0), event("child_died", 6)],
    }
    parts: list[Any] = [
        "open",
        {"period": "open", "first": "3 days"},
        {"period": "open", "after": "3 days"},
        {"period": "open", "first": "3 days", "lead": "1 day"},
        {"period": "open", "after": "3 days", "lead": "1 day"},
    ]
    for name, span in spans.items():
        for part in parts:
            for pick in ("each", "first", "last"):
                rule = ONCE | {"during": part, "when": {"event": "asked", "pick": pick}, "within": "2 days"}
                asked = [event("asked", n) for n in range(10)]
                other = [event("asked", 3), event("opened", 3), event("shut", 3)]
                cases[f"{name}, {part}, {pick}"] = Case(
                    rule, [*span, *asked], (day(0), day(3), day(6), day(20)), others=[other, [event("asked", 2)], [*span, *asked]]
                )
        cases[f"{name}, again"] = Case(
            AGAIN | {"during": "open"}, [*span, event("asked", 2), event("done", 4), event("done", 6), event("done", 7)]
        )
    return cases


def counts() -> dict[str, Case]:
    """Windows, what is counted in them, and counting afresh."""
    cases = {}
    for n in (1, 2):
        for gap in (4, 5, 6):
            for count_from in ("next_day", "same_day"):
                rule = {
                    "when": {"event": "asked", "after": {"event": "asked", "at_least": n, "within": "5 days", "count_from": count_from}}
                }
                asked = [event("asked", 0), event("asked", 0), event("asked", gap), event("asked", gap + 5)]
                cases[f"{n} within 5 days, gap {gap}, {count_from}"] = Case(rule, asked, others=[[event("asked", 1)]])
                for answered in (-1, 0, 1, gap, gap + 1):
                    given = rule | {"expect": DONE, "within": "5 days"}
                    shown = f"{n} within 5 days, gap {gap}, {count_from}, done on {answered}"
                    cases[shown] = Case(given, [*asked, event("done", answered)], others=[[event("done", gap), event("asked", gap)]])
    rule = ONCE | {"when": {"event": "asked", "after": {"event": "opened", "at_least": 1}}}
    for opened in (day(-1), day(0), day(1), at(0, "08:00"), at(0, "09:00"), at(0, "10:00"), at(0, "23:59:59"), at(1, "00:00")):
        for asked in (day(0), at(0, "09:00")):
            cases[f"opened {opened}, asked {asked}"] = Case(
                rule, [event("asked", asked), event("opened", opened)], others=[[event("opened", 0)], [event("asked", 0)]]
            )
    return cases


def links() -> dict[str, Case]:
    """Refs that match, differ, are missing, or name only the outer level."""
    cases = {}
    refs = [None, "R1", "R2", "R1/S1", "R1/S2", "R2/S1", "S1"]
    for link in ("case", "step"):
        for mine in refs:
            for theirs in refs:
                events = [
                    event("asked", 0, mine),
                    event("done", 2, theirs),
                    event("done", 4, "R1/S1"),
                    event("done", 4),
                    event("closed", 5, "R1"),
                    event("closed", 6, "R2"),
                ]
                named = [event("asked", 0, "R2"), event("done", 3, "R2/S1"), event("asked", 0, "R1/S1")]
                shown = f"{link}, {mine}, {theirs}"
                for name, rule in (("once", ONCE), ("again", AGAIN), ("next", NEXT)):
                    given = rule | {"link": link, "until": [{"event": ["closed", "decided"]}]}
                    cases[f"{name} {shown}"] = Case(given, events, (day(1), day(4), day(30)), others=[named, [event("done", 1, theirs)]])
                    cases[f"{name} {shown}, fewer"] = Case(
                        given,
                        [event("done", -2, theirs), event("asked", 0, mine), event("done", 0, theirs), event("done", 0, mine)],
                        (day(1), day(30)),
                        others=[named],
                    )
                    cases[f"{name} {shown}, twice"] = Case(
                        given,
                        [
                            event("asked", 0, mine),
                            event("asked", 0, theirs),
                            event("done", 1, theirs),
                            event("asked", 3, theirs),
                            event("done", 5, mine),
                        ],
                        (day(2), day(30)),
                        others=[named],
                    )
    late = [event("asked", 0, "R1"), event("done", 2, "R2/S1"), event("closed", 9, "R1")]
    cases["an outer name used only later"] = Case(ONCE | {"link": "case"}, late, (day(3), day(8), day(9), day(20)))
    return cases


def plans() -> dict[str, Case]:
    """A future event that moves, and one whose date has passed."""
    cases = {}
    for target in ("2026-03-09", "2026-03-10", "2026-03-11", None):
        for again in (day(7), day(8), day(9), at(8, "09:00")):
            for done in (-1, 0, 3, 8, 20):
                first = {} if target is None else {"set_for": target}
                asked = [event("asked", 0, **first), event("asked", again, set_for="2026-03-30")]
                for rule in (BEFORE, BEFORE | {"link": "case"}, BEFORE | {"before": BEFORE["before"] | {"or_within": "6 days"}}):
                    cases[f"{target}, again {again}, done {done}, {sorted(rule)}, {rule['before']}"] = Case(
                        rule,
                        [*asked, event("done", done)],
                        (day(4), day(8), day(40)),
                        others=[[event("asked", 0, "R1", set_for="2026-03-09"), event("asked", 1, "R2", set_for="2026-03-09")]],
                    )
    expected = BEFORE | {"before": {"attribute": "expected_birth", "by": "2 weeks"}}
    for child in ({}, {"born": day(20)}, {"expected": day(30)}, {"born": day(20), "expected": day(30)}):
        cases[f"expected birth {child}"] = Case(expected, [event("asked", 0), event("done", 10)], child=child)
    return cases


def chains() -> dict[str, Case]:
    """New starts for the same thing; ladders; answers on the day of the start."""
    cases = {}
    for again in (day(0), day(3), day(5), day(6), at(3, "09:00")):
        for done in (0, 3, 4):
            for rule in (
                AGAIN,
                AGAIN | {"link": "case"},
                AGAIN | {"within": ["2 days", "3 days"]},
                AGAIN | {"within": "1 working day", "until": [{"event": "closed"}]},
            ):
                events = [
                    event("asked", 0),
                    event("done", done),
                    event("asked", again),
                    event("done", 6),
                    event("done", 6),
                    event("closed", 3),
                ]
                cases[f"{sorted(rule)} {rule.get('within')}, again {again}, done {done}"] = Case(
                    rule, events, others=[[event("asked", 0, "R1"), event("asked", 2, "R2"), event("done", 3, "R2/S1")]]
                )
    return cases


def what_is_known() -> dict[str, Case]:
    """The record's own limits: coverage, what was recorded when, dates that cannot be right, latest dates only."""
    cases = {}
    for since in (-1, 0, 1):
        covers = Covers(None, {"done": day(since)})
        for name, rule in (("once", ONCE), ("again", AGAIN)):
            cases[f"{name}, since {since}"] = Case(rule, [event("asked", 0), event("done", 3)], given={"covers": covers})
    for kinds in (["asked"], ["asked", "done"], ["done"], ["asked", "done", "opened"]):
        rule = ONCE | {"when": {"event": "asked", "after": {"event": "opened"}}}
        cases[f"carries {kinds}"] = Case(ONCE, [event("asked", 0)], given={"covers": Covers(frozenset(kinds))})
        cases[f"carries {kinds}, counted"] = Case(rule, [event("opened", 0), event("asked", 0)], given={"covers": Covers(frozenset(kinds))})
    for known in (1, 2, 3):
        events = [
            event("asked", 0, recorded=day(2)),
            event("done", 1, recorded=day(2)),
            event("child_died", 0, recorded=day(3)),
            event("done_otherwise", 1),
        ]
        cases[f"as known on day {known}"] = Case(
            ONCE | {"expect": {"event": ["done", "done_otherwise"]}}, events, given={"as_known": day(known)}
        )
    for died in (0, 1, 2):
        events = [event("asked", 0), event("done_otherwise", 1), event("child_died", died), event("child_died", 9)]
        cases[f"died on day {died}"] = Case(
            ONCE | {"expect": {"event": "done_otherwise"}}, events, others=[[event("asked", 0), event("done_otherwise", 1)]]
        )
    for weeks in (279, 280, 281):
        for child in ("born", "expected"):
            cases[f"{child} {weeks} days on"] = Case(ONCE, [event("asked", 0)], child={child: day(weeks)}, others=[[event("asked", 0)]])
    cases["born earlier than expected"] = Case(ONCE, [event("asked", 0)], child={"born": day(279), "expected": day(290)})
    for marked in ("latest_only", "suspect"):
        for rule in (ONCE, AGAIN, {"when": {"event": "asked", "after": {"event": "opened"}}}):
            cases[f"{marked}, {sorted(rule)}"] = Case(
                rule,
                [
                    event("opened", 0),
                    event("asked", 0),
                    event("done", 2, **{marked: True}),
                    event("asked", 4, **{marked: True}),
                    event("done", 5),
                ],
            )
    for recorded in ("2026-03-07", "2026-03-08", "2026-03-06", "not yet", None):
        for within in (
            {"attribute": "set_for"},
            {"attribute": "set_for", "otherwise": "4 days"},
            {"attribute": "set_for", "at_most": "5 days"},
            {"attribute": "set_for", "at_most": "6 days", "noon_after": True},
        ):
            given = {} if recorded is None else {"set_for": recorded}
            cases[f"written {recorded}, {within}"] = Case(ONCE | {"within": within}, [event("asked", 0, **given), event("done", 6)])
    for granted in (0, 4, 5, 6):
        for until in ({}, {"until": "2026-03-06"}, {"until": "2026-03-12"}, {"until": "2026-03-30"}):
            for extension in ({}, {"by": "4 days"}, {"attribute": "until"}, {"attribute": "until", "by": "1 week"}):
                rule = ONCE | {"extension": {"event": "granted"} | extension}
                cases[f"granted {granted} {until} {extension}"] = Case(
                    rule, [event("granted", granted, **until), event("asked", 0), event("done", 9)], others=[[event("asked", 0)]]
                )
    for written in (None, day(3), day(4)):
        book = two_editions(written, day(5))
        cases[f"editions, first to {written}"] = Case(ONCE, [event("asked", n) for n in range(8)], editions=(book,))
        cases[f"editions, first to {written}, one"] = Case(
            ONCE, [event("asked", 3)], others=[[event("asked", 4)], [event("asked", 5)]], editions=(book,)
        )
    only_first = TimescaleRule.model_validate({"id": "made_rule", **ABOUT, "effective": {"from": day(2), "to": day(4)}, **ONCE})
    for n in range(1, 6):
        cases[f"one edition, asked on day {n}"] = Case(ONCE, [event("asked", n)], editions=(book_of(only_first),))
    return cases


def before_and_after() -> dict[str, Case]:
    """Answers before the start, the second answer, answers too early, birthdays, and events that nothing came before."""
    cases = {}
    looks_back = ONCE | {"expect": DONE | {"earlier": "3 days"}}
    for n in (6, 7, 8, 10, 11, 15, 16):
        cases[f"looking back, asked on day 10, done on day {n}"] = Case(looks_back, [event("asked", 10), event("done", n)])
        cases[f"looking back, done on day {n} with times"] = Case(
            looks_back, [event("asked", at(10, "12:00")), event("done", at(n, "00:00"))]
        )
    for n in (7, 8, 9, 10, 12):
        twice = [event("asked", 7), event("done", 8), event("asked", 10), event("done", n)]
        cases[f"looking back, asked twice, done again on day {n}"] = Case(looks_back, twice)
        cases[f"looking back, and again, done on day {n}"] = Case(ONCE | {"expect": DONE | {"earlier": "3 days", "again": True}}, twice)
    for n in (9, 12, 13, 14):
        cases[f"looking back where records begin on day {n}"] = Case(
            looks_back, [event("asked", 12)], given={"covers": Covers(None, {"done": day(n)})}
        )
    second = ONCE | {"expect": DONE | {"at_least": 2}}
    for n in (0, 4, 5, 6):
        cases[f"the second on day {n}"] = Case(second, [event("asked", 0), event("done", 0), event("done", n)])
        cases[f"the second on day {n}, after the end"] = Case(
            second | {"until": [{"event": "closed"}]}, [event("asked", 0), event("done", 1), event("closed", 4), event("done", n)]
        )
    window = ONCE | {"not_before": "3 days"}
    for n in (2, 3, 5, 6):
        cases[f"done too early, and again on day {n}"] = Case(window, [event("asked", 0), event("done", 1), event("done", n)])
        cases[f"done too early twice, and on day {n}"] = Case(
            window, [event("asked", 0), event("done", 1), event("done", 2), event("done", n)]
        )
    born = {"born": day(4).replace(year=2021)}
    for n in (0, 3, 4, 5):
        rule = ONCE | {"when": {"event": "asked", "at_age": 5}}
        cases[f"asked on day {n}, five on day 4"] = Case(rule, [event("asked", n), event("done", 8)], child=born)
        cases[f"asked on day 0, done on day {n}, five on day 4"] = Case(rule, [event("asked", 0), event("done", n)], child=born)
        ends = rule | {"until": [{"event": "closed"}]}
        cases[f"ended on day {n}, five on day 4"] = Case(ends, [event("asked", 0), event("closed", n)], child=born)
    for n in (0, 1, 2, 3, 4, 5):
        turning = ONCE | {"when": {"event": "asked", "turning": {"age": 5, "within": "3 days"}}}
        cases[f"asked on day {n}, turning five on day 4"] = Case(turning, [event("asked", n), event("done", 8)], child=born)
    cases["turning five, no date of birth"] = Case(turning, [event("asked", 0)])
    cases["no date of birth"] = Case(ONCE | {"when": {"event": "asked", "at_age": 5}}, [event("asked", 0)])
    for n in (0, 3, 4, 5):
        none = ONCE | {"when": {"event": "asked", "after": {"event": "opened", "at_most": 0, "within": "4 days"}}}
        cases[f"nothing opened before day {n}"] = Case(none, [event("opened", 0), event("asked", n)])
    for n in (0, 1):
        for part in ("first", "after"):
            during = ONCE | {"during": {"period": "open", part: "1 day"}}
            cases[f"{part}, opened by a latest date, {n}"] = Case(during, [event("opened", 0, latest_only=True), event("asked", n)])
    for n in (4, 5, 6):
        cases[f"lifted around day {n}"] = Case(ONCE | {"lifted": [{"from": day(n), "to": day(n)}]}, [event("asked", 0), event("done", 8)])
    for test in ({"only": True}, {"only": [False, True]}):
        cases[f"only {test}"] = Case(
            ONCE | {"when": {"event": "asked", "where": {"urgent": test}}}, [event("asked", 0), event("asked", 1, urgent=True)]
        )
    for n in (3, 4, 9, 10, 11):
        weeks = ONCE | {"within": "1 calendar week"}
        cases[f"calendar week, asked on day {n}"] = Case(weeks, [event("asked", n), event("done", 20)])
    return cases


def parts() -> dict[str, Case]:
    """A clock carried into a part of a regime, ended with it, and opened by the day it begins on."""
    cases = {}
    for again in ({"within": "5 days"}, {"every": "5 days"}):
        for n in (1, 3, 4, 5, 6, 9):
            rule = {"when": {"event": "done"}, "expect": DONE, "during": {"period": "in_trial", "carry_in": True}} | again
            moved = [event("moved", 0), event("done", 1), event("tried", n), event("done", 8), event("settled", 12)]
            cases[f"{again}, on trial from day {n}"] = Case(rule, moved)
            cases[f"{again}, on trial from day {n}, closed between"] = Case(
                rule | {"until": [{"event": "closed"}]}, [*moved, event("closed", 2)]
            )
            cases[f"{again}, moved again on day {n}"] = Case(
                rule | {"during": {"period": "shut_out", "carry_in": True}},
                [event("moved", 0), event("done", 1), event("moved", n, place="c"), event("done", 7)],
            )
            other = rule | {"when": {"event": "moved"}}
            for tried in (3, 4):
                answered = [event("moved", 0), event("tried", tried), event("done", n)]
                cases[f"{again}, on trial from day {tried}, done on day {n}"] = Case(other, answered)
            for at_once in ("in_trial_checked", "lasting_stay"):
                cases[f"{again}, {at_once}, day {n}"] = Case(
                    rule | {"during": {"period": at_once, "carry_in": True}},
                    [event("moved", 0, lasting=True), event("done", 29), event("tried", 2), event("decided", n), event("settled", 25)],
                    looks=tuple(day(k) for k in range(20, 50)),
                )
        for pick in ("first", "each"):
            rule = {"when": {"event": "done", "pick": pick}, "expect": DONE, "during": "otherwise"} | again
            latest = [event("opened", 0), event("done", 1, latest_only=True), event("done", 3), event("done", 6)]
            cases[f"{again}, {pick}, and before it a latest date"] = Case(rule, latest)
    return cases


CASES = {
    "before and after": before_and_after(),
    "parts of a regime": parts(),
    "due days": due_days(),
    "moments": moments(),
    "endings": endings(),
    "periods": periods(),
    "counts": counts(),
    "links": links(),
    "plans": plans(),
    "chains": chains(),
    "what is known": what_is_known(),
}


@pytest.mark.parametrize("sort", CASES)
def test_boundaries(sort: str) -> None:
    for case in CASES[sort].values():
        case.check()
