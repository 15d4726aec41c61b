"""The desk: what the pages are made from, held in memory while they are served. The rules, the timelines, and where decisions go.

Nothing here computes anything of its own: it calls what the commands call. A child is known to the pages by a handle, which says
nothing of who it is and ends with the program, so that no id stands in an address or a browser's history.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock, Thread

import numpy as np

from rrt_engine.calendar import UK, Moment, day_number
from rrt_engine.checking import Checked, check_case
from rrt_engine.model import EventLog, Question, Suggestion
from rrt_engine.paths import RULES
from rrt_engine.replay.partition import digest
from rrt_engine.replay.recorded import ALONE, Recorded, no_log, recorded
from rrt_engine.replay.run import Read, Refused, Replay, evaluated, replay, usual_last
from rrt_engine.replay.run_folder import Run, open_run
from rrt_engine.replay.worklist import Choice, Worklist, worklist
from rrt_engine.reports.source_words import ReadSaid, reach_words, read_words, stale_words
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import load
from rrt_engine.rulebook.load_thresholds import load_thresholds
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.case_file import Case, read_case
from rrt_engine.sources.fact_tables import FactReading
from rrt_engine.thresholds.two_engines import checked_by_both
from rrt_engine.training import Suggest, suggester
from rrt_engine.web.engines import Engines
from rrt_engine.web.guard import tell_fault
from rrt_engine.web.library import Library
from rrt_engine.web.once import Once
from rrt_engine.web.room import Rooms
from rrt_engine.web.works import Works

HANDLE = 16  # hexadecimal digits: 64 bits, of which nobody guesses one in a working day
_SUGGESTED = 128  # suggestions held for one case to train with: each stage, and each stage without one of its facts
_CASES = 64  # cases held with their flags, each on a day: some hundred kilobytes each
_LISTS = 32  # worklists held, by what was asked for: the columns of each, some bytes a line
OLD = 600
"""Seconds after which pages that follow the clock judge the data anew."""
WAITS = 3.0
"""Seconds that somebody waits for that; then the page says as at when it is, and that it is being made anew."""


def uk_now() -> Moment:
    """The moment now, to the minute."""
    now = datetime.now(UK).replace(second=0, microsecond=0)
    return Moment(day_number(now.date()), int(now.timestamp()))


@dataclass(frozen=True)
class Held:
    """One child in memory: which of the replay's runs, its number there, and its id in the source.

    `run` is ALONE where facts are recorded of the id, and no timeline has it.
    """

    run: int
    child: int
    id: str


@dataclass(frozen=True)
class Judged:
    """The data as judged by one moment: the lists of it, each made once, and what is said of its sources.

    `read` says what was read of every source and table of facts, what could not be used and why; `reach` how far the data go.
    """

    replay: Replay
    lists: Callable[[Choice, int], Worklist]
    read: ReadSaid
    reach: tuple[str, ...]
    last_day: int

    @staticmethod
    def of(replay: Replay, facts: Sequence[FactReading], unread: Sequence[Refused], unused: str) -> Judged:
        """The lists and the words for a replay, with the tables of facts beside it. `unused` says which facts are used for nobody."""
        last = usual_last(np.concatenate([np.zeros(0, np.int64), *(source.reading.log.day for source in replay.read)]))
        held = lru_cache(_LISTS)(lambda choice, days: worklist(replay, days, choice))
        return Judged(replay, held, read_words(replay, facts, unread), tuple(filter(None, [*reach_words(replay), unused])), last)

    def worklist(self, choice: Choice = Choice(), days: int = 10) -> Worklist:
        """What `rrt worklist` lists. The last lists asked for are held."""
        parts = (choice.teams, choice.workers, choice.services, choice.authorities)
        return self.lists(Choice(*(tuple(part) for part in parts)), days)


@dataclass
class Desk:
    """What the pages are made from. Made by `open_desk`; `close` ends the second engine.

    `replay` is None where no data were given. `runs` are the folders of runs that were named, in order. `record` is the file that
    decisions are recorded in; `once` knows the forms that were sent; `works` has what takes long and was made, and
    `comparisons` those of two runs. `folder` holds the rules.

    `today` is the moment that pages judge by unless another is asked for. Where `live` it follows the clock, `now`: `keep_up` judges
    the data anew once the moment is old, beside the pages, which go on showing what they have until it is done.
    """

    book: RuleBook
    thresholds: ThresholdBook
    today: Moment
    record: Path
    replay: Replay | None = None
    runs: tuple[Run, ...] = ()
    rooms: Rooms = field(default_factory=Rooms)
    once: Once = field(default_factory=Once)
    works: Works = field(default_factory=lambda: Works(at_once=2, most=64))
    comparisons: Works = field(default_factory=lambda: Works(at_once=1, most=8))
    folder: Path = RULES
    live: bool = False
    now: Callable[[], Moment] = uk_now
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _suggests: dict[str, Suggest] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _judged: Judged | None = field(default=None, init=False)
    _tried: Moment | None = field(default=None, init=False)
    _judging: Thread | None = field(default=None, init=False)
    _keeping: Lock = field(default_factory=Lock, init=False)

    def close(self) -> None:
        """End the second engine, and close every room."""
        self.rooms.close_all()
        self.engines.close()

    @cached_property
    def library(self) -> Library:
        """The rule book as pages."""
        return Library(self.folder, self.book, self.thresholds)

    def ready(self) -> None:
        """Make ready what the first pages need, so that nobody waits for it: the children, the lists, the rules, and both engines for the
        day.
        """
        _ = self._by_id, self.digests
        self.library.ready()
        if judged := self.judged:
            judged.worklist()
        with self.engines.of(self.today.day):
            pass

    # ------------------------------------------------------------------------------------------------ children

    @cached_property
    def _children(self) -> dict[str, Held]:
        """Every child by its handle."""
        runs = self.replay.sources if self.replay else ()
        return {
            self._handle(place, name): Held(place, number, name)
            for place, run in enumerate(runs)
            for number, name in enumerate(map(str, run.log.children.tolist()))
        } | {self._handle(ALONE, name): Held(ALONE, 0, name) for name in self.recorded.without_timeline}

    def _handle(self, run: int, child: str) -> str:
        return hmac.new(self._key, f"{run}\0{child}".encode(), hashlib.sha256).hexdigest()[:HANDLE]

    def handle(self, run: int, child: int) -> str:
        """The handle of a child, for an address: of one of the replay's runs, by its number there."""
        assert self.replay
        return self._handle(run, str(self.replay.sources[run].log.children[child]))

    def held(self, handle: str) -> Held | None:
        """The child with a handle; None where there is none, as after the program was started anew."""
        return self._children.get(handle)

    @cached_property
    def _by_id(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for handle, held in self._children.items():
            found.setdefault(held.id.casefold(), []).append(handle)
        return found

    def find(self, child_id: str) -> list[str]:
        """The handles of the children with an id; capitals and small letters are the same. More than one where an id stands for two."""
        return self._by_id.get(child_id.strip().casefold(), [])

    @cached_property
    def digests(self) -> dict[Path, str]:
        """The digest of each file of the data, as a run notes it; made as the pages are opened, while the file is what was read."""
        return {each.file: digest(each.file) for each in (self.replay.read if self.replay else ()) if each.file and each.file.exists()}

    def find_of(self, run: Run, child_id: str) -> list[str]:
        """The handles of a child of a run, as `find` gives them: only those whom a file with the run's own events knows.

        The same id in other records may be another child.
        """
        held = run.digests
        files = {file for file, made in self.digests.items() if made in held}
        sources = self.replay.sources if self.replay else ()
        known = {place for place, one in enumerate(sources) if any(each.file in files for each in one.members)}
        return [handle for handle in self.find(child_id) if self._children[handle].run in known]

    def shares(self, run: Run) -> bool:
        """Whether a file of the data holds events of a run."""
        return not run.digests.isdisjoint(self.digests.values())

    @property
    def as_known(self) -> int | None:
        """The day by which an event of the data had to be recorded to count; None where everything counts."""
        return self.replay.as_known if self.replay else None

    def recorded_later(self, held: Held) -> int:
        """How many events of a child were recorded after the as-known day, and so are not in its case."""
        if self.as_known is None:
            return 0
        whole, known = self._timeline(held)
        return len(whole) - len(known)

    def case(self, held: Held) -> Case:
        """One child's timeline as it is known to the replay, with the facts that stand beside it."""
        return Case(held.id, self._timeline(held)[1].compact(), facts=self.recorded.of(held.run, held.id))

    def left_out(self, handle: str) -> list[str]:
        """What is recorded of a child and could not be used, a sentence each; none where there is no such child."""
        held = self.held(handle)
        return self.recorded.left_out_words(held.run, held.id) if held else []

    def source(self, held: Held) -> str:
        """The name of the source of a child; of one without a timeline, that of the files with its facts."""
        if held.run == ALONE or not self.replay:
            return " + ".join(self.recorded.files_of(ALONE, held.id))
        return self.replay.sources[held.run].path

    def _timeline(self, held: Held) -> tuple[EventLog, EventLog]:
        """The events of a child, and those of them that had been recorded by the as-known day."""
        assert self.replay
        if held.run == ALONE:
            return no_log(held.id), no_log(held.id)
        log = self.replay.sources[held.run].log.of_children(held.child, held.child + 1)
        if self.as_known is None:
            return log, log
        known = np.flatnonzero(log.recorded_by(self.as_known))
        return log, log.of_rows(known, log.child[known], slice(None))

    @cached_property
    def recorded(self) -> Recorded:
        """The recorded facts, and whose they are."""
        return recorded(self.replay, self.thresholds) if self.replay else Recorded()

    @property
    def _fact_tables(self) -> tuple[list[FactReading], list[Refused]]:
        """Every table of facts as read, and what could not be read at all."""
        return self.recorded.readings, [each.refused for each in self.recorded.unread]

    # ------------------------------------------------------------------------------------------------ what the commands do

    def check(self, case: Case, as_of: Moment, suggest: bool | None = None, brief_over: int | None = None) -> Checked:
        """What `rrt check` says of a case. Raises EnginesDisagree. `suggest` False leaves the suggestion out.

        With more flags than `brief_over`, the steps of those done on time or no longer needed are left out.
        """
        wanted = bool(case.every_fact()) if suggest is None else suggest
        if not wanted:
            return check_case(case, self.book, as_of, brief_over=brief_over)
        with self.engines.of(as_of.day) as (reasoner, worker):
            return check_case(case, self.book, as_of, reasoner, worker, brief_over)

    @cached_property
    def checked(self) -> Callable[[str, Moment, int | None], Checked]:
        """What `check` says of a child of the data. The last asked for are held: people reload a case, print it and come back to it."""

        @lru_cache(_CASES)
        def checked(handle: str, as_of: Moment, brief_over: int | None) -> Checked:
            return self.check(self.case(self._children[handle]), as_of, brief_over=brief_over)

        return checked

    def suggestion(self, question: Question) -> Suggestion:
        """What both engines suggest for a question, as for one with a fact changed. Raises EnginesDisagree."""
        with self.engines.of(question.as_of) as (reasoner, worker):
            return checked_by_both(reasoner, question, worker)

    @cached_property
    def engines(self) -> Engines:
        """The plain engine made ready for the days that are looked at, and the second one beside it."""
        return Engines(self.thresholds)

    @property
    def judged(self) -> Judged | None:
        """The data as judged by the last moment; None where no data were given. A page that shows several parts asks once."""
        if self._judged is None and self.replay:
            self._judged = Judged.of(self.replay, *self._fact_tables, self.recorded.unused_words())
        return self._judged

    def stale_words(self, as_of: Moment) -> str:
        """That all the data end long before a day that somebody looks at; empty where they do not."""
        return stale_words(self.judged.last_day, as_of) if self.judged else ""

    # ------------------------------------------------------------------------------------------------ the clock

    def keep_up(self, wait: float = WAITS) -> None:
        """Where the pages follow the clock and their moment is old, or the day has turned, judge the data anew in a thread of its own,
        one at a time. Whoever finds it old waits a little; everybody else is shown what there is."""
        if not self.live:
            return
        with self._keeping:
            now, last = self.now(), self._tried or self.today
            if self._judging or (now.day == last.day and abs(now.instant - last.instant) < OLD):
                return
            self._tried = now
            if self.replay is None:
                self.today = now
                return
            judging = self._judging = Thread(target=self._judge, args=(now,), daemon=True)
            judging.start()
        judging.join(wait)

    @property
    def making_anew(self) -> bool:
        """Whether the data are being judged anew just now."""
        return self._judging is not None

    @property
    def another_day(self) -> bool:
        """Whether the pages were opened for a day that is not today."""
        return not self.live and self.today.day != self.now().day

    def _judge(self, now: Moment) -> None:
        """Judge the data by a moment, make its first list, and put it in the place of what the pages show."""
        try:
            before = self.replay
            assert before and before.merging
            read = Read(before.read, before.merging, before.refused, before.tables, before.known)
            judged = Judged.of(evaluated(read, self.book, now, before.as_known), *self._fact_tables, self.recorded.unused_words())
            judged.worklist()
            with self.engines.of(now.day):
                pass
            self._judged, self.replay, self.today = judged, judged.replay, now
        except Exception as error:
            tell_fault(error)  # the pages go on as at the moment that they show
        finally:
            self._judging = None

    def training(self) -> dict[str, Case]:
        """The bundled cases to train with, by id."""
        return self._training

    def suggests(self, case: Case) -> Suggest:
        """What the guidance points to for some facts of a bundled case on a day, as `rrt train` has it; held once worked out."""
        with self._lock:
            if case.id not in self._suggests:
                plain = suggester(case, self.thresholds)
                held = lru_cache(_SUGGESTED)(lambda facts, day: plain(facts, day))
                self._suggests[case.id] = lambda facts, day: held(tuple(facts), day)
            return self._suggests[case.id]

    @cached_property
    def _training(self) -> dict[str, Case]:
        from rrt_engine.paths import CASES

        read = [read_case(path, self.book, None, lambda: self.thresholds) for path in sorted((CASES / "training").glob("*.yaml"))]
        return {case.id: case for case in sorted(read, key=lambda case: case.id) if case.facts or case.steps}


def open_desk(
    data: Sequence[str | Path],
    rules: Path,
    as_of: Moment | None,
    record: Path,
    runs: Sequence[Path] = (),
    now: Callable[[], Moment] = uk_now,
) -> Desk:
    """Read everything the pages need. Raises InputError with everything that is wrong.

    `data` are sources as `rrt replay` reads them, or the folder of a run, whose timelines are read and which is then among the runs
    too; a source that cannot be read is named in the replay, and Today says so. Without `as_of` a single run is looked at on its own
    as-of date, and anything else at the moment `now`, which the pages then follow. A single run is looked at as known on the day that
    it was made as known on.
    """
    book = load(rules)
    thresholds = load_thresholds(rules, book)
    named = [Path(each) for each in data if _is_run(each)]
    opened = tuple(open_run(folder) for folder in dict.fromkeys([*named, *runs]))
    alone = opened[0] if len(named) == len(data) == 1 else None
    given = as_of or (alone.as_of if alone else None)
    moment = given or now()
    found = replay(data, book, moment, alone.as_known if alone else None, facts=True) if data else None
    return Desk(book, thresholds, moment, record, found, opened, folder=rules, live=given is None, now=now)


def _is_run(source: str | Path) -> bool:
    from rrt_engine.replay.run_folder import MANIFEST

    return (Path(source) / MANIFEST).is_file()
