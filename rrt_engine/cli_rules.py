"""`rrt rules`: the tools of the person who writes rules. List, show, test, lint, and the schema for an editor.

Results go to standard output, problems to standard error. Exit codes: 0 nothing needs attention; 1 an example failed
or a rule set has errors; 2 could not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rrt_engine.paths import RULES

if TYPE_CHECKING:
    from rich.console import Console

    from rrt_engine.diagnostics import Diagnostic
    from rrt_engine.rulebook.book import Rule, RuleBook
    from rrt_engine.rulebook.examples import Outcome
    from rrt_engine.rulebook.lint import Coverage
    from rrt_engine.rulebook.strict_yaml import Document

rules = typer.Typer(no_args_is_help=True, help="Read, test and check the rules.")

NOTHING, ATTENTION, COULD_NOT_RUN = 0, 1, 2


class Format(str, Enum):  # noqa: UP042 - Typer shows a plain string
    """How results are written."""

    text = "text"
    json = "json"


class LintFormat(str, Enum):  # noqa: UP042
    """How what is wrong with a rule set is written."""

    text = "text"
    json = "json"
    sarif = "sarif"


FolderOption = Annotated[
    Path, typer.Option("--rules", metavar="FOLDER", help="A rule set other than the one that came with rrt.", show_default=False)
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the result.")]


@rules.command("list")
def list_rules(
    service: Annotated[
        str | None, typer.Option("--service", metavar="SERVICE", help="Only the rules of one service, such as child_protection.")
    ] = None,
    folder: FolderOption = RULES,
    format: FormatOption = Format.text,
) -> None:
    """List the rules: id, limit, authority and title."""
    from rrt_engine.explain.rule_page import limit

    book, _, _ = _load(folder)
    services = list(dict.fromkeys(r.spec.service for r in book.rules))
    if service is not None and service not in services:
        _stop_unknown("service", service, services)
    latest = [book.named(i)[-1] for i in dict.fromkeys(r.id for r in book.rules)]
    chosen = [r for r in latest if service is None or r.spec.service == service]
    if format is Format.json:
        rows = [
            {
                "id": r.id,
                "title": r.spec.title,
                "service": r.spec.service,
                "limit": limit(book, r.spec),
                "authority": r.spec.authority,
                "verified": r.spec.verified,
                "stage": r.spec.stage,
                "from": r.spec.effective.from_.isoformat(),
                "to": r.spec.effective.to.isoformat() if r.spec.effective.to else None,
                "editions": len(book.named(r.id)),
                "file": r.file,
                "line": r.line,
            }
            for r in chosen
        ]
        _print_json({"schema": "rrt/rules/1", "rule_set": _rule_set(book), "rules": rows})
        return
    console = _console()
    shown = [(r, limit(book, r.spec)) for r in chosen]
    wide = [max((len(text) for text in column), default=0) for column in ([r.id for r, _ in shown], [t for _, t in shown])]
    for name in services:
        mine = [(r, text) for r, text in shown if r.spec.service == name]
        if mine:
            _say(console, name.replace("_", " "), "bold")
        for r, text in mine:
            _say(console, f"  {r.id:<{wide[0]}}  {text:<{wide[1]}}  {r.spec.authority:<8}  {r.spec.title}")
    _say(console, f"{_count(len(shown), 'rule')} of {book.title}, {book.version}")


@rules.command()
def show(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="A rule's id, or another id by which it is known.")],
    folder: FolderOption = RULES,
    format: FormatOption = Format.text,
) -> None:
    """Show one rule: what it requires, why, its source, how it is worked out, and its examples."""
    from dataclasses import asdict

    from rrt_engine.explain.rule_page import page_sections, rule_page

    book, _, _ = _load(folder)
    page = rule_page(book, _named(book, rule_id))
    if format is Format.json:
        _print_json({"schema": "rrt/rule/1", "rule_set": _rule_set(book), **asdict(page)})
        return
    console = _console()
    _say(console, f"{page.title} ({page.id})", "bold")
    for heading, lines in page_sections(page):
        console.print()
        _say(console, heading, "bold")
        for line in lines:
            indent = 2 + len(line) - len(line.lstrip())
            _say(console, line.lstrip(), indent=indent)


@rules.command("test")
def run_rules(
    rule_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only one rule, by its id.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Say how much of the rules the examples prove.")] = False,
    folder: FolderOption = RULES,
    format: FormatOption = Format.text,
) -> None:
    """Run the examples written in the rules. Fails when one does not hold, or when there are none."""
    from rrt_engine.rulebook.examples import run_examples
    from rrt_engine.rulebook.lint import coverage as measured
    from rrt_engine.rulebook.proofs import prove

    book, read, problems = _load(folder)
    if rule_id is not None:
        wanted = _named(book, rule_id)
        read = [(r, d) for r, d in read if r in wanted]
    found: list[tuple[Rule, Sequence[Outcome]]]
    proved: Coverage | None = None
    if coverage:
        proofs = tuple(prove(rule, document, book) for rule, document in read)
        found = [(p.rule, p.outcomes) for p in proofs]
        proved = measured(proofs)
    else:
        found = [(rule, run_examples(rule, document, book)) for rule, document in read]
    without = [rule for rule, outcomes in found if not outcomes and rule.spec.stage == "in_force"]
    failed = sum(1 for _, outcomes in found for o in outcomes if not o.passed)
    ran = sum(len(outcomes) for _, outcomes in found)
    if format is Format.json:
        _print_json(_test_document(book, found, proved))
    else:
        console = _console()
        for rule, outcomes in found:
            _show_outcomes(console, rule, outcomes, every=rule_id is not None)
        for rule in without:
            _say(console, f"{rule.id} ({rule.file}:{rule.line}): no examples", "bold red")
        verdict = f"{failed} failed" if failed else "all hold" if ran else "nothing was tested"
        _say(console, f"{_count(len(found), 'rule')}, {_count(ran, 'example')}: {verdict}", "bold")
        if proved is not None:
            _show_coverage(console, proved)
    if problems and rule_id is None:
        raise typer.Exit(COULD_NOT_RUN)
    raise typer.Exit(ATTENTION if failed or without or not ran else NOTHING)


@rules.command("lint")
def lint_rules(
    folder: FolderOption = RULES,
    format: Annotated[
        LintFormat, typer.Option("--format", help="How to write the result; sarif is for editors and code hosts.")
    ] = LintFormat.text,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Also note each rule whose number has not been seen in the instrument.")
    ] = False,
) -> None:
    """Check the rule set: what is broken, and what no example proves."""
    from rrt_engine import __version__
    from rrt_engine.diagnostics import as_json, as_sarif
    from rrt_engine.rulebook.lint import lint

    _must_exist(folder)
    found = lint(folder, unverified)
    errors = sum(1 for d in found if d.severity == "error")
    if format is LintFormat.json:
        typer.echo(as_json(found))
    elif format is LintFormat.sarif:
        typer.echo(as_sarif(found, __version__))
    else:
        console = _console()
        for d in found:
            _say_diagnostic(console, d)
        warnings = sum(1 for d in found if d.severity == "warning")
        _say(console, f"{_count(errors, 'error')}, {_count(warnings, 'warning')}" if found else "nothing found", "bold")
    raise typer.Exit(ATTENTION if errors else NOTHING)


@rules.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write rule.schema.json and vocabulary.schema.json into the rule set.")] = False,
    folder: FolderOption = RULES,
) -> None:
    """Print the JSON Schema of a rule, which editors use to complete and check; or write the schema files."""
    from rrt_engine.rulebook.schema_file import schemas, write_schemas

    if not write:
        typer.echo(schemas()["rule.schema.json"], nl=False)
        return
    _must_exist(folder)
    written = write_schemas(folder)
    for path in written:
        typer.echo(f"wrote {path}")
    if not written:
        typer.echo("the schema files are up to date")


# ---------------------------------------------------------------------------------------------------- loading


def _must_exist(folder: Path) -> None:
    if not (folder / "rulebook.yaml").is_file():
        typer.echo(
            f"{folder}: not a rule set; it needs a folder with rulebook.yaml, events.yaml, sources.yaml and rules below it", err=True
        )
        raise typer.Exit(COULD_NOT_RUN)


def _load(folder: Path) -> tuple[RuleBook, list[tuple[Rule, Document]], list[Diagnostic]]:
    """The sound rules of a rule set, and what is wrong with the rest, which is said. Without a book the command stops."""
    from rrt_engine.rulebook.lint import load_sound

    _must_exist(folder)
    book, problems, read = load_sound(folder)
    for d in problems:
        typer.echo(d.text(), err=True)
    if book is None:
        raise typer.Exit(COULD_NOT_RUN)
    return book, read, problems


def _named(book: RuleBook, rule_id: str) -> tuple[Rule, ...]:
    found = book.named(rule_id)
    if not found:
        _stop_unknown("rule", rule_id, [name for r in book.rules for name in (r.id, *r.spec.alias)])
    return book.named(found[0].id) if found else found  # an alias may stand in one edition only


def _stop_unknown(what: str, word: str, known: Sequence[str]) -> None:
    from rrt_engine.diagnostics import did_you_mean

    typer.echo(f"unknown {what} `{word}`; {did_you_mean(word, known) or f'`rrt rules list` shows every {what}'}", err=True)
    raise typer.Exit(COULD_NOT_RUN)


# ---------------------------------------------------------------------------------------------------- showing


def _console() -> Console:
    """The terminal; wide and plain when piped, so that no line is broken. Rich itself honours NO_COLOR."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=10_000)


