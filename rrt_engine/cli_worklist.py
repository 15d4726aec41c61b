"""`rrt worklist`: what is overdue and what is due next, for those who have to do it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

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
    from rrt_engine.diagnostics import Diagnostic
    from rrt_engine.replay.run import Replay
    from rrt_engine.replay.worklist import Choice

_MOST_DAYS = 260  # about a year of working days: a calendar longer than that is not read


def worklist_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="What `rrt replay` reads: files, folders, a database.")],
    as_of: AsOf = None,
    team: Annotated[list[str] | None, typer.Option("--team", metavar="TEAM", help="Only this team. Repeat it for several.")] = None,
    worker: Annotated[list[str] | None, typer.Option("--worker", metavar="CODE", help="Only this worker. Repeat it for several.")] = None,
    days: Annotated[int, typer.Option("--days", min=0, max=_MOST_DAYS, help="How many working days to look ahead.")] = 10,
    service: Annotated[
        list[str] | None, typer.Option("--service", metavar="SERVICE", help="Only this part of the service, such as child_protection.")
    ] = None,
    authority: Annotated[
        str | None, typer.Option("--authority", metavar="LIST", help="Only limits of these kinds: duty,guidance,practice,court,local,kpi.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the list to .csv, .xlsx, or .html to print and hand over.")
    ] = None,
    format: FormatOption = Format.text,
    rules: Rules = None,
    exit_zero: ExitZero = False,
) -> None:
    """List what is overdue and what is due next across a caseload, by team and worker, longest overdue first."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.replay.run import replay
    from rrt_engine.replay.worklist import Choice, worklist

    try:
        choice = Choice(tuple(team or ()), tuple(worker or ()), *_kinds_asked(service or [], authority))
        if output is not None:
            from rrt_engine.reports.worklist_files import check_target

            check_target(output)
        book = rule_book(rules)
        moment = as_of_moment(as_of)
        read = replay(sources, book, moment)
        _check_names(read, choice)
        found = worklist(read, days, choice)
        if output is not None:
            from rrt_engine.reports.worklist_files import write_worklist

            written = write_worklist(found, output)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        from rrt_engine.reports.worklist_document import worklist_document

        print_json(worklist_document(found))
    else:
        from rrt_engine.reports.worklist_text import show_worklist

        show_worklist(console(110), found)
    if output is not None:
        typer.echo(f"wrote {written:,} {'line' if written == 1 else 'lines'} to {output}", err=True)
    stop_if_unread(read.refused)
    raise typer.Exit(ATTENTION if len(found.overdue) and not exit_zero else NOTHING)


def _kinds_asked(services: list[str], authority: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The services and authorities asked for. Raises InputError with every word that is none."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.rulebook.schema import Authority, Service

    problems: list[Diagnostic] = []
    asked_services = tuple(word.strip() for given in services for word in given.split(","))
    asked = tuple(word.strip() for word in (authority or "").split(",") if word.strip())
    for option, words, known in (("--service", asked_services, get_args(Service)), ("--authority", asked, get_args(Authority))):
        problems.extend(_unknown(option, word, known) for word in words if word not in known)
    if problems:
        raise InputError(problems)
    return asked_services, asked


def _unknown(option: str, word: str, known: tuple[str, ...]) -> Diagnostic:
    from rrt_engine.diagnostics import Diagnostic, did_you_mean

    near = did_you_mean(word, known)
    few = ", ".join(f"`{k}`" for k in known[:20])
    help = near or (f"there {'is' if len(known) == 1 else 'are'} {few}" if known else "none is recorded in what was read")
    return Diagnostic(option, 0, 0, "unknown_value", f"`{word}` is not known", "error", "", help)


def _check_names(read: Replay, choice: Choice) -> None:
    """Raise InputError where a team or worker that was asked for is recorded nowhere: an empty list would look like good news."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.replay.worklist import NO_TEAM, NO_WORKER

    problems: list[Diagnostic] = []
    for option, attribute, wanted, none in (("--team", "team", choice.teams, NO_TEAM), ("--worker", "worker", choice.workers, NO_WORKER)):
        columns = [run.log.attributes[attribute] for run in read.sources if attribute in run.log.attributes]
        known = sorted({str(value).strip() for column in columns for value in column.values})
        folded = {name.casefold() for name in (*known, none)}
        problems.extend(_unknown(option, name, (*known, none)) for name in wanted if name.casefold() not in folded)
    if problems:
        raise InputError(problems)
