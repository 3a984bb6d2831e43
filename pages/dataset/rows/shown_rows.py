"""A note if the rows that readers see are older than the stored ones."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import Dataset
from pages import ui
from pages.ui import text as _


def show(dataset: Dataset) -> None:
    """Show one line if readers see the rows from before the last run. Raises StoreError."""
    state = ui.application().reader.state(dataset)
    if not state.is_behind:
        return
    reasons = {
        None: _("Preparing the rows of the last run; until then you see the previous ones."),
        "disk_full": _(
            "The disk is full, so the rows of the last run cannot be shown yet; you see the"
            " previous ones. Free up disk space; they will follow by themselves."
        ),
    }
    failed = _(
        "The rows of the last run cannot be shown yet; you see the previous ones. The log says"
        " why; it will be tried again."
    )
    text = reasons.get(state.error_code, failed)
    if state.error_code is None:
        st.caption(f":material/hourglass_top: {text}")
    else:
        st.warning(text, icon=":material/hourglass_disabled:")
