"""Reads of the differences between two runs: a page, counts, totals and files, in plain SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ecommerce_core.datasets import Dataset, Kind
from ecommerce_core.domain import (
    ChangeKind,
    ChangeQuery,
    Difference,
    Query,
    Withdrawn,
)
from ecommerce_core.storage.changes.table import KINDS, NUMBERS, fill_table, listed
from ecommerce_core.storage.record import Transactions
from ecommerce_core.storage.snapshots import Reader, View, newest_version, words_of

TOTALS_LISTED = 50

# The order of a report unless a reader asks for another.
_ORDER = "kind_order, place NULLS LAST, key, field_order"
# The sorts besides the dataset's own choices, with their columns.
_SORTS = {
    "kind": "kind_order",
    "key": "place",
    "title": "title",
    "field": "field_order",
    "difference": "difference",
    "percent": "percent",
    # The largest changes of a number first, in either direction.
    "move": "abs(percent)",
}


class ChangeReader:
    """Reads of changes. Every method raises StoreError if they cannot be read."""

    def __init__(self, record: Transactions, reader: Reader) -> None:
        self._record = record
        self._reader = reader

    @property
    def reader(self) -> Reader:
        """The reader of the rows."""
        return self._reader

    @contextmanager
    def at(self, dataset: Dataset, from_run_id: int, to_run_id: int) -> Iterator[ChangeView]:
        """Yield the differences between two runs, given in either order; for one thread.

        Rows that a clear removed, and that no later sync added again, are unknown.
        """
        runs = min(from_run_id, to_run_id), max(from_run_id, to_run_id)
        with self._reader.at(dataset) as rows:
            with self._record.reading() as db:
                key = (dataset.name, runs, newest_version(db, dataset), rows.version)
            with self._reader.kept_table(
                key, lambda table: fill_table(table, dataset, runs, rows=rows, record=self._record)
            ) as kept:
                yield ChangeView(rows, kept, dataset)

    def count_rows(
        self, dataset: Dataset, from_run_id: int, to_run_id: int
    ) -> dict[ChangeKind, int]:
        """Count the rows by kind of change."""
        with self.at(dataset, from_run_id, to_run_id) as view:
            return view.count_rows(ChangeQuery())


@dataclass(frozen=True, slots=True)
class ChangeView:
    """The differences between two runs, for one thread. Every method may raise duckdb.Error."""

    rows: View
    table: str
    dataset: Dataset

    def count_rows(self, query: ChangeQuery) -> dict[ChangeKind, int]:
        """Count the matching rows of each kind, whatever the query's own kind."""
        where, values = self._where(query, aside="kind")
        found = self._all(
            f"SELECT kind, count(DISTINCT key) FROM {self.table} {where} GROUP BY 1", values
        )
        counts = dict(found)
        return {kind: counts.get(kind.value, 0) for kind in KINDS}

    def count_entries(self, query: ChangeQuery) -> int:
        """Count the matching entries: one for each field of a row, or one for a row."""
        where, values = self._where(query)
        return int(self._all(f"SELECT count(*) FROM {self.table} {where}", values)[0][0])

    def list_entries(self, query: ChangeQuery) -> list[Difference]:
        """Return one page of the matching entries; by kind, key and field by default."""
        groups = ", ".join(column.name for column in self.dataset.groups)
        where, values = self._where(query)
        size = max(1, query.page_size)
        found = self._all(
            f"SELECT key, kind, field, old, new, difference, percent, title, [{groups}]"
            f" FROM {self.table} {where} ORDER BY {self._order(query)} LIMIT ? OFFSET ?",
            [*values, size, (max(1, query.page) - 1) * size],
        )
        return [_difference(*row) for row in found]

    def totals(self, query: ChangeQuery, by: str) -> list[tuple[str | None, int]]:
        """Count the matching rows by field or by value of a choice, the most first.

        Raises KeyError if there is no such column.
        """
        name = by if by == "field" else self._group(by)
        where, values = self._where(query, aside=by)
        return self._all(
            f"SELECT {name}, count(DISTINCT key) AS n FROM {self.table} {where}"
            f" GROUP BY 1 ORDER BY n DESC, 1 LIMIT {TOTALS_LISTED}",
            values,
        )

    def select(self, query: ChangeQuery, *, is_page: bool) -> tuple[str, list[Any]]:
        """Return a statement with its parameters that selects entries in the form of files.

        Amounts are in euros, fields have the names of other files. ``old_is_number`` and
        ``new_is_number`` say whether a text is a number.
        """
        columns = self.dataset.row_columns
        names = " ".join(f"WHEN '{c.name}' THEN '{c.field}'" for c in columns)
        money = listed(c.name for c in columns if c.kind is Kind.MONEY)
        numbers = listed(c.name for c in columns if c.kind in NUMBERS)
        amounts = ", ".join(
            f"CASE WHEN field IN ({money}) THEN CAST(CAST(TRY_CAST({side} AS DECIMAL(19,0))"
            f" * CAST(0.01 AS DECIMAL(3,2)) AS DECIMAL(21,2)) AS VARCHAR) ELSE {side} END"
            f" AS {side},"
            f" {side} IS NOT NULL AND field IN ({numbers}) AS {side}_is_number"
            for side in ("old", "new")
        )
        groups = "".join(f", {column.name}" for column in self.dataset.groups)
        where, values = self._where(query)
        sql = (
            f"SELECT key, kind, CASE field {names} ELSE field END AS field, {amounts},"
            f" CASE WHEN field IN ({money}) THEN difference / 100 ELSE difference END"
            " AS difference,"
            f" round(percent, 4) AS percent, title{groups}"
            f" FROM {self.table} {where} ORDER BY {self._order(query)}"
        )
        if is_page:
            size = max(1, query.page_size)
            sql = f"{sql} LIMIT ? OFFSET ?"
            values = [*values, size, (max(1, query.page) - 1) * size]
        return sql, values

    def _where(self, query: ChangeQuery, *, aside: str = "") -> tuple[str, list[Any]]:
        conditions: list[str] = []
        values: list[Any] = []
        if query.kind is not None and aside != "kind":
            conditions.append("kind = ?")
            values.append(query.kind.value)
        if query.field is not None and aside != "field":
            conditions.append("field = ?")
            values.append(query.field)
        for name, wanted in query.values:
            if name == aside:
                continue
            group = self._group(name)
            conditions.append(f"{group} IN ({', '.join('?' for _ in wanted) or 'NULL'})")
            values += [value.encode("utf-8", "replace").decode() for value in wanted]
        if words := words_of(query.search):
            found, searched = self.rows.select_keys(
                Query(search=query.search, withdrawn=Withdrawn.SHOW)
            )
            gone = " AND ".join("contains(key_folded, ?)" for _ in words)
            conditions.append(f"(key IN ({found}) OR (place IS NULL AND {gone}))")
            values += [*searched, *words]
        return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values

    def _order(self, query: ChangeQuery) -> str:
        sorts = {**_SORTS, **{column.name: column.name for column in self.dataset.groups}}
        name = sorts.get(query.sort or "")
        if name is None:
            return _ORDER
        return f"{name} {'DESC' if query.descending else 'ASC'} NULLS LAST, {_ORDER}"

    def _group(self, name: str) -> str:
        """Return a column that rows are chosen by. Raises KeyError."""
        if name not in {column.name for column in self.dataset.groups}:
            raise KeyError(name)
        return name

    def _all(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self.rows.cursor.execute(sql, list(values)).fetchall()


def _difference(key: str, kind: str, *rest: Any) -> Difference:
    field, old, new, difference, percent, title, groups = rest
    return Difference(
        key, ChangeKind(kind), field, old, new, difference, percent, title, tuple(groups)
    )
