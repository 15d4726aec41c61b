"""Learn on a case: say what you think first, then see what was suggested, what the author thought, and what would change it.

Nothing is stored and nobody is scored. A suggestion is worked out only for a stage to which the learner has committed;
the author's view is given when every stage has been. A person decides, here as everywhere. For a group, the answers show
where people differ, and how much, without saying who.
"""

from __future__ import annotations

import csv
import importlib
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rrt_engine.calendar import NO_DAY, Moment
from rrt_engine.checking import flag_pairs
from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.model import Author, Fact, Reason, Suggestion, plural
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.case_file import Case
from rrt_engine.thresholds.reasons import could_be_more, silence
from rrt_engine.thresholds.suggest import URGENCY_WORDS, none_in_force, question_of, reasoners
from rrt_engine.timescales.evaluate import evaluate
from rrt_engine.words import day_words

REMINDER = "Levels and routes are suggested; a person decides, and records why."
ASK = "Which level of need do you see, and what would you do next?"
COMMIT_FIRST = "Say what you think first; what is suggested is shown after that, and nothing is stored or scored."
ONE_VIEW = "The author's view is one view. Where it and the suggestion differ, ask why before you ask who is right."
_OPEN = 3  # open questions shown at a stage
_BY = ("alleged", "reported", "observed", "confirmed")

Suggest = Callable[[Sequence[Fact], int], Suggestion]
"""What the guidance points to for these facts on a day."""


class OutOfOrderError(Exception):
    """A view was asked for before the learner had committed, or a commit was to be changed after it was seen."""


@dataclass(frozen=True)
class Stage:
    """One point of a case at which a learner is asked: what is told there, and every fact known by then. Numbered from 1."""

    number: int
    day: int
    tell: str
    ask: str
    new: tuple[Fact, ...]
    known: tuple[Fact, ...]


@dataclass(frozen=True)
class Commit:
    """What a learner concluded at a stage, before seeing anybody else's view."""

    level: int
    pathway: str = ""
    because: str = ""


@dataclass(frozen=True)
class Change:
    """A fact without which the suggestion would be another: what it would be then."""

    fact: str
    level: int
    significant: bool
    pathways: tuple[str, ...]


@dataclass(frozen=True)
class Reveal:
    """What is shown of one stage once the learner has committed to it."""

    stage: Stage
    commit: Commit
    suggestion: Suggestion
    comparison: tuple[str, ...]
    changes: tuple[Change, ...]


def stages(case: Case, today: int = NO_DAY) -> tuple[Stage, ...]:
    """The opening of a case and each of its steps, with the facts known at each.

    The opening is dated by the latest `on` of the facts known from the start; else by the first event; else by the first
    step; else it is `today`. A step without a date has that of the stage before it.
    """
    first_step = next((s.at for s in case.steps if s.at > 0), NO_DAY)
    dated = [f.on for f in case.facts if f.on != NO_DAY]
    day = max(dated) if dated else int(case.log.day.min()) if len(case.log) else first_step if first_step != NO_DAY else today
    if first_step != NO_DAY:
        day = min(day, first_step)
    found = [Stage(1, day, case.story, ASK, case.facts, case.facts)]
    for step in case.steps:
        before = found[-1]
        day = step.at if step.at > 0 else before.day
        found.append(Stage(before.number + 1, day, step.tell, step.ask or ASK, step.facts, (*before.known, *step.facts)))
    return tuple(found)


def suggester(case: Case, book: ThresholdBook) -> Suggest:
    """The suggestion for a case's facts on a day: the timeline up to that day and its flags count with them."""
    on = reasoners(book)
    flags_on: dict[int, list[tuple[str, str]]] = {}

    def suggest(facts: Sequence[Fact], day: int) -> Suggestion:
        reasoner = on(day)
        if not reasoner.in_force:
            help = "give the case a later day"
            raise InputError([Diagnostic(case.id, 0, 0, "not_in_force", none_in_force(day), "error", "", help)])
        if day not in flags_on:
            flags = evaluate(case.log, book.book, Moment(day)).flags
            flags_on[day] = flag_pairs(flags, book.book)
        return reasoner.suggest(question_of(case.id, facts, case.log, 0, book, day, flags_on[day]))

    return suggest


