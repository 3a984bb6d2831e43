"""A reader's view of a dataset, and the query to the store that is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
_RUN = re.compile(r"run[1-9][0-9]{0,8}")
LAST_RUN = "last"
# No row is of that time: a run that does not exist has changed none.
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)

# Returns when a run began, or the last that changed rows if the number is None; None if unknown.
RunBegan = Callable[[int | None], datetime | None]


@dataclass(frozen=True)
class View:
    """The part of a dataset that a reader looks at, and how.

    ``columns`` are the fields that are shown, the usual ones if there are none.
    ``then_by``: columns that sort rows that are equal in ``sort``, each with whether it descends.
    The filters are by column: ``choices`` its values, ``excluded`` those that it has not,
    ``ranges`` as shown, ``outside`` those that it is not in, ``contains`` and ``lacks`` a part of
    its text, ``presence`` whether it is there, ``since`` and ``until`` a moment: an age such as
    ``7d``, a day, a run such as ``run12``, or ``last``, the run that changed rows last. For the
    differences between ``from_run`` and ``to_run``: ``kind``, ``changed_field`` (a column) and
    ``change_sort``.
    """

    tab: str = "rows"
    layout: str = ""
    search: str = ""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    presence: Mapping[str, bool] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)
    until: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outside: Mapping[str, Range] = field(default_factory=dict)
    contains: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
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


# The fields that have filters, by column.
FILTERS = (
    *("choices", "excluded", "ranges", "outside", "contains", "lacks"),
    *("presence", "since", "until"),
)
# The edit that removes every filter.
NO_FILTERS: dict[str, Any] = {
    **{name: {} for name in FILTERS},
    "withdrawn": Withdrawn.HIDE,
}


def with_filter(filters: Mapping[str, Value], column: str, value: Value | None) -> dict[str, Value]:
    """Return the filters with another value for one column, or without it if the value is empty."""
    others = {name: kept for name, kept in filters.items() if name != column}
    asks = value not in (None, "", (), (None, None))
    return {**others, column: value} if value is not None and asks else others


def is_since(text: str) -> bool:
    """Return whether ``text`` names a moment: an age such as ``7d``, a day, a minute or a run."""
    return is_run(text) or _moment(text, now=datetime.now(UTC), zone=UTC) is not None


def is_run(text: str) -> bool:
    """Return whether a moment is a run: ``run12``, or ``last``."""
    return text == LAST_RUN or _RUN.fullmatch(text) is not None


def run_of(text: str) -> int | None:
    """Return the number of a run such as ``run12``, or None for the last one."""
    return None if text == LAST_RUN else int(text.removeprefix("run"))


def is_day(text: str) -> bool:
    """Return whether a moment is a day, whose beginning depends on the time zone."""
    return "-" in text and not text.endswith("Z")


def minute_of(day: str, zone: tzinfo, *, ends: bool = False) -> str:
    """Return the minute in UTC at which a day begins in ``zone``: ``2026-11-23T23:00Z``.

    Or the one at which it ``ends``.
    """
    at = _moment(day, now=datetime.now(UTC), zone=zone, ends=ends)
    return day if at is None else f"{at:{_MINUTE}}"


def _moment(text: str, *, now: datetime, zone: tzinfo, ends: bool = False) -> datetime | None:
    age = _AGE.fullmatch(text)
    if age:
        unit = timedelta(hours=1) if age[2] == "h" else timedelta(days=1)
        # Rounded to the minute, so that a cached answer serves the same query within that minute.
        return now.replace(second=0, microsecond=0) - int(age[1]) * unit
    is_minute = text.endswith("Z")
    try:
        at = datetime.strptime(text, _MINUTE if is_minute else "%Y-%m-%d")
        if ends and not is_minute:
            at += timedelta(days=1)
        return at.replace(tzinfo=UTC if is_minute else zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def shown_withdrawn(view: View) -> Withdrawn:
    """Return whether withdrawn rows are shown: who asks when rows were withdrawn asks for them."""
    asks_when = "withdrawn_at" in {*view.since, *view.until}
    return Withdrawn.ONLY if asks_when and view.withdrawn is Withdrawn.HIDE else view.withdrawn


def query_of(
    view: View,
    dataset: Dataset,
    *,
    now: datetime,
    zone: tzinfo,
    run_began: RunBegan = lambda run: None,
) -> Query:
    """Return the query to the store. Days begin as in ``zone``."""

    def moments(said: Mapping[str, str], *, ends: bool) -> tuple[tuple[str, datetime], ...]:
        found = []
        for column, text in said.items():
            if is_run(text):
                # All rows that a run changed have a later time than its begin.
                found.append((column, run_began(run_of(text)) or _NEVER))
            elif (at := _moment(text, now=now, zone=zone, ends=ends)) is not None:
                found.append((column, at))
        return tuple(found)

    def ranges(said: Mapping[str, Range]) -> tuple[tuple[str, float | None, float | None], ...]:
        return tuple((name, *_stored(ends, dataset.column(name))) for name, ends in said.items())

    return Query(
        search=view.search,
        values=tuple(view.choices.items()),
        excluded=tuple(view.excluded.items()),
        ranges=ranges(view.ranges),
        outside=ranges(view.outside),
        contains=tuple(view.contains.items()),
        lacks=tuple(view.lacks.items()),
        since=moments(view.since, ends=False),
        until=moments(view.until, ends=True),
        present=tuple(view.presence.items()),
        withdrawn=shown_withdrawn(view),
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
