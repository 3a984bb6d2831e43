"""Export rows as a file: a menu of links, one for each format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Dataset, View, columns_of, differs_in_columns
from ecommerce_core.domain import Withdrawn
from pages import ui
from pages.dataset import selection, view_state
from pages.dataset.view_state import choose_in
from pages.ui import language
from pages.ui import text as _

FORMATS = {"csv": "CSV", "xlsx": "Excel", "json": "JSON", "parquet": "Parquet"}


def show_rows(dataset: Dataset, count: Callable[[], int]) -> None:
    """Show the menu for the matching rows: their number, which columns, and the formats."""
    name = dataset.name
    popover = _menu(f"export_{name}")
    if not popover.open:
        return
    with popover:
        view = _rows(dataset, view_state.current(name), count())
        columns = _columns(dataset, view)
        for file_format in FORMATS:
            address = ui.link_to_rows(dataset, view, file_format, columns)
            _link(f"export_{name}_{file_format}", file_format, address)


def _rows(dataset: Dataset, view: View, matching: int) -> View:
    """Show how many rows match, or the choice between them and the ticked ones; return its view."""
    words, ticked = language(), selection.ticked(dataset.name)
    every = words.plural("{count} row that matches", "All {count} rows that match", matching)
    if not ticked:
        st.caption(every)
        return view
    only = words.plural("{count} selected row", "{count} selected rows", len(ticked))
    said, key = {"ticked": only, "all": every}, f"export_rows_{dataset.name}"
    chosen = st.radio(
        _("Rows"),
        list(said),
        key=choose_in(key, st.session_state.get(key) or "ticked"),
        format_func=lambda one: said[one],
    )
    if chosen == "all":
        return view
    return View(
        choices={dataset.key: ticked},
        withdrawn=Withdrawn.SHOW,
        sort=view.sort,
        descending=view.descending,
        then_by=view.then_by,
        columns=view.columns,
    )


def _columns(dataset: Dataset, view: View) -> Sequence[str]:
    """Show the choice of the columns of a file; return their fields, none for all."""
    words, key = language(), f"export_columns_{dataset.name}"
    shown = tuple(column.field for column in columns_of(view, dataset))
    said = {
        "all": _("All columns ({n})").format(n=words.number(len(dataset.row_columns))),
        "shown": _("Those of the table ({n})").format(n=words.number(len(shown))),
    }
    usual = "shown" if differs_in_columns(view, dataset) else "all"
    chosen = st.radio(
        _("Columns"),
        list(said),
        key=choose_in(key, st.session_state.get(key) or usual),
        format_func=lambda one: said[one],
    )
    return shown if chosen == "shown" else ()


def show_changes(dataset: Dataset, runs: tuple[int, int], count: int) -> None:
    """Show the menu for the differences between two runs."""
    popover = _menu(f"export_changes_{dataset.name}", disabled=not count)
    if not popover.open:
        return
    with popover:
        view = view_state.current(dataset.name)
        for file_format in FORMATS:
            key = f"export_changes_{dataset.name}_{file_format}"
            _link(key, file_format, ui.link_to_changes(dataset, view, file_format, runs))


def show_links(name: str, address_of: Callable[[str], str]) -> None:
    """Show the menu for rows whose file of each format is at ``address_of`` the format."""
    popover = _menu(f"export_{name}")
    if not popover.open:
        return
    with popover:
        for file_format in FORMATS:
            _link(f"export_{name}_{file_format}", file_format, address_of(file_format))


def _menu(key: str, *, disabled: bool = False) -> Any:
    icon = ":material/download:"
    return st.popover(_("Export"), icon=icon, key=key, disabled=disabled, on_change="rerun")


def _link(key: str, file_format: str, address: str) -> None:
    st.link_button(
        FORMATS[file_format],
        address,
        key=key,
        icon=":material/download:",
        width="stretch",
    )
