"""Differences between two runs: rows that were added, withdrawn, returned and changed, by field.

The journal's entries between the two runs become one table in DuckDB, beside the rows of the
snapshot. A page, counts, totals and files are then plain SQL on that table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from ecommerce_core.datasets import Dataset, Kind
from ecommerce_core.domain import ChangeKind, ChangeQuery, Difference, Query, Withdrawn
from ecommerce_core.storage.record import Database, Transactions
from ecommerce_core.storage.snapshots import Reader, View, fold, newest_version, words_of

KINDS = tuple(ChangeKind)
# Journal entries that are copied from the store of record at a time.
COPIED_ROWS = 20_000
TOTALS_LISTED = 50

_NUMBERS = frozenset({Kind.NUMBER, Kind.MONEY})
_JOURNAL = pa.schema(
    [
        ("key", pa.string()),
        ("field", pa.string()),
        ("run_id", pa.int64()),
        ("old", pa.string()),
        ("new", pa.string()),
    ]
)
_ENTRIES = """
    SELECT key, field, run_id, old, new FROM change
    WHERE dataset = :dataset AND run_id > :after AND run_id <= :until
"""
# For each field its value before the first and after the last of these runs, unless they are equal.
# Rows that a run added have no entry; they are recognised by ``first_seen_at``.
_TABLE = """
    CREATE TABLE {table} AS
    WITH net AS (
        SELECT key, field, first(old ORDER BY run_id) AS old, last(new ORDER BY run_id) AS new
        FROM journal GROUP BY key, field
    ),
    came AS (
        SELECT {key} AS key FROM {rows}
        WHERE first_seen_at > $after_at AND first_seen_at <= $until_at
    ),
    marks AS (SELECT key, old, new FROM net WHERE field = 'withdrawn_at'),
    kinds AS (
        SELECT keys.key, CASE
            WHEN came.key IS NOT NULL THEN CASE WHEN marks.new IS NULL THEN 'added' END
            WHEN marks.key IS NULL OR (marks.old IS NULL) = (marks.new IS NULL) THEN 'updated'
            WHEN marks.new IS NULL THEN 'returned'
            ELSE 'withdrawn'
        END AS kind
        FROM (SELECT key FROM came UNION SELECT key FROM net) AS keys
        LEFT JOIN came ON came.key = keys.key
        LEFT JOIN marks ON marks.key = keys.key
    ),
    entries AS (
        SELECT key, kind, NULL AS field, NULL AS old, NULL AS new
        FROM kinds WHERE kind <> 'updated'
        UNION ALL
        SELECT net.key, kind, field, old, new FROM net JOIN kinds ON kinds.key = net.key
        WHERE kind <> 'added' AND field <> 'withdrawn_at' AND old IS DISTINCT FROM new
    ),
    numbered AS (
        SELECT *,
            CASE WHEN field IN ({numbers}) THEN TRY_CAST(old AS DOUBLE) END AS old_number,
            CASE WHEN field IN ({numbers}) THEN TRY_CAST(new AS DOUBLE) END AS new_number
        FROM entries
    )
    SELECT
        numbered.key AS key, kind, field, old, new,
        new_number - old_number AS difference,
        CASE WHEN old_number <> 0 THEN 100 * (new_number - old_number) / abs(old_number) END
            AS percent,
        {title} AS title, {groups}
        r.rowid AS place,
        CASE WHEN r.rowid IS NULL THEN fold(numbered.key) END AS key_folded,
        array_position([{kinds}], kind) AS kind_order,
        coalesce(array_position([{fields}], field), 0) AS field_order
    FROM numbered LEFT JOIN {rows} AS r ON r.{key} = numbered.key
    ORDER BY kind_order, place NULLS LAST, key, field_order
"""
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
                key, lambda table: self._fill(table, dataset, runs, rows)
            ) as kept:
                yield ChangeView(rows, kept, dataset)

    def count_rows(
        self, dataset: Dataset, from_run_id: int, to_run_id: int
    ) -> dict[ChangeKind, int]:
        """Count the rows by kind of change."""
        with self.at(dataset, from_run_id, to_run_id) as view:
            return view.count_rows(ChangeQuery())

    def _fill(self, table: str, dataset: Dataset, runs: tuple[int, int], rows: View) -> None:
        cursor = rows.cursor
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE journal"
            " (key VARCHAR, field VARCHAR, run_id BIGINT, old VARCHAR, new VARCHAR)"
        )
        with self._record.reading() as db:
            window = {"dataset": dataset.name, "after": runs[0], "until": runs[1]}
            found = db.execute(_ENTRIES, window)
            while entries := found.fetchmany(COPIED_ROWS):
                cursor.register("copied", _batch(entries))
                cursor.execute("INSERT INTO journal SELECT * FROM copied")
            after_at, until_at = (_ended_at(db, run_id) for run_id in runs)
        with suppress(duckdb.CatalogException):  # it is there for all cursors
            cursor.create_function("fold", fold, ["VARCHAR"], "VARCHAR")
        try:
            statement = _statement(table, dataset, rows.table)
            cursor.execute(statement, {"after_at": after_at, "until_at": until_at})
        finally:
            cursor.execute("DROP TABLE journal")


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
        money = _listed(c.name for c in columns if c.kind is Kind.MONEY)
        numbers = _listed(c.name for c in columns if c.kind in _NUMBERS)
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
        return next(c.name for c in self.dataset.groups if c.name == name)

    def _all(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self.rows.cursor.execute(sql, list(values)).fetchall()


def _difference(key: str, kind: str, *rest: Any) -> Difference:
    field, old, new, difference, percent, title, groups = rest
    return Difference(
        key, ChangeKind(kind), field, old, new, difference, percent, title, tuple(groups)
    )


def _statement(table: str, dataset: Dataset, rows: str) -> str:
    columns = dataset.row_columns
    title = " || ' ' || ".join(f"coalesce(r.{name}, '')" for name in dataset.title)
    return _TABLE.format(
        table=table,
        rows=rows,
        key=dataset.key,
        title=f"nullif(trim({title}), '')",
        groups="".join(f"r.{c.name} AS {c.name}, " for c in dataset.groups),
        numbers=_listed(c.name for c in columns if c.kind in _NUMBERS),
        fields=_listed(c.name for c in columns),
        kinds=_listed(kind.value for kind in KINDS),
    )


def _batch(entries: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    """Return journal entries as an Arrow batch, with values of any kind as texts."""
    keys, fields, run_ids, old, new = zip(*entries, strict=True)
    texts = [[_text(value) for value in side] for side in (old, new)]
    columns = [list(keys), list(fields), list(run_ids), *texts]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, _JOURNAL, strict=True)]
    return pa.record_batch(arrays, schema=_JOURNAL)


def _text(value: str | float | None) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)


def _ended_at(db: Database, run_id: int) -> datetime:
    """Return when a run ended, in UTC without zone, as in snapshots; the oldest time if unknown."""
    sql = "SELECT coalesce(finished_at, started_at) FROM run WHERE id = ?"
    row = db.execute(sql, [run_id]).fetchone()
    if row is None:
        return datetime.min
    return datetime.fromisoformat(row[0]).astimezone(UTC).replace(tzinfo=None)


def _listed(names: Iterator[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "NULL"
