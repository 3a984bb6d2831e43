"""What the parts of the store need of an engine: views to read, transactions to write, locks.

The SQL of the parts is written once. ``?`` and ``:name`` stand for values; what an engine does in
its own way (many rows at once, a lock, a word to other servers) is a method here.
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
    """What a statement answers."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchmany(self, size: int) -> list[Any]:
        """The next rows, at most so many."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows, one by one."""
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
        """The row of each key, in the order of the keys; None where there is none."""
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
        """Insert many rows. ``constants`` are the same for each, and ours, never a stranger's.

        ``on_rows`` gets how many were written, step by step, and may raise to end it.
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
        """Tell the other servers, once this transaction is committed."""
        ...


class Transactions(ABC):
    """A database that gives a connection per operation."""

    # Whether servers on other machines may use it, too: each has snapshots of its own then.
    is_shared = False

    @abstractmethod
    def reading(self) -> AbstractContextManager[Database]:
        """A consistent view for one read. Raises StoreError."""

    @abstractmethod
    def writing(
        self, *, is_stored: Callable[[Database], bool] | None = None
    ) -> AbstractContextManager[Database]:
        """One transaction; rolled back where the block raises. Raises StoreError.

        ``is_stored`` is asked if the answer to the commit was lost, before it is believed.
        """

    @abstractmethod
    def reading_long(self) -> AbstractContextManager[Reading]:
        """Gives many reads, for the holder of a lock on what is read: no writer waits for them.

        Raises StoreError.
        """


class Part:
    """A part of the store: some of its tables, over the transactions of all."""

    def __init__(self, transactions: Transactions) -> None:
        self.reading = transactions.reading
        self.writing = transactions.writing


class Lock(ABC):
    """A lock that one holder has at a time, whatever thread, process or server it is of.

    It is free again once its holder's process has ended, however it ended.
    """

    @abstractmethod
    def acquire(self, *, timeout_s: float) -> bool:
        """Return True once it is held, False if others hold it all along. Raises StoreError."""

    @abstractmethod
    def release(self) -> None:
        """Let go of it."""

    @property
    @abstractmethod
    def is_held(self) -> bool:
        """Whether it is held here, as far as is known."""

    @property
    @abstractmethod
    def is_usable(self) -> bool:
        """Whether it could be taken, or waited for."""


class Engine(Transactions):
    """A database as the store is kept in it."""

    # The database's file; where it is none, beside what of that name this server keeps its own.
    path: Path
    # The migrations that datasets bring with them.
    more_migrations: Sequence[Callable[[Any], None]] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call the database by; no password is in it."""

    @abstractmethod
    def lock(self, name: str) -> Lock:
        """The lock of that name."""

    def holder(self, name: str) -> str | None:
        """Which server holds a lock, by its id; None if nobody does, or it cannot be told."""
        return None

    @abstractmethod
    def notify(self, message: str) -> None:
        """Tell the other servers something now. Raises StoreError."""

    @abstractmethod
    def listen(self, hear: Callable[[str | None], None]) -> None:
        """Call ``hear`` with every message of other servers, until ``close``.

        With None when some may have been missed. It is called on a thread of its own.
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
        """What the database's backups are known by; None if it keeps none of its own."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""


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
