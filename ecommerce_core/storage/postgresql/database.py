"""A connection to PostgreSQL within a transaction, as the parts of the store use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import sql as quoting
from psycopg.rows import dict_row

from ecommerce_core.storage.postgresql.dialect import translate
from ecommerce_core.storage.record import Constants, Values

T = TypeVar("T")

CHANNEL = "ecommerce"
ROWS_PER_STEP = 10_000
ROWS_PER_FETCH = 10_000
KEYS_PER_QUESTION = 1_000
# A process that is stopped while it sends rows cannot be recognised by being idle.
STEP_TIMEOUT_S = 60
# Fewer rows than these are updated one by one.
FEW_ROWS = 50


class PostgresqlDatabase:
    """A connection within a transaction.

    ``json_columns`` are, by table, the columns whose values keep the type that they have in SQLite.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        server_id: str,
        json_columns: Mapping[str, frozenset[str]],
    ) -> None:
        self.conn = connection
        self._server_id = server_id
        self._json_columns = json_columns

    def execute(self, sql: str, parameters: Any = ()) -> psycopg.Cursor[Any]:
        """Run one statement."""
        return self.conn.execute(translate(sql), _clean(parameters))

    def query(self, sql: str, parameters: Any = ()) -> Iterator[dict[str, Any]]:
        """Run a SELECT; its rows as dicts."""
        with self.conn.cursor(row_factory=dict_row) as cursor:
            yield from cursor.execute(translate(sql), _clean(parameters))

    def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        """Run one statement for each of a few rows."""
        with self.conn.cursor() as cursor:
            cursor.executemany(translate(sql), [_clean(row) for row in rows])

    def stream(self, sql: str) -> Iterator[Values]:
        """Run a SELECT of many rows; they are fetched as they are taken."""
        with self.conn.cursor("stream", binary=True) as cursor:
            cursor.itersize = ROWS_PER_FETCH
            yield from cursor.execute(translate(sql))

    def select_by_keys(
        self, table: str, key: str, columns: Sequence[str], keys: Iterable[str]
    ) -> Iterator[Values | None]:
        """Return the row of each key, in the order of the keys, or None if there is none."""
        names = ", ".join((*columns, key))
        for some in _pieces(iter(keys), KEYS_PER_QUESTION):
            wanted = f"SELECT {names} FROM {table} WHERE {key} = ANY(%s)"
            rows = self.conn.execute(wanted, [some])
            found = {row[-1]: row[:-1] for row in rows}
            yield from (found.get(each) for each in some)

    def insert(
        self,
        table: str,
        columns: Sequence[str],
        rows: Iterator[Values],
        *,
        constants: Constants,
        on_rows: Callable[[int], None],
    ) -> None:
        """Insert many rows, by COPY."""
        fixed = tuple(constants.values())
        names = (*columns, *constants)
        self._limit_steps()
        for step in _pieces(rows, ROWS_PER_STEP):
            self._copy(table, names, (row + fixed for row in step))
            on_rows(len(step))
        self._limit_steps(0)

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
        """Update many rows by their key, from a temporary table that COPY fills."""
        fixed = {name: quoting.Literal(value).as_string() for name, value in constants.items()}
        self._limit_steps()
        for step in _pieces(rows, ROWS_PER_STEP):
            if len(step) < FEW_ROWS:
                written = dict.fromkeys(columns, "%s") | fixed
                sets = ", ".join(f"{name} = {value}" for name, value in written.items())
                sql = f"UPDATE {table} SET {sets} WHERE {key} = %s"
                with self.conn.cursor() as cursor:
                    cursor.executemany(sql, [(*row[1:], row[0]) for row in step])
            else:
                names = ", ".join((key, *columns))
                self.conn.execute(
                    "CREATE TEMP TABLE updating ON COMMIT DROP AS"
                    f" SELECT {names} FROM {table} WITH NO DATA"
                )
                self._copy("updating", (key, *columns), step)
                written = {name: f"updating.{name}" for name in columns} | fixed
                sets = ", ".join(f"{name} = {value}" for name, value in written.items())
                self.conn.execute(
                    f"UPDATE {table} SET {sets} FROM updating WHERE {table}.{key} = updating.{key}"
                )
                self.conn.execute("DROP TABLE updating")
            on_rows(len(step))
        self._limit_steps(0)

    def continue_numbers(self, table: str) -> None:
        """Number the rows to come after those that were inserted with their numbers."""
        self.conn.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
            " HAVING max(id) IS NOT NULL"
        )

    def notify(self, message: str) -> None:
        """Notify the other servers once this transaction is committed."""
        notify(self.conn, server_id=self._server_id, message=message)

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[Values]) -> None:
        as_json = self._json_columns.get(table, frozenset())
        encoded = [number for number, name in enumerate(columns) if name in as_json]
        with (
            self.conn.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            if encoded:
                rows = (_encode(row, encoded) for row in rows)
            for row in rows:
                copy.write_row(row)

    def _limit_steps(self, seconds: int = STEP_TIMEOUT_S) -> None:
        self.conn.execute(f"SET LOCAL statement_timeout = '{seconds}s'")


def notify(connection: psycopg.Connection[Any], *, server_id: str, message: str) -> None:
    """Notify the servers that listen; the message names the sender."""
    said = msgspec.json.encode([server_id, message]).decode()
    connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, said])


def _pieces(values: Iterator[T], size: int) -> Iterator[list[T]]:
    while piece := list(islice(values, size)):
        yield piece


def _encode(row: Values, numbers: Sequence[int]) -> Values:
    values = list(row)
    for number in numbers:
        if values[number] is not None:
            values[number] = msgspec.json.encode(values[number]).decode()
    return tuple(values)


def _clean(parameters: Any) -> Any:
    """Return values with a mark in place of NUL, which PostgreSQL's texts cannot contain."""
    if isinstance(parameters, Mapping):
        return {name: _clean_value(value) for name, value in parameters.items()}
    return [_clean_value(value) for value in parameters]


def _clean_value(value: Any) -> Any:
    return value.replace("\0", "�") if isinstance(value, str) and "\0" in value else value
