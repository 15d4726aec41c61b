"""Which files hold facts or decisions, by their names: extract.facts.csv and extract.decisions.csv beside extract.csv."""

from __future__ import annotations

from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError

SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson", ".tsv")


def is_facts(path: Path) -> bool:
    """Whether a file is a table of facts by its name, such as extract.facts.csv."""
    return path.suffix.lower() in SUFFIXES and path.stem.lower().endswith(".facts")


def is_decisions(path: Path) -> bool:
    """Whether a file is a table of decisions by its name, such as extract.decisions.csv."""
    return path.suffix.lower() in SUFFIXES and path.stem.lower().endswith(".decisions")


def beside(path: Path, what: str) -> Path | None:
    """The table of `facts` or `decisions` that stands beside a source; beside another table, that of the same name."""
    name = path.stem
    for other in (".facts", ".decisions"):
        name = name[: -len(other)] if name.lower().endswith(other) else name
    for suffix in SUFFIXES:
        found = path.with_name(f"{name}.{what}{suffix}")
        if found != path and found.is_file():
            return found
    return None


def not_a_timeline(path: Path) -> InputError:
    """The error for a table of facts or decisions that was given where timelines are expected."""
    what = "facts" if is_facts(path) else "decisions"
    help = "to reason over its facts, add --thresholds" if what == "facts" else "give it with --decisions FILE"
    return InputError([Diagnostic(str(path), 0, 0, "not_a_timeline", f"this is a table of {what}, not of events", help=help)])
