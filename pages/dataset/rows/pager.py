"""The line below rows: the range that is shown, the other pages, and the page size."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path

import streamlit as st

from ecommerce_core.datasets import PAGE_SIZES, Dataset
from pages.dataset.view_state import choose_in, edited_by, show_in
from pages.ui import language
from pages.ui import text as _

# With fewer pages than these, each has a button.
FIELD_FROM_PAGES = 6
# The width of a button or an arrow. Streamlit leaves pages out ("1 … 4") without room for five
# buttons, and shows seven at most.
BUTTON_PX, LEAST_BUTTONS, MOST_BUTTONS = 36, 5, 7

_scroll_up = st.components.v2.component(
    "ecommerce_turned_page",
    js=(Path(__file__).parent / "turned_page.js").read_text("utf-8"),
)


def show(
    dataset: Dataset,
    *,
    page: int,
    size: int,
    matching: int,
    shown: int,
    withdrawn: int = 0,
    beside: Callable[[], None] | None = None,
) -> None:
    """Show which rows of how many are shown, the other pages, and the page size.

    ``withdrawn`` of those that match are told apart. ``beside`` draws what stands at the end of the
    line.
    """
    name, pages = dataset.name, ceil(matching / size)
    page_key, size_key = f"{name}_page", f"{name}_page_size"
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption(_range(page, size, matching, shown, withdrawn), width="content")
        st.pagination(
            pages,
            width=BUTTON_PX * (2 + min(max(pages, LEAST_BUTTONS), MOST_BUTTONS)),
            key=show_in(page_key, page),
            on_change=edited_by(name, page_key, "page"),
        )
        if pages >= FIELD_FROM_PAGES:
            field = f"{page_key}_field_{page}"
            st.number_input(
                _("Page"),
                min_value=1,
                max_value=pages,
                value=page,
                key=field,
                width=120,
                label_visibility="collapsed",
                help=_("Go to this page"),
                on_change=edited_by(name, field, "page"),
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
    _scroll_up(key=f"{name}_turned", data={"page": page, "target": f"{name}_rows"}, height=1)


def _range(page: int, size: int, matching: int, shown: int, withdrawn: int) -> str:
    words, first = language(), (page - 1) * size + 1
    numbers = {"first": first, "last": first + shown - 1, "total": matching}
    text = _("{first}–{last} of {total}").format(**{k: words.number(n) for k, n in numbers.items()})
    if not withdrawn:
        return text
    return f"{text} ({words.plural('{count} withdrawn', '{count} withdrawn', withdrawn)})"
