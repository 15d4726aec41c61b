"""`rrt rules docs`: the rule book as a folder of pages that opens from disk, with nothing missing and nothing from anywhere else."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.rulebook.load import load
from rrt_engine.web import library as library_module
from rrt_engine.web import site
from rrt_engine.web.library import Library
from rrt_engine.web.site import files, write_site
from tests.small_rules import PROVED, rule_set
from tests.web import desk, page
from tests.well_formed import faults

AWAY = ("https://", "http://")


def small(tmp_path: Path, *rules: str) -> Library:
    """A rule set of one rule."""
    folder = rule_set(tmp_path, *(rules or (PROVED,)))
    return Library(folder, load(folder), None)


@cache
def whole() -> dict[str, str]:
    """Every file of the site of the rules that come with rrt. Examples hold no links, and take longest: they are tested by themselves."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(library_module, "worked_examples", lambda *_: ())
        return dict(files(Library(desk().folder, desk().book, desk().thresholds)))


def pages() -> dict[str, str]:
    return {name: text for name, text in whole().items() if name.endswith(".html")}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------------------------------------------- the whole site


def test_every_rule_and_every_fact_has_its_page_and_each_is_listed() -> None:
    rules = {r.id for r in desk().book.rules} | {r.id for r in desk().thresholds.rules}
    assert {f"rules/{i}.html" for i in rules} | {f"facts/{i}.html" for i in desk().thresholds.facts} <= set(pages())
    assert {f"rules/{i}.html" for i in rules} <= set(page(pages()["index.html"]).xpath("//main//a/@href"))
    assert {f"facts/{i}.html" for i in desk().thresholds.facts} <= set(page(pages()["facts.html"]).xpath("//main//a/@href"))


def test_every_link_leads_to_a_file_of_the_site_and_to_a_place_on_it() -> None:
    ids: dict[str, set[str]] = {}
    links: dict[str, set[str]] = {}
    for name, text in pages().items():
        ids[name] = set(re.findall(r'\bid="([^"]*)"', text))
        links[name] = set(re.findall(r'\b(?:href|src)="([^"]*)"', text))
    checked = 0
    for name, found in links.items():
        for link in found:
            if link.startswith(AWAY):
                continue
            parts = urlsplit(link)
            assert not parts.scheme and not parts.netloc and not parts.query and not parts.path.startswith("/"), (name, link)
            at = resolved(name, parts.path) if parts.path else name
            assert at in whole(), (name, link)
            assert not parts.fragment or parts.fragment in ids[at], (name, link)
            checked += 1
    assert checked > 5_000


