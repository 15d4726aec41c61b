"""Annex A workbooks and folders as authorities really make them: sheet names, headers, values, dates, and what is wrong with them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rrt_engine.calendar import NO_DAY, as_date, day_number, parse_moment
from rrt_engine.diagnostics import InputError
from rrt_engine.model import EventLog
from rrt_engine.sources.annex_a import looks_like_annex_a, read_annex_a
from rrt_engine.sources.annex_a_lists import COMMON, LISTS, columns_of, find_header, header_words, list_named
from rrt_engine.sources.annex_a_values import day_of, legal_status, placement_type, source_agency, yes_or_no
from rrt_engine.sources.reading import Reading
from rrt_engine.timescales.evaluate import evaluate
from tests.shipped import BOOK

DATA = Path(__file__).parent / "data" / "annex_a"
NAMES = {each.number: [*(c.name for c in COMMON), *(c.name for c in each.columns)] for each in LISTS}
NAME_OF = {(each.number, c.field): c.name for each in LISTS for c in (*COMMON, *each.columns)}
CHAT = ["Contacts", "Early Help", "Referrals", "Assessments", "Sec47 and ICPC", "Children in Need", "Child Protection", "Children in Care"]
CHAT += ["Care Leavers", "Adoption", "Adopters"]
A_ROW: dict[int, dict[str, Any]] = {
    1: {"contact": "01/02/2024", "source": "q) 6: Police"},
    2: {"started": "01/02/2024", "completed": "15/02/2024"},
    3: {"referral": "02/02/2024", "source": "1A - Individual (Family)", "nfa": "b) No"},
    4: {"started": "05/02/2024", "authorised": "15/03/2024", "in_need": "a) Yes"},
    5: {"strategy": "06/02/2024", "unnecessary": "b) No", "conference": "20/02/2024", "resulted": "a) Yes"},
    6: {"seen": "20/03/2024", "closed": None, "reason": None},
    7: {
        "started": "20/02/2024",
        "category": "a) Neglect",
        "visit": "18/03/2024",
        "alone": "a) Yes",
        "review": None,
        "ended": None,
        "previous": 1,
    },
    8: {
        "started": "21/02/2024",
        "status": "C1: ICO",
        "visit": "19/03/2024",
        "review": "15/03/2024",
        "placed": "21/02/2024",
        "placement": "U4",
        "ended": None,
    },
    9: {"review": "01/01/2024", "contact": "01/03/2024"},
    10: {"decided": "01/03/2024", "authority": "10/03/2024", "matched": None},
}


def table(number: int, *rows: Mapping[str, Any], header: Sequence[str] | None = None) -> list[list[Any]]:
    """A list as rows of cells: the header, then rows given by field."""
    fields = [*(c.field for c in COMMON), *(c.field for c in LISTS[number - 1].columns)]
    body = [[{"child": "C1", **row}.get(f) for f in fields] for row in rows]
    return [list(header or NAMES[number]), *body]


def write(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    """A workbook with some sheets."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def read(folder: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Reading:
    """What is read from a workbook with some sheets."""
    return read_annex_a(write(folder / "annex_a.xlsx", sheets), BOOK)


def one(folder: Path, number: int, *rows: Mapping[str, Any]) -> Reading:
    """What is read from a workbook with one list."""
    return read(folder, {f"List_{number}": table(number, *rows)})


def counts(log: EventLog) -> dict[str, int]:
    """How many events of each kind."""
    return dict(Counter(log.kinds[k] for k in log.kind))


def events(log: EventLog, *attributes: str) -> list[tuple[Any, ...]]:
    """Every event as kind and date, with its ref and attributes where asked for."""
    found = []
    for row in range(len(log)):
        ref = None if log.ref is None or log.ref[row] < 0 else log.refs[log.ref[row]]
        extra = tuple(ref if a == "ref" else log.value(a, row) for a in attributes)
        found.append((log.kinds[log.kind[row]], as_date(log.day[row]).isoformat(), *extra))
    return found


def codes(reading: Reading) -> set[str]:
    """The codes of a reading's diagnostics."""
    return {d.code for d in reading.diagnostics}


# ---------------------------------------------------------------------------------------------------- real workbooks


def test_the_published_example_is_read_whole() -> None:
    reading = read_annex_a(DATA / "child_event_journeys_annexa_example.xlsx", BOOK)
    assert (reading.records_read, reading.records_used, len(reading.rejected)) == (43, 42, 1)
    assert reading.rejected[0].row == 4
    assert reading.rejected[0].why.startswith("List_5!G4: no date")
    found = counts(reading.log)
    assert found["contact_received"] == 13
    assert found["referral_received"] == 11
    assert found["assessment_started"] == 5
    assert found["assessment_authorised"] == 3
    assert found["strategy_discussion_held"] == 3
    assert found["cp_plan_started"] == 3
    assert found["looked_after_started"] == 3
    assert "1111" in set(reading.log.children)  # a number in the sheet
    result = evaluate(reading.log, BOOK, parse_moment("2020-06-30"))
    assert len(result.flags)
    assert "cp_icpc_15wd" in {BOOK.rules[i].id for i in result.flags.rule}


