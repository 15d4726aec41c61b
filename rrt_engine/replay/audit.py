"""The audit of thresholds: what is suggested for every case that has facts, and how far people's decisions agree with it.

It says nothing of who is right. There is no single ground truth in these decisions: where a person and the suggestion differ,
the case is listed for somebody to read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import STATUSES, Int32s, Int64s
from rrt_engine.replay.recorded import ALONE, SEVERAL, FactFile, Recorded, no_log, recorded
from rrt_engine.replay.run import Refused, Replay, SourceRun
from rrt_engine.replay.suppress import Grid, grid, line, shown
from rrt_engine.rulebook.base_rates import BaseRate, BaseRates
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.fact_names import beside, is_decisions
from rrt_engine.sources.fact_tables import Decided, DecisionReading, FactReading, read_decisions
from rrt_engine.thresholds.batch import Batch, Suggestions, suggest_many
from rrt_engine.thresholds.derive_many import Derived, derived_of_all
from rrt_engine.thresholds.route import URGENCIES
from rrt_engine.thresholds.suggest import Reasoner, none_in_force, question_of
from rrt_engine.thresholds.worker import Worker

LEVELS = ("1", "2", "3", "4 complex", "4 significant")
MISSING_FROM = 200
"""Cases that are asked, one by one, what they miss: all where there are no more, and otherwise a systematic sample."""
NO_INTERVALS = "95% intervals are left out: they need SciPy, which is installed with: pip install 'rrt-engine[statistics]'"


@dataclass(frozen=True)
class Settings:
    """How an audit is shown: counts below `suppress_under` are left out; `dip_sample` disagreements are listed."""

    suppress_under: int = 5
    dip_sample: int = 10


@dataclass(frozen=True)
class Share:
    """A share with its denominator and its 95% Wilson interval; `count` None where it is small, `low` None without SciPy."""

    count: int | None
    of: int | None
    low: float | None = None
    high: float | None = None

    @property
    def value(self) -> float | None:
        """The share, from 0 to 1."""
        return self.count / self.of if self.count is not None and self.of else None


@dataclass(frozen=True)
class Group:
    """One source of facts: what was read, and which cases come from it. `without` counts children with a timeline and no facts."""

    source: str
    cases: int
    facts: FactReading | None
    decisions: DecisionReading | None
    without: int


@dataclass(frozen=True)
class Disagreement:
    """One case in which the level decided is not the one suggested."""

    case: str
    source: str
    suggested: int
    significant: bool
    suggested_pathway: str
    decided: int
    decided_pathway: str
    reason: str


@dataclass(frozen=True)
class Agreement:
    """Decisions beside suggestions: the table (suggested by decided), and the share agreeing, decided above and decided below."""

    compared: int | None
    table: Grid
    agreeing: Share
    above: Share
    below: Share
    without_facts: int
    disagreements: int | None
    sample: tuple[Disagreement, ...]
    every: float

    @property
    def method(self) -> str:
        """How the dip sample was drawn, in words."""
        if self.every <= 1:
            return "every disagreement is listed, in the order of case ids"
        return f"a systematic sample: of the disagreements in the order of case ids, one in every {self.every:.1f}, none chosen by hand"


@dataclass(frozen=True)
class Beside:
    """A published figure beside what was found; `far` None where the two cannot be compared."""

    id: str
    rate: BaseRate
    source: str
    found: Share
    what: str
    far: bool | None


@dataclass(frozen=True)
class Audit:
    """Everything an audit found. Counts are None where they are small. `unused` says which facts are of no one child, in sentences."""

    book: ThresholdBook
    settings: Settings
    groups: tuple[Group, ...]
    refused: tuple[Refused, ...]
    suggestions: Suggestions
    source_of: Int32s
    decided: Mapping[int, Decided]
    cases: int
    levels: dict[str, int | None]
    pathways: dict[str, int | None]
    urgencies: dict[str, int | None]
    could_be: dict[int, int | None]
    could_be_more: Share
    missing: dict[str, int | None]
    missing_asked: int
    agreement: Agreement | None
    beside: tuple[Beside, ...]
    far_points: float
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def far_words(self) -> str:
        """When what was found counts as far from a published figure."""
        return f"Far means that the published figure lies outside the 95% interval, and more than {self.far_points:g} points away."


# --------------------------------------------------------------------------------------------------------- gathering


@dataclass
class _Gathered:
    """Cases from all files of facts, one after another: a child whose facts stand in several is one case."""

    ids: list[str] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    run: list[int] = field(default_factory=list)
    number: dict[tuple[int, str], int] = field(default_factory=dict)
    parts: list[tuple[Int32s, Int32s, Int32s]] = field(default_factory=list)
    records: dict[Any, int] = field(default_factory=dict)
    computed: dict[str, dict[Any, list[int]]] = field(default_factory=dict)
    flags: dict[tuple[str, str], list[Int64s]] = field(default_factory=dict)

    def add(self, source: int, file: FactFile) -> dict[str, int]:
        """Add the facts of one file, and return the number of each case in it; those of an id that stands for several are left out."""
        facts, numbers = file.facts, np.full(len(file.facts.cases), -1, np.int32)
        for place, key in enumerate(zip(file.whose, facts.cases, strict=True)):
            if key[0] == SEVERAL:
                continue
            if key not in self.number:
                self.number[key] = len(self.ids)
                self.ids.append(key[1])
                self.source.append(source)
                self.run.append(key[0])
            numbers[place] = self.number[key]
        rows = np.flatnonzero(numbers[facts.case] >= 0) if len(numbers) else np.zeros(0, np.int64)
        record = np.array([self.records.setdefault(r, len(self.records)) for r in facts.records] or [0], np.int32)
        self.parts.append((numbers[facts.case[rows]], record[facts.record[rows]], facts.on[rows]))
        return {name: number for name, number in zip(facts.cases, numbers.tolist(), strict=True) if number >= 0}

    def add_timelines(
        self, run: int, children: int, child: Mapping[tuple[int, str], int], computed: Mapping[str, Derived], flags: Mapping[Any, Any]
    ) -> None:
        """Add what the timelines of a run give for its cases. `children` is how many it has."""
        case_of = np.full(children + 1, -1, np.int64)
        for case, (at, name) in enumerate(zip(self.run, self.ids, strict=True)):
            if at == run:
                case_of[child[at, name]] = case
        for name, derived in computed.items():
            cases = case_of[derived.child]
            for number, value in enumerate(derived.facts):
                mine = cases[(derived.place == number) & (cases >= 0)]
                if len(mine):
                    self.computed.setdefault(name, {}).setdefault(value, []).extend(mine.tolist())
        for flag, kids in flags.items():
            cases = case_of[kids]
            self.flags.setdefault(flag, []).append(cases[cases >= 0])

    def batch(self) -> Batch:
        """All cases as one batch."""
        columns = [np.concatenate([part[i] for part in self.parts]) if self.parts else np.zeros(0, np.int32) for i in range(3)]
        computed = {}
        for name, by_value in self.computed.items():
            child = np.concatenate([np.array(v, np.int64) for v in by_value.values()])
            value = np.concatenate([np.full(len(v), i, np.int64) for i, v in enumerate(by_value.values())])
            computed[name] = Derived(child, value, tuple(by_value))
        flags = {flag: np.unique(np.concatenate(found)) for flag, found in self.flags.items()}
        return Batch(self.ids, columns[0], columns[1], columns[2], tuple(self.records), computed, flags)


def audit(
    replay: Replay,
    reasoner: Reasoner,
    worker: Worker | None = None,
    settings: Settings = Settings(),
    decisions: Path | None = None,
    base_rates: BaseRates | None = None,
    as_known: int | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Suggest for every case that has facts, in the sources of a replay and beside them, and set recorded decisions beside it.

    `decisions` is a table or a record of decisions on any of the cases. Raises InputError where a table of facts that was
    named cannot be read at all, where there are no facts anywhere, or where no threshold rule was in force.
    """
    book, day = reasoner.book, replay.as_of.day
    if not reasoner.in_force:
        help = "judge a later day, or leave out the suggestions"
        raise InputError([Diagnostic("the threshold rules", 0, 0, "not_in_force", none_in_force(day), "error", "", help)])
    gathered = _Gathered()
    groups: list[Group] = []
    by_case: dict[int, Decided] = {}
    wanted = {flag for rule in reasoner.plan.rules for tests in rule.patterns for flag in _named_flags(tests)}

    found = recorded(replay, book, notice)
    for file in found.files:
        table = beside(file.file, "decisions")
        said = read_decisions(table, book, day) if table is not None else None
        numbers = gathered.add(len(groups), file)
        if said:
            by_case.update({numbers[name]: decided for name, decided in said.decisions.items() if name in numbers})
        without = sum(len(replay.sources[run].log.children) for run in file.runs) - sum(run in file.runs for run in file.whose)
        groups.append(Group(file.name, len(numbers), file.reading, said, without))
    for run in sorted({run for run in gathered.run if run != ALONE}):
        source = replay.sources[run]
        computed = derived_of_all(source.log, book, day, as_known)
        gathered.add_timelines(run, len(source.log.children), found.child, computed, _flagged(source, wanted, replay))
    refused = [each.refused for each in found.unread]
    unused = tuple(filter(None, [found.unused_words()]))
    elsewhere = _given(decisions, book, day) if decisions else None
    unknown = 0
    if elsewhere:
        of_id: dict[str, list[int]] = {}
        for i, name in enumerate(gathered.ids):
            of_id.setdefault(name, []).append(i)
        unknown = sum(1 for name in elsewhere.decisions if name not in of_id)
        by_case.update({i: found for name, found in elsewhere.decisions.items() for i in of_id.get(name, ())})
        groups.append(Group(elsewhere.file, 0, None, elsewhere, 0))
    unknown += sum(sum(1 for name in g.decisions.decisions if name not in set(gathered.ids)) for g in groups if g.decisions and g.cases)
    suggestions = suggest_many(reasoner, gathered.batch(), worker, notice)
    notice("what is missing")
    missing, asked = _missing(reasoner, gathered, found, suggestions, replay)
    made = _audit(replay, book, settings, groups, refused, suggestions, gathered, by_case, unknown, missing, asked, base_rates)
    return replace(made, unused=unused)


