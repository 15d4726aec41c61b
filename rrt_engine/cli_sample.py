"""`rrt sample`: a dip sample of a run for audit, the same for everybody who draws it with the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_options import COULD_NOT_RUN, NOTHING, Format, FormatOption, console, print_json, stop

if TYPE_CHECKING:
    from rrt_engine.replay.run_folder import Run
    from rrt_engine.replay.sample import Sample

STRATA = ("service", "rule", "status", "basis", "authority", "verified", "team", "worker", "cannot_tell_because", "provisional", "edition")
"""Columns of the flags that are of few kinds, so that a stratum holds many duties."""
_LISTED = 20


def sample_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run: `rrt replay SOURCE... --as-of DATE -o run/` makes one.")],
    n: Annotated[int, typer.Option("--n", min=1, metavar="N", help="How many duties to draw.")] = 20,
    stratify: Annotated[
        str,
        typer.Option("--stratify", metavar="COLUMNS", help=f"Columns that make the strata, with commas between: {', '.join(STRATA)}."),
    ] = "",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same sample.")] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="COLUMN=VALUE", help="Draw only from these, such as status=late. Repeat it; commas mean or."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="A child may be drawn more than once.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it to .xlsx or .csv, with columns for the auditor to fill in."),
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Draw duties at random from a run, for somebody to compare with the case records."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.reports.sample_files import check_target, len_of, sample_document, write_sample

    try:
        if output is not None:
            check_target(output)
        found, opened = _drawn(run, n, _columns(stratify), seed, _wanted(only or []), again)
        written = [] if output is None else write_sample(found, opened, output)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        print_json(sample_document(found, opened))
    else:
        from rrt_engine.reports.sample_text import show_sample

        show_sample(console(120), found, opened)
    if written:
        typer.echo(f"wrote {len_of(found):,} {'duty' if len_of(found) == 1 else 'duties'} to {' and '.join(map(str, written))}", err=True)
    raise typer.Exit(COULD_NOT_RUN if opened.set_aside() else NOTHING)


def _drawn(folder: Path, n: int, by: tuple[str, ...], seed: int, wanted: dict[str, list[str]], again: bool) -> tuple[Sample, Run]:
    from rrt_engine.replay.run_folder import open_run
    from rrt_engine.replay.sample import Design, drawn, only_where

    run = open_run(folder)
    found = drawn((only_where(table, wanted) for table in run.batches()), Design(n, by, seed, again))
    _check_values(run, wanted, found.duties)
    return found, run


def _check_values(run: Run, wanted: dict[str, list[str]], duties: int) -> None:
    """Raises InputError with every value wanted that there is none of: where nothing was found no duty has, otherwise none can have."""
    from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
    from rrt_engine.model import STATUSES

    values: dict[str, set[str]] = {name: set() for name in wanted}
    for table in run.batches(list(wanted)) if wanted and not duties else ():
        for name, held in values.items():
            held.update("" if value is None else str(value) for value in table[name].cast("string").unique().to_pylist())
    if duties:
        values = {"status": set(STATUSES)}
    problems = []
    for name, held in values.items():
        known = sorted(held - {""})
        more = f" and {len(known) - _LISTED:,} more" if len(known) > _LISTED else ""
        expected = f"expected one of {', '.join(known[:_LISTED])}{more}" if known else f"none has any {name}"
        for value in [value for value in wanted.get(name, []) if held and value not in held]:
            message = f"no duty of this run has `{value}` as its {name}"
            problems.append(Diagnostic("--only", 0, 0, "only", message, "error", "", did_you_mean(value, known) or expected))
    if problems:
        raise InputError(problems)


def _columns(text: str) -> tuple[str, ...]:
    """The columns named. Raises InputError with every one that cannot make strata."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    _check("--stratify", names)
    return names


def _wanted(asked: list[str]) -> dict[str, list[str]]:
    """The values wanted of each column. Raises InputError."""
    from rrt_engine.diagnostics import Diagnostic, InputError

    wrong = [text for text in asked if "=" not in text]
    if wrong:
        message = "expected a column and a value, such as status=late"
        raise InputError([Diagnostic("--only", 0, 0, "only", f"`{text}`: {message}") for text in wrong])
    pairs = [text.partition("=")[::2] for text in asked]
    _check("--only", tuple(name.strip() for name, _ in pairs))
    found: dict[str, list[str]] = {}
    for name, values in pairs:
        found.setdefault(name.strip(), []).extend(value.strip() for value in values.split(","))
    return found


def _check(option: str, names: tuple[str, ...]) -> None:
    from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean

    help = f"expected one of {', '.join(STRATA)}"
    wrong = [name for name in names if name not in STRATA]
    if wrong:
        raise InputError(
            [
                Diagnostic(option, 0, 0, "column", f"`{n}` is no column for this", "error", "", did_you_mean(n, STRATA) or help)
                for n in wrong
            ]
        )
