"""Read the DfE's daily children's social care collection (CSC API): the JSON that authorities post, one file or a folder of them.

A submission holds at most 100 children and says what changed. The files of a folder are applied one after another, and the events
are those of the state they leave. The collection holds referrals, assessments, enquiries, plans, placements, adoption decisions,
questionnaires, workers and the latest contact with care leavers. It holds no contacts, decisions, visits, reviews, core groups
or health dates, and no time of day: a rule about these is not evaluable from it.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from rrt_engine.calendar import NO_DAY, Moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import Coverage, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.csc_api_events import ORDER, Writer
from rrt_engine.sources.csc_api_schema import AT_MOST, CARRIED, LATEST
from rrt_engine.sources.csc_api_state import Child, Held, State
from rrt_engine.sources.json_text import NotJson, json_of
from rrt_engine.sources.reading import Reading

FORMAT = "DfE CSC API"
_SHOWN = 20
_HEAD = 1 << 16
_DESCRIBES = re.compile(rb'"(openapi|swagger|\$schema|components|properties)"\s*:')
_IN_NAME = re.compile(r"(?<!\d)(\d{4})[-_.]?(\d\d)[-_.]?(\d\d)(?:[T_-]?(\d\d)[-_.:h]?(\d\d)(?:[-_.:m]?(\d\d))?)?")


def looks_like_csc_api(path: Path) -> bool:
    """Whether a JSON file, or some JSON file of a folder, begins as a submission does; reads the first bytes only.

    The description of the collection (OpenAPI, JSON schema) names the same fields and is no submission.
    """
    if path.is_dir():
        return bool(submissions_in(path))
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    if _DESCRIBES.search(head):
        return False
    return any(word in head for word in (b'"la_child_id"', b'"social_care_episodes"')) or head.strip() == b"[]"


def submissions_in(folder: Path) -> list[Path]:
    """The JSON files of a folder that begin as a submission does, in order of name; with them those that are empty, which are gaps."""
    inside = [p for p in sorted(folder.iterdir()) if p.is_file() and p.suffix.lower() == ".json" and not p.name.startswith(".")]
    found = [p for p in inside if looks_like_csc_api(p)]
    return [p for p in inside if p in found or not p.stat().st_size] if found else []


def read_csc_api(path: Path | str, book: RuleBook) -> Reading:
    """Read a submission or a folder of them. Raises InputError when a file is not one; nothing is read past a gap in what was sent."""
    path = Path(path)
    files, order = _in_order(path)
    state = State()
    diagnostics: list[Diagnostic] = []
    problems: list[Diagnostic] = []
    authorities: set[str] = set()
    for file in files:
        try:
            children, place, authority = _children(file)
        except InputError as error:
            problems += error.diagnostics
            continue
        authorities |= authority
        if len(children) > AT_MOST:
            message = f"{len(children):,} children in one submission; the DfE takes {AT_MOST} at most"
            diagnostics.append(Diagnostic(str(file), 0, 0, "too_many", message, "warning", "", "they are read; split it before it is sent"))
        state.submission(file.name, children, place)
    if problems:
        raise InputError(problems)
    if len(files) > 1:
        names = ", ".join(f.name for f in (files if len(files) <= 4 else (*files[:2], files[-1])))
        message = f"{len(files):,} submissions applied one after another, {order}: {names}"
        diagnostics.append(Diagnostic(str(path), 0, 0, "order", message, "note"))
    if len(authorities) > 1:
        message = f"the submissions are of {len(authorities)} authorities: {', '.join(sorted(authorities))}"
        diagnostics.append(Diagnostic(str(path), 0, 0, "authorities", message, "warning", "", "read each authority by itself"))
    return _reading(str(path), state, book, diagnostics)


def _in_order(path: Path) -> tuple[list[Path], str]:
    """The files to apply, and in what order: by the dates in their names where all have one, and otherwise by name."""
    if not path.is_dir():
        return [path], ""
    files = submissions_in(path)
    dated = [(_date_in(p.stem), p) for p in files]
    if all(when for when, _ in dated):
        return [p for _, p in sorted(dated, key=lambda d: (d[0], _natural(d[1].name)))], "in the order of the dates in their names"
    return sorted(files, key=lambda p: _natural(p.name)), "in the order of their names"


def _date_in(name: str) -> tuple[str, ...]:
    """The date in a file's name, with the time where there is one; empty where there is none."""
    for found in _IN_NAME.finditer(name):
        try:
            date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            continue
        return tuple(part or "" for part in found.groups())
    return ()


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A name as people order it: day 9 before day 10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _children(file: Path) -> tuple[list[Any], str, set[str]]:
    """The children of one submission, where they stand in the file, and the authority it names. Raises InputError."""

    def refused(code: str, message: str, help: str = "", line: int = 0) -> InputError:
        return InputError([Diagnostic(str(file), line, 1 if line else 0, code, message, "error", "", help)])

    try:
        data = json_of(file.read_bytes())
    except OSError as error:
        raise refused("unreadable", f"cannot read the file: {error.strerror or error}") from None
    except NotJson as error:
        raise refused(error.code, f"the file is not JSON: {error.why}", error.help, error.line) from None
    if isinstance(data, list):
        return data, "$", set()
    if isinstance(data, dict):
        wrapped = next((name for name in data if name.casefold() == "children"), None)
        authority = {str(data["la_code"])} if isinstance(data.get("la_code"), int | str) else set()
        if wrapped is not None and isinstance(data[wrapped], list):
            return data[wrapped], f"$.{wrapped}", authority
        if wrapped is not None and isinstance(data[wrapped], dict):
            return [data[wrapped]], f"$.{wrapped}", authority
        if "la_child_id" in data:
            return [data], "$", authority
    help = "a submission is a list of children, or {la_code, Children: [...]}"
    raise refused("csc_api", "the file is not a submission to the DfE's children's social care collection", help)


