"""Rows that were asked for, ready to be written as a file of any format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import duckdb

from ecommerce_core.datasets import Column, Kind

# DuckDB numbers by what a file says: an amount in euros to the cent, up to 64 bits of cents.
_EUROS = "CAST(CAST({name} AS DECIMAL(19,0)) * CAST(0.01 AS DECIMAL(3,2)) AS DECIMAL(21,2))"


class Stopped(Exception):  # noqa: N818
    """Nobody waits for the file any more."""


class NeedsMemory(Exception):  # noqa: N818
    """The rows do not fit into the memory that a reader has: they are to be sorted."""


@dataclass(slots=True)
class Work:
    """A file being made, which whoever waits for it may stop, from any thread."""

    cursor: duckdb.DuckDBPyConnection | None = None
    is_stopped: Event = field(default_factory=Event)

    def stop(self) -> None:
        """End it soon. To be called again while it has not ended: it may be between two steps."""
        self.is_stopped.set()
        cursor = self.cursor
        if cursor is not None:
            with suppress(duckdb.Error):  # it may have ended just now
                cursor.interrupt()

    @contextmanager
    def on(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Work on a cursor. Raises Stopped if nobody waits any more, and NeedsMemory."""
        self.cursor = cursor
        try:
            self.check()
            yield
        except duckdb.InterruptException as error:
            raise Stopped from error
        except duckdb.OutOfMemoryException as error:
            raise NeedsMemory from error
        finally:
            self.cursor = None

    def check(self) -> None:
        """Raise Stopped if nobody waits."""
        if self.is_stopped.is_set():
            raise Stopped


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows as a statement on a cursor, and which of their columns are wanted, in what order.

    Texts in ``mixed`` are numbers if another column, ``NAME_is_number``, says so.
    """

    work: Work
    sql: str
    values: Sequence[Any]
    columns: tuple[Column, ...]
    mixed: frozenset[str] = frozenset()

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """What the statement runs on."""
        if self.work.cursor is None:
            raise Stopped
        return self.work.cursor


def value_of(column: Column) -> str:
    """What a file says of a column, in SQL: euros to the cent, all else as it is stored."""
    return _EUROS.format(name=column.name) if column.kind is Kind.MONEY else column.name
