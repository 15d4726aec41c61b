"""The strict reader: what plain YAML would silently change or lose is kept or refused, always with its place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrt_engine.diagnostics import InputError
from rrt_engine.rulebook.strict_yaml import Document, documents, single


def read(text: str) -> Any:
    return single("file.yaml", text).data


def refused(text: str) -> list[tuple[int, int, str]]:
    """Line, column and code of everything said of a text that is refused."""
    with pytest.raises(InputError) as error:
        single("file.yaml", text)
    assert all(d.file == "file.yaml" and d.severity == "error" for d in error.value.diagnostics)
    return [(d.line, d.column, d.code) for d in error.value.diagnostics]


def said(text: str) -> str:
    with pytest.raises(InputError) as error:
        single("file.yaml", text)
    return str(error.value)


def test_values_are_read_as_they_look() -> None:
    text = "a: on\nb: yes\nc: 12:30\nd: 012\ne: 1_000\nf: 0x1f\ng: 1e3\nh: true\ni: 7\n"
    text += "j: -1.5\nk: 2026-04-10\nl: '7'\nm: ~\nn:\no: 2026-04-10T09:30\np: TRUE\n"
    assert read(text) == {
        "a": "on",
        "b": "yes",
        "c": "12:30",
        "d": "012",
        "e": "1_000",
        "f": "0x1f",
        "g": "1e3",
        "h": True,
        "i": 7,
        "j": -1.5,
        "k": date(2026, 4, 10),
        "l": "7",
        "m": None,
        "n": None,
        "o": "2026-04-10T09:30",
        "p": "TRUE",
    }


def test_keys_stay_text() -> None:
    assert list(read("on: 1\n2026-04-10: 2\n3: 4\ntrue: 5\n")) == ["on", "2026-04-10", "3", "true"]


def test_numbers_too_long_to_be_numbers_stay_text() -> None:
    assert read(f"a: {'9' * 6000}") == {"a": "9" * 6000}
    assert read(f"a: {'9' * 6000}.5") == {"a": "9" * 6000 + ".5"}


def test_duplicate_keys_are_refused_wherever_they_are() -> None:
    assert refused("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [(2, 11, "duplicate_key"), (3, 1, "duplicate_key")]


def test_tags_are_refused() -> None:
    assert refused("a: !!python/object/apply:os.system [x]\nb: !!str 1\n!c d: 1\n") == [(1, 4, "tag"), (2, 4, "tag"), (3, 1, "tag")]


def test_anchors_and_aliases_are_refused_with_the_place_of_each() -> None:
    assert refused("a: &x 1\nb: *x\n<<: *x\n") == [(1, 4, "alias"), (2, 4, "alias"), (3, 5, "alias")]
    assert refused("a: &x [*x]") == [(1, 4, "alias")]


def test_billion_laughs_costs_nothing() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]" for i in range(20)]
    assert {code for _, _, code in refused("\n".join(lines))} == {"alias"}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "\n".join(" " * i + "a:" for i in range(3000)), "? " * 50_000]
)
def test_deep_nesting_is_refused_and_does_not_crash(text: str) -> None:
    assert [code for _, _, code in refused(text)] == ["too_deep"]


def test_a_day_that_does_not_exist_is_refused_at_its_place() -> None:
    assert refused("a: 1\nb: 2026-02-30\nc: 2026-13-01\n") == [(2, 4, "date"), (3, 4, "date")]
    assert read("a: '2026-02-30'") == {"a": "2026-02-30"}


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\n\tb: 2\n", 2, 1, "a tab is used to indent"),
        ("a: @b\n", 1, 4, "a value cannot start with `@`"),
        ("a: %b\n", 1, 4, "a value cannot start with `%`"),
        ("title: One: two\n", 1, 11, "a colon stands where none can"),
        ("a: 1\n  b: 2\n", 2, 4, "does not fit the line above"),
        ("a:1\nb: 2\n", 2, 2, "does not fit the line above"),
        ("kind: rule\nid demo\ntitle: x\n", 2, 1, "has no colon after it"),
        ("a: {b: 1\nc: 2\n", 2, 2, "a `{` is not closed, or a comma is missing; it begins on line 1"),
        ("a: [b\nc: 2\n", 2, 2, "a `[` is not closed, or a comma is missing; it begins on line 1"),
        ('a: "b\nc: 2\n', 3, 1, "a quote is opened and never closed; it begins on line 1"),
        ('a: "b" c\n', 1, 8, "does not fit the lines around it"),
        ("a:\n  - b\n  c: 1\n", 3, 3, "does not fit the list above it"),
        ("a: - b\n", 1, 4, "a list item `- ` stands where none can"),
        ("a: * b\n", 1, 5, "starts with `*` or `&`"),
        ("a: 1\nb: x\0\n", 2, 5, "a character that cannot be shown"),
    ],
)
def test_what_is_not_yaml_is_said_in_plain_words_at_its_place(text: str, line: int, column: int, words: str) -> None:
    message = said(text)
    assert message.startswith(f"file.yaml:{line}:{column}: ") and words in message and "help: " in message
    assert "token" not in message and "mapping" not in message


def test_one_document_is_one_document() -> None:
    assert refused("a: 1\n---\nb: 2\n") == [(1, 1, "documents")]
    assert refused("# nothing\n") == [(1, 1, "documents")]
    assert [d.data for d in documents("f", "a: 1\n---\nb: 2\n---\n")] == [{"a": 1}, {"b": 2}, None]


def test_places_of_keys_items_and_what_is_missing() -> None:
    document = single("f", "a: 1\nb:\n  - x\n  - c: {d: 1}\n")
    assert document.position(("a",)) == (1, 1)
    assert document.position(("b", 0)) == (3, 5)
    assert document.position(("b", 1, "c", "d")) == (4, 9)
    assert document.position(("b", 1, "c", "gone")) == (4, 5)
    assert document.position(("gone",)) == (1, 1)


def test_each_document_knows_its_lines() -> None:
    assert [(d.line, d.end_line) for d in documents("f", "a: 1\nb: 2\n---\nc: 3\n")] == [(1, 3), (4, 5)]


def test_text_that_is_not_text_is_refused() -> None:
    assert refused("a: \ud800") == [(1, 1, "encoding")]


def _all(text: str) -> list[Document]:
    return list(documents("f", text))


_PIECES = st.sampled_from(
    [
        *"abc:-,[]{}&*!|>'\"%@`#?~ \n\t0123456789.",
        "\n  ",
        "- ",
        ": ",
        "--- ",
        "\n---\n",
        "<<: ",
        "!!",
        "true",
        "2026-02-30",
        "\ufeff",
        "\0",
        "\x85",
        "é",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=40).map("".join)))
def test_nothing_but_an_input_error_is_ever_raised(text: str) -> None:
    try:
        said = [d for document in _all(text) for d in document.problems]
    except InputError as error:
        said = list(error.diagnostics)
        if not said:
            raise
    assert all(d.line >= 1 and d.column >= 1 and d.message for d in said)


_VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**12), 10**12),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12),
        st.none(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner, max_size=3)),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(_VALUES)
def test_what_is_written_as_json_is_read_back(value: Any) -> None:
    """JSON is YAML: quoted text stays text, and nothing is guessed."""
    import json

    assert read(json.dumps({"v": value}, ensure_ascii=False)) == {"v": value}
