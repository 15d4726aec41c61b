"""The record of decisions: nothing in it can be changed, removed or moved unseen, and nothing that was recorded is lost."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import cast

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from rrt_engine import cli_decisions
from rrt_engine import decisions as kept
from rrt_engine.cli import app
from rrt_engine.cli_decisions import decide_command, decisions
from rrt_engine.decision import FIELDS, canonical, cautions, mistakes, read, sha256, shown, written
from rrt_engine.decisions import Decision, Entry, Suggested, Verified, append, decide, entries, open_record, record_decision, verify
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import Fact
from rrt_engine.personal_details import looks_like_a_role, personal_details
from rrt_engine.reports.decision_words import sentences

ROOT = Path(__file__).resolve().parent.parent
AT = "2026-04-15T09:30:00Z"
KNOWN = {
    "police_999_emergency": "emergency",
    "s47_strategy_discussion": "level",
    "family_help_targeted": "level",
    "universal_plus_single_agency": "level",
    "seek_advice": "level",
    "universal": "level",
    "lado": "duty",
    "marac_idva": "adjunct",
}
SUGGESTED = Suggested(
    case="C-0001",
    as_of="2026-04-15",
    rule_set="england-and-birmingham",
    rule_set_version="2026.1",
    rule_set_digest="d" * 64,
    facts_digest="f" * 64,
    engine="0.1.0",
    checked_by="two engines",
    level=3,
    pathways=("family_help_targeted", "marac_idva"),
    urgency="one_working_day",
    consent_status="given",
)


def decided(
    level: int = 3, *pathways: str, reason: str = "", role: str = "team_manager", suggested: Suggested = SUGGESTED, at: str = AT
) -> Decision:
    chosen = pathways or ("family_help_targeted",)
    return decide(suggested, KNOWN, at=at, role=role, level=level, pathways=chosen, reason=reason)


AGREED = decided()
DIFFERED = decided(2, "universal_plus_single_agency", reason="The school has begun help that works.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.sqlite"


@pytest.fixture
def five(path: Path) -> Path:
    """A record of five entries, on cases C-1 to C-5."""
    for number in range(1, 6):
        record_decision(path, replace(AGREED, suggested=replace(SUGGESTED, case=f"C-{number}")))
    return path


def verified(path: Path, expect: str = "") -> Verified:
    with open_record(path) as record:
        return verify(record, expect)


def problems(path: Path, expect: str = "") -> list[str]:
    return [p.text() for p in verified(path, expect).problems]


def every(path: Path) -> list[Entry]:
    with open_record(path) as record:
        return list(entries(record))


def refusal(call: Callable[[], object]) -> list[Diagnostic]:
    with pytest.raises(InputError) as caught:
        call()
    return list(caught.value.diagnostics)


def tamper(path: Path, *statements: str, guards: bool = True) -> None:
    """Change a record behind its back, with the guards removed for the moment and put back where `guards`."""
    with closing(sqlite3.connect(path)) as raw:
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            raw.execute(statement)
        if guards:
            for _, sql in triggers:
                raw.execute(sql)
        raw.commit()


# ---------------------------------------------------------------------------------------------------- adding


def test_an_entry_holds_what_was_suggested_and_what_was_decided_and_follows_the_one_before(path: Path) -> None:
    first, second = record_decision(path, AGREED), record_decision(path, DIFFERED)
    assert [first.number, second.number] == [1, 2] and second.previous == first.hash != second.hash
    assert every(path) == [first, second]
    assert [e.decision for e in every(path)] == [AGREED, DIFFERED]
    assert verified(path) == Verified(2, second.hash, ())


def test_the_hash_can_be_worked_out_by_anyone(path: Path) -> None:
    entry = record_decision(path, AGREED)
    with closing(sqlite3.connect(path)) as raw:
        content, hash = raw.execute("SELECT content, hash FROM entries").fetchone()
    assert hash == entry.hash == hashlib.sha256(content.encode("utf-8")).hexdigest()
    assert content == json.dumps(json.loads(content), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert json.loads(content)["previous"] == "0" * 64 and set(json.loads(content)) == set(FIELDS)


def test_every_field_of_a_decision_is_covered_by_the_hash() -> None:
    text = canonical(written(1, kept.START, AGREED))
    for field in fields(Suggested):
        was = getattr(SUGGESTED, field.name)
        other: object = (*was, "lado") if isinstance(was, tuple) else 1 if isinstance(was, int) else f"{was}x"
        changed = replace(AGREED, suggested=replace(SUGGESTED, **{field.name: other}))
        assert canonical(written(1, kept.START, changed)) != text, field.name
    for name, other in {"at": "x", "role": "x", "level": 1, "pathways": (), "route": "", "reason": "x"}.items():
        assert canonical(written(1, kept.START, replace(AGREED, **{name: other}))) != text, name


def test_the_record_uses_a_write_ahead_log_and_says_whose_it_is(path: Path) -> None:
    record_decision(path, AGREED)
    with open_record(path, write=True) as record:
        asked = ("journal_mode", "synchronous", "application_id", "user_version")
        assert [record.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked] == ["wal", 2, 0x52525444, kept.VERSION]


def test_without_a_write_ahead_log_it_goes_on_with_the_usual_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The dot-file VFS has no shared memory, as on a disk that cannot have the log.
    real = sqlite3.connect
    if os.name == "nt":
        pytest.skip("that VFS is for Unix")
    monkeypatch.setattr(sqlite3, "connect", lambda name, **how: real(f"{name}&vfs=unix-dotfile" if how.get("uri") else name, **how))
    record_decision(path, AGREED)
    record_decision(path, DIFFERED)
    with open_record(path, write=True) as record:
        assert record.connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert problems(path) == [] and len(every(path)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET hash = 'x' WHERE number = 2",
        "UPDATE entries SET content = '{}'",
        "DELETE FROM entries WHERE number = 2",
        "DELETE FROM entries",
        "INSERT OR REPLACE INTO entries SELECT 2, content, hash FROM entries WHERE number = 1",
        "INSERT INTO entries VALUES (9, '{}', 'x')",
        "INSERT INTO entries VALUES (-1, '{}', 'x')",
        "UPDATE head SET count = 4",
        "UPDATE head SET count = 6, hash = 'x'",
        "DELETE FROM head",
        "INSERT OR REPLACE INTO head VALUES (1, 0, 'x')",
        "INSERT INTO head VALUES (2, 0, 'x')",
    ],
)
def test_the_file_itself_refuses_every_change(five: Path, statement: str) -> None:
    with closing(sqlite3.connect(five)) as raw, pytest.raises(sqlite3.IntegrityError):
        raw.execute(statement)
    assert problems(five) == [] and len(every(five)) == 5


def test_entries_of_one_case(five: Path) -> None:
    record_decision(five, replace(DIFFERED, suggested=replace(SUGGESTED, case="C-2")))
    with open_record(five) as record:
        assert [e.number for e in entries(record, "C-2")] == [2, 6]
        assert list(entries(record, "C-9")) == []


def test_nothing_is_added_to_a_record_that_has_lost_its_end(five: Path) -> None:
    tamper(five, "DELETE FROM entries WHERE number = 5")
    (found,) = refusal(lambda: record_decision(five, AGREED))
    assert found.code == "broken" and "nothing was added" in found.message
    assert problems(five) == ["entry 5 is missing from the end: the record had 5 entries"]


# ---------------------------------------------------------------------------------------------------- at once, killed, full

WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from rrt_engine.decision import read
from rrt_engine.decisions import record_decision
path, who, count, decision = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), read(sys.argv[4], "").decision
for i in range(count):
    entry = record_decision(path, replace(decision, suggested=replace(decision.suggested, case=f"{who}-{i}")))
    print(entry.number, flush=True)
"""


