"""Attacks on the pages, each as somebody would try it. docs/security.md names the tests by what they stop."""

from __future__ import annotations

import csv
import io
import re
import socket
import ssl
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from lxml import html
from starlette.responses import Response
from starlette.testclient import TestClient
from typer.testing import CliRunner

from rrt_engine.calendar import parse_moment
from rrt_engine.cli import app as command
from rrt_engine.paths import CASES, RULES
from rrt_engine.web.app import ROUTES, application
from rrt_engine.web.desk import Desk, open_desk
from rrt_engine.web.entrance import Entrance, Passphrase, ProxyDoor
from rrt_engine.web.guard import HEADERS, LARGEST, Guard, Receive, Scope, Send
from rrt_engine.web.pages import Asked, Page, Redirect
from rrt_engine.web.paths import STATIC, TEMPLATES
from rrt_engine.web.server import Tls
from tests.test_web_server import serving
from tests.web import AS_OF, HOSTS, ORIGIN, client, desk, page, served

TLS = Path(__file__).parent / "data" / "tls"
KEY = "abcdefghijklmnop"
MARK = "ZQX"
"""Stands in everything that the wicked data below say of a child: it must stand in no address and no title."""
WICKED = MARK + "<script>rrt()</script>\"'><img src=x onerror=rrt()>{{191*7}}{% x %}"
IDS = (WICKED, f"=cmd|' /C calc'!A0{MARK}", f"javascript:rrt()//{MARK}", f"../../{MARK}?a=b#c&<d>", f"{MARK}-4711")
COLUMNS = ("ref", "team", "worker", "source_agency", "reason")


# ------------------------------------------------------------------------------------------------ pages over wicked data


@dataclass(frozen=True)
class Seen:
    """A page that a link or a form led to."""

    address: str
    status: int
    headers: Mapping[str, str]
    text: str
    tree: html.HtmlElement


