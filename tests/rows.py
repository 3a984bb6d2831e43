"""The rows of a store as readers would see them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ecommerce_core.datasets import Dataset, Row
from ecommerce_core.domain import Query
from ecommerce_core.storage import Reader, Snapshots, Store


@contextmanager
def reader_of(store: Store, *datasets: Dataset) -> Iterator[Reader]:
    """A reader of what the store holds now."""
    snapshots = Snapshots(store.path, store)
    for dataset in datasets:
        snapshots.publish(dataset)
    reader = Reader(snapshots)
    try:
        yield reader
    finally:
        reader.close()


def list_rows(store: Store, dataset: Dataset, **asked: Any) -> list[Row]:
    """A page of the rows that match, as they are stored now."""
    with reader_of(store, dataset) as reader:
        return reader.list_rows(dataset, Query(**asked))


def count_rows(store: Store, dataset: Dataset, **asked: Any) -> int:
    """How many of the rows that readers see match."""
    with reader_of(store) as reader:
        return reader.count_rows(dataset, Query(**asked))
