"""The commands: read what was asked, call the engine, show the answer. No rule and no calculation lives here.

Results go to standard output, progress and problems to standard error. Exit codes: 0 nothing needs attention; 1
something is overdue, late or too early, or a rule example failed; 2 could not run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_bench import bench
from rrt_engine.cli_compare import compare_command, what_if_command
from rrt_engine.cli_convert import convert
from rrt_engine.cli_decisions import decide_command
from rrt_engine.cli_decisions import decisions as decisions_app
from rrt_engine.cli_facts import facts
from rrt_engine.cli_measures import measures_command
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
    engines,
    fault,
    moment_given,
    print_json,
    progress,
    read_one,
    rule_book,
    stop,
    stop_if_unread,
    threshold_book,
)
from rrt_engine.cli_quality import quality_command
from rrt_engine.cli_report import report_command
from rrt_engine.cli_rules import rules as rules_app
from rrt_engine.cli_run import (
    Engine,
    EngineOption,
    Jobs,
    Master,
    Resume,
    Work,
    is_folder,
    not_into_folder,
    only_into_folder,
    partition_command,
    replay_into,
)
from rrt_engine.cli_sample import sample_command
from rrt_engine.cli_serve import serve_command
from rrt_engine.cli_synth import synth
from rrt_engine.cli_training import train_command
from rrt_engine.cli_trend import trend_command
from rrt_engine.cli_worklist import worklist_command

if TYPE_CHECKING:
    from rrt_engine.decision import Suggested
    from rrt_engine.replay.audit import Audit
    from rrt_engine.replay.run import Replay

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Thresholds and timescales for children's social care: what is overdue, due and done, which level and pathway the facts "
    "point to, and why. It suggests; a person decides.",
)
app.add_typer(rules_app, name="rules")
app.add_typer(decisions_app, name="decisions")


class Explain(str, Enum):  # noqa: UP042
    """How much working is shown."""

    brief = "brief"
    full = "full"


WhatIf = Annotated[
    list[str] | None,
    typer.Option("--what-if", metavar="FACT=VALUE", help="Show what would move if a fact were so. Repeat it to change several."),
]


@app.command()
def check(
    case: Annotated[str, typer.Argument(metavar="CASE", help="A case file (YAML), or - to read one from standard input.")],
    as_of: AsOf = None,
    what_if: WhatIf = None,
    explain: Annotated[Explain, typer.Option("--explain", help="How much working to show.")] = Explain.brief,
    format: FormatOption = Format.text,
    rules: Rules = None,
    exit_zero: ExitZero = False,
) -> None:
    """Check one case: what is overdue, due and done at a date, and the level and pathway its facts point to, with the working."""
    from rrt_engine.checking import Changes, check_case
    from rrt_engine.diagnostics import InputError
    from rrt_engine.model import NEEDS_ATTENTION
    from rrt_engine.thresholds.two_engines import EnginesDisagree, checked_by_both
    from rrt_engine.thresholds.what_if import changed

    try:
        book = rule_book(rules)
        moment = as_of_moment(as_of)
        thresholds = cache(lambda: threshold_book(rules, book))
        found = read_one(case, book, thresholds)
        with engines(thresholds if found.every_fact() or what_if else None, moment) as (reasoner, worker):
            checked = check_case(found, book, moment, reasoner, worker)
            changes = None
            if what_if and reasoner and checked.question and checked.suggestion:
                question, words = changed(checked.question, what_if, reasoner.book)
                changes = Changes(tuple(words), checked_by_both(reasoner, question, worker))
    except InputError as error:
        raise stop(error) from None
    except EnginesDisagree as error:
        raise fault(error) from None
    if format is Format.json:
        from rrt_engine.reports.documents import check_document

        print_json(check_document(checked, book, moment, changes))
    else:
        from rrt_engine.reports.text import show_check

        show_check(console(100), checked, book, moment, explain is Explain.full, reasoner.book if reasoner else None, changes)
    attention = any(f.status in NEEDS_ATTENTION for f in checked.flags)
    raise typer.Exit(ATTENTION if attention and not exit_zero else NOTHING)


@app.command()
def replay(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Files, folders and database addresses in any mix: Annex A, CIN census, SSDA903, SSD, DfE interface, event logs, cases.",
        ),
    ],
    as_of: AsOf = None,
    as_known: Annotated[str | None, typer.Option("--as-known", metavar="DATE", help="Use only events recorded by this date.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            help="Write every flag to a .csv, .parquet or .jsonl file. A name without an ending is the folder of a run, for any number "
            "of children: see `rrt report`.",
        ),
    ] = None,
    jobs: Jobs = 0,
    resume: Resume = False,
    engine: EngineOption = Engine.pool,
    master: Master = "local[*]",
    thresholds: Annotated[
        bool, typer.Option("--thresholds", help="Also suggest a level and pathway for every case with facts, and audit decisions.")
    ] = False,
    decisions: Annotated[
        Path | None,
        typer.Option("--decisions", metavar="FILE", help="Decisions made, as a table or a record of decisions, to set beside suggestions."),
    ] = None,
    suggestions: Annotated[
        Path | None, typer.Option("--suggestions", metavar="FILE", help="Write every suggestion to a .csv, .parquet or .jsonl file.")
    ] = None,
    dip_sample: Annotated[int, typer.Option("--dip-sample", min=0, help="How many disagreements to list for somebody to read.")] = 10,
    suppress_under: Annotated[
        int, typer.Option("--suppress-under", min=0, help="Leave out counts of people below this in the audit; 0 shows all.")
    ] = 5,
    disagreements: Annotated[
        Path | None, typer.Option("--disagreements", metavar="FILE", help="Write every disagreement between the sources to a .csv file.")
    ] = None,
    format: FormatOption = Format.text,
    rules: Rules = None,
    exit_zero: ExitZero = False,
) -> None:
    """Replay every timeline in the sources, put together by child, and count, rule by rule, what was on time and what cannot be judged."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.replay.run import replay as run

    facts = thresholds or decisions is not None or suggestions is not None
    audited = None
    try:
        if output is not None and is_folder(output):
            if facts or disagreements is not None:
                raise not_into_folder()
            raise replay_into(sources, output, as_of, as_known, Work(jobs, resume, engine, master), format, rules, exit_zero)
        if resume or engine is not Engine.pool:
            raise only_into_folder("--resume" if resume else "--engine")
        book = rule_book(rules)
        moment = as_of_moment(as_of)
        known = None if as_known is None else moment_given(as_known, "--as-known").day
        for target in (output, suggestions):
            if target is not None:
                from rrt_engine.reports.flag_table import check_target

                check_target(target)
        if disagreements is not None:
            from rrt_engine.reports.merging_text import check_disagreements, write_disagreements

            check_disagreements(disagreements)
        with progress() as notice:
            found = run(sources, book, moment, known, notice, facts)
            if disagreements is not None:
                differing = write_disagreements(found.merging, disagreements)
            if output is not None:
                from rrt_engine.reports.flag_table import write_flags

                notice(f"writing {output.name}")
                written = write_flags(found, output)
            if facts:
                audited = _audited(found, decisions, known, suppress_under, dip_sample, rules, notice)
                if suggestions is not None:
                    from rrt_engine.reports.audit_text import write_suggestions

                    notice(f"writing {suggestions.name}")
                    suggested = write_suggestions(audited, suggestions)
    except InputError as error:
        raise stop(error) from None
    if format is Format.json:
        from rrt_engine.reports.documents import replay_document

        print_json(replay_document(found, audited))
    else:
        from rrt_engine.reports.text import show_replay

        show_replay(console(140), found, audited)
    if output is not None:
        typer.echo(f"wrote {written:,} {'flag' if written == 1 else 'flags'} to {output}", err=True)
    if suggestions is not None:
        typer.echo(f"wrote {suggested:,} {'suggestion' if suggested == 1 else 'suggestions'} to {suggestions}", err=True)
    if disagreements is not None:
        typer.echo(f"wrote {differing:,} {'disagreement' if differing == 1 else 'disagreements'} to {disagreements}", err=True)
    stop_if_unread([*found.refused, *(audited.refused if audited else ())])
    raise typer.Exit(ATTENTION if found.needs_attention() and not exit_zero else NOTHING)


