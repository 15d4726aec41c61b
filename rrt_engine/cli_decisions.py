"""`rrt decide` and `rrt decisions`: record what a person decided beside what was suggested, and read and check the record.

Results go to standard output, problems and warnings to standard error. Exit codes: 0 nothing needs attention; 1 the record
is not as it was written; 2 could not run, or nothing was recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rrt_engine.cli_options import ATTENTION, COULD_NOT_RUN, DEFAULT_RECORD, NOTHING, Format, FormatOption, RecordOption, print_json, stop

if TYPE_CHECKING:
    from rrt_engine.decision import Entry, Suggested
    from rrt_engine.decisions import Record, Verified
    from rrt_engine.diagnostics import Diagnostic

    Suggest = Callable[[str, str | None, Path | None], tuple[Suggested, Mapping[str, str]]]

decisions = typer.Typer(no_args_is_help=True, help="Read and check the record of what people decided.")


def decide_command(suggest: Suggest) -> Callable[..., None]:
    """The command `rrt decide`. `suggest` turns a case, an as-of date and a rule set into what is suggested and each pathway's route."""

    def decide(
        case: Annotated[str, typer.Argument(metavar="CASE", help="A case file (YAML), or - to read one from standard input.")],
        level: Annotated[int, typer.Option("--level", help="The level decided, 1 to 4.")],
        pathway: Annotated[list[str], typer.Option("--pathway", metavar="PATHWAY", help="A pathway decided; give it again for another.")],
        by: Annotated[str, typer.Option("--by", metavar="ROLE", help="The role of the person who decided, such as team_manager; no name.")],
        reason: Annotated[
            str, typer.Option("--reason", metavar="TEXT", help="Why; needed where the decision is not what was suggested. No names.")
        ] = "",
        consent_override: Annotated[
            str,
            typer.Option(
                "--consent-override", metavar="TEXT", help="Why it goes ahead without consent; needed where the case does not say."
            ),
        ] = "",
        yes: Annotated[
            bool, typer.Option("--yes", help="Record without asking, even where something in it looks like a name or a telephone number.")
        ] = False,
        as_of: Annotated[
            str | None, typer.Option("--as-of", metavar="DATE", help="The date to suggest by, such as 2026-04-15. Today if left out.")
        ] = None,
        rules: Annotated[
            Path | None, typer.Option("--rules", metavar="FOLDER", help="A rule set other than the one that came with rrt.")
        ] = None,
        record: RecordOption = DEFAULT_RECORD,
        format: FormatOption = Format.text,
    ) -> None:
        """Record what a person decided on a case, beside what is suggested for it."""
        from dataclasses import replace
        from datetime import UTC, datetime

        from rrt_engine import decisions as kept
        from rrt_engine.diagnostics import InputError

        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            suggested, known = suggest(case, as_of, rules)
            if consent_override.strip():
                suggested = replace(suggested, consent_override_reason=consent_override.strip())
            decision = kept.decide(suggested, known, at=at, role=by, level=level, pathways=pathway, reason=reason)
            doubts = kept.cautions(decision)
            _warn(doubts)
            if doubts and not yes and _on_a_terminal() and not _agreed("Record it as it is?"):
                typer.echo("Nothing was recorded.", err=True)
                raise typer.Exit(COULD_NOT_RUN)
            entry = kept.record_decision(record, decision)
        except InputError as error:
            raise stop(error) from None
        if format is Format.json:
            print_json({"schema": "rrt/decision/1", "record": str(record), "entry": kept.as_fields(entry)})
        else:
            show_recorded(entry, record)

    return decide


def show_recorded(entry: Entry, record: Path) -> None:
    """What was just recorded, and the hash to note so that the record can be checked later."""
    from rrt_engine.reports.decision_words import recorded, sentences

    for line in (*sentences(entry), *recorded(entry, record)):
        typer.echo(line)


@decisions.command("list")
def list_decisions(
    case: Annotated[str | None, typer.Option("--case", metavar="ID", help="Only the decisions on one case.")] = None,
    differs: Annotated[bool, typer.Option("--differs", help="Only decisions that differ from what was suggested.")] = False,
    record: RecordOption = DEFAULT_RECORD,
    format: FormatOption = Format.text,
) -> None:
    """List the decisions in order: when, on which case, in which role, what was suggested and what was decided."""
    from rrt_engine import decisions as kept
    from rrt_engine.diagnostics import InputError

    try:
        with kept.open_record(record) as opened:
            sound = _sound(opened)
            found = [e for e in kept.entries(opened, case) if e.decision.differs or not differs]
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        print_json({"schema": "rrt/decisions/1", "record": str(record), "intact": sound, "entries": [kept.as_fields(e) for e in found]})
    else:
        from rrt_engine.reports.decision_words import HEADINGS, counted, row_words

        _table([HEADINGS, *(row_words(e) for e in found)] if found else [])
        typer.echo(counted(found))
    raise typer.Exit(NOTHING if sound else ATTENTION)


