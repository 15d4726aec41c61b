"""Read the facts of many cases from a table: one row a fact, as CSV, Parquet or JSON lines; and the decisions made on them.

Columns: `child_id`, `fact`, `value`, and where known `evidence`, `specificity`, `timing`, `pattern`, `impact_on_child`,
`source_agency`, `subject` and `on`. A table stands beside the event log of the same children (`extract.facts.csv` beside
`extract.csv`) or alone. Each distinct way of recording a fact is read once, so that a million rows cost what they differ in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rrt_engine.calendar import NO_DAY
from rrt_engine.diagnostics import Diagnostic, did_you_mean
from rrt_engine.model import Fact, Int32s, Rejected, plural
from rrt_engine.rulebook.threshold_book import ThresholdBook
from rrt_engine.sources.event_log_columns import Coded, as_children, as_codes, as_moments, as_texts, brief, is_blank
from rrt_engine.sources.event_log_files import Needed, Table, heading, read_delimited, read_json_lines, read_parquet, refused
from rrt_engine.sources.facts import fact_from, nearest_fact

_CHILD = ("child_id", "case_id", "case")
_FACTS: Needed = {"child_id": _CHILD, "fact": ("fact", "indicator"), "value": ("value",)}
_DECISIONS: Needed = {"child_id": _CHILD, "level": ("level", "decided_level")}
_WORDS = ("evidence", "specificity", "timing", "pattern", "impact_on_child", "source_agency", "subject")
_OTHER_NAMES = {"impact": "impact_on_child", "agency": "source_agency", "reported_on": "on", "event_on": "on", "date": "on"}
_DECIDED = {"decided_pathways": "pathway", "decided_route": "pathway", "pathways": "pathway", "at": "on", "decided_on": "on"}
_DECISION_WORDS = ("pathway", "reason", "consent_status")
_LISTED = 50
"""How many different mistakes are listed one by one; the rest are counted, and every row is in `rejected`."""


@dataclass(frozen=True)
class Facts:
    """Recorded facts of many cases in columns: row i says that case `case[i]` has `records[record[i]]`.

    `cases` are ids as text, in order. `records` are the distinct ways in which facts are recorded, without their dates; `on`
    is each row's date as a day number, NO_DAY where unsaid. `line` is the row or line in the file.
    """

    cases: tuple[str, ...]
    case: Int32s
    record: Int32s
    on: Int32s
    records: tuple[Fact, ...]
    line: Int32s

    def __len__(self) -> int:
        return len(self.case)

    def of(self, case: int) -> tuple[Fact, ...]:
        """The facts of one case, as they stand in the file. Rows are sorted by case."""
        first, last = np.searchsorted(self.case, [case, case + 1])
        rows = range(int(first), int(last))
        return tuple(replace(self.records[self.record[i]], on=int(self.on[i]), line=int(self.line[i])) for i in rows)


@dataclass(frozen=True)
class FactReading:
    """A table of facts as read. Every row was either used or rejected."""

    file: str
    format: str
    facts: Facts
    records_read: int
    records_used: int
    rejected: tuple[Rejected, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def __post_init__(self) -> None:
        if self.records_read != self.records_used + len(self.rejected):
            raise ValueError(f"{self.records_read} records read, but {self.records_used} used and {len(self.rejected)} rejected")


@dataclass(frozen=True)
class Decided:
    """What a person decided on one case: the level, and where it is recorded the pathway, the reason, the day and consent."""

    level: int
    pathway: str = ""
    reason: str = ""
    on: int = NO_DAY
    consent_status: str = ""


@dataclass(frozen=True)
class DecisionReading:
    """Decisions as read, the latest of each case. Every row was either used or rejected; `superseded` counts earlier ones."""

    file: str
    decisions: Mapping[str, Decided]
    records_read: int
    records_used: int
    superseded: int = 0
    rejected: tuple[Rejected, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


# ------------------------------------------------------------------------------------------------------------- facts


def read_facts(path: Path | str, book: ThresholdBook) -> FactReading:
    """Read a table of facts. Raises InputError when it is none; a row that is wrong is rejected with the reason."""
    path = Path(path)
    table = _table(path, _FACTS, _OTHER_NAMES, "fact")
    known = ("child_id", "fact", "value", *_WORDS, "on")
    _unused(table, known)
    child, children = as_children(table.columns["child_id"])
    columns = {name: table.columns[name] for name in ("fact", "value", *_WORDS) if name in table.columns}
    coded = {name: as_codes(column) for name, column in columns.items()}
    if "subject" in coded:
        coded["subject"] = _without_own(coded["subject"], child, children)
    record, distinct = _combined(coded, table.n)
    records: list[Fact] = []
    place = np.full(len(distinct) + 1, -1, np.int32)
    why: dict[int, _Mistake] = {}
    known_facts: dict[Fact, int] = {}
    for i, given in enumerate(distinct):
        found = _fact(given, book, len(why) < _LISTED)
        if isinstance(found, _Mistake):
            why[i] = found
        else:
            place[i] = known_facts.setdefault(found, len(known_facts))
    records = list(known_facts)
    on = np.full(table.n, NO_DAY, np.int32)
    bad_day, day_why = np.zeros(table.n, np.bool_), None
    if "on" in table.columns:
        moments = as_moments(table.columns["on"])
        on, day_why = moments.day, moments.why
        bad_day = (on == NO_DAY) & ~is_blank(table.columns["on"])
    row_place = place[record] if table.n else np.zeros(0, np.int32)
    good = (child >= 0) & (row_place >= 0) & ~bad_day
    if not bool(good.all()):

        def reason(i: int) -> _Mistake:
            if child[i] < 0:
                return _Mistake("no_child", "`child_id` is blank")
            if row_place[i] < 0:
                return why[int(record[i])]
            said = day_why(i).replace("`at`", "`on`") if day_why else ""
            return _Mistake("date", said, "write it as 2026-04-15")

        _reject(table, path.name, np.flatnonzero(~good), reason, child, children)
    kept = np.flatnonzero(good)
    names = [str(c) for c in children]
    used = np.unique(child[kept])
    number = np.zeros(len(names) + 1, np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    case = number[child[kept]]
    order = np.arange(len(kept)) if bool((case[1:] >= case[:-1]).all()) else np.argsort(case, kind="stable")
    kept = kept[order]
    facts = Facts(tuple(names[i] for i in used.tolist()), case[order], row_place[kept], on[kept], tuple(records), table.row[kept])
    read = len(kept) + len(table.rejected)
    return FactReading(path.name, table.format, facts, read, len(kept), tuple(table.rejected), tuple(table.diagnostics))


def facts_of_cases(cases: Iterable[tuple[str, Sequence[Fact]]]) -> Facts:
    """The facts of case files as the same columns. A case is named once."""
    ids: list[str] = []
    case: list[int] = []
    known: dict[Fact, int] = {}
    record: list[int] = []
    on: list[int] = []
    line: list[int] = []
    for name, facts in sorted(cases, key=lambda each: each[0]):
        for fact in facts:
            case.append(len(ids))
            record.append(known.setdefault(replace(fact, on=NO_DAY, line=0), len(known)))
            on.append(fact.on)
            line.append(fact.line)
        ids.append(name)
    columns = [np.array(values, np.int32) for values in (case, record, on, line)]
    return Facts(tuple(ids), columns[0], columns[1], columns[2], tuple(known), columns[3])


def _without_own(subject: Coded, child: Int32s, children: np.ndarray[Any, Any]) -> Coded:
    """The subjects, blank where a row names the case's own child by its id: the same child is not another one."""
    named = np.flatnonzero((subject.codes >= 0) & (child >= 0))
    pairs, first = _distinct(subject.codes[named].astype(np.int64) * (len(children) + 1) + child[named])
    own = [str(subject.values[subject.codes[i]]).strip().lower() == str(children[child[i]]).strip().lower() for i in named[first].tolist()]
    codes = subject.codes.copy()
    if any(own):
        codes[named[np.array(own, np.bool_)[pairs]]] = -1
    return Coded(codes, subject.values)


