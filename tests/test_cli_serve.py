"""`rrt serve` as a command: what it prints and refuses, when it opens the browser, and how it ends."""

from __future__ import annotations

import re
import sys
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rrt_engine.cli import app
from rrt_engine.diagnostics import InputError
from rrt_engine.web.network import Way, way_given
from rrt_engine.web.pages import CONTRAST, Place, contrast_with_white, place_given
from rrt_engine.web.server import Tls, listening
from tests.web import served

TLS = Path(__file__).parent / "data" / "tls"
CERTIFICATE, KEY = TLS / "certificate.pem", TLS / "key.pem"


def refused(*options: str) -> str:
    """What `rrt serve` says where it does not begin to serve."""
    result = CliRunner().invoke(app, ["serve", "--no-browser", *options])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


# ------------------------------------------------------------------------------------------------ from beginning to end


def test_it_says_where_it_serves_and_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    opened = tmp_path / "opened.txt"
    browser = f'"{sys.executable}" -c "open({str(opened)!r}, \'w\')" %s'
    with served("--name", "Northshire", "--colour", "#0B0C0C", environment={"BROWSER": browser}, browser=None) as found:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{16}/", found.address)
        with urllib.request.urlopen(found.address, timeout=20) as answer:
            shown = answer.read().decode()
        assert "Northshire</a>" in shown and "– Northshire</title>" in shown
        with urllib.request.urlopen(f"{found.address}place.css", timeout=20) as answer:
            assert answer.read().decode() == ":root { --place-colour: #0b0c0c; }\n"
        assert found.interrupt() == 0
        found.wait_for_end()
        assert [line.partition(" at ")[0] for line in found.lines] == ["The pages are", "The pages are closed.\n"]
        assert not opened.exists()  # nobody sees the window of this program


def test_the_browser_is_opened_once_it_listens_at_an_address_that_works_once(tmp_path: Path) -> None:
    opened = tmp_path / "opened.txt"
    browser = tmp_path / "browser.py"
    browser.write_text(
        "import sys, urllib.request, urllib.error\n"
        "answer = urllib.request.urlopen(sys.argv[1], timeout=20)\n"
        "try:\n    again = urllib.request.urlopen(sys.argv[1], timeout=20).status\n"
        "except urllib.error.HTTPError as error:\n    again = error.code\n"
        f"open({str(opened)!r}, 'w').write(f'{{sys.argv[1]}} {{answer.status}} {{answer.url}} {{again}}.')\n",
        encoding="utf-8",
    )
    with served("--browser", environment={"BROWSER": f'"{sys.executable}" "{browser}" %s'}) as found:
        found.wait_until(lambda: opened.exists() and opened.read_text().endswith("."))
        asked, status, led_to, again = opened.read_text().rstrip(".").split()
        assert (status, led_to, again) == ("200", found.address, "404")
        key = found.address.split("/")[3]
        assert key not in asked and asked.startswith(found.origin)
        if sys.platform != "win32":  # where being told to end is no signal that a program hears
            found.process.terminate()
            assert found.process.wait(20) == 0
            found.wait_for_end()
            assert found.lines[-1] == "The pages are closed.\n"


# ------------------------------------------------------------------------------------------------ what it refuses


def test_a_port_in_use_is_said_and_another_offered() -> None:
    with listening("127.0.0.1", 0, False) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", str(port))
    assert f"port {port} is in use by another program" in said and "is free" in said


