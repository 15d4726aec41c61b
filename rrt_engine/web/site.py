"""The rule book as a folder of pages that opens anywhere: from disk, or from any host of web pages, with nothing to run.

The pages are those of `rrt serve`, with relative links and their style beside them. The same rules give the same bytes. A folder is
replaced whole, and only where every file in it was written here.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.web import rule_pages
from rrt_engine.web.library import Library
from rrt_engine.web.pages import Maker, Page, Place
from rrt_engine.web.paths import STATIC

MANIFEST = "site.json"
"""The list of what was written, by which a folder is known for a site of ours."""
SCHEMA = "rrt/site/1"
COPIED = ("govuk.css", "rrt.css", "icon.svg", "site.js", "licence.txt")
_PLACES = {
    "rules": "index.html",
    "facts": "facts.html",
    "coverage": "coverage.html",
    "values": "values.html",
    "sources": "sources.html",
    "measures": "measures.html",
}


def write_site(library: Library, target: Path, place: Place = Place()) -> list[str]:
    """Write the pages of a rule book into a folder. Gives the names of the files, in order.

    Raises InputError where the folder holds anything that was not written here, or cannot be written.
    """
    _check(target)
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise _problem(target, "unwritable", f"cannot write here: {error.strerror}") from None
    try:
        names = []
        for name, text in files(library, place):
            path = made / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            names.append(name)
        made.chmod(0o755)
        _put(made, target)
    except OSError as error:
        raise _problem(target, "unwritable", f"cannot write the pages: {error.strerror or error}") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return names


def files(library: Library, place: Place = Place()) -> Iterator[tuple[str, str]]:
    """Every file of the site with its text, the manifest last."""
    up = ""

    def link(name: str, **given: Any) -> str:
        """The address of a page from the one that is being made."""
        return f"{up}{_place(name, given)}"

    maker = Maker(library.book, place, link, served=False)
    names = []
    for name, page in pages(library):
        up = "../" * name.count("/")
        names.append(name)
        yield name, maker.html(page)
    for name in COPIED:
        names.append(f"static/{name}")
        yield f"static/{name}", (STATIC / name).read_text(encoding="utf-8")
    names.append("static/place.css")
    yield "static/place.css", f":root {{ --place-colour: {place.colour}; }}\n"
    book = library.book
    about = {"id": book.id, "version": book.version, "digest": book.digest}
    yield MANIFEST, json.dumps({"schema": SCHEMA, "rule_set": about, "files": sorted([*names, MANIFEST])}, indent=1) + "\n"


def pages(library: Library) -> Iterator[tuple[str, Page]]:
    """Every page with the name of its file."""
    yield _PLACES["rules"], rule_pages.rules_page(library)
    yield _PLACES["facts"], rule_pages.facts_page(library)
    yield _PLACES["coverage"], rule_pages.coverage_page(library)
    yield _PLACES["values"], rule_pages.values_page(library)
    yield _PLACES["sources"], rule_pages.sources_page(library)
    if library.measures is not None:
        yield _PLACES["measures"], rule_pages.measures_page(library)
    for entry in library.entries:
        yield _place("rule", {"rule": entry.id}), rule_pages.rule_page(library, entry.id)
    for fact in library.facts:
        yield _place("fact", {"fact": fact}), rule_pages.fact_page(library, fact)


def _place(name: str, given: dict[str, Any]) -> str:
    match name:
        case "rule":
            return f"rules/{given['rule']}.html"
        case "fact":
            return f"facts/{given['fact']}.html"
        case "static":
            return f"static/{given['path']}"
        case "place_css":
            return "static/place.css"
    return _PLACES[name]


# ---------------------------------------------------------------------------------------------------- the folder


def _check(target: Path) -> None:
    """Refuse a folder that holds what was not written here."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise _problem(target, "unwritable", "this is not a folder", "name a folder that is not there yet")
    if not target.parent.is_dir():
        raise _problem(target, "unwritable", f"there is no folder `{target.parent}`", "make the folder first, or name another")
    if target.is_dir():
        found = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir() or path.is_symlink()}
        strange = sorted(found - _written(target))
        if strange:
            more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
            message = f"this folder holds what `rrt rules docs` did not write: `{strange[0]}`{more}"
            raise _problem(target, "not_a_site", message, "name a folder that is not there yet, or an empty one")


def _written(target: Path) -> set[str]:
    """The files that the manifest of a folder says were written here."""
    try:
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        return set(manifest["files"]) if manifest["schema"] == SCHEMA else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _put(made: Path, target: Path) -> None:
    """Move a folder into place; what was there goes only when the new one stands."""
    if not target.exists():
        made.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    old.rmdir()
    target.rename(old)
    try:
        made.rename(target)
    except OSError:
        with suppress(OSError):
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _problem(target: Path, code: str, message: str, help: str = "") -> InputError:
    return InputError([Diagnostic(str(target), 0, 0, code, message, "error", "", help)])
