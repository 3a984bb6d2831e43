"""One version of a dataset's rows, and the queries on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import duckdb
import pyarrow as pa

from ecommerce_core.datasets import Dataset, Row
from ecommerce_core.domain import Query, Totals
from ecommerce_core.storage.snapshots.histogram import Bins, count_bins, edges_of
from ecommerce_core.storage.snapshots.question import AS_STORED, order_by, where
from ecommerce_core.storage.snapshots.shape import Kind, shape_of
from ecommerce_core.storage.snapshots.version import Version

VALUES_LISTED = 200
ROWS_PER_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the matching rows, and how many match in all."""

    rows: list[Row]
    total: int


class View:
    """The rows of one version, for one thread. Every method may raise duckdb.Error."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, dataset: Dataset, version: Version
    ) -> None:
        self.version = version
        self._cursor = cursor
        self._dataset = dataset
        self._shape = shape_of(dataset)
        self._table = self._shape.table
        self._names = tuple(field.name for field in self._shape.fields)

    def read_page(self, query: Query) -> Page:
        """Return a page of the matching rows, in the query's order, and how many match in all."""
        total = self.count_rows(query)
        return Page(self._list_rows(query, total), total)

    def list_rows(self, query: Query) -> list[Row]:
        """Return a page of the matching rows, in the query's order; empty if there is none."""
        # The total, which tells which end is nearer, only matters beyond the first page.
        return self._list_rows(query, self.count_rows(query) if query.page > 1 else None)

    def _list_rows(self, query: Query, total: int | None) -> list[Row]:
        return list(
            map(self._to_row, self._cursor.execute(*self._select_page(query, total)).fetchall())
        )

    def _select_page(self, query: Query, total: int | None) -> tuple[str, list[Any]]:
        """Return the statement of a page; ``total`` rows match, None if they were not counted."""
        size = max(1, query.page_size)
        offset = (max(1, query.page) - 1) * size
        is_backwards = False
        if total is not None:
            size = max(0, min(size, total - offset))
            if offset > total // 2:
                is_backwards, offset = True, max(0, total - offset - size)
        matching = where(self._shape, query)
        # Their positions first, so that only the rows of the page are fetched.
        sql = (
            f"SELECT {', '.join(self._names)} FROM {self._table} WHERE rowid IN ("
            f" SELECT rowid FROM {self._table} WHERE {matching.sql}"
            f" ORDER BY {order_by(self._shape, query, is_backwards=is_backwards)}"
            f" LIMIT ? OFFSET ?) ORDER BY {order_by(self._shape, query)}"
        )
        return sql, [*matching.values, size, offset]

    def count_rows(self, query: Query) -> int:
        """Return how many rows match."""
        matching = where(self._shape, query)
        return int(
            self._scalar(f"count(*) FROM {self._table} WHERE {matching.sql}", matching.values)
        )

    def find_row(self, key: str) -> Row | None:
        """Return the row with that key, withdrawn or not, or None."""
        sound = key.encode("utf-8", "replace").decode()
        found = self._cursor.execute(
            f"SELECT {', '.join(self._names)} FROM {self._table} WHERE {self._shape.key.name} = ?",
            [sound],
        ).fetchone()
        return None if found is None else self._to_row(found)

    def totals(self) -> Totals:
        """Return how many rows the dataset holds."""
        current = f"count(*) FROM {self._table} WHERE withdrawn_at IS NULL"
        withdrawn = f"count(*) FROM {self._table} WHERE withdrawn_at IS NOT NULL"
        return Totals(current=self._scalar(current), withdrawn=self._scalar(withdrawn))

    def list_values(
        self, column: str, query: Query, *, limit: int = VALUES_LISTED
    ) -> list[tuple[str, int]]:
        """List the values of a column with counts, the most frequent first.

        Among the matching rows, without the query's conditions on the column itself. Raises
        KeyError.
        """
        name = self._shape.field(column).name
        matching = where(self._shape, query, aside=name)
        found = self._cursor.execute(
            f"SELECT {name}, count(*) FROM {self._table} WHERE {matching.sql}"
            f" AND {name} IS NOT NULL GROUP BY {name} ORDER BY count(*) DESC, {name} LIMIT ?",
            [*matching.values, limit],
        )
        return [(str(value), count) for value, count in found.fetchall()]

    def bounds(self, column: str) -> tuple[Any, Any]:
        """Return a column's least and greatest value, withdrawn rows included. Raises KeyError."""
        name = self._shape.field(column).name
        found = self._cursor.execute(f"SELECT min({name}), max({name}) FROM {self._table}")
        least, greatest = found.fetchone() or (None, None)
        return least, greatest

    def histogram(self, column: str, query: Query, *, bins: int = 24) -> Bins:
        """Count the matching rows by intervals of a number: (low, high, count), ``high`` excluded.

        At most ``bins``, of one width, from the column's least to its greatest value, within the
        query's own range: other filters do not change the axis. The last one includes its ``high``;
        empty ones are included. The edges of whole numbers are whole. Rows without a value are left
        out. Raises KeyError.
        """
        field = self._shape.field(column)
        edges = edges_of(*self.bounds(column), query, column, bins)
        if not edges:
            return []
        matching = where(self._shape, query)
        return count_bins(self._cursor, self._table, field.name, matching, edges)

    def iter_rows(self, query: Query, *, chunk: int = ROWS_PER_CHUNK) -> Iterator[list[Row]]:
        """Yield all matching rows, in the query's order, ``chunk`` at a time; memory is bounded."""
        found = self._cursor.execute(*self._select_all(query, self._names))
        while rows := found.fetchmany(chunk):
            yield list(map(self._to_row, rows))

    def iter_batches(
        self, query: Query, *, columns: Sequence[str] | None = None, chunk: int = ROWS_PER_CHUNK
    ) -> Iterator[pa.RecordBatch]:
        """Yield them as Arrow batches; times are UTC without a time zone. Raises KeyError."""
        names = [self._shape.field(name).name for name in columns or self._names]
        sql, values = self._select_all(query, names)
        batches: pa.RecordBatchReader = self._cursor.sql(sql, params=values).to_arrow_reader(chunk)
        yield from batches

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The cursor that runs the statements. ``interrupt`` ends one, from any thread."""
        return self._cursor

    def select(self, query: Query, *, page_of: int | None = None) -> tuple[str, list[Any]]:
        """Return a statement with its parameters that selects whole rows, in the query's order.

        All that match, or one page if ``page_of`` gives the number that match.
        """
        if page_of is not None:
            return self._select_page(query, page_of)
        return self._select_all(query, self._names)

    @property
    def table(self) -> str:
        """The name of the table that holds the rows."""
        return self._table

    def select_keys(self, query: Query) -> tuple[str, list[Any]]:
        """Return a statement with its parameters that selects the keys of the matching rows."""
        matching = where(self._shape, query)
        sql = f"SELECT {self._shape.key.name} FROM {self._table} WHERE {matching.sql}"
        return sql, matching.values

    def _select_all(self, query: Query, names: Sequence[str]) -> tuple[str, list[Any]]:
        matching = where(self._shape, query)
        sql = f"SELECT {', '.join(names)} FROM {self._table} WHERE {matching.sql}"
        order = order_by(self._shape, query)
        # DuckDB keeps the stored order: nothing need be sorted or held in memory.
        if order != AS_STORED:
            sql = f"{sql} ORDER BY {order}"
        return sql, matching.values

    def _scalar(self, what: str, values: Sequence[Any] = ()) -> Any:
        found = self._cursor.execute(f"SELECT {what}", list(values)).fetchone()
        return None if found is None else found[0]

    def _to_row(self, values: tuple[Any, ...]) -> Row:
        told = zip(self._shape.fields, values, strict=True)
        row: Row = self._dataset.row_type(
            *(
                value.replace(tzinfo=UTC) if field.kind is Kind.MOMENT and value else value
                for field, value in told
            )
        )
        return row
