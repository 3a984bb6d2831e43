"""The head of every page."""

from __future__ import annotations

import streamlit as st

from pages.runs import run_requests
from pages.ui import session
from pages.ui.session import text as _


def show(title: str) -> None:
    """Show the head of every page: its title, and where the data comes from."""
    st.title(title, anchor=False)
    if session.application().sandbox_url is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(_("Sandbox"), icon=":material/science:", color="gray")
            st.caption(_("Sample data. Set ECOMMERCE_GATEWAY_URL to connect a real gateway."))
    run_requests.collect()
