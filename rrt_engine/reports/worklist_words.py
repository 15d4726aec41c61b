"""The worklist in words, for a terminal, a file and a page: how much there is, what is not on it, and each line."""

from __future__ import annotations

from rrt_engine import __version__
from rrt_engine.model import plural
from rrt_engine.replay.worklist import NO_WORKER, Item, Worklist
from rrt_engine.reports.documents import REMINDER
from rrt_engine.reports.source_words import KEPT_APART, reach_words
from rrt_engine.words import AUTHORITY_WORDS, MARK_WORDS, as_of_text, as_of_words, day_words, listed, short_day_words

MARKS = {
    "instrument": "",
    "secondary": "number from a secondary source",
    "recalled": "number recalled, not checked",
    "local value needed": "common value, local one needed",
}
_FEW = 3


def totals(found: Worklist) -> str:
    """The list in a sentence: every line of it is counted here once."""
    near, later = found.due_by(True), found.due_by(False)
    parts = [f"{len(found.overdue):,} overdue now", f"{near:,} due {until_words(found)}"]
    if later:
        parts.append(f"{later:,} due soon after that")
    lines = len(found.overdue) + len(found.due)
    children = plural(found.children(), "child", "children")
    return f"{listed(parts)}: {many(lines, 'line')} about {children}. {many(len(found.unclear), 'more')} cannot be told."


def until_words(found: Worklist) -> str:
    """Up to when the list looks ahead."""
    if not found.days:
        return "today"
    return f"in the next {plural(found.days, 'working day')} (to {day_words(found.last_day)})"


def headings(found: Worklist) -> dict[str, str]:
    """What stands over each part of the list: the parts of `Worklist.by_when`."""
    last = day_words(found.last_day)
    return {
        "overdue": "Overdue, longest first",
        "today": f"Due today, {day_words(found.as_of.day)}",
        "next": f"Due after today, to {last}",
        "later": f"Due soon after {last}",
        "cannot_tell": "Cannot tell whether these are done",
    }


def count_words(found: Worklist) -> dict[str, str]:
    """What a count of each part is of, to stand after the number."""
    after = f"due after today, to {short_day_words(found.last_day)}"
    return {"overdue": "overdue", "today": "due today", "next": after, "later": "due soon after that", "cannot_tell": "cannot be told"}


def left_out(found: Worklist) -> list[str]:
    """What is not on the list and why, and what to be careful of: a sentence each."""
    said = []
    if found.not_done:
        one = found.not_done == 1
        said.append(
            f"{many(found.not_done, 'time limit')} {'was' if one else 'were'} missed and {'has' if one else 'have'} ended since "
            "(a case closed, a plan ended): nothing is left to do, so not on this list. rrt replay counts them."
        )
    if found.elsewhere:
        said.append(f"{many(found.elsewhere, 'line')} that {'was' if found.elsewhere == 1 else 'were'} not asked for {asked_words(found)}.")
    for rule, n in found.unanswered.items():
        title = found.book.named(rule)[-1].spec.title
        said.append(
            f"Check: {many(n, 'line')} of `{rule}` ({title}) may be done already, because a source holds no event that would say so."
        )
    if after := found.after_death():
        said.append(
            f"Check: {many(after, 'line')} began after the recorded death of the child. News of a death may itself be a referral: "
            "check these dates before acting on them."
        )
    if apart := found.kept_apart():
        ids = listed([f"`{each.child}`" for each in apart[:_FEW]] + ([f"{len(apart) - _FEW:,} more"] if len(apart) > _FEW else []))
        said.append(
            f"Check: {plural(len(apart), 'id')} may stand for more than one child ({ids}): {KEPT_APART}, so the records of each date are "
            "listed apart, and what one has as not done may be done in another. Check which date of birth is right."
        )
    latest = found.latest_only()
    if latest:
        said.append(
            f"{listed(latest)} {'holds' if len(latest) == 1 else 'hold'} only the latest dates of some things: for those this says what is "
            "overdue now, and nothing of how often it was on time."
        )
    return said


