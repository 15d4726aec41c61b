"""Replay sources of any size into a run folder: part by part, in several processes, so that nothing done is ever lost.

A part that is done is a file of flags and a receipt; a run that was cut off goes on with the parts that have none. The manifest
is put together from the receipts, in order, so that the same inputs give the same bytes whoever did the work, and in what order.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rrt_engine import __version__
from rrt_engine.calendar import NO_INSTANT, as_date
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import Rejected
from rrt_engine.replay.chunk import Log, Settings, book_of, flags_of_table, rejected_table
from rrt_engine.replay.flag_rows import write_rows
from rrt_engine.replay.partition import ROWS, Part, Partition, accounts, as_data, digest, from_data, partition
from rrt_engine.replay.pool import CutOff, Failed, pooled
from rrt_engine.replay.run_folder import (
    DIAGNOSTICS,
    EVENTS,
    FLAGS,
    JOURNAL,
    MANIFEST,
    REJECTED,
    RULES,
    SCHEMA,
    UNFINISHED,
    Run,
    open_run,
    write_rules,
)
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.target import write_atomically
from rrt_engine.words import iso_time

_LOCK = ".running"
_RECEIPT = {
    "children",
    "events",
    "flags",
    "flags_sha256",
    "read",
    "used",
    "after_as_of",
    "kinds",
    "not_evaluable",
    "diagnostics",
    "rejected",
}
"""What a receipt says."""

Task = tuple[Part, Log, Settings, Path]
"""What replaying one part needs, as `replay_part` takes it."""
Engine = Callable[[Sequence[Task]], Iterator[tuple[int, Failed | None]]]
"""Replays parts in any order: yields the place of each among those given, with None, or with why it could not be done."""


def run(
    sources: Sequence[str | Path],
    settings: Settings,
    folder: Path,
    jobs: int = 1,
    resume: bool = False,
    notice: Callable[[str], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    engine: Engine | None = None,
    rows: int = ROWS,
) -> Run:
    """Replay sources into a folder, or with `resume` go on with a replay that was cut off, and return the run.

    `jobs` processes work at once, on parts of about `rows` events; `notice` is told what is being done, and `progress` how many
    events are done, of how many. Raises InputError where the folder cannot be used, or no source can be read; CutOff where it was
    stopped: what was done is kept.
    """
    book = book_of(settings.rules, settings.changes)
    sources = sorted(sources, key=str)  # in whatever order they are named, the run is the same
    with _held(folder):
        state = _state(folder, resume)
        if state is None and (folder / MANIFEST).is_file():
            _same(_identity(settings, book), json.loads((folder / MANIFEST).read_text(encoding="utf-8")), folder)
            _same_sources(sources, open_run(folder).partition, folder)
            return open_run(folder)
        asked = _identity(settings, book)
        if state is not None:
            _same(asked, state, folder)
        made = None if state is None or state["parts"] is None else _begun(state, folder)
        if made is None:
            shutil.rmtree(folder / EVENTS, ignore_errors=True)
            _write_json(folder / UNFINISHED, {**asked, "parts": None})
            try:
                made = partition(sources, book, folder / EVENTS, notice, rows=rows)
                if made.refused:
                    raise InputError(made.refused)
            except InputError:
                _discard(folder)
                raise
            _write_json(folder / UNFINISHED, {**asked, **as_data(made, folder)})
        else:
            _same_sources(sources, made, folder)
            (folder / MANIFEST).unlink(missing_ok=True)
        return _replayed(made, settings, book, folder, jobs, notice, progress, engine)


def run_parts(
    made: Partition, settings: Settings, folder: Path, jobs: int = 1, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Run:
    """Replay a partition into a new folder and return the run. Raises InputError and CutOff as `run` does."""
    book = book_of(settings.rules, settings.changes)
    with _held(folder):
        _state(folder, False)
        _write_json(folder / UNFINISHED, {**_identity(settings, book), **as_data(made, folder)})
        return _replayed(made, settings, book, folder, jobs, lambda _: None, progress, None)


def replay_part(part: Part, log: Log, settings: Settings, folder: Path) -> None:
    """Replay one part: write its flags, and then its receipt, each whole or not at all.

    Raises InputError where the events cannot be read, or are not those the part was cut from.
    """
    if part.sha256 and digest(part.file) != part.sha256:
        message = "this part has changed since it was cut"
        raise InputError([Diagnostic(part.file.name, 0, 0, "changed", message, "error", "", "make the partition again")])
    found = flags_of_table(part.events(), settings, log)
    target = folder / FLAGS / f"{part.name}.parquet"
    write_atomically(target, lambda path: write_rows(found.flags, path))
    receipt = {
        "children": found.children,
        "events": found.events,
        "flags": found.flags.num_rows,
        "flags_sha256": digest(target),
        "read": found.read,
        "used": found.used,
        "after_as_of": found.after_as_of,
        "kinds": sorted(found.kinds),
        "not_evaluable": found.not_evaluable,
        "diagnostics": [asdict(d) for d in found.diagnostics],
        "rejected": [[r["source"], r["row"], r["why"]] for r in found.rejected.to_pylist()],
        "set_aside": "",
    }
    _write_json(folder / JOURNAL / f"{part.name}.json", receipt)


# ---------------------------------------------------------------------------------------------------- the folder


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder, made and held by this run alone. Raises InputError where another run holds it, or it cannot be made."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise _problem(folder, "another replay is writing into this folder", "wait for it, or name another folder") from None
    except OSError as error:
        raise _problem(folder, f"cannot write here: {error.strerror or error}", "name a folder that can be written to") from None
    try:
        yield
    finally:
        if not (folder / UNFINISHED).is_file():  # of a run that was cut off it stays: another may be waiting to go on with it
            with suppress(OSError):
                (folder / _LOCK).unlink()  # while it is held: after that it may be another's
        lock.release()


def _state(folder: Path, resume: bool) -> dict[str, Any] | None:
    """Where a run that was cut off had come to; None for a new run, or with `resume` one that is whole. Raises InputError."""
    there = sorted(p.name for p in folder.iterdir() if p.name != _LOCK)
    unfinished = UNFINISHED in there
    if not there:
        return None
    if not resume:
        if unfinished and MANIFEST not in there:
            raise _problem(folder, "a replay into this folder was cut off", "go on with --resume, or name another folder")
        if MANIFEST in there:
            raise _problem(folder, "there is a finished run in this folder", "name another folder")
        raise _problem(folder, f"this folder is not empty: `{there[0]}` is in it", "name a new folder for the run")
    if not unfinished:
        if MANIFEST in there:
            return None
        raise _problem(folder, "there is no run in this folder to go on with", "leave --resume out, and name a new folder")
    try:
        state = json.loads((folder / UNFINISHED).read_text(encoding="utf-8"))
        assert isinstance(state, dict) and {"parts", "rules", "as_of"} <= state.keys()
    except (OSError, ValueError, AssertionError):
        raise _problem(folder, f"its {UNFINISHED} cannot be read", "delete the folder and start again") from None
    return state


def _begun(state: Mapping[str, Any], folder: Path) -> Partition:
    """The parts of a run that was cut off. Raises InputError."""
    try:
        return from_data(state, folder)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _problem(folder, f"its {UNFINISHED} cannot be read", "delete the folder and start again") from None


def _discard(folder: Path) -> None:
    """Take away what a run that never began has left."""
    shutil.rmtree(folder / EVENTS, ignore_errors=True)
    (folder / UNFINISHED).unlink(missing_ok=True)


def _identity(settings: Settings, book: RuleBook) -> dict[str, Any]:
    """What must be the same for a run to go on: the engine, the rules, and the moments judged by."""
    moment = settings.as_of
    return {
        "schema": SCHEMA,
        "engine": __version__,
        "rules": {
            "id": book.id,
            "version": book.version,
            "digest": book.digest,
            "rules": len({rule.id for rule in book.rules}),
            "changes": [list(change) for change in settings.changes],
        },
        "calendar": {"announced_to": as_date(book.calendar.announced_to).isoformat()},
        "as_of": as_date(moment.day).isoformat() if moment.instant == NO_INSTANT else iso_time(moment.instant),
        "as_known": None if settings.as_known is None else as_date(settings.as_known).isoformat(),
    }


def _same(asked: Mapping[str, Any], state: Mapping[str, Any], folder: Path) -> None:
    words = {"engine": "version of rrt", "rules": "rules", "calendar": "bank holidays", "as_of": "as-of date", "as_known": "as-known date"}
    differing = [word for key, word in words.items() if state.get(key) != asked[key]]
    if differing:
        message = f"the run in this folder was begun with a different {' and '.join(differing)}"
        raise _problem(folder, message, "go on with the same, or name another folder")


def _same_sources(sources: Sequence[str | Path], made: Partition, folder: Path) -> None:
    """Whether the sources are still what they were when they were cut. Raises InputError."""
    now = accounts(sources)
    before = {(source.name, source.sha256) for source in made.sources if source.sha256}
    if now is not None and before != now:
        raise _problem(folder, "the sources are not those this run was begun with, or have changed since", "start again in another folder")


def _problem(folder: Path, message: str, help: str) -> InputError:
    return InputError([Diagnostic(str(folder), 0, 0, "run", message, "error", "", help)])


def _write_json(target: Path, data: Any) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    write_atomically(target, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))


# ---------------------------------------------------------------------------------------------------- the work


def _replayed(
    made: Partition,
    settings: Settings,
    book: RuleBook,
    folder: Path,
    jobs: int,
    notice: Callable[[str], None],
    progress: Callable[[int, int], None],
    engine: Engine | None,
) -> Run:
    """Replay the parts that have no receipt, and put the run together."""
    for name in (FLAGS, JOURNAL):
        (folder / name).mkdir(exist_ok=True)
    _clear(folder)
    waiting = [part for part in made.parts if not _is_done(part, folder)]
    total = sum(part.rows for part in made.parts)
    done = total - sum(part.rows for part in waiting)
    notice("replaying")
    progress(done, total)
    tasks: list[Task] = [(part, made.logs[part.log], settings, folder) for part in waiting]
    failed: dict[str, str] = {}
    work = engine(tasks) if engine is not None else pooled(replay_part, tasks, jobs)
    for place, problem in work:
        part = waiting[place]
        if problem is not None:
            if problem.stops:
                raise CutOff(problem.why)
            failed[part.name] = problem.why
        done += part.rows
        progress(done, total)
    return _finished(made, settings, book, folder, failed)


def _is_done(part: Part, folder: Path) -> bool:
    """Whether a part has a receipt, and its flags are those it is for."""
    receipt, flags = _receipt(part, folder), folder / FLAGS / f"{part.name}.parquet"
    return receipt is not None and flags.is_file() and digest(flags) == receipt["flags_sha256"]


def _receipt(part: Part, folder: Path) -> dict[str, Any] | None:
    """What became of a part that is done; None where there is nothing that says so."""
    try:
        receipt = json.loads((folder / JOURNAL / f"{part.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return receipt if isinstance(receipt, dict) and receipt.keys() >= _RECEIPT else None


def _clear(folder: Path) -> None:
    """Take away what was half written when a process, or the run, was cut off."""
    for name in (FLAGS, JOURNAL):
        for left in (folder / name).glob(".*"):
            left.unlink()


def _finished(made: Partition, settings: Settings, book: RuleBook, folder: Path, failed: Mapping[str, str]) -> Run:
    """Write what the parts gave as one run; the manifest comes last, and makes it whole."""
    from pyarrow import parquet

    _clear(folder)
    rejected = list(made.rejected)
    diagnostics = list(made.diagnostics)
    parts: list[dict[str, Any]] = []
    lacking: list[dict[str, Any]] = [{} for _ in made.logs]
    kinds: list[set[str]] = [set() for _ in made.logs]
    keep = {"children": 0, "events": 0, "flags": 0, "flags_sha256": "", "read": 0, "used": 0, "after_as_of": 0}
    data = as_data(made, folder)
    unread = any(source["read"] is None for source in data["sources"])  # otherwise the readers have said what there is to say
    for part, about in zip(made.parts, data["parts"], strict=True):
        if part.name in failed:
            parts.append({**about, **keep, "set_aside": failed[part.name]})
            continue
        receipt = _receipt(part, folder)
        if receipt is None:
            raise _problem(folder, f"what was written of {part.name} is not there any more", "go on with --resume")
        parts.append({**about, **{key: receipt[key] for key in keep}, "set_aside": ""})
        rejected += [Rejected(*each) for each in receipt["rejected"]]
        if unread:
            diagnostics += [Diagnostic(**each) for each in receipt["diagnostics"]]
        kinds[part.log] |= set(receipt["kinds"])
        lacking[part.log] = receipt["not_evaluable"]
    logs = [{**log, "kinds": sorted(k), "not_evaluable": n} for log, k, n in zip(data["logs"], kinds, lacking, strict=True)]
    sources = []
    for source in data["sources"]:
        if source["read"] is None:  # one log, whose records are those of its parts and what was rejected before it was cut
            aside = sum(p["rows"] for p in parts if p["set_aside"])
            used = sum(p["used"] for p in parts)
            source = {**source, "read": used + len(rejected) + aside, "used": used, "rejected": len(rejected), "set_aside": aside}
        sources.append({"set_aside": 0, **source})
    counts = {
        **{key: sum(s[key] for s in sources) for key in ("read", "used", "rejected", "set_aside")},
        "parts_set_aside": len(failed),
        "events_set_aside": sum(p["rows"] for p in parts if p["set_aside"]),
        **{key: sum(p[key] for p in parts) for key in ("children", "events", "flags", "after_as_of")},
    }
    write_atomically(folder / REJECTED, lambda path: parquet.write_table(rejected_table(rejected), path, compression="zstd"))
    said = [replace(d, file=d.file.replace("\\", "/").rpartition("/")[2]) for d in diagnostics]  # never where a file lay
    _write_json(folder / DIAGNOSTICS, [asdict(d) for d in dict.fromkeys(said)])
    write_atomically(folder / RULES, lambda path: write_rules(settings.rules, path))
    manifest = {**_identity(settings, book), "counts": counts, "sources": sources, "merged": data["merged"], "logs": logs, "parts": parts}
    _write_json(folder / MANIFEST, manifest)
    if not failed:  # with nothing left to do, what was for going on is taken away
        shutil.rmtree(folder / JOURNAL)
        (folder / UNFINISHED).unlink()
    return open_run(folder)
