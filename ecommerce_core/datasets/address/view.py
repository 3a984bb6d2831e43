"""A reader's view of a dataset, and the query to the store that is made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any, TypeVar

from ecommerce_core.datasets.column import Column, Filter, Kind
from ecommerce_core.datasets.dataset import Dataset
from ecommerce_core.domain import ChangeKind, ChangeQuery, Query, Withdrawn

PAGE_SIZES = (25, 50, 100, 200)
TABS = ("rows", "changes", "pictures")
KINDS = tuple(kind.value for kind in ChangeKind)
# The sorts of differences, besides the columns that have a choice of values.
CHANGE_SORTS = ("kind", "key", "title", "field", "difference", "percent")
TEXT_CHARS = 200

# Both ends in the unit that is shown, both included; None is open.
Range = tuple[Decimal | None, Decimal | None]
Value = TypeVar("Value")

_MINUTE = "%Y-%m-%dT%H:%MZ"
_AGE = re.compile(r"([1-9][0-9]{0,3})([hd])")


@dataclass(frozen=True)
class View:
    """The part of a dataset that a reader looks at, and how.

    ``columns`` are the fields that are shown, the usual ones if there are none.
    ``then_by``: columns that sort rows that are equal in ``sort``, each with whether it descends.
    The filters are by column: ``choices`` its values, ``ranges`` as shown, ``presence`` whether it
    is there, ``since`` an age such as ``7d`` or a day. For the differences between ``from_run`` and
    ``to_run``: ``kind``, ``changed_field`` (a column) and ``change_sort``.
    """

    tab: str = "rows"
    layout: str = ""
    search: str = ""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    presence: Mapping[str, bool] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)
    withdrawn: Withdrawn = Withdrawn.HIDE
    sort: str = ""
    descending: bool = False
    then_by: tuple[tuple[str, bool], ...] = ()
    columns: tuple[str, ...] = ()
    page: int = 1
    size: int = PAGE_SIZES[0]
    row: str | None = None
    from_run: int | None = None
    to_run: int | None = None
    kind: str | None = None
    changed_field: str | None = None
    change_sort: str | None = None
    change_descending: bool = False


# The edit that removes every filter.
NO_FILTERS: dict[str, Any] = {
    "choices": {},
    "ranges": {},
    "presence": {},
    "since": {},
    "withdrawn": Withdrawn.HIDE,
}


def with_filter(filters: Mapping[str, Value], column: str, value: Value | None) -> dict[str, Value]:
    """Return the filters with another value for one column, or without it if the value is empty."""
    others = {name: kept for name, kept in filters.items() if name != column}
    asks = value not in (None, "", (), (None, None))
    return {**others, column: value} if value is not None and asks else others


def is_since(text: str) -> bool:
    """Return whether ``text`` names a moment: an age such as ``7d``, a day or a minute."""
    return _moment(text, now=datetime.now(UTC), zone=UTC) is not None


def is_day(text: str) -> bool:
    """Return whether a moment is a day, whose beginning depends on the time zone."""
    return "-" in text and not text.endswith("Z")


def minute_of(day: str, zone: tzinfo) -> str:
    """Return the minute in UTC at which a day begins in ``zone``: ``2026-11-23T23:00Z``."""
    at = _moment(day, now=datetime.now(UTC), zone=zone)
    return day if at is None else f"{at:{_MINUTE}}"


def _moment(text: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    age = _AGE.fullmatch(text)
    if age:
        unit = timedelta(hours=1) if age[2] == "h" else timedelta(days=1)
        # Rounded to the minute, so that a cached answer serves the same query within that minute.
        return now.replace(second=0, microsecond=0) - int(age[1]) * unit
    is_minute = text.endswith("Z")
    try:
        at = datetime.strptime(text, _MINUTE if is_minute else "%Y-%m-%d")
        return at.replace(tzinfo=UTC if is_minute else zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def query_of(view: View, dataset: Dataset, *, now: datetime, zone: tzinfo) -> Query:
    """Return the query to the store. Days begin as in ``zone``."""
    moments = ((c, _moment(text, now=now, zone=zone)) for c, text in view.since.items())
    return Query(
        search=view.search,
        values=tuple(view.choices.items()),
        ranges=tuple(
            (name, *_stored(ends, dataset.column(name))) for name, ends in view.ranges.items()
        ),
        since=tuple((column, at) for column, at in moments if at is not None),
        present=tuple(view.presence.items()),
        withdrawn=view.withdrawn,
        sort=view.sort or dataset.default_sort,
        descending=view.descending,
        then_by=view.then_by,
        page=view.page,
        page_size=view.size,
    )


def _stored(ends: Range, column: Column) -> tuple[float | None, float | None]:
    """Return both ends in the store's unit, the lower one first. Cents are whole, and exact."""
    low, high = ends
    if low is not None and high is not None and low > high:
        low, high = high, low
    if column.kind is Kind.MONEY:
        return (
            None if low is None else ceil(Fraction(low) * column.scale),
            None if high is None else floor(Fraction(high) * column.scale),
        )
    return _number(low), _number(high)


def _number(end: Decimal | None) -> float | None:
    if end is None:
        return None
    return int(end) if end == end.to_integral_value() else float(end)


def change_query_of(view: View, dataset: Dataset, *, page: int | None = None) -> ChangeQuery:
    """Return the query to the store for the differences between two runs.

    ``page`` replaces the view's page if that is after the last one.
    """
    return ChangeQuery(
        kind=None if view.kind is None else ChangeKind(view.kind),
        field=view.changed_field,
        search=view.search,
        values=tuple(
            (column.name, view.choices[column.name])
            for column in dataset.filtered_by(Filter.CHOICE)
            if column.name in view.choices
        ),
        sort=view.change_sort,
        descending=view.change_descending,
        page=page or view.page,
        page_size=view.size,
    )