def writer(path: Path, who: str, count: int, code: str = WRITER) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path), who, str(count), canonical(written(1, kept.START, AGREED))],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_four_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    running = [writer(path, who, 100) for who in "ABCD"]  # none of them finds a file: they make it at once too
    said = [int(n) for each in running for n in each.communicate()[0].split()]
    assert [each.returncode for each in running] == [0] * 4
    assert sorted(said) == list(range(1, 401))
    found = every(path)
    assert {e.decision.suggested.case for e in found} == {f"{who}-{i}" for who in "ABCD" for i in range(100)}
    for who in "ABCD":  # and each process's own are in the order in which it wrote them
        assert [e.decision.suggested.case for e in found if e.decision.suggested.case[0] == who] == [f"{who}-{i}" for i in range(100)]
    assert verified(path) == Verified(400, found[-1].hash, ())


def test_a_record_that_another_process_makes_this_moment_is_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_WAIT", 0.05)

    class Slow:
        """A connection beside which another process makes the record while it is asked what the file is."""

        def __init__(self, real: sqlite3.Connection) -> None:
            self.real = real

        def execute(self, query: str) -> sqlite3.Cursor:
            if query == "PRAGMA user_version":
                with suppress(InputError):
                    record_decision(path, AGREED)
            return self.real.execute(query)

    with closing(kept._connected(path, True)) as real:
        assert kept._is_new(path, cast(sqlite3.Connection, Slow(real)), True), "it was when it was asked"
    record_decision(path, DIFFERED)
    assert problems(path) == []


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is for Unix")
@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_process_killed_while_it_writes_leaves_a_sound_record(path: Path, after: int) -> None:
    with writer(path, "K", 1_000_000) as running:
        assert running.stdout is not None
        last = [int(running.stdout.readline()) for _ in range(after)][-1]
        os.kill(running.pid, signal.SIGKILL)
    assert problems(path) == []
    assert last == after and len(every(path)) >= last, "what was said to be recorded is recorded"
    assert record_decision(path, AGREED).number == len(every(path))
    assert problems(path) == []


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is for Unix")
def test_a_process_killed_in_the_middle_of_an_entry_leaves_the_entries_before(path: Path) -> None:
    record_decision(path, AGREED)
    middle = (
        "import sqlite3, sys, time\n"
        "raw = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "raw.execute('PRAGMA cache_size = 1'); raw.execute('BEGIN IMMEDIATE')\n"
        "raw.execute('INSERT INTO entries VALUES (2, ?, ?)', ('x' * 500_000, 'y'))\n"
        "print('there', flush=True); time.sleep(60)\n"
    )
    with writer(path, "K", 1, middle) as running:
        assert running.stdout is not None and running.stdout.readline() == "there\n"
        os.kill(running.pid, signal.SIGKILL)
    assert problems(path) == [] and len(every(path)) == 1
    assert record_decision(path, DIFFERED).number == 2 and problems(path) == []


def test_a_full_disk_is_said_and_leaves_the_entries_before(path: Path) -> None:
    long = replace(DIFFERED, reason="x" * 1000)

    def fill() -> None:
        with open_record(path, write=True) as record:
            record.connection.execute("PRAGMA max_page_count = 20")
            for _ in range(1000):
                append(record, long)

    (found,) = refusal(fill)
    assert found.code == "disk_full" and "no room left" in found.message and "nothing was recorded" in found.message and found.help
    count = len(every(path))
    assert 10 < count < 100 and problems(path) == []
    assert record_decision(path, AGREED).number == count + 1 and problems(path) == []


