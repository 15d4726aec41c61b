"""From tables of the Standard Safeguarding Dataset to an event log: the same whether they came from files or a database.

A table that a build creates and never fills says nothing: an empty column is not a thing that never happened. So a kind of
event is carried only where its column holds at least one date, and each kind counts from where its history begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rrt_engine.calendar import NO_DAY, NO_INSTANT, as_date
from rrt_engine.diagnostics import InputError
from rrt_engine.model import Attribute, AttributeValue, Bools, Coverage, EventLog, Int32s, Int64s, plural
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.sources.builder import sorted_log
from rrt_engine.sources.event_log_columns import Coded, brief
from rrt_engine.sources.reading import Reading
from rrt_engine.sources.ssd_columns import SHOWN, Account, Held, Rows, mapped, rows_of
from rrt_engine.sources.ssd_links import link
from rrt_engine.sources.ssd_shapes import Attr, Makes
from rrt_engine.sources.ssd_tables import LAST, PRECEDENCE, TABLES
from rrt_engine.sources.ssd_targets import compare_targets

FORMAT = "SSD"
_ORDER = {kind: i for i, kind in enumerate(PRECEDENCE)} | {kind: 1000 + i for i, kind in enumerate(LAST)}
_OPEN_ENDED = (
    "birth",
    "child_died",
    "looked_after_started",
    "cp_plan_started",
    "cin_plan_started",
    "placement_started",
    "legal_status_changed",
)
"""Kinds that an extract of some years holds from before its first day, because what they began goes on."""
_PASSING = (
    "contact_received", "referral_received", "assessment_started", "strategy_discussion_held", "icpc_held", "cin_visit", "cp_visit",
    "lac_visit", "rcpc_held", "lac_review_held",
)  # fmt: skip
"""Kinds that are over on their day, from which an extract's first day is seen."""
_STRAY = 1000
"""One date in so many may be mistyped long ago without moving the day on which the history is taken to begin."""
_FILLED_LATER = 183
"""How many days later than the rest a kind may first be seen, and still be taken to have been recorded all along."""


@dataclass(frozen=True)
class _Block:
    """The events of one kind from one table, in the order of its rows. `begun` is the main date of each row."""

    kind: str
    child: Int32s
    day: Int32s
    begun: Int32s
    instant: Int64s | None
    span: Int32s | None
    ref: Coded | None
    attributes: Mapping[str, Attribute]
    suspect: Bools | None
    latest: bool
    label: str
    row: Int32s

    def __len__(self) -> int:
        return len(self.child)


def read_tables(held: Mapping[str, Held], book: RuleBook, account: Account) -> Reading:
    """The event log of the tables that were found, and everything worth saying. Raises InputError where nothing is usable."""
    children: dict[str, int] = {}
    rows: dict[str, Rows] = {}
    empty = [each.label for each in held.values() if not each.n and not each.spoiled]
    for table in TABLES:
        if table.name in held and (held[table.name].n or held[table.name].spoiled):
            rows[table.name] = rows_of(held[table.name], children, rows, account)
    if empty:
        says = f"{plural(len(empty), 'table')} without rows: {', '.join(sorted(empty))}"
        account.say(
            "empty_table", says, "note", "what they would hold is not carried: nothing is said to be on time or overdue from silence"
        )
    if not any(len(each) for each in rows.values()):
        if not account.rejected:
            account.say("no_rows", "its tables hold no rows", "error", "check that the extract was run")
        raise InputError(account.problems)
    born, expected = _births(rows.get("person"), len(children))
    _known_before_birth(rows, born)
    link(rows, born, expected, account)
    blocks = [block for each in rows.values() for makes in each.table.makes if len(block := _block(each, makes, account))]
    blocks.sort(key=lambda block: _ORDER.get(block.kind, 500))
    _not_dated(rows, account)
    _none_open(rows, account)
    compare_targets(rows, book.calendar, account)
    log = sorted_log(_log(blocks, children, born, expected, rows, _coverage(blocks, rows, account)))
    said = sorted(account.problems, key=lambda d: ("error", "warning", "note").index(d.severity))  # what matters most comes first
    return Reading(log, FORMAT, account.read, account.used, tuple(account.rejected), tuple(said))


def _births(people: Rows | None, n: int) -> tuple[Int32s, Int32s]:
    """Each child's date of birth and expected date of birth."""
    born, expected = np.full(n + 1, NO_DAY, np.int32), np.full(n + 1, NO_DAY, np.int32)
    if people is not None:
        born[people.child], expected[people.child] = people.day("pers_dob"), people.day("pers_expected_dob")
    return born, expected


