"""What the documents say is so: every command in them runs, every link leads somewhere, every option explains itself."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main
from typer.testing import CliRunner

from rrt_engine.cli import app
from rrt_engine.model import STATUSES
from rrt_engine.words import STATUS_WORDS
from tests.web import served

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "cases" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTES = [
    *DOCUMENTS,
    ROOT / "CHANGELOG.md",
    ROOT / "NOTICE.md",
    ROOT / "rules" / "NOT_ENCODED.md",
    *sorted((ROOT / "tests").rglob("README.md")),
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(path: Path) -> Iterator[str]:
    """The commands in the console blocks of a document, without their comments."""
    for block in re.findall(r"^```console\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                yield re.sub(r"\s+#.*$", "", line[2:]).strip()


COMMANDS = sorted({(name_of(path), command) for path in DOCUMENTS if path.is_file() for command in commands(path)})


OURS = sorted({command for _, command in COMMANDS if command.startswith("rrt ")})
RUN_WHOLE_ELSEWHERE = {
    "rrt rules lint": "make check",
    "rrt rules test --coverage": "make check, as the linter says what these proofs lack",
    "rrt rules analyse": "test_analyse.py",
    "rrt bench": "test_bench_command.py",
}
"""Commands that take long and that the gate runs anyway, or a smaller one of, with where it does."""
OUTPUTS = ("-o", "--output", "--handout", "--suggestions")
MADE = {
    words[i + 1].rstrip("/"): command
    for command in OURS
    for words in [shlex.split(command)]
    for i, w in enumerate(words)
    if w in OUTPUTS[:2]
}
"""What the commands write, by name, and the command that writes it: others read it."""
OF_ITS_OWN = {"rrt version", "rrt check cases/training/plan_drifting.yaml --as-of 2026-04-15"}
"""Commands that are run as a person runs them, in a process of their own; the others are run within this one."""


def run(command: str, folder: Path) -> tuple[int, str]:
    """An `rrt` command as a document gives it: its exit code and what it printed. Files it writes go to a passing folder."""
    words = shlex.split(command)[1:]
    for i, word in enumerate(words):
        target = i > 0 and words[i - 1] in OUTPUTS
        if target and word != "-":
            words[i] = str(folder / word)
        elif not target and (word := word.rstrip("/")) in MADE:  # made by another command of the documents
            if not (folder / word).exists():
                assert run(MADE[word], folder)[0] in (0, 1)
            words[i] = str(folder / word)
    record = {"RRT_DECISIONS": str(folder / "decisions.sqlite")}
    if words[0] == "serve":
        return first_page(words[1:], record)
    if command in OF_ITS_OWN:
        command_line = [sys.executable, "-m", "rrt_engine", *words]
        found = subprocess.run(command_line, cwd=ROOT, capture_output=True, check=False, env={**os.environ, **record})
        return found.returncode, (found.stdout + found.stderr).decode("utf-8")
    with contextlib.chdir(ROOT):
        result = CliRunner().invoke(app, words, env=record)
    assert result.exception is None or isinstance(result.exception, SystemExit), (command, result.exception)
    return result.exit_code, result.output


def first_page(options: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Start `rrt serve` as a document gives it, ask for its first page, and end it as Ctrl-C does: its exit code and the page."""
    with contextlib.chdir(ROOT), served(*options, environment=environment) as server:
        with urllib.request.urlopen(server.address, timeout=30) as answer:
            page = answer.read().decode()
        assert "<h1" in page and "</html>" in page
        return server.interrupt(), page


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_document_says_something(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8")) > 200


@pytest.mark.parametrize("command", [c for c in OURS if c not in RUN_WHOLE_ELSEWHERE])
def test_every_rrt_command_in_the_documents_runs(command: str, tmp_path: Path) -> None:
    if command.startswith("rrt decisions "):  # they read what a decision wrote
        for first in (c for c in OURS if c.startswith("rrt decide ")):
            assert run(first, tmp_path)[0] == 0
    code, text = run(command, tmp_path)
    assert code in (0, 1) and text.strip() and "Traceback" not in text, (code, text[-300:])


def test_the_commands_in_the_documents_are_as_they_should_be() -> None:
    assert len(OURS) > 8 and set(OURS) >= {*RUN_WHOLE_ELSEWHERE, *OF_ITS_OWN}
    assert not [command for command in OURS if re.search(r"[|<>]", command)], "write it without a pipe, so that it runs on Windows too"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^check: .*\bcheck-rules\b", makefile, re.MULTILINE) and "\t$(BIN)/rrt rules lint\n" in makefile


def test_a_command_of_another_tool_is_one_that_is_known() -> None:
    others = {command.split()[0] for _, command in COMMANDS if not command.startswith("rrt ")}
    assert others <= {"make", "git", "python", "pip", "pytest", "ruff", "mypy", "lint-imports"}, others


def test_the_readme_shows_every_command_of_rrt() -> None:
    shown = {command for document, command in COMMANDS if document == "README.md"}
    for name in (
        "check",
        "replay",
        "version",
        "facts",
        "train",
        "decide",
        "decisions list",
        "decisions verify",
        "rules list",
        "rules show",
        "rules test",
        "rules lint",
        "rules schema",
        "rules analyse",
    ):
        assert any(command.startswith(f"rrt {name}") for command in shown), name


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in NOTES:
        if path.is_file():
            named = set(re.findall(r"(?:\$ |`)make ([a-z-]+)", path.read_text(encoding="utf-8")))
            assert named <= targets, (name_of(path), named - targets)
    assert {"demo", "test", "bench", "check"} <= targets


@pytest.mark.parametrize("path", [p for p in NOTES if p.is_file()], ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"(https?|mailto):", target):
            continue
        file, _, heading = target.partition("#")
        found = path if not file else path.parent / file
        assert found.exists(), (name_of(path), target)
        if heading:
            titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}, (name_of(path), target)


