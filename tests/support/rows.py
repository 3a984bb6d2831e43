"""The rows of a store as readers would see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ecommerce_core.datasets import PRODUCTS, Dataset, Row
from ecommerce_core.domain import Action, Query, Run, Trigger
from ecommerce_core.storage import DatasetState, NewRun, Reader, Snapshots, Store


def put(store: Store, records: list[dict[str, Any]], *, dataset: Any = PRODUCTS) -> Run:
    """Apply an answer as a sync would."""
    answer = {"produits": records} if dataset is PRODUCTS else records
    parsed = dataset.parse(json.dumps(answer).encode())
    run_id = store.begin_run(NewRun(dataset.name, Action.SYNC, Trigger.MANUAL))
    return store.apply(
        run_id,
        dataset,
        parsed,
        state=DatasetState(digest=f"{run_id}", fetched=parsed.fetched),
        body=b"body",
        stages_s={},
        report=lambda rows: None,
        hold_above_percent=50,
    )


@contextmanager
def reader_of(store: Store, *datasets: Dataset) -> Iterator[Reader]:
    """Yield a reader of the rows that the store holds now."""
    snapshots = Snapshots(store.path, store)
    for dataset in datasets:
        snapshots.publish(dataset)
    reader = Reader(snapshots)
    try:
        yield reader
    finally:
        reader.close()


def list_rows(store: Store, dataset: Dataset, **asked: Any) -> list[Row]:
    """Return a page of the matching rows, as they are stored now."""
    with reader_of(store, dataset) as reader:
        return reader.list_rows(dataset, Query(**asked))


def count_rows(store: Store, dataset: Dataset, **asked: Any) -> int:
    """Return how many of the rows that readers see match."""
    with reader_of(store) as reader:
        return reader.count_rows(dataset, Query(**asked))
