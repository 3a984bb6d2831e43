"""What asks before the scheduler is changed, and how a dialog is opened.

A fragment that refreshes itself would close a dialog of its own, so its buttons only note
what is asked for, and the whole page opens the dialog.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from ecommerce_core.ui import language

state = st.session_state


def _(message: str) -> str:
    return language().text(message)


def ask(what: str, name: str = "") -> NoReturn:
    """Let the page open a dialog: ``pause``, ``resume``, ``speed``, ``delete``, ``delete_all``."""
    state["_asked_for"] = (what, name)
    st.rerun()


def asked() -> tuple[str, str]:
    """What a button asked for since the last full run of the page, if one did."""
    found: tuple[str, str] = state.pop("_asked_for", ("", ""))
    return found


def confirm(label: str, key: str, icon: str, act: Callable[[], None]) -> None:
    """Cancel and the button that does it."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button(_("Cancel"), key=f"cancel_{key}"):
            st.rerun()
        if st.button(label, key=f"confirm_{key}", type="primary", icon=icon, on_click=act):
            st.rerun()
