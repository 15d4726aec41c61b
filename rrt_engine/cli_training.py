"""`rrt train`: step through a case, say what you think, and only then see what was suggested. Nothing is stored.

Prompts work in a terminal and with answers piped in, one a line. Exit codes: 0 done, or ended early; 2 could not run.
"""

from __future__ import annotations

import sys
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrt_engine.cli_options import COULD_NOT_RUN, Rules, console, rule_book, stop, threshold_book

if TYPE_CHECKING:
    from rich.console import Console

    from rrt_engine.rulebook.book import RuleBook
    from rrt_engine.sources.case_file import Case, Thresholds
    from rrt_engine.training import Commit, Group, Session, Stage, Words

_WIDTH = 80


def train_command(
    case: Annotated[
        str | None,
        typer.Argument(metavar="[CASE]", help="A case file, or a bundled case by its id. Without one, the bundled cases are listed."),
    ] = None,
    handout: Annotated[
        Path | None,
        typer.Option("--handout", metavar="FILE", help="Write the case as a page to print (Markdown), without answers; - shows it."),
    ] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Add what is suggested and the author's view to a handout or to a group's results.")
    ] = False,
    group: Annotated[
        Path | None,
        typer.Option("--group", metavar="FILE", help="Show how far a group agrees: a CSV of participant,case,step,level[,pathway]."),
    ] = None,
    commits: Annotated[
        str | None,
        typer.Option(
            "--commits", metavar="LIST", help="Answer without prompts: LEVEL or LEVEL:PATHWAY for each stage, with commas between."
        ),
    ] = None,
    rules: Rules = None,
) -> None:
    """Learn on a case: commit to a level first, then see what is suggested and what the author thought. A person decides."""
    from rrt_engine.calendar import day_number
    from rrt_engine.diagnostics import InputError
    from rrt_engine.training import Session, Words, read_commits, stages, suggester
    from rrt_engine.training import handout as page

    shown = console(_WIDTH)
    try:
        if answers and handout is None and group is None:
            raise _mistake("--answers", "this goes with --handout or --group", "answers are shown by themselves once you have committed")
        book = rule_book(rules)
        thresholds = cache(lambda: threshold_book(rules, book))
        if group is not None:
            _show_group(shown, group, None if case is None else _case_named(case, book, thresholds), book, thresholds, answers)
            return
        if case is None:
            if handout is not None or commits is not None:
                raise _mistake(
                    "--handout" if handout is not None else "--commits", "this needs a case", "rrt train lists the bundled cases"
                )
            _list_cases(shown, book, thresholds)
            return
        found = _case_named(case, book, thresholds)
        if not found.facts and not found.steps:
            raise _mistake(case, "this case has no facts to train with", f"see its time limits with: rrt check {case}")
        at = stages(found, day_number(date.today()))
        words = Words(thresholds())
        suggest = suggester(found, thresholds())
        if handout is not None:
            _write(handout, page(found, at, words, suggest if answers else None))
            return
        session = Session(found, suggest, at, thresholds().significant)
        given = None if commits is None else read_commits(commits, at, thresholds())
    except InputError as error:
        raise stop(error) from None
    _opening(shown, session)
    try:
        if given is not None:
            _answered(shown, session, words, given)
        else:
            _stepped(shown, session, words)
    except (EOFError, KeyboardInterrupt):
        shown.print()
        _say(shown, "Ended here. Nothing has been stored.")
        raise typer.Exit(0) from None


# ---------------------------------------------------------------------------------------------------- cases


def _mistake(where: str, message: str, help: str) -> Exception:
    from rrt_engine.diagnostics import Diagnostic, InputError

    return InputError([Diagnostic(where, 0, 0, "usage", message, "error", "", help)])


def _bundled(book: RuleBook, thresholds: Thresholds) -> dict[str, tuple[Path, Case]]:
    """The bundled cases to train with, by id."""
    from rrt_engine.paths import CASES
    from rrt_engine.sources.case_file import read_case

    read = [(path, read_case(path, book, None, thresholds)) for path in sorted((CASES / "training").glob("*.yaml"))]
    return {case.id: (path, case) for path, case in sorted(read, key=lambda r: r[1].id) if case.facts or case.steps}


def _case_named(name: str, book: RuleBook, thresholds: Thresholds) -> Case:
    """A case by its file, or a bundled one by its id or the name of its file."""
    from rrt_engine.cli_options import read_one
    from rrt_engine.diagnostics import did_you_mean

    if name == "-":
        raise _mistake("-", "a case to train with is read from a file", "standard input is for your answers")
    if Path(name).suffix or Path(name).exists():
        return read_one(name, book, thresholds)
    bundled = _bundled(book, thresholds)
    for case_id, (path, case) in bundled.items():
        if name.upper() == case_id.upper() or name == path.stem:
            return case
    near = did_you_mean(name.upper(), bundled)
    raise _mistake(name, f"unknown case `{name}`", near or "rrt train lists the bundled cases; a file needs its ending, such as .yaml")


