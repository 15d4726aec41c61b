"""Take the cells out of a workbook in a process of its own, so that a damaged file can harm nothing else.

A workbook with one stray cell far away asks for more memory than there is, and a damaged one can stop the library that opens it
outright. Here either ends that process alone; what the library would print about it, which may hold what stands in a cell, is
not shown.
"""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

MEMORY = 4 << 30
"""How many bytes the process may use."""
SECONDS = 300
"""How many seconds of work it may take."""
_START = "import sys; sys.path[:] = sys.argv[3:]; from rrt_engine.sources.workbook import answer; answer(sys.argv[1], int(sys.argv[2]))"
Cells = list[list[Any]]
Why = Literal["password", "damaged", "too_large"]


class CannotOpen(Exception):
    """A workbook that cannot be read, and why."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


def cells_of(path: Path, wanted: Callable[[list[str]], Sequence[str]]) -> dict[str, Cells | None]:
    """The cells of the sheets that `wanted` chooses by their names, from the first row and column; None for one that is damaged.

    Raises CannotOpen where the file is not a workbook, has a password, or asks for more memory or time than there is.
    """
    command = [sys.executable, "-P", "-c", _START, str(path), str(MEMORY), *sys.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:  # noqa: S603
        assert child.stdin and child.stdout
        try:
            names = pickle.load(child.stdout)  # noqa: S301 - written by the process that was just started
            if isinstance(names, str):
                raise CannotOpen("password" if names == "password" else "damaged")
            pickle.dump(list(wanted(names)), child.stdin)
            child.stdin.flush()
            found: dict[str, Cells | None] = pickle.load(child.stdout)  # noqa: S301
        except (EOFError, OSError, pickle.UnpicklingError):
            raise CannotOpen("too_large") from None
        finally:
            child.kill()
    return found


def answer(path: str, memory: int) -> None:
    """In the process of its own: send the names of the sheets, and then the cells of those that are asked for."""
    from python_calamine import CalamineWorkbook, PasswordError

    _limit(memory)
    out = sys.stdout.buffer
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(Path(path).read_bytes()))
        names = list(workbook.sheet_names)
    except PasswordError:
        pickle.dump("password", out)
        return
    except BaseException as error:
        _pass_on(error)
        pickle.dump("damaged", out)
        return
    pickle.dump(names, out)
    out.flush()
    found: dict[str, Cells | None] = {}
    for name in pickle.load(sys.stdin.buffer):  # noqa: S301
        try:
            found[name] = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
        except BaseException as error:
            _pass_on(error)
            found[name] = None
    pickle.dump(found, out)
    out.flush()


def _limit(memory: int) -> None:
    """Keep this process to its memory and time, where the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return


def _pass_on(error: BaseException) -> None:
    """The library stops on some damaged files with an error outside `Exception`; anything else of the kind ends the process."""
    if isinstance(error, MemoryError) or not (isinstance(error, Exception) or type(error).__name__ == "PanicException"):
        raise error