def _named_flags(tests: Iterable[Any]) -> set[str]:
    tests = list(tests)
    if not any(t.field == "t" and t.value == "flag" for t in tests):
        return set()
    return {str(v) for t in tests if t.field == "f" for v in (t.value if isinstance(t.value, tuple) else (t.value,))}


def _flagged(source: SourceRun, wanted: set[str], replay: Replay) -> dict[tuple[str, str], Int64s]:
    """The children of a source with a flag that some threshold rule asks for, by rule and status."""
    found: dict[tuple[str, str], list[Int64s]] = {}
    flags, log = source.result.flags, source.reading.log
    standing = flags.standing()
    for index, rule in enumerate(replay.book.rules):
        if rule.id in wanted:
            part = slice(*np.searchsorted(flags.rule, [index, index + 1]))
            for status in np.unique(flags.status[part]).tolist():
                rows = flags.trigger[part][(flags.status[part] == status) & standing[part]]
                found.setdefault((rule.id, STATUSES[status]), []).append(log.child[rows].astype(np.int64))
    return {flag: np.unique(np.concatenate(children)) for flag, children in found.items()}


def _given(path: Path, book: ThresholdBook, as_of: int) -> DecisionReading:
    """Decisions from a table, or from the record of decisions."""
    if path.suffix.lower() in (".csv", ".parquet", ".jsonl", ".ndjson", ".tsv") or is_decisions(path):
        return read_decisions(path, book, as_of)
    from rrt_engine.decisions import entries, open_record

    found: dict[str, Decided] = {}
    read = later = 0
    with open_record(path) as record:
        for entry in entries(record):
            made = entry.decision
            read += 1
            day = parse_moment(made.at).day
            if day > as_of:
                later += 1
                continue
            found[made.suggested.case] = Decided(made.level, made.route, made.reason, day, made.suggested.consent_status)
    return DecisionReading(path.name, found, read, read, read - later - len(found))