def _list_cases(shown: Console, book: RuleBook, thresholds: Thresholds) -> None:
    from rrt_engine.training import REMINDER

    bundled = _bundled(book, thresholds)
    wide = max(len(case_id) for case_id in bundled)
    _say(shown, f"{len(bundled)} cases to train with, invented for this project", "bold")
    for case_id, (_, case) in bundled.items():
        _say(shown, f"{case_id:<{wide}}  {case.title}", indent=2, hang=4)
    first = next(iter(bundled))
    _say(shown, f"Start one: rrt train {first}")
    _say(shown, REMINDER, "dim")


def _write(target: Path, text: str) -> None:
    if str(target) == "-":
        typer.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise _mistake(str(target), f"cannot write the file: {error.strerror}", "check the folder") from None
    typer.echo(f"wrote {target}", err=True)


# ---------------------------------------------------------------------------------------------------- stepping


def _opening(shown: Console, session: Session) -> None:
    from rrt_engine.training import COMMIT_FIRST, REMINDER

    _say(shown, f"{session.case.id}: {session.case.title}", "bold")
    _say(shown, COMMIT_FIRST, "dim")
    _say(shown, REMINDER, "dim")


def _show_stage(shown: Console, session: Session, stage: Stage) -> None:
    from rrt_engine.calendar import NO_DAY
    from rrt_engine.words import day_words

    when = "" if stage.day == NO_DAY else f", {day_words(stage.day)}"
    shown.print()
    _say(shown, f"Stage {stage.number} of {len(session.stages)}{when}", "bold")
    _say(shown, stage.tell.strip())
    _say(shown, stage.ask.strip(), "bold")


def _answered(shown: Console, session: Session, words: Words, given: tuple[Commit, ...]) -> None:
    """The whole case at once, for commits given beforehand; as far as they go."""
    for stage, commit in zip(session.stages, given, strict=False):
        _show_stage(shown, session, stage)
        session.commit(stage.number, commit)
        _say(shown, f"Your commit: {words.commit(commit)}")
        _show_reveal(shown, session, stage.number, words)
    if session.is_complete():
        _show_end(shown, session, words)
    else:
        shown.print()
        left = len(session.stages) - len(given)
        _say(shown, f"Stages without a commit: {left}. They, and the author's view, are shown when you have committed to them.")


def _stepped(shown: Console, session: Session, words: Words) -> None:
    """One stage after another, forward and back, a commit before anything is shown of it."""
    _say(shown, "Press Enter to skip what is optional; Ctrl-C ends at any time.", "dim")
    at = 1
    last = len(session.stages)
    while at <= last:
        stage = session.stages[at - 1]
        _show_stage(shown, session, stage)
        if at in session.commits:
            _say(shown, f"Your commit: {words.commit(session.commits[at])}")
        else:
            session.commit(at, _ask_commit(shown, words))
        at = _ask_next(shown, session, words, at)
    for stage in session.stages:
        if not session.is_revealed(stage.number):
            shown.print()
            _say(shown, f"Stage {stage.number} of {last}. Your commit: {words.commit(session.commits[stage.number])}", "bold")
            _show_reveal(shown, session, stage.number, words)
    _show_end(shown, session, words)


def _ask_next(shown: Console, session: Session, words: Words, at: int) -> int:
    """What to do at a stage that has a commit: the number of the stage to go to."""
    last = len(session.stages)
    while True:
        choices = {"n": "next" if at < last else "end, and see everything"}
        if at > 1:
            choices["b"] = "back"
        if not session.is_revealed(at):
            choices |= {"s": "show what is suggested here", "c": "change your commit"}
        picked = _pick(shown, "; ".join(f"{key} {what}" for key, what in choices.items()), list(choices), "n")
        if picked == "n":
            return at + 1
        if picked == "b":
            return at - 1
        if picked == "s":
            _show_reveal(shown, session, at, words)
        else:
            session.commit(at, _ask_commit(shown, words))
            _say(shown, f"Your commit: {words.commit(session.commits[at])}")


def _ask_commit(shown: Console, words: Words) -> Commit:
    from rrt_engine.training import Commit

    level = int(_pick(shown, "Level, 1 to 4", ["1", "2", "3", "4"]))
    pathway = _ask_pathway(shown, words)
    return Commit(level, pathway, _input(shown, "Because (optional)"))


def _ask_pathway(shown: Console, words: Words) -> str:
    """A route by its number or name; a question mark lists them, an empty answer skips."""
    from rrt_engine.diagnostics import did_you_mean

    pathways = list(words.book.pathways)
    while True:
        answer = _input(shown, f"Route, by its number 1 to {len(pathways)} (? lists them, Enter skips)")
        if answer == "?":
            for i, pathway in enumerate(words.book.pathways.values(), 1):
                _say(shown, f"{i:>2}  {pathway.label}", indent=2, hang=4)
        elif answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(pathways):
            return pathways[int(answer) - 1]
        elif not answer or answer in pathways:
            return answer
        else:
            _say(shown, f"There is no route `{answer}`. {did_you_mean(answer, pathways) or 'A question mark lists them.'}", "yellow")