def test_every_option_that_is_wrong_is_said_before_anything_is_read(tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    assert "`mauve` is not a colour" in refused("--data", nothing, "--colour", "mauve")
    assert "need TLS" in refused("--data", nothing, "--host", "10.1.2.3")
    assert "cannot be used together" in refused(
        "--data", nothing, "--host", "10.1.2.3", "--tls-cert", str(CERTIFICATE), "--tls-key", str(TLS / "another-key.pem")
    )
    missing = refused("--host", "10.1.2.3", "--tls-cert", nothing, "--tls-key", str(KEY))
    assert "--tls-cert" in missing and "cannot read" in missing


def test_the_name_and_the_colour_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RRT_COLOUR", "#ffdd00")
    assert "the least to be readable is 4.5" in refused()
    monkeypatch.setenv("RRT_COLOUR", "#1d70b8")
    monkeypatch.setenv("RRT_NAME", "x" * 61)
    assert "1 to 60 characters" in refused()


# ------------------------------------------------------------------------------------------------ where it serves

WRONG = {
    "no TLS": (("10.1.2.3",), ("--tls-cert",)),
    "no key": (("10.1.2.3", CERTIFICATE), ("--tls-key",)),
    "TLS on this computer": ((None, CERTIFICATE, KEY), ("--tls-cert", "--tls-key")),
    "a name on this computer": (("127.0.0.1", None, None, ("rrt.example",)), ("--served-as",)),
    "a header on this computer": (("::1", None, None, (), "X-User", ("127.0.0.1",)), ("--identity-header", "--proxy")),
    "a header that anybody may send": (("10.1.2.3", CERTIFICATE, KEY, (), "X-User"), ("--proxy",)),
    "a proxy that says nothing": (("10.1.2.3", CERTIFICATE, KEY, (), None, ("10.1.2.9",)), ("--identity-header",)),
    "every address without a name": (("0.0.0.0", CERTIFICATE, KEY), ("--served-as",)),
    "a name for an address": (("rrt.example", CERTIFICATE, KEY), ("--host",)),
    "a proxy by name": (("10.1.2.3", CERTIFICATE, KEY, (), "X-User", ("proxy.example",)), ("--proxy",)),
    "a network for a proxy": (("10.1.2.3", CERTIFICATE, KEY, (), "X-User", ("10.0.0.0/8",)), ("--proxy",)),
    "a header that every browser sends": (("10.1.2.3", CERTIFICATE, KEY, (), "User-Agent", ("10.1.2.9",)), ("--identity-header",)),
    "two headers in one": (("10.1.2.3", CERTIFICATE, KEY, (), "X-User\r\nX-B", ("10.1.2.9",)), ("--identity-header",)),
    "an address for a name": (("10.1.2.3", CERTIFICATE, KEY, ("https://rrt.example/",)), ("--served-as",)),
}


@pytest.mark.parametrize(("given", "options"), WRONG.values(), ids=WRONG.keys())
def test_a_network_is_served_only_with_all_that_it_needs(given: tuple[str], options: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as said:
        way_given(*given)
    assert tuple(each.file for each in said.value.diagnostics) == options
    assert all(each.help for each in said.value.diagnostics)


def test_without_options_it_serves_this_computer() -> None:
    assert way_given(None) == way_given("localhost") == way_given("127.0.0.1") == Way("127.0.0.1")
    assert way_given("::1").host == "::1"


def test_a_network_is_served_by_passphrase_or_by_a_proxy() -> None:
    tls = Tls(CERTIFICATE, KEY)
    assert way_given("10.1.2.3", CERTIFICATE, KEY) == Way("10.1.2.3", tls)
    by_proxy = way_given("0.0.0.0", CERTIFICATE, KEY, ["rrt.example:8443"], "X-User", ["10.1.2.9", "[FD00::0009]"])
    assert by_proxy == Way("0.0.0.0", tls, ("rrt.example:8443",), "X-User", frozenset({"10.1.2.9", "fd00::9"}))


# ------------------------------------------------------------------------------------------------ whose pages they are


@pytest.mark.parametrize(
    ("colour", "contrast"),
    [("#ffffff", 1.0), ("#000000", 21.0), ("#777777", 4.48), ("#767676", 4.54), ("#1d70b8", 5.17), ("#ff0000", 4.0), ("#0000ff", 8.59)],
)
def test_the_contrast_with_white_is_that_of_wcag(colour: str, contrast: float) -> None:
    assert contrast_with_white(colour) == pytest.approx(contrast, abs=0.01)


def test_a_colour_is_taken_where_white_words_can_be_read_on_it() -> None:
    assert place_given(None, " #767676 ").colour == "#767676"
    with pytest.raises(InputError, match=r"contrast of 4\.4 to 1"):
        place_given(None, "#777777")
    assert contrast_with_white(Place().colour) >= CONTRAST


@pytest.mark.parametrize(
    "colour", ["", "red", "#fff", "1d70b8", "#1d70b8;", "#1d70b8 } body { display: none", "#１d70b8", "url(//a.example)"]
)
def test_what_is_no_colour_never_reaches_the_style(colour: str) -> None:
    with pytest.raises(InputError, match="is not a colour"):
        place_given(None, colour)


def test_a_name_is_text_of_a_line() -> None:
    assert place_given("  Northshire \n and Southshire ", None).name == "Northshire and Southshire"
    assert place_given(None, None) == Place()
    for name in ("", "   ", "x" * 61, "a\x00b", "a\u202eb"):
        with pytest.raises(InputError, match="a name is 1 to 60 characters"):
            place_given(name, None)
    with pytest.raises(InputError) as both:
        place_given("", "red")
    assert [each.file for each in both.value.diagnostics] == ["--name", "--colour"]