# ---------------------------------------------------------------------------------------------------- commit, then see


@dataclass
class Session:
    """One learner on one case. It holds the commits until the program ends, and gives nothing away before them."""

    case: Case
    suggest: Suggest
    stages: tuple[Stage, ...]
    significant: frozenset[str] = frozenset()
    commits: dict[int, Commit] = field(default_factory=dict)
    _revealed: dict[int, Reveal] = field(default_factory=dict)

    def commit(self, number: int, commit: Commit) -> None:
        """Commit to a level at a stage. It may be changed until the suggestion for that stage has been seen."""
        if number in self._revealed:
            raise OutOfOrderError(f"the suggestion for stage {number} has been seen; what you said before it stands")
        self.commits[number] = commit

    def is_revealed(self, number: int) -> bool:
        """Whether the suggestion for a stage has been seen."""
        return number in self._revealed

    def reveal(self, number: int) -> Reveal:
        """What was suggested at a stage. Refused until the learner has committed to that stage."""
        if number not in self.commits:
            raise OutOfOrderError(f"commit to a level at stage {number} first")
        if number not in self._revealed:
            stage, commit = self.stages[number - 1], self.commits[number]
            suggestion = self.suggest(stage.known, stage.day)
            said = compare(commit, suggestion, self.significant)
            self._revealed[number] = Reveal(stage, commit, suggestion, said, what_would_change(stage, suggestion, self.suggest))
        return self._revealed[number]

    def is_complete(self) -> bool:
        """Whether every stage has been committed to."""
        return all(stage.number in self.commits for stage in self.stages)

    def author(self) -> Author | None:
        """The author's view of the whole case. Refused until every stage has been committed to."""
        if not self.is_complete():
            raise OutOfOrderError("commit to every stage first")
        return self.case.author


