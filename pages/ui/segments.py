"""A choice of a few that looks like tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

# In the dark, the theme's colour of a chosen segment is too dark for its words.
LOOK = """<style>
.st-key-{key} button[aria-checked=true], .st-key-{key} button[aria-checked=true] * {{
  color: inherit !important;
}}
</style>"""


def show(label: str, said: Mapping[str, str], *, key: str, on_change: Callable[[], None]) -> None:
    """Show the choice; ``said`` are the texts of its values, ``key`` that of its present value."""
    st.html(LOOK.format(key=key))
    st.segmented_control(
        label,
        list(said),
        key=key,
        required=True,
        format_func=lambda value: said[value],
        label_visibility="collapsed",
        on_change=on_change,
    )
