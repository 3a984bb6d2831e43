"""The view of a session, changed by widgets that may send None."""

from __future__ import annotations

from collections.abc import Callable

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


def a_page_that_is_drawn(*, to_its_end: bool) -> None:
    import streamlit as st

    from pages.dataset import view_state

    view_state.begin("products")
    st.pagination(5, key=view_state.show_in("page", 3))
    if to_its_end:
        view_state.finish()


def test_what_was_set_is_set_again_until_a_run_ends() -> None:
    page = AppTest.from_function(a_page_that_is_drawn, kwargs={"to_its_end": False})

    def is_set(*, to_its_end: bool) -> bool:
        page.kwargs = {"to_its_end": to_its_end}
        (pager,) = page.run().get("pagination")
        return bool(pager.proto.set_value)

    assert is_set(to_its_end=False)
    assert is_set(to_its_end=True)
    assert not is_set(to_its_end=False)


def a_menu_that_opens_with_what_it_was() -> None:
    import streamlit as st

    from pages.dataset import view_state
    from pages.dataset.rows import filter_widgets

    hear = filter_widgets.filter_edited("products", "products_new_age", "since", "first_seen_at")
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


def a_page_that_is_turned_by_fast_clicks() -> None:
    import streamlit as st

    from pages.dataset import view_state
    from pages.ui import address

    # The page was the fourth before a search; the browser is behind with its address all the time.
    st.session_state["_address_written"] = {"page": ["9"]}
    st.session_state["_values_replaced"] = {"pager": [4]}
    hear = view_state.edited_by("products", "pager", "page")
    for page in (4, 2, 3, 4):
        st.session_state["pager"] = page
        hear()
        st.text(f"{view_state.current('products').page}.")
    st.text(f"{address.is_old_value('pager', 4)}.")


def test_a_page_from_before_is_old_until_somebody_turns_to_another_one() -> None:
    assert said_by(a_page_that_is_turned_by_fast_clicks) == ["1.", "2.", "3.", "4.", "False."]


def a_search_that_is_told_twice() -> None:
    import streamlit as st

    from pages.dataset import view_state

    for change in ({"search": "tv"}, {"page": 3}, {"search": "tv"}, {"search": "hi-fi"}):
        view_state.edit("products", **change)
        st.text(f"{view_state.current('products').page}.")


def test_what_is_so_already_leaves_the_page_that_is_shown() -> None:
    assert said_by(a_search_that_is_told_twice) == ["1.", "3.", "3.", "1."]
