"""What a browser tells that has not yet heard of what we set.

Every click tells all widgets of a page and its address as they stand in the browser: a click right
behind another one, which made us set some of them, as they were before. Taken for a person's wish,
that would undo what was set.
"""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from pages.ui import session

# Longer than what we set takes to the browser, shorter than a person takes to want it back.
ECHO_S = 0.7


def note(name: str, *before: Any) -> None:
    """Remember what a widget was when we set it to something else.

    Both what the browser told and what we had set it to before, which it may tell yet.
    """
    noted, lately = st.session_state.setdefault("_set_by_us", {}), _lately(name)
    # One that we turn away is noted already: who insists is heard when its time is over.
    known = [one for one, _set_at_s in lately]
    new = [one for one in before if one not in known]
    noted[name] = [*lately, *((one, time.monotonic()) for one in new)]


def is_echo(name: str, told: Any) -> bool:
    """Whether what is told may be what was before we set it, lately.

    A program that uses a page waits for each answer.
    """
    return not session.is_agent() and any(told == before for before, _set_at_s in _lately(name))


def may_tell_address() -> bool:
    """Whether an address that is told, and is not the one that we wrote last, is a wish.

    A link opens a new session or another page. On the same page only the browser's back and
    forward buttons tell another address on purpose, and programs, which wait for each answer:
    anything else is an address that the browser has not yet replaced, however slow it is.
    """
    return session.is_history_navigation() or session.is_agent()


def _lately(name: str) -> list[tuple[Any, float]]:
    since_s = time.monotonic() - ECHO_S
    noted: list[tuple[Any, float]] = st.session_state.get("_set_by_us", {}).get(name, [])
    return [one for one in noted if one[1] > since_s]
