"""Check a case that somebody types, pastes or uploads: the answer, and what would move if a fact were otherwise.

Everything that was typed or pasted goes from form to form and is stored nowhere; a file is sent back only where somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from rrt_engine.calendar import Moment, as_date, parse_moment
from rrt_engine.checking import Checked
from rrt_engine.diagnostics import Diagnostic, InputError
from rrt_engine.paths import CASES
from rrt_engine.reports.suggestion_words import Moved, moved_of
from rrt_engine.rulebook.strict_yaml import single
from rrt_engine.sources.by_words import LITTLE, event_words, find_events
from rrt_engine.sources.case_file import Case, read_case
from rrt_engine.sources.facts import fact_words, search, value_of
from rrt_engine.thresholds.what_if import changed
from rrt_engine.web import case_form
from rrt_engine.web.answer import answer
from rrt_engine.web.case_fields import Field, child_date, event_fields, fact_fields, value_field
from rrt_engine.web.case_form import Block, Typed, Unfit, case_text, typed_from_data, typed_from_form
from rrt_engine.web.case_mistakes import in_fields, in_text, personal
from rrt_engine.web.desk import Desk
from rrt_engine.web.pages import KEPT, Asked, Download, Missing, Page, Shown, Wrong
from rrt_engine.words import EVIDENCE_WORDS, as_known_words, as_of_text, day_words

TITLE = "Check a case"
LONGEST = 100_000
"""The most characters of a case that is pasted or uploaded: some two thousand events."""
ANSWER_KEPT = "Links on this page open in a new tab, so that this answer stays here."
TO_CHANGE = "To go back to what you typed or pasted, press “Change this case”: your browser’s own way back may lose it: nothing is stored."
_FOUND = 12
_LONG = 1_000
_AS_TRIED = ",evidence=observed,specificity=specific,timing=current"
"""How the suggestion took a fact to be known where it says what would change it (thresholds/trying.py)."""
_NAME = "the case"


@dataclass(frozen=True)
class Day:
    """The day to check as at: whether today's was chosen, what was typed instead, and the day itself, where there is one."""

    chosen: str
    typed: Mapping[str, str]
    moment: Moment | None
    wrong: tuple[Wrong, ...] = ()


def check(desk: Desk, asked: Asked) -> Shown:
    """The form to type a case into, or the one to paste it into; or, of a case in the data, what a changed fact would move."""
    if asked.one("from"):
        return _of_data(desk, asked)
    day = Day("today", {}, desk.today)
    return _text_form(desk, "", day) if asked.one("way") == "text" else _form(desk, asked, Typed(), day)


def checked(desk: Desk, asked: Asked) -> Shown:
    """What a form asked for: the answer, or the form again with something found, added, removed, loaded or mended."""
    if asked.one("from"):
        return _of_data(desk, asked)
    day = _day(desk, asked)
    match asked.one("do"):
        case "example":
            return _example(desk, asked)
        case "change":
            return _change(desk, asked, day)
        case "save":
            return Download("case.yaml", _said_text(asked).encode(), "application/yaml")
        case "as_form":
            return _into_form(desk, asked, day)
    if asked.one("way") == "text" or asked.one("case_text"):  # a form of the answer carries the case as text, however it was typed
        return _check_text(desk, asked, day)
    return _check_typed(desk, asked, day)


# ------------------------------------------------------------------------------------------------ a case as typed


