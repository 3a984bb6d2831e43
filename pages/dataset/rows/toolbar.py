"""The toolbar above the rows: the search, the filters' menu, and the order if it matters."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import TEXT_CHARS, Dataset, View
from ecommerce_core.domain import Query, Totals
from pages.dataset import view_state
from pages.dataset.rows import row_filters
from pages.dataset.view_state import choose_in, edited_by, show_in
from pages.ui import labels
from pages.ui import text as _


def show(
    dataset: Dataset,
    query: Query,
    totals: Totals,
    *,
    sorted_too: bool,
) -> None:
    """Show the search and filters, and the order if ``sorted_too``."""
    view = view_state.current(dataset.name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        search_box(dataset, view, placeholder=_(dataset.search_help))
        row_filters.show(dataset, query, totals)
        if sorted_too:
            _order(dataset, view)


def _order(dataset: Dataset, view: View) -> None:
    sort_key, down_key = f"{dataset.name}_sort", f"{dataset.name}_descending"
    columns = {column.name: labels.column_label(column) for column in dataset.sortable}
    st.selectbox(
        _("Sort by"),
        list(columns),
        key=choose_in(sort_key, view.sort or dataset.default_sort),
        format_func=lambda column: _("Sort: {column}").format(column=columns[column]),
        width=220,
        label_visibility="collapsed",
        on_change=edited_by(dataset.name, sort_key, "sort", options=columns),
    )
    st.toggle(
        _("Descending"),
        key=show_in(down_key, view.descending),
        on_change=edited_by(dataset.name, down_key, "descending"),
    )


def search_box(dataset: Dataset, view: View, *, placeholder: str, key: str = "search") -> None:
    """Show the search box, which searches while the reader types."""
    key = f"{key}_{dataset.name}"
    st.text_input(
        _("Search"),
        key=show_in(key, view.search),
        type="search",
        live=True,
        max_chars=TEXT_CHARS,
        placeholder=placeholder,
        width=290,
        label_visibility="collapsed",
        on_change=edited_by(dataset.name, key, "search", lambda text: text or ""),
    )