def asked_words(found: Worklist) -> str:
    """What was asked for, in brackets."""
    choice = found.choice
    named = (("team", choice.teams), ("worker", choice.workers), ("service", choice.services), ("authority", choice.authorities))
    return f"({'; '.join(f'{name}: {listed(sorted(values))}' for name, values in named if values)})"


def facts_of(item: Item) -> list[str]:
    """What stands under a line: where the limit comes from, how sure it is, who has it and where the record is."""
    worker = "" if item.worker == NO_WORKER else f"worker {item.worker}"
    provisional = "provisional: bank holidays not yet announced" if item.provisional else ""
    place = f"{item.source}{f' row {item.row}' if item.row else ''}"
    parts = [AUTHORITY_WORDS[item.authority], MARKS[item.verified], provisional, worker, item.rule, place]
    return [part for part in parts if part]


def sure_words(item: Item) -> str:
    """How sure the number and the date are: how the number was checked, and whether the date may still move."""
    checked = MARKS[item.verified] or "number seen in the document itself"
    return f"{checked}; provisional: bank holidays not yet announced" if item.provisional else checked


def row_words(item: Item) -> dict[str, str]:
    """A line as the columns of a page."""
    return {
        "case": item.case,
        "what": item.what,
        "due": item.due,
        "how": item.how,
        "since": item.since,
        "check": item.check,
        "worker": "" if item.worker == NO_WORKER else item.worker,
        "authority": AUTHORITY_WORDS[item.authority],
        "sure": sure_words(item),
        "next_step": item.next_step,
        "place": f"{item.source}{f', row {item.row}' if item.row else ''}",
    }


def missing_in_short(item: Item) -> str:
    """What is missing, without the day, so that lines that miss the same thing stand together."""
    return f"{item.missing_in_short}; {item.check}" if item.check else item.missing_in_short


def unclear_words(item: Item) -> str:
    """What is missing of a line that cannot be told, and what to check of its dates."""
    return f"{item.missing}; {item.check}" if item.check else item.missing


def since_words(item: Item) -> str:
    """Since when, and what to check of that date."""
    return f"{item.since}; {item.check}" if item.check else item.since


def _annex_a(found: Worklist) -> bool:
    """Whether any source is an Annex A list."""
    return any(source.reading.format == "annex_a" for source in found.replay.read)


def about(found: Worklist) -> list[tuple[str, str]]:
    """What the list is, how it was made and what to be careful of, for its last sheet or its foot."""
    sources = [source.path for source in found.replay.read]
    named = ", ".join(sources[:20]) + (f" and {len(sources) - 20:,} more" if len(sources) > 20 else "")
    notes = [*reach_words(found.replay), *left_out(found)]
    asked = [("Only what was asked for", asked_words(found).strip("()"))] if not found.choice.everything else []
    return [
        ("As at", as_of_words(found.as_of)),
        ("On the list", totals(found)),
        *asked,
        ("Sources", named),
        *((("Take care" if i == 0 else ""), note) for i, note in enumerate(notes)),
        *how_made(found),
        ("Rule set", f"{found.book.title}, {found.book.version}, digest {found.book.digest}; rrt {__version__}"),
        ("As-of date, for programs", as_of_text(found.as_of)),
        ("Who decides", REMINDER),
    ]


def how_made(found: Worklist) -> list[tuple[str, str]]:
    """How the list is made: what is not on it, whose a child is, how sure the numbers are, and how days are counted."""
    return [
        ("Late but done", "What was done late is not on a worklist: rrt replay counts it."),
        ("Team and worker", "The latest recorded for the child on or before the date, from any event. A worker is the code in the source."),
        *([("", "Annex A gives teams only: its workers are named, and names are never read.")] if _annex_a(found) else []),
        ("How it was checked", "; ".join(f"{mark}: {words}" for mark, words in MARK_WORDS.items())),
        (
            "Working days",
            f"Weekends and England's bank holidays are not counted; announced to {day_words(found.book.calendar.announced_to)}.",
        ),
    ]


def many(n: int, one: str) -> str:
    """A count with its noun, with commas in thousands."""
    return f"{n:,} {one}" if n == 1 or one == "more" else f"{n:,} {one}s"