def test_no_room_for_even_the_first_entry_leaves_no_half_made_record(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = kept._journal

    def small(where: Path, connection: sqlite3.Connection) -> None:
        real(where, connection)
        connection.execute("PRAGMA max_page_count = 1")

    monkeypatch.setattr(kept, "_journal", small)
    (found,) = refusal(lambda: record_decision(path, AGREED))
    assert found.code == "disk_full"
    monkeypatch.undo()
    assert refusal(lambda: every(path))[0].code == "not_a_record"
    assert record_decision(path, AGREED).number == 1 and problems(path) == []


def test_another_process_that_keeps_the_record_is_waited_for_and_then_said(five: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_WAIT", 0.1)
    with closing(sqlite3.connect(five, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (found,) = refusal(lambda: record_decision(five, AGREED))
        assert found.code == "busy" and "nothing was recorded" in found.message
        assert len(every(five)) == 5, "reading does not wait"
    assert record_decision(five, AGREED).number == 6


# ---------------------------------------------------------------------------------------------------- verifying


def test_a_changed_entry_is_named(five: Path) -> None:
    tamper(five, "UPDATE entries SET content = replace(content, 'C-3', 'C-9') WHERE number = 3")
    assert problems(five) == ["entry 3 was changed after it was written: its content and its hash do not belong together"]


def test_a_changed_entry_with_its_own_hash_made_anew_is_named(five: Path) -> None:
    content = canonical(written(3, every(five)[1].hash, replace(AGREED, level=4)))
    tamper(five, f"UPDATE entries SET content = '{content}', hash = '{sha256(content)}' WHERE number = 3")
    assert problems(five) == ["entry 4 does not follow entry 3: one of the two was replaced"]


def test_a_changed_last_entry_with_its_own_hash_made_anew_is_named(five: Path) -> None:
    content = canonical(written(5, every(five)[3].hash, replace(AGREED, level=4)))
    tamper(five, f"UPDATE entries SET content = '{content}', hash = '{sha256(content)}' WHERE number = 5")
    assert problems(five) == ["entry 5 is not the one that the record was left with"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM entries WHERE number = 3", ["entry 3 is missing"]),
        ("DELETE FROM entries WHERE number IN (2, 3)", ["entry 2 to entry 3 are missing"]),
        ("DELETE FROM entries WHERE number = 1", ["entry 1 is missing"]),
        ("DELETE FROM entries WHERE number = 5", ["entry 5 is missing from the end: the record had 5 entries"]),
        ("DELETE FROM entries WHERE number > 3", ["entry 4 to entry 5 are missing from the end: the record had 5 entries"]),
        ("DELETE FROM entries", ["entry 1 to entry 5 are missing from the end: the record had 5 entries"]),
        ("DELETE FROM head", ["the note of the last entry is missing, so that entries may be missing from the end"]),
        ("UPDATE head SET count = 4", ["entry 5 was added from outside: the record was left with 4 entries"]),
        ("UPDATE head SET hash = 'x'", ["entry 5 is not the one that the record was left with"]),
        ("UPDATE entries SET hash = 'x' WHERE number = 2", ["entry 2 was changed after it was written"]),
        ("UPDATE entries SET hash = x'00' WHERE number = 2", ["entry 2 was changed after it was written"]),
        ("UPDATE entries SET content = x'ff00' WHERE number = 2", ["entry 2 was changed after it was written"]),
        ("UPDATE entries SET content = CAST(x'7bff7d' AS TEXT) WHERE number = 5", ["entry 5 was changed after it was written"]),
        ("INSERT INTO entries SELECT 6, content, hash FROM entries WHERE number = 5", ["entry 6 stands in another place"]),
        ("INSERT INTO entries SELECT -1, content, hash FROM entries WHERE number = 5", ["entry -1 has a number that no entry has"]),
        ("CREATE TABLE notes (text)", ["the table `notes` does not belong in a record"]),
        ("ALTER TABLE entries ADD COLUMN other", ["the table `entries` was changed"]),
        ("DROP TABLE head", ["the table `head` was removed"]),
    ],
)
def test_every_other_change_is_named(five: Path, statement: str, said: list[str]) -> None:
    # The guards of a table that is gone cannot be put back.
    tamper(five, statement, guards="DROP TABLE" not in statement)
    found = problems(five)
    for each in said:
        assert any(text.startswith(each) for text in found), found
    if "another place" not in said[0] and "-1" not in said[0] and "DROP" not in statement:
        assert len(found) == len(said), found


def test_entries_that_changed_places_are_named(five: Path) -> None:
    swap = "UPDATE entries SET number = {} WHERE number = {}"
    tamper(five, swap.format(99, 2), swap.format(2, 4), swap.format(4, 99))
    assert problems(five) == [
        "entry 2 stands in another place than it was written: it was entry 4",
        "entry 4 stands in another place than it was written: it was entry 2",
    ]


def test_a_later_entry_moved_down_into_a_gap_is_named(five: Path) -> None:
    tamper(five, "DELETE FROM entries WHERE number = 2", "UPDATE entries SET number = 2 WHERE number = 5", "UPDATE head SET count = 4")
    assert any(text.startswith("entry 2 stands in another place than it was written: it was entry 5") for text in problems(five))


def test_guards_that_are_gone_are_named_with_what_was_changed(five: Path) -> None:
    tamper(five, "UPDATE entries SET content = replace(content, 'C-1', 'C-9') WHERE number = 1", guards=False)
    found = problems(five)
    removed = "was removed, so that entries could be changed without a refusal"
    assert f"the guard `entries_stand` {removed}" in found and f"the guard `head_follows` {removed}" in found
    assert [text for text in found if removed not in text] == [
        "entry 1 was changed after it was written: its content and its hash do not belong together"
    ]


def test_a_guard_that_was_weakened_is_named(five: Path) -> None:
    with closing(sqlite3.connect(five)) as raw:
        raw.execute("DROP TRIGGER entries_stand")
        raw.execute("CREATE TRIGGER entries_stand BEFORE UPDATE ON entries WHEN 0 BEGIN SELECT 1; END")
        raw.execute("CREATE TRIGGER another AFTER INSERT ON entries BEGIN SELECT 1; END")
        raw.commit()
    assert problems(five) == ["the guard `entries_stand` was changed", "the trigger `another` does not belong in a record"]


def test_a_record_written_anew_shows_only_against_a_hash_noted_elsewhere(five: Path, tmp_path: Path) -> None:
    noted, middle = every(five)[-1].hash, every(five)[2].hash
    assert verified(five, noted).noted_at == 5 and verified(five, middle[:16].upper()).noted_at == 3
    other = tmp_path / "anew.sqlite"
    for entry in every(five):
        record_decision(other, replace(entry.decision, role="duty_officer"))
    assert problems(other) == [], "as the words of `verify` say, the chain alone cannot show it"
    (found,) = problems(other, noted)
    assert found.startswith(f"no entry has the hash that was noted, {noted}")
    assert "written the whole record anew" in kept.CANNOT_SHOW


@pytest.mark.parametrize("hash", ["abc", "x" * 64, "a" * 65])
def test_a_hash_to_expect_must_be_one(five: Path, hash: str) -> None:
    assert refusal(lambda: verified(five, hash))[0].code == "hash"


def test_a_damaged_file_is_said_to_be(path: Path) -> None:
    for _ in range(60):
        record_decision(path, replace(DIFFERED, reason="x" * 1000))
    raw = bytearray(path.read_bytes())
    raw[8192 : len(raw) - 4096] = bytes(len(raw) - 4096 - 8192)
    path.write_bytes(raw)
    assert any("damaged" in text for text in problems(path))


ROLES = st.sampled_from(["team_manager", "Social Worker", "front-door manager", "médiateur"])
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60).map(str.strip)


@st.composite
def any_decision(draw: st.DrawFn) -> Decision:
    suggested = replace(
        SUGGESTED,
        case=draw(st.from_regex(r"[A-Z]-[0-9]{1,6}", fullmatch=True)),
        level=draw(st.none() | st.integers(1, 4)),
        pathways=tuple(draw(st.lists(st.sampled_from(sorted(KNOWN)), unique=True))),
        consent_status=draw(st.sampled_from(["", "given", "refused"])),
        consent_override_reason="risk_of_significant_harm",
    )
    chosen = draw(st.lists(st.sampled_from(sorted(KNOWN)), min_size=1))
    reason = f"{draw(TEXTS)} because"
    return decide(suggested, KNOWN, at=AT, role=draw(ROLES), level=draw(st.integers(1, 4)), pathways=chosen, reason=reason)


MANY = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@MANY
@given(st.lists(any_decision(), min_size=1, max_size=6), st.data())
def test_any_decisions_verify_and_any_one_change_to_any_field_is_found(
    tmp_path_factory: pytest.TempPathFactory, made: list[Decision], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("any") / "record.sqlite"
    with open_record(path, write=True) as record:
        written_ = [append(record, decision) for decision in made]
        assert [e.decision for e in entries(record)] == made
        assert verify(record) == Verified(len(made), written_[-1].hash, ())
    victim = data.draw(st.sampled_from(written_))
    name = data.draw(st.sampled_from(sorted(FIELDS)))
    holds = written(victim.number, victim.previous, victim.decision)
    was = holds[name]
    holds[name] = (
        [*was, "x"] if isinstance(was, list) else 1 + (was or 0) if FIELDS[name] is int else data.draw(TEXTS.filter(lambda t: t != was))
    )
    content = canonical(holds)
    rehash = data.draw(st.booleans())
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TRIGGER entries_stand")
        raw.execute("UPDATE entries SET content = ? WHERE number = ?", (content, victim.number))
        if rehash:  # somebody who knows how the hash is made
            raw.execute("UPDATE entries SET hash = ? WHERE number = ?", (sha256(content), victim.number))
        raw.execute(next(each for each in kept._LAYOUT if each.startswith("CREATE TRIGGER entries_stand")))
        raw.commit()
    found = verified(path).problems
    assert found and any(p.entry in (victim.number, victim.number + 1) for p in found), (name, found)
    assert rehash or any(p.entry == victim.number and "changed" in p.what for p in found)


@given(st.binary(max_size=200))
def test_no_text_reads_as_an_entry_unless_it_is_one(raw: bytes) -> None:
    assert read(raw.decode("utf-8", "surrogateescape"), "x") is None


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{}",
        "[" * 100_000,
        canonical(written(1, kept.START, AGREED)).replace(":3", ":true"),
        canonical(written(1, kept.START, AGREED)).replace(":3", ": 3"),
        canonical(written(1, kept.START, AGREED)).replace('"marac_idva"', "1"),
        canonical({**written(1, kept.START, AGREED), "more": 1}),
    ],
)
def test_what_is_not_exactly_an_entry_is_not_read_as_one(content: object) -> None:
    assert read(content, "x") is None


# ---------------------------------------------------------------------------------------------------- the file


def test_a_record_of_a_later_version_is_refused_and_left_alone(five: Path) -> None:
    with closing(sqlite3.connect(five)) as raw:
        raw.execute("PRAGMA user_version = 2")
    before = five.read_bytes()
    for call in (lambda: every(five), lambda: record_decision(five, AGREED)):
        (found,) = refusal(call)
        assert found.code == "later_version" and "layout 2; this one knows 1" in found.message
    assert five.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database, but longer than the header of one " * 40, b"x", b"\x00" * 4096])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert refusal(lambda: every(path))[0].code == "not_a_record"
    assert refusal(lambda: record_decision(path, AGREED))[0].code == "not_a_record"
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE entries (number, content, hash)")
        raw.commit()
    before = path.read_bytes()
    assert refusal(lambda: every(path))[0].code == "not_a_record"
    assert refusal(lambda: record_decision(path, AGREED))[0].code == "not_a_record"
    assert path.read_bytes() == before


def test_reading_never_makes_or_changes_a_file(tmp_path: Path, five: Path) -> None:
    assert refusal(lambda: every(tmp_path / "none.sqlite"))[0].code == "not_found"
    empty = tmp_path / "empty.sqlite"
    empty.touch()
    assert refusal(lambda: every(empty))[0].code == "not_a_record" and empty.stat().st_size == 0
    before = five.read_bytes()
    assert len(every(five)) == 5 and problems(five) == []

    def scribble() -> None:
        with open_record(five) as record:
            record.connection.execute("INSERT INTO head VALUES (2, 0, 'x')")

    assert refusal(scribble)[0].code == "unwritable"
    assert five.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {"record.sqlite", "empty.sqlite"}


def test_folders_that_are_not_there_or_are_the_record_are_said(tmp_path: Path) -> None:
    assert refusal(lambda: record_decision(tmp_path, AGREED))[0].message == "this is a folder"
    (found,) = refusal(lambda: record_decision(tmp_path / "no" / "record.sqlite", AGREED))
    assert found.code == "unwritable" and "there is no folder" in found.message


def test_a_name_with_marks_that_mean_something_in_an_address(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1 & more.sqlite"
    record_decision(path, AGREED)
    assert len(every(path)) == 1 and [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_record_in_a_folder_that_may_not_be_written_is_read(five: Path) -> None:
    five.chmod(0o444)
    five.parent.chmod(0o555)
    try:
        assert len(every(five)) == 5 and problems(five) == []
        assert refusal(lambda: record_decision(five, AGREED))[0].code == "unwritable"
    finally:
        five.parent.chmod(0o755)


# ---------------------------------------------------------------------------------------------------- what must be said


def codes(call: Callable[[], object]) -> list[str]:
    return [d.code for d in refusal(call)]


def test_a_decision_as_suggested_needs_no_reason() -> None:
    assert decided().agrees and decided().outcome == "agrees"
    assert decided(3, "marac_idva", "family_help_targeted").agrees, "the first route of a level counts"
    assert decided(3, "family_help_targeted", "lado").agrees, "what goes beside it does not"


@pytest.mark.parametrize(
    ("level", "pathways", "said"),
    [
        (2, ["family_help_targeted"], "level 3 was suggested and level 2 decided"),
        (4, ["s47_strategy_discussion"], "level 3 was suggested and level 4 decided"),
        (3, ["universal_plus_single_agency"], "`universal_plus_single_agency` is not among the pathways suggested"),
        (3, ["universal_plus_single_agency", "family_help_targeted"], "`universal_plus_single_agency` is not among"),
        (3, ["marac_idva"], "none of the pathways decided is the route of a level"),
    ],
)
def test_a_decision_that_differs_needs_a_reason(level: int, pathways: list[str], said: str) -> None:
    for reason in ("", "  \n "):
        (found,) = refusal(lambda reason=reason: decided(level, *pathways, reason=reason))
        assert found.code == "reason_needed" and found.file == "--reason" and said in found.message and found.help
    assert decided(level, *pathways, reason="The school helps.").outcome == "differs"


GRAVE = replace(
    SUGGESTED, level=4, pathways=("police_999_emergency", "s47_strategy_discussion", "lado", "marac_idva"), consent_status="not_recorded"
)


def test_what_stands_whatever_the_level_is_part_of_agreeing() -> None:
    whole = decided(4, "s47_strategy_discussion", "police_999_emergency", "lado", suggested=GRAVE)
    assert whole.agrees and whole.suggested.required == ("police_999_emergency", "lado") and whole.left_out == ()
    assert AGREED.suggested.required == () and decided(3, "family_help_targeted").agrees, "what goes beside it may be left out"


@pytest.mark.parametrize(
    ("pathways", "left"),
    [
        (["s47_strategy_discussion", "lado"], "police_999_emergency"),
        (["police_999_emergency", "s47_strategy_discussion"], "lado"),
        (["s47_strategy_discussion", "marac_idva"], "police_999_emergency, lado"),
    ],
)
def test_to_leave_out_an_emergency_or_a_duty_needs_a_reason(pathways: list[str], left: str, path: Path) -> None:
    (found,) = refusal(lambda: decided(4, *pathways, suggested=GRAVE))
    assert found.code == "reason_needed"
    assert found.message == f"suggested whatever the level and not among the pathways decided: {left}: a reason is needed where they differ"
    made = decided(4, *pathways, suggested=GRAVE, reason="The police were already there.")
    assert made.outcome == "differs" and ", ".join(made.left_out) == left
    entry = record_decision(path, made)
    assert kept.as_fields(entry)["suggested_required"] == ["police_999_emergency", "lado"] and every(path) == [entry]


def test_an_emergency_alone_is_not_the_route_of_a_level() -> None:
    (found,) = refusal(lambda: decided(4, "police_999_emergency", "lado", suggested=GRAVE))
    assert "none of the pathways decided is the route of a level" in found.message
    (found,) = refusal(lambda: decided(4, "police_999_emergency", "lado", "universal", suggested=GRAVE))
    assert "`universal` is not among the pathways suggested" in found.message


def test_another_level_and_a_duty_left_out_are_said_together() -> None:
    (found,) = refusal(lambda: decided(3, suggested=GRAVE))
    assert "level 4 was suggested and level 3 decided; suggested whatever the level and not among" in found.message


@pytest.mark.parametrize("status", ["refused", "withdrawn", "not_sought", "not_safe_to_seek"])
def test_to_go_on_without_consent_needs_a_reason_of_its_own(status: str) -> None:
    without = replace(SUGGESTED, consent_status=status)
    (found,) = refusal(lambda: decided(suggested=without))
    assert found.code == "override_needed" and found.file == "--consent-override" and found.severity == "error"
    assert f"consent is recorded as {status.replace('_', ' ')}, and `family_help_targeted` goes beyond an advice" in found.message
    assert "never changes the level" in found.help
    made = decided(suggested=replace(without, consent_override_reason="statutory_duty"))
    assert made.agrees and made.level == 3, "the level is as it would be"
    assert codes(lambda: decided(3, "seek_advice", "family_help_targeted", suggested=without)) == ["override_needed"]
    assert codes(lambda: decided(suggested=replace(without, consent_override_reason="  "))) == ["override_needed"]


@pytest.mark.parametrize("pathway", ["seek_advice", "universal", "lado", "police_999_emergency"])
def test_advice_universal_services_emergencies_and_duties_need_no_consent(pathway: str) -> None:
    assert decided(3, pathway, suggested=replace(SUGGESTED, consent_status="refused"), reason="x").pathways == (pathway,)


@pytest.mark.parametrize("status", ["", "given", "not_recorded"])
def test_consent_that_is_given_or_not_recorded_needs_no_override(status: str) -> None:
    assert decided(suggested=replace(SUGGESTED, consent_status=status)).agrees


def test_advice_and_a_further_route_are_compared_by_the_further_route() -> None:
    advised = replace(SUGGESTED, pathways=("seek_advice",))
    assert decided(3, "seek_advice", suggested=advised).agrees
    made = decided(3, "seek_advice", "family_help_targeted", suggested=advised, reason="x")
    assert made.route == "family_help_targeted" and made.differs


def test_where_nothing_was_suggested_the_reason_is_needed() -> None:
    nothing = replace(SUGGESTED, level=None, pathways=())
    (found,) = refusal(lambda: decided(suggested=nothing))
    assert found.code == "reason_needed" and "nothing was suggested" in found.message
    made = decided(suggested=nothing, reason="Asked by telephone.")
    assert made.outcome == "nothing suggested" and not made.agrees and not made.differs


def test_a_pathway_that_is_not_known_is_named_with_the_nearest() -> None:
    (found,) = refusal(lambda: decided(3, "family_help_targetted"))
    assert found.code == "unknown_pathway" and found.help == "did you mean `family_help_targeted`?"
    (found,) = refusal(lambda: decided(3, "zebra"))
    assert "s47_strategy_discussion" in found.help


def test_every_mistake_is_said_at_once() -> None:
    found = refusal(lambda: decided(7, "zebra", role="J. Smith 1", reason="x" * 1001))
    assert {d.code for d in found} == {"unknown_pathway", "level", "role", "reason_length"}
    assert all(d.message and d.severity == "error" for d in found)


@pytest.mark.parametrize("role", ["", "   ", "-", "manager1", "a" * 61, "manager;", "=manager", "team\nmanager"])
def test_a_role_is_letters(role: str) -> None:
    assert "role" in codes(lambda: decided(role=role))


@pytest.mark.parametrize("level", [0, 5, -1])
def test_a_level_is_one_to_four(level: int) -> None:
    assert "level" in codes(lambda: decided(level, reason="x"))


def test_reasons_are_kept_as_text_and_control_characters_refused(path: Path) -> None:
    made = decided(reason="  first line\r\nsecond “line” é 家 \U0001f600\t.  ")
    assert record_decision(path, made).decision.reason == "first line\nsecond “line” é 家 \U0001f600\t."
    assert every(path)[0].decision == made and problems(path) == []
    for bad in ("\x1b[31mred", "a\x00b", "a\ud800b", "\x07"):
        assert "characters" in codes(lambda bad=bad: decided(reason=f"x{bad}x"))
    assert decided(reason="x" * 1000).reason == "x" * 1000
    assert "reason_length" in codes(lambda: decided(reason="x" * 1001))


def test_what_is_added_is_checked_whoever_adds_it(path: Path) -> None:
    record_decision(path, AGREED)
    for wrong in (
        replace(AGREED, level=2),
        replace(AGREED, pathways=()),
        replace(AGREED, pathways=("Family Help",)),
        replace(AGREED, at="2026-04-15 09:30"),
        replace(AGREED, suggested=replace(SUGGESTED, case="")),
        replace(AGREED, suggested=replace(SUGGESTED, case="C\n1")),
        replace(AGREED, suggested=replace(SUGGESTED, consent_override_reason="\x1b")),
        replace(AGREED, suggested=replace(SUGGESTED, consent_override_reason="x" * 1001)),
        replace(AGREED, suggested=replace(SUGGESTED, consent_status="refused")),
        replace(AGREED, suggested=replace(SUGGESTED, required=("lado",))),
    ):
        assert mistakes(wrong)
        assert refusal(lambda wrong=wrong: record_decision(path, wrong))
    assert len(every(path)) == 1


def test_the_digest_of_facts_is_the_same_in_any_order_and_on_any_line() -> None:
    one, two = Fact("da_current", "present", "reported", line=3), Fact("age_under_1", True, line=9)
    assert kept.facts_digest([one, two]) == kept.facts_digest([replace(two, line=1), replace(one, line=2)])
    for other in (replace(one, value="none"), replace(one, evidence="alleged"), replace(one, source_agency="police"), replace(one, on=1)):
        assert kept.facts_digest([other, two]) != kept.facts_digest([one, two])
    assert kept.facts_digest([one, one]) != kept.facts_digest([one]) and len(kept.facts_digest([])) == 64


# ---------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Mr Smith agreed", "`Mr Smith` looks like a person's name"),
        ("spoke to Dr. O’Neill", "`Dr. O’Neill` looks like a person's name"),
        ("seen with Karen Jones today", "`Karen Jones` looks like a person's name"),
        ("Karen Jones was seen", "`Karen Jones` looks like a person's name"),
        ("and mum Karen said no", "`mum Karen` looks like a person's name"),
        ("J Jones rang", "`J Jones` looks like a person's name"),
        ("Anne-Marie Smith-Jones", "`Anne-Marie Smith-Jones` looks like a person's name"),
        ("dob 3/3/19", "`3/3/19` looks like a date of birth"),
        ("born on 3 March 2026", "`3 March 2026` looks like a date of birth"),
        ("child (2019-03-02)", "`2019-03-02` looks like a date of birth"),
        ("ring 07700 900123", "`07700 900123` looks like a telephone number"),
        ("ring +44 7700 900123.", "`+44 7700 900123` looks like a telephone number"),
        ("lives in B99 1AA", "`B99 1AA` looks like a postcode"),
        ("write to a.b@example.org", "`a.b@example.org` looks like an e-mail address"),
        ("943 476 5919", "`943 476 5919` looks like an NHS number"),
    ],
)
def test_what_looks_personal_is_noticed(text: str, what: str) -> None:
    assert what in personal_details(text, 2026)
    made = decided(reason=text)
    assert what in [d.message for d in cautions(made)]
    assert all(d.severity == "warning" for d in cautions(made)) and not mistakes(made), "only a warning"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Family Help has begun. The Social Worker and the Health Visitor agree.",
        "Birmingham Children's Trust and West Midlands Police were at the Strategy Discussion on Monday 3 March 2026.",
        "Section 47 is not met: level 3, EHA and MARAC. Early Help Assessment on 12/05/2026 in 15 working days.",
        "NOT MET. SEE THE PLAN",
        "I Think so",
        "Case C-0001, rule cp_icpc_15wd, 2026-04-15",
    ],
)
def test_the_words_of_the_service_are_not_taken_for_names(text: str) -> None:
    assert personal_details(text, 2026) == ()


