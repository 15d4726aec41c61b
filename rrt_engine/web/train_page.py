"""Train: a case in steps; say what you think first, then see what was suggested, and at the end what the author thought.

Where a learner stands is held by the page itself, in hidden fields, and nowhere else. A suggestion is worked out only for a stage
that the form commits to, and what comes later is told only once every stage before it has a commit; so a page never holds what was
not committed to. What a page cannot do is remember: somebody who goes back in the browser, or writes the form by hand, can say
something else after having seen. There is no score to win by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrt_engine.model import Author, Reason
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.case_file import Case
from rrt_engine.training import (
    COMMIT_FIRST,
    ONE_VIEW,
    Commit,
    Reveal,
    Session,
    Words,
    author_lines,
    main_reasons,
    sections,
    stages,
)
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import Asked, Missing, Page, Shown, Wrong

LONGEST = 1_000
"""The most characters of a reason: a paragraph, not a report."""


@dataclass(frozen=True)
class Draft:
    """What stands in the fields of one stage, as typed."""

    level: str
    route: str
    because: str


@dataclass(frozen=True)
class Unfolded:
    """What is shown of a stage after the commit: what is suggested, how the commit stands to it, what is behind it, what it rests on."""

    suggested: str
    comparison: tuple[str, ...]
    sections: Sequence[tuple[str, Sequence[str]]]
    rests_on: Sequence[Reason]


@dataclass(frozen=True)
class View:
    """The author's view: in words, why, what to learn, and how the last commit stands to it."""

    said: str
    because: str
    learn: str
    comparison: tuple[str, ...]


def choose(desk: Desk, asked: Asked) -> Shown:
    """The cases to train with, and the rooms that are open."""
    offered = [(case, stages(case, desk.today.day)) for case in desk.training().values()]
    return Page("train.html.j2", "Train", {"offered": offered, "rooms": desk.rooms.all(), "commit_first": COMMIT_FIRST})


def step(desk: Desk, asked: Asked) -> Shown:
    """One stage of a case, to commit to or to look at; or the end of it, once every stage has a commit."""
    session, drafts = _begun(desk, asked)
    at, do = _at(session, asked), asked.one("do") if asked.sent else ""
    wrong: list[Wrong] = []
    if do in ("reveal", "next", "end") and at not in session.commits:
        wrong = _commit(session, at, drafts[at], desk.thresholds)
    if do == "reveal" and not wrong:
        session.reveal(at)
    elif do == "change" and not session.is_revealed(at):
        session.commits.pop(at, None)
    elif do == "back" or (do == "next" and not wrong):
        at += 1 if do == "next" else -1
    if do == "end" and session.is_complete():
        return _end(desk, session, drafts)
    return _stage(desk, session, drafts, _reachable(session, at), wrong)


def handout(desk: Desk, asked: Asked) -> Shown:
    """A page to print: the case without answers, or with them where the form commits to every stage."""
    session, _ = _begun(desk, asked)
    words = Words(desk.thresholds)
    complete = session.is_complete()
    shown = {
        "nav": "train",
        "case": session.case,
        "stages": session.stages,
        "unfolded": _unfold_all(session, words) if complete else {},
        "author": author_view(session.author(), words) if complete else None,
        "one_view": ONE_VIEW,
        "thresholds": desk.thresholds,
    }
    return Page("train/handout.html.j2", "Handout", shown)


def training_case(desk: Desk, asked: Asked) -> Case:
    """The case that an address names. Raises Missing where there is none."""
    case = desk.training().get(asked.path["case"])
    if case is None:
        raise Missing("No case to train with has that id.")
    return case


def unfold(reveal: Reveal, before: Reveal | None, words: Words) -> Unfolded:
    """What is shown of a stage once it may be, in the words of `rrt train`."""
    return Unfolded(
        words.suggestion(reveal.suggestion), reveal.comparison, sections(reveal, before, words), main_reasons(reveal.suggestion)
    )


def author_view(author: Author | None, words: Words, comparison: tuple[str, ...] = ()) -> View | None:
    """The author's view in words; None where the case gives none."""
    if author is None:
        return None
    return View(words.author(author), author.because.strip(), author.learn.strip(), comparison)


# ---------------------------------------------------------------------------------------------------- where a learner stands


