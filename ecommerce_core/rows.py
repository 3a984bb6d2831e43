"""What readers ask of a dataset: one page of rows, how many match, all of them for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import lru_cache
from typing import Any

from ecommerce_core import indexes
from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.indexes import TIMES, order_of, sort_index, sortable_columns
from ecommerce_core.models import Query, Totals, Withdrawn
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.row_filters import Conditions, conditions_of
from ecommerce_core.selection import Selection, rows_version
from ecommerce_core.transactions import Transactions, to_datetime

EXPORT_CHUNK = 5_000

_to_datetime = lru_cache(4_096)(to_datetime)


class Rows(Transactions):
    """Reads of the datasets' tables. Everything raises StoreError where the database cannot.

    All answers hold for one ``rows_version``: rows change through runs alone.
    """

    read_cache: ReadCache

    def rows_version(self, dataset: Dataset) -> int:
        """The number of the newest run that changed the dataset's rows; 0 before there is one."""
        with self.reading() as db:
            return rows_version(db, dataset)

    def list_rows(self, dataset: Dataset, query: Query) -> list[Row]:
        """One page of the rows that match, in the query's order, ties by key."""
        conditions = conditions_of(dataset, query)
        with self.reading() as db:
            selection = Selection(db, self.read_cache, dataset, conditions)
            sql, values = _page(dataset, query, selection)
            to_row = row_reader(dataset)
            return [to_row(row) for row in db.execute(sql, values)] if sql else []

    def count_rows(self, dataset: Dataset, query: Query) -> int:
        """How many rows match."""
        conditions = conditions_of(dataset, query)
        with self.reading() as db:
            return Selection(db, self.read_cache, dataset, conditions).count()

    def find_row(self, dataset: Dataset, key: str) -> Row | None:
        """The row of one key, withdrawn or not."""
        sound = key.encode("utf-8", "replace").decode()
        with self.reading() as db:
            row = db.execute(
                f"SELECT {_columns(dataset)} FROM {dataset.table} AS t WHERE {dataset.key} = ?",
                [sound],
            ).fetchone()
            return None if row is None else row_reader(dataset)(row)

    def totals(self, dataset: Dataset) -> Totals:
        """How many rows the dataset holds."""
        with self.reading() as db:
            current, withdrawn = (
                Selection(db, self.read_cache, dataset, Conditions(which)).count()
                for which in (Withdrawn.HIDE, Withdrawn.ONLY)
            )
            return Totals(current=current, withdrawn=withdrawn)

    def iter_rows(
        self, dataset: Dataset, query: Query, *, chunk: int = EXPORT_CHUNK
    ) -> Iterator[list[Row]]:
        """All rows that match, in the query's order, ``chunk`` at a time: one consistent state.

        At the first step they are copied into a temporary table of SQLite's own, at its full
        speed (about a second per million), and the database is let go of: however slowly the
        reader drains them, no writer waits, and no sync mixes two states in one file. The
        copy lives on the disk, so memory stays bounded. For one thread; close or exhaust it.
        """
        conditions = conditions_of(dataset, query)
        direction = "DESC" if query.descending else "ASC"
        with self.reading() as db:
            selection = Selection(db, self.read_cache, dataset, conditions)
            source, values = selection.source(*sortable_columns(dataset))
            db.execute(
                f"CREATE TEMP TABLE spool AS SELECT {_columns(dataset)} FROM {source}"
                f" WHERE {selection.conditions.sql(table='t')}"
                f" ORDER BY {_order(dataset, _sort(dataset, query), direction)}",
                [*values, *selection.conditions.values],
            )
            db.conn.execute("COMMIT")
            to_row = row_reader(dataset)
            rows = db.execute("SELECT * FROM spool ORDER BY rowid")
            while found := rows.fetchmany(chunk):
                yield [to_row(row) for row in found]

    def prepare_reading(self, dataset: Dataset, *, at_most: int | None = None) -> int:
        """Build the reader's indexes that are missing; how many are missing then.

        Each in a transaction of its own, ``at_most`` so many, so that nobody waits for long.
        When all are there, what every first visit asks is asked once, and so remembered.
        """
        with self.reading() as db:
            missing = indexes.list_missing(db, dataset)
        now = list(missing.values())[:at_most]
        for statement in now:
            with self.writing() as db:
                indexes.build(db, statement)
        if len(now) == len(missing):
            with self.reading() as db:
                everything = Selection(db, self.read_cache, dataset, Conditions(Withdrawn.HIDE))
                everything.count()
                if dataset.facet is not None:
                    everything.groups(dataset.facet)
        return len(missing) - len(now)


