"""Feed every reader files that nobody would make on purpose: `python tools/fuzz.py [READER ...] --seconds 60`.

A reader ends in what it read, every record used or rejected, or in an InputError that says what is wrong. Anything else is a
fault: another exception, more than ten seconds, text that cannot be shown, a value shown outside backticks, or a log that does
not come back as it was when it is written and read again. Files are sound ones with pieces changed, cut, repeated and swapped.

With atheris installed (`pip install atheris`, Linux) the changes are led by which lines of the readers they reach, and inputs
that reach new ones are kept in `--corpus`. Without it hypothesis makes them, as it does for a few seconds in the test suite.
Each fault is told once, by where it was raised, and its input is kept in the folder `--faults`. Ends with 1 where there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import pkgutil
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

SECONDS = 10
"""How long a reader may take over one file."""
MOST = 16_384
"""The largest input that is made, in bytes."""
MARK = b"Zebulon"
"""A value that stands for a name: it may be shown in backticks, as a value that is wrong, and nowhere else."""
WORDS: tuple[bytes, ...] = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"\xc2\xa0", b"\xe2\x80\xa8", b"\r", b"\n", b"\n\n", b"\t"),
    *(b'"', b"'", b"`", b",", b";", b"|", b"{", b"}", b"[", b"]", b":", b"- ", b"? ", b"!!python/object:x ", b"&a ", b"*a", b"<<: "),
    *(b"0", b"-1", b"1.0", b"1e999", b"NaN", b"Infinity", b"-inf", b"9" * 30, b"9" * 5000, b"2147483648", b"9223372036854775808"),
    *(b"true", b"false", b"null", b"[[1]]", b"{}", b"0000-00-00", b"0001-01-01", b"0001-01-01T00:00+14:00", b"9999-12-31"),
    *(b"9999-12-31T23:59-14:00", b"2026-02-30", b"2026-03-29T01:30", b"2025-10-26T01:30", b"31/12/9999", b"45000", b"2026-04-10T24:00"),
    *(b"\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-04-10", b"=1+1", b"@x", MARK, MARK + b" " * 3 + MARK, b"<", b">", b"</", b"/>", b"&x;", b"&#0;"),
    *(b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"<![CDATA[", b"<!--", b"<?x?>", b"xmlns:a='b' ", b"child_id", b"event", b"at"),
)


@dataclass(frozen=True)
class Reader:
    """One reader: sound files to begin with, how bytes become a source in an empty folder, and how that is read."""

    name: str
    seeds: Callable[[], list[bytes]]
    source: Callable[[Path, bytes], Path]
    read: Callable[[Path], Any]
    parts: tuple[str, ...] = ("rrt_engine.sources", "rrt_engine.calendar", "rrt_engine.rulebook.strict_yaml")


class Fault(AssertionError):
    """What a reader did that it should not: found by looking at what it gave, not raised by it."""


# ------------------------------------------------------------------------------------------------------ what must hold


def outcome(reader: Reader, data: bytes, folder: Path) -> str:
    """`read` or `refused`; anything else is raised. The folder must be empty, and is left so."""
    from rrt_engine.diagnostics import InputError

    try:
        path = reader.source(folder, data)
        with within(SECONDS):
            try:
                found = reader.read(path)
            except InputError as error:
                said(error.diagnostics, data)
                if not error.diagnostics:
                    raise Fault("refused without a reason") from None
                return "refused"
        whole(found, data, folder)
        return "read"
    finally:
        emptied(folder)


def emptied(folder: Path) -> None:
    """Remove what is in a folder, and in the folders in it."""
    for each in folder.iterdir():
        if each.is_dir():
            emptied(each)
            each.rmdir()
        else:
            each.unlink()


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise Fault where something takes longer."""

    def late(*_: object) -> None:
        raise Fault(f"took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def said(diagnostics: Any, data: bytes) -> None:
    """Every diagnostic has text that can be shown, and shows values in backticks only."""
    for each in diagnostics:
        if not each.message.strip() or not each.code:
            raise Fault("a diagnostic without text")
        text = shown(f"{each.message}\n{each.help}")
        if MARK in data and b"`" not in data and MARK.decode() in re.sub(r"`[^`]*`", "", text):
            raise Fault("a value outside backticks")


def shown(text: str) -> str:
    """Text as it is, where a terminal can show it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Fault("text that cannot be written") from None
    return text


def whole(found: Any, data: bytes, folder: Path) -> None:
    """Every record is used or rejected, and the log is in order and can be written."""
    from rrt_engine.sources.reading import Reading

    said(getattr(found, "diagnostics", ()), data)
    rejected = getattr(found, "rejected", ())
    if any(not r.why.strip() for r in rejected):
        raise Fault("rejected without a reason")
    for each in rejected:
        shown(each.why)
    if not isinstance(found, Reading):
        return
    if found.records_read != found.records_used + len(rejected):
        raise Fault("read is not used and rejected")
    in_order(found.log)
    if len(data) % 4 == 0:
        written(found.log, folder)


def in_order(log: Any) -> None:
    """The columns of a log are as long as it is, sorted, and hold codes that mean something."""
    import numpy as np

    n, m = len(log), len(log.children)
    for name in ("kind", "day", "instant", "span", "ref", "recorded", "latest_only", "suspect", "origin", "origin_row"):
        column = getattr(log, name)
        if column is not None and len(column) != n:
            raise Fault(f"{name} has another length")
    if n and (log.child.min() < 0 or log.child.max() >= m or log.kind.min() < 0 or log.kind.max() >= len(log.kinds)):
        raise Fault("codes that mean nothing")
    if n and not bool(((np.diff(log.child) > 0) | ((np.diff(log.child) == 0) & (np.diff(log.day) >= 0))).all()):
        raise Fault("events out of order")
    if n and (int(log.day.min()) < 365 or int(log.day.max()) > 32_507):
        raise Fault("a day that is none")
    for text in (*map(str, log.children), *log.refs, *log.attributes, *(v for a in log.attributes.values() for v in a.values)):
        if isinstance(text, str):
            shown(text)


def written(log: Any, folder: Path) -> None:
    """A log that is written and read again is the same log."""
    from rrt_engine.sources.event_log import read_event_log
    from rrt_engine.sources.event_log_write import columns_of, left_out, write_event_log

    if left_out(log) or any(len({type(v) for v in a.values}) > 1 for a in log.attributes.values()):
        return  # said to the person who converts; a column of two types comes back as text
    write_event_log(log, folder / "again.parquet", ".parquet")
    if not len(log) and not len(log.children):
        return
    again = read_event_log(folder / "again.parquet", books()[0])
    if again.rejected:
        raise Fault(f"rejected when written and read again: {again.rejected[0].why[:60]}")
    before, after = columns_of(log), columns_of(again.log)
    if [c.name for c in before] != [c.name for c in after] or any(len(a.codes) != len(b.codes) for a, b in zip(before, after, strict=True)):
        raise Fault("another log when written and read again")


# ------------------------------------------------------------------------------------------------------ the readers


_books: list[Any] = []


def books() -> list[Any]:
    """The rule set and the threshold rules that came with rrt, loaded once."""
    if not _books:
        from rrt_engine.paths import RULES
        from rrt_engine.rulebook.load import load
        from rrt_engine.rulebook.load_thresholds import load_thresholds

        book = load(RULES)
        _books.extend([book, load_thresholds(RULES, book)])
    return _books


def top(path: Path, lines: int = 12) -> bytes:
    """The first lines of a file."""
    return b"".join(path.read_bytes().splitlines(keepends=True)[:lines])


def at(path: str) -> Path:
    """A file of the repository."""
    return ROOT / path


def one_file(name: str) -> Callable[[Path, bytes], Path]:
    """A source that is one file."""

    def source(folder: Path, data: bytes) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return source


_PART = re.compile(rb"^=== ([\w. ]{1,40})\r?\n", re.MULTILINE)


def joined(files: dict[str, bytes]) -> bytes:
    """Several files as one input."""
    return b"".join(b"=== " + name.encode() + b"\n" + data.rstrip(b"\n") + b"\n" for name, data in files.items())


def many_files(folder: Path, data: bytes) -> Path:
    """A source that is a folder of files."""
    pieces = _PART.split(data)
    for name, piece in zip(pieces[1::2], pieces[2::2], strict=False):
        if name.strip(b". "):
            (folder / name.decode().strip()).write_bytes(piece)
    return folder


def a_source(path: Path) -> Any:
    """Any source as the command reads it, told by its name and contents."""
    from rrt_engine.sources.detect import read_source, sources_in

    found = sources_in(path)
    return read_source(found[0], books()[0])


_EVENTS = b"""child_id,event,at,ref,date_of_birth,recorded_at,team,outcome,urgent
C1,contact_received,2025-09-18T15:10,K1,2021-03-21,2025-09-19,North,,true
C1,contact_outcome_recorded,2025-09-19T13:45,K1,2021-03-21,,North,referral,
C2,cp_visit,2025-10-26T01:30,R1,,2025-10-27,South,,no
C2,referral_received,2025-10-01,R1,,,South,,
"""
_TYPES = ("string", "large", "dictionary", "int64", "uint8", "double", "float", "bool", "date32", "date64", "s", "ms", "us", "ns")
_TYPES += ("tz", "decimal", "binary", "time32", "null", "list", "struct")


def event_logs() -> list[bytes]:
    """Event logs as CSV."""
    return [
        _EVENTS,
        top(at("cases/sample/events.csv")),
        _EVENTS.replace(b",", b";").replace(b"\n", b"\r\n"),
        _EVENTS.decode().encode("utf-16"),
        b"child_id,event,at,origin,origin_row,latest_only,suspect,alike_number,wanted\n"
        b"C1,cp_visit,2026-01-02,a.csv,7,true,,2,2026-01-01\nC1,cp_visit,2026-01-02,b.csv List_7,12,,true,,\nC2,,,,,,,,\n",
    ]


def json_lines() -> list[bytes]:
    """Event logs as JSON lines."""
    return [
        b'{"child_id": "C1", "event": "cp_visit", "at": "2026-01-02", "ref": "P1", "attributes": {"seen_alone": true, "n": 3}}\n'
        b'{"child_id": 2, "event": "referral_received", "at": "2026-01-02T10:30", "date_of_birth": "2020-02-29"}\n'
        b'{"child_id": 2, "event": "case_closed", "at": "2026-01-09", "recorded_at": null, "latest_only": true, "alike_number": 2}\n'
    ]


def parquet(folder: Path, data: bytes) -> Path:
    """CSV text as a Parquet file: the type of a column stands after its name, as in `at:ms`."""
    import csv

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(csv.reader(data.decode("utf-8", "ignore").replace("\0", "").splitlines()))[:200]
    names = [cell.partition(":") for cell in (rows[0] if rows else [])][:40]
    columns, fields = [], []
    for i, (name, _, kind) in enumerate(names):
        cells = [row[i] if i < len(row) and row[i] else None for row in rows[1:]]
        column = arrow(cells, kind)
        columns.append(column)
        fields.append(pa.field(name, column.type))
    path = folder / "log.parquet"
    if columns:
        pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), path, row_group_size=2 if len(data) % 3 == 0 else 100)
    else:
        path.write_bytes(data)
    return path


def arrow(cells: list[str | None], kind: str) -> Any:
    """Cells as a column of a type, empty where one cannot be it."""
    import datetime as d

    import pyarrow as pa

    def number(cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            return float(d.datetime.fromisoformat(cell).timestamp())

    types: dict[str, tuple[Any, Callable[[str], Any]]] = {
        "large": (pa.large_string(), str),
        "int64": (pa.int64(), lambda c: int(number(c))),
        "uint8": (pa.uint8(), lambda c: int(number(c))),
        "double": (pa.float64(), number),
        "float": (pa.float32(), number),
        "bool": (pa.bool_(), lambda c: c in ("true", "1", "yes")),
        "date32": (pa.date32(), lambda c: int(number(c) // 86_400)),
        "date64": (pa.date64(), lambda c: int(number(c) // 86_400) * 86_400_000),
        "decimal": (pa.decimal128(30, 2), lambda c: __import__("decimal").Decimal(c)),
        "binary": (pa.binary(), lambda c: c.encode("utf-16")),
        "time32": (pa.time32("s"), lambda c: int(number(c)) % 86_400),
        "null": (pa.null(), lambda _: None),
        "list": (pa.list_(pa.string()), lambda c: [c]),
        "struct": (pa.struct([("a", pa.string())]), lambda c: {"a": c}),
        "tz": (pa.timestamp("us", tz="Europe/London"), lambda c: int(number(c) * 1e6)),
        **{u: (pa.timestamp(u), lambda c, p=10**p: int(number(c) * p)) for u, p in (("s", 0), ("ms", 3), ("us", 6), ("ns", 9))},
    }
    type_, convert = types.get(kind, (pa.string(), str))

    def value(cell: str | None) -> Any:
        if cell is None:
            return None
        try:
            made = convert(cell)
            pa.array([made], type_)
        except (ValueError, ArithmeticError, OSError, pa.ArrowException):
            return None
        return made

    column = pa.array([value(cell) for cell in cells], type_)
    return column.dictionary_encode() if kind == "dictionary" else column


def parquets() -> list[bytes]:
    """CSV text for Parquet, its columns in many types."""
    plain = [
        b"child_id,event,at,ref\nC1,cp_visit,2026-01-02,R1\nC2,cp_visit,2026-01-03T10:00,\n",
        b"child_id:int64,event:dictionary,at:ms,origin,origin_row:int64,latest_only:bool,alike_number:double\n1,cp_visit,2026-01-02,a,7,1,2\n",
    ]
    typed = [
        b"child_id:" + a.encode() + b",event,at:" + b.encode() + b",seen_alone:" + a.encode() + b"\n1,cp_visit,2026-01-02,1\n"
        for a, b in zip(_TYPES, reversed(_TYPES), strict=True)
    ]
    return plain + typed


def sheets(data: bytes) -> dict[str, list[list[Any]]]:
    """Files of CSV text as the cells of sheets, with numbers, dates and true or false where cells look so."""
    import csv
    from datetime import datetime

    def cell(text: str) -> Any:
        if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", text):
            return float(text)
        if text in ("TRUE", "FALSE"):
            return text == "TRUE"
        try:
            return datetime.fromisoformat(text) if "T" in text else datetime.fromisoformat(text).date()
        except ValueError:
            return text

    pieces = _PART.split(data)
    found = {}
    for name, piece in zip(pieces[1::2], pieces[2::2], strict=False):
        rows = csv.reader(piece.decode("utf-8", "ignore").replace("\0", "").splitlines())
        found[name.decode()] = [[cell(text) for text in row] for row in rows]
    return found


def a_workbook(path: Path) -> Any:
    """A workbook whose cells are those of CSV text: what Annex A is read from, without the library that opens workbooks."""
    import rrt_engine.sources.annex_a_sheets as opened

    before, data = opened.cells_of, path.read_bytes()
    opened.cells_of = lambda _, wanted: {name: sheets(data)[name] for name in wanted(list(sheets(data)))}  # type: ignore[assignment]
    try:
        return a_source(path)
    finally:
        opened.cells_of = before


def annex_a_lists() -> list[bytes]:
    """The lists of the example workbook, a few rows of each, as CSV text."""
    import csv

    from rrt_engine.sources.annex_a_sheets import sheets_in

    files = {}
    for sheet in sheets_in(at("tests/data/annex_a/child_event_journeys_annexa_example.xlsx")):
        held = io.StringIO()
        csv.writer(held, lineterminator="\n").writerows([[str(c)[:40] for c in row] for row in sheet.cells[:4]])
        files[f"List {sheet.number}.csv"] = held.getvalue().encode()
    names = list(files)
    return [joined({n: files[n] for n in names[i : i + 3]}) for i in range(0, len(names), 3)]


def workbooks() -> list[bytes]:
    """Small workbooks."""
    import xlsxwriter

    made = []
    for lists in annex_a_lists():
        held = io.BytesIO()
        with xlsxwriter.Workbook(held) as book:
            for name, rows in sheets(lists).items():
                sheet = book.add_worksheet(name.removesuffix(".csv"))
                for i, row in enumerate(rows):
                    sheet.write_row(i, 0, [str(c) if hasattr(c, "year") else c for c in row])
        made.append(held.getvalue())
    return made


def xls() -> list[bytes]:
    """An old workbook."""
    return [at("tests/data/annex_a/dirty_example-A-2005.xls").read_bytes()]


def censuses() -> list[bytes]:
    """Census returns."""
    folder = at("tests/data/cin_census")
    return [(folder / n).read_bytes() for n in ("CIN2rows.xml", "CIN_Census_2024.xml", "liia_cin-2022.xml", "CIN_Census_2021.xml")]


def returns() -> list[bytes]:
    """SSDA903 returns as folders of tables."""
    folder = at("tests/data/ssda903/cscsynth_seed1001/2023_24")
    files = {p.name: top(p, 5) for p in sorted(folder.iterdir())}
    names = list(files)
    return [joined({"header.csv": files["header.csv"], "episodes.csv": files["episodes.csv"], n: files[n]}) for n in names]


def returns_xml() -> list[bytes]:
    """The beginning of an XML return, closed again."""
    text = at("tests/data/ssda903/fake_903_part.xml").read_bytes()
    tag = re.search(rb"<(\w*SSDA903)", text)
    end = [m.end() for m in re.finditer(rb"</CHILD>", text)]
    wanted = next((e for e in end if e > 3000), end[-1])
    return [text[:wanted] + b"\n</" + (tag[1] if tag else b"EXPSSDA903") + b">\n"]


def datasets() -> list[bytes]:
    """Folders of tables of the Standard Safeguarding Dataset."""
    files = {p.name: top(p, 4) for p in sorted(at("tests/data/ssd/authority").iterdir()) if p.suffix == ".csv"}
    names = list(files)
    own = {"ssd_person.csv": files["ssd_person.csv"], "ssd_cin_episodes.csv": files["ssd_cin_episodes.csv"]}
    return [joined(own | {n: files[n] for n in names[i : i + 4]}) for i in range(0, len(names), 4)]


def submissions() -> list[bytes]:
    """Submissions to the CSC API, alone and several."""
    folder = at("tests/data/csc_api")
    alone = [joined({p.name: p.read_bytes()}) for p in sorted(folder.glob("payload_*.json"))]
    return [*alone, joined({p.name: p.read_bytes() for p in sorted((folder / "daily").iterdir())})]


def ocels() -> list[bytes]:
    """A small log in OCEL 2.0 JSON."""
    return [
        b'{"objectTypes":[{"name":"child","attributes":[]},{"name":"referral","attributes":[]}],"eventTypes":[{"name":"cp_visit","attributes":[]}],'
        b'"objects":[{"id":"C1","type":"child","attributes":[{"name":"date_of_birth","time":"1970-01-01T00:00:00Z","value":"2020-01-02"}],'
        b'"relationships":[{"objectId":"R1","qualifier":"of"}]},{"id":"C2","type":"child"},{"id":"R1","type":"referral"}],'
        b'"events":[{"id":"e1","type":"referral_received","time":"2026-01-02T10:00:00Z","attributes":[{"name":"team","value":"T1"},'
        b'{"name":"precision","value":"day"}],"relationships":[{"objectId":"C1","qualifier":"c"},{"objectId":"R1","qualifier":"r"}]},'
        b'{"id":"e2","type":"cp_visit","time":"2026-01-03T00:00:00Z","relationships":[{"objectId":"C1","qualifier":"c"},{"objectId":"C2","qualifier":"c"}]}]}'
    ]


def cases() -> list[bytes]:
    """Case files."""
    return [p.read_bytes() for p in sorted(at("cases/training").glob("*.yaml"))[:8]] + [
        b"case: C1\ncovers: {from: 2025-01-01, to: 2026-01-01, kind: snapshot, events: [cp_visit]}\n"
        b"child: {date_of_birth: 2020-02-29}\n"
        b"events:\n  - {event: cp_visit, at: 2025-10-26T01:30, ref: P1, recorded_at: 2025-11-01, seen_alone: true}\n"
        b"author: {level: 3, pathways: [family_help_s17], because: x, learn: y}\nsteps: [{at: 2025-01-01, tell: a, facts: [], ask: b}]\n"
    ]


def a_case(path: Path) -> Any:
    """A case with its facts."""
    from rrt_engine.sources.case_file import read_case

    book, thresholds = books()
    case = read_case(path, book, None, lambda: thresholds)
    in_order(case.log)
    return case


def covers() -> list[bytes]:
    """What an event log covers."""
    return [
        at("cases/sample/events.covers.yaml").read_bytes(),
        b"from: 2025-01-01\nto: 2026-01-01\nkind: history\nlatest: [cp_visit]\nsince: {cp_visit: 2025-02-01}\n"
        b"until: {rcpc_held: 2025-12-01}\n"
        b"whole: {s47_started: [icpc_held]}\nevents: [cp_visit, s47_started, icpc_held]\n",
    ]


def beside_a_log(folder: Path, data: bytes) -> Path:
    """A covers file beside a sound log."""
    (folder / "log.covers.yaml").write_bytes(data)
    return one_file("log.csv")(folder, _EVENTS)


def facts(path: Path) -> Any:
    """A table of facts."""
    from rrt_engine.sources.fact_tables import read_facts

    return read_facts(path, books()[1])


def decided(path: Path) -> Any:
    """A table of decisions."""
    from rrt_engine.sources.fact_tables import read_decisions

    return read_decisions(path, books()[1], 20_600)


def exported(path: Path) -> Any:
    """An export of the record of decisions."""
    from rrt_engine.decisions import verify_export

    return verify_export(path)


def exports() -> list[bytes]:
    """An export of a record of decisions that is not a record of anything."""
    return [b'{"number": 1, "previous": "", "case": "C1", "level": 3, "outcome": "x", "hash": "00"}\n{"number": 2}\n']


def fact_lines() -> list[bytes]:
    """Facts as JSON lines."""
    return [
        b'{"child_id": "S1", "fact": "neglect_level", "value": "severe", "evidence": "reported", "on": "2025-09-18", '
        b'"subject": "sibling"}\n'
        b'{"child_id": 2, "fact": "was_not_brought_count_12m", "value": 3}\n'
        b'{"child_id": 2, "fact": "attendance_percent", "value": 2.5, "pattern": "single"}\n'
    ]


_HOLIDAYS = b"date,name\n2026-12-25,Christmas Day\n2027-12-31,announced to\n"


def rules(folder: Path, data: bytes) -> Path:
    """A small rule set with some of its files replaced."""
    from tests.small_rules import rule_set

    made = rule_set(folder / "rules")
    (made / "bank_holidays.csv").write_bytes(_HOLIDAYS)
    pieces = _PART.split(data)
    for name, piece in zip(pieces[1::2], pieces[2::2], strict=False):
        wanted = name.decode().strip()
        if wanted in ("rulebook.yaml", "events.yaml", "sources.yaml", "parameters.yaml", "bank_holidays.csv"):
            (made / wanted).write_bytes(piece)
        else:
            next((made / "made").glob("*.yaml")).write_bytes(piece)
    return made


def rule_files() -> list[bytes]:
    """Each file of the small rule set, and some rules that came with rrt."""
    from tests.small_rules import ABOUT, EVENTS, PARAMETERS, PROVED, SOURCES

    own = {"rulebook.yaml": ABOUT, "events.yaml": EVENTS, "sources.yaml": SOURCES, "parameters.yaml": PARAMETERS, "rule.yaml": PROVED}
    shipped = [p.read_bytes()[:4000] for p in sorted(at("rules").glob("*/*.yaml"))[:6]]
    return [
        *(joined({n: t.encode()}) for n, t in own.items()),
        joined({"bank_holidays.csv": _HOLIDAYS}),
        *(joined({"rule.yaml": s}) for s in shipped),
    ]


def rule_set_of(path: Path) -> Any:
    """A rule set, with its examples, as lint reads it."""
    from rrt_engine.rulebook.load import load

    return load(path, examples=True)


def readers() -> dict[str, Reader]:
    """Every reader by name."""
    rulebook = ("rrt_engine.rulebook", "rrt_engine.calendar")
    found = (
        Reader("event_log_csv", event_logs, one_file("log.csv"), a_source),
        Reader("event_log_jsonl", json_lines, one_file("log.jsonl"), a_source),
        Reader("event_log_parquet", parquets, parquet, a_source),
        Reader("event_log_parquet_bytes", list, one_file("log.parquet"), a_source),
        Reader("covers", covers, beside_a_log, a_source),
        Reader("ocel", ocels, one_file("log.json"), a_source),
        Reader("annex_a_csv", annex_a_lists, many_files, a_source),
        Reader("annex_a_cells", annex_a_lists, one_file("a.xlsx"), a_workbook),
        Reader("annex_a_xlsx_bytes", workbooks, one_file("a.xlsx"), a_source),
        Reader("annex_a_xls_bytes", xls, one_file("a.xls"), a_source),
        Reader("cin_census", censuses, one_file("cin.xml"), a_source),
        Reader("ssda903_csv", returns, many_files, a_source),
        Reader("ssda903_xml", returns_xml, one_file("903.xml"), a_source),
        Reader("ssd", datasets, many_files, a_source),
        Reader("csc_api", submissions, many_files, a_source),
        Reader("case", cases, one_file("case.yaml"), a_case),
        Reader("facts_csv", lambda: [top(at("cases/sample/events.facts.csv"))], one_file("a.facts.csv"), facts),
        Reader("facts_jsonl", fact_lines, one_file("a.facts.jsonl"), facts),
        Reader("decisions", lambda: [top(at("cases/sample/events.decisions.csv"))], one_file("a.decisions.csv"), decided),
        Reader("decisions_export", exports, one_file("a.jsonl"), exported, ("rrt_engine.decision", "rrt_engine.decisions")),
        Reader("rules", rule_files, rules, rule_set_of, rulebook),
    )
    return {each.name: each for each in found}


def seeds_of(reader: Reader) -> list[bytes]:
    """The sound files to begin with; those of Parquet as bytes are made from the others."""
    if reader.name != "event_log_parquet_bytes":
        return reader.seeds()
    with tempfile.TemporaryDirectory() as folder:
        return [parquet(Path(folder), each).read_bytes() for each in parquets()[:4]]


# ------------------------------------------------------------------------------------------------------ how inputs are made


def changed(seeds: list[bytes]) -> Any:
    """A hypothesis strategy: one of the sound files, with up to six changes."""
    from hypothesis import strategies as st

    def apply(data: bytes, edits: list[tuple[str, float, float, bytes]]) -> bytes:
        for what, where, length, word in edits:
            i = int(where * len(data))
            j = min(len(data), i + 1 + int(length**3 * 200))
            match what:
                case "insert":
                    data = data[:i] + word + data[i:]
                case "put":
                    data = data[:i] + word + data[i + len(word) :]
                case "cell":
                    cells = list(re.finditer(rb"[^,;\t\n\r\"<>{}\[\]:|]+", data))
                    if cells:
                        cell = cells[int(where * len(cells))]
                        data = data[: cell.start()] + word + data[cell.end() :]
                case "cut":
                    data = data[:i] + data[j:]
                case "end":
                    data = data[:i]
                case "again":
                    data = data[:j] + data[i:j] * 3 + data[j:]
                case "flip":
                    data = data[:i] + bytes([data[i] ^ 1 << int(length * 8)]) + data[i + 1 :] if i < len(data) else data
                case _:
                    lines = data.splitlines(keepends=True)
                    if len(lines) > 1:
                        a, b = int(where * len(lines)), int(length * len(lines))
                        lines[a], lines[b] = lines[b], lines[a]
                        data = b"".join(lines)
        return data[: MOST * 8]

    place = st.floats(0, 1, exclude_max=True)
    edit = st.tuples(
        st.sampled_from(["insert", "put", "cell", "cell", "cut", "end", "again", "flip", "swap"]),
        place,
        place,
        st.sampled_from(WORDS) | st.binary(min_size=1, max_size=4),
    )
    return st.builds(apply, st.sampled_from(seeds), st.lists(edit, min_size=1, max_size=6))


def where(error: BaseException) -> str:
    """Where a fault was raised, as people look for it: the kind of error and the last line of ours."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "rrt_engine" in f.filename]
    place = f"{Path(ours[-1].filename).relative_to(ROOT).as_posix()}:{ours[-1].lineno}" if ours else "nowhere of ours"
    what = str(error) if isinstance(error, Fault) else type(error).__name__
    return f"{place} {what}"


@dataclass
class Tally:
    """How many inputs a reader was given, what became of them, and each fault once with a small input."""

    reader: Reader
    folder: Path
    kept: Path
    counts: dict[str, int]
    faults: dict[str, int]

    def try_one(self, data: bytes) -> None:
        """Give the reader one input; a fault is kept and the rest goes on."""
        try:
            became = outcome(self.reader, data, self.folder)
        except Exception as error:
            became = "fault"
            at = where(error)
            file = self.kept / f"{self.reader.name}-{re.sub(r'[^A-Za-z0-9]+', '_', at)[-90:]}"
            if at not in self.faults:
                traceback.print_exc()
                print(f"FAULT {self.reader.name} {at}", flush=True)
            if len(data) < self.faults.get(at, 1 << 60):
                self.faults[at] = len(data)
                self.kept.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        self.counts[became] = self.counts.get(became, 0) + 1

    def line(self) -> str:
        """What became of the inputs, in words."""
        became = ", ".join(f"{n:,} {what}" for what, n in sorted(self.counts.items()))
        return f"{self.reader.name}: {sum(self.counts.values()):,} inputs, {became}"


def by_hypothesis(tally: Tally, seconds: float, examples: int = 100_000_000) -> None:
    """Try changed files for some seconds."""
    from hypothesis import HealthCheck, Phase, given, settings

    until = time.monotonic() + seconds

    @settings(
        max_examples=min(examples, 2_000), database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(changed(seeds_of(tally.reader)))
    def look(data: bytes) -> None:
        if time.monotonic() < until:
            tally.try_one(data)

    while time.monotonic() < until:
        look()


def by_atheris(tally: Tally, seconds: int, corpus: Path) -> None:
    """Try files led by the lines they reach. The readers must have been imported under its eye. Does not return."""
    import atheris

    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds_of(tally.reader)):
        (corpus / f"seed{i}").write_bytes(seed)
    longest = max((len(s) for s in seeds_of(tally.reader)), default=0)
    words = corpus.parent / "words"
    words.write_text("".join('"' + "".join(f"\\x{b:02x}" for b in w) + '"\n' for w in WORDS if len(w) < 60))
    tries = 0

    def one(data: bytes) -> None:
        nonlocal tries
        tries += 1
        tally.try_one(data)
        if tries % 200 == 0:
            (corpus.parent / f"{tally.reader.name}.count").write_text(tally.line() + "\n")

    most = max(MOST, longest * 2)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={most}",
        f"-dict={words}",
        "-rss_limit_mb=6000",
        "-len_control=0",
        "-timeout=60",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], str(corpus), *options, f"-artifact_prefix={tally.kept}/"], one)
    atheris.Fuzz()


