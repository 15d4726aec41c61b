"""One decision: what was suggested, what a person decided, and what must be said for it to be recorded.

The tool suggests and a person decides. A decision holds a case id, a role and a reason: no names and no story. Where it is
not what was suggested, or leaves out an emergency or a legal duty that was, it needs a reason; and where it goes ahead without
consent, the reason for that. Words in it that look like somebody's name are noticed, as a warning only.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError, did_you_mean
from rrt_engine.model import Fact
from rrt_engine.personal_details import looks_like_a_role, personal_details

REASON_LENGTH = 1000
ROLE_LENGTH = 60
NO_CONSENT = frozenset({"refused", "withdrawn", "not_sought", "not_safe_to_seek"})
"""What may be recorded of consent where nobody has agreed."""
WITHOUT_CONSENT = frozenset({"seek_advice", "universal", "private_law_signpost"})
"""Routes of a level that need nobody's consent: a conversation about what to do, and what every family may have."""


@dataclass(frozen=True)
class Suggested:
    """What was suggested for a case, by which rules and from which facts: the part of a decision that nobody types.

    `level` is None where the case has no facts to reason from, or none that says anything of need. `consent_status` is as
    recorded, "" where it is not.
    `required` are those of the pathways that stand whatever the level: an emergency, and legal duties.
    """

    case: str
    as_of: str
    rule_set: str
    rule_set_version: str
    rule_set_digest: str
    facts_digest: str
    engine: str
    checked_by: str
    level: int | None
    pathways: tuple[str, ...] = ()
    urgency: str = ""
    consent_status: str = ""
    consent_override_reason: str = ""
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What a person in a role decided on a case, beside what was suggested, and why where the two differ.

    `at` is a UTC time to the second, such as 2026-04-15T09:30:00Z. `route` is the pathway decided that is compared with what
    was suggested: the first that is a route of a level and goes beyond advice and what every family may have, or else the
    first that is a route of a level; "" where there is none.
    """

    suggested: Suggested
    at: str
    role: str
    level: int
    pathways: tuple[str, ...]
    route: str
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the level is the one suggested, the route one of those suggested, and no emergency or duty is left out."""
        return self.level == self.suggested.level and self.route in self.suggested.pathways and not self.left_out

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was suggested whatever the level, and was not decided: an emergency, or legal duties."""
        return tuple(p for p in self.suggested.required if p not in self.pathways)

    @property
    def needs_override(self) -> bool:
        """Whether nobody has agreed to the route decided, and it is one that is usually taken by agreement."""
        return self.suggested.consent_status in NO_CONSENT and self.route != "" and self.route not in WITHOUT_CONSENT

    @property
    def differs(self) -> bool:
        """Whether something was suggested and the decision is not that."""
        return self.suggested.level is not None and not self.agrees

    @property
    def outcome(self) -> str:
        """The decision beside the suggestion, in a word or two: `agrees`, `differs` or `nothing suggested`."""
        return "agrees" if self.agrees else "differs" if self.differs else "nothing suggested"


@dataclass(frozen=True)
class Entry:
    """A decision in the record: its number, the hash of the entry before, its own hash, and the decision."""

    number: int
    previous: str
    hash: str
    decision: Decision


def decide(
    suggested: Suggested,
    known: Mapping[str, str],
    *,
    at: str,
    role: str,
    level: int,
    pathways: Sequence[str],
    reason: str = "",
    named: Mapping[str, str] = {},
) -> Decision:
    """A decision from what a person typed. Raises InputError with every mistake. `known` gives each pathway's route, and `named` the
    names of those that are to be called by them in what is said.
    """
    chosen = tuple(dict.fromkeys(pathways))
    routes = sorted((p for p in chosen if known.get(p) == "level"), key=WITHOUT_CONSENT.__contains__)
    route = next(iter(routes), "")
    required = tuple(p for p in suggested.pathways if known.get(p) in ("emergency", "duty"))
    suggested = replace(suggested, required=required, consent_override_reason=_lines(suggested.consent_override_reason))
    decision = Decision(suggested, at, role.strip(), level, chosen, route, _lines(reason).strip())
    unknown = [
        _mistake("--pathway", "unknown_pathway", f"unknown pathway `{p}`", did_you_mean(p, known) or f"expected one of {', '.join(known)}")
        for p in chosen
        if p not in known
    ]
    # Whether a reason is needed is not clear while a pathway is misspelt.
    found = [*unknown, *(m for m in mistakes(decision, named) if not unknown or m.code != "reason_needed")]
    if found:
        raise InputError(found)
    return decision


def _lines(text: str) -> str:
    """A text with its lines ended alike, wherever it was typed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def mistakes(decision: Decision, named: Mapping[str, str] = {}) -> list[Diagnostic]:
    """What keeps a decision from being recorded. `named` gives pathways names; without, their ids stand there."""
    found: list[Diagnostic] = []
    suggested = decision.suggested
    if not suggested.case.strip() or _unprintable(suggested.case) or len(suggested.case) > 200:
        found.append(_mistake("case", "case_id", "expected a case id of 1 to 200 characters, without line breaks"))
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", decision.at):
        found.append(_mistake("at", "time", f"`{decision.at}` is not a time in UTC, such as 2026-04-15T09:30:00Z"))
    if not isinstance(decision.level, int) or not 1 <= decision.level <= 4:
        found.append(_mistake("--level", "level", f"`{decision.level}` is not a level; expected 1, 2, 3 or 4"))
    if not decision.pathways:
        found.append(_mistake("--pathway", "pathway_needed", "no pathway; expected at least one"))
    for name in {*decision.pathways, *suggested.pathways, *suggested.required}:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", name):
            found.append(_mistake("--pathway", "pathway_id", f"`{shown(name)}` is not a pathway id, such as family_help_targeted"))
    role = decision.role
    if not 1 <= len(role) <= ROLE_LENGTH or not all(c.isalpha() or c in "_ -" for c in role) or not any(map(str.isalpha, role)):
        given = shown(role[:ROLE_LENGTH]) + ("…" if len(role) > ROLE_LENGTH else "")
        said = f"`{given}` is not a role; expected up to {ROLE_LENGTH} letters, spaces, hyphens or underscores"
        found.append(_mistake("--by", "role", said, "give the role of the person who decided, such as team_manager, and no name"))
    if len(decision.reason) > REASON_LENGTH:
        said = f"the reason has {len(decision.reason):,} characters; expected {REASON_LENGTH:,} at most"
        found.append(_mistake("--reason", "reason_length", said, "say why in a few sentences; the story belongs in the case file"))
    for option, text in (("--reason", decision.reason), ("--consent-override", suggested.consent_override_reason)):
        if _unprintable(text.replace("\n", "").replace("\t", "")):
            found.append(_mistake(option, "characters", "there are control characters in the text", "type it anew as plain text"))
    if len(suggested.consent_override_reason) > REASON_LENGTH:
        found.append(_mistake("--consent-override", "reason_length", f"expected {REASON_LENGTH:,} characters at most"))
    if not decision.reason.strip() and not decision.agrees:
        found.append(_mistake("--reason", "reason_needed", _why_a_reason(decision, named), 'give it with --reason "..."'))
    if decision.needs_override and not suggested.consent_override_reason.strip():
        help = 'give it with --consent-override "...", or record consent_override_reason in the case; it never changes the level'
        found.append(_mistake("--consent-override", "override_needed", _why_an_override(decision, named), help))
    return found


