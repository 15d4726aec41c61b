"""Check a rule set as a whole: what is broken (errors), and what no example proves (warnings).

Errors: everything that stops the rule set loading, examples that fail, ids declared twice, names that do not exist and
local values that cannot be used. Warnings: proofs that a rule of its shape needs and lacks (see `proofs`), tags that
an example carries and does not show, and parts and numbers of a rule that could change without any example noticing.
Notes, on request: rules whose number has not been seen in the instrument. Threshold rules are checked with the rest where
the rule set has them (see `threshold_lint`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rrt_engine.diagnostics import Diagnostic
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.changes import Change
from rrt_engine.rulebook.checks import intervals
from rrt_engine.rulebook.examples import read_examples, run_example
from rrt_engine.rulebook.load import load_with_problems
from rrt_engine.rulebook.load_thresholds import load_thresholds_with_problems
from rrt_engine.rulebook.proofs import Proof, prove
from rrt_engine.rulebook.regime_schema import settings_of
from rrt_engine.rulebook.schema import Parameter, Until
from rrt_engine.rulebook.strict_yaml import Document
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_lint import proof_warnings, threshold_problems
from rrt_engine.rulebook.threshold_proofs import Prover, ThresholdChange, ThresholdProof
from rrt_engine.thresholds.suggest import reasoners
from rrt_engine.words import VERIFIED_WORDS

_ATTRIBUTE_TYPES = ("boolean", "integer", "date", "text")
_LACKS = {
    "boundary": ("no example done on the last good day", "add one tagged `shows: [boundary]`, met on its due day"),
    "first_bad_day": (
        "no example done on the first bad day",
        "add one tagged `shows: [first_bad_day]`, done the next possible day and late",
    ),
    "still_due": ("no example still due", "add one tagged `shows: [still_due]`, not done and `as_of` before its due day"),
    "overdue": ("no example overdue", "add one tagged `shows: [overdue]`, not done and `as_of` after its due day"),
    "bank_holiday": (
        "no example across a bank holiday",
        "add one tagged `shows: [bank_holiday]` with a named bank holiday between start and due",
    ),
}
_LACKS_PATTERN = {
    "boundary": ("no example in which it is recorded", "add one tagged `shows: [boundary]` that only just gives a flag"),
    "first_bad_day": (
        "no example in which it is not recorded",
        "add one tagged `shows: [first_bad_day]` that only just gives none: `flags: []`",
    ),
}
_SHOWS = {
    "boundary": "no flag in it is met on its due day",
    "first_bad_day": "no flag in it is late, answered the next possible day",
    "still_due": "no flag in it is due",
    "overdue": "no flag in it is overdue",
    "bank_holiday": "no named bank holiday lies between the start and the due day of its flags",
    "ended": "nothing ends a flag in it",
    "cannot_tell": "no flag in it is cannot_tell",
}


def lint(folder: Path, unverified: bool = False) -> list[Diagnostic]:
    """Everything wrong with a rule set, in order of file and line."""
    book, problems, read = load_sound(folder)
    found = [*problems]
    for proof in [prove(rule, document, book) for rule, document in read] if book else []:
        assert book is not None
        found.extend(_examples(proof))
        found.extend(_missing(proof))
        found.extend(_unborne(proof))
        found.extend(_unnoticed(proof))
        found.extend([*_unpinned(proof), *_unsettled(proof, book)])
        if unverified:
            found.extend(_unverified(proof))
    if book is not None:
        found.extend(_thresholds(folder, book, unverified))
    return sorted(set(found))


def _thresholds(folder: Path, book: RuleBook, unverified: bool) -> Iterator[Diagnostic]:
    """Everything wrong with the threshold rules, where the rule set has them."""
    thresholds, problems, read = load_sound_thresholds(folder, book)
    yield from problems
    if thresholds is None:
        return
    yield from threshold_problems(folder, thresholds, read)
    prover = Prover(thresholds, reasoners(thresholds))
    for rule, document in read:
        yield from proof_warnings(prover.prove(rule, document), unverified)


def load_sound(folder: Path) -> tuple[RuleBook | None, list[Diagnostic], list[tuple[Rule, Document]]]:
    """The rules of a rule set in which nothing is wrong, as a book and with their documents; and all that is wrong."""
    book, problems, read = load_with_problems(folder)
    if book is None:
        return None, sorted(problems), []
    if any(p.file.endswith(("/events.yaml", "/parameters.yaml", "/sources.yaml")) for p in problems):
        return None, sorted(set(problems)), []
    sound = [(r, d) for r, d in read if not any(p.file == d.file and d.line <= p.line <= d.end_line for p in problems)]
    return replace(book, rules=tuple(r for r, _ in sound)), sorted(set(problems)), sound


def load_sound_thresholds(folder: Path, book: RuleBook) -> tuple[ThresholdBook | None, list[Diagnostic], list[tuple[Threshold, Document]]]:
    """The threshold rules in which nothing is wrong, as a book and with their documents; and all that is wrong.

    A rule set may have none: then there is no book, and nothing is wrong.
    """
    if not (folder / "facts.yaml").exists() and not (folder / "thresholds").exists():
        return None, [], []
    found, problems, read = load_thresholds_with_problems(folder, book)
    if found is None or any(p.file.endswith(("/facts.yaml", "/pathways.yaml", "/parameters.yaml")) for p in problems):
        return None, sorted(set(problems)), []
    sound = [(r, d) for r, d in read if not any(p.file == d.file and d.line <= p.line <= d.end_line for p in problems)]
    return replace(found, rules=tuple(r for r, _ in sound)), sorted(set(problems)), sound


# ---------------------------------------------------------------------------------------------------- warnings


def _examples(proof: Proof) -> Iterator[Diagnostic]:
    for outcome in proof.outcomes:
        yield from outcome.diagnostics


def _missing(proof: Proof) -> Iterator[Diagnostic]:
    """The proofs that a rule of this shape needs and has not got."""
    if not proof.outcomes and proof.rule.spec.stage == "in_force":
        yield proof.document.diagnostic(
            ("id",),
            "no_example",
            f"`{proof.rule.id}` has no examples",
            "a rule without an example is not used; add `examples` as its last key",
        )
    tagged = {tag for _, tag in proof.unborne}
    for tag in proof.missing:
        if tag in tagged or not proof.outcomes:
            continue  # said of the example that carries the tag, or of the rule that has none
        lacks, help = _LACKS_PATTERN[tag] if proof.rule.spec.expect is None else _LACKS[tag]
        if tag in proof.untagged:
            help = f"example `{proof.untagged[tag]}` shows it: tag it `shows: [{tag}]`"
        yield proof.document.diagnostic(("id",), f"missing_{tag}_example", f"`{proof.rule.id}` has {lacks}", help, "warning")


def _unborne(proof: Proof) -> Iterator[Diagnostic]:
    """Tags that the flags of their example do not bear out."""
    for i, tag in proof.unborne:
        name = proof.rule.spec.examples[i].name
        came = "; ".join(proof.outcomes[i].actual) or "no flag"
        said = (
            {"boundary": "it has no flag", "first_bad_day": "it has a flag"}.get(tag, _SHOWS[tag])
            if proof.rule.spec.expect is None
            else _SHOWS[tag]
        )
        yield proof.document.diagnostic(
            ("examples", i, "shows"), "tag_not_shown", f"example `{name}` is tagged `{tag}`, but {said}", f"it gives {came}", "warning"
        )


def _unnoticed(proof: Proof) -> Iterator[Diagnostic]:
    """Parts that can be left out, and numbers that can be moved, without any example failing."""
    moved: dict[str, list[Change]] = {}
    for change in proof.unnoticed:
        if change.kind == "branch":
            message = f"no example of `{proof.rule.id}` fails without `{change.part}`"
            yield proof.document.diagnostic(change.path, "branch_never_exercised", message, change.ask, "warning")
        else:
            moved.setdefault(change.part, []).append(change)
    for part, same in moved.items():
        instead = " or ".join(f"`{c.how}`" for c in same)
        message = f"no example of `{proof.rule.id}` fails when `{part}` is {instead} instead"
        yield proof.document.diagnostic(same[0].path, "interval_not_pinned", message, same[0].ask, "warning")


def _unpinned(proof: Proof) -> Iterator[Diagnostic]:
    """Examples that an authority would break by setting its own value."""
    named = sorted({given.parameter for _, given in intervals(proof.rule.spec) if isinstance(given, Parameter)})
    for i, example in enumerate(proof.rule.spec.examples):
        left = [n for n in named if n not in example.parameters]
        if left:
            help = f"write `parameters: {{{left[0]}: …}}` in the example, so that another local value does not break it"
            yield proof.document.diagnostic(
                ("examples", i), "local_value_not_pinned", f"example `{example.name}` does not set `{left[0]}`", help, "warning"
            )


def _unsettled(proof: Proof, book: RuleBook) -> Iterator[Diagnostic]:
    """Examples that an authority would break by choosing another reading."""
    spec, part = proof.rule.spec, book.part(proof.rule.spec)
    names = settings_of(book.regimes[part[0]]) if part else []
    names += [i.running.parameter for i in spec.until if isinstance(i, Until) and isinstance(i.running, Parameter)]
    if not names or not all(o.passed for o in proof.outcomes):
        return
    chosen = book.only(proof.rule.id)
    for i, read in enumerate(read_examples(proof.rule, proof.document, book)):
        for name in (name for name in names if name not in read.example.parameters):
            for option in (o for o in book.parameters[name].options if o != book.parameters[name].value):
                other = read.example.model_copy(update={"parameters": {**read.example.parameters, name: option}})
                if not run_example(replace(read, example=other), proof.rule.id, chosen, working=False).passed:
                    message = f"example `{read.example.name}` does not set `{name}`, and fails where it is `{option}`"
                    help = f"write `parameters: {{{name}: {book.parameters[name].value}}}` in the example"
                    yield proof.document.diagnostic(("examples", i), "local_value_not_pinned", message, help, "warning")


def _unverified(proof: Proof) -> Iterator[Diagnostic]:
    if proof.rule.spec.verified != "instrument":
        yield proof.document.diagnostic(
            ("verified",), "unverified", f"`{proof.rule.id}`: {VERIFIED_WORDS[proof.rule.spec.verified]}", "", "note"
        )


# ---------------------------------------------------------------------------------------------------- coverage


@dataclass(frozen=True)
class Coverage:
    """How much of a rule set its examples prove: rules with every proof, branches exercised and numbers pinned."""

    rules: int
    proved: int
    branches: int
    exercised: int
    numbers: int
    pinned: int


def coverage(proofs: Sequence[Proof] | Sequence[ThresholdProof]) -> Coverage:
    """How much the examples prove. A number counts as pinned when both its neighbours make some example fail."""

    def parts(changes: Sequence[Change] | Sequence[ThresholdChange], kind: str) -> set[str]:
        return {c.part for c in changes if c.kind == kind}

    tried: Mapping[str, list[int]] = {k: [len(parts(p.tried, k)) for p in proofs] for k in ("branch", "interval")}
    left: Mapping[str, list[int]] = {k: [len(parts(p.unnoticed, k)) for p in proofs] for k in ("branch", "interval")}
    branches, numbers = sum(tried["branch"]), sum(tried["interval"])
    proved = sum(1 for p in proofs if not p.missing and p.outcomes and all(o.passed for o in p.outcomes))
    return Coverage(len(proofs), proved, branches, branches - sum(left["branch"]), numbers, numbers - sum(left["interval"]))
