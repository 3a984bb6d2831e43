"""What there is to choose from and to draw: values with counts, bounds, distributions, sizes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ecommerce_core.dataset import Dataset
from ecommerce_core.indexes import sort_index
from ecommerce_core.query import Query
from ecommerce_core.read_cache import ReadCache
from ecommerce_core.row_filters import conditions_of
from ecommerce_core.selection import VALUES_KEPT, Selection
from ecommerce_core.transactions import Database, Transactions, to_datetime

Bins = list[tuple[float, float, int]]


class Pictures(Transactions):
    """Summaries of the datasets' tables. Everything raises StoreError where the database cannot.

    A column's name is one of the dataset's own: anything else raises KeyError.
    """

    read_cache: ReadCache

    def list_values(
        self, dataset: Dataset, column: str, query: Query, *, limit: int = VALUES_KEPT
    ) -> list[tuple[str, int]]:
        """The values of a column with counts, the most frequent first, at most VALUES_KEPT.

        Among the rows that match ``query``, whatever it asks of the column itself aside.
        """
        _known(dataset, column)
        conditions = conditions_of(dataset, query)
        with self.reading() as db:
            selection = Selection(db, self.read_cache, dataset, conditions)
            return [(str(value), count) for value, count in selection.groups(column)[1][:limit]]

    def bounds(self, dataset: Dataset, column: str) -> tuple[float | None, float | None]:
        """The least and the greatest of a column's values, withdrawn rows included."""
        _known(dataset, column)
        # One at a time: together they would be looked for row by row.
        least, greatest = (
            f"SELECT {which}({column}) FROM {dataset.table}" for which in ("min", "max")
        )
        with self.reading() as db:
            found: tuple[float | None, float | None] = db.execute(
                f"SELECT ({least}), ({greatest})"
            ).fetchone()
            return found

    def histogram(self, dataset: Dataset, column: str, query: Query, *, bins: int = 24) -> Bins:
        """Counts of the rows that match, by a number: (low, high, count), ``high`` excluded.

        At most ``bins``, of one width, from the column's least value to its greatest, as far as
        the query's own range goes: other filters leave the axis as it is. The last includes its
        ``high``; empty ones are there. Of whole numbers the edges are whole. Rows without a
        value are left out.
        """
        _known(dataset, column)
        conditions = conditions_of(dataset, query)
        with self.reading() as db:
            selection = Selection(db, self.read_cache, dataset, conditions)
            counted = selection.kept(
                f"histogram {column} {bins}",
                lambda: _histogram(selection, dataset, column, query, bins),
            )
            return list(counted)

    def size_over_time(self, dataset: Dataset, *, limit: int = 200) -> list[tuple[datetime, int]]:
        """When a run changed how many rows there are, and how many it left; oldest first."""
        with self.reading() as db:
            rows = db.execute(
                "SELECT finished_at, rows_after FROM run"
                " WHERE dataset = ? AND rows_after IS NOT NULL ORDER BY id DESC LIMIT ?",
                [dataset.name, limit],
            ).fetchall()
        times = ((to_datetime(at), size) for at, size in reversed(rows))
        return [(at, size) for at, size in times if at is not None]


def _known(dataset: Dataset, column: str) -> None:
    if column not in dataset.column_names:
        raise KeyError(column)


def _histogram(
    selection: Selection, dataset: Dataset, column: str, query: Query, bins: int
) -> tuple[tuple[float, float, int], ...]:
    edges = _edges(*_ends(selection.db, dataset, column, query), bins)
    if not edges:
        return ()
    pairs = list(zip(edges, edges[1:], strict=False))
    index = sort_index(dataset, column)
    if selection.conditions.columns <= {column} and index in selection.indexes:
        counts = _count_between(
            selection, f"{dataset.table} AS t INDEXED BY {index}", column, edges
        )
    else:
        counts = _count_in_bins(selection, column, edges)
    return tuple((low, high, counts.get(n, 0)) for n, (low, high) in enumerate(pairs))


def _ends(
    db: Database, dataset: Dataset, column: str, query: Query
) -> tuple[float | None, float | None]:
    """The column's bounds, as far as the query's own range lets."""
    least, greatest = db.execute(
        f"SELECT (SELECT min({column}) FROM {dataset.table}),"
        f" (SELECT max({column}) FROM {dataset.table})"
    ).fetchone()
    if not isinstance(least, int | float):
        return None, None
    for name, low, high in query.ranges:
        if name == column:
            # Of whole numbers the edges stay whole.
            of_kind = type(least)
            least = least if low is None else max(least, of_kind(max(low, least)))
            greatest = greatest if high is None else min(greatest, of_kind(min(high, greatest)))
    return (least, greatest) if least <= greatest else (None, None)


def _edges(least: float | None, greatest: float | None, bins: int) -> list[float]:
    if least is None or greatest is None:
        return []
    if isinstance(least, int) and isinstance(greatest, int):
        width = max(1, -(-(greatest - least + 1) // bins))
        return list(range(least, greatest + width + 1, width))
    if least == greatest:
        return [least, least]
    inner = [least + (greatest - least) / bins * number for number in range(bins)]
    return [*inner, greatest]


def _count_between(
    selection: Selection, source: str, column: str, edges: list[float]
) -> dict[int, int]:
    """Bin by bin out of the column's own index, which sorts nothing."""
    where = selection.conditions.sql(table="t")
    sql, values = list[str](), list[Any]()
    last = len(edges) - 2
    for number, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        below = "<=" if number == last else "<"
        sql.append(
            f"SELECT {number}, count(*) FROM {source}"
            f" WHERE t.{column} >= ? AND t.{column} {below} ? AND +({where})"
        )
        values += [low, high, *selection.conditions.values]
    return dict(selection.db.execute(" UNION ALL ".join(sql), values).fetchall())


def _count_in_bins(selection: Selection, column: str, edges: list[float]) -> dict[int, int]:
    source, values = selection.source(column)
    width = (edges[1] - edges[0]) or 1
    rows = selection.db.execute(
        f"SELECT min(cast((t.{column} - ?) / ? AS INTEGER), ?), count(*)"
        f" FROM {source} WHERE {selection.conditions.sql(table='t')}"
        f" AND t.{column} BETWEEN ? AND ? GROUP BY 1",
        [
            edges[0],
            width,
            len(edges) - 2,
            *values,
            *selection.conditions.values,
            edges[0],
            edges[-1],
        ],
    )
    return dict(rows.fetchall())
