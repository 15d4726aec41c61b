"""Write docs/formats.md: which rules can be judged from which format, worked out from the readers and the rules.

python -m tools.formats_matrix
"""

from __future__ import annotations

from pathlib import Path

from rrt_engine.explain.formats import BECAUSE, LETTERS, letters, matrix
from rrt_engine.paths import RULES
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.load import load
from rrt_engine.sources.carries import formats

PAGE = Path(__file__).resolve().parent.parent / "docs" / "formats.md"


def page(book: RuleBook) -> str:
    """The page as text."""
    names = list(formats(book.events))
    lines = [
        "# Which rules can be judged from which format",
        "",
        "<!-- Written by tools/formats_matrix.py from the readers and the rules; a test compares. Do not edit. -->",
        "",
        "What a format can carry at its fullest. One file may hold less: a replay works out what each file covers and names the",
        "rules it cannot support. Sources put together (`rrt replay A B C`) carry what any of them carries.",
        "",
        *(f"- **{sign}** {says}" for sign, says in LETTERS.items()),
        "",
        _row(["rules", *names]),
        _row(["---"] * (len(names) + 1)),
        *(_row([family, *cells.values()]) for family, cells in matrix(book).items()),
        "",
        "The census and SSDA903 are for one year: what came before the first return is left out of every share. Give the years",
        "together, and a case in two of them is one case.",
        "",
        "## Cells that may surprise",
        "",
        *(f"- **{family}, {name}**: {text}" for (family, name), text in BECAUSE.items()),
        "",
        "## Rule by rule",
        "",
        "Rules that some format besides an event log can support; every other rule needs an event log.",
        "",
        _row(["rule", *names]),
        _row(["---"] * (len(names) + 1)),
    ]
    for rule, by_format in letters(book).items():
        said = list(by_format.values())
        if set(said[:-1]) != {"–"}:
            lines.append(_row([f"`{rule}`", *said]))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(load(RULES)), encoding="utf-8", newline="\n")
    print(f"wrote docs/{PAGE.name}")
