"""`rrt report`: a finished run as one page to read and send, a workbook, or tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rrt_engine.cli_options import NOTHING, Format, FormatOption, print_json, progress, stop


def report_command(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run, as `rrt replay ... -o run/` writes it.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A page (.html), a workbook (.xlsx), or NAME.csv for NAME-flags.csv and NAME-summary.csv.",
        ),
    ] = None,
    suppress_under: Annotated[
        int,
        typer.Option(
            "--suppress-under", min=0, metavar="N", help="For sharing: leave out numbers about fewer children, and what gives them away."
        ),
    ] = 0,
    cases: Annotated[int, typer.Option("--cases", min=0, metavar="N", help="How many of the longest waits to list.")] = 50,
    measures: Annotated[
        bool, typer.Option("--measures/--no-measures", help="Whether to work out the measures, where the run is small enough.")
    ] = True,
    format: FormatOption = Format.text,
) -> None:
    """Write what a run found as one page, a workbook or tables: every number says which flags it counts. Ids only, never names."""
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.replay.run_folder import open_run
    from rrt_engine.reports.run_files import check_target, write_report
    from rrt_engine.reports.run_kpis import Kpis, kpis_of
    from rrt_engine.reports.run_page import answer
    from rrt_engine.reports.run_summary import summary_of

    try:
        if output is None and format is Format.text:
            help = "write -o report.html, -o report.xlsx or -o report.csv; or --format json"
            raise InputError([Diagnostic("--output", 0, 0, "missing", "there is no file to write", "error", "", help)])
        if output is not None:
            check_target(output)
        run = open_run(folder)
        with progress() as notice:
            kpis = kpis_of(run, suppress_under, notice=notice) if measures else Kpis(None, "they were not asked for")
            notice("counting the flags")
            found = summary_of(run, suppress_under, cases, kpis)
            notice("writing")
            written = write_report(found, run, output) if output is not None else ()
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        from rrt_engine.reports.run_document import report_document

        print_json(report_document(found))
    else:
        typer.echo(answer(found))
    for path in written:
        typer.echo(f"wrote {path}", err=True)
    raise typer.Exit(NOTHING)
