"""A copy of the journal's public tables for the explore page: a DuckDB file, made on demand.

It is made again if a run has begun or ended since. It is read in many short transactions, so that
no writer of the database waits.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ecommerce_core.datasets import Column, Dataset, Kind, value_in_files
from ecommerce_core.storage.explore.tables import MOST_CHANGES, RUNS, Table, types_of
from ecommerce_core.storage.record import Transactions
from ecommerce_core.storage.snapshots import CONFIG

ROWS_PER_READ = 2_048
Rows = list[tuple[Any, ...]]

_RUNS = """
    SELECT id, dataset, action, trigger, status, started_at, finished_at, fetched, added, returned,
        updated, unchanged, withdrawn, rejected, rows_after, body_bytes, task_name, error_code
    FROM run WHERE id > ? ORDER BY id LIMIT ?
"""
_CHANGES = """
    SELECT change.run_id, run.finished_at, change.dataset, key, field, old, new
    FROM change JOIN run ON run.id = change.run_id
    WHERE (change.run_id, key, field) > (?, ?, ?) ORDER BY change.run_id, key, field LIMIT ?
"""
# The last run of which not all changes are among the newest.
_OLDER = "SELECT run_id FROM change ORDER BY run_id DESC LIMIT 1 OFFSET ?"
_STATE = "SELECT coalesce(max(id), 0), count(finished_at) FROM run"


class JournalCopy:
    """The newest copy of one table of the journal. For all threads of a process.

    ``most_changes`` bounds the changes, see ``tables``.
    """

    def __init__(
        self,
        table: Table,
        record: Transactions,
        datasets: Collection[Dataset],
        *,
        most_changes: int = MOST_CHANGES,
    ) -> None:
        self._table = table
        self._record = record
        self._columns = {
            (dataset.name, column.name): column
            for dataset in datasets
            for column in dataset.row_columns
        }
        self._most_changes = most_changes
        self._lock = threading.Lock()
        self._made: tuple[Any, Path] | None = None

    def path(self, folder: Path, *, gives_up: Callable[[], bool] = lambda: False) -> Path | None:
        """Return the file, in ``folder``, or None if ``gives_up`` returned True meanwhile.

        A query that opened the copy before continues with it. Raises StoreError, duckdb.Error,
        OSError.
        """
        with self._lock:
            with self._record.reading() as db:
                state = db.execute(_STATE).fetchone()
            if self._made is not None and self._made[0] == state and self._made[1].exists():
                return self._made[1]
            path = folder / f"{self._table.name}.{secrets.token_hex(4)}.duckdb"
            before, self._made = self._made, None
            if before is not None:
                with suppress(OSError):
                    before[1].unlink()
            if not self._write(path, gives_up):
                path.unlink(missing_ok=True)
                return None
            self._made = state, path
            return path

    def _write(self, path: Path, gives_up: Callable[[], bool]) -> bool:
        name, columns = self._table.name, self._table.columns
        config: Any = {**CONFIG, "threads": 1, "memory_limit": "128MB"}
        with closing(duckdb.connect(path, config=config)) as database:
            path.chmod(0o600)
            database.execute(f"CREATE TABLE {name} ({', '.join(types_of(self._table))})")
            for rows in self._list_runs() if name == RUNS else self._list_changes():
                if gives_up():
                    return False
                values = zip(columns, zip(*rows, strict=True), strict=True)
                arrays = [pa.array(each, _arrives_as(column)) for column, each in values]
                arriving = pa.table(arrays, names=[column.name for column in columns])
                database.register("arriving", arriving)
                database.execute(f"INSERT INTO {name} SELECT * FROM arriving")
                database.unregister("arriving")
        return True

    def _list_runs(self) -> Iterator[Rows]:
        after = 0
        while True:
            with self._record.reading() as db:
                rows: Rows = db.execute(_RUNS, [after, ROWS_PER_READ]).fetchall()
            if rows:
                yield rows
            if len(rows) < ROWS_PER_READ:
                return
            after = rows[-1][0]

    def _list_changes(self) -> Iterator[Rows]:
        with self._record.reading() as db:
            older = db.execute(_OLDER, [self._most_changes]).fetchone()
        # After every key of that run.
        after: tuple[Any, ...] = (0, "", "") if older is None else (older[0] + 1, "", "")
        while True:
            with self._record.reading() as db:
                rows: Rows = db.execute(_CHANGES, [*after, ROWS_PER_READ]).fetchall()
            if rows:
                yield [self._as_told(row) for row in rows]
            if len(rows) < ROWS_PER_READ:
                return
            after = rows[-1][0], rows[-1][3], rows[-1][4]

    def _as_told(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return a change with the names and units of every file."""
        run_id, changed_at, dataset, key, field, old, new = row
        column = self._columns.get((dataset, field))
        name = field if column is None else column.field
        texts = (value_in_files(value, column) for value in (old, new))
        numbers = (_number(value, column) for value in (old, new))
        return run_id, changed_at, dataset, key, name, *texts, *numbers


def _number(value: str | float | None, column: Column | None) -> float | None:
    if value is None or isinstance(value, str):
        return None
    return value / (1 if column is None else column.scale)


def _arrives_as(column: Column) -> pa.DataType:
    if column.kind is Kind.NUMBER:
        return pa.float64() if column.name.endswith("_number") else pa.int64()
    return pa.string()