# ------------------------------------------------------------------------------------------------------------ counting


def _audit(
    replay: Replay,
    book: ThresholdBook,
    settings: Settings,
    groups: Sequence[Group],
    refused: Sequence[Refused],
    suggestions: Suggestions,
    gathered: _Gathered,
    by_case: Mapping[int, Decided],
    unknown: int,
    missing: Mapping[str, int],
    asked: int,
    base_rates: BaseRates | None,
) -> Audit:
    under, n = settings.suppress_under, len(suggestions)
    intervals, notes = _intervals()
    points = base_rates.far_points if base_rates else 0.0
    answers = np.bincount(suggestions.answer, minlength=len(suggestions.answers)).tolist()
    levels, routes, urgencies, more = Counter[str](), Counter[str](), Counter[str](), Counter[int]()
    for answer, count in zip(suggestions.answers, answers, strict=True):
        levels[_level_word(answer.level, answer.significant)] += count
        routes[answer.pathways[0]] += count
        urgencies[answer.urgency] += count
        if answer.could_be is not None:
            more[answer.could_be] += count
    at_4 = levels["4 complex"] + levels["4 significant"]
    unclear = sum(more.values())

    def share(count: int, of: int) -> Share:
        return _share(count, of, intervals, under)

    found = {"suggested_level_4": (at_4, n, "cases suggested level 4"), "s47_to_conference": _conferences(replay)}
    return Audit(
        book=book,
        settings=settings,
        groups=tuple(groups),
        refused=tuple(refused),
        suggestions=suggestions,
        source_of=np.array(gathered.source, np.int32),
        decided=by_case,
        cases=n,
        levels=_levels(levels, under),
        pathways=_table({p: routes[p] for p in book.pathways if routes[p]}, under),
        urgencies=_table({u: urgencies[u] for u in URGENCIES}, under),
        could_be=dict(zip(sorted(more), line([more[level] for level in sorted(more)], under), strict=True)),
        could_be_more=share(unclear, n),
        missing={name: shown(count, under) for name, count in missing.items()},
        missing_asked=asked,
        agreement=_agreement(suggestions, gathered, groups, by_case, unknown, settings, intervals) if by_case or unknown else None,
        beside=tuple(
            _beside(name, rate, found[rate.compares], intervals, under, points, book)
            for name, rate in (base_rates.rates.items() if base_rates else ())
        ),
        far_points=points,
        notes=notes,
    )


