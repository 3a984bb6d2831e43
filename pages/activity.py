"""The journal: every run and every callback, newest first, and what one of them did."""

import streamlit as st

from ecommerce_core import ui
from ecommerce_core.ui import language
from pages import deliveries_table, fetch_watch, frame, problems, run_detail, runs_table


def _(message: str) -> str:
    return language().text(message)


frame.show(_("Activity"))
fetch_watch.watch(*ui.application().datasets)
with st.container():  # comes and goes: what stands below keeps its place
    problems.show()
with ui.guarded():
    st.header(_("Runs"), anchor=False)
    chosen = runs_table.show()
    if chosen is not None:
        run_detail.show(chosen)
with ui.guarded():
    st.header(_("Callbacks"), anchor=False)
    deliveries_table.show()