def _begun(desk: Desk, asked: Asked) -> tuple[Session, dict[int, Draft]]:
    """The session that a form describes: its commits, as far as they go without a gap, and which of them have been seen."""
    case = training_case(desk, asked)
    session = Session(case, desk.suggests(case), stages(case, desk.today.day), desk.thresholds.significant)
    if not asked.sent:
        return session, {stage.number: Draft("", "", "") for stage in session.stages}
    drafts = {stage.number: _draft(asked, stage.number) for stage in session.stages}
    committed, seen = set(asked.all("committed")), set(asked.all("seen"))
    for number, draft in drafts.items():
        if str(number) not in committed or _commit(session, number, draft, desk.thresholds):
            break
        if str(number) in seen:
            session.reveal(number)
    return session, drafts


def _draft(asked: Asked, number: int) -> Draft:
    level, route, because = (asked.one(f"{name}-{number}").strip() for name in ("level", "route", "because"))
    return Draft(level, route, because.replace("\r\n", "\n"))


def _commit(session: Session, number: int, draft: Draft, book: ThresholdBook) -> list[Wrong]:
    """Commit to what stands in the fields of a stage; or what is wrong with them."""
    wrong = []
    if draft.level not in ("1", "2", "3", "4"):
        wrong.append(Wrong(f"level-{number}", "Choose the level you see, 1 to 4"))
    if draft.route and draft.route not in book.pathways:
        wrong.append(Wrong(f"route-{number}", "Choose a route from the list, or none"))
    if len(draft.because) > LONGEST:
        wrong.append(Wrong(f"because-{number}", f"Say why in {LONGEST:,} characters or fewer"))
    if not wrong:
        session.commit(number, Commit(int(draft.level), draft.route, draft.because))
    return wrong


def _at(session: Session, asked: Asked) -> int:
    """The stage that a form is of, as far as its commits reach."""
    given = asked.one("at") if asked.sent else ""
    return _reachable(session, int(given) if given.isascii() and given.isdigit() and len(given) < 4 else 1)


def _reachable(session: Session, at: int) -> int:
    """The stage asked for, or the first without a commit where that comes before it: what is told later is told after a commit."""
    first_open = next((s.number for s in session.stages if s.number not in session.commits), len(session.stages))
    return max(1, min(at, first_open))


# ---------------------------------------------------------------------------------------------------- what is shown


def _stage(desk: Desk, session: Session, drafts: Mapping[int, Draft], at: int, wrong: Sequence[Wrong]) -> Page:
    words = Words(desk.thresholds)
    shown = {
        **_common(desk, session, drafts),
        "stage": session.stages[at - 1],
        "earlier": session.stages[: at - 1],
        "at": at,
        "draft": drafts[at],
        "unfolded": _unfold(session, at, words) if session.is_revealed(at) else None,
        "commit_first": COMMIT_FIRST,
    }
    return Page("train/stage.html.j2", "Train", shown, wrong)


def _end(desk: Desk, session: Session, drafts: Mapping[int, Draft]) -> Page:
    """The end of a case: every stage with what was said and suggested, and the author's view beside the last of them."""
    words = Words(desk.thresholds)
    unfolded = _unfold_all(session, words)
    view = author_view(session.author(), words, author_lines(session))
    shown = {**_common(desk, session, drafts), "unfolded": unfolded, "author": view, "one_view": ONE_VIEW, "at": len(session.stages)}
    return Page("train/end.html.j2", "Train", shown)


def _common(desk: Desk, session: Session, drafts: Mapping[int, Draft]) -> dict[str, object]:
    words = Words(desk.thresholds)
    return {
        "nav": "train",
        "case": session.case,
        "stages": session.stages,
        "drafts": drafts,
        "said": {number: words.commit(commit) for number, commit in session.commits.items()},
        "seen": [stage.number for stage in session.stages if session.is_revealed(stage.number)],
        "complete": session.is_complete(),
        "thresholds": desk.thresholds,
    }


def _unfold(session: Session, number: int, words: Words) -> Unfolded:
    before = session.reveal(number - 1) if number > 1 and session.is_revealed(number - 1) else None
    return unfold(session.reveal(number), before, words)


def _unfold_all(session: Session, words: Words) -> dict[int, Unfolded]:
    return {stage.number: _unfold(session, stage.number, words) for stage in session.stages}
