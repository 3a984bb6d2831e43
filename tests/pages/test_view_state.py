"""The view of a session, changed by widgets that may send None."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest


def said_by(page: Callable[[], None]) -> list[str]:
    """Return the texts of a page that is drawn once."""
    drawn = AppTest.from_function(page).run()
    assert not drawn.exception
    return [str(text.value) for text in drawn.text]


def a_page_whose_choice_is_lost() -> None:
    import streamlit as st

    from pages.dataset import view_state

    view_state.edit("products", size=100, row="X1")
    view_state.edit("products", size=None, row=None)
    view = view_state.current("products")
    st.text(f"{view.size} {view.row}")


def test_a_choice_that_must_be_one_stays_where_the_browser_says_none() -> None:
    assert said_by(a_page_whose_choice_is_lost) == ["100 None"]


def a_page_whose_choice_comes_in_another_language() -> None:
    import streamlit as st

    from pages.dataset import view_state

    tab = view_state.edited_by("products", "part", "tab", options=("rows", "changes"))
    chosen = view_state.edited_by("products", "families", "kind", tuple, options=("TV", "Audio"))
    st.session_state["part"], st.session_state["families"] = "changes", ["TV"]
    tab()
    chosen()
    st.session_state["part"], st.session_state["families"] = ":material/x: Lignes", ["TV (20)"]
    tab()
    chosen()
    view = view_state.current("products")
    st.text(f"{view.tab} {view.kind}")


def test_a_choice_that_is_told_by_a_text_of_another_language_changes_nothing() -> None:
    assert said_by(a_page_whose_choice_comes_in_another_language) == ["changes ('TV',)"]


def a_page_whose_open_row_is_closed() -> None:
    import time

    import streamlit as st

    from pages.dataset import view_state
    from pages.ui import echo

    def tick() -> None:
        st.session_state["products_table"] = {"selection": {"rows": [1], "columns": []}}
        view_state.select("products", ["a", "b"], drawn_on="rows")
        ticked = st.session_state["products_table"]["selection"]["rows"]
        st.text(f"{view_state.current('products').row} {ticked}")

    tick()
    view_state.forget_selection("products")
    view_state.edit("products", row=None)
    tick()
    time.sleep(echo.ECHO_S)
    tick()


def test_a_row_that_was_just_closed_does_not_open_again_by_itself() -> None:
    assert said_by(a_page_whose_open_row_is_closed) == ["b [1]", "None []", "b [1]"]


def a_page_whose_closed_row_is_ticked_by(*, an_agent: bool) -> None:
    import time

    import streamlit as st

    from pages.dataset import view_state
    from pages.ui import echo

    def tick() -> None:
        st.session_state["products_table"] = {"selection": {"rows": [1], "columns": []}}
        view_state.select("products", ["a", "b"], drawn_on="rows")
        st.text(str(view_state.current("products").row))

    st.session_state["_is_agent"] = an_agent
    tick()
    view_state.forget_selection("products")
    view_state.edit("products", row=None)
    for _ in range(4):
        tick()
        time.sleep(echo.ECHO_S / 3)


@pytest.mark.parametrize(
    ("an_agent", "rows"),
    [(False, ["b", "None", "None", "None", "b"]), (True, ["b", "b", "b", "b", "b"])],
)
def test_who_insists_is_heard_and_a_program_at_once(an_agent: bool, rows: list[str]) -> None:
    page = AppTest.from_function(
        a_page_whose_closed_row_is_ticked_by, kwargs={"an_agent": an_agent}
    ).run()

    assert not page.exception
    assert [text.value for text in page.text] == rows


def a_page_whose_headings_are_clicked() -> None:
    import time
    from functools import partial

    import streamlit as st

    from ecommerce_core.datasets import PRODUCTS
    from pages.dataset import view_state
    from pages.ui import echo

    def click(column: str, *, row: int | None = None) -> None:
        rows = [] if row is None else [row]
        st.session_state["products_table"] = {"selection": {"rows": rows, "columns": [column]}}
        sort_by = partial(view_state.sort_rows, PRODUCTS, view_state.current("products"))
        view_state.select("products", ["a", "b"], drawn_on="rows", sort_by=sort_by)
        view, held = view_state.current("products"), st.session_state["products_table"]["selection"]
        is_free = not held["rows"] and not held["columns"]
        st.text(f"{view.sort} {view.descending} {view.page} {view.row} {is_free}")

    view_state.edit("products", page=3)
    click("price_cents")
    click("price_cents")  # as a browser says it once more that has not heard of the first
    time.sleep(echo.ECHO_S)
    click("price_cents", row=1)
    click("min_quantity")
    click("code")
    time.sleep(echo.ECHO_S)
    click("code")


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_the_order() -> None:
    assert said_by(a_page_whose_headings_are_clicked) == [
        "price_cents False 1 None True",
        "price_cents False 1 None True",
        "price_cents True 1 None True",
        "price_cents True 1 None True",
        "code False 1 None True",
        "code True 1 None True",
    ]


def a_menu_that_opens_with_what_it_was() -> None:
    import streamlit as st

    from pages.dataset import view_state
    from pages.dataset.rows import row_filters

    hear = row_filters.filter_edited("products", "products_new_age", "since", "first_seen_at")
    for is_drawn in (False, True):
        st.session_state["products_new_age"] = "24h"
        st.session_state["_products_filters_were_open"] = is_drawn
        hear()
        st.text(f"{view_state.current('products').since.get('first_seen_at', '')}.")


def test_a_menu_that_was_not_drawn_is_not_heard() -> None:
    assert said_by(a_menu_that_opens_with_what_it_was) == [".", "24h."]


def a_part_that_is_left_before_its_widgets_are_told() -> None:
    import streamlit as st

    from pages.dataset import view_state

    view_state.begin("products")
    view_state.edit("products", tab="changes", search="x1")
    view_state.begin("products")
    hear = view_state.edited_by("products", "search_changes", "search")
    st.session_state["search_changes"] = ""
    for tab in ("rows", "changes"):
        view_state.edit("products", tab=tab)
        view_state.begin("products")
        hear()
        st.text(f"{view_state.current('products').search}.")


def test_a_part_of_the_page_that_was_left_is_not_heard() -> None:
    assert said_by(a_part_that_is_left_before_its_widgets_are_told) == ["x1.", "."]


def a_box_and_a_part_that_are_told_at_once() -> None:
    import streamlit as st

    from pages.dataset import view_state

    view_state.begin("products")
    hear = view_state.edited_by("products", "search_products", "search")
    st.session_state["search_products"] = "x1"
    view_state.edit("products", tab="changes")
    hear()
    st.text(view_state.current("products").search)


def test_what_was_typed_as_one_left_a_part_is_heard() -> None:
    assert said_by(a_box_and_a_part_that_are_told_at_once) == ["x1"]
