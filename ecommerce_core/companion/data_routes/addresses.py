"""The addresses of the data routes: a dataset's rows, or its changes, in each format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ecommerce_core.companion.data_routes.request import (
    changes_known,
    held_known,
    rows_known,
    wire_known,
)
from ecommerce_core.datasets import Dataset, Parameter

# The format of the peer's own answers.
WIRE = "wire.json"
MIME_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    WIRE: "application/json",
}
FORMATS = ("csv", "xlsx", "json", "parquet")


class Content(StrEnum):
    """What a file has: rows, the changes between two runs, or those that a held answer makes."""

    ROWS = "rows"
    CHANGES = "changes"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class DataRoute:
    """One address: ``products.csv``, ``products/changes.csv`` or ``products/held.csv``."""

    dataset: Dataset
    file_format: str
    content: Content = Content.ROWS

    @property
    def path(self) -> str:
        """The address, without the server's prefix."""
        inner = "" if self.content is Content.ROWS else f"/{self.content}"
        return f"{self.dataset.name}{inner}.{self.file_format}"


def parameters_of(route: DataRoute) -> Mapping[str, Parameter]:
    """Return the query parameters of a route."""
    if route.content is not Content.ROWS:
        known = changes_known if route.content is Content.CHANGES else held_known
        return known(route.dataset)
    return wire_known(route.dataset) if route.file_format == WIRE else rows_known(route.dataset)


def list_routes(datasets: Iterable[Dataset]) -> list[DataRoute]:
    """Return all data routes."""
    found = []
    for dataset in datasets:
        found += [DataRoute(dataset, each) for each in (*FORMATS, WIRE)]
        for content in (Content.CHANGES, Content.HELD):
            found += [DataRoute(dataset, each, content) for each in FORMATS]
    return found