def test_a_first_name_alone_is_not_found_as_the_module_says() -> None:
    assert personal_details("Sarah said so", 2026) == () and personal_details("karen jones", 2026) == ()


@pytest.mark.parametrize(
    "role", ["team_manager", "practice manager", "Social Worker", "front_door_manager", "Head of Service", "health-visitor nurse"]
)
def test_roles_are_roles(role: str) -> None:
    assert looks_like_a_role(role) and not cautions(decided(role=role))


@pytest.mark.parametrize("role", ["Jane Smith", "jane_smith", "Jane Smith social worker", "Mrs Jones manager"])
def test_a_role_that_looks_like_a_name_is_warned_of(role: str) -> None:
    assert [d.code for d in cautions(decided(role=role))] == ["role_or_name"]


def test_a_case_id_that_looks_like_a_name_is_warned_of() -> None:
    assert [d.code for d in cautions(decided(suggested=replace(SUGGESTED, case="Jane Smith")))] == ["case_or_name"]
    assert not cautions(decided(suggested=replace(SUGGESTED, case="T-MISSING 2")))


@given(st.text(max_size=300))
def test_looking_for_names_never_fails(text: str) -> None:
    assert all(isinstance(each, str) for each in personal_details(text, 2026))
    looks_like_a_role(text)


