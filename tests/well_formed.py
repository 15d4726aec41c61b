"""Whether a page is well formed, and what a reader who cannot see it relies on: headings in order, named tables, one name an id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

from lxml import html

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


class _Tags(HTMLParser):
    """Reads a page tag by tag, as it is written: a reader that mends what is wrong would hide it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.wrong += [f"{name} stands twice in one <{tag}>" for name, n in Counter(names).items() if n > 1]
        self.wrong += [f"<{tag} {name}> is not allowed" for name in names if name.startswith("on") or name == "style"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> closes <{self.open[-1] if self.open else 'nothing'}> at {self.getpos()}")
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def faults(text: str) -> list[str]:
    """Everything that is wrong with a page."""
    tags = _Tags()
    tags.feed(text)
    tags.close()
    return [*tags.wrong, *(f"<{tag}> is not closed" for tag in tags.open), *_structure(html.document_fromstring(text))]


def _structure(page: html.HtmlElement) -> Iterator[str]:
    ids = Counter(page.xpath("//@id"))
    yield from (f"id {name} stands {n} times" for name, n in ids.items() if n > 1)
    for name in ("aria-labelledby", "aria-describedby", "for"):
        yield from (f"{name}={each} names nothing" for given in page.xpath(f"//@{name}") for each in given.split() if each not in ids)
    levels = [int(h.tag[1]) for h in page.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    if levels.count(1) != 1:
        yield f"{levels.count(1)} headings of the first level"
    yield from (f"a heading of level {b} follows one of {a}" for a, b in pairwise(levels) if b > a + 1)
    for table in page.xpath("//table"):
        if not (table.findtext("caption") or "").strip():
            yield "a table has no caption"
        if table.xpath(".//th[not(@scope)]"):
            yield "a heading of a table has no scope"
    for field in page.xpath("//input[not(@type='hidden')]|//select|//textarea"):
        if not page.xpath("//label[@for=$id]", id=field.get("id")):
            yield f"the field {field.get('id')} has no label"
    for kind in ("@role='region'", "self::nav", "@role='search'"):
        names = Counter(e.get("aria-label") or " ".join(e.get("aria-labelledby", "").split()) for e in page.xpath(f"//*[{kind}]"))
        yield from (f"{n} parts of a page are called `{name}`" for name, n in names.items() if n > 1 or not name)
    yield from (f"a link says nothing: {a.get('href')}" for a in page.xpath("//a[@href]") if not a.text_content().strip())
    if not page.get("lang"):
        yield "no language"
