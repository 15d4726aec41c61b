"""A dip sample on the terminal: its strata with their weights, then a line a duty."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rrt_engine.replay.run_folder import Run
from rrt_engine.replay.sample import Sample
from rrt_engine.reports.console import say
from rrt_engine.reports.sample_words import CITED, ESTIMATE, aside_words, design_words, event_titles, found_words, run_words, source_words

SHOWN = 50
"""Duties that are listed on a terminal; a file has them all."""


def show_sample(console: Console, sample: Sample, run: Run) -> None:
    """How the sample was drawn, its strata, the duties, and how to estimate from it."""
    say(console, f"Dip sample of {run_words(run)}", "bold")
    for said in (*aside_words(run), *design_words(sample)):
        say(console, said)
    if sample.rows is None:
        return
    if sample.design.by:
        console.print()
        _strata(console, sample)
    console.print()
    rows, titles = sample.rows.to_pylist(), event_titles(run)
    for number, row in enumerate(rows[:SHOWN], 1):
        say(console, f"{number}. {row['case']}: {row['title']} ({row['rule']})", indent=0, hang=4)
        say(console, f"{found_words(row, titles)}. {source_words(row)}.", "dim", indent=4)
    if len(rows) > SHOWN:
        say(console, f"and {len(rows) - SHOWN:,} more; -o FILE has them all", "dim")
    console.print()
    say(console, ESTIMATE, "dim")
    say(console, CITED, "dim")


def _strata(console: Console, sample: Sample) -> None:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", justify="right", no_wrap=True)
    for name in sample.design.by:
        table.add_column(name.replace("_", " ").capitalize(), overflow="fold")
    for heading in ("Duties", "Allocated", "Drawn", "Weight"):
        table.add_column(heading, justify="right", no_wrap=True)
    for number, stratum in enumerate(sample.strata, 1):
        weight = "–" if stratum.weight is None else f"{stratum.weight:,.1f}"
        table.add_row(str(number), *map(Text, stratum.values), f"{stratum.size:,}", f"{stratum.allocated:,}", f"{stratum.drawn:,}", weight)
    console.print(table)
