"""What facts.yaml and the threshold rules mean, one case at a time: slow, obvious, and readable as the specification.

Nothing of the engine is used here but the reader of YAML: the files are taken as they are written. `test_thresholds.py` and
`test_threshold_properties.py` compare the engine with it.

How a case is read
    A fact that is refuted, dated after the day, or about another child is not counted; what is so of another child is known as
    that. A fact dated longer ago than a window is past, where nobody said when it is so, and some weigh less when they are past.
    One that is said to be past and is dated within the window weighs as written; but protection that is past protects nobody.
    Unknown is not recorded. Where two records of a fact contradict each other, protection loses to anything else, of consent the
    latest record counts (and one without a date may be it) and agreement loses to its absence, and otherwise what is said to be
    so stands against what is said not to be.
    Evidence is seen (observed, confirmed), sure (disclosed, or reported and specific by somebody with a name) or thin. A
    concern on thin evidence pulls to level 3 at most.
How a level comes about
    The highest floor. The highest level that facts add up to. Modifiers lift that by one in all, to 4 only from sure
    evidence. Protection lowers 3 or 2 by one, and not what is thin evidence of something graver. Hardship gives what it
    gives, and is neither lifted nor lowered; what may be hardship is taken for it where it is said on sure evidence that it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

from dateutil.relativedelta import relativedelta

from rrt_engine.rulebook.strict_yaml import documents, single

ORDER = ["context", "gate", "prompt", "duty", "protective", "raises", 1, 2, 3, 4, "immediate"]
ABOUT_THIS_FAMILY = (
    "",
    "child",
    "this child",
    "parent",
    "mother",
    "father",
    "carer",
    "household",
    "family",
    "adult",
    "partner",
)


@dataclass(frozen=True)
class Thing:
    """Something a pattern can match: a fact that counts, a count, something unrecorded, a flag, or the level."""

    sort: str
    name: str
    value: str = ""
    number: float = 0
    weight: Any = "context"
    there: bool = True
    evidence: str = ""
    first_hand: bool = False
    current: bool = False
    impact: str = ""
    domain: str = ""
    hardship: Any = False
    significant: bool = False
    undated: bool = False

    @property
    def sure(self) -> bool:
        """Whether its evidence is sufficient, or needs none."""
        return self.evidence in ("sure", "seen")

    @property
    def written(self) -> int:
        """The level it pulls to as written."""
        return 4 if self.weight == "immediate" else self.weight if isinstance(self.weight, int) else 0

    @property
    def pull(self) -> int:
        """The level it pulls to on its evidence."""
        return self.written if self.sure else min(3, self.written)

    @property
    def role(self) -> str:
        """What it is: a concern, or its word."""
        return "concern" if isinstance(self.weight, int) else self.weight


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a case."""

    level: int
    significant: bool
    fired: frozenset[str]


