"""The rows of a dataset: one page of them, and their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import streamlit as st

from ecommerce_core.datasets import Column, Dataset, Kind, Row, View, columns_of
from ecommerce_core.domain import Query, Withdrawn
from pages import ui
from pages.dataset import selection, view_state
from pages.dataset.rows import active_filters, copy_rows, pager
from pages.dataset.view_state import edit
from pages.ui import labels
from pages.ui import text as _
from pages.ui.table import Kind as TableKind
from pages.ui.table import TableColumn, show_table

# Of a text whose column does not say it.
WIDEST_PX = 300

# The grid's own buttons search the rows on screen alone and hide columns that files still have, and
# they cover ours.
NO_GRID_BUTTONS = (
    '<style>.st-key-{key} [data-testid="stElementToolbar"] {{ display: none; }}</style>'
)

DrawRows = Callable[[Dataset, Sequence[Row]], None]

_KINDS: dict[Kind, TableKind] = {
    Kind.TEXT: "text",
    Kind.ID: "text",
    Kind.NUMBER: "number",
    Kind.MONEY: "money",
    Kind.MOMENT: "moment",
}


def draw_table(dataset: Dataset, rows: Sequence[Row]) -> None:
    """Draw rows as a table.

    A click on a heading sorts all rows by it, and not only those of the page.
    """
    view = view_state.current(dataset.name)
    columns = [
        TableColumn(
            column.name,
            _KINDS[column.kind],
            label=_heading(column, dataset, view),
            width=None if _KINDS[column.kind] == "text" else column.width,
            widest=(column.width or WIDEST_PX) if _KINDS[column.kind] == "text" else None,
            help=_help(column, dataset),
        )
        for column in columns_of(view, dataset)
    ]
    cells = [{c.name: getattr(row, c.name) for c in columns} for row in rows]
    name, keys = dataset.name, keys_of(dataset, rows)
    key = selection.show(name, keys, [column.name for column in columns], opened=view.row)
    hear = partial(
        selection.hear,
        name,
        key,
        keys,
        drawn_on=view.tab,
        open_row=partial(view_state.open_row, name, keys),
        sort_by=partial(view_state.sort_rows, dataset, view),
    )
    modes = ["multi-row", "single-column", "single-cell"]
    more: dict[str, Any] = {"on_select": hear, "selection_mode": modes}
    with st.container(key=f"{name}_rows"):  # its key stays, unlike that of the table
        st.html(NO_GRID_BUTTONS.format(key=f"{name}_rows"))
        alt = labels.dataset_title(name)
        show_table(cells, columns, key=key, alt=alt, height="content", **more)


def _help(column: Column, dataset: Dataset) -> str | None:
    """Return what a column is, and what sorts by it: nothing takes the grid's own menu away."""
    said = [_(column.help)] if column.help else []
    if column in dataset.sortable:
        said.append(_("Click: sort all rows. The menu ⋮ sorts this page alone."))
    return "\n\n".join(said) or None


def keys_of(dataset: Dataset, rows: Sequence[Row]) -> list[str]:
    """Return the keys of rows."""
    return [getattr(row, dataset.key) for row in rows]


def _heading(column: Column, dataset: Dataset, view: View) -> str:
    """Return a column's heading, with an arrow and its place if the rows are sorted by it."""
    label = labels.label_with_zone(column)
    order = ((view.sort or dataset.default_sort, view.descending), *view.then_by)
    for place, (name, descends) in zip(("", "²", "³"), order, strict=False):
        if name == column.name:
            return f"{label} {'▼' if descends else '▲'}{place}"
    return label


def count(dataset: Dataset, query: Query) -> int:
    """Return how many rows match, whatever their order and page. Raises StoreError."""
    return ui.application().reader.count_rows(dataset, query)


def show(dataset: Dataset, query: Query, draw_rows: DrawRows) -> list[str]:
    """Show one page of the matching rows, with the active filters above and the pager below.

    Return the keys of these rows.
    """
    filters = st.container()
    rows: Sequence[Row] | None = None
    with ui.guarded():
        query, rows = _show_page(dataset, query, draw_rows)
    # Also after an error; but before the count, or else a removed filter would stay on the page for
    # as long as the count takes.
    with filters:
        active_filters.show(dataset, view_state.current(dataset.name))
    if not rows:
        if rows is not None:
            _nothing(dataset)
        return []
    # Counted while the browser receives the rows: among a million this takes longer than reading
    # them. At least as many as are shown, though a run may have ended in between.
    view = view_state.current(dataset.name)
    matching = max(count(dataset, query), (query.page - 1) * query.page_size + len(rows))
    is_mixed = query.withdrawn is Withdrawn.SHOW
    pager.show(
        dataset,
        page=query.page,
        size=query.page_size,
        matching=matching,
        shown=len(rows),
        withdrawn=count(dataset, replace(query, withdrawn=Withdrawn.ONLY)) if is_mixed else 0,
        beside=partial(copy_rows.show, dataset, view, rows),
    )
    return keys_of(dataset, rows)


def _show_page(dataset: Dataset, query: Query, draw_rows: DrawRows) -> tuple[Query, Sequence[Row]]:
    """Show the requested page or else the last one; return its query and rows."""
    if query.page > 1:
        pages = ceil(count(dataset, query) / query.page_size)
        query = replace(query, page=max(1, min(query.page, pages)))
    # The first drawing since the session came to this page: there are no rows to keep meanwhile.
    if st.session_state.pop(f"_{dataset.name}_came", False):
        with st.skeleton(height=300):
            rows = _read(dataset, query)
    else:
        rows = _read(dataset, query)
        # In the skeleton's place: the browser recreates elements whose position changes.
        st.empty()
    if rows:
        draw_rows(dataset, rows)
    return query, rows


def _read(dataset: Dataset, query: Query) -> list[Row]:
    return ui.application().reader.list_rows(dataset, query)


def _nothing(dataset: Dataset) -> None:
    view = view_state.current(dataset.name)
    found = [text for text, _without in active_filters.list_active(dataset, view)]
    if view.search:
        found.insert(0, _("Search: {text}").format(text=view.search))
    if not found:
        return  # just cleared: the page is about to be drawn again
    loosen = _("Try removing a filter: {filters}.").format(filters=ui.escape(" · ".join(found)))
    st.info(loosen, title=_("No results"), icon=":material/search_off:")
    with st.container(horizontal=True):
        if view.search:
            st.button(
                _("Clear search"),
                key=f"clear_search_{dataset.name}",
                icon=":material/backspace:",
                on_click=edit,
                args=(dataset.name,),
                kwargs={"search": ""},
            )
