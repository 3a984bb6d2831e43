"""Selected rows, ready to be written as a file of any format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import duckdb

from ecommerce_core.datasets import Column, Kind

# The type of a file's amount in euros: exact to the cent, for up to 64 bits of cents.
_EUROS = "CAST(CAST({name} AS DECIMAL(19,0)) * CAST(0.01 AS DECIMAL(3,2)) AS DECIMAL(21,2))"


class Stopped(Exception):  # noqa: N818
    """The file is not wanted any more."""


class NeedsMemory(Exception):  # noqa: N818
    """The rows need more memory to be sorted than a reader has."""


@dataclass(slots=True)
class Work:
    """The work on a file, which any thread may stop."""

    cursor: duckdb.DuckDBPyConnection | None = None
    is_stopped: Event = field(default_factory=Event)

    def stop(self) -> None:
        """Stop it soon. Call it again until it has ended, since it may be between two steps."""
        self.is_stopped.set()
        cursor = self.cursor
        if cursor is not None:
            with suppress(duckdb.Error):  # it may have ended just now
                cursor.interrupt()

    @contextmanager
    def on(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Work on a cursor. Raises Stopped if the work was stopped, and NeedsMemory."""
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
        """Raise Stopped if the work was stopped."""
        if self.is_stopped.is_set():
            raise Stopped


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows as a statement on a cursor, and the selected columns in their order.

    Texts in ``mixed`` are numbers if another column, ``NAME_is_number``, is true.
    """

    work: Work
    sql: str
    values: Sequence[Any]
    columns: tuple[Column, ...]
    mixed: frozenset[str] = frozenset()

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The cursor that runs the statement. Raises Stopped without one."""
        if self.work.cursor is None:
            raise Stopped
        return self.work.cursor


def value_of(column: Column) -> str:
    """Return a column's value in files, in SQL: euros to the cent, all else as it is stored."""
    return _EUROS.format(name=column.name) if column.kind is Kind.MONEY else column.name
