"""The overview's charts: of each dataset, the columns that are declared for it."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import Column, Dataset, Filter
from ecommerce_core.domain import Query
from pages import ui
from pages.dataset import column_charts
from pages.ui import address, language
from pages.ui import text as _
from pages.ui.current_application import page_of

VALUES = 10


def show() -> None:
    """Show the charts in cells of the surrounding grid, except those without rows.

    Raises StoreError.
    """
    for dataset in ui.application().datasets.values():
        for column in dataset.row_columns:
            if column.on_overview:
                _picture(dataset, column)


def _picture(dataset: Dataset, column: Column) -> None:
    reader = ui.application().reader
    if column.filter is Filter.CHOICE:
        found = reader.list_values(dataset, column.name, Query())
        if found:
            with st.container(border=True, height="stretch"):
                _values(dataset, column, found)
        return
    bins = reader.histogram(dataset, column.name, Query())
    if any(count for _low, _high, count in bins):
        with st.container(border=True, height="stretch"):
            title = column_charts.spread_title(column)
            st.markdown(f"**{title}**")
            column_charts.draw_spread(column, bins, title=title, height="stretch")


def _values(dataset: Dataset, column: Column, found: column_charts.Values) -> None:
    title = column_charts.values_title(dataset, column)
    st.markdown(f"**{title}**")

    def open_rows(picked: list[str]) -> None:
        """Callback: open the rows with the value that was clicked."""
        if picked:
            asked = {**address.language_kept(), column.address: picked[0]}
            st.switch_page(page_of(dataset.name), query_params=asked)

    key = f"overview_{dataset.name}_{column.address}"
    shown = found[:VALUES]
    column_charts.draw_values(shown, title=title, key=key, height="stretch", on_pick=open_rows)
    if len(found) > VALUES:
        more = language().number(len(found) - VALUES)
        st.caption(_("and {n} more").format(n=more))
