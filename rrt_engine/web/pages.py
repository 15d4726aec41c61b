"""What a page is: what somebody asked for, what is shown for it, and how that becomes HTML.

A page is made by a plain function from the desk and what was asked to a `Page` or a `Redirect`. It reads no request and writes no
response, so it can be called from a test as the server calls it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from rrt_engine import __version__
from rrt_engine.diagnostics import Diagnostic, InputError
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
    """A page to show. `title` names the kind of page and never a case. `wrong` stands first, and beside each field.

    `refresh` is after how many seconds the browser looks again by itself, for a page that says to wait; 0 where it does not.
    `keeps` says why its links open in a new tab, for a page with something that its browser would lose on the way back; "" for others.
    """

    template: str
    title: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    wrong: Sequence[Wrong] = ()
    status: int = 200
    refresh: int = 0
    keeps: str = ""


@dataclass(frozen=True)
class Redirect:
    """Where to go next, after a form."""

    to: str


@dataclass(frozen=True)
class Whole:
    """A finished document that brings its own style, as a report does. `policy` is what it may load."""

    html: str
    policy: str


@dataclass(frozen=True)
class Download:
    """A file that somebody asked for. `name` says nothing of who it is about; `content` is its bytes, or writes them for a large one."""

    name: str
    content: bytes | Callable[[Path], object]
    media: str


Shown = Page | Redirect | Whole | Download


@dataclass(frozen=True)
class Place:
    """Whose pages these are: the name in the header and the colour of its line, which another authority sets for itself."""

    name: str = "Thresholds and timescales"
    colour: str = "#1d70b8"


LONGEST_NAME = 60
CONTRAST = 4.5
"""The least contrast of the white words on the colour of the header (WCAG 2.2, 1.4.3)."""


def place_given(name: str | None, colour: str | None) -> Place:
    """The name and the colour that somebody chose, each as it was where none was chosen. Raises InputError with what is wrong."""
    usual, wrong = Place(), []
    chosen_name = usual.name if name is None else " ".join(name.split())
    if not chosen_name or len(chosen_name) > LONGEST_NAME or not chosen_name.isprintable():
        wrong.append(_wrong("--name", f"a name is 1 to {LONGEST_NAME} characters that can be read", "give a shorter one, in plain text"))
    chosen = usual.colour if colour is None else colour.strip().lower()
    if not re.fullmatch("#[0-9a-f]{6}", chosen):
        help = "write it as `#` and six of 0 to 9 and a to f, as `#1d70b8`; in a shell, in quotes"
        wrong.append(_wrong("--colour", f"`{chosen[:40]}` is not a colour", help))
    elif (found := contrast_with_white(chosen)) < CONTRAST:
        shown = math.floor(found * 10) / 10
        message = f"white words on `{chosen}` have a contrast of {shown} to 1, and the least to be readable is {CONTRAST}"
        wrong.append(_wrong("--colour", message, "choose a darker colour"))
    if wrong:
        raise InputError(wrong)
    return Place(chosen_name, chosen)


def contrast_with_white(colour: str) -> float:
    """The contrast of a colour, as `#1d70b8`, with white, from 1 to 21, as WCAG 2.2 defines it.

    >>> contrast_with_white("#ffffff"), contrast_with_white("#000000")
    (1.0, 21.0)
    """
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _wrong(option: str, message: str, help: str) -> Diagnostic:
    return Diagnostic(option, 0, 0, "place", message, "error", "", help)


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
    """Makes HTML of pages: one for the server, and one for the pages that are exported. `link` gives the address of a named page.

    `leaves` is whether people come in by a passphrase, and so can leave.
    """

    book: RuleBook
    place: Place
    link: Callable[..., str]
    served: bool = True
    leaves: bool = False

    @cached_property
    def _made(self) -> Any:
        macros = jinja2.PrefixLoader({"govuk_frontend_jinja": jinja2.PackageLoader("govuk_frontend_jinja")})
        loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(TEMPLATES), macros])
        made = jinja2.Environment(
            loader=loader,
            autoescape=True,
            undefined=_Strict,
            trim_blocks=True,
            lstrip_blocks=True,
            bytecode_cache=_COMPILED,
            auto_reload=False,  # or every macro that one imports is looked for on the disk, on every page
        )
        made.filters |= {"words": _words, "day": day_words, "short_day": short_day_words, "listed": listed}
        made.globals |= {
            "link": self.link,
            "place": self.place,
            "served": self.served,
            "leaves": self.leaves,
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

    def ready(self) -> None:
        """Compile every template of ours, so that nobody waits for it."""
        for name in self._made.list_templates(filter_func=lambda name: not name.startswith("govuk_frontend_jinja/")):
            self._made.get_template(name)

    def html(self, page: Page) -> str:
        """A page as HTML."""
        beside = {wrong.field: {"text": wrong.text} for wrong in page.wrong}
        shown = {"title": page.title, "wrong": page.wrong, "beside": beside, "nav": page.template.split("/")[0].split(".")[0], **page.shown}
        made = str(self._made.get_template(page.template).render(**shown, keeps=page.keeps))
        return _LINK.sub(_IN_A_NEW_TAB, made) if page.keeps else made


KEPT = "Links on this page open in a new tab, so that what you typed stays here."

_LINK = re.compile(r'<a (?![^>]*(?: target=|href="#))([^>]*)>(.*?)</a>', re.DOTALL)
_IN_A_NEW_TAB = r'<a target="_blank" rel="noopener" \1>\2<span class="govuk-visually-hidden"> (opens in a new tab)</span></a>'
"""A link that leaves a page, and how it is written where that would lose what the page holds (WCAG 2.2, G201)."""


def _words(name: str) -> str:
    """A name of the vocabulary in words: underscores are spaces."""
    return name.replace("_", " ")


class _Compiled(jinja2.BytecodeCache):
    """Templates compiled once for every maker of this process, and anew where their text has changed."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Put what is held of a template into its bucket."""
        checksum, code = self._held.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Hold a compiled template."""
        self._held[bucket.key] = bucket.checksum, bucket.code


_COMPILED = _Compiled()


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
        if not (isinstance(self._undefined_obj, dict) or self._undefined_name in ("caller", "undefined")):
            self._fail_with_undefined_error()
        return ""
