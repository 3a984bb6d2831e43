"""The overview: whether everything is all right, what failed, what changed, and what comes next."""

import streamlit as st

from ecommerce_core.domain import Totals
from pages import ui
from pages.home import charts, coming, dataset_card, first_steps, since, verdict
from pages.runs import issues, run_progress
from pages.ui import header
from pages.ui import text as _

app = ui.application()

BODY, REST, CARDS, REST_PX = "overview", "overview_rest", "overview_cards", 290
# The last cards reach down to the window's end, and are no lower than what they say. A grid does
# not let a chart shrink below its usual height.
LOOK = f"""<style>
.st-key-{BODY} {{ min-height: calc(100vh - 11rem); }}
div:has(> .st-key-{REST}) {{ flex: 1 0 {REST_PX}px; height: auto; }}
.st-key-{REST} {{ overflow: visible; }}
.st-key-{CARDS} > div {{ flex: 1 1 280px; min-height: {REST_PX}px; }}
</style>"""


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
    # A height lets the charts take what there is, and the look makes it all that is left.
    with (
        st.container(height=REST_PX, border=False, key=REST),
        st.container(key=CARDS, horizontal=True, gap="small", height="stretch"),
    ):
        with st.container(border=True, height="stretch", gap="xsmall"):
            since.show()
        charts.show()


header.show(_("Overview"), beside=verdict.show)
with st.container(key=BODY):
    st.html(LOOK)
    ui.note_for_analysts()
    run_progress.watch(*app.datasets)
    issues.show()
    with ui.guarded():
        draw({name: app.reader.totals(dataset) for name, dataset in app.datasets.items()})