@dataclass(frozen=True)
class _Mistake:
    code: str
    message: str
    help: str = ""


def _fact(given: Mapping[str, Any], book: ThresholdBook, listed: bool) -> Fact | _Mistake:
    """One distinct way of recording a fact, or the first thing wrong with it; the nearest facts are looked for where it is listed."""
    data: dict[str, Any] = {}
    for name, value in given.items():
        data[name] = _cell(name, value)
    if data.get("fact") is None:
        return _Mistake("no_fact", "`fact` is blank", "find it with: rrt facts WORDS")
    if data["fact"] not in book.facts:
        return _Mistake(
            "unknown_fact", f"unknown fact `{brief(given['fact'])}`", nearest_fact(str(data["fact"])[:80], book) if listed else ""
        )
    data["value"] = "unknown" if data.get("value") is None else data["value"]  # a blank cell is not a yes, and not a no
    found: list[_Mistake] = []
    fact = fact_from(
        {k: v for k, v in data.items() if v is not None},
        (),
        book,
        lambda _, code, message, help="": found.append(_Mistake(code, message, help)),
    )
    return fact if fact is not None else found[0]


def _cell(name: str, value: Any) -> Any:
    """A cell as a fact expects it: words in small letters, and Excel's TRUE and FALSE as what they mean."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value).strip()
    if not text:
        return None
    if name in ("fact", "evidence", "specificity", "timing", "pattern", "impact_on_child"):
        return heading(text)
    if name == "value":
        small = text.lower()
        return {"true": True, "yes": True, "false": False, "no": False}.get(small, heading(text) if small[:1].isalpha() else text)
    return text


# --------------------------------------------------------------------------------------------------------- decisions


def read_decisions(path: Path | str, book: ThresholdBook, as_of: int) -> DecisionReading:
    """Read a table of decisions; of each case the latest up to a day. Raises InputError when it is none.

    Columns: `child_id`, `level`, and where known `pathway`, `on`, `reason` and `consent_status`. An export of the record of
    decisions is read too.
    """
    path = Path(path)
    table = _table(path, _DECISIONS, _DECIDED, "decision")
    child, children = as_children(table.columns["child_id"])
    levels = as_codes(table.columns["level"])
    read = [_level(v) for v in levels.values]
    level = np.array([*(n or 0 for n in read), 0], np.int32)[levels.codes]
    on = np.full(table.n, NO_DAY, np.int32)
    bad_day, day_why = np.zeros(table.n, np.bool_), None
    if "on" in table.columns:
        moments = as_moments(table.columns["on"])
        on, day_why = moments.day, moments.why
        bad_day = (on == NO_DAY) & ~is_blank(table.columns["on"])
    words = {name: as_texts(table.columns[name]) for name in _DECISION_WORDS if name in table.columns}
    unknown = _unknown_pathways(words.get("pathway"), book)
    later = on > as_of
    wrong_pathway = np.array([*unknown, False], np.bool_)[words["pathway"].codes] if "pathway" in words else np.zeros(table.n, np.bool_)
    good = (child >= 0) & (level > 0) & ~bad_day & ~wrong_pathway & ~later

    def reason(i: int) -> _Mistake:
        if child[i] < 0:
            return _Mistake("no_child", "`child_id` is blank")
        if level[i] == 0:
            given = levels.values[levels.codes[i]] if levels.codes[i] >= 0 else ""
            said = f"`{brief(given)}` is not a level" if given != "" else "`level` is blank"
            return _Mistake("level", said, "it may be 1, 2, 3 or 4")
        if wrong_pathway[i]:
            name = str(words["pathway"].values[words["pathway"].codes[i]])
            return _Mistake("unknown_pathway", f"unknown pathway `{brief(name)}`", did_you_mean(name, book.pathways))
        if bad_day[i]:
            return _Mistake("date", day_why(i).replace("`at`", "`on`") if day_why else "", "write it as 2026-04-15")
        return _Mistake("later", "decided after the as-of date", "")

    _reject(table, path.name, np.flatnonzero(~good), reason, child, children)
    kept = np.flatnonzero(good)
    kept = kept[np.lexsort((on[kept], child[kept]))]  # stable, so that of one day the last in the file stands
    decisions: dict[str, Decided] = {}
    for i in kept.tolist():
        said = {name: coded.values[coded.codes[i]] if coded.codes[i] >= 0 else "" for name, coded in words.items()}
        first = str(said.get("pathway", "")).split(" ")[0]
        decisions[str(children[child[i]])] = Decided(
            int(level[i]), first, str(said.get("reason", "")), int(on[i]), str(said.get("consent_status", ""))
        )
    used, rejected = len(kept), len(table.rejected)
    return DecisionReading(
        path.name, decisions, used + rejected, used, used - len(decisions), tuple(table.rejected), tuple(table.diagnostics)
    )


def _unknown_pathways(column: Coded | None, book: ThresholdBook) -> list[bool]:
    return [any(word not in book.pathways for word in str(v).split()) for v in column.values] if column else []


def _level(value: Any) -> int | None:
    text = str(value).strip().lower().removeprefix("level").strip()
    return int(text) if text in ("1", "2", "3", "4") else None


# ----------------------------------------------------------------------------------------------------- tables in general


def _table(path: Path, needed: Needed, others: Mapping[str, str], one: str) -> Table:
    """A file as a table with the columns needed; another name of a column becomes that column."""
    try:
        with path.open("rb") as opened:
            head = opened.read(65_536)
    except OSError as error:
        raise refused(str(path), "unreadable", f"cannot read the file: {error.strerror or error}") from None
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise refused(str(path), "empty", f"the file is empty; expected one row a {one}, under a row of column names")
    if head[:4] == b"PAR1":
        table = read_parquet(path, needed)
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        table = read_json_lines(path, needed)
    elif head[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") or path.suffix.lower() == ".parquet":
        raise refused(str(path), "format", f"this is not a table of {one}s as CSV, Parquet or JSON lines", "save the sheet as CSV (UTF-8)")
    else:
        table = read_delimited(path, head, needed)
    for other, name in others.items():
        if other in table.columns and name not in table.columns:
            table.columns[name] = table.columns.pop(other)
    return table


def _unused(table: Table, known: Sequence[str]) -> None:
    for name in table.columns:
        if name not in known:
            table.say("unknown_column", f"the column `{brief(name)}` says nothing about a fact and is not used", did_you_mean(name, known))


def _combined(columns: Mapping[str, Coded], n: int) -> tuple[Int32s, list[dict[str, Any]]]:
    """Each row's combination of values as a code, and the distinct combinations."""
    code = np.zeros(n, np.int64)
    for column in columns.values():
        size = len(column.values) + 1
        if n and int(code.max()) > (2**62) // size:
            code = _distinct(code)[0]
        code = code * size + column.codes + 1
    codes, first = _distinct(code)
    rows = {name: column.codes[first].tolist() for name, column in columns.items()}
    found = [{name: columns[name].values[at[i]] if at[i] >= 0 else None for name, at in rows.items()} for i in range(len(first))]
    return codes.astype(np.int32), found


