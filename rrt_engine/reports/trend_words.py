"""What must be said of a trend, in words: how each month end is read, and what the sources do not say. One place, for every output."""

from __future__ import annotations

from rrt_engine.model import plural
from rrt_engine.replay.run import RuleLine
from rrt_engine.replay.trend import Month, Recorded, Trend
from rrt_engine.words import listed, short_day_words

BASIS_WORDS = {
    "history": "how it went",
    "now": "how things stand now: the source holds only latest dates, so it says nothing of former months",
    "count": "a pattern without a time limit",
}
LIMITS = (
    "What an event says (its date, outcome, team) is what the source says now: a log keeps no former values, and an event that was deleted "
    "since is in no month. Rules and bank holidays are those of the rule set in use."
)
IN_MONTH = "Of the duties that fell due in the month, the share that was done on time, as it was known when the month ended."
SO_FAR = "Of all duties that had started by the month end and could be judged, the share that was on time: what a replay on that day says."


def month_words(month: Month) -> str:
    """`Apr 2026`."""
    _, name, year = short_day_words(month.last).split()
    return f"{name[:3]} {year}"


def share_words(line: RuleLine | None) -> str:
    """A share with its denominator: `83% of 12`; the count of a pattern; a dash where there is nothing."""
    if line is None:
        return "–"
    if line.basis == "count":
        return f"{line.started:,}"
    return "–" if line.share is None else f"{_percent(line)} of {line.judged:,}"


def overdue_now(line: RuleLine) -> int:
    """What is overdue at the month end: not what was missed and had ended by it."""
    return line.statuses["overdue"] - line.ended_since


def ended_words(found: Trend) -> str:
    """What must be said of duties that were missed and had ended by the last month end; "" where there are none."""
    n = sum(line.points[-1].so_far.ended_since for line in found.lines if line.points[-1].so_far)
    if not n:
        return ""
    was, are = ("was", "has") if n == 1 else ("were", "have")
    held = "it" if n == 1 else "they"
    return (
        f"{plural(n, 'duty', 'duties')} {was} missed and {are} ended since, by the end of {month_words(found.months[-1])}: "
        f"{held} {'is' if n == 1 else 'are'} not counted as overdue, and {'stays' if n == 1 else 'stay'} in the shares of what was due."
    )


def _percent(line: RuleLine) -> str:
    """A share in whole per cent; never 100 where something was not on time, nor 0 where something was."""
    whole = round(100 * line.on_time / line.judged)
    if whole == 100 and line.on_time < line.judged:
        return ">99%"
    if whole == 0 and line.on_time:
        return "<1%"
    return f"{whole}%"


def reading_words(found: Trend) -> list[str]:
    """How far each month end is as it was known then, and what cannot be known."""
    said = []
    silent = [s for s in found.sources if s.events and s.unsaid == s.events]
    partly = [s for s in found.sources if 0 < s.unsaid < s.events]
    wholly = [s for s in found.sources if s.events and not s.unsaid]
    if not partly and not wholly:
        said.append(
            f"{_names(silent)} not say when events were recorded. Each month is as it had happened by its end, as recorded now: "
            "what was recorded late is in it, and was not known then."
        )
    else:
        said.append("Each month end as it was known then: only what had been recorded by it.")
        if wholly and not partly and not silent:
            said.append("Every event says when it was recorded.")
        said.extend(f"{s.name}: {_share_unsaid(s)}; they count from the day they happened." for s in (*partly, *silent))
    for s in found.sources:
        if s.rejected:
            verb = "is" if s.rejected == 1 else "are"
            said.append(f"{s.name}: {plural(s.rejected, 'record')} could not be used and {verb} in no month; `rrt replay` says why.")
    if found.beyond:
        last = short_day_words(max(s.last for s in found.sources))
        after = listed([month_words(m) for m in found.beyond])
        said.append(f"The last thing in the sources is of {last}. After it ({after}) what was not done may only be not recorded yet.")
    if any(line.basis == "now" for line in found.lines):
        said.append("Where a source holds only latest dates, it says how things stand at the last month end, and nothing of those before.")
    return said


def _names(sources: list[Recorded]) -> str:
    """The first sources by name, with the verb that follows."""
    if not sources:
        return "The sources do"
    names = [s.name for s in sources[:5]] + ([f"{len(sources) - 5} more"] if len(sources) > 5 else [])
    return f"{listed(names)} {'does' if len(sources) == 1 else 'do'}"


def _share_unsaid(source: Recorded) -> str:
    verb = "does" if source.unsaid == 1 else "do"
    of = f"{source.unsaid:,} of {plural(source.events, 'event')}"
    return (
        f"{of} ({100 * source.unsaid / source.events:.1f}%) {verb} not say when {'it was' if source.unsaid == 1 else 'they were'} recorded"
    )
