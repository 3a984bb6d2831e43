"""The addresses of the data routes: a dataset's rows, or its changes, in each format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecommerce_core.companion.data_routes.request import changes_known, rows_known, wire_known
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


@dataclass(frozen=True, slots=True)
class DataRoute:
    """One address: ``products.csv``, or ``products/changes.csv``."""

    dataset: Dataset
    file_format: str
    of_changes: bool = False

    @property
    def path(self) -> str:
        """The address, without the server's prefix."""
        what = f"{self.dataset.name}/changes" if self.of_changes else self.dataset.name
        return f"{what}.{self.file_format}"


def parameters_of(route: DataRoute) -> Mapping[str, Parameter]:
    """Return the query parameters of a route."""
    if route.of_changes:
        return changes_known(route.dataset)
    return wire_known(route.dataset) if route.file_format == WIRE else rows_known(route.dataset)


def list_routes(datasets: Iterable[Dataset]) -> list[DataRoute]:
    """Return all data routes."""
    found = []
    for dataset in datasets:
        found += [DataRoute(dataset, each) for each in (*FORMATS, WIRE)]
        found += [DataRoute(dataset, each, of_changes=True) for each in FORMATS]
    return found
