"""A partition: event logs cut into parts of whole children, each part an event log by itself that a replay can take alone.

A log that is already cut, or a Parquet log in the order of its children, is used where it lies. Any other large event log is
split as it stands; everything else is read, put together by child, and written as parts.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import EventLog, Rejected
from rrt_engine.replay.chunk import Log, as_json
from rrt_engine.replay.flag_rows import Whole
from rrt_engine.replay.run import read_all
from rrt_engine.replay.split import look_through, read_rows, split, spooled
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.covers import coverage_beside, covers_beside
from rrt_engine.sources.detect import is_event_log, is_url, short_name, sources_in
from rrt_engine.sources.event_log_write import covers_file, covers_of, covers_text, write_event_log
from rrt_engine.target import write_atomically

ROWS = 500_000
"""About how many events a part holds; never less than a child."""
SCHEMA = "rrt/parts/1"
INDEX = "parts.json"
_WHOLE_IN_MEMORY = 64 << 20  # bytes of CSV: a smaller file is read like any other source


@dataclass(frozen=True)
class Part:
    """Some whole children: `rows` rows of an event log in Parquet from the row `first`, counted from 0. `log` is the number of the
    log it was cut from. `sha256` is that of the file, empty where the file is a source whose own stands with the source.
    """

    name: str
    log: int
    file: Path
    first: int
    rows: int
    sha256: str = ""

    def events(self) -> Any:
        """The events, as an Arrow table with the columns of an event log. Raises InputError where they cannot be read."""
        return read_rows(self.file, self.first, self.rows)


@dataclass(frozen=True)
class SourceAccount:
    """A source that was read: what it is, the digest of what it held, and what became of its records.

    `read` and `used` are None where the records are only counted when the parts are replayed.
    """

    name: str
    format: str
    sha256: str
    read: int | None
    used: int | None
    rejected: int | None


@dataclass(frozen=True)
class Merged:
    """How several sources fitted: children that several know, events counted once, and disagreements."""

    shared: int = 0
    counted_once: int = 0
    disagreements: int = 0
    apart: int = 0


@dataclass(frozen=True)
class Partition:
    """Everything a replay needs to know of its events. `folder` is where the parts were written, None where nothing was."""

    logs: tuple[Log, ...]
    parts: tuple[Part, ...]
    sources: tuple[SourceAccount, ...]
    rejected: tuple[Rejected, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    merged: Merged = field(default_factory=Merged)
    refused: tuple[Diagnostic, ...] = ()


def partition(
    sources: Sequence[str | Path],
    book: RuleBook,
    folder: Path,
    notice: Callable[[str], None] = lambda _: None,
    in_place: bool = True,
    rows: int = ROWS,
) -> Partition:
    """Cut sources into parts of whole children; what has to be written is written to `folder`, which is made when it is needed.

    With `in_place`, a partition, or a Parquet log in the order of its children, is used where it lies. Raises InputError where no
    source can be read, or the parts cannot be written; a source that cannot is in `refused`, and the others are cut.
    """
    if in_place and len(sources) == 1 and is_partition(sources[0]):
        return open_partition(Path(sources[0]))
    try:
        return _cut(sources, book, folder, notice, in_place, rows)
    except OSError as error:
        message, help = f"cannot write the parts: {error.strerror or error}", "make room, or name a folder on another disk"
        raise InputError([Diagnostic(str(folder), 0, 0, "unwritable", message, "error", "", help)]) from None


def _cut(
    sources: Sequence[str | Path], book: RuleBook, folder: Path, notice: Callable[[str], None], in_place: bool, rows: int
) -> Partition:
    """Sources as parts, each written where it does not lie ready."""
    alone = _large_log(sources)
    if alone is None:
        return _read_and_written(sources, book, folder, notice, rows)
    notice(f"looking through {alone.name}")
    _, snapshot = coverage_beside(alone, book)
    beside = covers_beside(alone)
    covers = None if beside is None else json.loads(json.dumps(beside.data, default=as_json))
    accounted = SourceAccount(short_name(alone), "event log", digest(alone), None, None, None)
    file = alone
    diagnostics: list[Diagnostic] = []
    rejected: list[Rejected] = []
    spool = folder / "spool.parquet"
    try:
        if alone.suffix.lower() != ".parquet":
            folder.mkdir(parents=True, exist_ok=True)
            diagnostics, rejected = spooled(alone, spool)
            file = spool
        looked = look_through(file, rows)
        whole = Whole(only_latest=snapshot)
        log = Log(alone.name, covers, looked.midnight, whole, ("event log",))
        if in_place and file is alone and looked.starts is not None:
            edges = [*looked.starts, looked.rows]
            parts = [Part(_name(i), 0, alone, first, end - first) for i, (first, end) in enumerate(pairwise(edges)) if end > first]
        else:
            folder.mkdir(parents=True, exist_ok=True)
            notice(f"cutting {alone.name} into parts")
            written = split(file, alone.name, looked, rows, lambda i: folder / f"{_name(i)}.parquet")
            parts = [_part(i, 0, path) for i, path in enumerate(written)]
            for part in parts:
                _write_covers(part.file, _covers_text(covers))
    finally:
        spool.unlink(missing_ok=True)
    return Partition((log,), tuple(parts), (accounted,), tuple(rejected), tuple(diagnostics))


def _large_log(sources: Sequence[str | Path]) -> Path | None:
    """The source, where there is one only and it is an event log that is better not read whole."""
    if len(sources) != 1 or is_url(str(sources[0])):
        return None
    found = sources_in(Path(sources[0]))
    if len(found) != 1 or not is_event_log(found[0]):
        return None
    path = found[0]
    if path.suffix.lower() == ".parquet":
        return None if _says_latest(path) else path
    return path if path.suffix.lower() in (".csv", ".tsv") and path.stat().st_size > _WHOLE_IN_MEMORY else None


def _says_latest(path: Path) -> bool:
    """Whether a Parquet log marks some events as latest dates, which says something of the whole log; or is no Parquet at all."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return "latest_only" in [name.lower() for name in parquet.read_schema(path).names]
    except (pa.ArrowException, OSError, ValueError):
        return True


