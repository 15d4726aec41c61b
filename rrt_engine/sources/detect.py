"""Tell what a file is and read it with the right reader; find the sources in a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from rrt_engine.calendar import parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.fact_names import is_decisions, is_facts, not_a_timeline
from rrt_engine.sources.reading import Reading

_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
_LOGS = (".csv", ".parquet", ".jsonl", ".ndjson", ".tsv")
_CASES = (".yaml", ".yml")
_JSON = (".json", ".jsonocel")
FORMATS = (
    "an Annex A workbook or folder of its lists, a folder of SSD tables (CSV) or their database, a CIN census XML file, "
    "an SSDA903 return (a folder of its CSV tables, or XML), submissions to the DfE's CSC API (JSON), "
    "an event log (CSV, Parquet, JSONL or OCEL 2.0 JSON) or a case (YAML)"
)


def sources_in(path: Path, facts: bool = False) -> list[Path]:
    """The sources a path names: itself, or those in the folder. Raises InputError where there is none.

    A table of facts or decisions beside an event log is no source of its own; with `facts`, one that stands alone is.
    """
    if not path.exists():
        raise InputError([Diagnostic(str(path), 0, 0, "not_found", "there is no such file or folder", "error", "", "check the path")])
    if not path.is_dir():
        return [path]
    if (parts := _parts_of(path)) is not None:
        return parts
    submissions, others = _json_in(path)
    known = (*_WORKBOOKS, *_LOGS, *_CASES, ".xml")
    found = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in known and not p.name.endswith(".covers.yaml"))
    found = [p for p in found if not p.name.startswith((".", "~"))]
    stems = {p.stem for p in found if not is_facts(p)}
    found = [p for p in found if not is_decisions(p) and not (is_facts(p) and (not facts or p.stem[: -len(".facts")] in stems))]
    tables = _tables_of(path)
    found = sorted([*(p for p in found if not (tables and tables(p))), *others])
    if tables and submissions:
        message = f"`{submissions[0].name}` is a submission to the CSC API, and the tables of another source stand beside it"
        help = "put the submissions in a folder of their own: they are applied one after another"
        raise InputError([Diagnostic(str(path), 0, 0, "mixed", message, "error", "", help)])
    if tables or submissions:
        return [path, *found]
    if not found:
        message = f"no file in this folder can be read; expected {FORMATS}"
        folders = _named(_folders_in(path))
        help = f"there are folders in it; name the one to read: {folders}" if folders else ""
        raise InputError([Diagnostic(str(path), 0, 0, "no_source", message, "error", "", help)])
    return found


def _parts_of(folder: Path) -> list[Path] | None:
    """The event logs of a partition, or of a run, in order; None where a folder is neither. Raises InputError where one is gone."""
    index = next((folder / name for name in ("parts.json", "manifest.json") if (folder / name).is_file()), None)
    if index is None:
        return None
    try:
        data = json.loads(index.read_text(encoding="utf-8"))
        if not str(data["schema"]).startswith("rrt/"):
            return None
        found = list(dict.fromkeys((folder / part["file"]).resolve() for part in data["parts"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if gone := [path for path in found if not path.is_file()]:
        message = f"{len(gone)} of its {len(found)} files of events are not there: {', '.join(f'`{path.name}`' for path in gone[:8])}"
        raise InputError([Diagnostic(str(folder), 0, 0, "parts", message, "error", "", "name the sources it was made from")])
    return found


def run_as_known(folder: Path) -> int | None:
    """The day by which things had to be recorded to count in the run of a folder; None where it is none, or everything counted."""
    try:
        data = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        known = data["as_known"] if str(data["schema"]).startswith("rrt/run/") else None
        return None if known is None else parse_moment(known).day
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _tables_of(folder: Path) -> Callable[[Path], bool] | None:
    """Which files of a folder are one source together, where it is a folder of tables; None where each file stands alone.

    A return and a dataset have more tables than are read, and their readers say so; of Annex A, a CSV file that is no list is
    tried by itself.
    """
    if _is_ssd_folder(folder):
        return _is_csv
    if _is_annex_a_folder(folder):
        from rrt_engine.sources.annex_a_lists import list_named

        return lambda file: _is_csv(file) and bool(list_named(file.stem))
    return _is_csv if _is_ssda903(folder) else None


def _is_csv(file: Path) -> bool:
    return file.suffix.lower() == ".csv"


def beside_what_is_read(folder: Path) -> Diagnostic | None:
    """What a folder holds beside the files that are read or refused: folders, looked into or not, and files of other kinds.

    Documents are passed over. An SSDA903 return may have a folder a year, so the CSV files of the folders in it are read, and of
    no folder further in.
    """
    if not folder.is_dir():
        return None
    inside = _folders_in(folder)
    read: list[Path] = []
    if inside and _is_ssda903(folder):
        read = [p for p in inside if any(_is_csv(each) and each.is_file() for each in p.iterdir())]
    left = [*(p for p in inside if p not in read), *(deeper for p in read for deeper in _folders_in(p))]
    said = [f"the CSV files in {_folders(read)} were looked into"] if read else []
    if left:
        said.append(f"{_folders(left, folder)} {'was' if len(left) == 1 else 'were'} not looked into")
    if strange := sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith((".", "~")) and _is_strange(p)):
        said.append(f"no files of the kind of {_named(strange)} are read")
    if not said:
        return None
    help = f"name {'it' if len(left) == 1 else 'them'} to have {'it' if len(left) == 1 else 'them'} read" if left else ""
    return Diagnostic(str(folder), 0, 0, "beside", f"in the folder `{folder.name}` {'; '.join(said)}", "note", "", help)


_DOCUMENTS = ("", ".md", ".txt", ".rst", ".pdf", ".doc", ".docx", ".html", ".htm", ".log")


def _is_strange(file: Path) -> bool:
    return file.suffix.lower() not in (*_WORKBOOKS, *_LOGS, *_CASES, *_JSON, *_DOCUMENTS, ".xml")


def _folders_in(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "~", "__")))


def _folders(folders: list[Path], top: Path | None = None) -> str:
    return f"the {'folder' if len(folders) == 1 else 'folders'} {_named(folders, top)}"


def _named(paths: list[Path], top: Path | None = None, shown: int = 8) -> str:
    """Names for a message, in their order; the first few of many."""
    names = [f"`{p.relative_to(top or p.parent).as_posix()}`" for p in paths[:shown]]
    return ", ".join(names) + (f" and {len(paths) - shown} more" if len(paths) > shown else "")


def is_url(source: str) -> bool:
    """Whether a source is the address of a database and not a path.

    >>> is_url("postgresql://host/ssd"), is_url("annex_a.xlsx"), is_url("C:/data/ssd")
    (True, False, False)
    """
    return "://" in source


def short_name(source: str | Path) -> str:
    """What to call a source: a file's name, or that of a database. Never its host, user, password or options.

    >>> short_name("postgresql+pg8000://me:secret@host:5432/ssd?sslmode=require"), short_name(Path("data/cin.xml"))
    ('database ssd', 'cin.xml')
    """
    if not isinstance(source, str) or not is_url(source):
        return Path(source).name
    named = re.split("[?#]", source.partition("://")[2].rpartition("@")[2])[0].replace("\\", "/").rpartition("/")[2]
    return f"database {named}".rstrip()


def read_source(source: str | Path, book: RuleBook) -> Reading:
    """Read one source: a path, or the URL of a database. Raises InputError that says what was found and what was expected."""
    if isinstance(source, str) and is_url(source):
        from rrt_engine.sources.ssd_database import read_ssd_database

        return read_ssd_database(source, book)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in _JSON or (path.is_dir() and _json_in(path)[0]):
        return _read_json(path, book)
    if path.is_dir() and _is_ssd_folder(path):
        from rrt_engine.sources.ssd import read_ssd

        return read_ssd(path, book)
    if (path.is_dir() or suffix in (".csv", ".xml")) and not (is_facts(path) or is_decisions(path)) and _is_ssda903(path):
        from rrt_engine.sources.ssda903 import read_ssda903

        return read_ssda903(path, book)
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


def is_event_log(path: Path) -> bool:
    """Whether a file is read as an event log in CSV, Parquet or JSON lines."""
    if path.is_dir() or path.suffix.lower() not in _LOGS or is_facts(path) or is_decisions(path):
        return False
    return not (_is_csv(path) and _is_ssda903(path))


def _json_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The submissions to the CSC API among the JSON files of a folder, and the others: OCEL logs, and what is refused by name."""
    found = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _JSON and not p.name.startswith("."))
    if not found:
        return [], []
    from rrt_engine.sources.csc_api import submissions_in
    from rrt_engine.sources.ocel import looks_like_ocel

    submissions = [p for p in submissions_in(folder) if not looks_like_ocel(p)]
    return submissions, [p for p in found if p not in submissions]


