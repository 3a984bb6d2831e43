"""What a session looks at, changed by widgets that may say nothing."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def a_page_whose_choice_is_lost() -> None:
    import streamlit as st

    from pages import view_state

    view_state.edit("products", size=100, low=5.0)
    view_state.edit("products", size=None, low=None)
    view = view_state.current("products")
    st.text(f"{view.size} {view.low}")


def test_a_choice_that_must_be_one_stays_where_the_browser_says_none() -> None:
    page = AppTest.from_function(a_page_whose_choice_is_lost).run()

    assert not page.exception
    assert page.text[0].value == "100 None"
