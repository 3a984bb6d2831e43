"""The head of every page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.runs import run_requests
from pages.ui import session
from pages.ui.session import text as _


def show(title: str, *, beside: Callable[[], None] | None = None) -> None:
    """Show the title, with ``beside`` it on the same line, and whether the data is invented."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.title(title, anchor=False, width="content")
        if session.application().sandbox_url is not None:
            text = _("Sample data. Set ECOMMERCE_GATEWAY_URL to connect a real gateway.")
            st.badge(_("Sandbox"), icon=":material/science:", color="gray", help=text)
        if beside is not None:
            beside()
    run_requests.collect()