def _check_typed(desk: Desk, asked: Asked, day: Day) -> Shown:
    """The typed form: with one thing added, removed or found, or checked."""
    typed = typed_from_form(asked.form, asked.one("remove"))
    do, facts, events = asked.one("do"), asked.one("fact_words").strip(), asked.one("event_words").strip()
    if max(len(typed.events), len(typed.facts)) > case_form.MOST:
        return _text_form(desk, case_text(typed, desk.book, desk.thresholds)[0], day, [Wrong("case_text", case_form.TOO_MANY)])
    if asked.one("remove"):
        return _form(desk, asked, typed, day)
    if asked.one("add_fact") in desk.thresholds.facts:
        added = Block(asked.one("add_fact"), case_form.starts_as(desk.thresholds.facts[asked.one("add_fact")]))
        return _form(desk, asked, _with(typed, fact=added), day, _full("fact_words", typed.facts), find=False)
    if asked.one("add_event") in desk.book.events:
        return _form(desk, asked, _with(typed, event=Block(asked.one("add_event"))), day, _full("event_words", typed.events), find=False)
    if do == "find" or (do == "enter" and (facts or events)):
        nothing = [] if facts or events else [Wrong("fact_words", "Type a word or two to look for, such as bruise")]
        return _form(desk, asked, typed, day, nothing)
    text, fields = case_text(typed, desk.book, desk.thresholds)
    if do == "as_text":
        return _text_form(desk, text, day)
    wrong = [*day.wrong, *_too_long(asked)]
    found: Case | None = None
    mistakes: Sequence[Diagnostic] = ()
    if typed.events or typed.facts:
        try:
            found = _case(desk, text)
        except InputError as error:
            mistakes = error.diagnostics
    else:
        wrong.append(Wrong("fact_words", "Add at least one fact, or something that happened"))
    wrong += in_fields(mistakes, fields, typed, desk.book, desk.thresholds)
    if wrong or found is None or day.moment is None:
        return _form(desk, asked, typed, day, wrong)
    return _answer(desk, asked, found, day.moment, {"case_text": text, "way": "type"}, personal(text, day.moment))


def _too_long(asked: Asked) -> list[Wrong]:
    """What is longer than anything that a field asks for, so that a page stays one that can be read."""
    said = f"Write no more than {_LONG:,} characters"
    return [Wrong(name, said) for name, values in asked.form.items() if name != "case_text" and len(values[-1]) > _LONG]


def _with(typed: Typed, fact: Block | None = None, event: Block | None = None) -> Typed:
    """The case with one more fact or event, where there is room for it."""
    if fact and len(typed.facts) < case_form.MOST:
        return replace(typed, facts=(*typed.facts, fact))
    if event and len(typed.events) < case_form.MOST:
        return replace(typed, events=(*typed.events, event))
    return typed


def _full(field: str, blocks: Sequence[Block]) -> list[Wrong]:
    many = len(blocks) >= case_form.MOST
    return [Wrong(field, f"The form holds {case_form.MOST}. Paste or upload a longer case as text")] if many else []


def _form(desk: Desk, asked: Asked, typed: Typed, day: Day, wrong: Sequence[Wrong] = (), find: bool = True) -> Page:
    """The form to type a case into, as it stands."""
    book, thresholds = desk.book, desk.thresholds
    fact_words_, event_words_ = (asked.one(name).strip()[:200] if find else "" for name in ("fact_words", "event_words"))
    shown = _common(desk, day) | {
        "case": typed.child.get("case", ""),
        "born": child_date("born", "Date of birth", typed.child, "For example, 27 3 2019"),
        "expected": child_date("expected", "Date the baby is due", typed.child, "If not yet born"),
        "facts": [fact_fields(block, i, thresholds) for i, block in enumerate(typed.facts)],
        "events": [event_fields(block, i, book) for i, block in enumerate(typed.events)],
        "fact_words": fact_words_,
        "event_words": event_words_,
        "found_facts": [_fact_row(desk, name) for name in search(fact_words_, thresholds)[:_FOUND]] if fact_words_ else None,
        "found_events": [_event_row(desk, name) for name in find_events(event_words_, book)[:_FOUND]] if event_words_ else None,
        "all_facts": [
            (title, [_fact_row(desk, name) for name in thresholds.facts if thresholds.domain_of[name] == domain])
            for domain, title in thresholds.domains.items()
        ],
        "all_events": [_event_row(desk, name) for name in sorted(book.events, key=lambda name: book.events[name].title)],
        "little": LITTLE,
        "agencies": sorted({*thresholds.agency_named.values(), *thresholds.not_agencies, "health", "police", "school", "housing"}),
    }
    return Page("check.html.j2", TITLE, shown, wrong, 422 if wrong else 200, keeps=KEPT if typed.facts or typed.events or wrong else "")