def _say(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    from rich.padding import Padding
    from rich.text import Text

    if not console.is_terminal:
        typer.echo(f"{' ' * indent}{text}".rstrip())
    else:
        console.print(Padding(Text(text, style), (0, 0, 0, indent)))


_STYLE = {"error": "bold red", "warning": "yellow", "note": "dim"}


def _say_diagnostic(console: Console, d: Diagnostic) -> None:
    head, _, help = d.text().partition("\n")
    _say(console, head, _STYLE[d.severity])
    if help:
        _say(console, help.strip(), indent=2)


def _show_outcomes(console: Console, rule: Rule, outcomes: Sequence[Outcome], every: bool) -> None:
    """A rule's examples that fail, expected and actual side by side; every example where one rule was asked for."""
    for outcome in outcomes:
        if outcome.passed:
            if every:
                _say(console, f"holds   {outcome.name}", "green")
            continue
        _say(console, f"FAILED  {rule.id}, example: {outcome.name}", "bold red")
        left, right = [*outcome.expected] or ["no flag"], [*outcome.actual] or ["no flag"]
        rows = [
            ("expected", "actual"),
            *((left[i] if i < len(left) else "", right[i] if i < len(right) else "") for i in range(max(len(left), len(right)))),
        ]
        width = max(len(a) for a, _ in rows)
        for a, b in rows:
            _say(console, f"{a:<{width}}   {b}", indent=4)
        for d in outcome.diagnostics:
            _say_diagnostic(console, d)


def _show_coverage(console: Console, c: Coverage) -> None:
    for part, whole, what in (
        (c.proved, c.rules, "rules with every proof their shape needs"),
        (c.exercised, c.branches, "branches exercised: some example fails when the part is left out"),
        (c.pinned, c.numbers, "numbers pinned: some example fails when it is one more or one less"),
    ):
        _say(console, f"{part} of {whole} {what}{f' ({100 * part // whole}%)' if whole else ''}")
    _say(console, "`rrt rules lint` names what is missing")


def _test_document(book: RuleBook, found: Sequence[tuple[Rule, Sequence[Outcome]]], proved: Coverage | None) -> dict[str, Any]:
    from dataclasses import asdict

    rows = [
        {
            "id": rule.id,
            "from": rule.spec.effective.from_.isoformat(),
            "file": rule.file,
            "line": rule.line,
            "examples": [
                {
                    "name": o.name,
                    "shows": list(o.shows),
                    "passed": o.passed,
                    "expected": list(o.expected),
                    "actual": list(o.actual),
                    "problems": [asdict(d) for d in o.diagnostics],
                }
                for o in outcomes
            ],
        }
        for rule, outcomes in found
    ]
    outcomes = [o for _, each in found for o in each]
    return {
        "schema": "rrt/rules-test/1",
        "rule_set": _rule_set(book),
        "examples": len(outcomes),
        "failed": sum(1 for o in outcomes if not o.passed),
        "rules": rows,
        "coverage": None if proved is None else asdict(proved),
    }


def _rule_set(book: RuleBook) -> dict[str, str]:
    return {"id": book.id, "version": book.version, "digest": book.digest}


def _print_json(data: Any) -> None:
    import json

    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _count(n: int, one: str) -> str:
    return f"{n} {one if n == 1 else one + 's'}"
