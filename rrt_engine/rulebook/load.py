"""Load a rule set: a folder with `rulebook.yaml`, `events.yaml`, `sources.yaml`, `parameters.yaml`, `bank_holidays.csv`
and rule files in folders beside them. Every mistake is found before anything is evaluated, and all are shown at once.
"""

from __future__ import annotations

import gc
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from rrt_engine.calendar import Calendar, day_number
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.rulebook.book import About, LocalValue, Rule, RuleBook, Source, Vocabulary
from rrt_engine.rulebook.checks import clocks_in, declared_twice, emptiness, local_value_problems, names_in, vocabulary_problems
from rrt_engine.rulebook.regime_checks import option_problems, part_problems, regime_problems
from rrt_engine.rulebook.schema import Effective, Service, TimescaleRule
from rrt_engine.rulebook.shape import shape_problems
from rrt_engine.rulebook.strict_yaml import Document, documents, single
from rrt_engine.rulebook.with_changes import Changes, Changing

T = TypeVar("T", bound=BaseModel)

_EXAMPLES = re.compile(r"^examples:[^\n]*\n(?:(?!---).*(?:\n|$))*", re.MULTILINE)


def _without_examples(text: str) -> str:
    """The text with each rule's examples blanked, line for line: examples come last in a rule and are only tested."""
    return _EXAMPLES.sub(lambda found: "\n" * found[0].count("\n"), text)


def rule_files(folder: Path) -> list[Path]:
    """The rule files of a rule set, in a fixed order."""
    return sorted(p for p in folder.glob("*/*.yaml") if p.parent.name not in ("measures", "thresholds"))


def set_files(folder: Path) -> list[Path]:
    """Every file of a rule set, in a fixed order."""
    return sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml"), *folder.glob("*.csv")])


