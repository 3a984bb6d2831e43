"""What can be asked of a dataset, what a reader asks of it, and the question that this makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ecommerce_core.query import Query, Withdrawn

PAGE_SIZES = (25, 50, 100, 200)
TABS = ("rows", "changes", "pictures")
KINDS = ("added", "withdrawn", "updated")
TEXT_CHARS = 200
# Columns whose own name is longer than an address wants.
SHORT = {
    "price_cents": "price",
    "loyalty_points": "points",
    "catalogue_min_quantity": "minimum",
    "catalogue_packaging": "pack",
    "catalogue_id": "number",
    "customer_id": "id",
    "first_name": "first",
    "last_name": "last",
    "first_seen_at": "new",
    "updated_at": "changed",
    "withdrawn_at": "gone",
}
_AGE = re.compile(r"([1-9]\d{0,3})([hd])")


@dataclass(frozen=True)
class Shape:
    """What can be asked of one dataset. ``range_scale`` is how much of the column is one shown."""

    name: str
    sorts: tuple[str, ...]
    range_column: str
    range_scale: int = 1
    choice: str | None = None
    presence: str | None = None
    layouts: tuple[str, ...] = ("table",)

    @property
    def range_name(self) -> str:
        """The range's name in the address."""
        return SHORT[self.range_column]


@dataclass(frozen=True)
class View:
    """What a reader looks at. ``low`` and ``high`` as shown; ``new``, ``changed``: ages or days."""

    tab: str = "rows"
    layout: str = ""
    search: str = ""
    chosen: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    withdrawn: Withdrawn = Withdrawn.HIDE
    new: str = ""
    changed: str = ""
    present: bool | None = None
    sort: str = ""
    descending: bool = False
    page: int = 1
    size: int = PAGE_SIZES[0]
    row: str | None = None
    from_run: int | None = None
    to_run: int | None = None
    kind: str | None = None


# The edit that takes every filter away.
NO_FILTERS: dict[str, Any] = {
    "chosen": (),
    "low": None,
    "high": None,
    "withdrawn": Withdrawn.HIDE,
    "new": "",
    "changed": "",
    "present": None,
}


def is_since(text: str) -> bool:
    """Whether ``text`` names a moment in the past: an age such as ``7d``, or a day."""
    return _moment(text, now=datetime.now(UTC), zone=UTC) is not None


def _moment(text: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    age = _AGE.fullmatch(text)
    if age:
        unit = timedelta(hours=1) if age[2] == "h" else timedelta(days=1)
        # On the minute: the same question in the same minute has the same answer kept.
        return now.replace(second=0, microsecond=0) - int(age[1]) * unit
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def query_of(view: View, shape: Shape, *, now: datetime, zone: tzinfo) -> Query:
    """The question to the store. Days begin where ``zone`` says."""
    since = {"first_seen_at": view.new, "updated_at": view.changed}
    moments = ((c, _moment(text, now=now, zone=zone)) for c, text in since.items() if text)
    low, high = (None if n is None else round(n * shape.range_scale, 2) for n in _ends(view))
    return Query(
        search=view.search,
        values=((shape.choice, view.chosen),) if shape.choice and view.chosen else (),
        ranges=((shape.range_column, low, high),) if (low, high) != (None, None) else (),
        since=tuple((column, at) for column, at in moments if at is not None),
        present=((shape.presence, view.present),)
        if shape.presence and view.present is not None
        else (),
        withdrawn=view.withdrawn,
        sort=view.sort or shape.sorts[0],
        descending=view.descending,
        page=view.page,
        page_size=view.size,
    )


def _ends(view: View) -> tuple[float | None, float | None]:
    low, high = view.low, view.high
    return (high, low) if low is not None and high is not None and low > high else (low, high)
