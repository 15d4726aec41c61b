"""What a page is: what somebody asked for, what is shown for it, and how that becomes HTML.

A page is made by a plain function from the desk and what was asked to a `Page` or a `Redirect`. It reads no request and writes no
response, so it can be called from a test as the server calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jinja2

from rrt_engine import __version__
from rrt_engine.reports.documents import REMINDER
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.web.paths import TEMPLATES
from rrt_engine.words import AUTHORITY_WORDS, MARK_WORDS, STATUS_WORDS, VERIFIED_WORDS, as_of_words, day_words, listed, short_day_words

TAGS = {
    "overdue": "red",
    "late": "orange",
    "early": "orange",
    "due_soon": "blue",
    "due": "blue",
    "met": "green",
    "ended": "grey",
    "cannot_tell": "purple",
    "recorded": "blue",
}
"""The colour of the tag of each status, which repeats its words and never stands for them."""


@dataclass(frozen=True)
class Asked:
    """What somebody asked for: the parts of the address, the query, the fields of a form, and the files sent with it."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def one(self, name: str, default: str = "") -> str:
        """The one value of a field of the form, or else of the query; the last where there are several."""
        given = self.form.get(name) or self.query.get(name) or ()
        return given[-1] if given else default

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field, as of several boxes ticked."""
        return self.form.get(name) or self.query.get(name) or ()

    @property
    def sent(self) -> bool:
        """Whether a form was sent."""
        return bool(self.form or self.files)


@dataclass(frozen=True)
class Wrong:
    """What is wrong with one field of a form: the id of the field, and what to do, in words to stand beside it."""

    field: str
    text: str


@dataclass(frozen=True)
class Page:
    """A page to show. `title` names the kind of page and never a case. `wrong` stands first, and beside each field."""

    template: str
    title: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    wrong: Sequence[Wrong] = ()
    status: int = 200


@dataclass(frozen=True)
class Redirect:
    """Where to go next, after a form."""

    to: str


@dataclass(frozen=True)
class Whole:
    """A finished document that brings its own style, as a report does. `policy` is what it may load."""

    html: str
    policy: str


Shown = Page | Redirect | Whole


@dataclass(frozen=True)
class Place:
    """Whose pages these are: the name in the header and the colour of its line, which another authority sets for itself."""

    name: str = "Thresholds and timescales"
    authority: str = ""
    colour: str = "#1d70b8"


NAVIGATION = (
    ("today", "Today"),
    ("check", "Check a case"),
    ("train", "Train"),
    ("rules", "Rules"),
    ("facts", "Facts"),
    ("runs", "Runs"),
    ("decisions", "Decisions"),
)
SITE_NAVIGATION = (("rules", "Rules"), ("facts", "Facts"), ("coverage", "Coverage"))


class Missing(Exception):
    """There is no such page, or no longer: what to say of it."""


@dataclass
class Maker:
    """Makes HTML of pages: one for the server, and one for the pages that are exported. `link` gives the address of a named page."""

    book: RuleBook
    place: Place
    link: Callable[..., str]
    served: bool = True

    @cached_property
    def _made(self) -> Any:
        macros = jinja2.PrefixLoader({"govuk_frontend_jinja": jinja2.PackageLoader("govuk_frontend_jinja")})
        loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(TEMPLATES), macros])
        made = jinja2.Environment(loader=loader, autoescape=True, undefined=_Strict, trim_blocks=True, lstrip_blocks=True)
        made.filters |= {"words": _words, "day": day_words, "short_day": short_day_words, "listed": listed}
        made.globals |= {
            "link": self.link,
            "place": self.place,
            "served": self.served,
            "book": self.book,
            "version": __version__,
            "reminder": REMINDER,
            "as_of_words": as_of_words,
            "status_words": {**STATUS_WORDS, "recorded": "Recorded"},
            "authority_words": AUTHORITY_WORDS,
            "verified_words": VERIFIED_WORDS,
            "mark_words": MARK_WORDS,
            "tags": TAGS,
            "NAVIGATION": NAVIGATION,
            "SITE_NAVIGATION": SITE_NAVIGATION,
        }
        return made

    def html(self, page: Page) -> str:
        """A page as HTML."""
        beside = {wrong.field: {"text": wrong.text} for wrong in page.wrong}
        shown = {"title": page.title, "wrong": page.wrong, "beside": beside, "nav": page.template.split("/")[0].split(".")[0], **page.shown}
        return str(self._made.get_template(page.template).render(**shown))


def _words(name: str) -> str:
    """A name of the vocabulary in words: underscores are spaces."""
    return name.replace("_", " ")


class _Strict(jinja2.ChainableUndefined):
    """A name that is not there is a fault, but for a part left out of what a macro of GOV.UK Frontend is given, which is nothing."""

    def __bool__(self) -> bool:
        return bool(self._nothing())

    def __str__(self) -> str:
        return self._nothing()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._nothing())

    def __len__(self) -> int:
        return len(self._nothing())

    def _nothing(self) -> str:
        if not (isinstance(self._undefined_obj, dict) or self._undefined_name == "caller"):
            self._fail_with_undefined_error()
        return ""
