"""One case reasoned over, with everything that its explanation is made from."""

from __future__ import annotations

from dataclasses import dataclass

from rrt_engine.model import Fact, Question
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.rulebook.threshold_schema import ThresholdRule
from rrt_engine.thresholds.chain import Chained, Chainer
from rrt_engine.thresholds.indicators import Indicators
from rrt_engine.thresholds.plan import Plan, Token, counted, only_hardship


@dataclass(frozen=True)
class Answered:
    """A case with what counts in it, what fired on it and where that points. `fired` stands in the order in which rules are
    weighed, and `pathways` in theirs.
    """

    question: Question
    book: ThresholdBook
    chainer: Chainer
    found: Indicators
    chained: Chained
    fired: tuple[ThresholdRule, ...]
    pathways: tuple[str, ...]

    @property
    def plan(self) -> Plan:
        """The rules in force on the day, as they were run."""
        return self.chainer.plan

    @property
    def level(self) -> int:
        """The level suggested."""
        return self.chained.combined.level

    @property
    def significant(self) -> bool:
        """Whether it is level 4 for significant harm."""
        return self.chained.combined.significant

    def matched(self, rule: ThresholdRule) -> list[Token]:
        """The tokens a rule matched, each once, in the order recorded.

        Of a rule that looks for a named fact beside any concern, only the named fact: the concern has a reason of its own.
        """
        named = [i for i, pattern in enumerate(rule.when) if pattern.fact or pattern.form != "fact"] or range(len(rule.when))
        numbers = sorted({matched[i] for rule_id, matched in self.chained.firings if rule_id == rule.id for i in named})
        return [self.chained.tokens[k] for k in numbers]

    def support(self, token: Token) -> list[Fact]:
        """The facts a token stands for: itself, or what a count counted."""
        if token["t"] == "fact":
            return [self.found.facts[int(token["k"])]]
        if token["t"] == "count":
            only = only_hardship(self.found.tokens)
            return [self.found.facts[int(t["k"])] for t in self.found.tokens if counted(t, token, only)]
        return []
