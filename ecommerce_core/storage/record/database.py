"""What the store's parts need of an engine: views to read, transactions to write, locks.

The SQL of the parts is written once. ``?`` and ``:name`` are placeholders. An operation that
engines do differently (many rows at once, a lock, a message to other servers) is a method here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ecommerce_core.domain import Detail, Fact, to_datetime, to_text

__all__ = [
    "Constants",
    "Cursor",
    "Database",
    "Engine",
    "Lock",
    "Part",
    "Reading",
    "Transactions",
    "Values",
    "now_utc",
    "to_columns",
    "to_datetime",
    "to_details",
    "to_fact",
    "to_text",
]

Values = tuple[Any, ...]
Constants = Mapping[str, str | int | None]
Reading = Callable[[], "AbstractContextManager[Database]"]


class Cursor(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """The number of changed rows."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchmany(self, size: int) -> list[Any]:
        """The next rows, at most so many."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all remaining rows."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows, one by one."""
        ...


class Database(Protocol):
    """A connection within a transaction."""

    def execute(self, sql: str, parameters: Any = ()) -> Cursor:
        """Run one statement."""
        ...

    def query(self, sql: str, parameters: Any = ()) -> Iterable[dict[str, Any]]:
        """Run a SELECT; its rows as dicts."""
        ...

    def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        """Run one statement for each of a few rows."""
        ...

    def stream(self, sql: str) -> Iterator[Values]:
        """Run a SELECT of many rows; they are fetched as they are taken."""
        ...

    def select_by_keys(
        self, table: str, key: str, columns: Sequence[str], keys: Iterable[str]
    ) -> Iterator[Values | None]:
        """Return the row of each key, in the order of the keys, or None if there is none."""
        ...

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Iterator[Values],
        *,
        constants: Constants,
        on_rows: Callable[[int], None],
    ) -> None:
        """Insert many rows. ``constants`` are the same for each; they are never a user's input.

        ``on_rows`` gets the number of rows written, step by step, and may raise to stop.
        """
        ...

    def update(
        self,
        table: str,
        key: str,
        columns: Sequence[str],
        rows: Iterator[Values],
        *,
        constants: Constants,
        on_rows: Callable[[int], None],
    ) -> None:
        """Update many rows by their key: of each its key, then the values of ``columns``."""
        ...

    def continue_numbers(self, table: str) -> None:
        """Number the rows to come after those that were inserted with their numbers."""
        ...

    def notify(self, message: str) -> None:
        """Notify the other servers once this transaction is committed."""
        ...


class Transactions(ABC):
    """A database that opens a connection per operation."""

    # True if servers on other machines may use it, too: each then has its own snapshots.
    is_shared = False

    @abstractmethod
    def reading(self) -> AbstractContextManager[Database]:
        """A consistent view for one read. Raises StoreError."""

    @abstractmethod
    def writing(
        self, *, is_stored: Callable[[Database], bool] | None = None
    ) -> AbstractContextManager[Database]:
        """Open a transaction; it is rolled back if the block raises. Raises StoreError.

        ``is_stored`` is called if the answer to the commit was lost: it returns whether it is
        stored.
        """

    @abstractmethod
    def reading_long(self) -> AbstractContextManager[Reading]:
        """Allow many reads to the holder of a lock on the rows that are read; no writer waits.

        Raises StoreError.
        """


class Part:
    """A part of the store: some of its tables, over the transactions of all."""

    def __init__(self, transactions: Transactions) -> None:
        self.reading = transactions.reading
        self.writing = transactions.writing


class Lock(ABC):
    """A lock that one holder has at a time, of any thread, process or server.

    It is free again once its holder's process has ended, however it ended.
    """

    @abstractmethod
    def acquire(self, *, timeout_s: float) -> bool:
        """Return True once it is held, False if others hold it all along. Raises StoreError."""

    @abstractmethod
    def join(self) -> None:
        """Let this thread write as the holder, too, if another one acquired the lock."""

    @abstractmethod
    def release(self) -> None:
        """Release it."""

    @property
    @abstractmethod
    def is_held(self) -> bool:
        """True if it is held here, as far as is known."""

    @property
    @abstractmethod
    def is_usable(self) -> bool:
        """True if it could be taken, or waited for."""


class Engine(Transactions):
    """A database that keeps the store."""

    # The database's file; without one, this server keeps its own files beside this path.
    path: Path
    # The migrations that datasets bring with them.
    more_migrations: Sequence[Callable[[Any], None]] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """The database's name for people, without a password."""

    @abstractmethod
    def lock(self, name: str) -> Lock:
        """Return the lock of that name."""

    def holder(self, name: str) -> str | None:
        """Return the id of the server that holds a lock; None if none does, or it is not known."""
        return None

    @abstractmethod
    def notify(self, message: str) -> None:
        """Notify the other servers now. Raises StoreError."""

    @abstractmethod
    def listen(self, hear: Callable[[str | None], None]) -> None:
        """Call ``hear`` with every message of other servers, until ``close``.

        It is called with None if some may have been missed, and on a thread of its own.
        """

    @abstractmethod
    def check_writable(self) -> None:
        """Raise StoreError where the database cannot be written to just now."""

    @abstractmethod
    def check_sound(self) -> None:
        """Raise StoreError if the database cannot be read or is damaged, as far as is known."""

    @abstractmethod
    def copy_into(self, path: Path, *, gives_up: Callable[[], bool] = lambda: False) -> None:
        """Write a consistent copy into ``path``, an empty file. Raises StoreError."""

    @abstractmethod
    def installation(self) -> str | None:
        """Return the id that the database's backups carry; None if it keeps none of its own."""

    @abstractmethod
    def close(self) -> None:
        """Close the database."""


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
