"""What dataset pages read of the rows. Everything raises StoreError."""

from __future__ import annotations

from ecommerce_core.datasets import Dataset
from ecommerce_core.domain import ChangeKind, Query, Totals
from pages import ui


def totals(dataset: Dataset) -> Totals:
    """How many rows the dataset holds."""
    return ui.application().reader.totals(dataset)


def values(dataset: Dataset, column: str, query: Query) -> list[tuple[str, int]]:
    """Each value of a column and how many rows have it; see the reader's."""
    return ui.application().reader.list_values(dataset, column, query)


def histogram(dataset: Dataset, column: str, query: Query) -> list[tuple[float, float, int]]:
    """How a column spreads: bins of low, high and how many rows that match."""
    return ui.application().reader.histogram(dataset, column, query)


def count_differences(
    dataset: Dataset, start: int, end: int, *, search: str = ""
) -> dict[ChangeKind, int]:
    """How many rows differ after two runs, by kind."""
    return ui.application().comparison.compare_counts(dataset, start, end, search=search)