def _fact_row(desk: Desk, name: str) -> dict[str, str]:
    label, rest = fact_words(name, desk.thresholds)
    kind = desk.thresholds.facts[name]
    return {"name": name, "title": kind.label, "of": desk.thresholds.domains[desk.thresholds.domain_of[name]], "label": label, "rest": rest}


def _event_row(desk: Desk, name: str) -> dict[str, str]:
    label, rest = event_words(name, desk.book)
    return {"name": name, "title": desk.book.events[name].title, "of": "", "label": label, "rest": rest}


# ------------------------------------------------------------------------------------------------ a case as text


def _check_text(desk: Desk, asked: Asked, day: Day) -> Shown:
    """The text that was pasted or uploaded: checked, or shown again with every mistake at its line."""
    text, wrong = _sent_text(asked)
    wrong += day.wrong
    found = None
    if not wrong or text:
        try:
            found = _case(desk, text)
        except InputError as error:
            wrong += in_text(error.diagnostics, text)
    if wrong or found is None or day.moment is None:
        return _text_form(desk, text, day, wrong)
    way = "type" if asked.one("way") == "type" else "text"
    return _answer(desk, asked, found, day.moment, {"case_text": text, "way": way}, personal(text, day.moment))


def _sent_text(asked: Asked) -> tuple[str, list[Wrong]]:
    """The text to check: of the file, where one was sent, and otherwise of the field. With what keeps it from being read at all."""
    content = asked.files.get("upload", b"")
    text = _said_text(asked)
    if asked.one("do") == "upload" and not content:
        return text, [Wrong("upload", "Choose a file that holds a case; none was chosen, or it is empty")]
    if content:
        if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            said = "This is a workbook or another packed file, and not the text of a case. A workbook of many children is read by rrt serve"
            return text, [Wrong("upload", f"{said} --data FILE")]
        try:
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            return text, [Wrong("upload", "The file is not UTF-8 text. Save it as UTF-8 and choose it again")]
    if len(text) > LONGEST:
        said = f"The text has {len(text):,} characters, more than a case needs: the limit is {LONGEST:,}"
        return ("", [Wrong("upload", said)]) if content else (text, [Wrong("case_text", said)])
    if not text.strip():
        return "", [Wrong("case_text", "Paste a case, or choose a file that holds one")]
    return text, []


def _said_text(asked: Asked) -> str:
    return asked.one("case_text").replace("\r\n", "\n").lstrip("\ufeff\n")


def _text_form(desk: Desk, text: str, day: Day, wrong: Sequence[Wrong] = ()) -> Page:
    shown = _common(desk, day) | {"case_text": text}
    return Page("check_text.html.j2", TITLE, shown, wrong, 422 if wrong else 200, keeps=KEPT if text or wrong else "")


def _into_form(desk: Desk, asked: Asked, day: Day) -> Shown:
    """A case from text into the fields of the form, where they can hold it."""
    text, wrong = _sent_text(asked)
    if wrong:
        return _text_form(desk, text, day, wrong)
    try:
        _case(desk, text)
    except InputError as error:
        return _text_form(desk, text, day, in_text(error.diagnostics, text))
    return _typed_or_text(desk, asked, text, day)


def _typed_or_text(desk: Desk, asked: Asked, text: str, day: Day) -> Shown:
    try:
        typed = typed_from_data(_data(text), desk.book, desk.thresholds)
    except Unfit as unfit:
        return _text_form(desk, text, day, [Wrong("case_text", str(unfit))])
    return _form(desk, asked, typed, day, find=False)


def _change(desk: Desk, asked: Asked, day: Day) -> Shown:
    """Back from the answer to the case, in the form that it came from."""
    text = _said_text(asked)[:LONGEST]
    if asked.one("way") == "text":
        return _text_form(desk, text, day)
    try:
        _case(desk, text)
    except InputError as error:  # the hidden field was altered on its way
        return _text_form(desk, text, day, in_text(error.diagnostics, text))
    return _typed_or_text(desk, asked, text, day)


