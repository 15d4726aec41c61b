"""Why: the reasons behind a suggestion in sentences, what higher levels lack, and how well the record is evidenced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rrt_engine.calendar import NO_DAY
from rrt_engine.model import Fact, Reason, Suggestion, plural
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import FactKind, ThresholdRule
from rrt_engine.thresholds.answered import Answered
from rrt_engine.thresholds.indicators import ANOTHER_CHILD, absent, is_later, strength_of
from rrt_engine.thresholds.plan import SUFFICIENT, Test, Token
from rrt_engine.words import listed, short_day_words

_NOT_OF_NEED = "No recorded fact says whether there is need"
_NAMED = 3
"""How many of the facts that are not known, and could mean more, are named in a headline."""


def reasons(a: Answered) -> Iterator[Reason]:
    """Each rule that fired, in the order in which rules are weighed, with the facts it matched."""
    for rule in a.fired:
        if rule.effect == "consider" and (rule.level or 1) < 2:
            continue
        tokens = a.matched(rule)
        facts = list({id(f): f for t in tokens for f in a.support(t)}.values())
        domains = {a.book.domain_of[f.id] for f in facts}
        source = rule.source[0]
        yield Reason(
            rule=rule.id,
            effect=rule.effect,
            level=rule.level,
            facts=tuple(dict.fromkeys(f.id for f in facts)),
            domain=a.book.domains[domains.pop()] if len(domains) == 1 else "",
            source=f"{a.book.book.sources[source.id].title}, {source.at}",
            authority=a.book.book.sources[source.id].authority,
            verified=rule.verified,
            pathways=tuple(rule.pathways),
            text=_reason_text(a.book, rule, tokens, facts),
        )


def _reason_text(book: ThresholdBook, rule: ThresholdRule, tokens: Sequence[Token], facts: Sequence[Fact]) -> str:
    flags = [f"“{_limit(book, str(t['f']))}” is {str(t['v']).replace('_', ' ')}" for t in tokens if t["t"] == "flag"]
    counted = any(t["t"] == "count" for t in tokens)
    said = [book.facts[f.id].label if counted else fact_words(f, book) for f in facts] + flags
    return f"{rule.title}: {'; '.join(said)}" if said else rule.title


def _limit(book: ThresholdBook, rule: str) -> str:
    """What a timescale rule is called; its id where the rule set has none of that id."""
    editions = book.book.named(rule)
    return editions[-1].spec.title if editions else rule


def fact_words(fact: Fact, book: ThresholdBook) -> str:
    """A fact as recorded, with its value and evidence."""
    how = "from the timeline" if fact.computed else _evidence_words(fact)
    value = "" if fact.value is True else f": {value_words(fact)}"
    return f"{book.facts[fact.id].label}{value} ({how})"


def value_words(fact: Fact) -> str:
    """A fact's value in words."""
    if isinstance(fact.value, bool):
        return "yes" if fact.value else "no"
    return plain(str(fact.value))


def plain(value: str) -> str:
    """A word of the vocabulary as people write it."""
    return value.replace("_", " ")


def _evidence_words(fact: Fact) -> str:
    said = "evidence not recorded" if fact.evidence == "unknown" else fact.evidence
    parts = [said, fact.specificity, "" if fact.timing == "unknown" else fact.timing]
    source = f"from {plain(fact.source_agency)}" if fact.source_agency else ""
    dated = "" if fact.on == NO_DAY else short_day_words(fact.on)
    return ", ".join(p for p in [*parts, source, dated] if p)


def why_not(a: Answered) -> Iterator[str]:
    """For the levels above: the rules that a concern half meets, and what they lack."""
    ids = {rule_id for rule_id, _ in a.chained.firings}
    for rule in a.plan.rules:
        spec = a.plan.specs[rule.id]
        if rule.id in ids or spec.level is None or spec.level <= a.level:
            continue
        if len(rule.patterns) == 2:
            unmet = unmet_beside_a_concern(a, rule.patterns)
            labels = [a.book.facts[name].label for tests in unmet for name in facts_in(tests) if name in a.book.facts]
            if labels:
                yield f"Not level {spec.level} by `{rule.id}` ({spec.title}): not recorded so: {' or '.join(labels)}."
        else:
            yield from _just_short(a, spec, rule.patterns[0])


def unmet_beside_a_concern(a: Answered, patterns: Sequence[Sequence[Test]]) -> list[Sequence[Test]]:
    """The unmet pattern of two whose other one a concern meets; nothing where both or neither are met."""
    concerns = [t for t in a.found.tokens if int(t["w"]) >= 2]
    met = [any(all(t.holds(token) for t in tests) for token in concerns) for tests in patterns]
    return [patterns[met.index(False)]] if any(met) and not all(met) else []


