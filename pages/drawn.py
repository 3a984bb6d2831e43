"""What the parts of a dataset's page were last drawn for, and so which are to be drawn again."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ecommerce_core.address import NO_FILTERS, View
from pages.view_state import current


def has_just_come(name: str) -> bool:
    """Whether the rows are drawn for the first time since this session came to the page."""
    came: bool = st.session_state.pop(f"_{name}_came", False)
    return came


def is_frame_old(name: str) -> bool:
    """Whether more of the page than its rows has to be drawn again for what was edited."""
    drawn = st.session_state.get(f"_{name}_framed")
    return drawn is not None and drawn != _framed(name)


def note_frame(name: str) -> None:
    """Remember what the frame around the rows was drawn for."""
    st.session_state[f"_{name}_framed"] = _framed(name)


def is_question_old(name: str) -> bool:
    """Whether the controls above the rows have to be drawn again for what was edited below them."""
    return st.session_state.get(f"_{name}_questioned") != _question(name)


def note_question(name: str) -> None:
    """Remember what the controls above the rows were drawn for."""
    st.session_state[f"_{name}_questioned"] = _question(name)


def note_menu(name: str, *, is_open: bool) -> None:
    """Remember whether what is in the menu of filters was drawn."""
    st.session_state[f"_{name}_menu_drawn"] = is_open


def was_menu_there(name: str) -> bool:
    """Whether the menu of filters was drawn last time, so that somebody can have used it."""
    return bool(st.session_state.get(f"_{name}_menu_drawn"))


def _question(name: str) -> View:
    bare = View()
    view = replace(current(name), page=bare.page, size=bare.size, row=None, layout="")
    # The filters are among the controls while their menu is open; those that hold stand with
    # the rows.
    return view if st.session_state.get(f"{name}_filters") else replace(view, **NO_FILTERS)


def _framed(name: str) -> tuple[object, ...]:
    view, state = current(name), st.session_state
    # The menu of exports stays open for who types on by the keyboard: it is of these rows, too.
    exported = replace(view, page=1) if state.get(f"export_{name}") else None
    return view.tab, view.row, bool(state.get(f"_{name}_ignored")), exported
