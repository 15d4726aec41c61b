"""Make the pictures of the documents: the page of an invented case, in the browser that the tests use. Run by `make pictures`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402 - the tests' browser is beside this folder

from rrt_engine.paths import CASES  # noqa: E402
from tests.browser import ARGUMENTS, chromium  # noqa: E402
from tests.web import served  # noqa: E402

FOLDER = ROOT / "docs" / "pictures"
CHILD, AS_OF = "S021", "2026-04-15"
LARGEST = 150_000


def main() -> None:
    """Open the case as a reader of the documents would, and keep what they would see first."""
    browser = chromium()
    if browser is None:
        sys.exit("there is no Chromium or Chrome here: apt-get install chromium-headless-shell, or name one in RRT_BROWSER")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with served("--data", str(CASES / "sample"), "--as-of", AS_OF) as server, sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=list(ARGUMENTS))
        page = opened.new_page(viewport={"width": 1200, "height": 1060}, locale="en-GB")
        page.goto(server.address)
        page.get_by_label("Find a child").fill(CHILD)
        page.get_by_role("button", name="Find", exact=True).click()
        page.get_by_role("main").wait_for()
        page.screenshot(path=FOLDER / "case.png")
        page.locator("figure", has=page.locator("svg")).screenshot(path=FOLDER / "timeline.png")
        opened.close()
    for picture in sorted(FOLDER.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture.relative_to(ROOT).as_posix()}: {size:,} bytes")
        if size > LARGEST:
            sys.exit(f"that is more than {LARGEST:,} bytes")


if __name__ == "__main__":
    main()
