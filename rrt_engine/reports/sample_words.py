"""What must be said of a sample, in words: what was found of a duty, how the sample was drawn, and how to estimate from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rrt_engine.model import plural
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.sample import Sample
from rrt_engine.reports.compare_words import day_text, late_days
from rrt_engine.reports.text import BECAUSE_WORDS
from rrt_engine.words import STATUS_WORDS, as_known_words, as_of_words, listed, within_sentence

CITED = (
    "Cochran, Sampling Techniques, 3rd ed., 1977, sections 5.5, 5A.9 and 8.1; Horvitz and Thompson, JASA 47, 1952; Ohlsson in Business "
    "Survey Methods, 1995, on permanent random numbers."
)
ESTIMATE = (
    "To estimate a share of all duties (such as how often the auditor agrees), add up the weights of the lines where it is so and divide "
    "by the weights of all lines that were answered, stratum by stratum where some were not. Lines counted without their weights would "
    "give small strata too much say. A stratum of which one duty was drawn tells nothing of how much duties in it differ: for an "
    "interval, join it with the stratum most like it, or draw more."
)


def event_titles(run: Run) -> dict[str, str]:
    """What each kind of event is called in the rules of a run. Raises InputError where those cannot be read."""
    return {name: kind.title for name, kind in run.book.events.items()}


def found_words(row: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """What was found of one duty: `Done late: due 10 April 2026, done 14 April 2026 (initial conference), 4 calendar days late`.
    `titles` are those of the kinds of event.
    """

    def event(name: str) -> str:
        return within_sentence(titles[name]) if name in titles else name.replace("_", " ")

    missed = row["status"] == "overdue" and row["ended_at"] is not None
    by = "by" if row["status"] in ("due", "due_soon") else "due"
    parts = []
    if row["due_at"]:
        parts.append(f"{by} {day_text(row['due_at'])}")
    elif row["due"]:
        parts.append(f"{by} {day_text(row['due'])}")
    if row["answer_at"]:
        parts.append(f"done {day_text(row['answer_at'])} ({event(row['answer_event'])})")
    if row["ended_at"]:
        parts.append(f"ended {day_text(row['ended_at'])} ({event(row['ended_by'])})")
    if row["days_late"] is not None:
        parts.append(late_days(row["days_late"], "after it was due" if missed else "late"))
    if row["cannot_tell_because"]:
        parts.append(BECAUSE_WORDS[row["cannot_tell_because"]])
    if missed:
        return f"Missed, and ended since: {', '.join(parts)}"
    status = STATUS_WORDS[row["status"]] if row["basis"] != "count" or row["status"] != "met" else "Recorded"
    return f"{status}: {', '.join(parts)}" if parts else status


def source_words(row: Mapping[str, Any]) -> str:
    """Where it stands in the source: what started the clock, and what answered it."""
    rows: dict[str, list[str]] = {}
    for source, number in ((row["source"], row["trigger_row"]), (row["answer_source"], row["answer_row"])):
        if source:
            rows.setdefault(source, []).extend([] if number is None else [str(number)])
    return "; ".join(", ".join([source, *([f"row{'s' * (len(n) > 1)} {listed(n)}"] if n else [])]) for source, n in rows.items())


def design_words(sample: Sample) -> list[str]:
    """How the sample was drawn, in sentences."""
    design, strata = sample.design, sample.strata
    duties = f"{sample.duties:,} {'duty' if sample.duties == 1 else 'duties'}"
    by = f" in {plural(len(strata), 'stratum', 'strata')} by {listed(list(design.by))}" if design.by else ""
    said = [f"{len_of(sample):,} of {duties} drawn at random{by}, seed {design.seed}."]
    if not sample.duties:
        return [*said, "No duty is as was asked for."]
    if sample.how == "all":
        more = "There are no more duties than were asked for"
        if len_of(sample) == sample.duties:
            said.append(f"{more}, so all are in it.")
        else:
            only = "is only 1 child" if len_of(sample) == 1 else f"are only {len_of(sample):,} children"
            said.append(f"{more}, but there {only}, and each is in it once: --again lets a child be drawn again, and gives all.")
    elif sample.how == "proportional" and design.by:
        said.append("Each stratum is allocated draws in proportion to its duties, by largest remainders, and at least one.")
    elif sample.how == "systematic":
        none = [s for s in strata if not s.drawn]
        said.append(
            f"There are more strata than draws, so {len(none):,} have none. Which those are was drawn too, by systematic sampling: every "
            f"duty had the same chance. Ask for at least {len(strata)} to have one of each."
        )
    said.append(
        "Drawn by the smallest hash of the seed and the duty: the same seed and duties give the same sample, whatever the order of the "
        "records or how they were divided for the replay."
    )
    if not design.again:
        said.append("No child is in it twice.")
        without = sum(1 for s in strata if not s.drawn)
        if without and sample.how == "proportional":
            said.append(
                f"{plural(without, 'stratum has', 'strata have')} none all the same: every child in it was drawn for another. "
                "The lines say nothing of it; --again lets a child be drawn twice."
            )
        moved = sum(max(s.allocated - s.drawn, 0) for s in strata)
        if moved and sample.how != "all" and len(strata) > 1:
            one = moved == 1
            said.append(
                f"{moved:,} of the draws allocated could not be made where {'it was' if one else 'they were'}, since every child there had "
                f"been drawn: {'it was' if one else 'they were'} made in other strata while there were children, each in the one where a "
                "drawn duty stood for most."
            )
        if sample.passed_over:
            passed = "1 duty was" if sample.passed_over == 1 else f"{sample.passed_over:,} duties were"
            said.append(
                f"{passed} passed over because another of the same child's was drawn, so the weights are not quite exact: children "
                "with many duties stand for a little less than they should."
            )
        if sample.how != "all" and len_of(sample) < design.n:
            said.append("There are no more children to draw from: --again lets a child be drawn again.")
    return said


def len_of(sample: Sample) -> int:
    """How many duties were drawn."""
    return 0 if sample.rows is None else int(sample.rows.num_rows)


def run_words(run: Run) -> str:
    """The run that a sample was drawn from."""
    m = run.manifest
    names = [source["name"] for source in m["sources"]]
    shown = listed(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{shown}, as at {as_of_words(run.as_of)}{as_known_words(run.as_known)}"


def aside_words(run: Run) -> list[str]:
    """What must be said where parts of a run were set aside: nothing of them can be drawn."""
    n = len(run.set_aside())
    return (
        [f"{plural(n, 'part')} of the run could not be replayed: the children in {'it' if n == 1 else 'them'} cannot be drawn."]
        if n
        else []
    )
