"""The command that writes what was read as one clean event log, for other tools and for safe keeping."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_options import COULD_NOT_RUN, NOTHING, AsOf, Rules, as_of_moment, rule_book, stop

if TYPE_CHECKING:
    from rrt_engine.replay.run import Read
    from rrt_engine.reports.event_log_convert import Written


def convert(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="What `rrt replay` reads: files, folders, a database.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to write: .csv, .parquet, .jsonl, .ocel.json for OCEL 2.0 or .xes for XES."
        ),
    ],
    flags: Annotated[bool, typer.Option("--flags", help="Also write every duty and what was found of it; in .ocel.json and .xes.")] = False,
    as_of: AsOf = None,
    rules: Rules = None,
) -> None:
    """Write every event of the sources as one clean event log, with what it covers in a file beside it.

    Replaying what is written gives the same flags as replaying the sources.
    """
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.replay.run import read_all
    from rrt_engine.reports.event_log_convert import check_target, write_logs

    try:
        check_target(output, flags)
        if as_of is not None and not flags:
            raise InputError([Diagnostic("--as-of", 0, 0, "as_of", "only flags are judged by a date", "error", "", "add --flags")])
        moment = as_of_moment(as_of) if flags else None
        book = rule_book(rules)
        read = read_all(sources, book, lambda name: typer.echo(f"reading {name}", err=True))
        written = write_logs([group.log for group in read.merging.groups], output, book, moment)
    except InputError as error:
        raise stop(error) from None
    _say(read, written)
    raise typer.Exit(COULD_NOT_RUN if read.refused else NOTHING)


def _say(read: Read, written: list[Written]) -> None:
    """What was read, rejected and written; what is wrong with a source goes to standard error."""
    from rrt_engine.model import plural

    for source in read.sources:
        reading = source.reading
        typer.echo(f"{source.path} ({reading.format}): {reading.records_used:,} of {plural(reading.records_read, 'record')} used")
        if reading.rejected:
            first = reading.rejected[0]
            typer.echo(f"  {plural(len(reading.rejected), 'record')} rejected, the first in {first.origin}, {first.row}: {first.why}")
        for diagnostic in reading.diagnostics:
            typer.echo(diagnostic.text(), err=True)
    for refused in read.refused:
        for diagnostic in refused.diagnostics:
            typer.echo(diagnostic.text(), err=True)
    if read.merging.shared:
        typer.echo(
            f"{plural(read.merging.shared, 'child is', 'children are')} known to several sources and put together: "
            f"{plural(read.merging.counted_once, 'event')} counted once, {plural(len(read.merging.disagreements), 'disagreement')} "
            "(`rrt replay` lists them)"
        )
    if len(written) > 1:
        typer.echo("the sources cover different things, so each coverage has a file of its own:")
    for file in written:
        flags = "" if file.flags is None else f", {file.flags:,} {'duty' if file.flags == 1 else 'duties'}"
        covers = "" if file.covers is None else f"; covers: {file.covers}"
        typer.echo(f"{file.path}: {plural(file.events, 'event')} of {plural(file.children, 'child', 'children')}{flags}{covers}")
        for name in file.left_out:
            typer.echo(f"  `{name}` is left out: an event log keeps that name for something else", err=True)