def _distinct(code: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, Any]]:
    """Codes from 0 for the distinct numbers of an array in the order met, and where each is met first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(pa.array(code))
    codes = np.asarray(encoded.indices).astype(np.int64)
    first = np.full(len(encoded.dictionary), len(code), np.int64)
    first[codes[::-1]] = np.arange(len(code) - 1, -1, -1)
    return codes, first


def _reject(
    table: Table, name: str, rows: np.ndarray[Any, Any], reason: Callable[[int], _Mistake], child: Int32s, children: np.ndarray[Any, Any]
) -> None:
    """Set rows aside, each with its reason; each different mistake is said once, at its first line, with its count."""
    found: dict[_Mistake, list[int]] = {}
    for i in rows.tolist():
        mistake, line = reason(i), int(table.row[i])
        table.rejected.append(Rejected(name, line, mistake.message, "" if child[i] < 0 else str(children[child[i]])))
        found.setdefault(mistake, []).append(line)
    for mistake, lines in list(found.items())[:_LISTED]:
        message = f"{mistake.message}: {plural(len(lines), 'row')} not used"
        table.say(mistake.code, message, mistake.help, line=lines[0])
    if len(found) > _LISTED:
        rest = list(found.values())[_LISTED:]
        table.say("more", f"{plural(len(rest), 'more mistake')}: {plural(sum(map(len, rest)), 'row')} not used")


__all__ = ["Decided", "DecisionReading", "FactReading", "Facts", "facts_of_cases", "read_decisions", "read_facts"]
