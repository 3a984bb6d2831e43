"""The journal: every run, callback and alert, newest first, and the details of a run."""

from contextlib import suppress

import streamlit as st

from ecommerce_core.domain import EcommerceError
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
from pages.ui import header, language, status
from pages.ui import text as _
from pages.ui.labels import dataset_label
from pages.ui.live import live_text


def show_newest() -> None:
    """Show when the newest run ended, and how."""
    with suppress(EcommerceError):  # the table below says what is wrong
        run = next(iter(ui.application().store.list_runs(limit=1)), None)
        if run is not None:
            st.markdown(status.pill(run.shown_status), width="content")
            what = f"{language().word(run.action)} · {dataset_label(run.dataset)} · "
            ago = live_text.age(run.finished_at or run.started_at)
            live_text.show("newest_run", [live_text.text(what), ago], look="caption")


header.show(_("Activity"), beside=show_newest)
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
