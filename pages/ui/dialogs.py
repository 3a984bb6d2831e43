"""What asks before something is changed, and how it stays open.

A dialog is gone with the next drawing of the page that does not open it again, and the page is
drawn whenever a fetch ends or the clock is seen to change. So a button only notes what is asked
for, and the page opens the dialog each time until it is answered, dismissed, or the page is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from pages.ui import session, visits
from pages.ui.session import text as _

state = st.session_state


def note(what: str, name: str = "") -> None:
    """Let this page open a dialog: ``clear``, ``pause``, ``delete``, …; ``name`` says of what."""
    state["_asked_for"] = (what, name, visits.number())


def ask(what: str, name: str = "") -> NoReturn:
    """Like ``note``, for a button in a part that is drawn alone: the page opens the dialog."""
    note(what, name)
    st.rerun()


def asked() -> tuple[str, str]:
    """What a button of this page asked for and nobody has answered yet."""
    what, name, visit = state.get("_asked_for", ("", "", None))
    return (what, name) if visit == visits.number() else ("", "")


def close() -> None:
    """Forget what was asked for."""
    state.pop("_asked_for", None)


def show(title: str, body: Callable[[], None]) -> None:
    """Open what ``asked`` tells of. A part of the page may not: it would close it."""
    session.dialog(title, on_dismiss=close)(body)()


def confirm(label: str, key: str, icon: str, act: Callable[[], None]) -> None:
    """Cancel and the button that does it."""

    def answer() -> None:
        if asked() != ("", ""):  # a second click, made while the first one was at work, is none
            close()
            act()

    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(_("Cancel"), key=f"cancel_{key}", on_click=close):
            st.rerun()
        if st.button(label, key=f"confirm_{key}", type="primary", icon=icon, on_click=answer):
            st.rerun()