def _level_word(level: int, significant: bool) -> str:
    return str(level) if level < 4 else LEVELS[4] if significant else LEVELS[3]


def _levels(counts: Mapping[str, int], under: int) -> dict[str, int | None]:
    """Cases by level. Level 4 as a whole is told elsewhere, so its halves are shown together or not at all."""
    found = _table({name: counts[name] for name in LEVELS}, under)
    if None in (found[LEVELS[3]], found[LEVELS[4]]):
        found.update(dict.fromkeys(LEVELS[3:]))
    return found


def _table(counts: Mapping[str, int], under: int) -> dict[str, int | None]:
    return dict(zip(counts, line(list(counts.values()), under), strict=True))


Interval = Callable[[int, int], tuple[float, float]]


def _intervals() -> tuple[Interval | None, tuple[str, ...]]:
    """The 95% Wilson interval of a share, by SciPy; without SciPy, none and a note."""
    try:
        binomtest = import_module("scipy.stats").binomtest
    except ImportError:
        return None, (NO_INTERVALS,)

    def interval(count: int, of: int) -> tuple[float, float]:
        found = binomtest(count, of).proportion_ci(confidence_level=0.95, method="wilson")
        return float(found.low), float(found.high)

    return interval, ()


def _share(count: int, of: int, intervals: Interval | None, under: int) -> Share:
    if 0 < count < under or 0 < of - count < under or 0 < of < under:
        return Share(None, shown(of, under))
    low, high = intervals(count, of) if intervals and of else (None, None)
    return Share(count, of, low, high)


