"""A measure in words: its figure as people read it, and how it is worked out, from what is written in its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rrt_engine.measures.cells import Cell
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.measure_schema import Comparator, Condition, Measure, Pick, Span
from rrt_engine.rulebook.schema import Not
from rrt_engine.words import MARK_WORDS, listed

BASIS_WORDS = {
    "period": "over the period",
    "snapshot": "on the last day",
    "now": "as things stand now",
}
BETTER_WORDS = {"higher": "higher is better", "lower": "lower is better", "neither": "neither higher nor lower is better in itself"}
APART = {
    "cannot_tell": "cannot be told",
    "before_records": "rest on what came before the records begin",
    "aside": "have dates in the wrong order or that cannot be right",
}
APART_ONE = {
    "before_records": "rests on what came before the records begin",
    "aside": "has dates in the wrong order or that cannot be right",
}


def figure_words(measure: Measure, cell: Cell) -> str:
    """A figure as people read it: `85.7%`, `1,234`, `189.3 per 10,000`, `34 days`; a dash where there is none."""
    if cell.hidden:
        return "small"
    return "–" if cell.value is None else value_words(measure, cell.value)


def value_words(measure: Measure, value: float) -> str:
    """One value in the unit of its measure."""
    match measure.show:
        case "percent":
            return f"{100 * value:.1f}%"
        case "rate":
            return f"{value:.1f} per 10,000"
        case "number":
            return f"{value:,.0f}"
    return f"{value:,.1f}".removesuffix(".0") + f" {unit_words(measure)}"


def unit_words(measure: Measure) -> str:
    """The unit of the lengths of time of a measure."""
    return measure.compute.value.unit if measure.compute and measure.compute.value else "days"


def comparator_words(measure: Measure, comparator: Comparator) -> str:
    """A published figure with its year: `85.7% (year ending 31 March 2025)`."""
    return f"{published_words(measure, comparator)} ({comparator.year})"


def published_words(measure: Measure, comparator: Comparator) -> str:
    """A published figure as it is printed: percentages are written as percentages."""
    low, high = comparator.value, comparator.to
    match measure.show:
        case "percent":
            return f"{low:g}%" if high is None else f"{low:g}% to {high:g}%"
        case "number":
            return f"{low:,.0f}" if high is None else f"{low:,.0f} to {high:,.0f}"
        case "rate":
            return f"{low:g}" if high is None else f"{low:g} to {high:g}"
    return f"{low:g} {unit_words(measure)}" + ("" if high is None else f" to {high:g}")


def latest_for(measure: Measure, area: str) -> Comparator | None:
    """The newest published figure for an area that can stand beside: the first one written."""
    return next((c for c in measure.comparators if c.area == area), None)


def apart_words(cell: Cell) -> str:
    """What is shown apart from the share, in words; empty where there is nothing."""
    found = [f"{n:,} {APART_ONE.get(name, words) if n == 1 else words}" for name, words in APART.items() if (n := getattr(cell, name))]
    return "; ".join(found)


# ----------------------------------------------------------------------------------------------- what it is


def definition_rows(measure: Measure, book: RuleBook) -> list[tuple[str, str]]:
    """What a measure is, line by line: what is counted, of what, over which period, from which source, and where it differs."""
    rows = [("Numerator", measure.numerator), ("Denominator", measure.denominator or "none: it is a count")]
    rows += [("Period", measure.period), ("Direction", BETTER_WORDS[measure.better])]
    rows += [("Target", f"{measure.target:g}" if measure.target is not None else measure.target_note)]
    sources = [f"{book.sources[s.id].title}, {s.at}" for s in measure.source]
    rows += [("Source", "; ".join(sources)), ("Checked", MARK_WORDS[measure.verified])]
    if measure.official:
        rows.append(("Official", measure.official.name))
        if measure.official.differs:
            rows.append(("Differs", measure.official.differs))
    if measure.computable != "yes":
        rows.append(("Needs", ", ".join(measure.needs)))
    if measure.because:
        rows.append(("Why not", measure.because))
    if measure.note:
        rows.append(("Note", measure.note))
    return rows


def published_lines(measure: Measure, book: RuleBook) -> list[str]:
    """Each published figure shown beside a measure, with its year, its source and whether that was read."""
    lines = []
    for c in measure.comparators:
        note = f" {c.note[0].upper()}{c.note[1:]}." if c.note else ""
        source = f"{book.sources[c.source.id].title}, {c.source.at}"
        lines.append(f"{c.area} {comparator_words(measure, c)}: {source}; {MARK_WORDS[c.verified]}.{note}")
    return lines


# ----------------------------------------------------------------------------------------------- how it is worked out


def steps(measure: Measure, book: RuleBook) -> list[str]:
    """How a measure is worked out, in sentences made from its computation."""
    compute = measure.compute
    if compute is None:
        return []
    units = compute.units
    found: list[str] = []
    if units.events:
        found.append(f"Counted: each {_events(units.events.event, units.events.where, book)} dated in the period.")
        if units.events.not_while:
            found.append(f"Not counted while open: {_span(units.events.not_while, book)}, begun on an earlier day.")
    elif units.flags:
        by = {"due": "fell due in the period", "answer": "were done in the period", "start": "began in the period"}.get(units.flags.by)
        found.append(f"Counted: duties of {listed(list(units.flags.rules))} that {by or 'are not done on the last day'}.")
        found.append(f"A duty counts where it is {listed([s.replace('_', ' ') for s in units.flags.met])}.")
    elif units.birthdays:
        ages = ", ".join(map(str, units.birthdays.ages))
        found.append(f"Counted: each birthday in the period at which a young person becomes {ages}; once for each birthday.")
    else:
        what = _span(units.open if units.open is not None else units.ended or "", book)
        found.append(f"Counted: each time {what}, {'open on the last day' if units.open is not None else 'that ended in the period'}.")
    if compute.value:
        value = compute.value
        start = f"from the {_pick(value.from_, book)}" if value.from_ else "from its start"
        end = f"to the {_pick(value.to, book)}" if value.to else "to its own day"
        found.append(f"Measured: {value.unit} {start} {end}; the first day is day 0.")
        if value.first:
            found.append("Only the first after each start; a later one is not judged by this clock.")
        if value.out_of_order == "zero":
            found.append("An end before the start counts as 0.")
    found += [f"In the denominator only where {condition_words(c, book)}." for c in compute.only]
    found += [f"Counts where {condition_words(c, book)}." for c in compute.counts]
    if compute.each == "child":
        found.append("Each child is counted once, and counts where every one of these does.")
    return found


def condition_words(c: Condition, book: RuleBook) -> str:
    """One condition as a clause."""
    if c.any:
        return " or ".join(condition_words(part, book) for part in c.any)
    if c.not_:
        return f"it is not so that {condition_words(c.not_, book)}"
    if c.where is not None:
        return f"it records {_tests(c.where)}"
    if c.again:
        return f"the same happened on an earlier day, no more than {c.again} before"
    if c.earlier:
        within = f", no more than {c.earlier.within} before" if c.earlier.within else ", however long before"
        return f"there was {_one(_events(c.earlier.event, c.earlier.where, book))} on an earlier day{within}"
    if c.later:
        within = f" within {c.later.within}" if c.later.within else ""
        return f"{_one(_events(c.later.event, c.later.where, book))} follows{within}"
    if c.last:
        parts = [f"records {_tests(c.last.is_)}"] if c.last.is_ else []
        parts += [f"records {name.replace('_', ' ')} of no more than {n}" for name, n in c.last.at_most.items()]
        parts += [f"is no more than {c.last.within} ago"] if c.last.within else []
        return f"the latest {_events(c.last.event, c.last.where, book)} {listed(parts) or 'is recorded'}"
    if c.around:
        said = f" says {_tests(c.around.is_)}" if c.around.is_ else " is there"
        kinds = _events(c.around.event, {}, book)
        return f"the nearest {kinds}, from {c.around.before} before the day to {c.around.after} after,{said}"
    if c.stays:
        return _stays(c)
    if c.lasted:
        said_of = (("lasted at least", c.lasted.at_least), ("lasted more than", c.lasted.more_than), ("lasted at most", c.lasted.at_most))
        return "it has " + listed([f"{words} {length}" for words, length in said_of if length])
    return _other_words(c, book)


def _other_words(c: Condition, book: RuleBook) -> str:
    if c.age:
        low = f"{c.age.at_least} or over" if c.age.at_least else ""
        high = f"under {c.age.under}" if c.age.under < 200 else ""
        return "the child is " + listed([w for w in (low, high) if w])
    if c.flags:
        return f"no duty of {listed(list(c.flags.rules))} in it is {listed([s.replace('_', ' ') for s in c.flags.none])}"
    if c.care:
        days = f"at least {c.care.at_least} in all since the birthday at {c.care.since_age}"
        return f"{_span(c.care.period, book)} for {days}, some of it at {c.care.reaching_age} or later"
    if c.not_in:
        return f"the child is not {_span(c.not_in, book)} that day"
    assert c.value
    return f"that is no more than {c.value.at_most}"


def _stays(c: Condition) -> str:
    assert c.stays
    spec = c.stays
    said = f"the present stay has lasted at least {spec.lasted}"
    if spec.at_least:
        said = f"there were {spec.at_least} or more stays of at least {spec.each} in the {spec.within} before, with those open at its start"
    if spec.temporary:
        said += f"; {spec.attribute} {', '.join(map(str, spec.temporary))} is no stay of its own"
    if spec.continues:
        said += f"; {spec.attribute} {', '.join(map(str, spec.continues))} goes on from the stay before"
    return said


def _events(kinds: Sequence[str], where: Mapping[str, Any], book: RuleBook) -> str:
    titles = [book.events[kind].title if kind in book.events else kind for kind in kinds]
    words = " or ".join(title[0].lower() + title[1:] if title[:2] != title[:2].upper() else title for title in titles)
    return f"{words} with {_tests(where)}" if where else words


def _one(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _pick(pick: Pick, book: RuleBook) -> str:
    return _events(pick.event, pick.where, book)


def _span(span: str | Span, book: RuleBook) -> str:
    if isinstance(span, str):
        return book.periods[span].title if span in book.periods else span
    starts = " or ".join(_pick(p, book) for p in span.start)
    ends = " or ".join(_pick(p, book) for p in span.end)
    return f"between {starts} and {ends}"


def _tests(tests: Mapping[str, Any]) -> str:
    return listed([f"{name.replace('_', ' ')} {_test(test)}" for name, test in tests.items()])


def _test(test: Any) -> str:
    if isinstance(test, Not):
        return "not " + " or ".join(map(_scalar, test.not_))
    return " or ".join(map(_scalar, test)) if isinstance(test, list) else _scalar(test)


def _scalar(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
