"""`rrt bench`: this engine and what people would use instead, side by side on this computer.

Exit codes: 0 all results equal and every target met; 1 results differ or a target was missed; 2 could not run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from rrt_engine.cli_options import ATTENTION, COULD_NOT_RUN, NOTHING, Format, FormatOption, stop
from rrt_engine.diagnostics import Diagnostic, InputError


def bench(
    children: Annotated[int, typer.Option("--children", min=1_000, help="How many invented children, of about 12 events each.")] = 100_000,
    turns: Annotated[int, typer.Option("--turns", min=1, help="How often each engine works; the middle time is shown.")] = 3,
    benchmarks: Annotated[
        Path | None, typer.Option("--benchmarks", metavar="FOLDER", help="The folder `benchmarks` of the source, where it is not found.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Keep the made events here, to be used again.")] = None,
    format: FormatOption = Format.text,
) -> None:
    """Do one piece of work with this engine and with each alternative that is installed, check the results equal, and compare times."""
    from rrt_engine.paths import BENCHMARKS

    folder = benchmarks or BENCHMARKS
    program = folder / "run.py"
    if not program.is_file():
        raise stop(InputError([_missing(folder, given=benchmarks is not None)]))
    command = [sys.executable, str(program.resolve()), "--children", str(children), "--rounds", str(turns)]
    if format is Format.json:
        command.append("--json")
    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(temporary) if data is None else data.resolve()
        ended = subprocess.run(command, env={**os.environ, "BENCH_DATA": str(kept)}, check=False).returncode  # noqa: S603 - our own program
    if ended not in (NOTHING, ATTENTION):
        typer.echo("error: the comparison could not be made; what the engine that failed said is above", err=True)
        ended = COULD_NOT_RUN
    raise typer.Exit(ended)


def _missing(folder: Path, given: bool) -> Diagnostic:
    """What to say where the benchmarks are not there."""
    if given:
        return Diagnostic(
            str(folder), 0, 0, "benchmarks", "there is no `run.py` in this folder", "error", "", "name the folder `benchmarks`"
        )
    message = "the benchmarks are not part of an installed rrt: they come with its source"
    help = "get the source of this version (the .tar.gz beside the wheel, or the repository), and: rrt bench --benchmarks FOLDER/benchmarks"
    return Diagnostic("rrt bench", 0, 0, "benchmarks", message, "error", "", help)
