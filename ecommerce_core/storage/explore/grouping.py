"""A query without SQL: rows of a table, grouped by one or two columns, and a measure of each group.

The names come from the declaration of the table, never from a user's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ecommerce_core.datasets import Column, Kind
from ecommerce_core.storage.explore.tables import Table


class Measure(StrEnum):
    """The measure of a group. All but ``ROWS`` are of a column of numbers."""

    ROWS = "rows"
    SUM = "sum"
    AVERAGE = "average"
    MEDIAN = "median"
    LEAST = "least"
    MOST = "most"


class Part(StrEnum):
    """The unit to which a moment is rounded down, so that moments can be grouped."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_FUNCTIONS = {
    Measure.SUM: "sum",
    Measure.AVERAGE: "avg",
    Measure.MEDIAN: "median",
    Measure.LEAST: "min",
    Measure.MOST: "max",
}
_NUMBERS = {Kind.NUMBER, Kind.MONEY}


@dataclass(frozen=True, slots=True)
class Grouping:
    """The columns to group by, and the measure.

    ``by`` are columns by their field, of moments with the part: ``updated_at.month``.
    """

    by: tuple[str, ...]
    measure: Measure = Measure.ROWS
    of: str | None = None


def groupable(table: Table) -> list[str]:
    """List what rows of a table can be grouped by, in the form of ``Grouping.by``."""
    found = []
    for column in table.columns:
        if column.kind is Kind.MOMENT:
            found += [f"{column.field}.{part.value}" for part in Part]
        elif column.kind not in _NUMBERS:
            found.append(column.field)
    return found


def measurable(table: Table) -> list[Column]:
    """The columns of numbers, but for those that only identify something."""
    return [column for column in table.columns if column.kind in _NUMBERS and column.grouped]


def sql_of(table: Table, grouping: Grouping) -> str:
    """Return the query in SQL. Raises KeyError for a column that the table does not have."""
    known = groupable(table)
    cells, is_over_time = [], False
    for name in grouping.by:
        if name not in known:
            raise KeyError(name)
        field, _, part = name.partition(".")
        is_over_time = is_over_time or bool(part)
        # For a day, a date without a time is sufficient.
        cells.append(f"date_trunc('{part}', {field})::DATE AS {part}" if part else field)
    cells.append(_measured(table, grouping))
    order = "1" if is_over_time else f"{len(cells)} DESC NULLS LAST, 1"
    return f"SELECT {', '.join(cells)}\nFROM {table.name}\nGROUP BY ALL\nORDER BY {order}"


def _measured(table: Table, grouping: Grouping) -> str:
    if grouping.measure is Measure.ROWS:
        return "count(*) AS row_count"
    if grouping.of not in {column.field for column in measurable(table)}:
        raise KeyError(grouping.of)
    function = _FUNCTIONS[grouping.measure]
    return f"round({function}({grouping.of}), 2) AS {grouping.measure.value}_{grouping.of}"