def _why_an_override(decision: Decision, named: Mapping[str, str]) -> str:
    status = decision.suggested.consent_status.replace("_", " ")
    said = f"consent is recorded as {status}, and {_named(decision.route, named)} goes beyond an advice conversation or universal services"
    return f"{said}: the reason for acting without it is needed"


def _why_a_reason(decision: Decision, named: Mapping[str, str]) -> str:
    level = decision.suggested.level
    suggested = ", ".join(_named(p, named, "") for p in decision.suggested.pathways)
    why = []
    if level is None:
        return "nothing was suggested for this case, so the reason for the decision is needed"
    if level != decision.level:
        why.append(f"level {level} was suggested and level {decision.level} decided")
    elif not decision.route:
        why.append(f"none of the pathways decided is the route of a level, and {suggested} was suggested")
    elif decision.route not in decision.suggested.pathways:
        why.append(f"{_named(decision.route, named)} is not among the pathways suggested ({suggested})")
    if decision.left_out:
        left = ", ".join(_named(p, named, "") for p in decision.left_out)
        why.append(f"suggested whatever the level and not among the pathways decided: {left}")
    return f"{'; '.join(why)}: a reason is needed where they differ"


def _named(pathway: str, named: Mapping[str, str], tick: str = "`") -> str:
    """A pathway by its name in quotation marks, or its id as it is typed."""
    return f"“{named[pathway]}”" if pathway in named else f"{tick}{pathway}{tick}"