def _read_and_written(sources: Sequence[str | Path], book: RuleBook, folder: Path, notice: Callable[[str], None], rows: int) -> Partition:
    """Sources of any sort, read, put together by child and written as parts."""
    read = read_all(sources, book, notice)
    accounts = tuple(
        SourceAccount(
            each.path,
            each.reading.format,
            "" if each.file is None else digest(each.file),
            each.reading.records_read,
            each.reading.records_used,
            len(each.reading.rejected),
        )
        for each in read.sources
    )
    folder.mkdir(parents=True, exist_ok=True)
    logs: list[Log] = []
    parts: list[Part] = []
    for group in read.merging.groups:
        members = [read.sources[i] for i in group.members]
        formats = tuple(dict.fromkeys(m.reading.format for m in members))
        name = " + ".join(m.path for m in members)
        covers = json.loads(json.dumps(covers_of(group.log.coverage), default=as_json))
        for log in _pieces(group.log, rows):
            path = folder / f"{_name(len(parts))}.parquet"
            notice(f"writing {path.name}")
            write_event_log(log, path, ".parquet", origins=True)
            _write_covers(path, covers_text(group.log.coverage))
            parts.append(_part(len(parts), len(logs), path))
        logs.append(Log(name, covers, False, Whole.of(group.log, len(members) > 1), formats))
    merging = read.merging
    return Partition(
        tuple(logs),
        tuple(parts),
        accounts,
        tuple(r for each in read.sources for r in each.reading.rejected),
        tuple(d for each in read.sources for d in each.reading.diagnostics),
        Merged(merging.shared, merging.counted_once, len(merging.disagreements), len(merging.apart)),
        tuple(d for each in read.refused for d in each.diagnostics),
    )


def _pieces(log: EventLog, rows: int) -> Iterator[EventLog]:
    """A log cut between children into pieces of about `rows` events; the children without events are in the last."""
    if not len(log.children):
        return
    first = np.searchsorted(log.child, np.arange(len(log.children) + 1))
    begins = 0
    while begins < len(log.children):
        ends = int(np.searchsorted(first, first[begins] + rows, "right")) - 1
        ends = min(max(ends, begins + 1), len(log.children))
        yield log.of_children(begins, ends) if (begins, ends) != (0, len(log.children)) else log
        begins = ends


# ---------------------------------------------------------------------------------------------------- on disk


def write_partition(made: Partition, folder: Path) -> None:
    """Write the index of a partition beside its parts."""
    text = json.dumps({"schema": SCHEMA, **as_data(made, folder)}, indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / INDEX, lambda path: path.write_text(text, encoding="utf-8", newline="\n"))


