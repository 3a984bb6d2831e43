"""The common parts of the datasets' pages: header, actions, and the tabs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from ecommerce_core.datasets import TABS, Dataset, query_of
from ecommerce_core.domain import Query, Totals
from pages import ui
from pages.dataset import (
    address_bar,
    changes,
    charts,
    dataset_actions,
    export_menu,
    freshness,
    view_state,
)
from pages.dataset.rows import (
    active_filters,
    columns_menu,
    row_detail,
    row_list,
    shown_rows,
    toolbar,
)
from pages.dataset.view_state import choose_in, edited_by
from pages.runs import held_run, run_progress
from pages.ui import header, labels, language
from pages.ui import text as _


def draw(name: str, *, draw_rows: row_list.DrawRows = row_list.draw_table) -> None:
    """Show the whole page of a dataset; ``draw_rows`` draws the rows of the current page."""
    _draw(name, draw_rows)
    view_state.finish()


def _draw(name: str, draw_rows: row_list.DrawRows) -> None:
    header.show(labels.dataset_title(name))
    dataset = ui.application().datasets[name]
    view = address_bar.arrive(dataset)
    with st.container(gap=None):
        run_progress.watch(name)
        with ui.guarded():
            freshness.show(name)
    with ui.guarded():
        totals = ui.application().reader.totals(dataset)
        query = query_of(view, dataset, now=datetime.now(UTC), zone=language().zone)
        filled = totals.current + totals.withdrawn > 0
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            dataset_actions.show(name, totals)
            if filled:
                st.space("stretch")
                _parts(dataset, view.tab)
                if view.tab != "changes":  # changes have their own file
                    export_menu.show_rows(dataset, partial(row_list.count, dataset, query))
        with st.container():  # may appear and disappear: the elements below keep their position
            held_run.show(name)
            shown_rows.show(dataset)
        if not filled:
            dataset_actions.empty(name)
            return
        with st.container(horizontal=True, gap="small"):
            # Only the selected tab is drawn; the others cost nothing.
            with st.container():
                if view.tab == "changes":
                    keys = changes.show(dataset)
                else:
                    keys = _rows(dataset, query, totals, draw_rows)
            if view.row is not None:
                row_detail.show(dataset, view.row, keys)


def _parts(dataset: Dataset, tab: str) -> None:
    parts = {
        "rows": f":material/table_rows: {_('Rows')}",
        "changes": f":material/difference: {_('Changes')}",
        "pictures": f":material/bar_chart: {_('Charts')}",
    }
    key = f"{dataset.name}_part"
    st.radio(
        _("Part of the page"),
        TABS,
        key=choose_in(key, tab),
        horizontal=True,
        format_func=lambda name: parts[name],
        label_visibility="collapsed",
        width="content",
        on_change=edited_by(dataset.name, key, "tab", options=TABS),
    )


def _rows(
    dataset: Dataset, query: Query, totals: Totals, draw_rows: row_list.DrawRows
) -> list[str]:
    """Show the toolbar and the rows or charts. Return the keys of the rows."""
    view, keys = view_state.current(dataset.name), list[str]()
    is_list = view.tab == "rows"
    asked = st.container()
    # Draw the rows before the toolbar so that they reach the browser first.
    with ui.guarded():
        if is_list:
            keys = row_list.show(dataset, query, draw_rows)
        else:
            active_filters.show(dataset, view)
            charts.show(dataset, query)
        with asked:
            is_table = (view.layout or dataset.layouts[0]) == "table"
            beside = columns_menu.show if is_table else columns_menu.order
            toolbar.show(dataset, query, totals, beside=beside if is_list else None)
    return keys
