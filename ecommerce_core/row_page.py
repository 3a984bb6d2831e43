"""One page of the rows that match, found in the cheapest way that the indexes allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from ecommerce_core import indexes
from ecommerce_core.dataset import Dataset
from ecommerce_core.indexes import order_of, sort_index, sortable_columns
from ecommerce_core.query import Query, Withdrawn
from ecommerce_core.row_filters import Conditions
from ecommerce_core.selection import Selection

# Along an index so many rows are looked at, in vain if need be, in a few hundredths of a second.
FEW_TO_PASS = 20_000
# And so many in a millisecond or two, whatever the order.
FEW_TO_TRY = 500


def columns_of(dataset: Dataset) -> str:
    """The columns of a row, in the order of its type's fields; the table is ``t``."""
    return ", ".join(f"t.{field.name}" for field in fields(dataset.row_type))


def sort_column(dataset: Dataset, query: Query) -> str:
    """The column that the query sorts by: the key where it names none that there is."""
    return query.sort if query.sort in sortable_columns(dataset) else dataset.key


def order_by(dataset: Dataset, column: str, direction: str) -> str:
    """The terms after ORDER BY, ties by key; ``direction`` is ASC or DESC."""
    key = f"t.{dataset.key} {direction}"
    if column == dataset.key:
        return key
    return f"{order_of(dataset, column, table='t')} {direction}, {key}"


def list_page(dataset: Dataset, query: Query, selection: Selection) -> list[tuple[Any, ...]]:
    """The rows of one page as tuples, none where there is no such page."""
    size = max(1, query.page_size)
    offset = (max(1, query.page) - 1) * size
    column = sort_column(dataset, query)
    direction = "DESC" if query.descending else "ASC"
    order = order_by(dataset, column, direction)
    key, columns = dataset.key, columns_of(dataset)
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
    few = selection.few()
    is_filtered = bool(selection.conditions.clauses)  # how many there are in all is remembered
    if offset == 0 and is_filtered and few is None and (first := way.find_first()):
        # How many match need not be known, which takes longer to find.
        found = fetch(*first, size, 0)
        if len(found) == size:
            return found
    total = selection.count()
    take = min(size, total - offset)
    if take <= 0:
        return []
    if few is not None:
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
        return f"ORDER BY {order_by(self.dataset, self.column, self.direction)}"

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
