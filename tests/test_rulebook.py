"""Loading a rule set: every mistake at once and in an author's words, editions, and the digest."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrt_engine.diagnostics import InputError
from rrt_engine.paths import RULES
from rrt_engine.rulebook.load import _without_examples, digest_of, load, load_with_problems, rule_files
from rrt_engine.rulebook.schema import TimescaleRule
from rrt_engine.rulebook.schema_file import schemas, write_schemas
from rrt_engine.rulebook.shape import FORMS
from rrt_engine.rulebook.strict_yaml import documents
from tests.small_rules import EVENTS, PARAMETERS, PROVED, SOURCES, rule_set


def mistakes(folder: Path) -> list[str]:
    """Everything said on loading, as `line:column code message (help)`."""
    with pytest.raises(InputError) as error:
        load(folder, examples=True)
    return [f"{d.line}:{d.column} {d.code} {d.message}" + (f" ({d.help})" if d.help else "") for d in error.value.diagnostics]


def test_the_small_rule_set_loads(tmp_path: Path) -> None:
    book = load(rule_set(tmp_path), examples=True)
    assert [r.id for r in book.rules] == ["demo_limit"] and len(book.rules[0].spec.examples) == 10


# What a rule author types, and what is said. Each is one mistake and one message, at the key.
_LENGTH = "a whole number of hours, service hours, working days, days, clear days, weeks, months or years"
TYPOS = [
    ("expect: {", "expct: {", "11:1 unknown_key unknown key `expct` (did you mean `expect`?)"),
    ("within: 5", "witin: 5", "12:1 unknown_key unknown key `witin` (did you mean `within`?)"),
    ("where: {urgent", "wher: {urgent", "10:22 unknown_key unknown key `wher` in `when` (did you mean `where`?)"),
    (
        "    as_of: 2026-06-01\n    shows: [boundary]",
        "    asof: 2026-06-01\n    shows: [boundary]",
        "21:5 unknown_key unknown key `asof` in `examples` (did you mean `as_of`?)",
    ),
    ("{event: withdrawn,", "{evnt: withdrawn,", "14:6 unknown_key unknown key `evnt` in `until` (did you mean `event`?)"),
    ("flags: [{status: met", "flags: [{stats: met", "26:14 unknown_key unknown key `stats` in `flags` (did you mean `status`?)"),
    (
        "within: 5 working days",
        "within: {paramter: answer_time}",
        "12:10 unknown_key unknown key `paramter` in `within` (did you mean `parameter`?)",
    ),
    ("urgent: true}}\nexpect", "urgent: {nt: true}}}\nexpect", "10:39 unknown_key unknown key `nt` in `urgent` (did you mean `not`?)"),
    (
        "within: 5 working days",
        "within: 5 workng days",
        f"12:1 shape `5 workng days` is not a length of time: {_LENGTH} (did you mean `5 working days`?)",
    ),
    ("within: 5 working days", "within: 5wd", f"12:1 shape `5wd` is not a length of time: {_LENGTH} (did you mean `5 working days`?)"),
    (
        "within: 5 working days",
        "within: 5",
        f"12:1 shape `5` is not a length of time: {_LENGTH} (give it a unit, such as `5 working days` or `5 days`)",
    ),
    ("warn: 1 working day", "warn: a day", f"18:1 shape `a day` is not a length of time: {_LENGTH} (write {FORMS['warn']})"),
    ("effective: {from: 2020-01-01}", "effective: {from: 01/01/2020}", "8:13 shape `01/01/2020` is not a date (write it as `2013-04-15`)"),
    (
        "effective: {from: 2020-01-01}",
        "effective: {from: 2020-02-30}",
        "8:19 date `2020-02-30` is not a day of the calendar (check the day and the month)",
    ),
    (
        "effective: {from: 2020-01-01}",
        "effective: 2020-01-01",
        f"8:1 shape `2020-01-01` is not what `effective` takes (write {FORMS['effective']})",
    ),
    (
        "authority: guidance",
        "authority: guidence",
        "6:1 shape `guidence` is not one of `duty`, `guidance`, `practice`, `court`, `local`, `kpi` (did you mean `guidance`?)",
    ),
    ("id: demo_limit", "id: Demo-Limit", f"1:1 shape `Demo-Limit` is not an id (write {FORMS['id']})"),
    (
        "source: {id: handbook, at: page 1}",
        "source: handbook",
        f"5:1 shape `handbook` is not what `source` takes (write {FORMS['source']})",
    ),
    ("at: page 1}", "at: 1}", '5:24 shape `1` must be text for `at` (put it in quotes: `"1"`)'),
    ("source: {id: handbook, at: page 1}\n", "", f"1:1 no_source the key `source` is missing (it takes {FORMS['source']})"),
    (
        "expect: {event: answered, where: {seen: true}}",
        "expect: answered",
        f"11:1 shape `answered` is not what `expect` takes (write {FORMS['expect']})",
    ),
    (
        "until:\n  - {event: withdrawn, where: {final: true}}\n  - case_ends",
        "until: case_ends",
        f"13:1 shape `until` must be a list (write {FORMS['until']})",
    ),
    ("shows: [boundary]", "shows: [bounday]", None),
    ("link: request", "link: request\nlink: request", "17:1 duplicate_key the key `link` is already given above (keep one of the two)"),
    (
        "within: 5 working days",
        "within: 5 working days\nbefore: {attribute: wanted, by: 1 day}",
        "13:1 shape give `before`, or `within` and `every`, not both",
    ),
    ("within: 5 working days\n", "", "11:1 shape `expect` needs a time limit: within, every, before or not_before"),
    ("within: 5 working days", "within: [5 working days, 1 month]", "12:1 shape a ladder in `within` needs `every` for the rungs after it"),
    (
        "link: request",
        "link: request\npathway: {overdu: escalate}",
        "17:11 unknown_key unknown key `overdu` in `pathway` (did you mean `overdue`?)",
    ),
    ("event: answered, where", "event: answerd", None),
    ("case_ends", "case_end", "15:5 unknown_set_of_endings unknown set of endings `case_end` (did you mean `case_ends`?)"),
    ("id: handbook", "id: handbok", "5:1 unknown_source unknown source `handbok` (did you mean `handbook`?)"),
    ("urgent: true}}", "urgnt: true}}", "10:30 unknown_attribute `asked` does not record `urgnt` (did you mean `urgent`?)"),
    ("  - case_ends", "   - case_ends", None),
    ("  - case_ends", "\t- case_ends", "15:1 yaml this is not valid YAML: a tab is used to indent (use spaces)"),
    (
        "authority: guidance",
        "authority guidance",
        "6:1 yaml this is not valid YAML: a key has no colon after it (write `key: value`, with a space after the colon)",
    ),
]


@pytest.mark.parametrize(
    ("good", "typo", "message"), TYPOS, ids=[t[1].strip().splitlines()[0] if t[1].strip() else t[0].strip() for t in TYPOS]
)
def test_a_typo_is_one_message_at_its_place(tmp_path: Path, good: str, typo: str, message: str | None) -> None:
    assert good in PROVED
    found = mistakes(rule_set(tmp_path, PROVED.replace(good, typo, 1)))
    assert len(found) == 1
    assert message is None or found == [message]
    assert not re.search(r"[Ii]nput should|dictionary|instance of|Extra inputs|Field required|[A-Z][a-z]+[A-Z]", found[0])


def test_all_the_mistakes_of_all_the_files_are_said_at_once(tmp_path: Path) -> None:
    rule = (
        PROVED.replace("expect:", "expct:")
        .replace("within: 5 working days", "within: 5 workng days")
        .replace("as_of: 2026-04-02", "asof: 2026-04-02")
    )
    folder = rule_set(
        tmp_path,
        rule,
        second=PROVED.replace("demo_limit", "demo_other").replace("link: request", "link: requst"),
        sources=SOURCES.replace("authority: guidance", "authority: advice"),
        parameters=PARAMETERS.replace("basis: made, verified: recalled", "bass: made, verified: recalled"),
    )
    _, problems, _ = load_with_problems(folder)
    assert sorted(d.code for d in problems) == [
        "shape",
        "shape",
        "unknown_key",
        "unknown_key",
        "unknown_key",
        "unknown_link",
        "unknown_source",
    ]
    assert {Path(d.file).name for d in problems} == {"sources.yaml", "parameters.yaml", "one.yaml", "two.yaml"}


@pytest.mark.parametrize(
    ("files", "line", "words"),
    [
        ({"events": EVENTS.replace("attrs: {seen", "attr: {seen")}, 4, "unknown key `attr` in `answered`"),
        ({"events": EVENTS.replace("title: Closure of the case", "titel: Closure of the case")}, 7, "unknown key `titel` in `closed`"),
        ({"events": EVENTS.replace("start: [opened]", "start: opened")}, 11, "`start` must be a list"),
        ({"sources": SOURCES.replace("authority: guidance", "authority: advice")}, 3, "`advice` is not one of"),
        ({"parameters": PARAMETERS.replace("value: 5 working days", "value: [5]")}, 2, "a list is not what `value` takes"),
    ],
)
def test_the_shared_files_are_checked_with_the_same_care(tmp_path: Path, files: dict[str, str], line: int, words: str) -> None:
    _, problems, _ = load_with_problems(rule_set(tmp_path, **files))  # type: ignore[arg-type]
    assert any(d.line == line and words in d.message for d in problems), [d.text() for d in problems]
    assert not any("missing" in d.message for d in problems)


def test_files_that_are_missing_or_not_text_are_said(tmp_path: Path) -> None:
    folder = rule_set(tmp_path)
    (folder / "made" / "two.yaml").write_bytes("note: caf\xe9\n".encode("latin-1"))
    (folder / "sources.yaml").unlink()
    _, problems, _ = load_with_problems(folder)
    assert {(Path(d.file).name, d.code) for d in problems} >= {("two.yaml", "encoding"), ("sources.yaml", "unreadable")}


# ---------------------------------------------------------------------------------------------------- editions


def edition(first: str, last: str = "") -> str:
    return PROVED.replace("effective: {from: 2020-01-01}", f"effective: {{from: {first}{f', to: {last}' if last else ''}}}")


def test_editions_follow_each_other_whatever_their_order_in_the_file(tmp_path: Path) -> None:
    book = load(rule_set(tmp_path, f"{edition('2025-01-01')}---\n{edition('2020-01-01', '2024-06-30')}"))
    first, second = book.named("demo_limit")
    assert first.spec.effective.from_ == date(2020, 1, 1) and first.last_day + 185 == second.first_day


@pytest.mark.parametrize("dates", [("2020-01-01", "2025-01-01", "2025-01-01"), ("2020-01-01", "", "2020-01-01")])
def test_overlapping_editions_are_refused(tmp_path: Path, dates: tuple[str, str, str]) -> None:
    text = f"{edition(dates[0], dates[1])}---\n{edition(dates[2])}"
    found = mistakes(rule_set(tmp_path, text))
    assert len(found) == 1 and "overlapping_editions" in found[0] and "end the earlier edition before this one begins" in found[0]


def test_a_later_edition_ends_an_open_one(tmp_path: Path) -> None:
    book = load(rule_set(tmp_path, f"{edition('2020-01-01')}---\n{edition('2025-01-01')}"))
    first, second = book.named("demo_limit")
    assert first.last_day + 1 == second.first_day


# ---------------------------------------------------------------------------------------------------- digest


@pytest.mark.parametrize("name", ["rulebook.yaml", "events.yaml", "sources.yaml", "parameters.yaml", "bank_holidays.csv", "made/one.yaml"])
def test_the_digest_changes_with_every_file(tmp_path: Path, name: str) -> None:
    before = digest_of(rule_set(tmp_path))
    path = tmp_path / name
    path.write_bytes(path.read_bytes().replace(b"2", b"3", 1) if b"2" in path.read_bytes() else path.read_bytes() + b"# more\n")
    assert digest_of(tmp_path) != before


def test_the_digest_is_the_same_with_windows_line_ends_and_changes_with_a_name(tmp_path: Path) -> None:
    folder = rule_set(tmp_path)
    before = digest_of(folder)
    assert load(folder).digest == before
    for path in folder.rglob("*.*"):
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert digest_of(folder) == before
    (folder / "made" / "one.yaml").rename(folder / "made" / "three.yaml")
    assert digest_of(folder) != before


def test_schema_files_are_no_part_of_the_digest(tmp_path: Path) -> None:
    before = digest_of(rule_set(tmp_path))
    assert len(write_schemas(tmp_path)) == len(schemas()) and write_schemas(tmp_path) == []
    assert digest_of(tmp_path) == before


# ---------------------------------------------------------------------------------------------------- examples left out


def same_rules(folder: Path) -> None:
    """Loading with and without examples gives the same rules at the same lines."""
    with_examples, _, _ = load_with_problems(folder)
    lean = load(folder)
    assert with_examples is not None
    assert [(r.file, r.line, r.first_day, r.last_day) for r in lean.rules] == [
        (r.file, r.line, r.first_day, r.last_day) for r in with_examples.rules
    ]
    assert [r.spec for r in lean.rules] == [r.spec.model_copy(update={"examples": []}) for r in with_examples.rules]


def test_the_rules_are_the_same_without_their_examples() -> None:
    same_rules(RULES)


_EXAMPLE_LINES = st.lists(
    st.sampled_from(
        [
            "  - name: one",
            "    note: a --- dash",
            "",
            "# a comment",
            "  # another",
            "    text: |",
            "      within: 3 days",
            "  - {name: two}",
            "    as_of: 2026-01-01  # examples:",
        ]
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["examples:", "examples: # proofs", "examples: []"]), _EXAMPLE_LINES, st.sampled_from(["", "\n", "\r\n"])
        ),
        min_size=1,
        max_size=4,
    )
)
def test_blanking_examples_keeps_every_line_and_every_other_key(rules: list[tuple[str, list[str], str]]) -> None:
    text, kept = "", []
    for number, (head, lines, _) in enumerate(rules):
        text += f"id: rule_{number}\nlink: request # examples: none\nnote: see examples:\n{head}\n" + "".join(f"{line}\n" for line in lines)
        text += "---\n" if number + 1 < len(rules) else ""
        kept.append({"id": f"rule_{number}", "link": "request", "note": "see examples:"})
    text = text.replace("note: see examples:\n", 'note: "see examples:"\n')
    lean = _without_examples(text)
    assert lean.count("\n") == text.count("\n")
    assert [d.data for d in documents("f", lean)] == kept
    assert [line for line in lean.splitlines() if line.strip()] == [
        line for line in text.splitlines() if line in lean.splitlines() and line.strip()
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blanking_keeps_line_numbers_of_every_rule_file(end: str) -> None:
    for path in rule_files(RULES):
        text = path.read_text(encoding="utf-8").replace("\n", end)
        whole, lean = list(documents("f", text)), list(documents("f", _without_examples(text)))
        assert [d.line for d in lean] == [d.line for d in whole]
        for a, b in zip(whole, lean, strict=True):
            assert {k: v for k, v in a.data.items() if k != "examples"} == b.data, path
            assert all(a.position((key,)) == b.position((key,)) for key in b.data)


# ---------------------------------------------------------------------------------------------------- schema files


def as_json(data: Any) -> Any:
    """YAML data as an editor's schema sees it: dates are strings."""
    if isinstance(data, dict):
        return {key: as_json(value) for key, value in data.items()}
    if isinstance(data, list):
        return [as_json(value) for value in data]
    return data.isoformat() if isinstance(data, date) else data