def cautions(decision: Decision) -> list[Diagnostic]:
    """What in a decision looks as if it names somebody. Warnings only, and not every name is found."""
    drop = "an entry cannot be changed once it is recorded: leave out what tells who somebody is"
    year = int(decision.at[:4]) if decision.at[:4].isdigit() else 0
    found = [
        Diagnostic(option, 0, 0, "personal", said, "warning", "", drop)
        for option, text in (("--reason", decision.reason), ("--consent-override", decision.suggested.consent_override_reason))
        for said in personal_details(text, year)
    ]
    if not looks_like_a_role(decision.role):
        said = f"`{decision.role}` does not look like a role"
        found.append(Diagnostic("--by", 0, 0, "role_or_name", said, "warning", "", "give the role, such as team_manager, and no name"))
    if re.search(r"[A-Z][^\W\d_]+\s+[A-Z][^\W\d_]+", decision.suggested.case):
        said = f"the case id `{shown(decision.suggested.case)}` looks like a name"
        found.append(Diagnostic("case", 0, 0, "case_or_name", said, "warning", "", "use a case id that names nobody"))
    return found


def facts_digest(facts: Iterable[Fact]) -> str:
    """The SHA-256 of recorded facts, the same in whatever order, on whatever line and in whichever step of a case they stand."""
    rows = sorted(canonical({k: v for k, v in asdict(fact).items() if k not in ("line", "told")}) for fact in facts)
    return sha256("\n".join(rows))


# ---------------------------------------------------------------------------------------------------- as text

FIELDS: dict[str, type] = {
    "number": int,
    "previous": str,
    "at": str,
    "case": str,
    "as_of": str,
    "role": str,
    "suggested_level": int,
    "suggested_pathways": list,
    "suggested_required": list,
    "suggested_urgency": str,
    "decided_level": int,
    "decided_pathways": list,
    "decided_route": str,
    "reason": str,
    "consent_status": str,
    "consent_override_reason": str,
    "rule_set": str,
    "rule_set_version": str,
    "rule_set_digest": str,
    "facts_digest": str,
    "engine": str,
    "checked_by": str,
}
"""What an entry holds, by name, and of which type; all of it is covered by the entry's hash."""


def written(number: int, previous: str, decision: Decision) -> dict[str, Any]:
    """An entry's content as plain values, in the order of FIELDS."""
    s = decision.suggested
    return {
        "number": number,
        "previous": previous,
        "at": decision.at,
        "case": s.case,
        "as_of": s.as_of,
        "role": decision.role,
        "suggested_level": s.level,
        "suggested_pathways": list(s.pathways),
        "suggested_required": list(s.required),
        "suggested_urgency": s.urgency,
        "decided_level": decision.level,
        "decided_pathways": list(decision.pathways),
        "decided_route": decision.route,
        "reason": decision.reason,
        "consent_status": s.consent_status,
        "consent_override_reason": s.consent_override_reason,
        "rule_set": s.rule_set,
        "rule_set_version": s.rule_set_version,
        "rule_set_digest": s.rule_set_digest,
        "facts_digest": s.facts_digest,
        "engine": s.engine,
        "checked_by": s.checked_by,
    }


def read(content: Any, hash: str) -> Entry | None:
    """The entry that a text holds; None where it is not exactly as an entry is written."""
    try:
        found = json.loads(content)
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or set(found) != set(FIELDS) or canonical(found) != content:
        return None
    for name, type_ in FIELDS.items():
        value = found[name]
        if type(value) is not type_ and not (name == "suggested_level" and value is None):
            return None
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            return None
    suggested = Suggested(
        found["case"],
        found["as_of"],
        found["rule_set"],
        found["rule_set_version"],
        found["rule_set_digest"],
        found["facts_digest"],
        found["engine"],
        found["checked_by"],
        found["suggested_level"],
        tuple(found["suggested_pathways"]),
        found["suggested_urgency"],
        found["consent_status"],
        found["consent_override_reason"],
        tuple(found["suggested_required"]),
    )
    route, pathways = found["decided_route"], tuple(found["decided_pathways"])
    decision = Decision(suggested, found["at"], found["role"], found["decided_level"], pathways, route, found["reason"])
    return Entry(found["number"], found["previous"], hash, decision)


def canonical(value: Mapping[str, Any]) -> str:
    """A mapping as JSON that is always written the same: sorted keys, no spaces, no escapes that UTF-8 does not need."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def sha256(text: str) -> str:
    """The SHA-256 of a text as UTF-8. What is not text, from a damaged file, has a hash too, which no sound text has."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def shown(text: str) -> str:
    """A text that is safe to print: characters that steer a terminal or turn the reading direction become a mark."""
    return "".join(c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Cf", "Zl", "Zp") else "\ufffd" for c in text)


def _unprintable(text: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cs") for c in text)


def _mistake(option: str, code: str, message: str, help: str = "") -> Diagnostic:
    return Diagnostic(option, 0, 0, code, message, "error", "", help)
