"""`rrt rules`: the tools of the person who writes rules. List, show, test, lint, analyse, and the schema for an editor.

Results go to standard output, problems to standard error. Exit codes: 0 nothing needs attention; 1 an example failed
or a rule set has errors; 2 could not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from rrt_engine.cli_options import (
    ATTENTION,
    COULD_NOT_RUN,
    NOTHING,
    AsOf,
    Format,
    FormatOption,
    as_of_moment,
    moment_given,
    print_json,
    stop,
)
from rrt_engine.paths import RULES

if TYPE_CHECKING:
    from rich.console import Console

    from rrt_engine.diagnostics import Diagnostic
    from rrt_engine.explain.rule_page import RulePage
    from rrt_engine.explain.threshold_page import ThresholdPage
    from rrt_engine.rulebook.analyse import Agreement, Analysis
    from rrt_engine.rulebook.book import Rule, RuleBook
    from rrt_engine.rulebook.examples import Outcome
    from rrt_engine.rulebook.lint import Coverage
    from rrt_engine.rulebook.strict_yaml import Document
    from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
    from rrt_engine.rulebook.threshold_examples import ThresholdOutcome

rules = typer.Typer(no_args_is_help=True, help="Read, test and check the rules.")

THRESHOLDS = "thresholds"
"""The service under which threshold rules are listed."""


class LintFormat(str, Enum):  # noqa: UP042
    """How what is wrong with a rule set is written."""

    text = "text"
    json = "json"
    sarif = "sarif"


FolderOption = Annotated[
    Path, typer.Option("--rules", metavar="FOLDER", help="A rule set other than the one that came with rrt.", show_default=False)
]


@rules.command("list")
def list_rules(
    service: Annotated[
        str | None, typer.Option("--service", metavar="SERVICE", help="Only the rules of one service, such as child_protection.")
    ] = None,
    folder: FolderOption = RULES,
    format: FormatOption = Format.text,
) -> None:
    """List the rules: id, limit or effect, authority and title."""
    book, _, _ = _load(folder)
    thresholds, _, _ = _load_thresholds(folder, book)
    rows = [*_time_limits(book), *(_thresholds(thresholds) if thresholds else [])]
    services = list(dict.fromkeys(row["service"] for row in rows))
    if service is not None and service not in services:
        _stop_unknown("service", service, services)
    chosen = [row for row in rows if service is None or row["service"] == service]
    if format is Format.json:
        print_json({"schema": "rrt/rules/1", "rule_set": _rule_set(book), "rules": chosen})
        return
    console = _console()
    wide = {key: max((len(row[key]) for row in chosen), default=0) for key in ("id", "limit")}
    for name in services:
        mine = [row for row in chosen if row["service"] == name]
        if mine:
            _say(console, name.replace("_", " "), "bold")
        for row in mine:
            _say(console, f"  {row['id']:<{wide['id']}}  {row['limit']:<{wide['limit']}}  {row['authority']:<8}  {row['title']}")
    _say(console, f"{_count(len(chosen), 'rule')} of {book.title}, {book.version}")


def _time_limits(book: RuleBook) -> list[dict[str, Any]]:
    """The timescale rules, each in its latest edition, as rows."""
    from rrt_engine.explain.rule_page import limit

    latest = [book.named(i)[-1] for i in dict.fromkeys(r.id for r in book.rules)]
    return [_row(r, r.spec.service, limit(book, r.spec), r.spec.stage, len(book.named(r.id))) for r in latest]


def _thresholds(book: ThresholdBook) -> list[dict[str, Any]]:
    """The threshold rules, each in its latest edition, as rows."""
    from rrt_engine.explain.threshold_page import effect_words

    editions: dict[str, list[Threshold]] = {}
    for rule in book.rules:
        editions.setdefault(rule.id, []).append(rule)
    return [_row(same[-1], THRESHOLDS, effect_words(same[-1].spec), "in_force", len(same)) for same in editions.values()]


def _row(rule: Rule | Threshold, service: str, limit: str, stage: str, editions: int) -> dict[str, Any]:
    spec = rule.spec
    return {
        "id": rule.id,
        "title": spec.title,
        "service": service,
        "limit": limit,
        "authority": spec.authority,
        "verified": spec.verified,
        "stage": stage,
        "from": spec.effective.from_.isoformat(),
        "to": spec.effective.to.isoformat() if spec.effective.to else None,
        "editions": editions,
        "file": rule.file,
        "line": rule.line,
    }


@rules.command()
def show(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="A rule's id, or another id by which it is known.")],
    folder: FolderOption = RULES,
    format: FormatOption = Format.text,
) -> None:
    """Show one rule: what it requires or does, why, its source, how it is worked out, and its examples."""
    from dataclasses import asdict

    from rrt_engine.explain.rule_page import page_sections, rule_page
    from rrt_engine.explain.threshold_page import threshold_page, threshold_sections

    book, _, _ = _load(folder)
    schema = "rrt/rule/1"
    page: RulePage | ThresholdPage
    if book.named(rule_id):
        page = rule_page(book, _named(book, rule_id))
        sections = list(page_sections(page))
    else:
        thresholds, _, _ = _load_thresholds(folder, book)
        editions = [r for r in thresholds.rules if r.id == rule_id] if thresholds else []
        if thresholds is None or not editions:
            _stop_unknown("rule", rule_id, _ids(book, thresholds))
        page, schema = threshold_page(thresholds, editions), "rrt/threshold-rule/1"
        sections = list(threshold_sections(page))
    if format is Format.json:
        print_json({"schema": schema, "rule_set": _rule_set(book), **asdict(page)})
        return
    console = _console()
    _say(console, f"{page.title} ({page.id})", "bold")
    for heading, lines in sections:
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
    from rrt_engine.rulebook.threshold_examples import run_threshold_examples
    from rrt_engine.rulebook.threshold_proofs import Prover
    from rrt_engine.thresholds.suggest import reasoners

    book, read, problems = _load(folder)
    thresholds, threshold_problems, read_thresholds = _load_thresholds(folder, book)
    if rule_id is not None:
        wanted = [r for r, _ in read_thresholds if r.id == rule_id]
        if not book.named(rule_id) and not wanted:
            _stop_unknown("rule", rule_id, _ids(book, thresholds))
        named = _named(book, rule_id) if not wanted else ()
        read = [(r, d) for r, d in read if r in named]
        read_thresholds = [(r, d) for r, d in read_thresholds if r in wanted]
    found: list[tuple[Rule | Threshold, Sequence[Outcome | ThresholdOutcome]]] = []
    proved: list[tuple[str, Coverage]] = []
    if coverage:
        proofs = [prove(rule, document, book) for rule, document in read]
        found += [(p.rule, p.outcomes) for p in proofs]
        if read or not read_thresholds:
            proved.append(("time limits", measured(proofs)))
    else:
        found += [(rule, run_examples(rule, document, book)) for rule, document in read]
    if thresholds is not None and read_thresholds:
        on = reasoners(thresholds)
        if coverage:
            prover = Prover(thresholds, on)
            others = [prover.prove(rule, document) for rule, document in read_thresholds]
            found += [(p.rule, p.outcomes) for p in others]
            proved.append((THRESHOLDS, measured(others)))
        else:
            found += [(rule, run_threshold_examples(rule, document, thresholds, on)) for rule, document in read_thresholds]
    without = [rule for rule, outcomes in found if not outcomes and getattr(rule.spec, "stage", "in_force") == "in_force"]
    failed = sum(1 for _, outcomes in found for o in outcomes if not o.passed)
    ran = sum(len(outcomes) for _, outcomes in found)
    if format is Format.json:
        print_json(_test_document(book, found, proved))
    else:
        console = _console()
        for rule, outcomes in found:
            _show_outcomes(console, rule, outcomes, every=rule_id is not None)
        for rule in without:
            _say(console, f"{rule.id} ({rule.file}:{rule.line}): no examples", "bold red")
        verdict = f"{failed} failed" if failed else "all hold" if ran else "nothing was tested"
        _say(console, f"{_count(len(found), 'rule')}, {_count(ran, 'example')}: {verdict}", "bold")
        for heading, each in proved:
            if len(proved) > 1:
                _say(console, heading, "bold")
            _show_coverage(console, each)
        if proved:
            _say(console, "`rrt rules lint` names what is missing")
    if (problems or threshold_problems) and rule_id is None:
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
    """Check the rule set: what is broken, and what no example proves; with the measures and the checks of the data beside it."""
    from rrt_engine import __version__
    from rrt_engine.diagnostics import as_json, as_sarif
    from rrt_engine.rulebook.lint import lint

    _must_exist(folder)
    found = sorted({*lint(folder, unverified), *_beside(folder)})
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


@rules.command("analyse")
def analyse_rules(
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FOLDER", help="Compare with another rule set, on the same made cases.")
    ] = None,
    against_date: Annotated[
        str | None, typer.Option("--against-date", metavar="DATE", help="Compare with the rules in force on another date.")
    ] = None,
    as_of: AsOf = None,
    folder: FolderOption = RULES,
    format: FormatOption = Format.text,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the first case found as a case file for rrt check.")
    ] = None,
) -> None:
    """Try the threshold rules: which never fire or change nothing, what nobody uses, and whether more is ever less."""
    from dataclasses import asdict

    from rrt_engine.diagnostics import InputError
    from rrt_engine.rulebook.analyse import agreement, analyse, case_text

    try:
        moment = as_of_moment(as_of)
        other_day = moment_given(against_date, "--against-date").day if against_date else moment.day
    except InputError as error:
        raise stop(error) from None
    here = _must_have_thresholds(folder)
    found, compared = None, None
    if against is not None or against_date is not None:
        there = _must_have_thresholds(against) if against is not None else here
        compared = agreement(here, moment.day, there, other_day)
    else:
        found = analyse(here, moment.day)
    if format is Format.json:
        parts = {"analysis": asdict(found) if found else None, "agreement": asdict(compared) if compared else None}
        print_json({"schema": "rrt/rules-analysis/1", "rule_set": _rule_set(here.book), "as_of": _iso(moment.day), **parts})
    elif found:
        _show_analysis(_console(), found)
    elif compared:
        _show_agreement(_console(), compared, str(against) if against is not None else f"the rules of {against_date}")
    if output is not None:
        cases = [c.after for c in found.counterexamples] if found else [c.facts for c in compared.examples] if compared else []
        if cases:
            output.write_text(case_text("FOUND-1", cases[0]), encoding="utf-8", newline="\n")
            typer.echo(f"wrote {output}", err=True)
        else:
            typer.echo(f"there is no case to write to {output}", err=True)
    raise typer.Exit(ATTENTION if found and (found.counterexamples or found.never_fire) else NOTHING)


@rules.command()
def schema(
    write: Annotated[bool, typer.Option("--write", help="Write the schema files into the rule set.")] = False,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="Whose schema to print: rule, threshold, facts, pathways, vocabulary.")
    ] = "rule",
    folder: FolderOption = RULES,
) -> None:
    """Print the JSON Schema of a rule, which editors use to complete and check; or write the schema files."""
    from rrt_engine.rulebook.schema_file import schemas, write_schemas

    if not write:
        texts = schemas()
        if f"{kind}.schema.json" not in texts:
            _stop_unknown("schema", kind, [name.removesuffix(".schema.json") for name in texts])
        typer.echo(texts[f"{kind}.schema.json"], nl=False)
        return
    _must_exist(folder)
    written = write_schemas(folder)
    for path in written:
        typer.echo(f"wrote {path}")
    if not written:
        typer.echo("the schema files are up to date")


@rules.command()
def docs(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder of the pages: a new one, or one that this command wrote.")
    ],
    folder: FolderOption = RULES,
) -> None:
    """Write the rule book as pages to read in a browser: every rule, fact, source and local value, and what is covered."""
    from rrt_engine.diagnostics import InputError
    from rrt_engine.rulebook.load import load
    from rrt_engine.rulebook.load_thresholds import load_thresholds
    from rrt_engine.web.library import Library
    from rrt_engine.web.site import write_site

    _must_exist(folder)
    try:
        book = load(folder)
        thresholds = load_thresholds(folder, book) if (folder / "facts.yaml").exists() else None
        written = write_site(Library(folder, book, thresholds), output)
    except InputError as error:
        raise stop(error) from None
    typer.echo(f"wrote {output}: {_count(len(written), 'file')}; open {output / 'index.html'}")


# ---------------------------------------------------------------------------------------------------- loading


def _must_exist(folder: Path) -> None:
    if not (folder / "rulebook.yaml").is_file():
        typer.echo(
            f"{folder}: not a rule set; it needs a folder with rulebook.yaml, events.yaml, sources.yaml and rules below it", err=True
        )
        raise typer.Exit(COULD_NOT_RUN)


def _beside(folder: Path) -> list[Diagnostic]:
    """What is wrong with the measures and the checks of the data that stand beside the rules, and which of their examples fail.

    Nothing is said of either where the rules themselves do not load: what is wrong with those comes first.
    """
    from rrt_engine.diagnostics import InputError
    from rrt_engine.measures.examples import run_examples as run_measure
    from rrt_engine.quality.examples import run_examples as run_checks
    from rrt_engine.rulebook.load import load
    from rrt_engine.rulebook.load_measures import load_measures_with_problems
    from rrt_engine.rulebook.quality_book import FILE, load_checks_and_document

    try:
        book = load(folder)
    except InputError:
        return []
    _, found, measures = load_measures_with_problems(folder, book)
    if not found:
        for measure, document in measures:
            found.extend(d for outcome in run_measure(measure, document, book) for d in outcome.diagnostics)
            if measure.compute is not None and not measure.examples:
                message = f"`{measure.id}` has no examples"
                found.append(
                    document.diagnostic(("id",), "no_example", message, "add `examples`, a small log each with the figures it gives")
                )
    if (folder / FILE).exists():
        try:
            checks, document = load_checks_and_document(folder, book)
            found.extend(d for outcome in run_checks(checks, document, book) for d in outcome.diagnostics)
        except InputError as error:
            found.extend(error.diagnostics)
    return found


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


def _load_thresholds(folder: Path, book: RuleBook) -> tuple[ThresholdBook | None, list[Diagnostic], list[tuple[Threshold, Document]]]:
    """The sound threshold rules of a rule set, where it has any, and what is wrong with the rest, which is said."""
    from rrt_engine.rulebook.lint import load_sound_thresholds

    found, problems, read = load_sound_thresholds(folder, book)
    for d in problems:
        typer.echo(d.text(), err=True)
    return found, problems, read


def _must_have_thresholds(folder: Path) -> ThresholdBook:
    """The threshold rules of a rule set, whole: what is broken is not analysed."""
    book, _, problems = _load(folder)
    found, more, _ = _load_thresholds(folder, book)
    if found is None and not more:
        typer.echo(f"{folder}: this rule set has no threshold rules", err=True)
    if found is None or problems or more:
        raise typer.Exit(COULD_NOT_RUN)
    return found


def _ids(book: RuleBook, thresholds: ThresholdBook | None) -> list[str]:
    names = [name for r in book.rules for name in (r.id, *r.spec.alias)]
    return [*names, *(r.id for r in thresholds.rules)] if thresholds else names


def _named(book: RuleBook, rule_id: str) -> tuple[Rule, ...]:
    found = book.named(rule_id)
    if not found:
        _stop_unknown("rule", rule_id, [name for r in book.rules for name in (r.id, *r.spec.alias)])
    return book.named(found[0].id) if found else found  # an alias may stand in one edition only


def _stop_unknown(what: str, word: str, known: Sequence[str]) -> NoReturn:
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


def _show_outcomes(console: Console, rule: Rule | Threshold, outcomes: Sequence[Outcome | ThresholdOutcome], every: bool) -> None:
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


def _test_document(
    book: RuleBook, found: Sequence[tuple[Rule | Threshold, Sequence[Outcome | ThresholdOutcome]]], proved: Sequence[tuple[str, Coverage]]
) -> dict[str, Any]:
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
        "coverage": next((asdict(c) for name, c in proved if name != THRESHOLDS), None),
        "threshold_coverage": next((asdict(c) for name, c in proved if name == THRESHOLDS), None),
    }


def _show_analysis(console: Console, a: Analysis) -> None:
    from rrt_engine.rulebook.analyse import case_text

    t = a.tried
    _say(console, f"{_count(a.rules, 'threshold rule')} over {_count(a.facts, 'fact')}", "bold")
    _say(console, f"tried: {t.records:,} ways to record them, which are {t.kinds} kinds; {t.pairs:,} pairs of kinds; {t.threes:,} threes")
    for heading, findings in (
        ("rules that can never fire", a.never_fire),
        ("rules that change nothing in any case tried", a.change_nothing),
        ("facts that nothing uses", a.unused_facts),
        ("local values that nobody uses", a.unused_local_values),
    ):
        _say(console, f"{heading}: {len(findings) or 'none'}", "bold")
        for each in findings:
            _say(console, f"{each.what}: {each.why}", indent=2)
    if not a.counterexamples:
        _say(console, "more is never less: adding or strengthening a concern, or taking protection away, lowered no level", "bold green")
    for c in a.counterexamples:
        _say(console, f"more gives less: {c.claim}, and here it does", "bold red")
        for name, facts, level in (("BEFORE", c.before, c.level_before), ("AFTER", c.after, c.level_after)):
            typer.echo(case_text(name, facts, [f"level {level}"]), nl=False)


def _show_agreement(console: Console, a: Agreement, other: str) -> None:
    from rrt_engine.rulebook.analyse import case_text

    _say(console, f"compared with {other}, on {a.cases:,} made cases", "bold")
    _say(console, f"{a.same_level:,} with the same level, {a.same_route:,} with the same level and route")
    for kind, count in a.kinds:
        _say(console, f"{count:>6,}  {kind}", indent=2)
    for where, names in (("here", a.only_here), ("there", a.only_there)):
        if names:
            _say(console, f"facts only {where}, left out: {', '.join(names)}")
    for i, example in enumerate(a.examples, 1):
        comment = [
            f"here level {example.level_here}: {', '.join(example.pathways_here)}",
            f"there level {example.level_there}: {', '.join(example.pathways_there)}",
        ]
        typer.echo(case_text(f"DIFFERS-{i}", example.facts, comment), nl=False)


def _iso(day: int) -> str:
    from rrt_engine.calendar import as_date

    return as_date(day).isoformat()


def _rule_set(book: RuleBook) -> dict[str, str]:
    return {"id": book.id, "version": book.version, "digest": book.digest}


def _count(n: int, one: str) -> str:
    return f"{n} {one if n == 1 else one + 's'}"
