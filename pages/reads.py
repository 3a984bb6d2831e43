"""What dataset pages read of the store, kept for all sessions until a run changes the dataset."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from ecommerce_core import ui
from ecommerce_core.dataset import Dataset
from ecommerce_core.query import ChangeKind, Query, Totals

Found = TypeVar("Found")

# The database is among what is asked about: tests have several in one process.
_kept = ui.ReadCache(300)


class Reads:
    """What is known of a dataset's rows as they stand now. Raises StoreError.

    What was found is shared by all sessions: nobody changes it.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        app = ui.application()
        version = app.store.rows_version(dataset)
        self._rows = app.settings.database, dataset.name, version

    def kept(self, read: Callable[[], Found], *about: Hashable) -> Found:
        """What ``read`` finds, or found when it was last asked ``about`` these rows.

        ``about`` says in full what is asked. What raises is not kept.
        """
        return _kept.get((*self._rows, *about), read)


def kept(dataset: Dataset, read: Callable[[], Found], *about: Hashable) -> Found:
    """One thing of ``Reads``. Raises StoreError."""
    return Reads(dataset).kept(read, *about)


def totals(dataset: Dataset) -> Totals:
    """How many rows the dataset holds. Raises StoreError."""
    store = ui.application().store
    return kept(dataset, lambda: store.totals(dataset), "totals")


def values(dataset: Dataset, column: str, query: Query) -> list[tuple[str, int]]:
    """Each value of a column and how many rows have it; see the store's. Raises StoreError."""
    store = ui.application().store
    return kept(dataset, lambda: store.list_values(dataset, column, query), "values", column, query)


def histogram(dataset: Dataset, column: str, query: Query) -> list[tuple[float, float, int]]:
    """How a column spreads: bins of low, high and how many rows that match. Raises StoreError."""
    store = ui.application().store
    return kept(
        dataset, lambda: store.histogram(dataset, column, query), "histogram", column, query
    )


def count_differences(
    dataset: Dataset, start: int, end: int, *, search: str = ""
) -> dict[ChangeKind, int]:
    """How many rows differ after two runs, by kind. Raises StoreError."""
    store = ui.application().store
    return kept(
        dataset,
        lambda: store.compare_counts(dataset, start, end, search=search),
        "differences counted",
        (start, end, search),
    )
