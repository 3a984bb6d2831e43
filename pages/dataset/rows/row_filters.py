"""The filters, behind one button: those that readers need most, and any other column."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import NO_FILTERS, Dataset, Filter, View, shown_withdrawn
from ecommerce_core.domain import Query, Totals, Withdrawn
from pages import ui
from pages.dataset import view_state
from pages.dataset.rows import filter_widgets
from pages.dataset.rows.active_filters import list_active
from pages.dataset.rows.filter_widgets import edited_where_seen
from pages.dataset.view_state import choose_in, edit
from pages.ui import labels, language
from pages.ui import text as _


def show(dataset: Dataset, query: Query, totals: Totals) -> None:
    """Show the filters in a popover; their values are only read while it is open."""
    view, name = view_state.current(dataset.name), dataset.name
    count = len(list_active(dataset, view))
    # Another label would make another popover, which would be closed.
    icon = ":material/filter_alt:"
    popover = st.popover(_("Filters"), icon=icon, key=f"{name}_filters", on_change="rerun")
    st.session_state[f"_{name}_filters_were_open"] = bool(popover.open)
    if not popover.open:
        return
    with popover, ui.guarded():
        for column in dataset.filtered_by(Filter.CHOICE):
            filter_widgets.choice(dataset, column, view, query)
        for column in dataset.filtered_by(Filter.RANGE):
            filter_widgets.number_range(dataset, column, view)
        _withdrawn(dataset, view, totals)
        for column in dataset.filtered_by(Filter.SINCE):
            filter_widgets.since(dataset, column, view)
        for column in dataset.filtered_by(Filter.PRESENCE):
            filter_widgets.presence(dataset, column, view)
        _any_column(dataset, view, query)
        st.button(
            _("Clear all filters"),
            key=f"clear_filters_{name}",
            icon=":material/filter_alt_off:",
            disabled=not count,
            on_click=edit,
            args=(name,),
            kwargs=NO_FILTERS,
        )


def _any_column(dataset: Dataset, view: View, query: Query) -> None:
    """Show a choice of a column, and every filter by it that is not shown already."""
    columns = {column.name: column for column in dataset.row_columns}
    key = f"{dataset.name}_filter_column"
    chosen = st.selectbox(
        _("Filter by any column"),
        list(columns),
        index=None,
        key=ui.choice(key, columns),
        format_func=lambda name: labels.column_label(columns[name]),
        placeholder=_("Choose a column"),
    )
    if chosen is not None:
        filter_widgets.of_column(dataset, columns[chosen], view, query)


def _withdrawn(dataset: Dataset, view: View, totals: Totals) -> None:
    key = f"{dataset.name}_withdrawn"
    options = {
        Withdrawn.HIDE: _("Hide"),
        Withdrawn.SHOW: _("Include"),
        Withdrawn.ONLY: _("Only"),
    }
    st.radio(
        _("Withdrawn ({n})").format(n=language().number(totals.withdrawn)),
        list(options),
        key=choose_in(key, shown_withdrawn(view)),
        horizontal=True,
        format_func=lambda option: options[option],
        help=_(
            "Rows that the source no longer lists. They are kept, and are current "
            "again if it lists them again."
        ),
        on_change=edited_where_seen(dataset.name, key, "withdrawn", options=options),
    )
