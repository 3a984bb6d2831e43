"""What a reader asks of a dataset, and what is found. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Withdrawn(StrEnum):
    """Whether a reader sees the rows that the peer no longer lists."""

    HIDE = "hide"
    SHOW = "show"
    ONLY = "only"


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows of a dataset a reader wants, in what order. Hashable: a key for what is cached.

    Of ``search`` the first 1,000 characters count: each of its words must be found in a
    searched column, accents and case aside. ``values``: a column has one of these. ``ranges``:
    low and high, both included, None for open. ``since``: a time column is at or after.
    ``present``: a text is there, or is empty. ``sort`` is a column's name out of the dataset's
    own list; rows that are equal in it are sorted by ``then_by``: columns, each with whether
    it descends. ``page`` counts from 1. What names no such column is left out.
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
        """Which rows, and nothing else: one key for what is the same in any order and page."""
        return replace(self, sort=None, descending=False, then_by=(), page=1, page_size=1)


class ChangeKind(StrEnum):
    """What became of a row between two runs."""

    ADDED = "added"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Which differences between two runs a reader wants, in what order.

    ``search`` and ``values`` are asked of the row, as in a Query. ``sort`` is ``kind``, ``key``,
    ``title``, ``field``, ``difference``, ``percent`` or a column that rows are chosen by.
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
    """What differs for one row between two runs: one field, or the row itself (no field).

    ``old`` and ``new`` are the stored values as texts. Of numbers, ``difference`` is new less
    old in the stored unit, and ``percent`` that by the old one. ``title`` is what the row is
    called and ``groups`` its values in the columns that rows are chosen by; both are as of now.
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
    """How many rows there are: ``current`` ones the peer lists, ``withdrawn`` ones no longer."""

    current: int
    withdrawn: int
