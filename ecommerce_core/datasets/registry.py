"""The list of all datasets, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ecommerce_core.datasets.address import page_parameters
from ecommerce_core.datasets.customers import CUSTOMERS
from ecommerce_core.datasets.dataset import Dataset
from ecommerce_core.datasets.products import PRODUCTS

# Parameters of every address of pages and data routes, besides those of the dataset.
OF_EVERY_ADDRESS = ("lang", "language", "ticket")


def register(*datasets: Dataset) -> Mapping[str, Dataset]:
    """Return the datasets by their names.

    Raises ValueError if two have the same name, table, callback or task, or two columns of one
    clash.
    """
    for what in ("name", "table", "callback_path", "task_name", "task_app"):
        values = [getattr(dataset, what) for dataset in datasets]
        if len(set(values)) != len(values):
            raise ValueError(f"two datasets have the same {what}: {', '.join(values)}")
    for dataset in datasets:
        _check_addresses(dataset)
    return MappingProxyType({dataset.name: dataset for dataset in datasets})


def _check_addresses(dataset: Dataset) -> None:
    """Raise ValueError unless the names of filters and sortable columns are unique in a URL."""
    names = [*page_parameters(dataset), *OF_EVERY_ADDRESS]
    for taken in (names, [column.address for column in dataset.sortable]):
        twins = {name for name in taken if taken.count(name) > 1}
        if twins:
            raise ValueError(f"{dataset.name}: {', '.join(sorted(twins))} means two things")


def migrations_of(datasets: Mapping[str, Dataset]) -> tuple[Callable[[Any], None], ...]:
    """Return the migrations of the datasets, in their order."""
    return tuple(each for dataset in datasets.values() for each in dataset.migrations)


DATASETS = register(PRODUCTS, CUSTOMERS)
