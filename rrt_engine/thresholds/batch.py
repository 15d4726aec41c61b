"""Suggestions for many cases: each distinct set of indicators is reasoned over once, by the same engines as one case.

A case's records become small numbers, and two records get the same number when no rule and no reduction can tell them
apart. What is left of a case is a set of such numbers; a million cases share some thousands of sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY, due_day
from rrt_engine.model import Bools, Fact, Int8s, Int32s, Int64s
from rrt_engine.thresholds.chain import Chained
from rrt_engine.thresholds.derive import agency_of
from rrt_engine.thresholds.derive_many import Derived, computed_fact
from rrt_engine.thresholds.indicators import (
    ANOTHER_CHILD,
    absent,
    dated,
    not_counted,
    safer,
    shown_value,
    sibling_token,
    strength_of,
    token_of,
)
from rrt_engine.thresholds.plan import HARDSHIP, SUFFICIENT, VERIFIED, Plan, PlanRule, Test, Token
from rrt_engine.thresholds.route import URGENCIES, fired_rules, pathways, urgency
from rrt_engine.thresholds.suggest import Reasoner, counts_as_concern
from rrt_engine.thresholds.two_engines import agree
from rrt_engine.thresholds.worker import Worker

AT_ONCE = 1000
"""Distinct sets that are reasoned over, then sent to the second engine, together."""
Flag = tuple[str, str]
Ints = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]


@dataclass(frozen=True)
class Batch:
    """Many cases in columns: row i says that case `case[i]` has `records[record[i]]`, dated `on[i]` (NO_DAY where unsaid).

    `computed` says what timelines give, by fact, with a case's number for a child's. `flags` gives, for each timescale rule
    and status, the cases that have such a flag.
    """

    ids: Sequence[str]
    case: Int32s
    record: Int32s
    on: Int32s
    records: Sequence[Fact]
    computed: Mapping[str, Derived] = field(default_factory=dict)
    flags: Mapping[Flag, Int64s] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What one distinct set of indicators comes to: what `Suggestion` says of it, without the words.

    `could_be` is the level it would be if what is thin were sufficiently evidenced, None where that changes nothing.
    """

    level: int
    significant: bool
    could_be: int | None
    pathways: tuple[str, ...]
    urgency: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Suggestions:
    """Suggestions for many cases: the distinct answers, and which one each case has. `checked_by` says by how many engines."""

    ids: Sequence[str]
    answers: tuple[Answer, ...]
    answer: Int32s
    distinct: int
    checked_by: str

    def __len__(self) -> int:
        return len(self.answer)

    def column(self, read: Callable[[Answer], Any], dtype: Any) -> np.ndarray[Any, Any]:
        """Something of each case's answer, as an array."""
        return np.array([read(a) for a in self.answers], dtype)[self.answer] if self.answers else np.zeros(0, dtype)

    @property
    def level(self) -> Int8s:
        """The level suggested for each case."""
        return self.column(lambda a: a.level, np.int8)

    @property
    def significant(self) -> Bools:
        """Whether the route suggested is that of significant harm."""
        return self.column(lambda a: a.significant, np.bool_)

    @property
    def urgency(self) -> Int8s:
        """How soon, as a place in URGENCIES."""
        return self.column(lambda a: URGENCIES.index(a.urgency), np.int8)

    def of(self, case: int) -> Answer:
        """What is suggested for one case."""
        return self.answers[int(self.answer[case])]