def compare(commit: Commit, other: Suggestion | Author, significant: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """How a commit stands to a suggestion or to the author's view, in sentences: never a score.

    `significant` are the pathways of significant harm: between them and section 17 runs the line that matters most.
    """
    name = "the suggestion" if isinstance(other, Suggestion) else "the author"
    apart = commit.level - other.level
    if apart == 0:
        said = [f"You and {name} say the same level."]
    elif apart > 0:
        said = [
            f"You went {_levels(apart)} higher than {name}. If you are right, what do you see that is not recorded? If not, what would it"
            " cost the family?"
        ]
    else:
        said = [
            f"You stayed {_levels(-apart)} lower than {name}. If you are right, which fact do you weigh less? If not, what would be missed,"
            " and for how long?"
        ]
    if commit.pathway and commit.pathway in other.pathways:
        said.append(f"Your route is among those of {name}.")
    elif commit.pathway:
        said.append(f"Your route is not among those of {name}: compare what each would do first.")
    theirs = not significant.isdisjoint(other.pathways)
    if commit.level == other.level == 4 and commit.pathway and (commit.pathway in significant) != theirs:
        said.append(
            "The line between section 17 and section 47 runs between the two: say in one sentence what the reasonable cause is, or is not."
        )
    return tuple(said)


def author_lines(session: Session) -> tuple[str, ...]:
    """How the last commit of a finished case stands to the author's view, and whether the author and the suggestion differ."""
    author, last = session.author(), len(session.stages)
    if author is None:
        return ()
    suggestion = session.reveal(last).suggestion
    said = compare(session.commits[last], author, session.significant)
    if suggestion.level != author.level or not set(suggestion.pathways) & set(author.pathways):
        said = (*said, "The author and the suggestion differ. Which of them would you have to persuade, and with what?")
    return said


def _levels(n: int) -> str:
    return "one level" if n == 1 else f"{('', '', 'two', 'three')[n]} levels"


def what_would_change(stage: Stage, suggestion: Suggestion, suggest: Suggest) -> tuple[Change, ...]:
    """Each fact without which the suggestion of a stage would be another, in the order recorded."""
    now = (suggestion.level, suggestion.significant, suggestion.pathways)
    found = []
    for name in dict.fromkeys(fact.id for fact in stage.known):
        other = suggest([fact for fact in stage.known if fact.id != name], stage.day)
        if (other.level, other.significant, other.pathways) != now:
            found.append(Change(name, other.level, other.significant, other.pathways))
    return tuple(found)


# ---------------------------------------------------------------------------------------------------- in words


@dataclass(frozen=True)
class Words:
    """Facts, levels and routes in words, from the vocabulary."""

    book: ThresholdBook

    def level(self, level: int, significant: bool | None = None) -> str:
        """A level with its name; level 4 says whether it is complex or significant where that is known."""
        name = self.book.levels[level].name
        if level == 4 and significant is not None:
            name = "Significant" if significant else "Complex"
        return f"level {level}, {name}"

    def pathways(self, pathways: Sequence[str]) -> str:
        """Routes by their labels."""
        return "; ".join(self.book.pathways[p].label if p in self.book.pathways else p for p in pathways)

    def fact(self, fact: Fact) -> str:
        """A recorded fact: its label, value and evidence."""
        kind = self.book.facts[fact.id]
        value = "" if fact.value is True else f": {'no' if fact.value is False else str(fact.value).replace('_', ' ')}"
        by = f" by {fact.source_agency}" if fact.source_agency and fact.evidence in _BY else ""
        said = [f"{fact.evidence}{by}"] if fact.evidence != "unknown" else []
        said += [fact.specificity] if fact.specificity else []
        return f"{kind.label}{value} ({', '.join(said)})" if said else f"{kind.label}{value}"

    def commit(self, commit: Commit) -> str:
        """What a learner committed to: the level, and the route and the reason where they were given."""
        route = f"; {self.pathways([commit.pathway])}" if commit.pathway else ""
        because = f"; because {commit.because}" if commit.because else ""
        return f"{self.level(commit.level)}{route}{because}"

    def author(self, author: Author) -> str:
        """The author's level and routes."""
        significant = any(p in self.book.significant for p in author.pathways) if author.level == 4 else None
        return f"{_first(self.level(author.level, significant))}: {self.pathways(author.pathways)}."

    def suggestion(self, suggestion: Suggestion) -> str:
        """The suggested level and routes; where no recorded fact says anything of need, that instead."""
        more = could_be_more(suggestion, self.book)
        more = f" {more}" if more else ""
        if suggestion.nothing_of_need:
            return f"{silence(suggestion)}{more}"
        level = self.level(suggestion.level, suggestion.significant if suggestion.level == 4 else None)
        could = f" It could be level {suggestion.could_be} if what is thin were confirmed." if suggestion.could_be else ""
        when = URGENCY_WORDS.get(suggestion.urgency, suggestion.urgency)
        return f"{_first(level)}: {self.pathways(suggestion.pathways)} ({when}).{could or more}"

    def change(self, change: Change) -> str:
        """What would be suggested without a fact."""
        level = self.level(change.level, change.significant if change.level == 4 else None)
        return f"Without “{self.book.facts[change.fact].label}”: {level}; {self.pathways(change.pathways)}."


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def mind_lines(reveal: Reveal, words: Words) -> list[str]:
    """What would change your mind, as sentences: facts taken away, levels near by, and what is not known yet."""
    said = [words.change(change) for change in reveal.changes]
    missing = reveal.suggestion.missing[:_OPEN]
    shown = {change.level for change in reveal.changes} | {m.could_change_to for m in missing}
    said += [f"Level {a.level} would be suggested if {a.tips_if}" for a in reveal.suggestion.alternatives if a.level not in shown]
    said += [f"Not yet known: {m.text}" for m in missing]
    if not reveal.changes and len(reveal.stage.known) > 1:
        said.insert(0, "No single fact carries it: taken away one by one, none changes what is suggested.")
    return [line if line.endswith((".", "?")) else f"{line}." for line in (each.rstrip(". ") for each in said)]


def main_reasons(suggestion: Suggestion) -> list[Reason]:
    """The reasons to show for a suggestion: of what adds up, only what reaches furthest."""
    furthest = max((r.level or 1 for r in suggestion.reasons if r.effect == "consider"), default=1)
    return [r for r in suggestion.reasons if r.effect != "prompt" and (r.effect != "consider" or r.level == furthest)]


def reason_lines(suggestion: Suggestion) -> list[str]:
    """Why it is suggested, each reason with the rule it rests on."""
    return [f"{reason.text} ({reason.rule})" for reason in main_reasons(suggestion)]


# ---------------------------------------------------------------------------------------------------- a handout


def handout(case: Case, found: Sequence[Stage], words: Words, suggest: Suggest | None = None) -> str:
    """A page in Markdown to print: the case without answers, or with them where `suggest` is given."""
    book = words.book
    before: Reveal | None = None
    lines = [f"# {_first(case.title or case.id)}", "", f"Case {case.id}, invented for training. {REMINDER}"]
    for stage in found:
        lines += ["", f"## Stage {stage.number} of {len(found)}{_dated(stage)}", "", stage.tell.strip(), "", f"**{stage.ask.strip()}**", ""]
        if suggest is None:
            lines += ["Level: [ ] 1   [ ] 2   [ ] 3   [ ] 4", "", "Route: ______________________", "", "Because: ______________________"]
        else:
            reveal = revealed(stage, suggest)
            lines += list(_answer_lines(reveal, before, words))
            before = reveal
    if suggest is not None and case.author is not None:
        author = case.author
        lines += ["", "## The author's view", "", words.author(author), "", author.because.strip()]
        lines += ["", "**To learn.** " + author.learn.strip()] if author.learn else []
        lines += ["", ONE_VIEW]
    lines += ["", "## The levels", ""]
    lines += [f"- Level {n}, {level.name}. {' '.join(level.means.split())}" for n, level in sorted(book.levels.items())]
    lines += ["", "## Routes", ""]
    lines += [f"- {pathway.label}" for pathway in book.pathways.values()]
    lines += ["", f"{book.book.title}, {book.book.version}. {REMINDER}", ""]
    return "\n".join(lines)


def _dated(stage: Stage) -> str:
    return "" if stage.day == NO_DAY else f": {day_words(stage.day)}"


def revealed(stage: Stage, suggest: Suggest) -> Reveal:
    """What is suggested at a stage and what stands behind it, for a page or a group: beside nobody's commit."""
    suggestion = suggest(stage.known, stage.day)
    return Reveal(stage, Commit(suggestion.level), suggestion, (), what_would_change(stage, suggestion, suggest))


def _answer_lines(reveal: Reveal, before: Reveal | None, words: Words) -> Iterator[str]:
    yield f"**Suggested.** {words.suggestion(reveal.suggestion)}"
    for heading, lines in sections(reveal, before, words):
        yield from ("", f"{heading}:" if not heading.endswith("?") else heading, "", *(f"- {line}" for line in lines))


def sections(reveal: Reveal, before: Reveal | None, words: Words) -> list[tuple[str, list[str]]]:
    """What stands behind a suggestion, under headings: what was recorded, why, and what would change it; no more than is new."""
    why, mind = reason_lines(reveal.suggestion), mind_lines(reveal, words)
    if before is not None and why and why == reason_lines(before.suggestion):
        why = ["For the same reasons as at the stage before."]
    if before is not None and mind and mind == mind_lines(before, words):
        mind = ["The same as at the stage before."]
    found = [
        ("What was recorded here", [words.fact(fact) for fact in reveal.stage.new]),
        ("Why it is suggested", why),
        ("What would change your mind?", mind),
    ]
    return [(heading, lines) for heading, lines in found if lines]


# ---------------------------------------------------------------------------------------------------- commits as text


def read_commits(text: str, found: Sequence[Stage], book: ThresholdBook) -> tuple[Commit, ...]:
    """Commits written as `LEVEL` or `LEVEL:PATHWAY`, one a stage with commas between. Raises InputError that names each mistake."""
    problems: list[Diagnostic] = []
    commits: list[Commit] = []

    def problem(code: str, message: str, help: str = "") -> None:
        problems.append(Diagnostic("--commits", 0, 0, code, message, "error", "", help))

    parts = [part.strip() for part in text.split(",")]
    if len(parts) > len(found):
        problem("too_many", f"{len(parts)} commits for a case of {plural(len(found), 'stage')}", "give one for each stage, in order")
    for part in parts:
        level, _, pathway = part.partition(":")
        if level.strip() not in ("1", "2", "3", "4"):
            problem("level", f"`{level.strip()}` is not a level", "write 1, 2, 3 or 4, and a pathway after a colon, such as 3:seek_advice")
            continue
        if pathway and pathway.strip() not in book.pathways:
            near = did_you_mean(pathway.strip(), book.pathways)
            problem("unknown_pathway", f"unknown pathway `{pathway.strip()}`", near or "rules/pathways.yaml lists them")
        commits.append(Commit(int(level), pathway.strip()))
    if problems:
        raise InputError(problems)
    return tuple(commits)


# ---------------------------------------------------------------------------------------------------- a group

COLUMNS = ("participant", "case", "step", "level")
OPTIONAL = ("pathway",)
FEW = 5
"""Below this many people or answered steps, kappa says more about chance than about the group."""
HOW_TO_INSTALL = 'it is worked out by statsmodels, which is not installed: python -m pip install "rrt-engine[statistics]"'


@dataclass(frozen=True)
class Answer:
    """One person's answer to one stage of a case. `person` tells people apart and is never shown."""

    person: str
    case: str
    step: int
    level: int
    pathway: str = ""


@dataclass(frozen=True)
class Answers:
    """The answers read from a file: read = used + rejected, always."""

    read: int
    used: tuple[Answer, ...]
    rejected: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Spread:
    """How a group answered one stage: how many chose each level, 1 to 4, and how often each route was named."""

    case: str
    step: int
    levels: tuple[int, int, int, int]
    pathways: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance, or why it cannot be given."""

    name: str
    value: float | None
    steps: int
    people: int
    left_out: int
    why: str = ""

    @property
    def few(self) -> bool:
        """Whether there are too few people or steps for it to be stable."""
        return self.people < FEW or self.steps < FEW


@dataclass(frozen=True)
class Group:
    """How far a group agrees: pairs of people who chose the same level, stage by stage, and kappa."""

    people: int
    spreads: tuple[Spread, ...]
    pairs: int
    agree: int
    kappa: Kappa


def read_answers(path: Path, known: Mapping[str, int], book: ThresholdBook) -> Answers:
    """Answers from a CSV file `participant,case,step,level[,pathway]`. Bad rows are set aside and reported; the rest goes on.

    `known` gives the number of stages of each case. Participants are told apart and never named, not even in a message.
    """
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError([Diagnostic(name, 0, 0, "encoding", "the file is not UTF-8 text", "error", "", "save it as CSV UTF-8")]) from None
    except OSError as error:
        raise InputError([Diagnostic(name, 0, 0, "unreadable", f"cannot read the file: {error.strerror}")]) from None
    reader = csv.DictReader(text.splitlines())
    columns = [(c or "").strip().lower() for c in reader.fieldnames or ()]
    missing = [c for c in COLUMNS if c not in columns]
    if missing:
        help = f"the first line must be: {','.join(COLUMNS)} and perhaps {','.join(OPTIONAL)}"
        said = f"missing {plural(len(missing), 'column')}: {', '.join(f'`{c}`' for c in missing)}"
        raise InputError([Diagnostic(name, 1, 1, "columns", said, "error", "", help)])
    reader.fieldnames = columns
    used: dict[tuple[str, str, int], Answer] = {}
    rejected: list[Diagnostic] = []
    read = 0
    try:
        for row in reader:
            read += 1
            given = {k: (v or "").strip() for k, v in row.items() if k in (*COLUMNS, *OPTIONAL)}
            found = _answer_from(given, known, book, used, (name, reader.line_num))
            if isinstance(found, Answer):
                used[found.person, found.case, found.step] = found
            else:
                rejected.append(found)
    except csv.Error as error:
        raise InputError([Diagnostic(name, reader.line_num, 1, "csv", f"this is not CSV: {error}")]) from None
    return Answers(read, tuple(used.values()), tuple(rejected))


def _answer_from(
    row: Mapping[str, str],
    known: Mapping[str, int],
    book: ThresholdBook,
    used: Mapping[tuple[str, str, int], Answer],
    place: tuple[str, int],
) -> Answer | Diagnostic:
    """One row as an answer; or what is wrong with it."""

    def wrong(code: str, message: str, help: str) -> Diagnostic:
        return Diagnostic(*place, 1, code, f"row not used: {message}", "warning", "", help)

    person, case, step, level, pathway = (row.get(c, "") for c in (*COLUMNS, *OPTIONAL))
    if not person:
        return wrong("participant", "no participant", "give each person a label that does not say who they are, such as P07")
    if case not in known:
        return wrong("unknown_case", f"unknown case `{_short(case)}`", did_you_mean(case, known) or "rrt train lists the cases")
    steps = known[case]
    if not step.isascii() or not step.isdigit() or not 1 <= int(step) <= steps:
        return wrong("step", f"`{_short(step)}` is not a stage of {case}", f"it has stages 1 to {steps}")
    if level not in ("1", "2", "3", "4"):
        return wrong("level", f"`{_short(level)}` is not a level", "write 1, 2, 3 or 4")
    if pathway and pathway not in book.pathways:
        help = did_you_mean(pathway, book.pathways) or "rules/pathways.yaml lists the pathways; it may be left empty"
        return wrong("unknown_pathway", f"unknown pathway `{_short(pathway)}`", help)
    if (person, case, int(step)) in used:
        return wrong("answered_twice", f"the same participant has already answered `{case}`, stage {int(step)}", "the first answer counts")
    return Answer(person, case, int(step), int(level), pathway)


def _short(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:40]}…"


def group_results(answers: Sequence[Answer], known_apart: bool = True) -> Group:
    """How a group answered each stage, how many pairs of people agreed on the level, and kappa.

    `known_apart` is whether an answer's person is the same at every stage; where answers were only counted they are not, and
    kappa is the one that does not need it.
    """
    people = sorted({a.person for a in answers})
    by_step = _by_step(answers)
    spreads = spreads_of(answers)
    pairs, agree = _pairs(spreads)
    found = _cohen(by_step, people) if len(people) == 2 and known_apart else _fleiss(spreads)
    return Group(len(people), spreads, pairs, agree, found)


def spreads_of(answers: Sequence[Answer]) -> tuple[Spread, ...]:
    """How a group answered each stage, without kappa and the library it takes."""
    return tuple(_spread(case, step, given) for (case, step), given in _by_step(answers).items())


def _by_step(answers: Sequence[Answer]) -> dict[tuple[str, int], list[Answer]]:
    found: dict[tuple[str, int], list[Answer]] = {}
    for answer in sorted(answers, key=lambda a: (a.case, a.step)):
        found.setdefault((answer.case, answer.step), []).append(answer)
    return found


def _pairs(spreads: Sequence[Spread]) -> tuple[int, int]:
    """How many pairs of people answered the same stage, and how many of them name the same level."""
    pairs = sum(math.comb(sum(s.levels), 2) for s in spreads)
    return pairs, sum(math.comb(n, 2) for s in spreads for n in s.levels)


def _spread(case: str, step: int, given: Sequence[Answer]) -> Spread:
    levels = Counter(a.level for a in given)
    routes = Counter(a.pathway for a in given if a.pathway)
    return Spread(case, step, (levels[1], levels[2], levels[3], levels[4]), tuple(routes.most_common()))


def _cohen(by_step: Mapping[tuple[str, int], Sequence[Answer]], people: Sequence[str]) -> Kappa:
    """Cohen's kappa, for two people on the stages that both answered."""
    both = [{a.person: a.level for a in given} for given in by_step.values() if len(given) == 2]
    table = [[sum(1 for each in both if (each[people[0]], each[people[1]]) == (a, b)) for b in range(1, 5)] for a in range(1, 5)]
    return _measured("Cohen's kappa", table, table, len(both), 2, len(by_step) - len(both), cohens_kappa)


def _fleiss(spreads: Sequence[Spread]) -> Kappa:
    """Fleiss' kappa, on the stages that the same number of people answered: the number that uses the most answers."""
    sizes = Counter(sum(s.levels) for s in spreads if sum(s.levels) >= 2)
    size = max(sizes, key=lambda n: (n * sizes[n], n), default=0)
    table = [list(s.levels) for s in spreads if sum(s.levels) == size] if size else []
    marginal = [[sum(row[k] for row in table) for k in range(4)]] if table else []
    return _measured("Fleiss' kappa", table, marginal, len(table), size, len(spreads) - len(table), fleiss_kappa)


def _measured(
    name: str,
    table: Sequence[Sequence[int]],
    chosen: Sequence[Sequence[int]],
    steps: int,
    people: int,
    left_out: int,
    measure: Callable[[Sequence[Sequence[int]]], float],
) -> Kappa:
    """Kappa by the library; where it has no value, why: nobody to compare with, everyone agreed on one level, no library."""
    if not steps:
        return Kappa(name, None, 0, people, left_out, "no stage was answered by two or more people")
    if sum(1 for row in chosen for n in row if n) <= 1:
        return Kappa(
            name, None, steps, people, left_out, "all agreed on one level throughout, so there is nothing to measure against chance"
        )
    try:
        value = measure(table)
    except ModuleNotFoundError:
        return Kappa(name, None, steps, people, left_out, HOW_TO_INSTALL)
    if not math.isfinite(value):
        return Kappa(name, None, steps, people, left_out, "it is not defined for these answers")
    return Kappa(name, value, steps, people, left_out)


def fleiss_kappa(table: Sequence[Sequence[int]]) -> float:
    """Fleiss' kappa by statsmodels: a row a subject, a column a category, each the number of people who chose it."""
    return float(_library().fleiss_kappa(_array(table)))


def cohens_kappa(table: Sequence[Sequence[int]]) -> float:
    """Cohen's kappa by statsmodels, unweighted: a square table, one person's choice by the other's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(_library().cohens_kappa(_array(table), return_results=False))


def _array(table: Sequence[Sequence[int]]) -> Any:
    import numpy as np

    return np.array(table, dtype=np.int64)


def _library() -> Any:
    return importlib.import_module("statsmodels.stats.inter_rater")


def agreement_lines(spreads: Sequence[Spread]) -> list[str]:
    """How many pairs of answers name the same level; nothing where there is no pair."""
    pairs, agree = _pairs(spreads)
    if not pairs:
        return []
    return [f"Agreement: {agree} of {pairs} pairs of answers name the same level ({round(100 * agree / pairs)}%)."]


def group_lines(group: Group) -> list[str]:
    """A group's agreement in sentences."""
    said = [f"{plural(group.people, 'person', 'people')} answered {plural(len(group.spreads), 'stage')}."]
    said += agreement_lines(group.spreads)
    kappa = group.kappa
    if kappa.value is None:
        said.append(f"{kappa.name} is not given: {kappa.why}.")
    else:
        over = f"{plural(kappa.steps, 'stage')}, {plural(kappa.people, 'person', 'people')} on each"
        said.append(f"{kappa.name}: {kappa.value:.2f} ({over}). 1 is full agreement; 0 is what chance alone would give.")
        if kappa.few:
            said.append(f"With fewer than {FEW} people or {FEW} stages kappa moves a great deal with one answer: read the spread instead.")
        said.append("It treats a difference of one level and of three alike.")
    if kappa.left_out and kappa.steps:
        said.append(
            f"{plural(kappa.left_out, 'stage')} answered by another number of people {'is' if kappa.left_out == 1 else 'are'} not in kappa."
        )
    said.append("Agreement is not correctness: a group can agree and be wrong.")
    return said
