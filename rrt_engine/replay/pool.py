"""A pool of processes that replays parts: one that fails, or whose process dies, is tried once more alone and then set aside."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Any

import pyarrow

from rrt_engine.diagnostics import InputError

# malloc.h: M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, with bytes for each (the last cannot be more than 32 MiB).
_MALLOPT = {-1: 1 << 30, -2: 64 << 20, -3: 32 << 20}


@dataclass(frozen=True)
class Failed:
    """Why a part could not be replayed, without a word of what was in it. `stops` where no other part could be either."""

    why: str
    stops: bool = False


class CutOff(Exception):
    """A replay was stopped before it was whole. What was done is kept, and --resume goes on."""


def pooled(work: Callable[..., None], tasks: Sequence[tuple[Any, ...]], jobs: int) -> Iterator[tuple[int, Failed | None]]:
    """Do tasks in `jobs` processes, a few ahead of the rest; yields the place of each as it ends, and why where it failed twice.

    A process that dies takes down those beside it: each part that was being worked on is then tried alone, in a process of its own.
    """
    if jobs < 2 or len(tasks) < 2:
        for place, task in enumerate(tasks):
            yield place, tried(work, task, 2)
        return
    left = list(range(len(tasks)))[::-1]
    alone: list[int] = []
    while left:
        running: dict[Future[Failed | None], int] = {}
        with _pool(jobs) as pool:
            try:
                if not _ready(pool, jobs):
                    yield left.pop(), Failed("the processes that would replay it cannot start", stops=True)
                    return
                while left or running:
                    while left and len(running) < 2 * jobs:
                        running[pool.submit(tried, work, tasks[left[-1]], 2)] = left[-1]
                        left.pop()  # only once it was taken: a pool that broke meanwhile takes nothing
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        found = future.result()
                        yield running.pop(future), found
            except BrokenProcessPool:
                alone += sorted(running.values())
            except BaseException:
                _end(pool)
                raise
        for place in alone:
            yield place, _alone(work, tasks[place])
        alone.clear()


def _ready(pool: ProcessPoolExecutor, jobs: int) -> bool:
    """Whether every process of a pool has begun. Until each has answered, the pool may not see that one of them died."""
    try:
        for future in [pool.submit(os.getpid) for _ in range(jobs)]:
            future.result()
    except BrokenProcessPool:
        return False
    return True


def _alone(work: Callable[..., None], task: tuple[Any, ...]) -> Failed | None:
    """One task in a process of its own; twice where that dies, since the one that died before may have died of another's part."""
    for _ in range(2):
        with _pool(1) as pool:
            try:
                return pool.submit(tried, work, task, 1).result()
            except BrokenProcessPool:
                continue
            except BaseException:
                _end(pool)
                raise
    return Failed("the process that replayed it died twice, as when memory runs out")


def tried(work: Callable[..., None], task: tuple[Any, ...], times: int) -> Failed | None:
    """Do one task, as often as said, until it succeeds."""
    failed = None
    for _ in range(times):
        try:
            work(*task)
        except InputError as error:
            failed = Failed("; ".join(d.message for d in error.diagnostics), any(d.code == "unwritable" for d in error.diagnostics))
        except MemoryError:
            failed = Failed("there was not enough memory for it")
        except Exception as error:  # a fault of ours: its name says enough, and its text might hold what is in a case
            failed = Failed(f"a fault in rrt ({type(error).__name__})")
        else:
            return None
    return failed


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """In a worker: leave Ctrl-C to the process that began it, end when that is gone, and use one core and memory sparingly."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pyarrow.set_cpu_count(1)  # the pool has a process a core: threads inside each would only wait for one another
    _keep_freed_memory()
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _keep_freed_memory() -> None:
    """Let GNU's C library keep what is freed for the next arrays: asking the system anew for each costs up to a fifth of the time.

    Does nothing where the C library is another one, as on Windows and macOS.
    """
    mallopt = None if sys.platform == "win32" else getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, size in _MALLOPT.items():
        mallopt(option, size)


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _end(pool: ProcessPoolExecutor) -> None:
    """Stop every worker at once."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)
