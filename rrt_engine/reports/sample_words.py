"""What must be said of a sample, in words: what was found of a duty, how the sample was drawn, and how to estimate from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from rrt_engine.model import plural
from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.sample import Sample
from rrt_engine.words import STATUS_WORDS, listed

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


def found_words(row: Mapping[str, Any]) -> str:
    """What was found of one duty: `Done late: due 10 April 2026, done 14 April 2026 (icpc_held), 4 days late`."""
    by = "by" if row["status"] in ("due", "due_soon") else "due"
    parts = []
    if row["due_at"]:
        parts.append(f"{by} {row['due_at']}")
    elif row["due"]:
        parts.append(f"{by} {_day(row['due'])}")
    if row["answer_at"]:
        parts.append(f"done {row['answer_at']} ({row['answer_event']})")
    if row["ended_at"]:
        parts.append(f"ended {row['ended_at']} ({row['ended_by']})")
    if row["days_late"] is not None:
        parts.append(f"{plural(row['days_late'], 'day')} late")
    if row["cannot_tell_because"]:
        parts.append(row["cannot_tell_because"].replace("_", " "))
    status = STATUS_WORDS[row["status"]] if row["basis"] != "count" or row["status"] != "met" else "Recorded"
    return f"{status}: {', '.join(parts)}" if parts else status


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


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
    if sample.how == "all":
        said.append("There are no more duties than were asked for, so all are in it.")
    elif sample.how == "proportional" and design.by:
        said.append("Strata have draws in proportion to their duties, by largest remainders, and at least one each.")
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
        if sample.passed_over:
            passed = "1 duty was" if sample.passed_over == 1 else f"{sample.passed_over:,} duties were"
            said.append(
                f"{passed} passed over because another of the same child's was drawn, so the weights are not quite exact: children "
                "with many duties stand for a little less than they should."
            )
        if len_of(sample) < min(design.n, sample.duties):
            said.append("There are no more children to draw from.")
    return said


def len_of(sample: Sample) -> int:
    """How many duties were drawn."""
    return 0 if sample.rows is None else int(sample.rows.num_rows)


def run_words(run: Run) -> str:
    """The run that a sample was drawn from."""
    m = run.manifest
    names = [source["name"] for source in m["sources"]]
    shown = listed(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{shown}, as at {m['as_of']}" + (f", as known on {m['as_known']}" if m["as_known"] else "")


def aside_words(run: Run) -> list[str]:
    """What must be said where parts of a run were set aside: nothing of them can be drawn."""
    n = len(run.set_aside())
    return (
        [f"{plural(n, 'part')} of the run could not be replayed: the children in {'it' if n == 1 else 'them'} cannot be drawn."]
        if n
        else []
    )