def _known_before_birth(rows: Mapping[str, Rows], born: Int32s) -> None:
    """Mark the children whom some table knows before their birth: of them the birth is an event."""
    people = rows.get("person")
    if people is None:
        return
    first = np.full(len(born), np.iinfo(np.int32).max, np.int32)
    for name in ("contacts", "cin_episodes", "s47_enquiry", "initial_cp_conference", "cp_plans"):
        if name in rows:
            day = rows[name].day(rows[name].table.main)
            np.minimum.at(first, rows[name].child, np.where(day == NO_DAY, np.iinfo(np.int32).max, day))
    people.mask[".known_before_birth"] = first[people.child] < born[people.child]


def _block(rows: Rows, makes: Makes, account: Account) -> _Block:
    """The events of one kind that rows of a table become."""
    when = rows.when.get(makes.at)
    day = rows.day(makes.at)
    there = day != NO_DAY
    if makes.only:
        there &= rows.mask[makes.only]
    at = np.flatnonzero(there)
    attributes = {}
    for attr in makes.attributes:
        values = _attribute(rows, attr, account)
        if values is not None and bool((values.codes[at] >= 0).any()):
            attributes[attr.name] = Attribute(values.codes[at], values.values)
    return _Block(
        makes.kind,
        rows.child[at],
        day[at],
        np.where(rows.day(rows.table.main)[at] == NO_DAY, day[at], rows.day(rows.table.main)[at]) if rows.table.main else day[at],
        None if when is None or when.instant is None else when.instant[at],
        None if when is None or when.span is None else when.span[at],
        _ref(rows, makes.ref, at),
        attributes,
        None if rows.suspect is None else rows.suspect[at],
        makes.latest,
        rows.label,
        rows.row[at],
    )


def _attribute(rows: Rows, attr: Attr, account: Account) -> Attribute | None:
    """One attribute of the rows; texts that cannot be read are warned of, once a field."""
    if attr.field in rows.made:
        return rows.made[attr.field]
    texts = rows.text.get(attr.field)
    if texts is None:
        return None
    wrong: dict[int, str] = {}
    for i, text in enumerate(texts.values):
        try:
            attr.reads(text)
        except ValueError:
            wrong[i] = text
    key = f"{rows.label} {attr.field}"
    if wrong and not any(d.code == "value" and d.place == key for d in account.problems):
        shown = ", ".join(f"`{brief(text)}`" for text in list(wrong.values())[:SHOWN])
        count = int(np.isin(texts.codes, list(wrong)).sum())
        account.say("value", f"{plural(count, 'row')} with a value that is not known: {shown}", "warning", "taken as not recorded", key)
    return mapped(texts, attr.reads)


