"""The second engine in a process of its own, so that whatever happens to it costs nothing but a second opinion.

The child is sent the plan once and then cases, as lines of JSON; it answers a line a case with what fired. Only tokens
cross: no id, no date, no words about anyone. Where it is missing, stops or hangs, the first engine's answer stands and
`why` says in words why nothing checked it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import IO, Any, cast

from rrt_engine.thresholds.plan import Firing, Plan, PlanRule, Test, Token

NOT_INSTALLED = "durable_rules is not installed"
NOT_STARTED = "the second engine did not start"
STOPPED = "the second engine stopped"
NO_ANSWER = "the second engine did not answer in time"
START_SECONDS = 10.0
CASE_SECONDS = 5.0
MOST_STARTS = 5
AT_ONCE = 100
"""Cases sent together; each is answered with a line of its own, so that what was being reasoned over when it stopped is known."""
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class Worker:
    """One plan in a child process. `start` returns at once; the child gets ready while other work goes on.

    Used as a context manager, or closed with `close`. It may be started anew a few times; `why` is empty while all is well,
    and otherwise says why cases stay unchecked.
    """

    def __init__(
        self, plan: Plan, significant: frozenset[str], start_seconds: float = START_SECONDS, case_seconds: float = CASE_SECONDS
    ) -> None:
        from rrt_engine.thresholds.durable_engine import check_safe

        check_safe(plan)
        self.why = ""
        self._ids = [rule.id for rule in plan.rules]
        self._plan = json.dumps(plan_as_data(plan, significant))
        self._start_seconds, self._case_seconds = start_seconds, case_seconds
        self._starts = 0
        self._child: _Child | None = None
        self._ready = False
        self._lock = Lock()

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The child's process id, while there is a child."""
        return self._child.process.pid if self._child else None

    def start(self) -> None:
        """Start the child, if none runs and it may still be started, and send it the plan. Waits for nothing."""
        if self._child or self._starts == MOST_STARTS or self.why == NOT_INSTALLED:
            return
        self._starts += 1
        self._ready = False
        try:
            self._child = _Child()
        except (OSError, ValueError):
            self.why = NOT_STARTED
            self._starts = MOST_STARTS
            return
        self._child.ask(self._plan, 1)

    def close(self) -> None:
        """End the child. Closing its input ends it; it is killed where that does not, or where it is still getting ready."""
        if self._child:
            if self._ready:
                self._child.close()
            else:
                self._child.kill()
            self._child = None
            self._ready = False

    def opinions(self, cases: Sequence[Sequence[Token]]) -> list[frozenset[Firing] | None]:
        """What fires in each case, as the second engine has it; None where it gave no answer.

        Where it stops or hangs on a case it is started anew and asked again; a case that it stops on twice is left out.
        """
        with self._lock:
            found: list[frozenset[Firing] | None] = []
            failed_at = -1
            while len(found) < len(cases):
                if not self._get_ready():
                    found += [None] * (len(cases) - len(found))
                    break
                assert self._child
                asked = cases[len(found) : len(found) + AT_ONCE]
                self._child.ask(json.dumps(asked), len(asked))
                for _ in asked:
                    answer = self._child.answer(self._case_seconds)
                    if not isinstance(answer, list):
                        self._lost(NO_ANSWER if answer is _LATE else STOPPED)
                        break
                    found.append(frozenset((self._ids[rule], tuple(matched)) for rule, *matched in answer))
                if not self._child and failed_at == len(found):
                    found.append(None)
                    failed_at = -1
                elif not self._child:
                    failed_at = len(found)
            if cases and None not in found:
                self.why = ""
            return found

    def memory(self) -> int | None:
        """How many bytes of memory the child holds, where the system says."""
        with self._lock:
            if not self._get_ready():
                return None
            assert self._child
            self._child.ask('"memory"', 1)
            answer = self._child.answer(self._case_seconds)
            return answer if isinstance(answer, int) else None

    def _get_ready(self) -> bool:
        """Whether a child is there that has taken the plan; starts it and waits for it as need be."""
        while not self._ready:
            self.start()
            if not self._child:
                return False
            answer = self._child.answer(self._start_seconds)
            if answer == "ready":
                self._ready = True
            elif answer == "missing":
                self._lost(NOT_INSTALLED)
            elif answer is _LATE:
                self._lost(NO_ANSWER)
                self._starts = MOST_STARTS
            else:
                self._lost(NOT_STARTED)
        return True

    def _lost(self, why: str) -> None:
        self.why = why
        if self._child:
            self._child.kill()
            self._child = None
        self._ready = False


