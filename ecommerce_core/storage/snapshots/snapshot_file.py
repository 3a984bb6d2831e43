"""Write one snapshot: a DuckDB file of a dataset's rows, streamed from the store of record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import SyncStopped
from ecommerce_core.storage.record import Reading
from ecommerce_core.storage.snapshots.database import CONFIG
from ecommerce_core.storage.snapshots.shape import Field, Kind, Shape, shape_of
from ecommerce_core.storage.snapshots.text_search import fold_all

ROWS_PER_READ = 2_048
Rows = list[Sequence[Any]]

_ARRIVES_AS = {
    Kind.TEXT: pa.string(),
    Kind.CODE: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.MOMENT: pa.string(),
}
_STORED_AS = {
    Kind.TEXT: "VARCHAR",
    Kind.CODE: "VARCHAR",
    Kind.INTEGER: "BIGINT",
    Kind.NUMBER: "DOUBLE",
    Kind.MOMENT: "TIMESTAMP",
}
# Puts the number of its digits before each number, so that 2 comes before 10, however long.
_NATURAL = """
    CREATE TEMP MACRO natural_order(folded) AS array_to_string(
        list_transform(
            regexp_extract_all(folded, '[0-9]+|[^0-9]+'),
            LAMBDA part: CASE
                WHEN part[1] BETWEEN '0' AND '9'
                THEN lpad(CAST(length(ltrim(part, '0')) AS VARCHAR), 4, '0') || ltrim(part, '0')
                ELSE part
            END
        ),
        ''
    )
"""


def write_file(
    path: Path,
    reading: Reading,
    dataset: Dataset,
    *,
    memory_mb: int,
    threads: int,
    gives_up: Callable[[], bool] = lambda: False,
) -> None:
    """Write the dataset's rows as they are now into ``path``, a file that does not exist yet.

    ``reading`` gives a view for each of many reads: nobody may change the rows meanwhile.

    Raises SyncStopped if ``gives_up`` returns True, StoreError if the store of record cannot be
    read, duckdb.Error and OSError if the file cannot be written.
    """
    shape = shape_of(dataset)
    source = _Source(lambda: _list_rows(reading, shape, gives_up), shape)
    config: Any = {
        **CONFIG,
        "memory_limit": f"{memory_mb}MB",
        "threads": threads,
        "temp_directory": str(path.with_name(f"{path.name}.spill")),
    }
    # An instance of its own: after a failed write, an instance cannot be used any more.
    with duckdb.connect(path, config=config) as database:
        with suppress(OSError):  # not every file system has modes
            path.chmod(0o600)
        database.execute(_NATURAL)
        database.register("arriving", source.reader)
        try:
            database.execute(
                f"CREATE TABLE {shape.table} AS SELECT {_columns(shape)} FROM arriving"
                f" ORDER BY natural_order({shape.key.folded}), {shape.key.name}"
            )
        except duckdb.Error:
            if source.error is not None:
                raise source.error from None
            raise
        database.unregister("arriving")
        database.execute("CHECKPOINT")


def is_sound(path: Path, dataset: Dataset) -> bool:
    """Return whether every row of a snapshot can be read."""
    table = shape_of(dataset).table
    try:
        with duckdb.connect(path, read_only=True, config={**CONFIG, "threads": 1}) as database:
            database.execute(f"SELECT sum(hash(COLUMNS(*))) FROM {table}").fetchall()
    except duckdb.Error:
        return not path.exists()
    return True


def create_empty(cursor: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """Give a cursor an empty table in place of a snapshot's."""
    shape = shape_of(dataset)
    columns = [f"{field.name} {_STORED_AS[field.kind]}" for field in shape.fields]
    columns += [f"{field.folded} VARCHAR" for field in shape.fields if field.is_text]
    columns += [f"{field.order} VARCHAR" for field in _codes(shape)]
    cursor.execute(f"CREATE TEMP TABLE {shape.table} ({', '.join(columns)})")


def _codes(shape: Shape) -> list[Field]:
    """Return the codes whose order differs from that of the rows."""
    return [field for field in shape.fields if field.kind is Kind.CODE and not field.is_key]


def _columns(shape: Shape) -> str:
    """Return the columns of the file, in SQL."""
    own = (
        f"CAST({field.name} AS TIMESTAMP) AS {field.name}"
        if field.kind is Kind.MOMENT
        else field.name
        for field in shape.fields
    )
    folded = (field.folded for field in shape.fields if field.is_text)
    orders = (f"natural_order({field.folded}) AS {field.order}" for field in _codes(shape))
    return ", ".join((*own, *folded, *orders))


def _list_rows(reading: Reading, shape: Shape, gives_up: Callable[[], bool]) -> Iterator[Rows]:
    """Yield all rows of the table in the key's order, some thousands at a time."""
    names = ", ".join(field.name for field in shape.fields)
    key = shape.key.name
    sql = f"SELECT {names} FROM {shape.table} WHERE {key} > ? ORDER BY {key} LIMIT ?"
    at, after = shape.fields.index(shape.key), ""
    while True:
        if gives_up():
            raise SyncStopped("snapshot_stopped")
        with reading() as db:
            rows: Rows = db.execute(sql, [after, ROWS_PER_READ]).fetchall()
        if rows:
            yield rows
        if len(rows) < ROWS_PER_READ:
            return
        after = rows[-1][at]


class _Source:
    """Rows as Arrow batches. ``error`` is what ended them, which DuckDB would wrap."""

    def __init__(self, list_rows: Callable[[], Iterator[Rows]], shape: Shape) -> None:
        self.error: Exception | None = None
        self._shape = shape
        texts = (pa.field(field.folded, pa.string()) for field in shape.fields if field.is_text)
        own = (pa.field(field.name, _ARRIVES_AS[field.kind]) for field in shape.fields)
        self._schema = pa.schema([*own, *texts])
        self.reader = pa.RecordBatchReader.from_batches(self._schema, self._batches(list_rows))

    def _batches(self, list_rows: Callable[[], Iterator[Rows]]) -> Iterator[pa.RecordBatch]:
        try:
            for rows in list_rows():
                columns = dict(zip(self._shape.fields, zip(*rows, strict=True), strict=True))
                arrays = [pa.array(columns[f], _ARRIVES_AS[f.kind]) for f in self._shape.fields]
                texts = (columns[field] for field in self._shape.fields if field.is_text)
                folded = [pa.array(fold_all(column), pa.string()) for column in texts]
                yield pa.record_batch([*arrays, *folded], schema=self._schema)
        except Exception as error:
            self.error = error
            raise
