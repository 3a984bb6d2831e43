"""What readers ask of a dataset: one page of rows, how many match, all of them for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

from ecommerce_core import indexes, word_index
from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.indexes import TIMES, order_of, sort_index, sortable_columns
from ecommerce_core.query import Query, Totals, Withdrawn
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.row_filters import Conditions, conditions_of
from ecommerce_core.selection import Selection, rows_version
from ecommerce_core.transactions import Transactions, to_datetime

EXPORT_CHUNK = 5_000
# Along an index so many rows are looked at, in vain if need be, in a few hundredths of a second.
FEW_TO_PASS = 20_000
# And so many in a millisecond or two, whatever the order.
FEW_TO_TRY = 500

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
            return list(map(row_reader(dataset), _list_page(dataset, query, selection)))

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
    if column == dataset.key:
        return key
    return f"{order_of(dataset, column, table='t')} {direction}, {key}"


def _list_page(dataset: Dataset, query: Query, selection: Selection) -> list[tuple[Any, ...]]:
    """The rows of one page as tuples, none where there is no such page."""
    size = max(1, query.page_size)
    offset = (max(1, query.page) - 1) * size
    column = _sort(dataset, query)
    direction = "DESC" if query.descending else "ASC"
    order = _order(dataset, column, direction)
    key, columns = dataset.key, _columns(dataset)
    way = _Way(dataset, column, direction, selection)

    def fetch(keys: str, asked: list[Any], take: int, offset: int) -> list[tuple[Any, ...]]:
        # The keys alone, so that the rows that are passed over are never fetched.
        sql = (
            f"SELECT {columns} FROM ({keys} LIMIT ? OFFSET ?)"
            f" CROSS JOIN {dataset.table} AS t ON t.{key} = wanted ORDER BY {order}"
        )
        found: list[tuple[Any, ...]] = selection.db.execute(sql, [*asked, take, offset]).fetchall()
        return found

    found: list[tuple[Any, ...]] = []
    is_filtered = bool(selection.conditions.clauses)  # how many there are in all is remembered
    if offset == 0 and is_filtered and selection.few() is None and (first := way.find_first()):
        # How many match need not be known, which takes longer to find.
        found = fetch(*first, size, 0)
        if len(found) == size:
            return found
    total = selection.count()
    take = min(size, total - offset)
    if take <= 0:
        return []
    if selection.few() is not None:
        return _list_few(columns, selection, order, take, offset)
    if offset > total // 2:
        # Beyond the middle the end is nearer: the last page costs what the first does.
        way = replace(way, direction="ASC" if query.descending else "DESC")
        offset = total - offset - take
    for keys, asked in way.list_ways(until=offset + take, total=total):
        found = fetch(keys, asked, take, offset)
        if len(found) == take:
            break
    return found


def _list_few(
    columns: str, selection: Selection, order: str, take: int, offset: int
) -> list[tuple[Any, ...]]:
    source, values = selection.source()
    where, asked = selection.conditions.sql(table="t"), selection.conditions.values
    sql = f"SELECT {columns} FROM {source} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    few: list[tuple[Any, ...]] = selection.db.execute(
        sql, [*values, *asked, take, offset]
    ).fetchall()
    return few


@dataclass(frozen=True, slots=True)
class _Way:
    """How the keys of many rows are found in a column's order: along an index of it, or sorted."""

    dataset: Dataset
    column: str
    direction: str
    selection: Selection

    def find_first(self) -> tuple[str, list[Any]] | None:
        """The first of the rows that match, where some are met soon; None where no index helps."""
        covered = self._along_what_knows_all()
        return covered or (self._along(at_most=FEW_TO_TRY) if self._has_index() else None)

    def list_ways(self, *, until: int, total: int) -> Iterator[tuple[str, list[Any]]]:
        """Statements with their parameters, each for where the one before finds too few rows.

        ``until``: how many of the ``total`` rows that match are wanted, from the first on.
        """
        if (covered := self._along_what_knows_all()) is not None:
            yield covered
            return
        everything = self.selection.among(Conditions(self.selection.conditions.withdrawn)).count()
        # If they lie evenly. They need not: a description may begin with its family.
        passed = until * everything // total
        if passed <= total and self._has_index():
            yield self._along(at_most=max(FEW_TO_PASS, 2 * passed))
        yield self._sorted()

    def _has_index(self) -> bool:
        is_there = sort_index(self.dataset, self.column) in self.selection.indexes
        return is_there or self.column == self.dataset.key

    def _order(self) -> str:
        return f"ORDER BY {_order(self.dataset, self.column, self.direction)}"

    def _along_what_knows_all(self) -> tuple[str, list[Any]] | None:
        """Along an index that has all that is asked beside the order."""
        dataset, column, conditions = self.dataset, self.column, self.selection.conditions
        chosen = [c for c in conditions.clauses if c.column == dataset.facet and c.is_choice]
        in_scan_order = column == dataset.facet or (
            # Within one value the scan's index is in the key's order.
            column == dataset.key and len(chosen) == 1 and len(chosen[0].values) == 1
        )
        if in_scan_order and conditions.is_covered(dataset):
            index = indexes.scan_index(dataset)
        elif conditions.columns <= {column}:
            index = sort_index(dataset, column)
        else:
            return None
        if index not in self.selection.indexes and column != dataset.key:
            return None
        hint = f"INDEXED BY {index}" if index in self.selection.indexes else ""
        sql = (
            f"SELECT t.{dataset.key} AS wanted FROM {dataset.table} AS t {hint}"
            f" WHERE {conditions.sql(table='t')} {self._order()}"
        )
        return sql, conditions.values

    def _along(self, *, at_most: int) -> tuple[str, list[Any]]:
        """Along the column's index, looking into the table for what else is asked."""
        dataset, conditions = self.dataset, self.selection.conditions
        index = sort_index(dataset, self.column)
        bounds = Conditions(
            Withdrawn.SHOW, tuple(c for c in conditions.clauses if c.column == self.column)
        )
        others = conditions.without(self.column)
        hint = f"INDEXED BY {index}" if index in self.selection.indexes else "NOT INDEXED"
        columns = ", ".join(
            f"t.{name}" for name in sorted({dataset.key, "withdrawn_at", *others.columns})
        )
        sql = (
            f"SELECT t.{dataset.key} AS wanted FROM (SELECT {columns} FROM {dataset.table} AS t"
            f" {hint} WHERE {bounds.sql(table='t')} {self._order()} LIMIT {at_most}) AS t"
            f" WHERE {others.sql(table='t')}"
        )
        return sql, [*bounds.values, *others.values]

    def _sorted(self) -> tuple[str, list[Any]]:
        """All that match, sorted."""
        dataset, conditions = self.dataset, self.selection.conditions
        scan = indexes.scan_index(dataset)
        source, values = self.selection.source(self.column)
        if (by_words := self.selection.source_by_words()) is not None:
            source, values = by_words
        elif scan in self.selection.indexes and conditions.is_covered(dataset):
            source = f"{dataset.table} AS t INDEXED BY {scan}"
        sql = (
            f"SELECT t.{dataset.key} AS wanted FROM {source}"
            f" WHERE {conditions.sql(table='t')} {self._order()}"
        )
        return sql, [*values, *conditions.values]
