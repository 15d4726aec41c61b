"""`rrt serve`: the pages, on this computer only."""

from __future__ import annotations

import sys
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from rrt_engine.cli_options import DEFAULT_RECORD, AsOf, RecordOption, Rules, moment_given, progress, stop


def serve_command(
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="SOURCE", help="What `rrt replay` reads, or the folder of a run. Repeat it for several."),
    ] = None,
    run: Annotated[
        list[Path] | None, typer.Option("--run", metavar="FOLDER", help="The folder of a run to read and compare. Repeat it for several.")
    ] = None,
    as_of: AsOf = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="The port of this computer to serve the pages on.")] = 8765,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the pages in the browser.")] = True,
    record: RecordOption = DEFAULT_RECORD,
    rules: Rules = None,
) -> None:
    """Serve the pages on this computer: what is due today, a case, a check, the record of decisions, training, the rules, and runs."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.paths import RULES
    from rrt_engine.web.desk import open_desk

    try:
        moment = None if as_of is None else moment_given(as_of, "--as-of")
        with progress() as notice:
            notice("reading")
            desk = open_desk(data or [], rules or RULES, moment, record, run or [])
    except InputError as error:
        raise stop(error) from None
    from rrt_engine.web.server import serve

    address = f"http://127.0.0.1:{port}/"
    typer.echo(f"The pages are at {address} on this computer only. Ctrl-C ends them.", err=True)
    if browser and sys.stdout.isatty():
        threading.Timer(1.0, webbrowser.open, [address]).start()
    try:
        serve(desk, port)
    finally:
        desk.close()