def test_ofsteds_template_has_lists_and_no_rows() -> None:
    reading = read_annex_a(DATA / "ofsted_template_2019_2016-02-sample.xlsx", BOOK)
    assert (reading.records_read, len(reading.log), reading.rejected) == (0, 0, ())
    assert reading.log.coverage.carries("icpc_held")
    assert not reading.log.coverage.carries("pathway_plan_reviewed")  # list 9 had no dates in 2019
    assert not [d for d in reading.diagnostics if d.severity != "note"]


def test_an_old_xls_with_mixed_dates_and_a_row_twice() -> None:
    reading = read_annex_a(DATA / "dirty_example-A-2005.xls", BOOK)
    assert (reading.records_read, reading.records_used) == (13, 12)
    assert "the same in every column as row 7" in reading.rejected[0].why
    assert counts(reading.log) == {"contact_received": 1, "early_help_assessment_started": 11, "early_help_assessment_completed": 11}
    row = events(reading.log, "source_agency").index(("contact_received", "2010-01-01", "police"))
    assert reading.log.origins[reading.log.origin[row]].endswith("dirty_example-A-2005.xls List_1")
    assert reading.log.origin_row[row] == 3


def test_every_kind_read_is_in_the_vocabulary() -> None:
    for number in range(1, 11):
        for column in columns_of(number):
            assert not [k for k in column.kinds if k not in BOOK.events]


# ---------------------------------------------------------------------------------------------------- finding the lists


@pytest.mark.parametrize("style", ["List_{}", "List {}", "list {}", "LIST{}", "List_{:02d}", "Annex A list {} (final)", "List {} - Data"])
def test_sheets_named_by_number(tmp_path: Path, style: str) -> None:
    reading = read(tmp_path, {style.format(n): table(n, row) for n, row in A_ROW.items()})
    assert reading.records_used == 10


def test_chat_names_and_the_template_order(tmp_path: Path) -> None:
    expected = counts(read(tmp_path, {f"List_{n}": table(n, row) for n, row in A_ROW.items()}).log)
    chat = {name: table(n, A_ROW[n]) for n, name in enumerate(CHAT[:10], 1)}
    assert counts(read(tmp_path, chat).log) == expected
    unnamed: dict[str, Sequence[Sequence[Any]]] = {"Front_Sheet": [["Ofsted"]], "Guidance": [["text"]]}
    unnamed |= {f"Sheet{n}": table(n, A_ROW[n]) for n in range(1, 11)} | {"Sheet11": [["Individual adopter identifier"], ["A1"]]}
    reading = read(tmp_path, unnamed)
    assert counts(reading.log) == expected
    assert "adopters" in codes(reading)


def test_list_1_is_not_list_10() -> None:
    assert [list_named(f"List_{n}") for n in range(1, 12)] == list(range(1, 12))
    assert list_named("List 12") == list_named("Checklist 1") == list_named("Guidance") == 0
    assert list_named("Sec47 & ICPC") == list_named(" sec47  and icpc ") == 5


