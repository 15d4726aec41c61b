"""What a table of the Standard Safeguarding Dataset is to the reader: its fields, and the events its rows become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rrt_engine.model import AttributeValue
from rrt_engine.sources import ssd_values as ssd

Reader = Callable[[str], AttributeValue | None]


@dataclass(frozen=True)
class Attr:
    """One attribute of an event: its name, the field it is read from and how."""

    name: str
    field: str
    reads: Reader = ssd.known


@dataclass(frozen=True)
class Makes:
    """One kind of event that rows of a table become: the field with its date, what its ref names, its attributes.

    `only` names a mask worked out in `ssd_links`. With `latest` the table holds only the latest date. `carried` is False
    where the date is not the event's own (a stand-in), so that no rule may judge by it.
    """

    kind: str
    at: str
    ref: tuple[str, ...] = ()
    attributes: tuple[Attr, ...] = ()
    only: str = ""
    latest: bool = False
    carried: bool = True


@dataclass(frozen=True)
class Table:
    """One table: its id and child, the date without which a row says nothing, the other fields that are read.

    `blank` says what a row without its main date is; without such words it is rejected. `order` are pairs of dates that
    must be in order, and what is wrong where they are not.
    """

    name: str
    id: str
    child: tuple[str, ...]
    main: str
    dates: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    makes: tuple[Makes, ...] = ()
    blank: str = ""
    order: tuple[tuple[str, str, str], ...] = ()
    via: tuple[str, str, str] = ("", "", "")
    links: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that is read: nothing else leaves the file or the database."""
        every = (self.id, *self.child, self.main, *self.dates, *self.links, self.via[0], *self.texts)
        return tuple(dict.fromkeys(f for f in every if f))


def staff(team: str, worker: str) -> tuple[Attr, ...]:
    """The team and the worker of an event, from their fields."""
    return (Attr("team", team, ssd.team), Attr("worker", worker, ssd.worker))


def seen(prefix: str, bedroom: bool = False) -> tuple[Attr, ...]:
    """Who was seen at a visit, from the fields that begin with its prefix."""
    fields = (("child_seen", "seen"), ("seen_alone", "seen_alone"), *((("bedroom_seen", "bedroom"),) if bedroom else ()))
    return tuple(Attr(name, f"{prefix}_{field}", ssd.yes) for name, field in fields)
