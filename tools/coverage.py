"""Write docs/coverage.md: each duty of the two catalogues of time limits, and the rule that holds it or why none does.

Run it after a rule is added, renamed or given up: `python tools/coverage.py`. A test compares the page with it, and fails
where a duty has neither a rule nor a line in rules/NOT_ENCODED.md.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

from rrt_engine.explain.rule_page import limit
from rrt_engine.paths import RULES
from rrt_engine.rulebook.book import Rule, RuleBook
from rrt_engine.rulebook.load import load
from rrt_engine.words import AUTHORITY_WORDS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
DUTIES = RULES / "duties.csv"
NOTES = RULES / "NOT_ENCODED.md"
HEAD = """# What is covered

Each time limit, recurring duty, cap and count of the two catalogues this rule set was written from, part by part, under the
catalogue's id: the rule that holds it, what it allows, on what authority, and how its number was checked (`instrument`: seen in
the Act, Regulations or guidance; `secondary`: in a source that quotes it; `recalled`: not yet seen; `local value needed`: a
common value until the authority gives its own). What no rule holds says why. `rrt rules show ID` shows a rule with its source.

This page is written by `python tools/coverage.py`.
"""
COLUMNS = "| rule | what it requires | limit | authority | checked | editions |"
RULING = "|---|---|---|---|---|---|"
PLAIN = {"0 days": "the same day", "0 days before": "by that day", "not before 0 days": "no number"}


def duties() -> dict[str, str]:
    """Every duty of the catalogues, with the part it stands in."""
    with DUTIES.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["part"] for row in csv.DictReader(file)}


def holders(book: RuleBook) -> dict[str, list[Rule]]:
    """The latest edition of each rule that holds a duty: by its id, by an alias of any edition, or as a part of it (`duty_part`).

    A part belongs to the duty whose id is the longest that its own begins with, and only where it holds no duty by name.
    """
    known = duties()
    names: dict[str, set[str]] = {}
    for rule in book.rules:
        names.setdefault(rule.id, set()).update(known.keys() & {rule.id, *rule.spec.alias})
    held: dict[str, list[Rule]] = {duty: [] for duty in known}
    for rule in {r.id: r for r in book.rules}.values():
        begun = [duty for duty in known if rule.id.startswith(f"{duty}_")]
        for duty in names[rule.id] or ({max(begun, key=len)} if begun else set()):
            held[duty].append(rule)
    return {duty: sorted(rules, key=lambda r: duty not in names[r.id]) for duty, rules in held.items()}


def reasons() -> list[tuple[str, str]]:
    """What rules/NOT_ENCODED.md says of time limits: what each line is about, and why."""
    text = NOTES.read_text(encoding="utf-8").split("## Thresholds")[0]
    found = (re.match(r"- ([^:]+): (.+)", line) for line in text.splitlines())
    return [(m[1], m[2]) for m in found if m]


def written() -> str:
    """The page."""
    book = load(RULES)
    notes = reasons()
    editions = Counter(r.id for r in book.rules)
    parts, by_duty = duties(), holders(book)
    known = {rule.id for rules in by_duty.values() for rule in rules}
    held = sum(bool(rules) for rules in by_duty.values())
    lines = [HEAD, f"{len(parts)} duties: {held} held by {len(known)} rules, {len(parts) - held} not held, each with its reason.", ""]
    for part in dict.fromkeys(parts.values()):
        lines += [f"## {part}", "", *(f"| duty {COLUMNS}", f"|---{RULING}")]
        for duty in (d for d, p in parts.items() if p == part):
            lines += _rows(duty, by_duty[duty], book, notes, editions)
        lines.append("")
    more = [r for r in {r.id: r for r in book.rules}.values() if r.id not in known]
    lines += [
        "## Further rules",
        "",
        "Second clocks of the duties above under ids of their own, and rules that no row asks for.",
        "",
        COLUMNS,
        RULING,
    ]
    lines += ["| " + " | ".join(_cells(r, book, editions)) + " |" for r in more]
    return "\n".join(lines) + "\n"


def _rows(duty: str, rules: list[Rule], book: RuleBook, notes: list[tuple[str, str]], editions: Counter[str]) -> list[str]:
    rows = [f"| `{duty}` | " + " | ".join(_cells(r, book, editions)) + " |" for r in rules]
    why = [(what, reason) for what, reason in notes if re.search(rf"\b{re.escape(duty)}\b", what)]
    if not rules and not why:
        raise SystemExit(f"{duty} has neither a rule nor a line in rules/NOT_ENCODED.md")
    return rows or [f"| `{duty}` | none | " + "; ".join(reason for _, reason in why).replace("|", "/") + " | | | | |"]


def _cells(rule: Rule, book: RuleBook, editions: Counter[str]) -> list[str]:
    spec = rule.spec
    prospective = " (enacted, not in force: held and never flagged)" if spec.stage == "prospective" else ""
    authority = AUTHORITY_WORDS[spec.authority]
    words = limit(book, spec)
    return [f"`{rule.id}`", spec.title + prospective, PLAIN.get(words, words), authority, spec.verified, str(editions[rule.id])]


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE.relative_to(ROOT).as_posix()}")