def is_partition(source: str | Path) -> bool:
    """Whether a source is a folder of parts that `rrt partition` wrote."""
    return not is_url(str(source)) and (Path(source) / INDEX).is_file()


def open_partition(folder: Path) -> Partition:
    """A partition that was written before. Raises InputError where it is not whole."""
    index = folder / INDEX
    try:
        data = json.loads(index.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is `{data['schema']}`; expected `{SCHEMA}`")
        made = from_data(data, folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"the index of this partition cannot be read: {error}"
        raise InputError([Diagnostic(str(index), 0, 0, "partition", message, "error", "", "make it again with `rrt partition`")]) from None
    gone = [part for part in made.parts if not part.file.is_file()]
    if gone:
        names = ", ".join(f"`{part.file.name}`" for part in gone[:8])
        message = f"{len(gone)} of {len(made.parts)} parts are not there: {names}"
        raise InputError([Diagnostic(str(folder), 0, 0, "partition", message, "error", "", "make it again with `rrt partition`")])
    return made


def as_data(made: Partition, folder: Path) -> dict[str, Any]:
    """A partition as data for JSON, with paths as they are seen from a folder."""
    return {
        "sources": [asdict(source) for source in made.sources],
        "merged": asdict(made.merged),
        "logs": [
            {
                "name": log.name,
                "formats": list(log.formats),
                "covers": log.covers,
                "midnight": log.midnight,
                "latest": sorted(log.whole.latest),
                "only_latest": log.whole.only_latest,
                "several": log.whole.several,
            }
            for log in made.logs
        ],
        "parts": [{**asdict(part), "file": _seen_from(part.file, folder)} for part in made.parts],
        "rejected": [[r.origin, r.row, r.why] for r in made.rejected],
        "diagnostics": [asdict(d) for d in made.diagnostics],
    }


def from_data(data: Mapping[str, Any], folder: Path) -> Partition:
    """A partition from the data that `as_data` gave."""
    logs = tuple(
        Log(
            each["name"],
            each["covers"],
            each["midnight"],
            Whole(frozenset(each["latest"]), each["only_latest"], each["several"]),
            tuple(each["formats"]),
        )
        for each in data["logs"]
    )
    return Partition(
        logs,
        tuple(Part(**{**_only(each, Part), "file": folder / each["file"]}) for each in data["parts"]),
        tuple(SourceAccount(**_only(each, SourceAccount)) for each in data["sources"]),
        tuple(Rejected(*each) for each in data["rejected"]),
        tuple(Diagnostic(**each) for each in data["diagnostics"]),
        Merged(**data["merged"]),
    )


def _only(data: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    """What a shape has, of data that says more."""
    return {each.name: data[each.name] for each in fields(shape)}


def _seen_from(file: Path, folder: Path) -> str:
    """A path relative to a folder; whole where they are on different drives."""
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return file.resolve().as_posix()


def accounts(sources: Sequence[str | Path]) -> set[tuple[str, str]] | None:
    """The name and digest of each source as it is now; None where one is a database, which has none, or cannot be found any more."""
    if any(is_url(str(source)) for source in sources):
        return None
    if len(sources) == 1 and is_partition(sources[0]):
        return {(source.name, source.sha256) for source in open_partition(Path(sources[0])).sources if source.sha256}
    found = list(dict.fromkeys(path for source in sources for path in sources_in(Path(source))))
    names = [short_name(path) for path in found]
    return {(name if names.count(name) == 1 else path.as_posix(), digest(path)) for path, name in zip(found, names, strict=True)}


def digest(source: Path) -> str:
    """The SHA-256 of a file's bytes; of a folder, over the names and bytes of the files in it."""
    if source.is_file():
        with source.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    total = hashlib.sha256()
    for path in sorted(p for p in source.rglob("*") if p.is_file() and not p.name.startswith((".", "~"))):
        total.update(path.relative_to(source).as_posix().encode() + b"\0" + digest(path).encode() + b"\0")
    return total.hexdigest()


def _name(number: int) -> str:
    return f"part-{number:05}"


def _part(number: int, log: int, path: Path) -> Part:
    from pyarrow import parquet

    return Part(_name(number), log, path, 0, int(parquet.read_metadata(path).num_rows), digest(path))


def _covers_text(covers: Mapping[str, Any] | None) -> str:
    import yaml

    return "" if covers is None else yaml.safe_dump(dict(covers), sort_keys=False)


def _write_covers(path: Path, text: str) -> None:
    if text:
        covers_file(path).write_text(text, encoding="utf-8", newline="\n")
