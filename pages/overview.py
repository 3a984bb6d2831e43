"""The overview: whether everything is all right, what failed, what changed, and what comes next."""

import streamlit as st

from ecommerce_core.domain import Totals
from pages import ui
from pages.home import charts, coming, dataset_card, first_steps, since, verdict
from pages.runs import issues, run_progress
from pages.ui import header
from pages.ui import text as _

app = ui.application()


def draw(totals: dict[str, Totals]) -> None:
    """Show steps and cards. Raises StoreError."""
    steps = first_steps.list_steps(totals)
    is_new = not any(step.is_done for step in steps)
    if is_new:
        first_steps.show(steps)
        with st.grid(3, min_column_width=280, gap="small"):
            with st.container(border=True, height="stretch", gap="xsmall"):
                coming.show()
            first_steps.show_what_follows()
        return
    if not all(step.is_done for step in steps):
        first_steps.show_rest(steps)
    with st.grid(3, min_column_width=280, gap="small"):
        for name, total in totals.items():
            dataset_card.show(name, total)
        with st.container(border=True, height="stretch", gap="xsmall"):
            coming.show()
    with st.grid(3, min_column_width=280, gap="small"):
        with st.container(border=True, height="stretch", gap="xsmall"):
            since.show()
        charts.show()


header.show(_("Overview"), beside=verdict.show)
ui.note_for_analysts()
run_progress.watch(*app.datasets)
issues.show()
with ui.guarded():
    draw({name: app.reader.totals(dataset) for name, dataset in app.datasets.items()})
