"""The rule book to read: every rule, threshold rule and fact, the local values and sources they rest on, what covers which duty.

Each page is made from the library, so that the server and the exported site show the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rrt_engine.diagnostics import did_you_mean
from rrt_engine.explain.coverage import threshold_reasons
from rrt_engine.explain.formats import BECAUSE, LETTERS, OF_ONE
from rrt_engine.explain.rule_search import THRESHOLDS, Entry, Found, search
from rrt_engine.measures.words import definition_rows, published_lines, steps
from rrt_engine.sources.carries import formats
from rrt_engine.sources.facts import meant as meant_facts
from rrt_engine.sources.facts import search as search_facts
from rrt_engine.web.desk import Desk
from rrt_engine.web.library import Library, Read
from rrt_engine.web.pages import Asked, Missing, Page, Redirect, Shown
from rrt_engine.words import AUTHORITY_WORDS, MARK_WORDS

LONGEST = 200
"""Letters of a search that are read."""
FOLDED = 6
"""Related things up to which a group stands open."""


@dataclass(frozen=True)
class Choice:
    """One choice of a filter: its value, what it is called, and how many rules it leaves."""

    value: str
    words: str
    count: int


# ---------------------------------------------------------------------------------------------------- the addresses


def rules(desk: Desk, asked: Asked) -> Shown:
    """Every rule, or those that a search and its filters leave."""
    return rules_page(desk.library, asked)


def rule(desk: Desk, asked: Asked) -> Shown:
    """One rule. A name that it is also known by leads to it."""
    name = asked.path["rule"]
    known = desk.library.named.get(name)
    if known is None:
        raise Missing(f"No rule is called that. {_nearest(name, desk.library.named)}")
    return rule_page(desk.library, known) if known == name else Redirect(f"/rules/{known}")


def facts(desk: Desk, asked: Asked) -> Shown:
    """Every fact, or those that a search leaves."""
    return facts_page(desk.library, asked)


def fact(desk: Desk, asked: Asked) -> Shown:
    """One fact."""
    name = asked.path["fact"]
    if name not in desk.library.facts:
        raise Missing(f"No fact is called that. {_nearest(name, desk.library.facts)}")
    return fact_page(desk.library, name)


def coverage(desk: Desk, asked: Asked) -> Shown:
    """What the rules cover of the catalogue, and from which format each can be judged."""
    return coverage_page(desk.library)


def values(desk: Desk, asked: Asked) -> Shown:
    """Every local value, and what uses it."""
    return values_page(desk.library)


def sources(desk: Desk, asked: Asked) -> Shown:
    """Every instrument, and the rules that rest on it."""
    return sources_page(desk.library)


def measures(desk: Desk, asked: Asked) -> Shown:
    """Every measure, and how it is worked out."""
    return measures_page(desk.library)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = did_you_mean(name[:LONGEST], known).replace("`", "“", 1).replace("`", "”", 1).replace("`", "“", 1).replace("`", "”", 1)
    return f"{near[:1].upper()}{near[1:]}" if near else "The list of rules has a search."


# ---------------------------------------------------------------------------------------------------- the pages


def rules_page(library: Library, asked: Asked = Asked()) -> Page:
    """The list of rules. The filters count what the search leaves."""
    words = asked.one("q").strip()[:LONGEST]
    found = search(library.entries, words) if words else Found(library.entries, True, ())
    wanted = {name: asked.one(name) for name in ("service", "authority", "checked")}

    def left(skip: str = "") -> list[Entry]:
        return [e for e in found.entries if all(not v or name == skip or _has(e, name, v) for name, v in wanted.items())]

    chosen = left()
    shown = {
        "nav": "rules",
        "q": words,
        "found": found,
        "entries": chosen,
        "by_service": _grouped(chosen),
        "wanted": wanted,
        "filtered": any(wanted.values()),
        "filters": {
            "service": ("Part of the service", _choices([(e.service, service_words(e.service)) for e in left("service")])),
            "authority": ("Authority", _choices([(e.authority, AUTHORITY_WORDS[e.authority]) for e in left("authority")])),
            "checked": ("How the number was checked", _choices([(e.verified, MARK_WORDS[e.verified]) for e in left("checked")])),
        },
        "total": len(library.entries),
        "measures": library.measures is not None,
        "covered": library.covered is not None,
        "service_words": service_words,
    }
    return Page("rules.html.j2", "Rules", shown)


def _has(entry: Entry, name: str, value: str) -> bool:
    return value == {"service": entry.service, "authority": entry.authority, "checked": entry.verified}[name]


def _choices(pairs: Sequence[tuple[str, str]]) -> list[Choice]:
    """The values there are, in the order they come, with how many of each."""
    counts: dict[tuple[str, str], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    return [Choice(value, words[0].upper() + words[1:], n) for (value, words), n in counts.items()]


def _grouped(chosen: Iterable[Entry]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in chosen:
        groups.setdefault(entry.service, []).append(entry)
    return groups


def service_words(service: str) -> str:
    """A part of the service in words."""
    return "Threshold rules: level and pathway" if service == THRESHOLDS else service.replace("_", " ").capitalize().replace("Pre ", "Pre-")


def rule_page(library: Library, rule_id: str) -> Page:
    """The page of one rule, of either kind."""
    read = library.rule(rule_id)
    shown = {"nav": "rules", "read": read, "page": read.page, "service_words": service_words, "folded": FOLDED}
    if isinstance(read, Read):
        return Page("rule.html.j2", read.page.title, {**shown, "letters": OF_ONE})
    return Page("rule_threshold.html.j2", read.page.title, shown)


def facts_page(library: Library, asked: Asked = Asked()) -> Page:
    """The list of facts by the part of the child's life, or those that a search leaves, the best first."""
    words = asked.one("q").strip()[:LONGEST]
    book = library.thresholds
    names = list(library.facts) if not words or not book else [words] if words in library.facts else search_facts(words, book)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(library.facts[name].domain, []).append(name)
    shown = {
        "nav": "facts",
        "q": words,
        "facts": library.facts,
        "names": names,
        "groups": groups,
        "meant": meant_facts(words, book) if words and book and not names else "",
        "near": _nearest(words, library.facts) if words and not names else "",
        "notice": book.notice if book else "",
    }
    return Page("facts.html.j2", "Facts", shown)