def main() -> int:
    """The command."""
    known = readers()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", nargs="*", choices=[*known, []], help="which readers; all where none is named")
    parser.add_argument("--seconds", type=int, default=60, help="how long each reader is tried")
    parser.add_argument("--atheris", action="store_true", help="let the lines that are reached lead (one reader at a time)")
    parser.add_argument("--corpus", type=Path, default=Path("fuzz-corpus"), help="where inputs that reach new lines are kept")
    parser.add_argument("--faults", type=Path, default=Path("fuzz-faults"), help="where the inputs of faults are kept")
    given = parser.parse_args()
    chosen = [known[name] for name in given.reader or known]
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, resource.RLIM_INFINITY))
    if given.atheris:
        import atheris

        if len(chosen) != 1:
            parser.error("with --atheris name one reader")
        with atheris.instrument_imports(include=list(chosen[0].parts)):
            for module in pkgutil.walk_packages([str(ROOT / "rrt_engine")], "rrt_engine."):
                if module.name.startswith(chosen[0].parts):
                    importlib.import_module(module.name)
            books()
    warnings.simplefilter("error")
    wrong = False
    for reader in chosen:
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            tally = Tally(reader, Path(folder), given.faults, {}, {})
            if given.atheris:
                by_atheris(tally, given.seconds, given.corpus / reader.name)
            by_hypothesis(tally, given.seconds)
            print(tally.line(), flush=True)
            wrong |= bool(tally.faults)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
