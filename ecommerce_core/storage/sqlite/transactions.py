"""What the store's parts need of a database: connections that read, transactions that write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from ecommerce_core.domain import Detail, Fact, to_datetime, to_text

__all__ = [
    "Cursor",
    "Database",
    "Transactions",
    "now_utc",
    "to_columns",
    "to_datetime",
    "to_details",
    "to_fact",
    "to_text",
]


class Cursor(Protocol):
    """The part of sqlite3.Cursor that is used here."""

    lastrowid: int | None
    rowcount: int

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows, one by one."""
        ...


class Database(Protocol):
    """The part of sqlite_utils.Database that is used here."""

    conn: Any

    def execute(self, sql: str, parameters: Any = None) -> Any:
        """Run one statement; a cursor."""
        ...

    def query(self, sql: str, params: Any = None) -> Iterable[dict[str, Any]]:
        """Run a SELECT; its rows as dicts."""
        ...


class Transactions(ABC):
    """A database that gives a connection per operation."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Database]:
        """A consistent view for one read. Raises StoreError."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Database]:
        """One IMMEDIATE transaction; rolled back where the block raises. Raises StoreError."""


def now_utc() -> datetime:
    """This moment, with its time zone."""
    return datetime.now(UTC)


def to_columns(fact: Fact | None) -> tuple[str | None, str | None]:
    """A fact as it is stored, in two columns: its code, and its details as JSON."""
    if fact is None:
        return None, None
    return fact.code, msgspec.json.encode(fact.details).decode()


def to_fact(code: str | None, details: str | None) -> Fact | None:
    """The fact of two such columns; None where there is no code."""
    return None if code is None else Fact(code, to_details(details))


def to_details(stored: str | None) -> Mapping[str, Detail]:
    """Details out of their column. Raises msgspec.MsgspecError."""
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, Detail])