def second_opinion(worker: Worker, cases: Sequence[Sequence[Token]]) -> list[frozenset[Firing] | None]:
    """What the second engine has fire in each case, given its first tokens. None where it gave no answer: `worker.why` says why."""
    return worker.opinions(cases)


_LATE, _ENDED = object(), object()


class _Child:
    """The child process and a thread that talks to it, so that waiting can end although the child says nothing."""

    def __init__(self) -> None:
        home = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(p for p in (os.environ.get("PYTHONPATH"), home) if p)
        self.process = subprocess.Popen(  # noqa: S603  (this interpreter, this module, no shell)
            [sys.executable or "", "-P", "-m", "rrt_engine.thresholds.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            encoding="ascii",
            creationflags=_NO_WINDOW,
        )
        self._asked: SimpleQueue[tuple[str, int] | None] = SimpleQueue()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._thread = Thread(target=self._talk, name="second engine", daemon=True)
        self._thread.start()

    def ask(self, line: str, answers: int) -> None:
        """Send a line, to be answered with so many lines."""
        self._asked.put((line, answers))

    def answer(self, seconds: float) -> Any:
        """The next answer; _ENDED where the child has ended, _LATE where it has not come in time."""
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            return _LATE

    def close(self) -> None:
        """Let it end by itself, by closing its input."""
        self._asked.put(None)
        self._thread.join(0.2)
        self.kill()

    def kill(self) -> None:
        """End it, whatever it is doing, and wait until it has ended."""
        if self._thread.is_alive() or self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._asked.put(None)
        self._thread.join()

    def _talk(self) -> None:
        stdin, stdout = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)
        try:
            while (asked := self._asked.get()) is not None:
                stdin.write(asked[0] + "\n")
                stdin.flush()
                for _ in range(asked[1]):
                    self._answers.put(json.loads(stdout.readline()))
        except (OSError, ValueError):
            pass  # it ended, or what it wrote was cut off
        self._answers.put(_ENDED)
        for pipe in (stdin, stdout):
            with suppress(OSError):
                pipe.close()


# ------------------------------------------------------------------------------------------------------ the plan as data


@dataclass(frozen=True)
class _Spec:
    """As much of a threshold rule as combining its effect needs."""

    id: str
    effect: str
    level: int | None
    pathways: tuple[str, ...]


def plan_as_data(plan: Plan, significant: frozenset[str]) -> dict[str, Any]:
    """A plan as JSON can hold it."""
    rules = []
    for rule in plan.rules:
        spec = plan.specs[rule.id]
        patterns = [[[t.field, t.operator, t.value] for t in tests] for tests in rule.patterns]
        rules.append([rule.id, rule.stratum, patterns, spec.effect, spec.level, list(spec.pathways)])
    return {"rules": rules, "significant": sorted(significant)}


def plan_from_data(data: dict[str, Any]) -> tuple[Plan, frozenset[str]]:
    """The plan that `plan_as_data` wrote, and the significant pathways."""
    rules, specs = [], {}
    for id_, stratum, patterns, effect, level, pathways in data["rules"]:
        tests = tuple(tuple(Test(f, op, tuple(v) if isinstance(v, list) else v) for f, op, v in pattern) for pattern in patterns)
        rules.append(PlanRule(id_, stratum, tests))
        specs[id_] = _Spec(id_, effect, level, tuple(pathways))
    return Plan(tuple(rules), cast("dict[str, Any]", specs), ()), frozenset(data["significant"])


# ------------------------------------------------------------------------------------------------------------- the child


def main() -> None:
    """The child: a line with the plan, then lines of cases, until the input ends."""
    lines, out = iter(sys.stdin), sys.stdout
    from rrt_engine.thresholds.durable_engine import DurableEngine

    plan, significant = plan_from_data(json.loads(next(lines)))
    try:
        engine = DurableEngine(plan, significant)
    except ImportError:
        _answer(out, "missing")
        return
    _answer(out, "ready")
    number = {rule.id: i for i, rule in enumerate(plan.rules)}
    for asked in _asked(lines):
        if asked == "memory":
            _answer(out, _memory())
            continue
        for tokens in asked:
            _answer(out, [[number[rule], *matched] for rule, matched in engine.run(tokens)])


def _asked(lines: Iterator[str]) -> Iterator[Any]:
    for line in lines:
        yield json.loads(line)


def _answer(out: IO[str], answer: object) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


def _memory() -> int | None:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return None


if __name__ == "__main__":
    main()
