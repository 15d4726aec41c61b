"""The folder of a run: its flags, what was rejected, the rules as they were, and a manifest that is written last.

A run with a manifest is whole. The same inputs under the same rules give the same bytes, however many processes did the work.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import Moment, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import NEEDS_ATTENTION, REASONS, STATUSES, Int64s
from rrt_engine.replay.chunk import Log, Settings
from rrt_engine.replay.flag_rows import BASES
from rrt_engine.replay.partition import Part, Partition, digest, from_data
from rrt_engine.replay.run import RuleLine, rule_line
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.load import load, set_files

SCHEMA = "rrt/run/1"
MANIFEST = "manifest.json"
UNFINISHED = "unfinished.json"
FLAGS, JOURNAL, EVENTS = "flags", "journal", "events"
REJECTED, DIAGNOSTICS, RULES = "rejected.parquet", "diagnostics.json", "rules.zip"


@dataclass(frozen=True)
class Run:
    """A finished run. `manifest` is what manifest.json says."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def as_of(self) -> Moment:
        """The moment that was judged by."""
        return parse_moment(self.manifest["as_of"])

    @property
    def as_known(self) -> int | None:
        """The day by which things had to be recorded to count; None where everything counts."""
        known = self.manifest["as_known"]
        return None if known is None else parse_moment(known).day

    @property
    def changes(self) -> tuple[tuple[str, str], ...]:
        """The values of the rule set that were changed for this run."""
        return tuple((name, value) for name, value in self.manifest["rules"]["changes"])

    @cached_property
    def partition(self) -> Partition:
        """The events that were replayed. Their files may have gone since: `missing_events` says so."""
        return from_data({**self.manifest, "rejected": [], "diagnostics": []}, self.folder)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, each with the events of some whole children."""
        return self.partition.parts

    def log(self, part: Part) -> Log:
        """What is true of the log that a part was cut from."""
        return self.partition.logs[part.log]

    @cached_property
    def digests(self) -> frozenset[str]:
        """The digests of the files that hold its events: the sources it was made from, and the parts that they were cut into. By them
        it shows whether other data are the same records.
        """
        files = [*(source["sha256"] for source in self.manifest["sources"]), *(part.sha256 for part in self.parts)]
        return frozenset(sha256 for sha256 in files if sha256)

    def set_aside(self) -> dict[str, str]:
        """The parts that could not be replayed, by name, and why."""
        return {part["name"]: part["set_aside"] for part in self.manifest["parts"] if part["set_aside"]}

    def missing_events(self) -> list[str]:
        """What is no longer as it was: event files that are gone or whose contents have changed since the run."""
        expected = {part.file: part.sha256 for part in self.parts}
        sources = [source["sha256"] for source in self.manifest["sources"]]
        found = []
        for file, sha256 in expected.items():
            if not file.is_file():
                found.append(f"`{file.name}` is not there any more")
            elif digest(file) not in ([sha256] if sha256 else sources):
                found.append(f"`{file.name}` has changed since the run")
        return found

    def extract_rules(self, folder: Path) -> Path:
        """Write the rules as they were into a folder, and return it: with `changes`, what a replay of the same needs."""
        try:
            with zipfile.ZipFile(self.folder / RULES) as archive:
                for name in archive.namelist():
                    target = folder / name
                    if not target.resolve().is_relative_to(folder.resolve()):
                        raise _unreadable(self.folder / RULES, f"`{name}` is no file of a rule set")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, KeyError) as error:
            raise _unreadable(self.folder / RULES, str(error)) from None
        return folder

    def settings(self, rules: Path) -> Settings:
        """What this run judged by, with its rules in a folder."""
        return Settings(rules, self.as_of, self.as_known, self.changes)

    @cached_property
    def book(self) -> RuleBook:
        """The rules as they were. Raises InputError where their file is damaged, or holds others."""
        with tempfile.TemporaryDirectory() as folder:
            book = load(self.extract_rules(Path(folder)), changes=self.changes)
        if book.digest != self.manifest["rules"]["digest"]:
            raise _unreadable(self.folder / RULES, "they are not the rules of this run")
        return book

    def flag_files(self) -> list[Path]:
        """The files of flags, in order."""
        return [self.folder / FLAGS / f"{part['name']}.parquet" for part in self.manifest["parts"] if not part["set_aside"]]

    def batches(self, columns: Sequence[str] | None = None, filter: Any = None) -> Iterator[Any]:
        """The flags as Arrow tables, a part at a time. `filter` is a pyarrow.dataset expression. Raises InputError."""
        for file in self.flag_files():
            yield self._flags_in(file, columns, filter)

    def part_flags(self, place: int, columns: Sequence[str] | None = None, filter: Any = None) -> Any:
        """The flags of one part that was not set aside, counted from 0, as `batches` gives them. Raises InputError."""
        return self._flags_in(self.flag_files()[place], columns, filter)

    def _flags_in(self, file: Path, columns: Sequence[str] | None, filter: Any) -> Any:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            about = file.stat()
            seen = about.st_size, about.st_mtime_ns
            if self._sound.get(file.name) != seen:
                expected = next(p["flags_sha256"] for p in self.manifest["parts"] if f"{p['name']}.parquet" == file.name)
                if digest(file) != expected:
                    raise _unreadable(file, "it is not what this run wrote")
                self._sound[file.name] = seen
            return parquet.read_table(file, columns=None if columns is None else list(columns), filters=filter)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _unreadable(file, str(error)) from None

    @cached_property
    def _sound(self) -> dict[str, tuple[int, int]]:
        """The files of flags that were found to be as they were written, with the size and time by which a change shows."""
        return {}

    def check_unchanged(self) -> None:
        """Raises InputError where the folder is no longer this run: moved away, damaged, or written anew since it was opened."""
        if open_run(self.folder).manifest != self.manifest:
            message, help = "this run was written anew since these pages were opened", "to see it as it is now, start `rrt serve` again"
            raise InputError([Diagnostic(str(self.folder), 0, 0, "run", message, "error", "", help)])

    def flags(self, columns: Sequence[str] | None = None, filter: Any = None) -> Any:
        """All the flags as one Arrow table; for a large run take `batches`."""
        import pyarrow as pa

        found = list(self.batches(columns, filter))
        if not found:
            from rrt_engine.replay.flag_rows import empty_rows

            empty = empty_rows()
            return empty if columns is None else empty.select(list(columns))
        return pa.concat_tables(found).unify_dictionaries()

    def rejected(self) -> Any:
        """The records that could not be used: source, row and why."""
        import pyarrow as pa
        from pyarrow import parquet

        try:
            return parquet.read_table(self.folder / REJECTED)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _unreadable(self.folder / REJECTED, str(error)) from None

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything the readers had to say of the sources."""
        try:
            return tuple(Diagnostic(**each) for each in json.loads((self.folder / DIAGNOSTICS).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise _unreadable(self.folder / DIAGNOSTICS, str(error)) from None

    @cached_property
    def _counts(self) -> dict[tuple[int, str, str], tuple[Int64s, Int64s, Int64s]]:
        """For each log, rule and basis: how many flags have each status, how many cannot be told for each reason, and, as an array of
        one, how many of the overdue have ended since.
        """
        counts: dict[tuple[int, str, str], tuple[Int64s, Int64s, Int64s]] = {}
        logs = [part["log"] for part in self.manifest["parts"] if not part["set_aside"]]
        for log, table in zip(logs, self.batches(["rule", "basis", "status", "cannot_tell_because", "ended_by"]), strict=True):
            table = table.set_column(4, "ended", table["ended_by"].is_valid()).select([0, 1, 2, 3, 4])
            for row in table.group_by(table.column_names).aggregate([([], "count_all")]).to_pylist():
                key = (log, row["rule"], row["basis"])
                if key not in counts:
                    counts[key] = np.zeros(len(STATUSES), np.int64), np.zeros(len(REASONS), np.int64), np.zeros(1, np.int64)
                counts[key][0][STATUSES.index(row["status"])] += row["count_all"]
                if row["status"] == "overdue" and row["ended"]:
                    counts[key][2][0] += row["count_all"]
                if row["status"] == "cannot_tell":
                    counts[key][1][REASONS.index(row["cannot_tell_because"] or "")] += row["count_all"]
        return counts

    @cached_property
    def lines(self) -> list[RuleLine]:
        """The per-rule table, in the order of the rule book; rules that nothing started are left out."""
        totals: dict[tuple[str, str], list[tuple[Int64s, Int64s, Int64s]]] = {}
        for (_, rule, basis), found in self._counts.items():
            totals.setdefault((rule, basis), []).append(found)
        rules = {rule.id: rule for rule in self.book.rules}  # the last edition of each
        order = {rule: place for place, rule in enumerate(rules)}
        known = sorted(totals, key=lambda key: (order[key[0]], BASES.index(key[1])))
        return [_line(rules[rule], basis, totals[rule, basis]) for rule, basis in known]

    @property
    def _judged(self) -> list[Mapping[str, Any]]:
        """The logs of which some part was replayed: of the others nothing is known."""
        numbers = {part["log"] for part in self.manifest["parts"] if not part["set_aside"]}
        return [log for number, log in enumerate(self.manifest["logs"]) if number in numbers]

    def not_evaluable(self) -> dict[str, tuple[str, ...]]:
        """Rules that no source can support, with the event kinds they lack."""
        lacking = [log["not_evaluable"] for log in self._judged]
        return {rule: tuple(kinds) for rule, kinds in (lacking[0] if lacking else {}).items() if all(rule in other for other in lacking)}

    def partly_evaluable(self) -> dict[str, list[str]]:
        """Rules that some sources can support and others cannot: the sources that cannot."""
        never = self.not_evaluable()
        found: dict[str, list[str]] = {}
        for log in self._judged:
            for rule in log["not_evaluable"]:
                if rule not in never:
                    found.setdefault(rule, []).append(log["name"])
        return found

    def never_answered(self) -> dict[str, tuple[str, ...]]:
        """Rules with duties whose answering events occur nowhere in a source that may simply not hold them."""
        rules = {rule.id: rule for rule in self.book.rules}
        found: dict[str, tuple[str, ...]] = {}
        for number, log in enumerate(self.manifest["logs"]):
            if log["formats"] == ["case"] or "events" in (log["covers"] or {}):
                continue
            for rule in {rule for at, rule, _ in self._counts if at == number}:
                expect = rules[rule].spec.expect
                if expect and not set(log["kinds"]) & set(expect.event):
                    found[rule] = tuple(expect.event)
        order = list(rules)
        return dict(sorted(found.items(), key=lambda each: order.index(each[0])))

    def needs_attention(self) -> bool:
        """Whether anything is overdue, late or too early."""
        return any(line.statuses[status] for line in self.lines for status in NEEDS_ATTENTION)


def _unreadable(file: Path, why: str) -> InputError:
    """The error for a file of a run that is damaged or was changed."""
    message = f"this file of the run cannot be read: {(why.splitlines() or ['it breaks off'])[0][:200]}"
    return InputError([Diagnostic(str(file), 0, 0, "run", message, "error", "", "replay the sources again")])


def _line(rule: Rule, basis: str, counts: Sequence[tuple[Int64s, Int64s, Int64s]]) -> RuleLine:
    """A row of the per-rule table from the counts of each log."""
    statuses, because, ended = (np.sum([each[i] for each in counts], axis=0) for i in range(3))
    return rule_line(rule, basis, statuses, because, int(ended[0]))


def open_run(folder: Path) -> Run:
    """A finished run. Raises InputError where a folder is none, or one that was cut off."""

    def problem(message: str, help: str) -> InputError:
        return InputError([Diagnostic(str(folder), 0, 0, "run", message, "error", "", help)])

    if not (folder / MANIFEST).is_file():
        if (folder / UNFINISHED).is_file():
            raise problem("this run was cut off before it was whole", "go on with the same `rrt replay` and --resume")
        what = "there is no such folder" if not folder.exists() else "this is a file, not the folder of a run"
        if folder.is_dir():
            what = f"this is not the folder of a run: there is no {MANIFEST} in it"
        raise problem(what, "make one: rrt replay SOURCE... --as-of DATE -o run/")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise ValueError(f"its schema is `{manifest['schema']}`; expected `{SCHEMA}`")
        run = Run(folder, manifest)
        wanted = [run.partition.parts, run.as_of, run.as_known, run.changes, manifest["rules"]["digest"], manifest["counts"]["read"]]
        wanted += [manifest["calendar"]["announced_to"], *(p["set_aside"] + p["flags_sha256"] for p in manifest["parts"])]
        assert wanted
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise problem(f"its {MANIFEST} cannot be read: {type(error).__name__} {error}", "replay the sources again") from None
    gone = [file.name for file in (*run.flag_files(), *(folder / name for name in (REJECTED, DIAGNOSTICS, RULES))) if not file.is_file()]
    if gone:
        raise problem(f"{len(gone)} of its files are not there: {', '.join(f'`{name}`' for name in gone[:8])}", "replay the sources again")
    return run


def write_rules(rules: Path, target: Path) -> None:
    """Write a rule set into one file, the same bytes for the same rules."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in set_files(rules):
            about = zipfile.ZipInfo(path.relative_to(rules).as_posix(), (1980, 1, 1, 0, 0, 0))
            about.compress_type, about.create_system, about.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(about, path.read_bytes().replace(b"\r\n", b"\n"))