@pytest.mark.parametrize("name", sorted(schemas()))
def test_the_schema_files_are_the_generated_ones(name: str) -> None:
    assert (RULES / name).read_text(encoding="utf-8") == schemas()[name], "run: rrt rules schema --write"


def test_every_rule_fits_the_schema_that_editors_use() -> None:
    schema = json.loads(schemas()["rule.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for path in rule_files(RULES):
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=../rule.schema.json\n"), path
        for document in documents(str(path), path.read_text(encoding="utf-8")):
            problems = [f"{path}:{document.line} {list(e.path)} {e.message}" for e in validator.iter_errors(as_json(document.data))]
            assert problems == []


def test_the_vocabulary_fits_its_schema() -> None:
    schema = json.loads(schemas()["vocabulary.schema.json"])
    for document in documents("events.yaml", (RULES / "events.yaml").read_text(encoding="utf-8")):
        jsonschema.Draft202012Validator(schema).validate(as_json(document.data))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"expct": {}}, []),
        ({"link": None}, ["link"]),
        ({"authority": "guidence"}, ["authority"]),
        ({"within": 5}, ["within"]),
        ({"until": "case_ends"}, ["until"]),
    ],
)
def test_the_schema_finds_what_an_author_mistypes(change: dict[str, Any], place: list[str]) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schemas()["rule.schema.json"]))
    data = as_json(next(documents("f", PROVED)).data)
    assert list(validator.iter_errors(data)) == []
    found = list(validator.iter_errors({**data, **change}))
    assert [list(e.path) for e in found] == [place]


def test_one_value_or_a_list_of_them(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schemas()["rule.schema.json"]))
    data = as_json(next(documents("f", PROVED)).data)
    data |= {"when": {"event": ["asked"], "where": {"urgent": {"not": [False]}, "level": [1, 2]}}, "source": [data["source"]]}
    assert list(validator.iter_errors(data)) == []


def test_every_key_of_a_rule_is_described() -> None:
    schema = json.loads(schemas()["rule.schema.json"])
    assert set(schema["properties"]) == {f.alias or n for n, f in TimescaleRule.model_fields.items()}
    for name, part in schema["properties"].items():
        assert part.get("description"), name
