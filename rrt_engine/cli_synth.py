"""`rrt synth`: make a synthetic authority to test with, of invented children and journeys that follow published figures.

Exit codes: 0 done; 2 could not run.
"""

from __future__ import annotations

import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from rrt_engine.cli_options import Rules, moment_given, stop


class SynthAuthority(str, Enum):  # noqa: UP042 - Typer shows a plain string
    """Whose published figures the journeys follow."""

    england = "england"
    birmingham = "birmingham"


def synth(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The event log to write: .parquet or .csv.")],
    children: Annotated[int, typer.Option("--children", min=1, help="How many children.")] = 5_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same children.")] = 1,
    authority: Annotated[SynthAuthority, typer.Option("--authority", help="Whose published figures to follow.")] = SynthAuthority.england,
    defects: Annotated[
        float, typer.Option("--defects", min=0, max=1, help="The share of children with a recording error put in on purpose; 0 for none.")
    ] = 0.005,
    since: Annotated[str, typer.Option("--from", metavar="DATE", help="Where the history begins.")] = "2020-04-01",
    to: Annotated[str, typer.Option("--to", metavar="DATE", help="Where it ends: the day the extract was made.")] = "2026-03-31",
    jobs: Annotated[int, typer.Option("--jobs", min=0, help="How many processes; 0 for one a processor. The file is the same.")] = 0,
    rules: Rules = None,
) -> None:
    """Make a synthetic authority: linked, plausible, partly late journeys of invented children. No row is about anybody."""
    from rrt_engine.calendar import as_date
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.paths import RULES
    from rrt_engine.synth.write import FORMATS, covers_text, plan_of, write_authority
    from rrt_engine.target import write_atomically

    covers, errors = output.with_name(f"{output.stem}.covers.yaml"), output.with_name(f"{output.stem}.defects.csv")
    try:
        if output.suffix.lower() not in FORMATS:
            raise _mistake(output, f"cannot write `{output.suffix or output.name}` files; expected {' or '.join(FORMATS)}")
        if output.is_dir() or not output.parent.is_dir():
            raise _mistake(output, "this is a folder" if output.is_dir() else f"there is no folder `{output.parent}`")
        begin, end = (as_date(moment_given(text, option).day) for text, option in ((since, "--from"), (to, "--to")))
        try:
            plan = plan_of(children, seed, output, authority.value, begin, end, defects, rules or RULES)
        except ValueError as error:
            raise InputError([Diagnostic("rrt synth", 0, 0, "synth", str(error), "error", "", "see `rrt synth --help`")]) from None
        shown = sys.stderr.isatty()

        def notice(done: int) -> None:
            if shown:
                typer.echo(f"\r{done:,} of {children:,} children", nl=done == children, err=True)

        made = []
        with_errors = errors if defects else None
        write_atomically(output, lambda path: made.append(write_authority(plan, path, with_errors, jobs or os.cpu_count() or 1, notice)))
        write_atomically(covers, lambda path: _put(path, covers_text(plan)))
    except InputError as error:
        raise stop(error) from None
    if not defects:
        errors.unlink(missing_ok=True)  # a list left by an earlier run would say what is no longer so
    typer.echo(f"{children:,} invented {'child' if children == 1 else 'children'}, {made[0].events:,} events: {output}")
    typer.echo(f"what it covers: {covers}")
    if defects:
        typer.echo(f"{made[0].defects:,} recording errors put in on purpose, each of them listed: {errors}")
    typer.echo(f"to replay it: rrt replay {output} --as-of {plan.to.isoformat()}", err=True)


def _mistake(path: Path, message: str) -> Exception:
    from rrt_engine.diagnostics import Diagnostic, InputError

    return InputError(
        [Diagnostic(str(path), 0, 0, "output", message, "error", "", "name a file in a folder that is there, such as synth.parquet")]
    )


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
