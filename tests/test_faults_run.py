"""What becomes of a run when a process is killed, the disk is full, a file is damaged or two runs want one folder.

Each ends in a full result, in a state from which --resume goes on to the same bytes, or in a clear refusal; nothing is lost unsaid.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as pq
import pytest

from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import InputError
from rrt_engine.replay import pool, runner
from rrt_engine.replay.chunk import Settings, book_of
from rrt_engine.replay.partition import partition, write_partition
from rrt_engine.replay.pool import CutOff, Failed, pooled
from rrt_engine.replay.run_folder import Run, open_run
from tests import faulty_work
from tests.small_rules import PROVED, rule_set

ROOT = Path(__file__).parent.parent
AS_OF = "2026-06-01"
ROWS = 10
"""Rows of a part: the log below is cut into six."""
PARTS = 6


@dataclass(frozen=True)
class Place:
    """A folder to run in, with a log, a rule set, and the run that nothing went wrong in."""

    top: Path
    log: Path
    settings: Settings
    whole: dict[str, bytes]

    @property
    def folder(self) -> Path:
        """Where the run is written."""
        return self.top / "run"

    def run(self, jobs: int = 1, resume: bool = False, source: Path | None = None, settings: Settings | None = None) -> Run:
        """Replay the log in this process."""
        return runner.run([source or self.log], settings or self.settings, self.folder, jobs, resume, rows=ROWS)

    def told(self, part: int, what: str) -> Path:
        """Say what is to happen to a part."""
        path = self.top / f"part-{part:05}.{what}"
        path.touch()
        return path

    def command(self, *more: str) -> list[str]:
        """The command that replays the log, in a process of its own, with parts that go wrong as told."""
        rules = str(self.settings.rules)
        return [
            sys.executable,
            "-m",
            "tests.faulty_work",
            "replay",
            str(self.log),
            "--as-of",
            AS_OF,
            "--rules",
            rules,
            "-o",
            str(self.folder),
            *more,
        ]

    def start(self, *more: str, **given: Any) -> subprocess.Popen[str]:
        """Begin that command, in a group of processes of its own."""
        environment = {**os.environ, "RRT_TEST_ROWS": str(ROWS), "PYTHONPATH": str(ROOT)}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": self.top}
        return subprocess.Popen(self.command(*more), env=environment, start_new_session=True, **pipes, **given)


def log_of(children: int = 20, changed: str = "") -> str:
    """A log with a bad row and a child without events among the others."""
    rows = ["child_id,event,at,ref,urgent,seen,team"]
    for i in range(children):
        rows += [f"C{i:02},asked,2026-03-{1 + i:02},R1,yes,,T{i % 3}", f"C{i:02},answered,2026-04-{1 + i:02},R1,,yes,"]
        rows += [f"C{i:02},asked,2026-05-{1 + i:02},R2,yes,,T{i % 3}"]
    return "\n".join([*rows, "C03,danced,2026-05-01,R1,,,", "C99,,,,,,", changed, ""])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    top = tmp_path_factory.mktemp("whole")
    rules = rule_set(top / "rules")
    (top / "log.csv").write_text(log_of())
    place = Place(top, Path("log.csv"), Settings(rules, parse_moment(AS_OF)), {})
    with contextlib.chdir(top):
        found = place.run()
    assert len(found.parts) == PARTS + 1 == len(list((place.folder / "flags").iterdir()))
    accounted(found)
    return replace(place, whole=contents(place.folder))


@pytest.fixture
def place(made: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same log in a new folder, with parts that go wrong as told."""
    monkeypatch.setattr(runner, "replay_part", faulty_work.work)
    shutil.copy(made.top / "log.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    return replace(made, top=tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder and its bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def accounted(run: Run) -> None:
    """Every record of every source is used, rejected or set aside, and the files hold what the manifest says."""
    counts, sources = run.manifest["counts"], run.manifest["sources"]
    assert counts["read"] == counts["used"] + counts["rejected"] + counts["set_aside"]
    assert all(s["read"] == s["used"] + s["rejected"] + s["set_aside"] for s in sources)
    assert counts["rejected"] == run.rejected().num_rows
    assert counts["flags"] == run.flags().num_rows == sum(sum(line.statuses.values()) for line in run.lines)
    aside = run.set_aside()
    assert counts["parts_set_aside"] == len(aside)
    assert counts["events_set_aside"] == sum(p["rows"] for p in run.manifest["parts"] if p["name"] in aside)


def until(met: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to become so."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def reason(act: Callable[[], Any]) -> str:
    """What is said where something is refused."""
    with pytest.raises(InputError) as refused:
        act()
    assert refused.value.diagnostics
    return str(refused.value)


def receipts(folder: Path) -> list[str]:
    return sorted(p.stem for p in (folder / "journal").glob("*.json")) if (folder / "journal").is_dir() else []


# --------------------------------------------------------------------------------------------------- processes that end


def test_parts_whose_process_dies_are_tried_again_and_set_aside_by_name(place: Place) -> None:
    told = [place.told(5, "dies"), place.told(6, "dies_once")]  # whichever dies first takes the other's process with it
    found = place.run(jobs=2)
    assert found.set_aside() == {"part-00005": "the process that replayed it died twice, as when memory runs out"}
    assert not told[1].exists()
    the_rest_is_whole(found, place)
    told[0].unlink()  # what was wrong is mended
    assert not place.run(resume=True).set_aside()
    assert contents(place.folder) == place.whole


def test_a_part_beside_one_that_dies_is_still_tried_twice(tmp_path: Path) -> None:
    found = dict(pooled(faulty_work.beside, [(0, tmp_path), (1, tmp_path)], 2))
    assert found == {0: Failed("the process that replayed it died twice, as when memory runs out"), 1: None}


class Breaks:
    """A pool that does its work at once, and breaks at one of the tasks it is given."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __enter__(self) -> Breaks:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def submit(self, work: Any, *given: Any) -> Future[Any]:
        self.left -= 1
        if self.left == 0:
            raise BrokenProcessPool
        done: Future[Any] = Future()
        done.set_result(work(*given))
        return done


def test_a_part_that_a_broken_pool_would_not_take_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = iter([Breaks(4), Breaks(0), Breaks(0)])  # two answers that they are ready, one task, and then it breaks
    monkeypatch.setattr(pool, "_pool", lambda _: next(pools))
    done: list[int] = []
    assert sorted(place for place, _ in pooled(done.append, [(0,), (1,), (2,)], 2)) == [0, 1, 2]
    assert set(done) == {0, 1, 2}


def test_processes_that_cannot_start_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_pool", lambda _: Breaks(1))
    [(_, failed)] = pooled(print, [(0,), (1,)], 2)
    assert failed is not None and failed.stops and "cannot start" in failed.why


def test_a_worker_uses_one_core() -> None:
    with pool._pool(1) as workers:
        assert workers.submit(pyarrow.cpu_count).result() == 1


def test_a_part_that_fails_is_tried_again_and_set_aside_by_name(place: Place) -> None:
    told = [place.told(2, "raises"), place.told(3, "raises_once")]
    found = place.run()
    assert found.set_aside() == {"part-00002": "a fault in rrt (RuntimeError)"} and not told[1].exists()
    the_rest_is_whole(found, place)
    assert place.run(resume=True).set_aside() == found.set_aside()  # it fails again, and nothing else is done again
    told[0].unlink()
    assert not place.run(resume=True).set_aside()
    assert contents(place.folder) == place.whole


def the_rest_is_whole(found: Run, place: Place) -> None:
    """All but what was set aside is there, as it is where nothing goes wrong, and nothing tells what was in the fault."""
    accounted(found)
    aside = found.set_aside()
    assert found.manifest["counts"]["events_set_aside"] == sum(p["rows"] for p in found.manifest["parts"] if p["name"] in aside) > 0
    now, flags = contents(place.folder), {name for name in place.whole if name.startswith("flags/")}
    assert {name for name in now if name.startswith("flags/")} == flags - {f"flags/{name}.parquet" for name in aside}
    assert all(now[name] == place.whole[name] for name in flags & now.keys())
    assert faulty_work.SECRET.encode() not in b"".join(now.values())


def test_the_command_says_which_parts_were_set_aside(place: Place) -> None:
    place.told(1, "raises")
    command = place.start("--jobs", "1")
    out, err = command.communicate(timeout=120)
    assert command.returncode == 2, err
    assert "1 of 7 parts were set aside: --resume tries them again" in err and "Traceback" not in out + err
    assert "part-00001" in out and faulty_work.SECRET not in out + err


@pytest.mark.parametrize(("jobs", "how"), [("2", signal.SIGKILL), ("2", signal.SIGINT), ("1", signal.SIGINT)])
def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(jobs: str, how: signal.Signals, place: Place) -> None:
    told = place.told(3, "waits")
    command = place.start("--jobs", jobs)
    until(lambda: len(receipts(place.folder)) >= 3 or command.poll() is not None)
    workers = children_of(command.pid)
    if how is signal.SIGINT:
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does
    else:
        command.kill()
    _, err = command.communicate(timeout=60)
    until(lambda: not any(alive(pid) for pid in workers))
    if how is signal.SIGINT:
        assert command.returncode == 2 and "Traceback" not in err
        assert "stopped: interrupted. What was done is kept: go on with the same command and --resume" in err
    done = receipts(place.folder)
    assert {"part-00000", "part-00001", "part-00002"} <= set(done) and "part-00003" not in done
    assert "cut off" in reason(lambda: open_run(place.folder))
    assert "a replay into this folder was cut off" in reason(place.run)
    told.unlink()
    kept = {name: (place.folder / "journal" / f"{name}.json").stat().st_mtime_ns for name in done}
    doing: list[str] = []
    runner.replay_part = lambda part, *rest: (doing.append(part.name), faulty_work.work(part, *rest))[1]
    place.run(resume=True)
    assert sorted([*doing, *kept]) == [f"part-{i:05}" for i in range(PARTS + 1)]  # what was done is not done again
    assert contents(place.folder) == place.whole


def children_of(pid: int) -> list[int]:
    """The processes that a process began, and those that these began."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == pid:
                found += [int(status.parent.name), *children_of(int(status.parent.name))]
    return found


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "zombie" not in (Path("/proc") / str(pid) / "status").read_text()
    return False


@pytest.mark.parametrize("stage", ["before", "cutting", "finishing"])
def test_a_run_killed_at_any_stage_goes_on_or_is_refused_clearly(stage: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """What stands for kill -9 here: nothing that follows is done."""

    def killed(*_: Any, **__: Any) -> Any:
        raise Killed

    where = {"before": "partition", "cutting": "as_data", "finishing": "write_rules"}[stage]
    with monkeypatch.context() as patch:
        patch.setattr(runner, where, killed)
        with pytest.raises(Killed):
            place.run()
    assert "cut off" in reason(lambda: open_run(place.folder))
    place.run(resume=True)
    assert contents(place.folder) == place.whole


def test_half_written_files_of_a_killed_run_are_taken_away(place: Place) -> None:
    place.told(3, "raises")
    place.run()
    for name in ("flags/.part-00003.parquet.abc", "journal/.part-00003.json.xyz"):
        (place.folder / name).write_bytes(b"PAR1 half")
    (place.top / "part-00003.raises").unlink()
    place.run(resume=True)
    assert contents(place.folder) == place.whole


# --------------------------------------------------------------------------------------------------- disks


@contextlib.contextmanager
def mounted(at: Path, options: str) -> Iterator[None]:
    """A file system of its own for a while; skips, loudly, where none can be mounted."""
    at.mkdir(exist_ok=True)
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(at)], capture_output=True).returncode:
        pytest.skip("NOT TESTED: a full or read-only disk needs a file system that can be mounted (root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def test_a_full_disk_stops_the_run_and_what_was_done_is_kept(place: Place) -> None:
    small = place.top / "small"
    with mounted(small, "size=600k"):
        there = replace(place, top=small)
        (small / "fill").write_bytes(b"x" * 420_000)
        stopped = ""
        for i in range(40):  # fuller and fuller, until it fails while parts are being done
            shutil.rmtree(there.folder, ignore_errors=True)
            try:
                there.run()
            except (CutOff, InputError) as error:
                stopped = str(error)
                break
            (small / f"fill{i}").write_bytes(b"x" * 16_384)
        assert "No space left on device" in stopped
        for path in small.glob("fill*"):
            path.unlink()
        there.run(resume=(there.folder / "unfinished.json").exists())
        assert contents(there.folder) == place.whole


@pytest.mark.parametrize(
    ("limit", "stage"),
    [(300, "the notes"), (1500, "the parts"), (4000, "the flags")],
)
def test_a_limit_on_the_size_of_files_stops_the_run_in_words(limit: int, stage: str, place: Place) -> None:
    before, told = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises((CutOff, InputError)) as stopped:
            place.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, told)
    assert "File too large" in str(stopped.value)
    begun = (place.folder / "unfinished.json").exists()
    assert begun == (stage == "the flags")  # where nothing of the run was done yet, nothing of it is left
    assert begun or not [name for name in contents(place.folder) if not name.startswith(".")]
    place.run(resume=begun)
    assert contents(place.folder) == place.whole


def test_a_partition_that_cannot_be_written_is_refused_in_words(place: Place) -> None:
    before, told = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        said = reason(lambda: partition([place.log], book_of(place.settings.rules), place.top / "parts"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, told)
    assert "cannot write the parts" in said and "File too large" in said


def test_a_folder_that_cannot_be_written_to_is_refused(place: Place) -> None:
    small = place.top / "small"
    with mounted(small, "ro,size=160k"):
        assert "cannot write here: Read-only file system" in reason(replace(place, top=small).run)


def test_an_output_that_is_a_file_is_refused(place: Place) -> None:
    place.folder.write_text("notes")
    assert "cannot write here" in reason(place.run)
    assert place.folder.read_text() == "notes"
    command = place.start()
    _, err = command.communicate(timeout=120)
    assert command.returncode == 2 and "Traceback" not in err and place.folder.read_text() == "notes"


def test_a_folder_with_other_things_in_it_is_left_as_it_is(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "notes.txt").write_text("mine")
    assert "this folder is not empty: `notes.txt` is in it" in reason(place.run)
    assert "there is no run in this folder to go on with" in reason(lambda: place.run(resume=True))
    assert contents(place.folder) == {"notes.txt": b"mine"}


# --------------------------------------------------------------------------------------------------- two runs at once


def test_of_two_runs_into_one_folder_one_wins(place: Place) -> None:
    gate = place.told(0, "waits")
    both = [place.start("--jobs", "1"), place.start("--jobs", "1")]
    until(lambda: any(c.poll() is not None for c in both))
    gate.unlink()
    ended = [(c.communicate(timeout=120), c.returncode) for c in both]
    assert sorted(code for _, code in ended) == [1, 2]  # one found something overdue, the other could not run
    refused = next(err for (_, err), code in ended if code == 2)
    assert "another replay is writing into this folder" in refused and "Traceback" not in refused
    assert contents(place.folder) == place.whole


def test_two_that_go_on_with_one_run_do_not_meet(place: Place) -> None:
    place.told(4, "raises")
    place.run()
    (place.top / "part-00004.raises").unlink()
    gate = place.told(4, "waits")
    both = [place.start("--resume", "--jobs", "1"), place.start("--resume", "--jobs", "1")]
    until(lambda: any(c.poll() is not None for c in both))
    gate.unlink()
    ended = [(c.communicate(timeout=120), c.returncode) for c in both]
    assert sorted(code for _, code in ended) == [1, 2] and all("Traceback" not in err for (_, err), _ in ended)
    assert contents(place.folder) == place.whole


# --------------------------------------------------------------------------------------------------- what changed meanwhile


@pytest.fixture
def stopped(place: Place) -> Place:
    """A run that was cut off after its fourth part."""
    place.told(4, "raises")

    def stop(part: Any, *rest: Any) -> None:
        if part.name == "part-00004":
            raise KeyboardInterrupt
        faulty_work.work(part, *rest)

    runner.replay_part = stop
    with pytest.raises(KeyboardInterrupt):
        place.run()
    runner.replay_part = faulty_work.work
    (place.top / "part-00004.raises").unlink()
    assert len(receipts(place.folder)) == 4
    return place


def test_what_was_cut_off_goes_on(stopped: Place) -> None:
    stopped.run(resume=True)
    assert contents(stopped.folder) == stopped.whole


def test_a_source_that_changed_in_between_is_refused(stopped: Place) -> None:
    before = stopped.log.read_text()
    stopped.log.write_text(log_of(changed="C00,asked,2026-05-30,R9,yes,,"))
    assert "the sources are not those this run was begun with, or have changed since" in reason(lambda: stopped.run(resume=True))
    stopped.log.write_text(before)
    stopped.run(resume=True)
    assert contents(stopped.folder) == stopped.whole


def test_a_source_that_went_in_between_is_refused(stopped: Place) -> None:
    stopped.log.unlink()
    assert "there is no such file" in reason(lambda: stopped.run(resume=True))


def test_other_rules_other_dates_and_other_values_are_refused(stopped: Place, tmp_path: Path) -> None:
    rules = rule_set(tmp_path / "other", PROVED.replace("within: 5", "within: 6"))
    assert "a different rules" in reason(lambda: stopped.run(resume=True, settings=replace(stopped.settings, rules=rules)))
    later = replace(stopped.settings, as_of=parse_moment("2026-06-02"))
    assert "a different as-of date" in reason(lambda: stopped.run(resume=True, settings=later))
    known = replace(stopped.settings, as_known=parse_moment("2026-04-01").day)
    assert "a different as-known date" in reason(lambda: stopped.run(resume=True, settings=known))
    changed = replace(stopped.settings, changes=(("demo_limit.within", "6 working days"),))
    assert "a different rules" in reason(lambda: stopped.run(resume=True, settings=changed))
    stopped.run(resume=True)
    assert contents(stopped.folder) == stopped.whole


def test_a_rule_set_that_changed_where_it_lies_is_refused(stopped: Place, tmp_path: Path) -> None:
    rules = tmp_path / "copy"
    shutil.copytree(stopped.settings.rules, rules)
    file = next((rules / "made").glob("*.yaml"))
    file.write_text(file.read_text().replace("within: 5", "within: 6").replace("proof", "proof"))
    book_of.cache_clear()
    assert "a different rules" in reason(lambda: stopped.run(resume=True, settings=replace(stopped.settings, rules=rules)))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"parts": 1, "rules": {}, "as_of": ""}', "\udcff"])
def test_notes_of_a_run_that_cannot_be_read_are_refused(text: str, stopped: Place) -> None:
    (stopped.folder / "unfinished.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    said = reason(lambda: stopped.run(resume=True))
    assert "unfinished.json" in said or "different" in said


def test_notes_that_lack_something_are_refused(stopped: Place) -> None:
    path = stopped.folder / "unfinished.json"
    data = json.loads(path.read_text())
    for key in ("parts", "logs", "sources", "rejected", "diagnostics", "merged", "rules", "as_of"):
        path.write_text(json.dumps({k: v for k, v in data.items() if k != key}))
        reason(lambda: stopped.run(resume=True))
        for wrong in (7, "x", [7], {"a": 1}):
            path.write_text(json.dumps({**data, key: wrong}))
            reason(lambda: stopped.run(resume=True))
    path.write_text(json.dumps(data))
    stopped.run(resume=True)
    assert contents(stopped.folder) == stopped.whole


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"flags": "x"}'])
def test_a_receipt_that_cannot_be_read_is_not_believed(text: str, stopped: Place) -> None:
    (stopped.folder / "journal" / "part-00001.json").write_text(text)
    stopped.run(resume=True)
    assert contents(stopped.folder) == stopped.whole


def test_flags_that_went_or_changed_before_the_run_was_whole_are_made_again(stopped: Place) -> None:
    (stopped.folder / "flags" / "part-00001.parquet").unlink()
    (stopped.folder / "flags" / "part-00002.parquet").write_bytes(b"PAR1")
    stopped.run(resume=True)
    assert contents(stopped.folder) == stopped.whole


def test_events_that_changed_before_the_run_was_whole_are_set_aside(stopped: Place) -> None:
    part = stopped.folder / "events" / "part-00005.parquet"
    data = part.read_bytes()
    part.write_bytes(damaged(data))
    found = stopped.run(resume=True)
    assert found.set_aside() == {"part-00005": "this part has changed since it was cut"}
    accounted(found)
    part.write_bytes(data)
    stopped.run(resume=True)
    assert contents(stopped.folder) == stopped.whole


# --------------------------------------------------------------------------------------------------- a finished run


def test_a_finished_run_is_not_done_again(place: Place) -> None:
    place.run()
    assert "there is a finished run in this folder" in reason(place.run)
    runner.replay_part = None  # type: ignore[assignment]
    place.run(resume=True)
    assert contents(place.folder) == place.whole
    later = replace(place.settings, as_of=parse_moment("2026-06-02"))
    assert "a different as-of date" in reason(lambda: place.run(resume=True, settings=later))
    place.log.write_text(log_of(changed="C00,asked,2026-05-30,R9,yes,,"))
    assert "have changed since" in reason(lambda: place.run(resume=True))


@pytest.mark.parametrize("name", ["flags/part-00003.parquet", "rejected.parquet", "diagnostics.json", "rules.zip"])
def test_a_run_that_lacks_a_file_is_refused_by_name(name: str, place: Place) -> None:
    place.run()
    (place.folder / name).unlink()
    assert f"`{name.rpartition('/')[2]}`" in reason(lambda: open_run(place.folder))


@pytest.mark.parametrize("name", ["flags/part-00003.parquet", "rejected.parquet", "diagnostics.json", "rules.zip"])
@pytest.mark.parametrize("how", ["flipped", "cut", "empty"])
def test_a_damaged_file_of_a_run_is_refused_in_words(name: str, how: str, place: Place) -> None:
    place.run()
    path = place.folder / name
    data = path.read_bytes()
    path.write_bytes({"flipped": damaged(data), "cut": data[: len(data) // 2], "empty": b""}[how])

    def read_all() -> None:
        run = open_run(place.folder)
        run.flags()
        run.rejected()
        run.diagnostics()
        run.book  # noqa: B018
        run.lines  # noqa: B018

    if how == "flipped" and name == "diagnostics.json":
        path.write_bytes(data.replace(b'"line"', b'"lime"'))
    assert f"{name}: error[run]: this file of the run cannot be read" in reason(read_all)


def test_flags_and_rules_of_another_run_are_not_taken_for_those_of_this(place: Place, tmp_path: Path) -> None:
    place.run()
    other = replace(place, top=tmp_path / "other")
    other.top.mkdir()
    rules = rule_set(tmp_path / "rules", PROVED.replace("within: 5", "within: 6"))
    runner.run([place.log], replace(place.settings, rules=rules), other.folder, rows=ROWS)
    shutil.copy(other.folder / "rules.zip", place.folder)
    assert "they are not the rules of this run" in reason(lambda: open_run(place.folder).book)
    shutil.copy(place.folder / "flags/part-00001.parquet", place.folder / "flags/part-00002.parquet")
    assert "it is not what this run wrote" in reason(lambda: open_run(place.folder).flags())


def damaged(data: bytes) -> bytes:
    """Bytes with some in the middle turned over, as a disk that fails leaves them."""
    middle = len(data) // 3
    return data[:middle] + bytes(b ^ 0xFF for b in data[middle : middle + 24]) + data[middle + 24 :]


def test_a_manifest_that_is_not_one_is_refused(place: Place) -> None:
    place.run()
    path = place.folder / "manifest.json"
    data = json.loads(path.read_text())
    for text in ("", "{", "[]", "7", "null", '"x"', "{}", '{"schema": "rrt/run/9"}', "\x00"):
        path.write_text(text)
        assert "manifest.json cannot be read" in reason(lambda: open_run(place.folder))
    for key in ("parts", "logs", "sources", "rules", "counts", "as_of", "merged", "calendar", "as_known"):
        path.write_text(json.dumps({k: v for k, v in data.items() if k != key}))
        assert "manifest.json cannot be read" in reason(lambda: open_run(place.folder))
        for wrong in (7, "x", [7], {"a": 1}):
            path.write_text(json.dumps({**data, key: wrong}))
            with contextlib.suppress(InputError):
                open_run(place.folder)
    path.write_text(json.dumps(data))
    open_run(place.folder)


# --------------------------------------------------------------------------------------------------- damaged sources


@pytest.fixture
def parquet(place: Place) -> Place:
    """The same log as Parquet in the order of its children, so that it is used where it lies."""
    made = partition([place.log], book_of(place.settings.rules), place.top / "cut", rows=10**6)
    table = pq.read_table(made.parts[0].file).drop_columns(["origin", "origin_row"])
    pq.write_table(table, "log.parquet", row_group_size=8, compression="none", use_dictionary=False)
    shutil.rmtree(place.top / "cut")
    return replace(place, log=Path("log.parquet"))


def test_a_damaged_page_of_a_source_is_never_read_as_something_else(parquet: Place) -> None:
    data = parquet.log.read_bytes()
    sound = parquet.run()
    want = sound.manifest["counts"]
    ends: set[str] = set()
    for i in range(40):
        middle = 40 + (len(data) - 80) * i // 40
        parquet.log.write_bytes(data[:middle] + bytes(b ^ 0xA5 for b in data[middle : middle + 16]) + data[middle + 16 :])
        shutil.rmtree(parquet.folder)
        try:
            found = parquet.run()
        except InputError:
            ends.add("refused")
            assert not (parquet.folder / "manifest.json").exists()
            continue
        accounted(found)
        ends.add("set aside" if found.set_aside() else "read")
        assert found.manifest["counts"]["read"] == want["read"] or found.set_aside() or found.manifest["counts"]["rejected"]
    assert "refused" in ends


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_source_cut_short_is_refused(part: float, parquet: Place) -> None:
    data = parquet.log.read_bytes()
    parquet.log.write_bytes(data[: int(len(data) * part)])
    assert "cannot be read as Parquet" in reason(parquet.run)
    assert contents(parquet.folder) == {}  # nothing of a run that never began is left


def test_a_workbook_cut_short_is_refused(place: Place) -> None:
    data = (ROOT / "tests/data/annex_a/child_event_journeys_annexa_example.xlsx").read_bytes()
    (place.top / "a.xlsx").write_bytes(data[: len(data) // 2])
    assert "damaged or cut short" in reason(lambda: place.run(source=place.top / "a.xlsx"))
    assert contents(place.folder) == {}


def test_a_partition_that_is_damaged_is_refused_or_set_aside(place: Place) -> None:
    parts = place.top / "parts"
    made = partition([place.log], book_of(place.settings.rules), parts, in_place=False, rows=ROWS)
    write_partition(made, parts)
    victim = made.parts[2].file
    data = victim.read_bytes()
    victim.write_bytes(damaged(data))
    found = place.run(source=parts)
    assert found.set_aside() == {"part-00002": "this part has changed since it was cut"}
    accounted(found)
    shutil.rmtree(place.folder)
    victim.unlink()
    assert "`part-00002.parquet`" in reason(lambda: place.run(source=parts))
    victim.write_bytes(data)
    (parts / "parts.json").write_text("{}")
    assert "the index of this partition cannot be read" in reason(lambda: place.run(source=parts))
