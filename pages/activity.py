"""The journal: every run and every callback, newest first, and what one of them did."""

import streamlit as st

from pages import ui
from pages.runs import deliveries_table, issues, run_detail, run_progress, runs_table
from pages.ui import header
from pages.ui import text as _

header.show(_("Activity"))
run_progress.watch(*ui.application().datasets)
with st.container():  # comes and goes: what stands below keeps its place
    issues.show()
with ui.guarded():
    st.header(_("Runs"), anchor=False)
    chosen = runs_table.show()
    if chosen is not None:
        run_detail.show(chosen)
with ui.guarded():
    st.header(_("Callbacks"), anchor=False)
    deliveries_table.show()
