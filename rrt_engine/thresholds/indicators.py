"""From recorded facts to indicators: what each fact pulls towards, on the evidence recorded. What does not count is said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rrt_engine.calendar import NO_DAY, due_day
from rrt_engine.model import Fact, SetAside, plural
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind, Step, Stronger, Weight
from rrt_engine.thresholds.plan import HARDSHIP, SUFFICIENT, THIN, THIN_AT_MOST, VERIFIED, Token
from rrt_engine.words import listed, short_day_words

_THE_CHILD_OR_ADULTS = ("", "child", "this child", "parent", "mother", "father", "carer", "household", "family", "adult", "partner")
_OTHER_CHILD = re.compile(
    r"\b(siblings?|(half|step)?[ -]?(brother|sister)s?|twin|cousin|niece|nephew|(an)?other (child|baby|boy|girl)|friend|peer)\b"
)
ANOTHER_CHILD = "it is about another child"
_IMPACT = {"some": 1, "marked": 2}
_HEAVIER = ("context", "gate", "prompt", "duty", "protective", "raises", 1, 2, 3, 4, "immediate")
SEVERAL = 2
"""What `several` counts as: the lowest number it can mean. The number itself is asked for."""


@dataclass(frozen=True)
class Indicators:
    """The facts of one case that count, each with its token, and what is set aside."""

    facts: tuple[Fact, ...]
    tokens: tuple[Token, ...]
    set_aside: tuple[SetAside, ...]
    unknown: tuple[Fact, ...]
    siblings: tuple[Token, ...] = ()


def indicators(recorded: Sequence[Fact], computed: Sequence[Fact], book: ThresholdBook, as_of: int, case: str = "") -> Indicators:
    """Which facts count on a day, and how much.

    A computed fact stands in place of a recorded one that differs, where the timeline is known to hold what it takes; where it
    may lack events, the two are records that contradict each other. Of such records the safer reading is used. Set aside, with
    the reason: what is refuted, dated after the day, or about another child (which has a token of its own).
    """
    aside: list[SetAside] = []
    siblings: list[Fact] = []
    unknown: list[Fact] = []
    counted: list[Fact] = []
    given = {fact.id: fact for fact in computed}
    for fact in recorded:
        fact = dated(fact, book, as_of)
        why = not_counted(fact, as_of, case)
        if why:
            aside.append(SetAside(fact.id, why))
            if why.startswith(ANOTHER_CHILD):
                siblings.append(fact)
        elif fact.id in given and fact.value in (given[fact.id].value, "unknown"):
            continue
        elif fact.id in given and (given[fact.id].settled or shown_value(fact) in given[fact.id].denies):
            aside.append(SetAside(fact.id, f"{_both(fact, given[fact.id])}, which is used"))
        elif fact.id in given:
            aside.append(SetAside(fact.id, f"{_both(fact, given[fact.id])} and may not hold everything: the safer of the two counts"))
            counted.append(fact)
        elif fact.value == "unknown":
            unknown.append(fact)
        else:
            counted.append(fact)
    aside += [SetAside(f.id, why) for f in counted if (why := _out_of_age(f, computed, book))]
    counted = safer([*counted, *computed], book, aside)
    pairs: dict[tuple[object, ...], tuple[Fact, Token]] = {}
    for fact in counted:
        token = token_of(fact, book.facts[fact.id], book)
        pairs.setdefault(tuple(token.values()), (fact, token))
    tokens = tuple({**token, "k": k} for k, (_, token) in enumerate(pairs.values()))
    kept = {fact.id for fact, _ in pairs.values()}
    others = tuple(sibling_token(f, book.facts[f.id], book) for f in siblings if not absent(f, book.facts[f.id]))
    unknown = [f for f in unknown if f.id not in kept]
    return Indicators(tuple(f for f, _ in pairs.values()), tokens, tuple(aside), tuple(unknown), others)


def dated(fact: Fact, book: ThresholdBook, as_of: int) -> Fact:
    """A record with its timing as its date has it: past where it is longer ago than the window and nobody recorded its timing,
    and recent, which weighs as written, where it is said to be past and is not so long ago.
    """
    if fact.timing not in ("unknown", "past") or fact.on == NO_DAY or fact.on > as_of:
        return fact
    last = int(due_day(np.array([fact.on]), book.book.length(book.past_after), book.book.calendar)[0])
    timing = "past" if last < as_of else "recent" if fact.timing == "past" else "unknown"
    return replace(fact, timing=timing)


def is_later(fact: Fact, as_of: int) -> bool:
    """Whether a record is of a day after this one: dated so, or told only then."""
    return max(fact.on, fact.told) > as_of  # NO_DAY is before every day


def not_counted(fact: Fact, as_of: int, case: str) -> str:
    """Why a recorded fact is kept and not counted, or nothing."""
    if fact.evidence == "refuted":
        return "it is recorded as refuted"
    if is_later(fact, as_of):
        how, day = ("dated", fact.on) if fact.on > as_of else ("told on", fact.told)
        return f"it is {how} {short_day_words(day)}, after the date of this check"
    subject = fact.subject.strip().lower().replace("_", " ")
    own = case.strip().lower().replace("_", " ")
    someone_else = subject not in _THE_CHILD_OR_ADULTS and case and subject != own and _is_an_id(fact.subject)
    if someone_else or _OTHER_CHILD.search(subject):
        return f"{ANOTHER_CHILD} (`{fact.subject}`), who needs a view of their own"
    return ""


def _out_of_age(fact: Fact, computed: Sequence[Fact], book: ThresholdBook) -> str:
    """What to check where a fact is recorded of a child whose age it does not fit; it counts as written all the same."""
    ages, months = book.facts[fact.id].ages, age_in_months(computed, book)
    if ages is None or months is None or ages.hold(months):
        return ""
    years = f"{months // 12} years" if months >= 24 else plural(months, "month")
    return f"it is recorded of a child of {years}, whose age it does not fit: check it and the date of birth. It counts as written"


def age_in_months(facts: Iterable[Fact], book: ThresholdBook) -> int | None:
    """The child's age in whole months where the timeline gives it."""
    for fact in facts:
        derive = book.facts[fact.id].derive
        if fact.computed and derive is not None and derive.age == "months" and isinstance(fact.value, int):
            return int(fact.value)
    return None


