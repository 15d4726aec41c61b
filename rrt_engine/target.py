"""The file a result is written to: whether it can be written, asked before any work is done for it, and moved whole into place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError


def can_be_written(target: Path, formats: Sequence[str], help: str, such_as: str) -> str:
    """The ending of a file that can be written. Raises InputError where it cannot; `help` says which ending to choose."""

    def problem(code: str, message: str, help: str) -> InputError:
        return InputError([Diagnostic(str(target), 0, 0, code, message, "error", "", help)])

    suffix = next((s for s in formats if target.name.lower().endswith(s)), "")
    if not suffix:
        message = f"cannot write `{target.suffix or target.name}` files; expected {', '.join(formats)}"
        raise problem("unknown_format", message, help)
    if target.is_dir():
        raise problem("unwritable", "this is a folder", f"name a file in it, such as {such_as}")
    if not target.parent.is_dir():
        raise problem("unwritable", f"there is no folder `{target.parent}`", "make the folder first, or name another")
    return suffix


def write_atomically(target: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its final name and move it into place; raises InputError where the folder cannot take it."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise InputError([Diagnostic(str(target), 0, 0, "unwritable", f"cannot write here: {error.strerror}")]) from None
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise InputError([Diagnostic(str(target), 0, 0, "unwritable", f"cannot write the file: {error.strerror or error}")]) from None
    finally:
        temporary.unlink(missing_ok=True)


def no_room(error: OSError) -> InputError:
    """What to say where what is needed meanwhile cannot be kept, as on a full disk."""
    message = f"what is needed meanwhile cannot be kept here: {error.strerror or type(error).__name__}"
    help = "make room, or name another folder in the environment variable TMPDIR"
    return InputError([Diagnostic(tempfile.gettempdir(), 0, 0, "unwritable", message, "error", "", help)])
