"""A choice of a few that looks like tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

# In the dark, the theme's colour of a chosen segment is too dark for its words.
LOOK = """<style>
.st-key-{key} button[aria-checked=true], .st-key-{key} button[aria-checked=true] * {{
  color: inherit !important;
}}
</style>"""

# The words are for screen readers.
ICONS_LOOK = """<style>
.st-key-{key} button p {{
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}}
.st-key-{key} button {{ padding: 0 0.5rem; position: relative; }}
.st-key-{key} button span {{ gap: 0; margin: 0; }}
</style>"""


def show(
    label: str,
    said: Mapping[Any, str],
    *,
    key: str,
    on_change: Callable[[], None] | None = None,
    is_icons: bool = False,
) -> Any:
    """Show the choice, and return it.

    ``said`` are the texts of its values, ``key`` that of its present value.
    With ``is_icons`` each text begins with an icon, and only the icon is seen.
    """
    st.html(LOOK.format(key=key) + (ICONS_LOOK.format(key=key) if is_icons else ""))
    return st.segmented_control(
        label,
        list(said),
        key=key,
        required=True,
        format_func=lambda value: said[value],
        label_visibility="collapsed",
        on_change=on_change or "rerun",
    )