def _both(fact: Fact, given: Fact) -> str:
    return f"recorded as `{shown_value(fact)}`; the timeline gives `{shown_value(given)}` ({given.computed})"


def _is_an_id(subject: str) -> bool:
    """Whether a subject looks like a case id: one word of letters, digits and signs that holds a digit."""
    return bool(re.fullmatch(r"[\w./-]*\d[\w./-]*", subject.strip())) and len(subject.strip()) > 2


def safer(facts: list[Fact], book: ThresholdBook, aside: list[SetAside]) -> list[Fact]:
    """Contradictory records of one fact, on the safer reading: a concern stands, a protection does not, consent is the lesser."""
    by_id: dict[str, list[Fact]] = {}
    for fact in facts:
        by_id.setdefault(fact.id, []).append(fact)
    kept: list[Fact] = []
    for name, records in by_id.items():
        values = list(dict.fromkeys(shown_value(f) for f in records))
        if len(values) > 1:
            kind = book.facts[name]
            keep = _safest(records, kind, book)
            left = [v for v in values if v not in {shown_value(f) for f in keep}]
            if left and not any(f.computed for f in records):  # what the timeline gives beside a record is said above
                used = listed([f"`{v}`" for v in dict.fromkeys(shown_value(f) for f in keep)])
                aside.append(SetAside(name, f"recorded as {listed([f'`{v}`' for v in values])}; the safer reading {used} is used"))
            records = keep
        kept += records
    return kept


def _safest(records: list[Fact], kind: FactKind, book: ThresholdBook) -> list[Fact]:
    weights = {shown_value(f): _weight(f, kind, book) for f in records}
    if "protective" in weights.values():
        return [f for f in records if weights[shown_value(f)] != "protective"]
    if all(w == "gate" for w in weights.values()) and kind.values:
        last = max(f.on for f in records)  # consent changes: the latest record of it counts, and one without a date may be it
        latest = [f for f in records if f.on in (last, NO_DAY)]
        return [f for f in latest if f.value != kind.values[0]] or latest
    return [f for f in records if not absent(f, kind)] or records


def absent(fact: Fact, kind: FactKind) -> bool:
    """Whether the record says that it is not so: false, none, or a count of nought. An age or attendance of 0 is a number."""
    return fact.value is False or fact.value == "none" or (kind.type == "count" and fact.value == 0)


def strength_of(fact: Fact) -> int:
    """How strong the evidence is: verified, sufficient, or thin.

    Sufficient for a concern: disclosed, observed, confirmed, or reported specifically by somebody who can be asked. What nobody
    stands behind calls for checks first, however detailed: AB and CD v Haringey [2013] EWHC 416 (Admin), as reported.
    """
    if fact.evidence in ("observed", "confirmed"):
        return VERIFIED
    specific = fact.evidence == "reported" and fact.specificity == "specific" and fact.source_agency.strip().lower() != "anonymous"
    return SUFFICIENT if fact.evidence == "disclosed" or specific else THIN


