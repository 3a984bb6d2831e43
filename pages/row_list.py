"""The rows of a dataset: how they are looked for and sorted, one page of them, and how many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.dataset import Dataset, Row
from ecommerce_core.query import Query, Totals
from ecommerce_core.ui import language
from pages import active_filters, reads, row_filters, view_state
from pages.table import Column, show_table
from pages.view import PAGE_SIZES, Shape, View
from pages.view_state import choose_in, edit, edited_by, show_in

Show = Callable[[Sequence[Row]], object]


def _(message: str) -> str:
    return language().text(message)


def columns_table(name: str, columns: Sequence[Column], alt: str) -> Show:
    """How rows are drawn as a table, with the column of withdrawals only where there are some."""

    def draw(rows: Sequence[Row]) -> object:
        zone = _("{column} ({zone})")
        shown = [
            c for c in columns if c.name != "withdrawn_at" or any(r.withdrawn_at for r in rows)
        ]
        named = [
            replace(c, label=zone.format(column=language().word(c.name), zone=language().place))
            if c.kind == "moment"
            else c
            for c in shown
        ]
        cells = [{c.name: getattr(row, c.name) for c in named} for row in rows]
        keys = [getattr(row, ui.application().datasets[name].key) for row in rows]

        def pick() -> None:
            # A selection is a position, and the next fetch moves them all: keep the key.
            picked = st.session_state[f"{name}_table"]["selection"]["rows"]
            edit(name, row=keys[picked[0]] if picked and picked[0] < len(keys) else None)

        more: dict[str, Any] = {"on_select": pick, "selection_mode": "single-row"}
        return show_table(cells, named, key=f"{name}_table", alt=alt, height="content", **more)

    return draw


def ask(
    dataset: Dataset,
    shape: Shape,
    query: Query,
    totals: Totals,
    *,
    search_help: str,
    sorted_too: bool,
) -> None:
    """The controls above the rows: which ones, and in what order where that matters."""
    view = view_state.current(shape.name)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        row_filters.search_box(shape, view, placeholder=search_help)
        row_filters.ask(dataset, shape, query, totals)
        if sorted_too:
            _order(shape, view)
    active_filters.show(shape, view)


def _order(shape: Shape, view: View) -> None:
    sort_key, down_key = f"{shape.name}_sort", f"{shape.name}_descending"
    st.selectbox(
        _("Sort by"),
        shape.sorts,
        key=choose_in(sort_key, view.sort or shape.sorts[0]),
        format_func=lambda column: _("Sort: {column}").format(column=language().word(column)),
        width=220,
        label_visibility="collapsed",
        on_change=edited_by(shape.name, sort_key, "sort", options=shape.sorts),
    )
    st.toggle(
        _("Descending"),
        key=show_in(down_key, view.descending),
        on_change=edited_by(shape.name, down_key, "descending"),
    )


def count(dataset: Dataset, query: Query) -> int:
    """How many rows match, whatever their order and page. Raises StoreError."""
    question = replace(query, sort=None, descending=False, page=1, page_size=1)
    store = ui.application().store
    return reads.kept(dataset, lambda: store.count_rows(dataset, question), "count", question)


def show(dataset: Dataset, shape: Shape, query: Query, show_rows: Show) -> None:
    """One page of the rows that match, and below it which ones they are."""
    matching = count(dataset, query)
    if matching == 0:
        _nothing(shape)
        return
    pages = ceil(matching / query.page_size)
    query = replace(query, page=min(query.page, pages))
    store = ui.application().store
    # A skeleton for who has just come. Later the table stays until the next one is there, and
    # in its place: what moves by one element, the browser makes anew.
    has_just_come = view_state.has_just_come(shape.name)
    with st.skeleton(height=300) if has_just_come else st.empty():
        rows = reads.kept(dataset, lambda: store.list_rows(dataset, query), "rows", query)
    show_rows(rows)
    footer(shape, page=query.page, size=query.page_size, matching=matching, shown=len(rows))


def _nothing(shape: Shape) -> None:
    view = view_state.current(shape.name)
    found = [text for text, _without in active_filters.list_active(shape, view)]
    if view.search:
        found.insert(0, _("Search: {text}").format(text=view.search))
    loosen = _("Loosen one of these: {filters}.").format(filters=ui.escape(" · ".join(found)))
    st.info(loosen, title=_("Nothing matches"), icon=":material/search_off:")
    with st.container(horizontal=True):
        if view.search:
            st.button(
                _("Search for everything"),
                key=f"clear_search_{shape.name}",
                icon=":material/backspace:",
                on_click=edit,
                args=(shape.name,),
                kwargs={"search": ""},
            )


def footer(shape: Shape, *, page: int, size: int, matching: int, shown: int) -> None:
    """Which ones of how many are shown, the other pages, and how many stand on one."""
    name, words = shape.name, language()
    first = (page - 1) * size + 1
    page_key, size_key = f"{name}_page", f"{name}_page_size"
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        text = _("{first}–{last} of {total}")
        numbers = {"first": first, "last": first + shown - 1, "total": matching}
        st.caption(text.format(**{k: words.number(n) for k, n in numbers.items()}), width="content")
        st.pagination(
            ceil(matching / size),
            key=show_in(page_key, page),
            on_change=edited_by(name, page_key, "page"),
        )
        st.selectbox(
            _("Rows per page"),
            PAGE_SIZES,
            key=choose_in(size_key, size),
            format_func=lambda size: _("{n} rows").format(n=size),
            width=120,
            on_change=edited_by(name, size_key, "size", options=PAGE_SIZES),
            label_visibility="collapsed",
        )
