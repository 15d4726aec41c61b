"""What moved between two runs, in words: kinds, causes, the parts of a rule that differ, and one duty before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rrt_engine.model import plural
from rrt_engine.replay.comparing import Counts
from rrt_engine.replay.moves import KINDS
from rrt_engine.replay.rule_differences import RuleDifference, RuleDifferences
from rrt_engine.reports.text import BECAUSE_WORDS
from rrt_engine.words import STATUS_WORDS, listed, within_sentence

KIND_WORDS = {
    "newly_overdue": "newly overdue",
    "newly_late": "newly late or too early, or missed and ended since",
    "resolved": "resolved: answered or ended",
    "eased": "no longer overdue or late, though not answered",
    "new": "new, and not overdue or late",
    "gone": "gone",
    "changed": "changed otherwise",
    "redated": "same status, another date or answer",
}
WHAT_IF_WORDS = {
    "newly_overdue": "would be overdue, and are not",
    "newly_late": "would be late or too early, or missed and ended since, and are not",
    "resolved": "would be in time or ended, and are overdue, late or too early",
    "eased": "would be neither overdue nor late, though not answered, and are",
    "new": "would be duties, neither overdue nor late, and are not there",
    "gone": "would be no duties",
    "changed": "would be judged otherwise",
    "redated": "would have the same status, with another date or answer",
}
FACTOR_WORDS = {
    "data": "the records",
    "time": "the date",
    "rule": "the rules",
    "parameter": "the local values",
}
# Statuses as the table of rules shows them, those alike together.
COLUMNS = (
    ("Overdue", ("overdue",)),
    ("Missed, ended since", ("missed",)),
    ("Late or early", ("late", "early")),
    ("Due", ("due", "due_soon")),
    ("On time", ("met",)),
    ("Ended", ("ended",)),
    ("Cannot tell", ("cannot_tell",)),
)


def cause_words(because: str) -> str:
    """A cause in words.

    >>> cause_words("data and time"), cause_words("rule or time"), cause_words("cp_visit.interval")
    ('the records and the date together', 'the rules or the date, either alone', 'cp_visit.interval')
    """
    if not because:
        return "cause not known"
    either = [listed([FACTOR_WORDS.get(name, name) for name in one.split(" and ")]) for one in because.split(" or ")]
    together = " together" if " and " in because else ""
    if len(either) == 1:
        return f"{either[0]}{together}"
    return f"{' or '.join(either)}{together or ', either alone'}"


def share(basis: str, counts: Mapping[str, int]) -> tuple[int, int]:
    """How many were on time, of how many that can be judged: as the per-rule table of a replay counts them."""
    if basis == "count":
        return 0, 0
    if basis == "now":
        running = counts.get("due", 0) + counts.get("due_soon", 0)
        return running, running + counts.get("overdue", 0)
    met = counts.get("met", 0)
    return met, met + sum(counts.get(status, 0) for status in ("late", "early", "overdue", "missed"))


def shares_words(basis: str, counts: Counts) -> str:
    """The share on time on both sides, of how many that can be judged; a dash where none can.

    >>> from collections import Counter
    >>> met = Counts(Counter(met=11, late=4), Counter(met=12, late=3))
    >>> shares_words("history", met), shares_words("history", Counts(Counter(), Counter(met=2)))
    ('73.3% → 80.0% of 15', '– → 100.0% of 2')
    """
    (met, judged), (met_after, judged_after) = share(basis, counts.before), share(basis, counts.after)
    before, after = (f"{100 * n / of:.1f}%" if of else "–" for n, of in ((met, judged), (met_after, judged_after)))
    if judged == judged_after:
        return f"{from_to(before, after)} of {judged:,}" if judged else "–"
    return " → ".join(f"{said} of {of:,}" if of else said for said, of in ((before, judged), (after, judged_after)))


def from_to(before: str, after: str) -> str:
    """Two figures, or one where they are the same.

    >>> from_to("12", "9"), from_to("12", "12")
    ('12 → 9', '12')
    """
    return before if before == after else f"{before} → {after}"


def counts_words(counts: Counts, statuses: Sequence[str]) -> str:
    """How many duties had some statuses, before and after."""
    return from_to(*(f"{sum(side[s] for s in statuses):,}" for side in (counts.before, counts.after)))


def rule_words(differences: RuleDifferences) -> list[str]:
    """Everything that differs between two rule sets, a line each."""
    said = [_rule_line(each) for each in differences.rules]
    said += [f"{each.name}, {each.part}: {_both(each)}" for each in differences.shared]
    return said + [f"local value {each.name}: {_both(each)}" for each in differences.values]


def _rule_line(each: RuleDifference) -> str:
    if each.part:
        return f"{each.name}, {each.part}: {_both(each)}"
    return f"{each.name}: {'a new rule' if each.after else 'no longer there'}"


def _both(each: RuleDifference) -> str:
    return " → ".join(f"`{text}`" if text else "nothing" for text in where_they_differ(each.before, each.after))


def where_they_differ(before: str, after: str) -> tuple[str, str]:
    """Two texts; of long ones the part that differs, with a little on either side.

    >>> where_they_differ("4 weeks", "6 weeks")
    ('4 weeks', '6 weeks')
    >>> where_they_differ("x" * 90 + "one" + "y" * 90, "x" * 90 + "two" + "y" * 90)
    ('…xxxxxxxxxxxxoneyyyyyyyyyyyy…', '…xxxxxxxxxxxxtwoyyyyyyyyyyyy…')
    """
    if max(len(before), len(after)) <= _LONG:
        return before, after
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    most = min(len(before), len(after)) - same
    ends = next((i for i in range(most) if before[-1 - i] != after[-1 - i]), most)
    first = max(same - 12, 0)
    return _cut(before, first, len(before) - ends + 12), _cut(after, first, len(after) - ends + 12)


def _cut(text: str, first: int, last: int) -> str:
    last = min(last, first + _LONG + 24, len(text))
    return f"{'…' if first else ''}{text[first:last]}{'…' if last < len(text) else ''}"


_LONG = 70


def day_text(value: Any) -> str:
    """A date or time as recorded, in words without the day of the week.

    >>> day_text("2026-04-10"), day_text("2026-04-10T09:30"), day_text(None)
    ('10 April 2026', '10 April 2026 at 09:30', '')
    """
    if value is None:
        return ""
    if isinstance(value, date):
        return f"{value.day} {value:%B %Y}"
    text = str(value)
    day = date.fromisoformat(text[:10])
    return f"{day.day} {day:%B %Y}{f' at {text[11:16]}' if len(text) > 10 else ''}"


def late_days(days: int, after: str = "late") -> str:
    """How late in calendar days, which a rule counted in working days counts otherwise.

    >>> late_days(0), late_days(3), late_days(1, "after it was due")
    ('less than a day late', '3 calendar days late', '1 calendar day after it was due')
    """
    return f"{plural(days, 'calendar day') if days else 'less than a day'} {after}"


def side_words(move: Mapping[str, Any], side: str) -> str:
    """What was said of one duty, before or after."""
    status = move[f"{side}_status"]
    if status is None:
        return "no such duty"
    words = STATUS_WORDS[status].lower()
    due = day_text(move[f"{side}_due_at"] or move[f"{side}_due"])
    if status == "overdue" and move[f"{side}_ended_at"] is not None:
        return f"missed, due {due}, and ended since, {day_text(move[f'{side}_ended_at'])}"
    parts = [f"{words}{f', due {due}' if due and status != 'ended' else ''}"]
    if move[f"{side}_days_late"] is not None:
        parts.append(late_days(move[f"{side}_days_late"]))
    if move[f"{side}_answer_at"] is not None and status != "cannot_tell":
        parts.append(f"answered {day_text(move[f'{side}_answer_at'])}")
    if move[f"{side}_ended_at"] is not None:
        parts.append(f"ended {day_text(move[f'{side}_ended_at'])}")
    if move[f"{side}_cannot_tell_because"] is not None:
        parts.append(BECAUSE_WORDS[move[f"{side}_cannot_tell_because"]])
    return ", ".join(parts)


def move_words(move: Mapping[str, Any]) -> tuple[str, str]:
    """One duty that moved: whose and what it is, and what was said of it before and after."""
    what, sides = duty_words(move)
    return f"{move['case']}: {what}", sides


def duty_words(move: Mapping[str, Any]) -> tuple[str, str]:
    """One duty that moved: what it is, and what was said of it before and after."""
    began = f"{str(move['trigger_event']).replace('_', ' ')} {day_text(move['trigger_at'])}"
    if move["corrected"]:
        was = day_text(move["before_trigger_at"])
        began += f" (before: {was})" if was != day_text(move["trigger_at"]) else " (put right)"
    return f"{within_sentence(move['title'])}, from {began}", f"{side_words(move, 'before')} → {side_words(move, 'after')}"


assert set(KIND_WORDS) == set(WHAT_IF_WORDS) == set(KINDS)