def token_of(fact: Fact, kind: FactKind, book: ThresholdBook) -> Token:
    """One counted fact as a token: what it weighs as written, and what it pulls to on this evidence."""
    gone = absent(fact, kind)
    weight: Weight = "context" if gone else _weight(fact, kind, book)
    strength = strength_of(fact)
    role = weight if isinstance(weight, str) else "concern"
    if fact.timing in ("past", "recent") and (role == "protective" or kind.poverty == "says_so"):
        strength = THIN
    written = 4 if weight == "immediate" else weight if isinstance(weight, int) else 0
    return {
        "t": "fact",
        "f": fact.id,
        "v": _value(fact, gone),
        "n": _number(fact),
        "p": written if strength >= SUFFICIENT else min(written, THIN_AT_MOST),
        "w": written,
        "r": role,
        "d": book.domain_of[fact.id],
        "s": strength,
        "h": int(fact.evidence in ("disclosed", "observed", "confirmed")),
        "c": int(fact.timing == "current"),
        "m": _IMPACT.get(fact.impact, 0),
        "y": HARDSHIP[kind.poverty],
        "u": int(not gone and fact.timing == "unknown" and role != "immediate" and _if_current(fact, kind, book) == "immediate"),
        "x": int(not gone),
        "k": 0,
    }


def _if_current(fact: Fact, kind: FactKind, book: ThresholdBook) -> Weight:
    """What a fact would weigh if it were so now."""
    return _weight(replace(fact, timing="current"), kind, book)


def sibling_token(fact: Fact, kind: FactKind, book: ThresholdBook) -> Token:
    """A record about another child as a token: which fact, and how heavy it would be for that child."""
    token = token_of(fact, kind, book)
    return {"t": "sibling", "f": fact.id, "w": token["w"], "s": token["s"], "k": 0}


def _value(fact: Fact, gone: bool) -> str:
    if isinstance(fact.value, bool):
        return str(fact.value).lower()
    if isinstance(fact.value, str):
        return fact.value
    return "none" if gone else "number"


def _number(fact: Fact) -> int:
    if isinstance(fact.value, bool):
        return 0
    if isinstance(fact.value, int | float):
        return int(fact.value // 1)
    return SEVERAL if fact.value == "several" else 0


def _weight(fact: Fact, kind: FactKind, book: ThresholdBook) -> Weight:
    """What a fact weighs as recorded, the heaviest that its value, timing, pattern and impact call for."""
    if absent(fact, kind):
        return "context"
    found: list[Weight] = []
    if isinstance(kind.weight, dict):
        lightest: Weight = next((w for w in kind.weight.values() if w != "protective"), "context")
        found.append(kind.weight.get(str(fact.value), lightest))  # `unspecified` weighs as the lightest, and protects nobody
    elif kind.weight is not None:
        found.append(kind.weight)
    if kind.steps and not isinstance(fact.value, bool | str):
        found += [step.weight for step in kind.steps if _reached(step, float(fact.value), book)]
    elif kind.steps and fact.value == "several":
        found += [step.weight for step in kind.steps if _reached(step, SEVERAL, book)]
    found += [stronger.weight for stronger in kind.stronger if _more_is_said(stronger, fact)]
    heaviest: Weight = max(found, key=_HEAVIER.index, default="context")
    lighter = fact.timing == "past" and kind.past is not None and _HEAVIER.index(kind.past) < _HEAVIER.index(heaviest)
    return kind.past if lighter and kind.past is not None else heaviest


def _reached(step: Step, number: float, book: ThresholdBook) -> bool:
    if step.from_ is not None and number < book.value(step.from_):
        return False
    return step.below is None or number < book.value(step.below)


def _more_is_said(stronger: Stronger, fact: Fact) -> bool:
    if_ = stronger.if_
    return (
        (if_.timing is None or fact.timing == if_.timing)
        and (if_.pattern is None or fact.pattern == if_.pattern)
        and (if_.impact is None or fact.impact in if_.impact)
        and (if_.value is None or fact.value in if_.value)
    )


def shown_value(fact: Fact) -> str:
    """A fact's value as files write it."""
    return str(fact.value).lower() if isinstance(fact.value, bool) else str(fact.value)


def unrecorded_tokens(wanted: Iterable[str], facts: Sequence[Fact], first: int) -> list[Token]:
    """A token for each fact that a rule asks for and nobody recorded."""
    known = {fact.id for fact in facts}
    return [{"t": "unrecorded", "f": name, "k": first + i} for i, name in enumerate(w for w in wanted if w not in known)]


def flag_tokens(flags: Iterable[tuple[str, str]], first: int) -> list[Token]:
    """A token for each timescale rule and status that flags the case, in a fixed order."""
    return [{"t": "flag", "f": rule, "v": status, "k": first + i} for i, (rule, status) in enumerate(sorted(set(flags)))]


def sibling_tokens(siblings: Iterable[Token], first: int) -> list[Token]:
    """A token for each different record about another child, in a fixed order."""
    distinct = sorted({tuple(t.items())[:-1] for t in siblings})
    return [{**dict(items), "k": first + i} for i, items in enumerate(distinct)]