def _reading(file: str, state: State, book: RuleBook, diagnostics: list[Diagnostic]) -> Reading:
    """The log of the state that the submissions leave, and everything worth saying about them."""
    builder = LogBuilder(book.events)
    origins = [builder.origin(name) for name in state.files]
    disorder: Counter[str] = Counter()
    codes: Counter[str] = Counter()

    def reject(held: Held, why: str) -> None:
        state.reject(held.file, held.child, why)

    for child_id, child in sorted(state.children.items()):
        state.child_id = child_id
        _add(builder, child_id, child, origins, Writer(child, reject, lambda r: disorder.update([r]), lambda n: codes.update([n])))

    def say(code: str, message: str, help: str = "", severity: Any = "warning") -> None:
        diagnostics.append(Diagnostic(file, 0, 0, code, message, severity, "", help))

    for rejected in state.rejected[:_SHOWN]:
        say("rejected", f"{rejected.origin}: {rejected.why}", "mend the record and send it again")
    if len(state.rejected) > _SHOWN:
        say("rejected", f"{plural(len(state.rejected) - _SHOWN, 'more record')} not used")
    for name, n in sorted(state.unknown.items()):
        say("unknown_field", f"`{name}` is not in the schema known here and is not read: {plural(n, 'time')}")
    for rule, n in sorted(disorder.items()):
        say("impossible_dates", f"{ORDER[rule]}: {plural(n, 'time')}", "nothing is said about duties that rest on these dates")
    for name, n in sorted(codes.items()):
        say("value", f"`{name}` holds a code that is not known and is taken as not recorded: {plural(n, 'time')}")
    if state.purged:
        say("purged", f"{plural(state.purged, 'record')} deleted by a later submission", severity="note")
    if not state.children:
        say("no_children", "no child is left after the submissions", severity="note")
    log = builder.build(Coverage(frozenset(CARRIED), {}, frozenset(LATEST)))
    rejects = tuple(state.rejected)
    return Reading(log, FORMAT, state.read, state.read - len(rejects), rejects, tuple(diagnostics))


def _add(builder: LogBuilder, child_id: str, child: Child, origins: list[int], writer: Writer) -> None:
    """The child and its events."""
    born, expected = (child.details.day(name) for name in ("date_of_birth", "expected_date_of_birth"))
    builder.child(child_id, NO_DAY if born is None else born, NO_DAY if expected is None else expected)
    for event in writer.events():
        builder.add(
            child_id,
            event.kind,
            Moment(event.day),
            ref=event.ref,
            attributes=event.attributes,
            latest_only=event.latest_only,
            suspect=event.suspect,
            origin=origins[event.held.file],
            row=event.held.child,
        )