def _example(desk: Desk, asked: Asked) -> Shown:
    """A case that came with the program, in the form, as at the last day that it speaks of."""
    name = asked.one("example")
    if name not in examples():
        return _form(desk, asked, Typed(), Day("today", {}, desk.today), [Wrong("example", "Choose an example")])
    text = (CASES / "training" / f"{name}.yaml").read_text(encoding="utf-8")
    case = _case(desk, text)
    days = [int(day) for day in case.log.day] + [fact.on for fact in case.every_fact()] + [step.at for step in case.steps]
    day = _day_of(max(days, default=desk.today.day))
    try:
        return _form(desk, asked, typed_from_data(_data(text), desk.book, desk.thresholds), day, find=False)
    except Unfit:
        return _text_form(desk, text, day)


@cache
def examples() -> dict[str, str]:
    """The cases that came with the program, by the name of their file, with what each is about."""
    read = {path.stem: single(path.name, path.read_text(encoding="utf-8")).data for path in sorted((CASES / "training").glob("*.yaml"))}
    titles = {name: str(data.get("title") or name.replace("_", " ")) for name, data in read.items()}
    return dict(sorted(((name, f"{title[:1].upper()}{title[1:]}") for name, title in titles.items()), key=lambda each: each[1]))


def _case(desk: Desk, text: str) -> Case:
    """The case a text holds, by the reader of `rrt check`. Raises InputError with every mistake."""
    return read_case(_NAME, desk.book, text, lambda: desk.thresholds)


def _data(text: str) -> Mapping[str, Any]:
    data: Mapping[str, Any] = single(_NAME, text).data
    return data


# ------------------------------------------------------------------------------------------------ the day


def _day(desk: Desk, asked: Asked) -> Day:
    """The day to check as at: today's where it was chosen, or another that was typed or is carried by a form."""
    typed = {f"as_of-{part}": asked.one(f"as_of-{part}").strip() for part in ("day", "month", "year")}
    if asked.one("as_of"):
        try:
            return _day_of(parse_moment(asked.one("as_of")).day, desk)
        except ValueError:
            return Day("other", typed, None, (Wrong("as_of-day", "Enter the day to check as at"),))
    if asked.one("when") != "other":
        chosen = asked.one("when") == "today"
        return Day("today", typed, desk.today) if chosen else Day("", typed, None, (Wrong("when", "Choose the day to check as at"),))
    wrong = case_form.what_is_wrong(typed, "as_of", "The day to check as at") or "Enter the day to check as at"
    iso = case_form.day_of(typed, "as_of")
    try:
        return Day("other", typed, parse_moment(iso)) if iso else Day("other", typed, None, (Wrong("as_of-day", wrong),))
    except ValueError as error:
        return Day("other", typed, None, (Wrong("as_of-day", str(error)),))


def _day_of(number: int, desk: Desk | None = None) -> Day:
    if desk and number == desk.today.day:
        return Day("today", {}, desk.today)
    day = as_date(number)
    return Day("other", {"as_of-day": str(day.day), "as_of-month": str(day.month), "as_of-year": str(day.year)}, Moment(number))


def _common(desk: Desk, day: Day) -> dict[str, Any]:
    """What both forms show: the day, and the examples."""
    today = not desk.another_day
    words = f"Today, {day_words(desk.today.day)}" if today else f"{day_words(desk.today.day)}, the day these pages were opened for"
    return {
        "nav": "check",
        "today_words": words,
        "when": day.chosen,
        "as_of": child_date("as_of", "The other day, if you chose it", day.typed),
        "examples": examples(),
    }


# ------------------------------------------------------------------------------------------------ the answer


def _of_data(desk: Desk, asked: Asked) -> Shown:
    """A case of the data, with what a changed fact would move. It is not written as text: that could not say what its sources cover."""
    held = desk.held(asked.one("from"))
    if held is None:
        raise Missing("The program was started anew since that page was made. Find the case again from Today.")
    try:
        moment = parse_moment(asked.one("as_of")) if asked.one("as_of") else desk.today
    except ValueError as error:
        raise Missing(str(error)) from None
    return _answer(desk, asked, desk.case(held), moment, {"from": asked.one("from")}, ())


