"""The progress of the datasets' runs, on any page."""

from __future__ import annotations

import streamlit as st

from pages import ui
from pages.runs import run_requests
from pages.ui import text as _
from pages.ui.labels import dataset_label, dataset_title
from pages.ui.live import live_channel, live_words

# Without live updates, a page that waits for a run redraws itself at this interval.
LOOK_EVERY_S = 2.0

HTML = """
<div class="runs" hidden></div>
"""
CSS = """
p { margin: 0 0 0.25rem; font-size: 0.875rem; color: var(--st-text-color);
  font-family: var(--st-font); }
progress { width: 100%; height: 0.5rem; accent-color: var(--st-primary-color); }
.runs > div { margin-bottom: 0.5rem; }
"""

_progress = st.components.v2.component(
    "ecommerce_progress", html=HTML, css=CSS, js=live_channel.script("live_progress.js")
)


def watch(*names: str) -> None:
    """Show the progress of these datasets' runs; it moves, comes and goes in the browser."""
    app = ui.application()
    asked = {name: run_requests.ticket(name) for name in names}
    if any(ticket is not None and ticket.future.done() for ticket in asked.values()):
        st.rerun()  # it has ended since this drawing began: redraw the parts above
    waiting = [name for name, ticket in asked.items() if ticket is not None]
    under_way = [name for name in names if app.progress(name) is not None]
    if waiting or under_way:
        live_channel.draw_again(LOOK_EVERY_S, unless_live=True)
    about = _("The fetch of the {dataset} is about to begin")
    data = {
        "names": names,
        "waiting": waiting,
        "under_way": under_way,  # for programs, which run no script
        "labels": {name: dataset_title(name) for name in names},
        "begins": {name: about.format(dataset=dataset_label(name)) for name in names},
        "words": live_words.words_of_progress(),
    }
    _progress(key="progress", data=data)