def _ref(rows: Rows, fields: Sequence[str], at: Int64s) -> Coded | None:
    """What each event belongs to, as a path such as `R1/S2`; the last part alone where the first is not recorded."""
    if not fields:
        return None
    inner = (rows.id if fields[-1] == rows.table.id else rows.codes(fields[-1])).take(at)
    names = [name.replace("/", "_") for name in inner.values]
    if len(fields) == 1:
        return Coded(inner.codes, names)
    outer = rows.codes(fields[0]).take(at)
    pair = np.where(inner.codes < 0, -1, inner.codes.astype(np.int64) * (len(outer.values) + 1) + outer.codes + 1)
    distinct, codes = np.unique(pair, return_inverse=True)
    width = len(outer.values) + 1
    before = [name.replace("/", "_") for name in outer.values]
    paths = [
        "" if p < 0 else names[p // width] if not p % width else f"{before[p % width - 1]}/{names[p // width]}" for p in distinct.tolist()
    ]
    blank = len(paths) > 0 and not paths[0]
    return Coded((codes.astype(np.int32) - 1) if blank else codes.astype(np.int32), paths[1:] if blank else paths)


# ---------------------------------------------------------------------------------------------------- the log


def _log(
    blocks: Sequence[_Block], children: Mapping[str, int], born: Int32s, expected: Int32s, rows: Mapping[str, Rows], coverage: Coverage
) -> EventLog:
    """The blocks as one log. Only children of whom some table but the list of persons holds a row are in it."""
    present = np.zeros(len(children), np.bool_)
    for name, each in rows.items():
        if name != "person":
            present[each.child] = True
    for block in blocks:
        if block.kind != "child_died":
            present[block.child] = True
    blocks = [_of(block, present) for block in blocks]
    names = [name for name, code in children.items() if present[code]]
    by_name = sorted(range(len(names)), key=names.__getitem__)
    old = np.flatnonzero(present)[by_name] if names else np.zeros(0, np.int64)
    number = np.full(len(children) + 1, -1, np.int32)
    number[old] = np.arange(len(old), dtype=np.int32)
    kinds = sorted({block.kind for block in blocks})
    labels = sorted({block.label for block in blocks})
    sizes = [len(block) for block in blocks]
    n = sum(sizes)

    def joined(name: str, empty: int, dtype: type) -> np.ndarray[tuple[int], np.dtype[np.generic]] | None:
        """A column that blocks may lack; None where all do."""
        columns = [getattr(block, name) for block in blocks]
        if all(column is None for column in columns):
            return None
        return np.concatenate([np.full(size, empty, dtype) if c is None else c for c, size in zip(columns, sizes, strict=True)]).astype(
            dtype
        )

    refs, ref = _joined_refs(blocks)
    suspect = joined("suspect", 0, np.bool_)
    latest = np.concatenate([np.full(len(b), b.latest) for b in blocks]) if blocks else np.zeros(0, np.bool_)
    return EventLog(
        children=np.array([names[i] for i in by_name], dtype=object),
        kinds=tuple(kinds),
        child=number[np.concatenate([b.child for b in blocks])] if blocks else np.zeros(0, np.int32),
        kind=np.concatenate([np.full(len(b), kinds.index(b.kind), np.int16) for b in blocks]) if blocks else np.zeros(0, np.int16),
        day=np.concatenate([b.day for b in blocks]) if blocks else np.zeros(0, np.int32),
        instant=joined("instant", NO_INSTANT, np.int64),  # type: ignore[arg-type]
        span=joined("span", 0, np.int32),  # type: ignore[arg-type]
        ref=ref if refs else None,
        refs=refs,
        latest_only=latest if latest.any() else None,
        suspect=suspect if suspect is not None and suspect.any() else None,  # type: ignore[arg-type]
        attributes={name: _joined_attribute(blocks, name, n) for name in sorted({a for b in blocks for a in b.attributes})},
        born=born[old] if (born[old] != NO_DAY).any() else None,
        expected=expected[old] if (expected[old] != NO_DAY).any() else None,
        coverage=coverage,
        origins=tuple(labels),
        origin=np.concatenate([np.full(len(b), labels.index(b.label), np.int32) for b in blocks]) if blocks else np.zeros(0, np.int32),
        origin_row=np.concatenate([b.row for b in blocks]) if blocks else np.zeros(0, np.int32),
    )


def _of(block: _Block, present: Bools) -> _Block:
    """The events of a block that are of children in the log (a death of a person of whom nothing else is held is not)."""
    keep = present[block.child]
    if keep.all():
        return block
    return _Block(
        block.kind,
        block.child[keep],
        block.day[keep],
        block.begun[keep],
        None if block.instant is None else block.instant[keep],
        None if block.span is None else block.span[keep],
        None if block.ref is None else block.ref.take(keep),
        {name: Attribute(a.codes[keep], a.values) for name, a in block.attributes.items()},
        None if block.suspect is None else block.suspect[keep],
        block.latest,
        block.label,
        block.row[keep],
    )


def _joined_refs(blocks: Sequence[_Block]) -> tuple[tuple[str, ...], Int32s]:
    """Every distinct ref in order, and each event's as a code into them."""
    codes: dict[str, int] = {}
    parts = []
    for block in blocks:
        if block.ref is None:
            parts.append(np.full(len(block), -1, np.int32))
            continue
        used = np.unique(block.ref.codes[block.ref.codes >= 0])
        table = np.full(len(block.ref.values) + 1, -1, np.int32)
        table[used] = [codes.setdefault(block.ref.values[i], len(codes)) for i in used.tolist()]
        parts.append(table[block.ref.codes])
    names = sorted(codes)
    rank = np.empty(len(names) + 1, np.int32)
    rank[[codes[name] for name in names]] = np.arange(len(names), dtype=np.int32)
    rank[-1] = -1
    return tuple(names), rank[np.concatenate(parts)] if parts else np.zeros(0, np.int32)


def _joined_attribute(blocks: Sequence[_Block], name: str, n: int) -> Attribute:
    """One attribute over all blocks."""
    values: dict[tuple[type, AttributeValue], int] = {}
    codes = np.full(n, -1, np.int32)
    here = 0
    for block in blocks:
        own = block.attributes.get(name)
        if own is not None:
            table = np.array([*(values.setdefault((type(v), v), len(values)) for v in own.values), -1], np.int32)
            codes[here : here + len(block)] = table[own.codes]
        here += len(block)
    return Attribute(codes, tuple(value for _, value in values))


# ---------------------------------------------------------------------------------------------------- what is covered


def _coverage(blocks: Sequence[_Block], rows: Mapping[str, Rows], account: Account) -> Coverage:
    """The kinds these tables carry, from when each is recorded, and those of which only the latest date is held."""
    makes = [(m, each) for each in rows.values() for m in each.table.makes if m.carried]
    present = {block.kind for block in blocks}
    kinds = {m.kind for m, _ in makes if m.kind in present}
    if "person" in rows and "pers_death_date" in rows["person"].when:
        kinds.add("child_died")
    latest = {m.kind for m, _ in makes if m.latest and m.kind in kinds}
    if "short_break_started" in kinds and not _reviewed_breaks(rows):
        kinds -= {"short_break_started", "short_break_ended"}
        says = "no review of a child in short breaks is recorded, so the tables may not hold them: short breaks are not judged"
        account.say("short_break_reviews", says, "note")
    _say_last(blocks, account)
    return Coverage(frozenset(kinds), _since([b for b in blocks if b.kind in kinds and not b.latest]), frozenset(latest))


def _reviewed_breaks(rows: Mapping[str, Rows]) -> bool:
    """Whether any child in single short breaks has a review on or after the first of them."""
    episodes, reviews = rows.get("cla_episodes"), rows.get("cla_reviews")
    if episodes is None or reviews is None:
        return False
    first: dict[int, int] = {}
    breaks = np.flatnonzero(episodes.mask[".break"])
    for child, day in zip(episodes.child[breaks].tolist(), episodes.day("clae_cla_episode_start_date")[breaks].tolist(), strict=True):
        first[child] = min(day, first.get(child, day))
    held = np.flatnonzero(reviews.mask[".held"] & np.isin(reviews.child, list(first)))
    days = reviews.day("clar_cla_review_date")
    return any(days[i] != NO_DAY and days[i] >= first[int(reviews.child[i])] for i in held.tolist())


def _say_last(blocks: Sequence[_Block], account: Account) -> None:
    """Say up to when the tables go: replayed much later, all that runs looks overdue."""
    passing = [block.day for block in blocks if block.kind in _PASSING]
    if passing:
        days = np.sort(np.concatenate(passing))
        last = as_date(int(days[len(days) - 1 - len(days) // _STRAY]))
        says = f"the last events are of {last.day} {last:%B %Y}"
        account.say(
            "recorded_to", says, "note", "replay the tables as at the day they were extracted: later, what is running looks overdue"
        )


def _since(blocks: Sequence[_Block]) -> dict[str, int]:
    """The day from which each kind is recorded: an extract holds some years, and some builds began a form later.

    An ending counts from when what it ends began, for both stand in one row.
    """
    days = {kind: np.sort(np.concatenate([b.begun for b in blocks if b.kind == kind])) for kind in {b.kind for b in blocks}}
    passing = [d for kind, d in days.items() if kind in _PASSING]
    if not passing:
        passing = [d for kind, d in days.items() if kind not in _OPEN_ENDED]
    if not passing:
        return {}
    together = np.sort(np.concatenate(passing))
    window = int(together[len(together) // _STRAY])
    since = {}
    for kind, of_kind in days.items():
        if kind not in _OPEN_ENDED:
            own = int(of_kind[len(of_kind) // _STRAY])
            since[kind] = own if own > window + _FILLED_LATER else window
    return dict(sorted(since.items()))


def _not_dated(rows: Mapping[str, Rows], account: Account) -> None:
    """Say which rows have not happened yet, and what of the tables cannot be dated."""
    for each in rows.values():
        if each.table.blank and each.table.main:
            none = int((each.day(each.table.main) == NO_DAY).sum())
            if none:
                says = f"{plural(none, 'row')} without `{each.table.main}`: {each.table.blank}, so no event"
                account.say("not_yet", says, "note", place=each.label)
    leavers = rows.get("care_leavers")
    if leavers is not None:
        undated = int((leavers.day("clea_care_leaver_latest_contact") == NO_DAY).sum())
        if undated:
            says = f"{plural(undated, 'care leaver')} without a date of contact: how they live is recorded on no day, and is not read"
            account.say("undated", says, "note", place=leavers.label)
    if "contacts" in rows and rows["contacts"].mask[".outcome_known"].any():
        says = "the outcome of a contact has no date: it stands on the day of the contact, and no rule judges how soon it came"
        account.say("undated", says, "note", place=rows["contacts"].label)


def _none_open(rows: Mapping[str, Rows], account: Account) -> None:
    """Say where a build shows nothing as open: some builds leave out forms that are not complete."""
    for name, end, what in (
        ("cin_assessments", "cina_assessment_auth_date", "assessment"),
        ("s47_enquiry", "s47e_s47_end_date", "section 47 enquiry"),
    ):
        each = rows.get(name)
        if each is None or not len(each) or bool((each.day(end) == NO_DAY).any()):
            continue
        many = "enquiries" if name == "s47_enquiry" else "assessments"
        says = f"every one of {plural(len(each), what, what.replace('enquiry', 'enquiries') if 'enquiry' in what else '')} is complete"
        help = f"a build that leaves out open {many} (as those for Eclipse do) looks the same: what is open now is then not shown"
        account.say("none_open", says, "warning", help, each.label)
