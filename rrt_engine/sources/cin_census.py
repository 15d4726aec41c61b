"""Read a children in need census return: the XML file that every authority sends to the DfE each year.

The census has no times of day, no visits, no contacts and no decision dates, and its years run from 1 April to
31 March. What is derived rather than written in the file, so that nothing is invented unseen:

- A section 47 enquiry is taken to start with the strategy discussion held the same day.
- "Conference not required" carries no date; it is placed on the day the enquiry started.
- A plan starts on the day of its conference (rule 2885). Where no conference has that date one is placed there, with a
  ref of its own, and counted in a warning.
- A conference date beside the referral, not inside an enquiry, belongs to a family that moved in: the referral date is
  then the day the move was notified.
- An offer of family group decision-making made in the letter before proceedings is dated by that letter.
- `AssessmentInternalReviewDate` and the supplied `InitialCPCtarget` start and answer nothing. The target is worked out
  afresh, and every difference is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree

from rrt_engine.calendar import as_date, day_number, parse_moment
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import Coverage, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.builder import LogBuilder
from rrt_engine.sources.cin_census_episodes import Episodes
from rrt_engine.sources.cin_census_modules import Counted, Shape, line_of, local_name, shown
from rrt_engine.sources.cin_census_schema import (
    CARRIED,
    CARRIED_FROM_2026,
    DATED_BY_THE_DISCUSSION,
    NOT_CUT_OFF,
    ORDER,
    PLACES,
    WHOLE,
    nearest,
)
from rrt_engine.sources.reading import Reading
from rrt_engine.sources.xml_mistakes import SAFE, not_well_formed

FORMAT = "CIN census"
ICPC_WORKING_DAYS = 15
"""The census works out its conference target as 15 working days after the strategy discussion (DfE guide, InitialCPCtarget)."""


def looks_like_cin_census(path: Path | str) -> bool:
    """Whether a file begins as a children in need census return does; reads its first bytes only."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    text = head.decode("utf-16", "ignore") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head.decode("latin-1")
    if re.search(r"<(\w+:)?Message[\s>]", text):
        collection = re.search(r"<(?:\w+:)?Collection>\s*(\w+)", text)
        return collection[1].upper() == "CIN" if collection else "CINdetails" in text or "LAchildID" in text
    return bool(re.search(r"<(\w+:)?CINdetails", text))


def read_cin_census(path: Path | str, book: RuleBook) -> Reading:
    """Read a census return. Raises InputError when it is not one, with every tag that the DfE schema does not have."""
    census = _Census(str(path), book)
    for child in _children(path, census):
        census.read_child(child)
    return census.reading()


def _children(path: Path | str, census: _Census) -> Iterator[Any]:
    """Each Child element in turn, whole; each is forgotten once read, so that memory does not grow with the file."""
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            _check_root(etree.iterparse(file, events=("start",), **SAFE), census)
            file.seek(0)
            for _, element in etree.iterparse(file, events=("end",), tag=("{*}Child", "{*}Header"), chunk_size=1 << 18, **SAFE):
                if element.tag.endswith("Header"):
                    census.read_header(element)
                    continue
                yield element
                element.clear(keep_tail=False)
                parent = element.getparent()
                if parent is not None:
                    while parent[0] is not element:
                        del parent[0]
    except OSError as error:
        raise InputError([Diagnostic(name, 0, 0, "unreadable", f"cannot read the file: {error.strerror or error}")]) from None
    except etree.XMLSyntaxError as error:
        line, column = error.position
        if Path(path).stat().st_size == 0:
            raise InputError([Diagnostic(name, 0, 0, "empty", "the file is empty", help="export the census return again")]) from None
        raise InputError(
            [
                Diagnostic(
                    name,
                    max(line, 0),
                    max(column, 0),
                    "xml",
                    not_well_formed(error),
                    help="nothing was read, because what follows cannot be trusted; export the census return again",
                )
            ]
        ) from None


