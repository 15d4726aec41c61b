"""A source is cited with the authority that it has itself, whatever the rule that rests on it is; over every rule that comes with rrt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast, get_args

import yaml

from rrt_engine.explain.sentences import cited_words
from rrt_engine.paths import RULES
from rrt_engine.reports.suggestion_words import _said
from rrt_engine.rulebook.schema import Authority, TimescaleRule
from rrt_engine.rulebook.threshold_schema import ThresholdRule
from rrt_engine.thresholds.reasons import reasons
from rrt_engine.words import AUTHORITY_WORDS, MARK_WORDS
from tests.shipped import BOOK, THRESHOLDS

SOURCES: dict[str, dict[str, str]] = yaml.safe_load((RULES / "sources.yaml").read_text(encoding="utf-8"))
OTHER_THAN_STATUTORY = ("nice_cg89", "ukcis_images", "information_sharing_2024", "plwg_guidance_2021", "dash_guidance")


def cited(source: Any) -> str:
    own = SOURCES[source.id]
    return f"{own['title']}, {source.at} ({AUTHORITY_WORDS[own['authority']]}"


def test_every_authority_has_words_of_its_own() -> None:
    assert set(AUTHORITY_WORDS) == set(get_args(Authority)) and len(set(AUTHORITY_WORDS.values())) == len(AUTHORITY_WORDS)


def test_every_source_of_a_time_limit_is_cited_with_its_own_authority() -> None:
    mixed = 0
    for rule in BOOK.rules:
        said = cited_words(cast(Any, SimpleNamespace(book=BOOK, spec=rule.spec)))
        assert said == "; ".join(f"{cited(source)})" for source in rule.spec.source), rule.id
        mixed += any(SOURCES[source.id]["authority"] != rule.spec.authority for source in rule.spec.source)
    assert mixed > 10


def test_every_reason_of_a_suggestion_cites_its_source_with_its_own_authority_and_the_rules_mark() -> None:
    fired = [rule.spec for rule in THRESHOLDS.rules]
    answered = cast(Any, SimpleNamespace(book=THRESHOLDS, fired=fired, matched=lambda rule: [], support=lambda token: []))
    specs, said, mixed = {id(spec): spec for spec in fired}, list(reasons(answered)), 0
    shown = [spec for spec in specs.values() if spec.effect != "consider" or (spec.level or 1) >= 2]
    assert len(said) == len(shown) > 100
    for reason, spec in zip(said, shown, strict=True):
        first = spec.source[0]
        assert reason.rule == spec.id and reason.authority == SOURCES[first.id]["authority"]
        assert _said(reason, True).source == f"{cited(first)}; {MARK_WORDS[spec.verified]})"
        mixed += reason.authority != spec.authority
    assert mixed > 10


def test_what_is_not_statutory_guidance_is_not_called_so() -> None:
    for name in OTHER_THAN_STATUTORY:
        assert SOURCES[name]["authority"] == "practice"
    specs: list[TimescaleRule | ThresholdRule] = [*(rule.spec for rule in BOOK.rules), *(rule.spec for rule in THRESHOLDS.rules)]
    for spec in specs:
        if spec.authority == "guidance":
            assert any(SOURCES[source.id]["authority"] == "guidance" for source in spec.source), spec.id
