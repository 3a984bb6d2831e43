"""Dialogs that ask before something is changed, and that stay open while the page is redrawn.

A dialog closes with the next drawing of the page that does not open it again, and the page is drawn
whenever a fetch ends or the clock changes. So a button only records which dialog is wanted, and the
page opens it each time until it is answered, dismissed, or the page is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from pages.ui import address, session
from pages.ui.session import text as _

state = st.session_state


def note(what: str, name: str = "") -> None:
    """Record that this page opens a dialog: ``clear``, ``pause``, ``delete``, …, on ``name``."""
    state["_asked_for"] = (what, name, address.visit())


def ask(what: str, name: str = "") -> NoReturn:
    """Record it and redraw the page, for a button in a fragment: only the page opens dialogs."""
    note(what, name)
    st.rerun()


def asked() -> tuple[str, str]:
    """Return the dialog and ``name`` that a button of this page requested, or two empty texts."""
    what, name, visit = state.get("_asked_for", ("", "", None))
    return (what, name) if visit == address.visit() else ("", "")


def close() -> None:
    """Forget the requested dialog."""
    state.pop("_asked_for", None)


def show(title: str, body: Callable[[], None]) -> None:
    """Open the dialog of ``asked``. Not in a fragment of the page, which would close it."""
    session.dialog(title, on_dismiss=close)(body)()


def confirm(label: str, key: str, icon: str, act: Callable[[], None]) -> None:
    """Show the cancel button and the one that acts."""

    def answer() -> None:
        if asked() != ("", ""):  # ignores a second click during the first
            close()
            act()

    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(_("Cancel"), key=f"cancel_{key}", on_click=close):
            st.rerun()
        if st.button(label, key=f"confirm_{key}", type="primary", icon=icon, on_click=answer):
            st.rerun()