def _answer(desk: Desk, asked: Asked, case: Case, as_of: Moment, carried: Mapping[str, str], doubts: Sequence[str]) -> Page:
    """The answer, with a fact changed where somebody asked what that would move."""
    trying = bool(asked.one("try") or asked.one("fact"))
    found = desk.check(case, as_of, suggest=True if trying else None)
    carried = {**carried, "as_of": as_of_text(as_of)}
    trial, moved, wrong = _what_if(desk, asked, found) if found.question else (None, None, [])
    shown = {
        "nav": "check",
        "as_of": as_of,
        "known": as_known_words(desk.as_known) if "from" in carried else "",
        "a": answer(found if case.every_fact() else replace(found, suggestion=None), desk.book, desk.thresholds, as_of),
        "carried": carried,
        "doubts": doubts,
        "quick": _quick(desk, found),
        "choices": _choices(desk, case),
        "chosen": asked.one("fact"),
        "trial": trial,
        "moved": moved,
    }
    keeps = f"{ANSWER_KEPT} {TO_CHANGE}" if "case_text" in carried else ANSWER_KEPT if asked.sent else ""
    return Page("check_answer.html.j2", "Check a case: what it points to", shown, wrong, 422 if wrong else 200, keeps=keeps)


def _what_if(desk: Desk, asked: Asked, found: Checked) -> tuple[dict[str, Any] | None, Moved | None, list[Wrong]]:
    """The fields of the fact to change, what the change moves, and what is wrong with it."""
    name, _, value = asked.one("try").partition("=") if asked.one("try") else (asked.one("fact"), "", asked.one("change-value").strip())
    evidence = asked.one("change-evidence") if not asked.one("try") else ""
    kind = desk.thresholds.facts.get(name)
    if kind is None:
        return None, None, [Wrong("fact", "Choose a fact to change")] if asked.one("do") in ("choose", "move") else []
    options = (("", "As recorded, or else seen by a worker"), *EVIDENCE_WORDS.items())
    trial = {
        "fact": name,
        "label": kind.label,
        "value": value_field("change-value", value, kind),
        "evidence": Field("change-evidence", "How would it be known?", "select", evidence, options),
    }
    if asked.one("do") != "move" and not asked.one("try"):
        return trial, None, []
    if not value:
        return trial, None, [Wrong("change-value", "Choose what it would be")]
    if value_of(value, kind) is None:
        return trial, None, [Wrong("change-value", f"`{value[:40]}` is not something this fact can be")]
    assert found.question and found.suggestion
    try:
        more = f",evidence={evidence}" if evidence else _AS_TRIED if asked.one("try") else ""
        question, words = changed(found.question, [f"{name}={value}{more}"], desk.thresholds)
    except InputError as error:
        return trial, None, [Wrong("change-evidence", error.diagnostics[0].message)]
    return trial, moved_of(found.suggestion, desk.suggestion(question), words, desk.thresholds), []


def _quick(desk: Desk, found: Checked) -> list[tuple[str, str]]:
    """The changes that the suggestion itself says would matter, each as a button: what it sends, and its words."""
    buttons = []
    for missing in found.suggestion.missing if found.suggestion else ():
        kind = desk.thresholds.facts[missing.fact]
        value = "true" if missing.value == "yes" else missing.value.replace(" ", "_")
        if value_of(value, kind) is not None:
            buttons.append((f"{missing.fact}={value}", f"{kind.label}{'' if missing.value == 'yes' else f': {missing.value}'}"))
    return buttons[:6]


def _choices(desk: Desk, case: Case) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every fact that could be changed, by domain; those recorded stand first."""
    facts, domain_of = desk.thresholds.facts, desk.thresholds.domain_of
    recorded = list(dict.fromkeys(fact.id for fact in case.every_fact()))
    groups = [("Recorded here", [(name, facts[name].label) for name in recorded])] if recorded else []
    for domain, title in desk.thresholds.domains.items():
        groups.append((title, [(name, kind.label) for name, kind in facts.items() if domain_of[name] == domain and name not in recorded]))
    return [group for group in groups if group[1]]
