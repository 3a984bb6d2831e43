"""What readers ask of a dataset: one page of rows, how many match, all of them for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from ecommerce_core import indexes, word_index
from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.indexes import TIMES, sortable_columns
from ecommerce_core.query import Query, Totals, Withdrawn
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.row_filters import Conditions, conditions_of
from ecommerce_core.row_page import columns_of, list_page, order_by, sort_column
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
            return list(map(row_reader(dataset), list_page(dataset, query, selection)))

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
                f"SELECT {columns_of(dataset)} FROM {dataset.table} AS t WHERE {dataset.key} = ?",
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
                f"CREATE TEMP TABLE spool AS SELECT {columns_of(dataset)} FROM {source}"
                f" WHERE {selection.conditions.sql(table='t')}"
                f" ORDER BY {order_by(dataset, sort_column(dataset, query), direction)}",
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
        room = None if at_most is None else at_most - len(now)
        if self._index_words(dataset, at_most=room):
            return max(1, len(missing) - len(now))
        if len(now) == len(missing):
            with self.reading() as db:
                everything = Selection(db, self.read_cache, dataset, Conditions(Withdrawn.HIDE))
                everything.count()
                if dataset.facet is not None:
                    everything.groups(dataset.facet)
        return len(missing) - len(now)

    def _index_words(self, dataset: Dataset, *, at_most: int | None) -> bool:
        """Take so many steps towards the index of words; whether more are to be taken."""
        while True:
            with self.reading() as db:
                if not word_index.is_wanted(db, dataset, rows_version(db, dataset)):
                    return False
            if at_most is not None and at_most <= 0:
                return True
            with self.writing() as db:
                # A sync may have come between: asked again inside.
                word_index.take_step(db, dataset, rows_version(db, dataset))
            at_most = None if at_most is None else at_most - 1


def row_reader(dataset: Dataset) -> Callable[[tuple[Any, ...]], Row]:
    """What makes a row of a tuple of the columns in ``columns_of``' order."""
    row_type, times = dataset.row_type, len(TIMES)

    def to_row(values: tuple[Any, ...]) -> Row:
        return row_type(*values[:-times], *map(_to_datetime, values[-times:]))

    return to_row