def test_looking_for_names_takes_no_time_whatever_the_text() -> None:
    began = time.perf_counter()
    for text in ("A" * 1000, "Aa " * 333, "0 " * 500, "1-" * 500, "a." * 500, "Mr " * 333, "a@" * 500, "A'" * 500):
        personal_details(text, 2026)
    assert time.perf_counter() - began < 2


# ---------------------------------------------------------------------------------------------------- exporting

AWKWARD = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "'=1", "'", 'say "no", and\nthen; stop', "é 家 \U0001f600", "a\u2028b")


@pytest.mark.parametrize("format", [".csv", ".jsonl"])
def test_an_export_holds_everything_and_can_be_checked_by_itself(path: Path, tmp_path: Path, format: str) -> None:
    record_decision(path, DIFFERED)
    for reason in AWKWARD:
        with open_record(path, write=True) as record:
            append(record, replace(DIFFERED, reason=reason))
    record_decision(path, replace(DIFFERED, suggested=replace(SUGGESTED, level=None, pathways=(), case="=cmd()")))
    out = tmp_path / f"out{format}"
    found = every(path)
    assert kept.write_export(found, out, format) == len(found) == len(AWKWARD) + 2
    assert [read(row.content, row.hash) for row in kept.exported(out)] == found
    assert kept.verify_export(out, found[-1].hash) == Verified(len(found), found[-1].hash, (), len(found))


