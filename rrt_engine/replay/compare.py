"""Compare two runs: which duties are judged otherwise, and what made each so: the records, the date, the rules or the local values.

Both runs hold the rules as they were and know their events, so a cause is found by replaying the children that moved with one
thing as it is in the second run and everything else as it was in the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.replay.chunk import Settings
from rrt_engine.replay.comparing import AT_ONCE, Found, RunFlags, compare_flags
from rrt_engine.replay.parts_again import Again, held_in
from rrt_engine.replay.rule_differences import RuleDifferences
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.what_if import Chosen, Other, chosen


@dataclass(frozen=True)
class SourceDifference:
    """One source by its name, and what became of it: the `same`, `changed`, only `before` or only `after`."""

    name: str
    what: str


@dataclass(frozen=True)
class Comparison:
    """Two runs compared.

    `factors` are the things that differ, of data, time, rule and parameter. `without_cause` says why no causes are given, "" where
    they are. `set_aside` are children left out of the comparison because a part of a run was set aside; `lost` are parts of which
    that cannot be known, so that their children look gone or new.
    """

    before: Run
    after: Run
    factors: tuple[str, ...]
    sources: tuple[SourceDifference, ...]
    rules: RuleDifferences
    found: Found
    without_cause: str = ""
    set_aside: int = 0
    lost: tuple[str, ...] = ()


def compare_runs(
    before: Run,
    after: Run,
    folder: Path,
    take: Callable[[Any], object] = lambda _: None,
    notice: Callable[[str], None] = lambda _: None,
    jobs: int = 1,
    at_once: int = AT_ONCE,
) -> Comparison:
    """Compare two runs, in `jobs` processes where children are replayed again. `folder` is an empty one for what is needed meanwhile;
    `take` is given each table of duties that moved.

    Raises InputError where the flags or the rules of a run cannot be read.
    """
    notice("reading the rules")
    rules = [run.extract_rules(_made(folder / name)) for run, name in ((before, "rules-before"), (after, "rules-after"))]
    books = chosen(Other(rules[0], rules[1], after.changes, before.changes))
    same_data = _same_data(before, after)
    factors = tuple(
        name
        for name, differs in (
            ("data", not same_data),
            ("time", (before.as_of, before.as_known) != (after.as_of, after.as_known)),
            *((factor, factor in books.differences.factors) for factor in ("rule", "parameter")),
        )
        if differs
    )
    left_out, lost = _set_aside(before, after)
    without = _without_cause(before, after, factors, notice)
    again = Again(
        (before.partition, after.partition),
        factors,
        lambda subset: _asked(subset, before, after, books, same_data),
        _made(folder / "events"),
        notice,
        jobs,
    )
    found = compare_flags(
        RunFlags(before), RunFlags(after), () if without else factors, again, _made(folder / "flags"), take, left_out, notice, at_once
    )
    return Comparison(before, after, factors, _sources(before, after), books.differences, found, without, len(left_out), tuple(lost))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _same_data(before: Run, after: Run) -> bool:
    """Whether both runs replayed the same records: the same sources, or the same events in the same parts."""
    for digests in ([s["sha256"] for s in run.manifest["sources"]] for run in (before, after)):
        if not digests or not all(digests):
            break
    else:
        if Counter(s["sha256"] for s in before.manifest["sources"]) == Counter(s["sha256"] for s in after.manifest["sources"]):
            return True
    parts = [[(p.sha256, p.log, p.rows) for p in run.parts] for run in (before, after)]
    return parts[0] == parts[1] and all(p.sha256 for p in before.parts)


def _sources(before: Run, after: Run) -> tuple[SourceDifference, ...]:
    """The sources of both runs by name."""
    one, two = ({s["name"]: s["sha256"] for s in run.manifest["sources"]} for run in (before, after))
    found = []
    for name in [*one, *(name for name in two if name not in one)]:
        what = (
            "after" if name not in one else "before" if name not in two else "same" if one[name] and one[name] == two[name] else "changed"
        )
        found.append(SourceDifference(name, what))
    return tuple(found)


def _set_aside(before: Run, after: Run) -> tuple[set[str], list[str]]:
    """The children whose part was set aside in either run, and the parts of which they cannot be known."""
    left_out: set[str] = set()
    lost: list[str] = []
    for run in (before, after):
        children, unknown = held_in(run.partition, list(run.set_aside()))
        left_out |= children
        lost += [f"{run.folder.name}/{name}" for name in unknown]
    return left_out, lost


def _without_cause(before: Run, after: Run, factors: Sequence[str], notice: Callable[[str], None]) -> str:
    """Why it cannot be said what made the difference; "" where it can."""
    engines = [run.manifest["engine"] for run in (before, after)]
    if engines[0] != engines[1]:
        return f"the runs were made by different versions of rrt, {engines[0]} and {engines[1]}: replay the first again with this one"
    if len(factors) < 2:
        return ""
    notice("checking that the events are still as they were")
    missing = [f"{run.folder.name}: {said}" for run in (before, after) for said in run.missing_events()]
    if not missing:
        return ""
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return f"the events that were replayed are no longer at hand ({'; '.join(missing[:3])}{more})"


def _asked(subset: frozenset[str], before: Run, after: Run, books: Chosen, same_data: bool) -> tuple[int, Settings] | None:
    """Which events to replay, and what to judge by, with some things as they are in the second run."""
    rules = subset & {"rule", "parameter"}
    folder, changes = books.subsets[rules]
    when = after if "time" in subset else before
    # The same sources may be read as other events by other rules: then the events go with the rules.
    data = "rule" in subset and books.differences.in_vocabulary if same_data else "data" in subset
    return int(data), Settings(folder, when.as_of, when.as_known, changes)


def check_comparable(before: Run, after: Run) -> None:
    """Raises InputError where two runs are one and the same folder."""
    if before.folder.resolve() == after.folder.resolve():
        message = "this is the run it would be compared with"
        raise InputError(
            [Diagnostic(str(after.folder), 0, 0, "same_run", message, "error", "", "name two runs: the earlier, then the later")]
        )
