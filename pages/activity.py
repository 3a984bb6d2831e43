"""The journal: every run, callback and alert, newest first, and the details of a run."""

import streamlit as st

from pages import ui
from pages.runs import (
    alerts_table,
    audit_table,
    deliveries_table,
    issues,
    run_detail,
    run_progress,
    run_strip,
    runs_table,
)
from pages.ui import header
from pages.ui import text as _

header.show(_("Activity"))
run_progress.watch(*ui.application().datasets)
with st.container():  # may appear and disappear: the elements below keep their position
    issues.show()
with ui.guarded():
    st.header(_("Runs"), anchor=False)
    run_strip.show()
    chosen = runs_table.show()
    if chosen is not None:
        run_detail.show(chosen)
with ui.guarded():
    st.header(_("Callbacks"), anchor=False)
    deliveries_table.show()
with ui.guarded():
    st.header(_("Alerts"), anchor=False)
    alerts_table.show()
with ui.guarded():
    st.header(_("Audit"), anchor=False)
    audit_table.show()
