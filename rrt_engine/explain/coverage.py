"""What the rules cover: each duty of the catalogue, the rules that hold it, and why no rule holds the rest.

The catalogue is `duties.csv` of the rule set, and what is said of the duties without a rule stands in its `NOT_ENCODED.md`. The page of
the docs, the page in the browser and the exported site all say what is worked out here.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.explain.rule_page import limit_in_words
from rrt_engine.rulebook.book import Rule, RuleBook

DUTIES = "duties.csv"
NOTES = "NOT_ENCODED.md"


@dataclass(frozen=True)
class Holder:
    """A rule in one line: its latest edition, its limit in a few words, and how many editions it has."""

    rule: Rule
    limit: str
    editions: int


@dataclass(frozen=True)
class Duty:
    """One duty of the catalogue: the rules that hold it, or why none does."""

    id: str
    part: str
    holders: tuple[Holder, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class Covered:
    """What a rule set covers of its catalogue: the duties in its order, the rules that no duty asks for, and the other notes."""

    duties: tuple[Duty, ...]
    further: tuple[Holder, ...]

    @property
    def held(self) -> int:
        """How many duties some rule holds."""
        return sum(bool(duty.holders) for duty in self.duties)

    @property
    def holding(self) -> int:
        """How many rules hold a duty."""
        return len({holder.rule.id for duty in self.duties for holder in duty.holders})

    @property
    def parts(self) -> dict[str, list[Duty]]:
        """The duties by the part of the catalogue they stand in."""
        found: dict[str, list[Duty]] = {}
        for duty in self.duties:
            found.setdefault(duty.part, []).append(duty)
        return found


def covered(book: RuleBook, folder: Path) -> Covered | None:
    """What the rules of a folder cover of its catalogue; None where it has no catalogue.

    Raises InputError where a duty has neither a rule nor a line that says why.
    """
    if not (folder / DUTIES).is_file():
        return None
    catalogue, notes = duties(folder), reasons(folder)
    editions = Counter(r.id for r in book.rules)
    held = holders(book, catalogue)
    found = tuple(_duty(duty, part, held[duty], book, notes, editions) for duty, part in catalogue.items())
    bare = [duty.id for duty in found if not duty.holders and not duty.why]
    if bare:
        message = "{} has neither a rule nor a line in " + NOTES
        raise InputError([Diagnostic(str(folder / DUTIES), 0, 0, "not_covered", message.format(duty)) for duty in bare])
    known = {holder.rule.id for duty in found for holder in duty.holders}
    further = (rule for rule in latest(book) if rule.id not in known)
    return Covered(found, tuple(_holder(rule, book, editions) for rule in further))


def latest(book: RuleBook) -> list[Rule]:
    """Each rule in its latest edition."""
    return list({rule.id: rule for rule in book.rules}.values())


def duties(folder: Path) -> dict[str, str]:
    """Every duty of the catalogue, with the part it stands in."""
    with (folder / DUTIES).open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["part"] for row in csv.DictReader(file)}


def holders(book: RuleBook, catalogue: Mapping[str, str]) -> dict[str, list[Rule]]:
    """The latest edition of each rule that holds a duty: by its id, by an alias of any edition, or as a part of it (`duty_part`).

    A part belongs to the duty whose id is the longest that its own begins with, and only where it holds no duty by name.
    """
    names: dict[str, set[str]] = {}
    for rule in book.rules:
        names.setdefault(rule.id, set()).update(catalogue.keys() & {rule.id, *rule.spec.alias})
    held: dict[str, list[Rule]] = {duty: [] for duty in catalogue}
    for rule in latest(book):
        begun = [duty for duty in catalogue if rule.id.startswith(f"{duty}_")]
        for duty in names[rule.id] or ({max(begun, key=len)} if begun else set()):
            held[duty].append(rule)
    return {duty: sorted(rules, key=lambda r: duty not in names[r.id]) for duty, rules in held.items()}


def reasons(folder: Path) -> list[tuple[str, str]]:
    """What the notes say of time limits that no rule holds: what each line is about, and why."""
    return list(_notes(folder, thresholds=False))


def threshold_reasons(folder: Path) -> list[tuple[str, str]]:
    """What the notes say of what no threshold rule holds."""
    return list(_notes(folder, thresholds=True))


def _notes(folder: Path, thresholds: bool) -> Iterator[tuple[str, str]]:
    path = folder / NOTES
    if path.is_file():
        before, _, after = path.read_text(encoding="utf-8").partition("## Thresholds")
        found = (re.match(r"- ([^:]+): (.+)", line) for line in (after if thresholds else before).splitlines())
        yield from ((m[1], m[2]) for m in found if m)


def _duty(duty: str, part: str, rules: list[Rule], book: RuleBook, notes: list[tuple[str, str]], editions: Mapping[str, int]) -> Duty:
    why = tuple(reason for what, reason in notes if re.search(rf"\b{re.escape(duty)}\b", what))
    return Duty(duty, part, tuple(_holder(rule, book, editions) for rule in rules), () if rules else why)


def _holder(rule: Rule, book: RuleBook, editions: Mapping[str, int]) -> Holder:
    return Holder(rule, limit_in_words(book, rule.spec), editions[rule.id])