def _read_json(path: Path, book: RuleBook) -> Reading:
    from rrt_engine.sources.csc_api import looks_like_csc_api, read_csc_api
    from rrt_engine.sources.ocel import looks_like_ocel, read_ocel

    if path.is_dir() or (path.suffix.lower() == ".json" and not looks_like_ocel(path) and looks_like_csc_api(path)):
        return read_csc_api(path, book)
    if not looks_like_ocel(path):
        message = "this JSON is neither an OCEL log nor a submission to the DfE's CSC API, and is not read"
        help = "an OCEL log has objectTypes, eventTypes, objects and events; a submission is a list of children with la_child_id"
        raise InputError([Diagnostic(str(path), 0, 0, "json", message, "error", "", help)])
    return read_ocel(path, book)


def _is_annex_a_folder(path: Path) -> bool:
    if not any(p.suffix.lower() == ".csv" for p in path.iterdir()):
        return False
    from rrt_engine.sources.annex_a import looks_like_annex_a

    return looks_like_annex_a(path)


def _is_ssd_folder(path: Path) -> bool:
    if not any(p.suffix.lower() == ".csv" for p in path.iterdir()):
        return False
    from rrt_engine.sources.ssd import looks_like_ssd

    return looks_like_ssd(path)


def _is_ssda903(path: Path) -> bool:
    from rrt_engine.sources.ssda903_files import looks_like_ssda903

    return looks_like_ssda903(path)
