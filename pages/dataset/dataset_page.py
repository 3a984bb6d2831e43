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
    agent_notes,
    changes,
    charts,
    dataset_actions,
    export_menu,
    freshness,
    saved_views,
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
from pages.ui import header, labels, language, segments
from pages.ui import text as _

HEAD = "freshness"
# On a phone it has a line of its own. Its parent is what the line of title and actions wraps.
HEAD_LOOK = f"<style>div:has(> .st-key-{HEAD}) {{ min-width: 300px; }}</style>"


def draw(name: str, *, draw_rows: row_list.DrawRows = row_list.draw_table) -> None:
    """Show the whole page of a dataset; ``draw_rows`` draws the rows of the current page."""
    _draw(name, draw_rows)
    view_state.finish()


def _draw(name: str, draw_rows: row_list.DrawRows) -> None:
    dataset = ui.application().datasets[name]
    view = address_bar.arrive(dataset)
    shown = set[str]()
    header.show(labels.dataset_title(name), beside=partial(_head, dataset, shown))
    # What may appear and disappear is in containers: the elements below keep their position.
    notices = st.container(gap=None)
    with notices:
        run_progress.watch(name)
    with ui.guarded(shown):
        totals = ui.application().reader.totals(dataset)
        began = partial(ui.application().run_began, name)
        query = query_of(
            view, dataset, now=datetime.now(UTC), zone=language().zone, run_began=began
        )
        # The rows can be read without the database that these ask.
        with notices, st.container(), ui.guarded(shown):
            held_run.show(name)
            shown_rows.show(dataset)
        if totals.current + totals.withdrawn == 0:
            dataset_actions.empty(name)
            return
        with notices:
            bar = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
        with bar:
            _parts(dataset, view.tab)
            if view.tab == "rows" and len(dataset.layouts) > 1:
                _layouts(dataset, view.layout or dataset.layouts[0])
        with st.container(horizontal=True, gap="small"):
            # Only the selected tab is drawn; the others cost nothing.
            with st.container(gap="xsmall"):
                if view.tab == "changes":
                    keys = changes.show(dataset)
                else:
                    keys = _rows(dataset, query, totals, draw_rows, bar)
            if view.row is not None:
                row_detail.show(dataset, view.row, keys)
        saved_views.show(dataset)
        agent_notes.show(dataset)


def _head(dataset: Dataset, shown: set[str]) -> None:
    """Show the actions, and how old the rows are."""
    with ui.guarded(shown):
        dataset_actions.show(dataset.name, ui.application().reader.totals(dataset))
    st.html(HEAD_LOOK)
    with st.container(key=HEAD), ui.guarded(shown):
        freshness.show(dataset.name)


def _parts(dataset: Dataset, tab: str) -> None:
    said = {"rows": _("Rows"), "changes": _("Changes"), "pictures": _("Charts")}
    key = choose_in(f"{dataset.name}_part", tab)
    edited = edited_by(dataset.name, key, "tab", options=TABS)
    segments.show(_("Part of the page"), said, key=key, on_change=edited)


def _layouts(dataset: Dataset, layout: str) -> None:
    """Show the choice of the layout as icons: its words would take the bar a line more."""
    said = {
        "table": f":material/table_rows: {_('Table')}",
        "cards": f":material/grid_view: {_('Cards')}",
    }
    key = choose_in(f"{dataset.name}_view", layout)
    edited = edited_by(dataset.name, key, "layout", options=dataset.layouts)
    said = {name: said[name] for name in dataset.layouts}
    segments.show(_("Show as"), said, key=key, on_change=edited, is_icons=True)


def _rows(
    dataset: Dataset,
    query: Query,
    totals: Totals,
    draw_rows: row_list.DrawRows,
    bar: st.delta_generator.DeltaGenerator,
) -> list[str]:
    """Show the rows or charts, and their controls in ``bar``. Return the keys of the rows."""
    view, keys = view_state.current(dataset.name), list[str]()
    is_list = view.tab == "rows"
    # Draw the rows before the toolbar so that they reach the browser first.
    with ui.guarded():
        if is_list:
            keys = row_list.show(dataset, query, draw_rows)
        else:
            active_filters.show(dataset, view)
            charts.show(dataset, query)
        with bar:
            layout = view.layout or dataset.layouts[0]
            beside = columns_menu.show if layout == "table" else columns_menu.order
            toolbar.show(dataset, query, totals, beside=beside if is_list else None)
            export_menu.show_rows(dataset, partial(row_list.count, dataset, query))
    return keys
