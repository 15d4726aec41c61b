"""Find a rule by plain words: its id, its title, what it requires, or the instrument it rests on; the best first."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rrt_engine.explain.coverage import latest
from rrt_engine.explain.rule_page import limit_in_words, requirement
from rrt_engine.explain.threshold_page import does, effect_words, pattern_words
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.schema import Authority, Verified
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.by_words import mended

if TYPE_CHECKING:
    from rrt_engine.rulebook.schema import TimescaleRule
    from rrt_engine.rulebook.threshold_schema import ThresholdRule

THRESHOLDS = "thresholds"
"""The service under which threshold rules are listed."""

_ID, _PHRASE, _TITLE, _PART, _REQUIRES, _SOURCE, _WHY = 1000, 20, 12, 8, 4, 3, 1
_WORD = r"[a-z0-9]+"
_SMALL = frozenset(
    {"a", "and", "at", "be", "by", "for", "from", "has", "have", "in", "is", "it", "not", "of", "on", "or", "the", "to", "with"}
)


@dataclass(frozen=True)
class Entry:
    """A rule in a list, in its latest edition. It is found by its `names`, whole; by a part of one of its `phrases`; and by single
    words, with what each of them counts in `weights`.
    """

    id: str
    title: str
    service: str
    limit: str
    authority: Authority
    verified: Verified
    prospective: bool
    names: frozenset[str]
    phrases: tuple[str, ...] = field(repr=False)
    weights: dict[str, int] = field(repr=False)


@dataclass(frozen=True)
class Found:
    """What a search found, the best first; and what somebody may have meant, where a word is not known."""

    entries: tuple[Entry, ...]
    whole: bool
    meant: tuple[str, ...]


def entries(book: RuleBook, thresholds: ThresholdBook | None) -> tuple[Entry, ...]:
    """Every rule, in the order of a child's journey, the threshold rules last."""
    found = [
        _entry(book, rule.spec, rule.spec.service, limit_in_words(book, rule.spec), requirement(book, rule.spec), rule.spec.alias)
        for rule in latest(book)
    ]
    if thresholds is not None:
        for spec in {rule.id: rule.spec for rule in thresholds.rules}.values():
            words = f"{does(thresholds, spec)} {' '.join(pattern_words(thresholds, p) for p in spec.when)} {spec.ask or ''}"
            found.append(_entry(book, spec, THRESHOLDS, effect_words(spec), words, []))
    return tuple(found)


def _entry(book: RuleBook, spec: TimescaleRule | ThresholdRule, service: str, limit: str, requires: str, alias: Iterable[str]) -> Entry:
    names = frozenset({spec.id, *alias})
    sources = " ".join(f"{book.sources[s.id].title} {s.at}" for s in spec.source)
    weights: dict[str, int] = {}
    for text, weight in (
        (f"{spec.why} {spec.note or ''}", _WHY),
        (f"{sources} {service}", _SOURCE),
        (f"{requires} {limit}", _REQUIRES),
        (" ".join(names).replace("_", " "), _PART),
        (spec.title, _TITLE),
    ):
        weights.update(dict.fromkeys(_tokens(text), weight))
    prospective = getattr(spec, "stage", "in_force") == "prospective"
    phrases = tuple(f" {' '.join(_tokens(text))} " for text in (spec.title, requires, sources))
    return Entry(spec.id, spec.title, service, limit, spec.authority, spec.verified, prospective, names, phrases, weights)


def search(all_of_them: Sequence[Entry], words: str) -> Found:
    """The rules that hold every word, the best first; where none does, those that hold most of them, and what may have been meant."""
    asked = words.strip().lower()
    wanted = [t for t in _tokens(asked) if t not in _SMALL] or _tokens(asked)
    together = f" {' '.join(wanted)} "
    scored: list[tuple[float, int, Entry]] = []
    whole = False
    for place, entry in enumerate(all_of_them):
        if asked.replace(" ", "_") in entry.names:
            scored.append((_ID, place, entry))
            whole = True
            continue
        parts = [_weight(entry, word) for word in wanted]
        if any(parts):
            phrase = _PHRASE if len(wanted) > 1 and any(together in phrase for phrase in entry.phrases) else 0
            phrase += _PART if _tokens(entry.title)[0] == wanted[0] else 0
            scored.append((sum(parts) + phrase if all(parts) else -sum(1 for p in parts if not p), place, entry))
            whole = whole or all(parts)
    if whole:
        kept = [one for one in scored if one[0] > 0]
    else:
        least = len(wanted) // 2
        kept = [one for one in scored if len(wanted) > 2 and -one[0] <= least]
    kept.sort(key=lambda one: (-one[0], one[1]))
    return Found(tuple(entry for _, _, entry in kept), whole, () if whole else _meant(all_of_them, asked, wanted))


def _weight(entry: Entry, word: str) -> int:
    """What a word counts in an entry: whole, or as the beginning of one of its words, which counts half."""
    if word in entry.weights:
        return 2 * entry.weights[word]
    return max((weight for known, weight in entry.weights.items() if known.startswith(word)), default=0) if len(word) > 2 else 0


def _meant(all_of_them: Sequence[Entry], asked: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """What somebody may have meant by words that no rule holds: ids that are near, and the same words with each unknown one mended."""
    names = sorted(name for entry in all_of_them for name in entry.names)
    near = difflib.get_close_matches(asked.replace(" ", "_"), names, n=3, cutoff=0.75)
    known = sorted({word for entry in all_of_them for word in entry.weights if len(word) > 2})
    typed = [pair for pair in zip(re.findall(_WORD, asked), _tokens(asked), strict=True) if pair[1] in wanted]
    again = mended(((word, any(_weight(entry, token) for entry in all_of_them)) for word, token in typed), known)
    return tuple(dict.fromkeys([*near, *([again] if again and search(all_of_them, again).entries else [])]))


def _tokens(text: str) -> list[str]:
    """The words of a text, without the `s` of more than one."""
    return [t[:-1] if len(t) > 3 and t.endswith("s") and not t.endswith("ss") else t for t in re.findall(_WORD, text.lower())]