def suggest_many(
    reasoner: Reasoner, batch: Batch, worker: Worker | None = None, notice: Callable[[str], None] = lambda _: None
) -> Suggestions:
    """Suggest a level and a route for every case of a batch: exactly what `Reasoner.suggest` gives for each.

    Raises EnginesDisagree, which names a case, where the second engine fires other rules. Where it is missing or stops, the
    answers stand and say so.
    """
    items = _Items(reasoner, batch)
    rows = items.rows()
    sets, of_case = _sets(rows, items, len(batch.ids))
    notice(f"reasoning over {len(sets):,} distinct sets of indicators")
    runs = _Runs(reasoner, items)
    first = np.full(len(sets), len(of_case), np.int64)
    first[of_case[::-1]] = np.arange(len(of_case) - 1, -1, -1)
    unchecked, checked = 0, 0
    for start in range(0, len(sets), AT_ONCE):
        part = sets[start : start + AT_ONCE]
        chained = [runs.chained(each) for each in part]
        if worker is None:
            continue
        for i, opinion in enumerate(worker.opinions([runs.tokens(each) for each in part])):
            if opinion is None:
                unchecked += 1
            else:
                checked += 1
                agree(str(batch.ids[int(first[start + i])]), chained[i].firings, opinion)
        notice(f"checked {start + len(part):,} of {len(sets):,} distinct sets of indicators by the second engine")
    answers = [runs.answer(each) for each in sets]
    distinct = {answer: i for i, answer in enumerate(dict.fromkeys(answers))}
    place = np.array([distinct[a] for a in answers], np.int32)
    return Suggestions(batch.ids, tuple(distinct), place[of_case], len(sets), _checked(worker, checked, unchecked))


def _checked(worker: Worker | None, checked: int, unchecked: int) -> str:
    if worker is None:
        return "checked by one engine"
    if not unchecked:
        return f"checked by two engines ({checked:,} distinct {'case' if checked == 1 else 'cases'})"
    if not checked:
        return f"checked by one engine: {worker.why}"
    return f"{checked:,} of {checked + unchecked:,} distinct cases checked by two engines, the others by one: {worker.why}"


# ------------------------------------------------------------------------------------------- records as small numbers