def test_no_cell_of_a_csv_export_can_be_taken_for_a_formula(path: Path, tmp_path: Path) -> None:
    for reason in AWKWARD:
        record_decision(path, replace(DIFFERED, reason=reason, suggested=replace(SUGGESTED, case=f"{reason[:1]}C".replace("\t", "="))))
    out = tmp_path / "out.csv"
    kept.write_export(every(path), out, ".csv")
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(AWKWARD) + 1
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("format", [".csv", ".jsonl"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.replace("C-3", "C-9"), "entry 3 was changed"),
        (lambda t: t.replace("agrees", "differs", 1), "entry 1 was changed"),
        (lambda t: t.replace("two engines", "one engine", 1), "entry 1 was changed"),
    ],
)
def test_a_changed_export_is_found(five: Path, tmp_path: Path, format: str, change: Callable[[str], str], said: str) -> None:
    out = tmp_path / f"out{format}"
    kept.write_export(every(five), out, format)
    text = out.read_text(encoding="utf-8")
    out.write_text(change(text), encoding="utf-8")
    assert [p.text()[: len(said)] for p in kept.verify_export(out).problems] == [said]


def test_lines_missing_or_moved_in_an_export_are_found(five: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    kept.write_export(every(five), out, ".jsonl")
    lines = out.read_text(encoding="utf-8").splitlines(keepends=True)

    def found(*kept_lines: str, expect: str = "") -> list[str]:
        out.write_text("".join(kept_lines), encoding="utf-8")
        return [p.text() for p in kept.verify_export(out, expect).problems]

    assert found(*lines) == []
    assert found(*lines[:2], *lines[3:]) == ["entry 3 is missing"]
    assert "entry 2 stands after entry 3" in found(lines[0], lines[2], lines[1], *lines[3:])
    assert any("entry 2 " in text for text in found(lines[0], "{not json\n", *lines[2:]))
    assert found(*lines[:4]) == [], "what is left out at the end shows only against the last hash"
    assert len(found(*lines[:4], expect=json.loads(lines[4])["hash"])) == 1


def test_what_is_not_an_export_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "x.csv"
    other.write_text("a,b\n1,2\n", encoding="utf-8")
    assert codes(lambda: kept.verify_export(other)) == ["not_an_export"]
    assert codes(lambda: kept.verify_export(tmp_path / "none.csv")) == ["unreadable"]
    assert codes(lambda: kept.verify_export(tmp_path / "x.xlsx")) == ["unknown_format"]


# ---------------------------------------------------------------------------------------------------- the commands

SEEN: list[tuple[str, str | None, Path | None]] = []


def suggest(case: str, as_of: str | None, rules: Path | None) -> tuple[Suggested, Mapping[str, str]]:
    SEEN.append((case, as_of, rules))
    if case == "missing.yaml":
        raise InputError([Diagnostic(case, 0, 0, "not_found", "there is no such file")])
    return SUGGESTED, KNOWN


APP = typer.Typer()
APP.add_typer(decisions, name="decisions")
APP.command()(decide_command(suggest))


def rrt(*arguments: str | Path, **env: str) -> Result:
    return CliRunner(env={"RRT_DECISIONS": None, **env}).invoke(APP, [str(a) for a in arguments])


OVERRIDE = ("decide", "case.yaml", "--level", "2", "--pathway", "universal_plus_single_agency", "--by", "team_manager")


def test_a_decision_is_recorded_in_one_step(path: Path) -> None:
    found = rrt(*OVERRIDE, "--reason", "The school helps.", "--as-of", "2026-04-15", "--record", path)
    assert found.exit_code == 0 and found.stderr == "", found.output
    (entry,) = every(path)
    assert SEEN[-1] == ("case.yaml", "2026-04-15", None)
    assert entry.decision.level == 2 and entry.decision.reason == "The school helps." and len(entry.decision.at) == 20
    assert found.stdout.splitlines()[0] == (
        "Case C-0001, as at 15 April 2026: the tool suggested level 3, by family_help_targeted and marac_idva (one working day)."
    )
    assert "A person in the role of team manager decided level 2, by universal_plus_single_agency on " in found.stdout
    assert "The decision differs from what was suggested." in found.stdout
    assert f"Recorded as entry 1 of {path}." in found.stdout and f"Hash, to note elsewhere: {entry.hash}" in found.stdout


def test_a_decision_that_differs_without_a_reason_is_not_recorded(path: Path) -> None:
    found = rrt(*OVERRIDE, "--record", path)
    assert found.exit_code == 2 and found.stdout == "" and "error[reason_needed]" in found.stderr
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--level", "5"), "`5` is not a level; expected 1, 2, 3 or 4"),
        (("--pathway", "famly_help_targeted"), "did you mean `family_help_targeted`?"),
        (("--by", "J. Smith 2"), "error[role]"),
    ],
)
def test_what_cannot_be_a_decision_is_refused(path: Path, arguments: tuple[str, ...], said: str) -> None:
    found = rrt(*OVERRIDE, "--reason", "x", *arguments, "--record", path)
    assert found.exit_code == 2 and said in found.stderr and not path.exists()


def test_a_case_that_cannot_be_read_is_said(path: Path) -> None:
    found = rrt("decide", "missing.yaml", *OVERRIDE[2:], "--reason", "x", "--record", path)
    assert found.exit_code == 2 and "there is no such file" in found.stderr and not path.exists()


def test_a_name_in_a_reason_is_warned_of_and_recorded(path: Path) -> None:
    found = rrt(*OVERRIDE, "--reason", "Mr Smith helps.", "--consent-override", "Ring 07700 900123", "--record", path)
    assert found.exit_code == 0 and "warning[personal]: `Mr Smith` looks like a person's name" in found.stderr
    assert "--consent-override: warning[personal]: `07700 900123`" in found.stderr
    assert every(path)[0].decision.suggested.consent_override_reason == "Ring 07700 900123"


