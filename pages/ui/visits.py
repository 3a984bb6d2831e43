"""The page that a session is at, and the parameters that links to other pages keep."""

from __future__ import annotations

import streamlit as st

# The language's name in the address of every page.
LANGUAGE = "language"


def arrive(page: str) -> None:
    """Record which page is drawn, by its path; before it is drawn."""
    state = st.session_state
    if state.get("_page") != page:
        state["_page"], state["_visit"] = page, number() + 1


def number() -> int:
    """Return the number of this visit of a page; it increases whenever the page changes."""
    visit: int = st.session_state.get("_visit", 0)
    return visit


def language_in_address() -> dict[str, str]:
    """Return the language for a link to another page, if it is not the browser's."""
    kept = st.query_params.get(LANGUAGE)
    return {} if kept is None else {LANGUAGE: kept}