@decisions.command()
def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="The entry's number.")],
    record: RecordOption = DEFAULT_RECORD,
    format: FormatOption = Format.text,
) -> None:
    """Show one decision in words: what was suggested, what a person decided, and why."""
    from rrt_engine import decisions as kept
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.reports.decision_words import no_entry, origin, sentences

    try:
        with kept.open_record(record) as opened:
            sound = _sound(opened)
            count, entry = 0, None
            for count, each in enumerate(kept.entries(opened), 1):  # noqa: B007 - how many there are is said below
                entry = each if each.number == number else entry
            if entry is None:
                help = "`rrt decisions list` shows every entry"
                raise InputError([Diagnostic(str(record), 0, 0, "no_entry", no_entry(number, count), "error", "", help)])
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        print_json({"schema": "rrt/decision/1", "record": str(record), "entry": kept.as_fields(entry)})
    else:
        for line in (f"Entry {entry.number}", *sentences(entry), *origin(entry)):
            typer.echo(line)
    raise typer.Exit(NOTHING if sound else ATTENTION)


@decisions.command()
def verify(
    export: Annotated[
        Path | None, typer.Argument(metavar="[EXPORT]", help="An exported .csv or .jsonl file to check, instead of the record.")
    ] = None,
    expect: Annotated[str, typer.Option("--expect", metavar="HASH", help="A hash noted earlier, which an entry must still have.")] = "",
    record: RecordOption = DEFAULT_RECORD,
    format: FormatOption = Format.text,
) -> None:
    """Check that no entry was changed, removed or moved since it was written. Exit code 1 where one was."""
    from rrt_engine import decisions as kept
    from rrt_engine.diagnostics import InputError

    try:
        if export is not None:
            found = kept.verify_export(export, expect)
        else:
            with kept.open_record(record) as opened:
                found = kept.verify(opened, expect)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        print_json(_verified(found, export or record, expect))
    else:
        _show_verified(found, export or record, kept.CANNOT_SHOW, export is not None)
    raise typer.Exit(ATTENTION if found.problems else NOTHING)


@decisions.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The .csv or .jsonl file to write.")],
    record: RecordOption = DEFAULT_RECORD,
) -> None:
    """Write every decision to a .csv or .jsonl file, which `rrt decisions verify FILE` can check without the record."""
    from rrt_engine import decisions as kept
    from rrt_engine.diagnostics import Diagnostic, InputError
    from rrt_engine.target import write_atomically

    format = output.suffix.lower()
    try:
        if format not in kept.EXPORTS:
            said = f"cannot write `{output.suffix or output.name}` files; expected {' or '.join(kept.EXPORTS)}"
            raise InputError([Diagnostic(str(output), 0, 0, "unknown_format", said, "error", "", "end the name in .csv for a spreadsheet")])
        if not output.absolute().parent.is_dir() or output.is_dir():
            said = "this is a folder" if output.is_dir() else f"there is no folder `{output.parent}`"
            raise InputError([Diagnostic(str(output), 0, 0, "unwritable", said, "error", "", "name a file in a folder that exists")])
        with kept.open_record(record) as opened:
            sound = _sound(opened)
            found = list(kept.entries(opened))

        def write(path: Path) -> None:
            kept.write_export(found, path, format)

        write_atomically(output, write)
    except InputError as error:
        raise stop(error) from None
    typer.echo(f"wrote {len(found):,} {'decision' if len(found) == 1 else 'decisions'} to {output}")
    if found:
        typer.echo(f"hash of the last: {found[-1].hash}")
    raise typer.Exit(NOTHING if sound else ATTENTION)


# ---------------------------------------------------------------------------------------------------- in words


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        number, *rest = (f"{cell:>{w}}" if not i else f"{cell:<{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True)))
        typer.echo("  ".join((number, *rest)).rstrip())


def _show_verified(found: Verified, path: Path, cannot_show: str, exported: bool) -> None:
    from rrt_engine.reports.decision_words import EXPORT_ENDS, verified_words

    for line in (*verified_words(found, path), *([EXPORT_ENDS] if exported else []), cannot_show):
        typer.echo(line)


def _verified(found: Verified, path: Path, expect: str) -> dict[str, Any]:
    from rrt_engine.decisions import CANNOT_SHOW

    return {
        "schema": "rrt/decisions-verify/1",
        "file": str(path),
        "entries": found.count,
        "hash": found.hash,
        "intact": not found.problems,
        "problems": [{"entry": p.entry or None, "message": p.text()} for p in found.problems],
        "expected": expect or None,
        "expected_at": found.noted_at,
        "cannot_show": CANNOT_SHOW,
    }


def _sound(record: Record) -> bool:
    """Whether the record is as it was written; where it is not, that is said before anything in it is shown."""
    from rrt_engine.decisions import verify

    problems = verify(record).problems
    if problems:
        typer.echo(f"{record.path}: warning[broken]: {problems[0].text()}", err=True)
        typer.echo("  help: `rrt decisions verify` names everything that is wrong", err=True)
    return not problems


def _warn(found: Sequence[Diagnostic]) -> None:
    for diagnostic in found:
        typer.echo(diagnostic.text(), err=True)


def _on_a_terminal() -> bool:
    """Whether somebody is there to read a question and to answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _agreed(question: str) -> bool:
    """Whether the answer to a question is yes. It is asked once, on standard error, and anything else is a no."""
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
