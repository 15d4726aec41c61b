"""Decisions in words: one as sentences, the record as rows, and whether it is as it was written. For the terminal and the pages.

A record may have been written anew by somebody, so nothing in it is believed: what steers a terminal becomes a mark, and a time that
is none is shown as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rrt_engine.calendar import NO_INSTANT, parse_moment
from rrt_engine.decision import Entry, shown
from rrt_engine.decisions import Verified
from rrt_engine.model import plural
from rrt_engine.words import listed, short_day_words, time_words, uk_time

HEADINGS = ("", "when (UK time)", "case", "role", "suggested -> decided", "", "consent")
"""The columns of `row_words`."""
EXPORT_ENDS = "Entries left out at the end of an export show only against the hash of the record's last: --expect HASH"


def sentences(entry: Entry, named: Mapping[str, str] = {}) -> list[str]:
    """A decision as sentences: the tool suggested, a person decided. `named` gives pathways names; without, their ids stand there."""
    d, s = entry.decision, entry.decision.suggested
    lines = []
    if s.level is None:
        why = "; no recorded fact said anything of need" if s.checked_by else ""  # else there was nothing to suggest from, or by
        lines.append(f"Case {shown(s.case)}, as at {as_at(s.as_of)}: no level was suggested{why}.")
        if s.required:
            lines.append(f"Suggested whatever the level: {_all(s.required, named)}.")
    else:
        urgency = f" ({plain(s.urgency)})" if s.urgency else ""
        lines.append(f"Case {shown(s.case)}, as at {as_at(s.as_of)}: the tool suggested {_level(s.level, s.pathways, named)}{urgency}.")
    lines.append(f"A person in the role of {plain(d.role)} decided {_level(d.level, d.pathways, named)} on {when(d.at)}.")
    left = [p for p in s.pathways if p not in (*d.pathways, *d.left_out)]
    if d.agrees:
        lines.append("The decision agrees with what was suggested.")
    elif d.differs:
        lines.append("The decision differs from what was suggested.")
    if d.left_out:
        lines.append(f"Suggested whatever the level and not among the pathways decided: {_all(d.left_out, named)}.")
    if left and s.level is not None:
        lines.append(f"Suggested and not among the pathways decided: {_all(left, named)}.")
    lines.append(f"Reason: {shown(d.reason)}" if d.reason else "No reason was given.")
    consent = f"Consent: {plain(s.consent_status)}." if s.consent_status else "Consent: not recorded."
    if s.consent_override_reason:
        consent += f" Acting without it: {plain(s.consent_override_reason)}."
    return [*lines, consent]


def origin(entry: Entry) -> list[str]:
    """What a decision rests on, and where it stands in the chain."""
    s = entry.decision.suggested
    return [
        f"Rule set: {shown(s.rule_set)} {shown(s.rule_set_version)}, digest {shown(s.rule_set_digest)}",
        f"Facts: digest {shown(s.facts_digest)}",
        f"Engine: rrt {shown(s.engine)}; {shown(s.checked_by)}",
        f"Hash of the entry before: {entry.previous}",
        f"Hash: {entry.hash}",
    ]


def recorded(entry: Entry, record: object) -> list[str]:
    """Where a decision stands now, and the hash to note so that the record can be checked later."""
    return [f"Recorded as entry {entry.number} of {record}.", f"Hash, to note elsewhere: {entry.hash}"]


def row_words(entry: Entry, named: Mapping[str, str] = {}) -> tuple[str, ...]:
    """A decision as a row: number, when, case, role, suggested and decided, outcome, consent. `named` gives pathways names."""
    d, s = entry.decision, entry.decision.suggested
    try:
        moment = f"{uk_time(int(datetime.fromisoformat(d.at).timestamp())):%Y-%m-%d %H:%M}"
    except ValueError:
        moment = shown(d.at)
    first = next((p for p in s.pathways if p not in s.required), next(iter(s.pathways), ""))
    suggested = _in_short(s.level, first, named) if s.level is not None else "nothing"
    decided = _in_short(d.level, d.route or next(iter(d.pathways), ""), named)
    if d.left_out:
        decided += f" without {', '.join(named.get(p, p) for p in d.left_out)}"
    consent = plain(s.consent_status) if s.consent_status else "not recorded"
    cells = (str(entry.number), moment, s.case, d.role, f"{suggested} -> {decided}", d.outcome, consent)
    return tuple(shown(cell).replace("\n", " ") for cell in cells)


def _in_short(level: int, pathway: str, named: Mapping[str, str]) -> str:
    return f"level {level}, {named[pathway]}" if pathway in named else f"{level} {pathway}".strip()


def counted(found: Sequence[Entry]) -> str:
    """How many decisions, and how many of them differ from what was suggested."""
    against = sum(e.decision.differs for e in found)
    return f"{plural(len(found), 'decision')}; {against:,} of them {'differs' if against == 1 else 'differ'} from what was suggested"


def no_entry(number: object, count: int) -> str:
    """There is no entry with a number."""
    return f"there is no entry {number}; the record holds {count:,}"


def verified_words(found: Verified, path: object) -> list[str]:
    """Whether a record, or an export, is as it was written: every problem, then what it holds."""
    lines = [shown(problem.text()) for problem in found.problems]
    held = plural(found.count, "entry", "entries")
    if found.problems:
        lines.append(f"{path}: {held}; {plural(len(found.problems), 'problem')}: this is not as it was written")
    else:
        lines.append(f"{path}: {held}, each following the one before; none was changed, removed or moved")
        if found.noted_at is not None:
            later = found.count - found.noted_at
            lines.append(
                f"the hash noted elsewhere is that of entry {found.noted_at}; {later:,} {'was' if later == 1 else 'were'} added since"
            )
    return [*lines, *([f"hash of the last: {found.hash}"] if found.count else [])]


def when(at: str) -> str:
    """A time of the record in words; as it stands where it is none."""
    try:
        return time_words(int(datetime.fromisoformat(at).timestamp()))
    except ValueError:
        return shown(at)


def as_at(as_of: str) -> str:
    """The day that a suggestion was made as at, in words, with its time where it has one; as it stands where it is none."""
    try:
        moment = parse_moment(as_of)
    except ValueError:
        return shown(as_of)
    return short_day_words(moment.day) if moment.instant == NO_INSTANT else time_words(moment.instant)


def plain(word: str) -> str:
    """A word of the vocabulary as it is read."""
    return shown(word).replace("_", " ")


def _level(level: int, pathways: Sequence[str], named: Mapping[str, str]) -> str:
    return f"level {level}, by {_all(pathways, named)}" if pathways else f"level {level}"


def _all(pathways: Sequence[str], named: Mapping[str, str]) -> str:
    """Pathways in a sentence. A name may hold a comma, so names stand in quotation marks; ids as they are, to be typed again."""
    return listed([f"“{named[p]}”" if p in named else shown(p) for p in pathways])
