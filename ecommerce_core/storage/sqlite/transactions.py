"""The interface of the store's database: connections that read, transactions that write."""

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
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all remaining rows."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows, one by one."""
        ...


class Database(Protocol):
    """The part of sqlite_utils.Database that is used here."""

    conn: Any

    def execute(self, sql: str, parameters: Any = None) -> Any:
        """Run one statement and return its cursor."""
        ...

    def query(self, sql: str, params: Any = None) -> Iterable[dict[str, Any]]:
        """Run a SELECT and return its rows as dicts."""
        ...


class Transactions(ABC):
    """A database that opens a connection per operation."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Database]:
        """Open a consistent view for one read. Raises StoreError."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Database]:
        """Open one IMMEDIATE transaction; roll back if the block raises. Raises StoreError."""


def now_utc() -> datetime:
    """Return the present moment, with its time zone."""
    return datetime.now(UTC)


def to_columns(fact: Fact | None) -> tuple[str | None, str | None]:
    """Return a fact for two columns: its code, and its details as JSON."""
    if fact is None:
        return None, None
    return fact.code, msgspec.json.encode(fact.details).decode()


def to_fact(code: str | None, details: str | None) -> Fact | None:
    """Return the fact of two such columns, or None without a code."""
    return None if code is None else Fact(code, to_details(details))


def to_details(stored: str | None) -> Mapping[str, Detail]:
    """Parse details from their column. Raises msgspec.MsgspecError."""
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, Detail])
