"""Check that the application can read back every value of a sound database.

SQLite checks the schema and its own pages only. An invalid time, an unknown status, a text that is
not UTF-8 or truncated JSON would break the first page that shows them.
"""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from ecommerce_core.domain import (
    Action,
    ExpectedOutcome,
    Outcome,
    Resolution,
    RunStatus,
    TaskEvent,
    Trigger,
    Wanted,
)
from ecommerce_core.storage.record import DatasetState, to_details

_CHUNK = 2**20
# The maximum of ECOMMERCE_MAX_BODY_MB: no held answer is longer.
LARGEST_BODY_BYTES = 4096 * 2**20
# No count or row number is larger: beyond it, JSON is inexact and a row may get no number.
_LARGEST_NUMBER = 2**53
# Times are converted to the zones of readers, compared as texts and read by other engines.
_FORM_OF_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1970, 9998
# SQLite's names of the types of value that a column of each declared type may hold.
_STORED_AS = {
    "TEXT": ("text",),
    "INTEGER": ("integer",),
    "REAL": ("real", "integer"),
    "BLOB": ("blob",),
    "ANY": ("text", "integer", "real"),
}


def find_unreadable(connection: sqlite3.Connection) -> str | None:
    """Return the place of the first unreadable value, as ``table.column``, or None."""
    tables = connection.execute(
        "SELECT name FROM pragma_table_list"
        " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    ).fetchall()
    if connection.execute(
        "SELECT 1 FROM sqlite_sequence WHERE typeof(seq) <> 'integer' OR seq > ?", [_LARGEST_NUMBER]
    ).fetchone():
        return "sqlite_sequence.seq"
    return next((found for (table,) in tables for found in _unreadable(connection, table)), None)


def _unreadable(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = dict(connection.execute("SELECT name, type FROM pragma_table_info(?)", [table]))
    keys = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0", [table])
    key_columns = {name for (name,) in keys}
    for column, kind in columns.items():
        if kind not in _STORED_AS:
            continue  # of an index that this SQLite cannot read
        allowed = ", ".join(f"'{one}'" for one in (*_STORED_AS[kind], "null"))
        wrong = f"typeof({column}) NOT IN ({allowed})"
        if kind in {"REAL", "ANY"}:  # JSON has no infinity
            wrong += f" OR {column} IN (9e999, -9e999)"
        if kind == "INTEGER" and column in key_columns:  # the next row would get no number
            wrong += f" OR {column} > {_LARGEST_NUMBER}"
        if connection.execute(f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1").fetchone():
            yield f"{table}.{column}"
    if not _is_utf8(connection, table):
        yield f"{table}: a text that is not UTF-8"
        return  # the checks below would fail on it
    for column in columns:
        read = _READERS.get((table, column))
        if read is None and column.endswith("_at"):
            read = _read_simulated if column.startswith("simulated_") else _read_moment
        if read is not None and not _reads(connection, table, column, read):
            yield f"{table}.{column}"


def _is_utf8(connection: sqlite3.Connection, table: str) -> bool:
    try:
        for _ in connection.execute(f"SELECT * FROM {table}"):
            pass
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", None) is not None:
            raise  # SQLite's own error; the other one is Python's
        return False
    return True


def _reads(
    connection: sqlite3.Connection, table: str, column: str, read: Callable[[Any], object]
) -> bool:
    values = connection.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
    try:
        for (value,) in values:
            read(value)
    except (ValueError, TypeError, OverflowError, msgspec.MsgspecError, zlib.error):
        return False
    return True


def _read_moment(text: str) -> None:
    if _FORM_OF_MOMENT.fullmatch(text) is None:
        raise ValueError("no moment in UTC")
    _check_year(datetime.fromisoformat(text))


def _read_simulated(text: str) -> None:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError("a simulated time with a time zone")
    _check_year(moment)


def _check_year(moment: datetime) -> None:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError("a moment that another time zone may not have")


def _read_cleared(text: str) -> None:
    msgspec.json.decode(text, type=DatasetState)
    DatasetState(**msgspec.json.decode(text))


def _read_body(body: bytes) -> None:
    """Unpack a body piece by piece: it may be crafted to fill the memory."""
    unpacker, left, size = zlib.decompressobj(), body, 0
    while not unpacker.eof:
        piece = unpacker.decompress(left, _CHUNK)
        if not piece and not unpacker.unconsumed_tail:
            raise ValueError("cut short")
        size += len(piece)
        if size > LARGEST_BODY_BYTES:
            raise ValueError("longer than any answer")
        left = unpacker.unconsumed_tail


_READERS: Mapping[tuple[str, str], Callable[[Any], object]] = {
    ("run", "action"): Action,
    ("run", "trigger"): Trigger,
    ("run", "status"): RunStatus,
    ("run", "resolution"): Resolution,
    ("run", "stages_s"): lambda text: msgspec.json.decode(text, type=dict[str, float]),
    ("run", "error_details"): to_details,
    ("rejected", "details"): to_details,
    ("delivery", "reason_details"): to_details,
    ("promise", "reason_details"): to_details,
    ("delivery", "outcome"): Outcome,
    ("promise", "outcome"): ExpectedOutcome,
    ("wanted_task", "state"): Wanted,
    ("task_record", "event"): TaskEvent,
    ("dataset_state", "cleared"): _read_cleared,
    ("watch", "state"): msgspec.json.decode,
    ("held", "body"): _read_body,
}
