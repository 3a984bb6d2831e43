"""A choice among a few options that is kept in the page's address: ``?status=failed``.

Streamlit's own binding writes the option's text, which differs between languages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st

from pages.ui import address, session
from pages.ui.session import language


def choose(
    label: str,
    options: Collection[str],
    *,
    name: str,
    key: str,
    shown: Callable[[Any], str],
) -> Any:
    """Show a box that chooses one of ``options`` or all (None), kept as ``name`` in the address.

    An address from outside (a link, the back button) takes precedence; an invalid value in it is
    ignored.
    """
    state, seen, visited = st.session_state, f"_{key}_in_address", f"_{key}_visit"
    asked = st.query_params.get(name)
    arrived = state.get(visited) != address.visit()
    is_news = asked != state.get(seen) and address.may_tell()
    if arrived or is_news:
        # The navigation leads back to an address without the choice: restore the last one.
        wanted = state.get(seen) if arrived and asked is None else asked
        state[key] = next((option for option in options if option == wanted), None)
    elif address.is_old_value(key, state.get(key)):
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
    address.change({name: wanted})
    state[seen], state[visited] = wanted, address.visit()
    return chosen


def forget(*keys: str) -> None:
    """Callback: reset all of these boxes to choose nothing."""
    for key in keys:
        address.note_replaced(key, st.session_state.get(key))
        # Also what the address says, since the run that this begins may be interrupted.
        st.session_state[key] = st.session_state[f"_{key}_in_address"] = None
