"""Tell what a file is and read it with the right reader; find the sources in a folder."""

from __future__ import annotations

from pathlib import Path

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.fact_names import is_decisions, is_facts, not_a_timeline
from rrt_engine.sources.reading import Reading

_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
_LOGS = (".csv", ".parquet", ".jsonl", ".ndjson", ".tsv")
_CASES = (".yaml", ".yml")
FORMATS = "an Annex A workbook or folder of its lists, a CIN census XML file, an event log (CSV, Parquet or JSONL) or a case (YAML)"


def sources_in(path: Path, facts: bool = False) -> list[Path]:
    """The sources a path names: itself, or those in the folder. Raises InputError where there is none.

    A table of facts or decisions beside an event log is no source of its own; with `facts`, one that stands alone is.
    """
    if not path.exists():
        raise InputError([Diagnostic(str(path), 0, 0, "not_found", "there is no such file or folder", "error", "", "check the path")])
    if not path.is_dir() or _is_annex_a_folder(path):
        return [path]
    known = (*_WORKBOOKS, *_LOGS, *_CASES, ".xml")
    found = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in known and not p.name.endswith(".covers.yaml"))
    stems = {p.stem for p in found if not is_facts(p)}
    found = [p for p in found if not is_decisions(p) and not (is_facts(p) and (not facts or p.stem[: -len(".facts")] in stems))]
    if not found:
        message = f"no file in this folder can be read; expected {FORMATS}"
        raise InputError([Diagnostic(str(path), 0, 0, "no_source", message)])
    return found


def read_source(path: Path, book: RuleBook) -> Reading:
    """Read one source. Raises InputError that says what was found and what was expected."""
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in _WORKBOOKS:
        from rrt_engine.sources.annex_a import read_annex_a

        return read_annex_a(path, book)
    if suffix == ".xml":
        from rrt_engine.sources.cin_census import read_cin_census

        return read_cin_census(path, book)
    if suffix in _LOGS and (is_facts(path) or is_decisions(path)):
        raise not_a_timeline(path)
    if suffix in _LOGS:
        from rrt_engine.sources.event_log import read_event_log

        return read_event_log(path, book)
    if suffix in _CASES:
        from rrt_engine.sources.case_file import read_case

        log = read_case(path, book).log
        return Reading(log, "case", len(log), len(log), (), ())
    raise InputError(
        [Diagnostic(str(path), 0, 0, "unknown_format", f"`{path.suffix or path.name}` files are not read; expected {FORMATS}")]
    )


def _is_annex_a_folder(path: Path) -> bool:
    if not any(p.suffix.lower() == ".csv" for p in path.iterdir()):
        return False
    from rrt_engine.sources.annex_a import looks_like_annex_a

    return looks_like_annex_a(path)
