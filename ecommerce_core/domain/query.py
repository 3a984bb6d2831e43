"""A reader's query on a dataset, and its results. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Withdrawn(StrEnum):
    """Whether rows that the peer no longer lists are shown."""

    HIDE = "hide"
    SHOW = "show"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Query:
    """The rows of a dataset that a reader wants, and their order. Hashable, to be a cache key.

    Only the first 1,000 characters of ``search`` count: each of its words must be found in a
    searched column, accents and case aside. ``values``: a column has one of these. ``ranges``: low
    and high, both included, None for open. ``since``: a time column is at or after. ``present``: a
    text is there, or is empty. ``sort`` is the name of a column of the dataset; rows that are equal
    in it are sorted by ``then_by``: columns, each with whether it descends. ``page`` counts from 1.
    Names that are no such column are ignored.
    """

    search: str = ""
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    since: tuple[tuple[str, datetime], ...] = ()
    present: tuple[tuple[str, bool], ...] = ()
    withdrawn: Withdrawn = Withdrawn.HIDE
    sort: str | None = None
    descending: bool = False
    then_by: tuple[tuple[str, bool], ...] = ()
    page: int = 1
    page_size: int = 50

    def without_order(self) -> Query:
        """Return the query without sort and page: one cache key for the same rows in any order."""
        return replace(self, sort=None, descending=False, then_by=(), page=1, page_size=1)


class ChangeKind(StrEnum):
    """The kind of change of a row between two runs."""

    ADDED = "added"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """The differences between two runs that a reader wants, and their order.

    ``search`` and ``values`` apply to the row, as in a Query. ``sort`` is ``kind``, ``key``,
    ``title``, ``field``, ``difference``, ``percent`` or a column that has a choice of values.
    """

    kind: ChangeKind | None = None
    field: str | None = None
    search: str = ""
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sort: str | None = None
    descending: bool = False
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One field of one row, before and after the run that ended ``at``."""

    run_id: int
    at: datetime
    field: str
    old: str | int | float | None
    new: str | int | float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of one row between two runs: a field, or the row itself (no field).

    ``old`` and ``new`` are the stored values as texts. For numbers, ``difference`` is new minus old
    in the stored unit, and ``percent`` the same in relation to old. ``title`` is the row's title
    and ``groups`` its values in the columns that have a choice of values; both are the present
    ones.
    """

    key: str
    kind: ChangeKind
    field: str | None
    old: str | None
    new: str | None
    difference: float | None = None
    percent: float | None = None
    title: str | None = None
    groups: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Numbers of rows: ``current`` are those that the peer lists, ``withdrawn`` the others."""

    current: int
    withdrawn: int