def test_every_path_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:rules|cases|docs|tests|tools)/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name


def test_the_status_table_lists_exactly_the_statuses() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Statuses")[1].split("\n## ")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    found = {status: word for names, words in rows for status, word in zip(re.findall(r"`(\w+)`", names), words.split(","), strict=True)}
    assert set(found) == set(STATUSES)
    assert {status: word.strip() for status, word in found.items()} == STATUS_WORDS


def test_no_document_names_a_machine_or_a_breach() -> None:
    for path in NOTES:
        if path.is_file():
            text = path.read_text(encoding="utf-8").lower()
            assert not re.search(r"/root/|/home/|c:\\users", text), name_of(path)
            assert "breach" not in text or path.name == "NOT_ENCODED.md", name_of(path)


# ---------------------------------------------------------------------------------------------------- help


def walk(command: click.Command, name: str = "rrt") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for sub in getattr(command, "commands", {}).values():
        yield from walk(sub, f"{name} {sub.name}")


EVERY = list(walk(typer.main.get_command(app)))


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_every_command_and_option_says_what_it_does(name: str, command: click.Command) -> None:
    assert command.help and command.help.strip().endswith("."), name
    for parameter in command.params:
        help = getattr(parameter, "help", None)
        assert help and len(help) > 10, (name, parameter.name)
    shown = CliRunner().invoke(app, [*name.split()[1:], "--help"])
    assert shown.exit_code == 0 and "Usage:" in shown.output
    text = " ".join(shown.output.split())
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in text, (name, parameter.name)


def test_the_commands_are_those_designed() -> None:
    assert {name for name, _ in EVERY} >= {
        "rrt",
        "rrt check", "rrt replay", "rrt version", "rrt rules", "rrt rules list", "rrt rules show", "rrt rules test", "rrt rules lint",
        "rrt rules schema",
    }  # fmt: skip