def _agreement(
    suggestions: Suggestions,
    gathered: _Gathered,
    groups: Sequence[Group],
    by_case: Mapping[int, Decided],
    unknown: int,
    settings: Settings,
    intervals: Interval | None,
) -> Agreement:
    under = settings.suppress_under
    counts = [[0] * 4 for _ in range(4)]
    differ: list[int] = []
    for i, decided in sorted(by_case.items(), key=lambda each: (gathered.ids[each[0]], each[0])):
        suggested = suggestions.of(i).level
        counts[suggested - 1][decided.level - 1] += 1
        if suggested != decided.level:
            differ.append(i)
    compared = len(by_case)
    agreeing = sum(counts[i][i] for i in range(4))
    above = sum(counts[i][j] for i in range(4) for j in range(4) if j > i)
    below = compared - agreeing - above
    three = line([agreeing, above, below], under)
    shares = [Share(None, shown(compared, under)) if seen is None else _share(seen, compared, intervals, 0) for seen in three]
    size = min(settings.dip_sample, len(differ))
    every = len(differ) / size if size else 0.0
    chosen = [differ[int((k + 0.5) * every)] for k in range(size)]
    sample = []
    for i in chosen:
        answer, decided = suggestions.of(i), by_case[i]
        sample.append(
            Disagreement(
                gathered.ids[i],
                groups[gathered.source[i]].source,
                answer.level,
                answer.significant,
                answer.pathways[0],
                decided.level,
                decided.pathway,
                decided.reason,
            )
        )
    differing = shown(len(differ), under)
    agree, over, less = shares
    return Agreement(shown(compared, under), grid(counts, under), agree, over, less, unknown, differing, tuple(sample), every)


def _missing(
    reasoner: Reasoner, gathered: _Gathered, found: Recorded, suggestions: Suggestions, replay: Replay
) -> tuple[dict[str, int], int]:
    """The facts most often missing that would change an answer, over all cases or a systematic sample: every so manieth case."""
    n = len(suggestions)
    size = min(n, MISSING_FROM)
    counted = Counter[str]()
    empty = no_log()
    for k in range(size):
        i = int((k + 0.5) * n / size)
        run, name = gathered.run[i], gathered.ids[i]
        timeline = (empty, 0) if run == ALONE else (replay.sources[run].log, found.child[run, name])
        question = question_of(name, found.of(run, name), *timeline, reasoner.book, replay.as_of.day)
        counted.update({m.fact for m in reasoner.suggest(question).missing})
    return dict(counted.most_common()), size


def _conferences(replay: Replay) -> tuple[int, int, str]:
    """Section 47 enquiries on the timelines with an outcome or a conference, and those that reached one."""
    reached = of = 0
    for source in replay.sources:
        log = source.reading.log
        kinds = {kind: i for i, kind in enumerate(log.kinds)}
        if "s47_started" not in kinds or not log.coverage.carries("icpc_held"):
            continue
        here = log.day <= replay.as_of.day
        if log.suspect is not None:
            here &= ~log.suspect
        ref = log.ref if log.ref is not None else np.full(len(log), -1, np.int32)
        rows = {kind: np.flatnonzero(here & (log.kind == kinds.get(kind, -1))) for kind in _ENQUIRY}
        held = {(int(log.child[r]), int(ref[r])) for r in rows["icpc_held"]}
        done = {(int(log.child[r]), int(ref[r])) for r in rows["s47_outcome_recorded"]}
        for key in {(int(log.child[r]), int(ref[r])) for r in rows["s47_started"]}:
            conference = key in held or (key[0], -1) in held
            if conference or key in done or (key[0], -1) in done:
                of += 1
                reached += conference
    return reached, of, "section 47 enquiries on the timelines that have an outcome or a conference"


_ENQUIRY = ("s47_started", "s47_outcome_recorded", "icpc_held")


def _beside(
    name: str, rate: BaseRate, found: tuple[int, int, str], intervals: Interval | None, under: int, points: float, book: ThresholdBook
) -> Beside:
    """A published figure beside what was found. Far: outside the 95% interval, and more than so many points away."""
    count, of, what = found
    share = _share(count, of, intervals, under)
    far = None
    if share.value is not None and share.low is not None and share.high is not None:
        low, high = rate.percent / 100, (rate.percent if rate.to is None else rate.to) / 100
        away = max(low - share.value, share.value - high)
        far = (share.high < low or share.low > high) and away * 100 > points
    source = book.book.sources.get(rate.source.id)
    return Beside(name, rate, f"{source.title if source else rate.source.id}, {rate.source.at}", share, what, far)


__all__ = ["LEVELS", "Agreement", "Audit", "Beside", "Group", "Settings", "Share", "audit"]
