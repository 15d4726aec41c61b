"""The audit of thresholds in a terminal and as a table: what is suggested, how decisions agree, and nothing of who is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from rrt_engine.replay.audit import LEVELS, Agreement, Audit, Group, Share
from rrt_engine.reports.console import say
from rrt_engine.reports.flag_table import check_target, formula_safe
from rrt_engine.reports.source_words import table_words
from rrt_engine.sources.fact_tables import DecisionReading, FactReading
from rrt_engine.target import write_atomically
from rrt_engine.thresholds.suggest import URGENCY_WORDS
from rrt_engine.words import MARK_WORDS, listed

_SHOWN = 10
COLUMNS = {
    "case": "the child's id in the source",
    "source": "the file the facts came from; of several, the first",
    "suggested_level": "1 to 4",
    "suggested_level_name": "the level's name",
    "suggested_significant": "whether the route is that of significant harm",
    "could_be": "the level it would be if what is thin were sufficiently evidenced; empty where that changes nothing",
    "suggested_pathway": "the first pathway suggested",
    "suggested_pathways": "every pathway suggested, in order",
    "suggested_urgency": "now, same_day, one_working_day or planned",
    "decided_level": "the level a person decided; empty where none is recorded",
    "decided_pathway": "the pathway a person decided",
    "compared": "same, decided above or decided below",
    "rules": "the rules that fired",
    "checked_by": "how many engines gave this answer",
}


def show_audit(console: Console, audit: Audit) -> None:
    """The audit: what was read, what is suggested, what is missing, how decisions agree, and published figures beside it."""
    console.print()
    say(console, "RIGHT HELP RIGHT TIME: SUGGESTED LEVELS, AND HOW DECISIONS AGREE WITH THEM", "bold")
    for refused in audit.refused:
        say(console, f"{refused.path}: facts NOT READ", "bold red")
        for diagnostic in refused.diagnostics[:_SHOWN]:
            say(console, diagnostic.message, "red", indent=2)
    for sentence in audit.unused:
        say(console, sentence, "yellow")
    if not audit.cases:
        say(console, "No case has facts: nothing is suggested. Facts stand in case files, or in NAME.facts.csv beside NAME.csv.")
        return
    _sources(console, audit.groups)
    distinct = _plural(audit.suggestions.distinct, "distinct set")
    say(console, f"{_plural(audit.cases, 'case')}, {distinct} of indicators; {audit.suggestions.checked_by}.", indent=2)
    under = audit.settings.suppress_under
    _counts(console, "Suggested level", {_level_words(name, audit): n for name, n in audit.levels.items()}, audit.cases)
    _counts(
        console, "Suggested first pathway", {f"{audit.book.pathways[p].label} ({p})": n for p, n in audit.pathways.items()}, audit.cases
    )
    _counts(console, "How soon", {URGENCY_WORDS[u]: n for u, n in audit.urgencies.items()}, audit.cases)
    console.print()
    say(console, "Cannot be placed for thin evidence", "bold")
    levels = listed([f"level {level}: {_n(n)}" for level, n in audit.could_be.items()])
    said = f"{_share(audit.could_be_more)} could be more than is suggested, if what is thin were so{f' ({levels})' if levels else ''}."
    say(console, said, indent=2)
    _missing(console, audit)
    if audit.agreement:
        _agreement(console, audit.agreement, audit)
    _published(console, audit)
    console.print()
    if under:
        say(
            console,
            f"“<{under}” and “–” stand for counts left out: those below {under}, and others from which they could be worked out. "
            "--suppress-under 0 shows all.",
            "dim",
        )
    for note in audit.notes:
        say(console, note, "dim")
    say(console, audit.book.notice, "dim")


def _sources(console: Console, groups: Sequence[Group]) -> None:
    cases = [g for g in groups if g.facts is None and g.cases]
    if cases:
        say(console, f"{_plural(len(cases), 'case file')} with facts", "bold")
    for group in groups:
        if group in cases and not group.decisions:
            continue
        say(console, group.source, "bold")
        if group.facts:
            _table(console, "facts", group.facts)
        if group.decisions:
            _table(console, "decisions", group.decisions)
            if group.decisions.superseded:
                earlier = _plural(group.decisions.superseded, "earlier decision")
                say(console, f"{earlier} on a case with a later one, which is the one compared", indent=2)
        if group.without:
            say(console, f"{_plural(group.without, 'child has', 'children have')} a timeline and no facts: nothing is suggested", indent=2)


def _table(console: Console, what: str, reading: FactReading | DecisionReading) -> None:
    say(console, table_words(reading, what), indent=2)
    for diagnostic in reading.diagnostics[:_SHOWN]:
        place = f"{reading.file}:{diagnostic.line}: " if diagnostic.line else ""
        say(console, f"{place}{diagnostic.message}", "yellow", indent=4, hang=2)
        if diagnostic.help:
            say(console, f"help: {diagnostic.help}", "dim", indent=6)
    if len(reading.diagnostics) > _SHOWN:
        say(console, f"and {len(reading.diagnostics) - _SHOWN:,} more; --format json lists every one", "dim", indent=4)


def _level_words(name: str, audit: Audit) -> str:
    number, _, half = name.partition(" ")
    return f"Level {number}, {half.capitalize()}" if half else f"Level {number}, {audit.book.levels[int(number)].name}"


def _plural(n: int, one: str, many: str = "") -> str:
    """A count with its noun, with commas in thousands."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _n(n: int | None) -> str:
    return "–" if n is None else f"{n:,}"


