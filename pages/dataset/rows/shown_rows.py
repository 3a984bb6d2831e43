"""A note if the newest rows cannot be shown. The freshness line says that they are prepared."""

from __future__ import annotations

import streamlit as st

from ecommerce_core.datasets import Dataset
from pages import ui
from pages.ui import text as _


def show(dataset: Dataset) -> None:
    """Show why readers see the rows from before the last run. Raises StoreError."""
    state = ui.application().reader.state(dataset)
    if not state.is_behind or state.error_code is None:
        return
    if state.error_code == "disk_full":
        text = _(
            "The disk is full, so the rows of the last run cannot be shown yet; you see the"
            " previous ones. Free up disk space; they will follow by themselves."
        )
    else:
        text = _(
            "The rows of the last run cannot be shown yet; you see the previous ones. The log says"
            " why; it will be tried again."
        )
    st.warning(text, icon=":material/hourglass_disabled:")
