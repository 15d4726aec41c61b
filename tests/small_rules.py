"""A small rule set in which one rule has every proof, for tests that break one thing and look at what is said."""

from __future__ import annotations

import shutil
from pathlib import Path

from rrt_engine.paths import RULES

ABOUT = 'id: small\ntitle: A small rule set\nversion: "1"\nnotice: Made for tests.\n'
EVENTS = """\
events:
  requests:
    asked: {title: Receipt of the request, ref: [request], attrs: {urgent: boolean, level: [1, 2], wanted: date}}
    answered: {title: Answer to the request, ref: [request], attrs: {seen: boolean}, accepts: [answer_given]}
    withdrawn: {title: Withdrawal of the request, ref: [request], attrs: {final: boolean}}
    delay_recorded: {title: Reason for the delay, ref: [request]}
    closed: {title: Closure of the case}
    opened: {title: Start of the stay}
    left: {title: End of the stay}
periods:
  stay: {title: Being here, start: [opened], end: [left]}
ends:
  case_ends: [{event: closed}]
"""
SOURCES = """\
handbook:
  title: The handbook
  authority: guidance
  url: https://example.org/handbook
  editions: [{name: "first", from: 2020-01-01}]
"""
PARAMETERS = """\
service_hours: {value: "09:00 to 17:00", title: Opening hours, basis: made, verified: recalled}
answer_time: {value: 5 working days, title: Time to answer, basis: made, verified: local value needed}
"""
HEAD = """\
id: demo_limit
kind: timescale
title: Request answered within 5 working days
service: front_door
source: {id: handbook, at: page 1}
authority: guidance
verified: secondary
effective: {from: 2020-01-01}
why: A request that waits leaves a child without help.
"""
PROVED = (
    HEAD
    + """\
when: {event: asked, where: {urgent: true}}
expect: {event: answered, where: {seen: true}}
within: 5 working days
until:
  - {event: withdrawn, where: {final: true}}
  - case_ends
link: request
unless: {event: delay_recorded}
warn: 1 working day
examples:
  - name: answered on the fifth working day
    as_of: 2026-06-01
    shows: [boundary]
    events:
      - {event: asked, at: 2026-03-02, urgent: true}
      - {event: answered, at: 2026-03-09, seen: true}
    flags: [{status: met, due: 2026-03-09}]
  - name: answered on the sixth working day
    as_of: 2026-06-01
    shows: [first_bad_day]
    events:
      - {event: asked, at: 2026-03-02, urgent: true}
      - {event: answered, at: 2026-03-10, seen: true}
    flags: [{status: late, due: 2026-03-09, late_by: 1 working day}]
  - name: waiting
    as_of: 2026-03-05
    shows: [still_due]
    events:
      - {event: asked, at: 2026-03-02, urgent: true}
      - {event: answered, at: 2026-03-04, seen: false}
    flags: [{status: due, due: 2026-03-09}]
  - name: not answered, with a reason recorded
    as_of: 2026-03-12
    shows: [overdue]
    events:
      - {event: asked, at: 2026-03-02, urgent: true}
      - {event: delay_recorded, at: 2026-03-06}
    flags: [{status: overdue, due: 2026-03-09}]
  - name: over Easter
    as_of: 2026-04-02
    shows: [bank_holiday]
    events:
      - {event: asked, at: 2026-04-01, urgent: true}
    flags: [{status: due, due: 2026-04-10}]
  - name: not urgent
    as_of: 2026-03-12
    events:
      - {event: asked, at: 2026-03-02, urgent: false}
    flags: []
  - name: withdrawn for good
    as_of: 2026-03-12
    shows: [ended]
    events:
      - {event: asked, at: 2026-03-02, urgent: true}
      - {event: withdrawn, at: 2026-03-04, final: true}
    flags: [{status: ended, due: 2026-03-09}]
  - name: withdrawn for now
    as_of: 2026-03-12
    events:
      - {event: asked, at: 2026-03-02, urgent: true}
      - {event: withdrawn, at: 2026-03-04, final: false}
    flags: [{status: overdue, due: 2026-03-09}]
  - name: the case closed
    as_of: 2026-03-12
    events:
      - {event: asked, at: 2026-03-02, urgent: true}
      - {event: closed, at: 2026-03-04}
    flags: [{status: ended, due: 2026-03-09}]
  - name: the answer to another request
    as_of: 2026-03-12
    events:
      - {event: asked, at: 2026-03-02, urgent: true, ref: R1}
      - {event: answered, at: 2026-03-04, seen: true, ref: R2}
    flags: [{status: overdue, due: 2026-03-09}]
"""
)


def rule_set(
    folder: Path, rules: str = PROVED, *, second: str = "", events: str = EVENTS, sources: str = SOURCES, parameters: str = PARAMETERS
) -> Path:
    """Write a small rule set; `rules` is its first rule file, `second` a second one."""
    (folder / "made").mkdir(parents=True, exist_ok=True)
    shutil.copy(RULES / "bank_holidays.csv", folder)
    for name, text in (("rulebook.yaml", ABOUT), ("events.yaml", events), ("sources.yaml", sources), ("parameters.yaml", parameters)):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "made" / "one.yaml").write_text(rules, encoding="utf-8")
    if second:
        (folder / "made" / "two.yaml").write_text(second, encoding="utf-8")
    return folder


def example(name: str, events: str, flags: str, as_of: str = "2026-06-01", shows: str = "", more: str = "") -> str:
    """One example as it stands in a rule; `events` and `flags` in YAML."""
    tags = f"    shows: [{shows}]\n" if shows else ""
    return f"  - name: {name}\n    as_of: {as_of}\n{tags}{more}    events: [{events}]\n    flags: [{flags}]\n"
