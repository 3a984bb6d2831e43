"""Read and write the address of a view: ``?q=tv&family=TV&price=10-50&sort=-price``.

Pure: an address is a mapping of names to values. Invalid parts are left out and returned, so that a
page can show them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ecommerce_core.datasets.address.filters import format_filters
from ecommerce_core.datasets.address.parameters import page_parameters, read_parameters
from ecommerce_core.datasets.address.view import PAGE_SIZES, TABS, View, shown_withdrawn
from ecommerce_core.datasets.column import Column
from ecommerce_core.datasets.dataset import Dataset
from ecommerce_core.domain import Withdrawn

Address = dict[str, str | list[str]]


def format_address(view: View, dataset: Dataset) -> Address:
    """Return the address of a view: its differences from the page as it opens."""
    said: dict[str, str | list[str] | None] = {
        "view": view.tab if view.tab != TABS[0] else None,
        "as": view.layout if view.layout not in {"", dataset.layouts[0]} else None,
        **format_question(view, dataset),
        "page": str(view.page) if view.page > 1 else None,
        "size": str(view.size) if view.size != PAGE_SIZES[0] else None,
        "columns": ",".join(view.columns) if differs_in_columns(view, dataset) else None,
        **format_changes(view, dataset),
        "row": view.row,
    }
    return {name: value for name, value in said.items() if value}


def columns_of(view: View, dataset: Dataset) -> tuple[Column, ...]:
    """Return the columns of a view's table: those that were chosen, or else the usual ones."""
    by_field = {column.field: column for column in dataset.row_columns}
    return tuple(by_field[field] for field in view.columns) or _usual_columns(view, dataset)


def _usual_columns(view: View, dataset: Dataset) -> tuple[Column, ...]:
    """Return the columns that a table has by default: withdrawals only if it may list some."""
    lists_withdrawn = shown_withdrawn(view) is not Withdrawn.HIDE
    return tuple(c for c in dataset.shown if lists_withdrawn or c.name != "withdrawn_at")


def differs_in_columns(view: View, dataset: Dataset) -> bool:
    """Return whether a view has other columns than a dataset shows by default."""
    usual = tuple(column.field for column in _usual_columns(view, dataset))
    return view.columns not in {(), usual}


def format_question(view: View, dataset: Dataset) -> Address:
    """Return the part of an address that selects and sorts rows."""
    names = {column.name: column.address for column in dataset.row_columns}
    said: dict[str, str | list[str] | None] = {
        "q": view.search or None,
        **format_filters(view, {column.name: column for column in dataset.row_columns}),
        "withdrawn": view.withdrawn.value if view.withdrawn is not Withdrawn.HIDE else None,
        "sort": _format_sort(view, dataset, names),
    }
    return {name: value for name, value in said.items() if value}


def format_changes(view: View, dataset: Dataset) -> dict[str, str | list[str] | None]:
    """Return the part of an address that selects and sorts differences between two runs."""
    names = {column.name: column.address for column in dataset.row_columns}
    sort = names.get(view.change_sort or "", view.change_sort)
    return {
        "from": str(view.from_run) if view.from_run is not None else None,
        "to": str(view.to_run) if view.to_run is not None else None,
        "kind": view.kind,
        "field": names.get(view.changed_field or ""),
        "order": f"{'-' if view.change_descending else ''}{sort}" if sort else None,
    }


def _format_sort(view: View, dataset: Dataset, names: Mapping[str, str]) -> str | None:
    first = (view.sort or dataset.default_sort, view.descending)
    if first == (dataset.default_sort, False) and not view.then_by:
        return None
    terms = (first, *view.then_by)
    return ",".join(("-" if descends else "") + names[column] for column, descends in terms)


def parse_address(said: Mapping[str, list[str]], dataset: Dataset) -> tuple[View, list[str]]:
    """Return the view of an address, and its invalid parts as ``name=value``."""
    view, refused = read_parameters(said, page_parameters(dataset), View())
    return view, [f"{name}={value}"[:80] for name, value in refused]
