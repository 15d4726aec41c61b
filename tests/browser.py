"""A real browser on the real `rrt serve`, for tests: one server and one browser for all of them, and what every page must be.

Wherever a page is looked at, whatever it shows: nothing is asked of any other host, the policy of the pages is kept, the browser has
nothing to complain of, axe-core finds nothing in light or in forced colours, nothing is cut off, nothing overlaps, and at 400% zoom on
a small screen nothing but a wide table scrolls sideways.

The browser is Chromium or Chrome as it is installed, best without a window of its own (RRT_BROWSER names another), axe-core comes by
`make browser.ready`. Without them these tests are skipped, and say so; with RRT_REQUIRE_BROWSER=1 they fail.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request

from rrt_engine.web.app import ROUTES

ROOT = Path(__file__).resolve().parent.parent
AXE = ROOT / "tools" / "pages" / "node_modules" / "axe-core" / "axe.min.js"
LOOK = (ROOT / "tests" / "browser.js").read_text(encoding="utf-8") + ";0"
PICTURES = ROOT / "out" / "screenshots"
ARGUMENTS = (
    "--no-sandbox",  # the gate may run as root, in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
DESK = {"width": 1280, "height": 800}
ZOOMED = {"width": 320, "height": 256}
"""A window of 1280 by 1024 at 400%."""


def chromium() -> str | None:
    """The browser that is installed here; None where there is none."""
    named = os.environ.get("RRT_BROWSER")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


def lacking() -> str:
    """What these tests need and this computer has not; empty where it has everything."""
    missing = [] if chromium() else ["Chromium or Chrome (apt-get install chromium-headless-shell)"]
    missing += [] if AXE.is_file() else ["axe-core (make browser.ready, which asks npm for it)"]
    return " and ".join(missing)


@dataclass
class Looked:
    """What was seen of the pages: the routes that were shown, and those that were looked at in every way."""

    routes: set[str] = field(default_factory=set)
    looked: set[str] = field(default_factory=set)


@dataclass
class Visitor:
    """Somebody at a browser. `page` is what they see; `look` looks at it as everybody may see it."""

    page: Page
    address: str
    scripts: bool
    seen: Looked
    expected: set[int] = field(default_factory=set)
    """Answers other than success that this visitor means to get: a page that is not there, a form that is not right."""
    wrong: list[str] = field(default_factory=list)
    """What was wrong with the pages that were looked at: a failure when they leave, so that it is all said at once."""
    at: str = ""
    """The route of the page that they see."""

    def go(self, path: str = "") -> Page:
        """Open an address of the pages."""
        self.page.goto(self.address + path.lstrip("/"))
        return self.page

    def press(self, control: Locator) -> None:
        """Press what leads to a page, and wait until it is there."""
        with self.page.expect_navigation():
            control.click()

    def look(self, name: str) -> None:
        """Look at the page in every way: as it lies, on paper, at 400%, with axe-core, in forced colours. Keeps a picture of it."""
        page, first = self.page, self.at not in self.seen.looked
        page.evaluate(LOOK)
        self._note(name, "", page.evaluate("look.layout()"))
        if not self.scripts:  # the same words and style: what follows is looked at with scripts
            return
        self.seen.looked.add(self.at)
        page.screenshot(path=PICTURES / f"{name}.png")
        page.emulate_media(media="print")
        self._note(name, "on paper", page.evaluate("look.paper()"))
        page.emulate_media(media="screen")
        page.set_viewport_size(ZOOMED)
        self._note(name, "at 400%", page.evaluate("look.layout()"))
        page.set_viewport_size(DESK)
        page.evaluate(AXE.read_text(encoding="utf-8") + ";look.shorten()")
        self._note(name, "axe", page.evaluate("only => look.accessible(only)", {"type": "tag", "values": STANDARD}))
        if first:  # colours that are the browser's own are the same in every state of a page
            page.emulate_media(forced_colors="active")
            self._note(name, "axe in forced colours", page.evaluate("only => look.accessible(only)", {"type": "rule", "values": COLOURS}))
            page.screenshot(path=PICTURES / f"{name}-forced-colours.png")
            page.emulate_media(forced_colors="none")
        page.evaluate("look.whole()")

    def _note(self, name: str, how: str, found: list[str]) -> None:
        self.wrong += [f"{name}{how and f', {how}'}: {each}" for each in found]


@contextmanager
def visiting(context: BrowserContext, address: str, seen: Looked, scripts: bool = True) -> Iterator[Visitor]:
    """Somebody at a new page of the browser, with or without scripts. When they leave, nothing may have gone wrong in the browser."""
    page = context.new_page()
    visitor = Visitor(page, address, scripts, seen)
    wrong: list[str] = []
    statuses: list[int] = []
    own = urlsplit(address)

    def asked(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob") or (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
            wrong.append(f"asked something of {parts.scheme}://{parts.netloc}")
        elif not parts.path.startswith(own.path):
            wrong.append(f"asked for {parts.path[:40]}, outside the pages")

    def said(message: ConsoleMessage) -> None:
        failed = re.search(r"responded with a status of (\d+)", message.text)
        if message.type in ("error", "warning") and not failed:
            wrong.append(f"the browser says: {message.text}")

    def answered(response: Any) -> None:
        if response.status >= 400:
            statuses.append(response.status)
        route = route_of(response.request.method, response.url, address)
        if route and response.request.is_navigation_request():
            seen.routes.add(route)
            visitor.at = route

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: wrong.append(f"a script failed: {error}"))
    page.on("response", answered)
    try:
        yield visitor
        unexpected = [status for status in statuses if status not in visitor.expected]
        wrong += [f"an answer that was not expected: {status}" for status in unexpected]
        assert not (wrong + visitor.wrong), "\n" + "\n".join(wrong + visitor.wrong)
    finally:
        page.close()


def route_of(method: str, url: str, address: str) -> str | None:
    """The name of the page that an address leads to."""
    path = "/" + urlsplit(url).path.removeprefix(urlsplit(address).path)
    for each, pattern, name, _ in ROUTES:
        expression = re.sub(r"\\{\w+(:int)?\\}", lambda m: r"\d+" if m.group(1) else "[^/]+", re.escape(pattern))
        if each == method and re.fullmatch(expression, path):
            return name
    return None