NAMED = (*OVERRIDE, "--reason", "Mrs Khan, 07700900123, will help.")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody sat at a terminal."""
    monkeypatch.setattr(cli_decisions, "_on_a_terminal", lambda: True)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("answer", ["", "\n", "n\n", "perhaps\ny\n"])
def test_on_a_terminal_a_name_is_asked_about_and_recorded_only_on_a_yes(path: Path, answer: str) -> None:
    found = CliRunner(env={"RRT_DECISIONS": str(path)}).invoke(APP, NAMED, input=answer)
    assert found.exit_code == 2 and found.stdout == "" and not path.exists()
    assert found.stderr.index("`Mrs Khan` looks like") < found.stderr.index("`07700900123` looks like")
    assert found.stderr.endswith("Record it as it is? [y/N] Nothing was recorded.\n") and found.stderr.count("[y/N]") == 1


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_on_a_terminal_a_yes_records_it_and_leaves_the_results_alone(path: Path, answer: str) -> None:
    found = CliRunner(env={"RRT_DECISIONS": str(path)}).invoke(APP, [*NAMED, "--format", "json"], input=answer)
    assert found.exit_code == 0 and len(every(path)) == 1 and json.loads(found.stdout)["entry"]["number"] == 1
    assert found.stderr.endswith("Record it as it is? [y/N] ")


@pytest.mark.usefixtures("terminal")
def test_yes_given_beforehand_skips_the_question_and_not_the_warning(path: Path) -> None:
    found = rrt(*NAMED, "--yes", "--record", path)
    assert found.exit_code == 0 and "`Mrs Khan` looks like" in found.stderr and "[y/N]" not in found.stderr and len(every(path)) == 1


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_nothing_is_asked_where_nothing_looks_personal_or_it_cannot_be_recorded(path: Path) -> None:
    refused = rrt(*NAMED, "--level", "5", "--record", path)
    assert refused.exit_code == 2 and "[y/N]" not in refused.stderr and not path.exists()
    assert rrt(*OVERRIDE, "--reason", "The school helps.", "--record", path).stderr == ""


def test_the_warning_comes_before_the_entry_is_confirmed(path: Path) -> None:
    found = rrt(*NAMED, "--record", path)
    assert found.exit_code == 0 and len(every(path)) == 1, "without a terminal it is a warning only"
    assert found.output.index("warning[personal]") < found.output.index("Recorded as entry 1")


@pytest.mark.skipif(os.name == "nt", reason="such a terminal is for Unix")
@pytest.mark.parametrize(("answer", "count"), [(b"n\n", 0), (b"y\n", 1)])
def test_a_real_terminal_is_one(tmp_path: Path, answer: bytes, count: int) -> None:
    import pty

    path = tmp_path / "record.sqlite"
    ours, theirs = pty.openpty()
    made = "case: C-1\nchild: {date_of_birth: 2016-06-01}\nevents: []\n"
    (tmp_path / "case.yaml").write_text(made, encoding="utf-8")
    command = [sys.executable, "-m", "rrt_engine", *NAMED, "--record", str(path)]
    command[command.index("case.yaml")] = str(tmp_path / "case.yaml")
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT) as running:
        os.write(ours, answer)
        said = running.communicate(timeout=60)[0]
    shown_ = os.read(ours, 65536).decode()
    os.close(ours)
    os.close(theirs)
    assert "Record it as it is? [y/N]" in shown_ and "`Mrs Khan`" in shown_, shown_
    assert running.returncode == (0 if count else 2) and path.exists() == bool(count) and (b"Recorded as entry 1" in said) == bool(count)


def test_a_duty_left_out_and_consent_not_given_are_said_of_a_case_and_shown_once_recorded(tmp_path: Path) -> None:
    """By the rules that come with rrt: a girl told of it, so that the police must be told; and her parents were not asked."""
    path, case = tmp_path / "record.sqlite", tmp_path / "case.yaml"
    facts = (
        "case: C-7\nchild: {date_of_birth: 2012-06-01}\nevents: []\nfacts:\n"
        "  - {fact: fgm_known, value: true, evidence: disclosed, specificity: specific, timing: current}\n"
        "  - {fact: consent_status, value: not_safe_to_seek, evidence: confirmed}\n"
    )
    case.write_text(facts, encoding="utf-8")

    def decide_it(*more: str) -> Result:
        command = ["decide", str(case), "--level", "4", "--pathway", "s47_strategy_discussion", "--by", "team_manager"]
        return CliRunner().invoke(app, [*command, "--as-of", "2026-04-15", "--record", str(path), *more])

    found = decide_it()
    assert found.exit_code == 2 and not path.exists()
    assert "suggested whatever the level and not among the pathways decided: mandatory_fgm_police_report" in found.stderr
    assert "error[override_needed]: consent is recorded as not safe to seek" in found.stderr
    assert "error[override_needed]" in decide_it("--reason", "The nurse has made the report.").stderr

    reasons = (
        ("unknown", "evidence: confirmed"),
        ("statutory_duty", "evidence: refuted"),
        ("statutory_duty", 'evidence: confirmed, "on": 2026-05-01'),
    )
    for value, more in reasons:
        case.write_text(f"{facts}  - {{fact: consent_override_reason, value: {value}, {more}}}\n", encoding="utf-8")
        assert "error[override_needed]" in decide_it("--reason", "The nurse has made the report.").stderr, (value, more)
    case.write_text(f"{facts}  - {{fact: consent_override_reason, value: seeking_increases_risk, evidence: confirmed}}\n", encoding="utf-8")
    found = decide_it("--reason", "The nurse has made the report.")
    assert found.exit_code == 0, found.output
    assert "The decision differs from what was suggested." in found.stdout
    assert "Suggested whatever the level and not among the pathways decided: mandatory_fgm_police_report." in found.stdout
    assert "Consent: not safe to seek. Acting without it: seeking increases risk." in found.stdout
    (entry,) = every(path)
    assert entry.decision.level == entry.decision.suggested.level == 4
    assert kept.as_fields(entry)["suggested_required"] == ["mandatory_fgm_police_report"]
    case.write_text(facts, encoding="utf-8")
    found = decide_it("--reason", "The nurse has made the report.", "--consent-override", "Her father threatened her.")
    assert found.exit_code == 0 and "Acting without it: Her father threatened her." in found.stdout

    listed = rrt("decisions", "list", "--record", path).stdout
    assert "4 s47_strategy_discussion without mandatory_fgm_police_report" in listed and "2 of them differ" in listed
    shown_ = rrt("decisions", "show", "1", "--record", path).stdout
    assert "Suggested whatever the level and not among the pathways decided: mandatory_fgm_police_report." in shown_


def test_the_record_is_in_the_folder_unless_named_or_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert rrt(*OVERRIDE, "--reason", "x").exit_code == 0
    assert rrt(*OVERRIDE, "--reason", "x", RRT_DECISIONS="set.sqlite").exit_code == 0
    assert rrt(*OVERRIDE, "--reason", "x", "--record", "named.sqlite", RRT_DECISIONS="set.sqlite").exit_code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"rrt-decisions.sqlite", "set.sqlite", "named.sqlite"}


def test_json_of_a_decision_holds_what_the_hash_covers(path: Path) -> None:
    found = json.loads(rrt(*OVERRIDE, "--reason", "x", "--record", path, "--format", "json").stdout)
    assert found["schema"] == "rrt/decision/1" and found["entry"]["outcome"] == "differs"
    assert sha256(canonical({k: v for k, v in found["entry"].items() if k not in ("hash", "outcome")})) == found["entry"]["hash"]


@pytest.fixture
def mixed(path: Path) -> Path:
    record_decision(path, AGREED)
    record_decision(path, DIFFERED)
    nothing = replace(SUGGESTED, case="C-0002", level=None, pathways=(), consent_status="")
    record_decision(path, decided(suggested=nothing, reason="Asked by telephone.", at="2026-01-15T09:30:00Z"))
    return path


def test_the_list_is_a_table_in_order(mixed: Path) -> None:
    found = rrt("decisions", "list", "--record", mixed)
    assert found.exit_code == 0 and found.stderr == ""
    assert found.stdout.splitlines() == [
        f"   when (UK time)    case    role          {'suggested -> decided':58}{'':19}consent",
        f"1  2026-04-15 10:30  C-0001  team_manager  {'3 family_help_targeted -> 3 family_help_targeted':58}{'agrees':19}given",
        f"2  2026-04-15 10:30  C-0001  team_manager  {'3 family_help_targeted -> 2 universal_plus_single_agency':58}{'differs':19}given",
        f"3  2026-01-15 09:30  C-0002  team_manager  {'nothing -> 3 family_help_targeted':58}{'nothing suggested':19}not recorded",
        "3 decisions; 1 of them differs from what was suggested",
    ]
    assert rrt("decisions", "list", "--record", mixed, "--differs").stdout.startswith("   when (UK time)")
    assert len(rrt("decisions", "list", "--record", mixed, "--differs").stdout.splitlines()) == 3
    only = json.loads(rrt("decisions", "list", "--record", mixed, "--case", "C-0002", "--format", "json").stdout)
    assert only["schema"] == "rrt/decisions/1" and only["intact"] and [e["number"] for e in only["entries"]] == [3]
    assert rrt("decisions", "list", "--record", mixed, "--case", "C-9").stdout.startswith("0 decisions; 0 of them")


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        ("2026-04-15", "15 April 2026"),
        ("2026-04-15T16:45+01:00", "Wednesday 15 April 2026 at 16:45 BST"),
        ("2026-01-15T09:30", "Thursday 15 January 2026 at 09:30 GMT"),
        ("2026-02-31", "2026-02-31"),  # a record may have been written anew by somebody
        ("soon\x1b[2J", "soon�[2J"),
    ],
)
def test_a_decision_says_the_day_it_was_suggested_as_at_in_words(as_of: str, said: str) -> None:
    for suggested in (SUGGESTED, replace(SUGGESTED, level=None, pathways=(), urgency=None)):
        entry = Entry(1, kept.START, "h", replace(DIFFERED, suggested=replace(suggested, as_of=as_of)))
        assert sentences(entry)[0].startswith(f"Case C-0001, as at {said}: ")


def test_one_decision_in_words(mixed: Path) -> None:
    found = rrt("decisions", "show", "2", "--record", mixed)
    assert found.exit_code == 0
    assert found.stdout.splitlines()[:7] == [
        "Entry 2",
        "Case C-0001, as at 15 April 2026: the tool suggested level 3, by family_help_targeted and marac_idva (one working day).",
        "A person in the role of team manager decided level 2, by universal_plus_single_agency on Wednesday 15 April 2026 at 10:30 BST.",
        "The decision differs from what was suggested.",
        "Suggested and not among the pathways decided: family_help_targeted and marac_idva.",
        "Reason: The school has begun help that works.",
        "Consent: given.",
    ]
    assert "Rule set: england-and-birmingham 2026.1, digest dddd" in found.stdout and "rrt 0.1.0; two engines" in found.stdout
    assert "no level was suggested; no recorded fact said anything of need." in rrt("decisions", "show", "3", "--record", mixed).stdout
    assert "No reason was given." in rrt("decisions", "show", "1", "--record", mixed).stdout
    assert json.loads(rrt("decisions", "show", "1", "--record", mixed, "--format", "json").stdout)["entry"]["number"] == 1
    none = rrt("decisions", "show", "9", "--record", mixed)
    assert none.exit_code == 2 and "there is no entry 9; the record holds 3" in none.stderr


def test_a_decision_where_no_level_was_suggested_says_what_was_suggested_whatever_the_level() -> None:
    duty = replace(SUGGESTED, level=None, pathways=("universal", "marac_idva"), required=("marac_idva",))
    said = sentences(Entry(1, kept.START, "h", replace(DIFFERED, suggested=duty)))
    assert said[0].endswith("no level was suggested; no recorded fact said anything of need.")
    assert said[1] == "Suggested whatever the level: marac_idva." and "universal." not in " ".join(said)
    unsuggested = replace(duty, pathways=(), required=(), checked_by="")
    assert sentences(Entry(1, kept.START, "h", replace(DIFFERED, suggested=unsuggested)))[0].endswith(": no level was suggested.")
    without = sentences(Entry(1, kept.START, "h", replace(DIFFERED, suggested=replace(duty, required=()))))
    assert not any(line.startswith("Suggested whatever") for line in without)


def test_verify_says_what_it_found_and_what_it_cannot_show(mixed: Path) -> None:
    noted = every(mixed)[0].hash
    sound = rrt("decisions", "verify", "--record", mixed, "--expect", noted)
    assert sound.exit_code == 0 and "3 entries, each following the one before" in sound.stdout
    assert "that of entry 1; 2 were added since" in sound.stdout and kept.CANNOT_SHOW in sound.stdout
    assert rrt("decisions", "verify", "--record", mixed, "--expect", "a" * 64).exit_code == 1
    assert rrt("decisions", "verify", "--record", mixed, "--expect", "zz").exit_code == 2
    tamper(mixed, "UPDATE entries SET content = replace(content, '\"decided_level\":2', '\"decided_level\":3')")
    broken = rrt("decisions", "verify", "--record", mixed)
    assert broken.exit_code == 1 and "entry 2 was changed after it was written" in broken.stdout and "1 problem" in broken.stdout
    said = json.loads(rrt("decisions", "verify", "--record", mixed, "--format", "json").stdout)
    assert not said["intact"] and [p["entry"] for p in said["problems"]] == [2] and said["schema"] == "rrt/decisions-verify/1"
    for command in (("list",), ("show", "2")):
        shown_ = rrt("decisions", *command, "--record", mixed)
        assert shown_.exit_code == 1 and "warning[broken]: entry 2 was changed" in shown_.stderr and "team" in shown_.stdout


@pytest.mark.parametrize("command", [("list",), ("show", "1"), ("verify",), ("export", "-o", "out.csv")])
def test_commands_that_read_say_what_is_no_record_and_make_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    none = rrt("decisions", *command)
    assert none.exit_code == 2 and "there is no record of decisions here" in none.stderr and none.stdout == ""
    assert list(tmp_path.iterdir()) == []
    Path("rrt-decisions.sqlite").write_text("hello " * 100, encoding="utf-8")
    other = rrt("decisions", *command)
    assert other.exit_code == 2 and "error[not_a_record]" in other.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["rrt-decisions.sqlite"]


@pytest.mark.parametrize("name", ["out.csv", "out.JSONL"])
def test_export_writes_a_file_that_verify_can_check(mixed: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    found = rrt("decisions", "export", "--record", mixed, "-o", out)
    last = every(mixed)[-1].hash
    assert found.exit_code == 0 and found.stdout.splitlines() == [f"wrote 3 decisions to {out}", f"hash of the last: {last}"]
    checked = rrt("decisions", "verify", out, "--expect", last)
    assert checked.exit_code == 0 and "3 entries" in checked.stdout and "left out at the end" in checked.stdout
    assert {p.name for p in tmp_path.iterdir()} == {"record.sqlite", name}


@pytest.mark.parametrize(("name", "said"), [("out.xlsx", "cannot write `.xlsx`"), ("no/out.csv", "there is no folder")])
def test_export_to_what_cannot_be_written_is_refused(mixed: Path, tmp_path: Path, name: str, said: str) -> None:
    found = rrt("decisions", "export", "--record", mixed, "-o", tmp_path / name)
    assert found.exit_code == 2 and said in found.stderr and [p.name for p in tmp_path.iterdir()] == ["record.sqlite"]


def test_a_record_that_was_written_anew_cannot_steer_the_terminal(path: Path) -> None:
    assert shown("a\x1b[2Jb‮c\nd\ud800") == "a\ufffd[2Jb\ufffdc\nd\ufffd"
    hostile = replace(DIFFERED, reason="\x1b[2Jgone", role="x\x1by", at="yesterday", suggested=replace(SUGGESTED, case="C\x1b1"))
    record_decision(path, AGREED)
    content = canonical(written(1, kept.START, hostile))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TRIGGER entries_stand")
        raw.execute("UPDATE entries SET content = ?", (content,))
        raw.commit()
    for command in (("list",), ("show", "1")):
        found = rrt("decisions", *command, "--record", path)
        assert found.exit_code == 1 and "\x1b" not in found.output


def test_every_option_explains_itself() -> None:
    for command in (("decide",), ("decisions",), *(("decisions", c) for c in ("list", "show", "verify", "export"))):
        found = rrt(*command, "--help")
        assert found.exit_code == 0 and "Usage" in found.stdout