class RuleFiles:
    """A rule set as its files have it."""

    def __init__(self, folder: Path) -> None:
        vocabulary = self._one(folder / "facts.yaml")
        self.facts: dict[str, dict[str, Any]] = {}
        self.domain: dict[str, str] = {}
        for domain, members in vocabulary["facts"].items():
            for name, kind in members.items():
                self.facts[name], self.domain[name] = kind, domain
        self.past_after = vocabulary["past_after"]
        self.parameters = {name: p["value"] for name, p in self._one(folder / "parameters.yaml").items()}
        self.pathways = self._one(folder / "pathways.yaml")["pathways"]
        self.rules = [
            d.data
            for path in sorted((folder / "thresholds").glob("*.yaml"))
            for d in documents(str(path), path.read_text(encoding="utf-8"))
        ]

    @staticmethod
    def _one(path: Path) -> Any:
        return single(str(path), path.read_text(encoding="utf-8")).data

    def number(self, given: Any) -> int:
        """A number as written, or the local value it names."""
        return int(self.parameters[given["parameter"]] if isinstance(given, dict) else given)

    def in_force(self, day: date) -> list[dict[str, Any]]:
        """The rules of a day."""
        return [r for r in self.rules if r["effective"]["from"] <= day and (not r["effective"].get("to") or day <= r["effective"]["to"])]

    def judge(self, facts: Sequence[Mapping[str, Any]], day: date, flags: Sequence[tuple[str, str]] = ()) -> Verdict:
        """The level of a case, whether it is one of significant harm, and the rules that fire."""
        rules = self.in_force(day)
        facts = [self._dated(fact, day) for fact in facts]
        known = self._counted(facts, day)
        things = [self._thing(fact) for fact in known]
        names = {thing.name for thing in things}
        others = [self._thing(f) for f in facts if f.get("evidence") != "refuted" and not _later(f, day) and _of_another(f)]
        wanted = [p["unrecorded"] for r in rules for p in _patterns(r) if "unrecorded" in p]
        ground = things + [Thing("unrecorded", name) for name in wanted if name not in names]
        ground += [Thing("flag", rule, status) for rule, status in flags]
        ground += [replace(thing, sort="sibling") for thing in others if thing.there]
        said = any(t.hardship == "says_so" and t.there and t.sure for t in things)
        hardship = (True, "may_be") if said else (True,)
        ground += _counts(things, hardship)
        firings = [(rule, matched) for rule in rules for matched in self._matches(rule, ground)]
        level, significant = self._combine(firings, hardship)
        ground.append(Thing("level", str(level), number=level, significant=significant))
        fired = {rule["id"] for rule in rules if any(True for _ in self._matches(rule, ground))}
        return Verdict(level, significant, frozenset(fired))

    # ------------------------------------------------------------------------------------------------ what counts

    def _dated(self, fact: Mapping[str, Any], day: date) -> Mapping[str, Any]:
        timing = fact.get("timing", "unknown")
        if timing not in ("unknown", "past") or not fact.get("on") or _later(fact, day):
            return fact
        given = self.past_after
        number, unit = str(self.parameters[given["parameter"]] if isinstance(given, dict) else given).split()
        last = date.fromisoformat(str(fact["on"])) + relativedelta(**{unit if unit.endswith("s") else f"{unit}s": int(number)})
        if last < day:
            return {**fact, "timing": "past"}
        return {**fact, "timing": "recent"} if timing == "past" else fact

    def _counted(self, facts: Sequence[Mapping[str, Any]], day: date) -> list[Mapping[str, Any]]:
        kept = [
            f for f in facts if f["value"] != "unknown" and f.get("evidence") != "refuted" and not _later(f, day) and not _of_another(f)
        ]
        result: list[Mapping[str, Any]] = []
        for name in dict.fromkeys(f["fact"] for f in kept):
            records = [f for f in kept if f["fact"] == name]
            if len({str(f["value"]) for f in records}) > 1:
                records = self._safer(records)
            result += records
        return result

    def _safer(self, records: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        kind = self.facts[records[0]["fact"]]
        if any(self._weight(f) == "protective" for f in records):
            return [f for f in records if self._weight(f) != "protective"]
        if isinstance(kind.get("weight"), dict) and all(self._weight(f) == "gate" for f in records):
            agreed = next(iter(kind["weight"]))
            last = max(str(f.get("on") or "") for f in records)
            latest = [f for f in records if str(f.get("on") or "") in (last, "")]
            return [f for f in latest if f["value"] != agreed] or latest
        return [f for f in records if not self._is_not_so(f)] or records

    def _is_not_so(self, fact: Mapping[str, Any]) -> bool:
        value = fact["value"]
        if isinstance(value, bool):
            return value is False
        return value == "none" or (value == 0 and self.facts[fact["fact"]]["type"] == "count")

    def _weight(self, fact: Mapping[str, Any]) -> Any:
        """The heaviest that the record calls for."""
        if self._is_not_so(fact):
            return "context"
        kind, value = self.facts[fact["fact"]], fact["value"]
        called_for: list[Any] = ["context"]
        weight = kind.get("weight")
        if isinstance(weight, dict):
            unsaid = [w for w in weight.values() if w != "protective"]
            called_for.append(weight[value] if value in weight else unsaid[0])
        elif weight is not None:
            called_for.append(weight)
        number = 2 if value == "several" else value
        if isinstance(number, int | float) and not isinstance(number, bool):
            for step in kind.get("steps", []):
                enough = "from" not in step or number >= self.number(step["from"])
                if enough and ("below" not in step or number < self.number(step["below"])):
                    called_for.append(step["weight"])
        for more in kind.get("stronger", []):
            said = more["if"]
            if (
                said.get("timing") in (None, fact.get("timing"))
                and said.get("pattern") in (None, fact.get("pattern"))
                and ("impact" not in said or fact.get("impact_on_child") in _list(said["impact"]))
                and ("value" not in said or value in _list(said["value"]))
            ):
                called_for.append(more["weight"])
        heaviest = max(called_for, key=ORDER.index)
        if fact.get("timing") == "past" and "past" in kind:
            return min(heaviest, kind["past"], key=ORDER.index)
        return heaviest

    def _thing(self, fact: Mapping[str, Any]) -> Thing:
        value, weight = fact["value"], self._weight(fact)
        word = fact.get("evidence")
        evidence = "thin"
        named = str(fact.get("source_agency") or "").strip().lower() != "anonymous"
        if word == "disclosed" or (word == "reported" and fact.get("specificity") == "specific" and named):
            evidence = "sure"
        if word in ("observed", "confirmed"):
            evidence = "seen"
        kind = self.facts[fact["fact"]]
        if (weight == "protective" or kind.get("poverty") == "says_so") and fact.get("timing") in ("past", "recent"):
            evidence = "thin"
        number: float = 2 if value == "several" else value if isinstance(value, int | float) and not isinstance(value, bool) else 0
        return Thing(
            "fact",
            fact["fact"],
            str(value).lower() if isinstance(value, bool) else str(value),
            number,
            weight,
            not self._is_not_so(fact),
            evidence,
            word in ("disclosed", "observed", "confirmed"),
            fact.get("timing") == "current",
            fact.get("impact_on_child") or "",
            self.domain[fact["fact"]],
            self.facts[fact["fact"]].get("poverty", False),
            undated=self._undated(fact, weight),
        )

    def _undated(self, fact: Mapping[str, Any], weight: Any) -> bool:
        """Whether it would be immediate if it were current, and nobody said when it was."""
        if self._is_not_so(fact) or weight == "immediate" or fact.get("timing", "unknown") != "unknown":
            return False
        return bool(self._weight({**fact, "timing": "current"}) == "immediate")

    # ------------------------------------------------------------------------------------------------ what fires

    def _matches(self, rule: Mapping[str, Any], ground: Sequence[Thing]) -> Iterator[tuple[Thing, ...]]:
        options = [[thing for thing in ground if self._holds(pattern, thing)] for pattern in _patterns(rule)]
        for chosen in product(*options):
            if len({(thing.sort, thing.name) for thing in chosen}) == len(chosen):
                yield chosen

    def _holds(self, p: Mapping[str, Any], thing: Thing) -> bool:
        if "unrecorded" in p:
            return thing.sort == "unrecorded" and thing.name == p["unrecorded"]
        if "flag" in p:
            return thing.sort == "flag" and thing.name in _list(p["flag"]) and ("status" not in p or thing.value in _list(p["status"]))
        if "sibling" in p:
            return thing.sort == "sibling" and thing.written >= p["sibling"]
        if "count" in p:
            return thing.sort == "count" and thing.name == p["count"] and thing.number >= self.number(p["at_least"])
        if "level" in p:
            right = thing.sort == "level" and thing.number in _list(p["level"])
            return right and p.get("significant") in (None, thing.significant)
        return thing.sort == "fact" and all(self._holds_of_fact(key, said, p, thing) for key, said in p.items()) and self._there(p, thing)

    @staticmethod
    def _there(p: Mapping[str, Any], thing: Thing) -> bool:
        """A pattern is about what is so, unless it asks for what is not."""
        return thing.there or any(v is False or v == "none" for v in _list(p.get("value", [])))

    def _holds_of_fact(self, key: str, said: Any, p: Mapping[str, Any], thing: Thing) -> bool:
        match key:
            case "fact":
                return thing.name in _list(said)
            case "role":
                return bool(thing.role == said)
            case "domain":
                return thing.domain in _list(said)
            case "value":
                return thing.value in [str(v).lower() if isinstance(v, bool) else v for v in _list(said)]
            case "pull":
                return bool(thing.pull >= said)
            case "written":
                return bool(thing.written >= said)
            case "at_least":
                return thing.number // 1 >= self.number(said)
            case "below":
                return thing.number // 1 < self.number(said)
            case "evidence":
                return {
                    "thin": not thing.sure,
                    "sufficient": thing.sure,
                    "first_hand": thing.first_hand,
                    "verified": thing.evidence == "seen",
                }[said]
            case "timing":
                return thing.current
            case "unsettled":
                return thing.undated
            case "impact":
                return thing.impact == "marked" or thing.impact == said
        raise AssertionError(f"the oracle does not know `{key}`")

    def _combine(self, firings: Sequence[tuple[Mapping[str, Any], tuple[Thing, ...]]], only: tuple[Any, ...]) -> tuple[int, bool]:
        floors = [rule for rule, _ in firings if rule["effect"] == "floor"]
        significant = any(self.pathways[p].get("significant") for rule in floors for p in rule.get("pathways", []))
        hardship, added = [1], [(1, True, False)]
        for rule, matched in firings:
            if rule["effect"] == "consider":
                weighed = [thing for thing in matched if thing.sort in ("fact", "count")]
                if weighed and all(thing.hardship in only for thing in weighed):
                    hardship.append(rule["level"])
                else:
                    added.append(
                        (rule["level"], all(t.sure for t in weighed), any(t.written > t.pull for t in weighed if t.sort == "fact"))
                    )
        highest = max(level for level, _, _ in added)
        highest_sure = max(level for level, sure, _ in added if sure)
        held = max([1, *(level for level, _, graver in added if graver)])
        level = highest
        for rule, matched in firings:
            if rule["effect"] == "raise":
                if highest > 1:
                    level = max(level, min(3, highest + 1))
                if highest_sure > 1 and all(thing.sure for thing in matched if thing.sort in ("fact", "count")):
                    level = max(level, min(4, highest_sure + 1))
        if level in (2, 3) and any(rule["effect"] == "soften" for rule, _ in firings):
            level = max(level - 1, held)
        return max([level, *hardship, *(rule["level"] for rule in floors)]), significant


def _counts(things: Sequence[Thing], only: tuple[Any, ...]) -> list[Thing]:
    """How many domains hold a concern, and how many protections were seen. Hardship is no concern of any domain."""
    concerns = [t for t in things if t.there and isinstance(t.weight, int | str) and t.pull >= 2 and t.hardship not in only]
    seen = {t.name for t in things if t.there and t.role == "protective" and t.evidence == "seen"}
    return [
        Thing("count", "domains_at_2", number=len({t.domain for t in concerns}), evidence="thin"),
        Thing("count", "domains_at_2", number=len({t.domain for t in concerns if t.sure}), evidence="sure"),
        Thing("count", "domains_at_3", number=len({t.domain for t in concerns if t.sure and t.pull >= 3}), evidence="sure"),
        Thing("count", "verified_protective", number=len(seen), evidence="seen"),
    ]


def _patterns(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(_list(rule["when"]))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _later(fact: Mapping[str, Any], day: date) -> bool:
    return bool(fact.get("on")) and date.fromisoformat(str(fact["on"])) > day


def _of_another(fact: Mapping[str, Any]) -> bool:
    who = str(fact.get("subject") or "").replace("_", " ").strip().lower()
    return who not in ABOUT_THIS_FAMILY and (who in ("sibling", "other child", "another child", "cousin") or any(c.isdigit() for c in who))
