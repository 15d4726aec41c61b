"""Write docs/coverage.md: each duty of the two catalogues of time limits, and the rule that holds it or why none does.

Run it after a rule is added, renamed or given up: `python tools/coverage.py`. A test compares the page with it, and fails
where a duty has neither a rule nor a line in rules/NOT_ENCODED.md.
"""

from __future__ import annotations

from pathlib import Path

from rrt_engine.explain.coverage import Covered, Duty, Holder, covered
from rrt_engine.paths import RULES
from rrt_engine.rulebook.load import load
from rrt_engine.words import AUTHORITY_WORDS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
HEAD = """# What is covered

Each time limit, recurring duty, cap and count of the two catalogues this rule set was written from, part by part, under the
catalogue's id: the rule that holds it, what it allows, on what authority, and how its number was checked (`instrument`: seen in
the Act, Regulations or guidance; `secondary`: in a source that quotes it; `recalled`: not yet seen; `local value needed`: a
common value until the authority gives its own). What no rule holds says why. `rrt rules show ID` shows a rule with its source.

This page is written by `python tools/coverage.py`.
"""
COLUMNS = "| rule | what it requires | limit | authority | checked | editions |"
RULING = "|---|---|---|---|---|---|"


def written(found: Covered) -> str:
    """The page."""
    counts = f"{len(found.duties)} duties: {found.held} held by {found.holding} rules"
    lines = [HEAD, f"{counts}, {len(found.duties) - found.held} not held, each with its reason.", ""]
    for part, duties in found.parts.items():
        lines += [f"## {part}", "", *(f"| duty {COLUMNS}", f"|---{RULING}")]
        lines += [row for duty in duties for row in _rows(duty)]
        lines.append("")
    lines += [
        "## Further rules",
        "",
        "Second clocks of the duties above under ids of their own, and rules that no row asks for.",
        "",
        COLUMNS,
        RULING,
    ]
    lines += ["| " + " | ".join(_cells(holder)) + " |" for holder in found.further]
    return "\n".join(lines) + "\n"


def _rows(duty: Duty) -> list[str]:
    rows = [f"| `{duty.id}` | " + " | ".join(_cells(holder)) + " |" for holder in duty.holders]
    return rows or [f"| `{duty.id}` | none | " + "; ".join(duty.why).replace("|", "/") + " | | | | |"]


def _cells(holder: Holder) -> list[str]:
    spec = holder.rule.spec
    prospective = " (enacted, not in force: held and never flagged)" if spec.stage == "prospective" else ""
    return [f"`{spec.id}`", spec.title + prospective, holder.limit, AUTHORITY_WORDS[spec.authority], spec.verified, str(holder.editions)]


if __name__ == "__main__":
    all_of_it = covered(load(RULES), RULES)
    assert all_of_it
    PAGE.write_text(written(all_of_it), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE.relative_to(ROOT).as_posix()}")
