"""The commands for any number of children: a replay into the folder of a run, and a partition made once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from rrt_engine.cli_options import ATTENTION, COULD_NOT_RUN, NOTHING, Format, Rules, as_of_moment, console, moment_given, print_json, stop
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import plural


class Engine(str, Enum):  # noqa: UP042 - Typer shows a plain string
    """What does the work of a replay."""

    pool = "pool"
    spark = "spark"


@dataclass(frozen=True)
class Work:
    """How the work of a replay into a folder is to be done."""

    jobs: int
    resume: bool
    engine: Engine
    master: str


Jobs = Annotated[
    int, typer.Option("--jobs", min=0, help="Into a folder: how many processes; 0 for one a processor. The result is the same.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Into a folder: go on with a replay that was cut off.")]
EngineOption = Annotated[Engine, typer.Option("--engine", help="Into a folder: this computer's processes, or Spark (extra `spark`).")]
Master = Annotated[str, typer.Option("--master", metavar="URL", help="With --engine spark: where Spark is.")]


def is_folder(target: Path) -> bool:
    """Whether a name is that of the folder of a run: one without the ending of a kind of file.

    >>> [is_folder(Path(name)) for name in ("run", "run.2026-04", "flags.csv", "flags.xlsx")]
    [True, True, False, False]
    """
    return not target.suffix[1:].isalpha()


def not_into_folder() -> InputError:
    """What to say where an audit of thresholds, or a list of disagreements, was asked of a run."""
    message = "suggestions, decisions and disagreements are not written into a run folder"
    return InputError([Diagnostic("--output", 0, 0, "option", message, "error", "", "end the name in .csv or .parquet, or leave them out")])


def only_into_folder(option: str) -> InputError:
    """What to say where an option was given that only a run has."""
    message = f"`{option}` is for a replay into a folder"
    return InputError([Diagnostic(option, 0, 0, "option", message, "error", "", "name the folder: -o run/")])


def replay_into(
    sources: list[str],
    folder: Path,
    as_of: str | None,
    as_known: str | None,
    work: Work,
    format: Format,
    rules: Path | None,
    exit_zero: bool,
) -> typer.Exit:
    """Replay sources into a folder and show what was found. Returns how the command ends; raises InputError."""
    from rrt_engine.paths import RULES
    from rrt_engine.replay.chunk import Settings
    from rrt_engine.replay.pool import CutOff
    from rrt_engine.replay.runner import run

    known = None if as_known is None else moment_given(as_known, "--as-known").day
    settings = Settings(rules or RULES, as_of_moment(as_of), known)
    try:
        with ExitStack() as stack:
            engine = None
            if work.engine is Engine.spark:
                from rrt_engine.replay.spark import on_spark, session

                engine = on_spark(stack.enter_context(session(work.master)))
            notice, progress = stack.enter_context(progress_of_events())
            found = run(sources, settings, folder, work.jobs or processors(), work.resume, notice, progress, engine)
    except (KeyboardInterrupt, CutOff) as stopped:
        typer.echo(f"stopped: {str(stopped) or 'interrupted'}. What was done is kept: go on with the same command and --resume", err=True)
        return typer.Exit(COULD_NOT_RUN)
    if format is Format.json:
        print_json(found.manifest)
    else:
        from rrt_engine.reports.run_text import show_run

        show_run(console(140), found)
    flags = plural(found.manifest["counts"]["flags"], "flag")
    typer.echo(f"wrote {flags} to {folder}; to read them: rrt report {folder} -o report.html", err=True)
    if found.set_aside():
        typer.echo(f"{len(found.set_aside())} of {len(found.parts)} parts were set aside: --resume tries them again", err=True)
        return typer.Exit(COULD_NOT_RUN)
    return typer.Exit(ATTENTION if found.needs_attention() and not exit_zero else NOTHING)


def partition_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="What `rrt replay` reads: files, folders, a database.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write the parts into.")],
    rows: Annotated[int, typer.Option("--rows", min=1, help="About how many events a part holds; a child is never cut.")] = 500_000,
    rules: Rules = None,
) -> None:
    """Cut sources into parts of whole children, once, so that replays of them need not."""
    from rrt_engine.cli_options import rule_book
    from rrt_engine.replay.partition import partition, write_partition

    try:
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            message = "this is a file" if output.is_file() else "this folder is not empty"
            raise InputError([Diagnostic(str(output), 0, 0, "unwritable", message, "error", "", "name a new folder")])
        with progress_of_events() as (notice, _):
            made = partition(sources, rule_book(rules), output, notice, in_place=False, rows=rows)
            if not made.refused:
                write_partition(made, output)
    except InputError as error:
        raise stop(error) from None
    if made.refused:
        raise stop(InputError(made.refused))
    for diagnostic in made.diagnostics:
        typer.echo(diagnostic.text(), err=True)
    events = sum(part.rows for part in made.parts)
    typer.echo(f"{plural(len(made.parts), 'part')}, {plural(events, 'row')}, in {output}")
    if made.rejected:
        typer.echo(f"{plural(len(made.rejected), 'record')} rejected: {output / 'parts.json'} lists them")
    raise typer.Exit(NOTHING)


def processors() -> int:
    """How many processors this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def progress_of_events() -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """Progress on standard error, only on a terminal: what is being done, events done of all, how many a second, and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    shown = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*shown, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading the rules", total=None, rate="")

        def progress(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:,.0f} events/s" if speed else "")

        yield lambda text: bar.update(task, description=text), progress