def _counts(console: Console, heading: str, counts: Mapping[str, int | None], of: int) -> None:
    console.print()
    say(console, heading, "bold")
    wide = max(len(_n(n)) for n in counts.values())
    for name, n in counts.items():
        share = "" if n is None or not of else f"  {n / of:6.1%}"
        say(console, f"{_n(n):>{wide}}{share or ' ' * 8}  {name}", indent=2, hang=wide + 10)


def _share(share: Share) -> str:
    """A share with its denominator and its interval, in words."""
    if share.value is None or share.count is None or share.of is None:
        return f"– of {_n(share.of)}" if share.of != 0 else "none to compare"
    between = "" if share.low is None or share.high is None else f"; 95% interval {share.low:.1%} to {share.high:.1%}"
    return f"{share.value:.1%} ({share.count:,} of {share.of:,}{between})"


def _missing(console: Console, audit: Audit) -> None:
    console.print()
    say(console, "Most often missing, and it would change the answer", "bold")
    asked = audit.missing_asked
    every = "every case was asked" if asked == audit.cases else f"a systematic sample of {asked:,} cases was asked"
    say(console, f"Of the facts that were not recorded, or thinly: {every}.", "dim", indent=2)
    shown = {name: n for name, n in audit.missing.items() if n is not None}
    for name, n in list(shown.items())[:_SHOWN]:
        say(console, f"{n:>5,}  {audit.book.facts[name].label} ({name})", indent=2, hang=7)
    if len(audit.missing) > _SHOWN:
        say(console, f"and {len(audit.missing) - min(_SHOWN, len(shown)):,} more; --format json lists them", "dim", indent=2)


def _agreement(console: Console, found: Agreement, audit: Audit) -> None:
    console.print()
    say(console, "Decisions beside suggestions", "bold")
    ground = "There is no single ground truth: this is agreement and says nothing of who is right. A person decides."
    say(console, ground, "dim", indent=2)
    if found.without_facts:
        cases = _plural(found.without_facts, "decision is", "decisions are")
        say(console, f"{cases} on a case without facts here, and not compared.", indent=2)
    rows = [("", *(f"decided {n}" for n in range(1, 5)), "all")]
    for i, cells in enumerate(found.table.cells):
        rows.append((f"suggested {i + 1}", *map(_n, cells), _n(found.table.rows[i])))
    rows.append(("all", *map(_n, found.table.columns), _n(found.table.total)))
    for row in rows:
        say(console, f"{row[0]:<12}{''.join(f'{cell:>12}' for cell in row[1:])}", indent=2)
    say(console, f"Level decided as suggested: {_share(found.agreeing)}", indent=2, hang=2)
    say(console, f"Decided above what was suggested: {_share(found.above)}", indent=2, hang=2)
    say(console, f"Decided below what was suggested: {_share(found.below)}", indent=2, hang=2)
    if not found.sample:
        return
    console.print()
    say(console, f"Disagreements to read: {len(found.sample)} of {_n(found.disagreements)}", "bold")
    say(console, f"{found.method[:1].upper()}{found.method[1:]}.", "dim", indent=2)
    for each in found.sample:
        half = f" {'significant' if each.significant else 'complex'}" if each.suggested == 4 else ""
        where = f" ({each.source})" if len(audit.groups) > 1 else ""
        decided = f"{each.decided}{f', {each.decided_pathway}' if each.decided_pathway else ''}"
        line = f"{each.case}{where}: suggested {each.suggested}{half}, {each.suggested_pathway}; decided {decided}."
        say(console, f"{line} {f'Reason: {each.reason}' if each.reason else 'No reason is recorded.'}", indent=2, hang=4)


