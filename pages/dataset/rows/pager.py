"""The line below rows: the range that is shown, the other pages, and the page size."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path

import streamlit as st

from ecommerce_core.datasets import PAGE_SIZES, Dataset
from pages.dataset import view_state
from pages.dataset.view_state import choose_in, edit, edited_by
from pages.ui import language, session
from pages.ui import text as _

# With fewer pages than these, each has a button.
FIELD_FROM_PAGES = 6
# The room of a button or an arrow. Without room for five it shows the first of few pages, and the
# last one if it is lucky; it shows no more than seven.
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
    name, pages, key = dataset.name, ceil(matching / size), _key(dataset.name, page)
    size_key = f"{name}_page_size"
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption(_range(page, size, matching, shown, withdrawn), width="content")
        st.pagination(
            pages,
            default=page,
            width=BUTTON_PX * (2 + min(max(pages, LEAST_BUTTONS), MOST_BUTTONS)),
            key=key,
            on_change=_turn,
            args=(name, key, view_state.current(name).tab),
        )
        if pages >= FIELD_FROM_PAGES:
            field = f"{key}_field_{page}"
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


def _key(name: str, page: int) -> str:
    """Return the key of the choice of pages: another one if it did not choose this page itself.

    A browser that has not received the new one yet can only tell about the old one, however late
    it is. A program waits for each answer, and finds it by its key.
    """
    state, key = st.session_state, f"{name}_page"
    number, told = state.get(f"_{key}_told", (0, 1))
    if told != page:
        if session.is_agent():
            choose_in(key, page)
        else:
            number += 1
        state[f"_{key}_told"] = (number, page)
    return f"{key}_{number}" if number else key


def _turn(name: str, key: str, drawn_on: str) -> None:
    """Callback: show the chosen page, unless the choice is of an older drawing."""
    state, page = st.session_state, st.session_state[key]
    number, _told = state.get(f"_{name}_page_told", (0, 1))
    here = name, drawn_on
    is_present = key == (f"{name}_page_{number}" if number else f"{name}_page")
    if is_present and state.get("_part", here)[:2] == here:
        state[f"_{name}_page_told"] = (number, page)
        edit(name, page=page)
