"""Keys that work on every page. Streamlit's own shortcuts take no punctuation."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import address

HELP_PAGE = "help.py"

_keys = st.components.v2.component(
    "ecommerce_shortcuts", js=(Path(__file__).parent / "shortcuts.js").read_text("utf-8")
)


def listen() -> None:
    """Hear the keys on the page that is drawn."""
    _keys(key="shortcuts", data={}, height=1, on_help_change=_open_help)


def _open_help() -> None:
    st.switch_page(HELP_PAGE, query_params=address.language_kept())