def _published(console: Console, audit: Audit) -> None:
    if not audit.beside:
        return
    console.print()
    say(console, "Beside the Trust's own figures", "bold")
    say(console, f"Reference figures, never targets. {audit.far_words}", "dim", indent=2)
    for each in audit.beside:
        figures = f" ({each.rate.figures})" if each.rate.figures else ""
        source = f"{each.source}; {MARK_WORDS[each.rate.verified]}"
        say(console, f"{each.rate.title}: {each.rate.words}{figures}. {source}.", indent=2, hang=2)
        say(console, f"Found: {_share(each.found)} of {each.what}." if each.found.of else f"Found: no {each.what}.", indent=4, hang=2)
        if each.rate.note:
            say(console, each.rate.note, "dim", indent=4)
        if each.far:
            warning = "FAR FROM THE PUBLISHED FIGURE: look at which cases these are, and how facts were recorded, before reading on."
            say(console, warning, "bold yellow", indent=4)


# ------------------------------------------------------------------------------------------------------------- writing


def suggestion_table(audit: Audit) -> Any:
    """One row a case, as an Arrow table with the columns of COLUMNS, sorted as the sources stand."""
    import pyarrow as pa

    found, book = audit.suggestions, audit.book
    cases = len(found)

    def of_answer(read: Callable[[Any], Any], type_: Any) -> Any:
        values = pa.array([read(a) for a in found.answers], type_)
        return values.take(pa.array(found.answer))

    decided = [audit.decided.get(i) for i in range(cases)] if audit.decided else [None] * cases
    level = found.level
    compared = [
        None if d is None else "same" if d.level == s else "decided above" if d.level > s else "decided below"
        for d, s in zip(decided, level.tolist(), strict=True)
    ]
    table = {
        "case": pa.array(list(found.ids), pa.string()),
        "source": pa.array([g.source for g in audit.groups], pa.string()).take(pa.array(audit.source_of)),
        "suggested_level": of_answer(lambda a: a.level, pa.int8()),
        "suggested_level_name": of_answer(lambda a: book.levels[a.level].name, pa.string()),
        "suggested_significant": of_answer(lambda a: a.significant, pa.bool_()),
        "could_be": of_answer(lambda a: a.could_be, pa.int8()),
        "suggested_pathway": of_answer(lambda a: a.pathways[0], pa.string()),
        "suggested_pathways": of_answer(lambda a: " ".join(a.pathways), pa.string()),
        "suggested_urgency": of_answer(lambda a: a.urgency, pa.string()),
        "decided_level": pa.array([None if d is None else d.level for d in decided], pa.int8()),
        "decided_pathway": pa.array([None if d is None or not d.pathway else d.pathway for d in decided], pa.string()),
        "compared": pa.array(compared, pa.string()),
        "rules": of_answer(lambda a: " ".join(a.rules), pa.string()),
        "checked_by": pa.array([found.checked_by], pa.string()).take(pa.array(np.zeros(cases, np.int32))),
    }
    return pa.table({name: table[name] for name in COLUMNS})


def write_suggestions(audit: Audit, target: Path) -> int:
    """Write one row a case to a CSV, Parquet or JSONL file and return how many; raises InputError where it cannot."""
    check_target(target)
    table = suggestion_table(audit)
    writer = {".csv": _write_csv, ".parquet": _write_parquet, ".jsonl": _write_jsonl}[target.suffix.lower()]
    write_atomically(target, lambda path: writer(table, path))
    return int(table.num_rows)


def _write_csv(table: Any, path: Path) -> None:
    import pyarrow.csv as pacsv

    for name in ("case", "source"):
        table = table.set_column(table.schema.get_field_index(name), name, formula_safe(table[name]))
    pacsv.write_csv(table, path)


def _write_parquet(table: Any, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _write_jsonl(table: Any, path: Path) -> None:
    import json

    with path.open("w", encoding="utf-8", newline="\n") as file:
        for batch in table.to_batches(max_chunksize=10_000):
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.to_pylist())


__all__ = ["COLUMNS", "LEVELS", "show_audit", "suggestion_table", "write_suggestions"]