def _pick(shown: Console, question: str, choices: list[str], default: str = "") -> str:
    while True:
        answer = _input(shown, question).lower() or default
        if answer in choices:
            return answer
        _say(shown, f"Please answer {', '.join(choices[:-1])} or {choices[-1]}.", "yellow")


def _input(shown: Console, question: str) -> str:
    """One answer: asked for in a terminal, read from a line where answers are piped in. Raises EOFError at the end."""
    from rich.text import Text

    if sys.stdin.isatty():
        return shown.input(Text(f"{question}: ", "cyan")).strip()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    _say(shown, f"{question}: {line.strip()}")
    return line.strip()


# ---------------------------------------------------------------------------------------------------- showing


def _show_reveal(shown: Console, session: Session, number: int, words: Words) -> None:
    """What is suggested at a stage, how the commit stands to it, why, and what would change it; no more of that than is new."""
    from rrt_engine.training import sections

    reveal = session.reveal(number)
    before = session.reveal(number - 1) if number > 1 and session.is_revealed(number - 1) else None
    _say(shown, f"Suggested: {words.suggestion(reveal.suggestion)}", "cyan")
    for line in reveal.comparison:
        _say(shown, line, indent=2)
    for heading, lines in sections(reveal, before, words):
        _say(shown, heading, "bold", indent=2)
        for line in lines:
            _say(shown, f"- {line}", indent=2, hang=2)


def _show_end(shown: Console, session: Session, words: Words) -> None:
    """After the last commit: the author's view beside the learner's, and the reminder."""
    from rrt_engine.training import REMINDER, author_lines

    shown.print()
    author = session.author()
    if author is None:
        _say(shown, "This case gives no author's view.", "bold")
    else:
        _say(shown, "The author's view", "bold")
        _say(shown, words.author(author))
        _say(shown, author.because.strip())
        for line in author_lines(session):
            _say(shown, line, indent=2)
        if author.learn:
            _say(shown, f"To learn: {author.learn.strip()}")
    shown.print()
    _say(shown, words.book.notice if REMINDER in words.book.notice else f"{words.book.notice} {REMINDER}", "dim")


# ---------------------------------------------------------------------------------------------------- a group


def _show_group(shown: Console, file: Path, only: Case | None, book: RuleBook, thresholds: Thresholds, with_answers: bool) -> None:
    from rrt_engine.training import REMINDER, group_lines, group_results, read_answers, stages

    cases = {only.id: only} if only is not None else {case_id: case for case_id, (_, case) in _bundled(book, thresholds).items()}
    read = read_answers(file, {case_id: len(stages(case)) for case_id, case in cases.items()}, thresholds())
    for diagnostic in read.rejected:
        typer.echo(diagnostic.text(), err=True)
    found = group_results(read.used)
    _say(shown, f"Group: {file.name}", "bold")
    _say(shown, f"Rows read: {read.read}; used: {len(read.used)}; not used: {len(read.rejected)}.")
    if not read.used:
        _say(shown, f"No row could be used. {REMINDER}")
        raise typer.Exit(COULD_NOT_RUN)
    for line in group_lines(found):
        _say(shown, line)
    _show_spreads(shown, found, cases, thresholds, with_answers)
    shown.print()
    _say(shown, f"Participants are counted and never named. {REMINDER}", "dim")


def _show_spreads(shown: Console, group: Group, cases: dict[str, Case], thresholds: Thresholds, with_answers: bool) -> None:
    """How each stage was answered; with what is suggested and the author's view where they were asked for."""
    from rrt_engine.training import Words, stages, suggester

    before = ""
    words = Words(thresholds())
    for spread in group.spreads:
        case = cases[spread.case]
        if spread.case != before:
            shown.print()
            _say(shown, f"{case.id}: {case.title}", "bold")
        before = spread.case
        counts = ", ".join(f"level {n}: {count}" for n, count in enumerate(spread.levels, 1) if count)
        _say(shown, f"Stage {spread.step}: {counts}", indent=2)
        if spread.pathways:
            routes = "; ".join(f"{words.pathways([p])}: {n}" for p, n in spread.pathways)
            _say(shown, f"Routes: {routes}", indent=4, hang=2)
        at = stages(case)
        if with_answers:
            stage = at[spread.step - 1]
            _say(shown, f"Suggested: {words.suggestion(suggester(case, thresholds())(stage.known, stage.day))}", "cyan", indent=4, hang=2)
            if case.author is not None and spread.step == len(at):
                _say(shown, f"The author's view: {words.author(case.author)}", indent=4, hang=2)


def _say(shown: Console, text: str, style: str = "", indent: int = 0, hang: int = 0) -> None:
    from rrt_engine.reports.console import say

    say(shown, text, style, indent=indent, hang=hang)