@pytest.fixture(scope="module")
def wicked(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk over data whose every value is an attack, with two runs of them."""
    folder = tmp_path_factory.mktemp("wicked")
    for name in ("events.csv", "events.facts.csv"):
        with (CASES / "sample" / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        known = [child for child in dict.fromkeys(row["child_id"] for row in rows) if child]
        chosen = dict(zip(known, IDS, strict=False))
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, dict.fromkeys([*rows[0], *(("team", "worker") if name == "events.csv" else ())]))
            writer.writeheader()
            for row in rows:
                if row["child_id"] in chosen:
                    wicked_values = {each: f"{WICKED} {row.get(each, '')}" for each in COLUMNS if each in writer.fieldnames}
                    writer.writerow({**row, **wicked_values, "child_id": chosen[row["child_id"]]})
    for number, day in enumerate(("2026-03-15", AS_OF)):
        run = ["replay", str(folder / "events.csv"), "--as-of", day, "-o", str(folder / f"run{number}"), "--exit-zero"]
        result = CliRunner().invoke(command, run)
        assert result.exit_code == 0, result.output
    runs = [folder / "run0", folder / "run1"]
    return open_desk([folder / "events.csv"], RULES, parse_moment(AS_OF), folder / "record.sqlite", runs)


def visitor(held: Desk, key: str = KEY) -> TestClient:
    """A browser on the pages as the real server serves them: below a key."""
    return TestClient(application(held, HOSTS, key=key), base_url=ORIGIN, headers={"origin": ORIGIN}, follow_redirects=False)


def kind_of(address: str) -> tuple[object, ...]:
    """What sort of page an address leads to: which route, and which questions are asked of it."""
    split = urlsplit(address)
    path = split.path.removeprefix(f"/{KEY}")
    for method, route, name, _ in ROUTES:
        if method == "GET" and re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", route), path):
            return name, frozenset(parse_qs(split.query))
    return (path,)


BOOKS = ("coverage", "sources", "values", "measures")
"""Large pages that hold rules alone, looked at by their own tests."""


def crawled(browser: TestClient, of_each: int = 1) -> list[Seen]:
    """The pages that links lead to from the first, some of each kind."""
    waiting, done, counts = [f"/{KEY}/"], set[str](), dict[tuple[object, ...], int]()
    found: list[Seen] = []
    while waiting:
        address = waiting.pop(0)
        kind = kind_of(address)
        if address in done or counts.get(kind, 0) >= of_each or kind[0] in BOOKS or ("report" in address and address.count("=") > 1):
            continue
        done.add(address)
        counts[kind] = counts.get(kind, 0) + 1
        seen = see(browser.get(address), address)
        found.append(seen)
        waiting += [link.partition("#")[0] for link in (each.get("href", "") for each in seen.tree.iter("a")) if link.startswith("/")]
    return found


def see(answer: object, address: str) -> Seen:
    text = answer.text  # type: ignore[attr-defined]
    kind = answer.headers.get("content-type", "")  # type: ignore[attr-defined]
    tree = page(text) if text.strip() and "html" in kind else html.Element("html")
    return Seen(address, answer.status_code, answer.headers, text, tree)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def pages(wicked: Desk) -> list[Seen]:
    browser = visitor(wicked)
    typed = {
        "way": "text",
        "do": "check",
        "when": "other",
        "as_of-day": "15",
        "as_of-month": "4",
        "as_of-year": "2026",
        "case_text": CASE_TYPED,
    }
    answer = see(browser.post(f"/{KEY}/check", data=typed), f"/{KEY}/check")
    assert answer.status == 200
    return [*crawled(browser), answer]


CASE_TYPED = f"""
case: {MARK}-4711
child: {{date_of_birth: 2020-01-01}}
events:
  - {{event: referral_received, at: 2026-04-07T16:45, source_agency: police, ref: {MARK}}}
facts:
  - {{fact: da_current, value: present, evidence: reported, specificity: specific, source_agency: police, "on": 2026-04-07}}
"""


def forms(seen: list[Seen]) -> Iterator[tuple[Seen, html.HtmlElement]]:
    """One form of each kind: where it goes, and the names of its fields."""
    done = set[tuple[object, ...]]()
    for each in seen:
        for form in each.tree.iter("form"):
            named = frozenset(field.get("name") for field in form.iter("input", "select", "textarea", "button"))
            kind = (form.get("method"), re.sub(r"(?<=/)[0-9a-f]{16}", "*", form.get("action", "")), named)
            if kind not in done:
                done.add(kind)
                yield each, form


def test_every_kind_of_page_is_reached(pages: list[Seen]) -> None:
    reached = {kind_of(each.address)[0] for each in pages if each.status == 200}
    assert {"today", "case", "check", "decide_case", "decisions", "train", "train_case", "rules", "rule", "facts", "runs", "run"} <= reached
    assert not [each.address for each in pages if each.status >= 400]


# ------------------------------------------------------------------------------------------------ what data may not do


def names_a_case(text: str) -> bool:
    return MARK.lower() in text.lower() or "4711" in text


def test_no_address_and_no_title_says_anything_of_a_case(pages: list[Seen]) -> None:
    said = []
    for each in pages:
        title = each.tree.findtext(".//title") or ""
        values = [(name, value) for element in each.tree.iter() for name, value in element.items()]
        said += [(each.address, "title", title)] if names_a_case(title) else []
        said += [(each.address, "address", each.address)] if names_a_case(each.address) else []
        said += [(each.address, *pair) for pair in values if pair[0] in ADDRESSES and names_a_case(pair[1])]
        said += [(each.address, *pair) for pair in each.headers.items() if names_a_case(" ".join(pair))]
    assert said == []


ADDRESSES = (
    "href",
    "src",
    "action",
    "formaction",
    "id",
    "for",
    "name",
    "headers",
    "aria-labelledby",
    "aria-describedby",
    "class",
    "data-src",
)


def test_finding_a_child_leads_to_an_address_that_does_not_name_it(wicked: Desk) -> None:
    for child in IDS:
        answer = visitor(wicked).post(f"/{KEY}/find", data={"case": child})
        assert answer.status_code == 303, child
        assert not names_a_case(answer.headers["location"])
        assert re.fullmatch(f"/{KEY}/case/[0-9a-f]{{16}}", answer.headers["location"])


def unlike_ours(tree: html.HtmlElement) -> list[str]:
    """What of a page would run, load or send something that is not ours."""
    found = []
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag in ("iframe", "object", "embed", "base", "img", "style", "frame", "applet", "link", "script"):
            source = element.get("src") or element.get("href") or ""
            if not re.fullmatch(rf"(/{KEY})?/(static/[\w.-]+|place\.css)", source) or (element.tag == "script" and element.text):
                found.append(f"<{element.tag}> {source}")
        for name, value in element.items():
            if name.startswith("on") or name in ("style", "srcdoc", "ping"):
                found.append(f"{name}={value}")
            if name in ("href", "action", "formaction", "xlink:href") and not re.match(r"(/(?!/)|#|\?|https?://|$)", value):
                found.append(f"{name}={value}")
        if element.tag == "form" and not re.match(r"/(?!/)", element.get("action", "")):
            found.append(f"form to {element.get('action')}")
    return found


def test_nothing_in_the_data_runs_or_loads_or_sends(pages: list[Seen]) -> None:
    ours = [each for each in pages if kind_of(each.address)[0] != "report"]
    assert {each.address: found for each in ours if (found := unlike_ours(each.tree))} == {}
    assert MARK in "".join(each.text for each in ours)  # it is shown, as words


def test_nothing_in_the_data_is_taken_for_a_template(pages: list[Seen]) -> None:
    assert not [each.address for each in pages if "1337" in each.text]
    assert any("{{191*7}}" in each.text for each in pages)


def test_a_report_shown_runs_nothing(pages: list[Seen]) -> None:
    (report,) = [each for each in pages if kind_of(each.address)[0] == "report"][:1]
    policy = report.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script-src" not in policy
    assert not list(report.tree.iter("script", "img", "iframe"))


def test_a_link_to_elsewhere_takes_nothing_with_it(pages: list[Seen]) -> None:
    """Sources are linked to where they are published; nothing is said of where the reader came from."""
    assert all(each.headers["referrer-policy"] == "no-referrer" for each in pages)
    away = {link.get("href") for each in pages for link in each.tree.iter("a") if (link.get("href") or "").startswith("https://")}
    assert away and not [link for link in away if names_a_case(link)]
    targeted = [link for each in pages for link in each.tree.iter("a") if link.get("target", "_self") != "_self"]
    assert not [link for link in targeted if "noopener" not in (link.get("rel") or "")]


def test_every_page_and_file_carries_the_headers_and_no_cookie(pages: list[Seen]) -> None:
    for each in pages:
        own = {**HEADERS, **({"content-security-policy": each.headers["content-security-policy"]} if "report" in each.address else {})}
        assert {name: each.headers.get(name) for name in own} == own, each.address
        assert "set-cookie" not in each.headers and "access-control-allow-origin" not in each.headers


def test_the_browser_is_asked_to_remember_nothing_typed(pages: list[Seen]) -> None:
    kept = []
    for each, form in forms(pages):
        typed = [field for field in form.iter("input", "textarea") if field.get("type", "text") in ("text", "search", "number", "date")]
        if typed and form.get("autocomplete") != "off" and not all(field.get("autocomplete") == "off" for field in typed):
            kept.append((each.address, form.get("action")))
    assert kept == []


def test_a_download_is_a_file_and_never_a_page(pages: list[Seen]) -> None:
    for each in pages:
        if "html" not in each.headers.get("content-type", "") and "/static/" not in each.address:
            assert re.match(r'attachment; filename="[\w.-]+"$', each.headers["content-disposition"]), each.address
        assert each.headers["x-content-type-options"] == "nosniff"


# ------------------------------------------------------------------------------------------------ what is typed or sent

ODD = "-1 99999999999999999999 NaN \x00\x1b[2J\r\nSet-Cookie: a=b\r\n\r\n ..%2f..%2fetc/passwd =cmd|' /C calc'!A0 \ufeff\u202e é \ud7ff"


def filled(form: html.HtmlElement, typed: str) -> dict[str, list[str]]:
    """The fields of a form, with the same thing typed in each that can be typed in."""
    fields: dict[str, list[str]] = {}
    for field in form.iter("input", "select", "textarea"):
        kind, name = field.get("type", "text"), field.get("name")
        if name is None or kind in ("file", "submit", "checkbox") or (kind == "radio" and name in fields):
            continue
        if field.tag == "select":
            fields.setdefault(name, []).append((field.xpath("(.//option[@selected]|.//option)[1]/@value") or [""])[0])
        else:
            fields.setdefault(name, []).append(field.get("value", "") if kind in ("hidden", "radio") else typed)
    return fields


def sent(browser: TestClient, form: html.HtmlElement, fields: Mapping[str, list[str]], button: tuple[str, str] | None = None) -> Seen:
    """A form sent as a browser sends it."""
    action = form.get("action", "").partition("#")[0]
    whole = {**fields, **({button[0]: [button[1]]} if button else {})}
    if form.get("method", "get").lower() == "get":
        return see(browser.get(action, params=whole), action)
    return see(browser.post(action, data=whole), action)


def buttons(form: html.HtmlElement) -> list[tuple[str, str] | None]:
    """The buttons of a form, those of lists once."""
    named = {
        (each.get("name"), each.get("value") if each.get("name") == "do" else ""): each.get("value", "") for each in form.iter("button")
    }
    return [(name, value) if name else None for (name, _), value in named.items()] or [None]


def is_only_words(answer: Seen, where: str) -> None:
    assert answer.status < 500, where
    assert unlike_ours(answer.tree) == [], where
    assert "1337" not in answer.text, where
    assert "a=b" not in str(answer.headers) and "set-cookie" not in answer.headers, where
    assert not names_a_case(answer.headers.get("location", "")), where


def test_whatever_is_typed_in_any_field_is_only_words(pages: list[Seen], wicked: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    browser, tried = visitor(wicked), set[tuple[object, ...]]()
    for _, form in forms(pages):
        action = kind_of(form.get("action", "").partition("#")[0])[0]
        for button in buttons(form):
            fields = filled(form, WICKED)
            kind = (
                action,
                button and (button[0], button[1] if button[0] == "do" else ""),
                frozenset(name for name in fields if fields[name] == [WICKED]),
            )
            if kind not in tried and fields:
                tried.add(kind)
                is_only_words(sent(browser, form, fields, button), str(kind))
    assert len(tried) >= 15
    assert "a fault in rrt" not in capfd.readouterr().err


def test_whatever_is_put_into_a_field_that_is_not_typed_in_is_only_words(
    pages: list[Seen], wicked: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    """Hidden fields, choices and buttons: somebody can send anything in their place."""
    browser, tried = visitor(wicked), set[tuple[object, ...]]()
    for _, form in forms(pages):
        action = kind_of(form.get("action", "").partition("#")[0])[0]
        fields, (button, *_) = filled(form, ""), buttons(form)
        every = {**fields, **{each[0]: [each[1]] for each in buttons(form) if each}}
        for name in every:
            if (action, name) not in tried and len(tried) < 80:
                tried.add((action, name))
                is_only_words(
                    sent(browser, form, {**fields, name: [ODD]}, button if button and button[0] != name else None), f"{action} {name}"
                )
    assert len(tried) >= 30
    assert "a fault in rrt" not in capfd.readouterr().err


def test_reading_pages_stores_nothing(pages: list[Seen], wicked: Desk) -> None:
    assert len(pages) > 20 and not wicked.record.exists()


def zipped(name: str, content: bytes) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
    return kept.getvalue()


ENTITIES = '<!DOCTYPE a [<!ENTITY b "&#90;QX"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY d SYSTEM "file:///etc/passwd">]><case>&c;&d;</case>'
CASE = "case: ZQX\nchild: {date_of_birth: 2020-01-01}\n"
FILES = {
    "a zip bomb": zipped("case.yaml", bytes(50_000_000)),
    "a workbook": zipped("xl/workbook.xml", ENTITIES.encode()),
    "XML with entities": ENTITIES.encode(),
    "aliases that grow": (CASE + "events:\n  a: &a [x, x, x]\n" + "".join(f"  b{n}: &b{n} [*a, *a, *a]\n" for n in range(99))).encode(),
    "a tag that runs a program": (CASE + 'events: !!python/object/apply:os.system ["touch zqx"]\n').encode(),
    "nested deeply": (CASE + "events: " + "[" * 60_000).encode(),
    "nested deeply as a map": (CASE + "events: " + "{a: " * 60_000).encode(),
    "very many events": (CASE + "events:\n" + "  - {event: contact_received, at: 2026-01-01}\n" * 20_000).encode(),
    "very many keys": (CASE + "".join(f"k{n}: 1\n" for n in range(60_000))).encode(),
    "one long line": (CASE + "title: " + "x" * 900_000).encode(),
    "no text": bytes(range(256)) * 100,
    "NUL": CASE.encode() + b"title: \x00\x00\n",
    "UTF-16": (CASE + "events: []\n").encode("utf-16"),
    "half a character": CASE.encode() + b"title: \xc3\n",
    "nothing": b"",
    "merge keys": (CASE + "<<: {case: other}\nevents: []\n").encode(),
    "infinite numbers": (CASE + "events:\n  - {event: contact_received, at: 2026-01-01, children: .inf, miles: 1e999}\n").encode(),
    "a huge number": (
        CASE + "events:\n  - {event: contact_received, at: 99999999999999999999-01-01, miles: " + "9" * 5000 + "}\n"
    ).encode(),
    "markup": (f'case: "{WICKED}"'.replace('\\"', "'") + "\nchild: {date_of_birth: 2020-01-01}\n").encode(),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_a_file_that_is_an_attack_is_answered_in_words_and_soon(content: bytes, pages: list[Seen], wicked: Desk) -> None:
    form, field = next((form, field) for _, form in forms(pages) for field in form.iter("input") if field.get("type") == "file")
    assert form.get("enctype") == "multipart/form-data"
    fields = {name: values[-1] for name, values in filled(form, "").items()} | {"do": "upload"}
    assert ("do", "upload") in buttons(form)
    began = time.monotonic()
    files = {field.get("name"): (f"../{WICKED}.yaml", content, "application/x-yaml")}
    answer = see(visitor(wicked).post(form.get("action").partition("#")[0], data=fields, files=files), "")
    assert answer.status < 500
    assert time.monotonic() - began < 60
    assert unlike_ours(answer.tree) == [] and f"../{MARK}" not in answer.text and "root:" not in answer.text
    assert "There is a problem" in answer.text or answer.status >= 400 or content is FILES["infinite numbers"]  # which are text


@contextmanager
def writes_seen() -> Iterator[list[str]]:
    """The files opened to be written, in this process, while the block runs."""
    written: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
            written.append(str(arguments[0]))

    sys.addaudithook(watch)
    try:
        yield written
    finally:
        watching = False


def test_nothing_sent_is_written_to_disk(wicked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("written to disk")

    browser = visitor(wicked)
    browser.get(f"/{KEY}/check")
    for name in ("TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(f"tempfile.{name}", refuse)
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", refuse)
    with writes_seen() as written:
        answer = browser.post(f"/{KEY}/check", data={"do": "upload"}, files={"upload": ("a.yaml", b"x: " + b"y" * (LARGEST - 1_000))})
    assert answer.status_code < 500 and written == []


def test_a_form_with_more_fields_than_a_case_needs_is_refused(wicked: Desk) -> None:
    many = "&".join(f"f{n}=1" for n in range(3_000)).encode()
    answer = visitor(wicked).post(f"/{KEY}/check", content=many, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    files = [(f"f{n}", ("a", b"")) for n in range(20)]
    assert visitor(wicked).post(f"/{KEY}/check", files=files).status_code == 400


BOUNDARY = "multipart/form-data; boundary="
PARTS = {
    "no boundary": ("multipart/form-data", b"--x\r\n"),
    "an empty boundary": (BOUNDARY, b"--\r\n"),
    "a boundary too long": (BOUNDARY + "x" * 4_000, b"--x\r\n"),
    "never the boundary": (BOUNDARY + "x", b"y" * 10_000),
    "no name": (BOUNDARY + "x", b"--x\r\ncontent-disposition: form-data\r\n\r\nZQX\r\n--x--\r\n"),
    "bad headers": (BOUNDARY + "x", b"--x\r\nZQX-4711 is no header\r\n\r\n\r\n--x--\r\n"),
    "headers that do not end": (BOUNDARY + "x", b"--x\r\n" + b"a: b\r\n" * 50_000),
    "an end in the middle": (BOUNDARY + "x", b'--x\r\ncontent-disposition: form-data; name="ZQX'),
    "a character set of its own": (
        "multipart/form-data; charset=utf-7; boundary=x",
        b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n+ADw-script+AD4-\r\n--x--\r\n',
    ),
    "no such kind": ("application/json", b'{"case": "ZQX"}'),
    "no kind": ("", b"case=ZQX"),
}


@pytest.mark.parametrize(("kind", "body"), PARTS.values(), ids=PARTS.keys())
def test_a_form_that_is_made_badly_is_no_fault_and_is_not_repeated(
    kind: str, body: bytes, wicked: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = see(visitor(wicked).post(f"/{KEY}/find", content=body, headers={"content-type": kind}), "")
    assert answer.status in (200, 303, 400, 404) and "<script>" not in answer.text.replace("<script src", "")
    said = capfd.readouterr()
    assert MARK not in said.err + said.out and "a fault" not in said.err


# ------------------------------------------------------------------------------------------------ who asks


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8765",
        "127.0.0.1",
        "127.0.0.1:8766",
        "localhost.evil.example:8765",
        "127.0.0.1:8765.evil.example",
        "",
        "0.0.0.0:8765",
        "[::]:8765",
    ],
)
def test_another_name_for_this_computer_is_turned_away(host: str) -> None:
    """DNS rebinding: a page's own name is made to lead here, so that the browser takes our pages for its own."""
    answer = client().get("/rules", headers={"host": host})
    assert answer.status_code == 421 and "<" not in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


SITES = {
    "another site": {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    "another program of this computer": {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:9999"},
    "another site that hides": {"sec-fetch-site": "cross-site", "origin": "null"},
    "another site in an old browser": {"origin": "https://evil.example"},
    "another port in an old browser": {"origin": "http://127.0.0.1:9999"},
    "another scheme": {"origin": "https://127.0.0.1:8765"},
    "a hidden site in an old browser": {"origin": "null"},
    "no browser": {},
    "our address, and the browser says otherwise": {"sec-fetch-site": "cross-site", "origin": ORIGIN},
    "a site of the same name": {"origin": "http://127.0.0.1:8765.evil.example"},
}


@pytest.mark.parametrize("headers", SITES.values(), ids=SITES.keys())
def test_a_form_sent_from_elsewhere_is_not_taken(headers: dict[str, str]) -> None:
    asked: list[Asked] = []
    browser = TestClient(asking(asked), base_url=ORIGIN, follow_redirects=False)
    answer = browser.post("/find", data={"case": "C"}, headers=headers)
    assert answer.status_code == 403 and asked == []


@pytest.mark.parametrize(
    "headers",
    [{"origin": ORIGIN}, {"origin": "null", "sec-fetch-site": "same-origin"}, {"origin": ORIGIN, "sec-fetch-site": "same-origin"}],
    ids=["an old browser", "a browser of a page without referrer", "any other"],
)
def test_a_form_of_our_own_pages_is_taken(headers: dict[str, str]) -> None:
    asked: list[Asked] = []
    TestClient(asking(asked), base_url=ORIGIN, follow_redirects=False).post("/find", data={"case": "C"}, headers=headers)
    assert [each.one("case") for each in asked] == ["C"]


def asking(asked: list[Asked]) -> Guard:
    """The pages, where finding a child only notes what was asked."""

    def find(_: Desk, given: Asked) -> Page:
        asked.append(given)
        return Page("said.html.j2", "Found", {"lines": []})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rrt_engine.web.app.ROUTES", tuple((*each[:3], find if each[2] == "find" else each[3]) for each in ROUTES))
        return application(desk(), HOSTS)


@pytest.mark.parametrize("dest", ["script", "image", "style", "iframe", "frame", "object", "embed", "empty", "audio"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_other_site_loads_a_part_of_the_pages(dest: str, site: str) -> None:
    mode = "navigate" if dest in ("iframe", "frame", "object", "embed") else "no-cors"
    for address in ("/rules", "/static/rrt.js", "/place.css"):
        answer = client().get(
            address, headers={"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest, "origin": "https://a.example"}
        )
        assert answer.status_code == 403 and "access-control-allow-origin" not in answer.headers


def test_a_link_from_elsewhere_may_be_followed() -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client().get("/", headers=headers).status_code == 200


def test_nothing_is_sent_with_a_request_to_read() -> None:
    assert client().request("GET", "/", content=b"case=C").status_code == 400


@pytest.mark.parametrize("address", ["/", f"/{KEY}", f"/{KEY}x/", f"/{KEY[:-1]}/", f"//{KEY}/", "/rules", "/static/rrt.js"])
def test_nothing_is_found_without_the_key_in_the_address(address: str) -> None:
    answer = TestClient(application(desk(), HOSTS, key=KEY), base_url=ORIGIN).get(ORIGIN + address)
    assert answer.status_code == 404 and KEY not in answer.text and len(answer.content) < 300


def test_the_address_that_opens_the_browser_leads_to_the_key_once() -> None:
    guard = application(desk(), HOSTS, key=KEY)
    guard.once = "once-only"
    browser = TestClient(guard, base_url=ORIGIN, follow_redirects=False)
    assert browser.get("/once-onlyx").status_code == 404
    assert browser.get("/once-only", headers={"host": "evil.example"}).status_code == 421
    first, second = browser.get("/once-only"), browser.get("/once-only")
    assert (first.status_code, first.headers["location"], second.status_code) == (303, f"/{KEY}/", 404)
    assert {name: first.headers[name] for name in HEADERS} == HEADERS


# ------------------------------------------------------------------------------------------------ what is asked for

PATHS = (
    "/static/../app.py",
    "/static/%2e%2e/app.py",
    "/static/..%2fapp.py",
    "/static/..%5capp.py",
    "/static//etc/passwd",
    "/static/%00",
    "/static/rrt.css%00.html",
    "/static/",
    "/static/C:%5cWindows%5cwin.ini",
    "/static/con",
    "/case/..%2f..%2frules",
    "/case/%0d%0aset-cookie:%20a=b",
    "/case/" + "0" * 16,
    "/case/" + MARK,
    "/decide/" + MARK,
    "/train/..%2f..%2f..%2fetc%2fpasswd",
    "/rules/..%2fsources",
    "/facts/%7b%7b191*7%7d%7d",
    "/runs/-1",
    "/runs/99999999999999999999",
    "/runs/0/report",
    "/room/x",
    "/%ff%fe",
    "/" + "a" * 5_000,
)


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_an_address_made_up_finds_nothing_and_is_not_repeated(path: str, capfd: pytest.CaptureFixture[str]) -> None:
    answer = client().get(ORIGIN + path)
    assert answer.status_code in (404, 405), path
    assert MARK not in answer.text and "1337" not in answer.text and "root:" not in answer.text and "set-cookie" not in answer.headers
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert capfd.readouterr().err == ""


def test_the_handle_of_a_child_tells_nothing_and_ends_with_the_program(wicked: Desk) -> None:
    again = open_desk([CASES / "training"], RULES, parse_moment(AS_OF), Path("none"))
    one = desk().find("T-ALONE-TONIGHT")[0]
    assert re.fullmatch("[0-9a-f]{16}", one) and one not in again.find("T-ALONE-TONIGHT")
    assert again.held(one) is None and client(again).get(f"/case/{one}").status_code == 404
    every = [wicked.find(each)[0] for each in IDS]
    assert len(set(every)) == len(IDS)


# ------------------------------------------------------------------------------------------------ faults


class Secret(Exception):
    """Holds what must not be told."""


def faulty(shown: Page | None = None) -> TestClient:
    """The pages, where Today has a fault: in its own code, or in its template."""

    def today(_: Desk, __: Asked) -> Page:
        if shown is None:
            raise Secret(f"the case of {MARK} in /home/somebody/cases")
        return shown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rrt_engine.web.app.ROUTES", tuple((*each[:3], today if each[2] == "today" else each[3]) for each in ROUTES))
        return TestClient(application(desk(), HOSTS), base_url=ORIGIN)


@pytest.mark.parametrize("shown", [None, Page("today.html.j2", "Today", {"child": MARK})], ids=["in a page", "in a template"])
def test_a_fault_tells_neither_the_browser_nor_the_window_of_the_case(shown: Page | None, capfd: pytest.CaptureFixture[str]) -> None:
    answer = faulty(shown).get("/")
    said = capfd.readouterr().err
    assert answer.status_code == 500 and "Something went wrong in rrt" in answer.text
    assert MARK not in answer.text and "Traceback" not in answer.text and "Secret" not in answer.text and ".py" not in answer.text
    assert said.startswith("a fault in rrt: ") and MARK not in said and "/home/somebody" not in said and said.count("\n") == 1


def test_a_page_never_leads_out_of_the_pages(capfd: pytest.CaptureFixture[str]) -> None:
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:rrt()"):
        answer = redirecting(elsewhere).get("/", follow_redirects=False)
        assert answer.status_code == 500 and "location" not in answer.headers
    answer = redirecting("/rules\r\nset-cookie: a=b").get("/", follow_redirects=False)
    assert "set-cookie" not in answer.headers and "\n" not in answer.headers["location"]


def redirecting(to: str) -> TestClient:
    with pytest.MonkeyPatch.context() as patch:
        routes = tuple((*each[:3], (lambda *_: Redirect(to)) if each[2] == "today" else each[3]) for each in ROUTES)
        patch.setattr("rrt_engine.web.app.ROUTES", routes)
        return TestClient(application(desk(), HOSTS), base_url=ORIGIN)


# ------------------------------------------------------------------------------------------------ on a network


class Clock:
    """A clock that goes when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Network:
    """Pages served to a network: a browser at an address, and what the program's window was told."""

    app: Guard
    told: list[str]
    clock: Clock

    def browser(self, address: str = "10.1.2.50") -> TestClient:
        origin = "https://10.1.2.3:8443"
        return TestClient(self.app, base_url=origin, headers={"origin": origin}, follow_redirects=False, client=(address, 50_000))


def by_passphrase() -> Network:
    told, clock = list[str](), Clock()
    door = lambda app, maker: Entrance(app, maker, told.append, clock)  # noqa: E731
    return Network(application(desk(), frozenset({"10.1.2.3:8443"}), scheme="https", door=door), told, clock)


def came_in(network: Network, address: str = "10.1.2.50") -> TestClient:
    browser = network.browser(address)
    answer = browser.post("/enter", data={"passphrase": network.told[-1]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return browser


def test_on_a_network_nothing_is_shown_before_somebody_came_in() -> None:
    network = by_passphrase()
    handle = desk().find("T-ALONE-TONIGHT")[0]
    for address in ("/", f"/case/{handle}", "/check", "/rules", "/runs", "/nowhere", "/enter/", "/static", "/staticx"):
        answer = network.browser().get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, "/enter"), address
    assert network.browser().post("/find", data={"case": "T-ALONE-TONIGHT"}).status_code == 401
    assert network.browser().post("/decide", data={"case": "T-ALONE-TONIGHT"}).status_code == 401
    assert network.browser().get("/static/rrt.css").status_code == 200
    shown = network.browser().get("/enter")
    assert shown.status_code == 200 and unlike_ours(page(shown.text)) == [] and network.told[0] not in shown.text
    assert network.browser().get("/static/../case/" + handle).status_code != 200


def test_the_passphrase_lets_one_in_once() -> None:
    network = by_passphrase()
    browser = came_in(network)
    assert browser.get("/").status_code == 200
    assert len(network.told) == 2 and network.told[0] != network.told[1]
    assert network.browser().post("/enter", data={"passphrase": network.told[0]}).status_code == 403
    assert came_in(network, "10.1.2.51").get("/").status_code == 200


def test_a_passphrase_is_long_made_by_chance_and_forgiving_to_type() -> None:
    phrases = {by_passphrase().told[0] for _ in range(5)}
    assert len(phrases) == 5 and all(re.fullmatch("([a-hjkmnp-z2-9]{4}-){4}[a-hjkmnp-z2-9]{4}", each) for each in phrases)
    network = by_passphrase()
    typed = f" {network.told[0].upper().replace('-', ' ')} "
    assert network.browser().post("/enter", data={"passphrase": typed}).status_code == 303


def test_a_passphrase_is_kept_only_as_a_salted_hash() -> None:
    one, other = Passphrase(), Passphrase()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rrt_engine.web.entrance.secrets.choice", lambda _: "a")
        assert one.new() == other.new()
    assert vars(one) != vars(other) and "aaaa" not in str(vars(one)) and b"aaaa" not in b"".join(vars(one).values())
    assert one.matches("a" * 20) and not one.matches("a" * 19) and not one.matches("") and not Passphrase().matches("")


def test_wrong_passphrases_are_limited_from_one_address_and_from_all() -> None:
    network = by_passphrase()
    tries = [network.browser().post("/enter", data={"passphrase": "wrong"}).status_code for _ in range(7)]
    assert tries == [403] * 5 + [429] * 2
    blocked = network.browser().post("/enter", data={"passphrase": network.told[-1]})
    assert blocked.status_code == 429 and 0 < int(blocked.headers["retry-after"]) <= 900
    assert came_in(network, "10.1.2.51").get("/").status_code == 200
    network.clock.now += 901
    assert came_in(network).get("/").status_code == 200
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Passphrase, "matches", lambda *_: False)
        from_all = [network.browser(f"10.1.3.{n}").post("/enter", data={"passphrase": "wrong"}).status_code for n in range(60)]
    assert from_all == [403] * 50 + [429] * 10
    near = [
        by_network.browser(f"fd00::{n}").post("/enter", data={"passphrase": "x"}).status_code
        for by_network in [by_passphrase()]
        for n in range(7)
    ]
    assert near == [403] * 5 + [429] * 2  # one network of IPv6 is one address


def test_the_cookie_goes_to_no_other_site_and_no_script() -> None:
    network = by_passphrase()
    answer = network.browser().post("/enter", data={"passphrase": network.told[-1]})
    name, *parts = answer.headers["set-cookie"].split("; ")
    assert re.fullmatch(r"__Host-rrt=[\w-]{43}", name)
    assert {part.lower() for part in parts} == {"path=/", "secure", "httponly", "samesite=strict"}


def test_who_leaves_is_out() -> None:
    network = by_passphrase()
    browser = came_in(network)
    assert 'action="/leave"' in browser.get("/rules").text
    kept = dict(browser.cookies)
    answer = browser.post("/leave")
    assert (
        answer.status_code == 303
        and answer.headers["clear-site-data"] == '"cache", "storage"'
        and "max-age=0" in answer.headers["set-cookie"].lower()
    )
    stolen = network.browser()
    stolen.cookies.update(kept)
    assert stolen.get("/").status_code == 303


@pytest.mark.parametrize(("asks_every", "hours", "status"), [(3500, 7.9, 200), (3500, 8.1, 303), (3601, 1.1, 303)])
def test_a_stay_has_an_end(asks_every: int, hours: float, status: int) -> None:
    network = by_passphrase()
    browser, until = came_in(network), network.clock.now + hours * 3600
    answer = 0
    while network.clock.now < until:
        network.clock.now = min(network.clock.now + asks_every, until)
        answer = browser.get("/place.css").status_code and browser.get("/runs").status_code
    assert answer == status


def test_a_cookie_made_up_opens_nothing() -> None:
    network = by_passphrase()
    came_in(network)
    for made_up in ("", "x", "0" * 43, "é"):
        answer = network.browser().get("/", headers={"cookie": f"__Host-rrt={made_up}".encode()})
        assert answer.status_code == 303
    assert network.browser().get("/", headers={"cookie": "rrt=x; __Host-rrt"}).status_code == 303


def test_a_passphrase_sent_badly_is_a_mistake_and_no_fault(capfd: pytest.CaptureFixture[str]) -> None:
    browser = by_passphrase().browser()
    long = {"content": b"passphrase=" + b"a" * 500_000, "headers": {"content-type": "application/x-www-form-urlencoded"}}
    for sent_badly in (long, {"files": {"passphrase": ("a", b"b")}}, {"content": b"x", "headers": {"content-type": "multipart/form-data"}}):
        answer = browser.post("/enter", **sent_badly)
        assert answer.status_code in (400, 403) and "set-cookie" not in answer.headers
    assert capfd.readouterr().err == ""


def test_a_passphrase_from_another_site_is_not_taken() -> None:
    network = by_passphrase()
    answer = network.browser().post("/enter", data={"passphrase": network.told[0]}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers and len(network.told) == 1


def by_proxy() -> Network:
    door = lambda app, _: ProxyDoor(app, "X-Signed-In", frozenset({"10.1.2.9", "fd00::9"}))  # noqa: E731
    return Network(application(desk(), frozenset({"10.1.2.3:8443"}), scheme="https", door=door), [], Clock())


def test_a_reverse_proxy_is_believed_and_nobody_else() -> None:
    network, signed_in = by_proxy(), {"x-signed-in": "somebody@northshire.example"}
    assert network.browser("10.1.2.9").get("/", headers=signed_in).status_code == 200
    assert network.browser("fd00::9").get("/", headers=signed_in).status_code == 200
    for address in ("10.1.2.50", "10.1.2.90", "127.0.0.1", "::1", "fd00::8"):
        answer = network.browser(address).get("/", headers={**signed_in, "x-forwarded-for": "10.1.2.9", "forwarded": "for=10.1.2.9"})
        assert answer.status_code == 403, address
    for nobody in ({}, {"x-signed-in": ""}, {"x-signed-in": "  "}, {"x-signed_in": "a"}):
        assert network.browser("10.1.2.9").get("/", headers=nobody).status_code == 403
    twice = [("x-signed-in", "a"), ("x-signed-in", "b")]
    assert network.browser("10.1.2.9").get("/", headers=twice).status_code == 403


def test_who_signed_in_is_neither_kept_nor_said(capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[object] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["headers"])
        await Response("")(scope, receive, send)

    app = Guard(ProxyDoor(inner, "X-Signed-In", frozenset({"10.1.2.9"})), frozenset({"10.1.2.3:8443"}), "https")
    browser = Network(app, [], Clock()).browser("10.1.2.9")
    assert browser.get("/", headers={"x-signed-in": "somebody@northshire.example"}).status_code == 200
    assert len(seen) == 1 and "somebody" not in str(seen) and capfd.readouterr() == ("", "")


def test_pages_over_tls_let_in_who_knows_the_passphrase() -> None:
    told: list[str] = []
    trust = ssl.create_default_context(cafile=str(TLS / "certificate.pem"))
    with serving(tls=Tls(TLS / "certificate.pem", TLS / "key.pem"), door=lambda app, maker: Entrance(app, maker, told.append)) as port:
        made = HTTPSConnection("localhost", port, context=trust, timeout=20)
        origin = {"origin": f"https://localhost:{port}", "content-type": "application/x-www-form-urlencoded"}
        made.request("POST", "/enter", f"passphrase={told[0]}", origin)
        answer = made.getresponse()
        answer.read()
        assert answer.status == 303
        made.request("GET", "/runs", headers={"cookie": answer.headers["set-cookie"].partition(";")[0]})
        shown = made.getresponse()
        assert shown.status == 200 and {name: shown.headers[name] for name in HEADERS} == HEADERS and b"Leave" in shown.read()
        assert made.sock.version() in ("TLSv1.2", "TLSv1.3")
        made.close()
        old = ssl.create_default_context(cafile=str(TLS / "certificate.pem"))
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.set_ciphers("AES128-SHA:AES256-SHA256")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            HTTPSConnection("localhost", port, context=old, timeout=20).connect()
        plain = HTTPConnection("localhost", port, timeout=20)
        plain.request("GET", "/")
        with pytest.raises((ConnectionError, HTTPException)):
            plain.getresponse()


# ------------------------------------------------------------------------------------------------ the program itself

WATCHED = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        sys.stderr.write(f"NETWORK {event} {arguments[-1]!r}\\n")
        raise PermissionError("no network")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+") and not str(arguments[0]).endswith(".pyc"):
        sys.stderr.write(f"WRITES {arguments[0]!r}\\n")
    if event in ("tempfile.mkstemp", "tempfile.mkdtemp", "os.mkdir"):
        sys.stderr.write(f"WRITES {arguments!r}\\n")
from rrt_engine.cli import main
sys.addaudithook(watch)
main()
"""


def test_the_real_program_tells_its_window_nothing_asks_no_network_and_writes_nothing(tmp_path: Path) -> None:
    with (CASES / "sample" / "events.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    chosen = [row for row in rows[1:] if row[0] == "S001"]
    data = tmp_path / "events.csv"
    data.write_text("\n".join(",".join(row) for row in (rows[0], *chosen)).replace("S001", f"{MARK}-4711"), encoding="utf-8")
    watched = tmp_path / "watched.py"
    watched.write_text(WATCHED, encoding="utf-8")
    with served("--data", str(data), "--as-of", AS_OF, "--record", str(tmp_path / "r.sqlite"), program=(str(watched),)) as found:
        before = len(found.lines)
        with httpx.Client(base_url=found.address, headers={"origin": found.origin}, timeout=30, trust_env=False) as browser:
            case = browser.post("find", data={"case": f"{MARK}-4711"})
            assert case.status_code == 303
            address = f"{found.origin}{case.headers['location']}"
            assert f"{MARK}-4711" in browser.get(address).text
            for asked in ("", "rules", "check", "decisions", "train", f"case/{MARK}-4711", f"?team={MARK}", "static/rrt.css"):
                assert browser.get(asked).status_code < 500
            typed = {"way": "text", "case_text": CASE_TYPED, "when": "today", MARK: MARK}
            assert "points to" in browser.post("check", data={**typed, "do": "check"}).text
            for name, content in ((f"{MARK}.yaml", CASE_TYPED), (f"{MARK}.xlsx", zipped("a", b"x")), (MARK, "x" * 900_000)):
                assert browser.post("check", data={**typed, "do": "upload"}, files={"upload": (name, content)}).status_code < 500
            bad = {"content-type": f"multipart/form-data; boundary={MARK}"}
            assert browser.post("check", content=f"--{MARK}\r\n{MARK} {MARK}\r\n\r\n".encode(), headers=bad).status_code == 400
        with socket.create_connection(("127.0.0.1", found.port)) as made:
            made.sendall(f"GET /{MARK} HTTP/1.1\r\n{MARK}\r\n\r\n".encode())
            assert made.recv(100)
        assert found.interrupt() == 0
        found.wait_for_end()
        assert found.lines[before:] == ["The pages are closed.\n"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["events.csv", "watched.py"]


def test_the_pages_are_made_of_nothing_from_elsewhere() -> None:
    """Everything that a page loads is a file of this package; no template trusts what it is given."""
    for file in (*TEMPLATES.rglob("*.j2"), *STATIC.glob("*.css"), *STATIC.glob("*.js")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"(?:src|@import|url\()\s*[=\"'(]*\s*(?:https?:)?//", text), file.name
        assert not re.search(r"<script(?! src=\"\{\{ link\()|\son[a-z]+=|<style|\sstyle=", text) or file.suffix != ".j2", file.name
        if file.suffix == ".j2":
            trusted = re.findall(r"\{[{%][^}]*?\|\s*safe", text)
            assert all(re.search(r"'[^'{]*'\s*\|\s*safe", each) for each in trusted), (file.name, trusted)
            assert "autoescape false" not in text and "eval" not in text, file.name


# ------------------------------------------------------------------------------------------------ the page that names these tests


def test_the_threat_model_names_tests_that_exist() -> None:
    text = (Path(__file__).parents[1] / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+)`", text)
    files = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert len(named) > 50
    assert [name for name in named if f"def {name}(" not in files and not (Path(__file__).parent / f"{name}.py").exists()] == []
    lines = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line and not line.startswith("| What")]
    assert len(lines) > 25 and [line for line in lines if "`test_" not in line] == []
