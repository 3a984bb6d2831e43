"""Export rows as a file: a menu of links, one for each format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Dataset, View, differs_in_columns
from pages import ui
from pages.dataset import view_state
from pages.dataset.view_state import choose_in
from pages.ui import language
from pages.ui import text as _

FORMATS = {"csv": "CSV", "xlsx": "Excel", "json": "JSON", "parquet": "Parquet"}


def show_rows(dataset: Dataset, count: Callable[[], int]) -> None:
    """Show the menu for the matching rows: their number, which columns, and the formats."""
    name, words = dataset.name, language()
    popover = _menu(f"export_{name}")
    if not popover.open:
        return
    with popover:
        text = words.plural("{count} row that matches", "All {count} rows that match", count())
        st.caption(text)
        view = view_state.current(name)
        columns = _columns(dataset, view)
        for file_format in FORMATS:
            address = ui.link_to_rows(dataset, view, file_format, columns)
            _link(f"export_{name}_{file_format}", file_format, address)


def _columns(dataset: Dataset, view: View) -> Sequence[str]:
    """Show the choice of the columns of a file; return their fields, none for all."""
    words, key = language(), f"export_columns_{dataset.name}"
    shown = view.columns or tuple(column.field for column in dataset.shown)
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
