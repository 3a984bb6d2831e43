"""Count rows by intervals of a column's values."""

from __future__ import annotations

import math
from typing import Any

import duckdb

from ecommerce_core.domain import Query
from ecommerce_core.storage.snapshots.question import Where

Bins = list[tuple[float, float, int]]


def edges_of(
    least: float | None, greatest: float | None, query: Query, column: str, bins: int
) -> list[float]:
    """Return the edges between a column's least and greatest value, within the query's range of it.

    They are whole for whole numbers. Empty if no value can lie between.
    """
    if not isinstance(least, int | float) or not isinstance(greatest, int | float):
        return []
    is_whole = isinstance(least, int)
    for name, low, high in query.ranges:
        if name == column and low is not None and low > least:
            if low > greatest:
                return []
            least = math.ceil(low) if is_whole else float(low)
        if name == column and high is not None and high < greatest:
            if high < least:
                return []
            greatest = math.floor(high) if is_whole else float(high)
    if not least <= greatest:
        return []
    if is_whole:
        width = max(1, -(-(int(greatest) - int(least) + 1) // bins))
        return list(range(int(least), int(greatest) + width + 1, width))
    if least == greatest:
        return [least, least]
    # Each part on its own: the difference of the two may overflow.
    inner = [least + (greatest / bins - least / bins) * number for number in range(bins)]
    return [*inner, greatest]


def count_bins(
    cursor: duckdb.DuckDBPyConnection,
    table: str,
    column: str,
    matching: Where,
    edges: list[float],
) -> Bins:
    """Count the rows that match between each two edges; the last includes its upper one."""
    pairs = list(zip(edges, edges[1:], strict=False))
    first, width = edges[0], edges[1] - edges[0]
    number = f"floor(({column} - ?) / ?)"
    if isinstance(first, int):
        # In 128 bits: the difference of two integers may exceed 64.
        number = f"(CAST({column} AS HUGEINT) - ?) // ?"
    found: list[tuple[Any, int]] = cursor.execute(
        f"SELECT least({number}, ?), count(*) FROM {table}"
        f" WHERE {matching.sql} AND {column} BETWEEN ? AND ? GROUP BY 1",
        [first, width or 1, len(pairs) - 1, *matching.values, first, edges[-1]],
    ).fetchall()
    counts = {int(number): count for number, count in found}
    return [(low, high, counts.get(number, 0)) for number, (low, high) in enumerate(pairs)]