class _Items:
    """Everything that may stand in a case, numbered from 1 with the records of one fact side by side; 0 is nothing.

    An item is a fact as recorded (without its date, source and subject, once these have been looked at), or a flag. `kind`
    gives each item's class: items of one class match the same patterns, add the same to every count and weigh the same,
    now and on better evidence. Class 0 touches nothing.
    """

    def __init__(self, reasoner: Reasoner, batch: Batch) -> None:
        self.reasoner, self.batch, self.book, self.plan = reasoner, batch, reasoner.book, reasoner.plan
        self.as_of = reasoner.day
        self._weighed: dict[Fact, Token] = {}
        given = [_bare(r) for r in batch.records]
        recent, old = ([_bare(dated(replace(f, on=day), self.book, self.as_of)) for f in given] for day in (self.as_of, _LONG_AGO))
        as_dated = (given, recent, old)
        self.computed = self._computed()
        worked_out = {name: [_bare(f) for f in d.facts] for name, d in self.computed.items()}
        order = {name: i for i, name in enumerate(self.book.facts)}
        facts = sorted(
            {*given, *recent, *old, *(f for mine in worked_out.values() for f in mine)}, key=lambda f: (order[f.id], _sortable(f))
        )
        wanted = _flags_wanted(self.plan)
        self.flags = [flag for flag in sorted(batch.flags) if flag[0] in wanted]
        self.facts = facts
        others = [[self._sibling(f) for f in same] for same in as_dated]
        siblings = list({tuple(t.items()): t for mine in others for t in mine if t is not None}.values())
        self.tokens: list[Token] = [self.token(f) for f in facts]
        self.tokens += [{"t": "flag", "f": rule, "v": status, "k": 0} for rule, status in self.flags]
        self.tokens += siblings
        self.number = {fact: i + 1 for i, fact in enumerate(facts)}
        self.of_record = [np.array([self.number[f] for f in same], np.int32) for same in as_dated]
        """Of each record its item: without a date, with one in the window in which things are not yet past, and with an older one."""
        self.of_computed = {name: np.array([self.number[f] for f in mine], np.int32) for name, mine in worked_out.items()}
        self.of_flag = {flag: len(facts) + 1 + i for i, flag in enumerate(self.flags)}
        rest = len(self.tokens) - len(facts)
        place = {tuple(t.items()): len(facts) + len(self.flags) + 1 + i for i, t in enumerate(siblings)}
        self.of_sibling = [np.array([0 if t is None else place[tuple(t.items())] for t in mine], np.int32) for mine in others]
        """The same where it is about another child; 0 where it is no item."""
        self.fact = np.array([-1, *(order[f.id] for f in facts), *([-2] * rest)], np.int16)
        shown: dict[tuple[str, str], int] = {}
        values = [shown.setdefault((f.id, shown_value(f)), len(shown)) for f in facts]
        self.shown = np.array([-1, *values, *([-2] * rest)], np.int32)
        gates = [t["r"] == "gate" for t in self.tokens[: len(facts)]]
        self.dated = np.array([False, *gates, *([False] * rest)], np.bool_)
        """Of these the latest record counts where records differ, so that their dates matter."""
        self._classify()

    def token(self, fact: Fact) -> Token:
        """A fact's token, weighed once."""
        known = self._weighed.get(fact)
        if known is None:
            known = self._weighed[fact] = token_of(fact, self.book.facts[fact.id], self.book)
        return known

    def _sibling(self, fact: Fact) -> Token | None:
        """The token of a record where it is about another child."""
        kind = self.book.facts[fact.id]
        return None if fact.evidence == "refuted" or absent(fact, kind) else sibling_token(fact, kind, self.book)

    def _surely(self, fact: Fact) -> Fact:
        """A fact as `could_be` asks after it: sufficiently evidenced, and so now where that is not recorded and would be grave."""
        sure = fact if strength_of(fact) >= SUFFICIENT else replace(fact, evidence="disclosed")
        return replace(sure, timing="current") if self.token(sure)["u"] else sure

    def _computed(self) -> dict[str, Derived]:
        """What timelines give, and how many agencies recorded a concern, by fact."""
        found = dict(self.batch.computed)
        for name, kind in self.book.facts.items():
            if kind.derive is not None and kind.derive.sources:
                counted = self._agencies(name, str(self.book.book.value(kind.derive.within)))
                if len(counted.child):
                    found[name] = counted
        return found

    def _agencies(self, name: str, within: str) -> Derived:
        """The most different agencies that recorded one and the same concern within the window: as `derive.agencies` counts."""
        batch, book = self.batch, self.book
        concerns = {name: i for i, name in enumerate(book.facts)}
        agencies: dict[str, int] = {}
        place = np.full(len(batch.records), -1, np.int64)
        for i, fact in enumerate(batch.records):
            agency = agency_of(fact, book)
            if agency and counts_as_concern(fact, book, self.as_of):
                place[i] = concerns[fact.id] << 32 | agencies.setdefault(agency, len(agencies))
        where = place[batch.record] if len(batch.records) else np.zeros(0, np.int64)
        rows = np.flatnonzero((where >= 0) & (self._until(within) >= self.as_of) & ((batch.on <= self.as_of) | (batch.on == NO_DAY)))
        most = np.zeros(len(batch.ids), np.int64)
        most[batch.case[rows]] = 1
        rows = rows[_shared(batch.case[rows], where[rows])]
        where = where[rows]
        wide = len(concerns) * max(len(agencies), 1)
        key = batch.case[rows].astype(np.int64) * wide + (where >> 32) * len(agencies) + (where & 0xFFFFFFFF)
        by_concern, number = np.unique(np.unique(key) // max(len(agencies), 1), return_counts=True)
        np.maximum.at(most, by_concern // len(concerns), number)
        child = np.flatnonzero(most)
        values, value = np.unique(most[child], return_inverse=True)
        return Derived(child, value.astype(np.int64), tuple(computed_fact(name, int(v)) for v in values.tolist()))

    def _until(self, length: str) -> Int64s:
        """The last day of a length of time that starts on each row's day; the day of the check where a row has none."""
        on, calendar = self.batch.on, self.book.book.calendar
        dated = on[(on != NO_DAY) & (on <= self.as_of)]
        if not len(dated):
            return np.full(len(on), self.as_of, np.int64)
        first = int(dated.min())
        last = due_day(np.arange(first, self.as_of + 1), self.book.book.length(length), calendar)
        table = np.append(last, self.as_of)  # for rows without a day, and for those of later, which do not count
        found: Int64s = table[np.where((on < first) | (on > self.as_of), np.int32(len(last)), on - np.int32(first))]
        return found

    def rows(self) -> tuple[Ints, Int32s, Int32s]:
        """Every row that counts, as (case, item, day), sorted by case: what is recorded, computed and flagged."""
        batch = self.batch
        age = self._age()
        every = np.array([[self._item(i, "", by) for i in range(len(batch.records))] for by in range(3)], np.int32)
        item = every[age, batch.record]
        self._named_children(item, age)
        item[(batch.on != NO_DAY) & (batch.on > self.as_of)] = 0
        self._worked_out_stands(item)
        case, on = batch.case, batch.on
        if not bool(item.all()):
            kept = np.flatnonzero(item)
            case, item, on = case[kept], item[kept], on[kept]
        if not bool((case[1:] >= case[:-1]).all()):
            order = np.argsort(case, kind="stable")
            case, item, on = case[order], item[order], on[order]
        more = [(derived.child, self.of_computed[name][derived.place]) for name, derived in self.computed.items()]
        more += [(batch.flags[flag], np.full(len(batch.flags[flag]), number, np.int32)) for flag, number in self.of_flag.items()]
        if more:
            cases, items = (np.concatenate([part[i] for part in more]) for i in range(2))
            order = np.argsort(cases, kind="stable")
            cases, items = cases[order], items[order]
            place = np.searchsorted(case, cases, side="right")
            case, item, on = (np.insert(a, place, b) for a, b in ((case, cases), (item, items), (on, NO_DAY)))
        return case, item, on

    def _age(self) -> Int8s:
        """How old each row is: 0 where it has no date, 1 in the window in which things are not yet past, 2 before it."""
        found: Int8s = np.where(self._until(self.book.past_after) < self.as_of, 2, 1).astype(np.int8)
        found[self.batch.on == NO_DAY] = 0
        return found

    def _item(self, record: int, case: str, age: int) -> int:
        """What a record of an age is in a case: an item about this child, one about another, or nothing."""
        fact = self.batch.records[record]
        why = not_counted(fact, self.as_of, case)
        if why:
            return int(self.of_sibling[age][record]) if why.startswith(ANOTHER_CHILD) else 0
        return 0 if fact.value == "unknown" else int(self.of_record[age][record])

    def _named_children(self, item: Int32s, age: Int8s) -> None:
        """Look again at the rows whose subject may be a child's id: whether it is the case's own depends on the case."""
        named = np.array([any(c.isdigit() for c in r.subject) for r in self.batch.records] or [False], np.bool_)
        if bool(named.any()):
            for i in np.flatnonzero(named[self.batch.record]).tolist():
                item[i] = self._item(int(self.batch.record[i]), str(self.batch.ids[int(self.batch.case[i])]), int(age[i]))

    def _worked_out_stands(self, item: Int32s) -> None:
        """Drop the rows that record what the case's timeline gives too, is known to hold, or shows not to be so."""
        facts = self.fact[item]
        numbers = {name: i for i, name in enumerate(self.book.facts)}
        for name, derived in self.computed.items():
            rows = np.flatnonzero(facts == numbers[name])
            if not len(rows):
                continue
            given = np.full(len(self.batch.ids), -1, np.int64)
            given[derived.child] = derived.place
            place = given[self.batch.case[rows]]
            for worked_out, recorded in set(zip(place.tolist(), item[rows].tolist(), strict=True)):
                if worked_out >= 0:
                    one, other = derived.facts[worked_out], self.facts[recorded - 1]
                    if other.value == one.value or one.settled or shown_value(other) in one.denies:
                        item[rows[(place == worked_out) & (item[rows] == recorded)]] = 0

    # --------------------------------------------------------------------------------------------- what can be told apart

    def _classify(self) -> None:
        """Give every item its class, with a token that stands for it, and its class on sufficient evidence."""
        sure = [self.token(self._surely(f)) for f in self.facts] + self.tokens[len(self.facts) :]
        signs = _Signs(self.plan, [*self.tokens, *sure])
        classes: dict[object, int] = {(_NOTHING, _NOTHING): 0}
        self.stands: list[Token] = [{}]
        self.surely: list[int] = [0]

        def number(token: Token, better: Token) -> int:
            sign = (signs.of(token), signs.of(better))
            known = classes.get(sign)
            if known is None:
                known = classes[sign] = len(self.stands)
                self.stands.append(token)
                self.surely.append(known)
                self.surely[known] = number(better, better)
            return known

        numbers = [0, *(number(t, s) for t, s in zip(self.tokens, sure, strict=True))]
        self.kind = np.array(numbers, np.int16 if len(self.stands) < 2**15 else np.int32)


def _shared(case: Ints, where: Int64s) -> Bools:
    """The rows of cases in which two agencies recorded one concern; all rows where cases are not together, or are large."""
    if not len(case) or bool((case[1:] < case[:-1]).any()) or int(np.bincount(case).max()) > _FEW:
        return np.ones(len(case), np.bool_)
    again = np.zeros(int(case[-1]) + 1, np.bool_)
    for apart in range(1, _FEW):
        same = (case[apart:] == case[:-apart]) & (where[apart:] >> 32 == where[:-apart] >> 32) & (where[apart:] != where[:-apart])
        again[case[apart:][same]] = True
    return again[case]


_FEW = 16
_NOTHING: tuple[object, ...] = ()
_LONG_AGO = 0  # 1 January 1970: older than any window
_TOLD = (HARDSHIP["says_so"],)


def _bare(fact: Fact) -> Fact:
    """A fact without what no rule can see of it: of whom it was said and when, once these have been looked at, and by which
    agency; only that nobody stands behind it is seen.
    """
    nobody = fact.source_agency.strip().lower() == "anonymous"
    agency = "anonymous" if nobody else ""
    return replace(fact, source_agency=agency, subject="", on=NO_DAY, told=NO_DAY, computed="", line=0, settled=True, denies=())


def _sortable(fact: Fact) -> tuple[str, ...]:
    return (str(fact.value), fact.evidence, fact.specificity, fact.timing, fact.pattern, fact.impact, fact.source_agency)


def _flags_wanted(plan: Plan) -> set[str]:
    """The timescale rules whose flags some threshold rule asks for."""
    found: set[str] = set()
    for rule in plan.rules:
        for tests in rule.patterns:
            if any(t.field == "t" and t.value == "flag" for t in tests):
                found |= {str(v) for t in tests if t.field == "f" for v in _several(t.value)}
    return found


def _several(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


_Placed = tuple[str, int, tuple[Test, ...]]
"""A rule, which of its patterns, and the tests of it."""


class _Signs:
    """What each token can do to a suggestion, as a key: tokens with equal keys do the same in every case.

    The key holds the patterns matched; for a match, how the token weighs when effects combine; what it adds to the counts; and
    its fact, only where something asks which fact it is: a fact that is looked for when unrecorded, verified protection
    (counted by fact), and a fact whose records could stand on both sides of a rule of two patterns (never the same fact twice).
    """

    def __init__(self, plan: Plan, tokens: Sequence[Token]) -> None:
        self._rules = plan.rules
        self._unrecorded = frozenset(plan.unrecorded)
        self._by_fact = _by_name(plan.rules)
        self._known: dict[tuple[object, ...], tuple[tuple[object, ...], frozenset[tuple[str, int]]]] = {}
        self._twice = self._on_both_sides(tokens)

    def of(self, token: Token) -> tuple[object, ...]:
        """The key of a token; empty where nothing is touched by it."""
        bare, matched = self._bare(token)
        name = token["f"]
        asked = (name in self._unrecorded and token["t"] == "fact") or any((rule, name) in self._twice for rule, _ in matched)
        return (*bare, ("fact", name)) if asked else bare

    def _bare(self, token: Token) -> tuple[tuple[object, ...], frozenset[tuple[str, int]]]:
        key = tuple(v for name, v in token.items() if name != "k")
        known = self._known.get(key)
        if known is None:
            tried = self._by_fact.get((token["t"], token["f"]), self._by_fact.get((token["t"], None), []))
            matched = frozenset((rule, place) for rule, place, tests in tried if all(t.holds(token) for t in tests))
            sign: list[object] = []
            if matched:
                sign.append(matched)
            if matched and "s" in token:
                held = int(token.get("w", 0)) > int(token.get("p", 0))
                sign.append(("weighs", int(token["s"]) >= SUFFICIENT, token.get("y"), held))
            if token["t"] == "fact":
                pull, strength = int(token["p"]), int(token["s"])
                if token["x"] and token["r"] == "protective":
                    sign += [("protects", token["f"])] if strength == VERIFIED else []
                elif token["x"] and pull >= 2:
                    sign.append(("counts", token["d"], strength >= SUFFICIENT, strength >= SUFFICIENT and pull >= 3, token["y"]))
                sign += [("hardship", token["y"])] if token["x"] and strength >= SUFFICIENT and token["y"] in _TOLD else []
            known = self._known[key] = (tuple(sign), matched)
        return known

    def _on_both_sides(self, tokens: Sequence[Token]) -> frozenset[object]:
        """Rule and fact, where records of one fact among the tokens could meet each other in a rule of two patterns."""
        sides: dict[tuple[object, object], set[object]] = {}
        for token in tokens:
            for rule, place in self._bare(token)[1]:
                sides.setdefault((rule, token["f"]), set()).add(place)
        return frozenset(key for key, places in sides.items() if len(places) == 2)


def _by_name(rules: Sequence[PlanRule]) -> dict[tuple[object, object], list[_Placed]]:
    """The patterns to try on a token of each type and name; under None those that name nothing, for all other names."""
    placed = [(r.id, place, tests) for r in rules for place, tests in enumerate(r.patterns)]
    found: dict[tuple[object, object], list[_Placed]] = {}
    general: dict[object, list[_Placed]] = {}
    for each in placed:
        kind = next(t.value for t in each[2] if t.field == "t")
        if not any(t.field == "f" for t in each[2]):
            general.setdefault(kind, []).append(each)
    found.update({(kind, None): list(patterns) for kind, patterns in general.items()})
    for each in placed:
        kind = next(t.value for t in each[2] if t.field == "t")
        for test in each[2]:
            if test.field == "f":
                for name in _several(test.value):
                    found.setdefault((kind, name), list(general.get(kind, []))).append(each)
    return found


# --------------------------------------------------------------------------------------------------- cases as sets


Kinds = tuple[int, ...]
"""One distinct set: the classes of what a case holds, in order, each once."""


def _sets(rows: tuple[Ints, Int32s, Int32s], items: _Items, cases: int) -> tuple[list[Kinds], Int64s]:
    """The distinct sets of classes, and which one each case has.

    Cases with the same number of rows are a matrix, so that each step is done for all of them at once. Where records of one
    fact contradict each other, the same reduction as for one case says which of them stand.
    """
    case, item, on = rows
    numbers: dict[Kinds, int] = {}
    of_case = np.full(cases, -1, np.int64)
    counts = np.bincount(case, minlength=cases)
    starts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    dropped: dict[object, tuple[int, ...]] = {}
    for size in np.unique(counts).tolist():
        mine = np.flatnonzero(counts == size)
        if size == 0:
            of_case[mine] = numbers.setdefault((), len(numbers))
            continue
        every = len(mine) == cases  # all cases have so many rows: no need to look them up
        matrix = np.sort(item.reshape(cases, size) if every else item[starts[mine][:, None] + np.arange(size)], axis=1)
        fact, shown = items.fact[matrix], items.shown[matrix]
        differ = (fact[:, 1:] == fact[:, :-1]) & (fact[:, 1:] >= 0) & (shown[:, 1:] != shown[:, :-1])
        for i in np.flatnonzero(differ.any(axis=1)).tolist():
            part = slice(int(starts[mine[i]]), int(starts[mine[i]]) + size)
            _read_safely(matrix[i], np.unique(fact[i, 1:][differ[i]]).tolist(), item[part], on[part], items, dropped)
        _number(items.kind[matrix], len(items.stands), mine, numbers, of_case)
    return list(numbers), of_case


def _read_safely(row: Int32s, facts: Sequence[int], item: Int32s, on: Int32s, items: _Items, known: dict[object, tuple[int, ...]]) -> None:
    """Drop from a case's sorted items those that the safer reading of each contradicted fact leaves out."""
    for fact in facts:
        mine = items.fact[row] == fact
        found = row[mine].tolist()
        days: list[int] = []
        if items.dated[found].any():  # the latest record counts
            same = np.flatnonzero(items.fact[item] == fact)
            same = same[np.argsort(item[same], kind="stable")]
            found, days = item[same].tolist(), on[same].tolist()
        key = (tuple(found), tuple(days))
        out = known.get(key)
        if out is None:
            records = [items.facts[i - 1] for i in found]
            dated = [replace(f, on=day) for f, day in zip(records, days, strict=True)] if days else records
            kept = {items.number[replace(f, on=NO_DAY)] for f in safer(list(dict.fromkeys(dated)), items.book, [])}
            out = known[key] = tuple(set(found) - kept)
        if out:
            row[np.isin(row, out)] = 0


def _number(kinds: Int32s, classes: int, cases: Int64s, numbers: dict[Kinds, int], of_case: Int64s) -> None:
    """Number the sets in the rows of a matrix of classes, and write each case's number."""
    if not len(cases):
        return
    kinds = np.sort(kinds, axis=1)
    kinds[:, 1:][kinds[:, 1:] == kinds[:, :-1]] = 0  # each class once; a 0 is nothing, wherever it stands
    bits = max(classes.bit_length(), 1)
    together = 63 // bits
    state = seen = np.zeros(len(cases), np.int64)
    for first in range(0, kinds.shape[1], together):
        word = np.zeros(len(cases), np.int64)
        for column in kinds[:, first : first + together].T:
            word <<= bits
            word |= column
        word, seen = _codes(word)
        state, seen = _codes(state * len(seen) + word) if first else (word, seen)
    number = np.empty(len(seen), np.int64)
    for i, row in enumerate(kinds[seen].tolist()):
        number[i] = numbers.setdefault(tuple(k for k in row if k), len(numbers))
    of_case[cases] = number[state]


def _codes(values: Int64s) -> tuple[Int64s, Int64s]:
    """The distinct numbers of an array as codes from 0, and where each is met first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(pa.array(values))
    codes: Int64s = np.asarray(encoded.indices).astype(np.int64)
    first = np.empty(len(encoded.dictionary), np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return codes, first


# ------------------------------------------------------------------------------------------------- sets as answers


class _Runs:
    """The plain engine over distinct sets, each once."""

    def __init__(self, reasoner: Reasoner, items: _Items) -> None:
        self.reasoner, self.items, self.book, self.plan = reasoner, items, reasoner.book, reasoner.plan
        self._chained: dict[Kinds, Chained] = {}
        self._routes: dict[tuple[frozenset[str], int], tuple[tuple[str, ...], str, tuple[str, ...]]] = {}

    def tokens(self, kinds: Kinds) -> list[Token]:
        """The first tokens of a set: its facts, what is unrecorded, and its flags."""
        stands = [self.items.stands[k] for k in kinds]
        facts = [t for t in stands if t["t"] == "fact"]
        known = {t["f"] for t in facts}
        missing: list[Token] = [{"t": "unrecorded", "f": name, "k": 0} for name in self.plan.unrecorded if name not in known]
        tokens = [*facts, *missing]
        tokens += [t for kind in ("flag", "sibling") for t in stands if t["t"] == kind]
        return [{**t, "k": k} for k, t in enumerate(tokens)]

    def chained(self, kinds: Kinds) -> Chained:
        """What the plain engine makes of a set."""
        found = self._chained.get(kinds)
        if found is None:
            found = self._chained[kinds] = self.reasoner.chainer.run(self.tokens(kinds))
        return found

    def answer(self, kinds: Kinds) -> Answer:
        """What a set comes to."""
        chained = self.chained(kinds)
        level, significant = chained.combined.level, chained.combined.significant
        surely = tuple(sorted({self.items.surely[k] for k in kinds} - {0}))
        could_be = None
        if surely != kinds:
            better = self.chained(surely).combined
            could_be = better.level if better.level > level or (better.significant and not significant) else None
        return Answer(level, significant, could_be, *self._route(chained, level))

    def _route(self, chained: Chained, level: int) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
        """The pathways, the urgency and the rules that fired: the same wherever the same rules fired at the same level."""
        key = (frozenset(rule for rule, _ in chained.firings), level)
        found = self._routes.get(key)
        if found is None:
            fired = fired_rules(chained, self.plan)
            rules = tuple(r.id for r in fired)
            found = self._routes[key] = (pathways(fired, level, self.book), urgency(fired, level, self.book), rules)
        return found


__all__ = ["Answer", "Batch", "Suggestions", "suggest_many"]
