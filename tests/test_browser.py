"""The pages in a real browser: every job from beginning to end with scripts and without, by keyboard, at 400%, on paper, and with axe-core.

One server and one browser serve all of these. They are skipped, and say why, where the browser or axe-core is not installed; with
RRT_REQUIRE_BROWSER=1 that is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rrt_engine.paths import CASES
from tests.browser import ARGUMENTS, PICTURES, Looked, Visitor, chromium, lacking, visiting
from tests.web import AS_OF, served

if lacking() and os.environ.get("RRT_REQUIRE_BROWSER") != "1":
    pytest.skip(f"no test in a real browser: it needs {lacking()}", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    assert not lacking(), f"RRT_REQUIRE_BROWSER=1, and there is not everything that the tests need: {lacking()}"
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the record is, and two runs."""
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address of a server with the bundled cases and two runs of them."""
    runs = [folder / "march", folder / "april"]
    for run, as_of in zip(runs, ("2026-03-31", AS_OF), strict=True):
        replayed(run, as_of)
    data = [f"--data={CASES / 'training'}", f"--data={CASES / 'sample'}", *(f"--run={run}" for run in runs)]
    with served(*data, "--as-of", AS_OF, "--record", str(folder / "record.sqlite")) as server:
        yield server.address
        assert server.process.poll() is None, "the server ended by itself"
        assert "a fault in rrt" not in server.said() and "Traceback" not in server.said(), server.said()


def replayed(run: Path, as_of: str) -> None:
    from typer.testing import CliRunner

    from rrt_engine.cli import app

    made = CliRunner().invoke(app, ["replay", str(CASES / "sample"), "--as-of", as_of, "-o", str(run), "--exit-zero", "--jobs", "1"])
    assert made.exit_code == 0, made.output


@pytest.fixture(scope="module")
def seen() -> Looked:
    """What all of these tests saw."""
    return Looked()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def visitor(request: pytest.FixtureRequest, browser: Any, address: str, seen: Looked) -> Iterator[Visitor]:
    """Somebody at the browser, once with scripts and once without."""
    with visiting(browser, address, seen, request.param) as made:
        yield made


@pytest.fixture
def arrive(browser: Any, address: str, seen: Looked) -> Iterator[Callable[..., Visitor]]:
    """Somebody at the browser, with what this test needs of it."""
    with ExitStack() as stack:
        yield lambda **more: stack.enter_context(visiting(browser, address, seen, **more))


# ---------------------------------------------------------------------------------------------------- the seven jobs


def test_today_leads_to_a_case_and_through_time(visitor: Visitor) -> None:
    page = visitor.go()
    visitor.look("today")
