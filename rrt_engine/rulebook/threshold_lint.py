"""Check the threshold rules as a whole: what would make a suggestion unsafe (errors), and what nothing uses or proves (warnings).

Errors here are few and hard: an absence or a strength that would raise a level, thin evidence that could reach level 4, an
immediate fact with no floor, hardship that weighs like harm. Each is found in the rules as written, before any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as FilePath

from rrt_engine.diagnostics import Diagnostic
from rrt_engine.rulebook.load import read_document
from rrt_engine.rulebook.strict_yaml import Document, Path
from rrt_engine.rulebook.threshold_book import Threshold, ThresholdBook
from rrt_engine.rulebook.threshold_checks import used_local_values
from rrt_engine.rulebook.threshold_proofs import REQUIRED, ThresholdProof
from rrt_engine.rulebook.threshold_schema import FactKind, Pattern, ThresholdRule
from rrt_engine.thresholds.plan import SUFFICIENT, PlanRule, compile_plan
from rrt_engine.thresholds.space import Record, records
from rrt_engine.words import VERIFIED_WORDS

Editions = Sequence[tuple[Threshold, Document]]
_UPWARD = ("floor", "consider", "raise")
_LACKS = {
    "fires": ("no example in which it fires", "add one with `fires: true`, and its `level` and `pathways`"),
    "does_not_fire": ("no example in which it does not fire", "add one that only just misses, with `fires: false`"),
}


def threshold_problems(folder: FilePath, book: ThresholdBook, editions: Editions) -> list[Diagnostic]:
    """What is wrong with the threshold rules as written; nothing is run."""
    found: list[Diagnostic] = []
    facts, parameters = (read_document(folder / f"{name}.yaml", []) for name in ("facts", "parameters"))
    for rule, document in editions:
        found.extend(_upward_only(rule.spec, document, book))
        found.extend(_thin_reaches_4(rule.spec, document, book))
        found.extend(_id_problems(rule, document, book))
    found.extend(_two_files(editions))
    if facts is not None:
        found.extend(_poverty(book, facts))
        found.extend(_immediate_without_floor(book, editions, facts))
        found.extend(_floors_on_the_past(book, editions))
    if parameters is not None:
        found.extend(_local_values(book, parameters))
    return sorted(set(found))


def proof_warnings(proof: ThresholdProof, unverified: bool) -> Iterator[Diagnostic]:
    """What the examples of a threshold rule do not prove, and those that fail."""
    rule, document = proof.rule, proof.document
    for outcome in proof.outcomes:
        yield from outcome.diagnostics
    if not proof.outcomes:
        help = "a rule without an example is not used; add `examples` as its last key"
        yield document.diagnostic(("id",), "no_example", f"`{rule.id}` has no examples", help)
    for lack in REQUIRED if proof.outcomes else ():
        if lack in proof.missing:
            text, help = _LACKS[lack]
            yield document.diagnostic(("id",), f"missing_{lack}_example", f"`{rule.id}` has {text}", help, "warning")
    for change in proof.unnoticed:
        branch = change.kind == "branch"
        how = f"without `{change.part}`" if branch else f"when `{change.part}` is `{change.how}` instead"
        code = "branch_never_exercised" if branch else "interval_not_pinned"
        yield document.diagnostic(change.path, code, f"no example of `{rule.id}` fails {how}", change.ask, "warning")
    if unverified and rule.spec.verified != "instrument":
        yield document.diagnostic(("verified",), "unverified", f"`{rule.id}`: {VERIFIED_WORDS[rule.spec.verified]}", "", "note")


# ------------------------------------------------------------------------------------------------- more is never less


def _upward_only(rule: ThresholdRule, document: Document, book: ThresholdBook) -> Iterator[Diagnostic]:
    """Patterns that would let an absence, a blank or a strength raise a level, or a concern lower it."""
    for i, pattern in enumerate(rule.when):
        place = _place(document, i)
        if rule.effect == "soften":
            if not _is_protective(pattern, book):
                message = f"`{rule.id}` lowers a level on something that is not protective"
                yield document.diagnostic(place, "softens_on_concern", message, "name protective facts, `role: protective` or their count")
            continue
        if rule.effect not in _UPWARD:
            continue
        for key, what in _not_upward(pattern, book):
            if key == "value" and rule.note:
                continue  # an absence that is itself the concern, with the reason in the note
            help = "use a gate or a prompt for it, or name the concern itself"
            if key == "value":
                help = "name the concern itself; where the absence is the concern, say why in `note`"
            message = f"`{rule.id}` would raise a level on {what}"
            yield document.diagnostic((*place, key), "not_monotone", message, help)


def _not_upward(pattern: Pattern, book: ThresholdBook) -> Iterator[tuple[str, str]]:
    if {False, "none"} & set(pattern.value or []):
        yield "value", "something stated to be absent"
    if pattern.unrecorded:
        yield "unrecorded", "something that nobody recorded: unknown is not no"
    if pattern.evidence == "thin":
        yield "evidence", "thin evidence, and not on better"
    if pattern.unsettled:
        yield "unsettled", "a timing that nobody recorded, and not on one that is current"
    if pattern.form == "level":
        yield "level", "the level itself"
    if pattern.form == "sibling":
        yield "sibling", "something about another child, who needs a view of their own"
    if pattern.role == "protective" or (pattern.fact and all(book.facts[f].may_weigh() == {"protective"} for f in pattern.fact)):
        yield "role" if pattern.role else "fact", "something protective"
    if pattern.count == "verified_protective":
        yield "count", "something protective"
    if pattern.below is not None and not (pattern.fact and all(_less_is_more(book.facts[f]) for f in pattern.fact)):
        yield "below", "a number that is small"


def _less_is_more(kind: FactKind) -> bool:
    """Whether a smaller number is the heavier one, as facts.yaml has it: an attendance, or an age."""
    return any(s.below is not None for s in kind.steps) or bool(kind.derive and kind.derive.age)


def _is_protective(pattern: Pattern, book: ThresholdBook) -> bool:
    if pattern.form == "count":
        return pattern.count == "verified_protective"
    named = [book.facts[f] for f in pattern.fact or []]
    return pattern.role == "protective" or (bool(named) and all(k.may_weigh() == {"protective"} for k in named))


def _thin_reaches_4(rule: ThresholdRule, document: Document, book: ThresholdBook) -> Iterator[Diagnostic]:
    """Rules that could reach level 4 on thin evidence of a concern."""
    if rule.level != 4 or rule.effect not in ("floor", "consider"):
        return
    unsure = [i for i, pattern in enumerate(rule.when) if _may_be_thin(pattern, book)]
    if rule.effect == "floor" and len(unsure) < len(rule.when):
        return  # one pattern is sure: what the other says about the child is taken as recorded
    for i in unsure:
        message = f"`{rule.id}` could reach level 4 on thin evidence"
        help = "add `evidence: sufficient` to each pattern; `count: domains_at_3` counts sufficient evidence only"
        yield document.diagnostic(_place(document, i), "thin_reaches_4", message, help)


def _may_be_thin(pattern: Pattern, book: ThresholdBook) -> bool:
    if pattern.form == "count":
        return pattern.count == "domains_at_2"
    if pattern.form != "fact" or pattern.evidence in ("sufficient", "first_hand", "verified") or pattern.pull == 4:
        return False
    named = [book.facts[f] for f in pattern.fact or []]
    return not named or any(k.may_weigh() & {1, 2, 3, 4, "immediate"} for k in named)


def _poverty(book: ThresholdBook, document: Document) -> Iterator[Diagnostic]:
    for name, kind in book.facts.items():
        if kind.poverty is True and kind.may_weigh() & {4, "immediate"}:
            place = ("facts", book.domain_of[name], name)
            message = f"`{name}` is hardship and weighs level 4: poverty is not neglect"
            yield document.diagnostic(
                place, "poverty_weighs_4", message, "let it weigh 3 at most, and give it a route of its own by a gate"
            )


def _immediate_without_floor(book: ThresholdBook, editions: Editions, document: Document) -> Iterator[Diagnostic]:
    """Records that weigh as immediate, on sufficient evidence, and reach no floor of level 4."""
    if not editions:
        return
    plan = compile_plan(book, max(rule.first_day for rule, _ in editions))
    floors = [r for r in plan.rules if plan.specs[r.id].effect == "floor" and plan.specs[r.id].level == 4 and len(r.patterns) == 1]
    may_be = [name for name, kind in book.facts.items() if "immediate" in kind.may_weigh()]
    for name, mine in records(book, plan, may_be).items():
        bare = [r for r in mine if r.token["r"] == "immediate" and int(r.token["s"]) >= SUFFICIENT and not _reaches(r, floors)]
        values = list(dict.fromkeys(str(r.token["v"]) for r in bare))
        if values:
            place = ("facts", book.domain_of[name], name)
            said = "" if values == ["true"] else f" at {', '.join(f'`{v}`' for v in values)}"
            message = f"`{name}`{said} is immediate, and no rule of its own gives it level 4 at once"
            yield document.diagnostic(place, "no_floor", message, "add a `floor` rule of level 4 for it, with its pathways")


def _floors_on_the_past(book: ThresholdBook, editions: Editions) -> Iterator[Diagnostic]:
    """Floors that fire on what is past, where facts.yaml says that it weighs less then."""
    for rule, document in editions:
        if rule.spec.effect != "floor" or len(rule.spec.when) != 1 or not rule.spec.when[0].fact:
            continue
        plan = compile_plan(book, rule.first_day)
        tests = next(r for r in plan.rules if r.id == rule.id).patterns[0]
        for name in rule.spec.when[0].fact:
            kind = book.facts[name]
            past = [r for r in records(book, plan, [name])[name] if r.fact.timing == "past"] if kind.past is not None else []
            light = [r for r in past if int(r.token["w"]) < (rule.spec.level or 0) and all(t.holds(r.token) for t in tests)]
            if light:
                message = f"`{rule.id}` fires on `{name}` where it is past, and facts.yaml weighs it {kind.past} at most then"
                help = "name `role: immediate` in its pattern, or say in facts.yaml that it weighs as much when it is past"
                yield document.diagnostic((*_place(document, 0), "fact"), "floor_on_past", message, help, "warning")


def _reaches(record: Record, floors: Iterable[PlanRule]) -> bool:
    return any(all(t.holds(record.token) for t in rule.patterns[0]) for rule in floors)


# ------------------------------------------------------------------------------------------------- names and values


def _id_problems(rule: Threshold, document: Document, book: ThresholdBook) -> Iterator[Diagnostic]:
    if not rule.id.startswith("rt_"):
        yield document.diagnostic(("id",), "shape", f"the id `{rule.id}` does not begin with `rt_`", f"call it `rt_{rule.id}`", "warning")
    for other in book.book.named(rule.id):
        message = f"the id `{rule.id}` already belongs to the rule at {other.file}:{other.line}"
        yield document.diagnostic(("id",), "id_reused", message, "ids are never reused")


def _two_files(editions: Editions) -> Iterator[Diagnostic]:
    home: dict[str, Document] = {}
    for rule, document in sorted(editions, key=lambda e: (e[1].file, e[1].line)):
        first = home.setdefault(rule.id, document)
        if first.file != document.file:
            message = f"the id `{rule.id}` already belongs to the rule at {first.file}:{first.line}"
            yield document.diagnostic(("id",), "id_reused", message, "ids are never reused; editions of one rule stand in one file")


def _local_values(book: ThresholdBook, document: Document) -> Iterator[Diagnostic]:
    used = used_local_values(book)
    elsewhere = {p for r in book.book.rules for p in re.findall(r"parameter='(\w+)'", repr(r.spec))}
    for name in book.book.parameters:
        if name.startswith("rt_") and name not in used and name not in elsewhere:
            message = f"nobody uses the local value `{name}`"
            yield document.diagnostic((name,), "unused_local_value", message, "use it with `{parameter: …}`, or remove it", "warning")


def _place(document: Document, i: int) -> Path:
    return ("when", i) if isinstance(document.data.get("when"), list) else ("when",)
