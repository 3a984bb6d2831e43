"""The selection in a table: what a click means, however late the browser tells it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest


def said_by(page: Callable[..., None], **arguments: bool) -> list[str]:
    """Return the texts of a page that is drawn once."""
    drawn = AppTest.from_function(page, kwargs=arguments).run()
    assert not drawn.exception
    return [str(text.value) for text in drawn.text]


def a_page_whose_headings_are_clicked(*, an_agent: bool) -> None:
    from functools import partial

    import streamlit as st

    from ecommerce_core.datasets import PRODUCTS, View
    from pages.dataset import selection, view_state

    drawn: dict[str, View] = {}

    def draw() -> str:
        key = selection.table_key("products")
        drawn[key] = view_state.current("products")
        return key

    def tell(key: str, *columns: str) -> None:
        held = {"rows": [], "columns": list(columns), "cells": []}
        st.session_state[key] = {"selection": held}
        selection.hear(
            "products",
            key,
            ["a", "b"],
            drawn_on="rows",
            open_row=partial(view_state.open_row, "products", ["a", "b"]),
            sort_by=partial(view_state.sort_rows, PRODUCTS, drawn[key]),
        )
        view = view_state.current("products")
        st.text(f"{view.sort} {view.descending} {view.page} {view.row}")

    st.session_state["_is_agent"] = an_agent
    view_state.edit("products", page=3, row="b")
    first = draw()
    tell(first, "price_cents")
    if not an_agent:
        tell(first, "price_cents")  # with another click, since it has not received the new table
        tell(first)  # a second click on the old table
    second = draw()
    tell(second, "price_cents")
    tell(draw(), "min_quantity")  # it cannot be sorted by
    tell(draw(), "code")
    tell(draw(), "code")
    st.text(f"{first} {selection.table_key('products')}")


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_the_order_however_late_it_is() -> None:
    assert said_by(a_page_whose_headings_are_clicked, an_agent=False) == [
        "price_cents False 1 b",
        "price_cents False 1 b",
        "price_cents True 1 b",
        "price_cents False 1 b",
        "price_cents False 1 b",
        "code False 1 b",
        "code True 1 b",
        "products_table products_table_5",
    ]


def test_a_program_finds_the_table_by_its_key_whatever_it_selected() -> None:
    assert said_by(a_page_whose_headings_are_clicked, an_agent=True) == [
        "price_cents False 1 b",
        "price_cents True 1 b",
        "price_cents True 1 b",
        "code False 1 b",
        "code True 1 b",
        "products_table products_table",
    ]


def a_page_whose_closed_row_is_clicked(*, an_agent: bool) -> None:
    from functools import partial

    import streamlit as st

    from pages.dataset import selection, view_state
    from pages.ui import address

    def draw() -> None:
        opened = view_state.current("products").row
        selection.show("products", ["a", "b"], ["code"], opened=opened)
        address.change({"row": opened})
        address.write()

    def click() -> None:
        held = {"rows": [], "columns": [], "cells": [(1, "code")]}
        st.session_state["products_table"] = {"selection": held}
        open_row = partial(view_state.open_row, "products", ["a", "b"])
        selection.hear("products", "products_table", ["a", "b"], drawn_on="rows", open_row=open_row)
        draw()
        cells = st.session_state["products_table"]["selection"]["cells"]
        st.text(f"{view_state.current('products').row} {cells}")

    st.session_state["_is_agent"] = an_agent
    click()
    view_state.edit("products", row=None)
    draw()
    st.query_params["row"] = "b"  # sent by a browser that has not received that the row is closed
    click()
    click()


OPEN, CLOSED = "b [(1, 'code')]", "None []"


@pytest.mark.parametrize(
    ("an_agent", "rows"), [(False, [OPEN, CLOSED, OPEN]), (True, [OPEN, OPEN, OPEN])]
)
def test_a_closed_row_opens_again_only_if_its_click_is_newer_or_a_programs(
    an_agent: bool, rows: list[str]
) -> None:
    assert said_by(a_page_whose_closed_row_is_clicked, an_agent=an_agent) == rows


def a_page_whose_rows_move() -> None:
    from functools import partial

    import streamlit as st

    from pages.dataset import selection, view_state

    def draw(*keys: str, opened: str | None) -> str:
        key = selection.show("products", keys, ["code", "family"], opened=opened)
        held = st.session_state.get(key, {"selection": {"rows": [], "cells": []}})["selection"]
        st.text(f"{key} {held['rows']} {held['cells']} {selection.ticked('products')}")
        return key

    key = draw("a", "b", "c", opened=None)
    held = {"rows": [2, 0], "columns": [], "cells": [(1, "family")]}
    st.session_state[key] = {"selection": held}
    open_row = partial(view_state.open_row, "products", ["a", "b", "c"])
    selection.hear("products", key, ["a", "b", "c"], drawn_on="rows", open_row=open_row)
    st.text(str(view_state.current("products").row))
    draw("a", "b", "c", opened="b")
    draw("new", "a", "b", "c", opened="b")
    draw("new", "c", opened="b")
    draw("a", "b", "c", opened="a")
    view_state.edit("products", search="x")
    draw("a", "b", "c", opened=None)


def test_ticks_and_the_open_row_follow_their_rows_and_are_gone_with_other_rows() -> None:
    assert said_by(a_page_whose_rows_move) == [
        "products_table [] [] ()",
        "b",
        "products_table [2, 0] [(1, 'family')] ('c', 'a')",
        "products_table [1, 3] [(2, 'family')] ('c', 'a')",
        "products_table [1] [] ('c', 'a')",
        "products_table [0, 2] [(0, 'code')] ('c', 'a')",
        "products_table_1 [] [] ()",
    ]
