"""`rrt quality`: what is wrong with the data, where it stands and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_options import (
    ATTENTION,
    NOTHING,
    AsOf,
    ExitZero,
    Format,
    FormatOption,
    Rules,
    as_of_moment,
    console,
    print_json,
    rule_book,
    stop,
    stop_if_unread,
)

if TYPE_CHECKING:
    from rrt_engine.rulebook.quality_schema import Check


def quality_command(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="What `rrt replay` reads: files, folders, a database."),
    ] = None,
    as_of: AsOf = None,
    year: Annotated[
        int | None,
        typer.Option("--year", min=2010, max=2100, help="The collection year of a return, by the March that ends it, such as 2026."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write every finding to .csv or .xlsx.")] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="List every check there is, and stop.")] = False,
    format: FormatOption = Format.text,
    rules: Rules = None,
    exit_zero: ExitZero = False,
) -> None:
    """Check the data of each source by itself: dates out of order, overlaps, impossible lengths, what is missing; with how to mend each."""
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.paths import RULES
    from rrt_engine.rulebook.quality_book import load_checks

    try:
        if output is not None:
            from rrt_engine.reports.quality_files import check_target

            check_target(output)
        book = rule_book(rules)
        checks = load_checks(rules or RULES, book)
        if list_checks:
            _list(checks, format)
            raise typer.Exit(NOTHING)
        if not sources:
            help = "rrt quality SOURCE --as-of DATE, or rrt quality --list"
            raise InputError([Diagnostic("rrt quality", 0, 0, "no_source", "nothing to check was named", "error", "", help)])
        from rrt_engine.quality.run import quality
        from rrt_engine.replay.run import replay

        found = quality(replay(sources, book, as_of_moment(as_of)), checks, year)
        if output is not None:
            from rrt_engine.reports.quality_files import write_quality

            written = write_quality(found, output)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        from rrt_engine.reports.quality_files import quality_document

        print_json(quality_document(found))
    else:
        from rrt_engine.reports.quality_text import show_quality

        show_quality(console(120), found)
    if output is not None:
        typer.echo(f"wrote {written:,} {'row' if written == 1 else 'rows'} to {output}", err=True)
    stop_if_unread(found.replay.refused)
    raise typer.Exit(ATTENTION if found.anything() and not exit_zero else NOTHING)


def _list(checks: tuple[Check, ...], format: Format) -> None:
    """Every check, in words or as JSON."""
    if format is Format.json:
        print_json([check.model_dump(mode="json", by_alias=True, exclude={"good", "bad"}, exclude_none=True) for check in checks])
    else:
        from rrt_engine.reports.quality_text import show_checks

        show_checks(console(120), checks)
