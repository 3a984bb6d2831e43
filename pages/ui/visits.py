"""Which page a session is at, and what every link to another one carries along."""

from __future__ import annotations

import streamlit as st

# The language's name in the address of every page.
LANGUAGE = "language"


def arrive(page: str) -> None:
    """Note which page is drawn, by its path; before it is drawn."""
    state = st.session_state
    if state.get("_page") != page:
        state["_page"], state["_visit"] = page, number() + 1


def number() -> int:
    """The number of this visit of a page: another one each time the session comes to one."""
    visit: int = st.session_state.get("_visit", 0)
    return visit


def language_in_address() -> dict[str, str]:
    """What a link to another page carries along: the language, where it is not the browser's."""
    kept = st.query_params.get(LANGUAGE)
    return {} if kept is None else {LANGUAGE: kept}