def row_reader(dataset: Dataset) -> Callable[[tuple[Any, ...]], Row]:
    """What makes a row of a tuple of the columns in ``_columns``' order."""
    row_type, times = dataset.row_type, len(TIMES)

    def to_row(values: tuple[Any, ...]) -> Row:
        return row_type(*values[:-times], *map(_to_datetime, values[-times:]))

    return to_row


def _columns(dataset: Dataset) -> str:
    return ", ".join(f"t.{field.name}" for field in fields(dataset.row_type))


def _sort(dataset: Dataset, query: Query) -> str:
    return query.sort if query.sort in sortable_columns(dataset) else dataset.key


def _order(dataset: Dataset, column: str, direction: str) -> str:
    key = f"t.{dataset.key} {direction}"
    return key if column == dataset.key else f"t.{order_of(dataset, column)} {direction}, {key}"


def _page(dataset: Dataset, query: Query, selection: Selection) -> tuple[str, list[Any]]:
    """The statement that reads one page, empty where there is no such page."""
    total = selection.count()
    size = max(1, query.page_size)
    offset = (max(1, query.page) - 1) * size
    take = min(size, total - offset)
    if take <= 0:
        return "", []
    column = _sort(dataset, query)
    direction = "DESC" if query.descending else "ASC"
    order = _order(dataset, column, direction)
    key, columns = dataset.key, _columns(dataset)
    if selection.few() is not None:
        source, values = selection.source()
        where, asked = selection.conditions.sql(table="t"), selection.conditions.values
        sql = f"SELECT {columns} FROM {source} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
        return sql, [*values, *asked, take, offset]
    if offset > total // 2:
        # Beyond the middle the end is nearer: the last page costs what the first does.
        direction = "ASC" if query.descending else "DESC"
        offset = total - offset - take
    source, where, asked = _walk(dataset, column, selection)
    # The keys alone, so that the rows that are passed over are never fetched.
    keys = (
        f"SELECT t.{key} AS wanted FROM {source} WHERE {where}"
        f" ORDER BY {_order(dataset, column, direction)} LIMIT ? OFFSET ?"
    )
    sql = (
        f"SELECT {columns} FROM ({keys}) CROSS JOIN {dataset.table} AS t ON t.{key} = wanted"
        f" ORDER BY {order}"
    )
    return sql, [*asked, take, offset]


def _walk(dataset: Dataset, column: str, selection: Selection) -> tuple[str, str, list[Any]]:
    """The texts after FROM and WHERE, and their parameters, that go along a column's order."""
    conditions = selection.conditions
    scan = indexes.scan_index(dataset)
    chosen = [c for c in conditions.clauses if c.column == dataset.facet and c.is_choice]
    in_scan_order = column == dataset.facet or (
        # Within one value the scan's index is in the key's order.
        column == dataset.key and len(chosen) == 1 and len(chosen[0].values) == 1
    )
    if in_scan_order and scan in selection.indexes and conditions.is_covered(dataset):
        source = f"{dataset.table} AS t INDEXED BY {scan}"
        return source, conditions.sql(table="t"), conditions.values
    wanted = sort_index(dataset, column)
    hint = f"INDEXED BY {wanted}" if wanted in selection.indexes else ""
    bounds = Conditions(
        Withdrawn.SHOW, tuple(clause for clause in conditions.clauses if clause.column == column)
    )
    others = conditions.without(column)
    # The plus keeps SQLite from another index, whose rows it would have to sort.
    where = f"{bounds.sql(table='t')} AND +({others.sql(table='t')})"
    return f"{dataset.table} AS t {hint}", where, [*bounds.values, *others.values]