def facts_in(tests: Sequence[Test]) -> list[str]:
    """The facts that a pattern names."""
    return [str(v) for t in tests if t.field == "f" for v in (t.value if isinstance(t.value, tuple) else (t.value,))]


def _just_short(a: Answered, spec: ThresholdRule, tests: Sequence[Test]) -> Iterator[str]:
    for token in a.chained.tokens:
        failed = [t for t in tests if not t.holds(token)]
        if len(failed) != 1 or token["t"] not in ("fact", "count"):
            continue
        if failed[0].field == "s":
            label = a.book.facts[str(token["f"])].label
            lacks = "is not disclosed, observed, confirmed or specifically reported"
            yield f"Not level {spec.level} by `{spec.id}`: the evidence for “{label}” {lacks}."
            return
        if token["t"] == "count" and failed[0].field == "n" and int(token["n"]) > 0 and int(token["s"]) >= SUFFICIENT:
            yield f"Not level {spec.level} by `{spec.id}` ({spec.title}): {token['n']} of the {failed[0].value} it needs."
            return


def coverage(a: Answered) -> str:
    """How much of what is recorded rests on sufficient evidence: the measure of confidence, never a score."""
    recorded = [f for f in a.found.facts if not f.computed]
    if not recorded or nothing_of_need(a):
        return f"{_NOT_OF_NEED}{_instead(a, len(recorded))}."
    sure = sum(1 for f in recorded if strength_of(f) >= SUFFICIENT)
    unknown = f" {plural(len(a.found.unknown), 'fact')} recorded as unknown." if a.found.unknown else ""
    rest = "rests" if 1 in (sure, len(recorded)) else "rest"
    return f"{sure} of {plural(len(recorded), 'recorded fact')} {rest} on sufficient evidence.{unknown}"


def nothing_of_need(a: Answered) -> bool:
    """Whether level 1 stands only because no recorded fact says anything of need."""
    recorded = (f for f in a.found.facts if not f.computed)
    return a.level == 1 and not any(_is_of_need(f, a.book.facts[f.id]) for f in recorded)


def _is_of_need(fact: Fact, kind: FactKind) -> bool:
    """Whether a record that counts says anything of need, or that somebody looked and there is none: not consent, nor mere context."""
    may = kind.may_weigh() - {"context", "gate", "prompt"}
    return bool(may - {"protective"}) or (bool(may) and not absent(fact, kind))


def _instead(a: Answered, others: int) -> str:
    """What the recorded facts are where none is of need, by number. `others` count, and are of something else."""
    recorded, as_of = a.question.recorded, a.question.as_of
    if not recorded:
        return ": none is recorded"
    refuted = sum(1 for f in recorded if f.evidence == "refuted")
    later = sum(1 for f in recorded if f.evidence != "refuted" and is_later(f, as_of))
    another = sum(1 for s in a.found.set_aside if s.why.startswith(ANOTHER_CHILD))
    counts = {
        "unknown": len(a.found.unknown),
        "refuted": refuted,
        "of a later day": later,
        "about another child": another,
        "about consent or circumstances": others,
    }
    said = [f"{n} {'is' if n == 1 else 'are'} {words}" for words, n in counts.items() if n]
    if said:
        n, _, rest = said[0].partition(" ")
        said[0] = f"{plural(int(n), 'fact')} {rest}"
    return f": {listed(said)}" if said else ""


def silence(suggestion: Suggestion) -> str:
    """Instead of level 1, where no recorded fact says anything of need: that, and what the recorded facts are; else empty."""
    instead = suggestion.coverage.removeprefix(_NOT_OF_NEED)
    return f"Nothing recorded points to extra need yet{instead}" if suggestion.nothing_of_need else ""


def could_be_more(suggestion: Suggestion, book: ThresholdBook) -> str:
    """At level 1, the highest level that a fact which is not known could mean, and which fact; else empty."""
    highest = max((m.could_change_to or 0 for m in suggestion.missing), default=0)
    if suggestion.level > 1 or highest <= suggestion.level:
        return ""
    open_ = [m for m in suggestion.missing if m.could_change_to == highest]
    labels = [f"{book.facts[m.fact].label}{'' if m.value == 'yes' else f': {m.value}'}" for m in open_]
    more = f"; and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"It could be level {highest} if this were so: {'; or '.join(labels[:_NAMED])}{more}."