def digest_of(folder: Path) -> str:
    """A SHA-256 over the names and contents of every file of the rule set, line endings made equal."""
    total = hashlib.sha256()
    for path in set_files(folder):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0")
        total.update(path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return total.hexdigest()


def load(folder: Path, examples: bool = False, changes: Changes = ()) -> RuleBook:
    """Load and check a rule set. Raises InputError with every mistake, each at its file, line and column.

    With `changes`, pairs of a name and a value as `--set` gives them, some of its values are changed first; a mistake in one of
    those is said of the change, not of the file.
    """
    problems: list[Diagnostic] = []
    changing = Changing(changes)
    with without_collecting():
        book, _ = _load(folder, examples, problems, changing)
    if changes and (asked := changing.problems()):
        raise InputError(asked)
    if changes and problems:
        load(folder, examples)  # what is wrong without any change is not the fault of one
        raise InputError(changing.caused(problems))
    if book is None or problems:
        raise InputError(problems)
    return book


@contextmanager
def without_collecting() -> Iterator[None]:
    """Hold back the garbage collector: a rule set is many small objects that all stay, and looking through them again
    and again while they are made takes a quarter of the time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def load_with_problems(folder: Path) -> tuple[RuleBook | None, list[Diagnostic], list[tuple[Rule, Document]]]:
    """Load a rule set with its examples and documents for lint, and every mistake found on the way."""
    problems: list[Diagnostic] = []
    book, read = _load(folder, True, problems)
    return book, problems, read


def _load(
    folder: Path, examples: bool, problems: list[Diagnostic], changing: Changing | None = None
) -> tuple[RuleBook | None, list[tuple[Rule, Document]]]:
    changing = changing or Changing(())
    about, _ = read_shape(folder / "rulebook.yaml", About, problems)
    vocabulary, events_document = read_shape(folder / "events.yaml", Vocabulary, problems)
    sources, _ = _read_each(folder / "sources.yaml", Source, problems)
    parameters, parameters_document = _read_each(folder / "parameters.yaml", LocalValue, problems, changing.parameters)
    try:
        calendar = Calendar.read(folder / "bank_holidays.csv")
    except (OSError, ValueError, KeyError, TypeError) as error:
        problems.append(Diagnostic(_shown(folder / "bank_holidays.csv"), 0, 0, "bank_holidays", f"cannot read the bank holidays: {error}"))
        return None, []
    found = [rule for path in rule_files(folder) for rule in _rules_in(path, examples, problems, changing)]
    if about is None or vocabulary is None or events_document is None or parameters_document is None:
        return None, []
    book = RuleBook(
        id=about.id,
        title=about.title,
        version=about.version,
        notice=about.notice,
        digest=changing.digest(digest_of(folder)),
        rules=(),
        events={kind: event for members in vocabulary.events.values() for kind, event in members.items()},
        periods=vocabulary.periods,
        ends=vocabulary.ends,
        sources=sources,
        parameters=parameters,
        calendar=calendar,
        qualities=vocabulary.qualities,
        regimes=vocabulary.regimes,
        attributes=vocabulary.attributes,
    )
    problems.extend([*vocabulary_problems(events_document, book), *regime_problems(events_document, book)])
    problems.extend([*local_value_problems(parameters_document, book, [s for s, _ in found]), *option_problems(parameters_document, book)])
    for spec, document in found:
        problems.extend(emptiness(spec, document))
        problems.extend(names_in(spec, document, book) or [*clocks_in(spec, document, book), *part_problems(spec, document, book)])
    editions = _editions(sorted(found, key=_journey), problems)
    problems.extend(declared_twice(editions))
    return replace(book, rules=tuple(rule for rule, _ in editions)), editions


_SERVICES = get_args(Service)


def _journey(rule: tuple[TimescaleRule, Document]) -> tuple[int, bool]:
    """Rules in the order of a child's journey; within a service, national duties before local standards and measures."""
    spec, _ = rule
    return _SERVICES.index(spec.service), spec.authority in ("local", "kpi")


def _shown(path: Path) -> str:
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def _text(path: Path, problems: list[Diagnostic]) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        problems.append(
            Diagnostic(
                _shown(path), 0, 0, "unreadable", f"cannot read the file: {error.strerror}", "error", "", "a rule set needs this file"
            )
        )
    except UnicodeDecodeError:
        problems.append(Diagnostic(_shown(path), 0, 0, "encoding", "the file is not UTF-8 text", "error", "", "save it as UTF-8"))
    return None


def read_shape(path: Path, shape: type[T], problems: list[Diagnostic]) -> tuple[T | None, Document | None]:
    """One file as one shape, with its document for positions."""
    document = read_document(path, problems)
    if document is None:
        return None, None
    try:
        return shape.model_validate(document.data), document
    except ValidationError as error:
        problems.extend(shape_problems(error, document, shape))
    return None, document


def _read_each(
    path: Path, shape: type[T], problems: list[Diagnostic], change: Callable[[Document], None] = lambda _: None
) -> tuple[dict[str, T], Document | None]:
    """One file as many of one shape by name, with its document for positions. `change` may change what it says first."""
    document = read_document(path, problems)
    result: dict[str, T] = {}
    if document is None:
        return result, None
    change(document)
    if not isinstance(document.data, dict):
        problems.append(document.diagnostic((), "shape", "expected names, each with what belongs to it"))
        return result, document
    for name, data in document.data.items():
        try:
            result[name] = shape.model_validate(data)
        except ValidationError as error:
            problems.extend(shape_problems(error, document, shape, (name,)))
    return result, document


def read_document(path: Path, problems: list[Diagnostic]) -> Document | None:
    """One file of one document, for what it holds and where; None where it cannot be read, which is added to `problems`."""
    text = _text(path, problems)
    try:
        return None if text is None else single(_shown(path), text)
    except InputError as error:
        problems.extend(error.diagnostics)
    return None


def _rules_in(path: Path, examples: bool, problems: list[Diagnostic], changing: Changing) -> Iterator[tuple[TimescaleRule, Document]]:
    found = list(rule_documents(path, examples, "timescale", problems))
    changing.rules(found)
    for document in found:
        try:
            yield TimescaleRule.model_validate(document.data), document
        except ValidationError as error:
            problems.extend(shape_problems(error, document, TimescaleRule))


def rule_documents(path: Path, examples: bool, kind: str, problems: list[Diagnostic]) -> Iterator[Document]:
    """The rule documents of one file that can be read, each of one kind; the others are added to `problems`."""
    text = _text(path, problems)
    if text is None:
        return
    try:
        for document in documents(_shown(path), text if examples else _without_examples(text)):
            if document.problems:
                problems.extend(document.problems)
            elif isinstance(document.data, dict) and document.data.get("kind") == kind:
                yield document
            elif document.data is not None:
                problems.append(document.diagnostic(("kind",), "kind", f"expected a rule with `kind: {kind}`"))
    except InputError as error:
        problems.extend(error.diagnostics)


def _editions(found: list[tuple[TimescaleRule, Document]], problems: list[Diagnostic]) -> list[tuple[Rule, Document]]:
    """Each rule's editions with their last days; overlapping editions and ids used twice are refused."""
    result = [
        (Rule(spec, document.file, document.line, first, last), document) for spec, document, first, last in edition_days(found, problems)
    ]
    latest = {rule.id: (rule.spec, document) for rule, document in result}
    other_ids: dict[str, str] = {i: i for i in latest}
    for spec, document in latest.values():
        for alias in spec.alias:
            if other_ids.setdefault(alias, spec.id) != spec.id:
                problems.append(
                    document.diagnostic(
                        ("alias",), "id_reused", f"the id `{alias}` already belongs to `{other_ids[alias]}`", "ids are never reused"
                    )
                )
    return result


class _Dated(Protocol):
    """A rule of either kind, as far as its editions go."""

    @property
    def id(self) -> str: ...
    @property
    def effective(self) -> Effective: ...
    @property
    def stage(self) -> str: ...


D = TypeVar("D", bound=_Dated)


def edition_days(found: list[tuple[D, Document]], problems: list[Diagnostic]) -> Iterator[tuple[D, Document, int, int]]:
    """Each rule's editions, oldest first, with the first and last day each governs. Overlapping editions are refused.

    A prospective edition is not in force yet, so it does not end the one that is.
    """
    by_id: dict[str, list[tuple[D, Document]]] = {}
    for version in found:
        by_id.setdefault(version[0].id, []).append(version)
    for versions in by_id.values():
        versions.sort(key=lambda v: v[0].effective.from_)
        following = {id(version): later for version, later in pairwise(v for v in versions if v[0].stage == "in_force")}
        for version in versions:
            spec, document = version
            first = day_number(spec.effective.from_)
            last = day_number(spec.effective.to) if spec.effective.to else 2**30
            if later := following.get(id(version)):
                starts = day_number(later[0].effective.from_)
                if starts <= first or (spec.effective.to and starts <= last):
                    message = f"this edition of `{spec.id}` overlaps the one at {document.file}:{document.line}"
                    help = "end the earlier edition before this one begins"
                    problems.append(later[1].diagnostic(("effective",), "overlapping_editions", message, help))
                last = min(last, starts - 1)
            yield spec, document, first, last
