"""The rows of a dataset: what is looked for, in which order, one page of them, one in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from math import ceil
from typing import Any

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.dataset import Row
from ecommerce_core.models import Query, Totals
from ecommerce_core.ui import Column, language

PAGE_SIZES = (25, 50, 100, 200)
SEARCH_CHARS = 200
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
            st.session_state[f"{name}_row"] = keys[picked[0]] if picked else None

        more: dict[str, Any] = {"on_select": pick, "selection_mode": "single-row"}
        return ui.table(cells, named, key=f"{name}_table", alt=alt, height="content", **more)

    return draw


def _detail(name: str) -> None:
    """Every field of the selected row, above the table, while it is selected."""
    key = st.session_state.get(f"{name}_row")
    app, words = ui.application(), language()
    row = app.store.find_row(app.datasets[name], key) if key is not None else None
    if row is None:
        return
    facts: dict[str, str] = {}
    for field, value in asdict(row).items():
        if isinstance(value, datetime):
            shown = words.moment(value)
        elif isinstance(value, int | float):
            shown = words.money(value) if field.endswith("_cents") else words.points(value)
        else:
            shown = "–" if value is None else ui.escape(value)
        facts[words.word(field)] = shown
    with st.container(border=True):
        st.table(facts, border="horizontal", width="content")
        st.button(
            _("Close"),
            key=f"close_row_{name}",
            icon=":material/close:",
            on_click=st.session_state.pop,
            args=(f"{name}_row",),
        )


def _first_page(name: str) -> None:
    st.session_state[f"{name}_page"] = 1


def ask(
    name: str, totals: Totals, *, search_help: str, sorts: Sequence[str], filter_by: str | None
) -> Query:
    """The controls above the table, and what they ask for."""
    again: dict[str, Any] = {"on_change": _first_page, "args": (name,)}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            _("Search"),
            key=f"search_{name}",
            type="search",
            live=True,
            placeholder=search_help,
            width=300,
            bind="query-params",
            **again,
        )
        filters = _filter(name, filter_by)
        sort = st.selectbox(
            _("Sort by"),
            sorts,
            key=f"{name}_sort",
            format_func=language().word,
            width=190,
            persist_state="session",
            **again,
        )
        descending = st.toggle(
            _("Descending"), key=f"{name}_descending", persist_state="session", **again
        )
        with_withdrawn = totals.withdrawn > 0 and st.toggle(
            _("Show withdrawn ({n})").format(n=language().number(totals.withdrawn)),
            key=f"{name}_withdrawn",
            help=_("Rows that the peer no longer lists. They are kept, and come back with it."),
            persist_state="session",
            **again,
        )
    return Query(
        search=(search or "")[:SEARCH_CHARS],
        filters=filters,
        with_withdrawn=with_withdrawn,
        sort=sort,
        descending=descending,
        page_size=st.session_state.get(f"{name}_page_size", PAGE_SIZES[0]),
    )


def _filter(name: str, column: str | None) -> dict[str, str]:
    if column is None:
        return {}
    app = ui.application()
    counts = dict(app.store.list_values(app.datasets[name], column))
    chosen = st.selectbox(
        language().word(column),
        sorted(counts),
        index=None,
        key=f"{name}_{column}",
        placeholder=_("All ({n})").format(n=language().number(len(counts))),
        width=220,
        on_change=_first_page,
        args=(name,),
        bind="query-params",
    )
    return {column: chosen} if chosen is not None else {}


def show(name: str, query: Query, show_rows: Show) -> None:
    app, words = ui.application(), language()
    dataset = app.datasets[name]
    matching = app.store.count_rows(dataset, query)
    if matching == 0:
        st.info(
            _("Nothing matches. Search for less, or take a filter away."),
            icon=":material/search_off:",
        )
        return
    pages = ceil(matching / query.page_size)
    page_key = f"{name}_page"
    page = min(max(1, st.session_state.get(page_key, 1)), pages)
    if st.session_state.get(page_key, 1) != page:
        st.session_state[page_key] = page
    rows = app.store.list_rows(dataset, replace(query, page=page))
    _detail(name)
    show_rows(rows)
    first = (page - 1) * query.page_size + 1
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        text = _("{first}–{last} of {total}")
        numbers = {"first": first, "last": first + len(rows) - 1, "total": matching}
        shown = {key: words.number(n) for key, n in numbers.items()}
        st.caption(text.format(**shown), width="content")
        st.pagination(pages, key=page_key)
        st.selectbox(
            _("Rows per page"),
            PAGE_SIZES,
            key=f"{name}_page_size",
            width=110,
            on_change=_first_page,
            args=(name,),
            persist_state="session",
            label_visibility="collapsed",
        )
