"""A very long case is a page that opens: the newest of much of a kind is shown, all of it is counted, and what is not shown is said."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from rrt_engine import checking
from rrt_engine.calendar import as_date, parse_moment
from rrt_engine.checking import NEWEST, NEWEST_SETTLED, check_case
from rrt_engine.reports import timeline_picture
from rrt_engine.reports.check_words import counts_words
from rrt_engine.reports.timeline_picture import TABLE_ROWS, TABLE_WHOLE, Picture, picture
from rrt_engine.sources.case_file import Case, read_case
from rrt_engine.web.answer import Answer, answer
from rrt_engine.words import short_day_words
from tests.web import AS_OF, client, desk, page, words

LONG = "T-DRIFT"
MOMENT = parse_moment(AS_OF)
RULE = "ht_rhi_completed_72h"


def _case(missing: int, interviewed: bool = False, later: int = 0) -> Case:
    """A child missing every fifth day, each time with an interview the day after or with none; all so many days later."""
    lines = ["case: T", "events:"]
    for i in range(missing):
        first = _begun(i, missing) - 1 + later
        lines.append(f"  - {{event: missing_episode_started, at: {as_date(first)}, ref: M{i}}}")
        lines.append(f"  - {{event: missing_episode_ended, at: {as_date(first + 1)}, ref: M{i}}}")
        if interviewed:
            lines.append(f"  - {{event: rhi_completed, at: {as_date(first + 2)}, ref: M{i}}}")
    return read_case("the case", desk().book, "\n".join(lines) + "\n")


def _begun(i: int, missing: int) -> int:
    return MOMENT.day - 40 - 5 * (missing - i)


def _answer(case: Case) -> Answer:
    book = desk().book.only(RULE)
    return answer(check_case(case, book, MOMENT, brief_over=0), book, desk().thresholds, MOMENT)


def test_as_many_overdue_as_are_shown_are_all_shown_and_of_one_more_the_last_is_counted_with_its_day() -> None:
    whole, more = _answer(_case(NEWEST)), _answer(_case(NEWEST + 1))
    assert len(whole.overdue) == NEWEST and not whole.overdue_more and not whole.left_out
    assert len(more.overdue) == NEWEST and more.attention == f"{NEWEST + 1} things need attention"
    newest = short_day_words(_begun(NEWEST, NEWEST + 1))
    assert more.overdue_more == (f"{more.overdue[0].flag.title}: 1 more, begun on {newest}",)
    assert f"1 of its {NEWEST + 1} time limits is counted" in more.left_out
    late = [each.flag.days_late or 0 for each in more.overdue]
    assert late == sorted(late, reverse=True)
    two = _answer(_case(NEWEST + 2)).overdue_more[0]
    first, last = (short_day_words(_begun(i, NEWEST + 2)) for i in (NEWEST, NEWEST + 1))
    assert two.endswith(f"2 more, begun from {first} to {last}")


def test_of_what_was_done_on_time_the_newest_are_shown_and_the_oldest_counted() -> None:
    [whole] = _answer(_case(NEWEST_SETTLED, interviewed=True)).met
    assert whole.count == len(whole.flags) == NEWEST_SETTLED and not whole.more
    [more] = _answer(_case(NEWEST_SETTLED + 1, interviewed=True)).met
    oldest = _begun(0, NEWEST_SETTLED + 1)
    assert more.count == NEWEST_SETTLED + 1 and len(more.flags) == NEWEST_SETTLED
    assert more.more == (f"{more.title}: 1 more, begun on {short_day_words(oldest)}",)
    assert min(each.flag.trigger["at"] for each in more.flags) > as_date(oldest).isoformat()


def _picture(case: Case, brief: bool = True, span: str = "") -> Picture:
    book = desk().book.only(RULE)
    drawn = picture(check_case(case, book, MOMENT, brief_over=0), book, MOMENT, span, brief)
    assert drawn
    return drawn


def test_a_table_is_whole_up_to_so_many_rows_and_beyond_them_follows_the_picture() -> None:
    edge = TABLE_WHOLE // 4  # an episode is three events and a duty
    whole, more = _picture(_case(edge, interviewed=True)), _picture(_case(edge + 1, interviewed=True))
    assert len(whole.table) == whole.rows == TABLE_WHOLE and not whole.table_said
    assert "stand in the table" in " ".join(whole.said) and "and in the table below" in " ".join(whole.said)
    assert more.rows == TABLE_WHOLE + 4 and 0 < len(more.table) <= TABLE_ROWS
    assert f"{more.rows - len(more.table):,} rows are left out" in more.table_said
    drawn = {bar.start for bar in more.bars()}
    kept = {row.day for row in more.table if row.kind == "duty"}
    assert drawn <= kept
    edges = set()
    for later in range(5):  # so that an event falls on the very first day that is drawn
        case = _case(edge + 1, True, later)
        brief, every = _picture(case), _picture(case, brief=False)
        inside = [row for row in every.table if brief.first <= row.day <= brief.last]
        assert [row for row in brief.table if row.day >= brief.first] == inside
        edges.add(inside[0].day - brief.first)
    assert 0 in edges
    assert "stand in the table" not in " ".join(more.said) and "table below" not in " ".join(more.said)


def test_the_whole_history_in_one_picture_has_a_table_of_its_newest_rows() -> None:
    case = _case(TABLE_WHOLE // 2)
    drawn, every = _picture(case, span="all"), _picture(case, brief=False, span="all")
    assert len(drawn.table) == TABLE_ROWS and drawn.table == every.table[-TABLE_ROWS:]
    first, last = every.table[0].day, every.table[-TABLE_ROWS - 1].day
    assert drawn.table_said.endswith(f"from {short_day_words(first)} to {short_day_words(last)}.")
    assert not every.table_said and len(every.table) == every.rows


@pytest.fixture
def nothing_held() -> Iterator[None]:
    """A desk that holds no case from before, and afterwards none that was cut shorter than others are."""
    desk().checked.cache_clear()  # type: ignore[attr-defined]
    yield
    desk().checked.cache_clear()  # type: ignore[attr-defined]


def test_what_a_page_leaves_out_is_counted_on_it_and_a_link_shows_everything(nothing_held: None, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = desk().find(LONG)[0]
    held = desk().held(handle)
    assert held
    checked = desk().check(desk().case(held), MOMENT)
    everything = client().get(f"/case/{handle}?working=all").text
    monkeypatch.setattr(checking, "NEWEST", 1)
    monkeypatch.setattr(checking, "NEWEST_SETTLED", 2)
    monkeypatch.setattr(timeline_picture, "TABLE_WHOLE", 50)
    monkeypatch.setattr(timeline_picture, "TABLE_ROWS", 30)
    text = client().get(f"/case/{handle}").text
    tree = page(text)
    shown = words(tree)
    said = {" ".join(flag.explanation.split()) for flag in checked.flags}
    hidden = sum(int(n) for n in re.findall(r": (\d+) more, begun", shown))
    found = sum(1 for flag in checked.flags if " ".join(flag.explanation.split()) in shown)
    assert hidden > 20 and found + hidden >= len(checked.flags) and len(said) > hidden
    assert f"{hidden} of its {len(checked.flags)} time limits are counted here" in shown
    assert counts_words(checked.flags) in shown
    [table] = tree.xpath('//table[.//caption[contains(., "in order")]]')
    rows, total = len(table.xpath(".//tbody/tr")), len(checked.flags) + len(checked.case.log)
    assert rows == 30 and f"({rows} of {total} rows)" in shown and f"{total - rows} rows are left out" in shown
    links = tree.xpath('//a[starts-with(., "Show every")]/@href')
    assert len(links) == 2 and all("working=all" in link for link in links)
    assert client().get(links[0]).text == everything
    whole = words(page(everything))
    assert all(each in whole for each in said)
    assert "more, begun" not in everything and "left out," not in everything
    told = tree.xpath('//*[contains(text(), "more, begun") or contains(text(), "are left out,")]')
    assert told and not any("rrt-no-print" in (e.get("class") or "") for e in told)


def test_a_case_with_few_limits_and_a_long_history_has_its_way_to_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline_picture, "TABLE_WHOLE", 5)
    monkeypatch.setattr(timeline_picture, "TABLE_ROWS", 4)
    tree = page(client().get(f"/case/{desk().find('T-PRIVATE-FOSTERING')[0]}").text)
    [link] = tree.xpath('//a[contains(@href, "working=all")]/@href')
    assert link.endswith("#timeline") and "of" in words(tree.xpath('//summary[contains(., "as a table")]')[0])
    assert not page(client().get(link).text).xpath('//a[contains(@href, "working=all")]')