def fact_page(library: Library, name: str) -> Page:
    """The page of one fact."""
    page = library.facts[name]
    return Page("fact.html.j2", page.label, {"nav": "facts", "page": page, "folded": FOLDED})


def coverage_page(library: Library) -> Page:
    """What covers which duty, from which format it can be judged, and what is not encoded and why."""
    names = list(formats(library.book.events))
    reach = {name: {sign: sum(1 for by in library.letters.values() if by[name] == sign) for sign in "HC–"} for name in names}
    shown = {
        "nav": "coverage",
        "covered": library.covered,
        "letters": LETTERS,
        "by_rule": library.letters,
        "names": names,
        "reach": reach,
        "families": library.families,
        "because": BECAUSE,
        "not_thresholds": threshold_reasons(library.folder),
    }
    return Page("coverage.html.j2", "What is covered", shown)


def values_page(library: Library) -> Page:
    """The local values."""
    return Page("rule_values.html.j2", "Local values", {"nav": "rules", "values": library.values, "folded": FOLDED})


def sources_page(library: Library) -> Page:
    """The instruments, and what the weights of facts were drawn from."""
    drawn = list(library.thresholds.fact_sources.items()) if library.thresholds else []
    facts_of = {code: [f for f in library.facts.values() if code in [s.code for s in f.sources]] for code, _ in drawn}
    shown = {"nav": "rules", "sources": library.sources, "fact_sources": drawn, "facts_of": facts_of, "folded": FOLDED}
    return Page("rule_sources.html.j2", "Sources", shown)


def measures_page(library: Library) -> Page:
    """The measures, each with how it is defined."""
    if library.measures is None:
        raise Missing("This rule set has no measures.")
    book = library.book
    found = [(m, definition_rows(m, book), steps(m, book), published_lines(m, book)) for m in library.measures.measures]
    groups: dict[str, list[tuple[object, ...]]] = {}
    for each in found:
        groups.setdefault(each[0].group.replace("_", " ").capitalize(), []).append(each)
    return Page("rule_measures.html.j2", "Measures", {"nav": "rules", "groups": groups})
