"""What readers ask of a dataset: one page of rows, how many match, and what there is to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.models import Query, Totals
from ecommerce_core.transactions import Transactions, to_datetime

_TIMES = ("first_seen_at", "updated_at", "withdrawn_at")


class Rows(Transactions):
    """Reads of the datasets' tables. Everything raises StoreError where the database cannot."""

    def list_rows(self, dataset: Dataset, query: Query) -> list[Row]:
        """One page of the rows that match, in the query's order, ties by key."""
        where, values = _where(dataset, query)
        sort = query.sort if query.sort in sortable_columns(dataset) else dataset.key
        direction = "DESC" if query.descending else "ASC"
        page_size = max(1, query.page_size)
        with self.reading() as db:
            rows = db.query(
                f"SELECT * FROM {dataset.table} WHERE {where}"
                f" ORDER BY {sort} {direction}, {dataset.key} {direction} LIMIT ? OFFSET ?",
                [*values, page_size, (max(1, query.page) - 1) * page_size],
            )
            return [_row(dataset, row) for row in rows]

    def count_rows(self, dataset: Dataset, query: Query) -> int:
        """How many rows match."""
        where, values = _where(dataset, query)
        with self.reading() as db:
            sql = f"SELECT count(*) FROM {dataset.table} WHERE {where}"
            return int(db.execute(sql, values).fetchone()[0])

    def find_row(self, dataset: Dataset, key: str) -> Row | None:
        """The row of one key, withdrawn or not."""
        with self.reading() as db:
            sql = f"SELECT * FROM {dataset.table} WHERE {dataset.key} = ?"
            row = next(iter(db.query(sql, [key])), None)
            return None if row is None else _row(dataset, row)

    def totals(self, dataset: Dataset) -> Totals:
        """How many rows the dataset holds."""
        with self.reading() as db:
            sql = f"SELECT count(*), count(withdrawn_at) FROM {dataset.table}"
            rows, withdrawn = db.execute(sql).fetchone()
            return Totals(current=rows - withdrawn, withdrawn=withdrawn)

    def list_values(
        self, dataset: Dataset, column: str, *, limit: int = 200
    ) -> list[tuple[str, int]]:
        """The values of a column among the current rows, with counts, the most frequent first.

        Raises KeyError where the dataset has no such column.
        """
        if column not in dataset.column_names:
            raise KeyError(column)
        with self.reading() as db:
            sql = (
                f"SELECT {column}, count(*) FROM {dataset.table}"
                f" WHERE withdrawn_at IS NULL GROUP BY {column} ORDER BY 2 DESC, 1 LIMIT ?"
            )
            return [(str(value), count) for value, count in db.execute(sql, [limit])]


def sortable_columns(dataset: Dataset) -> tuple[str, ...]:
    """The columns that a reader may sort by. A fixed list: ORDER BY would run a subselect."""
    return (*dataset.column_names, *_TIMES)


def _where(dataset: Dataset, query: Query) -> tuple[str, list[Any]]:
    clauses, values = [], list[Any]()
    if not query.with_withdrawn:
        clauses.append("withdrawn_at IS NULL")
    for column, value in query.filters.items():
        if column in dataset.column_names:
            clauses.append(f"{column} = ?")
            values.append(value)
    words = query.search.split()
    searched = [column.name for column in dataset.columns if column.searched]
    for word in words:
        any_of = " OR ".join(f"{name} LIKE ? ESCAPE '\\'" for name in searched)
        clauses.append(f"({any_of})")
        values.extend([_like(word)] * len(searched))
    return " AND ".join(clauses) or "1", values


def _like(word: str) -> str:
    """A pattern that finds ``word`` anywhere, whatever characters it has."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _row(dataset: Dataset, row: Mapping[str, Any]) -> Row:
    times = {name: to_datetime(row[name]) for name in _TIMES}
    return dataset.row_type(**{**row, **times})
