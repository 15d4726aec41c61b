"""Find things by plain words: a fact or a kind of event by what people call it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

from rrt_engine.rulebook.book import RuleBook

LITTLE = ("a", "an", "and", "at", "by", "for", "from", "has", "her", "his", "in", "is", "it", "of", "on", "or", "that", "the", "to", "who")
"""Words that are left out of a search, where there are others in it."""
_ENDINGS = ("ing", "ed", "es", "s", "e")
_LEFT = 4
_NEAR = 0.8
_MENDED = 8
"""Words of a search that are looked up, so that a long one is answered soon."""


def by_words(words: str, things: Iterable[tuple[str, str, str]]) -> list[str]:
    """The things whose label or other text holds the words, the best first. Each is a name, its label and the rest that is said of it.

    A word is found in any of its forms, as far as its ending makes them: `bruise` finds bruising and bruised. Of many words not all
    need be there.

    >>> by_words("left alone", [("a", "Child left at home", "alone"), ("b", "Child home alone", ""), ("c", "Left alone overnight", "")])
    ['c', 'a']
    """
    written = words.lower().replace("_", " ").split()
    wanted = [(w, _stem(w)) for w in [w for w in written if w not in LITTLE] or written]
    ranked = []
    for order, (name, label, rest) in enumerate(things):
        label, rest = label.lower(), rest.lower()
        score = sum((3 if _whole(w, label) else 2) if stem in label else 1 if stem in rest else 0 for w, stem in wanted)
        if all(stem in label or stem in rest for _, stem in wanted) or (len(wanted) > 2 and score >= 2 * len(wanted) - 2):
            ranked.append((-score, order, name))
    return [name for _, _, name in sorted(ranked)]


def mended(words: Iterable[tuple[str, bool]], known: Collection[str]) -> str:
    """A search again with each word that nothing holds as the nearest one that is known; empty where none is near.

    Each word comes with whether something holds it. One that is held stays as typed; one that is near none is left out.

    >>> known = ["conference", "review"]
    >>> mended([("initial", True), ("confrence", False)], known), mended([("xyzzy", False)], known), mended([("initial", True)], known)
    ('initial conference', '', '')
    """
    asked = list(dict(words).items())[:_MENDED]
    near = [word if held else next(iter(difflib.get_close_matches(word, known, n=1, cutoff=_NEAR)), "") for word, held in asked]
    return "" if all(held for _, held in asked) else " ".join(word for word in near if word)


def meant_words(words: str, things: Iterable[tuple[str, str, str]]) -> str:
    """What somebody may have meant by words that `by_words` finds nowhere; empty where nothing is near, or that too finds nothing."""
    things = list(things)
    texts = [f"{label} {rest}".lower() for _, label, rest in things]
    known = sorted({word for text in texts for word in re.findall(r"[a-z]{3,}", text)})
    again = mended(((w, any(_stem(w) in text for text in texts)) for w in words.lower().replace("_", " ").split()), known)
    return again if again and by_words(again, things) else ""


def _whole(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _stem(word: str) -> str:
    """A word without its ending, where enough of it is left."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEFT:
            return word.removesuffix(ending)
    return word


def find_events(words: str, book: RuleBook) -> list[str]:
    """The kinds of event whose title, name or other names hold the words, the best first."""
    return by_words(words, ((name, *event_words(name, book)) for name in book.events))


def event_words(name: str, book: RuleBook) -> tuple[str, str]:
    """The words by which a kind of event is found: those of its title and name, and those of its other names and what it records."""
    kind = book.events[name]
    others = " ".join([*kind.accepts, *kind.ref, *kind.attrs]).replace("_", " ")
    return f"{kind.title} {name.replace('_', ' ')}", others
