"""A connection to a SQLite file, as the parts of the store use it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from ecommerce_core.storage.record import Constants, Values

ROWS_PER_STEP = 1_000
ROWS_PER_STATEMENT = 50


class SqliteDatabase:
    """A connection within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.conn = connection

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self.conn.execute(sql, parameters)

    def query(self, sql: str, parameters: Any = ()) -> Iterator[dict[str, Any]]:
        """Run a SELECT; its rows as dicts."""
        cursor = self.conn.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        """Run one statement for each of a few rows."""
        self.conn.executemany(sql, rows)

    def stream(self, sql: str) -> Iterator[Values]:
        """Run a SELECT of many rows; they are fetched as they are taken."""
        return self.conn.execute(sql)

    def select_by_keys(
        self, table: str, key: str, columns: Sequence[str], keys: Iterable[str]
    ) -> Iterator[Values | None]:
        """Return the row of each key, in the order of the keys, or None if there is none."""
        select = f"SELECT {', '.join(columns)} FROM {table} WHERE {key} = ?"
        for each in keys:
            yield self.conn.execute(select, [each]).fetchone()

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Iterator[Values],
        *,
        constants: Constants,
        on_rows: Callable[[int], None],
    ) -> None:
        """Insert many rows with each statement, which is a third faster.

        It also releases the interpreter lock, and gets it back from a thread that may be busy, only
        once for all of them.
        """
        width = len(columns)
        # Values that are the same for every row are literals, which keeps the loop in C.
        fixed = [_literal(value) for value in constants.values()]

        def row_from(first: int) -> str:
            marks = (f"?{number}" for number in range(first, first + width))
            return f"({', '.join((*marks, *fixed))})"

        head = f"INSERT INTO {table} ({', '.join((*columns, *constants))}) VALUES "
        numbers = range(1, width * ROWS_PER_STATEMENT, width)
        of_many = head + ", ".join(map(row_from, numbers))
        while step := list(islice(rows, ROWS_PER_STEP)):
            whole = len(step) - len(step) % ROWS_PER_STATEMENT
            starts = range(0, whole, ROWS_PER_STATEMENT)
            together = (step[at : at + ROWS_PER_STATEMENT] for at in starts)
            self.conn.executemany(of_many, map(list, map(chain.from_iterable, together)))
            self.conn.executemany(head + row_from(1), step[whole:])
            on_rows(len(step))

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
        """Update many rows by their key, in steps."""
        fixed = [f"{name} = {_literal(value)}" for name, value in constants.items()]
        written = [f"{name} = ?{number}" for number, name in enumerate(columns, 2)]
        sql = f"UPDATE {table} SET {', '.join((*written, *fixed))} WHERE {key} = ?1"
        while step := list(islice(rows, ROWS_PER_STEP)):
            self.conn.executemany(sql, step)
            on_rows(len(step))

    def continue_numbers(self, table: str) -> None:
        """SQLite does by itself."""

    def notify(self, message: str) -> None:
        """Do nothing: other processes poll the file."""


def _literal(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else f"'{value}'"
