"""Ignore stale widget values from a browser that has not received our last update.

With every click a browser sends the values of all widgets and the address. After a click that made
us set some of them, a second one right behind it still sends their old values. Taken for input,
these would undo the update.
"""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from pages.ui import session

# Longer than an update takes to reach the browser, shorter than a visitor takes to revert it.
ECHO_S = 0.7


def note(name: str, *before: Any) -> None:
    """Remember a widget's values from before we set it to something else.

    Both the value that the browser sent and the one that we had set before, which it may still
    send.
    """
    noted, lately = st.session_state.setdefault("_set_by_us", {}), _lately(name)
    # A value that was ignored is noted already: repeated after ECHO_S, it is accepted.
    known = [one for one, _set_at_s in lately]
    new = [one for one in before if one not in known]
    noted[name] = [*lately, *((one, time.monotonic()) for one in new)]


def is_echo(name: str, told: Any) -> bool:
    """Return whether the value that was sent may be one from just before we set the widget.

    Never for a program, which waits for each answer.
    """
    return not session.is_agent() and any(told == before for before, _set_at_s in _lately(name))


def may_tell_address() -> bool:
    """Return whether an address other than the one that we wrote last was entered on purpose.

    A link opens a new session or another page. On the same page only the browser's back and forward
    buttons change the address on purpose, and programs, which wait for each answer: otherwise the
    browser has not yet replaced the old address, however slow it is.
    """
    return session.is_history_navigation() or session.is_agent()


def _lately(name: str) -> list[tuple[Any, float]]:
    since_s = time.monotonic() - ECHO_S
    noted: list[tuple[Any, float]] = st.session_state.get("_set_by_us", {}).get(name, [])
    return [one for one in noted if one[1] > since_s]
