"""What was drawn last time on a dataset's page."""

from __future__ import annotations

import streamlit as st


def has_just_come(name: str) -> bool:
    """Whether the rows are drawn for the first time since this session came to the page."""
    came: bool = st.session_state.pop(f"_{name}_came", False)
    return came


def note_menu(name: str, *, is_open: bool) -> None:
    """Remember whether what is in the menu of filters was drawn."""
    st.session_state[f"_{name}_menu_drawn"] = is_open


def was_menu_there(name: str) -> bool:
    """Whether the menu of filters was drawn last time, so that somebody can have used it."""
    return bool(st.session_state.get(f"_{name}_menu_drawn"))
