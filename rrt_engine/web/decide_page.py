"""Record what a person decided beside what is suggested, and read the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rrt_engine import decisions as kept
from rrt_engine.calendar import Moment, parse_moment
from rrt_engine.checking import Checked, for_the_record
from rrt_engine.decision import NO_CONSENT, REASON_LENGTH, Decision, Suggested, canonical, sha256, shown, written
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.model import plural
from rrt_engine.reports.decision_words import counted, no_entry, origin, plain, recorded, row_words, sentences, verified_words
from rrt_engine.reports.suggestion_words import said_of
from rrt_engine.sources.case_file import read_case
from rrt_engine.web.desk import Desk
from rrt_engine.web.once import Strange, Used
from rrt_engine.web.pages import KEPT, Asked, Missing, Page, Redirect, Shown, Wrong
from rrt_engine.words import as_known_words, as_of_text, day_words

TITLE = "Record a decision"
PER_PAGE = 50
WAIT = 3.0
"""Seconds that a page waits at most while another program writes to the record: then it says so, and nothing is lost."""
_GROUPS = {
    "level": "Before deciding on a level",
    "emergency": "An emergency",
    "duty": "A legal duty, whatever the level",
    "adjunct": "Beside the route",
}
_FIELD = {"--level": "level", "--pathway": "pathway", "--by": "role", "--reason": "reason", "--consent-override": "override"}
_CHOOSE = {
    "level": "Choose the level that was decided",
    "pathway_needed": "Choose at least one pathway",
    "role": "Give the role of the person who decided, such as team manager, and no name",
}
"""What is said of a field that was left empty."""


@dataclass(frozen=True)
class Subject:
    """The case that is decided on: where it comes from, the day, and what is suggested, worked out here and never taken from a form."""

    carried: Mapping[str, str]
    as_of: Moment
    checked: Checked
    suggested: Suggested


# ------------------------------------------------------------------------------------------------ recording one


def decide(desk: Desk, asked: Asked) -> Shown:
    """The form, for a case of the data."""
    return _form(desk, _of_data(desk, asked.path["handle"], asked.one("as_of")))


def decided(desk: Desk, asked: Asked) -> Shown:
    """The form, for a case that was checked; and, once it is filled in, the decision recorded."""
    handle = asked.one("handle")
    subject = _of_data(desk, handle, asked.one("as_of")) if handle else _of_text(desk, asked.one("case_text"), asked.one("as_of"))
    if asked.one("do") != "record":
        return _form(desk, subject)
    wrong, doubts, decision = _read(desk, subject, asked)
    if decision is None:
        return _form(desk, subject, asked, wrong)
    content = _content(decision)
    if again := _again(desk, decision):
        if done := desk.once.before(asked.one("token"), content):
            return _kept(done)  # this very form has recorded it
        doubts = [*doubts, again]
    confirmed = sha256("\n".join(d.text() for d in doubts))
    if doubts and asked.one("confirm") != confirmed:
        named = "Leave out what tells who somebody is, or confirm" if any(d is not again for d in doubts) else "Confirm"
        confirm = Wrong("confirm", f"{named} that it is recorded as it is")
        return _form(desk, subject, asked, [confirm], doubts, confirmed)
    try:
        number = desk.once.do(asked.one("token"), content, lambda: kept.record_decision(desk.record, decision, WAIT).number)
    except Strange:
        said = "The program was started anew since this form was made, and nothing was recorded. Look at it again, then record it"
        return _form(desk, subject, asked, [Wrong("record", said)], doubts, confirmed)
    except Used as used:
        said = f"This form has recorded entry {used.done} already. To record another decision beside it, record it now"
        return _form(desk, subject, asked, [Wrong("record", said)], doubts, confirmed)
    except InputError as error:
        return _form(desk, subject, asked, [Wrong("record", _sentence(d)) for d in error.diagnostics], doubts, confirmed)
    return _kept(number)


def _kept(number: int) -> Redirect:
    return Redirect(f"/decisions/{number}?recorded=yes")


def _again(desk: Desk, decision: Decision) -> Diagnostic | None:
    """A caution that the last entry on the case says the same and is of today; None where it does not, or the record cannot be read."""
    if not desk.record.exists():
        return None
    try:
        with kept.open_record(desk.record, wait=WAIT) as opened:
            entry = kept.said_before(opened, decision)
    except InputError:
        return None  # recording says what is wrong with it
    if entry is None:
        return None
    said = f"entry {entry.number}, recorded today, says the same of this case: the same level, pathways and reason"
    return Diagnostic("record", 0, 0, "again", said, "warning", "", "look at that entry before the same is recorded a second time")


def _of_data(desk: Desk, handle: str, as_of: str) -> Subject:
    held = desk.held(handle)
    if held is None:
        raise Missing("This address names no child in the data. Addresses last until the program ends: find the child again from Today.")
    moment = _moment(as_of) if as_of else desk.today
    return _subject(desk, desk.check(desk.case(held), moment), moment, {"handle": handle})


def _of_text(desk: Desk, text: str, as_of: str) -> Subject:
    if not text.strip():
        raise Missing("There is no case to decide on. Check a case first, or find one from Today.")
    moment = _moment(as_of) if as_of else desk.today
    case = read_case("the case", desk.book, text, lambda: desk.thresholds)
    return _subject(desk, desk.check(case, moment), moment, {"case_text": text})


def _subject(desk: Desk, checked: Checked, as_of: Moment, carried: Mapping[str, str]) -> Subject:
    return Subject({**carried, "as_of": as_of_text(as_of)}, as_of, checked, for_the_record(checked, desk.book, as_of))


def _moment(text: str) -> Moment:
    try:
        return parse_moment(text)
    except ValueError as error:
        said = f"the as-of date is no date: {str(error)[:200]}"
        help = "" if "write it as" in said else "write it as 2026-04-15"
        raise InputError([Diagnostic("as_of", 0, 0, "date", said, "error", "", help)]) from None


def _read(desk: Desk, subject: Subject, asked: Asked) -> tuple[list[Wrong], list[Diagnostic], Decision | None]:
    """The decision in a form, and what looks as if it names somebody; or what is wrong with it, field by field."""
    suggested, level, pathways = subject.suggested, asked.one("level"), desk.thresholds.pathways
    if override := asked.one("override").strip():
        suggested = replace(suggested, consent_override_reason=override)
    try:
        decision = kept.decide(
            suggested,
            {name: pathway.route for name, pathway in pathways.items()},
            at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            role=asked.one("role"),
            level=int(level) if level in ("1", "2", "3", "4") else 0,
            pathways=asked.all("pathway"),
            reason=asked.one("reason"),
            named=_names(desk),
        )
    except InputError as error:
        return _beside(error.diagnostics, asked), [], None
    return [], kept.cautions(decision), decision


def _beside(found: Sequence[Diagnostic], asked: Asked) -> list[Wrong]:
    """What is wrong, at the field where it is put right, in the order of the form."""
    codes = {d.code for d in found}
    unclear = codes & {"level", "pathway_needed", "unknown_pathway"}
    said: dict[str, list[str]] = {field: [] for field in (*_FIELD.values(), "record")}
    for d in found:
        if d.code == "reason_needed" and unclear:
            continue  # whether it differs is not clear yet
        empty = d.code in _CHOOSE and (d.code != "role" or not asked.one("role").strip())
        said[_FIELD.get(d.file, "record")].append(_CHOOSE[d.code] if empty else _sentence(d))
    return [Wrong(field, ". ".join(dict.fromkeys(texts))) for field, texts in said.items() if texts]


def _sentence(found: Diagnostic) -> str:
    """What is wrong, as a page says it: without options of commands."""
    help = "" if "--" in found.help or not found.help else f": {found.help}"
    return f"{found.message[:1].upper()}{found.message[1:]}{help}"


def _content(decision: Decision) -> str:
    """What a form asks to be recorded, whenever it is sent: the same again is the same form sent twice."""
    return sha256(canonical(written(0, "", replace(decision, at=""))))


def _names(desk: Desk) -> dict[str, str]:
    return {name: pathway.label for name, pathway in desk.thresholds.pathways.items()}


def _form(
    desk: Desk,
    subject: Subject,
    asked: Asked | None = None,
    wrong: Sequence[Wrong] = (),
    doubts: Sequence[Diagnostic] = (),
    confirm: str = "",
) -> Page:
    """The form, empty or as it was sent. Where no level is suggested, no route of a level is said to be."""
    suggested, suggestion, book = subject.suggested, subject.checked.suggestion, desk.thresholds
    first = [p for p in suggested.pathways if suggested.level is not None or book.pathways[p].level is None]
    others = [name for name in book.pathways if name not in first]
    of_route = {r: [p for p in others if book.pathways[p].route == r and book.pathways[p].level is None] for r in _GROUPS}
    groups = [
        ("Suggested", first),
        (_GROUPS["emergency"], of_route.pop("emergency")),
        *(
            (f"Level {n}: {book.levels[n].name}", [p for p in others if book.pathways[p].level == n])
            for n in sorted(book.levels, reverse=True)
        ),
        *((_GROUPS[route], names) for route, names in of_route.items()),
    ]
    shown_ = {
        "nav": "decisions",
        "case": shown(suggested.case),
        "as_of": subject.as_of,
        "known": as_known_words(desk.as_known) if "handle" in subject.carried else "",
        "left_out": desk.left_out(subject.carried.get("handle", "")),
        "not_today": _not_today(subject.as_of, desk.now()),
        "said": said_of(suggestion, book) if suggestion else None,
        "always": suggested.level is None,
        "first": first,
        "carried": subject.carried,
        "token": desk.once.token(),
        "levels": [(n, f"Level {n}, {level.name}", level.means) for n, level in sorted(book.levels.items())],
        "groups": groups,
        "names": _names(desk),
        "needs_consent": suggested.consent_status in NO_CONSENT,
        "consent": plain(suggested.consent_status),
        "override": plain(suggested.consent_override_reason),
        "longest": REASON_LENGTH,
        "typed": {name: asked.one(name) if asked else "" for name in ("level", "role", "reason", "override")},
        "ticked": list(asked.all("pathway")) if asked else [],
        "doubts": [f"{d.message[:1].upper()}{d.message[1:]}" for d in doubts],
        "doubted": _doubted(doubts),
        "advice": list(dict.fromkeys(d.help for d in doubts if d.help)),
        "confirm": confirm,
        "confirmed": bool(asked and confirm and asked.one("confirm") == confirm),
        "record": str(desk.record),
    }
    return Page("decide.html.j2", TITLE, shown_, wrong, 422 if wrong else 200, keeps=KEPT)


def _not_today(as_of: Moment, now: Moment) -> str:
    """That the day judged by is not today, in words; empty where it is."""
    if as_of.day == now.day:
        return ""
    which = "before" if as_of.day < now.day else "after"
    days = plural(abs(now.day - as_of.day), "day")
    return (
        f"This case is judged as at {day_words(as_of.day)}, which is not today: it is {days} {which} {day_words(now.day)}. "
        "What is suggested, and what is recorded, is of that day"
    )


def _doubted(doubts: Sequence[Diagnostic]) -> str:
    """What the cautions are about, as a heading."""
    about = [d.code == "again" for d in doubts]
    return "This is recorded already" if all(about) else "Before it is recorded" if any(about) else "This may say who somebody is"


# ------------------------------------------------------------------------------------------------ the record


def decisions(desk: Desk, asked: Asked) -> Shown:
    """The record, the newest first; with a form sent, the decisions on one case, whose id stands in no address."""
    case, differs = asked.one("case").strip(), asked.one("differs") == "yes"
    if not desk.record.exists():
        return _none(desk)
    found: list[kept.Entry] = []
    broken: list[str] = []
    try:
        with kept.open_record(desk.record, wait=WAIT) as opened:
            broken = [problem.text() for problem in kept.verify(opened).problems]
            for entry in kept.entries(opened, case or None):
                if entry.decision.differs or not differs:
                    found.append(entry)
    except InputError as error:
        broken = broken or [_sentence(d) for d in error.diagnostics]
    pages = max(1, -(-len(found) // PER_PAGE))
    page = min(max(1, _number(asked.one("page"))), pages)
    found.reverse()
    rows = found if case else found[(page - 1) * PER_PAGE : page * PER_PAGE]
    shown_ = {
        "record": str(desk.record),
        "exists": True,
        "broken": [shown(text) for text in broken],
        "counted": counted(found),
        "rows": [row_words(entry, _names(desk)) for entry in rows],
        "case": case,
        "differs": differs,
        "page": page,
        "pages": 1 if case else pages,
    }
    return Page("decisions.html.j2", "Decisions", shown_)


def _none(desk: Desk) -> Page:
    """There is no record yet, and looking makes none."""
    return Page("decisions.html.j2", "Decisions", {"record": str(desk.record), "exists": False})


def decision(desk: Desk, asked: Asked) -> Shown:
    """One decision in words."""
    if not desk.record.exists():
        return _none(desk)
    number = _number(asked.path["number"])
    count, entry = 0, None
    try:
        with kept.open_record(desk.record, wait=WAIT) as opened:
            broken = [problem.text() for problem in kept.verify(opened).problems]
            for count, each in enumerate(kept.entries(opened), 1):  # noqa: B007 - how many there are is said below
                entry = each if each.number == number else entry
    except InputError:
        return decisions(desk, asked)  # which says what is wrong with the record
    if entry is None:
        raise Missing(f"{no_entry(asked.path['number'][:20], count).capitalize()}.")
    shown_ = {
        "nav": "decisions",
        "entry": entry,
        "lines": sentences(entry, _names(desk)),
        "recorded": recorded(entry, desk.record) if asked.one("recorded") else [],
        "origin": origin(entry),
        "broken": [shown(text) for text in broken],
        "count": count,
    }
    return Page("decisions_entry.html.j2", "A decision", shown_)


def verified(desk: Desk, asked: Asked) -> Shown:
    """Whether the record is as it was written."""
    if not desk.record.exists():
        return _none(desk)
    expect, wrong, found = asked.one("expect"), [], None
    unread: list[str] = []
    try:
        with kept.open_record(desk.record, wait=WAIT) as opened:
            try:
                found = kept.verify(opened, expect)
            except InputError as error:  # a hash that is none
                wrong = [Wrong("expect", _sentence(d)) for d in error.diagnostics]
    except InputError as error:
        unread = [_sentence(d) for d in error.diagnostics]
    shown_ = {
        "nav": "decisions",
        "found": found,
        "unread": unread,
        "lines": verified_words(found, desk.record) if found else [],
        "cannot_show": kept.CANNOT_SHOW,
        "expect": expect,
        "record": str(desk.record),
    }
    return Page("decisions_verify.html.j2", "Is the record as it was written?", shown_, wrong, 422 if wrong else 200)


def _number(text: str) -> int:
    """A number of the address; 0 where it is none."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 16 else 0