def _audited(
    found: Replay,
    decisions: Path | None,
    known: int | None,
    suppress_under: int,
    dip_sample: int,
    rules: Path | None,
    notice: Callable[[str], None],
) -> Audit:
    """Suggestions for every case with facts, by both engines, with decisions beside them. Raises InputError."""
    from rrt_engine.paths import RULES
    from rrt_engine.replay.audit import Settings, audit
    from rrt_engine.rulebook.base_rates import load_base_rates
    from rrt_engine.thresholds.two_engines import EnginesDisagree

    rates = load_base_rates(rules or RULES)
    try:
        with engines(lambda: threshold_book(rules, found.book), found.as_of) as (reasoner, worker):
            assert reasoner
            return audit(found, reasoner, worker, Settings(suppress_under, dip_sample), decisions, rates, known, notice)
    except EnginesDisagree as error:
        raise fault(error) from None


def _suggested(case: str, as_of: str | None, rules: Path | None) -> tuple[Suggested, dict[str, str]]:
    """What is suggested for a case, for the record of what a person decides; and each pathway's route."""
    from rrt_engine.checking import check_case, for_the_record
    from rrt_engine.thresholds.two_engines import EnginesDisagree

    book = rule_book(rules)
    moment = as_of_moment(as_of)
    thresholds = cache(lambda: threshold_book(rules, book))
    found = read_one(case, book, thresholds)
    try:
        with engines(thresholds if found.every_fact() else None, moment) as (reasoner, worker):
            checked = check_case(found, book, moment, reasoner, worker)
    except EnginesDisagree as error:
        raise fault(error) from None
    return for_the_record(checked, book, moment), {name: p.route for name, p in thresholds().pathways.items()}


app.command()(facts)
app.command("partition")(partition_command)
app.command("worklist")(worklist_command)
app.command("quality")(quality_command)
app.command("measures")(measures_command)
app.command("report")(report_command)
app.command("trend")(trend_command)
app.command("compare")(compare_command)
app.command("what-if")(what_if_command)
app.command("sample")(sample_command)
app.command()(convert)
app.command("train")(train_command)
app.command()(synth)
app.command("serve")(serve_command)
app.command()(bench)
app.command("decide")(decide_command(_suggested))


@app.command()
def version(rules: Rules = None) -> None:
    """Say which engine, rule set and calendar this is."""
    from rrt_engine import __version__
    from rrt_engine.diagnostics import InputError

    try:
        book = rule_book(rules)
    except InputError as error:
        raise stop(error) from None
    from rrt_engine.reports.text import announced_words

    typer.echo(f"rrt {__version__}")
    typer.echo(f"rule set {book.id} {book.version}, {len(book.rules)} rules, digest {book.digest}")
    typer.echo(announced_words(book))


def main() -> None:
    """Run a command; output is UTF-8 whatever the terminal's code page."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except KeyboardInterrupt:  # before a command has begun
        sys.exit(130)


if __name__ == "__main__":
    main()
