"""The line below rows: the range that is shown, the other pages, and the page size."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import streamlit as st

from ecommerce_core.datasets import PAGE_SIZES, Dataset
from pages.dataset.view_state import choose_in, edited_by, show_in
from pages.ui import language
from pages.ui import text as _


def show(
    dataset: Dataset,
    *,
    page: int,
    size: int,
    matching: int,
    shown: int,
    beside: Callable[[], None] | None = None,
) -> None:
    """Show which rows of how many are shown, the other pages, and the page size.

    ``beside`` draws what stands at the end of the line.
    """
    name, words = dataset.name, language()
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
        if beside is not None:
            beside()