def _coverage(kinds: frozenset[str], since: int | None) -> Coverage:
    """What a return can hold: what was open in its year or ended in it, and nothing after the 31 March that ends it."""
    if since is None:
        return Coverage(kinds)
    last = day_number(date(as_date(since).year + 1, 3, 31))
    whole = frozenset(pair for pair in WHOLE if set(pair) <= kinds)
    return Coverage(kinds, dict.fromkeys(sorted(kinds - NOT_CUT_OFF), since), until={"": last}, whole=whole)


def _check_root(events: Iterator[tuple[str, Any]], census: _Census) -> None:
    """Refuse a document type or entities before anything else is read; note the name of the outermost element."""
    for _, root in events:
        if root.getroottree().docinfo.doctype:
            raise InputError(
                [
                    Diagnostic(
                        census.file,
                        1,
                        1,
                        "doctype",
                        "the file declares a document type (DOCTYPE), which a census return never has; it is refused unread",
                        help="remove the DOCTYPE, or export the census return again",
                    )
                ]
            )
        census.root = local_name(root.tag)
        census.root_line = root.sourceline or 1
        return


class _Census:
    """One return while it is read."""

    def __init__(self, file: str, book: RuleBook) -> None:
        self.file = file
        self.book = book
        self.builder = LogBuilder(book.events)
        self.name = Path(file).name
        self.builder.origin(self.name)
        self.root, self.root_line = "", 1
        self.header: dict[str, tuple[str, int]] = {}
        self.shape = Shape()
        self.episodes = Episodes(self.name, self.builder)
        self.children = 0

    def read_header(self, header: Any) -> None:
        """The collection, its year and its reference date."""
        for element in header.iter(etree.Element):
            self.header.setdefault(local_name(element.tag), ((element.text or "").strip(), line_of(element)))

    def read_child(self, element: Any) -> None:
        """One child. Once a wrong tag is met the file will be refused, and only the count of such tags still matters."""
        self.children += 1
        child = self.shape.module(element, "Child")
        if not self.shape.wrong:
            self.episodes.read_child(child)

    def reading(self) -> Reading:
        """The log, and everything worth saying about the file. Raises InputError when it is not a census return."""
        self.refuse_if_wrong()
        diagnostics: list[Diagnostic] = []

        def say(code: str, counted: Counted | None, message: str, help: str = "", severity: Any = "warning", line: int = 0) -> None:
            if counted is not None:
                message, line = f"{message}: {counted.n} in all, at {counted.at()}", counted.lines[0]
            diagnostics.append(Diagnostic(self.file, line, 1 if line else 0, code, message, severity, help=help))

        since = self.first_day(say)
        for why, counted in self.episodes.rejected_as.items():
            say("rejected", counted, f"not used, because {why}", "mend the records and export the return again")
        for rule, counted in sorted(self.episodes.order.items()):
            if rule in ORDER:
                say(f"cin_{rule}", counted, f"rule {rule}: {ORDER[rule]}", "nothing is said about duties that rest on these dates")
        say_2884 = "rule 2884: the same initial conference is recorded with the referral and in a section 47 enquiry"
        if "2884" in self.episodes.order:
            say(
                "cin_2884",
                self.episodes.order["2884"],
                say_2884,
                "it is read once, as the enquiry's, and not as a move into the area",
            )
        if "2885" in self.episodes.order:
            say(
                "cin_2885",
                self.episodes.order["2885"],
                "rule 2885: a child protection plan starts on a day with no conference; one is taken to have been held that day",
                "record the conference's date in the section 47 enquiry, or with the referral where the family moved in",
            )
        for message, counted in self.episodes.warned.items():
            say("value", counted, message)
        for tag, counted in self.shape.repeated.items():
            say("repeated", counted, f"`{tag}` stands twice in one module; the first is read")
        for (tag, module), counted in self.shape.unknown.items():
            say("unknown_tag", counted, f"`{tag}` in `{module}` is not in the DfE schema known here and is not read")
        self.compare_targets(say)
        if not self.children:
            say("no_children", None, "the return has no children in it", severity="note")
        kinds = (*CARRIED, *CARRIED_FROM_2026) if self.episodes.pre_proceedings else CARRIED
        log = self.builder.build(_coverage(frozenset(kinds) - frozenset(DATED_BY_THE_DISCUSSION), since))
        read, rejected = self.episodes.read, tuple(self.episodes.rejected)
        return Reading(log, FORMAT, read, read - len(rejected), rejected, tuple(diagnostics))

    def refuse_if_wrong(self) -> None:
        """Refuse a file that is not the DfE schema: every wrong tag once, with its count."""
        problems: list[Diagnostic] = []
        collection, line = self.header.get("Collection", ("", 0))
        if collection and collection.upper() != "CIN":
            message = f"the header says this is the collection `{shown(collection)}`; expected `CIN`, the children in need census"
            problems.append(Diagnostic(self.file, line, 1, "collection", message, help="choose the census return, or another format"))
        if self.root != "Message":
            message = f"the outermost tag is `{shown(self.root)}`; the DfE schema has `Message`"
            help = "export the return in the form sent to the DfE: Message, with Header and Children inside"
            problems.append(Diagnostic(self.file, self.root_line, 1, "wrong_root", message, help=help))
        for (tag, module), counted in self.shape.wrong.items():
            if tag in PLACES:
                expected = f"has it in {' and '.join(f'`{p}`' for p in PLACES[tag])}"
            else:
                expected = f"has `{nearest(tag)}`"
            message = f"`{shown(tag)}` stands in `{module}`, {plural(counted.n, 'time')}, at {counted.at()}; the DfE schema {expected}"
            help = "the two say the opposite: true must become false, and false true" if tag.casefold() == "icpcrequired" else ""
            problems.append(Diagnostic(self.file, counted.lines[0], 1, "wrong_tag", message, help=help))
        if problems:
            raise InputError(problems)

    def first_day(self, say: Any) -> int | None:
        """The first day of the census year: what had ended before it is not in the return."""
        text, line = self.header.get("ReferenceDate", ("", 0))
        try:
            reference = as_date(parse_moment(text).day)
        except ValueError:
            found = f"`{shown(text)}`" if text else "nothing"
            message = f"`ReferenceDate` in the header should be the 31 March that ends the census year; found {found}"
            say(
                "reference_date",
                None,
                message,
                "without it what happened before the year began or after it ended may look as if it had been missed",
                line=line,
            )
            return None
        if (reference.month, reference.day) != (3, 31):
            message = f"`ReferenceDate` is `{text}`, not a 31 March; the census year is taken to be the one that holds it"
            say("reference_date", None, message, line=line)
        year = reference.year if reference.month >= 4 else reference.year - 1
        return day_number(reference.replace(year=year, month=4, day=1))

    def compare_targets(self, say: Any) -> None:
        """Say how many supplied conference targets differ from the one worked out here."""
        if not self.episodes.targets:
            return
        ours = self.book.calendar.add_working_days(np.array(self.episodes.s47_days, np.int64), ICPC_WORKING_DAYS)
        different = np.flatnonzero(ours != np.array(self.episodes.targets, np.int64))
        if not len(different):
            return
        shown = [
            f"line {self.episodes.target_lines[i]} has {as_date(self.episodes.targets[i])}, which should be {as_date(int(ours[i]))}"
            for i in different[:3].tolist()
        ]
        message = (
            f"{len(different):,} of {plural(len(self.episodes.targets), 'supplied conference target')} (`InitialCPCtarget`) "
            f"{'is' if len(different) == 1 else 'are'} not {ICPC_WORKING_DAYS} working days after the enquiry started: {'; '.join(shown)}"
        )
        help = "supplied targets are never used; tell the supplier of the case-management system"
        say("target_differs", None, message, help, line=self.episodes.target_lines[int(different[0])])
