"""What can be wrong with qualities and regimes in events.yaml, and with rules that live in a part of a regime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rrt_engine.diagnostics import Diagnostic, did_you_mean
from rrt_engine.rulebook.book import RuleBook
from rrt_engine.rulebook.regime_schema import Condition, Regime
from rrt_engine.rulebook.schema import During, Not, TimescaleRule
from rrt_engine.rulebook.strict_yaml import Document, Path


def regime_problems(document: Document, book: RuleBook) -> Iterator[Diagnostic]:
    """Names that do not exist, qualities that may leave it open, and regimes in which a day may have no part or two."""
    for name, quality in book.qualities.items():
        place: Path = ("qualities", name)
        yield from _unknown(document, (*place, "event"), "event", [quality.event], book.events)
        attrs = book.events[quality.event].attrs if quality.event in book.events else {}
        for where in (quality.where, *(window.where for window in quality.also)):
            yield from _unknown(document, (*place, "where"), "attribute", where, attrs)
            if any(not isinstance(test, Not) for test in where.values()):
                yield document.diagnostic(
                    (*place, "where"), "shape", f"`{name}` must say what does not count", "write `{attribute: {not: value}}`"
                )
    part_ids: dict[str, str] = {}
    for name, regime in book.regimes.items():
        yield from _regime(document, name, regime, book)
        for i, part in enumerate(regime.parts):
            place = ("regimes", name, "parts", i)
            if part.id in book.periods or part.id in part_ids:
                yield document.diagnostic((*place, "id"), "name_reused", f"`{part.id}` is already the name of a period", "choose another")
            part_ids.setdefault(part.id, name)
            if bool(part.any) == (i == len(regime.parts) - 1):
                message = "the last part fits wherever no other does, and has no `any`; every other part has one"
                yield document.diagnostic(place, "shape", message)


def _regime(document: Document, name: str, regime: Regime, book: RuleBook) -> Iterator[Diagnostic]:
    place: Path = ("regimes", name)
    for key in ("during", "anew", "carry"):
        yield from _unknown(document, (*place, key), "period", getattr(regime, key), book.periods)
    for state_name, state in regime.states.items():
        at = (*place, "states", state_name)
        kinds = [*state.from_, *state.forget, *(kind for item in state.set_ for kind in item.event)]
        yield from _unknown(document, at, "event", kinds, book.events)
        yield from _unknown(document, (*at, "during"), "period", [state.during], book.periods)
        recorded = {attribute for kind in state.from_ if kind in book.events for attribute in book.events[kind].attrs}
        if state.from_:
            yield from _unknown(document, at, "attribute", [state.attribute or state_name], dict.fromkeys(recorded))
    for i, part in enumerate(regime.parts):
        for j, condition in enumerate(part.any):
            yield from _condition(document, (*place, "parts", i, "any", j), condition, regime, book)


def _condition(document: Document, place: Path, condition: Condition, regime: Regime, book: RuleBook) -> Iterator[Diagnostic]:
    yield from _unknown(document, place, "period", [*condition.open, *condition.not_open, *condition.longer_than], book.periods)
    yield from _unknown(document, (*place, "where"), "state", condition.where, regime.states)
    settings = [*condition.setting.items(), *(condition.then.setting.items() if condition.then else ())]
    yield from _unknown(document, (*place, "setting"), "local value", [name for name, _ in settings], book.parameters)
    for name, wanted in settings:
        options = book.parameters[name].options if name in book.parameters else [wanted]
        if wanted not in options:
            yield document.diagnostic((*place, "setting", name), "local_value", f"`{name}` cannot be `{wanted}`", _one_of(options))
    if condition.then is not None:
        yield from _unknown(document, (*place, "then"), "event", condition.then.event, book.events)
        yield from _unknown(document, (*place, "then"), "quality", [condition.then.quality or ""], {"": None, **book.qualities})
        if not condition.longer_than:
            yield document.diagnostic((*place, "then"), "shape", "`then` goes with `longer_than`")


def _unknown(document: Document, place: Path, what: str, names: Any, known: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for name in names:
        if name not in known:
            yield document.diagnostic(place, f"unknown_{what.replace(' ', '_')}", f"unknown {what} `{name}`", did_you_mean(name, known))


def _one_of(options: list[str | int]) -> str:
    return f"it may be {', '.join(f'`{option}`' for option in options)}"


def option_problems(document: Document, book: RuleBook) -> Iterator[Diagnostic]:
    """Local values that choose between readings and are none of them."""
    for name, local in book.parameters.items():
        if local.options and local.value not in local.options:
            yield document.diagnostic((name, "value"), "local_value", f"`{name}` cannot be `{local.value}`", _one_of(local.options))


def part_problems(spec: TimescaleRule, document: Document, book: RuleBook) -> Iterator[Diagnostic]:
    """Parts of a rule that do not go with a part of a regime, or only with one, and qualities of another event."""
    during = spec.during if isinstance(spec.during, During) else None
    in_part = book.part(spec) is not None
    if during and during.carry_in:
        if not in_part:
            yield document.diagnostic(("during", "carry_in"), "shape", "`carry_in` goes with a part of a regime")
        if spec.expect is None or spec.link or spec.when.date or spec.when.after or spec.before:
            message = "a clock that is carried in has `expect`, and none of `link`, `before`, `when.date` and `when.after`"
            yield document.diagnostic(("during", "carry_in"), "shape", message)
    if in_part and spec.when.after:
        yield document.diagnostic(("when", "after"), "shape", "`after` does not go with a part of a regime")
    if in_part and during and (during.first or during.after):
        yield document.diagnostic(("during",), "shape", "a part of a regime has no `first` or `after`; make it a part of its own")
    for key, part in (("when", spec.when), ("expect", spec.expect)):
        if part is None or part.quality is None:
            continue
        yield from _unknown(document, (key, "quality"), "quality", [part.quality], book.qualities)
        if part.quality in book.qualities and book.qualities[part.quality].event not in part.event:
            message = f"`{part.quality}` is about `{book.qualities[part.quality].event}`, which is not among its events"
            yield document.diagnostic((key, "quality"), "shape", message)