def test_a_folder_of_csv_files(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    for n, row in A_ROW.items():
        lines = [",".join("" if c is None else f'"{c}"' for c in cells) for cells in table(n, row)]
        (folder / f"LIST {n}.CSV").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    (folder / "notes.txt").write_text("nothing")
    assert looks_like_annex_a(folder)
    reading = read_annex_a(folder, BOOK)
    assert reading.records_used == 10
    workbook = read(tmp_path, {f"List_{n}": table(n, row) for n, row in A_ROW.items()})
    assert events(reading.log, "ref", "source_agency") == events(workbook.log, "ref", "source_agency")


@pytest.mark.parametrize(("encoding", "separator"), [("utf-8", ","), ("utf-8-sig", ";"), ("cp1252", ","), ("utf-16", "\t")])
def test_csv_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    header = separator.join(["Child Unique ID", "Date of Contact", "Allocated Team"])
    (tmp_path / "Contacts.csv").write_bytes(f"{header}\r\n1001.0{separator}1/2/24{separator}Café’s\r\n\r\n".encode(encoding))
    assert looks_like_annex_a(tmp_path / "Contacts.csv")
    reading = read_annex_a(tmp_path / "Contacts.csv", BOOK)
    assert events(reading.log, "team") == [("contact_received", "2024-02-01", "Café’s")]
    assert list(reading.log.children) == ["1001"]


def test_other_files_do_not_look_like_annex_a(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("child_id,event,at\nC1,contact_received,2024-01-01\n")
    write(tmp_path / "other.xlsx", {"Sheet1": [["a", "b"]], "Contacts": [["Name", "Telephone"]]})
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
    for name in ("events.csv", "other.xlsx", "broken.xlsx", "missing.xlsx", ""):
        assert not looks_like_annex_a(tmp_path / name)


def test_a_list_twice_is_read_once(tmp_path: Path) -> None:
    reading = read(tmp_path, {"List 1": table(1, A_ROW[1]), "list_1": table(1, A_ROW[1], {"contact": "03/02/2024"})})
    assert (reading.records_read, reading.records_used) == (3, 1)
    assert "list_twice" in codes(reading)


# ---------------------------------------------------------------------------------------------------- what cannot be read


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_annex_a(path, BOOK)
    assert all(d.severity == "error" for d in refused.value.diagnostics)
    return str(refused.value)


def test_a_file_that_is_no_workbook_says_what_it_is(tmp_path: Path) -> None:
    made = tmp_path / "a.xlsx"
    for content, says in [
        (b"", "empty"),
        (b"Child Unique ID,Date of Contact\n1,2\n", "text with a workbook's name"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "web page"),
        (b"PK\x03\x04 cut", "damaged or cut short"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "not a workbook"),
        (bytes(range(256)) * 4, "not a workbook"),
    ]:
        made.write_bytes(content)
        assert says in refusal(made)


def test_a_workbook_cut_short_anywhere_is_refused_or_read(tmp_path: Path) -> None:
    for name in ("child_event_journeys_annexa_example.xlsx", "dirty_example-A-2005.xls"):
        whole = (DATA / name).read_bytes()
        cut = tmp_path / name
        for part in range(1, 20):
            cut.write_bytes(whole[: len(whole) * part // 20])
            try:
                reading = read_annex_a(cut, BOOK)
            except InputError:
                continue
            assert reading.records_read == reading.records_used + len(reading.rejected)


def test_a_password_is_named(tmp_path: Path) -> None:
    assert "password" in refusal(DATA / "password_protected.xlsx")
    assert "password" in refusal(Path(str(DATA / "password_protected.xlsx")))


def test_workbooks_without_lists_name_their_sheets(tmp_path: Path) -> None:
    assert "`Sheet1`" in refusal(write(tmp_path / "a.xlsx", {"Sheet1": []}))
    assert "`Header`, `Episodes`" in refusal(write(tmp_path / "b.xlsx", {"Header": [["CHILD"]], "Episodes": [["CHILD"]]}))
    assert "no such file" in refusal(tmp_path / "missing.xlsx").lower()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "none of its sheets or files" in refusal(empty)
    assert "only list 11" in refusal(write(tmp_path / "c.xlsx", {"List_11": [["Individual adopter identifier"], ["A1"]]}))
    assert "header" in refusal(write(tmp_path / "d.xlsx", {"List_1": [["a", "b"], [1, 2]]}))


def test_an_empty_list_sheet_is_no_error(tmp_path: Path) -> None:
    reading = read(tmp_path, {"List_1": table(1, A_ROW[1]), "List_2": [], "List_3": [["List 3: Referral"]]})
    assert reading.records_used == 1
    assert not reading.log.coverage.carries("early_help_assessment_started")


def test_a_stray_cell_at_the_end_of_a_sheet_is_refused_not_fatal(tmp_path: Path) -> None:
    path = write(tmp_path / "far.xlsx", {"List_1": table(1, A_ROW[1])})
    book = openpyxl.load_workbook(path)
    book["List_1"]["XFD1048576"] = " "
    book.save(path)
    assert "XFD1048576" in refusal(path)


def test_a_wrong_extension_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "really_xlsx.xls").write_bytes((DATA / "child_event_journeys_annexa_example.xlsx").read_bytes())
    assert read_annex_a(tmp_path / "really_xlsx.xls", BOOK).records_read == 43


# ---------------------------------------------------------------------------------------------------- headers


def test_the_header_may_stand_below_a_title_and_notes(tmp_path: Path) -> None:
    for above in ([], [["List 1: Contacts"]], [["Title"], [], ["Produced on", dt.date(2024, 4, 1)], [], ["x"] * 5]):
        reading = read(tmp_path, {"List_1": [*above, *table(1, A_ROW[1])]})
        assert events(reading.log, "source_agency") == [("contact_received", "2024-02-01", "police")]
        assert reading.log.origin_row is not None
        assert reading.log.origin_row[0] == len(above) + 2
        assert reading.records_read == 1


def test_merged_titles_index_columns_and_trailing_rows(tmp_path: Path) -> None:
    rows = [[None, *r] for r in table(1, A_ROW[1], {"contact": "02/02/2024"})]
    rows[1][0], rows[2][0] = 0, 1
    path = write(tmp_path / "a.xlsx", {"List_1": [["List 1: Contacts"], *rows, [2], [None, "  "], [None, "-", "#N/A"], []]})
    book = openpyxl.load_workbook(path)
    book["List_1"].merge_cells("A1:H1")
    book["List_1"].column_dimensions["A"].hidden = True
    book.save(path)
    reading = read_annex_a(path, BOOK)
    assert (reading.records_read, reading.records_used) == (2, 2)


def test_regional_columns_are_ignored(tmp_path: Path) -> None:
    rows = table(1, A_ROW[1])
    rows = [["LA", "Month", "Year", *rows[0], "Something else"], ["Anyshire", "April", 2024, *rows[1], "x"], ["Anyshire", "April", 2024]]
    assert read(tmp_path, {"List_1": rows}).records_read == 1


@pytest.mark.parametrize(
    ("number", "field", "written"),
    [
        (1, "child", "CHILD UNIQUE ID "),
        (1, "child", "Unique Child Identifier"),
        (1, "age", "Age"),
        (1, "contact", "date of  contact"),
        (1, "contact", "Contact Date"),
        (1, "contact", "DateOfContact"),
        (3, "referral", "Date of Referral"),
        (3, "referral", "Referral start date"),
        (3, "nfa", "Referral NFA"),
        (4, "in_need", "Was the child assessed as requiring LA children's social care support"),
        (4, "in_need", "Was the child assessed as being in need at assessment?"),
        (4, "authorised", "Continuous assessment date of authorization"),
        (4, "authorised", "Assessment completion date"),
        (5, "strategy", "Section 47 Enquiry Start Date"),
        (5, "conference", "ICPC Date"),
        (5, "conference", "Date of Initial CP Conference"),
        (5, "resulted", "Did the Initial Child Protection Conference result in a Child Protection Plan?"),
        (7, "review", "Date of Latest Review Conference"),
        (7, "ended", "CP Plan End Date"),
        (8, "ended", "Date ceased to be looked after "),
        (8, "started", "Date started to be looked-after"),
        (8, "status", "Child’s Legal Status"),
        (8, "iro", "Date of Last IRO Visit/Contact to the child"),
        (9, "review", "Latest pathway plan review date"),
        (10, "order", "Date of Adoption Order "),
    ],
)
def test_header_drift(number: int, field: str, written: str) -> None:
    header = [written if name == NAME_OF[number, field] else name for name in NAMES[number]]
    assert written in header
    found = find_header([header], number)
    assert found is not None
    assert found.fields[field] == header.index(written)
    assert found.usable


def test_no_header_of_the_published_lists_is_mistaken_for_another() -> None:
    for name in ("ofsted_template_2019_2016-02-sample.xlsx", "child_event_journeys_annexa_example.xlsx"):
        book = openpyxl.load_workbook(DATA / name)
        for number in range(1, 11):
            rows = [list(r) for r in book[f"List_{number}"].iter_rows(min_row=1, max_row=2, values_only=True)]
            found = find_header(rows, number)
            assert found is not None
            for column in columns_of(number):
                at = found.fields.get(column.field)
                exact = [i for i, c in enumerate(rows[found.row]) if header_words(c) == header_words(column.name)]
                assert at == (exact[0] if exact else None) or column.field in ("in_need",)


def test_a_list_without_a_required_column_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    header = [name for name in NAMES[5] if "unnecessary" not in name]
    reading = read(tmp_path, {"List_1": table(1, A_ROW[1]), "List_5": [header, ["C1"] * 4, ["C2"] * 4]})
    assert (reading.records_read, reading.records_used) == (3, 1)
    problem = next(d for d in reading.diagnostics if d.code == "missing_column")
    assert problem.severity == "error"
    assert "`Was an Initial Child Protection Conference deemed unnecessary?`" in problem.message
    assert problem.place == "List_5!1:1"
    assert not reading.log.coverage.carries("icpc_held")


def test_coverage_is_what_the_headers_can_carry(tmp_path: Path) -> None:
    reading = read(tmp_path, {"List_4": [["Child Unique ID", "Continuous Assessment Start Date"], ["C1", "01/02/2024"]]})
    assert reading.log.coverage.kinds == {"assessment_started"}
    assert "column_absent" in codes(reading)
    assert "lists_absent" in codes(reading)
    assert one(tmp_path, 3, A_ROW[3]).log.coverage.kinds == {"referral_received"}


# ---------------------------------------------------------------------------------------------------- dates

FIFTH_OF_MARCH = [
    "05/03/2024",
    "5/3/2024",
    "05/03/24",
    "5-3-2024",
    "05.03.2024",
    "05 03 2024",
    "5 Mar 2024",
    "05-Mar-24",
    "5th March 2024",
    "5 march, 2024",
    "Tue 5 Mar 2024",
    "Tuesday, 5 March 2024",
    "March 5, 2024",
    "2024-03-05",
    "2024/03/05",
    "20240305",
    "05/03/2024 00:00",
    "05/03/2024 16:45:10",
    "05/03/2024 4:45 PM",
    "2024-03-05T00:00:00",
    "2024-03-05 09:30:00.000",
    "2024-03-05T00:00:00Z",
    " 05/03/2024 ",
    "05/03/2024\u00a0",
    "45356",
    "45356.0",
    45356,
    45356.0,
    45356.7,
    20240305,
    dt.date(2024, 3, 5),
    dt.datetime(2024, 3, 5),
    dt.datetime(2024, 3, 5, 23, 59, 59),
]
JUNK = [
    "May be 8 Jan 2000",
    "13/25/2024",
    "03/13/2024",
    "31/02/2024",
    "29/02/2023",
    "00/01/2024",
    "2024",
    "March 2024",
    "05/03",
    "tomorrow",
    "?",
    "05//03/2024",
    "01/01/1900",
    "31/12/9999",
    "05/03/2204",
    0,
    1,
    12345,
    1e300,
    float(2**40),
    -5,
    True,
    dt.time(10, 0),
    "5 Foo 2024",
    "No Visit - new in last month",
    "½/3/2024",
    "٠٥/٠٣/٢٠٢٤x",
    "1" * 500,
]


@pytest.mark.parametrize("value", FIFTH_OF_MARCH, ids=repr)
def test_dates_are_read_day_first(value: Any) -> None:
    assert day_of(value) == day_number(dt.date(2024, 3, 5))


@pytest.mark.parametrize("value", JUNK, ids=lambda v: repr(v)[:30])
def test_junk_is_never_guessed_at(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^`.*` is (not a date; write it day first|outside 1971 to 2058)"):
        day_of(value)


def test_a_time_with_an_offset_is_the_uk_day() -> None:
    assert day_of("2024-06-30T23:00:00Z") == day_number(dt.date(2024, 7, 1))


def test_dates_in_a_workbook(tmp_path: Path) -> None:
    written = [v for v in FIFTH_OF_MARCH if not isinstance(v, dt.datetime) or v.microsecond == 0]
    rows = [{"child": f"C{i}", "contact": v} for i, v in enumerate(written)]
    reading = one(tmp_path, 1, *rows)
    assert not reading.rejected
    assert {d for _, d in events(reading.log)} == {"2024-03-05"}
    assert reading.log.instant is None


def test_a_junk_date_that_is_required_rejects_the_row(tmp_path: Path) -> None:
    reading = one(
        tmp_path, 1, A_ROW[1], *({"child": f"B{i}", "contact": v} for i, v in enumerate(["May be 8 Jan 2000", None, "#N/A", "-"]))
    )
    assert reading.records_read == 5
    assert [r.row for r in reading.rejected] == [3, 4, 5, 6]
    assert reading.rejected[0].why == "List_1!E3: `May be 8 Jan 2000` is not a date; write it day first, such as 31/03/2025"
    assert reading.rejected[0].origin.endswith("annex_a.xlsx List_1")
    assert all("no date in `Date of Contact`" in r.why for r in reading.rejected[1:])


def test_a_junk_date_that_is_not_required_is_a_warning(tmp_path: Path) -> None:
    reading = one(tmp_path, 2, {"started": "01/02/2024", "completed": "13/13/2024", "born": "around 2010"})
    assert reading.records_used == 1
    assert counts(reading.log) == {"early_help_assessment_started": 1}
    warned = {d.place: d for d in reading.diagnostics if d.severity == "warning"}
    assert set(warned) == {"List_2!F2", "List_2!B2"}
    assert "`13/13/2024`" in warned["List_2!F2"].message
    assert warned["List_2!F2"].code == "date"


# ---------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    "value",
    [
        "a) Yes",
        "Yes",
        "Y",
        "y",
        "1",
        1.0,
        1,
        True,
        "1 - Yes",
        "True",
        "1 Yes",
        "1 = Yes",
        "a. Yes",
        "Yes-See care notes for details",
        "YES",
    ],
)
def test_yes(value: Any) -> None:
    assert yes_or_no(value) is True


@pytest.mark.parametrize("value", ["b) No", "No", "N", "0", 0.0, False, "0 - No", "False", "b. No", "2 - No", "No - closed"])
def test_no(value: Any) -> None:
    assert yes_or_no(value) is False


def test_yes_and_no_in_the_words_of_one_column() -> None:
    assert [yes_or_no(v, "nfa") for v in ("NFA", "No further action", "FA", "U")] == [True, True, False, None]
    assert [yes_or_no(v, "alone") for v in ("Seen", "Child not seen alone", "Not seen alone", "c) Unknown")] == [True, False, False, None]
    assert [yes_or_no(v, "unnecessary") for v in ("Not required", "Required")] == [True, False]
    with pytest.raises(ValueError, match="neither yes nor no"):
        yes_or_no("perhaps")


def test_codes_as_authorities_write_them() -> None:
    assert [
        legal_status(v)
        for v in ("C1: ICO", "L1 - PPO", "SINGLE PERIOD OF ACCOMMODATION UNDER SECTION 20 [V2]", "V4", "Full Care Order", "x")
    ] == [
        "C1",
        "L1",
        "V2",
        "V4",
        "C2",
        "",
    ]
    assert [
        placement_type(v) for v in ("d) U4: Foster placement - long term", "K2 : K2 Children's Homes", "Placed with own parents", "?")
    ] == ["U4", "K2", "P1", ""]
    written = {
        "police": ["q) 6: Police", "6", "POL - Police", "02) Police - 78 Notification"],
        "individual": ["1A - Individual (Family)", "a) 1A: Individual", "1B"],
        "self": ["1C - Individual - Self", "c) 1C: Individual"],
        "health": ["3A: Health services", "(CS) Health Services - A&E", "3B - Health visitor"],
        "school": ["2A - Schools", "e) 2A: Schools", "Education - Out of Borough Schools"],
        "la_services": ["n) 5A: LA services", "5B - Other internal"],
        "unknown": ["10", "u) 10: Unknown", "Unknown [10]"],
    }
    for agency, values in written.items():
        assert [source_agency(v) for v in values] == [agency] * len(values)


def test_nothing_personal_reaches_the_log(tmp_path: Path) -> None:
    header = [
        "Child Unique ID",
        "Gender",
        "Ethnicity",
        "Date of Birth",
        "Date of referral",
        "Referral Source",
        "Allocated Team",
        "Allocated Worker",
        "Placement postcode",
    ]
    reading = read(
        tmp_path, {"List_3": [header, ["C1", "Female", "WBRI", "01/02/2015", "01/02/2024", "Mrs Jones", "North", "Ann Other", "B1 1AA"]]}
    )
    assert set(reading.log.attributes) == {"team"}
    assert reading.log.attributes["team"].values == ("North",)


def test_child_ids_are_one_however_they_are_kept(tmp_path: Path) -> None:
    rows = [{"child": c, "contact": f"0{i}/02/2024"} for i, c in enumerate([1001, 1001.0, "1001", " 1001 ", "1001.0"], 1)]
    reading = one(tmp_path, 1, *rows, {"child": "AB_12/3", "contact": "09/02/2024"}, {"child": None, "contact": "09/02/2024"})
    assert list(reading.log.children) == ["1001", "AB_12/3"]
    assert reading.rejected[0].why == "List_1!A8: no `Child Unique ID`"


# ---------------------------------------------------------------------------------------------------- events


def test_contacts_referrals_and_early_help(tmp_path: Path) -> None:
    reading = read(tmp_path, {f"List_{n}": table(n, A_ROW[n]) for n in (1, 2, 3)})
    assert events(reading.log, "ref", "source_agency", "nfa") == [
        ("contact_received", "2024-02-01", None, "police", None),
        ("early_help_assessment_started", "2024-02-01", None, None, None),
        ("referral_received", "2024-02-02", "R2", "individual", False),
        ("early_help_assessment_completed", "2024-02-15", None, None, None),
    ]


def test_an_assessment_belongs_to_the_latest_referral_before_it(tmp_path: Path) -> None:
    referrals = table(
        3, {"referral": "10/02/2024"}, {"referral": "01/02/2024"}, {"referral": "01/04/2024"}, {"child": "C2", "referral": "01/03/2024"}
    )
    assessments = table(4, {"started": "10/02/2024"}, {"started": "09/02/2024"}, {"started": "01/01/2024", "authorised": "02/04/2024"})
    reading = read(tmp_path, {"List_3": referrals, "List_4": assessments})
    refs = {ref for kind, _, ref in events(reading.log, "ref") if kind.startswith("assessment")}
    assert refs == {"R2/A2", "R3/A3", "U4/A4"}  # the last began before every referral listed, and answers none


def test_an_assessment_authorised_before_it_started_counts_for_nothing(tmp_path: Path) -> None:
    reading = one(tmp_path, 4, {"started": "10/02/2024", "authorised": "09/02/2024", "in_need": "b) No"})
    assert reading.records_used == 1
    assert reading.log.suspect is not None
    assert reading.log.suspect.all()
    warned = next(d for d in reading.diagnostics if d.code == "impossible_dates")
    assert (warned.severity, warned.place) == ("warning", "List_4!F2")
    assert "`09/02/2024`" in warned.message


def test_what_became_of_an_enquiry(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        {
            "List_3": table(3, {"child": "held", "referral": "01/02/2024"}),
            "List_5": table(
                5,
                {"child": "held", "strategy": "06/02/2024", "unnecessary": "b) No", "conference": "20/02/2024", "resulted": "a) Yes"},
                {"child": "no_plan", "strategy": "06/02/2024", "unnecessary": "b) No", "conference": "20/02/2024", "resulted": "b) No"},
                {"child": "unnecessary", "strategy": "06/02/2024", "unnecessary": "a) Yes"},
                {"child": "undecided", "strategy": "06/02/2024"},
                {"child": "missed", "strategy": "06/02/2024", "unnecessary": "b) No"},
                {"child": "on_plan", "strategy": "06/02/2024", "unnecessary": "b) No"},
                {"child": "off_plan", "strategy": "06/02/2024", "unnecessary": "b) No"},
            ),
            "List_7": table(
                7,
                {"child": "held", "started": "20/02/2024"},
                {"child": "on_plan", "started": "01/10/2023"},
                {"child": "off_plan", "started": "01/10/2023", "ended": "05/02/2024"},
            ),
        },
    )
    by_child = {
        str(c): [e for e, r in zip(events(reading.log, "ref"), reading.log.child, strict=True) if reading.log.children[r] == c]
        for c in reading.log.children
    }
    assert ("icpc_held", "2024-02-20", "R2/S2") in by_child["held"]
    assert sum(e[0] == "icpc_held" for e in by_child["held"]) == 1
    assert ("icpc_held", "2023-10-01", "C3") in by_child["on_plan"]
    ended = {c for c, found in by_child.items() if any(e[0] == "s47_outcome_recorded" and e[1] == "2024-02-06" for e in found)}
    assert ended == {"unnecessary", "on_plan"}
    note = next(d for d in reading.diagnostics if d.code == "already_on_plan")
    assert note.severity == "note"
    assert note.message.startswith("1 enquiry ")
    assert not reading.log.coverage.carries("s47_outcome_recorded")
    statuses = flags(reading, "cp_icpc_15wd", "2024-04-30")
    assert statuses == {
        "held": "met",
        "no_plan": "met",
        "unnecessary": "ended",
        "undecided": "overdue",
        "missed": "overdue",
        "on_plan": "ended",
        "off_plan": "overdue",
    }


def flags(reading: Reading, rule: str, as_of: str) -> dict[str, str]:
    """The status of one rule for each child."""
    from rrt_engine.model import STATUSES

    result = evaluate(reading.log, BOOK.only(rule), parse_moment(as_of)).flags
    return {str(reading.log.children[reading.log.child[t]]): STATUSES[s] for t, s in zip(result.trigger, result.status, strict=True)}


def test_a_conference_with_an_outcome_not_recorded_takes_it_from_the_plan(tmp_path: Path) -> None:
    enquiries = [{"child": c, "strategy": "06/02/2024", "conference": "20/02/2024"} for c in ("plan", "no plan")]
    reading = read(tmp_path, {"List_5": table(5, *enquiries), "List_7": table(7, {"child": "plan", "started": "21/02/2024"})})
    outcomes = {(kind, outcome) for kind, _, outcome in events(reading.log, "outcome") if kind == "icpc_held"}
    assert outcomes == {("icpc_held", "cp_plan"), ("icpc_held", None)}


def test_conference_before_the_discussion_and_contradictions_are_said(tmp_path: Path) -> None:
    rows = [
        {"strategy": "06/02/2024", "conference": "05/02/2024"},
        {"child": "C2", "strategy": "06/02/2024", "unnecessary": "Y", "conference": "08/02/2024"},
    ]
    reading = one(tmp_path, 5, *rows)
    assert {"impossible_dates", "contradiction", "no_list_7"} <= codes(reading)
    assert counts(reading.log)["icpc_held"] == 2


def test_snapshot_lists_hold_latest_dates_only(tmp_path: Path) -> None:
    reading = read(tmp_path, {f"List_{n}": table(n, A_ROW[n]) for n in (6, 7, 8, 9)})
    assert reading.log.latest_only is not None
    latest = {kind for (kind, _), only in zip(events(reading.log), reading.log.latest_only, strict=True) if only}
    assert latest == {"cin_visit", "cp_visit", "lac_review_held", "lac_visit", "placement_started", "pathway_plan_reviewed", "pa_contact"}
    found = events(reading.log, "child_seen", "seen_alone", "category", "previous_plans")
    assert ("cp_visit", "2024-03-18", True, True, None, None) in found
    assert ("cp_plan_started", "2024-02-20", None, None, "neglect", 1) in found


def test_children_in_need_and_in_care(tmp_path: Path) -> None:
    in_need = table(6, {"closed": "01/03/2024", "reason": "RC8 - Case closed after assessment"})
    in_care = table(
        8,
        {
            "started": "01/01/2023",
            "status_from": "01/06/2023",
            "status": "C2",
            "ended": "01/03/2024",
            "reason": "E4A - Returned home",
            "location": "b) Out",
        },
        {
            "child": "C2",
            "started": "01/01/2024",
            "status": "J1 - Remanded",
            "placed": "01/01/2024",
            "placement": "K1",
            "location": "a) In",
            "iro": "02/01/2024",
        },
    )
    reading = read(tmp_path, {"List_6": in_need, "List_8": in_care})
    assert events(reading.log, "reason", "legal_status", "remand", "type", "long_term", "out_of_area") == [
        ("looked_after_started", "2023-01-01", None, None, None, None, None, None),
        ("legal_status_changed", "2023-06-01", None, "C2", None, None, None, None),
        ("case_closed", "2024-03-01", "RC8", None, None, None, None, None),
        ("looked_after_ended", "2024-03-01", "E4A", None, None, None, None, None),
        ("looked_after_started", "2024-01-01", None, "J1", True, None, None, None),
        ("placement_started", "2024-01-01", None, None, None, "K1", False, False),
        ("iro_contact", "2024-01-02", None, None, None, None, None, None),
    ]


def test_adoption_milestones(tmp_path: Path) -> None:
    row = {
        "decided": "01/01/2024",
        "authority": "01/02/2024",
        "matched": "01/03/2024",
        "placed": "01/04/2024",
        "order": "01/08/2024",
        "reversed": None,
    }
    assert [e[0] for e in events(one(tmp_path, 10, row).log)] == [
        "adm_decision_recorded",
        "authority_to_place_obtained",
        "adoption_match_approved",
        "placed_for_adoption",
        "adoption_order_made",
    ]


def test_events_of_one_day_stand_in_the_order_work_is_done(tmp_path: Path) -> None:
    day = {"contact": "01/02/2024", "referral": "01/02/2024", "started": "01/02/2024", "strategy": "01/02/2024", "conference": "01/02/2024"}
    reading = read(tmp_path, {f"List_{n}": table(n, day) for n in (7, 5, 4, 3, 1)})
    kinds = [e[0] for e in events(reading.log)]
    assert kinds == [
        "contact_received",
        "referral_received",
        "assessment_started",
        "strategy_discussion_held",
        "s47_started",
        "icpc_held",
        "cp_plan_started",
    ]


def test_births_expected_and_known(tmp_path: Path) -> None:
    reading = one(
        tmp_path,
        1,
        {"child": "aged", "contact": "01/02/2024", "born": "01/05/2015", "age": 8.75},
        {"child": "unborn", "contact": "01/02/2024", "born": "01/05/2024", "age": -1},
        {"child": "overdue", "contact": "01/02/2024", "born": "01/01/2024", "age": -1},
        {"child": "later", "contact": "01/02/2024", "born": "01/05/2024"},
        {"child": "since_born", "contact": "01/02/2024", "born": "05/02/2024", "age": 0},
        {"child": "unknown", "contact": "09/02/2024", "born": None},
        {"child": "differs", "contact": "01/02/2024", "born": "01/05/2015"},
        {"child": "differs", "contact": "02/02/2024", "born": "02/05/2015"},
    )
    log = reading.log
    assert log.born is not None
    assert log.expected is not None
    born = {str(c) for c, day in zip(log.children, log.born, strict=True) if day > 0}
    expected = {str(c) for c, day in zip(log.children, log.expected, strict=True) if day > 0}
    assert born == {"aged", "since_born", "differs"}
    assert expected == {"unborn", "overdue", "later"}
    assert "birth_dates_differ" in codes(reading)
    assert log.born_also is not None
    also = {str(c): as_date(int(day)).isoformat() for c, day in zip(log.children, log.born_also, strict=True) if day != NO_DAY}
    assert also == {"differs": "2015-05-02"}


# ---------------------------------------------------------------------------------------------------- whole files


def test_exact_duplicates_are_rejected_and_near_ones_are_not(tmp_path: Path) -> None:
    reading = one(tmp_path, 1, A_ROW[1], A_ROW[1], {**A_ROW[1], "team": "North"}, A_ROW[1])
    assert (reading.records_read, reading.records_used) == (4, 2)
    assert [r.row for r in reading.rejected] == [3, 5]


def test_fifty_kinds_of_bad_row(tmp_path: Path) -> None:
    bad: list[Any] = [v for v in JUNK if not isinstance(v, dt.time)] + ["", None, "-", "#N/A", "n/a", "NULL", "  "]
    bad += [
        "=1/0",
        "#REF!",
        "see notes",
        "TBC",
        "01/02/2024?",
        "1/2/3/4",
        "2024-13-01",
        "2024-02-30",
        "99/99/9999",
        "Q1 2024",
        "week 5",
        "05/03/2O24",
        "💥",
        "0",
    ]
    bad += ["00/00/0000", "1-1", "32/01/2024", "yesterday", "5/3/024", "x" * 3000]
    assert len(bad) >= 50
    rows = [{"child": f"B{i}", "contact": v} for i, v in enumerate(bad)]
    good = [{"child": f"G{i}", "contact": "01/02/2024"} for i in range(5)]
    reading = one(tmp_path, 1, *good, *rows)
    assert reading.records_read == len(bad) + 5
    assert reading.records_used == 5
    assert {r.row for r in reading.rejected} == set(range(7, 7 + len(bad)))
    assert all(r.why.startswith(f"List_1!E{r.row}: ") and len(r.why) < 200 and "\n" not in r.why for r in reading.rejected)


def test_error_cells_count_as_blank(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", {"List_2": table(2, A_ROW[2])})
    book = openpyxl.load_workbook(path)
    book["List_2"]["F2"].value, book["List_2"]["F2"].data_type = "#N/A", "e"
    book.save(path)
    reading = read_annex_a(path, BOOK)
    assert counts(reading.log) == {"early_help_assessment_started": 1}
    assert not [d for d in reading.diagnostics if d.severity == "warning"]


CELL = st.one_of(
    st.none(),
    st.text(max_size=12).filter(lambda s: all(c.isprintable() for c in s)),
    st.sampled_from(
        [*(v for v in FIFTH_OF_MARCH if isinstance(v, str)), "a) Yes", "b) No", "-", "#N/A", "C1", "2", "U4", "Yes-see", "‘10", "²/3/2024"]
    ),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(dt.date(1900, 3, 1), dt.date(2199, 1, 1)),
    st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1)),
    st.timedeltas(dt.timedelta(0), dt.timedelta(days=3000)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(1, 10), st.lists(st.lists(CELL, max_size=17), max_size=4), min_size=1, max_size=4))
def test_any_cells_are_read_or_refused(tmp_path: Path, lists: dict[int, list[list[Any]]]) -> None:
    reading = read(tmp_path, {f"List_{n}": [NAMES[n], *rows] for n, rows in lists.items()})
    assert reading.records_read == reading.records_used + len(reading.rejected)
    assert reading.records_read <= sum(len(rows) for rows in lists.values())
    evaluate(reading.log, BOOK, parse_moment("2024-06-01"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from([".csv", ".xlsx", ".xls"]), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, suffix: str, headed: bool) -> None:
    path = tmp_path / f"List 1{suffix}"
    path.write_bytes(b"Child Unique ID,Date of Contact\n" + data if headed else data)
    try:
        reading = read_annex_a(path, BOOK)
    except InputError:
        return
    assert reading.records_read == reading.records_used + len(reading.rejected)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=8), st.floats(0, 1))
def test_a_damaged_workbook_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, noise: bytes, where: float) -> None:
    data = bytearray((DATA / "child_event_journeys_annexa_example.xlsx").read_bytes())
    at = int(where * (len(data) - len(noise)))
    data[at : at + len(noise)] = noise
    path = tmp_path_factory.mktemp("damaged") / "a.xlsx"
    path.write_bytes(bytes(data))
    try:
        read_annex_a(path, BOOK)
    except InputError:
        return


def test_a_hundred_thousand_rows_are_all_accounted_for(tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    for number in (1, 3, 4, 5, 7):
        fields = [*(c.field for c in COMMON), *(c.field for c in LISTS[number - 1].columns)]
        lines = [",".join(f'"{name}"' for name in NAMES[number])]
        for i in range(20_000):
            row = {"child": f"C{i}", "born": "01/05/2015", "age": "8", "team": f"Team {i % 9}", **A_ROW[number]}
            lines.append(",".join(f'"{row.get(f) or ""}"' for f in fields))
        (folder / f"List {number}.csv").write_text("\n".join(lines), encoding="utf-8")
    reading = read_annex_a(folder, BOOK)
    assert (reading.records_read, len(reading.rejected), len(reading.log)) == (100_000, 0, 180_000)
