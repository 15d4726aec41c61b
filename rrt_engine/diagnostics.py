"""What is wrong with a file, said so that the person who has to mend it can.

A diagnostic is about a file (a rule, a case, a workbook), never about a child. It names the place, the value in
backticks, what was expected and what to do next. All the mistakes of a file are collected and shown at once.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, order=True)
class Diagnostic:
    """One thing wrong with a file: where, what, and what to do next.

    `file` is a path as the user gave it. `line` and `column` count from 1 (0: the file as a whole). For a workbook,
    `place` holds the sheet and cell, such as `List_5!C7`. `code` is a short stable name, such as `unknown_event`.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    severity: Severity = "error"
    place: str = ""
    help: str = ""

    def where(self) -> str:
        """The place as people and editors read it: `file:line:col`, or `file sheet!cell`."""
        if self.place:
            return f"{self.file} {self.place}"
        if self.line:
            return f"{self.file}:{self.line}:{self.column}"
        return self.file

    def text(self) -> str:
        """One line for the terminal, and a second with what to do next where there is something to do."""
        head = f"{self.where()}: {self.severity}[{self.code}]: {self.message}"
        return f"{head}\n  help: {self.help}" if self.help else head


class InputError(Exception):
    """A file could not be used at all. Carries every diagnostic found, never case content."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("\n".join(d.text() for d in diagnostics))
        self.diagnostics = tuple(diagnostics)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known words as a question, or nothing when none is near.

    >>> did_you_mean("icpc_hold", ["icpc_held", "rcpc_held"])
    'did you mean `icpc_held` or `rcpc_held`?'
    >>> did_you_mean("zebra", ["icpc_held"])
    ''
    """
    near = difflib.get_close_matches(word, list(known), n=2, cutoff=0.7)
    return f"did you mean {' or '.join(f'`{w}`' for w in near)}?" if near else ""


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """The diagnostics as a JSON array, one object each, for other programs."""
    return json.dumps([asdict(d) for d in diagnostics], indent=2)


_SARIF_LEVEL = {"error": "error", "warning": "warning", "note": "note"}


def as_sarif(diagnostics: Sequence[Diagnostic], version: str) -> str:
    """The diagnostics as a SARIF 2.1.0 log, which editors and code hosts show beside the line."""
    results: list[dict[str, Any]] = []
    for d in diagnostics:
        text = f"{d.message}. {d.help}" if d.help else d.message
        location: dict[str, Any] = {"artifactLocation": {"uri": d.file.replace("\\", "/")}}
        if d.line:
            location["region"] = {"startLine": d.line, "startColumn": max(d.column, 1)}
        results.append(
            {
                "ruleId": d.code,
                "level": _SARIF_LEVEL[d.severity],
                "message": {"text": text},
                "locations": [{"physicalLocation": location}],
            }
        )
    driver = {"name": "rrt rules lint", "version": version, "rules": [{"id": c} for c in sorted({d.code for d in diagnostics})]}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=2)
