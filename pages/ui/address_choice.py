"""A choice among a few that travels in the page's address: ``?status=failed``.

Streamlit's own binding writes the option's text, which is another in each language.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st

from pages.ui import echo, session, visits
from pages.ui.session import language


def choose(
    label: str,
    options: Collection[str],
    *,
    name: str,
    key: str,
    shown: Callable[[Any], str],
) -> Any:
    """A box that chooses one of ``options`` or all (None), kept as ``name`` in the address.

    An address that nobody here wrote (a link, the back button) decides; what makes no sense
    in it is left out.
    """
    state, seen, visited = st.session_state, f"_{key}_in_address", f"_{key}_visit"
    asked = st.query_params.get(name)
    arrived = state.get(visited) != visits.number()
    is_news = asked != state.get(seen) and echo.may_tell_address()
    if arrived or is_news:
        # One comes back by the navigation to a bare address, and to what one had chosen.
        wanted = state.get(seen) if arrived and asked is None else asked
        state[key] = next((option for option in options if option == wanted), None)
    elif echo.is_echo(key, state.get(key)):
        state[key] = state.get(seen)
    labels = {option: shown(option) for option in options}
    chosen = st.selectbox(
        label,
        list(options),
        index=None,
        key=session.choice(key, options),
        placeholder=language().text("All"),
        format_func=lambda option: labels[option],
    )
    wanted = None if chosen is None else str(chosen)
    if wanted is None:
        st.query_params.pop(name, None)
    elif asked != wanted:
        st.query_params[name] = wanted
    state[seen], state[visited] = wanted, visits.number()
    return chosen


def forget(*keys: str) -> None:
    """Callback: all of these boxes choose nothing again."""
    for key in keys:
        echo.note(key, st.session_state.get(key))
        st.session_state[key] = None
