"""The toolbar above the rows: the search and the filters."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ecommerce_core.datasets import TEXT_CHARS, Dataset, View
from ecommerce_core.domain import Query, Totals
from pages.dataset import view_state
from pages.dataset.rows import row_filters
from pages.dataset.view_state import edited_by, show_in
from pages.ui import text as _


def show(
    dataset: Dataset,
    query: Query,
    totals: Totals,
    *,
    beside: Callable[[Dataset, View], None] | None = None,
) -> None:
    """Show the search and filters, and draw ``beside`` at their right."""
    view = view_state.current(dataset.name)
    search_box(dataset, view, placeholder=_(dataset.search_help))
    row_filters.show(dataset, query, totals)
    if beside is not None:
        beside(dataset, view)


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
        width=270,
        label_visibility="collapsed",
        on_change=edited_by(dataset.name, key, "search", lambda text: text or ""),
    )