def resolved(name: str, path: str) -> str:
    """The name of a file from a link on a page, and never one above the site."""
    parts = list(PurePosixPath(name).parent.parts)
    for part in PurePosixPath(path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def test_nothing_is_loaded_from_anywhere_else_and_no_page_runs_a_script_of_its_own() -> None:
    for name, text in pages().items():
        found = page(text)
        loaded = found.xpath("//link/@href | //script/@src | //img/@src | //*[local-name()='use']/@href | //iframe/@src | //source/@src")
        assert all(not urlsplit(each).netloc for each in loaded), name
        assert not found.xpath("//style | //script[not(@src)] | //form | //@style"), name
        [policy] = found.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        assert policy.startswith("default-src 'none'") and "http" not in policy and "unsafe" not in policy
    for name in ("static/govuk.css", "static/rrt.css", "static/place.css"):
        assert "@import" not in whole()[name] and not re.search(r"url\((?!['\"]?#)", whole()[name]), name
    assert "fetch" not in whole()["static/site.js"] and "eval" not in whole()["static/site.js"]


def test_no_page_names_a_folder_of_the_computer_it_was_made_on() -> None:
    here = [str(desk().folder), str(Path.cwd()), str(Path.home())]
    for name, text in whole().items():
        assert not any(each in text for each in here if len(each) > 1), name
        assert "file:///" not in text and "127.0.0.1" not in text and "localhost" not in text, name


def test_each_page_is_well_formed() -> None:
    kinds = [name for name in pages() if "/" not in name]
    kinds += [name for place in ("rules", "facts") for name in sorted(pages()) if name.startswith(f"{place}/")][::15]
    for name in kinds:
        assert faults(pages()[name]) == [], name


def test_the_titles_of_the_pages_tell_them_apart() -> None:
    titles = [re.findall(r"<title>(.*?)</title>", text)[0] for name, text in pages().items() if not name.startswith("facts/")]
    assert len(titles) - len(set(titles)) <= 3


def test_the_licence_of_the_style_travels_with_it() -> None:
    assert "MIT License" in whole()["static/licence.txt"] and "OTHER DEALINGS IN THE SOFTWARE" in whole()["static/licence.txt"]


# ---------------------------------------------------------------------------------------------------- another rule set


def test_a_rule_set_of_ones_own_becomes_a_site_with_its_examples_worked_out(tmp_path: Path) -> None:
    target = tmp_path / "site"
    written = write_site(small(tmp_path), target)
    found = snapshot(target)
    assert sorted(written) == sorted(found) and not any(p.name.startswith(".site") for p in tmp_path.iterdir())
    rule = found["rules/demo_limit.html"].decode()
    assert rule.count('class="rrt-book-example') == 10 and rule.count("<svg") == 10
    assert "The handbook" in rule and faults(rule) == []
    assert "measures.html" not in found and "no catalogue" in found["coverage.html"].decode()


def test_the_same_rules_give_the_same_bytes_wherever_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = rule_set(tmp_path, PROVED)
    monkeypatch.chdir(folder.parent)
    write_site(Library(folder, load(Path(folder.name)), None), tmp_path / "one")
    monkeypatch.chdir("/")
    write_site(Library(folder, load(folder), None), tmp_path / "two")
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")


def test_what_a_rule_file_says_is_shown_and_never_run(tmp_path: Path) -> None:
    hostile = PROVED.replace("title: Request answered", "title: <script>alert(1)</script> {{ 7*7 }} answered").replace(
        "why: A request", "why: '<img src=x onerror=alert(1)> request"
    )
    hostile = re.sub(r"(why: '.*)", r"\1'", hostile)
    text = dict(files(small(tmp_path, hostile)))["rules/demo_limit.html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7*7 }}" in text
    assert "<img" not in text and not page(text).xpath("//script[not(@src)]") and faults(text) == []


# ---------------------------------------------------------------------------------------------------- the folder


def test_a_site_is_replaced_whole_and_what_is_no_longer_in_it_is_gone(tmp_path: Path) -> None:
    target = tmp_path / "site"
    write_site(small(tmp_path), target)
    manifest = json.loads((target / "site.json").read_text(encoding="utf-8"))
    (target / "rules" / "old_rule.html").write_text("old", encoding="utf-8")
    manifest["files"].append("rules/old_rule.html")
    (target / "site.json").write_text(json.dumps(manifest), encoding="utf-8")
    write_site(small(tmp_path), target)
    assert not (target / "rules" / "old_rule.html").exists() and (target / "index.html").exists()


@pytest.mark.parametrize("strange", ["notes.txt", "rules/mine.html", ".git/config"])
def test_a_folder_with_anything_of_somebody_elses_is_refused_and_left_as_it_was(tmp_path: Path, strange: str) -> None:
    target = tmp_path / "site"
    write_site(small(tmp_path), target)
    mine = target / strange
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine", encoding="utf-8")
    before = snapshot(target)
    with pytest.raises(InputError, match=re.escape(strange)):
        write_site(small(tmp_path), target)
    assert snapshot(target) == before


def test_a_folder_that_only_says_it_is_a_site_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "site"
    target.mkdir()
    (target / "index.html").write_text("mine", encoding="utf-8")
    for manifest in ("{}", '{"schema": "other/1", "files": ["index.html"]}', "[]", "not json"):
        (target / "site.json").write_text(manifest, encoding="utf-8")
        with pytest.raises(InputError, match="did not write"):
            write_site(small(tmp_path), target)
    assert (target / "index.html").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_taken_and_a_file_or_a_link_is_not(tmp_path: Path) -> None:
    library = small(tmp_path)
    (tmp_path / "empty").mkdir()
    write_site(library, tmp_path / "empty")
    assert (tmp_path / "empty" / "index.html").exists()
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link", "no/such/folder"):
        with pytest.raises(InputError):
            write_site(library, tmp_path / name)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_when_the_pages_cannot_be_written_the_old_site_stays_and_nothing_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, target = small(tmp_path), tmp_path / "site"
    write_site(library, target)
    before = snapshot(target)

    def failing(*_: Any) -> Any:
        yield "index.html", "new"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(site, "files", failing)
    with pytest.raises(InputError, match="No space left"):
        write_site(library, target)
    assert snapshot(target) == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_when_the_new_site_cannot_be_moved_into_place_the_old_one_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, target = small(tmp_path), tmp_path / "site"
    write_site(library, target)
    before, rename, asked = snapshot(target), Path.rename, []

    def failing(self: Path, to: Path) -> Path:
        asked.append(to)
        if len(asked) == 2:
            raise OSError(13, "Permission denied")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(InputError, match="Permission denied"):
        write_site(library, target)
    assert len(asked) == 3 and snapshot(target) == before
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


# ---------------------------------------------------------------------------------------------------- the command


def test_the_command_writes_the_site_and_says_what_to_open(tmp_path: Path) -> None:
    folder = rule_set(tmp_path, PROVED)
    done = CliRunner().invoke(app, ["rules", "docs", "--rules", str(folder), "-o", str(tmp_path / "site")])
    assert done.exit_code == 0 and str(tmp_path / "site" / "index.html") in done.stdout
    assert (tmp_path / "site" / "rules" / "demo_limit.html").exists()


@pytest.mark.parametrize(
    "broken", [PROVED.replace("within: 5 working days", "within: 5 worky days"), PROVED.replace("urgent: true", "urgnt: 1")]
)
def test_rules_with_mistakes_become_no_site(tmp_path: Path, broken: str) -> None:
    folder = rule_set(tmp_path, broken)
    done = CliRunner().invoke(app, ["rules", "docs", "--rules", str(folder), "-o", str(tmp_path / "site")])
    assert done.exit_code == 2 and not (tmp_path / "site").exists()
    assert "rules" in done.stderr or ".yaml" in done.stderr
